#include "value_blocks.h"

#include "core/base/check.h"
#include "core/store/generation/generation.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_VALUES 4096u
#define NO_SHARE     (-1)
/* Of all blocks that are open, some tens of megabytes: with many shares and thresholds most blocks
 * are handed on before they are full. */
#define HELD_MAX (1u << 20)

struct open_block {
    uint32_t count;
    struct buffer values, times, keys;
};

struct value_blocks {
    const struct threshold_task *task;
    struct block_queue *queue;
    uint64_t sequence;
    struct open_block **open; /* [threshold × shares + share]; NULL: none yet */
    size_t open_count, held;  /* held: values in them */
    uint64_t *made;           /* values of each threshold */
    struct buffer whole;
};

struct value_blocks *value_blocks_new(const struct threshold_task *task, uint64_t sequence,
                                      struct block_queue *queue) {
    struct value_blocks *blocks = check_calloc(1, sizeof *blocks);
    blocks->task = task;
    blocks->queue = queue;
    blocks->sequence = sequence;
    blocks->open_count = task->job.snapshot->threshold_count * task->features->shares;
    blocks->open = check_calloc(blocks->open_count + 1, sizeof(struct open_block *));
    blocks->made = check_calloc(task->job.snapshot->threshold_count + 1, sizeof *blocks->made);
    buffer_init(&blocks->whole);
    return blocks;
}

void value_blocks_free(struct value_blocks *blocks) {
    if (!blocks)
        return;
    for (size_t i = 0; i < blocks->open_count; i++) {
        if (!blocks->open[i])
            continue;
        buffer_deinit(&blocks->open[i]->values);
        buffer_deinit(&blocks->open[i]->times);
        buffer_deinit(&blocks->open[i]->keys);
        free(blocks->open[i]);
    }
    free(blocks->open);
    free(blocks->made);
    buffer_deinit(&blocks->whole);
    free(blocks);
}

static void hand_on(struct value_blocks *blocks, size_t index) {
    struct open_block *open = blocks->open[index];
    size_t shares = blocks->task->features->shares, threshold = index / shares;
    bool has_groups = blocks->task->job.snapshot->thresholds[threshold].key_count > 0;
    struct buffer *whole = &blocks->whole;
    if (!open || open->count == 0)
        return;
    buffer_clear(whole);
    buffer_append_u32(whole, open->count);
    buffer_append(whole, open->values.bytes, open->values.length);
    buffer_append(whole, open->times.bytes, open->times.length);
    buffer_append(whole, open->keys.bytes, open->keys.length);
    const struct arrow_row row = {.share = has_groups ? (int32_t)(index % shares) : NO_SHARE,
                                  .stream = (int32_t)threshold,
                                  .sequence = (int64_t)blocks->sequence++,
                                  .block = buffer_text(whole)};
    block_queue_add(blocks->queue, &row);
    blocks->held -= open->count;
    open->count = 0;
    buffer_clear(&open->values);
    buffer_clear(&open->times);
    buffer_clear(&open->keys);
}

static struct open_block *open_of(struct value_blocks *blocks, size_t index) {
    if (!blocks->open[index]) {
        struct open_block *open = check_calloc(1, sizeof *open);
        buffer_init(&open->values);
        buffer_init(&open->times);
        buffer_init(&open->keys);
        blocks->open[index] = open;
    }
    return blocks->open[index];
}

static size_t share_of(const struct value_blocks *blocks, const struct threshold_value *value) {
    const struct threshold *threshold = &blocks->task->job.snapshot->thresholds[value->threshold];
    struct text key = {.data = value->key, .length = value->key_length};
    if (threshold->key_count == 0)
        return 0;
    return threshold_share(blocks->task, generation_baseline_hash(threshold->definition, key));
}

static void hand_on_all(struct value_blocks *blocks) {
    for (size_t i = 0; i < blocks->open_count; i++)
        hand_on(blocks, i);
}

int value_blocks_put(void *user, const struct threshold_value *values, size_t count,
                     struct error *ret_error) {
    struct value_blocks *blocks = user;
    (void)ret_error;
    for (size_t i = 0; i < count; i++) {
        const struct threshold_value *value = &values[i];
        size_t index = value->threshold * blocks->task->features->shares + share_of(blocks, value);
        struct open_block *open = open_of(blocks, index);
        buffer_append(&open->values, &value->value, sizeof value->value);
        buffer_append_u64(&open->times, (uint64_t)value->event_time_us);
        buffer_append_varint(&open->keys, value->key_length);
        buffer_append(&open->keys, value->key, value->key_length);
        blocks->held++;
        blocks->made[value->threshold]++;
        if (++open->count == BLOCK_VALUES)
            hand_on(blocks, index);
        if (blocks->held == HELD_MAX)
            hand_on_all(blocks);
    }
    return 0;
}

void value_blocks_end(struct value_blocks *blocks, bool of_records) {
    size_t count = blocks->task->job.snapshot->threshold_count;
    struct buffer *whole = &blocks->whole;
    hand_on_all(blocks);
    buffer_clear(whole);
    buffer_append_u8(whole, of_records);
    for (size_t i = 0; i < count; i++)
        buffer_append_varint(whole, blocks->made[i]);
    const struct arrow_row row = {.share = NO_SHARE,
                                  .stream = (int32_t)count,
                                  .sequence = (int64_t)blocks->sequence++,
                                  .block = buffer_text(whole)};
    block_queue_add(blocks->queue, &row);
}

/* ---- in ---- */

static int damaged(struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED, "a block of thresholds' values is damaged");
}

int value_block_open(struct text block, struct value_block *ret_block, struct error *ret_error) {
    struct cursor cursor = cursor_of(block.data, block.length);
    struct text head = cursor_text(&cursor, sizeof(uint32_t));
    size_t count = cursor.failed ? 0 : load_u32((const uint8_t *)head.data);
    struct text values = cursor_text(&cursor, count * sizeof(double));
    struct text times = cursor_text(&cursor, count * sizeof(int64_t));
    if (cursor.failed)
        return damaged(ret_error);
    *ret_block = (struct value_block){
        .count = count, .values = values.data, .times_us = times.data, .keys = cursor};
    return 0;
}

double value_block_value(const struct value_block *block, size_t index) {
    double value;
    memcpy(&value, block->values + index * sizeof value, sizeof value);
    return value;
}

int value_block_get(struct value_block *block, size_t index, struct threshold_value *ret_value,
                    struct error *ret_error) {
    uint64_t length = cursor_varint(&block->keys);
    if (block->keys.failed || length > sizeof ret_value->key)
        return damaged(ret_error);
    struct text key = cursor_text(&block->keys, (size_t)length);
    if (block->keys.failed)
        return damaged(ret_error);
    ret_value->value = value_block_value(block, index);
    ret_value->event_time_us =
        (int64_t)load_u64((const uint8_t *)block->times_us + index * sizeof(int64_t));
    ret_value->key_length = key.length;
    if (key.length > 0)
        memcpy(ret_value->key, key.data, key.length);
    return 0;
}
