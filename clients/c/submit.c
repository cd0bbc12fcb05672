/* Pipelined scoring: one thread of the library, the loop, begun at the first use. It leads the pump
 * from then on, and runs the callbacks. */
#include "client.h"

#include "core/base/check.h"

/* So many requests under way, and a submitting thread leaves its bytes to the loop, which sends
 * those of several at once. Below, it sends them itself: nobody has to be woken for it. */
#define DIRECT_MAX 4

static __thread const struct harrier_client *loop_of; /* whose loop this thread is */

bool loop_is_self(const struct harrier_client *client) {
    return loop_of == client;
}

/* ---------------------------------------------------------------------------------------------
 * The loop */

static void note_call(const struct exchange *exchange, int r) {
    struct harrier_client *client = exchange->client;
    double seconds = (double)(monotonic_us() - exchange->begun_at_us) / 1e6;
    meter_called(&client->meter, call_name(exchange->call),
                 harrier_error_name((enum harrier_error_code) - r), seconds);
    meter_observe(&client->meter, "harrier_client_transactions", (double)exchange->count);
}

/* One that has ended: its callback, unless it is sent again. The mutex is given up for it. */
static void call_back(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r;
    client_unlock(client);
    if (exchange_conclude(exchange, &r, &reply, &error) == EXCHANGE_GOES_ON) {
        client_lock(client);
        return;
    }
    client_lock(client);
    client_release(exchange); /* first the place, so that the callback can submit into it */
    if (client->meter.on)
        note_call(exchange, r);
    client_unlock(client);
    if (r < 0)
        r = fallback_for_call(exchange, r, &reply, &error);
    else
        fallback_for_results(exchange, reply);
    harrier_score_callback *callback = exchange->callback;
    void *user = exchange->user;
    client_put(exchange);
    callback(reply, r < 0 ? &error : NULL, user);
    client_lock(client);
    client->pipelined--;
    if (client->pipelined <= client->pipelined_awaited)
        pthread_cond_broadcast(&client->changed);
}

static void *run_loop(void *argument) {
    struct harrier_client *client = argument;
    struct ring *element;
    loop_of = client;
    client_lock(client);
    while (client->led)
        pthread_cond_wait(&client->loop_baton, &client->mutex);
    client->led = true;
    while (!client->loop_ends) {
        while ((element = ring_first(&client->ended))) {
            ring_remove(element);
            call_back(RING_OF(element, struct exchange, place));
        }
        poller_step(client, INT64_MAX);
    }
    client_unlock(client);
    return NULL;
}

/* Mutex held. */
static int begin_loop(struct harrier_client *client, struct harrier_error *ret_error) {
    if (client->has_loop || client->closing)
        return 0;
    if (pthread_create(&client->loop, NULL, run_loop, client) != 0)
        return fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "", "no thread is to be had");
    client->has_loop = true;
    poller_wake(client); /* whoever leads hands over */
    return 0;
}

void loop_end(struct harrier_client *client) {
    client_lock(client);
    bool has_loop = client->has_loop;
    client->loop_ends = true;
    poller_wake(client);
    client_unlock(client);
    if (has_loop)
        pthread_join(client->loop, NULL);
}

/* ---------------------------------------------------------------------------------------------
 * Submitting */

static int start(struct exchange *exchange, bool may_wait, struct harrier_error *ret_error) {
    struct harrier_client *client = exchange->client;
    client_lock(client);
    int r = begin_loop(client, ret_error);
    if (r == 0) {
        r = client_admit(exchange, may_wait);
        if (r == -(int)HARRIER_ERROR_CLOSED)
            fail(ret_error, HARRIER_ERROR_CLOSED, "", "the client is closed");
        else if (r < 0)
            fail(ret_error, HARRIER_ERROR_BUSY, "",
                 "%zu requests are in flight; expected at most that many (in_flight_max)",
                 client->in_flight_max);
    }
    if (r == 0) {
        client->pipelined++;
        int64_t now_us = monotonic_us();
        exchange_start(exchange, now_us);
        poller_wake_before(client, exchange->timer.at_us);
        if (client->polling && exchange->state == EXCHANGE_QUEUED) {
            if (client->in_flight <= DIRECT_MAX)
                poller_flush(client, exchange->endpoint, now_us);
            else
                poller_wake(client);
        }
    }
    client_unlock(client);
    return r;
}

int harrier_score_submit(struct harrier_client *client,
                         const struct harrier_transaction *transactions, size_t count,
                         const struct harrier_score_options *options,
                         harrier_score_callback *callback, void *user,
                         struct harrier_error *ret_error) {
    static const struct harrier_score_options none;
    const struct harrier_score_options *o = options ? options : &none;
    int r = client_check(client, ret_error);
    if (r < 0)
        return r;
    struct exchange *exchange = client_take(client);
    struct request request = {.call = CALL_SCORE,
                              .traceparent = traceparent_from_public(o->traceparent),
                              .score = {.transaction_count = count,
                                        .dry_run = o->dry_run,
                                        .return_features = o->return_features}};
    exchange->pipelined = true;
    exchange->callback = callback;
    exchange->user = user;
    r = exchange_set_deadline(exchange, o->deadline_us, ret_error);
    if (r == 0)
        r = transactions_from_public(transactions, count, &exchange->arena,
                                     &request.score.transactions, ret_error);
    if (r == 0)
        r = exchange_encode(exchange, &request, ret_error);
    if (r == 0)
        r = start(exchange, !client->busy_when_full && !loop_is_self(client), ret_error);
    if (r < 0)
        client_put(exchange);
    return r;
}

void harrier_wait(struct harrier_client *client, size_t in_flight) {
    client_lock(client);
    client->pipelined_waiters++;
    if (client->pipelined_awaited < in_flight || client->pipelined_waiters == 1)
        client->pipelined_awaited = in_flight;
    while (client->pipelined > in_flight)
        pthread_cond_wait(&client->changed, &client->mutex);
    client->pipelined_waiters--;
    client_unlock(client);
}

void harrier_drain(struct harrier_client *client) {
    harrier_wait(client, 0);
}
