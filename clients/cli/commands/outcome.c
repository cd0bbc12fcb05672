/* harrier outcome: one outcome from the command line, or those of a file.
 *
 * score/report_run.h reads the file and sends. The server decides whether a label is new. Outcomes
 * with a time of their own are `harrier score`'s business: here all are reported at once. */
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/score/report_run.h"
#include "clients/cli/terminal/exit_status.h"
#include "command.h"
#include "core/base/check.h"
#include "core/wire/types/decision.h"

#include <stdlib.h>

static const struct argp argp = {
    .options = report_run_arguments,
    .parser = report_run_parse_option,
    .args_doc = "ID LABEL\nFILE|-",
    .children = report_run_children,
    .doc =
        "Reports what transactions turned out to be: legit, fraud, chargeback or suspected; none "
        "withdraws an earlier report. A file needs the columns id and outcome, or a mapping."
        "\vReporting the same outcome again has no effect. Exit status: 0 done, 1 some outcomes "
        "were refused (for example, of an unknown transaction), 65 bad input, 66 no such file, 69 "
        "the server was unreachable for too long, 75 interrupted, 78 the mapping is invalid.",
};

/* A row without an outcome is not a fault: files list transactions whose outcome is not known
 * yet. */
static int take(void *reports, size_t at, const struct mapping *mapping, const struct row *row,
                struct arena *arena, const char *source, struct text *ret_field,
                struct error *ret_error) {
    struct harrier_outcome *outcomes = reports;
    struct text id;
    enum label label;
    int r = row_id(mapping, row, arena, &id, ret_field, ret_error);
    if (r == 0)
        r = row_label(mapping, row, &label, ret_field, ret_error);
    if (r < 0 || row_states_no_outcome(mapping, row))
        return r;
    outcomes[at] = (struct harrier_outcome){
        .transaction_id = id.data, .label = (enum harrier_label)label, .source = source};
    return 1;
}

static int send_outcomes(struct report_sender *sender, void *reports, struct row_original *rows,
                         size_t *count, struct error *ret_error) {
    return report_sender_outcomes(sender, reports, rows, count, ret_error);
}

static const struct report_kind kind = {.command = "outcome",
                                        .purpose = MAPPED_OUTCOMES,
                                        .take = take,
                                        .is_empty = row_states_no_outcome,
                                        .send = send_outcomes};

static int report_file(const struct report_run_options *options) {
    struct harrier_outcome *outcomes = check_calloc(REPORTS_MAX, sizeof *outcomes);
    int status = report_run_file(&kind, options, outcomes);
    free(outcomes);
    return status;
}

/* A wrong label is an error of the command line (64). The word is masked before it is printed:
 * the user may have swapped the arguments and typed a card number. */
static int report_one(const struct report_run_options *options) {
    const char *id = options->words[0], *name = options->words[1];
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
    struct harrier_outcome outcome = {
        .transaction_id = id, .label = (enum harrier_label)label, .source = options->source};
    struct report_sender sender;
    int status = report_run_one(&kind, options, &outcome, &sender);
    if (status == EXIT_STATUS_OK && !options->server.quiet)
        printf("%s: %s%s\n", id, name,
               sender.outcomes.changed ? "" : " (already reported; nothing changed)");
    return status;
}

int command_outcome(int argc, char **argv) {
    struct report_run_options options = {.words_max = 2,
                                         .expected = "expected ID LABEL, or one FILE"};
    server_options_init(&options.server);
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    return report_run_is_file(&options) ? report_file(&options) : report_one(&options);
}
