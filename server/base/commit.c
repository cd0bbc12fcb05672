/* Group commit: one thread syncs the archive for all, and answers that need the disk are sent once
 * their records are on it.
 *
 * While a sync runs, further requests are decided and written; the next sync covers all of them. So
 * the disk's own pace determines how many share a sync, and sync_interval only limits how often it
 * is asked.
 *
 * A failed sync cannot be repeated: Linux reports the failure once and then considers the pages
 * clean, so a second try would succeed and prove nothing. The service fails instead, and the next
 * process writes again what no sync mark covers (archive_open.c). With archive_degrades the archive
 * does so itself, from memory: here is where it is tried again, every second, and where what was
 * held back is caught up with, a few MiB at a time, as decisions wait for each write. */
#include "commit.h"

#include "core/base/check.h"
#include "outage.h"
#include "run_pool.h"
#include "spare.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define RETRY_US       1000000           /* between two tries of a sync that lost nothing */
#define CATCH_UP_BYTES ((size_t)4 << 20) /* written under the lock at once, after an outage */

/* Under the decision lock. */
struct commit {
    pthread_cond_t idle; /* a sync has ended */
    bool is_syncing;
    int64_t sync_began_us; /* monotonic; while is_syncing */
    pthread_cond_t wanted; /* waits by the monotonic clock */
    pthread_t thread;
    bool is_waiting; /* the thread waits for work; else a signal would be wasted */
    bool is_wanted;  /* records were written since the last sync began */
    bool is_urgent;  /* do not wait for the interval: memory fills */
    bool is_closing;
    bool has_begun;                   /* the first sync is done */
    struct run *parked, **parked_end; /* wait for a sync, in order of arrival */
};

void commit_want(struct service *service) {
    struct commit *commit = service->commit;
    commit->is_wanted = true;
    bool is_urgent = service->settings.archive_degrades && !commit->is_urgent &&
                     !atomic_load(&service->outage.is_on) &&
                     archive_held(service->archive).bytes > service->settings.archive_memory / 2;
    commit->is_urgent |= is_urgent;
    if (commit->is_waiting || is_urgent)
        pthread_cond_signal(&service->commit->wanted);
    if (service->replication.is_primary)
        pthread_cond_signal(&service->replication.written);
}

bool commit_has_begun(const struct service *service) {
    return service->commit->has_begun;
}

/* The last record whose answers may be sent. Under the lock. */
static uint64_t safe_position(const struct service *service) {
    if (service->settings.replicated)
        return service->replication.committed.position;
    bool needs_disk = service->settings.synced || atomic_load(&service->outage.is_on);
    return needs_disk ? archive_synced(service->archive) : UINT64_MAX;
}

static void answer_unavailable(struct run *run, const char *why) {
    struct error error;
    error_set(&error, ERROR_UNAVAILABLE, "%s; try again with the same ids", why);
    run->response =
        (struct response){.error = wire_error_from(&error, (struct text){0}, &run->arena)};
    buffer_clear(&run->answer);
    message_encode_response(&run->response, &run->answer);
}

/* The records are in the archive's file, but whether they are on disk is unknown. */
static void answer_unsynced(struct run *run) {
    answer_unavailable(run, "the archive could not be synced");
}

/* What it would wait for does not come. Under the lock. */
static void answer_lost(struct run *run) {
    struct service *service = run->service;
    if (!service->settings.replicated || service->state == SERVICE_FAILED) {
        answer_unsynced(run);
    } else if (service_writes(service)) { /* again: is_cut() */
        answer_unavailable(run,
                           "the decision may be lost: another server was the primary for a while");
    } else {
        run_refuse_standby(run);
        buffer_clear(&run->answer);
        message_encode_response(&run->response, &run->answer);
    }
}

static bool is_lost(const struct service *service) {
    return service->state == SERVICE_FAILED ||
           (service->settings.replicated && !service_writes(service));
}

static void park(struct service *service, struct run *run) {
    run->next = NULL;
    *service->commit->parked_end = run;
    service->commit->parked_end = &run->next;
}

/* Between its decision and now, this node has stepped down and cut off what was not committed. The
 * log may have other records at the positions that the run waits for by now, so that these are
 * committed says nothing. Under the lock. */
static bool is_cut(const struct service *service, const struct run *run) {
    return run->position_needed > 0 && run->cuts != service->replication.cuts;
}

struct run *commit_park(struct service *service, struct run *runs) {
    struct run *ready = NULL, **end = &ready;
    if (!service->settings.synced && !service->settings.replicated &&
        !atomic_load(&service->outage.is_on))
        return runs;
    pthread_mutex_lock(&service->lock);
    uint64_t safe = safe_position(service);
    bool lost = is_lost(service), is_outage = atomic_load(&service->outage.is_on);
    for (struct run *run = runs, *next; run; run = next) {
        next = run->next;
        bool waits = run->position_needed > safe;
        if (is_cut(service, run)) {
            answer_lost(run);
        } else if (waits && is_outage) {
            outage_answer(run, safe);
        } else if (waits && !lost) {
            park(service, run);
            continue;
        } else if (waits) {
            answer_lost(run);
        }
        *end = run;
        end = &run->next;
    }
    pthread_mutex_unlock(&service->lock);
    *end = NULL;
    return ready;
}

/* Takes out the runs whose records are safe, or all of them. Under the lock. */
static struct run *unpark(struct service *service, bool all) {
    struct run *ready = NULL, **ready_end = &ready;
    struct run **at = &service->commit->parked;
    uint64_t safe = safe_position(service);
    while (*at) {
        struct run *run = *at;
        if (!all && run->position_needed > safe) {
            at = &run->next;
            continue;
        }
        *at = run->next;
        run->next = NULL;
        *ready_end = run;
        ready_end = &run->next;
    }
    service->commit->parked_end = at;
    return ready;
}

struct run *commit_release(struct service *service) {
    bool lost = is_lost(service);
    uint64_t safe = safe_position(service);
    struct run *runs = unpark(service, lost);
    for (struct run *run = runs; run; run = run->next)
        if (run->position_needed > safe)
            answer_lost(run);
    return runs;
}

void commit_await_idle(struct service *service) {
    while (service->commit->is_syncing)
        pthread_cond_wait(&service->commit->idle, &service->lock);
}

static void release_unsynced(struct run *runs) {
    for (struct run *run = runs; run; run = run->next)
        answer_unsynced(run);
    runs_reply(runs);
}

/* Under the lock, which is released while the disk works. < 0: unknown what is on disk. 1: nothing
 * is lost, try again. */
static int sync_archive(struct service *service, struct error *ret_error) {
    const struct service_settings *settings = &service->settings;
    struct archive_sync sync;
    int r = archive_sync_start(service->archive, &sync, ret_error);
    if (r < 0)
        return r == -ERROR_UNAVAILABLE ? r : 1;
    if (r == 0)
        return 0;
    int64_t began_us = clock_monotonic_us(settings->clock);
    service->commit->is_syncing = true;
    service->commit->sync_began_us = began_us;
    pthread_mutex_unlock(&service->lock);
    struct error wait_error;
    r = archive_sync_wait(&sync, &wait_error);
    metric_observe(settings->metrics, ARCHIVE_SYNC_DURATION, 0,
                   clock_monotonic_us(settings->clock) - began_us);
    pthread_mutex_lock(&service->lock);
    int finished = archive_sync_finish(service->archive, &sync, ret_error);
    service->commit->is_syncing = false;
    pthread_cond_broadcast(&service->commit->idle);
    if (r < 0) {
        *ret_error = wait_error;
        return r;
    }
    return finished == 0 || finished == -ERROR_UNAVAILABLE ? finished : 1;
}

/* All parked runs, answered as what is on disk demands. Under the lock. */
static struct run *unpark_for_outage(struct service *service) {
    uint64_t safe = safe_position(service);
    struct run *runs = unpark(service, true);
    for (struct run *run = runs; run; run = run->next)
        if (run->position_needed > safe)
            outage_answer(run, safe);
    return runs;
}

/* One step, with archive_degrades: writes what is held and syncs. Under the lock, which is released
 * while the disk works. Returns 0, or 1: the disk fails, try again later. */
static int catch_up(struct service *service, struct error *ret_error) {
    int r = archive_write_some(service->archive, CATCH_UP_BYTES, ret_error);
    if (r == 0)
        r = sync_archive(service, ret_error);
    if (r != 0) {
        outage_begin(service, ret_error);
        return 1;
    }
    if (!atomic_load(&service->outage.is_on))
        return 0;
    outage_update(service);
    if (archive_held(service->archive).records == 0)
        outage_end(service);
    else
        service->commit->is_wanted = service->commit->is_urgent = true;
    return 0;
}

static bool is_outage(const struct service *service) {
    return atomic_load(&service->outage.is_on);
}

/* Under the lock, which is released while the disk works and answers are sent. False: try again. */
static bool commit(struct service *service) {
    struct error error;
    bool was_outage = is_outage(service);
    service->commit->is_wanted = service->commit->is_urgent = false;
    int r = service->settings.archive_degrades ? catch_up(service, &error)
                                               : sync_archive(service, &error);
    if (r < 0)
        service_fail(service, &error);
    if (r != 0 && !was_outage)
        log_line_with(service->settings.log, LOG_ERROR, LOG_FAILURE(&error),
                      "syncing the archive: %s", error.text);
    if (r > 0)
        service->commit->is_wanted = true;
    if (r == 0)
        service->commit->has_begun = true;
    spare_request(service);
    struct run *runs = is_outage(service) ? unpark_for_outage(service) : unpark(service, r < 0);
    bool is_changed = r < 0 || was_outage != is_outage(service);
    pthread_mutex_unlock(&service->lock);
    (r < 0 ? release_unsynced : runs_reply)(runs);
    if (is_changed)
        service_report(service);
    pthread_mutex_lock(&service->lock);
    return r == 0;
}

/* From now, by the clock that the condition variable waits by. */
static struct timespec monotonic_after(int64_t us) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    int64_t ns = time.tv_nsec + us % 1000000 * 1000;
    time.tv_sec += us / 1000000 + ns / 1000000000;
    time.tv_nsec = ns % 1000000000;
    return time;
}

/* Under the lock: until there is something to sync, or closing. */
static void wait_for_work(struct service *service) {
    service->commit->is_waiting = true;
    while (!service->commit->is_wanted && !service->commit->is_closing)
        pthread_cond_wait(&service->commit->wanted, &service->lock);
    service->commit->is_waiting = false;
}

/* Under the lock: until the time, or closing. */
static void wait_until(struct service *service, struct timespec time) {
    while (!service->commit->is_closing && !service->commit->is_urgent &&
           pthread_cond_timedwait(&service->commit->wanted, &service->lock, &time) != ETIMEDOUT)
        continue;
}

static void *work(void *user) {
    struct service *service = user;
    const struct service_settings *settings = &service->settings;
    int64_t interval_us =
        settings->synced ? settings->sync_interval_us : settings->lazy_sync_interval_us;
    struct timespec next = monotonic_after(0);
    pthread_mutex_lock(&service->lock);
    for (;;) {
        wait_for_work(service);
        if (!settings->synced)
            next = monotonic_after(interval_us);
        wait_until(service, next);
        if (service->state == SERVICE_FAILED ||
            (service->commit->is_closing && !service->commit->is_wanted))
            break;
        next = monotonic_after(interval_us);
        if (commit(service))
            continue;
        if (service->commit->is_closing)
            break;
        wait_until(service, monotonic_after(RETRY_US));
    }
    struct run *rest = unpark(service, true);
    pthread_mutex_unlock(&service->lock);
    release_unsynced(rest);
    return NULL;
}

void commit_poll(struct service *service) {
    const struct service_settings *settings = &service->settings;
    struct error error;
    struct run *runs = NULL;
    if (!settings->archive_degrades)
        return;
    pthread_mutex_lock(&service->lock);
    int64_t took_us = clock_monotonic_us(settings->clock) - service->commit->sync_began_us;
    bool is_late = service->commit->is_syncing && took_us > settings->archive_patience_us;
    if (is_late && !is_outage(service)) {
        error_set(&error, ERROR_SYSTEM, "%s: a sync has taken %.1f s and is not done",
                  service->archive_path, (double)took_us / 1e6);
        outage_begin(service, &error);
    }
    if (is_late) /* some may have been waiting when memory was full and so an outage began */
        runs = unpark_for_outage(service);
    pthread_mutex_unlock(&service->lock);
    runs_reply(runs);
    if (runs || is_late)
        service_report(service);
}

void commit_start(struct service *service) {
    struct commit *commit = check_calloc(1, sizeof *commit);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&commit->wanted, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&commit->idle, NULL);
    commit->parked_end = &commit->parked;
    commit->is_wanted = true; /* a killed process may have left records written but not synced */
    service->commit = commit;
    check(pthread_create(&commit->thread, NULL, work, service) == 0);
}

void commit_stop(struct service *service) {
    pthread_mutex_lock(&service->lock);
    service->commit->is_closing = true;
    pthread_cond_signal(&service->commit->wanted);
    pthread_mutex_unlock(&service->lock);
    pthread_join(service->commit->thread, NULL);
}

void commit_free(struct service *service) {
    if (!service->commit)
        return;
    pthread_cond_destroy(&service->commit->idle);
    pthread_cond_destroy(&service->commit->wanted);
    free(service->commit);
}
