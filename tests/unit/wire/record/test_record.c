/* Archive records: random ones survive the bytes, and the bytes are a function of the record alone.
 */
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"
#include "tests/unit/wire/damage.h"
#include "tests/unit/wire/random_wire.h"
#include "tests/unit/wire/wire_json.h"

#define ARENA_BYTES ((size_t)1 << 20)

static uint64_t steps(void) {
    return asked_steps(3000);
}

static void round_trip(void **state) {
    (void)state;
    struct arena made, decoded;
    struct buffer buffer, again;
    arena_init(&made, ARENA_BYTES);
    arena_init(&decoded, ARENA_BYTES);
    buffer_init(&buffer);
    buffer_init(&again);
    size_t seen[RECORD_TYPE_COUNT] = {0};
    for (unsigned long step = 0; step < steps(); step++) {
        struct random random = {.state = step};
        struct record record = random_record(&random, &made), copy;
        struct error error;
        seen[record.type]++;
        buffer_clear(&buffer);
        record_encode(&record, &buffer);
        if (record_decode(record.type, buffer.bytes, buffer.length, &decoded, &copy, &error) < 0)
            fail_msg("seed %lu: %s", step, error.text);
        assert_int_equal(copy.type, record.type);
        assert_int_equal(copy.position, 0);
        char what[64];
        snprintf(what, sizeof what, "%s record, seed %lu", record_type_name(record.type), step);
        assert_json_equal(what, record_json(&copy), record_json(&record));
        if (record.type == RECORD_TRANSACTION) {
            assert_true(
                transaction_equal(&copy.transaction.transaction, &record.transaction.transaction));
            assert_true(text_equal(copy.transaction.decision.transaction_id,
                                   record.transaction.transaction.id));
        }
        /* What lies elsewhere in memory has the same bytes. */
        buffer_clear(&again);
        record_encode(&copy, &again);
        assert_int_equal(again.length, buffer.length);
        assert_memory_equal(again.bytes, buffer.bytes, buffer.length);
        arena_reset(&made);
        arena_reset(&decoded);
    }
    for (size_t type = RECORD_TRANSACTION; type < RECORD_TYPE_COUNT && steps() >= 100; type++)
        assert_true(seen[type] > 0);
    buffer_deinit(&buffer);
    buffer_deinit(&again);
    arena_deinit(&made);
    arena_deinit(&decoded);
}

/* In place or copied, a transaction's record says the same; no other record is read in place. */
static void in_place(void **state) {
    (void)state;
    struct arena made, decoded;
    struct buffer buffer;
    arena_init(&made, ARENA_BYTES);
    arena_init(&decoded, ARENA_BYTES);
    buffer_init(&buffer);
    for (unsigned long step = 0; step < steps(); step++) {
        struct random random = {.state = step};
        struct record record = random_record(&random, &made), copy;
        buffer_clear(&buffer);
        record_encode(&record, &buffer);
        bool is_read =
            record_read_in_place(record.type, buffer.bytes, buffer.length, &decoded, &copy);
        /* The few that an erasure has rewritten are left to the other decoder. */
        assert_int_equal(is_read, record.type == RECORD_TRANSACTION &&
                                      !record.transaction.transaction.erased);
        if (is_read) {
            char what[64];
            snprintf(what, sizeof what, "in place, seed %lu", step);
            assert_json_equal(what, record_json(&copy), record_json(&record));
            assert_int_equal(copy.position, 0);
            int64_t at_us = 0;
            bool has_time = record_read_event_time(buffer.bytes, buffer.length, &at_us);
            assert_int_equal(has_time, record.transaction.transaction.event_time_us != 0);
            assert_int_equal(at_us, record.transaction.transaction.event_time_us);
            assert_true(text_equal(copy.transaction.decision.transaction_id,
                                   record.transaction.transaction.id));
            const char *id = copy.transaction.transaction.id.data;
            assert_true(id > (const char *)buffer.bytes &&
                        id < (const char *)buffer.bytes + buffer.length);
        }
        arena_reset(&made);
        arena_reset(&decoded);
    }
    buffer_deinit(&buffer);
    arena_deinit(&made);
    arena_deinit(&decoded);
}

/* Whatever the bytes: what is read in place is a record to the other decoder too, and the same. */
static void in_place_as_decoded(void **state) {
    (void)state;
    struct arena made, decoded;
    struct buffer buffer, again, in_place_again;
    arena_init(&made, ARENA_BYTES);
    arena_init(&decoded, ARENA_BYTES);
    buffer_init(&buffer);
    buffer_init(&again);
    buffer_init(&in_place_again);
    unsigned long read = 0, left = 0;
    for (unsigned long step = 0; step < 10 * steps(); step++) {
        struct random random = {.state = step};
        struct record record = {.type = RECORD_TRANSACTION}, in_place_copy, copy;
        struct error error;
        do
            record = random_record(&random, &made);
        while (record.type != RECORD_TRANSACTION);
        buffer_clear(&buffer);
        record_encode(&record, &buffer);
        for (uint64_t spoilt = 1 + random_below(&random, 3); spoilt > 0 && buffer.length; spoilt--)
            damage_bytes(&random, &buffer);
        /* In memory of its own, so that a sanitizer sees a read behind it. */
        uint8_t *exact = malloc(buffer.length + !buffer.length);
        assert_non_null(exact);
        if (buffer.length > 0)
            memcpy(exact, buffer.bytes, buffer.length);
        if (record_read_in_place(record.type, exact, buffer.length, &decoded, &in_place_copy)) {
            read++;
            if (record_decode(record.type, buffer.bytes, buffer.length, &decoded, &copy, &error) <
                0)
                fail_msg("seed %lu: %s", step, error.text);
            /* As bytes: the texts need not be fit for JSON. */
            buffer_clear(&again);
            buffer_clear(&in_place_again);
            record_encode(&copy, &again);
            record_encode(&in_place_copy, &in_place_again);
            if (again.length != in_place_again.length ||
                memcmp(again.bytes, in_place_again.bytes, again.length) != 0)
                fail_msg("seed %lu: read in place, it is another record", step);
            assert_true(text_equal(in_place_copy.transaction.decision.transaction_id,
                                   copy.transaction.decision.transaction_id));
        } else {
            left++;
        }
        free(exact);
        arena_reset(&made);
        arena_reset(&decoded);
    }
    assert_true(steps() < 100 || (read > steps() / 4 && left > steps() / 4));
    buffer_deinit(&buffer);
    buffer_deinit(&again);
    buffer_deinit(&in_place_again);
    arena_deinit(&made);
    arena_deinit(&decoded);
}

/* Fields in another order are left to the decoder that knows all orders. */
static void in_place_or_not(void **state) {
    (void)state;
    static const uint8_t other_order[] = {0x12, 0x03, 0x0a, 0x01, 'x', 0x08, 0x07};
    struct arena arena;
    struct record record;
    struct error error;
    arena_init(&arena, ARENA_BYTES);
    int64_t at_us;
    assert_false(record_read_event_time(other_order, sizeof other_order, &at_us));
    assert_false(
        record_read_in_place(RECORD_TRANSACTION, other_order, sizeof other_order, &arena, &record));
    assert_int_equal(record_decode_in_place(RECORD_TRANSACTION, other_order, sizeof other_order,
                                            &arena, &record, &error),
                     0);
    assert_int_equal(record.receive_time_us, 7);
    assert_true(text_is(record.transaction.transaction.id, "x"));
    assert_int_equal(
        record_decode_in_place(RECORD_TRANSACTION, other_order, 4, &arena, &record, &error),
        -ERROR_DAMAGED);
    assert_int_equal(record_decode_in_place(RECORD_TRANSACTION, "", 0, &arena, &record, &error),
                     -ERROR_DAMAGED);
    arena_deinit(&arena);
}

static void appends(void **state) {
    (void)state;
    struct record record = {.type = RECORD_ENGINE, .engine.version = TEXT_LITERAL("0.1.0")};
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append_u8(&buffer, 0xaa);
    record_encode(&record, &buffer);
    assert_int_equal(buffer.length, 1 + 7);
    assert_memory_equal(buffer.bytes,
                        "\xaa\x12\x05"
                        "0.1.0",
                        8);
    buffer_deinit(&buffer);
}

/* What the server must not archive does not slip in as a default either. */
static void position_and_timing_are_not_stored(void **state) {
    (void)state;
    struct decision decision = {.verdict = VERDICT_APPROVE, .score = 7};
    struct record plain = {.type = RECORD_TRANSACTION, .transaction.decision = decision};
    struct record busy = plain;
    busy.position = 99;
    busy.transaction.decision.position = 99;
    busy.transaction.decision.server_us = 12;
    busy.transaction.decision.duplicate = true;
    busy.transaction.decision.transaction_id = TEXT_LITERAL("elsewhere");
    struct buffer a, b;
    buffer_init(&a);
    buffer_init(&b);
    record_encode(&plain, &a);
    record_encode(&busy, &b);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.bytes, b.bytes, a.length);
    buffer_deinit(&a);
    buffer_deinit(&b);
}

static void limits(void **state) {
    (void)state;
    struct arena made, decoded;
    struct buffer buffer;
    struct record copy = {.position = 5};
    struct error error;
    arena_init(&made, ARENA_BYTES);
    arena_init(&decoded, 200);
    buffer_init(&buffer);
    struct random random = {.state = 3};
    struct record record = {.type = RECORD_TRANSACTION,
                            .transaction.transaction = random_transaction(&random, &made)};
    record_encode(&record, &buffer);
    assert_int_equal(
        record_decode(RECORD_TRANSACTION, buffer.bytes, buffer.length, &decoded, &copy, &error),
        -ERROR_TOO_LARGE);
    assert_int_equal(copy.position, 5); /* untouched */
    assert_true(decoded.used <= 200);
    assert_int_equal(
        record_decode((enum record_type)77, buffer.bytes, buffer.length, &decoded, &copy, &error),
        -ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "type 77: a newer version of Harrier"));
    buffer_deinit(&buffer);
    arena_deinit(&made);
    arena_deinit(&decoded);
}

static void names(void **state) {
    (void)state;
    assert_string_equal(record_type_name(RECORD_TRANSACTION), "transaction");
    assert_string_equal(record_type_name(RECORD_LIST_CHANGE), "list_change");
    assert_string_equal(record_type_name(RECORD_BRAKE), "brake");
    assert_string_equal(record_type_name(RECORD_EXPERIMENT), "experiment");
    assert_string_equal(record_type_name(RECORD_ERASURE), "erasure");
    assert_string_equal(record_type_name(RECORD_ENGINE), "engine");
    assert_string_equal(record_type_name((enum record_type)0), "unknown");
    assert_string_equal(record_type_name(RECORD_TYPE_COUNT), "unknown");
    for (enum record_type type = RECORD_TRANSACTION; type < RECORD_TYPE_COUNT; type++)
        assert_non_null(record_type_name(type));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(in_place),
        cmocka_unit_test(in_place_as_decoded),
        cmocka_unit_test(in_place_or_not),
        cmocka_unit_test(appends),
        cmocka_unit_test(position_and_timing_are_not_stored),
        cmocka_unit_test(limits),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
