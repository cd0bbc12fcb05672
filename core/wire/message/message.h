/* Requests and responses: plain structs ↔ the bytes of harrier.proto.
 *
 * Decoding trusts nothing: sizes are limited before anything is unpacked, unpacking goes into a
 * bounded arena, and everything decoded lives in that arena, never in the input bytes. Encoding
 * needs no arena: the caller's texts only have to live for the call. All functions are pure; any
 * thread. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/wire/bytes/list_part.h"
#include "core/wire/bytes/source_state.h"
#include "core/wire/types/amendment.h"
#include "core/wire/types/brake_change.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/explanation.h"
#include "core/wire/types/find.h"
#include "core/wire/types/list_change.h"
#include "core/wire/types/transaction.h"

#define MESSAGE_PROTOCOL 1
/* In bytes; a request with 1,000 ordinary transactions has 300 KB. */
#define MESSAGE_SIZE_MAX          (2u << 20)
#define MESSAGE_RESPONSE_SIZE_MAX (8u << 20)

/* Limits for the arena to decode into, in bytes. Every request of 1,000 transactions with 64
 * attributes each that is within MESSAGE_SIZE_MAX fits, and every ordinary response within its
 * size; a response of nothing but tiny features may not, and is then ERROR_TOO_LARGE. */
#define MESSAGE_ARENA_LIMIT          ((size_t)32 << 20)
#define MESSAGE_RESPONSE_ARENA_LIMIT ((size_t)128 << 20)

#define ENTITY_KEY_PARTS_MAX 16

/* In the order of their field numbers in Request; the numbers here are ours alone and are not sent.
 */
enum call {
    CALL_NONE,
    CALL_SCORE,
    CALL_REPORT_OUTCOME,
    CALL_GET_ENTITY,
    CALL_STATUS,
    CALL_CHANGE_LIST,
    CALL_GET_LIST,
    CALL_RELOAD,
    CALL_EXPLAIN,
    CALL_AMEND,
    CALL_CHANGE_BRAKE,
    CALL_FIND,
    CALL_BACKFILL,
    CALL_COUNT
};

const char *call_name(enum call call); /* "score", "report_outcome", … for metrics and messages */

/* Below, the calls and their answers as plain values: field by field the messages of harrier.proto,
 * which has the meaning, unit and default of each. Texts and arrays of what is decoded live in the
 * arena; of what is encoded they are the caller's. */
struct score_request {
    const struct transaction *transactions;
    size_t transaction_count;
    bool dry_run, return_features;
};

struct outcome_request {
    const struct outcome *outcomes;
    size_t outcome_count;
};

struct entity_request {
    struct text entity;     /* as the policy names it */
    const struct text *key; /* one part for each field of the key */
    size_t key_count;       /* 1…ENTITY_KEY_PARTS_MAX */
    int64_t at_time_us;     /* event time; 0: of the newest transaction */
};

struct status_request {
    bool state_hash; /* slow: reads all states */
};

struct list_change_request {
    const struct list_change *changes;
    size_t change_count;
};

struct list_request {
    struct text list;        /* empty: all, without entries */
    uint64_t after_position; /* of the archive: .next_position of the page before; 0: the first */
    uint32_t limit;          /* 0: LIST_PAGE_MAX */
};

struct reload_request {
    bool wait; /* for the result */
};

struct explain_request {
    struct text transaction_id;
};

struct amend_request {
    const struct amendment *amendments;
    size_t amendment_count;
};

/* Neither the outcome nor the amendment needs an id of its own: they are the transaction's. */
struct backfill_item {
    struct transaction transaction;
    bool has_outcome;
    struct outcome outcome;
    bool has_amendment;
    struct amendment amendment;
};

struct backfill_request {
    const struct backfill_item *items;
    size_t item_count;
};

struct request {
    uint64_t deadline_us;    /* from the arrival of the message; 0: none */
    struct text token;       /* as sent, unchecked */
    struct text traceparent; /* as sent, unchecked */
    enum call call;          /* which member of the union is set */
    union {
        struct score_request score;
        struct outcome_request outcome;
        struct entity_request entity;
        struct status_request status;
        struct list_change_request list_change;
        struct list_request list;
        struct reload_request reload;
        struct explain_request explain;
        struct amend_request amend;
        struct brake_change brake_change;
        struct find_query find;
        struct backfill_request backfill;
    };
};

/* An error as it is sent: enum error_code limited to the members that the wire has; others become
 * internal. */
struct wire_error {
    enum error_code code;  /* 0: no error */
    struct text field;     /* "": not about a single field */
    struct text message;   /* one sentence, cut to 1,000 bytes when it is encoded */
    struct text primary;   /* with ERROR_NOT_PRIMARY: address of the server that decides, or "" */
    enum verdict fallback; /* with ERROR_OVERLOADED and ERROR_DEADLINE: the policy's, or none */
};

struct score_result {
    struct wire_error error; /* .code 0: look at decision */
    struct decision decision;
};

struct outcome_result {
    struct wire_error error; /* .code 0: look at the rest */
    struct text transaction_id;
    uint64_t position; /* of the outcome's record; 0: nothing changed */
    bool changed;
    enum label previous;
};

struct amendment_result {
    struct wire_error error; /* .code 0: look at the rest */
    struct text transaction_id;
    uint64_t position; /* of the amendment's record; 0: nothing changed */
    bool changed;
    struct amended previous, now;
};

struct backfill_result {
    struct wire_error error; /* .code 0: look at the rest */
    struct text transaction_id;
    uint64_t position; /* of the transaction's record */
    bool duplicate;
    enum verdict verdict;
    uint32_t score;
    bool outcome_recorded, amendment_recorded;
};

struct entity_response {
    const struct named_value *features;
    size_t feature_count;
    int64_t newest_time_us; /* event time of the newest transaction */
    uint64_t entries;       /* transactions that the state holds */
    uint64_t state_bytes;
    uint64_t state_hash; /* XXH3 of the canonical bytes */
    int64_t at_time_us;  /* event time that the features are for */
};

/* Features without history until the next rebuild, and the rules that use them: the number of each,
 * and the first names. */
#define WARMING_NAMES_MAX 50
struct warming {
    const struct text *features, *rules;
    size_t named_features, named_rules;
    uint64_t feature_count, rule_count;
};

/* A brake in force. */
struct status_brake {
    struct text rule; /* "": the policy as a whole */
    uint64_t definition, position;
    bool applies; /* to the policy in force */
    int64_t pulled_time_us;
    struct text source, reason;
};

#define STATUS_BRAKES_MAX 100 /* that are described */

/* What a source's numbers say. */
#define STATUS_SOURCES_MAX 256
#define STATUS_RANGES_MAX  10
struct status_source {
    struct text source;
    uint64_t transactions;
    int64_t last_receive_us;
    uint64_t first, highest; /* 0: no number has come */
    uint64_t gaps, missed, late, repeats, restarts;
    struct source_range missing[STATUS_RANGES_MAX];
    size_t missing_count;
};

/* The challenger that decides for a share of a key. */
struct status_experiment {
    struct text name, key; /* name "": there is none */
    uint32_t share;        /* of EXPERIMENT_SHARE_ALL */
    struct text policy_name;
    uint64_t snapshot_id, position;
    int64_t since_us;
    uint64_t decisions[ARM_COUNT]; /* by arm; [ARM_NONE] is not sent */
};

struct status_response {
    struct text version, state, state_reason;
    int64_t started_time_us;
    struct text policy_name;
    uint64_t snapshot_id;
    struct text reload_error;
    int64_t refused_since_time_us;
    struct warming warming;
    uint64_t generation_id, generation_position;
    int64_t generation_time_us;
    uint64_t position, synced_position, transactions, outcomes;
    uint64_t labels[LABEL_COUNT]; /* transactions by current label; [LABEL_NONE] is not sent */
    int64_t newest_event_time_us;
    uint64_t overlay_entities, overlay_bytes, state_hash;
    uint64_t duplicates, rejected;
    bool stale;
    uint64_t overlay_memory_bytes;
    struct text swap_state, swap_reason;
    uint64_t compared_entities, differing_entities;
    struct text node, primary; /* of a server with a replicated archive */
    uint64_t committed_position;
    const struct status_brake *brakes; /* STATUS_BRAKES_MAX at most */
    size_t described_brakes;
    uint64_t brake_count;                /* all of them */
    const struct status_source *sources; /* STATUS_SOURCES_MAX at most */
    size_t source_count;
    uint64_t other_source_transactions;
    struct status_experiment experiment;
    struct text challenger_error;
    int64_t backup_time_us; /* 0: none is known */
    uint64_t backup_position;
    int64_t ids_since_us; /* 0: all are known */
};

struct list_change_result {
    struct wire_error error; /* .code 0: look at the rest */
    struct text list, value; /* the value in the canonical form of the list */
    uint64_t position;       /* of the change's record; 0: nothing changed */
    bool changed, was_there, in_policy;
    int64_t previous_expiry_time_us;
};

struct list_summary {
    struct text list, type, about, file;
    bool declared, runtime;
    uint64_t policy_entries, added_entries, used_entries, changes;
    int64_t last_change_time_us;
};

struct list_response {
    const struct list_summary *lists;
    size_t list_count;
    const struct list_addition *entries;
    size_t entry_count;
    uint64_t next_position; /* of the next page; 0: there is none */
};

enum reload_result {
    RELOAD_NONE, /* not waited for */
    RELOAD_ADOPTED,
    RELOAD_UNCHANGED,
    RELOAD_REFUSED,
    RELOAD_RESULT_COUNT
};

const char *reload_result_name(enum reload_result result); /* "adopted", … */

/* Bytes of the messages of a check, cut when they are encoded. */
#define RELOAD_MESSAGES_MAX        (64u << 10)
#define RELOAD_SHADOW_MESSAGES_MAX (16u << 10)

/* The result of loading one folder. */
struct folder_reload {
    struct text folder; /* of a shadow policy only */
    enum reload_result result;
    struct text policy_name; /* in use now */
    uint64_t snapshot_id;
    struct text error;    /* if refused: one sentence */
    struct text messages; /* of the check, with line breaks */
};

struct reload_response {
    struct folder_reload policy;
    struct warming warming;
    const struct folder_reload *shadows;
    size_t shadow_count;
};

struct find_response {
    const struct found_transaction *found;
    size_t found_count;
    struct text cursor; /* of the next page; "": there is none */
    bool is_incomplete; /* the cursor continues before the limit was reached */
};

struct response {
    struct wire_error error; /* of the request as a whole; .code 0: the answer below */
    enum call call;          /* which member of the union is set */
    union {
        struct {
            const struct score_result *results;
            size_t count;
        } score;
        struct {
            const struct outcome_result *results;
            size_t count;
        } outcome;
        struct {
            const struct amendment_result *results;
            size_t count;
        } amend;
        struct {
            const struct backfill_result *results;
            size_t count;
        } backfill;
        struct entity_response entity;
        struct status_response status;
        struct {
            const struct list_change_result *results;
            size_t count;
        } list_change;
        struct list_response list;
        struct {
            bool changed;
            uint64_t position, definition;
        } brake_change;
        struct reload_response reload;
        struct find_response find;
        const struct explanation *explain; /* without what another policy would decide */
    };
};

/* The client's side. Appends to *buffer. ERROR_TOO_LARGE: over MESSAGE_SIZE_MAX, or over 1,000
 * transactions, outcomes or amendments. Transactions themselves are not checked. */
int message_encode_request(const struct request *request, struct buffer *buffer,
                           struct error *ret_error);

/* The same bytes in two parts, for a client that may send one request several times: the head,
 * which may differ each time (protocol, deadline and token), and the rest, which comes after it.
 * Returns the bytes of the head. The token has at most MESSAGE_TOKEN_MAX bytes. */
#define MESSAGE_TOKEN_MAX       256
#define MESSAGE_TRACEPARENT_MAX 55
#define MESSAGE_HEAD_MAX        (2 + 1 + 10 + 3 + MESSAGE_TOKEN_MAX)
size_t message_encode_head(uint64_t deadline_us, struct text token, uint8_t head[MESSAGE_HEAD_MAX]);
int message_encode_rest(const struct request *request, struct buffer *buffer,
                        struct error *ret_error);

/* The server's side. ERROR_INVALID: not a request, or truncated. ERROR_TOO_LARGE: bytes, items or
 * memory. ERROR_UNSUPPORTED: another protocol, or an unknown call. Single transactions are not
 * checked, because an invalid one must not fail the others: transaction_check() does that. */
int message_decode_request(const void *bytes, size_t length, struct arena *arena,
                           struct request *ret_request, struct error *ret_error);

/* Finds the token in the bytes of a request; empty: it has none. Reads the outermost fields only
 * and uses no memory, so it may run before anything is allocated for the request. false: not a
 * request, as decoding will report. */
bool message_peek_token(const void *bytes, size_t length, struct text *ret_token);

/* CALL_SCORE or CALL_REPORT_OUTCOME if it is a request for that in the usual form (it may still be
 * refused); else CALL_NONE. Uses no memory and does not read the call itself. */
enum call message_peek_call(const void *bytes, size_t length);
/* The same, with the deadline (0: none) and the token (empty: none), which are known in that form
 * only. */
enum call message_peek_head(const void *bytes, size_t length, uint64_t *ret_deadline_us,
                            struct text *ret_token);

/* The server's side. Appends to *buffer and always succeeds: texts are cut to their limits, and an
 * answer over MESSAGE_RESPONSE_SIZE_MAX becomes the error ERROR_TOO_LARGE. */
void message_encode_response(const struct response *response, struct buffer *buffer);
/* The client's side. ERROR_INVALID: not a response. ERROR_TOO_LARGE. ERROR_UNSUPPORTED: an answer,
 * verdict or label that this version does not know. */
int message_decode_response(const void *bytes, size_t length, struct arena *arena,
                            struct response *ret_response, struct error *ret_error);

/* error → wire_error; the text is copied into the arena. */
struct wire_error wire_error_from(const struct error *error, struct text field,
                                  struct arena *arena);
