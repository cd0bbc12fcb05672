/* Who may ask for what; traces; and that the watchdog takes a denial for an answer. */
#include "server/base/tokens.h"
#include "server/net/probe.h"
#include "server/ops/trace.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* ---- the table ---- */

static void each_call_has_a_scope(void **state) {
    (void)state;
    for (int call = CALL_NONE + 1; call < CALL_COUNT; call++)
        if (tokens_scope_of((enum call)call) == 0)
            fail_msg("nobody can be allowed %s", call_name((enum call)call));
    assert_int_equal(tokens_scope_of(CALL_NONE), 0);
    assert_int_equal(tokens_scope_of(CALL_SCORE), TOKEN_SCORE);
    assert_int_equal(tokens_scope_of(CALL_REPORT_OUTCOME), TOKEN_OUTCOME);
    assert_int_equal(tokens_scope_of(CALL_AMEND), TOKEN_OUTCOME);
    assert_int_equal(tokens_scope_of(CALL_STATUS), TOKEN_SCOPES_ALL);
    assert_int_equal(tokens_scope_of(CALL_FIND), TOKEN_FIND);
    assert_int_equal(tokens_scope_of(CALL_BACKFILL), TOKEN_BACKFILL);
    static const enum call admin[] = {CALL_GET_ENTITY, CALL_CHANGE_LIST, CALL_GET_LIST,
                                      CALL_RELOAD,     CALL_EXPLAIN,     CALL_CHANGE_BRAKE};
    for (size_t i = 0; i < sizeof admin / sizeof *admin; i++)
        assert_int_equal(tokens_scope_of(admin[i]), TOKEN_ADMIN);
    for (int denial = DENIAL_NONE + 1; denial < DENIAL_COUNT; denial++)
        assert_true(strlen(denial_name((enum denial)denial)) > 4);
}

/* ---- a service that asks for tokens ---- */

struct place {
    struct bench bench;
    char file[96], tokens[5][TOKEN_TEXT_SIZE]; /* by scope */
    char early[TOKEN_TEXT_SIZE];               /* ends 10 s after the start */
    int64_t early_ends_us;
    uint8_t secret; /* other ones in each place that has another */
};

static void write_tokens(struct place *place, unsigned scopes) {
    struct buffer content;
    struct token_set *set;
    struct error error;
    buffer_init(&content);
    buffer_append_string(&content, "key 00000000 " KEY "\n");
    assert_int_equal(token_set_parse((struct text){(char *)content.bytes, content.length}, "tokens",
                                     &set, &error),
                     0);
    for (uint8_t i = 0; i < 6; i++) {
        const uint8_t id[TOKEN_ID_BYTES] = {i}, secret[TOKEN_SECRET_BYTES] = {i, 1, place->secret};
        char *token = i < 5 ? place->tokens[i] : place->early;
        struct token_entry entry = {.name = "n",
                                    .scopes = i < 5 ? 1u << i : TOKEN_SCOPES_ALL,
                                    .expires_us = i < 5 ? 0 : place->early_ends_us};
        token_format(id, secret, token);
        memcpy(entry.id, token + 4, TOKEN_ID_SIZE - 1);
        assert_int_equal(token_set_hash(set, token, &entry, &error), 0);
        if (entry.scopes & scopes)
            token_set_write(set, &entry, &content);
    }
    FILE *file = fopen(place->file, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_int_equal(fwrite(content.bytes, 1, content.length, file), content.length);
    assert_int_equal(fclose(file), 0);
    token_set_free(set);
    buffer_deinit(&content);
}

static int setup(void **state) {
    struct place *place = calloc(1, sizeof *place);
    bench_init(&place->bench);
    snprintf(place->file, sizeof place->file, "%s/tokens", place->bench.folder);
    place->early_ends_us = place->bench.clock.wall_us + 10 * BENCH_SECOND;
    write_tokens(place, TOKEN_SCOPES_ALL);
    place->bench.settings.tokens = place->file;
    bench_open(&place->bench);
    *state = place;
    return 0;
}

static int teardown(void **state) {
    struct place *place = *state;
    bench_deinit(&place->bench);
    free(place);
    return 0;
}

static struct response ask(struct place *place, enum call call, const char *token) {
    static const struct text key = {.data = "c1", .length = 2};
    static const struct list_change change = {.list = {.data = "l", .length = 1},
                                              .value = {.data = "v", .length = 1}};
    const struct transaction transaction = bench_transaction("a", 0, "c1", 100);
    const struct outcome outcome = {.transaction_id = TEXT_LITERAL("a"), .label = LABEL_FRAUD};
    const struct amendment amendment = {.transaction_id = TEXT_LITERAL("a"),
                                        .kind = AMENDMENT_VOID};
    const struct backfill_item item = {.transaction = transaction};
    struct request request = {.call = call, .token = text_of(token)};
    switch (call) {
    case CALL_SCORE:
        request.score =
            (struct score_request){.transactions = &transaction, .transaction_count = 1};
        break;
    case CALL_REPORT_OUTCOME:
        request.outcome = (struct outcome_request){.outcomes = &outcome, .outcome_count = 1};
        break;
    case CALL_GET_ENTITY:
        request.entity =
            (struct entity_request){.entity = TEXT_LITERAL("card"), .key = &key, .key_count = 1};
        break;
    case CALL_CHANGE_LIST:
        request.list_change = (struct list_change_request){.changes = &change, .change_count = 1};
        break;
    case CALL_AMEND:
        request.amend = (struct amend_request){.amendments = &amendment, .amendment_count = 1};
        break;
    case CALL_BACKFILL:
        request.backfill = (struct backfill_request){.items = &item, .item_count = 1};
        break;
    case CALL_EXPLAIN:
        request.explain.transaction_id = TEXT_LITERAL("a");
        break;
    default:
        break;
    }
    return bench_call(&place->bench, &request);
}

static bool is_denied(struct place *place, enum call call, const char *token) {
    struct response response = ask(place, call, token);
    if (response.error.code != ERROR_DENIED)
        return false;
    assert_true(text_is(response.error.field, "token"));
    assert_true(response.error.message.length > 10);
    return true;
}

static void the_scope_decides(void **state) {
    struct place *place = *state;
    for (int call = CALL_NONE + 1; call < CALL_COUNT; call++)
        for (unsigned i = 0; i < 5; i++) {
            bool may = tokens_scope_of((enum call)call) & 1u << i;
            if (is_denied(place, (enum call)call, place->tokens[i]) == may)
                fail_msg("%s, scope %u", call_name((enum call)call), i);
        }
    assert_int_equal(metric_value(place->bench.metrics, DENIED, DENIAL_SCOPE), 4 * 11);
}

static void the_clock_ends_a_token(void **state) {
    struct place *place = *state;
    assert_false(is_denied(place, CALL_STATUS, place->early));
    atomic_fetch_add(&place->bench.clock.wall_us, 10 * BENCH_SECOND - 1);
    assert_false(is_denied(place, CALL_STATUS, place->early));
    atomic_fetch_add(&place->bench.clock.wall_us, 1);
    assert_true(is_denied(place, CALL_STATUS, place->early));
    assert_int_equal(metric_value(place->bench.metrics, DENIED, DENIAL_EXPIRED), 1);
}

static void a_new_file_counts_at_once(void **state) {
    struct place *place = *state;
    assert_false(is_denied(place, CALL_STATUS, place->tokens[0]));
    write_tokens(place, TOKEN_OUTCOME);
    assert_false(is_denied(place, CALL_STATUS, place->tokens[0])); /* nobody has looked yet */
    service_poll_tokens(place->bench.service);
    assert_true(is_denied(place, CALL_STATUS, place->tokens[0]));
    assert_false(is_denied(place, CALL_STATUS, place->tokens[1]));
    assert_int_equal(metric_value(place->bench.metrics, TOKEN_LOADS, 0), 2);
    service_poll_tokens(place->bench.service);
    assert_int_equal(metric_value(place->bench.metrics, TOKEN_LOADS, 0), 2);

    FILE *file = fopen(place->file, "w");
    fputs("nothing good\n", file);
    fclose(file);
    service_poll_tokens(place->bench.service);
    service_poll_tokens(place->bench.service); /* is refused once, not every second */
    assert_int_equal(metric_value(place->bench.metrics, TOKEN_LOADS, 1), 1);
    assert_int_equal(metric_value(place->bench.metrics, TOKENS_REFUSED, 0), 1);
    struct response response = ask(place, CALL_STATUS, place->tokens[1]);
    char reason[256];
    snprintf(reason, sizeof reason, "tokens: %s:1: expected", place->file);
    assert_int_equal(response.error.code, 0);
    if (response.status.reload_error.length < strlen(reason) ||
        memcmp(response.status.reload_error.data, reason, strlen(reason)) != 0)
        fail_msg("%.*s", TEXT_ARGS(response.status.reload_error));
    assert_int_equal(response.status.refused_since_time_us, place->bench.clock.wall_us);
    write_tokens(place, TOKEN_OUTCOME);
    service_poll_tokens(place->bench.service);
    response = ask(place, CALL_STATUS, place->tokens[1]);
    assert_int_equal(response.status.reload_error.length, 0);
    assert_int_equal(response.status.refused_since_time_us, 0);
}

/* A token that was good is not hashed again: that must not outlive the line of the file that made
 * it good, nor let another secret in. */
static void a_token_that_was_good_is_revoked_at_once(void **state) {
    struct place *place = *state;
    char wrong[TOKEN_TEXT_SIZE];
    for (int i = 0; i < 3; i++)
        assert_false(is_denied(place, CALL_SCORE, place->tokens[0]));
    memcpy(wrong, place->tokens[0], sizeof wrong);
    for (size_t i = TOKEN_ID_AT + TOKEN_ID_SIZE; i < TOKEN_TEXT_SIZE - 1; i++) {
        wrong[i] = wrong[i] == '5' ? '6' : '5';
        assert_true(is_denied(place, CALL_SCORE, wrong));
        wrong[i] = place->tokens[0][i];
    }
    assert_false(is_denied(place, CALL_SCORE, place->tokens[0]));

    /* The same id with another secret. */
    char before[TOKEN_TEXT_SIZE];
    memcpy(before, place->tokens[0], sizeof before);
    place->secret = 2;
    write_tokens(place, TOKEN_SCOPES_ALL);
    service_poll_tokens(place->bench.service);
    assert_true(is_denied(place, CALL_SCORE, before));
    assert_false(is_denied(place, CALL_SCORE, place->tokens[0]));
    assert_true(is_denied(place, CALL_SCORE, before));

    /* Its line is gone, then it is back with another scope. */
    write_tokens(place, TOKEN_OUTCOME);
    service_poll_tokens(place->bench.service);
    assert_true(is_denied(place, CALL_SCORE, place->tokens[0]));
    assert_int_equal(metric_value(place->bench.metrics, DENIED, DENIAL_SCOPE), 0);
    write_tokens(place, TOKEN_SCOPES_ALL);
    service_poll_tokens(place->bench.service);
    assert_false(is_denied(place, CALL_SCORE, place->tokens[0]));
    assert_true(is_denied(place, CALL_RELOAD, place->tokens[0]));
    assert_int_equal(metric_value(place->bench.metrics, DENIED, DENIAL_SCOPE), 1);
}

/* What only this moment was in the way of is tried again: a revoked token must not live on by it.
 */
static void a_passing_failure_is_not_remembered(void **state) {
    struct place *place = *state;
    struct rlimit before, none;
    write_tokens(place, TOKEN_OUTCOME); /* SCORE's is taken back */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    service_poll_tokens(place->bench.service);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(ask(place, CALL_SCORE, place->tokens[0]).error.code, 0); /* not read yet */
    service_poll_tokens(place->bench.service);
    assert_int_equal(ask(place, CALL_SCORE, place->tokens[0]).error.code, ERROR_DENIED);
}

/* A large request is denied before it is taken apart: what follows its token may be anything. */
static void a_large_request_is_looked_at_first(void **state) {
    struct place *place = *state;
    struct buffer bytes;
    buffer_init(&bytes);
    for (int with_token = 0; with_token < 2; with_token++) {
        buffer_clear(&bytes);
        buffer_append_u8(&bytes, 3 << 3 | 2); /* Request.token */
        buffer_append_varint(&bytes, TOKEN_TEXT_SIZE - 1);
        buffer_append(&bytes, place->tokens[with_token ? 0 : 1], TOKEN_TEXT_SIZE - 1);
        if (!with_token)
            bytes.bytes[bytes.length - 1] ^= 1;
        buffer_append_u8(&bytes, 10 << 3 | 2); /* Request.score */
        buffer_append_varint(&bytes, 20000);
        memset(buffer_reserve(&bytes, 20000), 0xff, 20000);
        bytes.length += 20000;
        struct response response = bench_send(&place->bench, bytes.bytes, bytes.length);
        assert_int_equal(response.error.code, with_token ? ERROR_INVALID : ERROR_DENIED);
    }
    assert_int_equal(metric_value(place->bench.metrics, DENIED, DENIAL_UNKNOWN), 1);
    buffer_deinit(&bytes);
}

/* The probe is let in and counts as nobody's denial; its token is good for nothing else. */
static void the_probe_may_ask_how_the_server_is(void **state) {
    struct place *place = *state;
    struct buffer probe;
    struct request request;
    struct error error;
    buffer_init(&probe);
    service_write_probe(place->bench.service, &probe);
    struct response response = bench_send(&place->bench, probe.bytes, probe.length);
    assert_int_equal(response.error.code, 0);
    assert_int_equal(response.call, CALL_STATUS);
    assert_int_equal(metric_total(place->bench.metrics, DENIED), 0);
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    assert_int_equal(message_decode_request(probe.bytes, probe.length, &arena, &request, &error),
                     0);
    char token[128];
    snprintf(token, sizeof token, "%.*s", TEXT_ARGS(request.token));
    for (int call = CALL_NONE + 1; call < CALL_COUNT; call++)
        if (is_denied(place, (enum call)call, token) != (call != CALL_STATUS))
            fail_msg("%s", call_name((enum call)call));
    const struct request hash = {
        .call = CALL_STATUS, .token = text_of(token), .status.state_hash = true};
    assert_int_equal(bench_call(&place->bench, &hash).error.code, ERROR_DENIED);
    arena_deinit(&arena);
    buffer_deinit(&probe);
}

/* A refusal would not feed the supervisor's watchdog, so the queue's deadline must not apply to it.
 */
static void the_scoring_probe_may_wait(void **state) {
    struct place *place = *state;
    struct buffer probe;
    struct front_look seen;
    buffer_init(&probe);
    service_write_scoring_probe(place->bench.service, &probe);
    service_look(place->bench.service, probe.bytes, probe.length, &seen);
    assert_false(seen.may_answer_much);
    assert_true(seen.deadline_us >= UINT64_C(3600000000));
    buffer_deinit(&probe);
}

/* Whatever the answer says: a listener that denies is one that answers. */
static void a_denial_is_an_answer(void **state) {
    (void)state;
    char path[] = "/tmp/harrier-probe-XXXXXX";
    assert_non_null(mkdtemp(path));
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    snprintf(where.sun_path, sizeof where.sun_path, "%s/s", path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&where, sizeof where), 0);
    assert_int_equal(listen(listener, 1), 0);
    struct probe probe;
    probe_init(&probe);
    probe_begin(&probe, (struct sockaddr *)&where, sizeof where, "?", 1, 1);
    int peer = accept(listener, NULL, NULL);
    assert_false(probe_answered(&probe));
    struct buffer denial, message;
    buffer_init(&denial);
    buffer_init(&message);
    const struct response response = {.error = {.code = ERROR_DENIED,
                                                .field = TEXT_LITERAL("token"),
                                                .message = TEXT_LITERAL("the token is not known")}};
    message_encode_response(&response, &denial);
    buffer_append(&message, "\0SP\0\0\x31\0\0\x01", 9);
    for (int shift = 56; shift >= 0; shift -= 8)
        buffer_append_u8(&message, (uint8_t)((uint64_t)(denial.length + 4) >> shift));
    buffer_append(&message, "\x80\0\0\1", 4);
    buffer_append(&message, denial.bytes, denial.length);
    assert_int_equal(write(peer, message.bytes, message.length), message.length);
    assert_true(probe_answered(&probe));
    probe_end(&probe);
    close(peer);
    close(listener);
    buffer_deinit(&message);
    buffer_deinit(&denial);
    unlink(where.sun_path);
    rmdir(path);
}

/* ---- traces ---- */

static void a_trace_is_exactly_so(void **state) {
    (void)state;
    struct trace trace;
    assert_true(trace_parse(TEXT_LITERAL("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                            &trace));
    assert_string_equal(trace.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_string_equal(trace.parent_id, "00f067aa0ba902b7");
    assert_true(trace_parse(TEXT_LITERAL("00-00000000000000000000000000000001-1000000000000000-ff"),
                            &trace));
    static const char *const ignored[] = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0 ",
        "\n0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (trace_parse(text_of(ignored[i]), &trace))
            fail_msg("%s", ignored[i]);
    assert_false(trace_parse((struct text){0}, &trace));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_has_a_scope),
        cmocka_unit_test_setup_teardown(the_scope_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(the_clock_ends_a_token, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_file_counts_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_that_was_good_is_revoked_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_passing_failure_is_not_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_request_is_looked_at_first, setup, teardown),
        cmocka_unit_test_setup_teardown(the_probe_may_ask_how_the_server_is, setup, teardown),
        cmocka_unit_test_setup_teardown(the_scoring_probe_may_wait, setup, teardown),
        cmocka_unit_test(a_denial_is_an_answer),
        cmocka_unit_test(a_trace_is_exactly_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
