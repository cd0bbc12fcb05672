"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "32e50514b43baf63c3a22f10b4b49399c96944ae03748a439db69902f298e1c8"
