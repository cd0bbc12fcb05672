/* Cases: those beside the rules and those of cases/NAME.yaml, once everything else is loaded.
 *
 * A case beside a rule expects that the rule fires, unless its `not` names it. Expectations refer
 * to slots and indices, so running a case needs no names. A case with errors is left out; the
 * policy does not load anyway. */
#include "load_cases.h"

#include "core/base/check.h"
#include "core/policy/lang/calendar.h"
#include "load_case_steps.h"

#include <stdlib.h>

/* ------------------------------------------------------------------------------------------------
 * Values and names */

/* As many decimals as are written are compared: an expected 12.5 accepts 12.54. */
static int decimals_of(struct text t) {
    const char *point = memchr(t.data, '.', t.length);
    if (memchr(t.data, 'e', t.length) || memchr(t.data, 'E', t.length))
        return -1;
    return point ? (int)(t.length - (size_t)(point - t.data) - 1) : 0;
}

static bool read_moment(struct case_loader *loader, const struct tree_node *node, const char *what,
                        enum value_type type, int64_t *ret_us) {
    struct text t;
    if (!read_text(&loader->reader, node, what, 64, &t))
        return false;
    if (type == VALUE_TIMESTAMP &&
        (calendar_parse_timestamp(t, ret_us) == 0 || calendar_parse_date(t, ret_us) == 0))
        return true;
    if (type == VALUE_DURATION && calendar_parse_duration(t, ret_us) == 0)
        return true;
    read_diagnostic(&loader->reader, node,
                    "%s \"%" TEXT_FORMAT "\" is not a %s; expected for example %s", what,
                    TEXT_ARGS(t), value_type_name(type),
                    type == VALUE_TIMESTAMP ? "2026-01-31T12:00:00Z" : "1h30m");
    return false;
}

/* A value of this type: numbers with all their decimals, times as RFC 3339, durations as 1h30m.
 * *ret_decimals: digits after the point of a double; −1 when it is written with an exponent. */
static bool read_value(struct case_loader *loader, const struct tree_node *node, const char *what,
                       enum value_type type, struct value *ret_value, int *ret_decimals) {
    const struct reader *reader = &loader->reader;
    struct value v = {.type = type};
    bool good;
    *ret_decimals = -1;
    if (case_is_null(node)) {
        *ret_value = value_absent();
        return true;
    }
    switch (type) {
    case VALUE_BOOL:
        good = read_bool(reader, node, what, &v.boolean);
        break;
    case VALUE_INT:
        good = read_int(reader, node, what, INT64_MIN, INT64_MAX, &v.integer);
        break;
    case VALUE_DOUBLE:
        good = read_double(reader, node, what, &v.number);
        if (good)
            *ret_decimals = decimals_of(node->text);
        break;
    case VALUE_TEXT:
        good = read_text(reader, node, what, TRANSACTION_ATTRIBUTE_MAX, &v.text);
        break;
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        good = read_moment(loader, node, what, type, &v.integer);
        break;
    default:
        return false; /* its declaration was reported */
    }
    if (good)
        *ret_value = v;
    return good;
}

/* Resolves a name. given: it must be a feature, model or threshold, whose value a case may set;
 * otherwise anything the frame holds but a threshold. NULL: reported, here or at its declaration.
 */
static const struct name *find_name(struct case_loader *loader, const struct tree_node *key,
                                    bool given) {
    const struct scope *scope = &loader->load->scope;
    const struct name *name = scope_find(scope, key->text);
    bool readable = name && name->kind != NAME_LATER;
    bool wanted = readable && (given ? name->kind == NAME_FEATURE || name->kind == NAME_MODEL ||
                                           name->kind == NAME_THRESHOLD
                                     : name->kind != NAME_THRESHOLD);
    if (wanted || (name && name->type == VALUE_ERROR))
        return wanted && name->type != VALUE_ERROR ? name : NULL;
    struct near near = near_to(key->text);
    for (size_t i = 0; i < scope->name_count; i++)
        near_try(&near, scope->names[i]->text);
    char hint[NEAR_HINT_SIZE];
    if (name)
        read_diagnostic(
            &loader->reader, key, "\"%" TEXT_FORMAT "\" is not a %s", TEXT_ARGS(key->text),
            given ? "feature, model or threshold; fields belong under \"transaction\", and values "
                    "are computed"
                  : "field, feature, value or model");
    else if (!scope->incomplete)
        read_diagnostic(&loader->reader, key, "unknown name \"%" TEXT_FORMAT "\"%s",
                        TEXT_ARGS(key->text), near_hint(&near, hint));
    return NULL;
}

/* A rule that is off never fires, so expecting anything of it is a mistake. */
static size_t find_rule(struct case_loader *loader, const struct tree_node *node) {
    const struct snapshot *snapshot = loader->load->snapshot;
    struct near near = near_to(node->text);
    for (size_t i = 0; i < snapshot->rule_count; i++) {
        const struct rule *rule = &snapshot->rules[i];
        near_try(&near, rule->name);
        if (!text_equal(rule->name, node->text))
            continue;
        if (rule->mode != RULE_OFF)
            return i;
        read_diagnostic(&loader->reader, node, "rule \"%" TEXT_FORMAT "\" is off: it never fires",
                        TEXT_ARGS(rule->name));
        return SIZE_MAX;
    }
    char hint[NEAR_HINT_SIZE];
    read_diagnostic(&loader->reader, node, "unknown rule \"%" TEXT_FORMAT "\"%s",
                    TEXT_ARGS(node->text), near_hint(&near, hint));
    return SIZE_MAX;
}

/* ------------------------------------------------------------------------------------------------
 * given */

static bool read_given(struct case_loader *loader, const struct tree_node *node,
                       struct policy_case *it) {
    if (!read_mapping(&loader->reader, node, "given"))
        return false;
    struct case_given *given = arena_calloc(loader->load->arena, node->child_count, sizeof *given);
    check(given);
    it->given = given;
    bool good = true;
    for (const struct tree_node *child = node->first; child; child = child->next) {
        int decimals;
        if (child->key->broken)
            continue;
        const struct name *name = find_name(loader, child->key, true);
        struct case_given *one = &given[it->given_count];
        if (!name ||
            !read_value(loader, child, name->text.data, name->type, &one->value, &decimals)) {
            good = false;
            continue;
        }
        one->slot = name->slot;
        it->given_count++;
    }
    return good;
}

/* ------------------------------------------------------------------------------------------------
 * expect */

static bool read_rules(struct case_loader *loader, const struct tree_node *node, const char *what,
                       const size_t **ret_rules, size_t *ret_count) {
    const struct tree_node *item = node;
    if (node->kind != TREE_TEXT) {
        if (!read_list(&loader->reader, node, what))
            return false;
        item = node->first;
        if (!item)
            read_diagnostic(&loader->reader, node, "%s is empty; expected names of rules", what);
    }
    size_t *rules = arena_calloc(loader->load->arena, node->child_count + 1, sizeof *rules);
    check(rules);
    bool good = item != NULL;
    for (; item; item = node->kind == TREE_TEXT ? NULL : item->next) {
        struct text name;
        size_t rule = SIZE_MAX;
        if (read_text(&loader->reader, item, what, NAME_SIZE_MAX, &name))
            rule = find_rule(loader, item);
        if (rule != SIZE_MAX)
            rules[(*ret_count)++] = rule;
        good &= rule != SIZE_MAX;
    }
    *ret_rules = rules;
    return good;
}

static bool read_reasons(struct case_loader *loader, const struct tree_node *node,
                         struct case_expectation *expect) {
    if (!read_mapping(&loader->reader, node, "reasons"))
        return false;
    struct case_reason *reasons =
        arena_calloc(loader->load->arena, node->child_count, sizeof *reasons);
    check(reasons);
    expect->reasons = reasons;
    bool good = true;
    for (const struct tree_node *child = node->first; child; child = child->next) {
        if (child->key->broken)
            continue;
        struct case_reason *one = &reasons[expect->reason_count];
        one->rule = find_rule(loader, child->key);
        if (one->rule == SIZE_MAX ||
            !read_text(&loader->reader, child, "reason", REASON_TEXT_MAX, &one->text))
            good = false;
        else
            expect->reason_count++;
    }
    return good;
}

static bool read_values(struct case_loader *loader, const struct tree_node *node,
                        struct case_expectation *expect) {
    if (!read_mapping(&loader->reader, node, "features"))
        return false;
    struct case_value *values =
        arena_calloc(loader->load->arena, node->child_count, sizeof *values);
    check(values);
    expect->values = values;
    bool good = true;
    for (const struct tree_node *child = node->first; child; child = child->next) {
        if (child->key->broken)
            continue;
        const struct name *name = find_name(loader, child->key, false);
        struct case_value *one = &values[expect->value_count];
        if (!name ||
            !read_value(loader, child, name->text.data, name->type, &one->value, &one->decimals)) {
            good = false;
            continue;
        }
        one->slot = name->slot;
        expect->value_count++;
    }
    return good;
}

enum { VERDICT, SCORE, FIRES, NOT, REASONS, FEATURES, EXPECT_KEYS };

static bool read_expect(struct case_loader *loader, const struct tree_node *node,
                        struct case_expectation *expect) {
    static const char *const verdicts[] = {"approve", "review", "challenge", "decline", NULL};
    struct key keys[EXPECT_KEYS] = {
        [VERDICT] = {"verdict", false, NULL}, [SCORE] = {"score", false, NULL},
        [FIRES] = {"fires", false, NULL},     [NOT] = {"not", false, NULL},
        [REASONS] = {"reasons", false, NULL}, [FEATURES] = {"features", false, NULL},
    };
    const struct reader *reader = &loader->reader;
    size_t index;
    int64_t score;
    if (!read_keys(reader, node, "expect", keys, EXPECT_KEYS))
        return false;
    bool good = true;
    if (!node->first) {
        read_diagnostic(reader, node,
                        "expect is empty; expected verdict, score, fires, not, reasons or "
                        "features");
        return false;
    }
    if (keys[VERDICT].node) {
        good &= read_choice(reader, keys[VERDICT].node, "verdict", verdicts, &index);
        if (good)
            expect->verdict = (enum verdict)(VERDICT_APPROVE + (int)index);
    }
    if (keys[SCORE].node) {
        bool read = read_int(reader, keys[SCORE].node, "score", 0, DECISION_SCORE_MAX, &score);
        if (read)
            expect->score = (int32_t)score;
        good &= read;
    }
    if (keys[FIRES].node)
        good &= read_rules(loader, keys[FIRES].node, "fires", &expect->fires, &expect->fire_count);
    if (keys[NOT].node)
        good &= read_rules(loader, keys[NOT].node, "not", &expect->silent, &expect->silent_count);
    if (keys[REASONS].node)
        good &= read_reasons(loader, keys[REASONS].node, expect);
    if (keys[FEATURES].node)
        good &= read_values(loader, keys[FEATURES].node, expect);
    return good;
}

static bool names_rule(const size_t *rules, size_t count, size_t rule) {
    for (size_t i = 0; i < count; i++)
        if (rules[i] == rule)
            return true;
    return false;
}

/* A case beside a rule expects that rule to fire unless it mentions the rule itself. */
static void expect_own_rule(struct case_loader *loader, struct policy_case *it) {
    struct case_expectation *expect = &it->expect;
    if (it->rule == SIZE_MAX || names_rule(expect->fires, expect->fire_count, it->rule) ||
        names_rule(expect->silent, expect->silent_count, it->rule))
        return;
    size_t *fires = arena_calloc(loader->load->arena, expect->fire_count + 1, sizeof *fires);
    check(fires);
    fires[0] = it->rule;
    for (size_t i = 0; i < expect->fire_count; i++)
        fires[i + 1] = expect->fires[i];
    expect->fires = fires;
    expect->fire_count++;
}

static void check_contradiction(struct case_loader *loader, const struct tree_node *node,
                                const struct case_expectation *expect) {
    for (size_t i = 0; i < expect->fire_count; i++)
        if (names_rule(expect->silent, expect->silent_count, expect->fires[i]))
            read_diagnostic(&loader->reader, node,
                            "\"%" TEXT_FORMAT "\" appears in both fires and not",
                            TEXT_ARGS(loader->load->snapshot->rules[expect->fires[i]].name));
}

/* ------------------------------------------------------------------------------------------------
 * Cases */

enum { NAME, ABOUT, HISTORY, GIVEN, TRANSACTION, EXPECT, KEY_COUNT };

/* Names are unique among the cases of one rule or of one file, which are adjacent in the array. */
static bool is_new_name(struct case_loader *loader, const struct tree_node *node,
                        const struct policy_case *it) {
    const struct snapshot *snapshot = loader->load->snapshot;
    for (size_t i = snapshot->case_count; i-- > 0;) {
        const struct policy_case *other = &snapshot->cases[i];
        if (!text_equal(other->file, it->file) || other->rule != it->rule)
            return true;
        if (text_equal(other->name, it->name)) {
            read_diagnostic(&loader->reader, node,
                            "there is already a case of this name, on line %d", other->line);
            return false;
        }
    }
    return true;
}

static bool read_expectation(struct case_loader *loader, const struct tree_node *node,
                             const struct tree_node *expect, struct policy_case *it) {
    it->expect.score = -1;
    if (!expect && it->rule == SIZE_MAX) {
        read_diagnostic(&loader->reader, node, "a case needs \"expect\"");
        return false;
    }
    if (expect && !read_expect(loader, expect, &it->expect))
        return false;
    expect_own_rule(loader, it);
    if (expect)
        check_contradiction(loader, expect, &it->expect);
    return true;
}

/* A case is kept only if everything in it was read. Names are checked against the cases before it.
 */
static void read_case(struct case_loader *loader, const struct tree_node *node, size_t rule) {
    struct snapshot *snapshot = loader->load->snapshot;
    struct key keys[KEY_COUNT] = {
        [NAME] = {"name", true, NULL},
        [ABOUT] = {"about", false, NULL},
        [HISTORY] = {"history", false, NULL},
        [GIVEN] = {"given", false, NULL},
        [TRANSACTION] = {"transaction", true, NULL},
        [EXPECT] = {"expect", false, NULL},
    };
    const struct reader *reader = &loader->reader;
    struct policy_case it = {.file = reader->source->path, .line = (int)node->line, .rule = rule};
    bool good = read_keys(reader, node, "a case", keys, KEY_COUNT);
    if (node->kind != TREE_MAPPING)
        return;
    if (keys[NAME].node)
        good &= read_text(reader, keys[NAME].node, "name", REASON_TEXT_MAX, &it.name) &&
                is_new_name(loader, keys[NAME].node, &it);
    if (keys[ABOUT].node)
        good &= read_text(reader, keys[ABOUT].node, "about", POLICY_ABOUT_MAX, &it.about);
    if (keys[GIVEN].node)
        good &= read_given(loader, keys[GIVEN].node, &it);
    if (keys[TRANSACTION].node)
        good &= case_read_steps(loader, keys[TRANSACTION].node, keys[HISTORY].node, &it);
    good &= read_expectation(loader, node, keys[EXPECT].node, &it);
    if (!good)
        return;
    if (snapshot->case_count == loader->capacity) {
        loader->capacity = loader->capacity ? loader->capacity * 2 : 32;
        loader->cases = check_reallocarray(loader->cases, loader->capacity, sizeof it);
        snapshot->cases = loader->cases;
    }
    loader->cases[snapshot->case_count++] = it;
}

static void read_cases(struct case_loader *loader, const struct tree_node *node, size_t rule) {
    if (!read_list(&loader->reader, node, "cases"))
        return;
    for (const struct tree_node *item = node->first; item; item = item->next) {
        if (loader->load->snapshot->case_count == CASES_MAX) {
            read_diagnostic(&loader->reader, item, "too many cases; expected at most %u",
                            CASES_MAX);
            return;
        }
        read_case(loader, item, rule);
    }
}

static const struct tree_node *child(const struct tree_node *node, const char *name) {
    if (node->kind != TREE_MAPPING)
        return NULL;
    for (const struct tree_node *item = node->first; item; item = item->next)
        if (!item->key->broken && text_is(item->key->text, name))
            return item;
    return NULL;
}

/* The cases beside the rules of a file that load_rules() has read. */
/* Rules are matched by name, since load_rules() skips those whose name has errors. */
static void read_rule_file(struct case_loader *loader, const struct tree_node *root) {
    const struct snapshot *snapshot = loader->load->snapshot;
    const struct tree_node *rules = child(root, "rules");
    if (!rules || rules->kind != TREE_LIST)
        return;
    for (const struct tree_node *item = rules->first; item; item = item->next) {
        const struct tree_node *cases = child(item, "cases"), *name = child(item, "name");
        size_t rule = 0;
        while (rule < snapshot->rule_count &&
               (!name || !text_equal(snapshot->rules[rule].name, name->text)))
            rule++;
        if (cases && rule < snapshot->rule_count)
            read_cases(loader, cases, rule);
    }
}

static void read_case_file(struct case_loader *loader, const struct tree_node *root) {
    struct key keys[] = {{"cases", true, NULL}};
    if (read_keys(&loader->reader, root, "a file of cases", keys, 1))
        read_cases(loader, keys[0].node, SIZE_MAX);
}

static void keep_cases(struct case_loader *loader) {
    struct snapshot *snapshot = loader->load->snapshot;
    struct policy_case *kept =
        arena_calloc(loader->load->arena, snapshot->case_count, sizeof *kept);
    check(kept);
    for (size_t i = 0; i < snapshot->case_count; i++)
        kept[i] = loader->cases[i];
    free(loader->cases);
    snapshot->cases = kept;
}

void load_cases(struct load *load) {
    struct case_loader loader = {.load = load};
    case_steps_init(&loader);
    for (size_t i = 0; i < load->file_count; i++) {
        enum policy_file_kind kind = policy_file_kind(load->sources[i].path);
        if (!load->roots[i] || (kind != FILE_RULES && kind != FILE_CASES))
            continue;
        loader.reader = load_reader(load, &load->sources[i]);
        if (kind == FILE_RULES)
            read_rule_file(&loader, load->roots[i]);
        else
            read_case_file(&loader, load->roots[i]);
    }
    keep_cases(&loader);
    case_steps_deinit(&loader);
}
