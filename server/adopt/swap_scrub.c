#include "swap_scrub.h"

#include "core/store/generation/generation_suspect.h"
#include "server/base/brake_counts.h"
#include "server/base/deferred_free.h"
#include "server/events/event_rows.h"

#include <stdlib.h>

#define BYTES_PER_STEP ((size_t)128 << 20) /* the thread is asked every second */
#define AGAIN_US       (INT64_C(86400) * 1000000)

void swap_scrub_end(struct swap *swap) {
    generation_scrub_close(swap->scrub.reading);
    swap->scrub.reading = NULL;
}

/* A copy of the folder's name if its tables are due; free() it. */
static char *find_due(struct swap *swap) {
    struct service *service = swap->service;
    struct swap_scrub *scrub = &swap->scrub;
    int64_t now_us = clock_monotonic_us(service->settings.clock);
    pthread_mutex_lock(&service->lock);
    const struct generation *generation =
        service->states.overlay ? overlay_generation(service->states.overlay) : NULL;
    uint64_t id = generation ? generation_manifest(generation)->id : 0;
    char *folder = generation ? generation_folder(generation) : NULL;
    pthread_mutex_unlock(&service->lock);
    bool is_due = folder && (id != scrub->generation_id || now_us >= scrub->again_us);
    if (id != scrub->generation_id)
        swap_scrub_end(swap);
    scrub->generation_id = id;
    if (is_due)
        return folder;
    free(folder);
    return NULL;
}

/* As after a failed write: states that are derived from them are invalid. */
static void drop_tables(struct service *service, uint64_t generation_id,
                        const struct error *error) {
    pthread_mutex_lock(&service->lock);
    bool is_in_use = service->states.overlay && service->states.generation_id == generation_id;
    if (is_in_use) {
        service->losses++;
        brake_counts_clear(service->brake_counts);
        brake_counts_clear(service->challenge.brake_counts);
        service_defer_free(service, &service->states);
        if (service->state == service_good_state(service))
            service_set_state(service, SERVICE_UNAVAILABLE, "the tables are damaged: %.*s",
                              REASON_BYTES / 2, error->text);
    }
    pthread_mutex_unlock(&service->lock);
    if (!is_in_use)
        return;
    metric_gauge(service->settings.metrics, GENERATION_DAMAGED, 0, 1);
    log_line_with(service->settings.log, LOG_ERROR, LOG_FAILURE(error),
                  "the tables in use are damaged and dropped; the states are folded again: %s",
                  error->text);
    event_generation_refused(service->settings.events, error->text);
    service_report(service);
}

/* The nights may have removed the folder: what is open stays whole then, and says nothing. */
static void report_unread(struct service *service, const struct error *error) {
    log_line_with(service->settings.log, LOG_WARNING, LOG_FAILURE(error),
                  "the tables in use cannot be read against their hash: %s", error->text);
}

void swap_scrub(struct swap *swap) {
    struct service *service = swap->service;
    struct swap_scrub *scrub = &swap->scrub;
    struct error error;
    int r = 1;
    char *folder = find_due(swap);
    if (!folder)
        return;
    if (!scrub->reading)
        r = generation_scrub_open(service->generations_path, folder, &scrub->reading, &error);
    free(folder);
    bool is_unread = r < 0 && error.code != ERROR_DAMAGED;
    if (r >= 0)
        r = generation_scrub_step(scrub->reading, BYTES_PER_STEP, &error);
    if (r > 0)
        return;
    swap_scrub_end(swap);
    scrub->again_us = clock_monotonic_us(service->settings.clock) + AGAIN_US;
    if (is_unread)
        report_unread(service, &error);
    else if (r < 0)
        drop_tables(service, scrub->generation_id, &error);
}
