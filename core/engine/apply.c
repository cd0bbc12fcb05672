/* apply(record, states): the fold of invariant 1. entity_entries.c turns the record into entries;
 * here they meet the states. A transaction that this engine has just decided takes the short path:
 * its keys, hashes and entries are still laid out, and most of its states have been found. */
#include "scratch.h"

/* Adapts the entries of entity_entries.c to a caller's entry_sink. */
struct handing_over {
    struct entity_entries_sink sink;
    struct entry_sink *to;
};

static void hand_over(struct entity_entries_sink *self, const struct entity_entries *entries) {
    struct entry_sink *to = ((struct handing_over *)self)->to;
    to->take(to, entries->entity, entries->key, entries->key_hash, entries->entry);
}

void engine_entries(struct engine *engine, const struct record *record, struct entry_sink *sink) {
    struct handing_over handing_over = {.sink = {.take = hand_over}, .to = sink};
    entity_entries_record(
        engine, record,
        &(struct entries_request){.sink = &handing_over.sink, .ignores_hash = sink->ignores_hash});
}

/* A sink that applies each entry to its state. */
struct application {
    struct entity_entries_sink sink;
    const struct plan *plan;
    struct state_source *states;
};

static void apply_entry(struct entity_entries_sink *self, const struct entity_entries *entries) {
    struct application *application = (struct application *)self;
    struct state_source *states = application->states;
    struct state *state = states->write(states, entries->entity, entries->key, entries->key_hash);
    state_apply(state, &application->plan->entities[entries->entity],
                application->plan->lateness_us, entries->entry);
}

/* The short path. States found while deciding are used only if nothing was written to the source
 * since: see found_after. */
static void apply_laid_out(struct engine *engine, const struct record *record,
                           struct state_source *states) {
    const struct plan *plan = &engine->plan->plan;
    bool are_found = states->rewrite && engine->named.found_in == states &&
                     engine->named.found_after == states->calls;
    entity_entries_laid_out(engine, record);
    for (size_t i = 0; i < engine->named.spot_count; i++) {
        const struct state_place *spot = &engine->named.spots[i];
        struct state *state =
            are_found && spot->state
                ? states->rewrite(states, spot->entity, spot->state, spot->key_hash)
                : states->write(states, spot->entity, spot->key, spot->key_hash);
        state_apply(state, &plan->entities[spot->entity], plan->lateness_us,
                    &engine->entries[spot->entity]);
    }
    next_prefetch_fetch(engine, states);
}

void engine_apply(struct engine *engine, const struct record *record, struct state_source *states) {
    if (entity_entries_are_laid_out(engine, record)) {
        apply_laid_out(engine, record, states);
        return;
    }
    struct application application = {
        .sink = {.take = apply_entry}, .plan = &engine->plan->plan, .states = states};
    entity_entries_record(engine, record, &(struct entries_request){.sink = &application.sink});
}
