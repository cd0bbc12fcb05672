/* A shelf against a plain array: states that come, grow, shrink and are read at random. */
#include "batch/base/scratch_file.h"
#include "batch/chunk/state_shelf.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "tests/split_mix.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define KEYS  3000
#define STEPS 40000

static char bytes[300000];

struct shelved {
    bool is_there;
    size_t length;
    char byte; /* all of its bytes */
};

static const struct state_shelf_files files = {.make_file = scratch_file};

static struct text key_of(char *text, size_t number) {
    snprintf(text, 64, "%s%zu", number % 7 ? "key" : "a key that is longer than the others ",
             number);
    return text_of(text);
}

/* Many keys have the same hash: they differ by the key alone. */
static uint64_t hash_of(struct text key, size_t number) {
    return number % 5 ? hash_text(key) : 42;
}

static size_t below(uint64_t *random, size_t bound) {
    return (size_t)(split_mix(random) % bound);
}

static size_t random_length(uint64_t *random) {
    switch (below(random, 20)) {
    case 0:
        return 0;
    case 1:
        return below(random, sizeof bytes);
    default:
        return below(random, 400);
    }
}

static void expect(const struct state_shelf *shelf, size_t number, const struct shelved *expected) {
    char text[64];
    struct text key = key_of(text, number), found;
    bool is_there = state_shelf_get(shelf, number % 3, key, hash_of(key, number), &found);
    assert_int_equal(is_there, expected->is_there);
    if (!is_there)
        return;
    assert_int_equal(found.length, expected->length);
    for (size_t i = 0; i < found.length; i++)
        if (found.data[i] != expected->byte)
            fail_msg("byte %zu of key %zu", i, number);
    /* The same key of another entity is another. */
    assert_false(state_shelf_get(shelf, number % 3 + 3, key, hash_of(key, number), &found));
}

static void as_an_array_does(void **state) {
    (void)state;
    uint64_t random = 1;
    struct state_shelf *shelf = state_shelf_new(&files);
    static struct shelved all[KEYS];
    size_t count = 0;
    struct error error;
    for (size_t step = 0; step < STEPS; step++) {
        size_t number = below(&random, 1 + below(&random, KEYS));
        struct shelved *one = &all[number];
        if (below(&random, 2)) {
            expect(shelf, number, one);
            continue;
        }
        char text[64];
        struct text key = key_of(text, number);
        count += !one->is_there;
        *one = (struct shelved){true, random_length(&random), (char)below(&random, 256)};
        memset(bytes, one->byte, one->length);
        assert_int_equal(state_shelf_put(shelf, number % 3, key, hash_of(key, number),
                                         (struct text){.data = bytes, .length = one->length},
                                         &error),
                         0);
    }
    assert_int_equal(state_shelf_count(shelf), count);
    for (size_t i = 0; i < KEYS; i++)
        expect(shelf, i, &all[i]);
    state_shelf_free(shelf);
}

/* However often states come and change their sizes, the files stay about as large. */
static void room_is_used_again(void **state) {
    (void)state;
    struct state_shelf *shelf = state_shelf_new(&files);
    struct error error;
    uint64_t first = 0;
    for (size_t round = 0; round < 50; round++) {
        for (size_t i = 0; i < 1000; i++) {
            char text[64];
            struct text key = key_of(text, i);
            size_t length = 2000 + (i + 37 * round) % 100 * 20;
            assert_int_equal(state_shelf_put(shelf, 0, key, hash_text(key),
                                             (struct text){.data = bytes, .length = length},
                                             &error),
                             0);
        }
        if (round == 0)
            first = state_shelf_bytes(shelf);
    }
    assert_true(first > 1000 * 2000 && state_shelf_bytes(shelf) < 2 * first);
    state_shelf_free(shelf);
}

/* What it had is there still, and there is room again for what is small. */
static void a_full_disk_changes_nothing(void **state) {
    (void)state;
    struct state_shelf *shelf = state_shelf_new(&files);
    struct error error = {0};
    struct rlimit limit;
    size_t count = 0;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit small = {.rlim_cur = 3u << 20, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int r = 0;
    while (r == 0) {
        char text[64];
        struct text key = key_of(text, count);
        memset(bytes, (char)count, 5000);
        r = state_shelf_put(shelf, count % 3, key, hash_of(key, count),
                            (struct text){.data = bytes, .length = 5000}, &error);
        count += r == 0;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(r, -ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "cannot write a temporary file for states: "));
    assert_true(count > 300 && count < 700);
    for (size_t i = 0; i <= count; i++)
        expect(shelf, i, &(struct shelved){i < count, 5000, (char)i});
    state_shelf_free(shelf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_an_array_does),
        cmocka_unit_test(room_is_used_again),
        cmocka_unit_test(a_full_disk_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
