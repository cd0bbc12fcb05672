/* One loaded, checked, immutable policy.
 *
 * Files → snapshot_load() → struct snapshot with counted references. Nothing in it changes after
 * the load, so any thread may read it. The frame connects the parts: an array of values, one
 * slot for each name an expression can use, filled from left to right while a transaction is
 * decided:
 *
 *   [0, field_count)            fields: schema_bind() fills them from the transaction
 *   [slot_verdict], [slot_outcome]   text, "none" until known: only filters may read them
 *   [first_fired, …)            bool: did the rule fire? False until known; only filters
 *   [first_feature, …)          features, entity by entity in plan order: engine/ fills them
 *   [first_computed, …)         computed values: engine/ evaluates them in order
 *   [first_model, …)            what the models give (policy_model.h): engine/ evaluates them
 *   [first_threshold, …)        the thresholds' tables (threshold.h), or absent: no name's own
 * value
 *   [first_list, …)             what was added to the lists at run time (list.h), or absent
 */
#pragma once

#include "case.h"
#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/value.h"
#include "core/feature/plan/plan.h"
#include "core/policy/eval/expression.h"
#include "core/policy/eval/reason_piece.h"
#include "core/policy/eval/threshold.h"
#include "core/policy/lang/zone.h"
#include "core/policy/lists/brake.h"
#include "core/policy/lists/list.h"
#include "core/policy/models/policy_model.h"
#include "core/policy/prefilter/prefilter_set.h"
#include "core/wire/record/record.h"
#include "core/wire/types/decision.h"
#include "schema.h"

#include <stdbool.h>
#include <stdint.h>

/* How a plan's entity is fed from a frame. Parallel to plan.entities. */
struct entity_binding {
    size_t key_slots[PLAN_KEY_PARTS_MAX];
    size_t key_slot_count;
    size_t column_slots[PLAN_COLUMNS_MAX];       /* parallel to columns */
    char column_currencies[PLAN_COLUMNS_MAX][4]; /* only transactions in it have the column */
    const struct expression *filters[PLAN_FILTERS_MAX]; /* parallel to filters; bool */
    size_t first_feature;                               /* slot of features[0] */
};

struct computed {
    struct text name;
    const struct expression *expression;
    size_t slot;
    uint64_t definition; /* hash over its expression, with the names in it as names */
};

enum threshold_statistic {
    THRESHOLD_QUANTILE, /* by nearest rank: one of the values */
    THRESHOLD_MAD,      /* median of the distances from the median, both quantiles of a half */
};

/* A number that a rebuild computes over the transactions of a period, and rules read. */
struct threshold {
    struct text name, about;
    enum threshold_statistic statistic;
    uint32_t quantile_e6;           /* 0 < q < 1, × 10^6 */
    const struct expression *of;    /* int or double */
    const struct expression *where; /* bool; NULL: every transaction */
    bool reads_fields_only; /* of and where: no features, so that records alone give its values */
    const size_t *lists;    /* that they read, by index: one may be there several times */
    size_t list_count;
    size_t key_slots[THRESHOLD_KEYS_MAX]; /* of text fields */
    size_t key_count;                     /* 0: one group */
    int64_t over_us;                      /* event times in (newest − over, newest] */
    uint64_t minimum;
    double fallback;
    uint32_t guard_e6;   /* most relative change that is let through, × 10^6 */
    uint64_t definition; /* hash over what its values are computed from */
    size_t slot;         /* first_threshold + its index */
    /* Any number of groups, such as one for each card: their values are in the tables only, and
     * each decision records what it read of them. */
    bool groups_in_tables;
    bool is_scored; /* a live rule's condition reads it, so that scores depend on it */
};

enum budget_kind {
    BUDGET_AT_MOST,   /* at most this share of the transactions reaches the cut-off */
    BUDGET_PRECISION, /* at least this share of those that reach it are fraud */
};

/* A verdict's cut-off on the score, found by a rebuild. */
struct cutoff_budget {
    enum verdict verdict;
    enum budget_kind kind;
    uint32_t share_e6;
    int64_t over_us;
    uint64_t minimum; /* transactions, or outcomes known; fewer: the policy's own cut-off stays */
    uint32_t guard_e6;
    uint64_t definition;
};

enum rule_mode { RULE_LIVE, RULE_SHADOW, RULE_OFF };

enum on_error { ON_ERROR_SKIP, ON_ERROR_REVIEW, ON_ERROR_DECLINE };

/* How the scores of a group's rules are combined. */
enum group_score {
    GROUP_SUM,
    GROUP_MAX, /* the greatest of those that fired */
};

struct rule_group {
    struct text name, about;
    enum group_score score;
    int32_t at_most; /* of it; INT32_MAX: no limit */
    enum rule_mode mode;
};

/* "at_most" of a rule or of the policy: a share of the decisions of a period. More, and a server
 * pulls the brake. */
struct brake_limit {
    uint32_t share_e6; /* × 10^6; 0: there is no limit */
    int64_t per_us;    /* BRAKE_PER_US_MIN…BRAKE_PER_US_MAX */
};

#define BRAKE_PER_US_MIN (INT64_C(60) * 1000000)
#define BRAKE_PER_US_MAX (INT64_C(86400) * 1000000)

#define RULE_ROLLOUT_ALL 10000u /* parts of a rollout: hundredths of a percent */

struct rule {
    struct text name, about;
    const struct expression *when; /* bool */
    enum verdict verdict;          /* VERDICT_NONE: only adds to the score */
    int32_t score;                 /* −1000…1000 */
    enum rule_mode mode;           /* its own or its group's, whichever lets it do less */
    enum on_error on_error;        /* its own or the policy's */
    size_t group;                  /* index into the snapshot's groups; SIZE_MAX: none */
    int64_t from_us, until_us;     /* event times in [from, until) */
    /* The parts of all keys that it is for; the key is the text in rollout_slot, and its part is
     * its hash, seeded with the name's, modulo RULE_ROLLOUT_ALL: docs/POLICY.md. */
    uint32_t rollout;
    size_t rollout_slot;
    uint64_t rollout_seed;
    /* Of the hidden feature that counts how often it fired lately, for one entity: when there is
     * any, it has no effect again. SIZE_MAX: none. */
    size_t suppress_slot;
    struct brake_limit at_most; /* of the decisions in which it fires with effect */
    uint64_t definition;        /* hash over what it does; its name, mode and texts left out */
    uint64_t declaration; /* the same with what its condition reads by name alone; an older hash */
    const struct text *tags;
    size_t tag_count;
    const struct reason_piece *reason;
    size_t reason_count;
    /* The model whose contributions its sentence goes on with: of those with reasons, the first
     * that its condition reads. SIZE_MAX: none. */
    size_t explained_model;
    struct text file; /* that declares it */
    int line;
};

struct snapshot {
    uint64_t id; /* first 64 bits of SHA-256 over paths and contents, in path order */
    struct text name, about;
    struct schema schema;
    struct plan plan;
    struct entity_binding *bindings;
    size_t first_feature, feature_count; /* slots of all entities' features */
    size_t first_computed;
    struct computed *computed;
    size_t computed_count;
    size_t first_model;
    struct policy_model *models; /* in the order of models.yaml */
    size_t model_count;
    size_t model_slot_count; /* of all: one for each output */
    size_t slot_verdict, slot_outcome;
    size_t first_fired, fired_count;
    struct text *fired_rules; /* names that filters ask for with fired(): parallel to the slots */
    size_t slot_count;
    /* "amount", "card.count_10m", "is_night": parallel to the frame. Empty for what is internal:
     * features of suppressions, fired rules. */
    struct text *slot_names;
    size_t first_threshold;
    struct threshold *thresholds; /* in the order of thresholds.yaml, as are the budgets */
    size_t threshold_count;
    struct cutoff_budget *budgets; /* at most one for each verdict */
    size_t budget_count;
    struct list *lists;
    size_t list_count;
    size_t first_list;
    struct zone_table zones; /* its time zones */
    struct rule *rules;      /* in the order of files and lines */
    size_t rule_count;
    const struct prefilter_set *rule_prefilters; /* of their conditions */
    const struct policy_case *cases;             /* in the order of files and lines */
    size_t case_count;
    struct rule_group *groups; /* in the order of policy.yaml */
    size_t group_count;
    /* The smallest score that gives this verdict, until a budget's is computed; 0: the score never
     * does. */
    uint32_t cutoffs[VERDICT_COUNT];
    enum on_error on_error;
    enum verdict fallback; /* of what a server has no time to decide; NONE: the caller's business */
    struct brake_limit at_most;       /* of the decisions that are not approve */
    uint64_t definition, declaration; /* over its rules' hashes, groups and cut-offs */
    uint64_t latency_budget_us;       /* 0: none. latency.h */
    const struct policy_file *files;  /* what it was made from, kept */
    size_t file_count;
};

/* The policy's files, read from its folder: *.yaml, the files that lists.yaml and models.yaml name,
 * and zones, sorted by path. Hidden files and other names are ignored. Limits: policy_limits.h. The
 * files live as long as the folder.
 */
struct policy_folder;
int policy_folder_read(const char *path, struct policy_folder **ret_folder,
                       struct error *ret_error);
void policy_folder_free(struct policy_folder *folder);
const struct policy_file *policy_folder_files(const struct policy_folder *folder,
                                              size_t *ret_count);
/* May a policy's file have this path? It is relative, and no part of it begins with a dot, so it
 * does not lead out of the folder. */
bool policy_path_is_inside(struct text path);

/* Loads and checks. The files are copied. On ERROR_INVALID, *ret_messages (initialised by the
 * caller, appended to) has every error found, each as "path:line:column: what", the line, a caret
 * and what was expected, and ret_error the first of them with the number of others. Warnings go to
 * ret_messages too. */
int snapshot_load(const struct policy_file *files, size_t file_count,
                  struct snapshot **ret_snapshot, struct buffer *ret_messages,
                  struct error *ret_error);

/* The same for files of an archive or of tables, which were accepted once: a failure means that
 * another version did, so it is ERROR_UNSUPPORTED, and says what to do. */
int snapshot_load_archived(const struct policy_file *files, size_t file_count,
                           struct snapshot **ret_snapshot, struct error *ret_error);

/* The same for files that a server is to load from a folder: there a policy must also keep to its
 * latency budget. What an archive holds was in force. */
int snapshot_load_new(const struct policy_file *files, size_t file_count,
                      struct snapshot **ret_snapshot, struct buffer *ret_messages,
                      struct error *ret_error);

/* The same, before the model of this name is trained (model_training.h): its file need not be there
 * and is not read. Instead the model has the inputs that models.yaml binds, and a margin of 0.
 * ERROR_INVALID: also if there is no such model. */
int snapshot_load_untrained(const struct policy_file *files, size_t file_count, struct text model,
                            struct snapshot **ret_snapshot, struct buffer *ret_messages,
                            struct error *ret_error);

/* policy_folder_read() and snapshot_load_new(). */
int snapshot_load_folder(const char *path, struct snapshot **ret_snapshot,
                         struct buffer *ret_messages, struct error *ret_error);

/* The id of the snapshot that these files give, whether they load or not. They are in the order of
 * their paths, as from policy_folder_files() and in records. */
uint64_t snapshot_files_id(const struct policy_file *files, size_t file_count);
/* All of the hash that the id is the beginning of: no two policies have the same, also if somebody
 * tries to make some. */
void snapshot_files_hash(const struct policy_file *files, size_t file_count, uint8_t ret_hash[32]);

/* References may be taken and dropped by any thread. NULL is allowed. */
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);

/* What a brake on the rule, or on the policy as a whole, is for. */
static inline struct brake_target rule_brake_target(const struct rule *rule) {
    return (struct brake_target){
        .rule = rule->name, .definition = rule->definition, .declaration = rule->declaration};
}
static inline struct brake_target snapshot_brake_target(const struct snapshot *snapshot) {
    return (struct brake_target){.definition = snapshot->definition,
                                 .declaration = snapshot->declaration};
}

/* The list of this name; NULL: the policy declares none. */
const struct list *snapshot_list(const struct snapshot *snapshot, struct text name);
/* Likewise of models. */
const struct policy_model *snapshot_model(const struct snapshot *snapshot, struct text name);
