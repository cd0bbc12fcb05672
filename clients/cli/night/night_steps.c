#include "night_steps.h"

#include "batch/base/day.h"
#include "batch/base/machine.h"
#include "batch/rebuild/rebuild.h"
#include "batch/thresholds/threshold_report.h"
#include "batch/verify/verify.h"
#include "clients/cli/output/threshold_output.h"
#include "clients/cli/terminal/clock.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/store/archive/archive_seal.h"
#include "core/store/archive/file.h"
#include "core/store/nights/night_acceptance.h"
#include "night_compare.h"
#include "night_document.h"
#include "night_program.h"
#include "night_rejects.h"
#include "night_train.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define SAMPLE_OF 16 /* in as many nights all keys have been verified */

/* ---- rebuild ---- */

struct publishing {
    struct rebuild_listener listener; /* first */
    struct night_run *run;
    const struct night_acceptance *acceptance; /* NULL: none */
};

/* Names for a rebuild; they live as long as the acceptance. */
struct accepted {
    struct threshold_accepted of;
    const char **names;
};

static struct accepted accepted_of(const struct night_acceptance *acceptance) {
    struct accepted accepted = {
        .names = check_calloc(acceptance->threshold_count + 1, sizeof *accepted.names)};
    for (size_t i = 0; i < acceptance->threshold_count; i++)
        accepted.names[i] = acceptance->thresholds[i];
    accepted.of = (struct threshold_accepted){.thresholds = accepted.names,
                                              .threshold_count = acceptance->threshold_count,
                                              .cutoffs = acceptance->cutoffs};
    return accepted;
}

/* "amount_p995, cut-off of review: accepted by console:ada, who read the night of 2026-01-31: … "
 */
static void describe_accepted(struct night_journal *journal,
                              const struct night_acceptance *acceptance) {
    struct buffer text;
    buffer_init(&text);
    for (size_t i = 0; i < acceptance->threshold_count; i++)
        buffer_printf(&text, "%s%s", text.length ? ", " : "", acceptance->thresholds[i]);
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        if (acceptance->cutoffs >> verdict & 1)
            buffer_printf(&text, "%sthe cut-off for %s", text.length ? ", " : "",
                          verdict_name(verdict));
    buffer_append_u8(&text, '\0');
    /* Who and why are never cut off. */
    snprintf(journal->accepted, sizeof journal->accepted,
             "%.300s: held back in the night of %s, accepted by %s: %s", (const char *)text.bytes,
             acceptance->night, acceptance->source, acceptance->reason);
    buffer_deinit(&text);
}

/* For people who decide what to accept: in the night's folder, and beside all nights, because a
 * night that finds the tables up to date does not compute them again. */
static int write_thresholds(const struct night_run *run, const struct threshold_report *report,
                            struct error *ret_error) {
    struct buffer json;
    buffer_init(&json);
    json_begin_object(&json, NULL);
    json_add_text(&json, "date", text_of(run->journal.date));
    threshold_output_json(report, &json);
    json_end_object(&json);
    buffer_append_u8(&json, '\n');
    int r =
        night_file_write(run->folder, NIGHT_THRESHOLDS_NAME, json.bytes, json.length, ret_error);
    if (r == 0)
        r = night_file_write(run->root, NIGHT_THRESHOLDS_NAME, json.bytes, json.length, ret_error);
    buffer_deinit(&json);
    return r;
}

/* What was held back, in the words of a rebuild, line by line. */
static void take_held(struct night_journal *journal, const struct threshold_report *report) {
    struct buffer lines;
    buffer_init(&lines);
    journal->held_back = journal->held_lines = 0;
    for (size_t i = 0; i < report->threshold_count; i++)
        journal->held_back += report->thresholds[i].held;
    for (size_t i = 0; i < report->cutoff_count; i++)
        journal->held_back += report->cutoffs[i].state == CUTOFF_HELD;
    threshold_output_warn(report, &lines);
    buffer_append_u8(&lines, '\0');
    for (char *line = (char *)lines.bytes, *rest;
         (line = strtok_r(line, "\n", &rest)) && journal->held_lines < NIGHT_HELD_LINES_MAX;
         line = NULL)
        snprintf(journal->held[journal->held_lines++].text, sizeof journal->held->text, "%.511s",
                 line);
    buffer_deinit(&lines);
}

/* Once the tables are in place they are not computed again, and nobody else knows what was held
 * back: it is written down before. */
static int write_down(struct rebuild_listener *self, struct archive_place place,
                      const struct rebuild_report *report, struct error *ret_error) {
    const struct publishing *publishing = (struct publishing *)self;
    struct night_run *run = publishing->run;
    run->journal.place = place;
    run->journal.content_hash = 0; /* not known yet */
    memcpy(run->journal.warning, report->warning, sizeof run->journal.warning);
    take_held(&run->journal, &report->thresholds);
    run->journal.accepted[0] = '\0';
    if (publishing->acceptance)
        describe_accepted(&run->journal, publishing->acceptance);
    int r = write_thresholds(run, &report->thresholds, ret_error);
    return r < 0 ? r : night_journal_write(run->folder, &run->journal, ret_error);
}

/* Are these the tables that the journal is about? Their hash is not known yet if the run was killed
 * before it could be written down. */
static bool is_about(const struct night_journal *journal,
                     const struct generation_manifest *manifest) {
    return journal->place.position == manifest->place.position &&
           journal->place.chain == manifest->place.chain &&
           (journal->content_hash == 0 || journal->content_hash == manifest->content_hash);
}

static int rebuild_with(struct night_run *run, const struct night_acceptance *acceptance,
                        struct error *ret_error) {
    const struct night_options *options = run->options;
    struct night_journal *journal = &run->journal;
    struct publishing publishing = {.listener = {write_down}, .run = run, .acceptance = acceptance};
    struct accepted accepted = acceptance ? accepted_of(acceptance) : (struct accepted){0};
    struct rebuild_report report;
    const struct rebuild_options rebuild = {
        .archive = run->archive,
        .generations = run->generations,
        .force = acceptance != NULL, /* also if there is nothing new in the archive */
        .accepted = acceptance ? &accepted.of : NULL,
        .full = options->full,
        .version = HARRIER_VERSION,
        .now_us = realtime_us(),
        .memory_bytes = options->memory_bytes,
        .threads = options->threads,
        .keep = options->generations,
        .id_days = options->id_days,
        .keep_all_ids = options->keep_all_ids,
        .drop_cache = options->drop_cache,
        .listener = &publishing.listener,
    };
    int r = rebuild_run(&rebuild, &run->progress->progress, &report, ret_error);
    free(accepted.names);
    if (r < 0)
        return r;
    /* Up to date: by an earlier attempt or night, which wrote it down, or by somebody else. */
    if (report.up_to_date && !is_about(journal, &report.manifest)) {
        journal->held_back = journal->held_lines = 0;
        journal->warning[0] = '\0';
    }
    journal->generation_id = report.manifest.id;
    journal->content_hash = report.manifest.content_hash;
    journal->place = report.manifest.place;
    journal->states = report.manifest.states;
    rebuild_report_deinit(&report);
    return 0;
}

/* With what a person accepted of an earlier night. A file that says nothing is no reason to fail.
 */
static int rebuild(struct night_run *run, struct error *ret_error) {
    struct night_acceptance acceptance;
    int found = night_acceptance_read(run->root, &acceptance, ret_error);
    if (found < 0)
        fprintf(stderr, "harrier: " FOLDER_NIGHTS "/%s; the night goes on without it\n",
                ret_error->text);
    int r = rebuild_with(run, found == 0 ? &acceptance : NULL, ret_error);
    if (found != 0)
        return r;
    if (r == 0 && (r = night_acceptance_remove(run->root, &acceptance, ret_error)) > 0)
        r = 0;
    night_acceptance_deinit(&acceptance);
    return r;
}

/* ---- verify ---- */

static void ignore_difference(struct verify_listener *self, const struct plan *plan,
                              const struct state_difference *difference) {
    (void)self, (void)plan, (void)difference;
}

static void ignore_entity(struct verify_listener *self, struct text name, uint64_t states,
                          uint64_t differences) {
    (void)self, (void)name, (void)states, (void)differences;
}

static int verify(struct night_run *run, struct error *ret_error) {
    bool is_sample = run->options->verification == NIGHT_VERIFY_SAMPLE;
    struct verify_listener listener = {ignore_difference, ignore_entity};
    struct verify_report report;
    const struct verify_options options = {
        .archive = run->archive,
        .generations = run->generations,
        .sample_of = is_sample ? SAMPLE_OF : 0,
        .sample_at = (uint64_t)run->day % SAMPLE_OF,
    };
    if (run->options->verification == NIGHT_VERIFY_NONE)
        return 1;
    int r = verify_run(&options, &run->progress->progress, &listener, &report, ret_error);
    if (r < 0)
        return r;
    run->journal.is_sample = is_sample;
    run->journal.verified = report.states.entities + report.ids;
    run->journal.different = report.states.differences + report.different_ids +
                             report.states.is_tally_different + report.states.are_lists_different +
                             report.states.are_sources_different;
    return 0;
}

/* ---- guard ---- */

/* The guard has done its work in the rebuild; what it held back must not go unnoticed. */
static int report_held(const struct night_run *run) {
    for (size_t i = 0; i < run->journal.held_lines; i++)
        fprintf(stderr, "harrier: %s\n", run->journal.held[i].text);
    if (*run->journal.warning)
        fprintf(stderr, "harrier: %s\n", run->journal.warning);
    return 0;
}

/* ---- report ---- */

static int load_policy(const struct night_run *run, struct snapshot **ret_snapshot,
                       struct error *ret_error) {
    struct generation *generation;
    size_t count;
    int r = generation_open_current(run->generations, false, &generation, ret_error);
    if (r < 0)
        return r;
    const struct policy_file *files = generation_files(generation, &count);
    r = snapshot_load_archived(files, count, ret_snapshot, ret_error);
    generation_close(generation);
    return r;
}

static uint64_t memory_of(const struct night_run *run) {
    return run->options->memory_bytes ? run->options->memory_bytes : machine_memory_quarter();
}

/* Segments of a week, whatever was sealed of them. */
static struct night_growth growth_of(const struct night_run *run,
                                     const struct night_figures *figures) {
    struct night_growth growth = {.days_left = UINT64_MAX};
    struct statvfs disk;
    uint64_t bytes = 0, days = 0;
    for (size_t i = NIGHT_DAYS - NIGHT_WEEK; i < NIGHT_DAYS; i++) {
        bytes += figures->days[i].stored_bytes;
        days += figures->days[i].received > 0;
    }
    growth.bytes_a_day = days > 0 ? bytes / days : 0;
    if (statvfs(run->archive, &disk) == 0)
        growth.free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (growth.bytes_a_day > 0)
        growth.days_left = growth.free_bytes / growth.bytes_a_day;
    return growth;
}

static int make_drift(struct night_run *run, struct snapshot *snapshot, struct night_drift *drift,
                      struct error *ret_error) {
    const struct night_drift_options options = {
        .archive = run->archive,
        .generations = run->generations,
        .folder = run->drift,
        .snapshot = snapshot,
        .until = run->journal.place,
        .day = run->day - 1,
        .memory_bytes = memory_of(run),
        .states = run->journal.states,
        .threads = run->options->threads,
    };
    if (run->options->has_drift)
        return night_drift_make(&options, &run->progress->progress, drift, ret_error);
    snprintf(drift->reason, sizeof drift->reason, "--drift none");
    return 0;
}

static int write_files(const struct night_run *run, const struct night_document *document,
                       struct error *ret_error) {
    struct buffer json, page;
    buffer_init(&json);
    buffer_init(&page);
    night_json_format(document, &json);
    night_page_format(document, &page);
    int r = night_file_write(run->folder, "report.json", json.bytes, json.length, ret_error);
    if (r == 0)
        r = night_file_write(run->folder, "report.html", page.bytes, page.length, ret_error);
    buffer_deinit(&json);
    buffer_deinit(&page);
    return r;
}

/* Refused transactions by reason, of the file that was named, or else the one in the data folder.
 */
static int count_rejects(const struct night_run *run, struct night_rejects *ret_rejects,
                         struct error *ret_error) {
    char *usual = name_printf("%s/rejects.jsonl", run->options->data);
    int r = night_rejects_count(run->options->rejects ? run->options->rejects : usual, run->day - 1,
                                ret_rejects, ret_error);
    free(usual);
    return r;
}

/* A file beside the journal, without the newline at its end; heap. "": it is not there. */
static char *load_text(const struct night_run *run, const char *name, struct text *ret_text) {
    struct error ignored; /* the report does without */
    char *bytes = NULL;
    size_t length = 0;
    if (run->journal.steps[NIGHT_STEP_COMPARE].state != NIGHT_STEP_DONE ||
        file_load(run->folder, name, NIGHT_FILE_MAX, &bytes, &length, &ignored) < 0)
        length = 0;
    while (length > 0 && bytes[length - 1] == '\n')
        length--;
    *ret_text = (struct text){.data = bytes, .length = length};
    return bytes;
}

static int report_on(struct night_run *run, struct snapshot *snapshot,
                     struct night_figures *figures, struct error *ret_error) {
    struct night_drift drift = {0};
    struct night_rejects *rejects = check_calloc(1, sizeof *rejects);
    int r = make_drift(run, snapshot, &drift, ret_error);
    if (r == 0)
        r = count_rejects(run, rejects, ret_error);
    if (r == 0) {
        struct night_document document = {
            .evidence = {.figures = figures,
                         .drift = &drift,
                         .rejects = rejects,
                         .journal = &run->journal,
                         .growth = growth_of(run, figures),
                         .now_us = realtime_us(),
                         .data = run->options->data},
            .day = run->day - 1,
        };
        char *json = load_text(run, NIGHT_CANDIDATE_JSON, &document.comparison_json),
             *text = load_text(run, NIGHT_CANDIDATE_TEXT, &document.comparison_text);
        night_findings_make(&document.evidence, &document.findings);
        memcpy(run->journal.findings, document.findings.by_severity, sizeof run->journal.findings);
        r = write_files(run, &document, ret_error);
        night_findings_deinit(&document.findings);
        free(json);
        free(text);
    }
    free(rejects);
    night_drift_deinit(&drift);
    return r;
}

static int report(struct night_run *run, struct error *ret_error) {
    struct snapshot *snapshot = NULL;
    struct night_figures figures;
    int r = load_policy(run, &snapshot, ret_error);
    if (r < 0)
        return r;
    const struct night_figures_options options = {
        .archive = run->archive,
        .until = run->journal.place,
        .day = run->day - 1,
        .now_us = realtime_us(),
        .memory_bytes = memory_of(run),
        .schema = &snapshot->schema,
    };
    r = night_figures_make(&options, &run->progress->progress, &figures, ret_error);
    if (r == 0) {
        r = report_on(run, snapshot, &figures, ret_error);
        night_figures_deinit(&figures);
    }
    snapshot_unref(snapshot);
    return r;
}

/* ---- seal ---- */

/* A run that was cut off has sealed some: only what this one does is counted. */
static int seal(struct night_run *run, struct error *ret_error) {
    struct archive_seal_report report = {0};
    int r = archive_seal(run->archive, run->journal.place.position, &run->progress->progress,
                         &report, ret_error);
    run->journal.sealed += report.sealed;
    run->journal.sealed_bytes += report.size;
    run->journal.sealed_stored_bytes += report.stored;
    return r;
}

/* ---- hook ---- */

static int run_hook(struct night_run *run, struct error *ret_error) {
    const struct night_options *options = run->options;
    struct night_journal *journal = &run->journal;
    if (!options->hook)
        return 1;
    char *variables[] = {
        name_printf("HARRIER_NIGHT_DATE=%s", journal->date),
        name_printf("HARRIER_NIGHT_DIR=%s/" FOLDER_NIGHTS "/%s", options->data, journal->date),
        name_printf("HARRIER_NIGHT_ALERTS=%" PRIu64, journal->findings[NIGHT_ALERT]),
        name_printf("HARRIER_NIGHT_POSITION=%" PRIu64, journal->place.position),
        name_printf("HARRIER_DATA_DIR=%s", options->data),
        name_printf("HARRIER_ARCHIVE=%s", run->archive),
        name_printf("HARRIER_GENERATION=%s/current", run->generations),
        NULL,
    };
    const char *const arguments[] = {options->hook, NULL};
    const struct night_program hook = {.what = "the hook",
                                       .arguments = arguments,
                                       .environment = (const char *const *)variables,
                                       .output = -1,
                                       .timeout_us = options->hook_timeout_us,
                                       .stop = run->progress->stop};
    int status = 0, r = night_program_run(&hook, &status, ret_error);
    for (char **variable = variables; *variable; variable++)
        free(*variable);
    journal->hook_status = r == 0 ? status : -1;
    if (r == -ERROR_NOT_FOUND) { /* a hook that failed, and that will not be there in a minute */
        run->is_final = true;
        ret_error->code = ERROR_UNAVAILABLE;
        r = -ERROR_UNAVAILABLE;
    }
    if (r == 0 && status != 0) {
        run->is_final = status != NIGHT_TRY_LATER;
        r = error_set(ret_error, ERROR_UNAVAILABLE, "%s ended with status %d", options->hook,
                      status);
    }
    return r;
}

int night_step_run(struct night_run *run, enum night_step step, struct error *ret_error) {
    switch (step) {
    case NIGHT_STEP_REBUILD:
        return rebuild(run, ret_error);
    case NIGHT_STEP_VERIFY:
        return verify(run, ret_error);
    case NIGHT_STEP_GUARD:
        return report_held(run);
    case NIGHT_STEP_COMPARE:
        return night_compare(run, ret_error);
    case NIGHT_STEP_TRAIN:
        return night_train(run, ret_error);
    case NIGHT_STEP_REPORT:
        return report(run, ret_error);
    case NIGHT_STEP_SEAL:
        return seal(run, ret_error);
    case NIGHT_STEP_HOOK:
        return run_hook(run, ret_error);
    case NIGHT_STEP_COUNT:
        break;
    }
    check(false);
    return 0;
}
