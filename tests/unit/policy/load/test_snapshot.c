/* What a loaded policy looks like to the engine, and every policy under rules/ (argument). */
#include "tests/unit/policy/policy_text.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *rules_folder;

static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "  pair: {key: [card, merchant]}\n"
    "features:\n"
    "  pair:\n"
    "    - {name: count_1d, aggregate: count, window: 1d}\n"
    "  card:\n"
    "    - {name: sum_1d, aggregate: sum, of: amount, window: 1d}\n"
    "    - {name: mean_7d, aggregate: mean, of: amount, window: 7d, where: \"channel == 'ecom'\"}\n"
    "    - {name: merchants, aggregate: distinct, of: merchant, window: 1w}\n"
    "    - {name: last_merchant, aggregate: last, of: merchant, window: 1w}\n"
    "    - {name: new_merchant, aggregate: is_new, of: merchant, window: 30d}\n"
    "    - name: frauds\n"
    "      aggregate: share\n"
    "      of: outcome == 'fraud'\n"
    "      where: channel   ==   \"ecom\" // the same condition\n"
    "      window: 7d\n"
    "      delay: 7d\n"
    "      default: 0\n"
    "    - {name: most_items, aggregate: max, of: items, window: 1h, exclude_current: true, "
    "default: 0}\n"
    "    - {name: basket, aggregate: sum, of: basket, window: 1h}\n"
    "values:\n"
    "  - {name: large, value: amount > 100.0}\n"
    "  - {name: odd, value: large && card.new_merchant}\n";

static const char schema_yaml[] = "attributes:\n"
                                  "  items: {type: int}\n"
                                  "  basket: {type: decimal(3)}\n";

static const char rules_yaml[] =
    "rules:\n"
    "  - name: first\n"
    "    about: About the first\n"
    "    when: odd\n"
    "    then: {verdict: decline, score: 400}\n"
    "    reason: \"{card.sum_1d} at {{{merchant}}}, {1 + 1}\"\n"
    "  - {name: second, when: \"card.sum_1d > 5\", then: {score: -10}, mode: shadow}\n"
    "  - {name: third, about: About, when: pair.count_1d == 1, then: {verdict: review}, mode: "
    "off}\n";

static struct text slot_name(const struct snapshot *snapshot, size_t slot) {
    check(slot < snapshot->slot_count);
    return snapshot->slot_names[slot];
}

static void test_slots(void **state) {
    (void)state;
    struct snapshot *s = policy_text_snapshot(schema_yaml, features_yaml, rules_yaml);
    assert_int_equal(s->feature_count, 9);
    assert_int_equal(s->computed_count, 2);
    assert_true(text_is(slot_name(s, 0), "id"));
    assert_true(text_is(slot_name(s, s->slot_verdict), "verdict"));
    assert_true(text_is(slot_name(s, s->slot_outcome), "outcome"));
    /* attributes by name, whatever the file's order */
    assert_true(text_is(slot_name(s, s->schema.first_attribute), "basket"));
    assert_true(text_is(slot_name(s, s->schema.first_attribute + 1), "items"));
    /* entities in the order of `entities`, not of `features` */
    assert_true(text_is(slot_name(s, s->first_feature), "card.sum_1d"));
    assert_true(text_is(slot_name(s, s->first_feature + 8), "pair.count_1d"));
    assert_int_equal(s->bindings[0].first_feature, s->first_feature);
    assert_int_equal(s->bindings[1].first_feature, s->first_feature + 8);
    assert_true(text_is(slot_name(s, s->first_computed), "large"));
    assert_int_equal(s->computed[1].slot, s->first_computed + 1);
    assert_int_equal(s->slot_count, s->first_computed + 2);
    for (size_t i = 0; i < s->slot_count; i++)
        assert_true(s->slot_names[i].length > 0);
    snapshot_unref(s);
}

static void test_plan(void **state) {
    (void)state;
    struct snapshot *s = policy_text_snapshot(schema_yaml, features_yaml, rules_yaml);
    const struct entity_plan *card = &s->plan.entities[0], *pair = &s->plan.entities[1];
    assert_int_equal(s->plan.entity_count, 2);
    assert_true(text_is(card->key, "card"));
    assert_true(text_is(pair->key, "card+merchant"));
    assert_int_equal(s->bindings[1].key_slot_count, 2);
    assert_true(text_is(slot_name(s, s->bindings[1].key_slots[1]), "merchant"));

    static const struct {
        const char *source;
        enum column_type type;
        enum value_type value_type;
        int digits;
        const char *slot;
    } columns[] = {
        {"amount:EUR", COLUMN_INTEGER, VALUE_DOUBLE, 2, "amount"},
        {"merchant", COLUMN_HASH, VALUE_TEXT, 0, "merchant"},
        {"merchant", COLUMN_TEXT, VALUE_TEXT, 0, "merchant"},
        {"attributes.items:int", COLUMN_INTEGER, VALUE_INT, 0, "items"},
        {"attributes.basket:decimal(3)", COLUMN_INTEGER, VALUE_DOUBLE, 3, "basket"},
    };
    assert_int_equal(card->column_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(text_is(card->columns[i].source, columns[i].source));
        assert_int_equal(card->columns[i].type, columns[i].type);
        assert_int_equal(card->columns[i].value_type, columns[i].value_type);
        assert_int_equal(card->columns[i].digits, columns[i].digits);
        assert_true(text_is(slot_name(s, s->bindings[0].column_slots[i]), columns[i].slot));
    }
    /* Equal conditions are one filter; a share's part holds its condition as well. */
    assert_int_equal(card->filter_count, 2);
    assert_true(text_is(card->filters[0].source, "channel == \"ecom\""));
    assert_false(card->filters[0].outcome);
    assert_true(text_is(card->filters[1].source, "channel == \"ecom\" && outcome == \"fraud\""));
    assert_true(card->filters[1].outcome);
    const struct feature *frauds = &card->features[5], *most = &card->features[6];
    assert_int_equal(frauds->filter, 0);
    assert_int_equal(frauds->part, 1);
    assert_int_equal(frauds->column, -1);
    assert_int_equal(frauds->window_us, INT64_C(7) * 86400 * 1000000);
    assert_int_equal(frauds->delay_us, INT64_C(7) * 86400 * 1000000);
    assert_true(value_equal(frauds->default_value, value_double(0)));
    assert_true(value_equal(most->default_value, value_int(0)));
    assert_true(most->exclude_current);
    assert_int_equal(s->plan.lateness_us, INT64_C(3600) * 1000000);
    assert_true(s->plan.id != 0 && frauds->definition != 0);
    snapshot_unref(s);
}

static void test_filters_run(void **state) {
    (void)state;
    struct snapshot *s = policy_text_snapshot(schema_yaml, features_yaml, NULL);
    struct value *frame = calloc(s->slot_count, sizeof *frame);
    struct arena arena;
    arena_init(&arena, 4096);
    const struct expression *part = s->bindings[0].filters[1];
    for (size_t i = 0; i < s->slot_count; i++)
        if (text_is(s->slot_names[i], "channel"))
            frame[i] = value_text(TEXT_LITERAL("ecom"));
    frame[s->slot_outcome] = value_text(TEXT_LITERAL("none"));
    assert_true(value_equal(expression_eval(part, frame, &arena), value_bool(false)));
    frame[s->slot_outcome] = value_text(TEXT_LITERAL("fraud"));
    assert_true(value_equal(expression_eval(part, frame, &arena), value_bool(true)));
    arena_deinit(&arena);
    free(frame);
    snapshot_unref(s);
}

static void test_rules(void **state) {
    (void)state;
    struct snapshot *s = policy_text_snapshot(schema_yaml, features_yaml, rules_yaml);
    assert_int_equal(s->rule_count, 3);
    const struct rule *rule = s->rules;
    assert_true(text_is(rule[0].name, "first"));
    assert_int_equal(rule[0].verdict, VERDICT_DECLINE);
    assert_int_equal(rule[0].score, 400);
    assert_int_equal(rule[0].mode, RULE_LIVE);
    assert_true(text_is(rule[0].file, "rules/test.yaml"));
    assert_int_equal(rule[0].line, 2);
    /* "{card.sum_1d} at {{{merchant}}}, {1 + 1}" */
    assert_int_equal(rule[0].reason_count, 5);
    assert_int_equal(expression_type(rule[0].reason[0].expression), VALUE_DOUBLE);
    assert_true(text_is(rule[0].reason[1].literal, " at {"));
    assert_int_equal(expression_type(rule[0].reason[2].expression), VALUE_TEXT);
    assert_true(text_is(rule[0].reason[3].literal, "}, "));
    struct value two = expression_eval(rule[0].reason[4].expression, NULL, NULL);
    assert_true(value_equal(two, value_int(2)));
    assert_int_equal(rule[1].verdict, VERDICT_NONE);
    assert_int_equal(rule[1].score, -10);
    assert_int_equal(rule[1].mode, RULE_SHADOW);
    assert_int_equal(rule[1].reason_count, 1);
    assert_true(text_is(rule[1].reason[0].literal, "second")); /* no about: the name */
    assert_int_equal(rule[2].mode, RULE_OFF);
    assert_true(text_is(rule[2].reason[0].literal, "About"));
    snapshot_unref(s);
}

/* An expression ends where its own braces and texts have ended. */
static void test_braces_in_reasons(void **state) {
    (void)state;
    struct snapshot *s =
        policy_text_snapshot(schema_yaml, features_yaml,
                             "rules:\n"
                             "  - {name: map, when: amount > 1.0, then: {score: 1},\n"
                             "     reason: \"a { {'b': 'c', 'd': {'}': 'e'}['}']}['d']} f\"}\n"
                             "  - {name: raw, when: amount > 1.0, then: {score: 1},\n"
                             "     reason: '{\"x\\\\}\".replace(r\"\\\", \"\")}{\"\\\"}\"}'}\n");
    assert_int_equal(s->rules[0].reason_count, 3);
    struct value v = expression_eval(s->rules[0].reason[1].expression, NULL, NULL);
    assert_true(value_equal(v, value_text(TEXT_LITERAL("e"))));
    assert_true(text_is(s->rules[0].reason[2].literal, " f"));
    assert_int_equal(s->rules[1].reason_count, 2);
    v = expression_eval(s->rules[1].reason[0].expression, NULL, NULL);
    assert_true(value_equal(v, value_text(TEXT_LITERAL("x}"))));
    v = expression_eval(s->rules[1].reason[1].expression, NULL, NULL);
    assert_true(value_equal(v, value_text(TEXT_LITERAL("\"}"))));
    snapshot_unref(s);
}

static void test_settings(void **state) {
    (void)state;
    struct policy_text text = {.count = 0};
    policy_text_add(&text, "policy.yaml",
                    "policy:\n  name: card-payments\n  about: For tests\n  base_currency: KWD\n"
                    "  lateness: 90m\n  on_error: decline\n"
                    "  cutoffs: {review: 300, challenge: 550, decline: 750}\n");
    struct snapshot *s = policy_text_load(&text);
    assert_true(text_is(s->name, "card-payments"));
    assert_true(text_is(s->about, "For tests"));
    assert_string_equal(s->schema.base_currency, "KWD");
    assert_int_equal(s->schema.base_digits, 3);
    assert_int_equal(s->plan.lateness_us, INT64_C(5400) * 1000000);
    assert_int_equal(s->on_error, ON_ERROR_DECLINE);
    assert_int_equal(s->cutoffs[VERDICT_REVIEW], 300);
    assert_int_equal(s->cutoffs[VERDICT_CHALLENGE], 550);
    assert_int_equal(s->cutoffs[VERDICT_DECLINE], 750);
    assert_int_equal(s->cutoffs[VERDICT_APPROVE], 0);
    snapshot_unref(s);
}

/* White space, comments, quotes and order do not make another feature; money and types do. */
static void test_definitions(void **state) {
    (void)state;
    static const char one[] = "entities: {card: {key: card}}\n"
                              "features:\n"
                              "  card:\n"
                              "    - {name: a, aggregate: sum, of: amount, window: 24h, where: "
                              "\"amount>5.0&&mcc=='5411'\"}\n";
    static const char same[] =
        "entities:\n  card:\n    key: [card]\n"
        "features:\n"
        "  card:\n"
        "    - {name: other, aggregate: count, window: 1h}\n"
        "    - name: renamed\n      aggregate: sum\n      of: amount\n      window: 1d\n"
        "      default: 7\n"
        "      where: |\n        (amount > 5.00) // dear\n        && mcc == \"5411\"\n";
    struct snapshot *a = policy_text_snapshot(NULL, one, NULL);
    struct snapshot *b = policy_text_snapshot(NULL, same, NULL);
    uint64_t definition = a->plan.entities[0].features[0].definition;
    assert_true(definition == b->plan.entities[0].features[1].definition);
    assert_true(definition != b->plan.entities[0].features[0].definition);
    assert_true(a->id != b->id);

    struct policy_text dollars = {.count = 0};
    policy_text_add(&dollars, "policy.yaml", "policy: {name: test, base_currency: USD}\n");
    policy_text_add(&dollars, "features.yaml", one);
    struct snapshot *c = policy_text_load(&dollars);
    assert_true(definition != c->plan.entities[0].features[0].definition);
    snapshot_unref(a);
    snapshot_unref(b);
    snapshot_unref(c);
}

static void test_id(void **state) {
    (void)state;
    struct policy_text text = {.count = 0}, turned = {.count = 0};
    policy_text_add(&text, "policy.yaml", "policy: {name: test, base_currency: EUR}\n");
    policy_text_add(&text, "rules/a.yaml", "rules: []\n");
    policy_text_add(&turned, "rules/a.yaml", "rules: []\n");
    policy_text_add(&turned, "policy.yaml", "policy: {name: test, base_currency: EUR}\n");
    struct snapshot *a = policy_text_load(&text), *b = policy_text_load(&turned);
    assert_true(a->id == b->id);
    /* computed by an independent program: sha256 over lengths (8 bytes, little-endian), paths and
     * contents */
    char hex[HASH_HEX_SIZE];
    hash_hex(a->id, hex);
    assert_string_equal(hex, "0b480e0020879e9a");
    assert_true(snapshot_files_id(text.files, text.count) == a->id);
    /* A boundary moved between path and content is another policy. */
    turned.files[0].path = TEXT_LITERAL("rules/b.yaml");
    struct snapshot *c = policy_text_load(&turned);
    assert_true(a->id != c->id);
    assert_int_equal(c->file_count, 2);
    assert_true(text_is(c->files[0].path, "policy.yaml"));
    assert_true(text_is(c->files[1].content, "rules: []\n"));
    snapshot_unref(a);
    snapshot_unref(b);
    snapshot_unref(c);
}

/* Paths out of an archive that somebody may have forged. */
static void test_paths(void **state) {
    (void)state;
    static const char *const inside[] = {"policy.yaml", "rules/a.yaml", "lists//a b.txt",
                                         "a..b",        "a/b..",        "x/"};
    static const char *const outside[] = {
        "",  "/",   "/etc/passwd", "..",          "../a",      "a/..", "a/../../b",
        ".", "./a", "a/./b",       ".git/config", "a/.hidden", "//a"};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        assert_true(policy_path_is_inside(text_of(inside[i])));
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        assert_false(policy_path_is_inside(text_of(outside[i])));
    assert_false(policy_path_is_inside((struct text){.data = "a\0b", .length = 3}));
    static char longest[4096];
    memset(longest, 'a', sizeof longest);
    assert_true(policy_path_is_inside((struct text){.data = longest, .length = 4095}));
    assert_false(policy_path_is_inside((struct text){.data = longest, .length = 4096}));
}

static void *churn(void *argument) {
    struct snapshot *snapshot = argument;
    for (int i = 0; i < 20000; i++)
        snapshot_unref(snapshot_ref(snapshot));
    return NULL;
}

/* The last of several threads frees it: sanitizers see a double free or a leak. */
static void test_references(void **state) {
    (void)state;
    struct snapshot *snapshot = policy_text_snapshot(NULL, NULL, NULL);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, snapshot), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_true(text_is(snapshot->name, "test"));
    snapshot_unref(snapshot);
    snapshot_unref(NULL);
    assert_null(snapshot_ref(NULL));
}

static void test_lists(void **state) {
    (void)state;
    struct policy_text text = {.count = 0};
    policy_text_add(&text, "policy.yaml", "policy: {name: test, base_currency: EUR}\n");
    policy_text_add(&text, "lists.yaml",
                    "lists:\n  from_file: {file: lists/a.txt}\n  inline: {values: [x, \"y z\"]}\n");
    policy_text_add(&text, "lists/a.txt",
                    "\xef\xbb\xbf# head\r\n  one  \r\n\ntwo # behind\nthr#ee\none\nlast");
    policy_text_add(&text, "rules/a.yaml",
                    "rules:\n  - {name: a, when: card in lists.from_file, then: {score: 1}}\n");
    struct snapshot *snapshot = NULL;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    assert_int_equal(snapshot_load(text.files, text.count, &snapshot, &messages, &error), 0);
    buffer_append_u8(&messages, 0);
    assert_string_equal((const char *)messages.bytes,
                        "lists.yaml:3:3: warning: list \"inline\" is never used\n"
                        "    3 |   inline: {values: [x, \"y z\"]}\n"
                        "      |   ^~~~~~\n");
    buffer_deinit(&messages);
    const struct list *file = &snapshot->lists[0], *inline_list = &snapshot->lists[1];
    assert_int_equal(file->count, 4);
    assert_true(text_is(file->file, "lists/a.txt"));
    static const char *const there[] = {"one", "two", "thr#ee", "last"};
    for (size_t i = 0; i < 4; i++)
        assert_true(list_has(file, text_of(there[i])));
    static const char *const missing[] = {"", "# head", "one ", "on", "behind", "two # behind"};
    for (size_t i = 0; i < 6; i++)
        assert_false(list_has(file, text_of(missing[i])));
    assert_true(list_has(inline_list, TEXT_LITERAL("y z")));
    assert_false(list_has(inline_list, TEXT_LITERAL("y")));
    snapshot_unref(snapshot);
}

/* ------------------------------------------------------------------------------------------------
 * Folders */

static void write_file(const char *folder, const char *name, const char *content) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void make_folder(const char *folder, const char *name) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void test_folder(void **state) {
    (void)state;
    char folder[] = "/tmp/harrier-policy-XXXXXX";
    assert_non_null(mkdtemp(folder));
    write_file(folder, "policy.yaml", "policy: {name: test, base_currency: EUR}\n");
    make_folder(folder, "rules");
    make_folder(folder, "rules/deep");
    make_folder(folder, "lists");
    make_folder(folder, ".git");
    write_file(folder, "rules/deep/b.yaml", "rules: []\n");
    write_file(folder, "rules/a.yaml", "rules: []\n");
    /* leftovers of editors, hidden files, files that nothing names */
    write_file(folder, "rules/a.yaml~", "x");
    write_file(folder, "rules/.a.yaml.swp", "x");
    write_file(folder, "rules/.#a.yaml", "x");
    write_file(folder, "rules/#a.yaml#", "x");
    write_file(folder, ".git/config.yaml", "x");
    write_file(folder, "lists/unused.txt", "x");
    write_file(folder, "lists/used.txt", "x\n");
    write_file(folder, "README.md", "x");
    write_file(folder, "lists.yaml",
               "lists: {used: {file: lists/used.txt}, gone: {file: lists/gone.txt}, out: {file: "
               "../../etc/passwd}, root: {file: /etc/passwd}, hidden: {file: .git/config.yaml}}\n");
    struct policy_folder *read;
    struct error error = {0};
    assert_int_equal(policy_folder_read(folder, &read, &error), 0);
    size_t count;
    const struct policy_file *files = policy_folder_files(read, &count);
    static const char *const expected[] = {"lists.yaml", "lists/used.txt", "policy.yaml",
                                           "rules/a.yaml", "rules/deep/b.yaml"};
    assert_int_equal(count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(text_is(files[i].path, expected[i]));
    assert_true(text_is(files[1].content, "x\n"));
    policy_folder_free(read);
    policy_folder_free(NULL);

    /* A pipe where a file should be neither blocks nor loads. */
    char path[100];
    snprintf(path, sizeof path, "%s/rules/pipe.yaml", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(policy_folder_read(folder, &read, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, "rules/pipe.yaml: not a regular file"));
    assert_int_equal(policy_folder_read("/nonexistent", &read, &error), -ERROR_NOT_FOUND);
    assert_string_equal(error.text, "policy folder /nonexistent: No such file or directory");
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* Every policy that ships, without as much as a warning. */
static void test_shipped(void **state) {
    (void)state;
    DIR *directory = opendir(rules_folder);
    assert_non_null(directory);
    size_t policies = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (strchr(entry->d_name, '.')) /* README.md is not a policy */
            continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", rules_folder, entry->d_name);
        struct snapshot *snapshot = NULL;
        struct buffer messages;
        struct error error;
        buffer_init(&messages);
        if (snapshot_load_folder(path, &snapshot, &messages, &error) < 0 || messages.length > 0)
            fail_msg("%s:\n%.*s", path, (int)messages.length, (const char *)messages.bytes);
        buffer_deinit(&messages);
        snapshot_unref(snapshot);
        policies++;
    }
    closedir(directory);
    assert_true(policies >= 4);
}

/* The Handbook's fourteen features under the names that its comparison expects. */
static void test_handbook(void **state) {
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/handbook", rules_folder);
    struct snapshot *s = NULL;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    assert_int_equal(snapshot_load_folder(path, &s, &messages, &error), 0);
    static const char *const names[] = {
        "customer.count_1d",       "customer.count_7d",
        "customer.count_30d",      "customer.mean_amount_1d",
        "customer.mean_amount_7d", "customer.mean_amount_30d",
        "terminal.count_1d",       "terminal.count_7d",
        "terminal.count_30d",      "terminal.fraud_share_1d",
        "terminal.fraud_share_7d", "terminal.fraud_share_30d",
        "during_weekend",          "during_night",
    };
    const size_t count = s->feature_count + s->computed_count;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool found = false;
        for (size_t j = 0; j < count; j++)
            found |= text_is(s->slot_names[s->first_feature + j], names[i]);
        if (!found)
            fail_msg("no %s", names[i]);
    }
    assert_true(text_is(s->slot_names[s->first_computed], "during_weekend"));
    assert_true(text_is(s->slot_names[s->first_computed + 1], "during_night"));
    /* 2018-04-01 was a Sunday. */
    struct value *frame = calloc(s->slot_count, sizeof *frame);
    const int64_t sunday = INT64_C(1522540800) * 1000000, hour = INT64_C(3600) * 1000000;
    static const struct {
        int hours;
        int weekend, night;
    } times[] = {{0, 1, 1}, {6, 1, 1}, {7, 1, 0}, {24, 0, 1}, {36, 0, 0}, {6 * 24 + 12, 1, 0}};
    for (size_t i = 0; i < s->schema.field_count; i++)
        if (s->schema.fields[i].kind == FIELD_KIND_EVENT_TIME)
            for (size_t j = 0; j < sizeof times / sizeof *times; j++) {
                frame[i] = value_timestamp(sunday + times[j].hours * hour);
                struct value weekend = expression_eval(s->computed[0].expression, frame, NULL);
                struct value night = expression_eval(s->computed[1].expression, frame, NULL);
                assert_true(value_equal(weekend, value_int(times[j].weekend)));
                assert_true(value_equal(night, value_int(times[j].night)));
            }
    free(frame);
    buffer_deinit(&messages);
    snapshot_unref(s);
}

/* A file's name is shown like what is in it: harmless to a terminal. */
static void test_path_with_control_characters(void **state) {
    (void)state;
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("lists.yaml"),
         .content = TEXT_LITERAL("lists: {transit: {file: lists/transit.txt}}\n")},
        {.path = TEXT_LITERAL("lists/transi\xff.txt"), .content = TEXT_LITERAL("4111\n")},
        {.path = TEXT_LITERAL("policy.yaml"),
         .content = TEXT_LITERAL("policy: {name: test, base_currency: EUR}\n")},
        {.path = TEXT_LITERAL("rules/\x1b[2J\n\xff.yaml"), .content = TEXT_LITERAL("rules: 1\n")},
    };
    struct snapshot *snapshot = NULL;
    struct error error;
    struct buffer messages;
    buffer_init(&messages);
    assert_int_equal(snapshot_load(files, 4, &snapshot, &messages, &error), -ERROR_INVALID);
    buffer_append_u8(&messages, 0);
    assert_non_null(strstr((const char *)messages.bytes, "mean \"lists/transi?.txt\"?\n"));
    assert_non_null(strstr((const char *)messages.bytes, "\nrules/?[2J??.yaml:1:8: "));
    assert_non_null(strstr(error.text, "mean \"lists/transi?.txt\"?"));
    buffer_deinit(&messages);
}

/* Each suppression asks whether its rule fired, and of more there would be no trace. */
static void test_many_suppressions(void **state) {
    (void)state;
    struct buffer entities, rules, messages;
    struct snapshot *snapshot;
    struct error error;
    static const char *const keys[] = {"card",     "customer", "account", "merchant",
                                       "terminal", "device",   "ip",      "country"};
    for (unsigned count = 256; count <= 257; count++) {
        buffer_init(&entities);
        buffer_init(&rules);
        buffer_init(&messages);
        buffer_append_string(&entities, "entities:\n");
        for (size_t i = 0; i < 9; i++)
            buffer_printf(&entities, "  e%zu: {key: %s}\n", i, keys[i % 8]);
        buffer_append_string(&rules, "rules:\n");
        for (unsigned i = 0; i < count; i++)
            buffer_printf(&rules,
                          "  - {name: r%u, when: amount > 1.0, then: {score: 1}, suppress: {by: "
                          "e%u, for: 1h}}\n",
                          i, i % 9);
        const struct policy_file files[] = {
            {.path = TEXT_LITERAL("policy.yaml"),
             .content = TEXT_LITERAL("policy: {name: p, base_currency: EUR}\n")},
            {.path = TEXT_LITERAL("features.yaml"),
             .content = {.data = (char *)entities.bytes, .length = entities.length}},
            {.path = TEXT_LITERAL("rules/a.yaml"),
             .content = {.data = (char *)rules.bytes, .length = rules.length}},
        };
        if (count == 256) {
            assert_int_equal(snapshot_load(files, 3, &snapshot, &messages, &error), 0);
            assert_int_equal(snapshot->feature_count, 256);
            snapshot_unref(snapshot);
        } else {
            assert_int_equal(snapshot_load(files, 3, &snapshot, &messages, &error), -ERROR_INVALID);
            assert_non_null(strstr(error.text, "rules/a.yaml:258:"));
            assert_non_null(strstr(error.text, "more than 256 different rules"));
        }
        buffer_deinit(&entities);
        buffer_deinit(&rules);
        buffer_deinit(&messages);
    }
}

static void test_limits(void **state) {
    (void)state;
    struct snapshot *snapshot;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    struct policy_file *files = calloc(1001, sizeof *files);
    assert_int_equal(snapshot_load(files, 1001, &snapshot, &messages, &error), -ERROR_TOO_LARGE);
    assert_string_equal(error.text, "the policy has 1001 files; expected at most 1000");
    char *large = calloc(1, (16 << 20) + 1);
    files[0] = (struct policy_file){.path = TEXT_LITERAL("policy.yaml"),
                                    .content = {.data = large, .length = (16 << 20) + 1}};
    assert_int_equal(snapshot_load(files, 1, &snapshot, &messages, &error), -ERROR_TOO_LARGE);
    files[0].content.length = 5 << 20;
    assert_int_equal(snapshot_load(files, 1, &snapshot, &messages, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, "the file has 5242880 bytes"));
    assert_int_equal(snapshot_load(NULL, 0, &snapshot, &messages, &error), -ERROR_INVALID);
    assert_string_equal(error.text,
                        "policy.yaml: missing; a policy is a folder that contains policy.yaml");
    free(large);
    free(files);
    buffer_deinit(&messages);
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    rules_folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_filters_run),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_braces_in_reasons),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_id),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_shipped),
        cmocka_unit_test(test_handbook),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_suppressions),
        cmocka_unit_test(test_path_with_control_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
