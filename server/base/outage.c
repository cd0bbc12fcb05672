#include "outage.h"

#include "server/events/event_rows.h"

#include <inttypes.h>
#include <stdio.h>

static void describe(struct service *service) {
    struct archive_held held = archive_held(service->archive);
    struct outage *outage = &service->outage;
    if (service->state == service_good_state(service))
        service_set_state(service, service->state,
                          "degraded: archive: %" PRIu64 " records are in memory only: %.*s",
                          held.records, REASON_BYTES / 2, outage->why);
    else if (service->state == SERVICE_UNAVAILABLE && outage->is_full)
        service_set_state(service, service->state,
                          "the archive's disk fails, and archive_failure_memory is used up by "
                          "%" PRIu64 " records: %.*s",
                          held.records, REASON_BYTES / 2, outage->why);
}

void outage_begin(struct service *service, const struct error *error) {
    struct outage *outage = &service->outage;
    uint64_t written = archive_written(service->archive);
    metric_add(service->settings.metrics, ARCHIVE_WRITE_FAILURES, 0, 1);
    snprintf(outage->why, sizeof outage->why, "%.*s", REASON_BYTES - 1, error->text);
    if (!atomic_load(&outage->is_on)) {
        atomic_store(&outage->is_on, true);
        outage->since_us = clock_monotonic_us(service->settings.clock);
        log_line_with(service->settings.log, LOG_ERROR,
                      LOG_FIELDS(log_field_string("code", error_code_name(error->code)),
                                 log_field_string("file", service->archive_path),
                                 log_field_unsigned("position", written)),
                      "the archive's disk fails: decisions are degraded, and up to %" PRIu64
                      " MiB of records stay in memory (archive_failure_memory): %s",
                      service->settings.archive_memory >> 20, error->text);
        event_archive_failed(service->settings.events, written, error->text);
    }
    outage_update(service);
}

/* Half of it must be free again, so that the state does not change with every record. */
bool outage_update(struct service *service) {
    struct outage *outage = &service->outage;
    uint64_t bytes = archive_held(service->archive).bytes, most = service->settings.archive_memory;
    if (!atomic_load(&outage->is_on))
        return false;
    bool was_full = outage->is_full;
    outage->is_full = bytes >= (was_full ? most / 2 : most);
    if (outage->is_full && !was_full) {
        if (service->state == service_good_state(service))
            service_set_state(service, SERVICE_UNAVAILABLE, "%s", outage->why);
        log_line(service->settings.log, LOG_ERROR,
                 "archive_failure_memory is used up: requests are refused until the archive can be "
                 "written: %s",
                 outage->why);
    }
    if (!outage->is_full && was_full && service->state == SERVICE_UNAVAILABLE &&
        service->states.overlay)
        service_set_state(service, service_good_state(service), "%s", outage->why);
    describe(service);
    return outage->is_full != was_full;
}

void outage_end(struct service *service) {
    struct outage *outage = &service->outage;
    uint64_t position = archive_end(service->archive).position;
    int64_t took_us = clock_monotonic_us(service->settings.clock) - outage->since_us;
    if (service->state == SERVICE_UNAVAILABLE && outage->is_full && service->states.overlay)
        service_set_state(service, service_good_state(service), "%s", "");
    else if (service->state == service_good_state(service))
        service_set_state(service, service->state, "%s", "");
    atomic_store(&outage->is_on, false);
    outage->is_full = false;
    log_line_with(service->settings.log, LOG_INFO,
                  LOG_FIELDS(log_field_unsigned("position", position)),
                  "the archive is complete again: everything up to record %" PRIu64
                  " is written, after %.1f s",
                  position, (double)took_us / 1e6);
    event_archive_recovered(service->settings.events, position);
    metric_add(service->settings.metrics, RECOVERIES, 0, 1);
}

int outage_admit(const struct service *service, enum call call, struct error *ret_error) {
    const struct outage *outage = &service->outage;
    if (!atomic_load(&outage->is_on) || (call == CALL_SCORE && !outage->is_full))
        return 0;
    return error_set(ret_error, ERROR_UNAVAILABLE,
                     outage->is_full
                         ? "the archive's disk fails, and archive_failure_memory is used up; try "
                           "again with the same ids: %s"
                         : "the archive's disk fails, and only decisions can be made meanwhile; "
                           "try again later: %s",
                     outage->why);
}

static void mark_decisions(struct run *run, uint64_t safe) {
    struct score_result *results = (struct score_result *)(uintptr_t)run->response.score.results;
    uint64_t marked = 0;
    for (size_t i = 0; i < run->response.score.count; i++) {
        struct decision *decision = &results[i].decision;
        if (results[i].error.code != 0 || decision->position <= safe)
            continue;
        decision->degraded = true;
        decision->degraded_reason = TEXT_LITERAL(DECISION_UNSAVED);
        marked++;
    }
    metric_add(run->service->settings.metrics, ARCHIVE_UNSAVED_ANSWERS, 0, marked);
}

void outage_answer(struct run *run, uint64_t safe) {
    struct error error;
    if (run->response.error.code != 0)
        return;
    if (run->response.call == CALL_SCORE) {
        mark_decisions(run, safe);
    } else {
        error_set(&error, ERROR_UNAVAILABLE,
                  "the archive's disk fails: what was asked for is in memory only, and a crash may "
                  "lose it; try again later: %s",
                  run->service->outage.why);
        run->response =
            (struct response){.error = wire_error_from(&error, (struct text){0}, &run->arena)};
    }
    buffer_clear(&run->answer);
    message_encode_response(&run->response, &run->answer);
}
