/* Groups the entries of a piece of a stream by key: keys ascending, each key's entries in the order
 * in which they came.
 *
 * A piece is far larger than a processor's cache. So it is first distributed, in one sequential
 * pass, to buckets of neighbouring keys that do fit into it; the random accesses of sorting then
 * stay within one bucket. Not thread-safe; one per thread. Private to batch/. */
#pragma once

#include "batch/base/radix_sort.h"
#include "core/base/text.h"
#include "rebuild_job.h"

struct groups {
    struct piece_block {
        const uint8_t *bytes; /* the caller's */
        size_t length;
    } * blocks; /* of the piece */
    size_t block_count, block_capacity;
    struct ranges ranges; /* one per bucket */
    uint8_t *buckets;     /* all of them, one behind the other */
    size_t buckets_size;
    size_t *ends;     /* of each bucket, in `buckets` */
    uint16_t *places; /* each entry's bucket, in the order of the piece */
    size_t place_capacity;
    size_t bucket;                    /* the one being read */
    struct radix_item *order, *spare; /* its entries; .item: the entry's address */
    size_t count, order_capacity;
    size_t run_end; /* entries before this one are in their final order */
};

/* All entries of one key. Valid until the next one. */
struct group {
    struct text rest;  /* the key without the prefix of the stream's range */
    size_t first, end; /* its entries: groups_entry() of [first, end) */
};

/* A zeroed struct is valid and empty. Memory is kept from piece to piece. */
void groups_deinit(struct groups *groups);
void groups_clear(struct groups *groups);
/* Adds a block of a stream; its bytes must stay valid until groups_sort() has returned. */
void groups_collect(struct groups *groups, const uint8_t *bytes, size_t length);
/* After the last block. */
void groups_sort(struct groups *groups);
/* Advances to the next group; a zeroed *group advances to the first one. false: the end. */
bool groups_next(struct groups *groups, struct group *group);

/* An entry in a bucket: u64 time × 2, + 1 if it is a transaction's; u16 length of the key's rest,
 * u16 length of the body; rest, body. */
#define BUCKET_ENTRY_HEAD 12

static inline struct stream_entry bucket_entry_at(const uint8_t *at) {
    uint64_t packed = load_u64(at);
    return (struct stream_entry){.time_us = (int64_t)packed >> 1,
                                 .key = at + BUCKET_ENTRY_HEAD,
                                 .key_length = load_u16(at + 8),
                                 .body_size = load_u16(at + 10),
                                 .may_be_late = packed & 1};
}

static inline struct stream_entry groups_entry(const struct groups *groups, size_t at) {
    return bucket_entry_at((const uint8_t *)(uintptr_t)groups->order[at].item);
}
