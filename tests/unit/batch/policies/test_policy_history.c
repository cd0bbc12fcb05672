/* What an archive says of its policies: adoptions, repetitions, tables, and files. Forged records
 * and sealed segments are tests/system/test_policy.py's. */
#include "batch/policies/policy_history.h"
#include "core/policy/load/snapshot.h"
#include "tests/unit/store/archive_bench.h"

static const struct policy_file files_of[][2] = {
    {{TEXT_LITERAL("policy.yaml"), TEXT_LITERAL("0")}, {TEXT_LITERAL("x"), TEXT_LITERAL("a")}},
    {{TEXT_LITERAL("policy.yaml"), TEXT_LITERAL("1")}, {TEXT_LITERAL("x"), TEXT_LITERAL("b")}},
    {{TEXT_LITERAL("policy.yaml"), TEXT_LITERAL("2")}, {TEXT_LITERAL("x"), TEXT_LITERAL("c")}},
};

static uint64_t id_of(size_t policy) {
    return snapshot_files_id(files_of[policy], 2);
}

/* Received as many seconds after the start as its position says. */
static int64_t time_of(uint64_t position) {
    return START_US + (int64_t)position * 1000000;
}

static void append(struct archive *archive, struct record record) {
    record.receive_time_us = time_of(archive_end(archive).position + 1);
    archive_append(archive, &record);
}

static void append_policy(struct archive *archive, enum record_type type, size_t policy) {
    append(archive, (struct record){.type = type,
                                    .snapshot = {.snapshot_id = id_of(policy),
                                                 .name = TEXT_LITERAL("name"),
                                                 .files = files_of[policy],
                                                 .file_count = 2}});
}

static void append_transactions(struct archive *archive, unsigned count) {
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (unsigned i = 0; i < count; i++)
        append(archive, bench_record(&arena, RECORD_TRANSACTION, i + 1));
    arena_deinit(&arena);
}

static void append_tables(struct archive *archive, uint64_t snapshot_id,
                          const struct policy_file *files, size_t count) {
    append(archive, (struct record){.type = RECORD_GENERATION,
                                    .generation = {.generation_id = 7,
                                                   .position = 1,
                                                   .snapshot_id = snapshot_id,
                                                   .files = files,
                                                   .file_count = count}});
}

static struct policy_history *open_history(const char *folder) {
    const struct policy_history_options options = {.archive = folder, .counts_transactions = true};
    struct policy_history *history;
    struct error error;
    if (policy_history_open(&options, NULL, &history, &error) < 0)
        fail_msg("%s", error.text);
    return history;
}

static void expect_files(const struct policy_history *history,
                         const struct policy_adoption *adoption, size_t policy) {
    struct policy_version version;
    struct error error;
    assert_int_equal(policy_history_load(history, adoption, &version, &error), 0);
    assert_int_equal(version.file_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(text_equal(version.files[i].path, files_of[policy][i].path));
        assert_true(text_equal(version.files[i].content, files_of[policy][i].content));
    }
    policy_version_deinit(&version);
}

static int set_up(void **state) {
    *state = scratch_make();
    return 0;
}

static int tear_down(void **state) {
    scratch_remove(*state);
    return 0;
}

static void adoptions(void **state) {
    const char *folder = *state;
    struct archive *archive = bench_open(folder, 4096, NULL); /* several segments */
    append_transactions(archive, 2);                          /* 1, 2: before any */
    append_policy(archive, RECORD_SNAPSHOT, 0);               /* 3 */
    append_transactions(archive, 30);
    append_policy(archive, RECORD_SHADOW, 1);   /* 34 */
    append_policy(archive, RECORD_SNAPSHOT, 0); /* 35: again */
    append_transactions(archive, 5);
    append_policy(archive, RECORD_SNAPSHOT, 1); /* 41: in force, no longer in shadow */
    append_policy(archive, RECORD_SHADOW, 1);   /* 42: again */
    append_policy(archive, RECORD_SNAPSHOT, 0); /* 43: as before */
    append_transactions(archive, 1);
    archive_close(archive);

    static const struct {
        enum policy_use use;
        size_t policy;
        uint64_t position, recorded, until_position, records, transactions;
    } expected[] = {
        {POLICY_LIVE, 0, 3, 2, 41, 37, 35},
        {POLICY_SHADOW, 1, 34, 2, 0, 0, 0},
        {POLICY_LIVE, 1, 41, 1, 43, 1, 0},
        {POLICY_LIVE, 0, 43, 1, 0, 1, 1},
    };
    struct policy_history *history = open_history(folder);
    assert_int_equal(policy_history_end(history), 44);
    assert_int_equal(policy_history_count(history), 4);
    for (size_t i = 0; i < 4; i++) {
        const struct policy_adoption *adoption = policy_history_at(history, i);
        assert_int_equal(adoption->use, expected[i].use);
        assert_true(adoption->snapshot_id == id_of(expected[i].policy));
        assert_true(text_is(adoption->name, "name"));
        assert_int_equal(adoption->file_count, 2);
        assert_int_equal(adoption->position, expected[i].position);
        assert_true(adoption->receive_time_us == time_of(expected[i].position));
        assert_int_equal(adoption->recorded, expected[i].recorded);
        assert_int_equal(adoption->until_position, expected[i].until_position);
        if (adoption->until_position)
            assert_true(adoption->until_us == time_of(adoption->until_position));
        assert_int_equal(policy_adoption_records(adoption, history), expected[i].records);
        assert_int_equal(adoption->transactions, expected[i].transactions);
        expect_files(history, adoption, expected[i].policy);
    }
    policy_history_close(history);
}

/* Old records of tables lack the policy's id. */
static void policies_of_tables(void **state) {
    const char *folder = *state;
    struct error error;
    struct archive *archive = bench_open(folder, 0, NULL);
    append_policy(archive, RECORD_SNAPSHOT, 0);
    append_tables(archive, id_of(0), NULL, 0); /* built with the one in force */
    append_tables(archive, id_of(1), files_of[1], 2);
    append_tables(archive, 0, files_of[2], 2);
    append_tables(archive, id_of(1), files_of[1], 2);
    archive_close(archive);

    struct policy_history *history = open_history(folder);
    assert_int_equal(policy_history_count(history), 1);
    assert_int_equal(policy_history_add_built(history, NULL, &error), 0);
    assert_int_equal(policy_history_count(history), 3);
    for (size_t i = 1; i < 3; i++) {
        const struct policy_adoption *adoption = policy_history_at(history, i);
        assert_int_equal(adoption->use, POLICY_BUILT);
        assert_true(adoption->snapshot_id == id_of(i));
        assert_int_equal(adoption->position, i + 2);
        assert_int_equal(adoption->recorded, i == 1 ? 2 : 1);
        assert_int_equal(policy_adoption_records(adoption, history), 0);
        expect_files(history, adoption, i);
    }
    policy_history_close(history);
}

/* A policy that was adopted a moment ago is the current one, although it may still be undone. */
static void records_that_are_not_synced(void **state) {
    const char *folder = *state;
    const struct policy_history_options options = {.archive = folder};
    struct policy_history *history;
    struct policy_version version;
    struct error error;
    struct archive *archive = bench_open(folder, 0, NULL);
    assert_int_equal(policy_history_open(&options, NULL, &history, &error), -ERROR_NOT_FOUND);
    append_policy(archive, RECORD_SNAPSHOT, 0);
    bench_write(archive);
    for (size_t synced = 0; synced < 2; synced++) { /* none of it, and the first two records */
        history = open_history(folder);
        assert_int_equal(policy_history_count(history), 1);
        assert_int_equal(policy_history_end(history), 1 + synced);
        expect_files(history, policy_history_at(history, 0), 0);
        policy_history_close(history);
        if (synced == 0) {
            append_transactions(archive, 1);
            bench_write(archive);
            bench_sync(archive);
        }
    }
    append_transactions(archive, 3);
    append_policy(archive, RECORD_SNAPSHOT, 1);
    append_tables(archive, id_of(2), files_of[2], 2);
    append_transactions(archive, 2);
    bench_write(archive);
    history = open_history(folder);
    assert_int_equal(policy_history_add_built(history, NULL, &error), 0);
    assert_int_equal(policy_history_end(history), 9);
    assert_int_equal(policy_history_count(history), 3);
    const struct policy_adoption *before = policy_history_at(history, 0);
    assert_int_equal(before->until_position, 6);
    assert_int_equal(before->transactions, 4);
    assert_int_equal(policy_history_at(history, 1)->transactions, 2);
    assert_int_equal(policy_adoption_records(policy_history_at(history, 1), history), 3);
    for (size_t i = 0; i < 3; i++)
        expect_files(history, policy_history_at(history, i), i);

    /* Undone, and something else is written there. */
    archive_close(archive);
    char *copy = text_copy(text_of(scratch_path(folder, FIRST_SEGMENT)));
    struct text content = scratch_read(copy);
    scratch_write(copy, content.data, 64);
    free((char *)(uintptr_t)content.data);
    free(copy);
    assert_int_equal(policy_history_load(history, policy_history_at(history, 1), &version, &error),
                     -ERROR_NOT_FOUND);
    policy_history_close(history);
}

static int stop(struct progress *self, const char *stage, uint64_t done, uint64_t total) {
    (void)self, (void)stage;
    assert_true(done <= total);
    return 1;
}

static void interrupted(void **state) {
    const char *folder = *state;
    const struct policy_history_options options = {.archive = folder};
    struct progress progress = {stop};
    struct policy_history *history;
    struct error error;
    struct archive *archive = bench_open(folder, 0, NULL);
    append_policy(archive, RECORD_SNAPSHOT, 0);
    archive_close(archive);
    assert_int_equal(policy_history_open(&options, &progress, &history, &error),
                     -ERROR_INTERRUPTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(adoptions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(policies_of_tables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_that_are_not_synced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(interrupted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
