/* The scores of the budgets' periods, and how new thresholds and cut-offs would have changed the
 * last day's verdicts.
 *
 * Scores do not depend on cut-offs, so one pass over the transactions is enough. Recorded scores
 * are used if all of the period's were given by this policy with thresholds equal to the new ones.
 * Otherwise the archive is replayed with both, from its first record: features need their history,
 * and a changed threshold may change any score. If an earlier night did that with the same policy
 * and values, its scores are known (score_recall.h), and the replay starts from the generation that
 * the rebuild continues from. It does so without a budget, too: then only the verdicts of the last
 * day are wanted, and those since that generation will do. */
#include "threshold_scores.h"

#include "batch/base/day.h"
#include "batch/base/monotonic.h"
#include "batch/replay/replay.h"
#include "batch/thresholds/threshold_cutoff.h"
#include "batch/thresholds/threshold_job.h"
#include "rebuild_job.h"
#include "score_recall.h"
#include "threshold_read.h"

#include "core/base/check.h"
#include "core/engine/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STATE_BYTES  1024 /* of memory in a replay, as a rule of thumb */
#define STATES_SHARE 4    /* of the memory, for a replay's states; chunks of rows take most of it */
/* Decisions that are made again for no other purpose than a preview: enough to see what a change
 * does, and a bound on what a night may cost. Each looks up states that nothing else of the night
 * reads: 50,000 were a third of what a night costs beside its fold. */
#define PREVIEW_MAX 20000u

#define CELLS ((size_t)VERDICT_COUNT * VERDICT_COUNT * THRESHOLD_SCORES)

/* Decisions of the last day by recorded verdict, verdict that the rules ask for, and score. With
 * these counts the effect of any cut-offs can be computed without another pass. */
struct flip_cell {
    uint64_t count;
    struct text ids[THRESHOLD_EXAMPLES];
    size_t id_count;
};

struct scoring {
    struct threshold_job *job;
    struct thresholds *thresholds; /* with the new values */
    struct score_counts *budgets;  /* parallel to the snapshot's */
    struct flip_cell *cells;       /* [verdict before][verdict of the rules][score] */
    uint64_t compared;
    int64_t longest_us; /* the longest period needed */
    /* While scores come from the records: the last row's generation, and whether its thresholds
     * equal the new ones. Another policy or other thresholds end the pass. */
    uint64_t generation_id;
    bool is_known_generation, is_same, is_other;
    struct score_recall *recall; /* NULL: scores are not kept */
    size_t preview_max;          /* 0: cut-offs are wanted, and so all scores */
};

static struct flip_cell *cell_of(const struct scoring *scoring, enum verdict before,
                                 enum verdict of_rules, uint32_t score) {
    return &scoring->cells[((size_t)before * VERDICT_COUNT + of_rules) * THRESHOLD_SCORES + score];
}

/* ---- counting ---- */

/* Counts a decision of the last day into its cell; the first ids of a cell are kept as examples. */
static void count_flip(struct scoring *scoring, const struct record *record, enum verdict of_rules,
                       uint32_t score) {
    struct flip_cell *cell =
        cell_of(scoring, record->transaction.decision.verdict, of_rules, score);
    cell->count++;
    scoring->compared++;
    if (cell->id_count < THRESHOLD_EXAMPLES) {
        struct text id =
            arena_text(&scoring->job->report->arena, record->transaction.transaction.id);
        check(id.data);
        cell->ids[cell->id_count++] = id;
    }
}

static void count_score(struct scoring *scoring, int64_t at_us, uint32_t score, enum label label) {
    threshold_count_score(scoring->job, at_us, score, label, scoring->budgets);
}

/* A decision about history that came late took nobody's time, and many read old states beyond the
 * policy's lateness: budgets and the comparison of the last day are about the others. */
static void count_row(struct scoring *scoring, const struct record *record, enum verdict of_rules,
                      uint32_t score, enum label label) {
    if (record->transaction.is_backfilled)
        return;
    int64_t at_us = record->transaction.transaction.event_time_us;
    count_score(scoring, at_us, score, label);
    if (threshold_in_period(scoring->job, at_us, DAY_US))
        count_flip(scoring, record, of_rules, score);
}

/* ---- from the records ---- */

static enum verdict verdict_of_failure(const struct snapshot *snapshot, struct text name) {
    for (size_t i = 0; i < snapshot->rule_count; i++)
        if (text_equal(snapshot->rules[i].name, name) && snapshot->rules[i].mode == RULE_LIVE)
            return verdict_on_error(snapshot->rules[i].on_error);
    return VERDICT_NONE;
}

/* What the rules that failed asked for: no more than was decided. Where records do not name all of
 * them, that is the best estimate. */
static enum verdict verdict_of_failures(const struct snapshot *snapshot,
                                        const struct decision *decision) {
    enum verdict verdict = VERDICT_APPROVE;
    bool is_unknown = decision->failed_rule_count < decision->rule_errors;
    if (is_unknown && snapshot->on_error != ON_ERROR_SKIP)
        return decision->verdict;
    for (size_t i = 0; i < decision->failed_rule_count; i++)
        verdict =
            verdict_more_severe(verdict, verdict_of_failure(snapshot, decision->failed_rules[i]));
    return verdict < decision->verdict ? verdict : decision->verdict;
}

/* The verdict that the rules asked for, without cut-offs. */
static enum verdict verdict_of_reasons(const struct snapshot *snapshot,
                                       const struct decision *decision) {
    enum verdict verdict = VERDICT_APPROVE;
    for (size_t i = 0; i < decision->reason_count; i++)
        if (!decision->reasons[i].shadow && !decision->reasons[i].suppressed)
            verdict = verdict_more_severe(verdict, decision->reasons[i].verdict);
    if (decision->rule_errors > 0)
        verdict = verdict_more_severe(verdict, verdict_of_failures(snapshot, decision));
    return verdict;
}

static int take_recorded(void *user, const struct replay_row *row, struct error *ret_error) {
    struct scoring *scoring = user;
    const struct decision *decision = &row->record->transaction.decision;
    if (!scoring->is_known_generation || scoring->generation_id != decision->generation_id) {
        scoring->is_known_generation = true;
        scoring->generation_id = decision->generation_id;
        scoring->is_same =
            threshold_same_scored(scoring->job->snapshot, row->thresholds, scoring->thresholds);
    }
    if (decision->snapshot_id != scoring->job->snapshot->id || !scoring->is_same) {
        scoring->is_other = true;
        return error_set(ret_error, ERROR_UNAVAILABLE, "the recorded scores are of another policy");
    }
    count_row(scoring, row->record, verdict_of_reasons(scoring->job->snapshot, decision),
              decision->score, row->outcome);
    return 0;
}

/* ---- from a replay ---- */

static int take_derived(void *user, const struct replay_row *row, struct error *ret_error) {
    struct scoring *scoring = user;
    if (scoring->preview_max > 0 && scoring->compared == scoring->preview_max) {
        scoring->job->report->is_preview_cut = true;
        return error_set(ret_error, ERROR_INTERRUPTED, "the preview is long enough");
    }
    if (!row->decision || row->record->transaction.is_backfilled)
        return 0;
    count_row(scoring, row->record, row->decision->verdict, row->decision->score, row->outcome);
    const struct recalled_score score = {
        .position = row->record->position,
        .event_time_us = row->record->transaction.transaction.event_time_us,
        .score = row->decision->score,
        .label = row->outcome,
        .is_other = row->record->transaction.decision.snapshot_id != scoring->job->snapshot->id};
    return scoring->recall ? score_recall_put(scoring->recall, &score, ret_error) : 0;
}

static void clear(struct scoring *scoring) {
    memset(scoring->budgets, 0, scoring->job->snapshot->budget_count * sizeof *scoring->budgets);
    memset(scoring->cells, 0, CELLS * sizeof *scoring->cells);
    scoring->compared = 0;
}

/* One pass over all scores, recorded or derived. */
static int run(struct scoring *scoring, bool recorded, struct error *ret_error) {
    struct threshold_job *job = scoring->job;
    const struct replay_listener listener = {.row = recorded ? take_recorded : take_derived,
                                             .user = scoring};
    struct replay_options options = {.recorded = recorded,
                                     .thresholds = scoring->thresholds,
                                     .ignore_cutoffs = true,
                                     .from_us = job->newest_us - scoring->longest_us + 1};
    for (size_t i = 0; i < job->snapshot->budget_count; i++)
        options.outcomes |= job->snapshot->budgets[i].kind == BUDGET_PRECISION;
    if (!recorded) {
        options.snapshot = job->rebuild->snapshot;
        options.state_bytes = job->rebuild->options->memory_bytes / STATES_SHARE;
    }
    bool is_only_new =
        job->snapshot->budget_count == 0 || score_recall_has_earlier(scoring->recall);
    if (!recorded && is_only_new && job->rebuild->before.id && !job->rebuild->starts_at_base) {
        options.generations = job->rebuild->options->generations;
        options.start = job->rebuild->before.place;
    }
    return threshold_replay(job, &options, &listener, ret_error);
}

static void take_recalled(void *user, const struct recalled_score *score) {
    count_score(user, score->event_time_us, score->score, score->label);
}

/* Scores of earlier nights, then those of a replay: of the new records, or of all. */
static int derive(struct scoring *scoring, struct error *ret_error) {
    struct threshold_job *job = scoring->job;
    double begin = monotonic_seconds();
    int r = 0;
    clear(scoring);
    if (score_recall_has_earlier(scoring->recall)) {
        r = score_recall_read(scoring->recall, take_recalled, scoring, ret_error);
        if (r == -ERROR_DAMAGED) { /* the archive has it all */
            clear(scoring);
            r = score_recall_restart(scoring->recall, ret_error);
        }
    }
    if (score_recall_has_earlier(scoring->recall))
        job->report->scores_from_position = job->rebuild->before.place.position;
    if (r == 0)
        r = run(scoring, false, ret_error);
    if (job->report->is_preview_cut)
        r = 0;
    if (r == 0 && scoring->recall)
        r = score_recall_keep(scoring->recall, ret_error);
    job->rebuild->keeps_scores = r == 0 && scoring->recall;
    job->report->replay_seconds += monotonic_seconds() - begin;
    return r;
}

static int open_recall(struct scoring *scoring, struct error *ret_error) {
    return score_recall_open(scoring->job, scoring->thresholds, scoring->longest_us,
                             &scoring->recall, ret_error);
}

static int count_scores(struct scoring *scoring, struct error *ret_error) {
    struct threshold_job *job = scoring->job;
    int r = open_recall(scoring, ret_error);
    if (r < 0)
        return r;
    /* Worth trying only if the newest decisions, made with the thresholds in force, qualify. */
    if (!score_recall_has_other(scoring->recall) &&
        threshold_same_scored(job->snapshot, job->in_force, scoring->thresholds)) {
        clear(scoring);
        r = run(scoring, true, ret_error);
        if (!scoring->is_other)
            return r;
    }
    job->report->is_rescored = true;
    return derive(scoring, ret_error);
}

/* Where tasks read the archive, verdicts that change are not looked for. */
static int count_elsewhere(struct scoring *scoring, const struct threshold_set *values,
                           struct error *ret_error) {
    struct threshold_job *job = scoring->job;
    struct rebuild_elsewhere *elsewhere = job->rebuild->options->elsewhere;
    double begin = monotonic_seconds();
    int r = 1;
    if (threshold_same_scored(job->snapshot, job->in_force, scoring->thresholds))
        r = elsewhere->scores(elsewhere, job, values, scoring->longest_us, true, scoring->budgets,
                              ret_error);
    if (r > 0) {
        clear(scoring);
        job->report->is_rescored = true;
        r = elsewhere->scores(elsewhere, job, values, scoring->longest_us, false, scoring->budgets,
                              ret_error);
        check(r <= 0);
    }
    job->report->replay_seconds += monotonic_seconds() - begin;
    return r;
}

/* ---- flips ---- */

static void add_flip(struct verdict_flip *flip, const struct flip_cell *cell) {
    flip->count += cell->count;
    for (size_t i = 0; i < cell->id_count && flip->id_count < THRESHOLD_EXAMPLES; i++)
        flip->ids[flip->id_count++] = cell->ids[i];
}

static void find_flips(const struct scoring *scoring, const uint32_t cutoffs[VERDICT_COUNT]) {
    struct threshold_report *report = scoring->job->report;
    struct verdict_flip flips[VERDICT_COUNT][VERDICT_COUNT] = {0};
    for (size_t i = 0; i < CELLS; i++) {
        enum verdict from = (enum verdict)(i / THRESHOLD_SCORES / VERDICT_COUNT);
        enum verdict of_rules = (enum verdict)(i / THRESHOLD_SCORES % VERDICT_COUNT);
        enum verdict of_score = verdict_of_score(cutoffs, (uint32_t)(i % THRESHOLD_SCORES));
        enum verdict to = verdict_more_severe(of_rules, of_score);
        if (scoring->cells[i].count > 0 && to != from)
            add_flip(&flips[from][to], &scoring->cells[i]);
    }
    struct verdict_flip *kept =
        arena_calloc(&report->arena, (size_t)VERDICT_COUNT * VERDICT_COUNT, sizeof *kept);
    check(kept);
    for (int from = 0; from < VERDICT_COUNT; from++)
        for (int to = 0; to < VERDICT_COUNT; to++) {
            if (flips[from][to].count == 0)
                continue;
            kept[report->flip_count] = flips[from][to];
            kept[report->flip_count].from = (enum verdict)from;
            kept[report->flip_count++].to = (enum verdict)to;
        }
    report->flips = kept;
    report->compared = scoring->compared;
}

/* ---- the whole ---- */

/* The longest period that scores are needed for; 0: none are needed. */
static int64_t longest_period(const struct snapshot *snapshot) {
    int64_t longest = snapshot->budget_count > 0 ? DAY_US : 0;
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        if (snapshot->thresholds[i].is_scored)
            longest = DAY_US;
    for (size_t i = 0; i < snapshot->budget_count; i++)
        if (longest < snapshot->budgets[i].over_us)
            longest = snapshot->budgets[i].over_us;
    return longest;
}

/* Only for the preview of changed verdicts, from the first record on, and with more states than
 * memory has room for, or without the archive: a replay with most states in files is not worth
 * that.
 */
static bool is_too_dear(const struct threshold_job *job) {
    const struct rebuild *rebuild = job->rebuild;
    return job->snapshot->budget_count == 0 && !rebuild->before.id &&
           (rebuild->options->elsewhere || generation_writer_states(rebuild->writer) >
                                               rebuild->options->memory_bytes / STATE_BYTES);
}

static void scoring_init(struct scoring *scoring, struct threshold_job *job,
                         const struct threshold_set *values) {
    *scoring = (struct scoring){.job = job, .longest_us = longest_period(job->snapshot)};
    scoring->budgets = check_calloc(job->snapshot->budget_count, sizeof *scoring->budgets);
    scoring->cells = check_calloc(CELLS, sizeof *scoring->cells);
    scoring->thresholds = thresholds_new(values);
    if (job->snapshot->budget_count == 0) {
        size_t wanted = job->rebuild->options->preview_max;
        scoring->preview_max = wanted > 0 ? wanted : PREVIEW_MAX;
    }
}

static void scoring_deinit(struct scoring *scoring) {
    score_recall_close(scoring->recall);
    thresholds_free(scoring->thresholds);
    free(scoring->budgets);
    free(scoring->cells);
}

int threshold_scores(struct threshold_job *job, const struct threshold_set *values,
                     struct arena *arena, const struct threshold_cutoff **ret_cutoffs,
                     size_t *ret_count, struct error *ret_error) {
    struct scoring scoring;
    if (longest_period(job->snapshot) == 0)
        return 0;
    job->report->is_unexamined = is_too_dear(job);
    if (job->report->is_unexamined)
        return 0;
    uint32_t all[VERDICT_COUNT];
    struct threshold_cutoff *cutoffs =
        arena_calloc(arena, job->snapshot->budget_count, sizeof *cutoffs);
    check(cutoffs);
    scoring_init(&scoring, job, values);
    int r = job->rebuild->options->elsewhere ? count_elsewhere(&scoring, values, ret_error)
                                             : count_scores(&scoring, ret_error);
    if (r == 0) {
        threshold_cutoffs(job, scoring.budgets, cutoffs, ret_count, all);
        find_flips(&scoring, all);
        *ret_cutoffs = cutoffs;
    }
    scoring_deinit(&scoring);
    return r;
}

int threshold_scores_continue(struct threshold_job *job, const struct threshold_set *values,
                              struct error *ret_error) {
    struct scoring scoring;
    if (job->snapshot->budget_count == 0)
        return 0;
    scoring_init(&scoring, job, values);
    int r = open_recall(&scoring, ret_error);
    if (r == 0 && score_recall_has_earlier(scoring.recall))
        r = derive(&scoring, ret_error);
    scoring_deinit(&scoring);
    return r;
}
