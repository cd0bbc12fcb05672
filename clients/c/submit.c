/* Pipelined scoring: the calling thread encodes and queues the request, the loop gets the answer.
 */
#include "clients/c/base/clock.h"
#include "clients/c/base/fail.h"
#include "clients/c/convert/convert.h"
#include "clients/c/delivery/dispatch.h"
#include "clients/c/delivery/exchange_pool.h"
#include "clients/c/delivery/poller.h"
#include "clients/c/exchange/wakeup.h"
#include "clients/c/loop.h"

/* With more requests than this under way, a submitting thread leaves its bytes to the loop, which
 * sends those of several requests in one system call. With fewer, it sends them itself, which saves
 * waking the loop. */
#define DIRECT_MAX 4

/* Admits and queues the request, and sees to it that it is sent: by this thread while the loop
 * waits in poll() and little is in flight; otherwise by the loop, which flushes before it polls
 * again. */
static int start(struct exchange *exchange, bool may_wait, struct harrier_error *ret_error) {
    struct harrier_client *client = exchange->client;
    client_lock(client);
    int r = loop_begin(client, ret_error);
    if (r == 0) {
        r = exchange_pool_admit(exchange, may_wait);
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
        dispatch_start(exchange);
        wakeup_before(client, exchange->timer.at_us);
        if (client->polling && exchange->state == EXCHANGE_QUEUED) {
            if (client->in_flight <= DIRECT_MAX)
                poller_flush(client, exchange->endpoint, now_us);
            else
                wakeup(client);
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
    struct exchange *exchange = exchange_pool_take(client);
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
        exchange_pool_put(exchange);
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
