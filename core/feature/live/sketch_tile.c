#include "sketch_tile.h"

#include "core/base/check.h"

#include <stdlib.h>

static void sketch_tile_init(struct sketch_tile *tile, const struct entity_plan *entity) {
    *tile = (struct sketch_tile){.oldest_us = INT64_MAX,
                                 .newest_us = INT64_MIN,
                                 .pool_count = (uint16_t)entity->pool_count,
                                 .distribution_count = (uint16_t)entity->distribution_count};
    tile->sketches = check_calloc(entity->pool_count + 1, sizeof *tile->sketches);
    tile->distributions = check_calloc(entity->distribution_count + 1, sizeof *tile->distributions);
}

void sketch_tile_deinit(struct sketch_tile *tile) {
    for (size_t i = 0; i < tile->pool_count; i++)
        sketch_deinit(&tile->sketches[i]);
    for (size_t i = 0; i < tile->distribution_count; i++)
        distribution_deinit(&tile->distributions[i]);
    free(tile->sketches);
    free(tile->distributions);
}

size_t sketch_tile_bytes(const struct sketch_tile *tile) {
    size_t bytes = sizeof *tile + tile->pool_count * sizeof *tile->sketches +
                   tile->distribution_count * sizeof *tile->distributions;
    for (size_t i = 0; i < tile->pool_count; i++)
        bytes += sketch_bytes(&tile->sketches[i]);
    for (size_t i = 0; i < tile->distribution_count; i++)
        bytes += tile->distributions[i].capacity * sizeof(struct bucket);
    return bytes;
}

static struct sketch_tile *insert(struct state *state, const struct entity_plan *entity,
                                  uint32_t i) {
    struct tile_list *list = state_tile_list(state);
    if (list->sketch_count == list->sketch_capacity) {
        size_t before = list->sketch_capacity * sizeof *list->sketches;
        list->sketch_capacity += list->sketch_capacity / 2 + 4;
        list->sketches = state_resize(state, list->sketches, before,
                                      list->sketch_capacity * sizeof *list->sketches);
    }
    struct sketch_tile *tile = &list->sketches[i];
    memmove(tile + 1, tile, (list->sketch_count - i) * sizeof *tile);
    list->sketch_count++;
    sketch_tile_init(tile, entity);
    return tile;
}

struct sketch_tile *sketch_tile_append(struct state *state, const struct entity_plan *entity) {
    return insert(state, entity, sketch_tile_count(state));
}

void sketch_tiles_remove(struct state *state, uint32_t from, uint32_t to) {
    struct tile_list *list = state->tile_list;
    if (from == to)
        return;
    memmove(&list->sketches[from], &list->sketches[to],
            (list->sketch_count - to) * sizeof *list->sketches);
    list->sketch_count -= to - from;
}

/* The first that is not before the extent. */
static uint32_t find_place(const struct state *state, struct tile_extent extent) {
    uint32_t i = sketch_tile_count(state); /* most that is looked for is near the end */
    while (i > 0 && state->tile_list->sketches[i - 1].oldest_us >= extent.first_us)
        i--;
    return i;
}

static bool is_in(const struct state *state, uint32_t i, struct tile_extent extent) {
    return i < sketch_tile_count(state) &&
           state->tile_list->sketches[i].oldest_us <= extent.last_us;
}

struct sketch_tile *sketch_tile_insert(struct state *state, const struct entity_plan *entity,
                                       int64_t oldest_us) {
    struct tile_extent extent = {.first_us = oldest_us, .last_us = oldest_us};
    struct sketch_tile *tile = insert(state, entity, find_place(state, extent));
    sketch_tile_deinit(tile);
    return tile;
}

struct sketch_tile *sketch_tile_find(const struct state *state, const struct entity_plan *entity,
                                     int64_t time_us, int64_t newest_us) {
    if (!entity->has_sketches)
        return NULL;
    struct tile_extent extent = partition_tile(&entity->sketch_tiles, time_us, newest_us);
    uint32_t i = find_place(state, extent);
    return is_in(state, i, extent) ? &state->tile_list->sketches[i] : NULL;
}

struct sketch_tile *sketch_tile_make(struct state *state, const struct entity_plan *entity,
                                     int64_t time_us, int64_t newest_us) {
    if (!entity->has_sketches || is_behind(tile_extent_of(time_us, entity->block_level).last_us,
                                           newest_us, entity->pools_kept_us))
        return NULL;
    struct tile_extent extent = partition_tile(&entity->sketch_tiles, time_us, newest_us);
    uint32_t i = find_place(state, extent);
    return is_in(state, i, extent) ? &state->tile_list->sketches[i] : insert(state, entity, i);
}

void sketch_tile_extend(struct sketch_tile *tile, int64_t oldest_us, int64_t newest_us) {
    tile->oldest_us = oldest_us < tile->oldest_us ? oldest_us : tile->oldest_us;
    tile->newest_us = newest_us > tile->newest_us ? newest_us : tile->newest_us;
}

void sketch_tile_add(struct sketch_tile *tile, const struct entity_plan *entity,
                     const struct row *row) {
    const struct entry *entry = &row->entry;
    uint32_t present = entry_present(entity, entry);
    for (size_t i = 0; i < entity->pool_count; i++) {
        const struct pool *pool = &entity->pools[i];
        if ((present >> pool->column & 1) && entry_put_in(entry, &row->tally, pool->filter) != 0)
            sketch_add(&tile->sketches[i], (uint64_t)entry->integers[pool->column]);
    }
    for (size_t i = 0; i < entity->distribution_count; i++) {
        const struct pool *of = &entity->distributions[i];
        if (present >> of->column & 1)
            distribution_add(&tile->distributions[i],
                             distribution_bucket(entry->integers[of->column]),
                             entry_weight(entry, &row->tally, of->filter));
    }
}

void sketch_tile_take(struct sketch_tile *tile, struct sketch_tile *other) {
    sketch_tile_extend(tile, other->oldest_us, other->newest_us);
    for (size_t i = 0; i < tile->pool_count; i++)
        sketch_add_all(&tile->sketches[i], &other->sketches[i]);
    for (size_t i = 0; i < tile->distribution_count; i++)
        distribution_add_all(&tile->distributions[i], &other->distributions[i]);
    sketch_tile_deinit(other);
}
