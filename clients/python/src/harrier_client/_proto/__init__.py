"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "caadf2a998de64effca579344a2cbf46d087132b9442fad3d8854cf8b79f35c6"
