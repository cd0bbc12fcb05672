/* Ten rows are reported, the eleventh line says that there are more, the rest is counted. Every
 * message passes the mask for card numbers, whatever its source. */
#include "row_errors.h"

#include "rejects.h"

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

int row_errors_refuse(struct row_errors *diagnostics, const struct row_original *row,
                      enum error_code code, struct text field, const char *message,
                      struct error *ret_error) {
    char reason[1200];
    row_errors_add(diagnostics, row->line, message);
    if (!diagnostics->rejects)
        return 0;
    snprintf(reason, sizeof reason, "%s", message);
    row_errors_mask(reason);
    const struct rejected why = {
        .source = diagnostics->file, .code = code, .field = field, .reason = reason};
    return rejects_add(diagnostics->rejects, row, &why, ret_error);
}

int row_errors_refuse_answer(struct row_errors *diagnostics, const struct row_original *row,
                             enum error_code code, struct text field, const char *message,
                             struct error *ret_error) {
    char what[1200];
    if (field.length > 0 && strncmp(message, field.data, field.length) != 0)
        snprintf(what, sizeof what, "%" TEXT_FORMAT ": %s", TEXT_ARGS(field), message);
    else
        snprintf(what, sizeof what, "%s", message);
    return row_errors_refuse(diagnostics, row, code, field, what, ret_error);
}

int row_errors_keep(struct row_errors *diagnostics, const struct row_original *row,
                    const struct error *why, struct error *ret_error) {
    char reason[1200];
    snprintf(reason, sizeof reason, "not known to be done when the run ended: %s", why->text);
    row_errors_mask(reason);
    const struct rejected rejected = {
        .source = diagnostics->file, .code = why->code, .reason = reason};
    return rejects_add(diagnostics->rejects, row, &rejected, ret_error);
}
