/* How often the rules with an at_most took effect lately, and how often the policy did not approve:
 * what pulls a brake.
 *
 * Counted are this server's own decisions since its start, by their receive times, over a window
 * that moves in steps of a sixtieth of its length. Nothing here is state: the result of counting
 * is, and that is a record. Under the decision lock. */
#pragma once

#include "core/policy/load/snapshot.h"
#include "core/wire/record/record.h"
#include "core/wire/types/decision.h"

#include <stdbool.h>
#include <stdint.h>

/* A window must hold as many decisions, and a limit be exceeded by as many, before a brake is
 * pulled: a quiet night does not trip it. */
#define BRAKE_DECISIONS_MIN 100
#define BRAKE_FIRES_MIN     10
#define BRAKE_STEPS         60 /* of a window */

struct brake_counts;

/* NULL: nothing in the policy has a limit. Keeps a reference. */
struct brake_counts *brake_counts_new(struct snapshot *rules);
void brake_counts_free(struct brake_counts *counts); /* NULL is allowed */
/* From zero; NULL is allowed. */
void brake_counts_clear(struct brake_counts *counts);

/* Counts a decision that an engine has just made of this policy. Receive times do not go back.
 * true: limits are exceeded now, which brake_counts_take() tells. */
bool brake_counts_add(struct brake_counts *counts, const struct decision *decision,
                      int64_t receive_time_us);
/* The next limit that is exceeded, as the record that pulls its brake in the arm of these decisions
 * (ARM_NONE: there is no experiment); its fires begin at zero. Texts are the policy's. false: there
 * are no more. */
bool brake_counts_take(struct brake_counts *counts, enum arm arm, struct brake_record *ret_brake);
