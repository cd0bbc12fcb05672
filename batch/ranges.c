#include "ranges.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

uint64_t ranges_number_at(struct text key, size_t from) {
    uint64_t number = 0;
    if (key.length >= from + 8) {
        memcpy(&number, key.data + from, 8);
        return __builtin_bswap64(number);
    }
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | (from + i < key.length ? (uint8_t)key.data[from + i] : 0);
    return number;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ranges_number_at() swaps bytes");

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

void ranges_init(struct ranges *ranges, const struct text *sample, size_t sample_count,
                 size_t wanted) {
    *ranges = (struct ranges){.count = 1};
    if (sample_count == 0 || wanted < 2)
        return;
    size_t length = sample[0].length;
    for (size_t i = 1; i < sample_count; i++) {
        size_t common = common_length(sample[0], sample[i]);
        length = common < length ? common : length;
    }
    ranges->prefix_length = length < RANGES_PREFIX_MAX ? length : RANGES_PREFIX_MAX;
    memcpy(ranges->prefix, sample[0].data, ranges->prefix_length);
    uint64_t *numbers = check_calloc(sample_count, sizeof *numbers);
    for (size_t i = 0; i < sample_count; i++)
        numbers[i] = ranges_number_at(sample[i], ranges->prefix_length);
    qsort(numbers, sample_count, sizeof *numbers, compare_numbers);
    ranges->cuts = check_calloc(wanted, sizeof *ranges->cuts);
    for (size_t i = 1; i < wanted; i++) {
        uint64_t cut = numbers[i * sample_count / wanted];
        if (cut > (ranges->count > 1 ? ranges->cuts[ranges->count - 2] : 0))
            ranges->cuts[ranges->count++ - 1] = cut;
    }
    free(numbers);
}

void ranges_init_hashes(struct ranges *ranges, size_t wanted) {
    *ranges = (struct ranges){.count = wanted ? wanted : 1};
    ranges->cuts = check_calloc(ranges->count, sizeof *ranges->cuts);
    for (size_t i = 1; i < ranges->count; i++)
        ranges->cuts[i - 1] = (uint64_t)(((unsigned __int128)i << 64) / ranges->count);
}

void ranges_deinit(struct ranges *ranges) {
    free(ranges->cuts);
    *ranges = (struct ranges){0};
}

/* How many cuts are at or before it; without a branch that nobody could predict. */
size_t ranges_find_hash(const struct ranges *ranges, uint64_t hash) {
    size_t first = 0, left = ranges->count - 1;
    while (left > 0) {
        size_t half = (left + 1) / 2;
        first = ranges->cuts[first + half - 1] <= hash ? first + half : first;
        left -= half;
    }
    return first;
}

size_t ranges_find(const struct ranges *ranges, struct text key) {
    if (ranges->count == 1)
        return 0;
    size_t length = ranges->prefix_length;
    size_t shorter = key.length < length ? key.length : length;
    int order = memcmp(key.data, ranges->prefix, shorter);
    if (order < 0 || (order == 0 && key.length < length))
        return 0;
    if (order > 0)
        return ranges->count - 1;
    return ranges_find_hash(ranges, ranges_number_at(key, length));
}

struct text ranges_begin(const struct ranges *ranges, size_t range,
                         char ret_key[RANGES_PREFIX_MAX + 8]) {
    check(range < ranges->count);
    if (range == 0)
        return (struct text){.data = ret_key, .length = 0};
    memcpy(ret_key, ranges->prefix, ranges->prefix_length);
    uint64_t cut = ranges->cuts[range - 1];
    size_t length = ranges->prefix_length;
    /* Zeros at the end may stand for bytes that a key does not have. */
    for (; cut; cut <<= 8)
        ret_key[length++] = (char)(cut >> 56);
    return (struct text){.data = ret_key, .length = length};
}
