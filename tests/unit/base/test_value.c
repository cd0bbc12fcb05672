/* Values: equality, hashing, and how they are printed. Errors ride along. */
#include "core/base/error.h"
#include "core/base/value.h"

#include "tests/unit/unit.h"

#include <math.h>

static const char *printed(struct value v) {
    static char string[64];
    int length = value_format(v, string, sizeof string);
    assert_int_equal(length, strlen(string));
    return string;
}

static void values_print_as_people_write_them(void **state) {
    (void)state;
    assert_string_equal(printed(value_double(0.1)), "0.1");
    assert_string_equal(printed(value_double(1000000)), "1000000");
    assert_string_equal(printed(value_double(1234567.5)), "1234567.5");
    assert_string_equal(printed(value_double(1e300)), "1e+300");
    assert_string_equal(printed(value_double(-0.25)), "-0.25");
    assert_string_equal(printed(value_double(NAN)), "nan");
    assert_string_equal(printed(value_double(-INFINITY)), "-inf");
    assert_string_equal(printed(value_int(INT64_MIN)), "-9223372036854775808");
    assert_string_equal(printed(value_bool(true)), "true");
    assert_string_equal(printed(value_absent()), "");
    assert_string_equal(printed(value_text(TEXT_LITERAL("abc"))), "abc");
    assert_string_equal(printed(value_timestamp(0)), "1970-01-01T00:00:00Z");
    assert_string_equal(printed(value_timestamp(-1)), "1969-12-31T23:59:59.999999Z");
    assert_string_equal(printed(value_timestamp(INT64_C(1522540800500000))),
                        "2018-04-01T00:00:00.500000Z");
    assert_string_equal(printed(value_duration(INT64_MIN)), "-9223372036854.775808s");
    assert_string_equal(printed(value_duration(90000000)), "90s");
}

static void doubles_read_back_exactly(void **state) {
    (void)state;
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double number;
        memcpy(&number, &bits, sizeof number);
        if (isnan(number))
            continue;
        assert_true(strtod(printed(value_double(number)), NULL) == number);
    }
}

static void equality_and_hash_agree(void **state) {
    (void)state;
    const struct value values[] = {
        value_absent(),
        value_bool(false),
        value_bool(true),
        value_int(0),
        value_int(1),
        value_double(0.0),
        value_double(-0.0),
        value_double(NAN),
        value_text(TEXT_LITERAL("")),
        value_text(TEXT_LITERAL("a")),
        value_timestamp(1),
        value_duration(1),
    };
    size_t count = sizeof values / sizeof *values;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(value_equal(values[i], values[j]), i == j);
            assert_int_equal(value_hash(values[i], 5) == value_hash(values[j], 5), i == j);
        }
}

/* What 0/0 is on one processor has a sign on another. */
static void any_nan_is_the_same(void **state) {
    (void)state;
    static const uint64_t bits[] = {UINT64_C(0x7ff8000000000000), UINT64_C(0xfff8000000000000),
                                    UINT64_C(0x7ff8000000000001), UINT64_C(0xffffffffffffffff)};
    struct value first = value_double(0), other = first;
    memcpy(&first.number, &bits[0], sizeof bits[0]);
    for (size_t i = 1; i < sizeof bits / sizeof *bits; i++) {
        memcpy(&other.number, &bits[i], sizeof bits[i]);
        assert_true(value_equal(first, other));
        assert_true(value_hash(first, 5) == value_hash(other, 5));
        assert_true(values_hash(&first, 1) == values_hash(&other, 1));
    }
}

/* As Python's xxhash has them, over bytes that struct.pack() made. */
static void many_hash_as_archives_have_them(void **state) {
    (void)state;
    const struct value values[] = {
        value_absent(),
        value_bool(false),
        value_bool(true),
        value_int(0),
        value_int(-7),
        value_double(2.5),
        value_double(-0.0),
        value_text((struct text){0}),
        value_text(TEXT_LITERAL("last country")),
        value_timestamp(INT64_C(1767225600000000)),
        value_duration(-1),
        {.type = VALUE_ERROR, .error_code = 3},
    };
    struct value many[100];
    for (size_t i = 0; i < 100; i++)
        many[i] = value_int((int64_t)i);
    assert_true(values_hash(NULL, 0) == 0);
    assert_true(values_hash(values, sizeof values / sizeof *values) ==
                UINT64_C(0x9767d076af6cc69a));
    assert_true(values_hash(many, 64) == UINT64_C(0x84495de7f28b5040));
    assert_true(values_hash(many, 100) == UINT64_C(0x4ed26502cc1fe737));
}

/* A frame's slot keeps the bytes of what was there before that a smaller value does not cover. */
static void bytes_beside_a_value_are_not_hashed(void **state) {
    (void)state;
    static const int codes[] = {0, 3};
    struct value values[5], clean[5];
    for (unsigned filler = 0; filler < 256; filler += 51) {
        memset(values, (int)filler, sizeof values);
        memset(clean, 0, sizeof clean);
        for (size_t i = 0; i < 2; i++) {
            uint8_t is = (uint8_t)i;
            values[i].type = clean[i].type = VALUE_BOOL;
            memcpy(&values[i].boolean, &is, 1);
            memcpy(&clean[i].boolean, &is, 1);
            values[2 + i].type = clean[2 + i].type = VALUE_ERROR;
            memcpy(&values[2 + i].error_code, &codes[i], sizeof codes[i]);
            memcpy(&clean[2 + i].error_code, &codes[i], sizeof codes[i]);
        }
        values[4].type = clean[4].type = VALUE_ABSENT;
        assert_true(values_hash(values, 5) == values_hash(clean, 5));
        for (size_t i = 0; i < 5; i++)
            assert_true(value_hash(values[i], 5) == value_hash(clean[i], 5));
    }
}

static void errors_say_where_first(void **state) {
    (void)state;
    struct error error;
    assert_int_equal(error_set(&error, ERROR_INVALID, "line %d", 7), -ERROR_INVALID);
    assert_int_equal(error_prefix(&error, "file %s", "x"), -ERROR_INVALID);
    assert_string_equal(error.text, "file x: line 7");
    assert_int_equal(error_set_errno(&error, 2, "open"), -ERROR_SYSTEM);
    assert_string_equal(error.text, "open: No such file or directory");
    char longest[2000];
    memset(longest, 'y', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    error_set(&error, ERROR_INVALID, "%s", longest);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    error_prefix(&error, "here");
    assert_int_equal(strncmp(error.text, "here: yyy", 9), 0);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    for (int code = 1; code < ERROR_CODE_COUNT; code++)
        assert_non_null(error_code_name((enum error_code)code));
}

/* Items in a list or map: struct value_items with so many of them. */
struct three {
    size_t count;
    struct value values[3];
};

static struct value with_items(enum value_type type, const struct three *items) {
    return (struct value){.type = type, .items = (const struct value_items *)items};
}

static void lists_and_maps(void **state) {
    (void)state;
    struct three ints = {2, {value_int(1), value_int(2)}}, fewer = {1, {value_int(1)}};
    struct three others = {2, {value_int(1), value_double(2)}}, none = {0};
    struct value list = with_items(VALUE_LIST, &ints), map = with_items(VALUE_MAP, &ints);
    struct three nested = {2, {list, with_items(VALUE_LIST, &none)}};
    struct value outer = with_items(VALUE_LIST, &nested);
    assert_true(value_equal(list, with_items(VALUE_LIST, &ints)));
    assert_false(value_equal(list, map));
    assert_false(value_equal(list, with_items(VALUE_LIST, &fewer)));
    assert_false(value_equal(list, with_items(VALUE_LIST, &others)));
    assert_true(value_hash(list, 0) == value_hash(with_items(VALUE_LIST, &ints), 0));
    assert_true(value_hash(list, 0) != value_hash(map, 0));
    assert_true(value_hash(list, 0) != value_hash(with_items(VALUE_LIST, &others), 0));
    char string[40];
    assert_int_equal(value_format(outer, string, sizeof string), 12);
    assert_string_equal(string, "[[1, 2], []]");
    assert_int_equal(value_format(map, string, sizeof string), 6);
    assert_string_equal(string, "{1: 2}");
    for (size_t size = 1; size < 14; size++) { /* cut like snprintf, and never beyond */
        memset(string, '#', sizeof string);
        assert_int_equal(value_format(outer, string, size), 12);
        assert_int_equal(strlen(string), size <= 12 ? size - 1 : 12);
        assert_int_equal(string[size], '#');
    }
    assert_int_equal(value_format(outer, NULL, 0), 12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_and_maps),
        cmocka_unit_test(values_print_as_people_write_them),
        cmocka_unit_test(doubles_read_back_exactly),
        cmocka_unit_test(equality_and_hash_agree),
        cmocka_unit_test(any_nan_is_the_same),
        cmocka_unit_test(many_hash_as_archives_have_them),
        cmocka_unit_test(bytes_beside_a_value_are_not_hashed),
        cmocka_unit_test(errors_say_where_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
