/* A search over the numbers of a policy, as a problem of its own: what may be set to what, and what
 * each setting would decide. Nothing here reads an archive.
 *
 * A knob is a tunable number with its candidates; a setting has one candidate for each knob. What
 * the chosen rules look at are columns: of limits, whether a value is below, at or above each
 * candidate (a code); of other parts, whether they are true. Transactions that are alike in all of
 * this form one profile, with counts and sums: however many there are, a setting costs as much as
 * there are profiles. Rules that are not chosen, cut-offs out of reach and so on are a profile's
 * base. */
#pragma once

#include "batch/report/report_tally.h"
#include "core/engine/score.h"
#include "core/policy/analysis/tunables.h"
#include "tune_bases.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The training range in two: most changes are found on the first part and must hold on the second
 * one. */
enum tune_part { TUNE_FIT, TUNE_CHECK, TUNE_PARTS };

/* The state of a part of a condition. */
enum tune_truth { TUNE_FALSE, TUNE_TRUE, TUNE_ABSENT, TUNE_FAILED, TUNE_OPEN };

/* Codes of a column. Of a limit: 2i + 1 is the i-th of its limits, 2i lies below it and above the
 * one before. Of a part: enum tune_truth. */
#define TUNE_CODE_ABSENT UINT16_MAX
#define TUNE_CODE_FAILED (UINT16_MAX - 1)
#define TUNE_CODE_NAN    (UINT16_MAX - 2) /* every comparison is false */
#define TUNE_CODE_UNREAD (UINT16_MAX - 3) /* of rules that cannot fire whatever the setting */

#define TUNE_CANDIDATES_MAX 64 /* of a knob */

struct tune_column {
    size_t part; /* index among the tunables' */
    bool is_limit;
    /* Of a limit that is multiplied by this part: its values are tune_pivot()'s. SIZE_MAX: none. */
    size_t factor;
    enum tunable_relation relation;
    double present;       /* the policy's limit there */
    struct value *limits; /* rising */
    size_t limit_count;
};

struct tune_knob {
    const struct tunable *tunable;
    struct value candidates[TUNE_CANDIDATES_MAX]; /* rising */
    uint16_t codes[TUNE_CANDIDATES_MAX];          /* of a limit */
    size_t count, present;                        /* present: as the policy has it */
    size_t rule;                                  /* of the problem; SIZE_MAX: of a cut-off */
    size_t column;                                /* of a limit */
};

struct tune_node {
    enum condition_kind kind;
    enum tunable_relation relation;
    size_t end, column, knob;
};

struct tune_rule {
    const struct rule *rule;
    size_t index; /* in the snapshot */
    struct tune_node *nodes;
    size_t node_count;
    size_t score_knob; /* SIZE_MAX: it has no score to tune */
};

/* What is not tuned. The groups' totals follow. */
struct tune_base {
    int64_t ungrouped;
    enum verdict asked;
    /* In force, from tables: cut-offs of budgets; 0: the policy's own. */
    uint32_t adopted[VERDICT_COUNT];
    struct group_total groups[];
};

struct tune_weight {
    uint64_t rows, positive, negative;
    report_sum amount; /* of positive ones, in minor units */
};

struct tune_problem {
    const struct snapshot *snapshot;
    struct tune_column *columns;
    size_t column_count;
    struct tune_knob *knobs;
    size_t knob_count;
    size_t cutoff_knobs[VERDICT_COUNT]; /* SIZE_MAX: none */
    struct tune_rule *rules;
    size_t rule_count, words; /* words: of a set of rules, 64 to each */
    /* Profiles. */
    size_t profile_count;
    uint16_t *codes; /* column_count for each */
    uint64_t *live;  /* words for each: rules that could fire */
    uint32_t *base;  /* index */
    struct tune_weight (*weights)[TUNE_PARTS];
    struct tune_bases bases; /* of struct tune_base */
};

/* chosen: indices of live rules of tunables->snapshot. All knobs have their present value alone. */
void tune_problem_init(struct tune_problem *problem, const struct tunables *tunables,
                       const size_t *chosen, size_t chosen_count);
void tune_problem_deinit(struct tune_problem *problem);

/* After a change of candidates: the columns' limits and the knobs' codes. */
void tune_problem_code(struct tune_problem *problem);

/* The code of a value of a column of limits, or of a part's. */
uint16_t tune_code(const struct tune_column *column, struct value value);

/* Where a limit stops to hold, if it is multiplied by `factor` before `value` is compared with it:
 * `value REL limit * factor` is `pivot REL limit` for every limit, as the evaluator rounds. A
 * factor that is not above 0 makes it what it is for this limit. */
struct value tune_pivot(struct value value, struct value factor, enum tunable_relation relation,
                        double limit);

/* A setting as the policy is. */
void tune_setting_present(const struct tune_problem *problem, uint16_t *ret_setting);
/* The cut-offs of a setting rise with the severity of their verdicts. */
bool tune_setting_is_valid(const struct tune_problem *problem, const uint16_t *setting);
size_t tune_setting_changes(const struct tune_problem *problem, const uint16_t *setting);

/* Is the condition true? One node is taken as `forced` where it is not SIZE_MAX. */
enum tune_truth tune_condition(const struct tune_problem *problem, const struct tune_rule *rule,
                               const uint16_t *codes, const uint16_t *setting, size_t forced,
                               enum tune_truth as);
/* Whatever the setting: TUNE_OPEN if it depends on it. */
enum tune_truth tune_condition_any(const struct tune_problem *problem, const struct tune_rule *rule,
                                   const uint16_t *codes);

struct tune_decision {
    enum verdict verdict, asked; /* asked: without the score's */
    uint32_t score;
};

/* fired, failed: sets of the problem's rules. */
struct tune_decision tune_decide(const struct tune_problem *problem, const struct tune_base *base,
                                 const uint64_t *fired, const uint64_t *failed,
                                 const uint16_t *setting);
/* The same from codes. live: the rules to look at. scratch: room for two sets; the rules that fire,
 * then those that fail. */
struct tune_decision tune_decide_codes(const struct tune_problem *problem,
                                       const struct tune_base *base, const uint16_t *codes,
                                       const uint64_t *live, const uint16_t *setting,
                                       uint64_t *scratch);
enum verdict tune_verdict(const struct tune_problem *problem, const struct tune_base *base,
                          enum verdict asked, uint32_t score, const uint16_t *setting);

static inline const struct tune_base *tune_base_at(const struct tune_problem *problem,
                                                   size_t index) {
    return (const struct tune_base *)(problem->bases.bases + index * problem->bases.size);
}
static inline bool tune_set_has(const uint64_t *set, size_t index) {
    return set[index / 64] >> index % 64 & 1;
}
static inline void tune_set_put(uint64_t *set, size_t index, bool is_in) {
    uint64_t bit = UINT64_C(1) << index % 64;
    set[index / 64] = is_in ? set[index / 64] | bit : set[index / 64] & ~bit;
}
