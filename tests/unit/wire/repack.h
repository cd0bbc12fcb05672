/* The generated code's own bytes of an archive record: what protobuf says they are. */
#pragma once

#include "core/wire/record/record.h"

/* The payload unpacked into the generated structs and packed again, both by protobuf-c alone.
 * Appends to *out; false: it is no such record. */
bool repack_record(enum record_type type, const void *bytes, size_t length, struct buffer *out);
