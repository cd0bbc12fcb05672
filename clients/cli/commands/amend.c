/* harrier amend: what became known about transactions' money, one from the command line or those of
 * a file.
 *
 * score/report_run.h reads the file and sends. Amounts are totals, so running the same file again
 * changes nothing. */
#include "clients/cli/io/decimal.h"
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/score/report_run.h"
#include "clients/cli/terminal/exit_status.h"
#include "command.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <stdlib.h>

static const struct argp argp = {
    .options = report_run_arguments,
    .parser = report_run_parse_option,
    .args_doc = "ID void|restore\nID capture|refund AMOUNT\nFILE|-",
    .children = report_run_children,
    .doc = "Reports what became known about transactions' money: void (it never took place), "
           "capture (what was really taken), refund (what has been paid back so far, in total), "
           "restore (a void was a mistake). AMOUNT is in minor units of the transaction's "
           "currency. A file needs the columns id and amendment, and amendment_amount_minor or "
           "amendment_amount with currency for captures and refunds; or a mapping."
           "\vReporting the last amendment again has no effect. Exit status: 0 done, 1 some "
           "amendments were refused (for example, of an unknown transaction), 65 bad input, 66 no "
           "such file, 69 the server was unreachable for too long, 75 interrupted, 78 the mapping "
           "is invalid.",
};

/* A row without an amendment is not a fault: files list transactions that nothing happened to. */
static int take(void *reports, size_t at, const struct mapping *mapping, const struct row *row,
                struct arena *arena, const char *source, struct text *ret_field,
                struct error *ret_error) {
    struct harrier_amendment *amendments = reports;
    struct amendment amendment;
    int r = row_amendment(mapping, row, arena, &amendment, ret_field, ret_error);
    if (r <= 0)
        return r;
    amendments[at] = (struct harrier_amendment){
        .transaction_id = amendment.transaction_id.data,
        .kind = (enum harrier_amendment_kind)amendment.kind,
        .amount_minor = amendment.amount_minor,
        .known_time_us = amendment.known_time_us,
        .source = source,
        .currency = amendment.currency.length > 0 ? amendment.currency.data : NULL,
    };
    return 1;
}

static int send_amendments(struct report_sender *sender, void *reports, struct row_original *rows,
                           size_t *count, struct error *ret_error) {
    return report_sender_amendments(sender, reports, rows, count, ret_error);
}

static const struct report_kind kind = {.command = "amend",
                                        .purpose = MAPPED_AMENDMENTS,
                                        .take = take,
                                        .is_empty = row_states_no_amendment,
                                        .send = send_amendments};

static int amend_file(const struct report_run_options *options) {
    struct harrier_amendment *amendments = check_calloc(REPORTS_MAX, sizeof *amendments);
    int status = report_run_file(&kind, options, amendments);
    free(amendments);
    return status;
}

static bool takes_amount(enum amendment_kind amendment) {
    return amendment == AMENDMENT_CAPTURE || amendment == AMENDMENT_REFUND;
}

/* Errors of the command line (64). Words are masked before they are printed: the user may have
 * swapped the arguments and typed a card number. */
static int read_one(const struct report_run_options *options, enum amendment_kind *ret_kind,
                    int64_t *ret_amount, struct error *ret_error) {
    const char *name = options->words[1], *amount = options->words[2];
    *ret_amount = 0;
    if (!amendment_kind_parse(text_of(name), ret_kind))
        return error_set(ret_error, ERROR_INVALID,
                         "\"%s\" is no amendment (expected void, capture, refund or restore)",
                         name);
    if (takes_amount(*ret_kind) != (options->word_count == 3))
        return error_set(ret_error, ERROR_INVALID,
                         takes_amount(*ret_kind)
                             ? "a %s needs an AMOUNT in minor units, such as 1250 for 12.50"
                             : "a %s takes no AMOUNT",
                         name);
    if (!takes_amount(*ret_kind))
        return 0;
    int r = decimal_parse(text_of(amount), 0, ret_amount, ret_error);
    return r < 0 ? error_prefix(ret_error, "AMOUNT in minor units") : 0;
}

static void print_amended(const char *id, const struct report_sender *sender) {
    const struct harrier_amended *now = &sender->last;
    printf("%s: %s", id, now->voided ? "voided" : "");
    if (!now->voided)
        printf("%" PRId64 " taken, %" PRId64 " refunded", now->amount_minor, now->refunded_minor);
    printf("%s\n", sender->amendments.changed ? "" : " (already reported; nothing changed)");
}

static int amend_one(const struct report_run_options *options) {
    enum amendment_kind amendment_kind;
    int64_t amount;
    struct error error;
    if (read_one(options, &amendment_kind, &amount, &error) < 0) {
        row_errors_mask(error.text);
        exit_with(&error);
        return EXIT_STATUS_USAGE;
    }
    struct harrier_amendment amendment = {.transaction_id = options->words[0],
                                          .kind = (enum harrier_amendment_kind)amendment_kind,
                                          .amount_minor = amount,
                                          .source = options->source};
    struct report_sender sender;
    int status = report_run_one(&kind, options, &amendment, &sender);
    if (status == EXIT_STATUS_OK && !options->server.quiet)
        print_amended(options->words[0], &sender);
    return status;
}

int command_amend(int argc, char **argv) {
    struct report_run_options options = {.words_max = 3,
                                         .expected = "expected ID KIND [AMOUNT], or one FILE"};
    server_options_init(&options.server);
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    return report_run_is_file(&options) ? amend_file(&options) : amend_one(&options);
}
