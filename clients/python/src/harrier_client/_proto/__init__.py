"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "cc31dfeaaa73642130f45cb996bebb5fda5386b0839f3be344b2d0f38207391d"
