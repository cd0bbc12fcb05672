/* Puts the files of another policy in the place of a policy's folder, in one step: whoever reads
 * the folder, a server that watches it included, finds all of the old policy or all of the new one.
 *
 * The new folder is made beside the old one, and read back. If the path is a folder, the two change
 * places: what was in it then stands beside it, and what is not of the policy (other_files.h) has
 * moved along. If the path is a symbolic link, the folder that it led to does not change: the link
 * is switched to the new one. */
#pragma once

#include "core/base/error.h"
#include "core/wire/record/record.h"

#include <stddef.h>
#include <stdint.h>

/* Both policies' files are in the order of their paths. */
struct rollback {
    const char *folder; /* of the policy that goes */
    const struct policy_file *old_files;
    size_t old_count;
    const struct policy_file *new_files; /* all of their paths are inside */
    size_t new_count;
    uint64_t new_id;
    const struct policy_file *more_files; /* beside the new ones, not of the policy */
    size_t more_count;
};

struct rolled_back {
    char *old_folder;    /* where the old files are now */
    char *new_folder;    /* where the link leads; NULL: the folder was no link */
    struct error mishap; /* code 0: none. All is in place, but the old folder has not got the name
                            that it should have */
};

/* ERROR_SYSTEM, ERROR_DAMAGED (policy_export.h), ERROR_TOO_LARGE (other_files.h): all is as before.
 * The caller deinits *ret_done after success. */
int policy_rollback(const struct rollback *rollback, struct rolled_back *ret_done,
                    struct error *ret_error);
void rolled_back_deinit(struct rolled_back *done);
