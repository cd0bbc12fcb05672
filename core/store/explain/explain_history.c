/* Records are found by the bytes of keys before they are decoded; here the decoded ones are applied
 * if one of their entries has the key of an entity. An entity with an empty search text may be
 * concerned by any record. */
#include "explain_history.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>

#define KEYS_BYTES ((size_t)1 << 20)

static struct text read_state(struct state_source *self, size_t entity, struct text key,
                              uint64_t key_hash) {
    struct explain_history *history = (struct explain_history *)self;
    (void)key_hash;
    check(text_equal(history->keys[entity], key)); /* a decision reads no other key */
    buffer_clear(&history->bytes);
    state_encode(&history->states[entity], &history->plan->plan.entities[entity], &history->bytes);
    return buffer_text(&history->bytes);
}

/* ---- which entities, and what finds their records ---- */

struct key_sink {
    struct entry_sink sink; /* first */
    struct explain_history *history;
};

static void take_key(struct entry_sink *self, size_t entity, struct text key, uint64_t key_hash,
                     const struct entry *entry) {
    struct explain_history *history = ((struct key_sink *)self)->history;
    (void)key_hash;
    (void)entry;
    history->keys[entity] = arena_text(&history->arena, key);
    check(history->keys[entity].data);
}

/* The longest part of the key that is in records as it is; empty: there is none (a derived field),
 * and every record may concern the entity. */
static struct text progress_part(const struct snapshot *plan, size_t entity,
                                 const struct transaction *transaction) {
    const struct entity_binding *binding = &plan->bindings[entity];
    struct text longest = {0};
    for (size_t i = 0; i < binding->key_slot_count; i++) {
        const struct field *field = &plan->schema.fields[binding->key_slots[i]];
        struct text part = {0};
        if (field->kind == FIELD_KIND_TEXT)
            part = transaction->fields[field->source];
        for (size_t j = 0; j < transaction->attribute_count; j++)
            if (field->kind == FIELD_KIND_ATTRIBUTE &&
                transaction->attributes[j].type == ATTRIBUTE_TEXT &&
                text_equal(transaction->attributes[j].name, field->name))
                part = transaction->attributes[j].text;
        if (part.length > longest.length)
            longest = part;
    }
    return longest;
}

static void find_texts(struct explain_history *history, const struct transaction *transaction) {
    for (size_t e = 0; e < history->entity_count; e++) {
        if (!history->keys[e].data)
            continue;
        struct text part = progress_part(history->plan, e, transaction);
        struct text copy = arena_text(&history->arena, part);
        check(copy.data);
        history->texts[history->text_count++] = copy;
    }
}

void explain_history_init(struct explain_history *history, struct snapshot *plan,
                          const struct record *record) {
    size_t count = plan->plan.entity_count;
    *history = (struct explain_history){.source = {.read = read_state},
                                        .plan = snapshot_ref(plan),
                                        .engine = engine_new(plan, plan),
                                        .entity_count = count};
    arena_init(&history->arena, KEYS_BYTES);
    history->keys = check_calloc(count, sizeof *history->keys);
    history->states = check_calloc(count, sizeof *history->states);
    history->in_tables = check_calloc(count, sizeof *history->in_tables);
    history->applied = check_calloc(count, sizeof *history->applied);
    history->texts = check_calloc(count, sizeof *history->texts);
    for (size_t e = 0; e < count; e++)
        state_init(&history->states[e]);
    buffer_init(&history->bytes);
    struct key_sink sink = {.sink = {.ignores_hash = true, .take = take_key}, .history = history};
    engine_entries(history->engine, record, &sink.sink);
    find_texts(history, &record->transaction.transaction);
}

void explain_history_deinit(struct explain_history *history) {
    for (size_t e = 0; e < history->entity_count; e++)
        state_deinit(&history->states[e]);
    buffer_deinit(&history->bytes);
    engine_free(history->engine);
    snapshot_unref(history->plan);
    free(history->keys);
    free(history->states);
    free(history->in_tables);
    free(history->applied);
    free(history->texts);
    arena_deinit(&history->arena);
}

/* ---- folding ---- */

int explain_history_begin(struct explain_history *history, struct generation *generation,
                          struct error *ret_error) {
    const struct generation_manifest *manifest = generation_manifest(generation);
    if (manifest->plan_id != history->plan->plan.id)
        return error_set(ret_error, ERROR_UNSUPPORTED, "the tables belong to another plan");
    int r = generation_bind(generation, &history->plan->plan, ret_error);
    for (size_t e = 0; e < history->entity_count && r == 0; e++) {
        if (!history->keys[e].data || history->keys[e].length > GENERATION_KEY_MAX)
            continue;
        struct text state = generation_state(generation, e, history->keys[e]);
        history->in_tables[e] = state.length > 0;
        if (state.length > 0)
            state_assign(&history->states[e], &history->plan->plan.entities[e], state.data,
                         state.length);
    }
    if (r == 0)
        history->base = manifest->place.position;
    return r;
}

struct apply_sink {
    struct entry_sink sink; /* first */
    struct explain_history *history;
    bool any;
};

static void apply_entry(struct entry_sink *self, size_t entity, struct text key, uint64_t key_hash,
                        const struct entry *entry) {
    struct apply_sink *sink = (struct apply_sink *)self;
    struct explain_history *history = sink->history;
    const struct plan *plan = &history->plan->plan;
    (void)key_hash;
    if (!history->keys[entity].data || !text_equal(history->keys[entity], key))
        return;
    state_apply(&history->states[entity], &plan->entities[entity], plan->lateness_us, entry);
    history->applied[entity]++;
    sink->any = true;
}

void explain_history_apply(struct explain_history *history, const struct record *record) {
    struct apply_sink sink = {.sink = {.ignores_hash = true, .take = apply_entry},
                              .history = history};
    engine_entries(history->engine, record, &sink.sink);
    history->applied_records += sink.any;
}

bool explain_history_is_empty(const struct explain_history *history) {
    for (size_t e = 0; e < history->entity_count; e++)
        if (!state_is_empty(&history->states[e]))
            return false;
    return true;
}

void explain_history_forget_idle(struct explain_history *history, int64_t newest_us) {
    const struct plan *plan = &history->plan->plan;
    for (size_t e = 0; e < history->entity_count; e++) {
        struct state *state = &history->states[e];
        if (state_is_idle(state, &plan->entities[e], plan->lateness_us, newest_us))
            state_deinit(state);
    }
}

/* ---- reporting ---- */

/* A key of several fields is encoded as length and bytes of each; it is shown with ", " between
 * them. */
static struct text key_in_words(const struct explain_history *history, size_t entity,
                                struct arena *arena) {
    struct text key = history->keys[entity], words = {.data = "", .length = 0};
    if (history->plan->bindings[entity].key_slot_count == 1)
        return arena_text(arena, key);
    struct cursor cursor = cursor_of(key.data, key.length);
    while (cursor_left(&cursor) > 0 && words.data) {
        struct text part = cursor_text(&cursor, (size_t)cursor_varint(&cursor));
        words = arena_printf(arena, "%" TEXT_FORMAT "%s%" TEXT_FORMAT, TEXT_ARGS(words),
                             words.length ? ", " : "", TEXT_ARGS(part));
    }
    return words;
}

const struct explained_entity *explain_history_entities(const struct explain_history *history,
                                                        struct arena *arena, size_t *ret_count) {
    struct explained_entity *out = arena_calloc(arena, history->entity_count + 1, sizeof *out);
    size_t count = 0;
    for (size_t e = 0; e < history->entity_count && out; e++) {
        const struct state *state = &history->states[e];
        struct explained_entity *entity = &out[count];
        if (!history->keys[e].data)
            continue;
        entity->name = arena_text(arena, history->plan->plan.entities[e].name);
        entity->key = key_in_words(history, e, arena);
        entity->applied = history->applied[e];
        entity->is_in_tables = history->in_tables[e];
        state_extent(state, &history->plan->plan.entities[e], &entity->newest_time_us,
                     &entity->entries);
        if (!entity->name.data || !entity->key.data)
            return NULL;
        count++;
    }
    *ret_count = count;
    return out;
}
