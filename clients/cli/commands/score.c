/* harrier score: the command line of score/scoring.h.
 *
 * This file parses the options, opens file, connection and output, and prints the summary; the
 * run itself (batches, reports, retries) is in score/scoring.c. Decisions go to standard output
 * or --out, everything else to standard error, so that the output can be piped. */
#include "clients/cli/io/rejects.h"
#include "clients/cli/score/score_summary.h"
#include "clients/cli/score/scoring.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/quantity.h"
#include "clients/cli/terminal/server_options.h"
#include "command.h"
#include "core/wire/types/transaction.h"

#include <argp.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* Each message under way has a batch with its arrays and its arena. */
#define IN_FLIGHT_MAX     4096
#define IN_FLIGHT_DEFAULT 16 /* with --unordered */

enum {
    OPTION_MAP = 256,
    OPTION_FORMAT,
    OPTION_DECISIONS,
    OPTION_BATCH,
    OPTION_IN_FLIGHT,
    OPTION_UNORDERED,
    OPTION_DRY_RUN,
    OPTION_FEATURES,
    OPTION_STRICT,
    OPTION_EXAMPLES,
    OPTION_OUTCOMES,
    OPTION_OUTCOMES_OF,
    OPTION_REJECTS,
};

/* `scoring` is handed on as it is; check_options() completes it. */
struct options {
    const char *file, *map, *out, *earlier, *rejects;
    enum row_format format;
    enum decision_format decisions;
    bool unordered;
    uint64_t in_flight; /* 0: not given */
    uint64_t examples;
    struct server_options server;
    struct scoring_options scoring;
};

/* In the order of enum decision_format and enum scoring_outcomes. */
static const char *const decision_words[] = {"csv", "jsonl", "none"};
static const char *const outcome_words[] = {"due", "now", "none"};

/* Also fills what follows from several options: how many messages may be under way, the deadline,
 * quiet. */
static void check_options(struct options *options, struct argp_state *state) {
    if (options->in_flight > 1 && !options->unordered)
        argp_error(state, "--in-flight above 1 gives up the file's order: add --unordered");
    options->scoring.in_flight = options->in_flight   ? (size_t)options->in_flight
                                 : options->unordered ? IN_FLIGHT_DEFAULT
                                                      : 1;
    options->scoring.deadline_us = options->server.deadline_us;
    options->scoring.quiet = options->server.quiet;
    if (!options->file)
        argp_error(state, "which file? (- is standard input)");
    if (options->earlier &&
        (options->scoring.outcomes != SCORING_OUTCOMES_DUE || options->scoring.dry_run))
        argp_error(state,
                   "--outcomes-of needs --outcomes due, and cannot be combined with --dry-run");
    if (options->earlier && strcmp(options->earlier, "-") == 0)
        argp_error(state, "--outcomes-of: expected a file, not standard input");
    if (options->decisions == DECISION_NONE && options->out)
        argp_error(state, "--out needs decisions: it cannot be combined with --decisions none");
}

/* Values that scoring.h knows go straight into its options. */
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
    case 'o':
        options->out = value;
        return 0;
    case OPTION_DECISIONS:
        options->decisions = (enum decision_format)choice_option_parse("--decisions", value,
                                                                       decision_words, 3, state);
        return 0;
    case OPTION_BATCH:
        options->scoring.batch =
            (size_t)count_option_parse("--batch", value, 1, TRANSACTION_BATCH_MAX, state);
        return 0;
    case OPTION_IN_FLIGHT:
        options->in_flight = count_option_parse("--in-flight", value, 1, IN_FLIGHT_MAX, state);
        return 0;
    case OPTION_UNORDERED:
        options->unordered = true;
        return 0;
    case OPTION_DRY_RUN:
        options->scoring.dry_run = true;
        return 0;
    case OPTION_FEATURES:
        options->scoring.features = true;
        return 0;
    case OPTION_STRICT:
        options->scoring.strict = true;
        return 0;
    case OPTION_EXAMPLES:
        options->examples =
            count_option_parse("--examples", value, 1, HARRIER_VERDICT_DECLINE, state);
        return 0;
    case OPTION_OUTCOMES:
        options->scoring.outcomes = (enum scoring_outcomes)choice_option_parse(
            "--outcomes", value, outcome_words, 3, state);
        return 0;
    case OPTION_OUTCOMES_OF:
        options->earlier = value;
        return 0;
    case OPTION_REJECTS:
        options->rejects = rejects_option_parse(value, state);
        return 0;
    case 'n':
        options->scoring.limit = count_option_parse("--limit", value, 1, UINT64_MAX, state);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            one_word_refuse(value, "file", state);
        options->file = value;
        return 0;
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Input:", 1},
    {"map", OPTION_MAP, "FILE", 0,
     "YAML file that maps columns to fields; without it columns are named after the fields", 0},
    {"format", OPTION_FORMAT, "csv|jsonl", 0,
     "The input's format (default: detected from its first byte)", 0},
    {"limit", 'n', "N", 0, "Read at most N rows", 0},
    {"strict", OPTION_STRICT, NULL, 0, "Stop at the first row that fails", 0},
    {NULL, 0, NULL, 0, "Output:", 2},
    {"out", 'o', "FILE", 0, "Write decisions here instead of to standard output", 0},
    {"decisions", OPTION_DECISIONS, "csv|jsonl|none", 0, "How decisions are written (csv)", 0},
    {"features", OPTION_FEATURES, NULL, 0,
     "Also write every feature value that the decisions were based on", 0},
    {"examples", OPTION_EXAMPLES, "N", 0,
     "At the end, show up to N (1 to 4) decisions with their reasons, one per verdict", 0},
    {"rejects", OPTION_REJECTS, "FILE", 0,
     "Keep the rows that are refused here, with the reason; the same command reads FILE to retry "
     "them",
     0},
    {NULL, 0, NULL, 0, "Sending:", 3},
    {"batch", OPTION_BATCH, "N", 0, "Transactions per message, 1 to 1,000 (100)", 0},
    {"unordered", OPTION_UNORDERED, NULL, 0,
     "Send several messages at once: faster, but the server may decide them in a different order "
     "from the file",
     0},
    {"in-flight", OPTION_IN_FLIGHT, "N", 0,
     "How many messages to send at once with --unordered (16)", 0},
    {"outcomes", OPTION_OUTCOMES, "due|now|none", 0,
     "When to report the outcomes and amendments in the file: when its event time reaches their "
     "outcome_time or amendment_time, skipping those it never reaches (due, the default); right "
     "after their message (now); never (none)",
     0},
    {"outcomes-of", OPTION_OUTCOMES_OF, "FILE", 0,
     "Also report the outcomes and amendments in this file, which was scored earlier, as they "
     "come due",
     0},
    {"dry-run", OPTION_DRY_RUN, NULL, 0,
     "Decide without recording anything: no record, no history, no outcome, no amendment", 0},
    {0},
};

static const struct argp_child children[] = {{&server_options_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "FILE|-",
    .children = children,
    .doc =
        "Sends the transactions of a CSV or JSON-lines file (plain or zstd) to a server, in the "
        "file's order, and writes its decisions. An outcome in the file is reported when the "
        "file's event time reaches its outcome_time, or right after its message when it has none; "
        "an amendment likewise, by its amendment_time. "
        "A column label_fraud (1 or 0) holds the actual class: it is not sent, but the summary "
        "reports how much fraud was caught."
        "\vWhile the server is unreachable, the same message is sent again for up to --retry-for. "
        "Nothing is scored twice, so a run that ended early can be run again. Invalid rows are "
        "reported on standard error, counted, and kept with --rejects; valid rows are still "
        "processed.\n\nExit status: 0 "
        "done, 1 some rows "
        "failed, 65 bad input, 66 no such file, 69 the server was unreachable for too long, 74 "
        "cannot read or write, 75 interrupted, 78 the mapping is invalid.",
};

/* Rows of a pipe cannot be read again, so they were kept. */
static void print_kept(const struct scoring_counts *counts, const char *file,
                       const struct rejects *rejects) {
    const char *path = rejects_path(rejects);
    if (rejects_has_failed(rejects))
        fprintf(stderr,
                "harrier: not all rows of %s that are not done are in %s: run the same command "
                "with the whole input again\n",
                file, path);
    else if (counts->input_ended)
        fprintf(stderr, "harrier: all rows of %s that are not done are in %s\n", file, path);
    else
        fprintf(stderr,
                "harrier: all rows of %s that were read but are not done are in %s; the rest of "
                "the input was not read\n",
                file, path);
}

/* Reports how far an unfinished run has come. */
static void print_where(const struct scoring_counts *counts, const char *file,
                        const struct rejects *rejects) {
    uint64_t done = counts->scored + counts->duplicates + counts->failed;
    if (counts->unsent) {
        print_kept(counts, file, rejects);
        return;
    }
    if (done == 0)
        fprintf(stderr, "harrier: no row of %s is done\n", file);
    else if (counts->next_line)
        fprintf(stderr, "harrier: all rows before line %" PRIu64 " of %s are done; ",
                counts->next_line, file);
    else
        fprintf(stderr, "harrier: the first %" PRIu64 " rows of %s are done; ", done, file);
    if (done > 0)
        fprintf(stderr, "run the same command again for the rest%s\n",
                rejects_count(rejects) ? ", with another file for --rejects" : "");
}

/* The summary is printed after a failure, too: it says how much was done. A strict run that ended
 * at a row gives 1, like a run with failed rows. */
static int finish(int r, const struct options *options, const struct scoring_counts *counts,
                  const char *file, const struct rejects *rejects, const struct error *error) {
    if (!options->server.quiet) {
        score_summary_print(counts, &options->scoring, file, stderr);
        rejects_print_retry(rejects, file, stderr);
    }
    if (r < 0) {
        bool by_row = options->scoring.strict && error->code == ERROR_INVALID;
        enum exit_status status = exit_with(error);
        if (counts->unsent || error->code == ERROR_UNAVAILABLE || error->code == ERROR_INTERRUPTED)
            print_where(counts, file, rejects);
        return by_row ? EXIT_STATUS_ROWS_FAILED : (int)status;
    }
    return counts->failed ? EXIT_STATUS_ROWS_FAILED : EXIT_STATUS_OK;
}

/* The output is closed before the summary, so that a full disk is reported as the failure it is. */
static int run(const struct options *options, struct mapped_file *file, struct mapped_file *earlier,
               struct harrier_client *client, struct decision_output *output,
               struct rejects *rejects) {
    static struct scoring_counts counts; /* histograms are large */
    static struct examples examples;
    struct progress_bar bar;
    struct error error;
    bool writes_stdout = options->decisions != DECISION_NONE && output->is_stdout;
    progress_bar_init(
        &bar, progress_style_of(options->server.progress, options->server.quiet, writes_stdout),
        "rows");
    bar.stop = interrupt_watch();
    struct retry retry = server_options_retry(&options->server, &bar);
    struct row_errors diagnostics = {
        .file = mapped_file_name(file), .bar = &bar, .rejects = rejects};
    const struct scoring_parts parts = {.file = file,
                                        .earlier = earlier,
                                        .client = client,
                                        .output = output,
                                        .retry = &retry,
                                        .diagnostics = &diagnostics,
                                        .bar = &bar,
                                        .examples = options->examples ? &examples : NULL};
    int r = scoring_run(&options->scoring, &parts, &counts, &error);
    progress_bar_clear(&bar);
    struct error close_error;
    int close_failure = decision_output_close(output, &close_error);
    if (r == 0 && close_failure < 0) {
        r = close_failure;
        error = close_error;
    }
    if (output->features_dropped)
        fprintf(stderr,
                "harrier: some features had no column in the CSV header (the policy changed, "
                "or the first rows were all duplicates); --decisions jsonl keeps them\n");
    int status = finish(r, options, &counts, mapped_file_name(file), rejects, &error);
    examples_print(&examples, (size_t)options->examples, stderr);
    return status;
}

/* Whoever closes the parts of a run, opened or not. */
struct parts {
    struct mapped_file file, earlier;
    struct rejects *rejects;
    struct harrier_client *client;
};

static void close_parts(struct parts *parts) {
    harrier_client_free(parts->client);
    mapped_file_close(&parts->earlier);
    mapped_file_close(&parts->file);
}

static bool is_same_file(const char *a, const char *b) {
    struct stat in_a, in_b;
    return stat(a, &in_a) == 0 && stat(b, &in_b) == 0 && in_a.st_dev == in_b.st_dev &&
           in_a.st_ino == in_b.st_ino;
}

static int open_rejects(const struct options *options, struct parts *parts,
                        struct error *ret_error) {
    const char *input = strcmp(options->file, "-") == 0 ? NULL : options->file;
    int r = rejects_open(options->rejects, input, &parts->rejects, ret_error);
    return r < 0 ? r
                 : rejects_begin_file(parts->rejects, parts->file.rows,
                                      mapped_file_name(&parts->file), ret_error);
}

/* Opening the output empties it, so it must be none of the files that are read. */
static int check_out(const struct options *options, const struct parts *parts,
                     struct error *ret_error) {
    const char *out = options->out;
    if (!out || strcmp(out, "-") == 0)
        return 0;
    if (input_is_at(parts->file.input, out))
        return error_set(ret_error, ERROR_EXISTS,
                         "--out: %s is the input; expected another file for the decisions", out);
    if (options->earlier && input_is_at(parts->earlier.input, out))
        return error_set(
            ret_error, ERROR_EXISTS,
            "--out: %s is the file of --outcomes-of; expected another file for the decisions", out);
    if (options->map && is_same_file(options->map, out))
        return error_set(ret_error, ERROR_EXISTS,
                         "--out: %s is the mapping; expected another file for the decisions", out);
    if (parts->rejects && rejects_is_at(parts->rejects, out))
        return error_set(ret_error, ERROR_EXISTS, "--rejects: %s is the file of --out",
                         options->rejects);
    return 0;
}

/* The input is opened before the connection: a mistyped file name should not need a server to be
 * noticed. The output comes last, since it may be there already, and opening it empties it. */
static int open_and_run(const struct options *options, struct parts *parts) {
    struct decision_output output;
    struct error error;
    if (mapped_file_open(&parts->file, options->file, options->map, options->format,
                         MAPPED_TRANSACTIONS, &error) < 0 ||
        (options->earlier && mapped_file_open(&parts->earlier, options->earlier, options->map,
                                              options->format, MAPPED_REPORTS, &error) < 0))
        return (int)exit_with_mapping(&error, options->map);
    if (options->rejects && open_rejects(options, parts, &error) < 0)
        return (int)exit_with_rejects(&error);
    if (check_out(options, parts, &error) < 0)
        return (int)exit_with_rejects(&error);
    if (server_options_connect(&options->server, (unsigned)options->scoring.in_flight,
                               &parts->client, &error) < 0 ||
        decision_output_open(&output, options->out, options->decisions, options->scoring.features,
                             &error) < 0)
        return (int)exit_with_address(&error);
    return run(options, &parts->file, options->earlier ? &parts->earlier : NULL, parts->client,
               &output, parts->rejects);
}

int command_score(int argc, char **argv) {
    struct options options = {.scoring = {.batch = 100}};
    struct parts parts = {0};
    server_options_init(&options.server);
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    int status = open_and_run(&options, &parts);
    close_parts(&parts);
    return rejects_close_at_exit(parts.rejects, status);
}
