/* Ranges: every key has one, in the order of the keys, and they begin where they say. */
#include "batch/base/ranges.h"
#include "core/base/check.h"
#include "tests/split_mix.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define KEYS    3000
#define KEY_MAX 24

struct keys {
    char bytes[KEYS][KEY_MAX];
    struct text keys[KEYS];
};

static int compare_keys(const void *left, const void *right) {
    return text_compare(*(const struct text *)left, *(const struct text *)right);
}

/* Sorted. `alike` of them begin with the prefix, in a hundred; what follows is one of few bytes, so
 * that there are keys that others begin with, and bytes of all ones. */
static struct keys *make_keys(uint64_t seed, const char *prefix, unsigned alike) {
    static const char few[] = {'\0', '0', '7', 'a', '\x7f', '\x80', '\xff'};
    struct keys *keys = check_calloc(1, sizeof *keys);
    for (size_t i = 0; i < KEYS; i++) {
        size_t length = 0;
        if (split_mix(&seed) % 100 < alike) {
            length = strlen(prefix);
            memcpy(keys->bytes[i], prefix, length);
        }
        size_t more = 1 + split_mix(&seed) % (KEY_MAX - length - 1);
        for (size_t j = 0; j < more; j++)
            keys->bytes[i][length++] = few[split_mix(&seed) % sizeof few];
        keys->keys[i] = (struct text){.data = keys->bytes[i], .length = length};
    }
    qsort(keys->keys, KEYS, sizeof *keys->keys, compare_keys);
    return keys;
}

/* The first `sampled` of every hundred keys are the sample. */
static void init_by_sample(struct ranges *ranges, const struct keys *keys, const char *prefix,
                           size_t wanted) {
    struct text *sample = check_calloc(KEYS, sizeof *sample);
    size_t count = 0, length = strlen(prefix);
    for (size_t i = 0; i < KEYS; i++)
        if (keys->keys[i].length > length && memcmp(keys->keys[i].data, prefix, length) == 0 &&
            i % 3 == 0)
            sample[count++] = keys->keys[i];
    ranges_init(ranges, sample, count, wanted);
    free(sample);
}

static void expect_order(const struct ranges *ranges, const struct keys *keys) {
    size_t last = 0;
    for (size_t i = 0; i < KEYS; i++) {
        struct text key = keys->keys[i], rest;
        size_t range = ranges_find(ranges, key, &rest);
        struct text prefix = ranges_prefix(ranges, range);
        assert_true(range >= last && range < ranges->count);
        assert_int_equal(prefix.length + rest.length, key.length);
        assert_memory_equal(key.data, prefix.data, prefix.length);
        assert_ptr_equal(rest.data, key.data + prefix.length);
        last = range;
    }
}

/* Reading from where a range begins finds its first key first. */
static void expect_beginnings(const struct ranges *ranges, const struct keys *keys) {
    for (size_t range = 0; range < ranges->count; range++) {
        char bytes[RANGES_PREFIX_MAX + 8];
        struct text begin = ranges_begin(ranges, range, bytes), ignored;
        size_t first = 0, sought = 0;
        while (first < KEYS && ranges_find(ranges, keys->keys[first], &ignored) != range)
            first++;
        while (sought < KEYS && text_compare(keys->keys[sought], begin) < 0)
            sought++;
        if (first < KEYS)
            assert_int_equal(sought, first);
        else if (sought < KEYS)
            assert_true(ranges_find(ranges, keys->keys[sought], &ignored) != range);
    }
}

static void keys_find_their_range(void **state) {
    (void)state;
    static const char *const prefixes[] = {"", "c_", "a\xff", "\xff", "a_long_prefix"};
    static const unsigned alike[] = {100, 50};
    static const size_t wanted[] = {0, 1, 2, 7, 100, 5000};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        for (size_t j = 0; j < 2; j++) {
            struct keys *keys = make_keys(i * 2 + j, prefixes[i], alike[j]);
            for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++) {
                struct ranges ranges;
                init_by_sample(&ranges, keys, prefixes[i], wanted[k]);
                assert_true(ranges.count <= (wanted[k] ? wanted[k] : 1) + 2);
                assert_true(wanted[k] != 7 || ranges.count >= 5);
                expect_order(&ranges, keys);
                expect_beginnings(&ranges, keys);
                ranges_deinit(&ranges);
            }
            free(keys);
        }
}

static void hashes_find_their_range(void **state) {
    (void)state;
    static const size_t counts[] = {1, 2, 3, 7, 64, 1000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (size_t range = 0; range < counts[i]; range++) {
            uint64_t begin = ranges_hash_begin(counts[i], range);
            assert_int_equal(ranges_find_hash(counts[i], begin), range);
            if (range > 0)
                assert_int_equal(ranges_find_hash(counts[i], begin - 1), range - 1);
        }
    assert_int_equal(ranges_find_hash(7, UINT64_MAX), 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_find_their_range),
        cmocka_unit_test(hashes_find_their_range),
    };
    return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
