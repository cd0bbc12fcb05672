/* Many threads on one client: the lead passes from one to the other, calls that wait and pipelined
 * ones mix, the server breaks under them, and the client is closed under them. Worth running under
 * a thread sanitizer. */
#include "clients/c/harrier.h"
#include "fake_server.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { THREADS = 16, CALLS = 200, PIPELINED = 20 };

struct crowd {
    char address[64];
    struct fake_server *server;
    struct harrier_client *client;
    atomic_uint answered, wrong, callbacks, closed, number;
    /* reported to the hook, which one thread calls at a time */
    unsigned counted;
    double in_flight;
};

static void on_count(const char *name, double value, const struct harrier_metric_label *labels,
                     size_t label_count, void *user) {
    struct crowd *crowd = user;
    (void)labels, (void)label_count;
    if (strcmp(name, "harrier_client_calls_total") == 0)
        crowd->counted += (unsigned)value;
}

static void on_observe(const char *name, double value, const struct harrier_metric_label *labels,
                       size_t label_count, void *user) {
    (void)name, (void)value, (void)labels, (void)label_count, (void)user;
}

static void on_set(const char *name, double value, const struct harrier_metric_label *labels,
                   size_t label_count, void *user) {
    struct crowd *crowd = user;
    (void)labels, (void)label_count;
    if (strcmp(name, "harrier_client_in_flight") == 0)
        crowd->in_flight = value;
}

static void begin(struct crowd *crowd, fake_answer *answer, unsigned in_flight_max) {
    struct harrier_error error;
    memset(crowd, 0, sizeof *crowd);
    fake_address(crowd->address);
    crowd->server = fake_server_start(crowd->address, answer, NULL);
    const struct harrier_metrics metrics = {
        .count = on_count, .observe = on_observe, .set = on_set, .user = crowd};
    const struct harrier_options options = {.address = crowd->address,
                                            .metrics = &metrics,
                                            .deadline_us = 300000000,
                                            .retries_max = 50,
                                            .in_flight_max = in_flight_max};
    if (harrier_client_new(&options, &crowd->client, &error) < 0)
        fail_msg("%s", error.message);
}

static void end(struct crowd *crowd) {
    harrier_client_free(crowd->client);
    assert_true(crowd->in_flight == 0);
    assert_true(crowd->counted >= crowd->answered + crowd->callbacks);
    fake_server_stop(crowd->server);
}

static struct harrier_transaction radix_item(unsigned number, char id[16]) {
    snprintf(id, 16, "t-%u", number);
    return (struct harrier_transaction){.id = id, .event_time_us = 1};
}

/* false: it failed */
static bool score_one(struct crowd *crowd) {
    char id[16];
    unsigned number = atomic_fetch_add(&crowd->number, 1);
    struct harrier_transaction transaction = radix_item(number, id);
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_score(crowd->client, &transaction, 1, NULL, &reply, &error) < 0) {
        atomic_fetch_add(error.code == HARRIER_ERROR_CLOSED ? &crowd->closed : &crowd->wrong, 1);
        return false;
    }
    if (reply->results[0].decision.position != number) /* another one's answer */
        atomic_fetch_add(&crowd->wrong, 1);
    atomic_fetch_add(&crowd->answered, 1);
    harrier_reply_free(reply);
    return true;
}

struct sent {
    struct crowd *crowd;
    unsigned number;
};

static void on_answer(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    struct sent *sent = user;
    struct crowd *crowd = sent->crowd;
    if (error && error->code == HARRIER_ERROR_CLOSED)
        atomic_fetch_add(&crowd->closed, 1);
    else if (error || reply->results[0].decision.position != sent->number)
        atomic_fetch_add(&crowd->wrong, 1);
    atomic_fetch_add(&crowd->callbacks, 1);
    harrier_reply_free(reply);
    free(sent);
}

static bool submit_one(struct crowd *crowd) {
    char id[16];
    struct sent *sent = malloc(sizeof *sent);
    *sent = (struct sent){crowd, atomic_fetch_add(&crowd->number, 1)};
    struct harrier_transaction transaction = radix_item(sent->number, id);
    struct harrier_error error;
    if (harrier_score_submit(crowd->client, &transaction, 1, NULL, on_answer, sent, &error) == 0)
        return true;
    free(sent);
    if (error.code != HARRIER_ERROR_CLOSED)
        atomic_fetch_add(&crowd->wrong, 1);
    return false;
}

static void *wait_for_each(void *argument) {
    for (int i = 0; i < CALLS; i++)
        score_one(argument);
    return NULL;
}

static void *pipeline_and_wait(void *argument) {
    for (int i = 0; i < CALLS; i++) {
        for (int j = 0; j < PIPELINED; j++)
            submit_one(argument);
        if (i % 8 == 0)
            score_one(argument);
    }
    return NULL;
}

static void run(struct crowd *crowd, void *(*what)(void *), void (*meanwhile)(struct crowd *)) {
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, what, crowd), 0);
    if (meanwhile)
        meanwhile(crowd);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void the_lead_passes_on(void **state) {
    (void)state;
    struct crowd crowd;
    begin(&crowd, fake_approve, 0);
    run(&crowd, wait_for_each, NULL);
    assert_int_equal(crowd.wrong, 0);
    assert_int_equal(crowd.answered, THREADS * CALLS);
    assert_int_equal(fake_server_requests(crowd.server), THREADS * CALLS);
    end(&crowd);
}

static void more_threads_than_room(void **state) {
    (void)state;
    struct crowd crowd;
    begin(&crowd, fake_approve, 3);
    run(&crowd, wait_for_each, NULL);
    assert_int_equal(crowd.wrong, 0);
    assert_int_equal(crowd.answered, THREADS * CALLS);
    end(&crowd);
}

static void waiting_and_pipelined(void **state) {
    (void)state;
    struct crowd crowd;
    begin(&crowd, fake_approve, 500);
    run(&crowd, pipeline_and_wait, NULL);
    harrier_drain(crowd.client);
    assert_int_equal(crowd.wrong, 0);
    assert_int_equal(crowd.callbacks, THREADS * CALLS * PIPELINED);
    assert_int_equal(crowd.answered, THREADS * CALLS / 8);
    end(&crowd);
}

static void begin_to_pipeline(struct crowd *crowd) {
    usleep(2000);
    assert_true(submit_one(crowd));
}

/* The loop takes the lead from threads that have it. */
static void the_loop_comes_in_between(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct crowd crowd;
        begin(&crowd, fake_approve, 0);
        run(&crowd, wait_for_each, begin_to_pipeline);
        harrier_drain(crowd.client);
        assert_int_equal(crowd.wrong, 0);
        assert_int_equal(crowd.callbacks, 1);
        end(&crowd);
    }
}

static void restart(struct crowd *crowd) {
    for (int i = 0; i < 4; i++) {
        usleep(5000);
        fake_server_stop(crowd->server);
        usleep(1000 * i);
        crowd->server = fake_server_start(crowd->address, fake_approve, NULL);
    }
}

static void restarts_under_threads(void **state) {
    (void)state;
    struct crowd crowd;
    begin(&crowd, fake_approve, 0);
    run(&crowd, wait_for_each, restart);
    assert_int_equal(crowd.wrong, 0);
    assert_int_equal(crowd.answered, THREADS * CALLS);
    end(&crowd);
}

static void *until_closed(void *argument) {
    while (score_one(argument))
        continue;
    return NULL;
}

static void *pipeline_until_closed(void *argument) {
    while (submit_one(argument))
        continue;
    return NULL;
}

static void close_now(struct crowd *crowd) {
    usleep(20000);
    harrier_client_close(crowd->client, 0);
}

static void close_patiently(struct crowd *crowd) {
    usleep(20000);
    harrier_client_close(crowd->client, HARRIER_CLOSE_PATIENTLY);
}

static void closed_under_threads(void **state) {
    (void)state;
    void *(*const callers[])(void *) = {until_closed, pipeline_until_closed};
    void (*const closers[])(struct crowd *) = {close_now, close_patiently};
    for (int i = 0; i < 4; i++) {
        struct crowd crowd;
        begin(&crowd, i < 2 ? fake_approve : fake_silence, i < 2 ? 0 : 64);
        if (i < 2)
            run(&crowd, callers[i], closers[i]);
        else
            run(&crowd, callers[i - 2], close_now);
        assert_int_equal(crowd.wrong, 0);
        if (i == 0 || i == 2)
            assert_int_equal(crowd.closed, THREADS);
        harrier_client_close(crowd.client, 0); /* once more does nothing */
        end(&crowd);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lead_passes_on),     cmocka_unit_test(more_threads_than_room),
        cmocka_unit_test(waiting_and_pipelined),  cmocka_unit_test(the_loop_comes_in_between),
        cmocka_unit_test(restarts_under_threads), cmocka_unit_test(closed_under_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
