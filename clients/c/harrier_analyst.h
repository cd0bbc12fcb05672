/* libharrier, for analysts and operators: what harrier.h has for services, which this header
 * includes, and beside it the features of an entity, lists, brakes, the server's status, reloads,
 * history that comes late, explanations and searches. Errors, threads, ownership and units are as
 * there.
 *
 * Each call waits for its answer, at most until its deadline. options may be NULL. On success
 * *ret_reply is yours: free it with harrier_reply_free(). */
#pragma once

#include "harrier.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------
 * Features, lists, brakes, the server */

/* The history of one card, customer, … as the server has it. */
struct harrier_entity {
    const struct harrier_feature *features;
    size_t feature_count;
    int64_t newest_time_us;           /* event time of its newest transaction */
    int64_t at_time_us;               /* the features are as of this time */
    uint64_t entries;                 /* transactions in its state */
    uint64_t state_bytes, state_hash; /* size and hash of the encoded state */
};

/* Adds an entry to one of the policy's lists, or removes it, while the server runs. */
struct harrier_list_change {
    const char *list;  /* as the policy names it: "blocked_cards" */
    const char *value; /* "tok_9"; depending on the list's type "192.0.2.0/24" or "1000-1999" */
    bool remove;       /* removes an added entry; the policy's own entries stay */
    int64_t expiry_time_us; /* transactions from then on do not find it; 0: no expiry */
    const char *source;     /* who changes it: "analyst:7" */
    const char *reason;
    void *reserved[2];
};

/* The result of one change. */
struct harrier_list_result {
    enum harrier_error_code error_code; /* HARRIER_OK: it was accepted */
    enum harrier_decided error_decided;
    const char *error_field, *error_message;
    const char *list, *value; /* the value in the list's canonical form */
    uint64_t position;        /* of its record in the archive; 0: nothing changed */
    bool changed;   /* false: already there with this expiry; or not there to be removed */
    bool was_there; /* it had been added before, and expired at: */
    int64_t previous_expiry_time_us;
    bool in_policy; /* the policy's own entries cover all of it */
    void *reserved[2];
};

struct harrier_list {
    const char *name;
    const char *type; /* "string", "network", "int"; empty when the policy does not declare it */
    const char *about;
    bool declared;    /* in the policy in force */
    bool runtime;     /* it may be changed while the server runs */
    const char *file; /* of the policy's own entries */
    uint64_t policy_entries;
    uint64_t added_entries; /* added, and neither removed nor expired */
    uint64_t used_entries;  /* those of them that are valid for the list's type */
    uint64_t changes;       /* in all, and when the last one was received: */
    int64_t last_change_time_us;
};

/* An entry that was added while the server ran. */
struct harrier_list_entry {
    const char *value;
    int64_t expiry_time_us; /* 0: no expiry */
    uint64_t position;      /* of its record in the archive, received at: */
    int64_t receive_time_us;
    const char *source, *reason;
};

struct harrier_lists {
    const struct harrier_list *lists; /* the list that the call names, or all lists */
    size_t list_count;
    const struct harrier_list_entry *entries; /* of the named list, by position */
    size_t entry_count;
    uint64_t next_position; /* after_position for the next page; 0: this was the last one */
};

/* Features that have no history until the next rebuild, and the rules that use them: how many, and
 * the names of the first few. */
struct harrier_warming {
    const char *const *features, *const *rules;
    size_t named_features, named_rules;
    uint64_t feature_count, rule_count;
};

/* A brake that was pulled and not lifted: the rule acts as if in shadow. */
struct harrier_brake {
    const char *rule;    /* "": the policy as a whole */
    uint64_t definition; /* a hash of the declaration that it is for */
    bool applies;        /* to the policy in force; false: it declares the rule differently */
    int64_t pulled_time_us;
    uint64_t position;  /* of its record in the archive */
    const char *source; /* who pulled it; "": the server */
    const char *reason; /* the person's, or what exceeded at_most */
};

/* A brake to be pulled or lifted. */
struct harrier_brake_change {
    const char *rule; /* NULL or "": with policy */
    bool policy;      /* the policy as a whole: each of its rules */
    bool pull;        /* false: lift it */
    /* To lift one for another declaration than that of the policy in force; 0: for that one. */
    uint64_t definition;
    const char *source, *reason; /* who and why; may be NULL */
    void *reserved[4];
};

/* The result of harrier_change_brake(). */
struct harrier_brake_result {
    bool changed;        /* false: it was so already */
    uint64_t position;   /* of its record in the archive; 0: nothing changed */
    uint64_t definition; /* that the brake is, or was, for */
};

struct harrier_source_range {
    uint64_t first, last; /* both included */
};

/* What the numbers of a source say, in the whole archive. */
struct harrier_source {
    const char *source;
    uint64_t transactions; /* with and without a number */
    int64_t last_receive_time_us;
    uint64_t first, highest; /* since the numbering last began anew; 0: no number has come */
    uint64_t gaps;           /* ranges of numbers that did not come in time */
    uint64_t missed;         /* the numbers in them */
    uint64_t late;           /* those of them that came after all */
    uint64_t repeats;        /* numbers that came again, with another transaction */
    uint64_t restarts;       /* how often the numbering began anew */
    const struct harrier_source_range *missing; /* the last ranges, at most 10, rising */
    size_t missing_count;
};

/* A challenger decides in place of the policy in force for a share of a key. */
struct harrier_experiment {
    const char *name; /* "": there is none, and the rest means nothing */
    const char *key;  /* the field whose value chooses the arm */
    uint32_t share;   /* of the challenger, in ten-thousandths */
    const char *policy_name;
    uint64_t snapshot_id; /* of the challenger */
    uint64_t position;    /* of its record in the archive */
    int64_t since_time_us;
    uint64_t champion_decisions, challenger_decisions; /* since then, or the server's start */
};

struct harrier_status {
    const char *version;
    const char *state; /* "starting", "ready", "standby", "draining", "unavailable" */
    const char *state_reason;
    int64_t started_time_us;
    const char *policy_name;
    uint64_t snapshot_id;
    const char *reload_error; /* why the last reload was refused; "": it was not */
    uint64_t generation_id, generation_position;
    int64_t generation_time_us;
    uint64_t position, synced_position;   /* the archive's last record, and the last one synced */
    uint64_t transactions, outcomes;      /* in the archive */
    uint64_t labels[HARRIER_LABEL_COUNT]; /* transactions by current label; [NONE] is always 0 */
    int64_t newest_event_time_us;
    uint64_t overlay_entities, overlay_bytes;
    uint64_t state_hash;           /* with with_state_hash */
    uint64_t duplicates, rejected; /* since the server's start */
    bool stale;                    /* the tables are too old: decisions are marked degraded */
    uint64_t overlay_memory_bytes; /* an estimate, including keys and ids */
    const char *swap_state;        /* of the swap to a new generation: "idle", "catching up", … */
    const char *swap_reason;       /* its progress, or why it was refused */
    uint64_t compared_entities,
        differing_entities;        /* live states against rebuilt ones, at the last swap */
    int64_t refused_since_time_us; /* since when reloads have been refused; 0: they are not */
    struct harrier_warming warming;
    /* Of a server whose archive is replicated; "" and 0 of others. */
    const char *node;    /* its name in the cluster */
    const char *primary; /* the address of the server that decides, as far as this one knows */
    uint64_t committed_position;        /* the last record known to be committed on the log */
    const struct harrier_brake *brakes; /* the first 100, in the order of positions */
    size_t described_brakes;
    uint64_t brake_count; /* all of them */
    /* The sources of transactions, at most 256, and how many transactions had another one. */
    const struct harrier_source *sources;
    size_t source_count;
    uint64_t other_source_transactions;
    struct harrier_experiment experiment;
    const char *challenger_error; /* why the configured challenger does not decide; "": it does */
    int64_t backup_time_us;       /* when the newest whole backup began; 0: none is known */
    uint64_t backup_position;     /* the last record in it */
    int64_t ids_since_time_us;    /* ids of earlier transactions are no longer known; 0: all are */
};

enum harrier_reload_result {
    HARRIER_RELOAD_NONE = 0, /* the call did not wait */
    HARRIER_RELOAD_ADOPTED = 1,
    HARRIER_RELOAD_UNCHANGED = 2, /* the files are those of the policy in force */
    HARRIER_RELOAD_REFUSED = 3    /* it has errors, or a case fails; the policy in force stays */
};

/* "adopted", "unchanged", … */
HARRIER_API const char *harrier_reload_result_name(enum harrier_reload_result result);

/* The result of loading one policy folder. */
struct harrier_folder_reload {
    const char *folder; /* set for shadow policies only */
    enum harrier_reload_result result;
    const char *policy_name; /* in force now; snapshot_id 0: none from this folder */
    uint64_t snapshot_id;
    const char *error;    /* if refused: one sentence */
    const char *messages; /* several lines: all errors, warnings and failing cases */
};

struct harrier_reload {
    struct harrier_folder_reload policy;
    struct harrier_warming warming;
    const struct harrier_folder_reload *shadows; /* in the order of the server's options */
    size_t shadow_count;
};

/* Reads the features of one entity. key: one string for each field of the entity's key, mostly one.
 * at_time_us: as of when; 0: as of its newest transaction. */
HARRIER_API int harrier_get_entity(struct harrier_client *client, const char *entity,
                                   const char *const *key, size_t key_count, int64_t at_time_us,
                                   const struct harrier_call_options *options,
                                   struct harrier_reply **ret_reply,
                                   struct harrier_error *ret_error);

/* Makes 1 to 1,000 changes to the policy's lists, in their order. Making one again changes nothing,
 * so sending again is safe here, too. */
HARRIER_API int harrier_change_lists(struct harrier_client *client,
                                     const struct harrier_list_change *changes, size_t count,
                                     const struct harrier_call_options *options,
                                     struct harrier_reply **ret_reply,
                                     struct harrier_error *ret_error);

/* Reads one list and a page of its added entries: those after an archive position (0: from the
 * first), at most `limit` (up to 1,000; 0: 1,000). Pass lists->next_position for the next page.
 * list NULL: all lists, without entries. */
HARRIER_API int harrier_get_list(struct harrier_client *client, const char *list,
                                 uint64_t after_position, unsigned limit,
                                 const struct harrier_call_options *options,
                                 struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* Pulls or lifts the brake of a rule. NOT_FOUND: the policy has no such rule. Doing it again
 * changes nothing, so sending again is safe here, too. */
HARRIER_API int harrier_change_brake(struct harrier_client *client,
                                     const struct harrier_brake_change *change,
                                     const struct harrier_call_options *options,
                                     struct harrier_reply **ret_reply,
                                     struct harrier_error *ret_error);

/* with_state_hash: also hash the states of all entities. That reads all of them: set a deadline of
 * minutes on a large server. */
HARRIER_API int harrier_status(struct harrier_client *client, bool with_state_hash,
                               const struct harrier_call_options *options,
                               struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* Makes the server load its policy and its shadow policies again. wait: return when it is done,
 * which may take seconds. A refused policy is not a failure of the call: see the reply. */
HARRIER_API int harrier_reload(struct harrier_client *client, bool wait,
                               const struct harrier_call_options *options,
                               struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* ---------------------------------------------------------------------------------------------
 * History that comes late */

/* A transaction of history that comes late, with what is known of it. The ids of the outcome and of
 * the amendment may be NULL. */
struct harrier_backfill_item {
    struct harrier_transaction transaction;
    struct harrier_outcome outcome;     /* .label HARRIER_LABEL_NONE: none is known */
    struct harrier_amendment amendment; /* .kind HARRIER_AMENDMENT_NONE: none is known */
    void *reserved[2];
};

/* The result of one item of history. */
struct harrier_backfill_result {
    enum harrier_error_code error_code; /* HARRIER_OK: it was accepted */
    enum harrier_decided error_decided;
    const char *error_field, *error_message;
    const char *transaction_id;
    uint64_t position; /* of its record in the archive */
    bool duplicate;    /* its id was there before */
    enum harrier_verdict verdict;
    uint32_t score;
    bool outcome_recorded, amendment_recorded;
    void *reserved[2];
};

/* Records 1 to 1,000 transactions of history, in their order, with their outcomes and amendments.
 * Features count them at their event times from then on; decisions made before stay. An id that is
 * there already changes nothing. Items that are refused with HARRIER_ERROR_UNAVAILABLE may be sent
 * again later: the server keeps memory for decisions until its next tables. */
HARRIER_API int harrier_backfill(struct harrier_client *client,
                                 const struct harrier_backfill_item *items, size_t count,
                                 const struct harrier_call_options *options,
                                 struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* ---------------------------------------------------------------------------------------------
 * Why a transaction was decided as it was */

/* What a part of an expression is. Later versions may add more: treat an unknown one as OTHER. */
enum harrier_explained_kind {
    HARRIER_EXPLAINED_OTHER = 0, /* arithmetic, a function, an index */
    HARRIER_EXPLAINED_NAME = 1,  /* a field, feature or computed value */
    HARRIER_EXPLAINED_HAS = 2,
    HARRIER_EXPLAINED_LIST = 3,      /* in lists.NAME */
    HARRIER_EXPLAINED_THRESHOLD = 4, /* thresholds.NAME[...] */
    HARRIER_EXPLAINED_COMPARISON = 5,
    HARRIER_EXPLAINED_AND = 6,
    HARRIER_EXPLAINED_OR = 7,
    HARRIER_EXPLAINED_NOT = 8,
    HARRIER_EXPLAINED_CONDITIONAL = 9,
    HARRIER_EXPLAINED_MACRO = 10,
    HARRIER_EXPLAINED_EACH = 11 /* what a macro evaluates: the values for its items, as a list */
};

enum harrier_threshold_origin {
    HARRIER_ORIGIN_NONE = 0,     /* the part is not a threshold, or has no value */
    HARRIER_ORIGIN_FALLBACK = 1, /* the policy's own value: too little data to compute one */
    HARRIER_ORIGIN_OVERALL = 2,  /* computed with the tables, over all groups */
    HARRIER_ORIGIN_GROUP = 3     /* computed with the tables, for this group */
};

/* An expression as a list of its parts, in the order of the text: each part is followed by its own
 * parts, which are one level deeper. Literals are left out. */
struct harrier_explained_part {
    const char *text; /* as written in the policy */
    unsigned depth;   /* 0: the whole expression */
    enum harrier_explained_kind kind;
    const char *type; /* of the value: "bool", ..., "list", "map" (printed), "absent", "error" */
    struct harrier_feature value; /* without a name */
    const char *error;            /* "division by zero" */
    bool reached;                 /* it was evaluated: no part before it had settled the result */
    bool decides;                 /* the result of the whole follows from it */
    const char *list;             /* the list that is searched */
    bool added; /* found there, and only because of what was added while the server ran */
    enum harrier_threshold_origin origin;
};

enum harrier_rule_mode { HARRIER_RULE_LIVE = 0, HARRIER_RULE_SHADOW = 1, HARRIER_RULE_OFF = 2 };

enum harrier_rule_fate {
    HARRIER_FATE_FALSE = 0,      /* its condition is false */
    HARRIER_FATE_ABSENT = 1,     /* its condition depends on a value that is absent */
    HARRIER_FATE_ERROR = 2,      /* its condition could not be evaluated */
    HARRIER_FATE_FIRED = 3,      /* with its effect */
    HARRIER_FATE_SHADOW = 4,     /* fired, but is on trial: without effect */
    HARRIER_FATE_SUPPRESSED = 5, /* fired, as it did recently: without effect */
    HARRIER_FATE_OFF = 6,        /* switched off */
    HARRIER_FATE_EARLY = 7,      /* the transaction is before the rule's from_us ... */
    HARRIER_FATE_OVER = 8,       /* ... or after its until_us */
    HARRIER_FATE_LEFT_OUT = 9    /* its rollout does not include this key */
};
/* "false", "fired", ... */
HARRIER_API const char *harrier_rule_fate_name(enum harrier_rule_fate fate);

struct harrier_explained_rule {
    const char *name, *about, *file;
    unsigned line;
    enum harrier_rule_mode mode;
    enum harrier_rule_fate fate;
    enum harrier_verdict verdict, verdict_on_error; /* what it asks for; NONE: no verdict */
    int32_t score;
    const char *group;
    const char *reason; /* if it fired */
    int32_t capped;     /* the part of score that the group's limit left out */
    enum harrier_verdict verdict_if_live;
    int64_t from_us, until_us; /* event times that it applies to; 0: no bound */
    unsigned rollout;          /* share of the keys that it applies to, in 1/10,000 */
    const char *rollout_key;   /* the field with these keys */
    const struct harrier_explained_part *parts; /* of its condition; the first is the whole */
    size_t part_count;
    bool braked; /* in shadow by a brake; live in the policy */
};

struct harrier_explained_computed {
    const char *name;
    const struct harrier_explained_part *parts;
    size_t part_count;
};

/* What the inputs of a model contributed to one of its outputs: SHAP values. Bias and contributions
 * add up to the margin, up to rounding. */
struct harrier_explained_model {
    const char *name;                     /* "models.fraud" */
    const struct harrier_feature *inputs; /* greatest contribution first */
    const double *contributions;          /* parallel */
    size_t input_count;
    double bias, margin;
};

struct harrier_explained_group {
    const char *name, *about;
    bool greatest;          /* the greatest of its rules' scores counts; else their sum */
    bool limited;           /* to at_most */
    int32_t at_most;        /* points */
    int64_t asked, counted; /* points before and after the limit */
};

struct harrier_explained_cutoff {
    enum harrier_verdict verdict;
    uint32_t score; /* from this score on */
    bool computed;  /* by a rebuild, to keep the policy's budget */
};

struct harrier_explained_shadow {
    const char *name;
    uint64_t snapshot_id;
    enum harrier_verdict verdict; /* NONE: the policy refuses the transaction */
    uint32_t score;
    const char *const *rules; /* that fired with effect */
    size_t rule_count;
    uint32_t rule_errors;
    bool degraded;
    const char *arm; /* "": a shadow policy; else the other side of the experiment */
};

/* How one policy decides the transaction. */
struct harrier_explained_policy {
    const char *name;
    uint64_t snapshot_id;
    const char *refusal, *refused_field;  /* why it refuses it; then nothing else is set */
    struct harrier_decision decision;     /* derived, with all features */
    const struct harrier_feature *fields; /* the transaction's fields, as expressions read them */
    size_t field_count;
    const struct harrier_explained_computed *computed; /* values that the policy computes */
    size_t computed_count;
    const struct harrier_explained_rule *rules; /* all, in the policy's order */
    size_t rule_count;
    const struct harrier_explained_group *groups;
    size_t group_count;
    const struct harrier_explained_cutoff *cutoffs; /* in order of severity */
    size_t cutoff_count;
    const struct harrier_explained_shadow *shadows;
    size_t shadow_count;
    const char *const *warming; /* features without history in the tables */
    size_t warming_count;
    const struct harrier_explained_model *models; /* one for each output */
    size_t model_count;
};

/* An entity whose history was read. */
struct harrier_explained_entity {
    const char *name, *key;
    uint64_t entries;       /* transactions in its state */
    int64_t newest_time_us; /* event time of the newest; 0: none */
    uint64_t applied;       /* records applied on top of what the tables had */
    bool in_tables;         /* the tables had a state of it */
};

/* A label that was reported for the transaction later. */
struct harrier_explained_outcome {
    uint64_t position;
    int64_t receive_time_us, known_time_us;
    enum harrier_label previous, label;
    const char *source;
};

/* An amendment that was reported for the transaction later. */
struct harrier_explained_amendment {
    uint64_t position;
    int64_t receive_time_us, known_time_us;
    struct harrier_amended previous, now;
    const char *source;
};

struct harrier_explanation {
    struct harrier_transaction transaction;
    uint64_t position; /* of its archive record */
    int64_t receive_time_us;
    struct harrier_decision archived; /* without features */
    bool equal;                       /* derived and archived decision are identical */
    const char *difference;           /* if not, in words: archived -> derived */
    uint64_t policy_position;         /* the archive's record of the policy */
    /* The tables it was decided on, the position they were built up to, and the position of the
     * record of their adoption; 0: none. */
    uint64_t generation_id, generation_position, adopted_position;
    uint64_t base_position; /* the history was read from after this position */
    uint64_t records_read, records_applied;
    const struct harrier_explained_entity *entities;
    size_t entity_count;
    const struct harrier_explained_outcome *outcomes;
    size_t outcome_count;
    const char *const *notes; /* sentences on the limits of this explanation */
    size_t note_count;
    struct harrier_explained_policy then;       /* the policy that decided */
    const struct harrier_explained_policy *now; /* today's policy; NULL in a server's answer */
    const struct harrier_explained_amendment *amendments;
    size_t amendment_count;
    const char *experiment; /* whose arm the decision names; "": none */
};

/* Why a transaction was decided as it was, derived again from the server's archive: give it time, a
 * minute for a large one. NOT_FOUND: the archive has no transaction with this id; UNAVAILABLE: the
 * server is busy with other explanations. */
HARRIER_API int harrier_explain(struct harrier_client *client, const char *transaction_id,
                                const struct harrier_call_options *options,
                                struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* ---------------------------------------------------------------------------------------------
 * Transactions of the archive */

struct harrier_find_key {
    const char *field; /* "card", "customer", …: a text field of struct harrier_transaction */
    const char *value; /* what it is, byte by byte */
};

/* All filters given must hold; zero is no filter. Times are [from, until); other ranges include
 * both ends. */
struct harrier_find_query {
    int64_t from_us, until_us;                   /* event times */
    int64_t received_from_us, received_until_us; /* times of receipt */
    uint32_t verdicts;                           /* 1 << HARRIER_VERDICT_…, or several */
    uint32_t labels; /* 1 << HARRIER_LABEL_…, or several: what is known by now; NONE: nothing is */
    bool has_score, has_amount;
    uint32_t score_min, score_max;
    int64_t amount_min_minor, amount_max_minor; /* of the amount that was scored; needs currency */
    const char *currency;
    const char *rule; /* that fired and had effect */
    bool shadow;      /* with rule: it may also have fired in shadow, or been suppressed */
    const struct harrier_find_key *keys; /* at most 12 */
    size_t key_count;
    const char *transaction_id;
    uint32_t limit;     /* at most 1,000; 0: 100 */
    const char *cursor; /* of the page before, with the same filters; NULL: the first page */
    void *reserved[4];
};

struct harrier_found {
    struct harrier_transaction transaction;
    struct harrier_decision decision; /* as archived, without features */
    int64_t receive_time_us;
    enum harrier_label label; /* known by now; NONE: the two times are 0 */
    int64_t outcome_receive_time_us, outcome_known_time_us;
    bool is_amended; /* else the next two mean nothing */
    struct harrier_amended amended;
    int64_t amended_time_us;
    bool is_backfilled; /* history that came late: nobody acted on the decision */
};

struct harrier_findings {
    const struct harrier_found *found; /* the newest first */
    size_t found_count;
    const char *cursor; /* of the next page; "": there is none */
    bool incomplete;    /* fewer than the limit, although the cursor continues */
};

/* Transactions of the server's archive, the newest first. Filters that cannot be are INVALID, as is
 * a cursor of a search with other filters; UNAVAILABLE: the server is busy with other searches. */
HARRIER_API int harrier_find(struct harrier_client *client, const struct harrier_find_query *query,
                             const struct harrier_call_options *options,
                             struct harrier_reply **ret_reply, struct harrier_error *ret_error);

#ifdef __cplusplus
}
#endif
