/* One rule's mode, changed in the text of its file: the rest of the text stays as it was written.
 */
#pragma once

#include "file_set.h"

/* Where the text changes: `remove` bytes from `at` on give way to `insert`, which is heap. */
struct mode_edit {
    const char *path; /* of the file: as long as the set */
    size_t at, remove;
    char *insert;
};

/* mode: "live", "shadow" or "off". ERROR_NOT_FOUND: no file has a rule of this name. ERROR_INVALID:
 * the rule is written in a way that has to be edited by hand. */
int rule_mode_edit(const struct file_set *files, const char *rule, const char *mode,
                   struct mode_edit *ret_edit, struct error *ret_error);
