/* Whole runs of `harrier stream`, from records of Kafka to committed decisions, against a fake of
 * libharrier and the cluster that librdkafka has for tests. That cluster keeps what is written in a
 * transaction even if it is undone, and forgets the offsets: tests/cluster looks at those, with a
 * real broker. */
#include "clients/cli/stream/stream.h"
#include "clients/cli/stream/stream_metrics.h"
#include "clients/cli/stream/topic_rows.h"
#include "core/base/arena.h"
#include "core/wire/message/message_item.h"
#include "core/wire/types/decision.h"
#include "tests/unit/cli/fake_client.h"
#include "tests/unit/unit.h"

#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS     60000
#define RECORDS_MAX 64

struct bench {
    rd_kafka_t *kafka; /* also the producer of the input */
    rd_kafka_mock_cluster_t *cluster;
    struct stream_settings settings;
    struct metric_set *metrics;
    struct error error;
    uint64_t retry_for_us;
};

static int set_up(void **state) {
    struct bench *bench = calloc(1, sizeof *bench);
    char reason[256];
    fake_server_reset();
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    rd_kafka_conf_set(config, "log_level", "0", reason, sizeof reason);
    bench->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, config, reason, sizeof reason);
    bench->cluster = rd_kafka_mock_cluster_new(bench->kafka, 1);
    assert_non_null(bench->cluster);
    static const char *const topics[] = {"payments", "outcomes", "refunds", "decisions", "dead"};
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        rd_kafka_mock_topic_create(bench->cluster, topics[i], 1, 1);
    bench->retry_for_us = WAIT_MS * UINT64_C(1000);
    bench->settings = (struct stream_settings){
        .kafka = {.brokers = rd_kafka_mock_cluster_bootstraps(bench->cluster),
                  /* it waits so long for a member that went */
                  .properties = {"consumer.session.timeout.ms=6000"},
                  .property_count = 1},
        .topics = {"payments", "outcomes", "refunds"},
        .topic_count = 3,
        .transaction_topics = 1,
        .outcome_topics = 1,
        .decisions = "decisions",
        .dead_letters = "dead",
        .group = "group",
        .instance = "one",
        .batch = 100,
        .deadline_us = 1000000,
        .outcome_wait_us = WAIT_MS * UINT64_C(1000),
        .until_end = true,
    };
    *state = bench;
    return 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    metric_set_free(bench->metrics);
    rd_kafka_mock_cluster_destroy(bench->cluster);
    rd_kafka_destroy(bench->kafka);
    free(bench);
    return 0;
}

/* The producer of the input reaches the cluster through a client of its own. */
static void put_bytes(struct bench *bench, const char *topic, const void *bytes, size_t length) {
    char reason[256];
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(config, "bootstrap.servers", bench->settings.kafka.brokers,
                                       reason, sizeof reason),
                     RD_KAFKA_CONF_OK);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, config, reason, sizeof reason);
    assert_non_null(producer);
    assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic),
                                       RD_KAFKA_V_VALUE((void *)bytes, length),
                                       RD_KAFKA_V_KEY("key", 3),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(producer, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
}

static void put(struct bench *bench, const char *topic, const char *text) {
    put_bytes(bench, topic, text, strlen(text));
}

static void put_payment(struct bench *bench, const char *id, int amount_minor) {
    char text[256];
    snprintf(text, sizeof text,
             "{\"id\": \"%s\", \"event_time\": \"2026-01-01T00:00:00Z\", \"amount_minor\": %d,\n"
             " \"currency\": \"EUR\"}",
             id, amount_minor);
    put(bench, "payments", text);
}

static int run(struct bench *bench) {
    struct progress_bar bar;
    progress_bar_init(&bar, PROGRESS_QUIET, "records");
    metric_set_free(bench->metrics);
    bench->metrics = stream_metrics_new();
    struct retry retry = {
        .address = "fake", .for_us = bench->retry_for_us, .bar = &bar, .quiet = true};
    const struct stream_parts parts = {.retry = &retry, .bar = &bar, .metrics = bench->metrics};
    return stream_run(&bench->settings, &parts, &bench->error);
}

static void run_well(struct bench *bench) {
    if (run(bench) < 0)
        fail_msg("%s", bench->error.text);
}

/* What is in a topic: a line for each record, its headers in brackets. */
struct content {
    size_t count;
    char text[8192];
    uint8_t first[1024]; /* the first record's value */
};

/* Large values are counted, and not shown. */
static void append(struct content *content, const char *before, const void *bytes, size_t length) {
    size_t at = strlen(content->text);
    if (length < sizeof content->text / 4)
        snprintf(content->text + at, sizeof content->text - at, "%s%.*s", before, (int)length,
                 length > 0 ? (const char *)bytes : "");
}

static void add_record(struct content *content, const rd_kafka_message_t *message) {
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t length;
    if (content->count++ == 0 && message->len <= sizeof content->first)
        memcpy(content->first, message->payload, message->len);
    append(content, "", message->key, message->key_len);
    append(content, "=", message->payload, message->len);
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &length) ==
                           RD_KAFKA_RESP_ERR_NO_ERROR;
             i++) {
            append(content, " [", name, strlen(name));
            append(content, "=", value, length);
            append(content, "]", "", 0);
        }
    append(content, "\n", "", 0);
}

static void read_partition(struct bench *bench, const char *topic, int partition,
                           struct content *content) {
    char reason[256];
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    rd_kafka_conf_set(config, "bootstrap.servers", bench->settings.kafka.brokers, reason,
                      sizeof reason);
    rd_kafka_conf_set(config, "group.id", "check", reason, sizeof reason);
    rd_kafka_conf_set(config, "enable.partition.eof", "true", reason, sizeof reason);
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, config, reason, sizeof reason);
    assert_non_null(consumer);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    *content = (struct content){0};
    for (bool is_at_end = false; !is_at_end;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, WAIT_MS);
        assert_non_null(message);
        is_at_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (!message->err)
            add_record(content, message);
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
}

static void read_topic(struct bench *bench, const char *topic, struct content *content) {
    read_partition(bench, topic, 0, content);
}

static void expect_in(const struct content *content, const char *wanted) {
    if (!strstr(content->text, wanted))
        fail_msg("no %s in:\n%s", wanted, content->text);
}

/* ---- tests ---- */

static void each_record_has_one_consequence(void **state) {
    struct bench *bench = *state;
    struct content decisions, dead;
    put_payment(bench, "a", 100);
    put(bench, "payments", "{\"id\": \"b\"");
    put_payment(bench, "bad-1", 100);
    put_payment(bench, "c", 20000);
    put(bench, "payments", "");
    put_payment(bench, "a", 100);
    run_well(bench);
    read_topic(bench, "decisions", &decisions);
    read_topic(bench, "dead", &dead);
    assert_int_equal(decisions.count, 3);
    expect_in(&decisions, "a={\"transaction_id\":\"a\",\"verdict\":\"approve\",\"score\":0,");
    expect_in(&decisions, "c={\"transaction_id\":\"c\",\"verdict\":\"decline\",\"score\":800,");
    expect_in(&decisions, "\"duplicate\":true");
    expect_in(&decisions, "[harrier.source=payments/0/0]\n");
    expect_in(&decisions, "[harrier.source=payments/0/5]\n");
    assert_int_equal(dead.count, 3);
    expect_in(&dead, "key={\"id\": \"b\" [harrier.source=payments/0/1] [harrier.code=invalid] "
                     "[harrier.reason=column");
    expect_in(&dead, "[harrier.source=payments/0/2] [harrier.code=invalid] "
                     "[harrier.reason=terminal: is missing]");
    expect_in(&dead, "key= [harrier.source=payments/0/4] [harrier.code=invalid] "
                     "[harrier.reason=the record is empty]");
    assert_int_equal(metric_total(bench->metrics, STREAM_DECISIONS), 3);
    assert_int_equal(metric_total(bench->metrics, STREAM_DEAD_LETTERS), 3);
    assert_int_equal(metric_total(bench->metrics, STREAM_DUPLICATES), 1);
}

/* The whole message failed, a part of it was refused for now, an answer was lost. */
static void a_server_that_is_away_is_asked_again(void **state) {
    struct bench *bench = *state;
    struct content decisions;
    put_payment(bench, "a", 100);
    put_payment(bench, "b", 100);
    put_payment(bench, "c", 100);
    fake_server.fail_next = 2;
    fake_server.fail_code = HARRIER_ERROR_UNAVAILABLE;
    fake_server.lose_next = 1;
    fake_server.refuse_from = 1;
    run_well(bench);
    read_topic(bench, "decisions", &decisions);
    assert_int_equal(decisions.count, 3);
    assert_int_equal(metric_total(bench->metrics, STREAM_DEAD_LETTERS), 0);
    expect_in(&decisions, "[harrier.source=payments/0/2]\n");
}

static void a_server_that_stays_away_ends_the_run(void **state) {
    struct bench *bench = *state;
    struct content decisions;
    put_payment(bench, "a", 100);
    fake_server.fail_next = 1000;
    fake_server.fail_code = HARRIER_ERROR_UNAVAILABLE;
    bench->retry_for_us = 200000;
    assert_int_equal(run(bench), -ERROR_UNAVAILABLE);
    fake_server.fail_next = 0;
    bench->retry_for_us = WAIT_MS * UINT64_C(1000);
    run_well(bench); /* nothing is lost */
    read_topic(bench, "decisions", &decisions);
    assert_int_equal(decisions.count, 1);
}

/* With the headers that say why it is dead, it is larger than librdkafka writes by default. */
static void a_large_record_is_a_dead_letter(void **state) {
    struct bench *bench = *state;
    struct content decisions, dead;
    enum { SIZE = 999900 };
    char *text = malloc(SIZE);
    memset(text, ' ', SIZE);
    put_bytes(bench, "payments", text, SIZE);
    free(text);
    put_payment(bench, "a", 100);
    run_well(bench);
    read_topic(bench, "decisions", &decisions);
    read_topic(bench, "dead", &dead);
    assert_int_equal(decisions.count, 1);
    assert_int_equal(dead.count, 1);
    expect_in(&dead, "[harrier.source=payments/0/0] [harrier.code=invalid]");
}

/* Written by librdkafka of the test as Java would have placed it, and found by the same key. */
static void decisions_are_placed_as_java_does(void **state) {
    struct bench *bench = *state;
    struct content part;
    size_t all = 0;
    rd_kafka_mock_topic_create(bench->cluster, "spread", 8, 1);
    bench->settings.decisions = "spread";
    /* Murmur2 of the key by Kafka's own rule, modulo 8. */
    static const struct {
        const char *id;
        int partition;
    } placed[] = {{"pay-0", 4}, {"pay-1", 0}, {"pay-2", 1},
                  {"pay-3", 2}, {"pay-4", 6}, {"pay-5", 6}};
    for (size_t i = 0; i < sizeof placed / sizeof *placed; i++)
        put_payment(bench, placed[i].id, 100);
    run_well(bench);
    for (int p = 0; p < 8; p++) {
        read_partition(bench, "spread", p, &part);
        all += part.count;
        for (size_t i = 0; i < sizeof placed / sizeof *placed; i++)
            if (placed[i].partition == p)
                expect_in(&part, placed[i].id);
    }
    assert_int_equal(all, 6);
}

/* Which of the topics comes first is not known, so both orders are tried. */
static void an_outcome_waits_for_its_transaction(void **state) {
    struct bench *bench = *state;
    struct content dead;
    put(bench, "outcomes", "{\"id\": \"a\", \"outcome\": \"fraud\"}");
    put_payment(bench, "a", 100);
    put(bench, "outcomes", "{\"id\": \"b\", \"outcome\": \"fraud\"}");
    put_payment(bench, "b", 100);
    run_well(bench);
    read_topic(bench, "dead", &dead);
    assert_int_equal(dead.count, 0);
    assert_int_equal(metric_total(bench->metrics, STREAM_OUTCOMES), 2);
    assert_non_null(strstr(fake_server.calls, "a=fraud"));
}

/* Those of one partition in their order, as the last total holds; with what else is read. */
static void an_amendment_waits_for_its_transaction(void **state) {
    struct bench *bench = *state;
    struct content dead;
    put(bench, "refunds",
        "{\"id\": \"a\", \"amendment\": \"refund\", \"amendment_amount_minor\": 5}");
    put_payment(bench, "a", 100);
    put(bench, "outcomes", "{\"id\": \"a\", \"outcome\": \"fraud\"}");
    put(bench, "refunds", "{\"id\": \"a\", \"amendment\": \"void\"}");
    put(bench, "refunds", "{\"id\": \"a\"}"); /* states none */
    run_well(bench);
    read_topic(bench, "dead", &dead);
    assert_int_equal(dead.count, 0);
    assert_int_equal(metric_total(bench->metrics, STREAM_AMENDMENTS), 3);
    assert_int_equal(metric_total(bench->metrics, STREAM_OUTCOMES), 1);
    const char *refund = strstr(fake_server.calls, "a=refund");
    assert_non_null(refund);
    assert_non_null(strstr(refund, "a=other"));
}

static void an_amendment_that_is_wrong_is_refused(void **state) {
    struct bench *bench = *state;
    struct content dead;
    bench->settings.outcome_wait_us = 500000;
    put(bench, "refunds", "{\"id\": \"nobody\", \"amendment\": \"void\"}");
    put(bench, "refunds", "{\"id\": \"a\", \"amendment\": \"undo\"}");
    put(bench, "refunds", "{\"id\": \"a\", \"amendment\": \"refund\"}");
    put_payment(bench, "a", 100);
    run_well(bench);
    read_topic(bench, "dead", &dead);
    assert_int_equal(dead.count, 3);
    expect_in(&dead, "[harrier.source=refunds/0/0] [harrier.code=not_found] "
                     "[harrier.reason=transaction_id is not known]");
    expect_in(&dead, "[harrier.source=refunds/0/1] [harrier.code=invalid] "
                     "[harrier.reason=amendment: expected void, capture, refund or restore]");
    expect_in(&dead, "[harrier.source=refunds/0/2] [harrier.code=invalid] "
                     "[harrier.reason=amendment_amount_minor: missing; a refund has one]");
    assert_int_equal(metric_total(bench->metrics, STREAM_DECISIONS), 1);
    assert_int_equal(metric_total(bench->metrics, STREAM_RECORDS), 4);
}

static void amendments_are_asked_again(void **state) {
    struct bench *bench = *state;
    struct content dead;
    put_payment(bench, "a", 100);
    put_payment(bench, "b", 100);
    put(bench, "refunds", "{\"id\": \"a\", \"amendment\": \"void\"}");
    put(bench, "refunds", "{\"id\": \"b\", \"amendment\": \"void\"}");
    fake_server.fail_amendments_next = 2;
    fake_server.fail_code = HARRIER_ERROR_UNAVAILABLE;
    run_well(bench);
    read_topic(bench, "dead", &dead);
    assert_int_equal(dead.count, 0);
    assert_string_equal(fake_server.reported, "a=b=");
}

/* "transaction_id" (1), "kind" (2), "amount_minor" (3), as harrier.proto has them. */
static void amendments_in_protobuf(void **state) {
    struct bench *bench = *state;
    struct content dead;
    bench->settings.format = RECORD_PROTOBUF;
    put_bytes(bench, "payments", "\x0a\x01p\x10\x80\x80\xe8\x83\xe4\xd1\x91\x03", 12);
    put_bytes(bench, "refunds", "\x0a\x01p\x10\x03\x18\x05", 7);
    put_bytes(bench, "refunds", "\x0a\x01p", 3);  /* no kind */
    put_bytes(bench, "refunds", "\x0a\x05zu", 4); /* ends before its end */
    run_well(bench);
    read_topic(bench, "dead", &dead);
    assert_int_equal(dead.count, 2);
    expect_in(&dead, "[harrier.reason=kind");
    assert_non_null(strstr(fake_server.calls, "p=refund"));
    assert_int_equal(metric_total(bench->metrics, STREAM_AMENDMENTS), 1);
}

static void an_outcome_of_nothing_is_refused(void **state) {
    struct bench *bench = *state;
    struct content dead;
    bench->settings.outcome_wait_us = 500000;
    put(bench, "outcomes", "{\"id\": \"nobody\", \"outcome\": \"fraud\"}");
    put(bench, "outcomes", "{\"id\": \"a\", \"outcome\": \"perhaps\"}");
    put_payment(bench, "a", 100);
    run_well(bench);
    read_topic(bench, "dead", &dead);
    assert_int_equal(dead.count, 2);
    expect_in(&dead, "[harrier.source=outcomes/0/0] [harrier.code=not_found] "
                     "[harrier.reason=transaction_id is not known]");
    expect_in(&dead,
              "[harrier.source=outcomes/0/1] [harrier.code=invalid] [harrier.reason=outcome");
    assert_int_equal(metric_total(bench->metrics, STREAM_DECISIONS), 1);
}

/* "id" (1), "event_time_us" (2), "amount_minor" (3), "currency" (4): as harrier.proto has them. */
static void protobuf_in_and_out(void **state) {
    struct bench *bench = *state;
    struct content decisions, dead;
    static const uint8_t transaction[] = {0x0a, 1,    'p',  0x10, 0x80, 0x80, 0xe8,
                                          0x83, 0xe4, 0xd1, 0x91, 0x03, 0x18, 100,
                                          0x22, 3,    'E',  'U',  'R'};
    bench->settings.format = RECORD_PROTOBUF;
    put_bytes(bench, "payments", transaction, sizeof transaction);
    put_bytes(bench, "payments", "\x0a\x05zu", 4); /* ends before its end */
    put_bytes(bench, "payments", "\x0a\x01q", 3);  /* no time */
    run_well(bench);
    read_topic(bench, "decisions", &decisions);
    read_topic(bench, "dead", &dead);
    assert_int_equal(decisions.count, 1);
    assert_memory_equal(decisions.first, "\x0a\x01p\x10\x01", 5); /* transaction_id, verdict */
    assert_int_equal(dead.count, 2);
    expect_in(&dead, "[harrier.reason=event_time_us");
}

static void a_topic_that_is_not_there_is_named(void **state) {
    struct bench *bench = *state;
    bench->settings.dead_letters = "nowhere";
    rd_kafka_mock_topic_set_error(bench->cluster, "nowhere",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(run(bench), -ERROR_NOT_FOUND);
    assert_non_null(strstr(bench->error.text, "there is no topic nowhere"));
}

static void properties_of_ours_are_refused(void **state) {
    struct bench *bench = *state;
    bench->settings.kafka.properties[0] = "consumer.group.id=mine";
    assert_int_equal(run(bench), -ERROR_INVALID);
    assert_string_equal(bench->error.text, "--kafka consumer.group.id=mine: group.id cannot be "
                                           "set: use --group, or harrierd's option cluster");
    bench->settings.kafka.properties[0] = "no.such=1";
    assert_int_equal(run(bench), -ERROR_INVALID);
    assert_non_null(strstr(bench->error.text, "no.such"));
}

/* What comes between two runs is not forgotten, though the first one has read nothing. */
static void a_group_may_begin_at_the_ends(void **state) {
    struct bench *bench = *state;
    struct content decisions;
    bench->settings.from_latest = true;
    put_payment(bench, "old", 100);
    run_well(bench);
    assert_int_equal(metric_total(bench->metrics, STREAM_RECORDS), 0);
    put_payment(bench, "new", 100);
    run_well(bench);
    assert_int_equal(metric_total(bench->metrics, STREAM_RECORDS), 1);
    read_topic(bench, "decisions", &decisions);
    expect_in(&decisions, "[harrier.source=payments/0/1]");
}

/* All of two topics, in the order of time, up to where they end when it begins. */
static void an_import_reads_to_the_end(void **state) {
    struct bench *bench = *state;
    struct topic_rows *rows;
    struct topic_row row;
    char url[256], seen[512] = "";
    put_payment(bench, "a", 100);
    put(bench, "outcomes",
        "{\"id\": \"b\", \"event_time\": \"2026-01-01T00:00:01Z\", \"outcome\": \"fraud\","
        " \"outcome_time\": \"2026-01-02T00:00:00Z\"}");
    put(bench, "payments", "{}");
    put_payment(bench, "c", 100);
    snprintf(url, sizeof url, "kafka://%s/payments,outcomes", bench->settings.kafka.brokers);
    if (topic_rows_open(url, NULL, false, NULL, &rows, &bench->error) < 0)
        fail_msg("%s", bench->error.text);
    int r;
    while ((r = topic_rows_next(rows, NULL, &row, &bench->error)) > 0) {
        size_t at = strlen(seen);
        snprintf(seen + at, sizeof seen - at, "%s %s\n", row.place,
                 row.error ? "bad" : row.row.transaction.id.data);
        if (row.error) {
            assert_true(text_is(row.value, "{}"));
            assert_true(text_is(row.field, "event_time"));
        }
        if (!row.error && row.row.transaction.id.data[0] == 'b') {
            assert_int_equal(row.row.label, LABEL_FRAUD);
            assert_int_equal(row.row.known_us - row.row.transaction.event_time_us, 86399000000);
        }
        put_payment(bench, "later", 100);
    }
    assert_int_equal(r, 0);
    assert_string_equal(seen, "payments/0/0 a\noutcomes/0/0 b\npayments/0/1 bad\npayments/0/2 c\n");
    topic_rows_close(rows);
}

static void a_source_that_is_none_is_refused(void **state) {
    struct bench *bench = *state;
    static const char *const urls[] = {"payments.csv", "kafka://", "kafka:///topic", "kafka://a:1",
                                       "kafka://a:1/"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct topic_rows *rows;
        assert_int_equal(topic_rows_open(urls[i], NULL, false, NULL, &rows, &bench->error),
                         -ERROR_INVALID);
        assert_non_null(strstr(bench->error.text, "expected kafka://HOST:PORT/TOPIC"));
    }
}

/* Many small batches, so that several are committed together. */
static void order_is_kept(void **state) {
    struct bench *bench = *state;
    struct content decisions;
    char source[64];
    bench->settings.batch = 2;
    for (int i = 0; i < 25; i++) {
        char id[8];
        snprintf(id, sizeof id, "p%02d", i);
        put_payment(bench, id, 100);
    }
    run_well(bench);
    read_topic(bench, "decisions", &decisions);
    assert_int_equal(decisions.count, 25);
    const char *at = decisions.text;
    for (int i = 0; i < 25; i++) {
        snprintf(source, sizeof source, "[harrier.source=payments/0/%d]", i);
        at = strstr(at, source);
        assert_non_null(at);
    }
}

/* ---- all at once ---- */

struct child {
    pid_t pid;
    FILE *said;
};

static struct child begin(const struct CMUnitTest *test) {
    struct child child = {.said = tmpfile()};
    if (!child.said || (child.pid = fork()) < 0) {
        perror("test_stream");
        exit(1);
    }
    if (child.pid == 0) {
        dup2(fileno(child.said), STDOUT_FILENO);
        dup2(fileno(child.said), STDERR_FILENO);
        const struct CMUnitTest tests[] = {*test};
        exit(cmocka_run_group_tests(tests, NULL, NULL));
    }
    return child;
}

/* Is it well? Shows what it said. */
static bool end(struct child *child) {
    char text[4096];
    int status;
    if (waitpid(child->pid, &status, 0) != child->pid)
        return false;
    rewind(child->said);
    for (size_t n; (n = fread(text, 1, sizeof text, child->said)) > 0;)
        fwrite(text, 1, n, stdout);
    fclose(child->said);
    if (WIFSIGNALED(status))
        printf("killed by signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Each test has a process and a cluster of its own, and all run at once: what they do takes no
 * time, but the cluster waits three seconds for more members before a group's first one gets its
 * partitions, and for the session's time-out before a later run does. One after the other they
 * would wait for two minutes. */
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_record_has_one_consequence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_is_away_is_asked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_stays_away_ends_the_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_record_is_a_dead_letter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(decisions_are_placed_as_java_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_outcome_waits_for_its_transaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_outcome_of_nothing_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_amendment_waits_for_its_transaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_amendment_that_is_wrong_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(amendments_are_asked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(amendments_in_protobuf, set_up, tear_down),
        cmocka_unit_test_setup_teardown(protobuf_in_and_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_topic_that_is_not_there_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(properties_of_ours_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_group_may_begin_at_the_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_import_reads_to_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_source_that_is_none_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_is_kept, set_up, tear_down),
    };
    enum { COUNT = sizeof tests / sizeof *tests };
    struct child children[COUNT];
    int failed = 0;
    for (size_t i = 0; i < COUNT; i++)
        children[i] = begin(&tests[i]);
    for (size_t i = 0; i < COUNT; i++)
        failed += !end(&children[i]);
    return failed;
}
