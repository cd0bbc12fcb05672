/* A valid policy drawn from bytes, and what its definition says about a decision: for holding the
 * engine against. Features are over the columns and filters of tests/unit/feature/scene.h, so that
 * the naive model of them can be asked.
 *
 * Not drawn: suppressions, rollouts, periods, lists, models, thresholds, derived fields. */
#pragma once

#include "core/base/buffer.h"
#include "core/feature/plan/plan.h"
#include "core/wire/record/record.h"
#include "core/wire/types/decision.h"

#define DRAWN_FEATURES_MAX 10 /* of both entities together */
#define DRAWN_RULES_MAX    6
#define DRAWN_TEXTS        3
#define DRAWN_FILES        4

enum drawn_entity { DRAWN_CARD, DRAWN_PAIR /* card and merchant */, DRAWN_ENTITIES };

struct drawn_feature {
    enum drawn_entity entity;
    struct feature is; /* column, filter and part as in scene.h; part: of those that pass filter */
    int condition;     /* of a share: what is written under `of`; `part` is filter and this */
    enum value_type type;
};

enum drawn_kind { TERM_COMPARED, TERM_HAS, TERM_HAS_NOT, TERM_FLAG, TERM_TEXT, TERM_AMOUNT };

/* A part of a condition. */
struct drawn_term {
    enum drawn_kind kind;
    size_t feature;
    unsigned operation; /* < <= > >= == != */
    int64_t constant;   /* as a double, halves of it */
};

struct drawn_rule {
    struct drawn_term terms[2];
    unsigned term_count;
    bool is_or;
    enum verdict verdict;
    int32_t score;
    unsigned mode;  /* live, shadow, off */
    unsigned group; /* 0: none; 1: sum; 2: max */
};

struct drawn_policy {
    int64_t lateness_us;
    struct drawn_feature features[DRAWN_FEATURES_MAX];
    size_t feature_count;
    struct drawn_rule rules[DRAWN_RULES_MAX];
    size_t rule_count;
    int32_t sum_at_most;            /* of the group; 0: no limit */
    int32_t cutoffs[VERDICT_COUNT]; /* 0: none */
};

/* The names that features take texts from; "" is an absent merchant. */
#define DRAWN_MERCHANTS 5
extern const char *const drawn_merchants[DRAWN_MERCHANTS];

struct drawn_policy drawn_policy_of(struct cursor *cursor);
/* The policy's files; they live as long as the texts, which the caller inits and deinits. */
void drawn_policy_write(const struct drawn_policy *policy, struct buffer texts[DRAWN_TEXTS],
                        struct policy_file ret_files[DRAWN_FILES]);

struct drawn_decision {
    enum verdict verdict;
    uint32_t score;
    unsigned fired, in_shadow; /* bit n: rule n; fired: with effect */
};

/* values: of the features in their order. */
struct drawn_decision drawn_policy_decide(const struct drawn_policy *policy,
                                          const struct transaction *transaction,
                                          const struct value *values);
