/* harrier find: the command line of core/store/find/find.h.
 *
 *   search   page by page, from a folder or from a server; rows are kept
 *   columns  those that were asked for, now that all attributes are known
 *   write    a table, CSV or JSON lines; the cursor of the next page on standard error */
#include "clients/c/convert/convert.h"
#include "clients/cli/export/export_output.h"
#include "clients/cli/find/find_command.h"
#include "clients/cli/find/find_rule.h"
#include "clients/cli/find/find_table.h"
#include "clients/cli/io/beginning.h"
#include "clients/cli/output/sent_decision.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "clients/cli/terminal/server_options.h"
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct result {
    struct find_rows rows;
    char cursor[FIND_CURSOR_SIZE]; /* of the next page; "": there is none */
};

/* ---- from a folder ---- */

/* What could not be kept costs time at the next search, no more. */
static void warn_of_index(const struct find_command *options, const struct find_page *page) {
    if (page->cannot_write && !options->quiet)
        fprintf(stderr, "harrier: the index could not be written: %s\n", page->write_error.text);
}

static int search_pages(const struct find_command *options, struct find *find,
                        struct result *result, struct error *ret_error) {
    const struct find_taker taker = {.take = find_rows_take, .user = &result->rows};
    struct find_query query = options->query;
    struct find_page page = {0};
    int r = 0;
    do {
        uint64_t left = options->limit - result->rows.count;
        query.limit = (uint32_t)(left < FIND_LIMIT_MAX ? left : FIND_LIMIT_MAX);
        r = find_run(find, &query, &taker, &page, ret_error);
        if (r == 0)
            memcpy(result->cursor, page.cursor, sizeof result->cursor);
        query.cursor = text_of(result->cursor);
    } while (r == 0 && *result->cursor && result->rows.count < options->limit);
    warn_of_index(options, &page);
    return r;
}

static int search_folder(const struct find_command *options, struct result *result,
                         struct error *ret_error) {
    struct progress_bar bar;
    char *archive = folder_of_archive(options->folder);
    beginning_note(options->folder, options->quiet);
    bool on_stdout = strcmp(options->out, "-") == 0;
    progress_bar_init(&bar, progress_style_of(options->progress, options->quiet, on_stdout),
                      "records");
    bar.stop = interrupt_watch();
    const struct find_options what = {.archive = archive,
                                      .index = options->no_index ? FIND_NO_INDEX : FIND_KEEP_INDEX,
                                      .progress = &bar.progress};
    struct find *find = find_new(&what);
    int r = search_pages(options, find, result, ret_error);
    progress_bar_clear(&bar);
    find_free(find);
    if (r == 0 && result->rows.count == 0 && options->query.rule.length > 0 && !options->quiet)
        find_warn_of_rule(archive, options->query.rule);
    free(archive);
    return r;
}

/* ---- from a server ---- */

/* A row of the archive again: its record, which the rows keep as such. */
static int take_found(struct find_rows *rows, struct sent_decision *sent, struct arena *arena,
                      const struct harrier_found *found, struct error *ret_error) {
    const struct transaction *transaction;
    struct harrier_error failure = {0};
    arena_reset(arena);
    if (transactions_from_public(&found->transaction, 1, arena, &transaction, &failure) < 0)
        return error_set(ret_error, ERROR_INTERNAL, "%s", failure.message);
    const struct record record = {
        .type = RECORD_TRANSACTION,
        .position = found->decision.position,
        .receive_time_us = found->receive_time_us,
        .transaction = {.is_backfilled = found->is_backfilled,
                        .transaction = *transaction,
                        .decision = sent_decision_convert(sent, &found->decision)}};
    const struct find_row row = {
        .record = &record,
        .label = (enum label)found->label,
        .outcome_us = found->outcome_receive_time_us,
        .outcome_known_us = found->outcome_known_time_us,
        .is_amended = found->is_amended,
        .amended = {.is_voided = found->amended.voided,
                    .amount_minor = found->amended.amount_minor,
                    .refunded_minor = found->amended.refunded_minor},
        .amended_us = found->amended_time_us,
    };
    return find_rows_take(rows, &row, ret_error);
}

static int take_findings(struct result *result, const struct harrier_findings *findings,
                         struct error *ret_error) {
    struct sent_decision sent = {0};
    struct arena arena;
    int r = 0;
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    for (size_t i = 0; i < findings->found_count && r == 0; i++)
        r = take_found(&result->rows, &sent, &arena, &findings->found[i], ret_error);
    snprintf(result->cursor, sizeof result->cursor, "%s", findings->cursor);
    sent_decision_deinit(&sent);
    arena_deinit(&arena);
    return r;
}

static int ask_page(const struct find_command *options, struct harrier_client *client,
                    const struct harrier_find_query *query, struct result *result,
                    struct error *ret_error) {
    struct harrier_reply *reply = NULL;
    struct harrier_error failure = {0};
    if (harrier_find(client, query, NULL, &reply, &failure) < 0)
        return retry_failure(options->server, &failure, ret_error);
    int r = take_findings(result, reply->findings, ret_error);
    harrier_reply_free(reply);
    return r;
}

/* Texts of a command line end with a NUL, but for what was cut out of one: no filter is. */
static struct harrier_find_query public_query(const struct find_command *options,
                                              struct harrier_find_key keys[FIELD_COUNT]) {
    const struct find_query *query = &options->query;
    for (size_t i = 0; i < query->key_count; i++)
        keys[i] = (struct harrier_find_key){.field = transaction_field_name(query->keys[i].field),
                                            .value = query->keys[i].value.data};
    return (struct harrier_find_query){
        .from_us = query->from_us,
        .until_us = query->until_us,
        .received_from_us = query->received_from_us,
        .received_until_us = query->received_until_us,
        .verdicts = query->verdicts,
        .labels = query->labels,
        .has_score = query->has_score,
        .score_min = query->score_min,
        .score_max = query->score_max,
        .has_amount = query->has_amount,
        .amount_min_minor = query->amount_min,
        .amount_max_minor = query->amount_max,
        .currency = query->currency.data,
        .rule = query->rule.data,
        .shadow = query->shadow,
        .keys = keys,
        .key_count = query->key_count,
        .transaction_id = query->id.data,
        .cursor = query->cursor.data,
    };
}

static int ask_pages(const struct find_command *options, struct harrier_client *client,
                     struct result *result, struct error *ret_error) {
    struct harrier_find_key keys[FIELD_COUNT];
    struct harrier_find_query query = public_query(options, keys);
    int r = 0;
    do {
        uint64_t left = options->limit - result->rows.count;
        query.limit = (uint32_t)(left < FIND_LIMIT_MAX ? left : FIND_LIMIT_MAX);
        r = ask_page(options, client, &query, result, ret_error);
        query.cursor = result->cursor;
    } while (r == 0 && *result->cursor && result->rows.count < options->limit);
    return r;
}

static int search_server(const struct find_command *options, struct result *result, int *ret_status,
                         struct error *ret_error) {
    struct harrier_client *client = NULL;
    const struct server_options server = {.address = options->server,
                                          .token_file = options->token_file,
                                          .tls = options->tls,
                                          .deadline_us = options->deadline_us};
    int r = server_options_connect(&server, 1, &client, ret_error);
    if (r < 0) {
        *ret_status = EXIT_STATUS_USAGE;
        return r;
    }
    r = ask_pages(options, client, result, ret_error);
    harrier_client_free(client);
    return r;
}

/* ---- output ---- */

static int write_table(const struct find_command *options, const struct result *result,
                       const struct export_columns *columns, struct error *ret_error) {
    struct buffer out = {0};
    struct draft_file draft;
    int r = find_table_format(&result->rows, columns, &out, ret_error);
    if (r == 0)
        r = draft_file_open(&draft, options->out, ret_error);
    if (r == 0 &&
        (fwrite(out.bytes, 1, out.length, draft.file) < out.length || fflush(draft.file) != 0)) {
        r = error_set_errno(ret_error, errno, "cannot write %s", draft.path);
        draft_file_discard(&draft);
    } else if (r == 0) {
        r = draft_file_publish(&draft, ret_error);
    }
    buffer_deinit(&out);
    return r;
}

static int write_rows(const struct find_command *options, const struct result *result,
                      const struct export_columns *columns, struct error *ret_error) {
    struct export_output output;
    const struct export_taker taker = {.take = export_output_take, .user = &output};
    enum export_format format = options->format == FIND_CSV ? EXPORT_CSV : EXPORT_JSONL;
    int r = export_output_open(&output, options->out, format, columns, &result->rows.attributes,
                               ret_error);
    if (r < 0)
        return r;
    r = find_rows_emit(&result->rows, &taker, ret_error);
    if (r == 0)
        return export_output_publish(&output, ret_error);
    export_output_discard(&output);
    return r;
}

static void print_summary(const struct find_command *options, const struct result *result) {
    char rows[QUANTITY_COUNT_SIZE];
    if (options->quiet)
        return;
    fprintf(stderr, "%s transaction%s\n", quantity_format_count(result->rows.count, rows),
            result->rows.count == 1 ? "" : "s");
    if (*result->cursor)
        fprintf(stderr, "next page: --after %s\n", result->cursor);
}

static int write_result(const struct find_command *options, const struct result *result,
                        int *ret_status, struct error *ret_error) {
    struct export_columns columns;
    bool is_table = options->format == FIND_TABLE;
    const char *list = options->columns || !is_table ? options->columns : FIND_TABLE_COLUMNS;
    int r = export_columns_init(&columns, list, &result->rows.attributes, ret_error);
    if (r < 0) {
        *ret_status = EXIT_STATUS_USAGE;
        return r;
    }
    r = (is_table ? write_table : write_rows)(options, result, &columns, ret_error);
    export_columns_deinit(&columns);
    if (r == 0)
        print_summary(options, result);
    return r;
}

int command_find(int argc, char **argv) {
    struct find_command options;
    struct result result = {0};
    struct error error;
    int wrong = 0; /* the command line's fault: EXIT_STATUS_USAGE */
    find_command_parse(&options, argc, argv);
    find_rows_init(&result.rows);
    int r = options.server ? search_server(&options, &result, &wrong, &error)
                           : search_folder(&options, &result, &error);
    if (r == 0)
        r = write_result(&options, &result, &wrong, &error);
    find_rows_deinit(&result.rows);
    if (r == 0)
        return EXIT_STATUS_OK;
    int status = (int)exit_with(&error);
    return wrong ? wrong : status;
}
