/* The sort orders 96-bit keys (group, then the double's bits mapped to an unsigned order) with a
 * radix sort of twelve 8-bit digits, least significant first. A digit that is the same in all items
 * costs one counting pass and no copying, so small groups and similar values are cheap.
 *
 * Half of the limit is for items, the other half for the copy that the radix sort needs. A full
 * buffer is sorted and written as a run; a binary heap over the runs merges them. */
#include "number_sort.h"

#include "double_order.h"

#include "core/base/check.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As it is in memory and in the file; the file is read by this process only, so byte order and
 * padding do not matter. */
struct item {
    uint64_t order; /* the value, see double_to_order() */
    uint32_t group;
    uint32_t unused;
};

#define READ_ITEMS  4096u /* of a run, at a time */
#define ITEMS_MIN   65536u
#define DIGIT_BITS  8u
#define DIGITS      12u /* of order and group together */
#define DIGIT_COUNT (1u << DIGIT_BITS)

/* A sorted run in the file. All numbers count items. */
struct run {
    uint64_t at, end; /* still to be read from the file: [at, end) */
    uint64_t first;   /* where it begins, for another reading */
    struct item *items;
    size_t next, count;
};

struct number_sort {
    struct number_sort_options options;
    struct item *items, *scratch;
    size_t count, capacity, limit; /* items */
    int file;
    uint64_t written; /* items */
    struct run *runs;
    size_t run_count;
    size_t *heap; /* runs by their next item, the least first */
    size_t heap_count;
    size_t next; /* when all is in memory */
};

struct number_sort *number_sort_new(const struct number_sort_options *options) {
    struct number_sort *sort = check_calloc(1, sizeof *sort);
    sort->options = *options;
    /* Sorting takes as much again. */
    sort->limit = options->limit_bytes / (2 * sizeof(struct item));
    if (sort->limit < ITEMS_MIN)
        sort->limit = ITEMS_MIN;
    sort->file = -1;
    return sort;
}

void number_sort_free(struct number_sort *sort) {
    if (!sort)
        return;
    for (size_t i = 0; i < sort->run_count; i++)
        free(sort->runs[i].items);
    if (sort->file >= 0)
        close(sort->file);
    free(sort->runs);
    free(sort->heap);
    free(sort->items);
    free(sort->scratch);
    free(sort);
}

uint64_t number_sort_file_bytes(const struct number_sort *sort) {
    return sort->written * sizeof(struct item);
}

/* ---- sorting ---- */

static unsigned digit_of(const struct item *item, unsigned digit) {
    uint64_t part = digit < 8 ? item->order >> (DIGIT_BITS * digit)
                              : (uint64_t)item->group >> (DIGIT_BITS * (digit - 8));
    return (unsigned)(part & (DIGIT_COUNT - 1));
}

/* One pass of a radix sort, from the least digit on: stable. */
static void scatter(const struct item *from, struct item *to, size_t count, unsigned digit,
                    size_t counts[DIGIT_COUNT]) {
    size_t place = 0;
    for (unsigned i = 0; i < DIGIT_COUNT; i++) {
        size_t here = counts[i];
        counts[i] = place;
        place += here;
    }
    for (size_t i = 0; i < count; i++)
        to[counts[digit_of(&from[i], digit)]++] = from[i];
}

static void sort_items(struct number_sort *sort) {
    static const size_t zero[DIGIT_COUNT];
    sort->scratch = check_reallocarray(sort->scratch, sort->count, sizeof *sort->scratch);
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        size_t counts[DIGIT_COUNT];
        memcpy(counts, zero, sizeof counts);
        for (size_t i = 0; i < sort->count; i++)
            counts[digit_of(&sort->items[i], digit)]++;
        if (sort->count == 0 || counts[digit_of(&sort->items[0], digit)] == sort->count)
            continue; /* the same digit everywhere */
        scatter(sort->items, sort->scratch, sort->count, digit, counts);
        struct item *swap = sort->items;
        sort->items = sort->scratch;
        sort->scratch = swap;
    }
    free(sort->scratch);
    sort->scratch = NULL;
}

/* ---- runs ---- */

static int write_all(int file, const void *bytes, size_t length, uint64_t offset,
                     struct error *ret_error) {
    if (file_write_at(file, bytes, length, offset) < 0)
        return error_set_errno(ret_error, errno, "cannot write a temporary file");
    return 0;
}

static int read_all(int file, void *bytes, size_t length, uint64_t offset,
                    struct error *ret_error) {
    ssize_t got = file_read_at(file, bytes, length, offset);
    if (got < 0 || (size_t)got < length)
        return error_set_errno(ret_error, got < 0 ? errno : EIO, "cannot read a temporary file");
    return 0;
}

static int write_run(struct number_sort *sort, struct error *ret_error) {
    if (sort->file < 0) {
        sort->file = sort->options.make_file(sort->options.user, ret_error);
        if (sort->file < 0)
            return -(int)ret_error->code;
    }
    sort_items(sort);
    int r = write_all(sort->file, sort->items, sort->count * sizeof *sort->items,
                      sort->written * sizeof *sort->items, ret_error);
    if (r < 0)
        return r;
    sort->runs = check_reallocarray(sort->runs, sort->run_count + 1, sizeof *sort->runs);
    sort->runs[sort->run_count++] =
        (struct run){.first = sort->written, .end = sort->written + sort->count};
    sort->written += sort->count;
    sort->count = 0;
    return 0;
}

int number_sort_put(struct number_sort *sort, uint32_t group, double value,
                    struct error *ret_error) {
    if (sort->count == sort->limit) {
        int r = write_run(sort, ret_error);
        if (r < 0)
            return r;
    }
    if (sort->count == sort->capacity) {
        size_t capacity = sort->capacity ? 2 * sort->capacity : 1024;
        sort->capacity = capacity < sort->limit ? capacity : sort->limit;
        sort->items = check_reallocarray(sort->items, sort->capacity, sizeof *sort->items);
    }
    sort->items[sort->count++] = (struct item){.order = double_to_order(value), .group = group};
    return 0;
}

/* ---- merging ---- */

/* A binary heap of runs, ordered by the item each of them would give next. */
static bool is_less(const struct number_sort *sort, size_t a, size_t b) {
    const struct item *x = &sort->runs[a].items[sort->runs[a].next];
    const struct item *y = &sort->runs[b].items[sort->runs[b].next];
    return x->group != y->group ? x->group < y->group : x->order < y->order;
}

static void sink(struct number_sort *sort, size_t at) {
    for (;;) {
        size_t least = at, left = 2 * at + 1;
        for (size_t child = left; child < left + 2 && child < sort->heap_count; child++)
            if (is_less(sort, sort->heap[child], sort->heap[least]))
                least = child;
        if (least == at)
            return;
        size_t swap = sort->heap[at];
        sort->heap[at] = sort->heap[least];
        sort->heap[least] = swap;
        at = least;
    }
}

/* 0: the run is at its end. */
static int fill_run(struct number_sort *sort, struct run *run, struct error *ret_error) {
    uint64_t left = run->end - run->at;
    run->next = 0;
    run->count = left < READ_ITEMS ? (size_t)left : READ_ITEMS;
    if (run->count == 0)
        return 0;
    if (!run->items)
        run->items = check_reallocarray(NULL, READ_ITEMS, sizeof *run->items);
    int r = read_all(sort->file, run->items, run->count * sizeof *run->items,
                     run->at * sizeof *run->items, ret_error);
    run->at += run->count;
    return r < 0 ? r : 1;
}

int number_sort_begin(struct number_sort *sort, struct error *ret_error) {
    int r = 0;
    sort->next = 0;
    if (sort->run_count == 0) {
        sort_items(sort); /* a second time changes nothing */
        return 0;
    }
    if (sort->count > 0)
        r = write_run(sort, ret_error);
    free(sort->items); /* the runs' pieces need the memory now */
    sort->items = NULL;
    sort->capacity = 0;
    sort->heap = check_reallocarray(sort->heap, sort->run_count, sizeof *sort->heap);
    sort->heap_count = 0;
    for (size_t i = 0; i < sort->run_count && r >= 0; i++) {
        sort->runs[i].at = sort->runs[i].first;
        r = fill_run(sort, &sort->runs[i], ret_error);
        if (r > 0)
            sort->heap[sort->heap_count++] = i;
    }
    for (size_t i = sort->heap_count; i-- > 0;)
        sink(sort, i);
    return r < 0 ? r : 0;
}

static int next_of_runs(struct number_sort *sort, struct item *ret_item, struct error *ret_error) {
    if (sort->heap_count == 0)
        return 0;
    struct run *run = &sort->runs[sort->heap[0]];
    *ret_item = run->items[run->next++];
    if (run->next == run->count) {
        int r = fill_run(sort, run, ret_error);
        if (r < 0)
            return r;
        if (r == 0)
            sort->heap[0] = sort->heap[--sort->heap_count];
    }
    if (sort->heap_count > 0)
        sink(sort, 0);
    return 1;
}

int number_sort_next(struct number_sort *sort, uint32_t *ret_group, double *ret_value,
                     struct error *ret_error) {
    struct item item;
    int r = 1;
    if (sort->run_count > 0)
        r = next_of_runs(sort, &item, ret_error);
    else if (sort->next < sort->count)
        item = sort->items[sort->next++];
    else
        r = 0;
    if (r > 0) {
        *ret_group = item.group;
        *ret_value = double_from_order(item.order);
    }
    return r;
}
