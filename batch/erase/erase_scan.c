/* The first pass finds the records of the persons, and collects the values of other fields that go
 * with theirs. The second pass, if there are any, finds who else has them: a value that someone
 * else has, too, stays, and is reported. */
#include "erase_scan.h"

#include "batch/base/record_bytes.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/ingest/erasure_request.h"

#include <stdlib.h>

#define WATCH_STEP 4096 /* records */

void erase_scan_init(struct erase_scan *scan) {
    *scan = (struct erase_scan){0};
    erase_keys_init(&scan->pending);
}

void erase_scan_deinit(struct erase_scan *scan) {
    free(scan->hits);
    erase_keys_deinit(&scan->pending);
}

/* ---- what a record says ---- */

static void note_hit(struct erase_scan *scan, const struct archive_part *part) {
    for (size_t i = scan->hit_count; i-- > 0;)
        if (scan->hits[i].first == part->first && scan->hits[i].day == part->day)
            return;
    if (scan->hit_count == scan->hit_capacity) {
        scan->hit_capacity = scan->hit_capacity ? 2 * scan->hit_capacity : 64;
        scan->hits = check_reallocarray(scan->hits, scan->hit_capacity, sizeof *scan->hits);
    }
    scan->hits[scan->hit_count++] = (struct erase_hit){.day = part->day, .first = part->first};
}

/* Does it have a value that the caller named? Notes the values. */
static bool is_of_person(struct erase_scan *scan, const struct transaction *transaction,
                         bool is_record) {
    struct erase_keys *keys = scan->record->keys;
    bool is_theirs = false;
    for (size_t i = 0; i < keys->field_count; i++) {
        struct text text = erasure_text(transaction, keys->fields[i]);
        struct erase_key *key = erase_keys_find(keys, keys->fields[i], text);
        if (!key)
            continue;
        erase_keys_learn(keys, key, text);
        key->records += is_record;
        key->is_in_base |= !is_record;
        is_theirs |= key->is_asked;
    }
    return is_theirs;
}

static void collect(struct erase_scan *scan, const struct transaction *transaction,
                    struct erase_keys *found) {
    for (size_t i = 0; i < scan->also_count; i++) {
        struct text text = erasure_text(transaction, scan->also[i]);
        if (text.length > 0 && !erase_keys_find(scan->record->keys, scan->also[i], text))
            erase_keys_add(found, scan->also[i], hash_text(text), text);
    }
    if (found->count > 2 * (size_t)WATCH_STEP) /* mostly repeated */
        erase_keys_sort(found);
}

/* A value of a field that goes with the person belongs to someone else if one of the named fields
 * has another value here. */
static void find_others(struct erase_scan *scan, const bool *is_asked,
                        const struct transaction *transaction, bool is_record) {
    struct erase_keys *keys = scan->record->keys;
    bool is_others = false;
    for (size_t i = 0; i < keys->field_count && !is_others; i++) {
        if (!is_asked[i])
            continue;
        struct text text = erasure_text(transaction, keys->fields[i]);
        const struct erase_key *key = erase_keys_find(keys, keys->fields[i], text);
        is_others = text.length > 0 && (!key || !key->is_asked);
    }
    for (size_t i = 0; i < keys->field_count; i++) {
        struct text text = erasure_text(transaction, keys->fields[i]);
        struct erase_key *key = erase_keys_find(keys, keys->fields[i], text);
        if (!key || key->is_asked || key->is_settled)
            continue;
        key->records += key->is_new && is_record;
        key->is_in_base |= !is_record;
        key->is_shared |= is_others;
    }
}

static void take_erasure(struct erase_scan *scan, const struct erasure_record *erasure) {
    if (erasure->number > scan->number)
        scan->number = erasure->number;
    if (erasure->done) {
        scan->done_number = erasure->number;
        scan->pending.count = 0; /* the one that is done has removed those before it, too */
        scan->pending_count = 0;
        return;
    }
    scan->pending_count++;
    for (size_t i = 0; i < erasure->key_count; i++)
        erase_keys_add(&scan->pending, erasure->keys[i].field, erasure->keys[i].hash,
                       (struct text){0});
}

/* ---- passes ---- */

struct pass {
    struct erase_scan *scan;
    struct erase_keys *found; /* of the first pass; NULL: the second */
    bool *is_asked;           /* of the second: fields of which the caller named a value */
    uint64_t done, total;
};

static void look_at(struct pass *pass, const struct transaction *transaction, bool is_record) {
    struct erase_scan *scan = pass->scan;
    if (!pass->found)
        find_others(scan, pass->is_asked, transaction, is_record);
    else if (is_of_person(scan, transaction, is_record))
        collect(scan, transaction, pass->found);
}

static void take_key(void *user, const struct transaction *transaction) {
    look_at(user, transaction, false);
}

static void take_transaction(struct pass *pass, const struct archive_part *part,
                             const struct transaction *transaction) {
    struct erase_scan *scan = pass->scan;
    look_at(pass, transaction, true);
    if (erase_record_concerns(scan->record, transaction))
        note_hit(scan, part);
}

static int take_record(struct pass *pass, const struct archive_part *part,
                       struct archive_part_reader *reader, struct arena *arena,
                       const struct archive_part_record *found, struct error *ret_error) {
    struct record record;
    bool has_transaction = record_type_has_entities(found->type);
    if (!pass->found && !has_transaction)
        return 0;
    arena_reset(arena);
    int r = archive_part_decode(reader, arena, &record, ret_error);
    if (r < 0)
        return r;
    if (has_transaction)
        take_transaction(pass, part, record_transaction(&record));
    else if (record.type == RECORD_ERASURE)
        take_erasure(pass->scan, &record.erasure);
    return 0;
}

/* Rare records quote values, which the passes before have learned. */
static int take_rare(struct pass *pass, const struct archive_part *part,
                     struct archive_part_reader *reader, struct arena *arena,
                     const struct archive_part_record *found, struct error *ret_error) {
    struct record record;
    if (record_type_has_entities(found->type))
        return 0;
    arena_reset(arena);
    int r = archive_part_decode(reader, arena, &record, ret_error);
    if (r == 0 && erase_record_is_rare_hit(pass->scan->record, &record) && !part->is_head)
        note_hit(pass->scan, part);
    return r;
}

typedef int take_function(struct pass *pass, const struct archive_part *part,
                          struct archive_part_reader *reader, struct arena *arena,
                          const struct archive_part_record *found, struct error *ret_error);

static int read_part(struct pass *pass, const struct archive_parts *parts, size_t index,
                     uint64_t after, take_function *take, struct arena *arena,
                     struct error *ret_error) {
    const struct archive_part part = archive_parts_part(parts, index);
    struct archive_part_reader *reader;
    struct archive_part_record found;
    uint64_t records = 0;
    int r = archive_part_open(parts, index, after, true, &reader, ret_error);
    if (r < 0)
        return r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1) {
        r = take(pass, &part, reader, arena, &found, ret_error);
        if (r < 0)
            break;
        if (++records % WATCH_STEP == 0 &&
            progress_update(pass->scan->progress, "scan", pass->done + archive_part_offset(reader),
                            pass->total) != 0) {
            r = error_set(ret_error, ERROR_INTERRUPTED, "interrupted; nothing was changed");
            break;
        }
    }
    archive_part_close(reader);
    pass->done += part.size;
    return r;
}

static int read_parts(struct pass *pass, const struct archive_parts *parts, uint64_t after,
                      take_function *take, uint64_t types, struct error *ret_error) {
    struct arena arena;
    int r = 0;
    arena_init(&arena, RECORD_BYTES_MAX);
    pass->done = pass->total = 0;
    for (size_t i = 0; i < archive_parts_count(parts); i++)
        pass->total += archive_parts_size(parts, i);
    for (size_t i = archive_parts_find(parts, after); i < archive_parts_count(parts) && r >= 0; i++)
        if (archive_parts_part(parts, i).types & types)
            r = read_part(pass, parts, i, after, take, &arena, ret_error);
    arena_deinit(&arena);
    return r < 0 ? r : 0;
}

static void add_found(struct erase_scan *scan, const struct erase_keys *found) {
    for (size_t i = 0; i < found->count; i++)
        erase_keys_add(scan->record->keys, found->keys[i].field, found->keys[i].hash,
                       found->keys[i].value)
            ->is_new = true;
    erase_keys_sort(scan->record->keys);
}

static bool *asked_fields(const struct erase_keys *keys) {
    bool *is_asked = check_calloc(keys->field_count + 1, sizeof *is_asked);
    for (size_t i = 0; i < keys->count; i++)
        for (size_t f = 0; f < keys->field_count && keys->keys[i].is_asked; f++)
            is_asked[f] |= text_equal(keys->fields[f], keys->keys[i].field);
    return is_asked;
}

/* Others may have what was found earlier in the records that are looked at only now. */
static bool has_companions(const struct erase_keys *keys) {
    for (size_t i = 0; i < keys->count; i++)
        if (!keys->keys[i].is_asked && !keys->keys[i].is_settled)
            return true;
    return false;
}

/* One pass over all that has fields. */
static int read_all(struct pass *pass, const struct archive_parts *parts, uint64_t after,
                    uint64_t types, struct error *ret_error) {
    int r = read_parts(pass, parts, after, take_record, types, ret_error);
    if (r == 0 && after == 0)
        r = erase_base_keys(pass->scan->base, pass->scan->progress, take_key, pass, ret_error);
    return r;
}

int erase_scan_run(struct erase_scan *scan, const struct archive_parts *parts, uint64_t after,
                   struct error *ret_error) {
    struct erase_keys found;
    struct pass pass = {.scan = scan, .found = &found};
    erase_keys_init(&found);
    erase_keys_sort(scan->record->keys);
    int r = read_all(&pass, parts, after, UINT64_MAX, ret_error);
    erase_keys_sort(&found);
    if (r == 0)
        add_found(scan, &found);
    if (r == 0 && has_companions(scan->record->keys)) {
        pass.found = NULL;
        pass.is_asked = asked_fields(scan->record->keys);
        r = read_all(&pass, parts, after, record_types_with_entities(), ret_error);
        for (size_t i = 0; i < scan->record->keys->count; i++)
            scan->record->keys->keys[i].is_new = false;
        free(pass.is_asked);
    }
    if (r == 0)
        r = read_parts(&pass, parts, after, take_rare, record_types_rare(), ret_error);
    erase_keys_deinit(&found);
    return r;
}
