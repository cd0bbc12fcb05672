/* Backfill: each item takes the path of a transaction of Score (known id? → decide → archive →
 * apply), with its outcome and amendment behind it; its record says that it was backfilled.
 *
 * Decisions come first. A request may have a thousand items, so it is recorded in slices of a tenth
 * of a millisecond, each with a write of its own. Between two of them the thread leaves the lock
 * alone for three times as long as it held it. And history never uses up the memory that decisions
 * need until the next tables: from a share of overlay_limit on, items are refused and the client
 * waits.
 *
 * Brakes and the metrics of decisions do not count here: nobody acts on these decisions. */
#include "backfill.h"

#include "protect_run.h"
#include "run_queue.h"
#include "server/adopt/erasure.h"
#include "server/adopt/staleness.h"
#include "server/base/append.h"
#include "server/base/commit.h"
#include "server/base/outage.h"
#include "server/base/run_pool.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <time.h>

#define SLICE_US     100 /* that the lock is held, but for the last item's excess */
#define SLICE_ITEMS  16
#define PAUSE_FACTOR 3 /* of what a slice took */
#define PAUSE_US_MAX 1000000

/* ---- asking ---- */

static int stopping(struct error *ret_error) {
    return error_set(ret_error, ERROR_UNAVAILABLE,
                     "the server is shutting down; try again with the same ids");
}

enum next perform_backfill(struct run *run) {
    struct error error;
    if (atomic_load(&run->service->draining)) {
        stopping(&error);
        return run_refuse(run, &error, (struct text){0});
    }
    if (!run_queue_admit(run->service->backfills, run)) {
        error_set(&error, ERROR_UNAVAILABLE,
                  "busy: %d backfills are already in progress; try again", BACKFILL_WAITERS_MAX);
        return run_refuse(run, &error, (struct text){0});
    }
    return NEXT;
}

/* ---- one item ---- */

/* The reports of an item are its transaction's, and need not repeat the id. */
static int take_id(struct text *id, struct text of, struct error *ret_error) {
    if (id->length > 0 && !text_equal(*id, of))
        return error_set(ret_error, ERROR_INVALID,
                         "transaction_id is that of another transaction than the item's");
    *id = of;
    return 0;
}

static int check_outcome(const struct run *run, struct backfill_item *item, struct text *ret_field,
                         struct error *ret_error) {
    struct outcome *outcome = &item->outcome;
    int r = take_id(&outcome->transaction_id, item->transaction.id, ret_error);
    if (r == 0)
        r = outcome_check(outcome, ret_field, ret_error);
    if (r == 0)
        r = run_check_future(run, "known_time_us", outcome->known_time_us, ret_error);
    if (r < 0 && ret_field->length == 0)
        *ret_field = TEXT_LITERAL("outcome");
    return r;
}

/* is_new: nothing else has amended the transaction, so what contradicts it is wrong for certain,
 * and the item is refused before its transaction is recorded. */
static int check_amendment(const struct run *run, struct backfill_item *item, bool is_new,
                           struct text *ret_field, struct error *ret_error) {
    struct amendment *amendment = &item->amendment;
    const struct amended scored = amended_of(&item->transaction);
    struct amended now;
    int r = take_id(&amendment->transaction_id, item->transaction.id, ret_error);
    if (r == 0)
        r = amendment_check(amendment, ret_field, ret_error);
    if (r == 0)
        r = run_check_future(run, "known_time_us", amendment->known_time_us, ret_error);
    if (r == 0 && is_new)
        r = amendment_apply(amendment, &item->transaction, &scored, &now, ret_field, ret_error);
    if (r < 0 && ret_field->length == 0)
        *ret_field = TEXT_LITERAL("amendment");
    return r;
}

static int check_item(const struct run *run, struct backfill_item *item, bool is_new,
                      struct text *ret_field, struct error *ret_error) {
    int r = 0;
    if (is_new)
        r = run_check_future(run, "event_time_us", item->transaction.event_time_us, ret_error);
    if (r < 0)
        *ret_field = TEXT_LITERAL("event_time_us");
    if (r == 0 && item->has_outcome)
        r = check_outcome(run, item, ret_field, ret_error);
    if (r == 0 && item->has_amendment)
        r = check_amendment(run, item, is_new, ret_field, ret_error);
    return r;
}

static int decide(struct run *run, const struct transaction *transaction, struct record *record,
                  struct text *ret_field, struct error *ret_error) {
    *record = (struct record){.type = RECORD_TRANSACTION};
    record->transaction.transaction = *transaction;
    record->transaction.is_backfilled = true;
    int r = ingest_decide(&run->service->states, transaction, false, &run->arena,
                          &record->transaction.decision, ret_field, ret_error);
    if (r < 0)
        return r;
    run_append(run, record);
    return 0;
}

/* What was reported of a transaction stays: a file of history that is sent again must not set a
 * label back, or an amount. Answers of what was there before wait until all of it is safe. */
static int report_amendment(struct run *run, const struct backfill_item *item, bool *ret_recorded,
                            struct text *ret_field, struct error *ret_error) {
    struct service *service = run->service;
    struct record record;
    int r = ingest_amend_late(&service->states, service->archive, &item->amendment,
                              run->receive_time_us, &run->arena, &record, ret_field, ret_error);
    if (r >= 0 && erasure_check(service, &record.amendment.transaction,
                                record.amendment.transaction_position, ret_error) < 0)
        r = -(int)ret_error->code;
    if (r < 0)
        return r;
    *ret_recorded = run_append_change(run, &record, r > 0) > 0;
    return 0;
}

static int report_outcome(struct run *run, const struct backfill_item *item, bool *ret_recorded,
                          struct text *ret_field, struct error *ret_error) {
    struct service *service = run->service;
    struct record record;
    int r = ingest_resolve_late(&service->states, service->archive, &item->outcome,
                                run->receive_time_us, &run->arena, &record, ret_field, ret_error);
    if (r >= 0 && erasure_check(service, &record.outcome.transaction,
                                record.outcome.transaction_position, ret_error) < 0)
        r = -(int)ret_error->code;
    if (r < 0)
        return r;
    *ret_recorded = run_append_change(run, &record, r > 0) > 0;
    return 0;
}

static int report(struct run *run, const struct backfill_item *item, struct backfill_result *result,
                  struct text *ret_field, struct error *ret_error) {
    int r = 0;
    if (item->has_amendment)
        r = report_amendment(run, item, &result->amendment_recorded, ret_field, ret_error);
    if (r == 0 && item->has_outcome)
        r = report_outcome(run, item, &result->outcome_recorded, ret_field, ret_error);
    return r;
}

static int take(struct run *run, struct backfill_item *item, struct backfill_result *result,
                struct text *ret_field, struct error *ret_error) {
    struct service *service = run->service;
    struct known_id known;
    struct record record;
    int r = protect_item(run, item, ret_field, ret_error);
    if (r == 0)
        r = run_check_deadline(run, ret_error);
    if (r == 0)
        r = transaction_check(&item->transaction, ret_field, ret_error);
    if (r < 0)
        return r;
    int found = ingest_recognise(&service->states, service->archive, &item->transaction,
                                 &run->arena, &known, &record, ret_field, ret_error);
    if (found < 0)
        return found;
    r = check_item(run, item, found == 0, ret_field, ret_error);
    if (r == 0 && found == 0)
        r = decide(run, &item->transaction, &record, ret_field, ret_error);
    if (r < 0)
        return r;
    uint64_t position = found ? known.position : record.position;
    if (position > run->position_needed)
        run->position_needed = position;
    *result = (struct backfill_result){.transaction_id = item->transaction.id,
                                       .position = position,
                                       .duplicate = found > 0,
                                       .verdict = record.transaction.decision.verdict,
                                       .score = record.transaction.decision.score};
    return report(run, item, result, ret_field, ret_error);
}

/* In place: the engine knows the transaction that it has laid out by its address. */
static void take_item(struct run *run, size_t at) {
    struct backfill_item *item = (struct backfill_item *)&run->message.backfill.items[at];
    struct backfill_result *result = (struct backfill_result *)&run->response.backfill.results[at];
    const struct arena_mark mark = arena_mark(&run->arena);
    struct text field = {0};
    struct error error;
    int r = take(run, item, result, &field, &error);
    arena_rewind(&run->arena, mark); /* the archive has it: there may be 1,000 large ones */
    if (r < 0)
        *result = (struct backfill_result){.error = run_refuse_item(run, &error, field)};
}

/* ---- slices ---- */

/* Under the lock: what has changed since the request came may forbid to go on. */
static int may_record(const struct service *service, struct error *ret_error) {
    bool serves = service->states.overlay && service->state == SERVICE_READY;
    if (atomic_load(&service->draining) || service->state == SERVICE_DRAINING)
        return stopping(ret_error);
    if (!service_writes(service))
        return error_set(ret_error, ERROR_UNAVAILABLE,
                         "another server is the primary by now; try again with the same ids");
    if (!serves)
        return error_set(ret_error, ERROR_UNAVAILABLE,
                         "the server is %s: %s; try again with the same ids",
                         service_state_name(service->state), service->reason);
    if (outage_admit(service, CALL_BACKFILL, ret_error) < 0)
        return -ERROR_UNAVAILABLE;
    if (service_is_filling(service))
        return error_set(ret_error, ERROR_UNAVAILABLE,
                         "the overlay is close to overlay_limit, and the rest of it is for "
                         "decisions: history goes on after the next `harrier rebuild`");
    return 0;
}

static void refuse_rest(struct run *run, size_t from, const struct error *error) {
    struct backfill_result *results = (struct backfill_result *)run->response.backfill.results;
    for (size_t i = from; i < run->response.backfill.count; i++)
        results[i] =
            (struct backfill_result){.error = run_refuse_item(run, error, (struct text){0})};
}

/* The records of the items [from, to) could not be written. What is left of their answers depends
 * on earlier records only. */
static void withdraw(struct run *run, size_t from, size_t to, const struct error *error) {
    struct backfill_result *results = (struct backfill_result *)run->response.backfill.results;
    for (size_t i = from; i < to; i++) {
        const struct backfill_result *result = &results[i];
        bool stands = result->error.code == 0 && result->position <= run->position_before &&
                      !result->outcome_recorded && !result->amendment_recorded;
        /* The transaction that an id conflicts with may be one of those not written. */
        if (result->error.code == ERROR_ID_CONFLICT)
            run->rejected--; /* run_refuse_item() counts it a second time */
        if (!stands && (result->error.code == 0 || result->error.code == ERROR_ID_CONFLICT))
            results[i] =
                (struct backfill_result){.error = run_refuse_item(run, error, (struct text){0})};
    }
    if (run->position_needed > run->position_before)
        run->position_needed = run->position_before;
}

void withdraw_backfill(struct run *run, const struct error *error) {
    withdraw(run, 0, run->response.backfill.count, error);
}

/* Only once the records are written. */
static void count_recorded(const struct run *run, size_t from, size_t to) {
    uint64_t count = 0;
    for (size_t i = from; i < to; i++) {
        const struct backfill_result *result = &run->response.backfill.results[i];
        count += result->error.code == 0 && !result->duplicate;
    }
    metric_add(run->service->settings.metrics, BACKFILLED, 0, count);
}

/* Under the lock. */
static void record_slice(struct run *run, size_t *at, int64_t until_us) {
    struct service *service = run->service;
    size_t from = *at, count = run->response.backfill.count;
    struct error error;
    /* What is laid out ahead must have its pseudonyms, and an item gets them when it is taken: by
     * the policy of its slice. */
    bool is_prefetching = service->rules->schema.protected_count == 0;
    run->receive_time_us = service_receive_time_us(service);
    run->position_before = archive_end(service->archive).position;
    if (run->position_needed == 0) /* those of earlier slices must not be gone either */
        run->cuts = service->replication.cuts;
    do {
        size_t next = is_prefetching ? *at + 1 : count;
        ingest_expect(&service->states,
                      next < count ? &run->message.backfill.items[next].transaction : NULL);
        take_item(run, (*at)++);
    } while (*at < count && *at - from < SLICE_ITEMS &&
             clock_monotonic_us(service->settings.clock) < until_us);
    ingest_forget(&service->states);
    int r = service_write(service, run->position_before, &run->is_unavailable, &error);
    if (r < 0)
        withdraw(run, from, *at, &error);
    else
        count_recorded(run, from, *at);
}

/* Returns for how long the lock was held. */
static int64_t take_slice(struct run *run, size_t *at) {
    struct service *service = run->service;
    struct error error;
    pthread_mutex_lock(&service->lock);
    int64_t began_us = clock_monotonic_us(service->settings.clock);
    if (may_record(service, &error) < 0) {
        refuse_rest(run, *at, &error);
        *at = run->response.backfill.count;
    } else {
        record_slice(run, at, began_us + SLICE_US);
    }
    int64_t held_us = clock_monotonic_us(service->settings.clock) - began_us;
    pthread_mutex_unlock(&service->lock);
    return held_us;
}

static void leave_alone(int64_t held_us) {
    int64_t pause_us = held_us * PAUSE_FACTOR;
    if (pause_us > PAUSE_US_MAX)
        pause_us = PAUSE_US_MAX;
    const struct timespec pause = {.tv_sec = pause_us / 1000000,
                                   .tv_nsec = pause_us % 1000000 * 1000};
    if (pause_us > 0)
        nanosleep(&pause, NULL);
}

/* ---- the thread ---- */

static void answer(struct run *run) {
    struct service *service = run->service;
    size_t count = run->message.backfill.item_count;
    struct backfill_result *results = run_new_results(run, count, sizeof *results);
    if (results) {
        run->response.call = CALL_BACKFILL;
        run->response.backfill.results = results;
        run->response.backfill.count = count;
        for (size_t at = 0; at < count;)
            leave_alone(take_slice(run, &at));
    }
    if (run->rejected > 0)
        atomic_fetch_add(&service->rejected, run->rejected);
    if (run->is_unavailable)
        service_report(service);
    run->next = NULL;
    buffer_clear(&run->answer);
    message_encode_response(&run->response, &run->answer);
    runs_reply(commit_park(service, run));
}

static void *work(void *user) {
    struct run_queue *backfills = user;
    bool is_stopping;
    for (struct run *run; (run = run_queue_take(backfills, NULL, &is_stopping)) != NULL;) {
        answer(run);
        run_queue_leave(backfills);
    }
    return NULL;
}

void backfill_start(struct service *service) {
    service->backfills = check_calloc(1, sizeof *service->backfills);
    run_queue_start(service->backfills, BACKFILL_WAITERS_MAX, work, service->backfills);
}

void backfill_stop(struct service *service) {
    atomic_store(&service->draining, true);
    run_queue_stop(service->backfills);
    free(service->backfills);
    service->backfills = NULL;
}
