/* One thread reads, sends and takes answers; another commits (commit_thread.h); libharrier's own
 * thread only notes that an answer came.
 *
 * One message is under way at a time, so that transactions, outcomes and amendments reach the
 * server in the order in which they were read. While it is, the next batch fills: the slower the
 * server, the larger the batches. When all batches are read and not committed, nothing is read:
 * that is the back-pressure, and Kafka keeps the rest.
 *
 * An outcome or amendment may come before its transaction: topics know no order among each other. A
 * batch with such reports is parked and asked again and again, and no more reports are read
 * meanwhile, while transactions go on; once a report is outcome_wait old, it is refused.
 *
 * When partitions are taken away, what was read of them and not yet answered is dropped. */
#include "stream.h"

#include "clients/cli/terminal/clock.h"
#include "commit_thread.h"
#include "core/base/check.h"
#include "stream_batch.h"
#include "stream_lag.h"
#include "stream_metrics.h"
#include "stream_records.h"
#include "stream_reports.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_MS   100   /* how often a wait looks at interrupts and the group */
#define DRAIN_MS  10000 /* that committing may take when partitions are taken away */
#define GAUGES_MS 1000
#define PARKED_MS 200 /* between two times that parked reports are asked about */

struct stream {
    const struct stream_settings *settings;
    const struct stream_parts *parts;
    struct stream_records parsing;
    struct topic_reader *reader;
    struct topic_writer *writer;
    struct commit_thread *committing;
    int wake_descriptor;
    struct stream_batch *free;
    size_t free_count;
    struct stream_batch *filling, *under_way, *parked; /* NULL: none */
    uint64_t parked_until_us;
    atomic_bool is_answered;                  /* the one under way */
    struct topic_record held;                 /* read, but for the next batch; message NULL: none */
    uint64_t full_since_us, starved_since_us; /* 0: it is not */
    uint64_t gauged_us, records;
    struct stream_lag lag;
};

/* ---- batches ---- */

static void give_back(struct stream *stream, struct stream_batch *batch) {
    stream_batch_clear(batch);
    batch->next = stream->free;
    stream->free = batch;
    stream->free_count++;
}

static void take_back(struct stream *stream) {
    struct stream_batch *done = commit_thread_take_back(stream->committing);
    while (done) {
        struct stream_batch *next = done->next;
        give_back(stream, done);
        done = next;
    }
}

/* NULL: all are read and not committed. */
static struct stream_batch *begin_batch(struct stream *stream, enum batch_kind kind) {
    struct stream_batch *batch = stream->free;
    if (!batch)
        return NULL;
    stream->free = batch->next;
    stream->free_count--;
    check(kind == BATCH_TRANSACTIONS ||
          !stream->parked); /* it must not be committed behind later ones */
    batch->next = NULL;
    batch->kind = kind;
    batch->begun_us = monotonic_us();
    batch->generation = topic_reader_generation(stream->reader);
    return batch;
}

/* Adds what has passed since then to a counter, and begins anew. */
static void note_wait(struct stream *stream, uint64_t *since_us, bool is_waiting,
                      enum stream_metric metric) {
    uint64_t now_us = is_waiting || *since_us ? monotonic_us() : 0;
    if (*since_us)
        metric_add(stream->parts->metrics, metric, 0, now_us - *since_us);
    *since_us = is_waiting ? now_us : 0;
}

/* ---- reading ---- */

static enum batch_kind kind_of(const struct stream *stream, const struct topic_record *record) {
    const struct stream_settings *settings = stream->settings;
    if (record->topic < settings->transaction_topics)
        return BATCH_TRANSACTIONS;
    return record->topic < settings->transaction_topics + settings->outcome_topics
               ? BATCH_OUTCOMES
               : BATCH_AMENDMENTS;
}

/* The record is the batch's now, good or bad. */
static void add_record(struct stream *stream, struct stream_batch *batch,
                       struct topic_record *record) {
    struct error error;
    size_t index = batch->count++;
    batch->items[index] = (struct batch_item){.record = *record, .state = ITEM_WAITING};
    batch->bytes += record->value.length;
    record->message = NULL;
    int r = stream_records_parse(&stream->parsing, batch, index, &error);
    if (r < 0)
        stream_batch_bury(batch, index, error_code_name(error.code), error.text);
    else if (r > 0)
        batch->items[index].state = ITEM_DONE;
    stream->records++;
    metric_add(stream->parts->metrics, STREAM_RECORDS, batch->kind, 1);
}

static bool is_full(const struct stream_batch *batch) {
    return batch->count == batch->capacity || batch->bytes >= STREAM_BATCH_BYTES;
}

/* Reads until the batch is full, the other kind comes, or there is nothing now. */
static void fill(struct stream *stream) {
    for (;;) {
        struct topic_record *record = &stream->held;
        if (stream->filling && is_full(stream->filling))
            return;
        if (!record->message && !stream->free && !stream->filling)
            return;
        if (!record->message && !topic_reader_next(stream->reader, record))
            return;
        enum batch_kind kind = kind_of(stream, record);
        if (!stream->filling)
            stream->filling = begin_batch(stream, kind);
        if (!stream->filling || stream->filling->kind != kind)
            return; /* it is held */
        add_record(stream, stream->filling, record);
    }
}

/* ---- asking ---- */

/* In libharrier's thread. */
static void on_answer(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    struct stream *stream = user;
    stream->under_way->reply = reply;
    if (error)
        stream->under_way->error = *error;
    atomic_store_explicit(&stream->is_answered, true, memory_order_release);
    topic_reader_wake(stream->reader);
}

/* Once a second. */
static void set_gauges(struct stream *stream) {
    uint64_t now_us = monotonic_us();
    if (now_us - stream->gauged_us < GAUGES_MS * 1000)
        return;
    stream->gauged_us = now_us;
    stream_lag_measure(&stream->lag, stream->reader, stream->parts->metrics);
    metric_gauge(stream->parts->metrics, STREAM_UNCOMMITTED, 0,
                 (int64_t)(STREAM_BATCHES - stream->free_count));
    progress_bar_update(stream->parts->bar, "stream", 0, 0, stream->records, NULL);
}

/* The server is away for now: a pause, in which the group is served, too. */
static int pause_and_retry(struct stream *stream, const struct harrier_error *why,
                           struct error *ret_error) {
    metric_gauge(stream->parts->metrics, STREAM_SERVER_AWAY, 0, 1);
    int r = retry_or_fail(stream->parts->retry, why, ret_error);
    if (r == 0)
        r = commit_thread_failure(stream->committing, ret_error);
    if (r == 0)
        r = topic_reader_poll(stream->reader, ret_error);
    if (r == 0)
        set_gauges(stream);
    return r;
}

static void note_answered(struct stream *stream, const struct stream_batch *batch) {
    metric_observe(stream->parts->metrics, STREAM_ANSWER_TIME, 0,
                   (int64_t)(monotonic_us() - batch->sent_us));
    metric_gauge(stream->parts->metrics, STREAM_SERVER_AWAY, 0, 0);
}

/* A message over the server's limit is halved; a single record over it is dead. */
static void make_smaller(struct stream_batch *batch, const struct harrier_error *why) {
    if (batch->sent_count > 1)
        batch->send_max = batch->sent_count / 2;
    else
        stream_batch_bury(batch, batch->sent[0], harrier_error_name(why->code), why->message);
}

static void bury_refused(struct stream_batch *batch, size_t item, enum harrier_error_code code,
                         const char *field, const char *message) {
    char reason[1200];
    bool is_named = *field == '\0' || strncmp(message, field, strlen(field)) == 0;
    snprintf(reason, sizeof reason, "%s%s%s", is_named ? "" : field, is_named ? "" : ": ", message);
    stream_batch_bury(batch, item, harrier_error_name(code), reason);
}

/* Those that the server cannot answer now stay as they are; *ret_again says why. */
static void take_results(struct stream_batch *batch, struct harrier_reply *reply,
                         struct harrier_error *ret_again) {
    for (size_t i = 0; i < batch->sent_count; i++) {
        const struct harrier_result *result = &reply->results[i];
        struct batch_item *item = &batch->items[batch->sent[i]];
        if (result->error_code == HARRIER_OK) {
            item->result = result;
            item->state = ITEM_DECIDED;
        } else if (retry_is_worthwhile(result->error_code)) {
            ret_again->code = result->error_code;
            snprintf(ret_again->message, sizeof ret_again->message, "%s", result->error_message);
        } else {
            bury_refused(batch, batch->sent[i], result->error_code, result->error_field,
                         result->error_message);
        }
    }
    stream_batch_keep(batch, reply);
}

/* Of a transaction that is not known yet: may it still come? By when the outcome was read, as
 * timestamps are their writers' and a backlog is old. */
static bool may_come(const struct stream *stream, const struct stream_batch *batch) {
    return monotonic_us() - batch->begun_us < stream->settings->outcome_wait_us;
}

/* true: some wait for their transactions. */
static bool take_report_results(const struct stream *stream, struct stream_batch *batch,
                                struct harrier_reply *reply, struct harrier_error *ret_again) {
    bool is_early = false;
    for (size_t i = 0; i < batch->sent_count; i++) {
        const struct report_answer answer = stream_reports_answer(batch, reply, i);
        if (answer.code == HARRIER_OK) {
            batch->items[batch->sent[i]].state = ITEM_DONE;
        } else if (answer.code == HARRIER_ERROR_NOT_FOUND && may_come(stream, batch)) {
            is_early = true;
        } else if (retry_is_worthwhile(answer.code)) {
            ret_again->code = answer.code;
            snprintf(ret_again->message, sizeof ret_again->message, "%s", answer.message);
        } else {
            bury_refused(batch, batch->sent[i], answer.code, answer.field, answer.message);
        }
    }
    harrier_reply_free(reply);
    return is_early;
}

static void park(struct stream *stream) {
    stream->parked = stream->under_way;
    stream->under_way = NULL;
    stream->parked_until_us = monotonic_us() + PARKED_MS * 1000;
    topic_reader_hold(stream->reader, stream->settings->transaction_topics, true);
}

static void unpark(struct stream *stream) {
    stream->under_way = stream->parked;
    stream->parked = NULL;
    topic_reader_hold(stream->reader, stream->settings->transaction_topics, false);
}

/* Reports have no call that does not wait; they are few. */
static int ask_reports(struct stream *stream, struct stream_batch *batch, struct error *ret_error) {
    struct harrier_reply *reply;
    struct harrier_error failure = {0};
    batch->sent_us = monotonic_us();
    int r = stream_reports_call(stream->parts->client, stream->settings->deadline_us, batch, &reply,
                                &failure);
    if (r < 0 && failure.code == HARRIER_ERROR_TOO_LARGE) {
        make_smaller(batch, &failure);
        return 0;
    }
    if (r < 0)
        return pause_and_retry(stream, &failure, ret_error);
    if (stream_reports_answered(batch, reply) != batch->sent_count) {
        harrier_reply_free(reply);
        return error_set(ret_error, ERROR_INTERNAL, "the server answered another request");
    }
    bool is_early = take_report_results(stream, batch, reply, &failure);
    if (failure.code != HARRIER_OK)
        return pause_and_retry(stream, &failure, ret_error);
    note_answered(stream, batch);
    if (is_early)
        park(stream);
    return 0;
}

/* Sends what waits in the batch under way; what needs no server goes on to be committed. A batch
 * whose partitions are gone is given back by whoever took them. */
static int send_waiting(struct stream *stream, struct error *ret_error) {
    while (stream->under_way) {
        struct stream_batch *batch = stream->under_way;
        if (stream_batch_collect(batch) == 0) {
            stream->under_way = NULL;
            retry_answered(stream->parts->retry);
            commit_thread_hand(stream->committing, batch);
            return 0;
        }
        if (batch->kind != BATCH_TRANSACTIONS) {
            int r = ask_reports(stream, batch, ret_error);
            if (r < 0)
                return r;
            continue;
        }
        const struct harrier_score_options options = {
            .deadline_us = stream->settings->deadline_us,
            .return_features = stream->settings->features,
        };
        struct harrier_error failure = {0};
        batch->reply = NULL;
        batch->error = (struct harrier_error){0};
        batch->sent_us = monotonic_us();
        atomic_store(&stream->is_answered, false);
        if (harrier_score_submit(stream->parts->client, batch->sent_transactions, batch->sent_count,
                                 &options, on_answer, stream, &failure) == 0)
            return 0;
        int r = 0;
        if (failure.code == HARRIER_ERROR_TOO_LARGE)
            make_smaller(batch, &failure);
        else
            r = pause_and_retry(stream, &failure, ret_error);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Waits for no answer: looks whether one is there. */
static int take_answer(struct stream *stream, struct error *ret_error) {
    struct stream_batch *batch = stream->under_way;
    if (!batch || !atomic_exchange_explicit(&stream->is_answered, false, memory_order_acquire))
        return 0;
    struct harrier_error again = {0};
    struct harrier_reply *reply = batch->reply;
    batch->reply = NULL;
    int r = 0;
    if (!reply && batch->error.code == HARRIER_ERROR_TOO_LARGE) {
        make_smaller(batch, &batch->error);
    } else if (!reply) {
        again = batch->error;
    } else if (reply->result_count != batch->sent_count) {
        harrier_reply_free(reply);
        return error_set(ret_error, ERROR_INTERNAL, "the server answered another request");
    } else {
        note_answered(stream, batch);
        take_results(batch, reply, &again);
    }
    if (again.code != HARRIER_OK)
        r = pause_and_retry(stream, &again, ret_error);
    return r < 0 ? r : send_waiting(stream, ret_error);
}

/* ---- the group ---- */

/* Waits until the client does not touch the batch under way any more: until its answer, which the
 * deadline bounds. */
static void await_answer(struct stream *stream) {
    harrier_drain(stream->parts->client);
    atomic_store(&stream->is_answered, false);
}

/* Called within topic_reader_poll(). What is answered is committed yet. */
static void on_revoked(void *user) {
    struct stream *stream = user;
    topic_record_free(&stream->held);
    if (stream->filling)
        give_back(stream, stream->filling);
    if (stream->parked)
        give_back(stream, stream->parked);
    stream->filling = stream->parked = NULL;
    topic_reader_hold(stream->reader, 0, false);
    if (stream->under_way) {
        await_answer(stream);
        give_back(stream, stream->under_way);
        stream->under_way = NULL;
    }
    if (!stream->committing)
        return;
    if (!commit_thread_drain(stream->committing, DRAIN_MS))
        fprintf(stderr, "harrier: partitions were taken away before all that was decided was "
                        "committed; it will be decided again, as before\n");
    metric_add(stream->parts->metrics, STREAM_REBALANCES, 0, 1);
}

/* ---- the run ---- */

/* Until something comes, or for a moment. */
static void wait_for_work(struct stream *stream) {
    struct pollfd waiting = {.fd = stream->wake_descriptor, .events = POLLIN};
    uint64_t count;
    if (poll(&waiting, 1, TICK_MS) > 0) {
        ssize_t got = read(stream->wake_descriptor, &count, sizeof count);
        check(got == sizeof count || errno == EAGAIN);
    }
}

static bool is_stopped(const struct stream *stream) {
    return stream->parts->bar->stop && *stream->parts->bar->stop;
}

static bool is_idle(const struct stream *stream) {
    return !stream->filling && !stream->under_way && !stream->parked && !stream->held.message &&
           stream->free_count == STREAM_BATCHES;
}

static int step(struct stream *stream, struct error *ret_error) {
    take_back(stream);
    int r = topic_reader_poll(stream->reader, ret_error);
    if (r == 0)
        r = commit_thread_failure(stream->committing, ret_error);
    if (r == 0)
        r = take_answer(stream, ret_error);
    if (r < 0)
        return r;
    fill(stream);
    bool is_parked_due = stream->parked && monotonic_us() >= stream->parked_until_us;
    if (!stream->under_way && (stream->filling || is_parked_due)) {
        if (is_parked_due) {
            unpark(stream);
        } else {
            stream->under_way = stream->filling;
            stream->filling = NULL;
        }
        r = send_waiting(stream, ret_error);
        if (r < 0)
            return r;
        fill(stream);
    }
    note_wait(stream, &stream->full_since_us,
              stream->under_way && stream->filling && is_full(stream->filling),
              STREAM_WAITING_FOR_SERVER);
    note_wait(stream, &stream->starved_since_us, !stream->free && !stream->filling,
              STREAM_WAITING_FOR_COMMITS);
    set_gauges(stream);
    if (stream->under_way || !stream->filling)
        wait_for_work(stream);
    return 0;
}

/* An interrupt during a pause is an end like any other. */
static int run(struct stream *stream, struct error *ret_error) {
    while (!is_stopped(stream)) {
        int r = step(stream, ret_error);
        if (r < 0)
            return r == -ERROR_INTERRUPTED && is_stopped(stream) ? 0 : r;
        if (stream->settings->until_end && is_idle(stream) &&
            topic_reader_is_at_end(stream->reader))
            return 0;
    }
    return 0;
}

static int open_topics(struct stream *stream, struct error *ret_error) {
    const struct stream_settings *settings = stream->settings;
    char name[600];
    const char *topics[] = {settings->dead_letters, settings->decisions};
    /* With the length, as names may have points in them. */
    snprintf(name, sizeof name, "harrier-stream.%zu.%s.%s", strlen(settings->group),
             settings->group, settings->instance);
    int r = topic_writer_open(&settings->kafka, name, topics, settings->decisions ? 2 : 1,
                              &stream->writer, ret_error);
    const struct topic_reader_options options = {
        .kafka = &settings->kafka,
        .topics = settings->topics,
        .topic_count = settings->topic_count,
        .group = settings->group,
        .instance = settings->instance,
        .from_latest = settings->from_latest,
        .wake_descriptor = stream->wake_descriptor,
        .on_revoked = on_revoked,
        .user = stream,
    };
    return r < 0 ? r : topic_reader_open(&options, &stream->reader, ret_error);
}

static int open_records(struct stream *stream, struct error *ret_error) {
    const struct stream_settings *settings = stream->settings;
    const char *const maps[BATCH_KIND_COUNT] = {
        [BATCH_TRANSACTIONS] = settings->map,
        [BATCH_OUTCOMES] = settings->outcome_map,
        [BATCH_AMENDMENTS] = settings->amendment_map,
    };
    return stream_records_open(&stream->parsing, settings->format, maps, settings->source,
                               ret_error);
}

static int open_all(struct stream *stream, struct error *ret_error) {
    const struct stream_settings *settings = stream->settings;
    stream->wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stream->wake_descriptor < 0)
        return error_set_errno(ret_error, errno, "cannot make an event descriptor");
    int r = open_records(stream, ret_error);
    if (r == 0)
        r = open_topics(stream, ret_error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < STREAM_BATCHES; i++)
        give_back(stream, stream_batch_new(settings->batch));
    const struct commit_settings committing = {
        .writer = stream->writer,
        .reader = stream->reader,
        .topics = settings->topics,
        .format = settings->format,
        .features = settings->features,
        .metrics = stream->parts->metrics,
    };
    stream->committing = commit_thread_start(&committing);
    return 0;
}

/* What is decided by now is committed yet, unless a part of it would have to be asked again. */
static void settle_last(struct stream *stream) {
    struct stream_batch *batch = stream->under_way;
    struct harrier_error again = {0};
    harrier_drain(stream->parts->client);
    if (!atomic_exchange(&stream->is_answered, false) || !batch->reply ||
        batch->reply->result_count != batch->sent_count)
        return;
    struct harrier_reply *reply = batch->reply;
    batch->reply = NULL;
    take_results(batch, reply, &again);
    if (stream_batch_collect(batch) > 0)
        return;
    stream->under_way = NULL;
    commit_thread_hand(stream->committing, batch);
}

/* Leaving the group gives up what was read and not answered, and waits for what is being committed;
 * the thread that commits asks the reader for the group, so it ends first. */
static void close_all(struct stream *stream) {
    topic_record_free(&stream->held);
    if (stream->under_way)
        settle_last(stream);
    if (stream->committing)
        commit_thread_drain(stream->committing, DRAIN_MS);
    commit_thread_stop(stream->committing);
    stream->committing = NULL;
    stream_batch_free(stream->under_way);
    stream_batch_free(stream->filling);
    stream_batch_free(stream->parked);
    stream->under_way = stream->filling = stream->parked = NULL;
    topic_writer_close(stream->writer);
    topic_reader_close(stream->reader);
    while (stream->free) {
        struct stream_batch *next = stream->free->next;
        stream_batch_free(stream->free);
        stream->free = next;
    }
    stream_lag_deinit(&stream->lag);
    stream_records_close(&stream->parsing);
    if (stream->wake_descriptor >= 0)
        close(stream->wake_descriptor);
}

int stream_run(const struct stream_settings *settings, const struct stream_parts *parts,
               struct error *ret_error) {
    struct stream stream = {.settings = settings, .parts = parts, .wake_descriptor = -1};
    int r = open_all(&stream, ret_error);
    if (r == 0)
        r = run(&stream, ret_error);
    close_all(&stream);
    return r;
}
