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

void distribution_deinit(struct distribution *distribution) {
    free(distribution->buckets);
    *distribution = (struct distribution){0};
}

/* The first bucket that is not before this one. */
static uint32_t find_bucket(const struct distribution *distribution, unsigned bucket) {
    uint32_t low = 0, high = distribution->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (distribution->buckets[middle].number < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert_bucket(struct distribution *distribution, uint32_t at, struct bucket bucket) {
    if (distribution->count == distribution->capacity) {
        distribution->capacity += distribution->capacity / 2 + 4;
        distribution->buckets = check_reallocarray(distribution->buckets, distribution->capacity,
                                                   sizeof *distribution->buckets);
    }
    struct bucket *place = &distribution->buckets[at];
    memmove(place + 1, place, (distribution->count - at) * sizeof *place);
    *place = bucket;
    distribution->count++;
}

void distribution_add(struct distribution *distribution, unsigned bucket, int64_t weight) {
    uint32_t at = find_bucket(distribution, bucket);
    if (at == distribution->count || distribution->buckets[at].number != bucket) {
        if (weight != 0)
            insert_bucket(distribution, at, (struct bucket){.count = weight, .number = bucket});
        return;
    }
    struct bucket *there = &distribution->buckets[at];
    there->count = (int64_t)((uint64_t)there->count + (uint64_t)weight);
    if (there->count == 0) {
        distribution->count--;
        memmove(there, there + 1, (distribution->count - at) * sizeof *there);
    }
}

void distribution_add_all(struct distribution *distribution, const struct distribution *other) {
    for (uint32_t i = 0; i < other->count; i++)
        distribution_add(distribution, other->buckets[i].number, other->buckets[i].count);
}

/* Bytes. */

/* What decides the form. */
struct shape {
    unsigned first, length; /* buckets from the first to the last */
    size_t sparse_size, dense_size;
};

static struct shape shape_of(const struct distribution *distribution) {
    struct shape shape = {.first = DISTRIBUTION_BUCKETS};
    size_t counts_size = 0;
    unsigned behind = 0; /* the bucket behind the last one */
    for (uint32_t i = 0; i < distribution->count; i++) {
        const struct bucket *bucket = &distribution->buckets[i];
        shape.sparse_size += varint_size(bucket->number - behind);
        counts_size += varint_size(zigzag(bucket->count));
        behind = bucket->number + 1;
    }
    if (distribution->count > 0) {
        shape.first = distribution->buckets[0].number;
        shape.length = behind - shape.first;
    }
    shape.sparse_size += varint_size(distribution->count) + counts_size;
    shape.dense_size = varint_size(shape.first) + varint_size(shape.length) + counts_size +
                       (shape.length - distribution->count); /* a count of 0 takes one byte */
    return shape;
}

static void put_sparse(const struct distribution *distribution, struct buffer *bytes) {
    unsigned behind = 0;
    buffer_append_varint(bytes, distribution->count);
    for (uint32_t i = 0; i < distribution->count; i++) {
        const struct bucket *bucket = &distribution->buckets[i];
        buffer_append_varint(bytes, bucket->number - behind);
        buffer_append_zigzag(bytes, bucket->count);
        behind = bucket->number + 1;
    }
}

static void put_dense(const struct distribution *distribution, const struct shape *shape,
                      struct buffer *bytes) {
    buffer_append_varint(bytes, shape->first);
    buffer_append_varint(bytes, shape->length);
    const struct bucket *bucket = distribution->buckets;
    for (unsigned i = shape->first; i < shape->first + shape->length; i++)
        buffer_append_zigzag(bytes, bucket->number == i ? (bucket++)->count : 0);
}

void distribution_encode(const struct distribution *distribution, struct buffer *bytes) {
    struct shape shape = shape_of(distribution);
    bool is_dense = distribution->count > 0 && shape.dense_size < shape.sparse_size;
    buffer_append_varint(bytes, 1 + (is_dense ? shape.dense_size : shape.sparse_size));
    buffer_append_u8(bytes, is_dense ? FORM_DENSE : FORM_SPARSE);
    if (is_dense)
        put_dense(distribution, &shape, bytes);
    else
        put_sparse(distribution, bytes);
}

static void append_bucket(struct distribution *distribution, uint64_t number, int64_t count) {
    insert_bucket(distribution, distribution->count,
                  (struct bucket){.count = count, .number = (uint32_t)number});
}

static void take_sparse(struct distribution *distribution, struct cursor *cursor) {
    uint64_t left = cursor_varint(cursor), bucket = 0;
    for (; left > 0 && !cursor->failed; left--) {
        uint64_t gap = cursor_varint(cursor);
        int64_t count = cursor_zigzag(cursor);
        if (cursor->failed || count == 0 || gap >= DISTRIBUTION_BUCKETS - bucket) {
            cursor->failed = true;
            return;
        }
        bucket += gap;
        append_bucket(distribution, bucket, count);
        bucket++;
    }
}

static void take_dense(struct distribution *distribution, struct cursor *cursor) {
    uint64_t first = cursor_varint(cursor), length = cursor_varint(cursor);
    if (length == 0 || first > DISTRIBUTION_BUCKETS || length > DISTRIBUTION_BUCKETS - first)
        cursor->failed = true;
    for (uint64_t i = 0; i < length && !cursor->failed; i++) {
        int64_t count = cursor_zigzag(cursor);
        bool is_edge = i == 0 || i == length - 1;
        if (count != 0)
            append_bucket(distribution, first + i, count);
        else if (is_edge)
            cursor->failed = true;
    }
}

void distribution_decode(struct cursor *cursor, struct distribution *ret_distribution) {
    uint64_t size = cursor_varint(cursor);
    if (cursor->failed || size > cursor_left(cursor)) {
        cursor->failed = true;
        return;
    }
    struct cursor inside = cursor_of(cursor->at, size);
    uint8_t form = cursor_u8(&inside);
    if (form == FORM_SPARSE)
        take_sparse(ret_distribution, &inside);
    else if (form == FORM_DENSE)
        take_dense(ret_distribution, &inside);
    else
        inside.failed = true;
    cursor->at += size;
    cursor->failed = inside.failed || cursor_left(&inside) > 0;
}
