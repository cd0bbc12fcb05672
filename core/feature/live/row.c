#include "row.h"

#include "core/base/check.h"
#include "core/base/heap.h"

#include <stdlib.h>

/* Memory. */

void *state_resize(struct state *state, void *block, size_t size, size_t wanted) {
    return state->is_in_heap ? heap_resize(heap_of(state), block, block ? size : 0, wanted)
                             : check_realloc(block, wanted);
}

void state_free(struct state *state, void *block, size_t size) {
    if (state->is_in_heap)
        heap_free(heap_of(state), block, size);
    else
        free(block);
}

/* Entries. */

uint32_t entry_present(const struct entity_plan *entity, const struct entry *entry) {
    uint32_t present = entry->present & entity->all_columns;
    for (uint32_t texts = present & entity->text_columns; texts != 0; texts &= texts - 1)
        if (entry->texts[__builtin_ctz(texts)].length > COLUMN_TEXT_MAX)
            present &= ~(texts & -texts);
    return present;
}

bool entry_is_single(const struct entity_plan *entity, const struct entry *entry,
                     const struct row_tally *tally) {
    uint32_t others = (tally->transactions ^ 1) | tally->taken;
    for (size_t i = 0; i < entity->filter_count; i++)
        others |= (uint32_t)entry->weights[i] & ~UINT32_C(1);
    return others == 0;
}

/* The text, zeros, its length. Short ones as one number, whose bytes behind the cell mean nothing.
 */
static inline void put_text(struct text text, size_t size, uint8_t *at) {
    if (size <= sizeof(uint64_t)) {
        uint64_t word = (uint64_t)text.length << 8 * (size - 1);
        for (size_t i = 0; i < text.length; i++)
            word |= (uint64_t)(uint8_t)text.data[i] << 8 * i;
        store_u64(at, word);
        return;
    }
    memset(at, 0, size);
    if (text.length > 0)
        memcpy(at, text.data, text.length);
    at[size - 1] = (uint8_t)text.length;
}

void row_of_entry(const struct entity_plan *entity, const struct entry *entry,
                  struct row *ret_row) {
    ret_row->entry = *entry;
    ret_row->tally.transactions = entry->transaction;
    ret_row->tally.taken = entry->is_taken_out;
    if (!entry->is_taken_out)
        return;
    for (size_t i = 0; i < entity->filter_count; i++) {
        bool is_plain = !entity->filters[i].outcome;
        ret_row->tally.taken_weights[i] = is_plain ? (uint32_t)entry->weights[i] : 0;
        ret_row->entry.weights[i] = is_plain ? 0 : entry->weights[i];
    }
}

/* In layouts that have it, and in those that have that, too, nothing as taken out. */
static void put_tally(const struct entity_plan *entity, const struct row_layout *layout,
                      const struct entry *entry, uint32_t transactions, uint8_t *row) {
    uint8_t *at = row + layout->tally_at;
    store_u32(at, transactions);
    for (size_t i = 0; i < entity->filter_count; i++)
        store_u32(at += sizeof(uint32_t), (uint32_t)entry->weights[i]);
    if (layout->taken_at > 0)
        memset(row + layout->taken_at, 0, sizeof(uint32_t) * (1 + entity->filter_count));
}

static void put_taken(const struct entity_plan *entity, const struct row_layout *layout,
                      const struct row_tally *tally, uint8_t *row) {
    if (tally->taken == 0)
        return;
    check(layout->taken_at > 0);
    uint8_t *at = row + layout->taken_at;
    store_u32(at, tally->taken);
    for (size_t i = 0; i < entity->filter_count; i++)
        store_u32(at += sizeof(uint32_t), tally->taken_weights[i]);
}

/* Weights as bits, from the lowest on. What else they have is added to *misfits. */
static inline uint64_t weight_bits(const struct entity_plan *entity, const struct entry *entry,
                                   uint64_t *misfits) {
    uint64_t bits = 0, others = 0;
    for (size_t i = 0; i < entity->filter_count; i++) {
        uint64_t weight = (uint32_t)entry->weights[i];
        bits |= (weight & 1) << i;
        others |= weight & ~UINT64_C(1);
    }
    *misfits |= others;
    return bits;
}

void row_set_weights(const struct state *state, const struct entity_plan *entity,
                     const struct row *row, uint8_t *at) {
    const struct row_layout *layout = row_layout(state, entity);
    uint64_t flags = load_u64(at + layout->flags_at);
    if (layout->tally_at > 0) {
        put_tally(entity, layout, &row->entry, row->tally.transactions, at);
        put_taken(entity, layout, &row->tally, at);
        return;
    }
    uint64_t passed_mask = layout->flags_mask & ~(uint64_t)entity->all_columns, misfits = 0;
    uint64_t passed = weight_bits(entity, &row->entry, &misfits) << entity->column_count;
    store_u64(at + layout->flags_at, (flags & ~passed_mask) | passed);
    check(misfits == 0);
}

/* Numbers are written as eight bytes, in order: what is too much of one is the next one's place.
 * What lies behind the row is put back. */
bool row_try_fill(const struct state *state, const struct entity_plan *entity,
                  const struct entry *entry, uint32_t transactions, uint8_t *at) {
    const struct row_layout *layout = row_layout(state, entity);
    uint32_t present =
        entity->text_columns ? entry_present(entity, entry) : entry->present & entity->all_columns;
    uint64_t time_us = (uint64_t)entry->time_us - (uint64_t)state->origin_us;
    uint64_t flags = present, behind = load_u64(at + layout->size);
    uint64_t misfits = time_us & ~layout->time_mask; /* bits that have no room */
    if (layout->tally_at == 0) {
        flags |= weight_bits(entity, entry, &misfits) << entity->column_count;
        misfits |= transactions ^ 1;
    }
    store_u64(at, time_us);
    if (entity->id_size > 0)
        store_u64(at + layout->id_at, entry->id_hash);
    store_u64(at + layout->flags_at, flags);
    for (size_t i = 0; i < entity->column_count; i++) {
        bool is_there = present >> i & 1;
        uint8_t *cell = at + layout->cell_at[i];
        if (!(entity->text_columns >> i & 1)) {
            unsigned shift = layout->cell_shift[i];
            int64_t value = is_there ? entry->integers[i] : 0;
            misfits |= (uint64_t)((int64_t)((uint64_t)value << shift) >> shift ^ value);
            store_u64(cell, (uint64_t)value);
        } else if (is_there && entry->texts[i].length >= layout->text_size) {
            misfits = 1;
        } else {
            put_text(is_there ? entry->texts[i] : (struct text){0}, layout->text_size, cell);
        }
    }
    if (layout->tally_at > 0)
        put_tally(entity, layout, entry, transactions, at);
    store_u64(at + layout->size, behind);
    return misfits == 0;
}

void row_fill(const struct state *state, const struct entity_plan *entity, const struct row *row,
              uint8_t *at) {
    check(row_try_fill(state, entity, &row->entry, row->tally.transactions, at));
    put_taken(entity, row_layout(state, entity), &row->tally, at);
}

void row_get(const struct state *state, const struct entity_plan *entity, size_t i,
             struct row *ret_row) {
    const struct row_layout *layout = row_layout(state, entity);
    const uint8_t *row = row_at(state, i);
    struct entry *entry = &ret_row->entry;
    entry->time_us = row_time(state, layout, i);
    entry->id_hash = entity->id_size > 0 ? load_u64(row + layout->id_at) : 0;
    entry->present = row_present(entity, row_flags(layout, row));
    for (size_t j = 0; j < entity->column_count; j++)
        if (entity->text_columns >> j & 1)
            entry->texts[j] = row_text(layout, row, j);
        else
            entry->integers[j] = row_number(layout, row, j);
    for (size_t j = 0; j < entity->filter_count; j++)
        entry->weights[j] = (int32_t)row_put_in(entity, layout, row, (int)j);
    ret_row->tally.transactions = (uint32_t)row_put_in(entity, layout, row, -1);
    ret_row->tally.taken = (uint32_t)row_taken_out(layout, row, -1);
    for (size_t j = 0; ret_row->tally.taken > 0 && j < entity->filter_count; j++)
        ret_row->tally.taken_weights[j] = (uint32_t)row_taken_out(layout, row, (int)j);
}

/* Marks. */

static uint32_t shifted(uint32_t i, int64_t from, uint32_t removed, int64_t by) {
    if (i == ROW_UNKNOWN || i < from)
        return i;
    return i - from < removed ? ROW_UNKNOWN : (uint32_t)(i + by);
}

/* Rows from index `from` on have other indices, by so much; the first `removed` of them are gone.
 * from -1: all rows have. */
static void shift_marks(struct state *state, const struct entity_plan *entity, int64_t from,
                        uint32_t removed, int64_t by) {
    struct windows *windows = state->windows;
    if (!windows)
        return;
    for (size_t i = 0; i < entity->border_count; i++) {
        int64_t row = windows->marks[i].row;
        if (row > from)
            windows->marks[i].row = (uint32_t)((row - from < removed ? from + removed : row) + by);
    }
    for (size_t i = 0; i < entity->aggregation_count; i++) {
        if (!(entity->comings[i].kept & (KEPT_FIRST | KEPT_LAST)))
            continue;
        uint64_t *word = &windows_words(windows, entity)[edges_word(&entity->comings[i])];
        uint32_t first = shifted((uint32_t)*word, from, removed, by);
        *word = first | (uint64_t)shifted((uint32_t)(*word >> 32), from, removed, by) << 32;
    }
}

/* Rows. */

static void close_gap(struct state *state, const struct entity_plan *entity) {
    uint32_t by = state->begin;
    memmove(state->rows, row_at(state, by), (size_t)(state->end - by) * state->row_size);
    state->begin = 0;
    state->end -= by;
    shift_marks(state, entity, -1, 0, -(int64_t)by);
}

/* Many entities have a single row. Of the others most have more than two soon, and among millions
 * of states the blocks before and behind the one that is given back are seldom in the cache. */
static uint32_t more_than(uint32_t capacity) {
    uint32_t more = capacity < 1 ? 1 : capacity < 4 ? 3 : capacity < 16 ? 4 : capacity / 4;
    check(capacity <= UINT32_MAX - more - 1);
    return capacity + more;
}

void rows_reserve(struct state *state, uint32_t capacity) {
    if (capacity <= state->capacity)
        return;
    state->rows = state_resize(state, state->rows, rows_size(state->capacity, state->row_size),
                               rows_size(capacity, state->row_size));
    state->capacity = capacity;
}

static void make_room(struct state *state, const struct entity_plan *entity) {
    if (state->begin > state->capacity / 4) {
        close_gap(state, entity);
        return;
    }
    rows_reserve(state, more_than(state->capacity));
}

uint32_t rows_insert(struct state *state, const struct entity_plan *entity, uint32_t i) {
    uint32_t before = i - state->begin;
    if (state->end == state->capacity)
        make_room(state, entity);
    i = state->begin + before;
    if (i < state->end) {
        memmove(row_at(state, i + 1), row_at(state, i), (size_t)(state->end - i) * state->row_size);
        shift_marks(state, entity, i, 0, 1);
    }
    state->end++;
    return i;
}

void rows_remove(struct state *state, const struct entity_plan *entity, uint32_t from,
                 uint32_t to) {
    uint32_t count = to - from;
    if (count == 0)
        return;
    shift_marks(state, entity, from, count, -(int64_t)count);
    if (state->end - to < from - state->begin) {
        memmove(row_at(state, from), row_at(state, to),
                (size_t)(state->end - to) * state->row_size);
        state->end -= count;
        return;
    }
    memmove(row_at(state, state->begin + count), row_at(state, state->begin),
            (size_t)(from - state->begin) * state->row_size);
    state->begin += count;
    shift_marks(state, entity, -1, 0, count);
}

uint32_t rows_find(const struct state *state, const struct entity_plan *entity, int64_t time_us) {
    const struct row_layout *layout = row_layout(state, entity);
    uint32_t low = state->begin, high = state->end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (row_time(state, layout, middle) < time_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
