"""Code made by ../../generate from proto/harrier.proto."""
