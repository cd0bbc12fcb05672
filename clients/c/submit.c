/* Pipelined scoring: nng's threads drive the exchange from the aio's callback. */
#include "clients/c/client.h"

int harrier_score_submit(struct harrier_client *client,
                         const struct harrier_transaction *transactions, size_t count,
                         const struct harrier_score_options *options,
                         harrier_score_callback *callback, void *user,
                         struct harrier_error *ret_error) {
    static const struct harrier_score_options none;
    const struct harrier_score_options *o = options ? options : &none;
    int64_t now_us = monotonic_us();
    uint64_t deadline_us = o->deadline_us ? o->deadline_us : client->deadline_us;
    struct harrier_error busy;
    struct exchange *exchange = client_take_pipelined(client, now_us + (int64_t)deadline_us, &busy);
    if (!exchange) {
        if (ret_error)
            *ret_error = busy;
        return -(int)busy.code;
    }
    struct request request = {.call = CALL_SCORE,
                              .score = {.transaction_count = count,
                                        .dry_run = o->dry_run,
                                        .return_features = o->return_features}};
    exchange->callback = callback;
    exchange->user = user;
    int r = exchange_set_deadline(exchange, o->deadline_us, now_us, ret_error);
    if (r == 0)
        r = transactions_from_public(transactions, count, &exchange->arena,
                                     &request.score.transactions, ret_error);
    if (r == 0)
        r = exchange_encode(exchange, &request, ret_error);
    if (r == 0 && exchange_start(exchange))
        return 0;
    if (r == 0) /* it ended before it was under way */
        r = exchange_result(exchange, NULL, ret_error);
    client_put(exchange);
    client_landed(client);
    return r;
}

void submit_aio_done(void *argument) {
    struct exchange *exchange = argument;
    if (exchange_advance(exchange))
        return;
    struct harrier_client *client = exchange->client;
    harrier_score_callback *callback = exchange->callback;
    void *user = exchange->user;
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r = exchange_result(exchange, &reply, &error);
    /* First the place, so that the callback can submit the next one into it. */
    client_put(exchange);
    callback(reply, r < 0 ? &error : NULL, user);
    client_landed(client);
}
