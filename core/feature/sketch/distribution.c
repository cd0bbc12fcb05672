#include "distribution.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define LINEAR_BITS 6 /* 64 buckets for each doubling */

enum form { FORM_SPARSE, FORM_DENSE };

/* Counts from 0, for magnitudes up to 2^63. */
static unsigned bucket_of_magnitude(uint64_t magnitude) {
    if (magnitude < 2u << LINEAR_BITS)
        return (unsigned)magnitude;
    unsigned shift = 63u - (unsigned)__builtin_clzll(magnitude) - LINEAR_BITS;
    return (shift << LINEAR_BITS) + (unsigned)(magnitude >> shift);
}

static uint64_t middle_of(unsigned bucket) {
    if (bucket < 2u << LINEAR_BITS)
        return bucket;
    if (bucket == DISTRIBUTION_NEGATIVE) /* 2^63 alone: no int64 has a greater magnitude */
        return UINT64_C(1) << 63;
    unsigned shift = (bucket >> LINEAR_BITS) - 1;
    uint64_t first = (uint64_t)(bucket - (shift << LINEAR_BITS)) << shift;
    return first + ((UINT64_C(1) << shift) - 1) / 2;
}

unsigned distribution_bucket(int64_t value) {
    if (value < 0)
        return DISTRIBUTION_NEGATIVE - bucket_of_magnitude(0 - (uint64_t)value);
    return DISTRIBUTION_NEGATIVE + bucket_of_magnitude((uint64_t)value);
}

int64_t distribution_value(unsigned bucket) {
    if (bucket < DISTRIBUTION_NEGATIVE)
        return (int64_t)(0 - middle_of(DISTRIBUTION_NEGATIVE - bucket));
    return (int64_t)middle_of(bucket - DISTRIBUTION_NEGATIVE);
}

void distribution_clear(struct distribution *distribution) {
    memset(distribution->used, 0, sizeof distribution->used);
}

void distribution_add(struct distribution *distribution, unsigned bucket, int64_t weight) {
    uint64_t bit = UINT64_C(1) << bucket % 64;
    if (!(distribution->used[bucket / 64] & bit))
        distribution->counts[bucket] = 0;
    distribution->used[bucket / 64] |= bit;
    distribution->counts[bucket] =
        (int64_t)((uint64_t)distribution->counts[bucket] + (uint64_t)weight);
}

unsigned distribution_next(const struct distribution *distribution, unsigned bucket) {
    if (bucket >= DISTRIBUTION_BUCKETS)
        return DISTRIBUTION_BUCKETS;
    size_t word = bucket / 64;
    uint64_t left = distribution->used[word] >> bucket % 64 << bucket % 64;
    while (left == 0 && ++word < DISTRIBUTION_WORDS)
        left = distribution->used[word];
    return left == 0 ? DISTRIBUTION_BUCKETS
                     : (unsigned)(64 * word) + (unsigned)__builtin_ctzll(left);
}

/* Bytes. */

/* The first bucket from this one on whose count is not 0; DISTRIBUTION_BUCKETS: none. */
static unsigned next_filled(const struct distribution *distribution, unsigned bucket) {
    bucket = distribution_next(distribution, bucket);
    while (bucket < DISTRIBUTION_BUCKETS && distribution->counts[bucket] == 0)
        bucket = distribution_next(distribution, bucket + 1);
    return bucket;
}

/* What decides the form. */
struct shape {
    unsigned first, last, filled; /* buckets */
    size_t sparse_size, dense_size;
};

static struct shape shape_of(const struct distribution *distribution) {
    struct shape shape = {.first = DISTRIBUTION_BUCKETS};
    size_t counts_size = 0;
    unsigned behind = 0; /* the bucket behind the last one */
    for (unsigned i = next_filled(distribution, 0); i < DISTRIBUTION_BUCKETS;
         i = next_filled(distribution, i + 1)) {
        shape.first = shape.filled == 0 ? i : shape.first;
        shape.last = i;
        shape.filled++;
        shape.sparse_size += varint_size(i - behind);
        counts_size += varint_size(zigzag(distribution->counts[i]));
        behind = i + 1;
    }
    unsigned length = shape.filled == 0 ? 0 : shape.last - shape.first + 1;
    shape.sparse_size += varint_size(shape.filled) + counts_size;
    shape.dense_size = varint_size(shape.first) + varint_size(length) + counts_size +
                       (length - shape.filled); /* a count of 0 takes one byte */
    return shape;
}

static void put_sparse(const struct distribution *distribution, const struct shape *shape,
                       struct buffer *bytes) {
    buffer_append_varint(bytes, shape->filled);
    unsigned behind = 0;
    for (unsigned i = next_filled(distribution, 0); i < DISTRIBUTION_BUCKETS;
         i = next_filled(distribution, i + 1)) {
        buffer_append_varint(bytes, i - behind);
        buffer_append_zigzag(bytes, distribution->counts[i]);
        behind = i + 1;
    }
}

static void put_dense(const struct distribution *distribution, const struct shape *shape,
                      struct buffer *bytes) {
    buffer_append_varint(bytes, shape->first);
    buffer_append_varint(bytes, shape->last - shape->first + 1);
    for (unsigned i = shape->first; i <= shape->last; i++)
        buffer_append_zigzag(
            bytes, distribution->used[i / 64] >> i % 64 & 1 ? distribution->counts[i] : 0);
}

void distribution_encode(const struct distribution *distribution, struct buffer *bytes) {
    struct shape shape = shape_of(distribution);
    bool is_dense = shape.filled > 0 && shape.dense_size < shape.sparse_size;
    buffer_append_varint(bytes, 1 + (is_dense ? shape.dense_size : shape.sparse_size));
    buffer_append_u8(bytes, is_dense ? FORM_DENSE : FORM_SPARSE);
    (is_dense ? put_dense : put_sparse)(distribution, &shape, bytes);
}

struct distribution_view distribution_take(struct cursor *cursor) {
    uint64_t size = cursor_varint(cursor);
    if (size > cursor_left(cursor))
        cursor->failed = true;
    if (cursor->failed)
        return (struct distribution_view){0};
    return (struct distribution_view){.bytes = (const uint8_t *)cursor_text(cursor, size).data,
                                      .length = size};
}

/* cursor_varint() with the common case inline: most numbers here are small. */
static inline uint64_t take_number(struct cursor *cursor) {
    if (cursor->at < cursor->end && *cursor->at < 0x80)
        return *cursor->at++;
    return cursor_varint(cursor);
}

static void take_sparse(struct distribution *distribution, struct cursor *cursor) {
    uint64_t left = cursor_varint(cursor), bucket = 0;
    for (; left > 0 && !cursor->failed; left--) {
        uint64_t gap = take_number(cursor);
        int64_t count = unzigzag(take_number(cursor));
        if (cursor->failed || gap >= DISTRIBUTION_BUCKETS - bucket) {
            cursor->failed = true;
            return;
        }
        bucket += gap;
        distribution_add(distribution, (unsigned)bucket, count);
        bucket++;
    }
}

static void take_dense(struct distribution *distribution, struct cursor *cursor) {
    uint64_t first = cursor_varint(cursor), length = cursor_varint(cursor);
    if (first > DISTRIBUTION_BUCKETS || length > DISTRIBUTION_BUCKETS - first)
        cursor->failed = true;
    for (uint64_t i = 0; i < length && !cursor->failed; i++) {
        int64_t count = unzigzag(take_number(cursor));
        if (count != 0)
            distribution_add(distribution, (unsigned)(first + i), count);
    }
}

bool distribution_add_view(struct distribution *distribution,
                           const struct distribution_view *view) {
    struct cursor cursor = cursor_of(view->bytes, view->length);
    uint8_t form = cursor_u8(&cursor);
    if (form == FORM_SPARSE)
        take_sparse(distribution, &cursor);
    else if (form == FORM_DENSE)
        take_dense(distribution, &cursor);
    else
        cursor.failed = true;
    return !cursor.failed && cursor_left(&cursor) == 0;
}

/* There is one way to spell it, and that is looked at by spelling it again. */
bool distribution_view_is_sound(const struct distribution_view *view) {
    struct distribution *distribution = check_malloc(sizeof *distribution);
    struct buffer again;
    buffer_init(&again);
    distribution_clear(distribution);
    bool sound = distribution_add_view(distribution, view);
    if (sound) {
        distribution_encode(distribution, &again);
        size_t head = varint_size(view->length);
        sound = again.length == head + view->length &&
                memcmp(again.bytes + head, view->bytes, view->length) == 0;
    }
    buffer_deinit(&again);
    free(distribution);
    return sound;
}
