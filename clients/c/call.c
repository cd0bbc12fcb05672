/* Calls that wait for their answer. The calling thread writes, polls and reads itself (see
 * delivery/poller.c), so no other thread has to be woken on the way.
 *
 * Every call is begin(), which takes an exchange; its arguments as a struct request of core/wire;
 * and finish(), which encodes, runs, applies fallbacks and gives the exchange back. */
#include "clients/c/base/clock.h"
#include "clients/c/base/fail.h"
#include "clients/c/convert/convert.h"
#include "clients/c/delivery/conclude.h"
#include "clients/c/delivery/dispatch.h"
#include "clients/c/delivery/exchange_pool.h"
#include "clients/c/delivery/fallback.h"
#include "clients/c/delivery/poller.h"
#include "clients/c/exchange/wakeup.h"
#include "clients/c/loop.h"

static const struct harrier_call_options no_options;

/* ---------------------------------------------------------------------------------------------
 * One call */

static int closed(struct harrier_error *ret_error) {
    return fail(ret_error, HARRIER_ERROR_CLOSED, "", "the client is closed");
}

/* exchange_pool_admit() failed with r: BUSY here means that the deadline passed while it waited. */
static int not_admitted(const struct exchange *exchange, int r, struct harrier_error *ret_error) {
    if (r == -(int)HARRIER_ERROR_CLOSED)
        return closed(ret_error);
    return fail(ret_error, HARRIER_ERROR_BUSY, "",
                "%zu requests were in flight until the deadline; expected at most that many "
                "(in_flight_max)",
                exchange->client->in_flight_max);
}

/* From admission to the end of the last attempt. The queue is flushed here, by this thread, even
 * when another one leads: waking the leader to write would cost more. */
static int run(struct exchange *exchange, struct harrier_reply **ret_reply,
               struct harrier_error *ret_error) {
    struct harrier_client *client = exchange->client;
    client_lock(client);
    int r = exchange_pool_admit(exchange, true);
    if (r < 0) {
        client_unlock(client);
        return not_admitted(exchange, r, ret_error);
    }
    poller_peek(client, exchange->begun_at_us);
    dispatch_start(exchange);
    for (;;) {
        if (exchange->state == EXCHANGE_QUEUED)
            poller_flush(client, exchange->endpoint, monotonic_us());
        wakeup_before(client, exchange->timer.at_us);
        poller_until_ended(exchange);
        client_unlock(client);
        if (conclude(exchange, &r, ret_reply, ret_error))
            break;
        client_lock(client);
    }
    client_lock(client);
    exchange_pool_release(exchange);
    client_unlock(client);
    return r;
}

/* Encodes and runs the request, and puts the exchange back. Errors go through `error`, because
 * fallback_for_call() reads it even if the caller passed no ret_error. */
static int finish(struct exchange *exchange, struct request *request,
                  const struct harrier_call_options *options, struct harrier_reply **ret_reply,
                  struct harrier_error *ret_error) {
    struct harrier_error error;
    struct harrier_reply *reply = NULL;
    request->traceparent = traceparent_from_public(options->traceparent);
    exchange->call = request->call;
    exchange->count = 0;
    int r = exchange_encode(exchange, request, &error);
    if (r == 0)
        r = run(exchange, &reply, &error);
    if (exchange->client->meter.on) {
        client_lock(exchange->client);
        exchange_record(exchange, r);
        client_unlock(exchange->client);
    }
    if (r < 0)
        r = fallback_for_call(exchange, r, &reply, &error);
    else
        fallback_for_results(exchange, reply);
    if (r == 0)
        *ret_reply = reply;
    else if (ret_error)
        *ret_error = error;
    exchange_pool_put(exchange);
    return r;
}

/* An exchange whose deadline is running; NULL: refused, with *ret_failure < 0. */
static struct exchange *begin(struct harrier_client *client,
                              const struct harrier_call_options *options, int *ret_failure,
                              struct harrier_error *ret_error) {
    int r = client_check(client, ret_error);
    if (r == 0 && loop_is_self(client))
        r = fail(ret_error, HARRIER_ERROR_INVALID, "",
                 "a callback must not call what waits; expected harrier_score_submit()");
    if (r < 0) {
        *ret_failure = r;
        return NULL;
    }
    struct exchange *exchange = exchange_pool_take(client);
    r = exchange_set_deadline(exchange, options->deadline_us, ret_error);
    if (r == 0)
        return exchange;
    exchange_pool_put(exchange);
    *ret_failure = r;
    return NULL;
}

/* ---------------------------------------------------------------------------------------------
 * The calls */

int harrier_score(struct harrier_client *client, const struct harrier_transaction *transactions,
                  size_t count, const struct harrier_score_options *options,
                  struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    static const struct harrier_score_options none;
    const struct harrier_score_options *o = options ? options : &none;
    const struct harrier_call_options of_call = {.deadline_us = o->deadline_us,
                                                 .traceparent = o->traceparent};
    int r = 0;
    struct exchange *exchange = begin(client, &of_call, &r, ret_error);
    if (!exchange)
        return r;
    struct request request = {.call = CALL_SCORE,
                              .score = {.transaction_count = count,
                                        .dry_run = o->dry_run,
                                        .return_features = o->return_features}};
    r = transactions_from_public(transactions, count, &exchange->arena, &request.score.transactions,
                                 ret_error);
    if (r < 0) {
        exchange_pool_put(exchange);
        return r;
    }
    return finish(exchange, &request, &of_call, ret_reply, ret_error);
}

int harrier_report_outcomes(struct harrier_client *client, const struct harrier_outcome *outcomes,
                            size_t count, const struct harrier_call_options *options,
                            struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    const struct harrier_call_options *o = options ? options : &no_options;
    int r = 0;
    struct exchange *exchange = begin(client, o, &r, ret_error);
    if (!exchange)
        return r;
    struct request request = {
        .call = CALL_REPORT_OUTCOME,
        .outcome = {.outcomes = outcomes_from_public(outcomes, count, &exchange->arena),
                    .outcome_count = count}};
    return finish(exchange, &request, o, ret_reply, ret_error);
}

int harrier_amend(struct harrier_client *client, const struct harrier_amendment *amendments,
                  size_t count, const struct harrier_call_options *options,
                  struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    const struct harrier_call_options *o = options ? options : &no_options;
    int r = 0;
    struct exchange *exchange = begin(client, o, &r, ret_error);
    if (!exchange)
        return r;
    struct request request = {
        .call = CALL_AMEND,
        .amend = {.amendments = amendments_from_public(amendments, count, &exchange->arena),
                  .amendment_count = count}};
    return finish(exchange, &request, o, ret_reply, ret_error);
}

int harrier_backfill(struct harrier_client *client, const struct harrier_backfill_item *items,
                     size_t count, const struct harrier_call_options *options,
                     struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    const struct harrier_call_options *o = options ? options : &no_options;
    int r = 0;
    struct exchange *exchange = begin(client, o, &r, ret_error);
    if (!exchange)
        return r;
    struct request request = {.call = CALL_BACKFILL, .backfill.item_count = count};
    r = backfill_from_public(items, count, &exchange->arena, &request.backfill.items, ret_error);
    if (r < 0) {
        exchange_pool_put(exchange);
        return r;
    }
    return finish(exchange, &request, o, ret_reply, ret_error);
}

int harrier_get_entity(struct harrier_client *client, const char *entity, const char *const *key,
                       size_t key_count, int64_t at_time_us,
                       const struct harrier_call_options *options, struct harrier_reply **ret_reply,
                       struct harrier_error *ret_error) {
    const struct harrier_call_options *o = options ? options : &no_options;
    int r = 0;
    struct text parts[ENTITY_KEY_PARTS_MAX];
    if (key_count > ENTITY_KEY_PARTS_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "key", "key has %zu parts; expected 1 to %d",
                    key_count, ENTITY_KEY_PARTS_MAX);
    struct exchange *exchange = begin(client, o, &r, ret_error);
    if (!exchange)
        return r;
    for (size_t i = 0; i < key_count; i++)
        parts[i] = text_of(key[i]);
    struct request request = {.call = CALL_GET_ENTITY,
                              .entity = {.entity = text_of(entity),
                                         .key = parts,
                                         .key_count = key_count,
                                         .at_time_us = at_time_us}};
    return finish(exchange, &request, o, ret_reply, ret_error);
}

int harrier_change_lists(struct harrier_client *client, const struct harrier_list_change *changes,
                         size_t count, const struct harrier_call_options *options,
                         struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    const struct harrier_call_options *o = options ? options : &no_options;
    int r = 0;
    struct exchange *exchange = begin(client, o, &r, ret_error);
    if (!exchange)
        return r;
    struct request request = {
        .call = CALL_CHANGE_LIST,
        .list_change = {.changes = list_changes_from_public(changes, count, &exchange->arena),
                        .change_count = count}};
    return finish(exchange, &request, o, ret_reply, ret_error);
}

int harrier_change_brake(struct harrier_client *client, const struct harrier_brake_change *change,
                         const struct harrier_call_options *options,
                         struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    const struct harrier_call_options *o = options ? options : &no_options;
    int r = 0;
    struct exchange *exchange = begin(client, o, &r, ret_error);
    if (!exchange)
        return r;
    struct request request = {.call = CALL_CHANGE_BRAKE,
                              .brake_change = {.rule = text_of(change->rule),
                                               .of_policy = change->policy,
                                               .pull = change->pull,
                                               .definition = change->definition,
                                               .source = text_of(change->source),
                                               .reason = text_of(change->reason)}};
    return finish(exchange, &request, o, ret_reply, ret_error);
}

int harrier_get_list(struct harrier_client *client, const char *list, uint64_t after_position,
                     unsigned limit, const struct harrier_call_options *options,
                     struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    const struct harrier_call_options *o = options ? options : &no_options;
    int r = 0;
    struct exchange *exchange = begin(client, o, &r, ret_error);
    if (!exchange)
        return r;
    struct request request = {
        .call = CALL_GET_LIST,
        .list = {.list = text_of(list), .after_position = after_position, .limit = limit}};
    return finish(exchange, &request, o, ret_reply, ret_error);
}

int harrier_status(struct harrier_client *client, bool with_state_hash,
                   const struct harrier_call_options *options, struct harrier_reply **ret_reply,
                   struct harrier_error *ret_error) {
    const struct harrier_call_options *o = options ? options : &no_options;
    int r = 0;
    struct exchange *exchange = begin(client, o, &r, ret_error);
    if (!exchange)
        return r;
    struct request request = {.call = CALL_STATUS, .status.state_hash = with_state_hash};
    return finish(exchange, &request, o, ret_reply, ret_error);
}

int harrier_reload(struct harrier_client *client, bool wait,
                   const struct harrier_call_options *options, struct harrier_reply **ret_reply,
                   struct harrier_error *ret_error) {
    const struct harrier_call_options *o = options ? options : &no_options;
    int r = 0;
    struct exchange *exchange = begin(client, o, &r, ret_error);
    if (!exchange)
        return r;
    struct request request = {.call = CALL_RELOAD, .reload.wait = wait};
    return finish(exchange, &request, o, ret_reply, ret_error);
}

int harrier_find(struct harrier_client *client, const struct harrier_find_query *query,
                 const struct harrier_call_options *options, struct harrier_reply **ret_reply,
                 struct harrier_error *ret_error) {
    const struct harrier_call_options *o = options ? options : &no_options;
    struct request request = {.call = CALL_FIND};
    struct find_key keys[FIELD_COUNT];
    int r = find_from_public(query, keys, &request.find, ret_error);
    if (r < 0)
        return r;
    struct exchange *exchange = begin(client, o, &r, ret_error);
    if (!exchange)
        return r;
    return finish(exchange, &request, o, ret_reply, ret_error);
}

int harrier_explain(struct harrier_client *client, const char *transaction_id,
                    const struct harrier_call_options *options, struct harrier_reply **ret_reply,
                    struct harrier_error *ret_error) {
    const struct harrier_call_options *o = options ? options : &no_options;
    int r = 0;
    struct exchange *exchange = begin(client, o, &r, ret_error);
    if (!exchange)
        return r;
    struct request request = {.call = CALL_EXPLAIN,
                              .explain.transaction_id = text_of(transaction_id)};
    return finish(exchange, &request, o, ret_reply, ret_error);
}
