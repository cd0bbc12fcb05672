/* An archive that begins later: what readers and writers make of it, and pruning that is killed, or
 * refused by the system, at every call that changes a file. Linked so that those calls come through
 * here. */
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/archive_seal.h"
#include "core/store/upkeep/archive_prune.h"
#include "tests/unit/store/archive_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAYS    5
#define A_DAY   10
#define RECORDS ((uint64_t)DAYS * A_DAY)
#define CUT     20 /* position: the end of the second day */

/* ---------------------------------------------------------------------------------------------
 * The calls */

static struct {
    unsigned left; /* calls until something happens; 0: nothing will */
    int number;    /* errno of the failure; 0: the process is killed */
} calls;

/* Something else happens when so many segments have been opened for reading; 0: nothing will. */
static struct {
    unsigned left;
    void (*act)(const char *folder);
    const char *folder;
} meanwhile;

static void count_opened(const char *name) {
    if (meanwhile.left == 0 || !strstr(name, ".seg") || --meanwhile.left > 0)
        return;
    meanwhile.act(meanwhile.folder);
}

/* true: the call fails. Or it does not return. */
static bool strike(void) {
    if (calls.left == 0 || --calls.left > 0)
        return false;
    if (calls.number == 0)
        _exit(9);
    errno = calls.number;
    return true;
}

int __real_openat64(int directory, const char *name, int flags, ...);
int __wrap_openat64(int directory, const char *name, int flags, ...);
ssize_t __real_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset);
int __real_fsync(int descriptor);
int __wrap_fsync(int descriptor);
int __real_renameat(int from, const char *old, int to, const char *name);
int __wrap_renameat(int from, const char *old, int to, const char *name);
int __real_unlinkat(int directory, const char *name, int flags);
int __wrap_unlinkat(int directory, const char *name, int flags);

int __wrap_openat64(int directory, const char *name, int flags, ...) {
    mode_t mode = 0;
    count_opened(name);
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

int __wrap_renameat(int from, const char *old, int to, const char *name) {
    return strike() ? -1 : __real_renameat(from, old, to, name);
}

int __wrap_unlinkat(int directory, const char *name, int flags) {
    return strike() ? -1 : __real_unlinkat(directory, name, flags);
}

/* ---------------------------------------------------------------------------------------------
 * The scene */

static const uint64_t kept_positions[] = {1, 7, 20};
#define KEPT (sizeof kept_positions / sizeof *kept_positions)

struct scene {
    char *folder;
    struct archive_place places[RECORDS + 1];
};

static void seal(const char *folder) {
    struct archive_seal_report report;
    struct error error;
    if (archive_seal(folder, UINT64_MAX, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
}

/* A segment each day, all but the last sealed. */
static int set_up(void **state) {
    struct scene *scene = calloc(1, sizeof *scene);
    scene->folder = scratch_make();
    struct archive *archive = bench_open(scene->folder, 0, NULL);
    for (unsigned i = 1; i <= RECORDS; i++) {
        bench_append(archive, i, START_US + (int64_t)((i - 1) / A_DAY) * DAY_US + i);
        scene->places[i] = archive_end(archive);
        bench_write(archive);
    }
    bench_sync(archive);
    archive_close(archive);
    seal(scene->folder);
    *state = scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    scratch_remove(scene->folder);
    free(scene);
    return 0;
}

static struct archive_parts *open_parts(const char *folder) {
    struct archive_parts *parts;
    struct error error;
    if (archive_parts_open(folder, &parts, &error) < 0)
        fail_msg("%s", error.text);
    return parts;
}

/* The record's own bytes, as a prune keeps them. */
static void keep(const struct archive_parts *parts, uint64_t position, struct buffer *kept) {
    struct archive_part_reader *reader;
    struct archive_part_record record;
    struct error error;
    size_t part = archive_parts_find(parts, position - 1);
    if (archive_part_open(parts, part, position - 1, false, &reader, &error) < 0 ||
        archive_part_next(reader, &record, &error) != 1)
        fail_msg("%s", error.text);
    assert_int_equal(record.position, position);
    archive_begin_keep(kept, record.type, record.position, record.payload);
    archive_part_close(reader);
}

/* The beginning behind this part, with the records that are kept of what is in front of it. */
static struct archive_begin begin_behind(const struct archive_parts *parts, size_t part,
                                         struct buffer *kept) {
    struct archive_part what = archive_parts_part(parts, part);
    struct archive_begin begin = {
        .place = {.position = what.last, .chain = what.chain},
        .time_us = archive_parts_part(parts, part + 1).time_before_us,
        .day = what.day,
        .pruned_us = START_US,
        .bases = {{.plan_id = 11, .generation_id = 12}, {.plan_id = 13, .generation_id = 14}},
        .base_count = 2,
    };
    assert_non_null(what.seal);
    memcpy(begin.seal, what.seal, SEAL_HASH_SIZE);
    for (size_t i = 0; i < KEPT; i++)
        keep(parts, kept_positions[i], kept);
    return begin;
}

static int prune(const char *folder, bool *ret_is_done, struct archive_prune_report *ret_report,
                 struct error *ret_error) {
    struct archive_parts *parts = open_parts(folder);
    struct buffer kept;
    buffer_init(&kept);
    struct archive_begin begin = begin_behind(parts, CUT / A_DAY - 1, &kept);
    archive_parts_close(parts);
    int r = archive_prune(folder, (struct archive_place){0}, &begin, &kept, ret_is_done, ret_report,
                          ret_error);
    buffer_deinit(&kept);
    return r;
}

static void prune_well(const char *folder) {
    struct archive_prune_report report;
    struct error error;
    bool is_done;
    if (prune(folder, &is_done, &report, &error) < 0)
        fail_msg("%s", error.text);
    assert_true(is_done);
    assert_int_equal(report.segments, CUT / A_DAY);
    assert_true(report.bytes > 0);
}

static size_t count_files(const char *folder, const char *pattern) {
    glob_t found;
    size_t count = glob(scratch_path(folder, pattern), 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

/* Reads all of it: position 0 where it begins with record 1. */
static uint64_t expect_whole(const struct scene *scene, uint64_t last) {
    struct archive_reader *reader;
    struct archive_begin begin;
    struct record record;
    struct arena arena;
    struct error error;
    char version[32];
    size_t kept = 0;
    if (archive_begin_look_at(scene->folder, &begin, &error) < 0 ||
        archive_reader_open(scene->folder, (struct archive_place){0}, &reader, &error) < 0)
        fail_msg("%s", error.text);
    uint64_t position = begin.place.position;
    assert_int_equal(archive_reader_place(reader).position, position);
    arena_init(&arena, 1 << 20);
    for (;;) {
        arena_reset(&arena);
        int r = archive_reader_next(reader, &arena, &record, &error);
        if (r < 0)
            fail_msg("%s", error.text);
        if (r == 0)
            break;
        snprintf(version, sizeof version, "engine %06u", (unsigned)record.position);
        assert_true(text_is(record.engine.version, version));
        if (record.position <= begin.place.position) {
            assert_int_equal(record.position, kept_positions[kept++]);
            assert_string_equal(archive_reader_frame(reader)->file, "begins");
            continue;
        }
        assert_int_equal(record.position, ++position);
        if (position <= RECORDS)
            assert_int_equal(archive_reader_place(reader).chain, scene->places[position].chain);
    }
    assert_int_equal(position, last);
    assert_int_equal(kept, begin.place.position > 0 ? KEPT : 0);
    archive_reader_close(reader);
    arena_deinit(&arena);
    return begin.place.position;
}

/* ---------------------------------------------------------------------------------------------
 * Tests */

static void readers_begin_there(void **state) {
    const struct scene *scene = *state;
    struct archive_reader *reader;
    struct archive_begin begin;
    struct error error;
    uint64_t chain;
    prune_well(scene->folder);
    assert_int_equal(expect_whole(scene, RECORDS), CUT);
    assert_int_equal(count_files(scene->folder, "2026-01-0[12]"), 0);
    assert_int_equal(archive_begin_look_at(scene->folder, &begin, &error), 0);
    assert_int_equal(begin.time_us, START_US + DAY_US + CUT);
    assert_int_equal(begin.types, UINT64_C(1) << RECORD_ENGINE);
    assert_int_equal(begin.base_count, 2);
    assert_int_equal(begin.bases[1].plan_id, 13);

    struct archive_parts *parts = open_parts(scene->folder);
    struct archive_part head = archive_parts_part(parts, 0), next = archive_parts_part(parts, 1);
    assert_int_equal(archive_parts_count(parts), 1 + DAYS - CUT / A_DAY);
    assert_true(head.is_head && !next.is_head);
    assert_int_equal(head.last, CUT);
    assert_int_equal(next.first, CUT + 1);
    assert_non_null(next.seal);
    assert_int_equal(archive_parts_find(parts, 3), 0);
    assert_int_equal(archive_parts_find(parts, CUT), 1);
    assert_int_equal(archive_parts_chain(parts, CUT, &chain, &error), 1);
    assert_int_equal(chain, scene->places[CUT].chain);
    assert_int_equal(archive_parts_chain(parts, 7, &chain, &error), -ERROR_NOT_FOUND);
    assert_int_equal(archive_parts_holds(parts, scene->places[7], &error), 0);
    assert_int_equal(archive_parts_holds(parts, scene->places[CUT], &error), 1);
    assert_int_equal(archive_parts_holds(parts, scene->places[31], &error), 1);
    archive_parts_close(parts);

    assert_int_equal(archive_reader_open(scene->folder, scene->places[7], &reader, &error),
                     -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "record 7 is gone"));
    assert_int_equal(archive_reader_open(scene->folder, scene->places[CUT], &reader, &error), 0);
    archive_reader_close(reader);
}

static void parts_end_where_they_are_told(void **state) {
    const struct scene *scene = *state;
    struct archive_parts *parts;
    struct error error;
    for (uint64_t position = A_DAY; position < RECORDS; position += A_DAY) {
        assert_int_equal(
            archive_parts_open_until(scene->folder, scene->places[position], &parts, &error), 0);
        assert_int_equal(archive_parts_count(parts), position / A_DAY);
        assert_int_equal(archive_parts_end(parts).position, position);
        for (size_t i = 0; i < archive_parts_count(parts); i++) {
            struct archive_part_reader *reader;
            struct archive_part_record record;
            int r = archive_part_open(parts, i, 0, false, &reader, &error);
            while (r >= 0 && (r = archive_part_next(reader, &record, &error)) > 0)
                continue;
            assert_int_equal(r, 0);
            archive_part_close(reader);
        }
        archive_parts_close(parts);
    }
}

static int read_record(struct archive *archive, uint64_t position, struct error *ret_error) {
    struct arena arena;
    struct record record;
    arena_init(&arena, 1 << 20);
    int r = archive_read(archive, position, &arena, &record, ret_error);
    arena_deinit(&arena);
    return r;
}

/* One that is open meanwhile, and one that opens it afterwards. */
static void a_writer_goes_on(void **state) {
    const struct scene *scene = *state;
    struct error error;
    struct archive *archive = bench_open(scene->folder, 0, NULL);
    assert_int_equal(read_record(archive, 25, &error), 0);
    prune_well(scene->folder);
    assert_int_equal(read_record(archive, 5, &error), -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "a prune has dropped the records up to 20"));
    assert_int_equal(read_record(archive, 25, &error), 0);
    assert_int_equal(bench_append(archive, RECORDS + 1, START_US + DAYS * DAY_US), RECORDS + 1);
    bench_write(archive);
    bench_sync(archive);
    archive_close(archive);
    assert_int_equal(expect_whole(scene, RECORDS + 1), CUT);

    archive = bench_open(scene->folder, 0, NULL);
    assert_int_equal(archive_end(archive).position, RECORDS + 1);
    assert_int_equal(read_record(archive, 5, &error), -ERROR_NOT_FOUND);
    assert_int_equal(read_record(archive, CUT + 1, &error), 0);
    bench_append(archive, RECORDS + 2, START_US + (DAYS + 1) * DAY_US);
    bench_write(archive);
    bench_sync(archive);
    archive_close(archive);
    seal(scene->folder); /* continues the seal that `begins` has */
    assert_int_equal(expect_whole(scene, RECORDS + 2), CUT);
    struct archive_parts *parts = open_parts(scene->folder);
    for (size_t i = 0; i + 1 < archive_parts_count(parts); i++)
        assert_non_null(archive_parts_part(parts, i).seal);
    archive_parts_close(parts);
}

static void what_is_in_front_counts_as_gone(void **state) {
    const struct scene *scene = *state;
    struct archive_prune_report report;
    struct error error;
    struct text first = scratch_read(scratch_path(scene->folder, FIRST_SEGMENT ".zst"));
    prune_well(scene->folder);
    assert_int_equal(mkdir(scratch_path(scene->folder, "2026-01-01"), 0750), 0);
    scratch_write(scratch_path(scene->folder, FIRST_SEGMENT ".zst"), first.data, first.length);
    scratch_write(scratch_path(scene->folder, FIRST_SEGMENT ".torn-1"), "torn", 4);
    free((char *)(uintptr_t)first.data);
    assert_int_equal(expect_whole(scene, RECORDS), CUT);
    archive_close(bench_open(scene->folder, 0, NULL));
    assert_int_equal(archive_prune_finish(scene->folder, &report, &error), 0);
    assert_int_equal(report.segments, 1);
    assert_false(scratch_exists(scratch_path(scene->folder, "2026-01-01")));
}

static void what_is_missing_behind_it_is_damage(void **state) {
    const struct scene *scene = *state;
    struct archive_parts *parts;
    struct error error;
    prune_well(scene->folder);
    assert_int_equal(unlink(scratch_path(scene->folder, "2026-01-03/00000000000000000021.seg.zst")),
                     0);
    bench_refused(scene->folder, ERROR_DAMAGED, "records 21 to 30", "missing");
    assert_int_equal(archive_parts_open(scene->folder, &parts, &error), -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, "records 21 to 30 before it are missing"));
}

/* Every byte counts. */
static void damage_is_noticed(void **state) {
    const struct scene *scene = *state;
    struct archive_begin begin, now;
    struct buffer kept;
    struct error error;
    prune_well(scene->folder);
    const char *path = scratch_path(scene->folder, "begins");
    assert_int_equal(archive_begin_look_at(scene->folder, &begin, &error), 0);
    struct text good = scratch_read(path);
    char *bytes = malloc(good.length);
    int directory = open(scene->folder, O_RDONLY | O_DIRECTORY);
    buffer_init(&kept);
    for (size_t i = 0; i < good.length; i++) {
        memcpy(bytes, good.data, good.length);
        bytes[i] ^= 0x10;
        scratch_write(path, bytes, good.length);
        int r = archive_begin_look(directory, &now, &error);
        if (r == 0)
            r = archive_begin_load(directory, &begin, &kept, &error);
        if (r != -ERROR_DAMAGED && r != -ERROR_UNSUPPORTED)
            fail_msg("byte %zu: %d", i, r);
        assert_non_null(strstr(error.text, "begins"));
    }
    for (size_t length = 0; length < good.length; length += 7) {
        scratch_write(path, good.data, length);
        assert_int_equal(archive_begin_look(directory, &now, &error), -ERROR_DAMAGED);
    }
    bench_refused(scene->folder, ERROR_DAMAGED, "begins", NULL);
    close(directory);
    buffer_deinit(&kept);
    free(bytes);
    free((char *)(uintptr_t)good.data);
}

static void a_second_one_continues_the_first(void **state) {
    const struct scene *scene = *state;
    struct archive_prune_report report;
    struct error error;
    bool is_done;
    prune_well(scene->folder);
    struct archive_parts *parts = open_parts(scene->folder);
    struct buffer kept;
    buffer_init(&kept);
    struct archive_begin begin = begin_behind(parts, 2, &kept);
    archive_parts_close(parts);
    /* From the wrong place: somebody else was faster. */
    assert_int_equal(archive_prune(scene->folder, (struct archive_place){0}, &begin, &kept,
                                   &is_done, &report, &error),
                     -ERROR_UNAVAILABLE);
    assert_false(is_done);
    assert_int_equal(expect_whole(scene, RECORDS), CUT);
    assert_int_equal(
        archive_prune(scene->folder, scene->places[CUT], &begin, &kept, &is_done, &report, &error),
        0);
    buffer_deinit(&kept);
    assert_int_equal(expect_whole(scene, RECORDS), 40);
}

/* Whoever was reading hears of it, instead of ending early. */
static void a_reader_is_overtaken(void **state) {
    const struct scene *scene = *state;
    struct archive_reader *reader;
    struct archive_part_reader *part;
    struct archive_parts *parts = open_parts(scene->folder);
    struct record record;
    struct arena arena;
    struct error error;
    int r;
    assert_int_equal(archive_reader_open(scene->folder, (struct archive_place){0}, &reader, &error),
                     0);
    arena_init(&arena, 1 << 20);
    assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 1);
    prune_well(scene->folder);
    do {
        arena_reset(&arena);
        r = archive_reader_next(reader, &arena, &record, &error);
    } while (r > 0);
    assert_int_equal(r, -ERROR_UNAVAILABLE);
    assert_non_null(strstr(error.text, "start again"));
    assert_int_equal(record.position, A_DAY); /* of the segment that was open */
    assert_int_equal(archive_part_open(parts, 0, 0, false, &part, &error), -ERROR_UNAVAILABLE);
    assert_non_null(strstr(error.text, "start again"));
    archive_reader_close(reader);
    archive_parts_close(parts);
    arena_deinit(&arena);
}

static void open_as_writer(const struct scene *scene) {
    struct archive_recovery recovery;
    struct archive *archive = bench_open(scene->folder, 0, &recovery);
    assert_int_equal(recovery.position, RECORDS);
    assert_int_equal(recovery.torn_bytes, 0);
    archive_close(archive);
}

static void open_as_parts(const struct scene *scene) {
    struct archive_parts *parts = open_parts(scene->folder);
    assert_int_equal(archive_parts_end(parts).position, RECORDS);
    archive_parts_close(parts);
}

static void open_as_reader(const struct scene *scene) {
    struct archive_reader *reader;
    struct error error;
    if (archive_reader_open(scene->folder, (struct archive_place){0}, &reader, &error) < 0)
        fail_msg("%s", error.text);
    archive_reader_close(reader);
}

/* A prune between any two files that are opened: it is opened as it was, or as it is then. */
static void pruned_while_it_is_opened(void **state) {
    static void (*const openers[])(const struct scene *) = {open_as_writer, open_as_parts,
                                                            open_as_reader};
    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) {
        bool has_acted = true;
        unsigned at = 1;
        for (; has_acted; at++) {
            struct scene *scene = *state;
            meanwhile.act = prune_well;
            meanwhile.folder = scene->folder;
            meanwhile.left = at;
            openers[i](scene);
            has_acted = meanwhile.left == 0;
            meanwhile.left = 0;
            assert_int_equal(expect_whole(scene, RECORDS), has_acted ? CUT : 0);
            tear_down(state);
            set_up(state);
        }
        assert_true(at > 2);
    }
}

/* ---- crashes ---- */

/* false: nothing struck. */
static bool kill_at(const char *folder, unsigned at) {
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct archive_prune_report report;
        struct error error;
        bool is_done;
        calls.left = at;
        _exit(prune(folder, &is_done, &report, &error) < 0 ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1);
    return WEXITSTATUS(status) == 9;
}

static void killed_at_every_call(void **state) {
    unsigned before = 0, after = 0;
    bool strikes = true;
    tear_down(state);
    for (unsigned at = 1; strikes; at++) {
        set_up(state);
        const struct scene *scene = *state;
        struct archive_prune_report report;
        struct error error;
        strikes = kill_at(scene->folder, at);
        uint64_t begin = expect_whole(scene, RECORDS);
        assert_true(begin == 0 || begin == CUT);
        before += begin == 0;
        after += begin > 0;
        archive_close(bench_open(scene->folder, 0, NULL)); /* a server starts */
        if (begin == 0)
            prune_well(scene->folder);
        else
            assert_int_equal(archive_prune_finish(scene->folder, &report, &error), 0);
        assert_int_equal(expect_whole(scene, RECORDS), CUT);
        assert_int_equal(count_files(scene->folder, "2026-01-0[12]"), 0);
        assert_int_equal(count_files(scene->folder, "begins.new"), 0);
        tear_down(state);
    }
    assert_true(before >= 4 && after >= 4);
    set_up(state);
}

static void refused_at_every_call(void **state) {
    tear_down(state);
    for (unsigned at = 1;; at++) {
        set_up(state);
        const struct scene *scene = *state;
        struct archive_prune_report report;
        struct error error;
        bool is_done;
        calls.left = at;
        calls.number = ENOSPC;
        int r = prune(scene->folder, &is_done, &report, &error);
        bool struck = calls.left == 0;
        calls.left = 0;
        calls.number = 0;
        assert_int_equal(expect_whole(scene, RECORDS) > 0, is_done || r == 0);
        if (struck)
            assert_int_equal(r, -ERROR_SYSTEM);
        tear_down(state);
        if (!struck)
            break;
    }
    set_up(state);
}

/* A cluster's log never ends there: a prune stays behind what is committed. */
static void it_cannot_be_cut_off_at_its_beginning(void **state) {
    struct scene *scene = *state;
    struct archive_parts *parts = open_parts(scene->folder);
    struct archive_prune_report report;
    struct archive_cut_report cut;
    struct buffer kept;
    struct error error;
    bool is_done;
    buffer_init(&kept);
    struct archive_begin begin = begin_behind(parts, DAYS - 2, &kept);
    archive_parts_close(parts);
    assert_int_equal(archive_prune(scene->folder, (struct archive_place){0}, &begin, &kept,
                                   &is_done, &report, &error),
                     0);
    buffer_deinit(&kept);
    struct archive *archive = bench_open(scene->folder, 0, NULL);
    const uint64_t at[] = {begin.place.position, CUT, 0};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        assert_int_equal(archive_cut(archive, scene->places[at[i]], &cut, &error),
                         -ERROR_NOT_FOUND);
        assert_non_null(strstr(error.text, "a prune has dropped"));
    }
    archive_close(archive);
    assert_int_equal(expect_whole(scene, RECORDS), begin.place.position);
}

/* What was read of the archive no longer fits it: nothing is dropped. */
static void what_stays_must_continue_it(void **state) {
    struct scene *scene = *state;
    struct archive_prune_report report;
    struct error error;
    bool is_done;
    for (int wrong = 0; wrong < 4; wrong++) {
        struct archive_parts *parts = open_parts(scene->folder);
        struct buffer kept;
        buffer_init(&kept);
        struct archive_begin begin = begin_behind(parts, CUT / A_DAY - 1, &kept);
        archive_parts_close(parts);
        if (wrong == 0)
            begin.place.chain ^= 1;
        else if (wrong == 1)
            begin.seal[31] ^= 1;
        else if (wrong == 2)
            begin.place.position--;
        else
            begin.place.position = RECORDS;
        assert_int_equal(archive_prune(scene->folder, (struct archive_place){0}, &begin, &kept,
                                       &is_done, &report, &error),
                         -ERROR_UNAVAILABLE);
        assert_non_null(strstr(error.text, "start again"));
        assert_false(is_done);
        assert_int_equal(expect_whole(scene, RECORDS), 0);
        buffer_deinit(&kept);
    }
    prune_well(scene->folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readers_begin_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parts_end_where_they_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_writer_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_in_front_counts_as_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_missing_behind_it_is_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_one_continues_the_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_is_overtaken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pruned_while_it_is_opened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_cannot_be_cut_off_at_its_beginning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stays_must_continue_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(killed_at_every_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused_at_every_call, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
