/* The features stage: the items of one shard in the order of the rows. Each transaction first reads
 * its entity's features, then is applied to the entity's state. A replay with more states than
 * cache spends its time here waiting for memory, so states are prefetched in a software pipeline.
 */
#include "replay_features.h"

#include "replay_job.h"

#include "batch/chunk/replay_entry.h"
#include "core/base/check.h"
#include "core/base/prefetch.h"

#include <stdlib.h>
#include <string.h>

struct shard_work {
    const struct replay_states *states;
    struct replay_shard *shard;
    struct replay_lane_rows *lane;
    struct engine *engine;
    struct arena *texts;
    struct entry *entry;
    size_t worker;
    bool reads; /* does a policy decide on this lane? Otherwise it is only applied */
};

static struct text key_of(const struct replay_visit *visit) {
    return (struct text){.data = (const char *)visit->bytes, .length = visit->item->key_length};
}

static const struct packed_entry *packed_of(const struct replay_visit *visit) {
    return (const void *)(visit->bytes + replay_entry_aligned(visit->item->key_length));
}

static struct held_state *find(const struct shard_work *work, const struct replay_visit *visit) {
    return state_table_find(&work->shard->live, visit->item->entity, key_of(visit),
                            visit->item->key_hash);
}

/* Copies text values: they point into the state, which later rows change. */
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

static void read_visited(const struct shard_work *work, const struct replay_visit *visit,
                         const struct packed_entry *head, struct held_state *held_state) {
    const struct replay_states *states = work->states;
    const struct replay_item *item = visit->item;
    size_t entity = item->entity;
    struct value *values = values_of(work, item);
    replay_entry_weigh_reading(head, states->entities[entity]->filter_count, work->entry);
    int late = engine_read(work->engine, entity, held_state ? &held_state->state : NULL,
                           work->entry, values);
    keep_texts(work, entity, values);
    work->lane->reads[item->row * states->plan->plan.entity_count + entity] =
        late ? REPLAY_READ_LATE : REPLAY_READ;
}

static void do_visit(const struct shard_work *work, const struct replay_visit *visit) {
    const struct plan *plan = &work->states->plan->plan;
    const struct replay_item *item = visit->item;
    const struct entity_plan *entity = work->states->entities[item->entity];
    const struct packed_entry *head = packed_of(visit);
    struct held_state *held_state = visit->found;
    replay_entry_unpack(head, entity, work->entry);
    if (!held_state) /* an earlier visit of the same group may have created it */
        held_state = find(work, visit);
    if (!held_state)
        held_state = replay_states_load(work->states, work->worker, work->shard, item->entity,
                                        key_of(visit), item->key_hash);
    if (work->reads && head->is_read)
        read_visited(work, visit, head, held_state);
    if (!held_state)
        held_state =
            state_table_add(&work->shard->live, item->entity, key_of(visit), item->key_hash);
    replay_entry_weigh_applying(head, entity->filter_count, work->entry);
    state_apply(&held_state->state, entity, plan->lateness_us, work->entry);
}

/* ---- group by group ----
 *
 * Finding a state follows three pointers: slot, table entry, rows. Visits are processed in
 * groups, and each step works on the group that the step before it has prefetched for, one group
 * earlier. Prefetches often miss the TLB as well; issued in a row, their page walks overlap. */

#define GROUP 16

struct group {
    struct replay_visit *first, *end;
};

/* The group that lies `behind` groups before the one at `at`; empty before the first and after the
 * last one. */
static struct group group_of(struct replay_visit *visits, size_t count, size_t at, size_t behind) {
    size_t first = at - behind * GROUP; /* beyond all visits while there is no such group */
    if (at < behind * GROUP || first >= count)
        return (struct group){0};
    size_t end = count - first < GROUP ? count : first + GROUP;
    return (struct group){.first = visits + first, .end = visits + end};
}

static void fetch_slots(const struct shard_work *work, struct group group) {
    const struct state_table *live = &work->shard->live;
    for (struct replay_visit *visit = group.first; visit < group.end; visit++) {
        visit->hash = state_table_hash(live, visit->item->entity, visit->item->key_hash);
        state_table_fetch_hashed(live, visit->hash, 0);
    }
}

static void fetch_state_table(const struct shard_work *work, struct group group) {
    for (const struct replay_visit *visit = group.first; visit < group.end; visit++)
        state_table_fetch_hashed(&work->shard->live, visit->hash, 1);
}

static void find_state_table(const struct shard_work *work, struct group group) {
    for (struct replay_visit *visit = group.first; visit < group.end; visit++)
        visit->found = state_table_find_hashed(&work->shard->live, visit->item->entity,
                                               key_of(visit), visit->hash);
}

static void fetch_states(const struct shard_work *work, struct group group, int step) {
    for (const struct replay_visit *visit = group.first; visit < group.end; visit++)
        if (visit->found)
            state_prefetch(&visit->found->state, work->states->entities[visit->item->entity],
                           packed_of(visit)->time_us, NULL, step);
}

/* Prefetches where read_visited() will write. */
static void fetch_values(const struct shard_work *work, struct group group) {
    for (const struct replay_visit *visit = group.first; visit < group.end && work->reads;
         visit++) {
        if (!packed_of(visit)->is_read)
            continue;
        const struct value *values = values_of(work, visit->item);
        size_t count = work->states->entities[visit->item->entity]->feature_count;
        prefetch_far_all(values, count * sizeof *values);
    }
}

static void do_visits(const struct shard_work *work, struct replay_visit *visits, size_t count) {
    for (size_t at = 0; at < count + 4 * GROUP; at += GROUP) {
        fetch_slots(work, group_of(visits, count, at, 0));
        fetch_state_table(work, group_of(visits, count, at, 1));
        find_state_table(work, group_of(visits, count, at, 2));
        fetch_states(work, group_of(visits, count, at, 2), 1);
        fetch_states(work, group_of(visits, count, at, 3), 2);
        fetch_values(work, group_of(visits, count, at, 3));
        struct group group = group_of(visits, count, at, 4);
        for (const struct replay_visit *visit = group.first; visit < group.end; visit++)
            do_visit(work, visit);
    }
}

/* Lists the shard's items of all parts, which is the order of the rows. Returns their number. */
static size_t list_visits(const struct replay_chunk *chunk, const struct replay_lane_rows *lane,
                          size_t shard, struct replay_worker *own) {
    size_t count = 0;
    for (size_t part = 0; part < chunk->part_count; part++)
        count += lane->items[part * lane->shard_count + shard].count;
    if (count > own->visit_capacity) {
        own->visit_capacity = count;
        own->visits = check_reallocarray(own->visits, count, sizeof *own->visits);
    }
    struct replay_visit *visit = own->visits;
    for (size_t part = 0; part < chunk->part_count; part++) {
        const struct replay_items *list = &lane->items[part * lane->shard_count + shard];
        for (size_t i = 0; i < list->count; i++)
            *visit++ = (struct replay_visit){.item = &list->items[i],
                                             .bytes = list->bytes + list->items[i].at};
    }
    return count;
}

static bool is_read(const struct replay *replay, size_t lane) {
    return (replay->decider.engines && replay->decider.lane == lane) ||
           (replay->against.engines && replay->against.lane == lane);
}

void replay_features(const struct replay *replay, struct replay_chunk *chunk, size_t lane,
                     size_t shard, size_t worker) {
    struct replay_states *states = replay->lanes[lane];
    struct replay_worker *own = &replay->worker[worker];
    struct shard_work work = {.states = states,
                              .shard = &states->shards[shard],
                              .lane = &chunk->lanes[lane],
                              .engine = states->engines[worker],
                              .texts = &chunk->lanes[lane].texts[shard],
                              .entry = &own->entry,
                              .worker = worker,
                              .reads = is_read(replay, lane)};
    size_t count = list_visits(chunk, work.lane, shard, own);
    replay_states_make_room(states, work.shard);
    do_visits(&work, own->visits, count);
}
