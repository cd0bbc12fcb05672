#include "survey.h"

#include "../base/check.h"

/* The last transactions' times: when the first and the last of TILE_RAW_MAX + 1 of them come into
 * one tile, it collapses. */
struct crowd {
    int64_t times_us[TILE_RAW_MAX + 1]; /* a ring */
    uint64_t count;                     /* of all so far */
};

static void not_before(int64_t *quiet_us, int64_t time_us) {
    *quiet_us = time_us < *quiet_us ? time_us : *quiet_us;
}

static void survey_entry(struct survey *survey, struct crowd *crowd,
                         const struct entity_plan *entity, const struct run_entry *entry) {
    uint32_t more = entry->transactions > TILE_RAW_MAX ? TILE_RAW_MAX + 1 : entry->transactions;
    for (uint32_t i = 0; i < more; i++) {
        crowd->times_us[crowd->count++ % (TILE_RAW_MAX + 1)] = entry->time_us;
        int64_t before_us = crowd->times_us[crowd->count % (TILE_RAW_MAX + 1)];
        if (crowd->count > TILE_RAW_MAX)
            not_before(&survey->quiet_us,
                       partition_meeting(&entity->tiles, before_us, entry->time_us));
    }
}

/* When do collapsed tiles meet what is beside them? */
static void survey_meetings(struct survey *survey, const struct parts *parts,
                            const struct entity_plan *entity) {
    struct tiles tiles = parts_tiles(parts);
    struct run run = parts_run(parts, entity);
    struct tile tile;
    struct run_entry entry;
    bool has_tile = tiles_next(&tiles, &tile), has_entry = run_next(&run, &entry);
    int64_t before_us = 0;
    bool any = false, was_tile = false;
    while (has_tile || has_entry) {
        bool is_tile = has_tile && (!has_entry || tile.oldest_us < entry.time_us);
        int64_t time_us = is_tile ? tile.oldest_us : entry.time_us;
        if (any && (is_tile || was_tile))
            not_before(&survey->quiet_us, partition_meeting(&entity->tiles, before_us, time_us));
        before_us = is_tile ? tile.newest_us : entry.time_us;
        any = true;
        was_tile = is_tile;
        if (is_tile)
            has_tile = tiles_next(&tiles, &tile);
        else
            has_entry = run_next(&run, &entry);
    }
}

static void survey_sketches(struct survey *survey, const struct parts *parts,
                            const struct entity_plan *entity) {
    struct tiles sketches = parts_sketches(parts);
    struct tile before, tile;
    if (!tiles_next(&sketches, &before))
        return;
    struct tile_extent block = tile_extent_of(before.oldest_us, entity->block_level);
    not_before(&survey->quiet_us, time_ahead(block.last_us, entity->pools_kept_us));
    for (; tiles_next(&sketches, &tile); before = tile)
        not_before(&survey->quiet_us,
                   partition_meeting(&entity->sketch_tiles, before.newest_us, tile.oldest_us));
}

static void survey_oldest(struct survey *survey, const struct parts *parts,
                          const struct entity_plan *entity) {
    struct tiles tiles = parts_tiles(parts);
    struct tile tile;
    int64_t oldest_us = parts->head.first_us;
    if (tiles_next(&tiles, &tile) && (parts->head.entries == 0 || tile.oldest_us < oldest_us))
        oldest_us = tile.oldest_us;
    struct tile_extent block = tile_extent_of(oldest_us, entity->block_level);
    not_before(&survey->quiet_us, time_ahead(block.last_us, entity->kept_us));
}

struct survey survey_state(const struct parts *parts, const struct entity_plan *entity) {
    struct survey survey = {.quiet_us = INT64_MAX};
    struct tile_extent newest = tile_extent_of(parts->newest_us, entity->tiles.least);
    struct run run = parts_run(parts, entity);
    struct run_entry entry;
    struct crowd crowd = {.count = 0};
    while (run_next(&run, &entry)) {
        survey_entry(&survey, &crowd, entity, &entry);
        if (entry.time_us >= newest.first_us)
            survey.newest_transactions += entry.transactions;
    }
    check(!run.cursor.failed);
    survey.transactions = crowd.count > TILE_RAW_MAX ? TILE_RAW_MAX + 1 : (uint32_t)crowd.count;
    survey_oldest(&survey, parts, entity);
    if (parts->head.dense_size > 0) {
        survey_meetings(&survey, parts, entity);
        survey_sketches(&survey, parts, entity);
        if (parts->dense.newest_us >= newest.first_us)
            survey.newest_transactions = TILE_RAW_MAX + 1;
    }
    return survey;
}
