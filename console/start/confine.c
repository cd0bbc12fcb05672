/* What is written later must be named now, by folders that are there. What may come or go while the
 * console runs is read below a folder that holds it: the archive, the reports and the tables below
 * the data folder, certificates and tokens in theirs. */
#include "confine.h"

#include "clients/cli/terminal/folders.h"
#include "console/operations/nights.h"
#include "console/policy/git_commit.h"
#include "core/store/archive/file.h"
#include "core/store/find/find_files.h"
#include "harrier_program.h"
#include "server/net/address.h"
#include "server/sandbox/sandbox.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DNS_PORT 53 /* for answers that UDP has no room for */

static void keep_file(struct sandbox *sandbox, const char *path) {
    if (path)
        sandbox_keep_replaced(sandbox, path, LANDLOCK_READ);
}

/* The folder itself, if it is there; else it may come, in the folder around it. */
static void keep_to_come(struct sandbox *sandbox, const char *path, enum landlock_rights rights) {
    if (access(path, F_OK) == 0)
        sandbox_keep_folder(sandbox, path, rights);
    else
        sandbox_keep_replaced(sandbox, path, LANDLOCK_READ);
}

/* The index of searches is written where the user may do that. Without the folder around it there
 * is nothing to be indexed yet. */
static void keep_index(struct sandbox *sandbox, const char *archive) {
    char *index = find_files_folder(archive);
    struct error ignored;
    int folder;
    if (access(archive, F_OK) == 0 && directory_make(AT_FDCWD, index, &folder, &ignored) == 0)
        close(folder);
    sandbox_keep_folder(sandbox, index, LANDLOCK_WRITE);
    free(index);
}

static void keep_archive(struct sandbox *sandbox, const struct console_options *options) {
    char *archive = folder_of_archive(options->archive);
    char *generations = folder_in(options->archive, FOLDER_GENERATIONS);
    char *nights = nights_folder(options->reports, options->archive);
    keep_to_come(sandbox, options->archive, LANDLOCK_READ);
    sandbox_keep_folder(sandbox, archive, LANDLOCK_READ);
    sandbox_keep_folder(sandbox, generations, LANDLOCK_READ); /* may be a link to another disk */
    keep_to_come(sandbox, nights, LANDLOCK_WRITE);
    keep_index(sandbox, archive);
    free(archive);
    free(generations);
    free(nights);
}

static void keep_place(void *user, const char *path, bool is_written) {
    sandbox_keep_folder(user, path, is_written ? LANDLOCK_WRITE : LANDLOCK_READ);
}

/* Another policy is put in place by exchanging the folder, and committed. */
static void keep_policy(struct sandbox *sandbox, const char *folder) {
    if (!folder)
        return;
    sandbox_keep_policy(sandbox, folder);
    sandbox_keep_replaced(sandbox, folder, LANDLOCK_WRITE);
    git_each_place(folder, keep_place, sandbox);
}

static void keep_programs(struct sandbox *sandbox, const struct console_options *options) {
    char *harrier = options->jobs > 0 ? harrier_program_find(options) : NULL;
    sandbox_keep_program(sandbox, "/proc/self/exe"); /* checks of drafts */
    if (harrier)
        sandbox_keep_program(sandbox, harrier);
    free(harrier);
}

static void keep_sandbox_read(struct sandbox *sandbox, const char *paths) {
    char path[PATH_MAX];
    for (const char *at = paths, *end; at && *at; at = *end ? end + 1 : end) {
        end = at + strcspn(at, ",");
        snprintf(path, sizeof path, "%.*s", (int)(end - at), at);
        sandbox_keep_folder(sandbox, path, LANDLOCK_READ);
    }
}

/* address: HOST:PORT; NULL: none. Port 0 is another one each time. */
static void keep_port(struct sandbox *sandbox, const char *address, bool binds) {
    char host[256];
    uint16_t port;
    struct error ignored;
    if (!address || address_split(address, host, sizeof host, &port, &ignored) < 0)
        return;
    if (port == 0)
        sandbox_keep_all_ports(sandbox);
    else
        sandbox_keep_port(sandbox, port, binds, !binds);
}

static void keep_all(struct sandbox *sandbox, const struct console_options *options) {
    sandbox_keep_system(sandbox);
    sandbox_keep_folder(sandbox, options->data, LANDLOCK_WRITE);
    keep_archive(sandbox, options);
    keep_policy(sandbox, options->policy);
    keep_programs(sandbox, options);
    keep_file(sandbox, options->token_file);
    keep_file(sandbox, options->tls_cert);
    keep_file(sandbox, options->tls_key);
    keep_file(sandbox, options->tokens);
    keep_sandbox_read(sandbox, options->sandbox_read);
    keep_port(sandbox, options->listen, true);
    keep_port(sandbox, address_network_part(options->server), false);
    keep_port(sandbox, options->metrics, false);
    sandbox_keep_port(sandbox, DNS_PORT, false, true);
}

void confine_console(const struct console_options *options, struct log *log) {
    char *data = realpath(options->data, NULL);
    if (data)
        setenv("TMPDIR", data, true); /* of SQLite as well */
    free(data);
    if (!options->has_sandbox) {
        log_line(log, LOG_INFO, "sandbox: off");
        return;
    }
    struct sandbox *sandbox = sandbox_new();
    keep_all(sandbox, options);
    sandbox_enter_and_log(sandbox, log);
    sandbox_free(sandbox);
}
