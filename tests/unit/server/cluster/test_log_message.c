/* The messages of the log: what goes in comes out, and nothing else is taken for one. */
#include "server/cluster/log_message.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

#define ROUNDS 20000

/* xorshift: the same on every machine. */
static uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Small ones as often as large ones. */
static uint64_t random_number(uint64_t *state) {
    uint64_t number = random_next(state);
    return number >> random_next(state) % 64;
}

/* In memory of its own length, so that a sanitizer sees a byte read too many. */
static struct text copy(const void *bytes, size_t length) {
    char *memory = malloc(length);
    assert_true(memory || length == 0);
    if (length > 0)
        memcpy(memory, bytes, length);
    return (struct text){.data = memory, .length = length};
}

static void free_text(struct text text) {
    free((char *)(uintptr_t)text.data);
}

/* ---- heads ---- */

static struct log_head random_head(uint64_t *random) {
    struct log_head head = {
        .kind = random_next(random) % 2 ? LOG_KIND_RECORD : LOG_KIND_SIGN,
        .type = (uint16_t)random_number(random),
        .part = (uint32_t)random_number(random),
        .part_count = (uint32_t)random_number(random),
        .place = {.position = random_number(random), .chain = random_next(random)},
    };
    if (head.kind == LOG_KIND_RECORD) {
        head.part_count += head.part_count == 0;
        head.part %= head.part_count;
    }
    return head;
}

static void assert_same_head(const struct log_head *a, const struct log_head *b) {
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->part, b->part);
    assert_int_equal(a->part_count, b->part_count);
    assert_int_equal(a->place.position, b->place.position);
    assert_int_equal(a->place.chain, b->place.chain);
}

static void heads_come_back(void **state) {
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < ROUNDS; i++) {
        struct log_head head = random_head(&random), decoded;
        uint8_t bytes[LOG_HEADER_BYTES + 1];
        struct error error;
        bytes[LOG_HEADER_BYTES] = 0xa5;
        log_head_encode(&head, bytes);
        assert_int_equal(bytes[LOG_HEADER_BYTES], 0xa5);
        struct text text = copy(bytes, LOG_HEADER_BYTES);
        if (log_head_decode(text, &decoded, &error) < 0)
            fail_msg("%s", error.text);
        assert_same_head(&decoded, &head);
        free_text(text);
    }
}

/* Nodes of different versions read each other's: these bytes must stay. */
static void a_head_has_these_bytes(void **state) {
    (void)state;
    static const uint8_t expected[LOG_HEADER_BYTES] = {
        1,    1,    0x02, 0x01, 0x06, 0x05, 0x04, 0x03, 0x0a, 0x09, 0x08,
        0x07, 0,    0,    0,    0,    0x18, 0x17, 0x16, 0x15, 0x14, 0x13,
        0x12, 0x11, 0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21};
    const struct log_head head = {
        .kind = LOG_KIND_RECORD,
        .type = 0x0102,
        .part = 0x03040506,
        .part_count = 0x0708090a,
        .place = {.position = UINT64_C(0x1112131415161718), .chain = UINT64_C(0x2122232425262728)},
    };
    uint8_t bytes[LOG_HEADER_BYTES];
    log_head_encode(&head, bytes);
    assert_memory_equal(bytes, expected, sizeof expected);
}

static void expect_head_refused(const uint8_t *bytes, size_t length, enum error_code code,
                                const char *word) {
    struct text text = copy(bytes, length);
    struct log_head head = {.type = 77};
    struct error error = {0};
    assert_int_equal(log_head_decode(text, &head, &error), -(int)code);
    if (!strstr(error.text, word) || !strstr(error.text, LOG_HEADER))
        fail_msg("%s", error.text);
    assert_int_equal(head.type, 77);
    free_text(text);
}

static void other_heads_are_refused(void **state) {
    (void)state;
    const struct log_head head = {
        .kind = LOG_KIND_RECORD, .type = 1, .part = 2, .part_count = 3, .place = {4, 5}};
    uint8_t bytes[LOG_HEADER_BYTES];
    struct log_head decoded;
    struct error error;
    log_head_encode(&head, bytes);
    for (size_t length = 0; length < LOG_HEADER_BYTES; length++)
        expect_head_refused(bytes, length, ERROR_DAMAGED, "bytes");
    assert_int_equal(log_head_decode((struct text){0}, &decoded, &error), -ERROR_DAMAGED);
    for (int format = 0; format < 256; format++) {
        bytes[0] = (uint8_t)format;
        if (format != 1)
            expect_head_refused(bytes, sizeof bytes, ERROR_UNSUPPORTED, "format");
    }
    bytes[0] = 1;
    for (int kind = 0; kind < 256; kind++) {
        bytes[1] = (uint8_t)kind;
        if (kind != LOG_KIND_RECORD && kind != LOG_KIND_SIGN)
            expect_head_refused(bytes, sizeof bytes, ERROR_DAMAGED, "kind");
    }
    bytes[1] = LOG_KIND_RECORD;
    for (unsigned count = 0; count < 3; count++) { /* part 2 is none of so few */
        bytes[8] = (uint8_t)count;
        expect_head_refused(bytes, sizeof bytes, ERROR_DAMAGED, "part 2 of");
    }
}

/* ---- signs ---- */

static struct text random_text(uint64_t *random, char *memory, size_t most) {
    size_t length = random_next(random) % 4 ? random_next(random) % 20 : random_next(random) % most;
    for (size_t i = 0; i < length; i++)
        memory[i] = (char)(1 + random_next(random) % 255);
    return (struct text){.data = memory, .length = length};
}

static void signs_come_back(void **state) {
    (void)state;
    uint64_t random = 2;
    for (int i = 0; i < 2000; i++) {
        char memory[2][300];
        const struct log_sign sign = {.nonce = random_number(&random),
                                      .node = random_text(&random, memory[0], sizeof memory[0]),
                                      .address = random_text(&random, memory[1], sizeof memory[1])};
        struct log_sign decoded = {0};
        struct error error;
        struct buffer buffer;
        buffer_init(&buffer);
        log_sign_encode(&sign, &buffer);
        assert_int_equal(buffer.length, 8 + sign.node.length + 1 + sign.address.length + 1);
        struct text text = copy(buffer.bytes, buffer.length);
        if (log_sign_decode(text, &decoded, &error) < 0)
            fail_msg("%s", error.text);
        assert_int_equal(decoded.nonce, sign.nonce);
        assert_true(text_equal(decoded.node, sign.node));
        assert_true(text_equal(decoded.address, sign.address));
        free_text(text);
        for (size_t length = 0; length < buffer.length; length++) {
            text = copy(buffer.bytes, length);
            decoded.nonce = 77;
            assert_int_equal(log_sign_decode(text, &decoded, &error), -ERROR_DAMAGED);
            assert_int_equal(decoded.nonce, 77);
            free_text(text);
        }
        buffer_deinit(&buffer);
    }
}

/* A message without a value comes without memory. */
static void nothing_is_no_sign(void **state) {
    (void)state;
    struct log_sign sign;
    struct error error;
    assert_int_equal(log_sign_decode((struct text){0}, &sign, &error), -ERROR_DAMAGED);
}

/* What a later version adds at the end is no harm. */
static void a_longer_sign_is_one(void **state) {
    (void)state;
    static const char bytes[] = "\1\0\0\0\0\0\0\200node\0address\0more\0";
    struct log_sign sign;
    struct error error;
    assert_int_equal(
        log_sign_decode((struct text){.data = bytes, .length = sizeof bytes}, &sign, &error), 0);
    assert_int_equal(sign.nonce, UINT64_C(0x8000000000000001));
    assert_true(text_is(sign.node, "node"));
    assert_true(text_is(sign.address, "address"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_come_back),         cmocka_unit_test(a_head_has_these_bytes),
        cmocka_unit_test(other_heads_are_refused), cmocka_unit_test(signs_come_back),
        cmocka_unit_test(nothing_is_no_sign),      cmocka_unit_test(a_longer_sign_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
