#include "threshold_value.h"

#include <math.h>

bool threshold_value_read(const struct snapshot *snapshot, size_t index, const struct value *frame,
                          struct arena *arena, struct threshold_value *ret_value) {
    const struct threshold *threshold = &snapshot->thresholds[index];
    struct text parts[THRESHOLD_KEYS_MAX];
    for (size_t i = 0; i < threshold->key_count; i++) {
        const struct value *v = &frame[threshold->key_slots[i]];
        if (v->type != VALUE_TEXT)
            return false;
        parts[i] = v->text;
    }
    struct text key = threshold_key(parts, threshold->key_count, ret_value->key);
    if (!key.data)
        return false;
    if (threshold->where) {
        struct value passes = expression_eval(threshold->where, frame, arena);
        if (passes.type != VALUE_BOOL || !passes.boolean)
            return false;
    }
    struct value v = expression_eval(threshold->of, frame, arena);
    double number = v.type == VALUE_DOUBLE ? v.number : (double)v.integer;
    if ((v.type != VALUE_DOUBLE && v.type != VALUE_INT) || !isfinite(number))
        return false;
    ret_value->threshold = index;
    ret_value->key_length = key.length;
    ret_value->value = number;
    return true;
}

/* The product stays below 2^64 for fewer than 1.8 × 10^13 values. */
uint64_t threshold_rank(uint32_t quantile_e6, uint64_t count) {
    return (quantile_e6 * count + 999999) / 1000000;
}

struct threshold_values threshold_values_of(const struct threshold *threshold) {
    return (struct threshold_values){.name = threshold->name,
                                     .definition = threshold->definition,
                                     .key_count = (uint32_t)threshold->key_count};
}

int threshold_too_many_groups(const struct threshold *threshold, size_t memory_bytes,
                              struct error *ret_error) {
    return error_set(ret_error, ERROR_TOO_LARGE,
                     "threshold \"%" TEXT_FORMAT
                     "\": its groups take more than a quarter of the %zu MiB of memory; group by a "
                     "field with fewer values, or allow more memory",
                     TEXT_ARGS(threshold->name), memory_bytes >> 20);
}
