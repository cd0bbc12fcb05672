/* Opening and closing.
 *
 * Everything that can be wrong with configuration and files fails before a thread exists. Then the
 * threads are started; service_close() ends first those that make work for others. */
#include "authorize.h"
#include "backfill.h"
#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "core/base/value.h"
#include "core/store/pseudonyms/pseudonym_keys.h"
#include "core/store/upkeep/archive_lost.h"
#include "explain.h"
#include "find_queue.h"
#include "overload.h"
#include "server/adopt/admission.h"
#include "server/adopt/adoption.h"
#include "server/adopt/background.h"
#include "server/adopt/erasure.h"
#include "server/adopt/protection.h"
#include "server/adopt/swap_run.h"
#include "server/adopt/token_reload.h"
#include "server/base/brake_counts.h"
#include "server/base/commit.h"
#include "server/base/deferred_free.h"
#include "server/base/drift_counts.h"
#include "server/base/run_pool.h"
#include "server/cluster/cluster.h"
#include "server/events/event_watch.h"
#include "server/ops/reject_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* At the start a policy that is refused is fatal: there is no other to decide with. */
static int load_policy(struct service *service, struct error *ret_error) {
    struct buffer messages;
    buffer_init(&messages);
    int r = admission_load(service->policy_path, &service->rules, &messages, ret_error);
    log_lines(service->settings.log, r < 0 ? LOG_ERROR : LOG_WARNING,
              (struct text){.data = (char *)messages.bytes, .length = messages.length});
    buffer_deinit(&messages);
    if (r < 0) { /* a missing folder is a configuration error, too */
        ret_error->code = ERROR_INVALID;
        return -ERROR_INVALID;
    }
    atomic_init(&service->fallback, service->rules->fallback);
    service->rule_places = rule_counts_places(service->rule_counts, service->rules);
    service->brake_counts = brake_counts_new(service->rules);
    service->drift_counts = drift_counts_new(service->rules);
    return 0;
}

/* A record cut short by a crash is normal; it is cut off, saved and reported. */
static int open_archive(struct service *service, struct error *ret_error) {
    const struct archive_options options = {.on_zeros = service->settings.synced,
                                            .keeps = service->settings.archive_degrades};
    struct archive_recovery recovery;
    int r = archive_open(service->archive_path, &options, &service->archive, &recovery, ret_error);
    if (r < 0)
        return r;
    if (recovery.torn_bytes > 0)
        log_line_with(service->settings.log, LOG_WARNING,
                      LOG_FIELDS(log_field_unsigned("bytes", recovery.torn_bytes),
                                 log_field_unsigned("position", recovery.position),
                                 log_field_string("file", recovery.torn_file)),
                      "the archive ended in an incomplete record: %" PRIu64
                      " bytes after position %" PRIu64 " were cut off and saved in %s",
                      recovery.torn_bytes, recovery.position, recovery.torn_file);
    return 0;
}

/* A quarantine lets the server start without them, but nobody shall forget. */
static void report_lost(struct service *service) {
    struct archive_lost lost;
    struct buffer line;
    struct error ignored;
    if (archive_lost_find(service->archive_path, &lost, &ignored) < 0)
        return;
    metric_gauge(service->settings.metrics, ARCHIVE_LOST, 0, (int64_t)lost.records);
    if (lost.records == 0)
        return;
    buffer_init(&line);
    archive_lost_describe(&lost, &line);
    log_line(service->settings.log, LOG_WARNING, "%.*s", (int)line.length,
             (const char *)line.bytes);
    buffer_deinit(&line);
}

static int open_rejects(struct service *service, struct error *ret_error) {
    const struct service_settings *settings = &service->settings;
    const struct reject_log_settings wanted = {.path = settings->rejects,
                                               .size_max = settings->rejects_size,
                                               .clock = settings->clock,
                                               .log = settings->log,
                                               .metrics = settings->metrics};
    if (!settings->rejects || !*settings->rejects)
        return 0;
    return reject_log_open(&wanted, &service->reject_log, ret_error);
}

static void init_replication(struct service *service) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&service->replication.written, &monotonic);
    pthread_condattr_destroy(&monotonic);
    service->replication.is_member = service->settings.cluster.brokers != NULL;
}

/* Everything that cannot fail; the threads are not running yet. */
static struct service *service_new(const struct service_settings *settings) {
    struct service *service = check_calloc(1, sizeof *service);
    service->settings = *settings;
    service->policy_path = text_copy(text_of(settings->policy));
    shadow_folders_set(&service->shadow_folders, settings->shadows, settings->shadow_count);
    challenge_wish_set(&service->challenge_wish, &settings->challenge);
    service->archive_path = text_copy(text_of(settings->archive));
    service->generations_path = text_copy(text_of(settings->generations));
    service->started_us = clock_wall_us(settings->clock);
    service->max_ahead_us = settings->max_ahead_us;
    service_set_state(service, SERVICE_STARTING, "folding the archive");
    lock_init(&service->lock, LOCK_SERVICE);
    lock_init(&service->reload_lock, LOCK_RELOAD);
    init_replication(service);
    log_limit_init(&service->log_limit);
    service->rule_counts = rule_counts_new();
    service->event_watch =
        event_watch_new(settings->events, settings->data, settings->metrics, settings->clock);
    jobs_init(&service->jobs);
    run_pool_open(service);
    overload_open(service);
    service_guard_init(&service->guard, service);
    return service;
}

/* After the threads have ended. */
static void service_free(struct service *service) {
    cluster_free(service);
    service_free_deferred(service);
    states_deinit(&service->states);
    shadow_policies_deinit(&service->shadows);
    shadow_folders_deinit(&service->shadow_folders);
    challenge_deinit(&service->challenge);
    challenge_wish_deinit(&service->challenge_wish);
    snapshot_unref(service->rules);
    free(service->rule_places);
    brake_counts_free(service->brake_counts);
    drift_counts_free(service->drift_counts);
    rule_counts_free(service->rule_counts);
    event_watch_free(service->event_watch);
    run_pool_close(service);
    overload_close(service);
    commit_free(service);
    reject_log_close(service->reject_log);
    jobs_deinit(&service->jobs);
    log_limit_deinit(&service->log_limit);
    pthread_cond_destroy(&service->replication.written);
    pthread_mutex_destroy(&service->reload_lock);
    pthread_mutex_destroy(&service->lock);
    for (size_t i = 0; i < service->list_label_count; i++)
        free(service->list_labels[i]);
    tokens_close(service->tokens);
    pseudonym_keys_free(service->pseudonym_keys);
    explicit_bzero(service->probe_token, sizeof service->probe_token);
    free(service->adopted_folder);
    free(service->erasing.keys);
    free(service->generations_path);
    free(service->archive_path);
    free(service->policy_path);
    free(service);
}

/* The archive has a folder for each day since 1970. And receive times never go back: what a wrong
 * clock writes cannot be undone. */
static int check_clock(const struct service *service, struct error *ret_error) {
    if (service->started_us >= 0)
        return 0;
    char now[64];
    value_format(value_timestamp(service->started_us), now, sizeof now);
    return error_set(
        ret_error, ERROR_SYSTEM,
        "the clock is at %s, before 1970: set it, since records get their times from it", now);
}

/* On failure no thread has been started, so freeing is enough. */
int service_open(const struct service_settings *settings, struct service **ret_service,
                 struct error *ret_error) {
    struct service *service = service_new(settings);
    authorize_draw_probe_token(service);
    int r = cluster_check(&settings->cluster, ret_error);
    if (r == 0)
        r = check_clock(service, ret_error);
    if (r == 0)
        r = token_reload_open(service, ret_error);
    if (r == 0)
        r = load_policy(service, ret_error);
    if (r == 0)
        r = open_archive(service, ret_error);
    if (r == 0)
        report_lost(service);
    if (r == 0)
        r = protection_open(service, ret_error);
    if (r == 0)
        r = open_rejects(service, ret_error);
    if (r == 0)
        r = erasure_resume(service, ret_error);
    if (r == 0)
        r = cluster_open(service, ret_error);
    struct error damage;
    const struct fold_source source = {.archive = service->archive_path,
                                       .generations = service->generations_path,
                                       .rules = service->rules,
                                       .damage = &damage};
    if (r == 0)
        r = fold_begin(&source, &service->first_fold, ret_error);
    if (r == 0)
        adoption_note_damage(service, &damage, service->first_fold);
    if (r < 0) {
        archive_close(service->archive);
        service_free(service);
        return r;
    }
    commit_start(service);
    swap_start(service); /* before the jobs, which may ask for a swap */
    background_start(service);
    explain_start(service);
    find_queue_start(service);
    backfill_start(service);
    cluster_start(service); /* last, since it asks the others for work */
    *ret_service = service;
    return 0;
}

/* What failed since the last line would be lost otherwise. */
static void log_last_failures(struct service *service) {
    struct rule_failures due;
    if (rule_failures_take(&service->rule_failures, INT64_MAX, &due))
        rule_failures_log(&due, service->settings.log);
}

/* The commit thread has tried a last time. */
static int check_held(const struct service *service, struct error *ret_error) {
    struct archive_held held = archive_held(service->archive);
    if (held.records == 0 && !held.is_broken)
        return 0;
    error_set(ret_error, ERROR_SYSTEM,
              "the archive's disk fails: records %" PRIu64 " to %" PRIu64
              " were decided, are in memory only, and are lost: %s",
              archive_synced(service->archive) + 1, archive_end(service->archive).position,
              service->outage.why);
    log_line_with(service->settings.log, LOG_ERROR, LOG_FAILURE(ret_error), "%s", ret_error->text);
    return -ERROR_SYSTEM;
}

/* explain first, while the commit thread still syncs what an explanation waits for. Then the jobs,
 * which may still adopt a policy; the commit thread syncs what they wrote. */
int service_close(struct service *service, struct error *ret_error) {
    explain_stop(service);
    find_queue_stop(service);
    backfill_stop(service);
    atomic_store(&service->draining, true); /* the cluster must not take over any more */
    cluster_stop(service);
    background_stop(service);
    commit_stop(service);
    swap_stop(
        service); /* last, since it may be reading a large file: meanwhile the others have ended */
    log_last_failures(service);
    int r = service_failure(service, ret_error);
    if (r == 0)
        r = check_held(service, ret_error);
    archive_close(service->archive);
    service_free(service);
    return r;
}
