/* libharrier: asks a Harrier server about transactions, from C.
 *
 * A client holds one connection to each of its addresses. It may be used by several threads at
 * once. Calls either wait for their answer (harrier_score() and its kin) or are pipelined
 * (harrier_score_submit()): many requests travel on the one connection and a callback gets each
 * answer. A client belongs to the process that made it: after fork(), the child makes its own (it
 * may free the other).
 *
 * Functions that can fail return 0, or the negative of an enum harrier_error_code; then *ret_error
 * (may be NULL) has the same code, the field at fault and a sentence. ret_* outputs are untouched
 * on failure.
 *
 * Sending again is safe: a transaction is scored once, whatever happens to the connection. The same
 * id with the same content gets its first decision back (decision.duplicate).
 *
 * Strings are UTF-8 and NUL-terminated. A NULL or empty one is absent.
 *
 * Zero-initialise the structs that you fill in. Structs end with room for fields to come: a later
 * version of the library takes a zero there for absent, so a program that was built with this
 * header goes on working. When the room does not suffice, the library gets another soname.
 *
 * Needs nothing but the C library to compile against, in C99 or C++. */
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

/* Of the library, not of the header: "0.1.0". */
HARRIER_API const char *harrier_version(void);

/* ---------------------------------------------------------------------------------------------
 * Errors */

enum harrier_error_code {
    HARRIER_OK = 0,
    HARRIER_ERROR_INVALID = 1,     /* breaks a rule; the same call will fail again */
    HARRIER_ERROR_UNSUPPORTED = 2, /* client and server are of versions that do not fit */
    HARRIER_ERROR_NOT_FOUND = 3,   /* no such transaction, entity or list */
    HARRIER_ERROR_ID_CONFLICT = 4, /* this transaction id was scored before with other content */
    HARRIER_ERROR_TOO_LARGE = 5,   /* over a limit: bytes, transactions of a call */
    HARRIER_ERROR_DEADLINE = 6,    /* sent, but no answer in time: it may or may not have been
                                      decided; send the same again to find out */
    HARRIER_ERROR_UNAVAILABLE = 7, /* no server took it: it was not decided, unless the connection
                                      broke before an answer came; send the same again */
    HARRIER_ERROR_INTERNAL = 8,    /* a defect of the server */
    HARRIER_ERROR_PROTOCOL = 9,    /* what came back is no answer to what was asked */
    HARRIER_ERROR_BUSY = 10,       /* as many in flight as allowed, until the deadline or at once */
    HARRIER_ERROR_DENIED = 11,     /* the token is missing, not known, or without the scope */
    HARRIER_ERROR_CLOSED = 12      /* the client is closed, or was closed under the call */
};

/* Were the call's transactions decided? To send the same again settles it. */
enum harrier_decided {
    HARRIER_DECIDED_NO = 0,     /* certainly not, by this call */
    HARRIER_DECIDED_UNKNOWN = 1 /* they may have been */
};

struct harrier_error {
    enum harrier_error_code code;
    enum harrier_decided decided;
    char field[128];    /* the field at fault as policies name it, "currency"; empty when none is */
    char message[1024]; /* one sentence: what was wrong and what was expected */
    void *reserved[4];
};

/* "invalid", "unavailable", …: for logs and metrics. */
HARRIER_API const char *harrier_error_name(enum harrier_error_code code);

/* ---------------------------------------------------------------------------------------------
 * What is sent. The server's documentation and proto/harrier.proto have the limits of each field.
 */

enum harrier_attribute_type {
    HARRIER_ATTRIBUTE_TEXT = 1,
    HARRIER_ATTRIBUTE_INTEGER = 2, /* also decimals in units of their last digit, and timestamps */
    HARRIER_ATTRIBUTE_NUMBER = 3,
    HARRIER_ATTRIBUTE_FLAG = 4
};

/* A field that the server's policy declares. Make one with the functions below. */
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
    const char *id;        /* yours, unique, 1 to 128 bytes */
    int64_t event_time_us; /* when it happened: microseconds since 1970-01-01 UTC */
    int64_t amount_minor;  /* in minor units of the currency: EUR 5.00 is 500, JPY 500 is 500 */
    const char *currency;  /* ISO 4217: "EUR"; NULL when there is no money in it */
    /* Who and where. Tokens of your own making: a card number is refused. */
    const char *card, *customer, *account, *merchant, *terminal, *device;
    const char *ip;      /* IPv4 or IPv6 */
    const char *country; /* ISO 3166-1 alpha-2: "DE" */
    const char *mcc;     /* ISO 18245: "5411" */
    const char *channel; /* "ecom", "pos", … */
    const char *email, *phone;
    bool has_location;
    int32_t latitude_e7, longitude_e7; /* degrees × 10^7 */
    const struct harrier_attribute *attributes;
    size_t attribute_count;
    void *reserved[4];
};

enum harrier_label {
    HARRIER_LABEL_NONE = 0, /* takes back what was reported before */
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
    const char *source;    /* who says so: "chargeback-feed" */
    void *reserved[2];
};

/* ---------------------------------------------------------------------------------------------
 * What comes back. Everything in a reply belongs to it and lives until harrier_reply_free().
 * Strings are never NULL there; an absent one is empty. */

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
    int32_t score;                /* what the rule adds to the score, but for `capped` */
    enum harrier_verdict verdict; /* what it asked for; NONE when it only adds to the score */
    bool shadow;                  /* on trial: reported, without effect */
    bool suppressed;              /* it fired lately: reported, without effect */
    const char *const *tags;
    size_t tag_count;
    const char *group; /* whose limit may cap the scores of its rules together; "": none */
    int32_t capped;    /* of score, what the group's limit left out */
    enum harrier_verdict verdict_if_live; /* the decision's, had this shadow rule been live */
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
    uint64_t snapshot_id;   /* the policy that decided; people write it as 16 hex digits */
    uint64_t generation_id; /* the tables it decided on; 0 before the first rebuild */
    uint64_t position;      /* in the server's archive; 0 for a dry run */
    bool degraded; /* decided with less than everything; degraded_reason says without what */
    const char *degraded_reason;
    bool duplicate; /* this id was scored before; this is that decision */
    bool dry_run;
    uint32_t server_us;                     /* from the message's arrival to this decision */
    uint32_t rule_errors;                   /* rules whose evaluation failed */
    const struct harrier_feature *features; /* if asked for */
    size_t feature_count;
    bool fallback;               /* made by the client, as its options say; there was no answer */
    const char *fallback_reason; /* the error's name: "deadline", … */
    void *reserved[4];
};

/* One transaction's result: look at error_code first. */
struct harrier_result {
    enum harrier_error_code error_code; /* HARRIER_OK: there is a decision */
    enum harrier_decided error_decided;
    const char *error_field, *error_message;
    struct harrier_decision decision;
    void *reserved[2];
};

/* One outcome's result. */
struct harrier_outcome_result {
    enum harrier_error_code error_code; /* HARRIER_OK: it was accepted */
    enum harrier_decided error_decided;
    const char *error_field, *error_message;
    const char *transaction_id;
    uint64_t position; /* the archive's record of it; 0 when nothing changed */
    bool changed;      /* false: the transaction had this label already */
    enum harrier_label previous;
    void *reserved[2];
};

/* What the server knows of one card, customer, … */
struct harrier_entity {
    const struct harrier_feature *features;
    size_t feature_count;
    int64_t newest_time_us; /* event time of its newest transaction */
    int64_t at_time_us;     /* the features are as of then */
    uint64_t entries, state_bytes, state_hash;
};

/* An entry of one of the policy's lists, added or taken back while the server runs. */
struct harrier_list_change {
    const char *list;       /* as the policy names it: "blocked_cards" */
    const char *value;      /* "tok_9"; by the list's type "192.0.2.0/24", "1000-1999" */
    bool remove;            /* takes an addition back; the policy's own entries stay */
    int64_t expiry_time_us; /* transactions from then on do not find it; 0: it has no end */
    const char *source;     /* who says so: "analyst:7" */
    const char *reason;     /* why */
    void *reserved[2];
};

/* One change's result. */
struct harrier_list_result {
    enum harrier_error_code error_code; /* HARRIER_OK: it was accepted */
    enum harrier_decided error_decided;
    const char *error_field, *error_message;
    const char *list, *value; /* the value in the one way that the list writes it */
    uint64_t position;        /* the archive's record of it; 0 when nothing changed */
    bool changed;   /* false: it was there already, with this end; or was not there to be removed */
    bool was_there; /* it had been added before; then this was its end until now: */
    int64_t previous_expiry_time_us;
    bool in_policy; /* the policy's own entries hold all of it */
    void *reserved[2];
};

struct harrier_list {
    const char *name;
    const char *type; /* "string", "network", "int"; empty when the policy does not declare it */
    const char *about;
    bool declared;
    bool runtime;     /* it takes changes */
    const char *file; /* of its own entries, and how many there are */
    uint64_t policy_entries;
    uint64_t added_entries; /* that were added and are there */
    uint64_t used_entries;  /* of those, the ones that a list of this type can hold */
    uint64_t changes;       /* of all time, and when the last one was received */
    int64_t last_change_time_us;
};

/* An entry that was added. */
struct harrier_list_entry {
    const char *value;
    int64_t expiry_time_us; /* 0: it has no end */
    uint64_t position;      /* of its record in the archive, and when that was received */
    int64_t receive_time_us;
    const char *source, *reason;
};

struct harrier_lists {
    const struct harrier_list *lists; /* the one that was asked about, or all */
    size_t list_count;
    const struct harrier_list_entry *entries; /* of the one, by position */
    size_t entry_count;
    uint64_t next_position; /* to go on from; 0: that was all */
};

/* What has no history until a rebuild: the first names of each, and how many there are. */
struct harrier_warming {
    const char *const *features, *const *rules; /* the rules that use the features */
    size_t named_features, named_rules;
    uint64_t feature_count, rule_count;
};

struct harrier_status {
    const char *version;
    const char *state; /* "starting", "ready", "draining", "unavailable" */
    const char *state_reason;
    int64_t started_time_us;
    const char *policy_name;
    uint64_t snapshot_id;
    const char *reload_error; /* why the last reload was refused */
    uint64_t generation_id, generation_position;
    int64_t generation_time_us;
    uint64_t position, synced_position; /* of the archive: the last record, the last one on disk */
    uint64_t transactions, outcomes;    /* in the archive */
    uint64_t labels[HARRIER_LABEL_COUNT]; /* transactions by current label; [NONE] is 0 */
    int64_t newest_event_time_us;
    uint64_t overlay_entities, overlay_bytes;
    uint64_t state_hash;           /* if asked for */
    uint64_t duplicates, rejected; /* since the server's start */
    bool stale;                    /* decisions are marked so: the tables are too old */
    uint64_t overlay_memory_bytes; /* about, with keys and ids */
    const char *swap_state;        /* of taking up a new generation: "idle", "catching up", … */
    const char *swap_reason;       /* how far it is, or why it was refused */
    uint64_t compared_entities, differing_entities; /* live against rebuilt, at the last swap */
    int64_t refused_since_time_us; /* since when reloads have been refused; 0: the last was not */
    struct harrier_warming warming;
};

enum harrier_reload_result {
    HARRIER_RELOAD_NONE = 0, /* it was not waited for */
    HARRIER_RELOAD_ADOPTED = 1,
    HARRIER_RELOAD_UNCHANGED = 2, /* the files are those of the policy in use */
    HARRIER_RELOAD_REFUSED = 3    /* it does not check, or a case fails; the one in use stays */
};

/* "adopted", "unchanged", … */
HARRIER_API const char *harrier_reload_result_name(enum harrier_reload_result result);

/* What came of one folder. */
struct harrier_folder_reload {
    const char *folder; /* only of a shadow policy */
    enum harrier_reload_result result;
    const char *policy_name; /* in use now; snapshot_id 0: none of this folder */
    uint64_t snapshot_id;
    const char *error;    /* refused: one sentence */
    const char *messages; /* several lines: all faults, warnings and cases that fail */
};

struct harrier_reload {
    struct harrier_folder_reload policy;
    struct harrier_warming warming;
    const struct harrier_folder_reload *shadows; /* in the order of the server's options */
    size_t shadow_count;
};

/* ---- why a transaction was decided as it was ---- */

/* What a part of an expression is. More may be added: take one you do not know for OTHER. */
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
    HARRIER_ORIGIN_NONE = 0,     /* the part is no threshold, or has no value */
    HARRIER_ORIGIN_FALLBACK = 1, /* the policy's own: nothing, or too little, was computed */
    HARRIER_ORIGIN_OVERALL = 2,  /* computed with the tables, over all groups */
    HARRIER_ORIGIN_GROUP = 3     /* computed with the tables, for this group */
};

/* Parts follow each other as they are written, each one's own parts behind it and one deeper.
 * Literals are left out. */
struct harrier_explained_part {
    const char *text; /* as the policy has it */
    unsigned depth;   /* 0: the whole expression */
    enum harrier_explained_kind kind;
    const char *type; /* of the value: "bool", ..., "list", "map" (printed), "absent", "error" */
    struct harrier_feature value; /* without a name */
    const char *error;            /* "division by zero" */
    bool reached;     /* it had to be looked at: nothing before it had settled the whole */
    bool decides;     /* the whole is what it is because of it */
    const char *list; /* that is looked in */
    bool added;       /* it is in there, and only by what was added while the server ran */
    enum harrier_threshold_origin origin;
};

enum harrier_rule_mode { HARRIER_RULE_LIVE = 0, HARRIER_RULE_SHADOW = 1, HARRIER_RULE_OFF = 2 };

enum harrier_rule_fate {
    HARRIER_FATE_FALSE = 0,      /* its condition is false */
    HARRIER_FATE_ABSENT = 1,     /* its condition hangs on something that is absent */
    HARRIER_FATE_ERROR = 2,      /* its condition could not be evaluated */
    HARRIER_FATE_FIRED = 3,      /* and had its effect */
    HARRIER_FATE_SHADOW = 4,     /* it would have fired: on trial */
    HARRIER_FATE_SUPPRESSED = 5, /* it fired lately: without effect */
    HARRIER_FATE_OFF = 6,        /* switched off */
    HARRIER_FATE_EARLY = 7,      /* the transaction is before its time, or behind it: */
    HARRIER_FATE_OVER = 8,
    HARRIER_FATE_LEFT_OUT = 9 /* its rollout does not reach this key */
};
/* "false", "fired", ... */
HARRIER_API const char *harrier_rule_fate_name(enum harrier_rule_fate fate);

struct harrier_explained_rule {
    const char *name, *about, *file;
    unsigned line;
    enum harrier_rule_mode mode;
    enum harrier_rule_fate fate;
    enum harrier_verdict verdict, verdict_on_error; /* what it asks for; NONE: nothing */
    int32_t score;
    const char *group;
    const char *reason; /* when it fired */
    int32_t capped;     /* of score, what the group's limit left out */
    enum harrier_verdict verdict_if_live;
    int64_t from_us, until_us; /* event times that it is for; 0: no bound */
    unsigned rollout;          /* hundredths of a percent of the keys that it is for */
    const char *rollout_key;   /* the field they are the values of */
    const struct harrier_explained_part *parts; /* of its condition; the first is the whole */
    size_t part_count;
};

struct harrier_explained_computed {
    const char *name;
    const struct harrier_explained_part *parts;
    size_t part_count;
};

struct harrier_explained_group {
    const char *name, *about;
    bool greatest; /* of its rules' scores counts; else their sum */
    bool limited;  /* to this: */
    int32_t at_most;
    int64_t asked, counted;
};

struct harrier_explained_cutoff {
    enum harrier_verdict verdict;
    uint32_t score; /* the smallest that gives it */
    bool computed;  /* by a rebuild, for the policy's budget */
};

struct harrier_explained_shadow {
    const char *name;
    uint64_t snapshot_id;
    enum harrier_verdict verdict; /* NONE: it refuses the transaction */
    uint32_t score;
    const char *const *rules; /* that had their effect */
    size_t rule_count;
    uint32_t rule_errors;
    bool degraded;
};

/* What a policy makes of the transaction. */
struct harrier_explained_policy {
    const char *name;
    uint64_t snapshot_id;
    const char *refusal, *refused_field;  /* why it does not take it; then nothing else is set */
    struct harrier_decision decision;     /* derived, with all features */
    const struct harrier_feature *fields; /* the transaction's, as expressions read them */
    size_t field_count;
    const struct harrier_explained_computed *computed; /* values that the policy computes */
    size_t computed_count;
    const struct harrier_explained_rule *rules; /* all, in the policy's order */
    size_t rule_count;
    const struct harrier_explained_group *groups;
    size_t group_count;
    const struct harrier_explained_cutoff *cutoffs; /* in rising severity */
    size_t cutoff_count;
    const struct harrier_explained_shadow *shadows;
    size_t shadow_count;
    const char *const *warming; /* features without history in the tables */
    size_t warming_count;
};

/* An entity whose history was read. */
struct harrier_explained_entity {
    const char *name, *key;
    uint64_t entries;       /* transactions that its state held; the newest was at: */
    int64_t newest_time_us; /* 0: none */
    uint64_t applied;       /* records that were applied to what the tables had */
    bool in_tables;
};

/* What was said about the transaction later. */
struct harrier_explained_outcome {
    uint64_t position;
    int64_t receive_time_us, known_time_us;
    enum harrier_label previous, label;
    const char *source;
};

struct harrier_explanation {
    struct harrier_transaction transaction;
    uint64_t position; /* of its archive record */
    int64_t receive_time_us;
    struct harrier_decision archived; /* without features */
    bool equal;                       /* what was derived is what is archived, to the bit */
    const char *difference;           /* else in words: archived -> derived */
    uint64_t policy_position;         /* the archive's record of the policy */
    /* The tables it decided on, what they were built up to, the record of their adoption; 0: none
     */
    uint64_t generation_id, generation_position, adopted_position;
    uint64_t base_position; /* the history was folded from behind here */
    uint64_t records_read, records_applied;
    const struct harrier_explained_entity *entities;
    size_t entity_count;
    const struct harrier_explained_outcome *outcomes;
    size_t outcome_count;
    const char *const *notes; /* sentences that one has to know to read the rest */
    size_t note_count;
    struct harrier_explained_policy then;
    const struct harrier_explained_policy *now; /* NULL in a server's answer */
};

/* Of these parts only that of the call made is there. */
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
};

HARRIER_API void harrier_reply_free(struct harrier_reply *reply); /* NULL is allowed */

/* ---------------------------------------------------------------------------------------------
 * Client */

/* Chooses the verdict for a transaction that got no decision. NONE: the error stands. Called by the
 * thread that made the call, or by the library's own for pipelined ones; it must be quick and must
 * not use the client. */
typedef enum harrier_verdict
harrier_fallback_function(const struct harrier_transaction *transaction,
                          const struct harrier_error *error, void *user);

/* Writes the token to show, NUL-terminated, to size bytes. Called by several threads at once. */
typedef void harrier_token_function(char *token, size_t size, void *user);

#define HARRIER_METRIC_LABELS_MAX 2
struct harrier_metric_label {
    const char *name, *value;
};
typedef void harrier_metric_function(const char *name, double value,
                                     const struct harrier_metric_label *labels, size_t label_count,
                                     void *user);

/* Gets the client's figures; clients/README.md has the names. Called within calls, by one thread at
 * a time: the functions must be quick and must not use the client. */
struct harrier_metrics {
    harrier_metric_function *count;   /* add value to a counter */
    harrier_metric_function *observe; /* add it to a histogram */
    harrier_metric_function *set;     /* set a gauge */
    void *user;
};

#define HARRIER_RETRIES_NONE (-1)

struct harrier_options {
    /* "tcp://127.0.0.1:7731", "tcp://[::1]:7731", "tcp://scoring.internal:7731",
     * "ipc:///run/harrier/harrier.sock". What else nng can dial ("ws://…") is left to nng, if the
     * library was built with it; so is "nng+tcp://…". Certificates cannot be given: TLS takes a
     * terminator on this side. */
    const char *address;
    /* Or several, in the order of preference: a call goes to the first one that is connected and
     * does not fail. The servers are independent: they share no history, so what another one
     * decides it decides on its own. At most 16. */
    const char *const *addresses;
    size_t address_count;
    /* How long a call may take when it does not say otherwise; 0: 100,000. */
    uint64_t deadline_us;
    /* What harrier_score() and pipelined scoring return in the place of DEADLINE, UNAVAILABLE,
     * BUSY, INTERNAL and PROTOCOL: decisions with this verdict, or with the one that the function
     * returns, marked as `fallback`. Not for dry runs. NONE and NULL: the error. */
    enum harrier_verdict fallback;
    harrier_fallback_function *fallback_function;
    void *fallback_user;
    /* Times that a call is sent again after its connection broke or the server said `unavailable`;
     * 0: 3, HARRIER_RETRIES_NONE: never. */
    int retries_max;
    /* Requests that may be under way; 0: 1,024, at most 10,000. */
    unsigned in_flight_max;
    /* When that many are: harrier_score_submit() waits for room (false), or returns
     * HARRIER_ERROR_BUSY at once (true). Calls that wait for their answer always wait. */
    bool busy_when_full;
    /* Failures in a row after which an address is left out for a while; 0: 3. */
    unsigned eject_after;
    /* Copied. NULL: none. */
    const struct harrier_metrics *metrics;
    /* Who asks: sent with every request; at most 256 bytes of printable ASCII,
     * without spaces. A text, which is
     * copied (NULL or "": none), or a function that is asked for each request. */
    const char *token;
    harrier_token_function *token_function;
    void *token_user;
    void *reserved[8];
};

#define HARRIER_DEADLINE_US_MAX UINT64_C(3600000000) /* one hour */

struct harrier_client;

/* Does not wait for a connection: it is made beside the calls, and made again whenever it breaks.
 * Calls made without one wait for it until their deadline. The options are copied. */
HARRIER_API int harrier_client_new(const struct harrier_options *options,
                                   struct harrier_client **ret_client,
                                   struct harrier_error *ret_error);

/* Another token from the next request on; NULL or "": none. -HARRIER_ERROR_INVALID when it is no
 * token, or options.token_function was given. Any thread. */
HARRIER_API int harrier_client_set_token(struct harrier_client *client, const char *token);

#define HARRIER_CLOSE_PATIENTLY (-1)

/* Refuses new calls, lets those under way end for at most timeout_us (HARRIER_CLOSE_PATIENTLY:
 * until they have; their deadlines bound it), ends the rest with HARRIER_ERROR_CLOSED, and closes
 * the connections. All callbacks have returned when this does. Other threads may be in calls; not
 * from a callback. Closing again does nothing. */
HARRIER_API void harrier_client_close(struct harrier_client *client, int64_t timeout_us);

/* Closes it (timeout 0), and frees it: no thread may be in a call or make one. NULL is allowed. */
HARRIER_API void harrier_client_free(struct harrier_client *client);

/* ---------------------------------------------------------------------------------------------
 * Calls that wait for their answer. Options may be NULL. */

struct harrier_call_options {
    /* Counts from the call; 0: the client's. The server is told how much of it is left and does not
     * start what it cannot finish in time. */
    uint64_t deadline_us;
    /* The caller's trace, as W3C Trace Context version 00 has it; one that is not so is left out.
     */
    const char *traceparent;
    void *reserved[4];
};

struct harrier_score_options {
    uint64_t deadline_us; /* these two as above */
    const char *traceparent;
    bool dry_run;         /* decide, but change nothing */
    bool return_features; /* also return every value that the decisions saw */
    void *reserved[4];
};

/* 1 to 1,000 transactions, decided in their order. One that is wrong has its error in its result
 * and does not fail the others; the call fails only as a whole. */
HARRIER_API int harrier_score(struct harrier_client *client,
                              const struct harrier_transaction *transactions, size_t count,
                              const struct harrier_score_options *options,
                              struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* 1 to 1,000 outcomes. Reporting one again changes nothing. */
HARRIER_API int harrier_report_outcomes(struct harrier_client *client,
                                        const struct harrier_outcome *outcomes, size_t count,
                                        const struct harrier_call_options *options,
                                        struct harrier_reply **ret_reply,
                                        struct harrier_error *ret_error);

/* key: one string for each field that makes up the entity's key, mostly one. at_time_us 0: as of
 * its newest transaction. */
HARRIER_API int harrier_get_entity(struct harrier_client *client, const char *entity,
                                   const char *const *key, size_t key_count, int64_t at_time_us,
                                   const struct harrier_call_options *options,
                                   struct harrier_reply **ret_reply,
                                   struct harrier_error *ret_error);

/* 1 to 1,000 changes of the policy's lists, made in their order. Making one again changes nothing:
 * so sending again is safe here, too. */
HARRIER_API int harrier_change_lists(struct harrier_client *client,
                                     const struct harrier_list_change *changes, size_t count,
                                     const struct harrier_call_options *options,
                                     struct harrier_reply **ret_reply,
                                     struct harrier_error *ret_error);

/* One list with the entries that were added behind an archive position (0: the first ones), limit
 * of them at most (up to 1,000; 0: 1,000); lists->next_position is where the next page begins. list
 * NULL: all lists, without entries. */
HARRIER_API int harrier_get_list(struct harrier_client *client, const char *list,
                                 uint64_t after_position, unsigned limit,
                                 const struct harrier_call_options *options,
                                 struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* with_state_hash: also hash the states of all entities, which reads everything; give it time. */
HARRIER_API int harrier_status(struct harrier_client *client, bool with_state_hash,
                               const struct harrier_call_options *options,
                               struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* Has the server load its policy and its shadow policies again. wait: until it is done; give it
 * time. A refused policy is no failure of the call. */
HARRIER_API int harrier_reload(struct harrier_client *client, bool wait,
                               const struct harrier_call_options *options,
                               struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* Why a transaction was decided as it was, derived again from the server's archive: give it time, a
 * minute for a large one. NOT_FOUND: the archive has no transaction with this id; UNAVAILABLE: the
 * server is busy with other explanations. */
HARRIER_API int harrier_explain(struct harrier_client *client, const char *transaction_id,
                                const struct harrier_call_options *options,
                                struct harrier_reply **ret_reply, struct harrier_error *ret_error);

/* ---------------------------------------------------------------------------------------------
 * Pipelined scoring */

/* reply belongs to the callback from here on (harrier_reply_free()); it is NULL when error is not.
 * error lives until the callback returns.
 *
 * Runs in the thread of the library, in any order. It must be quick, and may call
 * harrier_score_submit(), which does not wait for room there but returns HARRIER_ERROR_BUSY; no
 * function of this client that waits. */
typedef void harrier_score_callback(struct harrier_reply *reply, const struct harrier_error *error,
                                    void *user);

/* Returns as soon as the request is on its way; transactions are copied. The first use begins the
 * library's one thread of this client, which reads and writes for all calls from then on. After 0
 * the callback runs exactly once; after a failure it does not. Requests that travel together may be
 * decided in any order: where the order matters, put the transactions into one call, or wait. */
HARRIER_API int harrier_score_submit(struct harrier_client *client,
                                     const struct harrier_transaction *transactions, size_t count,
                                     const struct harrier_score_options *options,
                                     harrier_score_callback *callback, void *user,
                                     struct harrier_error *ret_error);

/* Waits until at most in_flight pipelined requests have callbacks that have not returned yet. */
HARRIER_API void harrier_wait(struct harrier_client *client, size_t in_flight);

/* Waits until all callbacks have returned: harrier_wait(client, 0). */
HARRIER_API void harrier_drain(struct harrier_client *client);

/* ---------------------------------------------------------------------------------------------
 * Batching: calls that several threads make within a short time travel as one message */

struct harrier_batcher;

struct harrier_batcher_options {
    uint64_t window_us; /* how long a batch stays open after its first call; 0: 1,000, at most a
                           second */
    unsigned size_max;  /* transactions of a batch; 0: 100, at most 1,000 */
    void *reserved[4];
};

/* options may be NULL. The client must outlive it. */
HARRIER_API int harrier_batcher_new(struct harrier_client *client,
                                    const struct harrier_batcher_options *options,
                                    struct harrier_batcher **ret_batcher,
                                    struct harrier_error *ret_error);

/* As harrier_score() of one transaction; its own result or error. Waits for the batch: a batcher
 * has no thread, the one whose call opens a batch sends it. Without dry_run and return_features.
 * The message has the deadline that ends first, and the first traceparent. */
HARRIER_API int harrier_batcher_score(struct harrier_batcher *batcher,
                                      const struct harrier_transaction *transaction,
                                      const struct harrier_call_options *options,
                                      struct harrier_reply **ret_reply,
                                      struct harrier_error *ret_error);

/* Sends what it holds; later calls get HARRIER_ERROR_CLOSED. */
HARRIER_API void harrier_batcher_close(struct harrier_batcher *batcher);

/* Closes it; no thread may be in a call of it. NULL is allowed. */
HARRIER_API void harrier_batcher_free(struct harrier_batcher *batcher);

#ifdef __cplusplus
}
#endif
