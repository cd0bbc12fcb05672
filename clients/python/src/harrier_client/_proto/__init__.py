"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "88335744485373af958664805d0d63900676110811f2bab6b7594e837ff01777"
