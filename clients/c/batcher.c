/* Groups calls that threads make within a short time into one message.
 *
 * There is no thread of its own: the thread whose call opens a batch is its leader. It waits until
 * the window is over or the batch is full, sends the batch, and hands out the results; the others
 * wait for it. A batch and its members live on the stacks of these calls, which do not return
 * before they are done. The batcher is a user of the public API: it knows of the client only its
 * default deadline. Its own mutex guards it; it is never held during a call. */
#include "clients/c/base/clock.h"
#include "clients/c/base/fail.h"
#include "clients/c/convert/reply_memory.h"
#include "clients/c/exchange/client.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"

#include <stdlib.h>

#define WINDOW_US_DEFAULT 1000
#define WINDOW_US_MAX     1000000
#define SIZE_MAX_DEFAULT  100

/* One call of harrier_batcher_score(). */
struct member {
    struct ring place;
    struct harrier_transaction transaction;
    const char *traceparent;
    int64_t deadline_at_us;
    bool done;
    int result;
    struct harrier_reply *reply;
    struct harrier_error error;
};

struct batch {
    struct ring members; /* in the order of the calls */
    size_t count;
    bool full;
    int64_t send_at_us; /* the end of the window, or an earlier deadline of a member */
};

struct harrier_batcher {
    struct harrier_client *client;
    int64_t window_us;
    size_t size_max;
    pthread_mutex_t mutex;
    pthread_cond_t filled;   /* a batch is full, or the batcher is closed */
    pthread_cond_t answered; /* some members have their results */
    struct batch *open;      /* that takes further calls; NULL: the next call opens one */
    size_t callers;
    bool closed;
};

int harrier_batcher_new(struct harrier_client *client,
                        const struct harrier_batcher_options *options,
                        struct harrier_batcher **ret_batcher, struct harrier_error *ret_error) {
    static const struct harrier_batcher_options none;
    const struct harrier_batcher_options *o = options ? options : &none;
    if (o->window_us > WINDOW_US_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "window_us",
                    "window_us is %llu; expected at most %d", (unsigned long long)o->window_us,
                    WINDOW_US_MAX);
    if (o->size_max > TRANSACTION_BATCH_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "size_max",
                    "size_max is %u; expected at most %d", o->size_max, TRANSACTION_BATCH_MAX);
    struct harrier_batcher *batcher = check_calloc(1, sizeof *batcher);
    batcher->client = client;
    batcher->window_us = o->window_us ? (int64_t)o->window_us : WINDOW_US_DEFAULT;
    batcher->size_max = o->size_max ? o->size_max : SIZE_MAX_DEFAULT;
    lock_init(&batcher->mutex, LOCK_CLIENT_BATCHER);
    condition_init(&batcher->filled);
    condition_init(&batcher->answered);
    *ret_batcher = batcher;
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Sending */

/* Never 0, which would mean the default: a call whose deadline has passed still gets its error, or
 * its fallback decision, from the client. */
static uint64_t left_us(int64_t deadline_at_us) {
    int64_t left = deadline_at_us - monotonic_us();
    return left > 0 ? (uint64_t)left : 1;
}

static void score_alone(struct harrier_batcher *batcher, struct member *member) {
    const struct harrier_score_options options = {.deadline_us = left_us(member->deadline_at_us),
                                                  .traceparent = member->traceparent};
    member->result = harrier_score(batcher->client, &member->transaction, 1, &options,
                                   &member->reply, &member->error);
}

static void send_batch(struct harrier_batcher *batcher, struct batch *batch) {
    struct harrier_transaction *transactions = check_calloc(batch->count, sizeof *transactions);
    struct harrier_score_options options = {0};
    int64_t deadline_at_us = INT64_MAX;
    size_t i = 0;
    for (struct ring *at = batch->members.next; at != &batch->members; at = at->next) {
        struct member *member = RING_OF(at, struct member, place);
        transactions[i++] = member->transaction;
        if (member->deadline_at_us < deadline_at_us)
            deadline_at_us = member->deadline_at_us;
        if (!options.traceparent)
            options.traceparent = member->traceparent;
    }
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    options.deadline_us = left_us(deadline_at_us);
    int r = harrier_score(batcher->client, transactions, batch->count, &options, &reply, &error);
    /* One transaction that cannot be encoded, or that makes the message too large, must not fail
     * the others: each is sent alone, and only the one at fault fails. */
    bool one_at_fault = r == -(int)HARRIER_ERROR_INVALID || r == -(int)HARRIER_ERROR_TOO_LARGE;
    i = 0;
    for (struct ring *at = batch->members.next; at != &batch->members; at = at->next) {
        struct member *member = RING_OF(at, struct member, place);
        if (r == 0) {
            member->reply = reply_share(reply, i++);
            member->result = 0;
        } else if (one_at_fault && batch->count > 1) {
            score_alone(batcher, member);
        } else {
            member->result = r;
            member->error = error;
        }
    }
    harrier_reply_free(reply);
    free(transactions);
}

/* Mutex held, released while the batch is sent. A member's stack may be gone once `done` is set and
 * the mutex is released, so members are taken off the list first. */
static void lead(struct harrier_batcher *batcher, struct batch *batch) {
    struct ring *element;
    bool in_time = true;
    while (!batch->full && !batcher->closed && in_time)
        in_time = condition_wait(&batcher->filled, &batcher->mutex, batch->send_at_us);
    if (batcher->open == batch)
        batcher->open = NULL;
    pthread_mutex_unlock(&batcher->mutex);
    send_batch(batcher, batch);
    pthread_mutex_lock(&batcher->mutex);
    while ((element = ring_first(&batch->members))) {
        ring_remove(element);
        RING_OF(element, struct member, place)->done = true;
    }
    pthread_cond_broadcast(&batcher->answered);
}

static void join(struct harrier_batcher *batcher, struct batch *batch, struct member *member) {
    ring_append(&batch->members, &member->place);
    /* The leader sleeps until the window ends; this call's deadline may be earlier. */
    if (member->deadline_at_us < batch->send_at_us) {
        batch->send_at_us = member->deadline_at_us;
        pthread_cond_broadcast(&batcher->filled);
    }
    if (++batch->count < batcher->size_max)
        return;
    batch->full = true;
    batcher->open = NULL;
    pthread_cond_broadcast(&batcher->filled);
}

static void run(struct harrier_batcher *batcher, struct member *member) {
    if (batcher->open) {
        join(batcher, batcher->open, member);
        while (!member->done)
            pthread_cond_wait(&batcher->answered, &batcher->mutex);
        return;
    }
    struct batch batch = {.send_at_us = monotonic_us() + batcher->window_us};
    ring_init(&batch.members);
    batcher->open = &batch;
    join(batcher, &batch, member);
    lead(batcher, &batch);
}

int harrier_batcher_score(struct harrier_batcher *batcher,
                          const struct harrier_transaction *transaction,
                          const struct harrier_call_options *options,
                          struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    static const struct harrier_call_options none;
    const struct harrier_call_options *o = options ? options : &none;
    if (o->deadline_us > HARRIER_DEADLINE_US_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "deadline_us",
                    "deadline_us is over an hour; expected at most %llu",
                    (unsigned long long)HARRIER_DEADLINE_US_MAX);
    uint64_t deadline_us = o->deadline_us ? o->deadline_us : batcher->client->deadline_us;
    struct member member = {.transaction = *transaction,
                            .traceparent = o->traceparent,
                            .deadline_at_us = monotonic_us() + (int64_t)deadline_us};
    pthread_mutex_lock(&batcher->mutex);
    batcher->callers++;
    if (batcher->closed)
        member.result = fail(&member.error, HARRIER_ERROR_CLOSED, "", "the batcher is closed");
    else
        run(batcher, &member);
    batcher->callers--;
    if (batcher->closed)
        pthread_cond_broadcast(&batcher->answered);
    pthread_mutex_unlock(&batcher->mutex);
    if (member.result == 0)
        *ret_reply = member.reply;
    else if (ret_error)
        *ret_error = member.error;
    return member.result;
}

void harrier_batcher_close(struct harrier_batcher *batcher) {
    pthread_mutex_lock(&batcher->mutex);
    batcher->closed = true;
    pthread_cond_broadcast(&batcher->filled);
    pthread_mutex_unlock(&batcher->mutex);
}

void harrier_batcher_free(struct harrier_batcher *batcher) {
    if (!batcher)
        return;
    harrier_batcher_close(batcher);
    pthread_cond_destroy(&batcher->filled);
    pthread_cond_destroy(&batcher->answered);
    pthread_mutex_destroy(&batcher->mutex);
    free(batcher);
}
