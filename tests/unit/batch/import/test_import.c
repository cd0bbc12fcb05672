/* History imported against the same history sent to a server, and against itself in pieces. */
#include "batch/import/import.h"
#include "batch/rebuild/rebuild.h"
#include "core/base/buffer.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

#define ROWS   300
#define NOW_US (BENCH_START_US + 30 * 86400 * BENCH_SECOND)

/* Two folders: [0] is imported into, [1] is what it is compared with. */
static int setup(void **state) {
    struct bench *benches = calloc(2, sizeof *benches);
    bench_init(&benches[0]);
    bench_init(&benches[1]);
    *state = benches;
    return 0;
}

static int teardown(void **state) {
    struct bench *benches = *state;
    bench_deinit(&benches[0]);
    bench_deinit(&benches[1]);
    free(benches);
    return 0;
}

/* ---- history ---- */

static char ids[ROWS][16], cards[11][16];

/* Every 20 minutes one, each fourth of them a fraud. late: known some hours later, not at once. */
static struct import_row history(unsigned i, bool late) {
    snprintf(ids[i], sizeof ids[i], "t%u", i);
    snprintf(cards[i % 11], sizeof cards[0], "c%u", i % 11);
    struct import_row row = {
        .transaction = bench_transaction(ids[i], 1200 * (int64_t)i, cards[i % 11], 100 + i)};
    if (i % 4 == 0)
        row.label = LABEL_FRAUD;
    if (late)
        row.known_us =
            row.transaction.event_time_us + (int64_t)(i * 7919 % 41) * 3600 * BENCH_SECOND;
    return row;
}

static struct snapshot *load_rules(const struct bench *bench) {
    struct snapshot *rules;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load_folder(bench->settings.policy, &rules, &messages, &error) < 0)
        fail_msg("%s", error.text);
    buffer_deinit(&messages);
    return rules;
}

static int try_open(const struct bench *bench, uint64_t memory_bytes, struct import **ret_import,
                    struct error *ret_error) {
    struct snapshot *rules = load_rules(bench);
    const struct import_options options = {.archive = bench->settings.archive,
                                           .generations = bench->settings.generations,
                                           .rules = rules,
                                           .now_us = NOW_US,
                                           .max_ahead_us = 60 * BENCH_SECOND,
                                           .memory_bytes = memory_bytes};
    int r = import_open(&options, NULL, ret_import, ret_error);
    snapshot_unref(rules);
    return r;
}

static struct import *open_import(const struct bench *bench) {
    struct import *import;
    struct error error;
    if (try_open(bench, 0, &import, &error) < 0)
        fail_msg("%s", error.text);
    return import;
}

static int take(struct import *import, struct import_row row) {
    struct text field;
    struct error error;
    int r = import_take(import, &row, &field, &error);
    if (r < 0)
        fail_msg("%s", error.text);
    return r;
}

static struct import_report finish(struct import *import) {
    struct import_report report;
    struct error error;
    if (import_finish(import, &error) < 0)
        fail_msg("%s", error.text);
    import_report(import, &report);
    import_close(import);
    return report;
}

static struct import_report import_all(const struct bench *bench, bool late) {
    struct import *import = open_import(bench);
    for (unsigned i = 0; i < ROWS; i++)
        take(import, history(i, late));
    return finish(import);
}

/* What a server says of all of it after a start. */
static struct status_response served(struct bench *bench) {
    atomic_store(&bench->clock.wall_us, NOW_US);
    bench_open(bench);
    struct status_response status = bench_status(bench);
    bench_close(bench);
    return status;
}

/* ---- reading what came of it ---- */

struct past {
    struct archive_reader *reader;
    struct arena arena;
};

static void past_open(struct past *past, const struct bench *bench) {
    struct error error;
    if (archive_reader_open(bench->settings.archive, (struct archive_place){0}, &past->reader,
                            &error) < 0)
        fail_msg("%s", error.text);
    arena_init(&past->arena, 64u << 20);
}

static void past_close(struct past *past) {
    archive_reader_close(past->reader);
    arena_deinit(&past->arena);
}

static bool past_next(struct past *past, struct record *ret_record) {
    struct error error;
    arena_reset(&past->arena);
    int r = archive_reader_next(past->reader, &past->arena, ret_record, &error);
    if (r < 0)
        fail_msg("%s", error.text);
    return r > 0;
}

/* Equal but for the times, which were the clock's in one of them. */
static void assert_same_past(const struct bench *a, const struct bench *b) {
    struct past past[2];
    struct record record[2];
    struct buffer bytes[2];
    past_open(&past[0], a);
    past_open(&past[1], b);
    buffer_init(&bytes[0]);
    buffer_init(&bytes[1]);
    size_t records = 0;
    while (past_next(&past[0], &record[0])) {
        assert_true(past_next(&past[1], &record[1]));
        for (size_t i = 0; i < 2; i++) {
            record[i].receive_time_us = 0;
            if (record[i].type == RECORD_OUTCOME) {
                record[i].outcome.known_time_us = 0;
                record[i].outcome.source = (struct text){0};
            }
            buffer_clear(&bytes[i]);
            record_encode(&record[i], &bytes[i]);
        }
        assert_int_equal(record[0].type, record[1].type);
        assert_int_equal(record[0].position, record[1].position);
        assert_int_equal(bytes[0].length, bytes[1].length);
        assert_memory_equal(bytes[0].bytes, bytes[1].bytes, bytes[0].length);
        records++;
    }
    assert_false(past_next(&past[1], &record[1]));
    assert_int_equal(records, ROWS + ROWS / 4 + 2); /* engine and snapshot */
    buffer_deinit(&bytes[0]);
    buffer_deinit(&bytes[1]);
    past_close(&past[0]);
    past_close(&past[1]);
}

/* ---- the tests ---- */

static void as_through_a_server(void **state) {
    struct bench *bench = *state, *live = bench + 1;
    struct import_report report = import_all(bench, false);
    assert_int_equal(report.transactions, ROWS);
    assert_int_equal(report.outcomes, ROWS / 4);
    assert_int_equal(report.verdicts[VERDICT_APPROVE] + report.verdicts[VERDICT_REVIEW], ROWS);

    atomic_store(&live->clock.wall_us, NOW_US);
    bench_open(live);
    for (unsigned i = 0; i < ROWS; i++) {
        struct import_row row = history(i, false);
        assert_int_equal(bench_score(live, row.transaction).error.code, 0);
        if (row.label != LABEL_NONE)
            assert_true(bench_report(live, ids[i], row.label).changed);
    }
    struct status_response expected = bench_status(live);
    bench_close(live);
    assert_same_past(bench, live);
    struct status_response imported = served(bench);
    assert_int_equal(imported.state_hash, expected.state_hash);
    assert_int_equal(imported.position, expected.position); /* nothing is adopted anew */
}

/* An outcome stands where history reaches the time at which it became known. */
static void outcomes_when_they_became_known(void **state) {
    struct bench *bench = *state;
    struct import_report report = import_all(bench, true);
    struct past past;
    struct record record;
    int64_t before_us = INT64_MIN;
    size_t outcomes = 0, behind_others = 0;
    uint64_t last_transaction = 0;
    assert_int_equal(report.outcomes, ROWS / 4);
    assert_int_equal(report.waiting, 0);
    past_open(&past, bench);
    while (past_next(&past, &record)) {
        assert_true(record.receive_time_us >= before_us);
        before_us = record.receive_time_us;
        if (record.type == RECORD_TRANSACTION) {
            assert_int_equal(record.receive_time_us, record.transaction.transaction.event_time_us);
            last_transaction = record.position;
        } else if (record.type == RECORD_OUTCOME) {
            assert_int_equal(record.outcome.known_time_us, record.receive_time_us);
            assert_int_equal(record.outcome.previous, LABEL_NONE);
            behind_others += record.outcome.transaction_position < last_transaction;
            outcomes++;
        } else {
            assert_int_equal(record.receive_time_us, BENCH_START_US);
        }
    }
    past_close(&past);
    assert_int_equal(outcomes, ROWS / 4);
    assert_true(behind_others > ROWS / 8);
}

/* Ended anywhere, by anything: the same rows again give the same archive, to the bit. */
static void in_pieces(void **state) {
    struct bench *bench = *state, *whole = bench + 1;
    struct import_report expected = import_all(whole, true);
    unsigned done = 0;
    for (unsigned end = 1; done < ROWS; end += 1 + end / 3) {
        struct import *import = open_import(bench);
        struct error error;
        unsigned known = 0;
        for (done = 0; done < end && done < ROWS; done++)
            known += (unsigned)take(import, history(done, true));
        assert_true(known < done);
        assert_int_equal(import_stop(import, &error), 0);
        import_close(import);
    }
    struct import_report report = import_all(bench, true);
    assert_int_equal(report.transactions, 0);
    assert_int_equal(report.duplicates, ROWS);
    assert_int_equal(report.end.position, expected.end.position);
    assert_int_equal(report.end.chain, expected.end.chain);
}

static void refused(struct import *import, struct import_row row, enum error_code code,
                    const char *field, const char *words) {
    struct import_report before, after;
    struct text at;
    struct error error;
    import_report(import, &before);
    assert_int_equal(import_take(import, &row, &at, &error), -(int)code);
    assert_true(import_concerns_row(&error));
    assert_true(text_is(at, field));
    if (!strstr(error.text, words))
        fail_msg("\"%s\" is not in: %s", words, error.text);
    import_report(import, &after);
    assert_int_equal(after.end.position, before.end.position);
    assert_int_equal(after.waiting, before.waiting);
}

static void wrong_rows(void **state) {
    struct bench *bench = *state;
    struct import *import = open_import(bench);
    struct import_row row = history(8, false);
    assert_int_equal(take(import, row), 0);
    assert_int_equal(take(import, row), 1);
    row.transaction.amount_minor++;
    refused(import, row, ERROR_ID_CONFLICT, "id", "other content");
    row = history(9, false);
    row.label = LABEL_FRAUD;
    row.received_us = row.transaction.event_time_us - 61 * BENCH_SECOND;
    refused(import, row, ERROR_INVALID, "event_time_us", "61 s ahead of the time of receipt");
    row.received_us = NOW_US + 1;
    refused(import, row, ERROR_INVALID, "received_time", "1 s ahead of the clock");
    row.received_us = 0;
    row.known_us = -1;
    refused(import, row, ERROR_INVALID, "outcome_time", "outcome_time");
    row.known_us = 0;
    row.transaction.event_time_us = NOW_US + 61 * BENCH_SECOND;
    refused(import, row, ERROR_INVALID, "event_time_us", "61 s ahead of the clock");
    row.transaction.event_time_us = 0;
    refused(import, row, ERROR_INVALID, "event_time_us", "missing");
    /* What is not known yet is no fault: it waits for another import. */
    row = history(12, false);
    row.known_us = NOW_US + 1;
    assert_int_equal(take(import, row), 0);
    struct import_report report = finish(import);
    assert_int_equal(report.transactions, 2);
    assert_int_equal(report.duplicates, 1);
    assert_int_equal(report.outcomes, 1);
    assert_int_equal(report.unchanged, 1);
    assert_int_equal(report.waiting, 1);
}

static struct import_row amended(struct import_row row, enum amendment_kind kind, int64_t minor) {
    row.amendment = (struct amendment){.kind = kind, .amount_minor = minor};
    return row;
}

/* A row's amendment is judged by what the rows before it have made of the transaction, not by the
 * amount that was scored. */
static void amendments_follow_each_other(void **state) {
    struct bench *bench = *state;
    struct import *import = open_import(bench);
    struct import_row row = history(7, false); /* of 107 */
    refused(import, amended(row, AMENDMENT_REFUND, 130), ERROR_INVALID, "amount_minor",
            "130 refunded of 107");
    assert_int_equal(take(import, amended(row, AMENDMENT_CAPTURE, 150)), 0);
    assert_int_equal(take(import, amended(row, AMENDMENT_REFUND, 130)), 1);
    assert_int_equal(take(import, amended(row, AMENDMENT_REFUND, 130)), 1);
    assert_int_equal(take(import, amended(row, AMENDMENT_REFUND, 151)), 1);
    struct import_report report = finish(import);
    assert_int_equal(report.amendments, 2);
    assert_int_equal(report.unchanged, 1);
    assert_int_equal(report.contradicted, 1);
}

static void rebuild(const struct bench *bench) {
    const struct rebuild_options options = {.archive = bench->settings.archive,
                                            .generations = bench->settings.generations,
                                            .version = HARRIER_VERSION,
                                            .now_us = NOW_US};
    struct rebuild_report report;
    struct error error;
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    rebuild_report_deinit(&report);
}

/* ---- the same amendments again ---- */

#define AMENDED_ROWS 240

/* Several of the same transaction, of all kinds: some at once, some hours later, in any order; many
 * change nothing, or contradict others. */
static size_t make_amended(uint64_t *random, struct import_row *rows) {
    size_t count = 0;
    for (unsigned i = 0; count + 5 < AMENDED_ROWS; i++) {
        unsigned times = (unsigned)(split_mix(random) % 6);
        struct import_row row = history(i, false);
        rows[count++] = row;
        for (unsigned k = 0; k < times && count < AMENDED_ROWS; k++) {
            enum amendment_kind kind =
                (enum amendment_kind)(AMENDMENT_VOID + split_mix(random) % 4);
            bool has_amount = kind == AMENDMENT_CAPTURE || kind == AMENDMENT_REFUND;
            struct import_row next =
                amended(row, kind, has_amount ? 20 * (int64_t)(split_mix(random) % 6) : 0);
            if (split_mix(random) % 3 > 0)
                next.amendment.known_time_us =
                    row.transaction.event_time_us +
                    (int64_t)(split_mix(random) % 20) * 1800 * BENCH_SECOND;
            rows[count++] = next;
        }
    }
    return count;
}

/* To its end, or only so many rows, as if it had been killed then. */
static struct import_report import_rows(const struct bench *bench, const struct import_row *rows,
                                        size_t count, bool ends) {
    struct import *import = open_import(bench);
    struct import_report report;
    struct text field;
    struct error error;
    for (size_t i = 0; i < count; i++)
        if (import_take(import, &rows[i], &field, &error) < 0 && !import_concerns_row(&error))
            fail_msg("%s", error.text);
    if (ends)
        return finish(import);
    assert_int_equal(import_stop(import, &error), 0);
    import_report(import, &report);
    import_close(import);
    return report;
}

/* Killed after any row and begun again, and then once more: one archive, to the bit, and nothing to
 * record in the end. */
static void the_same_amendments_again(void **state) {
    (void)state;
    static struct import_row rows[AMENDED_ROWS];
    uint64_t random = asked_seed(20261126);
    uint64_t rounds = asked_steps(12), amendments = 0, contradicted = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        void *benches;
        setup(&benches);
        struct bench *bench = benches, *whole = bench + 1;
        size_t count = make_amended(&random, rows);
        struct import_report expected = import_rows(whole, rows, count, true);
        for (size_t end = split_mix(&random) % 40; end < count; end += 1 + split_mix(&random) % 80)
            import_rows(bench, rows, end, false);
        import_rows(bench, rows, count, true);
        struct import_report report = import_rows(bench, rows, count, true);
        assert_int_equal(report.amendments, 0);
        assert_int_equal(report.unchanged,
                         expected.outcomes + expected.amendments + expected.unchanged);
        assert_int_equal(report.contradicted, expected.contradicted);
        assert_int_equal(report.end.position, expected.end.position);
        assert_int_equal(report.end.chain, expected.end.chain);
        amendments += expected.amendments;
        contradicted += expected.contradicted;
        teardown(&benches);
    }
    assert_in_range(amendments, 50 * rounds, 200 * rounds);
    assert_true(contradicted > rounds);
}

static struct amended last_amended(const struct bench *bench) {
    struct past past;
    struct record record;
    struct amended now = {0};
    past_open(&past, bench);
    while (past_next(&past, &record))
        if (record.type == RECORD_AMENDMENT)
            now = record.amendment.now;
    past_close(&past);
    return now;
}

/* What came behind them stays, and what a file has more is recorded, with the total that holds in
 * the end. */
static void other_amendments_stay(void **state) {
    struct bench *bench = *state;
    const struct import_row row = history(7, false);
    const struct import_row first[] = {row, amended(row, AMENDMENT_REFUND, 5),
                                       amended(row, AMENDMENT_REFUND, 7)};
    const struct import_row later[] = {history(20, false), amended(row, AMENDMENT_REFUND, 9)};
    const struct import_row inserted[] = {first[0], first[1], amended(row, AMENDMENT_REFUND, 6),
                                          first[2]};
    const struct import_row longer[] = {first[0], first[1], first[2],
                                        amended(row, AMENDMENT_CAPTURE, 50)};
    assert_int_equal(import_rows(bench, first, 3, true).amendments, 2);
    assert_int_equal(import_rows(bench, later, 2, true).amendments, 1);
    rebuild(bench);
    assert_int_equal(import_rows(bench, first, 3, true).amendments, 0);
    assert_int_equal(import_rows(bench, longer, 4, true).amendments, 1);
    assert_int_equal(last_amended(bench).amount_minor, 50);
    assert_int_equal(last_amended(bench).refunded_minor, 9);
    assert_int_equal(import_rows(bench, inserted, 4, true).amendments, 2);
    assert_int_equal(last_amended(bench).refunded_minor, 7);
}

/* Receipt is not what is said of it when that would go back. */
static void receipt_never_goes_back(void **state) {
    struct bench *bench = *state;
    struct import *import = open_import(bench);
    struct import_row row = history(5, false);
    row.received_us = row.transaction.event_time_us + 86400 * BENCH_SECOND;
    take(import, row);
    take(import, history(6, false));
    finish(import);
    struct past past;
    struct record record;
    past_open(&past, bench);
    while (past_next(&past, &record))
        assert_int_equal(record.receive_time_us, row.received_us);
    past_close(&past);
}

/* From the tables on, as a server does: their adoption is recorded, ids in them are known. */
static void from_tables(void **state) {
    struct bench *bench = *state, *whole = bench + 1;
    import_all(whole, false);
    struct import *import = open_import(bench);
    for (unsigned i = 0; i < ROWS / 2; i++)
        take(import, history(i, false));
    finish(import);
    rebuild(bench);
    struct import_report report = import_all(bench, false);
    assert_int_equal(report.duplicates, ROWS / 2);
    assert_int_equal(report.transactions, ROWS / 2);
    struct past past;
    struct record record;
    size_t generations = 0;
    bool decided_on_them = false;
    past_open(&past, bench);
    while (past_next(&past, &record)) {
        generations += record.type == RECORD_GENERATION;
        if (record.type == RECORD_TRANSACTION) {
            decided_on_them = record.transaction.decision.generation_id != 0;
            assert_int_equal(decided_on_them, generations);
        }
    }
    past_close(&past);
    assert_int_equal(generations, 1);
    assert_true(decided_on_them);
    assert_int_equal(served(bench).state_hash, served(whole).state_hash);
}

static void not_beside_a_server(void **state) {
    struct bench *bench = *state;
    struct import *import;
    struct error error;
    bench_open(bench);
    assert_int_equal(try_open(bench, 0, &import, &error), -ERROR_EXISTS);
    bench_close(bench);
    import_close(open_import(bench));
}

static void out_of_memory(void **state) {
    struct bench *bench = *state;
    struct import *import;
    struct text field;
    struct error error;
    int r = try_open(bench, 1, &import, &error);
    assert_int_equal(r, 0);
    static char id[16];
    struct import_row row = history(0, false);
    row.label = LABEL_NONE;
    for (unsigned i = 0; r >= 0 && i < 5000; i++) {
        snprintf(id, sizeof id, "m%u", i);
        row.transaction.id = text_of(id);
        r = import_take(import, &row, &field, &error);
    }
    assert_int_equal(r, -ERROR_INTERRUPTED);
    assert_false(import_concerns_row(&error));
    assert_non_null(strstr(error.text, "harrier rebuild"));
    assert_int_equal(import_stop(import, &error), 0);
    import_close(import);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(as_through_a_server),
        TEST(outcomes_when_they_became_known),
        TEST(in_pieces),
        TEST(wrong_rows),
        TEST(amendments_follow_each_other),
        cmocka_unit_test(the_same_amendments_again),
        TEST(other_amendments_stay),
        TEST(receipt_never_goes_back),
        TEST(from_tables),
        TEST(not_beside_a_server),
        TEST(out_of_memory),
    };
    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
