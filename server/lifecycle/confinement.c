/* Which folders and ports: those that the options name. Files that the server opens later by a path
 * may be replaced meanwhile, by renaming another one over them or by switching a symbolic link; so
 * the folder around each is kept, not the file. */
#include "confinement.h"

#include "core/base/buffer.h"
#include "server/events/event_url.h"
#include "server/net/address.h"
#include "server/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DNS_PORT 53 /* for answers that UDP has no room for */

/* ---- folders ---- */

/* Files that librdkafka is told to read: certificates, keys. Its file has lines NAME=VALUE. */
static void keep_log_config(struct sandbox *sandbox, const char *path) {
    char *line = NULL;
    size_t size = 0;
    FILE *file = *path ? fopen(path, "re") : NULL;
    if (!file)
        return;
    while (getline(&line, &size, file) > 0) {
        char *value = strchr(line, '=');
        if (!value)
            continue;
        value += 1 + strspn(value + 1, " \t");
        value[strcspn(value, "\r\n")] = '\0';
        if (*value == '/' || access(value, F_OK) == 0)
            sandbox_keep_replaced(sandbox, value, LANDLOCK_READ);
    }
    if (line)
        explicit_bzero(line, size); /* passwords */
    free(line);
    fclose(file);
}

static void keep_folders(struct sandbox *sandbox, const struct options *options) {
    static const char *const within[] = {"archive",
                                         "generations"}; /* may be links to other disks */
    const char *const files[] = {
        options->config_file,   options->tokens,     options->tls_cert,      options->tls_key,
        options->tls_client_ca, options->log_config, options->pseudonym_keys};
    char path[PATH_MAX];
    sandbox_keep_system(sandbox);
    sandbox_keep_folder(sandbox, options->data_dir, LANDLOCK_WRITE);
    for (size_t i = 0; i < sizeof within / sizeof *within; i++)
        if (snprintf(path, sizeof path, "%s/%s", options->data_dir, within[i]) < (int)sizeof path)
            sandbox_keep_folder(sandbox, path, LANDLOCK_WRITE);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        sandbox_keep_replaced(sandbox, files[i], LANDLOCK_READ);
    sandbox_keep_policy(sandbox, options->policy);
    sandbox_keep_policy(sandbox, options->challenger);
    for (size_t i = 0; i < options->shadow.count; i++)
        sandbox_keep_policy(sandbox, options->shadow.items[i]);
    for (size_t i = 0; i < options->sandbox_read.count; i++)
        sandbox_keep_folder(sandbox, options->sandbox_read.items[i], LANDLOCK_READ);
    keep_log_config(sandbox, options->log_config);
    sandbox_keep_replaced(sandbox, options->rejects, LANDLOCK_WRITE);
    for (size_t i = 0; i < options->listen.count; i++) {
        const char *socket = address_ipc_path(options->listen.items[i]);
        if (socket)
            sandbox_keep_replaced(sandbox, socket, LANDLOCK_LISTEN);
    }
}

/* ---- ports ---- */

/* Whoever listens is probed by the watchdog, too. Port 0 is another one each time. */
static void keep_listening(struct sandbox *sandbox, const char *address) {
    char host[256];
    uint16_t port;
    struct error ignored;
    if (!address || address_split(address, host, sizeof host, &port, &ignored) < 0)
        return;
    if (port == 0)
        sandbox_keep_all_ports(sandbox);
    else
        sandbox_keep_port(sandbox, port, true, true);
}

/* Brokers name each other, with ports that are not known here. */
static void keep_ports(struct sandbox *sandbox, const struct options *options) {
    for (size_t i = 0; i < options->listen.count; i++)
        keep_listening(sandbox, address_network_part(options->listen.items[i]));
    for (size_t i = 0; i < options->http_listen.count; i++)
        keep_listening(sandbox, options->http_listen.items[i]);
    if (*options->admin_listen)
        keep_listening(sandbox, options->admin_listen);
    if (*options->event_url) {
        sandbox_keep_port(sandbox, event_url_port(options->event_url), false, true);
        sandbox_keep_port(sandbox, DNS_PORT, false, true);
    }
    if (*options->log)
        sandbox_keep_all_connects(sandbox);
}

/* ---- all ---- */

void confinement_hide_memory(const struct options *options) {
    if (!options->core_dumps)
        sandbox_hide_memory();
}

void confinement_enter(const struct options *options, struct log *log) {
    if (options->sandbox == SANDBOX_OFF) {
        log_line(log, LOG_INFO, "sandbox: off");
        return;
    }
    struct sandbox *sandbox = sandbox_new();
    keep_folders(sandbox, options);
    keep_ports(sandbox, options);
    sandbox_enter_and_log(sandbox, log);
    sandbox_free(sandbox);
}

static void report_hidden(const char *option, const char *path, struct log *log) {
    if (*path && sandbox_hides(path))
        log_line_with(
            log, LOG_WARNING,
            LOG_FIELDS(log_field_string("option", option), log_field_string("path", path)),
            "%s: %s is outside of what the sandbox lets the server read; restart the "
            "server (folders that a reload may lead to can be named in sandbox_read)",
            option, path);
}

void confinement_report_hidden(const struct options *options, struct log *log) {
    report_hidden("policy", options->policy, log);
    report_hidden("challenger", options->challenger, log);
    report_hidden("tls_cert", options->tls_cert, log);
    report_hidden("tls_key", options->tls_key, log);
    report_hidden("tls_client_ca", options->tls_client_ca, log);
    for (size_t i = 0; i < options->shadow.count; i++)
        report_hidden("shadow", options->shadow.items[i], log);
}
