/* Ten rows are reported, the eleventh line says that there are more, the rest is counted. Every
 * message passes the mask for card numbers, whatever its source. */
#include "row_errors.h"

#include "core/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The number of digits that begins here, with single spaces and hyphens between them. */
static size_t number_length(const char *at) {
    size_t length = 0;
    while (text_is_digit(at[length]) || (length > 0 && (at[length] == ' ' || at[length] == '-') &&
                                         text_is_digit(at[length + 1])))
        length++;
    return length;
}

void row_errors_mask(char *message) {
    for (char *at = message; *at;) {
        size_t length = number_length(at);
        if (text_is_card_number((struct text){.data = at, .length = length}))
            for (size_t i = 0; i < length; i++)
                at[i] = '*';
        at += length ? length : 1;
    }
}

void row_errors_add(struct row_errors *diagnostics, uint64_t line, const char *message) {
    char what[1200];
    diagnostics->count++;
    if (diagnostics->count > ROW_ERRORS_SHOWN + 1)
        return;
    snprintf(what, sizeof what, "%s", message);
    row_errors_mask(what);
    if (diagnostics->bar)
        progress_bar_clear(diagnostics->bar);
    if (line == 0)
        fprintf(stderr, "harrier: %s: %s\n", diagnostics->file, what);
    else if (diagnostics->count <= ROW_ERRORS_SHOWN)
        fprintf(stderr, "%s:%" PRIu64 ": %s\n", diagnostics->file, line, what);
    else
        fprintf(stderr, "%s:%" PRIu64 ": more rows failed; from here on they are only counted\n",
                diagnostics->file, line);
}

void row_errors_add_answer(struct row_errors *diagnostics, uint64_t line, const char *field,
                           const char *message) {
    char what[1200];
    if (*field && strncmp(message, field, strlen(field)) != 0)
        snprintf(what, sizeof what, "%s: %s", field, message);
    else
        snprintf(what, sizeof what, "%s", message);
    row_errors_add(diagnostics, line, what);
}
