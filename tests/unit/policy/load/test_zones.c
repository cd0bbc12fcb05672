/* Time zones of a policy: its files, and what they are part of. A feature whose condition depends
 * on a zone is another feature once that zone's rules are other. */
#include "tests/unit/policy/policy_text.h"
#include "tests/unit/policy/tzif.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

/* A policy with zone files, which hold NULs. */
struct zoned {
    struct policy_text text;
    struct buffer files[4];
    size_t count;
};

static void add_zone(struct zoned *it, const char *path, int32_t first_s, const char *rule) {
    struct buffer *file = &it->files[it->count++];
    buffer_init(file);
    tzif_write(file, first_s, NULL, 0, rule);
    it->text.files[it->text.count++] = (struct policy_file){
        .path = text_of(path),
        .content = {.data = (const char *)file->bytes, .length = file->length}};
}

static void deinit(struct zoned *it) {
    for (size_t i = 0; i < it->count; i++)
        buffer_deinit(&it->files[i]);
}

#define BERLIN    "zones/Europe/Berlin.tzif"
#define RULE      "CET-1CEST,M3.5.0,M10.5.0/3"
#define SAME_RULE "XXX-1YYY-2,M3.5.0/2,M10.5.0/3:00" /* the same local times */
#define NEW_RULE  "CET-1CEST,M3.4.0,M10.5.0/3"

static void begin(struct zoned *it, const char *schema, const char *features) {
    *it = (struct zoned){.count = 0};
    policy_text_add(&it->text, "policy.yaml", "policy: {name: test, base_currency: EUR}\n");
    if (schema)
        policy_text_add(&it->text, "schema.yaml", schema);
    policy_text_add(&it->text, "features.yaml", features);
}

/* ------------------------------------------------------------------------------------------------
 * Definitions */

struct identity {
    uint64_t snapshot, definition, plan;
};

static struct identity identity(const char *schema, const char *features, const char *rule,
                                const char *other) {
    struct zoned it;
    begin(&it, schema, features);
    add_zone(&it, BERLIN, 0, rule);
    if (other)
        add_zone(&it, "zones/Asia/Tokyo.tzif", 0, other);
    struct snapshot *s = policy_text_load(&it.text);
    struct identity found = {.snapshot = s->id,
                             .definition = s->plan.entities[0].features[0].definition,
                             .plan = s->plan.id};
    snapshot_unref(s);
    deinit(&it);
    return found;
}

/* Rules that are other make another feature; another file with the same rules, and other zones, do
 * not, though each is another policy. */
static void expect_dependent(const char *schema, const char *features) {
    struct identity first = identity(schema, features, RULE, NULL);
    struct identity again = identity(schema, features, RULE, NULL);
    assert_true(memcmp(&first, &again, sizeof first) == 0);
    struct identity same = identity(schema, features, SAME_RULE, NULL);
    assert_true(same.snapshot != first.snapshot);
    assert_true(same.definition == first.definition && same.plan == first.plan);
    struct identity changed = identity(schema, features, NEW_RULE, NULL);
    assert_true(changed.snapshot != first.snapshot);
    assert_true(changed.definition != first.definition && changed.plan != first.plan);
    struct identity more = identity(schema, features, RULE, "JST-9");
    assert_true(more.snapshot != first.snapshot);
    assert_true(more.definition == first.definition && more.plan == first.plan);
}

static void test_conditions(void **state) {
    (void)state;
    expect_dependent(NULL, "entities: {card: {key: card}}\nfeatures:\n  card:\n"
                           "    - {name: night, aggregate: count, window: 30d, "
                           "where: 'event_time.getHours(\"Europe/Berlin\") < 6'}\n");
    expect_dependent(NULL, "entities: {card: {key: card}}\nfeatures:\n  card:\n"
                           "    - {name: night, aggregate: share, window: 30d, "
                           "of: 'localDate(event_time, \"Europe/Berlin\") == \"2026-12-25\"'}\n");
}

static void test_derived_fields(void **state) {
    (void)state;
    static const char schema[] =
        "derived: {hour: {value: 'event_time.getHours(\"Europe/Berlin\")'}}\n";
    expect_dependent(schema, "entities: {card: {key: card}}\nfeatures:\n  card:\n"
                             "    - {name: hours, aggregate: distinct, of: hour, window: 30d}\n");
    expect_dependent(schema,
                     "entities: {card: {key: card}}\nfeatures:\n  card:\n"
                     "    - {name: night, aggregate: count, where: hour < 6, window: 30d}\n");
    static const char day[] =
        "derived: {day: {value: 'localDate(event_time, \"Europe/Berlin\")'}}\n";
    expect_dependent(day, "entities: {of_day: {key: [card, day]}}\nfeatures:\n  of_day:\n"
                          "    - {name: count, aggregate: count, window: 2d}\n");
}

/* A feature that reads no zone keeps its history when zones change. */
static void test_independent(void **state) {
    (void)state;
    static const char features[] = "entities: {card: {key: card}}\nfeatures:\n  card:\n"
                                   "    - {name: early, aggregate: count, window: 30d, "
                                   "where: 'event_time.getHours(\"+01:00\") < 6'}\n";
    struct identity a = identity(NULL, features, RULE, NULL),
                    b = identity(NULL, features, NEW_RULE, "JST-9");
    assert_true(a.snapshot != b.snapshot && a.definition == b.definition && a.plan == b.plan);
}

/* Which zone it is depends on the transaction: on all of the policy's. */
static void test_any_zone(void **state) {
    (void)state;
    static const char schema[] = "attributes: {zone: {type: string}}\n";
    static const char features[] = "entities: {card: {key: card}}\nfeatures:\n  card:\n"
                                   "    - {name: night, aggregate: count, window: 30d, "
                                   "where: event_time.getHours(zone) < 6}\n";
    struct identity first = identity(schema, features, RULE, NULL);
    assert_true(first.definition == identity(schema, features, SAME_RULE, NULL).definition);
    assert_true(first.definition != identity(schema, features, NEW_RULE, NULL).definition);
    assert_true(first.definition != identity(schema, features, RULE, "JST-9").definition);
}

static void test_definition_text(void **state) {
    (void)state;
    struct zoned it;
    begin(
        &it, NULL,
        "entities: {card: {key: card}}\nfeatures:\n  card:\n"
        "    - {name: night, aggregate: count, window: 30d, "
        "where: \"event_time.getHours('Europe/Berlin')<6||event_time.getDate('Europe/Berlin')==1\"}"
        "\n");
    add_zone(&it, BERLIN, 0, RULE);
    struct snapshot *s = policy_text_load(&it.text);
    char expected[200];
    snprintf(expected, sizeof expected,
             "event_time.getHours(\"Europe/Berlin\") < 6 || "
             "event_time.getDate(\"Europe/Berlin\") == 1 // Europe/Berlin %016llx",
             (unsigned long long)s->zones.zones[0].hash);
    struct text source = s->plan.entities[0].filters[0].source;
    if (!text_is(source, expected))
        fail_msg("%.*s, expected %s", TEXT_ARGS(source), expected);
    snapshot_unref(s);
    deinit(&it);
}

static uint64_t threshold_definition(const char *rule) {
    struct zoned it;
    begin(&it, NULL, "entities: {}\n");
    policy_text_add(&it.text, "thresholds.yaml",
                    "thresholds:\n"
                    "  - {name: usual, quantile: 0.9, of: amount, over: 30d, fallback: 1, "
                    "where: 'event_time.getHours(\"Europe/Berlin\") < 6'}\n");
    policy_text_add(&it.text, "rules/a.yaml",
                    "rules: [{name: a, when: amount > thresholds.usual, then: {score: 1}}]\n");
    add_zone(&it, BERLIN, 0, rule);
    struct snapshot *s = policy_text_load(&it.text);
    uint64_t definition = s->thresholds[0].definition;
    snapshot_unref(s);
    deinit(&it);
    return definition;
}

static void test_thresholds(void **state) {
    (void)state;
    assert_true(threshold_definition(RULE) == threshold_definition(SAME_RULE));
    assert_true(threshold_definition(RULE) != threshold_definition(NEW_RULE));
}

/* ------------------------------------------------------------------------------------------------
 * Loading */

static void expect_messages(const struct zoned *it, bool loads, const char *expected) {
    struct snapshot *s = NULL;
    struct buffer messages;
    struct error error = {0};
    buffer_init(&messages);
    int r = snapshot_load(it->text.files, it->text.count, &s, &messages, &error);
    buffer_append_u8(&messages, 0);
    assert_int_equal(r == 0, loads);
    assert_string_equal((const char *)messages.bytes, expected);
    buffer_deinit(&messages);
    snapshot_unref(s);
}

static void test_unused(void **state) {
    (void)state;
    struct zoned it;
    begin(&it, NULL,
          "entities: {}\nvalues: [{name: hour, value: "
          "'event_time.getHours(\"Europe/Berlin\")'}]\n");
    add_zone(&it, BERLIN, 0, RULE);
    add_zone(&it, "zones/Asia/Tokyo.tzif", 0, "JST-9");
    expect_messages(&it, true,
                    "zones/Asia/Tokyo.tzif: warning: time zone \"Asia/Tokyo\" is never used\n");
    deinit(&it);
}

/* What names a zone whose file is refused is not reported as well. */
static void test_refused_file(void **state) {
    (void)state;
    struct zoned it;
    begin(&it, NULL,
          "entities: {}\nvalues: [{name: hour, value: "
          "'event_time.getHours(\"Europe/Berlin\")'}]\n");
    add_zone(&it, BERLIN, 3600, "");
    add_zone(&it, "zones/Europe/Ber lin.tzif", 0, RULE);
    expect_messages(&it, false,
                    "zones/Europe/Ber lin.tzif: this is not the name of a time zone; expected for "
                    "example zones/Europe/Berlin.tzif\n"
                    "zones/Europe/Berlin.tzif: it has no TZ string, so nothing is known about "
                    "later times\n");
    deinit(&it);
}

static void test_too_many(void **state) {
    (void)state;
    struct buffer file;
    buffer_init(&file);
    tzif_write(&file, 0, NULL, 0, "JST-9");
    struct policy_file *files = calloc(258, sizeof *files);
    char(*paths)[32] = calloc(258, sizeof *paths);
    files[0] =
        (struct policy_file){.path = TEXT_LITERAL("policy.yaml"),
                             .content = TEXT_LITERAL("policy: {name: test, base_currency: EUR}\n")};
    for (size_t i = 1; i < 258; i++) {
        snprintf(paths[i], sizeof paths[i], "zones/A%03zu.tzif", i);
        files[i] = (struct policy_file){
            .path = text_of(paths[i]),
            .content = {.data = (const char *)file.bytes, .length = file.length}};
    }
    struct snapshot *s = NULL;
    struct buffer messages;
    struct error error = {0};
    buffer_init(&messages);
    assert_int_equal(snapshot_load(files, 257, &s, &messages, &error), 0);
    assert_int_equal(s->zones.count, 256);
    snapshot_unref(s);
    assert_true(snapshot_load(files, 258, &s, &messages, &error) < 0);
    assert_string_equal(error.text, "zones/A257.tzif: 257 time zones; expected at most 256");
    buffer_deinit(&messages);
    buffer_deinit(&file);
    free(files);
    free(paths);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),      cmocka_unit_test(test_derived_fields),
        cmocka_unit_test(test_independent),     cmocka_unit_test(test_any_zone),
        cmocka_unit_test(test_definition_text), cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_unused),          cmocka_unit_test(test_refused_file),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
