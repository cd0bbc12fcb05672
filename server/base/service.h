/* The service: what harrierd does with a request, from bytes to bytes.
 *
 * It owns the archive, the policy and the states. A front hands it requests (service_handle() is a
 * front_handler's function), and it answers each exactly once. It knows nothing of sockets, signals
 * or the command line.
 *
 * This is all that the rest of harrierd sees of it. It is declared in the lowest folder of the
 * service, since every folder implements part of it.
 *
 * States:
 *
 *   starting ──folded──► ready ──service_drain()──► draining
 *       │                 │ ▲
 *       │     write failed│ │folded again
 *       ▼                 ▼ │
 *     failed ◄─sync──  unavailable
 *
 * In a cluster, "standby" takes the place of ready until the server becomes the primary; it is
 * unavailable for a while when it stops being that and has to forget what it wrote.
 *
 * With archive_degrades a failed write or sync leaves it ready, and the reason says what is held in
 * memory (outage.h); it is unavailable only once that is full.
 *
 * It is also unavailable while the overlay exceeds its limit; a swap ends that. Except in ready and
 * draining, it answers every call but Status (and Reload) with `unavailable`. Failed is final: what
 * was lost is unknown, or the start did not succeed; service_failure() has the reason. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/metric.h"
#include "server/front/front.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct events;

enum service_state {
    SERVICE_STARTING,
    SERVICE_READY,
    SERVICE_STANDBY, /* of a cluster: answers what only reads */
    SERVICE_DRAINING,
    SERVICE_UNAVAILABLE,
    SERVICE_FAILED,
};

const char *service_state_name(enum service_state state); /* "starting", … */

/* The cluster that the archive is replicated in: docs/CLUSTER.md. Texts are copied. */
struct cluster_settings {
    const char *brokers; /* "host:port,…"; NULL: the server is alone */
    const char *topic;   /* with one partition: the log */
    const char *name;    /* of the cluster: the transactional.id, and the group of the lease */
    const char *node;    /* this server's name, which its records have */
    const char *address; /* where clients reach it */
    const char *config;  /* file of librdkafka's properties; NULL: none */
    int64_t lease_us;    /* a primary that is silent for so long has lost its lease */
};

/* A challenger that decides for a share of a key. Texts are copied. */
struct challenge_settings {
    const char *policy; /* folder; NULL or "": there is no challenger */
    const char *name;   /* of the experiment */
    const char *key;    /* a field, or an entity that is identified by one */
    uint32_t share;     /* of EXPERIMENT_SHARE_ALL */
};

struct service_settings {
    const char *policy;         /* folder */
    const char *const *shadows; /* folders of shadow policies, ENGINE_SHADOWS_MAX at most */
    size_t shadow_count;
    struct challenge_settings challenge;
    const char *archive;         /* folder; created if missing, its parent must exist */
    const char *generations;     /* folder; may be missing before the first rebuild */
    const char *data;            /* folder that has nights/; NULL: none */
    bool synced;                 /* answers wait for the disk */
    bool replicated;             /* answers wait for the cluster's log */
    bool archive_degrades;       /* goes on when the archive's disk fails; not in a cluster */
    uint64_t archive_memory;     /* then: bytes of records that are not on disk, at most */
    int64_t archive_patience_us; /* then: a sync that takes longer has failed */
    struct cluster_settings cluster;
    int64_t sync_interval_us;      /* synced: minimum time between two syncs */
    int64_t lazy_sync_interval_us; /* not synced: time between two syncs */
    int64_t max_ahead_us;          /* of an event time before the clock */
    size_t message_bytes_max;      /* larger requests are refused */
    const char *pseudonym_keys;    /* file of keys for protected fields; NULL or "": none */
    const char *tokens;            /* file of the clients' tokens; NULL or "": none are needed */
    int64_t slow_after_us;         /* requests that took longer are logged; 0: none */
    int64_t stale_after_us;        /* decisions on older tables are degraded; 0: never */
    uint64_t overlay_limit;        /* bytes of memory; 0: none */
    const char *rejects;           /* file of refused transactions; NULL or "": none is kept */
    uint64_t rejects_size;         /* bytes of that file, at least REJECT_LOG_SIZE_MIN */
    struct events *events;         /* of events_open(); NULL: none are sent */
    int64_t swap_records_max, swap_patience_us; /* for tests; 0: as swap.h says */
    const struct clock *clock;
    struct log *log;
    struct metric_set *metrics; /* of server_metrics_new() */
    /* Called from any thread, without locks held, after the state has changed. May be NULL. */
    void (*changed)(void *user);
    void *user;
};

struct service;

/* Loads the policy, opens archive and generation, and begins to fold in the background. Fails at
 * once with ERROR_INVALID (the policy; its messages are in the log), ERROR_EXISTS (another process
 * has the archive), ERROR_DAMAGED, ERROR_UNSUPPORTED, ERROR_NOT_FOUND (a generation of another
 * archive), ERROR_SYSTEM. Texts and folder names are copied. */
int service_open(const struct service_settings *settings, struct service **ret_service,
                 struct error *ret_error);

/* Every request given to service_handle() must have been answered or be waiting for a sync; the
 * latter are answered now. Ends the threads, syncs and closes the archive (unless failed), frees.
 * ERROR_SYSTEM: the last sync failed. */
int service_close(struct service *service, struct error *ret_error);

/* One request. user is the service. Any thread, several at a time. */
void service_handle(void *user, struct front_request *request);
/* Several that arrived together, decided in their order. Neighbours that are for Score share the
 * decision lock and one write of the archive. */
void service_handle_all(void *user, struct front_request *const *requests, size_t count);
/* The functions of a front_handler that a queue of requests needs. A class is a valid token, or 0
 * for all requests without one. Answers to transactions and outcomes are in proportion to them;
 * others may be a thousand times longer. Any thread. */
void service_look(void *user, const void *bytes, size_t length, struct front_look *ret_look);
void service_classify(void *user, struct text token, uint64_t *ret_class, unsigned *ret_weight);
unsigned service_classes_version(void *user);
struct text service_refusal(void *user, enum front_refusal why, bool asks_for_verdicts);

/* Is this token valid now, for any call? For a front that has work to do before it has a request's
 * bytes, and must not do it for clients without a token. 0 also if no tokens are needed;
 * ERROR_DENIED, counted. Any thread. */
int service_check_token(struct service *service, struct text token, struct error *ret_error);

/* A request that is answered in every state, for a front's watchdog. It contains a token that only
 * this process knows. */
void service_write_probe(const struct service *service, struct buffer *out);

/* The same for Score: a dry run of one transaction, which the service completes so that the policy
 * in force takes it. Counted nowhere. */
void service_write_scoring_probe(const struct service *service, struct buffer *out);

/* Sets the folders of shadow policies for the next reload; copied. */
void service_set_shadows(struct service *service, const char *const *folders, size_t count);
/* Sets the challenger for the next reload; copied. */
void service_set_challenge(struct service *service, const struct challenge_settings *settings);
/* Reloads the policy, the challenger and the shadow policies, in the background; policy NULL: from
 * the same folder. The result is in the log, metrics and Status. */
void service_reload(struct service *service, const char *policy, int64_t max_ahead_us);
/* The same with the folder and max_ahead_us as they are. */
void service_reload_again(struct service *service);
/* Has a reload that was asked for here not ended yet? settings.changed is called when it has. Any
 * thread. */
bool service_is_reloading(struct service *service);
/* Reports a reload that was refused before it began, because the configuration is invalid. */
void service_refuse_reload(struct service *service, const char *reason);

/* Reloads the tokens file if it has changed. To be called about every second. Errors are in the
 * log, metrics and Status, and the current tokens stay in force. */
void service_poll_tokens(struct service *service);

/* If the states were lost: tries to recover, in the background. To be called about every second. */
void service_poll_recovery(struct service *service);

/* Looks for a new generation, and at the age of the tables, the overlay's size, the clock and rules
 * that failed. To be called about every second; a swap happens in the background. */
void service_poll(struct service *service);

/* In a cluster: the primary lets another node take over, once everything is committed; others do
 * nothing. Returns at once. */
void service_hand_over(struct service *service);

/* Not ready from now on. Requests that still arrive are served, except for reloads and
 * explanations. */
void service_drain(struct service *service);

/* ret_reason may be NULL; size includes the NUL. */
enum service_state service_state(struct service *service, char *ret_reason, size_t size);
/* -code and the error if the service has failed, else 0. */
int service_failure(struct service *service, struct error *ret_error);

/* Brings the gauges up to date. To be called before the metrics are read. */
void service_measure(struct service *service);
/* Append the metrics of rules, models, tokens and shadow policies, whose labels are not known at
 * build time. */
void service_write_rules(const struct service *service, struct buffer *out);
void service_write_drift(struct service *service, struct buffer *out);
void service_write_brakes(struct service *service, struct buffer *out);
void service_write_sources(struct service *service, struct buffer *out);
void service_write_tokens(struct service *service, struct buffer *out);
void service_write_shadows(struct service *service, struct buffer *out);
void service_write_challenger(struct service *service, struct buffer *out);
