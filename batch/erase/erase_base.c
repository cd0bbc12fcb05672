#include "erase_base.h"

#include "batch/base/record_bytes.h"
#include "core/base/check.h"
#include "core/engine/erasure.h"
#include "core/feature/state/state_texts.h"
#include "core/store/archive/file.h"
#include "core/store/generation/generation_base.h"
#include "core/store/generation/generation_publish.h"
#include "core/store/generation/tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WATCH_STEP 4096 /* keys */

/* ---------------------------------------------------------------------------------------------
 * Opening */

static int load_policy(struct erase_base_table *table, struct error *ret_error) {
    const struct generation_manifest *manifest = generation_manifest(table->generation);
    struct buffer messages;
    size_t count;
    const struct policy_file *files = generation_files(table->generation, &count);
    buffer_init(&messages);
    int r = snapshot_load(files, count, &table->snapshot, &messages, ret_error);
    buffer_deinit(&messages);
    if (r < 0 || table->snapshot->plan.id != manifest->plan_id)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "the tables for the beginning of the archive were built by version %s, "
                         "which computes features differently: erase with that version",
                         manifest->version);
    return generation_bind(table->generation, &table->snapshot->plan, ret_error);
}

static void find_sources(struct erase_base_table *table) {
    const struct snapshot *plan = table->snapshot;
    table->sources = check_calloc(plan->slot_count * plan->slot_count, sizeof *table->sources);
    for (size_t slot = plan->schema.first_derived; slot < plan->schema.field_count; slot++)
        engine_field_sources(plan, slot, table->sources + slot * plan->slot_count);
}

static uint64_t size_of(const char *archive, const struct archive_begin *begin, size_t i) {
    struct stat status;
    char *root = generation_base_root(archive);
    char *path = name_printf("%s/g-%020" PRIu64 "-%016" PRIx64 "/tables.mdb", root,
                             begin->place.position, begin->bases[i].generation_id);
    uint64_t size = stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
    free(path);
    free(root);
    return size;
}

int erase_base_open(const char *archive, struct erase_base *ret_base, struct error *ret_error) {
    *ret_base = (struct erase_base){.archive = archive};
    int r = archive_begin_look_at(archive, &ret_base->begin, ret_error);
    for (size_t i = 0; r == 0 && i < ret_base->begin.base_count; i++) {
        struct erase_base_table *table = &ret_base->tables[i];
        r = generation_open_base_of(archive, &ret_base->begin, ret_base->begin.bases[i].plan_id,
                                    true, &table->generation, ret_error);
        if (r == 0)
            r = load_policy(table, ret_error);
        if (r == 0)
            find_sources(table);
        ret_base->bytes += size_of(archive, &ret_base->begin, i);
    }
    return r < 0 ? r : 0;
}

void erase_base_close(struct erase_base *base) {
    for (size_t i = 0; i < base->begin.base_count; i++) {
        generation_close(base->tables[i].generation);
        snapshot_unref(base->tables[i].snapshot);
        free(base->tables[i].sources);
        base->tables[i] = (struct erase_base_table){0};
    }
}

/* ---------------------------------------------------------------------------------------------
 * Keys */

/* The name by which an erasure knows the field; length 0: it has no texts, or is derived. */
static struct text name_of(const struct field *field) {
    if (field->type != VALUE_TEXT)
        return (struct text){0};
    if (field->kind == FIELD_KIND_TEXT)
        return text_of(transaction_field_name(field->source));
    return field->kind == FIELD_KIND_ATTRIBUTE ? field->name : (struct text){0};
}

/* A key's parts, as the engine composes them: of several, each follows its length. */
static size_t take_parts(struct text key, size_t count, struct text parts[PLAN_KEY_PARTS_MAX]) {
    struct cursor cursor = cursor_of(key.data, key.length);
    if (count == 1) {
        parts[0] = key;
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t length = cursor_varint(&cursor);
        if (cursor.failed || length > cursor_left(&cursor))
            return i;
        parts[i] = cursor_text(&cursor, length);
    }
    return count;
}

/* The fields of a key, as a transaction has them. */
struct named {
    struct transaction transaction;
    struct attribute attributes[PLAN_KEY_PARTS_MAX];
    struct text parts[PLAN_KEY_PARTS_MAX];
    size_t part_count;
};

static void name_fields(const struct snapshot *plan, size_t entity, struct text key,
                        struct named *named) {
    const struct entity_binding *binding = &plan->bindings[entity];
    *named = (struct named){0};
    named->part_count = take_parts(key, binding->key_slot_count, named->parts);
    for (size_t i = 0; i < named->part_count; i++) {
        const struct field *field = &plan->schema.fields[binding->key_slots[i]];
        if (field->type != VALUE_TEXT)
            continue;
        if (field->kind == FIELD_KIND_TEXT)
            named->transaction.fields[field->source] = named->parts[i];
        else if (field->kind == FIELD_KIND_ATTRIBUTE)
            named->attributes[named->transaction.attribute_count++] = (struct attribute){
                .name = field->name, .type = ATTRIBUTE_TEXT, .text = named->parts[i]};
    }
    named->transaction.attributes = named->attributes;
}

static bool names_fields(const struct snapshot *plan, size_t entity) {
    const struct entity_binding *binding = &plan->bindings[entity];
    for (size_t i = 0; i < binding->key_slot_count; i++)
        if (name_of(&plan->schema.fields[binding->key_slots[i]]).length > 0)
            return true;
    return false;
}

static int watch(struct progress *progress, uint64_t done, uint64_t total,
                 struct error *ret_error) {
    if (done % WATCH_STEP != 0 || progress_update(progress, "base", done, total) == 0)
        return 0;
    return error_set(ret_error, ERROR_INTERRUPTED, "interrupted; nothing was changed");
}

int erase_base_keys(const struct erase_base *base, struct progress *progress,
                    void (*take)(void *user, const struct transaction *transaction), void *user,
                    struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < base->begin.base_count; i++) {
        const struct erase_base_table *table = &base->tables[i];
        const struct snapshot *plan = table->snapshot;
        uint64_t done = 0, total = generation_manifest(table->generation)->states;
        for (size_t e = 0; e < plan->plan.entity_count && r == 0; e++) {
            struct text key, state;
            struct named named;
            if (!names_fields(plan, e))
                continue;
            struct generation_cursor *cursor = generation_cursor_open(table->generation, e);
            while (r == 0 && generation_cursor_next(cursor, &key, &state)) {
                name_fields(plan, e, key, &named);
                take(user, &named.transaction);
                r = watch(progress, ++done, total, ret_error);
            }
            generation_cursor_close(cursor);
        }
    }
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * What goes */

struct copying {
    const struct erase_base_table *table;
    struct erase_record *record;
    struct generation_writer *writer; /* NULL: only look */
    struct progress *progress;
    struct erased_base changes;
    uint64_t others;
    struct arena arena;
    struct buffer state;
};

/* Does the text of a derived field contain a value that it may be made from? */
static bool tells(const struct copying *copying, size_t slot, struct text text) {
    const struct snapshot *plan = copying->table->snapshot;
    const bool *sources = copying->table->sources + slot * plan->slot_count;
    const struct erase_keys *keys = copying->record->keys;
    for (size_t i = 0; i < plan->schema.first_derived; i++) {
        struct text name = sources[i] ? name_of(&plan->schema.fields[i]) : (struct text){0};
        for (size_t k = 0; k < keys->count && name.length > 0; k++)
            if (!keys->keys[k].is_shared && text_equal(keys->keys[k].field, name) &&
                engine_text_tells(text, keys->keys[k].value))
                return true;
    }
    return false;
}

static bool is_removed(const struct copying *copying, size_t slot, struct text text) {
    const struct field *field = &copying->table->snapshot->schema.fields[slot];
    if (field->type != VALUE_TEXT)
        return false;
    if (field->kind == FIELD_KIND_DERIVED)
        return tells(copying, slot, text);
    struct text name = name_of(field);
    const struct erase_key *key =
        name.length > 0 ? erase_keys_find(copying->record->keys, name, text) : NULL;
    return key && !key->is_shared;
}

static bool is_theirs(const struct copying *copying, size_t entity, struct text key) {
    const struct entity_binding *binding = &copying->table->snapshot->bindings[entity];
    struct text parts[PLAN_KEY_PARTS_MAX];
    size_t count = take_parts(key, binding->key_slot_count, parts);
    for (size_t i = 0; i < count; i++)
        if (is_removed(copying, binding->key_slots[i], parts[i]))
            return true;
    return false;
}

struct texts {
    struct state_texts texts; /* first */
    const struct copying *copying;
    size_t entity;
    bool may_show;
};

static bool is_text_removed(struct state_texts *self, size_t column, struct text text) {
    const struct texts *texts = (const struct texts *)self;
    const struct entity_binding *binding =
        &texts->copying->table->snapshot->bindings[texts->entity];
    return is_removed(texts->copying, binding->column_slots[column], text);
}

/* ---------------------------------------------------------------------------------------------
 * Copying: with a writer; without, only counting */

/* May states of the entity show a text that is removed? Mostly not, and they are copied as they
 * are. */
static bool may_show(const struct copying *copying, size_t entity) {
    const struct snapshot *plan = copying->table->snapshot;
    const struct entity_plan *of = &plan->plan.entities[entity];
    const struct erase_keys *keys = copying->record->keys;
    for (size_t i = 0; i < of->column_count; i++) {
        const struct field *field = &plan->schema.fields[plan->bindings[entity].column_slots[i]];
        if (of->columns[i].type != COLUMN_TEXT)
            continue;
        if (field->kind == FIELD_KIND_DERIVED)
            return true;
        for (size_t f = 0; f < keys->field_count; f++)
            if (text_equal(keys->fields[f], name_of(field)))
                return true;
    }
    return false;
}

static int copy_state(struct copying *copying, size_t entity, struct text key, struct text state,
                      struct texts *texts, struct error *ret_error) {
    if (is_theirs(copying, entity, key)) {
        copying->changes.states++;
        return 0;
    }
    buffer_clear(&copying->state);
    if (texts->may_show && state_replace_texts(state.data, state.length,
                                               &copying->table->snapshot->plan.entities[entity],
                                               &texts->texts, &copying->state))
        state = buffer_text(&copying->state);
    return copying->writer ? generation_writer_state(copying->writer, entity, key, state, ret_error)
                           : 0;
}

static int copy_states(struct copying *copying, struct error *ret_error) {
    const struct generation *generation = copying->table->generation;
    uint64_t done = 0, total = generation_manifest(generation)->states;
    int r = 0;
    for (size_t e = 0; e < copying->table->snapshot->plan.entity_count && r == 0; e++) {
        struct texts texts = {
            .texts = {.is_replaced = is_text_removed, .by = TEXT_LITERAL(ERASED_SHOWN)},
            .copying = copying,
            .entity = e,
            .may_show = may_show(copying, e)};
        struct text key, state;
        struct generation_cursor *cursor = generation_cursor_open(generation, e);
        while (r == 0 && generation_cursor_next(cursor, &key, &state)) {
            r = copy_state(copying, e, key, state, &texts, ret_error);
            if (r == 0)
                r = watch(copying->progress, ++done, total, ret_error);
        }
        generation_cursor_close(cursor);
        copying->changes.texts += texts.texts.replaced;
    }
    return r;
}

static int copy_ids(struct copying *copying, struct error *ret_error) {
    struct generation_cursor *cursor = generation_cursor_open_ids(copying->table->generation);
    struct known_id known;
    uint64_t hash;
    int r = 0;
    while (copying->writer && r == 0 && generation_cursor_next_id(cursor, &hash, &known))
        r = generation_writer_id(copying->writer, hash, known, ret_error);
    generation_cursor_close(cursor);
    return r;
}

/* ---- lists ---- */

struct lists {
    struct copying *copying;
    struct list_table *left;
    struct error *error;
};

static int copy_list(void *user, const struct list_part *part) {
    struct lists *lists = user;
    struct copying *copying = lists->copying;
    struct list_part left = *part;
    arena_reset(&copying->arena);
    struct list_addition *additions =
        arena_calloc(&copying->arena, part->count + 1, sizeof *additions);
    check(additions);
    left.additions = additions;
    left.count = 0;
    for (size_t i = 0; i < part->count; i++) {
        struct list_addition addition = part->additions[i];
        enum erased_addition erased = erase_record_addition(copying->record, part->list, &addition);
        copying->others += erased != ADDITION_STAYS;
        if (erased != ADDITION_GOES)
            additions[left.count++] = addition;
    }
    return list_table_restore(lists->left, &left, lists->error);
}

static int copy_lists(struct copying *copying, struct list_table *from,
                      struct list_table **ret_left, struct error *ret_error) {
    struct lists lists = {.copying = copying, .left = list_table_new(), .error = ret_error};
    int r = list_table_visit(from, copy_list, &lists);
    if (r == 0)
        *ret_left = lists.left;
    else
        list_table_free(lists.left);
    return r;
}

/* ---- thresholds ---- */

static struct threshold_set copy_thresholds(struct copying *copying, struct arena *arena) {
    const struct thresholds *thresholds = generation_thresholds(copying->table->generation);
    struct threshold_set left = {0};
    if (!thresholds)
        return left;
    left = *thresholds_set(thresholds);
    struct threshold_values *values = arena_calloc(arena, left.threshold_count + 1, sizeof *values);
    check(values);
    for (size_t i = 0; i < left.threshold_count; i++) {
        values[i] = left.thresholds[i];
        copying->others += erase_record_groups(copying->record, &values[i], arena);
    }
    left.thresholds = values;
    return left;
}

/* The table has the threshold only as part of a hash. */
static bool is_baseline_removed(const struct copying *copying, uint64_t hash, struct text key) {
    const struct erase_policies *policies = copying->record->policies;
    for (size_t i = 0; i < policies->threshold_count; i++) {
        const struct erase_threshold *threshold = &policies->thresholds[i];
        if (generation_baseline_hash(threshold->definition, key) == hash)
            return erase_record_is_group(copying->record, threshold, threshold->key_count, key);
    }
    for (size_t count = 1; count <= THRESHOLD_KEYS_MAX; count++)
        if (erase_record_is_group(copying->record, NULL, count, key))
            return true;
    return false;
}

static int copy_baselines(void *user, struct generation_writer *writer, struct error *ret_error) {
    struct copying *copying = user;
    struct generation_cursor *cursor = generation_cursor_open_baselines(copying->table->generation);
    struct text key;
    uint64_t hash;
    double value;
    int r = 0;
    while (cursor && r == 0 && generation_cursor_next_baseline(cursor, &hash, &key, &value)) {
        if (is_baseline_removed(copying, hash, key))
            copying->others++;
        else if (writer)
            r = generation_writer_baseline(writer, hash, key, value, ret_error);
    }
    if (cursor)
        generation_cursor_close(cursor);
    return r;
}

/* ---- one table ---- */

static void copying_init(struct copying *copying, const struct erase_base_table *table,
                         struct erase_record *record, struct progress *progress) {
    *copying = (struct copying){.table = table, .record = record, .progress = progress};
    copying->changes.before = generation_manifest(table->generation)->id;
    arena_init(&copying->arena, SIZE_MAX);
    buffer_init(&copying->state);
}

static void copying_deinit(struct copying *copying) {
    arena_deinit(&copying->arena);
    buffer_deinit(&copying->state);
}

static int finish(struct copying *copying, const struct erase_base_writing *writing,
                  struct error *ret_error) {
    const struct generation *generation = copying->table->generation;
    const struct generation_manifest *manifest = generation_manifest(generation);
    const struct tally tally = generation_tally(generation);
    struct list_table *lists = generation_take_lists(copying->table->generation), *left = NULL;
    struct source_table *sources = generation_take_sources(copying->table->generation);
    struct snapshot_record snapshot = {.snapshot_id = manifest->snapshot_id};
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    snapshot.files = generation_files(generation, &snapshot.file_count);
    struct threshold_set thresholds = copy_thresholds(copying, &arena);
    int r = copy_lists(copying, lists, &left, ret_error);
    const struct generation_description description = {.place = manifest->place,
                                                       .snapshot = &snapshot,
                                                       .tally = &tally,
                                                       .adopted_id = manifest->adopted_id,
                                                       .ids_from = manifest->ids_from,
                                                       .ids_since_us = manifest->ids_since_us,
                                                       .id_days = manifest->id_days,
                                                       .epoch = writing->number,
                                                       .lists = left,
                                                       .sources = sources,
                                                       .thresholds = &thresholds,
                                                       .put_baselines = copy_baselines,
                                                       .baselines_user = copying,
                                                       .now_us = writing->now_us,
                                                       .version = writing->version};
    if (r == 0)
        r = generation_writer_finish(copying->writer, &description, ret_error);
    arena_deinit(&arena);
    list_table_free(lists);
    list_table_free(left);
    source_table_free(sources);
    return r;
}

static int publish(struct copying *copying, struct error *ret_error) {
    struct generation_manifest made;
    int r = 0;
    for (size_t i = 0; i < generation_writer_checks(copying->writer) && r == 0; i++)
        r = generation_writer_check(copying->writer, i, ret_error);
    if (r == 0)
        r = generation_writer_publish(copying->writer, &made, ret_error);
    if (r == 0)
        copying->changes.after = made.id;
    return r;
}

static int copy_table(const struct erase_base *base, struct copying *copying,
                      const struct erase_base_writing *writing, struct error *ret_error) {
    char *root = generation_base_root(base->archive);
    int r =
        generation_writer_open(root, &copying->table->snapshot->plan, &copying->writer, ret_error);
    free(root);
    if (r == 0)
        r = copy_states(copying, ret_error);
    if (r == 0)
        r = copy_ids(copying, ret_error);
    if (r == 0)
        r = finish(copying, writing, ret_error);
    if (r == 0)
        r = publish(copying, ret_error);
    generation_writer_close(copying->writer);
    if (r == 0)
        generation_base_own(base->archive, base->begin.place.position, copying->changes.after);
    return r < 0 ? error_prefix(ret_error, "the tables for the beginning of the archive") : 0;
}

/* Lists are looked at in the kept records alone, which say what is in them. */
static int look_at_table(struct copying *copying, struct error *ret_error) {
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    int r = copy_states(copying, ret_error);
    if (r == 0)
        r = copy_baselines(copying, NULL, ret_error);
    if (r == 0)
        copy_thresholds(copying, &arena);
    arena_deinit(&arena);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Kept records */

static int rewrite_kept(const struct erase_base *base, struct erase_record *record,
                        struct buffer *ret_frames, uint64_t *ret_changed, struct error *ret_error) {
    struct archive_kept kept;
    struct buffer frames, payload;
    struct record decoded;
    struct arena arena;
    int directory;
    int r = directory_open(base->archive, "archive", &directory, ret_error);
    if (r < 0)
        return r;
    buffer_init(&frames);
    buffer_init(&payload);
    arena_init(&arena, 4 * RECORD_BYTES_MAX);
    r = archive_begin_load(directory, &base->begin, &frames, ret_error);
    for (size_t at = 0; r == 0 && archive_begin_next(&frames, &at, &kept);) {
        arena_reset(&arena);
        buffer_clear(&payload);
        r = record_decode(kept.type, kept.payload.data, kept.payload.length, &arena, &decoded,
                          ret_error);
        if (r == 0)
            r = erase_record_rewrite(record, &decoded, &arena, &payload, ret_error);
        if (r < 0)
            break;
        archive_begin_keep(ret_frames, kept.type, kept.position,
                           r == 1 ? buffer_text(&payload) : kept.payload);
        *ret_changed += r == 1;
        r = 0;
    }
    arena_deinit(&arena);
    buffer_deinit(&frames);
    buffer_deinit(&payload);
    close(directory);
    return r < 0 ? error_prefix(ret_error, "%s", base->archive) : 0;
}

/* ---------------------------------------------------------------------------------------------
 * All of them */

static bool has_changes(const struct copying *copying) {
    return copying->changes.states > 0 || copying->changes.texts > 0 || copying->others > 0;
}

int erase_base_look(const struct erase_base *base, struct erase_record *record,
                    struct progress *progress, struct erase_base_changes *ret_changes,
                    struct error *ret_error) {
    struct erase_base_changes changes = {0};
    struct buffer frames;
    int r = 0;
    if (base->begin.base_count == 0) {
        *ret_changes = changes;
        return 0;
    }
    uint64_t policies_kept = record->policies_kept;
    buffer_init(&frames);
    r = rewrite_kept(base, record, &frames, &changes.others, ret_error);
    record->policies_kept = policies_kept; /* the scan has counted them */
    buffer_deinit(&frames);
    for (size_t i = 0; i < base->begin.base_count && r == 0; i++) {
        struct copying copying;
        copying_init(&copying, &base->tables[i], record, progress);
        r = look_at_table(&copying, ret_error);
        changes.others += copying.others;
        if (has_changes(&copying))
            changes.bases[changes.count++] = copying.changes;
        copying_deinit(&copying);
    }
    if (r == 0)
        *ret_changes = changes;
    return r;
}

/* The lists in the tables follow from the kept records: if one of these changes, all tables do. */
int erase_base_rewrite(const struct erase_base *base, struct erase_record *record,
                       const struct erase_base_writing *writing, struct progress *progress,
                       struct erase_base_changes *ret_changes, struct error *ret_error) {
    struct erase_base_changes looked;
    struct archive_begin begin = base->begin;
    struct buffer frames;
    int r = erase_base_look(base, record, progress, &looked, ret_error);
    *ret_changes = (struct erase_base_changes){0};
    if (r < 0 || (looked.count == 0 && looked.others == 0))
        return r;
    buffer_init(&frames);
    for (size_t i = 0; i < begin.base_count && r == 0; i++) {
        struct copying copying;
        copying_init(&copying, &base->tables[i], record, progress);
        r = copy_table(base, &copying, writing, ret_error);
        begin.bases[i].generation_id = copying.changes.after;
        if (r == 0 && copying.changes.after != copying.changes.before)
            ret_changes->bases[ret_changes->count++] = copying.changes;
        ret_changes->others += copying.others;
        copying_deinit(&copying);
    }
    if (r == 0)
        r = rewrite_kept(base, record, &frames, &ret_changes->others, ret_error);
    if (r == 0)
        r = archive_rewriting_beginning(writing->rewriting, &begin, &frames, ret_error);
    buffer_deinit(&frames);
    return r;
}

int erase_base_clean(const char *archive, size_t *ret_removed, struct error *ret_error) {
    struct archive_begin begin;
    int r = archive_begin_look_at(archive, &begin, ret_error);
    *ret_removed = 0;
    if (r == 0)
        r = generation_base_clean(archive, &begin, true, ret_removed, ret_error);
    return r < 0 ? r : 0;
}
