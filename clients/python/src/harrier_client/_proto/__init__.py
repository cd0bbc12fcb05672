"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "5db3ad0887813f3799ffe5a5c34317888b0ad596a742d3f39e491a5e20b93d40"
