/* A commit of a policy's folder in the git repository that it is in, by libgit2. Built without it,
 * nothing is ever committed. */
#pragma once

#include "file_set.h"

#define GIT_ID_SIZE 41 /* hex digits and a NUL */

struct git_change {
    const char *folder; /* which has the new files already */
    const struct file_set *old_files, *new_files;
    const char *author, *committer; /* people's names */
    const char *message, *comment;
};

/* Commits these files, and nothing else that may have changed in the repository, on top of HEAD.
 * *ret_id is "" if there is nothing to commit: no repository that has its policy.yaml, a folder
 * that is a link, or HEAD has these files. ERROR_SYSTEM: what git says. */
int git_commit_policy(const struct git_change *change, char ret_id[GIT_ID_SIZE],
                      struct error *ret_error);
/* What a commit reads and writes beside the policy's folder, once it is in a repository that has
 * its policy.yaml: folders, and files of git's configuration that are there. */
typedef void git_take_place(void *user, const char *path, bool is_written);
void git_each_place(const char *folder, git_take_place *take, void *user);
/* Is the folder in a repository that commits go to? */
bool git_has(const char *folder);
