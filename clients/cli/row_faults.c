#include "row_faults.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void row_faults_add(struct row_faults *faults, uint64_t line, const char *what) {
    faults->count++;
    if (faults->count > ROW_FAULTS_SHOWN + 1)
        return;
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
