"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "243db2da2b0da35363a3b00ee1528472b946a648ad8cae4f3df1a708f508d1f4"
