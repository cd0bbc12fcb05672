/* The life of a request: from a front's bytes to the answer.
 *
 *   before_lock   decode, authorize                     each run on its own
 *   protect                                             pseudonyms, for all that share the lock
 *   under_lock    admit, perform                        one run after the other, in order
 *   write_archive                                       one write for all that share it
 *   answer        encode, then reply, or wait: for the disk (commit.c), a reload, an explanation, a
 *                   search, a backfill
 *
 * Requests that arrive together take each stage together: one lock, one write, and one pass over
 * the code that is in the cache. Each request gets exactly one answer, also when a step refuses it:
 * a run that is done skips the rest of the steps but not the answer. */
#include "amend.h"
#include "authorize.h"
#include "backfill.h"
#include "brake.h"
#include "explain.h"
#include "find_queue.h"
#include "list.h"
#include "outcome.h"
#include "protect_run.h"
#include "query.h"
#include "rejected.h"
#include "run_queue.h"
#include "score.h"
#include "server/adopt/reload.h"
#include "server/base/append.h"
#include "server/base/commit.h"
#include "server/base/outage.h"
#include "server/base/run_pool.h"

static enum next decode(struct run *run);
static enum next admit(struct run *run);
static enum next perform(struct run *run);

/* The steps in their order. For Score, perform() runs a table of the same kind for each transaction
 * (score.c). */
static enum next (*const before_lock[])(struct run *run) = {
    check_token_early, /* large requests: a valid token before they are decoded */
    decode,            /* bytes → request */
    authorize,         /* may this token make this call? */
};
static enum next (*const under_lock[])(struct run *run) = {
    admit,   /* does the service answer this call in its present state? */
    perform, /* for Score: known id? → decide → archive → apply */
};

/* What each call does under the lock. withdraw: the write failed. count: it did not. Both only for
 * calls that append records. */
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
    [CALL_AMEND] = {perform_amend, withdraw_amend, count_amend},
    [CALL_CHANGE_BRAKE] = {perform_brake_change, withdraw_brake_change, NULL},
    [CALL_FIND] = {perform_find, NULL, NULL},
    [CALL_BACKFILL] = {perform_backfill, withdraw_backfill, NULL},
};

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

/* Does the call append records? */
static bool writes(const struct request *request) {
    return calls[request->call].withdraw &&
           !(request->call == CALL_SCORE && request->score.dry_run);
}

/* Status is answered in every state, a reload in all but failed: it may be what mends things. The
 * run takes references to the rules of both arms, since its answer may point into them after the
 * lock is released. */
static enum next admit(struct run *run) {
    struct service *service = run->service;
    run->rules = snapshot_ref(service->rules);
    run->challenger = snapshot_ref(service->challenge.snapshot);
    bool serves = service->states.overlay &&
                  (service->state == SERVICE_READY || service->state == SERVICE_STANDBY ||
                   service->state == SERVICE_DRAINING);
    bool is_reload = run->message.call == CALL_RELOAD && service->state != SERVICE_FAILED;
    if (!service_writes(service) && writes(&run->message))
        return run_refuse_standby(run);
    struct error error;
    if (serves && writes(&run->message) && outage_admit(service, run->message.call, &error) < 0)
        return run_refuse(run, &error, (struct text){0});
    if (serves || is_reload || run->message.call == CALL_STATUS)
        return NEXT;
    error_set(&error, ERROR_UNAVAILABLE, "the server is %s: %s; try again with the same ids",
              service_state_name(service->state), service->reason);
    return run_refuse(run, &error, (struct text){0});
}

static enum next perform(struct run *run) {
    run->response.call = run->message.call;
    return calls[run->message.call].perform(run);
}

/* The write failed: results that depend on it become errors. */
static void withdraw(struct run *run, const struct error *error) {
    if (calls[run->message.call].withdraw)
        calls[run->message.call].withdraw(run, error);
    /* What is left of its answer depends on earlier records only: repeats, which may wait for a
     * sync. */
    if (run->position_needed > run->position_before)
        run->position_needed = run->position_before;
    run->is_unavailable = true;
}

/* Hands everything appended for the runs [from, to) to the kernel, or takes all of it back.
 * position: the last record before them. Under the decision lock. */
static void write_archive(struct service *service, struct run *from, const struct run *to,
                          uint64_t position) {
    struct error error;
    if (from == to)
        return;
    bool is_written = service_write(service, position, &from->is_unavailable, &error) == 0;
    for (struct run *run = from; run != to; run = run->next) {
        if (!is_written && !run->is_done)
            withdraw(run, &error);
        if (!run->is_done && calls[run->message.call].count)
            calls[run->message.call].count(run);
    }
}

static void encode(struct run *run) {
    if (!run->queue) /* else its answer is made later */
        message_encode_response(&run->response, &run->answer);
}

/* ---- through the steps ---- */

#define TAKE_STEPS(run, steps)                                                                     \
    for (size_t i = 0; i < sizeof(steps) / sizeof *(steps) && !(run)->is_done; i++)                \
    (run)->is_done = (steps)[i](run) == DONE

/* Of the runs that take the lock together, from `run` on. */
static void protect(struct run *from) {
    for (struct run *run = from; run; run = run->next) {
        if (run != from && !(run_shares_write(from) && run_shares_write(run)))
            return;
        if (!run->is_done && run->message.call == CALL_SCORE)
            protect_score(run);
    }
}

/* One after the other. Neighbours that can share a write hold the lock together; it is released
 * between such groups, so that other threads get their turn. */
static void decide(struct service *service, struct run *runs) {
    for (struct run *from = runs, *to; from; from = to) {
        pthread_mutex_lock(&service->lock);
        int64_t receive_time_us = service_receive_time_us(service);
        uint64_t written = archive_end(service->archive).position;
        to = from;
        protect(from);
        do {
            to->receive_time_us = receive_time_us;
            to->position_before = written;
            to->cuts = service->replication.cuts;
            TAKE_STEPS(to, under_lock);
            to = to->next;
        } while (to && run_shares_write(from) && run_shares_write(to));
        ingest_forget(&service->states);
        write_archive(service, from, to, written);
        pthread_mutex_unlock(&service->lock);
    }
}

/* Encodes, and hands over runs that wait for a reload or for another thread. Returns the rest. */
static struct run *answer(struct run *runs) {
    struct run *ready = NULL, **end = &ready;
    for (struct run *run = runs, *next; run; run = next) {
        next = run->next;
        if (!run->is_done && run->message.call == CALL_STATUS)
            complete_status(run);
        encode(run);
        if (reload_park(run) || run_queue_park(run))
            continue;
        *end = run;
        end = &run->next;
    }
    *end = NULL;
    return ready;
}

void service_handle_all(void *user, struct front_request *const *requests, size_t count) {
    struct service *service = user;
    struct run *runs = runs_take(service, requests, count);
    for (struct run *run = runs; run; run = run->next)
        TAKE_STEPS(run, before_lock);
    decide(service, runs);
    uint64_t rejected = 0;
    bool is_unavailable = false;
    for (struct run *run = runs; run; run = run->next) {
        if (run->is_probe)
            run->rejected = 0;
        rejected += run->rejected;
        is_unavailable |= run->is_unavailable;
        if (run->rejected > 0 && service->reject_log)
            rejected_keep(run);
    }
    if (rejected > 0)
        atomic_fetch_add(&service->rejected, rejected);
    runs_reply(commit_park(service, answer(runs)));
    if (is_unavailable)
        service_report(service);
}

void service_handle(void *user, struct front_request *request) {
    service_handle_all(user, &request, 1);
}
