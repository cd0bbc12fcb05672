/* What the live screen shows: the last transactions, and how many of each verdict came in each of
 * the last minutes. In memory; any thread. */
#pragma once

#include "core/base/buffer.h"
#include "core/wire/record/record.h"

#define LIVE_ROWS    2000
#define LIVE_MINUTES 60

struct live;

struct live *live_new(void);
void live_free(struct live *live); /* NULL is allowed */

/* A transaction record; those received before the last hour (now_us: the clock) are left out. */
void live_add(struct live *live, const struct record *record, int64_t now_us);

struct live_query {
    uint64_t after;    /* only positions beyond it; 0: the newest rows */
    unsigned verdicts; /* bit n: enum verdict n; 0: all */
    uint32_t score_min;
    size_t limit;
};

/* Appends members of an object: "rows", the newest first; "last", the newest position, with or
 * without a row that fits; "since", from when all are counted (absent: nothing came); "skipped", if
 * more rows fit than the limit; "minutes", from the oldest to this one, each with a number for each
 * verdict. */
void live_write(struct live *live, const struct live_query *query, int64_t now_us,
                struct buffer *out);
