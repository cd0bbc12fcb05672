/* The queue against a naive one; events from several threads to a command and to a URL, with pauses
 * of milliseconds between attempts; what is noticed by looking. */
#include "core/store/nights/night_summary.h"
#include "server/events/event_queue.h"
#include "server/events/event_watch.h"
#include "server/events/events.h"
#include "server/ops/denial.h"
#include "server/ops/metrics.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/server/late_clock.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS   60000 /* only there to catch a hang */
#define MINUTE_US (INT64_C(60) * 1000000)
#define ATTEMPTS  5

/* ---- the queue ---- */

/* Rows "N" in order: what was accepted comes out in order, and no more is held than fits. */
static void the_queue_is_bounded_and_in_order(void **state) {
    (void)state;
    uint64_t rng = asked_seed(7);
    struct event_queue queue;
    uint64_t accepted[4096], next_in = 0, next_out = 0;
    size_t waiting_bytes = 0;
    event_queue_init(&queue, 2000);
    for (uint64_t step = 0, steps = asked_steps(20000); step < steps; step++) {
        char row[400];
        if (split_mix(&rng) % 3 > 0) {
            int length = snprintf(row, sizeof row, "%0*llu", 1 + (int)(split_mix(&rng) % 300),
                                  (unsigned long long)step);
            bool was_empty;
            bool fits = event_queue_add(&queue, (struct text){row, (size_t)length}, &was_empty);
            assert_int_equal(was_empty, waiting_bytes == 0);
            assert_int_equal(fits, waiting_bytes + (size_t)length + 1 <= 2000);
            if (!fits)
                continue;
            waiting_bytes += (size_t)length + 1;
            accepted[next_in++ % 4096] = step;
        } else {
            struct buffer out;
            buffer_init(&out);
            size_t taken = event_queue_take(&queue, &out);
            buffer_append_u8(&out, '\0');
            char *at = (char *)out.bytes;
            for (size_t i = 0; i < taken; i++) {
                assert_int_equal(strtoull(at, &at, 10), accepted[next_out++ % 4096]);
                assert_int_equal(*at++, i + 1 < taken ? ',' : '\0');
            }
            assert_true(taken <= EVENT_BATCH_ROWS_MAX);
            assert_true(taken > 0 || next_in == next_out);
            if (queue.at == queue.reading.length || queue.waiting.length == 0)
                waiting_bytes = queue.waiting.length;
            buffer_deinit(&out);
        }
        assert_true(next_in - next_out < 4096);
    }
    assert_int_equal(event_queue_clear(&queue), next_in - next_out);
    event_queue_deinit(&queue);
}

/* ---- a bench with a command ---- */

struct bench {
    char *folder;
    char command[200], out[200], good[200], attempts[200], messages[200];
    struct late_clock clock;
    struct log log;
    struct events_settings settings;
    struct events *events;
};

/* The command appends its input to a file, and fails unless another file is there. */
static void bench_begin(struct bench *bench, bool is_good) {
    char script[1024];
    *bench = (struct bench){.folder = scratch_make()};
    snprintf(bench->command, sizeof bench->command, "%s/command", bench->folder);
    snprintf(bench->out, sizeof bench->out, "%s/out", bench->folder);
    snprintf(bench->good, sizeof bench->good, "%s/good", bench->folder);
    snprintf(bench->attempts, sizeof bench->attempts, "%s/attempts", bench->folder);
    snprintf(bench->messages, sizeof bench->messages, "%s/messages", bench->folder);
    int length = snprintf(script, sizeof script,
                          "#!/bin/sh\necho a >> %s\n[ -e %s ] || { echo no pager; exit 3; }\n"
                          "cat >> %s; echo >> %s\n",
                          bench->attempts, bench->good, bench->out, bench->out);
    scratch_write(bench->command, script, (size_t)length);
    assert_int_equal(chmod(bench->command, 0700), 0);
    if (is_good)
        scratch_write(bench->good, "", 0);
    late_clock_init(&bench->clock);
    log_init(&bench->log, open(bench->messages, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
             LOG_INFO);
    bench->settings = (struct events_settings){.url = "",
                                               .command = bench->command,
                                               .kinds = UINT32_MAX,
                                               .secret = "",
                                               .ca = "",
                                               .timeout_us = MINUTE_US,
                                               .queue_size = 4 << 20,
                                               .server = "tester",
                                               .retry_us = 1000,
                                               .clock = &bench->clock.clock,
                                               .log = &bench->log,
                                               .metrics = server_metrics_new()};
}

static void bench_open(struct bench *bench) {
    struct error error;
    assert_int_equal(events_open(&bench->settings, &bench->events, &error), 0);
    assert_non_null(bench->events);
    events_start(bench->events);
}

static void bench_end(struct bench *bench) {
    events_close(bench->events);
    close(bench->log.descriptor);
    metric_set_free(bench->settings.metrics);
    scratch_remove(bench->folder);
}

static int64_t counted(const struct bench *bench, enum event_result result) {
    return metric_value(bench->settings.metrics, EVENTS, result);
}

static void await_counted(const struct bench *bench, enum event_result result, int64_t count) {
    for (int i = 0; i < WAIT_MS && counted(bench, result) < count; i++)
        usleep(1000);
    assert_int_equal(counted(bench, result), count);
}

static void send_number(struct bench *bench, unsigned thread, unsigned number) {
    struct buffer row;
    events_begin(bench->events, EVENT_STATE, &row);
    json_add_unsigned(&row, "thread", thread);
    json_add_unsigned(&row, "number", number);
    events_send(bench->events, &row);
}

static bool has_said(const struct bench *bench, const char *words) {
    struct text said = scratch_read(bench->messages);
    bool has = memmem(said.data, said.length, words, strlen(words)) != NULL;
    free((char *)(uintptr_t)said.data);
    return has;
}

/* All events that the command has got, in order; to be freed. */
static json_t *taken(const struct bench *bench) {
    json_t *all = json_array();
    json_error_t error;
    FILE *file = fopen(bench->out, "r");
    char *line = NULL;
    size_t size = 0;
    while (file && getline(&line, &size, file) > 0) {
        json_t *body = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        if (!body)
            fail_msg("%s in %s", error.text, line);
        assert_int_equal(json_integer_value(json_object_get(body, "schema")), 1);
        json_array_extend(all, json_object_get(body, "events"));
        json_decref(body);
    }
    free(line);
    if (file)
        fclose(file);
    return all;
}

static int64_t number_in(const json_t *event, const char *key) {
    return json_integer_value(json_object_get(event, key));
}
static const char *text_in(const json_t *event, const char *key) {
    return json_string_value(json_object_get(event, key));
}

/* ---- deliveries ---- */

#define THREADS 4

struct adder {
    struct bench *bench;
    unsigned thread, count;
};

static void *add(void *user) {
    struct adder *adder = user;
    for (unsigned i = 0; i < adder->count; i++)
        send_number(adder->bench, adder->thread, i);
    return NULL;
}

static void add_together(struct bench *bench, unsigned count) {
    pthread_t threads[THREADS];
    struct adder adders[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        adders[i] = (struct adder){bench, i, count};
        assert_int_equal(pthread_create(&threads[i], NULL, add, &adders[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* Each event of each thread at most once and in its order; all of them unless some were dropped. */
static void check_taken(const struct bench *bench, size_t expected) {
    int64_t last[THREADS] = {-1, -1, -1, -1};
    json_t *all = taken(bench);
    assert_int_equal(json_array_size(all), expected);
    for (size_t i = 0; i < expected; i++) {
        const json_t *event = json_array_get(all, i);
        int64_t *before = &last[number_in(event, "thread")];
        assert_true(number_in(event, "number") > *before);
        *before = number_in(event, "number");
        assert_string_equal(text_in(event, "event"), "state");
    }
    json_decref(all);
}

static void each_is_delivered_once(void **state) {
    (void)state;
    struct bench bench;
    const unsigned count = (unsigned)asked_steps(2000);
    bench_begin(&bench, true);
    bench_open(&bench);
    add_together(&bench, count);
    await_counted(&bench, EVENT_RESULT_DELIVERED, THREADS * (int64_t)count);
    check_taken(&bench, THREADS * (size_t)count);
    assert_int_equal(counted(&bench, EVENT_RESULT_DROPPED), 0);
    bench_end(&bench);
}

/* What finds no room is dropped; everything else is delivered, and nothing is lost in between. */
static void what_finds_no_room_is_counted(void **state) {
    (void)state;
    struct bench bench;
    const unsigned count = (unsigned)asked_steps(4000);
    bench_begin(&bench, true);
    bench.settings.queue_size = EVENT_QUEUE_MIN;
    bench_open(&bench);
    add_together(&bench, count);
    const int64_t dropped = counted(&bench, EVENT_RESULT_DROPPED);
    assert_true(dropped > 0);
    await_counted(&bench, EVENT_RESULT_DELIVERED, THREADS * (int64_t)count - dropped);
    check_taken(&bench, (size_t)(THREADS * (int64_t)count - dropped));
    assert_int_equal(counted(&bench, EVENT_RESULT_FAILED), 0);
    bench_end(&bench);
}

static void attempts_are_few(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, false);
    bench_open(&bench);
    send_number(&bench, 0, 1);
    await_counted(&bench, EVENT_RESULT_FAILED, 1);
    assert_int_equal(metric_value(bench.settings.metrics, EVENT_ATTEMPTS_FAILED, 0), ATTEMPTS);
    struct text attempts = scratch_read(bench.attempts);
    assert_int_equal(attempts.length, 2 * ATTEMPTS);
    free((char *)(uintptr_t)attempts.data);
    for (int i = 0; i < WAIT_MS && !has_said(&bench, "could not be delivered"); i++)
        usleep(1000);
    assert_true(has_said(&bench, "event_command: 1 events could not be delivered and 0 found no "
                                 "room in the queue: it exited with status 3: no pager"));
    scratch_write(bench.good, "", 0);
    send_number(&bench, 0, 2); /* the next ones get their turn */
    await_counted(&bench, EVENT_RESULT_DELIVERED, 1);
    check_taken(&bench, 1);
    assert_true(has_said(&bench, "event_command: events are delivered again"));
    bench_end(&bench);
}

/* Of this process. */
static size_t open_files(void) {
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void a_command_that_is_gone_costs_no_descriptors(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, true);
    bench_open(&bench);
    assert_int_equal(unlink(bench.command), 0);
    size_t before = open_files();
    send_number(&bench, 0, 1);
    await_counted(&bench, EVENT_RESULT_FAILED, 1);
    assert_int_equal(metric_value(bench.settings.metrics, EVENT_ATTEMPTS_FAILED, 0), ATTEMPTS);
    assert_int_equal(open_files(), before);
    events_close(bench.events);
    bench.events = NULL;
    assert_true(has_said(&bench, "it cannot be started: No such file or directory"));
    bench_end(&bench);
}

/* A process that starts the server may have ignored SIGCHLD, and that is inherited. */
static void the_end_of_a_command_is_seen_whatever_was_inherited(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, true);
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);
    bench_open(&bench);
    send_number(&bench, 0, 1);
    await_counted(&bench, EVENT_RESULT_DELIVERED, 1);
    assert_int_equal(metric_value(bench.settings.metrics, EVENT_ATTEMPTS_FAILED, 0), 0);
    check_taken(&bench, 1);
    bench_end(&bench);
    signal(SIGCHLD, before);
}

/* In a container, the server is the first process, which gets all orphans. */
static void orphans_of_commands_are_reaped(void **state) {
    (void)state;
    static const char script[] = "#!/bin/sh\nsleep 1000 & sleep 1000 &\nexit 0\n";
    struct bench bench;
    siginfo_t info;
    bench_begin(&bench, true);
    scratch_write(bench.command, script, sizeof script - 1);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    bench_open(&bench);
    for (unsigned i = 1; i <= 3; i++) {
        send_number(&bench, 0, i);
        await_counted(&bench, EVENT_RESULT_DELIVERED, i);
    }
    events_close(bench.events);
    bench.events = NULL;
    assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
    bench_end(&bench);
}

/* A receiver that fails and recovers all the time: the log has a line a minute of each kind. */
static void a_receiver_that_flaps_does_not_fill_the_log(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, false);
    bench_open(&bench);
    for (int i = 1; i <= 3; i++) {
        unlink(bench.good);
        send_number(&bench, 0, 1);
        await_counted(&bench, EVENT_RESULT_FAILED, i);
        scratch_write(bench.good, "", 0);
        send_number(&bench, 0, 2);
        await_counted(&bench, EVENT_RESULT_DELIVERED, i);
    }
    events_close(bench.events); /* says what is left to be said, with the reason */
    bench.events = NULL;
    static const char *const counts[] = {"1 events could not", "2 events could not"};
    for (size_t i = 0; i < 2; i++)
        assert_true(has_said(&bench, counts[i]));
    struct text said = scratch_read(bench.messages);
    size_t lines = 0;
    for (size_t i = 0; i < said.length; i++)
        lines += said.data[i] == '\n';
    assert_int_equal(lines, 3); /* two of losses, one of recovery */
    free((char *)(uintptr_t)said.data);
    assert_true(has_said(&bench, "2 events could not be delivered and 0 found no room in the "
                                 "queue: it exited with status 3: no pager"));
    bench_end(&bench);
}

/* What waits when it ends is delivered, also out of a pause, and with one attempt only. */
static void the_end_delivers_what_is_left(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, false);
    bench.settings.retry_us = 3600 * INT64_C(1000000);
    bench_open(&bench);
    send_number(&bench, 0, 1);
    for (int i = 0;
         i < WAIT_MS && metric_value(bench.settings.metrics, EVENT_ATTEMPTS_FAILED, 0) < 1; i++)
        usleep(1000);
    send_number(&bench, 0, 2);
    scratch_write(bench.good, "", 0);
    events_close(bench.events);
    bench.events = NULL;
    const size_t delivered = (size_t)counted(&bench, EVENT_RESULT_DELIVERED);
    if (delivered < 2) /* on a machine that needs two seconds for two commands */
        assert_true(has_said(&bench, "the server stopped first"));
    assert_int_equal(delivered + (size_t)counted(&bench, EVENT_RESULT_FAILED), 2);
    bench_end(&bench);
}

/* A port that was free a moment ago. */
static void nobody_listens(void **state) {
    (void)state;
    struct bench bench;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    char url[100];
    int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, and not listening */
    assert_int_equal(bind(bound, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(bound, (struct sockaddr *)&address, &length), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/secret", ntohs(address.sin_port));
    bench_begin(&bench, true);
    bench.settings.url = url;
    bench.settings.command = "";
    bench_open(&bench);
    send_number(&bench, 0, 1);
    await_counted(&bench, EVENT_RESULT_FAILED, 1);
    assert_int_equal(metric_value(bench.settings.metrics, EVENT_ATTEMPTS_FAILED, 0), ATTEMPTS);
    events_close(bench.events);
    bench.events = NULL;
    assert_true(has_said(&bench, "nobody listens there"));
    assert_false(has_said(&bench, "secret")); /* a URL may have one in it */
    bench_end(&bench);
    close(bound);
}

/* Connections are accepted by the kernel, and nobody reads. */
static void a_silent_receiver_has_so_much_time(void **state) {
    (void)state;
    struct bench bench;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    char url[100];
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, 16), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &length), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(address.sin_port));
    bench_begin(&bench, true);
    bench.settings.url = url;
    bench.settings.command = "";
    bench.settings.timeout_us = 20000;
    bench_open(&bench);
    send_number(&bench, 0, 1);
    await_counted(&bench, EVENT_RESULT_FAILED, 1);
    assert_int_equal(metric_value(bench.settings.metrics, EVENT_ATTEMPTS_FAILED, 0), ATTEMPTS);
    events_close(bench.events);
    bench.events = NULL;
    assert_true(has_said(&bench, "event_url: 1 events could not be delivered and 0 found no room "
                                 "in the queue: no answer within event_timeout"));
    bench_end(&bench);
    close(listening);
}

static void names_are_resolved_without_blocking(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, true);
    bench.settings.url = "http://name.invalid/"; /* RFC 6761: there is none */
    bench.settings.command = "";
    bench.settings.timeout_us = 200000; /* a resolver may be silent */
    bench_open(&bench);
    send_number(&bench, 0, 1);
    await_counted(&bench, EVENT_RESULT_FAILED, 1);
    bench_end(&bench);
}

/* ---- what is noticed by looking ---- */

static void write_summary(const struct bench *bench, const struct night_summary *summary) {
    struct error error;
    int folder;
    assert_int_equal(night_folder_open(bench->folder, &folder, &error), 0);
    assert_int_equal(night_summary_write(folder, summary, &error), 0);
    close(folder);
}

static void nights_are_noticed(void **state) {
    (void)state;
    struct bench bench;
    struct night_summary summary = {.date = "2026-01-01", .failed_us = 5, .step = "rebuild"};
    bench_begin(&bench, true);
    bench_open(&bench);
    write_summary(&bench, &summary);
    struct event_watch *watch =
        event_watch_new(bench.events, bench.folder, bench.settings.metrics, bench.settings.clock);
    event_watch_look(watch); /* what was before is no news */
    event_watch_look(watch);
    summary = (struct night_summary){.date = "2026-01-02", .last_success_us = 7, .held_back = 3};
    summary.findings[NIGHT_ALERT] = 2;
    write_summary(&bench, &summary);
    event_watch_look(watch);
    event_watch_look(watch);
    strcpy(summary.date, "2026-01-03");
    strcpy(summary.step, "verify");
    strcpy(summary.reason, "states differ");
    summary.failed_us = 9;
    write_summary(&bench, &summary);
    event_watch_look(watch);
    event_watch_free(watch);
    await_counted(&bench, EVENT_RESULT_DELIVERED, 3);
    json_t *all = taken(&bench);
    static const char *const kinds[] = {"night_done", "night_held_back", "night_failed"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(text_in(json_array_get(all, i), "event"), kinds[i]);
    assert_string_equal(text_in(json_array_get(all, 0), "night"), "2026-01-02");
    assert_int_equal(number_in(json_array_get(all, 1), "held_back"), 3);
    assert_int_equal(number_in(json_object_get(json_array_get(all, 0), "findings"), "alert"), 2);
    assert_string_equal(text_in(json_array_get(all, 2), "step"), "verify");
    assert_string_equal(text_in(json_array_get(all, 2), "reason"), "states differ");
    json_decref(all);
    bench_end(&bench);
}

static void refused_tokens_are_told_once_a_minute(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, true);
    bench_open(&bench);
    struct event_watch *watch =
        event_watch_new(bench.events, NULL, bench.settings.metrics, bench.settings.clock);
    event_watch_look(watch);
    metric_add(bench.settings.metrics, DENIED, DENIAL_EXPIRED, 3);
    event_watch_look(watch);
    metric_add(bench.settings.metrics, DENIED, DENIAL_EXPIRED, 2);
    metric_add(bench.settings.metrics, DENIED, DENIAL_SCOPE, 1);
    event_watch_look(watch);
    late_clock_pass(&bench.clock, MINUTE_US);
    event_watch_look(watch);
    late_clock_pass(&bench.clock, MINUTE_US);
    event_watch_look(watch);
    event_watch_free(watch);
    await_counted(&bench, EVENT_RESULT_DELIVERED, 2);
    json_t *all = taken(&bench);
    assert_int_equal(json_array_size(all), 2);
    assert_int_equal(number_in(json_array_get(all, 0), "count"), 3);
    assert_int_equal(number_in(json_array_get(all, 1), "count"), 3);
    const json_t *reasons = json_object_get(json_array_get(all, 1), "reasons");
    assert_int_equal(number_in(reasons, "expired"), 2);
    assert_int_equal(number_in(reasons, "scope"), 1);
    json_decref(all);
    bench_end(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_queue_is_bounded_and_in_order),
        cmocka_unit_test(each_is_delivered_once),
        cmocka_unit_test(what_finds_no_room_is_counted),
        cmocka_unit_test(attempts_are_few),
        cmocka_unit_test(a_command_that_is_gone_costs_no_descriptors),
        cmocka_unit_test(the_end_of_a_command_is_seen_whatever_was_inherited),
        cmocka_unit_test(orphans_of_commands_are_reaped),
        cmocka_unit_test(a_receiver_that_flaps_does_not_fill_the_log),
        cmocka_unit_test(the_end_delivers_what_is_left),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(a_silent_receiver_has_so_much_time),
        cmocka_unit_test(names_are_resolved_without_blocking),
        cmocka_unit_test(nights_are_noticed),
        cmocka_unit_test(refused_tokens_are_told_once_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
