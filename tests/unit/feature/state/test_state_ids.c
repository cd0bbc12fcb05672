/* Property: a state that keeps no hashes of ids gives the very values of one that does, read from
 * its bytes or from what is kept beside them, and is as large or smaller. Plans have all features
 * but those that need the hashes; among the payments are many of the same time, of equal columns,
 * late ones, and some whose outcome arrives first.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <inttypes.h>

#define ROUND_STEPS  400
#define FEATURES_MAX 24
#define RECENT       32

/* The same state twice. */
struct pair {
    struct scene scene;
    struct entity_plan without; /* ids */
    struct state full, small;
    struct state_scratch *scratch;
    struct payment recent[RECENT];
    enum scene_label labels[RECENT];
    size_t paid;
};

static bool needs_ids(const struct feature *feature) {
    return feature->aggregate == AGGREGATE_FIRST || feature->aggregate == AGGREGATE_LAST ||
           feature->aggregate == AGGREGATE_DISTANCE || feature->aggregate == AGGREGATE_SPEED;
}

static void pair_init(struct pair *pair, struct chance *chance) {
    scene_init(&pair->scene, chance_below(chance, 60) * SECOND);
    scene_add_random_features(&pair->scene, chance, 1 + (size_t)chance_below(chance, FEATURES_MAX));
    size_t kept = 0, count = pair->scene.entity.feature_count;
    for (size_t i = 0; i < count; i++)
        if (!needs_ids(&pair->scene.features[i]))
            pair->scene.features[kept++] = pair->scene.features[i];
    pair->scene.entity.feature_count = kept;
    scene_finish(&pair->scene);
    pair->without = pair->scene.entity;
    assert_true(plan_omit_ids(&pair->without));
    assert_int_equal(pair->without.id_size, 0);
    state_init(&pair->full);
    state_init(&pair->small);
    pair->scratch = state_scratch_new();
    pair->paid = 0;
}

static void pair_deinit(struct pair *pair) {
    state_deinit(&pair->full);
    state_deinit(&pair->small);
    state_scratch_free(pair->scratch);
}

static void apply(struct pair *pair, const struct entry *entry) {
    int64_t lateness_us = pair->scene.plan.lateness_us;
    struct error error;
    state_apply(&pair->full, &pair->scene.entity, lateness_us, entry);
    state_apply(&pair->small, &pair->without, lateness_us, entry);
    struct text small = scene_encode(&pair->without, &pair->small);
    assert_true(small.length <= scene_encode(&pair->scene.entity, &pair->full).length);
    assert_int_equal(state_check(small.data, small.length, &pair->without, &error), 0);
}

static void assert_agree(const struct pair *pair, const struct value *got,
                         const struct value *expected, int64_t at_us, const char *how) {
    for (size_t i = 0; i < pair->without.feature_count; i++) {
        const struct feature *feature = &pair->without.features[i];
        char is[64], was[64];
        if (value_equal(got[i], expected[i]))
            continue;
        value_format(got[i], is, sizeof is);
        value_format(expected[i], was, sizeof was);
        fail_msg("%s: %s column %d filter %d window %" PRId64 " us at %" PRId64
                 ": %s without ids, %s with them",
                 how, aggregate_name(feature->aggregate), feature->column, feature->filter,
                 feature->window_us, at_us, is, was);
    }
}

static void read_both(struct pair *pair, int64_t at_us, const struct entry *current) {
    struct value expected[FEATURES_MAX], got[FEATURES_MAX];
    int64_t lateness_us = pair->scene.plan.lateness_us;
    int r = state_read(ENCODED(&pair->scene.entity, &pair->full), &pair->scene.entity, lateness_us,
                       at_us, current, pair->scratch, expected);
    uint64_t unknown = state_scratch_unknown(pair->scratch);
    assert_int_equal(r, state_read(ENCODED(&pair->without, &pair->small), &pair->without,
                                   lateness_us, at_us, current, pair->scratch, got));
    assert_int_equal(unknown, state_scratch_unknown(pair->scratch));
    assert_agree(pair, got, expected, at_us, "the bytes");
    assert_int_equal(r, state_evaluate(&pair->small, &pair->without, lateness_us, at_us, current,
                                       pair->scratch, got));
    assert_agree(pair, got, expected, at_us, "what is kept");
}

static void pay(struct pair *pair, struct chance *chance, int64_t time_us) {
    struct payment payment = scene_random_payment(chance, time_us);
    const struct payment *before = &pair->recent[(pair->paid - 1) % RECENT];
    if (pair->paid > 0 && chance_below(chance, 6) == 0) { /* only the id is another one */
        uint64_t id_hash = payment.id_hash;
        payment = *before;
        payment.id_hash = id_hash;
    }
    struct entry entry = scene_transaction(&payment);
    enum scene_label label = SCENE_UNKNOWN;
    bool is_first = chance_below(chance, 10) == 0; /* its outcome */
    read_both(pair, payment.time_us, &entry);
    if (is_first) {
        label = SCENE_FRAUD;
        struct entry outcome = scene_outcome(&payment, SCENE_UNKNOWN, label);
        apply(pair, &outcome);
    }
    apply(pair, &entry);
    pair->recent[pair->paid % RECENT] = payment;
    pair->labels[pair->paid++ % RECENT] = label;
}

static void learn(struct pair *pair, struct chance *chance) {
    if (pair->paid == 0)
        return;
    size_t known = pair->paid < RECENT ? pair->paid : RECENT;
    size_t i = (size_t)chance_below(chance, (int64_t)known);
    enum scene_label label = (enum scene_label)chance_below(chance, SCENE_LABELS);
    struct entry entry = scene_outcome(&pair->recent[i], pair->labels[i], label);
    pair->labels[i] = label;
    apply(pair, &entry);
}

static void test_values(void **state) {
    struct chance chance = {.state = chance_seed()};
    uint64_t smaller = 0;
    (void)state;
    for (int64_t rounds = chance_steps(20000) / ROUND_STEPS; rounds > 0; rounds--) {
        static struct pair pair;
        static const int64_t paces_us[] = {1, 1000, SECOND / 10, 5 * SECOND, 300 * SECOND};
        int64_t pace_us = paces_us[chance_below(&chance, 5)], now_us = 1700000000 * SECOND;
        pair_init(&pair, &chance);
        for (int step = 0; step < ROUND_STEPS; step++) {
            bool is_late = chance_below(&chance, 20) == 0;
            if (chance_below(&chance, 3) > 0) /* else at the same time */
                now_us += chance_below(&chance, 2 * pace_us + 1);
            if (chance_below(&chance, 5) == 0)
                learn(&pair, &chance);
            else
                pay(&pair, &chance, is_late ? now_us - chance_below(&chance, 20 * SECOND) : now_us);
        }
        smaller += scene_encode(&pair.without, &pair.small).length <
                   scene_encode(&pair.scene.entity, &pair.full).length;
        pair_deinit(&pair);
    }
    assert_true(smaller > 0);
}

static void test_needed(void **state) {
    static const enum aggregate aggregates[] = {AGGREGATE_FIRST, AGGREGATE_LAST};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        static struct scene scene;
        scene_init(&scene, SECOND);
        scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, 60 * SECOND, 0);
        scene_add(&scene, aggregates[i], SCENE_AMOUNT, -1, -1, 60 * SECOND, 0);
        scene_finish(&scene);
        struct entity_plan entity = scene.entity;
        assert_false(plan_omit_ids(&entity));
        assert_int_equal(entity.id_size, 8);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
