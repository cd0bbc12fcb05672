/* Accepting on one address.
 *
 * A connection beyond connections_max is accepted and closed at once: left in the system's queue,
 * its client would wait for something that may never come. When the process has no descriptors left
 * there is nothing to close, so accepting stops until a connection ends or the next tick.
 *
 * The watchdog probes the address with a real request over a new connection, as the front on nng
 * does, and has the loop reopen it after two probes without an answer: the socket file may have
 * been removed. If a request has been in the server for longer than the probe, the server is slow,
 * not deaf. */
#include "front_sp_acceptor.h"

#include "core/base/check.h"
#include "front_sp_batch.h"
#include "front_sp_events.h"
#include "server/net/address.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Connections accepted per turn of the loop, so that requests get theirs. */
#define ACCEPTED_MAX 64

/* ---- accepting ---- */

static void refuse_full(struct front_sp *front, int descriptor) {
    metric_add(front->settings.metrics, CONNECTIONS_REFUSED, 0, 1);
    close(descriptor);
    if (front_sp_may_log(front))
        log_line_with(
            front->settings.log, LOG_WARNING,
            LOG_FIELDS(log_field_unsigned("max_connections", front->settings.connections_max)),
            "max_connections (%zu) reached: further connections are closed at once",
            front->settings.connections_max);
}

/* False: nothing more to accept for now. */
static bool accept_one(struct acceptor *acceptor) {
    struct front_sp *front = acceptor->front;
    int descriptor =
        accept4(acceptor->listening.descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor >= 0) {
        if (atomic_load(&front->connection_count) >= front->settings.connections_max)
            refuse_full(front, descriptor);
        else
            connection_open(front, descriptor,
                            address_ipc_path(acceptor->address) ? SP_IPC : SP_TCP,
                            address_is_tls(acceptor->address) ? front->tls : NULL);
        return true;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return false;
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        if (front_sp_may_log(front))
            log_line_with(front->settings.log, LOG_WARNING,
                          LOG_FIELDS(log_field_string("address", acceptor->address)),
                          "%s: cannot accept a connection: %s", acceptor->address, strerror(errno));
        event_del(acceptor->acceptable);
        return false;
    }
    return true; /* that client, or its network, has gone already */
}

static void on_acceptable(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct acceptor *acceptor = user;
    struct front_sp *front = acceptor->front;
    for (int i = 0; i < ACCEPTED_MAX && accept_one(acceptor); i++)
        continue;
    batch_settle(front);
}

/* ---- opening and closing ---- */

static void start(struct acceptor *acceptor) {
    acceptor->acceptable = event_new(acceptor->front->base, acceptor->listening.descriptor,
                                     EV_READ | EV_PERSIST, on_acceptable, acceptor);
    check(acceptor->acceptable && event_add(acceptor->acceptable, NULL) == 0);
}

static void stop(struct acceptor *acceptor) {
    if (acceptor->acceptable)
        event_free(acceptor->acceptable);
    acceptor->acceptable = NULL;
    listening_close(&acceptor->listening);
}

int acceptor_open(struct acceptor *acceptor, struct front_sp *front, const char *address,
                  struct error *ret_error) {
    *acceptor = (struct acceptor){
        .front = front, .address = address, .lock = -1, .listening.descriptor = -1};
    probe_init(&acceptor->probe);
    const char *path = address_ipc_path(address);
    int r = path ? listening_lock(path, &acceptor->lock, ret_error) : 0;
    if (r == 0)
        r = listening_open(&acceptor->listening, address, &front->settings.ipc_access, ret_error);
    if (r < 0) {
        acceptor_close(acceptor);
        return r;
    }
    acceptor->where = acceptor->listening.where;
    acceptor->where_length = acceptor->listening.where_length;
    start(acceptor);
    return 0;
}

void acceptor_close(struct acceptor *acceptor) {
    probe_end(&acceptor->probe);
    stop(acceptor);
    if (acceptor->lock >= 0)
        close(acceptor->lock);
    acceptor->lock = -1;
}

void acceptor_reopen_if_deaf(struct acceptor *acceptor) {
    struct front_sp *front = acceptor->front;
    struct error error;
    if (!atomic_exchange(&acceptor->must_reopen, false))
        return;
    stop(acceptor);
    if (listening_reopen(&acceptor->listening, acceptor->address, &front->settings.ipc_access,
                         &error) < 0) {
        log_line_with(front->settings.log, LOG_ERROR, LOG_FAILURE(&error),
                      "cannot reopen the listener, will retry: %s", error.text);
        return;
    }
    start(acceptor);
    metric_add(front->settings.metrics, LISTENER_RESTARTS, 0, 1);
    log_line_with(front->settings.log, LOG_WARNING,
                  LOG_FIELDS(log_field_string("address", acceptor->address)),
                  "%s had stopped answering requests and was reopened", acceptor->address);
}

/* ---- the watchdog ---- */

/* A full server closes probes like any other connection, so they prove nothing then. */
static bool is_slow(const struct front_sp *front, int64_t since_us) {
    for (size_t i = 0; i < front->settings.requests_max; i++) {
        int64_t begun_us = atomic_load_explicit(&front->slots[i].since_us, memory_order_relaxed);
        if (begun_us != 0 && begun_us <= since_us)
            return true;
    }
    return atomic_load(&front->connection_count) >= front->settings.connections_max;
}

void acceptor_watch(struct acceptor *acceptor, int64_t now_us) {
    struct front_sp *front = acceptor->front;
    if (address_is_tls(acceptor->address))
        return; /* a probe would need a certificate; loop and kind of socket are those of tcp */
    if (probe_finds_deaf(&acceptor->probe, is_slow(front, acceptor->probe.begun_us))) {
        probe_restart(
            &acceptor->probe); /* the reopened one gets a full interval before it is judged */
        atomic_store(&acceptor->must_reopen, true);
        eventfd_write(front->wake_descriptor, 1);
        return;
    }
    probe_begin(&acceptor->probe, (const struct sockaddr *)&acceptor->where, acceptor->where_length,
                front->settings.probe, front->settings.probe_length, now_us);
}
