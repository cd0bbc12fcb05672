/* The service's own state: what it is, why, and since when its reloads are refused. */
#include "service_state.h"

#include "server/events/event_rows.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- state ---- */

const char *service_state_name(enum service_state state) {
    static const char *const names[] = {
        [SERVICE_STARTING] = "starting",       [SERVICE_READY] = "ready",
        [SERVICE_STANDBY] = "standby",         [SERVICE_DRAINING] = "draining",
        [SERVICE_UNAVAILABLE] = "unavailable", [SERVICE_FAILED] = "failed",
    };
    return names[state];
}

void service_set_state(struct service *service, enum service_state state, const char *format, ...) {
    enum service_state was = service->state;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(service->reason, sizeof service->reason, format, arguments);
    va_end(arguments);
    service->state = state;
    if (state != was)
        event_state(service->settings.events, service_state_name(state), service_state_name(was),
                    service->reason);
}

void service_fail(struct service *service, const struct error *error) {
    service->failure = *error;
    service_set_state(service, SERVICE_FAILED, "%.*s", REASON_BYTES - 1, error->text);
}

bool service_writes(const struct service *service) {
    return !service->replication.is_member || service->replication.is_primary;
}

enum service_state service_good_state(const struct service *service) {
    return service_writes(service) ? SERVICE_READY : SERVICE_STANDBY;
}

void service_report(const struct service *service) {
    if (service->settings.changed)
        service->settings.changed(service->settings.user);
}

/* Full also means the number of entities that one overlay can hold, not memory alone. */
bool service_check_overlay(struct service *service) {
    const struct overlay *overlay = service->states.overlay;
    if (!overlay)
        return false;
    bool is_full = overlay_fullness(overlay, service->settings.overlay_limit) >= 100;
    if (!is_full && service->state == SERVICE_UNAVAILABLE && !service->outage.is_full) {
        service_set_state(service, service_good_state(service), "%s", "");
        log_line(service->settings.log, LOG_INFO, "ready: the overlay is within overlay_limit");
        return true;
    }
    if (!is_full || service->state != service_good_state(service))
        return false;
    service_set_state(
        service, SERVICE_UNAVAILABLE,
        "the overlay takes %" PRIu64 " MiB for %" PRIu64
        " entities, more than overlay_limit or one server can hold: run `harrier rebuild`",
        overlay_memory(overlay) >> 20, overlay_entities(overlay));
    log_line(service->settings.log, LOG_ERROR, "%s", service->reason);
    return true;
}

/* Any thread: takes the lock. */
enum service_state service_state(struct service *service, char *ret_reason, size_t size) {
    pthread_mutex_lock(&service->lock);
    enum service_state state = service->state;
    if (ret_reason)
        snprintf(ret_reason, size, "%s", service->reason);
    pthread_mutex_unlock(&service->lock);
    return state;
}

int service_failure(struct service *service, struct error *ret_error) {
    pthread_mutex_lock(&service->lock);
    int r = 0;
    if (service->state == SERVICE_FAILED) {
        *ret_error = service->failure;
        r = -(int)ret_error->code;
    }
    pthread_mutex_unlock(&service->lock);
    return r;
}

void service_drain(struct service *service) {
    atomic_store(&service->draining, true);
    pthread_mutex_lock(&service->lock);
    if (service->state != SERVICE_FAILED)
        service_set_state(service, SERVICE_DRAINING, "the server was asked to stop");
    pthread_mutex_unlock(&service->lock);
}

/* ---- time ---- */

int64_t service_receive_time_us(const struct service *service) {
    int64_t now_us = clock_wall_us(service->settings.clock);
    int64_t last_us = archive_time(service->archive);
    return now_us > last_us ? now_us : last_us;
}

int64_t service_clock_behind_us(const struct service *service) {
    int64_t now_us = clock_wall_us(service->settings.clock);
    int64_t last_us = archive_time(service->archive);
    return last_us > now_us ? last_us - now_us : 0;
}

/* ---- reloads that were refused ---- */

/* since_us is that of the first refusal in a row: alerts go by how long it has lasted. */
bool service_note_refusal(struct service *service, struct refusal *refusal, const char *reason) {
    const struct clock *clock = service->settings.clock;
    char text[REASON_BYTES];
    snprintf(text, sizeof text, "%s", reason ? reason : "");
    pthread_mutex_lock(&service->lock);
    bool is_new = strcmp(refusal->reason, text) != 0;
    if (reason && refusal->since_us == 0) {
        refusal->since_us = clock_monotonic_us(clock);
        refusal->since_wall_us = clock_wall_us(clock);
    } else if (!reason) {
        refusal->since_us = refusal->since_wall_us = 0;
    }
    memcpy(refusal->reason, text, sizeof text);
    pthread_mutex_unlock(&service->lock);
    return is_new;
}

/* ---- the decision lock for views ---- */

static void guard_enter(struct overlay_guard *self) {
    struct service_guard *guard = (struct service_guard *)self;
    pthread_mutex_lock(&guard->service->lock);
}

static void guard_leave(struct overlay_guard *self) {
    struct service_guard *guard = (struct service_guard *)self;
    pthread_mutex_unlock(&guard->service->lock);
}

void service_guard_init(struct service_guard *guard, struct service *service) {
    *guard = (struct service_guard){.guard = {guard_enter, guard_leave}, .service = service};
}
