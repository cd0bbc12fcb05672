/* The manifest as JSON. docs/ARCHIVE.md lists its members. Members may be added: a reader of an
 * earlier version ignores them, and get_later_hash() reads those that an earlier version did not
 * write. */
#include "manifest.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/value.h"
#include "core/store/archive/file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void manifest_deinit(struct manifest *manifest) {
    for (size_t i = 0; i < manifest->entity_count; i++)
        free(manifest->entities[i].name);
    manifest->entity_count = 0;
}

uint64_t manifest_id(const struct generation_manifest *generation) {
    const uint64_t parts[] = {generation->content_hash, generation->place.position,
                              generation->place.chain, generation->plan_id, generation->id_days};
    size_t count = sizeof parts / sizeof *parts - (generation->id_days == 0);
    uint8_t bytes[sizeof parts];
    for (size_t i = 0; i < count; i++)
        store_u64(bytes + 8 * i, parts[i]);
    return hash64(bytes, 8 * count, 0);
}

/* ---------------------------------------------------------------------------------------------
 * Writing. JSON has no unsigned 64-bit numbers that everybody reads alike, so hashes are 16 hex
 * digits; counts and times stay below 2^63. */

static void put(json_t *object, const char *name, json_t *value) {
    check(value && json_object_set_new(object, name, value) == 0);
}

static void put_hash(json_t *object, const char *name, uint64_t value) {
    char hex[HASH_HEX_SIZE];
    hash_hex(value, hex);
    put(object, name, json_string(hex));
}

static void put_number(json_t *object, const char *name, uint64_t value) {
    check(value <= INT64_MAX);
    put(object, name, json_integer((json_int_t)value));
}

static json_t *format_tally(const struct tally *tally) {
    json_t *labels = json_object();
    for (int label = LABEL_NONE + 1; label < LABEL_COUNT; label++)
        put_number(labels, label_name((enum label)label), tally->labels[label]);
    json_t *object = json_object();
    put_number(object, "transactions", tally->transactions);
    put_number(object, "outcomes", tally->outcomes);
    put(object, "labels", labels);
    put(object, "newest_event_time_us", json_integer(tally->newest_event_time_us));
    return object;
}

static json_t *format_entities(const struct manifest *manifest) {
    json_t *array = json_array();
    for (size_t i = 0; i < manifest->entity_count; i++) {
        json_t *entity = json_object();
        put(entity, "name", json_string(manifest->entities[i].name));
        put_number(entity, "states", manifest->entities[i].states);
        check(json_array_append_new(array, entity) == 0);
    }
    return array;
}

/* Over the object without its "checksum", in compact form with sorted members: it does not depend
 * on the layout. */
static uint64_t checksum_of(const json_t *object) {
    json_t *rest = json_copy((json_t *)(uintptr_t)object);
    check(rest);
    json_object_del(rest, "checksum");
    char *bytes = json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS);
    check(bytes);
    uint64_t checksum = hash64(bytes, strlen(bytes), 0);
    free(bytes);
    json_decref(rest);
    return checksum;
}

char *manifest_format(const struct manifest *manifest) {
    const struct generation_manifest *generation = &manifest->generation;
    char created[64];
    value_format(value_timestamp(generation->created_time_us), created, sizeof created);
    json_t *object = json_object();
    put_number(object, "format", MANIFEST_FORMAT);
    put_hash(object, "id", generation->id);
    put_number(object, "position", generation->place.position);
    put_hash(object, "chain", generation->place.chain);
    put_hash(object, "plan_id", generation->plan_id);
    put_hash(object, "snapshot_id", generation->snapshot_id);
    put_hash(object, "adopted_id", generation->adopted_id);
    if (generation->epoch > 0)
        put_number(object, "epoch", generation->epoch);
    put(object, "created", json_string(created));
    put(object, "created_time_us", json_integer(generation->created_time_us));
    put(object, "version", json_string(generation->version));
    put_number(object, "states", generation->states);
    put_number(object, "ids", generation->ids);
    put_number(object, "ids_from", generation->ids_from);
    put_number(object, "ids_since_us", (uint64_t)generation->ids_since_us);
    put_number(object, "id_days", generation->id_days);
    put(object, "entities", format_entities(manifest));
    put(object, "tally", format_tally(&manifest->tally));
    put_hash(object, "state_hash", generation->state_hash);
    put_hash(object, "content_hash", generation->content_hash);
    put_number(object, "file_size", manifest->file_size);
    put_hash(object, "file_hash", manifest->file_hash);
    put(object, "lmdb", json_string(manifest->lmdb));
    put_hash(object, "checksum", checksum_of(object));
    char *bytes = json_dumps(object, JSON_INDENT(2));
    check(bytes);
    json_decref(object);
    return bytes;
}

/* ---------------------------------------------------------------------------------------------
 * Reading. The first member that is missing or invalid is recorded; reads continue. */

struct reading {
    const json_t *object;
    const char *fault; /* name of the member; NULL: all well so far */
};

/* The first member that is missing or of another type is remembered, and the reads after it return
 * 0 or "": one check at the end is enough. */
static json_t *get(struct reading *reading, const char *name, json_type type) {
    json_t *value = json_object_get(reading->object, name);
    if (value && json_typeof(value) == type)
        return value;
    if (!reading->fault)
        reading->fault = name;
    return NULL;
}

static int64_t get_time(struct reading *reading, const char *name) {
    json_t *value = get(reading, name, JSON_INTEGER);
    return value ? json_integer_value(value) : 0;
}

static uint64_t get_number(struct reading *reading, const char *name) {
    int64_t value = get_time(reading, name);
    if (value < 0 && !reading->fault)
        reading->fault = name;
    return value < 0 ? 0 : (uint64_t)value;
}

static struct text get_text(struct reading *reading, const char *name) {
    json_t *value = get(reading, name, JSON_STRING);
    if (!value)
        return TEXT_LITERAL("");
    return (struct text){.data = json_string_value(value), .length = json_string_length(value)};
}

static uint64_t get_hash(struct reading *reading, const char *name) {
    uint64_t hash = 0;
    if (hash_parse_hex(get_text(reading, name), &hash) < 0 && !reading->fault)
        reading->fault = name;
    return hash;
}

/* 0 if an earlier version did not write it. */
static uint64_t get_later_hash(struct reading *reading, const char *name) {
    return json_object_get(reading->object, name) ? get_hash(reading, name) : 0;
}

/* Likewise. */
static uint64_t get_later_number(struct reading *reading, const char *name) {
    return json_object_get(reading->object, name) ? get_number(reading, name) : 0;
}

static void get_string(struct reading *reading, const char *name, char *ret_string, size_t size) {
    struct text text = get_text(reading, name);
    if (text.length >= size && !reading->fault)
        reading->fault = name;
    snprintf(ret_string, size, "%" TEXT_FORMAT, TEXT_ARGS(text));
}

static void parse_tally(struct reading *reading, struct tally *ret_tally) {
    struct reading tally = {.object = get(reading, "tally", JSON_OBJECT)};
    struct reading labels = {.object = get(&tally, "labels", JSON_OBJECT)};
    *ret_tally = (struct tally){
        .transactions = get_number(&tally, "transactions"),
        .outcomes = get_number(&tally, "outcomes"),
        .newest_event_time_us = get_time(&tally, "newest_event_time_us"),
    };
    for (int label = LABEL_NONE + 1; label < LABEL_COUNT; label++)
        ret_tally->labels[label] = get_number(&labels, label_name((enum label)label));
    if (!reading->fault)
        reading->fault = tally.fault ? tally.fault : labels.fault;
}

static void parse_entities(struct reading *reading, struct manifest *manifest) {
    json_t *array = get(reading, "entities", JSON_ARRAY);
    size_t count = json_array_size(array);
    if (count > PLAN_ENTITIES_MAX && !reading->fault)
        reading->fault = "entities";
    for (size_t i = 0; i < count && !reading->fault; i++) {
        struct reading entity = {.object = json_array_get(array, i)};
        manifest->entities[i] = (struct manifest_entity){
            .name = text_copy(get_text(&entity, "name")),
            .states = get_number(&entity, "states"),
        };
        manifest->entity_count = i + 1;
        reading->fault = entity.fault;
    }
}

static int parse_object(const json_t *object, struct manifest *manifest, struct error *ret_error) {
    struct reading reading = {.object = object};
    uint64_t format = get_number(&reading, "format");
    if (!reading.fault && format != MANIFEST_FORMAT)
        return error_set_newer(ret_error,
                               "generation format %" PRIu64
                               " (this version reads %d; its `harrier rebuild` makes such tables)",
                               format, MANIFEST_FORMAT);
    uint64_t checksum = get_hash(&reading, "checksum");
    manifest->generation = (struct generation_manifest){
        .id = get_hash(&reading, "id"),
        .place = {.position = get_number(&reading, "position"),
                  .chain = get_hash(&reading, "chain")},
        .plan_id = get_hash(&reading, "plan_id"),
        .snapshot_id = get_hash(&reading, "snapshot_id"),
        .adopted_id = get_later_hash(&reading, "adopted_id"),
        .epoch = get_later_number(&reading, "epoch"),
        .states = get_number(&reading, "states"),
        .ids = get_number(&reading, "ids"),
        .ids_from = get_later_number(&reading, "ids_from"),
        .ids_since_us = (int64_t)get_later_number(&reading, "ids_since_us"),
        .id_days = get_later_number(&reading, "id_days"),
        .state_hash = get_hash(&reading, "state_hash"),
        .content_hash = get_hash(&reading, "content_hash"),
        .created_time_us = get_time(&reading, "created_time_us"),
    };
    get_string(&reading, "version", manifest->generation.version,
               sizeof manifest->generation.version);
    get_string(&reading, "lmdb", manifest->lmdb, sizeof manifest->lmdb);
    manifest->file_size = get_number(&reading, "file_size");
    manifest->file_hash = get_hash(&reading, "file_hash");
    parse_tally(&reading, &manifest->tally);
    parse_entities(&reading, manifest);
    if (reading.fault)
        return error_set(ret_error, ERROR_DAMAGED, "\"%s\" is missing or invalid", reading.fault);
    if (checksum != checksum_of(object) ||
        manifest_id(&manifest->generation) != manifest->generation.id)
        return error_set(ret_error, ERROR_DAMAGED,
                         "its checksum does not match: the file was changed");
    return 0;
}

int manifest_parse(const char *bytes, size_t length, struct manifest *ret_manifest,
                   struct error *ret_error) {
    json_error_t json_error;
    json_t *object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &json_error);
    if (!object)
        return error_set(ret_error, ERROR_DAMAGED, "line %d: not JSON: %s", json_error.line,
                         json_error.text);
    struct manifest manifest = {0};
    int r = parse_object(object, &manifest, ret_error);
    json_decref(object);
    if (r < 0)
        manifest_deinit(&manifest);
    else
        *ret_manifest = manifest;
    return r;
}
