/* Looks through an archive for the values that an erasure removes: in which segments they are,
 * which values go with them, and which erasures there were. */
#pragma once

#include "erase_base.h"

#include "core/base/progress.h"
#include "core/store/archive/archive_parts.h"

struct erase_scan {
    struct erase_record *record;
    /* Fields whose values go with a person's if nobody else has them: keys of entities. */
    const struct text *also;
    size_t also_count;
    const struct erase_base *base; /* tables of a pruned archive's beginning */
    struct progress *progress;
    /* What was found: */
    struct erase_hit {
        int32_t day;
        uint64_t first; /* of the segment */
    } *hits;
    size_t hit_count, hit_capacity;
    uint64_t number;           /* of the last erasure that has begun; 0: none has */
    uint64_t done_number;      /* of the last that is done */
    struct erase_keys pending; /* of those that have begun and are not done */
    uint64_t pending_count;
};

void erase_scan_init(struct erase_scan *scan);
void erase_scan_deinit(struct erase_scan *scan);

/* All records after `after` up to the parts' end; with after = 0, the keys in the base, too. With a
 * second pass if there are values that go with a person's. Of those that are found in this run only
 * these records say whether others have them, too: with after > 0, run it again with 0 if there are
 * new ones. ERROR_DAMAGED, ERROR_INTERRUPTED. */
int erase_scan_run(struct erase_scan *scan, const struct archive_parts *parts, uint64_t after,
                   struct error *ret_error);
