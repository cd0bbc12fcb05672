/* Cutting that is killed, or refused by the system, at every call that changes a file: each record
 * is in the archive or in a whole copy at any time, and cutting again finishes it. Linked so that
 * those calls come through here. */
#include "tests/unit/store/archive_bench.h"
#include "tests/unit/store/frame_list.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORDS 30

/* ---------------------------------------------------------------------------------------------
 * The calls */

static struct {
    unsigned left; /* calls until something happens; 0: nothing will */
    int number;    /* errno of the failure; 0: the process is killed */
} calls;

/* true: the call fails. Or it does not return. */
static bool strike(void) {
    if (calls.left == 0 || --calls.left > 0)
        return false;
    if (calls.number == 0)
        _exit(9);
    errno = calls.number;
    return true;
}

int __real_mkdirat(int directory, const char *name, mode_t mode);
int __wrap_mkdirat(int directory, const char *name, mode_t mode);
int __real_openat64(int directory, const char *name, int flags, ...);
int __wrap_openat64(int directory, const char *name, int flags, ...);
ssize_t __real_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset);
int __real_fsync(int descriptor);
int __wrap_fsync(int descriptor);
int __real_fdatasync(int descriptor);
int __wrap_fdatasync(int descriptor);
int __real_ftruncate64(int descriptor, off_t size);
int __wrap_ftruncate64(int descriptor, off_t size);
int __real_unlinkat(int directory, const char *name, int flags);
int __wrap_unlinkat(int directory, const char *name, int flags);

int __wrap_mkdirat(int directory, const char *name, mode_t mode) {
    return strike() ? -1 : __real_mkdirat(directory, name, mode);
}

int __wrap_openat64(int directory, const char *name, int flags, ...) {
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        mode = (mode_t)va_arg(arguments, int);
        va_end(arguments);
        if (strike())
            return -1;
    }
    return __real_openat64(directory, name, flags, mode);
}

/* The last thing that it did may be half done. */
ssize_t __wrap_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset) {
    if (calls.left == 1)
        __real_pwrite64(descriptor, bytes, size / 2, offset);
    return strike() ? -1 : __real_pwrite64(descriptor, bytes, size, offset);
}

int __wrap_fsync(int descriptor) {
    return strike() ? -1 : __real_fsync(descriptor);
}

int __wrap_fdatasync(int descriptor) {
    return strike() ? -1 : __real_fdatasync(descriptor);
}

int __wrap_ftruncate64(int descriptor, off_t size) {
    return strike() ? -1 : __real_ftruncate64(descriptor, size);
}

int __wrap_unlinkat(int directory, const char *name, int flags) {
    return strike() ? -1 : __real_unlinkat(directory, name, flags);
}

/* --------------------------------------------------------------------------------------------- */

static const struct archive_options options[] = {
    {.segment_bytes = 400}, {.segment_bytes = 400, .on_zeros = true}, {.segment_bytes = 65536}};
/* In the middle of a segment, at its end, in the last one, and before all. */
static const uint64_t positions[] = {3, 7, 14, 29, 0};

struct scene {
    const struct archive_options *options;
    uint64_t position; /* of the cut */
    char *folder;
    struct archive_place places[RECORDS + 1];
    struct frame_list before;
};

static struct archive *open_it(const struct scene *scene) {
    struct archive *archive;
    struct archive_recovery recovery;
    struct error error;
    if (archive_open(scene->folder, scene->options, &archive, &recovery, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(recovery.torn_bytes, 0);
    return archive;
}

/* Five segments at most, on two days. */
static void begin(struct scene *scene, const struct archive_options *with, uint64_t position) {
    *scene = (struct scene){.options = with, .position = position, .folder = scratch_make()};
    struct archive *archive = open_it(scene);
    for (unsigned i = 1; i <= RECORDS; i++) {
        bench_append(archive, i, START_US + (i > 20 ? DAY_US : 0));
        scene->places[i] = archive_end(archive);
    }
    archive_close(archive);
    scene->before = frame_list_read(scene->folder);
    assert_int_equal(scene->before.count, RECORDS);
}

static void end(struct scene *scene) {
    frame_list_deinit(&scene->before);
    scratch_remove(scene->folder);
}

static void expect_copy(const struct scene *scene, const char *folder) {
    struct frame_list copy = frame_list_read(folder);
    assert_int_equal(copy.before.position, scene->position);
    assert_int_equal(copy.before.chain, scene->places[scene->position].chain);
    assert_int_equal(copy.count, RECORDS - scene->position);
    assert_frames_are_of(&copy, &scene->before, scene->position);
    frame_list_deinit(&copy);
}

/* Whatever it was left as: what is not in the archive is in the first copy; and it can be finished.
 */
static void expect_whole(const struct scene *scene) {
    char first[64];
    struct archive_cut_report report;
    struct error error;
    struct archive *archive = open_it(scene);
    struct archive_place there = archive_end(archive);
    assert_in_range(there.position, scene->position, RECORDS);
    assert_int_equal(there.chain, scene->places[there.position].chain);
    struct frame_list list = frame_list_read(scene->folder);
    assert_int_equal(list.count, there.position);
    assert_frames_are_of(&list, &scene->before, 0);
    frame_list_deinit(&list);
    snprintf(first, sizeof first, "cut/%020llu-1", (unsigned long long)scene->position + 1);
    if (there.position < RECORDS)
        expect_copy(scene, scratch_path(scene->folder, first));
    if (archive_cut(archive, scene->places[scene->position], &report, &error) < 0)
        fail_msg("%s", error.text);
    if (there.position == RECORDS)
        expect_copy(scene, report.folder);
    for (unsigned i = (unsigned)scene->position + 1; i <= RECORDS; i++)
        bench_append(archive, i, START_US + (i > 20 ? DAY_US : 0));
    archive_close(archive);
    assert_int_equal(bench_read_all(scene->folder).chain, scene->places[RECORDS].chain);
}

/* 0: it came to its end before that many calls. */
static int cut_in_a_child(const struct scene *scene, unsigned calls_until) {
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct archive_cut_report report;
        struct error error;
        struct archive *archive = open_it(scene);
        calls.number = 0;
        calls.left = calls_until;
        int r = archive_cut(archive, scene->places[scene->position], &report, &error);
        _exit(r < 0 ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9));
    return WEXITSTATUS(status);
}

static void killed_at_every_call(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        for (size_t j = 0; j < sizeof positions / sizeof *positions; j++) {
            unsigned kills = 0;
            int status;
            do {
                struct scene scene;
                begin(&scene, &options[i], positions[j]);
                status = cut_in_a_child(&scene, kills + 1);
                expect_whole(&scene);
                kills += status != 0;
                end(&scene);
            } while (status != 0);
            assert_true(kills > 8);
        }
}

static size_t count_copies(const struct scene *scene) {
    glob_t found;
    int r = glob(scratch_path(scene->folder, "cut/*"), 0, NULL, &found);
    size_t count = r == 0 ? found.gl_pathc : 0;
    if (r == 0)
        globfree(&found);
    return count;
}

/* A failure before the cut leaves an archive to go on with, and no copy; one during the cut an
 * archive that writes and cuts no more. */
static void refuse_one(const struct scene *scene, unsigned at, bool *ret_is_through,
                       bool *ret_is_usable) {
    struct archive_cut_report report;
    struct error error;
    struct archive *archive = open_it(scene);
    calls.number = at % 2 ? EIO : ENOSPC;
    calls.left = at;
    int r = archive_cut(archive, scene->places[scene->position], &report, &error);
    *ret_is_through = calls.left > 0;
    calls.left = 0;
    *ret_is_usable = true;
    if (r == 0) { /* what failed makes no difference, such as a spare */
        assert_int_equal(archive_end(archive).position, scene->position);
    } else {
        assert_int_equal(r, -ERROR_SYSTEM);
        assert_non_null(strstr(error.text, scene->folder));
        struct archive_sync sync;
        *ret_is_usable = archive_sync_start(archive, &sync, &error) != -ERROR_UNAVAILABLE;
        assert_int_equal(archive_end(archive).position, RECORDS);
    }
    if (r < 0 && *ret_is_usable) {
        assert_int_equal(archive_end(archive).chain, scene->places[RECORDS].chain);
        assert_int_equal(count_copies(scene), 0);
        assert_int_equal(bench_read_all(scene->folder).position, RECORDS);
    } else if (r < 0) {
        bench_append(archive, 1, START_US);
        assert_int_equal(archive_write(archive, &error), -ERROR_UNAVAILABLE);
        assert_int_equal(archive_cut(archive, scene->places[scene->position], &report, &error),
                         -ERROR_UNAVAILABLE);
        assert_int_equal(count_copies(scene), 1);
    }
    archive_close(archive);
}

static void refused_at_every_call(void **state) {
    (void)state;
    unsigned usable = 0, unusable = 0;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        for (size_t j = 0; j < sizeof positions / sizeof *positions; j++) {
            bool is_through = false, is_usable;
            for (unsigned at = 1; !is_through; at++) {
                struct scene scene;
                begin(&scene, &options[i], positions[j]);
                refuse_one(&scene, at, &is_through, &is_usable);
                usable += is_usable;
                unusable += !is_usable;
                expect_whole(&scene);
                end(&scene);
            }
        }
    assert_true(usable > 50 && unusable > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_every_call),
        cmocka_unit_test(refused_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
