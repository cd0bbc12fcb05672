#include "ranges.h"

#include "core/base/check.h"

#include <stdlib.h>

#define FIRST_COUNT 65536u

static size_t common_length(struct text a, struct text b) {
    size_t shorter = a.length < b.length ? a.length : b.length, i = 0;
    while (i < shorter && a.data[i] == b.data[i])
        i++;
    return i;
}

static int compare_numbers(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Builds the table of cuts by a number's upper 16 bits. With it, most lookups need one comparison
 * or none, instead of a binary search whose every branch is mispredicted. */
static void fill_first(struct ranges *ranges) {
    ranges->first = check_calloc(FIRST_COUNT + 1, sizeof *ranges->first);
    size_t before = 0;
    for (size_t i = 0; i < FIRST_COUNT; i++) {
        while (before < ranges->cut_count && ranges->cuts[before] < (uint64_t)i << 48)
            before++;
        ranges->first[i] = (uint16_t)before;
    }
    ranges->first[FIRST_COUNT] = (uint16_t)ranges->cut_count;
}

/* prefix_bits and prefix_mask are the prefix's first eight bytes, so that one comparison of a
 * 64-bit word tells most keys with the prefix from the others. */
static void set_prefix(struct ranges *ranges, struct text prefix) {
    ranges->prefix_length = prefix.length;
    memcpy(ranges->prefix, prefix.data, prefix.length);
    size_t length = prefix.length < 8 ? prefix.length : 8;
    memcpy(&ranges->prefix_bits, prefix.data, length);
    memset(&ranges->prefix_mask, 0xff, length);
}

/* The longest common prefix of the sample. */
static void take_prefix(struct ranges *ranges, const struct text *sample, size_t sample_count) {
    size_t length = sample[0].length;
    for (size_t i = 1; i < sample_count; i++) {
        size_t common = common_length(sample[0], sample[i]);
        length = common < length ? common : length;
    }
    set_prefix(ranges,
               (struct text){.data = sample[0].data,
                             .length = length < RANGES_PREFIX_MAX ? length : RANGES_PREFIX_MAX});
}

/* Cuts at the quantiles of the sample. Equal quantiles make one cut, so there may be fewer ranges
 * than wanted. */
static void take_cuts(struct ranges *ranges, const struct text *sample, size_t sample_count,
                      size_t wanted) {
    uint64_t *numbers = check_calloc(sample_count, sizeof *numbers);
    for (size_t i = 0; i < sample_count; i++)
        numbers[i] = ranges_number_at(sample[i], ranges->prefix_length);
    qsort(numbers, sample_count, sizeof *numbers, compare_numbers);
    uint64_t last = 0;
    for (size_t i = 1; i < wanted; i++) {
        uint64_t cut = numbers[i * sample_count / wanted];
        if (cut > last)
            last = ranges->cuts[ranges->cut_count++] = cut;
    }
    free(numbers);
}

static void finish(struct ranges *ranges) {
    ranges->count = ranges->cut_count + 1 + (ranges->prefix_length > 0 ? 2 : 0);
    fill_first(ranges);
}

void ranges_init(struct ranges *ranges, const struct text *sample, size_t sample_count,
                 size_t wanted) {
    *ranges = (struct ranges){0};
    if (wanted > RANGES_MAX)
        wanted = RANGES_MAX;
    ranges->cuts = check_calloc(wanted + 1, sizeof *ranges->cuts);
    if (sample_count > 0 && wanted > 1) {
        take_prefix(ranges, sample, sample_count);
        take_cuts(ranges, sample, sample_count, wanted);
    }
    finish(ranges);
}

void ranges_restore(struct ranges *ranges, struct text prefix, const uint64_t *cuts,
                    size_t cut_count) {
    check(prefix.length <= RANGES_PREFIX_MAX && cut_count < RANGES_MAX);
    *ranges = (struct ranges){.cut_count = cut_count};
    ranges->cuts = check_calloc(cut_count + 2, sizeof *ranges->cuts);
    memcpy(ranges->cuts, cuts, cut_count * sizeof *cuts);
    if (prefix.length)
        set_prefix(ranges, prefix);
    finish(ranges);
}

void ranges_deinit(struct ranges *ranges) {
    free(ranges->cuts);
    free(ranges->first);
    *ranges = (struct ranges){0};
}

/* How many cuts are at or before the number. */
static size_t find_number(const struct ranges *ranges, uint64_t number) {
    const uint16_t *first = &ranges->first[number >> 48];
    size_t found = first[0], left = (size_t)first[1] - found;
    if (left <= 1) /* the usual case, computed without a branch on the data */
        return found + (left & (ranges->cuts[found] <= number));
    while (left > 0) {
        size_t half = (left + 1) / 2;
        found = ranges->cuts[found + half - 1] <= number ? found + half : found;
        left -= half;
    }
    return found;
}

/* The fast test: prefix and key both allow comparing one word. false means "compare properly". */
static bool has_short_prefix(const struct ranges *ranges, struct text key) {
    uint64_t bits;
    if (key.length < sizeof bits || ranges->prefix_length > sizeof bits)
        return false;
    memcpy(&bits, key.data, sizeof bits);
    return ((bits ^ ranges->prefix_bits) & ranges->prefix_mask) == 0;
}

size_t ranges_find(const struct ranges *ranges, struct text key, struct text *ret_rest) {
    size_t length = ranges->prefix_length;
    if (!has_short_prefix(ranges, key)) {
        size_t shorter = key.length < length ? key.length : length;
        int order = shorter ? memcmp(key.data, ranges->prefix, shorter) : 0;
        *ret_rest = key;
        if (order < 0 || (order == 0 && key.length < length))
            return 0;
        if (order > 0)
            return ranges->count - 1;
    }
    *ret_rest = (struct text){.data = key.data + length, .length = key.length - length};
    return find_number(ranges, ranges_number_at(key, length)) + (length > 0);
}

/* The least text behind all that begin with the prefix. There is none behind bytes of all ones, and
 * no key that would need it. */
static size_t put_behind_prefix(const struct ranges *ranges, char *at) {
    size_t length = ranges->prefix_length;
    memcpy(at, ranges->prefix, length);
    while (length > 1 && (uint8_t)at[length - 1] == 0xff)
        length--;
    at[length - 1] = (char)((uint8_t)at[length - 1] + 1);
    return length;
}

struct text ranges_begin(const struct ranges *ranges, size_t range,
                         char ret_key[RANGES_PREFIX_MAX + 8]) {
    check(range < ranges->count);
    bool has_outer = ranges->prefix_length > 0;
    size_t length = 0;
    if (has_outer && range == ranges->count - 1) {
        length = put_behind_prefix(ranges, ret_key);
    } else if (range > 0) {
        length = ranges->prefix_length;
        memcpy(ret_key, ranges->prefix, length);
        size_t cut = range - has_outer;
        /* Trailing zeros are left out: a key that ends there has no such bytes, and the shorter
         * text is the lesser one. */
        for (uint64_t number = cut ? ranges->cuts[cut - 1] : 0; number; number <<= 8)
            ret_key[length++] = (char)(number >> 56);
    }
    return (struct text){.data = ret_key, .length = length};
}
