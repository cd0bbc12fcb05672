/* What a record means to its entities: to each one entry, with a key.
 *
 * A transaction adds one entry to each of its entities. The same entry serves for reading, before
 * there is a verdict, and for applying; only the weights of filters on the verdict and on fired
 * rules differ. An outcome adds, at its transaction's time, the difference that it makes: +1 for a
 * filter that the new label passes and the old one did not, −1 the other way round. An amendment
 * takes its transaction's entries out as they were and puts them in as they are now: those of them
 * that differ. All of this commutes, so records can be applied in any order. */
#include "scratch.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

static void weigh(struct engine *engine, bool following) {
    filters_weigh(&engine->filters, engine->named.spots, engine->named.spot_count, following,
                  engine->plan_layout.bound.frame, engine->entries);
}

static void bind_plan(struct engine *engine, const struct transaction *transaction,
                      bool ignores_hash) {
    engine->laid_out = 0;
    layout_bind_plan(engine, transaction, &engine->plan_layout.bound);
    layout_begin(engine, transaction, &engine->plan_layout.bound, !ignores_hash, &engine->named);
}

/* ---- before there is a verdict ---- */

static void set_undecided(struct engine *engine) {
    layout_set_verdict(&engine->plan_layout, VERDICT_NONE);
    layout_set_outcome(&engine->plan_layout, LABEL_NONE);
    layout_set_fired(&engine->plan_layout, NULL, 0);
    filters_ask(&engine->filters, engine->plan_layout.bound.frame);
}

void entity_entries_begin(struct engine *engine, const struct transaction *transaction) {
    arena_reset(&engine->filters.texts);
    filters_begin(&engine->filters, transaction, LABEL_NONE);
    set_undecided(engine);
    layout_entries(engine, transaction, true);
    weigh(engine, false);
}

/* ---- as it is recorded ---- */

static void hand_over(struct engine *engine, const struct state_place *spot, const int32_t *applied,
                      struct entity_entries_sink *sink) {
    const struct entity_entries entries = {.entity = spot->entity,
                                           .key = spot->key,
                                           .key_hash = spot->key_hash,
                                           .entry = &engine->entries[spot->entity],
                                           .applied = applied};
    sink->take(sink, &entries);
}

/* Once there is a verdict: only filters that depend on it are asked again. */
static void set_decided(struct engine *engine, const struct decision *decision) {
    if (engine->filters.first_following == engine->filters.count)
        return;
    layout_set_verdict(&engine->plan_layout, decision->verdict);
    if (decision->reason_count > 0)
        layout_set_fired(&engine->plan_layout, decision->reasons, decision->reason_count);
    filters_ask_again(&engine->filters, engine->plan_layout.bound.frame);
}

/* A plan without filters: nothing is weighed, and the decision makes no difference. */
static void entries_unfiltered(struct engine *engine, const struct transaction_record *record,
                               const struct entries_request *request) {
    layout_entries(engine, &record->transaction, true);
    for (size_t i = 0; i < engine->named.spot_count; i++)
        hand_over(engine, &engine->named.spots[i],
                  engine->entries[engine->named.spots[i].entity].weights, request->sink);
}

static void transaction_entries(struct engine *engine, const struct transaction_record *record,
                                const struct entries_request *request) {
    bind_plan(engine, &record->transaction, request->ignores_hash);
    if (engine->filters.count == 0) {
        entries_unfiltered(engine, record, request);
        return;
    }
    filters_begin(&engine->filters, &record->transaction, LABEL_NONE);
    set_undecided(engine);
    if (request->reads)
        filters_keep(&engine->filters, engine->plan_layout.bound.frame);
    set_decided(engine, &record->decision);
    layout_entries(engine, &record->transaction, true);
    weigh(engine, false);
    for (size_t i = 0; i < engine->named.spot_count; i++) {
        const struct state_place *spot = &engine->named.spots[i];
        int32_t *weights = engine->entries[spot->entity].weights;
        if (request->reads) {
            filters_weigh_again(&engine->filters, spot->entity, engine->applied);
            filters_weigh_kept(&engine->filters, spot->entity, weights);
        }
        hand_over(engine, spot, request->reads ? engine->applied : weights, request->sink);
    }
}

/* ---- as it is recorded, right after it was decided ---- */

/* Compares pointers, not contents: the caller promises that the memory is unchanged (engine.h). */
static bool is_same_memory(const struct transaction *a, const struct transaction *b) {
    return a->id.data == b->id.data && a->id.length == b->id.length &&
           a->event_time_us == b->event_time_us && a->amount_minor == b->amount_minor &&
           a->currency.data == b->currency.data && a->currency.length == b->currency.length &&
           memcmp(a->fields, b->fields, sizeof a->fields) == 0 &&
           a->has_location == b->has_location && a->latitude_e7 == b->latitude_e7 &&
           a->longitude_e7 == b->longitude_e7 && a->attributes == b->attributes &&
           a->attribute_count == b->attribute_count && a->erased == b->erased;
}

bool entity_entries_are_laid_out(const struct engine *engine, const struct record *record) {
    return record->type == RECORD_TRANSACTION && engine->laid_out != 0 &&
           record->transaction.decision.laid_out == engine->laid_out &&
           is_same_memory(&record->transaction.transaction, &engine->decided);
}

void entity_entries_laid_out(struct engine *engine, const struct record *record) {
    engine->laid_out = 0; /* the verdict comes into the layout */
    if (engine->filters.first_following == engine->filters.count)
        return;
    set_decided(engine, &record->transaction.decision);
    weigh(engine, true);
}

/* ---- outcomes ---- */

static void amend(struct transaction *transaction, const struct amended *amended) {
    transaction->amount_minor = amended->amount_minor;
    transaction->refunded_minor = amended->refunded_minor;
}

static bool passes_with(struct engine *engine, size_t entity, size_t filter, enum label label) {
    bool passes;
    if (filters_recorded(&engine->filters, entity, filter, label, &passes))
        return passes;
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

/* Of a transaction that was amended by then, the entries are those it was put in with; of one that
 * is voided there are none: the label counts once it is restored. */
static void outcome_entries(struct engine *engine, const struct outcome_record *record,
                            const struct entries_request *request) {
    struct transaction transaction = record->transaction;
    if (record->is_amended && record->amended.is_voided)
        return;
    if (record->is_amended)
        amend(&transaction, &record->amended);
    bind_plan(engine, &transaction, request->ignores_hash);
    filters_begin(&engine->filters, &transaction, LABEL_NONE);
    layout_set_verdict(&engine->plan_layout, record->verdict);
    layout_entries(engine, &transaction, false);
    for (size_t i = 0; i < engine->named.spot_count; i++) {
        const struct state_place *spot = &engine->named.spots[i];
        int32_t *applied = request->reads ? engine->applied : engine->entries[spot->entity].weights;
        if (weigh_outcome(engine, spot->entity, record, applied))
            hand_over(engine, spot, applied, request->sink);
    }
}

/* ---- amendments ---- */

/* The entries of a transaction as it was, or is, by an amendment: with its verdict, its label and
 * the rules that fired. */
static void lay_out_amended(struct engine *engine, const struct amendment_record *record,
                            const struct amended *amended, bool ignores_hash,
                            struct transaction *transaction) {
    const struct reason *fired = engine->amending.reasons;
    *transaction = record->transaction;
    amend(transaction, amended);
    bind_plan(engine, transaction, ignores_hash);
    layout_set_verdict(&engine->plan_layout, record->verdict);
    layout_set_outcome(&engine->plan_layout, record->label);
    layout_set_fired(&engine->plan_layout, fired, record->fired_count);
    filters_begin(&engine->filters, transaction,
                  record->label + (amended == &record->previous ? ERASED_LABELS_BEFORE : 0u));
    filters_ask(&engine->filters, engine->plan_layout.bound.frame);
    layout_entries(engine, transaction, true);
    weigh(engine, false);
}

/* As layout_set_fired() takes them. */
static void set_reasons(struct amending *amending, const struct amendment_record *record) {
    if (record->fired_count > amending->reason_capacity) {
        amending->reason_capacity = record->fired_count;
        amending->reasons = check_reallocarray(amending->reasons, amending->reason_capacity,
                                               sizeof *amending->reasons);
    }
    for (size_t i = 0; i < record->fired_count; i++)
        amending->reasons[i] = (struct reason){.rule = record->fired[i]};
}

/* What an entity was given before, with its key: both are laid out anew for what it is now. Texts
 * of columns are fields of the transaction, or are built and copied. */
static void keep_before(struct engine *engine) {
    struct amending *amending = &engine->amending;
    arena_reset(&amending->texts);
    amending->count = engine->named.spot_count;
    for (size_t i = 0; i < amending->count; i++) {
        const struct state_place *spot = &engine->named.spots[i];
        const struct entity_plan *plan = &engine->plan->plan.entities[spot->entity];
        amending->spots[i] = *spot;
        amending->spots[i].key = arena_text(&amending->texts, spot->key);
        check(amending->spots[i].key.data);
        struct entry *entry = &amending->entries[i];
        *entry = engine->entries[spot->entity];
        for (uint32_t texts = entry->present & plan->text_columns; texts; texts &= texts - 1) {
            size_t column = (size_t)__builtin_ctz(texts);
            entry->texts[column] = arena_text(&amending->texts, entry->texts[column]);
            check(entry->texts[column].length == 0 || entry->texts[column].data);
        }
    }
}

static bool is_same_entry(const struct entity_plan *plan, const struct entry *a,
                          const struct entry *b) {
    if (a->present != b->present ||
        memcmp(a->weights, b->weights, plan->filter_count * sizeof *a->weights) != 0)
        return false;
    for (uint32_t left = a->present; left; left &= left - 1) {
        size_t i = (size_t)__builtin_ctz(left);
        bool is_text = plan->text_columns >> i & 1;
        if (is_text ? !text_equal(a->texts[i], b->texts[i]) : a->integers[i] != b->integers[i])
            return false;
    }
    return true;
}

/* Is what is laid out now, for spot `now`, what this entity was given before? */
static bool is_unchanged(const struct engine *engine, const struct state_place *before,
                         const struct entry *entry, const struct state_place *now) {
    return before->entity == now->entity && text_equal(before->key, now->key) &&
           is_same_entry(&engine->plan->plan.entities[now->entity], entry,
                         &engine->entries[now->entity]);
}

static const struct state_place *find_spot(const struct state_place *spots, size_t count,
                                           size_t entity) {
    for (size_t i = 0; i < count; i++)
        if (spots[i].entity == entity)
            return &spots[i];
    return NULL;
}

/* Outcome filters are differences in what is taken out: state.c. */
static void hand_out(struct engine *engine, const struct state_place *spot, struct entry *entry,
                     struct entity_entries_sink *sink) {
    const struct entity_plan *plan = &engine->plan->plan.entities[spot->entity];
    entry->transaction = false;
    entry->is_taken_out = true;
    for (size_t i = 0; i < plan->filter_count; i++)
        if (plan->filters[i].outcome)
            entry->weights[i] = -entry->weights[i];
    const struct entity_entries entries = {.entity = spot->entity,
                                           .key = spot->key,
                                           .key_hash = spot->key_hash,
                                           .entry = entry,
                                           .applied = entry->weights};
    sink->take(sink, &entries);
}

static void amendment_entries(struct engine *engine, const struct amendment_record *record,
                              const struct entries_request *request) {
    struct amending *amending = &engine->amending;
    struct named *named = &engine->named;
    struct transaction before, now;
    set_reasons(amending, record);
    amending->count = 0;
    memset(amending->is_unchanged, 0,
           engine->plan->plan.entity_count * sizeof *amending->is_unchanged);
    if (!record->previous.is_voided) {
        lay_out_amended(engine, record, &record->previous, request->ignores_hash, &before);
        keep_before(engine);
    }
    named->spot_count = 0;
    if (!record->now.is_voided)
        lay_out_amended(engine, record, &record->now, request->ignores_hash, &now);
    for (size_t i = 0; i < amending->count; i++) {
        const struct state_place *spot = &amending->spots[i];
        const struct state_place *new_spot =
            find_spot(named->spots, named->spot_count, spot->entity);
        amending->is_unchanged[spot->entity] =
            new_spot && is_unchanged(engine, spot, &amending->entries[i], new_spot);
        if (!amending->is_unchanged[spot->entity])
            hand_out(engine, spot, &amending->entries[i], request->sink);
    }
    for (size_t i = 0; i < named->spot_count; i++) {
        const struct state_place *spot = &named->spots[i];
        if (!amending->is_unchanged[spot->entity])
            hand_over(engine, spot, engine->entries[spot->entity].weights, request->sink);
    }
}

void entity_entries_record(struct engine *engine, const struct record *record,
                           const struct entries_request *request) {
    arena_reset(&engine->filters.texts);
    if (record->type == RECORD_TRANSACTION)
        transaction_entries(engine, &record->transaction, request);
    else if (record->type == RECORD_OUTCOME)
        outcome_entries(engine, &record->outcome, request);
    else if (record->type == RECORD_AMENDMENT)
        amendment_entries(engine, &record->amendment, request);
}

void engine_entity_entries(struct engine *engine, const struct record *record,
                           struct entity_entries_sink *sink) {
    entity_entries_record(engine, record, &(struct entries_request){.sink = sink, .reads = true});
}
