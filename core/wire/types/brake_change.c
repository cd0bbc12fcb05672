/* Checks in the order of harrier.proto, so that the first invalid field is the one that is named.
 */
#include "brake_change.h"

#include "field_text.h"

static int check_definition(const struct brake_change *change, struct error *ret_error) {
    if (change->pull && change->definition != 0)
        return error_set(ret_error, ERROR_INVALID,
                         "a definition to pull; expected none: the brake of the declaration in "
                         "force is pulled, and only lifting takes another");
    return 0;
}

static int check_rule(const struct brake_change *change, struct error *ret_error) {
    if (change->of_policy && change->rule.length > 0)
        return error_set(ret_error, ERROR_INVALID,
                         "a rule and the policy; expected one of the two: the policy is all rules");
    if (!change->of_policy && change->rule.length == 0)
        return error_set(ret_error, ERROR_INVALID,
                         "no rule; expected the name of one, or policy: true for all of them");
    return field_check_text("rule", change->rule, BRAKE_RULE_MAX, ret_error);
}

int brake_change_check(const struct brake_change *change, struct text *ret_field,
                       struct error *ret_error) {
    struct text field = TEXT_LITERAL("rule");
    int r = check_rule(change, ret_error);
    if (r == 0) {
        field = TEXT_LITERAL("definition");
        r = check_definition(change, ret_error);
    }
    if (r == 0) {
        field = TEXT_LITERAL("source");
        r = field_check_text("source", change->source, BRAKE_SOURCE_MAX, ret_error);
    }
    if (r == 0) {
        field = TEXT_LITERAL("reason");
        r = field_check_text("reason", change->reason, BRAKE_REASON_MAX, ret_error);
    }
    if (r < 0)
        *ret_field = field;
    return r;
}
