/* The same scenarios against both fronts, over every scheme: what a client may send, rightly or
 * wrongly, and what has to come of it.
 *
 * usage: test_server_front_messages SCHEME      tcp, ipc, tls+tcp, nng+tcp or nng+ipc */
#include "tests/unit/server/front_bench.h"

#include <unistd.h>

/* ---- greetings ---- */

static void a_server_greets_first(void **state) {
    struct raw_client client = front_bench_knock(*state);
    raw_expect(&client, "\0SP\0\0\x31\0\0", 8);
    raw_expect_silence(&client, 20);
    raw_close(&client);
    front_bench_expect_alive(*state);
}

static void wrong_greetings_end_the_connection(void **state) {
    static const char *const wrong[] = {
        "GET / HT",         /* another protocol */
        "\0SP\0\0\x31\0\0", /* a REP, as we are */
        "\0SP\0\0\x20\0\0", /* a PUB */
        "\0SP\0\x30\0\0\0", /* the number the wrong way round */
        "\0SP\1\0\x30\0\0", /* another version */
        "\0SP\0\0\x30\0\1", /* what is reserved */
        "\1SP\0\0\x30\0\0", /* not even zero */
        "\0\0\0\0\0\0\0\0", "\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    size_t count = sizeof wrong / sizeof *wrong;
    for (size_t i = 0; i < count; i++) {
        struct raw_client client = front_bench_knock(*state);
        raw_send(&client, wrong[i], 8);
        raw_expect_end(&client);
        raw_close(&client);
    }
    front_bench_expect_alive(*state);
    front_bench_expect_ending(*state, ENDING_GREETING, (int64_t)count);
}

static void half_a_greeting_is_none(void **state) {
    struct front_bench *bench = *state;
    for (size_t size = 0; size < 8; size++) {
        struct raw_client client = front_bench_knock(bench);
        assert_true(raw_send(&client, "\0SP\0\0\x30\0\0", size));
        raw_close(&client);
    }
    front_bench_expect_alive(bench);
}

static void bytes_may_come_one_by_one(void **state) {
    struct raw_client client = front_bench_knock(*state);
    uint8_t bytes[8 + 9 + 4 + 3] = "\0SP\0\0\x30\0\0";
    size_t size = 8 + raw_header(&client, bytes + 8, 7);
    memcpy(bytes + size, "\x80\0\0\7abc", 7);
    size += 7;
    for (size_t i = 0; i < size; i++) {
        assert_true(raw_send(&client, bytes + i, 1));
        usleep(1000);
    }
    raw_expect(&client, "\0SP\0\0\x31\0\0", 8);
    raw_expect_answer(&client, ID | 7, "+abc");
    raw_close(&client);
}

static void everything_may_come_at_once(void **state) {
    struct raw_client client = front_bench_knock(*state);
    uint8_t bytes[8 + 2 * 24] = "\0SP\0\0\x30\0\0";
    size_t size = 8;
    for (int i = 0; i < 2; i++) {
        size += raw_header(&client, bytes + size, 5);
        memcpy(bytes + size, i == 0 ? "\x80\0\0\1e" : "\x80\0\0\2e", 5);
        size += 5;
    }
    assert_true(raw_send(&client, bytes, size));
    raw_expect(&client, "\0SP\0\0\x31\0\0", 8);
    char text[8];
    uint32_t seen = 0; /* nng's contexts may answer in any order */
    for (int i = 0; i < 2; i++)
        seen |= raw_take_answer(&client, text, sizeof text);
    assert_int_equal(seen, ID | 3);
    raw_close(&client);
}

/* ---- lengths ---- */

static void lengths_within_the_limit_are_served(void **state) {
    static const size_t lengths[] = {0, 1, 2, 3, 100, 16000, 16384, BYTES_MAX - 5, BYTES_MAX - 4};
    struct raw_client client = front_bench_dial(*state);
    char *payload = malloc(BYTES_MAX), *expected = malloc(BYTES_MAX + 1);
    memset(payload, 'x', BYTES_MAX);
    memset(expected, 'x', BYTES_MAX + 1);
    *expected = '+';
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        assert_true(raw_send_message(&client, "\x80\0\0\1", 4, payload, lengths[i]));
        raw_expect_message(&client, "\x80\0\0\1", 4, expected, lengths[i] + 1);
    }
    free(expected);
    free(payload);
    raw_close(&client);
}

static void a_length_beyond_the_limit_ends_the_connection(void **state) {
    static const uint64_t lengths[] = {BYTES_MAX + 1, UINT64_C(1) << 32, UINT64_C(1) << 40,
                                       UINT64_C(1) << 63, UINT64_MAX};
    size_t count = sizeof lengths / sizeof *lengths;
    for (size_t i = 0; i < count; i++) {
        struct raw_client client = front_bench_dial(*state);
        uint8_t header[9];
        size_t size = raw_header(&client, header, lengths[i]);
        raw_send(&client, header, size); /* and nothing of what it promises */
        raw_expect_end(&client);
        raw_close(&client);
    }
    front_bench_expect_alive(*state);
    front_bench_expect_ending(*state, ENDING_TOO_LARGE, (int64_t)count);
}

static void no_message_is_without_an_id(void **state) {
    for (size_t length = 0; length < 4; length++) {
        struct raw_client client = front_bench_dial(*state);
        raw_send_message(&client, "\x80\0\0", length, NULL, 0);
        raw_expect_end(&client);
        raw_close(&client);
    }
    front_bench_expect_alive(*state);
    front_bench_expect_ending(*state, ENDING_MALFORMED, 4);
}

static void ipc_knows_one_kind_of_message(void **state) {
    static const uint8_t kinds[] = {0, 2, 0x80, 0xff};
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct raw_client client = front_bench_dial(*state);
        uint8_t message[9 + 5];
        size_t size = raw_header(&client, message, 5);
        message[0] = kinds[i];
        memcpy(message + size, "\x80\0\0\1a", 5);
        raw_send(&client, message, size + 5);
        raw_expect_end(&client);
        raw_close(&client);
    }
    front_bench_expect_alive(*state);
    front_bench_expect_ending(*state, ENDING_MALFORMED, sizeof kinds);
}

/* ---- ids ---- */

static void every_id_comes_back(void **state) {
    static const uint32_t ids[] = {0, 1, 0x7fffffff, 0x12345678, 0x00ff00ff};
    struct raw_client client = front_bench_dial(*state);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        assert_true(raw_ask(&client, ID | ids[i], "a"));
        raw_expect_answer(&client, ID | ids[i], "+a");
    }
    raw_close(&client);
}

static void hops_come_back_untouched(void **state) {
    struct raw_client client = front_bench_dial(*state);
    size_t most = is_nng ? 14 : 15;
    for (size_t hops = 1; hops <= most; hops++) {
        uint8_t ids[64];
        for (size_t i = 0; i < sizeof ids; i++)
            ids[i] = (uint8_t)(i * 37 + hops);
        for (size_t i = 0; i < hops; i++)
            ids[4 * i] &= 0x7f;
        ids[4 * hops] |= 0x80;
        assert_true(raw_send_message(&client, ids, 4 * (hops + 1), "hi", 0));
        raw_expect_message(&client, ids, 4 * (hops + 1), "+", 1);
    }
    raw_close(&client);
}

/* It is left out, and the connection stays: there may be a device with other clients behind it. */
static void too_many_hops_are_left_out(void **state) {
    struct front_bench *bench = *state;
    struct raw_client client = front_bench_dial(bench);
    uint8_t ids[4 * 18] = {0};
    ids[4 * 17] = 0x80;
    assert_true(raw_send_message(&client, ids, sizeof ids, "a", 1));
    memset(ids, 0, sizeof ids); /* and no request id at all */
    assert_true(raw_send_message(&client, ids, sizeof ids, "a", 1));
    assert_true(raw_ask(&client, ID | 1, "e"));
    raw_expect_answer(&client, ID | 1, "+e");
    assert_int_equal(atomic_load(&bench->served), 1);
    if (!is_nng)
        assert_int_equal(metric_value(bench->metrics, REQUESTS_LEFT_OUT, 0), 2);
    raw_close(&client);
}

static void hops_without_an_end_end_the_connection(void **state) {
    for (size_t hops = 1; hops < 8; hops++) {
        struct raw_client client = front_bench_dial(*state);
        uint8_t ids[32] = {0};
        raw_send_message(&client, ids, 4 * hops, NULL, 0);
        raw_expect_end(&client);
        raw_close(&client);
    }
    front_bench_expect_alive(*state);
    front_bench_expect_ending(*state, ENDING_MALFORMED, 7);
}

/* ---- many at a time ---- */

/* Far more than slots, in few writes, some answered by other threads: each gets its own answer. */
static void many_may_be_sent_at_once(void **state) {
    enum { COUNT = 3000 };
    struct raw_client client = front_bench_dial(*state);
    char text[32], *seen = calloc(COUNT, 1);
    uint32_t asked = 0;
    for (uint32_t answered = 0; answered < COUNT; answered++) {
        while (asked < COUNT && asked < answered + 100) {
            snprintf(text, sizeof text, "%c%u", asked % 7 == 0 ? 'l' : 'e', asked);
            assert_true(raw_ask(&client, ID | asked, text));
            asked++;
        }
        uint32_t id = raw_take_answer(&client, text, sizeof text) & ~ID;
        char expected[32];
        snprintf(expected, sizeof expected, "+%c%u", id % 7 == 0 ? 'l' : 'e', id);
        assert_string_equal(text, expected);
        assert_int_equal(seen[id]++, 0);
    }
    free(seen);
    raw_close(&client);
}

/* The bytes of what is held stay while more and more comes in behind them. */
static void answers_may_come_in_any_order(void **state) {
    struct front_bench *bench = *state;
    struct raw_client client = front_bench_dial(bench);
    size_t held = SLOTS / 2 - 1;
    for (uint32_t i = 0; i < held; i++) {
        char text[4] = {'h', (char)('0' + i)};
        assert_true(raw_ask(&client, ID | i, text));
        front_bench_await_held(bench, i + 1);
    }
    char *payload = malloc(BYTES_MAX), *expected = malloc(BYTES_MAX);
    memset(payload, 'e', BYTES_MAX);
    memset(expected, 'e', BYTES_MAX);
    *expected = '+';
    for (int i = 0; i < 50; i++) {
        size_t size = (size_t)(i * 397) % (BYTES_MAX - 5);
        assert_true(raw_send_message(&client, "\x80\0\1\0", 4, payload, size));
        raw_expect_message(&client, "\x80\0\1\0", 4, expected, size + 1);
    }
    free(expected);
    free(payload);
    static const uint32_t order[] = {1, 0, 2};
    static const size_t index[] = {1, 0, 0};
    assert_int_equal(held, 3);
    for (size_t i = 0; i < 3; i++) {
        char text[4] = {'+', 'h', (char)('0' + order[i])};
        front_bench_release(bench, index[i]);
        raw_expect_answer(&client, ID | order[i], text);
    }
    raw_close(&client);
}

static void several_clients_do_not_mix(void **state) {
    enum { CLIENTS = 20 };
    struct raw_client clients[CLIENTS];
    char text[32];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = front_bench_dial(*state);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            snprintf(text, sizeof text, "%c%d.%d", i % 3 ? 'e' : 'l', i, round);
            assert_true(raw_ask(&clients[i], ID, text));
        }
        for (int i = 0; i < CLIENTS; i++) {
            snprintf(text, sizeof text, "+%c%d.%d", i % 3 ? 'e' : 'l', i, round);
            raw_expect_answer(&clients[i], ID, text);
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        raw_close(&clients[i]);
}

/* ---- all of them ---- */

static const struct scenario scenarios[] = {
    SCENARIO(ALL, a_server_greets_first),
    SCENARIO(ALL, wrong_greetings_end_the_connection),
    SCENARIO(ALL, half_a_greeting_is_none),
    SCENARIO(ALL, bytes_may_come_one_by_one),
    SCENARIO(ALL, everything_may_come_at_once),
    SCENARIO(ALL, lengths_within_the_limit_are_served),
    SCENARIO(ALL, a_length_beyond_the_limit_ends_the_connection),
    SCENARIO(ALL, no_message_is_without_an_id),
    SCENARIO(IPC, ipc_knows_one_kind_of_message),
    SCENARIO(ALL, every_id_comes_back),
    SCENARIO(ALL, hops_come_back_untouched),
    SCENARIO(ALL, too_many_hops_are_left_out),
    SCENARIO(ALL, hops_without_an_end_end_the_connection),
    SCENARIO(ALL, many_may_be_sent_at_once),
    SCENARIO(ALL, answers_may_come_in_any_order),
    SCENARIO(ALL, several_clients_do_not_mix),
};

int main(int argc, char **argv) {
    return front_bench_run(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
