/* harrier backfill: history that comes late, from files into the archive of a running server.
 *
 * score/report_run.h reads the files and sends. The server takes each id once, so running the same
 * files again completes a backfill that ended early. Rows are not sorted: a state is the same
 * whatever the order in which its transactions were recorded. */
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/score/outgoing.h"
#include "clients/cli/score/report_run.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/quantity.h"
#include "command.h"
#include "core/base/check.h"

#include <stdlib.h>

#define RATE_MAX 10000000

enum { OPTION_RATE = 512 };

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct report_run_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = options;
        return 0;
    case OPTION_RATE:
        options->rate = count_option_parse("--rate", value, 1, RATE_MAX, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option own_arguments[] = {
    {"rate", OPTION_RATE, "N", 0,
     "Send at most N rows a second (default: as the server takes them)", 0},
    {0},
};

static const struct argp files_argp = {.options = report_run_arguments,
                                       .parser = report_run_parse_option,
                                       .children = report_run_children};
static const struct argp_child children[] = {{&files_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = own_arguments,
    .parser = parse_option,
    .args_doc = "FILE|-…",
    .children = children,
    .doc =
        "Brings history that comes late into the archive of a running server: transactions from "
        "CSV or JSON-lines files (plain or zstd), with their outcomes and amendments, in the files "
        "that `import` takes. Features count them at their event times from then on; decisions "
        "that were made before stay as they are. The server goes on deciding meanwhile, and "
        "decisions come first."
        "\vA transaction counts as recorded now; a column received_time has no effect. One whose "
        "id is in the archive already changes nothing, so the same files can be sent again. An "
        "outcome of a row is recorded unless one was reported before, an amendment unless a later "
        "one was; one without a time, unless any was. Invalid rows are reported on standard error, "
        "counted, and kept with --rejects; valid rows are still recorded.\n\nExit status: 0 done, "
        "1 some rows failed, 65 bad input, 66 no such file, 69 "
        "the server was unreachable, or waited for a rebuild, for too long, 75 interrupted, 77 the "
        "token lacks the scope backfill, 78 the mapping is invalid.",
};

static int take(void *reports, size_t at, const struct mapping *mapping, const struct row *row,
                struct arena *arena, const char *source, struct text *ret_field,
                struct error *ret_error) {
    struct harrier_backfill_item *item = (struct harrier_backfill_item *)reports + at;
    struct import_row in;
    int r = row_import(mapping, row, arena, &in, ret_field, ret_error);
    if (r < 0)
        return r;
    *item = (struct harrier_backfill_item){
        .outcome = {.label = (enum harrier_label)in.label,
                    .known_time_us = in.known_us,
                    .source = source},
        .amendment = {.kind = (enum harrier_amendment_kind)in.amendment.kind,
                      .amount_minor = in.amendment.amount_minor,
                      .known_time_us = in.amendment.known_time_us,
                      .source = source}};
    if (!outgoing_transaction(&in.transaction, arena, &item->transaction))
        return error_set(ret_error, ERROR_TOO_LARGE, "the row is too large");
    return 1;
}

static bool is_empty(const struct mapping *mapping, const struct row *row) {
    (void)mapping, (void)row;
    return false;
}

static int send_items(struct report_sender *sender, void *reports, struct row_original *rows,
                      size_t *count, struct error *ret_error) {
    return report_sender_backfill(sender, reports, rows, count, ret_error);
}

static void print_counts(const struct report_sender *sender) {
    char number[QUANTITY_COUNT_SIZE];
    fprintf(stderr, "recorded    %s\n",
            quantity_format_count(sender->transactions.changed, number));
    fprintf(stderr, "duplicates  %s\n",
            quantity_format_count(sender->transactions.accepted - sender->transactions.changed,
                                  number));
    fprintf(stderr, "outcomes    %s\n", quantity_format_count(sender->outcomes.changed, number));
    fprintf(stderr, "amendments  %s\n", quantity_format_count(sender->amendments.changed, number));
}

static const struct report_kind kind = {.command = "backfill",
                                        .purpose = MAPPED_TRANSACTIONS,
                                        .take = take,
                                        .is_empty = is_empty,
                                        .send = send_items,
                                        .print = print_counts};

int command_backfill(int argc, char **argv) {
    struct report_run_options options = {.are_files = true};
    server_options_init(&options.server);
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    struct harrier_backfill_item *items = check_calloc(REPORTS_MAX, sizeof *items);
    int status = report_run_file(&kind, &options, items);
    free(items);
    return status;
}
