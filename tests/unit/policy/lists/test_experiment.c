/* Who meets the challenger: against the same computed by tests/system/xxh3.py, and against what a
 * random sample must look like. */
#include "core/policy/lists/experiment.h"
#include "core/policy/lists/list_table.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <math.h>

#define ALL EXPERIMENT_SHARE_ALL

static struct experiment make(const char *name, const char *key, uint32_t share) {
    struct experiment experiment;
    assert_true(experiment_init(&experiment, text_of(name), text_of(key), share, 7));
    return experiment;
}

static enum arm arm_of(const struct experiment *experiment, const char *customer) {
    struct transaction transaction = {.fields = {[FIELD_CUSTOMER] = text_of(customer)}};
    return experiment_arm(experiment, &transaction);
}

/* The least share with which the customer meets the challenger. */
static uint32_t part_of(const char *name, const char *customer) {
    for (uint32_t share = 1; share <= ALL; share++) {
        struct experiment experiment = make(name, "customer", share);
        if (arm_of(&experiment, customer) == ARM_CHALLENGER)
            return share - 1;
    }
    fail_msg("%s never meets it", customer);
    return 0;
}

static void parts_of_another_implementation(void **state) {
    (void)state;
    static const struct {
        const char *customer;
        uint32_t spring, summer;
    } known[] = {
        {"c", 2663, 9540},
        {"c-1", 1858, 4923},
        {"customer-17", 9581, 2491},
        {"tok_9f3a61c2d4e5", 419, 7025},
        {"a-customer-with-a-name-that-is-longer-than-32", 5821, 8407},
        {"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
         "zzzzzzzzzzz",
         4618, 6582},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal(part_of("spring", known[i].customer), known[i].spring);
        assert_int_equal(part_of("summer", known[i].customer), known[i].summer);
    }
}

/* The share of n keys has a standard deviation of √(p (1 − p) / n); beyond five of them once in
 * more than a million. Of two experiments the arms are independent. */
static void shares_are_kept(void **state) {
    (void)state;
    static const uint32_t shares[] = {1, 10, 100, 500, 1000, 2500, 5000, 9000, 9999, 10000};
    const uint64_t keys = asked_steps(200000);
    uint64_t random = asked_seed(11), met[10] = {0}, both = 0;
    struct experiment spring[10], summer = make("summer", "customer", ALL / 2);
    for (size_t i = 0; i < 10; i++)
        spring[i] = make("spring", "customer", shares[i]);
    for (uint64_t n = 0; n < keys; n++) {
        char customer[32];
        enum arm before = ARM_CHAMPION;
        snprintf(customer, sizeof customer, "c-%" PRIx64, split_mix(&random));
        for (size_t i = 0; i < 10; i++) {
            enum arm arm = arm_of(&spring[i], customer);
            assert_true(arm >= before); /* a greater share moves nobody back */
            assert_int_equal(arm_of(&spring[i], customer), arm);
            met[i] += arm == ARM_CHALLENGER;
            before = arm;
        }
        both += arm_of(&spring[6], customer) == ARM_CHALLENGER &&
                arm_of(&summer, customer) == ARM_CHALLENGER;
    }
    for (size_t i = 0; i < 10; i++) {
        double p = (double)shares[i] / ALL, n = (double)keys;
        if (fabs((double)met[i] / n - p) > 5 * sqrt(p * (1 - p) / n))
            fail_msg("%" PRIu64 " of %" PRIu64 " keys at a share of %g", met[i], keys, p);
    }
    if (fabs((double)both / (double)keys - 0.25) > 5 * sqrt(0.25 * 0.75 / (double)keys))
        fail_msg("%" PRIu64 " of %" PRIu64 " keys in both halves", both, keys);
}

static void without_the_key(void **state) {
    (void)state;
    const struct attribute attributes[] = {
        {.name = TEXT_LITERAL("items"), .type = ATTRIBUTE_INTEGER, .integer = 3},
        {.name = TEXT_LITERAL("household"), .type = ATTRIBUTE_TEXT, .text = TEXT_LITERAL("h-1")}};
    struct transaction transaction = {.fields = {[FIELD_CARD] = TEXT_LITERAL("c")},
                                      .attributes = attributes,
                                      .attribute_count = 2};
    struct experiment customer = make("x", "customer", ALL),
                      household = make("x", "household", ALL);
    struct experiment items = make("x", "items", ALL), card = make("x", "card", ALL);
    assert_int_equal(experiment_arm(&customer, &transaction), ARM_NONE);
    assert_int_equal(experiment_arm(&items, &transaction), ARM_NONE);
    assert_int_equal(experiment_arm(&card, &transaction), ARM_CHALLENGER);
    assert_int_equal(experiment_arm(&household, &transaction), ARM_CHALLENGER);
    transaction.attribute_count = 1;
    assert_int_equal(experiment_arm(&household, &transaction), ARM_NONE);
}

static void names(void **state) {
    (void)state;
    struct experiment experiment;
    char longest[EXPERIMENT_NAME_MAX + 2];
    memset(longest, 'n', sizeof longest);
    struct text name = {.data = longest, .length = EXPERIMENT_NAME_MAX + 1};
    assert_false(experiment_init(&experiment, name, text_of("card"), 1, 1));
    name.length--;
    assert_true(experiment_init(&experiment, name, text_of("card"), 1, 1));
    assert_false(experiment_init(&experiment, text_of(""), text_of("card"), 1, 1));
    assert_false(experiment_init(&experiment, text_of("a b"), text_of("card"), 1, 1));
    assert_false(experiment_init(&experiment, text_of("a/b"), text_of("card"), 1, 1));
    assert_false(experiment_init(&experiment, text_of("a"), text_of(""), 1, 1));
    assert_true(experiment_init(&experiment, text_of("A.b-c_9"), text_of("card"), 1, 1));
}

/* ---- where it is kept ---- */

static void apply(struct list_table *table, uint64_t position, const char *name, uint32_t share,
                  bool ended) {
    list_table_apply(table, &(struct record){.type = RECORD_EXPERIMENT,
                                             .position = position,
                                             .receive_time_us = (int64_t)position * 10,
                                             .experiment = {.ended = ended,
                                                            .name = text_of(name),
                                                            .key = TEXT_LITERAL("customer"),
                                                            .share = share,
                                                            .snapshot_id = 0xabc}});
}

static int copy_part(void *user, const struct list_part *part) {
    struct error error;
    return list_table_restore(user, part, &error);
}

static void the_last_one_is_in_force(void **state) {
    (void)state;
    struct list_table *table = list_table_new(), *copy = list_table_new();
    assert_null(list_table_experiment(table));
    apply(table, 1, "spring", 500, false);
    apply(table, 2, "summer", 10000, false);
    const struct experiment expected = make("summer", "customer", 10000);
    const struct experiment *found = list_table_experiment(table);
    assert_string_equal(found->name, "summer");
    assert_string_equal(found->key, "customer");
    assert_int_equal(found->share, 10000);
    assert_int_equal(found->snapshot_id, 0xabc);
    assert_int_equal(found->position, 2);
    assert_int_equal(found->since_us, 20);
    assert_int_equal(found->seed, expected.seed);
    assert_false(experiment_equal(found, &expected)); /* another challenger */
    /* No list of a policy. */
    assert_null(list_table_at(table, 0));
    assert_null(list_table_find(table, EXPERIMENT_LIST));
    assert_int_equal(list_table_entries(table), 0);
    /* As tables keep it. */
    assert_int_equal(list_table_visit(table, copy_part, copy), 0);
    assert_true(experiment_equal(list_table_experiment(copy), found));
    assert_int_equal(list_table_hash(copy), list_table_hash(table));
    apply(table, 3, "summer", 0, true);
    assert_null(list_table_experiment(table));
    apply(table, 4, "autumn", 1, false);
    assert_string_equal(list_table_experiment(table)->name, "autumn");
    list_table_free(table);
    list_table_free(copy);
}

static void other_entries_are_refused(void **state) {
    (void)state;
    static const char *const entries[] = {"",
                                          "0000000000000abc",
                                          "0000000000000abc00500",
                                          "0000000000000abc00500customer",
                                          "0000000000000abc00500customer ",
                                          "0000000000000abc00500 spring",
                                          "0000000000000abc0050xcustomer spring",
                                          "x000000000000abc00500customer spring"};
    struct experiment experiment;
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        const struct list_addition addition = {.value = text_of(entries[i])};
        assert_false(experiment_read(&addition, &experiment));
    }
    const struct list_addition good = {.value =
                                           TEXT_LITERAL("0000000000000abc00500customer spring")};
    assert_true(experiment_read(&good, &experiment));
    assert_int_equal(experiment.share, 500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_another_implementation),
        cmocka_unit_test(shares_are_kept),
        cmocka_unit_test(without_the_key),
        cmocka_unit_test(names),
        cmocka_unit_test(the_last_one_is_in_force),
        cmocka_unit_test(other_entries_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
