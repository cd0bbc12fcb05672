/* harrier backup: the command line of batch/backup: a backup of a data folder, what is in one, and
 * whether it can be read back. harrier restore is the way back. */
#include "batch/backup/backup.h"
#include "batch/backup/backup_store.h"
#include "batch/backup/backup_verify.h"

#include "clients/cli/commands/command.h"
#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/priority.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/json_writer.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define KEEP_MAX      100000
#define KEEP_DAYS_MAX 36500

enum {
    OPTION_VERIFY = 256,
    OPTION_LIST,
    OPTION_NO_TABLES,
    OPTION_KEEP,
    OPTION_KEEP_DAYS,
    OPTION_KEEP_TABLES,
    OPTION_CONFIG,
    OPTION_WITH_SECRETS,
    OPTION_PRIORITY
};

static const char *const priorities[] = {"idle", "normal"};

struct options {
    struct backup_options backup;
    const char *words[2];
    size_t count;
    bool verifies, lists;
    bool is_normal; /* its priority */
    bool json, quiet;
    enum progress_choice progress;
};

static void check_words(struct options *options, struct argp_state *state) {
    bool reads = options->verifies || options->lists;
    if (options->verifies && options->lists)
        argp_error(state, "--verify or --list?");
    if (options->count == 0)
        argp_error(state, reads ? "which backup? (its folder)" : "of which data folder, to where?");
    if (!reads && options->count < 2)
        argp_error(state, "to where? (a folder outside %s)", options->words[0]);
    if (reads && options->count > 1)
        one_word_refuse(options->words[1], "backup", state);
    if (options->backup.with_secrets && !options->backup.config)
        argp_error(state, "--with-secrets is for --config");
    options->backup.folder = options->words[options->count - 1];
    options->backup.data = options->words[0];
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case OPTION_VERIFY:
        options->verifies = true;
        return 0;
    case OPTION_LIST:
        options->lists = true;
        return 0;
    case OPTION_NO_TABLES:
        options->backup.with_tables = false;
        return 0;
    case OPTION_KEEP:
        options->backup.keep = count_option_parse("--keep", value, 1, KEEP_MAX, state);
        return 0;
    case OPTION_KEEP_DAYS:
        options->backup.keep_days =
            count_option_parse("--keep-days", value, 1, KEEP_DAYS_MAX, state);
        return 0;
    case OPTION_KEEP_TABLES:
        options->backup.keep_tables =
            count_option_parse("--keep-tables", value, 1, KEEP_MAX, state);
        return 0;
    case OPTION_CONFIG:
        options->backup.config = value;
        return 0;
    case OPTION_WITH_SECRETS:
        options->backup.with_secrets = true;
        return 0;
    case OPTION_PRIORITY:
        options->is_normal = choice_option_parse("--priority", value, priorities, 2, state) == 1;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case PROGRESS_OPTION:
        options->progress = progress_choice_parse(value, state);
        return 0;
    case ARGP_KEY_ARG:
        if (options->count == 2)
            any_word_refuse(value, "DATA-DIR and DIR are all", state);
        options->words[options->count++] = value;
        return 0;
    case ARGP_KEY_END:
        check_words(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"keep", OPTION_KEEP, "N", 0, "Keep the newest N points (default: all)", 0},
    {"keep-days", OPTION_KEEP_DAYS, "N", 0,
     "Keep the points of the last N days; with --keep, what either of them keeps", 0},
    {"keep-tables", OPTION_KEEP_TABLES, "N", 0,
     "Keep the tables of the newest N points only: they are the largest part of a point, and can "
     "be rebuilt (default: of all)",
     0},
    {"no-tables", OPTION_NO_TABLES, NULL, 0,
     "Leave the tables out: a restored server then folds the whole archive at its start, or runs "
     "harrier rebuild first",
     0},
    {"config", OPTION_CONFIG, "FOLDER", 0,
     "Also back up this folder, such as /etc/harrier; but not what not everybody may read", 0},
    {"with-secrets", OPTION_WITH_SECRETS, NULL, 0,
     "With --config: that, too (tokens, keys). The backup is then as secret as they are", 0},
    {"verify", OPTION_VERIFY, NULL, 0, "Read the whole backup back, compare every SHA-256", 0},
    {"list", OPTION_LIST, NULL, 0, "List the points in time that can be restored", 0},
    {"priority", OPTION_PRIORITY, "HOW", 0,
     "idle (use processor and disk only when nobody else does, the default) or normal", 0},
    {"json", 'j', NULL, 0, "JSON lines", 0},
    {"quiet", 'q', NULL, 0, "No progress and no report, only notes and errors", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "DATA-DIR DIR\n--verify DIR\n--list DIR",
    .doc =
        "Backs up a server's data folder: one more point in time in the folder DIR, which has only "
        "what is new since the last one. A server may be running. The archive is taken up to the "
        "newest sync mark, with the tables in force, reports of nights and trained models."
        "\vEvery segment is verified when it first enters the backup. A point is published when "
        "all of its files are on disk, so a backup that is killed leaves the earlier points; the "
        "next one goes on. harrier restore restores any position or time. Exit status: 0 done, 64 "
        "the two folders do not suit each other, 65 the archive or the backup is damaged, or the "
        "backup is of another archive, 66 there is no archive or backup, 74 a file cannot be read "
        "or written, 75 interrupted, or another process works in the backup.",
};

/* ---- a backup ---- */

struct reporter {
    struct backup_listener listener; /* first */
    struct progress_bar bar;
};

/* Standard error: a night's hook or a timer passes it on. */
static void print_note(struct backup_listener *self, const char *text) {
    struct reporter *reporter = (struct reporter *)self;
    progress_bar_clear(&reporter->bar);
    fprintf(stderr, "harrier: %s\n", text);
}

static const char *tables_word(enum backup_tables tables) {
    switch (tables) {
    case BACKUP_TABLES_NONE:
        return "there are none yet";
    case BACKUP_TABLES_LEFT:
        return "left out";
    case BACKUP_TABLES_BAD:
        return "left out, see above";
    case BACKUP_TABLES_COPIED:
        return "in it";
    }
    return "";
}

static const char *tables_name(enum backup_tables tables) {
    static const char *const names[] = {"none", "left_out", "unusable", "copied"};
    return names[tables];
}

static void report_json(const struct backup_report *report, double seconds) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_unsigned(&line, "point", report->point);
    json_add_unsigned(&line, "position", report->place.position);
    json_add_hex(&line, "chain", report->place.chain);
    json_add_time(&line, "received", report->time_us);
    json_add_unsigned(&line, "segments", report->segments);
    json_add_unsigned(&line, "files", report->files);
    json_add_unsigned(&line, "bytes", report->bytes);
    json_add_unsigned(&line, "copied_files", report->copied_files);
    json_add_unsigned(&line, "copied_bytes", report->copied_bytes);
    json_add_text(&line, "tables", text_of(tables_name(report->tables)));
    json_add_unsigned(&line, "secrets_left_out", report->secrets);
    json_add_unsigned(&line, "points", report->points);
    json_add_unsigned(&line, "points_expired", report->expired);
    json_add_unsigned(&line, "points_rewritten", report->rewritten);
    json_add_unsigned(&line, "freed_bytes", report->freed_bytes);
    json_add_unsigned(&line, "milliseconds", (uint64_t)(seconds * 1000));
    json_end_object(&line);
    json_print_line(&line);
}

static void report_text(const struct backup_report *report) {
    char bytes[QUANTITY_BYTES_SIZE], count[QUANTITY_COUNT_SIZE], time[QUANTITY_TIME_SIZE];
    printf("point     %" PRIu64 " of %zu\n", report->point, report->points);
    printf("archive   up to record %" PRIu64 ", received %s; %zu segments\n",
           report->place.position, quantity_format_time(report->time_us, time), report->segments);
    printf("tables    %s\n", tables_word(report->tables));
    printf("files     %s, %s\n", quantity_format_count(report->files, count),
           quantity_format_bytes(report->bytes, bytes));
    printf("new       %s", quantity_format_count(report->copied_files, count));
    printf(", %s\n", quantity_format_bytes(report->copied_bytes, bytes));
    if (report->rewritten)
        printf("removed   %zu older points: they have what was erased from the archive since\n",
               report->rewritten);
    if (report->expired)
        printf("removed   %zu older points, by --keep and --keep-days\n", report->expired);
    if (report->freed_bytes)
        printf("freed     %s\n", quantity_format_bytes(report->freed_bytes, bytes));
}

static int back_up(struct options *options) {
    struct reporter reporter = {.listener = {print_note}};
    struct backup_report report;
    struct error error;
    if (backup_check_folders(options->backup.data, options->backup.folder, &error) < 0) {
        enum exit_status status = exit_with(&error);
        return error.code == ERROR_INVALID ? EXIT_STATUS_USAGE : status;
    }
    if (!options->is_normal)
        priority_set_idle();
    options->backup.now_us = realtime_us();
    options->backup.version = HARRIER_VERSION;
    progress_bar_init(&reporter.bar, progress_style_of(options->progress, options->quiet, false),
                      NULL);
    reporter.bar.stop = interrupt_watch();
    int r =
        backup_run(&options->backup, &reporter.bar.progress, &reporter.listener, &report, &error);
    progress_bar_clear(&reporter.bar);
    if (r < 0)
        return exit_with(&error);
    if (options->quiet)
        return EXIT_STATUS_OK;
    if (options->json)
        report_json(&report, progress_bar_elapsed(&reporter.bar));
    else
        report_text(&report);
    return EXIT_STATUS_OK;
}

/* ---- --verify ---- */

struct verifier {
    struct backup_verify_listener listener; /* first */
    struct progress_bar bar;
    bool json;
};

static void print_damage(struct backup_verify_listener *self, const struct error *damage) {
    struct verifier *verifier = (struct verifier *)self;
    progress_bar_clear(&verifier->bar);
    if (!verifier->json) {
        printf("damaged: %s\n", damage->text);
        return;
    }
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_text(&line, "damaged", text_of(damage->text));
    json_end_object(&line);
    json_print_line(&line);
}

static void verified_json(const struct backup_verify_report *report) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_bool(&line, "whole", report->damaged == 0);
    json_add_unsigned(&line, "points", report->points);
    json_add_unsigned(&line, "files", report->files);
    json_add_unsigned(&line, "bytes", report->bytes);
    json_add_unsigned(&line, "faults", report->damaged);
    json_add_unsigned(&line, "position", report->position);
    json_add_time(&line, "made", report->made_us);
    json_end_object(&line);
    json_print_line(&line);
}

static void verified_text(const struct backup_verify_report *report) {
    char bytes[QUANTITY_BYTES_SIZE], count[QUANTITY_COUNT_SIZE], time[QUANTITY_TIME_SIZE];
    printf("points    %zu, the newest made %s, up to record %" PRIu64 "\n", report->points,
           quantity_format_time(report->made_us, time), report->position);
    printf("files     %s, %s\n", quantity_format_count(report->files, count),
           quantity_format_bytes(report->bytes, bytes));
    if (report->damaged)
        printf("\nDamaged: %zu files, reported above.\n", report->damaged);
    else
        printf("\nThe backup is whole.\n");
}

static int verify(const struct options *options) {
    struct verifier verifier = {.listener = {print_damage}, .json = options->json};
    struct backup_verify_report report;
    struct error error;
    if (!options->is_normal)
        priority_set_idle();
    progress_bar_init(&verifier.bar, progress_style_of(options->progress, options->quiet, false),
                      NULL);
    verifier.bar.stop = interrupt_watch();
    int r = backup_verify_run(options->backup.folder, &verifier.bar.progress, &verifier.listener,
                              &report, &error);
    progress_bar_clear(&verifier.bar);
    if (r < 0)
        return exit_with(&error);
    if (!options->quiet)
        (options->json ? verified_json : verified_text)(&report);
    return report.damaged ? EXIT_STATUS_BAD_INPUT : EXIT_STATUS_OK;
}

/* ---- --list ---- */

static void list_json(const struct backup_point *point) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_unsigned(&line, "point", point->number);
    json_add_time(&line, "made", point->made_us);
    json_add_unsigned(&line, "position", point->place.position);
    json_add_hex(&line, "chain", point->place.chain);
    json_add_time(&line, "received", point->time_us);
    json_add_unsigned(&line, "first", point->files[0].first);
    json_add_bool(&line, "tables", point->tables != NULL);
    json_add_unsigned(&line, "files", point->count);
    json_add_unsigned(&line, "bytes", backup_point_bytes(point));
    json_add_text(&line, "version", text_of(point->version));
    json_end_object(&line);
    json_print_line(&line);
}

static void list_text(const struct backup_point *point) {
    char made[QUANTITY_TIME_SIZE], time[QUANTITY_TIME_SIZE], bytes[QUANTITY_BYTES_SIZE];
    printf("%6" PRIu64 "  %-27s %14" PRIu64 "  %-27s %-6s %11s\n", point->number,
           quantity_format_time(point->made_us, made), point->place.position,
           quantity_format_time(point->time_us, time), point->tables ? "yes" : "no",
           quantity_format_bytes(backup_point_bytes(point), bytes));
}

static int list(const struct options *options) {
    struct backup_store store = {0};
    struct backup_points points = {0};
    struct error error;
    int r = backup_store_open(options->backup.folder, &store, &error);
    if (r == 0 && (r = backup_points_load(store.directory, &points, &error)) < 0)
        error_prefix(&error, "%s", store.path);
    if (r == 0 && points.count > 0 && !options->json)
        printf("%6s  %-27s %14s  %-27s %-6s %11s\n", "point", "made", "last record", "received",
               "tables", "size");
    for (size_t i = 0; i < points.count && r == 0; i++)
        (options->json ? list_json : list_text)(&points.points[i]);
    if (r == 0 && points.count == 0)
        r = error_set(&error, ERROR_NOT_FOUND,
                      "%s: there is no point in it: no backup was completed",
                      options->backup.folder);
    backup_points_deinit(&points);
    backup_store_close(&store);
    return r < 0 ? (int)exit_with(&error) : EXIT_STATUS_OK;
}

int command_backup(int argc, char **argv) {
    struct options options = {.backup = {.with_tables = true}};
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (options.verifies)
        return verify(&options);
    return options.lists ? list(&options) : back_up(&options);
}
