/* Records of the service's own, and the end of what could not be written. */
#include "append.h"

#include "brake_counts.h"
#include "commit.h"
#include "deferred_free.h"
#include "outage.h"
#include "server/events/event_rows.h"

void service_note_write_failure(struct service *service, const struct error *error) {
    metric_add(service->settings.metrics, ARCHIVE_WRITE_FAILURES, 0, 1);
    if (error->code == ERROR_UNAVAILABLE)
        service_fail(service, error);
}

void service_lose_archive(struct service *service, const struct error *error) {
    /* States and known ids contain records that the archive lacks: both are invalid now. */
    service->losses++;
    brake_counts_clear(service->brake_counts); /* they include decisions that are taken back */
    brake_counts_clear(service->challenge.brake_counts);
    service_defer_free(service, &service->states);
    log_line_with(
        service->settings.log, LOG_ERROR,
        LOG_FIELDS(log_field_string("code", error_code_name(error->code)),
                   log_field_string("file", service->archive_path),
                   log_field_unsigned("position", archive_end(service->archive).position)),
        "the archive could not be written: %s", error->text);
    event_archive_failed(service->settings.events, archive_end(service->archive).position,
                         error->text);
    service_note_write_failure(service, error);
    if (service->state == SERVICE_READY || service->state == SERVICE_STANDBY ||
        service->state == SERVICE_STARTING)
        service_set_state(service, SERVICE_UNAVAILABLE, "the archive could not be written: %.*s",
                          REASON_BYTES / 2, error->text);
}

/* False: it stays in memory until the commit thread can write it. */
static bool write_or_hold(struct service *service) {
    struct error error;
    if (!atomic_load(&service->outage.is_on) && archive_write(service->archive, &error) == 0 &&
        archive_held(service->archive).bytes < service->settings.archive_memory)
        return true;
    if (atomic_load(&service->outage.is_on))
        return false;
    if (archive_held(service->archive).records == 0)
        error_set(&error, ERROR_SYSTEM,
                  "the disk does not keep up: more than archive_failure_memory is not synced");
    outage_begin(service, &error);
    return false;
}

int service_write(struct service *service, uint64_t position, bool *ret_is_unavailable,
                  struct error *ret_error) {
    if (archive_end(service->archive).position == position)
        return 0;
    if (service->settings.archive_degrades) {
        bool is_written = write_or_hold(service);
        *ret_is_unavailable = !is_written && outage_update(service);
        commit_want(service);
        *ret_is_unavailable |= service_check_overlay(service);
        return 0;
    }
    if (archive_write(service->archive, ret_error) < 0) {
        service_lose_archive(service, ret_error);
        error_prefix(ret_error, "the archive could not be written; try again with the same ids");
        ret_error->code = ERROR_UNAVAILABLE;
        return -ERROR_UNAVAILABLE;
    }
    commit_want(service);
    *ret_is_unavailable = service_check_overlay(service);
    return 0;
}

/* A write of its own: these records are rare and must be in the archive before the next decision.
 */
int service_append(struct service *service, struct record *record, struct error *ret_error) {
    record->receive_time_us = service_receive_time_us(service);
    ingest_append(&service->states, service->archive, record);
    int r = 0;
    if (service->settings.archive_degrades)
        write_or_hold(service);
    else
        r = archive_write(service->archive, ret_error);
    service->own_position = record->position;
    if (r < 0)
        service_lose_archive(service, ret_error);
    else
        commit_want(service);
    return r;
}
