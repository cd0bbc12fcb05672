/* Each search is one of `harrier find`, all of them on one index. What it returns is compared by
 * the key that the engine computes, so a row too many costs time and shows nothing wrong. */
#include "related_set.h"

#include "core/base/check.h"
#include "core/policy/eval/expression_reads.h"
#include "server/ops/clock.h"

#include <stdlib.h>
#include <string.h>

#define SET_BYTES ((size_t)32 << 20)
#define SEEN_MOST 2000 /* transactions that one search looks through */

/* ---- keys ---- */

struct key_sink {
    struct entry_sink sink; /* first */
    struct arena *arena;
    struct text *keys;
};

static void take_key(struct entry_sink *self, size_t entity, struct text key, uint64_t key_hash,
                     const struct entry *entry) {
    struct key_sink *sink = (struct key_sink *)self;
    (void)key_hash;
    (void)entry;
    sink->keys[entity] = arena_text(sink->arena, key); /* .data NULL where the arena is full */
}

/* NULL: the arena is full. */
static struct text *keys_of(struct related_set *set, const struct record *record) {
    struct text *keys = arena_calloc(&set->arena, set->entity_count + 1, sizeof *keys);
    struct key_sink sink = {
        .sink = {.ignores_hash = true, .take = take_key}, .arena = &set->arena, .keys = keys};
    if (keys)
        engine_entries(set->engine, record, &sink.sink);
    return keys;
}

static bool has_key(struct related_set *set, const struct record *record, size_t entity,
                    struct text key) {
    struct arena_mark mark = arena_mark(&set->arena);
    const struct text *keys = keys_of(set, record);
    bool has = keys && keys[entity].data && text_equal(keys[entity], key);
    arena_rewind(&set->arena, mark);
    return has;
}

/* ---- the set ---- */

/* Encoded and decoded again, a record is a copy of its own. */
static struct record *copy_record(struct related_set *set, const struct record *record) {
    struct record *copy = arena_alloc(&set->arena, sizeof *copy);
    struct error error;
    buffer_clear(&set->bytes);
    record_encode(record, &set->bytes);
    if (!copy || record_decode(record->type, set->bytes.bytes, set->bytes.length, &set->arena, copy,
                               &error) < 0)
        return NULL;
    copy->position = record->position;
    return copy;
}

long related_set_add(struct related_set *set, const struct find_row *row, unsigned step) {
    for (size_t i = 0; i < set->count; i++)
        if (set->transactions[i].record->position == row->record->position)
            return (long)i;
    const struct record *record = set->count < RELATED_MOST ? copy_record(set, row->record) : NULL;
    const struct text *keys = record ? keys_of(set, record) : NULL;
    if (!keys)
        return -1;
    set->transactions[set->count] = (struct related_transaction){.record = record,
                                                                 .label = row->label,
                                                                 .is_amended = row->is_amended,
                                                                 .step = step,
                                                                 .keys = keys};
    return (long)set->count++;
}

struct related_set *related_set_new(struct find *find, struct snapshot *policy) {
    struct related_set *set = check_calloc(1, sizeof *set);
    set->find = find;
    set->policy = policy;
    set->engine = engine_new(policy, policy);
    set->entity_count = policy->plan.entity_count;
    set->transactions = check_calloc(RELATED_MOST, sizeof *set->transactions);
    arena_init(&set->arena, SET_BYTES);
    buffer_init(&set->bytes);
    return set;
}

void related_set_free(struct related_set *set) {
    if (!set)
        return;
    engine_free(set->engine);
    snapshot_unref(set->policy);
    free(set->transactions);
    arena_deinit(&set->arena);
    buffer_deinit(&set->bytes);
    free(set);
}

/* ---- what an entity is looked up by ---- */

size_t related_set_terms(const struct related_set *set, size_t entity,
                         const struct transaction *transaction,
                         struct find_key terms[FIELD_COUNT]) {
    const struct snapshot *policy = set->policy;
    const struct entity_binding *binding = &policy->bindings[entity];
    bool *reads = check_calloc(policy->slot_count, sizeof *reads);
    bool looked_up[FIELD_COUNT] = {false};
    size_t count = 0;
    for (size_t i = 0; i < binding->key_slot_count; i++) {
        reads[binding->key_slots[i]] = true;
        if (policy->schema.fields[binding->key_slots[i]].kind == FIELD_KIND_DERIVED)
            expression_reads(policy->schema.fields[binding->key_slots[i]].derivation, reads,
                             policy->slot_count);
    }
    for (size_t slot = 0; slot < policy->schema.field_count; slot++)
        if (reads[slot] && policy->schema.fields[slot].kind == FIELD_KIND_TEXT)
            looked_up[policy->schema.fields[slot].source] = true;
    free(reads);
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++)
        if (looked_up[field] && transaction->fields[field].length > 0)
            terms[count++] = (struct find_key){.field = field, .value = transaction->fields[field]};
    return count;
}

/* ---- searches ---- */

/* One pass over the rows of a search. */
struct pass {
    struct related_set *set;
    const struct related_search *search;
    size_t skip, most; /* of the transactions that fit */
    size_t fitting;
    uint64_t highest;            /* position of the first that fits */
    struct related_found *found; /* NULL: they are only counted */
    bool is_through;             /* nothing is left to look at */
};

static bool is_over(void *user) {
    const struct pass *pass = user;
    return clock_monotonic_us(&clock_system) > pass->set->ends_us;
}

static int take_row(void *user, const struct find_row *row, struct error *ret_error) {
    struct pass *pass = user;
    const struct related_search *search = pass->search;
    uint64_t position = row->record->position;
    (void)ret_error;
    if (position <= search->above)
        return pass->is_through = true; /* positions fall */
    if ((search->below != 0 && position >= search->below) ||
        !has_key(pass->set, row->record, search->entity, search->key))
        return is_over(pass);
    if (pass->fitting == pass->skip + pass->most)
        return pass->is_through = true;
    if (pass->fitting == 0)
        pass->highest = position;
    if (++pass->fitting <= pass->skip || !pass->found)
        return 0;
    long at = related_set_add(pass->set, row, search->step);
    if (at < 0 || pass->found->count == RELATED_EACH)
        return pass->set->is_partial = true;
    pass->found->at[pass->found->count++] = at;
    return 0;
}

/* Whether there are more than skip + most is in pass->is_through then. */
static int run_pass(struct pass *pass, struct error *ret_error) {
    const struct related_search *search = pass->search;
    const struct find_query query = {.received_from_us = search->from_us,
                                     .received_until_us = search->until_us,
                                     .keys = search->terms,
                                     .key_count = search->term_count,
                                     .limit = UINT32_MAX};
    const struct find_taker taker = {.take = take_row, .user = pass, .is_expired = is_over};
    struct find_page page;
    if (is_over(pass)) {
        pass->set->is_partial = true;
        return 0;
    }
    int r = find_run(pass->set->find, &query, &taker, &page, ret_error);
    if (r == 0 && page.is_early && !pass->is_through)
        pass->set->is_partial = true;
    return r;
}

int related_set_newest(struct related_set *set, const struct related_search *search, size_t most,
                       struct related_found *ret_found, struct error *ret_error) {
    struct pass pass = {
        .set = set, .search = search, .most = most - ret_found->count, .found = ret_found};
    int r = run_pass(&pass, ret_error);
    ret_found->more |= pass.is_through && pass.fitting == pass.most;
    return r;
}

static int count_pass(struct related_set *set, const struct related_search *search, size_t most,
                      struct pass *ret_pass, struct error *ret_error) {
    *ret_pass = (struct pass){.set = set, .search = search, .most = most};
    return run_pass(ret_pass, ret_error);
}

int related_set_oldest(struct related_set *set, const struct related_search *search, size_t most,
                       struct related_found *ret_found, struct error *ret_error) {
    struct related_search again = *search;
    struct related_found late = {.count = 0};
    struct pass counted;
    size_t wanted = most - ret_found->count;
    int r = count_pass(set, search, SEEN_MOST, &counted, ret_error);
    if (r < 0 || counted.fitting == 0)
        return r;
    again.below = counted.highest + 1; /* what came meanwhile does not count */
    struct pass pass = {.set = set,
                        .search = &again,
                        .skip = counted.fitting > wanted ? counted.fitting - wanted : 0,
                        .most = wanted,
                        .found = &late};
    r = run_pass(&pass, ret_error);
    for (size_t i = late.count; i-- > 0;)
        ret_found->at[ret_found->count++] = late.at[i];
    ret_found->more |= counted.fitting > wanted;
    return r;
}

int related_set_all(struct related_set *set, const struct related_search *search, size_t most,
                    struct related_found *ret_found, struct error *ret_error) {
    struct pass counted;
    int r = count_pass(set, search, most, &counted, ret_error);
    ret_found->more = counted.fitting == most && counted.is_through;
    return r < 0 || ret_found->more ? r
                                    : related_set_newest(set, search, most, ret_found, ret_error);
}
