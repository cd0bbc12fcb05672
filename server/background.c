/* The thread for what takes long: folding at the start, reloading the policy, coming back after a
 * failed write. One job at a time, so that none meets another halfway. */
#include "service_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- adopting ---- */

/* What the archive must say before the next decision, when its last record of that kind says
 * otherwise. Under the decision lock. */
static int record_adoptions(struct service *service, const struct adopted *last,
                            struct error *ret_error) {
    const struct snapshot *rules = service->rules;
    const struct generation *generation = overlay_generation(service->states.overlay);
    int r = 0;
    if (!last->this_version) {
        struct record record = {.type = RECORD_ENGINE,
                                .engine.version = TEXT_LITERAL(HARRIER_VERSION)};
        r = service_append(service, &record, ret_error);
    }
    if (r == 0 && last->snapshot_id != rules->id) {
        struct record record = {.type = RECORD_SNAPSHOT,
                                .snapshot = {.snapshot_id = rules->id,
                                             .name = rules->name,
                                             .files = rules->files,
                                             .file_count = rules->file_count}};
        r = service_append(service, &record, ret_error);
    }
    if (r == 0 && generation && last->generation_id != service->states.generation_id) {
        const struct generation_manifest *manifest = generation_manifest(generation);
        struct record record = {.type = RECORD_GENERATION,
                                .generation = {.generation_id = manifest->id,
                                               .position = manifest->place.position,
                                               .chain = manifest->place.chain,
                                               .plan_id = manifest->plan_id}};
        r = service_append(service, &record, ret_error);
    }
    return r;
}

static void say_warming(const struct service *service, const struct engine *engine) {
    size_t warming = engine_warming(engine);
    if (warming > 0)
        log_line(service->settings.log, LOG_WARNING,
                 "%zu of the policy's features are new or changed: they are absent until `harrier "
                 "rebuild` has built tables with them",
                 warming);
}

static void tell_progress(void *user, uint64_t done, uint64_t total) {
    struct service *service = user;
    pthread_mutex_lock(&service->lock);
    if (service->state == SERVICE_STARTING || service->state == SERVICE_UNAVAILABLE)
        service_set_state(service, service->state,
                          "folding the archive: %" PRIu64 " of %" PRIu64 " MiB", done >> 20,
                          total >> 20);
    pthread_mutex_unlock(&service->lock);
}

/* Folds, takes the states in, and opens for business. Frees fold. */
static int fold_and_serve(struct service *service, struct fold *fold, struct error *ret_error) {
    pthread_mutex_lock(&service->lock);
    struct archive_place end = archive_end(service->archive);
    pthread_mutex_unlock(&service->lock);
    int64_t began_us = clock_monotonic_us(service->settings.clock);
    struct states states;
    struct adopted last;
    /* Without the lock: nothing is appended while the service is not ready. */
    int r = fold_finish(fold, end, &service->stopping, tell_progress, service, &states, &last,
                        ret_error);
    fold_free(fold);
    if (r < 0)
        return r;
    say_warming(service, states.engine);
    pthread_mutex_lock(&service->lock);
    service->states = states;
    r = record_adoptions(service, &last, ret_error);
    /* Asked to stop in the meantime: the states are good, the state is not ours to change. */
    if (r == 0 && service->state != SERVICE_DRAINING)
        service_set_state(service, SERVICE_READY, "%s", "");
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
    if (fold_and_serve(service, fold, &error) < 0 && error.code != ERROR_INTERRUPTED) {
        pthread_mutex_lock(&service->lock);
        service_fail(service, &error);
        pthread_mutex_unlock(&service->lock);
    }
    service_tell(service);
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

static void recover(struct service *service) {
    struct fold *fold = NULL;
    struct error error;
    if (service_state(service, NULL, 0) != SERVICE_UNAVAILABLE)
        return;
    int r = try_archive(service, &error);
    if (r == 0)
        r = fold_begin(service->archive_path, service->generations_path, service->rules, &fold,
                       &error);
    if (r == 0)
        r = fold_and_serve(service, fold, &error);
    if (r < 0)
        log_line(service->settings.log, LOG_DEBUG, "still unavailable: %s", error.text);
    else
        metric_add(service->settings.metrics, RECOVERIES, 0, 1);
    service_tell(service);
}

static void refuse_reload(struct service *service, const char *reason) {
    pthread_mutex_lock(&service->lock);
    snprintf(service->reload_error, sizeof service->reload_error, "%s", reason);
    pthread_mutex_unlock(&service->lock);
    metric_add(service->settings.metrics, RELOADS, RELOAD_REFUSED, 1);
    log_line(service->settings.log, LOG_ERROR, "not adopted, the policy stays as it was: %s",
             reason);
}

/* The rules change between two decisions, and the archive says where. */
static void adopt(struct service *service, struct snapshot *rules) {
    struct error error; /* a failed write is told by service_lose_archive() */
    pthread_mutex_lock(&service->lock);
    struct snapshot *old = service->rules;
    const struct adopted last = {
        .snapshot_id = old->id,
        .generation_id = service->states.generation_id,
        .this_version = true,
    };
    service->rules = rules;
    service->reload_error[0] = '\0';
    /* When unavailable there is nothing to change: coming back will take these rules. */
    if (service->states.engine) {
        struct engine *engine = engine_new(rules, service->states.plan);
        engine_free(service->states.engine);
        service->states.engine = engine;
        say_warming(service, engine);
        record_adoptions(service, &last, &error);
    }
    pthread_mutex_unlock(&service->lock);
    snapshot_unref(old);
}

static void reload(struct service *service) {
    struct buffer messages;
    struct snapshot *rules;
    struct error error;
    pthread_mutex_lock(&service->jobs_lock);
    char *path = text_copy(text_of(service->policy_path));
    pthread_mutex_unlock(&service->jobs_lock);
    buffer_init(&messages);
    int r = snapshot_load_folder(path, &rules, &messages, &error);
    log_lines(service->settings.log, r < 0 ? LOG_ERROR : LOG_WARNING,
              (struct text){.data = (char *)messages.bytes, .length = messages.length});
    buffer_deinit(&messages);
    free(path);
    if (r < 0) {
        refuse_reload(service, error.text);
        return;
    }
    bool same = rules->id == service->rules->id;
    char id[HASH_HEX_SIZE];
    hash_hex(rules->id, id);
    log_line(service->settings.log, LOG_INFO, "policy %" TEXT_FORMAT " %s %s",
             TEXT_ARGS(rules->name), id, same ? "is unchanged" : "adopted");
    metric_add(service->settings.metrics, RELOADS, same ? RELOAD_UNCHANGED : RELOAD_ADOPTED, 1);
    adopt(service, rules);
    service_tell(service);
}

/* ---- the thread ---- */

static const struct {
    enum job job;
    void (*run)(struct service *service);
} jobs[] = {
    {JOB_START, start},
    {JOB_RELOAD, reload},
    {JOB_RECOVER, recover},
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

void background_ask(struct service *service, enum job job) {
    pthread_mutex_lock(&service->jobs_lock);
    service->jobs |= job;
    pthread_cond_signal(&service->jobs_wanted);
    pthread_mutex_unlock(&service->jobs_lock);
}

void background_start(struct service *service) {
    background_ask(service, JOB_START);
    check(pthread_create(&service->background, NULL, work, service) == 0);
}

void background_stop(struct service *service) {
    pthread_mutex_lock(&service->jobs_lock);
    atomic_store(&service->stopping, true);
    pthread_cond_signal(&service->jobs_wanted);
    pthread_mutex_unlock(&service->jobs_lock);
    pthread_join(service->background, NULL);
    fold_free(service->first_fold); /* asked to stop before the start began */
    service->first_fold = NULL;
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
    background_ask(service, JOB_RELOAD);
}

void service_refuse_reload(struct service *service, const char *reason) {
    refuse_reload(service, reason);
}

void service_retry(struct service *service) {
    if (service_state(service, NULL, 0) == SERVICE_UNAVAILABLE)
        background_ask(service, JOB_RECOVER);
}
