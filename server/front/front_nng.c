/* Requests over the nng library.
 *
 * A REP socket with as many contexts (a worker each) as requests may be in the server at once. Each
 * worker goes through its states independently, driven by its aio's callback on one of nng's
 * threads:
 *
 *   RECEIVING ──message──► SERVING ──front_reply()──► SENDING ──sent──► RECEIVING
 *       └──── drain ────► IDLE ◄──────────────────────────────── drain ───┘
 *
 * Never a blocking receive loop (a tenth of the speed), never raw mode (it drops answers).
 *
 * The watchdog: nng 1.5 loses an ipc listener for good when a client connects and closes at once
 * (nng issue 1518), and still reports it as healthy. So each listener is probed at intervals with a
 * real request over a new connection, and reopened after two probes without an answer. If a request
 * has been in the server for longer than the probe, the server is slow, not deaf, and the missing
 * answer does not count. */
#include "front_nng.h"

#include "front_nng_listener.h"
#include "front_places.h"

#include "core/base/check.h"
#include "core/wire/message/sp.h"
#include "server/ops/metrics.h"

#include <nng/protocol/reqrep0/rep.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* nng may still be sending answers when the last worker is done; there is no call to wait for that.
 */
#define LINGER_MS 50

enum step { IDLE, RECEIVING, SERVING, SENDING };

struct worker {
    struct front_request request; /* first: front_reply() gets this pointer */
    struct front_nng *front;
    nng_ctx ctx;
    nng_aio *aio;
    nng_msg *message; /* while SERVING: what request.bytes points into */
    _Atomic enum step step;
    _Atomic int64_t serving_since_us; /* monotonic */
    atomic_uint handling; /* calls of the handler that have not returned, answered or not */
};

struct front_nng {
    struct front front; /* first: callers hold a pointer to it */
    struct front_settings settings;
    nng_socket socket;
    struct worker *workers;
    size_t worker_count;
    struct listener *listeners;
    size_t listener_count;
    atomic_bool draining;
    atomic_size_t connections;
};

/* ---- connections ---- */

/* The library limits neither their number nor what they hold: each may be in the middle of a
 * message. */
static void on_connection(nng_pipe pipe, nng_pipe_ev event, void *user) {
    struct front_nng *front = user;
    if (event == NNG_PIPE_EV_REM_POST) {
        atomic_fetch_sub(&front->connections, 1);
    } else if (atomic_fetch_add(&front->connections, 1) >= front->settings.connections_max) {
        metric_add(front->settings.metrics, CONNECTIONS_REFUSED, 0, 1);
        nng_pipe_close(pipe); /* it is removed then, and counted so */
    }
}

/* ---- one worker's round ---- */

static void receive(struct worker *worker) {
    if (atomic_load(&worker->front->draining)) {
        atomic_store(&worker->step, IDLE);
        return;
    }
    atomic_store(&worker->step, RECEIVING);
    nng_ctx_recv(worker->ctx, worker->aio);
}

static void serve(struct worker *worker) {
    const struct front_settings *settings = &worker->front->settings;
    int64_t now_us = clock_monotonic_us(settings->clock);
    worker->message = nng_aio_get_msg(worker->aio);
    worker->request.bytes = nng_msg_body(worker->message);
    worker->request.length = nng_msg_len(worker->message);
    worker->request.arrived_us = now_us;
    atomic_store(&worker->serving_since_us, now_us);
    atomic_store(&worker->step, SERVING);
    /* The answer may be sent, and the next request received, before the handler returns. */
    atomic_fetch_add(&worker->handling, 1);
    settings->handler.handle(settings->handler.user, &worker->request);
    atomic_fetch_sub(&worker->handling, 1);
}

/* The callback: the current operation has ended. NNG_ECLOSED: the socket is being closed. */
static void advance(void *user) {
    struct worker *worker = user;
    int code = nng_aio_result(worker->aio);
    if (code == 0 && atomic_load(&worker->step) == RECEIVING) {
        serve(worker);
        return;
    }
    if (code != 0 && atomic_load(&worker->step) == SENDING)
        nng_msg_free(nng_aio_get_msg(worker->aio)); /* the client has gone */
    if (code == NNG_ECLOSED) {
        atomic_store(&worker->step, IDLE);
        return;
    }
    receive(worker);
}

static void reply(struct front_request *request, const void *bytes, size_t length) {
    struct worker *worker = (struct worker *)request;
    check(atomic_load(&worker->step) == SERVING);
    nng_msg *message = worker->message;
    /* The answer reuses the message that came in: one allocation less. */
    nng_msg_clear(message);
    check(nng_msg_append(message, bytes, length) == 0); /* fails only for lack of memory */
    worker->message = NULL;
    atomic_store(&worker->step, SENDING);
    nng_aio_set_msg(worker->aio, message);
    nng_ctx_send(worker->ctx, worker->aio);
}

/* ---- the watchdog ---- */

static bool is_slow(const struct front_nng *front, int64_t since_us) {
    for (size_t i = 0; i < front->worker_count; i++) {
        struct worker *worker = &front->workers[i];
        if (atomic_load(&worker->step) == SERVING &&
            atomic_load(&worker->serving_since_us) <= since_us)
            return true;
    }
    return false;
}

static void reopen(struct front_nng *front, struct listener *listener) {
    struct error error;
    if (listener_reopen(listener, front->socket, &error) < 0) {
        log_line(front->settings.log, LOG_ERROR, "cannot reopen the listener, will retry: %s",
                 error.text);
        return;
    }
    probe_restart(&listener->probe);
    metric_add(front->settings.metrics, LISTENER_RESTARTS, 0, 1);
    log_line(front->settings.log, LOG_WARNING, "%s had stopped answering requests and was reopened",
             listener->address);
}

static void watch_listener(struct front_nng *front, struct listener *listener, int64_t now_us) {
    if (listener->where_length == 0)
        return;
    if (probe_finds_deaf(&listener->probe, is_slow(front, listener->probe.begun_us)))
        reopen(front, listener);
    if (listener->listening)
        probe_begin(&listener->probe, (const struct sockaddr *)&listener->where,
                    listener->where_length, front->settings.probe, front->settings.probe_length,
                    now_us);
}

static void watch(struct front *base) {
    struct front_nng *front = (struct front_nng *)base;
    int64_t now_us = clock_monotonic_us(front->settings.clock);
    if (atomic_load(&front->draining))
        return;
    for (size_t i = 0; i < front->listener_count; i++)
        watch_listener(front, &front->listeners[i], now_us);
}

static void find_places(struct front *base, struct front_places *places) {
    struct front_nng *front = (struct front_nng *)base;
    for (size_t i = 0; i < front->listener_count; i++)
        if (front->listeners[i].where_length > 0)
            front_add_place(places, &front->listeners[i].where, front->listeners[i].where_length);
}

/* ---- the end ---- */

static bool drain(struct front *base) {
    struct front_nng *front = (struct front_nng *)base;
    bool idle = true;
    atomic_store(&front->draining, true);
    for (size_t i = 0; i < front->worker_count; i++) {
        enum step step = atomic_load(&front->workers[i].step);
        /* A worker that is just beginning to receive may miss this; the caller tries again. */
        if (step == RECEIVING)
            nng_aio_cancel(front->workers[i].aio);
        /* An idle worker begins no new call, so the count can only fall. */
        idle = idle && step == IDLE && atomic_load(&front->workers[i].handling) == 0;
    }
    return idle;
}

static void front_free(struct front_nng *front) {
    for (size_t i = 0; i < front->listener_count; i++)
        listener_close(&front->listeners[i]);
    nng_close(front->socket);
    for (size_t i = 0; i < front->worker_count; i++) {
        nng_aio_stop(front->workers[i].aio);
        nng_aio_free(front->workers[i].aio);
    }
    free(front->listeners);
    free(front->workers);
    free(front);
}

static void close_front(struct front *base) {
    struct front_nng *front = (struct front_nng *)base;
    while (!drain(base))
        usleep(1000);
    usleep(LINGER_MS * 1000);
    front_free(front);
}

/* ---- the beginning ---- */

static const struct front_kind nng_front = {
    .name = "nng",
    .reply = reply,
    .watch = watch,
    .find_places = find_places,
    .drain = drain,
    .close = close_front,
};

static int open_workers(struct front_nng *front, struct error *ret_error) {
    front->workers = check_calloc(front->settings.requests_max, sizeof *front->workers);
    for (size_t i = 0; i < front->settings.requests_max; i++) {
        struct worker *worker = &front->workers[i];
        worker->front = front;
        worker->request.front = &front->front;
        atomic_init(&worker->step, IDLE);
        atomic_init(&worker->serving_since_us, 0);
        int code = nng_ctx_open(&worker->ctx, front->socket);
        if (code == 0)
            code = nng_aio_alloc(&worker->aio, advance, worker);
        if (code != 0)
            return front_nng_error(ret_error, code, "cannot allocate request contexts");
        front->worker_count++;
    }
    return 0;
}

static int open_listeners(struct front_nng *front, struct error *ret_error) {
    const struct front_settings *settings = &front->settings;
    front->listeners = check_calloc(settings->address_count, sizeof *front->listeners);
    for (size_t i = 0; i < settings->address_count; i++) {
        int r = listener_open(&front->listeners[i], settings->addresses[i], &settings->ipc_access,
                              front->socket, ret_error);
        if (r < 0)
            return r;
        front->listener_count++;
    }
    return 0;
}

int front_nng_open(const struct front_settings *settings, struct front **ret_front,
                   struct error *ret_error) {
    nng_socket socket;
    int code = nng_rep0_open(&socket);
    if (code != 0)
        return front_nng_error(ret_error, code, "cannot open a REP socket");
    struct front_nng *front = check_calloc(1, sizeof *front);
    front->front.kind = &nng_front;
    front->settings = *settings;
    front->socket = socket;
    atomic_init(&front->draining, false);
    atomic_init(&front->connections, 0);
    /* Before listening: without it nng allocates whatever length an eight-byte header claims. */
    code = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, settings->bytes_max);
    if (code == 0) /* devices on the way; 8 by default */
        code = nng_socket_set_int(socket, NNG_OPT_MAXTTL, SP_HOPS_MAX);
    if (code == 0)
        code = nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, on_connection, front);
    if (code == 0)
        code = nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, on_connection, front);
    int r = code == 0 ? open_workers(front, ret_error)
                      : front_nng_error(ret_error, code, "cannot limit messages");
    if (r == 0)
        r = open_listeners(front, ret_error);
    if (r < 0) {
        front_free(front);
        return r;
    }
    for (size_t i = 0; i < front->worker_count; i++)
        receive(&front->workers[i]);
    *ret_front = &front->front;
    return 0;
}

const char *front_nng_warning(void) {
    int major = 0, minor = 0;
    if (sscanf(nng_version(), "%d.%d", &major, &minor) == 2 && (major > 1 || minor >= 6))
        return NULL;
    return "this nng is older than 1.6 and can lose an ipc listener when a client connects and "
           "closes at once (nng issue 1518): keep the watchdog on, and do not probe the address "
           "with plain connections";
}
