/* What is opened first is closed last: database, live rows, performance, follower,
 * searches, jobs, connection, lists, web. */
#include "start.h"

#include "certificate.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "confine.h"
#include "console/api/routes.h"
#include "console/database/audit.h"
#include "console/database/backup.h"
#include "console/database/database.h"
#include "console/performance/reader.h"
#include "console/policy/check_report.h"
#include "console/policy/checker.h"
#include "console/policy/put_in_place.h"
#include "console/policy/versions.h"
#include "harrier_program.h"
#include "options.h"
#include "server/net/address.h"
#include "server/ops/clock.h"
#include "server/ops/notify.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS         8
#define CONNECTIONS_MAX 512
#define PATIENCE_US     INT64_C(75000000)
#define TOKEN_MOST      256 /* bytes */

/* ---- people, from the command line ---- */

static int add_person(struct sql *sql, const struct console_options *options,
                      char password[SECRET_SIZE], struct error *ret_error) {
    char hash[PASSWORD_HASH_SIZE];
    enum role role;
    int64_t now_us = clock_wall_us(&clock_system);
    const struct audit_entry entry = {.at_us = now_us,
                                      .person = "",
                                      .address = "the command line",
                                      .action = "person",
                                      .subject = options->name,
                                      .before = "",
                                      .after = options->role};
    int r = person_check_name(text_of(options->name), ret_error);
    if (r == 0 && !role_parse(text_of(options->role), &role))
        r = error_set(ret_error, ERROR_INVALID,
                      "\"%s\" is no role: expected viewer, analyst, author, approver or admin",
                      options->role);
    if (r < 0)
        return r;
    secret_new(password);
    password_hash(text_of(password), hash);
    r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = people_add(sql, options->name, role, hash, now_us, ret_error);
    if (r == 0)
        r = audit_add(sql, &entry, ret_error);
    int ended = sql_end(sql, r == 0, ret_error);
    return r < 0 ? r : ended;
}

static int run_add_person(const struct console_options *options) {
    char password[SECRET_SIZE];
    struct error error;
    struct sql *sql;
    int r = database_open(options->data, &sql, &error);
    if (r < 0)
        return exit_with(&error);
    r = add_person(sql, options, password, &error);
    sql_close(sql);
    if (r < 0)
        return exit_with(&error);
    printf("%s\n", password);
    return exit_after_output(EXIT_STATUS_OK);
}

/* ---- backups ---- */

static int run_backup(const struct console_options *options) {
    struct error error;
    if (backup_make(options->data, options->file, &error) < 0)
        return exit_with(&error);
    return EXIT_STATUS_OK;
}

static int run_restore(const struct console_options *options) {
    char aside[BACKUP_PATH_SIZE];
    struct error error;
    if (backup_restore(options->data, options->file, options->force, aside, &error) < 0)
        return exit_with(&error);
    if (*aside)
        printf("the database that was there is now %s\n", aside);
    return exit_after_output(EXIT_STATUS_OK);
}

/* ---- serving ---- */

static int read_token(const char *path, char token[TOKEN_MOST + 2], struct error *ret_error) {
    token[0] = '\0';
    if (!path)
        return 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(ret_error, ERROR_NOT_FOUND, "--token-file: cannot open %s", path);
    bool is_read = fgets(token, TOKEN_MOST + 2, file) != NULL;
    fclose(file);
    token[strcspn(token, "\r\n")] = '\0';
    if (!is_read || *token == '\0' || strlen(token) > TOKEN_MOST)
        return error_set(ret_error, ERROR_INVALID,
                         "--token-file: the first line of %s is not a token", path);
    return 0;
}

static bool may_report(void *user) {
    const struct console *console = user;
    return follower_is_current(console->follower);
}

static int open_connection(struct console *console, const struct console_options *options,
                           struct error *ret_error) {
    char token[TOKEN_MOST + 2];
    int r = read_token(options->token_file, token, ret_error);
    if (r < 0)
        return r;
    const struct connection_settings settings = {.address = options->server,
                                                 .token = token,
                                                 .sql = console->sql,
                                                 .log = console->log,
                                                 .may_report = may_report,
                                                 .user = console};
    return connection_open(&settings, &console->connection, ret_error);
}

static int open_web(struct console *console, const struct console_options *options,
                    struct certificate *certificate, struct web **ret_web,
                    struct error *ret_error) {
    const struct web_settings settings = {
        .listen = options->listen,
        .tls = certificate_tls(certificate),
        .trusted_header = options->trusted_header,
        .handler = {.handle = routes_handle, .is_slow = routes_are_slow, .user = console},
        .threads = THREADS,
        .connections_max = CONNECTIONS_MAX,
        .patience_us = PATIENCE_US,
        .log = console->log,
    };
    return web_open(&settings, ret_web, ret_error);
}

static void announce(const struct console *console, const struct console_options *options,
                     const struct web *web) {
    struct error error;
    int64_t people = 0;
    int host = (int)(strrchr(options->listen, ':') - options->listen);
    log_line(console->log, LOG_INFO, "the console is at http%s://%.*s:%u/",
             console->is_tls ? "s" : "", host, options->listen, (unsigned)web_port(web));
    if (console->is_exposed)
        log_line(console->log, LOG_WARNING,
                 "%s can be reached from other machines without TLS (--insecure-listen): whoever "
                 "sees the traffic reads it, and can take over a person's session",
                 options->listen);
    if (!console->trusted_header && people_count(console->sql, &people, &error) == 0 && people == 0)
        log_line(console->log, LOG_WARNING,
                 "nobody can sign in yet: harrier-console --data %s add-person NAME admin",
                 options->data);
}

/* Signals come to this thread only: the others have them blocked. */
static void wait_for_end(const volatile int *interrupted, struct certificate *certificate) {
    for (unsigned tenths = 1; !*interrupted; tenths++) {
        usleep(100000);
        if (tenths % 10 == 0)
            certificate_watch(certificate);
    }
}

/* The paths that it fills live as long as the jobs. Without the program there are no jobs. */
static int open_jobs(struct console *console, const struct console_options *options, char **folder,
                     char **program, struct error *ret_error) {
    char *data = realpath(options->data, NULL);
    *program = options->jobs > 0 ? harrier_program_find(options) : NULL;
    *folder = data ? folder_in(data, "jobs") : NULL;
    free(data);
    if (options->harrier && !*program)
        return error_set(ret_error, ERROR_NOT_FOUND, "--harrier: there is no %s", options->harrier);
    if (options->jobs > 0 && !*program)
        log_line(console->log, LOG_WARNING,
                 "no jobs: the program harrier is neither beside harrier-console nor in PATH "
                 "(--harrier PROGRAM)");
    if (!*program || !*folder)
        return 0;
    const struct jobs_settings settings = {.folder = *folder,
                                           .program = *program,
                                           .sql = console->sql,
                                           .log = console->log,
                                           .at_once = options->jobs,
                                           .time_us_max = options->job_time_us,
                                           .memory_bytes = options->job_memory_bytes};
    return jobs_start(&settings, &console->jobs, ret_error);
}

static int serve(struct console *console, const struct console_options *options,
                 struct certificate *certificate, struct error *ret_error) {
    const volatile int *interrupted = interrupt_watch();
    struct web *web;
    const struct follower_settings follower = {.archive = console->archive,
                                               .sql = console->sql,
                                               .live = console->live,
                                               .log = console->log,
                                               .days_before = options->days};
    const struct reader_settings performance = {
        .archive = console->archive, .folder = options->data, .log = console->log};
    char *folder, *program;
    int r = reader_start(&performance, &console->performance, ret_error);
    if (r < 0)
        return r;
    console->latency = latency_open(options->metrics);
    console->follower = follower_start(&follower);
    console->searches = searches_start(console->archive, console->log);
    r = open_jobs(console, options, &folder, &program, ret_error);
    if (r == 0)
        r = open_connection(console, options, ret_error);
    if (r == 0)
        console->lists = lists_new(console->connection);
    if (r == 0)
        console->placer = placer_new(console->sql, console->connection, console->log);
    if (r == 0)
        r = open_web(console, options, certificate, &web, ret_error);
    if (r == 0) {
        announce(console, options, web);
        notify_supervisor(getenv("NOTIFY_SOCKET"), "READY=1\nSTATUS=ready");
        wait_for_end(interrupted, certificate);
        notify_supervisor(getenv("NOTIFY_SOCKET"), "STOPPING=1");
        connection_stop(console->connection); /* or an explanation could delay the end */
        atomic_store(&console->is_ending, true);
        web_close(web);
    }
    lists_free(console->lists);
    if (console->connection)
        connection_stop(console->connection);
    placer_free(console->placer);
    connection_close(console->connection); /* it asks the follower */
    jobs_stop(console->jobs);
    free(folder);
    free(program);
    searches_stop(console->searches);
    follower_stop(console->follower);
    reader_stop(console->performance);
    latency_close(console->latency);
    return r;
}

/* A lost database looks like a first start. */
static void note_new(struct log *log, const struct console_options *options) {
    log_line(log, LOG_WARNING,
             "%s has no database yet: a new one is made. If one was lost, stop, and put a backup "
             "back (harrier-console --data %s restore FILE); without one, reviews of the last %lld "
             "days and reported labels come back from the archive, and people, notes and the audit "
             "log do not",
             options->data, options->data, (long long)options->days);
}

static void take_options(struct console *console, const struct console_options *options) {
    console->archive = options->archive;
    console->reports = options->reports;
    console->tokens = options->tokens;
    console->is_behind_proxy = options->behind_proxy;
    console->is_tls = options->tls_cert != NULL;
    console->is_exposed =
        !options->behind_proxy && !console->is_tls && !address_is_loopback(options->listen);
    console->trusted_header = options->trusted_header;
    console->sso_role = options->sso_role;
    console->alerts_a_day = options->alerts_a_day;
    console->sso_logout = options->sso_logout;
}

static int open_and_serve(struct console *console, const struct console_options *options,
                          struct error *ret_error) {
    struct certificate *certificate;
    if (!database_is_there(options->data))
        note_new(console->log, options);
    int r = certificate_open(options, CONNECTIONS_MAX, console->log, &certificate, ret_error);
    if (r < 0)
        return r;
    r = database_open(options->data, &console->sql, ret_error);
    if (r == 0) {
        console->live = live_new();
        console->policies = policy_cache_new();
        r = policy_place_set(console->sql, options->policy, ret_error);
        if (r == 0)
            r = checker_new(options->data, &console->checker, ret_error);
        if (r == 0)
            r = serve(console, options, certificate, ret_error);
        checker_free(console->checker);
        policy_cache_free(console->policies);
        live_free(console->live);
        sql_close(console->sql);
    }
    certificate_close(certificate);
    return r;
}

static int run_serve(const struct console_options *options) {
    struct error error;
    struct log log;
    struct console console = {.log = &log};
    int lock;
    signal(SIGPIPE, SIG_IGN);
    log_init(&log, STDERR_FILENO, (enum log_level)options->log_level);
    log_set_format(&log, (enum log_format)options->log_format);
    log_use_journal(&log, getenv("JOURNAL_STREAM"));
    take_options(&console, options);
    int r = database_lock(options->data, &lock, &error);
    if (r < 0)
        return exit_with(&error);
    confine_console(options, &log);
    r = open_and_serve(&console, options, &error);
    close(lock);
    return r < 0 ? exit_with(&error) : EXIT_STATUS_OK;
}

int console_main(int argc, char **argv) {
    struct console_options options;
    struct error error;
    console_options_parse(argc, argv, &options);
    if (options.command == CONSOLE_CHECK_POLICY)
        return check_policy_main(options.policy);
    if (password_init(&error) < 0)
        return exit_with(&error);
    switch (options.command) {
    case CONSOLE_ADD_PERSON:
        return run_add_person(&options);
    case CONSOLE_BACKUP:
        return run_backup(&options);
    case CONSOLE_RESTORE:
        return run_restore(&options);
    case CONSOLE_CHECK_POLICY:
    case CONSOLE_SERVE:
        break;
    }
    return run_serve(&options);
}
