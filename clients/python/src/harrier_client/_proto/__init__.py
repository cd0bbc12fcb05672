"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "1621f789ec8c59854ebca07cb31f3e282ad3bff50a5883de2586576eff9ec741"
