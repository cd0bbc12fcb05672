/* Figures of archives made up by chance, against sums that the test keeps as it writes: outcomes
 * that change, early and late records, rules that fire together, and too little memory. */
#include "batch/night/night_figures.h"
#include "core/base/check.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/store/archive_bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORDS    20000
#define DAYS       12
#define SPACING_US (DAYS * DAY_US / RECORDS)
#define RULES      5
#define NOW_US     (START_US + (DAYS + 2) * DAY_US)
#define REPORTED   (START_US / DAY_US + DAYS - 1)
#define FIRST_DAY  (REPORTED - NIGHT_DAYS + 1)

struct known {
    bool is_transaction, is_failing;
    bool is_backfilled; /* counted by the day of its receipt, and nowhere else */
    int64_t event_us;
    int64_t amount_minor;
    enum verdict verdict;
    enum label label;
    bool is_amended;
    struct amended now;
    unsigned rules; /* bit set */
};

struct scene {
    char *folder;
    struct archive *archive;
    struct known *known; /* by position */
    struct night_day *days;
    uint64_t seed;
};

static uint64_t below(struct scene *scene, uint64_t bound) {
    return split_mix(&scene->seed) % bound;
}

static struct night_day *day_of(struct scene *scene, int64_t us) {
    int64_t index = us / DAY_US - FIRST_DAY;
    return index >= 0 && index < NIGHT_DAYS ? &scene->days[index] : NULL;
}

static int64_t receipt_of(uint64_t position) {
    return START_US + (int64_t)position * SPACING_US;
}

static const struct text rule_names[RULES] = {
    TEXT_LITERAL("a"), TEXT_LITERAL("b"), TEXT_LITERAL("c"), TEXT_LITERAL("d"), TEXT_LITERAL("e")};

/* Some come days late, some with a time in the future. */
static void append_transaction(struct scene *scene, uint64_t position) {
    struct known *known = &scene->known[position];
    char id[32];
    struct reason reasons[RULES];
    size_t reason_count = 0;
    snprintf(id, sizeof id, "t%" PRIu64, position);
    int64_t early_us = below(scene, 50) == 0 ? (int64_t)below(scene, DAY_US) : 0;
    int64_t late_us = below(scene, 20) == 0 ? (int64_t)below(scene, 3 * DAY_US) : 0;
    *known = (struct known){.is_transaction = true,
                            .is_failing = below(scene, 100) == 0,
                            .is_backfilled = below(scene, 15) == 0,
                            .event_us = receipt_of(position) + early_us - late_us,
                            .amount_minor = (int64_t)below(scene, 100000),
                            .verdict = (enum verdict)(1 + below(scene, VERDICT_COUNT - 1)),
                            .rules = (unsigned)below(scene, 1u << RULES)};
    for (size_t i = 0; i < RULES; i++)
        if (known->rules >> i & 1)
            reasons[reason_count++] =
                (struct reason){.rule = rule_names[i], .shadow = i == 3, .suppressed = i == 4};
    struct record record = {.type = RECORD_TRANSACTION,
                            .receive_time_us = receipt_of(position),
                            .transaction = {.transaction = {.id = text_of(id),
                                                            .event_time_us = known->event_us,
                                                            .amount_minor = known->amount_minor,
                                                            .currency = TEXT_LITERAL("EUR")},
                                            .decision = {.verdict = known->verdict,
                                                         .score = (uint32_t)below(scene, 1001),
                                                         .reasons = reasons,
                                                         .reason_count = reason_count,
                                                         .rule_errors = known->is_failing,
                                                         .failed_rules = rule_names,
                                                         .failed_rule_count = known->is_failing}}};
    record.transaction.is_backfilled = known->is_backfilled;
    archive_append(scene->archive, &record);
    struct night_day *received = day_of(scene, record.receive_time_us);
    if (received)
        received->backfilled += known->is_backfilled;
    if (known->is_backfilled)
        return;
    if (received && known->event_us > record.receive_time_us + NIGHT_EARLY_US)
        received->early++;
    struct night_day *day = day_of(scene, known->event_us);
    if (!day)
        return;
    day->transactions++;
    day->verdicts[known->verdict]++;
    day->amounts[known->verdict] += known->amount_minor;
    day->hours[known->event_us % DAY_US / (DAY_US / 24)]++;
}

/* Known some time between the transaction and now; labels may come back to what they were. */
static void append_outcome(struct scene *scene, uint64_t position) {
    uint64_t of = 1 + below(scene, position - 1);
    struct known *known = &scene->known[of];
    while (!known->is_transaction)
        known = &scene->known[of = 1 + below(scene, position - 1)];
    enum label label = (enum label)below(scene, LABEL_COUNT), previous = known->label;
    int64_t receive_us = receipt_of(position);
    int64_t known_us = receive_us - (int64_t)below(scene, DAY_US);
    struct record record = {.type = RECORD_OUTCOME,
                            .receive_time_us = receive_us,
                            .outcome = {.known_time_us = known_us,
                                        .previous = previous,
                                        .label = label,
                                        .transaction_position = of,
                                        .transaction = {.id = TEXT_LITERAL("t"),
                                                        .event_time_us = known->event_us,
                                                        .amount_minor = known->amount_minor,
                                                        .currency = TEXT_LITERAL("EUR")},
                                        .verdict = known->verdict}};
    record.outcome.is_backfilled = known->is_backfilled;
    archive_append(scene->archive, &record);
    known->label = label;
    if (known->is_backfilled)
        return;
    known_us = known_us < known->event_us ? known->event_us : known_us;
    if (day_of(scene, known_us))
        day_of(scene, known_us)->outcomes[label]++;
    bool is_fraud = label == LABEL_FRAUD || label == LABEL_CHARGEBACK;
    bool was_fraud = previous == LABEL_FRAUD || previous == LABEL_CHARGEBACK;
    int64_t age = known_us / DAY_US - known->event_us / DAY_US;
    if (day_of(scene, known->event_us) && is_fraud && !was_fraud && age < NIGHT_DAYS)
        day_of(scene, known->event_us)->frauds_by_age[age]++;
}

/* A void, a refund, a capture or a restore of what the transaction is by now. */
static void append_amendment(struct scene *scene, uint64_t position) {
    uint64_t of = 1 + below(scene, position - 1);
    while (!scene->known[of].is_transaction)
        of = 1 + below(scene, position - 1);
    struct known *known = &scene->known[of];
    if (!known->is_amended)
        known->now = (struct amended){.amount_minor = known->amount_minor};
    known->is_amended = true;
    struct amended before = known->now, *now = &known->now;
    int64_t money;
    enum amendment_kind kind;
    if (below(scene, 3) == 0 || now->is_voided) {
        kind = now->is_voided ? AMENDMENT_RESTORE : AMENDMENT_VOID;
        money = now->amount_minor - now->refunded_minor;
        now->is_voided = !now->is_voided;
    } else if (below(scene, 2) == 0) {
        kind = AMENDMENT_CAPTURE;
        now->amount_minor = before.refunded_minor + 1 + (int64_t)below(scene, 50000);
        now->amount_minor += now->amount_minor == before.amount_minor;
        money = now->amount_minor - before.amount_minor;
    } else {
        kind = AMENDMENT_REFUND;
        now->refunded_minor = before.refunded_minor ? 0 : now->amount_minor;
        now->refunded_minor += now->refunded_minor == before.refunded_minor;
        money = now->refunded_minor - before.refunded_minor;
    }
    int64_t known_us = receipt_of(position) - (int64_t)below(scene, DAY_US);
    struct record record = {.type = RECORD_AMENDMENT,
                            .receive_time_us = receipt_of(position),
                            .amendment = {.known_time_us = known_us,
                                          .previous = before,
                                          .now = *now,
                                          .transaction_position = of,
                                          .transaction = {.id = TEXT_LITERAL("t"),
                                                          .event_time_us = known->event_us,
                                                          .amount_minor = known->amount_minor,
                                                          .currency = TEXT_LITERAL("EUR")},
                                          .verdict = known->verdict}};
    archive_append(scene->archive, &record);
    struct night_day *day = day_of(scene, known_us < known->event_us ? known->event_us : known_us);
    if (day) {
        day->amendments.counts[kind]++;
        day->amendments.amounts[kind] += money;
    }
}

/* What is left to count when all labels are known. */
static void count_labels(struct scene *scene) {
    for (uint64_t position = 1; position <= RECORDS; position++) {
        const struct known *known = &scene->known[position];
        struct night_day *day = known->is_transaction ? day_of(scene, known->event_us) : NULL;
        bool alerted = known->verdict != VERDICT_APPROVE;
        if (!day || known->is_backfilled)
            continue;
        day->labels[known->label][alerted]++;
        if (known->label != LABEL_NONE)
            day->label_amounts[known->label][alerted] += known->amount_minor;
    }
}

static struct scene *scene_new(void) {
    struct scene *scene = check_calloc(1, sizeof *scene);
    struct archive_recovery recovery;
    scene->folder = scratch_make();
    scene->archive = bench_open(scene->folder, 100000, &recovery);
    scene->known = check_calloc(RECORDS + 1, sizeof *scene->known);
    scene->days = check_calloc(NIGHT_DAYS, sizeof *scene->days);
    scene->seed = asked_seed(31);
    for (uint64_t position = 1; position <= RECORDS; position++) {
        if (position < 10 || below(scene, 3) > 0)
            append_transaction(scene, position);
        else if (below(scene, 4) > 0)
            append_outcome(scene, position);
        else
            append_amendment(scene, position);
        if (position % 100 == 0)
            bench_write(scene->archive);
    }
    bench_write(scene->archive);
    bench_sync(scene->archive);
    count_labels(scene);
    return scene;
}

static void scene_free(struct scene *scene) {
    archive_close(scene->archive);
    scratch_remove(scene->folder);
    free(scene->known);
    free(scene->days);
    free(scene);
}

static struct night_figures make(struct scene *scene, uint64_t memory_bytes) {
    struct schema schema = {.base_currency = "EUR", .base_digits = 2};
    const struct night_figures_options options = {.archive = scene->folder,
                                                  .until = archive_end(scene->archive),
                                                  .day = REPORTED,
                                                  .now_us = NOW_US,
                                                  .memory_bytes = memory_bytes,
                                                  .schema = &schema};
    struct night_figures figures;
    struct error error;
    if (night_figures_make(&options, NULL, &figures, &error) < 0)
        fail_msg("%s", error.text);
    return figures;
}

static void assert_same_day(const struct night_day *got, const struct night_day *expected) {
    assert_int_equal(got->transactions, expected->transactions);
    assert_memory_equal(got->verdicts, expected->verdicts, sizeof got->verdicts);
    assert_memory_equal(got->amounts, expected->amounts, sizeof got->amounts);
    assert_memory_equal(got->hours, expected->hours, sizeof got->hours);
    assert_memory_equal(got->labels, expected->labels, sizeof got->labels);
    assert_memory_equal(got->label_amounts, expected->label_amounts, sizeof got->label_amounts);
    assert_memory_equal(got->frauds_by_age, expected->frauds_by_age, sizeof got->frauds_by_age);
    assert_memory_equal(got->outcomes, expected->outcomes, sizeof got->outcomes);
    assert_memory_equal(got->amendments.counts, expected->amendments.counts,
                        sizeof got->amendments.counts);
    assert_memory_equal(got->amendments.amounts, expected->amendments.amounts,
                        sizeof got->amendments.amounts);
    assert_int_equal(got->amendments.without_amount, 0);
    assert_int_equal(got->early, expected->early);
    assert_int_equal(got->backfilled, expected->backfilled);
    assert_int_equal(got->without_amount, 0);
}

static void test_days(void **state) {
    (void)state;
    struct scene *scene = scene_new();
    struct night_figures figures = make(scene, UINT64_C(1) << 30);
    assert_int_equal(figures.first_day, FIRST_DAY);
    assert_int_equal(figures.records, RECORDS);
    assert_int_equal(figures.position, RECORDS);
    assert_int_equal(figures.newest_receive_us, receipt_of(RECORDS));
    assert_int_equal(figures.future, 0);
    uint64_t transactions = 0;
    for (size_t i = 0; i < NIGHT_DAYS; i++) {
        assert_same_day(&figures.days[i], &scene->days[i]);
        transactions += figures.days[i].transactions;
    }
    assert_true(transactions > RECORDS / 2);
    night_figures_deinit(&figures);
    scene_free(scene);
}

static const struct night_rule *find_rule(const struct night_figures *figures, struct text name) {
    for (size_t i = 0; i < figures->rule_count; i++)
        if (text_equal(figures->rules[i].name, name))
            return &figures->rules[i];
    fail_msg("no rule %.*s", TEXT_ARGS(name));
    return NULL;
}

/* Of transactions from this position on. */
static void assert_rules(struct scene *scene, const struct night_figures *figures, uint64_t from) {
    for (size_t i = 0; i < RULES; i++) {
        if (i == 4) { /* always suppressed */
            assert_int_equal(figures->rule_count, RULES - 1);
            continue;
        }
        struct night_rule expected = {0};
        uint64_t failures = 0;
        for (uint64_t position = 1; position <= RECORDS; position++) {
            const struct known *known = &scene->known[position];
            if (!known->is_transaction || known->is_backfilled || !day_of(scene, known->event_us))
                continue;
            size_t day = (size_t)(known->event_us / DAY_US - FIRST_DAY);
            failures += i == 0 && known->is_failing;
            if (!(known->rules >> i & 1))
                continue;
            expected.fires[day]++;
            expected.tracked += position >= from;
            expected.labels[known->label] += position >= from;
        }
        const struct night_rule *got = find_rule(figures, rule_names[i]);
        assert_memory_equal(got->fires, expected.fires, sizeof got->fires);
        assert_memory_equal(got->labels, expected.labels, sizeof got->labels);
        assert_int_equal(got->tracked, expected.tracked);
        assert_int_equal(got->is_shadow, i == 3);
        for (size_t day = 0; day < NIGHT_DAYS; day++)
            failures -= got->failures[day];
        assert_int_equal(failures, 0);
    }
}

static void test_rules(void **state) {
    (void)state;
    struct scene *scene = scene_new();
    struct night_figures figures = make(scene, UINT64_C(1) << 30);
    assert_int_equal(figures.untracked, 0);
    assert_rules(scene, &figures, 1);
    night_figures_deinit(&figures);
    scene_free(scene);
}

/* Room for a tenth of the records: the newest ones count, and all else is as before. */
static void test_little_memory(void **state) {
    (void)state;
    struct scene *scene = scene_new();
    struct night_figures figures = make(scene, RECORDS / 10 * 4);
    assert_true(figures.untracked > RECORDS / 2);
    assert_rules(scene, &figures, RECORDS - RECORDS / 10 + 1);
    for (size_t i = 0; i < NIGHT_DAYS; i++)
        assert_same_day(&figures.days[i], &scene->days[i]);
    night_figures_deinit(&figures);
    scene_free(scene);
}

/* Records behind the night's position are not read. */
static void test_until(void **state) {
    (void)state;
    struct scene *scene = scene_new();
    struct night_figures figures;
    struct error error;
    const struct night_figures_options options = {.archive = scene->folder,
                                                  .until = {.position = 7777},
                                                  .day = REPORTED,
                                                  .now_us = NOW_US,
                                                  .memory_bytes = 1 << 20};
    assert_int_equal(night_figures_make(&options, NULL, &figures, &error), 0);
    assert_int_equal(figures.records, 7777);
    assert_string_equal(figures.currency, "");
    night_figures_deinit(&figures);
    const struct night_figures_options nowhere = {.archive = "/nowhere", .day = REPORTED};
    assert_int_equal(night_figures_make(&nowhere, NULL, &figures, &error), -ERROR_NOT_FOUND);
    scene_free(scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_little_memory),
        cmocka_unit_test(test_until),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
