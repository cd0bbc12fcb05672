/* The console's HTTP: what a client can do while a thread works on its request. Under a sanitizer
 * it also says that nothing of a request outlives its connection. */
#include "console/web/web.h"
#include "core/base/check.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS     4
#define PATIENCE_US INT64_C(400000) /* so that the guard sweeps ten times a second */
#define SWEEPS_US   350000
#define WAIT_S      30

struct bench {
    struct web *web;
    struct log log;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned working, released; /* slow requests: begun, and those that may end */
};

/* ---- the handler: /slow ends when the test says so ---- */

static bool is_slow(void *user, const struct web_request *request) {
    (void)user;
    return strcmp(request->path, "/slow") == 0;
}

static void handle(void *user, const struct web_request *request, struct web_answer *answer) {
    struct bench *bench = user;
    if (is_slow(NULL, request)) {
        pthread_mutex_lock(&bench->lock);
        unsigned number = bench->working++;
        pthread_cond_broadcast(&bench->changed);
        while (number >= bench->released)
            pthread_cond_wait(&bench->changed, &bench->lock);
        pthread_mutex_unlock(&bench->lock);
    }
    buffer_append_string(&answer->body, request->path);
    answer->type = "text/plain";
    answer->status = 200;
}

static void wait_for_working(struct bench *bench, unsigned count) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&bench->lock);
    while (bench->working < count)
        assert_int_equal(pthread_cond_timedwait(&bench->changed, &bench->lock, &until), 0);
    pthread_mutex_unlock(&bench->lock);
}

static void release(struct bench *bench, unsigned count) {
    pthread_mutex_lock(&bench->lock);
    bench->released = count;
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->lock);
}

static int set_up(void **state) {
    struct bench *bench = check_calloc(1, sizeof *bench);
    struct error error;
    pthread_mutex_init(&bench->lock, NULL);
    pthread_cond_init(&bench->changed, NULL);
    log_init(&bench->log, STDERR_FILENO, LOG_WARNING);
    const struct web_settings settings = {
        .listen = "127.0.0.1:0",
        .handler = {.handle = handle, .is_slow = is_slow, .user = bench},
        .threads = THREADS,
        .connections_max = 64,
        .patience_us = PATIENCE_US,
        .log = &bench->log,
    };
    assert_int_equal(web_open(&settings, &bench->web, &error), 0);
    *state = bench;
    return 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    release(bench, UINT32_MAX);
    web_close(bench->web);
    pthread_cond_destroy(&bench->changed);
    pthread_mutex_destroy(&bench->lock);
    free(bench);
    return 0;
}

/* ---- clients ---- */

static int dial(const struct bench *bench) {
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(web_port(bench->web))};
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&where, sizeof where), 0);
    const struct timeval wait = {.tv_sec = WAIT_S};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return client;
}

static void say(int client, const char *request) {
    assert_int_equal(send(client, request, strlen(request), MSG_NOSIGNAL), strlen(request));
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* Reads until the end of what is expected came. */
static void expect(int client, const char *begin, const char *end) {
    char answer[8192];
    size_t length = 0;
    do {
        ssize_t got = recv(client, answer + length, sizeof answer - 1 - length, 0);
        assert_true(got > 0);
        length += (size_t)got;
        answer[length] = '\0';
    } while (length < strlen(end) || strcmp(answer + length - strlen(end), end) != 0);
    assert_memory_equal(answer, begin, strlen(begin));
}

/* ---- tests ---- */

static void quick_requests_do_not_wait_for_slow_ones(void **state) {
    struct bench *bench = *state;
    int slow[2 * THREADS];
    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
        slow[i] = dial(bench);
        say(slow[i], GET("/slow"));
    }
    wait_for_working(bench, THREADS / 2);
    int quick = dial(bench);
    for (int i = 0; i < 20; i++) {
        say(quick, GET("/quick"));
        expect(quick, "HTTP/1.1 200 ", "/quick");
    }
    assert_int_equal(bench->working, THREADS / 2); /* the others wait */
    release(bench, 2 * THREADS);
    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
        expect(slow[i], "HTTP/1.1 200 ", "/slow");
        close(slow[i]);
    }
    close(quick);
}

/* One of the connections that follow gets the memory, and so the address, of the one that went:
 * what ends the first request must not end the other one's. */
static void clients_may_go_while_threads_work(void **state) {
    struct bench *bench = *state;
    int others[48];
    size_t count = sizeof others / sizeof *others;
    int first = dial(bench);
    say(first, GET("/slow"));
    wait_for_working(bench, 1);
    close(first);
    usleep(SWEEPS_US);
    for (size_t i = 0; i < count; i++) {
        others[i] = dial(bench);
        say(others[i], GET("/slow"));
    }
    wait_for_working(bench, THREADS / 2);
    usleep(SWEEPS_US);
    release(bench, 1);
    usleep(SWEEPS_US);
    for (size_t i = 0; i < count; i++)
        close(others[i]);
    usleep(SWEEPS_US);
    release(bench, UINT32_MAX);
    wait_for_working(bench, 1 + (unsigned)count);
    int client = dial(bench);
    say(client, GET("/quick"));
    expect(client, "HTTP/1.1 200 ", "/quick");
    close(client);
}

static void it_may_close_while_clients_wait(void **state) {
    struct bench *bench = *state;
    int waits = dial(bench), goes = dial(bench);
    say(waits, GET("/slow"));
    say(goes, GET("/slow"));
    wait_for_working(bench, 2);
    close(goes);
    release(bench, UINT32_MAX);
    web_close(bench->web);
    bench->web = NULL;
    expect(waits, "HTTP/1.1 200 ", "/slow");
    close(waits);
}

static void requests_ahead_are_answered_in_their_order(void **state) {
    struct bench *bench = *state;
    int client = dial(bench);
    say(client, GET("/slow") GET("/a") "HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n" GET("/last"));
    wait_for_working(bench, 1);
    release(bench, 1);
    expect(client, "HTTP/1.1 200 ", "/last");
    close(client);
}

static void a_body_may_wait_to_be_asked_for(void **state) {
    struct bench *bench = *state;
    int client = dial(bench);
    say(client, "POST /c HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    expect(client, "HTTP/1.1 100 ", "\r\n\r\n");
    say(client, "{}");
    expect(client, "HTTP/1.1 200 ", "/c");
    close(client);
}

/* Two of them, and what is in front of the console may have read the other one. */
static void headers_that_say_who_asks_come_once(void **state) {
    static const char *const names[] = {"Cookie", "Origin", "X-CSRF-Token", "Sec-Fetch-Site"};
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char request[256];
        snprintf(request, sizeof request, "GET /d HTTP/1.1\r\nHost: a\r\n%s: x\r\n%s: y\r\n\r\n",
                 names[i], names[i]);
        int client = dial(bench);
        say(client, request);
        expect(client, "HTTP/1.1 400 ", "}");
        close(client);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(quick_requests_do_not_wait_for_slow_ones, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(clients_may_go_while_threads_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_may_close_while_clients_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_ahead_are_answered_in_their_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_body_may_wait_to_be_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(headers_that_say_who_asks_come_once, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("console web", tests, NULL, NULL);
}
