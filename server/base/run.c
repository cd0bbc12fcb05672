/* What every step of a request may use. */
#include "run.h"

#include <inttypes.h>

struct wire_error run_refuse_item(struct run *run, const struct error *error, struct text field) {
    metric_add(run->service->settings.metrics, ERRORS, error->code, 1);
    run->rejected++;
    return wire_error_from(error, field, &run->arena);
}

enum next run_refuse(struct run *run, const struct error *error, struct text field) {
    run->response = (struct response){.error = run_refuse_item(run, error, field)};
    return DONE;
}

enum next run_refuse_standby(struct run *run) {
    const struct replication *replication = &run->service->replication;
    struct error error;
    if (*replication->primary)
        error_set(&error, ERROR_NOT_PRIMARY, "this server is a standby; the primary is %s",
                  replication->primary);
    else
        error_set(&error, ERROR_NOT_PRIMARY,
                  "this server is a standby, and does not know the primary at the moment");
    run_refuse(run, &error, (struct text){0});
    run->response.error.primary = arena_text(&run->arena, text_of(replication->primary));
    return DONE;
}

void *run_new_results(struct run *run, size_t count, size_t size) {
    struct error error;
    void *results = arena_calloc(&run->arena, count, size);
    if (!results) {
        error_set(&error, ERROR_TOO_LARGE, "the request needs too much memory");
        run_refuse(run, &error, (struct text){0});
    }
    return results;
}

/* From the arrival of the message, by the monotonic clock: clients' clocks do not matter. */
int run_check_deadline(const struct run *run, struct error *ret_error) {
    uint64_t deadline_us = run->message.deadline_us;
    if (deadline_us == 0)
        return 0;
    int64_t took_us = clock_monotonic_us(run->service->settings.clock) - run->request->arrived_us;
    if (took_us <= 0 || (uint64_t)took_us <= deadline_us)
        return 0;
    return error_set(ret_error, ERROR_DEADLINE,
                     "the deadline of %" PRIu64 " us was exceeded: %" PRId64
                     " us since the message arrived; nothing was recorded",
                     deadline_us, took_us);
}

int run_check_future(const struct run *run, const char *field, int64_t time_us,
                     struct error *ret_error) {
    int64_t ahead_max_us = run->service->max_ahead_us;
    if (time_us <= run->receive_time_us || time_us - run->receive_time_us <= ahead_max_us)
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "%s is %" PRId64 " s ahead of the server's clock; expected at most %" PRId64
                     " s (option max_ahead)",
                     field, (time_us - run->receive_time_us) / 1000000, ahead_max_us / 1000000);
}

/* The overlay has the record before the archive has written it: if the write fails, all states are
 * dropped (service_lose_archive()), so no decision is based on it. */
void run_append(struct run *run, struct record *record) {
    struct service *service = run->service;
    record->receive_time_us = run->receive_time_us;
    ingest_append(&service->states, service->archive, record);
    run->position_needed = record->position;
}

uint64_t run_append_change(struct run *run, struct record *record, bool is_change) {
    if (!is_change) {
        run->position_needed = archive_end(run->service->archive).position;
        return 0;
    }
    run_append(run, record);
    return record->position;
}

/* Score only: withdraw_score() can tell which of its results depend on records of the batch. */
bool run_shares_write(const struct run *run) {
    return run->message.call == CALL_SCORE && !run->message.score.dry_run;
}
