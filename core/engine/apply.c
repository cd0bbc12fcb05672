/* apply(record, states): the fold of Law 1.
 *
 * A transaction adds one entry to each of its entities. An outcome adds, at its transaction's time,
 * the difference it makes: +1 for a filter that the new label passes and the old did not, −1 the
 * other way. So records can be applied in any order. */
#include "scratch.h"

#include "../base/hash.h"

/* Room for the texts that filters build; they are gone after each record. */
#define FILTER_ARENA_BYTES (1u << 20)

static void bind_plan(struct engine *engine, const struct transaction *transaction) {
    struct text field;
    struct error ignored; /* lenient binding takes what does not fit as absent */
    schema_bind(&engine->plan->schema, transaction, BIND_LENIENT, &engine->plan_layout.bound,
                &field, &ignored);
}

static void apply_to_entity(struct engine *engine, size_t entity,
                            const struct transaction *transaction, struct state_source *states) {
    struct text key = layout_key(engine, entity);
    if (!key.data)
        return;
    layout_entry(engine, entity, transaction);
    struct state *state = states->write(states, entity, key, hash_text(key));
    state_apply(state, &engine->plan->plan.entities[entity], engine->plan->plan.lateness_us,
                &engine->entry);
}

static void apply_transaction(struct engine *engine, const struct transaction_record *record,
                              struct state_source *states, struct arena *arena) {
    bind_plan(engine, &record->transaction);
    layout_set_verdict(&engine->plan_layout, record->decision.verdict);
    layout_set_outcome(&engine->plan_layout, LABEL_NONE);
    engine->entry.transaction = true;
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++) {
        for (size_t f = 0; f < engine->plan->plan.entities[e].filter_count; f++)
            engine->entry.weights[f] = layout_passes(engine, e, f, arena);
        apply_to_entity(engine, e, &record->transaction, states);
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

static void apply_outcome(struct engine *engine, const struct outcome_record *record,
                          struct state_source *states, struct arena *arena) {
    bind_plan(engine, &record->transaction);
    layout_set_verdict(&engine->plan_layout, record->verdict);
    engine->entry.transaction = false;
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++)
        if (weigh_outcome(engine, e, record, arena))
            apply_to_entity(engine, e, &record->transaction, states);
}

void engine_apply(struct engine *engine, const struct record *record, struct state_source *states) {
    struct arena arena;
    arena_init(&arena, FILTER_ARENA_BYTES);
    if (record->type == RECORD_TRANSACTION)
        apply_transaction(engine, &record->transaction, states, &arena);
    else if (record->type == RECORD_OUTCOME)
        apply_outcome(engine, &record->outcome, states, &arena);
    arena_deinit(&arena);
}
