"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "91a2db848f8f07917bc2b8a21c45e547aa98128f3c531b39df4fb87b8a40bfca"
