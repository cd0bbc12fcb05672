#include "feature_entries.h"

#include "batch/base/record_bytes.h"
#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

/* While the part is read. */
struct reading {
    struct entity_entries_sink sink;
    const struct feature_task *task;
    size_t part;
    struct engine *engine;
    struct arena arena;
    struct arrow_blocks *blocks;
    const struct record *record;
    struct buffer *items;    /* a block for each share */
    struct buffer *outcomes; /* likewise for each part */
    uint32_t rows;           /* handed on */
    bool only_outcomes;      /* on their way to rows, without items */
};

static void hand_on(struct reading *reading, size_t share, int32_t stream, struct buffer *block) {
    const struct arrow_row row = {.share = (int32_t)share,
                                  .stream = stream,
                                  .sequence =
                                      (int64_t)((uint64_t)reading->part << 32 | reading->rows++),
                                  .block = buffer_text(block)};
    /* A part's own outcomes even where there are none: the row tells that the part exists. */
    if (block->length > 0 || (size_t)stream == 1 + reading->part)
        arrow_blocks_add(reading->blocks, &row);
    buffer_clear(block);
}

static void take_entity(struct entity_entries_sink *self, const struct entity_entries *entries_of) {
    struct reading *reading = (struct reading *)self;
    const struct feature_task *task = reading->task;
    const struct entity_plan *plan = &task->policy->plan.entities[entries_of->entity];
    struct feature_item item = {.position = reading->record->position,
                                .key_hash = entries_of->key_hash,
                                .entity = entries_of->entity,
                                .key = entries_of->key,
                                .is_read = reading->record->type == RECORD_TRANSACTION,
                                .entry = *entries_of->entry};
    for (size_t i = 0; i < plan->filter_count; i++) {
        if (item.is_read)
            item.read |= (uint32_t)(item.entry.weights[i] != 0) << i;
        item.plus |= (uint32_t)(entries_of->applied[i] > 0) << i;
        item.minus |= (uint32_t)(entries_of->applied[i] < 0) << i;
    }
    size_t share = feature_share(task, item.entity, item.key_hash);
    struct buffer *block = &reading->items[share];
    feature_item_put(block, task->parts[reading->part].first, plan, &item);
    if (block->length >= FEATURE_BLOCK_BYTES)
        hand_on(reading, share, FEATURE_ITEMS, block);
}

/* The part that has the record at this position. */
static size_t part_of(const struct feature_task *task, uint64_t position) {
    size_t low = 0, high = task->part_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (task->parts[middle].first <= position)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void take_outcome(struct reading *reading) {
    const struct outcome_record *outcome = &reading->record->outcome;
    if (outcome->transaction_position == 0) /* of an unknown transaction */
        return;
    struct buffer *block =
        &reading->outcomes[part_of(reading->task, outcome->transaction_position)];
    buffer_append_u64(block, outcome->transaction_position);
    buffer_append_u64(block, reading->record->position);
    buffer_append_u8(block, (uint8_t)outcome->label);
}

bool feature_outcome_next(struct cursor *cursor, struct feature_outcome *ret_outcome) {
    if (cursor_left(cursor) == 0)
        return false;
    ret_outcome->transaction_position = cursor_u64(cursor);
    ret_outcome->position = cursor_u64(cursor);
    ret_outcome->label = (enum label)cursor_u8(cursor);
    return !cursor->failed;
}

static int read_records(struct reading *reading, struct archive_part_reader *reader,
                        struct error *ret_error) {
    struct archive_part_record found;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1) {
        struct record record;
        if (!record_type_has_entities(found.type) ||
            (reading->only_outcomes && found.type != RECORD_OUTCOME))
            continue;
        arena_reset(&reading->arena);
        r = archive_part_decode(reader, &reading->arena, &record, ret_error);
        if (r < 0)
            return r;
        reading->record = &record;
        if (!reading->only_outcomes)
            engine_entity_entries(reading->engine, &record, &reading->sink);
        if (record.type == RECORD_OUTCOME)
            take_outcome(reading);
    }
    return r;
}

static void hand_on_rest(struct reading *reading) {
    const struct feature_task *task = reading->task;
    for (size_t share = 0; share < task->shares; share++)
        hand_on(reading, share, FEATURE_ITEMS, &reading->items[share]);
    for (size_t part = 0; part < task->part_count; part++)
        hand_on(reading, part % task->shares, (int32_t)(1 + part), &reading->outcomes[part]);
}

/* As a task of values would pass them on. */
static void pass_on_outcomes(struct reading *reading) {
    const struct feature_task *task = reading->task;
    for (size_t part = 0; part < task->part_count; part++) {
        const struct arrow_row row = {
            .share = (int32_t)feature_output(task, part),
            .stream = (int32_t)part,
            .sequence =
                FEATURE_OUTCOMES | (int64_t)((uint64_t)reading->part << 32 | reading->rows++),
            .block = buffer_text(&reading->outcomes[part])};
        if (row.block.length > 0 || part == reading->part)
            arrow_blocks_add(reading->blocks, &row);
    }
}

static int read_part(const struct feature_task *task, const char *folder, size_t part,
                     bool only_outcomes, struct arrow_blocks *blocks, struct error *ret_error) {
    struct archive_parts *parts;
    struct archive_part_reader *reader;
    check(part < task->part_count && task->policy);
    int r = archive_parts_open_one(folder, &task->parts[part], &parts, ret_error);
    if (r < 0)
        return r;
    struct reading reading = {.sink = {.take = take_entity},
                              .task = task,
                              .part = part,
                              .engine = engine_new(task->policy, task->policy),
                              .blocks = blocks,
                              .only_outcomes = only_outcomes};
    arena_init(&reading.arena, RECORD_BYTES_MAX);
    reading.items = check_calloc(task->shares, sizeof *reading.items);
    reading.outcomes = check_calloc(task->part_count, sizeof *reading.outcomes);
    r = archive_part_open(parts, 0, 0, false, &reader, ret_error);
    if (r == 0) {
        r = read_records(&reading, reader, ret_error);
        archive_part_close(reader);
    }
    if (r == 0 && only_outcomes)
        pass_on_outcomes(&reading);
    else if (r == 0)
        hand_on_rest(&reading);
    for (size_t i = 0; i < task->shares; i++)
        buffer_deinit(&reading.items[i]);
    for (size_t i = 0; i < task->part_count; i++)
        buffer_deinit(&reading.outcomes[i]);
    free(reading.items);
    free(reading.outcomes);
    engine_free(reading.engine);
    arena_deinit(&reading.arena);
    archive_parts_close(parts);
    return r;
}

int feature_entries(const struct feature_task *task, const char *folder, size_t part,
                    struct arrow_blocks *blocks, struct error *ret_error) {
    return read_part(task, folder, part, false, blocks, ret_error);
}

int feature_outcomes(const struct feature_task *task, const char *folder, size_t part,
                     struct arrow_blocks *blocks, struct error *ret_error) {
    return read_part(task, folder, part, true, blocks, ret_error);
}
