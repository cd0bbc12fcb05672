/* How often each rule fired and failed: metrics whose label, the rule's name, no table can know.
 *
 * A name gets its place at the first policy that has it, when the policy is loaded, and keeps it
 * for the life of the server: a reload neither resets a series nor gives its place to another rule.
 * The first RULE_NAMES_MAX names get one; all later ones share the series "_other", a name that no
 * rule can have.
 *
 * rule_counts_places() resolves the names, so counting needs no look-up: it adds by index, in plain
 * additions, since all counting is done under the decision lock. Writing takes no lock. */
#pragma once

#include "core/base/buffer.h"
#include "core/policy/load/snapshot.h"
#include "core/wire/types/decision.h"

#include <stdint.h>

#define RULE_NAMES_MAX 2000 /* twice as many as a policy can have rules, since names stay */

struct rule_counts;

struct rule_counts *rule_counts_new(void);
void rule_counts_free(struct rule_counts *counts); /* NULL is allowed */

/* The place of each rule of the policy, by the rule's index; to be freed with free(). New names
 * take a place. One thread at a time; others may count and write meanwhile. */
uint16_t *rule_counts_places(struct rule_counts *counts, const struct snapshot *rules);

/* Counts the rules that fired and those that failed in a decision. It is one that an engine has
 * made of the policy with these places. Under the decision lock. */
void rule_counts_add(struct rule_counts *counts, const uint16_t *places,
                     const struct decision *decision);

/* Any thread. */
void rule_counts_write(const struct rule_counts *counts, struct buffer *out);
