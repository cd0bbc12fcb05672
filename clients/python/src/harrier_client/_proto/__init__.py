"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "ecd604cbfbc49e5ce8b9582e74d78ca264d781aaa4d588d58f1f2a53c94beeee"
