/* The server's metrics: one row each in metrics.c. */
#pragma once

#include "core/base/metric.h"

enum server_metric {
    SERVER_VERSION,
    SERVER_READY,
    SERVER_START_TIME,
    REQUESTS,
    REQUEST_DURATION,
    ERRORS,
    TRANSACTIONS,
    DUPLICATES,
    DRY_RUNS,
    DEGRADED,
    RULE_ERRORS,
    FEATURES_UNKNOWN,
    OUTCOMES,
    LIST_CHANGES,
    LIST_ENTRIES,
    ARCHIVE_POSITION,
    ARCHIVE_SYNCED_POSITION,
    ARCHIVE_WRITE_FAILURES,
    ARCHIVE_SYNC_DURATION,
    RECOVERIES,
    NEWEST_EVENT_TIME,
    OVERLAY_ENTITIES,
    OVERLAY_BYTES,
    OVERLAY_MEMORY,
    GENERATION_POSITION,
    GENERATION_TIME,
    GENERATION_AGE,
    GENERATION_LAG,
    CLOCK_BEHIND,
    GENERATION_STALE,
    REBUILD_WANTED,
    WARMING_FEATURES,
    WARMING_RULES,
    SHADOWS,
    SHADOWS_REFUSED,
    RELOADS,
    RELOAD_REFUSED_NOW,
    RELOAD_REFUSED_AGE,
    RELOAD_DURATION,
    RELOAD_LOCKED,
    SWAP_STATE,
    SWAPS,
    SWAP_LOCKED,
    COMPARISONS,
    COMPARED_ENTITIES,
    DIFFERING_ENTITIES,
    DENIED,
    TOKENS_VALID,
    TOKENS_NEXT_EXPIRY,
    TOKENS_REFUSED,
    TOKEN_LOADS,
    LISTENER_RESTARTS,
    CONNECTIONS,
    CONNECTIONS_ENDED,
    CONNECTIONS_REFUSED,
    REQUESTS_LEFT_OUT,
    HTTP_ANSWERS,
    HTTP_CONNECTIONS,
    HTTP_CUT,
    SERVER_METRIC_COUNT
};

#define LIST_LABELS_MAX 512 /* lists that are told of: twice as many as a policy can have */

enum list_change_outcome {
    LIST_CHANGE_ADDED,
    LIST_CHANGE_REMOVED,
    LIST_CHANGE_NONE, /* it was so already */
    LIST_CHANGE_RESULT_COUNT
};

enum swap_result {
    SWAP_RESULT_ADOPTED,
    SWAP_RESULT_REFUSED,
    SWAP_RESULT_ABANDONED,
    SWAP_RESULT_INTERRUPTED, /* by the end, or by an archive that could not be written */
    SWAP_RESULT_COUNT
};
enum comparison_result {
    COMPARISON_EQUAL,
    COMPARISON_DIFFERENT,
    COMPARISON_SKIPPED, /* the generation has other features */
    COMPARISON_RESULT_COUNT
};

/* Why a connection ended. */
enum ending {
    ENDING_CLIENT,    /* closed or lost on the other side */
    ENDING_GREETING,  /* it does not speak SP's REQ */
    ENDING_MALFORMED, /* no message, or one without a request id */
    ENDING_TOO_LARGE, /* a message larger than allowed */
    ENDING_IDLE,      /* no traffic for too long */
    ENDING_STALLED,   /* something begun and not sent, or answers not taken, for too long */
    ENDING_MEMORY,    /* no more room for what it sends */
    ENDING_TLS,       /* the handshake failed, or an error behind it */
    ENDING_SERVER,    /* the server ends */
    ENDING_COUNT
};

struct metric_set *server_metrics_new(void);
