/* Can a policy decide in place of another for a share of a key? Beyond being valid, it must:
 *
 *   - take every transaction that the champion takes: nothing may be refused because of its arm
 *   - read only features that the champion declares, under any name: states are folded with the
 *     champion's, and the tables are built with them. A feature that only the challenger has would
 *     never get a history.
 *
 * What it may have of its own: rules, scores, groups, lists, models, derived fields, computed
 * values. Thresholds and budgets that it declares as the champion does have the values in force;
 * others have their fallback and their own cut-offs, since a rebuild computes those of the
 * champion.
 */
#pragma once

#include "core/base/error.h"
#include "core/policy/lists/experiment.h"
#include "core/policy/load/snapshot.h"

/* ERROR_INVALID says what is in the way, and what to do about it. */
int challenger_check(const struct snapshot *champion, const struct snapshot *challenger,
                     struct error *ret_error);

/* The experiment that a champion, a challenger and the options allow. Beyond challenger_check():
 * the key is a text that transactions have, named by itself or by an entity whose key it is, and
 * the name is one. ERROR_INVALID names what is near. */
int challenger_experiment(const struct snapshot *champion, const struct snapshot *challenger,
                          struct text name, struct text key, uint32_t share,
                          struct experiment *ret_experiment, struct error *ret_error);
