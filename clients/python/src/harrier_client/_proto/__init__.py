"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "fa942d4e6fb0d624c7865da061679d7b62bf89400e0c24fd074e5d4a4a6615ec"
