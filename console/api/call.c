#include "call.h"

#include "core/store/nights/night_files.h"
#include "server/net/address.h"

#include <string.h>

bool call_is_secure(const struct console *console) {
    return console->is_behind_proxy || console->is_tls;
}

const char *call_cookie_name(const struct console *console) {
    return call_is_secure(console) ? "__Host-harrier_console" : "harrier_console";
}

bool call_is_vouched_for(const struct call *call, const char *name) {
    struct error unused;
    return address_host_is_loopback(call->request->address) &&
           person_check_name(text_of(name), &unused) == 0 &&
           strcmp(call->request->trusted, name) == 0;
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

int call_day(const struct call *call, const char *name, int32_t fallback, int32_t *ret_day,
             struct error *ret_error) {
    const char *value = web_query(call->request, name);
    int64_t day = fallback;
    if (*value && !night_date_parse(value, &day))
        return error_set(ret_error, ERROR_INVALID, "%s: expected a day, such as 2026-01-31", name);
    *ret_day = (int32_t)day;
    return 0;
}

/* "fraud,legit" → bits. */
static int read_words(const struct call *call, const char *name, unsigned (*find)(struct text word),
                      unsigned *ret_bits, struct error *ret_error) {
    const char *at = web_query(call->request, name);
    *ret_bits = 0;
    while (*at) {
        struct text word = {.data = at, .length = strcspn(at, ",")};
        unsigned bit = find(word);
        if (bit == 0)
            return error_set(ret_error, ERROR_INVALID, "%s: there is no \"%.*s\"", name,
                             (int)(word.length < 40 ? word.length : 40), word.data);
        *ret_bits |= bit;
        at += word.length;
        at += *at == ',';
    }
    return 0;
}

static unsigned verdict_bit(struct text word) {
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        if (text_is(word, verdict_name(verdict)))
            return 1u << verdict;
    return 0;
}

static unsigned label_bit(struct text word) {
    enum label label;
    return label_parse(word, &label) ? 1u << label : 0;
}

int call_verdicts(const struct call *call, const char *name, unsigned *ret_bits,
                  struct error *ret_error) {
    return read_words(call, name, verdict_bit, ret_bits, ret_error);
}

int call_labels(const struct call *call, const char *name, unsigned *ret_bits,
                struct error *ret_error) {
    return read_words(call, name, label_bit, ret_bits, ret_error);
}
