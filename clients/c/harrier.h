/* libharrier: asks a Harrier server for decisions on transactions, from C or C++, and reports what
 * became of them. Calls for analysts and operators are in harrier_analyst.h.
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
    HARRIER_ERROR_CLOSED = 12,     /* the client is closed, or was closed during the call */
    HARRIER_ERROR_OVERLOADED = 13 /* the server would not have answered in time: it was not decided;
                                     to send it again at once makes things worse */
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
    /* With OVERLOADED: the verdict that the policy has for what there is no time to decide, or
     * NONE. With HARRIER_ERROR_DEADLINE likewise, if the server answered that. */
    int fallback; /* enum harrier_verdict, which is declared below */
    void *reserved[3];
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
    /* Changes nothing where the transaction has a label already, which the result's `previous` then
     * is. A server that is older than this member replaces the label. */
    bool unless_labelled;
    void *reserved[1];
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
    bool changed;      /* false: it had this label already, or any with unless_labelled */
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

/* Of calls that harrier_analyst.h declares. */
struct harrier_entity;
struct harrier_status;
struct harrier_list_result;
struct harrier_lists;
struct harrier_reload;
struct harrier_explanation;
struct harrier_brake_result;
struct harrier_findings;
struct harrier_backfill_result;

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
    /* What scoring returns instead of the errors DEADLINE, UNAVAILABLE, BUSY, OVERLOADED, INTERNAL
     * and PROTOCOL: decisions with this verdict, or with the one that the function returns, marked
     * `fallback`. A verdict that the server's error has (harrier_error.fallback) takes the place of
     * this one. Not for dry runs. NONE and NULL: the error. */
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

/* ---------------------------------------------------------------------------------------------
 * Pseudonyms */

#define HARRIER_PSEUDONYM_SIZE 48

/* The pseudonym of a value, as the server makes it of a field with `protect: hmac`. key: at least
 * 32 bytes; domain: the field's name, or its protect_as. The value is taken as it is. Writes a text
 * with a NUL. Needs no client; any thread. -HARRIER_ERROR_INVALID. */
HARRIER_API int harrier_pseudonym(const void *key, size_t key_length, const char *key_id,
                                  const char *domain, const char *value,
                                  char ret_pseudonym[HARRIER_PSEUDONYM_SIZE],
                                  struct harrier_error *ret_error);

#ifdef __cplusplus
}
#endif
