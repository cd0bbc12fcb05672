/* The decide stage: the decision about each row, from the features that were read for it, and the
 * listener's take(). Runs in any worker, with that worker's engines and memory.
 *
 * Models are evaluated for 64 rows at a time (engine_prepare()); the rules judge row by row.
 *
 * Where only counts are needed, rows for which no rule can fire are found 64 at a time by vector
 * conditions (engine_rows_to_decide()) and are not decided at all. */
#include "replay_decide.h"

#include "replay_count.h"
#include "replay_job.h"

#include "core/base/check.h"

#include <stdlib.h>

int replay_no_policy(const struct replay *replay, uint64_t position, struct error *ret_error) {
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "%s has no policy before the transaction at position %" PRIu64 ": give one",
                     replay->options.archive, position);
}

/* ---- shadow policies ---- */

static bool has_shadows(const struct replay_fitted *own, const struct decision *archived) {
    bool has = archived->shadow_count == own->count;
    for (size_t i = 0; i < own->count && has; i++)
        has = archived->shadows[i].snapshot_id == own->ids[i];
    return has;
}

int replay_fit_shadows(const struct replay *replay, const struct replay_decider *decider,
                       size_t worker, const struct record *record, struct error *ret_error) {
    struct replay_fitted *own = &replay->worker[worker].fitted[replay_arm_of(replay, decider)];
    const struct decision *archived = &record->transaction.decision;
    size_t count = archived->shadow_count;
    if (!replay->options.shadows || has_shadows(own, archived))
        return 0;
    struct snapshot **snapshots = check_calloc(count, sizeof *snapshots);
    own->ids = check_reallocarray(own->ids, count, sizeof *own->ids);
    own->count = 0;
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        uint64_t id = archived->shadows[i].snapshot_id;
        const struct replay_shadow *shadow = replay_history_shadow(&replay->history, id);
        if (!shadow || !shadow->snapshot)
            r = error_set(ret_error, ERROR_NOT_FOUND,
                          "%s has no shadow policy %016" PRIx64
                          " before the transaction at position %" PRIu64,
                          replay->options.archive, id, record->position);
        else
            snapshots[i] = shadow->snapshot;
        own->ids[i] = id;
    }
    if (r == 0) {
        engine_use_shadows(decider->engines[worker], snapshots, count);
        own->count = count;
    }
    free(snapshots);
    return r;
}

/* ---- a decision ---- */

const struct replay_decider *replay_decider_of(const struct replay *replay,
                                               const struct transaction *transaction,
                                               enum arm *ret_arm) {
    *ret_arm =
        replay->challenger.engines ? experiment_arm(&replay->experiment, transaction) : ARM_NONE;
    return *ret_arm == ARM_CHALLENGER ? &replay->challenger : &replay->decider;
}

static const struct entity_reading *readings_of(const struct replay_row_task *task, size_t lane) {
    const struct replay_states *states = task->replay->lanes[lane];
    const struct replay_lane_rows *rows = &task->chunk->lanes[lane];
    struct replay_worker *own = &task->replay->worker[task->worker];
    size_t count = states->plan->plan.entity_count;
    const uint8_t *reads = &rows->reads[task->index * count];
    const struct value *values = &rows->values[task->index * states->value_count];
    if (count > own->reading_capacity) {
        own->reading_capacity = count;
        own->readings = check_reallocarray(own->readings, count, sizeof *own->readings);
    }
    for (size_t e = 0; e < count; e++)
        own->readings[e] = (struct entity_reading){
            .values = reads[e] == REPLAY_NOT_READ ? NULL : values + states->columns[e].first_value,
            .is_late = reads[e] == REPLAY_READ_LATE};
    return own->readings;
}

int replay_complete_decision(const struct replay_decider *decider, const struct record *record,
                             int r, struct decision *decision, struct error *ret_error) {
    if (r == -ERROR_INVALID)
        return 1;
    if (r < 0)
        return error_prefix(ret_error, "the transaction at position %" PRIu64, record->position);
    decision->position = record->position;
    decision->snapshot_id = decider->snapshot_id;
    decision->generation_id = decider->generation_id;
    return 0;
}

static int decide(const struct replay_row_task *task, const struct replay_decider *decider,
                  bool with_features, struct arena *arena, struct decision *ret_decision,
                  struct text *ret_field, struct error *ret_error) {
    const struct record *record = &task->chunk->rows[task->index].record;
    arena_reset(arena);
    /* Thresholds that were computed on the way have all groups. */
    bool is_computed = task->replay->walk && decider == &task->replay->decider;
    engine_use_recorded(decider->engines[task->worker],
                        is_computed ? NULL : &record->transaction.decision);
    struct engine *engine = decider->engines[task->worker];
    const struct transaction *transaction = &record->transaction.transaction;
    uint64_t prepared = decider == &task->replay->against ? task->against_prepared : task->prepared;
    size_t row = task->index - task->first;
    int r = row < ENGINE_ROWS_MAX && (prepared >> row & 1)
                ? engine_judge_prepared(engine, row, transaction, with_features, arena,
                                        ret_decision, ret_error)
                : engine_judge(engine, transaction, readings_of(task, decider->lane), with_features,
                               arena, ret_decision, ret_field, ret_error);
    return replay_complete_decision(decider, record, r, ret_decision, ret_error);
}

void replay_begin_row(const struct replay *replay, const struct record *record,
                      struct replay_decided *ret_decided) {
    ret_decided->row = (struct replay_row){
        .record = record,
        .against = replay->against.engines ? NULL : &record->transaction.decision,
        .thresholds = replay->nightly ? replay->nightly : replay->thresholds,
        .outcome = replay_history_label(&replay->history, record->position)};
}

int replay_note_decided(const struct replay *replay, size_t worker, const struct replay_row *row,
                        struct error *ret_error) {
    const struct record *record = row->record;
    if (!replay->walk) /* engine_frame() completes the frame, which costs time */
        return 0;
    const struct walk_forward_row decided = {.position = record->position,
                                             .event_time_us =
                                                 record->transaction.transaction.event_time_us,
                                             .score = row->decision->score,
                                             .is_backfilled = record->transaction.is_backfilled,
                                             .frame = engine_frame(row->engine)};
    return walk_forward_take(replay->walk, worker, &decided, ret_error);
}

/* Decides one row under both policies. A refusal is a result, not an error: the row's decision is
 * NULL then, and `refusal` says why. */
int replay_decide_row(const struct replay_row_task *task, struct replay_decided *ret_decided,
                      struct error *ret_error) {
    const struct replay *replay = task->replay;
    struct replay_worker *own = &replay->worker[task->worker];
    const struct record *record = &task->chunk->rows[task->index].record;
    struct replay_row *row = &ret_decided->row;
    struct text field;
    replay_begin_row(replay, record, ret_decided);
    if (replay->options.recorded)
        return 0;
    if (!replay->decider.engines)
        return replay_no_policy(replay, record->position, ret_error);
    enum arm arm;
    const struct replay_decider *decider =
        replay_decider_of(replay, &record->transaction.transaction, &arm);
    int r = replay_fit_shadows(replay, decider, task->worker, record, ret_error);
    if (r == 0 && replay->against.engines) {
        r = decide(task, &replay->against, false, &own->against, &ret_decided->against, &field,
                   ret_error);
        row->against = r == 0 ? &ret_decided->against : NULL;
    }
    if (r >= 0)
        r = decide(task, decider, replay->options.features, &own->decision, &ret_decided->decision,
                   &row->refused_field, &ret_decided->refusal);
    else
        return r;
    if (r < 0) {
        *ret_error = ret_decided->refusal;
        return r;
    }
    row->engine = decider->engines[task->worker];
    ret_decided->decision.arm = arm;
    if (r == 0)
        row->decision = &ret_decided->decision;
    else
        row->refusal = &ret_decided->refusal;
    return r == 0 ? replay_note_decided(replay, task->worker, row, ret_error) : 0;
}

/* ---- the listener's take() ---- */

static void list_fired(struct replay_worker *own, struct replay_row *row) {
    size_t most = engine_rules(row->engine)->rule_count;
    if (most > own->fired_capacity) {
        own->fired_capacity = most;
        own->fired = check_reallocarray(own->fired, most, sizeof *own->fired);
    }
    row->fired = own->fired;
    row->fired_count = engine_fired(row->engine, own->fired);
}

int replay_take(const struct replay *replay, size_t worker, struct replay_decided *decided,
                struct buffer *prepared, struct error *ret_error) {
    if (decided->row.decision)
        list_fired(&replay->worker[worker], &decided->row);
    if (!replay->listener->take)
        return 0;
    return replay->listener->take(replay->listener->user, worker, &decided->row, prepared,
                                  ret_error);
}

struct replay_result replay_result_of(const struct decision *decision) {
    return decision ? (struct replay_result){.verdict = decision->verdict, .score = decision->score}
                    : (struct replay_result){.verdict = VERDICT_NONE};
}

/* ---- rows for which no rule can fire ---- */

/* Were all entities read for the row, none of them too late? Otherwise the decision is degraded,
 * and the row must be decided. */
static bool is_read(const struct replay_states *states, const struct replay_lane_rows *lane,
                    size_t row) {
    size_t count = states->plan->plan.entity_count;
    const uint8_t *reads = &lane->reads[row * count];
    bool is = true;
    for (size_t e = 0; e < count; e++)
        is &= reads[e] == REPLAY_READ;
    return is;
}

/* Bit i: row first + i must be decided. *ret_nothing: the result of the others. */
static uint64_t find_rows_to_decide(const struct replay_row_task *task, size_t first, size_t count,
                                    struct replay_result *ret_nothing) {
    const struct replay_decider *decider = &task->replay->decider;
    struct engine *engine = decider->engines[task->worker];
    const struct replay_states *states = task->replay->lanes[decider->lane];
    const struct replay_lane_rows *lane = &task->chunk->lanes[decider->lane];
    uint64_t to_decide = engine_rows_to_decide(engine, &lane->values[first * states->value_count],
                                               states->value_count, count);
    ret_nothing->verdict = engine_decide_skipped(engine, &ret_nothing->score);
    for (size_t i = 0; i < count; i++) {
        const struct replay_line *line = &task->chunk->rows[first + i];
        bool is_skipped =
            line->is_decided && line->is_surely_taken && is_read(states, lane, first + i);
        to_decide |= (uint64_t)!is_skipped << i;
    }
    return to_decide;
}

/* ---- rows whose models are evaluated at once ---- */

/* While an experiment is in force, rows that follow each other may have different engines, and
 * derived shadow policies change with each row. */
static bool prepares(const struct replay_row_task *task, const struct replay_decider *decider) {
    const struct replay *replay = task->replay;
    return decider->engines && !replay->challenger.engines && !replay->options.shadows &&
           !replay->options.recorded && engine_prepares(decider->engines[task->worker]);
}

static uint64_t prepare_rows(const struct replay_row_task *task,
                             const struct replay_decider *decider, size_t count,
                             uint64_t to_decide) {
    struct replay_row_task row = *task;
    uint64_t prepared = 0;
    if (!prepares(task, decider))
        return 0;
    for (size_t i = 0; i < count; i++) {
        row.index = task->first + i;
        const struct replay_line *line = &task->chunk->rows[row.index];
        bool is_prepared =
            line->is_decided && (to_decide >> i & 1) &&
            engine_prepare(decider->engines[task->worker], i, &line->record.transaction.transaction,
                           readings_of(&row, decider->lane));
        prepared |= (uint64_t)is_prepared << i;
    }
    return prepared;
}

/* ---- a part ---- */

/* Decides one row and, where it is reported, calls take(). */
static int decide_line(const struct replay_row_task *task, struct replay_line *line,
                       struct buffer *prepared, struct error *ret_error) {
    const struct replay *replay = task->replay;
    struct replay_decided decided;
    size_t before = prepared->length;
    int r = replay_decide_row(task, &decided, ret_error);
    if (r == 0 && line->is_reported)
        r = replay_take(replay, task->worker, &decided, prepared, ret_error);
    if (r < 0)
        return r;
    line->decision = replay_result_of(decided.row.decision);
    line->against = replay_result_of(decided.row.against);
    line->prepared = prepared->length - before;
    return 0;
}

static void decide_rows(const struct replay *replay, struct replay_chunk *chunk,
                        struct replay_part *part, size_t worker) {
    struct replay_row_task task = {.replay = replay, .worker = worker, .chunk = chunk};
    bool skips_rows = replay->decider.skips_rows;
    struct replay_result nothing = {.verdict = VERDICT_NONE};
    uint64_t to_decide = UINT64_MAX;
    for (size_t i = part->first; i < part->good; i++) {
        struct replay_line *line = &chunk->rows[i];
        size_t at = (i - part->first) % ENGINE_ROWS_MAX, left = part->good - i;
        size_t count = left < ENGINE_ROWS_MAX ? left : ENGINE_ROWS_MAX;
        if (skips_rows && at == 0)
            to_decide = find_rows_to_decide(&task, i, count, &nothing);
        if (at == 0) {
            task.first = i;
            task.prepared = prepare_rows(&task, &replay->decider, count, to_decide);
            task.against_prepared = prepare_rows(&task, &replay->against, count, to_decide);
        }
        if (!line->is_decided)
            continue;
        task.index = i;
        line->is_skipped = !(to_decide >> at & 1);
        if (line->is_skipped) {
            line->decision = nothing;
            continue;
        }
        int r = decide_line(&task, line, &part->prepared, &part->error);
        if (r < 0) {
            part->result = r;
            part->good = i;
            return;
        }
    }
}

void replay_decide_part(const struct replay *replay, struct replay_chunk *chunk, size_t index,
                        size_t worker) {
    struct replay_part *part = &chunk->parts[index];
    decide_rows(replay, chunk, part, worker);
    replay_count_part(replay, chunk, part);
}
