/* harrier archive: the care of an archive. list: which segments there are; verify: is every byte
 * what was written? seal: closed segments are compressed and chained by hash; prune: the oldest are
 * dropped. A server may write meanwhile. quarantine: damaged ones are put aside; no server may run.
 *
 * The work is in core/store/archive/ and batch/; this file has the options, the two forms of each
 * report (of prune in prune_task.c, of quarantine in quarantine_task.c) and the progress bar. Only
 * seal, prune and quarantine write, and only the first two lower the process's priority: they may
 * run long beside a server. */
#include "batch/verify/archive_verify.h"

#include "clients/cli/commands/command.h"
#include "clients/cli/io/time_option.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/priority.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/archive_seal.h"
#include "prune_task.h"
#include "quarantine_task.h"

#include <argp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define JOBS_MAX 256

enum { OPTION_EXPECT = 256, OPTION_BEFORE, OPTION_DRY_RUN };

struct options;

static int list(const struct options *options, const char *archive);
static int verify(const struct options *options, const char *archive);
static int seal(const struct options *options, const char *archive);
static int prune(const struct options *options, const char *archive);
static int quarantine(const struct options *options, const char *archive);

/* What the first argument selects; each task prints its own report and returns the exit status. */
static const struct task {
    const char *name;
    int (*run)(const struct options *options, const char *archive);
} tasks[] = {{"list", list},
             {"verify", verify},
             {"seal", seal},
             {"prune", prune},
             {"quarantine", quarantine}};

/* The paths are argp's: they live as long as argv. */
struct options {
    const struct task *task;
    const char *archive;
    uint64_t jobs; /* 0: as many as there are processors */
    bool has_expected;
    struct archive_note expected;
    bool has_before, dry_run; /* of prune */
    int64_t before_us;
    bool json, quiet;
    enum progress_choice progress;
};

/* Ends the process when there is no such task, as argp does for an unknown option. */
static const struct task *find_task(const char *name, struct argp_state *state) {
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(tasks[i].name, name) == 0)
            return &tasks[i];
    argp_error(
        state,
        "there is no \"harrier archive %s\" (expected list, verify, seal, prune or quarantine)",
        name);
    return NULL;
}

static void take_expected(struct options *options, const char *value, struct argp_state *state) {
    struct error error;
    if (archive_note_parse(text_of(value), &options->expected, &error) < 0)
        argp_error(state, "--expect: %s", error.text);
    options->has_expected = true;
}

/* Options that only some tasks have. */
static void check_task(const struct options *options, struct argp_state *state) {
    bool prunes = options->task->run == prune;
    if (options->has_expected && options->task->run != verify)
        argp_error(state, "--expect is for verify");
    if (options->has_before && !prunes)
        argp_error(state, "--before is for prune");
    if (options->dry_run && !prunes && options->task->run != quarantine)
        argp_error(state, "--dry-run is for prune and quarantine");
    if (prunes && !options->has_before)
        argp_error(state, "before which time? (--before 2026-01-31)");
}

/* The task comes first, then the archive. Both are checked at the end of the line, where argp has
 * counted the arguments. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'J':
        options->jobs = count_option_parse("--jobs", value, 1, JOBS_MAX, state);
        return 0;
    case OPTION_EXPECT:
        take_expected(options, value, state);
        return 0;
    case OPTION_BEFORE:
        options->before_us = time_option_parse("before", value, state);
        options->has_before = true;
        return 0;
    case OPTION_DRY_RUN:
        options->dry_run = true;
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
        if (state->arg_num == 0)
            options->task = find_task(value, state);
        else if (state->arg_num == 1)
            options->archive = value;
        else
            one_word_refuse(value, "archive", state);
        return 0;
    case ARGP_KEY_END:
        if (!options->task)
            argp_error(state, "list, verify, seal, prune or quarantine?");
        if (!options->archive)
            argp_error(state, FOLDER_ARCHIVE_MISSING);
        check_task(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"jobs", 'J', "N", 0, "verify: read N segments at once (as many as there are processors)", 0},
    {"expect", OPTION_EXPECT, "POSITION:CHAIN[:SEAL]", 0,
     "verify: compare what an earlier verify printed as \"sealed up to\" with the archive", 0},
    {"before", OPTION_BEFORE, "TIME", 0,
     "prune: drop the segments whose records were all received before TIME", 0},
    {"dry-run", OPTION_DRY_RUN, NULL, 0,
     "prune, quarantine: only print what would go, and what keeps the rest", 0},
    {"json", 'j', NULL, 0, "JSON lines", 0},
    {"quiet", 'q', NULL, 0,
     "all but list: no progress and no report, only damage, differences and errors", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc =
        "list ARCHIVE\nverify ARCHIVE\nseal ARCHIVE\nprune DATA --before TIME\nquarantine ARCHIVE",
    .doc =
        "list shows an archive's segments, their records and their sizes. verify reads the whole "
        "archive and checks every checksum, the chain through all records, the seals, that "
        "positions have no gaps and that times never go back. seal compresses closed segments and "
        "chains them by hash, as rebuild does every night. prune drops the oldest sealed segments, "
        "as far as the tables in use cover them: states and later decisions stay what they are, "
        "but earlier transactions can no longer be found, replayed or amended. quarantine is for "
        "damage that no backup mends: it puts damaged segments aside and replaces them by what is "
        "left of them, so that the archive can be used without the records that are lost. ARCHIVE "
        "is the "
        "archive's folder or the server's data folder around it, DATA that data folder. A server "
        "may be writing, except during a quarantine."
        "\vverify continues after a damaged segment and reports all of them, with file and byte. "
        "list and "
        "verify change nothing; seal removes a plain file only after reading the sealed one back. "
        "seal and prune may be killed at any time. Exit status: 0 the archive is whole, 64 "
        "--before "
        "is in the future, 65 the archive is "
        "damaged or not what --expect says, 66 there is none, or no tables, 74 a file cannot be "
        "read or written, 75 interrupted, or "
        "another process seals or prunes it, or rebuilds tables.",
};

/* ---- quarantine ---- */

static int quarantine(const struct options *options, const char *archive) {
    const struct quarantine_task task = {.archive = archive,
                                         .dry_run = options->dry_run,
                                         .json = options->json,
                                         .quiet = options->quiet};
    return quarantine_task_run(&task);
}

/* ---- list ---- */

/* One object per segment. "bytes" is the size without compression, "stored_bytes" what the file
 * takes on disk. */
static void list_json(const struct archive_part *part) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_text(&line, "file", text_of(part->file));
    json_add_unsigned(&line, "first", part->first);
    json_add_unsigned(&line, "last", part->last);
    json_add_unsigned(&line, "bytes", part->size);
    json_add_bool(&line, "sealed", part->is_sealed);
    json_add_unsigned(&line, "stored_bytes", part->stored);
    if (part->is_head)
        json_add_bool(&line, "dropped", true);
    json_end_object(&line);
    json_print_line(&line);
}

/* The head and the rows of the table must have the same widths. */
#define LIST_HEAD_FORMAT "%-40s %14s %14s %14s %11s %11s  %s\n"
#define LIST_FORMAT      "%-40s %14" PRIu64 " %14" PRIu64 " %14s %11s %11s  %s\n"

#define RATIO_SIZE 32

/* "2.6 : 1", or nothing where nothing was gained. */
static const char *format_ratio(uint64_t size, uint64_t stored, char ret_ratio[RATIO_SIZE]) {
    ret_ratio[0] = '\0';
    if (stored > 0 && stored != size)
        snprintf(ret_ratio, RATIO_SIZE, "%.1f : 1", (double)size / (double)stored);
    return ret_ratio;
}

/* One row per segment; positions are printed without thousands separators so that they can be
 * pasted into other commands. */
static void list_text(const struct archive_part *part) {
    char count[QUANTITY_COUNT_SIZE], bytes[QUANTITY_BYTES_SIZE], stored[QUANTITY_BYTES_SIZE];
    char ratio[RATIO_SIZE];
    uint64_t records = part->last + 1 - part->first;
    if (part->is_head) {
        printf("%-40s %14s %14" PRIu64 "\n", "(dropped by a prune)", "1", part->last);
        return;
    }
    printf(LIST_FORMAT, part->file, part->first, part->last, quantity_format_count(records, count),
           quantity_format_bytes(part->size, bytes), quantity_format_bytes(part->stored, stored),
           format_ratio(part->size, part->stored, ratio));
}

/* The last row: the sums. Positions have no gaps. */
static void list_all(const struct archive_parts *parts, uint64_t size, uint64_t stored) {
    char count[QUANTITY_COUNT_SIZE], bytes[QUANTITY_BYTES_SIZE], file[QUANTITY_BYTES_SIZE];
    char ratio[RATIO_SIZE];
    uint64_t last = archive_parts_end(parts).position;
    uint64_t before = archive_parts_begin(parts)->place.position;
    printf(LIST_FORMAT, "all", before + 1, last, quantity_format_count(last - before, count),
           quantity_format_bytes(size, bytes), quantity_format_bytes(stored, file),
           format_ratio(size, stored, ratio));
}

/* An archive without a synced record is reported as missing: most likely the path is wrong. */
static int list(const struct options *options, const char *archive) {
    struct archive_parts *parts;
    struct error error;
    uint64_t size = 0, stored = 0;
    int r = archive_parts_open(archive, &parts, &error);
    if (r < 0)
        return exit_with(&error);
    size_t segments = archive_parts_count(parts);
    if (segments > 0 && !options->json)
        printf(LIST_HEAD_FORMAT, "segment", "first", "last", "records", "size", "file", "sealed");
    for (size_t i = 0; i < segments; i++) {
        struct archive_part part = archive_parts_part(parts, i);
        (options->json ? list_json : list_text)(&part);
        size += part.is_head ? 0 : part.size;
        stored += part.is_head ? 0 : part.stored;
    }
    if (segments == 0)
        r = error_set(&error, ERROR_NOT_FOUND, "%s has no synced record: is it an archive?",
                      archive);
    else if (!options->json)
        list_all(parts, size, stored);
    archive_parts_close(parts);
    return r < 0 ? (int)exit_with(&error) : EXIT_STATUS_OK;
}

/* ---- verify ---- */

/* Receives the damage while verify is running. The listener comes first so that a pointer to it
 * is a pointer to the whole. */
struct reporter {
    struct archive_verify_listener listener; /* first */
    struct progress_bar bar;
    bool json;
};

static void print_diagnostic(bool json, const char *kind, const char *message) {
    if (!json) {
        printf("%s: %s\n", kind, message);
        return;
    }
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_text(&line, kind, text_of(message));
    json_end_object(&line);
    json_print_line(&line);
}

/* Wipes the bar first, or the line would be drawn over. */
static void report_diagnostic(struct archive_verify_listener *self,
                              const struct error *diagnostic) {
    struct reporter *reporter = (struct reporter *)self;
    progress_bar_clear(&reporter->bar);
    print_diagnostic(reporter->json, "damaged", diagnostic->text);
}

static void report_note(struct archive_verify_listener *self, const struct error *note) {
    struct reporter *reporter = (struct reporter *)self;
    progress_bar_clear(&reporter->bar);
    print_diagnostic(reporter->json, "note", note->text);
}

/* Says why the note of --expect does not hold, if it does not. */
static void report_difference(const struct options *options, const char *archive,
                              const struct archive_verify_report *report) {
    const struct archive_place *noted = &options->expected.place;
    char found[HASH_HEX_SIZE], expected[HASH_HEX_SIZE];
    struct error message = {0};
    hash_hex(report->found_chain, found);
    hash_hex(noted->chain, expected);
    switch (report->expectation) {
    case EXPECTATION_OPEN:
    case EXPECTATION_HOLDS:
        return;
    case EXPECTATION_OTHER_CHAIN:
        error_set(&message, ERROR_DAMAGED,
                  "%s: record %" PRIu64 " has the chain %s, expected %s: it or a record before it "
                  "is not what it was, or this is another archive",
                  archive, noted->position, found, expected);
        break;
    case EXPECTATION_AFTER_END:
        error_set(&message, ERROR_DAMAGED,
                  "%s: the archive ends with record %" PRIu64 ", before the expected record "
                  "%" PRIu64 ": later records are missing, or this is another archive",
                  archive, report->end.position, noted->position);
        break;
    case EXPECTATION_OTHER_SEAL:
        error_set(&message, ERROR_DAMAGED,
                  "%s: record %" PRIu64 " has the expected chain, but another seal: the archive "
                  "is not byte for byte what it was, or this is another node's archive",
                  archive, noted->position);
        break;
    case EXPECTATION_NO_SEAL:
        error_set(&message, ERROR_DAMAGED,
                  "%s: record %" PRIu64 " has the expected chain, but no seal to compare: seal "
                  "the archive (harrier archive seal) and compare again, or this is another "
                  "node's archive",
                  archive, noted->position);
        break;
    }
    print_diagnostic(options->json, "differs", message.text);
}

/* In the form that --expect takes, and what an auditor wants to know besides. */
static void sealed_up_to_json(const struct archive_verify_report *report, struct buffer *line) {
    char note[ARCHIVE_NOTE_SIZE], seal[ARCHIVE_SEAL_HEX_SIZE];
    if (report->sealed_up_to.place.position == 0)
        return;
    json_begin_object(line, "sealed_up_to");
    json_add_unsigned(line, "position", report->sealed_up_to.place.position);
    json_add_hex(line, "chain", report->sealed_up_to.place.chain);
    json_add_time(line, "receive_time", report->sealed_time_us);
    json_add_text(line, "seal", text_of(archive_seal_format(report->sealed_up_to.seal, seal)));
    json_add_text(line, "note", text_of(archive_note_format(&report->sealed_up_to, note)));
    json_end_object(line);
}

/* Position and chain of the end are known only of a whole archive; a reader of a damaged one
 * finds the members missing. */
static void report_json(const struct archive_verify_report *report) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_bool(&line, "whole", report->damaged == 0);
    json_add_unsigned(&line, "segments", report->segments);
    json_add_unsigned(&line, "faults", report->damaged);
    json_add_unsigned(&line, "sealed", report->sealed);
    if (report->begin.place.position > 0) {
        json_begin_object(&line, "begins_after");
        json_add_unsigned(&line, "position", report->begin.place.position);
        json_add_hex(&line, "chain", report->begin.place.chain);
        json_add_time(&line, "receive_time", report->begin.time_us);
        json_end_object(&line);
    }
    json_add_unsigned(&line, "bytes", report->bytes);
    json_add_unsigned(&line, "records", report->records);
    json_begin_object(&line, "by_type");
    for (enum record_type type = RECORD_TRANSACTION; type < RECORD_TYPE_COUNT; type++)
        json_add_unsigned(&line, record_type_name(type), report->by_type[type]);
    json_end_object(&line);
    json_add_unsigned(&line, "synced_position", report->synced.position);
    if (report->damaged == 0) {
        json_add_unsigned(&line, "unsynced", report->unsynced);
        json_add_unsigned(&line, "torn_bytes", report->torn_bytes);
        json_add_unsigned(&line, "position", report->end.position);
        json_add_hex(&line, "chain", report->end.chain);
        sealed_up_to_json(report, &line);
    }
    if (report->expectation != EXPECTATION_OPEN)
        json_add_bool(&line, "as_expected", report->expectation == EXPECTATION_HOLDS);
    json_add_unsigned(&line, "milliseconds", (uint64_t)(report->seconds * 1000));
    json_end_object(&line);
    json_print_line(&line);
}

/* One line, to be copied as it is; --expect takes its first word. */
static void sealed_up_to_text(const struct archive_verify_report *report) {
    char note[ARCHIVE_NOTE_SIZE], time[QUANTITY_TIME_SIZE];
    if (report->sealed_up_to.place.position == 0)
        printf("sealed up to   nothing is sealed yet\n");
    else
        printf("sealed up to   %s received %s\n", archive_note_format(&report->sealed_up_to, note),
               quantity_format_time(report->sealed_time_us, time));
}

/* Unsynced records and torn bytes are no damage: they are what a crash, or a server at work,
 * leaves at the end. */
static void report_text(const struct archive_verify_report *report) {
    char number[QUANTITY_COUNT_SIZE], bytes[QUANTITY_BYTES_SIZE], chain[HASH_HEX_SIZE];
    char time[QUANTITY_TIME_SIZE];
    printf("segments       %zu, %s; %zu sealed\n", report->segments,
           quantity_format_bytes(report->bytes, bytes), report->sealed);
    if (report->begin.place.position > 0)
        printf("begins after   %" PRIu64 ", received %s: a prune dropped what was before\n",
               report->begin.place.position, quantity_format_time(report->begin.time_us, time));
    printf("records        %s\n", quantity_format_count(report->records, number));
    for (enum record_type type = RECORD_TRANSACTION; type < RECORD_TYPE_COUNT; type++)
        if (report->by_type[type])
            printf("  %-12s %s\n", record_type_name(type),
                   quantity_format_count(report->by_type[type], number));
    printf("last sync mark %" PRIu64 "\n", report->synced.position);
    if (report->damaged) {
        printf("\nDamaged: %zu faults, reported above.\n", report->damaged);
        return;
    }
    hash_hex(report->end.chain, chain);
    printf("unsynced       %s\n", quantity_format_count(report->unsynced, number));
    if (report->torn_bytes)
        printf("at the end     %s of an incomplete record: being written, or torn by a crash\n",
               quantity_format_bytes(report->torn_bytes, bytes));
    printf("chain          %s\n", chain);
    sealed_up_to_text(report);
    if (report->seconds > 0)
        printf("rate           %s/s\n",
               quantity_format_bytes((uint64_t)((double)report->bytes / report->seconds), bytes));
    printf("\nThe archive is whole.\n");
    if (report->expectation == EXPECTATION_HOLDS)
        printf("It is as expected.\n");
    else if (report->expectation != EXPECTATION_OPEN)
        printf("It is not as expected: the difference is reported above.\n");
}

/* Damage is the result of this command, not its failure: it goes to standard output and gives 65.
 * Only what keeps verify from reading gives another status. */
static int verify(const struct options *options, const char *archive) {
    struct reporter reporter = {.listener = {report_diagnostic, report_note},
                                .json = options->json};
    struct archive_verify_report report;
    struct error error;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const struct archive_verify_options verify_options = {
        .archive = archive,
        .threads = options->jobs    ? (size_t)options->jobs
                   : processors > 0 ? (size_t)processors
                                    : 1,
        .expected = options->has_expected ? &options->expected : NULL,
    };
    progress_bar_init(&reporter.bar, progress_style_of(options->progress, options->quiet, false),
                      NULL);
    reporter.bar.stop = interrupt_watch();
    int r = archive_verify_run(&verify_options, &reporter.bar.progress, &reporter.listener, &report,
                               &error);
    progress_bar_clear(&reporter.bar);
    if (r < 0)
        return exit_with(&error);
    report_difference(options, archive, &report);
    if (!options->quiet)
        (options->json ? report_json : report_text)(&report);
    bool differs =
        report.expectation != EXPECTATION_OPEN && report.expectation != EXPECTATION_HOLDS;
    return report.damaged || differs ? EXIT_STATUS_BAD_INPUT : EXIT_STATUS_OK;
}

/* ---- seal ---- */

/* "left" counts segments that are still being written to or lie beyond the last sync mark. */
static void sealed_json(const struct archive_seal_report *report) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_unsigned(&line, "sealed", report->sealed);
    json_add_unsigned(&line, "sealed_before", report->before);
    json_add_unsigned(&line, "left", report->left);
    json_add_unsigned(&line, "bytes", report->size);
    json_add_unsigned(&line, "stored_bytes", report->stored);
    json_add_unsigned(&line, "position", report->position);
    json_end_object(&line);
    json_print_line(&line);
}

/* Sizes and the ratio are of the segments sealed by this run only. */
static void sealed_text(const struct archive_seal_report *report) {
    char size[QUANTITY_BYTES_SIZE], stored[QUANTITY_BYTES_SIZE];
    printf("sealed now     %zu segments", report->sealed);
    if (report->sealed)
        printf(", from %s to %s (%.1f : 1)", quantity_format_bytes(report->size, size),
               quantity_format_bytes(report->stored, stored),
               (double)report->size / (double)report->stored);
    printf("\nsealed before  %zu\nnot closed     %zu\nsealed up to   position %" PRIu64 "\n",
           report->before, report->left, report->position);
}

/* The report is printed even after a failure if some segments were sealed before it: they stay
 * sealed. */
static int seal(const struct options *options, const char *archive) {
    struct archive_seal_report report;
    struct progress_bar bar;
    struct error error;
    progress_bar_init(&bar, progress_style_of(options->progress, options->quiet, false), NULL);
    bar.stop = interrupt_watch();
    priority_set_idle();
    signal(SIGXFSZ, SIG_IGN); /* a limit on files is like a full disk: writing fails */
    int r = archive_seal(archive, UINT64_MAX, &bar.progress, &report, &error);
    progress_bar_clear(&bar);
    if (!options->quiet && (r == 0 || report.sealed > 0))
        (options->json ? sealed_json : sealed_text)(&report);
    return r < 0 ? (int)exit_with(&error) : EXIT_STATUS_OK;
}

/* ---- prune ---- */

static int prune(const struct options *options, const char *archive) {
    const struct prune_task task = {
        .data = options->archive,
        .before_us = options->before_us,
        .dry_run = options->dry_run,
        .json = options->json,
        .quiet = options->quiet,
        .progress = options->progress,
    };
    (void)archive;
    return prune_task_run(&task);
}

int command_archive(int argc, char **argv) {
    struct options options = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    char *archive = folder_of_archive(options.archive);
    int status = options.task->run(&options, archive);
    free(archive);
    return status;
}
