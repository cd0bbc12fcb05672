/* The different values in each window, for distinct and is_new. Internal to core/feature.
 *
 * While nothing has collapsed, each row's value is counted as it comes and leaves. Where there are
 * sketch tiles, a sketch counts as of its newest time, and so does a row between its oldest and
 * newest time; as sketches cannot be taken off again, all is counted anew when one passes a border.
 * A window that reads registers has an estimate instead of a count. */
#pragma once

#include "sketch_tile.h"
#include "value_counts.h"

/* Of one aggregation of values: those that are only known by registers, and all. */
struct estimate {
    bool is_needed;  /* there are registers in the window; else nothing else means anything */
    bool is_current; /* `number` is of these registers */
    bool has_lost;   /* the registers have a value that has left */
    int64_t number;
    struct registers sketched, all;
};

struct distinct {
    struct value_counts counts; /* the values that are known one by one, of all pools */
    struct estimate *estimates; /* [counter]; NULL: none is needed */
    int64_t due_us;             /* when a sketch passes a border next */
    /* Of the newest sketch tile: its oldest and its newest time. */
    int64_t sketch_oldest_us, sketch_newest_us;
    uint64_t are_estimated; /* bit i: of that one's pool i; of the first 64 pools */
    bool is_known;          /* else it has to be counted anew */
    uint16_t counter_count; /* the plan's */
    int64_t exact[];        /* [counter]: values in `counts`; behind them, its first slots */
};

/* Lies in memory of the caller's, of this size. */
size_t distinct_size(const struct entity_plan *entity);
void distinct_init(struct distinct *distinct, const struct entity_plan *entity);
void distinct_deinit(struct distinct *distinct);
size_t distinct_bytes(const struct distinct *distinct); /* beside that memory */
/* Nothing is in any window; is that all that there is to know? */
void distinct_clear(struct distinct *distinct, const struct entity_plan *entity, bool is_known);

/* A row comes into a window or leaves it. Not of rows between the oldest and the newest time of a
 * sketch. */
void distinct_change(struct distinct *distinct, const struct change *change, bool comes,
                     uint64_t value);
/* Is a time in no sketch tile? Mostly it is behind all, which is known without a look at them. */
bool is_in_no_sketch(const struct state *state, int64_t time_us);
static inline bool distinct_is_lone(const struct distinct *distinct, const struct state *state,
                                    int64_t time_us) {
    return sketch_tile_count(state) == 0 ||
           (distinct->is_known && time_us > distinct->sketch_newest_us) ||
           is_in_no_sketch(state, time_us);
}
/* Counts everything as of at_us. */
void distinct_recount(struct distinct *distinct, const struct state *state,
                      const struct entity_plan *entity, int64_t at_us);
/* An entry was added to a sketch tile, after all was counted as of at_us. */
void distinct_note_grown(struct distinct *distinct, const struct state *state,
                         const struct entity_plan *entity, const struct entry *entry,
                         int64_t at_us);

/* Rows [from, to) are about to be taken out: their values have gone into this sketch tile, whose
 * pools were estimated before that as far as were_estimated says (distinct_estimated()). */
uint64_t distinct_estimated(const struct sketch_tile *tile, const struct entity_plan *entity);
void distinct_note_moved(struct distinct *distinct, const struct state *state,
                         const struct entity_plan *entity, const struct sketch_tile *tile,
                         uint64_t were_estimated, uint32_t from, uint32_t to, int64_t at_us);

/* What one aggregation has. `value`: the current transaction's; NULL: it has none. */
struct distinct_found {
    int64_t count, with_current;
    bool matched;      /* the value is one of those known */
    bool is_estimated; /* the counts are, and the value may be among those not known */
};
struct distinct_found distinct_find(struct distinct *distinct, const struct change *coming,
                                    const uint64_t *value);
