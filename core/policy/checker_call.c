#include "checker_call.h"

#include "calendar.h"
#include "fault.h"
#include "function.h"
#include "ip_network.h"

#include <inttypes.h>
#include <stdio.h>

/* "string.contains(string)" */
static int describe_row(const struct function *function, char *ret_string, size_t size) {
    const char *names[FUNCTION_PARAMETERS_MAX];
    for (size_t i = 0; i < FUNCTION_PARAMETERS_MAX; i++)
        names[i] = i < function->parameter_count ? value_type_name(function->parameters[i]) : "";
    size_t first = function->form == FUNCTION_METHOD;
    const char *comma = function->parameter_count > first + 1 ? ", " : "";
    if (!first)
        return snprintf(ret_string, size, "%s(%s%s%s%s%s)", function->name, names[0], comma,
                        names[1], function->parameter_count > 2 ? ", " : "", names[2]);
    return snprintf(ret_string, size, "%s.%s(%s%s%s)", names[0], function->name, names[1], comma,
                    names[2]);
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
    } else if (function_is_later(node->text)) {
        report(reporter, node->offset, node->length, "\"%" TEXT_FORMAT "\" is not supported yet",
               TEXT_ARGS(node->text));
    } else {
        struct near near = near_to(node->text);
        const struct function *function;
        for (size_t i = 0; (function = function_at(i)); i++)
            near_try(&near, text_of(function->name));
        near_try(&near, TEXT_LITERAL("has"));
        report(reporter, node->offset, node->length, "unknown function \"%" TEXT_FORMAT "\"%s",
               TEXT_ARGS(node->text), near_hint(&near, hint));
    }
}

/* What is wrong with a literal text that a conversion is to read; NULL when it is good. */
static const char *literal_fault(const struct syntax *call, struct text t) {
    int64_t us;
    if (text_is(call->text, "duration") && calendar_parse_duration(t, &us) < 0)
        return "is no duration; expected for example \"10m\", \"1h30m\" or \"7d\"";
    if (text_is(call->text, "timestamp") && calendar_parse_timestamp(t, &us) < 0)
        return "is no RFC 3339 timestamp; expected for example \"2026-01-31T00:00:00Z\"";
    return NULL;
}

/* An int literal outside of its range; others are looked at when they are there. */
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

bool call_check_literals(const struct syntax *call, struct reporter *reporter) {
    const struct syntax *first = call->first;
    if (text_is(call->text, "network")) {
        bool v4 = check_range(reporter, first->next, "IPv4 prefix", 0, IP_NETWORK_V4_BITS_MAX);
        return check_range(reporter, call->last, "IPv6 prefix", 0, IP_NETWORK_V6_BITS_MAX) && v4;
    }
    if (text_is(call->text, "substring"))
        return check_substring(reporter, call);
    if (first->kind != SYNTAX_CONSTANT || first->constant.type != VALUE_TEXT)
        return true;
    const char *fault = literal_fault(call, first->constant.text);
    if (!fault)
        return true;
    report(reporter, first->offset, first->length, "\"%" TEXT_FORMAT "\" %s",
           TEXT_ARGS(first->constant.text), fault);
    return false;
}
