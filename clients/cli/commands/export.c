/* harrier export: the command line of batch/export/export.h.
 *
 *   open     the first pass: what became of transactions, which attributes there are
 *   columns  those that were asked for, now that all are known
 *   run      the second pass: rows
 *   publish  the file appears; what it cannot say is reported */
#include "batch/export/export.h"

#include "clients/cli/export/export_columns.h"
#include "clients/cli/export/export_output.h"
#include "clients/cli/io/beginning.h"
#include "clients/cli/io/decision_option.h"
#include "clients/cli/io/time_option.h"
#include "clients/cli/output/attribute_columns.h"
#include "clients/cli/parquet/parquet_pipe.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "command.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_FROM = 256, OPTION_TO, OPTION_VERDICT, OPTION_FORMAT, OPTION_COLUMNS };

struct options {
    const char *archive, *out, *columns;
    int64_t from_us, to_us;
    unsigned verdicts; /* bit n: enum verdict n; 0: all */
    bool has_format, attributes, quiet;
    enum export_format format;
    enum progress_choice progress;
};

/* ---- the command line ---- */

static bool ends_in(const char *path, const char *suffix) {
    size_t length = strlen(path), tail = strlen(suffix);
    return length > tail && strcmp(path + length - tail, suffix) == 0;
}

/* By the name of the file, unless it was given. */
static enum export_format format_of(const struct options *options) {
    if (options->has_format)
        return options->format;
    if (parquet_is_name(options->out))
        return EXPORT_PARQUET;
    return ends_in(options->out, ".jsonl") ? EXPORT_JSONL : EXPORT_CSV;
}

/* argp_error() ends the process, so the first fault is the one reported. */
static void check_options(struct options *options, struct argp_state *state) {
    struct error error;
    if (!options->archive)
        argp_error(state, FOLDER_ARCHIVE_MISSING);
    if (!options->out || !*options->out)
        argp_error(state, "which file? (--out FILE; - is standard output)");
    if (options->to_us != 0)
        time_range_check("--from", options->from_us, "--to", options->to_us, state);
    if (export_columns_check(options->columns, &options->attributes, &error) < 0)
        argp_error(state, "%s", error.text);
    options->format = format_of(options);
    if (options->format == EXPORT_PARQUET && strcmp(options->out, "-") == 0)
        argp_error(state, "--out: Parquet needs a file, not standard output");
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    static const char *const formats[] = {
        [EXPORT_CSV] = "csv", [EXPORT_JSONL] = "jsonl", [EXPORT_PARQUET] = "parquet"};
    struct options *options = state->input;
    switch (key) {
    case 'o':
        options->out = value;
        return 0;
    case OPTION_FROM:
        options->from_us = time_option_parse("from", value, state);
        return 0;
    case OPTION_TO:
        options->to_us = time_option_parse("to", value, state);
        if (options->to_us <= 0)
            argp_error(state, "--to: the range is empty");
        return 0;
    case OPTION_VERDICT:
        options->verdicts |= verdicts_option_parse("--verdict", value, state);
        return 0;
    case OPTION_FORMAT:
        options->format =
            (enum export_format)choice_option_parse("--format", value, formats, 3, state);
        options->has_format = true;
        return 0;
    case OPTION_COLUMNS:
        options->columns = value;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case PROGRESS_OPTION:
        options->progress = progress_choice_parse(value, state);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            one_word_refuse(value, "archive", state);
        options->archive = value;
        return 0;
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"out", 'o', "FILE", 0, "The file to write; - is standard output; required", 0},
    {"format", OPTION_FORMAT, "csv|jsonl|parquet", 0,
     "The file's format (by the end of its name: .jsonl, .parquet; else csv)", 0},
    {"columns", OPTION_COLUMNS, "NAME,…", 0, "Only these columns, in this order (all)", 0},
    {"from", OPTION_FROM, "TIME", 0, "Only transactions with event times from TIME on", 0},
    {"to", OPTION_TO, "TIME", 0, "Only transactions with event times before TIME", 0},
    {"verdict", OPTION_VERDICT, "VERDICT,…", 0,
     "Only transactions with these verdicts: approve, review, challenge, decline", 0},
    {"quiet", 'q', NULL, 0, "No progress and no summary", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "ARCHIVE",
    .doc =
        "Writes an archive's transactions as CSV, JSON lines or Parquet, each with its decision "
        "and with "
        "what became of it by the archive's end: its outcome and its amendments. ARCHIVE is the "
        "archive's folder or a server's data folder.\vA server may be running; records that it has "
        "not synced yet are left out. Memory is limited, whatever the size of the archive. "
        "`harrier "
        "score` and `harrier import` read CSV and JSON lines again. If the export fails or is "
        "interrupted, "
        "FILE stays as it was.\n\nExit status: 0 done, 64 the options are wrong, or no transaction "
        "has an attribute that --columns names, 65 the archive is damaged, 66 there is none, 74 "
        "cannot read or write, 75 interrupted.",
};

/* ---- the run ---- */

static void print_summary(const struct options *options, const struct export_output *output) {
    char rows[QUANTITY_COUNT_SIZE], further[QUANTITY_COUNT_SIZE];
    if (options->quiet)
        return;
    fprintf(stderr, "%s transaction%s\n", quantity_format_count(output->rows, rows),
            output->rows == 1 ? "" : "s");
    if (output->amended_further > 0)
        fprintf(stderr,
                "%s of them took several amendments, which one row cannot repeat: their column "
                "\"amendment\" is empty, voided, captured_amount and refunded_amount are filled\n",
                quantity_format_count(output->amended_further, further));
}

/* In CSV and Parquet a column has one type. */
static void warn_of_mixed(const struct options *options,
                          const struct export_attributes *attributes) {
    if (options->format == EXPORT_JSONL || options->quiet)
        return;
    for (size_t i = 0; i < attributes->count; i++)
        if (attribute_column_is_mixed(&attributes->attributes[i]))
            fprintf(stderr,
                    "attributes.%" TEXT_FORMAT " has values of several types: its column is %s. "
                    "JSON lines keep the types (--format jsonl)\n",
                    TEXT_ARGS(attributes->attributes[i].name),
                    value_type_name(attribute_column_type(&attributes->attributes[i])));
}

/* The output is open. */
static int run(const struct options *options, struct export *export, struct export_output *output,
               struct progress_bar *bar, struct error *ret_error) {
    const struct export_taker taker = {.take = export_output_take, .user = output};
    int r = export_run(export, &taker, &bar->progress, ret_error);
    progress_bar_clear(bar);
    if (r < 0) {
        export_output_discard(output);
        return r;
    }
    r = export_output_publish(output, ret_error);
    if (r == 0)
        print_summary(options, output);
    return r;
}

static int write_rows(const struct options *options, struct export *export,
                      const struct export_columns *columns, struct progress_bar *bar,
                      struct error *ret_error) {
    const struct export_attributes *attributes = export_attributes(export);
    struct export_output output;
    progress_bar_clear(bar);
    warn_of_mixed(options, attributes);
    int r =
        export_output_open(&output, options->out, options->format, columns, attributes, ret_error);
    return r < 0 ? r : run(options, export, &output, bar, ret_error);
}

int command_export(int argc, char **argv) {
    struct options options = {0};
    struct export *export = NULL;
    struct export_columns columns;
    struct progress_bar bar;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    char *archive = folder_of_archive(options.archive);
    beginning_note(options.archive, options.quiet);
    const struct export_options what = {.archive = archive,
                                        .from_us = options.from_us,
                                        .to_us = options.to_us,
                                        .verdicts = options.verdicts,
                                        .attributes = options.attributes};
    bool on_stdout = strcmp(options.out, "-") == 0;
    progress_bar_init(&bar, progress_style_of(options.progress, options.quiet, on_stdout),
                      "records");
    bar.stop = interrupt_watch();
    int status = EXIT_STATUS_OK;
    int r = export_open(&what, &bar.progress, &export, &error);
    if (r == 0) {
        r = export_columns_init(&columns, options.columns, export_attributes(export), &error);
        status = r < 0 ? EXIT_STATUS_USAGE : EXIT_STATUS_OK;
    }
    if (r == 0) {
        r = write_rows(&options, export, &columns, &bar, &error);
        export_columns_deinit(&columns);
    }
    progress_bar_clear(&bar);
    export_close(export);
    free(archive);
    if (r < 0) {
        int failed = (int)exit_with(&error);
        return status == EXIT_STATUS_OK ? failed : status;
    }
    return EXIT_STATUS_OK;
}
