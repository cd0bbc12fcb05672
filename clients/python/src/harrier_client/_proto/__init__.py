"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "0cbbf6e18cbc1bbce24e1367be571da8a66b4f4bd3494cd492b856247051b07b"
