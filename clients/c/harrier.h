/* libharrier: asks a Harrier server for decisions on transactions, from C or C++.
 *
 * A client holds one connection to each of its addresses. Calls either wait for their answer
 * (harrier_score() and the others) or are pipelined (harrier_score_submit()): many requests travel
 * on one connection, and a callback gets each answer.
 *
 * Errors: functions that can fail return 0, or the negative of an enum harrier_error_code. On
 * failure *ret_error, unless ret_error is NULL, has the same code, the field at fault and a
 * sentence; all other ret_* outputs are untouched. Running out of memory ends the process.
 *
 * Threads: any number of threads may use a client at once, except harrier_client_free(). A client
 * belongs to the process that made it: after fork(), the child must make its own and may only free
 * the inherited one.
 *
 * Retries: sending a transaction again is safe, whatever happens to the connection. An id is scored
 * once; the same id with the same content gets its first decision back (decision.duplicate).
 *
 * Ownership: the library copies what it needs from its arguments before a function returns. A reply
 * owns everything in it, until harrier_reply_free().
 *
 * Units: names end in them. _us: microseconds, times since 1970-01-01 UTC; _minor: minor units of
 * the currency. Strings are UTF-8 and NUL-terminated; NULL and "" both mean absent.
 *
 * Zero-initialise every struct that you fill in. Structs with reserved members get new fields there
 * in later versions of the library, which take zero for absent, so a program built with this header
 * keeps working. When another struct must change, or the reserved space runs out, the library gets
 * a new soname.
 *
 * Compiles as C99 or C++, and needs only the C library's headers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HARRIER_VERSION_MAJOR  0
#define HARRIER_VERSION_MINOR  1
#define HARRIER_VERSION_PATCH  0
#define HARRIER_VERSION_STRING "0.1.0"

#if defined(__GNUC__)
#define HARRIER_API __attribute__((visibility("default")))
#else
#define HARRIER_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that is loaded, which may be newer than the header: "0.1.0". Static.
 */
HARRIER_API const char *harrier_version(void);

/* ---------------------------------------------------------------------------------------------
 * Errors */

enum harrier_error_code {
    HARRIER_OK = 0,
    HARRIER_ERROR_INVALID = 1,     /* breaks a rule: the same call will fail again */
    HARRIER_ERROR_UNSUPPORTED = 2, /* client and server versions are not compatible */
    HARRIER_ERROR_NOT_FOUND = 3,   /* no such transaction, entity or list */
    HARRIER_ERROR_ID_CONFLICT = 4, /* this id was scored before with other content */
    HARRIER_ERROR_TOO_LARGE = 5,   /* over a limit: bytes, or transactions per call */
    HARRIER_ERROR_DEADLINE = 6,    /* sent, but no answer in time: it may or may not have been
                                      decided; send the same again to find out */
    HARRIER_ERROR_UNAVAILABLE = 7, /* no server took it, or all that did are standbys: it was not
                                      decided, unless the connection broke before an answer came;
                                      send the same again */
    HARRIER_ERROR_INTERNAL = 8,    /* a defect of the server */
    HARRIER_ERROR_PROTOCOL = 9,    /* the answer cannot be decoded, or does not match the request */
    HARRIER_ERROR_BUSY = 10,       /* in_flight_max requests were in flight until the deadline */
    HARRIER_ERROR_DENIED = 11,     /* the token is missing, unknown, or lacks the scope */
    HARRIER_ERROR_CLOSED = 12      /* the client is closed, or was closed during the call */
};

/* Whether the call's transactions were decided. Sending the same again settles it. */
enum harrier_decided {
    HARRIER_DECIDED_NO = 0,     /* certainly not, by this call */
    HARRIER_DECIDED_UNKNOWN = 1 /* possibly */
};

struct harrier_error {
    enum harrier_error_code code;
    enum harrier_decided decided;
    char field[128];    /* the field at fault as policies name it, "currency"; empty when none is */
    char message[1024]; /* one sentence: what was wrong and what was expected */
    void *reserved[4];
};

/* "invalid", "unavailable", …: for logs and metrics. Static; "unknown" for any other number. */
HARRIER_API const char *harrier_error_name(enum harrier_error_code code);

/* ---------------------------------------------------------------------------------------------
 * What is sent. proto/harrier.proto has the limits of each field. The strings and arrays stay
 * yours: they must be valid until the call returns, and no longer, also for harrier_score_submit().
 */

enum harrier_attribute_type {
    HARRIER_ATTRIBUTE_TEXT = 1,
    HARRIER_ATTRIBUTE_INTEGER = 2, /* also timestamps, and decimals in units of their last digit */
    HARRIER_ATTRIBUTE_NUMBER = 3,
    HARRIER_ATTRIBUTE_FLAG = 4
};

/* A field that the server's policy declares. The functions below make one; strings are not copied.
 */
struct harrier_attribute {
    const char *name;
    enum harrier_attribute_type type;
    union {
        const char *text;
        int64_t integer;
        double number;
        bool flag;
    } value;
};

static inline struct harrier_attribute harrier_text(const char *name, const char *text) {
    struct harrier_attribute attribute;
    attribute.name = name;
    attribute.type = HARRIER_ATTRIBUTE_TEXT;
    attribute.value.text = text;
    return attribute;
}
static inline struct harrier_attribute harrier_integer(const char *name, int64_t integer) {
    struct harrier_attribute attribute;
    attribute.name = name;
    attribute.type = HARRIER_ATTRIBUTE_INTEGER;
    attribute.value.integer = integer;
    return attribute;
}
static inline struct harrier_attribute harrier_number(const char *name, double number) {
    struct harrier_attribute attribute;
    attribute.name = name;
    attribute.type = HARRIER_ATTRIBUTE_NUMBER;
    attribute.value.number = number;
    return attribute;
}
static inline struct harrier_attribute harrier_flag(const char *name, bool flag) {
    struct harrier_attribute attribute;
    attribute.name = name;
    attribute.type = HARRIER_ATTRIBUTE_FLAG;
    attribute.value.flag = flag;
    return attribute;
}

struct harrier_transaction {
    const char *id;        /* unique, of your own making, 1 to 128 bytes */
    int64_t event_time_us; /* when it happened: microseconds since 1970-01-01 UTC */
    int64_t amount_minor;  /* in minor units of the currency: EUR 5.00 is 500, JPY 500 is 500 */
    const char *currency;  /* ISO 4217: "EUR"; NULL if no money is involved */
    /* Who and where. Use tokens of your own for cards: the server refuses card numbers. */
    const char *card, *customer, *account, *merchant, *terminal, *device;
    const char *ip;      /* IPv4 or IPv6 */
    const char *country; /* ISO 3166-1 alpha-2: "DE" */
    const char *mcc;     /* ISO 18245: "5411" */
    const char *channel; /* "ecom", "pos", … */
    const char *email, *phone;
    bool has_location;
    int32_t latitude_e7, longitude_e7; /* degrees × 10^7; set has_location */
    const struct harrier_attribute *attributes;
    size_t attribute_count;
    /* Who sends it, by a name of its own ("checkout-3"), and the number that it gives it: 1, rising
     * by one. The server notices numbers that are missing, or come twice. NULL and 0: none. */
    const char *source;
    uint64_t sequence;
    void *reserved[2];
};

enum harrier_label {
    HARRIER_LABEL_NONE = 0, /* withdraws the label reported before */
    HARRIER_LABEL_LEGIT = 1,
    HARRIER_LABEL_FRAUD = 2,
    HARRIER_LABEL_CHARGEBACK = 3,
    HARRIER_LABEL_SUSPECTED = 4
};
#define HARRIER_LABEL_COUNT 5

HARRIER_API const char *harrier_label_name(enum harrier_label label); /* "none", "legit", … */

struct harrier_outcome {
    const char *transaction_id;
    enum harrier_label label;
    int64_t known_time_us; /* when it became known; 0: now */
    const char *source;    /* who reports it: "chargeback-feed" */
    void *reserved[2];
};

enum harrier_amendment_kind {
    HARRIER_AMENDMENT_NONE = 0,
    HARRIER_AMENDMENT_VOID = 1,    /* the transaction never took place */
    HARRIER_AMENDMENT_CAPTURE = 2, /* amount_minor is what was really taken */
    HARRIER_AMENDMENT_REFUND = 3,  /* amount_minor is what has been paid back so far, in total */
    HARRIER_AMENDMENT_RESTORE = 4  /* a void was a mistake */
};

/* "void", …; "" for HARRIER_AMENDMENT_NONE */
HARRIER_API const char *harrier_amendment_kind_name(enum harrier_amendment_kind kind);

/* What became known about a transaction's money. Amounts are totals in minor units of its currency.
 * The amendment that comes last holds: sending that one again changes nothing, but an earlier one
 * sets the total back. */
struct harrier_amendment {
    const char *transaction_id;
    enum harrier_amendment_kind kind;
    int64_t amount_minor;  /* of CAPTURE and REFUND; otherwise 0 */
    int64_t known_time_us; /* when it became known; 0: now */
    const char *source;    /* who reports it: "settlement-feed" */
    const char *currency;  /* of the amount, if known: it must be the transaction's */
    void *reserved[1];
};

/* A transaction of history that comes late, with what is known of it. The ids of the outcome and of
 * the amendment may be NULL. */
struct harrier_backfill_item {
    struct harrier_transaction transaction;
    struct harrier_outcome outcome;     /* .label HARRIER_LABEL_NONE: none is known */
    struct harrier_amendment amendment; /* .kind HARRIER_AMENDMENT_NONE: none is known */
    void *reserved[2];
};

/* ---------------------------------------------------------------------------------------------
 * What comes back. Everything in a reply belongs to it and is valid until harrier_reply_free().
 * Strings in it are never NULL; an absent one is empty. A reply may be read by several threads. */

enum harrier_verdict {
    HARRIER_VERDICT_NONE = 0,
    HARRIER_VERDICT_APPROVE = 1,
    HARRIER_VERDICT_REVIEW = 2,
    HARRIER_VERDICT_CHALLENGE = 3,
    HARRIER_VERDICT_DECLINE = 4
};

HARRIER_API const char *harrier_verdict_name(enum harrier_verdict verdict); /* "approve", …, "" */

struct harrier_reason {
    const char *rule, *text;
    int32_t score;                /* what the rule adds to the score, less `capped` */
    enum harrier_verdict verdict; /* what it asks for; NONE: it only adds to the score */
    bool shadow;                  /* a rule on trial: reported, without effect */
    bool suppressed;              /* it fired for this entity recently: without effect */
    const char *const *tags;
    size_t tag_count;
    const char *group; /* its limit caps the sum of its rules' scores; "": none */
    int32_t capped;    /* the part of score that the group's limit left out */
    enum harrier_verdict verdict_if_live; /* of the decision, had this shadow rule been live */
    void *reserved[2];
};

enum harrier_value_type {
    HARRIER_VALUE_ABSENT = 0,
    HARRIER_VALUE_FLAG = 1,
    HARRIER_VALUE_INTEGER = 2,
    HARRIER_VALUE_NUMBER = 3,
    HARRIER_VALUE_TEXT = 4,
    HARRIER_VALUE_TIMESTAMP = 5, /* microseconds since 1970-01-01 UTC, in .integer */
    HARRIER_VALUE_DURATION = 6   /* microseconds, in .integer */
};

struct harrier_feature {
    const char *name; /* "card.count_10m" */
    enum harrier_value_type type;
    union {
        bool flag;
        int64_t integer;
        double number;
        const char *text;
    } value;
};

struct harrier_decision {
    const char *transaction_id;
    enum harrier_verdict verdict;
    uint32_t score;                       /* 0 (nothing suspicious) to 1,000 */
    const struct harrier_reason *reasons; /* every rule that fired, in the policy's order */
    size_t reason_count;
    uint64_t snapshot_id;   /* the policy that decided; printed as 16 hex digits */
    uint64_t generation_id; /* the tables it was decided on; 0 before the first rebuild */
    uint64_t position;      /* of its record in the server's archive; 0: a dry run */
    bool degraded;          /* decided without something it should have had: degraded_reason */
    const char *degraded_reason;
    bool duplicate; /* this id was scored before, and this is that decision */
    bool dry_run;
    uint32_t server_us;   /* microseconds from the message's arrival to this decision */
    uint32_t rule_errors; /* rules whose evaluation failed: failed_rules has their names */
    const struct harrier_feature *features; /* with return_features */
    size_t feature_count;
    bool fallback;               /* made by the client, because there was no answer */
    const char *fallback_reason; /* the error's name: "deadline", … */
    /* The names of the rules that failed, in the policy's order; the first 16 if more did. None
     * from a server or a record of a version that only counted them. */
    const char *const *failed_rules;
    size_t failed_rule_count;
    /* While a challenger decides for a share of a key: whose share this is, "champion" or
     * "challenger"; else "". */
    const char *arm;
    void *reserved[1];
};

/* The result of one transaction: check error_code before you use the decision. */
struct harrier_result {
    enum harrier_error_code error_code; /* HARRIER_OK: there is a decision */
    enum harrier_decided error_decided;
    const char *error_field, *error_message;
    struct harrier_decision decision;
    void *reserved[2];
};

/* The result of one outcome. */
struct harrier_outcome_result {
    enum harrier_error_code error_code; /* HARRIER_OK: it was accepted */
    enum harrier_decided error_decided;
    const char *error_field, *error_message;
    const char *transaction_id;
    uint64_t position; /* of its record in the archive; 0: nothing changed */
    bool changed;      /* false: the transaction already had this label */
    enum harrier_label previous;
    void *reserved[2];
};

/* What a transaction is by now, in minor units of its currency. */
struct harrier_amended {
    bool voided;
    int64_t amount_minor;   /* taken; as it was scored until a capture */
    int64_t refunded_minor; /* paid back so far */
};

/* The result of one amendment. */
struct harrier_amendment_result {
    enum harrier_error_code error_code; /* HARRIER_OK: it was accepted */
    enum harrier_decided error_decided;
    const char *error_field, *error_message;
    const char *transaction_id;
    uint64_t position; /* of its record in the archive; 0: nothing changed */
    bool changed;      /* false: the transaction was this already */
    struct harrier_amended previous, now;
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
    int64_t ids_since_time_us; /* ids of earlier transactions are no longer known; 0: all are */
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

/* ---- why a transaction was decided as it was ---- */

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

/* ---- transactions of the archive ---- */

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

/* Only the members of the call that was made are set; the others are NULL or 0. */
struct harrier_reply {
    const struct harrier_result *results; /* one per transaction, in their order */
    size_t result_count;
    const struct harrier_outcome_result *outcomes; /* one per outcome, in their order */
    size_t outcome_count;
    const struct harrier_entity *entity;
    const struct harrier_status *status;
    const struct harrier_list_result *list_changes; /* one per change, in their order */
    size_t list_change_count;
    const struct harrier_lists *lists;
    const struct harrier_reload *reload;
    const struct harrier_explanation *explanation;
    const struct harrier_amendment_result *amendments; /* one per amendment, in their order */
    size_t amendment_count;
    const struct harrier_brake_result *brake_change;
    const struct harrier_findings *findings;
    const struct harrier_backfill_result *backfilled; /* one per item, in their order */
    size_t backfilled_count;
};

/* Frees the reply and everything in it. Any thread; also after the client was freed. NULL is
 * allowed. */
HARRIER_API void harrier_reply_free(struct harrier_reply *reply);

/* ---------------------------------------------------------------------------------------------
 * Client */

/* Returns the verdict for a transaction that got no decision; NONE: the call fails with the error.
 * Called by the thread that made the call, or by the library's thread for pipelined ones; several
 * may call it at once. It must be quick and must not use the client. transaction and error are
 * valid until it returns. */
typedef enum harrier_verdict
harrier_fallback_function(const struct harrier_transaction *transaction,
                          const struct harrier_error *error, void *user);

/* Writes the token, NUL-terminated, to token[size]. Called once per request, by several threads at
 * once; it must be quick and must not use the client. */
typedef void harrier_token_function(char *token, size_t size, void *user);

#define HARRIER_METRIC_LABELS_MAX 2
struct harrier_metric_label {
    const char *name, *value;
};
typedef void harrier_metric_function(const char *name, double value,
                                     const struct harrier_metric_label *labels, size_t label_count,
                                     void *user);

/* Receives the client's metrics; clients/README.md has the names. The functions are called within
 * calls, by one thread at a time. They must be quick and must not use the client. Names and labels
 * are valid until a function returns. */
struct harrier_metrics {
    harrier_metric_function *count;   /* add value to a counter */
    harrier_metric_function *observe; /* add value to a histogram */
    harrier_metric_function *set;     /* set a gauge to value */
    void *user;
};

/* TLS 1.2 or later. The server's certificate must be valid, and for the name or number in the
 * address; nothing turns that off. Files are PEM and are read by harrier_client_new() only. */
struct harrier_tls {
    const char *ca_file;          /* who is trusted, in place of the system's authorities */
    const char *certificate_file; /* the client's own and the intermediate ones; NULL: none */
    const char *key_file;         /* its key, without a passphrase */
    const char *server_name;      /* a name in the server's certificate; NULL: the address's host */
    void *reserved[4];
};

#define HARRIER_RETRIES_NONE (-1)

struct harrier_options {
    /* "tcp://127.0.0.1:7731", "tcp://[::1]:7731", "tcp://scoring.internal:7731",
     * "tls+tcp://scoring.example:7730", "ipc:///run/harrier/harrier.sock". Other schemes of nng
     * ("ws://…"), and "nng+tcp://…", use nng's library, if libharrier was built with it. */
    const char *address;
    /* Or several, at most 16, in order of preference: a call goes to the first one that is
     * connected, not failing, and not a standby.
     *
     * Of a cluster, give the addresses of all nodes, as the nodes name each other: a call finds the
     * primary among them by itself, and during a take-over tries until its deadline. The client
     * never connects to an address that is not in the list, also if a server names it. Servers that
     * are not of one cluster are independent: each decides on its own history. */
    const char *const *addresses;
    size_t address_count;
    /* How long a call may take unless it sets its own; 0: 100,000. At most an hour. */
    uint64_t deadline_us;
    /* What scoring returns instead of the errors DEADLINE, UNAVAILABLE, BUSY, INTERNAL and
     * PROTOCOL: decisions with this verdict, or with the one that the function returns, marked
     * `fallback`. Not for dry runs. NONE and NULL: the error. */
    enum harrier_verdict fallback;
    harrier_fallback_function *fallback_function;
    void *fallback_user;
    /* How often a call is sent again after its connection broke or the server answered
     * `unavailable`; 0: 3, HARRIER_RETRIES_NONE: never. The answer of a standby does not count. */
    int retries_max;
    /* Requests in flight at once; 0: 1,024, at most 10,000. */
    unsigned in_flight_max;
    /* When in_flight_max is reached, harrier_score_submit() waits for room (false) or returns
     * HARRIER_ERROR_BUSY at once (true). Calls that wait for their answer always wait for room. */
    bool busy_when_full;
    /* Failures in a row after which an address is not used for a while; 0: 3. */
    unsigned eject_after;
    /* Copied. NULL: none. */
    const struct harrier_metrics *metrics;
    /* Identifies the caller to the server; sent with every request. At most 256 bytes of printable
     * ASCII without spaces. Either a string, which is copied (NULL or "": none), or a function that
     * is called for each request. */
    const char *token;
    harrier_token_function *token_function;
    void *token_user;
    /* For tls+tcp:// addresses. NULL: the system's authorities, no certificate of its own. */
    const struct harrier_tls *tls;
    void *reserved[7];
};

#define HARRIER_DEADLINE_US_MAX UINT64_C(3600000000) /* one hour */

struct harrier_client;

/* Makes a client and begins to connect, without waiting: connections are made in the background of
 * calls and made again when they break. A call that finds none waits for one until its deadline.
 * The options, and the strings in them, are copied. Fails with INVALID for wrong options, or
 * UNAVAILABLE if the process has no descriptor left. */
HARRIER_API int harrier_client_new(const struct harrier_options *options,
                                   struct harrier_client **ret_client,
                                   struct harrier_error *ret_error);

/* Changes the token from the next request on; it is copied. NULL or "": none. Returns
 * -HARRIER_ERROR_INVALID if it is not a valid token, or if options.token_function is set. */
HARRIER_API int harrier_client_set_token(struct harrier_client *client, const char *token);

#define HARRIER_CLOSE_PATIENTLY (-1)

/* Refuses new calls, waits for those under way for at most timeout_us (HARRIER_CLOSE_PATIENTLY:
 * until they have ended, which their deadlines bound), ends the rest with HARRIER_ERROR_CLOSED, and
 * closes the connections. All callbacks have returned when this returns. Other threads may be in
 * calls. Must not be called from a callback. Closing again does nothing. */
HARRIER_API void harrier_client_close(struct harrier_client *client, int64_t timeout_us);

/* Closes the client with timeout 0 and frees it. No other thread may be in a call of it, or make
 * one. Replies stay valid. NULL is allowed. */
HARRIER_API void harrier_client_free(struct harrier_client *client);

/* ---------------------------------------------------------------------------------------------
 * Calls that wait for their answer, at most until their deadline. options may be NULL. On success
 * *ret_reply is yours: free it with harrier_reply_free(). */

struct harrier_call_options {
    /* Counted from the call; 0: the client's. The server learns how much of it is left and does not
     * start what it cannot finish in time. */
    uint64_t deadline_us;
    /* The caller's trace, in the format of W3C Trace Context version 00; an invalid one is ignored.
     */
    const char *traceparent;
    void *reserved[4];
};

struct harrier_score_options {
    uint64_t deadline_us; /* these two as in struct harrier_call_options */
    const char *traceparent;
    bool dry_run;         /* decide, but change nothing */
    bool return_features; /* also return every value that the decision read */
    void *reserved[4];
};

/* Scores 1 to 1,000 transactions, in their order. An invalid one gets an error in its result and
 * does not fail the others. The call fails only as a whole, and only with results for none of them.
 */
HARRIER_API int harrier_score(struct harrier_client *client,
                              const struct harrier_transaction *transactions, size_t count,
                              const struct harrier_score_options *options,
                              struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* Reports 1 to 1,000 outcomes. Reporting one again changes nothing. */
HARRIER_API int harrier_report_outcomes(struct harrier_client *client,
                                        const struct harrier_outcome *outcomes, size_t count,
                                        const struct harrier_call_options *options,
                                        struct harrier_reply **ret_reply,
                                        struct harrier_error *ret_error);

/* Reports 1 to 1,000 amendments, which are applied in their order. */
HARRIER_API int harrier_amend(struct harrier_client *client,
                              const struct harrier_amendment *amendments, size_t count,
                              const struct harrier_call_options *options,
                              struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* Records 1 to 1,000 transactions of history, in their order, with their outcomes and amendments.
 * Features count them at their event times from then on; decisions made before stay. An id that is
 * there already changes nothing. Items that are refused with HARRIER_ERROR_UNAVAILABLE may be sent
 * again later: the server keeps memory for decisions until its next tables. */
HARRIER_API int harrier_backfill(struct harrier_client *client,
                                 const struct harrier_backfill_item *items, size_t count,
                                 const struct harrier_call_options *options,
                                 struct harrier_reply **ret_reply, struct harrier_error *ret_error);

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

/* Why a transaction was decided as it was, derived again from the server's archive: give it time, a
 * minute for a large one. NOT_FOUND: the archive has no transaction with this id; UNAVAILABLE: the
 * server is busy with other explanations. */
HARRIER_API int harrier_explain(struct harrier_client *client, const char *transaction_id,
                                const struct harrier_call_options *options,
                                struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* Transactions of the server's archive, the newest first. Filters that cannot be are INVALID, as is
 * a cursor of a search with other filters; UNAVAILABLE: the server is busy with other searches. */
HARRIER_API int harrier_find(struct harrier_client *client, const struct harrier_find_query *query,
                             const struct harrier_call_options *options,
                             struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* ---------------------------------------------------------------------------------------------
 * Pipelined scoring */

/* Exactly one of reply and error is not NULL. The callback owns reply (harrier_reply_free()); error
 * is valid until it returns.
 *
 * Callbacks run in the library's thread, one at a time, in any order. They must be quick, and must
 * not call functions of this client that wait. They may call harrier_score_submit(), which then
 * does not wait for room but returns HARRIER_ERROR_BUSY. */
typedef void harrier_score_callback(struct harrier_reply *reply, const struct harrier_error *error,
                                    void *user);

/* Scores without waiting for the answer. If it returns 0, the callback runs exactly once, possibly
 * before this returns; otherwise it does not run. transactions are copied. The first call starts
 * the client's one thread, which polls the network for all calls from then on. Requests in flight
 * together may be decided in any order: where the order matters, put the transactions into one
 * call, or wait for the answer. */
HARRIER_API int harrier_score_submit(struct harrier_client *client,
                                     const struct harrier_transaction *transactions, size_t count,
                                     const struct harrier_score_options *options,
                                     harrier_score_callback *callback, void *user,
                                     struct harrier_error *ret_error);

/* Waits until at most in_flight pipelined requests are left whose callbacks have not returned. Must
 * not be called from a callback. */
HARRIER_API void harrier_wait(struct harrier_client *client, size_t in_flight);

/* Waits until all callbacks have returned: harrier_wait(client, 0). */
HARRIER_API void harrier_drain(struct harrier_client *client);

/* ---------------------------------------------------------------------------------------------
 * Batching: calls that several threads make within a short time share one message */

struct harrier_batcher;

struct harrier_batcher_options {
    uint64_t window_us; /* how long a batch stays open after its first call; 0: 1,000; at most
                           1,000,000 */
    unsigned size_max;  /* transactions in a batch; 0: 100; at most 1,000 */
    void *reserved[4];
};

/* options may be NULL. The client must outlive the batcher. */
HARRIER_API int harrier_batcher_new(struct harrier_client *client,
                                    const struct harrier_batcher_options *options,
                                    struct harrier_batcher **ret_batcher,
                                    struct harrier_error *ret_error);

/* Like harrier_score() with one transaction, which gets its own result or error. Any thread. It
 * waits for the batch: the thread whose call opens one sends it. dry_run and return_features are
 * not available. The message has the earliest deadline of its calls, and the first traceparent. */
HARRIER_API int harrier_batcher_score(struct harrier_batcher *batcher,
                                      const struct harrier_transaction *transaction,
                                      const struct harrier_call_options *options,
                                      struct harrier_reply **ret_reply,
                                      struct harrier_error *ret_error);

/* Sends the open batch at once; later calls fail with HARRIER_ERROR_CLOSED. Any thread. */
HARRIER_API void harrier_batcher_close(struct harrier_batcher *batcher);

/* Closes and frees it. No thread may be in a call of it. NULL is allowed. */
HARRIER_API void harrier_batcher_free(struct harrier_batcher *batcher);

#ifdef __cplusplus
}
#endif
