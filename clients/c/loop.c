/* The loop alternates between two things: running the callbacks of exchanges that have ended, and
 * one step of the poller. It takes over from the leader of the moment, which notices has_loop after
 * its next step and hands over. Callbacks run without the mutex and one at a time, so a slow one
 * delays every other answer of this client. */
#include "clients/c/loop.h"
#include "clients/c/base/fail.h"
#include "clients/c/delivery/conclude.h"
#include "clients/c/delivery/exchange_pool.h"
#include "clients/c/delivery/fallback.h"
#include "clients/c/delivery/poller.h"
#include "clients/c/exchange/wakeup.h"

static __thread const struct harrier_client *loop_of; /* the client whose loop this thread is */

bool loop_is_self(const struct harrier_client *client) {
    return loop_of == client;
}

/* Runs the callback of an exchange that has ended, unless it is sent again. Mutex held, released
 * for the callback. The exchange is put back before, so callbacks must not refer to it. */
static void call_back(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r;
    client_unlock(client);
    if (!conclude(exchange, &r, &reply, &error)) {
        client_lock(client);
        return;
    }
    client_lock(client);
    exchange_pool_release(exchange); /* before the callback, so that it can submit another one */
    if (client->meter.on)
        exchange_record(exchange, r);
    client_unlock(client);
    if (r < 0)
        r = fallback_for_call(exchange, r, &reply, &error);
    else
        fallback_for_results(exchange, reply);
    harrier_score_callback *callback = exchange->callback;
    void *user = exchange->user;
    exchange_pool_put(exchange);
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
    while (client->led) /* a thread that waits for an answer of its own still leads */
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

int loop_begin(struct harrier_client *client, struct harrier_error *ret_error) {
    if (client->has_loop || client->closing)
        return 0;
    if (pthread_create(&client->loop, NULL, run_loop, client) != 0)
        return fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "", "cannot create a thread");
    client->has_loop = true;
    wakeup(client); /* the leader of the moment hands over */
    return 0;
}

void loop_end(struct harrier_client *client) {
    client_lock(client);
    bool has_loop = client->has_loop;
    client->loop_ends = true;
    wakeup(client);
    client_unlock(client);
    if (has_loop)
        pthread_join(client->loop, NULL);
}
