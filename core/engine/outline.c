/* What a record means to its entities: to each one entry, with a key.
 *
 * A transaction adds one entry to each of its entities. It is read with before it is applied, as
 * long as it has no verdict; filters on verdicts and fired rules then weigh it otherwise, and
 * nothing else differs. An outcome adds, at its transaction's time, the difference it makes: +1 for
 * a filter that the new label passes and the old did not, −1 the other way. So records can be
 * applied in any order. */
#include "scratch.h"

#include <string.h>

static void weigh(struct engine *engine, size_t entity, int32_t *ret_weights) {
    filters_weigh(&engine->filters, entity, engine->plan_layout.bound.frame, ret_weights);
}

static void bind_plan(struct engine *engine, const struct transaction *transaction,
                      bool ignores_hash) {
    layout_bind_plan(engine, transaction);
    layout_begin(engine, transaction, !ignores_hash);
}

/* ---- before there is a verdict ---- */

static void set_undecided(struct engine *engine) {
    layout_set_verdict(&engine->plan_layout, VERDICT_NONE);
    layout_set_outcome(&engine->plan_layout, LABEL_NONE);
    layout_set_fired(&engine->plan_layout, NULL, 0);
    filters_ask(&engine->filters, engine->plan_layout.bound.frame);
}

void outline_begin(struct engine *engine, const struct transaction *transaction) {
    arena_reset(&engine->filters.texts);
    set_undecided(engine);
    layout_begin(engine, transaction, true);
}

const struct entry *outline_entry(struct engine *engine, size_t entity,
                                  const struct transaction *transaction) {
    struct entry *entry = layout_entry(engine, entity, transaction, true);
    weigh(engine, entity, entry->weights);
    return entry;
}

/* ---- as it is recorded ---- */

/* applied NULL: the weights of the entry. */
static void hand_over(struct engine *engine, size_t entity, const int32_t *applied,
                      struct outline_sink *sink) {
    const struct spot *spot = &engine->spots[entity];
    const struct entry *entry = &engine->entries[entity];
    const struct entity_outline outline = {.entity = entity,
                                           .key = spot->key,
                                           .key_hash = spot->key_hash,
                                           .entry = entry,
                                           .applied = applied ? applied : entry->weights};
    sink->take(sink, &outline);
}

/* Once there is a verdict: what does not depend on it stays. */
static void set_decided(struct engine *engine, const struct decision *decision) {
    if (engine->filters.following.count == 0)
        return;
    layout_set_verdict(&engine->plan_layout, decision->verdict);
    if (decision->reason_count > 0)
        layout_set_fired(&engine->plan_layout, decision->reasons, decision->reason_count);
    filters_ask_again(&engine->filters, engine->plan_layout.bound.frame);
}

static void outline_transaction(struct engine *engine, const struct transaction_record *record,
                                const struct outlining *outlining) {
    bind_plan(engine, &record->transaction, outlining->ignores_hash);
    set_undecided(engine);
    if (outlining->reads)
        filters_keep(&engine->filters, engine->plan_layout.bound.frame);
    set_decided(engine, &record->decision);
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++) {
        if (!engine->spots[e].key.data)
            continue;
        struct entry *entry = layout_entry(engine, e, &record->transaction, true);
        weigh(engine, e, outlining->reads ? engine->applied : entry->weights);
        if (outlining->reads)
            filters_weigh_kept(&engine->filters, e, entry->weights);
        hand_over(engine, e, outlining->reads ? engine->applied : NULL, outlining->sink);
    }
}

/* ---- as it is recorded, right after it was decided ---- */

/* The memory is the same, so what is in it is. */
static bool is_same_memory(const struct transaction *a, const struct transaction *b) {
    return a->id.data == b->id.data && a->id.length == b->id.length &&
           a->event_time_us == b->event_time_us && a->amount_minor == b->amount_minor &&
           a->currency.data == b->currency.data && a->currency.length == b->currency.length &&
           memcmp(a->fields, b->fields, sizeof a->fields) == 0 &&
           a->has_location == b->has_location && a->latitude_e7 == b->latitude_e7 &&
           a->longitude_e7 == b->longitude_e7 && a->attributes == b->attributes &&
           a->attribute_count == b->attribute_count;
}

bool outline_is_laid_out(const struct engine *engine, const struct record *record) {
    return record->type == RECORD_TRANSACTION && engine->laid_out != 0 &&
           record->transaction.decision.laid_out == engine->laid_out &&
           is_same_memory(&record->transaction.transaction, &engine->decided);
}

void outline_laid_out(struct engine *engine, const struct record *record,
                      struct outline_sink *sink) {
    const struct transaction *transaction = &record->transaction.transaction;
    engine->laid_out = 0; /* the verdict comes into the layout */
    set_decided(engine, &record->transaction.decision);
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++) {
        const struct spot *spot = &engine->spots[e];
        if (!spot->key.data)
            continue;
        if (!spot->has_entry)
            outline_entry(engine, e, transaction);
        else if (engine->filters.entities[e].follows)
            weigh(engine, e, engine->entries[e].weights);
        hand_over(engine, e, NULL, sink);
    }
}

/* ---- outcomes ---- */

static bool passes_with(struct engine *engine, size_t entity, size_t filter, enum label label) {
    layout_set_outcome(&engine->plan_layout, label);
    return expression_is_true(engine->plan->bindings[entity].filters[filter],
                              engine->plan_layout.bound.frame, &engine->filters.texts);
}

/* The difference between two labels for the filters of one entity; false when there is none. */
static bool weigh_outcome(struct engine *engine, size_t entity, const struct outcome_record *record,
                          int32_t *ret_weights) {
    const struct entity_plan *plan = &engine->plan->plan.entities[entity];
    bool differs = false;
    for (size_t f = 0; f < plan->filter_count; f++) {
        ret_weights[f] = 0;
        if (!plan->filters[f].outcome)
            continue;
        bool before = passes_with(engine, entity, f, record->previous);
        bool after = passes_with(engine, entity, f, record->label);
        ret_weights[f] = (int)after - (int)before;
        differs |= after != before;
    }
    return differs;
}

static void outline_outcome(struct engine *engine, const struct outcome_record *record,
                            const struct outlining *outlining) {
    bind_plan(engine, &record->transaction, outlining->ignores_hash);
    layout_set_verdict(&engine->plan_layout, record->verdict);
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++) {
        int32_t *applied = outlining->reads ? engine->applied : engine->entries[e].weights;
        if (!engine->spots[e].key.data || !weigh_outcome(engine, e, record, applied))
            continue;
        layout_entry(engine, e, &record->transaction, false);
        hand_over(engine, e, applied, outlining->sink);
    }
}

void outline_record(struct engine *engine, const struct record *record,
                    const struct outlining *outlining) {
    arena_reset(&engine->filters.texts);
    if (record->type == RECORD_TRANSACTION)
        outline_transaction(engine, &record->transaction, outlining);
    else if (record->type == RECORD_OUTCOME)
        outline_outcome(engine, &record->outcome, outlining);
}

void engine_outline(struct engine *engine, const struct record *record, struct outline_sink *sink) {
    outline_record(engine, record, &(struct outlining){.sink = sink, .reads = true});
}
