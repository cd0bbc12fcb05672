/* Texts are in two places: in rows, and in the edges of collapsed tiles. Both are changed where
 * they are, in a layout that has room for the new text. Which entries are in a tile depends on
 * their times and numbers alone, so nothing else changes, but for entries of one time and id: these
 * are in the order of their columns. */
#include "state_texts.h"

#include "core/base/check.h"
#include "core/feature/live/encoding.h"

#include <string.h>

/* Of a cell with as many bytes, the last of which is the length. */
static void put_cell(uint8_t *cell, size_t size, struct text text) {
    check(text.length < size);
    memset(cell, 0, size);
    if (text.length > 0)
        memcpy(cell, text.data, text.length);
    cell[size - 1] = (uint8_t)text.length;
}

static bool replace_in_row(struct state *state, const struct entity_plan *entity, uint32_t i,
                           struct state_texts *texts) {
    const struct row_layout *layout = row_layout(state, entity);
    uint8_t *row = row_at(state, i);
    uint32_t present = row_present(entity, row_flags(layout, row)) & entity->text_columns;
    bool is_changed = false;
    for (; present; present &= present - 1) {
        size_t column = (size_t)__builtin_ctz(present);
        if (!texts->is_replaced(texts, column, row_text(layout, row, column)))
            continue;
        put_cell(row + layout->cell_at[column], layout->text_size, texts->by);
        texts->replaced++;
        is_changed = true;
    }
    return is_changed;
}

static bool replace_edge(struct state_texts *texts, int column, uint64_t *edge, size_t words) {
    if (!texts->is_replaced(texts, (size_t)column, cell_text(edge + 2, words)))
        return false;
    cell_put_text(edge + 2, words, texts->by);
    texts->replaced++;
    return true;
}

static bool replace_in_tile(struct state *state, const struct entity_plan *entity, uint64_t *tile,
                            struct state_texts *texts) {
    bool is_changed = false;
    for (size_t i = 0; i < entity->total_count; i++) {
        const struct total *total = &entity->totals[i];
        uint64_t *at = total_of(state, entity, tile, i), swapped[2 + COLUMN_TEXT_MAX / 8 + 1];
        if (!(total->needs & NEED_EDGES) || total->column < 0 ||
            entity->columns[total->column].type != COLUMN_TEXT || total_put_in(total, at) == 0)
            continue;
        size_t words = cell_words(state, entity, total);
        struct total_parts parts = total_parts(total, at, words);
        is_changed |= replace_edge(texts, total->column, parts.first, words);
        is_changed |= replace_edge(texts, total->column, parts.last, words);
        if (edges_are_in_order(state, entity, total, &parts))
            continue;
        size_t size = (2 + words) * sizeof *swapped; /* of one time and id */
        check(size <= sizeof swapped);
        memcpy(swapped, parts.first, size);
        memcpy(parts.first, parts.last, size);
        memcpy(parts.last, swapped, size);
    }
    return is_changed;
}

/* Rows i and i + 1: -1 in order, 0 the same entry, 1 the other way round. */
static int compare_rows(const struct state *state, const struct entity_plan *entity, uint32_t i) {
    struct row row, next;
    row_get(state, entity, i, &row);
    row_get(state, entity, i + 1, &next);
    int order = entry_compare(entity, &row.entry, &next.entry);
    return (order > 0) - (order < 0);
}

static void swap_rows(struct state *state, uint32_t i) {
    uint8_t row[ROW_SIZE_MAX];
    check(state->row_size <= sizeof row);
    memcpy(row, row_at(state, i), state->row_size);
    memcpy(row_at(state, i), row_at(state, i + 1), state->row_size);
    memcpy(row_at(state, i + 1), row, state->row_size);
}

/* Row i + 1 goes into row i, whose layout may have to become wider. */
static void join_rows(struct state *state, const struct entity_plan *entity, uint32_t i) {
    char kept[PLAN_COLUMNS_MAX][COLUMN_TEXT_MAX];
    struct row row, next;
    uint32_t begin = state->begin;
    row_get(state, entity, i, &row);
    row_get(state, entity, i + 1, &next);
    for (uint32_t texts = row.entry.present & entity->text_columns; texts; texts &= texts - 1) {
        size_t column = (size_t)__builtin_ctz(texts); /* they point to where it lies */
        struct text *text = &row.entry.texts[column];
        memcpy(kept[column], text->data, text->length);
        text->data = kept[column];
    }
    row_add(entity, &row, &next);
    rows_remove(state, entity, i + 1, i + 2);
    i += state->begin - begin; /* the rows in front have moved */
    state_fit(state, entity, &row);
    row_fill(state, entity, &row, row_at(state, i));
}

/* Mostly they are in order: different entries have different ids. */
static void order_rows(struct state *state, const struct entity_plan *entity) {
    for (uint32_t i = state->begin; i + 1 < state->end;) {
        int order = compare_rows(state, entity, i);
        if (order < 0) {
            i++;
            continue;
        }
        if (order == 0)
            join_rows(state, entity, i);
        else
            swap_rows(state, i);
        i = i > state->begin ? i - 1 : state->begin;
    }
}

static void make_room(struct state *state, const struct entity_plan *entity, struct text text) {
    struct entry entry = {.present = entity->text_columns};
    for (uint32_t left = entity->text_columns; left; left &= left - 1)
        entry.texts[__builtin_ctz(left)] = text;
    state_fit_columns(state, entity, &entry);
}

bool state_replace_texts(const void *bytes, size_t length, const struct entity_plan *entity,
                         struct state_texts *texts, struct buffer *ret_bytes) {
    struct state state;
    bool is_changed = false, are_rows_changed = false;
    check(texts->by.length <= COLUMN_TEXT_MAX);
    if (entity->text_columns == 0 || length == 0)
        return false;
    state_init(&state);
    state_assign(&state, entity, bytes, length);
    make_room(&state, entity, texts->by);
    for (uint32_t i = state.begin; i < state.end; i++)
        are_rows_changed |= replace_in_row(&state, entity, i, texts);
    for (uint32_t i = 0; i < tile_count(&state); i++)
        is_changed |= replace_in_tile(&state, entity,
                                      tile_at(&state, entity, state.tile_list->begin + i), texts);
    if (are_rows_changed)
        order_rows(&state, entity);
    is_changed |= are_rows_changed;
    if (is_changed)
        state_encode(&state, entity, ret_bytes);
    state_deinit(&state);
    return is_changed;
}
