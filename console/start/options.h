/* The command line of harrier-console. */
#pragma once

#include "console/database/people.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum console_command {
    CONSOLE_SERVE,
    CONSOLE_ADD_PERSON,
    CONSOLE_CHECK_POLICY,
    CONSOLE_BACKUP,
    CONSOLE_RESTORE
};

struct console_options {
    enum console_command command;
    const char *reports, *tokens; /* NULL: not given */
    const char *archive;          /* as given: its folder or the data folder around it */
    const char *policy; /* the folder of the policy that the server runs; NULL: not given */
    const char *data, *server, *listen, *token_file;
    const char *name, *role; /* CONSOLE_ADD_PERSON */
    bool behind_proxy;
    const char *tls_cert, *tls_key; /* both or none */
    bool insecure_listen;
    const char *trusted_header; /* NULL: passwords */
    enum role sso_role;         /* ROLE_NONE: people must have been added */
    const char *sso_logout;
    int log_level, log_format; /* of enum log_level, enum log_format */
    const char *file;          /* CONSOLE_BACKUP and CONSOLE_RESTORE */
    bool force;
    const char *metrics;   /* of the server; NULL: no latency is shown */
    uint64_t alerts_a_day; /* 0: not known */
    int64_t days;
    size_t jobs; /* at once; 0: none */
    int64_t job_time_us;
    uint64_t job_memory_bytes;
    const char *harrier; /* the program; NULL: to be found */
    bool has_sandbox;
    const char *sandbox_read; /* paths, separated by commas; NULL: none */
};

/* Ends the process with a message if the command line is wrong (status 64), or after --help. */
void console_options_parse(int argc, char **argv, struct console_options *ret_options);
