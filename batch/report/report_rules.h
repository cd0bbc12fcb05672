/* What each rule of the replayed policy did: integer sums as in report_tally.h, kept per policy (a
 * replay under the archive's own policies has several) and combined by rule name at the end.
 * Private to the report.
 *
 * A rule fires when its condition is true for a transaction that it applies to. It is then
 * suppressed, in shadow, or has effect. What a rule adds are the alerts that would be approvals
 * without it: its verdict and its score (within its group and the group's limit) are taken away and
 * the remaining rules evaluated again. What a rule in shadow adds, conversely, are the alerts there
 * would be if it were live. If a rule failed whose on_error asks for a verdict, no live rule is
 * credited: a decision does not record which rule failed. */
#pragma once

#include "core/engine/engine.h"
#include "report_tally.h"

/* With more rules than this, overlaps (which rules fire together) are not counted: the matrix grows
 * with the square. */
#define REPORT_OVERLAP_RULES_MAX 512

struct report_rule_tally {
    uint64_t fires, suppressed;
    /* Of the fires that were not suppressed: */
    uint64_t alone; /* no other rule had effect */
    uint64_t classes[REPORT_CLASSES];
    report_sum caught; /* amounts of positives */
    uint64_t added_alerts, added_positive;
    report_sum added_caught;
};

/* The sums over the rows that one policy decided. */
struct report_rule_sums {
    const struct snapshot *snapshot;
    uint64_t first_position; /* of its first row */
    struct report_rule_tally *rules;
    uint64_t *overlap; /* rows where both fire, i ≤ j, at j(j + 1)/2 + i; NULL: too many rules */
    struct group_total *groups; /* scratch for evaluating the remaining rules */
    bool asks_on_error;         /* a live rule asks for a verdict when it fails */
};

void report_rule_sums_init(struct report_rule_sums *sums, const struct snapshot *snapshot,
                           uint64_t first_position);
void report_rule_sums_deinit(struct report_rule_sums *sums);
/* Adds one row. fired: as in replay_row; decision: derived by this policy in this engine. */
void report_rule_sums_add(struct report_rule_sums *sums, const struct report_fact *fact,
                          const struct engine *engine, const struct decision *decision,
                          const uint32_t *fired, size_t fired_count);
/* Both are of one policy. */
void report_rule_sums_merge(struct report_rule_sums *to, const struct report_rule_sums *from);

/* See report_tally.h. Decode into new sums of the same policy. */
void report_rule_sums_encode(const struct report_rule_sums *sums, struct buffer *out);
void report_rule_sums_decode(struct report_rule_sums *sums, struct cursor *cursor);

struct report_rule {
    const struct rule *rule; /* as the last policy has it */
    struct text group;       /* "": none */
    struct report_rule_tally tally;
};

struct report_rules {
    struct report_rule *rules; /* in the order of the policies' first rows, then of the policies */
    size_t count;
    uint64_t *overlap; /* count × count; NULL: too many */
};

/* Sums of different policies, in the order of their first rows. */
void report_rules_init(struct report_rules *rules, const struct report_rule_sums *const *all_sums,
                       size_t sums_count);
void report_rules_deinit(struct report_rules *rules);
