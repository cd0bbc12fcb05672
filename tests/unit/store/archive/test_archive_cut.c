/* Cutting off the end of an archive: what stays is as if the rest had never been, and the rest is
 * kept, byte for byte. */
#include "core/store/archive/archive_seal.h"
#include "tests/unit/store/archive_bench.h"
#include "tests/unit/store/frame_list.h"

#include <glob.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL       400 /* bytes of a segment: seven records */
#define RECORDS_MAX 400

/* An archive, and beside it what should be in it. */
struct case_of_cut {
    char *folder;
    struct archive *archive;
    struct archive_options options;
    struct archive_place places[RECORDS_MAX + 1]; /* by position */
    int64_t times_us[RECORDS_MAX + 1];
    unsigned numbers[RECORDS_MAX + 1]; /* of what was appended */
    unsigned next;                     /* no number is used twice */
};

static void reopen(struct case_of_cut *cut) {
    struct archive_recovery recovery;
    struct error error;
    archive_close(cut->archive);
    if (archive_open(cut->folder, &cut->options, &cut->archive, &recovery, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(recovery.torn_bytes, 0);
}

static struct case_of_cut *begin(uint64_t segment_bytes, bool on_zeros) {
    struct case_of_cut *cut = calloc(1, sizeof *cut);
    cut->folder = scratch_make();
    cut->options = (struct archive_options){.segment_bytes = segment_bytes, .on_zeros = on_zeros};
    cut->times_us[0] = START_US;
    reopen(cut);
    return cut;
}

static void end(struct case_of_cut *cut) {
    archive_close(cut->archive);
    scratch_remove(cut->folder);
    free(cut);
}

static uint64_t end_of(const struct case_of_cut *cut) {
    return archive_end(cut->archive).position;
}

static void append(struct case_of_cut *cut, int64_t after_us) {
    uint64_t position = end_of(cut) + 1;
    assert_true(position <= RECORDS_MAX);
    cut->numbers[position] = ++cut->next;
    cut->times_us[position] = cut->times_us[position - 1] + after_us;
    assert_int_equal(bench_append(cut->archive, cut->next, cut->times_us[position]), position);
    cut->places[position] = archive_end(cut->archive);
}

/* Half of them on the next day, if they are to be on two. */
static void fill(struct case_of_cut *cut, unsigned count, bool over_days) {
    for (unsigned i = 1; i <= count; i++)
        append(cut, over_days && i == count / 2 ? DAY_US : 1000);
    bench_write(cut->archive);
}

/* ---- what is there ---- */

static void expect_record(struct case_of_cut *cut, struct arena *arena, const struct record *record,
                          uint64_t position) {
    struct record expected = bench_record(arena, RECORD_ENGINE, cut->numbers[position]);
    expected.receive_time_us = cut->times_us[position];
    expected.position = position;
    assert_same_record(record, &expected);
}

static void read_by_position(struct case_of_cut *cut, uint64_t position) {
    struct arena arena;
    struct record record;
    struct error error;
    arena_init(&arena, 1u << 16);
    if (archive_read(cut->archive, position, &arena, &record, &error) < 0)
        fail_msg("%s", error.text);
    expect_record(cut, &arena, &record, position);
    arena_deinit(&arena);
}

/* By position, newest first and the other way round, and in order through a reader. */
static void expect_all(struct case_of_cut *cut) {
    struct archive_reader *reader;
    struct arena arena;
    struct record record;
    struct error error;
    uint64_t last = end_of(cut);
    assert_int_equal(archive_end(cut->archive).chain, cut->places[last].chain);
    for (uint64_t position = last; position > 0; position--)
        read_by_position(cut, position);
    for (uint64_t position = 1; position <= last; position++)
        read_by_position(cut, position);
    arena_init(&arena, 1u << 16);
    assert_int_equal(archive_read(cut->archive, last + 1, &arena, &record, &error),
                     -ERROR_NOT_FOUND);
    bench_write(cut->archive);
    assert_int_equal(archive_reader_open(cut->folder, (struct archive_place){0}, &reader, &error),
                     0);
    for (uint64_t position = 1; position <= last; position++) {
        arena_reset(&arena);
        assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 1);
        expect_record(cut, &arena, &record, position);
    }
    assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 0);
    assert_int_equal(archive_reader_place(reader).chain, cut->places[last].chain);
    archive_reader_close(reader);
    arena_deinit(&arena);
}

/* A copy, read in order through a reader: the records after this position, as they were. */
static void expect_copy(struct case_of_cut *cut, const char *folder, uint64_t position,
                        uint64_t last) {
    struct archive_reader *reader;
    struct arena arena;
    struct record record;
    struct error error;
    arena_init(&arena, 1u << 16);
    if (archive_reader_open_cut(folder, &reader, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(archive_reader_place(reader).position, position);
    assert_int_equal(archive_reader_place(reader).chain, cut->places[position].chain);
    for (uint64_t next = position + 1; next <= last; next++) {
        arena_reset(&arena);
        if (archive_reader_next(reader, &arena, &record, &error) != 1)
            fail_msg("%s", error.text);
        expect_record(cut, &arena, &record, next);
    }
    assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 0);
    assert_int_equal(archive_reader_place(reader).chain, cut->places[last].chain);
    archive_reader_close(reader);
    arena_deinit(&arena);
}

/* The same records, appended to an archive in which nothing was ever cut. */
static void expect_as_never_cut(struct case_of_cut *cut) {
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    for (uint64_t position = 1; position <= end_of(cut); position++) {
        bench_append(archive, cut->numbers[position], cut->times_us[position]);
        assert_int_equal(archive_end(archive).chain, cut->places[position].chain);
    }
    assert_int_equal(archive_end(archive).chain, archive_end(cut->archive).chain);
    archive_close(archive);
    struct frame_list never = frame_list_read(folder), list = frame_list_read(cut->folder);
    assert_int_equal(list.count, never.count);
    assert_frames_are_of(&list, &never, 0);
    frame_list_deinit(&never);
    frame_list_deinit(&list);
    scratch_remove(folder);
}

/* ---- cutting ---- */

static int try_cut(struct case_of_cut *cut, struct archive_place place,
                   struct archive_cut_report *ret_report, struct error *ret_error) {
    return archive_cut(cut->archive, place, ret_report, ret_error);
}

/* Cuts after this position, and compares the files before and after, and the copy. */
static struct archive_cut_report cut_after(struct case_of_cut *cut, uint64_t position) {
    struct archive_place place = cut->places[position];
    struct archive_cut_report report;
    struct error error;
    struct frame_list before = frame_list_read(cut->folder);
    uint64_t last = end_of(cut);
    assert_int_equal(before.count, last);
    if (try_cut(cut, place, &report, &error) < 0)
        fail_msg("%s", error.text);
    struct frame_list after = frame_list_read(cut->folder);
    assert_int_equal(report.records, last - position);
    assert_int_equal(archive_end(cut->archive).position, position);
    assert_int_equal(archive_end(cut->archive).chain, place.chain);
    assert_true(archive_synced(cut->archive) <= position);
    if (position > 0)
        assert_true(archive_time(cut->archive) == cut->times_us[position]);
    assert_int_equal(after.count, position);
    assert_frames_are_of(&after, &before, 0);
    if (position == last) {
        assert_string_equal(report.folder, "");
    } else {
        char name[64];
        struct frame_list copy = frame_list_read(report.folder);
        snprintf(name, sizeof name, "cut/%020llu-", (unsigned long long)position + 1);
        assert_non_null(strstr(report.folder, name));
        assert_int_equal(copy.before.position, position);
        assert_int_equal(copy.before.chain, place.chain);
        assert_int_equal(copy.count, report.records);
        assert_int_equal(copy.zeros, 0);
        assert_frames_are_of(&copy, &before, position);
        frame_list_deinit(&copy);
        expect_copy(cut, report.folder, position, last);
    }
    frame_list_deinit(&before);
    frame_list_deinit(&after);
    return report;
}

/* Everything that can follow: reading, appending, syncing, opening again. */
static void go_on(struct case_of_cut *cut) {
    expect_all(cut);
    append(cut, 1000);
    read_by_position(cut, end_of(cut)); /* not written yet */
    for (unsigned i = 0; i < 9; i++)
        append(cut, i == 4 ? DAY_US : 1000);
    bench_write(cut->archive);
    expect_all(cut);
    bench_sync(cut->archive);
    assert_int_equal(archive_synced(cut->archive), end_of(cut));
    reopen(cut);
    expect_all(cut);
    expect_as_never_cut(cut);
}

static const struct {
    uint64_t segment_bytes;
    bool on_zeros, over_days;
} kinds[] = {{0, false, false},    {SMALL, false, false}, {SMALL, false, true},
             {65536, true, false}, {SMALL, true, true},   {0, false, true}};
#define KINDS (sizeof kinds / sizeof *kinds)

static void at_every_position(void **state) {
    (void)state;
    enum { RECORDS = 30 };
    for (size_t kind = 0; kind < KINDS; kind++)
        for (uint64_t position = 0; position <= RECORDS; position++)
            for (int synced = 0; synced < 2; synced++) {
                struct case_of_cut *cut = begin(kinds[kind].segment_bytes, kinds[kind].on_zeros);
                fill(cut, RECORDS, kinds[kind].over_days);
                if (synced)
                    bench_sync(cut->archive);
                cut_after(cut, position);
                go_on(cut);
                end(cut);
            }
}

/* With marks between the records, and the archive read before: nothing that was cut off comes back
 * from a window or an index. The new records have the same lengths and places. */
static void what_was_read_before_is_not_read_again(void **state) {
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct case_of_cut *cut = begin(kinds[kind].segment_bytes, kinds[kind].on_zeros);
        for (unsigned i = 0; i < 20; i++) {
            fill(cut, 10, kinds[kind].over_days && i == 10);
            if (i % 3 == 0)
                bench_sync(cut->archive);
        }
        expect_all(cut);
        static const uint64_t positions[] = {199, 180, 130, 128, 64, 63, 20, 7, 1};
        for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
            uint64_t last = end_of(cut);
            read_by_position(cut, last);
            cut_after(cut, positions[i]);
            while (end_of(cut) < last) {
                append(cut, 1);
                if (end_of(cut) % 10 == 0)
                    bench_write(cut->archive);
            }
            bench_write(cut->archive);
            read_by_position(cut, last);
            expect_all(cut);
        }
        expect_as_never_cut(cut);
        end(cut);
    }
}

static void two_cuts_have_two_folders(void **state) {
    (void)state;
    struct case_of_cut *cut = begin(SMALL, false);
    struct archive_cut_report reports[3];
    fill(cut, 30, false);
    for (int i = 0; i < 3; i++) {
        reports[i] = cut_after(cut, 12);
        char name[64];
        snprintf(name, sizeof name, "/cut/%020d-%d", 13, i + 1);
        assert_non_null(strstr(reports[i].folder, name));
        fill(cut, 18, i == 1);
    }
    for (int i = 0; i < 3; i++) {
        struct frame_list copy = frame_list_read(reports[i].folder);
        assert_int_equal(copy.count, 18);
        frame_list_deinit(&copy);
    }
    go_on(cut);
    end(cut);
}

static void the_spare_stays_of_use(void **state) {
    (void)state;
    for (uint64_t position = 0; position < 30; position += 5) {
        struct case_of_cut *cut = begin(65536, true);
        struct error error;
        fill(cut, 30, true);
        while (archive_wants_spare(cut->archive)) {
            assert_int_equal(archive_make_spare(cut->archive, &error), 0);
            archive_has_spare(cut->archive);
        }
        cut_after(cut, position);
        assert_true(scratch_exists(scratch_path(cut->folder, "spare")));
        assert_false(archive_wants_spare(cut->archive));
        go_on(cut);
        end(cut);
    }
}

/* A day that has begun without a record: its segment has the first position of the next one. */
static void a_segment_without_records_goes_too(void **state) {
    (void)state;
    for (int last = 0; last < 2; last++) {
        struct case_of_cut *cut = begin(0, false);
        fill(cut, 5, false);
        append(cut, DAY_US);
        archive_close(cut->archive);
        cut->archive = NULL;
        const char *second = scratch_path(cut->folder, "2026-01-02/00000000000000000006.seg");
        assert_int_equal(truncate(second, 64), 0);
        reopen(cut);
        assert_int_equal(end_of(cut), 5);
        if (!last) {
            append(cut, 2 * DAY_US);
            bench_write(cut->archive);
            cut_after(cut, 5);
        }
        cut_after(cut, 3);
        go_on(cut);
        end(cut);
    }
}

/* ---- reading a copy ---- */

static int try_reading_copy(const char *folder, struct error *ret_error) {
    struct archive_reader *reader;
    int r = archive_reader_open_cut(folder, &reader, ret_error);
    if (r == 0)
        archive_reader_close(reader);
    return r;
}

static void expect_unreadable_copy(const char *folder, enum error_code code, const char *words) {
    struct error error;
    assert_int_equal(try_reading_copy(folder, &error), -(int)code);
    assert_non_null(strstr(error.text, folder));
    assert_non_null(strstr(error.text, words));
}

/* Whatever the path looks like, the folder's own name counts. */
static void a_copy_is_known_by_its_name(void **state) {
    (void)state;
    struct case_of_cut *cut = begin(SMALL, false);
    struct error error;
    fill(cut, 30, false);
    struct archive_cut_report report = cut_after(cut, 12);
    char *copy = strdup(report.folder), path[4200];
    snprintf(path, sizeof path, "%s//", copy);
    expect_copy(cut, path, 12, 30);
    snprintf(path, sizeof path, "%s/2026-01-01/..", copy);
    expect_copy(cut, path, 12, 30);
    snprintf(path, sizeof path, "%s/link", cut->folder);
    assert_int_equal(symlink(copy, path), 0);
    expect_copy(cut, path, 12, 30);
    static const char *const names[] = {"lost",
                                        "00000000000000000013",
                                        "00000000000000000013-",
                                        "00000000000000000013-1x",
                                        "0000000000000000013-1",
                                        "000000000000000000013-1",
                                        "00000000000000000000-1",
                                        "99999999999999999999-1",
                                        "2026-01-01"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/cut/%s", cut->folder, names[i]);
        assert_int_equal(rename(copy, path), 0);
        assert_int_equal(try_reading_copy(path, &error), 1);
        assert_int_equal(rename(path, copy), 0);
    }
    assert_int_equal(try_reading_copy(cut->folder, &error), 1);
    assert_int_equal(try_reading_copy(path, &error), 1); /* there is none */
    assert_int_equal(try_reading_copy("/", &error), 1);
    free(copy);
    end(cut);
}

/* That it begins later is no reason to accept less than all of it. */
static void a_copy_has_all_its_records(void **state) {
    (void)state;
    struct case_of_cut *cut = begin(SMALL, false);
    struct archive_reader *reader;
    struct record record;
    struct arena arena;
    struct error error;
    char first[4200], path[4300];
    fill(cut, 40, false);
    struct archive_cut_report report = cut_after(cut, 9);
    /* Without being asked for, it is an archive that lacks its beginning. */
    assert_int_equal(archive_reader_open(report.folder, (struct archive_place){0}, &reader, &error),
                     -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, "records 1 to 9 before it are missing"));
    /* It says where it begins. */
    snprintf(path, sizeof path, "%s/cut/%020d-1", cut->folder, 9);
    assert_int_equal(rename(report.folder, path), 0);
    expect_unreadable_copy(path, ERROR_DAMAGED, "begins with record 10");
    snprintf(report.folder, sizeof report.folder, "%s/cut/%020d-1", cut->folder, 10);
    assert_int_equal(rename(path, report.folder), 0);
    /* A segment in between is missing. */
    snprintf(first, sizeof first, "%s/2026-01-01/%020d.seg", report.folder, 15);
    snprintf(path, sizeof path, "%s.away", first);
    assert_int_equal(rename(first, path), 0);
    arena_init(&arena, 1u << 16);
    assert_int_equal(archive_reader_open_cut(report.folder, &reader, &error), 0);
    int r;
    while ((r = archive_reader_next(reader, &arena, &record, &error)) > 0)
        arena_reset(&arena);
    assert_int_equal(r, -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, "records 15 to 21 before it are missing"));
    archive_reader_close(reader);
    arena_deinit(&arena);
    assert_int_equal(rename(path, first), 0);
    /* The first segment is missing, or has no header. */
    snprintf(first, sizeof first, "%s/2026-01-01/%020d.seg", report.folder, 10);
    assert_int_equal(truncate(first, 63), 0);
    expect_unreadable_copy(report.folder, ERROR_DAMAGED, "the file ends inside its header");
    assert_int_equal(unlink(first), 0);
    expect_unreadable_copy(report.folder, ERROR_DAMAGED, "begins with record 15");
    snprintf(path, sizeof path, "%s/cut/%020d-1", cut->folder, 77);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_unreadable_copy(path, ERROR_NOT_FOUND, "it has no segment");
    end(cut);
}

/* ---- refused ---- */

static void expect_refused(struct case_of_cut *cut, struct archive_place place,
                           enum error_code code) {
    struct archive_cut_report report;
    struct error error;
    uint64_t print = scratch_fingerprint(cut->folder);
    struct archive_place before = archive_end(cut->archive);
    assert_int_equal(try_cut(cut, place, &report, &error), -(int)code);
    assert_non_null(strstr(error.text, cut->folder));
    assert_int_equal(scratch_fingerprint(cut->folder), print);
    assert_int_equal(archive_end(cut->archive).position, before.position);
    assert_int_equal(archive_end(cut->archive).chain, before.chain);
}

static void another_history_is_not_found(void **state) {
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct case_of_cut *cut = begin(kinds[kind].segment_bytes, kinds[kind].on_zeros);
        fill(cut, 30, kinds[kind].over_days);
        for (uint64_t position = 0; position <= 30; position++) {
            struct archive_place place = cut->places[position];
            place.chain ^= 1;
            expect_refused(cut, place, ERROR_NOT_FOUND);
        }
        go_on(cut);
        end(cut);
    }
}

static void sealed_segments_are_not_cut(void **state) {
    (void)state;
    struct case_of_cut *cut = begin(SMALL, false);
    struct archive_seal_report sealed;
    struct archive_cut_report report;
    struct error error;
    fill(cut, 30, false);
    bench_sync(cut->archive);
    assert_int_equal(archive_seal(cut->folder, 14, NULL, &sealed, &error), 0);
    assert_int_equal(sealed.sealed, 2);
    for (uint64_t position = 0; position < 14; position++)
        expect_refused(cut, cut->places[position], ERROR_UNSUPPORTED);
    expect_all(cut);
    /* At its end, with a plain one after it, it can stay as a whole. */
    assert_int_equal(try_cut(cut, cut->places[14], &report, &error), 0);
    assert_int_equal(report.records, 16);
    struct frame_list copy = frame_list_read(report.folder);
    assert_int_equal(copy.count, 16);
    assert_int_equal(copy.before.chain, cut->places[14].chain);
    frame_list_deinit(&copy);
    expect_all(cut);
    assert_int_equal(try_cut(cut, cut->places[14], &report, &error), 0);
    assert_int_equal(report.records, 0);
    expect_refused(cut, cut->places[13], ERROR_UNSUPPORTED);
    for (unsigned i = 0; i < 9; i++)
        append(cut, 1000);
    bench_write(cut->archive);
    expect_all(cut);
    reopen(cut);
    expect_all(cut);
    end(cut);
}

/* ---- failures ---- */

static void limit_file_size(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void without_room_for_the_copy_nothing_is_cut(void **state) {
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct case_of_cut *cut = begin(kinds[kind].segment_bytes, kinds[kind].on_zeros);
        struct archive_cut_report report;
        struct error error;
        fill(cut, 30, kinds[kind].over_days);
        for (rlim_t room = 0; room < 200; room += 33) {
            limit_file_size(room);
            int r = try_cut(cut, cut->places[3], &report, &error);
            limit_file_size(RLIM_INFINITY);
            assert_int_equal(r, -ERROR_SYSTEM);
            assert_non_null(strstr(error.text, cut->folder));
            assert_int_equal(end_of(cut), 30);
            expect_all(cut);
        }
        report = cut_after(cut, 3);
        assert_non_null(strstr(report.folder, "/cut/00000000000000000004-1"));
        go_on(cut);
        end(cut);
    }
}

/* ---- at random ---- */

/* xorshift: the same on every machine. */
static unsigned random_below(uint64_t *state, unsigned limit) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (unsigned)(*state >> 33) % limit;
}

static void step(struct case_of_cut *cut, uint64_t *random) {
    uint64_t last = end_of(cut);
    switch (random_below(random, 12)) {
    case 0: /* near the end, at a likely edge, or anywhere */
        bench_write(cut->archive);
        if (random_below(random, 2))
            cut_after(cut, last - random_below(random, last < 20 ? (unsigned)last + 1 : 20));
        else
            cut_after(cut, random_below(random, 8) ? random_below(random, (unsigned)last + 1) : 0);
        break;
    case 1:
        reopen(cut);
        break;
    case 2:
        bench_write(cut->archive);
        if (archive_synced(cut->archive) < last)
            bench_sync(cut->archive);
        break;
    case 3:
    case 4:
        if (last > 0)
            read_by_position(cut, 1 + random_below(random, (unsigned)last));
        break;
    case 5:
        bench_write(cut->archive);
        break;
    default:
        for (unsigned i = random_below(random, 12); i > 0 && end_of(cut) < RECORDS_MAX; i--)
            append(cut, random_below(random, 40) == 0 ? DAY_US : random_below(random, 1000));
    }
}

static void at_random(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15);
        struct case_of_cut *cut = begin(300 + random_below(&random, 2000), seed % 3 == 0);
        for (unsigned steps = 0; steps < 200; steps++)
            step(cut, &random);
        expect_all(cut);
        expect_as_never_cut(cut);
        end(cut);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_every_position),
        cmocka_unit_test(what_was_read_before_is_not_read_again),
        cmocka_unit_test(two_cuts_have_two_folders),
        cmocka_unit_test(the_spare_stays_of_use),
        cmocka_unit_test(a_segment_without_records_goes_too),
        cmocka_unit_test(a_copy_is_known_by_its_name),
        cmocka_unit_test(a_copy_has_all_its_records),
        cmocka_unit_test(another_history_is_not_found),
        cmocka_unit_test(sealed_segments_are_not_cut),
        cmocka_unit_test(without_room_for_the_copy_nothing_is_cut),
        cmocka_unit_test(at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
