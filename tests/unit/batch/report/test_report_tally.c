/* Sums of rows, whatever part they were summed in, and what is made of them. */
#include "batch/report/report_tally.h"
#include "tests/unit/batch/damage.h"
#include "tests/unit/unit.h"

#include <math.h>

#define PRICE INT64_C(500)

static struct report_fact fact_of(enum report_class class, int64_t amount, enum verdict replayed,
                                  enum verdict against, int64_t day) {
    return (struct report_fact){
        .class = class,
        .has_outcome = class != REPORT_UNKNOWN && class != REPORT_IMMATURE,
        .has_amount = true,
        .amount_minor = amount,
        .day = day,
        .verdicts = {replayed, against},
        .scores = {100 * (unsigned)replayed, 100 * (unsigned)against},
    };
}

/* Two frauds caught, one of them by a review; one missed; a customer declined, one reviewed, one
 * approved without an outcome; one suspected and one immature, which count for nothing. */
static const struct {
    enum report_class class;
    int64_t amount;
    enum verdict replayed, against;
    int64_t day;
} rows[] = {
    {REPORT_POSITIVE, 10000, VERDICT_DECLINE, VERDICT_APPROVE, 20000},
    {REPORT_POSITIVE, 3000, VERDICT_REVIEW, VERDICT_REVIEW, 20001},
    {REPORT_POSITIVE, 700, VERDICT_APPROVE, VERDICT_CHALLENGE, 20001},
    {REPORT_NEGATIVE, 2000, VERDICT_DECLINE, VERDICT_DECLINE, 20000},
    {REPORT_NEGATIVE, 100, VERDICT_REVIEW, VERDICT_APPROVE, 19999},
    {REPORT_UNKNOWN, 400, VERDICT_APPROVE, VERDICT_APPROVE, 20001},
    {REPORT_SUSPECTED, 90000, VERDICT_DECLINE, VERDICT_DECLINE, 20001},
    {REPORT_IMMATURE, 80000, VERDICT_DECLINE, VERDICT_REVIEW, 20001},
};
#define ROWS (sizeof rows / sizeof *rows)

static void add_row(struct report_tally *tally, size_t i) {
    struct report_fact fact =
        fact_of(rows[i].class, rows[i].amount, rows[i].replayed, rows[i].against, rows[i].day);
    report_tally_add(tally, &fact);
}

static struct report_tally tally_of_all(void) {
    struct report_tally tally;
    report_tally_init(&tally);
    for (size_t i = 0; i < ROWS; i++)
        add_row(&tally, i);
    return tally;
}

static void test_detection(void **state) {
    (void)state;
    struct report_tally tally = tally_of_all();
    struct report_detection of = report_detection(&tally.sides[REPORT_REPLAYED], PRICE);
    assert_int_equal(of.true_positive, 2);
    assert_int_equal(of.false_negative, 1);
    assert_int_equal(of.false_positive, 2);
    assert_int_equal(of.true_negative, 1);
    assert_int_equal((int64_t)of.caught, 13000);
    assert_int_equal((int64_t)of.missed, 700);
    assert_int_equal((int64_t)of.declined_wrongly, 2000);
    assert_int_equal((int64_t)of.review_cost, 1000);
    assert_int_equal((int64_t)of.net, 13000 - 2000 - 1000);
    /* 10000, 2500, 0, −2000, −500, 0: the sum is 10000, that of squares 110 500 000. */
    double expected = REPORT_Z * sqrt(110500000.0 - 10000.0 * 10000.0 / 6);
    assert_true(fabs(of.net_half - expected) < 1e-9 * expected);
    report_tally_deinit(&tally);
}

static void test_other_side(void **state) {
    (void)state;
    struct report_tally tally = tally_of_all();
    struct report_detection of = report_detection(&tally.sides[REPORT_AGAINST], PRICE);
    assert_int_equal(of.true_positive, 2);
    assert_int_equal(of.false_positive, 1);
    assert_int_equal((int64_t)of.caught, 3700);
    assert_int_equal((int64_t)of.missed, 10000);
    assert_int_equal((int64_t)of.net, 3700 - 2000 - 500);
    assert_int_equal(tally.matrix[VERDICT_APPROVE][VERDICT_DECLINE], 1);
    assert_int_equal(tally.matrix[VERDICT_DECLINE][VERDICT_DECLINE], 2);
    report_tally_deinit(&tally);
}

static void test_days(void **state) {
    (void)state;
    struct report_tally tally = tally_of_all();
    assert_int_equal(tally.day_count, 3);
    assert_int_equal(tally.days[0].day, 19999);
    assert_int_equal(tally.days[1].day, 20000);
    assert_int_equal(tally.days[2].day, 20001);
    assert_int_equal(tally.days[2].transactions, 5);
    assert_int_equal(tally.days[2].positive, 2);
    assert_int_equal(tally.days[2].without_outcome, 2);
    assert_int_equal(tally.days[2].sides[REPORT_REPLAYED].caught, 1);
    assert_int_equal(tally.days[2].sides[REPORT_AGAINST].caught, 2);
    assert_int_equal(tally.days[2].sides[REPORT_REPLAYED].verdicts[VERDICT_DECLINE], 2);
    report_tally_deinit(&tally);
}

static void test_classes(void **state) {
    (void)state;
    struct report_tally tally = tally_of_all();
    assert_int_equal(report_rows(&tally), ROWS);
    assert_int_equal(report_class_rows(&tally, REPORT_POSITIVE), 3);
    assert_int_equal(report_class_rows(&tally, REPORT_SUSPECTED), 1);
    assert_int_equal(report_verdict_rows(&tally.sides[REPORT_REPLAYED], VERDICT_DECLINE), 4);
    uint64_t scored = 0;
    for (size_t score = 0; score < REPORT_SCORES; score++)
        scored += tally.sides[REPORT_REPLAYED].scores.positive[score] +
                  tally.sides[REPORT_REPLAYED].scores.negative[score];
    assert_int_equal(scored, 6);
    assert_int_equal(tally.sides[REPORT_REPLAYED].unknown[100], 1);
    report_tally_deinit(&tally);
}

static bool equal(const struct report_tally *a, const struct report_tally *b) {
    return memcmp(a->sides, b->sides, sizeof a->sides) == 0 &&
           memcmp(a->matrix, b->matrix, sizeof a->matrix) == 0 &&
           a->other_scores == b->other_scores && a->without_amount == b->without_amount &&
           a->day_count == b->day_count &&
           memcmp(a->days, b->days, a->day_count * sizeof *a->days) == 0;
}

/* Every way to deal the rows to two workers, each backwards. */
static void test_parts_add_up(void **state) {
    (void)state;
    struct report_tally whole = tally_of_all();
    for (unsigned dealt = 0; dealt < 1u << ROWS; dealt++) {
        struct report_tally parts[2];
        report_tally_init(&parts[0]);
        report_tally_init(&parts[1]);
        for (size_t i = ROWS; i-- > 0;)
            add_row(&parts[dealt >> i & 1], i);
        report_tally_merge(&parts[0], &parts[1]);
        assert_true(equal(&parts[0], &whole));
        report_tally_deinit(&parts[0]);
        report_tally_deinit(&parts[1]);
    }
    report_tally_deinit(&whole);
}

static void test_nothing(void **state) {
    (void)state;
    struct report_tally tally;
    report_tally_init(&tally);
    struct report_detection of = report_detection(&tally.sides[REPORT_REPLAYED], PRICE);
    assert_int_equal(report_rows(&tally), 0);
    assert_int_equal((int64_t)of.net, 0);
    assert_true(of.net_half == 0);
    report_tally_deinit(&tally);
}

/* Every transaction costs the same, so there is nothing to be unsure of. Naively that would be the
 * difference of two numbers of 10^24. */
static void test_no_spread(void **state) {
    (void)state;
    struct report_tally tally;
    report_tally_init(&tally);
    struct report_fact fact =
        fact_of(REPORT_NEGATIVE, INT64_C(9999999999999), VERDICT_DECLINE, VERDICT_APPROVE, 1);
    for (int i = 0; i < 1001; i++)
        report_tally_add(&tally, &fact);
    struct report_detection of = report_detection(&tally.sides[REPORT_REPLAYED], PRICE);
    assert_true(of.net == -(report_sum)9999999999999 * 1001);
    assert_true(of.net_half == 0);
    report_tally_deinit(&tally);
}

/* ---- put away, and taken out again ---- */

/* Rows `first` to `end`, some amounts and counts being large ones. */
static void add_rows(struct report_tally *tally, size_t first, size_t end) {
    for (size_t i = first; i < end; i++) {
        struct report_fact fact =
            fact_of(rows[i % ROWS].class, INT64_C(9999999999999) - (int64_t)i,
                    rows[i % ROWS].replayed, rows[i % ROWS].against, (int64_t)(i * i % 40) - 20);
        fact.has_amount = i % 3 != 0;
        fact.scores[REPORT_REPLAYED] = (uint32_t)(i * 37 % REPORT_SCORES);
        report_tally_add(tally, &fact);
    }
}

static void test_gone_on_with(void **state) {
    (void)state;
    for (size_t cut = 0; cut <= 300; cut += 60) {
        struct report_tally whole, begun, rest;
        struct buffer expected, put_away, found;
        report_tally_init(&whole);
        report_tally_init(&begun);
        report_tally_init(&rest);
        buffer_init(&expected);
        buffer_init(&put_away);
        buffer_init(&found);
        add_rows(&whole, 0, 300);
        add_rows(&begun, 0, cut);
        report_tally_encode(&whole, &expected);
        report_tally_encode(&begun, &put_away);
        struct cursor cursor = cursor_of(put_away.bytes, put_away.length);
        report_tally_decode(&rest, &cursor);
        assert_false(cursor.failed);
        assert_int_equal(cursor_left(&cursor), 0);
        assert_int_equal(report_rows(&rest), cut);
        add_rows(&rest, cut, 300);
        report_tally_encode(&rest, &found);
        assert_int_equal(found.length, expected.length);
        assert_memory_equal(found.bytes, expected.bytes, expected.length);
        assert_memory_equal(rest.sides, whole.sides, sizeof whole.sides);
        report_tally_deinit(&whole);
        report_tally_deinit(&begun);
        report_tally_deinit(&rest);
        buffer_deinit(&expected);
        buffer_deinit(&put_away);
        buffer_deinit(&found);
    }
}

static void decode_tally(void *user, struct cursor *cursor) {
    struct report_tally tally;
    (void)user;
    report_tally_init(&tally);
    report_tally_decode(&tally, cursor);
    if (!cursor->failed)
        add_rows(&tally, 0, 10);
    report_tally_deinit(&tally);
}

static void test_damage(void **state) {
    (void)state;
    struct report_tally tally;
    struct buffer bytes;
    report_tally_init(&tally);
    buffer_init(&bytes);
    add_rows(&tally, 0, 100);
    report_tally_encode(&tally, &bytes);
    damage_all(&bytes, decode_tally, NULL);
    report_tally_deinit(&tally);
    buffer_deinit(&bytes);
}

static void expect_sum(report_sum sum, bool is_taken) {
    struct buffer bytes;
    buffer_init(&bytes);
    report_sum_encode(sum, &bytes);
    struct cursor cursor = cursor_of(bytes.bytes, bytes.length);
    assert_true(report_sum_decode(&cursor) == (is_taken ? sum : 0));
    assert_true(cursor.failed == !is_taken);
    buffer_deinit(&bytes);
}

/* Rows never add up to more. */
static void test_sums_have_bounds(void **state) {
    (void)state;
    static const int shifts[] = {0, 40, 64, 100, 126};
    for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) {
        report_sum sum = (report_sum)1 << shifts[i];
        expect_sum(sum, true);
        expect_sum(-sum, true);
    }
    report_sum beyond = ((report_sum)1 << 126) + 1;
    expect_sum(beyond, false);
    expect_sum(-beyond, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detection),    cmocka_unit_test(test_other_side),
        cmocka_unit_test(test_days),         cmocka_unit_test(test_classes),
        cmocka_unit_test(test_parts_add_up), cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_no_spread),    cmocka_unit_test(test_gone_on_with),
        cmocka_unit_test(test_damage),       cmocka_unit_test(test_sums_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
