/* The emit stage. It is the one sequential stage, so it does as little as possible: workers have
 * decided, formatted (take()) and counted; here counts are added up and row() is called. */
#include "replay_emit.h"

#include "replay_barrier.h"
#include "replay_count.h"
#include "replay_decide.h"
#include "replay_job.h"

#include "core/base/check.h"
#include "core/base/prefetch.h"

#define PROGRESS_STEP 4096 /* records between two calls of the progress */

static void add_verdicts(uint64_t *verdicts, const uint64_t *more) {
    for (size_t i = 0; i < VERDICT_COUNT; i++)
        verdicts[i] += more[i];
}

/* Adds a part's counts, which its worker has summed up, to the report. */
static void add_counts(struct replay *replay, const struct replay_part *part) {
    const struct replay_report *more = &part->counts;
    struct replay_report *report = &replay->report;
    report->records += more->records;
    report->outcomes += more->outcomes;
    amendment_tally_merge(&report->amendments, &more->amendments);
    if (more->position > report->position)
        report->position = more->position;
    if (part->newest_us > replay->newest_event_time_us)
        replay->newest_event_time_us = part->newest_us;
    if (more->transactions > 0)
        replay_count_times(report, more->first_us, more->last_us);
    report->transactions += more->transactions;
    report->refused += more->refused;
    report->against_refused += more->against_refused;
    add_verdicts(report->verdicts, more->verdicts);
    add_verdicts(report->archived_verdicts, more->archived_verdicts);
    add_verdicts(report->against_verdicts, more->against_verdicts);
}

/* ---- rows ---- */

static int emit_row(const struct replay *replay, const struct replay_row *row,
                    struct error *ret_error) {
    return replay->listener->row ? replay->listener->row(replay->listener->user, row, ret_error)
                                 : 0;
}

int replay_emit_decided(struct replay *replay, struct replay_line *line,
                        struct replay_decided *decided, struct buffer *prepared,
                        struct error *ret_error) {
    buffer_clear(prepared);
    int r = replay_take(replay, 0, decided, prepared, ret_error);
    if (r < 0)
        return r;
    line->decision = replay_result_of(decided->row.decision);
    line->against = replay_result_of(decided->row.against);
    decided->row.prepared =
        (struct text){.data = (const char *)prepared->bytes, .length = prepared->length};
    return emit_row(replay, &decided->row, ret_error);
}

/* A decision with only what the result keeps; NULL: refused. decision: zeroed, or filled by an
 * earlier call. */
static const struct decision *brief(const struct replay_line *line, struct replay_result result,
                                    struct decision *decision) {
    if (result.verdict == VERDICT_NONE)
        return NULL;
    decision->transaction_id = line->record.transaction.transaction.id;
    decision->position = line->position;
    decision->verdict = result.verdict;
    decision->score = result.score;
    return decision;
}

/* A row that take() has seen. briefly: scratch for brief(), shared by all rows of a part. */
static int emit_taken(const struct replay *replay, const struct replay_line *line,
                      struct text prepared, struct replay_decided *briefly,
                      struct error *ret_error) {
    if (!replay->listener->row)
        return 0;
    replay_begin_row(replay, &line->record, briefly);
    briefly->row.prepared = prepared;
    briefly->row.decision = brief(line, line->decision, &briefly->decision);
    if (replay->against.engines)
        briefly->row.against = brief(line, line->against, &briefly->against);
    return emit_row(replay, &briefly->row, ret_error);
}

static int decide_and_emit(struct replay *replay, struct replay_chunk *chunk, size_t index,
                           struct buffer *prepared, struct error *ret_error) {
    const struct replay_row_task task = {.replay = replay, .chunk = chunk, .index = index};
    struct replay_decided decided;
    int r = replay_decide_row(&task, &decided, ret_error);
    if (r == 0)
        r = replay_emit_decided(replay, &chunk->rows[index], &decided, prepared, ret_error);
    return r;
}

/* ---- chunks ---- */

#define PREFETCH_ROWS 6 /* rows */

/* Fetches what emitting a row reads: it was written by another thread, so it is in that one's
 * cache. */
static void fetch(const struct replay_line *line) {
    const struct transaction_record *record = &line->record.transaction;
    prefetch(line);
    prefetch(&line->prepared);
    prefetch(&record->transaction.event_time_us);
    prefetch(&record->decision.verdict);
}

static int emit_rows(struct replay *replay, struct replay_chunk *chunk, struct replay_part *part,
                     struct error *ret_error) {
    bool is_decided = replay->listener->take || !replay->listener->row || replay->walk;
    size_t at = 0;
    struct replay_decided briefly;
    briefly.decision = briefly.against = (struct decision){0};
    for (size_t i = part->first; i < part->good; i++) {
        struct replay_line *line = &chunk->rows[i];
        struct text prepared = {.data = (const char *)part->prepared.bytes + at,
                                .length = line->prepared};
        int r = 0;
        if (i + PREFETCH_ROWS < part->good)
            fetch(&chunk->rows[i + PREFETCH_ROWS]);
        if (line->is_reported && !line->is_skipped)
            r = is_decided ? emit_taken(replay, line, prepared, &briefly, ret_error)
                           : decide_and_emit(replay, chunk, i, &part->prepared, ret_error);
        if (r < 0)
            return r;
        at += line->prepared;
        if (!part->is_counted)
            replay_count(replay, line);
    }
    return 0;
}

/* A part whose rows are all skipped has only counts: its rows are not touched, which would move
 * their cache lines to this thread. */
static int emit_part(struct replay *replay, struct replay_chunk *chunk, struct replay_part *part,
                     struct error *ret_error) {
    int r = 0;
    if (!part->is_counted || part->reported > 0)
        r = emit_rows(replay, chunk, part, ret_error);
    if (r < 0)
        return r;
    if (part->is_counted)
        add_counts(replay, part);
    if (part->result < 0)
        *ret_error = part->error;
    return part->result;
}

int replay_finish_chunk(struct replay_output *output, struct replay_chunk *chunk,
                        struct error *ret_error) {
    struct replay *replay = output->replay;
    uint64_t step = replay->options.chunk_records ? replay->options.chunk_records : PROGRESS_STEP;
    uint64_t all = replay->target.position, done = replay->report.records;
    done += replay->start.position > 0 ? replay->start.position : replay->history.begin;
    int r = chunk->result;
    if (r < 0)
        *ret_error = chunk->error;
    else if (chunk->is_night)
        r = replay_night(replay, ret_error);
    else if (chunk->is_barrier)
        r = replay_barrier(replay, chunk, ret_error);
    output->is_at_end = r == 0 && chunk->is_last;
    if (r < 0 || done < output->reported + step)
        return r;
    output->reported = done;
    if (progress_update(output->progress, "replay", done < all ? done : all, all) != 0)
        output->is_stopping = true;
    return 0;
}

int replay_emit_chunk(struct replay_output *output, struct replay_chunk *chunk,
                      struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < output->replay->lane_count && r == 0; i++)
        r = replay_states_check(output->replay->lanes[i], ret_error);
    for (size_t i = 0; i < chunk->part_count && r == 0; i++)
        r = emit_part(output->replay, chunk, &chunk->parts[i], ret_error);
    return r < 0 ? r : replay_finish_chunk(output, chunk, ret_error);
}
