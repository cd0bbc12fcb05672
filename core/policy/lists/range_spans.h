/* Ranges of integers that never change, each until some time, as spans that do not overlap: a
 * number is found by halving. Of ranges that overlap, the one that lasts longest counts. */
#pragma once

#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* low <= high */
struct range_span {
    int64_t low, high;
    int64_t until_us;
};

struct range_spans {
    const struct range_span *spans; /* ascending */
    size_t count;
};

/* Sorts the ranges; the spans live in the arena. */
void range_spans_make(struct range_spans *spans, struct range_span *ranges, size_t count,
                      struct arena *arena);

/* Does a span hold the number that has not ended by then? */
bool range_spans_has(const struct range_spans *spans, int64_t number, int64_t at_us);
/* Do they hold all of the range? */
bool range_spans_cover(const struct range_spans *spans, int64_t low, int64_t high, int64_t at_us);
