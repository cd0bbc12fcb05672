/* What is looked at every second, and logged when it changes: the age of the tables in use, the
 * size of the overlay, the clock; and which rules failed.
 *
 * Two clocks, since either alone can be wrong: the wall clock against the tables' creation time,
 * and the monotonic clock since they were adopted. The greater one counts. */
#include "staleness.h"

#include "core/base/value.h"
#include "server/base/commit.h"
#include "server/events/event_watch.h"
#include "swap_run.h"

int64_t service_generation_age_us(const struct service *service, int64_t now_us) {
    const struct generation *generation = overlay_generation(service->states.overlay);
    if (!generation)
        return 0;
    const struct generation_manifest *manifest = generation_manifest(generation);
    int64_t age_us = now_us - manifest->created_time_us;
    int64_t held_us = service->held.generation_id == manifest->id ? service->held.us : 0;
    return age_us > held_us ? age_us : held_us;
}

bool service_is_stale(const struct service *service, int64_t now_us) {
    int64_t stale_after_us = service->settings.stale_after_us;
    return stale_after_us > 0 && service_generation_age_us(service, now_us) > stale_after_us;
}

#define WANTED_PERCENT 75 /* of overlay_limit, or of the room for entities */

bool service_is_filling(const struct service *service) {
    const struct overlay *overlay = service->states.overlay;
    return overlay && overlay_fullness(overlay, service->settings.overlay_limit) > WANTED_PERCENT;
}

bool service_wants_rebuild(const struct service *service, int64_t now_us) {
    return service->states.overlay &&
           (service_is_stale(service, now_us) || service_is_filling(service));
}

/* Under the decision lock. Starts over when another generation is in use. */
static void measure_holding(struct service *service) {
    struct tables_held *held = &service->held;
    int64_t now_us = clock_monotonic_us(service->settings.clock);
    if (held->generation_id != service->states.generation_id && service->states.overlay)
        *held = (struct tables_held){.generation_id = service->states.generation_id,
                                     .since_us = now_us};
    held->us = now_us - held->since_us;
}

#define CLOCK_BACK_US 1000000 /* less than this is normal clock adjustment */

static void log_clock_back(struct service *service, int64_t received_us, int64_t behind_us) {
    bool is_back = behind_us > CLOCK_BACK_US;
    if (is_back == service->is_clock_back)
        return;
    service->is_clock_back = is_back;
    char now[64], received[64];
    value_format(value_timestamp(received_us - behind_us), now, sizeof now);
    value_format(value_timestamp(received_us), received, sizeof received);
    if (is_back)
        log_line(service->settings.log, LOG_WARNING,
                 "the clock was set back: it is %s, but the archive's last record was received at "
                 "%s; new records get that receive time until the clock has passed it",
                 now, received);
    else
        log_line(service->settings.log, LOG_INFO,
                 "the clock has caught up with the archive's last record");
}

void service_poll(struct service *service) {
    commit_poll(service);
    pthread_mutex_lock(&service->lock);
    int64_t now_us = service_receive_time_us(service);
    int64_t behind_us = service_clock_behind_us(service);
    measure_holding(service);
    bool is_wanted = service_wants_rebuild(service, now_us);
    bool is_news = is_wanted && !service->is_rebuild_wanted;
    bool is_stale = is_news && service_is_stale(service, now_us);
    service->is_rebuild_wanted = is_wanted;
    struct rule_failures failures;
    bool is_due = rule_failures_take(&service->rule_failures,
                                     clock_monotonic_us(service->settings.clock), &failures);
    pthread_mutex_unlock(&service->lock);
    if (is_due)
        rule_failures_log(&failures, service->settings.log);
    if (is_news)
        log_line(service->settings.log, LOG_WARNING, "run `harrier rebuild`: %s",
                 is_stale ? "the tables are older than stale_after, and decisions are marked stale"
                          : "the overlay is close to overlay_limit");
    log_clock_back(service, now_us, behind_us);
    event_watch_look(service->event_watch);
    swap_ask(service, false);
}
