/* Proofs about rules, and the sentences that report them: a rule never fires, always fires, has the
 * condition of another, or has no effect beside another. A proof that gives up reports nothing
 * (proof.h), so every warning holds for all transactions. */
#include "analysis_rules.h"

#include "core/base/check.h"
#include "core/policy/lang/calendar.h"
#include "core/policy/lang/scope.h"
#include "proof.h"

#include <stdio.h>
#include <stdlib.h>

/* ------------------------------------------------------------------------------------------------
 * In words */

static bool holds_node(const struct syntax *tree, const struct syntax *node) {
    if (tree == node)
        return true;
    for (const struct syntax *operand = tree->first; operand; operand = operand->next)
        if (holds_node(operand, node))
            return true;
    return false;
}

/* The expression that a node is part of. */
static const struct noted_expression *expression_of(const struct load *load,
                                                    const struct syntax *node) {
    for (size_t i = 0; i < load->noted_count; i++)
        if (holds_node(load->noted[i].syntax, node))
            return &load->noted[i];
    return NULL;
}

/* Quotes a part of a condition: `"amount < 5.0"`, `"!(a || b)"`, with file and line when it comes
 * from another expression, that of a computed value. Long ones are cut, line breaks become blanks.
 */
#define WORDS_SIZE 200
static const char *describe(const struct load *load, const struct noted_expression *rule,
                            const struct syntax *node, bool holds, char ret_words[WORDS_SIZE]) {
    const struct noted_expression *noted = expression_of(load, node);
    check(noted);
    struct text t = {.data = noted->node->text.data + noted->offset + node->start,
                     .length = node->end - node->start};
    t = analysis_unwrapped(t);
    bool cut = t.length > 80;
    if (cut)
        t.length = 80;
    while (cut && t.length > 0 && !text_begins_character(t.data[t.length]))
        t.length--;
    int length = snprintf(ret_words, WORDS_SIZE, "\"%s%.*s%s%s\"", holds ? "" : "!(", (int)t.length,
                          t.data, cut ? "…" : "", holds ? "" : ")");
    if (noted != rule && length < WORDS_SIZE)
        snprintf(ret_words + length, (size_t)(WORDS_SIZE - length), " on line %zu of %.*s",
                 noted->node->line, (int)noted->source->path.length, noted->source->path.data);
    for (char *at = ret_words; *at; at++) /* of expressions over several lines */
        if (*at == '\n')
            *at = ' ';
    return ret_words;
}

/* ------------------------------------------------------------------------------------------------
 * One rule */

static struct premises premises_of(struct analysis *analysis, const struct syntax *const *values) {
    return (struct premises){
        .snapshot = analysis->load->snapshot, .values = values, .scratch = &analysis->scratch};
}

static void warn_never(struct analysis *analysis, size_t rule, const struct clash *clash) {
    const struct load *load = analysis->load;
    const struct noted_expression *when = analysis->rules[rule].when;
    struct text name = load->snapshot->rules[rule].name;
    char first[WORDS_SIZE], second[WORDS_SIZE];
    const struct syntax *at = when->syntax;
    if (!clash->second) {
        analysis_warn(analysis, when, at,
                      "rule \"%" TEXT_FORMAT "\" never fires: each alternative of its condition "
                      "contradicts itself",
                      TEXT_ARGS(name));
        return;
    }
    if (holds_node(when->syntax, clash->second))
        at = clash->second;
    describe(load, when, clash->second, clash->second_holds, second);
    if (clash->first)
        analysis_warn(analysis, when, at,
                      "rule \"%" TEXT_FORMAT "\" never fires: %s and %s are never both true",
                      TEXT_ARGS(name),
                      describe(load, when, clash->first, clash->first_holds, first), second);
    else
        analysis_warn(analysis, when, at, "rule \"%" TEXT_FORMAT "\" never fires: %s is never true",
                      TEXT_ARGS(name), second);
}

static void check_rule(struct analysis *analysis, const struct premises *premises, size_t rule) {
    const struct noted_expression *when = analysis->rules[rule].when;
    struct text name = analysis->load->snapshot->rules[rule].name;
    struct clash clash;
    arena_reset(&analysis->scratch);
    if (proof_never(premises, when->syntax, true, &clash))
        warn_never(analysis, rule, &clash);
    else if (proof_never(premises, when->syntax, false, NULL))
        analysis_warn(analysis, when, when->syntax,
                      proof_is_total(premises, when->syntax)
                          ? "rule \"%" TEXT_FORMAT "\" fires for every transaction"
                          : "rule \"%" TEXT_FORMAT "\" fires for every transaction that has the "
                            "values it reads: its condition is never false",
                      TEXT_ARGS(name));
}

/* ------------------------------------------------------------------------------------------------
 * Two rules */

/* Does the condition alone decide whether the rule has effect? */
/* Only such rules are compared: the condition of another kind says too little about when it has
 * effect. */
static bool is_plain(const struct rule *rule) {
    return rule->mode == RULE_LIVE && rule->from_us == INT64_MIN && rule->until_us == INT64_MAX &&
           rule->rollout == RULE_ROLLOUT_ALL && rule->suppress_slot == SIZE_MAX;
}

/* Does a feature count how often it fired? */
static bool is_counted(const struct snapshot *snapshot, const struct rule *rule) {
    for (size_t i = 0; i < snapshot->fired_count; i++)
        if (text_equal(snapshot->fired_rules[i], rule->name))
            return true;
    return false;
}

static bool same_condition(const struct premises *premises, const struct syntax *a,
                           const struct syntax *b) {
    return proof_implies(premises, a, b) && proof_implies(premises, b, a);
}

static bool takes_greatest(const struct snapshot *snapshot, const struct rule *rule) {
    return rule->group != SIZE_MAX && snapshot->groups[rule->group].score == GROUP_MAX;
}

/* How the scores of two rules that fire together combine. */
static const char *scores_together(const struct snapshot *snapshot, const struct rule *a,
                                   const struct rule *b) {
    if (a->score == 0 || b->score == 0)
        return "";
    return a->group == b->group && takes_greatest(snapshot, a) ? ", and the greater score counts"
                                                               : ", and their scores add up";
}

/* May evaluating it give an error? Names, comparisons and && and || of them do not; anything else
 * is assumed to. */
static bool may_fail(const struct syntax *node) {
    if (node->function || node->list || node->map_key || node->kind == SYNTAX_INDEX ||
        node->kind == SYNTAX_MACRO || node->kind == SYNTAX_MAP ||
        (node->name && node->name->kind == NAME_VALUE))
        return true;
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (may_fail(operand))
            return true;
    return false;
}

/* May the rule have an effect other than its verdict? Even a score of 0 counts in a group that
 * takes the greatest: the others may be negative. */
static bool does_more(const struct snapshot *snapshot, const struct rule *rule,
                      const struct syntax *when) {
    return is_counted(snapshot, rule) || rule->score != 0 || takes_greatest(snapshot, rule) ||
           (rule->on_error != ON_ERROR_SKIP && may_fail(when));
}

/* Warns if `rule` has the condition of an earlier `other`, or if `other` makes it superfluous: it
 * fires whenever `rule` does and asks for at least as severe a verdict. */
static bool warn_pair(struct analysis *analysis, const struct premises *premises, size_t rule,
                      size_t other) {
    const struct snapshot *snapshot = analysis->load->snapshot;
    const struct rule *a = &snapshot->rules[rule], *b = &snapshot->rules[other];
    const struct noted_expression *when = analysis->rules[rule].when;
    const struct syntax *left = when->syntax, *right = analysis->rules[other].when->syntax;
    arena_reset(&analysis->scratch);
    if (rule > other && same_condition(premises, left, right)) {
        analysis_warn(analysis, when, left,
                      "rule \"%" TEXT_FORMAT "\" has the same condition as \"%" TEXT_FORMAT
                      "\" (%" TEXT_FORMAT ":%d): they fire together%s",
                      TEXT_ARGS(a->name), TEXT_ARGS(b->name), TEXT_ARGS(b->file), b->line,
                      scores_together(snapshot, a, b));
        return true;
    }
    if (does_more(snapshot, a, left) || a->verdict == VERDICT_NONE || a->verdict > b->verdict ||
        (rule < other && same_condition(premises, left, right)) ||
        !proof_implies(premises, left, right))
        return false;
    analysis_warn(analysis, when, left,
                  "rule \"%" TEXT_FORMAT "\" has no "
                  "effect: whenever it fires, so does \"%" TEXT_FORMAT "\" (%" TEXT_FORMAT
                  ":%d), which asks for %s",
                  TEXT_ARGS(a->name), TEXT_ARGS(b->name), TEXT_ARGS(b->file), b->line,
                  verdict_name(b->verdict));
    return true;
}

static void check_period(struct analysis *analysis, size_t rule) {
    const struct rule *it = &analysis->load->snapshot->rules[rule];
    char until[64];
    if (it->until_us > analysis->load->now_us)
        return;
    value_format(value_timestamp(it->until_us), until, sizeof until);
    diagnostic_warn(&analysis->load->diagnostics, analysis->rules[rule].source,
                    tree_position(analysis->rules[rule].name),
                    "rule \"%" TEXT_FORMAT "\" is no longer in force: it "
                    "ended at %s",
                    TEXT_ARGS(it->name), until);
}

static void check_pairs(struct analysis *analysis, const struct premises *premises, size_t rule) {
    const struct snapshot *snapshot = analysis->load->snapshot;
    struct clash clash;
    arena_reset(&analysis->scratch);
    /* A rule that never fires implies every other; it has its own warning. */
    if (!is_plain(&snapshot->rules[rule]) ||
        proof_never(premises, analysis->rules[rule].when->syntax, true, &clash))
        return;
    for (size_t other = 0; other < snapshot->rule_count; other++)
        if (other != rule && is_plain(&snapshot->rules[other]) &&
            warn_pair(analysis, premises, rule, other))
            return;
}

/* ------------------------------------------------------------------------------------------------
 * Features that count nothing */

static void check_filters(struct analysis *analysis, const struct premises *premises) {
    const struct load *load = analysis->load;
    for (size_t i = 0; i < load->noted_count; i++) {
        const struct noted_expression *noted = &load->noted[i];
        bool condition = noted->reader == SCOPE_FILTER || noted->reader == SCOPE_THRESHOLD;
        arena_reset(&analysis->scratch);
        if (condition && noted->syntax->type == VALUE_BOOL &&
            proof_never(premises, noted->syntax, true, NULL))
            analysis_warn(analysis, noted, noted->syntax, "this condition is never true");
    }
}

/* The trees of the computed values of type bool, by their order; NULL for others. free() the array.
 */
static const struct syntax **bool_values(const struct load *load) {
    struct tree_node *root = NULL;
    load_find((struct load *)load, FILE_FEATURES, &root);
    const struct tree_node *values = tree_child(root, "values");
    const struct syntax **trees = check_calloc(load->snapshot->computed_count + 1, sizeof *trees);
    size_t i = 0;
    for (const struct tree_node *item = values ? values->first : NULL; item; item = item->next) {
        const struct noted_expression *noted = noted_expression_of(load, tree_child(item, "value"));
        if (noted && noted->syntax->type == VALUE_BOOL)
            trees[i] = noted->syntax;
        i++;
    }
    return trees;
}

void analyse_rules(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->load->snapshot;
    const struct syntax **values = bool_values(analysis->load);
    struct premises premises = premises_of(analysis, values);
    check_filters(analysis, &premises);
    for (size_t i = 0; i < snapshot->rule_count; i++) {
        if (snapshot->rules[i].mode == RULE_OFF)
            continue;
        check_period(analysis, i);
        check_rule(analysis, &premises, i);
        check_pairs(analysis, &premises, i);
    }
    free(values);
}
