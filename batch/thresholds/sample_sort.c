/* Values wait in one array, their keys behind one another. A run is the array sorted: by threshold
 * (each has a list), by the hash of the group (radix sort), then groups of one hash by key, and the
 * values of a group (radix sort again: one group may have all of them). */
#include "sample_sort.h"

#include "sample_merge.h"

#include "batch/base/double_order.h"
#include "batch/base/radix_sort.h"
#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "core/store/generation/generation.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUNS_MAX  48u /* files that are open, and read at once */
#define ITEMS_MIN 4096u
#define FEW       16u

struct item {
    uint64_t hash;
    double value;
    int64_t time_us;
    uint32_t key_at;
    uint16_t key_length, threshold;
};

struct sample_sort {
    struct sample_sort_options options;
    pthread_mutex_t lock;
    struct item *items;
    size_t count, capacity, limit;
    struct buffer keys;
    size_t keys_limit;
    struct radix_item *order, *scratch; /* while a run is written */
    double *values;
    int64_t *times_us;
    struct sample_file *runs[RUNS_MAX];
    size_t run_count;
    uint64_t written;
};

/* Of the memory a quarter is for keys; an item takes as much again while it is sorted. */
struct sample_sort *sample_sort_new(const struct sample_sort_options *options) {
    struct sample_sort *sort = check_calloc(1, sizeof *sort);
    sort->options = *options;
    sort->limit =
        options->memory_bytes * 3 / 4 / (sizeof(struct item) + 2 * sizeof(struct radix_item));
    if (sort->limit < ITEMS_MIN)
        sort->limit = ITEMS_MIN;
    if (sort->limit > UINT32_MAX / 2)
        sort->limit = UINT32_MAX / 2;
    sort->keys_limit = options->memory_bytes / 4;
    if (sort->keys_limit > UINT32_MAX - THRESHOLD_KEY_MAX)
        sort->keys_limit = UINT32_MAX - THRESHOLD_KEY_MAX;
    buffer_init(&sort->keys);
    lock_init(&sort->lock, LOCK_SAMPLE_SORT);
    return sort;
}

void sample_sort_free(struct sample_sort *sort) {
    if (!sort)
        return;
    for (size_t i = 0; i < sort->run_count; i++)
        sample_file_close(sort->runs[i]);
    buffer_deinit(&sort->keys);
    pthread_mutex_destroy(&sort->lock);
    free(sort->items);
    free(sort);
}

uint64_t sample_sort_file_bytes(const struct sample_sort *sort) {
    return sort->written;
}

/* ---- the order ---- */

static const struct item *item_of(const struct sample_sort *sort, size_t place) {
    return &sort->items[sort->order[place].item];
}

static struct text key_of(const struct sample_sort *sort, const struct item *item) {
    return (struct text){.data = (const char *)sort->keys.bytes + item->key_at,
                         .length = item->key_length};
}

static bool is_same_group(const struct sample_sort *sort, const struct item *a,
                          const struct item *b) {
    return a->hash == b->hash && text_equal(key_of(sort, a), key_of(sort, b));
}

/* Moves the items with the first one's key to the front; returns how many there are. All have one
 * hash, so but for collisions that is all of them. */
static size_t collect_group(struct sample_sort *sort, size_t first, size_t end) {
    size_t least = first;
    for (size_t i = first + 1; i < end; i++)
        if (text_compare(key_of(sort, item_of(sort, i)), key_of(sort, item_of(sort, least))) < 0)
            least = i;
    const struct item *group = item_of(sort, least);
    size_t count = 0;
    for (size_t i = first; i < end; i++)
        if (is_same_group(sort, item_of(sort, i), group)) {
            struct radix_item swap = sort->order[i];
            sort->order[i] = sort->order[first + count];
            sort->order[first + count++] = swap;
        }
    return count;
}

static void sort_values(struct sample_sort *sort, size_t first, size_t count) {
    struct radix_item *order = sort->order + first;
    for (size_t i = 0; i < count; i++)
        order[i].number = double_to_order(sort->items[order[i].item].value);
    radix_sort(order, sort->scratch, count);
}

/* ---- runs ---- */

static int write_group(struct sample_sort *sort, struct sample_writer *writer, size_t first,
                       size_t count, struct error *ret_error) {
    const struct item *group = item_of(sort, first);
    sort_values(sort, first, count);
    int r = sample_writer_group(writer, group->threshold, key_of(sort, group), ret_error);
    while (count > 0 && r == 0) {
        size_t part = count < SAMPLE_BLOCK_VALUES ? count : SAMPLE_BLOCK_VALUES;
        for (size_t i = 0; i < part; i++) {
            const struct item *item = item_of(sort, first + i);
            sort->values[i] = item->value;
            sort->times_us[i] = item->time_us;
        }
        r = sample_writer_values(writer, sort->values, sort->times_us, part, ret_error);
        first += part;
        count -= part;
    }
    return r;
}

/* The items of one threshold, in `order`. */
static int write_threshold(struct sample_sort *sort, struct sample_writer *writer, size_t first,
                           size_t end, struct error *ret_error) {
    int r = 0;
    radix_sort(sort->order + first, sort->scratch, end - first);
    while (first < end && r == 0) {
        size_t of_hash = first + 1;
        while (of_hash < end && sort->order[of_hash].number == sort->order[first].number)
            of_hash++;
        while (first < of_hash && r == 0) {
            size_t count = collect_group(sort, first, of_hash);
            r = write_group(sort, writer, first, count, ret_error);
            first += count;
        }
    }
    return r;
}

static int write_items(struct sample_sort *sort, struct sample_writer *writer,
                       struct error *ret_error) {
    size_t thresholds = sort->options.snapshot->threshold_count;
    size_t *ends = check_calloc(thresholds + 1, sizeof *ends);
    for (size_t i = 0; i < sort->count; i++)
        ends[sort->items[i].threshold + 1]++;
    for (size_t i = 0; i < thresholds; i++)
        ends[i + 1] += ends[i];
    for (size_t i = 0; i < sort->count; i++)
        sort->order[ends[sort->items[i].threshold]++] =
            (struct radix_item){.number = sort->items[i].hash, .item = i};
    int r = 0;
    for (size_t i = 0, first = 0; i < thresholds && r == 0; first = ends[i++])
        r = write_threshold(sort, writer, first, ends[i], ret_error);
    free(ends);
    return r;
}

static int write_sorted(struct sample_sort *sort, struct sample_writer *writer,
                        struct error *ret_error) {
    sort->order = check_reallocarray(NULL, sort->count + 1, sizeof *sort->order);
    sort->scratch = check_reallocarray(NULL, sort->count + 1, sizeof *sort->scratch);
    sort->values = check_reallocarray(NULL, SAMPLE_BLOCK_VALUES, sizeof *sort->values);
    sort->times_us = check_reallocarray(NULL, SAMPLE_BLOCK_VALUES, sizeof *sort->times_us);
    int r = write_items(sort, writer, ret_error);
    free(sort->order);
    free(sort->scratch);
    free(sort->values);
    free(sort->times_us);
    sort->count = 0;
    buffer_clear(&sort->keys);
    return r;
}

static int write_merged(struct sample_sort *sort, struct sample_writer *writer,
                        struct error *ret_error) {
    return sample_merge_into(sort->runs, sort->run_count, sort->options.snapshot,
                             sort->options.newest_us, writer, ret_error);
}

/* A file of what write() writes. */
static int make_run(struct sample_sort *sort,
                    int (*write)(struct sample_sort *sort, struct sample_writer *writer,
                                 struct error *ret_error),
                    struct sample_file **ret_run, struct error *ret_error) {
    int file = sort->options.make_file(sort->options.user, ret_error);
    if (file < 0)
        return -(int)ret_error->code;
    struct sample_writer *writer = sample_writer_new(file);
    int r = write(sort, writer, ret_error);
    if (r == 0)
        r = sample_writer_end(writer, (struct sample_origin){0}, ret_error);
    sample_writer_free(writer);
    if (r < 0) {
        close(file);
        return r;
    }
    r = sample_file_open(file, ret_run, ret_error);
    if (r == 0)
        sort->written += (*ret_run)->bytes;
    return r;
}

static int merge_runs(struct sample_sort *sort, struct error *ret_error) {
    struct sample_file *merged;
    int r = make_run(sort, write_merged, &merged, ret_error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sort->run_count; i++)
        sample_file_close(sort->runs[i]);
    sort->runs[0] = merged;
    sort->run_count = 1;
    return 0;
}

static int end_run(struct sample_sort *sort, struct error *ret_error) {
    int r = sort->run_count == RUNS_MAX ? merge_runs(sort, ret_error) : 0;
    if (r == 0)
        r = make_run(sort, write_sorted, &sort->runs[sort->run_count], ret_error);
    if (r == 0)
        sort->run_count++;
    return r;
}

/* ---- putting ---- */

static void put_item(struct sample_sort *sort, const struct threshold_value *value) {
    const struct threshold *threshold = &sort->options.snapshot->thresholds[value->threshold];
    struct text key = {.data = value->key, .length = value->key_length};
    if (sort->count == sort->capacity) {
        size_t capacity = sort->capacity ? 2 * sort->capacity : ITEMS_MIN;
        sort->capacity = capacity < sort->limit ? capacity : sort->limit;
        sort->items = check_reallocarray(sort->items, sort->capacity, sizeof *sort->items);
    }
    sort->items[sort->count++] =
        (struct item){.hash = generation_baseline_hash(threshold->definition, key),
                      .value = value->value + 0.0, /* −0 becomes 0 */
                      .time_us = value->event_time_us,
                      .key_at = (uint32_t)sort->keys.length,
                      .key_length = (uint16_t)key.length,
                      .threshold = (uint16_t)value->threshold};
    buffer_append(&sort->keys, key.data, key.length);
}

int sample_sort_put(struct sample_sort *sort, const struct threshold_value *values, size_t count,
                    struct error *ret_error) {
    int r = 0;
    pthread_mutex_lock(&sort->lock);
    for (size_t i = 0; i < count && r == 0; i++) {
        if (sort->count == sort->limit || (sort->count > 0 && sort->keys.length > sort->keys_limit))
            r = end_run(sort, ret_error);
        if (r == 0)
            put_item(sort, &values[i]);
    }
    pthread_mutex_unlock(&sort->lock);
    return r;
}

int sample_sort_end(struct sample_sort *sort, struct sample_file *const **ret_files,
                    size_t *ret_count, struct error *ret_error) {
    bool had_room = sort->run_count == 0;
    int r = sort->count > 0 ? end_run(sort, ret_error) : 0;
    if (had_room)
        sort->written = 0;
    free(sort->items); /* the memory is needed for reading now */
    sort->items = NULL;
    buffer_deinit(&sort->keys);
    buffer_init(&sort->keys);
    sort->capacity = 0;
    *ret_files = sort->runs;
    *ret_count = sort->run_count;
    return r;
}
