/* A node alone in its cluster, with the brokers that librdkafka has for tests: what becomes of it
 * when its archive cannot be written. tests/cluster looks at several nodes and real brokers. */
#include "core/store/archive/archive_writer.h"
#include "server/base/append.h"
#include "server/base/service_state.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TOPIC         "log"
#define KAFKA_PRODUCE 0          /* the request of the protocol */
#define LOG_BYTES     (64 << 10) /* of the server's messages; a pipe has room for as many */

struct node {
    struct bench bench;
    rd_kafka_t *kafka;
    rd_kafka_mock_cluster_t *brokers;
    int messages; /* where the log is read; a file would have the limit of files */
    char said[LOG_BYTES];
    size_t length;
};

/* Enough for the file `committed`, which is there already; too little for a record more. */
static void limit_files(bool is_limited) {
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = is_limited ? 200 : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int setup(void **state) {
    struct node *node = calloc(1, sizeof *node);
    char reason[256];
    int ends[2];
    bench_init(&node->bench);
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    rd_kafka_conf_set(config, "log_level", "0", reason, sizeof reason);
    node->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, config, reason, sizeof reason);
    node->brokers = rd_kafka_mock_cluster_new(node->kafka, 1);
    assert_non_null(node->brokers);
    rd_kafka_mock_topic_create(node->brokers, TOPIC, 1, 1);
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    node->messages = ends[0];
    close(node->bench.log.descriptor);
    log_init(&node->bench.log, ends[1], LOG_INFO);
    node->bench.settings.cluster = (struct cluster_settings){
        .brokers = rd_kafka_mock_cluster_bootstraps(node->brokers),
        .topic = TOPIC,
        .name = "cluster",
        .node = "n1",
        .address = "tcp://n1.example:7731",
        .lease_us = 6 * BENCH_SECOND,
    };
    *state = node;
    return 0;
}

static int teardown(void **state) {
    struct node *node = *state;
    limit_files(false); /* a test may have failed before it did */
    if (node->bench.service) {
        struct error ignored; /* that of a service that has failed */
        service_close(node->bench.service, &ignored);
        node->bench.service = NULL;
    }
    bench_deinit(&node->bench);
    close(node->messages);
    rd_kafka_mock_cluster_destroy(node->brokers);
    rd_kafka_destroy(node->kafka);
    free(node);
    return 0;
}

static bool has_said(struct node *node, const char *words) {
    ssize_t length =
        read(node->messages, node->said + node->length, sizeof node->said - node->length - 1);
    node->length += length > 0 ? (size_t)length : 0;
    return strstr(node->said, words) != NULL;
}

static void await_said(struct node *node, const char *words) {
    for (int i = 0; i < BENCH_WAIT_MS && !has_said(node, words); i++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        if (i % 1000 == 999) /* as harrierd does */
            service_poll_recovery(node->bench.service);
    }
    if (!has_said(node, words))
        fail_msg("never logged \"%s\":\n%s", words, node->said);
}

static void open_primary(struct node *node) {
    struct error error;
    if (service_open(&node->bench.settings, &node->bench.service, &error) < 0)
        fail_msg("%s", error.text);
    bench_await(&node->bench, SERVICE_READY);
}

static int64_t score(struct node *node, const char *id) {
    return bench_score(&node->bench, bench_transaction(id, 1, "c0", 100)).error.code;
}

/* Nobody else wants the lease, so it is the primary again once it can write. */
static void a_primary_with_a_full_disk_says_why_it_steps_down(void **state) {
    struct node *node = *state;
    open_primary(node);
    assert_int_equal(score(node, "a"), 0);
    limit_files(true);
    assert_int_equal(score(node, "b"), ERROR_UNAVAILABLE);
    await_said(node, "node n1 is no longer the primary: ");
    assert_null(strstr(node->said, "another node holds the lease"));
    await_said(node, "node n1 is no longer the primary: it cannot decide");
    limit_files(false);
    bench_await(&node->bench, SERVICE_READY);
    assert_int_equal(score(node, "b"), 0);
}

/* The brokers refuse the last record, so it is not on the log and must be cut off again, which an
 * archive with a failure cannot do. There are no states meanwhile whose loss could be noticed. */
static void an_archive_that_must_be_opened_again_ends_the_server(void **state) {
    struct node *node = *state;
    struct record record = {.type = RECORD_ENGINE, .engine.version = TEXT_LITERAL("1")};
    struct error error;
    node->bench.settings.lazy_sync_interval_us = 3600 * BENCH_SECOND; /* a sync would notice */
    open_primary(node);
    struct service *service = node->bench.service;
    pthread_mutex_lock(&service->lock);
    rd_kafka_mock_push_request_errors(node->brokers, KAFKA_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(service_append(service, &record, &error), 0);
    service->archive->failed = true; /* as after a write that could not be undone */
    pthread_mutex_unlock(&service->lock);
    bench_await(&node->bench, SERVICE_FAILED);
    assert_int_equal(service_failure(service, &error), -ERROR_UNAVAILABLE);
}

/* The service's threads have not been started then, so nothing of them is to be ended. */
static void a_damaged_place_on_the_log_ends_the_start(void **state) {
    static const uint8_t zeros[128]; /* neither of its two copies is whole */
    struct node *node = *state;
    struct error error;
    char path[128];
    open_primary(node);
    assert_int_equal(score(node, "a"), 0);
    assert_int_equal(service_close(node->bench.service, &error), 0);
    node->bench.service = NULL;
    snprintf(path, sizeof path, "%s/archive/committed", node->bench.folder);
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(pwrite(descriptor, zeros, sizeof zeros, 0), sizeof zeros);
    close(descriptor);
    assert_int_equal(service_open(&node->bench.settings, &node->bench.service, &error),
                     -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, "committed"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_primary_with_a_full_disk_says_why_it_steps_down),
        TEST(an_archive_that_must_be_opened_again_ends_the_server),
        TEST(a_damaged_place_on_the_log_ends_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
