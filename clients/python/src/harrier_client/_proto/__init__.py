"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "43a5bf5a2ba9969150b53defc429112485e5b76e4300b8902758af69626a1604"
