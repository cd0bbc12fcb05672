/* The server's metrics, one row each in metrics.c. The order here is the order of the output. */
#pragma once

#include "core/base/metric.h"

enum server_metric {
    /* the server and its requests */
    SERVER_VERSION,
    SERVER_READY,
    SERVER_DECIDES,
    SERVER_START_TIME,
    CPU_TIME,
    RESIDENT_MEMORY,
    REQUESTS,
    REQUEST_DURATION,
    ERRORS,
    /* decisions */
    TRANSACTIONS,
    DUPLICATES,
    DRY_RUNS,
    DEGRADED,
    FEATURES_UNKNOWN,
    REJECTS,
    /* what changes states and lists */
    OUTCOMES,
    AMENDMENTS,
    BACKFILLED,
    LIST_CHANGES,
    LIST_ENTRIES,
    /* the archive */
    ARCHIVE_POSITION,
    ARCHIVE_SYNCED_POSITION,
    ARCHIVE_WRITE_FAILURES,
    ARCHIVE_SYNC_DURATION,
    ARCHIVE_LOST,
    ARCHIVE_DEGRADED,
    ARCHIVE_HELD_RECORDS,
    ARCHIVE_HELD_BYTES,
    ARCHIVE_UNSAVED_ANSWERS,
    RECOVERIES,
    DISK_FREE,
    DISK_SIZE,
    /* cluster */
    LOG_COMMITTED_POSITION,
    LOG_LAG,
    LOG_COMMIT_DURATION,
    TAKE_OVERS,
    LOG_CUT_RECORDS,
    NEWEST_EVENT_TIME,
    /* states: overlay and tables */
    OVERLAY_ENTITIES,
    OVERLAY_BYTES,
    OVERLAY_MEMORY,
    OVERLAY_LIMIT,
    GENERATION_POSITION,
    GENERATION_TIME,
    GENERATION_AGE,
    GENERATION_LAG,
    CLOCK_BEHIND,
    GENERATION_STALE,
    REBUILD_WANTED,
    /* nights */
    NIGHT_LAST_SUCCESS,
    NIGHT_HAS_FAILED,
    NIGHT_FINDINGS,
    NIGHT_HELD_BACK,
    NIGHT_MODELS_FAILED,
    /* backups */
    BACKUP_LAST_SUCCESS,
    BACKUP_POSITION,
    /* policies */
    GENERATION_DAMAGED,
    WARMING_FEATURES,
    WARMING_RULES,
    BRAKES,
    SHADOWS,
    SHADOWS_REFUSED,
    CHALLENGER_REFUSED,
    RELOADS,
    RELOAD_REFUSED_NOW,
    RELOAD_REFUSED_AGE,
    RELOAD_DURATION,
    RELOAD_LOCKED,
    /* swaps of generations */
    SWAP_STATE,
    SWAPS,
    SWAP_LOCKED,
    COMPARISONS,
    COMPARED_ENTITIES,
    DIFFERING_ENTITIES,
    /* tokens */
    DENIED,
    TOKENS_VALID,
    TOKENS_NEXT_EXPIRY,
    TOKENS_REFUSED,
    TOKEN_LOADS,
    /* fronts */
    LISTENER_RESTARTS,
    CONNECTIONS,
    CONNECTIONS_ENDED,
    CONNECTIONS_REFUSED,
    REQUESTS_LEFT_OUT,
    REFUSED,
    QUEUE_STANDING,
    BUFFER_MEMORY,
    BUFFER_LIMIT,
    HTTP_ANSWERS,
    HTTP_CONNECTIONS,
    HTTP_CUT,
    /* events */
    EVENTS,
    EVENT_ATTEMPTS_FAILED,
    SERVER_METRIC_COUNT
};

#define LIST_LABELS_MAX                                                                            \
    512 /* lists with a gauge: twice as many as a policy can have, since labels stay */

enum list_change_outcome {
    LIST_CHANGE_ADDED,
    LIST_CHANGE_REMOVED,
    LIST_CHANGE_NONE, /* no effect: it was so already */
    LIST_CHANGE_RESULT_COUNT
};

enum event_result {
    EVENT_RESULT_DELIVERED,
    EVENT_RESULT_FAILED,  /* given up after some attempts */
    EVENT_RESULT_DROPPED, /* no room in the queue */
    EVENT_RESULT_COUNT
};

/* The disks that a server writes to; both may be the same one. */
enum disk { DISK_ARCHIVE, DISK_GENERATIONS, DISK_COUNT };

enum reject_result { REJECT_KEPT, REJECT_DROPPED, REJECT_RESULT_COUNT };

enum swap_result {
    SWAP_RESULT_ADOPTED,
    SWAP_RESULT_REFUSED,
    SWAP_RESULT_ABANDONED,
    SWAP_RESULT_INTERRUPTED, /* by the shutdown, or by an archive that could not be written */
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
    ENDING_GREETING,  /* the client does not speak SP's REQ */
    ENDING_MALFORMED, /* not a message, or one without a request id */
    ENDING_TOO_LARGE, /* a message larger than allowed */
    ENDING_IDLE,      /* no traffic for too long */
    ENDING_STALLED,   /* a message stayed incomplete, or answers unread, for too long */
    ENDING_MEMORY,    /* max_buffer_bytes was used up */
    ENDING_TLS,       /* the handshake failed, or the encryption later */
    ENDING_SERVER,    /* the server shut down */
    ENDING_COUNT
};

/* Why a front does not give a request to the service. */
enum front_refusal {
    FRONT_OVERLOADED, /* it would wait for longer than its deadline allows */
    FRONT_LATE,       /* it has */
    FRONT_REFUSAL_COUNT
};

struct metric_set *server_metrics_new(void);
