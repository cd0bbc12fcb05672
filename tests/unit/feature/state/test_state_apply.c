/* Property: whatever state_apply() and state_merge() keep up from entry to entry, merging all at
 * once gives the same bytes. After every step the state is compared with the merge of all entries
 * so far, one by one, each into what was decoded from bytes, which keeps nothing up: entries in
 * order and late, crowds that collapse, outcomes, records that come twice, pauses of all lengths,
 * states that were read from a table.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "core/feature/live/compact.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <inttypes.h>

#define ROUND_STEPS 1000
#define KEPT        256

struct walk {
    struct scene scene;
    struct chance chance;
    struct state state;
    struct buffer folded; /* what the state has to be */
    struct payment kept[KEPT];
    size_t kept_count;
    int64_t now_us;
    unsigned pace;   /* gaps are below 2^pace microseconds */
    unsigned burst;  /* payments left that come much quicker */
    unsigned labels; /* outcomes left of payments that are not known */
    uint64_t collapsed, merged, amended;
};

/* All at once: both are decoded and made one state. */
static void fold_bytes(struct walk *walk, struct text bytes) {
    struct state state;
    state_init(&state);
    state_assign(&state, &walk->scene.entity, walk->folded.bytes, walk->folded.length);
    state_merge(&state, &walk->scene.entity, walk->scene.plan.lateness_us, bytes.data,
                bytes.length);
    buffer_clear(&walk->folded);
    state_encode(&state, &walk->scene.entity, &walk->folded);
    state_deinit(&state);
}

static void apply(struct walk *walk, const struct entry *entry) {
    struct state one;
    state_init(&one);
    scene_apply(&walk->scene, &one, entry);
    fold_bytes(walk, scene_encode(&walk->scene.entity, &one));
    state_deinit(&one);
    scene_apply(&walk->scene, &walk->state, entry);
}

static void pay_ahead(struct walk *walk, int64_t time_us) {
    struct payment payment = scene_random_payment(&walk->chance, time_us);
    struct entry entry = scene_transaction(&payment);
    apply(walk, &entry);
    walk->kept[walk->kept_count++ % KEPT] = payment;
}

static void pay(struct walk *walk, int64_t time_us) {
    pay_ahead(walk, time_us);
    if (time_us > walk->now_us)
        walk->now_us = time_us;
}

static const struct payment *any_payment(struct walk *walk) {
    size_t count = walk->kept_count < KEPT ? walk->kept_count : KEPT;
    return &walk->kept[chance_below(&walk->chance, (int64_t)count)];
}

/* Where time ends, it ends. */
static int64_t time_after(int64_t time_us, int64_t by_us) {
    int64_t sum;
    return !__builtin_add_overflow(time_us, by_us, &sum) ? sum : by_us > 0 ? INT64_MAX : INT64_MIN;
}

static int64_t gap(struct walk *walk) {
    unsigned pace = walk->burst > 0 ? walk->pace / 2 + 1 : walk->pace;
    walk->burst -= walk->burst > 0;
    return (int64_t)(chance_next(&walk->chance) >> (64 - pace));
}

/* A state of a few payments around now, merged into it. */
static void merge(struct walk *walk) {
    struct state other;
    state_init(&other);
    int64_t time_us =
        time_after(walk->now_us, (chance_below(&walk->chance, 2) ? 1 : -1) * 8 * gap(walk));
    for (int64_t left = chance_below(&walk->chance, 60); left > 0; left--) {
        time_us = time_after(time_us, gap(walk));
        struct payment payment = scene_random_payment(&walk->chance, time_us);
        struct entry entry = scene_transaction(&payment);
        scene_apply(&walk->scene, &other, &entry);
        walk->now_us = time_us > walk->now_us ? time_us : walk->now_us;
    }
    fold_bytes(walk, scene_encode(&walk->scene.entity, &other));
    state_merge(&walk->state, &walk->scene.entity, walk->scene.plan.lateness_us,
                ENCODED(&walk->scene.entity, &other));
    walk->merged++;
    state_deinit(&other);
}

/* Between all in one instant and nothing left of the one before. */
static void change_pace(struct walk *walk) {
    unsigned reach = 1;
    while (reach < 62 && walk->scene.entity.reach_us >> reach)
        reach++;
    walk->pace = 1 + (unsigned)chance_below(&walk->chance, reach + 2);
    if (chance_below(&walk->chance, 2) && reach > 12) /* many entries, few of them in one tile */
        walk->pace = reach - (unsigned)chance_below(&walk->chance, 12);
}

/* Takes it out, and mostly puts it in again with another amount. */
static void amend(struct walk *walk) {
    struct payment *payment = (struct payment *)(uintptr_t)any_payment(walk);
    struct entry entry = scene_taken_out(payment, SCENE_UNKNOWN);
    apply(walk, &entry);
    walk->amended++;
    if (chance_below(&walk->chance, 4) == 0)
        return;
    payment->integers[SCENE_AMOUNT] = chance_below(&walk->chance, 2000) - 500;
    entry = scene_put_in(payment, SCENE_UNKNOWN);
    apply(walk, &entry);
}

/* Of a payment that is known, or will come later or never. */
static void label(struct walk *walk) {
    struct payment payment = scene_random_payment(&walk->chance, walk->now_us);
    if (walk->kept_count > 0 && chance_below(&walk->chance, 3))
        payment = *any_payment(walk);
    enum scene_label label = (enum scene_label)chance_below(&walk->chance, SCENE_LABELS);
    struct entry entry = scene_outcome(&payment, SCENE_UNKNOWN, label);
    apply(walk, &entry);
}

static void step(struct walk *walk) {
    struct chance *chance = &walk->chance;
    int64_t kind = chance_below(chance, 100), now_us = walk->now_us;
    if (walk->labels > 0 && chance_below(chance, 8)) {
        walk->labels--;
        walk->now_us = time_after(now_us, gap(walk) / 16);
        label(walk);
    } else if (kind < 71) {
        pay(walk, time_after(now_us, gap(walk)));
    } else if (kind < 75) { /* those after it are late */
        pay_ahead(walk, time_after(now_us, (kind == 74 ? 1 : 30) * gap(walk)));
    } else if (kind < 85) {
        pay(walk, time_after(now_us, (chance_below(chance, 3) ? -1 : -20) * gap(walk)));
    } else if (kind < 89) {
        label(walk);
    } else if (kind == 89 && walk->kept_count > 0) {
        amend(walk);
    } else if (kind < 93 && walk->kept_count > 0) {
        struct entry entry = scene_transaction(any_payment(walk)); /* once more */
        apply(walk, &entry);
    } else if (kind == 93) {
        walk->now_us = time_after(now_us, 100 * gap(walk));
    } else if (kind < 98) {
        int64_t change = chance_below(chance, 9);
        if (change < 3)
            change_pace(walk);
        else if (change < 8)
            walk->burst = 10 + (unsigned)chance_below(chance, 30);
        else
            walk->labels = 20 + (unsigned)chance_below(chance, 100);
    } else if (kind == 98 && chance_below(chance, 4) == 0) { /* as from a table */
        state_assign(&walk->state, &walk->scene.entity, walk->folded.bytes, walk->folded.length);
    } else if (kind == 99 && chance_below(chance, 8) == 0) {
        merge(walk);
    }
}

/* What is known beside the entries is what is found anew, or more careful. */
static void assert_scheduled(const struct walk *walk) {
    const struct state *state = &walk->state;
    struct state fresh;
    if (!state->is_scheduled || state_is_empty(state))
        return;
    state_init(&fresh);
    state_assign(&fresh, &walk->scene.entity, walk->folded.bytes, walk->folded.length);
    compact_schedule(&fresh, &walk->scene.entity);
    assert_true(state->next_due_us <= fresh.next_due_us);
    state_deinit(&fresh);
}

static void assert_sound(const struct walk *walk, int64_t steps) {
    struct text bytes = scene_encode(&walk->scene.entity, &walk->state);
    if (bytes.length != walk->folded.length ||
        (bytes.length > 0 && memcmp(bytes.data, walk->folded.bytes, bytes.length) != 0))
        fail_msg("after %" PRId64 " steps of the round: %zu bytes, all at once %zu", steps,
                 bytes.length, walk->folded.length);
    assert_scheduled(walk);
}

static void begin_round(struct walk *walk) {
    struct chance *chance = &walk->chance;
    static const int64_t lateness_us[] = {0, 1, 3 * SECOND, 60 * SECOND};
    scene_init(&walk->scene, lateness_us[chance_below(chance, 4)]);
    size_t count = 1 + (size_t)chance_below(chance, 6);
    scene_add_random_features(&walk->scene, chance, count);
    if (chance_below(chance, 2)) { /* many values over a long time, so that there are sketches */
        int64_t window_us = (100 + chance_below(chance, 2000)) * SECOND;
        scene_add(&walk->scene, AGGREGATE_DISTINCT, SCENE_AMOUNT, -1, -1, window_us, 0);
        count++;
    }
    unsigned shorter = chance_below(chance, 4) ? 0 : (unsigned)chance_below(chance, 28);
    for (size_t i = 0; i < count; i++) { /* down to tiles of one instant */
        struct feature *feature = &walk->scene.features[i];
        bool ticks = feature->aggregate == AGGREGATE_BURST; /* and the tick stays shorter */
        feature->window_us = (feature->window_us >> shorter) + (ticks ? 2 : 1);
        feature->tick_us = ticks ? (feature->tick_us >> shorter) + 1 : 0;
    }
    scene_finish(&walk->scene);
    state_deinit(&walk->state);
    buffer_clear(&walk->folded);
    walk->kept_count = 0;
    walk->burst = walk->labels = 0;
    change_pace(walk);
    const int64_t starts_us[] = {0, INT64_C(1700000000) * SECOND,
                                 INT64_MAX - (INT64_C(300) << walk->pace)};
    walk->now_us = starts_us[chance_below(chance, chance_below(chance, 10) ? 2 : 3)];
}

static void every_step_equals_the_fold(void **unused) {
    (void)unused;
    static struct walk walk;
    walk.chance.state = chance_seed();
    int64_t steps = 0;
    for (int64_t left = chance_steps(400000); left > 0; left--, steps++) {
        if (steps % ROUND_STEPS == 0) {
            begin_round(&walk);
            steps = 0;
        }
        step(&walk);
        assert_sound(&walk, steps);
        walk.collapsed += tile_count(&walk.state) > 0;
    }
    print_message("%" PRIu64 " steps with tiles, %" PRIu64 " merges\n", walk.collapsed,
                  walk.merged);
    assert_true(walk.collapsed > 0 && walk.merged > 0 && walk.amended > 0);
    state_deinit(&walk.state);
    buffer_deinit(&walk.folded);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_equals_the_fold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
