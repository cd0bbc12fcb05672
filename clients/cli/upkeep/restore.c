/* harrier restore: the command line of batch/backup/restore.h: a data folder from a backup of
 * `harrier backup`, as it was at its end, at a position or at a time. */
#include "batch/backup/restore.h"

#include "clients/cli/commands/command.h"
#include "clients/cli/io/time_option.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/json_writer.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_TO = 256, OPTION_TO_POSITION, OPTION_TO_TIME, OPTION_NO_TABLES };

struct options {
    struct restore_options restore;
    size_t places; /* how many options say to where */
    bool json, quiet;
    enum progress_choice progress;
};

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case OPTION_TO:
        if (strcmp(value, "end") != 0)
            argp_error(state, "--to %s: expected end; --to-position and --to-time take others",
                       value);
        options->places++;
        return 0;
    case OPTION_TO_POSITION:
        options->restore.position = count_option_parse("--to-position", value, 1, INT64_MAX, state);
        options->places++;
        return 0;
    case OPTION_TO_TIME:
        options->restore.time_us = time_option_parse("to-time", value, state);
        options->places++;
        return 0;
    case OPTION_NO_TABLES:
        options->restore.with_tables = false;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case PROGRESS_OPTION:
        options->progress = progress_choice_parse(value, state);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            options->restore.folder = value;
        else if (state->arg_num == 1)
            options->restore.target = value;
        else
            any_word_refuse(value, "DIR and TARGET are all", state);
        return 0;
    case ARGP_KEY_END:
        if (!options->restore.folder)
            argp_error(state, "which backup? (its folder)");
        if (!options->restore.target)
            argp_error(state, "to where? (an empty folder)");
        if (options->places > 1)
            argp_error(state, "--to end, --to-position or --to-time?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"to", OPTION_TO, "end", 0, "All that the backup has, the default", 0},
    {"to-position", OPTION_TO_POSITION, "N", 0, "Up to record N of the archive", 0},
    {"to-time", OPTION_TO_TIME, "TIME", 0,
     "What was received up to this time, 2026-01-31T18:00:00Z, or this day's beginning", 0},
    {"no-tables", OPTION_NO_TABLES, NULL, 0, "Leave the tables out", 0},
    {"json", 'j', NULL, 0, "One JSON object", 0},
    {"quiet", 'q', NULL, 0, "No progress and no report, only errors", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "DIR TARGET",
    .doc =
        "Restores a data folder from the backup in DIR into the empty folder TARGET: the archive, "
        "tables that are not newer, reports of nights and trained models. The hash of every file "
        "is compared as it is copied."
        "\vIf it is interrupted or killed, the same command goes on. TARGET has no archive until "
        "all of it is there. --to-position and --to-time cut the last segment at that record. What "
        "was backed up with --config is in TARGET/config. Exit status: 0 done, 65 the backup is "
        "damaged, or TARGET has other files, 66 there is no backup, or it does not have that "
        "position or time, 74 a file cannot be read or written, 75 interrupted, or a backup is "
        "being made in DIR.",
};

static void report_json(const struct restore_report *report) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_unsigned(&line, "position", report->place.position);
    json_add_hex(&line, "chain", report->place.chain);
    if (report->time_us != INT64_MIN)
        json_add_time(&line, "received", report->time_us);
    json_add_unsigned(&line, "point", report->point);
    json_add_bool(&line, "cut", report->is_cut);
    if (report->tables_point) {
        json_add_unsigned(&line, "tables_point", report->tables_point);
        json_add_unsigned(&line, "tables_position", report->tables_position);
    }
    json_add_unsigned(&line, "files", report->files);
    json_add_unsigned(&line, "bytes", report->bytes);
    json_add_unsigned(&line, "config_files", report->config_files);
    json_add_bool(&line, "resumed", report->was_resumed);
    json_end_object(&line);
    json_print_line(&line);
}

static void report_text(const struct options *options, const struct restore_report *report) {
    char bytes[QUANTITY_BYTES_SIZE], count[QUANTITY_COUNT_SIZE], time[QUANTITY_TIME_SIZE];
    printf("archive   up to record %" PRIu64, report->place.position);
    if (report->time_us != INT64_MIN)
        printf(", received %s", quantity_format_time(report->time_us, time));
    if (report->point)
        printf("; from point %" PRIu64, report->point);
    printf("\n");
    if (report->tables_point)
        printf("tables    as of record %" PRIu64 ", from point %" PRIu64 "\n",
               report->tables_position, report->tables_point);
    else if (report->point)
        printf("tables    none: harrier rebuild --data %s makes them, else the server folds the "
               "archive at its start\n",
               options->restore.target);
    printf("files     %s, %s\n", quantity_format_count(report->files, count),
           quantity_format_bytes(report->bytes, bytes));
    if (report->config_files)
        printf("config    %zu file%s in %s/config: copy to /etc/harrier what is needed\n",
               report->config_files, report->config_files > 1 ? "s" : "", options->restore.target);
}

int command_restore(int argc, char **argv) {
    struct options options = {
        .restore = {.position = UINT64_MAX, .time_us = INT64_MAX, .with_tables = true}};
    struct restore_report report;
    struct progress_bar bar;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    progress_bar_init(&bar, progress_style_of(options.progress, options.quiet, false), NULL);
    bar.stop = interrupt_watch();
    int r = restore_run(&options.restore, &bar.progress, &report, &error);
    progress_bar_clear(&bar);
    if (r < 0)
        return exit_with(&error);
    if (options.json && !options.quiet)
        report_json(&report);
    else if (!options.quiet)
        report_text(&options, &report);
    return EXIT_STATUS_OK;
}
