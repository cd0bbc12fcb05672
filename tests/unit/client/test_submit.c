/* Pipelined scoring: every answer reaches its own callback once, in whatever order; the bound on
 * requests in flight; ends of all kinds. */
#include "clients/c/harrier.h"
#include "fake_server.h"
#include "tests/unit/unit.h"

#include <stdatomic.h>
#include <unistd.h>

static struct harrier_client *new_client(const char *address, unsigned in_flight_max, bool busy,
                                         uint64_t deadline_us) {
    struct harrier_options options = {.address = address,
                                      .deadline_us = deadline_us,
                                      .in_flight_max = in_flight_max,
                                      .busy_when_full = busy};
    struct harrier_client *client = NULL;
    struct harrier_error error;
    if (harrier_client_new(&options, &client, &error) < 0)
        fail_msg("%s", error.message);
    return client;
}

/* One request: its number, and what its callback saw. cmocka's assertions belong to the main
 * thread, so callbacks only write down. */
struct sent {
    char id[16];
    uint64_t number;
    atomic_int calls;
    uint64_t position;
    enum harrier_error_code code;
    char message[64];   /* its beginning */
    atomic_uint *order; /* counts callbacks of all */
    unsigned place;
};

static void note(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    struct sent *sent = user;
    sent->code = error ? error->code : HARRIER_OK;
    snprintf(sent->message, sizeof sent->message, "%.60s", error ? error->message : "");
    if (reply)
        sent->position = reply->results[0].decision.position;
    if (sent->order)
        sent->place = atomic_fetch_add(sent->order, 1);
    harrier_reply_free(reply);
    atomic_fetch_add(&sent->calls, 1);
}

static int submit(struct harrier_client *client, struct sent *sent, uint64_t number,
                  struct harrier_error *ret_error) {
    snprintf(sent->id, sizeof sent->id, "t-%llu", (unsigned long long)number);
    sent->number = number;
    struct harrier_transaction transaction = {.id = sent->id, .event_time_us = 1};
    int r = harrier_score_submit(client, &transaction, 1, NULL, note, sent, ret_error);
    memset(&transaction, 0xee, sizeof transaction); /* it was copied */
    return r;
}

/* The later it was sent, the sooner the answer. user: how much sooner. */
static void answer_backwards(const struct request *request, struct arena *arena,
                             struct buffer *ret_answer, int *ret_delay_ms, void *user) {
    struct response response;
    fake_approve_response(request, arena, &response);
    uint64_t number = response.score.results[0].decision.position;
    *ret_delay_ms = 1 + (int)(256 - number) * *(const int *)user / 2;
    message_encode_response(&response, ret_answer);
}

/* How many answers came before the one to an earlier request. */
static size_t answer_out_of_order(int slowness) {
    enum { COUNT = 256 };
    char address[64];
    static struct sent sent[COUNT];
    atomic_uint order = 0;
    struct harrier_error error;
    memset(sent, 0, sizeof sent);
    fake_address(address);
    struct fake_server *server = fake_server_start(address, answer_backwards, &slowness);
    struct harrier_client *client = new_client(address, COUNT, true, 60000000);
    for (size_t i = 0; i < COUNT; i++) {
        sent[i].order = &order;
        if (submit(client, &sent[i], i, &error) < 0)
            fail_msg("%s", error.message);
    }
    harrier_drain(client);
    size_t overtaken = 0;
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(sent[i].calls, 1);
        assert_int_equal(sent[i].code, HARRIER_OK);
        assert_int_equal(sent[i].position, i);
        overtaken += i > 0 && sent[i].place < sent[i - 1].place;
    }
    harrier_client_free(client);
    fake_server_stop(server);
    return overtaken;
}

/* On a machine that sends slowly the answers have to come more slowly, too, or they are in order.
 */
static void answers_out_of_order_find_their_callbacks(void **state) {
    (void)state;
    int slowness = 1;
    while (answer_out_of_order(slowness) <= 16 && slowness < 1000)
        slowness *= 4;
    assert_true(slowness < 1000);
}

/* Not before *user is true. */
static void answer_when_told(const struct request *request, struct arena *arena,
                             struct buffer *ret_answer, int *ret_delay_ms, void *user) {
    while (!atomic_load((atomic_bool *)user))
        usleep(1000);
    fake_approve(request, arena, ret_answer, ret_delay_ms, NULL);
}

static void answer_slowly(const struct request *request, struct arena *arena,
                          struct buffer *ret_answer, int *ret_delay_ms, void *user) {
    *ret_delay_ms = 50;
    fake_approve(request, arena, ret_answer, ret_delay_ms, user);
}

static void busy_when_full(void **state) {
    (void)state;
    char address[64];
    struct sent sent[4] = {0};
    struct harrier_error error;
    atomic_bool may_answer = false;
    fake_address(address);
    struct fake_server *server = fake_server_start(address, answer_when_told, &may_answer);
    struct harrier_client *client = new_client(address, 3, true, 60000000);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(submit(client, &sent[i], i, &error), 0);
    assert_int_equal(submit(client, &sent[3], 3, &error), -HARRIER_ERROR_BUSY);
    assert_int_equal(error.code, HARRIER_ERROR_BUSY);
    atomic_store(&may_answer, true);
    harrier_wait(client, 2);
    assert_int_equal(submit(client, &sent[3], 3, &error), 0);
    harrier_drain(client);
    for (size_t i = 0; i < 4; i++)
        assert_true(sent[i].calls == 1 && sent[i].position == i);
    harrier_client_free(client);
    fake_server_stop(server);
}

static void waits_when_full(void **state) {
    (void)state;
    enum { COUNT = 12 };
    char address[64];
    static struct sent sent[COUNT];
    struct harrier_error error;
    fake_address(address);
    struct fake_server *server = fake_server_start(address, answer_slowly, NULL);
    struct harrier_client *client = new_client(address, 4, false, 60000000);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(submit(client, &sent[i], i, &error), 0);
        size_t done = 0;
        for (size_t j = 0; j <= i; j++)
            done += (size_t)atomic_load(&sent[j].calls);
        assert_true(i + 1 - done <= 4 + 4); /* in flight, and callbacks not yet run */
    }
    harrier_drain(client);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(sent[i].calls == 1 && sent[i].position == i);
    harrier_client_free(client);
    fake_server_stop(server);
}

static void waiting_for_room_ends_at_the_deadline(void **state) {
    (void)state;
    char address[64];
    struct sent sent[2] = {0};
    struct harrier_error error;
    fake_address(address);
    struct fake_server *server = fake_server_start(address, fake_silence, NULL);
    struct harrier_client *client = new_client(address, 1, false, 0);
    struct harrier_transaction transaction = {.id = "t", .event_time_us = 1};
    struct harrier_score_options patient = {.deadline_us = 60000000},
                                 hasty = {.deadline_us = 50000};
    assert_int_equal(
        harrier_score_submit(client, &transaction, 1, &patient, note, &sent[0], &error), 0);
    assert_int_equal(harrier_score_submit(client, &transaction, 1, &hasty, note, &sent[1], &error),
                     -HARRIER_ERROR_BUSY);
    assert_int_equal(sent[0].calls, 0); /* still under way */
    harrier_client_free(client);
    assert_int_equal(sent[0].code, HARRIER_ERROR_CLOSED);
    assert_int_equal(sent[1].calls, 0);
    fake_server_stop(server);
}

/* A busy machine may take longer than a short deadline to send: then it has to be a longer one. */
static void the_deadline_reaches_the_callback(void **state) {
    (void)state;
    char address[64];
    struct sent sent = {0};
    struct harrier_error error;
    fake_address(address);
    struct fake_server *server = fake_server_start(address, fake_silence, NULL);
    for (uint64_t deadline_us = 200000;
         sent.code != HARRIER_ERROR_DEADLINE && deadline_us < 60000000; deadline_us *= 4) {
        struct harrier_client *client = new_client(address, 1, true, deadline_us);
        assert_int_equal(submit(client, &sent, 0, &error), 0);
        harrier_drain(client);
        harrier_client_free(client);
    }
    assert_int_equal(sent.code, HARRIER_ERROR_DEADLINE);
    fake_server_stop(server);
}

static void failures_reach_the_callback(void **state) {
    (void)state;
    char address[64];
    struct sent sent[8] = {0};
    struct harrier_error error;
    fake_address(address); /* no server there */
    struct harrier_client *client = new_client(address, 8, true, 60000);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(submit(client, &sent[i], i, &error), 0);
    harrier_drain(client);
    for (size_t i = 0; i < 8; i++)
        assert_true(sent[i].calls == 1 && sent[i].code == HARRIER_ERROR_UNAVAILABLE);
    /* What cannot be sent fails at once, takes no room, and runs no callback. */
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(harrier_score_submit(client, NULL, 0, NULL, note, &sent[0], &error),
                         -HARRIER_ERROR_INVALID);
    assert_int_equal(sent[0].calls, 1);
    harrier_client_free(client);
}

static void freeing_ends_what_is_in_flight(void **state) {
    (void)state;
    char address[64];
    struct sent sent[16] = {0};
    struct harrier_error error;
    fake_address(address);
    struct fake_server *server = fake_server_start(address, fake_silence, NULL);
    struct harrier_client *client = new_client(address, 16, true, 60000000);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(submit(client, &sent[i], i, &error), 0);
    for (int i = 0; i < 500 && fake_server_requests(server) < 8; i++)
        usleep(1000); /* some are sent, some perhaps not yet */
    harrier_client_free(client);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(sent[i].calls, 1);
        assert_int_equal(sent[i].code, HARRIER_ERROR_CLOSED);
        assert_string_equal(sent[i].message, "the client was closed before an answer arrived");
    }
    fake_server_stop(server);
}

/* A callback that sends the next one, for a load that keeps itself going. */
struct chain {
    struct harrier_client *client;
    atomic_int left;
    atomic_int failed;
};

static void send_next(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    struct chain *chain = user;
    harrier_reply_free(reply);
    if (error)
        atomic_fetch_add(&chain->failed, 1);
    if (atomic_fetch_sub(&chain->left, 1) <= 1)
        return;
    struct harrier_transaction transaction = {.id = "t-1", .event_time_us = 1};
    if (harrier_score_submit(chain->client, &transaction, 1, NULL, send_next, chain, NULL) < 0)
        atomic_fetch_add(&chain->failed, 1);
}

static void callbacks_may_submit(void **state) {
    (void)state;
    char address[64];
    fake_address(address);
    struct fake_server *server = fake_server_start(address, fake_approve, NULL);
    struct chain chain = {.client = new_client(address, 1, true, 60000000), .left = 500};
    struct harrier_transaction transaction = {.id = "t-1", .event_time_us = 1};
    assert_int_equal(
        harrier_score_submit(chain.client, &transaction, 1, NULL, send_next, &chain, NULL), 0);
    harrier_drain(chain.client);
    assert_int_equal(chain.left, 0);
    assert_int_equal(chain.failed, 0);
    assert_int_equal(fake_server_requests(server), 500);
    harrier_client_free(chain.client);
    fake_server_stop(server);
}

/* The connection breaks again and again under a stream of requests: each ends once, and rightly. */
static void restarts_under_load(void **state) {
    (void)state;
    if (fake_is_for_nng()) {
        print_message("nng before 1.6 can lose a connection for good here: skipped\n");
        skip();
    }
    enum { COUNT = 400 };
    char address[64];
    static struct sent sent[COUNT];
    struct harrier_error error;
    fake_address(address);
    struct fake_server *server = fake_server_start(address, fake_approve, NULL);
    struct harrier_client *client = new_client(address, 32, false, 60000000);
    for (size_t i = 0; i < COUNT; i++) {
        if (submit(client, &sent[i], i, &error) < 0)
            fail_msg("%s", error.message);
        if (i % 100 == 99) {
            fake_server_stop(server);
            server = fake_server_start(address, fake_approve, NULL);
            harrier_wait(client, 8); /* no request shall see all the restarts */
        }
    }
    harrier_drain(client);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(sent[i].calls, 1);
        assert_int_equal(sent[i].code, HARRIER_OK);
        assert_int_equal(sent[i].position, i);
    }
    harrier_client_free(client);
    fake_server_stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_out_of_order_find_their_callbacks),
        cmocka_unit_test(busy_when_full),
        cmocka_unit_test(waits_when_full),
        cmocka_unit_test(waiting_for_room_ends_at_the_deadline),
        cmocka_unit_test(the_deadline_reaches_the_callback),
        cmocka_unit_test(failures_reach_the_callback),
        cmocka_unit_test(freeing_ends_what_is_in_flight),
        cmocka_unit_test(callbacks_may_submit),
        cmocka_unit_test(restarts_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
