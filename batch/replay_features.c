/* Features: the entities of one shard, row after row: what each transaction sees of an entity, then
 * what it adds to it. The states of the next items are fetched while this one is worked on. */
#include "replay_internal.h"

#include "core/base/check.h"
#include "replay_entry.h"

#include <stdlib.h>
#include <string.h>

/* How many items ahead each step of fetching is. */
#define AHEAD_SLOT     24
#define AHEAD_RESIDENT 16
#define AHEAD_STATE    8
#define AHEAD_REST     3

struct shard_work {
    const struct replay_states *states;
    struct replay_shard *shard;
    struct replay_chunk *chunk;
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

static const uint8_t *packed_of(const struct shard_work *work, const struct replay_item *item) {
    return work->list->bytes + item->at + item->key_length;
}

static struct resident *find(const struct shard_work *work, const struct replay_item *item) {
    return residents_find(&work->shard->live, item->entity, key_of(work, item), item->key_hash);
}

static int64_t time_of(const struct shard_work *work, const struct replay_item *item) {
    int64_t time_us;
    memcpy(&time_us, packed_of(work, item), sizeof time_us);
    return time_us;
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

static void read_item(const struct shard_work *work, const struct replay_item *item,
                      const struct packed_entry *head, struct resident *resident) {
    const struct replay_states *states = work->states;
    size_t entity = item->entity;
    struct value *values =
        &work->lane->values[item->row * states->value_count + states->columns[entity].first_value];
    replay_entry_weigh_reading(head, states->plan->plan.entities[entity].filter_count, work->entry);
    int late =
        engine_read(work->engine, entity, resident ? &resident->state : NULL, work->entry, values);
    keep_texts(work, entity, values);
    work->lane->reads[item->row * states->plan->plan.entity_count + entity] =
        late ? REPLAY_READ_LATE : REPLAY_READ;
}

static void do_item(const struct shard_work *work, const struct replay_item *item,
                    struct resident *resident) {
    const struct plan *plan = &work->states->plan->plan;
    const struct entity_plan *entity = &plan->entities[item->entity];
    struct packed_entry head;
    replay_entry_unpack(packed_of(work, item), entity, &head, work->entry);
    if (!resident) /* an item since it was looked for may have made it */
        resident = find(work, item);
    if (work->reads && head.transaction && work->chunk->rows[item->row].is_decided)
        read_item(work, item, &head, resident);
    if (!resident)
        resident =
            residents_add(&work->shard->live, item->entity, key_of(work, item), item->key_hash);
    replay_entry_weigh_applying(&head, entity->filter_count, work->entry);
    state_apply(&resident->state, entity, plan->lateness_us, work->entry);
}

static void fetch_state(const struct shard_work *work, const struct replay_item *item,
                        const struct resident *resident, int step) {
    if (resident)
        state_prefetch(&resident->state, &work->states->plan->plan.entities[item->entity],
                       time_of(work, item), NULL, step);
}

/* found: room for as many as there are items. */
static void do_items(const struct shard_work *work, struct resident **found) {
    const struct replay_item *items = work->list->items;
    size_t count = work->list->count;
    const struct residents *live = &work->shard->live;
    for (size_t i = 0; i < count + AHEAD_SLOT; i++) {
        if (i < count)
            residents_fetch(live, items[i].entity, items[i].key_hash, 0);
        size_t at = i - (AHEAD_SLOT - AHEAD_RESIDENT);
        if (at < count)
            residents_fetch(live, items[at].entity, items[at].key_hash, 1);
        at = i - (AHEAD_SLOT - AHEAD_STATE);
        if (at < count) {
            found[at] = find(work, &items[at]);
            fetch_state(work, &items[at], found[at], 1);
        }
        at = i - (AHEAD_SLOT - AHEAD_REST);
        if (at < count)
            fetch_state(work, &items[at], found[at], 2);
        at = i - AHEAD_SLOT;
        if (at < count)
            do_item(work, &items[at], found[at]);
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
                              .chunk = chunk,
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
