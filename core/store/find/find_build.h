/* Makes the image of a slice from the records of the archive. */
#pragma once

#include "core/store/archive/archive_parts.h"
#include "find_image.h"

#include <stdatomic.h>
#include <stdbool.h>

struct find_build {
    const struct archive_parts *parts;
    size_t part;
    struct archive_place
        from;                /* the end of the slice before it in the part, or of the part before */
    uint64_t from_offset;    /* 0: the beginning of the part */
    uint64_t bytes;          /* of the part: the slice ends after them */
    bool drop_cache;         /* archive_part_open() */
    const atomic_bool *stop; /* NULL: never */
    /* Called now and then with the position; nonzero: stop. NULL: not. */
    int (*report)(void *user, uint64_t position);
    void *user;
};

/* *ret_at_end: the slice reaches the end of the part, all of which is verified from `from` on.
 * ERROR_DAMAGED, ERROR_INTERRUPTED, ERROR_SYSTEM. */
int find_build(const struct find_build *build, struct find_image **ret_image, bool *ret_at_end,
               struct error *ret_error);
