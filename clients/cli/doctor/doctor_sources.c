#include "doctor_sources.h"

#include "clients/cli/terminal/folders.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM_MS_MAX    60000
#define PROGRAM_BYTES_MAX (256u << 10)
#define LOCKS_BYTES_MAX   (1u << 20)
#define FILE_STEP         16384

/* ---- small files ---- */

static bool read_file(const char *path, char *ret_text, size_t size) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    if (descriptor < 0)
        return false;
    ssize_t got = 1;
    while (got > 0 && length < size - 1) {
        got = read(descriptor, ret_text + length, size - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    close(descriptor);
    if (got < 0)
        return false;
    ret_text[length] = '\0';
    if (length > 0 && ret_text[length - 1] == '\n')
        ret_text[length - 1] = '\0';
    return true;
}

bool doctor_read(const struct doctor *doctor, const char *path, char *ret_text, size_t size) {
    char full[PATH_MAX];
    int length = snprintf(full, sizeof full, "%s%s", doctor->options->root, path);
    return length > 0 && (size_t)length < sizeof full && read_file(full, ret_text, size);
}

bool doctor_read_process(const struct doctor *doctor, const char *name, char *ret_text,
                         size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", (long)doctor->process.pid, name);
    return doctor->process.pid > 0 && doctor_read(doctor, path, ret_text, size);
}

bool doctor_find_number(const char *text, const char *name, uint64_t *ret_number) {
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return sscanf(line + length + 1, "%" SCNu64, ret_number) == 1;
    return false;
}

/* ---- programs ---- */

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until the other end is closed, or time is up: false. */
static bool collect(int descriptor, struct buffer *out) {
    int64_t until_ms = now_ms() + PROGRAM_MS_MAX;
    char bytes[FILE_STEP];
    for (;;) {
        struct pollfd ready = {.fd = descriptor, .events = POLLIN};
        int64_t left_ms = until_ms - now_ms();
        if (left_ms <= 0)
            return false;
        if (poll(&ready, 1, (int)left_ms) <= 0)
            continue;
        ssize_t got = read(descriptor, bytes, sizeof bytes);
        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR)
            return false;
        if (got > 0 && out->length < PROGRAM_BYTES_MAX)
            buffer_append(out, bytes, (size_t)got);
    }
}

int doctor_run_program(const char *const *arguments, struct buffer *out) {
    posix_spawn_file_actions_t actions;
    int ends[2], status = 0;
    pid_t child;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    check(posix_spawn_file_actions_init(&actions) == 0);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    int failure = posix_spawnp(&child, arguments[0], &actions, NULL,
                               (char *const *)(uintptr_t)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (failure == 0) {
        if (!collect(ends[0], out))
            kill(child, SIGKILL);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    close(ends[0]);
    return failure == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- the configuration ---- */

/* Beside this program, in ../sbin, and then wherever PATH leads. */
static void find_program(const struct doctor *doctor, char *ret_path, size_t size) {
    static const char *const places[] = {"", "/../sbin"};
    char own[PATH_MAX - 64];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(own, '/');
    if (doctor->options->program) {
        snprintf(ret_path, size, "%s", doctor->options->program);
        return;
    }
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        *slash = '\0';
        snprintf(ret_path, size, "%s%s/harrierd", own, places[i]);
        if (access(ret_path, X_OK) == 0)
            return;
    }
    snprintf(ret_path, size, "harrierd");
}

/* "name = value" lines to NAME, NUL, VALUE, NUL. */
static void keep_values(struct doctor_config *config, struct buffer *lines) {
    char *at = (char *)lines->bytes;
    buffer_append_u8(lines, '\0');
    for (char *line = strtok_r((char *)lines->bytes, "\n", &at); line;
         line = strtok_r(NULL, "\n", &at)) {
        char *sign = strstr(line, " = ");
        if (!sign)
            continue;
        *sign = '\0';
        buffer_append(&config->values, line, strlen(line) + 1);
        buffer_append(&config->values, sign + 3, strlen(sign + 3) + 1);
    }
}

/* What harrierd says, without its name, on one line. */
static void keep_problem(struct doctor_config *config, const struct buffer *said, int status) {
    int length = said->length > 900 ? 900 : (int)said->length;
    if (status < 0)
        snprintf(config->problem, sizeof config->problem,
                 "%.900s cannot be run, so its configuration is not known", config->program);
    else
        snprintf(config->problem, sizeof config->problem, "%.*s", length,
                 said->length > 0 ? (const char *)said->bytes : "harrierd says nothing");
    for (char *at = config->problem; *at; at++)
        *at = *at == '\n' && at[1] ? ';' : *at == '\n' ? '\0' : *at;
}

void doctor_load_config(struct doctor *doctor) {
    struct doctor_config *config = &doctor->config;
    char named[PATH_MAX + 16];
    const char *arguments[4];
    size_t count = 0;
    struct buffer said;
    buffer_init(&config->values);
    buffer_init(&said);
    if (doctor->options->data)
        return;
    find_program(doctor, config->program, sizeof config->program);
    arguments[count++] = config->program;
    arguments[count++] = "--print-options";
    if (doctor->options->config) {
        snprintf(named, sizeof named, "--config=%s", doctor->options->config);
        arguments[count++] = named;
    }
    arguments[count] = NULL;
    int status = doctor_run_program(arguments, &said);
    if (status == 0)
        keep_values(config, &said);
    else
        keep_problem(config, &said, status);
    buffer_deinit(&said);
}

/* ---- the server's process ---- */

/* A line is "1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF". */
static bool find_lock(const char *locks, const struct stat *lock, pid_t *ret_pid) {
    for (const char *line = locks; line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        unsigned major_number, minor_number;
        unsigned long inode;
        long pid;
        if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%lu", &pid, &major_number, &minor_number,
                   &inode) == 4 &&
            inode == lock->st_ino && major_number == major(lock->st_dev) &&
            minor_number == minor(lock->st_dev)) {
            *ret_pid = pid > 0 ? (pid_t)pid : 0;
            return true;
        }
    }
    return false;
}

/* Where /proc/locks does not show the file as stat() does, as on overlayfs: the file says which
 * process locked it last. */
static bool is_harrierd(const struct doctor *doctor, pid_t pid) {
    char name[64], path[64];
    snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
    return pid > 0 && doctor_read(doctor, path, name, sizeof name) && strcmp(name, "harrierd") == 0;
}

void doctor_find_process(struct doctor *doctor) {
    char *archive = folder_in(doctor->data, FOLDER_ARCHIVE);
    char *path = folder_in(archive, "lock");
    char *locks = check_malloc(LOCKS_BYTES_MAX), holder[32];
    struct stat lock;
    if (stat(path, &lock) == 0) {
        if (doctor_read(doctor, "/proc/locks", locks, LOCKS_BYTES_MAX))
            doctor->process.is_running = find_lock(locks, &lock, &doctor->process.pid);
        long pid;
        if (!doctor->process.is_running && read_file(path, holder, sizeof holder) &&
            sscanf(holder, "process %ld", &pid) == 1 && is_harrierd(doctor, (pid_t)pid)) {
            doctor->process.is_running = true;
            doctor->process.pid = (pid_t)pid;
        }
    }
    free(locks);
    free(path);
    free(archive);
}
