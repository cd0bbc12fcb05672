/* Explain: derives an archived decision again (core/store/explain/explain.h), for clients.
 *
 * That reads segments and tables for as long as it takes. So a thread of its own does it, one
 * explanation at a time and with files of its own; decisions never wait for it. Under the decision
 * lock only the transaction's position is looked up. The queue is short, and requests beyond it are
 * refused. When the server shuts down, those that wait are answered, and the explanation under way
 * is broken off.
 *
 * The same thread computes the hash of all states for Status, since a front may have no thread to
 * spare but its loop. */
#include "explain.h"

#include "core/base/check.h"
#include "core/store/explain/explain.h"
#include "run_queue.h"
#include "server/base/run_pool.h"

#include <stdlib.h>
#include <time.h>

#define SYNC_STEP_NS INT64_C(10000000) /* between two looks at what is on disk */
#define SYNC_STEPS   300               /* 3 s in all */

/* ---- asking ---- */

static enum next refuse_unknown(struct run *run) {
    struct error error;
    ingest_unknown_id(&run->service->states, &error);
    return run_refuse(run, &error, TEXT_LITERAL("transaction_id"));
}

bool explain_admit(struct run *run, struct error *ret_error) {
    bool has_place = run_queue_admit(run->service->explains, run);
    if (!has_place)
        error_set(ret_error, ERROR_UNAVAILABLE,
                  "busy: %d explanations or state hashes are already in progress; try again",
                  EXPLAIN_WAITERS_MAX);
    return has_place;
}

enum next perform_explain(struct run *run) {
    struct known_id known;
    struct error error;
    if (!overlay_find_id(run->service->states.overlay,
                         hash_text(run->message.explain.transaction_id), &known))
        return refuse_unknown(run);
    if (!explain_admit(run, &error))
        return run_refuse(run, &error, (struct text){0});
    run->explained_position = known.position;
    run->explained_until = archive_end(run->service->archive).position;
    return NEXT;
}

/* ---- answering ---- */

static int stopping(struct error *ret_error) {
    return error_set(ret_error, ERROR_UNAVAILABLE,
                     "the server is shutting down; nothing was explained");
}

static bool is_synced(struct service *service, uint64_t position) {
    pthread_mutex_lock(&service->lock);
    bool is = archive_synced(service->archive) >= position;
    pthread_mutex_unlock(&service->lock);
    return is;
}

/* The archive is read through files of our own, and only up to what is synced: records after that
 * may still be taken back by a failed write. So it waits for what was there when it was asked, such
 * as an outcome that was accepted just before; if syncing is slow, the transaction itself will do.
 */
static int wait_for_sync(struct run *run, struct error *ret_error) {
    const struct timespec step = {.tv_nsec = SYNC_STEP_NS};
    for (int i = 0; i < SYNC_STEPS; i++) {
        if (is_synced(run->service, run->explained_until))
            return 0;
        if (atomic_load(&run->service->draining))
            return stopping(ret_error);
        nanosleep(&step, NULL);
    }
    if (is_synced(run->service, run->explained_position))
        return 0;
    return error_set(ret_error, ERROR_UNAVAILABLE,
                     "the transaction's record is not on disk yet; try again");
}

static int explain(struct run *run, struct arena *arena, struct explanation *ret_explanation,
                   struct error *ret_error) {
    struct service *service = run->service;
    const struct explain_options options = {
        .archive = service->archive_path,
        .generations = service->generations_path,
        .id = run->message.explain.transaction_id,
        .position = run->explained_position,
        .stop = &service->draining,
    };
    int r = run_check_deadline(run, ret_error);
    if (r == 0)
        r = wait_for_sync(run, ret_error);
    if (r == 0)
        r = explain_transaction(&options, arena, ret_explanation, ret_error);
    if (r == -ERROR_INTERRUPTED)
        r = stopping(ret_error);
    return r;
}

/* Damaged data is the operator's problem as much as the caller's: log it. */
static void log_failure(const struct run *run, const struct error *error) {
    if (error->code == ERROR_DAMAGED || error->code == ERROR_SYSTEM)
        log_line_with(run->service->settings.log, LOG_ERROR,
                      LOG_FIELDS(log_field_unsigned("position", run->explained_position),
                                 log_field_string("code", error_code_name(error->code)),
                                 log_field_string("reason", error->text)),
                      "the transaction at position %llu could not be explained: %s",
                      (unsigned long long)run->explained_position, error->text);
}

static void answer_status(struct run *run) {
    run->response.status.state_hash = overlay_view_hash(run->view);
    overlay_view_close(run->view);
    run->view = NULL;
    message_encode_response(&run->response, &run->answer);
    run_reply(run);
}

static void answer(struct run *run) {
    struct service *service = run->service;
    struct arena arena;
    struct explanation explanation;
    struct error error;
    arena_init(&arena, EXPLANATION_BYTES_MAX);
    int r = explain(run, &arena, &explanation, &error);
    run->response = (struct response){.call = CALL_EXPLAIN};
    if (r < 0) {
        log_failure(run, &error);
        run->response.error = run_refuse_item(run, &error, (struct text){0});
        atomic_fetch_add(&service->rejected, 1);
    } else {
        run->response.explain = &explanation;
    }
    buffer_clear(&run->answer);
    message_encode_response(&run->response, &run->answer);
    arena_deinit(&arena);
    run_reply(run);
}

/* ---- the thread ---- */

static void *work(void *user) {
    struct run_queue *explains = user;
    bool is_stopping;
    for (struct run *run; (run = run_queue_take(explains, NULL, &is_stopping)) != NULL;) {
        (run->view ? answer_status : answer)(run);
        run_queue_leave(explains);
    }
    return NULL;
}

void explain_start(struct service *service) {
    service->explains = check_calloc(1, sizeof *service->explains);
    run_queue_start(service->explains, EXPLAIN_WAITERS_MAX, work, service->explains);
}

void explain_stop(struct service *service) {
    atomic_store(&service->draining, true);
    run_queue_stop(service->explains);
    free(service->explains);
    service->explains = NULL;
}
