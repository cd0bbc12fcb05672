/* Entries are collected in one large table, each with the columns it has and a link to the next one
 * of its entity:
 *
 *   struct kept_entry · of each column that is present: int64, or u8 length and bytes · up to 8
 *
 * The table is BULK_APPLY_BYTES of address space, of which only what is used takes memory. While
 * entries of a held state are collected, `counted` has the number of its group instead. */
#include "bulk_apply.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/pages.h"
#include "core/base/prefetch.h"
#include "order.h"

#include <stdlib.h>
#include <string.h>

#define BULK_APPLY_BYTES ((size_t)64 << 20)
#define UNIT             8
#define IDS_MAX          ((size_t)1 << 20)
#define WAITING          64 /* entries whose held states are looked up at once */
#define KEY_BYTES_MAX    ((size_t)1 << 20)

_Static_assert(COLUMN_TEXT_MAX <= UINT8_MAX, "lengths of texts are bytes");
_Static_assert(PLAN_FILTERS_MAX <= 32 && PLAN_COLUMNS_MAX <= 32, "weights and columns are bits");

struct kept_entry {
    int64_t time_us;
    uint64_t id_hash;
    uint32_t present;
    uint32_t plus, minus; /* weights of 1 and −1 */
    uint32_t next;        /* of the group, in units; 0: the last */
    bool transaction, is_taken_out;
};

/* The entries of one entity. */
struct group {
    struct held_state *held_state;
    uint32_t first, last; /* entries, in units */
};

/* What a record says about the id of a transaction. */
struct kept_id {
    uint64_t id_hash;
    uint64_t position; /* of the transaction */
    enum label label;  /* LABEL_NONE: it is the transaction itself, or takes its label back */
    bool is_outcome;
    bool is_amendment; /* position is its own */
};

struct bulk_apply {
    struct entry_sink sink;
    struct overlay *overlay;
    struct engine *engine;
    uint8_t *entries; /* BULK_APPLY_BYTES */
    size_t used, record_max;
    struct group *groups;
    size_t group_count, group_capacity;
    struct order *fresh; /* groups of those that are new to the overlay */
    size_t fresh_count, fresh_capacity;
    struct kept_id *ids;
    size_t id_count, id_capacity;
    struct state_place waiting[WAITING];
    uint32_t waiting_entries[WAITING];
    size_t waiting_count;
    struct arena keys; /* of those */
};

static struct kept_entry *entry_at(const struct bulk_apply *bulk_apply, uint32_t at) {
    return (void *)(bulk_apply->entries + (size_t)UNIT * at);
}

/* ---------------------------------------------------------------------------------------------
 * Keeping entries */

/* The most that the entries of one record can take. */
static size_t record_max(const struct plan *plan) {
    size_t size = 0;
    for (size_t i = 0; i < plan->entity_count; i++)
        size += sizeof(struct kept_entry) + UNIT +
                plan->entities[i].column_count * (1 + (size_t)COLUMN_TEXT_MAX);
    return size;
}

static uint8_t *put_columns(const struct entity_plan *plan, const struct entry *entry,
                            struct kept_entry *kept) {
    uint8_t *at = (uint8_t *)(kept + 1);
    for (size_t i = 0; i < plan->column_count; i++) {
        if (!(entry->present >> i & 1))
            continue;
        bool is_text = plan->columns[i].type == COLUMN_TEXT;
        if (is_text && entry->texts[i].length > COLUMN_TEXT_MAX)
            continue; /* counts as absent */
        kept->present |= UINT32_C(1) << i;
        if (is_text) {
            *at++ = (uint8_t)entry->texts[i].length;
            if (entry->texts[i].length > 0)
                memcpy(at, entry->texts[i].data, entry->texts[i].length);
            at += entry->texts[i].length;
        } else {
            memcpy(at, &entry->integers[i], sizeof entry->integers[i]);
            at += sizeof entry->integers[i];
        }
    }
    return at;
}

static uint32_t keep_entry(struct bulk_apply *bulk_apply, const struct entity_plan *plan,
                           const struct entry *entry) {
    uint32_t at = (uint32_t)(bulk_apply->used / UNIT);
    struct kept_entry *kept = entry_at(bulk_apply, at);
    *kept = (struct kept_entry){.time_us = entry->time_us,
                                .id_hash = entry->id_hash,
                                .transaction = entry->transaction,
                                .is_taken_out = entry->is_taken_out};
    for (size_t i = 0; i < PLAN_FILTERS_MAX && i < plan->filter_count; i++) {
        check(entry->weights[i] >= -1 && entry->weights[i] <= 1);
        kept->plus |= (uint32_t)(entry->weights[i] > 0) << i;
        kept->minus |= (uint32_t)(entry->weights[i] < 0) << i;
    }
    size_t end = (size_t)(put_columns(plan, entry, kept) - bulk_apply->entries);
    bulk_apply->used = (end + UNIT - 1) & ~(size_t)(UNIT - 1);
    check(bulk_apply->used <= BULK_APPLY_BYTES);
    return at;
}

/* Texts point into the table of entries. */
static void unpack(const struct entity_plan *plan, const struct kept_entry *kept,
                   struct entry *ret_entry) {
    const uint8_t *at = (const uint8_t *)(kept + 1);
    ret_entry->time_us = kept->time_us;
    ret_entry->id_hash = kept->id_hash;
    ret_entry->transaction = kept->transaction;
    ret_entry->is_taken_out = kept->is_taken_out;
    ret_entry->present = kept->present;
    for (size_t i = 0; i < plan->column_count; i++) {
        if (!(kept->present >> i & 1))
            continue;
        if (plan->columns[i].type == COLUMN_TEXT) {
            ret_entry->texts[i] = (struct text){.data = (const char *)at + 1, .length = *at};
            at += 1 + ret_entry->texts[i].length;
        } else {
            memcpy(&ret_entry->integers[i], at, sizeof ret_entry->integers[i]);
            at += sizeof ret_entry->integers[i];
        }
    }
    for (size_t i = 0; i < PLAN_FILTERS_MAX && i < plan->filter_count; i++)
        ret_entry->weights[i] = (int32_t)(kept->plus >> i & 1) - (int32_t)(kept->minus >> i & 1);
}

/* ---------------------------------------------------------------------------------------------
 * Grouping by entity */

static uint32_t add_group(struct bulk_apply *bulk_apply, struct held_state *held_state) {
    if (bulk_apply->group_count == bulk_apply->group_capacity) {
        bulk_apply->group_capacity =
            bulk_apply->group_capacity ? 2 * bulk_apply->group_capacity : 1024;
        bulk_apply->groups = check_reallocarray(bulk_apply->groups, bulk_apply->group_capacity,
                                                sizeof *bulk_apply->groups);
    }
    check(bulk_apply->group_count < UINT32_MAX);
    uint32_t number = (uint32_t)bulk_apply->group_count++;
    bulk_apply->groups[number] = (struct group){.held_state = held_state};
    bulk_apply->overlay->bytes -= held_state->counted;
    check(number <= COUNTED_MAX);
    held_state->counted = number & COUNTED_MAX;
    held_state->is_kept = true;
    return number;
}

static void note_fresh(struct bulk_apply *bulk_apply, const struct held_state *held_state,
                       uint32_t group) {
    if (bulk_apply->fresh_count == bulk_apply->fresh_capacity) {
        bulk_apply->fresh_capacity =
            bulk_apply->fresh_capacity ? 2 * bulk_apply->fresh_capacity : 1024;
        bulk_apply->fresh = check_reallocarray(bulk_apply->fresh, bulk_apply->fresh_capacity,
                                               sizeof *bulk_apply->fresh);
    }
    bulk_apply->fresh[bulk_apply->fresh_count++] =
        (struct order){.entity = held_state->entity, .number = group};
}

static void add_to_group(struct bulk_apply *bulk_apply, const struct state_place *place,
                         uint32_t entry) {
    struct state_table *state_table = &bulk_apply->overlay->state_table;
    struct held_state *held_state = (struct held_state *)place->state;
    uint32_t number;
    if (!held_state) /* or has it just been added? */
        held_state = state_table_find(state_table, place->entity, place->key, place->key_hash);
    if (!held_state) {
        held_state = state_table_add(state_table, place->entity, place->key, place->key_hash);
        number = add_group(bulk_apply, held_state);
        note_fresh(bulk_apply, held_state, number);
    } else {
        number = held_state->is_kept ? held_state->counted : add_group(bulk_apply, held_state);
    }
    struct group *group = &bulk_apply->groups[number];
    if (group->first)
        entry_at(bulk_apply, group->last)->next = entry;
    else
        group->first = entry;
    group->last = entry;
}

static void end_waiting(struct bulk_apply *bulk_apply) {
    state_table_seek(&bulk_apply->overlay->state_table, bulk_apply->waiting,
                     bulk_apply->waiting_count);
    for (size_t i = 0; i < bulk_apply->waiting_count; i++)
        add_to_group(bulk_apply, &bulk_apply->waiting[i], bulk_apply->waiting_entries[i]);
    bulk_apply->waiting_count = 0;
    arena_reset(&bulk_apply->keys);
}

static void take_entry(struct entry_sink *self, size_t entity, struct text key, uint64_t key_hash,
                       const struct entry *entry) {
    struct bulk_apply *bulk_apply = (struct bulk_apply *)self;
    const struct entity_plan *plan = &bulk_apply->overlay->plan->entities[entity];
    struct text copy = arena_text(&bulk_apply->keys, key);
    check(copy.data);
    size_t at = bulk_apply->waiting_count++;
    bulk_apply->waiting[at] =
        (struct state_place){.entity = entity, .key = copy, .key_hash = key_hash};
    bulk_apply->waiting_entries[at] = keep_entry(bulk_apply, plan, entry);
    if (bulk_apply->waiting_count == WAITING)
        end_waiting(bulk_apply);
}

/* ---------------------------------------------------------------------------------------------
 * Applying them */

static void apply_group(struct bulk_apply *bulk_apply, const struct group *group) {
    struct overlay *overlay = bulk_apply->overlay;
    struct held_state *held_state = group->held_state;
    const struct entity_plan *plan = &overlay->plan->entities[held_state->entity];
    struct entry entry;
    for (uint32_t at = group->first; at != 0; at = entry_at(bulk_apply, at)->next) {
        unpack(plan, entry_at(bulk_apply, at), &entry);
        state_apply(&held_state->state, plan, overlay->plan->lateness_us, &entry);
    }
    held_state->is_kept = false;
    held_state->counted = 0; /* it was the group's number */
    overlay_count(overlay, held_state);
}

/* Memory is prefetched this many groups before it is needed. */
#define PREFETCH_DISTANCE 8

static void fetch_group(const struct bulk_apply *bulk_apply, const struct group *group) {
    prefetch(group->held_state);
    prefetch(group->held_state->key);
    prefetch(entry_at(bulk_apply, group->first));
}

/* The state of this key in the table that the cursor is open on. Keys come in order, so each seek
 * is near the last one. */
static struct text stored_state(struct generation_cursor *cursor, struct text key) {
    struct text found, state;
    if (!cursor)
        return (struct text){0};
    generation_cursor_seek(cursor, key);
    if (!generation_cursor_next(cursor, &found, &state) || !text_equal(found, key))
        return (struct text){0};
    return state;
}

static struct text key_of_group(const void *user, uint32_t number) {
    const struct bulk_apply *bulk_apply = user;
    return held_state_key(bulk_apply->groups[number].held_state);
}

static void apply_fresh(struct bulk_apply *bulk_apply) {
    struct overlay *overlay = bulk_apply->overlay;
    order_by_key(bulk_apply->fresh, bulk_apply->fresh_count, key_of_group, bulk_apply);
    struct generation_cursor *cursor = NULL;
    uint32_t entity = UINT32_MAX;
    for (size_t i = 0; i < bulk_apply->fresh_count; i++) {
        if (i + PREFETCH_DISTANCE < bulk_apply->fresh_count)
            fetch_group(bulk_apply,
                        &bulk_apply->groups[bulk_apply->fresh[i + PREFETCH_DISTANCE].number]);
        struct group *group = &bulk_apply->groups[bulk_apply->fresh[i].number];
        struct held_state *held_state = group->held_state;
        if (overlay->generation && held_state->entity != entity) {
            generation_cursor_close(cursor);
            cursor = generation_cursor_open(overlay->generation, held_state->entity);
            entity = held_state->entity;
        }
        struct text stored = stored_state(cursor, held_state_key(held_state));
        if (stored.length)
            state_assign(&held_state->state, &overlay->plan->entities[held_state->entity],
                         stored.data, stored.length);
        apply_group(bulk_apply, group);
        group->held_state = NULL;
    }
    generation_cursor_close(cursor);
}

/* What state_apply() will touch, of a group whose held state has been fetched. */
static void fetch_state(const struct bulk_apply *bulk_apply, const struct group *group) {
    const struct held_state *held_state = group->held_state;
    if (held_state)
        state_prefetch(&held_state->state, &bulk_apply->overlay->plan->entities[held_state->entity],
                       entry_at(bulk_apply, group->first)->time_us, NULL, 1);
}

/* Those that were in memory before: no tables, so any order will do. */
static void apply_others(struct bulk_apply *bulk_apply) {
    for (size_t i = 0; i < bulk_apply->group_count; i++) {
        if (i + 2 * PREFETCH_DISTANCE < bulk_apply->group_count &&
            bulk_apply->groups[i + 2 * PREFETCH_DISTANCE].held_state)
            fetch_group(bulk_apply, &bulk_apply->groups[i + 2 * PREFETCH_DISTANCE]);
        if (i + PREFETCH_DISTANCE < bulk_apply->group_count)
            fetch_state(bulk_apply, &bulk_apply->groups[i + PREFETCH_DISTANCE]);
        if (bulk_apply->groups[i].held_state)
            apply_group(bulk_apply, &bulk_apply->groups[i]);
    }
}

/* ---------------------------------------------------------------------------------------------
 * Ids */

static void keep_id(struct bulk_apply *bulk_apply, struct kept_id id) {
    if (bulk_apply->id_count == bulk_apply->id_capacity) {
        bulk_apply->id_capacity = bulk_apply->id_capacity ? 2 * bulk_apply->id_capacity : 1024;
        bulk_apply->ids =
            check_reallocarray(bulk_apply->ids, bulk_apply->id_capacity, sizeof *bulk_apply->ids);
    }
    bulk_apply->ids[bulk_apply->id_count++] = id;
}

static bool find_id(const struct overlay *overlay, struct generation_cursor *cursor,
                    uint64_t id_hash, struct known_id *ret_known) {
    uint64_t found;
    if (id_index_find(&overlay->ids, id_hash, ret_known))
        return true;
    if (!cursor)
        return false;
    generation_cursor_seek_id(cursor, id_hash);
    return generation_cursor_next_id(cursor, &found, ret_known) && found == id_hash;
}

/* All records about one id, in the order of the archive. Of two ids with the same hash the first
 * keeps the slot, and an outcome of the other changes nothing here. */
static void apply_id(struct overlay *overlay, struct generation_cursor *cursor,
                     const struct kept_id *ids, const struct order *order, size_t count) {
    struct known_id known;
    bool is_known = find_id(overlay, cursor, order->prefix, &known), is_changed = false;
    for (size_t i = 0; i < count; i++) {
        const struct kept_id *id = &ids[order[i].number];
        if (id->is_amendment) /* they come in the order of the archive */
            known = (struct known_id){.position = id->position};
        else if (id->is_outcome && is_known && known.position == id->position)
            known.label = id->label;
        else if (!id->is_outcome && !is_known)
            known = (struct known_id){.position = id->position};
        else
            continue;
        is_known = is_changed = true;
    }
    if (is_changed)
        id_index_set(&overlay->ids, order->prefix, known);
}

static void apply_ids(struct bulk_apply *bulk_apply) {
    struct overlay *overlay = bulk_apply->overlay;
    struct order *order = check_calloc(bulk_apply->id_count, sizeof *order);
    for (size_t i = 0; i < bulk_apply->id_count; i++)
        order[i] = (struct order){.prefix = bulk_apply->ids[i].id_hash, .number = (uint32_t)i};
    order_by_prefix(order, bulk_apply->id_count);
    struct generation_cursor *cursor = NULL;
    if (overlay->generation)
        cursor = generation_cursor_open_ids(overlay->generation);
    for (size_t i = 0, end; i < bulk_apply->id_count; i = end) {
        for (end = i + 1; end < bulk_apply->id_count && order[end].prefix == order[i].prefix;)
            end++;
        apply_id(overlay, cursor, bulk_apply->ids, &order[i], end - i);
    }
    generation_cursor_close(cursor);
    free(order);
}

/* ---------------------------------------------------------------------------------------------
 * Records */

void bulk_apply_add(struct bulk_apply *bulk_apply, const struct record *record) {
    check(record->position > 0 && !bulk_apply_is_full(bulk_apply));
    engine_entries(bulk_apply->engine, record, &bulk_apply->sink);
    overlay_note(bulk_apply->overlay, record);
    if (record->type == RECORD_TRANSACTION)
        keep_id(bulk_apply,
                (struct kept_id){.id_hash = hash_text(record->transaction.transaction.id),
                                 .position = record->position});
    else if (record->type == RECORD_OUTCOME)
        keep_id(bulk_apply, (struct kept_id){.id_hash = hash_text(record->outcome.transaction.id),
                                             .position = record->outcome.transaction_position,
                                             .label = record->outcome.label,
                                             .is_outcome = true});
    else if (record->type == RECORD_AMENDMENT)
        keep_id(bulk_apply,
                (struct kept_id){.id_hash = amendment_hash(record->amendment.transaction.id),
                                 .position = record->position,
                                 .is_amendment = true});
}

bool bulk_apply_is_full(const struct bulk_apply *bulk_apply) {
    return bulk_apply->used + bulk_apply->record_max > BULK_APPLY_BYTES ||
           bulk_apply->id_count == IDS_MAX;
}

static void clear(struct bulk_apply *bulk_apply) {
    bulk_apply->used = UNIT; /* 0 means no entry */
    bulk_apply->group_count = bulk_apply->fresh_count = bulk_apply->id_count = 0;
}

void bulk_apply_apply(struct bulk_apply *bulk_apply) {
    check(!bulk_apply->overlay->views);
    end_waiting(bulk_apply);
    apply_fresh(bulk_apply);
    apply_others(bulk_apply);
    apply_ids(bulk_apply);
    clear(bulk_apply);
}

struct bulk_apply *bulk_apply_new(struct overlay *overlay, struct engine *engine) {
    struct bulk_apply *bulk_apply = check_calloc(1, sizeof *bulk_apply);
    bulk_apply->sink = (struct entry_sink){.take = take_entry};
    bulk_apply->overlay = overlay;
    bulk_apply->engine = engine;
    bulk_apply->entries = pages_map(BULK_APPLY_BYTES);
    bulk_apply->record_max = record_max(overlay->plan);
    check(bulk_apply->record_max < BULK_APPLY_BYTES / 2);
    arena_init(&bulk_apply->keys, KEY_BYTES_MAX);
    clear(bulk_apply);
    overlay_settle(overlay);
    return bulk_apply;
}

void bulk_apply_free(struct bulk_apply *bulk_apply) {
    if (!bulk_apply)
        return;
    pages_unmap(bulk_apply->entries, BULK_APPLY_BYTES);
    arena_deinit(&bulk_apply->keys);
    free(bulk_apply->groups);
    free(bulk_apply->fresh);
    free(bulk_apply->ids);
    free(bulk_apply);
}
