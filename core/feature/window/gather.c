/* An entry's weight in a gathering is how often it counts: for a plain filter 0 or 1, for an
 * outcome filter whatever has become of the sum, for no filter its number of transactions (0 while
 * only its outcome is known). Sums take the weight as a factor; what cannot be undone (extremes,
 * edges, different values) takes each entry whose weight is not 0, because the plan grants it only
 * to plain filters, which have no negative ones.
 *
 * Bounds. |value| <= 2^63, |weight| < 2^32, entries < 2^29 (a state has less than 2^32 bytes): sums
 * stay below 2^124, sums of squares below 2^187 (two limbs of 64 and 128 bits), and
 * count × squares − sum² below 2^250. */
#include "gather.h"

#include "core/base/check.h"
#include "core/feature/state/run_decode.h"
#include "course.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void gather_init(struct gather *gather) {
    gather->entity = NULL;
    gather->current = NULL;
    gather->sketches = NULL;
    gather->views = NULL;
    gather->quantiles = NULL;
    gather->sketch_capacity = gather->view_capacity = gather->quantile_capacity = 0;
    sightings_init(&gather->sightings);
}

void gather_deinit(struct gather *gather) {
    sightings_deinit(&gather->sightings);
    for (size_t i = 0; i < gather->quantile_capacity; i++)
        quantile_deinit(&gather->quantiles[i]);
    free(gather->quantiles);
    free(gather->sketches);
    free(gather->views);
}

void gather_clear_quantiles(struct gather *gather) {
    size_t count = gather->entity->quantile_count;
    if (count > gather->quantile_capacity) {
        gather->quantiles = check_reallocarray(gather->quantiles, count, sizeof *gather->quantiles);
        for (; gather->quantile_capacity < count; gather->quantile_capacity++)
            quantile_init(&gather->quantiles[gather->quantile_capacity]);
    }
    for (size_t i = 0; i < count; i++)
        quantile_clear(&gather->quantiles[i]);
}

void gather_open(struct gather *gather, const struct entity_plan *entity, int64_t at_us,
                 const struct entry *current) {
    gather->entity = entity;
    gather->current = current;
    gather->current_present = current ? run_present(entity, current) : 0;
    gather->current_missing = ~gather->current_present;
    gather->current_weights[COURSE_WEIGHT_NONE] = 0;
    gather->current_weights[course_weight_at(-1)] = current && current->transaction;
    int32_t *weights = &gather->current_weights[course_weight_at(0)];
    for (size_t i = 0; current && i < entity->filter_count; i++)
        weights[i] = current->weights[i];
    for (size_t i = 0; !current && i < entity->filter_count; i++)
        weights[i] = 0;
    gather->at_us = at_us;
    gather->unknown_count = 0;
}

/* The rest means nothing until there is any. */
static void clear(struct gathered *gathered) {
    memset(gathered, 0, offsetof(struct gathered, min));
}

void gather_begin(struct gather *gather, const struct entity_plan *entity, int64_t at_us,
                  const struct entry *current) {
    gather_open(gather, entity, at_us, current);
    for (size_t i = 0; i < entity->gathering_count; i++)
        clear(&gather->gathered[i]);
    for (size_t i = 0; i < entity->total_count; i++)
        clear(&gather->stretch[i]);
    gather->sketch_count = gather->view_count = 0;
    sightings_clear(&gather->sightings);
    gather_clear_quantiles(gather);
}

static bool has_type(const struct entity_plan *entity, int column, enum column_type type) {
    return column >= 0 && entity->columns[column].type == type;
}

/* newest >= time */
static uint64_t age_of(int64_t time_us, int64_t at_us) {
    return (uint64_t)at_us - (uint64_t)time_us;
}

static bool span_holds(const struct span *span, uint64_t age_us) {
    return age_us >= span->delay_us && age_us < span->end_us;
}

static void add_extremes(struct gathered *gathered, int64_t min, int64_t max) {
    gathered->min = gathered->any && gathered->min < min ? gathered->min : min;
    gathered->max = gathered->any && gathered->max > max ? gathered->max : max;
}

/* Of equal ages, the later call has the newer entry. */
static void add_edges(struct gathered *gathered, uint64_t first_age_us, const struct cell *first,
                      uint64_t last_age_us, const struct cell *last) {
    if (!gathered->any || first_age_us > gathered->first_age_us) {
        gathered->first_age_us = first_age_us;
        gathered->first = *first;
    }
    if (!gathered->any || last_age_us <= gathered->last_age_us) {
        gathered->last_age_us = last_age_us;
        gathered->last = *last;
    }
}

/* Raw entries, oldest first. */

/* Of these the oldest is the first. */
static inline void add_entry_edges(struct gathered *gathered, const struct run_entry *entry,
                                   int column, bool is_text, uint64_t age_us) {
    if (!gathered->any)
        gathered->first_age_us = age_us;
    gathered->last_age_us = age_us;
    if (column < 0)
        return;
    struct cell cell = {0};
    if (is_text)
        cell.text = entry->texts[column];
    else
        cell.integer = entry->integers[column];
    if (!gathered->any)
        gathered->first = cell;
    gathered->last = cell;
}

/* Adds to what the entries between two borders have in common. A mere count takes a weight of 0 as
 * well: what passes a filter is hard to foresee for a branch. */
static inline void add_total(struct gather *gather, const struct total *total,
                             struct gathered *gathered, const struct run_entry *entry,
                             int64_t weight, uint64_t age_us) {
    int column = total->column;
    unsigned needs = total->needs;
    if (total->column_bit & ~entry->present)
        return;
    if (needs == 0) {
        gathered->count = (int64_t)((uint64_t)gathered->count + (uint64_t)weight);
        gathered->any |= weight != 0;
        return;
    }
    if (weight == 0)
        return;
    gathered->count = (int64_t)((uint64_t)gathered->count + (uint64_t)weight);
    if (needs & GATHERING_SUM)
        gathered->sum = wrapping_sum(gathered->sum, (int128)weight * entry->integers[column]);
    if (needs & GATHERING_SQUARES)
        add_square(&gathered->squares_low, &gathered->squares_high, entry->integers[column],
                   weight);
    if (needs & GATHERING_EXTREMES)
        add_extremes(gathered, entry->integers[column], entry->integers[column]);
    if (needs & GATHERING_EDGES)
        add_entry_edges(gathered, entry, column, has_type(gather->entity, column, COLUMN_TEXT),
                        age_us);
    gathered->any = true;
}

/* Almost all entries are one transaction each, with weights of 0 and 1. */
static inline void add_entry(struct gather *gather, const struct run_entry *entry,
                             uint64_t age_us) {
    const struct total *totals = gather->entity->totals;
    const size_t count = gather->entity->total_count;
    if (!entry->is_short) {
        for (size_t i = 0; i < count; i++)
            add_total(gather, &totals[i], &gather->stretch[i], entry,
                      entry_weight(entry, totals[i].filter), age_us);
        return;
    }
    uint64_t weights = (uint64_t)entry->passed << 1 | 1;
    for (size_t i = 0; i < count; i++)
        add_total(gather, &totals[i], &gather->stretch[i], entry,
                  (int64_t)(weights >> (totals[i].filter + 1) & 1), age_us);
}

/* Adds what the gathering needs of another one. */
static inline void add_gathered(struct gathered *gathered, uint16_t needs,
                                const struct gathered *other) {
    gathered->count = (int64_t)((uint64_t)gathered->count + (uint64_t)other->count);
    if (needs & GATHERING_SUM)
        gathered->sum = wrapping_sum(gathered->sum, other->sum);
    if (needs & GATHERING_SQUARES) {
        uint128 low = (uint128)gathered->squares_low + other->squares_low;
        gathered->squares_low = (uint64_t)low;
        gathered->squares_high = wrapping_sum(
            wrapping_sum(gathered->squares_high, other->squares_high), (int128)(low >> 64));
    }
    if (needs & GATHERING_EXTREMES)
        add_extremes(gathered, other->min, other->max);
    if (needs & GATHERING_EDGES)
        add_edges(gathered, other->first_age_us, &other->first, other->last_age_us, &other->last);
    gathered->any = true;
}

/* Gives the entries that have passed so many borders to the windows that hold them. */
static void close_stretch(struct gather *gather, size_t passed) {
    const struct entity_plan *entity = gather->entity;
    for (size_t i = 0; i < entity->span_count; i++) {
        if (!course_holds(entity, i, passed))
            continue;
        size_t first = entity->spans[i].first, end = first + entity->spans[i].count;
        for (size_t j = first; j < end; j++) {
            const struct gathering *gathering = &entity->gatherings[j];
            if (gathering->total >= 0 && gather->stretch[gathering->total].any)
                add_gathered(&gather->gathered[j], gathering->needs,
                             &gather->stretch[gathering->total]);
        }
    }
    for (size_t i = 0; i < entity->total_count; i++)
        if (gather->stretch[i].any)
            clear(&gather->stretch[i]);
}

static inline void add_value(struct gather *gather, size_t i, const struct run_entry *entry,
                             uint64_t age_us) {
    const struct gathering *gathering = &gather->entity->gatherings[i];
    int column = gathering->column;
    int64_t weight = entry_weight(entry, gathering->filter);
    if (weight == 0 || !has_column(entry->present, column))
        return;
    if (gathering->quantile >= 0)
        quantile_add(&gather->quantiles[gathering->quantile], entry->integers[column], weight);
    if (gathering->pool < 0)
        return;
    gather->gathered[i].matched |= (gather->current_present >> column & 1) &&
                                   entry->integers[column] == gather->current->integers[column];
    if (gathering->needs & GATHERING_SIGHTINGS)
        sightings_add(&gather->sightings, (uint32_t)i, (uint64_t)entry->integers[column], age_us);
}

static void gather_values(struct gather *gather, const struct run_entry *entry, uint64_t age_us) {
    const struct entity_plan *entity = gather->entity;
    for (size_t i = 0; i < entity->span_count; i++) {
        const struct span *span = &entity->spans[i];
        if (age_us >= span->end_us)
            break; /* the spans behind reach no further */
        if (age_us < span->delay_us)
            continue;
        for (size_t j = span->first; j < (size_t)span->first + span->count; j++)
            add_value(gather, j, entry, age_us);
    }
}

/* Values of an entry beside a sketch stand or fall with that. */
static void gather_entry_values(struct gather *gather, const struct run_entry *entry,
                                size_t *next_sketch) {
    uint64_t age_us = age_of(entry->time_us, gather->at_us);
    size_t next = *next_sketch; /* the first that ends no earlier */
    while (next < gather->sketch_count && gather->sketches[next].newest_us < entry->time_us)
        next++;
    *next_sketch = next;
    const struct gathered_sketch *sketch = &gather->sketches[next];
    if (next == gather->sketch_count || sketch->oldest_us > entry->time_us)
        gather_values(gather, entry, age_us);
    else if (sketch->newest_us <= gather->at_us) /* the window's edge is where the sketch's is */
        gather_values(gather, entry, age_of(sketch->newest_us, gather->at_us));
}

static void gather_run(struct gather *gather, struct run run) {
    const struct entity_plan *entity = gather->entity;
    const struct border *borders = entity->course.borders;
    struct run_entry entry;
    const size_t border_count = entity->course.border_count;
    size_t passed = border_count, next_sketch = 0;
    while (run_step(&run, &entry) && entry.time_us <= gather->at_us) {
        uint64_t age_us = age_of(entry.time_us, gather->at_us);
        if (passed > 0 && age_us < borders[passed - 1].distance_us) {
            close_stretch(gather, passed);
            while (passed > 0 && age_us < borders[passed - 1].distance_us)
                passed--;
        }
        if (passed < border_count)
            add_entry(gather, &entry, age_us);
        if (gather->sketch_count > 0 || age_us < entity->pools_kept_us)
            gather_entry_values(gather, &entry, &next_sketch);
    }
    close_stretch(gather, passed);
    check(!run.cursor.failed);
}

/* Collapsed tiles. */

static void add_tallied(struct gather *gather, size_t i, const struct tallied *tallied) {
    const struct gathering *gathering = &gather->entity->gatherings[i];
    struct gathered *gathered = &gather->gathered[i];
    uint128 low = (uint128)gathered->squares_low + tallied->squares_low;
    gathered->squares_low = (uint64_t)low;
    gathered->squares_high = wrapping_sum(
        wrapping_sum(gathered->squares_high, tallied->squares_high), (int128)(low >> 64));
    gathered->sum = wrapping_sum(gathered->sum, tallied->sum);
    gathered->count = (int64_t)((uint64_t)gathered->count + (uint64_t)tallied->count);
    if (tallied->count == 0)
        return;
    if (gathering->needs & GATHERING_EXTREMES)
        add_extremes(gathered, tallied->min, tallied->max);
    if (gathering->needs & GATHERING_EDGES)
        add_edges(gathered, age_of(tallied->first.time_us, gather->at_us), &tallied->first.cell,
                  age_of(tallied->last.time_us, gather->at_us), &tallied->last.cell);
    gathered->any = true;
}

static void gather_tile(struct gather *gather, struct tile *tile) {
    const struct entity_plan *entity = gather->entity;
    uint64_t age_us = age_of(tile->newest_us, gather->at_us);
    bool holds[PLAN_SPANS_MAX], any = false;
    for (size_t i = 0; i < entity->span_count; i++)
        any |= holds[i] = span_holds(&entity->spans[i], age_us);
    if (!any)
        return;
    cursor_varint(&tile->body); /* transactions */
    for (size_t i = 0; i < entity->total_count; i++) {
        const struct total *total = &entity->totals[i];
        struct tallied tallied;
        tallied_decode(&tile->body, entity, total, tile->oldest_us, tile->newest_us, &tallied);
        for (size_t j = total->first_use; j < (size_t)total->first_use + total->use_count; j++)
            if (holds[entity->gatherings[entity->uses[j]].span])
                add_tallied(gather, entity->uses[j], &tallied);
    }
    check(!tile->body.failed);
}

/* Sketches. */

static void make_room(struct gather *gather) {
    if (gather->sketch_count == gather->sketch_capacity) {
        gather->sketch_capacity = gather->sketch_capacity ? 2 * gather->sketch_capacity : 16;
        gather->sketches =
            check_reallocarray(gather->sketches, gather->sketch_capacity, sizeof *gather->sketches);
    }
    while (gather->view_count + gather->entity->pool_count > gather->view_capacity) {
        gather->view_capacity = gather->view_capacity ? 2 * gather->view_capacity : 64;
        gather->views =
            check_reallocarray(gather->views, gather->view_capacity, sizeof *gather->views);
    }
}

static void add_view(struct gather *gather, size_t i, const struct sketch_view *view,
                     uint64_t age_us) {
    const struct gathering *gathering = &gather->entity->gatherings[i];
    struct gathered *gathered = &gather->gathered[i];
    gathered->is_blurred |= !view->is_exact;
    if (view->is_exact && (gather->current_present >> gathering->column & 1))
        gathered->matched |=
            sketch_view_holds(view, (uint64_t)gather->current->integers[gathering->column]);
    if (gathering->needs & GATHERING_SIGHTINGS)
        for (size_t j = 0; j < view->count; j++)
            sightings_add(&gather->sightings, (uint32_t)i, sketch_view_value(view, j), age_us);
}

static void gather_sketch(struct gather *gather, struct tile *tile) {
    const struct entity_plan *entity = gather->entity;
    make_room(gather);
    struct sketch_view *views = &gather->views[gather->view_count];
    struct distribution_view distributions[PLAN_FEATURES_MAX];
    gather->sketches[gather->sketch_count++] =
        (struct gathered_sketch){.oldest_us = tile->oldest_us,
                                 .newest_us = tile->newest_us,
                                 .first_view = gather->view_count};
    gather->view_count += entity->pool_count;
    for (size_t i = 0; i < entity->pool_count; i++)
        views[i] = sketch_take(&tile->body);
    for (size_t i = 0; i < entity->distribution_count; i++)
        distributions[i] = distribution_take(&tile->body);
    check(!tile->body.failed);
    if (tile->newest_us > gather->at_us)
        return;
    uint64_t age_us = age_of(tile->newest_us, gather->at_us);
    for (size_t i = 0; i < entity->span_count; i++) {
        const struct span *span = &entity->spans[i];
        for (size_t j = span->first;
             span_holds(span, age_us) && j < (size_t)span->first + span->count; j++) {
            const struct gathering *gathering = &entity->gatherings[j];
            if (gathering->pool >= 0)
                add_view(gather, j, &views[gathering->pool], age_us);
            if (gathering->quantile >= 0)
                quantile_add_view(&gather->quantiles[gathering->quantile],
                                  &distributions[gathering->distribution]);
        }
    }
}

/* Different values. */

static void count_exactly(struct gather *gather) {
    const struct entity_plan *entity = gather->entity;
    for (size_t i = 0; i < gather->sightings.count; i++) {
        const struct sighting *sighting = &gather->sightings.list[i];
        /* Each window of the chain is inside the one before, and all have the same delay. */
        size_t at = sighting->subject;
        do {
            if (sighting->age_us >= entity->spans[entity->gatherings[at].span].end_us)
                break;
            gather->gathered[at].distinct++;
            at = entity->gatherings[at].next;
        } while (at != 0);
    }
}

/* head: the gathering that collected the values of this one. */
static void estimate(struct gather *gather, size_t head, size_t i) {
    const struct gathering *gathering = &gather->entity->gatherings[i];
    const struct span *span = &gather->entity->spans[gathering->span];
    struct gathered *gathered = &gather->gathered[i];
    struct registers registers = {{0}};
    for (size_t j = 0; j < gather->sketch_count; j++) {
        const struct gathered_sketch *sketch = &gather->sketches[j];
        const struct sketch_view *view = &gather->views[sketch->first_view + gathering->pool];
        if (!view->is_exact && sketch->newest_us <= gather->at_us &&
            span_holds(span, age_of(sketch->newest_us, gather->at_us)))
            registers_add_packed(&registers, view->bytes);
    }
    for (size_t j = 0; j < gather->sightings.count; j++) {
        const struct sighting *sighting = &gather->sightings.list[j];
        if (sighting->subject == head && sighting->age_us < span->end_us)
            registers_add(&registers, sighting->value);
    }
    gathered->distinct = gathered->distinct_with_current = registers_estimate(&registers);
    if (gather->current_present >> gathering->column & 1) {
        registers_add(&registers, (uint64_t)gather->current->integers[gathering->column]);
        gathered->distinct_with_current = registers_estimate(&registers);
    }
}

static void count_distinct(struct gather *gather) {
    const struct entity_plan *entity = gather->entity;
    count_exactly(gather);
    for (size_t head = 0; head < entity->gathering_count && gather->sketch_count > 0; head++) {
        size_t i = head;
        if (entity->gatherings[head].needs & GATHERING_SIGHTINGS)
            do {
                if (gather->gathered[i].is_blurred)
                    estimate(gather, head, i);
                i = entity->gatherings[i].next;
            } while (i != 0);
    }
}

void gather_state(struct gather *gather, const struct parts *parts) {
    struct tile tile;
    struct tiles sketches = parts_sketches(parts), tiles = parts_tiles(parts);
    while (tiles_next(&sketches, &tile))
        gather_sketch(gather, &tile);
    while (tiles_next(&tiles, &tile) && tile.newest_us <= gather->at_us)
        gather_tile(gather, &tile);
    gather_run(gather, parts_run(parts, gather->entity));
    count_distinct(gather);
}
