/* harrier rebuild: the command line of batch/rebuild/rebuild.h.
 *
 *   1. lower the process's priority, unless --priority normal;
 *   2. fold the archive into a generation, verify it and make it current (batch);
 *   3. seal the segments that the new tables cover, unless --no-seal;
 *   4. print the warnings, then the report.
 *
 * The server is not notified: it watches the generations' folder and adopts the new tables by
 * itself. A failure of step 3 does not undo step 2. */
#include "batch/rebuild/rebuild.h"
#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_bar.h"

#include "clients/cli/commands/command.h"
#include "clients/cli/io/beginning.h"
#include "clients/cli/output/threshold_output.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/priority.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/store/archive/archive_seal.h"

#include <argp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* `rebuild` is handed on as it is; its paths are filled in from `data` later. */
struct options {
    const char *data;
    bool quiet, normal_priority, no_seal;
    enum progress_choice progress;
    struct rebuild_options rebuild;
};

enum {
    OPTION_KEEP = 256,
    OPTION_ACCEPT,
    OPTION_KEEP_THRESHOLDS,
    OPTION_ID_HORIZON,
    OPTION_PARTITIONS,
    OPTION_PRIORITY,
    OPTION_NO_SEAL
};

static const char *const priorities[] = {"idle", "normal"};

/* Most values go straight into the options of batch/rebuild; what is left here concerns the
 * process, not the tables. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    struct rebuild_options *rebuild = &options->rebuild;
    switch (key) {
    case 'd':
        options->data = value;
        return 0;
    case 'p':
        rebuild->policy = value;
        return 0;
    case 'f':
        rebuild->force = true;
        return 0;
    case 'F':
        rebuild->full = true;
        return 0;
    case 'm':
        rebuild->memory_bytes = bytes_option_parse("--memory", value, REBUILD_MEMORY_MIN, state);
        return 0;
    case 't':
        rebuild->threads = (size_t)count_option_parse("--threads", value, 1, 256, state);
        return 0;
    case OPTION_PARTITIONS:
        rebuild->partitions = (size_t)count_option_parse("--partitions", value, 1, 1024, state);
        return 0;
    case OPTION_KEEP:
        rebuild->keep = (size_t)count_option_parse("--keep", value, 1, 100000, state);
        return 0;
    case OPTION_KEEP_THRESHOLDS:
        rebuild->keep_thresholds = true;
        return 0;
    case OPTION_ID_HORIZON:
        rebuild->keep_all_ids = id_horizon_option_parse(value, &rebuild->id_days, state);
        return 0;
    case OPTION_ACCEPT:
        rebuild->accept_changes = true;
        return 0;
    case OPTION_PRIORITY:
        options->normal_priority =
            choice_option_parse("--priority", value, priorities, 2, state) == 1;
        return 0;
    case OPTION_NO_SEAL:
        options->no_seal = true;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case PROGRESS_OPTION:
        options->progress = progress_choice_parse(value, state);
        return 0;
    case ARGP_KEY_ARG:
        any_word_refuse(value, "name the data folder with --data DIR", state);
        return 0;
    case ARGP_KEY_END:
        if (!options->data)
            argp_error(state, "which data folder? (--data DIR)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"data", 'd', "DIR", 0,
     "The server's data folder: it holds " FOLDER_ARCHIVE "/, and " FOLDER_GENERATIONS
     "/ is made in it",
     0},
    {"policy", 'p', "DIR", 0,
     "Build the features of this policy instead of the last policy in the archive", 0},
    {"force", 'f', NULL, 0, "Build even if the current tables are up to date", 0},
    {"full", 'F', NULL, 0,
     "Start from the first record even if the current tables could be extended", 0},
    {"memory", 'm', "SIZE", 0,
     "Use at most this much memory, for example 2G, and spill the rest to files (default: a "
     "quarter of the machine's memory)",
     0},
    {"threads", 't', "N", 0, "Threads that read and fold; one more writes (default: one per core)",
     0},
    {"keep", OPTION_KEEP, "N", 0,
     "Generations to keep, including the new one (default: 3). The one that a server adopted last "
     "is always kept",
     0},
    {"keep-thresholds", OPTION_KEEP_THRESHOLDS, NULL, 0,
     "Keep the current thresholds and cut-offs instead of computing new ones; for rebuilds between "
     "the nightly ones",
     0},
    ID_HORIZON_ARGUMENT(OPTION_ID_HORIZON),
    {"accept-changes", OPTION_ACCEPT, NULL, 0,
     "Accept new thresholds and cut-offs even if they changed by more than their guards allow", 0},
    {"priority", OPTION_PRIORITY, "idle|normal", 0,
     "idle (the default): use processor and disk only when no other process needs them", 0},
    {"no-seal", OPTION_NO_SEAL, NULL, 0,
     "Do not seal. By default the closed segments up to the tables' position are compressed once "
     "the tables are in place: see harrier archive --help",
     0},
    {"partitions", OPTION_PARTITIONS, "N", OPTION_HIDDEN, "Ranges of each table's keys", 0},
    {"quiet", 'q', NULL, 0, "No progress and no report", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "--data DIR",
    .doc =
        "Folds the archive, up to its last sync mark, into a fresh generation of tables, verifies "
        "it and makes it the current one. Then it seals the closed segments of the archive.\v"
        "A server may be running. Progress goes to standard error; the report goes to standard "
        "output, as text on a terminal and as JSON elsewhere. Exit status: 0 done or nothing to "
        "do, 65 the archive is damaged, 66 there is nothing to build from, 74 the disk is full or "
        "fails, 75 interrupted or another rebuild is running, 78 the policy is invalid.",
};

/* ---------------------------------------------------------------------------------------------
 * Report */

/* Only of a run that built something. The phases are wall-clock time; the JSON has processor
 * time, too. */
static void print_built(const struct rebuild_report *report) {
    char number[QUANTITY_COUNT_SIZE], bytes[QUANTITY_BYTES_SIZE];
    if (report->from_beginning)
        printf("built         from the beginning of the archive on, position %s: %s\n",
               quantity_format_count(report->from_position, number), report->full_because);
    else if (report->from_position > 0)
        printf("built         from position %s on\n",
               quantity_format_count(report->from_position, number));
    else
        printf("built         from the first record on: %s\n", report->full_because);
    printf("memory        %s", quantity_format_bytes(report->memory_bytes, bytes));
    if (report->spilled_bytes > 0)
        printf(", and %s in files", quantity_format_bytes(report->spilled_bytes, bytes));
    printf("\nremoved       %zu old generations\n", report->removed);
    double total = 0;
    printf("seconds      ");
    for (int phase = 0; phase < REBUILD_PHASE_COUNT; phase++) {
        printf(" %s %.2f,", rebuild_phase_name((enum rebuild_phase)phase), report->seconds[phase]);
        total += report->seconds[phase];
    }
    printf(" total %.2f\n", total);
}

/* Sizes before and after, of the segments that this run sealed. */
static void print_sealed(const struct archive_seal_report *sealed) {
    char size[QUANTITY_BYTES_SIZE], stored[QUANTITY_BYTES_SIZE];
    printf("sealed        %zu segments of the archive, from %s to %s\n", sealed->sealed,
           quantity_format_bytes(sealed->size, size),
           quantity_format_bytes(sealed->stored, stored));
}

/* Of tables that were up to date, the report describes those that are there. */
static void print_text(const struct rebuild_report *report,
                       const struct archive_seal_report *sealed) {
    char id[HASH_HEX_SIZE], number[QUANTITY_COUNT_SIZE];
    if (report->up_to_date)
        printf("The current generation is up to date; --force builds it again.\n");
    hash_hex(report->manifest.id, id);
    printf("generation    %s\n", id);
    printf("position      %s\n", quantity_format_count(report->manifest.place.position, number));
    printf("entities      %s\n", quantity_format_count(report->manifest.states, number));
    printf("ids           %s", quantity_format_count(report->manifest.ids, number));
    if (report->manifest.ids_from > 0)
        printf(", from position %" PRIu64 " on", report->manifest.ids_from);
    printf("\ntransactions  %s\n", quantity_format_count(report->tally.transactions, number));
    printf("outcomes      %s\n", quantity_format_count(report->tally.outcomes, number));
    struct buffer thresholds;
    buffer_init(&thresholds);
    threshold_output_print(&report->thresholds, &thresholds);
    fwrite(thresholds.bytes, 1, thresholds.length, stdout);
    buffer_deinit(&thresholds);
    if (!report->up_to_date)
        print_built(report);
    if (sealed->sealed)
        print_sealed(sealed);
}

/* Milliseconds by phase, in the order in which the phases run. */
static void add_seconds(struct buffer *line, const char *key, const double *seconds) {
    json_begin_object(line, key);
    for (int phase = 0; phase < REBUILD_PHASE_COUNT; phase++)
        json_add_unsigned(line, rebuild_phase_name((enum rebuild_phase)phase),
                          (uint64_t)(seconds[phase] * 1000));
    json_end_object(line);
}

/* The whole report; docs/CLI.md describes the keys. */
static void print_json(const struct rebuild_report *report,
                       const struct archive_seal_report *sealed) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_bool(&line, "up_to_date", report->up_to_date);
    json_add_hex(&line, "generation", report->manifest.id);
    json_add_hex(&line, "content_hash", report->manifest.content_hash);
    json_add_unsigned(&line, "position", report->manifest.place.position);
    json_add_unsigned(&line, "from_position", report->from_position);
    if (*report->full_because)
        json_add_text(&line, "full_because", text_of(report->full_because));
    if (*report->warning)
        json_add_text(&line, "warning", text_of(report->warning));
    json_add_unsigned(&line, "entities", report->manifest.states);
    json_add_unsigned(&line, "ids", report->manifest.ids);
    json_add_unsigned(&line, "ids_from", report->manifest.ids_from);
    json_add_unsigned(&line, "id_days", report->manifest.id_days);
    json_add_unsigned(&line, "baselines", report->baselines);
    json_add_unsigned(&line, "transactions", report->tally.transactions);
    json_add_unsigned(&line, "outcomes", report->tally.outcomes);
    json_add_unsigned(&line, "records_read", report->records);
    json_add_unsigned(&line, "threads", report->threads);
    json_add_unsigned(&line, "memory_bytes", report->memory_bytes);
    json_add_unsigned(&line, "spilled_bytes", report->spilled_bytes);
    json_add_unsigned(&line, "removed", report->removed);
    json_add_unsigned(&line, "sealed", sealed->sealed);
    json_add_unsigned(&line, "sealed_bytes", sealed->size);
    json_add_unsigned(&line, "sealed_stored_bytes", sealed->stored);
    threshold_output_json(&report->thresholds, &line);
    add_seconds(&line, "phases_ms", report->seconds);
    add_seconds(&line, "phases_cpu_ms", report->cpu_seconds);
    json_end_object(&line);
    json_print_line(&line);
}

/* Loudly: standard error, quiet or not. */
static void warn_thresholds(const struct threshold_report *report) {
    struct buffer lines;
    buffer_init(&lines);
    threshold_output_warn(report, &lines);
    for (size_t at = 0; at < lines.length;) {
        size_t end = at;
        while (lines.bytes[end] != '\n')
            end++;
        fprintf(stderr, "harrier: %.*s\n", (int)(end - at), (const char *)lines.bytes + at);
        at = end + 1;
    }
    buffer_deinit(&lines);
}

/* The tables are in place, whatever becomes of this. */
static enum exit_status seal(const char *archive, uint64_t position, struct progress_bar *progress,
                             struct archive_seal_report *ret_report) {
    struct error error;
    int r = archive_seal(archive, position, &progress->progress, ret_report, &error);
    progress_bar_clear(progress);
    if (r == 0)
        return EXIT_STATUS_OK;
    error_prefix(&error, "the tables are in place, but sealing the archive failed");
    enum exit_status status = exit_with(&error);
    return error.code == ERROR_EXISTS ? EXIT_STATUS_OK : status; /* the other one does it */
}

/* The warning and the thresholds that were held back are printed even with --quiet: nobody would
 * otherwise see them after a nightly run. */
int command_rebuild(int argc, char **argv) {
    struct options options = {.rebuild = {.version = HARRIER_VERSION}};
    struct progress_bar progress;
    struct rebuild_report report;
    struct archive_seal_report sealed = {0};
    enum exit_status status = EXIT_STATUS_OK;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    char *archive = folder_in(options.data, FOLDER_ARCHIVE);
    beginning_note(archive, true);
    char *generations = folder_in(options.data, FOLDER_GENERATIONS);
    options.rebuild.archive = archive;
    options.rebuild.generations = generations;
    options.rebuild.drop_cache = !options.normal_priority;
    options.rebuild.now_us = realtime_us();
    if (!options.normal_priority)
        priority_set_idle();
    signal(SIGXFSZ, SIG_IGN); /* a limit on files is like a full disk: writing fails */
    progress_bar_init(&progress, progress_style_of(options.progress, options.quiet, false), NULL);
    progress.stop = interrupt_watch();
    int r = rebuild_run(&options.rebuild, &progress.progress, &report, &error);
    progress_bar_clear(&progress);
    if (r == 0 && !options.no_seal)
        status = seal(archive, report.manifest.place.position, &progress, &sealed);
    free(archive);
    free(generations);
    if (r < 0) {
        status = exit_with(&error);
        return error.code == ERROR_INVALID ? EXIT_STATUS_BAD_POLICY : status;
    }
    if (*report.warning)
        fprintf(stderr, "harrier: %s\n", report.warning);
    warn_thresholds(&report.thresholds);
    if (!options.quiet && isatty(STDOUT_FILENO))
        print_text(&report, &sealed);
    else if (!options.quiet)
        print_json(&report, &sealed);
    rebuild_report_deinit(&report);
    return status;
}
