/* Counting rows into the report. All counts are sums, minima and maxima, so parts can be counted in
 * parallel and added up. */
#include "replay_count.h"

static void count_verdict(struct replay_result result, uint64_t *verdicts, uint64_t *refused) {
    if (result.verdict != VERDICT_NONE)
        verdicts[result.verdict]++;
    else
        ++*refused;
}

void replay_count_times(struct replay_report *report, int64_t first_us, int64_t last_us) {
    bool is_first = report->transactions == 0;
    if (is_first || first_us < report->first_us)
        report->first_us = first_us;
    if (is_first || last_us > report->last_us)
        report->last_us = last_us;
}

static void count_reported(const struct replay *replay, const struct replay_line *line,
                           struct replay_report *report) {
    int64_t at_us = line->record.transaction.transaction.event_time_us;
    replay_count_times(report, at_us, at_us);
    report->transactions++;
    report->archived_verdicts[line->record.transaction.decision.verdict]++;
    if (!replay->options.recorded)
        count_verdict(line->decision, report->verdicts, &report->refused);
    if (replay->against.engines)
        count_verdict(line->against, report->against_verdicts, &report->against_refused);
}

static void count(const struct replay *replay, const struct replay_line *line,
                  struct replay_report *report, int64_t *newest_us) {
    report->records++;
    if (line->position > report->position) /* in event-time order positions are not ascending */
        report->position = line->position;
    report->outcomes += line->type == RECORD_OUTCOME;
    if (line->type == RECORD_AMENDMENT) {
        const struct snapshot *policy = replay_job_last_policy(replay);
        amendment_tally_add(&report->amendments, policy ? &policy->schema : NULL,
                            &line->record.amendment);
    }
    if (line->type != RECORD_TRANSACTION)
        return;
    int64_t at_us = line->record.transaction.transaction.event_time_us;
    if (at_us > *newest_us)
        *newest_us = at_us;
    if (line->is_reported)
        count_reported(replay, line, report);
}

void replay_count(struct replay *replay, const struct replay_line *line) {
    if (replay->walk && line->type == RECORD_OUTCOME)
        walk_forward_note_outcome(replay->walk, line->record.outcome.transaction_position,
                                  line->record.outcome.label);
    if (replay->walk && line->type == RECORD_TRANSACTION)
        walk_forward_note_time(replay->walk, line->record.transaction.transaction.event_time_us);
    count(replay, line, &replay->report, &replay->newest_event_time_us);
}

void replay_count_part(const struct replay *replay, const struct replay_chunk *chunk,
                       struct replay_part *part) {
    if (replay->walk) /* walk-forward must see rows in order: replay_count() counts them */
        return;
    part->counts = (struct replay_report){0};
    part->newest_us = INT64_MIN;
    part->reported = 0;
    for (size_t i = part->first; i < part->good; i++) {
        const struct replay_line *line = &chunk->rows[i];
        count(replay, line, &part->counts, &part->newest_us);
        part->reported += line->is_reported && !line->is_skipped;
    }
    part->is_counted = true;
}
