"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "986ff0ddc8123dcbfba091e5240b6d1f85a7e9705e0c2188b2ad2513cb2c8afa"
