/* An archive that overwrites zeros: the same archive, with files prepared beforehand. */
#include "core/base/check.h"
#include "tests/unit/store/archive_bench.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEGMENT_BYTES 65536
#define RECORD        48 /* bytes of a record of bench_append(), and of a mark */
#define HEADER        64

static struct archive *open_on_zeros(const char *folder) {
    const struct archive_options options = {.segment_bytes = SEGMENT_BYTES, .on_zeros = true};
    struct archive *archive;
    struct archive_recovery recovery;
    struct error error;
    if (archive_open(folder, &options, &archive, &recovery, &error) < 0)
        fail_msg("%s", error.text);
    return archive;
}

static off_t size_of(const char *folder, const char *name) {
    struct stat status;
    return stat(scratch_path(folder, name), &status) == 0 ? status.st_size : -1;
}

/* Of the file, from there on. */
static bool is_zero_from(const char *folder, const char *name, size_t offset) {
    struct text bytes = scratch_read(scratch_path(folder, name));
    bool is_zero = true;
    for (size_t i = offset; i < bytes.length; i++)
        is_zero &= bytes.data[i] == 0;
    free((char *)(uintptr_t)bytes.data);
    return is_zero;
}

static void make_spare(struct archive *archive) {
    struct error error;
    assert_true(archive_wants_spare(archive));
    if (archive_make_spare(archive, &error) < 0)
        fail_msg("%s", error.text);
    archive_has_spare(archive);
    assert_false(archive_wants_spare(archive));
}

/* ---- files ---- */

static void records_go_over_zeros(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = open_on_zeros(folder);
    assert_int_equal(size_of(folder, "spare"), SEGMENT_BYTES);
    assert_false(archive_wants_spare(archive));
    for (unsigned i = 1; i <= 3; i++) {
        bench_append(archive, i, START_US);
        bench_write(archive);
        assert_int_equal(size_of(folder, FIRST_SEGMENT), SEGMENT_BYTES);
    }
    assert_true(archive_wants_spare(archive)); /* the segment was that */
    assert_int_equal(size_of(folder, "spare"), -1);
    assert_false(is_zero_from(folder, FIRST_SEGMENT, HEADER + 2 * RECORD));
    assert_true(is_zero_from(folder, FIRST_SEGMENT, HEADER + 3 * RECORD));
    bench_sync(archive);
    assert_int_equal(bench_read_all(folder).position, 3); /* zeros are the end */
    make_spare(archive);
    archive_close(archive);
    assert_int_equal(size_of(folder, FIRST_SEGMENT), HEADER + 4 * RECORD);
    assert_int_equal(size_of(folder, "spare"), -1);

    archive = open_on_zeros(folder); /* it goes on in it, over zeros again */
    assert_int_equal(size_of(folder, FIRST_SEGMENT), SEGMENT_BYTES);
    bench_append(archive, 4, START_US);
    bench_write(archive);
    archive_close(archive);
    assert_int_equal(size_of(folder, FIRST_SEGMENT), HEADER + 6 * RECORD);
    assert_int_equal(bench_read_all(folder).position, 4);
    scratch_remove(folder);
}

/* Returns how many they have, which are the same in both. */
static size_t compare_segments(const char *folder, const char *other) {
    glob_t found[2];
    assert_int_equal(glob(scratch_path(folder, "*/*"), 0, NULL, &found[0]), 0);
    assert_int_equal(glob(scratch_path(other, "*/*"), 0, NULL, &found[1]), 0);
    assert_int_equal(found[0].gl_pathc, found[1].gl_pathc);
    for (size_t i = 0; i < found[0].gl_pathc; i++) {
        const char *paths[] = {found[0].gl_pathv[i], found[1].gl_pathv[i]};
        assert_string_equal(paths[0] + strlen(folder), paths[1] + strlen(other));
        struct text a = scratch_read(paths[0]), b = scratch_read(paths[1]);
        assert_int_equal(a.length, b.length);
        assert_memory_equal(a.data, b.data, a.length);
        free((char *)(uintptr_t)a.data);
        free((char *)(uintptr_t)b.data);
    }
    size_t count = found[0].gl_pathc;
    globfree(&found[0]);
    globfree(&found[1]);
    return count;
}

/* With the next file there in time, or not: the same bytes as without zeros. */
static void closed_segments_are_as_ever(void **state) {
    (void)state;
    char *folders[] = {scratch_make(), scratch_make()};
    struct archive *archives[] = {open_on_zeros(folders[0]),
                                  bench_open(folders[1], SEGMENT_BYTES, NULL)};
    for (unsigned i = 1; i <= 20000; i++) {
        for (int j = 0; j < 2; j++)
            bench_append(archives[j], i, START_US + (i > 15000 ? DAY_US : 0));
        if (i % 37 == 0)
            for (int j = 0; j < 2; j++)
                bench_write(archives[j]);
        if (i % 4001 == 0 && archive_wants_spare(archives[0]))
            make_spare(archives[0]);
    }
    for (int j = 0; j < 2; j++) {
        bench_write(archives[j]);
        archive_close(archives[j]);
    }
    assert_int_equal(compare_segments(folders[0], folders[1]), 15);
    assert_int_equal(bench_read_all(folders[0]).position, 20000);
    scratch_remove(folders[0]);
    scratch_remove(folders[1]);
}

/* ---- crashes ---- */

/* A writer that is killed: what it leaves opens, with zeros or without. */
static void zeros_that_a_crash_hash_leaves_are_cut(void **state) {
    (void)state;
    for (int times = 0; times < 2; times++) {
        char *folder = scratch_make();
        pid_t child = fork();
        if (child == 0) {
            struct archive *archive = open_on_zeros(folder);
            for (unsigned i = 1; i <= 3000; i++) { /* into the third segment */
                bench_append(archive, i, START_US);
                if (i % 100 == 0) {
                    bench_write(archive);
                    if (archive_wants_spare(archive))
                        make_spare(archive);
                }
            }
            bench_sync(archive);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(size_of(folder, "spare"), SEGMENT_BYTES);
        assert_int_equal(bench_read_all(folder).position, 3000);
        struct archive_recovery recovery;
        struct archive *archive =
            times ? open_on_zeros(folder) : bench_open(folder, SEGMENT_BYTES, &recovery);
        assert_int_equal(archive_end(archive).position, 3000);
        assert_int_equal(archive_synced(archive), 3000);
        assert_int_equal(size_of(folder, "spare"), -1); /* it is made anew when it is wanted */
        if (!times)
            assert_int_equal(recovery.torn_bytes, 0);
        bench_append(archive, 3001, START_US);
        bench_write(archive);
        archive_close(archive);
        assert_int_equal(bench_read_all(folder).position, 3001);
        scratch_remove(folder);
    }
}

static void write_at(const char *path, const char *bytes, size_t size, size_t offset) {
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(pwrite(descriptor, bytes, size, (off_t)offset), size);
    close(descriptor);
}

static int read_next(struct archive_reader *reader, struct error *ret_error) {
    struct arena arena;
    struct record record;
    arena_init(&arena, (size_t)1 << 20);
    int r = archive_reader_next(reader, &arena, &record, ret_error);
    arena_deinit(&arena);
    return r;
}

/* A frame of which any part is not there yet: the end to a reader, and no damage; to the writer who
 * opens the archive next it is torn. */
static void a_frame_with_zeros_in_it_is_not_written_yet(void **state) {
    (void)state;
    char *made = scratch_make();
    struct archive *archive = bench_open(made, SEGMENT_BYTES, NULL);
    for (unsigned i = 1; i <= 3; i++)
        bench_append(archive, i, START_US);
    bench_write(archive);
    struct text whole = scratch_read(scratch_path(made, FIRST_SEGMENT));
    assert_int_equal(whole.length, HEADER + 3 * RECORD);
    archive_close(archive);
    const char *frames = whole.data + HEADER + RECORD; /* records 2 and 3 */
    for (size_t from = 0; from < 2 * RECORD; from += 8)
        for (size_t to = from + 8; to <= 2 * RECORD; to += 8) {
            char *folder = scratch_make();
            char part[2 * RECORD] = {0};
            bool is_all = true;
            struct error error;
            memcpy(part + from, frames + from, to - from);
            is_all = memcmp(part, frames, sizeof part) == 0;
            bool has_second = memcmp(part, frames, RECORD) == 0;
            archive = open_on_zeros(folder);
            bench_append(archive, 1, START_US);
            bench_write(archive);
            const char *path = scratch_path(folder, FIRST_SEGMENT);
            struct archive_reader *reader;
            write_at(path, part, sizeof part, HEADER + RECORD);
            assert_int_equal(
                archive_reader_open(folder, (struct archive_place){0}, &reader, &error), 0);
            int expected = is_all ? 3 : has_second ? 2 : 1, got = 0, r;
            while ((r = read_next(reader, &error)) == 1)
                got++;
            if (r < 0)
                fail_msg("bytes %zu to %zu of two frames: %s", from, to, error.text);
            assert_int_equal(got, expected);
            write_at(path, frames, sizeof part, HEADER + RECORD);
            while ((r = read_next(reader, &error)) == 1)
                got++;
            assert_int_equal(r, 0);
            assert_int_equal(got, 3);
            archive_reader_close(reader);
            scratch_remove(folder); /* under its writer, who notices nothing */
            archive_close(archive);
        }
    free((char *)(uintptr_t)whole.data);
    scratch_remove(made);
}

static void torn_bytes_before_zeros_are_kept(void **state) {
    (void)state;
    char *folder = scratch_make();
    pid_t child = fork();
    if (child == 0) {
        struct archive *archive = open_on_zeros(folder);
        bench_append(archive, 1, START_US);
        bench_write(archive);
        bench_sync(archive);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    write_at(scratch_path(folder, FIRST_SEGMENT), "torn", 4, HEADER + 3 * RECORD);
    struct archive_recovery recovery;
    struct archive *archive = bench_open(folder, SEGMENT_BYTES, &recovery);
    assert_int_equal(recovery.position, 1);
    assert_int_equal(recovery.torn_bytes, SEGMENT_BYTES - HEADER - 2 * RECORD);
    archive_close(archive);
    scratch_remove(folder);
}

/* ---- failures ---- */

static void limit_file_size(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void without_room_it_goes_on_without_zeros(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct error error;
    signal(SIGXFSZ, SIG_IGN);
    limit_file_size(SEGMENT_BYTES / 2);
    struct archive *archive = open_on_zeros(folder);
    assert_int_equal(size_of(folder, "spare"), -1);
    for (unsigned i = 1; i <= 10; i++)
        bench_append(archive, i, START_US);
    bench_write(archive);
    assert_int_equal(size_of(folder, FIRST_SEGMENT), HEADER + 10 * RECORD);
    assert_int_equal(archive_make_spare(archive, &error), -ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "spare"));
    assert_int_equal(size_of(folder, "spare"), -1);
    assert_true(archive_wants_spare(archive));
    limit_file_size(RLIM_INFINITY);
    make_spare(archive);
    bench_append(archive, 11, START_US + DAY_US); /* the next segment has it */
    bench_write(archive);
    assert_int_equal(size_of(folder, "2026-01-02/00000000000000000011.seg"), SEGMENT_BYTES);
    archive_close(archive);
    assert_int_equal(bench_read_all(folder).position, 11);
    scratch_remove(folder);
}

static void a_failed_write_over_zeros_is_taken_back(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct error error;
    struct archive *archive = open_on_zeros(folder);
    bench_append(archive, 1, START_US);
    bench_write(archive);
    bench_sync(archive);
    signal(SIGXFSZ, SIG_IGN);
    for (unsigned kept = 0; kept < 3 * RECORD; kept += 5) {
        limit_file_size(HEADER + 2 * RECORD + kept);
        for (unsigned i = 2; i <= 4; i++)
            bench_append(archive, 90 + i, START_US);
        assert_int_equal(archive_write(archive, &error), -ERROR_SYSTEM);
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(archive_end(archive).position, 1);
        assert_true(is_zero_from(folder, FIRST_SEGMENT, HEADER + 2 * RECORD));
    }
    /* Over the end of a segment, whose file is the spare: that is gone then. */
    make_spare(archive);
    limit_file_size(HEADER + RECORD / 2);
    bench_append(archive, 2, START_US + DAY_US);
    assert_true(archive_write(archive, &error) < 0);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(archive_end(archive).position, 1);
    bench_append(archive, 2, START_US + DAY_US);
    bench_write(archive);
    bench_sync(archive);
    archive_close(archive);
    assert_int_equal(bench_read_all(folder).position, 2);
    scratch_remove(folder);
}

/* ---- a reader beside the writer ---- */

struct reading {
    const char *folder;
    uint64_t until;
    atomic_bool failed;
    char why[sizeof(struct error)];
};

static void *read_along(void *user) {
    struct reading *reading = user;
    struct archive_reader *reader;
    struct arena arena;
    struct error error;
    arena_init(&arena, (size_t)1 << 20);
    int r = archive_reader_open(reading->folder, (struct archive_place){0}, &reader, &error);
    uint64_t position = 0;
    while (r >= 0 && position < reading->until) {
        struct record record;
        arena_reset(&arena);
        r = archive_reader_next(reader, &arena, &record, &error);
        if (r == 1 && record.position != ++position)
            r = error_set(&error, ERROR_DAMAGED, "%llu instead of %llu",
                          (unsigned long long)record.position, (unsigned long long)position);
    }
    if (r < 0) {
        snprintf(reading->why, sizeof reading->why, "%s", error.text);
        atomic_store(&reading->failed, true);
    } else {
        archive_reader_close(reader);
    }
    arena_deinit(&arena);
    return NULL;
}

static void a_reader_follows_the_writer(void **state) {
    (void)state;
    enum { RECORDS = 40000 };
    char *folder = scratch_make();
    struct archive *archive = open_on_zeros(folder);
    struct reading readings[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        readings[i] = (struct reading){.folder = folder, .until = RECORDS};
        assert_int_equal(pthread_create(&threads[i], NULL, read_along, &readings[i]), 0);
    }
    for (unsigned i = 1; i <= RECORDS; i++) {
        bench_append(archive, i, START_US);
        if (i % 200 == 0 || i == RECORDS)
            bench_write(archive);
        if (i % 2000 == 0 && archive_wants_spare(archive))
            make_spare(archive);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        if (atomic_load(&readings[i].failed))
            fail_msg("%s", readings[i].why);
    }
    archive_close(archive);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_go_over_zeros),
        cmocka_unit_test(closed_segments_are_as_ever),
        cmocka_unit_test(zeros_that_a_crash_hash_leaves_are_cut),
        cmocka_unit_test(a_frame_with_zeros_in_it_is_not_written_yet),
        cmocka_unit_test(torn_bytes_before_zeros_are_kept),
        cmocka_unit_test(without_room_it_goes_on_without_zeros),
        cmocka_unit_test(a_failed_write_over_zeros_is_taken_back),
        cmocka_unit_test(a_reader_follows_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
