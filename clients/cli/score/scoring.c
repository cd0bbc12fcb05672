/* One thread reads, sends and writes; libharrier's threads only put answered batches into a queue.
 *
 * The life of a batch: free → filled with rows → under way → answered → settled (decisions written,
 * outcomes reported, what was not answered sent again) → free. The next batch is filled while
 * others are under way. With one under way at a time, it is sent only when the one before is
 * settled: transactions and outcomes then reach the server in the order of the file.
 *
 * An outcome with a time of its own waits in a heap from the moment its row is read. The file's
 * event time is the greatest so far that is not ahead of the clock. A row that moves it past the
 * time of a waiting outcome ends the batch before it: all batches are settled, the outcomes that
 * are due are reported, and only then is the row sent. So no decision knows an outcome before its
 * time, whatever the size of a batch. */
#include "scoring.h"

#include "batch/base/outcome_delay.h"
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/terminal/clock.h"
#include "core/base/arena.h"
#include "core/base/check.h"
#include "outcome_sender.h"
#include "outgoing.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ARENA_BYTES (256u << 20)
/* Outcomes that wait for their time: some 100 bytes each. */
#define WAITING_MAX 10000000u
#define TICK_US     100000 /* how often a wait looks at progress and interrupts */
/* An event time further ahead of the clock is a mistake, as for a server's max_ahead. */
#define MAX_AHEAD_US INT64_C(3600000000)

#define NOT_WAITING UINT64_MAX
/* In the line of a waiting outcome: it is of the earlier file. */
#define LINE_EARLIER (UINT64_C(1) << 63)

struct scoring;

/* One message's worth of rows. Arrays have room for options->batch rows and are parallel; the
 * arena holds the texts that they point to. */
struct batch {
    struct scoring *scoring;
    struct batch *next; /* in the free list or in the queue of answered ones */
    struct arena arena;
    struct harrier_transaction *transactions;
    uint64_t *lines; /* parallel to transactions */
    enum label *labels;
    uint64_t *numbers; /* of the outcomes that wait; NOT_WAITING: none does */
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

/* One run. Everything above the mutex belongs to the thread that runs it; the queue below is
 * shared with libharrier's threads. */
struct scoring {
    const struct scoring_options *options;
    const struct scoring_parts *parts;
    struct scoring_counts *counts;
    struct outcome_sender outcomes, earlier_outcomes;
    struct row_errors earlier_diagnostics;
    struct batch *batches; /* in_flight + 1 */
    struct batch *free;
    size_t under_way;
    uint64_t answered_rows;
    bool input_ended;
    struct outcome_delay delay; /* outcomes of rows that were read; not before their time */
    int64_t newest_us;          /* the file's event time; INT64_MIN: no row yet */
    struct row held;            /* read, but for the next batch: valid until another row is read */
    bool has_held;
    pthread_mutex_t mutex; /* of what is below */
    pthread_cond_t answered;
    struct batch *first, *last; /* answered, oldest first */
};

/* --- batches -----------------------------------------------------------------------------------
 */

/* The arrays are made once and used for all messages. */
static void batch_init(struct batch *batch, struct scoring *scoring) {
    size_t size = scoring->options->batch;
    *batch = (struct batch){
        .scoring = scoring,
        .transactions = check_calloc(size, sizeof *batch->transactions),
        .lines = check_calloc(size, sizeof *batch->lines),
        .labels = check_calloc(size, sizeof *batch->labels),
        .numbers = check_calloc(size, sizeof *batch->numbers),
        .truths = check_calloc(size, sizeof *batch->truths),
        .outcomes = check_calloc(size, sizeof *batch->outcomes),
        .outcome_lines = check_calloc(size, sizeof *batch->outcome_lines),
    };
    arena_init(&batch->arena, BATCH_ARENA_BYTES);
}

/* Also of a batch that was never used. */
static void batch_deinit(struct batch *batch) {
    harrier_reply_free(batch->reply);
    arena_deinit(&batch->arena);
    free(batch->transactions);
    free(batch->lines);
    free(batch->labels);
    free(batch->numbers);
    free(batch->truths);
    free(batch->outcomes);
    free(batch->outcome_lines);
}

/* There is always one: in_flight may be under way and one is being filled. */
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

/* Only when all rows of the batch are done. */
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

/* By bytes of the input, which says more than rows of an unknown number. */
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

/* Moves the file's event time on. One row with a wrong clock, which the server refuses, must not
 * make all outcomes due. */
static void advance_to(struct scoring *scoring, int64_t event_time_us) {
    if (event_time_us > scoring->newest_us && event_time_us <= realtime_us() + MAX_AHEAD_US)
        scoring->newest_us = event_time_us;
}

/* Is there an outcome to be reported before a transaction of this time is sent? */
static bool is_outcome_due(const struct scoring *scoring, int64_t event_time_us) {
    return scoring->delay.count > 0 && scoring->delay.outcomes[0].time_us <= event_time_us;
}

/* The label that the row states and, when it waits for its time, its number. */
static int plan_outcome(struct scoring *scoring, struct batch *batch, const struct row *row,
                        const struct transaction *transaction, enum label label,
                        struct error *ret_error) {
    const struct mapping *mapping = scoring->parts->file->mapping;
    const struct scoring_options *options = scoring->options;
    int64_t time_us;
    batch->labels[batch->count] = LABEL_NONE;
    batch->numbers[batch->count] = NOT_WAITING;
    if (label == LABEL_NONE || options->outcomes == SCORING_OUTCOMES_NONE || options->dry_run)
        return 0;
    int r = options->outcomes == SCORING_OUTCOMES_DUE
                ? row_outcome_time(mapping, row, &time_us, ret_error)
                : 0;
    if (r < 0)
        return r;
    if (r == 0) { /* it has no time */
        batch->labels[batch->count] = label;
        return 0;
    }
    if (scoring->delay.count >= WAITING_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "more than %u outcomes wait for their outcome_time", WAITING_MAX);
    batch->numbers[batch->count] =
        outcome_delay_add(&scoring->delay, transaction->id, label, time_us, row->line);
    return 0;
}

enum { ROW_ADDED, ROW_HELD };

/* ROW_HELD: an outcome is to be reported first. */
static int add_row(struct scoring *scoring, struct batch *batch, const struct row *row,
                   struct error *ret_error) {
    const struct mapping *mapping = scoring->parts->file->mapping;
    struct transaction transaction;
    enum label label = LABEL_NONE;
    int r = row_transaction(mapping, row, &batch->arena, &transaction, ret_error);
    if (r == 0)
        r = row_label(mapping, row, &label, ret_error);
    if (r == 0)
        r = row_truth(mapping, row, &batch->truths[batch->count], ret_error);
    if (r < 0)
        return r;
    advance_to(scoring, transaction.event_time_us);
    if (is_outcome_due(scoring, scoring->newest_us))
        return ROW_HELD;
    if (!outgoing_transaction(&transaction, &batch->arena, &batch->transactions[batch->count]))
        return error_set(ret_error, ERROR_TOO_LARGE, "the row is too large");
    r = plan_outcome(scoring, batch, row, &transaction, label, ret_error);
    if (r < 0)
        return r;
    batch->lines[batch->count++] = row->line;
    return ROW_ADDED;
}

/* A bad row is reported and counted; in a strict run it ends the run. */
static int row_failed(struct scoring *scoring, uint64_t line, struct error *error) {
    row_errors_add(scoring->parts->diagnostics, line, error->text);
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
        if (stop && *stop)
            return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        int r = ROWS_ROW;
        if (!scoring->has_held) {
            r = mapped_file_next(scoring->parts->file, options->quiet, &scoring->held, ret_error);
            if (r < 0)
                return r;
            if (r == ROWS_END) {
                scoring->input_ended = true;
                break;
            }
            scoring->counts->rows++;
        }
        if (r != ROWS_BAD_ROW)
            r = add_row(scoring, batch, &scoring->held, ret_error);
        scoring->has_held = r == ROW_HELD;
        if (scoring->has_held)
            break;
        scoring->input_ended = options->limit && scoring->counts->rows == options->limit;
        if (r != ROW_ADDED) {
            r = row_failed(scoring, scoring->held.line, ret_error);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* --- sending and settling ----------------------------------------------------------------------
 */

/* Gives the batch to the client; from here until on_answer() it must not be touched. */
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
        r = retry_or_fail(scoring->parts->retry, &failure, ret_error);
        if (r < 0)
            return r;
    }
}

/* Counts, the output's row, and the outcome to report if the row has one without a time of its
 * own. */
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
    if (batch->labels[i] != LABEL_NONE) {
        counts->outcomes_untimed += scoring->options->outcomes == SCORING_OUTCOMES_DUE;
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
            batch->numbers[left] = batch->numbers[i];
            batch->truths[left] = batch->truths[i];
            batch->lines[left++] = batch->lines[i];
            continue;
        }
        scoring->answered_rows++;
        if (result->error_code == HARRIER_OK) {
            r = take_decision(scoring, batch, i, &result->decision, ret_error);
        } else {
            row_errors_add_answer(scoring->parts->diagnostics, batch->lines[i], result->error_field,
                                  result->error_message);
            if (batch->numbers[i] != NOT_WAITING)
                outcome_delay_withdraw(&scoring->delay, batch->numbers[i]);
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

/* Only what was not answered is left in the batch. */
static int send_again(struct scoring *scoring, struct batch *batch, const struct harrier_error *why,
                      struct error *ret_error) {
    int r = retry_or_fail(scoring->parts->retry, why, ret_error);
    if (r < 0)
        return r;
    batch->sent_again = true;
    return submit(scoring, batch, ret_error);
}

/* Either all rows are done, or the batch is under way again. The outcomes go out only when all
 * its rows have a decision. */
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

/* The first row that is not known to be done, for the message at the end: everything before it
 * is. */
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
    else
        r = send_again(scoring, batch, &batch->error, ret_error);
    if (r < 0)
        note_open_line(scoring, batch);
    return r;
}

/* Blocks until no more than that many messages are under way. */
static int settle_down_to(struct scoring *scoring, size_t under_way, struct error *ret_error) {
    int r = 0;
    while (r == 0 && scoring->under_way > under_way)
        r = settle_one(scoring, ret_error);
    return r;
}

/* Of the outcomes that have been taken out of the heap for one call: those of one file. */
static int report_taken(struct scoring *scoring, const struct delayed_outcome *taken, size_t count,
                        bool of_earlier, struct error *ret_error) {
    size_t sent = 0;
    struct harrier_outcome *outcomes = check_calloc(count, sizeof *outcomes);
    uint64_t *lines = check_calloc(count, sizeof *lines);
    for (size_t i = 0; i < count; i++) {
        if (((taken[i].line & LINE_EARLIER) != 0) != of_earlier)
            continue;
        lines[sent] = taken[i].line & ~LINE_EARLIER;
        outcomes[sent++] = (struct harrier_outcome){.transaction_id = taken[i].id,
                                                    .label = (enum harrier_label)taken[i].label};
    }
    struct outcome_sender *sender = of_earlier ? &scoring->earlier_outcomes : &scoring->outcomes;
    int r = sent > 0 ? outcome_sender_send(sender, outcomes, lines, sent, ret_error) : 0;
    free(outcomes);
    free(lines);
    return r;
}

/* Reports the outcomes that are due by the file's event time. All batches are settled. */
static int report_due(struct scoring *scoring, struct error *ret_error) {
    struct delayed_outcome *taken = check_calloc(OUTCOMES_MAX, sizeof *taken);
    size_t count;
    int r = 0;
    do {
        for (count = 0; count < OUTCOMES_MAX; count++)
            if (!outcome_delay_take(&scoring->delay, scoring->newest_us, &taken[count]))
                break;
        if (count > 0)
            r = report_taken(scoring, taken, count, true, ret_error);
        if (count > 0 && r == 0)
            r = report_taken(scoring, taken, count, false, ret_error);
        for (size_t i = 0; i < count; i++)
            free(taken[i].id);
    } while (r == 0 && count > 0);
    free(taken);
    return r;
}

/* No transaction is under way while outcomes are reported, so their order is that of the file. */
static int settle_and_report_due(struct scoring *scoring, struct error *ret_error) {
    int r = settle_down_to(scoring, 0, ret_error);
    return r < 0 ? r : report_due(scoring, ret_error);
}

/* Outcomes with a time that an earlier file states. What is wrong with its rows was said when it
 * was scored. */
static int read_earlier(struct scoring *scoring, struct error *ret_error) {
    struct mapped_file *file = scoring->parts->earlier;
    const volatile int *stop = scoring->parts->bar->stop;
    struct row row;
    struct arena arena;
    struct error ignored;
    int r;
    arena_init(&arena, BATCH_ARENA_BYTES);
    while ((r = mapped_file_next(file, true, &row, ret_error)) > 0) {
        struct text id;
        enum label label = LABEL_NONE;
        int64_t time_us;
        arena_reset(&arena);
        if (r == ROWS_BAD_ROW || row_id(file->mapping, &row, &arena, &id, &ignored) < 0 ||
            row_label(file->mapping, &row, &label, &ignored) < 0 || label == LABEL_NONE ||
            row_outcome_time(file->mapping, &row, &time_us, &ignored) <= 0)
            continue;
        if (scoring->delay.count >= WAITING_MAX) {
            r = error_set(ret_error, ERROR_TOO_LARGE,
                          "more than %u outcomes wait for their outcome_time", WAITING_MAX);
            break;
        }
        outcome_delay_add(&scoring->delay, id, label, time_us, row.line | LINE_EARLIER);
        if (stop && *stop) {
            r = error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
            break;
        }
    }
    arena_deinit(&arena);
    return r;
}

/* Reading, sending and settling in turn. The last round also reports what has come due by the end
 * of the file. */
static int score_all(struct scoring *scoring, struct error *ret_error) {
    int r = scoring->parts->earlier ? read_earlier(scoring, ret_error) : 0;
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
        if (r == 0 && scoring->has_held)
            r = settle_and_report_due(scoring, &settle_error);
        if (r < 0)
            *ret_error = settle_error;
    }
    return r == 0 ? settle_and_report_due(scoring, ret_error) : r;
}

/* After a failure: takes the answers that still arrive, without sending anything again. */
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

/* One more than may be under way, so that one can be filled meanwhile. */
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
        .newest_us = INT64_MIN,
    };
    scoring.earlier_outcomes = scoring.outcomes;
    if (parts->earlier) {
        scoring.earlier_diagnostics =
            (struct row_errors){.file = mapped_file_name(parts->earlier), .bar = parts->bar};
        scoring.earlier_outcomes.diagnostics = &scoring.earlier_diagnostics;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&scoring.mutex, NULL);
    pthread_cond_init(&scoring.answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    memset(ret_counts, 0, sizeof *ret_counts);
    outcome_delay_init(&scoring.delay);
    open_batches(&scoring);
    uint64_t begun_us = monotonic_us();

    int r = score_all(&scoring, ret_error);
    if (r < 0)
        abandon(&scoring);

    ret_counts->seconds = (double)(monotonic_us() - begun_us) / 1e6;
    ret_counts->failed = parts->diagnostics->count + scoring.earlier_diagnostics.count;
    ret_counts->outcomes = scoring.outcomes.accepted + scoring.earlier_outcomes.accepted;
    ret_counts->outcomes_changed = scoring.outcomes.changed + scoring.earlier_outcomes.changed;
    ret_counts->outcomes_waiting = r == 0 ? outcome_delay_waiting(&scoring.delay) : 0;
    outcome_delay_deinit(&scoring.delay);
    for (size_t i = 0; i < options->in_flight + 1; i++)
        batch_deinit(&scoring.batches[i]);
    free(scoring.batches);
    pthread_cond_destroy(&scoring.answered);
    pthread_mutex_destroy(&scoring.mutex);
    return r;
}
