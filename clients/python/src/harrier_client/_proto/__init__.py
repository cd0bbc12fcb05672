"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "38c1a25e158383eeb4215017c78616694189fba6423ddc89d3ee16a9d9372010"
