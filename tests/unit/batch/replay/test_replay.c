/* Archives that the server itself has written, replayed: against a naive reading of what was known
 * at each moment, and against the decisions in them. */
#include "batch/replay/replay.h"

#include "batch/rebuild/rebuild.h"
#include "core/base/check.h"
#include "core/engine/audit.h"
#include "core/store/archive/archive.h"
#include "tests/unit/asked.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MINUTE_S 60
#define HOUR_S   3600
#define DAY_S    86400
#define ROWS_MAX 8192

/* ---- what a replay tells, kept ---- */

struct seen_row {
    uint64_t position;
    bool refused;
    enum verdict verdict;
    uint32_t score;
    uint64_t feature_hash;
    enum label outcome;
    struct value features[8]; /* the first few; no texts */
    size_t feature_count;
};

struct seen {
    struct seen_row rows[ROWS_MAX];
    size_t count;
    size_t different; /* decisions that are not the archived ones */
    char first[1024]; /* of them */
    char contradiction[256];
    char refusal[2048];
    struct replay_report report;
};

static int see_row(void *user, const struct replay_row *row, struct error *ret_error) {
    (void)ret_error;
    struct seen *seen = user;
    assert_true(seen->count < ROWS_MAX);
    struct seen_row *kept = &seen->rows[seen->count++];
    *kept = (struct seen_row){.position = row->record->position, .outcome = row->outcome};
    if (!row->decision) {
        kept->refused = true;
        snprintf(seen->refusal, sizeof seen->refusal, "%.*s: %s", TEXT_ARGS(row->refused_field),
                 row->refusal->text);
        return 0;
    }
    kept->verdict = row->decision->verdict;
    kept->score = row->decision->score;
    kept->feature_hash = row->decision->feature_hash;
    for (size_t i = 0; i < row->decision->feature_count && i < 8; i++)
        kept->features[kept->feature_count++] = row->decision->features[i].value;
    const struct decision *archived = &row->record->transaction.decision;
    unsigned differences = audit_compare(archived, row->decision);
    if (differences == 0 || seen->different++ > 0)
        return 0;
    struct buffer words;
    buffer_init(&words);
    audit_describe(archived, row->decision, differences, &words);
    snprintf(seen->first, sizeof seen->first, "position %llu: %.*s",
             (unsigned long long)row->record->position, (int)words.length,
             (const char *)words.bytes);
    buffer_deinit(&words);
    return 0;
}

static void see_contradiction(void *user, uint64_t position, const char *what) {
    struct seen *seen = user;
    snprintf(seen->contradiction, sizeof seen->contradiction, "%llu: %s",
             (unsigned long long)position, what);
}

static int try_replay(const struct replay_options *options, struct progress *progress,
                      struct seen *seen, struct error *ret_error) {
    const struct replay_listener listener = {
        .row = see_row, .contradiction = see_contradiction, .user = seen};
    struct replay *replay;
    seen->count = seen->different = 0;
    seen->first[0] = seen->contradiction[0] = '\0';
    int r = replay_open(options, progress, &replay, ret_error);
    if (r < 0)
        return r;
    r = replay_run(replay, &listener, progress, &seen->report, ret_error);
    replay_close(replay);
    return r;
}

/* By three threads, in small chunks. Heap: free() it. */
static struct seen *replay(const struct bench *bench, const char *policy) {
    const struct replay_options options = {.archive = bench->settings.archive,
                                           .policy = policy,
                                           .features = true,
                                           .texts = true,
                                           .hashes = true,
                                           .outcomes = true};
    struct seen *seen = check_calloc(1, sizeof *seen);
    struct error error;
    if (try_replay(&options, NULL, seen, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(seen->report.transactions, seen->count);
    return seen;
}

/* ---- the server's life ---- */

static void set_clock(struct bench *bench, int64_t seconds) {
    atomic_store(&bench->clock.wall_us, BENCH_START_US + seconds * BENCH_SECOND);
}

static struct decision score(struct bench *bench, struct transaction transaction) {
    struct score_result result = bench_score(bench, transaction);
    if (result.error.code != 0)
        fail_msg("%.*s", TEXT_ARGS(result.error.message));
    return result.decision;
}

static void reload(struct bench *bench) {
    int64_t before = metric_total(bench->metrics, RELOADS);
    service_reload(bench->service, NULL, bench->settings.max_ahead_us);
    for (int i = 0; i < BENCH_WAIT_MS && metric_total(bench->metrics, RELOADS) == before; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(metric_value(bench->metrics, RELOADS, RELOAD_REFUSED), 0);
    bench_status(bench); /* waits for the lock, under which it is adopted */
}

/* policy NULL: that of the archive. */
static void rebuild(struct bench *bench, const char *policy) {
    const struct rebuild_options options = {.archive = bench->settings.archive,
                                            .generations = bench->settings.generations,
                                            .policy = policy,
                                            .version = "test",
                                            .now_us = BENCH_START_US};
    struct rebuild_report report;
    struct error error;
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
}

static void forget_generations(struct bench *bench) {
    char path[192];
    snprintf(path, sizeof path, "%s/current", bench->settings.generations);
    assert_int_equal(unlink(path), 0);
}

static uint64_t random_state;

static unsigned random_below(unsigned bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % bound);
}

/* ---- point in time ---- */

/* A transaction as the naive model has it. */
struct purchase {
    int64_t seconds;
    unsigned card, merchant;
    int64_t amount_minor;
    enum label label; /* now */
};

static struct transaction transaction_of(struct bench *bench, const struct purchase *purchase,
                                         unsigned number) {
    struct transaction transaction = bench_transaction(
        arena_printf(&bench->arena, "t%u", number).data, purchase->seconds,
        arena_printf(&bench->arena, "c%u", purchase->card).data, purchase->amount_minor);
    transaction.fields[FIELD_MERCHANT] = arena_printf(&bench->arena, "m%u", purchase->merchant);
    return transaction;
}

static bool is_within(const struct purchase *of, const struct purchase *at, int64_t window_s) {
    return of->card == at->card && of->seconds > at->seconds - window_s &&
           of->seconds <= at->seconds;
}

/* The features of bench.c's policy, in its order, from all that came before. */
static void expect_features(const struct purchase *purchases, size_t index,
                            const struct seen_row *row) {
    const struct purchase *now = &purchases[index];
    int64_t count_1h = 1, cents_1h = now->amount_minor, fraud_1d = 0, together_1d = 1;
    for (size_t i = 0; i < index; i++) {
        const struct purchase *then = &purchases[i];
        count_1h += is_within(then, now, HOUR_S);
        cents_1h += is_within(then, now, HOUR_S) ? then->amount_minor : 0;
        fraud_1d += is_within(then, now, DAY_S) && then->label == LABEL_FRAUD;
        together_1d += is_within(then, now, DAY_S) && then->merchant == now->merchant;
    }
    assert_int_equal(row->feature_count, 4);
    assert_int_equal(row->features[0].integer, count_1h);
    assert_float_equal(row->features[1].number, (double)cents_1h / 100, 1e-9);
    assert_int_equal(row->features[2].integer, fraud_1d);
    assert_int_equal(row->features[3].integer, together_1d);
    assert_int_equal(row->score, count_1h >= 3 ? 400 : 0);
    assert_int_equal(row->verdict, count_1h >= 3 ? VERDICT_REVIEW : VERDICT_APPROVE);
}

#define PURCHASES 500

/* Equal times, late ones within the policy's hour, outcomes that come, change and are taken back.
 */
static void rows_show_what_was_known_then(void **state) {
    struct bench *bench = *state;
    static struct purchase purchases[PURCHASES];
    static struct {
        unsigned index, before; /* the outcome came before this purchase */
        enum label label;
    } outcomes[PURCHASES];
    size_t outcome_count = 0;
    int64_t now = 0;
    random_state = 20260101;
    bench_open(bench);
    for (unsigned i = 0; i < PURCHASES; i++) {
        now += random_below(3) ? random_below(12 * MINUTE_S) : 0;
        set_clock(bench, now);
        purchases[i] = (struct purchase){
            .seconds = now - (random_below(4) ? 0 : random_below(50 * MINUTE_S)),
            .card = random_below(7),
            .merchant = random_below(3),
            .amount_minor = random_below(90000),
        };
        score(bench, transaction_of(bench, &purchases[i], i));
        if (random_below(3) > 0)
            continue;
        unsigned of = i - random_below(i < 20 ? i + 1 : 20);
        enum label label = (enum label)random_below(LABEL_COUNT);
        char id[16];
        snprintf(id, sizeof id, "t%u", of);
        bench_report(bench, id, label);
        outcomes[outcome_count].index = of;
        outcomes[outcome_count].before = i + 1;
        outcomes[outcome_count++].label = label;
    }
    bench_close(bench);

    struct seen *seen = replay(bench, NULL);
    assert_int_equal(seen->count, PURCHASES);
    assert_int_equal(seen->different, 0);
    size_t next = 0;
    for (unsigned i = 0; i < PURCHASES; i++) {
        for (; next < outcome_count && outcomes[next].before <= i; next++)
            purchases[outcomes[next].index].label = outcomes[next].label;
        expect_features(purchases, i, &seen->rows[i]);
    }
    for (; next < outcome_count; next++)
        purchases[outcomes[next].index].label = outcomes[next].label;
    for (unsigned i = 0; i < PURCHASES; i++)
        assert_int_equal(seen->rows[i].outcome, purchases[i].label);
    free(seen);
}

/* A label that comes later, however late, changes no row before it but for its outcome. */
static void later_outcomes_change_no_earlier_row(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    for (unsigned i = 0; i < 40; i++)
        score(bench, transaction_of(bench, &(struct purchase){.seconds = i, .card = i % 3}, i));
    bench_close(bench);
    struct seen *before = replay(bench, NULL);
    bench_open(bench);
    for (unsigned i = 0; i < 40; i += 2) {
        char id[16];
        snprintf(id, sizeof id, "t%u", i);
        bench_report(bench, id, LABEL_FRAUD);
    }
    bench_close(bench);
    struct seen *after = replay(bench, NULL);
    for (unsigned i = 0; i < 40; i++) {
        assert_true(after->rows[i].feature_hash == before->rows[i].feature_hash);
        assert_int_equal(before->rows[i].outcome, LABEL_NONE);
        assert_int_equal(after->rows[i].outcome, i % 2 ? LABEL_NONE : LABEL_FRAUD);
    }
    assert_int_equal(after->report.outcomes, 20);
    free(before);
    free(after);
}

/* ---- as it was decided ---- */

static const char wide_features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "  merchant: {key: merchant}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: declined_1d, aggregate: count, where: \"verdict == 'review'\", window: 1d}\n"
    "    - {name: fraud_1d, aggregate: count, where: \"outcome == 'fraud'\", window: 1d}\n"
    "  merchant:\n"
    "    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}\n";

static const char narrow_features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: sum_1d, aggregate: sum, of: amount, window: 1d}\n";

/* One of three policies, of which no two have the same features. */
static void write_variant(struct bench *bench, unsigned variant) {
    static const char *const variants[] = {wide_features_yaml, narrow_features_yaml};
    bench_write_policy(bench, "features.yaml", variants[variant % 2]);
    bench_write_rules(bench, 300 + 100 * (int)(variant % 3));
}

/* A folder with one of them, beside the one that decides. */
static const char *other_policy(struct bench *bench, unsigned variant) {
    static char folder[128];
    snprintf(folder, sizeof folder, "%s/other-%u", bench->folder, variant);
    const char *own = bench->settings.policy;
    char path[160];
    snprintf(path, sizeof path, "%s/rules", folder);
    if (mkdir(folder, 0700) == 0)
        mkdir(path, 0700);
    bench->settings.policy = folder;
    write_variant(bench, variant);
    bench_write_policy(bench, "policy.yaml",
                       "policy: {name: other, base_currency: EUR, lateness: 1h}\n");
    bench->settings.policy = own;
    return folder;
}

/* A few transactions. Some cards are busy now. The others are told of in any order over two days:
 * tables leave them out, they go on with something far too late, and the next tables have them
 * again. */
static void some_traffic(struct bench *bench, unsigned *number) {
    for (unsigned count = 5 + random_below(30); count > 0; count--, ++*number) {
        struct purchase purchase = {.card = random_below(60),
                                    .merchant = random_below(3),
                                    .amount_minor = random_below(30000)};
        unsigned ago_s = purchase.card < 4 ? HOUR_S : 2 * DAY_S;
        purchase.seconds = 4 * DAY_S - random_below(ago_s);
        score(bench, transaction_of(bench, &purchase, *number));
        if (random_below(4) > 0)
            continue;
        char id[16];
        snprintf(id, sizeof id, "t%u", random_below(*number + 1));
        bench_report(bench, id, random_below(2) ? LABEL_FRAUD : LABEL_NONE);
    }
}

static void restart(struct bench *bench) {
    bench_close(bench);
    bench_open(bench);
}

/* Beside the running server, which goes on: the tables are adopted behind their place. */
static void rebuild_meanwhile(struct bench *bench, const char *policy, unsigned *number) {
    for (int i = 0; i < BENCH_WAIT_MS && bench_status(bench).synced_position == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    rebuild(bench, policy);
    some_traffic(bench, number);
    restart(bench);
}

static void live_on(struct bench *bench, unsigned variant, unsigned *number) {
    switch (random_below(8)) {
    case 0:
    case 1:
        write_variant(bench, variant);
        reload(bench);
        return;
    case 2:
        write_variant(bench, variant);
        restart(bench);
        return;
    case 3:
        rebuild_meanwhile(bench, other_policy(bench, variant), number);
        return;
    case 4:
        if (bench_status(bench).generation_id)
            forget_generations(bench);
        restart(bench);
        return;
    default:
        rebuild_meanwhile(bench, NULL, number);
        return;
    }
}

/* Months of operation in a second: every decision must come out again, whatever policy and tables
 * it was made on. */
static void every_decision_comes_out_again(void **state) {
    struct bench *bench = *state;
    uint64_t seed = asked_seed(2), steps = asked_steps(40);
    random_state = seed;
    set_clock(bench, 4 * DAY_S);
    write_variant(bench, 0);
    bench_open(bench);
    unsigned number = 0;
    for (uint64_t step = 0; step < steps; step++) {
        some_traffic(bench, &number);
        live_on(bench, random_below(6), &number);
    }
    some_traffic(bench, &number);
    bench_close(bench);

    struct seen *seen = replay(bench, NULL);
    if (seen->different > 0)
        fail_msg("HARRIER_SEED=%llu: %zu of %zu decisions differ, first %s",
                 (unsigned long long)seed, seen->different, seen->count, seen->first);
    assert_string_equal(seen->contradiction, "");
    assert_true(seen->count >= number);
    assert_true(seen->report.snapshots > 5 && seen->report.generations > 5);
    assert_int_equal(seen->report.foreign_versions, 0);
    /* It would not do to leave the past's policies and tables out of it. */
    struct seen *other = replay(bench, bench->settings.policy);
    assert_true(other->different > 50);
    free(other);
    free(seen);
}

/* ---- under another policy ---- */

static void a_given_policy_decides_everything(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    for (unsigned i = 0; i < 30; i++)
        score(bench, transaction_of(bench, &(struct purchase){.seconds = i, .card = i % 3}, i));
    bench_close(bench);
    struct seen *own = replay(bench, NULL);
    /* From three of a card on it is 700 instead of 400. */
    bench_write_rules(bench, 700);
    struct seen *other = replay(bench, bench->settings.policy);
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(own->rows[i].score, i < 6 ? 0 : 400);
        assert_int_equal(other->rows[i].score, i < 6 ? 0 : 700);
        assert_int_equal(other->rows[i].verdict, i < 6 ? VERDICT_APPROVE : VERDICT_DECLINE);
        assert_true(other->rows[i].feature_hash == own->rows[i].feature_hash);
    }
    assert_int_equal(other->report.verdicts[VERDICT_DECLINE], 24);
    assert_int_equal(other->report.archived_verdicts[VERDICT_REVIEW], 24);
    /* Its id is another for all of them, and for those that fire much more. */
    assert_int_equal(other->different, 30);
    assert_non_null(strstr(other->first, "policy "));
    free(own);
    free(other);
}

static void what_a_policy_refuses_is_told_and_still_counts(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    for (unsigned i = 0; i < 10; i++) {
        struct transaction transaction =
            transaction_of(bench, &(struct purchase){.seconds = i, .card = 1}, i);
        if (i != 4)
            transaction.fields[FIELD_COUNTRY] = TEXT_LITERAL("DE");
        score(bench, transaction);
    }
    bench_close(bench);
    bench_write_policy(bench, "schema.yaml", "fields:\n  country: {required: true}\n");
    struct seen *seen = replay(bench, bench->settings.policy);
    assert_int_equal(seen->count, 10);
    assert_int_equal(seen->report.refused, 1);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(seen->rows[i].refused, i == 4);
        if (i != 4) /* the count goes on through it */
            assert_int_equal(seen->rows[i].features[0].integer, i + 1);
    }
    assert_non_null(strstr(seen->refusal, "country: "));
    free(seen);
}

/* Names of all policies that decide, each once. */
static void features_of_all_policies_have_names(void **state) {
    struct bench *bench = *state;
    write_variant(bench, 0);
    bench_open(bench);
    write_variant(bench, 1);
    reload(bench);
    bench_close(bench);
    const struct replay_options options = {.archive = bench->settings.archive};
    struct replay *replay;
    struct error error;
    size_t count;
    assert_int_equal(replay_open(&options, NULL, &replay, &error), 0);
    const struct text *names = replay_feature_names(replay, &count);
    static const char *const expected[] = {"card.count_1h", "card.declined_1d", "card.fraud_1d",
                                           "merchant.cards_1d", "card.sum_1d"};
    assert_int_equal(count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(text_is(names[i], expected[i]));
    free((void *)(uintptr_t)names);
    replay_close(replay);
}

/* ---- archives that are not as they should be ---- */

static struct snapshot *load_policy(const struct bench *bench) {
    struct snapshot *snapshot;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load_folder(bench->settings.policy, &snapshot, &messages, &error) < 0)
        fail_msg("%s", error.text);
    buffer_deinit(&messages);
    return snapshot;
}

static struct archive *open_archive(const struct bench *bench) {
    struct archive *archive;
    struct archive_recovery recovery;
    struct error error;
    if (archive_open(bench->settings.archive, NULL, &archive, &recovery, &error) < 0)
        fail_msg("%s", error.text);
    return archive;
}

static void append(struct archive *archive, struct record record) {
    record.receive_time_us = BENCH_START_US;
    archive_append(archive, &record);
}

static struct record snapshot_record(const struct snapshot *snapshot) {
    return (struct record){.type = RECORD_SNAPSHOT,
                           .snapshot = {.snapshot_id = snapshot->id,
                                        .name = snapshot->name,
                                        .files = snapshot->files,
                                        .file_count = snapshot->file_count}};
}

static struct record transaction_record(const struct snapshot *snapshot, const char *id) {
    return (struct record){
        .type = RECORD_TRANSACTION,
        .transaction = {.transaction = bench_transaction(id, 1, "c1", 5),
                        .decision = {.verdict = VERDICT_APPROVE, .snapshot_id = snapshot->id}}};
}

static void expect_failure(const struct bench *bench, const char *policy, int code,
                           const char *words) {
    const struct replay_options options = {.archive = bench->settings.archive, .policy = policy};
    struct seen *seen = check_calloc(1, sizeof *seen);
    struct error error;
    assert_int_equal(try_replay(&options, NULL, seen, &error), -code);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" is not in: %s", words, error.text);
    free(seen);
}

static void nothing_to_replay(void **state) {
    struct bench *bench = *state;
    expect_failure(bench, NULL, ERROR_NOT_FOUND, "no such archive");
    archive_close(open_archive(bench));
    expect_failure(bench, NULL, ERROR_NOT_FOUND, "no synced record");
    struct snapshot *snapshot = load_policy(bench);
    struct archive *archive = open_archive(bench);
    append(archive, transaction_record(snapshot, "t1"));
    archive_close(archive);
    expect_failure(bench, NULL, ERROR_NOT_FOUND, "has no policy before the transaction at");
    struct seen *seen = replay(bench, bench->settings.policy);
    assert_int_equal(seen->count, 1);
    free(seen);
    bench_write_policy(bench, "policy.yaml", "policy: {nmae: x}\n");
    expect_failure(bench, bench->settings.policy, ERROR_INVALID, "the policy in ");
    snapshot_unref(snapshot);
}

static void changed_policy_files_are_told(void **state) {
    struct bench *bench = *state;
    struct snapshot *snapshot = load_policy(bench);
    struct archive *archive = open_archive(bench);
    struct record record = snapshot_record(snapshot);
    record.snapshot.snapshot_id++;
    append(archive, record);
    archive_close(archive);
    struct seen *seen = replay(bench, NULL);
    assert_string_equal(seen->contradiction, "1: the policy's files do not match its id");
    assert_int_equal(seen->report.contradictions, 1);
    free(seen);
    snapshot_unref(snapshot);
}

/* What versions wrote that did not name the policy of the tables, and tables of another history. */
static void tables_without_their_policy(void **state) {
    struct bench *bench = *state;
    write_variant(bench, 0);
    struct snapshot *snapshot = load_policy(bench);
    struct archive *archive = open_archive(bench);
    append(archive, snapshot_record(snapshot));
    append(archive, (struct record){.type = RECORD_GENERATION,
                                    .generation = {.generation_id = 7,
                                                   .position = 1,
                                                   .chain = archive_end(archive).chain,
                                                   .plan_id = snapshot->plan.id}});
    struct record record = transaction_record(snapshot, "t1");
    record.transaction.decision.generation_id = 7;
    append(archive, record);
    archive_close(archive);
    struct seen *seen = replay(bench, NULL);
    assert_int_equal(seen->report.generations, 1);
    assert_int_equal(seen->report.contradictions, 0);
    assert_null(strstr(seen->first, "generation"));
    free(seen);

    archive = open_archive(bench);
    append(archive, (struct record){.type = RECORD_GENERATION,
                                    .generation = {.generation_id = 8,
                                                   .position = 2,
                                                   .chain = 12345,
                                                   .plan_id = snapshot->plan.id}});
    archive_close(archive);
    seen = replay(bench, NULL);
    assert_string_equal(seen->contradiction,
                        "4: the tables were built from records that differ from the "
                        "archive's up to position 2");
    free(seen);

    archive = open_archive(bench);
    append(archive, (struct record){.type = RECORD_GENERATION,
                                    .generation = {.generation_id = 9,
                                                   .position = 2,
                                                   .plan_id = snapshot->plan.id + 1}});
    archive_close(archive);
    expect_failure(bench, NULL, ERROR_NOT_FOUND,
                   "the tables adopted at position 5 were built with a policy that");
    snapshot_unref(snapshot);
}

static int stop_at_once(struct progress *self, const char *stage, uint64_t done, uint64_t total) {
    (void)self;
    assert_true(strcmp(stage, "scan") == 0 || strcmp(stage, "replay") == 0);
    assert_true(done <= total);
    return 1;
}

static void it_can_be_interrupted(void **state) {
    struct bench *bench = *state;
    struct snapshot *snapshot = load_policy(bench);
    struct archive *archive = open_archive(bench);
    append(archive, snapshot_record(snapshot));
    for (unsigned i = 0; i < 5000; i++) {
        char id[16];
        snprintf(id, sizeof id, "t%u", i);
        append(archive, transaction_record(snapshot, id));
    }
    archive_close(archive);
    struct progress progress = {.update = stop_at_once};
    struct seen *seen = check_calloc(1, sizeof *seen);
    struct error error;
    struct replay_options options = {.archive = bench->settings.archive};
    assert_int_equal(try_replay(&options, &progress, seen, &error), -ERROR_INTERRUPTED);
    assert_int_equal(seen->count, 0);
    options.policy = bench->settings.policy; /* nothing to scan for: stopped later */
    options.chunk_records = 500;             /* behind the policy's record */
    options.threads = 1;                     /* nothing else is under way */
    assert_int_equal(try_replay(&options, &progress, seen, &error), -ERROR_INTERRUPTED);
    assert_int_equal(seen->count, 500);
    free(seen);
    snapshot_unref(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_show_what_was_known_then, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(later_outcomes_change_no_earlier_row, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(every_decision_comes_out_again, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(a_given_policy_decides_everything, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(what_a_policy_refuses_is_told_and_still_counts, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(features_of_all_policies_have_names, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(nothing_to_replay, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(changed_policy_files_are_told, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(tables_without_their_policy, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(it_can_be_interrupted, bench_setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
