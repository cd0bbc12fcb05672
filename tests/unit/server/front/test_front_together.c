/* Requests that come together, as the front on libevent hands them to handle_all(): which share a
 * call of it, where a call ends, and that everybody gets the own answers in the own order.
 *
 * usage: test_front_together SCHEME      tcp or ipc
 *
 * What comes together is made so: a client's request holds the handler, and with it the loop, until
 * what others send is in their sockets. */
#include "server/front/front.h"
#include "server/ops/metrics.h"
#include "tests/unit/port.h"
#include "tests/unit/server/raw_client.h"
#include "tests/unit/unit.h"

#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS       8
#define LATER_MAX   64
#define BATCHES_MAX 4096
#define BATCH_BYTES 65536 /* of front_sp_batch.c */
#define BYTES_MAX   20000
#define DEADLINE_US 50000
#define ID          UINT32_C(0x80000000)

static const char *scheme;

struct batch {
    size_t count;
    size_t bytes; /* of all but the last */
    bool
        is_much; /* there is one that may be answered with much, and it is the last of its client */
};

struct bench {
    char folder[64], address[96];
    const char *addresses[1];
    struct log log;
    struct metric_set *metrics;
    struct front_settings settings;
    struct front *front;
    pthread_mutex_t lock;
    pthread_t answerer;
    bool ending; /* under the lock */
    struct front_request *later[LATER_MAX];
    size_t later_count;
    struct batch batches[BATCHES_MAX]; /* the loop's, until it has answered */
    atomic_size_t batch_count, served;
    atomic_bool is_holding, may_go_on;
};

/* ---- the handler: what the payload's first letter says ---- */

/* "b70000": so many bytes. */
static void answer_big(struct front_request *request) {
    char digits[16] = {0};
    assert_true(request->length < sizeof digits);
    memcpy(digits, (const char *)request->bytes + 1, request->length - 1);
    size_t size = (size_t)atoi(digits);
    char *bytes = malloc(size);
    memset(bytes, 'b', size);
    front_reply(request, bytes, size);
    free(bytes);
}

static void echo(struct front_request *request) {
    char *answer = malloc(request->length + 1);
    *answer = '+';
    memcpy(answer + 1, request->bytes, request->length);
    front_reply(request, answer, request->length + 1);
    free(answer);
}

static void hold(struct bench *bench) {
    atomic_store(&bench->is_holding, true);
    for (int i = 0; i < RAW_WAIT_MS && !atomic_load(&bench->may_go_on); i++)
        usleep(1000);
}

static void handle(void *user, struct front_request *request) {
    struct bench *bench = user;
    char letter = *(const char *)request->bytes;
    atomic_fetch_add(&bench->served, 1);
    if (letter == 'w')
        hold(bench);
    if (letter == 'l') {
        pthread_mutex_lock(&bench->lock);
        assert_true(bench->later_count < LATER_MAX);
        bench->later[bench->later_count++] = request;
        pthread_mutex_unlock(&bench->lock);
    } else if (letter == 'b') {
        answer_big(request);
    } else {
        echo(request);
    }
}

static void handle_all(void *user, struct front_request *const *requests, size_t count) {
    struct bench *bench = user;
    size_t index = atomic_load(&bench->batch_count);
    assert_true(index < BATCHES_MAX && count > 0);
    struct batch *batch = &bench->batches[index];
    *batch = (struct batch){.count = count};
    for (size_t i = 0; i < count; i++) {
        batch->bytes += i + 1 < count ? requests[i]->length : 0;
        batch->is_much |= *(const char *)requests[i]->bytes == 'b';
    }
    atomic_store(&bench->batch_count, index + 1);
    for (size_t i = 0; i < count; i++)
        handle(user, requests[i]);
}

static void look(void *user, const void *bytes, size_t length, struct front_look *ret_look) {
    (void)user;
    char letter = length > 0 ? *(const char *)bytes : 0;
    ret_look->may_answer_much = letter == 'b';
    ret_look->deadline_us = letter == 'd' ? DEADLINE_US : 0;
}

static struct text refusal(void *user, enum front_refusal why, bool asks_for_verdicts) {
    (void)user;
    (void)asks_for_verdicts;
    return text_of(why == FRONT_LATE ? "late" : "overloaded");
}

/* Answers what begins with an "l", the last first, from a thread of its own. */
static void *answer_later(void *user) {
    struct bench *bench = user;
    for (bool ending = false; !ending;) {
        usleep(1000);
        pthread_mutex_lock(&bench->lock);
        while (bench->later_count > 0)
            echo(bench->later[--bench->later_count]);
        ending = bench->ending;
        pthread_mutex_unlock(&bench->lock);
    }
    return NULL;
}

/* ---- before and after each ---- */

static void open_front(struct bench *bench, size_t requests_max) {
    struct error error;
    bench->settings.requests_max = requests_max;
    if (front_open(&bench->settings, &bench->front, &error) < 0)
        fail_msg("%s", error.text);
}

static int setup(void **state) {
    struct bench *bench = calloc(1, sizeof *bench);
    strcpy(bench->folder, "/tmp/harrier-front-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    if (strcmp(scheme, "ipc") == 0)
        snprintf(bench->address, sizeof bench->address, "ipc://%s/a", bench->folder);
    else
        snprintf(bench->address, sizeof bench->address, "%s://127.0.0.1:%d", scheme, free_port());
    bench->addresses[0] = bench->address;
    log_init(&bench->log, open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_DEBUG);
    bench->metrics = server_metrics_new();
    pthread_mutex_init(&bench->lock, NULL);
    bench->settings = (struct front_settings){
        .addresses = bench->addresses,
        .address_count = 1,
        .bytes_max = BYTES_MAX,
        .ipc_access = {.mode = 0660, .group = (gid_t)-1},
        .connections_max = 100,
        .buffer_bytes_max = (size_t)64 << 20,
        .handler = {.handle = handle,
                    .handle_all = handle_all,
                    .look = look,
                    .refusal = refusal,
                    .user = bench},
        .probe = "probe",
        .probe_length = 5,
        .clock = &clock_system,
        .log = &bench->log,
        .metrics = bench->metrics,
    };
    assert_int_equal(pthread_create(&bench->answerer, NULL, answer_later, bench), 0);
    *state = bench;
    return 0;
}

static int teardown(void **state) {
    struct bench *bench = *state;
    char lock[128];
    atomic_store(&bench->may_go_on, true);
    front_close(bench->front);
    pthread_mutex_lock(&bench->lock);
    bench->ending = true;
    pthread_mutex_unlock(&bench->lock);
    pthread_join(bench->answerer, NULL);
    metric_set_free(bench->metrics);
    close(bench->log.descriptor);
    snprintf(lock, sizeof lock, "%s/a.lock", bench->folder);
    unlink(lock);
    rmdir(bench->folder);
    free(bench);
    return 0;
}

/* What it sends leaves at once. */
static struct raw_client dial(struct bench *bench) {
    struct raw_client client = raw_open(bench->address, NULL);
    setsockopt(client.descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return client;
}

/* The loop is in the handler when it returns, and stays there. */
static struct raw_client hold_loop(struct bench *bench) {
    struct raw_client client = dial(bench);
    atomic_store(&bench->is_holding, false);
    atomic_store(&bench->may_go_on, false);
    assert_true(raw_ask(&client, ID, "w"));
    for (int i = 0; i < RAW_WAIT_MS && !atomic_load(&bench->is_holding); i++)
        usleep(1000);
    assert_true(atomic_load(&bench->is_holding));
    return client;
}

static void let_loop_go(struct bench *bench, struct raw_client *holding) {
    atomic_store(&bench->may_go_on, true);
    raw_expect_answer(holding, ID, "+w");
    raw_close(holding);
}

/* Asks for text, with the client's number and the request's behind it. */
static void ask(struct raw_client *client, const char *text, int number, uint32_t id) {
    char asked[64];
    snprintf(asked, sizeof asked, "%s%d.%u", text, number, id);
    assert_true(raw_ask(client, ID | id, asked));
}

static void expect(struct raw_client *client, const char *text, int number, uint32_t id) {
    char answered[64];
    snprintf(answered, sizeof answered, "+%s%d.%u", text, number, id);
    raw_expect_answer(client, ID | id, answered);
}

/* ---- what comes together ---- */

static void clients_share_a_batch(void **state) {
    enum { CLIENTS = 5, EACH = 7 };
    struct bench *bench = *state;
    struct raw_client clients[CLIENTS];
    open_front(bench, 64);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = dial(bench);
    struct raw_client holding = hold_loop(bench);
    for (int i = 0; i < CLIENTS; i++)
        for (uint32_t id = 0; id < EACH; id++)
            ask(&clients[i], "e", i, id);
    let_loop_go(bench, &holding);
    for (int i = 0; i < CLIENTS; i++)
        for (uint32_t id = 0; id < EACH; id++)
            expect(&clients[i], "e", i, id);
    for (int i = 0; i < CLIENTS; i++)
        raw_close(&clients[i]);
    assert_int_equal(atomic_load(&bench->batch_count), 2);
    assert_int_equal(bench->batches[1].count, CLIENTS * EACH);
}

static int64_t still_us(const struct clock *self) {
    (void)self;
    return INT64_C(1) << 40;
}

/* By a clock that stands still, however slow the machine is: where requests wait for long, batches
 * are smaller. */
static const struct clock still_clock = {still_us, still_us};

static void a_batch_ends_with_its_bytes(void **state) {
    enum { CLIENTS = 12, EACH = 4, SIZE = 4000 };
    struct bench *bench = *state;
    struct raw_client clients[CLIENTS];
    char payload[SIZE], expected[SIZE + 1];
    uint8_t id[4] = {0x80};
    memset(payload, 'e', sizeof payload);
    memset(expected, 'e', sizeof expected);
    *expected = '+';
    bench->settings.clock = &still_clock;
    open_front(bench, 256);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = dial(bench);
    struct raw_client holding = hold_loop(bench);
    for (int i = 0; i < CLIENTS; i++)
        for (id[3] = 0; id[3] < EACH; id[3]++)
            assert_true(raw_send_message(&clients[i], id, sizeof id, payload, SIZE));
    let_loop_go(bench, &holding);
    for (int i = 0; i < CLIENTS; i++)
        for (id[3] = 0; id[3] < EACH; id[3]++)
            raw_expect_message(&clients[i], id, sizeof id, expected, SIZE + 1);
    for (int i = 0; i < CLIENTS; i++)
        raw_close(&clients[i]);
    size_t full = 0, all = 0;
    for (size_t i = 1; i < atomic_load(&bench->batch_count); i++) {
        assert_true(bench->batches[i].bytes < BATCH_BYTES);
        full += bench->batches[i].bytes + SIZE >= BATCH_BYTES;
        all += bench->batches[i].count;
    }
    assert_int_equal(all, CLIENTS * EACH);
    assert_int_equal(full, 2); /* 48 messages, of which 17 reach the limit */
}

/* Everybody's share is half of the slots; who finds none is served when there are some again. */
static void a_batch_ends_with_the_slots(void **state) {
    enum { CLIENTS = 5, EACH = 3 * SLOTS };
    struct bench *bench = *state;
    struct raw_client clients[CLIENTS];
    open_front(bench, SLOTS);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = dial(bench);
    struct raw_client holding = hold_loop(bench);
    for (int i = 0; i < CLIENTS; i++)
        for (uint32_t id = 0; id < EACH; id++)
            ask(&clients[i], "e", i, id);
    let_loop_go(bench, &holding);
    for (int i = 0; i < CLIENTS; i++)
        for (uint32_t id = 0; id < EACH; id++)
            expect(&clients[i], "e", i, id);
    for (int i = 0; i < CLIENTS; i++)
        raw_close(&clients[i]);
    size_t full = 0, all = 0;
    for (size_t i = 1; i < atomic_load(&bench->batch_count); i++) {
        assert_true(bench->batches[i].count <= SLOTS);
        full += bench->batches[i].count == SLOTS;
        all += bench->batches[i].count;
    }
    assert_int_equal(all, CLIENTS * EACH);
    assert_true(full >= 10); /* of 15 at least; as long as two have something to ask */
}

/* All slots are with another thread: nobody's request is lost, whoever waits in line for a slot. */
static void slots_come_back_from_another_thread(void **state) {
    enum { CLIENTS = 6, ROUNDS = 30, EACH = SLOTS };
    struct bench *bench = *state;
    struct raw_client clients[CLIENTS];
    bool seen[CLIENTS][EACH];
    char text[64], expected[64];
    open_front(bench, SLOTS);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = dial(bench);
    for (int round = 0; round < ROUNDS; round++) {
        memset(seen, 0, sizeof seen);
        for (uint32_t id = 0; id < EACH; id++)
            for (int i = 0; i < CLIENTS; i++)
                ask(&clients[i], (id + (uint32_t)i) % 3 ? "l" : "e", i, id);
        for (int i = 0; i < CLIENTS; i++)
            for (uint32_t j = 0; j < EACH; j++) {
                uint32_t id = raw_take_answer(&clients[i], text, sizeof text) & ~ID;
                assert_true(id < EACH && !seen[i][id]);
                seen[i][id] = true;
                snprintf(expected, sizeof expected, "+%s%d.%u", (id + (uint32_t)i) % 3 ? "l" : "e",
                         i, id);
                assert_string_equal(text, expected);
            }
    }
    for (int i = 0; i < CLIENTS; i++)
        raw_close(&clients[i]);
    assert_int_equal(atomic_load(&bench->served), CLIENTS * ROUNDS * EACH);
}

/* A client that goes while its requests are in a batch with others' takes nothing along. */
static void who_goes_takes_nothing_along(void **state) {
    enum { CLIENTS = 8, EACH = 6 };
    struct bench *bench = *state;
    struct raw_client clients[CLIENTS];
    open_front(bench, 64);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = dial(bench);
    struct raw_client holding = hold_loop(bench);
    for (int i = 0; i < CLIENTS; i++)
        for (uint32_t id = 0; id < EACH; id++)
            ask(&clients[i], i % 2 && id % 2 ? "l" : "e", i, id);
    for (int i = 1; i < CLIENTS; i += 4)
        raw_abort(&clients[i]);
    for (int i = 3; i < CLIENTS; i += 4)
        raw_close(&clients[i]);
    let_loop_go(bench, &holding);
    for (int i = 0; i < CLIENTS; i += 2) {
        for (uint32_t id = 0; id < EACH; id++)
            expect(&clients[i], "e", i, id);
        raw_close(&clients[i]);
    }
}

/* ---- answers that may be large ---- */

/* In one piece: they come together. */
static void ask_for_much(struct raw_client *client, uint32_t count) {
    uint8_t *asked = malloc(count * (9 + 4 + 7));
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        size += raw_header(client, asked + size, 4 + 7);
        memcpy(asked + size, (uint8_t[]){0x80, 0, (uint8_t)(i >> 8), (uint8_t)i}, 4);
        memcpy(asked + size + 4, "b200000", 7);
        size += 4 + 7;
    }
    assert_true(raw_send(client, asked, size));
    free(asked);
}

/* A client asks for much and takes nothing: what is made for it is the 256 KiB and one answer, and
 * what the system holds of them. */
static void large_answers_are_not_made_ahead(void **state) {
    enum { COUNT = 200, SIZE = 200000 };
    struct bench *bench = *state;
    open_front(bench, 2 * COUNT);
    struct raw_client client = dial(bench), other;
    int few = 65536;
    setsockopt(client.descriptor, SOL_SOCKET, SO_RCVBUF, &few, sizeof few);
    ask_for_much(&client, COUNT);
    size_t served = 0, before = 1;
    while (served < 2 || served != before) { /* until no more are */
        before = served;
        usleep(200000);
        served = atomic_load(&bench->served);
    }
    assert_in_range(served, 2, 60); /* the system's buffers grow to 4 and 6 MB */
    other = dial(bench);
    ask(&other, "e", 1, 1);
    expect(&other, "e", 1, 1);
    raw_close(&other);
    char *bytes = malloc(SIZE + 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(raw_take_answer(&client, bytes, SIZE + 1), ID | i);
        assert_int_equal(strlen(bytes), SIZE);
    }
    free(bytes);
    raw_close(&client);
}

enum { PAUSE_COUNT = 200, PAUSE_SIZE = 200000 };

/* Its requests are not read, since it does not take its answers. */
static struct raw_client pause_client(struct bench *bench) {
    open_front(bench, 2 * PAUSE_COUNT);
    struct raw_client client = dial(bench);
    setsockopt(client.descriptor, SOL_SOCKET, SO_RCVBUF, &(int){65536}, sizeof(int));
    ask_for_much(&client, PAUSE_COUNT);
    for (size_t served = 0, before = 1; served < 2 || served != before; usleep(200000)) {
        before = served;
        served = atomic_load(&bench->served);
    }
    assert_true(atomic_load(&bench->served) < PAUSE_COUNT);
    return client;
}

static void end_pause(struct raw_client *client) {
    char *bytes = malloc(PAUSE_SIZE + 1);
    for (uint32_t i = 0; i < PAUSE_COUNT; i++)
        assert_int_equal(raw_take_answer(client, bytes, PAUSE_SIZE + 1), ID | i);
    free(bytes);
}

/* Wherever it waited: in the socket, or read already. Overloaded: the requests before it are slow
 * on this machine. */
static void a_pause_counts_for_what_came_in_it(void **state) {
    struct bench *bench = *state;
    char text[64];
    struct raw_client client = pause_client(bench);
    assert_true(raw_ask(&client, ID | PAUSE_COUNT, "d"));
    usleep(10 * DEADLINE_US);
    end_pause(&client);
    assert_int_equal(raw_take_answer(&client, text, sizeof text), ID | PAUSE_COUNT);
    assert_true(strcmp(text, "late") == 0 || strcmp(text, "overloaded") == 0);
    raw_close(&client);
}

static void a_pause_does_not_count_for_what_comes_after_it(void **state) {
    struct bench *bench = *state;
    struct raw_client client = pause_client(bench);
    assert_true(raw_ask(&client, ID | PAUSE_COUNT, "e"));
    usleep(2 * DEADLINE_US);
    end_pause(&client);
    raw_expect_answer(&client, ID | PAUSE_COUNT, "+e");
    usleep(2 * DEADLINE_US);
    assert_true(raw_ask(&client, ID | (PAUSE_COUNT + 1), "d"));
    raw_expect_answer(&client, ID | (PAUSE_COUNT + 1), "+d");
    raw_close(&client);
}

/* Reads so many bytes, and then none for a moment. */
static void expect_bytes(struct raw_client *client, size_t size) {
    struct pollfd poll_for = {.fd = client->descriptor, .events = POLLIN};
    static uint8_t bytes[1 << 20];
    size_t taken = 0;
    while (poll(&poll_for, 1, taken < size ? RAW_WAIT_MS : 100) > 0) {
        ssize_t got = recv(client->descriptor, bytes, sizeof bytes, 0);
        assert_true(got > 0);
        taken += (size_t)got;
    }
    assert_int_equal(taken, size);
}

/* It takes as fast as the front sends: whatever leaves at the last moment, the front goes on. */
static void who_takes_at_once_is_served_to_the_end(void **state) {
    enum { COUNT = 2000, SIZE = 200000 };
    struct bench *bench = *state;
    open_front(bench, COUNT);
    struct raw_client client = dial(bench);
    size_t all = COUNT * (SIZE + 4 + (size_t)(strcmp(scheme, "ipc") == 0 ? 9 : 8));
    ask_for_much(&client, COUNT);
    expect_bytes(&client, all);
    raw_close(&client);
}

/* It ends the batch for its own client, in whose order they stay; others' requests go on with it.
 */
static void a_large_answer_ends_the_batch_of_its_client(void **state) {
    struct bench *bench = *state;
    open_front(bench, 64);
    struct raw_client asks_much = dial(bench), other = dial(bench);
    struct raw_client holding = hold_loop(bench);
    for (uint32_t id = 0; id < 9; id++) {
        if (id % 3 == 1)
            assert_true(raw_ask(&asks_much, ID | id, "b1000"));
        else
            ask(&asks_much, "e", 0, id);
        ask(&other, "e", 1, id);
    }
    let_loop_go(bench, &holding);
    char text[1001];
    for (uint32_t id = 0; id < 9; id++) {
        if (id % 3 == 1)
            assert_int_equal(raw_take_answer(&asks_much, text, sizeof text), ID | id);
        else
            expect(&asks_much, "e", 0, id);
        expect(&other, "e", 1, id);
    }
    raw_close(&asks_much);
    raw_close(&other);
    assert_int_equal(atomic_load(&bench->batch_count), 5);
    static const size_t counts[] = {2 + 9, 3, 3, 1};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(bench->batches[i + 1].count, counts[i]);
        assert_int_equal(bench->batches[i + 1].is_much, i < 3);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        TEST(clients_share_a_batch),
        TEST(a_batch_ends_with_its_bytes),
        TEST(a_batch_ends_with_the_slots),
        TEST(slots_come_back_from_another_thread),
        TEST(who_goes_takes_nothing_along),
        TEST(large_answers_are_not_made_ahead),
        TEST(a_pause_counts_for_what_came_in_it),
        TEST(a_pause_does_not_count_for_what_comes_after_it),
        TEST(who_takes_at_once_is_served_to_the_end),
        TEST(a_large_answer_ends_the_batch_of_its_client),
    };
    assert(argc == 2);
    scheme = argv[1];
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name(scheme, tests, NULL, NULL);
}
