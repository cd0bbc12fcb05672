/* Whose thread waits for the network.
 *
 * The library has no thread of its own for calls that wait. There is one leader at a time, or none
 * while no thread is in a call. A thread that waits for an answer becomes the leader if there is
 * none: it polls all connections and reads what comes, for itself and for others, until its own
 * answer is there; then it hands over to another thread that waits. The others sleep, each on a
 * condition of its own. So a lone caller pays for its write, its poll and its read, and for no
 * context switch. Once there is a loop (loop.c), that leads for good.
 *
 * The leader also does what is due at a time: deadlines, back-off, reconnecting, probes. While no
 * thread is in a call, nothing does; the next call begins with poller_peek(), which catches up. */
#include "clients/c/delivery/poller.h"
#include "clients/c/base/clock.h"
#include "clients/c/delivery/dispatch.h"
#include "clients/c/exchange/wakeup.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#define PEEK_AFTER_US                                                                              \
    2000 /* without a look at the network; a busy client never pays for a peek                     \
          */

/* When the leader must wake up even if nothing arrives. */
static int64_t earliest(const struct harrier_client *client, int64_t until_us) {
    const struct timer *timer = timers_first(&client->timers);
    if (timer && timer->at_us < until_us)
        until_us = timer->at_us;
    for (size_t i = 0; i < client->endpoint_count; i++) {
        int64_t at_us = endpoint_next_at(&client->endpoints[i]);
        if (at_us < until_us)
            until_us = at_us;
    }
    return until_us;
}

/* [0] is the eventfd of wakeup(); then one per endpoint. */
static void fill_polls(struct harrier_client *client) {
    client->polls[0] = (struct pollfd){.fd = client->wake_descriptor, .events = POLLIN};
    for (size_t i = 0; i < client->endpoint_count; i++)
        endpoint_poll(&client->endpoints[i], &client->polls[i + 1]);
}

/* ppoll(), because deadlines are finer than a millisecond. Without the mutex. INT64_MAX: no limit.
 */
static int wait_for_network(struct pollfd *polls, nfds_t count, int64_t until_us) {
    struct timespec timeout;
    if (until_us != INT64_MAX) {
        int64_t left_us = until_us - monotonic_us();
        if (left_us < 0)
            left_us = 0;
        timeout = (struct timespec){.tv_sec = left_us / 1000000,
                                    .tv_nsec = (long)(left_us % 1000000) * 1000};
    }
    return ppoll(polls, count, until_us == INT64_MAX ? NULL : &timeout, NULL);
}

static void fire_timers(struct harrier_client *client, int64_t now_us) {
    struct timer *timer;
    while ((timer = timers_first(&client->timers)) && timer->at_us <= now_us) {
        timers_clear(&client->timers, timer);
        dispatch_timer_fired(RING_OF(timer, struct exchange, timer), now_us);
    }
    for (size_t i = 0; i < client->endpoint_count; i++)
        endpoint_timers(&client->endpoints[i], now_us);
}

static void flush_all(struct harrier_client *client, int64_t now_us) {
    for (size_t i = 0; i < client->endpoint_count; i++)
        endpoint_flush(&client->endpoints[i], now_us);
}

void poller_step(struct harrier_client *client, int64_t until_us) {
    flush_all(client, monotonic_us());
    fill_polls(client);
    until_us = earliest(client, until_us);
    client->polling = true;
    client->polling_until_us = until_us;
    client_unlock(client);
    int ready = wait_for_network(client->polls, (nfds_t)client->endpoint_count + 1, until_us);
    client_lock(client);
    client->polling = false;
    int64_t now_us = monotonic_us();
    if (ready > 0 && client->polls[0].revents) {
        uint64_t wakes;
        if (read(client->wake_descriptor, &wakes, sizeof wakes) < 0)
            ready--; /* it has been read already: nothing to do */
    }
    for (size_t i = 0; ready > 0 && i < client->endpoint_count; i++)
        if (client->polls[i + 1].revents)
            endpoint_ready(&client->endpoints[i], now_us);
    fire_timers(client, now_us); /* after reading: an answer that is there has come in time */
    client->polled_at_us = now_us;
}

/* The next leader: the follower that has waited longest, or the loop. */
static void hand_over(struct harrier_client *client) {
    struct ring *element = client->has_loop ? NULL : ring_first(&client->followers);
    if (element) {
        struct exchange *next = RING_OF(element, struct exchange, follower);
        ring_remove(element);
        next->leads = true;
        pthread_cond_signal(&next->woken);
        return;
    }
    client->led = false;
    if (client->has_loop)
        pthread_cond_signal(&client->loop_baton);
}

/* Sleeps until the exchange has ended or its thread is to lead. */
static void follow(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    ring_append(&client->followers, &exchange->follower);
    while (exchange->state != EXCHANGE_ENDED && !exchange->leads)
        pthread_cond_wait(&exchange->woken, &client->mutex);
    ring_remove(&exchange->follower);
}

void poller_until_ended(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    while (exchange->state != EXCHANGE_ENDED) {
        if (client->led || client->has_loop) {
            follow(exchange);
            if (!exchange->leads)
                continue;
            exchange->leads = false;
        }
        client->led = true;
        while (exchange->state != EXCHANGE_ENDED && !client->has_loop)
            poller_step(client, INT64_MAX);
        hand_over(client);
    }
}

void poller_peek(struct harrier_client *client, int64_t now_us) {
    if (client->led || client->has_loop || now_us - client->polled_at_us < PEEK_AFTER_US)
        return;
    client->led = true;
    /* A connection lost in this time has backed off since: stream.c connects again at once. */
    client->unwatched_us = now_us - client->polled_at_us;
    poller_step(client, 0);
    client->unwatched_us = 0;
    hand_over(client);
}

void poller_flush(struct harrier_client *client, struct endpoint *endpoint, int64_t now_us) {
    if (!endpoint)
        return;
    endpoint_flush(endpoint, now_us);
    if (endpoint_wants_to_write(endpoint))
        wakeup(client); /* the leader must poll for writing now */
}
