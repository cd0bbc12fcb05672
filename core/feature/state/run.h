/* A run: stored entries one behind the other, in order. state.c documents the bytes.
 *
 * Internal to core/feature. Everything that is kept raw is kept as a run: all of a state, or what
 * has not collapsed of it. */
#pragma once

#include "core/base/buffer.h"
#include "core/feature/plan/plan.h"
#include "state.h"

/* The longest identity: id hash, mask, and every column a text of full length. */
#define RUN_IDENTITY_SIZE_MAX (8 + 5 + PLAN_COLUMNS_MAX * (2 + COLUMN_TEXT_MAX))
#define RUN_TALLY_SIZE_MAX    (5 + PLAN_FILTERS_MAX * 5)
#define RUN_ENTRY_SIZE_MAX    (BUFFER_VARINT_MAX + RUN_IDENTITY_SIZE_MAX + RUN_TALLY_SIZE_MAX)

/* One stored entry, decoded. Its four parts are [start, identity) the time, [identity, tally),
 * [tally, end). Arrays are only filled where `present`, `is_short` and the plan say so; texts point
 * into the run. */
struct run_entry {
    const uint8_t *start, *identity, *tally, *end;
    int64_t time_us;
    uint32_t present;
    uint32_t transactions; /* 0: only outcomes so far */
    uint32_t passed;       /* is_short: bit i is the weight of filter i; else see weights */
    bool is_short;         /* one transaction, and each weight is 0 or 1 */
    int64_t integers[PLAN_COLUMNS_MAX];
    struct text texts[PLAN_COLUMNS_MAX];
    int32_t weights[PLAN_FILTERS_MAX];
};

/* The weight of the entry in filter i. */
static inline int32_t run_weight(const struct run_entry *entry, size_t i) {
    return entry->is_short ? (int32_t)(entry->passed >> i & 1) : entry->weights[i];
}

/* is_short: the weights as bits, that without a filter lowest. */
static inline uint64_t run_weights(const struct run_entry *entry) {
    return (uint64_t)entry->passed << 1 | 1;
}

/* A reader. cursor.failed after run_next() returned false: the bytes are not a run. */
struct run {
    struct cursor cursor;
    const struct entity_plan *entity;
    int64_t time_us; /* of the entry before */
};

/* first_us: time of the first entry. */
static inline struct run run_open(const void *bytes, size_t length,
                                  const struct entity_plan *entity, int64_t first_us) {
    return (struct run){.cursor = cursor_of(bytes, length), .entity = entity, .time_us = first_us};
}
/* The next entry, with all weights; false at the end. Never reads outside the bytes, whatever they
 * are. */
bool run_next(struct run *run, struct run_entry *ret_entry);

/* varint_put(), and quicker; there must be room for BUFFER_VARINT_MAX bytes, whatever it is. The
 * second writes what ends there and returns where it begins. */
uint8_t *run_put_varint(uint8_t *at, uint64_t value);
uint8_t *run_put_varint_before(uint8_t *end, uint64_t value);

/* Write to memory that has RUN_…_SIZE_MAX bytes and return the byte behind. */
uint8_t *run_put_identity(const struct entity_plan *entity, const struct entry *entry, uint8_t *at);
uint8_t *run_put_tally(const struct entity_plan *entity, uint32_t transactions,
                       const int32_t *weights, uint8_t *at);
/* The tally of two entries that are the same one. */
uint8_t *run_put_tally_sum(const struct entity_plan *entity, const struct run_entry *a,
                           const struct run_entry *b, uint8_t *at);

/* One entry that stands by itself, with its time known from elsewhere. */
bool run_take_entry(struct cursor *cursor, const struct entity_plan *entity, int64_t time_us,
                    struct run_entry *ret_entry);

/* Order of entries: time, then identity bytes. <0, 0, >0. */
int run_compare(const struct run_entry *a, const struct run_entry *b);

/* Columns that a state keeps of the entry: present and not too long. */
uint32_t run_present(const struct entity_plan *entity, const struct entry *entry);
