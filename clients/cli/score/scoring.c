/* One thread reads, sends and writes; libharrier's threads only put answered batches into a queue.
 *
 * The life of a batch: free → filled with rows → under way → answered → settled (decisions written,
 * outcomes reported, what was not answered sent again) → free. The next batch is filled while
 * others are under way. With one under way at a time, it is sent only when the one before is
 * settled: transactions and outcomes then reach the server in the order of the file. */
#include "scoring.h"

#include "clients/cli/io/row_transaction.h"
#include "clients/cli/terminal/monotonic.h"
#include "core/base/arena.h"
#include "core/base/check.h"
#include "outcome_sender.h"
#include "outgoing.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ARENA_BYTES (256u << 20)
#define TICK_US           100000 /* how often a wait looks at progress and interrupts */

struct scoring;

struct batch {
    struct scoring *scoring;
    struct batch *next; /* in the free list or in the queue of answered ones */
    struct arena arena;
    struct harrier_transaction *transactions;
    uint64_t *lines; /* parallel to transactions */
    enum label *labels;
    enum truth *truths;
    size_t count;
    struct harrier_outcome *outcomes; /* of those that have a decision */
    uint64_t *outcome_lines;
    size_t outcome_count;
    bool sent_again;
    uint64_t sent_us, answered_us;
    struct harrier_reply *reply; /* NULL: error */
    struct harrier_error error;
};

struct scoring {
    const struct scoring_options *options;
    const struct scoring_parts *parts;
    struct scoring_counts *counts;
    struct outcome_sender outcomes;
    struct batch *batches; /* in_flight + 1 */
    struct batch *free;
    size_t under_way;
    uint64_t answered_rows;
    bool input_ended;
    pthread_mutex_t mutex; /* of what is below */
    pthread_cond_t answered;
    struct batch *first, *last; /* answered, oldest first */
};

/* --- batches -----------------------------------------------------------------------------------
 */

static void batch_init(struct batch *batch, struct scoring *scoring) {
    size_t size = scoring->options->batch;
    *batch = (struct batch){
        .scoring = scoring,
        .transactions = check_calloc(size, sizeof *batch->transactions),
        .lines = check_calloc(size, sizeof *batch->lines),
        .labels = check_calloc(size, sizeof *batch->labels),
        .truths = check_calloc(size, sizeof *batch->truths),
        .outcomes = check_calloc(size, sizeof *batch->outcomes),
        .outcome_lines = check_calloc(size, sizeof *batch->outcome_lines),
    };
    arena_init(&batch->arena, BATCH_ARENA_BYTES);
}

static void batch_deinit(struct batch *batch) {
    harrier_reply_free(batch->reply);
    arena_deinit(&batch->arena);
    free(batch->transactions);
    free(batch->lines);
    free(batch->labels);
    free(batch->truths);
    free(batch->outcomes);
    free(batch->outcome_lines);
}

static struct batch *take_free(struct scoring *scoring) {
    struct batch *batch = scoring->free;
    check(batch); /* one more than may be under way */
    scoring->free = batch->next;
    arena_reset(&batch->arena);
    batch->next = NULL;
    batch->count = batch->outcome_count = 0;
    batch->sent_again = false;
    return batch;
}

static void give_back(struct scoring *scoring, struct batch *batch) {
    batch->next = scoring->free;
    scoring->free = batch;
}

/* In a thread of libharrier. */
static void on_answer(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    struct batch *batch = user;
    struct scoring *scoring = batch->scoring;
    batch->answered_us = monotonic_us();
    batch->reply = reply;
    if (error)
        batch->error = *error;
    pthread_mutex_lock(&scoring->mutex);
    batch->next = NULL;
    if (scoring->last)
        scoring->last->next = batch;
    else
        scoring->first = batch;
    scoring->last = batch;
    pthread_cond_signal(&scoring->answered);
    pthread_mutex_unlock(&scoring->mutex);
}

/* The oldest answered batch; NULL after a while without one. */
static struct batch *take_answered(struct scoring *scoring) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_US * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&scoring->mutex);
    while (!scoring->first &&
           pthread_cond_timedwait(&scoring->answered, &scoring->mutex, &until) == 0)
        ;
    struct batch *batch = scoring->first;
    if (batch) {
        scoring->first = batch->next;
        if (!scoring->first)
            scoring->last = NULL;
    }
    pthread_mutex_unlock(&scoring->mutex);
    return batch;
}

static void show_progress(struct scoring *scoring) {
    char note[64] = "";
    uint64_t done, total;
    if (scoring->parts->diagnostics->count)
        snprintf(note, sizeof note, "%llu failed",
                 (unsigned long long)scoring->parts->diagnostics->count);
    input_extent(scoring->parts->file->input, &done, &total);
    progress_bar_update(scoring->parts->bar, "score", done, total, scoring->answered_rows, note);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static int add_row(struct scoring *scoring, struct batch *batch, const struct row *row,
                   struct error *ret_error) {
    const struct mapping *mapping = scoring->parts->file->mapping;
    struct transaction transaction;
    int r = row_transaction(mapping, row, &batch->arena, &transaction, ret_error);
    if (r == 0)
        r = row_label(mapping, row, &batch->labels[batch->count], ret_error);
    if (r == 0)
        r = row_truth(mapping, row, &batch->truths[batch->count], ret_error);
    if (r < 0)
        return r;
    if (!outgoing_transaction(&transaction, &batch->arena, &batch->transactions[batch->count]))
        return error_set(ret_error, ERROR_TOO_LARGE, "the row is too large");
    batch->lines[batch->count++] = row->line;
    return 0;
}

/* A wrong row: told and counted; in a strict run also the end. */
static int row_failed(struct scoring *scoring, uint64_t line, struct error *error) {
    row_diagnostics_add(scoring->parts->diagnostics, line, error->text);
    if (!scoring->options->strict)
        return 0;
    return error_set(error, ERROR_INVALID, "stopped at line %llu (--strict)",
                     (unsigned long long)line);
}

/* Reads until the batch is full or the input, the limit or patience ends. */
static int fill(struct scoring *scoring, struct batch *batch, struct error *ret_error) {
    const struct scoring_options *options = scoring->options;
    const volatile int *stop = scoring->parts->bar->stop;
    while (batch->count < options->batch && !scoring->input_ended) {
        struct row row;
        if (stop && *stop)
            return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        int r = mapped_file_next(scoring->parts->file, options->quiet, &row, ret_error);
        if (r < 0)
            return r;
        if (r == ROWS_END) {
            scoring->input_ended = true;
            break;
        }
        scoring->counts->rows++;
        scoring->input_ended = options->limit && scoring->counts->rows == options->limit;
        if (r == ROWS_BAD_ROW || add_row(scoring, batch, &row, ret_error) < 0) {
            r = row_failed(scoring, row.line, ret_error);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* --- sending and settling ----------------------------------------------------------------------
 */

static int submit(struct scoring *scoring, struct batch *batch, struct error *ret_error) {
    const struct harrier_score_options options = {
        .deadline_us = scoring->options->deadline_us,
        .dry_run = scoring->options->dry_run,
        .return_features = scoring->options->features,
    };
    for (;;) {
        struct harrier_error failure = {0};
        batch->reply = NULL;
        batch->error = (struct harrier_error){0};
        batch->sent_us = monotonic_us();
        int r = harrier_score_submit(scoring->parts->client, batch->transactions, batch->count,
                                     &options, on_answer, batch, &failure);
        if (r == 0) {
            scoring->under_way++;
            return 0;
        }
        if (!retry_is_worthwhile(failure.code))
            return retry_failure(scoring->parts->retry->address, &failure, ret_error);
        r = retry_pause(scoring->parts->retry, &failure, ret_error);
        if (r < 0)
            return r;
    }
}

static int take_decision(struct scoring *scoring, struct batch *batch, size_t i,
                         const struct harrier_decision *decision, struct error *ret_error) {
    struct scoring_counts *counts = scoring->counts;
    if (decision->duplicate)
        counts->duplicates++;
    else
        counts->scored++;
    counts->duplicates_of_retries += decision->duplicate && batch->sent_again;
    counts->degraded += decision->degraded;
    if ((size_t)decision->verdict <= HARRIER_VERDICT_DECLINE)
        counts->verdicts[decision->verdict]++;
    detection_add(&counts->detection, batch->truths[i], decision->verdict);
    if (scoring->parts->examples)
        examples_add(scoring->parts->examples, &batch->transactions[i], decision, batch->truths[i]);
    histogram_add(&counts->server_us, decision->server_us);
    if (batch->labels[i] != LABEL_NONE && !scoring->options->dry_run) {
        batch->outcome_lines[batch->outcome_count] = batch->lines[i];
        batch->outcomes[batch->outcome_count++] = (struct harrier_outcome){
            .transaction_id = batch->transactions[i].id,
            .label = (enum harrier_label)batch->labels[i],
        };
    }
    return decision_output_add(scoring->parts->output, decision, ret_error);
}

/* Takes every result; those to be sent again move to the front and *again says why. */
static int take_results(struct scoring *scoring, struct batch *batch, struct harrier_error *again,
                        struct error *ret_error) {
    size_t left = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct harrier_result *result = &batch->reply->results[i];
        int r = 0;
        if (retry_is_worthwhile(result->error_code)) {
            again->code = result->error_code;
            snprintf(again->message, sizeof again->message, "%s", result->error_message);
            batch->transactions[left] = batch->transactions[i];
            batch->labels[left] = batch->labels[i];
            batch->truths[left] = batch->truths[i];
            batch->lines[left++] = batch->lines[i];
            continue;
        }
        scoring->answered_rows++;
        if (result->error_code == HARRIER_OK) {
            r = take_decision(scoring, batch, i, &result->decision, ret_error);
        } else {
            row_diagnostics_add_answer(scoring->parts->diagnostics, batch->lines[i],
                                       result->error_field, result->error_message);
            if (scoring->options->strict)
                r = error_set(ret_error, ERROR_INVALID, "stopped at line %llu (--strict)",
                              (unsigned long long)batch->lines[i]);
        }
        if (r < 0)
            return r;
    }
    batch->count = left;
    return 0;
}

static int send_again(struct scoring *scoring, struct batch *batch, const struct harrier_error *why,
                      struct error *ret_error) {
    int r = retry_pause(scoring->parts->retry, why, ret_error);
    if (r < 0)
        return r;
    batch->sent_again = true;
    return submit(scoring, batch, ret_error);
}

static int settle_answer(struct scoring *scoring, struct batch *batch, struct error *ret_error) {
    struct harrier_error again = {0};
    histogram_add(&scoring->counts->round_trip_us, batch->answered_us - batch->sent_us);
    if (batch->reply->result_count != batch->count)
        return error_set(ret_error, ERROR_INTERNAL, "%s: %zu results for %zu transactions",
                         scoring->parts->retry->address, batch->reply->result_count, batch->count);
    int r = take_results(scoring, batch, &again, ret_error);
    if (r < 0)
        return r;
    harrier_reply_free(batch->reply);
    batch->reply = NULL;
    if (batch->count > 0)
        return send_again(scoring, batch, &again, ret_error);
    retry_answered(scoring->parts->retry);
    if (batch->outcome_count > 0)
        r = outcome_sender_send(&scoring->outcomes, batch->outcomes, batch->outcome_lines,
                                batch->outcome_count, ret_error);
    if (r == 0)
        give_back(scoring, batch);
    return r;
}

static void note_open_line(struct scoring *scoring, const struct batch *batch) {
    uint64_t line = batch->count > 0           ? batch->lines[0]
                    : batch->outcome_count > 0 ? batch->outcome_lines[0]
                                               : 0;
    if (line && (!scoring->counts->next_line || line < scoring->counts->next_line))
        scoring->counts->next_line = line;
}

/* Waits for one answer, or for a moment, and settles it. A batch that fails to settle stays out of
 * the free list: it is not done. */
static int settle_one(struct scoring *scoring, struct error *ret_error) {
    struct batch *batch = take_answered(scoring);
    show_progress(scoring);
    if (!batch)
        return 0;
    scoring->under_way--;
    int r;
    if (batch->reply)
        r = settle_answer(scoring, batch, ret_error);
    else if (retry_is_worthwhile(batch->error.code))
        r = send_again(scoring, batch, &batch->error, ret_error);
    else
        r = retry_failure(scoring->parts->retry->address, &batch->error, ret_error);
    if (r < 0)
        note_open_line(scoring, batch);
    return r;
}

static int settle_down_to(struct scoring *scoring, size_t under_way, struct error *ret_error) {
    int r = 0;
    while (r == 0 && scoring->under_way > under_way)
        r = settle_one(scoring, ret_error);
    return r;
}

static int score_all(struct scoring *scoring, struct error *ret_error) {
    int r = 0;
    while (r == 0 && !scoring->input_ended) {
        struct batch *batch = take_free(scoring);
        int fill_failure = fill(scoring, batch, ret_error);
        struct error settle_error;
        /* Rows before a failure are still sent: what was read is not lost. */
        if (batch->count == 0) {
            give_back(scoring, batch);
        } else {
            r = settle_down_to(scoring, scoring->options->in_flight - 1, &settle_error);
            if (r == 0)
                r = submit(scoring, batch, &settle_error);
            if (r < 0)
                note_open_line(scoring, batch);
        }
        if (fill_failure < 0 && r == 0) {
            struct error ignored;
            settle_down_to(scoring, 0, &ignored);
            return fill_failure;
        }
        if (r < 0)
            *ret_error = settle_error;
    }
    return r == 0 ? settle_down_to(scoring, 0, ret_error) : r;
}

/* After a failure: takes what is still answered by itself, without sending anything again. */
static void abandon(struct scoring *scoring) {
    harrier_drain(scoring->parts->client);
    for (struct batch *batch; scoring->under_way > 0 && (batch = take_answered(scoring));) {
        scoring->under_way--;
        struct harrier_error again;
        struct error ignored;
        bool complete = batch->reply && batch->reply->result_count == batch->count;
        if (complete && take_results(scoring, batch, &again, &ignored) == 0 &&
            batch->outcome_count > 0)
            note_open_line(scoring, batch);
        if (batch->count > 0)
            note_open_line(scoring, batch);
    }
}

static void open_batches(struct scoring *scoring) {
    size_t count = scoring->options->in_flight + 1;
    scoring->batches = check_calloc(count, sizeof *scoring->batches);
    for (size_t i = 0; i < count; i++) {
        batch_init(&scoring->batches[i], scoring);
        give_back(scoring, &scoring->batches[i]);
    }
}

int scoring_run(const struct scoring_options *options, const struct scoring_parts *parts,
                struct scoring_counts *ret_counts, struct error *ret_error) {
    struct scoring scoring = {
        .options = options,
        .parts = parts,
        .counts = ret_counts,
        .outcomes = {.client = parts->client,
                     .retry = parts->retry,
                     .diagnostics = parts->diagnostics,
                     .deadline_us = options->deadline_us},
    };
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&scoring.mutex, NULL);
    pthread_cond_init(&scoring.answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    memset(ret_counts, 0, sizeof *ret_counts);
    open_batches(&scoring);
    uint64_t begun_us = monotonic_us();

    int r = score_all(&scoring, ret_error);
    if (r < 0)
        abandon(&scoring);

    ret_counts->seconds = (double)(monotonic_us() - begun_us) / 1e6;
    ret_counts->failed = parts->diagnostics->count;
    ret_counts->outcomes = scoring.outcomes.accepted;
    ret_counts->outcomes_changed = scoring.outcomes.changed;
    for (size_t i = 0; i < options->in_flight + 1; i++)
        batch_deinit(&scoring.batches[i]);
    free(scoring.batches);
    pthread_cond_destroy(&scoring.answered);
    pthread_mutex_destroy(&scoring.mutex);
    return r;
}
