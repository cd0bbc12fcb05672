/* A file that appears under its name when it is whole, and not before: it is written beside it, as
 * ".NAME.PID.part", and renamed. What stood there before stays until then, and for good when the
 * work fails or is interrupted.
 *
 * Standard output ("-"), pipes and devices cannot be replaced and are written as they are. Nothing
 * is synced: what is made from an archive can be made again. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stdio.h>

struct draft_file {
    FILE *file;
    char *path;  /* where it will stand; symbolic links followed */
    char *draft; /* where it is written; NULL: in its place */
    bool is_stdout;
};

/* ERROR_SYSTEM */
int draft_file_open(struct draft_file *draft, const char *path, struct error *ret_error);
/* Closes and renames. On failure it is discarded. */
int draft_file_publish(struct draft_file *draft, struct error *ret_error);
/* Closes and removes. */
void draft_file_discard(struct draft_file *draft);
