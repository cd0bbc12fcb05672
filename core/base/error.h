/* The error contract, once for the whole code base.
 *
 * A function that can fail returns int:
 *   < 0   failure: -enum error_code. *ret_error says what, where and what was expected. The caller
 *         forwards it untouched, or adds where with error_prefix().
 *     0   done
 *   > 0   done, with something the direct caller must look at; the prototype names it
 * ret_* outputs are untouched on failure. `struct error *` is never NULL unless the prototype says
 * so. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

enum error_code {
    ERROR_INVALID = 1, /* input breaks a rule that the text names */
    ERROR_UNSUPPORTED, /* well-formed, but from a later version or not built in */
    ERROR_NOT_FOUND,   /* no such transaction, entity, file, position */
    ERROR_ID_CONFLICT, /* a known transaction id with other content */
    ERROR_TOO_LARGE,   /* over a stated limit */
    ERROR_DEADLINE,    /* the deadline passed before a position was assigned */
    ERROR_UNAVAILABLE, /* cannot serve now; the same call may succeed later */
    ERROR_DAMAGED,     /* stored bytes are not what was written */
    ERROR_EXISTS,      /* already there, or held by another process */
    ERROR_SYSTEM,      /* the operating system refused; the text ends with its message */
    ERROR_INTERNAL,    /* a defect of ours */
    ERROR_INTERRUPTED, /* the caller or a signal asked to stop */
    ERROR_DENIED,      /* the token is missing, unknown, or lacks the scope */
    ERROR_NOT_PRIMARY, /* a standby; another server decides */
    ERROR_OVERLOADED,  /* too much waits: it would not be answered in time; nothing was done */
    ERROR_CODE_COUNT
};

struct error {
    enum error_code code;
    char text[1024]; /* one sentence, NUL-terminated, no newline at its end */
};

/* Fills *ret_error and returns -code, so that a failure is one line: return error_set(e, …). */
int error_set(struct error *ret_error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with strerror(number) after the text; number is an errno value. */
int error_set_errno(struct error *ret_error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "text: " before the message and returns -code. If it does not fit, the end of the message is
 * cut. */
int error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* For stored bytes of a format that this version does not read; what: "segment format". Fills
 * *ret_error with what to do, and returns -ERROR_UNSUPPORTED. */
int error_set_format(struct error *ret_error, const char *what, unsigned long found,
                     unsigned long known);

/* For stored bytes with something that only a newer version can have written. Likewise. */
int error_set_newer(struct error *ret_error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* For a message that quotes a file's bytes, as parsers of JSON do: what is not printable ASCII
 * becomes '?', so that it cannot steer a terminal. */
void error_make_printable(struct error *error);

/* "invalid", "not_found", …: the name that messages, metrics and the wire use. */
const char *error_code_name(enum error_code code);
