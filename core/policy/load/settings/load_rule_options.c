/* Two choices that appear in more than one file: a rule, its group and the policy as a whole can
 * each set them. */
#include "load_rule_options.h"

bool load_rule_mode(const struct reader *reader, const struct tree_node *node,
                    enum rule_mode *ret_mode) {
    static const char *const names[] = {"live", "shadow", "off", NULL};
    static const enum rule_mode modes[] = {RULE_LIVE, RULE_SHADOW, RULE_OFF};
    size_t index;
    if (!read_choice(reader, node, "mode", names, &index))
        return false;
    *ret_mode = modes[index];
    return true;
}

bool load_on_error(const struct reader *reader, const struct tree_node *node,
                   enum on_error *ret_on_error) {
    static const char *const names[] = {"skip", "review", "decline", NULL};
    static const enum on_error meanings[] = {ON_ERROR_SKIP, ON_ERROR_REVIEW, ON_ERROR_DECLINE};
    size_t index;
    if (!read_choice(reader, node, "on_error", names, &index))
        return false;
    *ret_on_error = meanings[index];
    return true;
}
