/* fired("rule"): did this rule have an effect on the transaction? Conditions of features can ask
 * that, as they can ask for the verdict: both are known only afterwards, and false or "none" while
 * a transaction is decided. */
#include "checker_fired.h"

#include "core/base/check.h"
#include "core/policy/source/diagnostic.h"

static bool is_declared(const struct rule_names *rules, struct text rule, struct near *near) {
    for (size_t i = 0; i < rules->count; i++) {
        if (text_equal(rules->names[i], rule))
            return true;
        near_try(near, rules->names[i]);
    }
    return false;
}

static bool refuse_rule(struct checker *checker, const struct syntax *argument,
                        const struct near *near) {
    char hint[NEAR_HINT_SIZE];
    if (!checker->scope->incomplete && !checker->scope->rules->incomplete)
        report(checker->reporter, argument->offset, argument->length,
               "unknown rule \"%" TEXT_FORMAT "\"%s", TEXT_ARGS(argument->constant.text),
               *near_hint(near, hint) ? hint : "; expected the name of a rule in rules/");
    return false;
}

/* The name for the rule's slot; a new one at its first use. NULL: there are too many. */
static const struct name *name_of(struct checker *checker, struct text rule) {
    struct rule_names *rules = checker->scope->rules;
    for (size_t i = 0; i < rules->asked_count; i++)
        if (text_equal(rules->asked_rules[i], rule))
            return rules->asked[i];
    if (rules->asked_count == SCOPE_FIRED_MAX)
        return NULL;
    struct name *name = arena_alloc(checker->scope->arena, sizeof *name);
    check(name);
    struct text full =
        arena_printf(checker->scope->arena, "fired(\"%" TEXT_FORMAT "\")", TEXT_ARGS(rule));
    check(full.data);
    *name = (struct name){.text = full,
                          .canonical = full,
                          .kind = NAME_FIRED,
                          .type = VALUE_BOOL,
                          .slot = rules->first_slot + rules->asked_count};
    rules->asked[rules->asked_count] = name;
    rules->asked_rules[rules->asked_count] = arena_text(checker->scope->arena, rule);
    check(rules->asked_rules[rules->asked_count++].data);
    return name;
}

/* A literal name only: the set of rules must be known at load, because each has a slot in the
 * frame. */
bool checker_fired(struct checker *checker, struct syntax *node) {
    const struct syntax *argument = node->first;
    if (checker->reader != SCOPE_FILTER || !checker->scope->rules) {
        report(
            checker->reporter, node->offset, node->length,
            "fired() is not known while a transaction is decided; only \"where\" and \"of\" of a "
            "feature can use it");
        return false;
    }
    if (node->operand_count != 1 || argument->kind != SYNTAX_CONSTANT ||
        argument->constant.type != VALUE_TEXT) {
        report(checker->reporter, node->offset, node->length,
               "fired() takes the name of a rule in quotes; expected for example "
               "fired(\"card_testing\")");
        return false;
    }
    struct near near = near_to(argument->constant.text);
    if (!is_declared(checker->scope->rules, argument->constant.text, &near))
        return refuse_rule(checker, argument, &near);
    node->name = name_of(checker, argument->constant.text);
    if (!node->name)
        report(checker->reporter, node->offset, node->length,
               "fired() is used for more than %d different rules", SCOPE_FIRED_MAX);
    return node->name != NULL;
}

bool syntax_asks_fired(const struct syntax *node) {
    if (node->kind == SYNTAX_CALL && node->name && node->name->kind == NAME_FIRED)
        return true;
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (syntax_asks_fired(operand))
            return true;
    return false;
}
