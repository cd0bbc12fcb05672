/* Cases: what a policy is expected to decide, written beside its rules. Part of the snapshot, run
 * by engine/trial.h.
 *
 * A case is a transaction, a history before it and what is expected of the decision. Its
 * transactions have passed the same checks as those that clients send. All texts live in the
 * snapshot. */
#pragma once

#include "core/wire/record/record.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CASES_MAX       10000u  /* of a policy */
#define CASE_STEPS_MAX  1000u   /* of a case's history, repetitions counted */
#define CASES_STEPS_MAX 100000u /* of all cases together */

enum case_step_kind { CASE_TRANSACTION, CASE_OUTCOME, CASE_AMENDMENT, CASE_LIST_CHANGE };

/* One record of the history, in the order of the archive. */
struct case_step {
    enum case_step_kind kind;
    int line;
    int64_t at_us; /* event time of a transaction, else when it became known */
    /* CASE_TRANSACTION */
    struct transaction transaction;
    enum verdict verdict; /* recorded instead of the policy's own; VERDICT_NONE: its own */
    /* CASE_OUTCOME, CASE_AMENDMENT */
    size_t of; /* the step of its transaction */
    enum label label;
    struct amendment amendment;
    /* CASE_LIST_CHANGE */
    struct list_change_record change;
};

/* A feature that has this value whatever the history says; a threshold that has it for every
 * group. */
struct case_given {
    size_t slot;
    struct value value;
};

/* A field, feature or computed value of the decision. */
struct case_value {
    size_t slot;
    struct value value; /* VALUE_ABSENT: it must be absent */
    int decimals;       /* VALUE_DOUBLE: compared when rounded to so many; −1: the same double */
};

struct case_reason {
    size_t rule;
    struct text text;
};

struct case_expectation {
    enum verdict verdict; /* VERDICT_NONE: any */
    int32_t score;        /* −1: any */
    const size_t *fires;  /* rules that must fire, live or in shadow; others may, too */
    size_t fire_count;
    const size_t *silent; /* rules that must not */
    size_t silent_count;
    const struct case_reason *reasons; /* the whole sentence */
    size_t reason_count;
    const struct case_value *values;
    size_t value_count;
};

struct policy_case {
    struct text name, about;
    struct text file; /* that has the case */
    int line;
    size_t rule; /* whose case it is; SIZE_MAX: in a file of cases */
    const struct case_step *steps;
    size_t step_count;
    struct transaction transaction;
    const struct case_given *given;
    size_t given_count;
    struct case_expectation expect;
};
