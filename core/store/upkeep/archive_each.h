/* The records of some types in an archive, without a loop over its parts. */
#pragma once

#include "core/store/archive/archive_parts.h"

/* For the few records of some types: all of them behind `after`, in order, each decoded and with
 * its position. types: bits 1 << enum record_type; sealed parts that have none of them are not
 * read. The arena is reset for each. What take() returns, unless 0, ends it and is returned: 1 it
 * has seen enough, < 0 an error. */
typedef int archive_take(void *user, const struct record *record, struct error *ret_error);
int archive_parts_each(const struct archive_parts *parts, uint64_t after, uint64_t types,
                       bool drop_cache, struct arena *arena, archive_take *take, void *user,
                       struct error *ret_error);
