/* One thread reads, sends and writes; libharrier's threads only put answered batches into a queue.
 *
 * The life of a batch: free → filled with rows → under way → answered → settled (decisions written,
 * outcomes and amendments reported, what was not answered sent again) → free. The next batch is
 * filled while others are under way. With one under way at a time, it is sent only when the one
 * before is settled: transactions and reports then reach the server in the order of the file.
 *
 * An outcome or amendment with a time of its own waits in a heap from the moment its row is read.
 * The file's event time is the greatest so far that is not ahead of the clock. A row that moves it
 * past a time in the heap ends the batch before it: all batches are settled, what is due is
 * reported, and only then is the row sent. So no decision knows an outcome or an amendment before
 * its time, whatever the size of a batch. */
#include "scoring.h"

#include "clients/cli/io/rejects.h"
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/terminal/clock.h"
#include "core/base/arena.h"
#include "core/base/check.h"
#include "due_outcomes.h"
#include "outgoing.h"
#include "report_sender.h"
#include "row_reports.h"
#include "score_batch.h"

#include <stdlib.h>
#include <string.h>

#define TICK_US 100000 /* how often a wait looks at progress and interrupts */

/* One run. All but the queue belongs to the thread that runs it. */
struct scoring {
    const struct scoring_options *options;
    const struct scoring_parts *parts;
    struct scoring_counts *counts;
    struct report_sender sender; /* of what this file reports */
    struct due_outcomes due;
    struct score_batch *batches; /* in_flight + 1 */
    struct score_batch *free;
    struct score_batch_queue answered;
    size_t under_way;
    uint64_t answered_rows;
    bool input_ended;
    struct row held; /* read, but for the next batch: valid until another row is read */
    bool has_held;
};

/* --- batches -----------------------------------------------------------------------------------
 */

/* There is always one: in_flight may be under way and one is being filled. */
static struct score_batch *take_free(struct scoring *scoring) {
    struct score_batch *batch = scoring->free;
    check(batch); /* one more than may be under way */
    scoring->free = batch->next;
    score_batch_reset(batch);
    return batch;
}

/* Only when all rows of the batch are done. */
static void give_back(struct scoring *scoring, struct score_batch *batch) {
    batch->count = batch->outcome_count = batch->amendment_count = 0;
    batch->next = scoring->free;
    scoring->free = batch;
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

/* What the row reports, and when. */
static int plan_reports(struct scoring *scoring, const struct row *row, struct text id,
                        enum label label, const struct amendment *amendment,
                        struct row_reports *ret_reports, struct text *ret_field,
                        struct error *ret_error) {
    const struct scoring_options *options = scoring->options;
    *ret_reports = row_reports_none();
    if (options->outcomes == SCORING_OUTCOMES_NONE || options->dry_run)
        return 0;
    return row_reports_plan(ret_reports, &scoring->due, scoring->parts->file->mapping, row, id,
                            label, amendment, options->outcomes == SCORING_OUTCOMES_DUE, ret_field,
                            ret_error);
}

enum { ROW_ADDED, ROW_HELD };

/* ROW_HELD: something is to be reported first. */
static int add_row(struct scoring *scoring, struct score_batch *batch, const struct row *row,
                   struct text *ret_field, struct error *ret_error) {
    const struct mapping *mapping = scoring->parts->file->mapping;
    struct transaction transaction;
    struct amendment amendment = {.kind = AMENDMENT_NONE};
    enum label label = LABEL_NONE;
    int r = row_transaction(mapping, row, &batch->arena, &transaction, ret_field, ret_error);
    if (r == 0)
        r = row_label(mapping, row, &label, ret_field, ret_error);
    if (r == 0)
        r = row_truth(mapping, row, &batch->truths[batch->count], ret_field, ret_error);
    if (r == 0)
        r = row_amendment(mapping, row, &batch->arena, &amendment, ret_field, ret_error);
    if (r < 0)
        return r;
    due_outcomes_advance(&scoring->due, transaction.event_time_us);
    if (due_outcomes_has_due(&scoring->due))
        return ROW_HELD;
    if (!outgoing_transaction(&transaction, &batch->arena, &batch->transactions[batch->count]) ||
        !row_original_copy(&row->original, &batch->arena, &batch->rows[batch->count]))
        return error_set(ret_error, ERROR_TOO_LARGE, "the row is too large");
    r = plan_reports(scoring, row, transaction.id, label, &amendment, &batch->reports[batch->count],
                     ret_field, ret_error);
    if (r < 0)
        return r;
    batch->count++;
    return ROW_ADDED;
}

/* A bad row is reported, counted and kept; in a strict run it ends the run. */
static int row_failed(struct scoring *scoring, struct text field, struct error *error) {
    const struct row_original *row = &scoring->held.original;
    struct error failure;
    int r = row_errors_refuse(scoring->parts->diagnostics, row, error->code, field, error->text,
                              &failure);
    if (r < 0)
        *error = failure;
    if (r < 0 || !scoring->options->strict)
        return r;
    return error_set(error, ERROR_INVALID, "stopped at line %llu (--strict)",
                     (unsigned long long)row->line);
}

/* Reads until the batch is full or the input, the limit or patience ends. */
static int fill(struct scoring *scoring, struct score_batch *batch, struct error *ret_error) {
    const struct scoring_options *options = scoring->options;
    const volatile int *stop = scoring->parts->bar->stop;
    while (batch->count < options->batch && batch->arena.used < SCORE_BATCH_FULL_BYTES &&
           !scoring->input_ended) {
        struct text field = {0};
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
            r = add_row(scoring, batch, &scoring->held, &field, ret_error);
        scoring->has_held = r == ROW_HELD;
        if (scoring->has_held)
            break;
        scoring->input_ended = options->limit && scoring->counts->rows == options->limit;
        if (r == -ERROR_SYSTEM) { /* not the row's */
            scoring->has_held = true;
            return r;
        }
        if (r != ROW_ADDED) {
            r = row_failed(scoring, field, ret_error);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* --- sending and settling ----------------------------------------------------------------------
 */

/* Gives the batch to the client; from here until score_batch_answered() it must not be touched. */
static int submit(struct scoring *scoring, struct score_batch *batch, struct error *ret_error) {
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
                                     &options, score_batch_answered, batch, &failure);
        if (r == 0) {
            scoring->under_way++;
            return 0;
        }
        r = retry_or_fail(scoring->parts->retry, &failure, ret_error);
        if (r < 0)
            return r;
    }
}

/* What the row reports with its message. */
static void take_reports(struct scoring *scoring, struct score_batch *batch, size_t i) {
    const struct row_reports *reports = &batch->reports[i];
    bool is_untimed = scoring->options->outcomes == SCORING_OUTCOMES_DUE;
    const char *id = batch->transactions[i].id;
    if (reports->label != LABEL_NONE) {
        scoring->counts->outcomes_untimed += is_untimed;
        batch->outcome_rows[batch->outcome_count] = batch->rows[i];
        batch->outcomes[batch->outcome_count++] = (struct harrier_outcome){
            .transaction_id = id, .label = (enum harrier_label)reports->label};
    }
    if (reports->amendment.kind != HARRIER_AMENDMENT_NONE) {
        scoring->counts->amendments_untimed += is_untimed;
        batch->amendment_rows[batch->amendment_count] = batch->rows[i];
        batch->amendments[batch->amendment_count] = reports->amendment;
        batch->amendments[batch->amendment_count++].transaction_id = id;
    }
}

/* Counts, the output's row, and what is to be reported with the message. */
static int take_decision(struct scoring *scoring, struct score_batch *batch, size_t i,
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
    take_reports(scoring, batch, i);
    return decision_output_add(scoring->parts->output, decision, ret_error);
}

/* The server refuses the row: final. */
static int take_refusal(struct scoring *scoring, const struct score_batch *batch, size_t i,
                        const struct harrier_result *result, struct error *ret_error) {
    const struct row_original *row = &batch->rows[i];
    row_reports_withdraw(&batch->reports[i], &scoring->due);
    int r = row_errors_refuse_answer(
        scoring->parts->diagnostics, row, retry_error_code(result->error_code),
        text_of(result->error_field), result->error_message, ret_error);
    if (r < 0 || !scoring->options->strict)
        return r;
    return error_set(ret_error, ERROR_INVALID, "stopped at line %llu (--strict)",
                     (unsigned long long)row->line);
}

/* Takes every result; those to be sent again move to the front and *again says why. After a
 * failure, the rows behind it do so, too: their answers were not looked at. */
static int take_results(struct scoring *scoring, struct score_batch *batch,
                        struct harrier_error *again, struct error *ret_error) {
    size_t left = 0;
    int r = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct harrier_result *result = &batch->reply->results[i];
        if (r < 0 || retry_is_worthwhile(result->error_code)) {
            again->code = result->error_code;
            snprintf(again->message, sizeof again->message, "%s", result->error_message);
            score_batch_move(batch, i, left++);
            continue;
        }
        scoring->answered_rows++;
        r = result->error_code == HARRIER_OK
                ? take_decision(scoring, batch, i, &result->decision, ret_error)
                : take_refusal(scoring, batch, i, result, ret_error);
    }
    batch->count = left;
    return r;
}

/* Only what was not answered is left in the batch. */
static int send_again(struct scoring *scoring, struct score_batch *batch,
                      const struct harrier_error *why, struct error *ret_error) {
    int r = retry_or_fail(scoring->parts->retry, why, ret_error);
    if (r < 0)
        return r;
    batch->sent_again = true;
    return submit(scoring, batch, ret_error);
}

static int send_reports(struct scoring *scoring, struct score_batch *batch,
                        struct error *ret_error) {
    int r = 0;
    if (batch->outcome_count > 0)
        r = report_sender_outcomes(&scoring->sender, batch->outcomes, batch->outcome_rows,
                                   &batch->outcome_count, ret_error);
    if (r == 0 && batch->amendment_count > 0)
        r = report_sender_amendments(&scoring->sender, batch->amendments, batch->amendment_rows,
                                     &batch->amendment_count, ret_error);
    return r;
}

/* Either all rows are done, or the batch is under way again. Its reports go out only when all its
 * rows have a decision. */
static int settle_answer(struct scoring *scoring, struct score_batch *batch,
                         struct error *ret_error) {
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
    r = send_reports(scoring, batch, ret_error);
    if (r == 0)
        give_back(scoring, batch);
    return r;
}

/* The first row that is not known to be done, for the message at the end: everything before it
 * is. */
static void note_open_line(struct scoring *scoring, const struct score_batch *batch) {
    uint64_t line = batch->count > 0             ? batch->rows[0].line
                    : batch->outcome_count > 0   ? batch->outcome_rows[0].line
                    : batch->amendment_count > 0 ? batch->amendment_rows[0].line
                                                 : 0;
    if (line && (!scoring->counts->next_line || line < scoring->counts->next_line))
        scoring->counts->next_line = line;
}

/* Waits for one answer, or for a moment, and settles it. A batch that fails to settle stays out of
 * the free list: it is not done. */
static int settle_one(struct scoring *scoring, struct error *ret_error) {
    struct score_batch *batch = score_batch_queue_take(&scoring->answered, TICK_US);
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

/* --- what is kept when a run ends early --------------------------------------------------------
 */

/* Only of what cannot be read again: a second run of the same file does what is left of it. */
static bool keeps_open_rows(const struct scoring *scoring) {
    uint64_t done, total;
    input_extent(scoring->parts->file->input, &done, &total);
    return scoring->parts->diagnostics->rejects && total == 0;
}

/* Rows that are not known to be done. If they cannot be kept, *error says that instead. */
static void keep_rows(struct scoring *scoring, const struct row_original *rows, size_t count,
                      struct error *error) {
    struct error failure;
    if (!keeps_open_rows(scoring))
        return;
    for (size_t i = 0; i < count; i++) {
        if (row_errors_keep(scoring->parts->diagnostics, &rows[i], error, &failure) < 0) {
            *error = failure;
            return;
        }
        scoring->counts->unsent++;
    }
}

/* Rows that are in no batch that is done, by their lines. */
struct open_rows {
    const struct row_original **rows; /* each once */
    size_t count;
};

static void add_open(struct open_rows *open, const struct row_original *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        open->rows[open->count++] = &rows[i];
}

static int compare_lines(const void *a, const void *b) {
    uint64_t left = (*(const struct row_original *const *)a)->line;
    uint64_t right = (*(const struct row_original *const *)b)->line;
    return (left > right) - (left < right);
}

/* A row may be there for its outcome and for its amendment. */
static struct open_rows find_open(struct scoring *scoring) {
    size_t batches = scoring->options->in_flight + 1, unique = 0;
    /* The rows of a batch, and what two arrays have of those that are answered. */
    struct open_rows open = {
        .rows = check_calloc(3 * batches * scoring->options->batch + 1, sizeof *open.rows)};
    for (size_t i = 0; i < batches; i++) {
        const struct score_batch *batch = &scoring->batches[i];
        add_open(&open, batch->outcome_rows, batch->outcome_count);
        add_open(&open, batch->amendment_rows, batch->amendment_count);
        add_open(&open, batch->rows, batch->count);
    }
    if (scoring->has_held)
        add_open(&open, &scoring->held.original, 1);
    qsort(open.rows, open.count, sizeof *open.rows, compare_lines);
    for (size_t i = 0; i < open.count; i++)
        if (i == 0 || open.rows[i]->line != open.rows[i - 1]->line)
            open.rows[unique++] = open.rows[i];
    open.count = unique;
    return open;
}

/* Rows that are done but for what waits. With the row, it waits again at the next try. */
static void keep_waiting(struct scoring *scoring, const struct open_rows *open,
                         struct error *error) {
    struct row_original row;
    const struct row_original *key = &row;
    struct error failure;
    struct arena arena;
    uint64_t *places;
    size_t count = due_outcomes_take_places(&scoring->due, &places);
    int r = 0;
    arena_init(&arena, SIZE_MAX);
    for (size_t i = 0; i < count && r == 0; i++) {
        arena_reset(&arena);
        r = due_outcomes_read_row(&scoring->due, places[i], &arena, &row, &failure);
        if (r == 0 && !bsearch(&key, open->rows, open->count, sizeof *open->rows, compare_lines))
            keep_rows(scoring, &row, 1, error);
    }
    if (r < 0)
        *error = failure;
    arena_deinit(&arena);
    free(places);
}

/* After abandon(): what was read and is not known to be done, each row once. */
static void keep_open(struct scoring *scoring, struct error *error) {
    if (!keeps_open_rows(scoring))
        return;
    struct open_rows open = find_open(scoring);
    keep_waiting(scoring, &open, error);
    for (size_t i = 0; i < open.count; i++)
        keep_rows(scoring, open.rows[i], 1, error);
    free(open.rows);
}

/* The server is gone, the input goes on: nobody could send its rows a second time. */
static void keep_rest(struct scoring *scoring, struct error *error) {
    const struct scoring_parts *parts = scoring->parts;
    const struct scoring_options *options = scoring->options;
    struct row *row = &scoring->held;
    const struct error why = *error;
    struct error failure;
    int r = 0;
    if (!keeps_open_rows(scoring) || scoring->input_ended ||
        (why.code != ERROR_UNAVAILABLE && why.code != ERROR_DENIED))
        return;
    while (!(parts->bar->stop && *parts->bar->stop) &&
           !(options->limit && scoring->counts->rows == options->limit) &&
           (r = mapped_file_next(parts->file, true, row, &failure)) > 0) {
        scoring->counts->rows++;
        scoring->counts->unsent += r == ROWS_ROW;
        r = r == ROWS_ROW ? row_errors_keep(parts->diagnostics, &row->original, &why, &failure)
                          : row_errors_refuse(parts->diagnostics, &row->original, failure.code,
                                              (struct text){0}, failure.text, &failure);
        if (r < 0)
            break;
    }
    if (r < 0)
        *error = failure;
    scoring->input_ended = r == 0 && !(parts->bar->stop && *parts->bar->stop);
}

/* --- the run -----------------------------------------------------------------------------------
 */

/* No transaction is under way meanwhile, so the order is that of the file. */
static int settle_and_report_due(struct scoring *scoring, struct error *ret_error) {
    int r = settle_down_to(scoring, 0, ret_error);
    return r < 0 ? r : due_outcomes_report(&scoring->due, ret_error);
}

/* Reading, sending and settling in turn. The last round also reports what has come due by the end
 * of the file. */
static int score_all(struct scoring *scoring, struct error *ret_error) {
    const struct scoring_parts *parts = scoring->parts;
    int r = parts->earlier
                ? due_outcomes_read(&scoring->due, parts->earlier, parts->bar->stop, ret_error)
                : 0;
    while (r == 0 && !scoring->input_ended) {
        struct score_batch *batch = take_free(scoring);
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
    for (struct score_batch *batch;
         scoring->under_way > 0 && (batch = score_batch_queue_take(&scoring->answered, TICK_US));) {
        scoring->under_way--;
        struct harrier_error again;
        struct error ignored;
        bool complete = batch->reply && batch->reply->result_count == batch->count;
        if (complete)
            take_results(scoring, batch, &again, &ignored);
        note_open_line(scoring, batch);
    }
}

/* One more than may be under way, so that one can be filled meanwhile. */
static void open_batches(struct scoring *scoring) {
    size_t count = scoring->options->in_flight + 1;
    score_batch_queue_init(&scoring->answered);
    scoring->batches = check_calloc(count, sizeof *scoring->batches);
    for (size_t i = 0; i < count; i++) {
        score_batch_init(&scoring->batches[i], scoring->options->batch, &scoring->answered);
        give_back(scoring, &scoring->batches[i]);
    }
}

static void close_batches(struct scoring *scoring) {
    for (size_t i = 0; i < scoring->options->in_flight + 1; i++)
        score_batch_deinit(&scoring->batches[i]);
    free(scoring->batches);
    score_batch_queue_deinit(&scoring->answered);
}

static void fill_counts(struct scoring *scoring, bool is_complete) {
    struct scoring_counts *counts = scoring->counts;
    struct due_outcomes *due = &scoring->due;
    const struct report_sender *own = &scoring->sender, *earlier = &due->earlier;
    counts->failed = scoring->parts->diagnostics->count + due->earlier_diagnostics.count;
    counts->outcomes = own->outcomes.accepted + earlier->outcomes.accepted;
    counts->outcomes_changed = own->outcomes.changed + earlier->outcomes.changed;
    counts->amendments = own->amendments.accepted + earlier->amendments.accepted;
    counts->amendments_changed = own->amendments.changed + earlier->amendments.changed;
    if (is_complete)
        due_outcomes_count_waiting(due, &counts->outcomes_waiting, &counts->amendments_waiting);
    counts->input_ended = scoring->input_ended;
}

int scoring_run(const struct scoring_options *options, const struct scoring_parts *parts,
                struct scoring_counts *ret_counts, struct error *ret_error) {
    struct scoring scoring = {
        .options = options,
        .parts = parts,
        .counts = ret_counts,
        .sender = {.client = parts->client,
                   .retry = parts->retry,
                   .diagnostics = parts->diagnostics,
                   .deadline_us = options->deadline_us},
    };
    memset(ret_counts, 0, sizeof *ret_counts);
    open_batches(&scoring);
    uint64_t begun_us = monotonic_us();

    int r = due_outcomes_open(&scoring.due, &scoring.sender,
                              parts->earlier ? mapped_file_name(parts->earlier) : NULL, ret_error);
    if (r == 0)
        r = score_all(&scoring, ret_error);
    if (r < 0) {
        abandon(&scoring);
        keep_open(&scoring, ret_error);
        keep_rest(&scoring, ret_error);
        r = -(int)ret_error->code;
    }

    ret_counts->seconds = (double)(monotonic_us() - begun_us) / 1e6;
    fill_counts(&scoring, r == 0);
    due_outcomes_close(&scoring.due);
    close_batches(&scoring);
    return r;
}
