/* Laying a transaction out in the plan's frame: which entities it names, under which keys, the
 * entry for each of them, and where their states are.
 *
 * Entities have much in common: a key that is another one's column, columns that are the same. So
 * different columns are numbered for the whole plan, each is taken from the frame once, and hashes
 * of texts are kept by slot for the current transaction. */
#include "scratch.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/feature/read/place.h"

#include <stdlib.h>

/* Keys and texts of all entities at once. */
#define AMENDING_TEXTS_MAX                                                                         \
    ((size_t)PLAN_ENTITIES_MAX * (PLAN_KEY_PARTS_MAX * (ENGINE_KEY_PART_MAX + BUFFER_VARINT_MAX) + \
                                  PLAN_COLUMNS_MAX * (COLUMN_TEXT_MAX + 16)))

void layout_init(struct layout *layout, const struct snapshot *snapshot) {
    layout->snapshot = snapshot;
    layout->bound.frame = check_calloc(snapshot->slot_count, sizeof *layout->bound.frame);
    layout->bound.integers =
        check_calloc(snapshot->schema.field_count, sizeof *layout->bound.integers);
    layout->bound.texts = check_calloc(1, sizeof *layout->bound.texts);
    arena_init(layout->bound.texts, SCHEMA_TEXTS_MAX);
    layout_set_verdict(layout, VERDICT_NONE);
    layout_set_outcome(layout, LABEL_NONE);
    layout_set_fired(layout, NULL, 0);
}

void layout_deinit(struct layout *layout) {
    free(layout->bound.frame);
    free(layout->bound.integers);
    arena_deinit(layout->bound.texts);
    free(layout->bound.texts);
}

void layout_set_verdict(struct layout *layout, enum verdict verdict) {
    const char *name = verdict == VERDICT_NONE ? "none" : verdict_name(verdict);
    layout->bound.frame[layout->snapshot->slot_verdict] = value_text(text_of(name));
}

void layout_set_outcome(struct layout *layout, enum label label) {
    layout->bound.frame[layout->snapshot->slot_outcome] = value_text(text_of(label_name(label)));
}

/* fired() is true for the reported rules that had effect: live and not suppressed. */
void layout_set_fired(struct layout *layout, const struct reason *reasons, size_t count) {
    const struct snapshot *snapshot = layout->snapshot;
    struct value *fired = &layout->bound.frame[snapshot->first_fired];
    for (size_t i = 0; i < snapshot->fired_count; i++) {
        fired[i] = value_bool(false);
        for (size_t j = 0; j < count && !fired[i].boolean; j++)
            fired[i].boolean = !reasons[j].shadow && !reasons[j].suppressed &&
                               text_equal(reasons[j].rule, snapshot->fired_rules[i]);
    }
}

/* ------------------------------------------------------------------------------------------------
 * Columns, each once */

static bool is_same_column(const struct column_source *a, const struct column_source *b) {
    return a->slot == b->slot && a->type == b->type && text_is(text_of(a->currency), b->currency);
}

/* The number of a column among the different ones; a new one at its first occurrence. */
static uint16_t number_column(struct engine *engine, struct column_source source) {
    size_t i = 0;
    while (i < engine->column_count && !is_same_column(&engine->columns[i], &source))
        i++;
    if (i == engine->column_count)
        engine->columns[engine->column_count++] = source;
    return (uint16_t)i;
}

_Static_assert(PLAN_ENTITIES_MAX *PLAN_COLUMNS_MAX <= UINT16_MAX, "numbers of columns");

static void number_columns(struct engine *engine) {
    const struct plan *plan = &engine->plan->plan;
    size_t all = 0;
    for (size_t e = 0; e < plan->entity_count; e++)
        all += plan->entities[e].column_count;
    engine->columns = check_calloc(all, sizeof *engine->columns);
    for (size_t e = 0; e < plan->entity_count; e++) {
        const struct entity_plan *entity = &plan->entities[e];
        const struct entity_binding *binding = &engine->plan->bindings[e];
        uint16_t *numbers = check_calloc(entity->column_count, sizeof *numbers);
        for (size_t i = 0; i < entity->column_count; i++)
            numbers[i] = number_column(
                engine, (struct column_source){.slot = binding->column_slots[i],
                                               .type = entity->columns[i].type,
                                               .currency = binding->column_currencies[i]});
        engine->entity_columns[e] = numbers;
    }
}

void named_init(struct named *named, const struct engine *engine) {
    size_t count = engine->plan->plan.entity_count;
    *named = (struct named){
        .spots = check_calloc(count, sizeof *named->spots),
        .unnamed = check_calloc(count, sizeof *named->unnamed),
        .keys = check_calloc(count, sizeof *named->keys),
        .taken = check_calloc(engine->column_count, sizeof *named->taken),
    };
}

void named_deinit(struct named *named) {
    free(named->spots);
    free(named->unnamed);
    free(named->keys);
    free(named->taken);
}

void layouts_init(struct engine *engine) {
    size_t count = engine->plan->plan.entity_count;
    engine->slot_hashes = check_calloc(engine->plan->slot_count, sizeof *engine->slot_hashes);
    engine->entries = check_calloc(count, sizeof *engine->entries);
    engine->entity_columns = check_calloc(count, sizeof *engine->entity_columns);
    number_columns(engine);
    named_init(&engine->named, engine);
    engine->amending = (struct amending){
        .spots = check_calloc(count, sizeof *engine->amending.spots),
        .entries = check_calloc(count, sizeof *engine->amending.entries),
        .is_unchanged = check_calloc(count, sizeof *engine->amending.is_unchanged)};
    arena_init(&engine->amending.texts, AMENDING_TEXTS_MAX);
}

void layouts_deinit(struct engine *engine) {
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++)
        free(engine->entity_columns[e]);
    free(engine->entity_columns);
    free(engine->columns);
    free(engine->slot_hashes);
    free(engine->entries);
    free(engine->amending.spots);
    free(engine->amending.entries);
    free(engine->amending.is_unchanged);
    free(engine->amending.reasons);
    arena_deinit(&engine->amending.texts);
    named_deinit(&engine->named);
}

/* Valid for the transaction that layout_begin() saw last; the counter invalidates all at once. */
static uint64_t slot_hash(struct engine *engine, size_t slot, struct text t) {
    struct slot_hash *kept = &engine->slot_hashes[slot];
    if (kept->transaction != engine->transactions) {
        kept->hash = hash_text(t);
        kept->transaction = engine->transactions;
    }
    return kept->hash;
}

static void take_column(struct engine *engine, const struct column_source *source,
                        const struct transaction *transaction, const struct bound *bound,
                        struct taken *taken) {
    const struct value *v = &bound->frame[source->slot];
    taken->is_there = v->type != VALUE_ABSENT && v->type != VALUE_ERROR &&
                      (!*source->currency || text_is(transaction->currency, source->currency));
    if (!taken->is_there)
        return;
    switch (source->type) {
    case COLUMN_INTEGER:
        taken->integer = bound->integers[source->slot];
        break;
    case COLUMN_HASH:
        taken->integer = (int64_t)slot_hash(engine, source->slot, v->text);
        break;
    case COLUMN_TEXT:
        /* One that is too long to keep is taken as missing, never cut: a piece is another text. */
        taken->is_there = v->text.length <= COLUMN_TEXT_MAX;
        taken->text = v->text;
        break;
    case COLUMN_PLACE:
        taken->integer = place_pack(transaction->latitude_e7, transaction->longitude_e7);
        break;
    }
}

/* Of a removed text, whose hash is left, or that it was there. */
static void take_left(const struct engine *engine, const struct column_source *source,
                      const struct transaction *transaction, struct taken *taken) {
    const struct field *fields = engine->plan->schema.fields;
    const struct erased_field *left;
    if (taken->is_there || (source->type != COLUMN_HASH && source->type != COLUMN_TEXT))
        return;
    left = erased_find(transaction->erased, fields[source->slot].canonical);
    taken->is_there = left && (source->type == COLUMN_TEXT ? left->is_shown : left->hash != 0) &&
                      (!*source->currency || text_is(transaction->currency, source->currency));
    if (taken->is_there && source->type == COLUMN_TEXT)
        taken->text = TEXT_LITERAL(ERASED_SHOWN);
    else if (taken->is_there)
        taken->integer = (int64_t)left->hash;
}

/* ------------------------------------------------------------------------------------------------
 * Keys */

/* One field is its own key; of several, each follows its length, so that ("ab","c") and ("a","bc")
 * stay apart. */
static char *key_part(char *at, struct text part, size_t part_count) {
    if (part_count > 1)
        at = (char *)varint_put((uint8_t *)at, part.length);
    memcpy(at, part.data, part.length);
    return at + part.length;
}

/* Can it be (a part of) an entity's key? Texts up to ENGINE_KEY_PART_MAX, and any other value. */
static bool is_key_part(const struct value *v) {
    if (v->type == VALUE_TEXT)
        return v->text.length > 0 && v->text.length <= ENGINE_KEY_PART_MAX;
    return v->type != VALUE_ABSENT && v->type != VALUE_ERROR;
}

/* The key of several fields, or of one that is not a text. .data NULL: a part is missing or too
 * long. */
static struct text composed_key(const struct entity_binding *binding, const struct value *frame,
                                char *key) {
    char *at = key;
    for (size_t i = 0; i < binding->key_slot_count; i++) {
        const struct value *v = &frame[binding->key_slots[i]];
        char printed[64];
        if (!is_key_part(v))
            return (struct text){0};
        struct text part = {.data = printed};
        if (v->type == VALUE_TEXT)
            part = v->text;
        else
            part.length = (size_t)value_format(*v, printed, sizeof printed);
        at = key_part(at, part, binding->key_slot_count);
    }
    return (struct text){.data = key, .length = (size_t)(at - key)};
}

/* Sets key and hash; .data NULL: the transaction does not name the entity. A single text is its own
 * key and is not copied; `composed` has room for any other. */
static void find_key(struct engine *engine, size_t entity, const struct value *frame,
                     bool with_hash, char *composed, struct state_place *spot) {
    const struct entity_binding *binding = &engine->plan->bindings[entity];
    size_t slot = binding->key_slots[0];
    const struct value *first = &frame[slot];
    spot->key_hash = 0;
    if (binding->key_slot_count == 1 && first->type == VALUE_TEXT) {
        spot->key = is_key_part(first) ? first->text : (struct text){0};
        if (spot->key.data && with_hash)
            spot->key_hash = slot_hash(engine, slot, spot->key);
    } else {
        spot->key = composed_key(binding, frame, composed);
        if (spot->key.data && with_hash)
            spot->key_hash = hash_text(spot->key);
    }
}

struct text engine_key(const struct engine *engine, size_t entity, const struct text *parts,
                       size_t part_count, struct arena *arena) {
    const struct entity_binding *binding = &engine->plan->bindings[entity];
    if (part_count != binding->key_slot_count)
        return (struct text){0};
    size_t length = 0;
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].length == 0 || parts[i].length > ENGINE_KEY_PART_MAX)
            return (struct text){0};
        length += parts[i].length + BUFFER_VARINT_MAX;
    }
    char *key = arena_alloc(arena, length);
    if (!key)
        return (struct text){0};
    char *at = key;
    for (size_t i = 0; i < part_count; i++)
        at = key_part(at, parts[i], part_count);
    return (struct text){.data = key, .length = (size_t)(at - key)};
}

/* ------------------------------------------------------------------------------------------------
 * A transaction */

void layout_bind_plan(const struct engine *engine, const struct transaction *transaction,
                      const struct bound *bound) {
    struct text field;
    struct error ignored;
    schema_bind_some(&engine->plan->schema, transaction, BIND_LENIENT, engine->plan_fields.slots,
                     engine->plan_fields.count, bound, &field, &ignored);
}

void layout_begin(struct engine *engine, const struct transaction *transaction,
                  const struct bound *bound, bool with_hashes, struct named *named) {
    size_t count = 0, unnamed = 0;
    engine->transactions++;
    named->found_in = NULL;
    if (!engine->omits_ids)
        named->id_hash = hash_text(transaction->id);
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++) {
        struct state_place *spot = &named->spots[count];
        find_key(engine, e, bound->frame, with_hashes, named->keys[e], spot);
        if (!spot->key.data) {
            named->unnamed[unnamed++] = e;
            continue;
        }
        spot->entity = e;
        spot->state = NULL;
        count++;
    }
    named->spot_count = count;
    named->unnamed_count = unnamed;
    for (size_t i = 0; i < engine->column_count; i++)
        take_column(engine, &engine->columns[i], transaction, bound, &named->taken[i]);
    for (size_t i = 0; i < engine->column_count && transaction->erased; i++)
        take_left(engine, &engine->columns[i], transaction, &named->taken[i]);
}

void layout_fetch_states(const struct engine *engine, const struct named *named, int64_t at_us,
                         int step) {
    const struct entity_plan *entities = engine->plan->plan.entities;
    const struct state_place *end = named->spots + named->spot_count;
    for (const struct state_place *spot = named->spots; spot < end; spot++)
        if (spot->state)
            state_prefetch(spot->state, &entities[spot->entity], at_us, NULL, step);
}

/* Prefetches step by step for all states together, so that their cache misses overlap. */
void layout_find_states(struct engine *engine, int64_t at_us, struct state_source *states) {
    struct named *named = &engine->named;
    named->found_in = states;
    named->found_after = states->calls;
    if (!states->find)
        return;
    states->find(states, named->spots, named->spot_count);
    for (int step = 1; step < STATE_PREFETCH_STEPS; step++)
        layout_fetch_states(engine, named, at_us, step);
}

static void fill_entry(const struct engine *engine, size_t entity, struct entry *entry) {
    const struct entity_plan *plan = &engine->plan->plan.entities[entity];
    const uint16_t *columns = engine->entity_columns[entity];
    uint32_t present = 0;
    for (size_t i = 0; i < plan->column_count; i++) {
        const struct taken *taken = &engine->named.taken[columns[i]];
        entry->integers[i] = taken->integer;
        present |= (uint32_t)taken->is_there << i;
    }
    for (uint32_t texts = plan->text_columns; texts; texts &= texts - 1) {
        size_t i = (size_t)__builtin_ctz(texts);
        entry->texts[i] = engine->named.taken[columns[i]].text;
    }
    entry->present = present;
}

void layout_entries(struct engine *engine, const struct transaction *transaction,
                    bool is_transaction) {
    for (size_t i = 0; i < engine->named.spot_count; i++) {
        size_t entity = engine->named.spots[i].entity;
        struct entry *entry = &engine->entries[entity];
        entry->time_us = transaction->event_time_us;
        entry->id_hash = engine->named.id_hash;
        entry->transaction = is_transaction;
        entry->is_taken_out = false;
        fill_entry(engine, entity, entry);
    }
}
