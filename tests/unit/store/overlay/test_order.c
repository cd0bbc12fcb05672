/* Sorting against qsort() of the same keys. */
#include "core/store/overlay/order.h"

#include "tests/unit/unit.h"

#include <stdlib.h>

#define KEYS      5000
#define KEY_BYTES 40

static char keys[KEYS][KEY_BYTES];
static uint8_t lengths[KEYS];
static uint64_t seed = UINT64_C(0x2545f4914f6cdd1d);

static uint64_t draw(uint64_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static struct text key_of(const void *user, uint32_t number) {
    assert_ptr_equal(user, keys);
    return (struct text){.data = keys[number], .length = lengths[number]};
}

static int compare(const void *left, const void *right) {
    const struct order *a = left, *b = right;
    if (a->entity != b->entity)
        return a->entity < b->entity ? -1 : 1;
    return text_compare(key_of(keys, a->number), key_of(keys, b->number));
}

/* Long beginnings in common, few different bytes, and all lengths. */
static void make_key(uint32_t number, size_t common) {
    size_t length = common + draw(KEY_BYTES - common + 1);
    memset(keys[number], 'k', common);
    for (size_t i = common; i < length; i++)
        keys[number][i] = draw(2) ? (char)('0' + draw(10)) : (char)(draw(4) * 85);
    lengths[number] = (uint8_t)length;
}

static void keys_come_in_their_order(void **state) {
    (void)state;
    static struct order list[KEYS], expected[KEYS];
    for (int round = 0; round < 60; round++) {
        size_t count = round % 3 == 0 ? draw(40) : draw(KEYS), entities = 1 + draw(5);
        size_t common = draw(30);
        for (uint32_t i = 0; i < count; i++) {
            make_key(i, draw(50) == 0 ? common / 2 : common);
            list[i] = (struct order){.entity = (uint32_t)draw(entities), .number = i};
        }
        memcpy(expected, list, sizeof list);
        qsort(expected, count, sizeof *expected, compare);
        order_by_key(list, count, key_of, keys);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(list[i].entity, expected[i].entity);
            struct text key = key_of(keys, list[i].number);
            assert_true(key.length <= KEY_BYTES);
            /* Zeros at the end may be in any order: the prefix has them where a key has ended. */
            struct text other = key_of(keys, expected[i].number);
            while (key.length > 0 && key.data[key.length - 1] == 0)
                key.length--;
            while (other.length > 0 && other.data[other.length - 1] == 0)
                other.length--;
            assert_true(text_equal(key, other));
        }
    }
}

static void equal_prefixes_stay_as_they_came(void **state) {
    (void)state;
    static struct order list[KEYS];
    for (int round = 0; round < 20; round++) {
        size_t count = round % 2 ? draw(60) : draw(KEYS);
        uint64_t values = 1 + draw(500);
        for (uint32_t i = 0; i < count; i++)
            list[i] =
                (struct order){.prefix = draw(values) * UINT64_C(0x9e3779b97f4a7c15), .number = i};
        order_by_prefix(list, count);
        for (size_t i = 1; i < count; i++)
            assert_true(
                list[i - 1].prefix < list[i].prefix ||
                (list[i - 1].prefix == list[i].prefix && list[i - 1].number < list[i].number));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_in_their_order),
        cmocka_unit_test(equal_prefixes_stay_as_they_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
