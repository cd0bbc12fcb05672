/* Are these bytes a state? First that each part can be decoded and is spelled as it is written,
 * then that compaction changes nothing: that covers which tiles there are, what is collapsed and
 * what should have been dropped. Last, that sketch tiles are where collapsed ones are. */
#include "state.h"

#include "core/feature/live/compact.h"
#include "core/feature/live/encoding.h"

static int damaged(struct error *ret_error, const struct entity_plan *entity, const char *what) {
    return error_set(ret_error, ERROR_DAMAGED, "state of entity %" TEXT_FORMAT ": %s",
                     TEXT_ARGS(entity->name), what);
}

static bool is_same(struct state *state, const struct entity_plan *entity, const void *bytes,
                    size_t length) {
    struct buffer encoded;
    buffer_init(&encoded);
    compact_all(state, entity);
    encode_state(state, entity, &encoded);
    bool same = encoded.length == length && memcmp(encoded.bytes, bytes, length) == 0;
    buffer_deinit(&encoded);
    return same;
}

/* The times of the collapsed tiles from *tile on that lie in one sketch tile, of those whose values
 * may still be asked for. False: there are none. */
static bool next_sketched(const struct state *state, const struct entity_plan *entity,
                          uint32_t *tile, struct tile_extent *ret_times) {
    int64_t last_us = INT64_MIN;
    bool any = false;
    for (; *tile < tile_count(state); ++*tile) {
        const uint64_t *words = tile_at(state, entity, state->tile_list->begin + *tile);
        int64_t oldest_us = tile_oldest(words);
        if (is_behind(tile_extent_of(oldest_us, entity->block_level).last_us, state->newest_us,
                      entity->pools_kept_us))
            continue;
        if (any && oldest_us > last_us)
            return true;
        if (!any)
            ret_times->first_us = oldest_us;
        ret_times->last_us = tile_newest(words);
        last_us = partition_tile(&entity->sketch_tiles, oldest_us, state->newest_us).last_us;
        any = true;
    }
    return any;
}

/* Is there a sketch tile wherever there are such tiles, as old and as new as those, and nowhere
 * else? After compaction. */
static bool sketches_are_of_tiles(const struct state *state, const struct entity_plan *entity) {
    struct tile_extent times = {0};
    uint32_t tile = 0, sketch = 0, count = sketch_tile_count(state);
    for (; entity->has_sketches && next_sketched(state, entity, &tile, &times); sketch++)
        if (sketch == count || state->tile_list->sketches[sketch].oldest_us != times.first_us ||
            state->tile_list->sketches[sketch].newest_us != times.last_us)
            return false;
    return sketch == count;
}

int state_check(const void *bytes, size_t length, const struct entity_plan *entity,
                struct error *ret_error) {
    if (length == 0)
        return 0;
    if (entity->reach_us == 0)
        return damaged(ret_error, entity, "there is one, but no feature to read it");
    if (length > UINT32_MAX)
        return damaged(ret_error, entity, "it is longer than 4 GiB");
    const uint8_t *at = bytes;
    if (at[0] != STATE_ENCODING_VERSION) {
        error_set_format(ret_error, "state encoding", at[0], STATE_ENCODING_VERSION);
        return error_prefix(ret_error, "state of entity %" TEXT_FORMAT, TEXT_ARGS(entity->name));
    }
    struct state state;
    state_init(&state);
    int r = decode_state(bytes, length, entity, &state, ret_error);
    if (r == 0 &&
        (!is_same(&state, entity, bytes, length) || !sketches_are_of_tiles(&state, entity)))
        r = damaged(ret_error, entity,
                    "tiles are not as wide, as full or as old as they should be");
    state_deinit(&state);
    return r;
}
