/* An archive made here, rebuilt, and compared with what a fold from the first record gives. */
#include "batch/rebuild/rebuild.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/archive.h"
#include "core/store/generation/generation_publish.h"
#include "tests/unit/unit.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_US   INT64_C(86400000000)
#define BEGIN_US INT64_C(1522540800000000)
#define CARDS    40
#define SYNCED   3000 /* transactions before the last sync mark */
#define LATER    500  /* and behind it */

static const char policy_text[] = "policy: {name: small, base_currency: EUR}\n";
static const char features_text[] =
    "entities:\n"
    "  customer: {key: customer}\n"
    "  terminal: {key: terminal}\n"
    "features:\n"
    "  customer:\n"
    "    - {name: count_1d, aggregate: count, window: 1d}\n"
    "    - {name: mean_amount_7d, aggregate: mean, of: amount, window: 7d}\n"
    "  terminal:\n"
    "    - {name: fraud_share_30d, aggregate: share, of: \"outcome == 'fraud'\", window: 30d}\n";
static const char other_features_text[] =
    "entities:\n"
    "  customer: {key: customer}\n"
    "features:\n"
    "  customer:\n"
    "    - {name: sum_amount_1d, aggregate: sum, of: amount, window: 1d}\n";

static const struct policy_file files[] = {
    {.path = TEXT_LITERAL("features.yaml"), .content = TEXT_LITERAL(features_text)},
    {.path = TEXT_LITERAL("policy.yaml"), .content = TEXT_LITERAL(policy_text)},
};
static const struct policy_file other_files[] = {
    {.path = TEXT_LITERAL("features.yaml"), .content = TEXT_LITERAL(other_features_text)},
    {.path = TEXT_LITERAL("policy.yaml"), .content = TEXT_LITERAL(policy_text)},
};

struct fixture {
    char root[64];
    char archive[96], generations[96], policy[96];
    struct snapshot *snapshot;
};

static struct snapshot *load_policy(const struct policy_file *policy) {
    struct snapshot *snapshot;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load(policy, 2, &snapshot, &messages, &error) < 0)
        fail_msg("%s", error.text);
    buffer_deinit(&messages);
    return snapshot;
}

static void append(struct archive *archive, struct record record) {
    record.receive_time_us = BEGIN_US;
    archive_append(archive, &record);
}

static void append_snapshot(struct archive *archive, const struct policy_file *policy) {
    struct snapshot *snapshot = load_policy(policy);
    append(archive, (struct record){.type = RECORD_SNAPSHOT,
                                    .snapshot = {.snapshot_id = snapshot->id,
                                                 .name = snapshot->name,
                                                 .files = policy,
                                                 .file_count = 2}});
    snapshot_unref(snapshot);
}

/* The i-th transaction, the same on every call: a busy month of forty customers. */
static struct transaction transaction_at(unsigned i, char names[4][32]) {
    snprintf(names[0], sizeof names[0], "t%u", i);
    snprintf(names[1], sizeof names[1], "c%u", i * 7 % CARDS);
    snprintf(names[2], sizeof names[2], "p%u", i % 11);
    struct transaction transaction = {
        .id = text_of(names[0]),
        .event_time_us = BEGIN_US + (int64_t)i * (30 * DAY_US / (SYNCED + LATER)),
        .amount_minor = 100 + i % 977,
        .currency = TEXT_LITERAL("EUR"),
    };
    transaction.fields[FIELD_CUSTOMER] = text_of(names[1]);
    transaction.fields[FIELD_TERMINAL] = text_of(names[2]);
    return transaction;
}

/* Every twentieth transaction turns out to be fraud, and half of those legit after all. */
static void append_transactions(struct archive *archive, unsigned from, unsigned to) {
    char names[4][32];
    for (unsigned i = from; i < to; i++) {
        struct record record = {
            .type = RECORD_TRANSACTION,
            .receive_time_us = BEGIN_US,
            .transaction = {.transaction = transaction_at(i, names),
                            .decision = {.verdict = VERDICT_APPROVE}},
        };
        archive_append(archive, &record);
        if (i % 20 != 0)
            continue;
        struct outcome_record outcome = {.label = LABEL_FRAUD,
                                         .transaction_position = record.position,
                                         .transaction = record.transaction.transaction,
                                         .verdict = VERDICT_APPROVE};
        append(archive, (struct record){.type = RECORD_OUTCOME, .outcome = outcome});
        if (i % 40 != 0)
            continue;
        outcome.previous = LABEL_FRAUD;
        outcome.label = LABEL_LEGIT;
        append(archive, (struct record){.type = RECORD_OUTCOME, .outcome = outcome});
    }
}

static void sync_archive(struct archive *archive) {
    struct archive_sync sync;
    struct error error;
    assert_int_equal(archive_write(archive, &error), 0);
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    assert_int_equal(archive_sync_wait(&sync, &error), 0);
    assert_int_equal(archive_sync_finish(archive, &sync, &error), 0);
}

static struct archive *open_archive(const struct fixture *fixture) {
    struct archive *archive;
    struct archive_recovery recovery;
    struct error error;
    if (archive_open(fixture->archive, NULL, &archive, &recovery, &error) < 0)
        fail_msg("%s", error.text);
    return archive;
}

static int setup(void **state) {
    struct fixture *fixture = check_calloc(1, sizeof *fixture);
    snprintf(fixture->root, sizeof fixture->root, "/tmp/harrier-rebuild-XXXXXX");
    if (!mkdtemp(fixture->root))
        return -1;
    snprintf(fixture->archive, sizeof fixture->archive, "%s/archive", fixture->root);
    snprintf(fixture->generations, sizeof fixture->generations, "%s/generations", fixture->root);
    snprintf(fixture->policy, sizeof fixture->policy, "%s/policy", fixture->root);
    fixture->snapshot = load_policy(files);
    *state = fixture;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    nftw(fixture->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    snapshot_unref(fixture->snapshot);
    free(fixture);
    return 0;
}

/* Two policies in a row, so that the last one has to be found; then the traffic. */
static void write_archive(const struct fixture *fixture) {
    struct archive *archive = open_archive(fixture);
    append(archive, (struct record){.type = RECORD_ENGINE, .engine = {TEXT_LITERAL("test")}});
    append_snapshot(archive, other_files);
    append_snapshot(archive, files);
    append_transactions(archive, 0, SYNCED);
    sync_archive(archive);
    append_transactions(archive, SYNCED, SYNCED + LATER);
    struct error error;
    assert_int_equal(archive_write(archive, &error), 0);
    archive_close(archive); /* syncs, too */
}

static struct rebuild_options options_of(const struct fixture *fixture) {
    return (struct rebuild_options){.archive = fixture->archive,
                                    .generations = fixture->generations,
                                    .version = "test",
                                    .now_us = BEGIN_US + 40 * DAY_US};
}

static struct rebuild_report run(const struct rebuild_options *options) {
    struct rebuild_report report;
    struct error error;
    if (rebuild_run(options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    return report;
}

/* Applies the records behind `after` up to and including `to`. */
static void fold(const struct fixture *fixture, struct overlay *overlay, struct snapshot *snapshot,
                 struct archive_place after, uint64_t to) {
    struct engine *engine = engine_new(snapshot, snapshot);
    struct archive_reader *reader;
    struct arena arena;
    struct record record;
    struct error error;
    arena_init(&arena, 16 << 20);
    if (archive_reader_open(fixture->archive, after, &reader, &error) < 0)
        fail_msg("%s", error.text);
    while (archive_reader_place(reader).position < to) {
        arena_reset(&arena);
        assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 1);
        overlay_apply(overlay, engine, &record);
    }
    archive_reader_close(reader);
    arena_deinit(&arena);
    engine_free(engine);
}

static struct overlay *open_rebuilt(const struct fixture *fixture, struct snapshot *snapshot,
                                    struct archive_place *ret_place) {
    struct generation *generation;
    struct error error;
    if (generation_open_current(fixture->generations, true, &generation, &error) < 0)
        fail_msg("%s", error.text);
    if (generation_bind(generation, &snapshot->plan, &error) < 0)
        fail_msg("%s", error.text);
    *ret_place = generation_manifest(generation)->place;
    return overlay_new(&snapshot->plan, generation);
}

static void expect_same_tally(struct tally a, struct tally b) {
    assert_int_equal(a.transactions, b.transactions);
    assert_int_equal(a.outcomes, b.outcomes);
    assert_int_equal(a.newest_event_time_us, b.newest_event_time_us);
    for (int label = LABEL_LEGIT; label < LABEL_COUNT; label++)
        assert_int_equal(a.labels[label], b.labels[label]);
}

static void tables_are_what_a_fold_gives(void **state) {
    struct fixture *fixture = *state;
    write_archive(fixture);
    struct rebuild_options options = options_of(fixture);
    struct rebuild_report report = run(&options);
    assert_false(report.up_to_date);
    assert_int_equal(report.manifest.snapshot_id, fixture->snapshot->id);
    assert_int_equal(report.manifest.states, CARDS + 11);
    assert_int_equal(report.records, report.manifest.place.position);
    assert_int_equal(report.tally.transactions, SYNCED + LATER);
    assert_int_equal(report.tally.labels[LABEL_FRAUD], (SYNCED + LATER) / 40);
    assert_int_equal(report.tally.labels[LABEL_LEGIT], (SYNCED + LATER + 39) / 40);

    struct archive_place place;
    struct overlay *rebuilt = open_rebuilt(fixture, fixture->snapshot, &place);
    struct overlay *folded = overlay_new(&fixture->snapshot->plan, NULL);
    fold(fixture, folded, fixture->snapshot, (struct archive_place){0}, place.position);
    assert_int_equal(overlay_entities(rebuilt), 0);
    assert_true(overlay_hash(rebuilt) == overlay_hash(folded));
    expect_same_tally(overlay_tally(rebuilt), overlay_tally(folded));
    for (unsigned i = 0; i < SYNCED + LATER; i += 37) {
        char id[16];
        struct known_id a, b;
        snprintf(id, sizeof id, "t%u", i);
        assert_true(overlay_find_id(rebuilt, hash_text(text_of(id)), &a));
        assert_true(overlay_find_id(folded, hash_text(text_of(id)), &b));
        assert_int_equal(a.position, b.position);
        assert_int_equal(a.label, b.label);
    }
    overlay_free(rebuilt);
    overlay_free(folded);
}

/* The archive goes on after the rebuild: generation + newer records = a fold of all. */
static void generation_and_newer_records_are_the_whole(void **state) {
    struct fixture *fixture = *state;
    write_archive(fixture);
    struct rebuild_options options = options_of(fixture);
    run(&options);
    struct archive *archive = open_archive(fixture);
    append_transactions(archive, SYNCED + LATER, SYNCED + LATER + 300);
    sync_archive(archive);
    uint64_t end = archive_end(archive).position;
    archive_close(archive);

    struct archive_place place;
    struct overlay *rebuilt = open_rebuilt(fixture, fixture->snapshot, &place);
    struct overlay *folded = overlay_new(&fixture->snapshot->plan, NULL);
    assert_true(place.position < end);
    fold(fixture, folded, fixture->snapshot, (struct archive_place){0}, place.position);
    uint64_t before = overlay_hash(folded);
    assert_true(overlay_hash(rebuilt) == before);
    fold(fixture, rebuilt, fixture->snapshot, place, end);
    fold(fixture, folded, fixture->snapshot, (struct archive_place){0}, 0);
    overlay_free(folded);
    folded = overlay_new(&fixture->snapshot->plan, NULL);
    fold(fixture, folded, fixture->snapshot, (struct archive_place){0}, end);
    assert_true(overlay_hash(rebuilt) == overlay_hash(folded));
    assert_false(overlay_hash(rebuilt) == before);
    expect_same_tally(overlay_tally(rebuilt), overlay_tally(folded));
    overlay_free(rebuilt);
    overlay_free(folded);
}

static void nothing_beyond_the_sync_mark(void **state) {
    struct fixture *fixture = *state;
    struct archive *archive = open_archive(fixture);
    append_snapshot(archive, files);
    append_transactions(archive, 0, 100);
    sync_archive(archive);
    uint64_t synced = archive_end(archive).position;
    append_transactions(archive, 100, 200);
    struct error error;
    assert_int_equal(archive_write(archive, &error), 0); /* a server that is still writing */
    struct rebuild_options options = options_of(fixture);
    struct rebuild_report report = run(&options);
    assert_int_equal(report.manifest.place.position, synced);
    assert_int_equal(report.tally.transactions, 100);
    archive_close(archive);
}

static void a_second_rebuild_has_nothing_to_do(void **state) {
    struct fixture *fixture = *state;
    write_archive(fixture);
    struct rebuild_options options = options_of(fixture);
    struct rebuild_report first = run(&options);
    struct rebuild_report second = run(&options);
    assert_true(second.up_to_date);
    assert_int_equal(second.records, 0);
    assert_true(second.manifest.id == first.manifest.id);
    expect_same_tally(first.tally, second.tally);
    options.force = true;
    struct rebuild_report forced = run(&options);
    assert_false(forced.up_to_date);
    assert_true(forced.manifest.content_hash == first.manifest.content_hash);
}

static void write_file(const char *folder, const char *name, const char *content) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

/* Other rules, the same features. */
static const struct policy_file stricter_files[] = {
    {.path = TEXT_LITERAL("features.yaml"), .content = TEXT_LITERAL(features_text)},
    {.path = TEXT_LITERAL("policy.yaml"),
     .content = TEXT_LITERAL("policy: {name: small, about: stricter, base_currency: EUR}\n")},
};

static void a_policy_with_other_rules_is_not_up_to_date(void **state) {
    struct fixture *fixture = *state;
    write_archive(fixture);
    struct rebuild_options options = options_of(fixture);
    struct rebuild_report first = run(&options);
    struct archive *archive = open_archive(fixture);
    append_snapshot(archive, stricter_files);
    sync_archive(archive);
    archive_close(archive);
    struct rebuild_report second = run(&options);
    assert_false(second.up_to_date);
    assert_int_equal(second.from_position, first.manifest.place.position);
    assert_true(second.manifest.plan_id == first.manifest.plan_id);
    assert_true(second.manifest.state_hash == first.manifest.state_hash);
    assert_false(second.manifest.snapshot_id == first.manifest.snapshot_id);
    assert_int_equal(second.records, 1);
    assert_true(run(&options).up_to_date);

    /* Nothing new in the archive, and yet another policy: its files go in. */
    assert_int_equal(mkdir(fixture->policy, 0700), 0);
    write_file(fixture->policy, "policy.yaml", policy_text);
    write_file(fixture->policy, "features.yaml", features_text);
    options.policy = fixture->policy;
    struct rebuild_report third = run(&options);
    assert_false(third.up_to_date);
    assert_int_equal(third.records, 0);
    assert_int_equal(third.from_position, second.manifest.place.position);
    assert_true(third.manifest.snapshot_id == first.manifest.snapshot_id);
    assert_true(third.manifest.state_hash == first.manifest.state_hash);
}

/* Far behind the first records of its segment, where the guess about the policy does not look: the
 * scan meets it, and begins again with other entities. */
static void expect_last_policy(const struct fixture *fixture, const struct policy_file *first,
                               const struct policy_file *last) {
    struct archive *archive = open_archive(fixture);
    append_snapshot(archive, first);
    append_transactions(archive, 0, 200);
    append_snapshot(archive, last);
    append_transactions(archive, 200, 400);
    sync_archive(archive);
    archive_close(archive);
    struct rebuild_options options = options_of(fixture);
    struct rebuild_report guessed = run(&options);
    struct snapshot *snapshot = load_policy(last);
    assert_true(guessed.manifest.snapshot_id == snapshot->id);
    assert_true(guessed.manifest.plan_id == snapshot->plan.id);
    snapshot_unref(snapshot);

    assert_int_equal(mkdir(fixture->policy, 0700), 0);
    for (size_t i = 0; i < 2; i++)
        write_file(fixture->policy, last[i].path.data, last[i].content.data);
    options.policy = fixture->policy;
    options.full = options.force = true;
    assert_true(run(&options).manifest.state_hash == guessed.manifest.state_hash);
}

static void a_wrong_guess_with_more_entities(void **state) {
    expect_last_policy(*state, files, other_files);
}

static void a_wrong_guess_with_fewer_entities(void **state) {
    expect_last_policy(*state, other_files, files);
}

static void append_more(const struct fixture *fixture, unsigned from, unsigned to) {
    struct archive *archive = open_archive(fixture);
    append_transactions(archive, from, to);
    sync_archive(archive);
    archive_close(archive);
}

/* Why a rebuild begins at the first record is told. */
static void full_when_it_cannot_go_on(void **state) {
    struct fixture *fixture = *state;
    write_archive(fixture);
    struct rebuild_options options = options_of(fixture);
    assert_non_null(strstr(run(&options).full_because, "no generation yet"));
    append_more(fixture, SYNCED + LATER, SYNCED + LATER + 10);
    struct rebuild_report report = run(&options);
    assert_true(report.from_position > 0);
    assert_int_equal(report.full_because[0], '\0');
    options.full = options.force = true;
    assert_non_null(strstr(run(&options).full_because, "requested"));
    options.full = false;
    assert_non_null(strstr(run(&options).full_because, "would prove nothing"));

    char path[160];
    snprintf(path, sizeof path, "%s/current/tables.mdb", fixture->generations);
    FILE *tables = fopen(path, "r+");
    assert_non_null(tables);
    fseek(tables, 9000, SEEK_SET);
    fputc(0x55 ^ fgetc(tables), tables);
    fclose(tables);
    append_more(fixture, SYNCED + LATER + 10, SYNCED + LATER + 20);
    report = run(&options);
    assert_int_equal(report.from_position, 0);
    assert_non_null(strstr(report.full_because, "cannot be used"));

    /* Another archive, in which the current generation's place has another chain. */
    snprintf(fixture->archive, sizeof fixture->archive, "%s/other", fixture->root);
    struct archive *archive = open_archive(fixture);
    append_snapshot(archive, files);
    append_transactions(archive, 0, SYNCED + 2 * LATER);
    sync_archive(archive);
    archive_close(archive);
    report = run(&options);
    assert_int_equal(report.from_position, 0);
    assert_non_null(strstr(report.full_because, "not of this archive"));
}

/* As a failing disk does it: the file keeps its size. */
static void overwrite_tables(const struct fixture *fixture, long from, long to) {
    char path[160];
    snprintf(path, sizeof path, "%s/current/tables.mdb", fixture->generations);
    FILE *tables = fopen(path, "r+");
    assert_non_null(tables);
    fseek(tables, 0, SEEK_END);
    if (to < 0)
        to = ftell(tables);
    fseek(tables, from, SEEK_SET);
    for (long at = from; at < to; at++)
        fputc(0x5a, tables);
    assert_int_equal(fclose(tables), 0);
}

/* What a server refuses and says to rebuild is rebuilt, though nothing else has changed. */
static void a_damaged_generation_is_not_up_to_date(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        long from, to;
    } damages[] = {{9000, 9001}, {8192, 12288}, {8192, -1}, {0, 8192}, {0, -1}};
    write_archive(fixture);
    struct rebuild_options options = options_of(fixture);
    struct rebuild_report first = run(&options);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        overwrite_tables(fixture, damages[i].from, damages[i].to);
        struct rebuild_report report = run(&options);
        assert_false(report.up_to_date);
        assert_true(report.manifest.content_hash == first.manifest.content_hash);
        assert_non_null(strstr(report.full_because, "cannot be used"));
        assert_true(run(&options).up_to_date);
    }
}

static bool has_generation(const struct fixture *fixture,
                           const struct generation_manifest *manifest) {
    char path[192];
    snprintf(path, sizeof path, "%s/g-%020llu-%016llx/manifest.json", fixture->generations,
             (unsigned long long)manifest->place.position, (unsigned long long)manifest->id);
    return access(path, F_OK) == 0;
}

static void append_adoption(const struct fixture *fixture,
                            const struct generation_manifest *manifest) {
    struct archive *archive = open_archive(fixture);
    append(archive, (struct record){.type = RECORD_GENERATION,
                                    .generation = {.generation_id = manifest->id,
                                                   .position = manifest->place.position,
                                                   .chain = manifest->place.chain,
                                                   .plan_id = manifest->plan_id}});
    sync_archive(archive);
    archive_close(archive);
}

/* The newest stay, and the one that a server uses, however old it is. */
static void old_generations_go(void **state) {
    struct fixture *fixture = *state;
    struct rebuild_report nights[6];
    write_archive(fixture);
    struct rebuild_options options = options_of(fixture);
    options.keep = 2;
    for (unsigned i = 0; i < 6; i++) {
        nights[i] = run(&options);
        if (i == 1)
            append_adoption(fixture, &nights[1].manifest);
        append_more(fixture, SYNCED + LATER + 10 * i, SYNCED + LATER + 10 * i + 10);
    }
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(has_generation(fixture, &nights[i].manifest), i == 1 || i >= 4);
    assert_int_equal(nights[5].removed, 1);
    assert_true(nights[5].manifest.adopted_id == nights[1].manifest.id);
}

static void a_clock_that_was_set_back(void **state) {
    struct fixture *fixture = *state;
    write_archive(fixture);
    struct rebuild_options options = options_of(fixture);
    options.now_us = BEGIN_US - DAY_US;
    struct rebuild_report report = run(&options);
    assert_non_null(strstr(report.warning, "the clock was set back"));
    assert_int_equal(report.manifest.created_time_us, BEGIN_US);
    options.now_us = BEGIN_US + 40 * DAY_US;
    options.force = true;
    assert_int_equal(run(&options).warning[0], '\0');
}

static void with_a_policy_of_ones_own(void **state) {
    struct fixture *fixture = *state;
    write_archive(fixture);
    assert_int_equal(mkdir(fixture->policy, 0700), 0);
    write_file(fixture->policy, "policy.yaml", policy_text);
    write_file(fixture->policy, "features.yaml", other_features_text);
    struct rebuild_options options = options_of(fixture);
    struct rebuild_report archived = run(&options);
    options.policy = fixture->policy;
    struct rebuild_report report = run(&options);
    assert_false(report.up_to_date); /* the same place, another plan */
    assert_false(report.manifest.plan_id == archived.manifest.plan_id);
    assert_int_equal(report.manifest.states, CARDS);

    struct snapshot *other = load_policy(other_files);
    struct archive_place place;
    struct overlay *rebuilt = open_rebuilt(fixture, other, &place);
    struct overlay *folded = overlay_new(&other->plan, NULL);
    fold(fixture, folded, other, (struct archive_place){0}, place.position);
    assert_true(overlay_hash(rebuilt) == overlay_hash(folded));
    overlay_free(rebuilt);
    overlay_free(folded);
    snapshot_unref(other);
}

static void expect_failure(const struct rebuild_options *options, struct progress *progress,
                           enum error_code code, const char *text) {
    struct rebuild_report report;
    struct error error;
    assert_int_equal(rebuild_run(options, progress, &report, &error), -(int)code);
    if (!strstr(error.text, text))
        fail_msg("expected \"%s\" in \"%s\"", text, error.text);
}

static void what_cannot_be_rebuilt(void **state) {
    struct fixture *fixture = *state;
    struct rebuild_options options = options_of(fixture);
    expect_failure(&options, NULL, ERROR_NOT_FOUND, fixture->archive);
    archive_close(open_archive(fixture));
    expect_failure(&options, NULL, ERROR_NOT_FOUND, "nothing to build tables from");
    struct archive *archive = open_archive(fixture);
    append_transactions(archive, 0, 10);
    sync_archive(archive);
    archive_close(archive);
    expect_failure(&options, NULL, ERROR_NOT_FOUND, "has no policy");
    options.policy = "/nonexistent/policy";
    struct rebuild_report report;
    struct error error;
    assert_true(rebuild_run(&options, NULL, &report, &error) < 0);
    struct generation *generation;
    assert_true(generation_open_current(fixture->generations, false, &generation, &error) < 0);
}

/* Bytes from outside, however well their checksums fit. */
static void an_outcome_of_nothing_before_it_is_damage(void **state) {
    struct fixture *fixture = *state;
    char names[4][32];
    struct archive *archive = open_archive(fixture);
    append_snapshot(archive, files);
    append_transactions(archive, 0, 10);
    append(archive, (struct record){.type = RECORD_OUTCOME,
                                    .outcome = {.label = LABEL_FRAUD,
                                                .transaction_position = UINT64_C(1) << 60,
                                                .transaction = transaction_at(3, names),
                                                .verdict = VERDICT_APPROVE}});
    sync_archive(archive);
    archive_close(archive);
    struct rebuild_options options = options_of(fixture);
    expect_failure(&options, NULL, ERROR_DAMAGED, "refers to a later transaction");
}

static void one_rebuild_at_a_time(void **state) {
    struct fixture *fixture = *state;
    write_archive(fixture);
    struct rebuild_options options = options_of(fixture);
    struct generation_writer *other;
    struct error error;
    assert_int_equal(
        generation_writer_open(fixture->generations, &fixture->snapshot->plan, &other, &error), 0);
    expect_failure(&options, NULL, ERROR_EXISTS, fixture->generations);
    generation_writer_close(other);
    run(&options);
}

struct impatient {
    struct progress progress;
    const char *stop_at;
    unsigned calls;
};

static int stop_at_stage(struct progress *self, const char *stage, uint64_t done, uint64_t total) {
    struct impatient *impatient = (struct impatient *)self;
    impatient->calls++;
    assert_true(total == 0 || done <= total);
    return strcmp(stage, impatient->stop_at) == 0;
}

static void interrupted_nothing_is_published(void **state) {
    struct fixture *fixture = *state;
    struct archive *archive = open_archive(fixture);
    append_snapshot(archive, files);
    append_transactions(archive, 0, 6000);
    sync_archive(archive);
    archive_close(archive);
    struct rebuild_options options = options_of(fixture);
    for (int phase = REBUILD_SCAN; phase < REBUILD_PHASE_COUNT; phase++) {
        struct impatient impatient = {
            .progress = {.update = stop_at_stage},
            .stop_at = rebuild_phase_name((enum rebuild_phase)phase),
        };
        struct generation *generation;
        struct error error;
        expect_failure(&options, &impatient.progress, ERROR_INTERRUPTED, "was interrupted");
        assert_true(impatient.calls > 0);
        assert_int_equal(generation_open_current(fixture->generations, false, &generation, &error),
                         -ERROR_NOT_FOUND);
    }
    run(&options);
}

int main(void) {
#define REBUILD_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        REBUILD_TEST(tables_are_what_a_fold_gives),
        REBUILD_TEST(generation_and_newer_records_are_the_whole),
        REBUILD_TEST(nothing_beyond_the_sync_mark),
        REBUILD_TEST(a_second_rebuild_has_nothing_to_do),
        REBUILD_TEST(a_policy_with_other_rules_is_not_up_to_date),
        REBUILD_TEST(a_wrong_guess_with_more_entities),
        REBUILD_TEST(a_wrong_guess_with_fewer_entities),
        REBUILD_TEST(full_when_it_cannot_go_on),
        REBUILD_TEST(a_damaged_generation_is_not_up_to_date),
        REBUILD_TEST(old_generations_go),
        REBUILD_TEST(a_clock_that_was_set_back),
        REBUILD_TEST(with_a_policy_of_ones_own),
        REBUILD_TEST(what_cannot_be_rebuilt),
        REBUILD_TEST(an_outcome_of_nothing_before_it_is_damage),
        REBUILD_TEST(one_rebuild_at_a_time),
        REBUILD_TEST(interrupted_nothing_is_published),
    };
    return cmocka_run_group_tests_name("rebuild", tests, NULL, NULL);
}
