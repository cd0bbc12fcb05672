/* From an error of the core or of a command to the process's exit status, in one place: no
 * command chooses numbers by itself. The switch has no default, so that a new error code does not
 * compile until it is given a status. */
#include "exit_status.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum exit_status exit_status_of(enum error_code code) {
    switch (code) {
    case ERROR_INVALID:
    case ERROR_UNSUPPORTED:
    case ERROR_ID_CONFLICT:
    case ERROR_TOO_LARGE:
    case ERROR_DAMAGED:
        return EXIT_STATUS_BAD_INPUT;
    case ERROR_NOT_FOUND:
        return EXIT_STATUS_NO_INPUT;
    case ERROR_DEADLINE:
    case ERROR_UNAVAILABLE:
    case ERROR_NOT_PRIMARY:
    case ERROR_OVERLOADED:
        return EXIT_STATUS_UNAVAILABLE;
    case ERROR_EXISTS:
    case ERROR_INTERRUPTED:
        return EXIT_STATUS_TEMPORARY;
    case ERROR_SYSTEM:
        return EXIT_STATUS_IO;
    case ERROR_DENIED:
        return EXIT_STATUS_DENIED;
    case ERROR_INTERNAL:
    case ERROR_CODE_COUNT:
        break;
    }
    return EXIT_STATUS_INTERNAL;
}

enum exit_status exit_with(const struct error *error) {
    fprintf(stderr, "harrier: %s\n", error->text);
    return exit_status_of(error->code);
}

/* A message about the mapping begins with its path; that distinguishes it from one about the
 * rows. */
enum exit_status exit_with_mapping(const struct error *error, const char *map) {
    enum exit_status status = exit_with(error);
    bool of_mapping = map && strncmp(error->text, map, strlen(map)) == 0;
    return of_mapping && error->code == ERROR_INVALID ? EXIT_STATUS_BAD_POLICY : status;
}

/* Nobody reads the rest. The pipe is asked, because errno of the write that failed is gone. */
static bool is_reader_gone(void) {
    struct pollfd output = {.fd = STDOUT_FILENO};
    return poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

enum exit_status exit_after_output(enum exit_status status) {
    struct error failure;
    int number = fflush(stdout) != 0 ? errno : 0;
    if ((number == 0 && !ferror(stdout)) || status == EXIT_STATUS_IO || is_reader_gone())
        return status;
    if (number != 0)
        error_set_errno(&failure, number, "cannot write to stdout");
    else
        error_set(&failure, ERROR_SYSTEM, "cannot write to stdout");
    return exit_with(&failure);
}

enum exit_status exit_with_address(const struct error *error) {
    enum exit_status status = exit_with(error);
    return error->code == ERROR_INVALID ? EXIT_STATUS_USAGE : status;
}

enum exit_status exit_with_rejects(const struct error *error) {
    enum exit_status status = exit_with(error);
    return error->code == ERROR_EXISTS ? EXIT_STATUS_USAGE : status;
}
