/* Verifies one part of an archive as closely as possible: what reading it verifies anyway (CRCs,
 * positions, the chain), and besides that its seal is right, every record can be decoded, receive
 * times never go back and fall on the folder's day, and an outcome is about an earlier record. */
#pragma once

#include "core/store/archive/archive_parts.h"

struct archive_check {
    uint64_t records, by_type[RECORD_TYPE_COUNT];
    int64_t time_before_us; /* of the record before, as the header says; INT64_MIN: none */
    int64_t last_time_us;   /* of its last record; if it has none, of the record before or the
                               start of its day, whichever is later */
};

/* Called every few thousand records with the bytes of the part done so far. Nonzero: stop, with
 * ERROR_INTERRUPTED. */
struct archive_check_watch {
    int (*report)(struct archive_check_watch *self, uint64_t done);
};

/* ERROR_DAMAGED names file and byte, or record. Any thread; resets the arena. */
int archive_check_part(const struct archive_parts *parts, size_t index, struct arena *arena,
                       struct archive_check_watch *watch, struct archive_check *ret_check,
                       struct error *ret_error);

/* Does the next part continue at the receive time at which this one ends? ERROR_DAMAGED. */
int archive_check_joint(const struct archive_parts *parts, size_t next,
                        const struct archive_check *before, const struct archive_check *after,
                        struct error *ret_error);
