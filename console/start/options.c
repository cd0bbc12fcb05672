#include "options.h"

#include "batch/base/machine.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/option_value.h"
#include "console/jobs/jobs.h"
#include "server/net/address.h"

#include <argp.h>
#include <string.h>

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
    OPTION_TOKENS
};

#define DAYS_MOST        3650
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
     "takes --behind-proxy",
     0},
    {"behind-proxy", OPTION_BEHIND_PROXY, NULL, 0,
     "A proxy in front of it speaks TLS to browsers: listen on any host", 0},
    {"days", OPTION_DAYS, "N", 0,
     "At the first start, take reviews of the last N days into the queue (7)", 0},
    {"jobs", OPTION_JOBS, "N", 0, "Backtests and tunings at once, 0 to 4; the others wait (1)", 0},
    {"job-time", OPTION_JOB_TIME, "DURATION", 0, "How long one may take (1h)", 0},
    {"job-memory", OPTION_JOB_MEMORY, "SIZE", 0,
     "How much memory one may use (half of the machine's)", 0},
    {"harrier", OPTION_HARRIER, "PROGRAM", 0,
     "The program harrier that runs them (beside harrier-console, else the one in PATH)", 0},
    {0},
};

static void check_listen(const struct console_options *options, struct argp_state *state) {
    char host[256];
    uint16_t port;
    struct error error;
    if (address_split(options->listen, host, sizeof host, &port, &error) < 0)
        argp_error(state, "--listen: %s", error.text);
    if (!options->behind_proxy && !address_is_loopback(options->listen))
        argp_error(state,
                   "--listen: %s can be reached from other machines, and the console speaks no "
                   "TLS itself: put a proxy with TLS in front of it, and give --behind-proxy",
                   options->listen);
}

static void check_options(struct console_options *options, struct argp_state *state) {
    if (!options->data || !*options->data)
        argp_error(state, "which folder for people, reviews and the audit log? (--data DIR)");
    if (options->command == CONSOLE_ADD_PERSON) {
        if (!options->name || !options->role)
            argp_error(state, "expected: add-person NAME ROLE");
        return;
    }
    if (!options->archive)
        argp_error(state, FOLDER_ARCHIVE_MISSING);
    check_listen(options, state);
}

static error_t parse_word(struct console_options *options, char *word, struct argp_state *state) {
    if (state->arg_num == 0 && strcmp(word, "add-person") == 0)
        options->command = CONSOLE_ADD_PERSON;
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
    case ARGP_KEY_ARG:
        return parse_word(options, value, state);
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void console_options_parse(int argc, char **argv, struct console_options *ret_options) {
    static const struct argp argp = {
        .options = arguments,
        .parser = parse_option,
        .args_doc = "ARCHIVE\nadd-person NAME ROLE",
        .doc = "The console: what analysts and operators need, in a browser, beside a running "
               "harrierd.\vadd-person makes a person who may sign in, and prints the first "
               "password. ROLE is viewer, analyst, author, approver or admin.",
    };
    *ret_options = (struct console_options){.server = "tcp://127.0.0.1:7731",
                                            .listen = "127.0.0.1:7780",
                                            .days = 7,
                                            .jobs = 1,
                                            .job_time_us = INT64_C(3600000000),
                                            .job_memory_bytes = 2 * machine_memory_quarter()};
    argp_program_version = "harrier-console " HARRIER_VERSION;
    argp_err_exit_status = 64;
    argp_parse(&argp, argc, argv, 0, NULL, ret_options);
}
