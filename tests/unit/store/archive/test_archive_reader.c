/* Reading an archive in order: beside its writer, from the middle, and when it is damaged. */
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/store/archive_bench.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct archive_reader *reader_open(const char *folder, struct archive_place after) {
    struct archive_reader *reader = NULL;
    struct error error;
    if (archive_reader_open(folder, after, &reader, &error) < 0)
        fail_msg("%s", error.text);
    return reader;
}

/* Whether there is a next record, which then has this position. */
static bool reads(struct archive_reader *reader, uint64_t position) {
    struct arena arena;
    arena_init(&arena, 1u << 16);
    struct record record;
    struct error error;
    int r = archive_reader_next(reader, &arena, &record, &error);
    if (r < 0)
        fail_msg("%s", error.text);
    if (r == 1)
        assert_int_equal(record.position, position);
    arena_deinit(&arena);
    return r == 1;
}

static void it_follows_the_writer(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive_reader *reader = reader_open(folder, (struct archive_place){0});
    assert_false(reads(reader, 0));
    struct archive *archive = bench_open(folder, 300, NULL);
    assert_false(reads(reader, 0));
    uint64_t seen = 0;
    for (unsigned i = 1; i <= 40; i++) {
        bench_append(archive, i, START_US + i / 10 * DAY_US);
        assert_false(reads(reader, 0)); /* not written yet */
        if (i % 3)
            continue;
        bench_write(archive);
        if (i % 2)
            bench_sync(archive);
        while (reads(reader, seen + 1))
            seen++;
        assert_int_equal(seen, i);
        assert_int_equal(archive_reader_place(reader).chain, archive_end(archive).chain);
    }
    archive_close(archive);
    assert_true(reads(reader, 40));
    assert_false(reads(reader, 0));
    archive_reader_close(reader);
    scratch_remove(folder);
}

/* The file grows byte by byte: a record is seen when it is whole, not before. */
static void it_sees_only_whole_records(void **state) {
    (void)state;
    char *folder = scratch_make(), *growing = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    for (unsigned i = 1; i <= 3; i++) {
        bench_append(archive, i, START_US);
        bench_write(archive);
        bench_sync(archive);
    }
    archive_close(archive);
    struct text bytes = scratch_read(scratch_path(folder, FIRST_SEGMENT));
    assert_int_equal(mkdir(scratch_path(growing, "2026-01-01"), 0700), 0);
    struct archive_reader *reader = reader_open(growing, (struct archive_place){0});
    int descriptor =
        open(scratch_path(growing, FIRST_SEGMENT), O_WRONLY | O_CREAT | O_APPEND, 0600);
    uint64_t seen = 0;
    for (size_t length = 0; length <= bytes.length; length++) {
        if (length)
            assert_int_equal(write(descriptor, bytes.data + length - 1, 1), 1);
        uint64_t whole = length < 112 ? 0 : length < 208 ? 1 : length < 304 ? 2 : 3;
        if (reads(reader, seen + 1))
            seen++;
        assert_int_equal(seen, whole);
    }
    close(descriptor);
    archive_reader_close(reader);
    free((char *)(uintptr_t)bytes.data);
    scratch_remove(folder);
    scratch_remove(growing);
}

/* A write that failed after the reader had read what it left: other records come instead. */
static void it_forgets_what_was_taken_back(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    bench_append(archive, 1, START_US);
    bench_write(archive);
    struct archive_reader *reader = reader_open(folder, (struct archive_place){0});
    assert_true(reads(reader, 1));
    const char *path = scratch_path(folder, FIRST_SEGMENT);
    int descriptor = open(path, O_WRONLY);
    char half[40];
    memset(half, 'x', sizeof half);
    half[7] = half[6] = half[5] = 0; /* a length that goes beyond the end */
    assert_int_equal(pwrite(descriptor, half, sizeof half, 112), sizeof half);
    assert_false(reads(reader, 2));
    assert_int_equal(ftruncate(descriptor, 112), 0);
    close(descriptor);
    bench_append(archive, 2, START_US);
    bench_write(archive);
    assert_true(reads(reader, 2));
    archive_reader_close(reader);
    archive_close(archive);
    scratch_remove(folder);
}

/* Another process writes as fast as it can while this one reads. */
static void it_keeps_up_with_another_process(void **state) {
    (void)state;
    enum { RECORDS = 3000 };
    char *folder = scratch_make();
    pid_t writer = fork();
    if (writer == 0) {
        struct archive *archive = bench_open(folder, 5000, NULL);
        for (unsigned i = 1; i <= RECORDS; i++) {
            bench_append(archive, i, START_US + i / 1000 * DAY_US);
            if (i % 7 == 0)
                bench_write(archive);
            if (i % 50 == 0)
                bench_sync(archive);
        }
        archive_close(archive);
        _exit(0);
    }
    struct archive_reader *reader = reader_open(folder, (struct archive_place){0});
    uint64_t seen = 0;
    int ended = 0, status = 0;
    while (seen < RECORDS) {
        if (reads(reader, seen + 1))
            seen++;
        else if (ended)
            fail_msg("%d of %d records", (int)seen, RECORDS);
        else
            ended = waitpid(writer, &status, WNOHANG) == writer;
    }
    if (!ended)
        assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    archive_reader_close(reader);
    scratch_remove(folder);
}

static void it_begins_behind_a_place(void **state) {
    (void)state;
    enum { RECORDS = 40 };
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 300, NULL);
    struct archive_place places[RECORDS + 1] = {{0}};
    for (unsigned i = 1; i <= RECORDS; i++) {
        bench_append(archive, i, START_US);
        places[i] = archive_end(archive);
    }
    bench_write(archive);
    for (unsigned i = 0; i <= RECORDS; i++) {
        struct archive_reader *reader = reader_open(folder, places[i]);
        assert_int_equal(archive_reader_place(reader).position, i);
        for (uint64_t position = i + 1; position <= RECORDS; position++)
            assert_true(reads(reader, position));
        assert_false(reads(reader, 0));
        assert_int_equal(archive_reader_place(reader).chain, places[RECORDS].chain);
        archive_reader_close(reader);
    }
    struct archive_reader *reader = NULL;
    struct error error;
    for (unsigned i = 1; i <= RECORDS; i++) {
        struct archive_place wrong = places[i];
        wrong.chain ^= 1;
        assert_int_equal(archive_reader_open(folder, wrong, &reader, &error), -ERROR_NOT_FOUND);
        assert_non_null(strstr(error.text, "histories"));
    }
    struct archive_place beyond = {.position = RECORDS + 1};
    assert_int_equal(archive_reader_open(folder, beyond, &reader, &error), -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "ends with record 40"));
    archive_close(archive);
    assert_int_equal(archive_reader_open(scratch_path(folder, "none"), places[0], &reader, &error),
                     -ERROR_NOT_FOUND);
    scratch_remove(folder);
}

static struct archive_place synced_of(const struct archive_reader *reader) {
    struct archive_place place = {0};
    struct error error;
    if (archive_reader_synced(reader, &place, &error) < 0)
        fail_msg("%s", error.text);
    return place;
}

static void it_knows_what_is_synced(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive_reader *reader = reader_open(folder, (struct archive_place){0});
    assert_int_equal(synced_of(reader).position, 0);
    archive_reader_close(reader);
    struct archive *archive = bench_open(folder, 0, NULL);
    struct archive_place synced = {0};
    for (unsigned i = 1; i <= 30; i++) {
        /* Every tenth record begins a new day and so closes the segment before. */
        bench_append(archive, i, START_US + i / 10 * DAY_US);
        if (i % 10 == 9)
            synced = archive_end(archive);
        bench_write(archive);
        if (i % 10 == 4) {
            bench_sync(archive);
            synced = archive_end(archive);
        }
        reader = reader_open(folder, (struct archive_place){0});
        if (i % 10 != 9) { /* then it will be synced with the next record */
            assert_int_equal(synced_of(reader).position, synced.position);
            assert_int_equal(synced_of(reader).chain, synced.chain);
        }
        archive_reader_close(reader);
    }
    archive_close(archive);
    scratch_remove(folder);
}

static void assert_renewed(struct archive_reader **kept, const char *folder) {
    struct archive_place end;
    struct error error;
    if (archive_reader_follow(folder, (struct archive_place){0}, kept, &end, &error) < 0)
        fail_msg("%s", error.text);
    struct archive_reader *fresh = reader_open(folder, (struct archive_place){0});
    assert_int_equal(end.position, synced_of(fresh).position);
    assert_int_equal(end.chain, synced_of(fresh).chain);
    archive_reader_close(fresh);
}

/* A reader that is kept knows after each step what one opened then would. */
static void a_renewed_one_knows_as_much(void **state) {
    (void)state;
    uint64_t random = asked_seed(1);
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 2000, NULL);
    struct archive_reader *kept = NULL;
    unsigned number = 0, synced = 0;
    int64_t now_us = START_US;
    for (uint64_t step = 0; step < asked_steps(600); step++) {
        switch (split_mix(&random) % 16) {
        case 0:
            now_us += DAY_US; /* the next record begins a segment */
            break;
        case 1:
        case 2:
            if (number == synced)
                break; /* there is nothing to sync */
            bench_write(archive);
            bench_sync(archive);
            synced = number;
            break;
        case 3:
        case 4:
        case 5:
            bench_write(archive);
            break;
        default:
            bench_append(archive, ++number, now_us);
        }
        assert_renewed(&kept, folder);
        /* Reads along, so that it also changes segments. */
        while (archive_reader_place(kept).position < synced_of(kept).position)
            assert_true(reads(kept, archive_reader_place(kept).position + 1));
    }
    assert_int_equal(archive_reader_place(kept).position, synced_of(kept).position);
    assert_true(synced_of(kept).position > 0);
    archive_reader_close(kept);
    archive_close(archive);
    scratch_remove(folder);
}

/* What the writer of another archive, equal so far, has behind record 1 without having synced it.
 */
static struct text another_second_record(void) {
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    bench_append(archive, 1, START_US);
    bench_write(archive);
    bench_sync(archive);
    struct text before = scratch_read(scratch_path(folder, FIRST_SEGMENT));
    bench_append(archive, 7, START_US);
    bench_write(archive);
    struct text bytes = scratch_read(scratch_path(folder, FIRST_SEGMENT));
    struct text behind = {.data = bytes.data + before.length,
                          .length = bytes.length - before.length};
    archive_close(archive);
    scratch_remove(folder);
    char *copy = text_copy(behind);
    free((char *)(uintptr_t)before.data);
    free((char *)(uintptr_t)bytes.data);
    return (struct text){.data = copy, .length = behind.length};
}

/* A failed write leaves a whole record until it is taken back; the next one is as long as it was.
 * The reader has seen the first, and must not hold the mark for one of another history. */
static void a_renewed_one_forgets_what_was_taken_back(void **state) {
    (void)state;
    struct text taken = another_second_record();
    for (int sees_the_gap = 0; sees_the_gap < 2; sees_the_gap++) {
        char *folder = scratch_make();
        struct archive *archive = bench_open(folder, 0, NULL);
        struct archive_reader *kept = NULL;
        bench_append(archive, 1, START_US);
        bench_write(archive);
        bench_sync(archive);
        assert_renewed(&kept, folder);
        const char *path = scratch_path(folder, FIRST_SEGMENT);
        int descriptor = open(path, O_WRONLY);
        struct stat status;
        assert_int_equal(fstat(descriptor, &status), 0);
        assert_int_equal(pwrite(descriptor, taken.data, taken.length, status.st_size),
                         taken.length);
        assert_renewed(&kept, folder);
        assert_int_equal(ftruncate(descriptor, status.st_size), 0);
        close(descriptor);
        if (sees_the_gap)
            assert_renewed(&kept, folder);
        bench_append(archive, 2, START_US);
        bench_write(archive);
        assert_renewed(&kept, folder);
        bench_sync(archive);
        assert_renewed(&kept, folder);
        assert_int_equal(synced_of(kept).position, 2);
        archive_reader_close(kept);
        archive_close(archive);
        scratch_remove(folder);
    }
    free((char *)(uintptr_t)taken.data);
}

/* Somebody moves the archive away and puts another one in its place. */
static void a_renewed_one_notices_another_folder(void **state) {
    (void)state;
    char *folder = scratch_make();
    char *path = strdup(scratch_path(folder, "archive"));
    struct archive *archive = bench_open(path, 0, NULL);
    bench_append(archive, 1, START_US);
    archive_close(archive);
    struct archive_reader *kept = NULL;
    struct archive_place end;
    struct error error;
    assert_int_equal(archive_reader_follow(path, (struct archive_place){0}, &kept, &end, &error),
                     0);
    assert_int_equal(end.position, 1);
    assert_int_equal(rename(path, scratch_path(folder, "old")), 0);
    archive = bench_open(path, 0, NULL);
    assert_int_equal(archive_reader_follow(path, (struct archive_place){0}, &kept, &end, &error),
                     -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "another folder"));
    assert_null(kept);
    archive_close(archive);
    free(path);
    scratch_remove(folder);
}

/* With a record of the last segment damaged, the mark before it is not the last one: it must not
 * pass for it. What stands before the damage can be read all the same. */
static void an_older_mark_is_not_the_last(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    for (unsigned i = 1; i <= 6; i++) {
        bench_append(archive, i, START_US);
        if (i % 2 == 0) { /* header, 1, 2, mark, 3, 4, mark, 5, 6, mark */
            bench_write(archive);
            bench_sync(archive);
        }
    }
    const char *path = scratch_path(folder, FIRST_SEGMENT);
    struct text whole = scratch_read(path);
    char *bytes = (char *)(uintptr_t)whole.data;
    for (size_t at = 64; at < whole.length - 48; at++) {
        struct archive_place place = {0};
        struct error error = {0};
        bytes[at] ^= 1;
        scratch_write(path, bytes, whole.length);
        struct archive_reader *reader = reader_open(folder, (struct archive_place){0});
        assert_int_equal(archive_reader_synced(reader, &place, &error), -ERROR_DAMAGED);
        assert_int_equal(place.position, 0);
        assert_non_null(strstr(error.text, FIRST_SEGMENT));
        assert_non_null(strstr(error.text, "says that it was on disk"));
        if (at >= 64 + 3 * 48)
            assert_true(reads(reader, 1));
        archive_reader_close(reader);
        bytes[at] ^= 1;
    }
    /* Behind the last mark nothing is vouched for: the one before it is the last, then. */
    bytes[whole.length - 1] ^= 1;
    scratch_write(path, bytes, whole.length);
    struct archive_reader *reader = reader_open(folder, (struct archive_place){0});
    assert_int_equal(synced_of(reader).position, 4);
    archive_reader_close(reader);
    bytes[whole.length - 1] ^= 1;
    scratch_write(path, bytes, whole.length);
    free(bytes);
    archive_close(archive);
    scratch_remove(folder);
}

static void it_says_where_and_how_far(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 200, NULL);
    for (unsigned i = 1; i <= 10; i++)
        bench_append(archive, i, START_US);
    archive_close(archive);
    struct archive_reader *reader = reader_open(folder, (struct archive_place){0});
    uint64_t done = 0, total = 0, before = 0, all;
    archive_reader_extent(reader, &done, &all);
    for (uint64_t position = 1; position <= 10; position++) {
        assert_true(reads(reader, position));
        const struct archive_frame *frame = archive_reader_frame(reader);
        struct text bytes = scratch_read(scratch_path(folder, frame->file));
        assert_in_range(frame->offset, 64, bytes.length - 48);
        assert_int_equal(frame->length, 48);
        uint32_t crc;
        memcpy(&crc, bytes.data + frame->offset, sizeof crc);
        assert_int_equal(crc, frame->crc); /* little-endian machines */
        assert_int_equal(frame->payload.length, 24);
        assert_memory_equal(frame->payload.data, bytes.data + frame->offset + 24, 24);
        assert_int_equal(frame->chain, archive_reader_place(reader).chain);
        free((char *)(uintptr_t)bytes.data);
        archive_reader_extent(reader, &done, &total);
        assert_true(done > before && done <= total);
        assert_int_equal(total, all);
        before = done;
    }
    assert_false(reads(reader, 0));
    archive_reader_extent(reader, &done, &total);
    assert_int_equal(done, total);
    archive_reader_close(reader);
    scratch_remove(folder);
}

/* A new segment has no header yet; one that has another behind it must have one. */
static void a_header_that_is_cut_off_is_no_end(void **state) {
    static const char *const names[] = {FIRST_SEGMENT, "2026-01-02/00000000000000000003.seg",
                                        "2026-01-03/00000000000000000005.seg"};
    (void)state;
    for (size_t cut = 0; cut < 3; cut++) {
        char *folder = scratch_make();
        struct archive *archive = bench_open(folder, 0, NULL);
        for (unsigned i = 1; i <= 6; i++)
            bench_append(archive, i, START_US + (i - 1) / 2 * DAY_US);
        archive_close(archive);
        assert_int_equal(truncate(scratch_path(folder, names[cut]), 14), 0);
        struct archive_reader *reader = reader_open(folder, (struct archive_place){0});
        for (uint64_t position = 1; position <= 2 * cut; position++)
            assert_true(reads(reader, position));
        struct arena arena;
        struct record record;
        struct error error;
        arena_init(&arena, 1u << 16);
        if (cut == 2) {
            assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 0);
        } else {
            assert_int_equal(archive_reader_next(reader, &arena, &record, &error), -ERROR_DAMAGED);
            assert_non_null(strstr(error.text, names[cut]));
            assert_non_null(strstr(error.text, names[cut + 1]));
        }
        arena_deinit(&arena);
        archive_reader_close(reader);
        scratch_remove(folder);
    }
}

/* Reads until the end or an error; returns what archive_reader_next() last did. */
static int read_on(const char *folder, uint64_t *ret_position, struct error *ret_error) {
    struct archive_reader *reader;
    int r = archive_reader_open(folder, (struct archive_place){0}, &reader, ret_error);
    *ret_position = 0;
    if (r < 0)
        return r;
    struct arena arena;
    struct record record;
    arena_init(&arena, 1u << 16);
    do
        r = archive_reader_next(reader, &arena, &record, ret_error);
    while (r == 1);
    *ret_position = archive_reader_place(reader).position;
    arena_deinit(&arena);
    archive_reader_close(reader);
    return r;
}

/* No byte that is wrong ever gives a wrong record, and damage is distinguished from an unfinished
 * end. */
static void it_finds_every_wrong_byte(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    for (unsigned i = 1; i <= 4; i++)
        bench_append(archive, i, START_US + i / 3 * DAY_US); /* 1 2 | 3 4 */
    bench_write(archive);
    bench_sync(archive);
    bench_append(archive, 5, START_US + DAY_US);
    bench_write(archive);
    const char *names[] = {FIRST_SEGMENT, "2026-01-02/00000000000000000003.seg"};
    for (size_t segment = 0; segment < 2; segment++) {
        const char *path = scratch_path(folder, names[segment]);
        struct text whole = scratch_read(path);
        char *bytes = (char *)(uintptr_t)whole.data;
        for (size_t at = 0; at < whole.length; at++) {
            bytes[at] ^= 0x20;
            scratch_write(path, bytes, whole.length);
            struct error error = {0};
            uint64_t position;
            int r = read_on(folder, &position, &error);
            /* Nothing after the last mark says that it was on disk: with a larger length it looks
             * unfinished. */
            if (segment == 1 && at >= 64 + 2 * 48) {
                assert_true(r == -ERROR_DAMAGED || r == 0);
                assert_int_equal(position, 4);
            } else {
                assert_int_equal(r, -ERROR_DAMAGED);
                assert_non_null(strstr(error.text, names[segment]));
            }
            bytes[at] ^= 0x20;
        }
        scratch_write(path, bytes, whole.length);
        free(bytes);
    }
    archive_close(archive);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_follows_the_writer),
        cmocka_unit_test(it_sees_only_whole_records),
        cmocka_unit_test(it_forgets_what_was_taken_back),
        cmocka_unit_test(it_keeps_up_with_another_process),
        cmocka_unit_test(it_begins_behind_a_place),
        cmocka_unit_test(it_knows_what_is_synced),
        cmocka_unit_test(a_renewed_one_knows_as_much),
        cmocka_unit_test(a_renewed_one_forgets_what_was_taken_back),
        cmocka_unit_test(a_renewed_one_notices_another_folder),
        cmocka_unit_test(an_older_mark_is_not_the_last),
        cmocka_unit_test(it_says_where_and_how_far),
        cmocka_unit_test(a_header_that_is_cut_off_is_no_end),
        cmocka_unit_test(it_finds_every_wrong_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
