/* Three steps. distribute: sample the piece's keys, cut them into ranges that fit a cache, copy
 * each entry to its range's bucket. sort: one bucket at a time, by the first eight bytes of the
 * keys. next: only where those are equal, compare the rest. Most keys differ within eight bytes of
 * their range's prefix, so full comparisons are rare. */
#include "rebuild_groups.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define BUCKET_BYTES (128u << 10) /* together with its index, less than a usual L2 cache */
#define BUCKETS_MAX  1024u
#define SAMPLE_EACH  16u /* sampled keys for each bucket */

/* ---------------------------------------------------------------------------------------------
 * Distributing to buckets */

void groups_collect(struct groups *groups, const uint8_t *bytes, size_t length) {
    if (groups->block_count == groups->block_capacity) {
        groups->block_capacity = groups->block_capacity ? 2 * groups->block_capacity : 64;
        groups->blocks =
            check_reallocarray(groups->blocks, groups->block_capacity, sizeof *groups->blocks);
    }
    groups->blocks[groups->block_count++] = (struct piece_block){.bytes = bytes, .length = length};
}

void groups_clear(struct groups *groups) {
    groups->block_count = 0;
}

/* Keys from the beginning of each block: blocks come from all over the archive, and the beginning
 * needs no decoding of what is before it. */
static size_t take_sample(const struct groups *groups, struct text *sample, size_t wanted) {
    size_t count = 0;
    for (size_t i = 0; i < groups->block_count; i++) {
        const uint8_t *at = groups->blocks[i].bytes, *end = at + groups->blocks[i].length;
        size_t until = (i + 1) * wanted / groups->block_count;
        int64_t time_us = 0;
        while (count < until && at < end) {
            struct stream_entry entry;
            at = stream_entry_next(at, &time_us, &entry);
            sample[count++] = stream_entry_rest(&entry);
        }
    }
    return count;
}

static void divide(struct groups *groups) {
    size_t bytes = 0;
    for (size_t i = 0; i < groups->block_count; i++)
        bytes += groups->blocks[i].length;
    size_t wanted = bytes / BUCKET_BYTES + 1;
    if (wanted > BUCKETS_MAX)
        wanted = BUCKETS_MAX;
    struct text *sample = check_calloc(wanted * SAMPLE_EACH, sizeof *sample);
    size_t count = take_sample(groups, sample, wanted * SAMPLE_EACH);
    ranges_deinit(&groups->ranges);
    ranges_init(&groups->ranges, sample, count, wanted);
    free(sample);
}

static void add_place(struct groups *groups, size_t index, size_t bucket) {
    if (index == groups->place_capacity) {
        groups->place_capacity = index ? 2 * index : 4096;
        groups->places =
            check_reallocarray(groups->places, groups->place_capacity, sizeof *groups->places);
    }
    groups->places[index] = (uint16_t)bucket;
}

/* First pass: each entry's bucket, and the buckets' sizes. The second one, fill_buckets(), copies;
 * remembering the buckets in between saves finding them again. */
static void find_places(struct groups *groups) {
    size_t index = 0;
    for (size_t i = 0; i < groups->block_count; i++) {
        const uint8_t *at = groups->blocks[i].bytes, *end = at + groups->blocks[i].length;
        int64_t time_us = 0;
        while (at < end) {
            struct stream_entry entry;
            struct text ignored;
            at = stream_entry_next(at, &time_us, &entry);
            size_t bucket = ranges_find(&groups->ranges, stream_entry_rest(&entry), &ignored);
            groups->ends[bucket] += BUCKET_ENTRY_HEAD + (size_t)entry.key_length + entry.body_size;
            add_place(groups, index++, bucket);
        }
    }
}

static void fill_buckets(struct groups *groups, size_t *fill) {
    size_t index = 0;
    for (size_t i = 0; i < groups->block_count; i++) {
        const uint8_t *at = groups->blocks[i].bytes, *end = at + groups->blocks[i].length;
        int64_t time_us = 0;
        while (at < end) {
            struct stream_entry entry;
            at = stream_entry_next(at, &time_us, &entry);
            size_t length = (size_t)entry.key_length + entry.body_size;
            uint8_t *to = groups->buckets + fill[groups->places[index]];
            fill[groups->places[index++]] += BUCKET_ENTRY_HEAD + length;
            store_u64(to, (uint64_t)entry.time_us << 1 | entry.may_be_late);
            store_u16(to + 8, entry.key_length);
            store_u16(to + 10, entry.body_size);
            memcpy(to + BUCKET_ENTRY_HEAD, entry.key, length);
        }
    }
}

static void deal_out(struct groups *groups) {
    size_t buckets = groups->ranges.count, size = 0;
    size_t *fill = check_calloc(buckets, sizeof *fill);
    free(groups->ends);
    groups->ends = check_calloc(buckets, sizeof *groups->ends);
    find_places(groups);
    for (size_t i = 0; i < buckets; i++) {
        fill[i] = size;
        size += groups->ends[i];
        groups->ends[i] = size;
    }
    if (size > groups->buckets_size) {
        free(groups->buckets);
        groups->buckets_size = size + size / 8;
        groups->buckets = check_malloc(groups->buckets_size);
    }
    fill_buckets(groups, fill);
    free(fill);
}

/* ---------------------------------------------------------------------------------------------
 * Sorting */

static struct text rest_of(const struct radix_item *item) {
    struct stream_entry entry = bucket_entry_at((const uint8_t *)(uintptr_t)item->item);
    return stream_entry_rest(&entry);
}

/* Insertion sort by the whole rest; stable, which keeps a key's entries in their order. */
static void sort_few(struct radix_item *items, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct radix_item item = items[i];
        struct text rest = rest_of(&item);
        size_t j = i;
        for (; j > 0 && text_compare(rest_of(&items[j - 1]), rest) > 0; j--)
            items[j] = items[j - 1];
        items[j] = item;
    }
}

/* Equality of two keys whose first eight bytes are equal. Up to 16 bytes, which most keys have, the
 * last eight bytes decide; they overlap the first ones where the key is shorter. */
static bool is_equal(struct text a, struct text b) {
    if (a.length != b.length)
        return false;
    if (a.length > 16)
        return memcmp(a.data, b.data, a.length) == 0;
    if (a.length <= 8)
        return true;
    uint64_t ends[2];
    memcpy(&ends[0], a.data + a.length - 8, 8);
    memcpy(&ends[1], b.data + b.length - 8, 8);
    return ends[0] == ends[1];
}

static bool are_equal(const struct radix_item *items, size_t count) {
    struct text first = rest_of(&items[0]);
    for (size_t i = 1; i < count; i++)
        if (!is_equal(rest_of(&items[i]), first))
            return false;
    return true;
}

static size_t count_equal(const struct radix_item *items, size_t count) {
    size_t equal = 1;
    while (equal < count && items[equal].number == items[0].number)
        equal++;
    return equal;
}

#define SORT_FEW 24

/* Sorts items that agree in all bytes before `from` and in the eight bytes there. */
static void sort_equal(struct groups *groups, struct radix_item *items, size_t count, size_t from) {
    if (count == 1 || are_equal(items, count))
        return;
    from += 8;
    if (count <= SORT_FEW || from > GENERATION_KEY_MAX) {
        sort_few(items, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        items[i].number = ranges_number_at(rest_of(&items[i]), from);
    radix_sort(items, groups->spare, count);
    for (size_t i = 0, equal; i < count; i += equal) {
        equal = count_equal(items + i, count - i);
        sort_equal(groups, items + i, equal, from);
    }
}

static void add_to_order(struct groups *groups, const uint8_t *at, struct text rest) {
    if (groups->count == groups->order_capacity) {
        groups->order_capacity = groups->count ? 2 * groups->count : 4096;
        groups->order =
            check_reallocarray(groups->order, groups->order_capacity, sizeof *groups->order);
        free(groups->spare);
        groups->spare = check_calloc(groups->order_capacity, sizeof *groups->spare);
    }
    groups->order[groups->count++] =
        (struct radix_item){.number = ranges_number_at(rest, 0), .item = (uintptr_t)at};
}

/* Indexes the current bucket and sorts it by the first eight bytes of the keys. */
static void sort_bucket(struct groups *groups) {
    size_t begin = groups->bucket ? groups->ends[groups->bucket - 1] : 0;
    const uint8_t *at = groups->buckets + begin;
    const uint8_t *end = groups->buckets + groups->ends[groups->bucket];
    groups->count = groups->run_end = 0;
    while (at < end) {
        struct stream_entry entry = bucket_entry_at(at);
        add_to_order(groups, at, stream_entry_rest(&entry));
        at = stream_entry_body(&entry) + entry.body_size;
    }
    if (groups->count > 0)
        radix_sort(groups->order, groups->spare, groups->count);
}

void groups_sort(struct groups *groups) {
    divide(groups);
    deal_out(groups);
    groups->bucket = 0;
    sort_bucket(groups);
}

bool groups_next(struct groups *groups, struct group *group) {
    size_t at = group->end;
    while (at == groups->count) {
        if (groups->bucket + 1 == groups->ranges.count)
            return false;
        groups->bucket++;
        sort_bucket(groups);
        at = 0;
    }
    if (at == groups->run_end) {
        size_t equal = count_equal(groups->order + at, groups->count - at);
        sort_equal(groups, groups->order + at, equal, 0);
        groups->run_end = at + equal;
    }
    group->first = at;
    group->rest = rest_of(&groups->order[at++]);
    while (at < groups->run_end && is_equal(rest_of(&groups->order[at]), group->rest))
        at++;
    group->end = at;
    return true;
}

void groups_deinit(struct groups *groups) {
    ranges_deinit(&groups->ranges);
    free(groups->blocks);
    free(groups->buckets);
    free(groups->ends);
    free(groups->places);
    free(groups->order);
    free(groups->spare);
}
