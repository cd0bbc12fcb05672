/* What the server counts of its models' inputs, beside a list of all decisions that is counted
 * anew: hours that end, gaps of more than a day, inputs that fail, and reloads that keep some
 * models. */
#include "core/base/hash.h"
#include "core/model/stability.h"
#include "server/base/drift_counts.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/engine/state_map.h"
#include "tests/unit/unit.h"

#include <math.h>

#define HOUR_US   INT64_C(3600000000)
#define START_US  INT64_C(1767225600000000) /* 2026-01-01 */
#define DECISIONS 60000

#define REFERENCE(until)                                                                           \
    "{\"format\":\"harrier-reference-1\",\"rows\":1000,\"from\":\"\",\"until\":\"" until           \
    "\",\"inputs\":[{\"name\":\"amount\",\"missing\":100,\"edges\":[10,50,90],"                    \
    "\"counts\":[300,200,250,150]}],"                                                              \
    "\"score\":{\"missing\":0,\"edges\":[1.5],\"counts\":[400,600]}}"

#define ONE "{points: {amount: [{below: 50, points: 1}, {points: 2}]}}"

static const uint64_t amount_before[] = {100, 300, 200, 250, 150}, score_before[] = {0, 400, 600};

static struct snapshot *load(const char *models, const char *two) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("models.yaml"), .content = text_of(models)},
        {.path = TEXT_LITERAL("models/one.json"), .content = TEXT_LITERAL(REFERENCE("1"))},
        {.path = TEXT_LITERAL("models/two.json"), .content = text_of(two)},
        {.path = TEXT_LITERAL("policy.yaml"),
         .content = TEXT_LITERAL("policy: {name: drift, base_currency: EUR}\n")},
    };
    struct buffer messages;
    struct error error;
    struct snapshot *snapshot = NULL;
    buffer_init(&messages);
    if (snapshot_load(files, 4, &snapshot, &messages, &error) < 0)
        fail_msg("%.*s", (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

/* The model "two" fails for amounts that can be divided by 7. */
#define MODEL_BARE "  - {name: bare, scorecard: " ONE "}\n"
#define MODEL_ONE  "  - {name: one, scorecard: " ONE ", reference: models/one.json}\n"
#define MODEL_TWO                                                                                  \
    "  - {name: two, scorecard: " ONE ", reference: models/two.json,\n"                            \
    "     inputs: {amount: 'amount + double(0 * (1 / (int(amount) % 7)))'}}\n"

/* ---- the list of decisions ---- */

struct event {
    int64_t hour;
    double amount; /* NAN: missing */
};
static struct event events[DECISIONS]; /* that are sampled */
static size_t event_count;

static uint64_t in_bin(double amount) {
    return isnan(amount) ? 0 : 1 + (amount >= 10) + (amount >= 50) + (amount >= 90);
}

/* since: the first event that the model has counted. */
static void recount(size_t since, bool fails, int64_t hour, uint64_t amounts[5],
                    uint64_t scores[3]) {
    memset(amounts, 0, 5 * sizeof *amounts);
    memset(scores, 0, 3 * sizeof *scores);
    for (size_t i = since; i < event_count; i++) {
        double amount = events[i].amount;
        if (events[i].hour < hour - DRIFT_HOURS || (fails && fmod(floor(amount), 7) == 0))
            continue;
        amounts[in_bin(amount)]++;
        scores[amount < 50 ? 1 : 2]++; /* what is missing takes the last bin's points */
    }
}

/* -1: there is no such series. */
static double value_of(const struct buffer *text, const char *series) {
    const char *at = strstr((const char *)text->bytes, series);
    return at ? strtod(at + strlen(series), NULL) : -1;
}

static void check_model(const struct buffer *text, const char *name, size_t since, bool fails,
                        int64_t hour) {
    char series[128];
    uint64_t amounts[5], scores[3], rows;
    recount(since, fails, hour, amounts, scores);
    rows = scores[1] + scores[2];
    snprintf(series, sizeof series, "harrierd_model_drift_decisions{model=\"%s\"} ", name);
    assert_true(value_of(text, series) == (double)rows);
    double input = stability_index(amount_before, amounts, 5),
           score = stability_index(score_before, scores, 3);
    bool is_written = rows >= DRIFT_DECISIONS_MIN;
    snprintf(series, sizeof series, "harrierd_model_input_drift{model=\"%s\",input=\"amount\"} ",
             name);
    assert_true(fabs(value_of(text, series) - (is_written ? input : -1)) < 1e-5 * (1 + input));
    snprintf(series, sizeof series, "harrierd_model_score_drift{model=\"%s\"} ", name);
    assert_true(fabs(value_of(text, series) - (is_written ? score : -1)) < 1e-5 * (1 + score));
}

/* ---- the engine ---- */

struct bench {
    struct snapshot *rules;
    struct engine *engine;
    struct drift_counts *counts;
    struct state_map map;
    struct arena arena;
};

static void bench_open(struct bench *bench, struct snapshot *rules) {
    *bench = (struct bench){
        .rules = rules, .engine = engine_new(rules, rules), .counts = drift_counts_new(rules)};
    state_map_init(&bench->map, &rules->plan);
    arena_init(&bench->arena, 1 << 20);
}

static void bench_close(struct bench *bench) {
    drift_counts_free(bench->counts);
    engine_free(bench->engine);
    state_map_deinit(&bench->map);
    arena_deinit(&bench->arena);
    snapshot_unref(bench->rules);
}

static void decide(struct bench *bench, uint64_t number, int64_t at_us, uint64_t *seed) {
    char id[32];
    int length = snprintf(id, sizeof id, "t%llu", (unsigned long long)number);
    struct transaction transaction = {.id = {id, (size_t)length}, .event_time_us = at_us};
    bool has_amount = split_mix(seed) % 10 > 0;
    if (has_amount) {
        transaction.amount_minor = (int64_t)(split_mix(seed) % 12000);
        transaction.currency = TEXT_LITERAL("EUR");
    }
    struct decision decision;
    struct text field;
    struct error error;
    arena_reset(&bench->arena);
    if (engine_decide(bench->engine, &transaction, &bench->map.source, false, &bench->arena,
                      &decision, &field, &error) < 0)
        fail_msg("%s", error.text);
    drift_counts_add(bench->counts, bench->engine, transaction.id, at_us);
    if (hash_text(transaction.id) % DRIFT_SAMPLE == 0)
        events[event_count++] =
            (struct event){.hour = at_us / HOUR_US,
                           .amount = has_amount ? (double)transaction.amount_minor / 100 : NAN};
}

static void write_metrics(struct bench *bench, int64_t now_us, struct buffer *out) {
    struct drift_sum *sum = drift_counts_sum(bench->counts, now_us);
    buffer_clear(out);
    drift_sum_write(sum, out);
    buffer_append_u8(out, 0);
    drift_sum_free(sum);
}

/* ---- tests ---- */

static void test_hours(void **state) {
    (void)state;
    uint64_t seed = asked_seed(5), number = 0;
    struct buffer out;
    struct bench bench;
    buffer_init(&out);
    bench_open(&bench, load("models:\n" MODEL_BARE MODEL_ONE MODEL_TWO, REFERENCE("2")));
    event_count = 0;
    int64_t at_us = START_US;
    for (size_t step = 0; step < 60; step++) {
        size_t decisions = split_mix(&seed) % (DECISIONS / 60);
        for (size_t i = 0; i < decisions; i++, at_us += (int64_t)(split_mix(&seed) % 10000000))
            decide(&bench, number++, at_us, &seed);
        write_metrics(&bench, at_us, &out);
        check_model(&out, "one", 0, false, at_us / HOUR_US);
        check_model(&out, "two", 0, true, at_us / HOUR_US);
        assert_null(strstr((const char *)out.bytes, "bare"));
        if (step % 20 == 19) /* a gap of about a day: nothing, some or all is left */
            at_us += (int64_t)(23 + split_mix(&seed) % 4) * HOUR_US;
    }
    assert_true(number > 20000);
    int64_t hours = at_us / HOUR_US - START_US / HOUR_US;
    assert_true(hours > DRIFT_HOURS);
    assert_true(value_of(&out, "harrierd_model_drift_hours{model=\"one\"} ") == DRIFT_HOURS);
    bench_close(&bench);
    buffer_deinit(&out);
}

/* In the next policy, one model has another place and the other another reference. */
static void test_a_reload_keeps_what_is_the_same(void **state) {
    (void)state;
    uint64_t seed = asked_seed(6), number = 0;
    struct buffer out;
    struct bench before, after;
    buffer_init(&out);
    bench_open(&before, load("models:\n" MODEL_ONE MODEL_TWO, REFERENCE("2")));
    bench_open(&after, load("models:\n" MODEL_TWO MODEL_BARE MODEL_ONE, REFERENCE("3")));
    event_count = 0;
    int64_t at_us = START_US;
    for (; number < 8000; at_us += 4000000)
        decide(&before, number++, at_us, &seed);
    drift_counts_continue(after.counts, before.counts);
    size_t since = event_count;
    for (; number < 15000; at_us += 4000000)
        decide(&after, number++, at_us, &seed);
    write_metrics(&after, at_us, &out);
    check_model(&out, "one", 0, false, at_us / HOUR_US);
    check_model(&out, "two", since, true, at_us / HOUR_US);
    assert_true(value_of(&out, "harrierd_model_drift_hours{model=\"one\"} ") == 16);
    assert_true(value_of(&out, "harrierd_model_drift_hours{model=\"two\"} ") == 8);
    bench_close(&before);
    bench_close(&after);
    buffer_deinit(&out);
}

static void test_without_references(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out);
    struct snapshot *rules = load("models:\n" MODEL_BARE, REFERENCE("2"));
    assert_null(drift_counts_new(rules));
    struct drift_sum *sum = drift_counts_sum(NULL, START_US);
    drift_sum_write(sum, &out);
    drift_sum_free(sum);
    buffer_append_u8(&out, 0);
    assert_null(strstr((const char *)out.bytes, "{"));
    snapshot_unref(rules);
    buffer_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hours),
        cmocka_unit_test(test_a_reload_keeps_what_is_the_same),
        cmocka_unit_test(test_without_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
