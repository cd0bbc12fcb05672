#include "tune_problem.h"

#include "core/base/check.h"
#include "core/policy/eval/value_order.h"

#include <math.h>
#include <stdlib.h>

/* ---- making ---- */

/* With a factor, values depend on the limit as well: see tune_pivot(). */
static bool is_same_column(const struct tune_column *a, const struct tune_column *b) {
    if (a->part != b->part || a->factor != b->factor)
        return false;
    return a->factor == SIZE_MAX || (a->relation == b->relation && a->present == b->present);
}

static size_t column_of(struct tune_problem *problem, struct tune_column column) {
    for (size_t i = 0; i < problem->column_count; i++)
        if (is_same_column(&problem->columns[i], &column))
            return i;
    problem->columns =
        check_reallocarray(problem->columns, problem->column_count + 1, sizeof *problem->columns);
    problem->columns[problem->column_count] = column;
    return problem->column_count++;
}

static size_t add_knob(struct tune_problem *problem, const struct tunable *tunable, size_t rule) {
    problem->knobs =
        check_reallocarray(problem->knobs, problem->knob_count + 1, sizeof *problem->knobs);
    struct tune_knob *knob = &problem->knobs[problem->knob_count];
    *knob = (struct tune_knob){.tunable = tunable, .count = 1, .rule = rule, .column = SIZE_MAX};
    knob->candidates[0] = tunable->value;
    return problem->knob_count++;
}

static double present_of(const struct tunables *tunables, const struct condition_node *node) {
    return node->kind == CONDITION_LIMIT && node->factor != SIZE_MAX
               ? tunables->of[node->tunable].value.number
               : 0;
}

static void take_condition(struct tune_problem *problem, const struct tunables *tunables,
                           size_t index) {
    struct tune_rule *rule = &problem->rules[index];
    const struct condition *condition = &tunables->conditions[rule->index];
    rule->nodes = check_calloc(condition->count, sizeof *rule->nodes);
    rule->node_count = condition->count;
    for (size_t i = 0; i < condition->count; i++) {
        const struct condition_node *from = &condition->nodes[i];
        struct tune_node *node = &rule->nodes[i];
        bool is_limit = from->kind == CONDITION_LIMIT;
        *node = (struct tune_node){.kind = from->kind, .end = from->end, .column = SIZE_MAX};
        if (is_limit)
            node->relation = tunables->of[from->tunable].relation;
        if (is_limit || from->kind == CONDITION_PART)
            node->column = column_of(
                problem, (struct tune_column){.part = from->part,
                                              .is_limit = is_limit,
                                              .factor = is_limit ? from->factor : SIZE_MAX,
                                              .relation = node->relation,
                                              .present = present_of(tunables, from)});
        if (!is_limit)
            continue;
        node->knob = add_knob(problem, &tunables->of[from->tunable], index);
        problem->knobs[node->knob].column = node->column;
    }
}

static void take_rule(struct tune_problem *problem, const struct tunables *tunables, size_t index,
                      size_t chosen) {
    struct tune_rule *rule = &problem->rules[index];
    *rule = (struct tune_rule){
        .rule = &tunables->snapshot->rules[chosen], .index = chosen, .score_knob = SIZE_MAX};
    for (size_t i = 0; i < tunables->count; i++)
        if (tunables->of[i].kind == TUNABLE_SCORE && tunables->of[i].rule == chosen)
            rule->score_knob = add_knob(problem, &tunables->of[i], index);
    take_condition(problem, tunables, index);
}

void tune_problem_init(struct tune_problem *problem, const struct tunables *tunables,
                       const size_t *chosen, size_t chosen_count) {
    *problem = (struct tune_problem){
        .snapshot = tunables->snapshot,
        .rules = check_calloc(chosen_count + 1, sizeof *problem->rules),
        .rule_count = chosen_count,
        .words = (chosen_count + 63) / 64,
        .bases.size = sizeof(struct tune_base) +
                      tunables->snapshot->group_count * sizeof(struct group_total)};
    for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
        problem->cutoff_knobs[verdict] = SIZE_MAX;
    for (size_t i = 0; i < tunables->count; i++)
        if (tunables->of[i].kind == TUNABLE_CUTOFF)
            problem->cutoff_knobs[tunables->of[i].verdict] =
                add_knob(problem, &tunables->of[i], SIZE_MAX);
    for (size_t i = 0; i < chosen_count; i++)
        take_rule(problem, tunables, i, chosen[i]);
    tune_problem_code(problem);
}

void tune_problem_deinit(struct tune_problem *problem) {
    for (size_t i = 0; i < problem->column_count; i++)
        free(problem->columns[i].limits);
    for (size_t i = 0; i < problem->rule_count; i++)
        free(problem->rules[i].nodes);
    free(problem->columns);
    free(problem->rules);
    free(problem->knobs);
    free(problem->codes);
    free(problem->live);
    free(problem->base);
    free(problem->weights);
    tune_bases_deinit(&problem->bases);
    *problem = (struct tune_problem){0};
}

/* ---- codes ---- */

static int compare_values(const void *a, const void *b) {
    return value_order(*(const struct value *)a, *(const struct value *)b);
}

static void add_limits(struct tune_column *column, const struct tune_knob *knob) {
    column->limits = check_reallocarray(column->limits, column->limit_count + knob->count,
                                        sizeof *column->limits);
    for (size_t i = 0; i < knob->count; i++)
        column->limits[column->limit_count++] = knob->candidates[i];
}

/* Sorted, each once. */
static void finish_limits(struct tune_column *column) {
    size_t count = 0;
    if (column->limit_count == 0)
        return;
    qsort(column->limits, column->limit_count, sizeof *column->limits, compare_values);
    for (size_t i = 0; i < column->limit_count; i++)
        if (count == 0 || compare_values(&column->limits[count - 1], &column->limits[i]) != 0)
            column->limits[count++] = column->limits[i];
    column->limit_count = count;
    check(count < TUNE_CODE_UNREAD / 2 - 1);
}

void tune_problem_code(struct tune_problem *problem) {
    for (size_t i = 0; i < problem->column_count; i++)
        problem->columns[i].limit_count = 0;
    for (size_t i = 0; i < problem->knob_count; i++)
        if (problem->knobs[i].column != SIZE_MAX)
            add_limits(&problem->columns[problem->knobs[i].column], &problem->knobs[i]);
    for (size_t i = 0; i < problem->column_count; i++)
        finish_limits(&problem->columns[i]);
    for (size_t i = 0; i < problem->knob_count; i++) {
        struct tune_knob *knob = &problem->knobs[i];
        for (size_t c = 0; c < knob->count && knob->column != SIZE_MAX; c++)
            knob->codes[c] = tune_code(&problem->columns[knob->column], knob->candidates[c]);
    }
}

static uint16_t code_of_limit(const struct tune_column *column, struct value value) {
    size_t low = 0, high = column->limit_count;
    if (value.type == VALUE_DOUBLE && isnan(value.number))
        return TUNE_CODE_NAN;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (value_order(column->limits[middle], value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_it = low < column->limit_count && value_order(column->limits[low], value) == 0;
    return (uint16_t)(2 * low + is_it);
}

uint16_t tune_code(const struct tune_column *column, struct value value) {
    if (value.type == VALUE_ABSENT)
        return TUNE_CODE_ABSENT;
    if (value.type == VALUE_ERROR)
        return TUNE_CODE_FAILED;
    if (column->is_limit)
        return code_of_limit(column, value);
    return value.type == VALUE_BOOL && value.boolean ? TUNE_TRUE : TUNE_FALSE;
}

/* ---- factors ---- */

#define PIVOT_STEPS 64 /* to the next double; two are enough unless something is subnormal */

static bool relates(enum tunable_relation relation, double a, double b) {
    switch (relation) {
    case BELOW:
        return a < b;
    case AT_MOST:
        return a <= b;
    case ABOVE:
        return a > b;
    case AT_LEAST:
        return a >= b;
    }
    return false;
}

/* Holds for every limit, or for none. */
static struct value constant_pivot(enum tunable_relation relation, bool is_true) {
    bool is_upper = relation == ABOVE || relation == AT_LEAST;
    return value_double(is_upper == is_true ? INFINITY : -INFINITY);
}

struct value tune_pivot(struct value value, struct value factor, enum tunable_relation relation,
                        double limit) {
    if (value.type == VALUE_ABSENT || factor.type == VALUE_ABSENT)
        return value_absent();
    if (value.type != VALUE_DOUBLE)
        return value;
    if (factor.type != VALUE_DOUBLE)
        return factor;
    double a = value.number, by = factor.number;
    if (isnan(a) || isnan(by))
        return value_double(NAN);
    if (!(by > 0) || !isfinite(a / by))
        return constant_pivot(relation, relates(relation, a, limit * by));
    /* The last limit that makes it true, for > and >=; the first one for < and <=. */
    bool is_upper = relation == ABOVE || relation == AT_LEAST;
    double at = a / by, away = is_upper ? INFINITY : -INFINITY;
    for (int i = 0; i < PIVOT_STEPS && !relates(relation, a, at * by); i++)
        at = nextafter(at, -away);
    for (int i = 0; i < PIVOT_STEPS && relates(relation, a, nextafter(at, away) * by); i++)
        at = nextafter(at, away);
    bool is_strict = relation == ABOVE || relation == BELOW;
    return value_double(is_strict ? nextafter(at, away) : at);
}

/* ---- settings ---- */

void tune_setting_present(const struct tune_problem *problem, uint16_t *ret_setting) {
    for (size_t i = 0; i < problem->knob_count; i++)
        ret_setting[i] = (uint16_t)problem->knobs[i].present;
}

static int64_t set_to(const struct tune_problem *problem, size_t knob, const uint16_t *setting) {
    return problem->knobs[knob].candidates[setting[knob]].integer;
}

bool tune_setting_is_valid(const struct tune_problem *problem, const uint16_t *setting) {
    int64_t before = 0;
    for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        size_t knob = problem->cutoff_knobs[verdict];
        int64_t cutoff =
            knob == SIZE_MAX ? problem->snapshot->cutoffs[verdict] : set_to(problem, knob, setting);
        if (cutoff != 0 && cutoff <= before)
            return false;
        if (cutoff != 0)
            before = cutoff;
    }
    return true;
}

size_t tune_setting_changes(const struct tune_problem *problem, const uint16_t *setting) {
    size_t changes = 0;
    for (size_t i = 0; i < problem->knob_count; i++)
        changes += setting[i] != problem->knobs[i].present;
    return changes;
}

/* ---- conditions ---- */

static bool holds(enum tunable_relation relation, uint16_t code, uint16_t limit) {
    switch (relation) {
    case BELOW:
        return code < limit;
    case AT_MOST:
        return code <= limit;
    case ABOVE:
        return code > limit;
    case AT_LEAST:
        return code >= limit;
    }
    return false;
}

static enum tune_truth truth_of(bool is) {
    return is ? TUNE_TRUE : TUNE_FALSE;
}

/* A code that says it without a comparison; TUNE_OPEN: it does not. */
static enum tune_truth truth_of_code(uint16_t code) {
    switch (code) {
    case TUNE_CODE_ABSENT:
        return TUNE_ABSENT;
    case TUNE_CODE_FAILED:
        return TUNE_FAILED;
    case TUNE_CODE_NAN:
        return TUNE_FALSE;
    default:
        return TUNE_OPEN;
    }
}

/* What is being evaluated: for a setting, or for all of them (NULL). */
struct evaluation {
    const struct tune_problem *problem;
    const struct tune_rule *rule;
    const uint16_t *codes, *setting;
    size_t forced;
    enum tune_truth as;
};

/* Comparisons are monotone: what the first and the last candidate agree on, all agree on. */
static enum tune_truth limit_truth(const struct evaluation *of, const struct tune_node *node) {
    const struct tune_knob *knob = &of->problem->knobs[node->knob];
    uint16_t code = of->codes[node->column];
    enum tune_truth known = truth_of_code(code);
    if (known != TUNE_OPEN)
        return known;
    if (of->setting)
        return truth_of(holds(node->relation, code, knob->codes[of->setting[node->knob]]));
    bool first = holds(node->relation, code, knob->codes[0]);
    bool last = holds(node->relation, code, knob->codes[knob->count - 1]);
    return first == last ? truth_of(first) : TUNE_OPEN;
}

/* The evaluator's && and ||: the deciding value first, then absent, then errors. */
static enum tune_truth merge(enum tune_truth a, enum tune_truth b, enum tune_truth deciding) {
    if (a == deciding || b == deciding)
        return deciding;
    if (a == TUNE_OPEN || b == TUNE_OPEN)
        return TUNE_OPEN;
    if (a == TUNE_ABSENT || b == TUNE_ABSENT)
        return TUNE_ABSENT;
    if (a == TUNE_FAILED || b == TUNE_FAILED)
        return TUNE_FAILED;
    return a;
}

static enum tune_truth negated(enum tune_truth truth) {
    return truth == TUNE_TRUE ? TUNE_FALSE : truth == TUNE_FALSE ? TUNE_TRUE : truth;
}

static enum tune_truth evaluate(const struct evaluation *of, size_t at) {
    const struct tune_node *node = &of->rule->nodes[at];
    if (at == of->forced)
        return of->as;
    switch (node->kind) {
    case CONDITION_PART: {
        uint16_t code = of->codes[node->column];
        enum tune_truth known = truth_of_code(code);
        return known != TUNE_OPEN ? known : truth_of(code == TUNE_TRUE);
    }
    case CONDITION_LIMIT:
        return limit_truth(of, node);
    case CONDITION_NOT:
        return negated(evaluate(of, at + 1));
    case CONDITION_AND:
    case CONDITION_OR:
        break;
    }
    enum tune_truth deciding = node->kind == CONDITION_AND ? TUNE_FALSE : TUNE_TRUE;
    enum tune_truth truth = evaluate(of, at + 1);
    for (size_t i = of->rule->nodes[at + 1].end; i < node->end && truth != deciding;
         i = of->rule->nodes[i].end)
        truth = merge(truth, evaluate(of, i), deciding);
    return truth;
}

enum tune_truth tune_condition(const struct tune_problem *problem, const struct tune_rule *rule,
                               const uint16_t *codes, const uint16_t *setting, size_t forced,
                               enum tune_truth as) {
    return evaluate(&(struct evaluation){problem, rule, codes, setting, forced, as}, 0);
}

enum tune_truth tune_condition_any(const struct tune_problem *problem, const struct tune_rule *rule,
                                   const uint16_t *codes) {
    return evaluate(&(struct evaluation){problem, rule, codes, NULL, SIZE_MAX, TUNE_OPEN}, 0);
}

/* ---- decisions ---- */

enum verdict tune_verdict(const struct tune_problem *problem, const struct tune_base *base,
                          enum verdict asked, uint32_t score, const uint16_t *setting) {
    uint32_t cutoffs[VERDICT_COUNT];
    for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        size_t knob = problem->cutoff_knobs[verdict];
        cutoffs[verdict] = base->adopted[verdict] != 0 ? base->adopted[verdict]
                           : knob == SIZE_MAX          ? problem->snapshot->cutoffs[verdict]
                                                       : (uint32_t)set_to(problem, knob, setting);
    }
    return verdict_more_severe(asked, verdict_of_score(cutoffs, score));
}

static int32_t score_of(const struct tune_problem *problem, const struct tune_rule *rule,
                        const uint16_t *setting) {
    return rule->score_knob == SIZE_MAX ? rule->rule->score
                                        : (int32_t)set_to(problem, rule->score_knob, setting);
}

#define GROUPS_ON_STACK 64

struct tune_decision tune_decide(const struct tune_problem *problem, const struct tune_base *base,
                                 const uint64_t *fired, const uint64_t *failed,
                                 const uint16_t *setting) {
    size_t group_count = problem->snapshot->group_count;
    struct group_total some[GROUPS_ON_STACK];
    struct group_total *groups =
        group_count <= GROUPS_ON_STACK ? some : check_calloc(group_count, sizeof *groups);
    int64_t score = base->ungrouped;
    enum verdict asked = base->asked;
    memcpy(groups, base->groups, group_count * sizeof *groups);
    for (size_t word = 0; word < problem->words; word++) {
        for (uint64_t set = fired[word]; set; set &= set - 1) {
            const struct tune_rule *rule =
                &problem->rules[word * 64 + (size_t)__builtin_ctzll(set)];
            int32_t add = score_of(problem, rule, setting);
            if (rule->rule->group == SIZE_MAX)
                score += add;
            else
                groups[rule->rule->group] = group_total_with(groups[rule->rule->group], add);
            asked = verdict_more_severe(asked, rule->rule->verdict);
        }
        for (uint64_t set = failed[word]; set; set &= set - 1)
            asked = verdict_more_severe(
                asked,
                verdict_on_error(
                    problem->rules[word * 64 + (size_t)__builtin_ctzll(set)].rule->on_error));
    }
    for (size_t i = 0; i < group_count; i++)
        score += group_total_score(&problem->snapshot->groups[i], groups[i]);
    if (groups != some)
        free(groups);
    uint32_t bounded = score_bounded(score);
    return (struct tune_decision){.verdict = tune_verdict(problem, base, asked, bounded, setting),
                                  .asked = asked,
                                  .score = bounded};
}

struct tune_decision tune_decide_codes(const struct tune_problem *problem,
                                       const struct tune_base *base, const uint16_t *codes,
                                       const uint64_t *live, const uint16_t *setting,
                                       uint64_t *scratch) {
    uint64_t *fired = scratch, *failed = scratch + problem->words;
    memset(scratch, 0, 2 * problem->words * sizeof *scratch);
    for (size_t i = 0; i < problem->rule_count; i++) {
        if (!tune_set_has(live, i))
            continue;
        enum tune_truth truth =
            tune_condition(problem, &problem->rules[i], codes, setting, SIZE_MAX, TUNE_OPEN);
        tune_set_put(fired, i, truth == TUNE_TRUE);
        tune_set_put(failed, i, truth == TUNE_FAILED);
    }
    return tune_decide(problem, base, fired, failed, setting);
}
