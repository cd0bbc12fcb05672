/* Archives with damage of all kinds in plain and sealed segments: a quarantine leaves one that
 * every check accepts, with each record that could be read as it was, at its position, and lost
 * ones in place of the others. */
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/archive_seal.h"
#include "core/store/rewrite/archive_quarantine.h"
#include "core/store/upkeep/archive_check.h"
#include "core/store/upkeep/archive_lost.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/store/archive_bench.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDS     400
#define DAYS        8
#define ARENA_BYTES ((size_t)8 << 20)

static uint64_t random_state;

static uint64_t below(uint64_t limit) {
    return split_mix(&random_state) % limit;
}

/* ---- an archive ---- */

static struct archive_place places[RECORDS + 1];

static void sync_it(struct archive *archive) {
    bench_sync(archive);
}

/* Several segments a day at times, several sync marks in each. */
static char *fill(bool seals) {
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 2500, NULL);
    for (unsigned i = 1; i <= RECORDS; i++) {
        bench_append(archive, i, START_US + (int64_t)(i - 1) * DAYS / RECORDS * DAY_US + i);
        places[i] = archive_end(archive);
        if (i % 7 == 0) {
            bench_write(archive);
            sync_it(archive);
        }
    }
    bench_write(archive);
    sync_it(archive);
    archive_close(archive);
    if (seals) {
        struct archive_seal_report report;
        struct error error;
        if (archive_seal(folder, below(RECORDS) + RECORDS / 2, NULL, &report, &error) < 0)
            fail_msg("%s", error.text);
    }
    return folder;
}

/* ---- damage ---- */

static void find_segments(const char *folder, glob_t *found) {
    assert_int_equal(glob(scratch_path(folder, "20*/*.seg*"), 0, NULL, found), 0);
}

enum damage { FLIP, ZEROS, TRUNCATE, REMOVE, GARBAGE, DAMAGES };

static void do_damage(const char *path, enum damage damage) {
    struct text bytes = scratch_read(path);
    char *at = (char *)(uintptr_t)bytes.data;
    size_t from = below(bytes.length), size = 1 + below(bytes.length - from);
    switch (damage) {
    case FLIP:
        at[from] ^= (char)(1 << below(8));
        break;
    case ZEROS:
        memset(at + from, 0, size);
        break;
    case GARBAGE:
        for (size_t i = 0; i < size; i++)
            at[from + i] = (char)below(256);
        break;
    case TRUNCATE:
        bytes.length = from;
        break;
    case REMOVE:
        unlink(path);
        free(at);
        return;
    case DAMAGES:
        break;
    }
    scratch_write(path, at, bytes.length);
    free(at);
}

/* ---- afterwards ---- */

struct listener {
    struct archive_quarantine_listener listener; /* first */
    unsigned found;
    uint64_t lost;
};

static void note(struct archive_quarantine_listener *self,
                 const struct archive_quarantined *quarantined) {
    struct listener *listener = (struct listener *)self;
    listener->found++;
    listener->lost += quarantined->lost;
    assert_true(*quarantined->fault);
    assert_true(quarantined->last + 1 >= quarantined->first);
}

static int go_on(struct archive_check_watch *self, uint64_t done) {
    (void)self, (void)done;
    return 0;
}

/* Every part with every check that `harrier archive verify` makes. */
static void check_parts(const char *folder) {
    struct archive_check_watch watch = {go_on};
    struct archive_check checks[64];
    struct archive_parts *parts;
    struct arena arena;
    struct error error;
    if (archive_parts_open(folder, &parts, &error) < 0)
        fail_msg("%s", error.text);
    arena_init(&arena, ARENA_BYTES);
    assert_true(archive_parts_count(parts) <= 64);
    for (size_t i = 0; i < archive_parts_count(parts); i++) {
        if (archive_check_part(parts, i, &arena, &watch, &checks[i], &error) < 0)
            fail_msg("%s", error.text);
        if (i > 0 && archive_check_joint(parts, i, &checks[i - 1], &checks[i], &error) < 0)
            fail_msg("%s", error.text);
    }
    arena_deinit(&arena);
    archive_parts_close(parts);
}

/* In order; returns how many are lost. */
static uint64_t check_records(const char *folder, uint64_t *ret_last) {
    struct archive_reader *reader;
    struct arena arena;
    struct record record;
    struct error error;
    uint64_t lost = 0, expected = 0;
    int r = archive_reader_open(folder, (struct archive_place){0}, &reader, &error);
    if (r < 0)
        fail_msg("%s", error.text);
    arena_init(&arena, ARENA_BYTES);
    while ((r = archive_reader_next(reader, &arena, &record, &error)) == 1) {
        assert_int_equal(record.position, ++expected);
        if (record.type == RECORD_LOST) {
            lost++;
            assert_true(record.lost.first <= expected && record.lost.last >= expected);
        } else {
            struct record written = bench_record(&arena, RECORD_ENGINE, (unsigned)record.position);
            written.receive_time_us = record.receive_time_us;
            written.position = record.position;
            assert_same_record(&record, &written);
        }
        arena_reset(&arena);
    }
    if (r < 0)
        fail_msg("%s", error.text);
    arena_deinit(&arena);
    archive_reader_close(reader);
    *ret_last = expected;
    return lost;
}

static void check_all(const char *folder, uint64_t lost, bool is_end_known) {
    struct archive_lost found;
    struct error error;
    uint64_t last;
    archive_close(bench_open(folder, 2500, NULL)); /* cuts off a torn end */
    check_parts(folder);
    assert_int_equal(check_records(folder, &last), lost);
    if (is_end_known)
        assert_int_equal(last, RECORDS);
    if (archive_lost_find(folder, &found, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(found.records, lost);
    struct archive *archive = bench_open(folder, 2500, NULL); /* and it goes on */
    assert_int_equal(archive_end(archive).position, last);
    if (is_end_known)
        assert_int_equal(archive_end(archive).chain, places[RECORDS].chain);
    bench_append(archive, (unsigned)last + 1, START_US + (DAYS + 1) * DAY_US);
    bench_write(archive);
    archive_close(archive);
}

static void quarantine(const char *folder, struct listener *listener, bool dry_run) {
    struct error error;
    *listener = (struct listener){.listener = {note}};
    if (archive_quarantine(folder, dry_run, &listener->listener, &error) < 0)
        fail_msg("%s", error.text);
}

static void run(uint64_t seed) {
    struct listener listener, again;
    glob_t found;
    random_state = seed;
    char *folder = fill(seed % 3 != 0);
    find_segments(folder, &found);
    quarantine(folder, &listener, false);
    assert_int_equal(listener.found, 0);
    /* One segment, or two that are not neighbours. The last one is never removed: that is no gap.
     */
    size_t first = below(found.gl_pathc), second = first + 2 + below(3);
    bool is_last = first + 1 == found.gl_pathc || second + 1 == found.gl_pathc;
    enum damage damage = (enum damage)below(is_last ? REMOVE : DAMAGES);
    do_damage(found.gl_pathv[first], damage);
    bool is_second = second < found.gl_pathc && below(2);
    if (is_second)
        do_damage(found.gl_pathv[second], (enum damage)below(REMOVE));
    globfree(&found);
    uint64_t before = scratch_fingerprint(folder);
    quarantine(folder, &listener, true);
    assert_int_equal(scratch_fingerprint(folder), before);
    quarantine(folder, &again, false);
    assert_int_equal(again.found, listener.found);
    assert_int_equal(again.lost, listener.lost);
    check_all(folder, again.lost, !is_last);
    if (damage == FLIP && seed % 3 == 0 && !is_last && !is_second)
        assert_true(again.lost <= 2); /* a plain one loses the record with that bit */
    quarantine(folder, &again, false);
    assert_int_equal(again.found, 0);
    scratch_remove(folder);
}

static void what_can_be_read_stays(void **state) {
    (void)state;
    uint64_t seed = asked_seed(1), runs = asked_steps(150);
    for (uint64_t i = 0; i < runs; i++) {
        print_message("[ seed %d ]\n", (int)(seed + i));
        run(seed + i);
    }
}

/* Tables that were built for a sync mark behind the damage are still of this archive. */
static void places_behind_it_hold(void **state) {
    (void)state;
    struct listener listener;
    struct archive_parts *parts;
    struct error error;
    random_state = 9;
    char *folder = fill(false);
    glob_t found;
    find_segments(folder, &found);
    struct stat status;
    assert_int_equal(stat(found.gl_pathv[1], &status), 0);
    struct text bytes = scratch_read(found.gl_pathv[1]);
    ((char *)(uintptr_t)bytes.data)[120] ^= 4;
    scratch_write(found.gl_pathv[1], bytes.data, bytes.length);
    free((char *)(uintptr_t)bytes.data);
    globfree(&found);
    quarantine(folder, &listener, false);
    assert_int_equal(listener.lost, 1);
    if (archive_parts_open(folder, &parts, &error) < 0)
        fail_msg("%s", error.text);
    for (uint64_t position = 7; position <= RECORDS; position += 7)
        assert_int_equal(archive_parts_holds(parts, places[position], &error), 1);
    archive_parts_close(parts);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_be_read_stays),
        cmocka_unit_test(places_behind_it_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
