/* The frames of SP REQ/REP, held against the bytes that the RFCs of nanomsg print and against what
 * a stock nng client was seen to send. */
#include "core/wire/message/sp.h"
#include "tests/unit/unit.h"

static void greetings(void **state) {
    (void)state;
    uint8_t greeting[SP_GREETING_SIZE];
    sp_greeting_write(greeting, SP_REQ);
    assert_memory_equal(greeting, "\0SP\0\0\x30\0\0", 8);
    assert_true(sp_greeting_is(greeting, SP_REQ));
    assert_false(sp_greeting_is(greeting, SP_REP));
    sp_greeting_write(greeting, SP_REP);
    assert_memory_equal(greeting, "\0SP\0\0\x31\0\0", 8);
    for (size_t bit = 0; bit < 64; bit++) { /* every bit of it counts */
        greeting[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(sp_greeting_is(greeting, SP_REP));
        greeting[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(sp_greeting_is(greeting, SP_REP));
}

static void headers(void **state) {
    (void)state;
    static const struct {
        uint64_t length;
        const char *bytes;
    } lengths[] = {
        {0, "\0\0\0\0\0\0\0\0"},
        {1, "\0\0\0\0\0\0\0\1"},
        {300, "\0\0\0\0\0\0\1\x2c"},
        {UINT64_C(0x0102030405060708), "\1\2\3\4\5\6\7\x08"},
        {UINT64_C(1) << 63, "\x80\0\0\0\0\0\0\0"},
        {UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff"},
    };
    assert_int_equal(sp_header_size(SP_TCP), 8);
    assert_int_equal(sp_header_size(SP_IPC), 9);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint8_t header[SP_HEADER_MAX];
        uint64_t length;
        assert_int_equal(sp_header_write(header, SP_TCP, lengths[i].length), 8);
        assert_memory_equal(header, lengths[i].bytes, 8);
        assert_true(sp_header_read(header, SP_TCP, &length));
        assert_true(length == lengths[i].length);
        assert_int_equal(sp_header_write(header, SP_IPC, lengths[i].length), 9);
        assert_int_equal(header[0], 1);
        assert_memory_equal(header + 1, lengths[i].bytes, 8);
        assert_true(sp_header_read(header, SP_IPC, &length));
        assert_true(length == lengths[i].length);
        for (unsigned kind = 0; kind < 256; kind++) { /* 1 is the only kind of message there is */
            header[0] = (uint8_t)kind;
            assert_int_equal(sp_header_read(header, SP_IPC, &length), kind == 1);
        }
    }
}

static void ids(void **state) {
    (void)state;
    uint8_t id[SP_ID_SIZE];
    sp_id_write(id, 0x80000001);
    assert_memory_equal(id, "\x80\0\0\1", 4);
    assert_int_equal(sp_id_read(id), 0x80000001);
    sp_id_write(id, 0x01020304);
    assert_memory_equal(id, "\1\2\3\4", 4);
    assert_int_equal(sp_id_read(id), 0x01020304);
}

static void stacks(void **state) {
    (void)state;
    uint8_t body[SP_STACK_MAX + 40];
    for (size_t hops = 0; hops <= SP_HOPS_MAX + 2; hops++) {
        /* hops without the top bit, but with every other; then the request id; then a payload that
         * looks like another */
        memset(body, 0xff, sizeof body);
        for (size_t i = 0; i < hops; i++)
            body[4 * i] = 0x7f;
        body[4 * hops] = 0x80;
        size_t whole = 4 * (hops + 1);
        size_t expected = hops <= SP_HOPS_MAX ? whole : 0;
        assert_int_equal(sp_stack_size(body, sizeof body), expected);
        assert_int_equal(sp_stack_size(body, whole), expected); /* no payload */
        for (size_t length = 0; length < whole; length++)       /* cut anywhere */
            assert_int_equal(sp_stack_size(body, length), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greetings),
        cmocka_unit_test(headers),
        cmocka_unit_test(ids),
        cmocka_unit_test(stacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
