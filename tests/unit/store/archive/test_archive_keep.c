/* An archive that goes on when its disk fails, on a disk that loses what Linux may lose: a failed
 * sync reports once to each descriptor, considers the pages clean, and may drop them, so that reads
 * see what was there before. Whenever the power is cut, everything that was called synced is there;
 * once the disk is well again, so is everything that was appended, in order. The archive's calls
 * come through here. */
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/store/archive_bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 512
#define DIRTY_MAX 1024
#define PAGE      64 /* bytes that reach the disk together */

int __real_openat64(int directory, const char *name, int flags, ...);
int __wrap_openat64(int directory, const char *name, int flags, ...);
int __wrap___openat64_2(int directory, const char *name, int flags);
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

/* ---- the disk ---- */

struct disk_file {
    ino_t inode;
    uint8_t *image; /* what is on the platter */
    size_t size, capacity;
    struct {
        size_t offset, length;
    } dirty[DIRTY_MAX]; /* of the file as it is */
    size_t dirty_count;
    unsigned errors;
};

static struct {
    struct disk_file files[FILES_MAX];
    size_t file_count;
    unsigned seen[4096]; /* by descriptor: errors that it has reported, or that were before it */
    uint64_t random;
    unsigned fail_writes, fail_syncs, fail_names; /* of 100 */
    bool evicts; /* pages that are clean are dropped now and then */
    uint64_t failures;
} disk;

static unsigned chance(unsigned of_100) {
    return split_mix(&disk.random) % 100 < of_100;
}

static struct disk_file *file_of(int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) < 0 || !S_ISREG(status.st_mode))
        return NULL;
    for (size_t i = 0; i < disk.file_count; i++)
        if (disk.files[i].inode == status.st_ino)
            return &disk.files[i];
    return NULL;
}

static void image_room(struct disk_file *file, size_t size) {
    if (size > file->capacity) {
        file->capacity = 2 * size;
        file->image = realloc(file->image, file->capacity);
        assert_non_null(file->image);
    }
    if (size > file->size) {
        memset(file->image + file->size, 0, size - file->size);
        file->size = size;
    }
}

/* One page-sized piece at a time, with a chance for each. */
static void write_back(struct disk_file *file, int descriptor, unsigned of_100) {
    for (size_t i = 0; i < file->dirty_count; i++) {
        size_t at = file->dirty[i].offset, end = at + file->dirty[i].length;
        while (at < end) {
            size_t piece = PAGE - at % PAGE < end - at ? PAGE - at % PAGE : end - at;
            uint8_t bytes[PAGE];
            ssize_t length = pread(descriptor, bytes, piece, (off_t)at);
            if (length > 0 && chance(of_100)) {
                image_room(file, at + (size_t)length);
                memcpy(file->image + at, bytes, (size_t)length);
            }
            at += piece;
        }
    }
}

/* The pages are dropped from memory, and read again from the platter. */
static void evict(struct disk_file *file, int descriptor) {
    for (size_t i = 0; i < file->dirty_count; i++) {
        size_t at = file->dirty[i].offset, length = file->dirty[i].length;
        struct stat status;
        fstat(descriptor, &status);
        if (at >= (size_t)status.st_size)
            continue;
        if (length > (size_t)status.st_size - at)
            length = (size_t)status.st_size - at;
        image_room(file, at + length);
        __real_pwrite64(descriptor, file->image + at, length, (off_t)at);
    }
}

static int sync_it(int descriptor) {
    struct disk_file *file = file_of(descriptor);
    if (!file)
        return 0;
    if (file->dirty_count > 0 && chance(disk.fail_syncs)) {
        write_back(file, descriptor, 50);
        if (disk.evicts && chance(50))
            evict(file, descriptor);
        file->errors++;
        disk.failures++;
    } else {
        write_back(file, descriptor, 100);
    }
    file->dirty_count = 0;
    if (disk.seen[descriptor] == file->errors)
        return 0;
    disk.seen[descriptor] = file->errors;
    errno = EIO;
    return -1;
}

int __wrap_fsync(int descriptor) {
    return sync_it(descriptor);
}

int __wrap_fdatasync(int descriptor) {
    return sync_it(descriptor);
}

int __wrap_openat64(int directory, const char *name, int flags, ...) {
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        mode = (mode_t)va_arg(arguments, int);
        va_end(arguments);
        if (chance(disk.fail_names)) {
            disk.failures++;
            errno = EIO;
            return -1;
        }
    }
    int descriptor = __real_openat64(directory, name, flags, mode);
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) < 0 || !S_ISREG(status.st_mode))
        return descriptor;
    struct disk_file *file = file_of(descriptor);
    if (file && (flags & O_EXCL)) { /* a number of an inode that was used before */
        file->size = file->dirty_count = 0;
        file->errors = 0;
    }
    if (!file) {
        assert_true(disk.file_count < FILES_MAX);
        file = &disk.files[disk.file_count++];
        *file = (struct disk_file){.inode = status.st_ino};
    }
    assert_true(descriptor < 4096);
    disk.seen[descriptor] = file->errors;
    return descriptor;
}

/* What _FORTIFY_SOURCE calls where the flags are no constant. */
int __wrap___openat64_2(int directory, const char *name, int flags) {
    return __wrap_openat64(directory, name, flags);
}

ssize_t __wrap_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset) {
    struct disk_file *file = file_of(descriptor);
    bool fails = file && chance(disk.fail_writes);
    if (fails)
        size = split_mix(&disk.random) % (size + 1);
    ssize_t r = __real_pwrite64(descriptor, bytes, size, offset);
    if (file && r > 0) {
        assert_true(file->dirty_count < DIRTY_MAX);
        file->dirty[file->dirty_count].offset = (size_t)offset;
        file->dirty[file->dirty_count++].length = (size_t)r;
    }
    disk.failures += fails;
    errno = EIO;
    return fails ? -1 : r;
}

int __wrap_ftruncate64(int descriptor, off_t size) {
    struct disk_file *file = file_of(descriptor);
    if (file && chance(disk.fail_writes)) {
        disk.failures++;
        errno = EIO;
        return -1;
    }
    if (file) { /* the journal has it at once */
        if (file->size > (size_t)size)
            file->size = (size_t)size;
        else
            image_room(file, (size_t)size);
    }
    return __real_ftruncate64(descriptor, size);
}

int __wrap_unlinkat(int directory, const char *name, int flags) {
    if (chance(disk.fail_names)) {
        disk.failures++;
        errno = EIO;
        return -1;
    }
    return __real_unlinkat(directory, name, flags);
}

static void disk_fails(unsigned writes, unsigned syncs, unsigned names) {
    disk.fail_writes = writes;
    disk.fail_syncs = syncs;
    disk.fail_names = names;
}

static void disk_reset(uint64_t seed) {
    for (size_t i = 0; i < disk.file_count; i++)
        free(disk.files[i].image);
    memset(&disk, 0, sizeof disk);
    disk.random = seed;
}

/* ---- a power cut ---- */

static void save_image(const char *from, const char *to) {
    int descriptor = open(from, O_RDONLY);
    struct disk_file *file = file_of(descriptor);
    assert_non_null(file);
    size_t dirty_count = file->dirty_count, size = file->size;
    uint8_t *image = malloc(size + 1);
    assert_non_null(image);
    if (size > 0) /* an empty file has no image */
        memcpy(image, file->image, size);
    write_back(file, descriptor, 50);
    scratch_write(to, file->image, file->size);
    close(descriptor);
    if (size > 0)
        memcpy(file->image, image, size); /* the run goes on as if nothing had been */
    file->size = size;
    file->dirty_count = dirty_count;
    free(image);
}

/* What the platter has, as an archive of its own. */
static char *cut_power(const char *folder) {
    char *copy = scratch_make();
    char from[4096], to[4096];
    DIR *days = opendir(folder);
    for (struct dirent *day; (day = readdir(days));) {
        if (day->d_name[0] != '2')
            continue;
        snprintf(to, sizeof to, "%s/%s", copy, day->d_name);
        assert_int_equal(mkdir(to, 0700), 0);
        snprintf(from, sizeof from, "%s/%s", folder, day->d_name);
        DIR *segments = opendir(from);
        for (struct dirent *segment; (segment = readdir(segments));) {
            if (segment->d_name[0] == '.')
                continue;
            snprintf(from, sizeof from, "%s/%s/%s", folder, day->d_name, segment->d_name);
            snprintf(to, sizeof to, "%s/%s/%s", copy, day->d_name, segment->d_name);
            save_image(from, to);
        }
        closedir(segments);
    }
    closedir(days);
    return copy;
}

/* ---- runs ---- */

struct scene {
    char *folder;
    const struct archive_options *options;
    struct archive *archive;
    uint64_t appended;
    int64_t time_us;
    uint64_t syncs, cuts, outages;
};

static const struct archive_options options[] = {
    {.segment_bytes = 2000, .keeps = true},
    {.segment_bytes = 2000, .keeps = true, .on_zeros = true},
    {.segment_bytes = 1 << 20, .keeps = true},
};

static void append(struct scene *scene) {
    unsigned count = 1 + (unsigned)(split_mix(&disk.random) % 6);
    if (chance(2))
        scene->time_us += DAY_US;
    for (unsigned i = 0; i < count; i++) {
        scene->appended++;
        assert_int_equal(bench_append(scene->archive, (unsigned)scene->appended, scene->time_us++),
                         scene->appended);
    }
}

static void sync_archive(struct scene *scene, bool writes_between) {
    struct archive_sync sync;
    struct error error;
    uint64_t before = archive_synced(scene->archive);
    if (archive_sync_start(scene->archive, &sync, &error) != 1)
        return;
    if (writes_between) {
        append(scene);
        archive_write(scene->archive, &error);
    }
    bool is_good = archive_sync_wait(&sync, &error) == 0;
    archive_sync_finish(scene->archive, &sync, &error);
    assert_true(archive_synced(scene->archive) >= before);
    if (is_good)
        assert_true(archive_synced(scene->archive) >= sync.position);
    scene->syncs += is_good;
}

/* What was called synced is there, and nothing else than was appended. */
static void look_after_a_power_cut(struct scene *scene) {
    uint64_t synced = archive_synced(scene->archive);
    unsigned writes = disk.fail_writes, syncs = disk.fail_syncs, names = disk.fail_names;
    char *copy = cut_power(scene->folder);
    struct archive_recovery recovery;
    struct archive *archive;
    struct error error;
    disk_fails(0, 0, 0);
    if (archive_open(copy, &(struct archive_options){0}, &archive, &recovery, &error) < 0)
        fail_msg("after %d records, %d synced: %s", (int)scene->appended, (int)synced, error.text);
    uint64_t end = archive_end(archive).position;
    archive_close(archive);
    if (end < synced)
        fail_msg("%d records were called synced, and %d are there", (int)synced, (int)end);
    if (end > 0)
        assert_int_equal(bench_read_all(copy).position, end);
    scratch_remove(copy);
    disk_fails(writes, syncs, names);
    scene->cuts++;
}

/* Whatever the disk does, all that was appended can be read, unless its pages may be lost. */
static void read_some(struct scene *scene) {
    struct arena arena;
    struct record record;
    struct error error;
    if (scene->appended == 0 || archive_held(scene->archive).is_broken)
        return;
    arena_init(&arena, 1 << 20);
    for (int i = 0; i < 4; i++) {
        uint64_t position = 1 + split_mix(&disk.random) % scene->appended;
        if (archive_read(scene->archive, position, &arena, &record, &error) < 0)
            fail_msg("record %d of %d: %s", (int)position, (int)scene->appended, error.text);
        assert_int_equal(record.position, position);
    }
    arena_deinit(&arena);
}

/* The process ends while the disk fails. What is in memory only is lost then, but the files follow
 * each other. */
static void restart(struct scene *scene) {
    struct archive_recovery recovery;
    struct error error;
    uint64_t synced = archive_synced(scene->archive);
    archive_close(scene->archive);
    disk_fails(0, 0, 0);
    if (archive_open(scene->folder, scene->options, &scene->archive, &recovery, &error) < 0)
        fail_msg("after %d records, %d synced: %s", (int)scene->appended, (int)synced, error.text);
    assert_true(recovery.position >= synced && recovery.position <= scene->appended);
    scene->appended = recovery.position;
}

static void step(struct scene *scene) {
    struct error error;
    if (chance(3)) {
        static const unsigned rates[] = {0, 0, 5, 30, 100};
        disk_fails(rates[split_mix(&disk.random) % 5], rates[split_mix(&disk.random) % 5],
                   rates[split_mix(&disk.random) % 5]);
        scene->outages += disk.fail_writes + disk.fail_syncs > 0;
    }
    append(scene);
    if (chance(50))
        archive_write(scene->archive, &error);
    else
        archive_write_some(scene->archive, 300, &error);
    if (chance(60))
        sync_archive(scene, chance(50));
    if (chance(20))
        read_some(scene);
    if (chance(8))
        look_after_a_power_cut(scene);
    if (chance(2))
        restart(scene);
}

static void become_well(struct scene *scene) {
    struct error error;
    disk_fails(0, 0, 0);
    /* The first of each may still report an old failure. */
    for (int i = 0; i < 3; i++) {
        archive_write(scene->archive, &error);
        sync_archive(scene, false);
    }
    if (archive_synced(scene->archive) != scene->appended)
        fail_msg("%d records appended, %d synced", (int)scene->appended,
                 (int)archive_synced(scene->archive));
    struct archive_held held = archive_held(scene->archive);
    assert_int_equal(held.records, 0);
    assert_false(held.is_broken);
    assert_true(held.bytes < 200); /* a sync mark */
}

static void run(uint64_t seed, uint64_t steps, uint64_t *ret_failures) {
    struct scene scene = {
        .folder = scratch_make(), .options = &options[seed % 3], .time_us = START_US};
    struct archive_recovery recovery;
    struct error error;
    disk_reset(seed);
    disk.evicts = true;
    if (archive_open(scene.folder, scene.options, &scene.archive, &recovery, &error) < 0)
        fail_msg("%s", error.text);
    for (uint64_t i = 0; i < steps; i++)
        step(&scene);
    become_well(&scene);
    look_after_a_power_cut(&scene);
    archive_close(scene.archive);
    assert_int_equal(bench_read_all(scene.folder).position, scene.appended);
    scratch_remove(scene.folder);
    *ret_failures += disk.failures;
}

static void nothing_synced_is_lost(void **state) {
    (void)state;
    uint64_t seed = asked_seed(1), runs = asked_steps(60), failures = 0;
    for (uint64_t i = 0; i < runs; i++) {
        print_message("[ seed %d ]\n", (int)(seed + i));
        run(seed + i, 120, &failures);
    }
    assert_true(failures > runs); /* else nothing was tried */
}

/* A process that dies between a failed sync and the next leaves pages that are not on disk and
 * considered clean: the next one must not believe its first sync. */
static void what_a_dead_process_left_is_written_again(void **state) {
    (void)state;
    struct archive_recovery recovery;
    struct archive_sync sync;
    struct archive *archive;
    struct error error;
    char *folder = scratch_make();
    disk_reset(5);
    assert_int_equal(archive_open(folder, NULL, &archive, &recovery, &error), 0);
    for (unsigned i = 1; i <= 40; i++)
        bench_append(archive, i, START_US + i);
    bench_write(archive);
    disk_fails(0, 100, 0);
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    assert_true(archive_sync_wait(&sync, &error) < 0);
    assert_true(archive_sync_finish(archive, &sync, &error) < 0);
    disk_fails(0, 0, 0);
    archive_close(archive); /* it has failed: nothing more is written, as if it had been killed */
    archive = bench_open(folder, 0, &recovery);
    assert_int_equal(archive_end(archive).position, 40); /* memory still has all of it */
    bench_sync(archive);
    assert_int_equal(archive_synced(archive), 40);
    char *copy = cut_power(folder);
    assert_int_equal(bench_read_all(copy).position, 40);
    scratch_remove(copy);
    archive_close(archive);
    scratch_remove(folder);
}

/* Filling the last segment with zeros syncs it, too; if that fails, opening goes on without zeros.
 * What a killed process had not synced must not be taken for synced then. */
static void a_failure_of_zeros_hides_no_other(void **state) {
    (void)state;
    const struct archive_options on_zeros = {.segment_bytes = 1 << 16, .on_zeros = true};
    struct archive_recovery recovery;
    struct archive_sync sync;
    struct archive *archive;
    struct error error;
    char *folder = scratch_make();
    disk_reset(5);
    assert_int_equal(archive_open(folder, NULL, &archive, &recovery, &error), 0);
    for (unsigned i = 1; i <= 40; i++)
        bench_append(archive, i, START_US + i);
    bench_write(archive);
    disk_fails(0, 100, 0);
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    assert_true(archive_sync_wait(&sync, &error) < 0);
    assert_true(archive_sync_finish(archive, &sync, &error) < 0);
    archive_close(archive);
    int r = archive_open(folder, &on_zeros, &archive, &recovery, &error);
    disk_fails(0, 0, 0);
    if (r < 0) /* it may refuse; the next try writes them again */
        assert_int_equal(archive_open(folder, &on_zeros, &archive, &recovery, &error), 0);
    bench_sync(archive);
    assert_int_equal(archive_synced(archive), 40);
    char *copy = cut_power(folder);
    assert_int_equal(bench_read_all(copy).position, 40);
    scratch_remove(copy);
    archive_close(archive);
    scratch_remove(folder);
}

/* Sealing syncs the segment that is written to, too. Its descriptor is told of a failure, and one
 * that is opened afterwards is not. */
static void a_failure_that_another_was_told_of_is_not_missed(void **state) {
    (void)state;
    char path[512];
    struct archive_recovery recovery;
    struct archive_sync sync;
    struct archive *archive;
    struct error error;
    char *folder = scratch_make();
    disk_reset(5);
    for (unsigned round = 0; round < 2; round++) { /* in a new segment, and in one that is there */
        assert_int_equal(archive_open(folder, NULL, &archive, &recovery, &error), 0);
        for (unsigned i = 1; i <= 40; i++)
            bench_append(archive, i, START_US + i);
        bench_write(archive);
        snprintf(path, sizeof path, "%s/2026-01-01/00000000000000000001.seg", folder);
        int other = openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
        disk_fails(0, 100, 0);
        assert_true(fdatasync(other) < 0);
        disk_fails(0, 0, 0);
        close(other);
        assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
        assert_true(archive_sync_wait(&sync, &error) < 0);
        assert_true(archive_sync_finish(archive, &sync, &error) < 0);
        archive_close(archive);
    }
    scratch_remove(folder);
}

static int end(void **state) {
    (void)state;
    disk_reset(0);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nothing_synced_is_lost, end),
        cmocka_unit_test_teardown(what_a_dead_process_left_is_written_again, end),
        cmocka_unit_test_teardown(a_failure_of_zeros_hides_no_other, end),
        cmocka_unit_test_teardown(a_failure_that_another_was_told_of_is_not_missed, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
