/* Messages over a pair of sockets that keep their bounds. A run:
 *
 *   standard input   a descriptor of the server's
 *   standard output  with standard error, another
 *   environment      PATH, LANG, and HARRIER_EVENTS with the number of events; nothing of the
 *                    server's, which may hold secrets
 *   folder           /
 *   descriptors      no others
 *
 * and a process group of its own, which is killed as a whole when the time is up, and when the
 * command has ended: what it left behind must not pile up. Whether it has ended is asked every few
 * milliseconds, while it runs. Orphans of the command are given to this process, not to the first
 * one of the container, and are reaped by their group. */
#include "event_launcher.h"

#include "core/base/check.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS     10
#define GONE_LOOKS  2000 /* a millisecond apart, for the killed processes of a run to be gone */
#define CLOSE_LOOKS 3000 /* likewise, for the process itself */
#define NAME        "harrierd-events" /* of the process, in ps */

enum order { ORDER_START = 1, ORDER_KILL };
struct order_message {
    uint32_t order, run;
    uint64_t event_count;
};
struct news_message {
    uint32_t news, run;
    int32_t value;
};

/* ---- the process ---- */

struct runner {
    int socket;
    const char *path;
    uint32_t run;
    pid_t child; /* 0: none */
    pid_t group; /* of this run, or the one before: may have processes to reap; 0: none */
};

/* The server reads what it is told, or is gone: then the next look at the socket says so. */
static void report(const struct runner *runner, enum event_launcher_news news, int value) {
    const struct news_message message = {.news = news, .run = runner->run, .value = value};
    ssize_t ignored = send(runner->socket, &message, sizeof message, MSG_NOSIGNAL);
    (void)ignored;
}

/* Those processes of the group that have ended, and were given to us. */
static void reap_group(struct runner *runner) {
    pid_t reaped = 0;
    while (runner->group != 0 && (reaped = waitpid(-runner->group, NULL, WNOHANG)) > 0)
        ;
    if (reaped < 0) /* there are no others */
        runner->group = 0;
}

/* Returns an errno. */
static int spawn(struct runner *runner, int input, int output, uint64_t event_count) {
    char number[48];
    char *const arguments[] = {(char *)(uintptr_t)runner->path, NULL};
    char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", number,
        NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    snprintf(number, sizeof number, "HARRIER_EVENTS=%llu", (unsigned long long)event_count);
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
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    int failed =
        posix_spawn(&runner->child, runner->path, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        runner->child = 0;
    runner->group = runner->child;
    return failed;
}

/* The group: also what the command has started in the background. Only while the child is not
 * reaped: until then, nobody else gets its number. */
static void kill_run(const struct runner *runner) {
    if (runner->child != 0)
        kill(-runner->child, SIGKILL);
}

/* Has the command ended? */
static void look(struct runner *runner) {
    siginfo_t ended = {.si_pid = 0};
    int status = 0;
    if (runner->child == 0)
        return;
    int r = waitid(P_PID, (id_t)runner->child, &ended, WEXITED | WNOHANG | WNOWAIT);
    if (r == 0 && ended.si_pid == 0)
        return;
    if (r == 0) {
        kill_run(runner);
        r = waitpid(runner->child, &status, 0) < 0 ? -1 : 0;
    }
    int number = errno;
    runner->child = 0;
    reap_group(runner);
    if (r < 0)
        report(runner, EVENT_LAUNCHER_LOST, number);
    else
        report(runner, EVENT_LAUNCHER_ENDED, status);
}

/* On a busy machine, a killed process needs a while. One that never goes is given up. */
static void await_group(struct runner *runner) {
    reap_group(runner);
    for (int i = 0; i < GONE_LOOKS && runner->group != 0; i++) {
        usleep(1000);
        reap_group(runner);
    }
}

static void begin_run(struct runner *runner, const struct order_message *order,
                      const int descriptors[2]) {
    await_group(runner); /* the last run's: only one group is remembered */
    runner->run = order->run;
    int failed = spawn(runner, descriptors[0], descriptors[1], order->event_count);
    if (failed)
        report(runner, EVENT_LAUNCHER_FAILED, failed);
}

/* Returns false at the end of orders: the server is gone. */
static bool obey(struct runner *runner) {
    struct order_message order;
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = &order, .iov_len = sizeof order};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    int descriptors[2] = {-1, -1};
    ssize_t got = recvmsg(runner->socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    const struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
    if (passed && passed->cmsg_type == SCM_RIGHTS &&
        passed->cmsg_len == CMSG_LEN(sizeof descriptors))
        memcpy(descriptors, CMSG_DATA(passed), sizeof descriptors);
    if (got == (ssize_t)sizeof order && order.order == ORDER_START && runner->child == 0 &&
        descriptors[1] >= 0)
        begin_run(runner, &order, descriptors);
    else if (got == (ssize_t)sizeof order && order.order == ORDER_KILL && order.run == runner->run)
        kill_run(runner);
    for (size_t i = 0; i < 2; i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
    return got > 0;
}

static void end_run(struct runner *runner) {
    kill_run(runner);
    runner->child = 0;
    await_group(runner);
}

/* A terminal and systemd send their signals to the server and to this process alike; it has to
 * stay until the server, which delivers what is left, is done with it. SIGCHLD may have been
 * ignored by whoever started us: then no end is seen. */
static void set_signals(void) {
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE};
    sigset_t none;
    sigemptyset(&none);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void work(const char *path, int socket) {
    struct runner runner = {.socket = socket, .path = path};
    struct pollfd look_at = {.fd = socket, .events = POLLIN};
    set_signals();
    prctl(PR_SET_NAME, NAME);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (socket > STDERR_FILENO + 1)
        close_range(STDERR_FILENO + 1, (unsigned)socket - 1, 0);
    close_range((unsigned)socket + 1, ~0U, 0);
    do {
        poll(&look_at, 1, runner.child != 0 ? LOOK_MS : -1);
        look(&runner);
    } while (!(look_at.revents & (POLLIN | POLLHUP)) || obey(&runner));
    end_run(&runner);
    _exit(0);
}

/* ---- the server's side ---- */

int event_launcher_open(struct event_launcher *launcher, const char *path,
                        struct error *ret_error) {
    int ends[2];
    sigset_t all, before;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return error_set_errno(ret_error, errno, "event_command: cannot make a pair of sockets");
    sigfillset(&all); /* handlers are the server's */
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t process = fork();
    if (process == 0)
        work(path, ends[1]);
    int number = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (process < 0) {
        close(ends[0]);
        return error_set_errno(ret_error, number, "event_command: cannot make a process");
    }
    *launcher = (struct event_launcher){.socket = ends[0], .process = process};
    return 0;
}

void event_launcher_close(struct event_launcher *launcher) {
    if (launcher->socket >= 0)
        close(launcher->socket);
    launcher->socket = -1;
    for (int i = 0; i < CLOSE_LOOKS && launcher->process > 0; i++) {
        if (waitpid(launcher->process, NULL, WNOHANG) != 0)
            launcher->process = 0;
        else
            usleep(1000);
    }
}

/* Returns an errno. */
static int order(const struct event_launcher *launcher, struct order_message order,
                 const int *descriptors, size_t count) {
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    struct iovec part = {.iov_base = &order, .iov_len = sizeof order};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (launcher->socket < 0)
        return ESRCH;
    if (count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
        passed->cmsg_level = SOL_SOCKET;
        passed->cmsg_type = SCM_RIGHTS;
        passed->cmsg_len = CMSG_LEN(count * sizeof *descriptors);
        memcpy(CMSG_DATA(passed), descriptors, count * sizeof *descriptors);
    }
    ssize_t sent = sendmsg(launcher->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? errno : 0;
}

int event_launcher_start(struct event_launcher *launcher, uint32_t run, int input, int output,
                         size_t event_count) {
    const int descriptors[] = {input, output};
    return order(
        launcher,
        (struct order_message){.order = ORDER_START, .run = run, .event_count = event_count},
        descriptors, 2);
}

void event_launcher_kill(struct event_launcher *launcher, uint32_t run) {
    order(launcher, (struct order_message){.order = ORDER_KILL, .run = run}, NULL, 0);
}

enum event_launcher_news event_launcher_receive(struct event_launcher *launcher, uint32_t *ret_run,
                                                int *ret_value) {
    struct news_message news;
    *ret_run = 0;
    *ret_value = 0;
    if (launcher->socket < 0)
        return EVENT_LAUNCHER_TERMINATED;
    ssize_t got = recv(launcher->socket, &news, sizeof news, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return EVENT_LAUNCHER_NOTHING;
    if (got != (ssize_t)sizeof news) {
        close(launcher->socket);
        launcher->socket = -1;
        return EVENT_LAUNCHER_TERMINATED;
    }
    *ret_run = news.run;
    *ret_value = news.value;
    return (enum event_launcher_news)news.news;
}
