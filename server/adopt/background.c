/* The background thread: start, reload (reload.c), recovery after a failed write, spare files
 * (spare.c), refused transactions (reject_log.c).
 *
 * One job at a time, so that none meets another halfway: only this thread changes the policy or the
 * shadows, so it may read both without the decision lock. Swaps have a thread of their own
 * (swap_run.c). */
#include "background.h"

#include "adoption.h"
#include "challenger.h"
#include "core/base/check.h"
#include "erasure.h"
#include "prefault.h"
#include "reload.h"
#include "server/base/append.h"
#include "server/base/commit.h"
#include "server/base/outage.h"
#include "server/base/spare.h"
#include "server/events/event_rows.h"
#include "server/ops/metrics.h"
#include "server/ops/reject_log.h"
#include "shadows.h"
#include "unused_lists.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- folding ---- */

struct reporting {
    struct fold_progress progress; /* first */
    struct service *service;
};

/* Progress of the fold, for /readyz and Status. */
static void report(struct fold_progress *self, uint64_t position, uint64_t end) {
    struct service *service = ((struct reporting *)self)->service;
    pthread_mutex_lock(&service->lock);
    if (service->state == SERVICE_STARTING || service->state == SERVICE_UNAVAILABLE)
        service_set_state(service, service->state,
                          "folding the archive: position %" PRIu64 " of %" PRIu64, position, end);
    pthread_mutex_unlock(&service->lock);
}

/* Folds the archive up to its end, puts the states in force, and makes the service ready. Frees
 * fold. */
static int fold_and_serve(struct service *service, struct fold *fold, struct error *ret_error) {
    pthread_mutex_lock(&service->lock);
    struct archive_place end = archive_end(service->archive);
    pthread_mutex_unlock(&service->lock);
    int64_t began_us = clock_monotonic_us(service->settings.clock);
    struct prefault prefault;
    struct reporting reporting = {.progress = {report}, .service = service};
    struct states states;
    struct adopted last;
    /* Without the lock: nothing is appended while the service is not ready. */
    prefault_start(&prefault);
    fold_use_prefault(fold, &prefault.prefault);
    int r = fold_advance(fold, end, &service->stopping, &reporting.progress, ret_error);
    fold_use_prefault(fold, NULL);
    prefault_stop(&prefault);
    if (r == 0)
        fold_take(fold, service->rules, &states, &last);
    fold_free(fold);
    if (r < 0)
        return r;
    adoption_log_warming(service, engine_warming(states.engine),
                         engine_warming_names(states.engine)->reason);
    unused_lists_log(service, &states, service->rules);
    pthread_mutex_lock(&service->lock);
    service->states = states;
    service->written_shadows = last.shadows;
    service->replication.adopted = last;
    service->own_position = end.position;
    r = adoption_record(service, &last, ret_error);
    /* If a shutdown has begun meanwhile, the service stays draining. */
    if (r == 0 && service->state != SERVICE_DRAINING)
        service_set_state(service, service_good_state(service), "%s", "");
    service_check_overlay(service);
    outage_update(service); /* the adoption's records may be held already */
    const char *good = service_state_name(service_good_state(service));
    uint64_t transactions = r == 0 ? overlay_tally(service->states.overlay).transactions : 0;
    pthread_mutex_unlock(&service->lock);
    if (r == 0)
        log_line_with(service->settings.log, LOG_INFO,
                      LOG_FIELDS(log_field_string("state", good),
                                 log_field_unsigned("transactions", transactions),
                                 log_field_unsigned("position", end.position)),
                      "%s: %" PRIu64 " transactions, position %" PRIu64 ", folded in %.1f s", good,
                      transactions, end.position,
                      (double)(clock_monotonic_us(service->settings.clock) - began_us) / 1e6);
    return r;
}

/* ---- the jobs ---- */

/* From the tables that were in use: adopting a newer generation, with all its checks, is the swap's
 * business. */
static int begin_again(struct service *service, struct fold **ret_fold, struct error *ret_error) {
    struct error damage;
    struct fold_source source = {.archive = service->archive_path,
                                 .generations = service->generations_path,
                                 .folder = service->adopted_folder,
                                 .rules = service->rules,
                                 .damage = &damage};
    int r = fold_begin(&source, ret_fold, ret_error);
    if (r < 0 && source.folder) { /* the folder may have been removed, or the tables damaged */
        source.folder = NULL;
        r = fold_begin(&source, ret_fold, ret_error);
    }
    if (r == 0)
        adoption_note_damage(service, &damage, *ret_fold);
    return r;
}

static void start(struct service *service) {
    struct fold *fold = service->first_fold;
    struct error error;
    service->first_fold = NULL;
    shadows_start(service);
    challenger_start(service);
    int r = fold ? 0 : begin_again(service, &fold, &error);
    if (r == 0)
        r = fold_and_serve(service, fold, &error);
    if (r < 0 && error.code != ERROR_INTERRUPTED) {
        pthread_mutex_lock(&service->lock);
        /* Unavailable: the adoption could not be written. A full disk may have room later, so
         * recovery tries again instead of failing for good. */
        if (service->state != SERVICE_UNAVAILABLE)
            service_fail(service, &error);
        pthread_mutex_unlock(&service->lock);
    }
    service_report(service);
}

/* Appends a record to find out whether the archive can be written again. It also marks where a
 * writer started over. */
static int try_archive(struct service *service, struct error *ret_error) {
    struct record record = {
        .type = RECORD_ENGINE,
        .engine = {.version = TEXT_LITERAL(HARRIER_VERSION), .definition = ENGINE_DEFINITION}};
    pthread_mutex_lock(&service->lock);
    if (!service_writes(service)) {
        pthread_mutex_unlock(&service->lock);
        return 0;
    }
    if (atomic_load(&service->outage.is_on)) { /* the commit thread tries */
        pthread_mutex_unlock(&service->lock);
        return error_set(ret_error, ERROR_UNAVAILABLE, "the archive's disk fails");
    }
    if (service->replication.is_member)
        record.engine.node = text_of(service->settings.cluster.node);
    record.receive_time_us = service_receive_time_us(service);
    archive_append(service->archive, &record);
    int r = archive_write(service->archive, ret_error);
    if (r < 0)
        service_note_write_failure(service, ret_error);
    else
        commit_want(service);
    pthread_mutex_unlock(&service->lock);
    return r;
}

/* Unavailable for its size is another matter: then there are states, and a swap is the cure. */
static bool has_lost_states(struct service *service) {
    pthread_mutex_lock(&service->lock);
    bool has = service->state == SERVICE_UNAVAILABLE && !service->states.overlay &&
               !service->replication.is_reconciling;
    pthread_mutex_unlock(&service->lock);
    return has;
}

/* Asked for about every second while the states are lost; most attempts fail at the archive. */
static void recover(struct service *service) {
    struct fold *fold = NULL;
    struct error error;
    if (!has_lost_states(service))
        return;
    int r = try_archive(service, &error);
    if (r == 0)
        r = begin_again(service, &fold, &error);
    if (r == 0)
        r = fold_and_serve(service, fold, &error);
    if (r < 0) {
        log_line(service->settings.log, LOG_DEBUG, "still unavailable: %s", error.text);
    } else {
        pthread_mutex_lock(&service->lock);
        uint64_t position = archive_end(service->archive).position;
        pthread_mutex_unlock(&service->lock);
        event_archive_recovered(service->settings.events, position);
        metric_add(service->settings.metrics, RECOVERIES, 0, 1);
    }
    service_report(service);
}

static void write_rejects(struct service *service) {
    reject_log_write(service->reject_log);
}

/* ---- the thread ---- */

/* In this order when several are pending. */
static const struct {
    enum job job;
    void (*run)(struct service *service);
} jobs[] = {
    {JOB_START, start},      {JOB_RELOAD, reload_run},     {JOB_RECOVER, recover},
    {JOB_SPARE, spare_make}, {JOB_REJECTS, write_rejects}, {JOB_ERASURE, erasure_work},
};

static void *work(void *user) {
    struct service *service = user;
    for (unsigned wanted; (wanted = jobs_take(&service->jobs)) != 0;)
        for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
            if ((wanted & jobs[i].job) && !atomic_load(&service->stopping))
                jobs[i].run(service);
    return NULL;
}

void background_start(struct service *service) {
    if (!service->replication
             .is_member) /* else the cluster asks when the archive is as the log's */
        jobs_ask(&service->jobs, JOB_START);
    check(pthread_create(&service->background, NULL, work, service) == 0);
}

void background_stop(struct service *service) {
    atomic_store(&service->draining, true);
    atomic_store(&service->stopping, true);
    jobs_close(&service->jobs);
    pthread_join(service->background, NULL);
    reload_stop(service);
    fold_free(service->first_fold); /* not NULL if the start job never ran */
    service->first_fold = NULL;
}

void service_poll_recovery(struct service *service) {
    if (has_lost_states(service))
        jobs_ask(&service->jobs, JOB_RECOVER);
    if (erasure_is_wanted(service))
        jobs_ask(&service->jobs, JOB_ERASURE);
}
