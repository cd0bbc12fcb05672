/* One part of an archive, looked at as closely as can be: what reading it verifies anyway (CRCs,
 * positions, the chain), and besides that its seal is the right one, every record can be decoded,
 * times of receipt never go back and lie in the folder's day, and an outcome is of a record before
 * it. */
#pragma once

#include "archive_parts.h"

struct archive_check {
    uint64_t records, by_type[RECORD_TYPE_COUNT];
    int64_t time_before_us; /* that the header says of the record before; INT64_MIN: none */
    int64_t last_time_us;   /* of its last record; without one, that of the record before or the
                               beginning of its day, whichever is later */
};

/* Told now and then how many bytes of the part are done. Nonzero: stop, with ERROR_INTERRUPTED. */
struct archive_check_watch {
    int (*report)(struct archive_check_watch *self, uint64_t done);
};

/* ERROR_DAMAGED names file and byte, or record. Any thread; the arena is reset. */
int archive_check_part(const struct archive_parts *parts, size_t index, struct arena *arena,
                       struct archive_check_watch *watch, struct archive_check *ret_check,
                       struct error *ret_error);

/* Does the next part go on at the time where this one ends? */
int archive_check_joint(const struct archive_parts *parts, size_t next,
                        const struct archive_check *before, const struct archive_check *after,
                        struct error *ret_error);
