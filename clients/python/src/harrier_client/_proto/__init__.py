"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "d471097e3d67384679c9ccdbe3a9d24435dff0b1951f0117cfe6c259ce65a75e"
