/* Property: state_evaluate(), which keeps up what the windows hold from read to read, has the very
 * values that state_read() makes of the bytes; and that, where a state is a few raw entries, those
 * of the way that takes any state. Plans, payments and outcomes are random, as dense
 * and as sparse as there are tiles for: equal times, late arrivals, reads behind the newest entry,
 * clocks that leap, merges, and bytes that are put in place of others.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <inttypes.h>

#define ROUND_STEPS  600
#define FEATURES_MAX 24
#define RECENT       64
#define DAY          (86400 * SECOND)

struct walk {
    struct scene scene;
    struct state state;
    struct state_scratch *scratch, *other;
    struct payment recent[RECENT]; /* whose outcome may become known */
    enum scene_label labels[RECENT];
    size_t paid;
    int64_t now_us, pace_us;
    uint64_t kept; /* reads that could use what was kept */
    int64_t left;
};

static struct walk *walk_new(void) {
    struct walk *walk = test_calloc(1, sizeof *walk);
    walk->scratch = state_scratch_new();
    walk->other = state_scratch_new();
    return walk;
}

static void walk_free(struct walk *walk) {
    state_scratch_free(walk->scratch);
    state_scratch_free(walk->other);
    state_deinit(&walk->state);
    test_free(walk);
}

static void assert_values_agree(struct walk *walk, int64_t at_us, const struct entry *current) {
    struct value got[FEATURES_MAX], expected[FEATURES_MAX];
    const struct entity_plan *entity = &walk->scene.entity;
    int64_t lateness_us = walk->scene.plan.lateness_us;
    int r = state_evaluate(&walk->state, entity, lateness_us, at_us, current, walk->scratch, got);
    int s = state_read(ENCODED(entity, &walk->state), entity, lateness_us, at_us, current,
                       walk->other, expected);
    assert_int_equal(r, s);
    assert_int_equal(state_scratch_unknown(walk->scratch), state_scratch_unknown(walk->other));
    walk->kept += walk->state.windows != NULL;
    for (size_t i = 0; i < entity->feature_count; i++) {
        if (value_equal(got[i], expected[i]))
            continue;
        const struct feature *feature = &entity->features[i];
        char kept[64], scanned[64];
        value_format(got[i], kept, sizeof kept);
        value_format(expected[i], scanned, sizeof scanned);
        fail_msg("%s column %d filter %d part %d window %" PRId64 " us delay %" PRId64
                 " us at %" PRId64 " with %" PRId64 " steps left: %s %s, the bytes say %s %s",
                 aggregate_name(feature->aggregate), feature->column, feature->filter,
                 feature->part, feature->window_us, feature->delay_us, at_us, walk->left,
                 value_type_name(got[i].type), kept, value_type_name(expected[i].type), scanned);
    }
}

static void pay(struct walk *walk, struct chance *chance, int64_t time_us, bool is_read) {
    struct payment payment = scene_random_payment(chance, time_us);
    if (chance_below(chance, 4)) /* all of the columns: what is missing is not kept */
        payment.present = (1u << SCENE_COLUMNS) - 1;
    if (walk->paid > 0 && chance_below(chance, 60) == 0) /* the same once more */
        payment = walk->recent[(walk->paid - 1) % RECENT];
    struct entry entry = scene_transaction(&payment);
    if (is_read)
        assert_values_agree(walk, payment.time_us, &entry);
    scene_apply(&walk->scene, &walk->state, &entry);
    walk->labels[walk->paid % RECENT] = SCENE_UNKNOWN;
    walk->recent[walk->paid++ % RECENT] = payment;
}

static void label(struct walk *walk, struct chance *chance) {
    if (walk->paid == 0)
        return;
    size_t i = (size_t)chance_below(chance, (int64_t)(walk->paid < RECENT ? walk->paid : RECENT));
    enum scene_label now = (enum scene_label)chance_below(chance, SCENE_LABELS);
    struct entry entry = scene_outcome(&walk->recent[i], walk->labels[i], now);
    walk->labels[i] = now;
    scene_apply(&walk->scene, &walk->state, &entry);
}

static void merge(struct walk *walk, struct chance *chance) {
    struct state other;
    state_init(&other);
    for (int64_t left = chance_below(chance, 30); left > 0; left--) {
        struct payment payment =
            scene_random_payment(chance, walk->now_us - chance_below(chance, 100 * SECOND));
        struct entry entry = scene_transaction(&payment);
        scene_apply(&walk->scene, &other, &entry);
    }
    if (chance_below(chance, 2))
        state_merge(&walk->state, &walk->scene.entity, walk->scene.plan.lateness_us,
                    ENCODED(&walk->scene.entity, &other));
    else if (chance_below(chance, 10) == 0)
        state_assign(&walk->state, &walk->scene.entity, ENCODED(&walk->scene.entity, &other));
    state_deinit(&other);
}

static void step(struct walk *walk, struct chance *chance) {
    static const int64_t paces_us[] = {SECOND, SECOND / 10, SECOND / 100, SECOND / 1000, 200, 20};
    if (chance_below(chance, 150) == 0)
        walk->pace_us = paces_us[chance_below(chance, 6)];
    int64_t kind = chance_below(chance, 1000);
    int64_t lateness_us = walk->scene.plan.lateness_us;
    bool is_read = chance_below(chance, 8) != 0;
    if (kind < 800) {
        walk->now_us += chance_below(chance, 4) * walk->pace_us;
        pay(walk, chance, walk->now_us, is_read);
    } else if (kind < 850) { /* a look, mostly without a transaction, some behind or ahead */
        int64_t at_us = walk->now_us + (chance_below(chance, 60) - 15) * walk->pace_us;
        assert_values_agree(walk, at_us, NULL);
        walk->now_us = chance_below(chance, 2) && at_us > walk->now_us ? at_us : walk->now_us;
    } else if (kind < 900) {
        label(walk, chance);
    } else if (kind < 985) { /* late, some of them by more than the lateness */
        int64_t late_us = chance_below(chance, kind < 950   ? 8 * walk->pace_us
                                               : kind < 980 ? lateness_us + 1
                                                            : 100 * SECOND);
        pay(walk, chance, walk->now_us - late_us, is_read);
    } else if (kind < 990) { /* ahead of the others: they are late from here on */
        pay(walk, chance, walk->now_us + chance_below(chance, 8 * SECOND), is_read);
    } else if (kind < 995) {
        merge(walk, chance);
    } else { /* all clocks leap */
        walk->now_us += chance_below(chance, kind < 998 ? 60 * SECOND : 2 * DAY);
    }
}

static void begin_random(struct walk *walk, struct chance *chance) {
    state_deinit(&walk->state);
    scene_init(&walk->scene, chance_below(chance, 12) * SECOND);
    scene_add_random_features(&walk->scene, chance, 1 + (size_t)chance_below(chance, FEATURES_MAX));
    scene_finish(&walk->scene);
}

/* begin: another plan, without a state. */
static void walk_through(void (*begin)(struct walk *walk, struct chance *chance)) {
    static const int64_t starts_us[] = {0, -20000 * DAY, 17000 * DAY};
    struct chance chance = {.state = chance_seed()};
    struct walk *walk = walk_new();
    for (walk->left = chance_steps(120000); walk->left > 0; walk->left--) {
        if (walk->left % ROUND_STEPS == 0 || walk->scene.entity.feature_count == 0) {
            begin(walk, &chance);
            walk->now_us = starts_us[chance_below(&chance, 3)];
            walk->pace_us = SECOND;
            walk->paid = 0;
        }
        step(walk, &chance);
    }
    print_message("%" PRIu64 " reads with something kept\n", walk->kept);
    assert_true(walk->kept > 0);
    walk_free(walk);
}

static void values_equal_those_of_the_bytes(void **unused) {
    (void)unused;
    walk_through(begin_random);
}

static void begin_plain(struct walk *walk, struct chance *chance) {
    static const enum aggregate aggregates[] = {AGGREGATE_COUNT, AGGREGATE_SUM, AGGREGATE_MEAN};
    struct entity_plan *entity = &walk->scene.entity;
    state_deinit(&walk->state);
    scene_init(&walk->scene, chance_below(chance, 12) * SECOND);
    entity->filter_count = 0;
    entity->column_count = (size_t)chance_below(chance, 5) > 0;
    for (int64_t left = 1 + chance_below(chance, 8); left > 0; left--) {
        enum aggregate aggregate =
            entity->column_count > 0 ? aggregates[chance_below(chance, 3)] : AGGREGATE_COUNT;
        scene_add(&walk->scene, aggregate, aggregate == AGGREGATE_COUNT ? -1 : SCENE_AMOUNT, -1, -1,
                  (1 + chance_below(chance, 100)) * SECOND, 0)
            ->exclude_current = chance_below(chance, 4) == 0;
    }
    scene_finish(&walk->scene);
    if (chance_below(chance, 3) > 0)
        assert_true(plan_omit_ids(entity));
}

/* Of plans that ask for counts and sums alone, which are read in a way of their own. */
static void plain_values_equal_those_of_the_bytes(void **unused) {
    (void)unused;
    walk_through(begin_plain);
}

/* Behind the last of all times nothing can be expected, and what has not passed by then never will.
 */
static void times_may_end(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    struct walk *walk = walk_new();
    for (int round = 0; round < 60; round++) {
        if (round % 2 == 0)
            begin_random(walk, &chance);
        else
            begin_plain(walk, &chance);
        walk->paid = 0;
        int64_t step_us = 1 + chance_below(&chance, 2 * SECOND);
        for (int left = 80; left >= 0; left--)
            pay(walk, &chance, INT64_MAX - 1 - left * step_us, true);
        assert_values_agree(walk, INT64_MAX - 1, NULL);
        assert_values_agree(walk, INT64_MAX, NULL);
        assert_values_agree(walk, INT64_MAX, NULL);
    }
    assert_true(walk->kept > 0);
    walk_free(walk);
}

#define POOL_FILTERS 24
#define POOL_COLUMNS 3

/* Different values of more columns and filters than an integer has bits, so many of them that they
 * are in sketches. */
static void pools_may_be_many(void **unused) {
    (void)unused;
    struct scene *scene = test_calloc(1, sizeof *scene);
    struct filter filters[POOL_FILTERS];
    char texts[POOL_FILTERS][24];
    struct state state;
    struct state_scratch *scratch = state_scratch_new(), *other = state_scratch_new();
    scene_init(scene, SECOND);
    for (size_t i = 0; i < POOL_FILTERS; i++) {
        snprintf(texts[i], sizeof texts[i], "items != %zu", i);
        filters[i] = (struct filter){.source = text_of(texts[i])};
    }
    scene->entity.filters = filters;
    scene->entity.filter_count = POOL_FILTERS;
    for (int column = 0; column < POOL_COLUMNS; column++)
        for (int filter = 0; filter < POOL_FILTERS; filter++)
            scene_add(scene, AGGREGATE_DISTINCT, column, filter, -1, 600 * SECOND, 0);
    scene_finish(scene);
    assert_true(scene->entity.pool_count > 64);
    state_init(&state);
    for (int64_t i = 0; i < 1500; i++) {
        struct entry entry = {.time_us = i * SECOND / 20,
                              .id_hash = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15),
                              .transaction = true,
                              .present = (1u << POOL_COLUMNS) - 1};
        for (int column = 0; column < POOL_COLUMNS; column++)
            entry.integers[column] = i * (column + 1);
        for (int filter = 0; filter < POOL_FILTERS; filter++)
            entry.weights[filter] = i % POOL_FILTERS != filter;
        struct value got[POOL_COLUMNS * POOL_FILTERS], expected[POOL_COLUMNS * POOL_FILTERS];
        state_evaluate(&state, &scene->entity, SECOND, entry.time_us, &entry, scratch, got);
        state_read(ENCODED(&scene->entity, &state), &scene->entity, SECOND, entry.time_us, &entry,
                   other, expected);
        for (size_t j = 0; j < scene->entity.feature_count; j++)
            assert_true(value_equal(got[j], expected[j]));
        scene_apply(scene, &state, &entry);
    }
    assert_non_null(state.windows);
    state_deinit(&state);
    state_scratch_free(scratch);
    state_scratch_free(other);
    test_free(scene);
}

/* Items of one second each, 30 of them within 30 ms: more than a tile has raw. */
static void crowd_at(struct walk *walk, int64_t time_us, int64_t item) {
    for (int64_t i = 0; i < 30; i++) {
        struct entry entry = {.time_us = time_us + i * 1000,
                              .id_hash = (uint64_t)(time_us + i),
                              .transaction = true,
                              .present = 1u << SCENE_ITEMS};
        entry.integers[SCENE_ITEMS] = item + i;
        assert_values_agree(walk, entry.time_us, &entry);
        scene_apply(&walk->scene, &walk->state, &entry);
    }
}

static struct entry lone_entry(int64_t time_us, int64_t item) {
    struct entry entry = {.time_us = time_us,
                          .id_hash = (uint64_t)time_us,
                          .transaction = true,
                          .present = 1u << SCENE_ITEMS};
    entry.integers[SCENE_ITEMS] = item;
    return entry;
}

/* The oldest of two sketches has left with an entry that nobody read at: what was counted with it
 * is not known any more, neither in time order nor for a late read. */
static void sketches_may_go_unread(void **unused) {
    (void)unused;
    struct walk *walk = walk_new();
    scene_init(&walk->scene, SECOND);
    scene_add(&walk->scene, AGGREGATE_DISTINCT, SCENE_ITEMS, -1, -1, 64 * SECOND, 8 * SECOND);
    scene_add(&walk->scene, AGGREGATE_COUNT, -1, -1, -1, 66 * SECOND, 20 * SECOND);
    scene_finish(&walk->scene);
    const struct entity_plan *entity = &walk->scene.entity;
    int64_t block_us = INT64_C(1) << entity->block_level, first_us = 1000 * block_us;
    int64_t kept_us = (int64_t)entity->pools_kept_us;
    state_init(&walk->state);
    crowd_at(walk, first_us, 0);
    struct entry beside = lone_entry(first_us + 1200000, 999);
    scene_apply(&walk->scene, &walk->state, &beside);
    crowd_at(walk, first_us + 3 * SECOND, 0);
    crowd_at(walk, first_us + 2 * block_us, 100);
    assert_int_equal(walk->state.tile_list->sketch_count, 2);
    /* The entry is in the window of values, and the sketch that it counts beside is not yet. */
    assert_values_agree(walk, beside.time_us + 8 * SECOND + SECOND / 2, NULL);
    struct entry unread = lone_entry(first_us + block_us + kept_us, 7);
    scene_apply(&walk->scene, &walk->state, &unread);
    assert_int_equal(walk->state.tile_list->sketch_count, 1);
    assert_values_agree(walk, unread.time_us + SECOND, NULL);
    assert_true(walk->kept > 0);
    walk_free(walk);
}

/* It comes behind all other raw entries and yet late: between two crowds that are one sketch by
 * then, which the windows have passed. */
static void a_late_entry_counts_beside_a_sketch(void **unused) {
    (void)unused;
    struct walk *walk = walk_new();
    scene_init(&walk->scene, 20 * SECOND);
    scene_add(&walk->scene, AGGREGATE_DISTINCT, SCENE_ITEMS, -1, -1, 640 * SECOND, 0);
    scene_finish(&walk->scene);
    int64_t first_us = INT64_C(1000) << walk->scene.entity.block_level;
    crowd_at(walk, first_us, 0);
    crowd_at(walk, first_us + 20 * SECOND, 0);
    assert_int_equal(tile_count(&walk->state), 2);
    assert_int_equal(walk->state.tile_list->sketch_count, 1);
    assert_int_equal(walk->state.begin, walk->state.end);
    assert_values_agree(walk, first_us + 30 * SECOND, NULL);
    struct entry late = lone_entry(first_us + 10 * SECOND, 999);
    scene_apply(&walk->scene, &walk->state, &late);
    assert_values_agree(walk, first_us + 30 * SECOND, NULL);
    assert_true(walk->kept > 0);
    walk_free(walk);
}

/* Late entries that collapse in front of a tile which the windows have passed: nobody has looked
 * since they came, so they have passed nothing. */
static void late_ones_collapse_in_front_of_a_tile(void **unused) {
    (void)unused;
    struct walk *walk = walk_new();
    scene_init(&walk->scene, 1800 * SECOND);
    scene_add(&walk->scene, AGGREGATE_COUNT, -1, -1, -1, 3600 * SECOND, 0);
    scene_add(&walk->scene, AGGREGATE_DISTINCT, SCENE_ITEMS, -1, -1, 3600 * SECOND, 0);
    scene_finish(&walk->scene);
    state_init(&walk->state);
    int64_t late_us = 100 * 3600 * SECOND, now_us = late_us + 600 * SECOND;
    for (int64_t i = 0; i < 30; i++) {
        struct entry entry = lone_entry(now_us + i * 1000, i);
        scene_apply(&walk->scene, &walk->state, &entry);
    }
    assert_values_agree(walk, now_us + SECOND, NULL);
    for (int64_t i = 0; i < 30; i++) {
        struct entry entry = lone_entry(late_us + i * 1000, 100 + i);
        scene_apply(&walk->scene, &walk->state, &entry);
    }
    assert_int_equal(tile_count(&walk->state), 2);
    for (int64_t i = 1; i < 80; i++)
        assert_values_agree(walk, now_us + i * 60 * SECOND, NULL);
    walk_free(walk);
}

/* A look ahead of time does not keep the windows from serving the reads on time after it. */
static void a_look_ahead_is_forgotten(void **unused) {
    (void)unused;
    struct walk *walk = walk_new();
    scene_init(&walk->scene, SECOND);
    scene_add(&walk->scene, AGGREGATE_COUNT, -1, -1, -1, 3600 * SECOND, 0);
    scene_finish(&walk->scene);
    state_init(&walk->state);
    int64_t now_us = 100 * 3600 * SECOND;
    for (int64_t i = 0; i < 40; i++) {
        struct entry entry = lone_entry(now_us += 60 * SECOND, i);
        scene_apply(&walk->scene, &walk->state, &entry);
    }
    assert_values_agree(walk, now_us + 1800 * SECOND, NULL);
    assert_values_agree(walk, now_us, NULL);
    assert_true(walk->state.windows->at_us == now_us);
    assert_values_agree(walk, now_us - SECOND / 2, NULL); /* late: the windows stay */
    assert_true(walk->state.windows->at_us == now_us);
    walk_free(walk);
}

#define CROWD_STEPS 2500 /* of one round */

/* Features of different values alone, over windows that agree in part. */
static void crowd_begin(struct walk *walk, struct chance *chance) {
    static const int64_t windows_us[] = {40 * SECOND, 300 * SECOND, 600 * SECOND, 1000 * SECOND};
    static const int columns[] = {SCENE_AMOUNT, SCENE_MERCHANT};
    state_deinit(&walk->state);
    scene_init(&walk->scene, chance_below(chance, 3) * 4 * SECOND);
    for (int64_t left = 1 + chance_below(chance, 5); left > 0; left--) {
        int filter = chance_below(chance, 3) == 0 ? SCENE_IS_ONLINE : -1;
        int64_t delay_us = chance_below(chance, 4) == 0 ? chance_below(chance, 50) * SECOND : 0;
        scene_add(&walk->scene, chance_below(chance, 2) ? AGGREGATE_DISTINCT : AGGREGATE_IS_NEW,
                  columns[chance_below(chance, 2)], filter, -1, windows_us[chance_below(chance, 4)],
                  delay_us);
    }
    scene_finish(&walk->scene);
    walk->now_us = 0;
}

/* The entity is crowded for a while and then is not; what a tile has more than it may have raw goes
 * to sketches, of few values and of many, while other entries go on to stand for themselves. */
static void crowds_are_kept_up(void **unused) {
    (void)unused;
    static const int64_t paces_us[] = {SECOND / 20, SECOND / 5, SECOND / 2, SECOND, 4 * SECOND};
    struct chance chance = {.state = chance_seed()};
    struct walk *walk = walk_new();
    int64_t values = 100, unread = 0;
    for (walk->left = chance_steps(20000); walk->left > 0; walk->left--) {
        if (walk->left % CROWD_STEPS == 0 || walk->scene.entity.feature_count == 0)
            crowd_begin(walk, &chance);
        if (chance_below(&chance, 200) == 0 || walk->now_us == 0) {
            walk->pace_us = paces_us[chance_below(&chance, 5)];
            values = (int64_t[]){20, 90, 1000, INT64_MAX}[chance_below(&chance, 4)];
        }
        walk->now_us += 1 + chance_below(&chance, 2 * walk->pace_us);
        struct payment payment = scene_random_payment(&chance, walk->now_us);
        payment.present = (1u << SCENE_COLUMNS) - 1;
        payment.integers[SCENE_AMOUNT] = chance_below(&chance, values);
        payment.integers[SCENE_MERCHANT] = chance_below(&chance, values);
        struct entry entry = scene_transaction(&payment);
        if (unread == 0 && chance_below(&chance, 300) == 0)
            unread = chance_below(&chance, 200);
        if (unread > 0)
            unread--;
        else if (chance_below(&chance, 4) != 0)
            assert_values_agree(walk, walk->now_us, &entry);
        scene_apply(&walk->scene, &walk->state, &entry);
    }
    assert_true(walk->kept > 0);
    walk_free(walk);
}

#define DRIFT_STEPS 4000 /* of one round */
#define DRIFT_LOOKS 3
#define DRIFT_PAST  1024

/* A walk whose values come from ranges of all sizes. */
struct drift {
    struct walk *walk;
    struct chance chance;
    bool is_quiet; /* mostly without sketches */
    int64_t pace_until_us, unread_until_us, values;
    int64_t past[DRIFT_PAST]; /* the latest values */
    size_t paid;
};

static struct entry drifting_entry(struct drift *drift, int64_t value) {
    struct entry entry = {.time_us = drift->walk->now_us,
                          .id_hash = chance_next(&drift->chance),
                          .transaction = true,
                          .present = 1u << SCENE_AMOUNT | 1u << SCENE_ITEMS};
    entry.integers[SCENE_AMOUNT] = value;
    entry.integers[SCENE_ITEMS] = value % 1000;
    entry.weights[SCENE_IS_ONLINE] = (int32_t)chance_below(&drift->chance, 2);
    return entry;
}

/* Windows that ask for values, and a longer one that asks for none: the tiles of the first are
 * narrow, and what was raw in them collapses as it grows old; some of it when no window of values
 * reaches it any more. */
static void drift_begin(struct drift *drift) {
    struct walk *walk = drift->walk;
    struct chance *chance = &drift->chance;
    static const int64_t windows_us[] = {40 * SECOND, 200 * SECOND, 600 * SECOND};
    state_deinit(&walk->state);
    scene_init(&walk->scene, chance_below(chance, 3) * 4 * SECOND);
    for (int64_t left = 2 + chance_below(chance, 4); left > 0; left--) {
        int64_t delay_us = chance_below(chance, 3) == 0 ? chance_below(chance, 90) * SECOND : 0;
        scene_add(&walk->scene, chance_below(chance, 3) ? AGGREGATE_IS_NEW : AGGREGATE_DISTINCT,
                  chance_below(chance, 2) ? SCENE_AMOUNT : SCENE_ITEMS,
                  chance_below(chance, 4) ? -1 : SCENE_IS_ONLINE, -1,
                  windows_us[chance_below(chance, 3)], delay_us);
    }
    if (chance_below(chance, 3))
        scene_add(&walk->scene, AGGREGATE_COUNT, -1, -1, -1, 3000 * SECOND, 0);
    scene_finish(&walk->scene);
    walk->now_us = drift->pace_until_us = drift->unread_until_us = 0;
    drift->paid = 0;
    drift->is_quiet = chance_below(chance, 3) == 0;
}

/* Looks for values of the past, which some windows have one by one, some only in registers, and
 * some not any more. */
static void look_back(struct drift *drift) {
    size_t past = drift->paid < DRIFT_PAST ? drift->paid : DRIFT_PAST;
    for (int i = 0; i < DRIFT_LOOKS; i++) {
        size_t back = (size_t)chance_below(&drift->chance, (int64_t)past >> 2 * i) + 1;
        struct entry entry = drifting_entry(drift, drift->past[(drift->paid - back) % DRIFT_PAST]);
        assert_values_agree(drift->walk, entry.time_us, &entry);
    }
}

/* How far apart entries are for the next while, and how different. */
static void drift_change(struct drift *drift) {
    static const int64_t crowded_us[] = {SECOND / 8, SECOND / 8, SECOND / 4, SECOND / 2,
                                         3 * SECOND};
    static const int64_t next_due_us[] = {SECOND, SECOND, SECOND * 5 / 4, 2 * SECOND, 3 * SECOND};
    static const int64_t ranges[] = {100, 300, 1000, INT64_C(1) << 40};
    struct walk *walk = drift->walk;
    int64_t kind = chance_below(&drift->chance, 12);
    walk->pace_us =
        (drift->is_quiet && kind > 0 ? next_due_us : crowded_us)[chance_below(&drift->chance, 5)];
    bool is_burst = !drift->is_quiet && kind < 3;
    if (is_burst)
        walk->pace_us = SECOND / 50;
    drift->values = ranges[chance_below(&drift->chance, 4)];
    drift->pace_until_us =
        walk->now_us + chance_below(&drift->chance, is_burst ? 6 * SECOND : 100 * SECOND);
}

static void drift_on(struct drift *drift) {
    struct walk *walk = drift->walk;
    if (walk->now_us >= drift->pace_until_us)
        drift_change(drift);
    walk->now_us += 1 + chance_below(&drift->chance, 2 * walk->pace_us);
    int64_t value = chance_below(&drift->chance, drift->values);
    struct entry entry = drifting_entry(drift, value);
    scene_apply(&walk->scene, &walk->state, &entry);
    drift->past[drift->paid++ % DRIFT_PAST] = value;
    if (chance_below(&drift->chance, 400) == 0)
        drift->unread_until_us = walk->now_us + chance_below(&drift->chance, 400 * SECOND);
    if (walk->now_us >= drift->unread_until_us && drift->paid > 64 &&
        chance_below(&drift->chance, 4) == 0)
        look_back(drift);
}

/* Crowded and sparse in turns of minutes: sketches of all sizes, those that become registers as
 * more collapses into them, with raw entries between them; and stretches that nobody reads. */
static void values_that_collapse_late_are_kept_up(void **unused) {
    (void)unused;
    struct walk *walk = walk_new();
    struct drift *drift = test_calloc(1, sizeof *drift);
    drift->walk = walk;
    drift->chance.state = chance_seed();
    for (walk->left = chance_steps(60000); walk->left > 0; walk->left--) {
        if (walk->left % DRIFT_STEPS == 0 || walk->scene.entity.feature_count == 0)
            drift_begin(drift);
        drift_on(drift);
    }
    assert_true(walk->kept > 0);
    test_free(drift);
    walk_free(walk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_equal_those_of_the_bytes),
        cmocka_unit_test(plain_values_equal_those_of_the_bytes),
        cmocka_unit_test(times_may_end),
        cmocka_unit_test(pools_may_be_many),
        cmocka_unit_test(sketches_may_go_unread),
        cmocka_unit_test(late_ones_collapse_in_front_of_a_tile),
        cmocka_unit_test(a_look_ahead_is_forgotten),
        cmocka_unit_test(a_late_entry_counts_beside_a_sketch),
        cmocka_unit_test(crowds_are_kept_up),
        cmocka_unit_test(values_that_collapse_late_are_kept_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
