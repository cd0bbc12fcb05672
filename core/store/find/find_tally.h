/* Transactions that match a search, counted: over time, by verdict, by label, by currency.
 *
 * Most of it comes from the columns of the index. Its lists hold hashes of 32 bits, so of searches
 * by a key, an id or a rule the first FIND_TALLY_VERIFIED rows are compared with their records;
 * among more than that, a transaction of another value of the same hash may be counted: in a slice
 * with a million values, one key in four thousand has such a twin. */
#pragma once

#include "core/wire/types/decision.h"
#include "find_slices.h"

struct find_later;

#define FIND_TALLY_BUCKETS    240
#define FIND_TALLY_CURRENCIES 8
#define FIND_TALLY_VERIFIED   200

struct find_bucket {
    int64_t begin_us; /* event times from here on, for the tally's width */
    uint64_t verdicts[VERDICT_COUNT];
    int64_t amount_minor[FIND_TALLY_CURRENCIES]; /* sums, as scored; in the order of currencies */
};

struct find_tally_currency {
    char code[4]; /* "": none */
    uint64_t rows;
    int64_t amount_minor; /* sums stay at INT64_MAX */
};

struct find_tally {
    int64_t origin_us; /* input: buckets begin at whole widths after it, the first Monday of 1970
                          somewhere */
    int64_t width_us;  /* 1 h, 6 h, 1, 7 or 28 days, or 28 days doubled: whatever fits */
    struct find_bucket buckets[FIND_TALLY_BUCKETS]; /* those with rows, the newest first */
    size_t bucket_count, last_bucket; /* the one used last: rows of a time come together */
    uint64_t rows;
    uint64_t verdicts[VERDICT_COUNT];
    uint64_t labels[LABEL_COUNT]; /* known by now */
    uint64_t amended;
    int64_t first_us, last_us; /* event times, to the accuracy of the index (find_image.h) */
    struct find_tally_currency currencies[FIND_TALLY_CURRENCIES];
    size_t currency_count;
    uint64_t other_currencies; /* rows of further ones */
    int64_t amount_step_minor; /* amounts may be less than they are by less than this; 1: none is */
    uint64_t verified;         /* rows that were compared with their records */
};

void find_tally_init(struct find_tally *tally, int64_t origin_us);
/* Rows of the slice, falling; items: the same in rising order of positions, with outcomes and
 * amendments. 1: the slice is damaged, and some of them may be counted. */
int find_tally_add(struct find_tally *tally, struct find_slice *slice, const uint32_t *rows,
                   const struct find_later *items, size_t count);
