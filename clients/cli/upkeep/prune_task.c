#include "prune_task.h"

#include "batch/prune/prune.h"

#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/priority.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* What keeps the first segment that stays. */
static const char *const keepers[] = {
    [PRUNE_KEPT_BY_TIME] = "time",
    [PRUNE_KEPT_BY_GENERATION] = "generation",
    [PRUNE_KEPT_BY_END] = "end",
};

static void place_json(struct buffer *line, const char *key, const struct archive_begin *begin) {
    if (begin->place.position == 0)
        return;
    json_begin_object(line, key);
    json_add_unsigned(line, "position", begin->place.position);
    json_add_hex(line, "chain", begin->place.chain);
    json_add_time(line, "receive_time", begin->time_us);
    json_end_object(line);
}

static void print_json(const struct prune_task *task, const struct prune_report *report) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_bool(&line, "dry_run", task->dry_run);
    json_add_unsigned(&line, "segments", report->segments);
    json_add_unsigned(&line, "records", report->records);
    json_add_unsigned(&line, "stored_bytes", report->bytes);
    json_add_unsigned(&line, "records_kept", report->records_kept);
    json_add_unsigned(&line, "segments_left", report->segments_kept);
    json_add_text(&line, "kept_by", text_of(keepers[report->keeper]));
    place_json(&line, "began_after", &report->from);
    place_json(&line, "begins_after", &report->begin);
    json_begin_object(&line, "covered_by");
    json_add_hex(&line, "generation", report->covered_by.id);
    json_add_unsigned(&line, "position", report->covered_by.place.position);
    json_end_object(&line);
    json_begin_array(&line, "base_generations");
    for (size_t i = 0; i < report->begin.base_count && report->segments > 0; i++)
        json_add_hex(&line, NULL, report->begin.bases[i].generation_id);
    json_end_array(&line);
    if (report->other_features_until)
        json_add_unsigned(&line, "other_features_until", report->other_features_until);
    json_add_unsigned(&line, "finished_segments", report->left_over);
    json_add_unsigned(&line, "milliseconds", (uint64_t)(report->seconds * 1000));
    json_end_object(&line);
    json_print_line(&line);
}

static void print_keeper(const struct prune_task *task, const struct prune_report *report) {
    char time[QUANTITY_TIME_SIZE];
    printf("stay           %zu segments", report->segments_kept);
    switch (report->keeper) {
    case PRUNE_KEPT_BY_TIME:
        printf(": the first has records received at %s or later\n",
               quantity_format_time(task->before_us, time));
        return;
    case PRUNE_KEPT_BY_GENERATION:
        printf(": the tables in use end at position %" PRIu64
               ", before the first of them does; run `harrier rebuild`, then more may go\n",
               report->covered_by.place.position);
        return;
    case PRUNE_KEPT_BY_END:
        printf(": the first may still be written to\n");
        return;
    }
}

static void print_text(const struct prune_task *task, const struct prune_report *report) {
    char number[QUANTITY_COUNT_SIZE], kept[QUANTITY_COUNT_SIZE], bytes[QUANTITY_BYTES_SIZE];
    char time[QUANTITY_TIME_SIZE], id[HASH_HEX_SIZE];
    if (report->left_over > 0)
        printf("finished       %zu segments that an earlier run had dropped and not removed\n",
               report->left_over);
    printf("%s %zu segments, %s records, %s\n", task->dry_run ? "would go      " : "dropped       ",
           report->segments, quantity_format_count(report->records, number),
           quantity_format_bytes(report->bytes, bytes));
    print_keeper(task, report);
    hash_hex(report->covered_by.id, id);
    printf("covered by     generation %s at position %s\n", id,
           quantity_format_count(report->covered_by.place.position, number));
    if (report->begin.place.position == 0)
        printf("begins         with the first record\n");
    else
        printf("begins         %safter position %" PRIu64 ", received at %s\n",
               task->dry_run && report->segments > 0 ? "then " : "", report->begin.place.position,
               quantity_format_time(report->begin.time_us, time));
    if (report->segments > 0)
        printf("kept           %s records from before, of policies, tables, lists and brakes\n",
               quantity_format_count(report->records_kept, kept));
    if (report->segments > 0)
        printf("tables         for that place, of %zu %s of features%s%s%s\n", report->plans,
               report->plans == 1 ? "set" : "sets", task->dry_run ? " (would be built)" : ", ",
               task->dry_run ? "" : quantity_format_count(report->base_states, number),
               task->dry_run ? "" : " states");
}

/* Loudly: what a replay cannot derive again any more cannot be undone. */
static void warn(const struct prune_report *report) {
    if (report->other_features_until > 0)
        fprintf(stderr,
                "harrier: decisions up to position %" PRIu64
                " include some that were made with features of more policies than tables are "
                "kept for: a replay derives them without what is dropped\n",
                report->other_features_until);
}

/* A mistyped path must not look like an archive without tables. */
static int check_data(const char *data, struct error *ret_error) {
    char *archive = folder_in(data, FOLDER_ARCHIVE);
    struct stat status;
    int r = 0;
    if (stat(archive, &status) < 0 || !S_ISDIR(status.st_mode))
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "%s has no folder \"" FOLDER_ARCHIVE
                      "\": prune takes the server's data folder, with archive and tables in it",
                      data);
    free(archive);
    return r;
}

int prune_task_run(const struct prune_task *task) {
    struct progress_bar bar;
    struct prune_report report = {0};
    struct error error;
    bool is_done = false;
    if (check_data(task->data, &error) < 0)
        return exit_with(&error);
    char *archive = folder_in(task->data, FOLDER_ARCHIVE);
    char *generations = folder_in(task->data, FOLDER_GENERATIONS);
    const struct prune_options options = {
        .archive = archive,
        .generations = generations,
        .before_us = task->before_us,
        .dry_run = task->dry_run,
        .now_us = realtime_us(),
        .version = HARRIER_VERSION,
    };
    progress_bar_init(&bar, progress_style_of(task->progress, task->quiet, false), NULL);
    bar.stop = interrupt_watch();
    priority_set_idle();
    signal(SIGXFSZ, SIG_IGN); /* a limit on files is like a full disk: writing fails */
    int r = prune_run(&options, &bar.progress, &is_done, &report, &error);
    progress_bar_clear(&bar);
    free(archive);
    free(generations);
    if (r < 0 && is_done)
        error_prefix(&error, "the archive is pruned, but files are left that the next run removes");
    if (r < 0) {
        int status = exit_with(&error);
        return error.code == ERROR_INVALID ? EXIT_STATUS_USAGE : status;
    }
    warn(&report);
    if (!task->quiet)
        (task->json ? print_json : print_text)(task, &report);
    return EXIT_STATUS_OK;
}
