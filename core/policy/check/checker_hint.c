/* Suggestions for operands whose types do not fit: the literal as it should be written, if that is
 * obvious. Hints are only suggested, never applied: CEL does not convert implicitly, and neither
 * does this language. */
#include "checker_hint.h"

#include "core/base/check.h"
#include "core/policy/lang/calendar.h"

static struct text source_of(struct arena *scratch, const struct syntax *node) {
    struct buffer buffer;
    buffer_init(&buffer);
    syntax_print(node, &buffer);
    struct text t = arena_text(
        scratch, (struct text){.data = (const char *)buffer.bytes, .length = buffer.length});
    buffer_deinit(&buffer);
    check(t.data);
    return t;
}

/* Long literals get no hint: a message should fit on a line. */
const char *hint_for_constant(struct arena *scratch, const struct syntax *constant,
                              enum value_type other) {
    if (constant->kind != SYNTAX_CONSTANT)
        return "";
    struct text t = source_of(scratch, constant);
    bool quoted_number = is_numeric(other) && constant->type == VALUE_TEXT && t.length > 2 &&
                         strspn(t.data + 1, "0123456789.") == t.length - 2;
    if (quoted_number)
        t = constant->constant.text;
    if (t.length > 60)
        return "";
    const char *before = "", *after = "";
    int64_t us;
    if (quoted_number) {
        /* as it is, without the quotes */
    } else if (other == VALUE_TEXT && is_numeric(constant->type)) {
        before = after = "\"";
    } else if (other == VALUE_DOUBLE && constant->type == VALUE_INT) {
        after = ".0";
    } else if (other == VALUE_DURATION && constant->type == VALUE_TEXT) {
        bool good = calendar_parse_duration(constant->constant.text, &us) == 0;
        before = "duration(";
        after = ")";
        t = good ? t : TEXT_LITERAL("\"10m\"");
    } else if (other == VALUE_TIMESTAMP && constant->type == VALUE_TEXT) {
        bool date = calendar_parse_date(constant->constant.text, &us) == 0;
        bool good = calendar_parse_timestamp(constant->constant.text, &us) == 0;
        before = date ? "timestamp(\"" : "timestamp(";
        after = date ? "T00:00:00Z\")" : ")";
        t = date ? constant->constant.text : good ? t : TEXT_LITERAL("\"2026-01-31T00:00:00Z\"");
    } else {
        return "";
    }
    struct text hint =
        arena_printf(scratch, "; write %s%" TEXT_FORMAT "%s", before, TEXT_ARGS(t), after);
    check(hint.data);
    return hint.data;
}

const char *hint_for_pair(struct arena *scratch, const struct syntax *left,
                          const struct syntax *right) {
    const char *hint = hint_for_constant(scratch, right, left->type);
    return *hint ? hint : hint_for_constant(scratch, left, right->type);
}

const char *hint_for_arithmetic(struct arena *scratch, const struct syntax *left,
                                const struct syntax *right) {
    const char *hint = hint_for_pair(scratch, left, right);
    if (*hint)
        return hint;
    if (left->type != right->type && is_numeric(left->type) && is_numeric(right->type))
        return "; convert with double(…) or int(…)";
    return "";
}
