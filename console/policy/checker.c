#include "checker.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "core/store/archive/file.h"
#include "server/ops/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEPT        8
#define KEPT_US     INT64_C(600000000) /* some findings depend on the date */
#define PATIENCE_S  20                 /* for a turn */
#define DEADLINE_US INT64_C(30000000)
#define REPORT_MAX  ((size_t)16 << 20)

extern char **environ;

struct kept {
    char hash[POLICY_HASH_SIZE];
    int64_t at_us;
    struct buffer report;
};

struct checker {
    char *work;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    unsigned running, started; /* under the lock, as is all below */
    struct kept kept[KEPT];
    size_t next;
};

/* ---- work folders ---- */

static void remove_tree(int parent, const char *name) {
    int inside = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = inside < 0 ? NULL : fdopendir(inside);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(inside, entry->d_name, 0) < 0)
            remove_tree(inside, entry->d_name);
    if (folder)
        closedir(folder);
    else if (inside >= 0)
        close(inside);
    unlinkat(parent, name, AT_REMOVEDIR);
}

int checker_new(const char *folder, struct checker **ret_checker, struct error *ret_error) {
    char *work = name_printf("%s/work", folder);
    remove_tree(AT_FDCWD, work); /* what a killed console has left */
    if (mkdir(work, 0700) < 0) {
        int r = error_set_errno(ret_error, errno, "cannot make the folder %s", work);
        free(work);
        return r;
    }
    struct checker *checker = check_calloc(1, sizeof *checker);
    checker->work = work;
    lock_init(&checker->lock, LOCK_CONSOLE_CHECKER);
    pthread_cond_init(&checker->ended, NULL);
    for (size_t i = 0; i < KEPT; i++)
        buffer_init(&checker->kept[i].report);
    *ret_checker = checker;
    return 0;
}

void checker_free(struct checker *checker) {
    if (!checker)
        return;
    for (size_t i = 0; i < KEPT; i++)
        buffer_deinit(&checker->kept[i].report);
    pthread_cond_destroy(&checker->ended);
    pthread_mutex_destroy(&checker->lock);
    free(checker->work);
    free(checker);
}

/* ---- the child ---- */

/* Its standard output is the pipe; it has no input, and the console's own standard error. */
static int start(const char *folder, int output, pid_t *ret_pid, struct error *ret_error) {
    const char *const arguments[] = {"harrier-console", "check-policy", folder, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int number = posix_spawn(ret_pid, "/proc/self/exe", &actions, &attributes,
                             (char *const *)(uintptr_t)arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return number ? error_set_errno(ret_error, number, "cannot start a check") : 0;
}

/* Until the end of its output. false: too long, or too much. */
static bool read_report(int input, struct buffer *out) {
    int64_t until_us = clock_monotonic_us(&clock_system) + DEADLINE_US;
    for (;;) {
        int64_t left_us = until_us - clock_monotonic_us(&clock_system);
        struct pollfd wait = {.fd = input, .events = POLLIN};
        if (left_us <= 0 || out->length > REPORT_MAX)
            return false;
        if (poll(&wait, 1, (int)(left_us / 1000) + 1) <= 0)
            continue;
        ssize_t got = read(input, buffer_reserve(out, 65536), 65536);
        if (got > 0)
            out->length += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return got == 0;
    }
}

static int finish(pid_t pid, bool is_whole, struct error *ret_error) {
    int status = 0;
    if (!is_whole)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (is_whole && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "the check was stopped: this policy takes too much time or memory");
}

static int check_folder(const char *folder, struct buffer *report, struct error *ret_error) {
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set_errno(ret_error, errno, "cannot start a check");
    int r = start(folder, ends[1], &pid, ret_error);
    close(ends[1]);
    if (r == 0)
        r = finish(pid, read_report(ends[0], report), ret_error);
    close(ends[0]);
    return r;
}

static int check_files(struct checker *checker, const struct file_set *files, unsigned number,
                       struct buffer *report, struct error *ret_error) {
    char *folder = name_printf("%s/%u", checker->work, number);
    int r = mkdir(folder, 0700) < 0
                ? error_set_errno(ret_error, errno, "cannot make the folder %s", folder)
                : file_set_write(files, folder, ret_error);
    if (r == 0)
        r = check_folder(folder, report, ret_error);
    remove_tree(AT_FDCWD, folder);
    free(folder);
    return r;
}

/* ---- turns ---- */

/* Under the lock. */
static const struct kept *find_kept(const struct checker *checker, const char *hash) {
    for (size_t i = 0; i < KEPT; i++)
        if (strcmp(checker->kept[i].hash, hash) == 0 &&
            checker->kept[i].at_us > clock_wall_us(&clock_system) - KEPT_US)
            return &checker->kept[i];
    return NULL;
}

/* Under the lock; waits. */
static int take_turn(struct checker *checker, struct error *ret_error) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    while (checker->running >= CHECKS_AT_ONCE)
        if (pthread_cond_timedwait(&checker->ended, &checker->lock, &until) == ETIMEDOUT)
            return error_set(ret_error, ERROR_UNAVAILABLE, "too many checks at once: try again");
    checker->running++;
    return 0;
}

/* Under the lock. */
static void keep(struct checker *checker, const char *hash, const struct buffer *report) {
    struct kept *kept = &checker->kept[checker->next++ % KEPT];
    snprintf(kept->hash, sizeof kept->hash, "%s", hash);
    kept->at_us = clock_wall_us(&clock_system);
    buffer_clear(&kept->report);
    buffer_append(&kept->report, report->bytes, report->length);
}

int checker_run(struct checker *checker, const struct file_set *files, struct buffer *out,
                struct error *ret_error) {
    char hash[POLICY_HASH_SIZE];
    struct buffer report;
    file_set_hash(files, hash);
    pthread_mutex_lock(&checker->lock);
    const struct kept *kept = find_kept(checker, hash);
    if (kept)
        buffer_append(out, kept->report.bytes, kept->report.length);
    int r = kept ? 0 : take_turn(checker, ret_error);
    unsigned number = checker->started++;
    pthread_mutex_unlock(&checker->lock);
    if (kept || r < 0)
        return r;
    buffer_init(&report);
    r = check_files(checker, files, number, &report, ret_error);
    pthread_mutex_lock(&checker->lock);
    if (r == 0)
        keep(checker, hash, &report);
    checker->running--;
    pthread_cond_signal(&checker->ended);
    pthread_mutex_unlock(&checker->lock);
    if (r == 0)
        buffer_append(out, report.bytes, report.length);
    buffer_deinit(&report);
    return r;
}
