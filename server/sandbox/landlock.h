/* Linux's Landlock: a process, and the threads and processes that it starts later, can open only
 * the folders that were named, and bind or connect only the TCP ports that were named. Whatever the
 * user's own permissions forbid stays forbidden. There is no way back. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum landlock_rights {
    LANDLOCK_READ,   /* files and folders */
    LANDLOCK_WRITE,  /* that, and to create, change, rename and remove files, folders and links */
    LANDLOCK_LISTEN, /* to read, and to create and remove sockets and their lock files */
    LANDLOCK_RUN,    /* to read a program and run it */
};

/* What the kernel can do. 0: nothing, and errno says why: ENOSYS, it has no Landlock; EOPNOTSUPP,
 * it is switched off; EPERM, a filter forbids it. */
int landlock_version(void);

/* The oldest that is of use: before it, nothing could be moved between two folders. */
#define LANDLOCK_VERSION_FILES 2

/* What is limited besides files and signals to others, as far as the kernel can do that. */
struct landlock_limits {
    bool binds, connects;  /* no TCP port but those that are added */
    bool abstract_sockets; /* none in the abstract namespace that others made */
};

struct landlock {
    int descriptor; /* of the rules */
    int version;
    struct landlock_limits limits; /* those that the kernel takes */
};

/* The kernel's version must be at least LANDLOCK_VERSION_FILES. ERROR_SYSTEM. */
int landlock_init(struct landlock *landlock, const struct landlock_limits *limits,
                  struct error *ret_error);
/* Everything beneath a folder, or one file. A path that does not exist is left out: nothing can be
 * allowed there. ERROR_SYSTEM. */
int landlock_add_path(struct landlock *landlock, const char *path, enum landlock_rights rights,
                      struct error *ret_error);
/* Without effect where ports are not limited. ERROR_SYSTEM. */
int landlock_add_port(struct landlock *landlock, uint16_t port, bool binds, bool connects,
                      struct error *ret_error);
/* From now on, for the calling thread and all that it starts. The process must have given up new
 * privileges (PR_SET_NO_NEW_PRIVS). ERROR_SYSTEM. */
int landlock_enter(struct landlock *landlock, struct error *ret_error);
void landlock_deinit(struct landlock *landlock);
