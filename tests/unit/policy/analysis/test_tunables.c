/* What is tunable and where it stands in the files; and that a condition put together from its
 * parts is what the evaluator gives, for random values of all names. */
#include "core/policy/analysis/tunables.h"

#include "core/base/check.h"
#include "core/policy/eval/value_order.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/policy/policy_text.h"
#include "tests/unit/unit.h"

#include <math.h>

static const char policy_yaml[] = "policy:\n"
                                  "  name: test # größer\n"
                                  "  base_currency: EUR\n"
                                  "  cutoffs: {review: 300, decline: 700}\n";
static const char schema[] = "attributes:\n"
                             "  items: {type: int}\n"
                             "  weight: {type: double}\n"
                             "  note: {type: string}\n"
                             "  vip: {type: bool}\n";

/* ---- places ---- */

static const char placed[] =
    "rules:\n"
    "  # ≥ before it: columns are characters\n"
    "  - {name: one, when: 3 < items && weight >= 2.50, then: {score: 40}}\n"
    "  - name: two\n"
    "    when: |\n"
    "      weight * 2.0 <=   7.25 || // 9.0 > weight\n"
    "\n"
    "      !(items\n"
    "        > -4) || amount == 5.0\n"
    "    then: {verdict: review, score: -20}\n"
    "  - name: three\n"
    "    when: \"note == \\\"7\\\" && items >= 12\"\n"
    "    then: {verdict: decline}\n"
    "  - {name: far, when: amount > 4.5 * weight || weight * 0.50 >= amount, then: {verdict: "
    "review}}\n"
    "  - name: four\n"
    "    when: items > 1.5 || [1, 2].exists(i, i > 1) || 2 < 3 || vip\n"
    "    then: {score: 1}\n";

struct expected {
    enum tunable_kind kind;
    const char *rule, *literal, *compared;
    enum tunable_relation relation;
    size_t line;
};

static void check_place(const struct tunables *tunables, const struct tunable *tunable,
                        const struct expected *expected) {
    struct text content = tunables->snapshot->files[tunable->file].content;
    assert_int_equal(tunable->kind, expected->kind);
    assert_int_equal(tunable->length, strlen(expected->literal));
    assert_memory_equal(content.data + tunable->offset, expected->literal, tunable->length);
    assert_int_equal(tunable->line, expected->line);
    if (expected->rule)
        assert_true(text_is(tunables->snapshot->rules[tunable->rule].name, expected->rule));
    if (tunable->kind == TUNABLE_LIMIT) {
        assert_true(text_is(tunable->compared, expected->compared));
        assert_int_equal(tunable->relation, expected->relation);
    }
}

static void finds_numbers_and_places(void **state) {
    static const struct expected all[] = {
        {TUNABLE_CUTOFF, NULL, "300", NULL, 0, 4},
        {TUNABLE_CUTOFF, NULL, "700", NULL, 0, 4},
        {TUNABLE_SCORE, "one", "40", NULL, 0, 3},
        {TUNABLE_LIMIT, "one", "3", "items", ABOVE, 3},
        {TUNABLE_LIMIT, "one", "2.50", "weight", AT_LEAST, 3},
        {TUNABLE_SCORE, "two", "-20", NULL, 0, 10},
        {TUNABLE_LIMIT, "two", "7.25", "weight * 2.0", AT_MOST, 6},
        {TUNABLE_LIMIT, "two", "-4", "items", ABOVE, 9},
        {TUNABLE_LIMIT, "three", "12", "items", AT_LEAST, 12},
        {TUNABLE_LIMIT, "far", "4.5", "amount / weight", ABOVE, 14},
        {TUNABLE_LIMIT, "far", "0.50", "amount / weight", AT_MOST, 14},
        {TUNABLE_SCORE, "four", "1", NULL, 0, 17},
    };
    struct policy_text text = {.count = 0};
    struct tunables *tunables;
    struct error error;
    (void)state;
    policy_text_add(&text, "policy.yaml", policy_yaml);
    policy_text_add(&text, "schema.yaml", schema);
    policy_text_add(&text, "rules/test.yaml", placed);
    struct snapshot *snapshot = policy_text_load(&text);
    assert_int_equal(tunables_new(snapshot, &tunables, &error), 0);
    assert_int_equal(tunables->count, sizeof all / sizeof *all);
    for (size_t i = 0; i < tunables->count; i++)
        check_place(tunables, &tunables->of[i], &all[i]);
    tunables_free(tunables);
    snapshot_unref(snapshot);
}

/* ---- conditions ---- */

static bool holds(enum tunable_relation relation, int order) {
    switch (relation) {
    case BELOW:
        return order == -1;
    case AT_MOST:
        return order == -1 || order == 0;
    case ABOVE:
        return order == 1;
    case AT_LEAST:
        return order == 0 || order == 1;
    }
    return false;
}

/* From the parts, by the language's definition: a deciding value, else absent, else an error. */
static struct value combine(const struct tunables *tunables, const struct condition *condition,
                            size_t at, const struct value *frame, struct arena *arena) {
    const struct condition_node *node = &condition->nodes[at];
    if (node->kind == CONDITION_PART)
        return expression_eval(tunables->parts[node->part], frame, arena);
    if (node->kind == CONDITION_LIMIT) {
        const struct tunable *tunable = &tunables->of[node->tunable];
        struct value value = expression_eval(tunables->parts[node->part], frame, arena);
        struct value limit = tunable->value;
        if (node->factor != SIZE_MAX) {
            struct value by = expression_eval(tunables->parts[node->factor], frame, arena);
            if (by.type == VALUE_ABSENT || value.type == VALUE_ABSENT)
                return value_absent();
            if (by.type == VALUE_ERROR && value.type != VALUE_ERROR)
                return by;
            limit = value_double(limit.number * by.number);
        }
        if (value.type == VALUE_ABSENT || value.type == VALUE_ERROR)
            return value;
        return value_bool(holds(tunable->relation, value_order(value, limit)));
    }
    bool deciding = node->kind == CONDITION_OR, is_absent = false, is_error = false;
    struct value error = value_absent(), only = value_absent();
    for (size_t i = at + 1; i < node->end; i = condition->nodes[i].end) {
        only = combine(tunables, condition, i, frame, arena);
        if (node->kind == CONDITION_NOT)
            return only.type == VALUE_BOOL ? value_bool(!only.boolean) : only;
        if (only.type == VALUE_BOOL && only.boolean == deciding)
            return value_bool(deciding);
        is_absent |= only.type == VALUE_ABSENT;
        is_error |= only.type == VALUE_ERROR;
        if (only.type == VALUE_ERROR)
            error = only;
    }
    return is_absent ? value_absent() : is_error ? error : value_bool(!deciding);
}

static struct value random_value(enum value_type type, uint64_t *random) {
    static const double doubles[] = {0.0, 1.0, 2.0, 2.5, 3.0, -1.0, 7.25};
    uint64_t number = split_mix(random);
    if (number % 8 == 0)
        return value_absent();
    switch (type) {
    case VALUE_INT:
        return value_int((int64_t)(number / 8 % 8) - 3);
    case VALUE_DOUBLE:
        return number / 8 % 16 == 0 ? value_double(NAN) : value_double(doubles[number / 8 % 7]);
    case VALUE_BOOL:
        return value_bool(number / 8 % 2);
    default:
        return value_text(number / 8 % 2 ? TEXT_LITERAL("a") : TEXT_LITERAL("b"));
    }
}

static void fill(const struct snapshot *snapshot, struct value *frame, uint64_t *random) {
    static const struct {
        const char *name;
        enum value_type type;
    } names[] = {{"items", VALUE_INT},
                 {"weight", VALUE_DOUBLE},
                 {"amount", VALUE_DOUBLE},
                 {"note", VALUE_TEXT},
                 {"vip", VALUE_BOOL}};
    for (size_t i = 0; i < snapshot->slot_count; i++)
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            if (text_is(snapshot->slot_names[i], names[n].name))
                frame[i] = random_value(names[n].type, random);
}

static void conditions_are_their_parts(void **state) {
    static const char conditions[] =
        "rules:\n"
        "  - {name: a, when: items > 1 && weight < 2.5, then: {score: 1}}\n"
        "  - {name: b, when: \"items >= 2 || !(weight <= 2.0 && vip)\", then: {score: 1}}\n"
        "  - {name: c, when: 6 / items > 1 || weight >= 2.5 || note == 'a', then: {score: 1}}\n"
        "  - {name: d, when: 0 < items && (6 / items >= 3 || !vip) && 1.0 <= weight, then: "
        "{score: 1}}\n"
        "  - {name: e, when: \"vip ? items > 0 : weight > 1.0\", then: {score: 1}}\n"
        "  - {name: f, when: \"!(!(items < 0)) && has(note) && items + 1 <= 2\", then: {score: "
        "1}}\n"
        "  - {name: h, when: amount > 2.5 * weight || weight * 0.5 >= amount && items > 0, then: "
        "{score: 1}}\n"
        "  - {name: g, when: weight / 0.0 > 1.0 || items % 3 == 1, then: {score: 1}}\n";
    struct snapshot *snapshot = policy_text_snapshot(schema, NULL, conditions);
    struct tunables *tunables;
    struct error error;
    struct arena arena;
    uint64_t random = asked_seed(11);
    (void)state;
    assert_int_equal(tunables_new(snapshot, &tunables, &error), 0);
    assert_int_equal(snapshot->rule_count, 8);
    arena_init(&arena, (size_t)64 << 20);
    struct value *frame = check_calloc(snapshot->slot_count, sizeof *frame);
    size_t seen[3] = {0};
    for (uint64_t step = 0; step < asked_steps(20000); step++) {
        fill(snapshot, frame, &random);
        for (size_t r = 0; r < snapshot->rule_count; r++) {
            arena_reset(&arena);
            struct value whole = expression_eval(snapshot->rules[r].when, frame, &arena);
            struct value parts = combine(tunables, &tunables->conditions[r], 0, frame, &arena);
            assert_int_equal(whole.type, parts.type);
            if (whole.type == VALUE_BOOL)
                assert_int_equal(whole.boolean, parts.boolean);
            seen[0] += whole.type == VALUE_BOOL && whole.boolean;
            seen[1] += whole.type == VALUE_ABSENT;
            seen[2] += whole.type == VALUE_ERROR;
        }
    }
    for (size_t i = 0; i < 3; i++)
        assert_true(seen[i] > 0);
    free(frame);
    arena_deinit(&arena);
    tunables_free(tunables);
    snapshot_unref(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_numbers_and_places),
        cmocka_unit_test(conditions_are_their_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
