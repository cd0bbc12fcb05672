"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "df43e915c36ef54a2fd54533118106a1f99b68dbf8be28c9dde2c354a6079567"
