/* The course of a read: in which order entries come into windows and leave them as time goes on.
 * Derived from a plan's spans and gatherings. Internal to core/feature. */
#pragma once

#include "core/feature/plan/plan.h"

/* What a standing keeps of one gathering beside its count, in words of 8 bytes, in this order. */
enum course_kept {
    COURSE_SUM = 1,        /* 2 words */
    COURSE_SQUARES = 2,    /* 3 */
    COURSE_EXTREMES = 4,   /* 2 */
    COURSE_FIRST = 8,      /* 1, and the cell */
    COURSE_LAST = 16,      /* 1, and the cell */
    COURSE_INTEGER = 32,   /* the cells have 1 word; without this and COURSE_TEXT none */
    COURSE_TEXT = 64,      /* the cells have COURSE_TEXT_WORDS */
    COURSE_DISTINCT = 128, /* 1 */
    /* Of COURSE_EXTREMES: which of the two is asked for. The other may be further out than any
     * entry that is there. */
    COURSE_MIN = 256,
    COURSE_MAX = 512,
};

#define COURSE_NO_BORDER  UINT16_MAX
#define COURSE_TEXT_WORDS (1 + COLUMN_TEXT_MAX / 8)

/* Where a gather keeps the weights of the current transaction: that of one that does not count, of
 * one without a filter (-1), of one with. */
#define COURSE_WEIGHT_NONE 0
#define COURSE_WEIGHTS     (PLAN_FILTERS_MAX + 2)
static inline uint8_t course_weight_at(int filter) {
    return (uint8_t)(filter + 2);
}

/* It counts entries, and nothing else. */
static inline bool course_is_mere(const struct keeping *keeping) {
    return keeping->kept == 0;
}

/* Fills entity->course; spans, gatherings and totals are there. */
void course_fill(struct entity_plan *entity);

/* An entry that has passed this many borders: does the window hold it? */
static inline bool course_holds(const struct entity_plan *entity, size_t span, size_t passed) {
    return entity->course.opens[span] < passed && passed <= entity->course.closes[span];
}
