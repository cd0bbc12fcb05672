"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "cdd3a86a3a9db78cd13aabc659040505a593cc2e64de066937f21e3f0f38116c"
