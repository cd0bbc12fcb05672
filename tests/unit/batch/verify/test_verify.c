/* An archive against generations that are its own, nearly its own, and another's. */
#include "batch/rebuild/rebuild.h"
#include "batch/verify/verify.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <unistd.h>

static int setup(void **state) {
    struct bench *benches = calloc(2, sizeof *benches);
    bench_init(&benches[0]);
    bench_init(&benches[1]);
    *state = benches;
    return 0;
}

static int teardown(void **state) {
    struct bench *benches = *state;
    bench_deinit(&benches[0]);
    bench_deinit(&benches[1]);
    free(benches);
    return 0;
}

/* An archive of `count` transactions on eleven cards, with outcomes; closed when done. */
static void fill(struct bench *bench, unsigned count, int64_t amount_minor) {
    bench_open(bench);
    for (unsigned i = 0; i < count; i++) {
        char id[16], card[16];
        snprintf(id, sizeof id, "t%u", i);
        snprintf(card, sizeof card, "c%u", i % 11);
        assert_int_equal(
            bench_score(bench, bench_transaction(id, i, card, amount_minor + i)).error.code, 0);
        if (i % 4 == 0)
            assert_true(bench_report(bench, id, LABEL_FRAUD).changed);
    }
    bench_close(bench);
}

static void rebuild(struct bench *bench) {
    const struct rebuild_options options = {.archive = bench->settings.archive,
                                            .generations = bench->settings.generations,
                                            .version = "test",
                                            .now_us = BENCH_START_US};
    struct rebuild_report report;
    struct error error;
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
}

struct told {
    struct verify_listener listener; /* first */
    size_t differences, entities;
    char text[512]; /* the last difference */
};

static void differs(struct verify_listener *self, const struct plan *plan,
                    const struct state_difference *difference) {
    struct told *told = (struct told *)self;
    struct buffer features;
    buffer_init(&features);
    state_difference_describe(difference, plan, true, &features);
    snprintf(told->text, sizeof told->text, "%.*s %.*s: %.*s",
             TEXT_ARGS(plan->entities[difference->entity].name), TEXT_ARGS(difference->key),
             (int)features.length, (const char *)features.bytes);
    buffer_deinit(&features);
    told->differences++;
}

static void entity(struct verify_listener *self, struct text name, uint64_t states,
                   uint64_t differences) {
    struct told *told = (struct told *)self;
    assert_int_equal(states, 11);
    assert_int_equal(differences, text_is(name, "card") ? told->differences : 0);
    told->entities++;
}

static int run(const struct bench *archive, const struct bench *generations, struct told *told,
               struct verify_report *ret_report, struct error *ret_error) {
    const struct verify_options options = {.archive = archive->settings.archive,
                                           .generations = generations->settings.generations};
    *told = (struct told){.listener = {differs, entity}};
    return verify_run(&options, NULL, &told->listener, ret_report, ret_error);
}

static void a_generation_of_the_archive_is_equal(void **state) {
    struct bench *bench = *state;
    struct told told;
    struct verify_report report;
    struct error error;
    fill(bench, 100, 100);
    rebuild(bench);
    assert_int_equal(run(bench, bench, &told, &report, &error), 0);
    assert_false(verify_found_difference(&report));
    assert_int_equal(report.records, 100 + 25 + 2); /* engine and snapshot */
    assert_int_equal(report.states.entities, 22);
    assert_int_equal(report.ids, 100);
    assert_int_equal(told.entities, 2);
}

static void a_wrong_one_is_told(void **state) {
    struct bench *bench = *state;
    struct told told;
    struct verify_report report;
    struct error error;
    fill(bench, 100, 100);
    rebuild(bench);
    bench_publish_with_a_hole(bench);
    assert_int_equal(run(bench, bench, &told, &report, &error), 0);
    assert_true(verify_found_difference(&report));
    assert_int_equal(report.states.differences, 1);
    assert_int_equal(told.differences, 1);
    /* t7, t18, … t95; of them t40 and t84 are fraud. */
    assert_non_null(strstr(told.text, "card c7: count_1h 9 against 0"));
    assert_non_null(strstr(told.text, "fraud_1d 2 against 0"));
}

static void count_sampled(struct verify_listener *self, struct text name, uint64_t states,
                          uint64_t differences) {
    (void)name;
    ((struct told *)self)->entities += states;
    assert_true(differences <= 1);
}

/* All samples together are everything: each state and id is in one of them, and so is a hole. */
static void samples_are_the_whole(void **state) {
    struct bench *bench = *state;
    struct verify_report report;
    struct error error;
    fill(bench, 100, 100);
    rebuild(bench);
    for (int with_hole = 0; with_hole < 2; with_hole++) {
        uint64_t states = 0, ids = 0, differences = 0;
        if (with_hole)
            bench_publish_with_a_hole(bench);
        for (uint64_t at = 0; at < 5; at++) {
            const struct verify_options options = {.archive = bench->settings.archive,
                                                   .generations = bench->settings.generations,
                                                   .sample_of = 5,
                                                   .sample_at = at};
            struct told told = {.listener = {differs, count_sampled}};
            assert_int_equal(verify_run(&options, NULL, &told.listener, &report, &error), 0);
            assert_false(report.states.is_tally_different || report.states.are_lists_different);
            assert_int_equal(report.different_ids, 0);
            assert_int_equal(told.entities, report.states.entities);
            assert_true(report.states.entities < 22 && report.ids < 100);
            states += report.states.entities;
            ids += report.ids;
            differences += report.states.differences;
        }
        assert_int_equal(states, 22);
        assert_int_equal(ids, 100);
        assert_int_equal(differences, with_hole);
    }
}

static void what_does_not_belong_together(void **state) {
    struct bench *bench = *state, *other = bench + 1;
    struct told told;
    struct verify_report report;
    struct error error;
    fill(bench, 100, 100);
    assert_int_equal(run(bench, bench, &told, &report, &error), -ERROR_NOT_FOUND);
    rebuild(bench);
    fill(other, 50, 200);
    assert_int_equal(run(other, bench, &told, &report, &error), -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "another archive"));
    rebuild(other);
    assert_int_equal(run(bench, other, &told, &report, &error), -ERROR_NOT_FOUND);
    char path[256];
    snprintf(path, sizeof path, "%s/current/tables.mdb", bench->settings.generations);
    assert_int_equal(truncate(path, 8192), 0);
    assert_int_equal(run(bench, bench, &told, &report, &error), -ERROR_DAMAGED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_generation_of_the_archive_is_equal),
        TEST(a_wrong_one_is_told),
        TEST(samples_are_the_whole),
        TEST(what_does_not_belong_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
