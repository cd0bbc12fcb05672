#include "replay_states.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>

/* ---- states on shelves ---- */

void replay_states_limit(struct replay_states *states, uint64_t bytes,
                         const struct state_shelf_files *files) {
    states->shard_bytes = (size_t)(bytes / states->shard_count);
    for (size_t i = 0; i < states->shard_count; i++)
        states->shards[i].shelf = state_shelf_new(files);
}

/* The first failure counts. */
static void note_failure(struct replay_states *states, const struct error *error) {
    int none = 0;
    if (!atomic_compare_exchange_strong(&states->failure, &none, -1))
        return;
    states->error = *error;
    atomic_store(&states->failure, (int)error->code);
}

int replay_states_check(struct replay_states *states, struct error *ret_error) {
    int failure = atomic_load(&states->failure);
    if (failure <= 0)
        return 0;
    *ret_error = states->error;
    return -failure;
}

static int put_away(struct replay_states *states, struct replay_shard *shard,
                    struct error *ret_error) {
    struct state_table_cursor cursor = {0};
    const struct held_state *held_state;
    int r = 0;
    while (r == 0 && (held_state = state_table_next(&shard->live, &cursor))) {
        struct text key = held_state_key(held_state);
        buffer_clear(&shard->bytes);
        state_encode(&held_state->state, states->entities[held_state->entity], &shard->bytes);
        r = state_shelf_put(shard->shelf, held_state->entity, key, hash_text(key),
                            buffer_text(&shard->bytes), ret_error);
    }
    return r;
}

static void begin_heap(struct replay_shard *shard) {
    heap_init(&shard->heap, &shard->extents.source);
    shard->live.hash_leaves.heap = shard->dormant.hash_leaves.heap = &shard->heap;
}

void replay_states_make_room(struct replay_states *states, struct replay_shard *shard) {
    struct error error;
    size_t bytes = shard->extents.used * HEAP_EXTENT_SIZE + shard->heap.large;
    if (!shard->shelf || bytes <= states->shard_bytes || atomic_load(&states->failure) != 0)
        return;
    if (put_away(states, shard, &error) < 0) {
        note_failure(states, &error);
        return;
    }
    state_table_deinit(&shard->live);
    replay_extents_reset(&shard->extents);
    begin_heap(shard);
}

/* ---- states of the tables ---- */

void replay_states_continue(struct replay_states *states, const struct generation *tables) {
    size_t entities = states->plan->plan.entity_count;
    check(!states->cursors);
    states->tables = tables;
    states->cursors = check_calloc(states->workers * entities, sizeof(*states->cursors));
    for (size_t i = 0; i < states->workers * entities; i++)
        states->cursors[i] = generation_cursor_open(tables, i % entities);
}

static struct held_state *add_state(const struct replay_states *states, struct replay_shard *shard,
                                    size_t entity, struct text key, uint64_t key_hash,
                                    struct text bytes) {
    struct held_state *held_state = state_table_add(&shard->live, entity, key, key_hash);
    state_assign(&held_state->state, states->entities[entity], bytes.data, bytes.length);
    return held_state;
}

/* Was the state in the tables left out of the generation that these states are those of? Then it
 * becomes a dormant one. */
static bool is_dormant(const struct replay_states *states, struct replay_shard *shard,
                       size_t entity, struct text key, uint64_t key_hash, struct text bytes) {
    const struct entity_plan *plan = states->entities[entity];
    struct state state;
    if (states->idle_since_us == INT64_MIN)
        return false;
    state_init(&state);
    state_assign(&state, plan, bytes.data, bytes.length);
    bool is_idle =
        state_is_idle(&state, plan, states->plan->plan.lateness_us, states->idle_since_us);
    state_deinit(&state);
    if (!is_idle)
        return false;
    struct held_state *held_state = state_table_add(&shard->dormant, entity, key, key_hash);
    state_assign(&held_state->state, plan, bytes.data, bytes.length);
    return true;
}

struct held_state *replay_states_load(const struct replay_states *states, size_t worker,
                                      struct replay_shard *shard, size_t entity, struct text key,
                                      uint64_t key_hash) {
    struct text found, bytes;
    if (shard->shelf && state_shelf_get(shard->shelf, entity, key, key_hash, &bytes))
        return add_state(states, shard, entity, key, key_hash, bytes);
    if (!states->cursors || state_table_find(&shard->dormant, entity, key, key_hash))
        return NULL;
    struct generation_cursor *cursor =
        states->cursors[worker * states->plan->plan.entity_count + entity];
    generation_cursor_seek(cursor, key);
    if (!generation_cursor_next(cursor, &found, &bytes) || !text_equal(found, key) ||
        is_dormant(states, shard, entity, key, key_hash, bytes))
        return NULL;
    return add_state(states, shard, entity, key, key_hash, bytes);
}

static void close_cursors(struct replay_states *states) {
    size_t count = states->cursors ? states->workers * states->plan->plan.entity_count : 0;
    for (size_t i = 0; i < count; i++)
        generation_cursor_close(states->cursors[i]);
    free(states->cursors);
}

/* ---- struct state_source: one state at a time ---- */

static struct replay_shard *shard_of(struct state_source *self, size_t entity, uint64_t key_hash) {
    struct replay_states *states = (struct replay_states *)self;
    return &states->shards[replay_states_shard(states, entity, key_hash)];
}

static struct state_table *live_of(struct state_source *self, size_t entity, uint64_t key_hash) {
    return &shard_of(self, entity, key_hash)->live;
}

/* NULL: there is no such state yet, not elsewhere either. */
static struct held_state *find_state(struct state_source *self, size_t entity, struct text key,
                                     uint64_t key_hash) {
    struct replay_shard *shard = shard_of(self, entity, key_hash);
    struct held_state *held_state = state_table_find(&shard->live, entity, key, key_hash);
    return held_state
               ? held_state
               : replay_states_load((struct replay_states *)self, 0, shard, entity, key, key_hash);
}

static struct text read_state(struct state_source *self, size_t entity, struct text key,
                              uint64_t key_hash) {
    const struct held_state *held_state = find_state(self, entity, key, key_hash);
    struct replay_states *states = (struct replay_states *)self;
    buffer_clear(&states->bytes);
    if (held_state)
        state_encode(&held_state->state, states->entities[entity], &states->bytes);
    return buffer_text(&states->bytes);
}

static struct state *write_state(struct state_source *self, size_t entity, struct text key,
                                 uint64_t key_hash) {
    struct held_state *held_state = find_state(self, entity, key, key_hash);
    if (!held_state)
        held_state = state_table_add(live_of(self, entity, key_hash), entity, key, key_hash);
    return &held_state->state;
}

static void find_states(struct state_source *self, struct state_place *places, size_t count) {
    for (int step = 0; step < STATE_TABLE_FETCH_STEPS; step++)
        for (size_t i = 0; i < count; i++)
            state_table_fetch(live_of(self, places[i].entity, places[i].key_hash), places[i].entity,
                              places[i].key_hash, step);
    for (size_t i = 0; i < count; i++) {
        struct held_state *held_state =
            find_state(self, places[i].entity, places[i].key, places[i].key_hash);
        places[i].state = held_state ? &held_state->state : NULL;
    }
}

/* ---- new and free ---- */

static void find_columns(struct replay_states *states) {
    const struct plan *plan = &states->plan->plan;
    states->entities = check_calloc(plan->entity_count, sizeof *states->entities);
    for (size_t e = 0; e < plan->entity_count; e++)
        states->entities[e] = engine_entity_plan(states->engines[0], e);
    states->columns = check_calloc(plan->entity_count, sizeof *states->columns);
    for (size_t e = 0; e < plan->entity_count; e++) {
        const struct entity_plan *entity = &plan->entities[e];
        struct replay_columns *columns = &states->columns[e];
        columns->first_value = states->value_count;
        columns->texts = check_calloc(entity->feature_count, sizeof *columns->texts);
        for (size_t i = 0; i < entity->feature_count; i++)
            if (feature_value_type(entity, &entity->features[i]) == VALUE_TEXT)
                columns->texts[columns->text_count++] = i;
        states->value_count += entity->feature_count;
    }
}

struct replay_states *replay_states_new(struct snapshot *plan, size_t workers, size_t shards,
                                        bool omits_ids) {
    struct replay_states *states = check_calloc(1, sizeof *states);
    states->source =
        (struct state_source){.read = read_state, .write = write_state, .find = find_states};
    buffer_init(&states->bytes);
    states->plan = plan;
    states->idle_since_us = INT64_MIN;
    states->workers = workers;
    states->engines = check_calloc(workers, sizeof(*states->engines));
    states->omits_ids = omits_ids;
    for (size_t i = 0; i < workers; i++) {
        states->engines[i] = engine_new(plan, plan);
        if (omits_ids)
            engine_omit_ids(states->engines[i]);
    }
    states->shard_count = shards;
    states->shards = check_calloc(shards, sizeof *states->shards);
    states->memory = replay_memory_new();
    for (size_t i = 0; i < shards; i++) {
        struct replay_shard *shard = &states->shards[i];
        replay_extents_init(&shard->extents, states->memory);
        buffer_init(&shard->bytes);
        begin_heap(shard);
    }
    find_columns(states);
    return states;
}

void replay_states_free(struct replay_states *states) {
    if (!states)
        return;
    for (size_t i = 0; i < states->shard_count; i++) {
        state_table_deinit(&states->shards[i].live);
        state_table_deinit(&states->shards[i].dormant);
        replay_extents_deinit(&states->shards[i].extents);
        state_shelf_free(states->shards[i].shelf);
        buffer_deinit(&states->shards[i].bytes);
    }
    replay_memory_free(states->memory);
    close_cursors(states);
    buffer_deinit(&states->bytes);
    free(states->shards);
    for (size_t e = 0; e < states->plan->plan.entity_count; e++)
        free(states->columns[e].texts);
    free(states->columns);
    free(states->entities);
    for (size_t i = 0; i < states->workers; i++)
        engine_free(states->engines[i]);
    free(states->engines);
    free(states);
}

/* ---- the effect of a rebuild ---- */

/* One shard on its way into a new one. */
struct rebuilding {
    const struct plan *plan;
    const struct entity_plan *const *entities;
    const struct replay_shard *from;
    struct replay_shard *to;
    int64_t newest_event_time_us;
    struct buffer *bytes; /* of the state at hand */
};

/* Stores an entity's complete state: in `dormant` if a generation built now would leave it out. */
static void place(const struct rebuilding *rebuilding, const struct held_state *held_state,
                  const struct state *whole) {
    const struct entity_plan *entity = rebuilding->entities[held_state->entity];
    struct buffer *bytes = rebuilding->bytes;
    bool idle = state_is_idle(whole, entity, rebuilding->plan->lateness_us,
                              rebuilding->newest_event_time_us);
    struct text key = held_state_key(held_state);
    struct held_state *copy =
        state_table_add(idle ? &rebuilding->to->dormant : &rebuilding->to->live, held_state->entity,
                        key, hash_text(key));
    buffer_clear(bytes);
    state_encode(whole, entity, bytes);
    state_assign(&copy->state, entity, bytes->bytes, bytes->length);
}

static const struct held_state *find(const struct state_table *state_table,
                                     const struct held_state *like) {
    struct text key = held_state_key(like);
    return state_table_find(state_table, like->entity, key, hash_text(key));
}

/* An entity with a part in both tables: a record woke it after a generation had left it out. */
static void place_merged(const struct rebuilding *rebuilding, const struct held_state *live,
                         const struct held_state *dormant) {
    const struct entity_plan *entity = rebuilding->entities[live->entity];
    struct buffer *bytes = rebuilding->bytes;
    struct state whole;
    state_init(&whole);
    buffer_clear(bytes);
    state_encode(&dormant->state, entity, bytes);
    state_assign(&whole, entity, bytes->bytes, bytes->length);
    buffer_clear(bytes);
    state_encode(&live->state, entity, bytes);
    state_merge(&whole, entity, rebuilding->plan->lateness_us, bytes->bytes, bytes->length);
    place(rebuilding, live, &whole);
    state_deinit(&whole);
}

static void rebuild_shard(const struct rebuilding *rebuilding) {
    const struct replay_shard *from = rebuilding->from;
    /* Sorted by key: filling a hash table in the slot order of another one that uses the same hash
     * makes long runs of collisions. */
    struct held_state **sorted = state_table_sorted(&from->live);
    for (size_t i = 0; i < from->live.count; i++) {
        const struct held_state *dormant = find(&from->dormant, sorted[i]);
        if (dormant)
            place_merged(rebuilding, sorted[i], dormant);
        else
            place(rebuilding, sorted[i], &sorted[i]->state);
    }
    free(sorted);
    sorted = state_table_sorted(&from->dormant);
    for (size_t i = 0; i < from->dormant.count; i++)
        if (!find(&from->live, sorted[i]))
            place(rebuilding, sorted[i], &sorted[i]->state);
    free(sorted);
}

struct replay_states *replay_states_rebuilt(const struct replay_states *states,
                                            int64_t newest_event_time_us) {
    struct replay_states *rebuilt =
        replay_states_new(states->plan, states->workers, states->shard_count, states->omits_ids);
    if (states->tables) {
        replay_states_continue(rebuilt, states->tables);
        rebuilt->idle_since_us = newest_event_time_us;
    }
    for (size_t i = 0; i < states->shard_count; i++)
        rebuild_shard(&(struct rebuilding){.plan = &states->plan->plan,
                                           .entities = states->entities,
                                           .from = &states->shards[i],
                                           .to = &rebuilt->shards[i],
                                           .newest_event_time_us = newest_event_time_us,
                                           .bytes = &rebuilt->bytes});
    return rebuilt;
}
