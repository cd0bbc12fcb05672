/* The archive's writer: what goes in comes out, in order, across segments and restarts, and a
 * failed write leaves nothing behind. */
#include "tests/unit/store/archive_bench.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void every_record_type_comes_back(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    struct arena arena;
    arena_init(&arena, 1u << 20);
    enum { ROUNDS = 20 };
    struct record written[ROUNDS * RECORD_TYPE_COUNT];
    size_t count = 0;
    for (unsigned round = 0; round < ROUNDS; round++)
        for (int type = RECORD_TRANSACTION; type < RECORD_TYPE_COUNT; type++) {
            written[count] = bench_record(&arena, (enum record_type)type, (unsigned)count);
            archive_append(archive, &written[count]);
            assert_int_equal(written[count].position, count + 1);
            count++;
        }
    struct archive_place end = archive_end(archive);
    bench_write(archive);
    archive_close(archive);

    struct archive_reader *reader;
    struct error error;
    assert_int_equal(archive_reader_open(folder, (struct archive_place){0}, &reader, &error), 0);
    struct record record;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 1);
        assert_same_record(&record, &written[i]);
    }
    assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 0);
    assert_int_equal(archive_reader_place(reader).position, end.position);
    assert_int_equal(archive_reader_place(reader).chain, end.chain);
    archive_reader_close(reader);
    arena_deinit(&arena);
    scratch_remove(folder);
}

static void an_empty_archive_opens(void **state) {
    (void)state;
    char *folder = scratch_make();
    char *path = strdup(scratch_path(folder, "archive"));
    struct archive_recovery recovery = {.position = 9, .torn_bytes = 9};
    struct archive *archive = bench_open(path, 0, &recovery);
    assert_int_equal(recovery.position, 0);
    assert_int_equal(recovery.torn_bytes, 0);
    assert_int_equal(archive_end(archive).position, 0);
    assert_int_equal(archive_end(archive).chain, 0);
    assert_int_equal(archive_time(archive), INT64_MIN);
    archive_close(archive);
    assert_int_equal(bench_read_all(path).position, 0);
    archive_close(bench_open(path, 0, &recovery));
    free(path);
    scratch_remove(folder);
}

static void one_process_writes(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    char holder[32];
    snprintf(holder, sizeof holder, "process %d", (int)getpid());
    bench_refused(folder, ERROR_EXISTS, "another process", holder);
    pid_t child = fork();
    if (child == 0) {
        struct archive *second = NULL;
        struct archive_recovery recovery;
        struct error error;
        _exit(archive_open(folder, NULL, &second, &recovery, &error) == -ERROR_EXISTS ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    archive_close(archive);
    archive_close(bench_open(folder, 0, NULL));
    scratch_remove(folder);
}

static void segments_are_closed_at_their_size(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 400, NULL);
    /* One write goes over many segments. */
    for (unsigned i = 1; i <= 50; i++)
        bench_append(archive, i, START_US);
    bench_write(archive);
    assert_true(archive_synced(archive) > 40); /* all closed segments */
    struct archive_place end = archive_end(archive);
    for (unsigned i = 51; i <= 60; i++) {
        bench_append(archive, i, START_US);
        bench_write(archive);
    }
    archive_close(archive);
    struct archive_place place = bench_read_all(folder);
    assert_int_equal(place.position, 60);
    assert_true(scratch_exists(scratch_path(folder, FIRST_SEGMENT)));
    /* 64 of header; frames of 24 + 24 bytes: the 7th reaches 400. */
    assert_true(scratch_exists(scratch_path(folder, "2026-01-01/00000000000000000008.seg")));
    assert_false(scratch_exists(scratch_path(folder, "2026-01-01/00000000000000000007.seg")));
    archive = bench_open(folder, 400, NULL);
    assert_int_equal(archive_end(archive).position, 60);
    assert_int_equal(archive_end(archive).chain, place.chain);
    assert_int_not_equal(place.chain, end.chain);
    assert_int_equal(archive_synced(archive), 60);
    archive_close(archive);
    scratch_remove(folder);
}

static void days_have_folders_and_never_go_back(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    bench_append(archive, 1, START_US + DAY_US - 1);
    bench_append(archive, 2, START_US + DAY_US);
    bench_append(archive, 3, START_US); /* the clock was set back */
    bench_append(archive, 4, START_US + 3 * DAY_US);
    bench_write(archive);
    assert_int_equal(archive_time(archive), START_US + 3 * DAY_US);
    archive_close(archive);

    archive = bench_open(folder, 0, NULL);
    assert_int_equal(archive_time(archive), START_US + 3 * DAY_US);
    bench_append(archive, 5, START_US);
    struct arena arena;
    arena_init(&arena, 1u << 16);
    struct record record;
    struct error error;
    assert_int_equal(archive_read(archive, 3, &arena, &record, &error), 0);
    assert_int_equal(record.receive_time_us, START_US + DAY_US);
    assert_int_equal(archive_read(archive, 5, &arena, &record, &error), 0);
    assert_int_equal(record.receive_time_us, START_US + 3 * DAY_US);
    arena_deinit(&arena);
    archive_close(archive);
    assert_int_equal(bench_read_all(folder).position, 5);
    assert_true(scratch_exists(scratch_path(folder, FIRST_SEGMENT)));
    assert_true(scratch_exists(scratch_path(folder, "2026-01-02/00000000000000000002.seg")));
    assert_true(scratch_exists(scratch_path(folder, "2026-01-04/00000000000000000004.seg")));
    assert_false(scratch_exists(scratch_path(folder, "2026-01-03")));
    scratch_remove(folder);
}

/* The chain names a history: it does not depend on segments or restarts, but on every byte. */
static void the_chain_is_of_the_records(void **state) {
    (void)state;
    char *one = scratch_make(), *other = scratch_make(), *third = scratch_make();
    struct archive *archive = bench_open(one, 0, NULL);
    for (unsigned i = 1; i <= 30; i++)
        bench_append(archive, i, START_US);
    archive_close(archive);
    for (unsigned i = 1; i <= 30; i++) {
        archive = bench_open(other, 300, NULL);
        bench_append(archive, i, START_US);
        archive_close(archive);
        archive = bench_open(third, 300, NULL);
        bench_append(archive, i, START_US + (i == 2));
        archive_close(archive);
    }
    uint64_t chain = bench_read_all(one).chain;
    assert_int_equal(chain, bench_read_all(other).chain);
    assert_int_not_equal(chain, bench_read_all(third).chain);
    scratch_remove(one);
    scratch_remove(other);
    scratch_remove(third);
}

static void reading_by_position_equals_reading_in_order(void **state) {
    (void)state;
    enum { WRITTEN = 700, APPENDED = 750 };
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 9000, NULL);
    struct arena arena, scratch;
    arena_init(&arena, 4u << 20);
    arena_init(&scratch, 1u << 20);
    static struct record records[APPENDED + 1];
    for (unsigned i = 1; i <= APPENDED; i++) {
        enum record_type type = (enum record_type)(1 + i % (RECORD_TYPE_COUNT - 1));
        records[i] = bench_record(&arena, type, i);
        archive_append(archive, &records[i]);
        if (i % 50 == 0 && i <= WRITTEN)
            bench_write(archive);
        if (i % 130 == 0)
            bench_sync(archive);
    }
    struct record record;
    struct error error;
    uint64_t random = 1;
    for (int reads = 0; reads < 4000; reads++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        uint64_t position = 1 + (random >> 33) % APPENDED;
        arena_reset(&scratch);
        if (archive_read(archive, position, &scratch, &record, &error) < 0)
            fail_msg("%s", error.text);
        assert_same_record(&record, &records[position]);
    }
    assert_int_equal(archive_read(archive, 0, &scratch, &record, &error), -ERROR_NOT_FOUND);
    assert_int_equal(archive_read(archive, APPENDED + 1, &scratch, &record, &error),
                     -ERROR_NOT_FOUND);
    archive_close(archive);

    /* The same from cold, newest first. */
    archive = bench_open(folder, 9000, NULL);
    for (uint64_t position = APPENDED; position > 0; position--) {
        arena_reset(&scratch);
        assert_int_equal(archive_read(archive, position, &scratch, &record, &error), 0);
        assert_same_record(&record, &records[position]);
    }
    archive_close(archive);
    arena_deinit(&arena);
    arena_deinit(&scratch);
    scratch_remove(folder);
}

static void reading_finds_damage(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    for (unsigned i = 1; i <= 100; i++)
        bench_append(archive, i, START_US);
    bench_write(archive);
    const char *path = scratch_path(folder, FIRST_SEGMENT);
    struct text bytes = scratch_read(path);
    ((char *)(uintptr_t)bytes.data)[64 + 48 * 30 + 30] ^= 1; /* the 31st */
    int descriptor = open(path, O_WRONLY);
    assert_int_equal(pwrite(descriptor, bytes.data, bytes.length, 0), bytes.length);
    close(descriptor);
    struct arena arena;
    arena_init(&arena, 1u << 16);
    struct record record;
    struct error error;
    assert_int_equal(archive_read(archive, 30, &arena, &record, &error), 0);
    assert_int_equal(archive_read(archive, 31, &arena, &record, &error), -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, FIRST_SEGMENT));
    assert_non_null(strstr(error.text, "byte 1504"));
    arena_deinit(&arena);
    free((char *)(uintptr_t)bytes.data);
    archive_close(archive);
    scratch_remove(folder);
}

/* A policy may have files of 64 MiB together; windows and buffers grow for it and no longer. */
static void large_records_come_back(void **state) {
    (void)state;
    enum { SIZE = 20 << 20 };
    char *folder = scratch_make();
    char *content = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        content[i] = (char)(i * 2654435761u >> 24);
    const struct policy_file file = {.path = TEXT_LITERAL("model"),
                                     .content = {.data = content, .length = SIZE}};
    struct record large = {.type = RECORD_SNAPSHOT,
                           .receive_time_us = START_US,
                           .snapshot = {.files = &file, .file_count = 1}};
    struct archive *archive = bench_open(folder, 0, NULL);
    for (unsigned round = 0; round < 2; round++) {
        bench_append(archive, 1, START_US);
        bench_write(archive);
        archive_append(archive, &large);
        bench_write(archive);
        archive_close(archive);
        archive = bench_open(folder, 0, NULL); /* the large one is the last: it is decoded */
        assert_int_equal(archive_time(archive), START_US);
    }
    struct arena arena;
    arena_init(&arena, (size_t)SIZE * 3);
    struct record record;
    struct error error;
    for (uint64_t position = 1; position <= 4; position++) {
        arena_reset(&arena);
        assert_int_equal(archive_read(archive, position, &arena, &record, &error), 0);
        if (position % 2)
            continue;
        assert_int_equal(record.snapshot.file_count, 1);
        assert_true(text_equal(record.snapshot.files[0].content, file.content));
    }
    archive_close(archive);
    /* The file ends inside the large one. */
    const char *path = scratch_path(folder, FIRST_SEGMENT);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size - 1000), 0);
    struct archive_recovery recovery;
    archive = bench_open(folder, 0, &recovery);
    assert_int_equal(recovery.position, 3);
    assert_in_range(recovery.torn_bytes, SIZE - 1000, SIZE);
    archive_close(archive);
    arena_deinit(&arena);
    free(content);
    scratch_remove(folder);
}

/* ---------------------------------------------------------------------------------------------
 * Syncing */

static void syncing_marks_what_was_written_when_it_began(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    struct archive_sync sync;
    struct error error;
    assert_int_equal(archive_sync_start(archive, &sync, &error), 0);
    bench_append(archive, 1, START_US);
    assert_int_equal(archive_sync_start(archive, &sync, &error), 0); /* not written yet */
    bench_write(archive);
    uint64_t chain = archive_end(archive).chain;
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    assert_int_equal(sync.position, 1);
    assert_int_equal(sync.chain, chain);
    bench_append(archive, 2, START_US);
    bench_write(archive);
    assert_int_equal(archive_sync_wait(&sync, &error), 0);
    assert_int_equal(archive_synced(archive), 0);
    assert_int_equal(archive_sync_finish(archive, &sync, &error), 0);
    assert_int_equal(archive_synced(archive), 1);

    struct archive_reader *reader;
    assert_int_equal(archive_reader_open(folder, (struct archive_place){0}, &reader, &error), 0);
    struct archive_place synced;
    assert_int_equal(archive_reader_synced(reader, &synced, &error), 0);
    assert_int_equal(synced.position, 1);
    assert_int_equal(synced.chain, chain);
    archive_reader_close(reader);

    bench_sync(archive);
    assert_int_equal(archive_sync_start(archive, &sync, &error), 0); /* nothing new */
    archive_close(archive);
    assert_int_equal(bench_read_all(folder).position, 2);
    scratch_remove(folder);
}

static void a_sync_outlives_its_segment(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    bench_append(archive, 1, START_US);
    bench_write(archive);
    struct archive_sync sync;
    struct error error;
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    bench_append(archive, 2, START_US + DAY_US);
    bench_write(archive);
    assert_int_equal(archive_sync_wait(&sync, &error), 0);
    assert_int_equal(archive_sync_finish(archive, &sync, &error), 0);
    assert_int_equal(archive_synced(archive), 1);
    archive_close(archive);
    assert_int_equal(bench_read_all(folder).position, 2);
    scratch_remove(folder);
}

static void a_failed_sync_ends_it(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    bench_append(archive, 1, START_US);
    bench_write(archive);
    struct archive_sync sync;
    struct error error;
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_true(dup2(pipes[0], sync.descriptor) >= 0); /* a pipe cannot be synced */
    assert_int_equal(archive_sync_wait(&sync, &error), -ERROR_SYSTEM);
    assert_int_equal(archive_sync_finish(archive, &sync, &error), -ERROR_UNAVAILABLE);
    assert_int_equal(archive_synced(archive), 0);
    bench_append(archive, 2, START_US);
    assert_int_equal(archive_write(archive, &error), -ERROR_UNAVAILABLE);
    assert_int_equal(archive_end(archive).position, 1);
    close(pipes[0]);
    close(pipes[1]);
    archive_close(archive);
    archive = bench_open(folder, 0, NULL);
    assert_int_equal(archive_end(archive).position, 1);
    archive_close(archive);
    scratch_remove(folder);
}

/* ---------------------------------------------------------------------------------------------
 * Failing writes */

static void limit_file_size(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int ignore_file_size_signal(void **state) {
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    return 0;
}

/* The disk is full after 0, 1, 2 … bytes of a write of three records. */
static void a_failed_write_hash_leaves_nothing(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    bench_append(archive, 1, START_US);
    bench_write(archive);
    bench_sync(archive);
    uint64_t before = scratch_fingerprint(folder);
    struct archive_place end = archive_end(archive);
    struct error error;
    enum { SIZE = 64 + 48 + 48, WRITE = 3 * 48 };
    for (rlim_t room = 0; room < WRITE; room++) {
        limit_file_size(SIZE + room);
        for (unsigned i = 2; i <= 4; i++)
            assert_int_equal(bench_append(archive, 90 + i, START_US + 5), i);
        assert_int_equal(archive_write(archive, &error), -ERROR_SYSTEM);
        assert_non_null(strstr(error.text, FIRST_SEGMENT));
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(scratch_fingerprint(folder), before);
        assert_int_equal(archive_end(archive).position, end.position);
        assert_int_equal(archive_end(archive).chain, end.chain);
        assert_int_equal(archive_time(archive), START_US);
    }
    for (unsigned i = 2; i <= 4; i++)
        bench_append(archive, i, START_US);
    limit_file_size(SIZE + WRITE);
    bench_write(archive);
    limit_file_size(RLIM_INFINITY);
    archive_close(archive);
    assert_int_equal(bench_read_all(folder).position, 4);
    scratch_remove(folder);
}

/* The write closes a segment and begins the next before it fails there. */
static void a_failed_write_is_taken_back_across_segments(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    bench_append(archive, 1, START_US);
    bench_write(archive);
    assert_int_equal(mkdir(scratch_path(folder, "2026-01-02"), 0700), 0);
    uint64_t before = scratch_fingerprint(folder);
    struct archive_place end = archive_end(archive);
    struct error error;
    limit_file_size(64 + 4 * 48);
    bench_append(archive, 2, START_US + 1);
    for (unsigned i = 3; i <= 9; i++)
        bench_append(archive, i, START_US + DAY_US);
    assert_int_equal(archive_write(archive, &error), -ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "2026-01-02/00000000000000000003.seg"));
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(scratch_fingerprint(folder), before);
    assert_int_equal(archive_end(archive).position, end.position);
    assert_int_equal(archive_synced(archive), 0);

    for (unsigned i = 2; i <= 9; i++)
        assert_int_equal(bench_append(archive, i, START_US + (i > 3) * DAY_US), i);
    bench_write(archive);
    archive_close(archive);
    assert_int_equal(bench_read_all(folder).position, 9);
    archive_close(bench_open(folder, 0, NULL));
    scratch_remove(folder);
}

static void a_segment_that_cannot_be_made_is_a_failed_write(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    scratch_write(scratch_path(folder, "2026-01-01"), "", 0); /* a file where a folder should be */
    bench_append(archive, 1, START_US);
    struct error error;
    assert_int_equal(archive_write(archive, &error), -ERROR_SYSTEM);
    assert_int_equal(archive_end(archive).position, 0);
    assert_int_equal(unlink(scratch_path(folder, "2026-01-01")), 0);
    assert_int_equal(bench_append(archive, 1, START_US), 1);
    bench_write(archive);
    scratch_write(scratch_path(folder, "2026-01-02"), "", 0);
    uint64_t before = scratch_fingerprint(folder);
    bench_append(archive, 2, START_US + DAY_US);
    assert_int_equal(archive_write(archive, &error), -ERROR_SYSTEM);
    assert_int_equal(scratch_fingerprint(folder), before);
    assert_int_equal(unlink(scratch_path(folder, "2026-01-02")), 0);
    bench_append(archive, 2, START_US + DAY_US);
    bench_write(archive);
    archive_close(archive);
    assert_int_equal(bench_read_all(folder).position, 2);
    scratch_remove(folder);
}

/* Puts a read-only descriptor in the place of the archive's own. */
static void make_unwritable(const char *segment) {
    char real[PATH_MAX], link[64]; /* realpath() takes no less */
    assert_non_null(realpath(segment, real));
    int replacement = open(segment, O_RDONLY);
    for (int descriptor = 3; descriptor < 64; descriptor++) {
        char target[512];
        snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
        ssize_t length = readlink(link, target, sizeof target - 1);
        if (length < 0 || descriptor == replacement)
            continue;
        target[length] = '\0';
        if (strcmp(target, real) == 0)
            assert_int_equal(dup2(replacement, descriptor), descriptor);
    }
    close(replacement);
}

static void a_write_that_cannot_be_taken_back_ends_it(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    bench_append(archive, 1, START_US);
    bench_write(archive);
    make_unwritable(scratch_path(folder, FIRST_SEGMENT));
    struct error error;
    struct archive_sync sync;
    bench_append(archive, 2, START_US);
    assert_int_equal(archive_write(archive, &error), -ERROR_SYSTEM);
    bench_append(archive, 2, START_US);
    assert_int_equal(archive_write(archive, &error), -ERROR_UNAVAILABLE);
    assert_int_equal(archive_sync_start(archive, &sync, &error), -ERROR_UNAVAILABLE);
    assert_int_equal(archive_end(archive).position, 1);
    archive_close(archive);
    archive = bench_open(folder, 0, NULL);
    bench_append(archive, 2, START_US);
    archive_close(archive);
    assert_int_equal(bench_read_all(folder).position, 2);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_type_comes_back),
        cmocka_unit_test(an_empty_archive_opens),
        cmocka_unit_test(one_process_writes),
        cmocka_unit_test(segments_are_closed_at_their_size),
        cmocka_unit_test(days_have_folders_and_never_go_back),
        cmocka_unit_test(the_chain_is_of_the_records),
        cmocka_unit_test(reading_by_position_equals_reading_in_order),
        cmocka_unit_test(reading_finds_damage),
        cmocka_unit_test(large_records_come_back),
        cmocka_unit_test(syncing_marks_what_was_written_when_it_began),
        cmocka_unit_test(a_sync_outlives_its_segment),
        cmocka_unit_test(a_failed_sync_ends_it),
        cmocka_unit_test_setup(a_failed_write_hash_leaves_nothing, ignore_file_size_signal),
        cmocka_unit_test_setup(a_failed_write_is_taken_back_across_segments,
                               ignore_file_size_signal),
        cmocka_unit_test(a_segment_that_cannot_be_made_is_a_failed_write),
        cmocka_unit_test(a_write_that_cannot_be_taken_back_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
