/* The protocol of an erasure: ARCHIVE/erasures/<number>.json. It has no value, only fields and
 * counts, so that it may be kept. */
#pragma once

#include "erase_archive.h"
#include "erase_options.h"

int erase_protocol_write(const struct erase_options *options, const struct erase_changes *changes,
                         const struct erase_keys *keys, struct erase_report *report,
                         struct error *ret_error);
