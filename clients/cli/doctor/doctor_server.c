/* The server, as a client sees it. Where it listens is the configuration's first address, unless
 * --to names one. */
#include "clients/c/harrier_analyst.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/text.h"
#include "doctor_checks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONSOLE_DATABASE "console.sqlite"

/* The first address of `listen` as a client writes it: all of a machine's addresses are this one.
 */
static void find_address(const struct doctor *doctor, char *ret_address, size_t size) {
    const char *listen = doctor_option(doctor, "listen");
    const char *first = listen && *listen ? listen : SERVER_ADDRESS_DEFAULT;
    if (strncmp(first, "nng+", 4) == 0)
        first += 4;
    int length = (int)strcspn(first, ", ");
    const char *port = NULL, *any[] = {"tcp://0.0.0.0:", "tcp://*:", "tcp://:", "tcp://[::]:"};
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        if (strncmp(first, any[i], strlen(any[i])) == 0)
            port = first + strlen(any[i]);
    if (port)
        snprintf(ret_address, size, "tcp://127.0.0.1:%.*s", length - (int)(port - first), port);
    else
        snprintf(ret_address, size, "%.*s", length, first);
}

static void keep_status(struct doctor_status *status, const struct harrier_status *from) {
    status->is_known = true;
    status->snapshot_id = from->snapshot_id;
    status->position = from->position;
    status->synced = from->synced_position;
    snprintf(status->version, sizeof status->version, "%s", from->version);
    snprintf(status->swap_state, sizeof status->swap_state, "%s", from->swap_state);
    snprintf(status->swap_reason, sizeof status->swap_reason, "%s", from->swap_reason);
}

static void judge_status(struct doctor *doctor, const char *address,
                         const struct harrier_status *status) {
    keep_status(&doctor->status, status);
    if (strcmp(status->state, "ready") != 0 && strcmp(status->state, "standby") != 0)
        doctor_bad(doctor, "docs/operations/troubleshooting.md has what each reason means",
                   "%s is %s: %s", address, status->state,
                   *status->state_reason ? status->state_reason : "it does not say why");
    else if (strncmp(status->state_reason, "degraded: archive", 17) == 0)
        doctor_bad(doctor, "bring the archive's disk back, and do not restart the server",
                   "%s decides, but what it decides is in memory only: %s", address,
                   status->state_reason);
    else if (*status->reload_error)
        doctor_warn(doctor, "correct the folder; the policy in force stays until then",
                    "%s is %s, but refuses to reload: %s", address, status->state,
                    status->reload_error);
    else if (*status->challenger_error)
        doctor_warn(doctor, "correct the folder, or the options challenger_…",
                    "%s is %s, but its challenger is refused: %s", address, status->state,
                    status->challenger_error);
    else if (status->stale)
        doctor_warn(doctor, "run harrier night",
                    "%s is %s, but its tables are stale: decisions are "
                    "marked as degraded",
                    address, status->state);
    else
        doctor_good(doctor, "%s is %s", address, status->state);
}

/* No answer: is there a server at all? */
static void judge_silence(struct doctor *doctor, const char *address,
                          const struct harrier_error *failure) {
    if (failure->code == HARRIER_ERROR_DENIED)
        doctor_warn(doctor, "name a file with a token: --token-file",
                    "%s answers, but only to clients with a token", address);
    else if (doctor->process.is_running)
        doctor_bad(doctor, "look at its log (journalctl -u harrierd); name its address with --to",
                   "process %ld has the archive open, but %s does not answer: %s",
                   (long)doctor->process.pid, address, failure->message);
    else if (doctor->options->is_server_named)
        doctor_bad(doctor, "systemctl status harrierd", "%s does not answer: %s", address,
                   failure->message);
    else
        doctor_warn(doctor, "systemctl start harrierd", "none is running on this folder");
}

void check_server(struct doctor *doctor) {
    struct server_options options = doctor->options->server;
    char address[1024];
    struct harrier_client *client;
    struct harrier_reply *reply;
    struct harrier_error failure;
    struct error error;
    if (!doctor->options->is_server_named) {
        if (!doctor->process.is_running) { /* another folder's may answer there */
            doctor_warn(doctor, "systemctl start harrierd", "none is running on this folder");
            return;
        }
        if (*doctor->config.problem || doctor->options->data) {
            doctor_good(doctor, "process %ld has the archive open; --to ADDRESS asks it",
                        (long)doctor->process.pid);
            return;
        }
        find_address(doctor, address, sizeof address);
        options.address = address;
    }
    if (server_options_connect(&options, 1, &client, &error) < 0) {
        doctor_bad(doctor, "correct the address or the token file", "%s", error.text);
        return;
    }
    const struct harrier_call_options call = {.deadline_us = options.deadline_us};
    if (harrier_status(client, false, &call, &reply, &failure) == 0) {
        judge_status(doctor, options.address, reply->status);
        harrier_reply_free(reply);
    } else {
        judge_silence(doctor, options.address, &failure);
    }
    harrier_client_free(client);
}

/* A server syncs every 100 ms or before it answers; much more than a second of records that are not
 * on disk means that the disk hangs. */
void check_synced(struct doctor *doctor) {
    const struct doctor_status *status = &doctor->status;
    char behind[QUANTITY_COUNT_SIZE];
    if (!status->is_known)
        return;
    uint64_t waiting = status->position - status->synced;
    if (doctor->archive.is_known && doctor->archive.end.position < status->synced)
        doctor_bad(doctor, "name the data folder of this server",
                   "the server has synced record %" PRIu64 ", but this archive ends with %" PRIu64,
                   status->synced, doctor->archive.end.position);
    else
        doctor_good(doctor, "%s records of the server were not on disk yet",
                    quantity_format_count(waiting, behind));
}

void check_version(struct doctor *doctor) {
    if (!doctor->status.is_known)
        return;
    if (strcmp(doctor->status.version, HARRIER_VERSION) == 0)
        doctor_good(doctor, "%s, server and command", HARRIER_VERSION);
    else
        doctor_warn(doctor, "restart the server after an upgrade (systemctl restart harrierd)",
                    "the server is %s, this command %s", doctor->status.version, HARRIER_VERSION);
}

/* ---- the console ---- */

void check_console(struct doctor *doctor) {
    static const char magic[] = "SQLite format 3";
    char head[sizeof magic] = "", bytes[QUANTITY_BYTES_SIZE];
    const char *folder = doctor->options->console;
    struct stat status, database;
    if (!folder)
        return;
    if (stat(folder, &status) < 0) {
        doctor_bad(doctor, "name the console's data folder", "%s: %s", folder, strerror(errno));
        return;
    }
    char *path = folder_in(folder, CONSOLE_DATABASE);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    int number = errno;
    if (descriptor < 0)
        doctor_bad(doctor, "name the console's data folder, or run it as its user", "%s: %s", path,
                   strerror(number));
    else if (fstat(descriptor, &database) < 0 || read(descriptor, head, sizeof head) < 0 ||
             memcmp(head, magic, sizeof magic) != 0)
        doctor_bad(doctor, "restore it from its backup (docs/CONSOLE.md)",
                   "%s is not a database of the console", path);
    else if (status.st_mode & 07 || database.st_mode & 07)
        doctor_bad(doctor, "chmod 700 the folder and 600 the files",
                   "every user can look at %s: it has people's passwords and work", path);
    else
        doctor_good(doctor, "%s, %s", path,
                    quantity_format_bytes((uint64_t)database.st_size, bytes));
    if (descriptor >= 0)
        close(descriptor);
    free(path);
}
