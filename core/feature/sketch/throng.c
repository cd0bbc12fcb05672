/* Of each gathering of values: the values that are known one by one, in a table; and where a sketch
 * in its window has registers, the registers of all. A raw entry between a sketch's oldest and
 * newest counts as of the sketch's newest time, as in gather.c.
 *
 * Registers cannot lose a value. When one that is known leaves, they are made again, of those that
 * the sketches have and of the table; when a sketch passes a border of a window whose values are
 * asked for, all is counted anew. */
#include "throng.h"

#include "core/base/check.h"
#include "core/base/prefetch.h"
#include "core/feature/state/collapsed.h"
#include "core/feature/state/run_decode.h"

#include <stdlib.h>

#define POOL_BITS 64 /* with more pools nothing is kept from read to read */

struct crowd {
    bool is_blurred;   /* there are registers in the window */
    bool is_estimated; /* `estimate` is of these registers */
    bool has_lost;     /* the registers have a value that has left */
    int64_t exact, estimate;
    struct registers sketched;  /* is_blurred: of what is only known by registers */
    struct registers registers; /* is_blurred: of all */
};

struct throng {
    struct tallies tallies; /* the values that are known, of all pools */
    uint64_t *few;
    int64_t due_us;
    int64_t sketch_us;  /* oldest time of the newest sketch tile */
    uint64_t are_exact; /* bit i: its view for pool i is exact */
    bool is_known;
    struct crowd crowds[]; /* [gathering of values], in the plan's order */
};

size_t throng_bytes(const struct throng *throng, const struct entity_plan *entity) {
    return sizeof *throng + entity->course.crowd_count * sizeof(struct crowd) +
           tallies_words(entity->course.member_count) * sizeof(uint64_t) +
           tallies_bytes(&throng->tallies);
}

struct throng *throng_new(const struct entity_plan *entity) {
    size_t members = entity->course.member_count;
    struct throng *throng =
        check_malloc(sizeof *throng + entity->course.crowd_count * sizeof(struct crowd));
    throng->few = check_malloc(tallies_words(members) * sizeof *throng->few);
    tallies_init(&throng->tallies, members, throng->few);
    throng->is_known = false;
    return throng;
}

void throng_free(struct throng *throng) {
    if (!throng)
        return;
    tallies_deinit(&throng->tallies);
    free(throng->few);
    free(throng);
}

void throng_forget(struct throng *throng) {
    if (throng)
        throng->is_known = false;
}

bool throng_is_known(const struct throng *throng, int64_t at_us) {
    return throng->is_known && at_us < throng->due_us;
}

/* What is of this time will pass the borders of windows whose values are asked for. */
static void expect(struct throng *throng, const struct entity_plan *entity, int64_t time_us,
                   int64_t at_us) {
    for (size_t i = 0; i < entity->gathering_count; i++) {
        const struct span *span = &entity->spans[entity->gatherings[i].span];
        if (entity->gatherings[i].pool < 0)
            continue;
        uint64_t next_us =
            is_behind(time_us, at_us, span->delay_us) ? span->end_us : span->delay_us;
        int64_t due_us = time_ahead(time_us, next_us);
        if (!is_behind(time_us, at_us, next_us) && due_us < throng->due_us)
            throng->due_us = due_us;
    }
}

static bool holds(const struct entity_plan *entity, const struct gathering *gathering,
                  int64_t time_us, int64_t at_us) {
    const struct span *span = &entity->spans[gathering->span];
    return is_behind(time_us, at_us, span->delay_us) && !is_behind(time_us, at_us, span->end_us);
}

/* A value; is_known: it is not only in registers. */
static void add_value(struct throng *throng, const struct entity_plan *entity, size_t i,
                      struct crowd *crowd, uint64_t value, bool is_known) {
    if (is_known)
        crowd->exact += tallies_add(&throng->tallies, (size_t)entity->gatherings[i].pool,
                                    entity->course.keepings[i].member, value);
    else if (crowd->is_blurred)
        registers_add(&crowd->sketched, value);
    if (!crowd->is_blurred || !registers_would_change(&crowd->registers, value))
        return;
    registers_add(&crowd->registers, value);
    crowd->is_estimated = false;
}

/* known: bit i, the values of pool i are; behind the bits there are, all are. */
static bool are_known(uint64_t known, int pool) {
    return pool >= POOL_BITS || (known >> pool & 1);
}

static void add_entry(struct throng *throng, const struct entity_plan *entity,
                      const struct run_entry *entry, int64_t as_of_us, int64_t at_us,
                      uint64_t known) {
    for (size_t i = 0; i < entity->gathering_count; i++) {
        const struct gathering *gathering = &entity->gatherings[i];
        struct crowd *crowd = &throng->crowds[entity->course.keepings[i].crowd];
        if (gathering->pool < 0)
            continue;
        if (entry_weight(entry, gathering->filter) != 0 &&
            has_column(entry->present, gathering->column) &&
            holds(entity, gathering, as_of_us, at_us))
            add_value(throng, entity, i, crowd, (uint64_t)entry->integers[gathering->column],
                      are_known(known, gathering->pool));
    }
}

/* Registers first, values in a second pass: values go to the registers where there are some. */
static void add_views(struct throng *throng, const struct entity_plan *entity, struct tile tile,
                      int64_t at_us, bool exact) {
    struct sketch_view views[PLAN_FEATURES_MAX];
    for (size_t i = 0; i < entity->pool_count; i++)
        views[i] = sketch_take(&tile.body);
    check(!tile.body.failed);
    for (size_t i = 0; i < entity->gathering_count; i++) {
        const struct gathering *gathering = &entity->gatherings[i];
        struct crowd *crowd = &throng->crowds[entity->course.keepings[i].crowd];
        if (gathering->pool < 0)
            continue;
        const struct sketch_view *view = &views[gathering->pool];
        if (view->is_exact == exact && holds(entity, gathering, tile.newest_us, at_us)) {
            if (!exact && !crowd->is_blurred)
                crowd->sketched = (struct registers){{0}};
            if (!exact)
                registers_add_packed(&crowd->sketched, view->bytes);
            crowd->is_blurred |= !exact;
            for (size_t j = 0; j < view->count; j++)
                add_value(throng, entity, i, crowd, sketch_view_value(view, j), true);
        }
    }
}

static void count_sketches(struct throng *throng, const struct entity_plan *entity,
                           const struct parts *parts, int64_t at_us) {
    for (int exact = 0; exact < 2; exact++) {
        for (size_t i = 0; exact && i < entity->course.crowd_count; i++)
            if (throng->crowds[i].is_blurred)
                throng->crowds[i].registers = throng->crowds[i].sketched;
        struct tiles tiles = parts_sketches(parts);
        struct tile tile;
        while (tiles_next(&tiles, &tile)) {
            add_views(throng, entity, tile, at_us, exact);
            expect(throng, entity, tile.newest_us, at_us);
        }
    }
}

/* Raw entries before this are in no window whose values are asked for, not even as of the newest
 * time of a sketch that they are beside. */
static int64_t reached_from(const struct parts *parts, uint64_t reach_us, int64_t at_us) {
    struct tiles tiles = parts_sketches(parts);
    struct tile tile;
    int64_t from_us = time_before(at_us, reach_us);
    while (tiles_next(&tiles, &tile))
        if (!is_behind(tile.newest_us, at_us, reach_us))
            return tile.oldest_us < from_us ? tile.oldest_us : from_us;
    return from_us;
}

static void count_entries(struct throng *throng, const struct entity_plan *entity,
                          const struct parts *parts, const struct state *state, int64_t at_us) {
    uint64_t reach_us = entity->pools_kept_us - (uint64_t)entity->lateness_us;
    struct run run = survey_run(state, parts, entity, reached_from(parts, reach_us, at_us), 0);
    struct tiles tiles = parts_sketches(parts);
    struct tile tile;
    struct run_entry entry;
    bool has_tile = tiles_next(&tiles, &tile);
    while (run_step(&run, &entry)) {
        while (has_tile && tile.newest_us < entry.time_us)
            has_tile = tiles_next(&tiles, &tile);
        bool is_beside = has_tile && tile.oldest_us <= entry.time_us;
        int64_t as_of_us = is_beside ? tile.newest_us : entry.time_us;
        if (!is_behind(as_of_us, at_us, reach_us))
            add_entry(throng, entity, &entry, as_of_us, at_us, UINT64_MAX);
    }
    check(!run.cursor.failed);
}

/* Of the newest sketch tile: its oldest time, and which of its views are exact. */
static void look_at_newest(const struct entity_plan *entity, const struct parts *parts,
                           int64_t *ret_sketch_us, uint64_t *ret_are_exact) {
    struct tiles tiles = parts_sketches(parts);
    struct tile tile = {.start = NULL};
    while (tiles_next(&tiles, &tile))
        ;
    check(tile.start);
    *ret_sketch_us = tile.oldest_us;
    *ret_are_exact = sketches_exact(&tile, entity);
}

void throng_count(struct throng *throng, const struct entity_plan *entity,
                  const struct parts *parts, const struct state *state, int64_t at_us) {
    tallies_clear(&throng->tallies);
    for (size_t i = entity->course.crowd_count; i-- > 0;) {
        throng->crowds[i].exact = 0;
        throng->crowds[i].is_blurred = throng->crowds[i].is_estimated = false;
        throng->crowds[i].has_lost = false;
    }
    throng->due_us = INT64_MAX;
    throng->is_known = entity->pool_count <= POOL_BITS;
    count_sketches(throng, entity, parts, at_us);
    count_entries(throng, entity, parts, state, at_us);
    if (throng->is_known)
        look_at_newest(entity, parts, &throng->sketch_us, &throng->are_exact);
}

bool throng_is_lone(const struct throng *throng, const struct parts *parts, int64_t time_us) {
    struct tiles tiles = parts_sketches(parts);
    struct tile tile;
    if (!throng || !throng->is_known)
        return false;
    if (time_us > parts->dense.newest_us) /* nor is there a newer sketch */
        return true;
    while (tiles_next(&tiles, &tile))
        if (tile.newest_us >= time_us)
            return tile.oldest_us > time_us;
    return true;
}

void throng_pass(struct throng *throng, const struct entity_plan *entity, size_t span, bool comes,
                 const struct run_entry *entry) {
    size_t first = entity->spans[span].first, end = first + entity->spans[span].count;
    if (!throng || !throng->is_known)
        return;
    for (size_t i = first; i < end; i++) {
        const struct gathering *gathering = &entity->gatherings[i];
        struct crowd *crowd = &throng->crowds[entity->course.keepings[i].crowd];
        if (gathering->pool < 0 || entry_weight(entry, gathering->filter) == 0 ||
            !has_column(entry->present, gathering->column))
            continue;
        uint64_t value = (uint64_t)entry->integers[gathering->column];
        if (comes) {
            add_value(throng, entity, i, crowd, value, true);
        } else if (tallies_remove(&throng->tallies, (size_t)gathering->pool,
                                  entity->course.keepings[i].member, value)) {
            crowd->exact--;
            crowd->has_lost = true;
        }
    }
}

void throng_note_grown(struct throng *throng, const struct entity_plan *entity,
                       const struct parts *parts, const struct run_entry *added, int64_t at_us) {
    int64_t sketch_us;
    uint64_t are_exact;
    if (!throng || !throng->is_known)
        return;
    look_at_newest(entity, parts, &sketch_us, &are_exact);
    throng->is_known = sketch_us == throng->sketch_us && are_exact == throng->are_exact;
    add_entry(throng, entity, added, added->time_us, at_us, are_exact);
    expect(throng, entity, added->time_us, at_us);
}

/* Is all from one time to the other in the same windows whose values are asked for? */
static bool are_together(const struct entity_plan *entity, int64_t first_us, int64_t last_us,
                         int64_t at_us) {
    bool together = true;
    for (size_t i = 0; i < entity->gathering_count; i++) {
        const struct span *span = &entity->spans[entity->gatherings[i].span];
        if (entity->gatherings[i].pool >= 0)
            together &=
                is_behind(first_us, at_us, span->delay_us) ==
                    is_behind(last_us, at_us, span->delay_us) &&
                is_behind(first_us, at_us, span->end_us) == is_behind(last_us, at_us, span->end_us);
    }
    return together;
}

/* Is any of these times in a window whose values are asked for? */
static bool is_held(const struct entity_plan *entity, int64_t first_us, int64_t last_us,
                    int64_t at_us) {
    for (size_t i = 0; i < entity->gathering_count; i++) {
        const struct span *span = &entity->spans[entity->gatherings[i].span];
        if (entity->gatherings[i].pool >= 0 && is_behind(first_us, at_us, span->delay_us) &&
            !is_behind(last_us, at_us, span->end_us))
            return true;
    }
    return false;
}

/* The values of a pool are only in registers from here on. */
static bool blur_values(struct throng *throng, const struct entity_plan *entity, size_t i,
                        const struct values *values) {
    size_t pool = (size_t)entity->gatherings[i].pool;
    struct crowd *crowd = &throng->crowds[entity->course.keepings[i].crowd];
    if (!crowd->is_blurred)
        return false;
    for (uint32_t j = 0; values && j < values->counts[pool]; j++) {
        uint64_t value = values->of[pool * values->stride + j];
        registers_add(&crowd->sketched, value);
        crowd->exact -=
            tallies_remove(&throng->tallies, pool, entity->course.keepings[i].member, value);
    }
    return true;
}

/* What the windows hold is the same as before, and so are the registers of all of it. Values that
 * were counted for each entry and are now in a sketch that has them one by one stay counted as
 * often as they were: none of them leaves before all is counted anew. */
void throng_note_sketched(struct throng *throng, const struct entity_plan *entity,
                          const struct parts *parts, const struct sketched *sketched,
                          int64_t at_us) {
    struct tiles tiles = parts_sketches(parts);
    struct tile tile;
    bool is_there = false;
    if (!throng || !throng_is_known(throng, at_us))
        return;
    while (!is_there && tiles_next(&tiles, &tile))
        is_there = tile.oldest_us <= sketched->first_us && sketched->first_us <= tile.newest_us;
    if (!is_there) { /* no window whose values are asked for can read them any more */
        throng->is_known = !is_held(entity, sketched->first_us, sketched->last_us, at_us);
        return;
    }
    throng->is_known = are_together(entity, tile.oldest_us, tile.newest_us, at_us);
    uint64_t are_exact = sketches_exact(&tile, entity);
    throng->is_known &= (sketched->were_exact & ~are_exact) == 0;
    for (size_t i = 0; throng->is_known && i < entity->gathering_count; i++) {
        const struct gathering *gathering = &entity->gatherings[i];
        if (gathering->pool >= 0 && !are_known(are_exact, gathering->pool) &&
            holds(entity, gathering, tile.newest_us, at_us))
            throng->is_known = blur_values(throng, entity, i, sketched->values);
    }
    if (!throng->is_known)
        return;
    expect(throng, entity, tile.newest_us, at_us);
    look_at_newest(entity, parts, &throng->sketch_us, &throng->are_exact);
}

/* The registers without what has left. */
static void make_again(struct throng *throng, const struct entity_plan *entity, size_t i,
                       struct crowd *crowd) {
    uint32_t at = 0;
    uint64_t value;
    crowd->registers = crowd->sketched;
    while (tallies_next(&throng->tallies, &at, (size_t)entity->gatherings[i].pool,
                        entity->course.keepings[i].member, &value))
        registers_add(&crowd->registers, value);
    crowd->has_lost = crowd->is_estimated = false;
}

static int64_t estimate_with(const struct crowd *crowd, uint64_t value) {
    if (!registers_would_change(&crowd->registers, value))
        return crowd->estimate;
    struct registers registers = crowd->registers;
    registers_add(&registers, value);
    return registers_estimate(&registers);
}

void throng_give(struct throng *throng, struct gather *gather) {
    const struct entity_plan *entity = gather->entity;
    for (size_t i = 0; i < entity->gathering_count; i++) {
        const struct gathering *gathering = &entity->gatherings[i];
        struct crowd *crowd = &throng->crowds[entity->course.keepings[i].crowd];
        struct gathered *gathered = &gather->gathered[i];
        if (gathering->pool < 0)
            continue;
        bool has_current = gather->current_present >> gathering->column & 1;
        uint64_t value = has_current ? (uint64_t)gather->current->integers[gathering->column] : 0;
        gathered->is_blurred = crowd->is_blurred;
        gathered->distinct = crowd->exact;
        gathered->matched =
            has_current && tallies_count(&throng->tallies, (size_t)gathering->pool,
                                         entity->course.keepings[i].member, value) > 0;
        if (crowd->is_blurred && crowd->has_lost)
            make_again(throng, entity, i, crowd);
        if (crowd->is_blurred && !crowd->is_estimated)
            crowd->estimate = registers_estimate(&crowd->registers);
        crowd->is_estimated = crowd->is_blurred;
        if (crowd->is_blurred && (gathering->needs & GATHERING_DISTINCT)) {
            gathered->distinct = gathered->distinct_with_current = crowd->estimate;
            if (has_current)
                gathered->distinct_with_current = estimate_with(crowd, value);
        }
    }
}

void throng_prefetch(const struct throng *throng, const struct entity_plan *entity,
                     const struct entry *current) {
    prefetch(throng);
    prefetch((const char *)throng + CACHE_LINE);
    for (size_t i = 0; current && i < entity->pool_count; i++)
        if (current->present >> entity->pools[i].column & 1)
            tallies_prefetch(&throng->tallies, i,
                             (uint64_t)current->integers[entity->pools[i].column]);
}
