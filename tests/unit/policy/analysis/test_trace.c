/* The parts of conditions: their values, what was reached and what decides; and for every operator
 * of the language that the whole is what the evaluator gives. */
#include "core/policy/analysis/trace.h"

#include "core/base/check.h"
#include "core/policy/lists/list_table.h"
#include "tests/unit/policy/policy_text.h"
#include "tests/unit/unit.h"

#define ARENA_BYTES ((size_t)256 << 20)

static const char schema[] = "attributes:\n"
                             "  items: {type: int}\n"
                             "  note: {type: string}\n"
                             "  vip: {type: bool}\n";
static const char features[] =
    "entities:\n"
    "  card: {key: card}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: mean_1d, aggregate: mean, of: amount, window: 1d}\n"
    "values:\n"
    "  - {name: times_usual, value: \"has(card.mean_1d) && card.mean_1d > 0.0 ? amount / "
    "card.mean_1d : 1.0\"}\n";
static const char lists[] = "lists:\n"
                            "  transit: {type: string, file: lists/transit.txt}\n";
static const char thresholds[] =
    "thresholds:\n"
    "  - {name: usual, quantile: 0.9, of: amount, by: [country, mcc], over: 30d, fallback: 50}\n"
    "  - {name: flat, quantile: 0.5, of: amount, over: 30d, fallback: 7}\n";

/* A policy with one rule, a frame for it, and the rule's parts. */
struct scene {
    struct snapshot *snapshot;
    struct trace *trace;
    struct value *frame;
    struct arena arena;
    const struct trace_part *parts;
    size_t count;
};

static void set(struct scene *scene, const char *name, struct value value) {
    for (size_t i = 0; i < scene->snapshot->slot_count; i++)
        if (text_is(scene->snapshot->slot_names[i], name)) {
            scene->frame[i] = value;
            return;
        }
    fail_msg("no name %s", name);
}

static void open_scene(struct scene *scene, const char *when) {
    struct policy_text text = {.count = 0};
    struct error error;
    char rules[1024];
    snprintf(rules, sizeof rules, "rules:\n  - name: it\n    when: %s\n    then: {score: 1}\n",
             when);
    policy_text_add(&text, "policy.yaml", "policy: {name: test, base_currency: EUR}\n");
    policy_text_add(&text, "schema.yaml", schema);
    policy_text_add(&text, "features.yaml", features);
    policy_text_add(&text, "lists.yaml", lists);
    policy_text_add(&text, "lists/transit.txt", "4111\n");
    policy_text_add(&text, "thresholds.yaml", thresholds);
    policy_text_add(&text, "rules/test.yaml", rules);
    *scene = (struct scene){.snapshot = policy_text_load(&text)};
    scene->frame = check_calloc(scene->snapshot->slot_count, sizeof *scene->frame);
    arena_init(&scene->arena, ARENA_BYTES);
    if (trace_new(scene->snapshot, &scene->trace, &error) < 0)
        fail_msg("%s", error.text);
    set(scene, "amount", value_double(12.5));
    set(scene, "mcc", value_text(TEXT_LITERAL("5411")));
    set(scene, "country", value_text(TEXT_LITERAL("DE")));
    set(scene, "note", value_text(TEXT_LITERAL("a b")));
    set(scene, "items", value_int(3));
    set(scene, "vip", value_bool(false));
    set(scene, "event_time", value_timestamp(0));
    set(scene, "card.count_1h", value_int(4));
}

/* trace_rule() itself checks that the whole is what expression_eval() gives. */
static void look(struct scene *scene) {
    scene->count = trace_rule(scene->trace, 0, scene->frame, &scene->arena, &scene->parts);
    assert_true(scene->count > 0);
}

static void close_scene(struct scene *scene) {
    trace_free(scene->trace);
    snapshot_unref(scene->snapshot);
    arena_deinit(&scene->arena);
    free(scene->frame);
}

static const struct trace_part *part(const struct scene *scene, const char *text) {
    for (size_t i = 0; i < scene->count; i++)
        if (text_is(scene->parts[i].text, text))
            return &scene->parts[i];
    for (size_t i = 0; i < scene->count; i++)
        print_message("part: %.*s\n", TEXT_ARGS(scene->parts[i].text));
    fail_msg("no part %s", text);
    return NULL;
}

static bool is_bool(const struct trace_part *it, bool boolean) {
    return it->value.type == VALUE_BOOL && it->value.boolean == boolean;
}

/* "reached decides" as two letters, for short expectations. */
static void expect(const struct scene *scene, const char *text, int boolean, const char *flags) {
    const struct trace_part *it = part(scene, text);
    if (boolean < 0)
        assert_true(it->value.type == VALUE_ABSENT || it->value.type == VALUE_ERROR);
    else
        assert_true(is_bool(it, boolean));
    if (it->reached != (flags[0] == 'r') || it->decides != (flags[1] == 'd'))
        fail_msg("%s: reached %d, decides %d; expected %s", text, it->reached, it->decides, flags);
}

/* ---- logic ---- */

static void a_false_operand_decides(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "card.count_1h >= 3 && amount > 20.0 && vip && items == 4");
    look(&s);
    expect(&s, "card.count_1h >= 3 && amount > 20.0 && vip && items == 4", false, "rd");
    expect(&s, "card.count_1h >= 3", true, "r-");
    expect(&s, "amount > 20.0", false, "rd");
    expect(&s, "vip", false, "-d"); /* false as well, and not evaluated */
    expect(&s, "items == 4", false, "-d");
    assert_int_equal(part(&s, "card.count_1h")->value.integer, 4);
    assert_int_equal(part(&s, "card.count_1h")->depth, 2);
    assert_int_equal(part(&s, "card.count_1h")->kind, TRACE_NAME);
    assert_false(part(&s, "card.count_1h")->decides);
    close_scene(&s);
}

static void all_operands_decide_a_true_one(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "card.count_1h >= 3 && amount > 2.0");
    look(&s);
    expect(&s, "card.count_1h >= 3", true, "rd");
    expect(&s, "amount > 2.0", true, "rd");
    assert_true(part(&s, "amount")->value.number == 12.5);
    close_scene(&s);
}

static void alternatives(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "vip || items == 3 || amount > 2.0");
    look(&s);
    expect(&s, "vip", false, "r-");
    expect(&s, "items == 3", true, "rd");
    expect(&s, "amount > 2.0", true, "-d");
    set(&s, "items", value_int(9));
    set(&s, "amount", value_double(1));
    look(&s);
    expect(&s, "vip", false, "rd");
    expect(&s, "items == 3", false, "rd");
    expect(&s, "amount > 2.0", false, "rd");
    close_scene(&s);
}

static void logic_within_logic(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "\"(vip || items == 4) && !(amount > 2.0 && items == 3)\"");
    look(&s);
    assert_int_equal(s.parts[0].kind, TRACE_AND);
    expect(&s, "vip || items == 4", false, "rd");
    expect(&s, "vip", false, "rd");
    expect(&s, "items == 4", false, "rd");
    /* Not looked at, though false, too. */
    expect(&s, "!(amount > 2.0 && items == 3)", false, "-d");
    expect(&s, "amount > 2.0", true, "-d");
    assert_int_equal(part(&s, "!(amount > 2.0 && items == 3)")->kind, TRACE_NOT);
    close_scene(&s);
}

/* Absent, and errors, are absorbed by what decides, else they are the result. */
static void what_is_missing(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "card.mean_1d > 5.0 && amount > 20.0");
    look(&s);
    expect(&s, "card.mean_1d > 5.0", -1, "r-");
    expect(&s, "amount > 20.0", false, "rd");
    set(&s, "amount", value_double(21));
    look(&s);
    assert_int_equal(s.parts[0].value.type, VALUE_ABSENT);
    expect(&s, "card.mean_1d > 5.0", -1, "rd");
    expect(&s, "amount > 20.0", true, "r-");
    assert_int_equal(part(&s, "card.mean_1d")->value.type, VALUE_ABSENT);
    close_scene(&s);
}

static void errors(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "1 / (items - 3) > 0 || vip");
    look(&s);
    assert_int_equal(s.parts[0].value.type, VALUE_ERROR);
    expect(&s, "1 / (items - 3) > 0", -1, "rd");
    expect(&s, "vip", false, "r-");
    assert_int_equal(part(&s, "1 / (items - 3)")->value.error_code, EXPRESSION_DIVISION_BY_ZERO);
    assert_int_equal(part(&s, "items")->value.integer, 3);
    set(&s, "vip", value_bool(true));
    look(&s);
    assert_true(is_bool(&s.parts[0], true));
    expect(&s, "1 / (items - 3) > 0", -1, "r-");
    close_scene(&s);
}

static void a_branch(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "\"(vip ? amount : 3.0) > 2.0\"");
    look(&s);
    assert_true(part(&s, "3.0")->reached && part(&s, "3.0")->decides);
    assert_false(part(&s, "amount")->reached);
    set(&s, "vip", value_bool(true));
    look(&s);
    assert_true(part(&s, "amount")->reached);
    assert_false(part(&s, "3.0")->reached);
    set(&s, "vip", value_absent());
    look(&s);
    assert_false(part(&s, "3.0")->reached || part(&s, "amount")->reached);
    assert_true(part(&s, "vip")->reached);
    close_scene(&s);
}

/* ---- what is asked ---- */

static void presence(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "has(card.mean_1d) || has(note)");
    look(&s);
    expect(&s, "has(card.mean_1d)", false, "r-");
    expect(&s, "has(note)", true, "rd");
    assert_int_equal(part(&s, "has(note)")->kind, TRACE_HAS);
    assert_int_equal(part(&s, "card.mean_1d")->value.type, VALUE_ABSENT);
    close_scene(&s);
}

static void texts(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "\"note.matches('^a +b$') && note.size() + items == 6\"");
    look(&s);
    expect(&s, "note.matches('^a +b$')", true, "rd"); /* two spaces stay in what is in quotes */
    expect(&s, "note.size() + items == 6", true, "rd");
    assert_int_equal(part(&s, "note.size()")->value.integer, 3);
    assert_int_equal(part(&s, "note.size() + items")->value.integer, 6);
    close_scene(&s);
}

static void written_lists(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "mcc in ['5411', '5412'] && !(items in [1, card.count_1h])");
    look(&s);
    expect(&s, "mcc in ['5411', '5412']", true, "rd");
    expect(&s, "items in [1, card.count_1h]", false, "rd");
    assert_int_equal(part(&s, "[1, card.count_1h]")->value.type, VALUE_LIST);
    close_scene(&s);
}

static void add(struct list_table *table, uint64_t position, const char *entry) {
    const struct record record = {
        .type = RECORD_LIST_CHANGE,
        .position = position,
        .list_change = {.list = TEXT_LITERAL("transit"), .entry = text_of(entry)}};
    list_table_apply(table, &record);
}

static void named_lists(void **state) {
    (void)state;
    struct scene s;
    struct list_table *table = list_table_new();
    open_scene(&s, "mcc in lists.transit");
    look(&s);
    expect(&s, "mcc in lists.transit", false, "rd");
    assert_int_equal(s.parts[0].kind, TRACE_LIST);
    assert_true(text_is(s.parts[0].list->name, "transit"));
    assert_false(s.parts[0].was_added);
    assert_int_equal(s.count, 2);

    const struct list *list = &s.snapshot->lists[0];
    s.frame[list->slot] = list_table_value(table, list->name, list->kind);
    add(table, 1, "5411");
    look(&s);
    expect(&s, "mcc in lists.transit", true, "rd");
    assert_true(s.parts[0].was_added);
    add(table, 2, "4111"); /* the policy's own, too */
    set(&s, "mcc", value_text(TEXT_LITERAL("4111")));
    look(&s);
    assert_true(is_bool(&s.parts[0], true));
    assert_false(s.parts[0].was_added);
    list_table_free(table);
    close_scene(&s);
}

/* ---- thresholds ---- */

static struct thresholds *computed(const struct snapshot *snapshot, bool has_overall) {
    const struct text parts[] = {TEXT_LITERAL("DE"), TEXT_LITERAL("5411")};
    char bytes[THRESHOLD_KEY_MAX];
    const struct text key = threshold_key(parts, 2, bytes);
    const double value = 11;
    const struct threshold_values values = {.name = TEXT_LITERAL("usual"),
                                            .definition = snapshot->thresholds[0].definition,
                                            .has_overall = has_overall,
                                            .overall = 30,
                                            .key_count = 2,
                                            .keys = &key,
                                            .values = &value,
                                            .group_count = 1};
    const struct threshold_set set = {.thresholds = &values, .threshold_count = 1};
    return thresholds_new(&set);
}

static void where_thresholds_come_from(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "amount > thresholds.usual[country][mcc] && amount > thresholds.flat");
    look(&s);
    const struct trace_part *it = part(&s, "thresholds.usual[country][mcc]");
    assert_int_equal(it->kind, TRACE_THRESHOLD);
    assert_int_equal(it->origin, THRESHOLD_FALLBACK);
    assert_true(it->value.number == 50);
    assert_true(text_is(it->threshold->name, "usual"));
    assert_int_equal(it[1].kind, TRACE_NAME); /* its keys, in their order */
    assert_true(text_is(it[1].text, "country") && text_is(it[2].text, "mcc"));

    const struct threshold *threshold = &s.snapshot->thresholds[0];
    struct thresholds *values = computed(s.snapshot, true);
    s.frame[threshold->slot] = thresholds_value(values, threshold->name, threshold->definition);
    look(&s);
    it = part(&s, "thresholds.usual[country][mcc]");
    assert_int_equal(it->origin, THRESHOLD_GROUP);
    assert_true(it->value.number == 11);
    expect(&s, "amount > thresholds.flat", true, "rd");
    assert_int_equal(part(&s, "thresholds.flat")->origin, THRESHOLD_FALLBACK);
    set(&s, "mcc", value_text(TEXT_LITERAL("1234")));
    look(&s);
    it = part(&s, "thresholds.usual[country][mcc]");
    assert_int_equal(it->origin, THRESHOLD_OVERALL);
    assert_true(it->value.number == 30);
    thresholds_free(values);

    values = computed(s.snapshot, false);
    s.frame[threshold->slot] = thresholds_value(values, threshold->name, threshold->definition);
    look(&s);
    it = part(&s, "thresholds.usual[country][mcc]");
    assert_int_equal(it->origin, THRESHOLD_FALLBACK);
    assert_true(it->value.number == 50);
    thresholds_free(values);
    close_scene(&s);
}

static void a_literal_key(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "amount > thresholds.usual['DE'][mcc]");
    struct thresholds *values = computed(s.snapshot, true);
    const struct threshold *threshold = &s.snapshot->thresholds[0];
    s.frame[threshold->slot] = thresholds_value(values, threshold->name, threshold->definition);
    look(&s);
    assert_int_equal(part(&s, "thresholds.usual['DE'][mcc]")->origin, THRESHOLD_GROUP);
    thresholds_free(values);
    close_scene(&s);
}

/* ---- macros ---- */

static void for_each_item(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "\"note.split(' ').exists(w, w == 'b' && items > 2)\"");
    look(&s);
    assert_true(is_bool(&s.parts[0], true));
    assert_int_equal(s.parts[0].kind, TRACE_MACRO);
    assert_int_equal(part(&s, "note.split(' ')")->value.items->count, 2);
    const struct trace_part *each = part(&s, "w == 'b' && items > 2");
    assert_int_equal(each->kind, TRACE_EACH);
    assert_int_equal(each->value.type, VALUE_LIST);
    assert_int_equal(each->value.items->count, 2);
    assert_false(each->value.items->values[0].boolean);
    assert_true(each->value.items->values[1].boolean);
    close_scene(&s);
}

static void all_macros(void **state) {
    (void)state;
    static const char *const conditions[] = {
        "\"note.split(' ').all(w, w.size() == 1)\"",
        "\"note.split(' ').exists_one(w, w == 'a')\"",
        "\"note.split(' ').filter(w, w != 'a').size() == 1\"",
        "\"note.split(' ').map(w, w.size()).exists(n, n == 1)\"",
        "\"note.split(' ').map(w, w != 'a', w.size()) == [1]\"",
        "\"note.split(' ').all(i, w, w.size() == 1 && i < 2)\"",
        "\"note.split(' ').existsOne(i, w, w == 'a' && i == 0)\"",
        "\"note.split(' ').transformList(i, w, i > 0, w) == ['b']\"",
        "\"note.split(' ').transformMap(i, w, w == 'b', i + 1)[1] == 2\"",
    };
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        struct scene s;
        open_scene(&s, conditions[i]);
        look(&s);
        assert_true(is_bool(&s.parts[0], true));
        assert_int_equal(part(&s, "note.split(' ')")->value.items->count, 2);
        size_t each = 0;
        for (size_t j = 0; j < s.count; j++)
            each += s.parts[j].kind == TRACE_EACH && s.parts[j].value.type == VALUE_LIST;
        assert_true(each > 0);
        close_scene(&s);
    }
}

/* What is evaluated for each item may read both variables, and a key has no part of its own. */
static void two_variables(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "\"{'x': items, 'y': 3}.exists(k, v, k == 'y' && v == 3)\"");
    look(&s);
    assert_true(is_bool(&s.parts[0], true));
    const struct trace_part *each = part(&s, "k == 'y' && v == 3");
    assert_int_equal(each->kind, TRACE_EACH);
    assert_int_equal(each->value.items->count, 2);
    assert_false(each->value.items->values[0].boolean);
    assert_true(each->value.items->values[1].boolean);
    close_scene(&s);
}

/* The outer macro's items are reported. */
static void a_macro_within_a_macro(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "\"[1, items].exists(i, [2, 3].exists(n, n == i))\"");
    look(&s);
    assert_true(is_bool(&s.parts[0], true));
    const struct trace_part *each = part(&s, "[2, 3].exists(n, n == i)");
    assert_int_equal(each->kind, TRACE_EACH);
    assert_false(each->value.items->values[0].boolean);
    assert_true(each->value.items->values[1].boolean);
    close_scene(&s);
}

/* ---- the rest ---- */

static void computed_values(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "times_usual > 2.0");
    set(&s, "card.mean_1d", value_double(5));
    size_t count = trace_computed(s.trace, 0, s.frame, &s.arena, &s.parts);
    s.count = count;
    assert_true(s.parts[0].value.number == 2.5);
    assert_true(part(&s, "amount / card.mean_1d")->reached);
    assert_false(part(&s, "1.0")->reached);
    close_scene(&s);
}

static void on_one_line(void **state) {
    (void)state;
    struct scene s;
    open_scene(&s, "|\n      amount > 1.0 &&   // more than nothing\n      note == 'a  b'");
    look(&s);
    assert_true(text_is(s.parts[0].text, "amount > 1.0 && note == 'a  b'"));
    close_scene(&s);
}

static void without_room(void **state) {
    (void)state;
    struct scene s;
    struct arena small;
    open_scene(&s, "amount > 1.0");
    arena_init(&small, 1000);
    assert_int_equal(trace_rule(s.trace, 0, s.frame, &small, &s.parts), 0);
    arena_deinit(&small);
    close_scene(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_false_operand_decides),
        cmocka_unit_test(all_operands_decide_a_true_one),
        cmocka_unit_test(alternatives),
        cmocka_unit_test(logic_within_logic),
        cmocka_unit_test(what_is_missing),
        cmocka_unit_test(errors),
        cmocka_unit_test(a_branch),
        cmocka_unit_test(presence),
        cmocka_unit_test(texts),
        cmocka_unit_test(written_lists),
        cmocka_unit_test(named_lists),
        cmocka_unit_test(where_thresholds_come_from),
        cmocka_unit_test(a_literal_key),
        cmocka_unit_test(for_each_item),
        cmocka_unit_test(all_macros),
        cmocka_unit_test(two_variables),
        cmocka_unit_test(a_macro_within_a_macro),
        cmocka_unit_test(computed_values),
        cmocka_unit_test(on_one_line),
        cmocka_unit_test(without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
