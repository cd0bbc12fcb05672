#include "call.h"

const char *call_cookie_name(const struct console *console) {
    return console->is_behind_proxy ? "__Host-harrier_console" : "harrier_console";
}

int call_text(const struct call *call, const char *member, size_t most, const char **ret_text,
              struct error *ret_error) {
    const json_t *value = json_object_get(call->body, member);
    if (!json_is_string(value))
        return error_set(ret_error, ERROR_INVALID, "%s: expected a text", member);
    if (json_string_length(value) > most)
        return error_set(ret_error, ERROR_TOO_LARGE, "%s: expected at most %zu bytes", member,
                         most);
    *ret_text = json_string_value(value);
    return 0;
}

int call_number(const struct call *call, const char *member, uint64_t *ret_number,
                struct error *ret_error) {
    const json_t *value = json_object_get(call->body, member);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return error_set(ret_error, ERROR_INVALID, "%s: expected a whole number", member);
    *ret_number = (uint64_t)json_integer_value(value);
    return 0;
}
