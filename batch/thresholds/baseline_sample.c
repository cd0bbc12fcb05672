/* A value in a stream: u64 hash, u32 threshold, u16 length of the key, the double, the key. The
 * bytes are this process's own and trusted. */
#include "baseline_sample.h"

#include "batch/base/spill.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/store/generation/generation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PARTS       1024u /* by the highest bits of the hash */
#define PART_SHIFT  54
#define BLOCK_BYTES 4096u
#define HEAD_SIZE   22u

struct baseline_sample {
    const struct snapshot *snapshot;
    struct spill *spill;
    struct spill_writer *writer; /* NULL: at the end */
};

/* A value of the part at hand. */
struct item {
    uint64_t hash;
    double value;
    const uint8_t *key;
    uint32_t threshold;
    uint16_t key_length;
};

struct part {
    uint8_t *bytes; /* what the items' keys point into */
    struct item *items;
    size_t count, capacity;
    double *values; /* of the group at hand */
    size_t value_capacity;
};

struct baseline_sample *baseline_sample_new(const struct snapshot *snapshot, size_t memory_bytes,
                                            int (*make_file)(void *user, struct error *ret_error),
                                            void *user) {
    struct baseline_sample *sample = check_calloc(1, sizeof *sample);
    const struct spill_options options = {.streams = PARTS,
                                          .writers = 1,
                                          .block_bytes = BLOCK_BYTES,
                                          .limit_bytes = memory_bytes,
                                          .make_file = make_file,
                                          .user = user};
    sample->snapshot = snapshot;
    sample->spill = spill_new(&options);
    sample->writer = spill_writer_open(sample->spill);
    return sample;
}

void baseline_sample_free(struct baseline_sample *sample) {
    if (!sample)
        return;
    spill_writer_abandon(sample->writer);
    spill_free(sample->spill);
    free(sample);
}

uint64_t baseline_sample_file_bytes(const struct baseline_sample *sample) {
    return spill_file_bytes(sample->spill);
}

int baseline_sample_put(struct baseline_sample *sample, const struct threshold_value *value,
                        struct error *ret_error) {
    struct text key = {.data = value->key, .length = value->key_length};
    uint64_t hash =
        generation_baseline_hash(sample->snapshot->thresholds[value->threshold].definition, key);
    struct spill_open *open =
        spill_room(sample->writer, (size_t)(hash >> PART_SHIFT), HEAD_SIZE + key.length, ret_error);
    if (!open)
        return -(int)ret_error->code;
    double number = value->value + 0.0; /* −0 becomes 0 */
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    store_u64(open->at, hash);
    store_u32(open->at + 8, (uint32_t)value->threshold);
    store_u16(open->at + 12, (uint16_t)key.length);
    store_u64(open->at + 14, bits);
    memcpy(open->at + HEAD_SIZE, key.data, key.length);
    spill_put(open, HEAD_SIZE + key.length);
    return 0;
}

int baseline_sample_end(struct baseline_sample *sample, struct error *ret_error) {
    struct spill_writer *writer = sample->writer;
    sample->writer = NULL;
    return spill_writer_close(writer, ret_error);
}

/* ---- one part ---- */

static void add_items(struct part *part, const uint8_t *at, size_t length) {
    for (const uint8_t *end = at + length; at < end;) {
        if (part->count == part->capacity) {
            part->capacity = part->capacity ? 2 * part->capacity : 1024;
            part->items = check_reallocarray(part->items, part->capacity, sizeof *part->items);
        }
        struct item *item = &part->items[part->count++];
        uint64_t bits = load_u64(at + 14);
        *item = (struct item){.hash = load_u64(at),
                              .threshold = load_u32(at + 8),
                              .key_length = load_u16(at + 12),
                              .key = at + HEAD_SIZE};
        memcpy(&item->value, &bits, sizeof bits);
        at += HEAD_SIZE + item->key_length;
    }
}

static int load_part(const struct baseline_sample *sample, size_t stream, struct part *part,
                     struct error *ret_error) {
    const struct spill_block *blocks;
    size_t count = spill_blocks(sample->spill, stream, &blocks);
    int r = 0;
    part->count = 0;
    part->bytes = check_reallocarray(part->bytes, spill_bytes(sample->spill, stream) + 1, 1);
    uint8_t *at = part->bytes;
    for (size_t i = 0; i < count && r == 0; i++) {
        if (blocks[i].bytes)
            memcpy(at, blocks[i].bytes, blocks[i].length);
        else
            r = spill_read(sample->spill, &blocks[i], at, ret_error);
        if (r == 0)
            add_items(part, at, blocks[i].length);
        at += blocks[i].length;
    }
    return r;
}

static int compare_keys(const struct item *a, const struct item *b) {
    return text_compare((struct text){.data = (const char *)a->key, .length = a->key_length},
                        (struct text){.data = (const char *)b->key, .length = b->key_length});
}

/* The order of the table, then thresholds, then values. */
static int compare_items(const void *left, const void *right) {
    const struct item *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    int order = compare_keys(a, b);
    if (order == 0 && a->threshold != b->threshold)
        return a->threshold < b->threshold ? -1 : 1;
    if (order == 0 && a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return order;
}

static int compare_numbers(const void *left, const void *right) {
    const double *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* The statistic of a group's sorted values. */
static double statistic_of(const struct threshold *threshold, const struct item *items,
                           size_t count, struct part *part) {
    size_t rank = (size_t)threshold_rank(threshold->quantile_e6, count);
    double quantile = items[rank - 1].value;
    if (threshold->statistic != THRESHOLD_MAD)
        return quantile;
    if (count > part->value_capacity) {
        part->value_capacity = count;
        part->values = check_reallocarray(part->values, count, sizeof *part->values);
    }
    for (size_t i = 0; i < count; i++)
        part->values[i] = fabs(items[i].value - quantile);
    qsort(part->values, count, sizeof *part->values, compare_numbers);
    return part->values[rank - 1];
}

static int compute_part(const struct baseline_sample *sample, struct part *part,
                        int (*take)(void *user, size_t threshold, uint64_t hash, struct text key,
                                    double value, struct error *ret_error),
                        void *user, struct error *ret_error) {
    int r = 0;
    if (part->count > 0)
        qsort(part->items, part->count, sizeof *part->items, compare_items);
    for (size_t first = 0, end; first < part->count && r == 0; first = end) {
        const struct item *items = &part->items[first];
        const struct threshold *threshold = &sample->snapshot->thresholds[items->threshold];
        for (end = first + 1; end < part->count; end++)
            if (part->items[end].hash != items->hash ||
                part->items[end].threshold != items->threshold ||
                compare_keys(&part->items[end], items) != 0)
                break;
        if (end - first < threshold->minimum)
            continue;
        double value = statistic_of(threshold, items, end - first, part);
        if (isfinite(value))
            r = take(user, items->threshold, items->hash,
                     (struct text){.data = (const char *)items->key, .length = items->key_length},
                     value, ret_error);
    }
    return r;
}

int baseline_sample_compute(struct baseline_sample *sample,
                            int (*take)(void *user, size_t threshold, uint64_t hash,
                                        struct text key, double value, struct error *ret_error),
                            void *user, struct error *ret_error) {
    struct part part = {0};
    int r = 0;
    for (size_t stream = 0; stream < PARTS && r == 0; stream++) {
        r = load_part(sample, stream, &part, ret_error);
        if (r == 0)
            r = compute_part(sample, &part, take, user, ret_error);
        spill_forget(sample->spill, stream);
    }
    free(part.bytes);
    free(part.items);
    free(part.values);
    return r;
}
