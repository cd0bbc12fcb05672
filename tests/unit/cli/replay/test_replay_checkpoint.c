/* Where a replay is gone on with: the file has everything, and nothing else is taken for it. */
#include "clients/cli/replay/replay_checkpoint.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char identity[] = "the policy\0cards 1f\0--k\000100";

struct scene {
    char folder[64], path[96];
    struct replay_checkpoint checkpoint;
};

static void fill(struct replay_checkpoint *checkpoint) {
    replay_checkpoint_init(checkpoint);
    checkpoint->until = (struct archive_place){.position = 812345, .chain = UINT64_MAX - 1};
    checkpoint->report = (struct replay_report){.records = 70000,
                                                .transactions = 60000,
                                                .refused = 3,
                                                .against_refused = 4,
                                                .verdicts = {0, 1, 2, 3, 4},
                                                .archived_verdicts = {5, 6, 7, 8, 9},
                                                .against_verdicts = {10, 11, 12, 13, 14},
                                                .first_us = -5,
                                                .last_us = INT64_MAX,
                                                .scan_seconds = 1.5,
                                                .replay_seconds = 20.25};
    checkpoint->reported = 50000;
    checkpoint->different = 2;
    checkpoint->refused = 1;
    checkpoint->outside = 4;
    buffer_append(&checkpoint->identity, identity, sizeof identity);
    buffer_append_string(&checkpoint->remarks, "position 7  t7: refused\n");
    checkpoint->training_set =
        (struct training_mark){.draft = text_copy(text_of(".set.csv.12.part")),
                               .length = UINT64_C(5) << 33,
                               .hash = UINT64_C(0x123456789abcdef0)};
    buffer_append_string(&checkpoint->figures, "figures");
}

static int setup(void **state) {
    struct scene *scene = calloc(1, sizeof *scene);
    strcpy(scene->folder, "/tmp/harrier-checkpoint-XXXXXX");
    if (!mkdtemp(scene->folder))
        return -1;
    snprintf(scene->path, sizeof scene->path, "%s/go-on", scene->folder);
    fill(&scene->checkpoint);
    *state = scene;
    return 0;
}

static int teardown(void **state) {
    struct scene *scene = *state;
    replay_checkpoint_deinit(&scene->checkpoint);
    unlink(scene->path);
    int r = rmdir(scene->folder); /* fails when a draft was left behind */
    free(scene);
    return r;
}

static void expect_buffer(const struct buffer *expected, const struct buffer *found) {
    assert_int_equal(expected->length, found->length);
    assert_memory_equal(expected->bytes, found->bytes, expected->length);
}

static void expect_equal(const struct replay_checkpoint *expected,
                         const struct replay_checkpoint *found) {
    expect_buffer(&expected->identity, &found->identity);
    expect_buffer(&expected->remarks, &found->remarks);
    expect_buffer(&expected->figures, &found->figures);
    assert_memory_equal(&expected->until, &found->until, sizeof expected->until);
    assert_memory_equal(&expected->report, &found->report, sizeof expected->report);
    assert_int_equal(expected->reported, found->reported);
    assert_int_equal(expected->different, found->different);
    assert_int_equal(expected->refused, found->refused);
    assert_int_equal(expected->outside, found->outside);
    assert_string_equal(expected->training_set.draft, found->training_set.draft);
    assert_true(expected->training_set.length == found->training_set.length);
    assert_true(expected->training_set.hash == found->training_set.hash);
}

static int decode(const uint8_t *bytes, size_t length, struct error *ret_error) {
    struct replay_checkpoint found;
    replay_checkpoint_init(&found);
    int r = replay_checkpoint_decode((struct text){(const char *)bytes, length}, &found, ret_error);
    replay_checkpoint_deinit(&found);
    return r;
}

static void any_damage_is_refused(void **state) {
    struct scene *scene = *state;
    struct buffer bytes;
    struct error error;
    buffer_init(&bytes);
    replay_checkpoint_encode(&scene->checkpoint, &bytes);
    assert_int_equal(decode(bytes.bytes, bytes.length, &error), 0);
    for (size_t at = 0; at < bytes.length; at++) {
        uint8_t *copy = check_malloc(bytes.length);
        memcpy(copy, bytes.bytes, bytes.length);
        copy[at] ^= 0x10;
        assert_int_equal(decode(copy, bytes.length, &error), -ERROR_DAMAGED);
        free(copy);
        copy = check_malloc(at + 1);
        memcpy(copy, bytes.bytes, at);
        assert_int_equal(decode(copy, at, &error), -ERROR_DAMAGED);
        free(copy);
    }
    buffer_append_u8(&bytes, 0);
    assert_int_equal(decode(bytes.bytes, bytes.length, &error), -ERROR_DAMAGED);
    buffer_deinit(&bytes);
}

/* Whoever makes the hash fit does not lead the decoder astray. */
static void so_is_damage_below_the_hash(void **state) {
    struct scene *scene = *state;
    struct buffer bytes;
    struct error error;
    buffer_init(&bytes);
    replay_checkpoint_encode(&scene->checkpoint, &bytes);
    size_t body = bytes.length - 8, refused = 0;
    for (size_t at = 12; at < body; at++) {
        uint8_t *copy = check_malloc(bytes.length);
        memcpy(copy, bytes.bytes, bytes.length);
        copy[at] ^= 0xff;
        store_u64(copy + body, hash64(copy, body, 0));
        refused += decode(copy, bytes.length, &error) < 0;
        free(copy);
    }
    assert_true(refused > 20);
    /* A NUL in the name of the draft: the file would be another one than the checkpoint has. */
    uint8_t *draft = memmem(bytes.bytes, bytes.length, scene->checkpoint.training_set.draft,
                            strlen(scene->checkpoint.training_set.draft));
    assert_non_null(draft);
    *draft = 0;
    store_u64(bytes.bytes + body, hash64(bytes.bytes, body, 0));
    assert_int_equal(decode(bytes.bytes, bytes.length, &error), -ERROR_DAMAGED);
    buffer_deinit(&bytes);
}

static void another_version_cannot_go_on(void **state) {
    struct scene *scene = *state;
    struct buffer bytes;
    struct error error;
    buffer_init(&bytes);
    replay_checkpoint_encode(&scene->checkpoint, &bytes);
    size_t body = bytes.length - 8;
    bytes.bytes[13]++; /* behind magic, format and length */
    store_u64(bytes.bytes + body, hash64(bytes.bytes, body, 0));
    assert_int_equal(decode(bytes.bytes, bytes.length, &error), -ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "(this is " HARRIER_VERSION ")"));
    buffer_deinit(&bytes);
}

static void write_it(struct scene *scene) {
    struct draft_file draft;
    struct error error;
    assert_int_equal(draft_file_open(&draft, scene->path, &error), 0);
    assert_int_equal(replay_checkpoint_write(&scene->checkpoint, &draft, &error), 0);
}

static void it_comes_back_from_its_file(void **state) {
    struct scene *scene = *state;
    struct replay_checkpoint found, second;
    struct stat status;
    struct error error;
    FILE *held = NULL, *other = NULL;
    replay_checkpoint_init(&found);
    replay_checkpoint_init(&second);
    assert_int_equal(replay_checkpoint_read(scene->path, &found, &held, &error), 0);
    assert_null(held);
    write_it(scene);
    assert_int_equal(stat(scene->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(replay_checkpoint_read(scene->path, &found, &held, &error), 1);
    expect_equal(&scene->checkpoint, &found);
    /* One process at a time. */
    assert_int_equal(replay_checkpoint_read(scene->path, &second, &other, &error), -ERROR_EXISTS);
    fclose(held);
    replay_checkpoint_deinit(&found);
    replay_checkpoint_deinit(&second);
}

static void without_rows_there_is_no_training_set(void **state) {
    struct scene *scene = *state;
    struct replay_checkpoint found;
    struct error error;
    FILE *held;
    free(scene->checkpoint.training_set.draft);
    scene->checkpoint.training_set = (struct training_mark){0};
    buffer_clear(&scene->checkpoint.figures);
    write_it(scene);
    replay_checkpoint_init(&found);
    assert_int_equal(replay_checkpoint_read(scene->path, &found, &held, &error), 1);
    assert_null(found.training_set.draft);
    assert_int_equal(found.figures.length, 0);
    fclose(held);
    replay_checkpoint_deinit(&found);
}

/* A full disk, or as good as that. */
static void what_was_there_stays_when_writing_fails(void **state) {
    struct scene *scene = *state;
    struct rlimit before, little = {.rlim_cur = 64};
    struct draft_file draft;
    struct replay_checkpoint found;
    struct error error;
    FILE *held;
    write_it(scene);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    scene->checkpoint.reported = 7;
    assert_int_equal(draft_file_open(&draft, scene->path, &error), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    int r = replay_checkpoint_write(&scene->checkpoint, &draft, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(r, -ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "go-on"));
    replay_checkpoint_init(&found);
    assert_int_equal(replay_checkpoint_read(scene->path, &found, &held, &error), 1);
    assert_int_equal(found.reported, 50000);
    fclose(held);
    replay_checkpoint_deinit(&found);
}

static int check_identity(const struct scene *scene, const char *bytes, size_t length,
                          struct error *ret_error) {
    struct buffer other;
    buffer_init(&other);
    buffer_append(&other, bytes, length);
    int r = replay_checkpoint_check(&scene->checkpoint, &other, ret_error);
    buffer_deinit(&other);
    return r;
}

static void it_says_what_differs(void **state) {
    struct scene *scene = *state;
    static const char other[] = "the policy\0cards 1f\0--k\00050";
    static const char more[] = "the policy\0cards 1f\0--k\000100\0--card\0x";
    static const char less[] = "the policy\0cards 1f";
    struct error error;
    assert_int_equal(check_identity(scene, identity, sizeof identity, &error), 0);
    assert_int_equal(check_identity(scene, other, sizeof other, &error), -ERROR_INVALID);
    assert_string_equal(error.text, "it belongs to another replay: --k was 100 and is 50");
    assert_int_equal(check_identity(scene, more, sizeof more, &error), -ERROR_DAMAGED);
    assert_int_equal(check_identity(scene, less, sizeof less, &error), -ERROR_DAMAGED);
}

static void only_a_file_will_do(void **state) {
    struct scene *scene = *state;
    struct replay_checkpoint found;
    struct error error;
    FILE *held;
    replay_checkpoint_init(&found);
    assert_int_equal(replay_checkpoint_read(scene->folder, &found, &held, &error), -ERROR_INVALID);
    FILE *file = fopen(scene->path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(replay_checkpoint_read(scene->path, &found, &held, &error), -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, "not a file written by --resume"));
    replay_checkpoint_deinit(&found);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_damage_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(so_is_damage_below_the_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(another_version_cannot_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(it_comes_back_from_its_file, setup, teardown),
        cmocka_unit_test_setup_teardown(without_rows_there_is_no_training_set, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_there_stays_when_writing_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(it_says_what_differs, setup, teardown),
        cmocka_unit_test_setup_teardown(only_a_file_will_do, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
