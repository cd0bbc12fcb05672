/* Archives that are whole, and the same archives with each of their bytes wrong in turn. */
#include "batch/verify/archive_verify.h"
#include "core/store/archive/archive_seal.h"
#include "core/store/archive/seal.h"
#include "tests/unit/store/archive_bench.h"

#include <stdlib.h>
#include <unistd.h>

#define RECORDS 12

static int setup(void **state) {
    *state = scratch_make();
    return 0;
}

static int teardown(void **state) {
    scratch_remove(*state);
    return 0;
}

/* Twelve records on three days; closed, so that a sync mark is the last thing in it. */
static void fill(const char *path) {
    struct archive *archive = bench_open(path, 0, NULL);
    for (unsigned i = 0; i < RECORDS; i++) {
        bench_append(archive, i + 1, START_US + i * (DAY_US / 4));
        if (i % 3 == 0) {
            bench_write(archive);
            bench_sync(archive);
        }
    }
    archive_close(archive);
}

struct told {
    struct archive_verify_listener listener; /* first */
    size_t faults;
    char text[1024]; /* of the last one */
};

static void fault(struct archive_verify_listener *self, const struct error *error) {
    struct told *told = (struct told *)self;
    assert_int_equal(error->code, ERROR_DAMAGED);
    snprintf(told->text, sizeof told->text, "%s", error->text);
    told->faults++;
}

static int run(const char *path, struct told *told, struct archive_verify_report *ret_report,
               struct error *ret_error) {
    const struct archive_verify_options options = {.archive = path, .threads = 2};
    *told = (struct told){.listener = {fault}};
    return archive_verify_run(&options, NULL, &told->listener, ret_report, ret_error);
}

static void expect_whole(const char *path, uint64_t records, uint64_t unsynced) {
    struct told told;
    struct archive_verify_report report;
    struct error error;
    if (run(path, &told, &report, &error) < 0)
        fail_msg("%s", error.text);
    if (told.faults)
        fail_msg("%s", told.text);
    assert_int_equal(report.damaged, 0);
    assert_int_equal(report.records, records);
    assert_int_equal(report.by_type[RECORD_ENGINE], records);
    assert_int_equal(report.unsynced, unsynced);
    assert_int_equal(report.torn_bytes, 0);
    assert_int_equal(report.end.position, records);
    assert_int_equal(report.end.chain, bench_read_all(path).chain);
}

static void a_whole_archive(void **state) {
    const char *path = *state;
    struct told told;
    struct archive_verify_report report;
    struct error error;
    fill(path);
    expect_whole(path, RECORDS, 0);
    assert_int_equal(run(path, &told, &report, &error), 0);
    assert_int_equal(report.segments, 3);
    assert_int_equal(report.synced.position, RECORDS);
    assert_true(report.bytes > 3 * 64);
}

/* Its writer at work: what is written counts, synced or not. */
static void beside_its_writer(void **state) {
    const char *path = *state;
    fill(path);
    struct archive *archive = bench_open(path, 0, NULL);
    bench_append(archive, RECORDS + 1, START_US + 4 * DAY_US);
    bench_write(archive);
    expect_whole(path, RECORDS + 1, 1);
    bench_sync(archive);
    expect_whole(path, RECORDS + 1, 0);
    archive_close(archive);
}

/* Wrong is found: as a fault, or because no archive can be made out, or, for the mark at the very
 * end, as the torn end that it looks like. */
static void expect_found(const char *path, const char *file, size_t offset) {
    struct told told;
    struct archive_verify_report report;
    struct error error;
    int r = run(path, &told, &report, &error);
    if (r == 0 && told.faults == 0 && report.torn_bytes == 0)
        fail_msg("%s: byte %zu is wrong, and nobody has found it", file, offset);
    assert_true(r == 0 || r == -ERROR_DAMAGED || r == -ERROR_UNSUPPORTED);
    if (r == 0)
        assert_int_equal(report.damaged, told.faults);
    if (r < 0 && !strstr(error.text, file))
        fail_msg("byte %zu of %s is wrong, but it is said: %s", offset, file, error.text);
}

static void expect_each_byte_found(const char *path, const char *file) {
    struct text whole = scratch_read(scratch_path(path, file));
    char *bytes = malloc(whole.length);
    for (size_t at = 0; at < whole.length; at++) {
        memcpy(bytes, whole.data, whole.length);
        bytes[at] = (char)(bytes[at] ^ (1 << at % 8));
        scratch_write(scratch_path(path, file), bytes, whole.length);
        expect_found(path, file, at);
    }
    scratch_write(scratch_path(path, file), whole.data, whole.length);
    free(bytes);
    free((char *)(uintptr_t)whole.data);
}

static void every_wrong_byte(void **state) {
    const char *path = *state;
    fill(path);
    expect_each_byte_found(path, "2026-01-01/00000000000000000001.seg");
    expect_each_byte_found(path, "2026-01-02/00000000000000000005.seg");
    expect_each_byte_found(path, "2026-01-03/00000000000000000009.seg");
    expect_whole(path, RECORDS, 0);
}

/* Sealed segments: the first two. */

static void seal(const char *path) {
    struct archive_seal_report report;
    struct error error;
    if (archive_seal(path, UINT64_MAX, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
}

static void every_wrong_byte_of_sealed_ones(void **state) {
    const char *path = *state;
    struct told told;
    struct archive_verify_report report;
    struct error error;
    fill(path);
    seal(path);
    expect_whole(path, RECORDS, 0);
    assert_int_equal(run(path, &told, &report, &error), 0);
    assert_int_equal(report.sealed, 2);
    expect_each_byte_found(path, "2026-01-01/00000000000000000001.seg.zst");
    expect_each_byte_found(path, "2026-01-02/00000000000000000005.seg.zst");
    expect_whole(path, RECORDS, 0);
}

/* A header that is whole in itself but says something else, as only a forger makes it. */
static void change_seal(const char *file, size_t offset) {
    struct text bytes = scratch_read(file);
    uint8_t *data = (uint8_t *)(uintptr_t)bytes.data;
    struct seal_header header;
    struct error error;
    assert_int_equal(seal_header_decode(data, &header, &error), 0);
    *((uint8_t *)&header + offset) ^= 1;
    seal_header_encode(&header, data);
    scratch_write(file, data, bytes.length);
    free(data);
}

static void change_epoch(const char *file, uint64_t epoch) {
    struct text bytes = scratch_read(file);
    uint8_t *data = (uint8_t *)(uintptr_t)bytes.data;
    struct seal_header header;
    struct segment_header segment;
    struct error error;
    assert_int_equal(seal_header_decode(data, &header, &error), 0);
    assert_int_equal(segment_header_decode(header.segment_header, &segment, &error), 0);
    segment.epoch = epoch;
    segment_header_encode(&segment, header.segment_header);
    seal_header_encode(&header, data);
    scratch_write(file, data, bytes.length);
    free(data);
}

/* The last of so many. */
static void expect_faults(const char *path, size_t faults, const char *file, const char *word) {
    struct told told;
    struct archive_verify_report report;
    struct error error;
    if (run(path, &told, &report, &error) < 0)
        fail_msg("%s", error.text);
    if (told.faults != faults || !strstr(told.text, file) || !strstr(told.text, word))
        fail_msg("%d faults: %s", (int)told.faults, told.text);
}

static void seals_are_verified(void **state) {
    const char *path = *state;
    static const char *const first = "2026-01-01/00000000000000000001.seg";
    static const char *const sealed = "2026-01-01/00000000000000000001.seg.zst";
    static const char *const second = "2026-01-02/00000000000000000005.seg.zst";
    size_t before = offsetof(struct seal_header, before), hash = offsetof(struct seal_header, hash);
    fill(path);
    struct text plain = scratch_read(scratch_path(path, first));
    seal(path);
    change_seal(scratch_path(path, second), hash);
    expect_faults(path, 1, second, "its content has changed since it was sealed");
    change_seal(scratch_path(path, second), hash);
    change_seal(scratch_path(path, second), before);
    expect_faults(path, 1, second, "does not continue that of");
    change_seal(scratch_path(path, second), before);
    change_seal(scratch_path(path, sealed), before);
    expect_faults(path, 1, sealed, "does not continue zeros");
    change_seal(scratch_path(path, sealed), before);
    change_seal(scratch_path(path, second), offsetof(struct seal_header, types));
    expect_faults(path, 1, second, "other types of records");
    change_seal(scratch_path(path, second), offsetof(struct seal_header, types));
    expect_whole(path, RECORDS, 0);
    change_epoch(scratch_path(path, second), 1);
    expect_faults(path, 1, second, "the header in its seal is not");
    change_epoch(scratch_path(path, second), 0);
    expect_whole(path, RECORDS, 0);
    /* No segment behind it says what its last record is, only its seal. */
    static const size_t ends[] = {offsetof(struct seal_header, end.position),
                                  offsetof(struct seal_header, end.chain),
                                  offsetof(struct seal_header, end_time_us)};
    static const char *const third = "2026-01-03/00000000000000000009.seg";
    struct text last = scratch_read(scratch_path(path, third));
    assert_int_equal(unlink(scratch_path(path, third)), 0);
    for (size_t i = 0; i < 3; i++) {
        change_seal(scratch_path(path, second), ends[i]);
        expect_faults(path, 1, second,
                      i < 2 ? "the last record in its seal" : "its seal has another receive time");
        change_seal(scratch_path(path, second), ends[i]);
    }
    scratch_write(scratch_path(path, third), last.data, last.length);
    free((char *)(uintptr_t)last.data);
    expect_whole(path, RECORDS, 0);
    /* A plain one from a backup in the place of a sealed one: the next one says what it was. */
    assert_int_equal(unlink(scratch_path(path, sealed)), 0);
    scratch_write(scratch_path(path, first), plain.data, plain.length);
    expect_whole(path, RECORDS, 0);
    change_seal(scratch_path(path, second), before);
    expect_faults(path, 2, second,
                  "its content has changed since it was sealed"); /* and the first one, then */
    free((char *)(uintptr_t)plain.data);
}

/* One damaged segment does not hide another. */
static void each_damaged_segment_is_told(void **state) {
    const char *path = *state;
    static const char *const files[] = {"2026-01-01/00000000000000000001.seg",
                                        "2026-01-02/00000000000000000005.seg"};
    struct told told;
    struct archive_verify_report report;
    struct error error;
    fill(path);
    for (size_t i = 0; i < 2; i++) {
        struct text bytes = scratch_read(scratch_path(path, files[i]));
        char *data = (char *)(uintptr_t)bytes.data;
        data[100] ^= 1;
        scratch_write(scratch_path(path, files[i]), data, bytes.length);
        free(data);
    }
    assert_int_equal(run(path, &told, &report, &error), 0);
    assert_int_equal(told.faults, 2);
    assert_int_equal(report.damaged, 2);
    assert_int_equal(report.records, 4);
    assert_non_null(strstr(told.text, files[1])); /* in their order */
}

static void a_missing_segment(void **state) {
    const char *path = *state;
    struct told told;
    struct archive_verify_report report;
    struct error error;
    fill(path);
    assert_int_equal(unlink(scratch_path(path, "2026-01-02/00000000000000000005.seg")), 0);
    assert_int_equal(run(path, &told, &report, &error), 0);
    assert_int_equal(told.faults, 1);
    assert_int_equal(unlink(scratch_path(path, FIRST_SEGMENT)), 0);
    assert_int_equal(run(path, &told, &report, &error), -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, "records 1 to 8 before it are missing"));
}

/* A day that begins without a record, for the machine died right then: its beginning is the time
 * from which the next segment goes on. */
static void a_day_without_records(void **state) {
    const char *path = *state;
    const char *third = "2026-01-03/00000000000000000009.seg";
    fill(path);
    struct text bytes = scratch_read(scratch_path(path, third));
    scratch_write(scratch_path(path, third), bytes.data, SEGMENT_HEADER_SIZE);
    free((char *)(uintptr_t)bytes.data);
    expect_whole(path, 8, 0);
    struct archive *archive = bench_open(path, 0, NULL);
    bench_append(archive, 9, START_US + 5 * DAY_US);
    archive_close(archive);
    expect_whole(path, 9, 0);
    seal(path);
    expect_whole(path, 9, 0);
}

static void no_archive(void **state) {
    const char *path = *state;
    struct told told;
    struct archive_verify_report report;
    struct error error;
    assert_int_equal(run(path, &told, &report, &error), -ERROR_NOT_FOUND);
    assert_int_equal(run(scratch_path(path, "none"), &told, &report, &error), -ERROR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_whole_archive),    TEST(beside_its_writer),
        TEST(every_wrong_byte),   TEST(every_wrong_byte_of_sealed_ones),
        TEST(seals_are_verified), TEST(each_damaged_segment_is_told),
        TEST(a_missing_segment),  TEST(a_day_without_records),
        TEST(no_archive),
    };
    return cmocka_run_group_tests_name("archive_verify", tests, NULL, NULL);
}
