/* The fast reader and writer against the generated code of protobuf-c: the same bytes, the same
 * values, the same refusals with the same messages, for random messages and for damaged ones.
 *
 * HARRIER_STEPS: how many of each (3000); HARRIER_SEED: of the first one (0). */
#include "core/wire/message/message_bytes.h"
#include "tests/unit/unit.h"
#include "tests/unit/wire/damage.h"
#include "tests/unit/wire/random_wire.h"
#include "tests/unit/wire/repack.h"

static unsigned long from_environment(const char *name, unsigned long otherwise) {
    const char *asked = getenv(name);
    return asked ? strtoul(asked, NULL, 10) : otherwise;
}

static unsigned long first, steps;

/* What a test needs, made once. */
static struct arena made, by_hand, generated;
static struct buffer bytes, again, other;

static int set_up(void **state) {
    (void)state;
    steps = from_environment("HARRIER_STEPS", 3000);
    first = from_environment("HARRIER_SEED", 0);
    arena_init(&made, (size_t)4 << 20);
    arena_init(&by_hand, MESSAGE_RESPONSE_ARENA_LIMIT);
    arena_init(&generated, MESSAGE_RESPONSE_ARENA_LIMIT);
    buffer_init(&bytes);
    buffer_init(&again);
    buffer_init(&other);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&made);
    arena_deinit(&by_hand);
    arena_deinit(&generated);
    buffer_deinit(&bytes);
    buffer_deinit(&again);
    buffer_deinit(&other);
    return 0;
}

/* Little memory now and then: which of the two reads a message must not be seen in that either. */
static void forget(struct random *random, size_t limit) {
    buffer_clear(&bytes);
    buffer_clear(&again);
    buffer_clear(&other);
    arena_reset(&made);
    if (random_below(random, 8) == 0)
        limit = (size_t)random_below(random, limit / 8);
    arena_deinit(&by_hand);
    arena_deinit(&generated);
    arena_init(&by_hand, limit);
    arena_init(&generated, limit);
}

/* The calls that are read by hand, mostly. */
static struct request some_request(struct random *random) {
    struct request request;
    do
        request = random_request(random, &made);
    while (request.call != CALL_SCORE && request.call != CALL_REPORT_OUTCOME &&
           random_below(random, 20) > 0);
    return request;
}

static struct response some_response(struct random *random) {
    struct response response;
    do
        response = random_response(random, &made);
    while (response.error.code == 0 && response.call != CALL_SCORE &&
           response.call != CALL_REPORT_OUTCOME && random_below(random, 20) > 0);
    return response;
}

static void must_be_same(const char *what, unsigned long seed, const struct buffer *a,
                         const struct buffer *b) {
    if (a->length != b->length || (a->length && memcmp(a->bytes, b->bytes, a->length) != 0))
        fail_msg("seed %lu: %s: %zu and %zu bytes, or others", seed, what, a->length, b->length);
}

/* In memory of its own, so that a sanitizer sees a read behind it. */
static uint8_t *exact(const struct buffer *buffer) {
    uint8_t *copy = malloc(buffer->length + !buffer->length);
    assert_non_null(copy);
    if (buffer->length)
        memcpy(copy, buffer->bytes, buffer->length);
    return copy;
}

static void damage(struct random *random) {
    unsigned times = (unsigned)random_below(random, 3);
    for (unsigned i = 0; i < times; i++)
        damage_fields(random, &bytes);
    if (random_below(random, 4) == 0)
        damage_bytes(random, &bytes);
    if (random_below(random, 20) == 0) { /* merged with itself */
        buffer_append(&other, bytes.bytes, bytes.length);
        buffer_append(&bytes, other.bytes, other.length);
        buffer_clear(&other);
    }
}

static void requests_are_written_as_packed(void **state) {
    (void)state;
    unsigned long written = 0;
    for (unsigned long seed = first; seed < first + steps; seed++) {
        struct random random = {.state = seed};
        struct error error;
        forget(&random, MESSAGE_ARENA_LIMIT);
        struct request request = some_request(&random);
        bool head = random_below(&random, 2);
        buffer_append_u8(&bytes, 0xaa); /* it appends */
        buffer_append_u8(&again, 0xaa);
        assert_int_equal(message_pack_request(&request, head, &again, &error), 0);
        if (!message_write_request(&request, head, &bytes))
            continue;
        written++;
        must_be_same("written and packed", seed, &bytes, &again);
    }
    assert_true(steps < 100 || written > steps / 2);
}

static void responses_are_written_as_packed(void **state) {
    (void)state;
    unsigned long written = 0;
    for (unsigned long seed = first; seed < first + steps; seed++) {
        struct random random = {.state = seed};
        forget(&random, MESSAGE_RESPONSE_ARENA_LIMIT);
        struct response response = some_response(&random);
        buffer_append_u8(&bytes, 0xaa);
        buffer_append_u8(&again, 0xaa);
        message_pack_response(&response, &again);
        if (!message_write_response(&response, &bytes))
            continue;
        written++;
        must_be_same("written and packed", seed, &bytes, &again);
    }
    assert_true(steps < 100 || written > steps / 2);
}

/* That they mean the record, test_record.c shows: by unpacking them. */
static void records_are_written_as_packed(void **state) {
    (void)state;
    for (unsigned long seed = first; seed < first + steps; seed++) {
        struct random random = {.state = seed};
        forget(&random, MESSAGE_ARENA_LIMIT);
        struct record record = random_record(&random, &made);
        record_encode(&record, &bytes);
        assert_true(repack_record(record.type, bytes.bytes, bytes.length, &again));
        must_be_same(record_type_name(record.type), seed, &bytes, &again);
    }
}

/* The same refusal of both, or none. */
static void compare_refusals(unsigned long seed, int by_hand_r, const struct error *by_hand_error,
                             int generated_r, const struct error *generated_error) {
    if (by_hand_r != generated_r)
        fail_msg("seed %lu: %d and %d", seed, by_hand_r, generated_r);
    if (generated_r < 0)
        assert_string_equal(by_hand_error->text, generated_error->text);
}

static void requests_are_read_as_unpacked(void **state) {
    (void)state;
    unsigned long read = 0, left = 0;
    for (unsigned long seed = first; seed < first + 10 * steps; seed++) {
        struct random random = {.state = seed};
        struct error error, generated_error;
        struct request copy, generated_copy, ignored;
        forget(&random, MESSAGE_ARENA_LIMIT);
        struct request request = some_request(&random);
        assert_int_equal(message_encode_request(&request, &bytes, &error), 0);
        damage(&random);
        uint8_t *input = exact(&bytes);
        enum call call = message_peek_call(input, bytes.length);
        bool is_read = message_read_request(input, bytes.length, &by_hand, &ignored);
        assert_true(!is_read || call != CALL_NONE);
        *(is_read ? &read : &left) += 1;
        arena_reset(&by_hand);
        int r = message_decode_request(input, bytes.length, &by_hand, &copy, &error);
        int generated_r = message_unpack_request(input, bytes.length, &generated, &generated_copy,
                                                 &generated_error);
        free(input); /* what was decoded does not need it */
        compare_refusals(seed, r, &error, generated_r, &generated_error);
        assert_true(!is_read || r == 0);
        if (r == 0) {
            assert_int_equal(copy.call, generated_copy.call);
            assert_true(call == CALL_NONE || call == copy.call);
            assert_int_equal(message_pack_request(&copy, true, &again, &error), 0);
            assert_int_equal(message_pack_request(&generated_copy, true, &other, &error), 0);
            must_be_same("read and unpacked", seed, &again, &other);
            /* What no sender of ours would say is written as packed, too. */
            buffer_clear(&other);
            if (message_write_request(&copy, true, &other))
                must_be_same("written and packed", seed, &again, &other);
        }
    }
    assert_true(steps < 100 || (read > steps && left > steps));
}

static void responses_are_read_as_unpacked(void **state) {
    (void)state;
    unsigned long read = 0, left = 0;
    for (unsigned long seed = first; seed < first + 10 * steps; seed++) {
        struct random random = {.state = seed};
        struct error error, generated_error;
        struct response copy, generated_copy, ignored;
        forget(&random, MESSAGE_RESPONSE_ARENA_LIMIT);
        struct response response = some_response(&random);
        message_encode_response(&response, &bytes);
        damage(&random);
        uint8_t *input = exact(&bytes);
        bool is_read = message_read_response(input, bytes.length, &by_hand, &ignored);
        *(is_read ? &read : &left) += 1;
        arena_reset(&by_hand);
        int r = message_decode_response(input, bytes.length, &by_hand, &copy, &error);
        int generated_r = message_unpack_response(input, bytes.length, &generated, &generated_copy,
                                                  &generated_error);
        free(input);
        compare_refusals(seed, r, &error, generated_r, &generated_error);
        assert_true(!is_read || r == 0);
        if (r == 0) {
            message_pack_response(&copy, &again);
            message_pack_response(&generated_copy, &other);
            must_be_same("read and unpacked", seed, &again, &other);
            buffer_clear(&other);
            if (message_write_response(&copy, &other))
                must_be_same("written and packed", seed, &again, &other);
        }
    }
    assert_true(steps < 100 || (read > steps && left > steps));
}

static void records_are_read_as_unpacked(void **state) {
    (void)state;
    unsigned long read = 0, left = 0;
    for (unsigned long seed = first; seed < first + 10 * steps; seed++) {
        struct random random = {.state = seed};
        struct error error;
        struct record record, copy, generated_copy;
        forget(&random, MESSAGE_ARENA_LIMIT);
        do
            record = random_record(&random, &made);
        while (record.type != RECORD_TRANSACTION);
        record_encode(&record, &bytes);
        damage(&random);
        uint8_t *input = exact(&bytes);
        bool is_read =
            record_read_in_place(RECORD_TRANSACTION, input, bytes.length, &by_hand, &copy);
        int r = record_decode(RECORD_TRANSACTION, input, bytes.length, &generated, &generated_copy,
                              &error);
        *(is_read ? &read : &left) += 1;
        /* In little memory it may be read in place and not decoded. */
        if (is_read && r < 0 && r != -ERROR_TOO_LARGE)
            fail_msg("seed %lu: %s", seed, error.text);
        if (is_read && r == 0) {
            record_encode(&copy, &again);
            record_encode(&generated_copy, &other);
            must_be_same("read and unpacked", seed, &again, &other);
            buffer_clear(&other);
            assert_true(repack_record(RECORD_TRANSACTION, again.bytes, again.length, &other));
            must_be_same("written and packed", seed, &again, &other);
        }
        free(input);
    }
    assert_true(steps < 100 || (read > steps && left > steps));
}

/* Memory that the fast reader took for a message that the generated code reads in the end is free
 * again, so the token must have been wiped from it. */
static void one_copy_of_a_token_is_made(void **state) {
    (void)state;
    static const char token[] = "a-token-that-nobody-else-may-see";
    const struct transaction transaction = {.id = TEXT_LITERAL("t"), .event_time_us = 1};
    const struct request requests[] = {
        {.call = CALL_GET_LIST, .list.list = TEXT_LITERAL("some")},
        {.call = CALL_SCORE, .score = {.transactions = &transaction, .transaction_count = 1}},
    };
    for (size_t i = 0; i < 4; i++) {
        struct request request = requests[i % 2], copy;
        struct error error;
        buffer_clear(&bytes);
        request.token = TEXT_LITERAL(token);
        assert_int_equal(message_encode_request(&request, &bytes, &error), 0);
        if (i >= 2) /* a field of a later version */
            buffer_append(&bytes, "\xa0\x06\x01", 3);
        arena_deinit(&by_hand);
        arena_init(&by_hand, MESSAGE_ARENA_LIMIT);
        assert_int_equal(message_decode_request(bytes.bytes, bytes.length, &by_hand, &copy, &error),
                         0);
        assert_true(text_is(copy.token, token));
        memset((char *)(uintptr_t)copy.token.data, 0, copy.token.length);
        size_t held = arena_held(&by_hand);
        assert_true(held >= 512);
        arena_reset(&by_hand);
        char *left = arena_alloc(&by_hand, held / 2);
        assert_true(arena_held(&by_hand) == held); /* that memory, then */
        assert_null(memmem(left, held / 2, token, strlen(token)));
    }
}

/* ---- memory ---- */

/* A message of nothing but the same piece again and again, within messages of these numbers. */
static void fill(const char *head, const uint8_t *numbers, size_t depth, const char *piece,
                 size_t piece_length, size_t count) {
    buffer_clear(&bytes);
    for (size_t i = 0; i < count; i++)
        buffer_append(&bytes, piece, piece_length);
    while (depth-- > 0) {
        buffer_clear(&again);
        buffer_append_u8(&again, (uint8_t)(numbers[depth] << 3 | 2));
        buffer_append_varint(&again, bytes.length);
        buffer_append(&again, bytes.bytes, bytes.length);
        buffer_clear(&bytes);
        if (depth == 0)
            buffer_append_string(&bytes, head);
        buffer_append(&bytes, again.bytes, again.length);
    }
}

/* In an arena of that limit. */
static bool is_read_within(size_t limit, bool is_response) {
    struct request request;
    struct response response;
    arena_deinit(&by_hand);
    arena_init(&by_hand, limit);
    return is_response ? message_read_response(bytes.bytes, bytes.length, &by_hand, &response)
                       : message_read_request(bytes.bytes, bytes.length, &by_hand, &request);
}

/* Where there is just enough memory to read a message by hand, the generated code has enough, too,
 * whatever the message consists of: else it would depend on who reads it whether it is refused. */
static void memory(void **state) {
    (void)state;
    static const struct {
        bool is_response;
        uint8_t numbers[5];
        size_t depth;
        const char *piece;
        size_t length, count;
    } cases[] = {
        {false, {10}, 1, "\x0a\x00", 2, 1000},         /* transactions */
        {false, {10, 1}, 2, "\xf2\x01\x00", 3, 20000}, /* attributes */
        {false, {10, 1}, 2, "\xf2\x01\x03\x0a\x01x", 6, 10000},
        {false, {11}, 1, "\x0a\x00", 2, 1000}, /* outcomes */
        {false, {11}, 1, "\x0a\x03\x0a\x01x", 5, 1000},
        {true, {10}, 1, "\x0a\x02\x0a\x00", 4, 20000}, /* results: decisions */
        {true, {10}, 1, "\x0a\x02\x12\x00", 4, 20000}, /* errors */
        {true, {10}, 1, "\x0a\x05\x12\x03\x12\x01x", 7, 10000},
        {true, {11}, 1, "\x0a\x02\x0a\x00", 4, 20000}, /* results: accepted */
        {true, {10, 1, 1}, 3, "\x22\x00", 2, 20000},   /* reasons */
        {true, {10, 1, 1}, 3, "\x22\x03\x0a\x01x", 5, 10000},
        {true, {10, 1, 1}, 3, "\x72\x00", 2, 20000}, /* features */
        {true, {10, 1, 1}, 3, "\x72\x03\x0a\x01x", 5, 10000},
        {true, {10, 1, 1, 4}, 4, "\x3a\x00", 2, 20000}, /* tags */
        {true, {10, 1, 1, 4}, 4, "\x3a\x01x", 3, 20000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fill(cases[i].is_response ? "" : "\x08\x01", cases[i].numbers, cases[i].depth,
             cases[i].piece, cases[i].length, cases[i].count);
        size_t too_little = 0, enough = (size_t)300 << 20;
        if (!is_read_within(enough, cases[i].is_response))
            fail_msg("case %zu is not read", i);
        while (enough - too_little > 1) {
            size_t middle = too_little + (enough - too_little) / 2;
            *(is_read_within(middle, cases[i].is_response) ? &enough : &too_little) = middle;
        }
        struct request request;
        struct response response;
        struct error error;
        arena_deinit(&generated);
        arena_init(&generated, enough);
        int r =
            cases[i].is_response
                ? message_unpack_response(bytes.bytes, bytes.length, &generated, &response, &error)
                : message_unpack_request(bytes.bytes, bytes.length, &generated, &request, &error);
        if (r < 0)
            fail_msg("case %zu, %zu bytes of memory: %s", i, enough, error.text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_written_as_packed),
        cmocka_unit_test(responses_are_written_as_packed),
        cmocka_unit_test(records_are_written_as_packed),
        cmocka_unit_test(requests_are_read_as_unpacked),
        cmocka_unit_test(responses_are_read_as_unpacked),
        cmocka_unit_test(records_are_read_as_unpacked),
        cmocka_unit_test(one_copy_of_a_token_is_made),
        cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
