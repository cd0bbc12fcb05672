#include "outputs.h"

static int64_t scale_of(const struct column *column) {
    int64_t scale = 1;
    for (uint8_t i = 0; i < column->digits; i++)
        scale *= 10;
    return scale;
}

/* No default: whoever adds an aggregate has to say. */
static enum output_kind kind_of(enum aggregate aggregate) {
    switch (aggregate) {
    case AGGREGATE_COUNT:
        return OUTPUT_COUNT;
    case AGGREGATE_SUM:
        return OUTPUT_SUM;
    case AGGREGATE_MEAN:
        return OUTPUT_MEAN;
    case AGGREGATE_STDDEV:
        return OUTPUT_STDDEV;
    case AGGREGATE_SHARE:
        return OUTPUT_SHARE;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        return OUTPUT_EXTREME;
    case AGGREGATE_DISTINCT:
        return OUTPUT_DISTINCT;
    case AGGREGATE_SECONDS_SINCE_LAST:
        return OUTPUT_LAST_AGE;
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
    return OUTPUT_OTHER;
}

static struct output output_of(const struct entity_plan *entity, size_t i) {
    const struct feature *feature = &entity->features[i];
    bool adds = !feature->exclude_current && feature->delay_us == 0;
    struct output output = {
        .feature = (uint16_t)i,
        .aggregation = feature->aggregation,
        .part_aggregation = feature->part_aggregation,
        .weight_at = adds ? weight_at(feature->filter) : WEIGHT_NONE,
        .part_at = adds ? weight_at(feature->part) : WEIGHT_NONE,
        .column = (int8_t)feature->column,
        .is_min = feature->aggregate == AGGREGATE_MIN,
    };
    if (feature->column < 0)
        return output;
    const struct column *column = &entity->columns[feature->column];
    output.column_bit = UINT32_C(1) << feature->column;
    output.type = column->value_type;
    output.scale = scale_of(column);
    output.divisor = (double)output.scale; /* exact: 5^18 has 42 bits */
    return output;
}

void outputs_fill(struct entity_plan *entity) {
    uint16_t used = 0;
    for (unsigned kind = 0; kind < OUTPUT_KIND_COUNT; kind++) {
        entity->output_starts[kind] = used;
        for (size_t i = 0; i < entity->feature_count; i++)
            if (kind_of(entity->features[i].aggregate) == kind)
                entity->outputs[used++] = output_of(entity, i);
    }
    entity->output_starts[OUTPUT_KIND_COUNT] = used;
}
