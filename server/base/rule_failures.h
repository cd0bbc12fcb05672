/* Which rules failed since the last log line about that, and why: one line a minute, whatever the
 * number of decisions. Decisions only note it, in memory of a fixed size and under the decision
 * lock; service_poll() takes what was noted and logs it without the lock. */
#pragma once

#include "core/policy/eval/expression.h"
#include "core/policy/lang/read.h"
#include "core/wire/types/decision.h"
#include "server/ops/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULE_FAILURES_NAMED    8 /* in one line: rules, each with one reason */
#define RULE_FAILURES_EVERY_US (INT64_C(60) * 1000000)

/* Zeroed is empty. */
struct rule_failures {
    struct failed_rule {
        char name[NAME_SIZE_MAX + 1]; /* copied: a reload may free the policy */
        enum expression_error reason;
        uint64_t decisions;
    } of[RULE_FAILURES_NAMED];
    size_t count;
    bool has_more;      /* others failed as well */
    uint64_t decisions; /* with a failed rule */
    int64_t logged_us;  /* monotonic, the last line; 0: none yet */
};

/* A decision that an engine has made and that is archived, with rules that failed. */
void rule_failures_note(struct rule_failures *failures, const struct decision *decision);
/* True: a line is due. Moves what it has to say to *ret_due. INT64_MAX: one is due whenever there
 * is something to say. */
bool rule_failures_take(struct rule_failures *failures, int64_t monotonic_us,
                        struct rule_failures *ret_due);
void rule_failures_log(const struct rule_failures *due, struct log *log);
