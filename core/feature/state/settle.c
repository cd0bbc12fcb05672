#include "settle.h"

#include "collapsed.h"
#include "core/base/check.h"
#include "core/feature/sketch/summary.h"
#include "core/feature/window/standing.h"
#include "run_decode.h"
#include "state_memory.h"
#include "survey.h"

#include <stdlib.h>

#define SITES_MAX       64  /* of one settling; folding everything costs about as much */
#define SPARE_BYTES_MAX 512 /* what the survey keeps; most tiles need less */

/* Dropping. */

/* The last instant of the blocks that are so far behind; false if there are none. */
static bool find_cut(const struct entity_plan *entity, int64_t oldest_us, int64_t newest_us,
                     int64_t *ret_last_us) {
    if (!is_behind(tile_extent_of(oldest_us, entity->block_level).last_us, newest_us,
                   entity->kept_us))
        return false;
    int64_t last_us = (int64_t)((uint64_t)newest_us - entity->kept_us);
    struct tile_extent block = tile_extent_of(last_us, entity->block_level);
    *ret_last_us = block.last_us == last_us ? last_us : block.first_us - 1;
    return true;
}

static uint32_t drop_entries(struct state *state, const struct entity_plan *entity,
                             const struct parts *parts, struct head *head, int64_t last_us) {
    struct run run = parts_run(parts, entity);
    struct run_extent entry;
    uint32_t dropped = 0;
    bool has_entry;
    while ((has_entry = run_pass(&run, &entry)) && entry.time_us <= last_us)
        dropped++;
    if (dropped == 0)
        return 0;
    /* The first entry that stays counts from its own time. */
    size_t start = (size_t)(parts->run - state->bytes);
    size_t to = (size_t)((has_entry ? entry.identity : parts->end) - state->bytes);
    size_t step = has_entry;
    bool is_last = has_entry && entry.end == parts->end;
    head->entries -= dropped;
    head->first_us = has_entry ? entry.time_us : 0;
    if (!has_entry)
        head->last_us = head->last_size = 0;
    else if (is_last)
        head->last_size = (uint16_t)(1 + (entry.end - entry.identity));
    state_splice(state, start, to, "", step);
    survey_cut(state, 0, to - start, step);
    return (uint32_t)(to - start - step);
}

static uint32_t drop_tiles(struct state *state, const struct parts *parts, struct dense *dense,
                           int64_t last_us) {
    struct tiles tiles = parts_tiles(parts);
    struct tile tile;
    const uint8_t *to = parts->tiles;
    while (tiles_next(&tiles, &tile) && tile.oldest_us <= last_us) {
        to = tile.body.end;
        dense->tiles--;
    }
    uint32_t size = (uint32_t)(to - parts->tiles);
    size_t from = HEAD_SIZE + DENSE_SIZE;
    if (size == 0)
        return 0;
    dense->tile_bytes -= size;
    if (dense->tiles == 0)
        from = HEAD_SIZE; /* the collapsed part goes */
    else
        state->survey->newest_tile_at -= size;
    check(dense->tiles > 0 || dense->sketches == 0);
    state_splice(state, from, HEAD_SIZE + DENSE_SIZE + size, NULL, 0);
    return size;
}

static void drop_state(struct state *state) {
    standing_forget(state);
    survey_free(state->survey);
    state->survey = NULL;
    state->is_surveyed = false;
    state_clear(state);
}

/* A state that has become short does not need one any more. */
static void drop_survey(struct state *state, const struct head *head) {
    const struct survey *survey = state->survey;
    if (!survey || head->dense_size > 0 || head->entries > TILE_RAW_MAX)
        return;
    survey_free(state->survey);
    state->survey = NULL;
    state->is_surveyed = false;
}

static void drop_blocks(struct state *state, const struct entity_plan *entity, int64_t newest_us) {
    struct parts parts = parts_of(state->bytes, state->length);
    struct head head = parts.head;
    struct dense dense = parts.dense;
    int64_t last_us;
    if (!find_cut(entity, parts_oldest(&parts), newest_us, &last_us))
        return;
    if (parts.newest_us <= last_us) {
        drop_state(state);
        return;
    }
    uint32_t run_bytes = drop_entries(state, entity, &parts, &head, last_us), tile_bytes = 0;
    if (dense.tiles > 0) {
        parts = parts_of(state->bytes, state->length);
        tile_bytes = drop_tiles(state, &parts, &dense, last_us);
        head.dense_size = dense.tiles > 0 ? head.dense_size - tile_bytes : 0;
    }
    head_put(state->bytes, &head);
    if (dense.tiles > 0)
        dense_put(state->bytes + HEAD_SIZE, &dense);
    drop_survey(state, &head);
    state_trim(state);
    standing_note_dropped(state, entity, run_bytes, tile_bytes);
}

/* Sketch tiles. */

static void put_dense(struct state *state, struct head *head, const struct dense *dense,
                      uint32_t grew) {
    head->dense_size += grew;
    head_put(state->bytes, head);
    dense_put(state->bytes + HEAD_SIZE, dense);
}

static void drop_sketches(struct state *state, const struct entity_plan *entity,
                          int64_t newest_us) {
    struct parts parts = parts_of(state->bytes, state->length);
    struct tiles sketches = parts_sketches(&parts);
    struct tile sketch;
    const uint8_t *to = parts.sketches;
    while (tiles_next(&sketches, &sketch) &&
           is_behind(tile_extent_of(sketch.oldest_us, entity->block_level).last_us, newest_us,
                     entity->pools_kept_us)) {
        to = sketch.body.end;
        parts.dense.sketches--;
    }
    size_t from = (size_t)(parts.sketches - state->bytes), size = (size_t)(to - parts.sketches);
    if (size == 0)
        return;
    state_splice(state, from, from + size, NULL, 0);
    put_dense(state, &parts.head, &parts.dense, (uint32_t)-size);
    standing_note_unsketched(state, entity);
}

/* The sketch tiles of [from, to), of which there are `count`, become one. */
static void unite_sketches(struct state *state, const struct entity_plan *entity, size_t from,
                           size_t to, uint32_t count) {
    struct parts parts = parts_of(state->bytes, state->length);
    struct sketches *united = sketches_new(entity);
    struct tiles tiles = {.at = state->bytes + from, .end = state->bytes + to};
    struct tile sketch;
    struct buffer *bytes = &state->survey->spare;
    sketches_clear(united, entity);
    uint64_t were_exact = 0;
    while (tiles_next(&tiles, &sketch)) {
        were_exact |= sketches_exact(&sketch, entity);
        sketches_extend(united, sketch.oldest_us, sketch.newest_us);
        sketches_add_tile(united, entity, &sketch);
        check(!sketch.body.failed);
    }
    buffer_clear(bytes);
    sketches_encode(united, entity, bytes);
    state_splice(state, from, to, bytes->bytes, bytes->length);
    parts.dense.sketches -= count - 1;
    put_dense(state, &parts.head, &parts.dense, (uint32_t)(bytes->length - (to - from)));
    standing_note_united(state, entity, united->oldest_us, united->newest_us, were_exact);
    free(united);
}

/* Unites the first sketch tiles that are due; false if none is. */
static bool unite_next(struct state *state, const struct entity_plan *entity, int64_t newest_us) {
    struct parts parts = parts_of(state->bytes, state->length);
    struct tiles tiles = parts_sketches(&parts);
    struct tile_extent extent = {0};
    struct tile sketch;
    size_t from = 0, to = 0;
    uint32_t count = 0; /* in the extent */
    while (tiles_next(&tiles, &sketch)) {
        bool same = count > 0 && sketch.oldest_us <= extent.last_us;
        if (!same && count > 1)
            break;
        if (!same) {
            extent = partition_tile(&entity->sketch_tiles, sketch.oldest_us, newest_us);
            from = (size_t)(sketch.start - state->bytes);
        }
        count = same ? count + 1 : 1;
        to = (size_t)(sketch.body.end - state->bytes);
    }
    if (count > 1)
        unite_sketches(state, entity, from, to, count);
    return count > 1;
}

static void settle_sketches(struct state *state, const struct entity_plan *entity,
                            int64_t newest_us) {
    if (newest_us < state->survey->sketches_quiet_us)
        return;
    drop_sketches(state, entity, newest_us);
    while (unite_next(state, entity, newest_us))
        continue;
    struct parts parts = parts_of(state->bytes, state->length);
    survey_sketches(state->survey, &parts, entity);
}

/* Tiles. */

/* One end of an item: a raw entry, or the oldest or newest of a collapsed tile. */
struct edge_item {
    int64_t time_us;
    bool is_there, is_tile;
};

/* What lies in the extent of one tile, and beside it. Places count from the state's first byte. */
struct site {
    struct tile_extent extent;
    size_t tile_from, tile_to;
    uint32_t tiles;
    size_t run_from, run_to;
    uint32_t entries;
    uint64_t transactions;
    struct edge_item before, oldest, newest, behind; /* before it, in it, in it, behind it */
    bool has_raw_before, has_raw_behind;
    int64_t raw_before_us, raw_behind_us; /* before: what the first entry's time counts from */
    uint16_t raw_before_size;
    size_t raw_behind_identity, raw_behind_end;
};

static void note_older(struct edge_item *oldest, int64_t time_us, bool is_tile) {
    if (!oldest->is_there || time_us < oldest->time_us)
        *oldest = (struct edge_item){.time_us = time_us, .is_there = true, .is_tile = is_tile};
}

static void note_newer(struct edge_item *newest, int64_t time_us, bool is_tile) {
    if (!newest->is_there || time_us > newest->time_us)
        *newest = (struct edge_item){.time_us = time_us, .is_there = true, .is_tile = is_tile};
}

static void find_tiles(struct site *site, const struct state *state, const struct parts *parts) {
    struct tiles tiles = parts_tiles(parts);
    struct tile tile;
    site->tile_from = site->tile_to = (size_t)(parts->tiles - state->bytes);
    while (tiles_next(&tiles, &tile)) {
        if (tile.oldest_us > site->extent.last_us) {
            note_older(&site->behind, tile.oldest_us, true);
            break;
        }
        site->tile_to = (size_t)(tile.body.end - state->bytes);
        if (tile.oldest_us < site->extent.first_us) {
            note_newer(&site->before, tile.newest_us, true);
            site->tile_from = site->tile_to;
        } else {
            note_older(&site->oldest, tile.oldest_us, true);
            note_newer(&site->newest, tile.newest_us, true);
            site->tiles++;
        }
    }
}

static void find_entries(struct site *site, const struct state *state, const struct parts *parts,
                         const struct entity_plan *entity) {
    struct run run = survey_run(state, parts, entity, site->extent.first_us, 1);
    struct run_extent entry;
    site->raw_before_us = run.time_us;
    site->run_from = site->run_to = (size_t)(run.cursor.at - state->bytes);
    while (run_pass(&run, &entry)) {
        if (entry.time_us > site->extent.last_us) {
            site->has_raw_behind = true;
            site->raw_behind_us = entry.time_us;
            site->raw_behind_identity = (size_t)(entry.identity - state->bytes);
            site->raw_behind_end = (size_t)(entry.end - state->bytes);
            note_older(&site->behind, entry.time_us, false);
            return;
        }
        site->run_to = (size_t)(entry.end - state->bytes);
        if (entry.time_us >= site->extent.first_us) {
            site->entries++;
            site->transactions += entry.transactions;
            note_older(&site->oldest, entry.time_us, false);
            note_newer(&site->newest, entry.time_us, false);
            continue;
        }
        site->has_raw_before = true;
        site->raw_before_us = entry.time_us;
        site->raw_before_size = (uint16_t)(entry.end - entry.start);
        site->run_from = site->run_to;
        note_newer(&site->before, entry.time_us, false);
    }
}

/* Takes the site's entries out of the run. Returns by how much that shrank it. */
static size_t cut_entries(struct state *state, struct site *site, struct head *head) {
    size_t start = HEAD_SIZE + head->dense_size, to = site->run_to, size = 0;
    uint8_t step[BUFFER_VARINT_MAX];
    if (site->entries == 0)
        return 0;
    bool is_first = site->run_from == start;
    if (site->has_raw_behind) {
        uint64_t step_us =
            is_first ? 0 : (uint64_t)site->raw_behind_us - (uint64_t)site->raw_before_us;
        size = (size_t)(varint_put(step, step_us) - step);
        to = site->raw_behind_identity;
        if (site->raw_behind_end == state->length)
            head->last_size = (uint16_t)(site->raw_behind_end - to + size);
        if (is_first)
            head->first_us = site->raw_behind_us;
    } else {
        check(is_first || site->has_raw_before);
        head->last_us = is_first ? 0 : site->raw_before_us;
        head->last_size = is_first ? 0 : site->raw_before_size;
        if (is_first)
            head->first_us = 0;
    }
    head->entries -= site->entries;
    state_splice(state, site->run_from, to, step, size);
    survey_cut(state, site->run_from - start, to - start, size);
    site->raw_behind_identity = site->run_from + size; /* where it is now */
    return to - site->run_from - size;
}

/* The place of the sketch tile of the extent. False: there is none, and this is where it belongs.
 */
static bool find_sketch(const struct state *state, struct tile_extent extent, size_t *ret_at,
                        struct tile *ret_sketch) {
    struct parts parts = parts_of(state->bytes, state->length);
    struct tiles tiles = parts_sketches(&parts);
    *ret_at = (size_t)(parts.sketches - state->bytes);
    while (tiles_next(&tiles, ret_sketch) && ret_sketch->oldest_us <= extent.last_us) {
        if (ret_sketch->oldest_us >= extent.first_us)
            return true;
        *ret_at = (size_t)(ret_sketch->body.end - state->bytes);
    }
    return false;
}

/* The place of the sketch tile of the extent; where there is none yet, of a new, empty one. */
static size_t make_sketch(struct state *state, const struct entity_plan *entity,
                          struct tile_extent extent, struct head *head, struct dense *dense) {
    struct tile sketch;
    size_t at;
    if (find_sketch(state, extent, &at, &sketch))
        return at;
    size_t size = TILE_HEAD_SIZE + entity->pool_count;
    state_splice(state, at, at, NULL, size);
    memset(state->bytes + at, 0, size); /* sketches of no values */
    tile_head_put(state->bytes + at, INT64_MAX, INT64_MIN, entity->pool_count);
    dense->sketches++;
    put_dense(state, head, dense, (uint32_t)size);
    return at;
}

/* What entries leave behind when they collapse: all sketches where the plan has distributions, else
 * only values. */
struct remains {
    struct sketches *sketches; /* NULL: values */
    struct values values;
    uint64_t were_exact; /* of the sketch tile that took the values: throng.h */
};

static void remains_init(struct remains *remains, const struct entity_plan *entity,
                         uint32_t entries) {
    remains->sketches = NULL;
    remains->were_exact = 0;
    if (entity->distribution_count > 0) {
        remains->sketches = sketches_new(entity);
        sketches_clear(remains->sketches, entity);
    } else {
        values_init(&remains->values, entity, entries);
    }
}

static void remains_deinit(struct remains *remains) {
    if (!remains->sketches)
        values_deinit(&remains->values);
    free(remains->sketches);
}

static void remains_collect(struct remains *remains, const struct entity_plan *entity,
                            const struct run_entry *entry) {
    if (remains->sketches)
        sketches_add_entry(remains->sketches, entity, entry);
    else
        values_collect(&remains->values, entity, entry);
}

static void put_sketches(struct state *state, const struct entity_plan *entity,
                         struct tile_extent extent, struct sketches *sketches,
                         const struct summary *tile, struct head *head, struct dense *dense) {
    struct tile sketch;
    size_t from, to;
    sketches_extend(sketches, tile->oldest_us, tile->newest_us);
    bool is_there = find_sketch(state, extent, &from, &sketch);
    to = from;
    if (is_there) {
        to = (size_t)(sketch.body.end - state->bytes);
        sketches_extend(sketches, sketch.oldest_us, sketch.newest_us);
        sketches_add_tile(sketches, entity, &sketch);
        check(!sketch.body.failed);
    }
    dense->sketches += !is_there;
    put_dense(state, head, dense,
              (uint32_t)collapsed_put_sketches(state, entity, from, to, sketches));
}

static void put_values(struct state *state, const struct entity_plan *entity,
                       struct tile_extent extent, struct remains *remains,
                       const struct summary *tile, struct head *head, struct dense *dense) {
    size_t at = make_sketch(state, entity, extent, head, dense);
    struct tiles tiles = {.at = state->bytes + at, .end = state->bytes + state->length};
    struct tile sketch;
    check(tiles_next(&tiles, &sketch));
    int64_t oldest_us = sketch.oldest_us < tile->oldest_us ? sketch.oldest_us : tile->oldest_us;
    int64_t latest_us = sketch.newest_us > tile->newest_us ? sketch.newest_us : tile->newest_us;
    remains->were_exact = sketches_exact(&sketch, entity);
    size_t grew = collapsed_add_values(state, entity, at, &remains->values, oldest_us, latest_us);
    put_dense(state, head, dense, (uint32_t)grew);
}

/* What is left of entries that have just collapsed into a tile with these times. */
static void put_remains(struct state *state, const struct entity_plan *entity,
                        const struct site *site, struct remains *remains,
                        const struct summary *tile, int64_t newest_us, struct head *head,
                        struct dense *dense) {
    int64_t first_us = site->extent.first_us;
    if (!entity->has_sketches || site->entries == 0 ||
        is_behind(tile_extent_of(first_us, entity->block_level).last_us, newest_us,
                  entity->pools_kept_us))
        return;
    struct tile_extent extent = partition_tile(&entity->sketch_tiles, first_us, newest_us);
    if (remains->sketches)
        put_sketches(state, entity, extent, remains->sketches, tile, head, dense);
    else
        put_values(state, entity, extent, remains, tile, head, dense);
    struct parts parts = parts_of(state->bytes, state->length);
    survey_sketches(state->survey, &parts, entity);
}

/* All that is in the site, as one tile; and what the raw entries leave behind. */
static struct summary *sum_up(const struct state *state, const struct entity_plan *entity,
                              const struct site *site, struct remains *remains) {
    struct summary *summary = summary_new(entity);
    struct tiles tiles = {.at = state->bytes + site->tile_from,
                          .end = state->bytes + site->tile_to};
    struct run run = run_open(state->bytes + site->run_from, site->run_to - site->run_from, entity,
                              site->raw_before_us);
    struct tile tile;
    struct run_entry entry;
    summary_clear(summary, entity);
    while (tiles_next(&tiles, &tile)) {
        summary_add_tile(summary, entity, &tile);
        check(!tile.body.failed);
    }
    while (run_step(&run, &entry)) {
        summary_add_entry(summary, entity, &entry);
        remains_collect(remains, entity, &entry);
    }
    return summary;
}

/* A collapsed part without tiles. */
static void make_dense(struct state *state, struct site *site, struct head *head,
                       struct dense *dense) {
    state_splice(state, HEAD_SIZE, HEAD_SIZE, NULL, DENSE_SIZE);
    *dense = (struct dense){.newest_us = INT64_MIN};
    put_dense(state, head, dense, DENSE_SIZE);
    site->tile_from = site->tile_to = HEAD_SIZE + DENSE_SIZE;
    site->run_from += DENSE_SIZE;
    site->run_to += DENSE_SIZE;
    site->raw_behind_identity += DENSE_SIZE;
    site->raw_behind_end += DENSE_SIZE;
}

static void put_tile(struct state *state, const struct site *site, const struct buffer *tile,
                     int64_t newest_us, struct head *head, struct dense *dense) {
    struct survey *survey = state->survey;
    uint32_t grew = (uint32_t)(tile->length - (site->tile_to - site->tile_from));
    size_t start = HEAD_SIZE + DENSE_SIZE;
    bool is_newest = site->tile_to == start + dense->tile_bytes;
    state_splice(state, site->tile_from, site->tile_to, tile->bytes, tile->length);
    dense->tiles += 1 - site->tiles;
    dense->tile_bytes += grew;
    dense->newest_us = newest_us > dense->newest_us ? newest_us : dense->newest_us;
    put_dense(state, head, dense, grew);
    survey->newest_tile_at =
        is_newest ? (uint32_t)(site->tile_from - start) : survey->newest_tile_at + grew;
}

static void collapse_site(struct state *state, const struct entity_plan *entity, struct site *site,
                          int64_t newest_us) {
    struct parts parts = parts_of(state->bytes, state->length);
    struct head head = parts.head;
    struct dense dense = parts.dense;
    struct remains remains;
    struct buffer tile;
    remains_init(&remains, entity, site->entries);
    buffer_init(&tile);
    struct summary *summary = sum_up(state, entity, site, &remains);
    summary_encode(summary, entity, &tile);
    uint32_t tiles_size = (uint32_t)(site->tile_to - site->tile_from);
    if (dense.tiles == 0)
        make_dense(state, site, &head, &dense);
    size_t run_shrank = cut_entries(state, site, &head);
    put_dense(state, &head, &dense, 0);
    size_t run_start = HEAD_SIZE + head.dense_size;
    put_remains(state, entity, site, &remains, summary, newest_us, &head, &dense);
    put_tile(state, site, &tile, summary->newest_us, &head, &dense);
    standing_note_collapsed(
        state, entity,
        &(struct collapse){.first_us = summary->oldest_us,
                           .last_us = summary->newest_us,
                           .tile_at = (uint32_t)(site->tile_from - (HEAD_SIZE + DENSE_SIZE)),
                           .run_grew = -(int64_t)run_shrank,
                           .tile_grew = (int64_t)tile.length - tiles_size,
                           .next_us = site->has_raw_behind ? site->raw_behind_us : INT64_MAX,
                           .next_at = (uint32_t)(site->raw_behind_identity - run_start),
                           .entries = site->entries,
                           .values = remains.sketches ? NULL : &remains.values,
                           .were_exact = remains.were_exact});
    /* If one of the two was a tile before, their meeting is known. */
    if (site->before.is_there && !site->before.is_tile && !site->oldest.is_tile)
        survey_pair(state, entity, site->before.time_us, summary->oldest_us);
    if (site->behind.is_there && !site->behind.is_tile && !site->newest.is_tile)
        survey_pair(state, entity, summary->newest_us, site->behind.time_us);
    free(summary);
    remains_deinit(&remains);
    buffer_deinit(&tile);
}

static void settle_tile(struct state *state, const struct entity_plan *entity,
                        struct tile_extent extent, int64_t newest_us) {
    struct parts parts = parts_of(state->bytes, state->length);
    struct site site = {.extent = extent};
    find_tiles(&site, state, &parts);
    find_entries(&site, state, &parts, entity);
    bool unites = site.tiles > 1 || (site.tiles == 1 && site.entries > 0);
    if (unites || site.transactions > TILE_RAW_MAX)
        collapse_site(state, entity, &site, newest_us);
}

/* All meetings that are due; false if they are too many. */
static bool settle_tiles(struct state *state, const struct entity_plan *entity, int64_t newest_us) {
    struct tile_extent extent = {.first_us = 1}; /* none yet */
    int64_t first_us;
    for (int left = SITES_MAX; survey_due(state->survey, newest_us, &first_us);) {
        if (extent.first_us <= first_us && first_us <= extent.last_us)
            continue; /* most tiles have several meetings at once */
        if (left-- == 0)
            return false;
        extent = partition_tile(&entity->tiles, first_us, newest_us);
        settle_tile(state, entity, extent, newest_us);
    }
    return true;
}

bool settle(struct state *state, const struct entity_plan *entity, int64_t newest_us) {
    bool meets = state->survey && newest_us >= state->survey->meet_us;
    if (meets)
        settle_sketches(state, entity, newest_us);
    drop_blocks(state, entity, newest_us);
    if (state->length == 0)
        return true;
    if (!state->is_surveyed) {
        survey_state(state, entity);
        meets = true;
    }
    if (state->survey && meets) {
        if (!settle_tiles(state, entity, newest_us))
            return false;
        survey_meet(state);
        if (state->survey->spare.capacity > SPARE_BYTES_MAX)
            buffer_deinit(&state->survey->spare);
    }
    struct parts parts = parts_of(state->bytes, state->length);
    survey_quiet(state, entity, &parts);
    return true;
}
