/* ReportOutcome: labels that became known later, fraud or legitimate.
 *
 * The record carries the transaction, its verdict and its previous label, so that applying it needs
 * no lookup (core/store/ingest). An outcome that says what is known already appends nothing. */
#include "outcome.h"

#include "server/adopt/erasure.h"

static struct outcome_result refuse(struct run *run, const struct error *error, struct text field) {
    return (struct outcome_result){.error = run_refuse_item(run, error, field)};
}

/* A wrong clock at the caller must not date labels into the future. */
static int check_times(const struct run *run, const struct outcome *outcome, struct text *ret_field,
                       struct error *ret_error) {
    int r = run_check_deadline(run, ret_error);
    if (r < 0)
        return r;
    r = run_check_future(run, "known_time_us", outcome->known_time_us, ret_error);
    if (r < 0)
        *ret_field = TEXT_LITERAL("known_time_us");
    return r;
}

/* One outcome: checked, resolved against its transaction, appended if it changes the label. */
static struct outcome_result report(struct run *run, const struct outcome *outcome) {
    struct record record;
    struct text field = {0};
    struct error error;
    int r = outcome_check(outcome, &field, &error);
    if (r == 0)
        r = check_times(run, outcome, &field, &error);
    if (r < 0)
        return refuse(run, &error, field);
    struct service *service = run->service;
    const struct arena_mark mark = arena_mark(&run->arena);
    struct outcome_result result = {.transaction_id = outcome->transaction_id};
    r = ingest_resolve(&service->states, service->archive, outcome, run->receive_time_us,
                       &run->arena, &record, &field, &error);
    if (r > 0 && erasure_check(service, &record.outcome.transaction,
                               record.outcome.transaction_position, &error) < 0)
        r = -(int)error.code;
    if (r >= 0) {
        result.previous = record.outcome.previous;
        result.changed = r > 0;
        result.position = run_append_change(run, &record, r > 0);
    }
    arena_rewind(&run->arena, mark); /* the archive has it: there may be 1,000 large ones */
    return r < 0 ? refuse(run, &error, field) : result;
}

enum next perform_outcome(struct run *run) {
    const struct outcome_request *request = &run->message.outcome;
    struct outcome_result *results = run_new_results(run, request->outcome_count, sizeof *results);
    if (!results)
        return DONE;
    for (size_t i = 0; i < request->outcome_count; i++)
        results[i] = report(run, &request->outcomes[i]);
    run->response.outcome.results = results;
    run->response.outcome.count = request->outcome_count;
    return NEXT;
}

void withdraw_outcome(struct run *run, const struct error *error) {
    struct outcome_result *results =
        (struct outcome_result *)(uintptr_t)run->response.outcome.results;
    /* Unchanged ones too: they may repeat an outcome earlier in this very request. */
    for (size_t i = 0; i < run->response.outcome.count; i++)
        if (results[i].error.code == 0)
            results[i] = refuse(run, error, (struct text){0});
}

void count_outcome(const struct run *run) {
    for (size_t i = 0; i < run->response.outcome.count; i++) {
        const struct outcome_result *result = &run->response.outcome.results[i];
        if (result->error.code == 0 && result->changed)
            metric_add(run->service->settings.metrics, OUTCOMES,
                       run->message.outcome.outcomes[i].label, 1);
    }
}
