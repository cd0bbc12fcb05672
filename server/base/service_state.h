/* What all parts of the service share: its settings, the decision lock and what it guards, and the
 * service's own state (service.h draws it).
 *
 * The lowest module of the service. Everything above it gets a struct service; what only one module
 * needs is that module's own structure behind a pointer here (commit, explain, swap, run pool).
 *
 * Locks, in the order in which one thread may take them: lock, then reload_lock, then the private
 * locks of the pointers' owners: docs/LOCKS.md. No thread waits for a client while it holds one,
 * nor for the disk, but for the write that starts another segment of the archive: that syncs under
 * the lock. */
#pragma once

#include "challenge.h"
#include "core/base/hash.h"
#include "core/engine/engine.h"
#include "core/policy/load/snapshot.h"
#include "core/store/archive/archive.h"
#include "core/store/ingest/fold.h"
#include "core/store/ingest/ingest.h"
#include "core/store/overlay/overlay.h"
#include "jobs.h"
#include "rule_counts.h"
#include "rule_failures.h"
#include "server/ops/log_limit.h"
#include "server/ops/metrics.h"
#include "service.h"
#include "shadow_policies.h"
#include "tokens.h"

#include <pthread.h>
#include <stdatomic.h>

#define REASON_BYTES 512 /* of any reason kept for Status, NUL included */

struct brake_counts;
struct cluster;
struct commit;
struct deferred_free;
struct event_watch;
struct find_queue;
struct refusals;
struct reject_log;
struct run;
struct run_queue;
struct run_pool;
struct swap;

/* The decision lock, in the form in which views of the overlay take it. */
struct service_guard {
    struct overlay_guard guard; /* first: the overlay hands back a pointer to it */
    struct service *service;
};

/* How long the current tables have been in use. Measured by the monotonic clock, so that setting
 * the wall clock back cannot make old tables look young. */
struct tables_held {
    uint64_t generation_id;
    int64_t since_us; /* monotonic */
    int64_t us;       /* as of the last service_poll() */
};

/* Why a reload was refused last, and since when every reload has been. */
struct refusal {
    char reason[REASON_BYTES]; /* empty: the last one was not refused */
    int64_t since_us;          /* monotonic; 0: not refused */
    int64_t since_wall_us;     /* the same moment, for people */
};

/* This server's part in a cluster. Alone it is the primary of nothing: is_member is false, and
 * service_writes() true. */
struct replication {
    bool is_member, is_primary;
    bool is_reconciling;            /* the archive may have an end that the log lacks: no folding */
    struct archive_place committed; /* the last record known to be on the log */
    char primary[256];              /* its address; "": not known */
    struct adopted adopted;         /* the last records of their kinds, while following */
    pthread_cond_t written;         /* the archive has new records to ship */
    /* How often this node stepped down with records that were not known to be committed: others may
     * have taken their positions since. */
    uint64_t cuts;
};

/* Of an erasure at work: adopt/erasure.h. */
struct erasing {
    struct erased_key *keys; /* with their texts behind them, in one allocation; NULL: none */
    size_t count;
    uint64_t number, before; /* records before this position are rewritten */
};

/* The archive's disk fails and the server goes on: outage.h. */
struct outage {
    atomic_bool is_on; /* changed under the decision lock */
    bool is_full;      /* memory is used up: nothing more is decided */
    int64_t since_us;  /* monotonic */
    char why[REASON_BYTES];
};

struct service {
    struct service_settings settings;
    char *archive_path, *generations_path; /* owned copies */
    int64_t started_us;                    /* wall clock */

    struct tokens *tokens;      /* NULL: requests need no token */
    char probe_token[64];       /* hexadecimal digits, no NUL; accepted for probes only */
    struct log_limit log_limit; /* of the lines about single requests */

    /* The decision lock. It guards everything down to the marked end: one decision at a time, in
     * the order of positions. */
    pthread_mutex_t lock;
    enum service_state state;
    char reason[REASON_BYTES]; /* why not ready */
    struct error failure;      /* valid in SERVICE_FAILED */
    struct archive *archive;
    struct outage outage;
    struct snapshot *rules;                /* the policy in force; one reference */
    struct pseudonym_keys *pseudonym_keys; /* for what it protects; NULL: none */
    uint16_t *rule_places;                 /* in rule_counts, of its rules */
    struct brake_counts *brake_counts;     /* of its limits; NULL: none */
    struct drift_counts *drift_counts;     /* of its models' references; NULL: none */
    struct rule_failures rule_failures;
    struct shadow_policies shadows;
    struct adopted_shadows written_shadows; /* whose policies the archive already has */
    struct challenge challenge;
    char challenger_error[REASON_BYTES]; /* why the configured challenger was refused; "": it was
                                            not */
    struct states states; /* .overlay is NULL unless ready, draining, or unavailable for its size */
    char *adopted_folder; /* of the generation adopted last, to recover from; NULL: none */
    struct deferred_free *deferred_free; /* list */
    uint64_t losses; /* calls of service_lose_archive(): a swap that sees it change starts over */
    bool is_rebuild_wanted; /* as logged last */
    bool is_clock_back;     /* as logged last */
    struct tables_held held;
    struct fold *first_fold; /* from service_open() to the start job; then NULL */
    int64_t max_ahead_us;    /* of an event time before the clock; a reload may change it */
    struct refusal refused, refused_tokens;
    uint64_t own_position; /* last record that no request asked for: as large as a policy, maybe */
    bool said_other_sources; /* sources_note_others() */
    uint64_t duplicates;     /* transactions answered with their first decision, since the start */
    char *list_labels[LIST_LABELS_MAX]; /* names of lists, by their label in the metrics */
    size_t list_label_count;
    struct erasing erasing;
    int64_t spare_at_us; /* monotonic, earliest next spare.c attempt; INT64_MAX: one is under way */
    struct service_guard guard;
    struct replication replication;
    /* ---- end of what the decision lock guards ---- */

    struct rule_counts *rule_counts; /* says itself who may touch it */
    struct event_watch *event_watch; /* of service_poll(); NULL: no events */
    struct reject_log *reject_log;   /* NULL: refused transactions are not kept */
    struct cluster *cluster;         /* NULL: alone */
    struct run_pool *run_pool;
    struct refusals *refusals; /* answers to those that never get here */
    atomic_uint fallback;      /* enum verdict of the policy in force, for them */
    struct commit *commit;
    struct run_queue *explains;
    struct find_queue *finds;
    struct run_queue *backfills;
    struct swap *swap;
    struct jobs jobs;
    pthread_t background; /* runs them */

    /* What the next reload reads, and the requests that wait for one. Never held for long. */
    pthread_mutex_t reload_lock;
    char *policy_path;
    struct shadow_folders shadow_folders;
    struct challenge_wish challenge_wish;
    struct run *reload_waiting; /* for the result of the next reload to begin */
    uint64_t reloads_asked;     /* by service_reload() and _again() */
    uint64_t reloads_done;      /* of those, how many the last finished reload has served */
    size_t reload_waiters;      /* those, and those of the reload under way */

    atomic_bool stopping; /* service_close() has begun: background work breaks off */
    atomic_bool draining; /* set at the latest with stopping: reloads, explanations are refused */
    atomic_uint_least64_t rejected; /* items refused since the start */
};

/* ---- state; under the decision lock but for service_report() ---- */

/* Follow with service_report() once the lock is released. The text goes to Status and /readyz. */
void service_set_state(struct service *service, enum service_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* SERVICE_FAILED for good, with the error as the reason. */
void service_fail(struct service *service, const struct error *error);
/* May this server append records? All but a cluster's standbys do. Under the decision lock. */
bool service_writes(const struct service *service);
/* What it is when all is well: ready, or standby. */
enum service_state service_good_state(const struct service *service);
/* Calls settings.changed. Without the lock. */
void service_report(const struct service *service);
/* Compares the overlay's size with overlay_limit. True: that made the service unavailable, or ready
 * again. */
bool service_check_overlay(struct service *service);

/* ---- time; under the decision lock ---- */

/* The wall clock, but never before the archive's last record: receive times do not go back. */
int64_t service_receive_time_us(const struct service *service);
/* How far the wall clock is behind the archive's last record; 0: it is not. */
int64_t service_clock_behind_us(const struct service *service);

/* Notes that a reload was refused, or with reason NULL that it was not. Takes the decision lock.
 * True: the reason is another one than before. */
bool service_note_refusal(struct service *service, struct refusal *refusal, const char *reason);

void service_guard_init(struct service_guard *guard, struct service *service);
