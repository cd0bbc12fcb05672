/* Each search is one of `harrier find`, all of them on one index. What it returns is compared by
 * the key that the engine computes, so a row too many costs time and shows nothing wrong. */
#include "related_set.h"

#include "core/base/check.h"
#include "core/policy/eval/expression_reads.h"
#include "server/ops/clock.h"

#include <stdlib.h>
#include <string.h>

#define SET_BYTES ((size_t)32 << 20)

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
static struct record *copy_record(struct related_set *set, const struct related_copy *from) {
    struct record *copy = arena_alloc(&set->arena, sizeof *copy);
    struct error error;
    if (!copy || record_decode(RECORD_TRANSACTION, from->bytes.bytes, from->bytes.length,
                               &set->arena, copy, &error) < 0)
        return NULL;
    copy->position = from->position;
    return copy;
}

static void keep_copy(struct related_copy *copy, const struct find_row *row) {
    buffer_clear(&copy->bytes);
    record_encode(row->record, &copy->bytes);
    copy->position = row->record->position;
    copy->label = row->label;
    copy->is_amended = row->is_amended;
}

static long add_copy(struct related_set *set, const struct related_copy *copy, unsigned step) {
    for (size_t i = 0; i < set->count; i++)
        if (set->transactions[i].record->position == copy->position)
            return (long)i;
    const struct record *record = set->count < RELATED_MOST ? copy_record(set, copy) : NULL;
    const struct text *keys = record ? keys_of(set, record) : NULL;
    if (!keys)
        return -1;
    set->transactions[set->count] = (struct related_transaction){.record = record,
                                                                 .label = copy->label,
                                                                 .is_amended = copy->is_amended,
                                                                 .step = step,
                                                                 .keys = keys};
    return (long)set->count++;
}

long related_set_add(struct related_set *set, const struct find_row *row, unsigned step) {
    keep_copy(&set->copies[0], row);
    return add_copy(set, &set->copies[0], step);
}

struct related_set *related_set_new(struct find *find, struct snapshot *policy) {
    struct related_set *set = check_calloc(1, sizeof *set);
    set->find = find;
    set->policy = policy;
    set->engine = engine_new(policy, policy);
    set->entity_count = policy->plan.entity_count;
    set->transactions = check_calloc(RELATED_MOST, sizeof *set->transactions);
    arena_init(&set->arena, SET_BYTES);
    for (size_t i = 0; i < RELATED_EACH; i++)
        buffer_init(&set->copies[i].bytes);
    return set;
}

void related_set_free(struct related_set *set) {
    if (!set)
        return;
    engine_free(set->engine);
    snapshot_unref(set->policy);
    free(set->transactions);
    arena_deinit(&set->arena);
    for (size_t i = 0; i < RELATED_EACH; i++)
        buffer_deinit(&set->copies[i].bytes);
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

/* One pass over the rows of a search. Those that fit are copied, since which of them are wanted may
 * be known at its end only. */
struct pass {
    struct related_set *set;
    const struct related_search *search;
    size_t most;
    bool is_for_last; /* the last `most` that fit, not the first */
    size_t fitting;  /* set->copies has them, or the last ones of them, each at its number % most */
    bool is_through; /* nothing is left to look at */
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
    if (!has_key(pass->set, row->record, search->entity, search->key))
        return is_over(pass);
    if (pass->fitting == pass->most && !pass->is_for_last)
        return pass->is_through = true;
    keep_copy(&pass->set->copies[pass->fitting++ % pass->most], row);
    return pass->is_for_last && is_over(pass);
}

/* Whether more than `most` fit is in pass->is_through then, unless the last ones are wanted. */
static int run_pass(struct pass *pass, struct error *ret_error) {
    const struct related_search *search = pass->search;
    struct find_query query = {
        .keys = search->terms, .key_count = search->term_count, .limit = UINT32_MAX};
    char cursor[FIND_CURSOR_SIZE];
    const struct find_taker taker = {.take = take_row, .user = pass, .is_expired = is_over};
    struct find_page page;
    if (is_over(pass)) {
        pass->set->is_partial = true;
        return 0;
    }
    if (search->below != 0) {
        find_cursor_format(&query, search->below, cursor);
        query.cursor = text_of(cursor);
    }
    int r = find_run(pass->set->find, &query, &taker, &page, ret_error);
    if (r == 0 && page.is_early && !pass->is_through)
        pass->set->is_partial = true;
    return r;
}

/* Adds the number-th that fitted. */
static void add_fitting(struct pass *pass, size_t number, struct related_found *found) {
    long at = add_copy(pass->set, &pass->set->copies[number % pass->most], pass->search->step);
    if (at < 0)
        pass->set->is_partial = true;
    else
        found->at[found->count++] = at;
}

int related_set_newest(struct related_set *set, const struct related_search *search, size_t most,
                       struct related_found *ret_found, struct error *ret_error) {
    struct pass pass = {.set = set, .search = search, .most = most - ret_found->count};
    int r = run_pass(&pass, ret_error);
    for (size_t i = 0; i < pass.fitting; i++)
        add_fitting(&pass, i, ret_found);
    ret_found->more |= pass.is_through && pass.fitting == pass.most;
    return r;
}

int related_set_oldest(struct related_set *set, const struct related_search *search, size_t most,
                       struct related_found *ret_found, struct error *ret_error) {
    struct pass pass = {
        .set = set, .search = search, .most = most - ret_found->count, .is_for_last = true};
    int r = run_pass(&pass, ret_error);
    size_t kept = pass.fitting < pass.most ? pass.fitting : pass.most;
    for (size_t i = 1; i <= kept; i++)
        add_fitting(&pass, pass.fitting - i, ret_found);
    ret_found->more |= pass.fitting > pass.most;
    return r;
}

int related_set_all(struct related_set *set, const struct related_search *search, size_t most,
                    struct related_found *ret_found, struct error *ret_error) {
    struct pass pass = {.set = set, .search = search, .most = most};
    int r = run_pass(&pass, ret_error);
    ret_found->more = pass.fitting == most && pass.is_through;
    for (size_t i = 0; i < pass.fitting && !ret_found->more; i++)
        add_fitting(&pass, i, ret_found);
    return r;
}
