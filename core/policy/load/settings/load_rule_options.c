/* What appears in more than one place: a rule, its group and the policy as a whole can each set it.
 */
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

/* ---- at_most ---- */

/* "2%", "0.05%": in millionths, so at most four decimals. */
static bool parse_percent(struct text t, uint32_t *ret_share_e6) {
    int64_t number;
    if (t.length < 2 || t.data[t.length - 1] != '%')
        return false;
    t.length--;
    if (!read_parse_millionths(t, &number) || number % 100 != 0 || number <= 0 ||
        number >= INT64_C(100) * 1000000)
        return false;
    *ret_share_e6 = (uint32_t)(number / 100);
    return true;
}

bool load_brake_limit(const struct reader *reader, const struct tree_node *node,
                      struct brake_limit *ret_limit) {
    static const char per[] = " per ";
    struct brake_limit limit;
    struct text t;
    if (!read_text(reader, node, "at_most", 64, &t))
        return false;
    const char *between = memmem(t.data, t.length, per, sizeof per - 1);
    struct text share = {.data = t.data, .length = between ? (size_t)(between - t.data) : 0};
    struct text period = {.data = between ? between + sizeof per - 1 : NULL};
    if (between)
        period.length = t.length - share.length - (sizeof per - 1);
    if (parse_percent(share, &limit.share_e6) && read_parse_duration(period, &limit.per_us) &&
        limit.per_us >= BRAKE_PER_US_MIN && limit.per_us <= BRAKE_PER_US_MAX) {
        *ret_limit = limit;
        return true;
    }
    read_diagnostic(reader, node,
                    "at_most \"%" TEXT_FORMAT
                    "\" is not a share of decisions; expected more than 0%% and less than 100%%, "
                    "with at most 4 decimals, per 1m to 24h, such as \"2%% per 10m\"",
                    TEXT_ARGS(t));
    return false;
}
