/* Rows: raw entries in memory. All rows of a state have one layout of the plan's (plan.h), the
 * narrowest that has had room for every one of them:
 *
 *   time    6 or 8 bytes, microseconds since state->origin_us
 *   id      8 bytes, id_hash; none after plan_omit_ids()
 *   flags   bit i: column i has a value; behind those, bit i: the entry passes filter i
 *   cells   numbers, sign-extended; texts, padded with zeros, the last byte their length
 *   tally   only in layouts that have one: u32 transactions, i32 weight of each filter. Other
 *           layouts hold nothing but single transactions with weights 0 and 1
 *   taken   only in layouts that have it: u32 transactions that were taken out again, and of how
 *           many of them each plain filter was passed, u32. In other layouts none were
 *
 * Rows ascend by (time, identity as state.c encodes it). Internal to core/feature. */
#pragma once

#include "core/base/buffer.h"
#include "live.h"

/* Behind the last row there is room for this, so that every number can be loaded as eight bytes. */
#define ROW_SPARE 8

/* The widest there can be, and that room. */
#define ROW_SIZE_MAX                                                                               \
    (16 + 8 + PLAN_COLUMNS_MAX * (COLUMN_TEXT_MAX + 8) + 8 * (1 + PLAN_FILTERS_MAX) + ROW_SPARE)

/* How often an entry was put in, and how often it was taken out again. Both only grow, so that
 * records can come in any order. The weights of an entry that was never taken out are in its
 * `entry` alone. */
struct row_tally {
    uint32_t transactions; /* 0: only outcomes so far, or what takes it out */
    uint32_t taken;        /* 0: the weights below mean nothing */
    uint32_t taken_weights[PLAN_FILTERS_MAX];
};

/* A row, taken apart. Texts point to where it lies. The entry's weights are those of what was put
 * in, and of outcomes; its `transaction` and `is_taken_out` mean nothing. */
struct row {
    struct entry entry;
    struct row_tally tally;
};

static inline const struct row_layout *row_layout(const struct state *state,
                                                  const struct entity_plan *entity) {
    return &entity->rows[state->layout];
}
static inline uint8_t *row_at(const struct state *state, size_t i) {
    return state->rows + i * state->row_size;
}
static inline int64_t row_time(const struct state *state, const struct row_layout *layout,
                               size_t i) {
    return (int64_t)((uint64_t)state->origin_us + (load_u64(row_at(state, i)) & layout->time_mask));
}
static inline uint64_t row_flags(const struct row_layout *layout, const uint8_t *row) {
    return load_u64(row + layout->flags_at) & layout->flags_mask;
}
static inline uint32_t row_present(const struct entity_plan *entity, uint64_t flags) {
    return (uint32_t)flags & entity->all_columns;
}
/* Of a layout without tally: bit 0 is 1, bit i + 1 is the weight in filter i. */
static inline uint64_t row_weights(const struct entity_plan *entity, uint64_t flags) {
    return flags >> entity->column_count << 1 | 1;
}
static inline int64_t row_number(const struct row_layout *layout, const uint8_t *row,
                                 size_t column) {
    unsigned shift = layout->cell_shift[column];
    return (int64_t)(load_u64(row + layout->cell_at[column]) << shift) >> shift;
}
static inline struct text row_text(const struct row_layout *layout, const uint8_t *row,
                                   size_t column) {
    const uint8_t *at = row + layout->cell_at[column];
    return (struct text){.data = (const char *)at, .length = at[layout->text_size - 1]};
}
/* How often the entry was put in for a filter, and outcomes' differences; -1: for no filter, its
 * transactions. */
static inline int64_t row_put_in(const struct entity_plan *entity, const struct row_layout *layout,
                                 const uint8_t *row, int filter) {
    if (layout->tally_at == 0)
        return (int64_t)(row_weights(entity, row_flags(layout, row)) >> (filter + 1) & 1);
    const uint8_t *at = row + layout->tally_at + sizeof(uint32_t) * (size_t)(filter + 1);
    return filter < 0 ? (int64_t)load_u32(at) : (int64_t)(int32_t)load_u32(at);
}
/* How often it was taken out. */
static inline int64_t row_taken_out(const struct row_layout *layout, const uint8_t *row,
                                    int filter) {
    return layout->taken_at == 0 ? 0
                                 : (int64_t)load_u32(row + layout->taken_at +
                                                     sizeof(uint32_t) * (size_t)(filter + 1));
}
/* How often the entry counts for a filter; -1: for no filter. */
static inline int64_t row_weight(const struct entity_plan *entity, const struct row_layout *layout,
                                 const uint8_t *row, int filter) {
    return row_put_in(entity, layout, row, filter) - row_taken_out(layout, row, filter);
}
/* The same of an aggregation or a total: 0 if the entry lacks the column. column -1: none. */
static inline int64_t row_counts(const struct entity_plan *entity, const struct row_layout *layout,
                                 const uint8_t *row, int column, int filter) {
    if (column >= 0 && !(row_flags(layout, row) >> column & 1))
        return 0;
    return row_weight(entity, layout, row, filter);
}

/* Columns that a state keeps of the entry: present and not too long. */
uint32_t entry_present(const struct entity_plan *entity, const struct entry *entry);
/* Is it, with this tally, what a layout without one can hold? */
bool entry_is_single(const struct entity_plan *entity, const struct entry *entry,
                     const struct row_tally *tally);
/* How often it was put in for a filter; -1: for none. */
static inline int64_t entry_put_in(const struct entry *entry, const struct row_tally *tally,
                                   int filter) {
    return filter < 0 ? (int64_t)tally->transactions : entry->weights[filter];
}
/* How often it counts. */
static inline int64_t entry_weight(const struct entry *entry, const struct row_tally *tally,
                                   int filter) {
    if (tally->taken == 0)
        return entry_put_in(entry, tally, filter);
    uint32_t taken = filter < 0 ? tally->taken : tally->taken_weights[filter];
    return entry_put_in(entry, tally, filter) - (int64_t)taken;
}
/* What one record brings, as a row has it. */
void row_of_entry(const struct entity_plan *entity, const struct entry *entry, struct row *ret_row);
/* Puts an entry of a transaction or an outcome into a row. False: it has no room there, and what is
 * in the row means nothing. */
bool row_try_fill(const struct state *state, const struct entity_plan *entity,
                  const struct entry *entry, uint32_t transactions, uint8_t *at);
/* Of one that has room. */
void row_fill(const struct state *state, const struct entity_plan *entity, const struct row *row,
              uint8_t *at);
/* The weights and the tally, in the place of the row's own, if there is room. */
void row_set_weights(const struct state *state, const struct entity_plan *entity,
                     const struct row *row, uint8_t *at);
void row_get(const struct state *state, const struct entity_plan *entity, size_t i,
             struct row *ret_row);

/* Room for one more row in front of row i (state->end: behind all), with the marks of the windows
 * moved; what is in it is the caller's to fill. Returns its index: other rows may move as well. */
uint32_t rows_insert(struct state *state, const struct entity_plan *entity, uint32_t i);
/* Memory for so many. */
void rows_reserve(struct state *state, uint32_t capacity);
/* Takes out rows [from, to), and what the marks of the windows say about them: the caller sees to
 * what the windows hold. */
void rows_remove(struct state *state, const struct entity_plan *entity, uint32_t from, uint32_t to);
/* Drops the rows before `to`. The others, and the marks, keep their indices: what is dropped has
 * passed all borders, or the windows are not known. */
static inline void rows_drop(struct state *state, uint32_t to) {
    state->begin = to;
}
/* The first row that is not before this time. */
uint32_t rows_find(const struct state *state, const struct entity_plan *entity, int64_t time_us);

/* Memory of the state's own: in its heap, if it is in one. size: what was asked for before. */
void *state_resize(struct state *state, void *block, size_t size, size_t wanted);
void state_free(struct state *state, void *block, size_t size);
/* rows, for so many; with the room behind them */
static inline size_t rows_size(size_t capacity, size_t row_size) {
    return capacity * row_size + ROW_SPARE;
}

/* What the accumulators keep. */
static inline uint64_t *windows_words(struct windows *windows, const struct entity_plan *entity) {
    return (uint64_t *)(windows->marks + entity->border_count);
}
/* Without what else lies behind them. */
static inline size_t accumulators_end(const struct entity_plan *entity) {
    return sizeof(struct windows) + entity->border_count * sizeof(struct mark) +
           entity->word_count * sizeof(uint64_t);
}
/* KEPT_FIRST and KEPT_LAST: the first and the last row of a window that count, as halves of a word;
 * where the first or the last is not known, ROW_UNKNOWN. */
#define ROW_UNKNOWN UINT32_MAX
static inline size_t edges_word(const struct change *coming) {
    return coming->word + (size_t)1 + (coming->kept & KEPT_SUM ? 2 : 0) +
           (coming->kept & KEPT_SQUARES ? 3 : 0) + (coming->kept & KEPT_EXTREMES ? 2 : 0);
}
