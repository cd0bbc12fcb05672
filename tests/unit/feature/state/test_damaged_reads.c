/* Bytes that are no state any more are never taken for one: where they are read or become a state
 * in memory, the process ends, as it does for every state that was checked when it came in and has
 * become another since. Each in a process of its own. */
#include "core/feature/plan/finish.h"
#include "core/feature/state/state.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD_SIZE 27 /* state.c */
#define HOUR      INT64_C(3600000000)

static struct entity_plan entity_of(enum aggregate aggregate) {
    static struct column columns[] = {
        {TEXT_LITERAL("amount"), COLUMN_INTEGER, VALUE_INT, 0},
    };
    static struct feature features[1];
    features[0] = (struct feature){.name = TEXT_LITERAL("f"),
                                   .aggregate = aggregate,
                                   .filter = -1,
                                   .part = -1,
                                   .window_us = HOUR};
    struct entity_plan entity = {.name = TEXT_LITERAL("card"),
                                 .key = TEXT_LITERAL("card"),
                                 .columns = columns,
                                 .column_count = 1,
                                 .features = features,
                                 .feature_count = 1};
    struct plan plan = {.entities = &entity, .entity_count = 1};
    struct error error;
    assert_int_equal(plan_finish(&plan, &error), 0);
    plan_omit_ids(&entity);
    return entity;
}

/* Three entries without ids, at 0, 5 and 12 us, and whatever the run says of them. */
static size_t make_state(const uint8_t *run, size_t size, uint8_t ret_bytes[64]) {
    memset(ret_bytes, 0, 64);
    ret_bytes[0] = 3;   /* the version */
    ret_bytes[1] = 4;   /* no ids */
    ret_bytes[3] = 3;   /* entries */
    ret_bytes[19] = 12; /* the newest */
    memcpy(ret_bytes + HEAD_SIZE, run, size);
    return HEAD_SIZE + size;
}

static int64_t read_at(const struct entity_plan *entity, const uint8_t *bytes, size_t length,
                       int64_t at_us) {
    struct state_scratch *scratch = state_scratch_new();
    struct value value;
    state_read(bytes, length, entity, 0, at_us, NULL, scratch, &value);
    state_scratch_free(scratch);
    return value.integer;
}

enum way { READ, ASSIGN, MERGE, WAYS };

static void take(enum way way, const struct entity_plan *entity, const uint8_t *bytes,
                 size_t length, int64_t at_us) {
    struct state state;
    state_init(&state);
    if (way == READ)
        read_at(entity, bytes, length, at_us);
    else if (way == ASSIGN)
        state_assign(&state, entity, bytes, length);
    else
        state_merge(&state, entity, 0, bytes, length);
    state_deinit(&state);
}

static bool ends_a_process(enum way way, const struct entity_plan *entity, const uint8_t *bytes,
                           size_t length, int64_t at_us) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        signal(SIGABRT, SIG_DFL); /* cmocka has its own */
        take(way, entity, bytes, length, at_us);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static bool ends_the_process(const struct entity_plan *entity, const uint8_t *bytes, size_t length,
                             int64_t at_us) {
    bool all = true;
    for (int way = 0; way < WAYS; way++)
        all &= ends_a_process((enum way)way, entity, bytes, length, at_us);
    return all;
}

static void assert_taken(const struct entity_plan *entity, const uint8_t *bytes, size_t length,
                         int64_t at_us) {
    for (int way = 0; way < WAYS; way++)
        assert_false(ends_a_process((enum way)way, entity, bytes, length, at_us));
}

/* Amounts of 5, 10 and 15, in zigzag. */
static const uint8_t sound[] = {0, 0, 10, 0, 5, 0, 20, 0, 7, 0, 30, 0};

static void a_tally_has_one_spelling(void **state) {
    (void)state;
    static const uint8_t damaged[] = {0, 0, 10, 0x81, 0, 5, 0, 20, 0, 7, 0, 30, 0};
    struct entity_plan entity = entity_of(AGGREGATE_SUM);
    uint8_t bytes[64];
    size_t length = make_state(sound, sizeof sound, bytes);
    assert_int_equal(read_at(&entity, bytes, length, 1000), 5 + 10 + 15);
    assert_taken(&entity, bytes, length, 1000);
    length = make_state(damaged, sizeof damaged, bytes);
    assert_true(ends_the_process(&entity, bytes, length, 1000));
}

static void a_time_does_not_end_behind_the_run(void **state) {
    (void)state;
    static const uint8_t damaged[] = {0, 0, 10, 0, 5, 0, 20, 0, 0x87};
    struct entity_plan entity = entity_of(AGGREGATE_MAX);
    uint8_t bytes[64];
    size_t length = make_state(sound, sizeof sound, bytes);
    assert_int_equal(read_at(&entity, bytes, length, 8), 10);
    assert_taken(&entity, bytes, length, 8);
    length = make_state(damaged, sizeof damaged, bytes);
    assert_true(ends_the_process(&entity, bytes, length, 8));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tally_has_one_spelling),
        cmocka_unit_test(a_time_does_not_end_behind_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
