/* What was decided about a transaction, and what turned out later, as plain values. Numbers of
 * enums are on the wire and in archives: never change them. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/base/value.h"

#include <stdbool.h>
#include <stdint.h>

/* In rising severity; the numbers are those of harrier.proto. */
enum verdict {
    VERDICT_NONE = 0,
    VERDICT_APPROVE = 1,
    VERDICT_REVIEW = 2,
    VERDICT_CHALLENGE = 3,
    VERDICT_DECLINE = 4,
    VERDICT_COUNT
};

const char *verdict_name(enum verdict verdict); /* "approve"; "" for VERDICT_NONE */

/* Which of the two policies of an experiment decides; the numbers are those of harrier.proto. */
enum arm {
    ARM_NONE = 0, /* there is no experiment, or the transaction has no key */
    ARM_CHAMPION = 1,
    ARM_CHALLENGER = 2,
    ARM_COUNT
};

const char *arm_name(enum arm arm);   /* "champion"; "" for ARM_NONE */
enum arm arm_parse(struct text name); /* ARM_NONE: it is neither */

enum label {
    LABEL_NONE = 0,
    LABEL_LEGIT = 1,
    LABEL_FRAUD = 2,
    LABEL_CHARGEBACK = 3,
    LABEL_SUSPECTED = 4,
    LABEL_COUNT
};

const char *label_name(enum label label); /* "none", "legit", … */
bool label_parse(struct text name, enum label *ret_label);

#define DECISION_SCORE_MAX   1000
#define DECISION_REASONS_MAX 256
#define REASON_TEXT_MAX      512 /* bytes */
/* Failed rules that a decision names: enough to find what is broken. A value that many rules read
 * may fail all of them, in every decision, and each name takes room in the archive. */
#define DECISION_FAILED_RULES_MAX 16

struct reason {
    struct text rule;
    struct text text;
    int32_t score;
    enum verdict verdict;
    bool shadow;
    bool suppressed; /* it fired recently for this entity: reported, without effect */
    /* Of the rule in its snapshot: for counting without looking names up. Not part of the reason:
     * neither archived nor sent. */
    uint32_t index;
    const struct text *tags;
    size_t tag_count;
    struct text group;            /* "": none */
    int32_t capped;               /* the part of score that the group's limit cut off */
    enum verdict verdict_if_live; /* of a shadow rule; NONE: unknown (old records) */
};

/* What a shadow policy would have decided. */
struct shadow_decision {
    uint64_t snapshot_id;
    enum verdict verdict; /* VERDICT_NONE: it would have refused the transaction */
    uint32_t score;
    const uint32_t *rules; /* that had effect: indices into the policy's rules, rising */
    size_t rule_count;
    uint32_t rule_errors;
    bool degraded; /* it lacked features, or they were read beyond the lateness */
};

/* A rule whose condition failed. */
struct rule_failure {
    uint32_t index;  /* of the rule in its snapshot */
    uint32_t reason; /* enum expression_error */
};

/* A value of a group that the decision looked up in the tables: a threshold's with any number of
 * groups. Groups without one are not there. */
struct baseline {
    uint64_t definition; /* of the threshold */
    double value;
};

struct named_value {
    struct text name;
    struct value value;
};

/* Texts and arrays live as long as the arena they were made in, or the snapshot they name. */
struct decision {
    struct text transaction_id;
    enum verdict verdict;
    uint32_t score;
    const struct reason *reasons;
    size_t reason_count;
    uint64_t snapshot_id, generation_id;
    uint64_t position;
    bool degraded;
    struct text degraded_reason;
    bool duplicate, dry_run;
    uint32_t server_us;
    uint32_t rule_errors;
    enum arm arm; /* the owner of the engines chooses it and fills it in */
    /* The names of the rules that failed, DECISION_FAILED_RULES_MAX at most, in the policy's order.
     * Older records have none. */
    const struct text *failed_rules;
    size_t failed_rule_count;
    uint64_t feature_hash;                 /* archived, not sent */
    const struct shadow_decision *shadows; /* likewise */
    size_t shadow_count;
    const struct baseline *baselines; /* likewise; of the policy that decided and of its shadows */
    size_t baseline_count;
    const struct named_value *features;
    size_t feature_count;
    /* Not part of the decision: neither archived nor sent. */
    const struct rule_failure *failures; /* rule_errors of them; NULL: no engine made it */
    uint64_t laid_out; /* by it engine_apply() recognises the engine's last decision; 0: none */
};

/* degraded_reason of a decision on tables older than the server's stale_after. It comes from the
 * server's clock and nothing else in the decision depends on it, so deriving the decision again
 * leaves it out. */
#define DECISION_STALE "stale: the tables are older than stale_after"

/* degraded_reason in the answer to a decision that is not on disk, because the disk fails. Only the
 * answer has it: a record that can be read is on disk. */
#define DECISION_UNSAVED                                                                           \
    "archive: the disk fails; the decision is in memory only, and a crash may lose it"

#define OUTCOME_SOURCE_MAX 128 /* bytes */

struct outcome {
    struct text transaction_id;
    enum label label; /* LABEL_COUNT: decoded from a number that this version does not know */
    int64_t known_time_us;
    struct text source;
    bool unless_labelled; /* changes nothing where there is a label already */
};

/* The rules for every reported outcome; *ret_field as for transaction_check(). */
int outcome_check(const struct outcome *outcome, struct text *ret_field, struct error *ret_error);
