/* What is in a policy's folder but not of the policy, such as a README or a .git: it moves along
 * when another folder takes the place of this one. First every such file gets a second name (a hard
 * link) in the new folder, and when that is in place, the first name goes. So each of them is in
 * the folder at any time, and a failure in between loses none. */
#pragma once

#include "core/base/error.h"
#include "core/wire/record/record.h"

#include <stdbool.h>
#include <stddef.h>

#define OTHER_FILES_MAX 100000u

struct other_file {
    char *path;
    bool is_folder;
};

struct other_files {
    struct other_file *files; /* a folder before what is in it */
    size_t count, capacity;
};

/* from, to: descriptors of two folders of one file system. files: of the policy in `from`, by path.
 * What has a name that is taken in `to` stays where it is. ERROR_TOO_LARGE, ERROR_SYSTEM; the
 * caller deinits *ret_others after a failure, too. */
int other_files_link(int from, int to, const struct policy_file *files, size_t count,
                     struct other_files *ret_others, struct error *ret_error);
/* Removes the first names. A file that is no longer the same in both folders stays in both. */
void other_files_unlink(const struct other_files *others, int from, int to);
void other_files_deinit(struct other_files *others);
