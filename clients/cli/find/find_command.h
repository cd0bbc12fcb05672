/* The command line of harrier find. */
#pragma once

#include "clients/c/harrier.h"
#include "clients/cli/terminal/progress_bar.h"
#include "core/wire/types/find.h"

#include <stdbool.h>

#define FIND_COMMAND_LIMIT_MAX 100000 /* rows are kept in memory until all are there */

enum find_format { FIND_TABLE, FIND_CSV, FIND_JSONL };

/* Either `folder` or `server` is given. */
struct find_command {
    const char *folder, *server, *token_file;
    struct harrier_tls tls;
    uint64_t deadline_us;
    struct find_query query; /* all but limit; texts are those of the command line */
    struct find_key keys[FIELD_COUNT];
    uint64_t limit;
    const char *amount; /* until the currency is known */
    enum find_format format;
    const char *columns, *out;
    bool no_index, quiet;
    enum progress_choice progress;
};

/* Ends the process for a wrong command line, as argp does. */
void find_command_parse(struct find_command *options, int argc, char **argv);
