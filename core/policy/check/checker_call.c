/* Messages about calls, and checks of literal arguments. A literal that always fails at run time is
 * an error of the policy and is reported at load; the same value in a variable remains a run-time
 * error. */
#include "checker_call.h"

#include "checker_list.h"
#include "core/policy/eval/function.h"
#include "core/policy/eval/pattern.h"
#include "core/policy/lang/calendar.h"
#include "core/policy/lang/ip_network.h"
#include "core/policy/source/diagnostic.h"

#include <inttypes.h>
#include <stdio.h>

/* A parameter that takes any list or map is just "list" or "map" in messages. */
static struct type_code_name parameter_name(type_code type) {
    struct type_code_name name = type_code_name(type);
    if (type == VALUE_LIST || type == VALUE_MAP)
        snprintf(name.string, sizeof name.string, "%s", value_type_name(type_kind(type)));
    return name;
}

/* "string.contains(string)" */
static int describe_row(const struct function *function, char *ret_string, size_t size) {
    size_t first = function->form == FUNCTION_METHOD;
    char parameters[200];
    size_t length = 0;
    parameters[0] = '\0';
    for (size_t i = first; i < function->parameter_count && length < sizeof parameters; i++)
        length +=
            (size_t)snprintf(parameters + length, sizeof parameters - length, "%s%s%s",
                             i > first ? ", " : "", parameter_name(function->parameters[i]).string,
                             function->chains && i == 1 ? ", …" : "");
    return snprintf(ret_string, size, "%s%s%s(%s)",
                    first ? parameter_name(function->parameters[0]).string : "", first ? "." : "",
                    function->name, parameters);
}

/* All rows of that name and form, with "or" between them; "" when there is none. */
static void describe(struct text name, enum function_form form, char *ret_string, size_t size) {
    size_t length = 0;
    ret_string[0] = '\0';
    const struct function *function;
    for (size_t i = 0; (function = function_at(i)); i++) {
        if (function->form != form || !text_is(name, function->name))
            continue;
        if (length > 0)
            length += (size_t)snprintf(ret_string + length, size - length, " or ");
        if (length < size)
            length += (size_t)describe_row(function, ret_string + length, size - length);
        if (length >= size)
            return;
    }
}

/* In this order: the function exists with other types or in the other form; it is known from
 * elsewhere (function_instead()); a near name. */
void call_report_unknown(const struct syntax *node, struct reporter *reporter) {
    char expected[400], hint[NEAR_HINT_SIZE];
    enum function_form form = node->receiver ? FUNCTION_METHOD : FUNCTION_GLOBAL;
    enum function_form other = node->receiver ? FUNCTION_GLOBAL : FUNCTION_METHOD;
    describe(node->text, form, expected, sizeof expected);
    if (!*expected)
        describe(node->text, other, expected, sizeof expected);
    if (*expected) {
        report(reporter, node->offset, node->length,
               "\"%" TEXT_FORMAT "\" cannot be called like this; expected %s",
               TEXT_ARGS(node->text), expected);
    } else if (function_instead(node->text)) {
        report(reporter, node->offset, node->length, "\"%" TEXT_FORMAT "\" is not supported: %s",
               TEXT_ARGS(node->text), function_instead(node->text));
    } else {
        struct near near = near_to(node->text);
        const struct function *function;
        for (size_t i = 0; (function = function_at(i)); i++)
            near_try(&near, text_of(function->name));
        const char *macro = "has";
        for (size_t i = 0; macro; macro = checker_macro_name(i++))
            near_try(&near, text_of(macro));
        report(reporter, node->offset, node->length, "unknown function \"%" TEXT_FORMAT "\"%s",
               TEXT_ARGS(node->text), near_hint(&near, hint));
    }
}

/* The error of converting a literal text; NULL when it is valid. */
static const char *literal_diagnostic(const struct syntax *call, struct text t) {
    int64_t us;
    if (text_is(call->text, "duration") && calendar_parse_duration(t, &us) < 0)
        return "is not a duration; expected for example \"10m\", \"1h30m\" or \"7d\"";
    if (text_is(call->text, "timestamp") && calendar_parse_timestamp(t, &us) < 0)
        return "is not an RFC 3339 timestamp; expected for example \"2026-01-31T00:00:00Z\"";
    return NULL;
}

/* Reports an int literal outside of its range. Other arguments are checked at run time. */
static bool check_range(struct reporter *reporter, const struct syntax *argument, const char *what,
                        int64_t least, int64_t most) {
    if (argument->kind != SYNTAX_CONSTANT ||
        (argument->constant.integer >= least && argument->constant.integer <= most))
        return true;
    report(reporter, argument->offset, argument->length,
           "%s %" PRId64 " is out of range; expected %" PRId64 " to %" PRId64, what,
           argument->constant.integer, least, most);
    return false;
}

static bool check_substring(struct reporter *reporter, const struct syntax *call) {
    const struct syntax *start = call->first->next, *end = start->next;
    bool good = check_range(reporter, start, "index", 0, FUNCTION_TEXT_MAX);
    if (!end)
        return good;
    int64_t least = start->kind == SYNTAX_CONSTANT && good ? start->constant.integer : 0;
    return check_range(reporter, end, "end", least, FUNCTION_TEXT_MAX) && good;
}

/* Reports an error within a pattern at its exact place, if the literal has no escapes, so that
 * offsets in the value are offsets in the source; otherwise at the literal, with the byte in the
 * message. */
static void report_in_literal(struct reporter *reporter, const struct syntax *literal,
                              struct text source, const struct pattern_diagnostic *diagnostic) {
    const char *start = source.data + literal->offset;
    size_t raw = *start == 'r' || *start == 'R';
    size_t quotes =
        literal->length >= raw + 6 && start[raw] == start[raw + 1] && start[raw] == start[raw + 2]
            ? 3
            : 1;
    if (literal->length == literal->constant.text.length + raw + 2 * quotes)
        report(reporter, literal->offset + raw + quotes + diagnostic->offset,
               diagnostic->length ? diagnostic->length : 1, "%s", diagnostic->text);
    else
        report(reporter, literal->offset, literal->length, "at byte %zu of the pattern: %s",
               diagnostic->offset, diagnostic->text);
}

/* Patterns are literals so that their cost is known at load and matching needs no compilation. */
bool call_check_pattern(struct syntax *call, struct text source, struct arena *scratch,
                        struct reporter *reporter) {
    struct syntax *literal = call->last;
    struct pattern_diagnostic diagnostic;
    if (!text_is(call->text, "matches"))
        return true;
    if (literal->kind != SYNTAX_CONSTANT) {
        report(reporter, literal->start, literal->end - literal->start,
               "a pattern is compiled when the policy is loaded; expected a literal text");
        return false;
    }
    call->pattern = pattern_compile(literal->constant.text, scratch, &diagnostic);
    if (!call->pattern)
        report_in_literal(reporter, literal, source, &diagnostic);
    return call->pattern;
}

bool call_check_literals(const struct syntax *call, struct reporter *reporter) {
    const struct syntax *first = call->first;
    if (text_is(call->text, "network")) {
        bool v4 = check_range(reporter, first->next, "IPv4 prefix", 0, IP_NETWORK_V4_BITS_MAX);
        return check_range(reporter, call->last, "IPv6 prefix", 0, IP_NETWORK_V6_BITS_MAX) && v4;
    }
    if (text_is(call->text, "substring"))
        return check_substring(reporter, call);
    if (text_is(call->text, "charAt"))
        return check_range(reporter, call->last, "index", 0, FUNCTION_TEXT_MAX);
    if (first->kind != SYNTAX_CONSTANT || first->constant.type != VALUE_TEXT)
        return true;
    const char *diagnostic = literal_diagnostic(call, first->constant.text);
    if (!diagnostic)
        return true;
    report(reporter, first->offset, first->length, "\"%" TEXT_FORMAT "\" %s",
           TEXT_ARGS(first->constant.text), diagnostic);
    return false;
}
