"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "eef2fd751fbe787eeedcd5253c3e011060195683cd1e2a249fa6632cd0bdbc7a"
