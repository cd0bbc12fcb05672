/* Features: the entities of one shard, row after row: what each transaction sees of an entity, then
 * what it adds to it. The states of the next items are fetched while this one is worked on. */
#include "replay_internal.h"

#include "core/base/check.h"
#include "replay_entry.h"

#include <stdlib.h>
#include <string.h>

struct shard_work {
    const struct replay_states *states;
    struct replay_shard *shard;
    struct replay_lane_rows *lane;
    const struct replay_items *list;
    struct engine *engine;
    struct arena *texts;
    struct entry *entry;
    bool reads; /* does any policy judge on this lane? */
};

static struct text key_of(const struct shard_work *work, const struct replay_item *item) {
    return (struct text){.data = (const char *)work->list->bytes + item->at,
                         .length = item->key_length};
}

static const struct packed_entry *packed_of(const struct shard_work *work,
                                            const struct replay_item *item) {
    size_t at = replay_entry_aligned(item->at + item->key_length);
    return (const void *)(work->list->bytes + at);
}

static struct resident *find(const struct shard_work *work, const struct replay_item *item) {
    return residents_find(&work->shard->live, item->entity, key_of(work, item), item->key_hash);
}

/* Texts point into the state, which goes on changing. */
static void keep_texts(const struct shard_work *work, size_t entity, struct value *values) {
    const struct replay_columns *columns = &work->states->columns[entity];
    for (size_t i = 0; i < columns->text_count; i++) {
        struct value *v = &values[columns->texts[i]];
        if (v->type == VALUE_TEXT) {
            v->text = arena_text(work->texts, v->text);
            check(v->text.data);
        }
    }
}

static struct value *values_of(const struct shard_work *work, const struct replay_item *item) {
    const struct replay_states *states = work->states;
    return &work->lane->values[item->row * states->value_count +
                               states->columns[item->entity].first_value];
}

static void read_item(const struct shard_work *work, const struct replay_item *item,
                      const struct packed_entry *head, struct resident *resident) {
    const struct replay_states *states = work->states;
    size_t entity = item->entity;
    struct value *values = values_of(work, item);
    replay_entry_weigh_reading(head, states->entities[entity]->filter_count, work->entry);
    int late =
        engine_read(work->engine, entity, resident ? &resident->state : NULL, work->entry, values);
    keep_texts(work, entity, values);
    work->lane->reads[item->row * states->plan->plan.entity_count + entity] =
        late ? REPLAY_READ_LATE : REPLAY_READ;
}

static void do_item(const struct shard_work *work, const struct replay_item *item,
                    struct resident *resident) {
    const struct plan *plan = &work->states->plan->plan;
    const struct entity_plan *entity = work->states->entities[item->entity];
    const struct packed_entry *head = packed_of(work, item);
    replay_entry_unpack(head, entity, work->entry);
    if (!resident) /* an item since it was looked for may have made it */
        resident = find(work, item);
    if (work->reads && head->is_read)
        read_item(work, item, head, resident);
    if (!resident)
        resident =
            residents_add(&work->shard->live, item->entity, key_of(work, item), item->key_hash);
    replay_entry_weigh_applying(head, entity->filter_count, work->entry);
    state_apply(&resident->state, entity, plan->lateness_us, work->entry);
}

static void fetch_state(const struct shard_work *work, const struct replay_item *item,
                        const struct resident *resident, int step) {
    if (resident)
        state_prefetch(&resident->state, work->states->entities[item->entity],
                       packed_of(work, item)->time_us, NULL, step);
}

/* ---- group by group ----
 *
 * What one step fetches is found by the step before it, one group earlier. A fetch often waits for
 * a page table: in a row, those waits overlap. */

#define GROUP      8
#define CACHE_LINE 64

struct group {
    size_t first, end;
};

/* `behind`: groups since the one that begins at `at`. */
static struct group group_of(size_t at, size_t behind, size_t count) {
    size_t first = at - behind * GROUP; /* beyond all items while there is no such group */
    if (at < behind * GROUP || first >= count)
        return (struct group){0};
    return (struct group){.first = first, .end = count - first < GROUP ? count : first + GROUP};
}

static void fetch_residents(const struct shard_work *work, struct group group, int step) {
    const struct replay_item *items = work->list->items;
    for (size_t i = group.first; i < group.end; i++)
        residents_fetch(&work->shard->live, items[i].entity, items[i].key_hash, step);
}

static void fetch_states(const struct shard_work *work, struct group group,
                         struct resident *const *found, int step) {
    for (size_t i = group.first; i < group.end; i++)
        fetch_state(work, &work->list->items[i], found[i], step);
}

/* Where read_item() will write. */
static void fetch_values(const struct shard_work *work, struct group group) {
    for (size_t i = group.first; i < group.end && work->reads; i++) {
        const struct replay_item *item = &work->list->items[i];
        if (!packed_of(work, item)->is_read)
            continue;
        const struct value *values = values_of(work, item);
        size_t count = work->states->entities[item->entity]->feature_count;
        for (size_t at = 0; at < count; at += CACHE_LINE / sizeof *values)
            __builtin_prefetch(&values[at], 1);
    }
}

/* found: room for as many as there are items. */
static void do_items(const struct shard_work *work, struct resident **found) {
    const struct replay_item *items = work->list->items;
    size_t count = work->list->count;
    for (size_t at = 0; at < count + 4 * GROUP; at += GROUP) {
        fetch_residents(work, group_of(at, 0, count), 0);
        fetch_residents(work, group_of(at, 1, count), 1);
        struct group group = group_of(at, 2, count);
        for (size_t i = group.first; i < group.end; i++)
            found[i] = find(work, &items[i]);
        fetch_states(work, group, found, 1);
        fetch_states(work, group_of(at, 3, count), found, 2);
        fetch_values(work, group_of(at, 3, count));
        group = group_of(at, 4, count);
        for (size_t i = group.first; i < group.end; i++)
            do_item(work, &items[i], found[i]);
    }
}

static bool is_read(const struct replay *replay, size_t lane) {
    return (replay->judge.engines && replay->judge.lane == lane) ||
           (replay->against.engines && replay->against.lane == lane);
}

void replay_features(const struct replay *replay, struct replay_chunk *chunk, size_t lane,
                     size_t shard, size_t worker) {
    const struct replay_states *states = replay->lanes[lane];
    struct replay_worker *own = &replay->worker[worker];
    struct shard_work work = {.states = states,
                              .shard = &states->shards[shard],
                              .lane = &chunk->lanes[lane],
                              .engine = states->engines[worker],
                              .texts = &chunk->lanes[lane].texts[shard],
                              .entry = &own->entry,
                              .reads = is_read(replay, lane)};
    for (size_t part = 0; part < chunk->part_count; part++) {
        const struct replay_items *list = &work.lane->items[part * states->shard_count + shard];
        if (list->count > own->found_capacity) {
            own->found_capacity = list->count;
            own->found = check_reallocarray(own->found, own->found_capacity, sizeof(*own->found));
        }
        work.list = list;
        do_items(&work, own->found);
    }
}
