/* Manifests of a backup: they read back as they were written, and nothing else is taken for one. */
#include "batch/backup/backup_point.h"

#include "core/base/buffer.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_hex(uint64_t *random, char ret_hex[BACKUP_HEX_SIZE]) {
    for (int i = 0; i < 4; i++)
        snprintf(ret_hex + 16 * i, 17, "%016" PRIx64, split_mix(random));
}

static struct backup_file segment(uint64_t *random, uint64_t first, uint64_t last) {
    char path[128];
    struct backup_file file = {.bytes = split_mix(random) >> 20,
                               .mode = 0640,
                               .is_segment = true,
                               .day = 20454,
                               .first = first,
                               .last = last,
                               .chain = split_mix(random),
                               .time_before_us = first == 1 ? INT64_MIN : (int64_t)first * 1000};
    snprintf(path, sizeof path, "archive/2026-01-01/%020" PRIu64 ".seg", first);
    file.path = text_copy(text_of(path));
    put_hex(random, file.sha256);
    snprintf(file.source, sizeof file.source, "%" PRIx64 ":x", split_mix(random));
    if (split_mix(random) % 2)
        put_hex(random, file.seal);
    return file;
}

static struct backup_file other(uint64_t *random, const char *path) {
    struct backup_file file = {.path = text_copy(text_of(path)), .bytes = 7, .mode = 0600};
    put_hex(random, file.sha256);
    return file;
}

static struct backup_point make_point(uint64_t *random, size_t segments) {
    struct backup_point point = {.number = 12,
                                 .made_us = 1767225600000000,
                                 .version = "0.1.0",
                                 .time_us = 1767225500000000,
                                 .tables = text_copy(text_of("g-1")),
                                 .tables_place = {3, split_mix(random)}};
    uint64_t first = 1;
    for (size_t i = 0; i < segments; i++) {
        uint64_t last = first + split_mix(random) % 1000;
        backup_point_add(&point, segment(random, first, last));
        first = last + 1;
    }
    point.place = (struct archive_place){first - 1, point.files[segments - 1].chain};
    point.files[segments - 1].is_cut = true;
    backup_point_add(&point, other(random, "generations/g-1/tables.mdb"));
    backup_point_add(&point, other(random, "nights/2026-01-01/report \"of\" \xc3\xa4.json"));
    return point;
}

static void assert_same_file(const struct backup_file *a, const struct backup_file *b) {
    assert_string_equal(a->path, b->path);
    assert_string_equal(a->sha256, b->sha256);
    assert_string_equal(a->source, b->source);
    assert_string_equal(a->seal, b->seal);
    assert_true(a->bytes == b->bytes && a->mode == b->mode && a->is_segment == b->is_segment);
    assert_true(a->day == b->day && a->first == b->first && a->last == b->last);
    assert_true(a->chain == b->chain && a->time_before_us == b->time_before_us);
    assert_true(a->epoch == b->epoch && a->is_cut == b->is_cut);
}

static void test_round_trip(void **state) {
    (void)state;
    uint64_t random = asked_seed(1);
    for (size_t segments = 1; segments < 40; segments += 3) {
        struct backup_point point = make_point(&random, segments), read;
        struct buffer json;
        struct error error;
        buffer_init(&json);
        backup_point_format(&point, &json);
        if (backup_point_parse((const char *)json.bytes, json.length, &read, &error) < 0)
            fail_msg("%s", error.text);
        assert_true(read.number == 12 && read.made_us == point.made_us);
        assert_true(read.place.position == point.place.position &&
                    read.place.chain == point.place.chain && read.time_us == point.time_us);
        assert_string_equal(read.version, "0.1.0");
        assert_string_equal(read.tables, "g-1");
        assert_true(read.tables_place.chain == point.tables_place.chain);
        assert_int_equal(read.count, point.count);
        for (size_t i = 0; i < read.count; i++)
            assert_same_file(&read.files[i], &point.files[i]);
        assert_int_equal(backup_point_segments(&read), segments);
        assert_true(backup_point_bytes(&read) == backup_point_bytes(&point));
        backup_point_drop_tables(&read);
        assert_int_equal(read.count, point.count - 1);
        assert_null(read.tables);
        buffer_deinit(&json);
        backup_point_deinit(&read);
        backup_point_deinit(&point);
    }
}

/* Any byte, and any end. */
static void test_damage(void **state) {
    (void)state;
    uint64_t random = asked_seed(2);
    struct backup_point point = make_point(&random, 3), read;
    struct buffer json;
    struct error error;
    buffer_init(&json);
    backup_point_format(&point, &json);
    for (size_t at = 0; at < json.length; at++) {
        json.bytes[at] ^= 1;
        bool is_refused =
            backup_point_parse((const char *)json.bytes, json.length, &read, &error) < 0;
        if (!is_refused) { /* what is behind the checksum says nothing */
            assert_true(at >= json.length - 3);
            backup_point_deinit(&read);
        }
        json.bytes[at] ^= 1;
        assert_true(backup_point_parse((const char *)json.bytes, at, &read, &error) < 0);
    }
    buffer_deinit(&json);
    backup_point_deinit(&point);
}

/* With a checksum that is right: content that is not. */
static void refuse(struct backup_point *point, enum error_code code, const char *word) {
    struct backup_point read;
    struct buffer json;
    struct error error;
    buffer_init(&json);
    backup_point_format(point, &json);
    assert_int_equal(backup_point_parse((const char *)json.bytes, json.length, &read, &error),
                     -(int)code);
    assert_non_null(strstr(error.text, word));
    buffer_deinit(&json);
}

static void test_content(void **state) {
    (void)state;
    uint64_t random = asked_seed(3);
    struct backup_point point = make_point(&random, 3);
    point.files[1].first++;
    refuse(&point, ERROR_DAMAGED, "\"files\"");
    point.files[1].first--;
    point.place.position++;
    refuse(&point, ERROR_DAMAGED, "\"files\"");
    point.place.position--;
    point.place.chain++;
    refuse(&point, ERROR_DAMAGED, "\"files\"");
    point.place.chain--;
    static const char *const paths[] = {"/etc/passwd", "../x", "a/../b", "a//b", "", "a/.b", "a/"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char *good = point.files[3].path;
        point.files[3].path = text_copy(text_of(paths[i]));
        assert_false(backup_path_is_safe(paths[i]));
        refuse(&point, ERROR_DAMAGED, "\"path\"");
        free(point.files[3].path);
        point.files[3].path = good;
    }
    point.files[3].sha256[5] = 'G';
    refuse(&point, ERROR_DAMAGED, "\"sha256\"");
    backup_point_deinit(&point);
}

static void test_relation(void **state) {
    (void)state;
    uint64_t random = asked_seed(4), again = asked_seed(4);
    struct backup_point a = make_point(&random, 5), b = make_point(&again, 5);
    const char *segment_path = NULL;
    assert_int_equal(backup_point_relation(&a, &b, &segment_path), BACKUP_SAME);
    a.epoch = 1;
    assert_int_equal(backup_point_relation(&a, &b, &segment_path), BACKUP_OLDER);
    b.epoch = 2;
    assert_int_equal(backup_point_relation(&a, &b, &segment_path), BACKUP_REWRITTEN);
    a.epoch = b.epoch;
    /* Sealed in between: nothing to compare. */
    put_hex(&random, b.files[1].sha256);
    a.files[1].seal[0] = '\0';
    put_hex(&random, b.files[1].seal);
    assert_int_equal(backup_point_relation(&a, &b, &segment_path), BACKUP_SAME);
    put_hex(&random, a.files[1].seal);
    assert_int_equal(backup_point_relation(&a, &b, &segment_path), BACKUP_OTHER);
    assert_string_equal(segment_path, b.files[1].path);
    /* Plain in both: the bytes. */
    a.files[1].seal[0] = b.files[1].seal[0] = '\0';
    assert_int_equal(backup_point_relation(&a, &b, &segment_path), BACKUP_OTHER);
    b.files[1].is_cut = true;
    assert_int_equal(backup_point_relation(&a, &b, &segment_path), BACKUP_SAME);
    backup_point_deinit(&a);
    backup_point_deinit(&b);
}

/* What a crash leaves while the first backup makes its folders: a backup without points. */
static void test_no_folder_of_points(void **state) {
    (void)state;
    char path[] = "/tmp/harrier-backup-XXXXXX";
    assert_non_null(mkdtemp(path));
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct backup_points points = {.count = 7};
    struct error error = {0};
    assert_int_equal(backup_points_load(directory, &points, &error), 0);
    assert_int_equal(points.count, 0);
    backup_points_deinit(&points);
    close(directory);
    assert_int_equal(rmdir(path), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_relation),
        cmocka_unit_test(test_no_folder_of_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
