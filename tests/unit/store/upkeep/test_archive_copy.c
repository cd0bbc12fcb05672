/* Copies of segments up to a place: each is an archive that ends there, byte for byte the same
 * records, whatever they were cut from. */
#include "core/base/hash.h"
#include "core/store/upkeep/archive_copy.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/archive_seal.h"
#include "tests/unit/store/archive_bench.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDS 40
#define SMALL   1000 /* bytes of a segment: some twenty records */

struct bench {
    char *folder, *copy; /* of archives */
    struct archive_place places[RECORDS + 1];
    int64_t times_us[RECORDS + 1];
};

/* Records 1 to 40, two at each time, in several segments; at last one that is not synced. */
static struct bench bench_make(bool seals) {
    struct bench bench = {.folder = scratch_make(), .copy = scratch_make()};
    struct archive *archive = bench_open(bench.folder, SMALL, NULL);
    struct archive_seal_report report;
    struct error error;
    for (unsigned i = 1; i <= RECORDS; i++) {
        bench.times_us[i] = START_US + (i / 2) * 1000;
        bench_append(archive, i, bench.times_us[i]);
        bench.places[i] = archive_end(archive);
        bench_write(archive);
        if (i % 7 == 0)
            bench_sync(archive);
    }
    bench_sync(archive);
    bench_append(archive, RECORDS + 1, START_US + DAY_US / 2);
    bench_write(archive);
    archive_close(archive);
    if (seals)
        assert_int_equal(archive_seal(bench.folder, UINT64_MAX, NULL, &report, &error), 0);
    return bench;
}

static void bench_free(struct bench *bench) {
    scratch_remove(bench->folder);
    scratch_remove(bench->copy);
}

static struct archive_part part_of(const struct bench *bench, uint64_t position) {
    struct archive_parts *parts;
    struct error error;
    assert_int_equal(archive_parts_open(bench->folder, &parts, &error), 0);
    struct archive_part part = archive_parts_part(parts, archive_parts_find(parts, position - 1));
    archive_parts_close(parts);
    part.file = NULL;
    return part;
}

static int copy_part(const struct bench *bench, struct archive_part part,
                     struct archive_copy_limit limit, const char *to,
                     struct archive_copy_end *ret_end, struct error *ret_error) {
    struct archive_copy_source *source;
    assert_int_equal(archive_copy_open(bench->folder, part.day, part.first, &source, ret_error), 0);
    int descriptor = open(to, O_RDWR | O_CREAT | O_TRUNC, 0640);
    assert_true(descriptor >= 0);
    int r = archive_copy_until(source, limit, descriptor, "copy", ret_end, ret_error);
    close(descriptor);
    archive_copy_close(source);
    return r;
}

/* The segments before the part as they are, the part up to the limit. */
static int copy_archive(const struct bench *bench, struct archive_part part,
                        struct archive_copy_limit limit, struct archive_copy_end *ret_end) {
    char command[8192], day[64];
    struct error error;
    snprintf(command, sizeof command, "rm -rf %s/* && cp -R %s/2* %s && find %s -name '*.seg*'",
             bench->copy, bench->folder, bench->copy, bench->copy);
    FILE *names = popen(command, "r");
    char name[4096];
    assert_non_null(names);
    while (fgets(name, sizeof name, names)) {
        name[strcspn(name, "\n")] = '\0';
        if (strtoull(strrchr(name, '/') + 1, NULL, 10) >= part.first)
            assert_int_equal(unlink(name), 0);
    }
    pclose(names);
    snprintf(day, sizeof day, "2026-01-01/%020llu.seg", (unsigned long long)part.first);
    return copy_part(bench, part, limit, scratch_path(bench->copy, day), ret_end, &error);
}

static void assert_ends(const char *path, struct archive_place place) {
    struct archive_parts *parts;
    struct error error;
    struct archive_place read = bench_read_all(path);
    assert_int_equal(read.position, place.position);
    assert_true(read.chain == place.chain);
    assert_int_equal(archive_parts_open(path, &parts, &error), 0);
    assert_int_equal(archive_parts_end(parts).position, place.position); /* all of it is synced */
    archive_parts_close(parts);
}

static void test_positions(void **state) {
    (void)state;
    for (int seals = 0; seals < 2; seals++) {
        struct bench bench = bench_make(seals);
        for (uint64_t position = 1; position <= RECORDS; position++) {
            struct archive_part part = part_of(&bench, position);
            const struct archive_copy_limit limit = {position, INT64_MAX};
            struct archive_copy_end end;
            assert_int_equal(copy_archive(&bench, part, limit, &end), 0);
            assert_int_equal(end.place.position, position);
            assert_true(end.place.chain == bench.places[position].chain);
            assert_int_equal(end.time_us, bench.times_us[position]);
            assert_ends(bench.copy, bench.places[position]);
            /* It can go on from there. */
            struct archive *archive = bench_open(bench.copy, SMALL, NULL);
            assert_int_equal(archive_synced(archive), position);
            assert_int_equal(archive_time(archive), bench.times_us[position]);
            assert_int_equal(bench_append(archive, 99, START_US + DAY_US / 2), position + 1);
            bench_write(archive);
            archive_close(archive);
        }
        bench_free(&bench);
    }
}

/* The last record that was received by then, naively. */
static void test_times(void **state) {
    (void)state;
    struct bench bench = bench_make(true);
    for (int64_t time_us = START_US - 500; time_us < START_US + RECORDS * 600; time_us += 500) {
        uint64_t last = 0;
        while (last < RECORDS && bench.times_us[last + 1] <= time_us)
            last++;
        for (uint64_t of = 1; of <= RECORDS; of += 13) {
            struct archive_part part = part_of(&bench, of);
            const struct archive_copy_limit limit = {part.last, time_us};
            struct archive_copy_end end;
            struct error error;
            uint64_t expected = last < part.last ? last : part.last;
            int r = copy_part(&bench, part, limit, scratch_path(bench.copy, "x"), &end, &error);
            assert_int_equal(r, last < part.first);
            if (r == 0)
                assert_int_equal(end.place.position, expected);
        }
    }
    bench_free(&bench);
}

static void test_damage(void **state) {
    (void)state;
    struct bench bench = bench_make(false);
    const char *path = scratch_path(bench.folder, FIRST_SEGMENT);
    struct text bytes = scratch_read(path);
    struct archive_part part = part_of(&bench, 1);
    char *changed = malloc(bytes.length);
    for (size_t at = 70; at < bytes.length; at += 31) {
        const struct archive_copy_limit limit = {part.last, INT64_MAX};
        struct archive_copy_end end;
        struct error error;
        memcpy(changed, bytes.data, bytes.length);
        changed[at] ^= 4;
        scratch_write(path, changed, bytes.length);
        int r = copy_part(&bench, part, limit, scratch_path(bench.copy, "x"), &end, &error);
        /* A mark between the records is not copied: whether it is read is not said. */
        if (r < 0) {
            assert_int_equal(error.code, ERROR_DAMAGED);
            assert_non_null(strstr(error.text, FIRST_SEGMENT));
            assert_non_null(strstr(error.text, "byte "));
        } else {
            assert_true(end.place.chain == bench.places[part.last].chain);
        }
    }
    free(changed);
    free((char *)(uintptr_t)bytes.data);
    bench_free(&bench);
}

static void test_names(void **state) {
    (void)state;
    assert_int_equal(archive_name_of("2026-01-01"), ARCHIVE_NAME_DAY);
    assert_int_equal(archive_name_of("2026-02-30"), ARCHIVE_NAME_KEPT);
    static const char *const left[] = {"lock",   "spare",     "committed",    "cut",
                                       ".draft", "epoch.new", "epoch.new-123"};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        assert_int_equal(archive_name_of(left[i]), ARCHIVE_NAME_LEFT);
    static const char *const kept[] = {"begins", "epoch", "erasures", "x", ".new" + 1};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        assert_int_equal(archive_name_of(kept[i]), ARCHIVE_NAME_KEPT);
}

/* As an erasure writes it, but with this after the number, and this seed of the hash. */
static int read_epoch(const char *folder, const char *first, const char *names, uint64_t seed,
                      uint64_t *ret_number) {
    char text[512];
    struct error error;
    int length = snprintf(text, sizeof text, "%s\n%s", first, names);
    uint64_t hash = hash64(text, (size_t)length, seed);
    length += snprintf(text + length, sizeof text - (size_t)length, "hash %016" PRIx64 "\n", hash);
    scratch_write(scratch_path(folder, "epoch"), text, (size_t)length);
    int r = archive_copy_epoch(folder, ret_number, &error);
    assert_true(r == 0 || strstr(error.text, folder));
    return r;
}

static void test_epochs(void **state) {
    (void)state;
    char *folder = scratch_make();
    uint64_t number = 7;
    struct error error;
    const char *good = "harrier epoch 1\nnumber 3";
    assert_int_equal(archive_copy_epoch(folder, &number, &error), 0);
    assert_int_equal(number, 0);
    assert_int_equal(read_epoch(folder, good, "", 0, &number), 0);
    assert_int_equal(number, 3);
    assert_int_equal(
        read_epoch(folder, good, "2026-01-01/00000000000000000001.seg.zst\n", 0, &number),
        -ERROR_UNAVAILABLE);
    static const char *const bad[] = {"harrier epoch 2\nnumber 3", "harrier epoch 1\nnumber x",
                                      "harrier epoch 1\nnumber 3x", "harrier epoch 1", "number 3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(read_epoch(folder, bad[i], "", 0, &number), -ERROR_DAMAGED);
    assert_int_equal(read_epoch(folder, good, "", 1, &number), -ERROR_DAMAGED);
    scratch_write(scratch_path(folder, "epoch"), "", 0);
    assert_int_equal(archive_copy_epoch(folder, &number, &error), -ERROR_DAMAGED);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions), cmocka_unit_test(test_times),
        cmocka_unit_test(test_damage),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_epochs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
