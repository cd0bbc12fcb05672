/* harrier import: the command line of batch/import/import.h, and the files of history it reads.
 *
 *   1. load the policy that decides; open or create the archive;
 *   2. for each file, in the order given: read rows ahead in a thread, record each;
 *   3. bring everything to the disk, also after a failure; print the report.
 *
 * Rows are not sorted: history is taken in the order of the files. Tables are not built here,
 * that is `harrier rebuild`. */
#include "batch/import/import.h"

#include "clients/cli/io/mapped_file.h"
#include "clients/cli/io/rejects.h"
#include "clients/cli/io/row_errors.h"
#include "clients/cli/io/rows_prefetch.h"
#include "clients/cli/stream/topic_rows.h"
#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "command.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/policy/load/snapshot.h"
#include "core/store/pseudonyms/protect.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_AHEAD_US     INT64_C(3600000000) /* as a server's max_ahead */
#define MEMORY_BYTES_MIN (UINT64_C(64) << 20)

enum {
    OPTION_MAP = 256,
    OPTION_FORMAT,
    OPTION_STRICT,
    OPTION_MAX_AHEAD,
    OPTION_FROM,
    OPTION_KAFKA_CONFIG,
    OPTION_REJECTS,
    OPTION_PSEUDONYM_KEYS,
};

/* max_ahead_us as for a server; memory_bytes 0: no limit. */
struct options {
    const char *folder, *policy, *map, *rejects;
    const char *pseudonym_keys; /* NULL: none */
    const char *from;           /* "kafka://…", instead of files; NULL: none */
    const char *kafka_config;
    bool is_protobuf; /* records of Kafka, or what was kept of them in a file of JSON lines */
    char **files;
    size_t file_count;
    enum row_format format;
    bool strict, quiet;
    enum progress_choice progress;
    int64_t max_ahead_us;
    uint64_t memory_bytes;
};

/* All three are required; the files are checked before the policy because a forgotten path shifts
 * the arguments. */
static void check_options(const struct options *options, struct argp_state *state) {
    if (!options->folder)
        argp_error(state, FOLDER_ARCHIVE_MISSING);
    if (options->file_count == 0 && !options->from)
        argp_error(state, "which files? (- is standard input)");
    if (options->file_count > 0 && options->from)
        argp_error(state, "either files or --from");
    if (!options->from && options->kafka_config)
        argp_error(state, "--kafka-config needs --from");
    if (options->from && options->format == ROW_FORMAT_CSV)
        argp_error(state, "records of Kafka are JSON (jsonl) or protobuf");
    if (options->is_protobuf && options->map)
        argp_error(state, "--map is for rows and JSON; protobuf has its own fields");
    if (!options->policy)
        argp_error(state, "which policy? (--policy DIR)");
}

/* The first argument is the archive; ARGP_ERR_UNKNOWN makes argp deliver all others together. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'p':
        options->policy = value;
        return 0;
    case OPTION_MAP:
        options->map = value;
        return 0;
    case OPTION_FORMAT:
        options->is_protobuf = strcmp(value, "protobuf") == 0;
        if (!options->is_protobuf)
            options->format = mapped_file_format_parse(value, state);
        return 0;
    case OPTION_KAFKA_CONFIG:
        options->kafka_config = value;
        return 0;
    case OPTION_FROM:
        options->from = value;
        return 0;
    case OPTION_REJECTS:
        options->rejects = rejects_option_parse(value, state);
        return 0;
    case OPTION_PSEUDONYM_KEYS:
        options->pseudonym_keys = value;
        return 0;
    case OPTION_STRICT:
        options->strict = true;
        return 0;
    case OPTION_MAX_AHEAD:
        options->max_ahead_us =
            (int64_t)duration_option_parse("--max-ahead", value, 0, UINT64_MAX, state);
        return 0;
    case 'm':
        options->memory_bytes = bytes_option_parse("--memory", value, MEMORY_BYTES_MIN, state);
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case PROGRESS_OPTION:
        options->progress = progress_choice_parse(value, state);
        return 0;
    case ARGP_KEY_ARG:
        if (options->folder)
            return ARGP_ERR_UNKNOWN; /* it and the rest: ARGP_KEY_ARGS */
        options->folder = value;
        return 0;
    case ARGP_KEY_ARGS:
        options->files = state->argv + state->next;
        options->file_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"policy", 'p', "DIR", 0, "The policy that decides; required", 0},
    {"map", OPTION_MAP, "FILE", 0,
     "YAML file that maps columns to fields; without it columns are named after the fields", 0},
    {"format", OPTION_FORMAT, "csv|jsonl|protobuf", 0,
     "The input's format (default: detected from its first byte; JSON with --from); protobuf: "
     "records of Kafka that are messages Transaction of harrier.proto, or a FILE to which "
     "--rejects "
     "kept them",
     0},
    {"from", OPTION_FROM, "kafka://BROKER,…/TOPIC,…", 0,
     "Read records of Kafka instead of files, up to the topics' present end", 0},
    {"kafka-config", OPTION_KAFKA_CONFIG, "FILE", 0,
     "File with librdkafka's properties for --from, one NAME=VALUE a line", 0},
    {"strict", OPTION_STRICT, NULL, 0, "Stop at the first row that fails", 0},
    {"rejects", OPTION_REJECTS, "FILE", 0,
     "Keep the rows that are refused here, with the reason; the same command reads FILE to retry "
     "them",
     0},
    {"pseudonym-keys", OPTION_PSEUDONYM_KEYS, "FILE", 0,
     "Keys for the fields that the policy protects, the server's file (default: the environment "
     "variable HARRIER_PSEUDONYM_KEYS)",
     0},
    {"max-ahead", OPTION_MAX_AHEAD, "DURATION", 0,
     "Refuse transactions whose event time is later than their received time by more than this "
     "(1h)",
     0},
    {"memory", 'm', "SIZE", 0,
     "Stop when the states newer than the tables take more memory than this (default: no limit)",
     0},
    {"quiet", 'q', NULL, 0, "No progress and no report", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "ARCHIVE FILE|-…\nARCHIVE --from kafka://BROKER,…/TOPIC,…",
    .doc =
        "Imports history into an archive. Transactions from CSV or JSON-lines files (plain or "
        "zstd) are decided as a server would have decided them, in the order of the files, and "
        "recorded with the outcomes in the files. ARCHIVE is the archive's folder or the server's "
        "data "
        "folder around it; no server may have it open."
        "\vA transaction counts as received at its received_time, or at its event time if it has "
        "none. An outcome is recorded when history reaches its outcome_time, or with its "
        "transaction if it has none. Rows that are already in the archive are skipped, so an "
        "import that ended early can be run again. Invalid rows are reported on standard error, "
        "counted, and kept with --rejects; valid rows are still processed.\n\nExit status: 0 done, "
        "1 some rows failed, 65 "
        "bad input or a damaged archive, 66 "
        "no such file, 74 cannot read or write, 75 interrupted, out of --memory, or the archive is "
        "in use, 78 the policy or the mapping is wrong.",
};

/* ---- rows ---- */

/* One run: the archive is open throughout, `file` and `ahead` change with each file, the counts
 * go on. */
struct importing {
    const struct options *options;
    struct import *import;
    struct progress_bar bar;
    struct row_errors diagnostics;
    struct mapped_file file;
    struct rows_prefetch *ahead;
    struct rejects *rejects; /* NULL: not asked for */
    uint64_t rows;
};

/* A refused row has been reported, and kept or not. 1: the import goes on without it. */
static int after_refusal(const struct importing *importing, int kept, uint64_t line,
                         struct error *ret_error) {
    if (kept < 0)
        return kept;
    if (!importing->options->strict)
        return 1;
    return error_set(ret_error, ERROR_INVALID, "stopped at %s:%" PRIu64 " (--strict)",
                     importing->diagnostics.file, line);
}

/* Failures that concern the archive rather than the row end the run, also without --strict. The
 * message of a row that could not be converted names the field, one of the archive's does not. */
static int take_row(struct importing *importing, const struct prefetched_row *row,
                    struct error *ret_error) {
    struct row_errors *diagnostics = &importing->diagnostics;
    const struct row_original *original = &row->original;
    struct text field = {0};
    struct error why;
    if (row->error)
        return after_refusal(importing,
                             row_errors_refuse(diagnostics, original, row->error->code, row->field,
                                               row->error->text, ret_error),
                             original->line, ret_error);
    int r = import_take(importing->import, &row->row, &field, &why);
    if (r < 0 && import_concerns_row(&why))
        return after_refusal(
            importing,
            row_errors_refuse_answer(diagnostics, original, why.code, field, why.text, ret_error),
            original->line, ret_error);
    if (r < 0)
        *ret_error = why;
    return r;
}

/* Measured in bytes of the current file: how many rows there will be is unknown. */
static void show_progress(struct importing *importing) {
    char note[64] = "";
    uint64_t done, total;
    if (importing->diagnostics.count)
        snprintf(note, sizeof note, "%" PRIu64 " failed", importing->diagnostics.count);
    rows_prefetch_extent(importing->ahead, &done, &total);
    progress_bar_update(&importing->bar, "import", done, total, importing->rows, note);
}

/* The bar is updated every 256 rows: looking at the clock for each would cost more than many rows
 * do. */
static int take_rows(struct importing *importing, struct error *ret_error) {
    for (;;) {
        const struct prefetched_row *row;
        int r = rows_prefetch_next(importing->ahead, importing->bar.stop, &row, ret_error);
        if (r <= 0)
            return r;
        importing->rows++;
        r = take_row(importing, row, ret_error);
        if (r < 0)
            return r;
        if (*importing->bar.stop)
            return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        if (importing->rows % 256 == 0)
            show_progress(importing);
    }
}

/* Each row names its own place; there are no lines. */
static int take_topics(struct importing *importing, struct error *ret_error) {
    const struct options *options = importing->options;
    struct topic_rows *rows;
    struct topic_row row;
    int r = topic_rows_open(options->from, options->kafka_config, options->is_protobuf,
                            options->map, &rows, ret_error);
    if (r < 0)
        return r;
    if (importing->rejects)
        rejects_begin_values(importing->rejects, options->is_protobuf);
    while ((r = topic_rows_next(rows, importing->bar.stop, &row, ret_error)) > 0) {
        const struct prefetched_row taken = {
            .original = {.raw = row.value}, .error = row.error, .row = row.row, .field = row.field};
        importing->rows++;
        importing->diagnostics.file = row.place;
        r = take_row(importing, &taken, ret_error);
        if (r < 0)
            break;
        if (*importing->bar.stop) {
            r = error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
            break;
        }
        if (importing->rows % 256 == 0)
            progress_bar_update(&importing->bar, "import", 0, 0, importing->rows, NULL);
    }
    topic_rows_close(rows);
    importing->diagnostics.file = options->from;
    return r;
}

static int open_file(const struct options *options, const char *path, struct mapped_file *ret_file,
                     struct error *ret_error) {
    enum row_format format = options->is_protobuf ? ROW_FORMAT_JSONL : options->format;
    int r = mapped_file_open(ret_file, path, options->map, format, MAPPED_TRANSACTIONS, ret_error);
    if (r == 0 && options->is_protobuf)
        mapped_file_take_protobuf(ret_file);
    return r;
}

static int begin_rejects(struct importing *importing, struct mapped_file *file,
                         struct error *ret_error) {
    return importing->rejects ? rejects_begin_file(importing->rejects, file->rows,
                                                   mapped_file_name(file), ret_error)
                              : 0;
}

/* Files whose rows do not fit one file of refused rows are found before anything is imported,
 * except pipes, which can be opened only once. */
static int check_files(struct importing *importing, struct error *ret_error) {
    const struct options *options = importing->options;
    struct mapped_file file;
    struct stat status;
    int r = 0;
    for (size_t i = 0; i < options->file_count && options->file_count > 1 && r == 0; i++) {
        const char *path = options->files[i];
        if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
            continue;
        r = open_file(options, path, &file, ret_error);
        if (r < 0)
            return r;
        r = begin_rejects(importing, &file, ret_error);
        mapped_file_close(&file);
    }
    return r;
}

/* The first file of the input says who may read the rows. */
static int open_rejects(struct importing *importing, struct error *ret_error) {
    const struct options *options = importing->options;
    const char *first = options->file_count > 0 ? options->files[0] : NULL;
    if (!options->rejects)
        return 0;
    int r = rejects_open(options->rejects, first, &importing->rejects, ret_error);
    for (size_t i = 1; i < options->file_count && r == 0; i++)
        if (rejects_is_at(importing->rejects, options->files[i]))
            r = error_set(ret_error, ERROR_EXISTS, "--rejects: %s is one of the files to import",
                          options->rejects);
    importing->diagnostics.rejects = importing->rejects;
    return r < 0 ? r : check_files(importing, ret_error);
}

/* diagnostics.file points into the mapped file, so it must not be used after mapped_file_close().
 */
static int take_files(struct importing *importing, struct error *ret_error) {
    const struct options *options = importing->options;
    int r = 0;
    for (size_t i = 0; i < options->file_count && r == 0; i++) {
        r = open_file(options, options->files[i], &importing->file, ret_error);
        if (r < 0)
            return r;
        importing->diagnostics.file = mapped_file_name(&importing->file);
        r = begin_rejects(importing, &importing->file, ret_error);
        if (r < 0) {
            mapped_file_close(&importing->file);
            return r;
        }
        importing->ahead = rows_prefetch_start(&importing->file, options->quiet);
        r = take_rows(importing, ret_error);
        rows_prefetch_stop(importing->ahead);
        mapped_file_close(&importing->file);
    }
    return r;
}

/* ---- the report ---- */

/* Widths as in print_text(). */
static void print_count(const char *name, uint64_t count) {
    char number[QUANTITY_COUNT_SIZE];
    printf("%-13s %s\n", name, quantity_format_count(count, number));
}

/* "duplicates" were in the archive already, "unchanged" are outcomes that repeat the last one,
 * "waiting" those whose time history has not reached. */
static void print_text(const struct importing *importing, const struct import_report *report,
                       double seconds) {
    char number[QUANTITY_COUNT_SIZE];
    print_count("rows", importing->rows);
    print_count("transactions", report->transactions);
    print_count("duplicates", report->duplicates);
    print_count("outcomes", report->outcomes);
    if (report->amendments)
        print_count("amendments", report->amendments);
    print_count("unchanged", report->unchanged);
    if (report->contradicted)
        print_count("contradicted", report->contradicted);
    if (report->waiting)
        print_count("waiting", report->waiting);
    print_count("failed", importing->diagnostics.count);
    if (rejects_count(importing->rejects))
        print_count("kept", rejects_count(importing->rejects));
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        print_count(verdict_name(verdict), report->verdicts[verdict]);
    printf("positions     %" PRIu64 " to %" PRIu64 "\n", report->begin.position + 1,
           report->end.position);
    if (seconds > 0)
        printf("rate          %s rows/s\n",
               quantity_format_count((uint64_t)((double)importing->rows / seconds), number));
}

/* The same figures for programs, and the chain hash of the end, by which two archives can be
 * compared. */
static void print_json(const struct importing *importing, const struct import_report *report,
                       double seconds) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_unsigned(&line, "rows", importing->rows);
    json_add_unsigned(&line, "transactions", report->transactions);
    json_add_unsigned(&line, "duplicates", report->duplicates);
    json_add_unsigned(&line, "outcomes", report->outcomes);
    json_add_unsigned(&line, "amendments", report->amendments);
    json_add_unsigned(&line, "unchanged", report->unchanged);
    json_add_unsigned(&line, "contradicted", report->contradicted);
    json_add_unsigned(&line, "waiting", report->waiting);
    json_add_unsigned(&line, "failed", importing->diagnostics.count);
    if (rejects_count(importing->rejects)) {
        json_add_unsigned(&line, "rejected", rejects_count(importing->rejects));
        json_add_text(&line, "rejects", text_of(rejects_path(importing->rejects)));
    }
    json_begin_object(&line, "verdicts");
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        json_add_unsigned(&line, verdict_name(verdict), report->verdicts[verdict]);
    json_end_object(&line);
    json_add_unsigned(&line, "degraded", report->degraded);
    json_add_unsigned(&line, "begin_position", report->begin.position);
    json_add_unsigned(&line, "position", report->end.position);
    json_add_hex(&line, "chain", report->end.chain);
    json_add_unsigned(&line, "milliseconds", (uint64_t)(seconds * 1000));
    json_end_object(&line);
    json_print_line(&line);
}

/* People get lines, programs one JSON object; it depends on whether standard output is a terminal.
 */
static void print_report(const struct importing *importing) {
    struct import_report report;
    double seconds = progress_bar_elapsed(&importing->bar);
    if (importing->options->quiet)
        return;
    import_report(importing->import, &report);
    if (isatty(STDOUT_FILENO))
        print_text(importing, &report, seconds);
    else
        print_json(importing, &report, seconds);
    rejects_print_retry(importing->rejects, importing->options->from ? "--from" : "the input",
                        stderr);
}

/* ---- the command ---- */

/* What has been recorded is brought to the disk however the rows ended, unless the archive itself
 * is the trouble. */
static int run(struct importing *importing) {
    struct error error, stop_error;
    int r =
        importing->options->from ? take_topics(importing, &error) : take_files(importing, &error);
    progress_bar_clear(&importing->bar);
    if (r == 0) {
        r = import_finish(importing->import, &error);
    } else if (import_stop(importing->import, &stop_error) < 0 && error.code != ERROR_SYSTEM) {
        error = stop_error;
    }
    print_report(importing);
    if (r == 0)
        return importing->diagnostics.count ? EXIT_STATUS_ROWS_FAILED : EXIT_STATUS_OK;
    bool by_row = importing->options->strict && importing->diagnostics.count;
    int status = (int)exit_with_mapping(&error, importing->options->map);
    return by_row && error.code == ERROR_INVALID ? EXIT_STATUS_ROWS_FAILED : status;
}

/* Warnings are dropped: an import is not the place to review a policy. */
static int load_policy(const char *folder, struct snapshot **ret_snapshot,
                       struct error *ret_error) {
    struct buffer messages; /* warnings and further faults: `harrier check` is for those */
    buffer_init(&messages);
    int r = snapshot_load_folder(folder, ret_snapshot, &messages, ret_error);
    buffer_deinit(&messages);
    return r < 0 ? error_prefix(ret_error, "the policy in %s", folder) : 0;
}

/* *ret_keys stays NULL if none are given. A policy that needs some then refuses to be imported
 * under. */
static int load_keys(const struct options *options, struct pseudonym_keys **ret_keys,
                     struct error *ret_error) {
    const char *path = options->pseudonym_keys;
    if (!path)
        path = getenv("HARRIER_PSEUDONYM_KEYS");
    if (!path || !*path)
        return 0;
    int r = pseudonym_keys_load(path, ret_keys, ret_error);
    return r < 0 ? error_prefix(ret_error, "--pseudonym-keys") : 0;
}

/* The archive's folder: in the data folder, made when it is missing, unless what was named is an
 * archive itself, which its lock shows. */
static char *find_archive(const char *path) {
    struct stat status;
    char *lock = folder_in(path, "lock");
    bool is_archive = stat(lock, &status) == 0;
    free(lock);
    char *inner = folder_in(path, FOLDER_ARCHIVE);
    if (!is_archive || stat(inner, &status) == 0)
        return inner;
    free(inner);
    return text_copy(text_of(path));
}

/* Creates the data folder when it is missing, but not its parents: a mistyped path should not
 * become an archive. */
static int open_import(struct importing *importing, struct snapshot *rules,
                       const struct pseudonym_keys *keys, struct error *ret_error) {
    char *archive = find_archive(importing->options->folder);
    char *around = text_copy(text_of(archive));
    char *generations = folder_in(dirname(around), FOLDER_GENERATIONS);
    const struct import_options options = {
        .archive = archive,
        .generations = generations,
        .rules = rules,
        .keys = keys,
        .now_us = realtime_us(),
        .max_ahead_us = importing->options->max_ahead_us,
        .memory_bytes = importing->options->memory_bytes,
    };
    int r = 0;
    if (mkdir(importing->options->folder, 0750) < 0 && errno != EEXIST)
        r = error_set_errno(ret_error, errno, "cannot create %s", importing->options->folder);
    if (r == 0)
        r = import_open(&options, &importing->bar.progress, &importing->import, ret_error);
    free(generations);
    free(around);
    free(archive);
    return r;
}

/* Printed even with --quiet: bytes were moved out of the archive, and an operator should check
 * them. */
static void say_recovery(const struct importing *importing) {
    struct import_report report;
    import_report(importing->import, &report);
    if (report.recovery.torn_bytes > 0)
        fprintf(stderr,
                "harrier: the archive ended in an incomplete record: %" PRIu64
                " bytes after position %" PRIu64 " were cut off and saved in %s\n",
                report.recovery.torn_bytes, report.recovery.position, report.recovery.torn_file);
}

int command_import(int argc, char **argv) {
    struct options options = {.max_ahead_us = MAX_AHEAD_US};
    struct importing importing = {.options = &options};
    struct snapshot *rules = NULL;
    struct pseudonym_keys *keys = NULL;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    progress_bar_init(&importing.bar, progress_style_of(options.progress, options.quiet, false),
                      "rows");
    importing.bar.stop = interrupt_watch();
    importing.diagnostics.bar = &importing.bar;
    if (load_policy(options.policy, &rules, &error) < 0) {
        enum exit_status status = exit_with(&error);
        return error.code == ERROR_INVALID ? EXIT_STATUS_BAD_POLICY : status;
    }
    int status;
    if (load_keys(&options, &keys, &error) < 0) {
        status = (int)exit_with(&error);
    } else if (open_rejects(&importing, &error) < 0) {
        status = error.code == ERROR_EXISTS ? (int)exit_with_rejects(&error)
                                            : (int)exit_with_mapping(&error, options.map);
    } else if (open_import(&importing, rules, keys, &error) < 0) {
        progress_bar_clear(&importing.bar);
        status = (int)exit_with(&error);
    } else {
        say_recovery(&importing);
        status = run(&importing);
    }
    import_close(importing.import);
    pseudonym_keys_free(keys);
    snapshot_unref(rules);
    return rejects_close_at_exit(importing.rejects, status);
}
