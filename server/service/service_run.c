/* The life of a request, and of the service around it. */
#include "admission.h"
#include "service_internal.h"

#include "core/base/check.h"
#include "core/base/value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for decoding a request and for everything its answer says; 1,000 decisions with all their
 * features fit, and an answer that does not fit into its message is refused by the encoder. */
#define RUN_ARENA_BYTES (MESSAGE_ARENA_LIMIT + ((size_t)96 << 20))
/* What a run keeps for the next request. More is given back, or a few large requests, each on a run
 * of its own, would hold all that memory for ever. */
#define RUN_KEPT_BYTES ((size_t)4 << 20)
/* And all together: there may be as many as max_requests. */
#define RUNS_KEPT_BYTES ((size_t)128 << 20)

static enum next decode(struct run *run);
static enum next admit(struct run *run);
static enum next perform(struct run *run);

/* The steps of every request, in their order: decode, authorize; then, under the decision lock,
 * admit, perform (for Score each transaction takes the steps of a table of the same kind in
 * score.c) and write_archive(); at last the answer. Whatever goes wrong on the way, the last is
 * taken: each request gets one answer. Requests that came together take each stage together. */
static enum next (*const before_lock[])(struct run *run) = {
    check_token_early, /* a large one: does it have a token that is known? */
    decode,            /* bytes → request */
    authorize,         /* may whoever asks ask for that? */
};
static enum next (*const under_lock[])(struct run *run) = {
    admit,   /* can this service answer that now? */
    perform, /* for Score: known id? → decide → archive → apply */
};

static const struct {
    enum next (*perform)(struct run *run);
    void (*withdraw)(struct run *run, const struct error *error);
    void (*count)(const struct run *run);
} calls[CALL_COUNT] = {
    [CALL_SCORE] = {perform_score, withdraw_score, count_score},
    [CALL_REPORT_OUTCOME] = {perform_outcome, withdraw_outcome, count_outcome},
    [CALL_GET_ENTITY] = {perform_entity, NULL, NULL},
    [CALL_STATUS] = {perform_status, NULL, NULL},
    [CALL_CHANGE_LIST] = {perform_list_change, withdraw_list_change, count_list_change},
    [CALL_GET_LIST] = {perform_list, NULL, NULL},
    [CALL_RELOAD] = {perform_reload, NULL, NULL},
    [CALL_EXPLAIN] = {perform_explain, NULL, NULL},
};

/* ---- runs ---- */

static struct run *run_new(struct service *service) {
    struct run *run = check_calloc(1, sizeof *run);
    run->service = service;
    arena_init(&run->arena, RUN_ARENA_BYTES);
    buffer_init(&run->answer);
    return run;
}

/* One for each request, as a list in their order. */
static struct run *take_runs(struct service *service, struct front_request *const *requests,
                             size_t count) {
    struct run *runs = NULL, **end = &runs;
    pthread_mutex_lock(&service->runs_lock);
    for (size_t i = 0; i < count; i++, end = &(*end)->next) {
        *end = service->idle_runs ? service->idle_runs : run_new(service);
        service->idle_runs = (*end)->next;
        service->kept_bytes -= (*end)->kept_bytes;
        (*end)->request = requests[i];
    }
    *end = NULL;
    pthread_mutex_unlock(&service->runs_lock);
    return runs;
}

/* Sends the answer and counts; what is left of the run is to be given back. */
static void reply(struct run *run, int64_t now_us) {
    struct service *service = run->service;
    const struct service_settings *settings = &service->settings;
    int64_t took_us = now_us - run->request->arrived_us;
    metric_add(settings->metrics, REQUESTS, run->message.call, 1);
    metric_observe(settings->metrics, REQUEST_DURATION, run->message.call, took_us);
    run_say(run, took_us);
    front_reply(run->request, run->answer.bytes, run->answer.length);

    snapshot_unref(run->rules);
    (run->arena.used > RUN_KEPT_BYTES ? arena_deinit : arena_reset)(&run->arena);
    (run->answer.capacity > RUN_KEPT_BYTES ? buffer_deinit : buffer_clear)(&run->answer);
    *run = (struct run){.next = run->next,
                        .service = service,
                        .arena = run->arena,
                        .answer = run->answer,
                        .kept_bytes = arena_held(&run->arena) + run->answer.capacity};
}

/* Under the lock of runs. */
static void keep(struct service *service, struct run *run) {
    if (service->kept_bytes + run->kept_bytes > RUNS_KEPT_BYTES) {
        arena_deinit(&run->arena);
        buffer_deinit(&run->answer);
        run->kept_bytes = 0;
    }
    service->kept_bytes += run->kept_bytes;
    run->next = service->idle_runs;
    service->idle_runs = run;
}

void runs_reply(struct run *runs) {
    if (!runs)
        return;
    struct service *service = runs->service;
    int64_t now_us = clock_monotonic_us(service->settings.clock);
    for (struct run *run = runs; run; run = run->next)
        reply(run, now_us);
    pthread_mutex_lock(&service->runs_lock);
    for (struct run *next; runs; runs = next) {
        next = runs->next;
        keep(service, runs);
    }
    pthread_mutex_unlock(&service->runs_lock);
}

void run_reply(struct run *run) {
    run->next = NULL;
    runs_reply(run);
}

static void run_free(struct run *run) {
    arena_deinit(&run->arena);
    buffer_deinit(&run->answer);
    free(run);
}

struct wire_error run_refuse_item(struct run *run, const struct error *error, struct text field) {
    metric_add(run->service->settings.metrics, ERRORS, error->code, 1);
    run->rejected++;
    return wire_error_from(error, field, &run->arena);
}

enum next run_refuse(struct run *run, const struct error *error, struct text field) {
    run->response = (struct response){.error = run_refuse_item(run, error, field)};
    return DONE;
}

int run_check_deadline(const struct run *run, struct error *ret_error) {
    uint64_t deadline_us = run->message.deadline_us;
    if (deadline_us == 0)
        return 0;
    int64_t took_us = clock_monotonic_us(run->service->settings.clock) - run->request->arrived_us;
    if (took_us <= 0 || (uint64_t)took_us <= deadline_us)
        return 0;
    return error_set(ret_error, ERROR_DEADLINE,
                     "the deadline of %" PRIu64 " us passed %" PRId64
                     " us after the message arrived; nothing of it was kept",
                     deadline_us, took_us);
}

int run_check_future(const struct run *run, const char *field, int64_t time_us,
                     struct error *ret_error) {
    int64_t ahead_max_us = run->service->max_ahead_us;
    if (time_us <= run->receive_time_us || time_us - run->receive_time_us <= ahead_max_us)
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "%s is %" PRId64 " s ahead of the server's clock; expected at most %" PRId64
                     " s (option max_ahead)",
                     field, (time_us - run->receive_time_us) / 1000000, ahead_max_us / 1000000);
}

void run_append(struct run *run, struct record *record) {
    struct service *service = run->service;
    record->receive_time_us = run->receive_time_us;
    ingest_append(&service->states, service->archive, record);
    run->position_needed = record->position;
}

/* ---- the steps ---- */

static enum next decode(struct run *run) {
    size_t most = run->service->settings.message_bytes_max;
    struct error error;
    int r = run->request->length > most
                ? error_set(&error, ERROR_TOO_LARGE,
                            "the request has %zu bytes; expected at most %zu (option "
                            "max_message_bytes)",
                            run->request->length, most)
                : message_decode_request(run->request->bytes, run->request->length, &run->arena,
                                         &run->message, &error);
    return r < 0 ? run_refuse(run, &error, (struct text){0}) : NEXT;
}

static enum next admit(struct run *run) {
    struct service *service = run->service;
    run->rules = snapshot_ref(service->rules);
    bool serves = service->states.overlay &&
                  (service->state == SERVICE_READY || service->state == SERVICE_DRAINING);
    bool is_reload = run->message.call == CALL_RELOAD && service->state != SERVICE_FAILED;
    if (serves || is_reload || run->message.call == CALL_STATUS)
        return NEXT;
    struct error error;
    error_set(&error, ERROR_UNAVAILABLE, "the server is %s: %s; try again with the same ids",
              service_state_name(service->state), service->reason);
    return run_refuse(run, &error, (struct text){0});
}

static enum next perform(struct run *run) {
    run->response.call = run->message.call;
    return calls[run->message.call].perform(run);
}

bool run_shares_write(const struct run *run) {
    return run->message.call == CALL_SCORE && !run->message.score.dry_run;
}

static void withdraw(struct run *run, const struct error *error) {
    if (calls[run->message.call].withdraw)
        calls[run->message.call].withdraw(run, error);
    /* What is left of its answer speaks of records before: repeats, which may wait for a sync. */
    if (run->position_needed > run->position_before)
        run->position_needed = run->position_before;
    run->is_unavailable = true;
}

/* All that was appended for these, behind the position, goes to the kernel, or none of it. */
static void write_archive(struct service *service, struct run *from, const struct run *to,
                          uint64_t position) {
    struct error error;
    if (from == to)
        return;
    bool is_new = archive_end(service->archive).position > position;
    bool is_written = !is_new || archive_write(service->archive, &error) == 0;
    if (!is_written) {
        service_lose_archive(service, &error);
        error_prefix(&error, "the archive could not be written; try again with the same ids");
        error.code = ERROR_UNAVAILABLE;
    } else if (is_new) {
        commit_want(service);
        from->is_unavailable = service_check_overlay(service);
    }
    for (struct run *run = from; run != to; run = run->next) {
        if (!is_written && !run->is_done)
            withdraw(run, &error);
        if (!run->is_done && calls[run->message.call].count)
            calls[run->message.call].count(run);
    }
}

static void encode(struct run *run) {
    if (!explain_takes_long(run)) /* else there is no answer yet */
        message_encode_response(&run->response, &run->answer);
}

/* ---- through the steps ---- */

#define TAKE_STEPS(run, steps)                                                                     \
    for (size_t i = 0; i < sizeof(steps) / sizeof *(steps) && !(run)->is_done; i++)                \
    (run)->is_done = (steps)[i](run) == DONE

/* One after the other; those in a row that can share a write do, and between them others may. */
static void decide(struct service *service, struct run *runs) {
    for (struct run *from = runs, *to; from; from = to) {
        pthread_mutex_lock(&service->lock);
        int64_t receive_time_us = service_receive_time_us(service);
        uint64_t written = archive_end(service->archive).position;
        to = from;
        do {
            to->receive_time_us = receive_time_us;
            to->position_before = written;
            TAKE_STEPS(to, under_lock);
            to = to->next;
        } while (to && run_shares_write(from) && run_shares_write(to));
        ingest_forget(&service->states);
        write_archive(service, from, to, written);
        pthread_mutex_unlock(&service->lock);
    }
}

/* Encodes what can be answered now; the rest waits elsewhere. Returns the former. */
static struct run *answer(struct run *runs) {
    struct run *ready = NULL, **end = &ready;
    for (struct run *run = runs, *next; run; run = next) {
        next = run->next;
        encode(run);
        if (reload_park(run) || explain_park(run))
            continue;
        *end = run;
        end = &run->next;
    }
    *end = NULL;
    return ready;
}

void service_handle_all(void *user, struct front_request *const *requests, size_t count) {
    struct service *service = user;
    struct run *runs = take_runs(service, requests, count);
    for (struct run *run = runs; run; run = run->next)
        TAKE_STEPS(run, before_lock);
    decide(service, runs);
    uint64_t rejected = 0;
    bool is_unavailable = false;
    for (struct run *run = runs; run; run = run->next) {
        rejected += run->rejected;
        is_unavailable |= run->is_unavailable;
    }
    if (rejected > 0)
        atomic_fetch_add(&service->rejected, rejected);
    runs_reply(commit_park(service, answer(runs)));
    if (is_unavailable)
        service_report(service);
}

bool service_may_answer_much(const void *bytes, size_t length) {
    return message_peek_call(bytes, length) == CALL_NONE;
}

void service_handle(void *user, struct front_request *request) {
    service_handle_all(user, &request, 1);
}

/* ---- states ---- */

const char *service_state_name(enum service_state state) {
    static const char *const names[] = {
        [SERVICE_STARTING] = "starting", [SERVICE_READY] = "ready",
        [SERVICE_DRAINING] = "draining", [SERVICE_UNAVAILABLE] = "unavailable",
        [SERVICE_FAILED] = "failed",
    };
    return names[state];
}

void service_set_state(struct service *service, enum service_state state, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(service->reason, sizeof service->reason, format, arguments);
    va_end(arguments);
    service->state = state;
}

void service_fail(struct service *service, const struct error *error) {
    service->failure = *error;
    service_set_state(service, SERVICE_FAILED, "%.*s", REASON_BYTES - 1, error->text);
}

void service_report(const struct service *service) {
    if (service->settings.changed)
        service->settings.changed(service->settings.user);
}

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

void service_lose_archive(struct service *service, const struct error *error) {
    /* States and ids hold what the archive does not: they are worth nothing now. */
    service->losses++;
    service_defer_free(service, &service->states);
    metric_add(service->settings.metrics, ARCHIVE_WRITE_FAILURES, 0, 1);
    log_line(service->settings.log, LOG_ERROR, "the archive could not be written: %s", error->text);
    if (error->code == ERROR_UNAVAILABLE) /* the archive's own: it is in doubt and stays so */
        service_fail(service, error);
    else if (service->state == SERVICE_READY || service->state == SERVICE_STARTING)
        service_set_state(service, SERVICE_UNAVAILABLE, "the archive could not be written: %.*s",
                          REASON_BYTES / 2, error->text);
}

int service_append(struct service *service, struct record *record, struct error *ret_error) {
    record->receive_time_us = service_receive_time_us(service);
    ingest_append(&service->states, service->archive, record);
    int r = archive_write(service->archive, ret_error);
    service->own_position = record->position;
    if (r < 0)
        service_lose_archive(service, ret_error);
    else
        commit_want(service);
    return r;
}

bool service_check_overlay(struct service *service) {
    const struct overlay *overlay = service->states.overlay;
    if (!overlay)
        return false;
    bool is_full = overlay_fullness(overlay, service->settings.overlay_limit) >= 100;
    if (!is_full && service->state == SERVICE_UNAVAILABLE) {
        service_set_state(service, SERVICE_READY, "%s", "");
        log_line(service->settings.log, LOG_INFO, "ready: the overlay is within overlay_limit");
        return true;
    }
    if (!is_full || service->state != SERVICE_READY)
        return false;
    service_set_state(service, SERVICE_UNAVAILABLE,
                      "what is newer than the tables takes %" PRIu64 " MiB with %" PRIu64
                      " entities, over overlay_limit or what one server holds: run `harrier "
                      "rebuild`",
                      overlay_memory(overlay) >> 20, overlay_entities(overlay));
    log_line(service->settings.log, LOG_ERROR, "%s", service->reason);
    return true;
}

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

/* ---- opening and closing ---- */

static int load_policy(struct service *service, struct error *ret_error) {
    struct buffer messages;
    buffer_init(&messages);
    int r = admission_load(service->policy_path, &service->rules, &messages, ret_error);
    log_lines(service->settings.log, r < 0 ? LOG_ERROR : LOG_WARNING,
              (struct text){.data = (char *)messages.bytes, .length = messages.length});
    buffer_deinit(&messages);
    if (r < 0) /* a folder that is not there is a matter of configuration as well */
        ret_error->code = ERROR_INVALID;
    return r < 0 ? -ERROR_INVALID : 0;
}

static int open_archive(struct service *service, struct error *ret_error) {
    const struct archive_options options = {.on_zeros = service->settings.synced};
    struct archive_recovery recovery;
    int r = archive_open(service->archive_path, &options, &service->archive, &recovery, ret_error);
    if (r < 0)
        return r;
    if (recovery.torn_bytes > 0)
        log_line(service->settings.log, LOG_WARNING,
                 "the archive's end was torn: %" PRIu64 " bytes behind position %" PRIu64
                 " were cut off and kept in %s",
                 recovery.torn_bytes, recovery.position, recovery.torn_file);
    return 0;
}

static struct service *service_new(const struct service_settings *settings) {
    struct service *service = check_calloc(1, sizeof *service);
    service->settings = *settings;
    service->policy_path = text_copy(text_of(settings->policy));
    shadow_folders_set(&service->shadow_folders, settings->shadows, settings->shadow_count);
    service->archive_path = text_copy(text_of(settings->archive));
    service->generations_path = text_copy(text_of(settings->generations));
    service->started_us = clock_wall_us(settings->clock);
    service->max_ahead_us = settings->max_ahead_us;
    service->parked_end = &service->parked;
    service_set_state(service, SERVICE_STARTING, "folding the archive");
    pthread_mutex_init(&service->lock, NULL);
    pthread_mutex_init(&service->jobs_lock, NULL);
    pthread_mutex_init(&service->runs_lock, NULL);
    pthread_mutex_init(&service->request_lines.lock, NULL);
    pthread_mutex_init(&service->swap.lock, NULL);
    pthread_cond_init(&service->swap.wanted, NULL);
    service_guard_init(&service->guard, service);
    pthread_cond_init(&service->jobs_wanted, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&service->commit_wanted, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return service;
}

static void service_free(struct service *service) {
    service_free_deferred(service);
    states_deinit(&service->states);
    shadows_deinit(&service->shadows);
    shadow_folders_deinit(&service->shadow_folders);
    snapshot_unref(service->rules);
    for (struct run *run = service->idle_runs, *next; run; run = next) {
        next = run->next;
        run_free(run);
    }
    pthread_cond_destroy(&service->swap.wanted);
    pthread_mutex_destroy(&service->swap.lock);
    pthread_cond_destroy(&service->commit_wanted);
    pthread_cond_destroy(&service->jobs_wanted);
    pthread_mutex_destroy(&service->request_lines.lock);
    pthread_mutex_destroy(&service->runs_lock);
    pthread_mutex_destroy(&service->jobs_lock);
    pthread_mutex_destroy(&service->lock);
    for (size_t i = 0; i < service->list_label_count; i++)
        free(service->list_labels[i]);
    tokens_close(service->tokens);
    explicit_bzero(service->probe_token, sizeof service->probe_token);
    free(service->adopted_folder);
    free(service->generations_path);
    free(service->archive_path);
    free(service->policy_path);
    free(service);
}

/* A day folder is a day since 1970; and what such a clock would write could not be taken back. */
static int check_clock(const struct service *service, struct error *ret_error) {
    if (service->started_us >= 0)
        return 0;
    char now[64];
    value_format(value_timestamp(service->started_us), now, sizeof now);
    return error_set(
        ret_error, ERROR_SYSTEM,
        "the clock says %s, before 1970: set it before records get their times from it", now);
}

int service_open(const struct service_settings *settings, struct service **ret_service,
                 struct error *ret_error) {
    struct service *service = service_new(settings);
    int r = check_clock(service, ret_error);
    if (r == 0)
        r = authorize_open(service, ret_error);
    if (r == 0)
        r = load_policy(service, ret_error);
    if (r == 0)
        r = open_archive(service, ret_error);
    const struct fold_source source = {.archive = service->archive_path,
                                       .generations = service->generations_path,
                                       .rules = service->rules};
    if (r == 0)
        r = fold_begin(&source, &service->first_fold, ret_error);
    if (r < 0) {
        archive_close(service->archive);
        service_free(service);
        return r;
    }
    commit_start(service);
    background_start(service);
    swap_start(service);
    explain_start(service);
    *ret_service = service;
    return 0;
}

int service_close(struct service *service, struct error *ret_error) {
    explain_stop(service);
    background_stop(service);
    commit_stop(service);
    swap_stop(service); /* last: it may be in the middle of reading a large file */
    int r = service_failure(service, ret_error);
    archive_close(service->archive);
    service_free(service);
    return r;
}
