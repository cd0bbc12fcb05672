/* The service: what harrierd does with a request, from bytes to bytes.
 *
 * It owns the archive, the policy and the states. A front hands it requests (service_handle() is a
 * front_handler's function); it answers each exactly once. Nothing here knows of sockets, signals
 * or the command line.
 *
 * States:
 *
 *   starting ──folded──► ready ──service_drain()──► draining
 *       │                 │ ▲
 *       │     write failed│ │folded again
 *       ▼                 ▼ │
 *     failed ◄─sync──  unavailable
 *
 * It is unavailable, too, while the overlay takes more memory than it may; a swap ends that. In all
 * but ready and draining it answers `unavailable`, except to Status. Failed is the end: what
 * was lost cannot be known, or the start did not succeed; service_failure() says why. */
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

enum service_state {
    SERVICE_STARTING,
    SERVICE_READY,
    SERVICE_DRAINING,
    SERVICE_UNAVAILABLE,
    SERVICE_FAILED,
};

const char *service_state_name(enum service_state state); /* "starting", … */

struct service_settings {
    const char *policy;         /* folder */
    const char *const *shadows; /* folders of shadow policies, ENGINE_SHADOWS_MAX at most */
    size_t shadow_count;
    const char *archive;           /* folder; made when missing, its parent must exist */
    const char *generations;       /* folder; may be missing */
    bool synced;                   /* answers wait for the disk */
    int64_t sync_interval_us;      /* synced: least time between two syncs */
    int64_t lazy_sync_interval_us; /* not synced: time between two syncs */
    int64_t max_ahead_us;          /* of an event time before the clock */
    size_t message_bytes_max;      /* larger requests are refused */
    const char *tokens;            /* file of the clients' tokens; NULL or "": nobody is asked */
    int64_t slow_after_us;         /* requests that took longer are logged; 0: none is */
    int64_t stale_after_us;        /* decisions on older tables are marked; 0: never */
    uint64_t overlay_limit;        /* bytes of memory; 0: none */
    int64_t swap_records_max, swap_patience_us; /* for tests; 0: as swap.h says */
    const struct clock *clock;
    struct log *log;
    struct metric_set *metrics; /* of server_metrics_new() */
    /* Called from any thread, without locks, after the state has changed. NULL is allowed. */
    void (*changed)(void *user);
    void *user;
};

struct service;

/* Loads the policy, opens archive and generation, and begins to fold in the background. What can be
 * seen at once to be wrong fails here: ERROR_INVALID (the policy; the messages are in the log),
 * ERROR_EXISTS (another process has the archive), ERROR_DAMAGED, ERROR_UNSUPPORTED, ERROR_NOT_FOUND
 * (a generation that is not of this archive), ERROR_SYSTEM. Texts and folders' names are copied. */
int service_open(const struct service_settings *settings, struct service **ret_service,
                 struct error *ret_error);

/* Everything given to service_handle() must have been answered or be waiting for a sync: those that
 * wait are answered. Ends the threads, syncs and closes the archive (unless failed). ERROR_SYSTEM:
 * the last sync failed. */
int service_close(struct service *service, struct error *ret_error);

/* One request. user is the service. Any thread, several at a time. */
void service_handle(void *user, struct front_request *request);
/* Several that came together, decided in their order: they share one turn with the decision lock
 * and, as far as they are for Score, one write of the archive. */
void service_handle_all(void *user, struct front_request *const *requests, size_t count);
/* What is answered to transactions and outcomes is in proportion to them. What others ask for may
 * be a thousand times longer than the question. */
bool service_may_answer_much(const void *bytes, size_t length);

/* Is this a token that is valid now, for some call? For a front that has work to do before there
 * are a request's bytes: who has none is not to cause it. 0 where no tokens are asked for;
 * ERROR_DENIED, counted. Any thread. */
int service_know_token(struct service *service, struct text token, struct error *ret_error);

/* A message of the kind that is always answered, for a front's watchdog. It has a token in it that
 * this process alone knows. */
void service_write_probe(const struct service *service, struct buffer *out);

/* The folders of shadow policies from the next reload on. */
void service_set_shadows(struct service *service, const char *const *folders, size_t count);
/* Loads the policy and the shadow policies again, in the background; NULL for the folder keeps the
 * one in use. The answer is in the log, metrics and Status. */
void service_reload(struct service *service, const char *policy, int64_t max_ahead_us);
/* The same folders, and all else as it is. */
void service_reload_again(struct service *service);
/* The configuration around the policy was refused, so there was no reload. */
void service_refuse_reload(struct service *service, const char *reason);

/* Loads the tokens file again if it has changed. To be called about every second. What is wrong
 * with it is in the log, metrics and Status; the tokens before it stay in force. */
void service_look_at_tokens(struct service *service);

/* When unavailable: tries to come back, in the background. To be called about every second. */
void service_retry(struct service *service);

/* Is there a new generation, is the overlay too large? To be called about every second. What is to
 * be done about it is done in the background. */
void service_look(struct service *service);

/* From now on not ready; what still comes in is served, but for reloads. */
void service_drain(struct service *service);

/* ret_reason may be NULL. */
enum service_state service_state(struct service *service, char *ret_reason, size_t size);
/* The error that made it fail; -code as usual, 0 when it has not. */
int service_failure(struct service *service, struct error *ret_error);

/* Brings the gauges up to date; before each reading of the metrics. */
void service_measure(struct service *service);
/* Appends what is counted of tokens and shadow policies, whose names no table of metrics can know.
 */
void service_write_tokens(struct service *service, struct buffer *out);
void service_write_shadows(struct service *service, struct buffer *out);
