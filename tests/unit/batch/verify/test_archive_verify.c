/* Archives that are whole, the same archives with each of their bytes wrong in turn, and notes of
 * an archive compared with what became of it. */
#include "batch/verify/archive_verify.h"
#include "core/base/hash.h"
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
    assert_int_equal(seal_header_decode(data, SEAL_HEADER_SIZE, &header, &error), 0);
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
    assert_int_equal(seal_header_decode(data, SEAL_HEADER_SIZE, &header, &error), 0);
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

/* ---- notes of an earlier state ---- */

static struct archive_verify_report compare(const char *path, const struct archive_note *expected) {
    const struct archive_verify_options options = {
        .archive = path, .threads = 2, .expected = expected};
    struct told told = {.listener = {fault}};
    struct archive_verify_report report;
    struct error error;
    if (archive_verify_run(&options, NULL, &told.listener, &report, &error) < 0)
        fail_msg("%s", error.text);
    if (told.faults)
        fail_msg("%s", told.text);
    return report;
}

static void expect(const char *path, const struct archive_note *expected,
                   enum archive_expectation expectation) {
    assert_int_equal(compare(path, expected).expectation, expectation);
}

/* Appends a whole day, so that the segments before it are closed. */
static void continue_with(const char *path, unsigned from, unsigned to) {
    struct archive *archive = bench_open(path, 0, NULL);
    for (unsigned i = from; i < to; i++)
        bench_append(archive, i + 1, START_US + i * (DAY_US / 4));
    archive_close(archive);
}

/* The seal as docs/ARCHIVE.md defines it, from the bytes of the plain segments. */
static void seal_of_bytes(const uint8_t before[SEAL_HASH_SIZE], const char *file,
                          uint8_t ret_seal[SEAL_HASH_SIZE]) {
    struct text bytes = scratch_read(file);
    struct sha256 *sha = sha256_new();
    sha256_add(sha, before, SEAL_HASH_SIZE);
    sha256_add(sha, bytes.data, bytes.length);
    sha256_finish(sha, ret_seal);
    free((char *)(uintptr_t)bytes.data);
}

static void a_note_holds_while_the_archive_grows(void **state) {
    const char *path = *state;
    static const uint8_t zeros[SEAL_HASH_SIZE];
    uint8_t first[SEAL_HASH_SIZE], second[SEAL_HASH_SIZE];
    fill(path);
    assert_int_equal(compare(path, NULL).sealed_up_to.place.position, 0);
    seal_of_bytes(zeros, scratch_path(path, FIRST_SEGMENT), first);
    seal_of_bytes(first, scratch_path(path, "2026-01-02/00000000000000000005.seg"), second);
    seal(path);
    struct archive_verify_report report = compare(path, NULL);
    struct archive_note note = report.sealed_up_to, end = {.place = report.end};
    assert_int_equal(report.expectation, EXPECTATION_OPEN);
    assert_int_equal(note.place.position, 8);
    assert_int_equal(report.sealed_time_us, START_US + 7 * (DAY_US / 4));
    assert_memory_equal(note.seal, second, SEAL_HASH_SIZE);
    expect(path, &note, EXPECTATION_HOLDS);
    expect(path, &end, EXPECTATION_HOLDS);
    /* Positions inside a segment, and of a segment that is not sealed. */
    continue_with(path, RECORDS, 18);
    expect(path, &note, EXPECTATION_HOLDS);
    expect(path, &end, EXPECTATION_HOLDS);
    end.has_seal = true;
    expect(path, &end, EXPECTATION_NO_SEAL);
    seal(path);
    assert_int_equal(compare(path, NULL).sealed_up_to.place.position, 16);
    expect(path, &note, EXPECTATION_HOLDS);
    expect(path, &end, EXPECTATION_OTHER_SEAL); /* there is one now, but it was not noted */
    note.seal[SEAL_HASH_SIZE - 1] ^= 1;
    expect(path, &note, EXPECTATION_OTHER_SEAL);
}

/* Written, but not synced: behind the last mark. */
static void a_note_of_unsynced_records(void **state) {
    const char *path = *state;
    fill(path);
    struct archive *archive = bench_open(path, 0, NULL);
    bench_append(archive, RECORDS + 1, START_US + 4 * DAY_US);
    bench_write(archive);
    struct archive_verify_report report = compare(path, NULL);
    struct archive_note end = {.place = report.end};
    assert_int_equal(report.unsynced, 1);
    expect(path, &end, EXPECTATION_HOLDS);
    end.place.chain ^= 1;
    expect(path, &end, EXPECTATION_OTHER_CHAIN);
    end.place.position++;
    expect(path, &end, EXPECTATION_AFTER_END);
    archive_close(archive);
}

/* The same records but for one byte of the second one, with checksums, chains and seals that fit:
 * as somebody makes it who knows the format. Verify alone cannot see that. */
static void a_note_finds_forgery(void **state) {
    const char *path = *state;
    char forged[256]; /* among its files, where it is ignored */
    snprintf(forged, sizeof forged, "%s", scratch_path(path, "forged"));
    fill(path);
    seal(path);
    struct archive_verify_report report = compare(path, NULL);
    struct archive_note note = report.sealed_up_to, end = {.place = report.end};
    struct archive_note first = {.place = {.position = 1}};
    struct archive *archive = bench_open(forged, 0, NULL);
    for (unsigned i = 0; i < RECORDS; i++) {
        bench_append(archive, i == 1 ? 3 : i + 1, START_US + i * (DAY_US / 4));
        if (i == 0)
            first.place = archive_end(archive);
        if (i % 3 == 0) {
            bench_write(archive);
            bench_sync(archive);
        }
    }
    archive_close(archive);
    seal(forged);
    report = compare(forged, &note);
    assert_int_equal(report.damaged, 0);
    assert_int_equal(report.end.position, RECORDS);
    assert_int_equal(report.expectation, EXPECTATION_OTHER_CHAIN);
    assert_int_equal(report.found_chain, report.sealed_up_to.place.chain);
    assert_memory_not_equal(report.sealed_up_to.seal, note.seal, SEAL_HASH_SIZE);
    expect(forged, &end, EXPECTATION_OTHER_CHAIN);
    expect(forged, &first, EXPECTATION_HOLDS); /* before the change */
    expect(path, &first, EXPECTATION_HOLDS);
    /* Somebody who also finds a record with the same chain does not find the same seal. */
    note.place = report.sealed_up_to.place;
    expect(forged, &note, EXPECTATION_OTHER_SEAL);
}

static void a_note_finds_what_is_cut_off(void **state) {
    const char *path = *state;
    fill(path);
    seal(path);
    struct archive_verify_report report = compare(path, NULL);
    struct archive_note note = report.sealed_up_to, end = {.place = report.end};
    assert_int_equal(unlink(scratch_path(path, "2026-01-03/00000000000000000009.seg")), 0);
    expect(path, &end, EXPECTATION_AFTER_END);
    expect(path, &note, EXPECTATION_HOLDS);
    assert_int_equal(unlink(scratch_path(path, "2026-01-02/00000000000000000005.seg.zst")), 0);
    expect(path, &note, EXPECTATION_AFTER_END);
    assert_int_equal(compare(path, NULL).sealed_up_to.place.position, 4);
}

/* From a backup of before it was sealed. The seal of the next segment says what it was; of two in a
 * row, none does, and they must be sealed again. */
static void a_note_of_restored_segments(void **state) {
    const char *path = *state;
    static const char *const files[] = {FIRST_SEGMENT, "2026-01-02/00000000000000000005.seg"};
    struct archive_note notes[3] = {0};
    struct text plain[2];
    fill(path);
    continue_with(path, RECORDS, 14);
    for (size_t i = 0; i < 2; i++)
        plain[i] = scratch_read(scratch_path(path, files[i]));
    seal(path);
    notes[2] = compare(path, NULL).sealed_up_to;
    assert_int_equal(notes[2].place.position, 12);
    for (size_t i = 0; i < 2; i++) {
        char sealed[64];
        snprintf(sealed, sizeof sealed, "%s.zst", files[i]);
        struct text bytes = scratch_read(scratch_path(path, sealed));
        struct seal_header header;
        struct error error;
        assert_int_equal(
            seal_header_decode((const uint8_t *)bytes.data, SEAL_HEADER_SIZE, &header, &error), 0);
        notes[i] = (struct archive_note){.place = header.end, .has_seal = true};
        memcpy(notes[i].seal, header.hash, SEAL_HASH_SIZE);
        free((char *)(uintptr_t)bytes.data);
        expect(path, &notes[i], EXPECTATION_HOLDS);
    }
    for (size_t i = 2; i-- > 0;) {
        char sealed[64];
        snprintf(sealed, sizeof sealed, "%s.zst", files[i]);
        assert_int_equal(unlink(scratch_path(path, sealed)), 0);
        scratch_write(scratch_path(path, files[i]), plain[i].data, plain[i].length);
        free((char *)(uintptr_t)plain[i].data);
        for (size_t k = 0; k < 3; k++)
            expect(path, &notes[k], i == 1 ? EXPECTATION_HOLDS : EXPECTATION_NO_SEAL);
    }
    assert_int_equal(compare(path, NULL).sealed_up_to.place.position, 0);
    seal(path);
    for (size_t k = 0; k < 3; k++)
        expect(path, &notes[k], EXPECTATION_HOLDS);
}

/* A segment without records ends where the one before it does, with another seal. */
static void a_note_before_a_day_without_records(void **state) {
    const char *path = *state;
    const char *third = "2026-01-03/00000000000000000009.seg";
    fill(path);
    seal(path);
    struct archive_note before = compare(path, NULL).sealed_up_to;
    struct text bytes = scratch_read(scratch_path(path, third));
    scratch_write(scratch_path(path, third), bytes.data, SEGMENT_HEADER_SIZE);
    free((char *)(uintptr_t)bytes.data);
    struct archive *archive = bench_open(path, 0, NULL);
    bench_append(archive, 9, START_US + 5 * DAY_US);
    archive_close(archive);
    seal(path);
    struct archive_note after = compare(path, NULL).sealed_up_to;
    assert_int_equal(before.place.position, after.place.position);
    assert_memory_not_equal(before.seal, after.seal, SEAL_HASH_SIZE);
    expect(path, &before, EXPECTATION_HOLDS);
    expect(path, &after, EXPECTATION_HOLDS);
}

static void a_damaged_archive_is_not_compared(void **state) {
    const char *path = *state;
    fill(path);
    struct archive_note end = {.place = compare(path, NULL).end};
    struct text bytes = scratch_read(scratch_path(path, FIRST_SEGMENT));
    ((char *)(uintptr_t)bytes.data)[100] ^= 1;
    scratch_write(scratch_path(path, FIRST_SEGMENT), bytes.data, bytes.length);
    free((char *)(uintptr_t)bytes.data);
    const struct archive_verify_options options = {.archive = path, .threads = 1, .expected = &end};
    struct told told = {.listener = {fault}};
    struct archive_verify_report report;
    struct error error;
    assert_int_equal(archive_verify_run(&options, NULL, &told.listener, &report, &error), 0);
    assert_int_equal(report.damaged, 1);
    assert_int_equal(report.expectation, EXPECTATION_OPEN);
}

#define CHAIN "0123456789abcdef"
#define SEAL  "000102030405060708090a0b0c0d0e0ff0e0d0c0b0a090807060504030201000"

static void notes_as_text(void **state) {
    (void)state;
    static const char *const good[] = {"1:" CHAIN, "18446744073709551615:" CHAIN,
                                       "42:" CHAIN ":" SEAL};
    static const char *const bad[][2] = {
        {"", "position"},
        {":" CHAIN, "position"},
        {"0:" CHAIN, "position"},
        {"-1:" CHAIN, "position"},
        {"1x:" CHAIN, "position"},
        {"18446744073709551616:" CHAIN, "position"},
        {CHAIN ":1", "position"},
        {"1", "chain of 16"},
        {"1:", "chain of 16"},
        {"1:0123456789abcde", "chain of 16"},
        {"1:" CHAIN "0", "chain of 16"},
        {"1:0123456789abcdeg", "chain of 16"},
        {"1:" CHAIN ":", "seal of 64"},
        {"1:" CHAIN ":" CHAIN, "seal of 64"},
        {"1:" CHAIN ":" SEAL "0", "seal of 64"},
        {"1:" CHAIN ":g" SEAL, "seal of 64"},
        {"1:" CHAIN ":" SEAL ":", "seal of 64"},
        {"1:" CHAIN " received", "chain of 16"},
    };
    struct archive_note note;
    struct error error;
    char text[ARCHIVE_NOTE_SIZE];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (archive_note_parse(text_of(good[i]), &note, &error) < 0)
            fail_msg("%s", error.text);
        assert_string_equal(archive_note_format(&note, text), good[i]);
    }
    assert_int_equal(note.place.position, 42);
    assert_int_equal(note.place.chain, UINT64_C(0x0123456789abcdef));
    assert_int_equal(note.seal[1], 1);
    assert_int_equal(note.seal[16], 0xf0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(archive_note_parse(text_of(bad[i][0]), &note, &error), -ERROR_INVALID);
        if (!strstr(error.text, bad[i][1]) || !strstr(error.text, "POSITION:CHAIN:SEAL"))
            fail_msg("%s: %s", bad[i][0], error.text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_whole_archive),
        TEST(beside_its_writer),
        TEST(every_wrong_byte),
        TEST(every_wrong_byte_of_sealed_ones),
        TEST(seals_are_verified),
        TEST(each_damaged_segment_is_told),
        TEST(a_missing_segment),
        TEST(a_day_without_records),
        TEST(no_archive),
        TEST(a_note_holds_while_the_archive_grows),
        TEST(a_note_of_unsynced_records),
        TEST(a_note_finds_forgery),
        TEST(a_note_finds_what_is_cut_off),
        TEST(a_note_of_restored_segments),
        TEST(a_note_before_a_day_without_records),
        TEST(a_damaged_archive_is_not_compared),
        cmocka_unit_test(notes_as_text),
    };
    return cmocka_run_group_tests_name("archive_verify", tests, NULL, NULL);
}
