/* The program gets a process group of its own, so that a kill reaches what it started. Its standard
 * input is empty, and what it prints goes to standard error: standard output is the command's. */
#include "night_hook.h"

#include "clients/cli/terminal/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_EXECUTED 127
#define GRACE_US     2000000 /* between SIGTERM and SIGKILL */

static _Noreturn void become(const struct night_hook *hook, pid_t parent) {
    char *const arguments[] = {(char *)(uintptr_t)hook->program, NULL};
    int nothing = open("/dev/null", O_RDONLY);
    setpgid(0, 0);
    /* The next run starts it again, which must not meet this one. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* killed before that */
        _exit(NOT_EXECUTED);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    for (const char *const *variable = hook->environment; *variable; variable++)
        putenv((char *)(uintptr_t)*variable);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execvp(hook->program, arguments);
    _exit(NOT_EXECUTED);
}

static void end_group(pid_t child) {
    int status;
    const struct timespec step = {.tv_nsec = 20000000};
    kill(-child, SIGTERM);
    for (uint64_t until = monotonic_us() + GRACE_US; monotonic_us() < until;) {
        if (waitpid(child, &status, WNOHANG) == child)
            break;
        nanosleep(&step, NULL);
    }
    kill(-child, SIGKILL); /* what is left of the group */
    waitpid(child, &status, 0);
}

static int await(const struct night_hook *hook, pid_t child, int *ret_status,
                 struct error *ret_error) {
    const struct timespec step = {.tv_nsec = 20000000};
    uint64_t until = monotonic_us() + (uint64_t)hook->timeout_us;
    int status;
    for (;;) {
        if (waitpid(child, &status, WNOHANG) == child)
            break;
        if (*hook->stop || monotonic_us() > until) {
            end_group(child);
            return *hook->stop ? error_set(ret_error, ERROR_INTERRUPTED, "interrupted")
                               : error_set(ret_error, ERROR_UNAVAILABLE,
                                           "%s did not end in time and was killed", hook->program);
        }
        nanosleep(&step, NULL);
    }
    *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

int night_hook_run(const struct night_hook *hook, int *ret_status, struct error *ret_error) {
    if (strchr(hook->program, '/') && access(hook->program, X_OK) < 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "the hook %s: %s", hook->program,
                         strerror(errno));
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        return error_set_errno(ret_error, errno, "cannot start %s", hook->program);
    if (child == 0)
        become(hook, parent);
    setpgid(child, child); /* both do it: whoever is first */
    return await(hook, child, ret_status, ret_error);
}
