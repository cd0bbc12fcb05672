/* Backfill through the service: where features see it, what is recorded once only, what is refused,
 * and that a disk that refuses to write, a full overlay and a restart lose or double nothing. */
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include "tests/split_mix.h"
#include "tests/unit/asked.h"

#include <signal.h>
#include <sys/resource.h>

#define MANY 1000

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int setup(void **state) {
    signal(SIGXFSZ, SIG_IGN);
    return bench_setup(state);
}

static int teardown(void **state) {
    limit_files(RLIM_INFINITY); /* a test may have failed before it did */
    return bench_teardown(state);
}

static struct response backfill_all(struct bench *bench, const struct backfill_item *items,
                                    size_t count) {
    const struct request request = {.call = CALL_BACKFILL,
                                    .backfill = {.items = items, .item_count = count}};
    return bench_call(bench, &request);
}

static struct backfill_result backfill(struct bench *bench, struct backfill_item item) {
    struct response response = backfill_all(bench, &item, 1);
    if (response.error.code != 0)
        return (struct backfill_result){.error = response.error};
    assert_int_equal(response.backfill.count, 1);
    return response.backfill.results[0];
}

static struct backfill_item item_of(const char *id, int64_t seconds, const char *card) {
    return (struct backfill_item){.transaction = bench_transaction(id, seconds, card, 1000)};
}

static int64_t count_1h(struct bench *bench, const char *card, int64_t seconds) {
    const struct text key = text_of(card);
    const struct request request = {
        .call = CALL_GET_ENTITY,
        .entity = {.entity = TEXT_LITERAL("card"),
                   .key = &key,
                   .key_count = 1,
                   .at_time_us = BENCH_START_US + seconds * BENCH_SECOND}};
    struct response response = bench_call(bench, &request);
    if (response.error.code == ERROR_NOT_FOUND)
        return 0;
    assert_int_equal(response.error.code, 0);
    assert_true(text_is(response.entity.features[0].name, "card.count_1h"));
    return response.entity.features[0].value.integer;
}

static void assert_refused(struct backfill_result result, enum error_code code, const char *field,
                           const char *words) {
    assert_string_equal(error_code_name(result.error.code), error_code_name(code));
    if (!text_is(result.error.field, field))
        fail_msg("field \"%.*s\": %.*s", TEXT_ARGS(result.error.field),
                 TEXT_ARGS(result.error.message));
    if (!memmem(result.error.message.data, result.error.message.length, words, strlen(words)))
        fail_msg("\"%s\" is not in: %.*s", words, TEXT_ARGS(result.error.message));
}

/* Within the lateness, so that the windows are exact. */
static void features_see_it_at_its_event_time(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_score(bench, bench_transaction("a", 0, "c1", 1000));
    assert_int_equal(count_1h(bench, "c1", 0), 1);
    struct backfill_result result = backfill(bench, item_of("old", -1800, "c1"));
    assert_int_equal(result.error.code, 0);
    assert_false(result.duplicate);
    assert_true(text_is(result.transaction_id, "old"));
    assert_int_equal(result.verdict, VERDICT_APPROVE);
    assert_true(result.position > 0);
    assert_int_equal(count_1h(bench, "c1", 0), 2);
    assert_int_equal(count_1h(bench, "c1", -1800), 1);
    assert_int_equal(count_1h(bench, "c1", 1801), 1);
    assert_int_equal(metric_value(bench->metrics, BACKFILLED, 0), 1);
    assert_int_equal(metric_total(bench->metrics, TRANSACTIONS), 1); /* no decision of today */
    /* A client that scores it gets the decision of the record. */
    struct score_result again = bench_score(bench, item_of("old", -1800, "c1").transaction);
    assert_true(again.decision.duplicate);
    assert_int_equal(again.decision.position, result.position);
}

static void what_is_there_stays(void **state) {
    struct bench *bench = *state;
    struct backfill_item item = item_of("old", -1800, "c1");
    item.has_outcome = item.has_amendment = true;
    item.outcome.label = LABEL_FRAUD;
    item.amendment = (struct amendment){.kind = AMENDMENT_REFUND, .amount_minor = 400};
    bench_open(bench);
    struct backfill_result first = backfill(bench, item);
    assert_true(first.outcome_recorded && first.amendment_recorded);
    struct status_response before = bench_status(bench);
    assert_int_equal(before.labels[LABEL_FRAUD], 1);
    struct backfill_result again = backfill(bench, item);
    assert_true(again.duplicate);
    assert_false(again.outcome_recorded || again.amendment_recorded);
    assert_int_equal(again.position, first.position);
    /* What is reported meanwhile is not set back. */
    assert_true(bench_report(bench, "old", LABEL_LEGIT).changed);
    backfill(bench, item);
    struct status_response after = bench_status(bench);
    assert_int_equal(after.labels[LABEL_LEGIT], 1);
    assert_int_equal(after.position, before.position + 1);
    /* One that was scored is known as well, and gets what was not reported. */
    bench_score(bench, bench_transaction("live", 0, "c1", 1000));
    struct backfill_item live = item_of("live", 0, "c1");
    live.has_outcome = true;
    live.outcome.label = LABEL_FRAUD;
    assert_true(backfill(bench, live).outcome_recorded);
    live.transaction.amount_minor++;
    assert_refused(backfill(bench, live), ERROR_ID_CONFLICT, "id", "scored before");
}

static struct amendment_result amend(struct bench *bench, enum amendment_kind kind) {
    const struct amendment amendment = {.transaction_id = TEXT_LITERAL("old"), .kind = kind};
    const struct request request = {.call = CALL_AMEND,
                                    .amend = {.amendments = &amendment, .amendment_count = 1}};
    return bench_call(bench, &request).amend.results[0];
}

/* The file's refund contradicts the void that was reported after it. */
static void what_was_amended_meanwhile_stays(void **state) {
    struct bench *bench = *state;
    struct backfill_item item = item_of("old", -1800, "c1");
    item.has_outcome = item.has_amendment = true;
    item.outcome.label = LABEL_FRAUD;
    item.amendment = (struct amendment){.kind = AMENDMENT_VOID};
    bench_open(bench);
    assert_true(backfill(bench, item).amendment_recorded);
    assert_true(amend(bench, AMENDMENT_RESTORE).changed); /* as it was scored, but reported */
    uint64_t position = bench_status(bench).position;
    struct backfill_result again = backfill(bench, item);
    assert_int_equal(again.error.code, 0);
    assert_false(again.amendment_recorded);
    assert_true(amend(bench, AMENDMENT_VOID).changed);
    item.amendment = (struct amendment){.kind = AMENDMENT_REFUND, .amount_minor = 400};
    again = backfill(bench, item);
    assert_int_equal(again.error.code, 0);
    assert_true(again.duplicate);
    assert_false(again.amendment_recorded || again.outcome_recorded);
    assert_int_equal(bench_status(bench).position, position + 1);
}

static void what_is_wrong_is_refused_as_a_whole(void **state) {
    struct bench *bench = *state;
    struct backfill_item item = item_of("a", -1800, "c1");
    bench_open(bench);
    uint64_t position = bench_status(bench).position;
    assert_refused(backfill(bench, item_of("", -1800, "c1")), ERROR_INVALID, "id", "missing");
    assert_refused(backfill(bench, item_of("a", 864000, "c1")), ERROR_INVALID, "event_time_us",
                   "ahead");
    item.has_outcome = true;
    item.outcome.label = LABEL_COUNT;
    assert_refused(backfill(bench, item), ERROR_INVALID, "label", "label");
    item.outcome = (struct outcome){.label = LABEL_FRAUD, .transaction_id = TEXT_LITERAL("b")};
    assert_refused(backfill(bench, item), ERROR_INVALID, "outcome", "another transaction");
    item.outcome = (struct outcome){.label = LABEL_FRAUD,
                                    .known_time_us = BENCH_START_US + 864000 * BENCH_SECOND};
    assert_refused(backfill(bench, item), ERROR_INVALID, "outcome", "ahead");
    item.has_outcome = false;
    item.has_amendment = true;
    item.amendment = (struct amendment){.kind = AMENDMENT_REFUND, .amount_minor = 1001};
    assert_refused(backfill(bench, item), ERROR_INVALID, "amount_minor", "1001 refunded of 1000");
    assert_int_equal(bench_status(bench).position, position);
    assert_int_equal(metric_value(bench->metrics, BACKFILLED, 0), 0);
}

/* A thousand of them in any order, with repeats, beside decisions: the states are those of a server
 * that was told everything in the order of event times. */
static void the_order_does_not_matter(void **state) {
    struct bench *bench = *state, ordered;
    uint64_t random = asked_seed(7);
    static struct backfill_item items[MANY];
    static char ids[MANY][8], cards[MANY][4];
    bench_init(&ordered);
    bench_open(bench);
    bench_open(&ordered);
    for (int i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof ids[i], "t%d", i);
        snprintf(cards[i], sizeof cards[i], "c%d", (int)(split_mix(&random) % 20));
        items[i] = item_of(ids[i], (int64_t)i * 200 - 200 * MANY, cards[i]);
        items[i].has_outcome = split_mix(&random) % 4 == 0;
        items[i].outcome.label = LABEL_FRAUD;
    }
    struct response response = backfill_all(&ordered, items, MANY);
    assert_int_equal(response.backfill.count, MANY);
    for (int i = MANY - 1; i > 0; i--) {
        struct backfill_item kept = items[i];
        size_t j = split_mix(&random) % ((uint64_t)i + 1);
        items[i] = items[j];
        items[j] = kept;
    }
    bench_score(bench, bench_transaction("now", 0, "c1", 700));
    for (int i = 0; i < MANY; i += 100) {
        size_t from = i > 0 ? (size_t)i - 50 : 0; /* half of the call before again */
        response = backfill_all(bench, items + from, (size_t)i + 100 - from);
        for (size_t j = 0; j < response.backfill.count; j++) {
            assert_int_equal(response.backfill.results[j].error.code, 0);
            assert_int_equal(response.backfill.results[j].duplicate, from + j < (size_t)i);
        }
        bench_score(&ordered, bench_transaction("now", 0, "c1", 700)); /* once, then repeats */
    }
    struct status_response a = bench_status(bench), b = bench_status(&ordered);
    assert_int_equal(a.transactions, MANY + 1);
    assert_int_equal(a.labels[LABEL_FRAUD], b.labels[LABEL_FRAUD]);
    assert_int_equal(a.state_hash, b.state_hash);
    bench_close(bench);
    bench_open(bench);
    assert_int_equal(bench_status(bench).state_hash, a.state_hash);
    bench_deinit(&ordered);
}

static void what_is_not_written_is_withdrawn(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    backfill(bench, item_of("before", -1800, "c1"));
    struct status_response before = bench_status(bench);
    while (before.synced_position < before.position)
        before = bench_status(bench);
    struct backfill_item items[] = {item_of("before", -1800, "c1"), item_of("a", -1000, "c1"),
                                    item_of("b", -900, "c1")};
    limit_files(0);
    struct response response = backfill_all(bench, items, 3);
    limit_files(RLIM_INFINITY);
    assert_int_equal(response.error.code, 0);
    assert_int_equal(response.backfill.results[0].error.code, 0);
    assert_true(response.backfill.results[0].duplicate);
    assert_int_equal(response.backfill.results[1].error.code, ERROR_UNAVAILABLE);
    assert_int_equal(response.backfill.results[2].error.code, ERROR_UNAVAILABLE);
    assert_int_equal(metric_value(bench->metrics, BACKFILLED, 0), 1);
    bench_await(bench, SERVICE_UNAVAILABLE);
    service_poll_recovery(bench->service);
    bench_await(bench, SERVICE_READY);
    assert_int_equal(bench_status(bench).state_hash, before.state_hash);
    response = backfill_all(bench, items, 3);
    assert_false(response.backfill.results[2].duplicate);
    assert_int_equal(bench_status(bench).transactions, 3);
}

/* The last quarter of the memory is for decisions. */
static void decisions_keep_their_memory(void **state) {
    struct bench *bench = *state;
    static struct backfill_item items[MANY];
    static char ids[MANY][16], cards[MANY][16];
    bench_open(bench);
    uint64_t empty = bench_status(bench).overlay_memory_bytes;
    bench_close(bench);
    bench->settings.overlay_limit = empty + 400000;
    bench_open(bench);
    size_t recorded = 0, refused = 0;
    for (int round = 0; refused == 0; round++) {
        assert_true(round < 100);
        for (int i = 0; i < MANY; i++) {
            snprintf(ids[i], sizeof ids[i], "t%d", round * MANY + i);
            snprintf(cards[i], sizeof cards[i], "c%d", round * MANY + i);
            items[i] = item_of(ids[i], -1800, cards[i]);
        }
        struct response response = backfill_all(bench, items, MANY);
        assert_int_equal(response.error.code, 0);
        for (size_t i = 0; i < MANY; i++) {
            struct backfill_result result = response.backfill.results[i];
            recorded += result.error.code == 0;
            if (result.error.code != 0 && refused++ == 0)
                assert_refused(result, ERROR_UNAVAILABLE, "", "harrier rebuild");
        }
    }
    assert_true(recorded > 100);
    assert_int_equal(bench_status(bench).transactions, recorded);
    assert_true(text_is(bench_status(bench).state, "ready"));
    assert_int_equal(bench_score(bench, bench_transaction("now", 0, "c1", 1)).error.code, 0);
}

/* What waits for the disk is answered when it is there; what comes while the server stops is not
 * lost without a word. */
static void answers_wait_for_the_disk(void **state) {
    struct bench *bench = *state;
    bench->settings.synced = true;
    bench_open(bench);
    struct backfill_result result = backfill(bench, item_of("a", -1800, "c1"));
    assert_int_equal(result.error.code, 0);
    assert_true(bench_status(bench).synced_position >= result.position);
    assert_int_equal(backfill(bench, item_of("a", -1800, "c1")).position, result.position);
    service_drain(bench->service);
    assert_refused(backfill(bench, item_of("b", -1800, "c1")), ERROR_UNAVAILABLE, "",
                   "shutting down");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(features_see_it_at_its_event_time, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_there_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_amended_meanwhile_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_refused_as_a_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(the_order_does_not_matter, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_written_is_withdrawn, setup, teardown),
        cmocka_unit_test_setup_teardown(decisions_keep_their_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_wait_for_the_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
