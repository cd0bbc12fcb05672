"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "0bf80c069fa8fffd3b37445e90f9f124adf62ea326db0b1c973b2ac04862af41"
