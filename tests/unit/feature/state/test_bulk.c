/* Property: entries folded in bulk, in any number of portions, and what comes of two halves that
 * are merged, have the bytes that state_apply() of each gives.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "core/feature/state/bulk.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#define ENTRIES_MAX 300

/* Bursts, clocks that leap, the same payment twice, and outcomes, in any order. */
static size_t make_entries(struct chance *chance, struct entry *entries) {
    int64_t most = chance_below(chance, 2) ? ENTRIES_MAX : 40;
    size_t count = 0, wanted = 1 + (size_t)chance_below(chance, most);
    int64_t time_us = INT64_C(1700000000) * SECOND;
    int64_t step_us = chance_below(chance, 2) ? SECOND : 1 + chance_below(chance, 1000);
    struct payment payment = {0};
    while (count < wanted) {
        time_us += chance_below(chance, 30) ? chance_below(chance, 8) * step_us
                                            : chance_below(chance, 900) * SECOND;
        int64_t late_us = chance_below(chance, 10) ? 0 : chance_below(chance, 200) * step_us;
        if (count == 0 || chance_below(chance, 12) != 0)
            payment = scene_random_payment(chance, time_us - late_us);
        entries[count++] = scene_transaction(&payment);
        if (count < wanted && chance_below(chance, 4) == 0)
            entries[count++] = scene_outcome(&payment, SCENE_UNKNOWN, SCENE_FRAUD);
    }
    return count;
}

struct bodies {
    uint8_t bytes[ENTRIES_MAX][BULK_BODY_MAX];
    struct bulk_entry entries[ENTRIES_MAX];
};

static struct bulk_entry *encode(const struct scene *scene, struct bodies *bodies,
                                 const struct entry *entries, size_t count) {
    for (size_t i = 0; i < count; i++)
        bodies->entries[i] = (struct bulk_entry){
            .time_us = entries[i].time_us,
            .body = bodies->bytes[i],
            .size = (uint32_t)bulk_encode(&scene->entity, &entries[i], bodies->bytes[i])};
    return bodies->entries;
}

/* In random portions, one on top of the other. */
static void fold_portions(const struct scene *scene, struct chance *chance, struct bulk *bulk,
                          const struct entry *entries, size_t count, struct state *ret_state) {
    static struct bodies bodies;
    bool whole = chance_below(chance, 2);
    state_init(ret_state);
    for (size_t from = 0; from < count;) {
        size_t left = count - from;
        size_t portion = whole ? left : 1 + (size_t)chance_below(chance, (int64_t)left);
        struct text folded = bulk_fold(bulk, &scene->entity, scene->plan.lateness_us,
                                       scene_encode(&scene->entity, ret_state),
                                       encode(scene, &bodies, entries + from, portion), portion);
        state_assign(ret_state, &scene->entity, folded.data, folded.length);
        from += portion;
    }
}

static void expect(struct text expected, struct text got, const char *how) {
    if (!text_equal(expected, got))
        fail_msg("%s: %zu bytes that are not the %zu expected", how, got.length, expected.length);
}

static void bulk_is_what_one_by_one_gives(void **state) {
    (void)state;
    struct chance chance = {.state = chance_seed()};
    struct scene scene;
    static struct entry entries[ENTRIES_MAX];
    struct bulk *bulk = bulk_new();
    for (int64_t left = chance_steps(30000); left > 0; left -= 100) {
        scene_init(&scene, chance_below(&chance, 20) * SECOND);
        scene_add_random_features(&scene, &chance, 1 + (size_t)chance_below(&chance, 20));
        scene_finish(&scene);
        size_t count = make_entries(&chance, entries);
        size_t half = (size_t)chance_below(&chance, (int64_t)count + 1);
        struct state expected = {0}, folded, first, second;
        for (size_t i = 0; i < count; i++)
            scene_apply(&scene, &expected, &entries[i]);
        fold_portions(&scene, &chance, bulk, entries, count, &folded);
        expect(scene_encode(&scene.entity, &expected), scene_encode(&scene.entity, &folded),
               "in portions");
        fold_portions(&scene, &chance, bulk, entries, half, &first);
        fold_portions(&scene, &chance, bulk, entries + half, count - half, &second);
        expect(scene_encode(&scene.entity, &expected),
               bulk_merge(bulk, &scene.entity, scene.plan.lateness_us,
                          scene_encode(&scene.entity, &second),
                          scene_encode(&scene.entity, &first)),
               "merged halves");
        state_deinit(&expected);
        state_deinit(&folded);
        state_deinit(&first);
        state_deinit(&second);
    }
    bulk_free(bulk);
}

static void a_plan_that_keeps_nothing_has_empty_states(void **state) {
    (void)state;
    struct chance chance = {.state = 1};
    struct scene scene;
    static struct bodies bodies;
    scene_init(&scene, SECOND);
    scene_finish(&scene);
    struct payment payment = scene_random_payment(&chance, 5 * SECOND);
    struct entry entry = scene_transaction(&payment);
    struct bulk *bulk = bulk_new();
    struct text none = {0};
    assert_int_equal(bulk_fold(bulk, &scene.entity, scene.plan.lateness_us, none,
                               encode(&scene, &bodies, &entry, 1), 1)
                         .length,
                     0);
    bulk_free(bulk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bulk_is_what_one_by_one_gives),
        cmocka_unit_test(a_plan_that_keeps_nothing_has_empty_states),
    };
    return cmocka_run_group_tests_name("bulk", tests, NULL, NULL);
}
