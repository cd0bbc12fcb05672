/* One run at a time. There is no shell: the path is the program, without arguments. A process of
 * its own starts it (event_launcher.h); what it gets on standard input is a file in memory, so that
 * nobody waits for it however slowly it reads, and the first bytes of its output, a pipe, are kept
 * for the log.
 *
 * No wait blocks: a command that even SIGKILL does not end, as on a file system that is gone, holds
 * up only the next run. */
#include "event_command.h"

#include "core/base/check.h"
#include "event_launcher.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
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

#define READ_US      10000 /* between two looks at a run's output */
#define OUTPUT_BYTES 200   /* of it in the log */

/* Nothing can be started any more: the sandbox lets the server make no other one. */
#define LAUNCHER_GONE "the process that starts it (harrierd-events) has ended; restart the server"

struct event_command {
    struct event_destination destination; /* first */
    struct event_launcher launcher;
    int64_t timeout_us;
    struct event *news, *read, *deadline, *conclude;
    uint32_t run; /* counts */
    bool is_running, is_overdue;
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
    event_del(command->read);
    event_del(command->deadline);
    event_del(command->conclude);
    if (command->output >= 0)
        close(command->output);
    command->output = -1;
    command->is_running = false;
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

/* Also of a run that could not be started. */
static void conclude(struct event_command *command) {
    forget_run(command);
    command->destination.delivered(command->destination.user, command->problem);
}

static void fail_to_start(struct event_command *command, int number) {
    snprintf(command->problem, sizeof command->problem, "it cannot be started: %s",
             strerror(number));
}

static void on_news(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct event_command *command = user;
    uint32_t run;
    int value;
    enum event_launcher_news news = event_launcher_receive(&command->launcher, &run, &value);
    if (news == EVENT_LAUNCHER_TERMINATED)
        event_del(command->news);
    else if (news == EVENT_LAUNCHER_NOTHING || run != command->run)
        return;
    if (!command->is_running)
        return;
    read_output(command);
    if (news == EVENT_LAUNCHER_FAILED)
        fail_to_start(command, value);
    else if (news == EVENT_LAUNCHER_TERMINATED)
        snprintf(command->problem, sizeof command->problem, "%s", LAUNCHER_GONE);
    else if (news == EVENT_LAUNCHER_LOST)
        snprintf(command->problem, sizeof command->problem, "its end was lost");
    else if (value != 0 || command->is_overdue)
        describe_end(command, value);
    conclude(command);
}

static void on_read(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    read_output(user);
}

static void on_conclude(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    conclude(user);
}

static void on_deadline(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct event_command *command = user;
    command->is_overdue = true;
    event_launcher_kill(&command->launcher, command->run); /* on_news() sees its end */
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

/* What cannot be started is reported from the loop, as every end is. */
static void start(struct event_destination *self, struct text body, size_t count) {
    struct event_command *command = (struct event_command *)self;
    const struct timeval read = {.tv_usec = READ_US}, now = {0};
    const struct timeval timeout = {.tv_sec = command->timeout_us / 1000000,
                                    .tv_usec = command->timeout_us % 1000000};
    int ends[2] = {-1, -1};
    *command->problem = '\0';
    command->said_length = 0;
    command->is_overdue = false;
    command->is_running = true;
    command->run++;
    int input = make_input(body);
    int failed = input < 0 || pipe2(ends, O_CLOEXEC) < 0 ? errno : 0;
    if (!failed) {
        fcntl(ends[0], F_SETFL, O_NONBLOCK); /* our end; the command's waits for us */
        failed = event_launcher_start(&command->launcher, command->run, input, ends[1], count);
        close(ends[1]);
    }
    if (input >= 0)
        close(input);
    command->output = ends[0];
    if (failed == 0) {
        event_add(command->read, &read);
        event_add(command->deadline, &timeout);
        return;
    }
    if (command->launcher.socket < 0)
        snprintf(command->problem, sizeof command->problem, "%s", LAUNCHER_GONE);
    else
        fail_to_start(command, failed);
    event_add(command->conclude, &now);
}

static void abandon(struct event_destination *self) {
    struct event_command *command = (struct event_command *)self;
    event_del(command->news);
    event_launcher_close(&command->launcher);
    forget_run(command);
}

static void free_command(struct event_destination *self) {
    struct event_command *command = (struct event_command *)self;
    abandon(self);
    event_free(command->news);
    event_free(command->read);
    event_free(command->deadline);
    event_free(command->conclude);
    free(command);
}

int event_command_new(struct event_base *base, const char *path, int64_t timeout_us,
                      struct event_destination **ret_destination, struct error *ret_error) {
    struct event_launcher launcher;
    int r = event_launcher_open(&launcher, path, ret_error);
    if (r < 0)
        return r;
    struct event_command *command = check_calloc(1, sizeof *command);
    command->destination = (struct event_destination){
        .name = "event_command", .start = start, .abandon = abandon, .free = free_command};
    command->launcher = launcher;
    command->timeout_us = timeout_us;
    command->output = -1;
    command->news = event_new(base, launcher.socket, EV_READ | EV_PERSIST, on_news, command);
    command->read = event_new(base, -1, EV_PERSIST, on_read, command);
    command->deadline = event_new(base, -1, 0, on_deadline, command);
    command->conclude = event_new(base, -1, 0, on_conclude, command);
    check(command->news && command->read && command->deadline && command->conclude);
    event_add(command->news, NULL);
    *ret_destination = &command->destination;
    return 0;
}
