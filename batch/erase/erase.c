#include "erase.h"

#include "batch/base/monotonic.h"
#include "batch/rebuild/rebuild.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/ingest/erasure_request.h"
#include "core/store/rewrite/archive_rewrite.h"
#include "erase_archive.h"
#include "erase_files.h"
#include "erase_protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PATIENCE_SECONDS 60.0
#define FIELDS_MAX       (FIELD_COUNT + TRANSACTION_ATTRIBUTES_MAX)

struct erase {
    const struct erase_options *options;
    struct progress *progress;
    struct erase_policies policies;
    struct erase_keys keys;
    struct text also[FIELDS_MAX], personal[FIELDS_MAX];
    size_t also_count, personal_count;
    struct erase_record record;
    struct erase_scan scan;
    struct erase_base base;
    struct erase_writer writer;
    struct erase_changes changes;
    struct erase_report *report;
    int lock;
};

void erase_report_deinit(struct erase_report *report) {
    for (size_t i = 0; i < report->left_count; i++)
        free(report->left[i]);
    free(report->left);
    report->left = NULL;
    report->left_count = 0;
}

/* ---------------------------------------------------------------------------------------------
 * What is asked for */

/* The field behind a name: the key of the entity, or the field itself. */
static int resolve(const struct erase_policies *policies, struct text name, struct text *ret_field,
                   struct error *ret_error) {
    const struct snapshot *last = erase_policies_last(policies);
    for (size_t e = 0; e < last->plan.entity_count; e++) {
        const struct entity_binding *binding = &last->bindings[e];
        const struct field *key = &last->schema.fields[binding->key_slots[0]];
        if (!text_equal(last->plan.entities[e].name, name))
            continue;
        if (binding->key_slot_count > 1)
            return error_set(ret_error, ERROR_INVALID,
                             "entity \"%" TEXT_FORMAT "\" has a key of %zu fields; name the field "
                             "that is the person's, for example %" TEXT_FORMAT "=VALUE",
                             TEXT_ARGS(name), binding->key_slot_count, TEXT_ARGS(key->name));
        if (!erase_policies_know(policies, key->name))
            return error_set(ret_error, ERROR_INVALID,
                             "the key of entity \"%" TEXT_FORMAT "\" is %" TEXT_FORMAT
                             ", which no record has as it is; name a field that it is made from",
                             TEXT_ARGS(name), TEXT_ARGS(key->name));
        *ret_field = key->name;
        return 0;
    }
    *ret_field = name;
    if (erase_policies_know(policies, name))
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "\"%" TEXT_FORMAT "\" is no entity of policy %" TEXT_FORMAT
                     " and no text field of any policy in the archive",
                     TEXT_ARGS(name), TEXT_ARGS(last->name));
}

static int take_values(struct erase *erase, struct error *ret_error) {
    for (size_t i = 0; i < erase->options->value_count; i++) {
        const struct erase_value *value = &erase->options->values[i];
        struct text field;
        int r = resolve(&erase->policies, value->name, &field, ret_error);
        if (r < 0)
            return r;
        erase_keys_add(&erase->keys, field, hash_text(value->value), value->value)->is_asked = true;
    }
    erase_keys_sort(&erase->keys);
    return 0;
}

static bool has_text(const struct text *texts, size_t count, struct text text) {
    for (size_t i = 0; i < count; i++)
        if (text_equal(texts[i], text))
            return true;
    return false;
}

static void add_to(struct text *list, size_t *count, struct text field) {
    if (*count < FIELDS_MAX && !has_text(list, *count, field))
        list[(*count)++] = field;
}

/* A field that is an entity's key goes only with values that nobody else has. Any other goes from
 * the persons' records in any case; its values that nobody else has are looked for elsewhere, too.
 */
static void add_field(struct erase *erase, struct text field) {
    if (has_text(erase->keys.fields, erase->keys.field_count, field))
        return;
    add_to(erase->also, &erase->also_count, field);
    if (!erase_policies_has_entity(&erase->policies, field))
        add_to(erase->personal, &erase->personal_count, field);
}

static int take_fields(struct erase *erase, struct error *ret_error) {
    const struct schema *schema = &erase_policies_last(&erase->policies)->schema;
    for (size_t i = 0; i < schema->first_derived; i++)
        if (schema->fields[i].personal)
            add_field(erase, schema->fields[i].name);
    for (size_t i = 0; i < erase->options->also_count; i++) {
        struct text field;
        int r = resolve(&erase->policies, erase->options->also[i], &field, ret_error);
        if (r < 0)
            return error_prefix(ret_error, "--also");
        add_field(erase, field);
    }
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Looking */

static int scan_from(struct erase *erase, uint64_t after, uint64_t *ret_end,
                     struct error *ret_error) {
    struct archive_parts *parts;
    int r = archive_parts_open(erase->options->archive, &parts, ret_error);
    if (r < 0)
        return r;
    *ret_end = archive_parts_end(parts).position;
    r = erase_scan_run(&erase->scan, parts, after, ret_error);
    archive_parts_close(parts);
    return r;
}

/* Values of an erasure that was not finished are removed with these. */
static bool take_pending(struct erase *erase) {
    bool is_new = false;
    for (size_t i = 0; i < erase->scan.pending.count; i++) {
        const struct erase_key *pending = &erase->scan.pending.keys[i];
        erase_keys_add(&erase->keys, pending->field, pending->hash, (struct text){0})->is_settled =
            true;
        is_new = true;
    }
    erase_keys_sort(&erase->keys);
    return is_new;
}

static void forget_counts(struct erase_keys *keys) {
    for (size_t i = 0; i < keys->count; i++)
        keys->keys[i].records = 0;
}

static int look(struct erase *erase, uint64_t *ret_end, struct error *ret_error) {
    int r = scan_from(erase, 0, ret_end, ret_error);
    if (r == 0 && take_pending(erase)) {
        erase->scan.pending.count = 0;
        erase->scan.pending_count = 0;
        erase->record.policies_kept = 0;
        forget_counts(&erase->keys);
        r = scan_from(erase, 0, ret_end, ret_error);
    }
    return r;
}

/* What has come since, up to the record of this erasure at least. Whether others have a value that
 * is found only now, all records say. */
static int look_again(struct erase *erase, uint64_t end, struct error *ret_error) {
    size_t known = erase->keys.count;
    int r = scan_from(erase, end, &end, ret_error);
    if (r < 0 || erase->keys.count == known)
        return r;
    erase->record.policies_kept = 0;
    forget_counts(&erase->keys);
    return scan_from(erase, 0, &end, ret_error);
}

static struct erase_field_report *field_report(struct erase_report *report, struct text field) {
    for (size_t i = 0; i < report->field_count; i++)
        if (text_is(field, report->fields[i].field))
            return &report->fields[i];
    if (report->field_count == ERASE_FIELDS_MAX)
        return &report->fields[ERASE_FIELDS_MAX - 1];
    struct erase_field_report *added = &report->fields[report->field_count++];
    *added = (struct erase_field_report){0};
    snprintf(added->field, sizeof added->field, "%" TEXT_FORMAT, TEXT_ARGS(field));
    return added;
}

static void count_base(struct erase *erase, const struct erase_base_changes *changes) {
    erase->report->base_states = erase->report->base_texts = 0;
    for (size_t i = 0; i < changes->count; i++) {
        erase->report->base_states += changes->bases[i].states;
        erase->report->base_texts += changes->bases[i].texts;
    }
}

static void count_fields(struct erase *erase) {
    erase->report->field_count = 0;
    for (size_t i = 0; i < erase->keys.count; i++) {
        const struct erase_key *key = &erase->keys.keys[i];
        struct erase_field_report *field = field_report(erase->report, key->field);
        if (key->is_shared)
            field->shared++;
        else if (key->is_asked && key->records == 0 && !key->is_in_base)
            field->unseen++;
        else
            field->values++;
        if (!key->is_shared)
            field->records += key->records;
    }
    erase->report->policies_kept = erase->record.policies_kept;
    erase->report->segments = erase->scan.hit_count;
}

/* ---------------------------------------------------------------------------------------------
 * Room */

static uint64_t size_of_tables(const char *generations) {
    char *path = NULL;
    struct stat status;
    uint64_t size = 0;
    if (generations && asprintf(&path, "%s/current/tables.mdb", generations) > 0 &&
        stat(path, &status) == 0)
        size = (uint64_t)status.st_size;
    free(path);
    return size;
}

/* New segments and tables are written before the old ones go. */
static int check_room(const struct erase *erase, struct error *ret_error) {
    struct archive_parts *parts;
    struct statvfs room;
    uint64_t needed = size_of_tables(erase->options->generations);
    int r = archive_parts_open(erase->options->archive, &parts, ret_error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < archive_parts_count(parts); i++) {
        struct archive_part part = archive_parts_part(parts, i);
        bool is_hit = false;
        for (size_t h = 0; h < erase->scan.hit_count && !is_hit; h++)
            is_hit = erase->scan.hits[h].first == part.first;
        if (is_hit || !part.is_sealed)
            needed += part.stored;
    }
    archive_parts_close(parts);
    needed += erase->base.bytes;
    needed += needed / 8 + (UINT64_C(1) << 20);
    if (statvfs(erase->options->archive, &room) < 0)
        return 0; /* the writes will say */
    uint64_t left = (uint64_t)room.f_bavail * room.f_frsize;
    if (left >= needed)
        return 0;
    return error_set(ret_error, ERROR_SYSTEM,
                     "%s: rewriting needs %" PRIu64 " MiB on this disk, and %" PRIu64
                     " are free; nothing was changed",
                     erase->options->archive, (needed >> 20) + 1, left >> 20);
}

/* ---------------------------------------------------------------------------------------------
 * The steps */

static int begin(struct erase *erase, struct error *ret_error) {
    struct erased_key *keys = check_calloc(erase->keys.count, sizeof *keys);
    uint64_t epoch = 0;
    size_t count = 0;
    for (size_t i = 0; i < erase->keys.count; i++)
        if (!erase->keys.keys[i].is_shared)
            keys[count++] = (struct erased_key){.field = erase->keys.keys[i].field,
                                                .hash = erase->keys.keys[i].hash};
    int r = archive_epoch_number(erase->options->archive, &epoch, ret_error);
    erase->report->number = (erase->scan.number > epoch ? erase->scan.number : epoch) + 1;
    const struct erasure_record erasure = {.number = erase->report->number,
                                           .keys = keys,
                                           .key_count = count,
                                           .source = text_of(erase->options->source)};
    if (r == 0)
        r = erase_writer_open(&erase->writer, ret_error);
    if (r == 0)
        r = erase_writer_append(&erase->writer, &erasure, &erase->report->position, ret_error);
    free(keys);
    return r;
}

static int rewrite(struct erase *erase, struct error *ret_error) {
    const struct erase_base_writing writing = {.number = erase->report->number,
                                               .now_us = erase->options->now_us,
                                               .version = erase->options->version};
    int r = erase_rewrite(erase->options->archive, &writing, erase->report->position, &erase->scan,
                          erase->progress, &erase->changes, ret_error);
    count_base(erase, &erase->changes.base);
    erase->report->records = erase->changes.records;
    erase->report->segments = erase->changes.count;
    return r;
}

static bool is_changed(const struct erase_changes *changes, uint64_t first) {
    for (size_t i = 0; i < changes->count; i++)
        if (changes->segments[i].first == first)
            return true;
    return false;
}

/* Tables that a run has written which was killed before it could say so. What they replaced is not
 * known any more. */
static void take_earlier_bases(struct erase *erase) {
    struct erase_base_changes *changes = &erase->changes.base;
    bool was_interrupted = false;
    for (size_t i = 0; i < erase->keys.count; i++)
        was_interrupted |= erase->keys.keys[i].is_settled;
    if (!was_interrupted || changes->count > 0)
        return;
    for (size_t i = 0; i < erase->base.begin.base_count; i++) {
        const struct generation_manifest *manifest =
            generation_manifest(erase->base.tables[i].generation);
        if (manifest->epoch > erase->scan.done_number)
            changes->bases[changes->count++] = (struct erased_base){.after = manifest->id};
    }
}

/* Segments that a run has rewritten which was killed before it could say so: the record that this
 * one is done has their seals, too. */
static int take_earlier_changes(struct erase *erase, struct error *ret_error) {
    struct erase_changes *changes = &erase->changes;
    struct archive_parts *parts;
    int r = archive_parts_open(erase->options->archive, &parts, ret_error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < archive_parts_count(parts); i++) {
        const struct archive_part part = archive_parts_part(parts, i);
        if (part.epoch <= erase->scan.done_number || !part.is_sealed || !part.seal ||
            is_changed(changes, part.first))
            continue;
        changes->segments =
            check_reallocarray(changes->segments, changes->count + 1, sizeof *changes->segments);
        struct erased_segment *segment = &changes->segments[changes->count++];
        *segment = (struct erased_segment){.first = part.first};
        memcpy(segment->seal_before, part.seal_first, sizeof segment->seal_before);
        memcpy(segment->seal, part.seal, sizeof segment->seal);
    }
    archive_parts_close(parts);
    return 0;
}

/* Thresholds stay as they are, unless some have a group for each value of what is removed. */
static bool keeps_thresholds(const struct erase *erase) {
    for (size_t i = 0; i < erase->policies.threshold_count; i++)
        for (size_t k = 0; k < erase->policies.thresholds[i].key_count; k++) {
            struct text field = erase->policies.thresholds[i].fields[k];
            if (field.length == 0 || has_text(erase->keys.fields, erase->keys.field_count, field) ||
                has_text(erase->personal, erase->personal_count, field))
                return false;
        }
    return true;
}

static int build_tables(struct erase *erase, struct error *ret_error) {
    struct generation_mark mark;
    struct rebuild_report built = {0};
    const struct rebuild_options options = {.archive = erase->options->archive,
                                            .generations = erase->options->generations,
                                            .force = true,
                                            .full = true,
                                            .version = erase->options->version,
                                            .now_us = erase->options->now_us,
                                            .memory_bytes = erase->options->memory_bytes,
                                            .keep = 1,
                                            .keep_thresholds = keeps_thresholds(erase),
                                            .drop_cache = true};
    if (!erase->options->generations || !generation_look(erase->options->generations, &mark))
        return 0;
    int r = rebuild_run(&options, erase->progress, &built, ret_error);
    if (r == 0)
        erase->report->generation_id = built.manifest.id;
    rebuild_report_deinit(&built);
    return r < 0 ? error_prefix(ret_error, "the archive is rewritten, the tables are not built yet")
                 : 0;
}

static int clean(struct erase *erase, struct error *ret_error) {
    struct erase_files files = {.keys = &erase->keys,
                                .archive = erase->options->archive,
                                .generations = erase->options->generations,
                                .data = erase->options->data,
                                .rejects = erase->options->rejects};
    size_t bases_removed = 0;
    int r = erase_files_derived(&files, ret_error);
    if (r == 0)
        r = erase_base_clean(erase->options->archive, &bases_removed, ret_error);
    if (r == 0)
        r = build_tables(erase, ret_error);
    if (r == 0)
        r = erase_files_rest(&files, ret_error);
    erase->report->files_removed = files.removed + bases_removed;
    erase->report->rows_overwritten = files.rows;
    erase->report->left = files.left;
    erase->report->left_count = files.left_count;
    return r;
}

static int finish(struct erase *erase, struct error *ret_error) {
    const struct erasure_record erasure = {.number = erase->report->number,
                                           .source = text_of(erase->options->source),
                                           .done = true,
                                           .records = erase->changes.records,
                                           .segments = erase->changes.segments,
                                           .segment_count = erase->changes.count,
                                           .bases = erase->changes.base.bases,
                                           .base_count = erase->changes.base.count};
    uint64_t position;
    count_fields(erase);
    erase->report->segments = erase->changes.count;
    int r = erase_protocol_write(erase->options, &erase->changes, &erase->keys, erase->report,
                                 ret_error);
    return r < 0 ? r : erase_writer_append(&erase->writer, &erasure, &position, ret_error);
}

/* ---------------------------------------------------------------------------------------------
 * The whole */

static bool is_seen(const struct erase_keys *keys) {
    for (size_t i = 0; i < keys->count; i++)
        if (keys->keys[i].records > 0 || keys->keys[i].is_in_base || keys->keys[i].is_settled)
            return true;
    return false;
}

static int work(struct erase *erase, struct error *ret_error) {
    struct erase_base_changes of_base = {0};
    uint64_t end;
    int r = erase_base_open(erase->options->archive, &erase->base, ret_error);
    if (r == 0)
        r = look(erase, &end, ret_error);
    if (r == 0)
        r = erase_base_look(&erase->base, &erase->record, erase->progress, &of_base, ret_error);
    if (r < 0)
        return r;
    count_fields(erase);
    count_base(erase, &of_base);
    if (erase->options->finish && erase->keys.count == 0) {
        erase->report->is_nothing = true;
        return 0;
    }
    if (!is_seen(&erase->keys) && erase->scan.hit_count == 0 && of_base.count == 0 &&
        of_base.others == 0)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "no record of %s that is on disk has %s; nothing was changed",
                         erase->options->archive,
                         erase->options->value_count == 1 ? "this value" : "any of these values");
    if (erase->options->dry_run)
        return 0;
    r = check_room(erase, ret_error);
    if (r == 0)
        r = begin(erase, ret_error);
    if (r == 0)
        r = look_again(erase, end, ret_error);
    if (r == 0)
        r = rewrite(erase, ret_error);
    if (r == 0)
        r = take_earlier_changes(erase, ret_error);
    if (r == 0)
        take_earlier_bases(erase);
    if (r == 0)
        r = clean(erase, ret_error);
    return r < 0 ? r : finish(erase, ret_error);
}

int erase_run(const struct erase_options *options, struct progress *progress,
              struct erase_report *ret_report, struct error *ret_error) {
    double began = monotonic_seconds();
    struct erase erase = {
        .options = options, .progress = progress, .report = ret_report, .lock = -1};
    *ret_report = (struct erase_report){0};
    erase_keys_init(&erase.keys);
    erase_scan_init(&erase.scan);
    erase.record = (struct erase_record){
        .keys = &erase.keys, .policies = &erase.policies, .personal = erase.personal};
    erase.scan.record = &erase.record;
    erase.scan.base = &erase.base;
    erase.scan.also = erase.also;
    erase.scan.progress = progress;
    erase.writer = (struct erase_writer){.path = options->archive,
                                         .now_us = options->now_us,
                                         .patience = options->patience > 0 ? options->patience
                                                                           : PATIENCE_SECONDS};
    int r = erase_policies_load(options->archive, progress, &erase.policies, ret_error);
    if (r == 0)
        r = erasure_lock(options->archive, &erase.lock, ret_error);
    if (r == 0)
        r = take_values(&erase, ret_error);
    if (r == 0)
        r = take_fields(&erase, ret_error);
    erase.record.personal_count = erase.personal_count;
    erase.scan.also_count = erase.also_count;
    if (r == 0)
        r = work(&erase, ret_error);
    erase_writer_close(&erase.writer);
    if (erase.lock >= 0)
        close(erase.lock);
    free(erase.changes.segments);
    erase_base_close(&erase.base);
    erase_scan_deinit(&erase.scan);
    erase_keys_deinit(&erase.keys);
    erase_policies_deinit(&erase.policies);
    ret_report->seconds = monotonic_seconds() - began;
    return r;
}
