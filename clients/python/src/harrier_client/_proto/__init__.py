"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "bb23069b2c93004a57ab66c7b2f14f7e420d22d85511f61803357114f33d32de"
