/* What changes in a state's bytes, told to its standing: which marks move, what enters a window at
 * once, and what cannot be followed, after which the standing is made up anew. */
#include "standing_marks.h"

#include "core/feature/state/state_memory.h"

void standing_note_appended(struct state *state, const struct entity_plan *entity,
                            const struct run_entry *added) {
    struct standing *standing = state_standing(state);
    if (!standing || !standing->is_known)
        return;
    uint32_t dense_size = head_get(state->bytes).dense_size;
    size_t body = (size_t)(added->end - added->identity);
    standing->newest_us = added->time_us;
    for (size_t i = 0; i < entity->course.border_count; i++) {
        const struct border *border = &entity->course.borders[i];
        struct mark *mark = &standing->marks[i];
        if (mark->at != MARK_NONE)
            break; /* nor are the borders behind at the end */
        if (standing_has_passed(added->time_us, border->distance_us, standing->at_us)) {
            standing_pass_entry(standing, entity, border, added,
                                true); /* newer than all sketches */
            continue;
        }
        mark->time_us = added->time_us;
        mark->at = (uint32_t)(state->length - body - HEAD_SIZE - dense_size);
        standing_expect(standing, added->time_us, border->distance_us);
    }
}

/* Of entries of one time, a tile may say another to be the first or the last than a run. */
static void stain_edges(struct standing *standing, const struct entity_plan *entity) {
    for (size_t i = 0; i < entity->gathering_count; i++) {
        uint16_t kept = entity->course.keepings[i].kept;
        if (kept & (COURSE_INTEGER | COURSE_TEXT))
            windows_stain(&standing->windows, entity, i, kept & (COURSE_FIRST | COURSE_LAST));
    }
}

void standing_note_grown(struct state *state, const struct entity_plan *entity,
                         const struct run_entry *added, int64_t newest_us) {
    struct standing *standing = state_standing(state);
    if (!standing || !standing->is_known)
        return;
    struct mark *marks = standing_tile_marks(standing, entity);
    standing->newest_us = added->time_us;
    size_t passed = 0;
    for (; passed < entity->course.border_count; passed++) {
        if (marks[passed].at != MARK_NONE)
            break;
        /* It passed as of its newest time then: it must have as of this one. */
        if (!standing_has_passed(added->time_us, entity->course.borders[passed].distance_us,
                                 standing->at_us)) {
            standing->is_known = false;
            return;
        }
    }
    for (size_t i = passed; i < entity->course.border_count; i++)
        if (marks[i].time_us == newest_us)
            marks[i].time_us = added->time_us;
    /* Due times that are too early do no harm. */
    for (size_t i = 0; i < entity->span_count; i++)
        if (course_holds(entity, i, passed))
            windows_add_entry(&standing->windows, entity, i, added);
    if (added->time_us == newest_us)
        stain_edges(standing, entity);
    if (standing->throng) {
        struct parts parts = parts_of(state->bytes, state->length);
        throng_note_grown(standing->throng, entity, &parts, added, standing->at_us);
    }
}

/* The first so many bytes are gone, and marks count from what was behind them. (A raw entry's time
 * may have become shorter with it, but its identity still lies behind a byte of time.) False: one
 * of them was of something that is gone. */
static bool follow_dropped(struct mark *marks, const struct entity_plan *entity, uint32_t bytes) {
    for (struct mark *mark = marks; mark != marks + entity->course.border_count; mark++) {
        if (mark->at < bytes)
            return false;
        mark->at -= mark->at != MARK_NONE ? bytes : 0;
    }
    return true;
}

void standing_note_dropped(struct state *state, const struct entity_plan *entity,
                           uint32_t run_bytes, uint32_t tile_bytes) {
    struct standing *standing = state_standing(state);
    if (!standing || !standing->is_known)
        return;
    standing->is_known = (run_bytes == 0 || follow_dropped(standing->marks, entity, run_bytes)) &&
                         (tile_bytes == 0 || follow_dropped(standing_tile_marks(standing, entity),
                                                            entity, tile_bytes));
}

void standing_note_unsketched(struct state *state, const struct entity_plan *entity) {
    struct standing *standing = state_standing(state);
    if (!standing || !standing->is_known)
        return;
    /* Reads that would have seen them leave may not have been made: they may still be counted. */
    throng_forget(standing->throng);
    if (!standing->windows.has_values && entity->pool_count > 0) {
        struct parts parts = parts_of(state->bytes, state->length);
        standing->is_known = parts.dense.sketches > 0;
    }
}

/* Marks of what has not passed yet, or of what lies behind the new tile. */
static void move_marks(struct mark *raw, struct mark *tile, bool passed,
                       const struct collapse *collapse) {
    if (passed) {
        raw->at += raw->at != MARK_NONE ? (uint32_t)collapse->run_grew : 0;
        tile->at += tile->at != MARK_NONE ? (uint32_t)collapse->tile_grew : 0;
        return;
    }
    if (raw->at == MARK_NONE || raw->time_us >= collapse->first_us) {
        raw->time_us = collapse->next_us;
        raw->at = collapse->next_us == INT64_MAX ? MARK_NONE : collapse->next_at;
    }
    if (tile->at == MARK_NONE || tile->time_us >= collapse->first_us) {
        tile->time_us = collapse->last_us;
        tile->at = collapse->tile_at;
    }
}

/* Is what is of this time in a window whose values are asked for? */
static bool holds_values(const struct standing *standing, const struct entity_plan *entity,
                         int64_t time_us) {
    for (size_t i = 0; i < entity->gathering_count; i++) {
        const struct span *span = &entity->spans[entity->gatherings[i].span];
        if (entity->gatherings[i].pool >= 0 &&
            standing_has_passed(time_us, span->delay_us, standing->at_us) &&
            !standing_has_passed(time_us, span->end_us, standing->at_us))
            return true;
    }
    return false;
}

void standing_note_collapsed(struct state *state, const struct entity_plan *entity,
                             const struct collapse *collapse) {
    struct standing *standing = state_standing(state);
    if (!standing || !standing->is_known)
        return;
    struct mark *tile_marks = standing_tile_marks(standing, entity);
    for (size_t i = 0; i < entity->course.border_count; i++) {
        uint64_t distance_us = entity->course.borders[i].distance_us;
        bool passed = standing_has_passed(collapse->last_us, distance_us, standing->at_us);
        if (passed != standing_has_passed(collapse->first_us, distance_us, standing->at_us)) {
            standing->is_known = false;
            return;
        }
        move_marks(&standing->marks[i], &tile_marks[i], passed, collapse);
        if (!passed)
            standing_expect(standing, collapse->last_us, distance_us);
    }
    stain_edges(standing, entity);
    struct parts parts = parts_of(state->bytes, state->length);
    if (!collapse->values || parts.dense.sketches == 0)
        throng_forget(standing->throng);
    else if (collapse->entries > 0)
        throng_note_sketched(standing->throng, entity, &parts,
                             &(struct sketched){.first_us = collapse->first_us,
                                                .last_us = collapse->last_us,
                                                .values = collapse->values,
                                                .were_exact = collapse->were_exact},
                             standing->at_us);
    if (entity->pool_count > 0 && standing->windows.has_values) {
        standing->windows.has_values = parts.dense.sketches == 0;
        /* No sketch took the values: all windows that ask for some must have lost them before. */
        if (standing->windows.has_values && holds_values(standing, entity, collapse->first_us))
            standing->is_known = false;
    }
}

void standing_note_united(struct state *state, const struct entity_plan *entity, int64_t first_us,
                          int64_t last_us, uint64_t were_exact) {
    struct standing *standing = state_standing(state);
    if (!standing || !standing->is_known)
        return;
    struct parts parts = parts_of(state->bytes, state->length);
    throng_note_sketched(
        standing->throng, entity, &parts,
        &(struct sketched){.first_us = first_us, .last_us = last_us, .were_exact = were_exact},
        standing->at_us);
}
