/* The few lookups that names, lists and the walk itself need. */
#include "checker_walk.h"

struct local *checker_local(const struct checker *checker, struct text name) {
    struct local *local = checker->locals;
    while (local && !text_equal(local->name, name))
        local = local->outer;
    return local;
}

bool checker_is_unknown_name(const struct checker *checker, const struct syntax *node) {
    return node->kind == SYNTAX_NAME && !checker_local(checker, node->text) &&
           !scope_find(checker->scope, node->text);
}

bool checker_expect_bool(struct checker *checker, const struct syntax *operand, const char *sign) {
    if (operand->type == VALUE_BOOL || operand->type == VALUE_ABSENT)
        return true;
    if (operand->type != BROKEN)
        report(checker->reporter, operand->start, operand->end - operand->start,
               "\"%s\" needs bool; this is %s", sign, type_code_name(operand->type).string);
    return false;
}
