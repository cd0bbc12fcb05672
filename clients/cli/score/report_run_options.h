/* The command line of `harrier outcome` and `harrier amend`, one report in words or a file of them,
 * and of `harrier backfill`, which has only files. */
#pragma once

#include "clients/cli/rows/rows.h"
#include "clients/cli/terminal/server_options.h"

#include <argp.h>
#include <stdbool.h>

#define REPORT_WORDS_MAX 3

struct report_run_options {
    /* Set by the command: the most words of one report, and how the two forms are written. */
    unsigned words_max;
    const char *expected;
    bool are_files; /* instead: every word is a file */

    const char *words[REPORT_WORDS_MAX]; /* a file, or an id and what is reported of it */
    unsigned word_count;
    char *const *files; /* of are_files */
    size_t file_count;
    uint64_t rate;                      /* rows a second; 0: no limit */
    const char *map, *source, *rejects; /* NULL: not given */
    enum row_format format;
    struct server_options server;
};

/* The parts of the command's struct argp; its input is a struct report_run_options. */
extern const struct argp_option report_run_arguments[];
extern const struct argp_child report_run_children[];
error_t report_run_parse_option(int key, char *value, struct argp_state *state);

/* Is it a file, or several? Else it is one report. */
bool report_run_is_file(const struct report_run_options *options);
