/* The thread waits for lines of the children, for jobs to come and for time to pass. What it knows
 * of a running job is in a slot; the lock guards what other threads read or ask of it. SQLite has a
 * lock of its own, and others hold it when they ask for progress: it is never taken under ours. */
#include "jobs.h"

#include "child.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/base/lock_order.h"
#include "job_files.h"
#include "job_result.h"
#include "job_sweep.h"
#include "server/ops/clock.h"
#include "server/ops/thread.h"

#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUND_MS      100 /* while something runs */
#define IDLE_MS       60000
#define TERM_US       INT64_C(5000000) /* from asking it to stop to killing it */
#define SWEEP_US      INT64_C(60000000)
#define WORDS_MAX     64 /* of a command */
#define LINE_SIZE     1024
#define MESSAGES_SIZE 800
#define PROBLEM_SIZE  sizeof((struct error){0}.text)
#define FILE_BYTES    ((uint64_t)128 << 20)

/* Why a job is ended before it is done. */
enum ending { ENDING_NONE, ENDING_CANCELLED, ENDING_LATE, ENDING_STOPPED };

struct slot {
    int64_t id; /* 0: the slot is free */
    enum ending ending;
    char phase[32];
    uint64_t done, total;
    int64_t left_ms; /* -1: unknown */
    size_t step, steps;
    /* The thread's own. */
    struct job job;
    char *next; /* command */
    const char *command;
    pid_t pid; /* 0: none runs */
    int errors;
    int64_t began_us, asked_us; /* asked to stop; 0: not yet */
    char line[LINE_SIZE];
    size_t line_length;
    char messages[MESSAGES_SIZE]; /* the last lines that are no progress */
    /* What it came to, until the database has it. */
    bool has_ended;
    enum job_state state;
    char problem[PROBLEM_SIZE];
    uint64_t bytes;
};

struct jobs {
    struct jobs_settings settings;
    pthread_t thread;
    pthread_mutex_t lock;
    int wake_descriptor;
    bool stopping; /* under the lock */
    struct slot slots[JOBS_AT_ONCE_MAX];
    int64_t swept_us;
    bool has_failed; /* the database, since it last worked: logged once */
};

static int64_t now_us(void) {
    return clock_monotonic_us(&clock_system);
}

static void note(struct jobs *jobs, const struct error *error) {
    if (!jobs->has_failed)
        log_line(jobs->settings.log, LOG_ERROR, "jobs: %s", error->text);
    jobs->has_failed = true;
}

/* ---- what a child says ---- */

static uint64_t member(const json_t *line, const char *name) {
    json_int_t number = json_integer_value(json_object_get(line, name));
    return number > 0 ? (uint64_t)number : 0;
}

/* {"phase":"replay","done":912345,"total":1754155,…,"left_ms":1111} */
static bool take_progress(struct jobs *jobs, struct slot *slot, const char *text) {
    json_t *line = *text == '{' ? json_loads(text, 0, NULL) : NULL;
    const char *phase = json_string_value(json_object_get(line, "phase"));
    if (phase) {
        pthread_mutex_lock(&jobs->lock);
        snprintf(slot->phase, sizeof slot->phase, "%s", phase);
        slot->done = member(line, "done");
        slot->total = member(line, "total");
        slot->left_ms = json_object_get(line, "left_ms") ? (int64_t)member(line, "left_ms") : -1;
        pthread_mutex_unlock(&jobs->lock);
    }
    json_decref(line);
    return phase != NULL;
}

/* The first lines make room for the last. */
static void keep_message(struct slot *slot, const char *text) {
    size_t length = strlen(slot->messages), more = strlen(text) + 2;
    while (length + more > MESSAGES_SIZE && length > 0) {
        const char *rest = strchr(slot->messages, '\n');
        rest = rest ? rest + 1 : slot->messages + length;
        length -= (size_t)(rest - slot->messages);
        memmove(slot->messages, rest, length + 1);
    }
    snprintf(slot->messages + length, sizeof slot->messages - length, "%s%s", length ? "\n" : "",
             text);
}

static void take_line(struct jobs *jobs, struct slot *slot) {
    slot->line[slot->line_length] = '\0';
    slot->line_length = 0;
    if (*slot->line && !take_progress(jobs, slot, slot->line))
        keep_message(slot, slot->line);
}

/* A line that is too long is taken in parts. */
static void read_errors(struct jobs *jobs, struct slot *slot) {
    char bytes[4096];
    ssize_t length;
    while ((length = read(slot->errors, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < length; i++) {
            if (bytes[i] != '\n' && bytes[i] != '\0')
                slot->line[slot->line_length++] = bytes[i];
            if (bytes[i] == '\n' || slot->line_length == LINE_SIZE - 1)
                take_line(jobs, slot);
        }
}

/* ---- commands ---- */

/* Cuts the next command off; its words, NULL behind the last. 1: there is none. */
static int next_command(struct slot *slot, char *words[WORDS_MAX + 1], const char *program) {
    size_t count = 0;
    char *at = slot->next;
    if (*at == '\0')
        return 1;
    words[count++] = (char *)(uintptr_t)program;
    while (*at && *at != '\n') {
        char *end = strchr(at, '\n');
        check(end && count < WORDS_MAX); /* they are ours */
        *end = '\0';
        words[count++] = at;
        at = end + 1;
    }
    slot->next = *at ? at + 1 : at;
    words[count] = NULL;
    return 0;
}

/* Each ends with a line break, and all but the last with an empty line. */
static size_t count_commands(const char *commands) {
    size_t count = 1;
    for (const char *at = commands; (at = strstr(at, "\n\n")); at += 2)
        count++;
    return count;
}

static int start_command(struct jobs *jobs, struct slot *slot, struct error *ret_error) {
    char *words[WORDS_MAX + 1], path[JOB_PATH_SIZE];
    const struct jobs_settings *settings = &jobs->settings;
    const struct child_settings child = {.program = settings->program,
                                         .folder = path,
                                         .output = JOB_OUTPUT,
                                         .memory_bytes = settings->memory_bytes,
                                         .file_bytes = FILE_BYTES};
    int r = next_command(slot, words, settings->program);
    if (r == 0)
        r = job_files_path(settings->folder, slot->id, "", path, ret_error);
    if (r != 0)
        return r;
    slot->command = words[1];
    slot->line_length = 0;
    *slot->messages = '\0';
    pthread_mutex_lock(&jobs->lock);
    slot->step++;
    slot->done = slot->total = 0;
    slot->left_ms = -1;
    *slot->phase = '\0';
    pthread_mutex_unlock(&jobs->lock);
    return child_start(&child, words, &slot->pid, &slot->errors, ret_error);
}

/* ---- endings ---- */

static bool is_stopping(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->lock);
    bool stopping = jobs->stopping;
    pthread_mutex_unlock(&jobs->lock);
    return stopping;
}

static enum ending ending_of(struct jobs *jobs, const struct slot *slot) {
    pthread_mutex_lock(&jobs->lock);
    enum ending ending = jobs->stopping ? ENDING_STOPPED : slot->ending;
    pthread_mutex_unlock(&jobs->lock);
    return ending;
}

static void set_ended(struct slot *slot, enum job_state state, const char *problem) {
    slot->has_ended = true;
    slot->state = state;
    snprintf(slot->problem, sizeof slot->problem, "%s", problem);
}

/* A child that was asked to stop may have done its work before it heard of it: what was asked for
 * counts. */
static bool set_asked(struct jobs *jobs, struct slot *slot) {
    char problem[160];
    switch (ending_of(jobs, slot)) {
    case ENDING_NONE:
        return false;
    case ENDING_CANCELLED:
        set_ended(slot, JOB_CANCELLED, "");
        return true;
    case ENDING_LATE:
        snprintf(problem, sizeof problem,
                 "it took longer than a job may, %" PRId64
                 " s: choose a shorter range, or give the console a longer --job-time",
                 jobs->settings.time_us_max / 1000000);
        set_ended(slot, JOB_FAILED, problem);
        return true;
    case ENDING_STOPPED:
        set_ended(slot, JOB_INTERRUPTED, "the console ended while it ran");
        return true;
    }
    return false;
}

/* Some transactions that the policy refuses are a result, too: the report counts them. */
static bool is_good(const struct slot *slot, int status) {
    return WIFEXITED(status) &&
           (WEXITSTATUS(status) == 0 ||
            (WEXITSTATUS(status) == 1 && strcmp(slot->command, "replay") == 0));
}

static void set_failed(const struct jobs *jobs, struct slot *slot, int status) {
    char problem[PROBLEM_SIZE];
    if (WIFSIGNALED(status))
        snprintf(problem, sizeof problem,
                 "harrier %s was ended by a signal (%s); it may use %" PRIu64 " MiB of memory%s%s",
                 slot->command, strsignal(WTERMSIG(status)), jobs->settings.memory_bytes >> 20,
                 *slot->messages ? ": " : "", slot->messages);
    else if (*slot->messages)
        snprintf(problem, sizeof problem, "%s", slot->messages);
    else
        snprintf(problem, sizeof problem, "harrier %s ended with the status %d%s", slot->command,
                 WEXITSTATUS(status),
                 WEXITSTATUS(status) == 127
                     ? ": the program or the job's folder is missing, or the sandbox does not "
                       "let the program run: if it was replaced after the console's start, restart "
                       "the console; if it is a script, that needs --sandbox=off"
                     : "");
    set_ended(slot, JOB_FAILED, problem);
}

static void finish(struct jobs *jobs, struct slot *slot) {
    char folder[JOB_PATH_SIZE], report[JOB_PATH_SIZE];
    struct error error;
    int r = job_files_path(jobs->settings.folder, slot->id, "", folder, &error);
    if (r == 0)
        r = job_files_path(jobs->settings.folder, slot->id, JOB_REPORT, report, &error);
    if (r == 0 && access(report, F_OK) == 0)
        r = job_result_split(folder, &error);
    set_ended(slot, r < 0 ? JOB_FAILED : JOB_DONE, r < 0 ? error.text : "");
}

/* The next command, or the end. */
static void proceed(struct jobs *jobs, struct slot *slot) {
    struct error error;
    if (set_asked(jobs, slot))
        return;
    int r = start_command(jobs, slot, &error);
    if (r < 0)
        set_ended(slot, JOB_FAILED, error.text);
    if (r > 0)
        finish(jobs, slot);
}

static void watch(struct jobs *jobs, struct slot *slot) {
    int status;
    int r = child_reap(slot->pid, &status);
    read_errors(jobs, slot);
    if (r == 0)
        return;
    if (slot->line_length > 0)
        take_line(jobs, slot);
    close(slot->errors);
    slot->pid = 0;
    if (is_good(slot, status))
        proceed(jobs, slot);
    else if (!set_asked(jobs, slot))
        set_failed(jobs, slot, status);
}

/* Asks first, so that files are left as they were. */
static void end_child(struct jobs *jobs, struct slot *slot) {
    int64_t now = now_us();
    if (now - slot->began_us > jobs->settings.time_us_max) {
        pthread_mutex_lock(&jobs->lock);
        slot->ending = slot->ending == ENDING_NONE ? ENDING_LATE : slot->ending;
        pthread_mutex_unlock(&jobs->lock);
    }
    if (ending_of(jobs, slot) == ENDING_NONE)
        return;
    if (slot->asked_us == 0) {
        slot->asked_us = now;
        child_signal(slot->pid, SIGTERM);
    } else if (now - slot->asked_us > TERM_US) {
        child_signal(slot->pid, SIGKILL);
    }
}

/* Also where the disk is full: the slot stays until the database has it. */
static void keep_end(struct jobs *jobs, struct slot *slot) {
    struct error error;
    if (slot->state != JOB_DONE && job_files_clear(jobs->settings.folder, slot->id, &error) < 0)
        note(jobs, &error);
    slot->bytes = job_files_bytes(jobs->settings.folder, slot->id);
    int r = job_table_end(jobs->settings.sql, slot->id, slot->state, slot->problem, slot->bytes,
                          clock_wall_us(&clock_system), &error);
    if (r < 0)
        note(jobs, &error);
    if (r < 0 && !is_stopping(jobs)) /* at the end it stays as it is, and is interrupted then */
        return;
    jobs->has_failed = r < 0;
    jobs->swept_us = 0;
    job_deinit(&slot->job);
    pthread_mutex_lock(&jobs->lock);
    *slot = (struct slot){0};
    pthread_mutex_unlock(&jobs->lock);
}

/* ---- beginnings ---- */

static void begin(struct jobs *jobs, struct slot *slot) {
    struct error error;
    slot->began_us = now_us();
    slot->next = slot->job.commands;
    pthread_mutex_lock(&jobs->lock);
    slot->steps = count_commands(slot->job.commands);
    pthread_mutex_unlock(&jobs->lock);
    if (job_files_clear(jobs->settings.folder, slot->id, &error) < 0)
        set_ended(slot, JOB_FAILED, error.text);
    else
        proceed(jobs, slot);
}

/* The slot is taken before the row says so: who cancels what runs must find it. 1: it was cancelled
 * meanwhile. */
static int claim(struct jobs *jobs, struct slot *slot, struct job *job, struct error *ret_error) {
    pthread_mutex_lock(&jobs->lock);
    *slot = (struct slot){.id = job->id, .left_ms = -1};
    pthread_mutex_unlock(&jobs->lock);
    int r = job_table_begin(jobs->settings.sql, job->id, clock_wall_us(&clock_system), ret_error);
    if (r == 0) {
        slot->job = *job;
        return 0;
    }
    job_deinit(job);
    pthread_mutex_lock(&jobs->lock);
    slot->id = 0;
    pthread_mutex_unlock(&jobs->lock);
    return r;
}

/* 1: nothing waits. */
static int start_next(struct jobs *jobs, struct slot *slot) {
    struct error error;
    struct job job;
    bool is_there;
    int r;
    do {
        r = job_table_next(jobs->settings.sql, JOB_QUEUED, &job, &error);
        is_there = r == 0;
        if (is_there)
            r = claim(jobs, slot, &job, &error);
    } while (is_there && r == 1);
    if (r == 0)
        begin(jobs, slot);
    if (r < 0)
        note(jobs, &error);
    return r;
}

static void sweep(struct jobs *jobs) {
    struct error error;
    bool is_more;
    if (job_sweep(jobs->settings.sql, jobs->settings.folder, &is_more, &error) < 0)
        note(jobs, &error);
    jobs->swept_us = is_more ? 0 : now_us();
}

/* ---- the thread ---- */

/* Returns whether anything runs, or has ended now, so that another may begin. */
static bool step(struct jobs *jobs, bool may_start) {
    bool runs = false;
    for (size_t i = 0; i < jobs->settings.at_once; i++) {
        struct slot *slot = &jobs->slots[i];
        runs |= slot->id != 0;
        if (slot->id == 0 && may_start)
            may_start = start_next(jobs, slot) == 0;
        if (slot->id != 0 && !slot->has_ended && slot->pid != 0) {
            end_child(jobs, slot);
            watch(jobs, slot);
        }
        if (slot->id != 0 && slot->has_ended)
            keep_end(jobs, slot);
        runs |= slot->id != 0;
    }
    return runs;
}

/* What a child says can wait for the round's end: a pipe holds more than it says meanwhile. */
static void pause_round(struct jobs *jobs, int for_ms) {
    struct pollfd woken = {.fd = jobs->wake_descriptor, .events = POLLIN};
    eventfd_t count;
    poll(&woken, 1, for_ms);
    eventfd_read(jobs->wake_descriptor, &count);
}

static void *run(void *user) {
    struct jobs *jobs = user;
    for (;;) {
        bool stopping = is_stopping(jobs);
        bool runs = step(jobs, !stopping);
        if (stopping && !runs)
            return NULL;
        if (!stopping && now_us() - jobs->swept_us > SWEEP_US)
            sweep(jobs);
        pause_round(jobs, runs ? ROUND_MS : jobs->swept_us == 0 ? 0 : IDLE_MS);
    }
}

/* ---- beginning and end ---- */

int jobs_start(const struct jobs_settings *settings, struct jobs **ret_jobs,
               struct error *ret_error) {
    struct jobs *jobs = check_calloc(1, sizeof *jobs);
    check(settings->at_once > 0 && settings->at_once <= JOBS_AT_ONCE_MAX);
    jobs->settings = *settings;
    int r = job_sweep_begin(settings->sql, settings->folder, settings->log, ret_error);
    if (r < 0) {
        free(jobs);
        return r;
    }
    lock_init(&jobs->lock, LOCK_CONSOLE_JOBS);
    jobs->wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(jobs->wake_descriptor >= 0);
    thread_start(&jobs->thread, run, jobs);
    *ret_jobs = jobs;
    return 0;
}

void jobs_stop(struct jobs *jobs) {
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    pthread_mutex_unlock(&jobs->lock);
    jobs_wake(jobs);
    pthread_join(jobs->thread, NULL);
    close(jobs->wake_descriptor);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

/* ---- for other threads ---- */

const char *jobs_folder(const struct jobs *jobs) {
    return jobs->settings.folder;
}

void jobs_wake(struct jobs *jobs) {
    eventfd_write(jobs->wake_descriptor, 1);
}

static int give_files(const struct jobs *jobs, int64_t id, job_giver *give, void *user,
                      struct error *ret_error) {
    char path[JOB_PATH_SIZE];
    int r = job_files_make(jobs->settings.folder, id, ret_error);
    if (r == 0)
        r = job_files_path(jobs->settings.folder, id, JOB_GIVEN, path, ret_error);
    if (r == 0 && give)
        r = give(user, path, ret_error);
    if (r < 0)
        jobs_forget((struct jobs *)(uintptr_t)jobs, id);
    return r;
}

int jobs_add(struct jobs *jobs, const struct job_order *order, job_giver *give, void *user,
             int64_t at_us, int64_t *ret_id, struct error *ret_error) {
    int64_t waiting, id;
    int r = job_table_waiting(jobs->settings.sql, &waiting, ret_error);
    if (r == 0 && waiting >= JOBS_WAITING_MAX)
        r = error_set(ret_error, ERROR_UNAVAILABLE,
                      "%d jobs wait already: try again when some are done", JOBS_WAITING_MAX);
    if (r == 0)
        r = job_table_add(jobs->settings.sql, order, at_us, &id, ret_error);
    if (r == 0)
        r = give_files(jobs, id, give, user, ret_error);
    if (r < 0)
        return r;
    *ret_id = id;
    return 0;
}

/* What cannot be removed now is removed at the next start. */
void jobs_forget(struct jobs *jobs, int64_t id) {
    struct error error;
    if (job_files_remove(jobs->settings.folder, id, &error) < 0)
        log_line(jobs->settings.log, LOG_WARNING, "jobs: %s", error.text);
}

int jobs_cancel(struct jobs *jobs, int64_t id, int64_t at_us, struct error *ret_error) {
    struct job job;
    int r = job_table_find(jobs->settings.sql, id, &job, ret_error);
    if (r < 0)
        return r;
    enum job_state state = job.state;
    job_deinit(&job);
    if (state == JOB_RUNNING)
        return 1;
    if (state != JOB_QUEUED)
        return error_set(ret_error, ERROR_EXISTS, "it has ended already: it is %s",
                         job_state_name(state));
    return job_table_end(jobs->settings.sql, id, JOB_CANCELLED, "",
                         job_files_bytes(jobs->settings.folder, id), at_us, ret_error);
}

void jobs_end(struct jobs *jobs, int64_t id) {
    pthread_mutex_lock(&jobs->lock);
    for (size_t i = 0; i < JOBS_AT_ONCE_MAX; i++)
        if (jobs->slots[i].id == id && jobs->slots[i].ending == ENDING_NONE)
            jobs->slots[i].ending = ENDING_CANCELLED;
    pthread_mutex_unlock(&jobs->lock);
    jobs_wake(jobs);
}

void jobs_write_progress(void *user, int64_t id, struct buffer *out) {
    struct jobs *jobs = user;
    pthread_mutex_lock(&jobs->lock);
    for (size_t i = 0; i < JOBS_AT_ONCE_MAX; i++) {
        const struct slot *slot = &jobs->slots[i];
        if (slot->id != id)
            continue;
        json_begin_object(out, "progress");
        json_add_unsigned(out, "step", slot->step);
        json_add_unsigned(out, "steps", slot->steps);
        json_add_text(out, "phase", text_of(slot->phase));
        json_add_unsigned(out, "done", slot->done);
        json_add_unsigned(out, "total", slot->total);
        if (slot->left_ms >= 0)
            json_add_signed(out, "left_ms", slot->left_ms);
        json_add_bool(out, "ending", slot->ending != ENDING_NONE);
        json_end_object(out);
    }
    pthread_mutex_unlock(&jobs->lock);
}
