/* Messages are cut to the size of struct error, never overrun, and nothing here allocates: an error
 * must be reportable when memory has run out. */
#include "error.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

static int error_fill(struct error *error, enum error_code code, const char *format,
                      va_list arguments) {
    check(code > 0 && code < ERROR_CODE_COUNT);
    error->code = code;
    vsnprintf(error->text, sizeof error->text, format, arguments);
    return -(int)code;
}

int error_set(struct error *ret_error, enum error_code code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int r = error_fill(ret_error, code, format, arguments);
    va_end(arguments);
    return r;
}

int error_set_errno(struct error *ret_error, int number, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int r = error_fill(ret_error, ERROR_SYSTEM, format, arguments);
    va_end(arguments);
    char words[128];
    size_t length = strlen(ret_error->text);
    /* The GNU strerror_r(): it may return a static string instead of filling words. */
    snprintf(ret_error->text + length, sizeof ret_error->text - length, ": %s",
             strerror_r(number, words, sizeof words));
    return r;
}

/* The message is moved in place; if both do not fit, the end of the message is lost, and if the
 * prefix alone does not fit, the prefix. */
int error_prefix(struct error *error, const char *format, ...) {
    char before[sizeof error->text];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(before, sizeof before, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length + 2 < sizeof before) {
        size_t room = sizeof before - (size_t)length - 2;
        size_t kept = strlen(error->text);
        if (kept >= room)
            kept = room - 1;
        memmove(error->text + length + 2, error->text, kept);
        error->text[(size_t)length + 2 + kept] = '\0';
        memcpy(error->text, before, (size_t)length);
        memcpy(error->text + length, ": ", 2);
    }
    return -(int)error->code;
}

int error_set_newer(struct error *ret_error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int r = error_fill(ret_error, ERROR_UNSUPPORTED, format, arguments);
    va_end(arguments);
    size_t length = strlen(ret_error->text);
    snprintf(ret_error->text + length, sizeof ret_error->text - length,
             ": a newer version of Harrier than this one (" HARRIER_VERSION
             ") wrote it; install that version, or a later one");
    return r;
}

int error_set_format(struct error *ret_error, const char *what, unsigned long found,
                     unsigned long known) {
    if (found > known)
        return error_set_newer(ret_error, "%s %lu (this version reads %lu)", what, found, known);
    return error_set(ret_error, ERROR_UNSUPPORTED,
                     "%s %lu, which this version (" HARRIER_VERSION ") does not read; it reads %lu",
                     what, found, known);
}

void error_make_printable(struct error *error) {
    for (char *c = error->text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

static const char *const code_names[ERROR_CODE_COUNT] = {
    [ERROR_INVALID] = "invalid",         [ERROR_UNSUPPORTED] = "unsupported",
    [ERROR_NOT_FOUND] = "not_found",     [ERROR_ID_CONFLICT] = "id_conflict",
    [ERROR_TOO_LARGE] = "too_large",     [ERROR_DEADLINE] = "deadline",
    [ERROR_UNAVAILABLE] = "unavailable", [ERROR_DAMAGED] = "damaged",
    [ERROR_EXISTS] = "exists",           [ERROR_SYSTEM] = "system",
    [ERROR_INTERNAL] = "internal",       [ERROR_INTERRUPTED] = "interrupted",
    [ERROR_DENIED] = "denied",           [ERROR_NOT_PRIMARY] = "not_primary",
    [ERROR_OVERLOADED] = "overloaded",
};

const char *error_code_name(enum error_code code) {
    if (code <= 0 || code >= ERROR_CODE_COUNT)
        return "none";
    return code_names[code];
}
