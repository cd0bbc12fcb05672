/* The thread for what takes long: folding at the start, reloading the policy (reload.c), coming
 * back after a failed write. One job at a time, so that none meets another halfway. */
#include "prefault.h"
#include "service_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- adopting ---- */

/* Which tables are to be opened again after a failed write. */
static void remember_folder(struct service *service) {
    const struct generation *generation = overlay_generation(service->states.overlay);
    free(service->adopted_folder);
    service->adopted_folder = generation ? generation_folder(generation) : NULL;
}

int service_record_policy(struct service *service, const struct adopted *last,
                          struct error *ret_error) {
    struct record records[INGEST_ADOPTIONS_MAX];
    size_t count = ingest_adoptions(&service->states, last, records);
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = service_append(service, &records[i], ret_error);
    return r;
}

int service_record_adoptions(struct service *service, const struct adopted *last,
                             struct error *ret_error) {
    int r = service_record_policy(service, last, ret_error);
    if (r == 0)
        r = shadows_fit(service, ret_error);
    if (r == 0)
        remember_folder(service);
    return r;
}

void service_say_warming(const struct service *service, size_t warming, struct text reason) {
    if (warming > 0)
        log_line(service->settings.log, LOG_WARNING,
                 "%zu of the policy's features are new or changed: they are absent until `harrier "
                 "rebuild` has built tables with them (%" TEXT_FORMAT ")",
                 warming, TEXT_ARGS(reason));
}

struct reporting {
    struct fold_progress progress; /* first */
    struct service *service;
};

static void report(struct fold_progress *self, uint64_t position, uint64_t end) {
    struct service *service = ((struct reporting *)self)->service;
    pthread_mutex_lock(&service->lock);
    if (service->state == SERVICE_STARTING || service->state == SERVICE_UNAVAILABLE)
        service_set_state(service, service->state,
                          "folding the archive: position %" PRIu64 " of %" PRIu64, position, end);
    pthread_mutex_unlock(&service->lock);
}

/* Folds, takes the states in, and opens for business. Frees fold. */
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
    service_say_warming(service, engine_warming(states.engine),
                        engine_warming_names(states.engine)->reason);
    service_say_lists(service, &states, service->rules);
    pthread_mutex_lock(&service->lock);
    service->states = states;
    service->written_shadows = last.shadows;
    service->own_position = end.position;
    r = service_record_adoptions(service, &last, ret_error);
    /* Asked to stop in the meantime: the states are good, the state is not ours to change. */
    if (r == 0 && service->state != SERVICE_DRAINING)
        service_set_state(service, SERVICE_READY, "%s", "");
    service_check_overlay(service);
    uint64_t transactions = r == 0 ? overlay_tally(service->states.overlay).transactions : 0;
    pthread_mutex_unlock(&service->lock);
    if (r == 0)
        log_line(service->settings.log, LOG_INFO,
                 "ready: %" PRIu64 " transactions, position %" PRIu64 ", folded in %.1f s",
                 transactions, end.position,
                 (double)(clock_monotonic_us(service->settings.clock) - began_us) / 1e6);
    return r;
}

/* ---- the jobs ---- */

static void start(struct service *service) {
    struct fold *fold = service->first_fold;
    struct error error;
    service->first_fold = NULL;
    shadows_start(service);
    if (fold_and_serve(service, fold, &error) < 0 && error.code != ERROR_INTERRUPTED) {
        pthread_mutex_lock(&service->lock);
        /* A disk that is full now may have room in a while. */
        if (service->state != SERVICE_UNAVAILABLE)
            service_fail(service, &error);
        pthread_mutex_unlock(&service->lock);
    }
    service_report(service);
}

/* Can the archive be written again? The record says that a writer began anew here. */
static int try_archive(struct service *service, struct error *ret_error) {
    struct record record = {.type = RECORD_ENGINE, .engine.version = TEXT_LITERAL(HARRIER_VERSION)};
    pthread_mutex_lock(&service->lock);
    record.receive_time_us = service_receive_time_us(service);
    archive_append(service->archive, &record);
    int r = archive_write(service->archive, ret_error);
    if (r == 0)
        commit_want(service);
    else if (r == -ERROR_UNAVAILABLE) /* it must be opened again: by another process */
        service_fail(service, ret_error);
    pthread_mutex_unlock(&service->lock);
    return r;
}

/* On the tables that were in use: a newer generation is for the swap, which looks at it closely. */
static int begin_again(struct service *service, struct fold **ret_fold, struct error *ret_error) {
    struct fold_source source = {.archive = service->archive_path,
                                 .generations = service->generations_path,
                                 .folder = service->adopted_folder,
                                 .rules = service->rules};
    int r = fold_begin(&source, ret_fold, ret_error);
    if (r < 0 && source.folder) { /* they may be gone */
        source.folder = NULL;
        r = fold_begin(&source, ret_fold, ret_error);
    }
    return r;
}

static bool has_lost_states(struct service *service) {
    pthread_mutex_lock(&service->lock);
    bool has = service->state == SERVICE_UNAVAILABLE && !service->states.overlay;
    pthread_mutex_unlock(&service->lock);
    return has;
}

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
    if (r < 0)
        log_line(service->settings.log, LOG_DEBUG, "still unavailable: %s", error.text);
    else
        metric_add(service->settings.metrics, RECOVERIES, 0, 1);
    service_report(service);
}

/* The file that the archive goes on in. Without it the archive goes on all the same, so what keeps
 * it from being made is told and tried again later. */
#define SPARE_AGAIN_US (INT64_C(60) * 1000000)

static void make_spare(struct service *service) {
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

/* ---- the thread ---- */

static const struct {
    enum job job;
    void (*run)(struct service *service);
} jobs[] = {
    {JOB_START, start},
    {JOB_RELOAD, reload_run},
    {JOB_RECOVER, recover},
    {JOB_SPARE, make_spare},
};

static void *work(void *user) {
    struct service *service = user;
    for (;;) {
        pthread_mutex_lock(&service->jobs_lock);
        while (!service->jobs && !atomic_load(&service->stopping))
            pthread_cond_wait(&service->jobs_wanted, &service->jobs_lock);
        unsigned wanted = service->jobs;
        service->jobs = 0;
        pthread_mutex_unlock(&service->jobs_lock);
        for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
            if ((wanted & jobs[i].job) && !atomic_load(&service->stopping))
                jobs[i].run(service);
        if (atomic_load(&service->stopping))
            return NULL;
    }
}

void background_ask_locked(struct service *service, enum job job) {
    service->jobs |= job;
    pthread_cond_signal(&service->jobs_wanted);
}

static void ask(struct service *service, enum job job) {
    pthread_mutex_lock(&service->jobs_lock);
    background_ask_locked(service, job);
    pthread_mutex_unlock(&service->jobs_lock);
}

void background_look_for_spare(struct service *service) {
    if (!archive_wants_spare(service->archive) ||
        clock_monotonic_us(service->settings.clock) < service->spare_at_us)
        return;
    service->spare_at_us = INT64_MAX; /* being made */
    ask(service, JOB_SPARE);
}

void background_start(struct service *service) {
    ask(service, JOB_START);
    check(pthread_create(&service->background, NULL, work, service) == 0);
}

void background_stop(struct service *service) {
    atomic_store(&service->draining, true);
    pthread_mutex_lock(&service->jobs_lock);
    atomic_store(&service->stopping, true);
    pthread_cond_signal(&service->jobs_wanted);
    pthread_mutex_unlock(&service->jobs_lock);
    pthread_join(service->background, NULL);
    reload_stop(service);
    fold_free(service->first_fold); /* asked to stop before the start began */
    service->first_fold = NULL;
}

void service_set_shadows(struct service *service, const char *const *folders, size_t count) {
    pthread_mutex_lock(&service->jobs_lock);
    shadow_folders_set(&service->shadow_folders, folders, count);
    pthread_mutex_unlock(&service->jobs_lock);
}

void service_reload(struct service *service, const char *policy, int64_t max_ahead_us) {
    pthread_mutex_lock(&service->lock);
    service->max_ahead_us = max_ahead_us;
    pthread_mutex_unlock(&service->lock);
    if (policy) {
        pthread_mutex_lock(&service->jobs_lock);
        free(service->policy_path);
        service->policy_path = text_copy(text_of(policy));
        pthread_mutex_unlock(&service->jobs_lock);
    }
    ask(service, JOB_RELOAD);
}

void service_reload_again(struct service *service) {
    ask(service, JOB_RELOAD);
}

void service_retry(struct service *service) {
    if (has_lost_states(service))
        ask(service, JOB_RECOVER);
}
