/* Types: the walk over the tree, operators, comparisons, thresholds and function calls. Names are
 * resolved in checker_name.c; checker_list.c has lists, maps and macros. Each function checks
 * operands first, returns the type of its node, and returns BROKEN without a message when an
 * operand is BROKEN, so that one mistake is one error. */
#include "checker.h"

#include "checker_call.h"
#include "checker_fired.h"
#include "checker_hint.h"
#include "checker_list.h"
#include "checker_name.h"
#include "checker_protect.h"
#include "checker_walk.h"
#include "checker_zone.h"
#include "core/base/check.h"
#include "core/policy/eval/cost.h"
#include "core/policy/eval/function.h"
#include "core/policy/lang/words.h"
#include "core/policy/lists/list.h"
#include "core/policy/source/diagnostic.h"

/* Reports an error at the node's own token. */
static type_code complain(struct checker *checker, const struct syntax *node, const char *text) {
    report(checker->reporter, node->offset, node->length, "%s", text);
    return BROKEN;
}

/* ------------------------------------------------------------------------------------------------
 * Texts that can only be one of a few words */

/* Reports a comparison with a literal that the name's value can never be, such as currency ==
 * "Euro": always false, hence a mistake. */
static void check_words(struct checker *checker, const struct syntax *name_node,
                        const struct syntax *constant) {
    const struct name *name = name_node->name;
    if (!name || constant->kind != SYNTAX_CONSTANT || constant->constant.type != VALUE_TEXT)
        return;
    struct text word = constant->constant.text;
    struct near near = near_to(word);
    const char *expected = words_expected(name->words, word, &near);
    if (!expected)
        return;
    char hint[NEAR_HINT_SIZE];
    report(checker->reporter, constant->offset, constant->length,
           "%" TEXT_FORMAT " is never \"%" TEXT_FORMAT "\"; %s%s", TEXT_ARGS(name->text),
           TEXT_ARGS(word), expected, near_hint(&near, hint));
}

/* ------------------------------------------------------------------------------------------------
 * Comparisons and membership */

/* Checks an operand that is compared with a value of type `other`: beside a text, an unknown name
 * is probably a literal without its quotes. */
static type_code check_beside(struct checker *checker, struct syntax *node, type_code other) {
    if (other != VALUE_TEXT || !checker_is_unknown_name(checker, node))
        return checker_node(checker, node);
    node->type = checker_unknown_name(checker, node, true);
    return node->type;
}

/* An unknown name on the left is checked last, so that the right side's type is known for its hint.
 */
static type_code check_comparison(struct checker *checker, struct syntax *node) {
    struct syntax *left = node->first, *right = node->last;
    type_code a, b;
    if (checker_is_unknown_name(checker, left)) {
        b = checker_node(checker, right);
        a = check_beside(checker, left, b);
    } else {
        a = checker_node(checker, left);
        b = check_beside(checker, right, a);
    }
    if (a == BROKEN || b == BROKEN)
        return BROKEN;
    if (!type_comparable(a, b)) {
        bool chain = left->kind == SYNTAX_BINARY && left->type == VALUE_BOOL && is_numeric(b);
        report(checker->reporter, node->offset, node->length, "cannot compare %s with %s%s",
               type_code_name(a).string, type_code_name(b).string,
               chain ? "; write a < b && b < c" : hint_for_pair(checker->scratch, left, right));
        return BROKEN;
    }
    if (node->sign == TOKEN_EQUAL || node->sign == TOKEN_NOT_EQUAL) {
        check_words(checker, left, right);
        check_words(checker, right, left);
    } else if (type_depth(a) > 0) {
        report(checker->reporter, node->offset, node->length,
               "lists and maps have no order; expected == or !=");
        return BROKEN;
    }
    return VALUE_BOOL;
}

static bool is_list_name(const struct syntax *node) {
    return node->kind == SYNTAX_MEMBER && node->first->kind == SYNTAX_NAME &&
           text_is(node->first->text, "lists");
}

/* lists.NAME is not a value, so the right operand is resolved here and never reaches
 * checker_node(). Conditions of features and derived fields may not read lists: lists change
 * without a rebuild, states and columns could not follow. */
static type_code check_in_named(struct checker *checker, struct syntax *node, type_code left) {
    struct syntax *right = node->last;
    const struct scope *scope = checker->scope;
    if (checker->reader == SCOPE_FILTER || checker->reader == SCOPE_DERIVED)
        return checker_refuse_reading(checker, right->start, right->end - right->start, "lists");
    struct near near = near_to(right->text);
    for (size_t i = 0; i < scope->list_count; i++) {
        if (text_equal(scope->lists[i].name, right->text)) {
            right->list = &scope->lists[i];
            scope->list_used[i] = true;
        }
        near_try(&near, scope->lists[i].name);
    }
    if (!right->list) {
        char hint[NEAR_HINT_SIZE];
        if (!scope->incomplete)
            report(checker->reporter, right->offset, right->length,
                   "unknown list \"%" TEXT_FORMAT "\"%s", TEXT_ARGS(right->text),
                   near_hint(&near, hint));
        return BROKEN;
    }
    if (left == BROKEN)
        return BROKEN;
    enum value_type wanted = list_kind_type(right->list->kind);
    if (left != wanted) {
        report(checker->reporter, node->first->start, node->first->end - node->first->start,
               "lists.%" TEXT_FORMAT " holds %s; this is %s; expected %s", TEXT_ARGS(right->text),
               list_kind_contents(right->list->kind), value_type_name(left),
               list_kind_hint(right->list->kind));
        return BROKEN;
    }
    return VALUE_BOOL;
}

/* A literal list right of `in` need not be of one type: its items are compared one by one. */
static type_code check_in_literal(struct checker *checker, struct syntax *node, type_code left) {
    bool broken = left == BROKEN;
    for (struct syntax *item = node->last->first; item; item = item->next) {
        type_code type = check_beside(checker, item, left);
        if (type == BROKEN || left == BROKEN) {
            broken = true;
        } else if (!type_comparable(left, type)) {
            report(checker->reporter, item->offset, item->length, "cannot compare %s with %s%s",
                   type_code_name(left).string, type_code_name(type).string,
                   hint_for_constant(checker->scratch, item, left));
            broken = true;
        } else {
            check_words(checker, node->first, item);
        }
    }
    if (broken)
        return BROKEN;
    node->last->type = TYPE_LIST_OF(left);
    return VALUE_BOOL;
}

static type_code check_in(struct checker *checker, struct syntax *node) {
    type_code left = checker_node(checker, node->first);
    if (is_list_name(node->last))
        return check_in_named(checker, node, left);
    if (node->last->kind == SYNTAX_LIST)
        return check_in_literal(checker, node, left);
    return checker_membership(checker, node);
}

/* ------------------------------------------------------------------------------------------------
 * Thresholds: thresholds.NAME with one [key] for each field of its groups */

static bool is_threshold_name(const struct syntax *node) {
    return node->kind == SYNTAX_MEMBER && node->first->kind == SYNTAX_NAME &&
           text_is(node->first->text, "thresholds");
}

/* Strips the indices from thresholds.NAME[a][b]: returns what they follow, and how many there are.
 */
static struct syntax *index_base(struct syntax *node, size_t *ret_keys) {
    *ret_keys = 0;
    for (; node->kind == SYNTAX_INDEX; node = node->first)
        ++*ret_keys;
    return node;
}

static bool check_key(struct checker *checker, struct syntax *key, const struct name *name) {
    type_code type = checker_node(checker, key);
    if (type == VALUE_TEXT || type == BROKEN)
        return type != BROKEN;
    report(checker->reporter, key->start, key->end - key->start,
           "a group of %" TEXT_FORMAT " is named by a string; this is %s%s", TEXT_ARGS(name->text),
           type_code_name(type).string, hint_for_constant(checker->scratch, key, VALUE_TEXT));
    return false;
}

/* base: the member that names the threshold; node: the same, or the outermost index that follows
 * it. One key of type string is needed for each field of the threshold's groups. */
static type_code check_threshold(struct checker *checker, struct syntax *node,
                                 const struct syntax *base, size_t keys) {
    const struct name *name = base->name;
    checker->scope->threshold_used[name->slot - checker->scope->first_threshold] = true;
    bool good = true;
    for (struct syntax *index = node; index != base; index = index->first)
        good &= check_key(checker, index->last, name);
    node->name = name;
    if (keys == name->key_count)
        return good ? name->type : BROKEN;
    if (name->key_count == 0)
        report(checker->reporter, base->start, base->end - base->start,
               "%" TEXT_FORMAT " has no groups: write it without []", TEXT_ARGS(name->text));
    else
        report(checker->reporter, base->start, base->end - base->start,
               "%" TEXT_FORMAT " has a value for each group; expected %" TEXT_FORMAT
               "%" TEXT_FORMAT,
               TEXT_ARGS(name->text), TEXT_ARGS(name->text), TEXT_ARGS(name->keys));
    return BROKEN;
}

static type_code check_index(struct checker *checker, struct syntax *node) {
    size_t keys;
    struct syntax *base = index_base(node, &keys);
    if (!is_threshold_name(base))
        return checker_element(checker, node);
    if (checker_member(checker, base) == BROKEN)
        return BROKEN;
    base->type = base->name->type;
    return check_threshold(checker, node, base, keys);
}

/* ------------------------------------------------------------------------------------------------
 * Operators and functions */

/* The function table decides which types an operator takes; joining two lists is the only operator
 * whose result type depends on its operands. */
static type_code check_arithmetic(struct checker *checker, struct syntax *node) {
    type_code types[2] = {checker_node(checker, node->first), VALUE_ABSENT};
    if (node->operand_count == 2)
        types[1] = checker_node(checker, node->last);
    if (types[0] == BROKEN || types[1] == BROKEN)
        return BROKEN;
    node->function = function_find(text_of(token_type_name(node->sign)), FUNCTION_OPERATOR, types,
                                   node->operand_count);
    type_code joined;
    bool joins = node->function && node->function->extent == FUNCTION_JOINS_LISTS;
    if (joins && type_join(types[0], types[1], &joined))
        return joined;
    if (node->function && !joins)
        return node->function->result;
    if (node->operand_count == 1)
        report(checker->reporter, node->offset, node->length,
               "\"-\" does not apply to %s; expected int or "
               "double",
               type_code_name(types[0]).string);
    else
        report(checker->reporter, node->offset, node->length,
               "\"%s\" does not apply to %s and "
               "%s%s",
               token_type_name(node->sign), type_code_name(types[0]).string,
               type_code_name(types[1]).string,
               hint_for_arithmetic(checker->scratch, node->first, node->last));
    return BROKEN;
}

/* All operands are checked even after an error. */
static type_code check_logic(struct checker *checker, struct syntax *node) {
    bool good = true;
    for (struct syntax *operand = node->first; operand; operand = operand->next) {
        checker_node(checker, operand);
        good &= checker_expect_bool(checker, operand, token_type_name(node->sign));
    }
    return good ? VALUE_BOOL : BROKEN;
}

/* Both branches are checked even if the condition is BROKEN, to report all errors at once. */
static type_code check_conditional(struct checker *checker, struct syntax *node) {
    struct syntax *condition = node->first, *then = condition->next, *otherwise = node->last;
    checker_node(checker, condition);
    type_code a = checker_node(checker, then), b = checker_node(checker, otherwise), both;
    bool good = checker_expect_bool(checker, condition, "?");
    if (a == BROKEN || b == BROKEN || !good)
        return BROKEN;
    if (type_join(a, b, &both))
        return both;
    report(checker->reporter, node->offset, node->length,
           "both sides of \":\" must have the same type; these are %s and %s%s",
           type_code_name(a).string, type_code_name(b).string,
           hint_for_arithmetic(checker->scratch, then, otherwise));
    return BROKEN;
}

/* has() needs something that may be absent and has a name: a name, entity.feature or map.key. A
 * macro's variable always has a value. */
static type_code check_has(struct checker *checker, struct syntax *node) {
    struct syntax *argument = node->first;
    size_t keys;
    const struct syntax *base = argument ? index_base(argument, &keys) : NULL;
    if (base && is_threshold_name(base))
        return complain(checker, node,
                        "a threshold always has a value: that of the group, else that of all "
                        "groups, else its fallback");
    if (node->operand_count != 1 ||
        (argument->kind != SYNTAX_NAME && argument->kind != SYNTAX_MEMBER) ||
        (argument->kind == SYNTAX_NAME && checker_local(checker, argument->text)))
        return complain(checker, node, "has() takes one name; expected for example has(device)");
    return checker_node(checker, argument) == BROKEN ? BROKEN : VALUE_BOOL;
}

static type_code unknown_function(struct checker *checker, const struct syntax *node) {
    call_report_unknown(node, checker->reporter);
    return BROKEN;
}

/* math.abs(x) parses as a method of `math`: here it becomes a global function "math.abs", unless
 * something is declared by that name. */
static void join_namespace(struct checker *checker, struct syntax *node) {
    struct syntax *first = node->first;
    if (!node->receiver || first->kind != SYNTAX_NAME || !text_is(first->text, "math") ||
        !checker_is_unknown_name(checker, first))
        return;
    node->text = arena_printf(checker->scratch, "math.%" TEXT_FORMAT, TEXT_ARGS(node->text));
    check(node->text.data);
    node->receiver = false;
    node->first = first->next;
    node->operand_count--;
    if (!node->first)
        node->last = NULL;
}

/* The row for these operands, which have been checked; NULL when there is none. */
/* More than two operands of one type fit a function of two that chains, such as math.greatest(a, b,
 * c). */
static const struct function *find_row(const struct syntax *node, enum function_form form) {
    type_code types[FUNCTION_PARAMETERS_MAX];
    size_t count = 0;
    bool alike = true;
    for (const struct syntax *operand = node->first; operand; operand = operand->next) {
        alike &= operand->type == node->first->type;
        if (count < FUNCTION_PARAMETERS_MAX)
            types[count] = operand->type;
        count++;
    }
    const struct function *function = NULL;
    if (count <= FUNCTION_PARAMETERS_MAX)
        function = function_find(node->text, form, types, count);
    if (function || count <= 2 || !alike)
        return function;
    function = function_find(node->text, form, types, 2);
    return function && function->chains ? function : NULL;
}

/* has(), fired() and macros look like calls but do not evaluate their arguments first. */
static type_code check_call(struct checker *checker, struct syntax *node) {
    if (!node->receiver && text_is(node->text, "has"))
        return check_has(checker, node);
    if (!node->receiver && text_is(node->text, "fired"))
        return checker_fired(checker, node) ? VALUE_BOOL : BROKEN;
    if (checker_is_macro(node))
        return checker_macro(checker, node);
    join_namespace(checker, node);
    enum function_form form = node->receiver ? FUNCTION_METHOD : FUNCTION_GLOBAL;
    if (!function_exists(node->text, form))
        return unknown_function(checker, node);
    bool broken = false;
    for (struct syntax *operand = node->first; operand; operand = operand->next)
        broken |= checker_node(checker, operand) == BROKEN;
    if (broken)
        return BROKEN;
    node->function = find_row(node, form);
    if (!node->function)
        return unknown_function(checker, node);
    if (!call_check_literals(node, checker->reporter) || !checker_zone(checker, node) ||
        !call_check_pattern(node, checker->source, checker->scratch, checker->reporter))
        return BROKEN;
    return node->function->result;
}

static type_code check_unary(struct checker *checker, struct syntax *node) {
    return node->sign == TOKEN_NOT ? check_logic(checker, node) : check_arithmetic(checker, node);
}

static type_code check_binary(struct checker *checker, struct syntax *node) {
    if (node->sign == TOKEN_IN)
        return check_in(checker, node);
    if (node->sign >= TOKEN_LESS && node->sign <= TOKEN_NOT_EQUAL)
        return check_comparison(checker, node);
    return check_arithmetic(checker, node);
}

static type_code check_kind(struct checker *checker, struct syntax *node) {
    switch (node->kind) {
    case SYNTAX_CONSTANT:
        return node->constant.type;
    case SYNTAX_NAME:
        return checker_name(checker, node);
    case SYNTAX_MEMBER:
        if (checker_member(checker, node) == BROKEN)
            return BROKEN;
        if (node->map_key)
            return type_element(node->first->type);
        return node->name->kind == NAME_THRESHOLD ? check_threshold(checker, node, node, 0)
                                                  : node->name->type;
    case SYNTAX_CALL:
        return check_call(checker, node);
    case SYNTAX_UNARY:
        return check_unary(checker, node);
    case SYNTAX_BINARY:
        return check_binary(checker, node);
    case SYNTAX_AND:
    case SYNTAX_OR:
        return check_logic(checker, node);
    case SYNTAX_CONDITIONAL:
        return check_conditional(checker, node);
    case SYNTAX_LIST:
        return checker_list(checker, node);
    case SYNTAX_MAP:
        return checker_map(checker, node);
    case SYNTAX_MACRO: /* nothing is checked twice */
        break;
    case SYNTAX_INDEX:
        return check_index(checker, node);
    }
    return BROKEN;
}

static type_code check_node(struct checker *checker, struct syntax *node) {
    node->type = check_kind(checker, node);
    return node->type;
}

/* Is the whole of it of the type that was wanted? */
/* Without a conversion: a policy says double(…) itself, so that reading it shows where precision is
 * lost. */
static bool check_wanted(struct checker *checker, const struct syntax *root, type_code wanted) {
    type_code type = root->type;
    const char *expected, *hint = "";
    if (type == VALUE_ABSENT) {
        report(checker->reporter, root->start, root->end - root->start,
               "this never has a value: an empty list has no items");
        return false;
    }
    if (type == wanted || wanted == TYPE_ANY || (wanted == VALUE_ABSENT && type_depth(type) == 0))
        return true;
    expected = wanted == VALUE_ABSENT ? "a single value" : value_type_name(type_kind(wanted));
    if (wanted == VALUE_DOUBLE && type == VALUE_INT)
        hint = "; write double(…)";
    else if (wanted == VALUE_INT && type == VALUE_DOUBLE)
        hint = "; write int(…)";
    report(checker->reporter, root->start, root->end - root->start, "this is %s; expected %s%s",
           type_code_name(type).string, expected, hint);
    return false;
}

/* Cost is computed last: it needs types, and a mistyped tree has none worth limiting. */
struct syntax *expression_check(struct text source, const struct scope *scope,
                                enum scope_reader reader, type_code wanted, struct arena *scratch,
                                struct reporter *reporter) {
    size_t before = reporter->count;
    struct syntax *root = syntax_parse(source, scratch, reporter);
    if (!root)
        return NULL;
    struct checker checker = {
        .source = source,
        .scope = scope,
        .reader = reader,
        .scratch = scratch,
        .reporter = reporter,
        .check_node = check_node,
    };
    type_code type = checker_node(&checker, root);
    if (type == BROKEN || reporter->count > before)
        return NULL;
    if (!check_wanted(&checker, root, wanted) || !checker_protect(&checker, root) ||
        !cost_fill(root, reporter))
        return NULL;
    return root;
}

struct syntax *syntax_both(struct syntax *left, struct syntax *right, struct arena *scratch) {
    struct syntax *node = arena_calloc(scratch, 1, sizeof *node);
    check(node);
    node->kind = SYNTAX_AND;
    node->sign = TOKEN_AND;
    node->type = VALUE_BOOL;
    node->depth = (left->depth > right->depth ? left->depth : right->depth) + 1;
    /* Copies, because the originals may be part of other trees. */
    struct syntax *first = arena_alloc(scratch, sizeof *first);
    struct syntax *last = arena_alloc(scratch, sizeof *last);
    check(first && last);
    *first = *left;
    *last = *right;
    first->next = last;
    last->next = NULL;
    node->first = first;
    node->last = last;
    node->operand_count = 2;
    cost_fill_node(node, NULL);
    return node;
}

bool syntax_reads(const struct syntax *node, struct text name) {
    if (node->name && text_equal(node->name->text, name))
        return true;
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (syntax_reads(operand, name))
            return true;
    return false;
}
