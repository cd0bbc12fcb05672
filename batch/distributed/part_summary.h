/* What a task says of the part that it scanned, beside the entries: sums, list changes, and the
 * last policy behind a guessed one. Private to batch/. */
#pragma once

#include "batch/rebuild/rebuild_job.h"

struct part_summary {
    struct sums sums;
    struct text list_changes; /* of a list_parcel */
    struct text sources;      /* likewise */
    uint64_t policy_position; /* 0: no policy behind the guess */
    struct text policy;       /* payload of its record */
    struct text generation;   /* likewise of the last adopted tables; empty: none */
};

void part_summary_put(const struct part_summary *summary, struct buffer *buffer);
/* Texts point into the bytes. ERROR_INVALID. */
int part_summary_get(struct text bytes, struct part_summary *ret_summary, struct error *ret_error);

/* What every share gets of it: the newest event time, which the fold needs of all parts. */
int64_t part_summary_newest_us(struct text bytes);
#define PART_SUMMARY_SHORT 8 /* bytes that are enough for it: those that a summary begins with */
