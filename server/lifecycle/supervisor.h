/* What systemd, or another supervisor that speaks sd_notify's protocol, is told: ready, stopping,
 * reloading, and, if it asks for that (WATCHDOG_USEC), that the server still works.
 *
 * The watchdog is fed only by scoring: every interval, one transaction is sent over a new
 * connection to each address that listens without TLS, as a client would, and decided by the policy
 * in force without being recorded. All of them must be answered. These answers feed it:
 *
 *   a decision
 *   `unavailable`, while the server is starting, unavailable (a full disk, a full overlay) or
 *       without its cluster: a restart would only fold the archive again and be where it was
 *   `invalid`: the policy refuses the transaction; that is logged
 *
 * and so does a server that closes new connections because max_connections are open. What does not:
 * a listener that is deaf, a loop that hangs, a decision lock that is never released, an internal
 * error. With nothing but TLS addresses, the connection begins within the process and leaves out
 * accepting and encryption. With nothing but ws://, where the nng library listens, the transaction
 * goes straight to the service.
 *
 * All of it runs on the main loop, so a main loop that hangs does not feed it, either. */
#pragma once

#include "server/base/service.h"
#include "server/front/front.h"
#include "server/front/front_places.h"
#include "server/net/probe.h"

#include <stdbool.h>
#include <stdint.h>

struct supervisor_probe {
    struct probe probe;
    struct buffer received;
    bool has_answered; /* well, since the watchdog was fed last */
};

struct supervisor {
    const char *socket;    /* NULL: there is none; then everything here does nothing */
    int64_t watchdog_us;   /* it must be fed more often; 0: it does not ask */
    bool is_told_ready;    /* once */
    bool is_reloading;     /* it was told so, and has to be told the end */
    int64_t fed_us;        /* monotonic, last */
    bool is_late;          /* as logged last */
    bool said_refused;     /* that the policy refuses the transaction, once */
    char why_late[160];    /* the last answer, or none, that did not feed it */
    struct buffer request; /* the transaction; empty before supervisor_watch() */
    struct supervisor_probe probes[FRONT_PLACES_MAX];
    struct log *log;
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from the process's environment. */
void supervisor_init(struct supervisor *supervisor, struct log *log);
void supervisor_deinit(struct supervisor *supervisor);

void supervisor_report(struct supervisor *supervisor, const char *message);
/* The service is ready, or is no longer: is_ready. */
void supervisor_report_ready(struct supervisor *supervisor, bool is_ready);
/* A reload has begun, or may have ended; the latter may be called at any time. */
void supervisor_report_reload(struct supervisor *supervisor);
void supervisor_report_reloaded(struct supervisor *supervisor, struct service *service);

/* How often to call supervisor_watch(); 0: never. */
int64_t supervisor_watch_interval_us(const struct supervisor *supervisor);
void supervisor_watch(struct supervisor *supervisor, struct service *service, struct front *front,
                      int64_t now_us);
