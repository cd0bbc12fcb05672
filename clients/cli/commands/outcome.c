/* harrier outcome: one outcome from the command line, or those of a file.
 *
 * Two arguments are an id and a label, one is a file. Rows of a file are gathered into calls of
 * OUTCOMES_MAX; a row that is wrong, or that the server refuses, is reported and counted, and the
 * others go on. The server decides whether a label is new. Outcomes with a time of their own are
 * `harrier score`'s business: here all are reported at once. */
#include "clients/cli/io/mapped_file.h"
#include "clients/cli/io/rejects.h"
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/score/outcome_sender.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/quantity.h"
#include "clients/cli/terminal/server_options.h"
#include "command.h"
#include "core/base/check.h"
#include "core/wire/types/decision.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES      ((size_t)256 << 20) /* of the ids, and refused rows, of one call */
#define ARENA_FULL_BYTES ((size_t)64 << 20)  /* with so much in it, it is sent */

enum { OPTION_MAP = 256, OPTION_FORMAT, OPTION_SOURCE, OPTION_REJECTS };

/* Which of the two forms was meant follows from argument_count. */
struct options {
    const char *arguments[2]; /* FILE, or ID and LABEL */
    unsigned argument_count;
    const char *map, *source, *rejects;
    enum row_format format;
    struct server_options server;
};

/* One argument or two: which is meant is decided when all have been counted. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->server;
        return 0;
    case OPTION_MAP:
        options->map = value;
        return 0;
    case OPTION_FORMAT:
        options->format = mapped_file_format_parse(value, state);
        return 0;
    case OPTION_SOURCE:
        options->source = value;
        return 0;
    case OPTION_REJECTS:
        options->rejects = rejects_option_parse(value, state);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            argp_error(state, "expected ID LABEL, or one FILE");
        options->arguments[options->argument_count++] = value;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "expected ID LABEL, or one FILE");
        return 0;
    case ARGP_KEY_END:
        if (options->rejects && options->argument_count == 2)
            argp_error(state, "--rejects goes with a FILE");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Outcomes:", 1},
    {"map", OPTION_MAP, "FILE", 0, "YAML file that maps columns to id and outcome", 0},
    {"format", OPTION_FORMAT, "csv|jsonl", 0,
     "The input's format (default: detected from its first byte)", 0},
    {"source", OPTION_SOURCE, "NAME", 0, "Who reports the outcome: chargeback-feed, analyst:7, …",
     0},
    {"rejects", OPTION_REJECTS, "FILE", 0,
     "Keep the rows that are refused here, with the reason; the same command reads FILE to retry "
     "them",
     0},
    {0},
};

static const struct argp_child children[] = {{&server_options_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "ID LABEL\nFILE|-",
    .children = children,
    .doc =
        "Reports what transactions turned out to be: legit, fraud, chargeback or suspected; none "
        "withdraws an earlier report. A file needs the columns id and outcome, or a mapping."
        "\vReporting the same outcome again has no effect. Exit status: 0 done, 1 some outcomes "
        "were refused (for example, of an unknown transaction), 65 bad input, 66 no such file, 69 "
        "the server was unreachable for too long, 75 interrupted, 78 the mapping is invalid.",
};

/* The arrays are too large for the stack, so it lives on the heap. */
struct reporting {
    const struct options *options;
    struct mapped_file file;
    struct arena arena; /* ids of the call being put together */
    struct outcome_sender sender;
    struct row_errors diagnostics;
    struct progress_bar bar;
    struct rejects *rejects; /* NULL: not asked for */
    uint64_t rows, unsent;
    struct harrier_outcome outcomes[OUTCOMES_MAX];
    struct row_original originals[OUTCOMES_MAX]; /* parallel to outcomes */
    size_t count;
};

/* The ids lie in the arena and must outlive the call. After a failure, the rows that are not known
 * to be done stay. */
static int flush_outcomes(struct reporting *reporting, struct error *ret_error) {
    if (reporting->count == 0)
        return 0;
    int r = outcome_sender_send(&reporting->sender, reporting->outcomes, reporting->originals,
                                &reporting->count, ret_error);
    if (r == 0)
        arena_reset(&reporting->arena);
    return r;
}

static int refuse(struct reporting *reporting, const struct row *row, struct text field,
                  const struct error *why, struct error *ret_error) {
    return row_errors_refuse(&reporting->diagnostics, &row->original, why->code, field, why->text,
                             ret_error);
}

/* A row without an outcome is not a fault: files list transactions whose outcome is not known
 * yet. */
static int add_row(struct reporting *reporting, const struct row *row, struct error *ret_error) {
    struct text id, field = {0};
    enum label label;
    struct error error;
    const struct mapping *mapping = reporting->file.mapping;
    struct row_original *original = &reporting->originals[reporting->count];
    int r = row_id(mapping, row, &reporting->arena, &id, &field, &error);
    if (r == 0)
        r = row_label(mapping, row, &label, &field, &error);
    if (r == 0 && !row_original_copy(&row->original, &reporting->arena, original))
        r = error_set(&error, ERROR_TOO_LARGE, "the row is too large");
    if (r < 0)
        return refuse(reporting, row, field, &error, ret_error);
    if (row_states_no_outcome(mapping, row))
        return 0;
    reporting->outcomes[reporting->count++] = (struct harrier_outcome){
        .transaction_id = id.data,
        .label = (enum harrier_label)label,
        .source = reporting->options->source,
    };
    return 0;
}

/* What was accepted before an interruption stays reported; running the same file again changes
 * nothing. */
static int report_rows(struct reporting *reporting, struct error *ret_error) {
    for (;;) {
        struct row row;
        uint64_t done, total;
        int r =
            mapped_file_next(&reporting->file, reporting->options->server.quiet, &row, ret_error);
        if (r < 0)
            return r;
        if (r == ROWS_END)
            return flush_outcomes(reporting, ret_error);
        reporting->rows++;
        if (r == ROWS_BAD_ROW) {
            const struct error why = *ret_error;
            r = refuse(reporting, &row, (struct text){0}, &why, ret_error);
        } else {
            r = add_row(reporting, &row, ret_error);
        }
        if (r == 0 &&
            (reporting->count == OUTCOMES_MAX || reporting->arena.used > ARENA_FULL_BYTES))
            r = flush_outcomes(reporting, ret_error);
        if (r < 0)
            return r;
        if (*reporting->bar.stop)
            return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        input_extent(reporting->file.input, &done, &total);
        progress_bar_update(&reporting->bar, "outcome", done, total, reporting->rows, NULL);
    }
}

/* Rows of a pipe that are not known to be done when the run ends early; when it ends because of the
 * server, the rest of the pipe, too. */
static int keep_open(struct reporting *reporting, const struct error *why,
                     struct error *ret_error) {
    struct row_errors *diagnostics = &reporting->diagnostics;
    struct row row;
    uint64_t done, total;
    int r = 0;
    input_extent(reporting->file.input, &done, &total);
    if (!reporting->rejects || total > 0)
        return 0;
    for (size_t i = 0; i < reporting->count && r == 0; i++)
        r = row_errors_keep(diagnostics, &reporting->originals[i], why, ret_error);
    reporting->unsent = reporting->count;
    if (why->code != ERROR_UNAVAILABLE && why->code != ERROR_DENIED)
        return r;
    while (r >= 0 && !*reporting->bar.stop &&
           (r = mapped_file_next(&reporting->file, true, &row, ret_error)) > 0) {
        reporting->rows++;
        if (r == ROWS_BAD_ROW) {
            const struct error what = *ret_error;
            r = refuse(reporting, &row, (struct text){0}, &what, ret_error);
        } else if (!row_states_no_outcome(reporting->file.mapping, &row)) {
            reporting->unsent++;
            r = row_errors_keep(diagnostics, &row.original, why, ret_error);
        }
    }
    return r;
}

static void print_summary(const struct reporting *reporting) {
    char number[QUANTITY_COUNT_SIZE];
    fprintf(stderr, "rows      %s\n", quantity_format_count(reporting->rows, number));
    fprintf(stderr, "accepted  %s\n", quantity_format_count(reporting->sender.accepted, number));
    fprintf(stderr, "changed   %s\n", quantity_format_count(reporting->sender.changed, number));
    fprintf(stderr, "failed    %s\n", quantity_format_count(reporting->diagnostics.count, number));
    if (reporting->unsent)
        fprintf(stderr, "not sent  %s\n", quantity_format_count(reporting->unsent, number));
}

static int open_file(struct reporting *reporting, struct error *ret_error) {
    const struct options *options = reporting->options;
    struct mapped_file *file = &reporting->file;
    int r = mapped_file_open(file, options->arguments[0], options->map, options->format,
                             MAPPED_OUTCOMES, ret_error);
    if (r < 0)
        return r;
    reporting->diagnostics.file = mapped_file_name(file);
    if (!options->rejects)
        return 0;
    r = rejects_open(options->rejects, options->arguments[0], &reporting->rejects, ret_error);
    if (r == 0)
        r = rejects_begin_file(reporting->rejects, file->rows, mapped_file_name(file), ret_error);
    reporting->diagnostics.rejects = reporting->rejects;
    if (r < 0)
        mapped_file_close(file);
    return r;
}

/* The summary goes to standard error, also when the run ended early. */
static int report_file(struct reporting *reporting) {
    struct error error, keep_error;
    int r = open_file(reporting, &error);
    if (r < 0)
        return error.code == ERROR_EXISTS ? (int)exit_with_rejects(&error)
                                          : (int)exit_with_mapping(&error, reporting->options->map);
    r = report_rows(reporting, &error);
    if (r < 0 && keep_open(reporting, &error, &keep_error) < 0)
        error = keep_error;
    progress_bar_clear(&reporting->bar);
    if (!reporting->options->server.quiet) {
        print_summary(reporting);
        rejects_print_retry(reporting->rejects, mapped_file_name(&reporting->file), stderr);
    }
    if (rejects_close(reporting->rejects, &keep_error) < 0 && r == 0) {
        r = -(int)keep_error.code;
        error = keep_error;
    }
    mapped_file_close(&reporting->file);
    if (r < 0)
        return exit_with(&error);
    return reporting->diagnostics.count ? EXIT_STATUS_ROWS_FAILED : EXIT_STATUS_OK;
}

/* A wrong label is an error of the command line (64). The word is masked before it is printed:
 * the user may have swapped the arguments and typed a card number. */
static int report_one(struct reporting *reporting) {
    const char *id = reporting->options->arguments[0], *name = reporting->options->arguments[1];
    enum label label;
    struct error error;
    if (!label_parse(text_of(name), &label)) {
        error_set(&error, ERROR_INVALID,
                  "\"%s\" is not a label (expected legit, fraud, chargeback, suspected or none)",
                  name);
        row_errors_mask(error.text);
        exit_with(&error);
        return EXIT_STATUS_USAGE;
    }
    reporting->diagnostics.file = id;
    reporting->outcomes[0] = (struct harrier_outcome){.transaction_id = id,
                                                      .label = (enum harrier_label)label,
                                                      .source = reporting->options->source};
    reporting->count = 1;
    if (outcome_sender_send(&reporting->sender, reporting->outcomes, reporting->originals,
                            &reporting->count, &error) < 0)
        return exit_with(&error);
    if (reporting->diagnostics.count)
        return EXIT_STATUS_ROWS_FAILED;
    if (!reporting->options->server.quiet)
        printf("%s: %s%s\n", id, name,
               reporting->sender.changed ? "" : " (already reported; nothing changed)");
    return EXIT_STATUS_OK;
}

int command_outcome(int argc, char **argv) {
    struct options options = {0};
    struct error error;
    server_options_init(&options.server);
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    struct harrier_client *client;
    if (server_options_connect(&options.server, 1, &client, &error) < 0)
        return exit_with_address(&error);
    struct reporting *reporting = check_calloc(1, sizeof *reporting);
    reporting->options = &options;
    progress_bar_init(&reporting->bar,
                      progress_style_of(options.server.progress, options.server.quiet, false),
                      "rows");
    reporting->bar.stop = interrupt_watch();
    reporting->diagnostics.bar = &reporting->bar;
    struct retry retry = server_options_retry(&options.server, &reporting->bar);
    reporting->sender = (struct outcome_sender){.client = client,
                                                .retry = &retry,
                                                .diagnostics = &reporting->diagnostics,
                                                .deadline_us = options.server.deadline_us};
    arena_init(&reporting->arena, ARENA_BYTES);
    int status = options.argument_count == 2 ? report_one(reporting) : report_file(reporting);
    arena_deinit(&reporting->arena);
    free(reporting);
    harrier_client_free(client);
    return status;
}
