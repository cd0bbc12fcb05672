"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "7fb45be718740f649091fa032788ef25d3f24db1aaf5751f6677cb78e13c908e"
