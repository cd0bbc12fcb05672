/* The entries of a piece of a stream, group by group: those of one key as they came, the keys in
 * their order.
 *
 * A stream is as large as the scan likes it, far larger than a processor's cache. So a piece is
 * first dealt out to heaps of neighbouring keys that do fit, in one pass from front to end; all
 * that goes to and fro is done with one heap after the other. Private to batch/. */
#pragma once

#include "batch/base/radix_sort.h"
#include "core/base/text.h"
#include "rebuild_job.h"

struct groups {
    struct gathered {
        const uint8_t *bytes;
        size_t length;
    } * blocks; /* of the piece */
    size_t block_count, block_capacity;
    struct ranges ranges; /* of the heaps */
    uint8_t *heaps;       /* all of them, one behind the other */
    size_t heaps_size;
    size_t *ends;     /* of each one in `heaps` */
    uint16_t *places; /* of each entry, in the order of the piece: its heap */
    size_t place_capacity;
    size_t heap;                      /* the one at hand */
    struct radix_item *order, *spare; /* .item: where an entry of this heap is */
    size_t count, order_capacity;
    size_t run_end; /* up to here the order is complete */
};

/* All entries of one key. Valid until the next one. */
struct group {
    struct text rest;  /* of the key, behind what all of the stream begin with */
    size_t first, end; /* for groups_entry(): from `first` to before `end` */
};

/* Begins with all zero. */
void groups_deinit(struct groups *groups);
void groups_clear(struct groups *groups);
/* A block of a stream; it must stay until groups_sort(). */
void groups_collect(struct groups *groups, const uint8_t *bytes, size_t length);
/* After the last block. */
void groups_sort(struct groups *groups);
/* Goes on to the next group, from all zero to the first one; false: there is none. */
bool groups_next(struct groups *groups, struct group *group);

/* An entry in a heap: time × 2, + 1 when it is a transaction's; lengths of rest and body; those. */
#define HEAP_ENTRY_HEAD 12

static inline struct stream_entry heap_entry_at(const uint8_t *at) {
    uint64_t packed = load_u64(at);
    return (struct stream_entry){.time_us = (int64_t)packed >> 1,
                                 .key = at + HEAP_ENTRY_HEAD,
                                 .key_length = load_u16(at + 8),
                                 .body_size = load_u16(at + 10),
                                 .is_transaction = packed & 1};
}

static inline struct stream_entry groups_entry(const struct groups *groups, size_t at) {
    return heap_entry_at((const uint8_t *)(uintptr_t)groups->order[at].item);
}
