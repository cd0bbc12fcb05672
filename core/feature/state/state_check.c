/* Are these bytes a state? First that each part can be decoded and is spelled as it is written, then
 * that compaction changes nothing: that covers which tiles there are, what is collapsed and what
 * should have been dropped. */
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

int state_check(const void *bytes, size_t length, const struct entity_plan *entity,
                struct error *ret_error) {
    if (length == 0)
        return 0;
    if (entity->reach_us == 0)
        return damaged(ret_error, entity, "there is one, but no feature to read it");
    if (length > UINT32_MAX)
        return damaged(ret_error, entity, "it is longer than 4 GiB");
    const uint8_t *at = bytes;
    if (at[0] != STATE_ENCODING_VERSION)
        return error_set(ret_error, ERROR_DAMAGED,
                         "state of entity %" TEXT_FORMAT
                         ": encoding version %d, this program knows %d",
                         TEXT_ARGS(entity->name), at[0], STATE_ENCODING_VERSION);
    struct state state;
    state_init(&state);
    int r = decode_state(bytes, length, entity, &state, ret_error);
    if (r == 0 && !is_same(&state, entity, bytes, length))
        r = damaged(ret_error, entity,
                    "tiles are not as wide, as full or as old as they should be");
    state_deinit(&state);
    return r;
}
