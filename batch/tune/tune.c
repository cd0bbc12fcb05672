#include "tune.h"

#include "batch/base/day.h"
#include "batch/base/machine.h"
#include "core/base/check.h"
#include "tune_candidates.h"
#include "tune_profiles.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

struct tune {
    struct tune_options options;
    struct snapshot *snapshot;
    struct tunables *tunables;
    struct tune_problem problem;
    struct tune_found found;
    struct report_amount amount;
    struct tune_range train; /* as far as the archive has transactions */
    uint64_t different;
    bool adopted[VERDICT_COUNT];
    struct replay *replay; /* of the later range; the report refers to its policies */
    struct report *report;
    struct tune_figures *curve;
};

/* ---- the training range ---- */

struct learning {
    struct tune *tune;
    struct tune_reader *readers; /* by worker */
    size_t workers;
    atomic_uint_fast64_t bytes;
    uint64_t bytes_max;
};

static int learn_row(void *user, size_t worker, const struct replay_row *row,
                     struct buffer *prepared, struct error *ret_error) {
    struct learning *learning = user;
    struct tune_reader *reader = &learning->readers[worker];
    (void)prepared;
    if (!row->decision) /* refused: no policy with other numbers would take it */
        return 0;
    uint64_t bytes = atomic_fetch_add(&learning->bytes, reader->row_size) + reader->row_size;
    if (bytes > learning->bytes_max)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "the training range needs more than %" PRIu64
                         " MiB (%zu bytes for each transaction): give more memory, a shorter range "
                         "or fewer rules",
                         learning->bytes_max >> 20, reader->row_size);
    tune_reader_add(reader, row);
    return 0;
}

/* As far as the archive has transactions: a range that goes beyond would have too many days. */
static struct tune_range clipped(const struct replay *replay, struct tune_range range) {
    int64_t first_us, newest_us;
    if (!replay_span(replay, &first_us, &newest_us) || newest_us < range.from_us ||
        first_us >= range.until_us)
        return range;
    if (range.from_us < first_us)
        range.from_us = first_us;
    if (range.until_us > newest_us)
        range.until_us = newest_us + 1;
    return range;
}

static double days_of(const struct tune_range *range) {
    return (double)(range->until_us - range->from_us) / (double)DAY_US;
}

/* The later part of the range is to be foreseen from the earlier one, as the test range is. */
static int64_t check_from(const struct tune_range *train) {
    return train->from_us + (train->until_us - train->from_us) / 3 * 2;
}

/* A search needs frauds in both parts. */
static int check_frauds(const struct tune *tune, struct error *ret_error) {
    uint64_t positive[TUNE_PARTS] = {0}, rows = 0;
    for (size_t p = 0; p < tune->problem.profile_count; p++)
        for (size_t part = 0; part < TUNE_PARTS; part++) {
            rows += tune->problem.weights[p][part].rows;
            positive[part] += tune->problem.weights[p][part].positive;
        }
    if (rows == 0)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the training range has no transactions that the policy decides");
    for (size_t part = 0; part < TUNE_PARTS; part++)
        if (positive[part] == 0)
            return error_set(ret_error, ERROR_NOT_FOUND,
                             "the %s of the training range has no transaction that was known to be "
                             "fraud when the test range begins: there is nothing to learn from",
                             part == TUNE_FIT ? "first two thirds" : "last third");
    return 0;
}

static void free_readers(struct learning *learning) {
    for (size_t i = 0; i < learning->workers; i++)
        tune_reader_deinit(&learning->readers[i]);
    free(learning->readers);
    learning->readers = NULL;
    learning->workers = 0;
}

static int search(struct learning *learning, struct progress *progress, struct error *ret_error) {
    struct tune *tune = learning->tune;
    const struct tune_range *train = &tune->train;
    bool cutoffs[VERDICT_COUNT];
    for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        for (size_t i = 0; i < learning->workers; i++)
            tune->adopted[verdict] |= learning->readers[i].adopted[verdict];
        cutoffs[verdict] = !tune->adopted[verdict];
    }
    tune_candidates_choose(&tune->problem, learning->readers, learning->workers,
                           tune->options.kinds, cutoffs);
    tune_profiles_make(&tune->problem, learning->readers, learning->workers, check_from(train),
                       &tune->different);
    free_readers(learning); /* profiles are all that the search needs */
    int r = check_frauds(tune, ret_error);
    if (r < 0)
        return r;
    double fit = days_of(&(struct tune_range){train->from_us, check_from(train)});
    const struct tune_search_options options = {
        .aim = tune->options.aim,
        .days = {[TUNE_FIT] = fit, [TUNE_CHECK] = days_of(train) - fit},
        .least_gain = -1,
        .threads = tune->options.threads ? tune->options.threads : machine_processors()};
    return tune_search(&tune->problem, &options, progress, &tune->found, ret_error);
}

static int replay_train(struct learning *learning, struct progress *progress,
                        struct error *ret_error) {
    struct tune *tune = learning->tune;
    const struct tune_options *options = &tune->options;
    const struct replay_options replay_options = {.archive = options->archive,
                                                  .snapshot = tune->snapshot,
                                                  .ignore_brakes = true,
                                                  .threads = options->threads,
                                                  .from_us = options->train.from_us,
                                                  .to_us = options->train.until_us,
                                                  .outcomes = true,
                                                  .outcomes_until_us = options->test.from_us};
    const struct replay_listener listener = {.take = learn_row, .user = learning};
    struct replay_report report;
    struct replay *replay;
    int r = replay_open(&replay_options, progress, &replay, ret_error);
    if (r < 0)
        return r;
    int64_t immature_from_us = options->outcomes_after_us < 0
                                   ? INT64_MAX
                                   : options->test.from_us - options->outcomes_after_us;
    tune->train = clipped(replay, options->train);
    learning->workers = replay_workers(replay);
    learning->readers = check_calloc(learning->workers, sizeof *learning->readers);
    for (size_t i = 0; i < learning->workers; i++)
        tune_reader_init(&learning->readers[i], &tune->problem, tune->tunables, tune->amount,
                         immature_from_us);
    r = replay_run(replay, &listener, progress, &report, ret_error);
    replay_close(replay);
    return r;
}

int tune_learn(const struct tune_options *options, struct progress *progress,
               struct tune **ret_tune, struct error *ret_error) {
    struct tune *tune = check_calloc(1, sizeof *tune);
    *tune = (struct tune){.options = *options, .snapshot = snapshot_ref(options->snapshot)};
    tune->amount = report_amount_of(tune->snapshot, tune->snapshot->schema.base_currency);
    struct learning learning = {.tune = tune,
                                .bytes_max = options->memory_bytes ? options->memory_bytes
                                                                   : machine_memory_quarter()};
    int r = tunables_new(tune->snapshot, &tune->tunables, ret_error);
    if (r == 0) {
        tune_problem_init(&tune->problem, tune->tunables, options->rules, options->rule_count);
        r = replay_train(&learning, progress, ret_error);
    }
    if (r == 0)
        r = search(&learning, progress, ret_error);
    free_readers(&learning);
    if (r < 0)
        tune_free(tune);
    else
        *ret_tune = tune;
    return r;
}

void tune_free(struct tune *tune) {
    if (!tune)
        return;
    report_free(tune->report);
    replay_close(tune->replay);
    free(tune->curve);
    tune_found_deinit(&tune->found);
    tune_problem_deinit(&tune->problem);
    tunables_free(tune->tunables);
    snapshot_unref(tune->snapshot);
    free(tune);
}

const struct tune_problem *tune_problem_of(const struct tune *tune) {
    return &tune->problem;
}
const struct tunables *tune_tunables(const struct tune *tune) {
    return tune->tunables;
}
const struct tune_found *tune_result(const struct tune *tune) {
    return &tune->found;
}
uint64_t tune_train_different(const struct tune *tune) {
    return tune->different;
}
bool tune_cutoff_is_adopted(const struct tune *tune, enum verdict verdict) {
    return tune->adopted[verdict];
}

/* ---- the later range ---- */

/* One worker's. The figures are of the curve's points; only the first part is used. */
struct foresight {
    struct tune_reader reader;
    struct tune_row *row;
    uint16_t *codes;
    uint64_t *live, *scratch;
    struct tune_figures *curve;
    uint64_t different_tuned, different_present;
};

struct confirming {
    struct tune *tune;
    const struct tune_listener *listener;
    struct foresight *foresights; /* by worker */
    size_t workers;
};

static void foresight_init(struct foresight *foresight, const struct tune *tune,
                           int64_t immature_from_us) {
    const struct tune_problem *problem = &tune->problem;
    tune_reader_init(&foresight->reader, problem, tune->tunables, tune->amount, immature_from_us);
    foresight->row = check_calloc(1, foresight->reader.row_size);
    foresight->codes = check_calloc(problem->column_count + 1, sizeof *foresight->codes);
    foresight->live = check_calloc(problem->words + 1, sizeof *foresight->live);
    foresight->scratch = check_calloc(2 * problem->words + 1, sizeof *foresight->scratch);
    foresight->curve = check_calloc(tune->found.curve_count + 1, sizeof *foresight->curve);
}

static void foresight_deinit(struct foresight *foresight) {
    tune_reader_deinit(&foresight->reader);
    free(foresight->row);
    free(foresight->codes);
    free(foresight->live);
    free(foresight->scratch);
    free(foresight->curve);
}

static struct tune_decision foresee(const struct tune_problem *problem, struct foresight *foresight,
                                    const uint16_t *setting) {
    return tune_decide_codes(problem, foresight->reader.base, foresight->codes, foresight->live,
                             setting, foresight->scratch);
}

static bool is_as(struct tune_decision foreseen, const struct decision *decision) {
    return foreseen.verdict == decision->verdict && foreseen.score == decision->score;
}

static void count_point(struct tune_figures *figures, const struct tune_row *row,
                        enum verdict verdict) {
    if (!report_is_alert(verdict))
        return;
    bool counts = report_class_counts((enum report_class)row->class);
    bool positive = row->class == REPORT_POSITIVE;
    figures->alerts++;
    figures->caught += positive;
    figures->false_alerts += counts && !positive;
    figures->declined_wrongly += counts && !positive && verdict == VERDICT_DECLINE;
    figures->caught_amount += positive ? row->amount_minor : 0;
}

static void foresee_row(const struct confirming *confirming, size_t worker,
                        const struct replay_row *row) {
    const struct tune_problem *problem = &confirming->tune->problem;
    const struct tune_found *found = &confirming->tune->found;
    struct foresight *foresight = &confirming->foresights[worker];
    tune_reader_read(&foresight->reader, row, foresight->row);
    tune_row_code(problem, foresight->row, foresight->codes, foresight->live);
    foresight->different_tuned +=
        !is_as(foresee(problem, foresight, found->best.setting), row->decision);
    foresight->different_present +=
        !is_as(foresee(problem, foresight, found->present.setting), row->against);
    for (size_t i = 0; i < found->curve_count; i++)
        count_point(&foresight->curve[i], foresight->row,
                    foresee(problem, foresight, found->curve[i].setting).verdict);
}

static int confirm_row(void *user, size_t worker, const struct replay_row *row,
                       struct buffer *prepared, struct error *ret_error) {
    const struct confirming *confirming = user;
    int r = report_take(confirming->tune->report, worker, row, prepared, ret_error);
    if (r < 0 || !row->decision || !row->against)
        return r;
    foresee_row(confirming, worker, row);
    if (row->decision->verdict == row->against->verdict)
        return 0;
    return confirming->listener->take(confirming->listener->user, row, prepared, ret_error);
}

static int emit_row(void *user, const struct replay_row *row, struct error *ret_error) {
    const struct confirming *confirming = user;
    struct cursor cursor = cursor_of(row->prepared.data, row->prepared.length);
    report_row(confirming->tune->report, row, cursor_text(&cursor, REPORT_MARK_BYTES));
    size_t left = cursor_left(&cursor);
    return left == 0 ? 0
                     : confirming->listener->row(confirming->listener->user,
                                                 cursor_text(&cursor, left), ret_error);
}

/* Adds up what the workers have. */
static void collect(struct confirming *confirming, struct tune_confirmed *confirmed) {
    struct tune *tune = confirming->tune;
    tune->curve = check_calloc(tune->found.curve_count + 1, sizeof *tune->curve);
    for (size_t w = 0; w < confirming->workers; w++) {
        struct foresight *foresight = &confirming->foresights[w];
        confirmed->different_tuned += foresight->different_tuned;
        confirmed->different_present += foresight->different_present;
        for (size_t i = 0; i < tune->found.curve_count; i++)
            tune->curve[i] = tune_figures_sum(
                (struct tune_figures[TUNE_PARTS]){tune->curve[i], foresight->curve[i]});
    }
    confirmed->curve = tune->curve;
}

static int run_confirmation(struct confirming *confirming, struct progress *progress,
                            struct tune_confirmed *confirmed, struct error *ret_error) {
    struct tune *tune = confirming->tune;
    struct replay *replay = tune->replay;
    const struct replay_listener listener = {
        .take = confirm_row, .row = emit_row, .user = confirming};
    struct report_options report_options = {.k = 100,
                                            .blocked_after_days = REPORT_NEVER_BLOCKED,
                                            .history_until_us = INT64_MIN,
                                            .immature_from_us = INT64_MAX};
    struct replay_report report;
    int64_t first_us;
    replay_span(replay, &first_us, &confirmed->archive_newest_us);
    struct tune_range test = clipped(replay, tune->options.test);
    confirmed->days = days_of(&test);
    if (tune->options.outcomes_after_us >= 0)
        report_options.immature_from_us =
            confirmed->archive_newest_us - tune->options.outcomes_after_us;
    tune->report = report_new(&report_options, replay);
    confirming->workers = replay_workers(replay);
    confirming->foresights = check_calloc(confirming->workers, sizeof *confirming->foresights);
    for (size_t i = 0; i < confirming->workers; i++)
        foresight_init(&confirming->foresights[i], tune, report_options.immature_from_us);
    int r = replay_run(replay, &listener, progress, &report, ret_error);
    if (r == 0) {
        collect(confirming, confirmed);
        confirmed->figures = report_finish(tune->report);
    }
    for (size_t i = 0; i < confirming->workers; i++)
        foresight_deinit(&confirming->foresights[i]);
    free(confirming->foresights);
    return r;
}

int tune_confirm(struct tune *tune, struct snapshot *tuned, const struct tune_listener *listener,
                 struct progress *progress, struct tune_confirmed *ret_confirmed,
                 struct error *ret_error) {
    const struct tune_options *options = &tune->options;
    const struct replay_options replay_options = {.archive = options->archive,
                                                  .snapshot = tuned,
                                                  .against = options->policy,
                                                  .ignore_brakes = true,
                                                  .threads = options->threads,
                                                  .from_us = options->test.from_us,
                                                  .to_us = options->test.until_us,
                                                  .outcomes = true,
                                                  .texts = true};
    struct confirming confirming = {.tune = tune, .listener = listener};
    struct tune_confirmed confirmed = {.figures = NULL};
    check(!tune->replay);
    int r = replay_open(&replay_options, progress, &tune->replay, ret_error);
    if (r < 0)
        return r;
    if (replay_against(tune->replay)->id != tune->snapshot->id)
        r = error_set(ret_error, ERROR_INVALID, "the policy in %s has changed meanwhile: run again",
                      options->policy);
    else
        r = run_confirmation(&confirming, progress, &confirmed, ret_error);
    if (r == 0)
        *ret_confirmed = confirmed;
    return r;
}
