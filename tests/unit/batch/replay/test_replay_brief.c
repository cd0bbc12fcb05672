/* Brief replays: rows that are not told are those about which no rule has anything to say, and the
 * counts are what they are without. */
#include "batch/replay/replay.h"

#include "core/base/check.h"
#include "tests/unit/batch/replay_archive.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/stat.h>

#define POSITIONS 8192

/* Counts and sums alone, and a mean that is absent at first, so that rules are neither true nor
 * false; nothing but features in the rules. */
static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "  merchant: {key: merchant}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: sum_1d, aggregate: sum, of: amount, window: 1d}\n"
    "    - {name: mean_7d, aggregate: mean, of: amount, window: 7d, exclude_current: true}\n"
    "  merchant:\n"
    "    - {name: count_1d, aggregate: count, window: 1d}\n"
    "    - {name: sum_1d, aggregate: sum, of: amount, window: 1d}\n";
static const char policy_yaml[] = "policy: {name: sums, base_currency: EUR, lateness: 1h}\n"
                                  "groups:\n"
                                  "  sums: {about: Of sums, score: sum, at_most: 200}\n";
static const char rules_yaml[] =
    "rules:\n"
    "  - name: many\n"
    "    when: card.count_1h + merchant.count_1d > 250 || card.count_1h > 3\n"
    "    then: {verdict: review, score: 100}\n"
    "  - name: much\n"
    "    when: card.sum_1d - card.mean_7d * 3.0 > 2000.0 && !(card.count_1h == 1)\n"
    "    then: {score: 300}\n"
    "    group: sums\n"
    "  - name: hidden\n"
    "    when: merchant.sum_1d / 40.0 > 2500.0\n"
    "    then: {verdict: decline, score: 900}\n"
    "    mode: shadow\n";

struct told {
    bool is_reported;
    enum verdict verdict; /* VERDICT_NONE: refused */
    uint32_t score;
    size_t fired;
};

struct telling {
    struct told rows[POSITIONS];
    size_t count;
    struct replay_report report;
};

static int take(void *user, size_t worker, const struct replay_row *row, struct buffer *prepared,
                struct error *ret_error) {
    (void)user;
    (void)worker;
    (void)ret_error;
    assert_non_null(row->engine);
    buffer_append_u32(prepared, (uint32_t)row->fired_count);
    return 0;
}

static int tell(void *user, const struct replay_row *row, struct error *ret_error) {
    struct telling *telling = user;
    uint64_t position = row->record->position;
    (void)ret_error;
    check(position < POSITIONS && !telling->rows[position].is_reported);
    telling->count++;
    telling->rows[position] = (struct told){
        .is_reported = true,
        .verdict = row->decision ? row->decision->verdict : VERDICT_NONE,
        .score = row->decision ? row->decision->score : 0,
        .fired = load_u32((const uint8_t *)row->prepared.data),
    };
    return 0;
}

static struct telling *run(const struct replay_options *options) {
    struct telling *telling = check_calloc(1, sizeof *telling);
    const struct replay_listener listener = {.take = take, .row = tell, .user = telling};
    struct replay *replay;
    struct error error;
    if (replay_open(options, NULL, &replay, &error) < 0 ||
        replay_run(replay, &listener, NULL, &telling->report, &error) < 0)
        fail_msg("%s", error.text);
    replay_close(replay);
    telling->report.scan_seconds = telling->report.replay_seconds = 0;
    return telling;
}

/* Returns how many were left out. */
static size_t compare(const struct telling *whole, const struct telling *brief) {
    size_t left_out = 0;
    assert_memory_equal(&whole->report, &brief->report, sizeof whole->report);
    assert_int_equal(whole->count, whole->report.transactions);
    for (size_t i = 0; i < POSITIONS; i++) {
        const struct told *a = &whole->rows[i], *b = &brief->rows[i];
        if (a->is_reported && !b->is_reported) {
            assert_int_equal(a->verdict, VERDICT_APPROVE);
            assert_int_equal(a->score, 0);
            assert_int_equal(a->fired, 0);
            left_out++;
        } else {
            assert_memory_equal(a, b, sizeof *a);
        }
    }
    return left_out;
}

struct place {
    char *scratch;
    char archive[512];
};

static int setup(void **state) {
    struct place *place = check_calloc(1, sizeof *place);
    place->scratch = scratch_make();
    snprintf(place->archive, sizeof place->archive, "%s/archive", place->scratch);
    replay_archive_write(place->archive, &(struct replay_archive_kind){.transactions = 3000});
    *state = place;
    return 0;
}

static int teardown(void **state) {
    struct place *place = *state;
    scratch_remove(place->scratch);
    free(place);
    return 0;
}

static const char *write_policy(const struct place *place) {
    assert_int_equal(mkdir(scratch_path(place->scratch, "sums"), 0700), 0);
    assert_int_equal(mkdir(scratch_path(place->scratch, "sums/rules"), 0700), 0);
    scratch_write(scratch_path(place->scratch, "sums/policy.yaml"), policy_yaml,
                  sizeof policy_yaml - 1);
    scratch_write(scratch_path(place->scratch, "sums/features.yaml"), features_yaml,
                  sizeof features_yaml - 1);
    scratch_write(scratch_path(place->scratch, "sums/rules/all.yaml"), rules_yaml,
                  sizeof rules_yaml - 1);
    return scratch_path(place->scratch, "sums");
}

/* What is left out of a brief replay, in different manners. */
static size_t expect_the_same(struct replay_options options) {
    static const struct {
        size_t threads, chunk;
    } manners[] = {{1, 0}, {1, 1}, {2, 7}, {2, 200}, {3, 65}};
    size_t left_out = 0;
    struct telling *whole = run(&options);
    options.brief = true;
    for (size_t i = 0; i < sizeof manners / sizeof *manners; i++) {
        options.threads = manners[i].threads;
        options.chunk_records = manners[i].chunk;
        struct telling *brief = run(&options);
        size_t found = compare(whole, brief);
        if (i > 0)
            assert_int_equal(found, left_out);
        left_out = found;
        free(brief);
    }
    free(whole);
    return left_out;
}

static void nothing_is_left_out_that_a_rule_speaks_of(void **state) {
    const struct place *place = *state;
    struct replay_options options = {.archive = place->archive, .policy = write_policy(place)};
    size_t left_out = expect_the_same(options);
    assert_in_range(left_out, 300, 2700);
    options.policy = replay_archive_folder(place->scratch, REPLAY_STRICT);
    assert_in_range(expect_the_same(options), 300, 2900);
}

static void rules_that_look_at_other_things_are_told_of_all_rows(void **state) {
    const struct place *place = *state;
    struct replay_options options = {
        .archive = place->archive,
        .policy = replay_archive_folder(place->scratch, REPLAY_FIRST),
    };
    assert_int_equal(expect_the_same(options), 0);
    options.policy = write_policy(place);
    options.features = true; /* somebody wants to see them */
    assert_int_equal(expect_the_same(options), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_left_out_that_a_rule_speaks_of, setup, teardown),
        cmocka_unit_test_setup_teardown(rules_that_look_at_other_things_are_told_of_all_rows, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
