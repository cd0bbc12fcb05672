/* A list of rules, and the order in which they come into force: first the privileges, which the
 * other two need; then files and ports; the system calls last, since their filter has those of the
 * others not in it. */
#include "sandbox.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "syscall_filter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX        16 /* that lead to each other */
#define POLICY_DEPTH_MAX 8  /* a link may lead upwards */

struct kept_path {
    char *path;
    enum landlock_rights rights;
};
struct kept_port {
    uint16_t port;
    bool binds, connects;
};

struct sandbox {
    struct kept_path *paths;
    struct kept_port *ports;
    size_t path_count, port_count;
    bool keeps_all_binds, keeps_all_connects, keeps_abstract, keeps_programs;
};

/* Folders of every system. A file in /etc is replaced when it changes, so the folder is kept: what
 * the user must not read there is forbidden by its permissions. Names of groups may come from
 * systemd and sssd; /etc/ssl/certs leads to /var on some systems. */
static const char *const system_paths[] = {"/etc",
                                           "/usr",
                                           "/lib",
                                           "/lib64",
                                           "/proc",
                                           "/sys",
                                           "/dev/null",
                                           "/dev/zero",
                                           "/dev/random",
                                           "/dev/urandom",
                                           "/run/systemd/userdb",
                                           "/var/lib/sss/mc",
                                           "/var/lib/ca-certificates"};

struct sandbox *sandbox_new(void) {
    return check_calloc(1, sizeof(struct sandbox));
}

void sandbox_free(struct sandbox *sandbox) {
    if (!sandbox)
        return;
    for (size_t i = 0; i < sandbox->path_count; i++)
        free(sandbox->paths[i].path);
    free(sandbox->paths);
    free(sandbox->ports);
    free(sandbox);
}

/* ---- what is kept ---- */

void sandbox_keep_folder(struct sandbox *sandbox, const char *path, enum landlock_rights rights) {
    if (*path == '\0')
        return;
    sandbox->paths =
        check_realloc(sandbox->paths, (sandbox->path_count + 1) * sizeof *sandbox->paths);
    sandbox->paths[sandbox->path_count++] =
        (struct kept_path){.path = text_copy(text_of(path)), .rights = rights};
}

/* The folder that holds `path`. */
static void keep_parent(struct sandbox *sandbox, const char *path, enum landlock_rights rights) {
    char folder[PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof folder)
        return;
    while (length > 1 && path[length - 1] == '/') /* "policy/" is in the folder of "policy" */
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 1 && path[length - 1] == '/')
        length--;
    memcpy(folder, path, length);
    folder[length] = '\0';
    /* The root would be everything. */
    if (strcmp(folder, "/") == 0)
        sandbox_keep_folder(sandbox, path, rights);
    else
        sandbox_keep_folder(sandbox, length > 0 ? folder : ".", rights);
}

/* The system's own links, such as /var/run, are switched by nobody: what is beside them is much. */
static bool is_systems(const char *path, size_t length) {
    return length == 0 || (length == 4 && memcmp(path, "/var", 4) == 0);
}

/* Where a link on the way to a path lies, and where it leads to: it may be switched to another
 * folder beside that, as releases are. Returns false where the links go in circles. */
static bool keep_links(struct sandbox *sandbox, const char *path, int depth) {
    char name[PATH_MAX], target[PATH_MAX], joined[2 * PATH_MAX];
    struct stat status;
    if (depth > LINKS_MAX || strlen(path) >= sizeof name)
        return false;
    for (size_t end = 1; path[end - 1] != '\0'; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        memcpy(name, path, end);
        name[end] = '\0';
        if (lstat(name, &status) < 0 || !S_ISLNK(status.st_mode))
            continue;
        ssize_t length = readlink(name, target, sizeof target - 1);
        if (length <= 0)
            continue;
        target[length] = '\0';
        const char *slash = strrchr(name, '/');
        size_t folder = slash ? (size_t)(slash - name) : 0;
        if (slash && is_systems(name, folder))
            continue;
        if (*target == '/')
            snprintf(joined, sizeof joined, "%s", target);
        else
            snprintf(joined, sizeof joined, "%.*s%s%s", (int)folder, name, slash ? "/" : "",
                     target);
        keep_parent(sandbox, name, LANDLOCK_READ);
        slash = strrchr(joined, '/');
        if (!slash || !is_systems(joined, (size_t)(slash - joined)))
            keep_parent(sandbox, joined, LANDLOCK_READ);
        if (!keep_links(sandbox, joined, depth + 1))
            return false;
    }
    return true;
}

void sandbox_keep_replaced(struct sandbox *sandbox, const char *path, enum landlock_rights rights) {
    if (*path == '\0')
        return;
    char *target = realpath(path, NULL);
    keep_parent(sandbox, path, rights);
    if (target)
        keep_parent(sandbox, target, rights);
    free(target);
    if (rights == LANDLOCK_READ)
        keep_links(sandbox, path, 0);
}

static void keep_links_in(struct sandbox *sandbox, const char *folder, int depth) {
    DIR *directory = *folder && depth < POLICY_DEPTH_MAX ? opendir(folder) : NULL;
    const struct dirent *entry;
    char path[PATH_MAX];
    struct stat status;
    while (directory && (entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path ||
            lstat(path, &status) < 0)
            continue;
        if (S_ISLNK(status.st_mode))
            sandbox_keep_replaced(sandbox, path, LANDLOCK_READ);
        else if (S_ISDIR(status.st_mode))
            keep_links_in(sandbox, path, depth + 1);
    }
    if (directory)
        closedir(directory);
}

void sandbox_keep_policy(struct sandbox *sandbox, const char *folder) {
    sandbox_keep_replaced(sandbox, folder, LANDLOCK_READ);
    keep_links_in(sandbox, folder, 0);
}

/* The program comes first; a static one names no loader. 1: enough. */
static int keep_loader(struct dl_phdr_info *program, size_t size, void *user) {
    (void)size;
    for (size_t i = 0; i < program->dlpi_phnum; i++)
        if (program->dlpi_phdr[i].p_type == PT_INTERP)
            sandbox_keep_folder(user,
                                (const char *)(program->dlpi_addr + program->dlpi_phdr[i].p_vaddr),
                                LANDLOCK_RUN);
    return 1;
}

void sandbox_keep_program(struct sandbox *sandbox, const char *path) {
    sandbox->keeps_programs = true;
    sandbox_keep_folder(sandbox, path, LANDLOCK_RUN);
    dl_iterate_phdr(keep_loader, sandbox);
}

void sandbox_keep_system(struct sandbox *sandbox) {
    for (size_t i = 0; i < sizeof system_paths / sizeof *system_paths; i++)
        sandbox_keep_folder(sandbox, system_paths[i], LANDLOCK_READ);
    sandbox_keep_replaced(sandbox, "/etc/resolv.conf", LANDLOCK_READ); /* may lead to /run */
}

void sandbox_keep_port(struct sandbox *sandbox, uint16_t port, bool binds, bool connects) {
    sandbox->ports =
        check_realloc(sandbox->ports, (sandbox->port_count + 1) * sizeof *sandbox->ports);
    sandbox->ports[sandbox->port_count++] =
        (struct kept_port){.port = port, .binds = binds, .connects = connects};
}

void sandbox_keep_all_ports(struct sandbox *sandbox) {
    sandbox->keeps_all_binds = sandbox->keeps_all_connects = true;
}

void sandbox_keep_all_connects(struct sandbox *sandbox) {
    sandbox->keeps_all_connects = true;
}

void sandbox_keep_abstract_sockets(struct sandbox *sandbox) {
    sandbox->keeps_abstract = true;
}

/* ---- entering ---- */

static int add_rules(const struct sandbox *sandbox, struct landlock *landlock,
                     struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < sandbox->path_count && r == 0; i++)
        r = landlock_add_path(landlock, sandbox->paths[i].path, sandbox->paths[i].rights,
                              ret_error);
    for (size_t i = 0; i < sandbox->port_count && r == 0; i++)
        r = landlock_add_port(landlock, sandbox->ports[i].port, sandbox->ports[i].binds,
                              sandbox->ports[i].connects, ret_error);
    return r;
}

static void limit_files(const struct sandbox *sandbox, struct sandbox_state *state) {
    struct landlock landlock;
    struct error error;
    state->landlock_version = landlock_version();
    if (state->landlock_version < LANDLOCK_VERSION_FILES) {
        snprintf(state->files_problem, sizeof state->files_problem, "%s%s",
                 state->landlock_version == 0 ? "no Landlock: "
                                              : "the kernel's Landlock is too old",
                 state->landlock_version == 0 ? strerror(errno) : "");
        return;
    }
    const struct landlock_limits limits = {.binds = !sandbox->keeps_all_binds,
                                           .connects = !sandbox->keeps_all_connects,
                                           .abstract_sockets = !sandbox->keeps_abstract};
    int r = landlock_init(&landlock, &limits, &error);
    if (r == 0) {
        r = add_rules(sandbox, &landlock, &error);
        if (r == 0)
            r = landlock_enter(&landlock, &error);
        landlock_deinit(&landlock);
    }
    if (r < 0) {
        snprintf(state->files_problem, sizeof state->files_problem, "%.150s", error.text);
        return;
    }
    state->files = true;
    state->ports = landlock.limits.binds;
}

void sandbox_enter(const struct sandbox *sandbox, struct sandbox_state *ret_state) {
    struct error error;
    *ret_state =
        (struct sandbox_state){.no_new_privileges = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0};
    limit_files(sandbox, ret_state);
    int r = syscall_filter_enter(sandbox->keeps_programs, &error);
    ret_state->system_calls = r == 0;
    if (r < 0)
        snprintf(ret_state->system_calls_problem, sizeof ret_state->system_calls_problem, "%.150s",
                 error.text);
}

bool sandbox_hides(const char *path) {
    if (access(path, R_OK) < 0) /* which Landlock does not look at */
        return false;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return errno == EACCES;
    close(descriptor);
    return false;
}

void sandbox_hide_memory(void) {
    if (syscall_filter_is_possible()) /* else a sanitizer looks for leaks at the end */
        prctl(PR_SET_DUMPABLE, 0);
}

const char *sandbox_describe(const struct sandbox_state *state, char ret_text[SANDBOX_TEXT_SIZE]) {
    char files[64];
    snprintf(files, sizeof files, "files (Landlock %d)", state->landlock_version);
    const char *const parts[] = {state->files ? files : NULL, state->ports ? "TCP ports" : NULL,
                                 state->system_calls ? "system calls (seccomp)" : NULL,
                                 state->no_new_privileges ? "no new privileges" : NULL};
    size_t length = 0;
    *ret_text = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i])
            length += (size_t)snprintf(ret_text + length, SANDBOX_TEXT_SIZE - length, "%s%s",
                                       length > 0 ? ", " : "", parts[i]);
    const char *const problems[] = {state->files_problem, state->system_calls_problem};
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
        if (*problems[i])
            length += (size_t)snprintf(
                ret_text + length, SANDBOX_TEXT_SIZE - length, "%s%s%s", length > 0 ? "; " : "",
                i == 0 ? "files and ports are not limited: " : "system calls are not limited: ",
                problems[i]);
    return ret_text;
}

void sandbox_enter_and_log(struct sandbox *sandbox, struct log *log) {
    const char *supervisor = getenv("NOTIFY_SOCKET");
    char text[SANDBOX_TEXT_SIZE];
    struct sandbox_state state;
    if (supervisor && *supervisor == '@')
        sandbox_keep_abstract_sockets(sandbox);
    sandbox_enter(sandbox, &state);
    log_line_with(log, LOG_INFO,
                  LOG_FIELDS(log_field_signed("landlock", state.files ? state.landlock_version : 0),
                             log_field_signed("ports", state.ports),
                             log_field_signed("seccomp", state.system_calls)),
                  "sandbox: %s", sandbox_describe(&state, text));
}
