/* A decision is compared with RULE_FAILURES_NAMED rules at most, and of a decision with many
 * failures only those that it names are looked at: a broken policy must not make decisions slow. */
#include "rule_failures.h"

#include "core/base/buffer.h"

#include <inttypes.h>
#include <string.h>

static struct failed_rule *find(struct rule_failures *failures, struct text name,
                                enum expression_error reason) {
    for (size_t i = 0; i < failures->count; i++)
        if (failures->of[i].reason == reason && text_is(name, failures->of[i].name))
            return &failures->of[i];
    if (failures->count == RULE_FAILURES_NAMED || name.length > NAME_SIZE_MAX)
        return NULL;
    struct failed_rule *added = &failures->of[failures->count++];
    *added = (struct failed_rule){.reason = reason};
    memcpy(added->name, name.data, name.length);
    return added;
}

void rule_failures_note(struct rule_failures *failures, const struct decision *decision) {
    failures->decisions++;
    failures->has_more |= decision->rule_errors > decision->failed_rule_count;
    for (size_t i = 0; i < decision->failed_rule_count; i++) {
        struct failed_rule *rule = find(failures, decision->failed_rules[i],
                                        (enum expression_error)decision->failures[i].reason);
        if (rule)
            rule->decisions++;
        else
            failures->has_more = true;
    }
}

bool rule_failures_take(struct rule_failures *failures, int64_t monotonic_us,
                        struct rule_failures *ret_due) {
    bool is_due =
        failures->logged_us == 0 || monotonic_us - failures->logged_us >= RULE_FAILURES_EVERY_US;
    if (failures->decisions == 0 || !is_due)
        return false;
    *ret_due = *failures;
    *failures = (struct rule_failures){.logged_us = monotonic_us};
    return true;
}

void rule_failures_log(const struct rule_failures *due, struct log *log) {
    struct buffer rules;
    buffer_init(&rules);
    for (size_t i = 0; i < due->count; i++)
        buffer_printf(&rules, "%s%s (%s) in %" PRIu64, i ? ", " : "", due->of[i].name,
                      expression_error_name(due->of[i].reason), due->of[i].decisions);
    buffer_printf(&rules, "%s", due->has_more ? " and others" : "");
    log_line_with(log, LOG_WARNING, LOG_FIELDS(log_field_unsigned("decisions", due->decisions)),
                  "rules failed in %" PRIu64 " decision%s%s: %.*s", due->decisions,
                  due->decisions == 1 ? "" : "s", due->logged_us ? " since the last such line" : "",
                  (int)rules.length, (const char *)rules.bytes);
    buffer_deinit(&rules);
}
