/* What a process keeps once it runs, and gives up everything else, for good: a fault in it then
 * opens nothing that it does not work with.
 *
 *   no new privileges   programs with set-id bits are programs like any other
 *   files and ports     Landlock, where the kernel has it: landlock.h
 *   system calls        seccomp: syscall_filter.h
 *
 * Holds for the calling thread and those that it starts afterwards, so it is entered while there is
 * one thread. docs/SECURITY.md says what it is worth. */
#pragma once

#include "core/base/error.h"
#include "landlock.h"
#include "server/ops/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sandbox; /* what is to be kept */

struct sandbox *sandbox_new(void);
void sandbox_free(struct sandbox *sandbox);

/* Paths are copied. A folder with everything beneath it, also through a symbolic link that is in
 * place now; one that does not exist when the sandbox is entered cannot be reached later. */
void sandbox_keep_folder(struct sandbox *sandbox, const char *path, enum landlock_rights rights);
/* A file or folder that may be replaced by another of its name: the folder that holds it, and, if
 * it is a symbolic link now, the folder that holds what it leads to. Links on the way to what is
 * read may be switched, too, to another folder beside the one that they lead to now. Empty:
 * nothing. */
void sandbox_keep_replaced(struct sandbox *sandbox, const char *path, enum landlock_rights rights);
/* A policy: a folder that may be replaced, with the files elsewhere that links in it lead to now.
 */
void sandbox_keep_policy(struct sandbox *sandbox, const char *folder);
/* A program that may be run, with its loader, which must be this process's. With one, processes may
 * be started; they are in the same sandbox. An upgrade that puts another file in its place takes it
 * away: that one is unknown. */
void sandbox_keep_program(struct sandbox *sandbox, const char *path);
/* Files that the C library, OpenSSL and the watch on memory read: /proc, /sys, /etc, /usr/lib … */
void sandbox_keep_system(struct sandbox *sandbox);
/* A port of TCP to listen on, or to connect to; there are no others. */
void sandbox_keep_port(struct sandbox *sandbox, uint16_t port, bool binds, bool connects);
/* All ports: where they cannot be known. */
void sandbox_keep_all_ports(struct sandbox *sandbox);
void sandbox_keep_all_connects(struct sandbox *sandbox);
/* Sockets in the abstract namespace that others made. */
void sandbox_keep_abstract_sockets(struct sandbox *sandbox);

/* What is in force. */
struct sandbox_state {
    bool no_new_privileges, system_calls, files;
    bool ports; /* both, or those to listen on alone */
    int landlock_version;
    /* Why a part is not in force; "": it is, or nobody asked for it. */
    char files_problem[160], system_calls_problem[160];
};

/* A part that the kernel does not have, or refuses, is left out, and the state says so. */
void sandbox_enter(const struct sandbox *sandbox, struct sandbox_state *ret_state);

/* Does a sandbox keep the process from reading a path that its user may read? */
bool sandbox_hides(const char *path);

/* Only root may look at the process's memory from now on, and a crash writes it to no file. Not
 * where a sanitizer has to look at it. */
void sandbox_hide_memory(void);

/* "files (Landlock 7), TCP ports, system calls (seccomp), no new privileges" */
#define SANDBOX_TEXT_SIZE 512
const char *sandbox_describe(const struct sandbox_state *state, char ret_text[SANDBOX_TEXT_SIZE]);

/* Enters it as a service does: the supervisor that NOTIFY_SOCKET names can still be told things,
 * and the log says what is in force. */
void sandbox_enter_and_log(struct sandbox *sandbox, struct log *log);
