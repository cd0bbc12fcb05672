/* A value in a stream: u64 hash, u32 threshold, u16 length of the key, the double, the key. The
 * bytes are this process's own and trusted. */
#include "baseline_sample.h"

#include "batch/base/radix_sort.h"
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
    uint8_t *bytes;                      /* the values as they are in the stream */
    struct radix_item *sorted, *scratch; /* by hash; an item is the address of a value there */
    size_t count, capacity;
    struct item *run; /* values of one hash: of one group, but for collisions */
    double *numbers;  /* of the group at hand */
    size_t run_capacity;
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

static struct item item_at(const uint8_t *at) {
    struct item item = {.hash = load_u64(at),
                        .threshold = load_u32(at + 8),
                        .key_length = load_u16(at + 12),
                        .key = at + HEAD_SIZE};
    uint64_t bits = load_u64(at + 14);
    memcpy(&item.value, &bits, sizeof bits);
    return item;
}

static void add_values(struct part *part, const uint8_t *at, size_t length) {
    for (const uint8_t *end = at + length; at < end; at += HEAD_SIZE + load_u16(at + 12)) {
        if (part->count == part->capacity) {
            part->capacity = part->capacity ? 2 * part->capacity : 1024;
            part->sorted = check_reallocarray(part->sorted, part->capacity, sizeof *part->sorted);
            part->scratch =
                check_reallocarray(part->scratch, part->capacity, sizeof *part->scratch);
        }
        part->sorted[part->count++] =
            (struct radix_item){.number = load_u64(at), .item = (uintptr_t)at};
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
            add_values(part, at, blocks[i].length);
        at += blocks[i].length;
    }
    return r;
}

static struct text key_of(const struct item *item) {
    return (struct text){.data = (const char *)item->key, .length = item->key_length};
}

/* Of one hash: the order of the table, then thresholds. */
static int compare_groups(const void *left, const void *right) {
    const struct item *a = left, *b = right;
    int order = text_compare(key_of(a), key_of(b));
    if (order == 0 && a->threshold != b->threshold)
        return a->threshold < b->threshold ? -1 : 1;
    return order;
}

static int compare_numbers(const void *left, const void *right) {
    const double *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* Most groups have a few values. */
static void sort_numbers(double *numbers, size_t count) {
    enum { FEW = 16 };
    if (count > FEW) {
        qsort(numbers, count, sizeof *numbers, compare_numbers);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        double number = numbers[i];
        size_t j = i;
        for (; j > 0 && numbers[j - 1] > number; j--)
            numbers[j] = numbers[j - 1];
        numbers[j] = number;
    }
}

static double statistic_of(const struct threshold *threshold, double *numbers, size_t count) {
    size_t rank = (size_t)threshold_rank(threshold->quantile_e6, count);
    sort_numbers(numbers, count);
    double quantile = numbers[rank - 1];
    if (threshold->statistic != THRESHOLD_MAD)
        return quantile;
    for (size_t i = 0; i < count; i++)
        numbers[i] = fabs(numbers[i] - quantile);
    sort_numbers(numbers, count);
    return numbers[rank - 1];
}

struct computing {
    const struct snapshot *snapshot;
    int (*take)(void *user, size_t threshold, uint64_t hash, struct text key, double value,
                struct error *ret_error);
    void *user;
};

static int compute_group(const struct computing *computing, struct part *part,
                         const struct item *items, size_t count, struct error *ret_error) {
    const struct threshold *threshold = &computing->snapshot->thresholds[items->threshold];
    if (count < threshold->minimum)
        return 0;
    for (size_t i = 0; i < count; i++)
        part->numbers[i] = items[i].value;
    double value = statistic_of(threshold, part->numbers, count);
    return isfinite(value) ? computing->take(computing->user, items->threshold, items->hash,
                                             key_of(items), value, ret_error)
                           : 0;
}

/* The values of one hash. Two groups with the same hash are sorted apart. */
static int compute_run(const struct computing *computing, struct part *part, size_t first,
                       size_t count, struct error *ret_error) {
    if (count > part->run_capacity) {
        part->run_capacity = count + count / 2;
        part->run = check_reallocarray(part->run, part->run_capacity, sizeof *part->run);
        part->numbers =
            check_reallocarray(part->numbers, part->run_capacity, sizeof *part->numbers);
    }
    bool is_mixed = false;
    for (size_t i = 0; i < count; i++) {
        part->run[i] = item_at((const uint8_t *)(uintptr_t)part->sorted[first + i].item);
        is_mixed |= compare_groups(&part->run[i], part->run) != 0;
    }
    if (is_mixed)
        qsort(part->run, count, sizeof *part->run, compare_groups);
    int r = 0;
    for (size_t at = 0, end; at < count && r == 0; at = end) {
        for (end = at + 1; end < count && compare_groups(&part->run[end], &part->run[at]) == 0;)
            end++;
        r = compute_group(computing, part, &part->run[at], end - at, ret_error);
    }
    return r;
}

static int compute_part(const struct computing *computing, struct part *part,
                        struct error *ret_error) {
    int r = 0;
    radix_sort(part->sorted, part->scratch, part->count);
    for (size_t first = 0, end; first < part->count && r == 0; first = end) {
        for (end = first + 1;
             end < part->count && part->sorted[end].number == part->sorted[first].number;)
            end++;
        r = compute_run(computing, part, first, end - first, ret_error);
    }
    return r;
}

int baseline_sample_compute(struct baseline_sample *sample,
                            int (*take)(void *user, size_t threshold, uint64_t hash,
                                        struct text key, double value, struct error *ret_error),
                            void *user, struct error *ret_error) {
    const struct computing computing = {.snapshot = sample->snapshot, .take = take, .user = user};
    struct part part = {0};
    int r = 0;
    for (size_t stream = 0; stream < PARTS && r == 0; stream++) {
        r = load_part(sample, stream, &part, ret_error);
        if (r == 0)
            r = compute_part(&computing, &part, ret_error);
        spill_forget(sample->spill, stream);
    }
    free(part.bytes);
    free(part.sorted);
    free(part.scratch);
    free(part.run);
    free(part.numbers);
    return r;
}
