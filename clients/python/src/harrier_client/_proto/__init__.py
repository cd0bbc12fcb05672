"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "77f4e2b12e51ec3b63c0898a2e45b7083a77ae91714cff9b6bdb90ebff029fab"
