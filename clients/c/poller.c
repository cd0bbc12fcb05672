/* Whose thread waits for the network.
 *
 * There is one leader at a time, or none while nobody is in a call. A thread that waits for an
 * answer becomes the leader if there is none: it polls all connections, reads what comes, for
 * itself and for others, until its own answer is there, and hands the lead over to another one that
 * waits. The others sleep, each on a condition of its own. So a lone caller pays for nothing but
 * its write, its poll and its read. When there is a loop (submit.c), that leads for good.
 *
 * What has to happen at a time (deadlines, back-off, connecting again, probes) the leader does when
 * it is due. While nobody is in a call nobody does; the next call begins with a glance at what is
 * overdue. */
#include "client.h"
#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#define GLANCE_AFTER_US 2000 /* of nobody looking */

void poller_wake(struct harrier_client *client) {
    const uint64_t one = 1;
    if (!client->polling || client->polling_until_us == INT64_MIN)
        return; /* it looks by itself, or is woken already */
    client->polling_until_us = INT64_MIN;
    if (write(client->wake_descriptor, &one, sizeof one) < 0)
        return; /* its counter is full: it is awake */
}

void poller_wake_before(struct harrier_client *client, int64_t at_us) {
    if (at_us < client->polling_until_us)
        poller_wake(client);
}

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

/* [0] is what wakes; then the links. */
static void fill_polls(struct harrier_client *client) {
    client->polls[0] = (struct pollfd){.fd = client->wake_descriptor, .events = POLLIN};
    for (size_t i = 0; i < client->endpoint_count; i++) {
        struct pollfd *poll_of = &client->polls[i + 1];
        *poll_of = (struct pollfd){.fd = -1};
        if (client->endpoints[i].stream)
            stream_poll(client->endpoints[i].stream, poll_of);
    }
}

/* Without the mutex; INT64_MAX: for ever. */
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
        exchange_timer_fired(RING_OF(timer, struct exchange, timer), now_us);
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
            ready--; /* somebody has read it: nothing to do */
    }
    for (size_t i = 0; ready > 0 && i < client->endpoint_count; i++)
        if (client->polls[i + 1].revents)
            stream_ready(client->endpoints[i].stream, now_us);
    fire_timers(client, now_us); /* behind what came in time */
    client->pumped_at_us = now_us;
}

void poller_hand_over(struct harrier_client *client) {
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
        poller_hand_over(client);
    }
}

void poller_peek(struct harrier_client *client, int64_t now_us) {
    if (client->led || client->has_loop || now_us - client->pumped_at_us < GLANCE_AFTER_US)
        return;
    client->led = true;
    client->unwatched_us = now_us - client->pumped_at_us;
    poller_step(client, 0);
    client->unwatched_us = 0;
    poller_hand_over(client);
}

void poller_flush(struct harrier_client *client, struct endpoint *endpoint, int64_t now_us) {
    if (!endpoint)
        return;
    endpoint_flush(endpoint, now_us);
    if (!ring_is_empty(&endpoint->unsent))
        poller_wake(client); /* to wait until the socket takes more */
}
