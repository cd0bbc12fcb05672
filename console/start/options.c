#include "options.h"

#include "batch/base/machine.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/option_value.h"
#include "console/jobs/jobs.h"
#include "console/server/latency.h"
#include "server/net/address.h"
#include "server/ops/log.h"

#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPTION_DATA = 256,
    OPTION_LISTEN,
    OPTION_TOKEN_FILE,
    OPTION_BEHIND_PROXY,
    OPTION_DAYS,
    OPTION_JOBS,
    OPTION_JOB_TIME,
    OPTION_JOB_MEMORY,
    OPTION_HARRIER,
    OPTION_POLICY,
    OPTION_REPORTS,
    OPTION_TOKENS,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_INSECURE_LISTEN,
    OPTION_TRUSTED_HEADER,
    OPTION_SSO_ROLE,
    OPTION_SSO_LOGOUT,
    OPTION_FORCE,
    OPTION_METRICS,
    OPTION_ALERTS_A_DAY,
    OPTION_LOG_LEVEL,
    OPTION_LOG_FORMAT,
    OPTION_SANDBOX,
    OPTION_SANDBOX_READ,
};

#define DAYS_MOST        3650
#define ALERTS_MOST      100000000
#define HEADER_NAME_MOST 64
#define JOB_TIME_MOST_US (UINT64_C(7) * 86400 * 1000000)
#define JOB_MEMORY_LEAST (UINT64_C(64) << 20)

static const struct argp_option arguments[] = {
    {"data", OPTION_DATA, "DIR", 0,
     "The console's own folder: people, reviews, the audit log; required", 0},
    {"server", 's', "ADDRESS", 0, "The server (tcp://127.0.0.1:7731)", 0},
    {"token-file", OPTION_TOKEN_FILE, "FILE", 0, "A file with the console's token for the server",
     0},
    {"reports", OPTION_REPORTS, "FOLDER", 0,
     "Where harrier night writes its reports (nights in the data folder)", 0},
    {"tokens", OPTION_TOKENS, "FILE", 0,
     "The server's tokens file, to show when they end; only read", 0},
    {"policy", OPTION_POLICY, "FOLDER", 0,
     "The folder of the policy that the server runs: without it, rules cannot be edited", 0},
    {"listen", OPTION_LISTEN, "HOST:PORT", 0,
     "Where browsers find it (127.0.0.1:7780); a host that is not this machine's loopback "
     "takes --tls-cert, --behind-proxy or --insecure-listen",
     0},
    {"tls-cert", OPTION_TLS_CERT, "FILE", 0,
     "Speak TLS: the certificate and those between it and its CA (PEM); read again when it changes",
     0},
    {"tls-key", OPTION_TLS_KEY, "FILE", 0, "The certificate's key (PEM, no passphrase)", 0},
    {"behind-proxy", OPTION_BEHIND_PROXY, NULL, 0,
     "A proxy in front of it speaks TLS to browsers: listen on any host", 0},
    {"insecure-listen", OPTION_INSECURE_LISTEN, NULL, 0,
     "Listen on any host without TLS: whoever sees the traffic reads it, and can take over a "
     "person's session",
     0},
    {"trusted-header", OPTION_TRUSTED_HEADER, "NAME", 0,
     "Single sign-on: a proxy on this machine says in this header who asks; needs --behind-proxy "
     "and a --listen on loopback",
     0},
    {"sso-role", OPTION_SSO_ROLE, "ROLE", 0,
     "The role of who comes by the single sign-on for the first time (none: an admin must add "
     "people before)",
     0},
    {"sso-logout", OPTION_SSO_LOGOUT, "URL", 0,
     "Where the page sends who wants to leave the single sign-on as well", 0},
    {"metrics", OPTION_METRICS, "HOST:PORT", 0,
     "The server's admin address (127.0.0.1:7732): the live screen then shows its latency", 0},
    {"alerts-a-day", OPTION_ALERTS_A_DAY, "N", 0,
     "How many reviews the team works on in a day: the live screen shows how much of that today "
     "has used",
     0},
    {"log-level", OPTION_LOG_LEVEL, "LEVEL", 0,
     "Least severe level that is logged: error, warning, info or debug (info)", 0},
    {"log-format", OPTION_LOG_FORMAT, "FORMAT", 0,
     "Lines of the log: text, or json for an object each (text)", 0},
    {"force", OPTION_FORCE, NULL, 0, "restore: keep the database that is there aside", 0},
    {"days", OPTION_DAYS, "N", 0,
     "At the first start, take reviews of the last N days into the queue (7)", 0},
    {"jobs", OPTION_JOBS, "N", 0, "Backtests and tunings at once, 0 to 4; the others wait (1)", 0},
    {"job-time", OPTION_JOB_TIME, "DURATION", 0, "How long one may take (1h)", 0},
    {"job-memory", OPTION_JOB_MEMORY, "SIZE", 0,
     "How much memory one may use (half of the machine's)", 0},
    {"harrier", OPTION_HARRIER, "PROGRAM", 0,
     "The program harrier that runs them (beside harrier-console, else the one in PATH)", 0},
    {"sandbox", OPTION_SANDBOX, "on|off", 0,
     "on: the console gives up all that it and its jobs do not need, as far as the kernel can do "
     "that: files outside of the folders that the options name, TCP ports other than theirs, other "
     "programs, and other system calls (on)",
     0},
    {"sandbox-read", OPTION_SANDBOX_READ, "PATHS", 0,
     "Further folders or files that it may read in its sandbox, separated with commas", 0},
    {0},
};

static void check_listen(const struct console_options *options, struct argp_state *state) {
    char host[256];
    uint16_t port;
    struct error error;
    if (address_split(options->listen, host, sizeof host, &port, &error) < 0)
        argp_error(state, "--listen: %s", error.text);
    bool is_tls = options->tls_cert != NULL;
    if (is_tls != (options->tls_key != NULL))
        argp_error(state, "--tls-cert and --tls-key need each other");
    if (is_tls && options->behind_proxy)
        argp_error(state, "--tls-cert: with --behind-proxy the proxy speaks TLS; give one of them");
    if (!is_tls && !options->behind_proxy && !options->insecure_listen &&
        !address_is_loopback(options->listen))
        argp_error(
            state,
            "--listen: %s can be reached from other machines: give the console a certificate "
            "for TLS (--tls-cert, --tls-key), or put a proxy with TLS in front of it "
            "(--behind-proxy)",
            options->listen);
}

static bool is_header_name(const char *name) {
    size_t length = strlen(name);
    return length > 0 && length <= HEADER_NAME_MOST &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") ==
               length;
}

static void check_sign_on(const struct console_options *options, struct argp_state *state) {
    const char *header = options->trusted_header;
    if (!header && (options->sso_role != ROLE_NONE || options->sso_logout))
        argp_error(state, "--sso-role and --sso-logout need --trusted-header");
    if (!header)
        return;
    if (!is_header_name(header))
        argp_error(state, "--trusted-header: \"%s\" (expected letters, digits and -)", header);
    if (!options->behind_proxy || !address_is_loopback(options->listen))
        argp_error(state,
                   "--trusted-header needs --behind-proxy and a --listen on loopback: whoever "
                   "reaches the console could be anyone by sending the header %s",
                   header);
    if (options->sso_logout && strncmp(options->sso_logout, "https://", 8) != 0)
        argp_error(state, "--sso-logout: expected https://…");
}

static void check_metrics(const struct console_options *options, struct argp_state *state) {
    struct error error;
    if (options->metrics && latency_check(options->metrics, &error) < 0)
        argp_error(state, "--metrics: %s", error.text);
}

/* The default of an option: the file that systemd passes as the credential harrier-console.NAME
 * (LoadCredential=), if it does. */
static void take_credential(const char **option, const char *name, char path[PATH_MAX]) {
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (!*option && folder &&
        snprintf(path, PATH_MAX, "%s/harrier-console.%s", folder, name) < PATH_MAX &&
        access(path, F_OK) == 0)
        *option = path;
}

static void check_options(struct console_options *options, struct argp_state *state) {
    static char paths[3][PATH_MAX]; /* as long as the process, as arguments are */
    if (options->command == CONSOLE_CHECK_POLICY) {
        if (!options->policy)
            argp_error(state, "expected: check-policy FOLDER");
        return;
    }
    if (!options->data || !*options->data)
        argp_error(state, "which folder for people, reviews and the audit log? (--data DIR)");
    if (options->command == CONSOLE_ADD_PERSON) {
        if (!options->name || !options->role)
            argp_error(state, "expected: add-person NAME ROLE");
        return;
    }
    if (options->force && options->command != CONSOLE_RESTORE)
        argp_error(state, "--force is for restore");
    if (options->command != CONSOLE_SERVE) {
        if (!options->file)
            argp_error(state, "expected: backup FILE, or restore FILE");
        return;
    }
    if (!options->archive)
        argp_error(state, FOLDER_ARCHIVE_MISSING);
    take_credential(&options->token_file, "token", paths[0]);
    take_credential(&options->tls_cert, "tls_cert", paths[1]);
    take_credential(&options->tls_key, "tls_key", paths[2]);
    check_listen(options, state);
    check_sign_on(options, state);
    check_metrics(options, state);
}

static error_t parse_word(struct console_options *options, char *word, struct argp_state *state) {
    if (state->arg_num == 0 && strcmp(word, "add-person") == 0)
        options->command = CONSOLE_ADD_PERSON;
    else if (state->arg_num == 0 && strcmp(word, "check-policy") == 0)
        options->command = CONSOLE_CHECK_POLICY;
    else if (options->command == CONSOLE_CHECK_POLICY && state->arg_num == 1)
        options->policy = word;
    else if (state->arg_num == 0 && strcmp(word, "backup") == 0)
        options->command = CONSOLE_BACKUP;
    else if (state->arg_num == 0 && strcmp(word, "restore") == 0)
        options->command = CONSOLE_RESTORE;
    else if (state->arg_num == 1 && options->command >= CONSOLE_BACKUP)
        options->file = word;
    else if (options->command == CONSOLE_ADD_PERSON && state->arg_num == 1)
        options->name = word;
    else if (options->command == CONSOLE_ADD_PERSON && state->arg_num == 2)
        options->role = word;
    else if (state->arg_num == 0)
        options->archive = word;
    else
        one_word_refuse(word, "archive", state);
    return 0;
}

/* The word's index in names. */
static int parse_choice(const char *option, const char *word, const char *const *names,
                        struct argp_state *state) {
    char all[100] = "";
    for (int i = 0; names[i]; i++) {
        size_t length = strlen(all);
        snprintf(all + length, sizeof all - length, "%s%s", i ? ", " : "", names[i]);
        if (strcmp(word, names[i]) == 0)
            return i;
    }
    argp_error(state, "%s: \"%s\" (expected one of: %s)", option, word, all);
    return 0;
}

static const char *const sandbox_names[] = {"on", "off", NULL};

/* Of sign-on, of what the live screen shows, of the sandbox and of the log. */
static error_t parse_more(int key, char *value, struct console_options *options,
                          struct argp_state *state) {
    switch (key) {
    case OPTION_TRUSTED_HEADER:
        options->trusted_header = value;
        return 0;
    case OPTION_SSO_ROLE:
        if (!role_parse(text_of(value), &options->sso_role))
            argp_error(state, "--sso-role: \"%s\" is no role", value);
        return 0;
    case OPTION_SSO_LOGOUT:
        options->sso_logout = value;
        return 0;
    case OPTION_FORCE:
        options->force = true;
        return 0;
    case OPTION_METRICS:
        options->metrics = value;
        return 0;
    case OPTION_ALERTS_A_DAY:
        options->alerts_a_day =
            (uint64_t)count_option_parse("--alerts-a-day", value, 1, ALERTS_MOST, state);
        return 0;
    case OPTION_LOG_LEVEL:
        options->log_level = parse_choice("--log-level", value, log_level_names, state);
        return 0;
    case OPTION_SANDBOX:
        options->has_sandbox = parse_choice("--sandbox", value, sandbox_names, state) == 0;
        return 0;
    case OPTION_SANDBOX_READ:
        options->sandbox_read = value;
        return 0;
    case OPTION_LOG_FORMAT:
        options->log_format = parse_choice("--log-format", value, log_format_names, state);
        return 0;
    case ARGP_KEY_ARG:
        return parse_word(options, value, state);
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct console_options *options = state->input;
    switch (key) {
    case 's':
        options->server = value;
        return 0;
    case OPTION_DATA:
        options->data = value;
        return 0;
    case OPTION_REPORTS:
        options->reports = value;
        return 0;
    case OPTION_TOKENS:
        options->tokens = value;
        return 0;
    case OPTION_POLICY:
        options->policy = value;
        return 0;
    case OPTION_LISTEN:
        options->listen = value;
        return 0;
    case OPTION_TOKEN_FILE:
        options->token_file = value;
        return 0;
    case OPTION_BEHIND_PROXY:
        options->behind_proxy = true;
        return 0;
    case OPTION_DAYS:
        options->days = (int64_t)count_option_parse("--days", value, 0, DAYS_MOST, state);
        return 0;
    case OPTION_JOBS:
        options->jobs = (size_t)count_option_parse("--jobs", value, 0, JOBS_AT_ONCE_MAX, state);
        return 0;
    case OPTION_JOB_TIME:
        options->job_time_us =
            (int64_t)duration_option_parse("--job-time", value, 1000000, JOB_TIME_MOST_US, state);
        return 0;
    case OPTION_JOB_MEMORY:
        options->job_memory_bytes =
            bytes_option_parse("--job-memory", value, JOB_MEMORY_LEAST, state);
        return 0;
    case OPTION_HARRIER:
        options->harrier = value;
        return 0;
    case OPTION_TLS_CERT:
        options->tls_cert = value;
        return 0;
    case OPTION_TLS_KEY:
        options->tls_key = value;
        return 0;
    case OPTION_INSECURE_LISTEN:
        options->insecure_listen = true;
        return 0;
    default:
        return parse_more(key, value, options, state);
    }
}

void console_options_parse(int argc, char **argv, struct console_options *ret_options) {
    static const struct argp argp = {
        .options = arguments,
        .parser = parse_option,
        .args_doc = "ARCHIVE\nadd-person NAME ROLE\nbackup FILE\nrestore FILE\ncheck-policy FOLDER",
        .doc = "The console: what analysts and operators need, in a browser, beside a running "
               "harrierd.\vadd-person makes a person who may sign in, and prints the first "
               "password. ROLE is viewer, analyst, author, approver or admin. backup copies the "
               "database of --data to FILE, also while a console runs; restore puts it back. "
               "check-policy is what the console runs to check a draft: it prints what it finds "
               "as JSON. A credential of systemd, harrier-console.token, .tls_cert or .tls_key, is "
               "the "
               "default of its option.",
    };
    *ret_options = (struct console_options){.server = "tcp://127.0.0.1:7731",
                                            .listen = "127.0.0.1:7780",
                                            .days = 7,
                                            .jobs = 1,
                                            .has_sandbox = true,
                                            .log_level = LOG_INFO,
                                            .job_time_us = INT64_C(3600000000),
                                            .job_memory_bytes = 2 * machine_memory_quarter()};
    argp_program_version = "harrier-console " HARRIER_VERSION;
    argp_err_exit_status = 64;
    argp_parse(&argp, argc, argv, 0, NULL, ret_options);
}
