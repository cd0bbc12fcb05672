/* Without libgit2. */
#include "git_commit.h"

int git_commit_policy(const struct git_change *change, char ret_id[GIT_ID_SIZE],
                      struct error *ret_error) {
    (void)change, (void)ret_error;
    ret_id[0] = '\0';
    return 0;
}

void git_each_place(const char *folder, git_take_place *take, void *user) {
    (void)folder, (void)take, (void)user;
}

bool git_has(const char *folder) {
    (void)folder;
    return false;
}
