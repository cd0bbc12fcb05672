/* A row that is wrong, or that the server refuses, is reported, counted and, if that is asked for,
 * kept; the others go on. */
#include "report_run.h"

#include "clients/cli/io/rejects.h"
#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CALLS_A_SECOND   4                   /* with a rate, at least so many */
#define SLICE_US         50000               /* how soon an interrupt is seen */
#define ARENA_BYTES      ((size_t)256 << 20) /* of the ids and rows of one call */
#define ARENA_FULL_BYTES ((size_t)64 << 20)  /* with so much in it, it is sent */

/* Rows are too many for the stack, so it lives on the heap. */
struct report_run {
    const struct report_kind *kind;
    const struct report_run_options *options;
    struct harrier_client *client;
    struct retry retry;
    struct progress_bar bar;
    struct row_errors diagnostics;
    struct report_sender sender;
    struct mapped_file file;
    struct rejects *rejects; /* NULL: not asked for */
    struct arena arena;      /* of the call being put together */
    void *reports;
    struct row_original rows[REPORTS_MAX]; /* parallel to reports */
    size_t count;                          /* of both */
    uint64_t read, unsent;                 /* rows of the files */
    size_t call_rows;                      /* the most of one call */
    uint64_t next_us;                      /* with a rate: when the next call may begin */
};

/* NULL: the address is wrong, *ret_status says how. */
static struct report_run *run_new(const struct report_kind *kind,
                                  const struct report_run_options *options, void *reports,
                                  int *ret_status) {
    struct harrier_client *client;
    struct error error;
    if (server_options_connect(&options->server, 1, &client, &error) < 0) {
        *ret_status = (int)exit_with_address(&error);
        return NULL;
    }
    struct report_run *run = check_calloc(1, sizeof *run);
    run->kind = kind;
    run->options = options;
    run->client = client;
    run->reports = reports;
    progress_bar_init(&run->bar,
                      progress_style_of(options->server.progress, options->server.quiet, false),
                      "rows");
    run->bar.stop = interrupt_watch();
    run->retry = server_options_retry(&options->server, &run->bar);
    run->diagnostics.bar = &run->bar;
    run->sender = (struct report_sender){.client = client,
                                         .retry = &run->retry,
                                         .diagnostics = &run->diagnostics,
                                         .deadline_us = options->server.deadline_us};
    run->call_rows = REPORTS_MAX;
    if (options->rate > 0 && options->rate / CALLS_A_SECOND < REPORTS_MAX)
        run->call_rows = (size_t)(options->rate / CALLS_A_SECOND + 1);
    arena_init(&run->arena, ARENA_BYTES);
    return run;
}

static void run_free(struct report_run *run) {
    mapped_file_close(&run->file);
    arena_deinit(&run->arena);
    harrier_client_free(run->client);
    free(run);
}

/* Waits until the rate allows the call that is due, and moves the time of the one after it. Time
 * that was lost before is not made up for: a server that was away gets no burst. */
static void pace(struct report_run *run) {
    uint64_t now_us = monotonic_us();
    if (run->options->rate == 0)
        return;
    while (now_us < run->next_us && !*run->bar.stop) {
        uint64_t left_us = run->next_us - now_us;
        uint64_t pause_us = left_us < SLICE_US ? left_us : SLICE_US;
        const struct timespec pause = {.tv_nsec = (long)pause_us * 1000};
        nanosleep(&pause, NULL);
        now_us = monotonic_us();
    }
    run->next_us = now_us + run->count * UINT64_C(1000000) / run->options->rate;
}

/* The texts of reports and rows lie in the arena and must outlive the call. After a failure, the
 * rows that are not known to be done stay. */
static int flush(struct report_run *run, struct error *ret_error) {
    if (run->count == 0)
        return 0;
    pace(run);
    int r = run->kind->send(&run->sender, run->reports, run->rows, &run->count, ret_error);
    if (r == 0)
        arena_reset(&run->arena);
    return r;
}

static int refuse(struct report_run *run, const struct row *row, struct text field,
                  const struct error *why, struct error *ret_error) {
    return row_errors_refuse(&run->diagnostics, &row->original, why->code, field, why->text,
                             ret_error);
}

/* A row that is in no call leaves nothing in the arena: such rows may go on for gigabytes. */
static int add_row(struct report_run *run, const struct row *row, struct error *ret_error) {
    const struct arena_mark mark = arena_mark(&run->arena);
    struct text field = {0};
    struct error error;
    int r = run->kind->take(run->reports, run->count, run->file.mapping, row, &run->arena,
                            run->options->source, &field, &error);
    if (r > 0 && !row_original_copy(&row->original, &run->arena, &run->rows[run->count]))
        r = error_set(&error, ERROR_TOO_LARGE, "the row is too large");
    if (r > 0) {
        run->count++;
        return 0;
    }
    if (r < 0)
        r = refuse(run, row, field, &error, ret_error);
    arena_rewind(&run->arena, mark);
    return r;
}

static int report_rows(struct report_run *run, struct error *ret_error) {
    for (;;) {
        struct row row;
        uint64_t done, total;
        int r = mapped_file_next(&run->file, run->options->server.quiet, &row, ret_error);
        if (r < 0)
            return r;
        if (r == ROWS_END)
            return flush(run, ret_error);
        run->read++;
        if (r == ROWS_BAD_ROW) {
            const struct error why = *ret_error;
            r = refuse(run, &row, (struct text){0}, &why, ret_error);
        } else {
            r = add_row(run, &row, ret_error);
        }
        if (r == 0 && (run->count == run->call_rows || run->arena.used > ARENA_FULL_BYTES))
            r = flush(run, ret_error);
        if (r < 0)
            return r;
        if (*run->bar.stop)
            return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        input_extent(run->file.input, &done, &total);
        progress_bar_update(&run->bar, run->kind->command, done, total, run->read, NULL);
    }
}

/* Rows of a pipe that are not known to be done when the run ends early; when it ends because of the
 * server, the rest of the pipe, too. */
static int keep_open(struct report_run *run, const struct error *why, struct error *ret_error) {
    struct row row;
    uint64_t done, total;
    int r = 0;
    input_extent(run->file.input, &done, &total);
    if (!run->rejects || total > 0)
        return 0;
    for (size_t i = 0; i < run->count && r == 0; i++)
        r = row_errors_keep(&run->diagnostics, &run->rows[i], why, ret_error);
    run->unsent = run->count;
    if (why->code != ERROR_UNAVAILABLE && why->code != ERROR_DENIED)
        return r;
    while (r >= 0 && !*run->bar.stop &&
           (r = mapped_file_next(&run->file, true, &row, ret_error)) > 0) {
        run->read++;
        if (r == ROWS_BAD_ROW) {
            const struct error what = *ret_error;
            r = refuse(run, &row, (struct text){0}, &what, ret_error);
        } else if (!run->kind->is_empty(run->file.mapping, &row)) {
            run->unsent++;
            r = row_errors_keep(&run->diagnostics, &row.original, why, ret_error);
        }
    }
    return r;
}

static void print_summary(const struct report_run *run) {
    const struct report_counts *counts =
        run->kind->purpose == MAPPED_AMENDMENTS ? &run->sender.amendments : &run->sender.outcomes;
    char number[QUANTITY_COUNT_SIZE];
    int width = run->kind->print ? 12 : 10; /* of a name and the space behind it */
    fprintf(stderr, "%-*s%s\n", width, "rows", quantity_format_count(run->read, number));
    if (run->kind->print) {
        run->kind->print(&run->sender);
    } else {
        fprintf(stderr, "accepted  %s\n", quantity_format_count(counts->accepted, number));
        fprintf(stderr, "changed   %s\n", quantity_format_count(counts->changed, number));
    }
    fprintf(stderr, "%-*s%s\n", width, "failed",
            quantity_format_count(run->diagnostics.count, number));
    if (run->unsent)
        fprintf(stderr, "%-*s%s\n", width, "not sent", quantity_format_count(run->unsent, number));
}

static const char *file_at(const struct report_run_options *options, size_t i) {
    return options->are_files ? options->files[i] : options->words[0];
}

static size_t file_count(const struct report_run_options *options) {
    return options->are_files ? options->file_count : 1;
}

static int open_file(struct report_run *run, const char *path, struct error *ret_error) {
    const struct report_run_options *options = run->options;
    struct mapped_file *file = &run->file;
    int r =
        mapped_file_open(file, path, options->map, options->format, run->kind->purpose, ret_error);
    /* A mapping that is not there has its own message, and a word alone may be meant as an id. */
    if (r == -ERROR_NOT_FOUND && !options->are_files && access(path, F_OK) < 0)
        r = error_set(ret_error, ERROR_NOT_FOUND, "there is no file %s; %s", path,
                      options->expected);
    if (r < 0)
        return r;
    run->diagnostics.file = mapped_file_name(file);
    if (!options->rejects)
        return 0;
    const char *input = strcmp(path, "-") == 0 ? NULL : path;
    if (!run->rejects)
        r = rejects_open(options->rejects, input, &run->rejects, ret_error);
    run->diagnostics.rejects = run->rejects;
    return r < 0 ? r
                 : rejects_begin_file(run->rejects, file->rows, mapped_file_name(file), ret_error);
}

/* The file that the run ends in stays open: its name is in messages. */
static int report_files(struct report_run *run, struct error *ret_error) {
    int r = report_rows(run, ret_error);
    for (size_t i = 1; i < file_count(run->options) && r == 0; i++) {
        mapped_file_close(&run->file);
        run->file = (struct mapped_file){0};
        r = open_file(run, file_at(run->options, i), ret_error);
        if (r == 0)
            r = report_rows(run, ret_error);
    }
    return r;
}

static int run_file(struct report_run *run) {
    struct error error, keep_error;
    int r = open_file(run, file_at(run->options, 0), &error);
    if (r < 0) {
        rejects_close(run->rejects, &keep_error);
        return error.code == ERROR_EXISTS ? (int)exit_with_rejects(&error)
                                          : (int)exit_with_mapping(&error, run->options->map);
    }
    r = report_files(run, &error);
    if (r < 0 && run->file.input && keep_open(run, &error, &keep_error) < 0)
        error = keep_error;
    progress_bar_clear(&run->bar);
    if (!run->options->server.quiet) {
        print_summary(run);
        rejects_print_retry(
            run->rejects, file_count(run->options) > 1 ? "the input" : mapped_file_name(&run->file),
            stderr);
    }
    enum exit_status status = r < 0                    ? exit_with(&error)
                              : run->diagnostics.count ? EXIT_STATUS_ROWS_FAILED
                                                       : EXIT_STATUS_OK;
    return rejects_close_at_exit(run->rejects, (int)status);
}

int report_run_file(const struct report_kind *kind, const struct report_run_options *options,
                    void *reports) {
    int status;
    struct report_run *run = run_new(kind, options, reports, &status);
    if (!run)
        return status;
    status = run_file(run);
    run_free(run);
    return status;
}

int report_run_one(const struct report_kind *kind, const struct report_run_options *options,
                   void *report, struct report_sender *ret_sender) {
    struct error error;
    int status;
    struct report_run *run = run_new(kind, options, report, &status);
    if (!run)
        return status;
    run->diagnostics.file = options->words[0];
    run->count = 1;
    if (kind->send(&run->sender, report, run->rows, &run->count, &error) < 0)
        status = (int)exit_with(&error);
    else
        status = run->diagnostics.count ? EXIT_STATUS_ROWS_FAILED : EXIT_STATUS_OK;
    *ret_sender = run->sender;
    run_free(run);
    return status;
}
