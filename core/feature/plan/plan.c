/* Aggregates, and checking a plan.
 *
 * What this deliberately does not do: parse anything, or own memory. policy/ compiles feature files
 * to a plan and keeps it in a snapshot. */
#include "plan.h"

#include <inttypes.h>

static const struct aggregate_rule {
    const char *name;
    enum column_use column;
    bool takes_outcomes;
    uint16_t needs;
} aggregates[AGGREGATE_TYPE_COUNT] = {
    [AGGREGATE_COUNT] = {"count", COLUMN_NONE, true, NEED_COUNT},
    [AGGREGATE_SUM] = {"sum", COLUMN_NUMBER, true, NEED_COUNT | NEED_SUM},
    [AGGREGATE_MEAN] = {"mean", COLUMN_NUMBER, true, NEED_COUNT | NEED_SUM},
    [AGGREGATE_MIN] = {"min", COLUMN_ORDERED, false, NEED_EXTREMES},
    [AGGREGATE_MAX] = {"max", COLUMN_ORDERED, false, NEED_EXTREMES},
    [AGGREGATE_STDDEV] = {"stddev", COLUMN_NUMBER, true, NEED_COUNT | NEED_SUM | NEED_SQUARES},
    [AGGREGATE_DISTINCT] = {"distinct", COLUMN_COMPARED, false, NEED_DISTINCT | NEED_MATCH},
    [AGGREGATE_FIRST] = {"first", COLUMN_SHOWN, false, NEED_EDGES},
    [AGGREGATE_LAST] = {"last", COLUMN_SHOWN, false, NEED_EDGES},
    [AGGREGATE_SECONDS_SINCE_FIRST] = {"seconds_since_first", COLUMN_NONE, false, NEED_EDGES},
    [AGGREGATE_SECONDS_SINCE_LAST] = {"seconds_since_last", COLUMN_NONE, false, NEED_EDGES},
    [AGGREGATE_SHARE] = {"share", COLUMN_NONE, true, NEED_COUNT},
    [AGGREGATE_IS_NEW] = {"is_new", COLUMN_COMPARED, false, NEED_MATCH},
    [AGGREGATE_QUANTILE] = {"quantile", COLUMN_NUMBER, true, NEED_QUANTILES},
    [AGGREGATE_DISTANCE] = {"distance", COLUMN_PLACED, false, NEED_EDGES},
    [AGGREGATE_SPEED] = {"speed", COLUMN_PLACED, false, NEED_EDGES},
    [AGGREGATE_BURST] = {"burst", COLUMN_NONE, false, NEED_COUNT | NEED_EDGES},
};

const char *aggregate_name(enum aggregate aggregate) {
    return (size_t)aggregate < AGGREGATE_TYPE_COUNT ? aggregates[aggregate].name : "unknown";
}

enum aggregate aggregate_parse(struct text name) {
    int i = 0;
    while (i < AGGREGATE_TYPE_COUNT && !text_is(name, aggregates[i].name))
        i++;
    return (enum aggregate)i;
}

enum column_use aggregate_column_use(enum aggregate aggregate) {
    return aggregates[aggregate].column;
}

bool aggregate_needs_column(enum aggregate aggregate) {
    return aggregates[aggregate].column != COLUMN_NONE;
}

uint16_t aggregate_needs(enum aggregate aggregate) {
    return aggregates[aggregate].needs;
}

bool aggregate_takes_outcomes(enum aggregate aggregate) {
    return aggregates[aggregate].takes_outcomes;
}

enum value_type feature_value_type(const struct entity_plan *entity,
                                   const struct feature *feature) {
    switch (feature->aggregate) {
    case AGGREGATE_COUNT:
    case AGGREGATE_DISTINCT:
    case AGGREGATE_DISTANCE:
        return VALUE_INT;
    case AGGREGATE_SUM:
        return entity->columns[feature->column].value_type == VALUE_DOUBLE ? VALUE_DOUBLE
                                                                           : VALUE_INT;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_FIRST:
    case AGGREGATE_LAST:
    case AGGREGATE_QUANTILE:
        return entity->columns[feature->column].value_type;
    case AGGREGATE_IS_NEW:
        return VALUE_BOOL;
    case AGGREGATE_MEAN:
    case AGGREGATE_STDDEV:
    case AGGREGATE_SECONDS_SINCE_FIRST:
    case AGGREGATE_SECONDS_SINCE_LAST:
    case AGGREGATE_SHARE:
    case AGGREGATE_SPEED:
    case AGGREGATE_BURST:
    case AGGREGATE_TYPE_COUNT:
        break;
    }
    return VALUE_DOUBLE;
}

/* Checks. Each sets the error without saying where; the caller puts entity and feature in front. */

static int check_column(const struct column *column, struct error *ret_error) {
    const char *type = value_type_name(column->value_type);
    bool fits = false;
    switch (column->type) {
    case COLUMN_INTEGER:
        fits = column->value_type == VALUE_INT || column->value_type == VALUE_BOOL ||
               column->value_type == VALUE_TIMESTAMP || column->value_type == VALUE_DOUBLE;
        break;
    case COLUMN_HASH:
        fits = column->value_type != VALUE_ABSENT && column->value_type != VALUE_ERROR;
        break;
    case COLUMN_TEXT:
        fits = column->value_type == VALUE_TEXT;
        break;
    case COLUMN_PLACE:
        fits = column->value_type == VALUE_ABSENT;
        break;
    }
    if (!fits)
        return error_set(ret_error, ERROR_INVALID, "a value of type %s cannot be kept this way",
                         type);
    bool fixed_point = column->type == COLUMN_INTEGER && column->value_type == VALUE_DOUBLE;
    if (column->digits > (fixed_point ? PLAN_DIGITS_MAX : 0))
        return error_set(ret_error, ERROR_INVALID, "%d decimal digits, at most %d are possible",
                         column->digits, fixed_point ? PLAN_DIGITS_MAX : 0);
    return 0;
}

static bool column_serves(const struct column *column, enum column_use use) {
    switch (use) {
    case COLUMN_NUMBER:
        return column->type == COLUMN_INTEGER && column->value_type != VALUE_TIMESTAMP;
    case COLUMN_ORDERED:
        return column->type == COLUMN_INTEGER;
    case COLUMN_COMPARED:
        return column->type == COLUMN_INTEGER || column->type == COLUMN_HASH;
    case COLUMN_SHOWN:
        return column->type == COLUMN_INTEGER || column->type == COLUMN_TEXT;
    case COLUMN_PLACED:
        return column->type == COLUMN_PLACE;
    case COLUMN_NONE:
        break;
    }
    return false;
}

static int check_feature_column(const struct entity_plan *entity, const struct feature *feature,
                                struct error *ret_error) {
    const char *name = aggregates[feature->aggregate].name;
    enum column_use use = aggregates[feature->aggregate].column;
    if (use == COLUMN_NONE) {
        if (feature->column != -1)
            return error_set(ret_error, ERROR_INVALID, "%s takes no field", name);
        return 0;
    }
    if (feature->column == -1)
        return error_set(ret_error, ERROR_INVALID, "%s needs a field", name);
    if (feature->column < 0 || (size_t)feature->column >= entity->column_count)
        return error_set(ret_error, ERROR_INVALID, "field number %d, the entity has %zu",
                         feature->column, entity->column_count);
    const struct column *column = &entity->columns[feature->column];
    if (!column_serves(column, use)) {
        static const char *const kept[] = {"number", "hash", "text", "place"};
        return error_set(ret_error, ERROR_INVALID,
                         "%s cannot be taken of %" TEXT_FORMAT " (%s, kept as %s)", name,
                         TEXT_ARGS(column->source), value_type_name(column->value_type),
                         kept[column->type]);
    }
    return 0;
}

static int check_feature_filter(const struct entity_plan *entity, const struct feature *feature,
                                int filter, const char *role, struct error *ret_error) {
    if (filter == -1)
        return 0;
    if (filter < 0 || (size_t)filter >= entity->filter_count)
        return error_set(ret_error, ERROR_INVALID, "%s number %d, the entity has %zu", role, filter,
                         entity->filter_count);
    if (entity->filters[filter].outcome && !aggregate_takes_outcomes(feature->aggregate))
        return error_set(ret_error, ERROR_INVALID,
                         "%s cannot filter on the outcome, which comes late",
                         aggregate_name(feature->aggregate));
    return 0;
}

static int check_feature_times(const struct feature *feature, struct error *ret_error) {
    if (feature->window_us <= 0)
        return error_set(ret_error, ERROR_INVALID, "the window must be longer than 0");
    if (feature->delay_us < 0)
        return error_set(ret_error, ERROR_INVALID, "the delay must not be negative");
    if (feature->window_us > PLAN_WINDOW_US_MAX ||
        feature->delay_us > PLAN_WINDOW_US_MAX - feature->window_us)
        return error_set(ret_error, ERROR_INVALID, "window and delay together exceed %d days",
                         (int)(PLAN_WINDOW_US_MAX / 86400 / 1000000));
    return 0;
}

/* What only one aggregate has. */
static int check_feature_own(const struct feature *feature, struct error *ret_error) {
    const char *name = aggregate_name(feature->aggregate);
    bool quantile = feature->aggregate == AGGREGATE_QUANTILE;
    bool burst = feature->aggregate == AGGREGATE_BURST;
    if (feature->aggregate == AGGREGATE_SHARE && feature->part == -1)
        return error_set(ret_error, ERROR_INVALID, "share needs a condition to take the share of");
    if (feature->aggregate != AGGREGATE_SHARE && feature->part != -1)
        return error_set(ret_error, ERROR_INVALID, "only share has a part, this is %s", name);
    if (!quantile && feature->q_parts != 0)
        return error_set(ret_error, ERROR_INVALID, "only quantile has a q, this is %s", name);
    if (quantile && (feature->q_parts == 0 || feature->q_parts >= PLAN_Q_PARTS))
        return error_set(ret_error, ERROR_INVALID, "q is %u/%u; expected a number between 0 and 1",
                         feature->q_parts, PLAN_Q_PARTS);
    if (!burst && feature->tick_us != 0)
        return error_set(ret_error, ERROR_INVALID, "only burst has a tick, this is %s", name);
    if (burst && (feature->tick_us <= 0 || feature->tick_us >= feature->window_us))
        return error_set(ret_error, ERROR_INVALID,
                         "the tick must be longer than 0 and shorter than the window");
    return 0;
}

static int check_feature(const struct entity_plan *entity, const struct feature *feature,
                         struct error *ret_error) {
    int r;
    if ((unsigned)feature->aggregate >= AGGREGATE_TYPE_COUNT)
        return error_set(ret_error, ERROR_INVALID, "no such aggregate: number %d",
                         (int)feature->aggregate);
    if ((r = check_feature_column(entity, feature, ret_error)) < 0 ||
        (r = check_feature_filter(entity, feature, feature->filter, "filter", ret_error)) < 0 ||
        (r = check_feature_filter(entity, feature, feature->part, "part", ret_error)) < 0 ||
        (r = check_feature_times(feature, ret_error)) < 0 ||
        (r = check_feature_own(feature, ret_error)) < 0)
        return r;
    enum value_type type = feature_value_type(entity, feature);
    enum value_type default_type = feature->default_value.type;
    if (default_type != VALUE_ABSENT && default_type != type)
        return error_set(ret_error, ERROR_INVALID, "the default is of type %s, the feature %s",
                         value_type_name(default_type), value_type_name(type));
    return 0;
}

static int check_limit(size_t count, size_t max, const char *what, struct error *ret_error) {
    if (count > max)
        return error_set(ret_error, ERROR_INVALID, "%zu %s, at most %zu are possible", count, what,
                         max);
    return 0;
}

static int check_features(const struct entity_plan *entity, struct error *ret_error) {
    for (size_t i = 0; i < entity->feature_count; i++) {
        const struct feature *feature = &entity->features[i];
        int r = check_feature(entity, feature, ret_error);
        if (r == 0 && feature->name.length == 0)
            r = error_set(ret_error, ERROR_INVALID, "number %zu has no name", i);
        for (size_t j = 0; r == 0 && j < i; j++)
            if (text_equal(feature->name, entity->features[j].name))
                r = error_set(ret_error, ERROR_INVALID, "the name is used twice");
        if (r < 0)
            return error_prefix(ret_error, "feature %" TEXT_FORMAT, TEXT_ARGS(feature->name));
    }
    return 0;
}

static int check_entity(const struct entity_plan *entity, struct error *ret_error) {
    int r;
    if (entity->name.length == 0)
        return error_set(ret_error, ERROR_INVALID, "it has no name");
    if (entity->key.length == 0)
        return error_set(ret_error, ERROR_INVALID, "it has no key");
    if ((r = check_limit(entity->column_count, PLAN_COLUMNS_MAX, "fields to keep", ret_error)) <
            0 ||
        (r = check_limit(entity->filter_count, PLAN_FILTERS_MAX, "filters", ret_error)) < 0 ||
        (r = check_limit(entity->feature_count, PLAN_FEATURES_MAX, "features", ret_error)) < 0)
        return r;
    for (size_t i = 0; i < entity->column_count; i++)
        if ((r = check_column(&entity->columns[i], ret_error)) < 0)
            return error_prefix(ret_error, "field %" TEXT_FORMAT,
                                TEXT_ARGS(entity->columns[i].source));
    return check_features(entity, ret_error);
}

int plan_check(const struct plan *plan, struct error *ret_error) {
    int r = check_limit(plan->entity_count, PLAN_ENTITIES_MAX, "entities", ret_error);
    if (r < 0)
        return r;
    if (plan->lateness_us < 0 || plan->lateness_us > PLAN_LATENESS_US_MAX)
        return error_set(ret_error, ERROR_INVALID, "the lateness must be between 0 and %d days",
                         (int)(PLAN_LATENESS_US_MAX / 86400 / 1000000));
    for (size_t i = 0; i < plan->entity_count; i++) {
        const struct entity_plan *entity = &plan->entities[i];
        r = check_entity(entity, ret_error);
        for (size_t j = 0; r == 0 && j < i; j++)
            if (text_equal(entity->name, plan->entities[j].name))
                r = error_set(ret_error, ERROR_INVALID, "the name is used twice");
        if (r < 0)
            return error_prefix(ret_error, "entity %" TEXT_FORMAT, TEXT_ARGS(entity->name));
    }
    return 0;
}
