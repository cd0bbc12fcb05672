/* One line of tests/cases/expressions: names with types and values, and what runs on them. */
#pragma once

#include "core/policy/check/checker.h"
#include "core/policy/eval/expression.h"
#include "core/policy/eval/threshold.h"
#include "core/policy/lang/scope.h"
#include "core/policy/lists/list.h"
#include "tests/unit/policy/tzif.h"

#define EXPRESSION_CASE_NAMES_MAX  16
#define EXPRESSION_CASE_THRESHOLDS 4

/* What an expression is compiled and run with. */
struct expression_case {
    struct arena arena;
    struct scope scope;
    struct list lists[2];
    bool list_used[2];
    bool zone_used[TZIF_ZONES];
    struct text entities[EXPRESSION_CASE_NAMES_MAX];
    struct thresholds *thresholds;
    bool threshold_used[EXPRESSION_CASE_THRESHOLDS];
    struct value frame[EXPRESSION_CASE_NAMES_MAX + 2 + EXPRESSION_CASE_THRESHOLDS];
    struct reporter reporter;
    size_t diagnostic_offset; /* of the first report */
    char diagnostic[640];     /* "" when there is none */
};

/* bindings: "amount:double=5.0; card:string=c1; n:int=absent". verdict and outcome are added in the
 * next two slots, and after them the thresholds of the README. */
void expression_case_init(struct expression_case *it, const char *bindings);
void expression_case_deinit(struct expression_case *it);

/* NULL when it does not compile; the first report is then in `diagnostic`. */
struct syntax *expression_case_check(struct expression_case *it, const char *source);

/* "int 5", "absent", "error overflow"; type: the expression's */
void expression_case_print(struct value v, type_code type, char *ret_string, size_t size);
