/* harrier find: the command line of core/store/find/find.h.
 *
 *   search   page by page, from a folder or from a server; rows are kept
 *   columns  those that were asked for, now that all attributes are known
 *   write    a table, CSV or JSON lines; the cursor of the next page on standard error */
#include "clients/cli/export/export_output.h"
#include "clients/cli/find/find_command.h"
#include "clients/cli/find/find_table.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "command.h"

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
    free(archive);
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
    if (r == 0) {
        fwrite(out.bytes, 1, out.length, draft.file);
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
                        bool *ret_wrong_columns, struct error *ret_error) {
    struct export_columns columns;
    bool is_table = options->format == FIND_TABLE;
    const char *list = options->columns || !is_table ? options->columns : FIND_TABLE_COLUMNS;
    int r = export_columns_init(&columns, list, &result->rows.attributes, ret_error);
    *ret_wrong_columns = r < 0;
    if (r < 0)
        return r;
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
    bool wrong_columns = false;
    find_command_parse(&options, argc, argv);
    find_rows_init(&result.rows);
    int r = search_folder(&options, &result, &error);
    if (r == 0)
        r = write_result(&options, &result, &wrong_columns, &error);
    find_rows_deinit(&result.rows);
    if (r == 0)
        return EXIT_STATUS_OK;
    int status = (int)exit_with(&error);
    return wrong_columns ? EXIT_STATUS_USAGE : status;
}
