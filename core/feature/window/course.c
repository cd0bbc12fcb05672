/* Behind the time of a read lie borders: the distances at which a window begins (its delay) or ends
 * (delay and length). An entry passes them one after the other as it ages; between two borders it
 * is in the same windows all the time. */
#include "course.h"

#include <string.h>

static size_t border_at(struct course *course, uint64_t distance_us) {
    size_t at = 0;
    while (at < course->border_count && course->borders[at].distance_us < distance_us)
        at++;
    if (at < course->border_count && course->borders[at].distance_us == distance_us)
        return at;
    memmove(&course->borders[at + 1], &course->borders[at],
            (course->border_count - at) * sizeof *course->borders);
    course->borders[at] = (struct border){.distance_us = distance_us};
    course->border_count++;
    return at;
}

static void add_borders(struct entity_plan *entity) {
    struct course *course = &entity->course;
    for (size_t i = 0; i < entity->span_count; i++) {
        border_at(course, entity->spans[i].delay_us);
        border_at(course, entity->spans[i].end_us);
    }
    for (size_t i = 0; i < entity->span_count; i++) {
        course->opens[i] = (uint16_t)border_at(course, entity->spans[i].delay_us);
        course->closes[i] = (uint16_t)border_at(course, entity->spans[i].end_us);
    }
    uint16_t used = 0;
    for (size_t i = 0; i < course->border_count; i++) {
        struct border *border = &course->borders[i];
        border->first = used;
        for (size_t j = 0; j < entity->span_count; j++)
            if (course->opens[j] == i)
                course->spans[used++] = (uint16_t)j;
        border->opens = (uint16_t)(used - border->first);
        for (size_t j = 0; j < entity->span_count; j++)
            if (course->closes[j] == i)
                course->spans[used++] = (uint16_t)j;
        border->closes = (uint16_t)(used - border->first - border->opens);
    }
}

/* Of the gatherings over the spans, those that are mere counts, or the others. */
static uint16_t add_changes_of(struct entity_plan *entity, uint16_t at, const uint16_t *spans,
                               size_t count, bool are_mere) {
    struct course *course = &entity->course;
    for (size_t i = 0; i < count; i++) {
        const struct span *span = &entity->spans[spans[i]];
        const struct keeping *keeping = &course->keepings[span->first];
        for (const struct keeping *end = keeping + span->count; keeping != end; keeping++)
            if (course_is_mere(keeping) == are_mere)
                course->changes[at++] = *keeping;
    }
    return at;
}

/* Kind by kind, so that what is asked of one is mostly what was asked of the one before. */
static uint16_t add_changes(struct entity_plan *entity, uint16_t at, const uint16_t *spans,
                            size_t count) {
    at = add_changes_of(entity, at, spans, count, true);
    return add_changes_of(entity, at, spans, count, false);
}

static void find_changes(struct entity_plan *entity) {
    uint16_t used = 0;
    for (size_t i = 0; i < entity->course.border_count; i++) {
        struct border *border = &entity->course.borders[i];
        const uint16_t *spans = &entity->course.spans[border->first];
        border->first_change = used;
        used = add_changes(entity, used, spans, border->opens);
        border->comes = (uint16_t)(used - border->first_change);
        used = add_changes(entity, used, spans + border->opens, border->closes);
        border->leaves = (uint16_t)(used - border->first_change - border->comes);
    }
}

static bool asks_for_values(const struct entity_plan *entity, const struct span *span) {
    bool asks = false;
    for (size_t i = span->first; i < (size_t)span->first + span->count; i++)
        asks |= entity->gatherings[i].pool >= 0;
    return asks;
}

/* Where values leave first. */
static void find_leaving(struct entity_plan *entity) {
    struct course *course = &entity->course;
    course->leaving_border = COURSE_NO_BORDER;
    for (size_t i = course->border_count; i-- > 0;) {
        const struct border *border = &course->borders[i];
        const struct keeping *leaves = &course->changes[border->first_change + border->comes];
        for (size_t j = 0; j < border->leaves; j++)
            if (leaves[j].kept & COURSE_DISTINCT) {
                course->leaving_border = (uint16_t)i;
                course->leaving_pool = leaves[j].pool;
            }
    }
}

static void find_values(struct entity_plan *entity) {
    struct course *course = &entity->course;
    for (size_t i = 0; i < course->border_count; i++) {
        struct border *border = &course->borders[i];
        for (size_t j = 0; j < (size_t)border->opens + border->closes; j++)
            border->passes_values |=
                asks_for_values(entity, &entity->spans[course->spans[border->first + j]]);
    }
}

/* Which edge an aggregate looks at. No default: whoever adds one has to say. */
static uint16_t edge_of(enum aggregate aggregate) {
    switch (aggregate) {
    case AGGREGATE_LAST:
    case AGGREGATE_SECONDS_SINCE_LAST:
    case AGGREGATE_DISTANCE:
    case AGGREGATE_SPEED:
        return COURSE_LAST;
    case AGGREGATE_FIRST:
    case AGGREGATE_SECONDS_SINCE_FIRST:
    case AGGREGATE_BURST:
        return COURSE_FIRST;
    case AGGREGATE_COUNT:
    case AGGREGATE_SUM:
    case AGGREGATE_MEAN:
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_STDDEV:
    case AGGREGATE_DISTINCT:
    case AGGREGATE_SHARE:
    case AGGREGATE_IS_NEW:
    case AGGREGATE_QUANTILE:
    case AGGREGATE_TYPE_COUNT:
        break;
    }
    return 0;
}

static uint16_t kept_edges(const struct entity_plan *entity, size_t gathering) {
    uint16_t kept = 0;
    for (size_t i = 0; i < entity->feature_count; i++)
        if (entity->features[i].gathering == gathering)
            kept |= edge_of(entity->features[i].aggregate);
    return kept;
}

static uint16_t kept_extremes(const struct entity_plan *entity, size_t gathering) {
    uint16_t kept = COURSE_EXTREMES;
    for (size_t i = 0; i < entity->feature_count; i++)
        if (entity->features[i].gathering == gathering) {
            kept |= entity->features[i].aggregate == AGGREGATE_MIN ? COURSE_MIN : 0;
            kept |= entity->features[i].aggregate == AGGREGATE_MAX ? COURSE_MAX : 0;
        }
    return kept;
}

static uint16_t kept_of(const struct entity_plan *entity, size_t i) {
    const struct gathering *gathering = &entity->gatherings[i];
    uint16_t kept = gathering->needs & GATHERING_SUM ? COURSE_SUM : 0;
    kept |= gathering->needs & GATHERING_SQUARES ? COURSE_SQUARES : 0;
    kept |= gathering->needs & GATHERING_EXTREMES ? kept_extremes(entity, i) : 0;
    kept |= gathering->pool >= 0 ? COURSE_DISTINCT : 0;
    if (!(gathering->needs & GATHERING_EDGES))
        return kept;
    kept |= kept_edges(entity, i);
    if (gathering->column >= 0)
        kept |=
            entity->columns[gathering->column].type == COLUMN_TEXT ? COURSE_TEXT : COURSE_INTEGER;
    return kept;
}

/* The count has one word, and what goes stale (extremes and edges) another. */
static uint16_t words_of(uint16_t kept) {
    unsigned cell = kept & COURSE_TEXT ? COURSE_TEXT_WORDS : kept & COURSE_INTEGER ? 1 : 0;
    unsigned words = 1;
    words += kept & COURSE_SUM ? 2 : 0;
    words += kept & COURSE_SQUARES ? 3 : 0;
    words += kept & COURSE_EXTREMES ? 2 : 0;
    words += kept & COURSE_FIRST ? 1 + cell : 0;
    words += kept & COURSE_LAST ? 1 + cell : 0;
    words += kept & COURSE_DISTINCT ? 1 : 0;
    return (uint16_t)words;
}

void course_fill(struct entity_plan *entity) {
    struct course *course = &entity->course;
    for (size_t i = 0; i < entity->total_count; i++) {
        int column = entity->totals[i].column;
        entity->totals[i].column_bit = column < 0 ? 0 : UINT32_C(1) << column;
    }
    entity->all_columns = entity->text_columns = 0;
    for (size_t i = 0; i < entity->column_count; i++) {
        uint32_t bit = UINT32_C(1) << i;
        entity->all_columns |= bit;
        entity->text_columns |= entity->columns[i].type == COLUMN_TEXT ? bit : 0;
    }
    uint16_t members[PLAN_FEATURES_MAX] = {0};
    uint16_t words = 0, most = 0, crowds = 0;
    for (size_t i = 0; i < entity->gathering_count; i++) {
        const struct gathering *gathering = &entity->gatherings[i];
        struct keeping *keeping = &course->keepings[i];
        *keeping = (struct keeping){.gathering = (uint16_t)i,
                                    .column = gathering->column,
                                    .filter = gathering->filter,
                                    .weight_at = (uint8_t)(gathering->filter + 1),
                                    .kept = kept_of(entity, i),
                                    .word = words};
        if (gathering->column >= 0)
            keeping->column_bit = UINT32_C(1) << gathering->column;
        words = (uint16_t)(words + words_of(keeping->kept));
        if (gathering->pool < 0)
            continue;
        uint16_t *count = &members[gathering->pool];
        keeping->pool = (uint16_t)gathering->pool;
        keeping->member = (*count)++;
        keeping->crowd = crowds++;
        most = *count > most ? *count : most;
    }
    course->border_count = 0;
    add_borders(entity);
    find_changes(entity);
    find_values(entity);
    find_leaving(entity);
    course->word_count = words;
    course->crowd_count = crowds;
    course->member_count = most;
}
