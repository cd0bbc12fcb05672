"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "307ed0bdc7c9b35b154b0fccd0b94a94308095aaf2068a57af2facea872eb1ac"
