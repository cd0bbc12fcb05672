/* Making an engine: fitting two snapshots together, and laying a transaction out in its frames. */
#include "scratch.h"

#include "../base/check.h"
#include "../base/hash.h"
#include "../feature/place.h"

#include <stdlib.h>

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

/* Those that a decision tells of, live and with effect. */
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

/* The plan's entity without defaults: those are a matter of the rules, which may have others. */
static void reading_init(struct reading *reading, const struct entity_plan *plan) {
    reading->plan = *plan;
    reading->plan.features = check_calloc(plan->feature_count, sizeof *plan->features);
    for (size_t i = 0; i < plan->feature_count; i++) {
        reading->plan.features[i] = plan->features[i];
        reading->plan.features[i].default_value = value_absent();
    }
}

static void find_fields(struct engine *engine) {
    const struct snapshot *plan = engine->plan;
    bool *reads = check_calloc(plan->slot_count, sizeof *reads);
    fields_of_plan(plan, reads);
    field_set_init(&engine->plan_fields, &plan->schema, reads, plan->slot_count);
    if (plan == engine->rules) {
        fields_of_rules(plan, reads);
        field_set_init(&engine->both_fields, &plan->schema, reads, plan->slot_count);
    }
    free(reads);
}

static void find_wanted(struct engine *engine) {
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++) {
        bool is_wanted = engine->live.entities[e].count > 0;
        for (size_t i = 0; i < engine->shadow_count; i++)
            is_wanted |= engine->shadows[i].entities[e].count > 0;
        engine->readings[e].is_wanted = is_wanted;
    }
}

struct engine *engine_new(struct snapshot *rules, struct snapshot *plan) {
    struct engine *engine = check_calloc(1, sizeof *engine);
    engine->rules = snapshot_ref(rules);
    engine->plan = snapshot_ref(plan);
    judge_init(&engine->live, rules, plan);
    warming_init(engine);
    if (plan == rules)
        engine->plan_layout = engine->live.layout;
    else
        layout_init(&engine->plan_layout, plan);
    engine->readings = check_calloc(plan->plan.entity_count, sizeof *engine->readings);
    size_t largest = 0;
    for (size_t i = 0; i < plan->plan.entity_count; i++) {
        const struct entity_plan *entity = &plan->plan.entities[i];
        reading_init(&engine->readings[i], entity);
        if (entity->feature_count > largest)
            largest = entity->feature_count;
    }
    find_wanted(engine);
    filters_init(&engine->filters, plan);
    find_fields(engine);
    engine->slot_hashes = check_calloc(plan->slot_count, sizeof *engine->slot_hashes);
    engine->spots = check_calloc(plan->plan.entity_count, sizeof *engine->spots);
    engine->entries = check_calloc(plan->plan.entity_count, sizeof *engine->entries);
    engine->keys = check_calloc(plan->plan.entity_count, sizeof *engine->keys);
    engine->values = check_calloc(largest, sizeof *engine->values);
    engine->state_scratch = state_scratch_new();
    return engine;
}

static void remove_shadows(struct engine *engine) {
    for (size_t i = 0; i < engine->shadow_count; i++)
        judge_deinit(&engine->shadows[i], engine->plan);
    free(engine->shadows);
    engine->shadows = NULL;
    engine->shadow_count = 0;
}

void engine_free(struct engine *engine) {
    if (!engine)
        return;
    remove_shadows(engine);
    if (engine->plan != engine->rules)
        layout_deinit(&engine->plan_layout);
    warming_deinit(engine);
    judge_deinit(&engine->live, engine->plan);
    for (size_t i = 0; i < engine->plan->plan.entity_count; i++)
        free(engine->readings[i].plan.features);
    free(engine->readings);
    field_set_deinit(&engine->plan_fields);
    field_set_deinit(&engine->both_fields);
    free(engine->entries);
    free(engine->keys);
    filters_deinit(&engine->filters);
    free(engine->slot_hashes);
    free(engine->spots);
    free(engine->values);
    state_scratch_free(engine->state_scratch);
    snapshot_unref(engine->rules);
    snapshot_unref(engine->plan);
    free(engine);
}

void engine_use_shadows(struct engine *engine, struct snapshot *const *shadows, size_t count) {
    remove_shadows(engine);
    engine->shadows = check_calloc(count, sizeof *engine->shadows);
    engine->shadow_count = count;
    for (size_t i = 0; i < count; i++) {
        judge_init(&engine->shadows[i], shadows[i], engine->plan);
        judge_use_thresholds(&engine->shadows[i], engine->thresholds);
        judge_use_lists(&engine->shadows[i], engine->lists);
    }
    find_wanted(engine);
}

void engine_use_thresholds(struct engine *engine, const struct thresholds *thresholds) {
    engine->thresholds = thresholds;
    judge_use_thresholds(&engine->live, thresholds);
    for (size_t i = 0; i < engine->shadow_count; i++)
        judge_use_thresholds(&engine->shadows[i], thresholds);
}

void engine_give(struct engine *engine, const struct engine_value *values, size_t count) {
    engine->given = values;
    engine->given_count = count;
}

void engine_ignore_rollouts(struct engine *engine) {
    engine->live.ignores_rollouts = true;
}

void engine_use_lists(struct engine *engine, struct list_table *lists) {
    engine->lists = lists;
    judge_use_lists(&engine->live, lists);
    for (size_t i = 0; i < engine->shadow_count; i++)
        judge_use_lists(&engine->shadows[i], lists);
}

void engine_ignore_cutoffs(struct engine *engine) {
    memset(engine->live.cutoffs, 0, sizeof engine->live.cutoffs);
}

uint32_t engine_cutoff(const struct engine *engine, enum verdict verdict) {
    return engine->live.cutoffs[verdict];
}

const struct snapshot *engine_rules(const struct engine *engine) {
    return engine->rules;
}
size_t engine_warming(const struct engine *engine) {
    return engine->live.warming;
}
size_t engine_shadow_warming(const struct engine *engine, size_t shadow) {
    check(shadow < engine->shadow_count);
    return engine->shadows[shadow].warming;
}
const struct engine_warming *engine_warming_names(const struct engine *engine) {
    return &engine->warming;
}
const struct value *engine_frame(struct engine *engine) {
    const struct field_set *fields = engine->incomplete;
    if (fields)
        schema_bind_rest(&engine->rules->schema, &engine->decided, fields->rest, fields->rest_count,
                         &engine->live.layout.bound);
    engine->incomplete = NULL;
    return engine->live.layout.bound.frame;
}
uint64_t engine_unknown(const struct engine *engine) {
    return engine->unknown;
}

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

/* Of several fields, or of one that is no text. */
static struct text composed_key(struct engine *engine, size_t entity) {
    const struct entity_binding *binding = &engine->plan->bindings[entity];
    const struct value *frame = engine->plan_layout.bound.frame;
    char *key = engine->keys[entity], *at = key;
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

void layout_bind_plan(struct engine *engine, const struct transaction *transaction) {
    struct text field;
    struct error ignored;
    schema_bind_some(&engine->plan->schema, transaction, BIND_LENIENT, engine->plan_fields.slots,
                     engine->plan_fields.count, &engine->plan_layout.bound, &field, &ignored);
}

void engine_omit_ids(struct engine *engine) {
    engine->id_hash = 0;
    engine->omits_ids = true;
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++)
        engine->omits_ids &= plan_omit_ids(&engine->readings[e].plan);
}

const struct entity_plan *engine_entity_plan(const struct engine *engine, size_t entity) {
    return &engine->readings[entity].plan;
}

static uint64_t slot_hash(struct engine *engine, size_t slot, struct text t) {
    struct slot_hash *kept = &engine->slot_hashes[slot];
    if (kept->transaction != engine->transactions)
        *kept = (struct slot_hash){.hash = hash_text(t), .transaction = engine->transactions};
    return kept->hash;
}

static void find_key(struct engine *engine, size_t entity, bool with_hash, struct spot *spot) {
    const struct entity_binding *binding = &engine->plan->bindings[entity];
    size_t slot = binding->key_slots[0];
    const struct value *first = &engine->plan_layout.bound.frame[slot];
    if (binding->key_slot_count == 1 && first->type == VALUE_TEXT) {
        if (!is_key_part(first))
            return;
        spot->key = first->text;
        spot->key_hash = with_hash ? slot_hash(engine, slot, spot->key) : 0;
    } else {
        spot->key = composed_key(engine, entity);
        spot->key_hash = spot->key.data && with_hash ? hash_text(spot->key) : 0;
    }
}

void layout_begin(struct engine *engine, const struct transaction *transaction, bool with_hashes) {
    engine->transactions++;
    engine->laid_out = 0;
    if (!engine->omits_ids)
        engine->id_hash = hash_text(transaction->id);
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++) {
        struct spot *spot = &engine->spots[e];
        spot->key = (struct text){0};
        find_key(engine, e, with_hashes, spot);
        spot->state = NULL;
        spot->has_entry = false;
    }
}

/* One step of all before the next of any: their waits for memory overlap. */
void layout_find_states(struct engine *engine, int64_t at_us, struct state_source *states) {
    const struct plan *plan = &engine->plan->plan;
    struct spot *spots = engine->spots;
    engine->found_in = states;
    engine->found_after = states->calls;
    for (int step = 0; states->fetch && step < STATE_SOURCE_STEPS; step++)
        for (size_t e = 0; e < plan->entity_count; e++)
            if (spots[e].key.data)
                states->fetch(states, e, spots[e].key_hash, step);
    for (size_t e = 0; states->find && e < plan->entity_count; e++)
        if (spots[e].key.data)
            spots[e].state = states->find(states, e, spots[e].key, spots[e].key_hash);
    for (int step = 1; step < STATE_PREFETCH_STEPS; step++)
        for (size_t e = 0; e < plan->entity_count; e++)
            if (spots[e].state)
                state_prefetch(spots[e].state, &plan->entities[e], at_us, NULL, step);
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

struct entry *layout_entry(struct engine *engine, size_t entity,
                           const struct transaction *transaction, bool is_transaction) {
    const struct entity_plan *plan = &engine->plan->plan.entities[entity];
    const struct entity_binding *binding = &engine->plan->bindings[entity];
    const struct bound *bound = &engine->plan_layout.bound;
    struct entry *entry = &engine->entries[entity];
    engine->spots[entity].has_entry = true;
    entry->time_us = transaction->event_time_us;
    entry->id_hash = engine->id_hash;
    entry->transaction = is_transaction;
    entry->present = 0;
    for (size_t i = 0; i < plan->column_count; i++) {
        size_t slot = binding->column_slots[i];
        const struct value *v = &bound->frame[slot];
        const char *currency = binding->column_currencies[i];
        if (*currency && !text_is(transaction->currency, currency))
            continue;
        /* A text that is too long to keep is taken as missing, never cut: a piece is another text.
         */
        if (v->type == VALUE_ABSENT || v->type == VALUE_ERROR ||
            (plan->columns[i].type == COLUMN_TEXT && v->text.length > COLUMN_TEXT_MAX))
            continue;
        entry->present |= UINT32_C(1) << i;
        switch (plan->columns[i].type) {
        case COLUMN_INTEGER:
            entry->integers[i] = bound->integers[slot];
            break;
        case COLUMN_HASH:
            entry->integers[i] = (int64_t)slot_hash(engine, slot, v->text);
            break;
        case COLUMN_TEXT:
            entry->texts[i] = v->text;
            break;
        case COLUMN_PLACE:
            entry->integers[i] = place_pack(transaction->latitude_e7, transaction->longitude_e7);
            break;
        }
    }
    return entry;
}
