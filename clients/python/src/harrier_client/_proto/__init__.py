"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "20ee6ce8d3a3c684fe928d8fd27729a61fff34f7207cb1506350a01ceafdf869"
