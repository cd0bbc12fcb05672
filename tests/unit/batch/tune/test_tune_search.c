/* The search over settings against a naive model and brute force: problems that are so small that
 * every setting can be tried. */
#include "batch/tune/tune_aim.h"
#include "batch/tune/tune_search.h"
#include "batch/tune/tune_walk.h"

#include "core/base/check.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/policy/policy_text.h"
#include "tests/unit/unit.h"

#include <math.h>

#define ROWS       120
#define CANDIDATES 3
#define KNOBS      8

static const char policy_yaml[] = "policy:\n"
                                  "  name: test\n"
                                  "  base_currency: EUR\n"
                                  "  cutoffs: {review: 300, decline: 600}\n"
                                  "groups:\n"
                                  "  most: {score: max, at_most: 500}\n";
static const char schema[] = "attributes:\n"
                             "  x: {type: double}\n"
                             "  y: {type: double}\n"
                             "  z: {type: int}\n"
                             "  vip: {type: bool}\n";
static const char rules[] =
    "rules:\n"
    "  - {name: a, when: x >= 5.0, then: {score: 320}, group: most}\n"
    "  - {name: b, when: y < 3.0 && !vip, then: {score: 200}, group: most}\n"
    "  - {name: c, when: z > 4 || vip, then: {verdict: review, score: 100}}\n";

/* In the order of the tunables: cut-offs, then the score and the limit of each rule. */
enum { REVIEW, DECLINE, SCORE_A, LIMIT_A, SCORE_B, LIMIT_B, SCORE_C, LIMIT_C };
static const double candidates[KNOBS][CANDIDATES] = {
    [REVIEW] = {150, 300, 450},  [DECLINE] = {400, 600, 900}, [SCORE_A] = {100, 320, 700},
    [LIMIT_A] = {3.0, 5.0, 7.0}, [SCORE_B] = {0, 200, 350},   [LIMIT_B] = {1.0, 3.0, 6.0},
    [SCORE_C] = {0, 100, 260},   [LIMIT_C] = {2, 4, 7},
};

struct row {
    double x, y;
    int64_t z, amount;
    bool vip, has_x, positive;
    enum tune_part part;
};

struct scene {
    struct snapshot *snapshot;
    struct tunables *tunables;
    struct tune_problem problem;
    struct row rows[ROWS];
};

/* ---- a problem, one profile for each row ---- */

static void choose_candidates(struct tune_problem *problem) {
    assert_int_equal(problem->knob_count, KNOBS);
    for (size_t k = 0; k < KNOBS; k++) {
        struct tune_knob *knob = &problem->knobs[k];
        knob->count = CANDIDATES;
        knob->present = 1;
        for (size_t c = 0; c < CANDIDATES; c++)
            knob->candidates[c] = knob->tunable->value.type == VALUE_INT
                                      ? value_int((int64_t)candidates[k][c])
                                      : value_double(candidates[k][c]);
        assert_true(value_equal(knob->candidates[1], knob->tunable->value));
    }
    tune_problem_code(problem);
}

static struct value column_value(const struct scene *scene, size_t column, const struct row *row) {
    struct value *frame = check_calloc(scene->snapshot->slot_count, sizeof *frame);
    struct arena arena;
    for (size_t i = 0; i < scene->snapshot->slot_count; i++) {
        struct text name = scene->snapshot->slot_names[i];
        if (text_is(name, "x") && row->has_x)
            frame[i] = value_double(row->x);
        else if (text_is(name, "y"))
            frame[i] = value_double(row->y);
        else if (text_is(name, "z"))
            frame[i] = value_int(row->z);
        else if (text_is(name, "vip"))
            frame[i] = value_bool(row->vip);
    }
    arena_init(&arena, (size_t)1 << 20);
    struct value value =
        expression_eval(scene->tunables->parts[scene->problem.columns[column].part], frame, &arena);
    arena_deinit(&arena);
    free(frame);
    return value;
}

static void make_profiles(struct scene *scene) {
    struct tune_problem *problem = &scene->problem;
    struct tune_base *base = check_calloc(1, problem->bases.size);
    base->asked = VERDICT_APPROVE;
    tune_bases_put(&problem->bases, base);
    free(base);
    problem->profile_count = ROWS;
    problem->codes = check_calloc(ROWS * problem->column_count, sizeof *problem->codes);
    problem->live = check_calloc(ROWS * problem->words, sizeof *problem->live);
    problem->base = check_calloc(ROWS, sizeof *problem->base);
    problem->weights = check_calloc(ROWS, sizeof *problem->weights);
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &scene->rows[i];
        for (size_t c = 0; c < problem->column_count; c++)
            problem->codes[i * problem->column_count + c] =
                tune_code(&problem->columns[c], column_value(scene, c, row));
        for (size_t r = 0; r < problem->rule_count; r++)
            tune_set_put(problem->live + i * problem->words, r, true);
        problem->weights[i][row->part] =
            (struct tune_weight){.rows = 1,
                                 .positive = row->positive,
                                 .negative = !row->positive,
                                 .amount = row->positive ? row->amount : 0};
    }
}

/* Frauds have greater x and z, and smaller y, than others. */
static void make_rows(struct scene *scene, uint64_t *random) {
    for (size_t i = 0; i < ROWS; i++) {
        bool positive = split_mix(random) % 4 == 0;
        int64_t shift = positive ? (int64_t)(split_mix(random) % 4) : 0;
        scene->rows[i] = (struct row){.x = (double)(split_mix(random) % 7) + (double)shift,
                                      .y = fabs((double)(split_mix(random) % 9) - (double)shift),
                                      .z = (int64_t)(split_mix(random) % 7) + shift,
                                      .amount = (int64_t)(split_mix(random) % 1000),
                                      .vip = split_mix(random) % 8 == 0,
                                      .has_x = split_mix(random) % 10 != 0,
                                      .positive = positive,
                                      .part = i % 3 == 2 ? TUNE_CHECK : TUNE_FIT};
    }
}

static void open_scene(struct scene *scene, uint64_t *random) {
    static const size_t chosen[] = {0, 1, 2};
    struct policy_text text = {.count = 0};
    struct error error;
    policy_text_add(&text, "policy.yaml", policy_yaml);
    policy_text_add(&text, "schema.yaml", schema);
    policy_text_add(&text, "rules/test.yaml", rules);
    *scene = (struct scene){.snapshot = policy_text_load(&text)};
    assert_int_equal(tunables_new(scene->snapshot, &scene->tunables, &error), 0);
    tune_problem_init(&scene->problem, scene->tunables, chosen, 3);
    choose_candidates(&scene->problem);
    make_rows(scene, random);
    make_profiles(scene);
}

static void close_scene(struct scene *scene) {
    tune_problem_deinit(&scene->problem);
    tunables_free(scene->tunables);
    snapshot_unref(scene->snapshot);
}

/* ---- the naive model ---- */

static enum verdict naive_verdict(const struct row *row, const uint16_t *setting) {
    double number[KNOBS], most = 0, score = 0;
    bool any = false, review = false;
    for (size_t k = 0; k < KNOBS; k++)
        number[k] = candidates[k][setting[k]];
    if (row->has_x && row->x >= number[LIMIT_A]) {
        most = number[SCORE_A];
        any = true;
    }
    if (row->y < number[LIMIT_B] && !row->vip) {
        most = any ? fmax(most, number[SCORE_B]) : number[SCORE_B];
        any = true;
    }
    score = fmin(most, 500);
    if ((double)row->z > number[LIMIT_C] || row->vip) {
        score += number[SCORE_C];
        review = true;
    }
    score = fmin(score, 1000);
    if (score >= number[DECLINE])
        return VERDICT_DECLINE;
    return score >= number[REVIEW] || review ? VERDICT_REVIEW : VERDICT_APPROVE;
}

static void naive_figures(const struct scene *scene, const uint16_t *setting,
                          struct tune_figures ret_figures[TUNE_PARTS]) {
    memset(ret_figures, 0, TUNE_PARTS * sizeof *ret_figures);
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &scene->rows[i];
        struct tune_figures *of = &ret_figures[row->part];
        enum verdict verdict = naive_verdict(row, setting);
        if (verdict == VERDICT_APPROVE)
            continue;
        of->alerts++;
        of->caught += row->positive;
        of->false_alerts += !row->positive;
        of->declined_wrongly += !row->positive && verdict == VERDICT_DECLINE;
        of->caught_amount += row->positive ? row->amount : 0;
    }
}

static void assert_same(const struct tune_figures a[TUNE_PARTS],
                        const struct tune_figures b[TUNE_PARTS]) {
    for (size_t part = 0; part < TUNE_PARTS; part++) {
        assert_int_equal(a[part].alerts, b[part].alerts);
        assert_int_equal(a[part].caught, b[part].caught);
        assert_int_equal(a[part].false_alerts, b[part].false_alerts);
        assert_int_equal(a[part].declined_wrongly, b[part].declined_wrongly);
        assert_true(a[part].caught_amount == b[part].caught_amount);
    }
}

/* ---- measuring ---- */

static void random_setting(uint16_t setting[KNOBS], uint64_t *random) {
    for (size_t k = 0; k < KNOBS; k++)
        setting[k] = (uint16_t)(split_mix(random) % CANDIDATES);
}

static void measures_what_a_naive_model_counts(void **state) {
    uint64_t random = asked_seed(3);
    (void)state;
    for (size_t problem = 0; problem < 5; problem++) {
        struct scene scene;
        struct tune_reach reach;
        struct tune_walk walk;
        struct tune_figures naive[TUNE_PARTS], figures[TUNE_PARTS];
        uint16_t setting[KNOBS];
        open_scene(&scene, &random);
        tune_reach_init(&reach, &scene.problem);
        tune_walk_init(&walk, &reach);
        for (uint64_t step = 0; step < asked_steps(400); step++) {
            size_t knob = (size_t)(split_mix(&random) % KNOBS);
            size_t candidate = (size_t)(split_mix(&random) % CANDIDATES);
            memcpy(setting, walk.setting, sizeof setting);
            naive_figures(&scene, setting, naive);
            assert_same(walk.figures, naive);
            setting[knob] = (uint16_t)candidate;
            naive_figures(&scene, setting, naive);
            tune_walk_try(&walk, knob, candidate, figures);
            assert_same(figures, naive);
            if (split_mix(&random) % 2)
                tune_walk_set(&walk, knob, candidate);
            if (split_mix(&random) % 50 == 0) {
                random_setting(setting, &random);
                tune_walk_go_to(&walk, setting);
            }
        }
        tune_walk_deinit(&walk);
        tune_reach_deinit(&reach);
        close_scene(&scene);
    }
}

/* ---- factors ---- */

static bool relates(enum tunable_relation relation, double a, double b) {
    return relation == BELOW     ? a < b
           : relation == AT_MOST ? a <= b
           : relation == ABOVE   ? a > b
                                 : a >= b;
}

/* Amounts with two decimals and means of a few of them, so that products are often equal to the
 * amount, or would be but for rounding. */
static void pivots_stand_for_the_product(void **state) {
    uint64_t random = asked_seed(21);
    size_t equal = 0;
    (void)state;
    for (uint64_t step = 0; step < asked_steps(200000); step++) {
        double limit = (double)(split_mix(&random) % 80) / 10.0;
        double factor = (double)(split_mix(&random) % 500) / (double)(1 + split_mix(&random) % 7);
        double value =
            split_mix(&random) % 2 ? limit * factor : (double)(split_mix(&random) % 5000) / 100.0;
        if (split_mix(&random) % 4 == 0)
            value = nextafter(value, split_mix(&random) % 2 ? INFINITY : -INFINITY);
        equal += value == limit * factor;
        for (enum tunable_relation relation = BELOW; relation <= AT_LEAST; relation++) {
            struct value pivot = tune_pivot(value_double(value), value_double(factor), relation, 1);
            assert_int_equal(pivot.type, VALUE_DOUBLE);
            if (factor > 0)
                assert_int_equal(relates(relation, pivot.number, limit),
                                 relates(relation, value, limit * factor));
        }
    }
    assert_true(equal > 0);
    struct value error = {.type = VALUE_ERROR};
    assert_int_equal(tune_pivot(error, value_absent(), ABOVE, 1).type, VALUE_ABSENT);
    assert_int_equal(tune_pivot(value_double(1), error, ABOVE, 1).type, VALUE_ERROR);
    assert_true(isnan(tune_pivot(value_double(NAN), value_double(1), BELOW, 1).number));
    assert_true(tune_pivot(value_double(1), value_double(0), ABOVE, 1).number == INFINITY);
    assert_true(tune_pivot(value_double(1), value_double(0), BELOW, 1).number == INFINITY);
}

/* ---- searching ---- */

struct brute {
    bool any_feasible;
    uint64_t caught, alerts; /* of the best: most frauds, or fewest alerts */
};

static bool meets(const struct tune_aim *aim, const struct tune_found *found,
                  const struct tune_figures figures[TUNE_PARTS], bool check_alone) {
    const struct tune_figures of = check_alone ? figures[TUNE_CHECK] : tune_figures_sum(figures),
                              present = check_alone ? found->present.figures[TUNE_CHECK]
                                                    : tune_figures_sum(found->present.figures);
    const struct tune_totals totals =
        check_alone ? found->totals[TUNE_CHECK] : tune_totals_sum(found->totals);
    double caught = (double)of.caught;
    if (aim->at_present_rate && of.alerts > present.alerts)
        return false;
    if (aim->alerts_per_day >= 0 && (double)of.alerts > aim->alerts_per_day * totals.days)
        return false;
    if (aim->precision >= 0 && (of.alerts == 0 || caught < aim->precision * (double)of.alerts))
        return false;
    return aim->recall < 0 || caught >= aim->recall * (double)totals.positive;
}

static bool is_allowed(const struct tune_aim *aim, const struct tune_found *found,
                       const struct tune_figures figures[TUNE_PARTS]) {
    for (size_t part = 0; part < TUNE_PARTS; part++)
        if (figures[part].declined_wrongly > found->present.figures[part].declined_wrongly)
            return false;
    return meets(aim, found, figures, false) && meets(aim, found, figures, true);
}

static bool next_setting(uint16_t setting[KNOBS]) {
    for (size_t k = 0; k < KNOBS; k++) {
        if (++setting[k] < CANDIDATES)
            return true;
        setting[k] = 0;
    }
    return false;
}

static struct brute try_all(const struct scene *scene, const struct tune_aim *aim,
                            const struct tune_found *found) {
    struct brute brute = {.alerts = UINT64_MAX};
    uint16_t setting[KNOBS] = {0};
    do {
        struct tune_figures figures[TUNE_PARTS];
        if (candidates[REVIEW][setting[REVIEW]] >= candidates[DECLINE][setting[DECLINE]])
            continue;
        naive_figures(scene, setting, figures);
        if (!is_allowed(aim, found, figures))
            continue;
        struct tune_figures sum = tune_figures_sum(figures);
        bool better = aim->fewest_alerts ? sum.alerts < brute.alerts : sum.caught > brute.caught;
        if (!brute.any_feasible || better) {
            brute.caught = sum.caught;
            brute.alerts = sum.alerts;
        }
        brute.any_feasible = true;
    } while (next_setting(setting));
    return brute;
}

static void check_curve(const struct scene *scene, const struct tune_found *found) {
    for (size_t i = 0; i < found->curve_count; i++) {
        struct tune_figures naive[TUNE_PARTS];
        naive_figures(scene, found->curve[i].setting, naive);
        assert_same(naive, found->curve[i].figures);
        for (size_t part = 0; part < TUNE_PARTS; part++)
            assert_true(naive[part].declined_wrongly <=
                        found->present.figures[part].declined_wrongly);
        if (i > 0) {
            struct tune_figures before = tune_figures_sum(found->curve[i - 1].figures),
                                sum = tune_figures_sum(naive);
            assert_true(sum.alerts > before.alerts && sum.caught > before.caught);
        }
    }
}

/* Returns whether it found as much as brute force. */
static bool search_and_compare(const struct scene *scene, const struct tune_aim *aim) {
    const struct tune_search_options options = {
        .aim = *aim, .days = {20, 10}, .least_gain = 1e-9, .threads = 2};
    struct tune_found found;
    struct tune_figures naive[TUNE_PARTS];
    struct error error;
    assert_int_equal(tune_search(&scene->problem, &options, NULL, &found, &error), 0);
    struct brute brute = try_all(scene, aim, &found);
    naive_figures(scene, found.best.setting, naive);
    assert_same(naive, found.best.figures);
    check_curve(scene, &found);
    struct tune_figures best = tune_figures_sum(naive),
                        present = tune_figures_sum(found.present.figures);
    bool equal = !brute.any_feasible && !found.is_feasible;
    if (found.is_feasible) {
        assert_true(is_allowed(aim, &found, naive));
        assert_true(brute.any_feasible);
        assert_true(aim->fewest_alerts ? best.alerts >= brute.alerts : best.caught <= brute.caught);
        equal = aim->fewest_alerts ? best.alerts == brute.alerts : best.caught == brute.caught;
    }
    if (found.is_feasible && found.present_is_feasible)
        assert_true(aim->fewest_alerts ? best.alerts <= present.alerts
                                       : best.caught >= present.caught);
    if (!found.is_better)
        assert_memory_equal(found.best.setting, found.present.setting, KNOBS * sizeof(uint16_t));
    tune_found_deinit(&found);
    return equal;
}

static void finds_nearly_what_brute_force_finds(void **state) {
    static const struct tune_aim aims[] = {
        {.at_present_rate = true,
         .alerts_per_day = -1,
         .precision = -1,
         .recall = -1,
         .missed_per_day = -1},
        {.alerts_per_day = 1.2, .precision = -1, .recall = -1, .missed_per_day = -1},
        {.alerts_per_day = -1, .precision = 0.6, .recall = -1, .missed_per_day = -1},
        {.fewest_alerts = true,
         .alerts_per_day = -1,
         .precision = -1,
         .recall = 0.6,
         .missed_per_day = -1},
    };
    uint64_t random = asked_seed(5), problems = asked_steps(15), equal = 0, all = 0;
    (void)state;
    for (uint64_t i = 0; i < problems; i++) {
        struct scene scene;
        open_scene(&scene, &random);
        for (size_t a = 0; a < sizeof aims / sizeof *aims; a++, all++)
            equal += search_and_compare(&scene, &aims[a]);
        close_scene(&scene);
    }
    print_message("as good as brute force: %d of %d\n", (int)equal, (int)all);
    assert_true(3 * equal >= 2 * all); /* climbing may end below the summit, but not often */
}

/* A least gain that nothing reaches: the policy stays as it is. */
static void changes_have_to_buy_something(void **state) {
    const struct tune_search_options options = {.aim = {.at_present_rate = true,
                                                        .alerts_per_day = -1,
                                                        .precision = -1,
                                                        .recall = -1,
                                                        .missed_per_day = -1},
                                                .days = {20, 10},
                                                .least_gain = 2,
                                                .threads = 1};
    uint64_t random = asked_seed(9);
    struct tune_found found;
    struct scene scene;
    struct error error;
    (void)state;
    open_scene(&scene, &random);
    assert_int_equal(tune_search(&scene.problem, &options, NULL, &found, &error), 0);
    assert_false(found.is_better);
    assert_true(found.is_feasible);
    assert_int_equal(tune_setting_changes(&scene.problem, found.best.setting), 0);
    tune_found_deinit(&found);
    close_scene(&scene);
}

/* A policy that alerts nobody says nothing of what an alert costs, but fewer are still better. */
static void fewer_alerts_are_better_than_none_at_present(void **state) {
    (void)state;
    struct tune_scale scale = {.aim = {.fewest_alerts = true,
                                       .alerts_per_day = TUNE_NO_LIMIT,
                                       .precision = TUNE_NO_LIMIT,
                                       .recall = 0.5,
                                       .missed_per_day = TUNE_NO_LIMIT}};
    struct tune_figures few[TUNE_PARTS], many[TUNE_PARTS];
    for (size_t part = 0; part < TUNE_PARTS; part++) {
        scale.totals[part] = (struct tune_totals){.rows = 1000, .positive = 20, .days = 1};
        few[part] = (struct tune_figures){.alerts = 30, .caught = 15, .false_alerts = 15};
        many[part] = (struct tune_figures){.alerts = 300, .caught = 15, .false_alerts = 285};
    }
    for (enum tune_part part = TUNE_FIT; part <= TUNE_PARTS; part++)
        assert_true(tune_worth(&scale, few, part) > tune_worth(&scale, many, part));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fewer_alerts_are_better_than_none_at_present),
        cmocka_unit_test(measures_what_a_naive_model_counts),
        cmocka_unit_test(pivots_stand_for_the_product),
        cmocka_unit_test(finds_nearly_what_brute_force_finds),
        cmocka_unit_test(changes_have_to_buy_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
