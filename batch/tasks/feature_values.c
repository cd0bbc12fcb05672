/* Blocks of values: position − the part's first one, number of the entity × 2 + 1 if it was read
 * late (varints), then the value of each of its features. */
#include "feature_values.h"

#include "batch/chunk/replay_states.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <stdlib.h>

struct feature_values {
    const struct feature_task *task;
    struct replay_states *states;
    struct value *read; /* of one entity */
    struct buffer block;
    size_t part; /* that the block is for */
    int32_t share;
    struct arrow_order order;
    uint32_t rows;
    struct feature_item item;
};

struct feature_values *feature_values_new(const struct feature_task *task) {
    struct feature_values *values = check_calloc(1, sizeof *values);
    values->task = task;
    values->states = replay_states_new(task->policy, 1, 1, true);
    values->read = check_calloc(values->states->value_count + 1, sizeof *values->read);
    buffer_init(&values->block);
    return values;
}

void feature_values_free(struct feature_values *values) {
    if (!values)
        return;
    replay_states_free(values->states);
    buffer_deinit(&values->block);
    free(values->read);
    free(values);
}

static void hand_on(struct feature_values *values, struct arrow_blocks *blocks) {
    const struct arrow_row row = {.share = (int32_t)feature_output(values->task, values->part),
                                  .stream = (int32_t)values->part,
                                  .sequence =
                                      (int64_t)((uint64_t)values->share << 32 | values->rows++),
                                  .block = buffer_text(&values->block)};
    if (values->block.length > 0)
        arrow_blocks_add(blocks, &row);
    buffer_clear(&values->block);
}

static void weigh(struct entry *entry, size_t filters, uint32_t plus, uint32_t minus) {
    for (size_t i = 0; i < filters; i++)
        entry->weights[i] = (int32_t)(plus >> i & 1) - (int32_t)(minus >> i & 1);
}

static void read_item(struct feature_values *values, struct state *state) {
    struct feature_item *item = &values->item;
    const struct entity_plan *plan = values->states->entities[item->entity];
    weigh(&item->entry, plan->filter_count, item->read, 0);
    int late =
        engine_read(values->states->engines[0], item->entity, state, &item->entry, values->read);
    buffer_append_varint(&values->block, item->position - values->task->parts[values->part].first);
    buffer_append_varint(&values->block, (uint64_t)item->entity << 1 | (late > 0));
    for (size_t i = 0; i < plan->feature_count; i++)
        feature_value_put(&values->block, values->read[i]);
}

static void take_item(struct feature_values *values) {
    struct feature_item *item = &values->item;
    const struct plan *plan = &values->states->plan->plan;
    const struct entity_plan *entity = values->states->entities[item->entity];
    struct state_table *live = &values->states->shards[0].live;
    struct held_state *held = state_table_find(live, item->entity, item->key, item->key_hash);
    if (item->is_read)
        read_item(values, held ? &held->state : NULL);
    if (!held)
        held = state_table_add(live, item->entity, item->key, item->key_hash);
    weigh(&item->entry, entity->filter_count, item->plus, item->minus);
    state_apply(&held->state, entity, plan->lateness_us, &item->entry);
}

static int take_items(struct feature_values *values, const struct arrow_row *row,
                      struct arrow_blocks *blocks, struct error *ret_error) {
    size_t part = (size_t)((uint64_t)row->sequence >> 32);
    if (part >= values->task->part_count)
        return error_set(ret_error, ERROR_INVALID, "items of part %zu, which is not known", part);
    if (part != values->part || values->block.length >= FEATURE_BLOCK_BYTES) {
        hand_on(values, blocks);
        values->part = part;
    }
    struct cursor cursor = cursor_of(row->block.data, row->block.length);
    int r = 0;
    while (r == 0 && cursor_left(&cursor) > 0) {
        r = feature_item_get(&cursor, values->task->parts[part].first, &values->states->plan->plan,
                             &values->item, ret_error);
        if (r == 0)
            take_item(values);
    }
    return r;
}

/* They come through this task because they are found in another part than they are needed in. */
static void pass_on_outcomes(const struct feature_values *values, const struct arrow_row *row,
                             struct arrow_blocks *blocks) {
    size_t part = (size_t)row->stream - 1;
    const struct arrow_row passed = {.share = (int32_t)feature_output(values->task, part),
                                     .stream = (int32_t)part,
                                     .sequence = FEATURE_OUTCOMES | row->sequence,
                                     .block = row->block};
    arrow_blocks_add(blocks, &passed);
}

static int take_row(struct feature_values *values, const struct arrow_row *row,
                    struct arrow_blocks *blocks, struct error *ret_error) {
    int r = arrow_order_next(&values->order, row, ret_error);
    if (r < 0)
        return r;
    if (row->stream < 0 || (size_t)row->stream > values->task->part_count)
        return error_set(ret_error, ERROR_INVALID, "stream %" PRId32 " is not known", row->stream);
    values->share = row->share;
    if (row->stream == FEATURE_ITEMS)
        return take_items(values, row, blocks, ret_error);
    pass_on_outcomes(values, row, blocks);
    return 0;
}

int feature_values_take(struct feature_values *values, const struct arrow_rows *rows,
                        struct arrow_blocks *blocks, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < rows->count && r == 0; i++) {
        struct arrow_row row = arrow_rows_at(rows, i);
        r = take_row(values, &row, blocks, ret_error);
    }
    return r;
}

void feature_values_end(struct feature_values *values, struct arrow_blocks *blocks) {
    hand_on(values, blocks);
}
