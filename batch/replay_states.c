#include "replay_states.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>

static struct text read_state(struct state_source *self, size_t entity, struct text key,
                              uint64_t key_hash) {
    struct replay_states *states = (struct replay_states *)self;
    const struct resident *resident = residents_find(&states->live, entity, key, key_hash);
    if (!resident)
        return (struct text){0};
    return (struct text){.data = (const char *)resident->state.bytes,
                         .length = resident->state.length};
}

static struct state *write_state(struct state_source *self, size_t entity, struct text key,
                                 uint64_t key_hash) {
    struct replay_states *states = (struct replay_states *)self;
    struct resident *resident = residents_find(&states->live, entity, key, key_hash);
    if (!resident)
        resident = residents_add(&states->live, entity, key, key_hash);
    return &resident->state;
}

struct replay_states *replay_states_new(struct snapshot *plan) {
    struct replay_states *states = check_calloc(1, sizeof *states);
    states->source = (struct state_source){.read = read_state, .write = write_state};
    states->plan = plan;
    states->engine = engine_new(plan, plan);
    return states;
}

void replay_states_free(struct replay_states *states) {
    if (!states)
        return;
    residents_deinit(&states->live);
    residents_deinit(&states->dormant);
    engine_free(states->engine);
    free(states);
}

void replay_states_apply(struct replay_states *states, const struct record *record) {
    engine_apply(states->engine, record, &states->source);
}

/* ---- as after a rebuild ---- */

/* Puts one whole state where a generation of now would have it. */
static void place(struct replay_states *rebuilt, const struct resident *resident,
                  const struct state *whole, int64_t newest_event_time_us) {
    const struct plan *plan = &rebuilt->plan->plan;
    bool idle = state_is_idle(whole->bytes, whole->length, &plan->entities[resident->entity],
                              plan->lateness_us, newest_event_time_us);
    struct text key = resident_key(resident);
    struct resident *copy = residents_add(idle ? &rebuilt->dormant : &rebuilt->live,
                                          resident->entity, key, hash_text(key));
    state_assign(&copy->state, whole->bytes, whole->length);
}

static const struct resident *find(const struct residents *residents, const struct resident *like) {
    struct text key = resident_key(like);
    return residents_find(residents, like->entity, key, hash_text(key));
}

/* An entity of which the states hold two parts. */
static void place_merged(struct replay_states *rebuilt, const struct resident *live,
                         const struct resident *dormant, int64_t newest_event_time_us) {
    const struct plan *plan = &rebuilt->plan->plan;
    struct state whole;
    state_init(&whole);
    state_assign(&whole, dormant->state.bytes, dormant->state.length);
    state_merge(&whole, &plan->entities[live->entity], plan->lateness_us, live->state.bytes,
                live->state.length);
    place(rebuilt, live, &whole, newest_event_time_us);
    state_deinit(&whole);
}

struct replay_states *replay_states_rebuilt(const struct replay_states *states,
                                            int64_t newest_event_time_us) {
    struct replay_states *rebuilt = replay_states_new(states->plan);
    /* Sorted: one hash table filled in the order of another's slots has endless collisions. */
    struct resident **sorted = residents_sorted(&states->live);
    for (size_t i = 0; i < states->live.count; i++) {
        const struct resident *dormant = find(&states->dormant, sorted[i]);
        if (dormant)
            place_merged(rebuilt, sorted[i], dormant, newest_event_time_us);
        else
            place(rebuilt, sorted[i], &sorted[i]->state, newest_event_time_us);
    }
    free(sorted);
    sorted = residents_sorted(&states->dormant);
    for (size_t i = 0; i < states->dormant.count; i++)
        if (!find(&states->live, sorted[i]))
            place(rebuilt, sorted[i], &sorted[i]->state, newest_event_time_us);
    free(sorted);
    return rebuilt;
}
