/* Between fork and exec only calls that are safe there: another thread may have held any lock. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#define NICE           19
#define IO_WHO_PROCESS 1
#define IO_IDLE        (3 << 13)
#define EXEC_FAILED    127

static void limit(int what, uint64_t bytes) {
    const struct rlimit both = {bytes, bytes};
    if (bytes > 0)
        setrlimit(what, &both);
}

/* RLIMIT_DATA counts memory of its own, and not the archive's files, which are mapped. The shadow
 * memory of AddressSanitizer and ThreadSanitizer counts as well, so a program built with one of
 * them has no limit. */
static void set_limits(const struct child_settings *settings) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&                             \
    !__has_feature(address_sanitizer)
    limit(RLIMIT_DATA, settings->memory_bytes);
#endif
    limit(RLIMIT_FSIZE, settings->file_bytes);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setpriority(PRIO_PROCESS, 0, NICE);
    syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0, IO_IDLE);
}

/* Our threads block signals and ignore some; the program starts as from a shell. Beyond a file's
 * limit a write fails with EFBIG, which is told like any failed write. */
static void set_signals(void) {
    sigset_t none;
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(const struct child_settings *settings, char *const *words,
                             pid_t parent, int errors) {
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it has ended before the line above */
        _exit(EXEC_FAILED);
    set_limits(settings);
    set_signals();
    if (chdir(settings->folder) < 0)
        _exit(EXEC_FAILED);
    int output = open(settings->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (nothing < 0 || output < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(output, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
        _exit(EXEC_FAILED);
    execv(settings->program, words);
    _exit(EXEC_FAILED);
}

int child_start(const struct child_settings *settings, char *const *words, pid_t *ret_pid,
                int *ret_errors, struct error *ret_error) {
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return error_set_errno(ret_error, errno, "cannot start %s", settings->program);
    fcntl(ends[1], F_SETFL, 0); /* the program expects an end that blocks */
    pid_t pid = fork();
    if (pid == 0)
        become(settings, words, parent, ends[1]);
    int number = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return error_set_errno(ret_error, number, "cannot start %s", settings->program);
    }
    setpgid(pid, pid); /* whoever comes first: a signal to the group must find it */
    *ret_pid = pid;
    *ret_errors = ends[0];
    return 0;
}

void child_signal(pid_t pid, int number) {
    kill(-pid, number);
}

int child_reap(pid_t pid, int *ret_status) {
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
        return 0;
    kill(-pid, SIGKILL); /* what it left; until it is reaped, its id is nobody else's */
    return waitpid(pid, ret_status, 0) == pid;
}
