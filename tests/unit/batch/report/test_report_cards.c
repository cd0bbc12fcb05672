/* Card precision: by hand, and against the definition read aloud. */
#include "batch/report/report_cards.h"
#include "core/base/check.h"
#include "tests/unit/batch/damage.h"
#include "tests/unit/unit.h"

static void add(struct report_cards *cards, int64_t day, uint64_t card, bool positive,
                uint32_t replayed, uint32_t against) {
    const struct report_card_row row = {.day = day,
                                        .has_card = true,
                                        .positive = positive,
                                        .card = card,
                                        .scores = {replayed, against}};
    report_cards_add(cards, &row);
}

static void test_best_score_and_any_fraud(void **state) {
    (void)state;
    struct report_cards *cards = report_cards_new(2, REPORT_NEVER_BLOCKED);
    size_t days;
    /* Card 1 has its fraud at a low score and its rank by another row. */
    add(cards, 5, 1, true, 10, 0);
    add(cards, 5, 2, false, 500, 900);
    add(cards, 5, 1, false, 900, 0);
    add(cards, 5, 3, true, 400, 100);
    const struct report_card_day *of = report_cards_finish(cards, &days);
    assert_int_equal(days, 1);
    assert_int_equal(of[0].day, 5);
    assert_int_equal(of[0].found[REPORT_REPLAYED], 1); /* of 1 and 2 */
    assert_int_equal(of[0].found[REPORT_AGAINST], 1);  /* of 2 and 3 */
    report_cards_free(cards);
}

static void test_ties_go_to_who_came_first(void **state) {
    (void)state;
    size_t days;
    for (int fraud = 0; fraud < 5; fraud++) {
        struct report_cards *cards = report_cards_new(3, REPORT_NEVER_BLOCKED);
        add(cards, 1, 100, false, 700, 0);
        for (uint64_t card = 0; card < 5; card++)
            add(cards, 1, card, (int)card == fraud, 300, 0);
        /* Later rows of the day change nothing about who was first. */
        add(cards, 1, 4, false, 300, 0);
        const struct report_card_day *of = report_cards_finish(cards, &days);
        assert_int_equal(of[0].found[REPORT_REPLAYED], fraud < 2 ? 1 : 0);
        assert_int_equal(of[0].found[REPORT_AGAINST], fraud < 2 ? 1 : 0); /* 100, 0, 1 */
        report_cards_free(cards);
    }
}

static void test_found_cards_are_blocked(void **state) {
    (void)state;
    struct report_cards *cards = report_cards_new(1, REPORT_NEVER_BLOCKED);
    size_t days;
    for (int64_t day = 10; day < 13; day++) {
        add(cards, day, 0, true, 900, 100); /* a hash may be 0 */
        add(cards, day, 8, true, 500, 800);
        add(cards, day, 9, false, 400, 50);
    }
    const struct report_card_day *of = report_cards_finish(cards, &days);
    assert_int_equal(days, 3);
    for (size_t side = 0; side < REPORT_SIDES; side++) {
        assert_int_equal(of[0].found[side], 1);
        assert_int_equal(of[1].found[side], 1);
        assert_int_equal(of[2].found[side], 0); /* both are blocked: 9 is left */
    }
    report_cards_free(cards);
}

static void test_fewer_cards_than_k(void **state) {
    (void)state;
    struct report_cards *cards = report_cards_new(100, REPORT_NEVER_BLOCKED);
    size_t days;
    add(cards, 1, 1, true, 0, 0);
    add(cards, 1, 2, true, 0, 0);
    assert_int_equal(report_cards_finish(cards, &days)[0].found[REPORT_REPLAYED], 2);
    report_cards_free(cards);
}

static void test_late_rows(void **state) {
    (void)state;
    struct report_cards *cards = report_cards_new(1, REPORT_NEVER_BLOCKED);
    size_t days;
    add(cards, 10, 1, false, 5, 5);
    add(cards, 11, 2, false, 5, 5);
    add(cards, 10, 3, true, 9, 9); /* a day behind: that is in time */
    add(cards, 12, 4, false, 5, 5);
    add(cards, 10, 5, true, 10, 10); /* day 10 is closed */
    add(cards, 9, 6, true, 10, 10);  /* so nothing before it opens */
    add(cards, 11, 7, true, 9, 9);
    const struct report_card_day *of = report_cards_finish(cards, &days);
    assert_int_equal(days, 3);
    assert_int_equal(report_cards_late(cards), 2);
    assert_int_equal(of[0].found[REPORT_REPLAYED], 1);
    assert_int_equal(of[1].found[REPORT_REPLAYED], 1);
    assert_int_equal(of[2].found[REPORT_REPLAYED], 0);
    report_cards_free(cards);
}

static void add_history(struct report_cards *cards, int64_t day, uint64_t card, bool positive) {
    const struct report_card_row row = {
        .day = day, .has_card = true, .positive = positive, .is_history = true, .card = card};
    report_cards_add(cards, &row);
}

/* Two days after the day of a fraud: 1 has it in history, 2 on day 10, 3 never. */
static void test_blocked_cards(void **state) {
    (void)state;
    struct report_cards *cards = report_cards_new(2, 2);
    size_t days;
    add_history(cards, 7, 1, true);
    add_history(cards, 8, 3, false);
    for (int64_t day = 9; day < 14; day++) {
        add(cards, day, 1, day == 9, 900, 0);
        add(cards, day, 2, day == 10, 800, 0);
        add(cards, day, 3, false, 700, 0);
    }
    report_cards_add(cards, &(struct report_card_row){.day = 13, .positive = true});
    const struct report_card_day *of = report_cards_finish(cards, &days);
    assert_int_equal(days, 5);
    assert_int_equal(of[0].day, 9);
    assert_int_equal(of[0].found[REPORT_REPLAYED], 1); /* 1, on its last day */
    assert_int_equal(of[1].found[REPORT_REPLAYED], 1);
    assert_int_equal(report_cards_blocked(cards), 4 + 1); /* 1 from day 10 on, 2 on day 13 */
    const struct report_scores *scores = report_cards_scores(cards, REPORT_REPLAYED);
    assert_int_equal(scores->positive[900], 1);
    assert_int_equal(scores->negative[900], 0);
    assert_int_equal(scores->positive[800], 1);
    assert_int_equal(scores->negative[800], 3);
    assert_int_equal(scores->negative[700], 5);
    assert_int_equal(scores->positive[0], 1); /* without a card */
    report_cards_free(cards);
}

static void test_nothing(void **state) {
    (void)state;
    struct report_cards *cards = report_cards_new(100, REPORT_NEVER_BLOCKED);
    size_t days = 1;
    report_cards_finish(cards, &days);
    assert_int_equal(days, 0);
    assert_null(report_cards_scores(cards, REPORT_AGAINST));
    report_cards_free(cards);
}

/* ---- the definition ---- */

#define CARDS 3000
#define DAYS  6
#define ROWS  20000

struct naive_card {
    size_t first;
    bool seen, positive, blocked;
    uint32_t score;
};

/* Picks the best of those left, k times. */
static uint64_t found_of_day(struct naive_card *cards, uint64_t k) {
    uint64_t found = 0;
    static bool taken[CARDS];
    memset(taken, 0, sizeof taken);
    for (uint64_t pick = 0; pick < k; pick++) {
        size_t best = CARDS;
        for (size_t i = 0; i < CARDS; i++) {
            bool is_better =
                cards[i].seen && !cards[i].blocked && !taken[i] &&
                (best == CARDS || cards[i].score > cards[best].score ||
                 (cards[i].score == cards[best].score && cards[i].first < cards[best].first));
            if (is_better)
                best = i;
        }
        if (best == CARDS)
            break;
        taken[best] = true;
        found += cards[best].positive;
    }
    for (size_t i = 0; i < CARDS; i++)
        cards[i].blocked = cards[i].blocked || (taken[i] && cards[i].positive);
    return found;
}

static unsigned roll(uint64_t *dice, unsigned sides) {
    *dice = *dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((*dice >> 33) % sides);
}

static void test_against_the_definition(void **state) {
    (void)state;
    struct report_cards *cards = report_cards_new(40, REPORT_NEVER_BLOCKED);
    static struct naive_card naive[CARDS];
    uint64_t dice = 3, expected[DAYS];
    memset(naive, 0, sizeof naive);
    for (size_t day = 0; day < DAYS; day++) {
        for (size_t i = 0; i < CARDS; i++)
            naive[i] = (struct naive_card){.blocked = naive[i].blocked};
        for (size_t row = 0; row < ROWS / DAYS; row++) {
            unsigned card = roll(&dice, CARDS), score = roll(&dice, 21) * 50;
            bool positive = roll(&dice, 30) == 0;
            add(cards, (int64_t)day, card * UINT64_C(0x9e3779b97f4a7c15), positive, score, 0);
            struct naive_card *of = &naive[card];
            if (!of->seen)
                *of = (struct naive_card){.first = row, .seen = true, .blocked = of->blocked};
            of->positive |= positive;
            of->score = score > of->score ? score : of->score;
        }
        expected[day] = found_of_day(naive, 40);
    }
    size_t days;
    const struct report_card_day *of = report_cards_finish(cards, &days);
    assert_int_equal(days, DAYS);
    for (size_t day = 0; day < DAYS; day++) {
        assert_int_equal(of[day].found[REPORT_REPLAYED], expected[day]);
        assert_true(expected[day] > 0);
    }
    report_cards_free(cards);
}

/* ---- put away, and taken out again ---- */

/* Rows of a dozen days, a few of them late, frauds among them. */
static void add_rows(struct report_cards *cards, unsigned first, unsigned end) {
    for (unsigned i = first; i < end; i++) {
        uint64_t dice = i;
        unsigned day = i / 50 + roll(&dice, 3), card = roll(&dice, 60);
        add(cards, day, card * UINT64_C(0x9e3779b97f4a7c15), roll(&dice, 9) == 0,
            roll(&dice, REPORT_SCORES), roll(&dice, REPORT_SCORES));
    }
}

static void expect_same(struct report_cards *expected, struct report_cards *found) {
    size_t days, other_days;
    const struct report_card_day *of = report_cards_finish(expected, &days);
    const struct report_card_day *other = report_cards_finish(found, &other_days);
    assert_int_equal(days, other_days);
    for (size_t i = 0; i < days; i++) {
        assert_int_equal(of[i].day, other[i].day);
        for (size_t side = 0; side < REPORT_SIDES; side++)
            assert_int_equal(of[i].found[side], other[i].found[side]);
    }
    assert_int_equal(report_cards_late(expected), report_cards_late(found));
    assert_int_equal(report_cards_blocked(expected), report_cards_blocked(found));
    const struct report_scores *scores = report_cards_scores(expected, REPORT_AGAINST);
    if (scores)
        assert_memory_equal(scores, report_cards_scores(found, REPORT_AGAINST), sizeof *scores);
}

static void test_gone_on_with(void **state) {
    (void)state;
    static const int64_t blocked[] = {REPORT_NEVER_BLOCKED, 2};
    for (unsigned cut = 0; cut <= 600; cut += 40)
        for (size_t b = 0; b < 2; b++) {
            struct report_cards *whole = report_cards_new(5, blocked[b]);
            struct report_cards *begun = report_cards_new(5, blocked[b]);
            struct report_cards *rest = report_cards_new(5, blocked[b]);
            struct buffer bytes;
            buffer_init(&bytes);
            add_rows(whole, 0, 600);
            add_rows(begun, 0, cut);
            report_cards_encode(begun, &bytes);
            struct cursor cursor = cursor_of(bytes.bytes, bytes.length);
            report_cards_decode(rest, &cursor);
            assert_false(cursor.failed);
            assert_int_equal(cursor_left(&cursor), 0);
            add_rows(rest, cut, 600);
            expect_same(whole, rest);
            report_cards_free(whole);
            report_cards_free(begun);
            report_cards_free(rest);
            buffer_deinit(&bytes);
        }
}

static void decode_cards(void *user, struct cursor *cursor) {
    struct report_cards *cards = report_cards_new(5, *(const int64_t *)user);
    size_t days;
    report_cards_decode(cards, cursor);
    if (!cursor->failed) {
        add_rows(cards, 400, 500);
        report_cards_finish(cards, &days);
    }
    report_cards_free(cards);
}

static void test_damage(void **state) {
    (void)state;
    static const int64_t blocked[] = {REPORT_NEVER_BLOCKED, 2};
    for (size_t b = 0; b < 2; b++) {
        struct report_cards *cards = report_cards_new(5, blocked[b]);
        struct buffer bytes;
        buffer_init(&bytes);
        add_rows(cards, 0, 400);
        report_cards_encode(cards, &bytes);
        int64_t days = blocked[b];
        damage_all(&bytes, decode_cards, &days);
        report_cards_free(cards);
        buffer_deinit(&bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_score_and_any_fraud),
        cmocka_unit_test(test_ties_go_to_who_came_first),
        cmocka_unit_test(test_found_cards_are_blocked),
        cmocka_unit_test(test_fewer_cards_than_k),
        cmocka_unit_test(test_late_rows),
        cmocka_unit_test(test_blocked_cards),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_against_the_definition),
        cmocka_unit_test(test_gone_on_with),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
