/* A process that starts the events' command, so that the server need not be able to: once its
 * sandbox is in force, it can make no processes. It is forked before that, does nothing but this,
 * and has nothing of the server's open. It ends with the server, and so does the command.
 *
 * One run at a time. The server sends what a run reads and writes; the process says whether the
 * command has been started, and how it has ended. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct event_launcher {
    int socket; /* -1: the process is gone. Readable: event_launcher_receive() */
    pid_t process;
};

enum event_launcher_news {
    EVENT_LAUNCHER_NOTHING,   /* no more of them now */
    EVENT_LAUNCHER_FAILED,    /* value: an errno: it could not be started */
    EVENT_LAUNCHER_ENDED,     /* value: the status, as of waitpid() */
    EVENT_LAUNCHER_LOST,      /* value: an errno: how it ended cannot be known */
    EVENT_LAUNCHER_TERMINATED /* the process is gone; value: 0 */
};

/* The process of the path, which must be one that event_command_check() has seen. Called while the
 * caller has one thread: it forks. ERROR_SYSTEM. */
int event_launcher_open(struct event_launcher *launcher, const char *path, struct error *ret_error);
/* Ends the run under way, if there is one, and the process; waits up to a second for that. */
void event_launcher_close(struct event_launcher *launcher);

/* Begins a run, with copies of both descriptors. `run` is told back with its end. Returns an errno.
 */
int event_launcher_start(struct event_launcher *launcher, uint32_t run, int input, int output,
                         size_t event_count);
/* Kills the run and all processes of its group; its end is told as ever. */
void event_launcher_kill(struct event_launcher *launcher, uint32_t run);
/* Does not wait. *ret_run, *ret_value: of the news. */
enum event_launcher_news event_launcher_receive(struct event_launcher *launcher, uint32_t *ret_run,
                                                int *ret_value);
