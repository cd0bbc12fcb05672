/* traceparent = "00-" trace-id "-" parent-id "-" flags: https://www.w3.org/TR/trace-context/
 * The standard wants an invalid one ignored, so there are no error messages. */
#include "trace.h"

/* Offsets in the text. */
#define TRACE_ID_AT      3
#define PARENT_ID_AT     36
#define FLAGS_AT         53
#define TRACEPARENT_SIZE 55

static bool is_hex(const char *at, size_t length, bool *ret_zero) {
    *ret_zero = true;
    for (size_t i = 0; i < length; i++) {
        char c = at[i];
        if (!text_is_digit(c) && !(c >= 'a' && c <= 'f'))
            return false;
        *ret_zero = *ret_zero && c == '0';
    }
    return true;
}

bool trace_parse(struct text t, struct trace *ret_trace) {
    bool no_trace, no_parent, ignored;
    if (t.length != TRACEPARENT_SIZE || memcmp(t.data, "00-", TRACE_ID_AT) != 0 ||
        t.data[PARENT_ID_AT - 1] != '-' || t.data[FLAGS_AT - 1] != '-')
        return false;
    if (!is_hex(t.data + TRACE_ID_AT, 32, &no_trace) ||
        !is_hex(t.data + PARENT_ID_AT, 16, &no_parent) || !is_hex(t.data + FLAGS_AT, 2, &ignored) ||
        no_trace || no_parent)
        return false;
    *ret_trace = (struct trace){.trace_id = ""};
    memcpy(ret_trace->trace_id, t.data + TRACE_ID_AT, 32);
    memcpy(ret_trace->parent_id, t.data + PARENT_ID_AT, 16);
    return true;
}
