/* Errors and names of the public API. */
#include "clients/c/base/fail.h"

#include "core/wire/types/amendment.h"
#include "core/wire/types/decision.h"

#include <stdarg.h>
#include <stdio.h>

/* harrier.h repeats the numbers of core/, so that converting one is a cast. */
_Static_assert((int)HARRIER_ERROR_INVALID == (int)ERROR_INVALID &&
                   (int)HARRIER_ERROR_UNAVAILABLE == (int)ERROR_UNAVAILABLE,
               "error codes have the numbers of the wire");
_Static_assert((int)HARRIER_VERDICT_DECLINE == (int)VERDICT_DECLINE &&
                   (int)HARRIER_LABEL_COUNT == (int)LABEL_COUNT,
               "verdicts and labels have the numbers of the wire");

/* Codes from INVALID to UNAVAILABLE are numbered alike. DENIED and OVERLOADED are apart from them.
 * NOT_PRIMARY is never a caller's, so what is left of it is UNAVAILABLE: nothing happened, send it
 * again. Any other code of core/ is a defect that a caller cannot handle. */
enum harrier_error_code public_code(enum error_code code) {
    if (code >= ERROR_INVALID && code <= ERROR_UNAVAILABLE)
        return (enum harrier_error_code)code;
    if (code == ERROR_DENIED)
        return HARRIER_ERROR_DENIED;
    if (code == ERROR_OVERLOADED)
        return HARRIER_ERROR_OVERLOADED;
    if (code == ERROR_NOT_PRIMARY)
        return HARRIER_ERROR_UNAVAILABLE;
    return code == 0 ? HARRIER_OK : HARRIER_ERROR_INTERNAL;
}

/* A message that is too long for the struct is cut: callers bound the strings that they put in. */
int fail(struct harrier_error *ret_error, enum harrier_error_code code, const char *field,
         const char *format, ...) {
    if (ret_error) {
        ret_error->code = code;
        ret_error->decided = HARRIER_DECIDED_NO;
        ret_error->fallback = HARRIER_VERDICT_NONE;
        snprintf(ret_error->field, sizeof ret_error->field, "%s", field);
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(ret_error->message, sizeof ret_error->message, format, arguments);
        va_end(arguments);
    }
    return -(int)code;
}

int fail_from(struct harrier_error *ret_error, const struct error *error) {
    return fail(ret_error, public_code(error->code), "", "%s", error->text);
}

int fail_unsettled(struct harrier_error *ret_error, int failure) {
    if (ret_error)
        ret_error->decided = HARRIER_DECIDED_UNKNOWN;
    return failure;
}

const char *harrier_error_name(enum harrier_error_code code) {
    static const char *const names[] = {
        [HARRIER_OK] = "ok",
        [HARRIER_ERROR_INVALID] = "invalid",
        [HARRIER_ERROR_UNSUPPORTED] = "unsupported",
        [HARRIER_ERROR_NOT_FOUND] = "not_found",
        [HARRIER_ERROR_ID_CONFLICT] = "id_conflict",
        [HARRIER_ERROR_TOO_LARGE] = "too_large",
        [HARRIER_ERROR_DEADLINE] = "deadline",
        [HARRIER_ERROR_UNAVAILABLE] = "unavailable",
        [HARRIER_ERROR_INTERNAL] = "internal",
        [HARRIER_ERROR_PROTOCOL] = "protocol",
        [HARRIER_ERROR_BUSY] = "busy",
        [HARRIER_ERROR_DENIED] = "denied",
        [HARRIER_ERROR_CLOSED] = "closed",
        [HARRIER_ERROR_OVERLOADED] = "overloaded",
    };
    return (size_t)code < sizeof names / sizeof *names ? names[code] : "unknown";
}

const char *harrier_verdict_name(enum harrier_verdict verdict) {
    return verdict_name((enum verdict)verdict);
}

const char *harrier_label_name(enum harrier_label label) {
    return label_name((enum label)label);
}

const char *harrier_amendment_kind_name(enum harrier_amendment_kind kind) {
    return amendment_kind_name((enum amendment_kind)kind);
}

const char *harrier_version(void) {
    return HARRIER_VERSION_STRING;
}
