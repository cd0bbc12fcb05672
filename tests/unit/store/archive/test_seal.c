/* Sealed segments hold what was written, for every way of reading; and which are sealed, and when.
 */
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/archive_seal.h"
#include "core/store/archive/segment_file.h"
#include "tests/unit/asked.h"
#include "tests/unit/store/archive_bench.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND_SEGMENT "2026-01-02/00000000000000000004.seg"
#define THIRD_SEGMENT  "2026-01-03/00000000000000000007.seg"

static void free_text(struct text text) {
    free((char *)(uintptr_t)text.data);
}

static struct archive_seal_report seal(const char *folder, uint64_t until) {
    struct archive_seal_report report;
    struct error error;
    if (archive_seal(folder, until, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    return report;
}

static void seal_refused(const char *folder, enum error_code code, const char *word,
                         const char *other) {
    struct archive_seal_report report;
    struct error error = {0};
    int r = archive_seal(folder, UINT64_MAX, NULL, &report, &error);
    if (r != -(int)code || !strstr(error.text, word) || !strstr(error.text, other))
        fail_msg("%d: %s", r, r < 0 ? error.text : "it was sealed");
}

/* Nine records, three a day. */
static void fill(const char *folder) {
    struct archive *archive = bench_open(folder, 0, NULL);
    for (unsigned i = 1; i <= 9; i++)
        bench_append(archive, i, START_US + (i - 1) / 3 * DAY_US);
    archive_close(archive);
}

static int set_up(void **state) {
    *state = scratch_make();
    fill(*state);
    return 0;
}

static int set_up_empty(void **state) {
    *state = scratch_make();
    return 0;
}

static int tear_down(void **state) {
    scratch_remove(*state);
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * What was written */

/* xorshift: the same archives on every machine. */
static unsigned random_below(uint64_t *state, unsigned limit) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (unsigned)(*state >> 33) % limit;
}

#define RANDOM_RECORDS 400

/* What the archive was given: `records` in `arena`. */
struct given {
    struct arena arena;
    struct record records[RANDOM_RECORDS + 1]; /* by position */
    uint64_t count;
};

static void append_random(struct archive *archive, struct given *given, uint64_t *random,
                          int64_t *time_us) {
    static const enum record_type types[] = {RECORD_TRANSACTION, RECORD_TRANSACTION, RECORD_OUTCOME,
                                             RECORD_LIST_CHANGE, RECORD_SNAPSHOT,    RECORD_ENGINE};
    struct record record =
        bench_record(&given->arena, types[random_below(random, 6)], (unsigned)given->count);
    if (record.type == RECORD_ENGINE && random_below(random, 4) == 0) { /* larger than a block */
        size_t length = SEAL_BLOCK_BYTES + random_below(random, 3 * SEAL_BLOCK_BYTES);
        char *version = arena_alloc(&given->arena, length);
        for (size_t i = 0; i < length; i++)
            version[i] = (char)('a' + random_below(random, 26));
        record.engine.version = (struct text){.data = version, .length = length};
    }
    *time_us += random_below(random, 60) == 0 ? DAY_US : (int64_t)random_below(random, 1000000);
    record.receive_time_us = *time_us;
    archive_append(archive, &record);
    given->records[++given->count] = record;
    assert_int_equal(record.position, given->count);
}

static struct archive *fill_randomly(const char *folder, uint64_t seed, struct given *given) {
    uint64_t random = seed;
    int64_t time_us = START_US;
    struct archive *archive =
        bench_open(folder, 1000 + random_below(&random, 4 * SEAL_BLOCK_BYTES), NULL);
    arena_init(&given->arena, (size_t)256 << 20);
    given->count = 0;
    while (given->count < RANDOM_RECORDS) {
        append_random(archive, given, &random, &time_us);
        if (random_below(&random, 5) == 0) {
            bench_write(archive);
            if (random_below(&random, 2) == 0 && archive_synced(archive) < given->count)
                bench_sync(archive);
        }
    }
    bench_write(archive);
    if (archive_synced(archive) < given->count)
        bench_sync(archive);
    return archive;
}

static void read_in_order(const char *folder, const struct given *given) {
    struct archive_reader *reader;
    struct error error;
    struct arena arena;
    struct record record;
    uint64_t done, total;
    arena_init(&arena, (size_t)8 << 20);
    if (archive_reader_open(folder, (struct archive_place){0}, &reader, &error) < 0)
        fail_msg("%s", error.text);
    for (uint64_t position = 1; position <= given->count; position++) {
        arena_reset(&arena);
        if (archive_reader_next(reader, &arena, &record, &error) != 1)
            fail_msg("record %d: %s", (int)position, error.text);
        assert_same_record(&record, &given->records[position]);
    }
    assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 0);
    archive_reader_extent(reader, &done, &total);
    assert_int_equal(done, total);
    archive_reader_close(reader);
    arena_deinit(&arena);
}

static void read_by_position(struct archive *archive, const struct given *given, uint64_t seed) {
    struct arena arena;
    struct record record;
    struct error error;
    arena_init(&arena, (size_t)8 << 20);
    for (int i = 0; i < 2 * RANDOM_RECORDS; i++) {
        uint64_t position = 1 + random_below(&seed, (unsigned)given->count);
        arena_reset(&arena);
        if (archive_read(archive, position, &arena, &record, &error) < 0)
            fail_msg("%s", error.text);
        assert_same_record(&record, &given->records[position]);
    }
    arena_deinit(&arena);
}

static void read_part(const struct archive_parts *parts, size_t index, const struct given *given) {
    struct archive_part part = archive_parts_part(parts, index);
    struct archive_part_reader *reader;
    struct archive_part_record found;
    struct record record;
    struct arena arena;
    struct error error;
    arena_init(&arena, (size_t)8 << 20);
    if (archive_part_open(parts, index, 0, true, &reader, &error) < 0 ||
        archive_part_hash(reader, &error) < 0)
        fail_msg("%s", error.text);
    for (uint64_t position = part.first; position <= part.last; position++) {
        arena_reset(&arena);
        if (archive_part_next(reader, &found, &error) != 1 ||
            archive_part_decode(reader, &arena, &record, &error) < 0)
            fail_msg("%s", error.text);
        assert_same_record(&record, &given->records[position]);
    }
    if (archive_part_next(reader, &found, &error) != 0)
        fail_msg("%s", error.text);
    archive_part_close(reader);
    arena_deinit(&arena);
}

/* Each part by itself, and they are as many bytes as the segments were. */
static size_t read_parts(const char *folder, const struct given *given, uint64_t size) {
    struct archive_parts *parts;
    struct error error;
    size_t sealed = 0;
    if (archive_parts_open(folder, &parts, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(archive_parts_end(parts).position, given->count);
    for (size_t i = 0; i < archive_parts_count(parts); i++) {
        read_part(parts, i, given);
        sealed += archive_parts_part(parts, i).is_sealed;
        size -= archive_parts_part(parts, i).size;
    }
    assert_int_equal(size, 0);
    archive_parts_close(parts);
    return sealed;
}

static void what_was_written_is_read(void **state) {
    const char *folder = *state;
    int rounds = (int)asked_steps(12);
    struct given *given = malloc(sizeof *given);
    for (int round = 0; round < rounds; round++) {
        char *path = strdup(scratch_path(folder, round % 2 ? "a" : "b"));
        struct archive *writer = fill_randomly(path, 77 + (uint64_t)round * 1000003, given);
        read_by_position(writer, given, 5);
        struct archive_seal_report report = seal(path, UINT64_MAX);
        struct archive_recovery recovery;
        assert_true(report.sealed > 1 && report.left == 1);
        struct archive_parts *parts;
        struct error error;
        uint64_t size = report.size;
        assert_int_equal(archive_parts_open(path, &parts, &error), 0);
        size += archive_parts_size(parts, archive_parts_count(parts) - 1);
        archive_parts_close(parts);
        /* The writer has plain files open that are gone, and others not yet. */
        read_by_position(writer, given, 6);
        read_in_order(path, given);
        assert_int_equal(read_parts(path, given, size), report.sealed);
        struct archive_place end = archive_end(writer);
        archive_close(writer);
        writer = bench_open(path, 0, &recovery);
        assert_int_equal(recovery.torn_bytes, 0);
        assert_int_equal(archive_end(writer).position, end.position);
        assert_int_equal(archive_end(writer).chain, end.chain);
        read_by_position(writer, given, 7);
        archive_close(writer);
        arena_deinit(&given->arena);
        scratch_remove(path); /* frees it */
    }
    free(given);
}

/* ---------------------------------------------------------------------------------------------
 * Which segments, and when */

static void only_up_to_a_position(void **state) {
    const char *folder = *state;
    struct archive_seal_report report = seal(folder, 2);
    assert_int_equal(report.sealed, 0);
    assert_int_equal(report.left, 3);
    report = seal(folder, 5);
    assert_int_equal(report.sealed, 1);
    assert_int_equal(report.position, 3);
    assert_true(scratch_exists(scratch_path(folder, SECOND_SEGMENT)));
    report = seal(folder, 6);
    assert_int_equal(report.sealed, 1);
    assert_int_equal(report.before, 1);
    report = seal(folder, UINT64_MAX);
    assert_int_equal(report.sealed, 0);
    assert_int_equal(report.left, 1);
    assert_int_equal(bench_read_all(folder).position, 9);
}

/* The last one may be sealed only where the others were lost: a backup of sealed ones alone. */
static void sealed_ones_alone_are_an_archive(void **state) {
    const char *folder = *state;
    struct archive_recovery recovery;
    seal(folder, UINT64_MAX);
    assert_int_equal(unlink(scratch_path(folder, THIRD_SEGMENT)), 0);
    struct archive_place end = bench_read_all(folder);
    assert_int_equal(end.position, 6);
    struct archive_reader *reader;
    struct archive_place synced;
    struct error error;
    assert_int_equal(archive_reader_open(folder, end, &reader, &error), 0);
    assert_int_equal(archive_reader_synced(reader, &synced, &error), 0);
    assert_int_equal(synced.position, 6);
    assert_int_equal(synced.chain, end.chain);
    archive_reader_close(reader);
    assert_int_equal(seal(folder, UINT64_MAX).left, 0);
    struct archive *archive = bench_open(folder, 0, &recovery);
    assert_int_equal(recovery.position, 6);
    assert_int_equal(archive_end(archive).chain, end.chain);
    assert_int_equal(archive_synced(archive), 6);
    assert_int_equal(archive_time(archive), START_US + DAY_US);
    bench_append(archive, 7, START_US); /* the clock was set back: time stays where it was */
    bench_append(archive, 8, START_US + 2 * DAY_US);
    archive_close(archive);
    assert_true(scratch_exists(scratch_path(folder, "2026-01-02/00000000000000000007.seg")));
    assert_int_equal(bench_read_all(folder).position, 8);
    assert_int_equal(seal(folder, UINT64_MAX).sealed, 1);
    assert_int_equal(bench_read_all(folder).position, 8);
}

/* A day that begins without a record: the machine died right then. */
static void an_empty_segment_is_sealed_too(void **state) {
    const char *folder = *state;
    struct text third = scratch_read(scratch_path(folder, THIRD_SEGMENT));
    scratch_write(scratch_path(folder, THIRD_SEGMENT), third.data, SEGMENT_HEADER_SIZE);
    free_text(third);
    struct archive *archive = bench_open(folder, 0, NULL);
    bench_append(archive, 7, START_US + 5 * DAY_US);
    archive_close(archive);
    assert_int_equal(seal(folder, UINT64_MAX).sealed, 3);
    assert_int_equal(bench_read_all(folder).position, 7);
    struct given *given = calloc(1, sizeof *given);
    arena_init(&given->arena, 1u << 16);
    given->count = 7;
    for (unsigned i = 1; i <= 7; i++) {
        given->records[i] = bench_record(&given->arena, RECORD_ENGINE, i);
        given->records[i].position = i;
        given->records[i].receive_time_us = START_US + (i == 7 ? 5 : (i - 1) / 3) * DAY_US;
    }
    archive = bench_open(folder, 0, NULL);
    read_by_position(archive, given, 3);
    archive_close(archive);
    arena_deinit(&given->arena);
    free(given);
}

static void one_at_a_time(void **state) {
    const char *folder = *state;
    int directory = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(directory, LOCK_EX), 0);
    seal_refused(folder, ERROR_EXISTS, folder, "another process is sealing");
    assert_true(scratch_exists(scratch_path(folder, FIRST_SEGMENT)));
    close(directory);
    assert_int_equal(seal(folder, UINT64_MAX).sealed, 2);
    seal_refused(scratch_path(folder, "none"), ERROR_NOT_FOUND, "none", "no such archive");
}

/* ---------------------------------------------------------------------------------------------
 * Beside others */

static void who_reads_meanwhile_goes_on(void **state) {
    const char *folder = *state;
    struct archive_reader *reader;
    struct archive_parts *parts;
    struct archive_part_reader *part;
    struct archive_part_record found;
    struct arena arena;
    struct record record;
    struct error error;
    arena_init(&arena, 1u << 16);
    assert_int_equal(archive_reader_open(folder, (struct archive_place){0}, &reader, &error), 0);
    assert_int_equal(archive_parts_open(folder, &parts, &error), 0);
    assert_int_equal(archive_part_open(parts, 0, 0, false, &part, &error), 0);
    assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 1);
    assert_int_equal(seal(folder, UINT64_MAX).sealed, 2);
    for (unsigned i = 1; i <= 3; i++) /* of a file that has no name any more */
        assert_int_equal(archive_part_next(part, &found, &error), 1);
    assert_int_equal(archive_part_next(part, &found, &error), 0);
    archive_part_close(part);
    assert_int_equal(archive_part_open(parts, 1, 0, false, &part, &error), 0);
    assert_int_equal(archive_part_next(part, &found, &error), 1);
    assert_int_equal(found.position, 4);
    archive_part_close(part);
    archive_parts_close(parts);
    for (uint64_t i = 2; i <= 9; i++) {
        assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 1);
        assert_int_equal(record.position, i);
    }
    assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 0);
    archive_reader_close(reader);
    arena_deinit(&arena);
}

/* Closing the last reference to a removed file waits until its blocks are freed: the writer must
 * not do that. */
static void the_writer_hands_over_what_is_gone(void **state) {
    const char *folder = *state;
    struct archive *archive = bench_open(folder, 0, NULL);
    struct arena arena;
    struct record record;
    struct error error;
    arena_init(&arena, 1u << 16);
    assert_int_equal(archive_read(archive, 1, &arena, &record, &error), 0);
    assert_int_equal(archive_read(archive, 4, &arena, &record, &error), 0);
    assert_int_equal(seal(folder, UINT64_MAX).sealed, 2);
    assert_null(archive_take_unused(archive));
    bench_append(archive, 10, START_US + 3 * DAY_US);
    bench_write(archive);
    struct segment_file *files = archive_take_unused(archive), *file = files;
    for (size_t i = 0; i < 2; i++, file = file->next) {
        struct stat status;
        assert_non_null(file);
        assert_int_equal(fstat(file->descriptor, &status), 0);
        assert_int_equal(status.st_nlink, 0);
    }
    assert_null(file);
    assert_null(archive_take_unused(archive));
    archive_close_unused(files);
    /* Files that are not taken are closed when more come, and with the archive. */
    for (unsigned i = 11; i <= 14; i++) {
        assert_int_equal(archive_read(archive, 1, &arena, &record, &error), 0);
        bench_append(archive, i, START_US + (i - 7) * DAY_US);
        bench_write(archive);
    }
    files = archive_take_unused(archive);
    assert_true(files && !files->next);
    archive_close_unused(files);
    assert_int_equal(archive_read(archive, 1, &arena, &record, &error), 0);
    bench_append(archive, 15, START_US + 8 * DAY_US);
    archive_close(archive);
    arena_deinit(&arena);
}

/* What was the last segment continues, is closed and is sealed, all while a reader is at its former
 * end. */
static void who_reads_the_last_one_goes_on(void **state) {
    const char *folder = *state;
    struct archive *archive = bench_open(folder, 0, NULL);
    struct archive_parts *parts;
    struct archive_part_reader *part;
    struct archive_part_record found;
    struct error error;
    assert_int_equal(archive_parts_open(folder, &parts, &error), 0);
    bench_append(archive, 10, START_US + 2 * DAY_US);
    bench_append(archive, 11, START_US + 3 * DAY_US);
    archive_close(archive);
    assert_int_equal(seal(folder, UINT64_MAX).sealed, 3);
    assert_int_equal(archive_part_open(parts, 2, 0, false, &part, &error), 0);
    assert_int_equal(archive_part_hash(part, &error), 0);
    for (uint64_t position = 7; position <= 9; position++) {
        assert_int_equal(archive_part_next(part, &found, &error), 1);
        assert_int_equal(found.position, position);
    }
    if (archive_part_next(part, &found, &error) != 0)
        fail_msg("%s", error.text);
    archive_part_close(part);
    archive_parts_close(parts);
}

/* As long as a write may go back to it, it is not closed, whatever the files look like. */
static void a_claimed_segment_is_left_alone(void **state) {
    const char *folder = *state;
    struct error error;
    int descriptor = open(scratch_path(folder, SECOND_SEGMENT), O_RDWR);
    assert_int_equal(segment_claim(descriptor, SECOND_SEGMENT, &error), 0);
    struct archive_seal_report report = seal(folder, UINT64_MAX);
    assert_int_equal(report.sealed, 1);
    assert_int_equal(report.left, 2);
    close(descriptor);
    assert_int_equal(seal(folder, UINT64_MAX).sealed, 1);
}

static void the_writer_claims_what_it_writes(void **state) {
    const char *folder = *state;
    struct error error;
    struct archive *archive = bench_open(folder, 0, NULL);
    int last = open(scratch_path(folder, THIRD_SEGMENT), O_RDWR);
    assert_int_equal(segment_claim(last, THIRD_SEGMENT, &error), -ERROR_SYSTEM);
    bench_append(archive, 10, START_US + 3 * DAY_US);
    bench_write(archive);
    assert_int_equal(segment_claim(last, THIRD_SEGMENT, &error), 0);
    close(last);
    last = open(scratch_path(folder, "2026-01-04/00000000000000000010.seg"), O_RDWR);
    assert_int_equal(segment_claim(last, "last", &error), -ERROR_SYSTEM);
    assert_int_equal(seal(folder, UINT64_MAX).sealed, 3);
    archive_close(archive);
    assert_int_equal(segment_claim(last, "last", &error), 0);
    close(last);
}

/* ---------------------------------------------------------------------------------------------
 * Damage */

static void a_damaged_segment_stays(void **state) {
    const char *folder = *state;
    char *path = strdup(scratch_path(folder, SECOND_SEGMENT)); /* asked for often */
    struct text whole = scratch_read(path);
    char *bytes = (char *)(uintptr_t)whole.data;
    for (size_t at = 0; at < whole.length; at++) {
        bytes[at] ^= 0x10;
        scratch_write(path, bytes, whole.length);
        bytes[at] ^= 0x10;
        seal_refused(folder, ERROR_DAMAGED, SECOND_SEGMENT, "");
        assert_true(scratch_exists(path));
        assert_false(scratch_exists(scratch_path(folder, SECOND_SEGMENT ".zst")));
        assert_false(scratch_exists(scratch_path(folder, SECOND_SEGMENT ".zst.new")));
    }
    assert_true(scratch_exists(scratch_path(folder, FIRST_SEGMENT ".zst")));
    scratch_write(path, bytes, whole.length);
    assert_int_equal(seal(folder, UINT64_MAX).sealed, 1);
    free(path);
    free_text(whole);
}

/* Both are there: a crash, or the plain one came from a backup. */
static void two_copies_become_one(void **state) {
    const char *folder = *state;
    const char *plain_path = scratch_path(folder, FIRST_SEGMENT);
    struct text plain = scratch_read(plain_path);
    seal(folder, UINT64_MAX);
    const char *sealed_path = scratch_path(folder, FIRST_SEGMENT ".zst");
    struct text sealed = scratch_read(sealed_path);
    char *bytes = (char *)(uintptr_t)sealed.data;
    for (size_t at = 0; at <= sealed.length; at++) { /* the last one is whole */
        if (at < sealed.length)
            bytes[at] ^= 0x04;
        scratch_write(sealed_path, bytes, sealed.length);
        if (at < sealed.length)
            bytes[at] ^= 0x04;
        scratch_write(plain_path, plain.data, plain.length);
        assert_int_equal(bench_read_all(folder).position, 9);
        struct archive_seal_report report = seal(folder, UINT64_MAX);
        assert_int_equal(report.sealed, 1);
        assert_int_equal(report.before, 1);
        assert_int_equal(report.stored, sealed.length);
        assert_false(scratch_exists(plain_path));
        struct text again = scratch_read(sealed_path);
        assert_int_equal(again.length, sealed.length);
        assert_memory_equal(again.data, sealed.data, again.length);
        free_text(again);
    }
    free_text(plain);
    free_text(sealed);
}

/* A valid segment of another history in place of one that was sealed. */
static void another_segment_is_not_sealed_in_its_place(void **state) {
    const char *folder = *state;
    struct text plain = scratch_read(scratch_path(folder, FIRST_SEGMENT));
    seal(folder, UINT64_MAX);
    /* The next one says that it continues another seal. */
    const char *path = scratch_path(folder, SECOND_SEGMENT ".zst");
    struct text sealed = scratch_read(path);
    uint8_t *bytes = (uint8_t *)(uintptr_t)sealed.data;
    struct seal_header header;
    struct error error;
    assert_int_equal(seal_header_decode(bytes, SEAL_HEADER_SIZE, &header, &error), 0);
    header.before[0] ^= 1;
    seal_header_encode(&header, bytes);
    scratch_write(path, bytes, sealed.length);
    seal_refused(folder, ERROR_DAMAGED, SECOND_SEGMENT ".zst", "does not continue that of the");
    assert_int_equal(unlink(scratch_path(folder, FIRST_SEGMENT ".zst")), 0);
    scratch_write(scratch_path(folder, FIRST_SEGMENT), plain.data, plain.length);
    seal_refused(folder, ERROR_DAMAGED, FIRST_SEGMENT, "continues another seal");
    assert_true(scratch_exists(scratch_path(folder, FIRST_SEGMENT)));
    free_text(plain);
    free_text(sealed);
}

int main(void) {
#define TEST(name)       cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_EMPTY(name) cmocka_unit_test_setup_teardown(name, set_up_empty, tear_down)
    const struct CMUnitTest tests[] = {
        TEST_EMPTY(what_was_written_is_read),
        TEST(only_up_to_a_position),
        TEST(sealed_ones_alone_are_an_archive),
        TEST(an_empty_segment_is_sealed_too),
        TEST(one_at_a_time),
        TEST(who_reads_meanwhile_goes_on),
        TEST(the_writer_hands_over_what_is_gone),
        TEST(who_reads_the_last_one_goes_on),
        TEST(a_claimed_segment_is_left_alone),
        TEST(the_writer_claims_what_it_writes),
        TEST(a_damaged_segment_stays),
        TEST(two_copies_become_one),
        TEST(another_segment_is_not_sealed_in_its_place),
    };
    return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
