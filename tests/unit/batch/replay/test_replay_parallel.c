/* Replays by several threads and in chunks of several sizes: every byte that they tell must be what
 * one plain loop of engine_decide() and engine_apply() tells, record after record. */
#include "batch/base/scratch_file.h"
#include "batch/rebuild/rebuild.h"
#include "batch/replay/replay.h"

#include "core/base/check.h"
#include "core/store/archive/archive.h"
#include "tests/unit/batch/replay_archive.h"
#include "tests/unit/engine/state_map.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

/* ---- what is told, in bytes ---- */

static void put_decision(struct buffer *out, const struct decision *decision) {
    buffer_printf(out, "%s %u %016llx %016llx/%016llx errors %u", verdict_name(decision->verdict),
                  decision->score, (unsigned long long)decision->feature_hash,
                  (unsigned long long)decision->snapshot_id,
                  (unsigned long long)decision->generation_id, decision->rule_errors);
    if (decision->degraded)
        buffer_printf(out, " degraded %.*s", TEXT_ARGS(decision->degraded_reason));
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct reason *reason = &decision->reasons[i];
        buffer_printf(out, "; %.*s %.*s %d %d%d", TEXT_ARGS(reason->rule), TEXT_ARGS(reason->text),
                      reason->score, reason->shadow, reason->suppressed);
    }
    for (size_t i = 0; i < decision->feature_count; i++) {
        const struct named_value *feature = &decision->features[i];
        char text[256];
        value_format(feature->value, text, sizeof text);
        buffer_printf(out, ", %.*s=%s", TEXT_ARGS(feature->name), text);
    }
    buffer_printf(out, "\n");
}

/* What a run has told, and how. */
struct telling {
    struct buffer rows;    /* in order */
    struct buffer against; /* likewise: the second policy's */
    uint64_t last[64];     /* position of each worker's last row */
    size_t workers;
    bool in_order; /* of positions */
    struct replay_report report;
};

static int take(void *user, size_t worker, const struct replay_row *row, struct buffer *prepared,
                struct error *ret_error) {
    struct telling *telling = user;
    (void)ret_error;
    check(worker < telling->workers);
    check(!telling->in_order || row->record->position > telling->last[worker]);
    telling->last[worker] = row->record->position;
    check(row->prepared.length == 0);
    if (row->decision)
        put_decision(prepared, row->decision);
    else if (!row->refusal)
        put_decision(prepared, &row->record->transaction.decision);
    else
        buffer_printf(prepared, "refused: %.*s: %s\n", TEXT_ARGS(row->refused_field),
                      row->refusal->text);
    size_t before = prepared->length;
    if (row->against)
        buffer_printf(prepared, "%s %u", verdict_name(row->against->verdict), row->against->score);
    buffer_append_u32(prepared, (uint32_t)(prepared->length - before));
    return 0;
}

static int tell(void *user, const struct replay_row *row, struct error *ret_error) {
    struct telling *telling = user;
    (void)ret_error;
    const char *prepared = row->prepared.data;
    size_t length = row->prepared.length - 4;
    size_t second = load_u32((const uint8_t *)prepared + length);
    buffer_printf(&telling->rows, "%llu %.*s %s: ", (unsigned long long)row->record->position,
                  TEXT_ARGS(row->record->transaction.transaction.id), label_name(row->outcome));
    buffer_append(&telling->rows, prepared, length - second);
    buffer_printf(&telling->against, "%llu %.*s\n", (unsigned long long)row->record->position,
                  (int)second, prepared + length - second);
    char brief[64];
    int size = row->against ? snprintf(brief, sizeof brief, "%s %u",
                                       verdict_name(row->against->verdict), row->against->score)
                            : 0;
    check((size_t)size == second && memcmp(brief, prepared + length - second, second) == 0);
    if (row->decision) {
        size = snprintf(brief, sizeof brief, "%s %u ", verdict_name(row->decision->verdict),
                        row->decision->score);
        check(memcmp(brief, prepared, (size_t)size) == 0);
    }
    return 0;
}

static void see_contradiction(void *user, uint64_t position, const char *what) {
    struct telling *telling = user;
    buffer_printf(&telling->rows, "%llu: %s\n", (unsigned long long)position, what);
}

/* Without take(): all of it in row(). */
static int tell_alone(void *user, const struct replay_row *row, struct error *ret_error) {
    struct telling *telling = user;
    struct buffer prepared;
    buffer_init(&prepared);
    telling->last[0] = 0;
    int r = take(user, 0, row, &prepared, ret_error);
    struct replay_row whole = *row;
    whole.prepared = (struct text){.data = (const char *)prepared.bytes, .length = prepared.length};
    if (r == 0)
        r = tell(user, &whole, ret_error);
    buffer_deinit(&prepared);
    return r;
}

static void telling_deinit(struct telling *telling) {
    buffer_deinit(&telling->rows);
    buffer_deinit(&telling->against);
}

static struct telling run_with(struct replay_options options, bool alone) {
    struct telling telling = {0};
    struct replay *replay;
    struct error error;
    buffer_init(&telling.rows);
    buffer_init(&telling.against);
    telling.in_order = options.clock == REPLAY_KNOWN_THEN;
    options.features = options.texts = options.hashes = options.outcomes = true;
    const struct replay_listener listener = {.take = alone ? NULL : take,
                                             .row = alone ? tell_alone : tell,
                                             .contradiction = see_contradiction,
                                             .user = &telling};
    if (replay_open(&options, NULL, &replay, &error) < 0)
        fail_msg("%s", error.text);
    telling.workers = replay_workers(replay);
    assert_true(telling.workers <= 64);
    if (replay_run(replay, &listener, NULL, &telling.report, &error) < 0)
        fail_msg("%s", error.text);
    replay_close(replay);
    return telling;
}

static void expect_equal(const struct buffer *expected, const struct buffer *found,
                         const char *what) {
    size_t length = expected->length < found->length ? expected->length : found->length, line = 0;
    for (size_t i = 0; i < length; i++) {
        if (expected->bytes[i] != found->bytes[i])
            fail_msg("%s:\nexpected %.300s\nfound    %.300s", what,
                     (const char *)expected->bytes + line, (const char *)found->bytes + line);
        if (expected->bytes[i] == '\n')
            line = i + 1;
    }
    assert_int_equal(expected->length, found->length);
}

/* ---- the plain loop ---- */

struct plain {
    struct engine *engine;
    struct state_map states;
    struct list_table *lists;
    struct arena record, decision;
    uint8_t *verdicts; /* by position, as in what follows */
    bool *hasty;       /* did the only rule fire that filters ask for? */
};

static const struct text hasty = TEXT_LITERAL("hasty");

static void follow(struct plain *plain, struct record *record, const struct decision *decision) {
    static const struct decision none = {.verdict = VERDICT_NONE};
    if (record->type == RECORD_TRANSACTION) {
        record->transaction.decision = decision ? *decision : none;
        plain->verdicts[record->position] = (uint8_t)record->transaction.decision.verdict;
        decision = &record->transaction.decision;
        for (size_t i = 0; i < decision->reason_count; i++)
            plain->hasty[record->position] |= text_equal(decision->reasons[i].rule, hasty) &&
                                              !decision->reasons[i].shadow &&
                                              !decision->reasons[i].suppressed;
    } else if (record->type == RECORD_AMENDMENT) {
        uint64_t position = record->amendment.transaction_position;
        record->amendment.verdict = (enum verdict)plain->verdicts[position];
        record->amendment.fired = &hasty;
        record->amendment.fired_count = plain->hasty[position];
    } else if (record->type == RECORD_OUTCOME) {
        record->outcome.verdict =
            (enum verdict)plain->verdicts[record->outcome.transaction_position];
    }
}

static void decide(struct plain *plain, const struct record *record, struct decision *ret_decision,
                   struct buffer *rows) {
    struct text field;
    struct error error;
    buffer_printf(rows, "%llu %.*s ", (unsigned long long)record->position,
                  TEXT_ARGS(record->transaction.transaction.id));
    arena_reset(&plain->decision);
    int r = engine_decide(plain->engine, &record->transaction.transaction, &plain->states.source,
                          true, &plain->decision, ret_decision, &field, &error);
    assert_int_equal(r, 0);
}

/* All records of the archive; without the outcomes known at the end. */
static struct buffer run_plainly(const char *archive, enum replay_policy_name which,
                                 bool counterfactual) {
    struct snapshot *policy = replay_archive_policy(which);
    struct plain plain = {.engine = engine_new(policy, policy), .lists = list_table_new()};
    struct archive_reader *reader;
    struct error error;
    struct record record;
    struct buffer rows;
    int r;
    buffer_init(&rows);
    state_map_init(&plain.states, &policy->plan);
    arena_init(&plain.record, 16u << 20);
    arena_init(&plain.decision, 16u << 20);
    plain.verdicts = check_calloc(16384, 1);
    plain.hasty = check_calloc(16384, sizeof *plain.hasty);
    engine_use_lists(plain.engine, plain.lists);
    assert_int_equal(archive_reader_open(archive, (struct archive_place){0}, &reader, &error), 0);
    while ((r = archive_reader_next(reader, &plain.record, &record, &error)) == 1) {
        struct decision decision;
        check(record.position < 16384);
        if (record.type == RECORD_TRANSACTION) {
            decide(&plain, &record, &decision, &rows);
            put_decision(&rows, &decision);
        }
        if (counterfactual)
            follow(&plain, &record, &decision);
        engine_apply(plain.engine, &record, &plain.states.source);
        list_table_apply(plain.lists, &record);
        arena_reset(&plain.record);
    }
    assert_int_equal(r, 0);
    archive_reader_close(reader);
    engine_free(plain.engine);
    list_table_free(plain.lists);
    state_map_deinit(&plain.states);
    arena_deinit(&plain.record);
    arena_deinit(&plain.decision);
    free(plain.verdicts);
    free(plain.hasty);
    snapshot_unref(policy);
    return rows;
}

/* "12 t3 fraud: approve …" → "12 t3 approve …" */
static struct buffer without_outcomes(const struct buffer *rows) {
    struct buffer out;
    buffer_init(&out);
    const char *at = (const char *)rows->bytes, *end = at + rows->length;
    while (at < end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        const char *id = memchr(at, ' ', (size_t)(end - at));
        const char *label = memchr(id + 1, ' ', (size_t)(end - id - 1));
        const char *rest = memchr(label, ':', (size_t)(end - label));
        buffer_append(&out, at, (size_t)(label - at) + 1);
        buffer_append(&out, rest + 2, (size_t)(line - rest) - 1);
        at = line + 1;
    }
    return out;
}

/* ---- the tests ---- */

struct place {
    char *scratch;
    char archive[512];
    char policies[REPLAY_POLICY_COUNT][512];
};

static int setup(void **state) {
    struct place *place = check_calloc(1, sizeof *place);
    place->scratch = scratch_make();
    snprintf(place->archive, sizeof place->archive, "%s/archive", place->scratch);
    for (int i = 0; i < REPLAY_POLICY_COUNT; i++)
        snprintf(place->policies[i], sizeof place->policies[i], "%s",
                 replay_archive_folder(place->scratch, (enum replay_policy_name)i));
    *state = place;
    return 0;
}

static int teardown(void **state) {
    struct place *place = *state;
    scratch_remove(place->scratch);
    free(place);
    return 0;
}

/* Threads and chunks that every run is made with. */
static const struct {
    size_t threads, chunk;
} manners[] = {{1, 0}, {1, 1}, {2, 7}, {2, 4096}, {5, 1}, {5, 7}, {3, 100}};

#define MANNERS (sizeof manners / sizeof *manners)

static void expect_one_result(struct replay_options options) {
    struct telling first = run_with(options, true);
    assert_true(first.report.transactions > 0);
    for (size_t i = 0; i < MANNERS; i++) {
        char what[64];
        snprintf(what, sizeof what, "%zu threads, chunks of %zu", manners[i].threads,
                 manners[i].chunk);
        options.threads = manners[i].threads;
        options.chunk_records = manners[i].chunk;
        struct telling next = run_with(options, false);
        expect_equal(&first.rows, &next.rows, what);
        expect_equal(&first.against, &next.against, what);
        assert_int_equal(next.workers, options.counterfactual ? 1 : manners[i].threads);
        next.report.scan_seconds = first.report.scan_seconds;
        next.report.replay_seconds = first.report.replay_seconds;
        assert_memory_equal(&first.report, &next.report, sizeof first.report);
        telling_deinit(&next);
    }
    telling_deinit(&first);
}

/* Sums of both amounts before and after, which the report has by kind. */
static void expect_amendments(const char *archive, const struct amendment_tally *tally) {
    struct archive_reader *reader;
    struct error error;
    struct record record;
    struct arena arena;
    uint64_t voids = 0, restores = 0;
    int64_t captured = 0, refunded = 0;
    arena_init(&arena, 16u << 20);
    assert_int_equal(archive_reader_open(archive, (struct archive_place){0}, &reader, &error), 0);
    while (archive_reader_next(reader, &arena, &record, &error) == 1) {
        const struct amended *before = &record.amendment.previous, *now = &record.amendment.now;
        if (record.type == RECORD_AMENDMENT) {
            voids += now->is_voided && !before->is_voided;
            restores += !now->is_voided && before->is_voided;
            captured += now->amount_minor - before->amount_minor;
            refunded += now->refunded_minor - before->refunded_minor;
        }
        arena_reset(&arena);
    }
    archive_reader_close(reader);
    arena_deinit(&arena);
    assert_true(voids > 5 && restores > 0 && captured != 0 && refunded > 0);
    assert_int_equal(tally->counts[AMENDMENT_VOID], voids);
    assert_int_equal(tally->counts[AMENDMENT_RESTORE], restores);
    assert_int_equal(tally->without_amount, 0);
    assert_true(tally->amounts[AMENDMENT_CAPTURE] == captured);
    assert_true(tally->amounts[AMENDMENT_REFUND] == refunded);
}

static void a_policy_decides_as_the_plain_loop_does(void **state) {
    const struct place *place = *state;
    replay_archive_write(place->archive, &(struct replay_archive_kind){.transactions = 1500});
    for (int which = 0; which < REPLAY_POLICY_COUNT; which++) {
        const struct replay_options options = {.archive = place->archive,
                                               .policy = place->policies[which],
                                               .threads = 2,
                                               .chunk_records = 64};
        struct telling telling = run_with(options, false);
        struct buffer expected = run_plainly(place->archive, (enum replay_policy_name)which, false);
        struct buffer found = without_outcomes(&telling.rows);
        expect_equal(&expected, &found, "a policy");
        expect_amendments(place->archive, &telling.report.amendments);
        buffer_deinit(&expected);
        buffer_deinit(&found);
        telling_deinit(&telling);
    }
    expect_one_result((struct replay_options){.archive = place->archive,
                                              .policy = place->policies[REPLAY_FIRST]});
}

/* ---- states in files ---- */

struct counted_files {
    atomic_uint made;
    unsigned most; /* more cannot be made */
};

static int make_counted(void *user, struct error *ret_error) {
    struct counted_files *files = user;
    if (atomic_fetch_add(&files->made, 1) >= files->most)
        return error_set(ret_error, ERROR_SYSTEM, "no more files");
    return scratch_file(NULL, ret_error);
}

/* A chunk begins with no state in memory, whether the chunk is a row or all of them. */
static void states_in_files_give_the_same(void **state) {
    const struct place *place = *state;
    replay_archive_write(place->archive, &(struct replay_archive_kind){.transactions = 1500});
    for (int i = 0; i < 2 * REPLAY_POLICY_COUNT; i++) {
        struct replay_options options = {.archive = place->archive,
                                         .policy = place->policies[i / 2],
                                         .clock = i % 2 ? REPLAY_KNOWN_NOW : REPLAY_KNOWN_THEN};
        struct telling expected = run_with(options, false);
        for (size_t j = 0; j < MANNERS; j++) {
            struct counted_files files = {.most = UINT_MAX};
            options.threads = manners[j].threads;
            options.chunk_records = manners[j].chunk;
            options.state_bytes = 1;
            options.state_files =
                (struct state_shelf_files){.make_file = make_counted, .user = &files};
            struct telling found = run_with(options, false);
            expect_equal(&expected.rows, &found.rows, "states in files");
            bool is_one_chunk = manners[j].chunk == 0 || manners[j].chunk > 1000;
            assert_true(is_one_chunk || atomic_load(&files.made) > 0);
            telling_deinit(&found);
        }
        telling_deinit(&expected);
    }
}

static void no_room_for_states_ends_it(void **state) {
    const struct place *place = *state;
    replay_archive_write(place->archive, &(struct replay_archive_kind){.transactions = 500});
    for (unsigned most = 0; most < 5; most++) {
        struct counted_files files = {.most = most};
        const struct replay_options options = {
            .archive = place->archive,
            .policy = place->policies[REPLAY_FIRST],
            .threads = 3,
            .chunk_records = 50,
            .state_bytes = 1,
            .state_files = {.make_file = make_counted, .user = &files}};
        const struct replay_listener listener = {0};
        struct replay_report report;
        struct replay *replay;
        struct error error;
        assert_int_equal(replay_open(&options, NULL, &replay, &error), 0);
        assert_int_equal(replay_run(replay, &listener, NULL, &report, &error), -ERROR_SYSTEM);
        assert_string_equal(error.text, "no more files");
        replay_close(replay);
    }
}

/* Reloads, tables with other plans that leave idle entities out, list changes. */
static void recorded_policies_and_tables_give_one_result(void **state) {
    const struct place *place = *state;
    replay_archive_write(
        place->archive,
        &(struct replay_archive_kind){.transactions = 1500, .policies = true, .tables = true});
    struct telling telling = run_with((struct replay_options){.archive = place->archive}, false);
    assert_true(telling.report.snapshots > 3 && telling.report.generations > 3);
    assert_int_equal(telling.report.contradictions, 0);
    telling_deinit(&telling);
    expect_one_result((struct replay_options){.archive = place->archive});
    expect_one_result((struct replay_options){.archive = place->archive, .recorded = true});
}

static void verdicts_follow_the_policy(void **state) {
    const struct place *place = *state;
    replay_archive_write(place->archive, &(struct replay_archive_kind){.transactions = 1000});
    for (int which = 0; which < REPLAY_POLICY_COUNT; which++) {
        const struct replay_options options = {.archive = place->archive,
                                               .policy = place->policies[which],
                                               .counterfactual = true,
                                               .chunk_records = 50};
        struct telling telling = run_with(options, false);
        struct buffer expected = run_plainly(place->archive, (enum replay_policy_name)which, true);
        struct buffer otherwise =
            run_plainly(place->archive, (enum replay_policy_name)which, false);
        struct buffer found = without_outcomes(&telling.rows);
        expect_equal(&expected, &found, "counterfactual");
        /* It would not do to leave the verdicts as they are recorded. */
        if (which != REPLAY_STRICT)
            assert_true(otherwise.length != found.length ||
                        memcmp(otherwise.bytes, found.bytes, found.length) != 0);
        buffer_deinit(&expected);
        buffer_deinit(&otherwise);
        buffer_deinit(&found);
        telling_deinit(&telling);
    }
    expect_one_result((struct replay_options){.archive = place->archive,
                                              .policy = place->policies[REPLAY_FIRST],
                                              .against = place->policies[REPLAY_STRICT],
                                              .counterfactual = true});
}

/* "12 t3 …: approve 300 …" → "12 approve 300" */
static struct buffer briefly(const struct buffer *rows) {
    struct buffer out;
    buffer_init(&out);
    const char *at = (const char *)rows->bytes, *end = at + rows->length;
    while (at < end) {
        unsigned long long position;
        char verdict[16];
        unsigned score;
        const char *line = memchr(at, '\n', (size_t)(end - at));
        int n = sscanf(at, "%llu %*s %*s %15s %u", &position, verdict, &score);
        check(n == 3);
        buffer_printf(&out, "%llu %s %u\n", position, verdict, score);
        at = line + 1;
    }
    return out;
}

/* The same features share their states, others have their own; either is two runs in one. */
static void two_policies_in_one_run(void **state) {
    const struct place *place = *state;
    replay_archive_write(place->archive,
                         &(struct replay_archive_kind){.transactions = 1000, .policies = true});
    static const enum replay_policy_name seconds[] = {REPLAY_STRICT, REPLAY_OTHER};
    for (int counterfactual = 0; counterfactual < 2; counterfactual++)
        for (size_t i = 0; i < 2; i++) {
            struct replay_options options = {.archive = place->archive,
                                             .policy = place->policies[REPLAY_FIRST],
                                             .threads = 2,
                                             .chunk_records = 60,
                                             .counterfactual = counterfactual};
            struct telling first = run_with(options, false);
            options.policy = place->policies[seconds[i]];
            struct telling second = run_with(options, false);
            options.policy = place->policies[REPLAY_FIRST];
            options.against = place->policies[seconds[i]];
            struct telling both = run_with(options, false);
            struct buffer expected = briefly(&second.rows);
            expect_equal(&first.rows, &both.rows, "the first of two");
            expect_equal(&expected, &both.against, "the second of two");
            for (int verdict = 0; verdict < VERDICT_COUNT; verdict++)
                assert_int_equal(both.report.against_verdicts[verdict],
                                 second.report.verdicts[verdict]);
            buffer_deinit(&expected);
            telling_deinit(&first);
            telling_deinit(&second);
            telling_deinit(&both);
        }
    expect_one_result((struct replay_options){.archive = place->archive,
                                              .policy = place->policies[REPLAY_FIRST],
                                              .against = place->policies[REPLAY_OTHER]});
}

/* However many threads, and whether memory holds what waits or a file has to. */
static void the_order_of_event_times_gives_one_result(void **state) {
    const struct place *place = *state;
    replay_archive_write(place->archive, &(struct replay_archive_kind){.transactions = 1000});
    struct replay_options options = {.archive = place->archive,
                                     .policy = place->policies[REPLAY_FIRST],
                                     .against = place->policies[REPLAY_OTHER]};
    struct telling then = run_with(options, false);
    options.clock = REPLAY_KNOWN_NOW;
    expect_one_result(options);
    struct telling now = run_with(options, false);
    assert_int_equal(now.report.transactions, then.report.transactions);
    assert_int_equal(now.report.position, then.report.position);
    assert_true(now.rows.length != then.rows.length ||
                memcmp(now.rows.bytes, then.rows.bytes, now.rows.length) != 0);
    options.memory_bytes = 10000;
    struct telling little = run_with(options, false);
    expect_equal(&now.rows, &little.rows, "little memory");
    telling_deinit(&then);
    telling_deinit(&now);
    telling_deinit(&little);
}

/* What is told of a range is what is told of it in the whole. */
static void a_range_is_a_part_of_the_whole(void **state) {
    const struct place *place = *state;
    replay_archive_write(place->archive, &(struct replay_archive_kind){.transactions = 1000});
    struct replay_options options = {.archive = place->archive,
                                     .policy = place->policies[REPLAY_FIRST],
                                     .threads = 2,
                                     .chunk_records = 60};
    struct telling whole = run_with(options, false);
    options.from_us = REPLAY_ARCHIVE_START_US + 50000 * REPLAY_ARCHIVE_SECOND;
    options.to_us = REPLAY_ARCHIVE_START_US + 120000 * REPLAY_ARCHIVE_SECOND;
    struct telling part = run_with(options, false);
    assert_true(part.report.transactions > 50);
    assert_true(part.report.transactions < whole.report.transactions - 50);
    assert_true(part.report.first_us >= options.from_us && part.report.last_us < options.to_us);
    assert_int_equal(part.report.records, whole.report.records);
    const char *at = (const char *)part.rows.bytes, *end = at + part.rows.length;
    while (at < end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        assert_non_null(memmem(whole.rows.bytes, whole.rows.length, at, (size_t)(line - at) + 1));
        at = line + 1;
    }
    telling_deinit(&whole);
    telling_deinit(&part);
    expect_one_result(options);
}

/* ---- from tables ---- */

static uint64_t put(struct archive *archive, struct record record) {
    record.receive_time_us = REPLAY_ARCHIVE_START_US;
    archive_append(archive, &record);
    return record.position;
}

static struct archive *write_on(const struct place *place) {
    struct archive_recovery recovery;
    struct archive *archive;
    struct error error;
    if (archive_open(place->archive, NULL, &archive, &recovery, &error) < 0)
        fail_msg("%s", error.text);
    return archive;
}

static struct record transaction_of(const char *id, int64_t seconds) {
    struct record record = {
        .type = RECORD_TRANSACTION,
        .transaction = {.transaction = {.id = text_of(id),
                                        .event_time_us = REPLAY_ARCHIVE_START_US +
                                                         seconds * REPLAY_ARCHIVE_SECOND,
                                        .amount_minor = 100,
                                        .currency = TEXT_LITERAL("EUR")},
                        .decision = {.verdict = VERDICT_DECLINE}}};
    record.transaction.transaction.fields[FIELD_MERCHANT] = TEXT_LITERAL("m1");
    return record;
}

/* What tables hold was applied with the recorded verdicts, so that is what outcomes of it say. */
static void outcomes_of_what_tables_hold(void **state) {
    const struct place *place = *state;
    char generations[600];
    struct rebuild_report rebuilt = {0};
    struct telling telling;
    struct error error;
    struct record declined[3];
    uint64_t positions[3];
    struct archive *archive = write_on(place);
    for (int i = 0; i < 3; i++) {
        declined[i] = transaction_of(&"a\0b\0c"[2 * i], i);
        positions[i] = put(archive, declined[i]);
    }
    archive_close(archive);
    snprintf(generations, sizeof generations, "%s/generations", place->scratch);
    const struct rebuild_options options = {.archive = place->archive,
                                            .generations = generations,
                                            .policy = place->policies[REPLAY_FIRST],
                                            .version = "1",
                                            .now_us = REPLAY_ARCHIVE_START_US};
    if (rebuild_run(&options, NULL, &rebuilt, &error) < 0)
        fail_msg("%s", error.text);
    rebuild_report_deinit(&rebuilt);

    archive = write_on(place);
    for (int i = 0; i < 3; i++)
        put(archive, (struct record){.type = RECORD_OUTCOME,
                                     .outcome = {.label = LABEL_FRAUD,
                                                 .transaction_position = positions[i],
                                                 .transaction = declined[i].transaction.transaction,
                                                 .verdict = VERDICT_DECLINE}});
    put(archive, transaction_of("d", 10));
    archive_close(archive);
    for (int counterfactual = 0; counterfactual < 2; counterfactual++) {
        telling = run_with(
            (struct replay_options){.archive = place->archive,
                                    .policy = place->policies[REPLAY_FIRST],
                                    .generations = generations,
                                    .from_us = REPLAY_ARCHIVE_START_US + 5 * REPLAY_ARCHIVE_SECOND,
                                    .counterfactual = counterfactual},
            false);
        assert_int_equal(telling.report.transactions, 1);
        assert_int_equal(telling.report.records, 4);
        buffer_append_u8(&telling.rows, 0);
        assert_non_null(strstr((const char *)telling.rows.bytes, "frauds_1d"));
        assert_null(strstr((const char *)telling.rows.bytes, "risky_merchant"));
        telling_deinit(&telling);
    }
}

/* States of the tables that have changed since come from the files, however often they went there.
 */
static void states_in_files_are_newer_than_tables(void **state) {
    const struct place *place = *state;
    char generations[600], ids[60][8];
    struct rebuild_report rebuilt = {0};
    struct error error;
    struct archive *archive = write_on(place);
    for (int i = 0; i < 60; i++) {
        snprintf(ids[i], sizeof ids[i], "t%d", i);
        struct record record = transaction_of(ids[i], i);
        record.transaction.transaction.amount_minor += i;
        record.transaction.transaction.fields[FIELD_CARD] =
            i % 3 ? TEXT_LITERAL("c1") : TEXT_LITERAL("c2");
        put(archive, record);
        if (i != 19)
            continue;
        archive_close(archive);
        snprintf(generations, sizeof generations, "%s/generations", place->scratch);
        const struct rebuild_options options = {.archive = place->archive,
                                                .generations = generations,
                                                .policy = place->policies[REPLAY_FIRST],
                                                .version = "1",
                                                .now_us = REPLAY_ARCHIVE_START_US};
        if (rebuild_run(&options, NULL, &rebuilt, &error) < 0)
            fail_msg("%s", error.text);
        rebuild_report_deinit(&rebuilt);
        archive = write_on(place);
    }
    archive_close(archive);
    struct counted_files files = {.most = UINT_MAX};
    struct replay_options options = {.archive = place->archive,
                                     .policy = place->policies[REPLAY_FIRST],
                                     .from_us =
                                         REPLAY_ARCHIVE_START_US + 20 * REPLAY_ARCHIVE_SECOND,
                                     .threads = 2,
                                     .chunk_records = 7};
    struct telling expected = run_with(options, false);
    options.generations = generations;
    options.state_bytes = 1;
    options.state_files = (struct state_shelf_files){.make_file = make_counted, .user = &files};
    struct telling found = run_with(options, false);
    assert_int_equal(found.report.records, 40);
    assert_true(atomic_load(&files.made) > 0);
    expect_equal(&expected.rows, &found.rows, "states in files behind tables");
    telling_deinit(&expected);
    telling_deinit(&found);
}

/* ---- an end before the end ---- */

static int refuse(void *user, size_t worker, const struct replay_row *row, struct buffer *prepared,
                  struct error *ret_error) {
    (void)worker, (void)prepared;
    const uint64_t *position = user;
    if (row->record->position < *position)
        return 0;
    return error_set(ret_error, ERROR_UNAVAILABLE, "enough at %llu",
                     (unsigned long long)row->record->position);
}

static uint64_t rows_told;

static int count_row(void *user, const struct replay_row *row, struct error *ret_error) {
    (void)user, (void)row, (void)ret_error;
    rows_told++;
    return 0;
}

/* Whoever of the threads comes to it first, the first row in order that fails is the one. */
static void the_first_error_in_order_ends_it(void **state) {
    const struct place *place = *state;
    replay_archive_write(place->archive, &(struct replay_archive_kind){.transactions = 1000});
    uint64_t position = 700, told = 0;
    const struct replay_listener listener = {.take = refuse, .row = count_row, .user = &position};
    for (size_t i = 0; i < MANNERS; i++) {
        const struct replay_options options = {.archive = place->archive,
                                               .policy = place->policies[REPLAY_FIRST],
                                               .threads = manners[i].threads,
                                               .chunk_records = manners[i].chunk};
        struct replay_report report;
        struct replay *replay;
        struct error error;
        rows_told = 0;
        assert_int_equal(replay_open(&options, NULL, &replay, &error), 0);
        assert_int_equal(replay_run(replay, &listener, NULL, &report, &error), -ERROR_UNAVAILABLE);
        replay_close(replay);
        assert_non_null(strstr(error.text, "enough at 70"));
        assert_true(i == 0 || rows_told == told);
        told = rows_told;
    }
    assert_true(told > 400);
}

/* ---- interrupted, and gone on with ---- */

struct interruption {
    struct progress progress;
    unsigned calls; /* left until the replay is asked to stop */
};

static int ask_to_stop(struct progress *self, const char *stage, uint64_t done, uint64_t total) {
    struct interruption *interruption = (struct interruption *)self;
    (void)done;
    (void)total;
    if (strcmp(stage, "replay") != 0)
        return 0;
    if (interruption->calls > 0)
        interruption->calls--;
    return interruption->calls == 0;
}

/* One run more behind those before it: telling->report is theirs, and then that of all. 0, or
 * -ERROR_INTERRUPTED after so many calls of the progress. */
static int go_on(struct replay_options options, unsigned calls, struct telling *telling) {
    struct interruption interruption = {.progress = {.update = ask_to_stop}, .calls = calls};
    const struct replay_listener listener = {
        .take = take, .row = tell, .contradiction = see_contradiction, .user = telling};
    struct replay *replay;
    struct error error;
    uint64_t before = telling->report.records;
    options.features = options.texts = options.hashes = options.outcomes = true;
    if (replay_open(&options, NULL, &replay, &error) < 0)
        fail_msg("%s", error.text);
    telling->workers = replay_workers(replay);
    memset(telling->last, 0, sizeof telling->last);
    if (before > 0)
        replay_resume(replay, &telling->report);
    int r = replay_run(replay, &listener, calls > 0 ? &interruption.progress : NULL,
                       &telling->report, &error);
    if (r < 0 && r != -ERROR_INTERRUPTED)
        fail_msg("%s", error.text);
    replay_close(replay);
    return r;
}

/* Stopped again and again, each time a little later. */
static void expect_the_same_in_pieces(struct replay_options options, size_t threads) {
    struct telling whole = run_with(options, false), pieces = {0};
    char what[64];
    unsigned runs = 0;
    snprintf(what, sizeof what, "in pieces, %zu threads", threads);
    buffer_init(&pieces.rows);
    buffer_init(&pieces.against);
    options.threads = threads;
    options.chunk_records = 25; /* many more than are under way when it is asked to stop */
    for (unsigned calls = 1, r = 1; r != 0; calls += 8) {
        uint64_t before = pieces.report.records;
        assert_true(++runs < 200);
        r = (unsigned)-go_on(options, calls, &pieces);
        assert_true(r == 0 || pieces.report.records >= 25 || before > 0);
        /* Less than before is no place to go on from: all of it has been told. */
        if (pieces.report.records < before)
            pieces.report.records = before;
    }
    assert_true(runs > 3);
    expect_equal(&whole.rows, &pieces.rows, what);
    expect_equal(&whole.against, &pieces.against, what);
    pieces.report.scan_seconds = whole.report.scan_seconds;
    pieces.report.replay_seconds = whole.report.replay_seconds;
    assert_memory_equal(&whole.report, &pieces.report, sizeof whole.report);
    telling_deinit(&whole);
    telling_deinit(&pieces);
}

static void what_is_interrupted_can_be_gone_on_with(void **state) {
    const struct place *place = *state;
    replay_archive_write(
        place->archive,
        &(struct replay_archive_kind){.transactions = 1000, .policies = true, .tables = true});
    const struct replay_options kinds[] = {
        {.archive = place->archive},
        {.archive = place->archive, .policy = place->policies[REPLAY_FIRST]},
        {.archive = place->archive,
         .policy = place->policies[REPLAY_FIRST],
         .against = place->policies[REPLAY_OTHER]},
        {.archive = place->archive,
         .policy = place->policies[REPLAY_STRICT],
         .from_us = REPLAY_ARCHIVE_START_US + 2000 * REPLAY_ARCHIVE_SECOND},
        {.archive = place->archive,
         .policy = place->policies[REPLAY_FIRST],
         .counterfactual = true},
        {.archive = place->archive, .policy = place->policies[REPLAY_FIRST], .walk_forward = true},
    };
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        expect_the_same_in_pieces(kinds[kind], 1);
        expect_the_same_in_pieces(kinds[kind], 3);
    }
}

static void so_can_the_order_of_event_times(void **state) {
    const struct place *place = *state;
    replay_archive_write(place->archive, &(struct replay_archive_kind){.transactions = 1000});
    const struct replay_options options = {.archive = place->archive,
                                           .policy = place->policies[REPLAY_FIRST],
                                           .clock = REPLAY_KNOWN_NOW};
    expect_the_same_in_pieces(options, 1);
    expect_the_same_in_pieces(options, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_policy_decides_as_the_plain_loop_does, setup, teardown),
        cmocka_unit_test_setup_teardown(states_in_files_give_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(no_room_for_states_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(recorded_policies_and_tables_give_one_result, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(verdicts_follow_the_policy, setup, teardown),
        cmocka_unit_test_setup_teardown(two_policies_in_one_run, setup, teardown),
        cmocka_unit_test_setup_teardown(the_order_of_event_times_gives_one_result, setup, teardown),
        cmocka_unit_test_setup_teardown(a_range_is_a_part_of_the_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(outcomes_of_what_tables_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(states_in_files_are_newer_than_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_error_in_order_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_interrupted_can_be_gone_on_with, setup, teardown),
        cmocka_unit_test_setup_teardown(so_can_the_order_of_event_times, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
