/* A pseudonym's text is random, so whatever reads it as a text is a mistake that would silently
 * never hold: it is refused where the policy is loaded. What a protected field may be part of is
 * listed here; everything else is refused, also what future versions of the language add. */
#include "checker_protect.h"

#include "core/base/pseudonym.h"
#include "core/policy/lists/list.h"
#include "core/policy/source/diagnostic.h"

#define ADVICE "; take what is needed before: an attribute with from_clear in schema.yaml"

static struct text protect_of(const struct syntax *node) {
    bool has_name =
        node->kind == SYNTAX_NAME || node->kind == SYNTAX_MEMBER; /* a feature is a member */
    return node->name && has_name ? node->name->protect : (struct text){0};
}

static bool is_protected(const struct syntax *node) {
    return protect_of(node).length > 0;
}

static void refuse_text(struct checker *checker, const struct syntax *node, const char *what) {
    report(checker->reporter, node->start, node->end - node->start,
           "%" TEXT_FORMAT " is protected: it holds pseudonyms, and %s needs its text" ADVICE,
           TEXT_ARGS(node->text), what);
}

/* A protected field beside something that it is compared with. */
static void check_pair(struct checker *checker, const struct syntax *field,
                       const struct syntax *other) {
    struct text what = protect_of(field), of = protect_of(other);
    bool is_constant = other->kind == SYNTAX_CONSTANT;
    if (text_equal(what, of))
        return;
    if (is_constant && other->constant.type == VALUE_TEXT &&
        pseudonym_has_form(other->constant.text))
        return;
    if (is_constant)
        report(checker->reporter, field->start, field->end - field->start,
               "%" TEXT_FORMAT " is protected: it holds pseudonyms and never equals a clear value; "
               "expected a pseudonym (`harrier pseudonym` makes one), or a protected list",
               TEXT_ARGS(field->text));
    else if (of.length > 0)
        report(checker->reporter, field->start, field->end - field->start,
               "%" TEXT_FORMAT " and %" TEXT_FORMAT
               " have pseudonyms of their own, which are never equal; give both the same "
               "protect_as in schema.yaml",
               TEXT_ARGS(field->text), TEXT_ARGS(other->text));
    else
        report(checker->reporter, field->start, field->end - field->start,
               "%" TEXT_FORMAT
               " is protected: it holds pseudonyms, and what it is compared with does not",
               TEXT_ARGS(field->text));
}

static void check_list(struct checker *checker, const struct syntax *left,
                       const struct list *list) {
    struct text what = protect_of(left);
    if (text_equal(what, list->protect))
        return;
    if (what.length == 0)
        report(checker->reporter, left->start, left->end - left->start,
               "lists.%" TEXT_FORMAT " holds pseudonyms of %" TEXT_FORMAT
               "; expected a field that is protected as %" TEXT_FORMAT,
               TEXT_ARGS(list->name), TEXT_ARGS(list->protect), TEXT_ARGS(list->protect));
    else
        report(checker->reporter, left->start, left->end - left->start,
               "%" TEXT_FORMAT
               " is protected and the list is not: it would never be found; write protect: "
               "%" TEXT_FORMAT " at lists.%" TEXT_FORMAT " in lists.yaml",
               TEXT_ARGS(left->text), TEXT_ARGS(what), TEXT_ARGS(list->name));
}

/* `left in [a, b]`: each item is compared by itself. */
static void check_items(struct checker *checker, const struct syntax *left,
                        const struct syntax *items) {
    for (const struct syntax *item = items->first; item; item = item->next)
        if (is_protected(left))
            check_pair(checker, left, item);
        else if (is_protected(item))
            check_pair(checker, item, left);
}

static void check_node(struct checker *checker, const struct syntax *node);

static void check_operands(struct checker *checker, const struct syntax *node, const char *what) {
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (is_protected(operand))
            refuse_text(checker, operand, what);
        else
            check_node(checker, operand);
}

/* The operands that are no protected fields have operands of their own. */
static void check_others(struct checker *checker, const struct syntax *node) {
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (!is_protected(operand))
            check_node(checker, operand);
}

static void check_binary(struct checker *checker, const struct syntax *node) {
    const struct syntax *left = node->first, *right = node->last;
    if (node->sign == TOKEN_EQUAL || node->sign == TOKEN_NOT_EQUAL) {
        if (is_protected(left))
            check_pair(checker, left, right);
        else if (is_protected(right))
            check_pair(checker, right, left);
        check_others(checker, node);
    } else if (node->sign == TOKEN_IN && right->list) {
        check_list(checker, left, right->list);
        if (!is_protected(left))
            check_node(checker, left);
    } else if (node->sign == TOKEN_IN && right->kind == SYNTAX_LIST) {
        check_items(checker, left, right);
        if (!is_protected(left))
            check_node(checker, left);
        check_others(checker, right);
    } else {
        check_operands(checker, node, token_type_name(node->sign));
    }
}

static const char *words_of(const struct syntax *node) {
    switch (node->kind) {
    case SYNTAX_CALL:
        return "this function";
    case SYNTAX_CONDITIONAL:
        return "a choice between values";
    case SYNTAX_LIST:
    case SYNTAX_MAP:
        return "a list or map of values";
    default:
        return "this";
    }
}

/* thresholds.NAME[field][field] looks a group up by pseudonyms. */
static void check_keys(struct checker *checker, const struct syntax *index) {
    for (; index->kind == SYNTAX_INDEX; index = index->first)
        if (!is_protected(index->last))
            check_node(checker, index->last);
}

/* has(field) tells only whether it is there. */
static void check_node(struct checker *checker, const struct syntax *node) {
    bool is_has = node->kind == SYNTAX_CALL && !node->receiver && text_is(node->text, "has");
    bool is_group = node->kind == SYNTAX_INDEX && node->name && node->name->kind == NAME_THRESHOLD;
    if (is_has)
        return;
    if (node->kind == SYNTAX_BINARY)
        check_binary(checker, node);
    else if (is_group)
        check_keys(checker, node);
    else
        check_operands(checker, node, words_of(node));
}

bool checker_protect(struct checker *checker, const struct syntax *root) {
    size_t before = checker->reporter->count;
    bool keeps = checker->reader == SCOPE_DERIVED || checker->reader == SCOPE_VALUE ||
                 checker->reader == SCOPE_MODEL;
    if (is_protected(root) && keeps)
        refuse_text(checker, root, "this value");
    else if (!is_protected(root))
        check_node(checker, root);
    return checker->reporter->count == before;
}
