/* Replaying: one reading for what has to be known beforehand (replay_history.h), one for the
 * decisions (replay_chunk.h has the table of contents).
 *
 * Not here yet: event-time order, starting from a generation instead of the first record,
 * thresholds computed on the way. */
#include "replay.h"

#include "core/base/check.h"
#include "monotonic.h"
#include "replay_internal.h"

#include <stdlib.h>
#include <unistd.h>

/* A record with the largest policy the loader takes, decoded. */
#define RECORD_BYTES_MAX (160u << 20)
#define THREADS_MAX      256

/* ---- what has to be known beforehand ---- */

static bool has_given_policy(const struct replay *replay) {
    return replay->options.policy || replay->options.snapshot;
}

/* Are the archive's policies needed? */
static bool needs_policies(const struct replay *replay) {
    return !has_given_policy(replay) && !replay->options.recorded;
}

static int load_policy(const char *folder, struct snapshot **ret_snapshot,
                       struct error *ret_error) {
    struct buffer messages; /* warnings and further faults: `harrier check` is for those */
    buffer_init(&messages);
    int r = snapshot_load_folder(folder, ret_snapshot, &messages, ret_error);
    buffer_deinit(&messages);
    return r < 0 ? error_prefix(ret_error, "the policy in %s", folder) : 0;
}

static int load_given_policies(struct replay *replay, struct error *ret_error) {
    const struct replay_options *options = &replay->options;
    struct snapshot *snapshot = NULL;
    int r = 0;
    if (options->snapshot)
        snapshot = snapshot_ref(options->snapshot);
    else if (options->policy)
        r = load_policy(options->policy, &snapshot, ret_error);
    if (snapshot)
        replay_history_decree(&replay->history, snapshot);
    if (r == 0 && options->against)
        r = load_policy(options->against, &replay->against_policy, ret_error);
    return r;
}

static int find_target(struct replay *replay, struct error *ret_error) {
    int r = archive_parts_open(replay->options.archive, &replay->parts, ret_error);
    if (r < 0)
        return r;
    struct archive_place until = replay->options.until;
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
                         " are not those of its sync mark",
                         replay->options.archive, until.position);
    replay->target = until;
    return r < 0 ? r : 0;
}

static int check_options(const struct replay_options *options, struct error *ret_error) {
    bool is_given = options->policy || options->snapshot;
    if (options->generations || options->clock != REPLAY_KNOWN_THEN || options->walk_forward)
        return error_set(ret_error, ERROR_UNSUPPORTED, "this kind of replay is not built yet");
    if ((options->against || options->counterfactual) && !is_given)
        return error_set(ret_error, ERROR_INVALID,
                         "a second policy, and verdicts that follow, need a policy to replay");
    return 0;
}

static size_t count_workers(const struct replay_options *options) {
    long online = options->threads ? (long)options->threads : sysconf(_SC_NPROCESSORS_ONLN);
    if (online < 1 || options->counterfactual)
        return 1;
    return online > THREADS_MAX ? THREADS_MAX : (size_t)online;
}

static int prepare(struct replay *replay, struct progress *progress, struct error *ret_error) {
    const struct replay_options *options = &replay->options;
    int r = find_target(replay, ret_error);
    if (r == 0)
        r = load_given_policies(replay, ret_error);
    if (r == 0 && (needs_policies(replay) || options->outcomes || options->shadows))
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
    arena_init(&replay->record, RECORD_BYTES_MAX);
    buffer_init(&replay->own_verdicts);
    replay_history_init(&replay->history, needs_policies(replay), options->outcomes);
    replay->history.with_shadows = options->shadows;
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
    replay_history_deinit(&replay->history);
    snapshot_unref(replay->against_policy);
    archive_parts_close(replay->parts);
    arena_deinit(&replay->record);
    free(replay);
}

/* ---- what is known of it ---- */

const struct replay_shadow *replay_shadow(const struct replay *replay, uint64_t snapshot_id) {
    return replay_history_shadow(&replay->history, snapshot_id);
}

const struct snapshot *replay_policy(const struct replay *replay) {
    return has_given_policy(replay) ? replay->history.policies[0].snapshot : NULL;
}

const struct snapshot *replay_against(const struct replay *replay) {
    return replay->against_policy;
}

const struct snapshot *replay_rules(const struct replay *replay, size_t index) {
    const struct replay_history *history = &replay->history;
    return index < history->policy_count ? history->policies[index].snapshot : NULL;
}

const struct snapshot *replay_last_policy(const struct replay *replay) {
    size_t count = replay->history.policy_count;
    return count > 0 ? replay->history.policies[count - 1].snapshot : NULL;
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

static void add_name(struct text *names, size_t *count, struct text name) {
    if (name.length == 0) /* what is not told */
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
    }
    *ret_count = count;
    return names;
}

/* ---- the run ---- */

int replay_run(struct replay *replay, const struct replay_listener *listener,
               struct progress *progress, struct replay_report *ret_report,
               struct error *ret_error) {
    double begin = monotonic_seconds();
    check(!replay->states); /* once */
    struct replay_telling telling = {.replay = replay, .progress = progress};
    replay->listener = listener;
    replay_begin(replay);
    replay->source = replay_source_archive(replay);
    int r = replay->options.counterfactual ? replay_run_sequence(&telling, ret_error)
                                           : replay_run_chunks(&telling, ret_error);
    replay->report.replay_seconds = monotonic_seconds() - begin;
    replay->report.foreign_versions = replay->history.foreign_versions;
    if (r == 0)
        *ret_report = replay->report;
    return r;
}
