/* Amend: what became known later about a transaction's money: voided, captured with another amount,
 * refunded.
 *
 * As with outcomes, the record carries all that applying it needs, and an amendment that says what
 * is known already appends nothing. */
#include "amend.h"

#include "server/adopt/erasure.h"

static struct amendment_result refuse(struct run *run, const struct error *error,
                                      struct text field) {
    return (struct amendment_result){.error = run_refuse_item(run, error, field)};
}

/* A wrong clock at the caller must not date amendments into the future. */
static int check_times(const struct run *run, const struct amendment *amendment,
                       struct text *ret_field, struct error *ret_error) {
    int r = run_check_deadline(run, ret_error);
    if (r < 0)
        return r;
    r = run_check_future(run, "known_time_us", amendment->known_time_us, ret_error);
    if (r < 0)
        *ret_field = TEXT_LITERAL("known_time_us");
    return r;
}

/* One amendment: checked, resolved against its transaction, appended if it changes anything. */
static struct amendment_result amend(struct run *run, const struct amendment *amendment) {
    struct record record;
    struct text field = {0};
    struct error error;
    int r = amendment_check(amendment, &field, &error);
    if (r == 0)
        r = check_times(run, amendment, &field, &error);
    if (r < 0)
        return refuse(run, &error, field);
    struct service *service = run->service;
    const struct arena_mark mark = arena_mark(&run->arena);
    struct amendment_result result = {.transaction_id = amendment->transaction_id};
    r = ingest_amend(&service->states, service->archive, amendment, run->receive_time_us,
                     &run->arena, &record, &field, &error);
    if (r > 0 && erasure_check(service, &record.amendment.transaction,
                               record.amendment.transaction_position, &error) < 0)
        r = -(int)error.code;
    if (r >= 0) {
        result.previous = record.amendment.previous;
        result.now = record.amendment.now;
        result.changed = r > 0;
        result.position = run_append_change(run, &record, r > 0);
    }
    arena_rewind(&run->arena, mark); /* the archive has it: there may be 1,000 large ones */
    return r < 0 ? refuse(run, &error, field) : result;
}

enum next perform_amend(struct run *run) {
    const struct amend_request *request = &run->message.amend;
    struct amendment_result *results =
        run_new_results(run, request->amendment_count, sizeof *results);
    if (!results)
        return DONE;
    for (size_t i = 0; i < request->amendment_count; i++)
        results[i] = amend(run, &request->amendments[i]);
    run->response.amend.results = results;
    run->response.amend.count = request->amendment_count;
    return NEXT;
}

void withdraw_amend(struct run *run, const struct error *error) {
    struct amendment_result *results =
        (struct amendment_result *)(uintptr_t)run->response.amend.results;
    /* Unchanged ones too: they may repeat an amendment earlier in this very request. */
    for (size_t i = 0; i < run->response.amend.count; i++)
        if (results[i].error.code == 0)
            results[i] = refuse(run, error, (struct text){0});
}

void count_amend(const struct run *run) {
    for (size_t i = 0; i < run->response.amend.count; i++) {
        const struct amendment_result *result = &run->response.amend.results[i];
        if (result->error.code == 0 && result->changed)
            metric_add(run->service->settings.metrics, AMENDMENTS,
                       run->message.amend.amendments[i].kind, 1);
    }
}
