#include "front_bench.h"

#include "certificates.h"
#include "tests/unit/port.h"

#include <assert.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <unistd.h>

const char *scheme;
bool is_nng, is_tls;

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
    struct front_bench *bench = user;
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
    struct front_bench *bench = user;
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

void front_bench_await_held(struct front_bench *bench, size_t count) {
    size_t held = 0;
    for (int i = 0; i < RAW_WAIT_MS && held < count; i++) {
        usleep(1000);
        pthread_mutex_lock(&bench->lock);
        held = bench->held_count;
        pthread_mutex_unlock(&bench->lock);
    }
    assert_int_equal(held, count);
}

void front_bench_release(struct front_bench *bench, size_t index) {
    pthread_mutex_lock(&bench->lock);
    assert_true(index < bench->held_count);
    struct front_request *request = bench->held[index];
    memmove(&bench->held[index], &bench->held[index + 1],
            (--bench->held_count - index) * sizeof request);
    pthread_mutex_unlock(&bench->lock);
    echo(request);
}

void front_bench_release_all(struct front_bench *bench) {
    pthread_mutex_lock(&bench->lock);
    while (bench->held_count > 0)
        echo(bench->held[--bench->held_count]);
    pthread_mutex_unlock(&bench->lock);
}

/* ---- before and after each ---- */

void front_bench_open(struct front_bench *bench) {
    struct error error;
    if (front_open(&bench->settings, &bench->front, &error) < 0)
        fail_msg("%s", error.text);
}

void front_bench_reopen(struct front_bench *bench) {
    front_close(bench->front);
    front_bench_open(bench);
}

int front_bench_setup(void **state) {
    struct front_bench *bench = calloc(1, sizeof *bench);
    strcpy(bench->folder, "/tmp/harrier-front-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    if (strstr(scheme, "ipc"))
        snprintf(bench->address, sizeof bench->address, "%s://%s/a", scheme, bench->folder);
    else
        snprintf(bench->address, sizeof bench->address, "%s://127.0.0.1:%d", scheme, free_port());
    bench->addresses[0] = bench->address;
    if (is_tls) {
        certificates_make(bench->folder);
        bench->tls = certificates_client(bench->folder, NULL);
        snprintf(bench->cert, sizeof bench->cert, "%s/server.pem", bench->folder);
        snprintf(bench->key, sizeof bench->key, "%s/server.key", bench->folder);
    }
    log_init(&bench->log, open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_DEBUG);
    bench->metrics = server_metrics_new();
    late_clock_init(&bench->clock);
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
        .clock = &bench->clock.clock,
        .log = &bench->log,
        .metrics = bench->metrics,
    };
    front_bench_open(bench);
    assert_int_equal(pthread_create(&bench->answerer, NULL, answer_later, bench), 0);
    *state = bench;
    return 0;
}

int front_bench_teardown(void **state) {
    struct front_bench *bench = *state;
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

struct raw_client front_bench_dial(struct front_bench *bench) {
    return raw_open(bench->address, bench->tls);
}

struct raw_client front_bench_knock(struct front_bench *bench) {
    return raw_connect(bench->address, bench->tls);
}

bool front_bench_may_go_deaf(void) {
    int major = 0, minor = 0;
    sscanf(nng_version(), "%d.%d", &major, &minor);
    return is_nng && strstr(scheme, "ipc") && major == 1 && minor < 6;
}

/* A deaf listener still greets, so only an answer shows that it is not. */
static struct raw_client ask_alive(struct front_bench *bench) {
    struct raw_client client = front_bench_dial(bench);
    assert_true(raw_ask(&client, ID | 5, "alive"));
    return client;
}

/* Three looks open it again. Closing a connection that was never answered may make it deaf once
 * more, so all is tried again, as the server's own looks do once a second. */
void front_bench_expect_alive(struct front_bench *bench) {
    struct raw_client client = ask_alive(bench);
    for (int i = 0; front_bench_may_go_deaf() && !raw_is_readable(&client, 300) && i < 100; i++) {
        raw_close(&client);
        for (int look = 0; look < 3; look++) {
            front_watch(bench->front);
            usleep(100000);
        }
        client = ask_alive(bench);
    }
    raw_expect_answer(&client, ID | 5, "+alive");
    raw_close(&client);
}

void front_bench_expect_ending(struct front_bench *bench, enum ending ending, int64_t count) {
    if (is_nng)
        return;
    for (int i = 0;
         i < RAW_WAIT_MS && metric_value(bench->metrics, CONNECTIONS_ENDED, ending) < count; i++)
        usleep(1000);
    assert_int_equal(metric_value(bench->metrics, CONNECTIONS_ENDED, ending), count);
}

/* ---- which scenarios, for whom ---- */

static void left_out(void **state) {
    (void)state;
    skip();
}

int front_bench_run(int argc, char **argv, const struct scenario *scenarios, size_t count) {
    assert(argc == 2 && count <= SCENARIOS_MAX);
    scheme = argv[1];
    is_nng = strncmp(scheme, "nng+", 4) == 0;
    is_tls = strncmp(scheme, "tls+", 4) == 0;
    struct CMUnitTest tests[SCENARIOS_MAX];
    for (size_t i = 0; i < count; i++) {
        int scope = scenarios[i].scope;
        tests[i] = scenarios[i].test;
        if (((scope & OURS) && is_nng) || ((scope & PLAIN) && is_tls) ||
            ((scope & IPC) && !strstr(scheme, "ipc")))
            tests[i] = (struct CMUnitTest){.name = tests[i].name, .test_func = left_out};
    }
    signal(SIGPIPE, SIG_IGN);
    return _cmocka_run_group_tests(scheme, tests, count, NULL, NULL);
}
