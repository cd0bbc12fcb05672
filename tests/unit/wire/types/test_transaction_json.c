/* Transactions as JSON, read by jansson: those that are valid value for value, and what JSON has no
 * words for as an object, which no reader takes for a value. */
#include "core/wire/types/transaction_json.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"
#include "tests/unit/wire/random_wire.h"

#include <jansson.h>
#include <math.h>

static json_t *written(const struct transaction *transaction, const struct card_masking *masking) {
    struct buffer buffer;
    json_error_t error;
    buffer_init(&buffer);
    buffer_append_u8(&buffer, '{');
    transaction_json_add(&buffer, transaction, masking);
    buffer_append_u8(&buffer, '}');
    json_t *object =
        json_loadb((char *)buffer.bytes, buffer.length, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        fail_msg("%.*s: %s", (int)buffer.length, buffer.bytes, error.text);
    buffer_deinit(&buffer);
    return object;
}

static void check_text(const json_t *object, const char *name, struct text text) {
    const json_t *value = json_object_get(object, name);
    if (text.length == 0) {
        assert_null(value);
        return;
    }
    assert_int_equal(json_string_length(value), text.length);
    assert_memory_equal(json_string_value(value), text.data, text.length);
}

static void check_attribute(const json_t *attributes, const struct attribute *attribute) {
    const json_t *value =
        json_object_getn(attributes, attribute->name.data, attribute->name.length);
    switch (attribute->type) {
    case ATTRIBUTE_TEXT:
        assert_true(json_is_string(value));
        assert_int_equal(json_string_length(value), attribute->text.length);
        break;
    case ATTRIBUTE_INTEGER:
        assert_true(json_is_integer(value) && json_integer_value(value) == attribute->integer);
        break;
    case ATTRIBUTE_NUMBER: /* the same double, and never an integer */
        assert_true(json_is_real(value) && json_real_value(value) == attribute->number);
        break;
    case ATTRIBUTE_FLAG:
        assert_true(json_is_boolean(value) && json_is_true(value) == attribute->flag);
        break;
    case ATTRIBUTE_NONE:
        fail();
    }
}

static void valid_ones_are_read_value_for_value(void **state) {
    (void)state;
    struct random random = {asked_seed(3)};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (uint64_t step = asked_steps(5000); step > 0; step--) {
        arena_reset(&arena);
        struct transaction transaction = random_transaction(&random, &arena);
        json_t *object = written(&transaction, NULL);
        check_text(object, "id", transaction.id);
        check_text(object, "currency", transaction.currency);
        for (enum transaction_field field = 0; field < FIELD_COUNT; field++)
            check_text(object, transaction_field_name(field), transaction.fields[field]);
        assert_true(json_is_string(json_object_get(object, "event_time")));
        const json_t *amount = json_object_get(object, "amount_minor");
        assert_int_equal(json_integer_value(amount), transaction.amount_minor);
        const json_t *latitude = json_object_get(object, "latitude");
        assert_int_equal(latitude != NULL, transaction.has_location);
        if (latitude)
            assert_int_equal(lround(json_number_value(latitude) * 1e7), transaction.latitude_e7);
        const json_t *attributes = json_object_get(object, "attributes");
        assert_int_equal(json_object_size(attributes), transaction.attribute_count);
        for (size_t i = 0; i < transaction.attribute_count; i++)
            check_attribute(attributes, &transaction.attributes[i]);
        json_decref(object);
    }
    arena_deinit(&arena);
}

/* The member is an object with this one member. */
static void check_object(const json_t *object, const char *name, const char *why,
                         const char *expected) {
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_object(value));
    assert_int_equal(json_object_size(value), 1);
    const json_t *text = json_object_get(value, why);
    if (expected)
        assert_string_equal(json_string_value(text), expected);
    else
        assert_true(json_is_true(text));
}

static void what_json_cannot_say_is_no_value(void **state) {
    (void)state;
    static const struct attribute attributes[] = {
        {.name = {"nan", 3}, .type = ATTRIBUTE_NUMBER, .number = NAN},
        {.name = {"far", 3}, .type = ATTRIBUTE_NUMBER, .number = -INFINITY},
        {.name = {"none", 4}, .type = ATTRIBUTE_NONE},
        {.name = {"bytes", 5}, .type = ATTRIBUTE_TEXT, .text = {"a\xff\x01", 3}},
        {.name = {"control", 7}, .type = ATTRIBUTE_TEXT, .text = {"\x01\x7f", 2}},
        {.name = {"nul", 3}, .type = ATTRIBUTE_TEXT, .text = {"\x01\0", 2}},
    };
    struct transaction transaction = {.id = {"\xe9", 1},
                                      .event_time_us = -5,
                                      .amount_minor = -7,
                                      .attributes = attributes,
                                      .attribute_count = 5};
    json_t *object = written(&transaction, NULL);
    check_object(object, "id", "not_text", "\xef\xbf\xbd");
    /* No time of RFC 3339, so no reader takes it. */
    assert_int_equal(json_integer_value(json_object_get(object, "event_time")), -5);
    assert_int_equal(json_integer_value(json_object_get(object, "amount_minor")), -7);
    const json_t *members = json_object_get(object, "attributes");
    check_object(members, "nan", "not_a_number", "nan");
    check_object(members, "far", "not_a_number", "infinite");
    check_object(members, "none", "missing", NULL);
    check_object(members, "bytes", "not_text", "a\xef\xbf\xbd\x01");
    assert_string_equal(json_string_value(json_object_get(members, "control")), "\x01\x7f");
    json_decref(object);
    /* U+0000 is an escape, which jansson takes only when it is told to. */
    struct buffer buffer;
    buffer_init(&buffer);
    transaction.attributes = attributes + 5;
    transaction.attribute_count = 1;
    transaction_json_add(&buffer, &transaction, NULL);
    buffer_append_u8(&buffer, 0);
    assert_non_null(strstr((char *)buffer.bytes, "\"nul\":{\"not_text\":\"\\u0001\\u0000\"}"));
    buffer_deinit(&buffer);
}

static bool only_merchant(const struct card_masking *self, struct text name,
                          enum attribute_type type) {
    (void)self;
    return type == ATTRIBUTE_NONE ? text_is(name, "merchant") : text_is(name, "counter");
}

static void card_numbers_are_masked(void **state) {
    (void)state;
    const struct card_masking masking = {only_merchant};
    static const struct attribute attributes[] = {
        {.name = {"merchant", 8}, .type = ATTRIBUTE_TEXT, .text = {"4111111111111111", 16}},
        {.name = {"integer", 7}, .type = ATTRIBUTE_INTEGER, .integer = INT64_C(4111111111111111)},
        {.name = {"number", 6}, .type = ATTRIBUTE_NUMBER, .number = 4111111111111111.0},
        {.name = {"counter", 7}, .type = ATTRIBUTE_INTEGER, .integer = INT64_C(4111111111111111)},
        {.name = {"near", 4}, .type = ATTRIBUTE_TEXT, .text = {"4111111111111112", 16}},
        {.name = {"4111111111111111", 16}, .type = ATTRIBUTE_FLAG, .flag = true},
    };
    struct transaction transaction = {
        .id = {"t", 1}, .event_time_us = 1, .attributes = attributes, .attribute_count = 6};
    transaction.fields[FIELD_CARD] = text_of("5555 5555-5555 4444");
    transaction.fields[FIELD_MCC] = text_of("4111111111111111");
    transaction.fields[FIELD_MERCHANT] = text_of("4111111111111111");
    json_t *object = written(&transaction, &masking);
    check_object(object, "card", "masked", "**** ****-**** 4444");
    check_object(object, "mcc", "masked", "************1111");
    check_text(object, "merchant", transaction.fields[FIELD_MERCHANT]);
    const json_t *members = json_object_get(object, "attributes");
    check_object(members, "merchant", "masked", "************1111");
    check_object(members, "integer", "masked", "************1111");
    check_object(members, "number", "masked", "************1111");
    assert_true(json_is_integer(json_object_get(members, "counter")));
    assert_string_equal(json_string_value(json_object_get(members, "near")), "4111111111111112");
    assert_true(json_is_true(json_object_get(members, "************1111")));
    json_decref(object);
    object = written(&transaction, NULL); /* of an archive, which holds none that was refused */
    check_text(object, "card", transaction.fields[FIELD_CARD]);
    json_decref(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_ones_are_read_value_for_value),
        cmocka_unit_test(what_json_cannot_say_is_no_value),
        cmocka_unit_test(card_numbers_are_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
