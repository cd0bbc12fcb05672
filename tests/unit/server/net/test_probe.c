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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_in_a_row_without_an_answer_are_deaf),
                                       cmocka_unit_test(a_slow_server_is_not_deaf),
                                       cmocka_unit_test(an_answer_starts_the_count_over)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
