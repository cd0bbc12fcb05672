/* Checks in the order of harrier.proto, so that the first invalid field is the one that is named.
 */
#include "list_change.h"

#include "field_text.h"

/* Whether the list exists and can hold the value depends on the policy: core/store/ingest checks
 * that. */
int list_change_check(const struct list_change *change, struct text *ret_field,
                      struct error *ret_error) {
    struct text field = TEXT_LITERAL("list");
    int r = field_check_required("list", change->list, LIST_CHANGE_NAME_MAX, ret_error);
    if (r == 0) {
        field = TEXT_LITERAL("value");
        r = field_check_required("value", change->value, LIST_CHANGE_VALUE_MAX, ret_error);
    }
    if (r == 0) {
        field = TEXT_LITERAL("expiry_time_us");
        r = field_check_time("expiry_time_us", change->expiry_time_us, ret_error);
    }
    if (r == 0 && change->remove && change->expiry_time_us != 0)
        r = error_set(ret_error, ERROR_INVALID,
                      "a removal does not expire; expected expiry_time_us 0: what is removed stays "
                      "away until it is added again");
    if (r == 0) {
        field = TEXT_LITERAL("source");
        r = field_check_text("source", change->source, LIST_CHANGE_SOURCE_MAX, ret_error);
    }
    if (r == 0) {
        field = TEXT_LITERAL("reason");
        r = field_check_text("reason", change->reason, LIST_CHANGE_REASON_MAX, ret_error);
    }
    if (r < 0)
        *ret_field = field;
    return r;
}
