#include "night_histogram.h"

#include "core/base/hash.h"
#include "core/model/stability.h"

#include <math.h>

#define ZERO      ((size_t)NIGHT_SIDE_BINS)
#define ABSENT    ((size_t)NIGHT_BINS - 1)
#define TEXT_BINS 64
#define LOWEST    (-32) /* exponent */
#define TENTHS    10

static size_t number_bin(double number) {
    int exponent;
    if (isnan(number))
        return ABSENT;
    if (isinf(number))
        return number > 0 ? ZERO + NIGHT_SIDE_BINS : 0;
    double fraction = frexp(fabs(number), &exponent); /* in [0.5, 1) */
    if (number == 0 || exponent < LOWEST)
        return ZERO;
    if (exponent >= LOWEST + NIGHT_OCTAVES)
        return number > 0 ? ZERO + NIGHT_SIDE_BINS : 0;
    size_t step = (size_t)(exponent - LOWEST) * 8 + (size_t)((fraction - 0.5) * 16) + 1;
    return number > 0 ? ZERO + step : ZERO - step;
}

size_t night_histogram_bin(struct value value) {
    switch (value.type) {
    case VALUE_BOOL:
        return value.boolean ? ZERO + 1 : ZERO;
    case VALUE_INT:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        return number_bin((double)value.integer);
    case VALUE_DOUBLE:
        return number_bin(value.number);
    case VALUE_TEXT:
        return ZERO + hash_text(value.text) % TEXT_BINS;
    case VALUE_ABSENT:
    case VALUE_ERROR:
    case VALUE_LIST:
    case VALUE_MAP:
        break;
    }
    return ABSENT;
}

void night_histogram_add(struct night_histogram *to, const struct night_histogram *from) {
    for (size_t i = 0; i < NIGHT_BINS; i++)
        to->counts[i] += from->counts[i];
}

uint64_t night_histogram_total(const struct night_histogram *histogram) {
    uint64_t total = 0;
    for (size_t i = 0; i < NIGHT_BINS; i++)
        total += histogram->counts[i];
    return total;
}

/* A group ends as soon as it has a tenth of the values; absent ones are a group of their own. */
bool night_histogram_compare(const struct night_histogram *before,
                             const struct night_histogram *now, double *ret_index,
                             double *ret_noise) {
    uint64_t groups_before[TENTHS + 2] = {0}, groups_now[TENTHS + 2] = {0};
    uint64_t n_before = night_histogram_total(before), n_now = night_histogram_total(now);
    uint64_t present = n_before - before->counts[ABSENT];
    size_t group = 1; /* 0: absent */
    if (n_before == 0 || n_now == 0)
        return false;
    groups_before[0] = before->counts[ABSENT];
    groups_now[0] = now->counts[ABSENT];
    for (size_t i = 0; i < ABSENT; i++) {
        groups_before[group] += before->counts[i];
        groups_now[group] += now->counts[i];
        if (group < TENTHS && groups_before[group] > 0 && groups_before[group] * TENTHS >= present)
            group++;
    }
    *ret_index = stability_index(groups_before, groups_now, group + 1);
    *ret_noise = stability_noise(n_before, n_now, group + 1);
    return true;
}

void night_histogram_encode(const struct night_histogram *histogram, struct buffer *out) {
    uint64_t used = 0;
    for (size_t i = 0; i < NIGHT_BINS; i++)
        used += histogram->counts[i] > 0;
    buffer_append_varint(out, used);
    for (size_t i = 0; i < NIGHT_BINS; i++)
        if (histogram->counts[i] > 0) {
            buffer_append_varint(out, i);
            buffer_append_varint(out, histogram->counts[i]);
        }
}

void night_histogram_decode(struct cursor *cursor, struct night_histogram *histogram) {
    uint64_t used = cursor_varint(cursor);
    for (uint64_t i = 0; i < used && !cursor->failed; i++) {
        uint64_t bin = cursor_varint(cursor), count = cursor_varint(cursor);
        if (bin >= NIGHT_BINS || count > UINT32_MAX)
            cursor->failed = true;
        else
            histogram->counts[bin] = (uint32_t)count;
    }
}
