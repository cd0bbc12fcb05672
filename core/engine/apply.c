/* What a record means to entities, and apply(record, states): the fold of Law 1.
 *
 * A transaction adds one entry to each of its entities. An outcome adds, at its transaction's time,
 * the difference it makes: +1 for a filter that the new label passes and the old did not, −1 the
 * other way. So records can be applied in any order. */
#include "scratch.h"

#include "../base/hash.h"

#include <string.h>

/* Room for the texts that filters build; they are gone after each record. */
#define FILTER_ARENA_BYTES (1u << 20)

static void bind_plan(struct engine *engine, const struct transaction *transaction) {
    schema_bind_some(&engine->plan->schema, transaction, engine->plan_fields,
                     engine->plan_field_count, &engine->plan_layout.bound);
    engine->entry.id_hash = hash_text(transaction->id);
}

static void hand_over(struct engine *engine, size_t entity, struct text key,
                      const struct transaction *transaction, struct entry_sink *sink) {
    layout_entry(engine, entity, transaction);
    sink->take(sink, entity, key, sink->ignores_hash ? 0 : hash_text(key), &engine->entry);
}

static bool passes(struct engine *engine, size_t entity, size_t filter, struct arena *arena) {
    signed char *passed =
        &engine->passed[engine->same_filter[engine->first_filter[entity] + filter]];
    if (*passed < 0)
        *passed = layout_passes(engine, entity, filter, arena);
    return *passed;
}

static void entries_of_transaction(struct engine *engine, const struct transaction_record *record,
                                   struct entry_sink *sink, struct arena *arena) {
    bind_plan(engine, &record->transaction);
    layout_set_verdict(&engine->plan_layout, record->decision.verdict);
    layout_set_outcome(&engine->plan_layout, LABEL_NONE);
    layout_set_fired(&engine->plan_layout, record->decision.reasons, record->decision.reason_count);
    engine->entry.transaction = true;
    memset(engine->passed, -1, engine->filter_count);
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++) {
        struct text key = layout_key(engine, e);
        if (!key.data)
            continue;
        for (size_t f = 0; f < engine->plan->plan.entities[e].filter_count; f++)
            engine->entry.weights[f] = passes(engine, e, f, arena);
        hand_over(engine, e, key, &record->transaction, sink);
    }
}

/* The difference between two labels for the filters of one entity; false when there is none. */
static bool weigh_outcome(struct engine *engine, size_t entity, const struct outcome_record *record,
                          struct arena *arena) {
    const struct entity_plan *plan = &engine->plan->plan.entities[entity];
    bool differs = false;
    for (size_t f = 0; f < plan->filter_count; f++) {
        engine->entry.weights[f] = 0;
        if (!plan->filters[f].outcome)
            continue;
        layout_set_outcome(&engine->plan_layout, record->previous);
        bool before = layout_passes(engine, entity, f, arena);
        layout_set_outcome(&engine->plan_layout, record->label);
        bool after = layout_passes(engine, entity, f, arena);
        engine->entry.weights[f] = (int)after - (int)before;
        differs |= after != before;
    }
    return differs;
}

static void entries_of_outcome(struct engine *engine, const struct outcome_record *record,
                               struct entry_sink *sink, struct arena *arena) {
    bind_plan(engine, &record->transaction);
    layout_set_verdict(&engine->plan_layout, record->verdict);
    engine->entry.transaction = false;
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++) {
        struct text key = layout_key(engine, e);
        if (key.data && weigh_outcome(engine, e, record, arena))
            hand_over(engine, e, key, &record->transaction, sink);
    }
}

void engine_entries(struct engine *engine, const struct record *record, struct entry_sink *sink) {
    struct arena arena;
    arena_init(&arena, FILTER_ARENA_BYTES);
    if (record->type == RECORD_TRANSACTION)
        entries_of_transaction(engine, &record->transaction, sink, &arena);
    else if (record->type == RECORD_OUTCOME)
        entries_of_outcome(engine, &record->outcome, sink, &arena);
    arena_deinit(&arena);
}

/* A sink that applies what it takes. */
struct application {
    struct entry_sink sink;
    const struct plan *plan;
    struct state_source *states;
};

static void apply_entry(struct entry_sink *self, size_t entity, struct text key, uint64_t key_hash,
                        const struct entry *entry) {
    struct application *application = (struct application *)self;
    struct state *state = application->states->write(application->states, entity, key, key_hash);
    state_apply(state, &application->plan->entities[entity], application->plan->lateness_us, entry);
}

void engine_apply(struct engine *engine, const struct record *record, struct state_source *states) {
    struct application application = {
        .sink = {.take = apply_entry}, .plan = &engine->plan->plan, .states = states};
    engine_entries(engine, record, &application.sink);
}
