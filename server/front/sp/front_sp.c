/* Requests over SP REQ/REP, which every nng client speaks, without nng's library.
 *
 * One thread runs libevent's loop: it accepts, reads, calls the handler, and writes. As long as the
 * handler answers before it returns, as it nearly always does, a request costs a wait, a read and a
 * write, and no other thread. Under load it costs only part of them: everything that one turn of
 * the loop has read goes to the handler together, and then each connection's answers leave in one
 * write. Other threads push their answers onto a lock-free list; the first of them wakes the loop
 * through an eventfd.
 *
 * One thread is enough: decisions are made one at a time anyway, in the order of positions, and
 * take less time than the system calls around them. */
#include "front_sp.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "front_sp_acceptor.h"
#include "front_sp_batch.h"
#include "front_sp_events.h"
#include "server/front/front_places.h"
#include "server/net/address.h"
#include "server/ops/cpu_affinity.h"
#include "server/ops/thread.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_US_MAX INT64_C(1000000)
#define TICK_US_MIN INT64_C(10000)
/* At the end, answers are still sent for this long, as far as clients read them. */
#define LINGER_US INT64_C(1000000)
/* Descriptors for everything but client connections: archive, tables, admin HTTP. */
#define DESCRIPTORS_SPARE 128

/* The front whose loop this thread runs. */
static _Thread_local struct front_sp *own;

static void on_settle(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    batch_settle_now(user);
}

/* ---- answers ---- */

/* Any thread. The push is lock-free; only the loop takes the list, all of it at once, so there is
 * no ABA problem. */
static void reply(struct front_request *request, const void *bytes, size_t length) {
    struct slot *slot = (struct slot *)request;
    struct front_sp *front = (struct front_sp *)request->front;
    if (own == front) {
        front->answers_at_once = true;
        connection_answer(slot, bytes, length);
    } else {
        buffer_clear(&slot->answer);
        buffer_append(&slot->answer, bytes, length);
        struct slot *first = atomic_load(&front->answered);
        do
            slot->next = first;
        while (!atomic_compare_exchange_weak(&front->answered, &first, slot));
        if (!first)
            eventfd_write(front->wake_descriptor, 1);
    }
    atomic_fetch_sub(&front->serving, 1); /* last: close() waits for it */
}

/* Reverses the list: the last answer is on top. */
static struct slot *reversed(struct slot *slot) {
    struct slot *turned = NULL;
    for (struct slot *next; slot; slot = next) {
        next = slot->next;
        slot->next = turned;
        turned = slot;
    }
    return turned;
}

/* Frees the memory of an unusually large answer. */
static void trim(struct buffer *buffer) {
    if (buffer->capacity > UNSENT_MAX)
        buffer_deinit(buffer);
}

/* Takes all answers before it writes any, so that each connection gets one write. */
static void take_answers(struct front_sp *front) {
    struct slot *slot = reversed(atomic_exchange(&front->answered, NULL));
    int64_t now_us = front_sp_now_us(front);
    for (struct slot *next; slot; slot = next) {
        next = slot->next;
        connection_mark_due(slot->connection);
        if (!slot->may_answer_much)
            pace_observe_answer(&front->pace, now_us - slot->handed_us);
        connection_answer(slot, slot->answer.bytes, slot->answer.length);
        trim(&slot->answer);
    }
    for (struct connection *at = front->due; at; at = at->next_due)
        connection_flush(at);
    batch_settle(front);
}

/* ---- the loop ---- */

static void end_loop(struct front_sp *front) {
    bool is_all = true;
    for (struct connection *at = front->connections, *next; at; at = next) {
        next = at->next;
        is_all = connection_flush(at) && is_all;
        if (at->closed) /* off the list, so nothing else will release it */
            connection_release(at);
    }
    if (is_all || front_sp_now_us(front) > front->ending_us)
        event_base_loopbreak(front->base);
}

static void on_wake(evutil_socket_t descriptor, short what, void *user) {
    (void)what;
    struct front_sp *front = user;
    eventfd_t count;
    eventfd_read(descriptor, &count);
    int inner = atomic_exchange(&front->inner, -1);
    if (inner >= 0)
        connection_open(front, inner, SP_IPC, NULL);
    take_answers(front);
    for (size_t i = 0; i < front->acceptor_count; i++)
        acceptor_reopen_if_deaf(&front->acceptors[i]);
    if (!atomic_load(&front->ending))
        return;
    front->ending_us = front_sp_now_us(front) + LINGER_US;
    event_add(front->tick, &(struct timeval){.tv_usec = TICK_US_MIN});
    end_loop(front);
}

static void report(const struct front_sp *front) {
    struct metric_set *metrics = front->settings.metrics;
    metric_gauge(metrics, QUEUE_STANDING, 0, front->pace.is_standing);
    metric_gauge(metrics, BUFFER_MEMORY, 0, (int64_t)front->pool.used_bytes);
    metric_gauge(metrics, BUFFER_LIMIT, 0, (int64_t)front->pool.bytes_max);
}

static void on_tick(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct front_sp *front = user;
    int64_t now_us = front_sp_now_us(front);
    if (atomic_load(&front->ending)) {
        end_loop(front);
        return;
    }
    report(front);
    front_sp_accept_again(front);
    for (struct connection *at = front->connections, *next; at; at = next) {
        next = at->next;
        connection_check(at, now_us);
    }
    batch_settle(front);
}

static void *run(void *user) {
    own = user;
    if (own->settings.core)
        cpu_affinity_move(*own->settings.core);
    cpu_affinity_hasten();
    event_base_dispatch(own->base);
    return NULL;
}

/* ---- the watchdog, from outside ---- */

static void watch(struct front *base) {
    struct front_sp *front = (struct front_sp *)base;
    int64_t now_us = front_sp_now_us(front);
    if (atomic_load(&front->draining))
        return;
    for (size_t i = 0; i < front->acceptor_count; i++)
        acceptor_watch(&front->acceptors[i], now_us);
}

/* Those with TLS are left out: a probe would need a certificate. */
static void find_places(struct front *base, struct front_places *places) {
    struct front_sp *front = (struct front_sp *)base;
    for (size_t i = 0; i < front->acceptor_count; i++)
        if (!address_is_tls(front->acceptors[i].address))
            front_add_place(places, &front->acceptors[i].where, front->acceptors[i].where_length);
    if (atomic_load(&front->connection_count) >= front->settings.connections_max)
        places->is_full = true;
}

/* For the loop to take over one end. If it has not even taken the one before, it hangs. */
static int connect_inside(struct front *base) {
    struct front_sp *front = (struct front_sp *)base;
    int ends[2], none = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -1;
    if (atomic_compare_exchange_strong(&front->inner, &none, ends[0])) {
        eventfd_write(front->wake_descriptor, 1);
        return ends[1];
    }
    close(ends[0]);
    close(ends[1]);
    return -1;
}

/* ---- the end ---- */

static bool drain(struct front *base) {
    struct front_sp *front = (struct front_sp *)base;
    atomic_store(&front->draining, true);
    return !atomic_load(&front->handling) && atomic_load(&front->serving) == 0;
}

/* Closing a socket with unread input resets the connection, and the client loses answers that were
 * already written. So the input is discarded first. Over TLS only reading is done here:
 * close_notify is still to be written. */
static void discard_input(struct connection *connection) {
    char unread[4096];
    int descriptor = connection->stream.descriptor;
    if (!connection->stream.tls)
        shutdown(descriptor, SHUT_WR);
    for (int i = 0; i < 64 && recv(descriptor, unread, sizeof unread, MSG_DONTWAIT) > 0; i++)
        continue;
}

static void free_connections(struct front_sp *front) {
    batch_drop_due(front);
    while (front->connections) {
        struct connection *connection = front->connections;
        discard_input(connection);
        connection_close(connection, ENDING_SERVER);
        connection_release(connection);
    }
}

/* libevent frees a bufferevent in its loop, after its pending callbacks. */
static void let_libevent_finish(struct event_base *base) {
    for (int i = 0; i < 2; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static void front_free(struct front_sp *front) {
    for (size_t i = 0; i < front->acceptor_count; i++)
        acceptor_close(&front->acceptors[i]);
    event_free(front->wake);
    event_free(front->tick);
    event_free(front->settle);
    free_connections(front);
    let_libevent_finish(front->base);
    event_base_free(front->base);
    for (size_t i = 0; i < front->settings.requests_max; i++)
        buffer_deinit(&front->slots[i].answer);
    close(front->wake_descriptor);
    int inner = atomic_load(&front->inner);
    if (inner >= 0)
        close(inner);
    queue_deinit(&front->queue);
    chunk_pool_deinit(&front->pool);
    tls_close(front->tls);
    free(front->acceptors);
    free(front->slots);
    free(front->batch);
    free(front);
}

static void close_front(struct front *base) {
    struct front_sp *front = (struct front_sp *)base;
    while (!drain(base))
        usleep(1000);
    atomic_store(&front->ending, true);
    eventfd_write(front->wake_descriptor, 1);
    pthread_join(front->thread, NULL);
    front_free(front);
}

static int reload(struct front *base, const struct tls_settings *settings,
                  struct error *ret_error) {
    struct front_sp *front = (struct front_sp *)base;
    return front->tls ? tls_reload(front->tls, settings, ret_error) : 0;
}

/* ---- the beginning ---- */

static const struct front_kind sp_front = {
    .name = "sp",
    .reply = reply,
    .watch = watch,
    .find_places = find_places,
    .connect_inside = connect_inside,
    .drain = drain,
    .reload = reload,
    .close = close_front,
};

/* Each connection is a descriptor, and a process may have only so many. Raises the limit, or lowers
 * max_connections. */
static void make_room_for_connections(struct front_sp *front) {
    struct front_settings *settings = &front->settings;
    struct rlimit limit;
    size_t spare = DESCRIPTORS_SPARE + settings->connections_elsewhere;
    size_t wanted = settings->connections_max + spare;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted)
        return;
    size_t rest = limit.rlim_cur > 2 * spare ? limit.rlim_cur - spare : DESCRIPTORS_SPARE;
    if (rest < settings->connections_max)
        settings->connections_max = rest;
    log_line(settings->log, LOG_WARNING,
             "max_connections exceeds the limit of open files (%llu): reduced to %zu",
             (unsigned long long)limit.rlim_cur, settings->connections_max);
}

static void make_slots(struct front_sp *front) {
    size_t count = front->settings.requests_max;
    front->slots = check_calloc(count, sizeof *front->slots);
    for (size_t i = count; i-- > 0;) {
        buffer_init(&front->slots[i].answer);
        front->slots[i].next = front->idle;
        front->idle = &front->slots[i];
    }
    front->batch = check_calloc(count, sizeof(struct front_request *));
    front->unanswered_max = (count + 1) / 2;
}

/* At least four ticks within the shortest time limit. */
static struct timeval tick_interval(const struct front_settings *settings) {
    int64_t us = TICK_US_MAX;
    if (settings->idle_us > 0 && settings->idle_us / 4 < us)
        us = settings->idle_us / 4;
    if (settings->stall_us > 0 && settings->stall_us / 4 < us)
        us = settings->stall_us / 4;
    if (us < TICK_US_MIN)
        us = TICK_US_MIN;
    return (struct timeval){.tv_sec = us / 1000000, .tv_usec = us % 1000000};
}

static void make_loop(struct front_sp *front) {
    /* One thread uses it, so libevent needs no locks. */
    struct event_config *config = event_config_new();
    check(config && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0);
    atomic_init(&front->inner, -1);
    front->base = event_base_new_with_config(config);
    event_config_free(config);
    front->wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(front->base && front->wake_descriptor >= 0);
    struct timeval interval = tick_interval(&front->settings);
    front->wake =
        event_new(front->base, front->wake_descriptor, EV_READ | EV_PERSIST, on_wake, front);
    front->tick = event_new(front->base, -1, EV_PERSIST, on_tick, front);
    front->settle = event_new(front->base, -1, 0, on_settle, front);
    check(front->wake && front->tick && front->settle && event_add(front->wake, NULL) == 0 &&
          event_add(front->tick, &interval) == 0);
}

static int open_acceptors(struct front_sp *front, struct error *ret_error) {
    const struct front_settings *settings = &front->settings;
    bool wants_tls = false;
    for (size_t i = 0; i < settings->address_count; i++)
        wants_tls |= address_is_tls(settings->addresses[i]);
    int r =
        wants_tls ? tls_open(&settings->tls, settings->connections_max, &front->tls, ret_error) : 0;
    front->acceptors = check_calloc(settings->address_count, sizeof *front->acceptors);
    for (size_t i = 0; i < settings->address_count && r == 0; i++) {
        r = acceptor_open(&front->acceptors[i], front, settings->addresses[i], ret_error);
        front->acceptor_count += r == 0;
    }
    return r;
}

int front_sp_open(const struct front_settings *settings, struct front **ret_front,
                  struct error *ret_error) {
    struct front_sp *front = check_calloc(1, sizeof *front);
    front->front.kind = &sp_front;
    front->settings = *settings;
    front->due_end = &front->due;
    chunk_pool_init(&front->pool, settings->buffer_bytes_max);
    queue_init(&front->queue, &front->pool);
    front->pace = (struct pace){.default_deadline_us = settings->default_deadline_us,
                                .patience_percent = settings->patience_percent};
    front->class_secret = hash_secret(front);
    make_room_for_connections(front);
    make_slots(front);
    make_loop(front);
    int r = open_acceptors(front, ret_error);
    if (r < 0) {
        front_free(front);
        return r;
    }
    thread_start(&front->thread, run, front);
    *ret_front = &front->front;
    return 0;
}
