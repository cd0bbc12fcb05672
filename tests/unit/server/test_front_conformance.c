/* The same scenarios against both fronts, over every scheme: what a client may send, rightly or
 * wrongly, and what has to come of it. The client writes SP by itself (raw_client.h).
 *
 * usage: test_front_conformance SCHEME      tcp, ipc, tls+tcp, nng+tcp or nng+ipc
 *
 * Where nng's library differs by its nature, the table at the end leaves the scenario out for it,
 * or the scenario says at the place what nng does instead:
 *
 *   hops            nng lets through one hop less
 *   half-closing    nng closes the connection when the client ends its side; so does libevent's TLS
 *   back-pressure   with nng one client that takes no answers holds up all others: its answers keep
 *                   every context
 *   limits          nng has no limit on connections, on memory for all of them, on slots for one of
 *                   them, on idle ones or on those that stall
 *   descriptors     what nng does without any is its own business
 *   storms over ipc nng before 1.6 loses its listener, and the watchdog opens it again */
#include "certificates.h"
#include "raw_client.h"
#include "server/address.h"
#include "server/front.h"
#include "server/metrics.h"
#include "tests/unit/unit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLOTS     8
#define BYTES_MAX 20000 /* more than a piece of memory has at first */
#define STALL_US  300000
#define IDLE_US   600000
#define ID        UINT32_C(0x80000000)

static const char *scheme;
static bool is_nng, is_tls;

struct bench {
    char folder[64], address[96];
    const char *addresses[1];
    char cert[96], key[96];
    struct ssl_ctx_st *tls;
    struct log log;
    struct metric_set *metrics;
    struct front_settings settings;
    struct front *front;
    pthread_mutex_t lock;
    pthread_t answerer;
    bool ending, releasing; /* under the lock */
    struct front_request *held[SLOTS], *later[SLOTS];
    size_t held_count, later_count;
    atomic_size_t served;
};

/* ---- the handler: what the payload's first letter says ---- */

/* "b70000": so many bytes. */
static void answer_big(struct front_request *request) {
    char digits[16] = {0};
    assert_true(request->length < sizeof digits);
    memcpy(digits, (const char *)request->bytes + 1, request->length - 1);
    size_t size = (size_t)atoi(digits);
    char *bytes = malloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)('a' + i % 23);
    front_reply(request, bytes, size);
    free(bytes);
}

/* The same behind a "+", read only now: the bytes have to be there still. */
static void echo(struct front_request *request) {
    char *answer = malloc(request->length + 1);
    *answer = '+';
    if (request->length > 0)
        memcpy(answer + 1, request->bytes, request->length);
    front_reply(request, answer, request->length + 1);
    free(answer);
}

static void handle(void *user, struct front_request *request) {
    struct bench *bench = user;
    const char *bytes = request->bytes;
    char letter = request->length > 0 ? *bytes : '\0';
    atomic_fetch_add(&bench->served, 1);
    if (letter == 'h' || letter == 'l') {
        pthread_mutex_lock(&bench->lock);
        assert_true(bench->held_count < SLOTS && bench->later_count < SLOTS);
        if (letter == 'h')
            bench->held[bench->held_count++] = request;
        else
            bench->later[bench->later_count++] = request;
        pthread_mutex_unlock(&bench->lock);
    } else if (letter == 'b') {
        answer_big(request);
    } else {
        echo(request);
    }
}

/* Answers what begins with an "l", the last first, from a thread of its own. */
static void *answer_later(void *user) {
    struct bench *bench = user;
    for (bool ending = false; !ending;) {
        usleep(1000);
        pthread_mutex_lock(&bench->lock);
        while (bench->later_count > 0)
            echo(bench->later[--bench->later_count]);
        while (bench->releasing && bench->held_count > 0)
            echo(bench->held[--bench->held_count]);
        ending = bench->ending;
        pthread_mutex_unlock(&bench->lock);
    }
    return NULL;
}

static void await_held(struct bench *bench, size_t count) {
    size_t held = 0;
    for (int i = 0; i < RAW_WAIT_MS && held < count; i++) {
        usleep(1000);
        pthread_mutex_lock(&bench->lock);
        held = bench->held_count;
        pthread_mutex_unlock(&bench->lock);
    }
    assert_int_equal(held, count);
}

/* The one that was handed over as the index-th. */
static void release(struct bench *bench, size_t index) {
    pthread_mutex_lock(&bench->lock);
    assert_true(index < bench->held_count);
    struct front_request *request = bench->held[index];
    memmove(&bench->held[index], &bench->held[index + 1],
            (--bench->held_count - index) * sizeof request);
    pthread_mutex_unlock(&bench->lock);
    echo(request);
}

static void release_all(struct bench *bench) {
    pthread_mutex_lock(&bench->lock);
    while (bench->held_count > 0)
        echo(bench->held[--bench->held_count]);
    pthread_mutex_unlock(&bench->lock);
}

/* ---- before and after each ---- */

static void open_front(struct bench *bench) {
    struct error error;
    if (front_open(&bench->settings, &bench->front, &error) < 0)
        fail_msg("%s", error.text);
}

static void reopen(struct bench *bench) {
    front_close(bench->front);
    open_front(bench);
}

static int setup(void **state) {
    struct bench *bench = calloc(1, sizeof *bench);
    strcpy(bench->folder, "/tmp/harrier-front-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    if (strstr(scheme, "ipc"))
        snprintf(bench->address, sizeof bench->address, "%s://%s/a", scheme, bench->folder);
    else
        snprintf(bench->address, sizeof bench->address, "%s://127.0.0.1:%d", scheme,
                 raw_free_port());
    bench->addresses[0] = bench->address;
    if (is_tls) {
        certificates_make(bench->folder);
        bench->tls = certificates_client(bench->folder, NULL);
        snprintf(bench->cert, sizeof bench->cert, "%s/server.pem", bench->folder);
        snprintf(bench->key, sizeof bench->key, "%s/server.key", bench->folder);
    }
    log_init(&bench->log, open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_DEBUG);
    bench->metrics = server_metrics_new();
    pthread_mutex_init(&bench->lock, NULL);
    bench->settings = (struct front_settings){
        .addresses = bench->addresses,
        .address_count = 1,
        .requests_max = SLOTS,
        .bytes_max = BYTES_MAX,
        .ipc_access = {.mode = 0660, .group = (gid_t)-1},
        .connections_max = 400,
        .buffer_bytes_max = (size_t)64 << 20,
        .tls = {.certificate = bench->cert, .key = bench->key, .client_ca = ""},
        .handler = {.handle = handle, .user = bench},
        .probe = "probe",
        .probe_length = 5,
        .clock = &clock_system,
        .log = &bench->log,
        .metrics = bench->metrics,
    };
    open_front(bench);
    assert_int_equal(pthread_create(&bench->answerer, NULL, answer_later, bench), 0);
    *state = bench;
    return 0;
}

static int teardown(void **state) {
    struct bench *bench = *state;
    front_close(bench->front);
    pthread_mutex_lock(&bench->lock);
    bench->ending = true;
    pthread_mutex_unlock(&bench->lock);
    pthread_join(bench->answerer, NULL);
    metric_set_free(bench->metrics);
    close(bench->log.descriptor);
    SSL_CTX_free(bench->tls);
    certificates_remove(bench->folder);
    char lock[128];
    snprintf(lock, sizeof lock, "%s/a.lock", bench->folder);
    unlink(lock);
    assert_int_equal(rmdir(bench->folder), 0); /* nothing else is left behind */
    free(bench);
    return 0;
}

static struct raw_client dial(struct bench *bench) {
    return raw_open(bench->address, bench->tls);
}

static struct raw_client knock(struct bench *bench) {
    return raw_connect(bench->address, bench->tls);
}

/* nng before 1.6 loses its ipc listener when a client goes at once; the watchdog brings it back. */
static bool may_go_deaf(void) {
    int major = 0, minor = 0;
    sscanf(nng_version(), "%d.%d", &major, &minor);
    return is_nng && strstr(scheme, "ipc") && major == 1 && minor < 6;
}

static void expect_alive(struct bench *bench) {
    for (int i = 0; may_go_deaf() && i < 3; i++) {
        front_watch(bench->front);
        usleep(100000);
    }
    struct raw_client client = dial(bench);
    assert_true(raw_ask(&client, ID | 5, "alive"));
    raw_expect_answer(&client, ID | 5, "+alive");
    raw_close(&client);
}

static void expect_ending(struct bench *bench, enum ending ending, int64_t count) {
    if (!is_nng)
        assert_int_equal(metric_value(bench->metrics, CONNECTIONS_ENDED, ending), count);
}

/* ---- greetings ---- */

static void a_server_greets_first(void **state) {
    struct raw_client client = knock(*state);
    raw_expect(&client, "\0SP\0\0\x31\0\0", 8);
    raw_expect_silence(&client, 20);
    raw_close(&client);
    expect_alive(*state);
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
        struct raw_client client = knock(*state);
        raw_send(&client, wrong[i], 8);
        raw_expect_end(&client);
        raw_close(&client);
    }
    expect_alive(*state);
    expect_ending(*state, ENDING_GREETING, (int64_t)count);
}

static void half_a_greeting_is_none(void **state) {
    struct bench *bench = *state;
    for (size_t size = 0; size < 8; size++) {
        struct raw_client client = knock(bench);
        assert_true(raw_send(&client, "\0SP\0\0\x30\0\0", size));
        raw_close(&client);
    }
    expect_alive(bench);
}

static void bytes_may_come_one_by_one(void **state) {
    struct raw_client client = knock(*state);
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
    struct raw_client client = knock(*state);
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
    struct raw_client client = dial(*state);
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
        struct raw_client client = dial(*state);
        uint8_t header[9];
        size_t size = raw_header(&client, header, lengths[i]);
        raw_send(&client, header, size); /* and nothing of what it promises */
        raw_expect_end(&client);
        raw_close(&client);
    }
    expect_alive(*state);
    expect_ending(*state, ENDING_TOO_LARGE, (int64_t)count);
}

static void no_message_is_without_an_id(void **state) {
    for (size_t length = 0; length < 4; length++) {
        struct raw_client client = dial(*state);
        raw_send_message(&client, "\x80\0\0", length, NULL, 0);
        raw_expect_end(&client);
        raw_close(&client);
    }
    expect_alive(*state);
    expect_ending(*state, ENDING_MALFORMED, 4);
}

static void ipc_knows_one_kind_of_message(void **state) {
    static const uint8_t kinds[] = {0, 2, 0x80, 0xff};
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct raw_client client = dial(*state);
        uint8_t message[9 + 5];
        size_t size = raw_header(&client, message, 5);
        message[0] = kinds[i];
        memcpy(message + size, "\x80\0\0\1a", 5);
        raw_send(&client, message, size + 5);
        raw_expect_end(&client);
        raw_close(&client);
    }
    expect_alive(*state);
    expect_ending(*state, ENDING_MALFORMED, sizeof kinds);
}

/* ---- ids ---- */

static void every_id_comes_back(void **state) {
    static const uint32_t ids[] = {0, 1, 0x7fffffff, 0x12345678, 0x00ff00ff};
    struct raw_client client = dial(*state);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        assert_true(raw_ask(&client, ID | ids[i], "a"));
        raw_expect_answer(&client, ID | ids[i], "+a");
    }
    raw_close(&client);
}

static void hops_come_back_untouched(void **state) {
    struct raw_client client = dial(*state);
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
    struct bench *bench = *state;
    struct raw_client client = dial(bench);
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
        struct raw_client client = dial(*state);
        uint8_t ids[32] = {0};
        raw_send_message(&client, ids, 4 * hops, NULL, 0);
        raw_expect_end(&client);
        raw_close(&client);
    }
    expect_alive(*state);
    expect_ending(*state, ENDING_MALFORMED, 7);
}

/* ---- many at a time ---- */

/* Far more than slots, in few writes, some answered by other threads: each gets its own answer. */
static void many_may_be_sent_at_once(void **state) {
    enum { COUNT = 3000 };
    struct raw_client client = dial(*state);
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
    struct bench *bench = *state;
    struct raw_client client = dial(bench);
    size_t held = SLOTS / 2 - 1;
    for (uint32_t i = 0; i < held; i++) {
        char text[4] = {'h', (char)('0' + i)};
        assert_true(raw_ask(&client, ID | i, text));
        await_held(bench, i + 1);
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
        release(bench, index[i]);
        raw_expect_answer(&client, ID | order[i], text);
    }
    raw_close(&client);
}

static void several_clients_do_not_mix(void **state) {
    enum { CLIENTS = 20 };
    struct raw_client clients[CLIENTS];
    char text[32];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = dial(*state);
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

/* ---- back-pressure ---- */

/* A client that asks for much and takes nothing is not served for ever; once it takes, it gets
 * everything. */
static void who_takes_no_answers_is_not_served(void **state) {
    enum { COUNT = 400, SIZE = 60000 };
    struct bench *bench = *state;
    struct raw_client client = dial(bench);
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
    while (served != before) { /* until no more are */
        before = served;
        usleep(200000);
        served = atomic_load(&bench->served);
    }
    assert_true(served > 0 && served < COUNT);
    expect_alive(bench); /* others do not mind */
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
    struct bench *bench = *state;
    struct raw_client greedy = dial(bench), other = dial(bench), third = dial(bench);
    for (uint32_t i = 0; i < 2 * SLOTS; i++)
        assert_true(raw_ask(&greedy, ID | i, "h"));
    await_held(bench, SLOTS / 2);
    assert_true(raw_ask(&other, ID | 1, "other"));
    raw_expect_answer(&other, ID | 1, "+other");
    for (uint32_t i = 0; i < SLOTS; i++)
        assert_true(raw_ask(&other, ID | i, "h"));
    await_held(bench, SLOTS); /* now there is none left */
    assert_true(raw_ask(&third, ID | 7, "third"));
    raw_expect_silence(&third, 50);
    release(bench, 0);
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
    struct bench *bench = *state;
    struct raw_client client = dial(bench), aborted = dial(bench);
    assert_true(raw_ask(&client, ID | 1, "h"));
    assert_true(raw_ask(&aborted, ID | 1, "h"));
    await_held(bench, 2);
    raw_close(&client);
    raw_abort(&aborted);
    usleep(20000);
    release_all(bench);
    expect_alive(bench);
}

static void who_ends_its_side_gets_its_answers(void **state) {
    struct bench *bench = *state;
    struct raw_client client = dial(bench);
    assert_true(raw_ask(&client, ID | 1, "h"));
    assert_true(raw_ask(&client, ID | 2, "e"));
    assert_true(raw_ask(&client, ID | 3, "b300000")); /* more than fits into the system's buffers */
    assert_true(raw_send(&client, "\0\0\0", 3));      /* never to be completed */
    raw_end_requests(&client);
    await_held(bench, 1);
    raw_expect_answer(&client, ID | 2, "+e");
    char *big = malloc(300001);
    assert_int_equal(raw_take_answer(&client, big, 300001), ID | 3);
    free(big);
    release_all(bench);
    raw_expect_answer(&client, ID | 1, "+h");
    raw_expect_end(&client);
    raw_close(&client);
    for (int i = 0; i < RAW_WAIT_MS && metric_value(bench->metrics, CONNECTIONS, 0) > 0; i++)
        usleep(1000);
    assert_int_equal(metric_value(bench->metrics, CONNECTIONS, 0), 0);
}

static void storms_leave_no_trace(void **state) {
    struct bench *bench = *state;
    for (int i = 0; i < 300; i++) {
        struct raw_client client = {0};
        if (may_go_deaf() && i % 10 == 0)
            expect_alive(bench);
        client = raw_connect(bench->address, i % 4 ? NULL : bench->tls);
        if (i % 5 == 1)
            raw_send(&client, "\0SP\0\0\x30\0\0", 8);
        if (i % 5 == 2)
            raw_send(&client, "GET / HTTP/1.1\r\n\r\n", 18);
        (i % 3 ? raw_close : raw_abort)(&client);
    }
    expect_alive(bench);
    for (int i = 0; i < RAW_WAIT_MS && metric_value(bench->metrics, CONNECTIONS, 0) > 0; i++)
        usleep(1000);
    assert_int_equal(metric_value(bench->metrics, CONNECTIONS, 0), 0);
}

/* ---- time ---- */

static void open_with_limits(struct bench *bench) {
    bench->settings.stall_us = STALL_US;
    bench->settings.idle_us = IDLE_US;
    reopen(bench);
}

static void who_stalls_is_closed(void **state) {
    struct bench *bench = *state;
    open_with_limits(bench);
    struct raw_client silent = knock(bench), greets = knock(bench), begins = dial(bench),
                      drips = dial(bench), whole = dial(bench);
    assert_true(raw_send(&greets, "\0SP", 3));
    uint8_t header[9];
    size_t size = raw_header(&begins, header, 100);
    assert_true(raw_send(&begins, header, size));
    assert_true(raw_send(&drips, header, size));
    for (int i = 0; i < 12; i++) { /* signs of life do not make a message longer in coming right */
        usleep(STALL_US / 10);
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
    expect_ending(bench, ENDING_STALLED, 4);
    raw_close(&silent);
    raw_close(&greets);
    raw_close(&begins);
    raw_close(&drips);
    raw_close(&whole);
}

static void who_does_not_read_is_closed(void **state) {
    struct bench *bench = *state;
    open_with_limits(bench);
    struct raw_client client = dial(bench);
    for (uint32_t i = 0; i < 100; i++)
        raw_ask(&client, ID | i, "b100000");
    for (int i = 0;
         i < RAW_WAIT_MS && metric_value(bench->metrics, CONNECTIONS_ENDED, ENDING_STALLED) == 0;
         i++)
        usleep(1000);
    expect_ending(bench, ENDING_STALLED, 1);
    raw_close(&client);
    expect_alive(bench);
}

static void who_is_idle_is_closed(void **state) {
    struct bench *bench = *state;
    open_with_limits(bench);
    struct raw_client idle = dial(bench), waits = dial(bench);
    assert_true(raw_ask(&idle, ID | 1, "e"));
    raw_expect_answer(&idle, ID | 1, "+e");
    assert_true(raw_ask(&waits, ID | 1, "h")); /* that is not idle */
    await_held(bench, 1);
    raw_expect_end(&idle);
    usleep(IDLE_US);
    release_all(bench);
    raw_expect_answer(&waits, ID | 1, "+h");
    expect_ending(bench, ENDING_IDLE, 1);
    raw_close(&idle);
    raw_close(&waits);
}

/* ---- limits ---- */

static void more_connections_are_turned_away(void **state) {
    struct bench *bench = *state;
    enum { MOST = 5 };
    struct raw_client clients[MOST];
    bench->settings.connections_max = MOST;
    reopen(bench);
    for (int i = 0; i < MOST; i++)
        clients[i] = dial(bench);
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
    usleep(20000);
    clients[0] = dial(bench);
    for (int i = 0; i < MOST; i++)
        raw_close(&clients[i]);
}

/* Many half messages: whoever wants more than there is has to go, and who asks little is served. */
static void memory_is_limited_over_all(void **state) {
    enum { CLIENTS = 60 };
    struct bench *bench = *state;
    bench->settings.buffer_bytes_max = (size_t)2 << 20;
    bench->settings.bytes_max = (size_t)1 << 20;
    reopen(bench);
    struct raw_client clients[CLIENTS], good = dial(bench);
    char *half = calloc(1, 100000);
    for (int i = 0; i < CLIENTS; i++) {
        uint8_t header[9];
        clients[i] = dial(bench);
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

static int64_t processor_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Without descriptors nobody can be accepted, and nothing else suffers: no spinning, and who waited
 * is let in when there are some again. */
static void without_descriptors_clients_wait(void **state) {
    struct bench *bench = *state;
    struct raw_client old = dial(bench), waits = {0};
    int taken[4096], count = 0;
    struct rlimit before, few;
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
    int64_t began_ns = processor_ns();
    usleep(300000);
    int64_t used_ns = processor_ns() - began_ns;
    assert_true(raw_ask(&old, ID | 1, "e"));
    raw_expect_answer(&old, ID | 1, "+e");
    raw_expect_silence(&waits, 50);
    while (count > 0)
        close(taken[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(raw_send(&waits, "\0SP\0\0\x30\0\0", 8));
    raw_expect(&waits, "\0SP\0\0\x31\0\0", 8);
    if (used_ns > 150000000)
        fail_msg("%lld ms of processor time in 300 ms of waiting", (long long)used_ns / 1000000);
    raw_close(&waits);
    raw_close(&old);
}

/* A limit on descriptors is raised for all who take some. */
static void descriptors_are_enough_for_everybody(void **state) {
    struct bench *bench = *state;
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = 300;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    bench->settings.connections_max = 200;
    bench->settings.connections_elsewhere = 500;
    reopen(bench);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_cur >= 128 + 200 + 500);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    struct raw_client client = dial(bench);
    assert_true(raw_ask(&client, ID | 1, "e"));
    raw_expect_answer(&client, ID | 1, "+e");
    raw_close(&client);
}

/* ---- the end ---- */

static void answers_leave_before_the_end(void **state) {
    enum { SIZE = 500000 };
    struct bench *bench = *state;
    struct raw_client client = dial(bench);
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
    open_front(bench);
}

/* A socket file that nobody listens on is replaced; a file that is none is not. */
static void what_is_left_on_the_path(void **state) {
    struct bench *bench = *state;
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
    open_front(bench);
    expect_alive(bench);
    front_close(bench->front);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0 && write(file, "mine", 4) == 4);
    close(file);
    struct front *refused;
    assert_int_equal(front_open(&bench->settings, &refused, &error), -ERROR_EXISTS);
    assert_non_null(strstr(error.text, path));
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    open_front(bench);
}

/* ---- which, for whom ---- */

enum scope {
    ALL,
    OURS = 1, /* not the library's: see the top */
    PLAIN = 2,
    IPC = 4,
};

#define SCENARIO(scope, name)                                                                      \
    { scope, cmocka_unit_test_setup_teardown(name, setup, teardown) }

static const struct {
    int scope;
    struct CMUnitTest test;
} scenarios[] = {
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
#define SCENARIOS (sizeof scenarios / sizeof *scenarios)

static void left_out(void **state) {
    (void)state;
    skip();
}

int main(int argc, char **argv) {
    assert(argc == 2);
    scheme = argv[1];
    is_nng = strncmp(scheme, "nng+", 4) == 0;
    is_tls = strncmp(scheme, "tls+", 4) == 0;
    struct CMUnitTest tests[SCENARIOS];
    for (size_t i = 0; i < SCENARIOS; i++) {
        int scope = scenarios[i].scope;
        tests[i] = scenarios[i].test;
        if (((scope & OURS) && is_nng) || ((scope & PLAIN) && is_tls) ||
            ((scope & IPC) && !strstr(scheme, "ipc")))
            tests[i] = (struct CMUnitTest){.name = tests[i].name, .test_func = left_out};
    }
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name(scheme, tests, NULL, NULL);
}
