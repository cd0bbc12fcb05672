/* One run at a time. There is no shell: the path is the program, without arguments. It gets
 *
 *   standard input   the body, a file in memory: however slowly it reads, nobody waits for it
 *   standard output  with standard error, a pipe whose first bytes are kept for the log
 *   environment      PATH, LANG, and HARRIER_EVENTS with the number of events; nothing of the
 *                    server's, which may hold secrets
 *   folder           /
 *   descriptors      no others
 *
 * and a process group of its own, which is killed as a whole when the time is up. posix_spawn()
 * copies no page tables, so the size of the server does not matter. Whether it has ended is asked
 * every few milliseconds: that works on any kernel, and only while a command runs. No wait blocks:
 * a process that even SIGKILL does not end, as on a file system that is gone, holds up only the
 * next run.
 *
 * In a container, the server is often the first process, to which all orphans are given: what a
 * command left behind is reaped by its process group, or zombies would pile up. */
#include "event_command.h"

#include "core/base/check.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* glibc 2.38 has it */
#endif

#define POLL_US      10000
#define LAST_LOOKS   100 /* a millisecond apart, for killed processes to be gone at the end */
#define OUTPUT_BYTES 200 /* of the command's output in the log */

struct event_command {
    struct event_destination destination; /* first */
    const char *path;
    int64_t timeout_us;
    struct event *poll, *deadline;
    pid_t child; /* 0: none */
    pid_t group; /* of this run, or the one before: may have processes to reap; 0: none */
    bool is_overdue;
    int output; /* the pipe's end; -1: none */
    char said[OUTPUT_BYTES];
    size_t said_length;
    char problem[OUTPUT_BYTES + 160]; /* that is found before the command runs, too */
};

int event_command_check(const char *path, struct error *ret_error) {
    struct stat status;
    if (*path != '/')
        return error_set(ret_error, ERROR_INVALID,
                         "event_command: \"%s\" is no absolute path; expected a program's, without "
                         "arguments",
                         path);
    if (stat(path, &status) < 0)
        return error_set(ret_error, ERROR_INVALID, "event_command: cannot find %s: %s", path,
                         strerror(errno));
    if (!S_ISREG(status.st_mode) || access(path, X_OK) < 0)
        return error_set(ret_error, ERROR_INVALID,
                         "event_command: %s is no program that the server's user may run", path);
    return 0;
}

/* ---- output ---- */

/* Reads what there is, and keeps the beginning. A command that never ends its output holds up
 * nothing: each look reads a bounded part. */
static void read_output(struct event_command *command) {
    char bytes[4096];
    ssize_t got;
    for (int i = 0; i < 16 && (got = read(command->output, bytes, sizeof bytes)) > 0; i++) {
        size_t room = sizeof command->said - command->said_length;
        size_t kept = (size_t)got < room ? (size_t)got : room;
        memcpy(command->said + command->said_length, bytes, kept);
        command->said_length += kept;
    }
}

/* Its first line, for the log. */
static int said_length(const struct event_command *command) {
    const char *newline = memchr(command->said, '\n', command->said_length);
    return (int)(newline ? (size_t)(newline - command->said) : command->said_length);
}

/* ---- the end of a run ---- */

static void forget_run(struct event_command *command) {
    event_del(command->poll);
    event_del(command->deadline);
    if (command->output >= 0)
        close(command->output);
    command->output = -1;
    command->child = 0;
}

/* The group: also what the command has started in the background. Only while the child is not
 * reaped: until then, nobody else gets its number. */
static void kill_run(const struct event_command *command) {
    kill(-command->child, SIGKILL);
}

/* Those processes of the group that have ended, and were given to us. */
static void reap_group(struct event_command *command) {
    pid_t reaped = 0;
    while (command->group != 0 && (reaped = waitpid(-command->group, NULL, WNOHANG)) > 0)
        ;
    if (reaped < 0) /* there are no others */
        command->group = 0;
}

static void report(struct event_command *command) {
    command->destination.delivered(command->destination.user, command->problem);
}

static void describe_end(struct event_command *command, int status) {
    char how[64];
    if (command->is_overdue)
        snprintf(how, sizeof how, "it ran for longer than event_timeout and was killed");
    else if (WIFEXITED(status))
        snprintf(how, sizeof how, "it exited with status %d", WEXITSTATUS(status));
    else
        snprintf(how, sizeof how, "signal %d ended it", WTERMSIG(status));
    snprintf(command->problem, sizeof command->problem, "%s%s%.*s", how,
             command->said_length > 0 ? ": " : "", said_length(command), command->said);
}

static void on_poll(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct event_command *command = user;
    siginfo_t ended = {.si_pid = 0};
    int status = 0;
    if (command->child == 0) { /* it could not be started */
        forget_run(command);
        report(command);
        return;
    }
    read_output(command);
    int r = waitid(P_PID, (id_t)command->child, &ended, WEXITED | WNOHANG | WNOWAIT);
    if (r == 0 && ended.si_pid == 0)
        return;
    read_output(command);
    if (r == 0) {
        kill_run(command); /* what it left behind must not pile up */
        r = waitpid(command->child, &status, 0) < 0 ? -1 : 0;
    }
    forget_run(command);
    reap_group(command);
    if (r < 0)
        snprintf(command->problem, sizeof command->problem, "its end was lost");
    else if (status != 0 || command->is_overdue)
        describe_end(command, status);
    report(command);
}

static void on_deadline(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct event_command *command = user;
    command->is_overdue = true;
    kill_run(command); /* on_poll() sees its end */
}

/* ---- a run ---- */

/* The body as a file to be read from its beginning. */
static int make_input(struct text body) {
    int input = memfd_create("harrier-events", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (input < 0 && errno == EINVAL) /* before Linux 6.3 */
        input = memfd_create("harrier-events", MFD_CLOEXEC);
    for (size_t at = 0; input >= 0 && at < body.length;) {
        ssize_t written = write(input, body.data + at, body.length - at);
        if (written < 0 && errno != EINTR) {
            int number = errno;
            close(input);
            errno = number;
            return -1;
        }
        at += written > 0 ? (size_t)written : 0;
    }
    if (input >= 0)
        lseek(input, 0, SEEK_SET);
    return input;
}

/* Returns an errno. */
static int spawn(struct event_command *command, int input, int output, size_t count) {
    char number[48];
    char *const arguments[] = {(char *)(uintptr_t)command->path, NULL};
    char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", number,
        NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    snprintf(number, sizeof number, "HARRIER_EVENTS=%zu", count);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigdefault(&attributes, &all); /* the server ignores SIGPIPE */
    posix_spawnattr_setsigmask(&attributes, &none);
    int failed =
        posix_spawn(&command->child, command->path, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        command->child = 0;
    command->group = command->child;
    return failed;
}

static void start(struct event_destination *self, struct text body, size_t count) {
    struct event_command *command = (struct event_command *)self;
    const struct timeval poll = {.tv_usec = POLL_US};
    const struct timeval timeout = {.tv_sec = command->timeout_us / 1000000,
                                    .tv_usec = command->timeout_us % 1000000};
    int ends[2] = {-1, -1};
    *command->problem = '\0';
    command->said_length = 0;
    command->is_overdue = false;
    reap_group(command); /* what was not dead yet after the last run */
    int input = make_input(body);
    int failed = input < 0 || pipe2(ends, O_CLOEXEC) < 0 ? errno : 0;
    if (!failed) {
        fcntl(ends[0], F_SETFL, O_NONBLOCK); /* our end; the command's waits for us */
        failed = spawn(command, input, ends[1], count);
        close(ends[1]);
    }
    if (input >= 0)
        close(input);
    command->output = ends[0];
    if (failed)
        snprintf(command->problem, sizeof command->problem, "it cannot be started: %s",
                 strerror(failed));
    else
        event_add(command->deadline, &timeout);
    event_add(command->poll, &poll);
}

static void abandon(struct event_destination *self) {
    struct event_command *command = (struct event_command *)self;
    if (command->child != 0)
        kill_run(command);
    forget_run(command);
    reap_group(command);
    for (int i = 0; i < LAST_LOOKS && command->group != 0; i++) {
        usleep(1000);
        reap_group(command);
    }
}

static void free_command(struct event_destination *self) {
    struct event_command *command = (struct event_command *)self;
    abandon(self);
    event_free(command->poll);
    event_free(command->deadline);
    free(command);
}

struct event_destination *event_command_new(struct event_base *base, const char *path,
                                            int64_t timeout_us) {
    struct event_command *command = check_calloc(1, sizeof *command);
    signal(SIGCHLD, SIG_DFL); /* ignored, if whoever started us did that: then no end is seen */
    command->destination = (struct event_destination){
        .name = "event_command", .start = start, .abandon = abandon, .free = free_command};
    command->path = path;
    command->timeout_us = timeout_us;
    command->output = -1;
    command->poll = event_new(base, -1, EV_PERSIST, on_poll, command);
    command->deadline = event_new(base, -1, 0, on_deadline, command);
    check(command->poll && command->deadline);
    return &command->destination;
}
