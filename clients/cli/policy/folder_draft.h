/* A folder that appears under its name when it is whole, and not before: it is filled beside it, as
 * ".NAME.PID.part" (or ".NAME.PID-1.part" …), which nobody else may enter meanwhile, and renamed.
 * So whoever reads the folder sees all of it or nothing. Everything is synced before that. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <sys/types.h>

/* Whose the files are, and what may be done with them. */
struct file_access {
    bool is_given; /* false: as for any new file of this process */
    mode_t folder_mode, file_mode;
    uid_t owner; /* kept as far as this process may give files away */
    gid_t group;
};

struct folder_draft {
    char *path;         /* where it is to stand */
    const char *name;   /* the last part of that */
    char *draft;        /* the draft's own name beside it */
    int parent, folder; /* descriptors: of the folder around it, and of the draft */
    struct file_access access;
    bool is_exchanged; /* what is under the draft's name now was there before */
};

/* A process that may not give files away keeps them, as an editor does that replaces a file; the
 * group it gives as far as it may. -1: errno. folder_draft_open() refuses what somebody could not
 * read any more for that. */
int give_owner(int descriptor, uid_t owner, gid_t group);

/* Heap: without slashes at the end, except "/". */
char *path_without_slashes(const char *path);

/* ERROR_INVALID: the path does not end in a name. ERROR_SYSTEM, also if the new files would lose
 * readers because this process may not give them the owner or the group of `access`. After a
 * failure there is nothing to close. access: NULL: as for new files. */
int folder_draft_open(struct folder_draft *draft, const char *path,
                      const struct file_access *access, struct error *ret_error);
/* Adds a file, and the folders on its way. The path must be inside: policy_path_is_inside().
 * ERROR_SYSTEM */
int folder_draft_add(struct folder_draft *draft, struct text path, struct text content,
                     struct error *ret_error);

/* It takes its name, at which nothing may be yet. ERROR_SYSTEM. */
int folder_draft_publish(struct folder_draft *draft, struct error *ret_error);
/* The same under a name beside it: NAME.SUFFIX, or NAME.SUFFIX-2 … if that is taken. *ret_path:
 * heap. */
int folder_draft_publish_beside(struct folder_draft *draft, const char *suffix, char **ret_path,
                                struct error *ret_error);
/* It and the folder at its name change places, in one step. ERROR_SYSTEM, also if the file system
 * cannot do that, or the folder is a mount point. After a failure all is as before; after success
 * folder_draft_publish_beside() gives what was there before a lasting name. */
int folder_draft_exchange(struct folder_draft *draft, struct error *ret_error);

/* Removes it with all that is in it, under whatever name it is; not after an exchange. */
void folder_draft_discard(struct folder_draft *draft);
/* Lets go of it. */
void folder_draft_close(struct folder_draft *draft);
