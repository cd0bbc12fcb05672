/* The overlay: what is in memory above what is in the generation.
 *
 * A state is read from memory if it is there, else from the table; the first write copies it from
 * the table into memory, where it stays. Ids likewise. Visiting ids merges both in order, memory
 * first. Nothing is ever removed: the next generation starts with a new overlay. */
#include "overlay_internal.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>

static struct text read_state(struct state_source *self, size_t entity, struct text key,
                              uint64_t key_hash) {
    struct overlay *overlay = (struct overlay *)self;
    const struct held_state *held_state =
        state_table_find(&overlay->state_table, entity, key, key_hash);
    if (held_state) {
        buffer_clear(&overlay->encoded);
        state_encode(&held_state->state, &overlay->plan->entities[entity], &overlay->encoded);
        return buffer_text(&overlay->encoded);
    }
    if (overlay->generation)
        return generation_state(overlay->generation, entity, key);
    return (struct text){0};
}

static void find_states(struct state_source *self, struct state_place *places, size_t count) {
    state_table_seek(&((struct overlay *)self)->state_table, places, count);
}

static void fetch_states(struct state_source *self, const struct state_place *places, size_t count,
                         int step) {
    const struct overlay *overlay = (struct overlay *)self;
    const struct state_table *state_table = &overlay->state_table;
    if (step == 0)
        id_index_fetch(&overlay->ids, overlay->expected_id);
    for (size_t i = 0; i < count; i++)
        state_table_fetch(state_table, places[i].entity, places[i].key_hash, step);
}

void overlay_count(struct overlay *overlay, struct held_state *held_state) {
    size_t bytes = state_memory(&held_state->state);
    if (bytes > COUNTED_MAX)
        bytes = COUNTED_MAX;
    overlay->bytes += (uint64_t)bytes - held_state->counted;
    held_state->counted = (uint32_t)bytes & COUNTED_MAX;
}

/* A caller changes the state that write() hands out after it returns, so what it takes now is known
 * only at the next call. It is in the processor's cache until then. */
static inline void count_last(struct overlay *overlay) {
    if (overlay->last)
        overlay_count(overlay, overlay->last);
}

/* The first write to an entity: copies its state from the table of the generation. */
static struct held_state *bring_in(struct overlay *overlay, size_t entity, struct text key,
                                   uint64_t key_hash) {
    struct held_state *held_state = state_table_add(&overlay->state_table, entity, key, key_hash);
    struct text stored = {0};
    if (overlay->generation)
        stored = generation_state(overlay->generation, entity, key);
    if (stored.length)
        state_assign(&held_state->state, &overlay->plan->entities[entity], stored.data,
                     stored.length);
    return held_state;
}

/* Every change goes through here: views copy the old state. */
static struct state *change(struct overlay *overlay, struct held_state *held_state,
                            uint64_t key_hash) {
    count_last(overlay);
    if (overlay->views)
        overlay_views_keep(overlay, held_state, key_hash);
    overlay->last = held_state;
    return &held_state->state;
}

static struct state *write_state(struct state_source *self, size_t entity, struct text key,
                                 uint64_t key_hash) {
    struct overlay *overlay = (struct overlay *)self;
    check(entity < overlay->plan->entity_count);
    overlay->source.calls++;
    struct held_state *held_state = state_table_find(&overlay->state_table, entity, key, key_hash);
    if (!held_state)
        held_state = bring_in(overlay, entity, key, key_hash);
    return change(overlay, held_state, key_hash);
}

/* For a state that write() handed out before: held states never move, so no look-up is needed. */
static struct state *rewrite_state(struct state_source *self, size_t entity, struct state *state,
                                   uint64_t key_hash) {
    struct overlay *overlay = (struct overlay *)self;
    (void)entity;
    return change(overlay, (struct held_state *)state, key_hash);
}

static bool find_baseline(struct baseline_source *self, uint64_t definition, struct text key,
                          double *ret_value) {
    const struct overlay *overlay =
        (const void *)((const char *)self - offsetof(struct overlay, baselines));
    return overlay->generation &&
           generation_baseline(overlay->generation, definition, key, ret_value);
}

struct baseline_source *overlay_baselines(struct overlay *overlay) {
    return &overlay->baselines;
}

struct overlay *overlay_new(const struct plan *plan, struct generation *generation) {
    struct overlay *overlay = check_calloc(1, sizeof *overlay);
    overlay->source = (struct state_source){.read = read_state,
                                            .write = write_state,
                                            .find = find_states,
                                            .fetch = fetch_states,
                                            .rewrite = rewrite_state};
    overlay->baselines.find = find_baseline;
    pages_init(&overlay->pages, PAGES_SMALL);
    heap_init(&overlay->heap, &overlay->pages.source);
    overlay->state_table.hash_leaves.heap = overlay->ids.hash_leaves.heap = &overlay->heap;
    buffer_init(&overlay->encoded);
    state_init(&overlay->unsampled);
    overlay->plan = plan;
    overlay->generation = generation;
    overlay->tally.newest_event_time_us = INT64_MIN;
    overlay->lists = generation ? generation_take_lists(generation) : list_table_new();
    overlay->sources = generation ? generation_take_sources(generation) : source_table_new();
    if (generation) {
        check(generation_has_plan(generation, plan));
        overlay->tally = generation_tally(generation);
    }
    return overlay;
}

static bool is_sampled(const struct overlay *overlay, uint64_t hash) {
    return overlay->sample_of == 0 || hash % overlay->sample_of == overlay->sample_remainder;
}

/* An entity outside the sample is folded into a state that the next one replaces. */
static struct state *write_sampled(struct state_source *self, size_t entity, struct text key,
                                   uint64_t key_hash) {
    struct overlay *overlay = (struct overlay *)self;
    if (is_sampled(overlay, key_hash))
        return write_state(self, entity, key, key_hash);
    overlay->source.calls++;
    state_deinit(&overlay->unsampled);
    state_init(&overlay->unsampled);
    return &overlay->unsampled;
}

void overlay_use_sample(struct overlay *overlay, uint64_t of, uint64_t remainder) {
    check(of > 0 && !overlay->generation && overlay->state_table.count == 0);
    overlay->sample_of = of;
    overlay->sample_remainder = remainder;
    overlay->source.write = write_sampled;
}

void overlay_use_ids_from(struct overlay *overlay, uint64_t position) {
    check(overlay->ids.count == 0);
    overlay->ids_from = position;
}

void overlay_use_prefault(struct overlay *overlay, struct pages_prefault *prefault) {
    pages_use_prefault(&overlay->pages, prefault);
}

void overlay_free(struct overlay *overlay) {
    if (!overlay)
        return;
    check(!overlay->views);
    state_deinit(&overlay->unsampled);
    state_table_deinit(&overlay->state_table);
    id_index_deinit(&overlay->ids);
    pages_deinit(&overlay->pages);
    buffer_deinit(&overlay->encoded);
    list_table_free(overlay->lists);
    source_table_free(overlay->sources);
    generation_close(overlay->generation);
    free(overlay);
}

struct state_source *overlay_states(struct overlay *overlay) {
    return &overlay->source;
}

struct list_table *overlay_lists(const struct overlay *overlay) {
    return overlay->lists;
}

const struct source_table *overlay_sources(const struct overlay *overlay) {
    return overlay->sources;
}

const struct generation *overlay_generation(const struct overlay *overlay) {
    return overlay->generation;
}

/* ---------------------------------------------------------------------------------------------
 * Applying */

static void note_outcome(struct tally *tally, const struct outcome_record *outcome) {
    tally->outcomes++;
    if (outcome->previous != LABEL_NONE && tally->labels[outcome->previous] > 0)
        tally->labels[outcome->previous]--;
    if (outcome->label != LABEL_NONE)
        tally->labels[outcome->label]++;
}

static void note_transaction(struct tally *tally, const struct transaction *transaction) {
    tally->transactions++;
    if (tally->newest_event_time_us < transaction->event_time_us)
        tally->newest_event_time_us = transaction->event_time_us;
}

void overlay_note(struct overlay *overlay, const struct record *record) {
    switch (record->type) {
    case RECORD_TRANSACTION:
        note_transaction(&overlay->tally, &record->transaction.transaction);
        if (source_table_takes(record))
            source_table_add(overlay->sources, &record->transaction.transaction,
                             record->receive_time_us);
        break;
    case RECORD_OUTCOME:
        note_outcome(&overlay->tally, &record->outcome);
        break;
    case RECORD_LIST_CHANGE:
    case RECORD_BRAKE:
    case RECORD_EXPERIMENT:
        list_table_apply(overlay->lists, record);
        break;
    case RECORD_AMENDMENT: /* counted by no one; its transaction stays counted */
    case RECORD_SNAPSHOT:
    case RECORD_GENERATION:
    case RECORD_ENGINE:
    case RECORD_SHADOW:
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
}

void overlay_settle(struct overlay *overlay) {
    count_last(overlay);
    overlay->last = NULL;
    overlay->absent_id = 0;
    overlay->source.calls++; /* places that callers have found are invalid now */
}

/* Of two ids with the same hash the first keeps the slot. 64 bits: among a billion ids a collision
 * has a chance of 3 %, and then only the later id is not recognised. */
static void know_transaction(struct overlay *overlay, const struct record *record) {
    uint64_t id_hash = hash_text(record->transaction.transaction.id);
    struct known_id known;
    bool is_new = overlay->absent_id == id_hash && id_hash != 0;
    overlay->absent_id = 0;
    if (!is_sampled(overlay, id_hash) || record->position < overlay->ids_from)
        return;
    if (is_new || !overlay_find_id(overlay, id_hash, &known))
        id_index_set(&overlay->ids, id_hash, (struct known_id){.position = record->position});
}

/* If another id with the same hash has the slot, the outcome changes only the counts. */
static void label_id(struct overlay *overlay, const struct outcome_record *outcome) {
    uint64_t id_hash = hash_text(outcome->transaction.id);
    struct known_id known;
    if (!overlay_find_id(overlay, id_hash, &known) ||
        known.position != outcome->transaction_position)
        return;
    known.label = outcome->label;
    id_index_set(&overlay->ids, id_hash, known);
}

/* What was amended is found by a hash of its own among the ids: the newest record about it. */
static void know_amendment(struct overlay *overlay, const struct record *record) {
    uint64_t hash = amendment_hash(record->amendment.transaction.id);
    if (overlay->absent_id == hash)
        overlay->absent_id = 0;
    if (is_sampled(overlay, hash) && record->position >= overlay->ids_from)
        id_index_set(&overlay->ids, hash, (struct known_id){.position = record->position});
}

void overlay_apply(struct overlay *overlay, struct engine *engine, const struct record *record) {
    check(record->position > 0);
    engine_apply(engine, record, &overlay->source);
    overlay_note(overlay, record);
    if (record->type == RECORD_TRANSACTION)
        know_transaction(overlay, record);
    else if (record->type == RECORD_OUTCOME)
        label_id(overlay, &record->outcome);
    else if (record->type == RECORD_AMENDMENT)
        know_amendment(overlay, record);
}

bool overlay_find_id(const struct overlay *overlay, uint64_t id_hash, struct known_id *ret_known) {
    if (id_index_find(&overlay->ids, id_hash, ret_known))
        return true;
    struct known_id known;
    if (!overlay->generation || !generation_find_id(overlay->generation, id_hash, &known) ||
        known.position < overlay->ids_from)
        return false;
    *ret_known = known;
    return true;
}

bool overlay_recognise_id(struct overlay *overlay, uint64_t id_hash, struct known_id *ret_known) {
    bool is_found = overlay_find_id(overlay, id_hash, ret_known);
    overlay->absent_id = is_found ? 0 : id_hash;
    return is_found;
}

void overlay_expect_id(struct overlay *overlay, uint64_t id_hash) {
    overlay->expected_id = id_hash;
}

struct tally overlay_tally(const struct overlay *overlay) {
    return overlay->tally;
}

uint64_t overlay_entities(const struct overlay *overlay) {
    return overlay->state_table.count;
}

uint64_t overlay_bytes(const struct overlay *overlay) {
    if (!overlay->last)
        return overlay->bytes;
    return overlay->bytes - overlay->last->counted + state_memory(&overlay->last->state);
}

/* An estimate: overheads of allocations are guessed, and keys taken to be short. */
uint64_t overlay_memory(const struct overlay *overlay) {
    enum { KEY_BYTES = 24, ALLOCATION_BYTES = 16 };
    return overlay_bytes(overlay) +
           overlay->state_table.count * (sizeof(struct held_state) + KEY_BYTES + ALLOCATION_BYTES) +
           overlay->state_table.hash_leaves.capacity * sizeof(struct held_state_slot) +
           overlay->ids.hash_leaves.capacity * sizeof(struct id_slot);
}

/* overlay_fullness() says 100 when this much of the room is used: there is time for a rebuild. */
#define ROOM_PERCENT 95

unsigned overlay_fullness(const struct overlay *overlay, uint64_t limit) {
    unsigned of_room = state_table_percent(&overlay->state_table) * 100 / ROOM_PERCENT;
    uint64_t of_memory = limit > 0 ? overlay_memory(overlay) * 100 / limit : 0;
    return of_memory > of_room ? (unsigned)(of_memory < 1000 ? of_memory : 1000) : of_room;
}

/* ---------------------------------------------------------------------------------------------
 * Visiting ids; overlay_view.c visits states */

int overlay_visit_ids(const struct overlay *overlay,
                      int (*visit)(void *user, uint64_t id_hash, struct known_id known),
                      void *user) {
    struct generation_cursor *cursor = NULL;
    if (overlay->generation)
        cursor = generation_cursor_open_ids(overlay->generation);
    struct id_slot *sorted = id_index_sorted(&overlay->ids);
    size_t next = 0, count = overlay->ids.count;
    uint64_t stored_hash;
    struct known_id stored;
    bool more = cursor && generation_cursor_next_id(cursor, &stored_hash, &stored);
    int r = 0;
    while (r == 0 && (more || next < count)) {
        bool mine = next < count && (!more || sorted[next].id_hash <= stored_hash);
        bool same = mine && more && sorted[next].id_hash == stored_hash;
        if (mine)
            r = visit(user, sorted[next].id_hash, id_slot_known(&sorted[next]));
        else
            r = visit(user, stored_hash, stored);
        next += mine;
        if (!mine || same)
            more = generation_cursor_next_id(cursor, &stored_hash, &stored);
    }
    free(sorted);
    generation_cursor_close(cursor);
    return r;
}
