/* The arms of the experiment in force at a night's position: of its last phase, as far as the
 * night's days show it. Decisions count on all of these days; outcomes for the days that are at
 * least NIGHT_ARMS_AGE days before the reported one, in both arms, with the labels known now. */
#pragma once

#include "batch/report/arms_report.h"
#include "core/wire/record/record.h"

#define NIGHT_ARMS_AGE 7 /* days */

struct night_arms;

/* *ret_arms NULL: no experiment is in force there. Errors as policy_history_open() has them. */
int night_arms_open(const char *archive, uint64_t position, struct night_arms **ret_arms,
                    struct error *ret_error);
void night_arms_close(struct night_arms *arms); /* NULL is allowed, as in all of these */

/* age_days: of the transaction's day, before the reported one. */
void night_arms_take(struct night_arms *arms, const struct record *record, size_t age_days);
/* amount_minor: in the base currency; 0: none. */
void night_arms_take_outcome(struct night_arms *arms, const struct outcome_record *outcome,
                             size_t age_days, int64_t amount_minor);
/* After the last record. */
void night_arms_finish(struct night_arms *arms, const char currency[4]);
const struct arms_phase *night_arms_phase(const struct night_arms *arms);
