/* Are these bytes a state? First that each part can be decoded and is spelled as it is written,
 * then that folding it changes nothing: that covers which tiles there are, what is collapsed and
 * what should have been dropped. */
#include "state.h"

#include "core/base/check.h"
#include "core/feature/plan/fold.h"
#include "core/feature/sketch/summary.h"

#include <inttypes.h>
#include <stdlib.h>

static int damaged(struct error *ret_error, const struct entity_plan *entity, const char *what) {
    return error_set(ret_error, ERROR_DAMAGED, "state of entity %" TEXT_FORMAT ": %s",
                     TEXT_ARGS(entity->name), what);
}

/* Of a plain filter, and of none, a weight is how many of these transactions pass. Only what
 * outcomes change may be anything. */
static bool is_weight(const struct entity_plan *entity, int filter, int64_t weight,
                      uint64_t transactions) {
    if (filter >= 0 && entity->filters[filter].outcome)
        return true;
    return weight >= 0 && (uint64_t)weight <= transactions;
}

static bool weights_are_sound(const struct entity_plan *entity, const struct run_entry *entry) {
    bool sound = true;
    for (size_t i = 0; i < entity->filter_count; i++)
        sound &= is_weight(entity, (int)i, run_weight(entry, i), entry->transactions);
    return sound;
}

static bool totals_are_sound(const struct entity_plan *entity, const struct summary *summary) {
    bool sound = true;
    for (size_t i = 0; i < entity->total_count; i++)
        sound &= is_weight(entity, entity->totals[i].filter, summary->tallied[i].count,
                           summary->transactions);
    return sound;
}

static int check_run(struct run *run, const struct head *head, struct error *ret_error) {
    const struct entity_plan *entity = run->entity;
    struct run_entry entries[2]; /* this one and the one before, in turn */
    uint32_t count = 0;
    while (run_next(run, &entries[count % 2])) {
        const struct run_entry *entry = &entries[count % 2], *before = &entries[1 - count % 2];
        if (count == 0 && entry->time_us != head->first_us)
            return damaged(ret_error, entity, "the first entry's time is not the head's");
        if (count > 0 && run_compare(before, entry) >= 0)
            return damaged(ret_error, entity, "entries are not in order");
        if (!weights_are_sound(entity, entry))
            return damaged(ret_error, entity, "an entry counts for more than it is");
        count++;
    }
    if (run->cursor.failed)
        return error_set(ret_error, ERROR_DAMAGED,
                         "state of entity %" TEXT_FORMAT ": entry %" PRIu32 " of %" PRIu32
                         " is cut off or not canonical",
                         TEXT_ARGS(entity->name), count, head->entries);
    if (count != head->entries)
        return damaged(ret_error, entity, "the number of entries is not the head's");
    const struct run_entry *last = &entries[(count + 1) % 2];
    if ((count > 0 ? last->time_us : 0) != head->last_us || (count == 0 && head->first_us != 0))
        return damaged(ret_error, entity, "the last entry's time is not the head's");
    if ((count > 0 ? last->end - last->start : 0) != head->last_size)
        return damaged(ret_error, entity, "the last entry's size is not the head's");
    return 0;
}

static bool sketches_are_sound(const struct entity_plan *entity, struct tile *tile) {
    for (size_t i = 0; i < entity->pool_count; i++) {
        struct sketch_view view = sketch_take(&tile->body);
        if (tile->body.failed || !sketch_view_is_sound(&view))
            return false;
    }
    for (size_t i = 0; i < entity->distribution_count; i++) {
        struct distribution_view view = distribution_take(&tile->body);
        if (tile->body.failed || !distribution_view_is_sound(&view))
            return false;
    }
    return cursor_left(&tile->body) == 0;
}

/* Whether all tiles can be decoded and are in order of time. */
static int check_tiles(struct tiles tiles, uint32_t count, int64_t newest_us,
                       const struct entity_plan *entity, struct summary *summary,
                       struct error *ret_error) {
    const char *what = summary ? "collapsed tile" : "sketch tile";
    uint32_t seen = 0;
    struct tile tile;
    int64_t before_us = 0;
    for (; tiles_next(&tiles, &tile); seen++) {
        bool sound = tile.oldest_us <= tile.newest_us && (seen == 0 || before_us < tile.oldest_us);
        before_us = tile.newest_us;
        if (summary)
            summary_clear(summary, entity);
        if (summary && sound) {
            summary_add_tile(summary, entity, &tile);
            sound =
                !tile.body.failed && summary->transactions > TILE_RAW_MAX &&
                totals_are_sound(entity, summary) && tile.newest_us <= newest_us &&
                tile.newest_us <= partition_tile(&entity->tiles, tile.oldest_us, newest_us).last_us;
        } else if (sound) {
            sound = sketches_are_sound(entity, &tile);
        }
        if (!sound)
            return error_set(ret_error, ERROR_DAMAGED,
                             "state of entity %" TEXT_FORMAT ": %s %" PRIu32 " of %" PRIu32
                             " is out of order or not canonical",
                             TEXT_ARGS(entity->name), what, seen, count);
    }
    if (tiles.at != tiles.end || seen != count)
        return error_set(ret_error, ERROR_DAMAGED,
                         "state of entity %" TEXT_FORMAT ": the number of %ss is not the head's",
                         TEXT_ARGS(entity->name), what);
    return 0;
}

static int check_dense(const struct parts *parts, const struct entity_plan *entity,
                       struct error *ret_error) {
    struct summary *summary = summary_new(entity);
    int r = check_tiles(parts_tiles(parts), parts->dense.tiles, parts->newest_us, entity, summary,
                        ret_error);
    free(summary);
    if (r == 0)
        r = check_tiles(parts_sketches(parts), parts->dense.sketches, parts->newest_us, entity,
                        NULL, ret_error);
    return r;
}

static int check_fold(const void *bytes, size_t length, const struct entity_plan *entity,
                      struct error *ret_error) {
    struct buffer folded;
    buffer_init(&folded);
    fold_states(entity, bytes, length, NULL, 0, &folded);
    bool same = folded.length == length && memcmp(folded.bytes, bytes, length) == 0;
    buffer_deinit(&folded);
    return same ? 0
                : damaged(ret_error, entity,
                          "tiles are not as wide, as full or as old as they should be");
}

int state_check(const void *bytes, size_t length, const struct entity_plan *entity,
                struct error *ret_error) {
    int r;
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
    struct parts parts;
    if (!parts_find(bytes, length, &parts))
        return damaged(ret_error, entity, "it is cut off");
    if (parts.head.entries == 0 && parts.dense.tiles == 0)
        return damaged(ret_error, entity, "there is nothing in it");
    struct run run = parts_run(&parts, entity);
    if ((r = check_run(&run, &parts.head, ret_error)) < 0 ||
        (r = check_dense(&parts, entity, ret_error)) < 0)
        return r;
    return check_fold(bytes, length, entity, ret_error);
}
