"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "ed09c65a92a631bdd72f4da6f91d2b15f702010280433b654add7c7887ee1344"
