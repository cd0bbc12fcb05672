/* How far an archive is committed on its cluster's log: the file that says so, and that parts and
 * seals end there. */
#include "core/base/hash.h"
#include "core/store/archive/archive_committed.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/archive_seal.h"
#include "tests/unit/store/archive_bench.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY 64 /* bytes of one of the two */

static int set_up(void **state) {
    *state = scratch_make();
    return 0;
}

static int tear_down(void **state) {
    scratch_remove(*state);
    return 0;
}

static struct archive_committed committed_at(uint64_t number) {
    return (struct archive_committed){
        .place = {.position = number * 1000 + 1, .chain = ~number * UINT64_C(0x9e3779b97f4a7c15)},
        .offset = (int64_t)number * 7 - 1};
}

static void assert_same(const struct archive_committed *a, const struct archive_committed *b) {
    assert_int_equal(a->place.position, b->place.position);
    assert_int_equal(a->place.chain, b->place.chain);
    assert_true(a->offset == b->offset);
}

static int read_it(const char *folder, struct archive_committed *ret_committed) {
    struct error error;
    int directory = open(folder, O_RDONLY | O_DIRECTORY);
    assert_true(directory >= 0);
    int r = archive_committed_read(directory, ret_committed, &error);
    close(directory);
    if (r < 0)
        assert_non_null(strstr(error.text, "committed"));
    return r;
}

static void expect(const char *folder, uint64_t number) {
    struct archive_committed expected = committed_at(number), there;
    assert_int_equal(read_it(folder, &there), 0);
    assert_same(&there, &expected);
}

static struct archive_committed_file *open_it(const char *folder, uint64_t first) {
    struct archive_committed committed = committed_at(first);
    struct archive_committed_file *file;
    struct error error;
    if (archive_committed_open(folder, &committed, &file, &error) < 0)
        fail_msg("%s", error.text);
    return file;
}

static void write_it(struct archive_committed_file *file, uint64_t number) {
    struct archive_committed committed = committed_at(number);
    struct error error;
    if (archive_committed_write(file, &committed, &error) < 0)
        fail_msg("%s", error.text);
}

/* ---- the file ---- */

static void it_comes_back(void **state) {
    const char *folder = *state;
    struct archive_committed there;
    assert_int_equal(read_it(folder, &there), 1);
    struct archive_committed_file *file = open_it(folder, 0);
    expect(folder, 0);
    for (uint64_t i = 1; i < 100; i++) {
        write_it(file, i);
        expect(folder, i);
        if (i % 10)
            continue;
        archive_committed_close(file);
        file = open_it(folder, 77); /* it is there: this is not written */
        expect(folder, i);
    }
    archive_committed_close(file);
    archive_committed_close(NULL);
    struct stat status;
    assert_int_equal(stat(scratch_path(folder, "committed"), &status), 0);
    assert_int_equal(status.st_size, 2 * COPY);
}

static uint64_t number_at(struct text bytes, size_t offset) {
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value |= (uint64_t)(uint8_t)bytes.data[offset + i] << 8 * i;
    return value;
}

/* By the bytes: a number that grows, position, chain, offset, zeros, hash. */
static void two_copies_take_turns(void **state) {
    const char *folder = *state;
    struct archive_committed_file *file = open_it(folder, 0);
    uint64_t last[2] = {0};
    for (uint64_t i = 1; i < 20; i++) {
        write_it(file, i);
        struct text bytes = scratch_read(scratch_path(folder, "committed"));
        assert_int_equal(bytes.length, 2 * COPY);
        uint64_t numbers[] = {number_at(bytes, 0), number_at(bytes, COPY)};
        size_t newer = numbers[1] > numbers[0];
        assert_int_equal(numbers[newer], numbers[!newer] + 1);
        assert_int_equal(numbers[!newer], last[!newer] ? last[!newer] : numbers[!newer]);
        for (uint64_t copy = 0; copy < 2; copy++) {
            size_t at = (copy ? newer : !newer) * COPY;
            struct archive_committed expected = committed_at(i - 1 + copy);
            assert_int_equal(number_at(bytes, at + 8), expected.place.position);
            assert_int_equal(number_at(bytes, at + 16), expected.place.chain);
            assert_int_equal(number_at(bytes, at + 24), (uint64_t)expected.offset);
            for (size_t j = 32; j < COPY - 8; j++)
                assert_int_equal(bytes.data[at + j], 0);
            assert_int_equal(number_at(bytes, at + COPY - 8), hash64(bytes.data + at, COPY - 8, 0));
        }
        memcpy(last, numbers, sizeof last);
        free((char *)(uintptr_t)bytes.data);
    }
    archive_committed_close(file);
}

/* Any byte of the newer copy: the older one counts, and the next write replaces what is torn. */
static void of_a_torn_copy_the_other_counts(void **state) {
    const char *folder = *state;
    const char *path = scratch_path(folder, "committed");
    struct archive_committed_file *file = open_it(folder, 0);
    write_it(file, 1); /* the second copy: at 0 */
    archive_committed_close(file);
    struct text whole = scratch_read(path);
    for (size_t torn = 0; torn < COPY; torn++) {
        char bytes[2 * COPY];
        struct archive_committed there;
        memcpy(bytes, whole.data, sizeof bytes);
        bytes[torn] ^= 0x10;
        scratch_write(path, bytes, sizeof bytes);
        expect(folder, 0);
        file = open_it(folder, 5);
        expect(folder, 0);
        write_it(file, 2);
        expect(folder, 2);
        archive_committed_close(file);
        scratch_write(path, bytes, sizeof bytes);
        bytes[COPY + torn] ^= 0x10;
        scratch_write(path, bytes, sizeof bytes);
        assert_int_equal(read_it(folder, &there), -ERROR_DAMAGED);
        struct archive_committed first = committed_at(9);
        struct error error;
        assert_int_equal(archive_committed_open(folder, &first, &file, &error), -ERROR_DAMAGED);
        assert_non_null(strstr(error.text, "committed"));
        bytes[torn] ^= 0x10; /* the older one alone is torn */
        scratch_write(path, bytes, sizeof bytes);
        expect(folder, 1);
    }
    free((char *)(uintptr_t)whole.data);
}

/* What a crash leaves of the first write of each copy. */
static void a_file_cut_short_has_what_is_whole(void **state) {
    const char *folder = *state;
    const char *path = scratch_path(folder, "committed");
    struct archive_committed there;
    struct error error;
    struct archive_committed_file *file = open_it(folder, 0);
    struct text first = scratch_read(path);
    write_it(file, 1);
    archive_committed_close(file);
    struct text both = scratch_read(path);
    for (size_t length = 0; length < both.length; length++) {
        scratch_write(path, both.data, length);
        if (length >= COPY)
            expect(folder, 1);
        else
            assert_int_equal(read_it(folder, &there), length == 0 ? 1 : -ERROR_DAMAGED);
        scratch_write(path, first.data, length);
        assert_int_equal(read_it(folder, &there), length == 0 ? 1 : -ERROR_DAMAGED);
        struct archive_committed start = committed_at(3);
        int r = archive_committed_open(folder, &start, &file, &error);
        assert_int_equal(r, length == 0 ? 0 : -ERROR_DAMAGED);
        if (r == 0) { /* made, and nothing written: that is made good */
            expect(folder, 3);
            archive_committed_close(file);
        }
    }
    free((char *)(uintptr_t)first.data);
    free((char *)(uintptr_t)both.data);
}

/* ---- where parts and seals end ---- */

#define RECORDS     24
#define PER_SEGMENT 7 /* of records, with segments of 400 bytes */

struct written {
    const char *folder;
    struct archive_place places[RECORDS + 2];
    struct archive_committed_file *file;
};

static void fill(struct written *written, const char *folder) {
    struct archive *archive = bench_open(folder, 400, NULL);
    *written = (struct written){.folder = folder};
    for (unsigned i = 1; i <= RECORDS; i++) {
        bench_append(archive, i, START_US + i);
        written->places[i] = archive_end(archive);
    }
    written->places[RECORDS + 1] = (struct archive_place){.position = RECORDS + 1, .chain = 5};
    archive_close(archive);
}

static void commit(struct written *written, uint64_t position) {
    const struct archive_committed committed = {.place = written->places[position], .offset = 1};
    struct error error;
    if (!written->file)
        assert_int_equal(
            archive_committed_open(written->folder, &committed, &written->file, &error), 0);
    assert_int_equal(archive_committed_write(written->file, &committed, &error), 0);
}

/* Reads all parts, to the end of each, where it is verified. Returns the last record. */
static uint64_t read_parts(const struct archive_parts *parts, bool with_seals) {
    uint64_t position = 0;
    struct error error;
    for (size_t i = 0; i < archive_parts_count(parts); i++) {
        struct archive_part_reader *reader;
        struct archive_part_record record;
        int r = archive_part_open(parts, i, 0, false, &reader, &error);
        assert_int_equal(r, 0);
        if (with_seals)
            assert_int_equal(archive_part_hash(reader, &error), 0);
        assert_int_equal(archive_parts_part(parts, i).first, position + 1);
        while ((r = archive_part_next(reader, &record, &error)) == 1)
            assert_int_equal(record.position, ++position);
        if (r < 0)
            fail_msg("%s", error.text);
        assert_int_equal(archive_parts_part(parts, i).last, position);
        archive_part_close(reader);
    }
    return position;
}

static void expect_parts(const struct written *written, uint64_t position) {
    struct archive_parts *parts;
    struct error error;
    if (archive_parts_open(written->folder, &parts, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(archive_parts_end(parts).position, position);
    assert_int_equal(archive_parts_end(parts).chain, written->places[position].chain);
    assert_int_equal(archive_parts_count(parts), (position + PER_SEGMENT - 1) / PER_SEGMENT);
    for (int with_seals = 0; with_seals < 2; with_seals++)
        assert_int_equal(read_parts(parts, with_seals), position);
    for (uint64_t i = 0; i <= RECORDS; i++) {
        struct archive_place wrong = written->places[i];
        wrong.chain ^= 1;
        assert_int_equal(archive_parts_holds(parts, written->places[i], &error), i <= position);
        assert_int_equal(archive_parts_holds(parts, wrong, &error), 0);
    }
    archive_parts_close(parts);
}

static void parts_end_where_it_is_committed(void **state) {
    struct written written;
    fill(&written, *state);
    expect_parts(&written, RECORDS); /* in no cluster */
    for (uint64_t position = 0; position <= RECORDS; position++) {
        commit(&written, position);
        expect_parts(&written, position);
    }
    commit(&written, RECORDS + 1); /* more than this node has */
    expect_parts(&written, RECORDS);
    archive_committed_close(written.file);
}

static struct archive_seal_report seal(const char *folder) {
    struct archive_seal_report report;
    struct error error;
    if (archive_seal(folder, UINT64_MAX, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    return report;
}

static void only_what_is_committed_is_sealed(void **state) {
    struct written written;
    size_t sealed = 0;
    fill(&written, *state);
    for (uint64_t position = 0; position <= RECORDS; position++) {
        commit(&written, position);
        struct archive_seal_report report = seal(*state);
        assert_int_equal(report.before, sealed);
        sealed += report.sealed;
        assert_int_equal(sealed, position / PER_SEGMENT);
        assert_int_equal(report.position, sealed * PER_SEGMENT);
        expect_parts(&written, position);
    }
    assert_int_equal(bench_read_all(*state).chain, written.places[RECORDS].chain);
    archive_committed_close(written.file);
}

/* The file is never synced: a crash may bring back an older state than the one that the seals went
 * by. */
static void an_older_place_may_be_in_a_sealed_segment(void **state) {
    struct written written;
    fill(&written, *state);
    commit(&written, RECORDS);
    assert_int_equal(seal(*state).sealed, RECORDS / PER_SEGMENT);
    for (uint64_t position = 0; position <= RECORDS; position++) {
        commit(&written, position);
        expect_parts(&written, position);
    }
    archive_committed_close(written.file);
}

static void without_a_whole_copy_nothing_is_read_or_sealed(void **state) {
    struct written written;
    struct archive_parts *parts;
    struct archive_seal_report report;
    struct error error;
    fill(&written, *state);
    scratch_write(scratch_path(*state, "committed"), "torn", 4);
    assert_int_equal(archive_parts_open(*state, &parts, &error), -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, "committed"));
    assert_int_equal(archive_seal(*state, UINT64_MAX, NULL, &report, &error), -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, "committed"));
    assert_int_equal(report.sealed, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_comes_back),
        TEST(two_copies_take_turns),
        TEST(of_a_torn_copy_the_other_counts),
        TEST(a_file_cut_short_has_what_is_whole),
        TEST(parts_end_where_it_is_committed),
        TEST(only_what_is_committed_is_sealed),
        TEST(an_older_place_may_be_in_a_sealed_segment),
        TEST(without_a_whole_copy_nothing_is_read_or_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
