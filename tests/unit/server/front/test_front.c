/* Both fronts, with a handler of our own behind them and stock nng clients before them.
 *
 * usage: test_front SCHEME      ipc or nng+ipc */
#include "server/front/front.h"
#include "server/ops/metrics.h"
#include "tests/unit/unit.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define WORKERS 4
#define WAIT_MS 120000 /* only catches a hang */

static const char *scheme;

struct bench {
    char folder[64], address[2][96];
    const char *addresses[2];
    struct log log;
    struct metric_set *metrics;
    struct front_settings settings;
    struct front *front;
    atomic_bool holding; /* requests are kept until released */
    atomic_int held_count, served, returned;
    useconds_t lingers_us; /* the handler, after it has answered */
    struct front_request *held[WORKERS];
    pthread_mutex_t lock;
};

/* Answers with the same bytes behind a "+". */
static void echo(struct front_request *request) {
    char answer[64] = "+";
    assert_true(request->length < sizeof answer - 1);
    memcpy(answer + 1, request->bytes, request->length);
    front_reply(request, answer, request->length + 1);
}

static void handle(void *user, struct front_request *request) {
    struct bench *bench = user;
    atomic_fetch_add(&bench->served, 1);
    pthread_mutex_lock(&bench->lock);
    bool hold = bench->holding;
    if (hold)
        bench->held[bench->held_count++] = request;
    pthread_mutex_unlock(&bench->lock);
    if (!hold)
        echo(request);
    usleep(bench->lingers_us);
    atomic_fetch_add(&bench->returned, 1);
}

static void release(struct bench *bench) {
    pthread_mutex_lock(&bench->lock);
    atomic_store(&bench->holding, false);
    while (bench->held_count > 0)
        echo(bench->held[--bench->held_count]);
    pthread_mutex_unlock(&bench->lock);
}

static int setup(void **state) {
    struct bench *bench = calloc(1, sizeof *bench);
    strcpy(bench->folder, "/tmp/harrier-front-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->address[0], sizeof bench->address[0], "%s://%s/a", scheme, bench->folder);
    snprintf(bench->address[1], sizeof bench->address[1], "%s://%s/b", scheme, bench->folder);
    bench->addresses[0] = bench->address[0];
    bench->addresses[1] = bench->address[1];
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    log_init(&bench->log, nowhere, LOG_DEBUG);
    bench->metrics = server_metrics_new();
    pthread_mutex_init(&bench->lock, NULL);
    bench->settings = (struct front_settings){
        .addresses = bench->addresses,
        .address_count = 2,
        .requests_max = WORKERS,
        .bytes_max = 1000,
        .ipc_access = {.mode = 0660, .group = (gid_t)-1},
        .connections_max = 100,
        .buffer_bytes_max = 1 << 20,
        .handler = {.handle = handle, .user = bench},
        .probe = "probe",
        .probe_length = 5,
        .clock = &clock_system,
        .log = &bench->log,
        .metrics = bench->metrics,
    };
    struct error error;
    if (front_open(&bench->settings, &bench->front, &error) < 0)
        fail_msg("%s", error.text);
    *state = bench;
    return 0;
}

static int teardown(void **state) {
    struct bench *bench = *state;
    front_close(bench->front);
    metric_set_free(bench->metrics);
    close(bench->log.descriptor);
    char command[128];
    snprintf(command, sizeof command, "%s/a.lock", bench->folder);
    unlink(command);
    snprintf(command, sizeof command, "%s/b.lock", bench->folder);
    unlink(command);
    assert_int_equal(rmdir(bench->folder), 0); /* nothing else is left behind */
    free(bench);
    return 0;
}

static nng_socket dial(const char *address) {
    nng_socket socket;
    if (strncmp(address, "nng+", 4) == 0)
        address += 4;
    assert_int_equal(nng_req0_open(&socket), 0);
    assert_int_equal(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, WAIT_MS), 0);
    assert_int_equal(nng_dial(socket, address, NULL, 0), 0);
    return socket;
}

static void send_text(nng_socket socket, const char *text) {
    assert_int_equal(nng_send(socket, (void *)(uintptr_t)text, strlen(text), 0), 0);
}

static void expect_text(nng_socket socket, const char *text) {
    char answer[64];
    size_t length = sizeof answer;
    assert_int_equal(nng_recv(socket, answer, &length, 0), 0);
    assert_int_equal(length, strlen(text));
    assert_memory_equal(answer, text, length);
}

static void every_address_answers(void **state) {
    struct bench *bench = *state;
    for (int i = 0; i < 2; i++) {
        nng_socket socket = dial(bench->addresses[i]);
        for (int round = 0; round < 3; round++) { /* more rounds than one worker's first */
            send_text(socket, "hello");
            expect_text(socket, "+hello");
        }
        nng_close(socket);
    }
}

static void await_held(struct bench *bench, int count) {
    for (int i = 0; i < WAIT_MS && atomic_load(&bench->held_count) < count; i++)
        usleep(1000);
    assert_int_equal(atomic_load(&bench->held_count), count);
}

static void answers_may_come_later_and_from_anywhere(void **state) {
    struct bench *bench = *state;
    nng_socket sockets[WORKERS];
    atomic_store(&bench->holding, true);
    for (int i = 0; i < WORKERS; i++) {
        sockets[i] = dial(bench->address[0]);
        send_text(sockets[i], (const char *[WORKERS]){"a", "b", "c", "d"}[i]);
    }
    await_held(bench, WORKERS);
    release(bench); /* in the other order */
    for (int i = 0; i < WORKERS; i++) {
        expect_text(sockets[i], (const char *[WORKERS]){"+a", "+b", "+c", "+d"}[i]);
        nng_close(sockets[i]);
    }
}

static void who_asked_may_be_gone(void **state) {
    struct bench *bench = *state;
    atomic_store(&bench->holding, true);
    nng_socket socket = dial(bench->address[0]);
    send_text(socket, "a");
    await_held(bench, 1);
    nng_close(socket);
    usleep(20000);
    release(bench);
    every_address_answers(state);
}

static void too_large_a_message_ends_its_connection_only(void **state) {
    struct bench *bench = *state;
    nng_socket good = dial(bench->address[0]), bad = dial(bench->address[0]);
    char large[2000] = {0};
    assert_int_equal(nng_send(bad, large, sizeof large, 0), 0);
    send_text(good, "hello");
    expect_text(good, "+hello");
    assert_int_equal(atomic_load(&bench->served), 1);
    nng_close(bad);
    nng_close(good);
}

static void draining_finishes_and_takes_no_more(void **state) {
    struct bench *bench = *state;
    atomic_store(&bench->holding, true);
    nng_socket first = dial(bench->address[0]), second = dial(bench->address[0]);
    send_text(first, "a");
    await_held(bench, 1);
    for (int i = 0; i < 20; i++) {
        assert_false(front_drain(bench->front));
        usleep(1000);
    }
    send_text(second, "b");
    usleep(50000);
    assert_int_equal(atomic_load(&bench->served), 1);
    release(bench);
    expect_text(first, "+a");
    int tries = 0;
    while (!front_drain(bench->front) && ++tries < WAIT_MS)
        usleep(1000);
    assert_true(tries < WAIT_MS);
    assert_int_equal(atomic_load(&bench->served), 1);
    nng_close(second);
    nng_close(first);
}

/* What the handler uses goes when all is drained: it must not be in there any more, though its
 * answer left long ago. */
static void draining_waits_for_the_handler(void **state) {
    struct bench *bench = *state;
    bench->lingers_us = 300000;
    nng_socket socket = dial(bench->address[0]);
    send_text(socket, "a");
    expect_text(socket, "+a");
    while (!front_drain(bench->front))
        usleep(1000);
    assert_int_equal(atomic_load(&bench->returned), 1);
    nng_close(socket);
}

static void an_address_has_one_server(void **state) {
    struct bench *bench = *state;
    struct front *other;
    struct error error;
    assert_int_equal(front_open(&bench->settings, &other, &error), -ERROR_EXISTS);
    assert_non_null(strstr(error.text, "another server"));
    assert_non_null(strstr(error.text, strstr(bench->address[0], "ipc://")));
    every_address_answers(state); /* the first has not lost it */
}

/* Watches, and waits until so many probes are answered, and for what is on its way back to them. */
static void watch(struct bench *bench, int answered) {
    int before = atomic_load(&bench->returned);
    front_watch(bench->front);
    for (int wait = 0; wait < WAIT_MS && atomic_load(&bench->returned) < before + answered; wait++)
        usleep(1000);
    assert_int_equal(atomic_load(&bench->returned), before + answered);
    usleep(100000);
}

static void watching_leaves_good_listeners_alone(void **state) {
    struct bench *bench = *state;
    for (int i = 0; i < 4; i++) {
        watch(bench, 2); /* one probe for each address */
    }
    assert_int_equal(metric_value(bench->metrics, LISTENER_RESTARTS, 0), 0);
}

/* Answers the requests held at [1, end): too late, they were probes and nobody waits any more. */
static void release_probes(struct bench *bench, int end) {
    pthread_mutex_lock(&bench->lock);
    for (int i = 1; i < end; i++)
        echo(bench->held[i]);
    for (int i = end; i < bench->held_count; i++)
        bench->held[1 + i - end] = bench->held[i];
    if (end > 1)
        bench->held_count -= end - 1;
    pthread_mutex_unlock(&bench->lock);
}

static void a_slow_server_is_not_a_deaf_one(void **state) {
    struct bench *bench = *state;
    atomic_store(&bench->holding, true);
    nng_socket socket = dial(bench->address[0]);
    send_text(socket, "a");
    await_held(bench, 1);
    for (int i = 0; i < 5; i++) {
        int held = atomic_load(&bench->held_count);
        front_watch(bench->front); /* of the last probes it finds no answer */
        release_probes(bench, held);
        await_held(bench, 3); /* the new ones, one for each address */
    }
    assert_int_equal(metric_value(bench->metrics, LISTENER_RESTARTS, 0), 0);
    release(bench);
    expect_text(socket, "+a");
    nng_close(socket);
}

/* From outside, the bug of nng 1.5 looks like this: no answer at the socket file. A missing file
 * gives the same with every version. */
static void a_deaf_listener_is_opened_again(void **state) {
    struct bench *bench = *state;
    assert_int_equal(unlink(strchr(bench->address[0], '/') + 2), 0);
    for (int i = 0; i < 2; i++)
        watch(bench, 1); /* only the other address answers */
    front_watch(bench->front);
    for (int wait = 0; wait < WAIT_MS && metric_value(bench->metrics, LISTENER_RESTARTS, 0) < 1;
         wait++)
        usleep(1000);
    assert_int_equal(metric_value(bench->metrics, LISTENER_RESTARTS, 0), 1);
    every_address_answers(state);
}

/* Many in flight from several sockets: each gets its own answer. */
static void many_are_in_flight(void **state) {
    struct bench *bench = *state;
    enum { SOCKETS = 4, CONTEXTS = 32, ROUNDS = 20 };
    nng_socket sockets[SOCKETS];
    static nng_ctx contexts[SOCKETS][CONTEXTS];
    static nng_aio *aios[SOCKETS][CONTEXTS];
    for (int i = 0; i < SOCKETS; i++) {
        sockets[i] = dial(bench->addresses[i % 2]);
        for (int j = 0; j < CONTEXTS; j++) {
            assert_int_equal(nng_ctx_open(&contexts[i][j], sockets[i]), 0);
            assert_int_equal(nng_aio_alloc(&aios[i][j], NULL, NULL), 0);
            nng_aio_set_timeout(aios[i][j], WAIT_MS);
        }
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SOCKETS; i++)
            for (int j = 0; j < CONTEXTS; j++) {
                nng_msg *message;
                char text[32];
                snprintf(text, sizeof text, "%d.%d.%d", i, j, round);
                assert_int_equal(nng_msg_alloc(&message, 0), 0);
                assert_int_equal(nng_msg_append(message, text, strlen(text)), 0);
                nng_aio_set_msg(aios[i][j], message);
                nng_ctx_send(contexts[i][j], aios[i][j]);
                nng_aio_wait(aios[i][j]);
                assert_int_equal(nng_aio_result(aios[i][j]), 0);
                nng_ctx_recv(contexts[i][j], aios[i][j]);
            }
        for (int i = 0; i < SOCKETS; i++)
            for (int j = 0; j < CONTEXTS; j++) {
                char text[32];
                snprintf(text, sizeof text, "+%d.%d.%d", i, j, round);
                nng_aio_wait(aios[i][j]);
                assert_int_equal(nng_aio_result(aios[i][j]), 0);
                nng_msg *message = nng_aio_get_msg(aios[i][j]);
                assert_int_equal(nng_msg_len(message), strlen(text));
                assert_memory_equal(nng_msg_body(message), text, strlen(text));
                nng_msg_free(message);
            }
    }
    for (int i = 0; i < SOCKETS; i++) {
        for (int j = 0; j < CONTEXTS; j++) {
            nng_ctx_close(contexts[i][j]);
            nng_aio_free(aios[i][j]);
        }
        nng_close(sockets[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv) {
    assert(argc == 2);
    scheme = argv[1];
    const struct CMUnitTest tests[] = {
        TEST(every_address_answers),
        TEST(answers_may_come_later_and_from_anywhere),
        TEST(many_are_in_flight),
        TEST(who_asked_may_be_gone),
        TEST(too_large_a_message_ends_its_connection_only),
        TEST(draining_finishes_and_takes_no_more),
        TEST(draining_waits_for_the_handler),
        TEST(an_address_has_one_server),
        TEST(watching_leaves_good_listeners_alone),
        TEST(a_slow_server_is_not_a_deaf_one),
        TEST(a_deaf_listener_is_opened_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
