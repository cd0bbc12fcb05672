/* All that a rule's condition reads beyond the transaction's own fields, as a hash: values,
 * features, models, thresholds and lists, what those read in turn, and the rules whose firing is
 * counted. Fields stand in every definition with all that decides them. Left out is what changes
 * while a policy is in force: entries added to lists at run time, computed thresholds, states; and
 * the rates of currencies, which grow by a line each day. Private to policy/. */
#pragma once

#include "core/policy/load/snapshot.h"

struct rule_reads; /* scratch memory for the rules of a snapshot */

/* The slots of the snapshot's frame are known. It must outlive the scratch memory. */
struct rule_reads *rule_reads_new(const struct snapshot *snapshot);
void rule_reads_free(struct rule_reads *reads);

/* 0: nothing. The order in which the policy declares things does not matter. */
uint64_t rule_reads_hash(struct rule_reads *reads, const struct rule *rule);
