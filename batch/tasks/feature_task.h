/* The point-in-time features of a whole archive, in tasks of other processes. What `harrier replay
 * --policy DIR --features FILE` writes, cell for cell, by the engine's three steps (engine.h):
 *
 *   rare      one task a part: lists' changes, adopted thresholds, policies    feature_rare()
 *   entries   one task a part: an item for each entity of each record          feature_entries.h
 *   shuffle   items to shares, by entity; in the order of positions
 *   values    one task a share: reads, then applies each item                  feature_values.h
 *   shuffle   values to the parts that their transactions are in
 *   rows      one task for some parts: decides each transaction                feature_rows.h
 *
 * Possible because a policy that does not feed back into its features needs no decision before
 * another: verdicts in features are the archived ones. Private to batch/. */
#pragma once

#include "arrow_blocks.h"
#include "core/engine/engine.h"
#include "core/store/archive/archive_parts.h"

struct feature_task {
    struct snapshot *policy; /* NULL: not chosen yet, only for feature_rare() */
    size_t shares;           /* of the entities */
    size_t outputs;          /* of the parts: files that are written */
    size_t part_count;
    struct archive_part_bounds *parts;
};

/* policy NULL: for feature_rare(). Appends to ret_bytes. */
void feature_task_describe(const struct archive_part_bounds *parts, size_t part_count,
                           const struct snapshot *policy, size_t shares, size_t outputs,
                           struct buffer *ret_bytes);
/* ERROR_UNSUPPORTED, ERROR_INVALID: as rebuild_task_open(). */
int feature_task_open(struct text description, struct feature_task **ret_task,
                      struct error *ret_error);
void feature_task_close(struct feature_task *task); /* NULL is allowed */

/* Adds one row with the rare records of a part that the rows of later parts depend on. The share is
 * 0, the sequence the part. */
int feature_rare(const struct feature_task *task, const char *folder, size_t part,
                 struct arrow_blocks *blocks, struct error *ret_error);
/* A record in such a block; texts point into it. false: there are no more. */
struct rare_record {
    enum record_type type;
    uint64_t position;
    struct text payload;
};
bool feature_rare_next(struct cursor *cursor, struct rare_record *ret_record);

/* Which share has an entity's state. */
static inline size_t feature_share(const struct feature_task *task, size_t entity,
                                   uint64_t key_hash) {
    uint64_t mixed = key_hash ^ (uint64_t)(entity + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(((mixed >> 32) * task->shares) >> 32);
}
/* Which file a part's rows are in: in the order of the parts. */
static inline size_t feature_output(const struct feature_task *task, size_t part) {
    return part * task->outputs / task->part_count;
}

/* ---- blocks ---- */

#define FEATURE_BLOCK_BYTES ((size_t)128 << 10) /* a block is handed on when it reaches that */

/* Streams of the first shuffle: 0 for items, 1 + part for outcomes on their way to a part. Streams
 * of the second one: the part; there sequences from FEATURE_OUTCOMES on are blocks of outcomes. */
#define FEATURE_ITEMS    0
#define FEATURE_OUTCOMES (INT64_C(1) << 62)

/* One entity of one record, before its state is known. */
struct feature_item {
    uint64_t position, key_hash;
    size_t entity;
    struct text key;
    bool is_read;               /* a transaction, whose features are needed */
    uint32_t read, plus, minus; /* bit i: weight of filter i when reading, its sign when applying */
    struct entry entry;         /* without weights */
};
/* base: position that the block's items are counted from. */
void feature_item_put(struct buffer *block, uint64_t base, const struct entity_plan *plan,
                      const struct feature_item *item);
/* Texts point into the block. ERROR_DAMAGED */
int feature_item_get(struct cursor *cursor, uint64_t base, const struct plan *plan,
                     struct feature_item *ret_item, struct error *ret_error);

void feature_value_put(struct buffer *block, struct value value);
struct value feature_value_get(struct cursor *cursor);
