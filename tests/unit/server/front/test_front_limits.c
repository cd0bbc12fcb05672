/* The same scenarios against both fronts, over every scheme: clients that take nothing, go, stall
 * or are too many, and a server without room, memory or descriptors.
 *
 * usage: test_server_front_limits SCHEME      tcp, ipc, tls+tcp, nng+tcp or nng+ipc */
#include "server/net/address.h"
#include "tests/unit/server/front_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* By the bench's clock, which the tests move forward. */
#define STALL_US INT64_C(600000000)
#define IDLE_US  INT64_C(1200000000)

/* Waits until so many connections are left. */
static void await_connections(struct front_bench *bench, int64_t count) {
    for (int i = 0; i < RAW_WAIT_MS && metric_value(bench->metrics, CONNECTIONS, 0) > count; i++)
        usleep(1000);
    assert_int_equal(metric_value(bench->metrics, CONNECTIONS, 0), count);
}

/* ---- back-pressure ---- */

/* A client that asks for much and takes nothing is not served for ever; once it takes, it gets
 * everything. */
static void who_takes_no_answers_is_not_served(void **state) {
    enum { COUNT = 400, SIZE = 60000 };
    struct front_bench *bench = *state;
    struct raw_client client = front_bench_dial(bench);
    static uint8_t asked[COUNT * (9 + 4 + 6)];
    size_t size = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        size += raw_header(&client, asked + size, 4 + 6);
        memcpy(asked + size, "\x80\0\0\0b60000", 4 + 6);
        asked[size + 2] = (uint8_t)(i >> 8);
        asked[size + 3] = (uint8_t)i;
        size += 4 + 6;
    }
    assert_true(raw_send(&client, asked, size));
    size_t served = 0, before = 1;
    while (served == 0 || served != before) { /* until it serves no more of them */
        before = served;
        usleep(200000);
        served = atomic_load(&bench->served);
    }
    assert_true(served < COUNT);
    front_bench_expect_alive(bench); /* others do not mind */
    char *bytes = malloc(SIZE + 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(raw_take_answer(&client, bytes, SIZE + 1), ID | i);
        assert_int_equal(strlen(bytes), SIZE);
        for (size_t j = 0; j < SIZE; j++)
            if (bytes[j] != (char)('a' + j % 23))
                fail_msg("byte %zu of answer %u", j, i);
    }
    free(bytes);
    raw_close(&client);
}

/* One connection cannot have all slots, and who finds none gets one when there is. */
static void one_client_leaves_slots_to_others(void **state) {
    struct front_bench *bench = *state;
    struct raw_client greedy = front_bench_dial(bench), other = front_bench_dial(bench),
                      third = front_bench_dial(bench);
    for (uint32_t i = 0; i < 2 * SLOTS; i++)
        assert_true(raw_ask(&greedy, ID | i, "h"));
    front_bench_await_held(bench, SLOTS / 2);
    assert_true(raw_ask(&other, ID | 1, "other"));
    raw_expect_answer(&other, ID | 1, "+other");
    for (uint32_t i = 0; i < SLOTS; i++)
        assert_true(raw_ask(&other, ID | i, "h"));
    front_bench_await_held(bench, SLOTS); /* now there is none left */
    assert_true(raw_ask(&third, ID | 7, "third"));
    raw_expect_silence(&third, 50);
    front_bench_release(bench, 0);
    raw_expect_answer(&third, ID | 7, "+third");
    char text[8];
    pthread_mutex_lock(&bench->lock);
    bench->releasing = true; /* whatever comes from here on */
    pthread_mutex_unlock(&bench->lock);
    for (size_t i = 0; i < 2 * SLOTS; i++)
        raw_take_answer(&greedy, text, sizeof text);
    for (size_t i = 0; i < SLOTS; i++)
        raw_take_answer(&other, text, sizeof text);
    raw_close(&greedy);
    raw_close(&other);
    raw_close(&third);
}

/* ---- clients that go ---- */

static void who_asked_may_be_gone(void **state) {
    struct front_bench *bench = *state;
    struct raw_client client = front_bench_dial(bench), aborted = front_bench_dial(bench);
    assert_true(raw_ask(&client, ID | 1, "h"));
    assert_true(raw_ask(&aborted, ID | 1, "h"));
    front_bench_await_held(bench, 2);
    raw_close(&client);
    raw_abort(&aborted);
    usleep(20000);
    front_bench_release_all(bench);
    front_bench_expect_alive(bench);
}

static void who_ends_its_side_gets_its_answers(void **state) {
    struct front_bench *bench = *state;
    struct raw_client client = front_bench_dial(bench);
    assert_true(raw_ask(&client, ID | 1, "h"));
    assert_true(raw_ask(&client, ID | 2, "e"));
    assert_true(raw_ask(&client, ID | 3, "b300000")); /* more than fits into the system's buffers */
    assert_true(raw_send(&client, "\0\0\0", 3));      /* never to be completed */
    raw_end_requests(&client);
    front_bench_await_held(bench, 1);
    raw_expect_answer(&client, ID | 2, "+e");
    char *big = malloc(300001);
    assert_int_equal(raw_take_answer(&client, big, 300001), ID | 3);
    free(big);
    front_bench_release_all(bench);
    raw_expect_answer(&client, ID | 1, "+h");
    raw_expect_end(&client);
    raw_close(&client);
    await_connections(bench, 0);
}

static void storms_leave_no_trace(void **state) {
    struct front_bench *bench = *state;
    for (int i = 0; i < 300; i++) {
        struct raw_client client = {0};
        if (front_bench_may_go_deaf() && i % 10 == 0)
            front_bench_expect_alive(bench);
        client = raw_connect(bench->address, i % 4 ? NULL : bench->tls);
        if (i % 5 == 1)
            raw_send(&client, "\0SP\0\0\x30\0\0", 8);
        if (i % 5 == 2)
            raw_send(&client, "GET / HTTP/1.1\r\n\r\n", 18);
        (i % 3 ? raw_close : raw_abort)(&client);
    }
    front_bench_expect_alive(bench);
    await_connections(bench, 0);
}

/* ---- time ---- */

static void open_with_limits(struct front_bench *bench) {
    bench->settings.stall_us = STALL_US;
    bench->settings.idle_us = IDLE_US;
    front_bench_reopen(bench);
}

static void who_stalls_is_closed(void **state) {
    struct front_bench *bench = *state;
    open_with_limits(bench);
    struct raw_client silent = front_bench_knock(bench), greets = front_bench_knock(bench),
                      begins = front_bench_dial(bench), drips = front_bench_dial(bench),
                      whole = front_bench_dial(bench);
    assert_true(raw_send(&greets, "\0SP", 3));
    uint8_t header[9];
    size_t size = raw_header(&begins, header, 10000);
    assert_true(raw_send(&begins, header, size));
    assert_true(raw_send(&drips, header, size));
    /* Signs of life do not give a message more time. More rounds than it takes, because what a
     * client has begun may come to the server after the clock has moved. */
    for (int i = 0; i < 12 || metric_value(bench->metrics, CONNECTIONS_ENDED, ENDING_STALLED) < 4;
         i++) {
        assert_true(i < 1000);
        usleep(i < 12 ? 1000 : 200000);
        late_clock_pass(&bench->clock, STALL_US / 10);
        raw_send(&drips, "x", 1);
        assert_true(raw_ask(&whole, ID | 1, "e"));
        raw_expect_answer(&whole, ID | 1, "+e");
    }
    raw_expect_end(&silent);
    raw_expect_end(&greets);
    raw_expect_end(&begins);
    raw_expect_end(&drips);
    assert_true(raw_ask(&whole, ID | 1, "e"));
    raw_expect_answer(&whole, ID | 1, "+e");
    front_bench_expect_ending(bench, ENDING_STALLED, 4);
    raw_close(&silent);
    raw_close(&greets);
    raw_close(&begins);
    raw_close(&drips);
    raw_close(&whole);
}

static void who_does_not_read_is_closed(void **state) {
    struct front_bench *bench = *state;
    open_with_limits(bench);
    struct raw_client client = front_bench_dial(bench);
    for (uint32_t i = 0; i < 100; i++)
        raw_ask(&client, ID | i, "b100000");
    size_t served = 0, before = 1;
    while (served == 0 || served != before) { /* until nothing more leaves */
        before = served;
        usleep(50000);
        served = atomic_load(&bench->served);
    }
    for (int i = 0;
         i < RAW_WAIT_MS && metric_value(bench->metrics, CONNECTIONS_ENDED, ENDING_STALLED) == 0;
         i++) {
        if (i % 1000 == 0)
            late_clock_pass(&bench->clock, STALL_US + 1);
        usleep(1000);
    }
    front_bench_expect_ending(bench, ENDING_STALLED, 1);
    raw_close(&client);
    front_bench_expect_alive(bench);
}

static void who_is_idle_is_closed(void **state) {
    struct front_bench *bench = *state;
    open_with_limits(bench);
    struct raw_client idle = front_bench_dial(bench), waits = front_bench_dial(bench);
    assert_true(raw_ask(&idle, ID | 1, "e"));
    raw_expect_answer(&idle, ID | 1, "+e");
    assert_true(raw_ask(&waits, ID | 1, "h")); /* that is not idle */
    front_bench_await_held(bench, 1);
    do /* more than once: its last sign of life may come to the server after the clock has moved */
        late_clock_pass(&bench->clock, IDLE_US + 1);
    while (!raw_ends(&idle, 2000));
    front_bench_release_all(bench);
    raw_expect_answer(&waits, ID | 1, "+h");
    front_bench_expect_ending(bench, ENDING_IDLE, 1);
    raw_close(&idle);
    raw_close(&waits);
}

/* ---- limits ---- */

static void more_connections_are_turned_away(void **state) {
    struct front_bench *bench = *state;
    enum { MOST = 5 };
    struct raw_client clients[MOST];
    bench->settings.connections_max = MOST;
    front_bench_reopen(bench);
    for (int i = 0; i < MOST; i++)
        clients[i] = front_bench_dial(bench);
    for (int i = 0; i < 3; i++) {
        struct raw_client refused = raw_connect(bench->address, NULL);
        raw_expect_end(&refused);
        raw_close(&refused);
    }
    assert_int_equal(metric_value(bench->metrics, CONNECTIONS_REFUSED, 0), 3);
    for (int i = 0; i < MOST; i++) { /* those that are there are served */
        assert_true(raw_ask(&clients[i], ID | 1, "e"));
        raw_expect_answer(&clients[i], ID | 1, "+e");
    }
    /* The watchdog is turned away like anybody else, and thinks nothing of it. */
    for (int i = 0; i < 4; i++) {
        front_watch(bench->front);
        usleep(50000);
    }
    assert_int_equal(metric_value(bench->metrics, LISTENER_RESTARTS, 0), 0);
    raw_close(&clients[0]);
    await_connections(bench, MOST - 1); /* the server has noticed */
    clients[0] = front_bench_dial(bench);
    for (int i = 0; i < MOST; i++)
        raw_close(&clients[i]);
}

/* Many half messages: whoever wants more than there is has to go, and who asks little is served. */
static void memory_is_limited_over_all(void **state) {
    enum { CLIENTS = 60 };
    struct front_bench *bench = *state;
    bench->settings.buffer_bytes_max = (size_t)2 << 20;
    bench->settings.bytes_max = (size_t)1 << 20;
    front_bench_reopen(bench);
    struct raw_client clients[CLIENTS], good = front_bench_dial(bench);
    char *half = calloc(1, 100000);
    for (int i = 0; i < CLIENTS; i++) {
        uint8_t header[9];
        clients[i] = front_bench_dial(bench);
        raw_send(&clients[i], header, raw_header(&clients[i], header, 200000));
        raw_send(&clients[i], half, 100000);
        usleep(1000);
    }
    free(half);
    for (int i = 0; i < RAW_WAIT_MS && metric_value(bench->metrics, CONNECTIONS, 0) > CLIENTS / 2;
         i++)
        usleep(1000);
    int64_t ended = metric_value(bench->metrics, CONNECTIONS_ENDED, ENDING_MEMORY);
    assert_true(ended >= CLIENTS / 2 && ended < CLIENTS);
    assert_true(raw_ask(&good, ID | 1, "e"));
    raw_expect_answer(&good, ID | 1, "+e");
    for (int i = 0; i < CLIENTS; i++)
        raw_close(&clients[i]);
    raw_close(&good);
}

static int64_t time_ns(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Without descriptors nobody can be accepted, and nothing else suffers: no spinning, and who waited
 * is let in when there are some again. */
static void without_descriptors_clients_wait(void **state) {
    struct front_bench *bench = *state;
    struct raw_client old = front_bench_dial(bench), waits = {0};
    int taken[4096], count = 0;
    struct rlimit before, few;
    /* Its thread is done with accepting: accept() holds a descriptor even while it finds nobody,
     * which would be free again after all are taken here. */
    assert_true(raw_ask(&old, ID | 1, "e"));
    raw_expect_answer(&old, ID | 1, "+e");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    waits.is_ipc = old.is_ipc;
    /* The client's own descriptor is the last that there is. */
    while (count < 16 && (taken[count] = dup(0)) >= 0)
        count++;
    few = before;
    few.rlim_cur = (rlim_t)taken[count - 1] + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    while ((taken[count] = dup(0)) >= 0)
        count++;
    close(taken[--count]);
    waits = raw_connect(bench->address, NULL);
    usleep(50000);
    int64_t used_ns = -time_ns(CLOCK_PROCESS_CPUTIME_ID), passed_ns = -time_ns(CLOCK_MONOTONIC);
    usleep(300000);
    passed_ns += time_ns(CLOCK_MONOTONIC);
    used_ns += time_ns(CLOCK_PROCESS_CPUTIME_ID);
    assert_true(raw_ask(&old, ID | 2, "e"));
    raw_expect_answer(&old, ID | 2, "+e");
    raw_expect_silence(&waits, 50);
    while (count > 0)
        close(taken[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(raw_send(&waits, "\0SP\0\0\x30\0\0", 8));
    raw_expect(&waits, "\0SP\0\0\x31\0\0", 8);
    if (used_ns > passed_ns / 2)
        fail_msg("%lld ms of processor time in %lld ms of waiting", (long long)used_ns / 1000000,
                 (long long)passed_ns / 1000000);
    raw_close(&waits);
    raw_close(&old);
}

/* A limit on descriptors is raised for all who take some. */
static void descriptors_are_enough_for_everybody(void **state) {
    struct front_bench *bench = *state;
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = 300;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    bench->settings.connections_max = 200;
    bench->settings.connections_elsewhere = 500;
    front_bench_reopen(bench);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_cur >= 128 + 200 + 500);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    struct raw_client client = front_bench_dial(bench);
    assert_true(raw_ask(&client, ID | 1, "e"));
    raw_expect_answer(&client, ID | 1, "+e");
    raw_close(&client);
}

/* ---- the end ---- */

static void answers_leave_before_the_end(void **state) {
    enum { SIZE = 500000 };
    struct front_bench *bench = *state;
    struct raw_client client = front_bench_dial(bench);
    char *bytes = malloc(SIZE + 1), text[16];
    snprintf(text, sizeof text, "b%d", SIZE);
    assert_true(raw_ask(&client, ID | 1, text));
    while (atomic_load(&bench->served) < 1)
        usleep(1000);
    while (!front_drain(bench->front))
        usleep(1000);
    assert_true(raw_ask(&client, ID | 2, "e")); /* too late */
    pthread_t closer;
    assert_int_equal(
        pthread_create(&closer, NULL, (void *(*)(void *))(uintptr_t)front_close, bench->front), 0);
    raw_take_answer(&client, bytes, SIZE + 1);
    assert_int_equal(strlen(bytes), SIZE);
    raw_expect_end(&client);
    pthread_join(closer, NULL);
    assert_int_equal(atomic_load(&bench->served), 1);
    free(bytes);
    raw_close(&client);
    front_bench_open(bench);
}

/* A socket file that nobody listens on is replaced; a file that is none is not. */
static void what_is_left_on_the_path(void **state) {
    struct front_bench *bench = *state;
    const char *path = address_ipc_path(bench->address);
    char beside[128];
    struct error error;
    snprintf(beside, sizeof beside, "%s.old", path);
    front_close(bench->front);
    struct front *killed; /* leaves its file, as a kill does */
    assert_int_equal(front_open(&bench->settings, &killed, &error), 0);
    assert_int_equal(rename(path, beside), 0);
    front_close(killed);
    assert_int_equal(rename(beside, path), 0);
    front_bench_open(bench);
    front_bench_expect_alive(bench);
    front_close(bench->front);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0 && write(file, "mine", 4) == 4);
    close(file);
    struct front *refused;
    assert_int_equal(front_open(&bench->settings, &refused, &error), -ERROR_EXISTS);
    assert_non_null(strstr(error.text, path));
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    front_bench_open(bench);
}

/* ---- all of them ---- */

static const struct scenario scenarios[] = {
    SCENARIO(OURS, who_takes_no_answers_is_not_served),
    SCENARIO(OURS, one_client_leaves_slots_to_others),
    SCENARIO(ALL, who_asked_may_be_gone),
    SCENARIO(OURS | PLAIN, who_ends_its_side_gets_its_answers),
    SCENARIO(ALL, storms_leave_no_trace),
    SCENARIO(OURS, who_stalls_is_closed),
    SCENARIO(OURS, who_does_not_read_is_closed),
    SCENARIO(OURS, who_is_idle_is_closed),
    SCENARIO(OURS, more_connections_are_turned_away),
    SCENARIO(OURS, memory_is_limited_over_all),
    SCENARIO(OURS | PLAIN, without_descriptors_clients_wait),
    SCENARIO(OURS, descriptors_are_enough_for_everybody),
    SCENARIO(OURS, answers_leave_before_the_end),
    SCENARIO(OURS | IPC, what_is_left_on_the_path),
};

int main(int argc, char **argv) {
    return front_bench_run(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
