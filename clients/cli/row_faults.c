#include "row_faults.h"

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

void row_faults_mask(char *message) {
    for (char *at = message; *at;) {
        size_t length = number_length(at);
        if (text_is_card_number((struct text){.data = at, .length = length}))
            for (size_t i = 0; i < length; i++)
                at[i] = '*';
        at += length ? length : 1;
    }
}

void row_faults_add(struct row_faults *faults, uint64_t line, const char *message) {
    char what[1200];
    faults->count++;
    if (faults->count > ROW_FAULTS_SHOWN + 1)
        return;
    snprintf(what, sizeof what, "%s", message);
    row_faults_mask(what);
    if (faults->bar)
        progress_bar_clear(faults->bar);
    if (line == 0)
        fprintf(stderr, "harrier: %s: %s\n", faults->file, what);
    else if (faults->count <= ROW_FAULTS_SHOWN)
        fprintf(stderr, "%s:%" PRIu64 ": %s\n", faults->file, line, what);
    else
        fprintf(stderr, "%s:%" PRIu64 ": and further rows; from here on they are only counted\n",
                faults->file, line);
}

void row_faults_add_answer(struct row_faults *faults, uint64_t line, const char *field,
                           const char *message) {
    char what[1200];
    if (*field && strncmp(message, field, strlen(field)) != 0)
        snprintf(what, sizeof what, "%s: %s", field, message);
    else
        snprintf(what, sizeof what, "%s", message);
    row_faults_add(faults, line, what);
}
