/* Built by a sweep over all beginnings and ends. Between two of them the same ranges are open; a
 * heap has the one that lasts longest on top, and only that one matters. n ranges give at most 2n −
 * 1 spans, in O(n log n). */
#include "range_spans.h"

#include "core/base/check.h"

#include <stdlib.h>

struct sweep {
    const struct range_span **heap; /* open ones, the longest-lasting first; some have ended */
    size_t heap_count;
    struct range_span *out;
    size_t count;
};

static int compare_ranges(const void *left, const void *right) {
    const struct range_span *a = left, *b = right;
    return (a->low > b->low) - (a->low < b->low);
}

static int compare_bounds(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void push(struct sweep *sweep, const struct range_span *range) {
    size_t at = sweep->heap_count++;
    for (; at > 0 && sweep->heap[(at - 1) / 2]->until_us < range->until_us; at = (at - 1) / 2)
        sweep->heap[at] = sweep->heap[(at - 1) / 2];
    sweep->heap[at] = range;
}

/* Ranges that end while others are on top stay in the heap until they get there; range_spans_make()
 * discards them then. */
static void pop(struct sweep *sweep) {
    const struct range_span *last = sweep->heap[--sweep->heap_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < sweep->heap_count; at = child) {
        if (child + 1 < sweep->heap_count &&
            sweep->heap[child + 1]->until_us > sweep->heap[child]->until_us)
            child++;
        if (sweep->heap[child]->until_us <= last->until_us)
            break;
        sweep->heap[at] = sweep->heap[child];
    }
    sweep->heap[at] = last;
}

/* Every place where ranges begin, or the first one after them; each once. Returns their number. */
static size_t find_bounds(const struct range_span *ranges, size_t count, int64_t *bounds) {
    size_t all = 0, different = 0;
    for (size_t i = 0; i < count; i++) {
        bounds[all++] = ranges[i].low;
        if (ranges[i].high < INT64_MAX)
            bounds[all++] = ranges[i].high + 1;
    }
    qsort(bounds, all, sizeof *bounds, compare_bounds);
    for (size_t i = 0; i < all; i++)
        if (i == 0 || bounds[i] != bounds[i - 1])
            bounds[different++] = bounds[i];
    return different;
}

static void add_span(struct sweep *sweep, int64_t low, int64_t high, int64_t until_us) {
    struct range_span *last = sweep->count ? &sweep->out[sweep->count - 1] : NULL;
    if (last && last->high + 1 == low && last->until_us == until_us)
        last->high = high;
    else
        sweep->out[sweep->count++] =
            (struct range_span){.low = low, .high = high, .until_us = until_us};
}

void range_spans_make(struct range_spans *spans, struct range_span *ranges, size_t count,
                      struct arena *arena) {
    *spans = (struct range_spans){.count = 0};
    if (count == 0)
        return;
    int64_t *bounds = check_reallocarray(NULL, 2 * count, sizeof *bounds);
    struct sweep sweep = {.heap = check_reallocarray(NULL, count, sizeof(*sweep.heap)),
                          .out = check_reallocarray(NULL, 2 * count, sizeof *sweep.out)};
    size_t bound_count = find_bounds(ranges, count, bounds), next = 0;
    qsort(ranges, count, sizeof *ranges, compare_ranges);
    for (size_t i = 0; i < bound_count; i++) {
        while (next < count && ranges[next].low == bounds[i])
            push(&sweep, &ranges[next++]);
        while (sweep.heap_count > 0 && sweep.heap[0]->high < bounds[i])
            pop(&sweep);
        if (sweep.heap_count > 0)
            add_span(&sweep, bounds[i], i + 1 < bound_count ? bounds[i + 1] - 1 : INT64_MAX,
                     sweep.heap[0]->until_us);
    }
    struct range_span *kept = arena_calloc(arena, sweep.count, sizeof *kept);
    check(kept);
    for (size_t i = 0; i < sweep.count; i++)
        kept[i] = sweep.out[i];
    *spans = (struct range_spans){.spans = kept, .count = sweep.count};
    free(sweep.out);
    free(sweep.heap);
    free(bounds);
}

/* The last one that begins no later than the number; `count` when there is none. */
static size_t find(const struct range_spans *spans, int64_t number) {
    size_t low = 0, high = spans->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (spans->spans[middle].low <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : spans->count;
}

bool range_spans_has(const struct range_spans *spans, int64_t number, int64_t at_us) {
    return range_spans_cover(spans, number, number, at_us);
}

/* Walks along adjacent spans: a range may be covered by several of them together. */
bool range_spans_cover(const struct range_spans *spans, int64_t low, int64_t high, int64_t at_us) {
    for (size_t at = find(spans, low); at < spans->count; at++) {
        const struct range_span *span = &spans->spans[at];
        if (span->low > low || span->high < low || span->until_us <= at_us)
            return false;
        if (span->high >= high)
            return true;
        low = span->high + 1;
    }
    return false;
}
