/* A file that appears under its name when it is whole, and not before: it is written beside it, as
 * ".NAME.PID.part" (or ".NAME.PID-1.part" …), and renamed. An earlier file of that name stays until
 * then, and for good if the work fails or is interrupted.
 *
 * Standard output ("-"), pipes and devices cannot be replaced and are written as they are. A draft
 * is synced before it is renamed, so that after a power failure the name leads to the old file or
 * to all of the new one; the folder is not, so it may be either. */
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
/* Syncs, closes and renames. On failure it is discarded. */
int draft_file_publish(struct draft_file *draft, struct error *ret_error);
/* Closes and removes. */
void draft_file_discard(struct draft_file *draft);

/* Closes and leaves what has been written where it is. Of a draft with a name, no other. */
void draft_file_leave(struct draft_file *draft);
/* Opens what was left again, to be read and written from its beginning. name: of the draft, which
 * lies in the folder of `path`. ERROR_NOT_FOUND: there is no such file. ERROR_SYSTEM */
int draft_file_reopen(struct draft_file *draft, const char *path, const char *name,
                      struct error *ret_error);
/* The draft's name without its folder; NULL: it has none. Lives as long as the draft. */
const char *draft_file_name(const struct draft_file *draft);
