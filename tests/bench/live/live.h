/* A prototype, not used by Harrier: entity states as plain structures, measured beside those of
 * core/feature, which are their canonical bytes.
 *
 * Entries are rows of a fixed width, in order of time; collapsed tiles are rows of totals. A state
 * with more than LIVE_FEW rows, or with tiles, has one accumulator per window, which moves forward
 * as rows and tiles enter and leave. Distinct values are counted by links: a row has the distances
 * to the previous and to the next row with the same value, so the count of a window is the number
 * of its rows whose next row of the same value is outside it.
 *
 * Left out, because the measurement does not need it: outcomes, late entries, sketches, rows wider
 * than the narrow layout (each of these ends the program), reads behind the newest entry, and the
 * canonical encoding. */
#pragma once

#include "core/feature/state/state.h"
#include "core/feature/window/gather.h"

#define LIVE_FEW   16
#define LIVE_POOLS 8

struct live_op { /* what one row or tile does to one gathering when it passes a border */
    uint16_t gathering, word, kept;
    uint8_t weight_at;
    int8_t column, pool;
    bool comes;
    int8_t sign;
    uint32_t column_bit;
    uint16_t total_word, opens, closes; /* of a tile; the span's borders */
};

struct live_plan {
    const struct entity_plan *entity;
    size_t pool_count;
    /* Rows: u48 time since origin_us, u64 id, flags (present, then passed), links (to the row
     * before and the row behind with the value, as distances), cells. [1]: of a state with values
     * that do not fit the narrow one. */
    struct live_layout {
        size_t size, flags_at, links_at, link_size;
        uint64_t flags_mask, link_mask;
        size_t cell_at[PLAN_COLUMNS_MAX];
        uint8_t cell_bits[PLAN_COLUMNS_MAX];
    } layouts[2];
    uint32_t present_mask;
    unsigned passed_shift;
    uint16_t first_op[2 * PLAN_SPANS_MAX + 1];
    struct live_op *ops, *span_ops; /* border by border; span by span, those that come */
    uint16_t first_span_op[PLAN_SPANS_MAX + 1];
    uint16_t word_of[PLAN_GATHERINGS_MAX];
    uint16_t kept_of[PLAN_GATHERINGS_MAX];
    size_t word_count, border_count;
    uint16_t total_words[PLAN_GATHERINGS_MAX];
    size_t tile_words;
    uint64_t distance_us[2 * PLAN_SPANS_MAX];
    uint64_t pool_reach_us;
};

struct live_windows;
struct live_tiles;
struct live {
    uint8_t *rows;
    uint32_t begin, end, capacity; /* rows */
    uint32_t base;                 /* row i has the number base + i */
    uint16_t row_size;
    bool is_wide;
    int64_t origin_us;
    int64_t quiet_us, newest_us;
    struct live_windows *windows;
    struct live_tiles *tiles;
};

struct live_hint {
    uint32_t newest[LIVE_POOLS]; /* number of the newest row with the current value + 1; 0: none */
};

void live_plan_init(struct live_plan *plan, const struct entity_plan *entity);
void live_deinit(struct live *live);
void live_read(struct live *live, const struct live_plan *plan, int64_t at_us,
               const struct entry *current, struct gather *gather, struct value *ret_values,
               struct live_hint *ret_hint);
void live_apply(struct live *live, const struct live_plan *plan, const struct entry *entry,
                const struct live_hint *hint);
size_t live_bytes(const struct live *live, const struct live_plan *plan);
