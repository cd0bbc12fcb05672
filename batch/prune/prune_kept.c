/* Two passes over the rare records: the first finds out what is in force at the end, the second
 * collects the records that say so. */
#include "prune_kept.h"

#include "batch/base/record_bytes.h"
#include "core/base/check.h"
#include "core/policy/lists/list_table.h"
#include "core/store/explain/archive_search.h"

#include <stdlib.h>
#include <string.h>

/* Where a policy was recorded last. */
struct place_of {
    uint64_t snapshot_id, position;
};

struct places {
    struct place_of *all; /* in the order of positions */
    size_t count, capacity;
};

/* What is in force; positions, 0: nothing. */
struct in_force {
    struct list_table *lists;
    uint64_t list_change; /* the last one of any kind */
    uint64_t engine, snapshot, first_snapshot, generation;
    uint64_t at_adoption; /* the policy in force when the tables were adopted */
    uint64_t planned;     /* the policy they were built with, if it is in a record of its own */
    bool is_plan_unnamed; /* their record is of a version that did not name it */
    struct places policies, shadows;
};

struct keeping {
    const struct archive_parts *parts;
    size_t count;
    struct in_force in_force;
    struct prune_kept *kept;
};

/* ---- the first pass ---- */

static void note_place(struct places *places, uint64_t snapshot_id, uint64_t position) {
    for (size_t i = 0; i < places->count; i++)
        if (places->all[i].snapshot_id == snapshot_id) {
            memmove(&places->all[i], &places->all[i + 1],
                    (places->count - i - 1) * sizeof *places->all);
            places->count--;
            break;
        }
    if (places->count == places->capacity) {
        places->capacity = places->capacity ? 2 * places->capacity : 16;
        places->all = check_reallocarray(places->all, places->capacity, sizeof *places->all);
    }
    places->all[places->count++] =
        (struct place_of){.snapshot_id = snapshot_id, .position = position};
}

static uint64_t place_of(const struct places *places, uint64_t snapshot_id) {
    for (size_t i = 0; i < places->count; i++)
        if (places->all[i].snapshot_id == snapshot_id)
            return places->all[i].position;
    return 0;
}

static void note_generation(struct in_force *in_force, const struct record *record) {
    const struct generation_record *generation = &record->generation;
    in_force->generation = record->position;
    in_force->at_adoption = in_force->snapshot;
    in_force->is_plan_unnamed = generation->snapshot_id == 0 && generation->file_count == 0;
    in_force->planned =
        generation->file_count > 0 ? 0 : place_of(&in_force->policies, generation->snapshot_id);
}

static void note(struct keeping *keeping, const struct record *record) {
    struct in_force *in_force = &keeping->in_force;
    list_table_apply(in_force->lists, record);
    if (list_table_takes(record->type))
        in_force->list_change = record->position;
    else if (record->type == RECORD_ENGINE)
        in_force->engine = record->position;
    else if (record->type == RECORD_SHADOW)
        note_place(&in_force->shadows, record->snapshot.snapshot_id, record->position);
    else if (record->type == RECORD_GENERATION)
        note_generation(in_force, record);
    if (record->type != RECORD_SNAPSHOT)
        return;
    in_force->snapshot = record->position;
    if (in_force->first_snapshot == 0)
        in_force->first_snapshot = record->position;
    note_place(&in_force->policies, record->snapshot.snapshot_id, record->position);
}

/* ---- the second pass ---- */

static bool has_place(const struct places *places, size_t newest, uint64_t position) {
    size_t first = places->count > newest ? places->count - newest : 0;
    for (size_t i = first; i < places->count; i++)
        if (places->all[i].position == position)
            return true;
    return false;
}

static bool has_addition(const struct list_additions *additions, uint64_t position) {
    const struct list_addition *found =
        additions ? list_additions_next(additions, position - 1) : NULL;
    return found && found->position == position;
}

/* Without tables, the first policy's features are folded; tables of old versions may have been
 * built with any policy. */
static bool is_policy_needed(const struct in_force *in_force, uint64_t position) {
    if (in_force->is_plan_unnamed && has_place(&in_force->policies, SIZE_MAX, position))
        return true;
    return position == in_force->snapshot || position == in_force->at_adoption ||
           position == in_force->planned ||
           (in_force->generation == 0 && position == in_force->first_snapshot);
}

static bool is_needed(const struct in_force *in_force, const struct record *record) {
    const struct experiment *experiment = list_table_experiment(in_force->lists);
    uint64_t position = record->position;
    switch (record->type) {
    case RECORD_ENGINE:
        return position == in_force->engine;
    case RECORD_SNAPSHOT:
        return is_policy_needed(in_force, position);
    case RECORD_GENERATION:
        return position == in_force->generation;
    case RECORD_SHADOW:
        return has_place(&in_force->shadows, PRUNE_SHADOWS_MAX, position);
    case RECORD_LIST_CHANGE: /* the last change of all says when entries that ended were dropped */
        return position == in_force->list_change ||
               has_addition(list_table_find(in_force->lists, record->list_change.list), position);
    case RECORD_BRAKE:
        return position == in_force->list_change ||
               has_addition(list_table_brakes(in_force->lists), position);
    case RECORD_EXPERIMENT:
        return position == in_force->list_change ||
               (experiment && experiment->position == position);
    case RECORD_TRANSACTION:
    case RECORD_OUTCOME:
    case RECORD_AMENDMENT:
    case RECORD_ERASURE: /* about segments before it, which are gone, too */
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
    return false;
}

/* ---- both ---- */

static int visit_found(struct keeping *keeping, const struct search_result *result, bool is_second,
                       struct arena *arena, struct error *ret_error) {
    struct record record;
    int r = 0;
    for (size_t i = 0; i < result->count && r == 0; i++) {
        const struct found_record *found = &result->records[i];
        arena_reset(arena);
        r = search_decode(result, i, arena, &record, ret_error);
        if (r < 0)
            break;
        if (!is_second) {
            note(keeping, &record);
        } else if (is_needed(&keeping->in_force, &record)) {
            archive_begin_keep(
                &keeping->kept->frames, found->type, found->position,
                (struct text){.data = (const char *)result->payloads.bytes + found->offset,
                              .length = found->length});
            keeping->kept->counts[found->type]++;
        }
    }
    return r;
}

static int pass(struct keeping *keeping, bool is_second, struct error *ret_error) {
    const struct search search = {.parts = keeping->parts, .rare = true, .rare_before = UINT64_MAX};
    struct arena arena;
    int r = 0;
    arena_init(&arena, RECORD_BYTES_MAX);
    for (size_t i = 0; i < keeping->count && r == 0; i++) {
        struct search_result result = {0};
        r = search_part(&search, i, &result, ret_error);
        if (r == 0)
            r = visit_found(keeping, &result, is_second, &arena, ret_error);
        search_result_deinit(&result);
    }
    arena_deinit(&arena);
    return r;
}

/* The lists that follow from what is kept must have the entries that they have now. */
static int check_lists(const struct keeping *keeping, struct error *ret_error) {
    struct list_table *again = list_table_new();
    struct arena arena;
    struct archive_kept kept;
    struct record record;
    int r = 0;
    arena_init(&arena, RECORD_BYTES_MAX);
    for (size_t offset = 0; r == 0 && archive_begin_next(&keeping->kept->frames, &offset, &kept);) {
        arena_reset(&arena);
        r = record_decode(kept.type, kept.payload.data, kept.payload.length, &arena, &record,
                          ret_error);
        record.position = kept.position;
        if (r == 0)
            list_table_apply(again, &record);
    }
    const struct list_table *lists = keeping->in_force.lists;
    if (r == 0 && (list_table_entries(again) != list_table_entries(lists) ||
                   list_table_bytes(again) != list_table_bytes(lists)))
        r = error_set(ret_error, ERROR_INTERNAL,
                      "the records that would be kept give lists of %zu entries, not %zu",
                      list_table_entries(again), list_table_entries(lists));
    arena_deinit(&arena);
    list_table_free(again);
    return r;
}

int prune_keep(const struct archive_parts *parts, size_t count, struct prune_kept *ret_kept,
               struct error *ret_error) {
    struct keeping keeping = {.parts = parts, .count = count, .kept = ret_kept};
    *ret_kept = (struct prune_kept){0};
    buffer_init(&ret_kept->frames);
    keeping.in_force.lists = list_table_new();
    int r = pass(&keeping, false, ret_error);
    if (r == 0)
        r = pass(&keeping, true, ret_error);
    if (r == 0)
        r = check_lists(&keeping, ret_error);
    list_table_free(keeping.in_force.lists);
    free(keeping.in_force.policies.all);
    free(keeping.in_force.shadows.all);
    return r;
}

void prune_kept_deinit(struct prune_kept *kept) {
    buffer_deinit(&kept->frames);
}
