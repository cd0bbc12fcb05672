/* Property: windows that are kept up from event to event hold what windows made anew hold. After
 * every kind of event they are brought to the same time on both sides; counts, sums and squares,
 * marks, the smallest and greatest value, the first and last row and the different values must be
 * the same, and the different values those of a recount and of a naive count.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "core/feature/live/windows.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <inttypes.h>

#define ROUND_STEPS 400
#define RECENT      64
#define PROBES      3

struct walk {
    struct chance chance;
    struct scene scene;
    struct state state;
    struct payment recent[RECENT]; /* whose outcome may become known */
    enum scene_label labels[RECENT];
    size_t paid;
    int64_t now_us, pace_us, values, left;
    const char *event; /* the last one */
    /* Comparisons of what had been kept up; of those, with tiles, with sketches, with estimates. */
    uint64_t kept, with_tiles, with_sketches, with_estimates;
};

/* Comparing. */

static void fail_at(const struct walk *walk, const struct change *coming, const char *what) {
    const struct entity_plan *entity = &walk->scene.entity;
    const struct span *span = &entity->spans[entity->aggregations[coming->aggregation].span];
    fail_msg("%s of column %d filter %d from %" PRIu64 " to %" PRIu64
             " us differ after %s at %" PRId64 ", windows at %" PRId64 ", %" PRId64 " steps left",
             what, coming->column, coming->filter, span->delay_us, span->end_us, walk->event,
             walk->now_us, walk->state.windows->at_us, walk->left);
}

static void look_up(struct walk *walk, struct windows *windows, const struct change *coming) {
    const struct entity_plan *entity = &walk->scene.entity;
    uint64_t *extremes = accumulator_of(windows_words(windows, entity), coming).extremes;
    if ((coming->kept & KEPT_EXTREMES) && extremes_are_stale(extremes))
        windows_look_up_extremes(windows, &walk->state, entity, coming);
}

/* Of an aggregation in which something counts. */
static void assert_found(struct walk *walk, const struct change *coming, struct windows *anew) {
    const struct entity_plan *entity = &walk->scene.entity;
    struct state *state = &walk->state;
    look_up(walk, state->windows, coming);
    look_up(walk, anew, coming);
    struct accumulator kept = accumulator_of(windows_words(state->windows, entity), coming);
    struct accumulator fresh = accumulator_of(windows_words(anew, entity), coming);
    if ((coming->kept & KEPT_MIN) && kept.extremes[0] != fresh.extremes[0])
        fail_at(walk, coming, "the least values");
    if ((coming->kept & KEPT_MAX) && kept.extremes[1] != fresh.extremes[1])
        fail_at(walk, coming, "the greatest values");
    if ((coming->kept & KEPT_FIRST) && windows_first_row(state->windows, state, entity, coming) !=
                                           windows_first_row(anew, state, entity, coming))
        fail_at(walk, coming, "the first rows");
    if ((coming->kept & KEPT_LAST) && windows_last_row(state->windows, state, entity, coming) !=
                                          windows_last_row(anew, state, entity, coming))
        fail_at(walk, coming, "the last rows");
}

static void assert_totals(struct walk *walk, const struct change *coming, struct windows *anew) {
    const struct entity_plan *entity = &walk->scene.entity;
    struct accumulator kept = accumulator_of(windows_words(walk->state.windows, entity), coming);
    struct accumulator fresh = accumulator_of(windows_words(anew, entity), coming);
    if (*kept.count != *fresh.count)
        fail_at(walk, coming, "counts");
    if ((coming->kept & KEPT_SUM) && memcmp(kept.sum, fresh.sum, 2 * sizeof *kept.sum) != 0)
        fail_at(walk, coming, "sums");
    if ((coming->kept & KEPT_SQUARES) &&
        memcmp(kept.squares, fresh.squares, 3 * sizeof *kept.squares) != 0)
        fail_at(walk, coming, "squares");
    if (*kept.count != 0)
        assert_found(walk, coming, anew);
}

static void assert_same_values(struct walk *walk, const struct change *coming,
                               struct distinct *other, const char *what) {
    struct distinct *distinct = walk->state.windows->distinct;
    for (int i = 0; i < PROBES; i++) {
        uint64_t value = chance_next(&walk->chance);
        if (i > 0 && walk->paid > 0) { /* one that there is, mostly */
            size_t j = (size_t)chance_below(&walk->chance, RECENT);
            value = (uint64_t)walk->recent[j].integers[coming->column];
        }
        struct distinct_found kept = distinct_find(distinct, coming, i > 1 ? NULL : &value);
        struct distinct_found fresh = distinct_find(other, coming, i > 1 ? NULL : &value);
        if (kept.count != fresh.count || kept.with_current != fresh.with_current ||
            kept.matched != fresh.matched || kept.is_estimated != fresh.is_estimated)
            fail_at(walk, coming, what);
        walk->with_estimates += kept.is_estimated;
    }
}

/* Naive: the values of a window, from rows and sketch tiles alone. */

#define VALUES_MAX 4096

struct naive_values {
    uint64_t values[VALUES_MAX];
    size_t count;
    bool is_estimated; /* some are only known by registers */
};

static void add_naive(struct naive_values *naive, uint64_t value) {
    for (size_t i = 0; i < naive->count; i++)
        if (naive->values[i] == value)
            return;
    assert_true(naive->count < VALUES_MAX);
    naive->values[naive->count++] = value;
}

/* A row between the oldest and the newest time of a sketch counts as of the newest. */
static int64_t counts_as_of(const struct state *state, int64_t time_us) {
    for (uint32_t i = 0; i < sketch_tile_count(state); i++) {
        const struct sketch_tile *tile = &state->tile_list->sketches[i];
        if (tile->oldest_us <= time_us && time_us <= tile->newest_us)
            return tile->newest_us;
    }
    return time_us;
}

static void find_naive(const struct walk *walk, const struct change *coming, int64_t at_us,
                       struct naive_values *naive) {
    const struct entity_plan *entity = &walk->scene.entity;
    const struct state *state = &walk->state;
    const struct span *span = &entity->spans[entity->aggregations[coming->aggregation].span];
    naive->count = 0;
    naive->is_estimated = false;
    for (uint32_t i = 0; i < sketch_tile_count(state); i++) {
        const struct sketch_tile *tile = &state->tile_list->sketches[i];
        const struct sketch *sketch = &tile->sketches[coming->pool];
        if (!span_holds(span, tile->newest_us, at_us))
            continue;
        naive->is_estimated |= sketch->is_estimated;
        for (uint32_t j = 0; j < sketch->count; j++)
            add_naive(naive, sketch->values[j]);
    }
    for (uint32_t i = state->begin; i < state->end; i++) {
        struct row row;
        row_get(state, entity, i, &row);
        if ((row.entry.present >> coming->column & 1) &&
            entry_weight(&row.entry, &row.tally, coming->filter) != 0 &&
            span_holds(span, counts_as_of(state, row.entry.time_us), at_us))
            add_naive(naive, (uint64_t)row.entry.integers[coming->column]);
    }
}

static void assert_naive(struct walk *walk, const struct change *coming) {
    struct windows *windows = walk->state.windows;
    static struct naive_values naive;
    find_naive(walk, coming, windows->at_us, &naive);
    bool any = naive.count > 0;
    size_t which = any ? (size_t)chance_below(&walk->chance, (int64_t)naive.count) : 0;
    uint64_t value = any ? naive.values[which] : chance_next(&walk->chance);
    struct distinct_found found = distinct_find(windows->distinct, coming, &value);
    if (found.is_estimated != naive.is_estimated || found.matched != any ||
        (!naive.is_estimated && found.count != (int64_t)naive.count))
        fail_at(walk, coming, "different values of a naive count");
}

static void assert_distinct(struct walk *walk, struct windows *anew) {
    const struct entity_plan *entity = &walk->scene.entity;
    struct distinct *recounted = test_malloc(distinct_size(entity));
    distinct_init(recounted, entity);
    distinct_recount(recounted, &walk->state, entity, walk->state.windows->at_us);
    for (size_t i = 0; i < entity->aggregation_count; i++) {
        const struct change *coming = &entity->comings[i];
        if (entity->aggregations[i].pool < 0)
            continue;
        assert_same_values(walk, coming, anew->distinct, "different values of windows made anew");
        assert_same_values(walk, coming, recounted, "different values of a recount");
        if (chance_below(&walk->chance, 4) == 0)
            assert_naive(walk, coming);
    }
    distinct_deinit(recounted);
    test_free(recounted);
}

static void assert_kept(struct walk *walk, int64_t at_us) {
    const struct entity_plan *entity = &walk->scene.entity;
    struct state *state = &walk->state;
    if (!state->windows)
        windows_make(state, entity);
    if (state->windows->is_known && at_us < state->windows->at_us)
        at_us = state->windows->at_us; /* they never go back */
    bool is_kept = state->windows->is_known;
    bool is_counted = is_kept && state->windows->distinct && state->windows->distinct->is_known;
    struct windows *anew = test_malloc(windows_size(entity));
    windows_init(anew, entity);
    windows_bring(state->windows, state, entity, at_us);
    windows_bring(anew, state, entity, at_us);
    for (size_t i = 0; i < entity->border_count; i++) {
        assert_int_equal(state->windows->marks[i].row, anew->marks[i].row);
        assert_int_equal(state->windows->marks[i].tile, anew->marks[i].tile);
    }
    for (size_t i = 0; i < entity->aggregation_count; i++)
        if (entity->aggregations[i].total >= 0)
            assert_totals(walk, &entity->comings[i], anew);
    if (state->windows->distinct)
        assert_distinct(walk, anew);
    windows_deinit(anew);
    test_free(anew);
    walk->kept += is_kept;
    walk->with_tiles += is_kept && tile_count(state) > 0;
    walk->with_sketches += is_counted && sketch_tile_count(state) > 0;
}

/* Events. */

static void apply(struct walk *walk, const struct entry *entry, const char *event) {
    walk->event = event;
    scene_apply(&walk->scene, &walk->state, entry);
}

static void pay(struct walk *walk, int64_t time_us, const char *event) {
    struct payment payment = scene_random_payment(&walk->chance, time_us);
    if (walk->values > 0) {
        payment.integers[SCENE_AMOUNT] = chance_below(&walk->chance, walk->values);
        payment.integers[SCENE_ITEMS] = payment.integers[SCENE_AMOUNT] % 1000;
    }
    if (walk->paid > 0 && chance_below(&walk->chance, 40) == 0) {
        payment = walk->recent[(walk->paid - 1) % RECENT];
        event = "the same once more";
    }
    struct entry entry = scene_transaction(&payment);
    apply(walk, &entry, event);
    walk->labels[walk->paid % RECENT] = SCENE_UNKNOWN;
    walk->recent[walk->paid++ % RECENT] = payment;
}

static void label(struct walk *walk) {
    if (walk->paid == 0)
        return;
    size_t known = walk->paid < RECENT ? walk->paid : RECENT;
    size_t i = (size_t)chance_below(&walk->chance, (int64_t)known);
    enum scene_label now = (enum scene_label)chance_below(&walk->chance, SCENE_LABELS);
    struct entry entry = scene_outcome(&walk->recent[i], walk->labels[i], now);
    walk->labels[i] = now;
    if (chance_below(&walk->chance, 20) == 0) {
        entry.id_hash = chance_next(&walk->chance);
        apply(walk, &entry, "an outcome without transaction");
        return;
    }
    apply(walk, &entry, "an outcome");
}

static void amend(struct walk *walk) {
    if (walk->paid == 0)
        return;
    size_t known = walk->paid < RECENT ? walk->paid : RECENT;
    size_t i = (size_t)chance_below(&walk->chance, (int64_t)known);
    struct entry entry = scene_taken_out(&walk->recent[i], walk->labels[i]);
    apply(walk, &entry, "what was taken out");
    walk->recent[i].integers[SCENE_AMOUNT] = chance_below(&walk->chance, 1000);
    entry = scene_put_in(&walk->recent[i], walk->labels[i]);
    apply(walk, &entry, "what was put in");
}

static void merge(struct walk *walk) {
    struct state other;
    state_init(&other);
    for (int64_t left = chance_below(&walk->chance, 30); left > 0; left--) {
        int64_t time_us = walk->now_us - chance_below(&walk->chance, 50 * walk->pace_us);
        struct payment payment = scene_random_payment(&walk->chance, time_us);
        struct entry entry = scene_transaction(&payment);
        scene_apply(&walk->scene, &other, &entry);
    }
    state_merge(&walk->state, &walk->scene.entity, walk->scene.plan.lateness_us,
                ENCODED(&walk->scene.entity, &other));
    walk->event = "a merge";
    state_deinit(&other);
}

static void step(struct walk *walk) {
    static const int64_t paces_us[] = {3 * SECOND, SECOND, SECOND / 10, SECOND / 100, 1000, 20};
    struct chance *chance = &walk->chance;
    int64_t kind = chance_below(chance, 1000), pace_us = walk->pace_us;
    if (chance_below(chance, 100) == 0)
        walk->pace_us = paces_us[chance_below(chance, 6)];
    if (kind < 700) {
        walk->now_us += chance_below(chance, 4) * pace_us;
        pay(walk, walk->now_us, "a payment");
    } else if (kind < 790) {
        label(walk);
    } else if (kind < 800) {
        amend(walk);
    } else if (kind < 900) {
        pay(walk, walk->now_us - chance_below(chance, 8 * pace_us), "a late payment");
    } else if (kind < 950) {
        pay(walk, walk->now_us - chance_below(chance, 100 * pace_us + SECOND),
            "a very late payment");
    } else if (kind < 970) {
        pay(walk, walk->now_us + chance_below(chance, 20 * pace_us), "a payment ahead");
    } else if (kind < 975) {
        merge(walk);
    } else if (kind < 978) {
        state_assign(&walk->state, &walk->scene.entity, ENCODED(&walk->scene.entity, &walk->state));
        walk->event = "decoding";
    } else if (kind < 990) {
        walk->now_us += chance_below(chance, 100 * SECOND);
    } else if (kind < 992) {
        walk->now_us += chance_below(chance, 4000 * SECOND);
    }
    /* Mostly where they are, or now; sometimes not, so that several events add up. */
    int64_t look = chance_below(chance, 16);
    if (look < 6)
        assert_kept(walk, walk->state.windows && walk->state.windows->is_known
                              ? walk->state.windows->at_us
                              : walk->now_us);
    else if (look < 11)
        assert_kept(walk, walk->now_us);
    else if (look == 11)
        assert_kept(walk, walk->now_us + chance_below(chance, 40) * pace_us);
}

/* Plans. */

static void begin_random(struct walk *walk) {
    scene_init(&walk->scene, chance_below(&walk->chance, 12) * SECOND);
    scene_add_random_features(&walk->scene, &walk->chance,
                              1 + (size_t)chance_below(&walk->chance, 10));
    walk->values = 0;
}

/* Different values alone, of few and of more than a sketch keeps, over windows that agree in part.
 */
static void begin_values(struct walk *walk) {
    static const int64_t windows_us[] = {40 * SECOND, 200 * SECOND, 600 * SECOND};
    static const int64_t ranges[] = {40, 150, 1000, INT64_C(1) << 40};
    struct chance *chance = &walk->chance;
    scene_init(&walk->scene, chance_below(chance, 3) * 4 * SECOND);
    for (int64_t left = 1 + chance_below(chance, 5); left > 0; left--) {
        int64_t delay_us = chance_below(chance, 3) == 0 ? chance_below(chance, 90) * SECOND : 0;
        scene_add(&walk->scene, chance_below(chance, 3) ? AGGREGATE_IS_NEW : AGGREGATE_DISTINCT,
                  chance_below(chance, 2) ? SCENE_AMOUNT : SCENE_ITEMS,
                  chance_below(chance, 4) ? -1 : SCENE_IS_ONLINE, -1,
                  windows_us[chance_below(chance, 3)], delay_us);
    }
    if (chance_below(chance, 3))
        scene_add(&walk->scene, AGGREGATE_COUNT, -1, -1, -1, 3000 * SECOND, 0);
    walk->values = ranges[chance_below(chance, 4)];
}

static void walk_through(void (*begin)(struct walk *walk), int64_t steps) {
    static const int64_t starts_us[] = {0, INT64_C(-1700000000) * SECOND,
                                        INT64_C(1700000000) * SECOND};
    struct walk *walk = test_calloc(1, sizeof *walk);
    walk->chance.state = chance_seed();
    for (walk->left = chance_steps(steps); walk->left > 0; walk->left--) {
        if (walk->left % ROUND_STEPS == 0 || walk->scene.entity.feature_count == 0) {
            state_deinit(&walk->state);
            begin(walk);
            scene_finish(&walk->scene);
            if (chance_below(&walk->chance, 3) == 0)
                plan_omit_ids(&walk->scene.entity); /* where nothing needs them */
            walk->now_us = starts_us[chance_below(&walk->chance, 3)];
            walk->pace_us = SECOND;
            walk->paid = 0;
        }
        step(walk);
    }
    print_message("kept %" PRIu64 " times, with tiles %" PRIu64 ", with sketches %" PRIu64
                  ", estimates %" PRIu64 "\n",
                  walk->kept, walk->with_tiles, walk->with_sketches, walk->with_estimates);
    assert_true(walk->kept > 0 && walk->with_tiles > 0 && walk->with_sketches > 0);
    assert_true(begin == begin_random || walk->with_estimates > 0);
    state_deinit(&walk->state);
    test_free(walk);
}

static void windows_are_those_made_anew(void **unused) {
    (void)unused;
    walk_through(begin_random, 100000);
}

static void different_values_are_those_made_anew(void **unused) {
    (void)unused;
    walk_through(begin_values, 40000);
}

/* A tile keeps the extremes of what was taken out of it, of a total that counts nothing by now:
 * they are in the windows again as soon as it counts something. */
static void tiles_count_again_after_all_was_taken_out(void **unused) {
    (void)unused;
    struct walk *walk = test_calloc(1, sizeof *walk);
    scene_init(&walk->scene, 0);
    scene_add(&walk->scene, AGGREGATE_MIN, SCENE_AMOUNT, SCENE_IS_DEAR, -1, 3000 * SECOND, 0);
    scene_add(&walk->scene, AGGREGATE_MAX, SCENE_AMOUNT, SCENE_IS_DEAR, -1, 3000 * SECOND, 0);
    scene_finish(&walk->scene);
    walk->now_us = 10000 * SECOND;
    struct payment dear = scene_random_payment(&walk->chance, walk->now_us);
    dear.present = 1 << SCENE_AMOUNT;
    dear.integers[SCENE_AMOUNT] = 900;
    for (int i = 0; i < 40; i++) {
        struct payment payment = dear;
        payment.id_hash = (uint64_t)i + 1;
        payment.integers[SCENE_AMOUNT] = i == 0 ? 900 : 100;
        struct entry entry = scene_transaction(&payment);
        apply(walk, &entry, "a payment");
        dear = i == 0 ? payment : dear;
    }
    assert_true(tile_count(&walk->state) > 0);
    struct entry entry = scene_taken_out(&dear, SCENE_UNKNOWN);
    apply(walk, &entry, "what was taken out");
    assert_kept(walk, walk->now_us + SECOND);
    dear.integers[SCENE_AMOUNT] = 700;
    entry = scene_put_in(&dear, SCENE_UNKNOWN);
    apply(walk, &entry, "what was put in");
    assert_kept(walk, walk->now_us + SECOND);
    state_deinit(&walk->state);
    test_free(walk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_count_again_after_all_was_taken_out),
        cmocka_unit_test(windows_are_those_made_anew),
        cmocka_unit_test(different_values_are_those_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
