"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "752c5c6a4a00cf763811a78d1e66069bf013c5de6b42807d984905f7acdd2045"
