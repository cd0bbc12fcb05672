/* TLS: who is let in, with which version, by which certificates; and what is said of files that are
 * not as they should be. What goes over it is test_front_conformance's matter. */
#include "server/front/front.h"
#include "server/ops/metrics.h"
#include "tests/unit/port.h"
#include "tests/unit/server/certificates.h"
#include "tests/unit/server/late_clock.h"
#include "tests/unit/server/raw_client.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define STALL_US INT64_C(600000000) /* by the bench's clock, which a test moves forward */

struct bench {
    char folder[64], address[64];
    const char *addresses[1];
    char files[5][96];
    struct log log;
    struct metric_set *metrics;
    struct late_clock clock;
    struct front_settings settings;
    struct front *front;
};

static void handle(void *user, struct front_request *request) {
    (void)user;
    front_reply(request, request->bytes, request->length);
}

static int setup(void **state) {
    static const char *const names[] = {"server.pem", "server.key", "ca.pem", "stranger.key",
                                        "stranger.pem"};
    struct bench *bench = calloc(1, sizeof *bench);
    strcpy(bench->folder, "/tmp/harrier-tls-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    certificates_make(bench->folder);
    for (size_t i = 0; i < 5; i++)
        snprintf(bench->files[i], sizeof bench->files[i], "%s/%s", bench->folder, names[i]);
    snprintf(bench->address, sizeof bench->address, "tls+tcp://127.0.0.1:%d", free_port());
    bench->addresses[0] = bench->address;
    log_init(&bench->log, open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_DEBUG);
    bench->metrics = server_metrics_new();
    late_clock_init(&bench->clock);
    bench->settings = (struct front_settings){
        .addresses = bench->addresses,
        .address_count = 1,
        .requests_max = 8,
        .bytes_max = 100000,
        .connections_max = 100,
        .buffer_bytes_max = 1 << 22,
        .stall_us = STALL_US,
        .tls = {.certificate = bench->files[0], .key = bench->files[1], .client_ca = ""},
        .handler = {.handle = handle},
        .probe = "probe",
        .probe_length = 5,
        .clock = &bench->clock.clock,
        .log = &bench->log,
        .metrics = bench->metrics,
    };
    *state = bench;
    return 0;
}

static int teardown(void **state) {
    struct bench *bench = *state;
    front_close(bench->front);
    metric_set_free(bench->metrics);
    close(bench->log.descriptor);
    certificates_remove(bench->folder);
    assert_int_equal(rmdir(bench->folder), 0);
    free(bench);
    return 0;
}

static void open_front(struct bench *bench) {
    struct error error;
    if (front_open(&bench->settings, &bench->front, &error) < 0)
        fail_msg("%s", error.text);
}

/* One request, as who with versions of at most so much. ret_serial: of the server's certificate. */
static bool is_served(struct bench *bench, const char *who, int version_max, long *ret_serial) {
    SSL_CTX *context = certificates_client(bench->folder, who);
    SSL_CTX_set_max_proto_version(context, version_max);
    struct raw_client client = raw_connect(bench->address, NULL);
    client.tls = SSL_new(context);
    assert_int_equal(SSL_set_fd(client.tls, client.descriptor), 1);
    bool served = false;
    if (SSL_connect(client.tls) == 1) {
        char bytes[8];
        X509 *shown = SSL_get1_peer_certificate(client.tls);
        if (ret_serial)
            *ret_serial = ASN1_INTEGER_get(X509_get0_serialNumber(shown));
        X509_free(shown);
        /* With TLS 1.3 a client learns only now that it was not let in. */
        served = SSL_read(client.tls, bytes, sizeof bytes) == sizeof bytes &&
                 SSL_version(client.tls) == (version_max ? version_max : TLS1_3_VERSION);
    }
    if (served) {
        assert_true(raw_send(&client, "\0SP\0\0\x30\0\0", 8));
        assert_true(raw_ask(&client, 0x80000001, "hello"));
        raw_expect_answer(&client, 0x80000001, "hello");
    }
    raw_close(&client);
    SSL_CTX_free(context);
    return served;
}

static void the_least_version_is_1_3(void **state) {
    struct bench *bench = *state;
    open_front(bench);
    assert_true(is_served(bench, NULL, 0, NULL));
    assert_false(is_served(bench, NULL, TLS1_2_VERSION, NULL));
    front_close(bench->front);
    bench->settings.tls.allow_1_2 = true;
    open_front(bench);
    assert_true(is_served(bench, NULL, 0, NULL));
    assert_true(is_served(bench, NULL, TLS1_2_VERSION, NULL));
    assert_false(is_served(bench, NULL, TLS1_1_VERSION, NULL));
}

static void clients_show_certificates(void **state) {
    struct bench *bench = *state;
    bench->settings.tls.client_ca = bench->files[2];
    open_front(bench);
    assert_true(is_served(bench, "client", 0, NULL));
    assert_false(is_served(bench, NULL, 0, NULL));
    assert_false(is_served(bench, "stranger", 0, NULL));
    front_close(bench->front);
    bench->settings.tls.client_optional = true;
    open_front(bench);
    assert_true(is_served(bench, "client", 0, NULL));
    assert_true(is_served(bench, NULL, 0, NULL));
    assert_false(is_served(bench, "stranger", 0, NULL));
}

static void expect_refusal(struct bench *bench, const char *option, const char *file,
                           const char *words) {
    struct error error;
    struct front *front;
    assert_true(front_open(&bench->settings, &front, &error) < 0);
    if (!strstr(error.text, option) || !strstr(error.text, file) || !strstr(error.text, words))
        fail_msg("\"%s\" has not %s, %s and %s", error.text, option, file, words);
}

static void bad_files_are_named(void **state) {
    struct bench *bench = *state;
    struct tls_settings *tls = &bench->settings.tls;
    const struct tls_settings good = *tls;
    char *cert = bench->files[0], *key = bench->files[1], *other_key = bench->files[3];
    tls->certificate = "/nowhere/x.pem";
    expect_refusal(bench, "tls_cert", "/nowhere/x.pem", "No such file");
    tls->certificate = key; /* a key is no certificate */
    expect_refusal(bench, "tls_cert", key, "not a file of certificates");
    *tls = good;
    tls->key = other_key;
    expect_refusal(bench, "tls_key", other_key, "fits tls_cert");
    tls->key = cert;
    expect_refusal(bench, "tls_key", cert, "not a private key");
    *tls = good;
    tls->client_ca = key;
    expect_refusal(bench, "tls_client_ca", key, "not a file of certificates");
    *tls = good;
    assert_int_equal(chmod(key, 0644), 0);
    expect_refusal(bench, "tls_key", key, "every user of this machine may read");
    assert_int_equal(chmod(key, 0640), 0);
    open_front(bench);
    assert_true(is_served(bench, NULL, 0, NULL));
}

/* The private key is in OpenSSL's memory for secrets, which is locked and wiped. */
static void keys_are_in_locked_memory(void **state) {
    struct bench *bench = *state;
    struct error error;
    open_front(bench);
    assert_true(CRYPTO_secure_malloc_initialized());
    size_t with = CRYPTO_secure_used(); /* random numbers have their state there, too */
    assert_int_equal(front_reload(bench->front, &bench->settings.tls, &error), 0);
    assert_int_equal(CRYPTO_secure_used(), with); /* the old key is gone */
    front_close(bench->front);
    bench->front = NULL;
    assert_true(CRYPTO_secure_used() < with);
}

/* OpenSSL takes no other memory for them when that is used up: each connection keeps the key of its
 * handshake, and old certificates' keys are kept by their connections. */
static void there_is_room_for_the_keys_of_all_connections(void **state) {
    enum { EACH = 256 };
    struct bench *bench = *state;
    size_t count = bench->settings.connections_max + (1 << 20) / EACH;
    void **keys = calloc(count, sizeof *keys);
    open_front(bench);
    for (size_t i = 0; i < count; i++) {
        keys[i] = OPENSSL_secure_malloc(EACH);
        assert_non_null(keys[i]);
    }
    assert_true(is_served(bench, NULL, 0, NULL));
    for (size_t i = 0; i < count; i++)
        OPENSSL_secure_free(keys[i]);
    free(keys);
}

static void certificates_are_read_again(void **state) {
    struct bench *bench = *state;
    struct tls_settings *tls = &bench->settings.tls;
    struct error error;
    long before, after;
    open_front(bench);
    assert_true(is_served(bench, NULL, 0, &before));
    SSL_CTX *context = certificates_client(bench->folder, NULL);
    struct raw_client old = raw_open(bench->address, context);
    certificates_make(bench->folder); /* all new */
    assert_int_equal(front_reload(bench->front, tls, &error), 0);
    assert_true(is_served(bench, NULL, 0, &after));
    assert_int_not_equal(before, after);
    assert_true(raw_ask(&old, 0x80000001, "old"));
    raw_expect_answer(&old, 0x80000001, "old");
    raw_close(&old);
    SSL_CTX_free(context);
    const struct tls_settings bad = {
        .certificate = bench->files[0], .key = bench->files[3], .client_ca = ""};
    assert_int_equal(front_reload(bench->front, &bad, &error), -ERROR_INVALID);
    assert_true(is_served(bench, NULL, 0, &before)); /* those that were read last */
    assert_int_equal(before, after);
}

/* Until one was counted: the other side sees its end before. */
static void await_ending(const struct bench *bench, enum ending ending) {
    for (int i = 0; i < RAW_WAIT_MS && metric_value(bench->metrics, CONNECTIONS_ENDED, ending) == 0;
         i++)
        usleep(1000);
}

static void who_speaks_no_tls_is_closed(void **state) {
    struct bench *bench = *state;
    open_front(bench);
    struct raw_client plain = raw_connect(bench->address, NULL),
                      silent = raw_connect(bench->address, NULL);
    assert_true(raw_send(&plain, "\0SP\0\0\x30\0\0", 8));
    raw_expect_end(&plain);
    await_ending(bench, ENDING_TLS);
    do
        late_clock_pass(&bench->clock, STALL_US + 1);
    while (!raw_ends(&silent, 2000));
    await_ending(bench, ENDING_STALLED);
    raw_close(&plain);
    raw_close(&silent);
    assert_int_equal(metric_value(bench->metrics, CONNECTIONS_ENDED, ENDING_TLS), 1);
    assert_int_equal(metric_value(bench->metrics, CONNECTIONS_ENDED, ENDING_STALLED), 1);
    assert_true(is_served(bench, NULL, 0, NULL));
}

#define LARGE_BYTES ((size_t)48 << 20) /* more than the system's buffers hold */

static void handle_largely(void *user, struct front_request *request) {
    (void)user;
    char *answer = calloc(1, LARGE_BYTES);
    assert_non_null(answer);
    front_reply(request, answer, LARGE_BYTES);
    free(answer);
}

/* False: the front closed the connection. */
static bool takes_steadily(struct bench *bench, int64_t stall_us) {
    static char bytes[1 << 16];
    size_t got = 0, since_pause = 0;
    bool is_kept = true;
    bench->settings.stall_us = stall_us;
    bench->settings.handler.handle = handle_largely;
    open_front(bench);
    SSL_CTX *context = certificates_client(bench->folder, NULL);
    struct raw_client client = raw_open(bench->address, context);
    assert_true(raw_ask(&client, 0x80000001, "hello"));
    while (is_kept && got < 8 + 4 + LARGE_BYTES) {
        int size = SSL_read(client.tls, bytes, sizeof bytes);
        is_kept = size > 0;
        got += is_kept ? (size_t)size : 0;
        since_pause += is_kept ? (size_t)size : 0;
        if (since_pause > 800000) {
            usleep((useconds_t)(stall_us / 17));
            since_pause = 0;
        }
    }
    raw_close(&client);
    SSL_CTX_free(context);
    return is_kept;
}

/* Longer than stall_us for the whole of an answer, but never for a little of it. On a busy machine
 * the client may itself pause for longer than a short stall_us, so that one may fail. */
static void who_takes_answers_steadily_is_kept(void **state) {
    struct bench *bench = *state;
    bool is_kept = takes_steadily(bench, 500000);
    for (int64_t stall_us = 2000000; !is_kept && stall_us < 60000000; stall_us *= 4) {
        front_close(bench->front);
        is_kept = takes_steadily(bench, stall_us);
    }
    assert_true(is_kept);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_least_version_is_1_3),    TEST(clients_show_certificates),
        TEST(bad_files_are_named),         TEST(certificates_are_read_again),
        TEST(keys_are_in_locked_memory),   TEST(there_is_room_for_the_keys_of_all_connections),
        TEST(who_speaks_no_tls_is_closed), TEST(who_takes_answers_steadily_is_kept),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
