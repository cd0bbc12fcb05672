/* The values of a generation's thresholds. A table is one block of memory, so that a frame can hold
 * it like any text: a head and the places of a hash table with open addressing, at most half full.
 * The keys are texts elsewhere in the same arena. */
#include "threshold.h"

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>

struct place {
    struct text key; /* .data NULL: empty */
    double value;
};

struct table {
    bool has_overall;
    double overall;
    size_t mask;
    struct place places[];
};

struct thresholds {
    struct arena arena;
    struct threshold_set set;
    struct text *tables; /* parallel to set.thresholds */
};

/* Prefixing each part with its length keeps ("ab", "c") and ("a", "bc") apart. Parts that are too
 * long give no key: the group cannot exist. */
struct text threshold_key(const struct text *parts, size_t part_count,
                          char ret_bytes[THRESHOLD_KEY_MAX]) {
    check(part_count <= THRESHOLD_KEYS_MAX);
    char *at = ret_bytes;
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].length == 0 || parts[i].length > THRESHOLD_KEY_PART_MAX)
            return (struct text){0};
        if (part_count > 1)
            at = (char *)varint_put((uint8_t *)at, parts[i].length);
        memcpy(at, parts[i].data, parts[i].length);
        at += parts[i].length;
    }
    return (struct text){.data = ret_bytes, .length = (size_t)(at - ret_bytes)};
}

/* The place of the key, or the empty one where it would be inserted. */
static const struct place *place_of(const struct table *table, struct text key) {
    size_t at = (size_t)hash_text(key) & table->mask;
    while (table->places[at].key.data && !text_equal(table->places[at].key, key))
        at = (at + 1) & table->mask;
    return &table->places[at];
}

static struct text make_table(const struct threshold_values *values, struct arena *arena) {
    size_t size = 2;
    while (size < 2 * values->group_count)
        size *= 2;
    size_t bytes = sizeof(struct table) + size * sizeof(struct place);
    struct table *table = arena_calloc(arena, 1, bytes);
    check(table);
    table->has_overall = values->has_overall;
    table->overall = values->overall;
    table->mask = size - 1;
    for (size_t i = 0; i < values->group_count; i++) {
        size_t at = (size_t)(place_of(table, values->keys[i]) - table->places);
        table->places[at] = (struct place){.key = values->keys[i], .value = values->values[i]};
    }
    return (struct text){.data = (const char *)table, .length = bytes};
}

static struct text kept(struct arena *arena, struct text t) {
    t = arena_text(arena, t);
    check(t.data);
    return t;
}

/* The set may be freed after thresholds_new(), so all texts and numbers are copied. */
static void copy_values(struct threshold_values *values, struct arena *arena) {
    struct text *keys = arena_calloc(arena, values->group_count, sizeof *keys);
    double *numbers = arena_calloc(arena, values->group_count, sizeof *numbers);
    check(keys && numbers);
    for (size_t i = 0; i < values->group_count; i++) {
        keys[i] = kept(arena, values->keys[i]);
        numbers[i] = values->values[i];
    }
    values->name = kept(arena, values->name);
    values->keys = keys;
    values->values = numbers;
}

struct thresholds *thresholds_new(const struct threshold_set *set) {
    struct thresholds *thresholds = check_calloc(1, sizeof *thresholds);
    struct arena *arena = &thresholds->arena;
    arena_init(arena, SIZE_MAX / 4); /* decoding has limited the set */
    struct threshold_values *values = arena_calloc(arena, set->threshold_count, sizeof *values);
    struct threshold_cutoff *cutoffs = arena_calloc(arena, set->cutoff_count, sizeof *cutoffs);
    thresholds->tables = arena_calloc(arena, set->threshold_count, sizeof *thresholds->tables);
    check(values && cutoffs && thresholds->tables);
    for (size_t i = 0; i < set->threshold_count; i++) {
        values[i] = set->thresholds[i];
        copy_values(&values[i], arena);
        thresholds->tables[i] = make_table(&values[i], arena);
    }
    for (size_t i = 0; i < set->cutoff_count; i++)
        cutoffs[i] = set->cutoffs[i];
    thresholds->set = (struct threshold_set){.thresholds = values,
                                             .threshold_count = set->threshold_count,
                                             .cutoffs = cutoffs,
                                             .cutoff_count = set->cutoff_count};
    return thresholds;
}

void thresholds_free(struct thresholds *thresholds) {
    if (!thresholds)
        return;
    arena_deinit(&thresholds->arena);
    free(thresholds);
}

const struct threshold_set *thresholds_set(const struct thresholds *thresholds) {
    return &thresholds->set;
}

const struct threshold_values *thresholds_find(const struct thresholds *thresholds,
                                               struct text name, uint64_t definition) {
    for (size_t i = 0; i < thresholds->set.threshold_count; i++) {
        const struct threshold_values *values = &thresholds->set.thresholds[i];
        if (values->definition == definition && text_equal(values->name, name))
            return values;
    }
    return NULL;
}

/* Name and definition must both match: a threshold whose declaration changed has no value until the
 * next rebuild. */
struct value thresholds_value(const struct thresholds *thresholds, struct text name,
                              uint64_t definition) {
    const struct threshold_values *values = thresholds_find(thresholds, name, definition);
    return values ? value_text(thresholds->tables[values - thresholds->set.thresholds])
                  : value_absent();
}

/* Of two places, so that one is empty whatever the key. */
struct value threshold_group(struct text table_bytes, struct text key, double value,
                             uint64_t memory[THRESHOLD_GROUP_WORDS]) {
    enum { PLACES = 2, BYTES = sizeof(struct table) + PLACES * sizeof(struct place) };
    _Static_assert(BYTES <= THRESHOLD_GROUP_WORDS * sizeof *memory, "room for the table");
    const struct table *before = (const void *)table_bytes.data;
    struct table *table = (void *)memory;
    memset(memory, 0, BYTES);
    table->has_overall = before && before->has_overall;
    table->overall = table->has_overall ? before->overall : 0;
    table->mask = PLACES - 1;
    table->places[(size_t)hash_text(key) & table->mask] =
        (struct place){.key = key, .value = value};
    return value_text((struct text){.data = (const char *)memory, .length = BYTES});
}

enum threshold_origin threshold_origin(struct text table_bytes, struct text key) {
    const struct table *table = (const void *)table_bytes.data;
    if (key.data && place_of(table, key)->key.data)
        return THRESHOLD_GROUP;
    return table->has_overall ? THRESHOLD_OVERALL : THRESHOLD_FALLBACK;
}

double threshold_look_up(struct text table_bytes, struct text key, double fallback) {
    const struct table *table = (const void *)table_bytes.data;
    if (key.data) {
        const struct place *place = place_of(table, key);
        if (place->key.data)
            return place->value;
    }
    return table->has_overall ? table->overall : fallback;
}

bool thresholds_cutoff(const struct thresholds *thresholds, enum verdict verdict,
                       uint64_t definition, uint32_t *ret_score) {
    for (size_t i = 0; i < thresholds->set.cutoff_count; i++) {
        const struct threshold_cutoff *cutoff = &thresholds->set.cutoffs[i];
        if (cutoff->verdict != verdict || cutoff->definition != definition)
            continue;
        *ret_score = cutoff->score;
        return true;
    }
    return false;
}
