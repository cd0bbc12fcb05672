/* Opening an archive that is not as its writer left it: a torn end is repaired, however it was
 * torn, and nothing else is. */
#include "tests/unit/store/archive_bench.h"

#include <sys/stat.h>
#include <unistd.h>

enum { HEADER = 64, RECORD = 48, MARK = 48 };

/* header, records 1–3, mark of 3, records 4–6, mark of 5, record 7, 8 */
static const struct layout {
    size_t offset;
    uint64_t position; /* of a record, or of what a mark vouches for */
    bool mark;
} layout[] = {
    {64, 1, false},  {112, 2, false}, {160, 3, false}, {208, 3, true},  {256, 4, false},
    {304, 5, false}, {352, 6, false}, {400, 5, true},  {448, 7, false}, {496, 8, false},
};
enum { SIZE = 544, FRAMES = sizeof layout / sizeof *layout, LAST_MARK = 5, LAST = 8 };

static void build(struct archive *archive) {
    struct archive_sync sync;
    struct error error;
    for (unsigned i = 1; i <= 3; i++)
        bench_append(archive, i, START_US);
    bench_write(archive);
    bench_sync(archive);
    bench_append(archive, 4, START_US);
    bench_append(archive, 5, START_US);
    bench_write(archive);
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    bench_append(archive, 6, START_US);
    bench_write(archive);
    assert_int_equal(archive_sync_wait(&sync, &error), 0);
    assert_int_equal(archive_sync_finish(archive, &sync, &error), 0);
    bench_append(archive, 7, START_US);
    bench_append(archive, 8, START_US);
    bench_write(archive);
}

struct bench {
    char *folder;
    struct text bytes; /* of the segment as layout[] says */
};

/* What is on the disk when the process is killed now: closing would sync. */
static int set_up(void **state) {
    struct bench *bench = calloc(1, sizeof *bench);
    bench->folder = scratch_make();
    struct archive *archive = bench_open(bench->folder, 0, NULL);
    build(archive);
    bench->bytes = scratch_read(scratch_path(bench->folder, FIRST_SEGMENT));
    assert_int_equal(bench->bytes.length, SIZE);
    archive_close(archive);
    *state = bench;
    return 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    scratch_remove(bench->folder);
    free((char *)(uintptr_t)bench->bytes.data);
    free(bench);
    return 0;
}

static const char *segment_path(const struct bench *bench) {
    return scratch_path(bench->folder, FIRST_SEGMENT);
}

static const char *torn_path(const struct bench *bench) {
    return scratch_path(bench->folder, FIRST_SEGMENT ".torn-1");
}

/* Looking, without changing anything, says what opening is about to do. */
static void assert_foreseen(const struct bench *bench, size_t length, size_t kept,
                            uint64_t position) {
    struct archive_examination found;
    struct error error;
    uint64_t before = scratch_fingerprint(bench->folder);
    if (archive_examine(bench->folder, &found, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(scratch_fingerprint(bench->folder), before);
    assert_int_equal(found.end.position, position);
    assert_true(found.synced <= position);
    assert_int_equal(found.is_headerless, kept == 0);
    assert_int_equal(found.torn_bytes, kept == 0 ? 0 : length - kept);
}

/* The archive opens at `position`, keeps the first `kept` of these bytes, moves the others aside,
 * and can be continued. */
static void assert_cut(const struct bench *bench, const char *bytes, size_t length, size_t kept,
                       uint64_t position) {
    struct archive_recovery recovery;
    assert_foreseen(bench, length, kept, position);
    struct archive *archive = bench_open(bench->folder, 0, &recovery);
    assert_int_equal(recovery.position, position);
    assert_int_equal(archive_end(archive).position, position);
    assert_int_equal(recovery.torn_bytes, length - kept);
    if (kept < length) {
        assert_string_equal(recovery.torn_file, torn_path(bench));
        struct text torn = scratch_read(torn_path(bench));
        assert_int_equal(torn.length, length - kept);
        assert_memory_equal(torn.data, bytes + kept, torn.length);
        free((char *)(uintptr_t)torn.data);
        assert_int_equal(unlink(torn_path(bench)), 0);
    } else {
        assert_false(scratch_exists(torn_path(bench)));
        assert_string_equal(recovery.torn_file, "");
    }
    if (kept) {
        struct text left = scratch_read(segment_path(bench));
        assert_int_equal(left.length, kept);
        assert_memory_equal(left.data, bytes, kept);
        free((char *)(uintptr_t)left.data);
    } else {
        assert_false(scratch_exists(segment_path(bench)));
    }
    bench_append(archive, (unsigned)position + 1, START_US);
    archive_close(archive);
    assert_int_equal(bench_read_all(bench->folder).position, position + 1);
}

static void the_end_is_cut_at_every_byte(void **state) {
    struct bench *bench = *state;
    for (size_t length = 0; length <= SIZE; length++) {
        size_t kept = length < HEADER ? 0 : HEADER;
        uint64_t position = 0;
        for (size_t i = 0; i < FRAMES; i++)
            if (layout[i].offset + RECORD <= length) {
                kept = layout[i].offset + RECORD;
                position = layout[i].mark ? position : layout[i].position;
            }
        scratch_write(segment_path(bench), bench->bytes.data, length);
        assert_cut(bench, bench->bytes.data, length, kept, position);
    }
}

static void assert_refused_untouched(const struct bench *bench, enum error_code code,
                                     const char *word, const char *other) {
    uint64_t before = scratch_fingerprint(bench->folder);
    struct archive_examination found;
    struct error error;
    assert_int_equal(archive_examine(bench->folder, &found, &error), -(int)code);
    assert_non_null(strstr(error.text, word));
    bench_refused(bench->folder, code, word, other);
    assert_int_equal(scratch_fingerprint(bench->folder), before);
}

/* One byte is wrong, anywhere: before the last sync mark it is damage, after it the end. */
static void every_wrong_byte_is_found(void **state) {
    struct bench *bench = *state;
    const uint8_t flips[] = {0x01, 0x80, 0xff};
    char bytes[SIZE];
    for (size_t at = 0; at < SIZE; at++) {
        size_t i = 0;
        while (i + 1 < FRAMES && layout[i + 1].offset <= at)
            i++;
        uint64_t before = layout[i].position - !layout[i].mark;
        if (at == layout[7].offset)
            assert_true(layout[i].mark && before == 5);
        for (size_t flip = 0; flip < sizeof flips; flip++) {
            memcpy(bytes, bench->bytes.data, SIZE);
            bytes[at] = (char)(bytes[at] ^ flips[flip]);
            scratch_write(segment_path(bench), bytes, SIZE);
            char where[32];
            snprintf(where, sizeof where, "byte %zu:", layout[i].offset);
            if (at < HEADER)
                assert_refused_untouched(bench, ERROR_DAMAGED, FIRST_SEGMENT, NULL);
            else if (i < 6) /* up to record 5, and the mark of 3 */
                assert_refused_untouched(bench, ERROR_DAMAGED, FIRST_SEGMENT, where);
            else /* record 6 stands before the mark of 5, which does not vouch for it */
                assert_cut(bench, bytes, SIZE, layout[i].offset, i == 6 ? 5 : i == 7 ? 6 : before);
        }
    }
}

static void zeros_at_the_end_are_no_damage(void **state) {
    struct bench *bench = *state;
    char bytes[SIZE + 5000] = {0};
    memcpy(bytes, bench->bytes.data, SIZE);
    const size_t more[] = {1, 8, 23, 24, 25, 100, 5000};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        scratch_write(segment_path(bench), bytes, SIZE + more[i]);
        struct archive_recovery recovery;
        struct archive *archive = bench_open(bench->folder, 0, &recovery);
        assert_int_equal(recovery.torn_bytes, 0);
        assert_int_equal(recovery.position, LAST);
        struct stat status;
        assert_int_equal(stat(segment_path(bench), &status), 0);
        assert_int_equal(status.st_size, SIZE);
        archive_close(archive);
    }
    /* Zeros, and then something: the disk lost a page. */
    bytes[SIZE + 4000] = 1;
    scratch_write(segment_path(bench), bytes, SIZE + 5000);
    assert_cut(bench, bytes, SIZE + 5000, SIZE, LAST);
    /* A page lost before what is marked. */
    memcpy(bytes, bench->bytes.data, SIZE);
    memset(bytes + layout[1].offset, 0, 2 * RECORD);
    scratch_write(segment_path(bench), bytes, SIZE);
    assert_refused_untouched(bench, ERROR_DAMAGED, "byte 112:", "zeros");
}

/* Frames that are whole but not where they belong. */
static void order_is_checked(void **state) {
    struct bench *bench = *state;
    char bytes[SIZE];
    memcpy(bytes, bench->bytes.data, SIZE);
    memcpy(bytes + layout[1].offset, bench->bytes.data + layout[2].offset, RECORD);
    memcpy(bytes + layout[2].offset, bench->bytes.data + layout[1].offset, RECORD);
    scratch_write(segment_path(bench), bytes, SIZE);
    assert_refused_untouched(bench, ERROR_DAMAGED, "byte 112:", "position");
    /* A mark of another history: record 3 is whole, but another one than was synced. */
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    bench_append(archive, 1, START_US);
    bench_append(archive, 2, START_US);
    bench_append(archive, 9, START_US);
    bench_write(archive);
    struct text other = scratch_read(scratch_path(folder, FIRST_SEGMENT));
    archive_close(archive);
    memcpy(bytes, other.data, HEADER + 3 * RECORD);
    memcpy(bytes + layout[3].offset, bench->bytes.data + layout[3].offset, MARK);
    scratch_write(segment_path(bench), bytes, layout[4].offset);
    assert_refused_untouched(bench, ERROR_DAMAGED, "byte 208:", "another history");
    free((char *)(uintptr_t)other.data);
    scratch_remove(folder);
}

static void torn_ends_are_all_kept(void **state) {
    struct bench *bench = *state;
    for (int i = 1; i <= 3; i++) {
        scratch_write(segment_path(bench), bench->bytes.data, SIZE - 1);
        archive_close(bench_open(bench->folder, 0, NULL));
        char name[64];
        snprintf(name, sizeof name, "%s.torn-%d", FIRST_SEGMENT, i);
        assert_true(scratch_exists(scratch_path(bench->folder, name)));
    }
    assert_int_equal(bench_read_all(bench->folder).position, LAST - 1);
}

/* ---------------------------------------------------------------------------------------------
 * Several segments: 1–3 on the first day, 4–6 on the second, 7–9 on the third */

static const char *const names[] = {FIRST_SEGMENT, "2026-01-02/00000000000000000004.seg",
                                    "2026-01-03/00000000000000000007.seg"};

static int set_up_days(void **state) {
    struct bench *bench = calloc(1, sizeof *bench);
    bench->folder = scratch_make();
    struct archive *archive = bench_open(bench->folder, 0, NULL);
    for (unsigned i = 1; i <= 9; i++)
        bench_append(archive, i, START_US + (i - 1) / 3 * DAY_US);
    archive_close(archive);
    for (size_t i = 0; i < 3; i++)
        assert_true(scratch_exists(scratch_path(bench->folder, names[i])));
    *state = bench;
    return 0;
}

/* Reading in order fails, and names the segment and the word. */
static void assert_unreadable(const struct bench *bench, const char *segment, const char *word) {
    struct archive_reader *reader;
    struct error error;
    int r = archive_reader_open(bench->folder, (struct archive_place){0}, &reader, &error);
    if (r == 0) {
        struct arena arena;
        struct record record;
        arena_init(&arena, 1u << 16);
        do
            r = archive_reader_next(reader, &arena, &record, &error);
        while (r == 1);
        arena_deinit(&arena);
        archive_reader_close(reader);
    }
    if (r != -ERROR_DAMAGED || !strstr(error.text, segment) || !strstr(error.text, word))
        fail_msg("%d: %s", r, r < 0 ? error.text : "");
}

static void a_missing_segment_is_damage(void **state) {
    struct bench *bench = *state;
    for (size_t i = 0; i < 2; i++) {
        const char *path = scratch_path(bench->folder, names[i]);
        const char *away = scratch_path(bench->folder, "away");
        assert_int_equal(rename(path, away), 0);
        assert_refused_untouched(bench, ERROR_DAMAGED, names[i + 1],
                                 i == 0 ? "records 1 to 3" : "records 4 to 6");
        assert_unreadable(bench, names[i + 1], "are missing");
        assert_int_equal(rename(away, path), 0);
    }
    archive_close(bench_open(bench->folder, 0, NULL));
}

/* Closed segments are not read whole when opening; their ends are. */
static void a_closed_segment_must_be_whole(void **state) {
    struct bench *bench = *state;
    const char *path = scratch_path(bench->folder, names[1]);
    struct text whole = scratch_read(path);
    char *bytes = (char *)(uintptr_t)whole.data;
    for (size_t length = 0; length < whole.length; length++) {
        scratch_write(path, bytes, length);
        if (length == HEADER) /* looks as if nothing had come: then the next one is too far */
            assert_refused_untouched(bench, ERROR_DAMAGED, names[2], "records 4 to 6");
        else
            assert_refused_untouched(bench, ERROR_DAMAGED, names[1], "byte");
    }
    for (size_t at = 0; at < whole.length; at++) {
        bytes[at] ^= 0x10;
        scratch_write(path, bytes, whole.length);
        if (at < HEADER || at >= whole.length - MARK)
            assert_refused_untouched(bench, ERROR_DAMAGED, names[1], NULL);
        bytes[at] ^= 0x10;
    }
    scratch_write(path, bytes, whole.length);
    archive_close(bench_open(bench->folder, 0, NULL));
    free(bytes);
}

static void another_archives_segment_is_refused(void **state) {
    struct bench *bench = *state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    for (unsigned i = 1; i <= 9; i++)
        bench_append(archive, i == 2 ? 99 : i, START_US + (i - 1) / 3 * DAY_US);
    archive_close(archive);
    struct text other = scratch_read(scratch_path(folder, names[2]));
    scratch_write(scratch_path(bench->folder, names[2]), other.data, other.length);
    assert_refused_untouched(bench, ERROR_DAMAGED, names[2], "another archive");
    assert_unreadable(bench, names[2], "does not continue");
    /* Under a wrong name. */
    other.length = 0;
    free((char *)(uintptr_t)other.data);
    scratch_remove(folder);
    assert_int_equal(
        rename(scratch_path(bench->folder, names[1]), scratch_path(bench->folder, names[2])), 0);
    assert_refused_untouched(bench, ERROR_DAMAGED, names[2], "another segment");
}

/* A crash right after a segment was made: its header is not, or not wholly, there. */
static void a_stillborn_segment_is_moved_aside(void **state) {
    struct bench *bench = *state;
    const char *path = scratch_path(bench->folder, names[2]);
    struct text whole = scratch_read(path);
    char bytes[HEADER];
    for (size_t length = 0; length <= HEADER; length++) {
        memcpy(bytes, whole.data, HEADER);
        if (length == HEADER)
            bytes[20] ^= 1;
        scratch_write(path, bytes, length);
        struct archive_recovery recovery;
        struct archive *archive = bench_open(bench->folder, 0, &recovery);
        assert_int_equal(recovery.position, 6);
        assert_int_equal(recovery.torn_bytes, length);
        assert_false(scratch_exists(path));
        if (length) {
            struct text torn = scratch_read(recovery.torn_file);
            assert_int_equal(torn.length, length);
            assert_memory_equal(torn.data, bytes, length);
            free((char *)(uintptr_t)torn.data);
            assert_int_equal(unlink(recovery.torn_file), 0);
        }
        archive_close(archive);
    }
    /* The one before was closed: it must be whole up to its last byte. */
    const char *before = scratch_path(bench->folder, names[1]);
    struct text closed = scratch_read(before);
    scratch_write(path, bytes, 10);
    scratch_write(before, closed.data, closed.length - 1);
    assert_refused_untouched(bench, ERROR_DAMAGED, names[1], NULL);
    scratch_write(before, closed.data, closed.length - MARK);
    assert_refused_untouched(bench, ERROR_DAMAGED, names[1], NULL);
    scratch_write(before, closed.data, closed.length);
    archive_close(bench_open(bench->folder, 0, NULL));
    free((char *)(uintptr_t)whole.data);
    free((char *)(uintptr_t)closed.data);
}

/* Whoever only looks must say so, too. */
static void a_damaged_epoch_is_refused(void **state) {
    struct bench *bench = *state;
    scratch_write(segment_path(bench), bench->bytes.data, SIZE);
    scratch_write(scratch_path(bench->folder, "epoch"), "harrier epoch 1\n", 16);
    assert_refused_untouched(bench, ERROR_DAMAGED, "epoch", "damaged");
}

/* A crash after the header, before the first record; then the day changes. */
static void an_empty_segment_is_in_order(void **state) {
    struct bench *bench = *state;
    const char *path = scratch_path(bench->folder, names[2]);
    struct text whole = scratch_read(path);
    scratch_write(path, whole.data, HEADER);
    struct archive_recovery recovery;
    struct archive *archive = bench_open(bench->folder, 0, &recovery);
    assert_int_equal(recovery.position, 6);
    assert_int_equal(recovery.torn_bytes, 0);
    assert_int_equal(archive_time(archive), START_US + 2 * DAY_US); /* the folder's day has begun */
    bench_append(archive, 7, START_US + 4 * DAY_US);
    archive_close(archive);
    assert_true(scratch_exists(scratch_path(bench->folder, "2026-01-05/00000000000000000007.seg")));
    assert_int_equal(bench_read_all(bench->folder).position, 7);
    archive = bench_open(bench->folder, 0, &recovery);
    assert_int_equal(recovery.position, 7);
    struct arena arena;
    struct record record;
    struct error error;
    arena_init(&arena, 1u << 16);
    for (uint64_t position = 1; position <= 7; position++)
        assert_int_equal(archive_read(archive, position, &arena, &record, &error), 0);
    arena_deinit(&arena);
    archive_close(archive);
    free((char *)(uintptr_t)whole.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_end_is_cut_at_every_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_wrong_byte_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(zeros_at_the_end_are_no_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_is_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(torn_ends_are_all_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_segment_is_damage, set_up_days, tear_down),
        cmocka_unit_test_setup_teardown(a_closed_segment_must_be_whole, set_up_days, tear_down),
        cmocka_unit_test_setup_teardown(another_archives_segment_is_refused, set_up_days,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_stillborn_segment_is_moved_aside, set_up_days, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_segment_is_in_order, set_up_days, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_epoch_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
