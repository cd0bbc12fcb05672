/* Best-first climbing over single changes. The gains of all changes are computed once; after a
 * change is made, they are out of date, and only the best ones are computed again until the best
 * is up to date (a lazy evaluation, as for submodular functions). Where none seems to gain any
 * more, all are computed again before the climb ends. */
#include "tune_search.h"

#include "batch/base/thread_pool.h"
#include "core/base/check.h"
#include "tune_aim.h"
#include "tune_walk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX    64 /* changes in one climb */
#define PARTNERS_MAX 40 /* changes of each kind that are tried in pairs */
#define BEST_MAX     6  /* settings that are improved under the constraints */

/* Frauds for an alert: of what a change adds, at least this share has to be fraud. */
static const double prices[] = {0.9,  0.75, 0.6,  0.45, 0.35,  0.25,  0.18,
                                0.12, 0.08, 0.05, 0.03, 0.015, 0.006, 0.002};
#define PRICES (sizeof prices / sizeof *prices)

/* ---- points ---- */

struct points {
    struct tune_point *of;
    size_t count, capacity;
};

static void keep_point(struct points *points, const struct tune_walk *walk) {
    const struct tune_problem *problem = walk->reach->problem;
    size_t size = (problem->knob_count + 1) * sizeof *walk->setting;
    if (points->count == points->capacity) {
        points->capacity = points->capacity ? 2 * points->capacity : 16;
        points->of = check_reallocarray(points->of, points->capacity, sizeof *points->of);
    }
    struct tune_point *point = &points->of[points->count++];
    point->setting = check_calloc(1, size);
    memcpy(point->setting, walk->setting, problem->knob_count * sizeof *walk->setting);
    memcpy(point->figures, walk->figures, sizeof point->figures);
}

static void free_points(struct points *points) {
    for (size_t i = 0; i < points->count; i++)
        free(points->of[i].setting);
    free(points->of);
}

/* ---- climbing ---- */

struct climb {
    const struct tune_scale *scale;
    struct tune_walk walk;
    bool is_priced; /* else: under the constraints */
    double price, least;
    struct points points; /* on the way */
    double *gains;        /* by change */
    uint32_t *stamps;     /* the step for which the gain was computed */
    size_t *first;        /* by knob: its first change */
    size_t changes;
};

static double value_of(const struct climb *climb, const struct tune_figures figures[TUNE_PARTS],
                       enum tune_part part) {
    return climb->is_priced ? tune_priced(climb->scale, figures, part, climb->price)
                            : tune_worth(climb->scale, figures, part);
}

static void begin_climb(struct climb *climb, const struct tune_scale *scale,
                        const struct tune_reach *reach, double least) {
    const struct tune_problem *problem = reach->problem;
    *climb = (struct climb){.scale = scale, .least = least};
    tune_walk_init(&climb->walk, reach);
    climb->first = check_calloc(problem->knob_count + 1, sizeof *climb->first);
    for (size_t k = 0; k < problem->knob_count; k++)
        climb->first[k + 1] = climb->first[k] + problem->knobs[k].count;
    climb->changes = climb->first[problem->knob_count];
    climb->gains = check_calloc(climb->changes + 1, sizeof *climb->gains);
    climb->stamps = check_calloc(climb->changes + 1, sizeof *climb->stamps);
}

static void end_climb(struct climb *climb) {
    tune_walk_deinit(&climb->walk);
    free_points(&climb->points);
    free(climb->gains);
    free(climb->stamps);
    free(climb->first);
}

static size_t knob_of(const struct climb *climb, size_t change) {
    size_t low = 0, high = climb->walk.reach->problem->knob_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (climb->first[middle] <= change)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool is_valid(struct climb *climb, size_t knob, size_t candidate) {
    struct tune_walk *walk = &climb->walk;
    uint16_t before = walk->setting[knob];
    if (before == candidate)
        return false;
    walk->setting[knob] = (uint16_t)candidate;
    bool valid = tune_setting_is_valid(walk->reach->problem, walk->setting);
    walk->setting[knob] = before;
    return valid;
}

/* What a change gains in the part that is fitted, or under the constraints in both; −∞: it must not
 * be made. */
static double gain_of(struct climb *climb, size_t change) {
    size_t knob = knob_of(climb, change), candidate = change - climb->first[knob];
    enum tune_part fitted = climb->is_priced ? TUNE_FIT : TUNE_PARTS;
    struct tune_figures after[TUNE_PARTS];
    if (!is_valid(climb, knob, candidate))
        return -INFINITY;
    tune_walk_try(&climb->walk, knob, candidate, after);
    if (!tune_is_harmless(climb->scale, after) ||
        value_of(climb, after, TUNE_CHECK) < value_of(climb, climb->walk.figures, TUNE_CHECK))
        return -INFINITY;
    return value_of(climb, after, fitted) - value_of(climb, climb->walk.figures, fitted);
}

static size_t best_change(const struct climb *climb) {
    size_t best = 0;
    for (size_t i = 1; i < climb->changes; i++)
        if (climb->gains[i] > climb->gains[best])
            best = i;
    return best;
}

static void look_at(struct climb *climb, size_t change, uint32_t step) {
    climb->gains[change] = gain_of(climb, change);
    climb->stamps[change] = step;
}

/* The best change up to date; SIZE_MAX: none gains enough. */
static size_t next_change(struct climb *climb, uint32_t step) {
    for (bool all = false;;) {
        size_t best = best_change(climb);
        if (climb->gains[best] < climb->least) {
            if (all)
                return SIZE_MAX;
            for (size_t i = 0; i < climb->changes; i++)
                if (climb->stamps[i] != step)
                    look_at(climb, i, step);
            all = true;
        } else if (climb->stamps[best] == step) {
            return best;
        } else {
            look_at(climb, best, step);
        }
    }
}

static void make_change(struct climb *climb, size_t change) {
    size_t knob = knob_of(climb, change);
    tune_walk_set(&climb->walk, knob, change - climb->first[knob]);
}

/* ---- two changes together ---- */

/* Changes that catch more, or that save alerts, best first by what they give for what they take. */
struct partners {
    size_t changes[PARTNERS_MAX];
    double ratios[PARTNERS_MAX];
    size_t count;
};

static void add_partner(struct partners *partners, size_t change, double ratio) {
    size_t at = partners->count < PARTNERS_MAX ? partners->count++ : PARTNERS_MAX;
    for (; at > 0 && partners->ratios[at - 1] < ratio; at--)
        if (at < PARTNERS_MAX) {
            partners->changes[at] = partners->changes[at - 1];
            partners->ratios[at] = partners->ratios[at - 1];
        }
    if (at < PARTNERS_MAX) {
        partners->changes[at] = change;
        partners->ratios[at] = ratio;
    }
}

/* Shares of what there is to catch, and alerts in the same unit. */
static void find_partners(struct climb *climb, struct partners *ret_more,
                          struct partners *ret_saving) {
    struct tune_walk *walk = &climb->walk;
    double caught = tune_priced(climb->scale, walk->figures, TUNE_PARTS, 0),
           alerts = caught - tune_priced(climb->scale, walk->figures, TUNE_PARTS, 1);
    *ret_more = *ret_saving = (struct partners){.count = 0};
    for (size_t change = 0; change < climb->changes; change++) {
        size_t knob = knob_of(climb, change), candidate = change - climb->first[knob];
        struct tune_figures after[TUNE_PARTS];
        if (!is_valid(climb, knob, candidate))
            continue;
        tune_walk_try(walk, knob, candidate, after);
        double gained = tune_priced(climb->scale, after, TUNE_PARTS, 0) - caught,
               more = tune_priced(climb->scale, after, TUNE_PARTS, 0) -
                      tune_priced(climb->scale, after, TUNE_PARTS, 1) - alerts;
        if (gained >= climb->least && more > 0)
            add_partner(ret_more, change, gained / more);
        else if (more < 0)
            add_partner(ret_saving, change, more / (gained - climb->least));
    }
}

/* Makes the two changes that gain most; false: no two gain enough. */
static bool exchange(struct climb *climb) {
    struct partners more, saving;
    double best_gain = 2 * climb->least;
    size_t best[2] = {SIZE_MAX, SIZE_MAX};
    double before = value_of(climb, climb->walk.figures, TUNE_PARTS),
           checked = value_of(climb, climb->walk.figures, TUNE_CHECK);
    find_partners(climb, &more, &saving);
    for (size_t i = 0; i < more.count; i++) {
        size_t knob = knob_of(climb, more.changes[i]);
        uint16_t present = climb->walk.setting[knob];
        make_change(climb, more.changes[i]);
        for (size_t j = 0; j < saving.count; j++) {
            size_t other = knob_of(climb, saving.changes[j]);
            size_t candidate = saving.changes[j] - climb->first[other];
            struct tune_figures after[TUNE_PARTS];
            if (other == knob || !is_valid(climb, other, candidate))
                continue;
            tune_walk_try(&climb->walk, other, candidate, after);
            double gain = value_of(climb, after, TUNE_PARTS) - before;
            if (gain >= best_gain && tune_is_harmless(climb->scale, after) &&
                value_of(climb, after, TUNE_CHECK) >= checked) {
                best_gain = gain;
                best[0] = more.changes[i];
                best[1] = saving.changes[j];
            }
        }
        tune_walk_set(&climb->walk, knob, present);
    }
    if (best[0] == SIZE_MAX)
        return false;
    make_change(climb, best[0]);
    make_change(climb, best[1]);
    return true;
}

static void run_climb(struct climb *climb, const struct thread_pool *pool) {
    for (size_t i = 0; i < climb->changes; i++)
        climb->gains[i] = INFINITY;
    memset(climb->stamps, 0, climb->changes * sizeof *climb->stamps); /* all out of date */
    for (uint32_t step = 1; step <= STEPS_MAX && climb->changes > 0; step++) {
        size_t change = next_change(climb, step);
        if (thread_pool_is_stopped(pool) ||
            (change == SIZE_MAX && (climb->is_priced || !exchange(climb))))
            return;
        if (change != SIZE_MAX)
            make_change(climb, change);
        keep_point(&climb->points, &climb->walk);
    }
}

/* Takes back what buys too little, the least first. */
static void prune(struct climb *climb) {
    const struct tune_problem *problem = climb->walk.reach->problem;
    for (;;) {
        double least_loss = climb->least;
        size_t cheapest = SIZE_MAX;
        for (size_t k = 0; k < problem->knob_count; k++) {
            struct tune_figures after[TUNE_PARTS];
            if (!is_valid(climb, k, problem->knobs[k].present))
                continue;
            tune_walk_try(&climb->walk, k, problem->knobs[k].present, after);
            double loss = value_of(climb, climb->walk.figures, TUNE_PARTS) -
                          value_of(climb, after, TUNE_PARTS);
            if (loss < least_loss && tune_is_harmless(climb->scale, after)) {
                least_loss = loss;
                cheapest = k;
            }
        }
        if (cheapest == SIZE_MAX)
            return;
        tune_walk_set(&climb->walk, cheapest, problem->knobs[cheapest].present);
    }
}

/* ---- jobs ---- */

struct search {
    const struct tune_reach *reach;
    const struct tune_scale *scale;
    double least;
    struct climb climbs[PRICES > BEST_MAX ? PRICES : BEST_MAX];
    const struct tune_point *starts[BEST_MAX];
};

static int climb_at_price(void *user, struct thread_pool *pool, size_t worker, size_t job,
                          struct error *ret_error) {
    struct search *search = user;
    struct climb *climb = &search->climbs[job];
    (void)worker;
    (void)ret_error;
    begin_climb(climb, search->scale, search->reach, search->least);
    climb->is_priced = true;
    climb->price = prices[job];
    run_climb(climb, pool);
    return 0;
}

static int improve(void *user, struct thread_pool *pool, size_t worker, size_t job,
                   struct error *ret_error) {
    struct search *search = user;
    struct climb *climb = &search->climbs[job];
    (void)worker;
    (void)ret_error;
    begin_climb(climb, search->scale, search->reach, search->least);
    tune_walk_go_to(&climb->walk, search->starts[job]->setting);
    run_climb(climb, pool);
    prune(climb);
    run_climb(climb, pool); /* what was taken back may have left room */
    keep_point(&climb->points, &climb->walk);
    return 0;
}

/* All jobs, whatever the number of threads. Their points go to *ret_points, by job. */
static int run_jobs(struct search *search, thread_pool_job *run, size_t jobs,
                    const struct tune_search_options *options, struct progress *progress,
                    struct points *points, uint64_t *evaluations, struct error *ret_error) {
    struct thread_pool *pool =
        thread_pool_start(options->threads < jobs ? options->threads : jobs, jobs, run, search);
    bool is_stopped = false;
    while (!thread_pool_wait(pool))
        if (!is_stopped && progress_update(progress, "search", 0, 0) != 0) {
            thread_pool_stop(pool);
            is_stopped = true;
        }
    int r = thread_pool_finish(pool, ret_error);
    for (size_t job = 0; job < jobs; job++) {
        struct climb *climb = &search->climbs[job];
        if (!climb->first) /* never begun: stopped before */
            continue;
        for (size_t i = 0; i < climb->points.count; i++) {
            tune_walk_go_to(&climb->walk, climb->points.of[i].setting);
            keep_point(points, &climb->walk);
        }
        *evaluations += climb->walk.evaluations;
        end_climb(climb);
        *climb = (struct climb){0};
    }
    if (r == 0 && is_stopped)
        return error_set(ret_error, ERROR_INTERRUPTED, "the search was interrupted");
    return r;
}

/* ---- choosing ---- */

static double worth_of(const struct search *search, const struct tune_problem *problem,
                       const struct tune_point *point) {
    return tune_worth(search->scale, point->figures, TUNE_PARTS) -
           search->least * (double)tune_setting_changes(problem, point->setting);
}

/* Feasible ones first; then by worth, each change having its price; then the earliest. */
static size_t best_point(const struct search *search, const struct points *points,
                         const bool *is_taken) {
    const struct tune_problem *problem = search->reach->problem;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < points->count; i++) {
        if (is_taken && is_taken[i])
            continue;
        const struct tune_point *a = &points->of[i],
                                *b = best == SIZE_MAX ? NULL : &points->of[best];
        if (!b) {
            best = i;
            continue;
        }
        bool first = tune_is_feasible(search->scale, a->figures),
             second = tune_is_feasible(search->scale, b->figures);
        if (first != second ? first : worth_of(search, problem, a) > worth_of(search, problem, b))
            best = i;
    }
    return best;
}

static size_t choose_starts(struct search *search, const struct points *points) {
    bool *is_taken = check_calloc(points->count + 1, sizeof *is_taken);
    size_t count = 0;
    search->starts[count++] = &points->of[0]; /* the present setting */
    is_taken[0] = true;
    while (count < BEST_MAX) {
        size_t best = best_point(search, points, is_taken);
        if (best == SIZE_MAX)
            break;
        is_taken[best] = true;
        search->starts[count++] = &points->of[best];
    }
    free(is_taken);
    return count;
}

/* ---- the curve ---- */

static double caught_of(const struct tune_scale *scale, const struct tune_point *point) {
    struct tune_figures sum = tune_figures_sum(point->figures);
    return scale->aim.by_amount ? (double)sum.caught_amount : (double)sum.caught;
}

/* By rising alerts; of as many, the one that catches most. */
static int compare_points(const void *a, const void *b, void *scale) {
    const struct tune_point *first = *(const struct tune_point *const *)a,
                            *second = *(const struct tune_point *const *)b;
    uint64_t alerts = tune_figures_sum(first->figures).alerts,
             others = tune_figures_sum(second->figures).alerts;
    double caught = caught_of(scale, first), other = caught_of(scale, second);
    if (alerts != others)
        return alerts < others ? -1 : 1;
    return caught > other ? -1 : caught < other;
}

static struct tune_point copy_point(const struct tune_problem *problem,
                                    const struct tune_point *point) {
    struct tune_point copy = *point;
    size_t size = problem->knob_count * sizeof *point->setting;
    copy.setting = check_calloc(1, size + 1);
    memcpy(copy.setting, point->setting, size);
    return copy;
}

/* Points that no other one beats in both alerts and frauds, spread evenly over the frauds caught if
 * there are too many. */
static void draw_curve(const struct search *search, const struct points *points,
                       struct tune_found *found) {
    const struct tune_point **front = check_calloc(points->count + 1, sizeof(*front));
    size_t count = 0;
    for (size_t i = 0; i < points->count; i++)
        front[i] = &points->of[i];
    qsort_r(front, points->count, sizeof(*front), compare_points, (void *)(uintptr_t)search->scale);
    for (size_t i = 0; i < points->count; i++)
        if (count == 0 ||
            caught_of(search->scale, front[i]) > caught_of(search->scale, front[count - 1]))
            front[count++] = front[i];
    size_t kept = count < TUNE_CURVE_MAX ? count : TUNE_CURVE_MAX;
    found->curve = check_calloc(kept + 1, sizeof *found->curve);
    for (size_t i = 0; i < kept; i++)
        found->curve[i] =
            copy_point(search->reach->problem, front[kept == 1 ? 0 : i * (count - 1) / (kept - 1)]);
    found->curve_count = kept;
    free(front);
}

/* ---- the search ---- */

static void count_totals(const struct tune_problem *problem,
                         const struct tune_search_options *options, struct tune_scale *scale) {
    for (size_t part = 0; part < TUNE_PARTS; part++) {
        scale->totals[part].days = options->days[part];
        for (size_t p = 0; p < problem->profile_count; p++) {
            const struct tune_weight *weight = &problem->weights[p][part];
            scale->totals[part].rows += weight->rows;
            scale->totals[part].positive += weight->positive;
            scale->totals[part].amount += weight->amount;
        }
    }
}

static double default_least(const struct tune_scale *scale) {
    double positive = (double)scale->totals[TUNE_FIT].positive;
    return positive > 0 ? fmax(TUNE_LEAST_GAIN, TUNE_LEAST_FRAUDS / positive) : TUNE_LEAST_GAIN;
}

static void conclude(const struct search *search, const struct points *points,
                     struct tune_found *found) {
    const struct tune_problem *problem = search->reach->problem;
    const struct tune_point *present = &points->of[0],
                            *best = &points->of[best_point(search, points, NULL)];
    found->present = copy_point(problem, present);
    found->present_is_feasible = tune_is_feasible(search->scale, present->figures);
    found->is_feasible = tune_is_feasible(search->scale, best->figures);
    found->is_better = found->is_feasible && tune_setting_changes(problem, best->setting) > 0;
    found->best = copy_point(problem, found->is_better ? best : present);
    memcpy(found->totals, search->scale->totals, sizeof found->totals);
    draw_curve(search, points, found);
}

int tune_search(const struct tune_problem *problem, const struct tune_search_options *options,
                struct progress *progress, struct tune_found *ret_found, struct error *ret_error) {
    struct tune_scale scale = {.aim = options->aim};
    struct tune_found found = {.least_gain = options->least_gain};
    struct points points = {0};
    struct tune_reach reach;
    struct tune_walk present;
    tune_reach_init(&reach, problem);
    count_totals(problem, options, &scale);
    if (options->least_gain < 0)
        found.least_gain = default_least(&scale);
    struct search search = {.reach = &reach, .scale = &scale, .least = found.least_gain};
    tune_walk_init(&present, &reach);
    memcpy(scale.present, present.figures, sizeof scale.present);
    keep_point(&points, &present);
    tune_walk_deinit(&present);
    int r = run_jobs(&search, climb_at_price, PRICES, options, progress, &points,
                     &found.evaluations, ret_error);
    if (r == 0) {
        size_t starts = choose_starts(&search, &points);
        struct points improved = {0};
        r = run_jobs(&search, improve, starts, options, progress, &improved, &found.evaluations,
                     ret_error);
        for (size_t i = 0; i < improved.count; i++) {
            points.of = check_reallocarray(points.of, points.count + 1, sizeof *points.of);
            points.of[points.count++] = improved.of[i];
        }
        free(improved.of);
    }
    if (r == 0) {
        conclude(&search, &points, &found);
        *ret_found = found;
    }
    free_points(&points);
    tune_reach_deinit(&reach);
    return r;
}

void tune_found_deinit(struct tune_found *found) {
    free(found->present.setting);
    free(found->best.setting);
    for (size_t i = 0; i < found->curve_count; i++)
        free(found->curve[i].setting);
    free(found->curve);
    *found = (struct tune_found){0};
}
