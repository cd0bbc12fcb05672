/* Records put in the order of their arrival come out in the order of their times, with all that was
 * in them, whether they fitted into memory or not. */
#include "batch/chunk/event_order.h"
#include "core/base/check.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 20000u
#define STEP  100u /* records between two floors */

static uint64_t random_state = 7;

static uint64_t random_below(uint64_t limit) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % limit;
}

/* user: counts them; NULL: it fails. */
static int make_file(void *user, struct error *ret_error) {
    char path[] = "/tmp/harrier-test-order-XXXXXX";
    if (!user)
        return error_set(ret_error, ERROR_SYSTEM, "there is no room for files");
    int file = mkstemp(path);
    if (file < 0)
        return error_set(ret_error, ERROR_SYSTEM, "no file");
    unlink(path);
    ++*(unsigned *)user;
    return file;
}

struct expected {
    int64_t time_us;
    uint64_t position;
};

static int compare(const void *left, const void *right) {
    const struct expected *a = left, *b = right;
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    return a->position < b->position ? -1 : a->position > b->position;
}

/* What a record of this position has in it: up to 300 bytes, some without any. */
static struct text payload_of(uint64_t position, char *at) {
    size_t length = position % 11 == 0 ? 0 : position * 7919 % 300;
    memset(at, (int)(position & 0xff), length);
    return (struct text){at, length};
}

struct scene {
    struct expected all[COUNT];
    int64_t floors[COUNT / STEP + 1]; /* the least time from record i × STEP on */
};

/* Times rise by about 10 a record, and some records come `late` late; also some before 1970. */
static struct scene *make_scene(int64_t late) {
    struct scene *scene = check_calloc(1, sizeof *scene);
    for (unsigned i = 0; i < COUNT; i++)
        scene->all[i] = (struct expected){
            .time_us = (int64_t)i * 10 - 5000 + (int64_t)random_below(30) -
                       (random_below(9) == 0 ? (int64_t)random_below((uint64_t)late) : 0),
            .position = 3 * i + 1};
    scene->floors[COUNT / STEP] = INT64_MAX;
    for (unsigned i = COUNT; i-- > 0;) {
        int64_t *floor = &scene->floors[i / STEP];
        if (i % STEP == STEP - 1)
            *floor = scene->floors[i / STEP + 1];
        *floor = scene->all[i].time_us < *floor ? scene->all[i].time_us : *floor;
    }
    return scene;
}

/* Takes what can be taken; returns how many have been taken by then. */
static unsigned take(struct event_order *order, const struct expected *expected, unsigned taken) {
    struct event_item item;
    struct error error;
    char bytes[300];
    int r;
    while ((r = event_order_next(order, &item, &error)) == 1) {
        assert_true(taken < COUNT);
        assert_true(item.time_us == expected[taken].time_us);
        assert_true(item.position == expected[taken].position);
        struct text payload = payload_of(item.position, bytes);
        assert_int_equal(item.payload.length, payload.length);
        assert_memory_equal(item.payload.data, payload.data, payload.length);
        taken++;
    }
    assert_int_equal(r, 0);
    return taken;
}

/* Returns how many bytes went to the file. */
static uint64_t run(int64_t late, size_t limit_bytes, unsigned files_expected) {
    struct scene *scene = make_scene(late);
    struct expected *sorted = check_calloc(COUNT, sizeof *sorted);
    unsigned files = 0, taken = 0;
    const struct event_order_options options = {
        .limit_bytes = limit_bytes, .make_file = make_file, .user = &files};
    struct event_order *order = event_order_new(&options);
    struct error error;
    char bytes[300];
    memcpy(sorted, scene->all, sizeof scene->all);
    qsort(sorted, COUNT, sizeof *sorted, compare);
    for (unsigned i = 0; i < COUNT; i++) {
        const struct event_item item = {.time_us = scene->all[i].time_us,
                                        .position = scene->all[i].position,
                                        .payload = payload_of(scene->all[i].position, bytes)};
        assert_int_equal(event_order_put(order, &item, &error), 0);
        if (i % STEP != STEP - 1)
            continue;
        event_order_floor(order, scene->floors[i / STEP + 1]);
        taken = take(order, sorted, taken);
        /* Nothing is kept back that could be told. */
        assert_true(taken == COUNT || sorted[taken].time_us >= scene->floors[i / STEP + 1]);
    }
    assert_int_equal(taken, COUNT);
    assert_int_equal(files, files_expected);
    uint64_t file_bytes = event_order_file_bytes(order);
    event_order_free(order);
    free(sorted);
    free(scene);
    return file_bytes;
}

static void almost_in_order(void **state) {
    (void)state;
    assert_true(run(500, 1u << 20, 0) == 0);
}

static void far_out_of_order(void **state) {
    (void)state;
    assert_true(run(INT64_C(10) * COUNT, 64u << 20, 0) == 0);
}

static void more_than_memory_holds(void **state) {
    (void)state;
    assert_true(run(INT64_C(10) * COUNT, 100000, 1) > 0);
    assert_true(run(INT64_C(10) * COUNT, 6000, 1) > 0); /* in a thousand runs */
}

static void no_room_for_a_file(void **state) {
    (void)state;
    const struct event_order_options options = {.limit_bytes = 1, .make_file = make_file};
    struct event_order *order = event_order_new(&options);
    struct error error;
    const struct event_item item = {.time_us = 1, .position = 1, .payload = TEXT_LITERAL("x")};
    assert_int_equal(event_order_put(order, &item, &error), -ERROR_SYSTEM);
    assert_string_equal(error.text, "there is no room for files");
    event_order_free(order);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(almost_in_order),
        cmocka_unit_test(far_out_of_order),
        cmocka_unit_test(more_than_memory_holds),
        cmocka_unit_test(no_room_for_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
