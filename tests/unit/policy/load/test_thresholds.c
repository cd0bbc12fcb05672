/* thresholds.yaml as it is loaded, and the tables that are looked up in. */
#include "core/base/check.h"
#include "core/policy/load/snapshot.h"
#include "tests/unit/policy/policy_text.h"
#include "tests/unit/unit.h"

#define DAY_US (INT64_C(86400) * 1000000)

static const char schema[] = "attributes:\n"
                             "  items: {type: int}\n"
                             "derived:\n"
                             "  domain: {value: emailDomain(email)}\n";
static const char features[] = "entities:\n"
                               "  card: {key: card}\n"
                               "features:\n"
                               "  card:\n"
                               "    - {name: count_1h, aggregate: count, window: 1h}\n"
                               "values:\n"
                               "  - {name: share, value: amount / 2.0}\n";
static const char rules[] = "rules:\n"
                            "  - name: live\n"
                            "    about: >\n"
                            "      Unusual for\n"
                            "      its shop\n"
                            "\n"
                            "    when: amount > thresholds.p995[domain][mcc]\n"
                            "    then: {score: 1}\n"
                            "  - name: shadow\n"
                            "    when: amount > thresholds.flat\n"
                            "    then: {score: 1}\n"
                            "    mode: shadow\n";
static const char thresholds[] =
    "guard: 0.25\n"
    "thresholds:\n"
    "  - {name: p995, quantile: 0.995, of: amount, by: [domain, mcc], over: 30d,\n"
    "     where: \"items > 1\", minimum: 7, fallback: 500, guard: 2}\n"
    "  - {name: flat, statistic: mad, of: card.count_1h, over: 1d, fallback: -1.5}\n"
    "budgets:\n"
    "  - {verdict: decline, precision: 0.8, over: 30d, minimum: 50}\n"
    "  - {verdict: review, at_most: 0.005, over: 1d}\n";

static struct snapshot *load_with(const char *thresholds_yaml, const char *rules_yaml,
                                  struct buffer *messages) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("policy.yaml"),
         .content = TEXT_LITERAL("policy: {name: test, base_currency: EUR}\n")},
        {.path = TEXT_LITERAL("schema.yaml"), .content = TEXT_LITERAL(schema)},
        {.path = TEXT_LITERAL("features.yaml"), .content = TEXT_LITERAL(features)},
        {.path = TEXT_LITERAL("thresholds.yaml"), .content = text_of(thresholds_yaml)},
        {.path = TEXT_LITERAL("rules/test.yaml"), .content = text_of(rules_yaml)},
    };
    struct snapshot *snapshot = NULL;
    struct error error;
    if (snapshot_load(files, 5, &snapshot, messages, &error) < 0)
        fail_msg("%.*s", (int)messages->length, (const char *)messages->bytes);
    return snapshot;
}

static struct snapshot *load(const char *thresholds_yaml) {
    struct buffer messages;
    buffer_init(&messages);
    struct snapshot *snapshot = load_with(thresholds_yaml, rules, &messages);
    buffer_deinit(&messages);
    return snapshot;
}

static void a_declaration_is_read(void **state) {
    (void)state;
    struct snapshot *snapshot = load(thresholds);
    assert_int_equal(snapshot->threshold_count, 2);
    const struct threshold *p995 = &snapshot->thresholds[0], *flat = &snapshot->thresholds[1];
    assert_true(text_is(p995->name, "p995"));
    assert_int_equal(p995->statistic, THRESHOLD_QUANTILE);
    assert_int_equal(p995->quantile_e6, 995000);
    assert_int_equal(p995->key_count, 2);
    assert_true(text_is(snapshot->schema.fields[p995->key_slots[0]].name, "domain"));
    assert_true(text_is(snapshot->schema.fields[p995->key_slots[1]].name, "mcc"));
    assert_int_equal(p995->over_us, 30 * DAY_US);
    assert_int_equal(p995->minimum, 7);
    assert_true(p995->fallback == 500.0);
    assert_int_equal(p995->guard_e6, 2000000);
    assert_non_null(p995->where);
    assert_true(p995->reads_fields_only);
    assert_true(p995->is_scored);
    assert_int_equal(flat->statistic, THRESHOLD_MAD);
    assert_int_equal(flat->quantile_e6, 500000);
    assert_int_equal(flat->key_count, 0);
    assert_int_equal(flat->minimum, 100);
    assert_true(flat->fallback == -1.5);
    assert_int_equal(flat->guard_e6, 250000);
    assert_null(flat->where);
    assert_false(flat->reads_fields_only);
    assert_false(flat->is_scored); /* a shadow rule's */
    assert_int_equal(flat->slot, snapshot->first_threshold + 1);
    assert_int_equal(snapshot->slot_count, snapshot->first_threshold + 2);
    assert_true(text_is(snapshot->slot_names[flat->slot], "thresholds.flat"));
    snapshot_unref(snapshot);
}

static void budgets_are_read(void **state) {
    (void)state;
    struct snapshot *snapshot = load(thresholds);
    assert_int_equal(snapshot->budget_count, 2);
    const struct cutoff_budget *decline = &snapshot->budgets[0], *review = &snapshot->budgets[1];
    assert_int_equal(decline->verdict, VERDICT_DECLINE);
    assert_int_equal(decline->kind, BUDGET_PRECISION);
    assert_int_equal(decline->share_e6, 800000);
    assert_int_equal(decline->over_us, 30 * DAY_US);
    assert_int_equal(decline->minimum, 50);
    assert_int_equal(review->verdict, VERDICT_REVIEW);
    assert_int_equal(review->kind, BUDGET_AT_MOST);
    assert_int_equal(review->share_e6, 5000);
    assert_true(review->definition != decline->definition);
    snapshot_unref(snapshot);
}

/* The definition of the first threshold when `from` is replaced by `to` in the file. */
static uint64_t definition_with(const char *from, const char *to) {
    const char *at = strstr(thresholds, from);
    assert_non_null(at);
    char *changed = calloc(1, sizeof thresholds + 100);
    snprintf(changed, sizeof thresholds + 100, "%.*s%s%s", (int)(at - thresholds), thresholds, to,
             at + strlen(from));
    struct snapshot *snapshot = load(changed);
    uint64_t definition = snapshot->thresholds[0].definition;
    snapshot_unref(snapshot);
    free(changed);
    return definition;
}

static void a_definition_is_what_values_are_computed_from(void **state) {
    (void)state;
    uint64_t same = definition_with("0.25", "0.25");
    static const char *const harmless[][2] = {
        {"minimum: 7", "minimum: 8"}, {"fallback: 500", "fallback: 501"},
        {"guard: 2}", "guard: 3}"},   {"\"items > 1\"", "\"(items   >  1)\""},
        {"0.995", "0.99500"},         {"over: 30d", "over: 720h"},
    };
    static const char *const other[][2] = {
        {"0.995", "0.99"},
        {"of: amount", "of: 1.0 + amount"},
        {"[domain, mcc]", "[mcc, domain]"},
        {"over: 30d", "over: 31d"},
        {"items > 1", "items > 2"},
    };
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        assert_int_equal(definition_with(harmless[i][0], harmless[i][1]), same);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        assert_int_not_equal(definition_with(other[i][0], other[i][1]), same);
}

static void an_unused_threshold_is_told(void **state) {
    (void)state;
    struct buffer messages;
    buffer_init(&messages);
    struct snapshot *snapshot = load_with(thresholds,
                                          "rules:\n"
                                          "  - {name: r, when: \"amount > 1.0\", then: {score: 1}, "
                                          "reason: \"{thresholds.flat}\"}\n",
                                          &messages);
    buffer_append_u8(&messages, 0);
    assert_non_null(strstr((char *)messages.bytes, "threshold \"p995\" is never used"));
    assert_null(strstr((char *)messages.bytes, "\"flat\""));
    snapshot_unref(snapshot);
    buffer_deinit(&messages);
}

/* Block texts end with a line break, which would go into every table of decisions. */
static void a_reason_from_about_is_one_line(void **state) {
    (void)state;
    struct snapshot *snapshot = load(thresholds);
    const struct rule *rule = &snapshot->rules[0];
    assert_int_equal(rule->reason_count, 1);
    assert_true(text_is(rule->reason[0].literal, "Unusual for its shop"));
    snapshot_unref(snapshot);
}

static void a_lookup_costs_as_much_as_its_keys(void **state) {
    (void)state;
    struct snapshot *snapshot = load(thresholds);
    /* comparison, amount, threshold, two keys */
    assert_int_equal(expression_cost(snapshot->rules[0].when), 5);
    assert_int_equal(expression_cost(snapshot->rules[1].when), 3);
    snapshot_unref(snapshot);
}

/* ---- tables ---- */

#define GROUPS 3000

static void every_group_is_found(void **state) {
    (void)state;
    static char names[GROUPS][8];
    static struct text keys[GROUPS];
    static double values[GROUPS];
    for (size_t i = 0; i < GROUPS; i++) {
        int length = snprintf(names[i], sizeof names[i], "g%05zu", i);
        keys[i] = (struct text){.data = names[i], .length = (size_t)length};
        values[i] = (double)i / 7.0;
    }
    const struct threshold_values computed[] = {
        {.name = {"many", 4},
         .definition = 1,
         .keys = keys,
         .values = values,
         .group_count = GROUPS},
        {.name = {"many", 4}, .definition = 2, .has_overall = true, .overall = 4.5},
    };
    const struct threshold_set set = {.thresholds = computed, .threshold_count = 2};
    struct thresholds *kept = thresholds_new(&set);
    struct value table = thresholds_value(kept, TEXT_LITERAL("many"), 1);
    for (size_t i = 0; i < GROUPS; i++)
        assert_true(threshold_look_up(table.text, keys[i], -1) == values[i]);
    assert_true(threshold_look_up(table.text, TEXT_LITERAL("g03000"), -1) == -1);
    assert_true(threshold_look_up(table.text, (struct text){0}, -1) == -1);
    table = thresholds_value(kept, TEXT_LITERAL("many"), 2);
    assert_true(threshold_look_up(table.text, keys[0], -1) == 4.5);
    assert_int_equal(thresholds_value(kept, TEXT_LITERAL("many"), 3).type, VALUE_ABSENT);
    assert_int_equal(thresholds_value(kept, TEXT_LITERAL("few"), 1).type, VALUE_ABSENT);
    uint32_t score = 0;
    assert_false(thresholds_cutoff(kept, VERDICT_REVIEW, 1, &score));
    thresholds_free(kept);
}

static void keys_of_several_parts_stay_apart(void **state) {
    (void)state;
    char a[THRESHOLD_KEY_MAX], b[THRESHOLD_KEY_MAX];
    const struct text ab_c[] = {{"ab", 2}, {"c", 1}}, a_bc[] = {{"a", 1}, {"bc", 2}};
    struct text left = threshold_key(ab_c, 2, a), right = threshold_key(a_bc, 2, b);
    assert_false(text_equal(left, right));
    static const char longest[THRESHOLD_KEY_PART_MAX + 1] = "x";
    const struct text most[] = {{longest, THRESHOLD_KEY_PART_MAX},
                                {longest, THRESHOLD_KEY_PART_MAX},
                                {longest, THRESHOLD_KEY_PART_MAX}};
    left = threshold_key(most, 3, a);
    assert_int_equal(left.length, THRESHOLD_KEY_MAX);
    const struct text longer = {longest, THRESHOLD_KEY_PART_MAX + 1}, empty = {"", 0};
    assert_null(threshold_key(&longer, 1, a).data);
    assert_null(threshold_key(&empty, 1, a).data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_declaration_is_read),
        cmocka_unit_test(budgets_are_read),
        cmocka_unit_test(a_definition_is_what_values_are_computed_from),
        cmocka_unit_test(an_unused_threshold_is_told),
        cmocka_unit_test(a_reason_from_about_is_one_line),
        cmocka_unit_test(a_lookup_costs_as_much_as_its_keys),
        cmocka_unit_test(every_group_is_found),
        cmocka_unit_test(keys_of_several_parts_stay_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
