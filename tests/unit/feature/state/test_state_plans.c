/* Property: what a changed plan does to the same records. Features of equal definition have equal
 * values wherever the plans' tiles leave them the window they ask for; plans of equal layout have
 * states of equal bytes; any other difference is a difference of the plans' ids, by which what was
 * built with one plan is never read with another.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "tests/unit/feature/naive_model.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <inttypes.h>

#define FEATURES_MAX 16
#define RECORDS_MAX  150

/* Two plans, and how often it came to what the test is about. */
struct pair {
    struct scene a, b;
    struct state state_a, state_b;
    uint64_t values, same_layouts, refused;
};

/* Changing a plan. Each of these may do nothing. */

static void rename_all(struct scene *scene) {
    for (size_t i = 0; i < scene->entity.feature_count; i++) {
        snprintf(scene->names[i], sizeof scene->names[i], "g%zu", i);
        scene->features[i].name = text_of(scene->names[i]);
    }
}

static void turn_around(struct scene *scene) {
    size_t count = scene->entity.feature_count;
    for (size_t i = 0; i < count / 2; i++) {
        struct feature kept = scene->features[i];
        scene->features[i] = scene->features[count - 1 - i];
        scene->features[count - 1 - i] = kept;
    }
}

static void drop_one(struct scene *scene, struct chance *chance) {
    size_t *count = &scene->entity.feature_count;
    if (*count < 2)
        return;
    size_t at = (size_t)chance_below(chance, (int64_t)*count);
    memmove(&scene->features[at], &scene->features[at + 1],
            (*count - at - 1) * sizeof *scene->features);
    --*count;
}

static void change(struct scene *scene, struct chance *chance) {
    struct feature *any =
        &scene->features[chance_below(chance, (int64_t)scene->entity.feature_count)];
    switch (chance_below(chance, 8)) {
    case 0: /* nothing but the names */
        break;
    case 1:
        turn_around(scene);
        break;
    case 2:
        drop_one(scene, chance);
        break;
    case 3:
        scene_add_random_features(scene, chance, 1 + (size_t)chance_below(chance, 2));
        break;
    case 4:
        any->exclude_current = !any->exclude_current;
        break;
    case 5:
        any->window_us += 1 + chance_below(chance, SECOND);
        break;
    case 6:
        if (any->q_parts > 0)
            any->q_parts = (uint16_t)(1 + chance_below(chance, PLAN_Q_PARTS - 1));
        break;
    default:
        scene->plan.lateness_us += chance_below(chance, 2) * SECOND;
        break;
    }
}

/* A scene must not move, so the second is made like the first and then changed. */
static void make_plans(struct pair *pair, struct chance *chance) {
    int64_t lateness_us = chance_below(chance, 12) * SECOND;
    size_t count = 1 + (size_t)chance_below(chance, FEATURES_MAX / 2);
    struct chance same = *chance;
    scene_init(&pair->a, lateness_us);
    scene_init(&pair->b, lateness_us);
    scene_add_random_features(&pair->a, chance, count);
    scene_add_random_features(&pair->b, &same, count);
    for (int64_t changes = chance_below(chance, 4); changes > 0; changes--)
        change(&pair->b, chance);
    rename_all(&pair->b);
    scene_finish(&pair->a);
    scene_finish(&pair->b);
}

static int64_t fold_records(struct pair *pair, struct chance *chance) {
    static const int64_t paces_us[] = {3 * SECOND, SECOND / 10, SECOND / 1000, 50};
    int64_t now_us = 0, newest_us = 0;
    state_deinit(&pair->state_a);
    state_deinit(&pair->state_b);
    for (int64_t i = 1 + chance_below(chance, RECORDS_MAX); i > 0; i--) {
        now_us += chance_below(chance, paces_us[chance_below(chance, 4)] + 1);
        int64_t late_us = chance_below(chance, 8) == 0 ? chance_below(chance, 5 * SECOND) : 0;
        struct payment payment = scene_random_payment(chance, now_us - late_us);
        newest_us = payment.time_us > newest_us ? payment.time_us : newest_us;
        struct entry entry = scene_transaction(&payment);
        scene_apply(&pair->a, &pair->state_a, &entry);
        scene_apply(&pair->b, &pair->state_b, &entry);
        if (chance_below(chance, 3) > 0)
            continue;
        entry = scene_outcome(&payment, SCENE_UNKNOWN, SCENE_FRAUD);
        scene_apply(&pair->a, &pair->state_a, &entry);
        scene_apply(&pair->b, &pair->state_b, &entry);
    }
    return newest_us;
}

/* Does the feature see the window that it asks for, and no sketch? */
static bool sees_all(const struct scene *scene, const struct state *state, size_t i,
                     int64_t at_us) {
    const struct feature *f = &scene->features[i];
    struct effective_window window = state_effective_window(state, &scene->entity, i, at_us);
    int64_t until_us = at_us - f->delay_us;
    bool exact = window.until_us == until_us && window.after_us == until_us - f->window_us;
    if (f->aggregate == AGGREGATE_BURST) {
        window = state_effective_tick(state, &scene->entity, i, at_us);
        exact &= window.after_us == until_us - f->tick_us;
    }
    return exact && !(naive_is_sketched(f) && tile_count(state) > 0);
}

static void read_all(const struct scene *scene, const struct state *state, int64_t at_us,
                     const struct entry *current, struct state_scratch *scratch,
                     struct value *ret_values) {
    state_read(ENCODED(&scene->entity, state), &scene->entity, scene->plan.lateness_us, at_us,
               current, scratch, ret_values);
}

/* Defaults are not part of a definition: they are taken off before values are compared. */
static void assert_equal_values(struct pair *pair, struct chance *chance, int64_t at_us,
                                struct state_scratch *a_scratch, struct state_scratch *b_scratch) {
    struct value a_values[PLAN_FEATURES_MAX], b_values[PLAN_FEATURES_MAX];
    struct payment payment = scene_random_payment(chance, at_us);
    struct entry current = scene_transaction(&payment);
    for (size_t i = 0; i < pair->a.entity.feature_count; i++)
        pair->a.features[i].default_value = value_absent();
    for (size_t i = 0; i < pair->b.entity.feature_count; i++)
        pair->b.features[i].default_value = value_absent();
    read_all(&pair->a, &pair->state_a, at_us, &current, a_scratch, a_values);
    read_all(&pair->b, &pair->state_b, at_us, &current, b_scratch, b_values);
    for (size_t i = 0; i < pair->a.entity.feature_count; i++)
        for (size_t j = 0; j < pair->b.entity.feature_count; j++) {
            const struct feature *f = &pair->a.features[i];
            if (f->definition != pair->b.features[j].definition ||
                !sees_all(&pair->a, &pair->state_a, i, at_us) ||
                !sees_all(&pair->b, &pair->state_b, j, at_us))
                continue;
            pair->values++;
            if (!value_equal(a_values[i], b_values[j]))
                fail_msg("%s column %d window %" PRId64 " us at %" PRId64
                         ": not the same value under both plans",
                         aggregate_name(f->aggregate), f->column, f->window_us, at_us);
        }
}

static void assert_layouts(struct pair *pair) {
    const struct state *a = &pair->state_a, *b = &pair->state_b;
    struct text a_bytes = scene_encode(&pair->a.entity, a);
    struct error error;
    if (pair->a.entity.layout != pair->b.entity.layout) {
        assert_true(pair->a.plan.id != pair->b.plan.id);
        pair->refused += state_check(a_bytes.data, a_bytes.length, &pair->b.entity, &error) < 0;
        return;
    }
    pair->same_layouts++;
    assert_true(text_equal(a_bytes, scene_encode(&pair->b.entity, b)));
    assert_int_equal(state_check(a_bytes.data, a_bytes.length, &pair->b.entity, &error), 0);
}

static void what_is_defined_equally_is_equal_under_any_plan(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    struct pair *pair = test_calloc(1, sizeof *pair);
    struct state_scratch *a = state_scratch_new(), *b = state_scratch_new();
    for (int64_t left = chance_steps(1500); left > 0; left--) {
        make_plans(pair, &chance);
        int64_t newest_us = fold_records(pair, &chance);
        assert_layouts(pair);
        assert_equal_values(pair, &chance, newest_us, a, b);
        assert_equal_values(pair, &chance, newest_us + chance_below(&chance, 60 * SECOND), a, b);
    }
    print_message("%" PRIu64 " values, %" PRIu64 " layouts in common, %" PRIu64 " refused\n",
                  pair->values, pair->same_layouts, pair->refused);
    assert_true(pair->values > 0 && pair->same_layouts > 0 && pair->refused > 0);
    state_deinit(&pair->state_a);
    state_deinit(&pair->state_b);
    state_scratch_free(a);
    state_scratch_free(b);
    test_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_defined_equally_is_equal_under_any_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
