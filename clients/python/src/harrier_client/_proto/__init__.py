"""Code made by ../../generate from proto/harrier.proto."""

#: The checksum of that file.
SOURCE_SHA256 = "fdf0d9fffacfbd502d0e72be7e97e2595a4dde59a3b939007f6e4424edef6f64"
