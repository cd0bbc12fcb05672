/* What a record means to its entities: to each one entry, with a key.
 *
 * A transaction adds one entry to each of its entities. It is read with before it is applied, as
 * long as it has no verdict; filters on verdicts and fired rules then weigh it otherwise, and
 * nothing else differs. An outcome adds, at its transaction's time, the difference it makes: +1 for
 * a filter that the new label passes and the old did not, −1 the other way. So records can be
 * applied in any order. */
#include "scratch.h"

#include <string.h>

static size_t filter_of(const struct engine *engine, size_t entity, size_t filter) {
    return engine->same_filter[engine->first_filter[entity] + filter];
}

static bool passes(struct engine *engine, size_t entity, size_t filter, struct arena *arena) {
    signed char *passed = &engine->passed[filter_of(engine, entity, filter)];
    if (*passed < 0)
        *passed = layout_passes(engine, entity, filter, arena);
    return *passed;
}

static void bind_plan(struct engine *engine, const struct transaction *transaction) {
    layout_bind_plan(engine, transaction);
    layout_begin(engine, transaction);
}

/* ---- before there is a verdict ---- */

static void set_undecided(struct engine *engine) {
    layout_set_verdict(&engine->plan_layout, VERDICT_NONE);
    layout_set_outcome(&engine->plan_layout, LABEL_NONE);
    layout_set_fired(&engine->plan_layout, NULL, 0);
    memset(engine->passed, -1, engine->filter_count);
}

void outline_begin(struct engine *engine, const struct transaction *transaction) {
    set_undecided(engine);
    layout_begin(engine, transaction);
    engine->entry.transaction = true;
}

void outline_entry(struct engine *engine, size_t entity, const struct transaction *transaction,
                   struct arena *arena) {
    layout_entry(engine, entity, transaction);
    for (size_t f = 0; f < engine->plan->plan.entities[entity].filter_count; f++)
        engine->entry.weights[f] = passes(engine, entity, f, arena);
}

/* ---- as it is recorded ---- */

static void hand_over(struct engine *engine, size_t entity, struct text key,
                      const struct outlining *outlining) {
    const struct entity_outline outline = {
        .entity = entity,
        .key = key,
        .key_hash = outlining->ignores_hash ? 0 : layout_key_hash(engine, entity, key),
        .entry = &engine->entry,
        .applied = outlining->reads ? engine->applied : engine->entry.weights};
    outlining->sink->take(outlining->sink, &outline);
}

/* What every filter says before there is a verdict. */
static void weigh_undecided(struct engine *engine) {
    const struct plan *plan = &engine->plan->plan;
    set_undecided(engine);
    for (size_t e = 0; e < plan->entity_count; e++)
        for (size_t f = 0; f < plan->entities[e].filter_count; f++)
            passes(engine, e, f, &engine->filter_texts);
    memcpy(engine->passed_before, engine->passed, engine->filter_count);
}

/* And once there is one: what does not depend on it stays. */
static void set_decided(struct engine *engine, const struct decision *decision) {
    if (!engine->any_follows)
        return;
    layout_set_verdict(&engine->plan_layout, decision->verdict);
    if (decision->reason_count > 0)
        layout_set_fired(&engine->plan_layout, decision->reasons, decision->reason_count);
    for (size_t i = 0; i < engine->filter_count; i++)
        if (engine->follows[i])
            engine->passed[i] = -1;
}

static void outline_transaction(struct engine *engine, const struct transaction_record *record,
                                const struct outlining *outlining) {
    const struct plan *plan = &engine->plan->plan;
    int32_t *applied = outlining->reads ? engine->applied : engine->entry.weights;
    bind_plan(engine, &record->transaction);
    if (outlining->reads)
        weigh_undecided(engine);
    else
        set_undecided(engine);
    set_decided(engine, &record->decision);
    engine->entry.transaction = true;
    for (size_t e = 0; e < plan->entity_count; e++) {
        struct text key = layout_key(engine, e);
        if (!key.data)
            continue;
        layout_entry(engine, e, &record->transaction);
        for (size_t f = 0; f < plan->entities[e].filter_count; f++) {
            applied[f] = passes(engine, e, f, &engine->filter_texts);
            if (outlining->reads)
                engine->entry.weights[f] = engine->passed_before[filter_of(engine, e, f)];
        }
        hand_over(engine, e, key, outlining);
    }
}

/* The difference between two labels for the filters of one entity; false when there is none. */
static bool weigh_outcome(struct engine *engine, size_t entity, const struct outcome_record *record,
                          struct arena *arena, int32_t *ret_weights) {
    const struct entity_plan *plan = &engine->plan->plan.entities[entity];
    bool differs = false;
    for (size_t f = 0; f < plan->filter_count; f++) {
        ret_weights[f] = 0;
        if (!plan->filters[f].outcome)
            continue;
        layout_set_outcome(&engine->plan_layout, record->previous);
        bool before = layout_passes(engine, entity, f, arena);
        layout_set_outcome(&engine->plan_layout, record->label);
        bool after = layout_passes(engine, entity, f, arena);
        ret_weights[f] = (int)after - (int)before;
        differs |= after != before;
    }
    return differs;
}

static void outline_outcome(struct engine *engine, const struct outcome_record *record,
                            const struct outlining *outlining) {
    int32_t *applied = outlining->reads ? engine->applied : engine->entry.weights;
    bind_plan(engine, &record->transaction);
    layout_set_verdict(&engine->plan_layout, record->verdict);
    engine->entry.transaction = false;
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++) {
        struct text key = layout_key(engine, e);
        if (!key.data || !weigh_outcome(engine, e, record, &engine->filter_texts, applied))
            continue;
        layout_entry(engine, e, &record->transaction);
        hand_over(engine, e, key, outlining);
    }
}

void outline_record(struct engine *engine, const struct record *record,
                    const struct outlining *outlining) {
    arena_reset(&engine->filter_texts);
    if (record->type == RECORD_TRANSACTION)
        outline_transaction(engine, &record->transaction, outlining);
    else if (record->type == RECORD_OUTCOME)
        outline_outcome(engine, &record->outcome, outlining);
}

void engine_outline(struct engine *engine, const struct record *record, struct outline_sink *sink) {
    outline_record(engine, record, &(struct outlining){.sink = sink, .reads = true});
}
