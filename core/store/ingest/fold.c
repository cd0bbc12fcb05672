/* The fold reads records in order and applies them through the overlay: one by one, or in bulk
 * where there are many. Which plan they are applied with is settled first, because states are
 * encoded by it. */
#include "fold.h"

#include "core/base/check.h"
#include "core/store/generation/generation_base.h"
#include "core/store/generation/generation_other.h"
#include "core/store/overlay/bulk_apply.h"

#include <stdlib.h>
#include <string.h>

/* The largest record, decoded: one with the largest policy that the loader takes. */
#define RECORD_BYTES_MAX ((size_t)160 << 20)
#define PROGRESS_STEP    16384 /* records */

struct fold {
    struct generation *generation; /* until the overlay has it */
    struct archive_reader *reader;
    struct arena record;
    struct states states;
    struct adopted adopted;
};

void states_init(struct states *states) {
    *states = (struct states){0};
}

void states_deinit(struct states *states) {
    if (states->engine)
        engine_free(states->engine);
    engine_free(states->challenger);
    if (states->overlay)
        overlay_free(states->overlay);
    snapshot_unref(states->plan);
    states_init(states);
}

struct engine *states_engine(const struct states *states, struct snapshot *rules) {
    struct engine *engine = engine_new(rules, states->plan);
    states_fit(states, engine);
    return engine;
}

void states_fit(const struct states *states, struct engine *engine) {
    const struct generation *generation = overlay_generation(states->overlay);
    engine_use_lists(engine, overlay_lists(states->overlay));
    engine_use_baselines(engine, overlay_baselines(states->overlay));
    if (generation)
        engine_use_thresholds(engine, generation_thresholds(generation));
}

struct engine *states_challenge(struct states *states, const struct experiment *experiment,
                                struct engine *engine) {
    struct engine *before = states->challenger;
    if (engine)
        engine_be_challenger(engine);
    states->challenger = engine;
    states->experiment = engine ? *experiment : (struct experiment){0};
    memset(states->hashed, 0, sizeof states->hashed);
    return before;
}

void fold_free(struct fold *fold) {
    if (!fold)
        return;
    states_deinit(&fold->states);
    if (fold->generation)
        generation_close(fold->generation);
    if (fold->reader)
        archive_reader_close(fold->reader);
    arena_deinit(&fold->record);
    free(fold);
}

/* Loads a policy that was accepted once. */
static int load_stored(const struct policy_file *files, size_t count, struct snapshot *rules,
                       struct snapshot **ret_snapshot, struct error *ret_error) {
    struct snapshot *snapshot = NULL;
    int r = snapshot_load_archived(files, count, &snapshot, ret_error);
    if (r < 0)
        return r;
    /* One object for one policy: then an engine lays a transaction out once, not twice. */
    if (snapshot->id == rules->id) {
        snapshot_unref(snapshot);
        snapshot = snapshot_ref(rules);
    }
    *ret_snapshot = snapshot;
    return 0;
}

static const char *name_of(const struct fold_source *source) {
    return source->folder ? source->folder : "current";
}

static int plan_of_generation(struct fold *fold, const struct fold_source *source,
                              struct error *ret_error) {
    const struct generation_manifest *manifest = generation_manifest(fold->generation);
    size_t count;
    const struct policy_file *files = generation_files(fold->generation, &count);
    int r = load_stored(files, count, source->rules, &fold->states.plan, ret_error);
    if (r < 0)
        return error_prefix(ret_error,
                            "%s/%s: the policy it was built with (run `harrier rebuild`)",
                            source->generations, name_of(source));
    if (fold->states.plan->plan.id != manifest->plan_id)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "%s/%s: it was built by version %s, which computes features "
                         "differently; run `harrier rebuild`, or remove %s/current to fold the "
                         "whole archive",
                         source->generations, name_of(source), manifest->version,
                         source->generations);
    fold->states.generation_id = manifest->id;
    return generation_bind(fold->generation, &fold->states.plan->plan, ret_error);
}

/* The first policy in the archive; if there is none, the rules. */
static int plan_of_archive(struct fold *fold, const char *archive, struct snapshot *rules,
                           struct error *ret_error) {
    struct archive_reader *reader;
    struct record record;
    int r = archive_reader_open(archive, (struct archive_place){0}, &reader, ret_error);
    if (r < 0)
        return r;
    do {
        arena_reset(&fold->record);
        r = archive_reader_next(reader, &fold->record, &record, ret_error);
    } while (r > 0 && record.type != RECORD_SNAPSHOT);
    archive_reader_close(reader);
    if (r < 0)
        return r;
    if (r == 0) {
        fold->states.plan = snapshot_ref(rules);
        return 0;
    }
    r = load_stored(record.snapshot.files, record.snapshot.file_count, rules, &fold->states.plan,
                    ret_error);
    return r < 0 ? error_prefix(ret_error, "%s: the policy at position %llu", archive,
                                (unsigned long long)record.position)
                 : 0;
}

/* Positions the reader after the generation, whose chain must be that of this archive. */
static int open_reader(struct fold *fold, const struct fold_source *source,
                       struct error *ret_error) {
    struct archive_place place = {0};
    if (fold->generation)
        place = generation_manifest(fold->generation)->place;
    struct archive_begin begin;
    int r = archive_begin_look_at(source->archive, &begin, ret_error);
    if (r >= 0 && place.position < begin.place.position)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s/%s: it holds the state at position %llu, and %s begins after position "
                         "%llu since a prune; run `harrier rebuild`, or remove %s/current to fold "
                         "what follows",
                         source->generations, name_of(source), (unsigned long long)place.position,
                         source->archive, (unsigned long long)begin.place.position,
                         source->generations);
    if (r >= 0)
        r = archive_reader_open(source->archive, place, &fold->reader, ret_error);
    if (r == -ERROR_NOT_FOUND && fold->generation)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s/%s: it holds the state at position %llu of another archive than %s; "
                         "run `harrier rebuild`, or remove %s/current to fold the whole archive",
                         source->generations, name_of(source), (unsigned long long)place.position,
                         source->archive, source->generations);
    return r;
}

static int open_generation(const struct fold_source *source, struct generation **ret_generation,
                           struct error *ret_error) {
    if (source->folder)
        return generation_open(source->generations, source->folder, source->verified,
                               ret_generation, ret_error);
    int r =
        generation_open_current(source->generations, source->verified, ret_generation, ret_error);
    if (r == -ERROR_DAMAGED && source->damage) {
        *source->damage = *ret_error;
        r = generation_open_other(source->generations, ret_generation, ret_error);
    }
    if (r != -ERROR_NOT_FOUND)
        return r;
    r = generation_open_base(source->archive, 0, source->verified, ret_generation, ret_error);
    return r == 1 ? -ERROR_NOT_FOUND : r;
}

int fold_begin(const struct fold_source *source, struct fold **ret_fold, struct error *ret_error) {
    struct fold *fold = check_calloc(1, sizeof *fold);
    arena_init(&fold->record, RECORD_BYTES_MAX);
    states_init(&fold->states);
    if (source->damage)
        *source->damage = (struct error){0};
    int r = open_generation(source, &fold->generation, ret_error);
    if (r == 0)
        r = plan_of_generation(fold, source, ret_error);
    else if (r == -ERROR_NOT_FOUND && !source->folder) /* there is none at all */
        r = plan_of_archive(fold, source->archive, source->rules, ret_error);
    if (r == 0)
        r = open_reader(fold, source, ret_error);
    if (r < 0) {
        fold_free(fold);
        return r;
    }
    fold->states.overlay = overlay_new(&fold->states.plan->plan, fold->generation);
    fold->generation = NULL;
    fold->states.engine = states_engine(&fold->states, source->rules);
    *ret_fold = fold;
    return 0;
}

void adopted_shadow(struct adopted_shadows *shadows, uint64_t id) {
    const size_t room = sizeof shadows->ids / sizeof *shadows->ids;
    if (shadows->count == room)
        memmove(shadows->ids, shadows->ids + 1, --shadows->count * sizeof *shadows->ids);
    shadows->ids[shadows->count++] = id;
}

void adopted_note(struct adopted *adopted, const struct record *record) {
    switch (record->type) {
    case RECORD_SNAPSHOT:
        adopted->snapshot_id = record->snapshot.snapshot_id;
        break;
    case RECORD_GENERATION:
        adopted->generation_id = record->generation.generation_id;
        break;
    case RECORD_ENGINE:
        adopted->this_version = text_is(record->engine.version, HARRIER_VERSION) &&
                                engine_record_definition(&record->engine) == ENGINE_DEFINITION;
        break;
    case RECORD_SHADOW:
        adopted_shadow(&adopted->shadows, record->snapshot.snapshot_id);
        break;
    case RECORD_TRANSACTION: /* these change states, which the overlay has done */
    case RECORD_OUTCOME:
    case RECORD_AMENDMENT:
    case RECORD_LIST_CHANGE:
    case RECORD_BRAKE:
    case RECORD_EXPERIMENT:
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
}

void fold_use_prefault(struct fold *fold, struct pages_prefault *prefault) {
    overlay_use_prefault(fold->states.overlay, prefault);
}

struct archive_place fold_place(const struct fold *fold) {
    return archive_reader_place(fold->reader);
}

const struct generation *fold_generation(const struct fold *fold) {
    return overlay_generation(fold->states.overlay);
}

const struct snapshot *fold_plan(const struct fold *fold) {
    return fold->states.plan;
}

const struct snapshot *fold_rules(const struct fold *fold) {
    return engine_rules(fold->states.engine);
}

void fold_use_rules(struct fold *fold, struct snapshot *rules) {
    if (fold_rules(fold) == rules)
        return;
    engine_free(fold->states.engine);
    fold->states.engine = states_engine(&fold->states, rules);
}

static int ended_early(const struct fold *fold, struct archive_place end, struct error *ret_error) {
    return error_set(
        ret_error, ERROR_DAMAGED, "the archive ended at position %llu; expected records up to %llu",
        (unsigned long long)fold_place(fold).position, (unsigned long long)end.position);
}

/* With at least this many records to read, they are applied in bulk: bulk_apply.h. */
#define BULK_APPLY_RECORDS_MIN 2048

/* Applies the record; bulk_apply may be NULL. */
static void apply(struct fold *fold, struct bulk_apply *bulk_apply, const struct record *record) {
    if (!bulk_apply) {
        overlay_apply(fold->states.overlay, fold->states.engine, record);
    } else {
        bulk_apply_add(bulk_apply, record);
        if (bulk_apply_is_full(bulk_apply))
            bulk_apply_apply(bulk_apply);
    }
    adopted_note(&fold->adopted, record);
}

static int apply_until(struct fold *fold, struct bulk_apply *bulk_apply, struct archive_place end,
                       const atomic_bool *stop, struct fold_progress *progress,
                       struct error *ret_error) {
    struct record record;
    uint64_t position = fold_place(fold).position;
    for (uint64_t folded = 0; position < end.position; folded++) {
        arena_reset(&fold->record);
        int r = archive_reader_next(fold->reader, &fold->record, &record, ret_error);
        if (r == 0)
            return ended_early(fold, end, ret_error);
        if (r < 0)
            return r;
        apply(fold, bulk_apply, &record);
        position = record.position;
        if (folded % PROGRESS_STEP != 0)
            continue;
        if (atomic_load(stop))
            return error_set(ret_error, ERROR_INTERRUPTED, "folding the archive was interrupted");
        if (progress)
            progress->report(progress, position, end.position);
    }
    return 0;
}

/* At the end the chain is compared as well: a position alone would not notice records that a
 * rolled-back write has replaced. */
int fold_advance(struct fold *fold, struct archive_place end, const atomic_bool *stop,
                 struct fold_progress *progress, struct error *ret_error) {
    struct bulk_apply *bulk_apply = NULL;
    if (end.position >= fold_place(fold).position + BULK_APPLY_RECORDS_MIN)
        bulk_apply = bulk_apply_new(fold->states.overlay, fold->states.engine);
    int r = apply_until(fold, bulk_apply, end, stop, progress, ret_error);
    if (bulk_apply && r == 0)
        bulk_apply_apply(bulk_apply);
    bulk_apply_free(bulk_apply);
    if (r < 0)
        return r;
    struct archive_place reached = fold_place(fold);
    if (reached.position != end.position || reached.chain != end.chain)
        return error_set(ret_error, ERROR_DAMAGED,
                         "the records up to position %llu differ from those that were written",
                         (unsigned long long)end.position);
    return 0;
}

void fold_take(struct fold *fold, struct snapshot *rules, struct states *ret_states,
               struct adopted *ret_adopted) {
    fold_use_rules(fold, rules);
    *ret_states = fold->states;
    states_init(&fold->states);
    *ret_adopted = fold->adopted;
}
