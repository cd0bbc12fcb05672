/* Sealing that is killed, or refused by the system, at every call that changes a file: one whole
 * copy of each segment is there at any time, and the next run finishes. Linked so that those calls
 * come through here. */
#include "core/store/archive/archive_seal.h"
#include "tests/unit/store/archive_bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORDS       9
#define THIRD_SEGMENT "2026-01-03/00000000000000000007.seg"

/* ---------------------------------------------------------------------------------------------
 * The calls */

static struct {
    unsigned left;      /* calls until something happens; 0: nothing will */
    int number;         /* errno of the failure; 0: the process is killed; < 0: nothing fails */
    void (*hook)(void); /* called before it */
    bool is_in_order;   /* look at the order of what reaches the disk */
    int dirty;          /* file that was written and not synced; 0: none */
    ino_t synced;       /* file that was synced last */
    char day[11];       /* folder in which a name was made that is not synced; "": none */
    const char *folder;
    const char *passed_over; /* what a listing misses, once: names that begin like this */
} calls;

static bool is_due(void) {
    if (calls.left == 0 || --calls.left > 0)
        return false;
    if (calls.hook)
        calls.hook();
    return true;
}

/* true: the call fails. Or it does not return. */
static bool strike(void) {
    if (!is_due())
        return false;
    if (calls.number == 0)
        _exit(9);
    if (calls.number < 0)
        return false;
    errno = calls.number;
    return true;
}

int __real_openat64(int directory, const char *name, int flags, ...);
int __wrap_openat64(int directory, const char *name, int flags, ...);
ssize_t __real_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset);
int __real_fsync(int descriptor);
int __wrap_fsync(int descriptor);
int __real_fdatasync(int descriptor);
int __wrap_fdatasync(int descriptor);
int __real_fchmod(int descriptor, mode_t mode);
int __wrap_fchmod(int descriptor, mode_t mode);
int __real_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __real_unlinkat(int directory, const char *name, int flags);
int __wrap_unlinkat(int directory, const char *name, int flags);

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
    if (calls.left == 1 && !calls.hook)
        __real_pwrite64(descriptor, bytes, size / 2, offset);
    if (strike())
        return -1;
    calls.dirty = descriptor;
    return __real_pwrite64(descriptor, bytes, size, offset);
}

static bool is_day(int descriptor) {
    struct stat synced, day;
    return *calls.day && fstat(descriptor, &synced) == 0 &&
           stat(scratch_path(calls.folder, calls.day), &day) == 0 && synced.st_ino == day.st_ino;
}

int __wrap_fsync(int descriptor) {
    struct stat status;
    if (strike())
        return -1;
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode))
        calls.synced = status.st_ino;
    if (calls.dirty == descriptor)
        calls.dirty = 0;
    if (calls.is_in_order && is_day(descriptor))
        calls.day[0] = '\0';
    return __real_fsync(descriptor);
}

int __wrap_fdatasync(int descriptor) {
    if (strike())
        return -1;
    if (calls.dirty == descriptor)
        calls.dirty = 0;
    return __real_fdatasync(descriptor);
}

int __wrap_fchmod(int descriptor, mode_t mode) {
    return strike() ? -1 : __real_fchmod(descriptor, mode);
}

int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to) {
    if (strike())
        return -1;
    if (calls.is_in_order) {
        assert_int_equal(calls.dirty, 0); /* what gets its name is whole on the disk */
        snprintf(calls.day, sizeof calls.day, "%.10s", to);
    }
    return __real_renameat(from_directory, from, to_directory, to);
}

struct dirent *__real_readdir64(DIR *folder);
struct dirent *__wrap_readdir64(DIR *folder);

struct dirent *__wrap_readdir64(DIR *folder) {
    struct dirent *entry = __real_readdir64(folder);
    const char *begin = calls.passed_over;
    if (!entry || !begin || strncmp(entry->d_name, begin, strlen(begin)) != 0)
        return entry;
    calls.passed_over = NULL;
    return __real_readdir64(folder);
}

static bool ends_with(const char *name, const char *end) {
    size_t length = strlen(name);
    return length >= strlen(end) && strcmp(name + length - strlen(end), end) == 0;
}

int __wrap_unlinkat(int directory, const char *name, int flags) {
    if (strike())
        return -1;
    if (calls.is_in_order && ends_with(name, ".seg")) {
        char sealed[64];
        struct stat status;
        snprintf(sealed, sizeof sealed, "%s.zst", name);
        assert_int_equal(fstatat(directory, sealed, &status, 0), 0);
        assert_true(status.st_ino == calls.synced); /* the sealed one is on the disk before */
        assert_string_equal(calls.day, "");         /* and its name */
    }
    return __real_unlinkat(directory, name, flags);
}

/* --------------------------------------------------------------------------------------------- */

static int set_up(void **state) {
    memset(&calls, 0, sizeof calls);
    *state = scratch_make();
    calls.folder = *state;
    return 0;
}

static int tear_down(void **state) {
    scratch_remove(*state);
    return 0;
}

/* Three segments, the last one open. */
static void fill(const char *folder) {
    struct archive *archive = bench_open(folder, 0, NULL);
    for (unsigned i = 1; i <= RECORDS; i++)
        bench_append(archive, i, START_US + (i - 1) / 3 * DAY_US);
    archive_close(archive);
}

static int seal(const char *folder, struct archive_seal_report *ret_report) {
    struct error error;
    int r = archive_seal(folder, UINT64_MAX, NULL, ret_report, &error);
    if (r < 0 && r != -ERROR_SYSTEM)
        fail_msg("%s", error.text);
    return r;
}

/* 0: sealing came to its end before that many calls. */
static int seal_in_a_child(const char *folder, unsigned calls_until) {
    struct archive_seal_report report;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        calls.left = calls_until;
        _exit(seal(folder, &report) < 0 ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9));
    return WEXITSTATUS(status);
}

static unsigned leftovers;

static int count_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)place;
    leftovers += type == FTW_F && !ends_with(path, "lock") && !ends_with(path, ".seg.zst") &&
                 !ends_with(path, THIRD_SEGMENT);
    return 0;
}

/* Whatever it was left as: all of it can be read and written, and sealing finishes it. */
static void expect_whole(const char *folder, struct archive_place end) {
    struct archive_seal_report report;
    assert_int_equal(bench_read_all(folder).chain, end.chain);
    struct archive *archive = bench_open(folder, 0, NULL);
    assert_int_equal(archive_end(archive).chain, end.chain);
    archive_close(archive);
    assert_int_equal(seal(folder, &report), 0);
    assert_int_equal(report.sealed + report.before, 2);
    assert_int_equal(report.left, 1);
    assert_int_equal(bench_read_all(folder).chain, end.chain);
    leftovers = 0;
    assert_int_equal(nftw(folder, count_one, 16, FTW_PHYS), 0);
    assert_int_equal(leftovers, 0);
}

static void killed_at_every_call(void **state) {
    const char *folder = *state;
    unsigned kills = 0;
    int status;
    do {
        char *path = strdup(scratch_path(folder, "archive"));
        fill(path);
        struct archive_place end = bench_read_all(path);
        status = seal_in_a_child(path, kills + 1);
        expect_whole(path, end);
        kills += status != 0;
        scratch_remove(path);
    } while (status != 0);
    assert_true(kills > 25);
}

/* Killed, and the next run killed too, a call later each time. */
static void killed_again_and_again(void **state) {
    const char *folder = *state;
    fill(folder);
    struct archive_place end = bench_read_all(folder);
    unsigned kills = 0;
    while (seal_in_a_child(folder, kills + 1) != 0) {
        assert_int_equal(bench_read_all(folder).chain, end.chain);
        kills++;
    }
    assert_true(kills > 5);
    expect_whole(folder, end);
}

/* A full disk, or one that fails. What could not be sealed stays as it is. */
static void refused_at_every_call(void **state) {
    const char *folder = *state;
    static const int numbers[] = {ENOSPC, EIO};
    struct archive_seal_report report;
    for (size_t i = 0; i < 2; i++) {
        unsigned at = 0, failures = 0;
        bool is_through = false;
        while (!is_through) {
            char *path = strdup(scratch_path(folder, "archive"));
            fill(path);
            struct archive_place end = bench_read_all(path);
            calls.left = ++at;
            calls.number = numbers[i];
            failures += seal(path, &report) < 0;
            is_through = calls.left > 0;
            calls.left = 0;
            expect_whole(path, end);
            scratch_remove(path);
        }
        assert_true(failures > 20);
    }
}

static void what_goes_is_on_the_disk_before(void **state) {
    const char *folder = *state;
    struct archive_seal_report report;
    fill(folder);
    calls.is_in_order = true;
    assert_int_equal(seal(folder, &report), 0);
    assert_int_equal(report.sealed, 2);
    calls.is_in_order = false;
}

/* A sealed file that was copied back from somewhere need not be on the disk yet. */
static void so_is_what_is_there_already(void **state) {
    const char *folder = *state;
    struct archive_seal_report report;
    struct text plain, sealed;
    fill(folder);
    plain = scratch_read(scratch_path(folder, FIRST_SEGMENT));
    assert_int_equal(seal(folder, &report), 0);
    sealed = scratch_read(scratch_path(folder, FIRST_SEGMENT ".zst"));
    scratch_write(scratch_path(folder, FIRST_SEGMENT), plain.data, plain.length);
    scratch_write(scratch_path(folder, FIRST_SEGMENT ".zst"), sealed.data, sealed.length);
    calls.is_in_order = true;
    assert_int_equal(seal(folder, &report), 0);
    assert_int_equal(report.sealed, 1);
    calls.is_in_order = false;
    free((char *)(uintptr_t)plain.data);
    free((char *)(uintptr_t)sealed.data);
}

/* The sealed file appears where the listing has been, and the plain one goes before it comes there.
 */
static void a_listing_misses_none(void **state) {
    const char *folder = *state;
    struct archive_seal_report report;
    fill(folder);
    struct archive_place end = bench_read_all(folder);
    assert_int_equal(seal(folder, &report), 0);
    calls.passed_over = "00000000000000000004.seg";
    assert_int_equal(bench_read_all(folder).chain, end.chain);
    assert_null(calls.passed_over);
}

/* ---------------------------------------------------------------------------------------------
 * Beside a write that fails and is taken back */

static struct archive_seal_report beside;

static void seal_beside(void) {
    assert_int_equal(seal(calls.folder, &beside), 0);
}

/* A write that starts three segments fails at this call, while another process is sealing. */
static void fail_beside_sealing(struct archive *archive, unsigned first, unsigned call) {
    struct error error;
    for (unsigned i = 0; i < 3; i++)
        bench_append(archive, first + i, START_US + (4 + (int64_t)i) * DAY_US);
    calls.left = call;
    calls.number = ENOSPC;
    calls.hook = seal_beside;
    archive_write(archive, &error); /* some of them may fail without harm */
    calls.left = 0;
    calls.hook = NULL;
}

/* The calls of a write: marks and syncs of the segment it closes, the next one's file, header and
 * names, its records. At each of them the sealing must not touch what the write goes back to. */
static void a_segment_that_is_gone_back_to(void **state) {
    const char *folder = *state;
    bool is_through = false;
    for (unsigned call = 1; !is_through; call++) {
        char *path = strdup(scratch_path(folder, "archive"));
        calls.folder = path;
        fill(path);
        struct archive *archive = bench_open(path, 0, NULL);
        bench_append(archive, RECORDS + 1, START_US + 2 * DAY_US);
        bench_write(archive);
        beside = (struct archive_seal_report){.position = UINT64_MAX};
        fail_beside_sealing(archive, RECORDS + 2, call);
        is_through = beside.position == UINT64_MAX;
        if (!is_through)
            assert_int_equal(beside.position, 6); /* the third one was not closed for good */
        /* A sync that failed leaves the writer in doubt; opened again it is as it was. */
        archive_close(archive);
        archive = bench_open(path, 0, NULL);
        assert_in_range(archive_end(archive).position, RECORDS + 1, RECORDS + 4);
        bench_append(archive, (unsigned)archive_end(archive).position + 1, START_US + 9 * DAY_US);
        bench_write(archive);
        struct archive_place end = archive_end(archive);
        archive_close(archive);
        struct archive_seal_report report;
        assert_int_equal(seal(path, &report), 0);
        assert_int_equal(bench_read_all(path).chain, end.chain);
        scratch_remove(path);
    }
}

/* The same with nothing to go back to: all that is there is sealed. */
static void segments_that_were_never_there(void **state) {
    const char *folder = *state;
    bool is_through = false;
    for (unsigned call = 1; !is_through; call++) {
        char *path = strdup(scratch_path(folder, "archive"));
        struct archive_seal_report report;
        calls.folder = path;
        fill(path);
        assert_int_equal(seal(path, &report), 0);
        assert_int_equal(unlink(scratch_path(path, THIRD_SEGMENT)), 0);
        struct archive *archive = bench_open(path, 0, NULL);
        beside = (struct archive_seal_report){.position = UINT64_MAX};
        fail_beside_sealing(archive, 7, call);
        is_through = beside.position == UINT64_MAX;
        if (!is_through)
            assert_int_equal(beside.position, 6);
        archive_close(archive);
        archive = bench_open(path, 0, NULL);
        assert_in_range(archive_end(archive).position, 6, 9);
        bench_append(archive, (unsigned)archive_end(archive).position + 1, START_US + 9 * DAY_US);
        bench_write(archive);
        struct archive_place end = archive_end(archive);
        archive_close(archive);
        assert_int_equal(bench_read_all(path).chain, end.chain);
        scratch_remove(path);
    }
}

static void take_third_back(void) {
    assert_int_equal(unlink(scratch_path(calls.folder, THIRD_SEGMENT)), 0);
}

/* The segment behind goes, and then its writer: what it leaves looks closed, but is the last one,
 * to which the next writer adds. */
static void a_next_one_that_is_taken_back(void **state) {
    const char *folder = *state;
    struct archive_seal_report report;
    struct error error;
    fill(folder);
    assert_int_equal(archive_seal(folder, 3, NULL, &report, &error), 0);
    calls.left = 3; /* behind two looks for leftovers: when it syncs the third one */
    calls.number = -1;
    calls.hook = take_third_back;
    assert_int_equal(seal(folder, &report), 0);
    calls.hook = NULL;
    assert_false(scratch_exists(scratch_path(folder, THIRD_SEGMENT)));
    assert_int_equal(report.before, 1);
    assert_int_equal(report.sealed, 0);
    assert_int_equal(bench_read_all(folder).position, 6);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(killed_at_every_call),           TEST(killed_again_and_again),
        TEST(refused_at_every_call),          TEST(what_goes_is_on_the_disk_before),
        TEST(so_is_what_is_there_already),    TEST(a_listing_misses_none),
        TEST(a_segment_that_is_gone_back_to), TEST(segments_that_were_never_there),
        TEST(a_next_one_that_is_taken_back),
    };
    return cmocka_run_group_tests_name("seal_crash", tests, NULL, NULL);
}
