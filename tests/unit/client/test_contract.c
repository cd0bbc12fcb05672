/* What clients/README.md promises and the scenarios of tests/system/clients cannot see from
 * outside: functions of the user's, tokens and traces, forks, what a batch is made of. */
#include "clients/c/harrier.h"
#include "fake_server.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the server was asked last, and what it is to answer. */
struct scene {
    char address[64];
    struct fake_server *server;
    struct harrier_client *client;
    enum error_code refusal; /* 0: approve */
    atomic_uint refused;
    char token[300], traceparent[64];
    size_t transactions;
};

static void answer(const struct request *request, struct arena *arena, struct buffer *ret_answer,
                   int *ret_delay_ms, void *user) {
    struct scene *scene = user;
    snprintf(scene->token, sizeof scene->token, "%" TEXT_FORMAT, TEXT_ARGS(request->token));
    snprintf(scene->traceparent, sizeof scene->traceparent, "%" TEXT_FORMAT,
             TEXT_ARGS(request->traceparent));
    scene->transactions = request->call == CALL_SCORE ? request->score.transaction_count : 0;
    if (scene->refusal == 0) {
        fake_approve(request, arena, ret_answer, ret_delay_ms, NULL);
        return;
    }
    const struct response response = {
        .error = {scene->refusal, TEXT_LITERAL("there"), TEXT_LITERAL("so it is")}};
    atomic_fetch_add(&scene->refused, 1);
    message_encode_response(&response, ret_answer);
}

static void open_scene(struct scene *scene, struct harrier_options options) {
    struct harrier_error error;
    memset(scene, 0, sizeof *scene);
    fake_address(scene->address);
    scene->server = fake_server_start(scene->address, answer, scene);
    options.address = scene->address;
    if (options.deadline_us == 0)
        options.deadline_us = 60000000;
    if (harrier_client_new(&options, &scene->client, &error) < 0)
        fail_msg("%s", error.message);
}

static void close_scene(struct scene *scene) {
    harrier_client_free(scene->client);
    fake_server_stop(scene->server);
}

static const struct harrier_transaction simple = {
    .id = "t-1", .event_time_us = 1, .card = "c-9", .amount_minor = 300, .currency = "EUR"};

static struct harrier_reply *score(struct scene *scene, const char *traceparent) {
    const struct harrier_score_options options = {.traceparent = traceparent};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    if (harrier_score(scene->client, &simple, 1, &options, &reply, &error) < 0)
        fail_msg("%s", error.message);
    return reply;
}

static int score_code(struct scene *scene, struct harrier_error *ret_error) {
    struct harrier_reply *reply = NULL;
    int r = harrier_score(scene->client, &simple, 1, NULL, &reply, ret_error);
    harrier_reply_free(reply);
    return -r;
}

/* ---------------------------------------------------------------------------------------------
 * Token and trace */

static void a_token_is_shown(void **state) {
    (void)state;
    struct scene scene;
    struct harrier_error error;
    open_scene(&scene, (struct harrier_options){.token = "first-token"});
    harrier_reply_free(score(&scene, NULL));
    assert_string_equal(scene.token, "first-token");
    assert_int_equal(harrier_client_set_token(scene.client, "second"), 0);
    harrier_reply_free(score(&scene, NULL));
    assert_string_equal(scene.token, "second");
    /* What is none changes nothing. */
    assert_int_equal(harrier_client_set_token(scene.client, "t\xc3\xbc"), -HARRIER_ERROR_INVALID);
    harrier_reply_free(score(&scene, NULL));
    assert_string_equal(scene.token, "second");
    char longest[257];
    memset(longest, '~', 256);
    longest[256] = '\0';
    assert_int_equal(harrier_client_set_token(scene.client, longest), 0);
    harrier_reply_free(score(&scene, NULL));
    assert_string_equal(scene.token, longest);
    assert_int_equal(harrier_client_set_token(scene.client, NULL), 0);
    harrier_reply_free(score(&scene, NULL));
    assert_string_equal(scene.token, "");
    /* Refused: as the server says, and not asked again. */
    scene.refusal = ERROR_DENIED;
    assert_int_equal(harrier_client_set_token(scene.client, "secret-word"), 0);
    assert_int_equal(score_code(&scene, &error), HARRIER_ERROR_DENIED);
    assert_int_equal(error.decided, HARRIER_DECIDED_NO);
    assert_string_equal(error.field, "there");
    assert_null(strstr(error.message, "secret-word"));
    assert_int_equal(scene.refused, 1);
    close_scene(&scene);
}

static void write_token(char *token, size_t size, void *user) {
    unsigned *number = user;
    if (*number == 2)
        snprintf(token, size, "two words");
    else
        snprintf(token, size, "token-%u", *number);
    (*number)++;
}

static void a_token_of_a_function(void **state) {
    (void)state;
    struct scene scene;
    struct harrier_error error;
    unsigned number = 0;
    open_scene(&scene,
               (struct harrier_options){.token_function = write_token, .token_user = &number});
    harrier_reply_free(score(&scene, NULL));
    assert_string_equal(scene.token, "token-0");
    harrier_reply_free(score(&scene, NULL));
    assert_string_equal(scene.token, "token-1");
    assert_int_equal(score_code(&scene, &error), HARRIER_ERROR_INVALID);
    assert_string_equal(error.field, "token");
    assert_null(strstr(error.message, "two words"));
    assert_int_equal(fake_server_requests(scene.server), 2);
    assert_int_equal(harrier_client_set_token(scene.client, "x"), -HARRIER_ERROR_INVALID);
    close_scene(&scene);
}

static void a_trace_goes_along(void **state) {
    (void)state;
    static const char good[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    static const char *const wrong[] = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
    };
    struct scene scene;
    open_scene(&scene, (struct harrier_options){0});
    harrier_reply_free(score(&scene, good));
    assert_string_equal(scene.traceparent, good);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        harrier_reply_free(score(&scene, wrong[i]));
        assert_string_equal(scene.traceparent, "");
    }
    close_scene(&scene);
}

/* ---------------------------------------------------------------------------------------------
 * Fallback decisions */

struct seen {
    unsigned calls;
    char id[16], card[16];
    int64_t amount_minor;
    enum harrier_error_code code;
    enum harrier_verdict verdict;
};

static enum harrier_verdict choose(const struct harrier_transaction *transaction,
                                   const struct harrier_error *error, void *user) {
    struct seen *seen = user;
    seen->calls++;
    snprintf(seen->id, sizeof seen->id, "%s", transaction->id);
    snprintf(seen->card, sizeof seen->card, "%s", transaction->card);
    seen->amount_minor = transaction->amount_minor;
    seen->code = error->code;
    return seen->verdict;
}

static void a_function_chooses_the_verdict(void **state) {
    (void)state;
    struct scene scene;
    struct harrier_error error;
    struct seen seen = {.verdict = HARRIER_VERDICT_CHALLENGE};
    open_scene(&scene,
               (struct harrier_options){.fallback_function = choose, .fallback_user = &seen});
    struct harrier_reply *reply = score(&scene, NULL);
    assert_false(reply->results[0].decision.fallback);
    assert_string_equal(reply->results[0].decision.fallback_reason, "");
    harrier_reply_free(reply);
    assert_int_equal(seen.calls, 0);

    scene.refusal = ERROR_INTERNAL;
    reply = score(&scene, NULL);
    const struct harrier_decision *decision = &reply->results[0].decision;
    assert_int_equal(reply->results[0].error_code, HARRIER_OK);
    assert_true(decision->fallback);
    assert_string_equal(decision->fallback_reason, "internal");
    assert_string_equal(decision->transaction_id, "t-1");
    assert_int_equal(decision->verdict, HARRIER_VERDICT_CHALLENGE);
    assert_int_equal(decision->reason_count, 0);
    harrier_reply_free(reply);
    assert_int_equal(seen.calls, 1);
    assert_string_equal(seen.id, "t-1");
    assert_string_equal(seen.card, "c-9");
    assert_int_equal(seen.amount_minor, 300);
    assert_int_equal(seen.code, HARRIER_ERROR_INTERNAL);

    seen.verdict = HARRIER_VERDICT_NONE; /* it will not */
    assert_int_equal(score_code(&scene, &error), HARRIER_ERROR_INTERNAL);
    assert_string_equal(error.message, "so it is");
    close_scene(&scene);
}

static void take_decision(struct harrier_reply *reply, const struct harrier_error *error,
                          void *user) {
    struct seen *seen = user;
    seen->code = error ? error->code : HARRIER_OK;
    seen->verdict = reply ? reply->results[0].decision.verdict : HARRIER_VERDICT_NONE;
    if (reply)
        snprintf(seen->id, sizeof seen->id, "%s",
                 reply->results[0].decision.fallback ? "fallback" : "server");
    harrier_reply_free(reply);
}

static void pipelined_calls_have_them_too(void **state) {
    (void)state;
    struct scene scene;
    struct seen seen = {0};
    open_scene(&scene, (struct harrier_options){.fallback = HARRIER_VERDICT_REVIEW});
    scene.refusal = ERROR_INTERNAL;
    assert_int_equal(
        harrier_score_submit(scene.client, &simple, 1, NULL, take_decision, &seen, NULL), 0);
    harrier_drain(scene.client);
    assert_int_equal(seen.code, HARRIER_OK);
    assert_int_equal(seen.verdict, HARRIER_VERDICT_REVIEW);
    assert_string_equal(seen.id, "fallback");
    scene.refusal = ERROR_INVALID; /* of the caller's */
    assert_int_equal(
        harrier_score_submit(scene.client, &simple, 1, NULL, take_decision, &seen, NULL), 0);
    harrier_drain(scene.client);
    assert_int_equal(seen.code, HARRIER_ERROR_INVALID);
    close_scene(&scene);
}

static void busy_has_one(void **state) {
    (void)state;
    struct scene scene;
    struct seen seen = {0};
    open_scene(&scene, (struct harrier_options){.fallback = HARRIER_VERDICT_DECLINE,
                                                .in_flight_max = 1,
                                                .deadline_us = 60000});
    fake_server_stop(scene.server);
    const struct harrier_score_options patient = {.deadline_us = 60000000};
    assert_int_equal(
        harrier_score_submit(scene.client, &simple, 1, &patient, take_decision, &seen, NULL), 0);
    struct harrier_reply *reply = score(&scene, NULL);
    assert_string_equal(reply->results[0].decision.fallback_reason, "busy");
    assert_int_equal(reply->results[0].decision.verdict, HARRIER_VERDICT_DECLINE);
    harrier_reply_free(reply);
    harrier_client_free(scene.client);
    assert_int_equal(seen.code, HARRIER_ERROR_CLOSED);
}

/* In place of what the server or the network is to blame for, not of what the caller did wrong. */
static void a_fallback_for_some_errors(void **state) {
    (void)state;
    static const struct {
        enum error_code refusal;
        const char *reason; /* NULL: the error stays */
    } errors[] = {
        {ERROR_DEADLINE, "deadline"},
        {ERROR_UNAVAILABLE, "unavailable"},
        {ERROR_OVERLOADED, "overloaded"},
        {ERROR_INTERNAL, "internal"},
        {ERROR_INVALID, NULL},
        {ERROR_DENIED, NULL},
        {ERROR_TOO_LARGE, NULL},
    };
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct scene scene;
        struct harrier_error error;
        struct harrier_reply *reply = NULL;
        open_scene(&scene, (struct harrier_options){.fallback = HARRIER_VERDICT_REVIEW,
                                                    .retries_max = HARRIER_RETRIES_NONE});
        scene.refusal = errors[i].refusal;
        int r = harrier_score(scene.client, &simple, 1, NULL, &reply, &error);
        if (errors[i].reason) {
            assert_int_equal(r, 0);
            assert_true(reply->results[0].decision.fallback);
            assert_int_equal(reply->results[0].decision.verdict, HARRIER_VERDICT_REVIEW);
            assert_string_equal(reply->results[0].decision.fallback_reason, errors[i].reason);
            assert_string_equal(reply->results[0].decision.transaction_id, simple.id);
        } else {
            assert_true(r < 0);
            assert_null(reply);
        }
        harrier_reply_free(reply);
        close_scene(&scene);
    }
}

/* ---------------------------------------------------------------------------------------------
 * Again and again; never again */

static void no_repetition_when_none_is_wanted(void **state) {
    (void)state;
    struct scene scene;
    struct harrier_error error;
    open_scene(&scene, (struct harrier_options){.retries_max = HARRIER_RETRIES_NONE});
    scene.refusal = ERROR_UNAVAILABLE;
    assert_int_equal(score_code(&scene, &error), HARRIER_ERROR_UNAVAILABLE);
    assert_int_equal(error.decided, HARRIER_DECIDED_NO);
    assert_string_equal(error.message, "so it is");
    assert_int_equal(scene.refused, 1);
    close_scene(&scene);
}

static void three_repetitions_by_default(void **state) {
    (void)state;
    struct scene scene;
    struct harrier_error error;
    open_scene(&scene, (struct harrier_options){0});
    scene.refusal = ERROR_UNAVAILABLE;
    assert_int_equal(score_code(&scene, &error), HARRIER_ERROR_UNAVAILABLE);
    assert_int_equal(scene.refused, 4);
    /* Pipelined likewise. */
    struct seen seen = {0};
    assert_int_equal(
        harrier_score_submit(scene.client, &simple, 1, NULL, take_decision, &seen, NULL), 0);
    harrier_drain(scene.client);
    assert_int_equal(seen.code, HARRIER_ERROR_UNAVAILABLE);
    assert_int_equal(scene.refused, 8);
    close_scene(&scene);
}

static void not_across_a_fork(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene, (struct harrier_options){0});
    harrier_reply_free(score(&scene, NULL));
    pid_t child = fork();
    if (child == 0) {
        struct harrier_error error;
        int code = score_code(&scene, &error);
        bool said = code == HARRIER_ERROR_INVALID && strstr(error.message, "fork") != NULL;
        bool submitted =
            harrier_score_submit(scene.client, &simple, 1, NULL, take_decision, NULL, NULL) == 0;
        harrier_client_free(scene.client);
        _exit(said && !submitted ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    harrier_reply_free(
        score(&scene, NULL)); /* the parent's client still works, on its connection */
    close_scene(&scene);
}

static void *score_in_vain(void *scene) {
    struct harrier_error error;
    assert_int_equal(score_code(scene, &error), HARRIER_ERROR_CLOSED);
    return NULL;
}

/* While threads of the parent wait in calls: the child's copy of them never ends. */
static void a_child_may_free_it(void **state) {
    (void)state;
    char address[64];
    pthread_t threads[3];
    struct scene scene;
    fake_address(address);
    struct fake_server *server = fake_server_start(address, fake_silence, NULL);
    const struct harrier_options options = {.address = address, .deadline_us = 60000000};
    assert_int_equal(harrier_client_new(&options, &scene.client, NULL), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, score_in_vain, &scene), 0);
    while (fake_server_requests(server) < 3) /* until they wait */
        usleep(1000);
    pid_t child = fork();
    if (child == 0) {
        alarm(120);
        harrier_client_free(scene.client);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    harrier_client_close(scene.client, 0);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    harrier_client_free(scene.client);
    fake_server_stop(server);
}

/* One that was closed before: its descriptors are others' by now. */
static void a_child_may_free_a_closed_one(void **state) {
    (void)state;
    int pipes[4][2];
    struct scene scene;
    open_scene(&scene, (struct harrier_options){0});
    harrier_reply_free(score(&scene, NULL));
    harrier_client_close(scene.client, 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pipe(pipes[i]), 0);
    pid_t child = fork();
    if (child == 0) {
        bool open = true;
        harrier_client_free(scene.client);
        for (size_t i = 0; i < 4; i++)
            open = open && close(pipes[i][0]) == 0 && close(pipes[i][1]) == 0;
        _exit(open ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (size_t i = 0; i < 4; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
    close_scene(&scene);
}

static void *close_for_ever(void *client) {
    harrier_client_close(client, INT64_MAX);
    return NULL;
}

static void a_close_may_wait_for_ever(void **state) {
    (void)state;
    char address[64];
    struct harrier_error error;
    struct scene scene;
    pthread_t thread;
    fake_address(address);
    struct fake_server *server = fake_server_start(address, fake_silence, NULL);
    const struct harrier_options options = {.address = address, .deadline_us = 500000};
    assert_int_equal(harrier_client_new(&options, &scene.client, NULL), 0);
    assert_int_equal(harrier_score_submit(scene.client, &simple, 1, NULL, take_decision,
                                          &(struct seen){0}, NULL),
                     0);
    assert_int_equal(pthread_create(&thread, NULL, close_for_ever, scene.client), 0);
    pthread_join(thread, NULL);
    assert_int_equal(score_code(&scene, &error), HARRIER_ERROR_CLOSED);
    harrier_client_free(scene.client);
    fake_server_stop(server);
}

static void call_from_a_callback(struct harrier_reply *reply, const struct harrier_error *error,
                                 void *user) {
    struct scene *scene = user;
    struct harrier_error failure;
    (void)error;
    harrier_reply_free(reply);
    scene->refused = (unsigned)score_code(scene, &failure);
}

static void a_callback_cannot_wait(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene, (struct harrier_options){0});
    assert_int_equal(
        harrier_score_submit(scene.client, &simple, 1, NULL, call_from_a_callback, &scene, NULL),
        0);
    harrier_drain(scene.client);
    assert_int_equal(scene.refused, HARRIER_ERROR_INVALID);
    close_scene(&scene);
}

static void closed_is_said(void **state) {
    (void)state;
    struct scene scene;
    struct harrier_error error;
    open_scene(&scene, (struct harrier_options){0});
    harrier_client_close(scene.client, HARRIER_CLOSE_PATIENTLY);
    assert_int_equal(score_code(&scene, &error), HARRIER_ERROR_CLOSED);
    assert_int_equal(error.decided, HARRIER_DECIDED_NO);
    assert_int_equal(
        harrier_score_submit(scene.client, &simple, 1, NULL, take_decision, NULL, &error),
        -HARRIER_ERROR_CLOSED);
    close_scene(&scene);
}

/* ---------------------------------------------------------------------------------------------
 * Batches */

struct member {
    struct harrier_batcher *batcher;
    struct harrier_transaction transaction;
    struct harrier_call_options options;
    int result;
    uint64_t position;
    struct harrier_error error;
};

static void *score_in_batch(void *argument) {
    struct member *member = argument;
    struct harrier_reply *reply = NULL;
    member->result = harrier_batcher_score(member->batcher, &member->transaction, &member->options,
                                           &reply, &member->error);
    if (reply)
        member->position = reply->results[0].decision.position;
    harrier_reply_free(reply);
    return NULL;
}

enum { MEMBERS = 5 };

static void run_batch(struct scene *scene, struct member members[MEMBERS], unsigned size_max) {
    static char ids[MEMBERS][16];
    const struct harrier_batcher_options options = {.window_us = 1000000, .size_max = size_max};
    pthread_t threads[MEMBERS];
    struct harrier_batcher *batcher;
    assert_int_equal(harrier_batcher_new(scene->client, &options, &batcher, NULL), 0);
    for (size_t i = 0; i < MEMBERS; i++) {
        snprintf(ids[i], sizeof ids[i], "t-%zu", i);
        members[i].batcher = batcher;
        members[i].transaction.id = ids[i];
        members[i].transaction.event_time_us = 1;
        assert_int_equal(pthread_create(&threads[i], NULL, score_in_batch, &members[i]), 0);
    }
    for (size_t i = 0; i < MEMBERS; i++)
        pthread_join(threads[i], NULL);
    harrier_batcher_free(batcher);
}

static void one_message_for_a_batch(void **state) {
    (void)state;
    static const char trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    struct scene scene;
    struct member members[MEMBERS] = {{0}};
    open_scene(&scene, (struct harrier_options){0});
    members[3].options.traceparent = trace;
    run_batch(&scene, members, MEMBERS); /* full, so long before its window ends */
    assert_int_equal(fake_server_requests(scene.server), 1);
    assert_int_equal(scene.transactions, MEMBERS);
    assert_string_equal(scene.traceparent, trace);
    for (size_t i = 0; i < MEMBERS; i++) {
        assert_int_equal(members[i].result, 0);
        assert_int_equal(members[i].position, i);
    }
    close_scene(&scene);
}

static void one_at_fault_fails_alone(void **state) {
    (void)state;
    struct scene scene;
    struct member members[MEMBERS] = {{0}};
    open_scene(&scene, (struct harrier_options){0});
    members[2].transaction.attribute_count = 65; /* refused before it is sent */
    members[2].transaction.attributes = calloc(65, sizeof(struct harrier_attribute));
    run_batch(&scene, members, MEMBERS);
    for (size_t i = 0; i < MEMBERS; i++)
        assert_int_equal(members[i].result, i == 2 ? -HARRIER_ERROR_INVALID : 0);
    assert_string_equal(members[2].error.field, "attributes");
    free((void *)members[2].transaction.attributes);
    close_scene(&scene);
}

static void a_short_deadline_ends_the_window(void **state) {
    (void)state;
    struct scene scene;
    struct member members[MEMBERS] = {{0}};
    open_scene(&scene, (struct harrier_options){0});
    fake_server_stop(scene.server);
    for (size_t i = 0; i < MEMBERS; i++)
        members[i].options.deadline_us = i == 4 ? 20000 : 3000000;
    run_batch(&scene, members, 100);
    for (size_t i = 0; i < MEMBERS; i++) /* all that were in it end with the first of them */
        assert_int_equal(members[i].result, -HARRIER_ERROR_UNAVAILABLE);
    harrier_client_free(scene.client);
}

static void a_closed_batcher_says_so(void **state) {
    (void)state;
    struct scene scene;
    struct harrier_batcher *batcher;
    struct harrier_reply *reply;
    struct harrier_error error;
    const struct harrier_batcher_options too_long = {.window_us = 1000001};
    const struct harrier_batcher_options too_large = {.size_max = 1001};
    open_scene(&scene, (struct harrier_options){0});
    assert_int_equal(harrier_batcher_new(scene.client, &too_long, &batcher, &error),
                     -HARRIER_ERROR_INVALID);
    assert_int_equal(harrier_batcher_new(scene.client, &too_large, &batcher, &error),
                     -HARRIER_ERROR_INVALID);
    assert_int_equal(harrier_batcher_new(scene.client, NULL, &batcher, &error), 0);
    harrier_batcher_close(batcher);
    assert_int_equal(harrier_batcher_score(batcher, &simple, NULL, &reply, &error),
                     -HARRIER_ERROR_CLOSED);
    harrier_batcher_free(batcher);
    harrier_batcher_free(NULL);
    close_scene(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_shown),
        cmocka_unit_test(a_token_of_a_function),
        cmocka_unit_test(a_trace_goes_along),
        cmocka_unit_test(a_function_chooses_the_verdict),
        cmocka_unit_test(pipelined_calls_have_them_too),
        cmocka_unit_test(busy_has_one),
        cmocka_unit_test(a_fallback_for_some_errors),
        cmocka_unit_test(no_repetition_when_none_is_wanted),
        cmocka_unit_test(three_repetitions_by_default),
        cmocka_unit_test(not_across_a_fork),
        cmocka_unit_test(a_child_may_free_it),
        cmocka_unit_test(a_child_may_free_a_closed_one),
        cmocka_unit_test(a_close_may_wait_for_ever),
        cmocka_unit_test(a_callback_cannot_wait),
        cmocka_unit_test(closed_is_said),
        cmocka_unit_test(one_message_for_a_batch),
        cmocka_unit_test(one_at_fault_fails_alone),
        cmocka_unit_test(a_short_deadline_ends_the_window),
        cmocka_unit_test(a_closed_batcher_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
