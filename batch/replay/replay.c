/* Opening and running a replay. Two passes over the archive: the first collects what must be known
 * beforehand (replay_history.h), the second decides (stages: replay_chunk.h). The second one runs
 * either as a parallel pipeline (replay_pipeline.c) or record by record where each decision
 * influences the next (replay_sequence.c). */
#include "replay.h"

#include "batch/base/machine.h"
#include "batch/base/monotonic.h"
#include "batch/base/policy_folder.h"
#include "batch/base/record_bytes.h"
#include "core/base/check.h"
#include "core/store/generation/generation_base.h"
#include "replay_barrier.h"
#include "replay_emit.h"
#include "replay_job.h"
#include "replay_order.h"
#include "replay_pipeline.h"
#include "replay_read.h"
#include "replay_scan.h"
#include "replay_sequence.h"
#include "replay_start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 256

/* ---- opening: options, policies, the first pass ---- */

/* Are the archive's own policies needed? Not where one is given, or where nothing is derived. */
static bool needs_policies(const struct replay *replay) {
    return !replay_has_given_policy(replay) && !replay->options.recorded;
}

static int load_given_policies(struct replay *replay, struct error *ret_error) {
    const struct replay_options *options = &replay->options;
    struct snapshot *snapshot = NULL;
    int r = 0;
    if (options->snapshot)
        snapshot = snapshot_ref(options->snapshot);
    else if (options->policy)
        r = policy_folder_load(options->policy, &snapshot, ret_error);
    if (snapshot)
        replay_history_use_policy(&replay->history, snapshot);
    if (r == 0 && options->against)
        r = policy_folder_load(options->against, &replay->against_policy, ret_error);
    return r;
}

/* After a prune the first part has what was in force at the beginning, and the states come from
 * tables. */
static int find_base(struct replay *replay, struct error *ret_error) {
    const struct archive_begin *begin = archive_parts_begin(replay->parts);
    uint64_t until = replay->options.until.position;
    replay->report.begin = begin->place;
    replay->report.begin_us = begin->time_us;
    replay->history.begin = begin->place.position;
    if (begin->place.position == 0)
        return 0;
    if (until > 0 && until < begin->place.position)
        return archive_begin_refuse(begin, until, ret_error);
    if (replay->options.recorded)
        return 0;
    for (size_t i = 0; i < begin->base_count; i++) {
        int r = generation_open_base_of(replay->options.archive, begin, begin->bases[i].plan_id,
                                        false, &replay->bases[i], ret_error);
        if (r < 0)
            return r;
        replay->base_count++;
    }
    return 0;
}

static int find_target(struct replay *replay, struct error *ret_error) {
    int r = archive_parts_open(replay->options.archive, &replay->parts, ret_error);
    if (r < 0)
        return r;
    struct archive_place until = replay->options.until;
    r = find_base(replay, ret_error);
    if (r < 0)
        return r;
    replay->target = archive_parts_end(replay->parts);
    if (replay->target.position == 0)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s has no synced record yet: there is nothing to replay",
                         replay->options.archive);
    if (until.position == 0 || until.position > replay->target.position)
        return 0;
    r = archive_parts_holds(replay->parts, until, ret_error);
    if (r == 0)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: the records up to position %" PRIu64
                         " do not match the recorded chain hash",
                         replay->options.archive, until.position);
    replay->target = until;
    return r < 0 ? r : 0;
}

static int check_options(const struct replay_options *options, struct error *ret_error) {
    bool is_given = options->policy || options->snapshot;
    bool is_now = options->clock == REPLAY_KNOWN_NOW;
    check(options->state_bytes == 0 || (is_given && !options->counterfactual));
    if (!is_given && (options->against || options->counterfactual || options->generations ||
                      options->walk_forward || is_now))
        return error_set(
            ret_error, ERROR_INVALID,
            "a second policy, counterfactual verdicts, starting from tables, walk-forward "
            "thresholds and the order of event times need a given policy");
    if (is_now && (options->counterfactual || options->generations))
        return error_set(ret_error, ERROR_INVALID,
                         "counterfactual verdicts and starting from tables need the order of "
                         "arrival, not that of event times");
    if (is_now && options->outcomes_until_us != 0)
        return error_set(ret_error, ERROR_INVALID,
                         "the order of event times has all outcomes, not those until some time");
    if (options->walk_forward && options->thresholds)
        return error_set(ret_error, ERROR_INVALID,
                         "thresholds are either given or computed walk-forward, not both");
    if (options->generations && options->from_us == 0)
        return error_set(ret_error, ERROR_INVALID,
                         "starting from tables needs a start of the reported range");
    return 0;
}

static size_t count_workers(const struct replay_options *options) {
    size_t threads = options->threads ? options->threads : machine_processors();
    if (options->counterfactual)
        return 1;
    return threads > THREADS_MAX ? THREADS_MAX : threads;
}

/* What event-time order needs from the first pass: final outcomes, final lists, and the least event
 * time of each segment (the low watermarks of replay_order.c). */
static void expect_order(struct replay *replay) {
    size_t parts = archive_parts_count(replay->parts);
    replay->history.with_labels = true;
    replay->last_lists = list_table_new();
    replay->least_us = check_calloc(parts, sizeof *replay->least_us);
    for (size_t i = 0; i < parts; i++)
        replay->least_us[i] = INT64_MAX;
}

static int prepare(struct replay *replay, struct progress *progress, struct error *ret_error) {
    const struct replay_options *options = &replay->options;
    int r = find_target(replay, ret_error);
    if (r == 0)
        r = load_given_policies(replay, ret_error);
    if (r == 0 && options->generations)
        r = replay_find_start(replay, ret_error);
    if (r == 0 && options->clock == REPLAY_KNOWN_NOW)
        expect_order(replay);
    if (r == 0 && (needs_policies(replay) || replay->history.with_labels || options->shadows))
        r = replay_scan(replay, progress, ret_error);
    if (r == 0)
        r = replay_history_finish(&replay->history, ret_error);
    return r;
}

int replay_open(const struct replay_options *options, struct progress *progress,
                struct replay **ret_replay, struct error *ret_error) {
    int r = check_options(options, ret_error);
    if (r < 0)
        return r;
    struct replay *replay = check_calloc(1, sizeof *replay);
    double begin = monotonic_seconds();
    replay->options = *options;
    replay->workers = count_workers(options);
    replay->memory_bytes = options->memory_bytes ? options->memory_bytes : machine_memory_quarter();
    arena_init(&replay->record, RECORD_BYTES_MAX);
    buffer_init(&replay->own_verdicts);
    replay_history_init(&replay->history, needs_policies(replay), options->outcomes);
    replay->history.with_shadows = options->shadows;
    replay->history.labels_until_us = options->outcomes_until_us;
    r = prepare(replay, progress, ret_error);
    if (r < 0) {
        replay_close(replay);
        return r;
    }
    replay->report.scan_seconds = monotonic_seconds() - begin;
    *ret_replay = replay;
    return 0;
}

void replay_close(struct replay *replay) {
    if (!replay)
        return;
    replay_end(replay);
    if (replay->tables)
        generation_close(replay->tables);
    for (size_t i = 0; i < replay->base_count; i++)
        generation_close(replay->bases[i]);
    replay_history_deinit(&replay->history);
    snapshot_unref(replay->against_policy);
    archive_parts_close(replay->parts);
    arena_deinit(&replay->record);
    free(replay);
}

/* ---- queries ---- */

const struct replay_shadow *replay_shadow(const struct replay *replay, uint64_t snapshot_id) {
    return replay_history_shadow(&replay->history, snapshot_id);
}

uint32_t replay_other_definition(const struct replay *replay, uint64_t position) {
    const struct replay_definition *found = replay_history_definition(&replay->history, position);
    uint32_t definition = found ? found->definition : 1;
    return definition == ENGINE_DEFINITION ? 0 : definition;
}

const struct replay_definition *replay_next_definition(const struct replay *replay, size_t *index) {
    const struct replay_history *history = &replay->history;
    for (; *index < history->definition_count; ++*index)
        if (history->definitions[*index].definition != ENGINE_DEFINITION)
            return &history->definitions[(*index)++];
    return NULL;
}

const struct snapshot *replay_policy(const struct replay *replay) {
    return replay_has_given_policy(replay) ? replay->history.policies[0].snapshot : NULL;
}

const struct snapshot *replay_against(const struct replay *replay) {
    return replay->against_policy;
}

const struct snapshot *replay_rules(const struct replay *replay, size_t index) {
    const struct replay_history *history = &replay->history;
    return index < history->policy_count ? history->policies[index].snapshot : NULL;
}

const struct snapshot *replay_last_policy(const struct replay *replay) {
    return replay_job_last_policy(replay);
}

bool replay_span(const struct replay *replay, int64_t *ret_first_us, int64_t *ret_newest_us) {
    const struct replay_history *history = &replay->history;
    if (!history->has_transactions)
        return false;
    *ret_first_us = history->first_us;
    *ret_newest_us = history->newest_us;
    return true;
}

size_t replay_workers(const struct replay *replay) {
    return replay->workers;
}

struct archive_place replay_until(const struct replay *replay) {
    return replay->target;
}

struct archive_place replay_start(const struct replay *replay) {
    return replay->start;
}

struct archive_place replay_beginning(const struct replay *replay) {
    return replay->report.begin;
}

static void add_name(struct text *names, size_t *count, struct text name) {
    if (name.length == 0) /* an intermediate value, which has no name */
        return;
    for (size_t i = 0; i < *count; i++)
        if (text_equal(names[i], name))
            return;
    names[(*count)++] = name;
}

const struct text *replay_feature_names(const struct replay *replay, size_t *ret_count) {
    const struct replay_history *history = &replay->history;
    size_t most = 0, count = 0;
    for (size_t i = 0; i < history->policy_count; i++)
        most += history->policies[i].snapshot->slot_count;
    struct text *names = check_calloc(most, sizeof *names);
    for (size_t i = 0; i < history->policy_count; i++) {
        const struct snapshot *snapshot = history->policies[i].snapshot;
        for (size_t j = 0; j < snapshot->feature_count; j++)
            add_name(names, &count, snapshot->slot_names[snapshot->first_feature + j]);
        for (size_t j = 0; j < snapshot->computed_count; j++)
            add_name(names, &count, snapshot->slot_names[snapshot->computed[j].slot]);
        for (size_t j = 0; j < snapshot->model_slot_count; j++)
            add_name(names, &count, snapshot->slot_names[snapshot->first_model + j]);
    }
    *ret_count = count;
    return names;
}

/* ---- the run ---- */

/* Takes over the counts of reported rows and the times. Everything else (records, outcomes,
 * adoptions) is counted again, since those records are read again. */
void replay_resume(struct replay *replay, const struct replay_report *interrupted) {
    struct replay_report *report = &replay->report;
    check(!replay->states);
    replay->resumed = interrupted->records;
    report->transactions = interrupted->transactions;
    report->refused = interrupted->refused;
    report->against_refused = interrupted->against_refused;
    for (size_t i = 0; i < VERDICT_COUNT; i++) {
        report->verdicts[i] = interrupted->verdicts[i];
        report->archived_verdicts[i] = interrupted->archived_verdicts[i];
        report->against_verdicts[i] = interrupted->against_verdicts[i];
    }
    report->first_us = interrupted->first_us;
    report->last_us = interrupted->last_us;
    report->scan_seconds += interrupted->scan_seconds;
    report->replay_seconds = interrupted->replay_seconds;
}

int replay_run(struct replay *replay, const struct replay_listener *listener,
               struct progress *progress, struct replay_report *ret_report,
               struct error *ret_error) {
    double begin = monotonic_seconds();
    check(!replay->states); /* once */
    struct replay_output output = {.replay = replay, .progress = progress};
    replay->listener = listener;
    int r = replay_begin(replay, ret_error);
    replay->source =
        replay->least_us ? replay_source_in_order(replay) : replay_source_archive(replay);
    if (r == 0)
        r = replay->options.counterfactual ? replay_run_sequence(&output, ret_error)
                                           : replay_run_chunks(&output, ret_error);
    replay->report.replay_seconds += monotonic_seconds() - begin;
    replay->report.foreign_versions = replay->history.foreign_versions;
    if (r < 0)
        return r;
    *ret_report = replay->report;
    if (!output.is_at_end)
        return error_set(ret_error, ERROR_INTERRUPTED, "the replay was interrupted");
    return 0;
}
