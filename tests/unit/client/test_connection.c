/* Servers that are slow, unavailable, restarted or broken: which error the caller gets, and when.
 *
 * If a short deadline is the subject, it grows until the machine can send the request within it. */
#include "clients/c/harrier.h"
#include "fake_server.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define SLACK_MS   60000    /* how late a busy machine may be */
#define PROMPT_MS  2000     /* how late a call may end; where one is later, the test tries again */
#define PATIENT_US 60000000 /* the deadline of calls that are answered */

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct harrier_client *new_client(const char *address, const char *fallback,
                                         uint64_t deadline_us) {
    const char *const addresses[] = {address, fallback};
    struct harrier_options options = {
        .addresses = addresses, .address_count = fallback ? 2 : 1, .deadline_us = deadline_us};
    struct harrier_client *client = NULL;
    struct harrier_error error;
    if (harrier_client_new(&options, &client, &error) < 0)
        fail_msg("%s", error.message);
    return client;
}

/* Scores one transaction; 0 or the failure's code. deadline_us 0: the client's. */
static int score_within(struct harrier_client *client, uint64_t deadline_us,
                        struct harrier_error *ret_error) {
    const struct harrier_transaction transaction = {.id = "t-7", .event_time_us = 1};
    const struct harrier_score_options options = {.deadline_us = deadline_us};
    struct harrier_reply *reply = NULL;
    int r = harrier_score(client, &transaction, 1, &options, &reply, ret_error);
    if (r == 0) {
        assert_int_equal(reply->results[0].decision.position, 7);
        harrier_reply_free(reply);
    } else {
        assert_int_equal(r, -(int)ret_error->code);
        assert_null(reply);
    }
    return -r;
}

static int score(struct harrier_client *client, struct harrier_error *ret_error) {
    return score_within(client, 0, ret_error);
}

static void expect_score(struct harrier_client *client) {
    struct harrier_error error;
    if (score(client, &error) != 0)
        fail_msg("%s: %s", harrier_error_name(error.code), error.message);
}

/* A call that is never answered ends at its deadline. False: the machine was too busy to send it
 * before, or to notice the deadline. */
static bool ends_in_time(struct harrier_client *client, const char *address, int64_t deadline_ms) {
    struct harrier_error error;
    char words[32];
    int64_t start_ms = now_ms();
    int code = score(client, &error);
    int64_t took_ms = now_ms() - start_ms;
    assert_in_range(took_ms, deadline_ms - 5, deadline_ms + SLACK_MS);
    if (code == HARRIER_ERROR_UNAVAILABLE || took_ms > deadline_ms + PROMPT_MS)
        return false;
    assert_int_equal(code, HARRIER_ERROR_DEADLINE);
    snprintf(words, sizeof words, "within %lld ms", (long long)deadline_ms);
    assert_non_null(strstr(error.message, address));
    assert_non_null(strstr(error.message, words));
    return true;
}

static void await_requests(const struct fake_server *server, unsigned count) {
    for (int i = 0; i < SLACK_MS && fake_server_requests(server) < count; i++)
        usleep(1000);
    assert_int_equal(fake_server_requests(server), count);
}

static void silent_server_meets_the_deadline(void **state) {
    (void)state;
    char address[64];
    bool in_time = false;
    for (int64_t deadline_ms = 150; !in_time && deadline_ms < SLACK_MS; deadline_ms *= 4) {
        fake_address(address);
        struct fake_server *server = fake_server_start(address, fake_silence, NULL);
        struct harrier_client *client = new_client(address, NULL, (uint64_t)deadline_ms * 1000);
        /* The second on a known connection. */
        in_time = ends_in_time(client, address, deadline_ms) &&
                  ends_in_time(client, address, deadline_ms);
        if (in_time)
            await_requests(server, 2); /* nothing was sent twice */
        harrier_client_free(client);
        fake_server_stop(server);
    }
    assert_true(in_time);
}

static void absent_server_meets_the_deadline(void **state) {
    (void)state;
    char address[64];
    struct harrier_error error;
    bool is_prompt = false;
    for (int i = 0; !is_prompt && i < 5; i++) {
        fake_address(address);
        struct harrier_client *client = new_client(address, NULL, 100000);
        int64_t start_ms = now_ms();
        assert_int_equal(score(client, &error), HARRIER_ERROR_UNAVAILABLE);
        int64_t took_ms = now_ms() - start_ms;
        assert_in_range(took_ms, 95, 100 + SLACK_MS);
        is_prompt = took_ms <= 100 + PROMPT_MS;
        assert_non_null(strstr(error.message, "no connection to"));
        harrier_client_free(client);
    }
    assert_true(is_prompt);
}

struct late_start {
    const char *address;
    struct fake_server *server;
};

static void *start_late(void *argument) {
    struct late_start *late = argument;
    usleep(150000);
    late->server = fake_server_start(late->address, fake_approve, NULL);
    return NULL;
}

static void server_that_starts_during_the_call(void **state) {
    (void)state;
    char address[64];
    fake_address(address);
    struct late_start late = {.address = address};
    pthread_t thread;
    struct harrier_client *client = new_client(address, NULL, PATIENT_US);
    assert_int_equal(pthread_create(&thread, NULL, start_late, &late), 0);
    expect_score(client);
    pthread_join(thread, NULL);
    harrier_client_free(client);
    fake_server_stop(late.server);
}

static void server_restarted_between_calls(void **state) {
    (void)state;
    char address[64];
    fake_address(address);
    struct harrier_client *client = new_client(address, NULL, PATIENT_US);
    for (int i = 0; i < 4; i++) {
        struct fake_server *server = fake_server_start(address, fake_approve, NULL);
        expect_score(client);
        expect_score(client);
        fake_server_stop(server);
    }
    harrier_client_free(client);
}

struct hold {
    atomic_bool holding;
};

static void hold_once(const struct request *request, struct arena *arena, struct buffer *ret_answer,
                      int *ret_delay_ms, void *user) {
    struct hold *hold = user;
    atomic_store(&hold->holding, true);
    fake_silence(request, arena, ret_answer, ret_delay_ms, NULL);
}

struct swap {
    const char *address; /* NULL: stop it and start no other */
    struct fake_server *server;
    struct hold *hold;
};

static void *swap_server(void *argument) {
    struct swap *swap = argument;
    while (!atomic_load(&swap->hold->holding))
        usleep(1000);
    fake_server_stop(swap->server);
    swap->server = swap->address ? fake_server_start(swap->address, fake_approve, NULL) : NULL;
    return NULL;
}

static void server_restarted_during_a_call(void **state) {
    (void)state;
    char address[64];
    fake_address(address);
    struct hold hold = {0};
    struct swap swap = {.address = address, .hold = &hold};
    swap.server = fake_server_start(address, hold_once, &hold);
    struct harrier_client *client = new_client(address, NULL, PATIENT_US);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, swap_server, &swap), 0);
    expect_score(client); /* sent again to the second */
    pthread_join(thread, NULL);
    harrier_client_free(client);
    fake_server_stop(swap.server);
}

/* False: the deadline was over before the server was gone. */
static bool breaks_in_time(uint64_t deadline_us) {
    char address[64];
    struct harrier_error error;
    fake_address(address);
    struct hold hold = {0};
    struct swap swap = {.hold = &hold};
    swap.server = fake_server_start(address, hold_once, &hold);
    struct harrier_client *client = new_client(address, NULL, deadline_us);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, swap_server, &swap), 0);
    int code = score(client, &error);
    atomic_store(&hold.holding, true); /* also if it got no request */
    pthread_join(thread, NULL);
    harrier_client_free(client);
    return code == HARRIER_ERROR_UNAVAILABLE &&
           strstr(error.message, "broke 1 time before an answer arrived");
}

static void server_that_goes_away_during_a_call(void **state) {
    (void)state;
    uint64_t deadline_us = 500000;
    while (!breaks_in_time(deadline_us) && deadline_us < PATIENT_US)
        deadline_us *= 4;
    assert_true(deadline_us < PATIENT_US);
}

/* Until a score goes to `server`. */
static void expect_moves_to(struct harrier_client *client, struct fake_server *server) {
    unsigned before = fake_server_requests(server);
    for (int64_t start_ms = now_ms(); now_ms() - start_ms < SLACK_MS;) {
        expect_score(client);
        if (fake_server_requests(server) > before)
            return;
        usleep(5000);
    }
    fail_msg("nothing came");
}

static void fallback_only_while_the_first_is_away(void **state) {
    (void)state;
    char address[64], fallback[64];
    fake_address(address);
    fake_address(fallback);
    struct fake_server *first = fake_server_start(address, fake_approve, NULL);
    struct fake_server *second = fake_server_start(fallback, fake_approve, NULL);
    struct harrier_client *client = new_client(address, fallback, PATIENT_US);
    expect_moves_to(client, first);
    unsigned stray = fake_server_requests(second); /* it may have connected first */
    for (int i = 0; i < 50; i++)
        expect_score(client);
    assert_int_equal(fake_server_requests(second), stray);
    /* The first goes away: no call fails. */
    fake_server_stop(first);
    for (int i = 0; i < 20; i++)
        expect_score(client);
    assert_true(fake_server_requests(second) >= stray + 20);
    /* It comes back, and is asked again. */
    first = fake_server_start(address, fake_approve, NULL);
    expect_moves_to(client, first);
    harrier_client_free(client);
    fake_server_stop(first);
    fake_server_stop(second);
}

static void fallback_in_the_middle_of_a_call(void **state) {
    (void)state;
    char address[64], fallback[64];
    fake_address(address);
    fake_address(fallback);
    struct hold hold = {0};
    struct swap swap = {.hold = &hold};
    swap.server = fake_server_start(address, hold_once, &hold);
    struct harrier_client *client = new_client(address, fallback, PATIENT_US);
    pthread_t thread;
    /* Only the first is there; it takes the request and dies. Then only the second is there. */
    assert_int_equal(pthread_create(&thread, NULL, swap_server, &swap), 0);
    struct late_start late = {.address = fallback};
    pthread_t starter;
    assert_int_equal(pthread_create(&starter, NULL, start_late, &late), 0);
    expect_score(client);
    pthread_join(thread, NULL);
    pthread_join(starter, NULL);
    harrier_client_free(client);
    fake_server_stop(late.server);
}

static void fallback_for_a_server_that_hangs(void **state) {
    (void)state;
    char address[64], fallback[64];
    struct harrier_error error;
    fake_address(address);
    fake_address(fallback);
    struct fake_server *first = fake_server_start(address, fake_silence, NULL);
    struct harrier_client *client = new_client(address, fallback, PATIENT_US);
    /* Until it is connected and has let a deadline pass. */
    int code = HARRIER_ERROR_UNAVAILABLE;
    uint64_t deadline_us = 60000;
    for (int i = 0; i < 50 && code == HARRIER_ERROR_UNAVAILABLE; i++)
        code = score_within(client, deadline_us += deadline_us / 8, &error);
    assert_int_equal(code, HARRIER_ERROR_DEADLINE);
    struct fake_server *second = fake_server_start(fallback, fake_approve, NULL);
    /* Two more, then the other one is asked; a few while it connects. */
    for (int i = 0; i < 50 && code != 0; i++)
        code = score_within(client, deadline_us += deadline_us / 8, &error);
    assert_int_equal(code, 0);
    expect_score(client);
    harrier_client_free(client);
    fake_server_stop(first);
    fake_server_stop(second);
}

static void garbage(const struct request *request, struct arena *arena, struct buffer *ret_answer,
                    int *ret_delay_ms, void *user) {
    (void)request;
    (void)arena;
    (void)ret_delay_ms;
    buffer_append(ret_answer, user, strlen(user));
}

static void answers_that_are_none(void **state) {
    (void)state;
    static char *const answers[] = {
        "this is no protobuf",  "\x52\x7f", /* cut short */
        "\x6a\x02\x12\x00",                 /* the status, which was not asked for */
        "\x52\x04\x0a\x02\x0a",             /* cut short further in */
        "\x72\x01\x01",                     /* neither error nor answer */
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        char address[64];
        struct harrier_error error;
        fake_address(address);
        struct fake_server *server = fake_server_start(address, garbage, answers[i]);
        struct harrier_client *client = new_client(address, NULL, PATIENT_US);
        if (score(client, &error) != HARRIER_ERROR_PROTOCOL)
            fail_msg("answer %zu: %s", i, error.message);
        harrier_client_free(client);
        fake_server_stop(server);
    }
}

static void too_few(const struct request *request, struct arena *arena, struct buffer *ret_answer,
                    int *ret_delay_ms, void *user) {
    (void)ret_delay_ms;
    (void)user;
    struct response response;
    fake_approve_response(request, arena, &response);
    response.score.count--;
    message_encode_response(&response, ret_answer);
}

static void answer_with_too_few_results(void **state) {
    (void)state;
    char address[64];
    struct harrier_error error;
    fake_address(address);
    struct fake_server *server = fake_server_start(address, too_few, NULL);
    struct harrier_client *client = new_client(address, NULL, PATIENT_US);
    assert_int_equal(score(client, &error), HARRIER_ERROR_PROTOCOL);
    assert_non_null(strstr(error.message, "score with 0 results; expected score with 1"));
    harrier_client_free(client);
    fake_server_stop(server);
}

static void oversized(const struct request *request, struct arena *arena, struct buffer *ret_answer,
                      int *ret_delay_ms, void *user) {
    (void)request;
    (void)arena;
    (void)ret_delay_ms;
    (void)user;
    size_t size = MESSAGE_RESPONSE_SIZE_MAX + 100;
    memset(buffer_reserve(ret_answer, size), 0, size);
    ret_answer->length = size;
}

/* It would be as large again: so the call ends, and the connection with it. (nng closes the
 * connection without a word about whose answer it was, and the call is sent again in vain.) */
static void oversized_answer(void **state) {
    (void)state;
    char address[64];
    struct harrier_error error;
    fake_address(address);
    struct fake_server *server = fake_server_start(address, oversized, NULL);
    struct harrier_client *client = new_client(address, NULL, 20000000);
    bool nng = fake_is_for_nng();
    assert_int_equal(score(client, &error),
                     nng ? HARRIER_ERROR_UNAVAILABLE : HARRIER_ERROR_PROTOCOL);
    assert_int_equal(error.decided, HARRIER_DECIDED_UNKNOWN);
    assert_non_null(strstr(error.message, nng ? "broke 4 times" : "is over 8388608 bytes"));
    if (nng) /* one that broke may still have been in nng's queue, for the next connection */
        assert_true(fake_server_requests(server) >= 4);
    else
        assert_int_equal(fake_server_requests(server), 1);
    harrier_client_free(client);
    fake_server_stop(server);
}

static void over_ipc(void **state) {
    (void)state;
    char folder[] = "/tmp/harrier-client-XXXXXX";
    char address[64];
    assert_non_null(mkdtemp(folder));
    snprintf(address, sizeof address, "ipc://%s/socket", folder);
    struct fake_server *server = fake_server_start(address, fake_approve, NULL);
    struct harrier_client *client = new_client(address, NULL, PATIENT_US);
    expect_score(client);
    harrier_client_free(client);
    fake_server_stop(server);
    unlink(address + strlen("ipc://"));
    assert_int_equal(rmdir(folder), 0);
}

static void *score_often(void *argument) {
    for (int i = 0; i < 100; i++)
        expect_score(argument);
    return NULL;
}

static void several_threads_share_a_client(void **state) {
    (void)state;
    char address[64];
    fake_address(address);
    struct fake_server *server = fake_server_start(address, fake_approve, NULL);
    struct harrier_client *client = new_client(address, NULL, PATIENT_US);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, score_often, client), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(fake_server_requests(server), 400);
    harrier_client_free(client);
    fake_server_stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_server_meets_the_deadline),
        cmocka_unit_test(absent_server_meets_the_deadline),
        cmocka_unit_test(server_that_starts_during_the_call),
        cmocka_unit_test(server_restarted_between_calls),
        cmocka_unit_test(server_restarted_during_a_call),
        cmocka_unit_test(server_that_goes_away_during_a_call),
        cmocka_unit_test(fallback_only_while_the_first_is_away),
        cmocka_unit_test(fallback_in_the_middle_of_a_call),
        cmocka_unit_test(fallback_for_a_server_that_hangs),
        cmocka_unit_test(answers_that_are_none),
        cmocka_unit_test(answer_with_too_few_results),
        cmocka_unit_test(oversized_answer),
        cmocka_unit_test(over_ipc),
        cmocka_unit_test(several_threads_share_a_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
