/* Gathering: one pass over an entity's entries that collects what the values of all its features
 * are made from, and the making of the values. Internal to core/feature; state_read() drives it. */
#pragma once

#include "run.h"
#include "sightings.h"
#include "wide.h"

/* A column's value, whatever its type. */
struct cell {
    int64_t integer;
    struct text text;
};

/* What one struct gathering has found. Beside `count`, only what its needs say is kept up. */
struct gathered {
    int64_t count; /* sum of weights */
    int128 sum;    /* of weight × value */
    /* The sum of weight × value², as high × 2^64 + low. */
    int128 squares_low, squares_high;
    int64_t min, max;
    uint64_t first_age_us, last_age_us;
    struct cell first, last;
    int64_t distinct;
    bool any;     /* at least one transaction: min, max, first and last mean something */
    bool matched; /* the current transaction's value is among them */
};

struct gather {
    const struct entity_plan *entity;
    const struct entry *current; /* may be NULL */
    uint32_t current_present;
    int64_t at_us;
    struct gathered gathered[2 * PLAN_FEATURES_MAX]; /* parallel to the plan's gatherings */
    struct sightings sightings;
};

void gather_init(struct gather *gather);
void gather_deinit(struct gather *gather);

/* entity and current must stay until the last gather_value(). */
void gather_begin(struct gather *gather, const struct entity_plan *entity, int64_t at_us,
                  const struct entry *current);

/* Takes in a whole run of entries. At most once for now: tiles will come one by one, oldest first.
 */
void gather_run(struct gather *gather, struct run *run);

/* The feature's value, the current transaction and the default included. */
struct value gather_value(const struct gather *gather, const struct feature *feature);
