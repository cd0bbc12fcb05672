#include "related.h"

#include "console/archive/row_json.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "related_set.h"
#include "server/ops/clock.h"

#include <stdlib.h>
#include <string.h>

/* Records after the transaction, searched stretch by stretch until there are enough: a search gives
 * the last ones first, and the nearest are wanted. Each stretch ends so many times as far from it;
 * times of receipt are no measure, since those of an import may all be the same. */
#define STRETCH_FIRST  UINT64_C(256)
#define STRETCH_FACTOR 8

/* An entity of the transaction, and what else it did. */
struct neighbours {
    struct text key; /* .data NULL: the transaction has no such entity */
    bool is_indexed;
    bool is_partial;                    /* the time was over before it was through */
    struct related_found before, after; /* the nearest first */
};

struct related {
    struct related_set *set;
    struct neighbours *neighbours; /* parallel to the plan's entities */
    uint64_t position, end;        /* end: of the archive's last record */
};

static bool is_busy(const struct neighbours *neighbours) {
    return neighbours->before.count + neighbours->after.count >= RELATED_BUSY;
}

/* ---- the transaction itself ---- */

struct wanted {
    const struct related_job *job;
    struct find *find;
    struct find_row row;
    struct record *record; /* a copy; NULL: not found */
    struct arena arena;
};

static int take_wanted(void *user, const struct find_row *row, struct error *ret_error) {
    struct wanted *wanted = user;
    struct buffer bytes;
    if (wanted->job->position != 0 && row->record->position != wanted->job->position)
        return 0;
    buffer_init(&bytes);
    record_encode(row->record, &bytes);
    wanted->row = *row;
    wanted->record = arena_alloc(&wanted->arena, sizeof *wanted->record);
    check(wanted->record);
    int r = record_decode(row->record->type, bytes.bytes, bytes.length, &wanted->arena,
                          wanted->record, ret_error);
    wanted->record->position = row->record->position;
    wanted->row.record = wanted->record;
    buffer_deinit(&bytes);
    return r < 0 ? r : 1;
}

static int find_wanted(struct wanted *wanted, struct error *ret_error) {
    const struct find_query query = {.id = wanted->job->id, .limit = UINT32_MAX};
    const struct find_taker taker = {.take = take_wanted, .user = wanted};
    struct find_page page;
    int r = find_run(wanted->find, &query, &taker, &page, ret_error);
    if (r == 0 && !wanted->record)
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "the archive has no such transaction, or not on disk yet");
    return r;
}

/* ---- step 1 ---- */

static int find_before(struct related *related, struct related_search *search,
                       struct neighbours *neighbours, struct error *ret_error) {
    search->above = 0;
    search->below = related->position;
    return related_set_newest(related->set, search, RELATED_EACH, &neighbours->before, ret_error);
}

static int find_after(struct related *related, struct related_search *search,
                      struct neighbours *neighbours, struct error *ret_error) {
    uint64_t length = STRETCH_FIRST;
    int r = 0;
    search->below = related->position + 1;
    while (search->below <= related->end && r == 0 && neighbours->after.count < RELATED_EACH) {
        search->above = search->below - 1;
        search->below = related->position + length;
        length *= STRETCH_FACTOR;
        r = related_set_oldest(related->set, search, RELATED_EACH, &neighbours->after, ret_error);
    }
    if (search->below <= related->end) /* nobody has looked at what is later */
        neighbours->after.more |= neighbours->after.count == RELATED_EACH;
    return r;
}

/* What only the records know gets its share of the time, half of it in each direction. */
static void set_end(struct related *related, bool is_indexed, int64_t all_us) {
    int64_t share_us = clock_monotonic_us(&clock_system) + RELATED_SCAN_US / 2;
    related->set->ends_us = is_indexed || share_us > all_us ? all_us : share_us;
}

static int find_neighbours(struct related *related, size_t entity,
                           const struct transaction *transaction, struct error *ret_error) {
    struct related_set *set = related->set;
    struct neighbours *neighbours = &related->neighbours[entity];
    struct find_key terms[FIELD_COUNT];
    struct related_search search = {
        .terms = terms, .entity = entity, .key = neighbours->key, .step = 1};
    int64_t all_us = set->ends_us;
    search.term_count = related_set_terms(set, entity, transaction, terms);
    neighbours->is_indexed = search.term_count > 0;
    set_end(related, neighbours->is_indexed, all_us);
    int r = find_before(related, &search, neighbours, ret_error);
    set_end(related, neighbours->is_indexed, all_us);
    if (r == 0)
        r = find_after(related, &search, neighbours, ret_error);
    neighbours->is_partial = set->is_partial;
    set->is_partial = false;
    set->ends_us = all_us;
    return r;
}

/* Those that the index knows first. */
static int find_all_neighbours(struct related *related, const struct record *record,
                               struct error *ret_error) {
    struct related_set *set = related->set;
    const struct transaction *transaction = &record->transaction.transaction;
    const struct text *keys = set->transactions[0].keys;
    struct find_key terms[FIELD_COUNT];
    int r = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t e = 0; e < set->entity_count && r == 0; e++) {
            related->neighbours[e].key = keys[e];
            if (keys[e].data && (related_set_terms(set, e, transaction, terms) > 0) == (pass == 0))
                r = find_neighbours(related, e, transaction, ret_error);
        }
    return r;
}

/* ---- step 2 ---- */

static bool is_known(const struct text *keys, const size_t *entities, size_t count, size_t entity,
                     struct text key) {
    for (size_t i = 0; i < count; i++)
        if (entities[i] == entity && text_equal(keys[i], key))
            return true;
    return false;
}

/* Does it share an entity with the one that was asked for, other than a busy one? */
static bool is_linked(const struct related *related, const struct related_transaction *near) {
    for (size_t e = 0; e < related->set->entity_count; e++) {
        const struct neighbours *own = &related->neighbours[e];
        if (own->key.data && near->keys[e].data && !is_busy(own) &&
            text_equal(own->key, near->keys[e]))
            return true;
    }
    return false;
}

/* Other entities of the transactions of step 1. One that is busy here is busy there, too. */
static int find_second_step(struct related *related, struct error *ret_error) {
    struct related_set *set = related->set;
    struct text keys[RELATED_STEP_2];
    size_t entities[RELATED_STEP_2], looked_at = 0, first = set->count;
    int r = 0;
    for (size_t i = 1; i < first; i++)
        for (size_t e = 0; e < set->entity_count && looked_at < RELATED_STEP_2 && r == 0; e++) {
            const struct related_transaction *near = &set->transactions[i];
            const struct neighbours *own = &related->neighbours[e];
            struct find_key terms[FIELD_COUNT];
            struct related_found found = {.count = 0};
            struct related_search search = {
                .terms = terms, .entity = e, .key = near->keys[e], .step = 2};
            if (!search.key.data || is_busy(own) || !is_linked(related, near) ||
                (own->key.data && text_equal(own->key, search.key)) ||
                is_known(keys, entities, looked_at, e, search.key))
                continue;
            search.term_count =
                related_set_terms(set, e, &near->record->transaction.transaction, terms);
            if (search.term_count == 0)
                continue;
            entities[looked_at] = e;
            keys[looked_at++] = search.key;
            r = related_set_all(set, &search, RELATED_EACH_2, &found, ret_error);
        }
    return r;
}

/* ---- the answer ---- */

/* The texts that a key is made of: one, or several with their lengths before them. */
static void write_key(const struct snapshot *policy, size_t entity, struct text key,
                      struct buffer *out) {
    json_add_text(out, "entity", policy->plan.entities[entity].name);
    json_begin_array(out, "key");
    if (policy->bindings[entity].key_slot_count == 1) {
        json_add_text(out, NULL, key);
    } else {
        struct cursor cursor = cursor_of(key.data, key.length);
        while (cursor_left(&cursor) > 0 && !cursor.failed) {
            struct text part = cursor_text(&cursor, (size_t)cursor_varint(&cursor));
            if (part.data)
                json_add_text(out, NULL, part);
        }
    }
    json_end_array(out);
}

static void write_found(const char *name, const struct related_found *found, struct buffer *out) {
    json_begin_array(out, name);
    for (size_t i = 0; i < found->count; i++)
        json_add_signed(out, NULL, found->at[i]);
    json_end_array(out);
}

static void write_entities(const struct related *related, struct buffer *out) {
    json_begin_array(out, "entities");
    for (size_t e = 0; e < related->set->entity_count; e++) {
        const struct neighbours *neighbours = &related->neighbours[e];
        if (!neighbours->key.data)
            continue;
        json_begin_object(out, NULL);
        write_key(related->set->policy, e, neighbours->key, out);
        json_add_bool(out, "busy", is_busy(neighbours));
        json_add_bool(out, "indexed", neighbours->is_indexed);
        json_add_bool(out, "partial", neighbours->is_partial);
        write_found("before", &neighbours->before, out);
        write_found("after", &neighbours->after, out);
        json_add_bool(out, "more_before", neighbours->before.more);
        json_add_bool(out, "more_after", neighbours->after.more);
        json_end_object(out);
    }
    json_end_array(out);
}

/* An entity that at least two of the transactions share. */
static void write_link(const struct related *related, size_t entity, size_t first,
                       struct buffer *out) {
    const struct related_set *set = related->set;
    struct text key = set->transactions[first].keys[entity];
    size_t count = 0;
    for (size_t i = first + 1; i < set->count && count == 0; i++)
        count += set->transactions[i].keys[entity].data &&
                 text_equal(set->transactions[i].keys[entity], key);
    for (size_t i = 0; i < first && count > 0; i++)
        if (set->transactions[i].keys[entity].data &&
            text_equal(set->transactions[i].keys[entity], key))
            return; /* written already */
    if (count == 0)
        return;
    json_begin_object(out, NULL);
    write_key(set->policy, entity, key, out);
    json_begin_array(out, "transactions");
    for (size_t i = first; i < set->count; i++)
        if (set->transactions[i].keys[entity].data &&
            text_equal(set->transactions[i].keys[entity], key))
            json_add_unsigned(out, NULL, i);
    json_end_array(out);
    json_end_object(out);
}

static void write_links(const struct related *related, struct buffer *out) {
    const struct related_set *set = related->set;
    json_begin_array(out, "links");
    for (size_t i = 0; i < set->count; i++)
        for (size_t e = 0; e < set->entity_count; e++)
            if (set->transactions[i].keys[e].data && !is_busy(&related->neighbours[e]))
                write_link(related, e, i, out);
    json_end_array(out);
}

static void write_transactions(const struct related_set *set, struct buffer *out) {
    json_begin_array(out, "transactions");
    for (size_t i = 0; i < set->count; i++) {
        const struct related_transaction *each = &set->transactions[i];
        const struct transaction_record *transaction = &each->record->transaction;
        json_begin_object(out, NULL);
        json_add_unsigned(out, "step", each->step);
        json_add_text(out, "label",
                      text_of(each->label == LABEL_NONE ? "" : label_name(each->label)));
        json_add_bool(out, "amended", each->is_amended);
        json_add_key(out, TEXT_LITERAL("row"));
        row_json_add(out, &transaction->transaction, &transaction->decision, each->record->position,
                     each->record->receive_time_us);
        json_end_object(out);
    }
    json_end_array(out);
}

static void write_all(const struct related *related, struct buffer *out) {
    json_begin_object(out, NULL);
    json_add_unsigned(out, "position", related->position);
    json_add_text(out, "policy", related->set->policy->name);
    json_add_bool(out, "partial", related->set->is_partial);
    write_entities(related, out);
    write_transactions(related->set, out);
    write_links(related, out);
    json_end_object(out);
}

/* ---- together ---- */

static int gather(const struct wanted *wanted, struct snapshot *policy, uint64_t end,
                  struct buffer *out, struct error *ret_error) {
    struct related related = {.position = wanted->record->position, .end = end};
    related.set = related_set_new(wanted->find, policy);
    related.set->ends_us = clock_monotonic_us(&clock_system) + RELATED_SEARCH_US;
    related.neighbours = check_calloc(related.set->entity_count + 1, sizeof *related.neighbours);
    check(related_set_add(related.set, &wanted->row, 0) == 0);
    int r = find_all_neighbours(&related, wanted->record, ret_error);
    if (r == 0)
        r = find_second_step(&related, ret_error);
    if (r == 0)
        write_all(&related, out);
    free(related.neighbours);
    related_set_free(related.set);
    return r;
}

int related_write(const struct related_job *job, struct buffer *out, struct error *ret_error) {
    struct wanted wanted = {.job = job, .find = job->find};
    struct snapshot *policy;
    uint64_t end;
    int r = find_hold(job->find, &end, ret_error);
    if (r < 0)
        return r;
    arena_init(&wanted.arena, (size_t)4 << 20);
    r = find_wanted(&wanted, ret_error);
    if (r == 0)
        r = policy_cache_get(job->policies, job->archive,
                             wanted.record->transaction.decision.snapshot_id, &policy, ret_error);
    if (r == 0)
        r = gather(&wanted, policy, end, out, ret_error);
    arena_deinit(&wanted.arena);
    find_release(job->find);
    return r;
}
