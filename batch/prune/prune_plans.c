/* The records that a replay takes its policies from, in order: those that are kept, then those that
 * stay. What is in use from when on follows as it does there (batch/chunk/replay_history.h). */
#include "prune_plans.h"

#include "batch/base/record_bytes.h"
#include "batch/chunk/replay_history.h"
#include "core/store/explain/archive_search.h"

struct finding {
    const struct archive_parts *parts;
    struct replay_history history;
    int64_t begin_us;
    size_t seen; /* spans of the history */
    uint64_t end;
    struct prune_plans *plans;
    struct snapshot *lacking; /* in use now, without room */
};

static bool has_plan(const struct prune_plans *plans, uint64_t plan_id) {
    for (size_t i = 0; i < plans->count; i++)
        if (plans->snapshots[i]->plan.id == plan_id)
            return true;
    return false;
}

static void take_plan(struct finding *finding, struct snapshot *snapshot, int64_t from_us) {
    struct prune_plans *plans = finding->plans;
    finding->lacking = NULL;
    if (has_plan(plans, snapshot->plan.id) ||
        !replay_history_reaches(&snapshot->plan, finding->begin_us, from_us))
        return;
    if (plans->count < ARCHIVE_BASES_MAX)
        plans->snapshots[plans->count++] = snapshot_ref(snapshot);
    else
        finding->lacking = snapshot;
}

/* A policy that this version cannot load decides nothing in a replay of this version either. */
static void take(struct finding *finding, const struct record *record) {
    struct error ignored;
    bool is_known = replay_history_add(&finding->history, record, &ignored) == 0;
    if (finding->lacking || !is_known)
        finding->plans->lacking_until = record->position;
}

/* The span that began last, if it is a new one. */
static void take_newest(struct finding *finding, int64_t from_us) {
    const struct replay_history *history = &finding->history;
    if (finding->seen == history->span_count)
        return;
    finding->seen = history->span_count;
    take_plan(finding, history->spans[finding->seen - 1].plan, from_us);
}

/* Nothing was decided with its features yet if it was reloaded after the last rebuild, but the next
 * one builds tables for them. */
static void take_policy_in_force(struct finding *finding, int64_t now_us) {
    const struct replay_history *history = &finding->history;
    if (history->policy_count == 0)
        return;
    struct snapshot *snapshot = history->policies[history->policy_count - 1].snapshot;
    if (snapshot)
        take_plan(finding, snapshot, now_us);
}

static bool is_wanted(enum record_type type) {
    return type == RECORD_SNAPSHOT || type == RECORD_GENERATION;
}

static int take_kept(struct finding *finding, const struct prune_kept *kept, struct arena *arena,
                     struct error *ret_error) {
    struct archive_kept found;
    struct record record;
    int r = 0;
    for (size_t offset = 0; r == 0 && archive_begin_next(&kept->frames, &offset, &found);) {
        if (!is_wanted(found.type))
            continue;
        arena_reset(arena);
        r = record_decode(found.type, found.payload.data, found.payload.length, arena, &record,
                          ret_error);
        record.position = found.position;
        if (r == 0)
            take(finding, &record);
    }
    take_newest(finding, finding->begin_us); /* what is in use at the beginning */
    return r;
}

static int take_part(struct finding *finding, size_t index, struct arena *arena,
                     struct error *ret_error) {
    const struct search search = {.parts = finding->parts, .rare = true, .rare_before = UINT64_MAX};
    struct search_result result = {0};
    struct record record;
    int r = search_part(&search, index, &result, ret_error);
    for (size_t i = 0; i < result.count && r == 0; i++) {
        if (!is_wanted(result.records[i].type))
            continue;
        arena_reset(arena);
        r = search_decode(&result, i, arena, &record, ret_error);
        if (r == 0)
            take(finding, &record);
        if (r == 0)
            take_newest(finding, record.receive_time_us);
    }
    search_result_deinit(&result);
    return r;
}

int prune_plans_find(const struct archive_parts *parts, size_t end, const struct prune_kept *kept,
                     struct snapshot *first, int64_t begin_us, struct prune_plans *ret_plans,
                     struct error *ret_error) {
    struct finding finding = {.parts = parts, .begin_us = begin_us, .plans = ret_plans};
    const uint64_t types = UINT64_C(1) << RECORD_SNAPSHOT | UINT64_C(1) << RECORD_GENERATION;
    struct arena arena;
    *ret_plans = (struct prune_plans){.snapshots = {snapshot_ref(first)}, .count = 1};
    replay_history_init(&finding.history, true, false);
    arena_init(&arena, RECORD_BYTES_MAX);
    int r = take_kept(&finding, kept, &arena, ret_error);
    for (size_t i = end; i < archive_parts_count(parts) && r == 0; i++)
        if (archive_parts_part(parts, i).types & types)
            r = take_part(&finding, i, &arena, ret_error);
    if (r == 0 && finding.lacking)
        ret_plans->lacking_until = archive_parts_end(parts).position;
    if (r == 0) /* the last part's records were received after that */
        take_policy_in_force(
            &finding, archive_parts_part(parts, archive_parts_count(parts) - 1).time_before_us);
    arena_deinit(&arena);
    replay_history_deinit(&finding.history);
    return r;
}

void prune_plans_deinit(struct prune_plans *plans) {
    for (size_t i = 0; i < plans->count; i++)
        snapshot_unref(plans->snapshots[i]);
}
