/* The service from bytes to bytes: what each call answers, what it changes, and what is left of it
 * after a restart, a reload and a disk that refuses to write. */
#include "batch/rebuild/rebuild.h"
#include "core/store/archive/archive.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void allow_writing(void) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int teardown(void **state) {
    allow_writing(); /* a test may have failed before it did */
    return bench_teardown(state);
}

static struct score_result accept(struct bench *bench, struct transaction transaction) {
    struct score_result result = bench_score(bench, transaction);
    if (result.error.code != 0)
        fail_msg("%.*s: %.*s", TEXT_ARGS(transaction.id), TEXT_ARGS(result.error.message));
    return result;
}

static void assert_refused(struct wire_error error, enum error_code code, const char *field) {
    assert_string_equal(error_code_name(error.code), error_code_name(code));
    if (!text_is(error.field, field))
        fail_msg("field \"%.*s\": %.*s", TEXT_ARGS(error.field), TEXT_ARGS(error.message));
    assert_true(error.message.length > 10);
}

static void assert_same_state(struct status_response a, struct status_response b) {
    assert_int_equal(a.state_hash, b.state_hash);
    assert_int_equal(a.transactions, b.transactions);
    assert_int_equal(a.outcomes, b.outcomes);
    assert_memory_equal(a.labels, b.labels, sizeof a.labels);
    assert_int_equal(a.newest_event_time_us, b.newest_event_time_us);
}

/* ---- Score ---- */

static void a_batch_is_decided_in_its_order(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    struct status_response before = bench_status(bench);
    assert_int_equal(before.position, 2); /* engine and snapshot */
    const struct transaction batch[] = {
        bench_transaction("a", 0, "c1", 100),
        bench_transaction("b", 1, "c1", 100),
        bench_transaction("c", 2, "c1", 100),
    };
    const struct request request = {
        .call = CALL_SCORE,
        .score = {.transactions = batch, .transaction_count = 3, .return_features = true}};
    struct response response = bench_call(bench, &request);
    assert_int_equal(response.score.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct decision *decision = &response.score.results[i].decision;
        assert_int_equal(response.score.results[i].error.code, 0);
        assert_true(text_equal(decision->transaction_id, batch[i].id));
        assert_int_equal(decision->position, 3 + i);
        assert_int_equal(decision->snapshot_id, before.snapshot_id);
        assert_int_equal(decision->score, i == 2 ? 400 : 0);
        assert_int_equal(decision->verdict, i == 2 ? VERDICT_REVIEW : VERDICT_APPROVE);
        assert_int_equal(decision->features[0].value.integer, i + 1); /* card.count_1h */
        assert_false(decision->duplicate);
    }
    assert_true(text_is(response.score.results[2].decision.reasons[0].text, "3 in an hour"));
    struct status_response after = bench_status(bench);
    assert_int_equal(after.transactions, 3);
    assert_int_equal(after.position, 5);
    assert_int_equal(after.newest_event_time_us, batch[2].event_time_us);
    assert_int_equal(metric_value(bench->metrics, TRANSACTIONS, VERDICT_APPROVE), 2);
    assert_int_equal(metric_value(bench->metrics, TRANSACTIONS, VERDICT_REVIEW), 1);
}

static void a_repeated_id_gets_its_first_decision(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, bench_transaction("a", 0, "c1", 100));
    accept(bench, bench_transaction("b", 1, "c1", 100));
    struct decision first = accept(bench, bench_transaction("c", 2, "c1", 100)).decision;
    accept(bench, bench_transaction("d", 3, "c1", 100));
    struct status_response before = bench_status(bench);
    struct decision again = accept(bench, bench_transaction("c", 2, "c1", 100)).decision;
    assert_true(again.duplicate);
    assert_int_equal(again.position, first.position);
    assert_int_equal(again.score, first.score);
    assert_int_equal(again.verdict, first.verdict);
    assert_int_equal(again.reason_count, 1);
    assert_true(text_equal(again.reasons[0].text, first.reasons[0].text));
    struct status_response after = bench_status(bench);
    assert_same_state(before, after);
    assert_int_equal(after.position, before.position);
    assert_int_equal(after.duplicates, 1);
}

static void other_content_under_a_known_id_is_refused(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, bench_transaction("a", 0, "c1", 100));
    struct status_response before = bench_status(bench);
    struct score_result result = bench_score(bench, bench_transaction("a", 0, "c1", 101));
    assert_refused(result.error, ERROR_ID_CONFLICT, "id");
    struct status_response after = bench_status(bench);
    assert_same_state(before, after);
    assert_int_equal(after.rejected, 1);
}

static void an_id_twice_in_one_batch(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    const struct transaction batch[] = {
        bench_transaction("a", 0, "c1", 100),
        bench_transaction("a", 0, "c1", 100),
        bench_transaction("a", 0, "c2", 100),
    };
    const struct request request = {.call = CALL_SCORE,
                                    .score = {.transactions = batch, .transaction_count = 3}};
    struct response response = bench_call(bench, &request);
    const struct score_result *results = response.score.results;
    assert_false(results[0].decision.duplicate);
    assert_true(results[1].decision.duplicate);
    assert_int_equal(results[1].decision.position, results[0].decision.position);
    assert_refused(results[2].error, ERROR_ID_CONFLICT, "id");
    assert_int_equal(bench_status(bench).transactions, 1);
}

static void a_dry_run_changes_nothing(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, bench_transaction("a", 0, "c1", 100));
    struct status_response before = bench_status(bench);
    const struct transaction batch[] = {
        bench_transaction("b", 1, "c1", 100),
        bench_transaction("c", 2, "c1", 100),
    };
    const struct request request = {.call = CALL_SCORE,
                                    .score = {.transactions = batch,
                                              .transaction_count = 2,
                                              .dry_run = true,
                                              .return_features = true}};
    struct response response = bench_call(bench, &request);
    for (size_t i = 0; i < 2; i++) {
        const struct decision *decision = &response.score.results[i].decision;
        assert_int_equal(decision->position, 0);
        assert_true(decision->dry_run);
        assert_int_equal(decision->features[0].value.integer, 2); /* they do not see each other */
    }
    struct status_response after = bench_status(bench);
    assert_same_state(before, after);
    assert_int_equal(after.position, before.position);
    assert_false(accept(bench, batch[0]).decision.duplicate); /* the id was not remembered */
    assert_int_equal(metric_value(bench->metrics, DRY_RUNS, 0), 2);
    /* A known id is decided anew: what would be said of it today? */
    response = bench_call(bench, &request);
    assert_int_equal(response.score.results[0].error.code, 0);
    assert_false(response.score.results[0].decision.duplicate);
    assert_int_equal(response.score.results[0].decision.position, 0);
}

/* A card at so many merchants at once that nobody can tell whether the next is new. */
static void values_that_cannot_be_reported_are_counted(void **state) {
    struct bench *bench = *state;
    bench_write_policy(bench, "features.yaml",
                       "entities:\n"
                       "  card: {key: card}\n"
                       "features:\n"
                       "  card:\n"
                       "    - {name: count_1h, aggregate: count, window: 1h}\n"
                       "    - {name: is_new_30d, aggregate: is_new, of: merchant, window: 30d}\n");
    bench_open(bench);
    struct transaction batch[150];
    char ids[150][8];
    for (int i = 0; i < 150; i++) {
        snprintf(ids[i], sizeof ids[i], "t%d", i);
        batch[i] = bench_transaction(ids[i], 0, "c1", 100);
        batch[i].fields[FIELD_MERCHANT] = batch[i].id;
    }
    struct request request = {
        .call = CALL_SCORE,
        .score = {.transactions = batch, .transaction_count = 150, .return_features = true}};
    struct response response = bench_call(bench, &request);
    int64_t absent = 0;
    for (size_t i = 0; i < response.score.count; i++)
        absent += response.score.results[i].decision.features[1].value.type == VALUE_ABSENT;
    assert_in_range(absent, 50, 149);
    assert_int_equal(metric_value(bench->metrics, FEATURES_UNKNOWN, 0), absent);
    bench_call(bench, &request); /* duplicates are not decided again */
    assert_int_equal(metric_value(bench->metrics, FEATURES_UNKNOWN, 0), absent);
    request.score.dry_run = true;
    bench_call(bench, &request);
    assert_int_equal(metric_value(bench->metrics, FEATURES_UNKNOWN, 0), absent);
}

static void after_the_deadline_nothing_happens(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    struct status_response before = bench_status(bench);
    bench->deadline_us = 1000;
    bench->arrived_ago_us = 1001;
    struct score_result late = bench_score(bench, bench_transaction("a", 0, "c1", 100));
    assert_refused(late.error, ERROR_DEADLINE, "");
    assert_refused(bench_report(bench, "a", LABEL_FRAUD).error, ERROR_DEADLINE, "");
    bench->arrived_ago_us = 1000; /* exactly at the deadline is in time */
    accept(bench, bench_transaction("b", 0, "c1", 100));
    bench->deadline_us = 0;
    assert_int_equal(bench_status(bench).position, before.position + 1);
    assert_false(accept(bench, bench_transaction("a", 0, "c1", 100)).decision.duplicate);
}

static void the_deadline_may_pass_within_a_batch(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    struct transaction batch[20];
    char ids[20][8];
    for (int i = 0; i < 20; i++) {
        snprintf(ids[i], sizeof ids[i], "t%d", i);
        batch[i] = bench_transaction(ids[i], i, "c1", 100);
    }
    const struct request request = {.call = CALL_SCORE,
                                    .score = {.transactions = batch, .transaction_count = 20}};
    bench->deadline_us = 10000;
    atomic_store(&bench->clock.tick_us, 1000);
    struct response response = bench_call(bench, &request);
    atomic_store(&bench->clock.tick_us, 0);
    size_t scored = 0;
    while (scored < 20 && response.score.results[scored].error.code == 0)
        scored++;
    assert_in_range(scored, 1, 19);
    for (size_t i = scored; i < 20; i++)
        assert_refused(response.score.results[i].error, ERROR_DEADLINE, "");
    bench->deadline_us = 0;
    assert_int_equal(bench_status(bench).transactions, scored);
}

static void one_bad_transaction_does_not_fail_the_others(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    struct transaction batch[] = {
        bench_transaction("a", 0, "c1", 100), bench_transaction("b", 1, "c1", 100),
        bench_transaction("", 2, "c1", 100),  bench_transaction("d", 3, "4111111111111111", 100),
        bench_transaction("e", 4, "c1", 100),
    };
    batch[1].currency = TEXT_LITERAL("XXQ");
    struct request request = {.call = CALL_SCORE,
                              .score = {.transactions = batch, .transaction_count = 5}};
    for (int64_t dry_run = 1; dry_run >= 0; dry_run--) {
        request.score.dry_run = dry_run;
        const struct score_result *results = bench_call(bench, &request).score.results;
        assert_int_equal(results[0].error.code, 0);
        assert_refused(results[1].error, ERROR_INVALID, "currency");
        assert_refused(results[2].error, ERROR_INVALID, "id");
        assert_refused(results[3].error, ERROR_INVALID, "card");
        assert_int_equal(results[4].error.code, 0);
        assert_int_equal(results[4].decision.position,
                         dry_run ? 0 : results[0].decision.position + 1);
        assert_int_equal(metric_value(bench->metrics, ERRORS, ERROR_INVALID), dry_run ? 3 : 6);
    }
}

static void times_too_far_ahead_are_refused(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    int64_t now_s = (atomic_load(&bench->clock.wall_us) - BENCH_START_US) / BENCH_SECOND;
    accept(bench, bench_transaction("a", now_s + 60, "c1", 100));
    struct score_result result = bench_score(bench, bench_transaction("b", now_s + 61, "c1", 100));
    assert_refused(result.error, ERROR_INVALID, "event_time_us");
    assert_int_equal(bench_status(bench).transactions, 1);
}

/* ---- ReportOutcome ---- */

static void outcomes_change_repeat_and_go_back(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, bench_transaction("a", 0, "c1", 100));
    accept(bench, bench_transaction("b", 1, "c1", 100));
    struct status_response untouched = bench_status(bench);

    struct outcome_result result = bench_report(bench, "a", LABEL_FRAUD);
    assert_int_equal(result.error.code, 0);
    assert_true(result.changed);
    assert_int_equal(result.previous, LABEL_NONE);
    assert_int_equal(result.position, untouched.position + 1);
    struct status_response reported = bench_status(bench);
    assert_int_equal(reported.labels[LABEL_FRAUD], 1);
    assert_int_equal(reported.outcomes, 1);
    assert_int_not_equal(reported.state_hash, untouched.state_hash);

    result = bench_report(bench, "a", LABEL_FRAUD);
    assert_false(result.changed);
    assert_int_equal(result.position, 0);
    assert_int_equal(result.previous, LABEL_FRAUD);
    assert_same_state(bench_status(bench), reported);

    result = bench_report(bench, "a", LABEL_LEGIT);
    assert_true(result.changed);
    assert_int_equal(result.previous, LABEL_FRAUD);

    result = bench_report(bench, "a", LABEL_NONE);
    assert_true(result.changed);
    assert_int_equal(result.previous, LABEL_LEGIT);
    struct status_response taken_back = bench_status(bench);
    assert_int_equal(taken_back.labels[LABEL_FRAUD] + taken_back.labels[LABEL_LEGIT], 0);
    assert_int_equal(taken_back.state_hash, untouched.state_hash);
    assert_int_equal(metric_total(bench->metrics, OUTCOMES), 3);
}

static void an_outcome_of_nothing_is_not_found(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    struct status_response before = bench_status(bench);
    assert_refused(bench_report(bench, "a", LABEL_FRAUD).error, ERROR_NOT_FOUND, "transaction_id");
    assert_refused(bench_report(bench, "", LABEL_FRAUD).error, ERROR_INVALID, "transaction_id");
    assert_int_equal(bench_status(bench).position, before.position);
}

static void an_outcome_is_felt_by_the_next_decision(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, bench_transaction("a", 0, "c1", 100));
    bench_report(bench, "a", LABEL_FRAUD);
    const struct transaction next = bench_transaction("b", 1, "c1", 100);
    const struct request request = {
        .call = CALL_SCORE,
        .score = {.transactions = &next, .transaction_count = 1, .return_features = true}};
    struct response response = bench_call(bench, &request);
    const struct decision *decision = &response.score.results[0].decision;
    assert_true(text_is(decision->features[2].name, "card.fraud_1d"));
    assert_int_equal(decision->features[2].value.integer, 1);
}

/* ---- GetEntity ---- */

static struct response get_entity(struct bench *bench, const char *entity, const char *first,
                                  const char *second) {
    const struct text key[] = {text_of(first), text_of(second)};
    const struct request request = {
        .call = CALL_GET_ENTITY,
        .entity = {.entity = text_of(entity), .key = key, .key_count = second ? 2 : 1}};
    return bench_call(bench, &request);
}

static void an_entity_tells_its_features(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, bench_transaction("a", 0, "c1", 150));
    accept(bench, bench_transaction("b", 5, "c1", 250));
    struct response response = get_entity(bench, "card", "c1", NULL);
    assert_int_equal(response.error.code, 0);
    assert_int_equal(response.entity.feature_count, 3);
    assert_true(text_is(response.entity.features[0].name, "card.count_1h"));
    assert_int_equal(response.entity.features[0].value.integer, 2);
    assert_true(response.entity.features[1].value.number == 4.0);
    assert_int_equal(response.entity.entries, 2);
    assert_int_equal(response.entity.newest_time_us, BENCH_START_US + 5 * BENCH_SECOND);
    assert_int_equal(response.entity.at_time_us, response.entity.newest_time_us);
    response = get_entity(bench, "card_merchant", "c1", "m1");
    assert_int_equal(response.entity.features[0].value.integer, 2);
}

static void unknown_entities_are_reported_so(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, bench_transaction("a", 0, "c1", 150));
    struct response response = get_entity(bench, "crad", "c1", NULL);
    assert_refused(response.error, ERROR_INVALID, "entity");
    assert_non_null(strstr(response.error.message.data, "did you mean \"card\"?"));
    assert_refused(get_entity(bench, "card", "c2", NULL).error, ERROR_NOT_FOUND, "key");
    assert_refused(get_entity(bench, "card", "c1", "m1").error, ERROR_INVALID, "key");
    assert_refused(get_entity(bench, "card_merchant", "c1", NULL).error, ERROR_INVALID, "key");
}

/* ---- bytes that are no request ---- */

static void bad_messages_are_answered(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    const struct transaction transaction = bench_transaction("a", 0, "c1", 150);
    const struct request request = {
        .call = CALL_SCORE, .score = {.transactions = &transaction, .transaction_count = 1}};
    struct buffer bytes;
    struct error error;
    buffer_init(&bytes);
    assert_int_equal(message_encode_request(&request, &bytes, &error), 0);
    for (size_t length = 0; length < bytes.length; length++) {
        struct response response = bench_send(bench, bytes.bytes, length);
        bool refused =
            response.error.code == ERROR_INVALID ||
            response.error.code == ERROR_UNSUPPORTED || /* no protocol number yet */
            (response.call == CALL_SCORE && response.score.results[0].error.code == ERROR_INVALID);
        if (!refused)
            fail_msg("cut to %zu of %zu bytes it was not refused", length, bytes.length);
    }
    assert_int_equal(bench_status(bench).transactions, 0);
    buffer_clear(&bytes);
    memset(buffer_reserve(&bytes, 2u << 20), 0xff, 2u << 20);
    assert_refused(bench_send(bench, bytes.bytes, 1000).error, ERROR_INVALID, "");
    assert_refused(bench_send(bench, bytes.bytes, (1u << 20) + 1).error, ERROR_TOO_LARGE, "");
    buffer_deinit(&bytes);
    accept(bench, transaction);
}

/* ---- reload ---- */

static void await_reload(struct bench *bench, int64_t count) {
    for (int i = 0; i < BENCH_WAIT_MS && metric_total(bench->metrics, RELOADS) < count; i++)
        usleep(1000);
    bench_await(bench, SERVICE_READY);
    assert_int_equal(metric_total(bench->metrics, RELOADS), count);
}

static void a_good_policy_is_adopted(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    for (int i = 0; i < 3; i++)
        accept(bench, bench_transaction((const char *[]){"a", "b", "c"}[i], i, "c1", 100));
    struct status_response before = bench_status(bench);
    bench_write_rules(bench, 800);
    service_reload(bench->service, NULL, bench->settings.max_ahead_us);
    await_reload(bench, 1);
    struct status_response after;
    do /* the metric comes before the swap */
        after = bench_status(bench);
    while (after.snapshot_id == before.snapshot_id);
    assert_int_equal(after.position, before.position + 1); /* the snapshot's record */
    assert_same_state(before, after);
    struct decision decision = accept(bench, bench_transaction("d", 3, "c1", 100)).decision;
    assert_int_equal(decision.verdict, VERDICT_DECLINE);
    assert_int_equal(decision.snapshot_id, after.snapshot_id);
    /* Its own decision is what a repeated id gets, also under another policy. */
    assert_int_equal(accept(bench, bench_transaction("c", 2, "c1", 100)).decision.score, 400);
    service_reload(bench->service, NULL, bench->settings.max_ahead_us);
    await_reload(bench, 2);
    assert_int_equal(metric_value(bench->metrics, RELOADS, RELOAD_UNCHANGED), 1);
    assert_int_equal(bench_status(bench).position, after.position + 1); /* only the decision's */
}

static void a_bad_policy_is_not_adopted(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    struct status_response before = bench_status(bench);
    bench_write_policy(bench, "rules/all.yaml",
                       "rules:\n  - {name: many, about: many, when: card.cuont_1h >= 3, "
                       "then: {score: 1}}\n");
    service_reload(bench->service, NULL, bench->settings.max_ahead_us);
    await_reload(bench, 1);
    struct status_response after = bench_status(bench);
    assert_int_equal(after.snapshot_id, before.snapshot_id);
    assert_int_equal(after.position, before.position);
    assert_non_null(strstr(after.reload_error.data, "rules/all.yaml:2:"));
    accept(bench, bench_transaction("a", 0, "c1", 100));
    bench_write_rules(bench, 800);
    service_reload(bench->service, NULL, bench->settings.max_ahead_us);
    await_reload(bench, 2);
    while (bench_status(bench).snapshot_id == before.snapshot_id)
        usleep(1000);
    assert_int_equal(bench_status(bench).reload_error.length, 0);
}

static void a_new_feature_is_absent_until_a_rebuild(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, bench_transaction("a", 0, "c1", 100));
    struct status_response before = bench_status(bench);
    bench_write_policy(bench, "features.yaml",
                       "entities:\n  card: {key: card}\n  card_merchant: {key: [card, merchant]}\n"
                       "features:\n"
                       "  card:\n"
                       "    - {name: count_1h, aggregate: count, window: 1h}\n"
                       "    - {name: count_2h, aggregate: count, window: 2h}\n");
    service_reload(bench->service, NULL, bench->settings.max_ahead_us);
    await_reload(bench, 1);
    while (bench_status(bench).snapshot_id == before.snapshot_id)
        usleep(1000);
    service_measure(bench->service);
    assert_int_equal(metric_value(bench->metrics, WARMING_FEATURES, 0), 1);
    struct response response = get_entity(bench, "card", "c1", NULL);
    assert_int_equal(response.entity.features[0].value.integer, 1);
    assert_int_equal(bench_status(bench).state_hash, before.state_hash);
    /* The plan is the archive's first, at a restart too. */
    bench_close(bench);
    bench_open(bench);
    assert_int_equal(bench_status(bench).state_hash, before.state_hash);
    service_measure(bench->service);
    assert_int_equal(metric_value(bench->metrics, WARMING_FEATURES, 0), 1);
}

static void a_policy_that_does_not_check_is_no_start(void **state) {
    struct bench *bench = *state;
    struct error error;
    bench_write_policy(bench, "rules/all.yaml", "rules: [\n");
    assert_int_equal(bench_try_open(bench, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, "rules/all.yaml:"));
    assert_int_equal(access(bench->settings.archive, F_OK), -1); /* nothing was made */
}

/* ---- what is kept ---- */

static void fill(struct bench *bench, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        char id[16], card[16];
        snprintf(id, sizeof id, "t%u", i);
        snprintf(card, sizeof card, "c%u", i * 7 % 11);
        accept(bench, bench_transaction(id, i, card, 100 + i));
        if (i % 5 == 0)
            bench_report(bench, id, i % 2 ? LABEL_LEGIT : LABEL_FRAUD);
    }
}

static void a_restart_changes_nothing(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    fill(bench, 0, 60);
    struct status_response before = bench_status(bench);
    for (int i = 0; i < 2; i++) {
        bench_close(bench);
        bench_open(bench);
        struct status_response after = bench_status(bench);
        assert_same_state(before, after);
        assert_int_equal(after.position, before.position);
        assert_int_equal(after.synced_position, before.position);
    }
    assert_true(accept(bench, bench_transaction("t3", 3, "c10", 103)).decision.duplicate);
    assert_false(bench_report(bench, "t5", LABEL_LEGIT).changed);
    fill(bench, 60, 70);
}

static void rebuild(struct bench *bench) {
    const struct rebuild_options options = {.archive = bench->settings.archive,
                                            .generations = bench->settings.generations,
                                            .version = "test",
                                            .now_us = BENCH_START_US};
    struct rebuild_report report;
    struct error error;
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    assert_false(report.up_to_date);
}

static void tables_and_archive_give_the_same_state(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    fill(bench, 0, 60);
    struct status_response before = bench_status(bench);
    bench_close(bench);
    rebuild(bench);
    bench_open(bench);
    struct status_response after = bench_status(bench);
    assert_same_state(before, after);
    assert_int_equal(after.overlay_entities, 0);
    assert_int_equal(after.generation_position, before.position);
    assert_int_not_equal(after.generation_id, 0);
    assert_int_equal(after.position, before.position + 3); /* engine, snapshot, generation */
    struct decision decision = accept(bench, bench_transaction("x", 61, "c1", 5)).decision;
    assert_int_equal(decision.generation_id, after.generation_id);
    assert_true(accept(bench, bench_transaction("t3", 3, "c10", 103)).decision.duplicate);
    assert_true(bench_report(bench, "t7", LABEL_FRAUD).changed);
    before = bench_status(bench);
    bench_close(bench);
    bench_open(bench);
    after = bench_status(bench);
    assert_same_state(before, after);
    assert_int_equal(after.position, before.position); /* all of it was recorded already */
}

static void another_archives_tables_are_refused(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    fill(bench, 0, 10);
    bench_close(bench);
    rebuild(bench);
    char kept[192];
    snprintf(kept, sizeof kept, "%s/kept", bench->folder);
    assert_int_equal(rename(bench->settings.archive, kept), 0);
    struct error error;
    assert_int_equal(bench_try_open(bench, &error), -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "another archive"));
    assert_non_null(strstr(error.text, "harrier rebuild"));
}

static void time_never_goes_back_in_the_archive(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, bench_transaction("a", 0, "c1", 100));
    atomic_fetch_sub(&bench->clock.wall_us, 7200 * BENCH_SECOND);
    accept(bench, bench_transaction("b", 1, "c1", 100));
    /* Ahead is counted from the archive's time as well, not from the clock that went back. */
    accept(bench, bench_transaction("c", 3600 + 60, "c1", 100));
    bench_close(bench);
    struct archive_reader *reader;
    struct record record;
    struct error error;
    assert_int_equal(
        archive_reader_open(bench->settings.archive, (struct archive_place){0}, &reader, &error),
        0);
    int64_t last_us = 0;
    while (archive_reader_next(reader, &bench->arena, &record, &error) > 0) {
        assert_true(record.receive_time_us >= last_us);
        last_us = record.receive_time_us;
    }
    assert_int_equal(archive_reader_place(reader).position, 5);
    archive_reader_close(reader);
}

static void a_synced_answer_is_on_disk(void **state) {
    struct bench *bench = *state;
    bench->settings.synced = true;
    bench_open(bench);
    for (int i = 0; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "s%d", i);
        struct decision decision = accept(bench, bench_transaction(id, i, "c1", 100)).decision;
        assert_true(bench_status(bench).synced_position >= decision.position);
        assert_true(accept(bench, bench_transaction(id, i, "c1", 100)).decision.duplicate);
        struct outcome_result result = bench_report(bench, id, LABEL_FRAUD);
        assert_true(bench_status(bench).synced_position >= result.position);
    }
    assert_true(metric_value(bench->metrics, ARCHIVE_SYNC_DURATION, 0) >= 10);
}

/* ---- many at once ---- */

#define CLIENTS      4
#define EACH         150
#define CLIENT_CARDS 3

struct client {
    struct bench bench; /* the same service, memory of its own */
    unsigned number;
    uint64_t positions[EACH];
    pthread_t thread;
};

/* Each scores its own transactions, repeats some, reports some, on cards that all share. */
static void *run_client(void *user) {
    struct client *client = user;
    for (unsigned i = 0; i < EACH; i++) {
        char id[32], card[16];
        snprintf(id, sizeof id, "k%u-%u", client->number, i);
        snprintf(card, sizeof card, "c%u", i % CLIENT_CARDS);
        struct transaction transaction = bench_transaction(id, i, card, 100 + i);
        struct decision decision = bench_score(&client->bench, transaction).decision;
        client->positions[i] = decision.position;
        if (bench_status(&client->bench).synced_position < decision.position)
            client->positions[i] = 0; /* the answer came too early */
        if (i % 10 == 0 && !bench_score(&client->bench, transaction).decision.duplicate)
            client->positions[i] = 0;
        if (i % 10 == 5)
            bench_report(&client->bench, id, LABEL_FRAUD);
    }
    return NULL;
}

static int compare_positions(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void many_at_once(void **state) {
    struct bench *bench = *state;
    bench->settings.synced = true;
    bench_open(bench);
    struct client *clients = calloc(CLIENTS, sizeof *clients);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].number = i;
        clients[i].bench.service = bench->service;
        clients[i].bench.clock.clock = clock_system;
        arena_init(&clients[i].bench.arena, 64u << 20);
        assert_int_equal(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
    }
    for (int i = 0; i < 4; i++) { /* the policy changes all the while */
        bench_write_rules(bench, i % 2 ? 400 : 300);
        service_reload(bench->service, NULL, bench->settings.max_ahead_us);
        await_reload(bench, i + 1);
    }
    uint64_t positions[CLIENTS * EACH];
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        memcpy(positions + (size_t)i * EACH, clients[i].positions, sizeof clients[i].positions);
        arena_deinit(&clients[i].bench.arena);
    }
    free(clients);
    qsort(positions, CLIENTS * EACH, sizeof *positions, compare_positions);
    assert_int_not_equal(positions[0], 0);
    for (size_t i = 1; i < CLIENTS * EACH; i++)
        assert_true(positions[i] > positions[i - 1]); /* one for each */
    struct status_response before = bench_status(bench);
    assert_int_equal(before.transactions, CLIENTS * EACH);
    assert_int_equal(before.labels[LABEL_FRAUD], CLIENTS * EACH / 10);
    assert_int_equal(before.duplicates, CLIENTS * EACH / 10);
    bench_close(bench);
    bench_open(bench);
    assert_same_state(bench_status(bench), before);
}

/* Scores t1 in a thread of its own: its answer waits for the disk. */
static void *score_t1(void *user) {
    struct client *client = user;
    bench_score(&client->bench, bench_transaction("t1", 1, "c1", 100));
    return NULL;
}

static void a_repeated_id_waits_for_its_first_record(void **state) {
    struct bench *bench = *state;
    bench->settings.synced = true;
    bench->settings.sync_interval_us = 300000;
    bench_open(bench);
    accept(bench, bench_transaction("t0", 0, "c1", 100)); /* the next sync is a while from now */
    struct client client = {.bench = {.service = bench->service}};
    client.bench.clock.clock = clock_system;
    arena_init(&client.bench.arena, 1u << 20);
    assert_int_equal(pthread_create(&client.thread, NULL, score_t1, &client), 0);
    while (bench_status(bench).transactions < 2)
        usleep(1000);
    struct decision again = accept(bench, bench_transaction("t1", 1, "c1", 100)).decision;
    assert_true(again.duplicate);
    assert_true(bench_status(bench).synced_position >= again.position);
    pthread_join(client.thread, NULL);
    arena_deinit(&client.bench.arena);
}

static size_t memory_in_use(void) {
    struct mallinfo2 now = mallinfo2();
    return now.uordblks + now.hblkhd;
}

/* (A sanitizer's allocator does not count here; then this says nothing.) */
static void a_large_request_gives_its_memory_back(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, bench_transaction("t0", 0, "c1", 100));
    static struct attribute attributes[TRANSACTION_ATTRIBUTES_MAX];
    static char names[TRANSACTION_ATTRIBUTES_MAX][8];
    for (int i = 0; i < TRANSACTION_ATTRIBUTES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "a%d", i);
        attributes[i] = (struct attribute){
            .name = text_of(names[i]), .type = ATTRIBUTE_TEXT, .text = TEXT_LITERAL("value")};
    }
    static struct transaction batch[TRANSACTION_BATCH_MAX];
    for (int i = 0; i < TRANSACTION_BATCH_MAX; i++) {
        batch[i] = bench_transaction("large", 0, "c1", 100);
        batch[i].attributes = attributes;
        batch[i].attribute_count = TRANSACTION_ATTRIBUTES_MAX;
    }
    size_t before = memory_in_use();
    const struct request request = {
        .call = CALL_SCORE,
        .score = {.transactions = batch, .transaction_count = TRANSACTION_BATCH_MAX}};
    struct response response = bench_call(bench, &request);
    assert_int_equal(response.score.count, TRANSACTION_BATCH_MAX);
    assert_in_range(memory_in_use() - before, 0, 6u << 20);
}

static void *report_t0(void *user) {
    struct client *client = user;
    bench_report(&client->bench, "t0", LABEL_FRAUD);
    return NULL;
}

static void a_repeated_outcome_waits_for_its_first_record(void **state) {
    struct bench *bench = *state;
    bench->settings.synced = true;
    bench->settings.sync_interval_us = 300000;
    bench_open(bench);
    accept(bench, bench_transaction("t0", 0, "c1", 100)); /* the next sync is a while from now */
    struct client client = {.bench = {.service = bench->service}};
    client.bench.clock.clock = clock_system;
    arena_init(&client.bench.arena, 1u << 20);
    assert_int_equal(pthread_create(&client.thread, NULL, report_t0, &client), 0);
    struct status_response status = bench_status(bench);
    while (status.outcomes < 1) {
        usleep(1000);
        status = bench_status(bench);
    }
    struct outcome_result again = bench_report(bench, "t0", LABEL_FRAUD);
    assert_int_equal(again.error.code, 0);
    assert_false(again.changed);
    assert_true(bench_status(bench).synced_position >= status.position);
    pthread_join(client.thread, NULL);
    arena_deinit(&client.bench.arena);
}

/* ---- a disk that refuses ---- */

/* From now on every write to a file fails. */
static void forbid_writing(struct bench *bench) {
    struct status_response status = bench_status(bench);
    while (status.synced_position < status.position) /* the sync mark is a write too */
        status = bench_status(bench);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_failed_write_is_survived(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    fill(bench, 0, 20);
    struct status_response good = bench_status(bench);
    forbid_writing(bench);

    const struct transaction batch[] = {
        bench_transaction("t3", 3, "c10", 103), /* known: its answer stands */
        bench_transaction("new", 30, "c1", 100),
        bench_transaction("new", 30, "c1", 100),
        bench_transaction("", 30, "c1", 100),
    };
    const struct request request = {.call = CALL_SCORE,
                                    .score = {.transactions = batch, .transaction_count = 4}};
    struct response response = bench_call(bench, &request);
    const struct score_result *results = response.score.results;
    assert_int_equal(results[0].error.code, 0);
    assert_true(results[0].decision.duplicate);
    assert_refused(results[1].error, ERROR_UNAVAILABLE, "");
    assert_refused(results[2].error, ERROR_UNAVAILABLE, "");
    assert_refused(results[3].error, ERROR_INVALID, "id");
    bench_await(bench, SERVICE_UNAVAILABLE);
    assert_refused(bench_score(bench, batch[1]).error, ERROR_UNAVAILABLE, "");
    assert_true(text_is(bench_status(bench).state, "unavailable"));

    service_poll_recovery(bench->service); /* in vain */
    usleep(100000);
    bench_await(bench, SERVICE_UNAVAILABLE);
    allow_writing();
    service_poll_recovery(bench->service);
    bench_await(bench, SERVICE_READY);
    struct status_response back = bench_status(bench);
    assert_same_state(good, back);
    while (metric_value(bench->metrics, RECOVERIES, 0) == 0) /* counted once it serves again */
        usleep(1000);
    assert_int_equal(metric_value(bench->metrics, RECOVERIES, 0), 1);
    assert_in_range(metric_value(bench->metrics, ARCHIVE_WRITE_FAILURES, 0), 1, 2);
    assert_false(accept(bench, batch[1]).decision.duplicate); /* nothing of it was kept */

    struct status_response last = bench_status(bench);
    bench_close(bench);
    bench_open(bench);
    assert_same_state(bench_status(bench), last);
}

static void a_failed_outcome_is_withdrawn(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    fill(bench, 0, 4);
    struct status_response good = bench_status(bench);
    forbid_writing(bench);
    struct outcome_result result = bench_report(bench, "t1", LABEL_FRAUD);
    allow_writing();
    assert_refused(result.error, ERROR_UNAVAILABLE, "");
    service_poll_recovery(bench->service);
    bench_await(bench, SERVICE_READY);
    assert_same_state(bench_status(bench), good);
    assert_true(bench_report(bench, "t1", LABEL_FRAUD).changed);
}

static void draining_serves_what_comes_in(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    service_drain(bench->service);
    assert_true(text_is(bench_status(bench).state, "draining"));
    accept(bench, bench_transaction("a", 0, "c1", 100));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_batch_is_decided_in_its_order),
        TEST(a_repeated_id_gets_its_first_decision),
        TEST(other_content_under_a_known_id_is_refused),
        TEST(an_id_twice_in_one_batch),
        TEST(a_dry_run_changes_nothing),
        TEST(values_that_cannot_be_reported_are_counted),
        TEST(after_the_deadline_nothing_happens),
        TEST(the_deadline_may_pass_within_a_batch),
        TEST(one_bad_transaction_does_not_fail_the_others),
        TEST(times_too_far_ahead_are_refused),
        TEST(outcomes_change_repeat_and_go_back),
        TEST(an_outcome_of_nothing_is_not_found),
        TEST(an_outcome_is_felt_by_the_next_decision),
        TEST(an_entity_tells_its_features),
        TEST(unknown_entities_are_reported_so),
        TEST(bad_messages_are_answered),
        TEST(a_good_policy_is_adopted),
        TEST(a_bad_policy_is_not_adopted),
        TEST(a_new_feature_is_absent_until_a_rebuild),
        TEST(a_policy_that_does_not_check_is_no_start),
        TEST(a_restart_changes_nothing),
        TEST(tables_and_archive_give_the_same_state),
        TEST(another_archives_tables_are_refused),
        TEST(time_never_goes_back_in_the_archive),
        TEST(a_synced_answer_is_on_disk),
        TEST(many_at_once),
        TEST(a_repeated_id_waits_for_its_first_record),
        TEST(a_repeated_outcome_waits_for_its_first_record),
        TEST(a_large_request_gives_its_memory_back),
        TEST(a_failed_write_is_survived),
        TEST(a_failed_outcome_is_withdrawn),
        TEST(draining_serves_what_comes_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
