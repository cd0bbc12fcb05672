/* Score: up to a thousand transactions, decided in their order, each seeing those before it.
 *
 * Each transaction takes the steps of the table below. Whatever a step refuses is the result of
 * that one transaction; the others of the request go on. Nothing is written here: run_append()
 * queues the records, and service_run.c writes those of all requests that came together at once. If
 * that write fails, withdraw_score() takes back every result that depends on it. */
#include "score.h"

#include "brake.h"
#include "probe_transaction.h"
#include "protect_run.h"
#include "server/adopt/shadows.h"
#include "server/adopt/staleness.h"
#include "server/base/drift_counts.h"
#include "server/events/event_rows.h"
#include "sources.h"

#include "core/base/hash.h"

struct scoring {
    struct run *run;
    const struct transaction *transaction;
    struct score_result *result;
    struct record record; /* decided in place, so that archiving copies nothing */
};

static enum next check_protected(struct scoring *scoring);
static enum next check_deadline(struct scoring *scoring);
static enum next find_first_decision(struct scoring *scoring);
static enum next check_time(struct scoring *scoring);
static enum next decide(struct scoring *scoring);
static enum next archive(struct scoring *scoring);

/* The steps of one transaction, in their order. The step that returns DONE fills the result. */
static const struct {
    const char *name;
    bool dry_run_too;
    enum next (*take)(struct scoring *scoring);
} steps[] = {
    {"protected", true, check_protected}, /* pseudonyms were made before the first one */
    {"deadline", true, check_deadline},   /* once a position is assigned it no longer matters */
    {"known id", false,
     find_first_decision},      /* a repeated id gets its first decision, never a second one */
    {"time", true, check_time}, /* one wrong clock must not age a history */
    {"decide", true, decide},   /* pure: changes nothing */
    {"archive and apply", false, archive}, /* assigns the position; the decision is final */
};

static enum next refuse(struct scoring *scoring, const struct error *error, struct text field) {
    scoring->result->error = run_refuse_item(scoring->run, error, field);
    return DONE;
}

/* The result is a decision. server_us: from the arrival of the request until here. */
static enum next conclude(struct scoring *scoring, const struct decision *decision) {
    struct run *run = scoring->run;
    int64_t took_us = clock_monotonic_us(run->service->settings.clock) - run->request->arrived_us;
    scoring->result->decision = *decision;
    scoring->result->decision.server_us = took_us < 0            ? 0
                                          : took_us > UINT32_MAX ? UINT32_MAX
                                                                 : (uint32_t)took_us;
    return DONE;
}

static enum next check_protected(struct scoring *scoring) {
    size_t index = (size_t)(scoring->transaction - scoring->run->message.score.transactions);
    const struct wire_error *error = protect_refused(scoring->run, index);
    if (!error)
        return NEXT;
    scoring->result->error = *error;
    return DONE;
}

static enum next check_deadline(struct scoring *scoring) {
    struct error error;
    if (run_check_deadline(scoring->run, &error) == 0)
        return NEXT;
    return refuse(scoring, &error, (struct text){0});
}

/* A client that lost the answer repeats the transaction with the same id, and must get the same
 * decision. The answer waits for that record to be on disk as well: it may have been appended just
 * now. */
static enum next find_first_decision(struct scoring *scoring) {
    struct run *run = scoring->run;
    struct known_id known;
    struct record record;
    struct text field = {0};
    struct error error;
    int r = ingest_recognise(&run->service->states, run->service->archive, scoring->transaction,
                             &run->arena, &known, &record, &field, &error);
    if (r == 0)
        return NEXT;
    if (r < 0)
        return refuse(scoring, &error, field);
    struct decision decision = record.transaction.decision;
    decision.transaction_id = scoring->transaction->id;
    decision.position = known.position;
    decision.duplicate = true;
    if (known.position > run->position_needed)
        run->position_needed = known.position;
    return conclude(scoring, &decision);
}

static enum next check_time(struct scoring *scoring) {
    struct error error;
    if (run_check_future(scoring->run, "event_time_us", scoring->transaction->event_time_us,
                         &error) == 0)
        return NEXT;
    return refuse(scoring, &error, TEXT_LITERAL("event_time_us"));
}

/* Old tables degrade the decision but do not change it: verdict and score come from the same
 * states. */
static enum next decide(struct scoring *scoring) {
    struct run *run = scoring->run;
    const struct score_request *request = &run->message.score;
    struct states *states = &run->service->states;
    struct decision *decision = &scoring->record.transaction.decision;
    struct text field = {0};
    struct error error;
    if (ingest_decide(states, scoring->transaction, request->return_features, &run->arena, decision,
                      &field, &error) < 0)
        return refuse(scoring, &error, field);
    if (!decision->degraded && service_is_stale(run->service, run->receive_time_us)) {
        decision->degraded = true;
        decision->degraded_reason = TEXT_LITERAL(DECISION_STALE);
    }
    decision->dry_run = request->dry_run;
    return request->dry_run ? conclude(scoring, decision) : NEXT;
}

/* Before the next decision of the engine. What a failed write takes back stays counted: it says as
 * much about the inputs. */
static void count_drift(struct service *service, const struct record *record) {
    if (service->drift_counts && record->transaction.decision.arm != ARM_CHALLENGER)
        drift_counts_add(service->drift_counts, service->states.engine,
                         record->transaction.transaction.id, record->receive_time_us);
}

static enum next archive(struct scoring *scoring) {
    struct record *record = &scoring->record;
    record->type = RECORD_TRANSACTION;
    record->transaction.transaction = *scoring->transaction;
    record->transaction.is_backfilled = false;
    run_append(scoring->run, record);
    record->transaction.decision.position = record->position;
    count_drift(scoring->run->service, record);
    brake_count(scoring->run, &record->transaction.decision);
    return conclude(scoring, &record->transaction.decision);
}

/* The transaction to be decided after this one: the run's next, or the first of the next run that
 * shares the lock. Its memory is prefetched meanwhile (core/engine/next_prefetch.c), so a wrong
 * guess costs only time. NULL: none, or unknown. */
static const struct transaction *transaction_after(const struct run *run, size_t i) {
    const struct score_request *request = &run->message.score;
    if (i + 1 < request->transaction_count)
        return &request->transactions[i + 1];
    const struct run *next = run->next;
    if (!next || next->is_done || next->is_probe /* not complete yet */ || !run_shares_write(run) ||
        !run_shares_write(next))
        return NULL;
    return next->message.score.transaction_count > 0 ? next->message.score.transactions : NULL;
}

enum next perform_score(struct run *run) {
    const struct score_request *request = &run->message.score;
    struct score_result *results =
        run_new_results(run, request->transaction_count, sizeof *results);
    if (!results)
        return DONE;
    if (run->is_probe)
        probe_transaction_complete(run);
    uint64_t unknown_before = ingest_unknown(&run->service->states);
    for (size_t i = 0; i < request->transaction_count; i++) {
        struct scoring scoring; /* not cleared: the record is large, and decide() fills it */
        scoring.run = run;
        scoring.transaction = &request->transactions[i];
        scoring.result = &results[i];
        enum next next = NEXT;
        ingest_expect(&run->service->states, transaction_after(run, i));
        for (size_t step = 0; next == NEXT; step++)
            if (!request->dry_run || steps[step].dry_run_too)
                next = steps[step].take(&scoring);
    }
    if (!request->dry_run)
        run->features_unknown = ingest_unknown(&run->service->states) - unknown_before;
    run->response.score.results = results;
    run->response.score.count = request->transaction_count;
    return NEXT;
}

/* Results with a position after position_before are of this batch; older ones are repeats and
 * stand. */
void withdraw_score(struct run *run, const struct error *error) {
    struct score_result *results = (struct score_result *)(uintptr_t)run->response.score.results;
    for (size_t i = 0; i < run->response.score.count; i++) {
        enum error_code code = results[i].error.code;
        /* The transaction that its id conflicts with may be one of those not written. */
        if (code == ERROR_ID_CONFLICT)
            run->rejected--; /* run_refuse_item() counts it a second time */
        if (code == ERROR_ID_CONFLICT ||
            (code == 0 && results[i].decision.position > run->position_before))
            results[i] =
                (struct score_result){.error = run_refuse_item(run, error, (struct text){0})};
    }
    run->features_unknown = 0;
}

/* Most counters do not move in a request: an atomic addition less for each. */
static void add_some(struct metric_set *metrics, size_t metric, size_t label, uint64_t amount) {
    if (amount > 0)
        metric_add(metrics, metric, label, amount);
}

static const uint16_t *places_of(const struct service *service, enum arm arm) {
    return arm == ARM_CHALLENGER ? service->challenge.rule_places : service->rule_places;
}

/* Only once the records are written: what a failed write takes back is never counted. */
void count_score(const struct run *run) {
    if (run->is_probe)
        return;
    struct service *service = run->service;
    struct metric_set *metrics = service->settings.metrics;
    uint64_t verdicts[VERDICT_COUNT] = {0};
    uint64_t duplicates = 0, dry_runs = 0, degraded = 0;
    bool has_events = event_verdicts_wanted(service->settings.events);
    for (size_t i = 0; i < run->response.score.count; i++) {
        const struct score_result *result = &run->response.score.results[i];
        if (result->error.code != 0)
            continue;
        duplicates += result->decision.duplicate;
        dry_runs += result->decision.dry_run;
        if (result->decision.duplicate || result->decision.dry_run)
            continue;
        verdicts[result->decision.verdict]++;
        degraded += result->decision.degraded;
        rule_counts_add(service->rule_counts, places_of(service, result->decision.arm),
                        &result->decision);
        if (result->decision.arm != ARM_NONE)
            challenge_count(&service->challenge, &result->decision);
        if (result->decision.rule_errors > 0)
            rule_failures_note(&service->rule_failures, &result->decision);
        shadows_count(service, &result->decision);
        if (has_events)
            event_verdict(service->settings.events, &run->message.score.transactions[i],
                          &result->decision);
    }
    for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
        add_some(metrics, TRANSACTIONS, verdict, verdicts[verdict]);
    add_some(metrics, DUPLICATES, 0, duplicates);
    add_some(metrics, DRY_RUNS, 0, dry_runs);
    add_some(metrics, DEGRADED, 0, degraded);
    add_some(metrics, FEATURES_UNKNOWN, 0, run->features_unknown);
    service->duplicates += duplicates;
    sources_note_others(service);
}
