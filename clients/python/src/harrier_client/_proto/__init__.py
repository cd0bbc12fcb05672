"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "82d39fe663a87184e289fec5bdf9edd516014b829eb4f5622c46dcc5f0046df2"
