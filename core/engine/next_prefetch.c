/* Preparing the next transaction while one is decided. Much of a decision's time is spent waiting
 * for memory, and the addresses of the next one's states can be known before the current one is
 * done.
 *
 *   while one is       the next is
 *   laid out           laid out: fields, keys and their hashes; what leads to its states is fetched
 *   read               …
 *   judged             its states' heads and keys are fetched
 *   reported           its states are found and their bytes fetched
 *   applied            what the bytes lead to is fetched
 *
 * Nothing here changes a decision: filters and states are evaluated only when the transaction is
 * decided itself. States that were found are kept only for sources that do not move them; those
 * that did not exist are searched for again, because the current transaction may create them. */
#include "scratch.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

enum step {
    STEP_PLACES, /* states->fetch() */
    STEP_HEADS,
    STEP_STATES, /* states->find(), state_prefetch() */
    STEP_DEEP,
    STEP_NONE,
};

static void bound_init(struct bound *bound, const struct snapshot *snapshot) {
    bound->frame = check_calloc(snapshot->slot_count, sizeof *bound->frame);
    bound->integers = check_calloc(snapshot->schema.field_count, sizeof *bound->integers);
    bound->texts = check_calloc(1, sizeof *bound->texts);
    arena_init(bound->texts, SCHEMA_TEXTS_MAX);
}

static void bound_deinit(struct bound *bound) {
    free(bound->frame);
    free(bound->integers);
    arena_deinit(bound->texts);
    free(bound->texts);
}

static bool is_shared(const struct engine *engine) {
    return engine->plan == engine->rules;
}

void next_prefetch_init(struct engine *engine) {
    struct next_prefetch *next_prefetch = &engine->next_prefetch;
    bound_init(&next_prefetch->live, engine->rules);
    if (is_shared(engine))
        next_prefetch->plan = next_prefetch->live;
    else
        bound_init(&next_prefetch->plan, engine->plan);
    named_init(&next_prefetch->named, engine);
}

void next_prefetch_deinit(struct engine *engine) {
    struct next_prefetch *next_prefetch = &engine->next_prefetch;
    if (!is_shared(engine))
        bound_deinit(&next_prefetch->plan);
    bound_deinit(&next_prefetch->live);
    named_deinit(&next_prefetch->named);
}

void engine_expect(struct engine *engine, const struct transaction *transaction) {
    engine->next_prefetch.expected = transaction;
}

void engine_forget(struct engine *engine) {
    engine->next_prefetch.expected = engine->next_prefetch.transaction = NULL;
}

/* Errors are ignored here and reported when the transaction is decided. */
static bool bind(struct engine *engine, const struct transaction *transaction,
                 const struct field_set *fields) {
    struct next_prefetch *next_prefetch = &engine->next_prefetch;
    struct text field;
    struct error error;
    if (!engine->omits_check && transaction_check(transaction, &field, &error) < 0)
        return false;
    if (judge_bind(&engine->live, transaction, fields, &next_prefetch->live, &field, &error) < 0)
        return false;
    if (!is_shared(engine))
        layout_bind_plan(engine, transaction, &next_prefetch->plan);
    return true;
}

void next_prefetch_begin(struct engine *engine, const struct field_set *fields,
                         struct state_source *states) {
    struct next_prefetch *next_prefetch = &engine->next_prefetch;
    const struct transaction *transaction = next_prefetch->expected;
    next_prefetch->expected = next_prefetch->transaction = NULL;
    if (!transaction || !bind(engine, transaction, fields))
        return;
    layout_begin(engine, transaction, &next_prefetch->plan, true, &next_prefetch->named);
    next_prefetch->transaction = transaction;
    next_prefetch->step =
        states->fetch && states->find && states->rewrite ? STEP_PLACES : STEP_NONE;
    next_prefetch_fetch(engine, states);
}

static void find(struct named *named, struct state_source *states) {
    states->find(states, named->spots, named->spot_count);
    named->found_in = states;
    named->found_after = states->calls;
}

void next_prefetch_fetch(struct engine *engine, struct state_source *states) {
    struct next_prefetch *next_prefetch = &engine->next_prefetch;
    struct named *named = &next_prefetch->named;
    if (!next_prefetch->transaction)
        return;
    switch ((enum step)next_prefetch->step) {
    case STEP_PLACES:
    case STEP_HEADS:
        states->fetch(states, named->spots, named->spot_count, (int)next_prefetch->step);
        break;
    case STEP_STATES:
        find(named, states);
        layout_fetch_states(engine, named, next_prefetch->transaction->event_time_us, 1);
        break;
    case STEP_DEEP:
        layout_fetch_states(engine, named, next_prefetch->transaction->event_time_us, 2);
        break;
    case STEP_NONE:
        return;
    }
    next_prefetch->step++;
}

static void take_bound(const struct bound *to, const struct bound *from, size_t field_count) {
    struct arena texts = *to->texts;
    memcpy(to->frame, from->frame, field_count * sizeof *to->frame);
    memcpy(to->integers, from->integers, field_count * sizeof *to->integers);
    *to->texts = *from->texts;
    *from->texts = texts;
}

/* Those that were not there. */
static void find_missing(struct named *named, struct state_source *states) {
    for (size_t i = 0; i < named->spot_count; i++)
        if (!named->spots[i].state)
            states->find(states, &named->spots[i], 1);
    named->found_after = states->calls;
}

bool next_prefetch_take(struct engine *engine, const struct transaction *transaction,
                        struct state_source *states) {
    struct next_prefetch *next_prefetch = &engine->next_prefetch;
    struct named named = engine->named;
    if (!next_prefetch->transaction || next_prefetch->transaction != transaction)
        return false;
    take_bound(&engine->live.layout.bound, &next_prefetch->live, engine->rules->schema.field_count);
    if (!is_shared(engine))
        take_bound(&engine->plan_layout.bound, &next_prefetch->plan,
                   engine->plan->schema.field_count);
    engine->named = next_prefetch->named;
    next_prefetch->named = named;
    next_prefetch->transaction = NULL;
    if (engine->named.found_in != states)
        layout_find_states(engine, transaction->event_time_us, states);
    else if (engine->named.found_after != states->calls)
        find_missing(&engine->named, states);
    return true;
}
