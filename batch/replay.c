/* Replaying: one reading for what has to be known beforehand (replay_history.h), one for the
 * decisions. replay_run() at the end of this file is the table of contents.
 *
 * Not here: threads, event-time order, other verdicts than the recorded ones feeding back, starting
 * from a generation instead of the first record. */
#include "replay.h"

#include "core/base/check.h"
#include "core/store/archive.h"
#include "monotonic.h"
#include "replay_history.h"
#include "replay_states.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A record with the largest policy the loader takes, decoded. */
#define RECORD_BYTES_MAX   (160u << 20)
#define DECISION_BYTES_MAX (64u << 20)
#define PROGRESS_STEP      4096 /* records between two calls of the progress */

struct replay {
    struct replay_options options;
    struct archive_reader *reader;
    struct archive_place target; /* the last sync mark when the replay was opened */
    struct arena record, decision;
    struct replay_history history;

    /* While it runs. */
    const struct replay_listener *listener;
    struct thresholds *thresholds; /* of the generation adopted last; NULL: none */
    struct list_table *lists;      /* as the records so far have them */
    struct engine *engine;         /* policy in force on the stretch's plan; NULL: none yet */
    uint64_t *shadows;             /* ids of the engine's shadow policies */
    size_t shadow_count;
    size_t policy;                 /* in history.policies: the one in force */
    size_t stretch;                /* in history.stretches: the current one */
    struct replay_states **states; /* of each stretch; NULL: not begun, or over */
    size_t *active;                /* stretches that have states */
    size_t active_count;
    uint64_t next_place; /* where the next stretch's tables were built; UINT64_MAX: nowhere */
    int64_t newest_event_time_us;
    struct replay_report report;
};

/* ---- reading ---- */

static int open_reader(struct replay *replay, struct error *ret_error) {
    archive_reader_close(replay->reader);
    replay->reader = NULL;
    return archive_reader_open(replay->options.archive, (struct archive_place){0}, &replay->reader,
                               ret_error);
}

/* Reads on behind the target. The last sync mark is the last one before any damage: if that is why
 * it is the last, nobody must take what comes before it for the whole archive. */
static int check_rest(struct replay *replay, struct error *ret_error) {
    struct record record;
    int r;
    do {
        arena_reset(&replay->record);
        r = archive_reader_next(replay->reader, &replay->record, &record, ret_error);
    } while (r > 0);
    return r;
}

static int check_end(struct replay *replay, struct error *ret_error) {
    if (archive_reader_place(replay->reader).chain != replay->target.chain)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: the records up to position %" PRIu64
                         " are not those of its sync mark",
                         replay->options.archive, replay->target.position);
    return check_rest(replay, ret_error);
}

/* Calls step for each record up to the target. */
static int for_each_record(struct replay *replay, struct progress *progress, const char *stage,
                           int (*step)(struct replay *, const struct record *, struct error *),
                           struct error *ret_error) {
    int r = open_reader(replay, ret_error);
    if (r < 0)
        return r;
    for (uint64_t position = 0; position < replay->target.position;) {
        struct record record;
        arena_reset(&replay->record);
        r = archive_reader_next(replay->reader, &replay->record, &record, ret_error);
        if (r == 0)
            return error_set(ret_error, ERROR_DAMAGED,
                             "%s ends at position %" PRIu64 ", before its sync mark at %" PRIu64,
                             replay->options.archive, position, replay->target.position);
        if (r > 0)
            r = step(replay, &record, ret_error);
        if (r < 0)
            return r;
        position = record.position;
        if (position % PROGRESS_STEP == 0 &&
            progress_update(progress, stage, position, replay->target.position) != 0)
            return error_set(ret_error, ERROR_INTERRUPTED, "the replay was interrupted");
    }
    return check_end(replay, ret_error);
}

/* ---- what has to be known beforehand ---- */

static bool has_given_policy(const struct replay *replay) {
    return replay->options.policy || replay->options.snapshot;
}

/* Are the archive's policies needed? */
static bool needs_policies(const struct replay *replay) {
    return !has_given_policy(replay) && !replay->options.recorded;
}

static int load_given_policy(struct replay *replay, struct error *ret_error) {
    if (replay->options.snapshot) {
        replay_history_decree(&replay->history, snapshot_ref(replay->options.snapshot));
        return 0;
    }
    struct buffer messages; /* warnings and further faults: `harrier check` is for those */
    struct snapshot *snapshot = NULL;
    buffer_init(&messages);
    int r = snapshot_load_folder(replay->options.policy, &snapshot, &messages, ret_error);
    buffer_deinit(&messages);
    if (r < 0)
        return error_prefix(ret_error, "the policy in %s", replay->options.policy);
    replay_history_decree(&replay->history, snapshot);
    return 0;
}

static int scan_record(struct replay *replay, const struct record *record,
                       struct error *ret_error) {
    return replay_history_add(&replay->history, record, ret_error);
}

static int find_target(struct replay *replay, struct error *ret_error) {
    int r = open_reader(replay, ret_error);
    if (r < 0)
        return r;
    r = archive_reader_synced(replay->reader, &replay->target, ret_error);
    if (r < 0)
        return r;
    if (replay->options.until.position > 0 &&
        replay->options.until.position <= replay->target.position)
        replay->target = replay->options.until;
    if (replay->target.position > 0)
        return 0;
    r = check_rest(replay, ret_error);
    if (r < 0)
        return r;
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "%s has no synced record yet: there is nothing to replay",
                     replay->options.archive);
}

static int scan(struct replay *replay, struct progress *progress, struct error *ret_error) {
    int r = find_target(replay, ret_error);
    if (r == 0 && has_given_policy(replay))
        r = load_given_policy(replay, ret_error);
    bool needs_scan = needs_policies(replay) || replay->options.outcomes || replay->options.shadows;
    if (r == 0 && needs_scan)
        r = for_each_record(replay, progress, "scan", scan_record, ret_error);
    if (r == 0)
        r = replay_history_finish(&replay->history, ret_error);
    return r;
}

int replay_open(const struct replay_options *options, struct progress *progress,
                struct replay **ret_replay, struct error *ret_error) {
    struct replay *replay = check_calloc(1, sizeof *replay);
    double begin = monotonic_seconds();
    replay->options = *options;
    arena_init(&replay->record, RECORD_BYTES_MAX);
    arena_init(&replay->decision, DECISION_BYTES_MAX);
    replay_history_init(&replay->history, needs_policies(replay), options->outcomes);
    replay->history.with_shadows = options->shadows;
    int r = scan(replay, progress, ret_error);
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
    for (size_t i = 0; i < replay->history.stretch_count && replay->states; i++)
        replay_states_free(replay->states[i]);
    free(replay->states);
    free(replay->active);
    engine_free(replay->engine);
    free(replay->shadows);
    thresholds_free(replay->thresholds);
    list_table_free(replay->lists);
    replay_history_deinit(&replay->history);
    archive_reader_close(replay->reader);
    arena_deinit(&replay->record);
    arena_deinit(&replay->decision);
    free(replay);
}

const struct replay_shadow *replay_shadow(const struct replay *replay, uint64_t snapshot_id) {
    return replay_history_shadow(&replay->history, snapshot_id);
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

/* ---- policies and tables in force ---- */

static void contradict(struct replay *replay, uint64_t position, const char *what) {
    replay->report.contradictions++;
    if (replay->listener->contradiction)
        replay->listener->contradiction(replay->listener->user, position, what);
}

static void use_thresholds(struct replay *replay) {
    const struct thresholds *given = replay->options.thresholds;
    engine_use_thresholds(replay->engine, given ? given : replay->thresholds);
    if (replay->options.ignore_cutoffs)
        engine_ignore_cutoffs(replay->engine);
}

/* The record carries them, so that they are there when the generation is not any more. */
static void adopt_thresholds(struct replay *replay, const struct threshold_set *set) {
    struct thresholds *old = replay->thresholds;
    replay->thresholds = threshold_set_is_empty(set) ? NULL : thresholds_new(set);
    if (replay->engine)
        use_thresholds(replay);
    thresholds_free(old);
}

/* The engine for the policy and the stretch that are current now. */
static void fit_engine(struct replay *replay) {
    const struct replay_history *history = &replay->history;
    engine_free(replay->engine);
    replay->shadow_count = 0; /* a new engine has none */
    replay->engine = engine_new(history->policies[replay->policy].snapshot,
                                history->stretches[replay->stretch].plan);
    engine_use_lists(replay->engine, replay->lists);
    use_thresholds(replay);
}

static void list_active(struct replay *replay) {
    replay->active_count = 0;
    for (size_t i = 0; i < replay->history.stretch_count; i++)
        if (replay->states[i])
            replay->active[replay->active_count++] = i;
}

static void find_next_place(struct replay *replay, uint64_t behind) {
    replay->next_place = UINT64_MAX;
    for (size_t i = 0; i < replay->history.stretch_count; i++) {
        uint64_t place = replay->history.stretches[i].place;
        if (place > behind && place < replay->next_place)
            replay->next_place = place;
    }
}

static void begin_stretches(struct replay *replay) {
    const struct replay_history *history = &replay->history;
    replay->states = check_calloc(history->stretch_count, sizeof(*replay->states));
    replay->active = check_calloc(history->stretch_count, sizeof *replay->active);
    for (size_t i = 0; i < history->stretch_count; i++)
        if (history->stretches[i].parent == SIZE_MAX)
            replay->states[i] = replay_states_new(history->stretches[i].plan);
    list_active(replay);
    find_next_place(replay, 0);
}

/* The place that a stretch's tables were built for: all records up to it are applied. */
static void rebuild_stretch(struct replay *replay, size_t index) {
    const struct replay_stretch *stretch = &replay->history.stretches[index];
    size_t from = stretch->parent == SIZE_MAX ? index : stretch->parent;
    struct replay_states *rebuilt =
        replay_states_rebuilt(replay->states[from], replay->newest_event_time_us);
    replay_states_free(replay->states[index]);
    replay->states[index] = rebuilt;
    if (stretch->chain != archive_reader_place(replay->reader).chain) {
        char what[128];
        snprintf(what, sizeof what,
                 "the tables are of another history than the archive has up to position %" PRIu64,
                 stretch->place);
        contradict(replay, stretch->from, what);
    }
}

static void rebuild_stretches(struct replay *replay) {
    uint64_t place = replay->next_place;
    for (size_t i = 0; i < replay->history.stretch_count; i++)
        if (replay->history.stretches[i].place == place)
            rebuild_stretch(replay, i);
    list_active(replay);
    find_next_place(replay, place);
}

static void adopt_snapshot(struct replay *replay, const struct record *record) {
    const struct replay_history *history = &replay->history;
    replay->report.snapshots++;
    if (!history->with_policies)
        return;
    if (replay->engine)
        replay->policy++;
    const struct replay_policy *policy = &history->policies[replay->policy];
    check(policy->position == record->position);
    if (policy->snapshot_id != policy->snapshot->id)
        contradict(replay, record->position, "the policy's files are not those of its id");
    fit_engine(replay);
}

static void adopt_generation(struct replay *replay, const struct record *record) {
    replay->report.generations++;
    adopt_thresholds(replay, &record->generation.thresholds);
    if (!replay->history.with_policies)
        return;
    replay_states_free(replay->states[replay->stretch]);
    replay->states[replay->stretch] = NULL;
    replay->stretch++;
    check(replay->history.stretches[replay->stretch].from == record->position);
    list_active(replay);
    fit_engine(replay);
}

/* ---- records ---- */

static int no_policy(const struct replay *replay, uint64_t position, struct error *ret_error) {
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "%s holds no policy before the transaction at position %" PRIu64 ": name one",
                     replay->options.archive, position);
}

static bool has_shadows(const struct replay *replay, const struct decision *archived) {
    bool has = archived->shadow_count == replay->shadow_count;
    for (size_t i = 0; i < replay->shadow_count && has; i++)
        has = archived->shadows[i].snapshot_id == replay->shadows[i];
    return has;
}

/* The engine judges beside the policy what was judged beside it then. */
static int fit_shadows(struct replay *replay, const struct record *record,
                       struct error *ret_error) {
    const struct decision *archived = &record->transaction.decision;
    size_t count = archived->shadow_count;
    if (!replay->options.shadows || has_shadows(replay, archived))
        return 0;
    struct snapshot **snapshots = check_calloc(count, sizeof *snapshots);
    replay->shadows = check_reallocarray(replay->shadows, count, sizeof *replay->shadows);
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        uint64_t id = archived->shadows[i].snapshot_id;
        const struct replay_shadow *shadow = replay_history_shadow(&replay->history, id);
        if (!shadow || !shadow->snapshot)
            r = error_set(ret_error, ERROR_NOT_FOUND,
                          "%s holds no shadow policy %016" PRIx64
                          " before the transaction at position %" PRIu64,
                          replay->options.archive, id, record->position);
        else
            snapshots[i] = shadow->snapshot;
        replay->shadows[i] = id;
    }
    if (r == 0) {
        engine_use_shadows(replay->engine, snapshots, count);
        replay->shadow_count = count;
    }
    free(snapshots);
    return r;
}

/* 1: the policy refuses the transaction. */
static int derive(struct replay *replay, const struct record *record, struct decision *ret_decision,
                  struct text *ret_field, struct error *ret_error) {
    const struct replay_history *history = &replay->history;
    if (!replay->engine)
        return no_policy(replay, record->position, ret_error);
    int r = fit_shadows(replay, record, ret_error);
    if (r < 0)
        return r;
    arena_reset(&replay->decision);
    r = engine_decide(replay->engine, &record->transaction.transaction,
                      &replay->states[replay->stretch]->source, replay->options.features,
                      &replay->decision, ret_decision, ret_field, ret_error);
    if (r == -ERROR_INVALID)
        return 1;
    if (r < 0)
        return error_prefix(ret_error, "the transaction at position %" PRIu64, record->position);
    ret_decision->position = record->position;
    ret_decision->snapshot_id = history->policies[replay->policy].snapshot_id;
    ret_decision->generation_id = history->stretches[replay->stretch].generation_id;
    return 0;
}

static int derive_row(struct replay *replay, const struct record *record, struct replay_row *row,
                      struct decision *ret_decision, struct error *ret_refusal,
                      struct error *ret_error) {
    struct replay_report *report = &replay->report;
    int r = derive(replay, record, ret_decision, &row->refused_field, ret_refusal);
    if (r < 0) {
        *ret_error = *ret_refusal;
        return r;
    }
    row->engine = replay->engine;
    if (r == 0) {
        report->verdicts[ret_decision->verdict]++;
        row->decision = ret_decision;
    } else {
        report->refused++;
        row->refusal = ret_refusal;
    }
    return 0;
}

static int replay_transaction(struct replay *replay, const struct record *record,
                              struct error *ret_error) {
    struct replay_row row = {.record = record, .thresholds = replay->thresholds};
    struct decision decision;
    struct error refusal;
    if (!replay->options.recorded) {
        int r = derive_row(replay, record, &row, &decision, &refusal, ret_error);
        if (r < 0)
            return r;
    }
    replay->report.transactions++;
    replay->report.archived_verdicts[record->transaction.decision.verdict]++;
    row.outcome = replay_history_label(&replay->history, record->position);
    return replay->listener->row(replay->listener->user, &row, ret_error);
}

static int replay_record(struct replay *replay, const struct record *record,
                         struct error *ret_error) {
    replay->report.records++;
    replay->report.outcomes += record->type == RECORD_OUTCOME;
    if (record->type == RECORD_TRANSACTION) {
        int64_t at_us = record->transaction.transaction.event_time_us;
        bool is_wanted = replay->options.since_us == 0 || at_us > replay->options.since_us;
        int r = is_wanted ? replay_transaction(replay, record, ret_error) : 0;
        if (r < 0)
            return r;
        if (at_us > replay->newest_event_time_us)
            replay->newest_event_time_us = at_us;
    }
    list_table_apply(replay->lists, record);
    for (size_t i = 0; i < replay->active_count; i++)
        replay_states_apply(replay->states[replay->active[i]], record);
    if (record->position == replay->next_place)
        rebuild_stretches(replay);
    if (record->type == RECORD_SNAPSHOT)
        adopt_snapshot(replay, record);
    else if (record->type == RECORD_GENERATION)
        adopt_generation(replay, record);
    return 0;
}

int replay_run(struct replay *replay, const struct replay_listener *listener,
               struct progress *progress, struct replay_report *ret_report,
               struct error *ret_error) {
    double begin = monotonic_seconds();
    check(!replay->states); /* once */
    replay->listener = listener;
    replay->newest_event_time_us = INT64_MIN;
    replay->lists = list_table_new();
    begin_stretches(replay);
    if (has_given_policy(replay))
        fit_engine(replay); /* in force from the first record on */
    int r = for_each_record(replay, progress, "replay", replay_record, ret_error);
    replay->report.replay_seconds = monotonic_seconds() - begin;
    replay->report.foreign_versions = replay->history.foreign_versions;
    if (r == 0)
        *ret_report = replay->report;
    return r;
}
