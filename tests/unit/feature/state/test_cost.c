/* The cost of a plan: nothing that happens to an entity exceeds it, and the worst that can happen
 * comes near. */
#include "core/feature/plan/partition.h"
#include "core/feature/read/place.h"
#include "core/feature/state/cost.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <inttypes.h>

#define NEWEST  (INT64_C(1700000000) * SECOND)
#define RAW_MAX 16

static void assert_within(const struct scene *scene, const struct state *state) {
    struct plan_cost cost = entity_plan_cost(&scene->entity);
    int64_t newest_us;
    uint64_t entries;
    if (!state_extent(state, &scene->entity, &newest_us, &entries))
        return;
    size_t length = scene_encode(&scene->entity, state).length;
    if (length > cost.bytes)
        fail_msg("%zu bytes, at most %" PRIu64 " were promised", length, cost.bytes);
}

/* A transaction whose every column takes as many bytes as it can. */
static struct entry large_entry(int64_t time_us, uint64_t id_hash) {
    static const char text[COLUMN_TEXT_MAX] = "baker";
    struct entry entry = {.time_us = time_us,
                          .id_hash = id_hash,
                          .transaction = true,
                          .present = (1 << SCENE_COLUMNS) - 1};
    entry.integers[SCENE_AMOUNT] = INT64_MIN + (int64_t)id_hash;
    entry.integers[SCENE_ITEMS] = INT64_MAX - (int64_t)id_hash;
    entry.integers[SCENE_MERCHANT] = (int64_t)(id_hash * UINT64_C(0x9e3779b97f4a7c15));
    entry.integers[SCENE_ONLINE] = 1;
    entry.integers[SCENE_OPENED] = INT64_MIN;
    entry.integers[SCENE_PLACE] = place_pack(-338688197, -1800000000);
    entry.texts[SCENE_MERCHANT_TEXT] = (struct text){.data = text, .length = COLUMN_TEXT_MAX};
    for (int i = 0; i < SCENE_FILTERS; i++)
        entry.weights[i] = 1;
    return entry;
}

/* So many transactions for each tile that there is when NEWEST is the newest time, oldest first; or
 * the same ones taken out again. Returns how many tiles there are. */
static uint64_t apply_all(const struct scene *scene, int64_t in_tile, bool take_out,
                          struct state *state) {
    const struct entity_plan *entity = &scene->entity;
    int64_t time_us = NEWEST - (int64_t)(entity->kept_us + (UINT64_C(2) << entity->block_level));
    uint64_t tiles = 0, id = 1;
    while (time_us <= NEWEST) {
        struct tile_extent tile = partition_tile(&entity->tiles, time_us, NEWEST);
        struct tile_extent block = tile_extent_of(time_us, entity->block_level);
        int64_t last_us = tile.last_us < NEWEST ? tile.last_us : NEWEST;
        bool dropped = is_behind(block.last_us, NEWEST, entity->kept_us);
        for (int64_t i = 0; !dropped && i < in_tile; i++) {
            int64_t at_us = tile.first_us + (last_us - tile.first_us) * i / in_tile;
            struct entry entry = large_entry(at_us, id++);
            entry.transaction = !take_out;
            entry.is_taken_out = take_out;
            scene_apply(scene, state, &entry);
        }
        tiles += !dropped;
        time_us = tile.last_us + 1;
    }
    return tiles;
}

static uint64_t fill(const struct scene *scene, int64_t in_tile, struct state *state) {
    uint64_t tiles = apply_all(scene, in_tile, false, state);
    struct entry entry = large_entry(NEWEST, UINT64_C(1) << 32);
    entry.transaction = false; /* an outcome, so that the newest time is what it should be */
    scene_apply(scene, state, &entry);
    return tiles;
}

static void init_some(struct scene *scene, bool sketches) {
    scene_init(scene, 600 * SECOND);
    scene_add(scene, AGGREGATE_STDDEV, SCENE_AMOUNT, -1, -1, 600 * SECOND, 0);
    scene_add(scene, AGGREGATE_MAX, SCENE_ITEMS, SCENE_IS_ONLINE, -1, 86400 * SECOND, 0);
    scene_add(scene, AGGREGATE_LAST, SCENE_MERCHANT_TEXT, -1, -1, 7 * 86400 * SECOND, 0);
    scene_add(scene, AGGREGATE_SPEED, SCENE_PLACE, -1, -1, 86400 * SECOND, 3600 * SECOND);
    if (sketches) {
        scene_add(scene, AGGREGATE_DISTINCT, SCENE_MERCHANT, -1, -1, 86400 * SECOND, 0);
        scene_add(scene, AGGREGATE_QUANTILE, SCENE_AMOUNT, -1, -1, 86400 * SECOND, 0)->q_parts = 9;
    }
    scene_finish(scene);
}

/* Sixteen in every tile: as many entries as there can be. */
static void full_raw_tiles_come_near_the_bound(void **unused) {
    (void)unused;
    static struct scene scene;
    init_some(&scene, false);
    struct plan_cost cost = entity_plan_cost(&scene.entity);
    struct state state;
    state_init(&state);
    uint64_t tiles = fill(&scene, RAW_MAX, &state), entries;
    int64_t newest_us;
    assert_true(state_extent(&state, &scene.entity, &newest_us, &entries));
    assert_int_equal(entries, tiles * RAW_MAX + 1);
    size_t length = scene_encode(&scene.entity, &state).length;
    print_message("%" PRIu64 " entries of %" PRIu64 ", %zu bytes of %" PRIu64 "\n", entries,
                  cost.entries, length, cost.bytes);
    assert_true(tiles * RAW_MAX <= cost.entries);
    assert_true(cost.entries <= entries + entries / 8);
    assert_within(&scene, &state);
    assert_true(cost.bytes <= length + length / 5);
    state_deinit(&state);
}

/* Of entries this small, a few bytes more are many. */
static void init_small(struct scene *scene) {
    scene_init(scene, 600 * SECOND);
    for (int filter = 0; filter < SCENE_FILTERS; filter++)
        scene_add(scene, AGGREGATE_COUNT, -1, filter, -1, 600 * SECOND, 0);
    scene_add(scene, AGGREGATE_MAX, SCENE_ONLINE, SCENE_IS_ONLINE, -1, 86400 * SECOND, 0);
    scene_finish(scene);
}

/* What was amended takes more bytes than what was not. Raw, even if there were as many entries as
 * the bound says, which is a few tiles more than there are; and collapsed. */
static void what_was_taken_out_stays_within_the_bound(void **unused) {
    (void)unused;
    static struct scene scene;
    for (int64_t in_tile = RAW_MAX; in_tile <= RAW_MAX + 1; in_tile++) {
        init_small(&scene);
        struct plan_cost cost = entity_plan_cost(&scene.entity);
        struct state state;
        state_init(&state);
        uint64_t tiles = fill(&scene, in_tile, &state);
        apply_all(&scene, in_tile, true, &state);
        size_t length = scene_encode(&scene.entity, &state).length;
        print_message("%zu bytes of %" PRIu64 "\n", length, cost.bytes);
        assert_within(&scene, &state);
        if (in_tile == RAW_MAX)
            assert_true(length / (tiles * RAW_MAX) * cost.entries <= cost.bytes);
        state_deinit(&state);
    }
}

/* One more, and all are collapsed. */
static void collapsed_tiles_stay_within_the_bound(void **unused) {
    (void)unused;
    static struct scene scene;
    for (int sketches = 0; sketches < 2; sketches++) {
        init_some(&scene, sketches);
        struct plan_cost cost = entity_plan_cost(&scene.entity);
        struct state state;
        state_init(&state);
        uint64_t tiles = fill(&scene, RAW_MAX + 1, &state);
        print_message("%" PRIu64 " tiles, %zu bytes of %" PRIu64 "\n", tiles,
                      scene_encode(&scene.entity, &state).length, cost.bytes);
        assert_true(tiles * RAW_MAX <= cost.entries);
        assert_within(&scene, &state);
        state_deinit(&state);
    }
}

/* With as many different values as buckets: the sketches that the bound is about. */
static void full_sketches_come_near_the_bound(void **unused) {
    (void)unused;
    static struct scene scene;
    struct chance chance = {.state = chance_seed()};
    scene_init(&scene, 0);
    scene_add(&scene, AGGREGATE_QUANTILE, SCENE_AMOUNT, -1, -1, 800, 0)->q_parts = 5000;
    scene.entity.column_count = 1;
    scene.entity.filter_count = 0;
    scene_finish(&scene);
    struct plan_cost cost = entity_plan_cost(&scene.entity);
    struct state state;
    state_init(&state);
    for (int64_t i = 0; i < 40000; i++) {
        struct entry entry = large_entry(NEWEST - chance_below(&chance, 1000), (uint64_t)i);
        entry.integers[SCENE_AMOUNT] = (int64_t)chance_next(&chance) >> chance_below(&chance, 57);
        scene_apply(&scene, &state, &entry);
        if (i % 1000 == 0)
            assert_within(&scene, &state);
    }
    size_t length = scene_encode(&scene.entity, &state).length;
    print_message("%zu bytes of %" PRIu64 "\n", length, cost.bytes);
    assert_within(&scene, &state);
    assert_true(cost.bytes < 10 * length);
    state_deinit(&state);
}

/* Walks over all of them. */
static uint64_t count_tiles(const struct entity_plan *entity, int64_t newest_us) {
    int64_t time_us = newest_us - (int64_t)(entity->kept_us + (UINT64_C(2) << entity->block_level));
    uint64_t count = 0;
    while (time_us <= newest_us) {
        struct tile_extent tile = partition_tile(&entity->tiles, time_us, newest_us);
        struct tile_extent block = tile_extent_of(time_us, entity->block_level);
        count += !is_behind(block.last_us, newest_us, entity->kept_us);
        time_us = tile.last_us + 1;
    }
    return count;
}

/* At every newest time, for tiles lie as that falls; and at some there are nearly as many. */
static void tiles_are_as_many_as_the_bound_says(void **unused) {
    (void)unused;
    static struct scene scene;
    struct chance chance = {.state = chance_seed()};
    for (int64_t left = chance_steps(200); left > 0; left--) {
        scene_init(&scene, chance_below(&chance, 3) * chance_below(&chance, 500));
        for (int64_t i = 1 + chance_below(&chance, 3); i > 0; i--)
            scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, 1 + chance_below(&chance, 3000),
                      chance_below(&chance, 2) * chance_below(&chance, 1000));
        scene_finish(&scene);
        const struct entity_plan *entity = &scene.entity;
        uint64_t bound = entity_plan_cost(entity).entries / RAW_MAX, most = 0;
        for (int i = 0; i < 64; i++) {
            uint64_t count = count_tiles(entity, NEWEST + i);
            most = count > most ? count : most;
        }
        if (most > bound || bound > most + 1 + entity->tiles.most - entity->tiles.least)
            fail_msg("up to %" PRIu64 " tiles, the bound is %" PRIu64, most, bound);
    }
}

static void random_histories_stay_within_the_bound(void **unused) {
    (void)unused;
    static struct scene scene;
    struct chance chance = {.state = chance_seed()};
    struct state state;
    state_init(&state);
    uint64_t id = 0, most = 0;
    for (int64_t left = chance_steps(200); left > 0; left--) {
        scene_init(&scene, chance_below(&chance, 5) * SECOND);
        scene_add_random_features(&scene, &chance, 1 + (size_t)chance_below(&chance, 6));
        scene_finish(&scene);
        struct plan_cost cost = entity_plan_cost(&scene.entity);
        int64_t now_us = NEWEST, pace_us = 1 + scene.entity.reach_us / 400;
        state_deinit(&state);
        for (int i = 0; i < 300; i++) {
            now_us += chance_below(&chance, pace_us);
            struct entry entry = large_entry(now_us, id++);
            scene_apply(&scene, &state, &entry);
            assert_within(&scene, &state);
        }
        uint64_t part = 100 * scene_encode(&scene.entity, &state).length / cost.bytes;
        most = part > most ? part : most;
    }
    print_message("up to %" PRIu64 " %% of the bound\n", most);
    state_deinit(&state);
}

static void a_plan_without_features_costs_nothing(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, 0);
    scene_finish(&scene);
    struct plan_cost cost = entity_plan_cost(&scene.entity);
    assert_true(cost.bytes == 0 && cost.entries == 0);
}

/* Ten years at microseconds beside ten years at once: no number of it overflows. */
static void the_greatest_plans_have_a_cost(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, PLAN_LATENESS_US_MAX);
    scene_add(&scene, AGGREGATE_DISTINCT, SCENE_AMOUNT, -1, -1, 1, PLAN_WINDOW_US_MAX - 1);
    scene_add(&scene, AGGREGATE_QUANTILE, SCENE_AMOUNT, -1, -1, PLAN_WINDOW_US_MAX, 0)->q_parts = 1;
    scene_finish(&scene);
    struct plan_cost cost = entity_plan_cost(&scene.entity);
    assert_true(cost.entries > UINT64_C(1) << 52 && cost.bytes > cost.entries);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_raw_tiles_come_near_the_bound),
        cmocka_unit_test(what_was_taken_out_stays_within_the_bound),
        cmocka_unit_test(collapsed_tiles_stay_within_the_bound),
        cmocka_unit_test(full_sketches_come_near_the_bound),
        cmocka_unit_test(tiles_are_as_many_as_the_bound_says),
        cmocka_unit_test(random_histories_stay_within_the_bound),
        cmocka_unit_test(a_plan_without_features_costs_nothing),
        cmocka_unit_test(the_greatest_plans_have_a_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
