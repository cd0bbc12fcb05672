#include "night_run.h"

#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/folders.h"
#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/store/archive/file.h"
#include "night_steps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_DELAY_MAX_US (INT64_C(3600) * 1000000)
#define DRIFT_KEEP_DAYS    35

/* A folder without an archive that never had a night is the wrong one: nothing is made there. An
 * archive that has gone since is a night that fails. */
static int check_folder(const struct night_run *run, struct error *ret_error) {
    char *nights = folder_in(run->options->data, FOLDER_NIGHTS);
    bool is_known = access(run->archive, F_OK) == 0 || access(nights, F_OK) == 0;
    free(nights);
    return is_known ? 0
                    : error_set(ret_error, ERROR_NOT_FOUND, "%s: there is no such archive",
                                run->archive);
}

int night_run_open(struct night_run *run, const struct night_options *options,
                   struct progress_bar *progress, struct error *ret_error) {
    int lock;
    *run = (struct night_run){
        .options = options, .progress = progress, .root = -1, .drift = -1, .folder = -1};
    run->archive = folder_in(options->data, FOLDER_ARCHIVE);
    run->generations = folder_in(options->data, FOLDER_GENERATIONS);
    int r = check_folder(run, ret_error);
    if (r == 0)
        r = night_folder_open(options->data, &run->root, ret_error);
    if (r == 0)
        r = directory_lock(run->root, FOLDER_NIGHTS, "runs the night here", &lock, ret_error);
    if (r == 0)
        r = directory_make(run->root, NIGHT_FOLDER_DRIFT, &run->drift, ret_error);
    return r;
}

void night_run_close(struct night_run *run) {
    int folders[] = {run->root, run->drift, run->folder};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (folders[i] >= 0)
            close(folders[i]);
    free(run->archive);
    free(run->generations);
}

/* ---- which night ---- */

/* Calls visit for each entry of the folder that is a date. */
static int visit_dates(int folder, const char *path,
                       void (*visit)(void *user, const char *name, int64_t day), void *user,
                       struct error *ret_error) {
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = again < 0 ? NULL : fdopendir(again);
    int64_t day;
    int r = 0;
    if (!entries) {
        r = error_set_errno(ret_error, errno, "%s: cannot list", path);
        if (again >= 0)
            close(again);
        return r;
    }
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(entries, path, &entry, ret_error)) > 0;)
        if (night_date_parse(entry->d_name, &day))
            visit(user, entry->d_name, day);
    closedir(entries);
    return r;
}

struct newest {
    int root;
    int64_t day; /* -1: none */
};

static void look_for_newest(void *user, const char *name, int64_t day) {
    struct newest *newest = user;
    char path[NIGHT_DATE_SIZE + sizeof NIGHT_JOURNAL_NAME];
    snprintf(path, sizeof path, "%.10s/" NIGHT_JOURNAL_NAME, name);
    if (day > newest->day && faccessat(newest->root, path, F_OK, 0) == 0)
        newest->day = day;
}

int night_run_find_newest(const struct night_run *run, int64_t *ret_day, struct error *ret_error) {
    struct newest newest = {.root = run->root, .day = -1};
    int r = visit_dates(run->root, FOLDER_NIGHTS, look_for_newest, &newest, ret_error);
    if (r < 0)
        return r;
    *ret_day = newest.day;
    return newest.day >= 0;
}

/* What the newest night knows of the tables: if they are still in place, nobody else knows what was
 * held back (night_steps.c). */
static int begin_journal(struct night_run *run, const char *date, struct error *ret_error) {
    struct night_journal *before = check_calloc(1, sizeof *before), *journal = &run->journal;
    char newest[NIGHT_DATE_SIZE];
    struct error ignored; /* then nothing is known */
    int64_t day;
    int r = night_run_find_newest(run, &day, ret_error);
    if (r < 0) {
        free(before);
        return r;
    }
    int folder = r == 1 ? openat(run->root, night_date_format(day, newest),
                                 O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                        : -1;
    if (folder >= 0) {
        night_journal_read(folder, before, &ignored);
        close(folder);
    }
    night_journal_init(journal, date, realtime_us());
    journal->place = before->place;
    journal->content_hash = before->content_hash;
    journal->held_back = before->held_back;
    journal->held_lines = before->held_lines;
    memcpy(journal->held, before->held, sizeof journal->held);
    memcpy(journal->warning, before->warning, sizeof journal->warning);
    free(before);
    return 0;
}

int night_run_take(struct night_run *run, int64_t day, bool begins_anew, struct error *ret_error) {
    char date[NIGHT_DATE_SIZE];
    night_date_format(day, date);
    if (run->folder >= 0)
        close(run->folder);
    run->folder = -1;
    run->day = day;
    int r = directory_make(run->root, date, &run->folder, ret_error);
    if (r == 0)
        r = begins_anew ? 1 : night_journal_read(run->folder, &run->journal, ret_error);
    bool is_new = r == 1;
    if (is_new)
        r = begin_journal(run, date, ret_error);
    return r < 0 ? error_prefix(ret_error, FOLDER_NIGHTS "/%s", date) : is_new;
}

/* ---- the summary ---- */

/* What is not about this night stays. false: all of it stays, as it is of a newer night. */
static bool begin_summary(const struct night_run *run, struct night_summary *ret_summary) {
    struct error ignored; /* a damaged one is replaced */
    if (night_summary_read(run->options->data, ret_summary, &ignored) < 0)
        *ret_summary = (struct night_summary){0};
    if (run->is_belated && strcmp(ret_summary->date, run->journal.date) > 0)
        return false;
    memcpy(ret_summary->date, run->journal.date, sizeof ret_summary->date);
    return true;
}

/* What the report says holds even if a later step fails. */
static void take_report(const struct night_run *run, struct night_summary *summary) {
    if (run->journal.steps[NIGHT_STEP_REPORT].state != NIGHT_STEP_DONE)
        return;
    memcpy(summary->findings, run->journal.findings, sizeof summary->findings);
    summary->held_back = run->journal.held_back;
    summary->models_failed = night_journal_models_failed(&run->journal);
}

static int write_success(const struct night_run *run, struct error *ret_error) {
    struct night_summary summary;
    if (!begin_summary(run, &summary))
        return 0;
    summary.last_success_us = run->journal.ended_us;
    summary.failed_us = 0;
    summary.step[0] = summary.reason[0] = '\0';
    take_report(run, &summary);
    return night_summary_write(run->root, &summary, ret_error);
}

/* The night has failed already, so a summary that cannot be written is only reported. */
static void write_failure(const struct night_run *run, enum night_step step,
                          const struct error *error) {
    struct night_summary summary;
    struct error failure;
    if (!begin_summary(run, &summary))
        return;
    take_report(run, &summary);
    summary.failed_us = run->journal.ended_us;
    snprintf(summary.step, sizeof summary.step, "%s", night_step_name(step));
    snprintf(summary.reason, sizeof summary.reason, "%.500s", error->text);
    if (night_summary_write(run->root, &summary, &failure) < 0)
        fprintf(stderr, "harrier: %s\n", failure.text);
}

int night_run_note_failure(const char *data, int64_t now_us, struct error *ret_error) {
    struct night_summary summary;
    int lock, root, r = night_folder_open(data, &root, ret_error);
    if (r < 0)
        return r;
    r = directory_lock(root, FOLDER_NIGHTS, "runs the night here", &lock, ret_error);
    if (r < 0) { /* a night that runs will say itself how it ended */
        close(root);
        return r == -ERROR_EXISTS ? 0 : r;
    }
    if (night_summary_read(data, &summary, ret_error) < 0)
        summary = (struct night_summary){0};
    if (summary.failed_us == 0) {
        summary.failed_us = now_us;
        snprintf(summary.reason, sizeof summary.reason,
                 "the process ended without a result: see its log");
        r = night_summary_write(root, &summary, ret_error);
    }
    close(lock);
    close(root);
    return r;
}

/* ---- steps ---- */

static bool may_pass(const struct error *error) {
    return error->code == ERROR_EXISTS || error->code == ERROR_SYSTEM ||
           error->code == ERROR_UNAVAILABLE;
}

/* Can the night be continued as it is? Then it has not failed. */
static bool is_put_off(const struct error *error) {
    return error->code == ERROR_INTERRUPTED || error->code == ERROR_EXISTS;
}

/* false: a signal came. */
static bool wait_for(const struct night_run *run, int64_t us) {
    const struct timespec step = {.tv_nsec = 50000000};
    uint64_t until = monotonic_us() + (uint64_t)us;
    while (monotonic_us() < until && !*run->progress->stop)
        nanosleep(&step, NULL);
    return !*run->progress->stop;
}

/* Tries once, with the journal before and after. */
static int try_step(struct night_run *run, enum night_step step, struct error *ret_error) {
    struct night_step_entry *entry = &run->journal.steps[step];
    uint64_t began_us = monotonic_us();
    entry->state = NIGHT_STEP_RUNNING;
    entry->attempts++;
    entry->reason[0] = '\0';
    if (entry->began_us == 0)
        entry->began_us = realtime_us();
    run->is_final = false;
    int r = night_journal_write(run->folder, &run->journal, ret_error);
    if (r == 0)
        r = night_step_run(run, step, ret_error);
    progress_bar_clear(run->progress);
    entry->milliseconds += (monotonic_us() - began_us) / 1000;
    if (r == 0)
        entry->state = NIGHT_STEP_DONE;
    else if (r > 0)
        entry->state = NIGHT_STEP_SKIPPED;
    else
        snprintf(entry->reason, sizeof entry->reason, "%.500s", ret_error->text);
    return r < 0 ? r : night_journal_write(run->folder, &run->journal, ret_error);
}

static int run_step(struct night_run *run, enum night_step step, struct error *ret_error) {
    int64_t delay_us = run->options->retry_delay_us;
    for (uint64_t retries = 0;; retries++) {
        int r = try_step(run, step, ret_error);
        if (r == 0 || run->is_final || !may_pass(ret_error) || retries == run->options->retries)
            return r;
        fprintf(stderr, "harrier: %s: %s; next attempt in %.1f s\n", night_step_name(step),
                ret_error->text, (double)delay_us / 1e6);
        if (!wait_for(run, delay_us))
            return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        delay_us = delay_us < RETRY_DELAY_MAX_US / 2 ? 2 * delay_us : RETRY_DELAY_MAX_US;
    }
}

/* For good: the journal and the summary say so, as far as they can be written. */
static void fail(struct night_run *run, enum night_step step, const struct error *error) {
    struct error ignored;
    run->journal.steps[step].state = NIGHT_STEP_FAILED;
    run->journal.has_failed = true;
    run->journal.ended_us = realtime_us();
    night_journal_write(run->folder, &run->journal, &ignored);
    write_failure(run, step, error);
}

/* The report names it. */
static int go_on_without(struct night_run *run, enum night_step step, struct error *error) {
    fprintf(stderr, "harrier: %s: %s; the night goes on without it\n", night_step_name(step),
            error->text);
    run->journal.steps[step].state = NIGHT_STEP_FAILED;
    return night_journal_write(run->folder, &run->journal, error);
}

/* ---- old nights ---- */

struct pruning {
    int folder;
    int64_t before_day;
    bool are_files;
};

static void prune_one(void *user, const char *name, int64_t day) {
    const struct pruning *pruning = user;
    struct error error;
    if (day >= pruning->before_day)
        return;
    if (pruning->are_files)
        unlinkat(pruning->folder, name, 0);
    else if (night_folder_remove(pruning->folder, name, &error) < 0)
        fprintf(stderr, "harrier: " FOLDER_NIGHTS "/%s\n", error.text);
}

static void prune(const struct night_run *run) {
    struct pruning nights = {.folder = run->root,
                             .before_day = run->day - (int64_t)run->options->keep_days + 1};
    struct pruning drift = {
        .folder = run->drift, .before_day = run->day - DRIFT_KEEP_DAYS, .are_files = true};
    struct error error; /* the next night removes what is left */
    if (visit_dates(run->root, FOLDER_NIGHTS, prune_one, &nights, &error) < 0 ||
        visit_dates(run->drift, NIGHT_FOLDER_DRIFT, prune_one, &drift, &error) < 0)
        fprintf(stderr, "harrier: %s\n", error.text);
}

int night_run_complete(struct night_run *run, struct error *ret_error) {
    run->journal.has_failed = false;
    run->journal.ended_us = 0;
    for (int i = 0; i < NIGHT_STEP_COUNT; i++) {
        enum night_step step = (enum night_step)i;
        enum night_step_state state = run->journal.steps[i].state;
        if (state == NIGHT_STEP_DONE || state == NIGHT_STEP_SKIPPED ||
            (state == NIGHT_STEP_FAILED && night_step_may_fail(step)))
            continue;
        int r = run_step(run, step, ret_error);
        if (r < 0 && night_step_may_fail(step) && ret_error->code != ERROR_INTERRUPTED)
            r = go_on_without(run, step, ret_error);
        if (r == 0)
            continue;
        if (!is_put_off(ret_error))
            fail(run, step, ret_error);
        return error_prefix(ret_error, "the night of %s, %s", run->journal.date,
                            night_step_name(step));
    }
    run->journal.ended_us = realtime_us();
    int r =
        write_success(run, ret_error); /* first: a night that has ended is not looked at again */
    if (r == 0)
        r = night_journal_write(run->folder, &run->journal, ret_error);
    if (r == 0)
        prune(run);
    return r;
}
