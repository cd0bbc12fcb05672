"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "09ca39a5e45cf51e74b1f0116349d9bd7a022901be0f7ff84eb55805ed2287cb"
