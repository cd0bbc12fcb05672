/* Made by the background thread; archive_has_spare() tells the archive under the lock. */
#include "spare.h"

/* A failure is logged, and tried again after this: the disk may have room by then. */
#define SPARE_AGAIN_US (INT64_C(60) * 1000000)

void spare_request(struct service *service) {
    if (!archive_wants_spare(service->archive) ||
        clock_monotonic_us(service->settings.clock) < service->spare_at_us)
        return;
    service->spare_at_us = INT64_MAX; /* being made */
    jobs_ask(&service->jobs, JOB_SPARE);
}

void spare_make(struct service *service) {
    struct error error;
    int r = archive_make_spare(service->archive, &error);
    pthread_mutex_lock(&service->lock);
    if (r == 0)
        archive_has_spare(service->archive);
    service->spare_at_us =
        r == 0 ? 0 : clock_monotonic_us(service->settings.clock) + SPARE_AGAIN_US;
    pthread_mutex_unlock(&service->lock);
    if (r < 0)
        log_line(service->settings.log, LOG_WARNING, "%s", error.text);
}
