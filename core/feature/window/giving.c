#include "giving.h"

#include "course.h"
#include "gather.h"

static int64_t scale_of(const struct column *column) {
    int64_t scale = 1;
    for (uint8_t i = 0; i < column->digits; i++)
        scale *= 10;
    return scale;
}

/* No default: whoever adds an aggregate has to say. */
static enum giving_kind kind_of(enum aggregate aggregate) {
    switch (aggregate) {
    case AGGREGATE_COUNT:
        return GIVING_COUNT;
    case AGGREGATE_SUM:
        return GIVING_SUM;
    case AGGREGATE_MEAN:
        return GIVING_MEAN;
    case AGGREGATE_STDDEV:
        return GIVING_STDDEV;
    case AGGREGATE_SHARE:
        return GIVING_SHARE;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        return GIVING_EXTREME;
    case AGGREGATE_DISTINCT:
        return GIVING_DISTINCT;
    case AGGREGATE_SECONDS_SINCE_LAST:
        return GIVING_LAST_AGE;
    case AGGREGATE_FIRST:
    case AGGREGATE_LAST:
    case AGGREGATE_SECONDS_SINCE_FIRST:
    case AGGREGATE_IS_NEW:
    case AGGREGATE_QUANTILE:
    case AGGREGATE_DISTANCE:
    case AGGREGATE_SPEED:
    case AGGREGATE_BURST:
    case AGGREGATE_TYPE_COUNT:
        break;
    }
    return GIVING_OTHER;
}

_Static_assert(PLAN_FEATURES_MAX * sizeof(struct value) <= UINT16_MAX, "giving.value_at");

static struct giving giving_of(const struct entity_plan *entity, size_t i) {
    const struct feature *feature = &entity->features[i];
    bool adds = !feature->exclude_current && feature->delay_us == 0;
    struct giving giving = {
        .feature = (uint16_t)i,
        .value_at = (uint16_t)(i * sizeof(struct value)),
        .gathered_at = (uint32_t)(feature->gathering * sizeof(struct gathered)),
        .part_gathered_at = (uint32_t)(feature->part_gathering * sizeof(struct gathered)),
        .weight_at = adds ? course_weight_at(feature->filter) : COURSE_WEIGHT_NONE,
        .part_at = adds ? course_weight_at(feature->part) : COURSE_WEIGHT_NONE,
        .column = (int8_t)feature->column,
        .is_min = feature->aggregate == AGGREGATE_MIN,
    };
    if (feature->column < 0)
        return giving;
    const struct column *column = &entity->columns[feature->column];
    giving.column_bit = UINT32_C(1) << feature->column;
    giving.type = column->value_type;
    giving.scale = scale_of(column);
    giving.divisor = (double)giving.scale; /* exact: 5^18 has 42 bits */
    return giving;
}

void giving_fill(struct entity_plan *entity) {
    uint16_t used = 0;
    for (unsigned kind = 0; kind < GIVING_KIND_COUNT; kind++) {
        entity->giving_starts[kind] = used;
        for (size_t i = 0; i < entity->feature_count; i++)
            if (kind_of(entity->features[i].aggregate) == kind)
                entity->givings[used++] = giving_of(entity, i);
    }
    entity->giving_starts[GIVING_KIND_COUNT] = used;
}
