/* harrier amend: what became known about transactions' money, one from the command line or those of
 * a file.
 *
 * As with outcomes, rows of a file are gathered into calls of AMENDMENTS_MAX; a row that is wrong,
 * or that the server refuses, is reported and counted, and the others go on. Amounts are totals, so
 * running the same file again changes nothing. */
#include "clients/cli/io/decimal.h"
#include "clients/cli/io/mapped_file.h"
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/score/amendment_sender.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/quantity.h"
#include "clients/cli/terminal/server_options.h"
#include "command.h"
#include "core/base/check.h"

#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES (4u << 20) /* of the ids of one call */

enum { OPTION_MAP = 256, OPTION_FORMAT, OPTION_SOURCE };

struct options {
    const char *arguments[3]; /* FILE, or ID, KIND and maybe AMOUNT */
    unsigned argument_count;
    const char *map, *source;
    enum row_format format;
    struct server_options server;
};

/* One argument or more: which is meant is decided when all have been counted. */
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
    case ARGP_KEY_ARG:
        if (state->arg_num > 2)
            argp_error(state, "expected ID KIND [AMOUNT], or one FILE");
        options->arguments[options->argument_count++] = value;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "expected ID KIND [AMOUNT], or one FILE");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Amendments:", 1},
    {"map", OPTION_MAP, "FILE", 0, "YAML file that maps columns to id, amendment and its amount",
     0},
    {"format", OPTION_FORMAT, "csv|jsonl", 0,
     "The input's format (default: detected from its first byte)", 0},
    {"source", OPTION_SOURCE, "NAME", 0, "Who reports the amendment: settlement-feed, analyst:7, …",
     0},
    {0},
};

static const struct argp_child children[] = {{&server_options_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "ID void|restore\nID capture|refund AMOUNT\nFILE|-",
    .children = children,
    .doc = "Reports what became known about transactions' money: void (it never took place), "
           "capture (what was really taken), refund (what has been paid back so far, in total), "
           "restore (a void was a mistake). AMOUNT is in minor units of the transaction's "
           "currency. A file needs the columns id and amendment, and amendment_amount_minor or "
           "amendment_amount with currency for captures and refunds; or a mapping."
           "\vReporting the same amendment again has no effect. Exit status: 0 done, 1 some "
           "amendments were refused (for example, of an unknown transaction), 65 bad input, 66 no "
           "such file, 69 the server was unreachable for too long, 75 interrupted, 78 the mapping "
           "is invalid.",
};

/* The arrays are too large for the stack, so it lives on the heap. */
struct amending {
    const struct options *options;
    struct mapped_file file;
    struct arena arena; /* ids of the call being put together */
    struct amendment_sender sender;
    struct row_errors diagnostics;
    struct progress_bar bar;
    uint64_t rows;
    struct harrier_amendment amendments[AMENDMENTS_MAX];
    struct row_original originals[AMENDMENTS_MAX]; /* parallel to amendments */
    size_t count;
};

/* The ids lie in the arena and must outlive the call. */
static int flush_amendments(struct amending *amending, struct error *ret_error) {
    if (amending->count == 0)
        return 0;
    int r = amendment_sender_send(&amending->sender, amending->amendments, amending->originals,
                                  &amending->count, ret_error);
    if (r == 0)
        arena_reset(&amending->arena);
    return r;
}

/* A row without an amendment is not a fault: files list transactions that nothing happened to. */
static int add_row(struct amending *amending, const struct row *row, struct error *ret_error) {
    struct amendment amendment;
    struct text field = {0};
    struct error error;
    struct row_original *original = &amending->originals[amending->count];
    int r =
        row_amendment(amending->file.mapping, row, &amending->arena, &amendment, &field, &error);
    if (r > 0 && !row_original_copy(&row->original, &amending->arena, original))
        r = error_set(&error, ERROR_TOO_LARGE, "the row is too large");
    if (r < 0)
        return row_errors_refuse(&amending->diagnostics, &row->original, error.code, field,
                                 error.text, ret_error);
    if (r == 0)
        return 0;
    amending->amendments[amending->count++] = (struct harrier_amendment){
        .transaction_id = amendment.transaction_id.data,
        .kind = (enum harrier_amendment_kind)amendment.kind,
        .amount_minor = amendment.amount_minor,
        .known_time_us = amendment.known_time_us,
        .source = amending->options->source,
    };
    return 0;
}

/* What was accepted before an interruption stays reported; running the same file again changes
 * nothing. */
static int amend_rows(struct amending *amending, struct error *ret_error) {
    for (;;) {
        struct row row;
        uint64_t done, total;
        int r = mapped_file_next(&amending->file, amending->options->server.quiet, &row, ret_error);
        if (r < 0)
            return r;
        if (r == ROWS_END)
            return flush_amendments(amending, ret_error);
        amending->rows++;
        if (r == ROWS_BAD_ROW) {
            const struct error why = *ret_error;
            r = row_errors_refuse(&amending->diagnostics, &row.original, why.code, (struct text){0},
                                  why.text, ret_error);
        } else {
            r = add_row(amending, &row, ret_error);
        }
        if (r == 0 && amending->count == AMENDMENTS_MAX)
            r = flush_amendments(amending, ret_error);
        if (r < 0)
            return r;
        if (*amending->bar.stop)
            return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        input_extent(amending->file.input, &done, &total);
        progress_bar_update(&amending->bar, "amend", done, total, amending->rows, NULL);
    }
}

/* The summary goes to standard error, also when the run ended early. */
static int amend_file(struct amending *amending) {
    struct error error;
    int r =
        mapped_file_open(&amending->file, amending->options->arguments[0], amending->options->map,
                         amending->options->format, MAPPED_AMENDMENTS, &error);
    if (r < 0)
        return exit_with_mapping(&error, amending->options->map);
    amending->diagnostics.file = mapped_file_name(&amending->file);
    r = amend_rows(amending, &error);
    progress_bar_clear(&amending->bar);
    if (!amending->options->server.quiet) {
        char number[QUANTITY_COUNT_SIZE];
        fprintf(stderr, "rows      %s\n", quantity_format_count(amending->rows, number));
        fprintf(stderr, "accepted  %s\n", quantity_format_count(amending->sender.accepted, number));
        fprintf(stderr, "changed   %s\n", quantity_format_count(amending->sender.changed, number));
        fprintf(stderr, "failed    %s\n",
                quantity_format_count(amending->diagnostics.count, number));
    }
    mapped_file_close(&amending->file);
    if (r < 0)
        return exit_with(&error);
    return amending->diagnostics.count ? EXIT_STATUS_ROWS_FAILED : EXIT_STATUS_OK;
}

static bool takes_amount(enum amendment_kind kind) {
    return kind == AMENDMENT_CAPTURE || kind == AMENDMENT_REFUND;
}

/* Errors of the command line (64). Words are masked before they are printed: the user may have
 * swapped the arguments and typed a card number. */
static int read_one(const struct options *options, enum amendment_kind *ret_kind,
                    int64_t *ret_amount, struct error *ret_error) {
    const char *kind = options->arguments[1], *amount = options->arguments[2];
    *ret_amount = 0;
    if (!amendment_kind_parse(text_of(kind), ret_kind))
        return error_set(ret_error, ERROR_INVALID,
                         "\"%s\" is no amendment (expected void, capture, refund or restore)",
                         kind);
    if (takes_amount(*ret_kind) != (options->argument_count == 3))
        return error_set(ret_error, ERROR_INVALID,
                         takes_amount(*ret_kind)
                             ? "a %s needs an AMOUNT in minor units, such as 1250 for 12.50"
                             : "a %s takes no AMOUNT",
                         kind);
    if (!takes_amount(*ret_kind))
        return 0;
    int r = decimal_parse(text_of(amount), 0, ret_amount, ret_error);
    return r < 0 ? error_prefix(ret_error, "AMOUNT in minor units") : 0;
}

static void print_amended(const char *id, const struct amendment_sender *sender) {
    const struct harrier_amended *now = &sender->last;
    printf("%s: %s", id, now->voided ? "voided" : "");
    if (!now->voided)
        printf("%" PRId64 " taken, %" PRId64 " refunded", now->amount_minor, now->refunded_minor);
    printf("%s\n", sender->changed ? "" : " (already reported; nothing changed)");
}

static int amend_one(struct amending *amending) {
    const struct options *options = amending->options;
    enum amendment_kind kind;
    int64_t amount;
    struct error error;
    if (read_one(options, &kind, &amount, &error) < 0) {
        row_errors_mask(error.text);
        exit_with(&error);
        return EXIT_STATUS_USAGE;
    }
    amending->diagnostics.file = options->arguments[0];
    amending->amendments[0] = (struct harrier_amendment){.transaction_id = options->arguments[0],
                                                         .kind = (enum harrier_amendment_kind)kind,
                                                         .amount_minor = amount,
                                                         .source = options->source};
    amending->count = 1;
    if (amendment_sender_send(&amending->sender, amending->amendments, amending->originals,
                              &amending->count, &error) < 0)
        return exit_with(&error);
    if (amending->diagnostics.count)
        return EXIT_STATUS_ROWS_FAILED;
    if (!options->server.quiet)
        print_amended(options->arguments[0], &amending->sender);
    return EXIT_STATUS_OK;
}

int command_amend(int argc, char **argv) {
    struct options options = {0};
    struct error error;
    server_options_init(&options.server);
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    struct harrier_client *client;
    if (server_options_connect(&options.server, 1, &client, &error) < 0)
        return exit_with_address(&error);
    struct amending *amending = check_calloc(1, sizeof *amending);
    amending->options = &options;
    progress_bar_init(&amending->bar,
                      progress_style_of(options.server.progress, options.server.quiet, false),
                      "rows");
    amending->bar.stop = interrupt_watch();
    amending->diagnostics.bar = &amending->bar;
    struct retry retry = server_options_retry(&options.server, &amending->bar);
    amending->sender = (struct amendment_sender){.client = client,
                                                 .retry = &retry,
                                                 .diagnostics = &amending->diagnostics,
                                                 .deadline_us = options.server.deadline_us};
    arena_init(&amending->arena, ARENA_BYTES);
    int status = options.argument_count > 1 ? amend_one(amending) : amend_file(amending);
    arena_deinit(&amending->arena);
    free(amending);
    harrier_client_free(client);
    return status;
}
