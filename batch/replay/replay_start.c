/* Starting from the tables of a generation instead of the archive's first record.
 *
 * A generation holds the fold of all records up to its position, so the replay continues behind it,
 * as a server does. It is suitable if it has the policy's features and contains no transaction of
 * the reported range, or if it is the one that was asked for. */
#include "replay_start.h"

#include "replay_job.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/store/explain/archive_search.h"
#include "core/store/generation/generation.h"
#include "core/store/ingest/fold.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- which one ---- */

/* The event time of the first row that is decided: walk-forward thresholds look back. */
static int64_t first_decided_us(const struct replay *replay) {
    int64_t reach_us = replay->options.walk_forward
                           ? walk_forward_reach_us(replay->history.policies[0].snapshot)
                           : 0;
    return replay->options.from_us - reach_us;
}

static bool is_good(const struct replay *replay, const struct generation *generation) {
    const struct generation_manifest *manifest = generation_manifest(generation);
    const struct archive_place *start = &replay->options.start;
    if (manifest->plan_id != replay->history.policies[0].snapshot->plan.id)
        return false;
    if (start->position > 0)
        return manifest->place.position == start->position && manifest->place.chain == start->chain;
    return manifest->place.position <= replay->target.position &&
           generation_tally(generation).newest_event_time_us < first_decided_us(replay);
}

/* Takes the generation if it is suitable and newer than the best so far. One that cannot be opened
 * is skipped. */
static int consider(struct replay *replay, const char *folder, struct error *ret_error) {
    struct generation *generation;
    struct error ignored;
    if (generation_open(replay->options.generations, folder, false, &generation, &ignored) < 0)
        return 0;
    const struct generation_manifest *manifest = generation_manifest(generation);
    bool is_better = is_good(replay, generation) &&
                     (!replay->tables || manifest->place.position > replay->start.position);
    int r = is_better ? archive_parts_holds(replay->parts, manifest->place, ret_error) : 0;
    if (r <= 0) {
        generation_close(generation);
        return r;
    }
    if (replay->tables)
        generation_close(replay->tables);
    replay->tables = generation;
    replay->start = manifest->place;
    return 0;
}

static int none_is_good(const struct replay *replay, struct error *ret_error) {
    char from[64];
    if (replay->options.start.position > 0)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s has no generation of this archive with the policy's features at "
                         "position %" PRIu64,
                         replay->options.generations, replay->options.start.position);
    value_format(value_timestamp(first_decided_us(replay)), from, sizeof from);
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "%s has no generation of this archive with the policy's features that ends "
                     "before %s: start at the archive's first record instead",
                     replay->options.generations, from);
}

/* Tables hold the states of one plan, so both policies must have it. */
static int check_against(const struct replay *replay, struct error *ret_error) {
    const struct snapshot *against = replay->against_policy;
    if (!against || against->plan.id == replay->history.policies[0].snapshot->plan.id)
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "the two policies have different features, and tables hold those of one "
                     "policy: start at the archive's first record instead");
}

int replay_find_start(struct replay *replay, struct error *ret_error) {
    const char *root = replay->options.generations;
    DIR *folder = opendir(root);
    if (!folder)
        return error_set_errno(ret_error, errno, "cannot read %s", root);
    int r = check_against(replay, ret_error);
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, root, &entry, ret_error)) > 0;)
        if (strncmp(entry->d_name, "g-", 2) == 0)
            r = consider(replay, entry->d_name, ret_error);
    closedir(folder);
    if (r == 0 && !replay->tables)
        r = none_is_good(replay, ret_error);
    if (r == 0)
        r = generation_bind(replay->tables, &replay->history.policies[0].snapshot->plan, ret_error);
    return r;
}

/* ---- what was in force there ---- */

/* Takes the thresholds of the last generation record in this part, up to the start. 1: there is
 * such a record, with or without thresholds. */
static int look_at_part(struct replay *replay, size_t part, struct error *ret_error) {
    const struct search search = {
        .parts = replay->parts, .rare = true, .rare_before = replay->start.position + 1};
    struct search_result result = {0};
    struct record record;
    int r = search_part(&search, part, &result, ret_error);
    for (size_t i = result.count; i-- > 0 && r == 0;) {
        if (result.records[i].type != RECORD_GENERATION)
            continue;
        arena_reset(&replay->record);
        r = search_decode(&result, i, &replay->record, &record, ret_error);
        if (r < 0)
            break;
        if (!threshold_set_is_empty(&record.generation.thresholds))
            replay->thresholds = thresholds_new(&record.generation.thresholds);
        r = 1;
    }
    search_result_deinit(&result);
    return r;
}

static int find_thresholds(struct replay *replay, struct error *ret_error) {
    size_t part = archive_parts_find(replay->parts, replay->start.position - 1) + 1;
    int r = 0;
    if (generation_manifest(replay->tables)->adopted_id == 0) /* there is no such record */
        return 0;
    if (part > archive_parts_count(replay->parts))
        part = archive_parts_count(replay->parts);
    while (part-- > 0 && r == 0)
        if (archive_parts_part(replay->parts, part).types >> RECORD_GENERATION & 1)
            r = look_at_part(replay, part, ret_error);
    return r < 0 ? r : 0;
}

/* ---- its states ---- */

int replay_load_start(struct replay *replay, struct replay_states *states,
                      struct error *ret_error) {
    int r = find_thresholds(replay, ret_error);
    if (r < 0)
        return r;
    replay_states_continue(states, replay->tables);
    list_table_free(replay->lists);
    replay->lists = generation_take_lists(replay->tables);
    replay->newest_event_time_us = generation_tally(replay->tables).newest_event_time_us;
    return 0;
}

/* ---- where a pruned archive begins ---- */

bool replay_has_base(const struct replay *replay, const struct plan *plan) {
    for (size_t i = 0; i < replay->base_count; i++)
        if (generation_manifest(replay->bases[i])->plan_id == plan->id)
            return true;
    return false;
}

int replay_start_at_base(struct replay *replay, struct replay_states *states,
                         struct error *ret_error) {
    for (size_t i = 0; i < replay->base_count; i++) {
        if (generation_manifest(replay->bases[i])->plan_id != states->plan->plan.id)
            continue;
        int r = generation_bind(replay->bases[i], &states->plan->plan, ret_error);
        if (r == 0)
            replay_states_continue(states, replay->bases[i]);
        return r;
    }
    return 0;
}

int replay_load_base(struct replay *replay, struct error *ret_error) {
    const struct replay_history *history = &replay->history;
    int r = 0;
    for (size_t i = 0; i < history->span_count && r == 0; i++) {
        const struct replay_span *span = &history->spans[i];
        if (!replay->states[i] || span->until <= history->begin)
            continue;
        r = replay_start_at_base(replay, replay->states[i], ret_error);
        if (span->from <= history->begin) /* in use there */
            replay->report.lacks_history |= !replay_has_base(replay, &span->plan->plan);
    }
    replay->newest_event_time_us = generation_tally(replay->bases[0]).newest_event_time_us;
    return r;
}

void replay_note_history(struct replay *replay, int64_t now_us) {
    const struct plan *plan = &replay->history.spans[replay->span].plan->plan;
    if (replay->base_count > 0 && !replay_has_base(replay, plan) &&
        replay_history_reaches(plan, replay->report.begin_us, now_us))
        replay->report.lacks_history = true;
}
