/* A policy's own entries → the immutable part of a list. Single values go into a hash index, ranges
 * of integers into spans (range_spans.h), because nothing of them changes after the load. */
#include "list_fill.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>

static bool is_range(const struct list *list, const struct list_entry *entry) {
    return list->kind == LIST_INTEGERS && entry->low != entry->high;
}

static int compare_exactly(const void *left, const void *right) {
    const struct range_span *a = left, *b = right;
    if (a->low != b->low)
        return a->low < b->low ? -1 : 1;
    return (a->high > b->high) - (a->high < b->high);
}

/* Returns how many different ones there are. */
static size_t fill_ranges(struct list *list, const struct list_entry *entries, size_t count,
                          struct arena *arena) {
    struct range_span *ranges = check_calloc(count, sizeof *ranges);
    size_t range_count = 0, different = 0;
    for (size_t i = 0; i < count; i++)
        if (is_range(list, &entries[i]))
            ranges[range_count++] = (struct range_span){
                .low = entries[i].low, .high = entries[i].high, .until_us = entries[i].until_us};
    if (range_count > 0)
        qsort(ranges, range_count, sizeof *ranges, compare_exactly);
    for (size_t i = 0; i < range_count; i++)
        different += i == 0 || compare_exactly(&ranges[i - 1], &ranges[i]) != 0;
    range_spans_make(&list->ranges, ranges, range_count, arena);
    free(ranges);
    return different;
}

static uint64_t hash_entry(enum list_kind kind, const struct list_entry *entry, int64_t until_us) {
    char bytes[LIST_ENTRY_TEXT_SIZE];
    struct text written = list_entry_format(kind, entry, bytes);
    return hash64(written.data, written.length, (uint64_t)until_us);
}

/* Into the index, unless an equal entry lasts as long. The list's hash is a sum, so that the order
 * of the entries does not matter. */
static void put_single(struct list *list, const struct list_entry *entry) {
    int64_t until_us;
    if (list_index_get(&list->index, entry, &until_us)) {
        if (until_us >= entry->until_us)
            return;
        list->contents -= hash_entry(list->kind, entry, until_us);
    }
    list_index_put(&list->index, entry);
    list->contents += hash_entry(list->kind, entry, entry->until_us);
}

/* Of equal entries the one that lasts longest is kept; equal ranges are counted once as well. */
void list_fill(struct list *list, const struct list_entry *entries, size_t count,
               struct arena *arena) {
    list->slot = list->time_slot = LIST_NO_SLOT;
    list->contents = 0;
    size_t single = 0;
    for (size_t i = 0; i < count; i++)
        single += !is_range(list, &entries[i]);
    list_index_init(&list->index, list->kind, single, arena);
    for (size_t i = 0; i < count; i++)
        if (!is_range(list, &entries[i]))
            put_single(list, &entries[i]);
    list->count = list_index_count(&list->index) + fill_ranges(list, entries, count, arena);
    for (size_t i = 0; i < list->ranges.count; i++) {
        const struct range_span *span = &list->ranges.spans[i];
        const struct list_entry entry = {.low = span->low, .high = span->high};
        list->contents += hash_entry(list->kind, &entry, span->until_us);
    }
}

void list_fill_texts(struct list *list, const struct text *values, size_t count,
                     struct arena *arena) {
    struct list_entry *entries = check_calloc(count, sizeof *entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct list_entry){.text = values[i], .until_us = LIST_FOREVER};
    list_fill(list, entries, count, arena);
    free(entries);
}
