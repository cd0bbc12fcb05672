/* The client library has value types of its own, so that its users need none of the core's
 * headers. */
#include "feature_value.h"

struct value feature_value(const struct harrier_feature *feature) {
    switch (feature->type) {
    case HARRIER_VALUE_FLAG:
        return value_bool(feature->value.flag);
    case HARRIER_VALUE_INTEGER:
        return value_int(feature->value.integer);
    case HARRIER_VALUE_NUMBER:
        return value_double(feature->value.number);
    case HARRIER_VALUE_TEXT:
        return value_text(text_of(feature->value.text));
    case HARRIER_VALUE_TIMESTAMP:
        return value_timestamp(feature->value.integer);
    case HARRIER_VALUE_DURATION:
        return value_duration(feature->value.integer);
    case HARRIER_VALUE_ABSENT:
        break;
    }
    return value_absent();
}
