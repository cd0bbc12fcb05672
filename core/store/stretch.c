/* Memory. Entries are kept in one large table, each with the columns it has and a link to the
 * next one of its entity: STRETCH_BYTES, of which only what is used takes memory.
 *
 *   struct kept_entry · of each column that is present: int64, or u8 length and bytes · up to 8
 *
 * While a resident's entries are kept it has the number of its group in place of the bytes it
 * keeps. */
#include "stretch.h"

#include "../base/buffer.h"
#include "../base/check.h"
#include "../base/hash.h"
#include "../base/pages.h"
#include "../base/prefetch.h"
#include "order.h"

#include <stdlib.h>
#include <string.h>

#define STRETCH_BYTES ((size_t)64 << 20)
#define UNIT          8
#define IDS_MAX       ((size_t)1 << 20)
#define WAITING       64 /* entries whose residents are looked for at once */
#define KEY_BYTES_MAX ((size_t)1 << 20)

_Static_assert(COLUMN_TEXT_MAX <= UINT8_MAX, "lengths of texts are bytes");
_Static_assert(PLAN_FILTERS_MAX <= 32 && PLAN_COLUMNS_MAX <= 32, "weights and columns are bits");

struct kept_entry {
    int64_t time_us;
    uint64_t id_hash;
    uint32_t present;
    uint32_t plus, minus; /* weights of 1 and −1 */
    uint32_t next;        /* of the group, in units; 0: the last */
    bool transaction;
};

/* What one entity gets. */
struct group {
    struct resident *resident;
    uint32_t first, last; /* entries, in units */
};

/* What a record means to the id of a transaction. */
struct kept_id {
    uint64_t id_hash;
    uint64_t position; /* of the transaction */
    enum label label;  /* LABEL_NONE: it is the transaction itself, or takes its label back */
    bool is_outcome;
};

struct stretch {
    struct entry_sink sink;
    struct overlay *overlay;
    struct engine *engine;
    uint8_t *entries; /* STRETCH_BYTES */
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

static struct kept_entry *entry_at(const struct stretch *stretch, uint32_t at) {
    return (void *)(stretch->entries + (size_t)UNIT * at);
}

/* ---------------------------------------------------------------------------------------------
 * Keeping entries */

/* The most that one record's can take. */
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

static uint32_t keep_entry(struct stretch *stretch, const struct entity_plan *plan,
                           const struct entry *entry) {
    uint32_t at = (uint32_t)(stretch->used / UNIT);
    struct kept_entry *kept = entry_at(stretch, at);
    *kept = (struct kept_entry){
        .time_us = entry->time_us, .id_hash = entry->id_hash, .transaction = entry->transaction};
    for (size_t i = 0; i < PLAN_FILTERS_MAX && i < plan->filter_count; i++) {
        check(entry->weights[i] >= -1 && entry->weights[i] <= 1);
        kept->plus |= (uint32_t)(entry->weights[i] > 0) << i;
        kept->minus |= (uint32_t)(entry->weights[i] < 0) << i;
    }
    size_t end = (size_t)(put_columns(plan, entry, kept) - stretch->entries);
    stretch->used = (end + UNIT - 1) & ~(size_t)(UNIT - 1);
    check(stretch->used <= STRETCH_BYTES);
    return at;
}

/* Texts point into what was kept. */
static void unpack(const struct entity_plan *plan, const struct kept_entry *kept,
                   struct entry *ret_entry) {
    const uint8_t *at = (const uint8_t *)(kept + 1);
    ret_entry->time_us = kept->time_us;
    ret_entry->id_hash = kept->id_hash;
    ret_entry->transaction = kept->transaction;
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
 * Under their entities */

static uint32_t add_group(struct stretch *stretch, struct resident *resident) {
    if (stretch->group_count == stretch->group_capacity) {
        stretch->group_capacity = stretch->group_capacity ? 2 * stretch->group_capacity : 1024;
        stretch->groups =
            check_reallocarray(stretch->groups, stretch->group_capacity, sizeof *stretch->groups);
    }
    check(stretch->group_count < UINT32_MAX);
    uint32_t number = (uint32_t)stretch->group_count++;
    stretch->groups[number] = (struct group){.resident = resident};
    stretch->overlay->kept_bytes -= resident->kept_bytes;
    resident->kept_bytes = number;
    resident->is_kept = true;
    return number;
}

static void note_fresh(struct stretch *stretch, const struct resident *resident, uint32_t group) {
    if (stretch->fresh_count == stretch->fresh_capacity) {
        stretch->fresh_capacity = stretch->fresh_capacity ? 2 * stretch->fresh_capacity : 1024;
        stretch->fresh =
            check_reallocarray(stretch->fresh, stretch->fresh_capacity, sizeof *stretch->fresh);
    }
    stretch->fresh[stretch->fresh_count++] =
        (struct order){.entity = resident->entity, .number = group};
}

static void add_to_group(struct stretch *stretch, const struct state_place *place, uint32_t entry) {
    struct residents *residents = &stretch->overlay->residents;
    struct resident *resident = (struct resident *)place->state;
    uint32_t number;
    if (!resident) /* or has it just been added? */
        resident = residents_find(residents, place->entity, place->key, place->key_hash);
    if (!resident) {
        resident = residents_add(residents, place->entity, place->key, place->key_hash);
        number = add_group(stretch, resident);
        note_fresh(stretch, resident, number);
    } else {
        number = resident->is_kept ? resident->kept_bytes : add_group(stretch, resident);
    }
    struct group *group = &stretch->groups[number];
    if (group->first)
        entry_at(stretch, group->last)->next = entry;
    else
        group->first = entry;
    group->last = entry;
}

static void end_waiting(struct stretch *stretch) {
    residents_seek(&stretch->overlay->residents, stretch->waiting, stretch->waiting_count);
    for (size_t i = 0; i < stretch->waiting_count; i++)
        add_to_group(stretch, &stretch->waiting[i], stretch->waiting_entries[i]);
    stretch->waiting_count = 0;
    arena_reset(&stretch->keys);
}

static void take_entry(struct entry_sink *self, size_t entity, struct text key, uint64_t key_hash,
                       const struct entry *entry) {
    struct stretch *stretch = (struct stretch *)self;
    const struct entity_plan *plan = &stretch->overlay->plan->entities[entity];
    struct text copy = arena_text(&stretch->keys, key);
    check(copy.data);
    size_t at = stretch->waiting_count++;
    stretch->waiting[at] =
        (struct state_place){.entity = entity, .key = copy, .key_hash = key_hash};
    stretch->waiting_entries[at] = keep_entry(stretch, plan, entry);
    if (stretch->waiting_count == WAITING)
        end_waiting(stretch);
}

/* ---------------------------------------------------------------------------------------------
 * Applying them */

static void apply_group(struct stretch *stretch, const struct group *group) {
    struct overlay *overlay = stretch->overlay;
    struct resident *resident = group->resident;
    const struct entity_plan *plan = &overlay->plan->entities[resident->entity];
    struct entry entry;
    overlay->bytes -= resident->state.length;
    for (uint32_t at = group->first; at != 0; at = entry_at(stretch, at)->next) {
        unpack(plan, entry_at(stretch, at), &entry);
        state_apply(&resident->state, plan, overlay->plan->lateness_us, &entry);
    }
    overlay->bytes += resident->state.length;
    resident->is_kept = false;
    resident->kept_bytes = 0; /* it was the group's number */
    overlay_count_kept(overlay, resident);
}

/* How far ahead of the group at hand memory is asked for. */
#define AHEAD 8

static void fetch_group(const struct stretch *stretch, const struct group *group) {
    prefetch(group->resident);
    prefetch(group->resident->key);
    prefetch(entry_at(stretch, group->first));
}

/* The key's state in the table that the cursor is open on. */
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
    const struct stretch *stretch = user;
    return resident_key(stretch->groups[number].resident);
}

static void apply_fresh(struct stretch *stretch) {
    struct overlay *overlay = stretch->overlay;
    order_by_key(stretch->fresh, stretch->fresh_count, key_of_group, stretch);
    struct generation_cursor *cursor = NULL;
    uint32_t entity = UINT32_MAX;
    for (size_t i = 0; i < stretch->fresh_count; i++) {
        if (i + AHEAD < stretch->fresh_count)
            fetch_group(stretch, &stretch->groups[stretch->fresh[i + AHEAD].number]);
        struct group *group = &stretch->groups[stretch->fresh[i].number];
        struct resident *resident = group->resident;
        if (overlay->generation && resident->entity != entity) {
            generation_cursor_close(cursor);
            cursor = generation_cursor_open(overlay->generation, resident->entity);
            entity = resident->entity;
        }
        struct text stored = stored_state(cursor, resident_key(resident));
        if (stored.length)
            state_assign(&resident->state, stored.data, stored.length);
        overlay->bytes += resident->state.length;
        apply_group(stretch, group);
        group->resident = NULL;
    }
    generation_cursor_close(cursor);
}

/* Those that were in memory before, in no particular order. */
static void apply_others(struct stretch *stretch) {
    for (size_t i = 0; i < stretch->group_count; i++) {
        if (i + 2 * AHEAD < stretch->group_count && stretch->groups[i + 2 * AHEAD].resident)
            fetch_group(stretch, &stretch->groups[i + 2 * AHEAD]);
        if (i + AHEAD < stretch->group_count && stretch->groups[i + AHEAD].resident) {
            const struct state *state = &stretch->groups[i + AHEAD].resident->state;
            prefetch(state->bytes);
            prefetch(state->bytes + state->length);
        }
        if (stretch->groups[i].resident)
            apply_group(stretch, &stretch->groups[i]);
    }
}

/* ---------------------------------------------------------------------------------------------
 * Ids */

static void keep_id(struct stretch *stretch, struct kept_id id) {
    if (stretch->id_count == stretch->id_capacity) {
        stretch->id_capacity = stretch->id_capacity ? 2 * stretch->id_capacity : 1024;
        stretch->ids = check_reallocarray(stretch->ids, stretch->id_capacity, sizeof *stretch->ids);
    }
    stretch->ids[stretch->id_count++] = id;
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

/* All that came of one id, in the order of the archive. Two transactions whose ids have the same
 * hash: the first keeps the place. The label of an id that is not known any more changes nothing.
 */
static void apply_id(struct overlay *overlay, struct generation_cursor *cursor,
                     const struct kept_id *ids, const struct order *order, size_t count) {
    struct known_id known;
    bool is_known = find_id(overlay, cursor, order->prefix, &known), is_changed = false;
    for (size_t i = 0; i < count; i++) {
        const struct kept_id *id = &ids[order[i].number];
        if (id->is_outcome && is_known && known.position == id->position)
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

static void apply_ids(struct stretch *stretch) {
    struct overlay *overlay = stretch->overlay;
    struct order *order = check_calloc(stretch->id_count, sizeof *order);
    for (size_t i = 0; i < stretch->id_count; i++)
        order[i] = (struct order){.prefix = stretch->ids[i].id_hash, .number = (uint32_t)i};
    order_by_prefix(order, stretch->id_count);
    struct generation_cursor *cursor = NULL;
    if (overlay->generation)
        cursor = generation_cursor_open_ids(overlay->generation);
    for (size_t i = 0, end; i < stretch->id_count; i = end) {
        for (end = i + 1; end < stretch->id_count && order[end].prefix == order[i].prefix;)
            end++;
        apply_id(overlay, cursor, stretch->ids, &order[i], end - i);
    }
    generation_cursor_close(cursor);
    free(order);
}

/* ---------------------------------------------------------------------------------------------
 * Records */

void stretch_add(struct stretch *stretch, const struct record *record) {
    check(record->position > 0 && !stretch_is_full(stretch));
    engine_entries(stretch->engine, record, &stretch->sink);
    overlay_note(stretch->overlay, record);
    if (record->type == RECORD_TRANSACTION)
        keep_id(stretch, (struct kept_id){.id_hash = hash_text(record->transaction.transaction.id),
                                          .position = record->position});
    else if (record->type == RECORD_OUTCOME)
        keep_id(stretch, (struct kept_id){.id_hash = hash_text(record->outcome.transaction.id),
                                          .position = record->outcome.transaction_position,
                                          .label = record->outcome.label,
                                          .is_outcome = true});
}

bool stretch_is_full(const struct stretch *stretch) {
    return stretch->used + stretch->record_max > STRETCH_BYTES || stretch->id_count == IDS_MAX;
}

static void clear(struct stretch *stretch) {
    stretch->used = UNIT; /* 0 is nobody's */
    stretch->group_count = stretch->fresh_count = stretch->id_count = 0;
}

void stretch_apply(struct stretch *stretch) {
    check(!stretch->overlay->views);
    end_waiting(stretch);
    apply_fresh(stretch);
    apply_others(stretch);
    apply_ids(stretch);
    clear(stretch);
}

struct stretch *stretch_new(struct overlay *overlay, struct engine *engine) {
    struct stretch *stretch = check_calloc(1, sizeof *stretch);
    stretch->sink = (struct entry_sink){.take = take_entry};
    stretch->overlay = overlay;
    stretch->engine = engine;
    stretch->entries = pages_map(STRETCH_BYTES);
    stretch->record_max = record_max(overlay->plan);
    check(stretch->record_max < STRETCH_BYTES / 2);
    arena_init(&stretch->keys, KEY_BYTES_MAX);
    clear(stretch);
    overlay_settle(overlay);
    return stretch;
}

void stretch_free(struct stretch *stretch) {
    if (!stretch)
        return;
    pages_unmap(stretch->entries, STRETCH_BYTES);
    arena_deinit(&stretch->keys);
    free(stretch->groups);
    free(stretch->fresh);
    free(stretch->ids);
    free(stretch);
}
