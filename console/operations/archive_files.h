/* The archive's files: how much, since when, and what is sealed. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"

#define ARCHIVE_DAYS_SHOWN 60

/* Appends members of an object. Reads the last segment from its beginning, at most. Errors as
 * archive_parts_open() has them. */
int archive_files_write(const char *archive, struct buffer *out, struct error *ret_error);
