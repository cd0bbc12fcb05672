/* Rewritten segments: other records at the same positions, and nothing else changes; a crash at any
 * call leaves all segments as they were, or all of them rewritten. */
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/archive_seal.h"
#include "core/store/archive/file.h"
#include "core/store/archive/segment_file.h"
#include "core/store/rewrite/archive_rewrite.h"
#include "tests/unit/store/archive_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#define RECORDS 12 /* three a day, the last day's segment is open */

/* ---- calls that fail ---- */

static struct {
    unsigned made;
    unsigned left; /* so many succeed; then all fail, as if the process were gone. 0: none fails */
} calls;

static bool is_gone(void) {
    calls.made++;
    if (calls.left == 0 || calls.made <= calls.left)
        return false;
    errno = EIO;
    return true;
}

int __real_fsync(int descriptor);
int __wrap_fsync(int descriptor);
int __wrap_fsync(int descriptor) {
    return is_gone() ? -1 : __real_fsync(descriptor);
}

int __real_openat64(int directory, const char *name, int flags, ...);
int __wrap_openat64(int directory, const char *name, int flags, ...);
int __wrap_openat64(int directory, const char *name, int flags, ...) {
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        mode = (mode_t)va_arg(arguments, int);
        va_end(arguments);
    }
    return is_gone() ? -1 : __real_openat64(directory, name, flags, mode);
}

/* Half of it may have been written. */
ssize_t __real_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset) {
    if (!is_gone())
        return __real_pwrite64(descriptor, bytes, size, offset);
    if (calls.made == calls.left + 1)
        __real_pwrite64(descriptor, bytes, size / 2, offset);
    return -1;
}

int __real_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to) {
    return is_gone() ? -1 : __real_renameat(from_directory, from, to_directory, to);
}

int __real_unlinkat(int directory, const char *name, int flags);
int __wrap_unlinkat(int directory, const char *name, int flags);
int __wrap_unlinkat(int directory, const char *name, int flags) {
    return is_gone() ? -1 : __real_unlinkat(directory, name, flags);
}

/* ---- the archive ---- */

static void seal(const char *folder) {
    struct archive_seal_report report;
    struct error error;
    if (archive_seal(folder, UINT64_MAX, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
}

static int set_up(void **state) {
    calls.made = calls.left = 0;
    *state = scratch_make();
    struct archive *archive = bench_open(*state, 0, NULL);
    for (unsigned i = 1; i <= RECORDS; i++)
        bench_append(archive, i, START_US + (i - 1) / 3 * DAY_US);
    archive_close(archive);
    seal(*state);
    return 0;
}

static int tear_down(void **state) {
    scratch_remove(*state);
    return 0;
}

/* What a whole reading finds: of each record its chain, and whether it was replaced. */
struct found {
    uint64_t chains[RECORDS + 1];
    bool is_new[RECORDS + 1];
    struct archive_part parts[8];
    uint8_t seals[8][SEAL_HASH_SIZE], firsts[8][SEAL_HASH_SIZE];
    size_t part_count, new_count;
};

static void read_part(const struct archive_parts *parts, size_t index, struct found *found) {
    struct archive_part_reader *reader;
    struct archive_part_record read;
    struct record record;
    struct arena arena;
    struct error error;
    int r;
    arena_init(&arena, 1 << 20);
    assert_int_equal(archive_part_open(parts, index, 0, false, &reader, &error), 0);
    if (archive_part_hash(reader, &error) < 0)
        fail_msg("%s", error.text);
    while ((r = archive_part_next(reader, &read, &error)) == 1) {
        assert_int_equal(archive_part_decode(reader, &arena, &record, &error), 0);
        assert_int_equal(record.type, RECORD_ENGINE);
        found->chains[record.position] = archive_part_place(reader).chain;
        found->is_new[record.position] = text_is(record.engine.node, "rewritten");
        found->new_count += found->is_new[record.position];
    }
    if (r < 0)
        fail_msg("%s", error.text);
    archive_part_close(reader);
    arena_deinit(&arena);
}

static struct found read_all(const char *folder) {
    struct found found = {.part_count = 0};
    struct archive_parts *parts;
    struct error error;
    if (archive_parts_open(folder, &parts, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(archive_parts_end(parts).position, RECORDS);
    for (size_t i = 0; i < archive_parts_count(parts); i++) {
        found.parts[i] = archive_parts_part(parts, i);
        if (found.parts[i].seal)
            memcpy(found.seals[i], found.parts[i].seal, SEAL_HASH_SIZE);
        if (found.parts[i].seal_first)
            memcpy(found.firsts[i], found.parts[i].seal_first, SEAL_HASH_SIZE);
        read_part(parts, i, &found);
        found.part_count++;
    }
    archive_parts_close(parts);
    return found;
}

/* ---- rewriting ---- */

struct rewriter {
    struct archive_rewriter rewriter;
    uint64_t wanted; /* bit n: record n */
};

static int rewrite(struct archive_rewriter *self, const struct archive_part_record *record,
                   struct buffer *ret_payload, struct error *ret_error) {
    const struct rewriter *rewriter = (const struct rewriter *)self;
    struct arena arena;
    struct record left;
    if (!(rewriter->wanted >> record->position & 1))
        return 0;
    arena_init(&arena, 1 << 20);
    int r = record_decode(record->type, record->payload.data, record->payload.length, &arena, &left,
                          ret_error);
    left.engine.node = TEXT_LITERAL("rewritten"); /* longer than it was */
    if (r == 0)
        record_encode(&left, ret_payload);
    arena_deinit(&arena);
    return r < 0 ? r : 1;
}

/* Of the first `days` segments, those that have one of the records. */
static int run(const char *folder, uint64_t number, uint64_t wanted, unsigned days,
               struct error *ret_error) {
    struct rewriter rewriter = {.rewriter = {.rewrite = rewrite}, .wanted = wanted};
    struct archive_rewriting *rewriting;
    int r = archive_rewriting_begin(folder, number, &rewriting, ret_error);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < days && r == 0; i++) {
        struct erased_segment segment;
        r = archive_rewriting_segment(rewriting, day_of(START_US) + (int32_t)i, 3 * i + 1,
                                      &rewriter.rewriter, &segment, ret_error);
        if (r == 0)
            assert_int_equal(segment.records, __builtin_popcountll(wanted >> (3 * i + 1) & 7));
    }
    if (r == 0)
        r = archive_rewriting_commit(rewriting, ret_error);
    archive_rewriting_end(rewriting);
    return r;
}

#define WANTED (UINT64_C(1) << 2 | UINT64_C(1) << 3 | UINT64_C(1) << 8)

static void only_these_change(void **state) {
    const char *folder = *state;
    struct found before = read_all(folder);
    struct error error;
    uint64_t epoch;
    assert_int_equal(before.new_count, 0);
    if (run(folder, 1, WANTED, 3, &error) < 0)
        fail_msg("%s", error.text);
    struct found after = read_all(folder);
    assert_memory_equal(before.chains, after.chains, sizeof before.chains);
    for (unsigned i = 1; i <= RECORDS; i++)
        assert_int_equal(after.is_new[i], WANTED >> i & 1);
    assert_int_equal(after.part_count, before.part_count);
    for (size_t i = 0; i < 3; i++) {
        bool is_rewritten = i != 1;
        assert_int_equal(after.parts[i].epoch, is_rewritten);
        assert_int_equal(memcmp(after.seals[i], before.seals[i], SEAL_HASH_SIZE) != 0,
                         is_rewritten);
        assert_memory_equal(after.firsts[i], before.seals[i], SEAL_HASH_SIZE);
    }
    assert_int_equal(archive_epoch_number(folder, &epoch, &error), 0);
    assert_int_equal(epoch, 1);
}

/* Again, of segments that were rewritten and of others; then the archive goes on. */
static void again_and_on(void **state) {
    const char *folder = *state;
    struct found before = read_all(folder);
    struct error error;
    assert_int_equal(run(folder, 1, WANTED, 3, &error), 0);
    assert_int_equal(
        run(folder, 2, UINT64_C(1) << 1 | UINT64_C(1) << 2 | UINT64_C(1) << 5, 3, &error), 0);
    struct found after = read_all(folder);
    assert_memory_equal(before.chains, after.chains, sizeof before.chains);
    assert_int_equal(after.new_count, 5);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(after.firsts[i], before.seals[i], SEAL_HASH_SIZE);
    struct archive *archive = bench_open(folder, 0, NULL);
    struct arena arena;
    struct record record;
    arena_init(&arena, 1 << 20);
    assert_int_equal(archive_read(archive, 8, &arena, &record, &error), 0);
    assert_true(text_is(record.engine.node, "rewritten"));
    bench_append(archive, RECORDS + 1, START_US + 9 * DAY_US);
    archive_close(archive);
    arena_deinit(&arena);
    seal(folder); /* the fourth segment continues the third one's first seal */
}

/* A writer's cached files are those before it: it opens them anew. */
static void beside_a_writer(void **state) {
    const char *folder = *state;
    struct archive *archive = bench_open(folder, 0, NULL);
    struct arena arena;
    struct record record;
    struct error error;
    arena_init(&arena, 1 << 20);
    assert_int_equal(archive_read(archive, 2, &arena, &record, &error), 0);
    assert_false(text_is(record.engine.node, "rewritten"));
    assert_int_equal(run(folder, 1, WANTED, 3, &error), 0);
    archive_reopen_segments(archive);
    for (unsigned i = 1; i <= RECORDS; i++) {
        assert_int_equal(archive_read(archive, i, &arena, &record, &error), 0);
        assert_int_equal(text_is(record.engine.node, "rewritten"), WANTED >> i & 1);
    }
    /* The next record begins a segment, whatever the day. */
    archive_end_segment(archive);
    bench_append(archive, RECORDS + 1, START_US + 3 * DAY_US);
    bench_write(archive);
    archive_close(archive);
    arena_deinit(&arena);
    struct archive_parts *parts;
    assert_int_equal(archive_parts_open(folder, &parts, &error), 0);
    assert_int_equal(archive_parts_count(parts), 5);
    assert_int_equal(archive_parts_part(parts, 4).first, RECORDS + 1);
    archive_parts_close(parts);
}

/* Sealing and rewriting exclude each other; a segment that is not sealed is refused. */
static void refused(void **state) {
    const char *folder = *state;
    struct archive_rewriting *rewriting, *second;
    struct rewriter rewriter = {.rewriter = {.rewrite = rewrite}, .wanted = ~UINT64_C(0)};
    struct erased_segment segment;
    struct error error;
    assert_int_equal(archive_rewriting_begin(folder, 1, &rewriting, &error), 0);
    assert_int_equal(archive_rewriting_begin(folder, 1, &second, &error), -ERROR_EXISTS);
    assert_int_equal(archive_rewriting_segment(rewriting, day_of(START_US) + 3, 10,
                                               &rewriter.rewriter, &segment, &error),
                     -ERROR_INVALID);
    assert_int_equal(archive_rewriting_segment(rewriting, day_of(START_US), 1, &rewriter.rewriter,
                                               &segment, &error),
                     0);
    archive_rewriting_end(rewriting); /* without a commit */
    assert_int_equal(read_all(folder).new_count, 0);
}

/* The file that says how far it is: anything else is refused. */
static void damaged_epoch(void **state) {
    const char *folder = *state;
    struct error error;
    uint64_t epoch;
    assert_int_equal(run(folder, 7, WANTED, 3, &error), 0);
    const char *path = scratch_path(folder, "epoch");
    int descriptor = open(path, O_RDWR);
    char bytes[256];
    ssize_t length = pread(descriptor, bytes, sizeof bytes, 0);
    assert_true(length > 0);
    for (ssize_t i = 0; i < length; i++) {
        char changed = (char)(bytes[i] ^ 1);
        assert_int_equal(pwrite(descriptor, &changed, 1, i), 1);
        assert_int_equal(archive_epoch_number(folder, &epoch, &error), -ERROR_DAMAGED);
        assert_int_equal(pwrite(descriptor, &bytes[i], 1, i), 1);
    }
    assert_int_equal(archive_epoch_number(folder, &epoch, &error), 0);
    assert_int_equal(epoch, 7);
    close(descriptor);
}

/* After a crash at any call: what is there reads as a whole, before anybody has repaired it, and
 * opening for writing leaves all or nothing rewritten. */
static void crash_at_any_call(void **state) {
    (void)state;
    unsigned whole = 0, none = 0, all = 0, mixed = 0;
    for (unsigned left = 1; whole == 0; left++) {
        void *folder;
        struct error error;
        set_up(&folder);
        struct found before = read_all(folder);
        calls.made = 0;
        calls.left = left;
        whole += run(folder, 1, WANTED, 3, &error) == 0;
        calls.left = 0;
        struct found found = read_all(folder);
        assert_memory_equal(before.chains, found.chains, sizeof before.chains);
        mixed += found.new_count > 0 && found.new_count < 3;
        archive_close(bench_open(folder, 0, NULL));
        found = read_all(folder);
        assert_true(found.new_count == 0 || found.new_count == 3);
        assert_memory_equal(before.chains, found.chains, sizeof before.chains);
        (*(found.new_count ? &all : &none))++;
        assert_int_equal(run(folder, 2, WANTED, 3, &error), 0);
        assert_int_equal(read_all(folder).new_count, 3);
        tear_down(&folder);
    }
    assert_true(none > 10 && all > 2 && mixed > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_these_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(again_and_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(beside_a_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_epoch, set_up, tear_down),
        cmocka_unit_test(crash_at_any_call),
    };
    return cmocka_run_group_tests_name("store/archive_rewrite", tests, NULL, NULL);
}
