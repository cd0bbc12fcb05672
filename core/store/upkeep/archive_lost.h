/* Which records of an archive its disk has lost: those of type lost, which `harrier archive
 * quarantine` has put in their place. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_LOST_RUNS_MAX 16

struct archive_lost {
    uint64_t records;
    struct archive_lost_run {
        uint64_t first, last;
        char file[128]; /* what is left of their segment, relative to the archive; "": nothing is */
    } runs[ARCHIVE_LOST_RUNS_MAX]; /* the first ones */
    size_t run_count;              /* of all */
};

/* Reads no segment whose seal says that it has none, and without the folder PATH/quarantine no
 * plain one either. Errors as archive_parts_open(); no archive is none lost. */
int archive_lost_find(const char *path, struct archive_lost *ret_lost, struct error *ret_error);
/* Appends "records 7 to 12 and 40 to 41 are lost: …", without a line's end. There must be some. */
void archive_lost_describe(const struct archive_lost *lost, struct buffer *out);
