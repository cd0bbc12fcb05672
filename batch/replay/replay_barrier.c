/* Barriers between chunks: changes that affect all rows behind them. Policies, tables and lists,
 * thresholds, and the positions that tables were built for. Everything before a barrier is emitted
 * and applied, and nothing behind it has started, so what all workers read is changed here only,
 * without locks. */
#include "replay_barrier.h"

#include "replay_job.h"
#include "replay_start.h"

#include "batch/base/scratch_file.h"
#include "core/base/check.h"

#include <stdio.h>
#include <stdlib.h>

#define SHARDS_EACH 2 /* per worker: some slack when their sizes differ */
#define SHARDS_MAX  256

static size_t shards_of(const struct replay *replay) {
    size_t shards = SHARDS_EACH;
    while (shards < SHARDS_EACH * replay->workers && shards < SHARDS_MAX)
        shards *= 2;
    return shards;
}

/* States loaded from tables contain ids of transactions, and engine_apply() writes them; otherwise
 * they can be left out. */
static struct replay_states *make_states(const struct replay *replay, struct snapshot *plan) {
    bool omits_ids = !replay->tables && replay->base_count == 0 && !replay->options.counterfactual;
    struct replay_states *states =
        replay_states_new(plan, replay->workers, shards_of(replay), omits_ids);
    if (replay->options.state_bytes > 0)
        replay_states_limit(states, replay->options.state_bytes, &replay->options.state_files);
    return states;
}

static void contradict(struct replay *replay, uint64_t position, const char *what) {
    replay->report.contradictions++;
    if (replay->listener->contradiction && replay->report.records > replay->resumed)
        replay->listener->contradiction(replay->listener->user, position, what);
}

/* ---- the policies that decide ---- */

static void use_thresholds(const struct replay *replay, const struct replay_decider *decider) {
    const struct thresholds *given = replay->options.thresholds;
    if (!given && decider == &replay->decider)
        given = replay->nightly;
    for (size_t i = 0; i < replay->workers && decider->engines; i++) {
        engine_use_thresholds(decider->engines[i], given ? given : replay->thresholds);
        if (replay->options.ignore_cutoffs)
            engine_ignore_cutoffs(decider->engines[i]);
    }
}

static void decider_deinit(const struct replay *replay, struct replay_decider *decider) {
    for (size_t i = 0; i < replay->workers && decider->engines; i++)
        engine_free(decider->engines[i]);
    free(decider->engines);
    decider->engines = NULL;
    decider->skips_rows = false;
}

/* Is verdict and score all that anyone needs of a row? Only then may rows be skipped for which no
 * rule can fire. */
static bool is_brief(const struct replay *replay) {
    const struct replay_options *options = &replay->options;
    return options->brief && !options->features && !options->hashes && !options->shadows &&
           !options->recorded && !options->counterfactual && !replay->walk &&
           !replay->against_policy;
}

static void decider_fit(const struct replay *replay, struct replay_decider *decider,
                        struct snapshot *rules, struct snapshot *plan) {
    decider_deinit(replay, decider);
    for (size_t i = 0; i < replay->workers; i++) /* a new engine has none */
        replay->worker[i].fitted[replay_arm_of(replay, decider)].count = 0;
    decider->engines = check_calloc(replay->workers, sizeof(*decider->engines));
    decider->skips_rows = is_brief(replay);
    for (size_t i = 0; i < replay->workers; i++) {
        decider->engines[i] = engine_new(rules, plan);
        engine_use_lists(decider->engines[i], replay->lists);
        if (replay->options.ignore_brakes)
            engine_ignore_brakes(decider->engines[i]);
        if (!replay->options.texts)
            engine_omit_texts(decider->engines[i]);
        if (!replay->options.hashes) { /* no audit; and an archive's transactions were checked */
            engine_omit_hash(decider->engines[i]);
            engine_omit_check(decider->engines[i]);
        }
        if (decider->skips_rows)
            decider->skips_rows = engine_enable_row_skip(decider->engines[i]);
    }
    use_thresholds(replay, decider);
}

/* The experiment in force, if the archive's policies decide. A row may belong to either arm, so
 * none is skipped for the champion's rules. */
static int fit_challenger(struct replay *replay, struct error *ret_error) {
    const struct experiment *experiment = list_table_experiment(replay->lists);
    decider_deinit(replay, &replay->challenger);
    if (!replay->history.with_policies || !replay->has_policy || !experiment)
        return 0;
    replay->experiment = *experiment;
    const struct replay_challenger *challenger =
        replay_history_challenger(&replay->history, replay->experiment.position);
    if (!challenger)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s has no challenger at position %" PRIu64 ", where an experiment begins",
                         replay->options.archive, replay->experiment.position);
    decider_fit(replay, &replay->challenger, challenger->snapshot,
                replay->history.spans[replay->span].plan);
    for (size_t i = 0; i < replay->workers; i++)
        engine_be_challenger(replay->challenger.engines[i]);
    replay->challenger.snapshot_id = challenger->snapshot_id;
    replay->challenger.generation_id = replay->decider.generation_id;
    replay->challenger.lane = replay->decider.lane;
    replay->decider.skips_rows = replay->challenger.skips_rows = false;
    return 0;
}

/* New engines for the policy and the span that are in force now. */
static int fit_decider(struct replay *replay, struct error *ret_error) {
    const struct replay_history *history = &replay->history;
    const struct replay_policy *policy = &history->policies[replay->policy];
    const struct replay_span *span = &history->spans[replay->span];
    decider_fit(replay, &replay->decider, policy->snapshot, span->plan);
    replay->has_policy = true;
    replay->decider.snapshot_id = policy->snapshot_id;
    replay->decider.generation_id = span->generation_id;
    return fit_challenger(replay, ret_error);
}

/* Collects all states that must be folded now, and which of them the policies read. */
static void list_lanes(struct replay *replay) {
    replay->lane_count = 0;
    replay->decider.lane = replay->against.lane = SIZE_MAX;
    for (size_t i = 0; i < replay->history.span_count; i++) {
        if (!replay->states[i])
            continue;
        if (i == replay->span)
            replay->decider.lane = replay->lane_count;
        replay->lanes[replay->lane_count++] = replay->states[i];
    }
    replay->against.lane = replay->challenger.lane = replay->decider.lane;
    if (replay->against_states) {
        replay->against.lane = replay->lane_count;
        replay->lanes[replay->lane_count++] = replay->against_states;
    }
}

static int start_against(struct replay *replay, struct error *ret_error) {
    if (replay->base_count > 0)
        replay->report.lacks_history |= !replay_has_base(replay, &replay->against_policy->plan);
    return replay_start_at_base(replay, replay->against_states, ret_error);
}

/* The second policy shares the first one's states if it has the same features, except in a
 * counterfactual replay, where each policy's own verdicts are applied. */
static int fit_against(struct replay *replay, struct error *ret_error) {
    int r = 0;
    struct snapshot *policy = replay->against_policy;
    struct snapshot *plan = replay->history.spans[0].plan;
    if (policy->plan.id != plan->plan.id || replay->options.counterfactual) {
        replay->against_states = make_states(replay, policy);
        if (replay->tables) /* of the same features: replay_start.c */
            replay_states_continue(replay->against_states, replay->tables);
        else
            r = start_against(replay, ret_error);
        plan = policy;
    }
    decider_fit(replay, &replay->against, policy, plan);
    replay->against.snapshot_id = policy->id;
    return r;
}

/* ---- tables ---- */

static int compare_places(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void list_places(struct replay *replay) {
    const struct replay_history *history = &replay->history;
    size_t count = 0;
    replay->places = check_calloc(history->span_count + 1, sizeof *replay->places);
    for (size_t i = 0; i < history->span_count; i++)
        if (history->spans[i].place > history->begin)
            replay->places[count++] = history->spans[i].place;
    qsort(replay->places, count, sizeof *replay->places, compare_places);
    replay->places[count] = UINT64_MAX;
}

static bool is_place(const struct replay *replay, uint64_t position) {
    const uint64_t *place = replay->places;
    while (*place < position)
        place++;
    return *place == position;
}

/* The replay has reached the position that a span's tables were built for: makes the states of that
 * generation. A chain that differs means that the tables were built from another archive. */
static int rebuild_span(struct replay *replay, size_t index, struct error *ret_error) {
    const struct replay_span *span = &replay->history.spans[index];
    size_t from = span->parent == SIZE_MAX ? index : span->parent;
    struct replay_states *rebuilt =
        replay_states_rebuilt(replay->states[from], replay->newest_event_time_us);
    replay_states_free(replay->states[index]);
    replay->states[index] = rebuilt;
    const struct archive_place place = {.position = span->place, .chain = span->chain};
    int r = archive_parts_holds(replay->parts, place, ret_error);
    if (r < 0)
        return r;
    if (r == 0) {
        char what[128];
        snprintf(what, sizeof what,
                 "the tables were built from records that differ from the archive's up to position "
                 "%" PRIu64,
                 span->place);
        contradict(replay, span->from, what);
    }
    return 0;
}

static int rebuild_spans(struct replay *replay, uint64_t place, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < replay->history.span_count && r == 0; i++)
        if (replay->history.spans[i].place == place)
            r = rebuild_span(replay, i, ret_error);
    list_lanes(replay);
    return r;
}

/* ---- records ---- */

static int adopt_snapshot(struct replay *replay, const struct record *record,
                          struct error *ret_error) {
    const struct replay_history *history = &replay->history;
    replay->report.snapshots++;
    if (!history->with_policies)
        return 0;
    if (replay->has_policy)
        replay->policy++;
    const struct replay_policy *policy = &history->policies[replay->policy];
    check(policy->position == record->position);
    if (policy->snapshot_id != policy->snapshot->id)
        contradict(replay, record->position, "the policy's files do not match its id");
    return fit_decider(replay, ret_error);
}

static int adopt_experiment(struct replay *replay, const struct record *record,
                            struct error *ret_error) {
    const struct replay_challenger *challenger =
        replay_history_challenger(&replay->history, record->position);
    if (challenger && challenger->snapshot_id != challenger->snapshot->id)
        contradict(replay, record->position, "the challenger's files do not match its id");
    if (!replay->history.with_policies || !replay->has_policy)
        return 0;
    return fit_decider(replay, ret_error); /* which may skip rows again after the end of one */
}

/* Generation records carry their thresholds, because old generations are removed from the disk. */
static void adopt_thresholds(struct replay *replay, const struct threshold_set *set) {
    struct thresholds *old = replay->thresholds;
    replay->thresholds = threshold_set_is_empty(set) ? NULL : thresholds_new(set);
    use_thresholds(replay, &replay->decider);
    use_thresholds(replay, &replay->against);
    use_thresholds(replay, &replay->challenger);
    thresholds_free(old);
}

/* The next span begins: its states have been folded beside the current ones since their position.
 */
static int adopt_generation(struct replay *replay, const struct record *record,
                            struct error *ret_error) {
    replay->report.generations++;
    adopt_thresholds(replay, &record->generation.thresholds);
    if (!replay->history.with_policies)
        return 0;
    replay_states_free(replay->states[replay->span]);
    replay->states[replay->span] = NULL;
    replay->span++;
    check(replay->history.spans[replay->span].from == record->position);
    if (record->position > replay->history.begin)
        replay_note_history(replay, record->receive_time_us);
    list_lanes(replay);
    return fit_decider(replay, ret_error);
}

/* The new thresholds are the given policy's; a second policy keeps those of the archive. */
int replay_night(struct replay *replay, struct error *ret_error) {
    struct thresholds *before = replay->nightly, *computed;
    int r = walk_forward_compute(replay->walk, before ? before : replay->thresholds, &computed,
                                 ret_error);
    if (r < 0)
        return r;
    replay->report.nights++;
    replay->nightly = computed;
    use_thresholds(replay, &replay->decider);
    thresholds_free(before);
    return 0;
}

bool replay_is_barrier(const struct replay *replay, enum record_type type, uint64_t position) {
    switch (type) {
    case RECORD_SNAPSHOT:
    case RECORD_GENERATION:
        return true;
    case RECORD_LIST_CHANGE:
    case RECORD_BRAKE:
    case RECORD_EXPERIMENT:
        return !replay->options.recorded;
    case RECORD_TRANSACTION:
    case RECORD_OUTCOME:
    case RECORD_AMENDMENT:
    case RECORD_ENGINE:
    case RECORD_SHADOW:
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
    return is_place(replay, position);
}

int replay_barrier(struct replay *replay, const struct replay_chunk *chunk,
                   struct error *ret_error) {
    const struct replay_line *last = &chunk->rows[chunk->row_count - 1];
    struct text payload = replay_chunk_payload(chunk, last);
    struct record record = {.type = last->type};
    int r = 0;
    if (!record_type_has_entities(last->type)) {
        arena_reset(&replay->record);
        r = record_decode(last->type, payload.data, payload.length, &replay->record, &record,
                          ret_error);
    }
    if (r < 0)
        return error_prefix(ret_error, "record %" PRIu64, last->position);
    record.position = last->position;
    list_table_apply(replay->lists, &record);
    if (is_place(replay, last->position))
        r = rebuild_spans(replay, last->position, ret_error);
    if (r == 0 && record.type == RECORD_SNAPSHOT)
        r = adopt_snapshot(replay, &record, ret_error);
    else if (r == 0 && record.type == RECORD_EXPERIMENT)
        r = adopt_experiment(replay, &record, ret_error);
    else if (r == 0 && record.type == RECORD_GENERATION)
        r = adopt_generation(replay, &record, ret_error);
    return r;
}

/* ---- set-up and clean-up ---- */

static void workers_init(struct replay *replay) {
    enum { DECISION_BYTES_MAX = 64 << 20 };
    replay->worker = check_calloc(replay->workers, sizeof *replay->worker);
    for (size_t i = 0; i < replay->workers; i++) {
        arena_init(&replay->worker[i].decision, DECISION_BYTES_MAX);
        arena_init(&replay->worker[i].against, DECISION_BYTES_MAX);
    }
}

static void begin_walk(struct replay *replay) {
    replay->lookahead = check_calloc(1, sizeof *replay->lookahead);
    replay->lookahead->newest_us = INT64_MIN;
    if (!replay->options.walk_forward)
        return;
    const struct walk_forward_options options = {
        .snapshot = replay->history.policies[0].snapshot,
        .workers = replay->workers,
        .memory_bytes = replay->memory_bytes,
        .make_file = scratch_file,
    };
    replay->walk = walk_forward_new(&options);
}

int replay_begin(struct replay *replay, struct error *ret_error) {
    const struct replay_history *history = &replay->history;
    int r = 0;
    replay->newest_event_time_us = INT64_MIN;
    replay->lists = replay->last_lists ? replay->last_lists : list_table_new();
    replay->last_lists = NULL;
    begin_walk(replay);
    workers_init(replay);
    replay->states = check_calloc(history->span_count, sizeof(*replay->states));
    replay->lanes = check_calloc(history->span_count + 1, sizeof(*replay->lanes));
    for (size_t i = 0; i < history->span_count; i++)
        if (history->spans[i].parent == SIZE_MAX)
            replay->states[i] = make_states(replay, history->spans[i].plan);
    if (replay->tables)
        r = replay_load_start(replay, replay->states[0], ret_error);
    else if (replay->base_count > 0)
        r = replay_load_base(replay, ret_error);
    list_places(replay);
    if (r == 0 && replay->against_policy)
        r = fit_against(replay, ret_error);
    list_lanes(replay);
    if (r == 0 && replay_has_given_policy(replay))
        r = fit_decider(replay, ret_error); /* in force from the first record on */
    return r;
}

void replay_end(struct replay *replay) {
    for (size_t i = 0; i < replay->history.span_count && replay->states; i++)
        replay_states_free(replay->states[i]);
    free(replay->states);
    replay_states_free(replay->against_states);
    free(replay->lanes);
    free(replay->places);
    decider_deinit(replay, &replay->decider);
    decider_deinit(replay, &replay->against);
    decider_deinit(replay, &replay->challenger);
    for (size_t i = 0; i < replay->workers && replay->worker; i++) {
        struct replay_worker *worker = &replay->worker[i];
        arena_deinit(&worker->decision);
        arena_deinit(&worker->against);
        free(worker->fired);
        free(worker->readings);
        for (size_t arm = 0; arm < ARM_COUNT; arm++)
            free(worker->fitted[arm].ids);
        free(worker->visits);
    }
    free(replay->worker);
    thresholds_free(replay->thresholds);
    thresholds_free(replay->nightly);
    walk_forward_free(replay->walk);
    free(replay->lookahead);
    free(replay->least_us);
    list_table_free(replay->lists);
    list_table_free(replay->last_lists);
    buffer_deinit(&replay->own_verdicts);
    if (replay->source)
        replay->source->close(replay->source);
}
