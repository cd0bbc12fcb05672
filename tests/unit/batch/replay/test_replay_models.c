/* Replays evaluate models for many rows at once. Random policies with models decide an archive, row
 * by row in one thread (engine_judge()) and in chunks of many sizes: every byte must be the same.
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "batch/replay/replay.h"

#include "core/base/check.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/batch/replay_archive.h"
#include "tests/unit/store/scratch.h"

#include "tests/unit/unit.h"

#include "tests/unit/model/golden.h"

#include <inttypes.h>
#include <sys/stat.h>

/* ---- random policies ---- */

static uint64_t seed;

static unsigned roll(unsigned sides) {
    return (unsigned)(split_mix(&seed) % sides);
}

static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "  merchant: {key: merchant}\n"
    "  mailbox: {key: mailbox}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: sum_1d, aggregate: sum, of: amount, window: 1d}\n"
    "    - {name: last_country, aggregate: last, of: country, window: 30d}\n"
    "    - {name: declined_1d, aggregate: count, where: \"verdict == 'decline'\", window: 1d}\n"
    "  merchant:\n"
    "    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}\n"
    "    - {name: mean_7d, aggregate: mean, of: amount, window: 7d, exclude_current: true}\n"
    "  mailbox:\n"
    "    - {name: cards_1d, aggregate: distinct, of: card, window: 1d, default: 0}\n"
    "values:\n"
    "  - {name: usual, value: \"has(merchant.mean_7d) ? amount / merchant.mean_7d : 1.0\"}\n"
    "  - {name: from, value: \"has(country) ? country + '-' + card : card\"}\n";

/* Numbers, some of which are absent or fail. */
static const char *const numbers[] = {
    "amount",
    "card.count_1h",
    "card.sum_1d",
    "card.declined_1d",
    "merchant.cards_1d",
    "merchant.mean_7d",
    "mailbox.cards_1d",
    "usual",
    "event_time.getHours()",
    "\"card in lists.bad_cards ? 1.0 : 0.0\"",
    "\"card.last_country == country ? 1 : 0\"",
    "\"size(from)\"",
    "\"mailbox.startsWith('ann') ? 2.5 : 0.5\"",
    "\"12 / (card.count_1h - 2)\"", /* fails */
};

#define NUMBERS (sizeof numbers / sizeof *numbers)

static void put_scorecard(struct buffer *out) {
    unsigned inputs = 2 + roll(3);
    buffer_printf(out, "    output: %s\n    scorecard:\n      base: %u\n      points:\n",
                  roll(2) ? "margin" : "score", 300 + roll(300));
    for (unsigned i = 0; i < inputs; i++) {
        unsigned bins = 60 + roll(60);
        buffer_printf(out, "        i%u: [", i);
        if (roll(2))
            buffer_printf(out, "{missing: true, points: %u}, ", roll(90));
        for (unsigned k = 0; k < bins; k++)
            buffer_printf(out, "{below: %u.25, points: %d.5}, ", 1 + k + k * k / 20,
                          (int)roll(100) - 50);
        buffer_printf(out, "{points: %u}]\n", roll(100));
    }
    buffer_printf(out, "    inputs: {");
    for (unsigned i = 0; i < inputs; i++)
        buffer_printf(out, "%si%u: %s", i ? ", " : "", i, numbers[roll(NUMBERS)]);
    buffer_printf(out, "}\n    reasons: {direction: down}\n");
}

/* Files of tests/golden/models: trees in floats, in doubles, of classes, and with categories. */
static const struct {
    const char *name, *file, *extension, *more;
} trees[] = {
    {"boosted", "xgboost", "json", "calibration: {platt: {a: 0.9, b: -0.5}}, reasons: {top: 2}"},
    {"grown", "lightgbm", "txt", "output: score"},
    {"kinds", "xgboost_classes", "ubj", "classes: [zero, one, two]"},
    {"sets", "lightgbm_categories", "txt", "output: margin"},
};

#define TREES (sizeof trees / sizeof *trees)

static void put_models(struct buffer *out, unsigned scorecards) {
    buffer_printf(out, "models:\n");
    for (unsigned i = 0; i < scorecards; i++) {
        buffer_printf(out, "  - name: card%u\n", i);
        put_scorecard(out);
    }
    for (size_t i = 0; i < TREES; i++)
        buffer_printf(
            out,
            "  - {name: %s, file: models/%s.%s, inputs: {amount: amount, count: %s, "
            "ratio: usual, hour: event_time.getHours(), channel: %s, country: '3'}, %s}\n",
            trees[i].name, trees[i].file, trees[i].extension, numbers[roll(NUMBERS)],
            numbers[i + 1 == TREES ? NUMBERS - 1 : roll(NUMBERS)], trees[i].more);
}

/* Rules that read models, what models read, and neither. */
static void put_rules(struct buffer *out, unsigned scorecards) {
    buffer_printf(out, "rules:\n");
    for (unsigned i = 0; i < scorecards; i++)
        buffer_printf(out,
                      "  - {name: below%u, when: \"models.card%u < %u.0\", then: {score: %u}, "
                      "reason: \"{models.card%u} points, from {from}\"}\n",
                      i, i, 300 + roll(400), 100 + roll(300), i);
    buffer_printf(
        out,
        "  - {name: boosted, when: models.boosted > 0.%u, then: {verdict: review}, "
        "reason: \"{models.boosted} in {card.last_country}\"}\n"
        "  - {name: grown, when: models.grown > %u, then: {score: %u}, "
        "suppress: {by: card, for: 10m}}\n"
        "  - {name: kinds, when: models.kinds.two > models.kinds.one, then: {score: 50}}\n"
        "  - {name: sets, when: models.sets > -1.0, then: {score: 20}, mode: shadow}\n"
        "  - {name: hasty, when: card.count_1h >= %u, then: {verdict: decline}}\n",
        1 + roll(9), roll(600), roll(200), 3 + roll(4));
}

static void write_file(const char *folder, const char *name, const struct buffer *content) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    scratch_write(path, content->bytes, content->length);
}

/* requires: transactions without a country are refused. */
static void write_policy(const char *folder, bool requires) {
    unsigned scorecards = 1 + roll(3);
    char path[512];
    struct buffer out;
    buffer_init(&out);
    for (int i = 0; i < 3; i++) {
        static const char *const folders[] = {"", "/rules", "/models"};
        snprintf(path, sizeof path, "%s%s", folder, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    for (size_t i = 0; i < TREES; i++) {
        struct text file = read_golden(trees[i].file, trees[i].extension);
        snprintf(path, sizeof path, "%s/models/%s.%s", folder, trees[i].file, trees[i].extension);
        scratch_write(path, file.data, file.length);
        free((void *)(uintptr_t)file.data);
    }
    const char *const plain[][2] = {
        {"policy.yaml", "policy: {name: models, base_currency: EUR, lateness: 1h,\n"
                        "  latency_budget: 1s, cutoffs: {review: 200, decline: 600}}\n"},
        {"lists.yaml", "lists:\n  bad_cards: {about: Told at run time}\n"},
        {"features.yaml", features_yaml},
        {"schema.yaml", requires ? "fields: {country: {required: true}}\n"
                                   "derived: {mailbox: {value: email.lowerAscii()}}\n"
                                 : "derived: {mailbox: {value: email.lowerAscii()}}\n"}};
    for (size_t i = 0; i < 4; i++) {
        buffer_clear(&out);
        buffer_printf(&out, "%s", plain[i][1]);
        write_file(folder, plain[i][0], &out);
    }
    buffer_clear(&out);
    put_models(&out, scorecards);
    write_file(folder, "models.yaml", &out);
    buffer_clear(&out);
    put_rules(&out, scorecards);
    write_file(folder, "rules/all.yaml", &out);
    buffer_deinit(&out);
}

/* ---- what a replay says, in bytes ---- */

struct told {
    struct buffer rows;
    struct replay_report report;
    uint64_t fired, failed, refused;
};

static void put_decision(struct buffer *out, const struct decision *decision) {
    buffer_printf(out, "%s %u %016" PRIx64 " errors %u %d%.*s", verdict_name(decision->verdict),
                  decision->score, decision->feature_hash, decision->rule_errors,
                  decision->degraded, TEXT_ARGS(decision->degraded_reason));
    for (size_t i = 0; i < decision->reason_count; i++)
        buffer_printf(out, "; %.*s %.*s %d", TEXT_ARGS(decision->reasons[i].rule),
                      TEXT_ARGS(decision->reasons[i].text), decision->reasons[i].suppressed);
    for (size_t i = 0; i < decision->feature_count; i++) {
        char text[256];
        value_format(decision->features[i].value, text, sizeof text);
        buffer_printf(out, ", %.*s=%s", TEXT_ARGS(decision->features[i].name), text);
    }
}

/* Beside the decision: the frame, of which judging has bound only what it needs. */
static int take(void *user, size_t worker, const struct replay_row *row, struct buffer *prepared,
                struct error *ret_error) {
    (void)user, (void)worker, (void)ret_error;
    if (row->refusal)
        buffer_printf(prepared, "refused %.*s", TEXT_ARGS(row->refused_field));
    if (row->decision) {
        const struct snapshot *rules = engine_rules(row->engine);
        const struct value *frame = engine_frame(row->engine);
        put_decision(prepared, row->decision);
        for (size_t slot = 0; slot < rules->schema.field_count; slot++) {
            char text[256];
            value_format(frame[slot], text, sizeof text);
            buffer_printf(prepared, " %s", text);
        }
        for (size_t i = 0; i < row->fired_count; i++)
            buffer_printf(prepared, " %u", row->fired[i]);
    }
    if (row->against)
        buffer_printf(prepared, " / %s %u", verdict_name(row->against->verdict),
                      row->against->score);
    return 0;
}

static int tell(void *user, const struct replay_row *row, struct error *ret_error) {
    struct told *told = user;
    (void)ret_error;
    buffer_printf(&told->rows, "%" PRIu64 " %.*s\n", row->record->position,
                  TEXT_ARGS(row->prepared));
    return 0;
}

/* Without take(), the replay decides row by row. */
static int tell_alone(void *user, const struct replay_row *row, struct error *ret_error) {
    struct told *told = user;
    struct replay_row whole = *row;
    struct buffer prepared;
    buffer_init(&prepared);
    take(user, 0, row, &prepared, ret_error);
    whole.prepared = (struct text){.data = (const char *)prepared.bytes, .length = prepared.length};
    told->refused += row->refusal != NULL;
    told->fired += row->decision && row->decision->reason_count > 0;
    told->failed += row->decision && row->decision->rule_errors > 0;
    tell(user, &whole, ret_error);
    buffer_deinit(&prepared);
    return 0;
}

static struct told run(struct replay_options options, bool alone) {
    struct told told = {0};
    struct replay *replay;
    struct error error;
    buffer_init(&told.rows);
    options.features = options.texts = options.hashes = true;
    const struct replay_listener listener = {
        .take = alone ? NULL : take, .row = alone ? tell_alone : tell, .user = &told};
    if (replay_open(&options, NULL, &replay, &error) < 0)
        fail_msg("%s", error.text);
    if (replay_run(replay, &listener, NULL, &told.report, &error) < 0)
        fail_msg("%s", error.text);
    replay_close(replay);
    return told;
}

static void expect_equal(const struct buffer *expected, const struct buffer *found,
                         const char *what) {
    size_t length = expected->length < found->length ? expected->length : found->length, line = 0;
    for (size_t i = 0; i < length; i++) {
        if (expected->bytes[i] != found->bytes[i])
            fail_msg("%s:\nexpected %.900s\nfound    %.900s", what,
                     (const char *)expected->bytes + line, (const char *)found->bytes + line);
        if (expected->bytes[i] == '\n')
            line = i + 1;
    }
    assert_int_equal(expected->length, found->length);
}

/* ---- the test ---- */

/* The test is of no use if the engine never has them wait. */
static void expect_prepared(const char *folder) {
    struct snapshot *snapshot;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load_folder(folder, &snapshot, &messages, &error) < 0)
        fail_msg("%s: %.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    struct engine *engine = engine_new(snapshot, snapshot);
    assert_true(engine_prepares(engine));
    engine_free(engine);
    snapshot_unref(snapshot);
    buffer_deinit(&messages);
}

static void many_rows_give_what_one_gives(void **state) {
    static const struct {
        size_t threads, chunk;
    } manners[] = {{1, 0}, {2, 7}, {1, 65}, {3, 300}, {2, 4096}};
    uint64_t steps = asked_steps(3), fired = 0, failed = 0, refused = 0;
    char *scratch = scratch_make(), archive[512], folders[2][512], what[128];
    (void)state;
    seed = asked_seed(1);
    snprintf(archive, sizeof archive, "%s/archive", scratch);
    replay_archive_write(archive,
                         &(struct replay_archive_kind){.transactions = 700, .policies = true});
    for (uint64_t step = 0; step < steps; step++) {
        for (unsigned i = 0; i < 2; i++) {
            snprintf(folders[i], sizeof folders[i], "%s/%" PRIu64 "-%u", scratch, step, i);
            write_policy(folders[i], i == step % 2);
            expect_prepared(folders[i]);
        }
        struct replay_options options = {
            .archive = archive, .policy = folders[0], .against = roll(2) ? folders[1] : NULL};
        struct told one = run(options, true);
        for (size_t i = 0; i < sizeof manners / sizeof *manners; i++) {
            options.threads = manners[i].threads;
            options.chunk_records = manners[i].chunk;
            struct told many = run(options, false);
            snprintf(what, sizeof what, "step %" PRIu64 ", %zu threads, chunks of %zu", step,
                     options.threads, options.chunk_records);
            expect_equal(&one.rows, &many.rows, what);
            assert_memory_equal(one.report.verdicts, many.report.verdicts,
                                sizeof one.report.verdicts);
            buffer_deinit(&many.rows);
        }
        fired += one.fired, failed += one.failed, refused += one.refused;
        buffer_deinit(&one.rows);
    }
    assert_true(fired > 100);
    assert_true(failed > 10);
    assert_true(refused > 10);
    scratch_remove(scratch);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_rows_give_what_one_gives)};
    check(argc == 2);
    golden = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
