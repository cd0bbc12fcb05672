/* What harrier check proves of rules and finds unused: warning by warning, and then against random
 * conditions on random transactions, where no claim may be false. HARRIER_STEPS sets how many
 * policies are made up. */
#include "tests/unit/policy/policy_text.h"

#include "core/base/check.h"
#include "core/policy/analysis/snapshot_check.h"
#include "core/policy/lang/calendar.h"
#include "core/policy/load/snapshot.h"
#include "core/policy/source/diagnostic.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

static const char policy_yaml[] = "policy: {name: test, base_currency: EUR}\n"
                                  "groups: {greatest: {score: max}, summed: {}}\n";

static const char schema_yaml[] = "fields:\n"
                                  "  merchant: {required: true}\n"
                                  "attributes:\n"
                                  "  n: {type: int}\n"
                                  "  m: {type: int}\n"
                                  "  x: {type: double}\n"
                                  "  y: {type: double}\n"
                                  "  d: {type: decimal(2)}\n"
                                  "  s: {type: string}\n"
                                  "  b: {type: bool}\n";

static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: below, aggregate: count, window: 1h, default: -5}\n"
    "    - {name: share_1h, aggregate: share, of: amount > 5.0, window: 1h}\n"
    "    - {name: mean_1h, aggregate: mean, of: amount, window: 1h}\n"
    "    - {name: sum_n, aggregate: sum, of: n, window: 1h}\n"
    "values:\n"
    "  - {name: online, value: \"channel in ['ecom', 'app']\"}\n"
    "  - {name: large, value: amount > 5.0}\n"
    "  - {name: odd, value: online && !large}\n"
    "  - {name: twice, value: n * 2}\n";

static struct snapshot *check_text(const struct policy_text *it, struct buffer *ret_messages,
                                   int64_t now_us) {
    struct snapshot *snapshot = NULL;
    struct error error = {0};
    if (snapshot_check(it->files, it->count, now_us, NULL, &snapshot, ret_messages, &error) < 0)
        fail_msg("%.*s", (int)ret_messages->length, (const char *)ret_messages->bytes);
    buffer_append_u8(ret_messages, '\0');
    return snapshot;
}

static struct snapshot *check_rules(const char *rules, struct buffer *ret_messages) {
    struct policy_text it = {.count = 0};
    policy_text_add(&it, "policy.yaml", policy_yaml);
    policy_text_add(&it, "schema.yaml", schema_yaml);
    policy_text_add(&it, "features.yaml", features_yaml);
    policy_text_add(&it, "rules/a.yaml", rules);
    return check_text(&it, ret_messages, INT64_MIN);
}

/* ------------------------------------------------------------------------------------------------
 * One by one */

/* What is said of a rule with this condition; "": nothing. */
static void said_of(const char *when, char ret_said[512]) {
    char rules[1024];
    struct buffer messages;
    buffer_init(&messages);
    snprintf(rules, sizeof rules,
             "rules:\n  - name: r\n    when: |\n      %s\n    then: {score: 1}\n", when);
    snapshot_unref(check_rules(rules, &messages));
    static const char begin[] = "warning: rule \"r\" ";
    const char *at = strstr((const char *)messages.bytes, begin);
    ret_said[0] = '\0';
    if (at) {
        at += sizeof begin - 1;
        snprintf(ret_said, 512, "%.*s", (int)strcspn(at, "\n"), at);
    }
    buffer_deinit(&messages);
}

#define NEVER_BOTH(a, b) "never fires: \"" a "\" and \"" b "\" are never both true"
#define NEVER(a)         "never fires: \"" a "\" is never true"
#define FORKED           "never fires: each alternative of its condition contradicts itself"
#define ALWAYS           "fires for every transaction"
#define NEVER_FALSE                                                                                \
    "fires for every transaction that has the values it reads: its condition is never false"

static void each_kind_of_condition(void **state) {
    (void)state;
    static const struct {
        const char *when, *said;
    } rows[] = {
        /* numbers */
        {"amount < 5.0 && amount > 10.0", NEVER_BOTH("amount < 5.0", "amount > 10.0")},
        {"amount < 5.0 && 10.0 < amount", NEVER_BOTH("amount < 5.0", "10.0 < amount")},
        {"amount <= 5.0 && amount >= 5.0", ""},
        {"amount < 5.0 && amount >= 5.0", NEVER_BOTH("amount < 5.0", "amount >= 5.0")},
        {"n > 4 && n < 5", NEVER_BOTH("n > 4", "n < 5")},
        {"n > 4 && n < 6", ""},
        {"n > 4 && n < 6 && n != 5", NEVER_BOTH("n < 6", "n != 5")},
        {"d > 4.0 && d < 5.0", ""},
        {"n > 4.5 && n < 4.9", NEVER_BOTH("n > 4.5", "n < 4.9")},
        {"n > 4.0 && n < 5", NEVER_BOTH("n > 4.0", "n < 5")},
        {"n > 4 && n < 5.0", NEVER_BOTH("n > 4", "n < 5.0")},
        {"n >= 4.0 && n < 5", ""},
        {"n == 4.5", NEVER("n == 4.5")},
        {"n > 1e19", NEVER("n > 1e19")},
        {"n < 9223372036854775807 && n > 9223372036854775805", ""},
        {"n < 9223372036854775807 && n > 9223372036854775806",
         NEVER_BOTH("n < 9223372036854775807", "n > 9223372036854775806")},
        {"n == 5 && n != 5", NEVER_BOTH("n == 5", "n != 5")},
        {"n == 5 && n in [1, 2, 3]", NEVER_BOTH("n == 5", "n in [1, 2, 3]")},
        {"n in [1, 2, 3] && n in [3, 4]", ""},
        {"n in [1, 2, 3] && !(n in [1, 2, 3, 4])",
         "never fires: \"n in [1, 2, 3]\" and \"!(n in [1, 2, 3, 4])\" are never both true"},
        {"amount > 2.0 * 3.0 && amount < 6.0", NEVER_BOTH("amount > 2.0 * 3.0", "amount < 6.0")},
        /* what is not a number passes no bound: a false comparison is not its opposite */
        {"!(x < 5.0) && !(x > 3.0)", ""},
        {"!(n < 5) && !(n > 3)", "never fires: \"!(n < 5)\" and \"!(n > 3)\" are never both true"},
        {"x < 5.0 && !(x < 6.0)",
         "never fires: \"x < 5.0\" and \"!(x < 6.0)\" are never both true"},
        {"x != x", ""},
        {"n != n", NEVER("n != n")},
        /* texts and times */
        {"s == \"a\" && s == \"b\"", NEVER_BOTH("s == \"a\"", "s == \"b\"")},
        {"s < \"b\" && s > \"c\"", NEVER_BOTH("s < \"b\"", "s > \"c\"")},
        {"s < \"\"", NEVER("s < \"\"")},
        {"s == \"a\" && s != \"b\"", ""},
        {"event_time > timestamp(\"2026-01-02T00:00:00Z\") && event_time < "
         "timestamp(\"2026-01-01T00:00:00Z\")",
         NEVER_BOTH("event_time > timestamp(\"2026-01-02T00:00:00Z\")",
                    "event_time < timestamp(\"2026-01-01T00:00:00Z\")")},
        {"event_time.getHours() > 23", NEVER("event_time.getHours() > 23")},
        {"event_time.getHours() >= 22 || event_time.getHours() < 6", ""},
        {"event_time.getDayOfWeek() == 7", NEVER("event_time.getDayOfWeek() == 7")},
        {"size(s) < 0", NEVER("size(s) < 0")},
        {"s.indexOf(\"@\") < -1", NEVER("s.indexOf(\"@\") < -1")},
        /* bools */
        {"b && !b", "never fires: \"b\" and \"!(b)\" are never both true"},
        {"b == true && b == false", NEVER_BOTH("b == true", "b == false")},
        {"s.startsWith(\"a\") && !s.startsWith(\"a\")",
         "never fires: \"s.startsWith(\"a\")\" and \"!(s.startsWith(\"a\"))\" are never both true"},
        {"b ? n > 5 && n < 5 : n != n", FORKED},
        {"b ? n > 5 : n < 5", ""},
        /* what aggregates and fields can be */
        {"card.count_1h < 0", NEVER("card.count_1h < 0")},
        {"card.count_1h >= 0", NEVER_FALSE},
        {"card.below < 0", ""},
        {"card.share_1h > 1.0", NEVER("card.share_1h > 1.0")},
        {"card.share_1h >= 1.0", ""},
        {"card.mean_1h < 0.0", NEVER("card.mean_1h < 0.0")},
        {"card.sum_n < 0", ""},
        {"amount < 0.0", NEVER("amount < 0.0")},
        {"latitude > 91.0", NEVER("latitude > 91.0")},
        {"n < 0", ""},
        /* presence */
        {"!has(device) && device == \"a\"",
         "never fires: \"!(has(device))\" and \"device == \"a\"\" are never both true"},
        {"device == \"a\" && !has(device)",
         "never fires: \"device == \"a\"\" and \"!(has(device))\" are never both true"},
        {"!has(s) && size(s) > 5",
         "never fires: \"!(has(s))\" and \"size(s) > 5\" are never both true"},
        {"!has(s) && (s == \"a\" || b)", ""},
        {"!has(merchant)", "never fires: \"!(has(merchant))\" is never true"},
        {"has(merchant)", ALWAYS},
        {"has(device) || !has(device)", ALWAYS},
        {"has(merchant) || amount > 5.0", NEVER_FALSE},
        {"true", ALWAYS},
        {"amount > 5.0 || true", NEVER_FALSE},
        {"false", NEVER("false")},
        {"n > 5 || n <= 5", NEVER_FALSE},
        {"x > 5.0 || x <= 5.0", ""}, /* NaN is neither */
        {"amount > 5.0 || amount <= 5.0", NEVER_FALSE},
        {"n / 0 > 1", ""},
        /* one term against another */
        {"n < m && n > m", NEVER_BOTH("n < m", "n > m")},
        {"n < m && m < n", NEVER_BOTH("n < m", "m < n")},
        {"n <= m && m <= n", ""},
        {"n <= m && m <= n && n != m", ""}, /* three together are beyond it */
        {"n < n", NEVER("n < n")},
        {"x < y && x >= y", NEVER_BOTH("x < y", "x >= y")},
        {"!(x < y) && !(x >= y)", ""},
        /* values are looked into */
        {"online && channel == \"pos\"",
         "never fires: \"channel in ['ecom', 'app']\" on line 11 of features.yaml and \"channel == "
         "\"pos\"\" are never both true"},
        {"odd && amount > 6.0", "never fires: \"!(amount > 5.0)\" on line 12 of features.yaml and "
                                "\"amount > 6.0\" are never "
                                "both true"},
        {"twice > 5 && twice < 3", NEVER_BOTH("twice > 5", "twice < 3")},
        {"(n < 5 || n > 10) && n == 7", FORKED},
        {"(n < 5 || n > 10) && n == 4", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char said[512];
        said_of(rows[i].when, said);
        if (strcmp(said, rows[i].said) != 0)
            fail_msg("%s\n  expected: %s\n  found:    %s", rows[i].when, rows[i].said, said);
    }
}

static bool warns(const char *rules, const char *text) {
    struct buffer messages;
    buffer_init(&messages);
    snapshot_unref(check_rules(rules, &messages));
    bool found = strstr((const char *)messages.bytes, text) != NULL;
    if (!found)
        print_message("%s", (const char *)messages.bytes);
    buffer_deinit(&messages);
    return found;
}

static bool is_silent_of(const char *rules, const char *text) {
    struct buffer messages;
    buffer_init(&messages);
    snapshot_unref(check_rules(rules, &messages));
    bool silent = strstr((const char *)messages.bytes, text) == NULL;
    if (!silent)
        print_message("%s", (const char *)messages.bytes);
    buffer_deinit(&messages);
    return silent;
}

#define TWO_RULES(first, then_first, second, then_second)                                          \
    "rules:\n"                                                                                     \
    "  - {name: first, when: \"" first "\", then: " then_first "}\n"                               \
    "  - {name: second, when: \"" second "\", then: " then_second "}\n"

static void pairs_of_rules(void **state) {
    (void)state;
    assert_true(warns(TWO_RULES("n > 5 && b", "{score: 1}", "b && 5 < n", "{score: 2}"),
                      "rule \"second\" has the same condition as \"first\" (rules/a.yaml:2): they "
                      "fire together, and their scores add up"));
    assert_true(
        warns(TWO_RULES("n > 5", "{score: 1}, group: summed", "n > 5", "{score: 2}, group: summed"),
              "together, and their scores add up"));
    assert_true(warns(
        TWO_RULES("n > 5", "{score: 1}, group: greatest", "n > 5", "{score: 2}, group: greatest"),
        "they fire together, and the greater score counts"));
    assert_true(warns(TWO_RULES("n > 5", "{verdict: review}", "n > 5", "{score: 2}"),
                      "(rules/a.yaml:2): they fire together\n"));
    assert_true(warns(TWO_RULES("n > 5", "{verdict: decline}", "n > 7 && b", "{verdict: review}"),
                      "rule \"second\" has no effect: whenever it fires, so does \"first\" "
                      "(rules/a.yaml:2), which asks for decline"));
    assert_true(warns(TWO_RULES("n > 7 && b", "{verdict: review}", "n > 5", "{verdict: review}"),
                      "rule \"first\" has no effect"));
    assert_true(warns(
        TWO_RULES("online", "{verdict: decline}", "channel == 'app' && b", "{verdict: review}"),
        "rule \"second\" has no effect"));
    assert_true(warns(TWO_RULES("has(s)", "{verdict: decline}", "size(s) > 3", "{verdict: review}"),
                      "rule \"second\" has no effect"));
    /* It asks for more, it scores, it fires where the other is absent, it is not live. */
    assert_true(is_silent_of(TWO_RULES("n > 5", "{verdict: review}", "n > 7", "{verdict: decline}"),
                             "has no effect"));
    assert_true(is_silent_of(
        TWO_RULES("n > 5", "{verdict: decline}", "n > 7", "{verdict: review, score: 5}"),
        "has no effect"));
    assert_true(is_silent_of(
        TWO_RULES("n > 5 && n + m > n", "{verdict: decline}", "n > 7", "{verdict: review}"),
        "has no effect"));
    assert_true(is_silent_of(
        TWO_RULES("n > 5 || m > 5", "{verdict: decline}", "!(m < 7) || b", "{verdict: review}"),
        "has no effect"));
    /* Without a score it still raises a negative one of its group. */
    assert_true(is_silent_of(
        TWO_RULES("n > 5", "{verdict: decline}", "n > 7", "{verdict: review}, group: greatest"),
        "has no effect"));
    assert_true(
        warns(TWO_RULES("n > 5", "{verdict: decline}", "n > 7", "{verdict: review}, group: summed"),
              "rule \"second\" has no effect"));
    /* It may fail where the other is false, and that asks for something, too. */
    assert_true(is_silent_of(TWO_RULES("n > 5", "{verdict: challenge}", "n > 7 && 8 / m > 1",
                                       "{verdict: review}, on_error: decline"),
                             "has no effect"));
    assert_true(
        warns(TWO_RULES("n > 5", "{verdict: challenge}", "n > 7 && 8 / m > 1", "{verdict: review}"),
              "rule \"second\" has no effect"));
    assert_true(warns(TWO_RULES("n > 5", "{verdict: challenge}", "n > 7 && has(s)",
                                "{verdict: review}, on_error: decline"),
                      "rule \"second\" has no effect"));
    assert_true(is_silent_of(TWO_RULES("n > 5", "{score: 1}, mode: shadow", "n > 5", "{score: 2}"),
                             "has the same condition"));
}

static void what_nothing_uses(void **state) {
    (void)state;
    static const char rules[] = "rules:\n"
                                "  - {name: r, when: odd && card.count_1h > 3, then: {score: 1},\n"
                                "     reason: \"{card.mean_1h}\"}\n";
    assert_true(warns(rules, "feature \"card.below\" is not used by any rule"));
    assert_true(warns(rules, "value \"twice\" is not used by any rule"));
    assert_true(warns(rules, "attribute \"x\" is never read"));
    assert_true(warns(rules, "attribute \"m\" is never read"));
    /* by a rule, a reason, a value of a rule, a feature */
    assert_true(is_silent_of(rules, "\"card.count_1h\""));
    assert_true(is_silent_of(rules, "\"card.mean_1h\""));
    assert_true(is_silent_of(rules, "\"large\""));
    assert_true(is_silent_of(rules, "attribute \"n\""));
    assert_true(warns(rules, "policy.yaml: warning: the policy has no cases: nothing tests what "
                             "its rules decide"));
}

static void rules_without_cases_and_rules_that_are_over(void **state) {
    (void)state;
    static const char rules[] =
        "rules:\n"
        "  - {name: tried, when: n > 5, then: {score: 1}, until: 2025-12-31,\n"
        "     cases: [{name: six, transaction: {merchant: m1, n: 6, event_time: 2025-12-30}}]}\n"
        "  - {name: untried, when: n > 9, then: {score: 1}, until: 2026-01-02,\n"
        "     cases: [{name: one, transaction: {merchant: m1, n: 1}, expect: {not: untried}}]}\n";
    struct policy_text it = {.count = 0};
    struct buffer messages;
    int64_t now_us;
    buffer_init(&messages);
    policy_text_add(&it, "policy.yaml", policy_yaml);
    policy_text_add(&it, "schema.yaml", "attributes: {n: {type: int}}\n");
    policy_text_add(&it, "rules/a.yaml", rules);
    assert_int_equal(calendar_parse_date(TEXT_LITERAL("2026-01-01"), &now_us), 0);
    struct snapshot *snapshot = check_text(&it, &messages, now_us);
    const char *said = (const char *)messages.bytes;
    assert_non_null(strstr(said, "rule \"tried\" is no longer in force: it ended at "
                                 "2025-12-31T00:00:00Z"));
    assert_null(strstr(said, "\"untried\" is no longer in force"));
    assert_non_null(strstr(said, "rule \"untried\" has no case in which it fires"));
    assert_null(strstr(said, "\"tried\" has no case"));
    assert_int_equal(snapshot->case_count, 2);
    snapshot_unref(snapshot);
    buffer_deinit(&messages);
}

/* ------------------------------------------------------------------------------------------------
 * At random */

#define RULES_AT_ONCE 24
#define FRAMES        400

static uint64_t random_state;

static uint64_t next_random(void) {
    return split_mix(&random_state);
}

static unsigned below(unsigned limit) {
    return (unsigned)(next_random() % limit);
}

#define PICK(array) array[below(sizeof(array) / sizeof *(array))]

static const char *const comparisons[] = {"<", "<=", ">", ">=", "==", "!="};

static void put_comparison(struct buffer *buffer) {
    static const char *const integers[] = {
        "n", "m", "card.count_1h", "card.below", "twice", "event_time.getHours()", "size(s)"};
    static const char *const doubles[] = {"x", "y", "d", "amount", "card.mean_1h", "card.share_1h"};
    static const char *const texts[] = {"s", "channel", "merchant"};
    static const char *const words[] = {"'ecom'", "'app'", "'pos'", "''"};
    const char *sign = PICK(comparisons);
    switch (below(8)) {
    case 0:
    case 1:
    case 2:
        buffer_printf(buffer, "%s %s %d", PICK(integers), sign, (int)below(7) - 1);
        break;
    case 3:
        buffer_printf(buffer, "%s %s %d.5", PICK(integers), sign, (int)below(5));
        break;
    case 4:
        buffer_printf(buffer, "%s %s %u.%u", PICK(doubles), sign, below(5), below(2) * 5);
        break;
    case 5:
        buffer_printf(buffer, "%s %s %s", PICK(integers), sign, PICK(integers));
        break;
    case 6:
        buffer_printf(buffer, "%s %s %s", PICK(doubles), sign, PICK(doubles));
        break;
    default:
        buffer_printf(buffer, "%s %s %s", PICK(texts), sign, PICK(words));
    }
}

static void put_condition(struct buffer *buffer, unsigned depth) {
    static const char *const bools[] = {"b", "online", "large", "odd", "true", "false"};
    static const char *const present[] = {"n",     "s",   "channel", "merchant",
                                          "twice", "odd", "amount",  "card.mean_1h"};
    unsigned kind = below(depth == 0 ? 8 : 14);
    if (kind < 5) {
        put_comparison(buffer);
    } else if (kind == 5) {
        buffer_printf(buffer, "n in [%u, %u.5, %u]", below(4), below(4), below(4));
    } else if (kind == 6) {
        buffer_printf(buffer, "has(%s)", PICK(present));
    } else if (kind == 7) {
        buffer_append_string(buffer, PICK(bools));
    } else if (kind == 8) {
        buffer_append_string(buffer, "!(");
        put_condition(buffer, depth - 1);
        buffer_append_string(buffer, ")");
    } else if (kind == 9) {
        buffer_append_string(buffer, "(");
        put_condition(buffer, depth - 1);
        buffer_append_string(buffer, " ? ");
        put_condition(buffer, depth - 1);
        buffer_append_string(buffer, " : ");
        put_condition(buffer, depth - 1);
        buffer_append_string(buffer, ")");
    } else {
        buffer_append_string(buffer, "(");
        put_condition(buffer, depth - 1);
        buffer_append_string(buffer, kind < 12 ? " && " : " || ");
        put_condition(buffer, depth - 1);
        buffer_append_string(buffer, ")");
    }
}

/* Every third condition is one before it with something more, so that some imply others. */
static void make_rules(struct buffer *rules, char conditions[RULES_AT_ONCE][2048]) {
    buffer_append_string(rules, "rules:\n");
    for (unsigned i = 0; i < RULES_AT_ONCE; i++) {
        struct buffer when;
        buffer_init(&when);
        if (i % 3 == 2) {
            buffer_printf(&when, "%.600s && ", conditions[i - 1 - below(2)]);
            put_condition(&when, 1);
        } else {
            put_condition(&when, 3);
        }
        snprintf(conditions[i], sizeof conditions[i], "(%.*s)", (int)when.length,
                 (const char *)when.bytes);
        buffer_printf(rules, "  - {name: r%u, when: \"%s\", then: {verdict: %s}}\n", i,
                      conditions[i], below(2) ? "decline" : "review");
        buffer_deinit(&when);
    }
}

static struct value random_value(enum value_type type) {
    static const char *const words[] = {"ecom", "app", "pos", "x"};
    static const double doubles[] = {0.0, 0.5, 1.0, 1.5, 2.0, 3.5, 4.0, 5.5, 7.0};
    switch (type) {
    case VALUE_BOOL:
        return value_bool(below(2));
    case VALUE_INT:
        return value_int((int64_t)below(9) - 2);
    case VALUE_DOUBLE:
        return value_double(PICK(doubles));
    case VALUE_TIMESTAMP:
        return value_timestamp(INT64_C(1767225600000000) +
                               (int64_t)below(24) * INT64_C(3600000000));
    default:
        return value_text(text_of(PICK(words)));
    }
}

static size_t slot_of(const struct snapshot *snapshot, const char *name) {
    for (size_t i = 0; i < snapshot->slot_count; i++)
        if (text_is(snapshot->slot_names[i], name))
            return i;
    fail_msg("no slot %s", name);
    return 0;
}

/* A frame as the engine would fill it: absent now and then, and within what the names can be. */
static void fill(const struct snapshot *snapshot, struct value *frame, struct arena *arena) {
    const struct schema *schema = &snapshot->schema;
    for (size_t i = 0; i < snapshot->slot_count; i++)
        frame[i] = value_absent();
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        bool needed =
            field->required || field->kind == FIELD_KIND_ID || field->kind == FIELD_KIND_EVENT_TIME;
        if (needed || below(5) > 0)
            frame[i] = random_value(field->type);
    }
    struct value *x = &frame[slot_of(snapshot, "x")];
    if (x->type == VALUE_DOUBLE && below(4) == 0)
        x->number = 0.0 / (x->number * 0.0); /* no number */
    if (below(4) > 0) {
        frame[slot_of(snapshot, "card.count_1h")] = value_int(below(5));
        frame[slot_of(snapshot, "card.share_1h")] = value_double(below(3) / 2.0);
        frame[slot_of(snapshot, "card.mean_1h")] = value_double(below(5) / 2.0);
    }
    frame[slot_of(snapshot, "card.below")] = value_int(below(3) ? (int64_t)below(4) : -5);
    struct value *amount = &frame[slot_of(snapshot, "amount")];
    if (amount->type == VALUE_DOUBLE && below(3) == 0)
        amount->number = 5.0;
    for (size_t i = 0; i < snapshot->computed_count; i++)
        frame[snapshot->computed[i].slot] =
            expression_eval(snapshot->computed[i].expression, frame, arena);
}

/* What is claimed of the rules of one policy. */
struct claims {
    bool never[RULES_AT_ONCE], never_false[RULES_AT_ONCE], always[RULES_AT_ONCE];
    int same[RULES_AT_ONCE], within[RULES_AT_ONCE]; /* −1: as no other */
};

static size_t read_claims(const char *said, struct claims *claims) {
    size_t count = 0;
    *claims = (struct claims){.never = {false}};
    for (unsigned i = 0; i < RULES_AT_ONCE; i++)
        claims->same[i] = claims->within[i] = -1;
    for (const char *at = said; (at = strstr(at, "warning: rule \"r")); at++) {
        unsigned rule, other = 0;
        const char *rest = at + strlen("warning: rule \"r");
        rule = (unsigned)strtoul(rest, NULL, 10);
        rest = strchr(rest, '"') + 2;
        const char *named = strstr(rest, "\"r");
        if (named)
            other = (unsigned)strtoul(named + 2, NULL, 10);
        count++;
        if (strncmp(rest, "never fires", 11) == 0)
            claims->never[rule] = true;
        else if (strncmp(rest, NEVER_FALSE, strlen(NEVER_FALSE)) == 0)
            claims->never_false[rule] = true;
        else if (strncmp(rest, ALWAYS, strlen(ALWAYS)) == 0)
            claims->always[rule] = true;
        else if (strncmp(rest, "has the same condition", 22) == 0)
            claims->same[rule] = (int)other;
        else if (strncmp(rest, "has no effect", 15) == 0)
            claims->within[rule] = (int)other;
        else
            count--;
    }
    return count;
}

static void hold_claims(const struct snapshot *snapshot, const struct claims *claims,
                        char conditions[RULES_AT_ONCE][2048], const struct value *frame,
                        struct arena *arena) {
    struct value values[RULES_AT_ONCE];
    for (unsigned i = 0; i < RULES_AT_ONCE; i++)
        values[i] = expression_eval(snapshot->rules[i].when, frame, arena);
    for (unsigned i = 0; i < RULES_AT_ONCE; i++) {
        bool yes = values[i].type == VALUE_BOOL && values[i].boolean;
        bool no = values[i].type == VALUE_BOOL && !values[i].boolean;
        int other = claims->same[i] >= 0 ? claims->same[i] : claims->within[i];
        bool other_yes = other >= 0 && values[other].type == VALUE_BOOL && values[other].boolean;
        if (claims->never[i] && yes)
            fail_msg("never fires, but did: %s", conditions[i]);
        if (claims->never_false[i] && no)
            fail_msg("never false, but was: %s", conditions[i]);
        if (claims->always[i] && !yes)
            fail_msg("fires for every transaction, but did not: %s", conditions[i]);
        if (other >= 0 && yes && !other_yes)
            fail_msg("%s\n  fired without\n%s", conditions[i], conditions[other]);
        if (claims->same[i] >= 0 && yes != other_yes)
            fail_msg("%s\n  is not\n%s", conditions[i], conditions[other]);
    }
}

static size_t try_policy(void) {
    static char conditions[RULES_AT_ONCE][2048];
    struct buffer rules, messages;
    struct claims claims;
    struct arena arena;
    buffer_init(&rules);
    buffer_init(&messages);
    arena_init(&arena, 1u << 20);
    make_rules(&rules, conditions);
    buffer_append_u8(&rules, '\0');
    struct snapshot *snapshot = check_rules((const char *)rules.bytes, &messages);
    size_t count = read_claims((const char *)messages.bytes, &claims);
    struct value *frame = check_calloc(snapshot->slot_count, sizeof *frame);
    for (unsigned i = 0; i < FRAMES; i++) {
        arena_reset(&arena);
        fill(snapshot, frame, &arena);
        hold_claims(snapshot, &claims, conditions, frame, &arena);
    }
    free(frame);
    snapshot_unref(snapshot);
    arena_deinit(&arena);
    buffer_deinit(&rules);
    buffer_deinit(&messages);
    return count;
}

static void no_claim_is_false(void **state) {
    (void)state;
    unsigned policies = (unsigned)asked_steps(100);
    size_t claims = 0;
    for (unsigned i = 0; i < policies; i++) {
        random_state = i;
        claims += try_policy();
    }
    /* Or nothing was tried. */
    assert_true(claims > (size_t)policies * 3);
}

/* Of a single whole number everything is decided: every run of comparisons that no number passes is
 * found out. */
static void runs_of_comparisons_are_decided(void **state) {
    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        char when[256], said[512];
        size_t length = 0;
        unsigned count = 2 + below(3), signs[5];
        int constants[5];
        for (unsigned k = 0; k < count; k++) {
            signs[k] = below(6);
            constants[k] = (int)below(6);
            length += (size_t)snprintf(when + length, sizeof when - length, "%sn %s %d",
                                       k ? " && " : "", comparisons[signs[k]], constants[k]);
        }
        bool possible = false;
        for (int n = -1; n <= 6; n++) {
            bool passes = true;
            for (unsigned k = 0; k < count; k++) {
                const bool holds[] = {n<constants[k], n <= constants[k], n> constants[k],
                                      n >= constants[k], n == constants[k], n != constants[k]};
                passes &= holds[signs[k]];
            }
            possible |= passes;
        }
        said_of(when, said);
        if (possible != (strncmp(said, "never fires", 11) != 0))
            fail_msg("%s: %s", when, said);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_condition),
        cmocka_unit_test(pairs_of_rules),
        cmocka_unit_test(what_nothing_uses),
        cmocka_unit_test(rules_without_cases_and_rules_that_are_over),
        cmocka_unit_test(no_claim_is_false),
        cmocka_unit_test(runs_of_comparisons_are_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
