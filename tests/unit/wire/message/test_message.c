/* Requests and responses: random ones survive the bytes; limits hold on both sides; bytes made to
 * hurt are refused within the arena's limit. (Cases with known bytes, truncations and mutations are
 * in test_cases.c.) */
#include "core/base/check.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"
#include "tests/unit/wire/random_wire.h"
#include "tests/unit/wire/wire_json.h"

static uint64_t steps(void) {
    return asked_steps(2000);
}

static void request_round_trip(void **state) {
    (void)state;
    struct arena made, decoded;
    struct buffer buffer;
    arena_init(&made, (size_t)4 << 20);
    arena_init(&decoded, MESSAGE_ARENA_LIMIT);
    buffer_init(&buffer);
    for (unsigned long step = 0; step < steps(); step++) {
        struct random random = {.state = step};
        struct request request = random_request(&random, &made), copy;
        struct error error;
        struct text field;
        buffer_clear(&buffer);
        if (message_encode_request(&request, &buffer, &error) < 0 ||
            message_decode_request(buffer.bytes, buffer.length, &decoded, &copy, &error) < 0)
            fail_msg("seed %lu: %s", step, error.text);
        assert_json_equal(call_name(request.call), request_json(&copy), request_json(&request));
        if (copy.call == CALL_SCORE)
            for (size_t i = 0; i < copy.score.transaction_count; i++)
                if (transaction_check(&copy.score.transactions[i], &field, &error) < 0)
                    fail_msg("seed %lu: %s", step, error.text);
        arena_reset(&made);
        arena_reset(&decoded);
    }
    buffer_deinit(&buffer);
    arena_deinit(&made);
    arena_deinit(&decoded);
}

static void response_round_trip(void **state) {
    (void)state;
    struct arena made, decoded;
    struct buffer buffer;
    arena_init(&made, (size_t)4 << 20);
    arena_init(&decoded, MESSAGE_RESPONSE_ARENA_LIMIT);
    buffer_init(&buffer);
    for (unsigned long step = 0; step < steps(); step++) {
        struct random random = {.state = step};
        struct response response = random_response(&random, &made), copy;
        struct error error;
        buffer_clear(&buffer);
        message_encode_response(&response, &buffer);
        if (message_decode_response(buffer.bytes, buffer.length, &decoded, &copy, &error) < 0)
            fail_msg("seed %lu: %s", step, error.text);
        assert_json_equal(call_name(response.call), response_json(&copy), response_json(&response));
        arena_reset(&made);
        arena_reset(&decoded);
    }
    buffer_deinit(&buffer);
    arena_deinit(&made);
    arena_deinit(&decoded);
}

/* A request in two parts is the request in one. */
static void head_and_rest_are_the_whole(void **state) {
    (void)state;
    static char long_token[MESSAGE_TOKEN_MAX];
    memset(long_token, 'k', sizeof long_token);
    const struct text tokens[] = {
        {0}, TEXT_LITERAL("a"), {long_token, 127}, {long_token, 128}, {long_token, 256}};
    const uint64_t deadlines[] = {0, 1, 127, 128, 3600000000, UINT64_MAX};
    struct buffer whole, parts;
    struct error error;
    buffer_init(&whole);
    buffer_init(&parts);
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens * 6; i++) {
        struct request request = {
            .deadline_us = deadlines[i % 6],
            .token = tokens[i / 6],
            .traceparent =
                i % 2 ? TEXT_LITERAL("00-00000000000000000000000000000001-0000000000000001-01")
                      : (struct text){0},
            .call = CALL_STATUS,
            .status.state_hash = true};
        buffer_clear(&whole);
        buffer_clear(&parts);
        assert_int_equal(message_encode_request(&request, &whole, &error), 0);
        parts.length = message_encode_head(request.deadline_us, request.token,
                                           buffer_reserve(&parts, MESSAGE_HEAD_MAX));
        assert_int_equal(message_encode_rest(&request, &parts, &error), 0);
        assert_int_equal(parts.length, whole.length);
        assert_memory_equal(parts.bytes, whole.bytes, whole.length);
    }
    buffer_deinit(&whole);
    buffer_deinit(&parts);
}

static int encode_batch(size_t count, struct buffer *buffer, struct error *ret_error) {
    struct transaction *transactions = check_calloc(count + 1, sizeof *transactions);
    for (size_t i = 0; i < count; i++)
        transactions[i] = (struct transaction){.id = TEXT_LITERAL("t"), .event_time_us = 1};
    struct request request = {.call = CALL_SCORE,
                              .score = {.transactions = transactions, .transaction_count = count}};
    int r = message_encode_request(&request, buffer, ret_error);
    free(transactions);
    return r;
}

static void batch_limits_of_the_sender(void **state) {
    (void)state;
    struct buffer buffer;
    struct error error;
    buffer_init(&buffer);
    assert_int_equal(encode_batch(1000, &buffer, &error), 0);
    assert_int_equal(encode_batch(1001, &buffer, &error), -ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "1001; expected at most 1000"));
    assert_int_equal(encode_batch(0, &buffer, &error), -ERROR_INVALID);
    struct request none = {.call = CALL_NONE};
    assert_int_equal(message_encode_request(&none, &buffer, &error), -ERROR_INVALID);
    struct request outcomes = {.call = CALL_REPORT_OUTCOME};
    assert_int_equal(message_encode_request(&outcomes, &buffer, &error), -ERROR_INVALID);
    struct request entity = {.call = CALL_GET_ENTITY, .entity.entity = TEXT_LITERAL("card")};
    assert_int_equal(message_encode_request(&entity, &buffer, &error), -ERROR_INVALID);
    buffer_deinit(&buffer);
}

static void request_over_the_size_is_not_sent(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    static char long_text[3000];
    memset(long_text, 'x', sizeof long_text);
    struct transaction *transactions = check_calloc(COUNT, sizeof *transactions);
    for (size_t i = 0; i < COUNT; i++)
        transactions[i].id = (struct text){.data = long_text, .length = sizeof long_text};
    struct request request = {.call = CALL_SCORE,
                              .score = {.transactions = transactions, .transaction_count = COUNT}};
    struct buffer buffer;
    struct error error;
    buffer_init(&buffer);
    assert_int_equal(message_encode_request(&request, &buffer, &error), -ERROR_TOO_LARGE);
    assert_int_equal(buffer.length, 0);
    buffer_deinit(&buffer);
    free(transactions);
}

/* Decodes what must be refused; the arena's limit holds and the output stays as it was. */
static enum error_code refuse(const struct buffer *bytes, struct error *ret_error) {
    struct arena arena;
    struct request request = {.deadline_us = 42};
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    int r = message_decode_request(bytes->bytes, bytes->length, &arena, &request, ret_error);
    assert_true(r < 0);
    assert_int_equal(r, -(int)ret_error->code);
    assert_int_equal(request.deadline_us, 42);
    assert_true(arena.used <= MESSAGE_ARENA_LIMIT);
    arena_deinit(&arena);
    return ret_error->code;
}

/* protocol 1, then Request.score holding `body` once or, claimed, `length` bytes */
static void begin_score(struct buffer *out, uint64_t length) {
    buffer_clear(out);
    buffer_append(out, "\x08\x01\x52", 3);
    buffer_append_varint(out, length);
}

static void too_many_transactions(void **state) {
    (void)state;
    struct buffer out;
    struct error error;
    buffer_init(&out);
    begin_score(&out, 2 * 1001);
    for (int i = 0; i < 1001; i++)
        buffer_append(&out, "\x0a\x00", 2);
    assert_int_equal(refuse(&out, &error), ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "transactions: 1001"));
    /* A million of them, two bytes each: stopped by memory before they can be counted. */
    begin_score(&out, 2 * 1000000);
    for (int i = 0; i < 1000000; i++)
        buffer_append(&out, "\x0a\x00", 2);
    assert_int_equal(refuse(&out, &error), ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "memory"));
    buffer_deinit(&out);
}

/* protocol 1, then a call that has `count` empty messages in its field 1 */
static void make_call(struct buffer *out, unsigned number, unsigned count) {
    buffer_clear(out);
    buffer_append(out, "\x08\x01", 2);
    buffer_append_varint(out, number << 3 | 2);
    buffer_append_varint(out, 2 * count);
    for (unsigned i = 0; i < count; i++)
        buffer_append(out, "\x0a\x00", 2);
}

/* Calls of many things: the limit itself is not too many. */
static void too_many_in_one_call(void **state) {
    (void)state;
    static const struct {
        unsigned number; /* of the call in harrier.proto */
        const char *missing, *too_many;
    } calls[] = {
        {10, "transactions are missing; expected 1 to 1000",
         "transactions: 1001; expected at most 1000"},
        {11, "outcomes are missing; expected 1 to 1000", "outcomes: 1001; expected at most 1000"},
        {14, "changes are missing; expected 1 to 1000", "changes: 1001; expected at most 1000"},
        {18, "amendments are missing; expected 1 to 1000",
         "amendments: 1001; expected at most 1000"},
        {24, "items are missing; expected 1 to 1000", "items: 1001; expected at most 1000"},
    };
    struct buffer out;
    struct error error;
    buffer_init(&out);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct arena arena;
        struct request request;
        make_call(&out, calls[i].number, 0);
        assert_int_equal(refuse(&out, &error), ERROR_INVALID);
        assert_string_equal(error.text, calls[i].missing);
        make_call(&out, calls[i].number, 1001);
        assert_int_equal(refuse(&out, &error), ERROR_TOO_LARGE);
        assert_string_equal(error.text, calls[i].too_many);
        make_call(&out, calls[i].number, 1000);
        arena_init(&arena, MESSAGE_ARENA_LIMIT);
        int r = message_decode_request(out.bytes, out.length, &arena, &request, &error);
        assert_int_equal(r, 0);
        arena_deinit(&arena);
    }
    buffer_deinit(&out);
}

static void too_many_of_other_things(void **state) {
    (void)state;
    struct buffer body, out;
    struct error error;
    buffer_init(&body);
    buffer_init(&out);
    /* attributes of one transaction, empty */
    for (int i = 0; i < 600000; i++)
        buffer_append(&body, "\xf2\x01\x00", 3);
    begin_score(&out, 1 + varint_size(body.length) + body.length);
    buffer_append_u8(&out, 0x0a);
    buffer_append_varint(&out, body.length);
    buffer_append(&out, body.bytes, body.length);
    assert_int_equal(refuse(&out, &error), ERROR_TOO_LARGE);
    /* unknown fields */
    buffer_clear(&out);
    buffer_append(&out, "\x08\x01", 2);
    for (int i = 0; i < 1000000; i++)
        buffer_append(&out, "\x48\x00", 2);
    assert_int_equal(refuse(&out, &error), ERROR_TOO_LARGE);
    /* the same call again and again, of which only the last counts */
    buffer_clear(&out);
    buffer_append(&out, "\x08\x01", 2);
    for (int i = 0; i < 400000; i++)
        buffer_append(&out, "\x52\x02\x0a\x00", 4);
    assert_int_equal(refuse(&out, &error), ERROR_TOO_LARGE);
    buffer_deinit(&body);
    buffer_deinit(&out);
}

static void hostile_lengths(void **state) {
    (void)state;
    static const uint64_t lengths[] = {
        1, 0x7f, 0xffff, INT32_MAX, UINT32_MAX, (uint64_t)UINT32_MAX + 1, INT64_MAX, UINT64_MAX};
    struct buffer out;
    struct error error;
    buffer_init(&out);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        begin_score(&out, lengths[i]); /* and nothing behind it */
        assert_int_equal(refuse(&out, &error), ERROR_INVALID);
        /* one level deeper: a transaction's id */
        begin_score(&out, 3 + varint_size(lengths[i]));
        buffer_append_u8(&out, 0x0a);
        buffer_append_varint(&out, 1 + varint_size(lengths[i]));
        buffer_append_u8(&out, 0x0a);
        buffer_append_varint(&out, lengths[i]);
        assert_int_equal(refuse(&out, &error), ERROR_INVALID);
    }
    /* a varint without end, field number 0, a group */
    buffer_clear(&out);
    buffer_append(&out, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 13);
    assert_int_equal(refuse(&out, &error), ERROR_INVALID);
    buffer_clear(&out);
    buffer_append(&out, "\x08\x01\x7b\x7c", 4);
    assert_int_equal(refuse(&out, &error), ERROR_INVALID);
    buffer_deinit(&out);
}

static void oversize(void **state) {
    (void)state;
    struct buffer out;
    struct error error;
    buffer_init(&out);
    memset(buffer_reserve(&out, MESSAGE_SIZE_MAX + 1), 0, MESSAGE_SIZE_MAX + 1);
    out.length = MESSAGE_SIZE_MAX + 1;
    assert_int_equal(refuse(&out, &error), ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "2097153 bytes"));
    struct arena arena;
    struct response response;
    arena_init(&arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    /* looks at the size only, so that nothing of that size is needed here */
    assert_int_equal(message_decode_response(out.bytes, MESSAGE_RESPONSE_SIZE_MAX + 1, &arena,
                                             &response, &error),
                     -ERROR_TOO_LARGE);
    arena_deinit(&arena);
    buffer_deinit(&out);
}

/* The promise beside MESSAGE_ARENA_LIMIT: a full batch of full transactions can be decoded. */
static void largest_lawful_request_fits(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    static char names[TRANSACTION_ATTRIBUTES_MAX][3];
    static struct attribute attributes[TRANSACTION_ATTRIBUTES_MAX];
    for (size_t i = 0; i < TRANSACTION_ATTRIBUTES_MAX; i++) {
        names[i][0] = (char)('a' + i / 26);
        names[i][1] = (char)('a' + i % 26);
        attributes[i] = (struct attribute){.name = text_of(names[i]),
                                           .type = ATTRIBUTE_TEXT,
                                           .text = TEXT_LITERAL("0123456789abcdef0")};
    }
    struct transaction *transactions = check_calloc(COUNT, sizeof *transactions);
    for (size_t i = 0; i < COUNT; i++) {
        struct transaction *transaction = &transactions[i];
        *transaction = (struct transaction){.id = TEXT_LITERAL("an id of usual length, 1234567890"),
                                            .event_time_us = INT64_C(1767225600000000),
                                            .amount_minor = TRANSACTION_AMOUNT_MINOR_MAX,
                                            .currency = TEXT_LITERAL("EUR"),
                                            .has_location = true,
                                            .latitude_e7 = -1,
                                            .attributes = attributes,
                                            .attribute_count = TRANSACTION_ATTRIBUTES_MAX};
        for (size_t field = 0; field < FIELD_COUNT; field++)
            transaction->fields[field] = TEXT_LITERAL("0123456789abcdef0123");
    }
    struct request request = {.call = CALL_SCORE,
                              .score = {.transactions = transactions, .transaction_count = COUNT}};
    struct buffer buffer;
    struct arena arena;
    struct request copy;
    struct error error;
    buffer_init(&buffer);
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    if (message_encode_request(&request, &buffer, &error) < 0)
        fail_msg("%s", error.text);
    assert_true(buffer.length > MESSAGE_SIZE_MAX / 10 * 9);
    if (message_decode_request(buffer.bytes, buffer.length, &arena, &copy, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(copy.score.transaction_count, COUNT);
    assert_true(transaction_equal(&copy.score.transactions[COUNT - 1], &transactions[0]));
    buffer_deinit(&buffer);
    arena_deinit(&arena);
    free(transactions);
}

static void decoded_copies_outlive_the_bytes(void **state) {
    (void)state;
    struct transaction transaction = {.id = {.data = "a\0b", .length = 3}, .event_time_us = 1};
    struct request request = {.call = CALL_SCORE,
                              .score = {.transactions = &transaction, .transaction_count = 1}};
    struct buffer buffer;
    struct arena arena;
    struct request copy;
    struct error error;
    buffer_init(&buffer);
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    assert_int_equal(message_encode_request(&request, &buffer, &error), 0);
    assert_int_equal(message_decode_request(buffer.bytes, buffer.length, &arena, &copy, &error), 0);
    memset(buffer.bytes, 0xee, buffer.length);
    /* and a NUL inside a text cuts nothing */
    assert_true(text_equal(copy.score.transactions[0].id, transaction.id));
    buffer_deinit(&buffer);
    arena_deinit(&arena);
}

static void long_texts_of_a_response_are_cut(void **state) {
    (void)state;
    static char text[1201];
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "é", 2);
    struct reason reason = {.rule = TEXT_LITERAL("r"), .text = {.data = text, .length = 1200}};
    struct score_result results[] = {
        {.decision = {.reasons = &reason, .reason_count = 1}},
        {.error = {.code = ERROR_INVALID, .message = {.data = text + 1, .length = 1199}}},
    };
    struct response response = {.call = CALL_SCORE, .score = {.results = results, .count = 2}};
    struct response copy;
    struct buffer buffer;
    struct arena arena;
    struct error error;
    buffer_init(&buffer);
    arena_init(&arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    message_encode_response(&response, &buffer);
    assert_int_equal(message_decode_response(buffer.bytes, buffer.length, &arena, &copy, &error),
                     0);
    assert_int_equal(copy.score.results[0].decision.reasons[0].text.length, REASON_TEXT_MAX);
    /* byte 1000 is in the middle of an é */
    assert_int_equal(copy.score.results[1].error.message.length, 999);
    buffer_deinit(&buffer);
    arena_deinit(&arena);
}

static void response_over_the_size_becomes_an_error(void **state) {
    (void)state;
    enum { FEATURES = 300, RESULTS = 1000 };
    static struct named_value features[FEATURES];
    for (size_t i = 0; i < FEATURES; i++)
        features[i] = (struct named_value){.name = TEXT_LITERAL("customer.mean_amount_30d"),
                                           .value = value_double(0.1)};
    struct score_result *results = check_calloc(RESULTS, sizeof *results);
    for (size_t i = 0; i < RESULTS; i++) {
        results[i].decision.features = features;
        results[i].decision.feature_count = FEATURES;
    }
    struct response response = {.call = CALL_SCORE,
                                .score = {.results = results, .count = RESULTS}};
    struct response copy;
    struct buffer buffer;
    struct arena arena;
    struct error error;
    buffer_init(&buffer);
    arena_init(&arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    message_encode_response(&response, &buffer);
    assert_int_equal(message_decode_response(buffer.bytes, buffer.length, &arena, &copy, &error),
                     0);
    assert_int_equal(copy.error.code, ERROR_TOO_LARGE);
    /* just below it goes through, and fits the arena */
    response.score.count = 700;
    buffer_clear(&buffer);
    arena_reset(&arena);
    message_encode_response(&response, &buffer);
    assert_true(buffer.length > MESSAGE_RESPONSE_SIZE_MAX / 10 * 9);
    assert_int_equal(message_decode_response(buffer.bytes, buffer.length, &arena, &copy, &error),
                     0);
    assert_int_equal(copy.score.count, 700);
    buffer_deinit(&buffer);
    arena_deinit(&arena);
    free(results);
}

static void errors_for_the_wire(void **state) {
    (void)state;
    struct arena arena;
    struct error error;
    arena_init(&arena, 4096);
    error_set(&error, ERROR_NOT_FOUND, "no such card");
    struct wire_error wire = wire_error_from(&error, TEXT_LITERAL("key"), &arena);
    memset(&error.text, 'z', sizeof error.text);
    assert_int_equal(wire.code, ERROR_NOT_FOUND);
    assert_true(text_is(wire.message, "no such card"));
    assert_true(text_is(wire.field, "key"));
    arena_deinit(&arena);
    /* no room left in the arena: still an error with a word */
    arena_init(&arena, 0);
    error_set(&error, ERROR_UNAVAILABLE, "draining");
    wire = wire_error_from(&error, TEXT_LITERAL("key"), &arena);
    assert_int_equal(wire.code, ERROR_UNAVAILABLE);
    assert_true(text_is(wire.message, "unavailable"));
    assert_int_equal(wire.field.length, 0);
    arena_deinit(&arena);
    /* what the wire has no code for is a defect of ours to the client */
    struct response response = {.error = {.code = ERROR_DAMAGED, .message = TEXT_LITERAL("m")}};
    struct response copy;
    struct buffer buffer;
    buffer_init(&buffer);
    arena_init(&arena, 4096);
    message_encode_response(&response, &buffer);
    assert_int_equal(message_decode_response(buffer.bytes, buffer.length, &arena, &copy, &error),
                     0);
    assert_int_equal(copy.error.code, ERROR_INTERNAL);
    /* a code of a later version too; its sentence is kept */
    assert_int_equal(message_decode_response("\x0a\x05\x08\x63\x1a\x01!", 7, &arena, &copy, &error),
                     0);
    assert_int_equal(copy.error.code, ERROR_INTERNAL);
    assert_true(text_is(copy.error.message, "!"));
    buffer_deinit(&buffer);
    arena_deinit(&arena);
}

static void names(void **state) {
    (void)state;
    assert_string_equal(call_name(CALL_SCORE), "score");
    assert_string_equal(call_name(CALL_REPORT_OUTCOME), "report_outcome");
    assert_string_equal(call_name(CALL_COUNT), "none");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_round_trip),
        cmocka_unit_test(response_round_trip),
        cmocka_unit_test(head_and_rest_are_the_whole),
        cmocka_unit_test(batch_limits_of_the_sender),
        cmocka_unit_test(request_over_the_size_is_not_sent),
        cmocka_unit_test(too_many_transactions),
        cmocka_unit_test(too_many_in_one_call),
        cmocka_unit_test(too_many_of_other_things),
        cmocka_unit_test(hostile_lengths),
        cmocka_unit_test(oversize),
        cmocka_unit_test(largest_lawful_request_fits),
        cmocka_unit_test(decoded_copies_outlive_the_bytes),
        cmocka_unit_test(long_texts_of_a_response_are_cut),
        cmocka_unit_test(response_over_the_size_becomes_an_error),
        cmocka_unit_test(errors_for_the_wire),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
