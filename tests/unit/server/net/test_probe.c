/* The watchdog's judgement: against a socket that answers nothing, one that is slow, and one that
 * answers as an SP REP does. */
#include "core/wire/message/sp.h"
#include "server/net/probe.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <unistd.h>

struct listener {
    int descriptor;
    struct sockaddr_in where;
};

static void open_listener(struct listener *listener) {
    socklen_t length = sizeof listener->where;
    listener->where =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener->descriptor, (struct sockaddr *)&listener->where, length), 0);
    assert_int_equal(listen(listener->descriptor, 8), 0);
    assert_int_equal(
        getsockname(listener->descriptor, (struct sockaddr *)&listener->where, &length), 0);
}

static void begin(struct probe *probe, const struct listener *listener) {
    probe_begin(probe, (const struct sockaddr *)&listener->where, sizeof listener->where, "ask", 3,
                1);
}

/* Sends the greeting and the request's id back, and closes once the other side has. */
static void answer(const struct listener *listener) {
    uint8_t request[SP_GREETING_SIZE + SP_HEADER_MAX + SP_ID_SIZE + 3], reply[sizeof request];
    size_t head = sp_header_size(SP_TCP);
    size_t length = SP_GREETING_SIZE + head + SP_ID_SIZE;
    int client = accept(listener->descriptor, NULL, NULL);
    assert_true(client >= 0);
    assert_int_equal(recv(client, request, length + 3, MSG_WAITALL), (ssize_t)length + 3);
    sp_greeting_write(reply, SP_REP);
    sp_header_write(reply + SP_GREETING_SIZE, SP_TCP, SP_ID_SIZE);
    memcpy(reply + SP_GREETING_SIZE + head, request + SP_GREETING_SIZE + head, SP_ID_SIZE);
    assert_int_equal(send(client, reply, length, 0), (ssize_t)length);
    close(client);
}

static void two_in_a_row_without_an_answer_are_deaf(void **state) {
    (void)state;
    struct listener listener;
    struct probe probe;
    open_listener(&listener);
    probe_init(&probe);
    assert_false(probe_finds_deaf(&probe, false)); /* there was none yet */
    begin(&probe, &listener);
    assert_false(probe_finds_deaf(&probe, false));
    begin(&probe, &listener);
    assert_true(probe_finds_deaf(&probe, false));
    probe_restart(&probe);
    assert_false(probe_finds_deaf(&probe, false));
    close(listener.descriptor);
}

static void a_slow_server_is_not_deaf(void **state) {
    (void)state;
    struct listener listener;
    struct probe probe;
    open_listener(&listener);
    probe_init(&probe);
    for (int i = 0; i < 5; i++) {
        begin(&probe, &listener);
        assert_false(probe_finds_deaf(&probe, true));
    }
    close(listener.descriptor);
}

static void an_answer_starts_the_count_over(void **state) {
    (void)state;
    struct listener listener;
    struct probe probe;
    open_listener(&listener);
    probe_init(&probe);
    for (int i = 0; i < 3; i++) {
        begin(&probe, &listener);
        answer(&listener);
        assert_false(probe_finds_deaf(&probe, false));
    }
    close(listener.descriptor);
    begin(&probe, &listener); /* refused: no answer either */
    assert_false(probe_finds_deaf(&probe, false));
    begin(&probe, &listener);
    assert_true(probe_finds_deaf(&probe, false));
}

/* Of an answer that comes a byte at a time, all of it and nothing else. */
static void an_answer_is_received_in_pieces(void **state) {
    (void)state;
    static const enum sp_stream streams[] = {SP_IPC, SP_TCP};
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct probe probe;
        struct buffer received;
        struct text answer;
        uint8_t reply[SP_GREETING_SIZE + SP_HEADER_MAX + SP_ID_SIZE + 5], request[64];
        size_t head = sp_header_size(streams[i]), id = SP_GREETING_SIZE + head;
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        probe_init(&probe);
        buffer_init(&received);
        probe_begin_over(&probe, ends[0], "ask", 3, 1);
        ssize_t sent = recv(ends[1], request, sizeof request, 0);
        assert_int_equal(sent, SP_GREETING_SIZE + sp_header_size(SP_IPC) + SP_ID_SIZE + 3);
        probe.ipc = streams[i] == SP_IPC;
        sp_greeting_write(reply, SP_REP);
        sp_header_write(reply + SP_GREETING_SIZE, streams[i], SP_ID_SIZE + 5);
        memcpy(reply + id, request + sent - 3 - SP_ID_SIZE, SP_ID_SIZE);
        memcpy(reply + id + SP_ID_SIZE, "right", 5);
        size_t length = id + SP_ID_SIZE + 5;
        for (size_t at = 0; at < length; at++) {
            assert_int_equal(probe_receive(&probe, &received, &answer), 0);
            assert_int_equal(send(ends[1], reply + at, 1, 0), 1);
        }
        assert_int_equal(probe_receive(&probe, &received, &answer), 1);
        assert_true(text_equal(answer, TEXT_LITERAL("right")));
        buffer_clear(&received);
        close(ends[1]);
        assert_int_equal(probe_receive(&probe, &received, &answer), -1);
        probe_end(&probe);
        buffer_deinit(&received);
    }
}

/* Another greeting, an id of another request, an endless length. */
static void what_is_no_answer_is_refused(void **state) {
    (void)state;
    for (size_t wrong = 0; wrong < 3; wrong++) {
        struct probe probe;
        struct buffer received;
        struct text answer;
        uint8_t reply[SP_GREETING_SIZE + SP_HEADER_MAX + SP_ID_SIZE];
        size_t id = SP_GREETING_SIZE + sp_header_size(SP_IPC);
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        buffer_init(&received);
        probe_begin_over(&probe, ends[0], "ask", 3, 1);
        sp_greeting_write(reply, wrong == 0 ? SP_REQ : SP_REP);
        sp_header_write(reply + SP_GREETING_SIZE, SP_IPC, wrong == 2 ? UINT64_MAX : SP_ID_SIZE);
        sp_id_write(reply + id, SP_ID_TOP_BIT | 77);
        assert_int_equal(send(ends[1], reply, id + SP_ID_SIZE, 0), (ssize_t)(id + SP_ID_SIZE));
        assert_int_equal(probe_receive(&probe, &received, &answer), -1);
        probe_end(&probe);
        close(ends[1]);
        buffer_deinit(&received);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_in_a_row_without_an_answer_are_deaf),
                                       cmocka_unit_test(a_slow_server_is_not_deaf),
                                       cmocka_unit_test(an_answer_starts_the_count_over),
                                       cmocka_unit_test(an_answer_is_received_in_pieces),
                                       cmocka_unit_test(what_is_no_answer_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
