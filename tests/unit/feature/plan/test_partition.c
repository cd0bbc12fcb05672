/* Tiles: nested, never too wide, and meeting when partition_meeting() says. */
#include "core/feature/plan/partition.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

static void random_plan(struct scene *scene, struct chance *chance) {
    scene_init(scene, chance_below(chance, 3) * chance_below(chance, 20) * SECOND);
    scene_add_random_features(scene, chance, 1 + (size_t)chance_below(chance, 6));
    scene_finish(scene);
}

static int64_t random_age(struct chance *chance) {
    return (int64_t)(chance_next(chance) >> (24 + chance_below(chance, 38)));
}

static void tiles_only_ever_become_wider(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    static struct scene scene;
    for (int64_t left = chance_steps(20000); left > 0; left--) {
        if (left % 50 == 0 || scene.entity.feature_count == 0)
            random_plan(&scene, &chance);
        const struct entity_plan *entity = &scene.entity;
        int64_t newest_us = (int64_t)(chance_next(&chance) >> 12);
        int64_t time_us = newest_us - random_age(&chance);
        int64_t later_us = newest_us + random_age(&chance);
        struct tile_extent tile = partition_tile(&entity->tiles, time_us, newest_us);
        struct tile_extent wider = partition_tile(&entity->tiles, time_us, later_us);
        assert_true(tile.first_us <= time_us && time_us <= tile.last_us);
        assert_true(wider.first_us <= tile.first_us && tile.last_us <= wider.last_us);
        /* Whatever else lies in it says the same. */
        struct tile_extent same = partition_tile(&entity->tiles, tile.last_us, newest_us);
        assert_true(same.first_us == tile.first_us && same.last_us == tile.last_us);
        struct tile_extent block = tile_extent_of(time_us, entity->block_level);
        assert_true(block.first_us <= tile.first_us && tile.last_us <= block.last_us);
        if (!entity->has_sketches)
            continue;
        struct tile_extent sketch = partition_tile(&entity->sketch_tiles, time_us, newest_us);
        assert_true(sketch.first_us <= tile.first_us && tile.last_us <= sketch.last_us);
        assert_true(block.first_us <= sketch.first_us && sketch.last_us <= block.last_us);
    }
}

/* A read that is late by the lateness finds no tile that is too wide for its window. */
static void no_window_reads_a_tile_that_is_too_wide(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    static struct scene scene;
    for (int64_t left = chance_steps(20000); left > 0; left--) {
        if (left % 50 == 0 || scene.entity.feature_count == 0)
            random_plan(&scene, &chance);
        const struct entity_plan *entity = &scene.entity;
        const struct span *span =
            &entity->spans[chance_below(&chance, (int64_t)entity->span_count)];
        int64_t newest_us = (int64_t)(chance_next(&chance) >> 12);
        int64_t at_us = newest_us - chance_below(&chance, entity->lateness_us + 1);
        int64_t window_us = (int64_t)(span->end_us - span->delay_us);
        int64_t time_us = at_us - (int64_t)span->delay_us - chance_below(&chance, window_us);
        struct tile_extent tile = partition_tile(&entity->tiles, time_us, newest_us);
        int64_t width_us = tile.last_us - tile.first_us + 1;
        assert_true(width_us <= window_us / 64 || width_us == 1);
    }
}

static void meetings_are_neither_early_nor_late(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    static struct scene scene;
    int met = 0;
    for (int64_t left = chance_steps(20000); left > 0; left--) {
        if (left % 50 == 0 || scene.entity.feature_count == 0)
            random_plan(&scene, &chance);
        const struct partition *tiles = &scene.entity.tiles;
        int64_t a_us = (int64_t)(chance_next(&chance) >> 12), b_us = a_us + random_age(&chance);
        int64_t meeting_us = partition_meeting(tiles, a_us, b_us);
        if (meeting_us == INT64_MIN) {
            assert_true(partition_tile(tiles, a_us, b_us).last_us >= b_us);
        } else if (meeting_us == INT64_MAX) {
            assert_true(partition_tile(tiles, a_us, INT64_MAX).last_us < b_us);
        } else {
            assert_true(partition_tile(tiles, a_us, meeting_us).last_us >= b_us);
            assert_true(partition_tile(tiles, a_us, meeting_us - 1).last_us < b_us);
            met++;
        }
    }
    assert_true(met > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_only_ever_become_wider),
        cmocka_unit_test(no_window_reads_a_tile_that_is_too_wide),
        cmocka_unit_test(meetings_are_neither_early_nor_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
