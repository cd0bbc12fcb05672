/* rules/NAME.yaml: conditions, their consequences, and the sentence that says why. When and for
 * whom a rule is in force is in load_rule_terms.c; its suppression is a feature (load_suppress.c),
 * and its cases are read last (load_cases.c). */
#include "load_rules.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/eval/compile.h"
#include "core/policy/load/settings/load_rule_options.h"
#include "core/policy/load/settings/load_thresholds.h"
#include "load_rule_headers.h"
#include "load_rule_terms.h"
#include "load_sentence.h"
#include "rule_definition.h"

#include <stdlib.h>

enum {
    NAME,
    ABOUT,
    WHEN,
    THEN,
    REASON,
    MODE,
    TAGS,
    GROUP,
    FROM,
    UNTIL,
    ROLLOUT,
    ON_ERROR,
    AT_MOST,
    SUPPRESS,
    CASES,
    KEY_COUNT,
};

/* ------------------------------------------------------------------------------------------------
 * Reasons */

/* Without the line break that a block text (| or >) ends with: a reason is one line. */
static struct text trimmed(struct text t) {
    while (t.length > 0 && (t.data[t.length - 1] == '\n' || t.data[t.length - 1] == ' '))
        t.length--;
    return t;
}

static void default_reason(struct load *load, struct rule *rule) {
    struct reason_piece *piece = arena_calloc(load->arena, 1, sizeof *piece);
    check(piece);
    piece->literal = rule->about.length ? trimmed(rule->about) : rule->name;
    rule->reason = piece;
    rule->reason_count = 1;
}

/* ------------------------------------------------------------------------------------------------
 * Rules */

/* The first model that the condition reads, of those that give reasons. Recursive over the
 * condition, whose depth is limited. */
static size_t find_explained(const struct load *load, const struct syntax *node) {
    const struct snapshot *snapshot = load->snapshot;
    size_t first = SIZE_MAX;
    for (size_t i = 0; node->name && node->name->kind == NAME_MODEL && i < snapshot->model_count;
         i++) {
        const struct policy_model *model = &snapshot->models[i];
        if (model->reasons.top > 0 && node->name->slot - model->slot < model->slot_count)
            first = i;
    }
    for (const struct syntax *operand = node->first; operand; operand = operand->next) {
        size_t found = find_explained(load, operand);
        first = found < first ? found : first;
    }
    return first;
}

static void read_then(const struct reader *reader, const struct tree_node *node,
                      struct rule *rule) {
    static const char *const names[] = {"review", "challenge", "decline", NULL};
    static const enum verdict verdicts[] = {VERDICT_REVIEW, VERDICT_CHALLENGE, VERDICT_DECLINE};
    struct key keys[] = {{"verdict", false, NULL}, {"score", false, NULL}};
    if (!read_keys(reader, node, "then", keys, 2))
        return;
    if (!keys[0].node && !keys[1].node)
        read_diagnostic(reader, node, "then needs \"verdict\" or \"score\"");
    size_t index;
    int64_t score;
    if (keys[0].node && !keys[0].node->broken && keys[0].node->kind == TREE_TEXT &&
        text_is(keys[0].node->text, "approve"))
        read_diagnostic(
            reader, keys[0].node,
            "a rule cannot ask for approve, which is the default; give the rule a negative score "
            "to count in a transaction's favour");
    else if (keys[0].node && read_choice(reader, keys[0].node, "verdict", names, &index))
        rule->verdict = verdicts[index];
    if (keys[1].node &&
        read_int(reader, keys[1].node, "score", -DECISION_SCORE_MAX, DECISION_SCORE_MAX, &score))
        rule->score = (int32_t)score;
}

static void check_unique(struct load *load, const struct reader *reader,
                         const struct tree_node *node, const struct rule *rule) {
    for (size_t i = 0; i < load->snapshot->rule_count; i++) {
        const struct rule *other = &load->snapshot->rules[i];
        if (!text_equal(other->name, rule->name))
            continue;
        read_diagnostic(reader, node,
                        "there is already a rule \"%" TEXT_FORMAT "\" (%" TEXT_FORMAT ":%d)",
                        TEXT_ARGS(rule->name), TEXT_ARGS(other->file), other->line);
        return;
    }
}

/* Mode, tags, group, period and rollout. The stricter mode of rule and group counts. */
static void read_terms(struct load *load, const struct reader *reader,
                       const struct key keys[KEY_COUNT], struct rule *rule) {
    if (keys[MODE].node)
        load_rule_mode(reader, keys[MODE].node, &rule->mode);
    if (keys[TAGS].node)
        rule_read_tags(reader, keys[TAGS].node, rule);
    if (keys[GROUP].node)
        rule_read_group(load, reader, keys[GROUP].node, rule);
    if (rule->group != SIZE_MAX && load->snapshot->groups[rule->group].mode > rule->mode)
        rule->mode = load->snapshot->groups[rule->group].mode;
    rule_read_period(reader, keys[FROM].node, keys[UNTIL].node, rule);
    if (keys[ROLLOUT].node)
        rule_read_rollout(load, reader, keys[ROLLOUT].node, rule);
    if (keys[ON_ERROR].node)
        load_on_error(reader, keys[ON_ERROR].node, &rule->on_error);
    if (keys[AT_MOST].node)
        load_brake_limit(reader, keys[AT_MOST].node, &rule->at_most);
}

static const struct rule_header *find_rule_header(const struct load *load,
                                                  const struct tree_node *node) {
    for (size_t i = 0; i < load->rule_header_count; i++)
        if (load->rule_headers[i].node == node)
            return &load->rule_headers[i];
    return NULL;
}

/* A rule with the defaults of every key. */
static struct rule plain_rule(const struct load *load, const struct reader *reader,
                              const struct tree_node *node) {
    const struct rule_header *header = find_rule_header(load, node);
    const struct name *id = scope_find(&load->scope, TEXT_LITERAL("id"));
    return (struct rule){
        .file = reader->source->path,
        .line = (int)node->line,
        .on_error = load->snapshot->on_error,
        .group = SIZE_MAX,
        .from_us = INT64_MIN,
        .until_us = INT64_MAX,
        .rollout = RULE_ROLLOUT_ALL,
        .rollout_slot = id ? id->slot : 0,
        .suppress_slot = header ? header->suppress_slot : SIZE_MAX,
    };
}

static void read_rule(struct load *load, const struct reader *reader,
                      const struct tree_node *node) {
    struct key keys[KEY_COUNT] = {
        [NAME] = {"name", true, NULL},
        [ABOUT] = {"about", false, NULL},
        [WHEN] = {"when", true, NULL},
        [THEN] = {"then", true, NULL},
        [REASON] = {"reason", false, NULL},
        [MODE] = {"mode", false, NULL},
        [TAGS] = {"tags", false, NULL},
        [GROUP] = {"group", false, NULL},
        [FROM] = {"from", false, NULL},
        [UNTIL] = {"until", false, NULL},
        [ROLLOUT] = {"rollout", false, NULL},
        [ON_ERROR] = {"on_error", false, NULL},
        [AT_MOST] = {"at_most", false, NULL},
        [SUPPRESS] = {"suppress", false, NULL}, /* read by load_suppress.c */
        [CASES] = {"cases", false, NULL},       /* read by load_cases(), once all rules are known */
    };
    struct rule rule = plain_rule(load, reader, node);
    read_keys(reader, node, "a rule", keys, KEY_COUNT);
    bool named = keys[NAME].node && read_name(reader, keys[NAME].node, "rule", false, &rule.name);
    if (named)
        check_unique(load, reader, keys[NAME].node, &rule);
    if (keys[ABOUT].node)
        read_text(reader, keys[ABOUT].node, "about", REASON_TEXT_MAX, &rule.about);
    struct syntax *when = NULL;
    if (keys[WHEN].node) {
        when = load_expression_node(load, reader->source, keys[WHEN].node, "when", SCOPE_RULE,
                                    VALUE_BOOL);
        if (when)
            rule.when = expression_build(when, load->arena);
    }
    if (keys[THEN].node)
        read_then(reader, keys[THEN].node, &rule);
    if (keys[REASON].node)
        load_sentence(load, reader, keys[REASON].node, "reason", SCOPE_RULE, &rule.reason,
                      &rule.reason_count);
    else if (named)
        default_reason(load, &rule);
    read_terms(load, reader, keys, &rule);
    rule.rollout_seed = hash_text(rule.name);
    rule.declaration = rule_declaration(load, &rule, when, keys[SUPPRESS].node);
    rule.explained_model = when ? find_explained(load, when) : SIZE_MAX;
    if (when && rule.mode == RULE_LIVE)
        load_note_scored(load, when);
    if (named)
        load->snapshot->rules[load->snapshot->rule_count++] = rule;
}

static void read_file(struct load *load, const struct source *source,
                      const struct tree_node *root) {
    struct reader reader = load_reader(load, source);
    struct key keys[] = {{"rules", true, NULL}};
    if (!read_keys(&reader, root, "a rule file", keys, 1) ||
        !read_list(&reader, keys[0].node, "rules"))
        return;
    for (const struct tree_node *item = keys[0].node->first; item; item = item->next) {
        if (load->snapshot->rule_count == POLICY_RULES_MAX) {
            read_diagnostic(&reader, item, "too many rules; expected at most %u", POLICY_RULES_MAX);
            return;
        }
        read_rule(load, &reader, item);
    }
}

/* Combines the conditions' prefilters. A rule whose condition has errors has none. */
static void build_prefilters(struct load *load) {
    struct snapshot *snapshot = load->snapshot;
    const struct prefilter **prefilters = check_calloc(snapshot->rule_count, sizeof *prefilters);
    for (size_t i = 0; i < snapshot->rule_count; i++)
        if (snapshot->rules[i].when)
            prefilters[i] = expression_prefilter(snapshot->rules[i].when);
    snapshot->rule_prefilters = prefilter_set_build(prefilters, snapshot->rule_count, load->arena);
    free(prefilters);
}

void load_rules(struct load *load) {
    load->snapshot->rules =
        arena_calloc(load->arena, POLICY_RULES_MAX, sizeof *load->snapshot->rules);
    check(load->snapshot->rules);
    for (size_t i = 0; i < load->file_count; i++)
        if (policy_file_kind(load->sources[i].path) == FILE_RULES && load->roots[i])
            read_file(load, &load->sources[i], load->roots[i]);
    build_prefilters(load);
}
