/* Property: on every read that is not too late, each feature has the value that the naive model
 * computes. Plans, payments and outcomes are random: equal times, late arrivals, outcomes and their
 * reversals, clocks that leap.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. A failure prints the seed and the
 * fewest steps found that still fail. */
#include "tests/unit/feature/naive_model.h"
#include "tests/unit/feature/scene.h"
#include "tests/unit/feature/shrink.h"

#include "tests/unit/unit.h"

#include <inttypes.h>
#include <math.h>

#define ROUND_STEPS  250
#define FEATURES_MAX 24
#define DAY          (86400 * SECOND)

enum step_type { STEP_PAY, STEP_LABEL, STEP_AMEND, STEP_LOOK };

struct step {
    enum step_type type;
    struct payment payment; /* STEP_PAY */
    uint64_t id_hash;       /* STEP_LABEL, STEP_AMEND: whose */
    enum scene_label label;
    bool is_void;   /* STEP_AMEND; else: */
    int64_t amount; /* what it is now */
    int64_t at_us;  /* STEP_LOOK */
};

struct walk {
    struct scene scene;
    struct naive_model naive;
    struct state state;
    struct state_scratch *scratch;
    struct naive_tiles tiles, sketches;
    int64_t newest_us;
    bool any;
    uint64_t moved_edges, estimates, amended; /* that the run came by what it is about */
    char complaint[sizeof((struct error *)NULL)->text];
};

static bool complain(struct walk *walk, const struct feature *feature, int64_t at_us,
                     const char *got, const char *want) {
    snprintf(walk->complaint, sizeof walk->complaint,
             "%s column %d filter %d part %d window %" PRId64 " us delay %" PRId64
             " us q %u tick %" PRId64 " us%s at %" PRId64 ": %s, expected %s",
             aggregate_name(feature->aggregate), feature->column, feature->filter, feature->part,
             feature->window_us, feature->delay_us, feature->q_parts, feature->tick_us,
             feature->exclude_current ? " without current" : "", at_us, got, want);
    return false;
}

/* Is the window that the engine says the right one, and not too far beside the one asked for, which
 * has this length? */
static bool window_agrees(struct walk *walk, size_t i, int64_t at_us, const char *what,
                          struct effective_window window, int64_t length_us,
                          const struct effective_window *expected) {
    const struct feature *feature = &walk->scene.features[i];
    int64_t until_us = at_us - feature->delay_us, after_us = until_us - length_us;
    int64_t bound_us = length_us / (naive_is_sketched(feature) ? 8 : 64);
    bool within = window.after_us <= after_us && window.after_us >= after_us - bound_us &&
                  window.until_us <= until_us && window.until_us >= until_us - bound_us;
    walk->moved_edges += window.after_us != after_us || window.until_us != until_us;
    if (within && window.after_us == expected->after_us && window.until_us == expected->until_us)
        return true;
    char got[96], want[96];
    snprintf(got, sizeof got, "effective %s (%" PRId64 ", %" PRId64 "]", what, window.after_us,
             window.until_us);
    snprintf(want, sizeof want, "(%" PRId64 ", %" PRId64 "]%s", expected->after_us,
             expected->until_us, within ? "" : ", which is too far off");
    return complain(walk, feature, at_us, got, want);
}

static bool windows_agree(struct walk *walk, size_t i, int64_t at_us,
                          const struct naive_window *expected) {
    const struct feature *feature = &walk->scene.features[i];
    const struct entity_plan *entity = &walk->scene.entity;
    const struct state *state = &walk->state;
    struct effective_window window = {expected->after_us, expected->until_us};
    struct effective_window tick = {expected->tick_after_us, expected->until_us};
    if (!window_agrees(walk, i, at_us, "window", state_effective_window(state, entity, i, at_us),
                       feature->window_us, &window))
        return false;
    return feature->aggregate != AGGREGATE_BURST ||
           window_agrees(walk, i, at_us, "tick", state_effective_tick(state, entity, i, at_us),
                         feature->tick_us, &tick);
}

static bool value_agrees(struct walk *walk, size_t i, struct value value, int64_t at_us,
                         const struct payment *current, const struct naive_window *window) {
    const struct feature *feature = &walk->scene.features[i];
    struct value expected = naive_model_value(&walk->naive, feature, window, at_us, current);
    walk->estimates += window->is_estimated;
    if (naive_value_agrees(value, expected, feature, window))
        return true;
    char digits[64], got[96], want[96];
    value_format(value, digits, sizeof digits);
    snprintf(got, sizeof got, "%s %s", value_type_name(value.type), digits);
    value_format(expected, digits, sizeof digits);
    snprintf(want, sizeof want, "%s %s%s", value_type_name(expected.type), digits,
             window->is_estimated ? ", nearly" : "");
    return complain(walk, feature, at_us, got, want);
}

static bool values_agree(struct walk *walk, int64_t at_us, const struct payment *current) {
    struct value values[FEATURES_MAX];
    struct entry entry = {0};
    if (current)
        entry = scene_transaction(current);
    int r = state_read(ENCODED(&walk->scene.entity, &walk->state), &walk->scene.entity,
                       walk->scene.plan.lateness_us, at_us, current ? &entry : NULL, walk->scratch,
                       values);
    bool too_late = walk->any && at_us < walk->newest_us - walk->scene.plan.lateness_us;
    if (r != too_late) {
        snprintf(walk->complaint, sizeof walk->complaint, "state_read() returned %d at %" PRId64, r,
                 at_us);
        return false;
    }
    if (too_late)
        return true;
    struct naive_place *places = naive_model_places(&walk->naive, &walk->tiles, &walk->sketches);
    bool agree = true;
    for (size_t i = 0; i < walk->scene.entity.feature_count && agree; i++) {
        struct naive_window window =
            naive_places_window(places, walk->naive.count, &walk->scene.features[i], at_us);
        agree = windows_agree(walk, i, at_us, &window) &&
                value_agrees(walk, i, values[i], at_us, current, &window);
    }
    free(places);
    return agree;
}

/* A tile that should have collapsed by now gives right values, but not canonical bytes. */
static bool state_is_sound(struct walk *walk) {
    struct error error;
    int r = state_check(ENCODED(&walk->scene.entity, &walk->state), &walk->scene.entity, &error);
    if (r < 0)
        snprintf(walk->complaint, sizeof walk->complaint, "%s", error.text);
    return r == 0;
}

static void amend(struct walk *walk, const struct step *step) {
    struct naive_payment before;
    const int64_t *amount = step->is_void ? NULL : &step->amount;
    if (!naive_model_amend(&walk->naive, step->id_hash, amount, &before))
        return;
    struct entry entry = scene_taken_out(&before.payment, before.label);
    scene_apply(&walk->scene, &walk->state, &entry);
    walk->amended++;
    if (step->is_void)
        return;
    before.payment.integers[SCENE_AMOUNT] = step->amount;
    entry = scene_put_in(&before.payment, before.label);
    scene_apply(&walk->scene, &walk->state, &entry);
}

static bool do_step(struct walk *walk, const struct step *step) {
    struct entry entry;
    if (step->type == STEP_LOOK)
        return state_is_sound(walk) && values_agree(walk, step->at_us, NULL);
    if (step->type == STEP_LABEL) {
        int previous = naive_model_label(&walk->naive, step->id_hash, step->label);
        for (size_t i = 0; previous >= 0 && i < walk->naive.count; i++)
            if (walk->naive.payments[i].payment.id_hash == step->id_hash &&
                !walk->naive.payments[i].is_taken_out) {
                entry = scene_outcome(&walk->naive.payments[i].payment, (enum scene_label)previous,
                                      step->label);
                scene_apply(&walk->scene, &walk->state, &entry);
            }
    }
    if (step->type == STEP_AMEND)
        amend(walk, step);
    if (step->type == STEP_PAY) {
        if (!values_agree(walk, step->payment.time_us, &step->payment))
            return false;
        naive_model_pay(&walk->naive, &step->payment);
        entry = scene_transaction(&step->payment);
        scene_apply(&walk->scene, &walk->state, &entry);
        if (!walk->any || step->payment.time_us > walk->newest_us)
            walk->newest_us = step->payment.time_us;
        walk->any = true;
    }
    return true;
}

/* The number of the first step that fails; count when none does. */
static size_t run_steps(struct walk *walk, const struct step *steps, size_t count) {
    naive_model_clear(&walk->naive);
    state_deinit(&walk->state);
    walk->any = false;
    size_t i = 0;
    while (i < count && do_step(walk, &steps[i]))
        i++;
    return i;
}

static size_t make_steps(struct chance *chance, int64_t lateness_us, struct step *ret_steps) {
    static const int64_t starts_us[] = {0, -20000 * DAY, 17000 * DAY};
    static const int64_t paces_us[] = {SECOND, SECOND / 10, SECOND / 100, SECOND / 1000, 200, 20};
    int64_t now_us = starts_us[chance_below(chance, 3)], pace_us = SECOND;
    int64_t calm = chance_below(chance, 3) ? 20 : 150; /* steps between changes of pace */
    if (calm > 20)
        pace_us = paces_us[chance_below(chance, 6)];
    for (size_t i = 0; i < ROUND_STEPS; i++) {
        if (chance_below(chance, calm) == 0) /* a burst, or its end */
            pace_us = paces_us[chance_below(chance, 6)];
        struct step *step = &ret_steps[i];
        *step = (struct step){.type = STEP_LOOK, .at_us = now_us};
        int64_t kind = chance_below(chance, 100);
        if (kind < 70) {
            int64_t time_us = now_us;
            if (kind < 12) /* late, some too late */
                time_us -= chance_below(chance, kind < 6    ? 8 * pace_us
                                                : kind < 10 ? lateness_us + 1
                                                            : 100 * SECOND);
            else if (kind < 14) /* not on a whole second */
                time_us += chance_below(chance, SECOND);
            else if (kind < 17) /* ahead of the others: they are late from here on */
                time_us += chance_below(chance, chance_below(chance, 30) ? 8 * SECOND : 400 * DAY);
            else if (kind > 20)
                now_us = time_us += chance_below(chance, 4) * pace_us;
            step->type = STEP_PAY;
            step->payment = scene_random_payment(chance, time_us);
        } else if (kind < 90 && i > 0) {
            const struct step *other =
                &ret_steps[i - 1 - (size_t)chance_below(chance, i < 60 ? (int64_t)i : 60)];
            step->type = kind < 84 ? STEP_LABEL : STEP_AMEND;
            /* of nobody, where the other is not a payment */
            step->id_hash = other->type == STEP_AMEND ? other->id_hash : other->payment.id_hash;
            step->label = (enum scene_label)chance_below(chance, SCENE_LABELS);
            step->is_void = chance_below(chance, 3) == 0;
            step->amount = chance_below(chance, 2000) - 500;
        } else {
            step->type = STEP_LOOK;
            step->at_us = now_us + (chance_below(chance, 60) - 15) *
                                       (chance_below(chance, 2) ? SECOND : pace_us);
        }
        if (chance_below(chance, 300) == 0) /* all clocks leap */
            now_us += chance_below(chance, 400 * DAY);
    }
    return ROUND_STEPS;
}

/* Whether the state is right also when nobody has looked at it. */
static bool steps_fail(const void *items, size_t count, void *subject) {
    struct walk *walk = subject;
    return run_steps(walk, items, count) < count || !state_is_sound(walk);
}

static void print_steps(const struct step *steps, size_t count) {
    static const char *const labels[] = {"unknown", "legit", "fraud"};
    for (size_t i = 0; i < count; i++) {
        const struct step *step = &steps[i];
        const struct payment *p = &step->payment;
        if (step->type == STEP_PAY)
            print_message("  pay %016" PRIx64 " at %" PRId64 " present %02x amount %" PRId64
                          " items %" PRId64 " merchant \"%s\" online %" PRId64 " opened %" PRId64
                          " place %016" PRIx64 "\n",
                          p->id_hash, p->time_us, p->present, p->integers[SCENE_AMOUNT],
                          p->integers[SCENE_ITEMS], p->merchant, p->integers[SCENE_ONLINE],
                          p->integers[SCENE_OPENED], (uint64_t)p->integers[SCENE_PLACE]);
        else if (step->type == STEP_LABEL)
            print_message("  label %016" PRIx64 " %s\n", step->id_hash, labels[step->label]);
        else if (step->type == STEP_AMEND && step->is_void)
            print_message("  void %016" PRIx64 "\n", step->id_hash);
        else if (step->type == STEP_AMEND)
            print_message("  amend %016" PRIx64 " amount %" PRId64 "\n", step->id_hash,
                          step->amount);
        else
            print_message("  look at %" PRId64 "\n", step->at_us);
    }
}

static void values_equal_the_naive_model(void **unused) {
    (void)unused;
    uint64_t seed = chance_seed();
    struct chance chance = {.state = seed};
    struct walk *walk = test_calloc(1, sizeof *walk);
    walk->scratch = state_scratch_new();
    static struct step steps[ROUND_STEPS];
    for (int64_t left = chance_steps(100000); left > 0; left -= ROUND_STEPS) {
        scene_init(&walk->scene, chance_below(&chance, 12) * SECOND);
        scene_add_random_features(&walk->scene, &chance,
                                  1 + (size_t)chance_below(&chance, FEATURES_MAX));
        scene_finish(&walk->scene);
        walk->tiles = naive_tiles_of(&walk->scene, false);
        walk->sketches = naive_tiles_of(&walk->scene, true);
        size_t count = make_steps(&chance, walk->scene.plan.lateness_us, steps);
        if (!steps_fail(steps, count, walk))
            continue;
        count = shrink_list(steps, count, sizeof *steps, steps_fail, walk);
        steps_fail(steps, count, walk); /* for its complaint */
        print_message("HARRIER_SEED=%" PRIu64 ", lateness %" PRId64 " s: %s\n", seed,
                      walk->scene.plan.lateness_us / SECOND, walk->complaint);
        print_steps(steps, count);
        fail_msg("the engine and the naive model differ after %zu steps", count);
    }
    print_message("%" PRIu64 " windows moved, %" PRIu64 " estimates, %" PRIu64 " amended\n",
                  walk->moved_edges, walk->estimates, walk->amended);
    assert_true(walk->moved_edges > 0 && walk->amended > 0);
    state_scratch_free(walk->scratch);
    state_deinit(&walk->state);
    naive_model_deinit(&walk->naive);
    test_free(walk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_equal_the_naive_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
