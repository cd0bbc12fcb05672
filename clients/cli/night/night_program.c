/* The program gets a process group of its own, so that a kill reaches what it started. Its standard
 * input is empty. */
#include "night_program.h"

#include "clients/cli/terminal/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_EXECUTED 127
#define GRACE_US     2000000 /* between SIGTERM and SIGKILL */

static _Noreturn void become(const struct night_program *program, pid_t parent) {
    int nothing = open("/dev/null", O_RDONLY);
    setpgid(0, 0);
    /* The next run starts it again, which must not meet this one. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* killed before that */
        _exit(NOT_EXECUTED);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    for (const char *const *variable = program->environment; variable && *variable; variable++)
        putenv((char *)(uintptr_t)*variable);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    if (program->output >= 0)
        dup2(program->output, STDERR_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execvp(program->arguments[0], (char *const *)(uintptr_t)program->arguments);
    _exit(NOT_EXECUTED);
}

/* It stays a zombie, so that its number, which is the group's, is nobody else's. */
static bool has_ended(pid_t child) {
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == child;
}

static void end_group(pid_t child) {
    int status;
    const struct timespec step = {.tv_nsec = 20000000};
    kill(-child, SIGTERM);
    for (uint64_t until = monotonic_us() + GRACE_US; !has_ended(child) && monotonic_us() < until;)
        nanosleep(&step, NULL);
    kill(-child, SIGKILL); /* what is left of the group */
    waitpid(child, &status, 0);
}

static bool prints_too_much(const struct night_program *program) {
    struct stat status;
    return program->output_most > 0 && fstat(program->output, &status) == 0 &&
           status.st_size > program->output_most;
}

/* Not to be waited for any longer: the reason, 0 if there is none. */
static int check_limits(const struct night_program *program, uint64_t until,
                        struct error *ret_error) {
    if (*program->stop)
        return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
    if (monotonic_us() > until)
        return error_set(ret_error, ERROR_UNAVAILABLE, "%s did not end in time and was killed",
                         program->arguments[0]);
    if (prints_too_much(program))
        return error_set(ret_error, ERROR_UNAVAILABLE,
                         "%s printed more than %jd MiB and was killed", program->arguments[0],
                         (intmax_t)(program->output_most >> 20));
    return 0;
}

static int await(const struct night_program *program, pid_t child, int *ret_status,
                 struct error *ret_error) {
    const struct timespec step = {.tv_nsec = 20000000};
    uint64_t until = monotonic_us() + (uint64_t)program->timeout_us;
    int status;
    while (!has_ended(child)) {
        int r = check_limits(program, until, ret_error);
        if (r < 0) {
            end_group(child);
            return r;
        }
        nanosleep(&step, NULL);
    }
    if (program->takes_all)
        kill(-child, SIGKILL);
    waitpid(child, &status, 0);
    *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

int night_program_run(const struct night_program *program, int *ret_status,
                      struct error *ret_error) {
    const char *path = program->arguments[0];
    if (strchr(path, '/') && access(path, X_OK) < 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "%s %s: %s", program->what, path,
                         strerror(errno));
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        return error_set_errno(ret_error, errno, "cannot start %s", path);
    if (child == 0)
        become(program, parent);
    setpgid(child, child); /* both do it: whoever is first */
    return await(program, child, ret_status, ret_error);
}
