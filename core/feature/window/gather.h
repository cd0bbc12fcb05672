/* Gathering: one pass over a state that collects what the values of all its features are made from,
 * and the making of the values. Internal to core/feature; state_read() drives it. */
#pragma once

#include "core/feature/sketch/quantile.h"
#include "core/feature/sketch/sightings.h"
#include "core/feature/state/run.h"
#include "core/feature/state/tile.h"
#include "core/feature/state/total.h"
#include "course.h"

/* What one struct gathering has found. Beside `count`, only what its needs say is kept up. */
struct gathered {
    int128 sum;          /* of weight × value */
    int128 squares_high; /* sum of weight × value² = squares_high × 2^64 + squares_low */
    uint64_t squares_low;
    int64_t count; /* sum of weights */
    int64_t distinct;
    bool any;        /* at least one transaction: min, max, first and last mean something */
    bool matched;    /* the current transaction's value is among them */
    bool is_blurred; /* some of the values are only known by registers */
    /* From here on all means something only if there is any, or if it is blurred. */
    int64_t min, max;
    uint64_t first_age_us, last_age_us;
    struct cell first, last;
    int64_t distinct_with_current; /* is_blurred: estimated, as is `distinct` */
};

/* A sketch tile. Its views, one for each pool, lie in gather->views. */
struct gathered_sketch {
    int64_t oldest_us, newest_us;
    size_t first_view;
};

/* What gather_few() has decoded: entries of windows, oldest first. */
#define FEW_MAX       64 /* there are fewer */
#define FEW_BYTES_MAX 4096
struct few {
    uint64_t any_missing, any_tally;    /* of all of them: columns; what the tallies say */
    const uint8_t *end;                 /* of the run, in `bytes` */
    uint8_t starts[2 * PLAN_SPANS_MAX]; /* [border]: how many have passed it */
    int64_t times_us[FEW_MAX];
    uint32_t missing[FEW_MAX], passed[FEW_MAX]; /* bits of columns, of filters */
    int64_t cells[PLAN_COLUMNS_MAX][FEW_MAX];
    /* The run, copied. However damaged, an entry that begins in it ends in here: each number may be
     * spelled in as many bytes as any. */
    uint8_t bytes[FEW_BYTES_MAX + RUN_ENTRY_SIZE_MAX + (3 + PLAN_COLUMNS_MAX) * BUFFER_VARINT_MAX];
};

struct gather {
    const struct entity_plan *entity;
    const struct entry *current;               /* may be NULL */
    uint32_t current_present, current_missing; /* bits of columns */
    int32_t current_weights[COURSE_WEIGHTS];   /* course.h; all 0 without a current one */
    int64_t at_us;
    struct gathered gathered[PLAN_GATHERINGS_MAX]; /* parallel to the plan's gatherings */
    struct gathered stretch[PLAN_GATHERINGS_MAX];  /* parallel to its totals; see gather_run() */
    struct sightings sightings;
    struct quantile *quantiles; /* one for each gathering of the plan that needs it */
    size_t quantile_capacity;
    struct gathered_sketch *sketches;
    struct sketch_view *views;
    size_t sketch_count, sketch_capacity, view_count, view_capacity;
    uint64_t unknown_count; /* is_new that registers could not tell */
    struct few few;
};

void gather_init(struct gather *gather);
void gather_deinit(struct gather *gather);

/* Says what is read, without a word about what has been gathered. entity and current must stay
 * until gather_give(). */
void gather_open(struct gather *gather, const struct entity_plan *entity, int64_t at_us,
                 const struct entry *current);
/* And with nothing gathered. */
void gather_begin(struct gather *gather, const struct entity_plan *entity, int64_t at_us,
                  const struct entry *current);

/* Empty ones, as many as the plan has. */
void gather_clear_quantiles(struct gather *gather);

/* Takes in a whole state. At most once. */
void gather_state(struct gather *gather, const struct parts *parts);

/* After gather_open(): what gather_begin() and gather_state() do, and quicker, for a state that is
 * nothing but fewer than FEW_MAX raw entries. False: it is not, and nothing was gathered. */
bool gather_few(struct gather *gather, const struct parts *parts);

/* The same, quicker again and for any number of raw entries, where entity->is_plain:
 * gather_plain.c. */
bool gather_plain(struct gather *gather, const struct parts *parts);
bool gather_is_plain(const struct entity_plan *entity);

/* The values of all features, the current transaction and the defaults included. */
void gather_give(struct gather *gather, struct value *ret_values);
