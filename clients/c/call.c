/* Calls that wait for their answer: the calling thread drives the exchange itself, so that no other
 * thread has to be woken on the way. */
#include "clients/c/client.h"

static void run(struct exchange *exchange) {
    bool under_way = exchange_start(exchange);
    while (under_way) {
        nng_aio_wait(exchange->aio);
        under_way = exchange_advance(exchange);
    }
}

/* Gives the exchange back. */
static int finish(struct exchange *exchange, struct request *request,
                  struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    int r = exchange_encode(exchange, request, ret_error);
    if (r == 0) {
        run(exchange);
        r = exchange_result(exchange, ret_reply, ret_error);
    }
    client_put(exchange);
    return r;
}

/* A place for a request with its deadline running; NULL with *ret_failure < 0. */
static struct exchange *begin(struct harrier_client *client, uint64_t deadline_us,
                              struct harrier_error *ret_error, int *ret_failure) {
    int64_t now_us = monotonic_us();
    struct exchange *exchange = client_take(client, ret_error);
    if (!exchange) {
        *ret_failure = -(int)HARRIER_ERROR_UNAVAILABLE;
        return NULL;
    }
    int r = exchange_set_deadline(exchange, deadline_us, now_us, ret_error);
    if (r < 0) {
        client_put(exchange);
        *ret_failure = r;
        return NULL;
    }
    return exchange;
}

int harrier_score(struct harrier_client *client, const struct harrier_transaction *transactions,
                  size_t count, const struct harrier_score_options *options,
                  struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    static const struct harrier_score_options none;
    const struct harrier_score_options *o = options ? options : &none;
    int r;
    struct exchange *exchange = begin(client, o->deadline_us, ret_error, &r);
    if (!exchange)
        return r;
    struct request request = {.call = CALL_SCORE,
                              .score = {.transaction_count = count,
                                        .dry_run = o->dry_run,
                                        .return_features = o->return_features}};
    r = transactions_from_public(transactions, count, &exchange->arena, &request.score.transactions,
                                 ret_error);
    if (r < 0) {
        client_put(exchange);
        return r;
    }
    return finish(exchange, &request, ret_reply, ret_error);
}

int harrier_report_outcomes(struct harrier_client *client, const struct harrier_outcome *outcomes,
                            size_t count, uint64_t deadline_us, struct harrier_reply **ret_reply,
                            struct harrier_error *ret_error) {
    int r;
    struct exchange *exchange = begin(client, deadline_us, ret_error, &r);
    if (!exchange)
        return r;
    struct request request = {
        .call = CALL_REPORT_OUTCOME,
        .outcome = {.outcomes = outcomes_from_public(outcomes, count, &exchange->arena),
                    .outcome_count = count}};
    return finish(exchange, &request, ret_reply, ret_error);
}

int harrier_get_entity(struct harrier_client *client, const char *entity, const char *const *key,
                       size_t key_count, int64_t at_time_us, uint64_t deadline_us,
                       struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    int r;
    struct text parts[ENTITY_KEY_PARTS_MAX];
    if (key_count > ENTITY_KEY_PARTS_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "key", "key has %zu parts; expected 1 to %d",
                    key_count, ENTITY_KEY_PARTS_MAX);
    struct exchange *exchange = begin(client, deadline_us, ret_error, &r);
    if (!exchange)
        return r;
    for (size_t i = 0; i < key_count; i++)
        parts[i] = text_of(key[i]);
    struct request request = {.call = CALL_GET_ENTITY,
                              .entity = {.entity = text_of(entity),
                                         .key = parts,
                                         .key_count = key_count,
                                         .at_time_us = at_time_us}};
    return finish(exchange, &request, ret_reply, ret_error);
}

int harrier_change_lists(struct harrier_client *client, const struct harrier_list_change *changes,
                         size_t count, uint64_t deadline_us, struct harrier_reply **ret_reply,
                         struct harrier_error *ret_error) {
    int r;
    struct exchange *exchange = begin(client, deadline_us, ret_error, &r);
    if (!exchange)
        return r;
    struct request request = {
        .call = CALL_CHANGE_LIST,
        .list_change = {.changes = list_changes_from_public(changes, count, &exchange->arena),
                        .change_count = count}};
    return finish(exchange, &request, ret_reply, ret_error);
}

int harrier_get_list(struct harrier_client *client, const char *list, uint64_t after_position,
                     unsigned limit, uint64_t deadline_us, struct harrier_reply **ret_reply,
                     struct harrier_error *ret_error) {
    int r;
    struct exchange *exchange = begin(client, deadline_us, ret_error, &r);
    if (!exchange)
        return r;
    struct request request = {
        .call = CALL_GET_LIST,
        .list = {.list = text_of(list), .after_position = after_position, .limit = limit}};
    return finish(exchange, &request, ret_reply, ret_error);
}

int harrier_status(struct harrier_client *client, bool with_state_hash, uint64_t deadline_us,
                   struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    int r;
    struct exchange *exchange = begin(client, deadline_us, ret_error, &r);
    if (!exchange)
        return r;
    struct request request = {.call = CALL_STATUS, .status.state_hash = with_state_hash};
    return finish(exchange, &request, ret_reply, ret_error);
}

int harrier_reload(struct harrier_client *client, bool wait, uint64_t deadline_us,
                   struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    int r;
    struct exchange *exchange = begin(client, deadline_us, ret_error, &r);
    if (!exchange)
        return r;
    struct request request = {.call = CALL_RELOAD, .reload.wait = wait};
    return finish(exchange, &request, ret_reply, ret_error);
}

int harrier_explain(struct harrier_client *client, const char *transaction_id, uint64_t deadline_us,
                    struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    int r;
    struct exchange *exchange = begin(client, deadline_us, ret_error, &r);
    if (!exchange)
        return r;
    struct request request = {.call = CALL_EXPLAIN,
                              .explain.transaction_id = text_of(transaction_id)};
    return finish(exchange, &request, ret_reply, ret_error);
}
