#include "night_train.h"

#include "batch/base/day.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/engine/trial.h"
#include "core/policy/load/snapshot.h"
#include "core/store/archive/file.h"
#include "core/store/nights/night_files.h"
#include "night_candidates.h"
#include "night_program.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define TRAIN_LOG     "train.log"
#define LOG_MOST      (INT64_C(16) << 20) /* on the archive's disk, which must not fill up */
#define LOG_TAIL_SIZE 400                 /* of what a reason quotes */
#define TEST_DAYS     7                   /* behind the training, for the model card */
#define RANGE_SIZE    (2 * NIGHT_DATE_SIZE + 2)

/* Nothing to do, and why. */
static int skip(struct night_run *run, const char *before, const char *date, const char *after) {
    struct night_step_entry *entry = &run->journal.steps[NIGHT_STEP_TRAIN];
    snprintf(entry->reason, sizeof entry->reason, "%s%s%s", before, date, after);
    return 1;
}

/* ---- the program ---- */

/* What is no text, such as the colours of a terminal, is replaced. */
static void clean(char *line, size_t length) {
    size_t bad;
    for (size_t i = 0; !text_is_clean((struct text){line + i, length - i}, &bad);) {
        line[i + bad] = '?';
        i += bad + 1;
    }
}

/* The last line that it printed. */
static void quote_log(int log, char ret_line[LOG_TAIL_SIZE]) {
    char tail[LOG_TAIL_SIZE];
    off_t size = lseek(log, 0, SEEK_END),
          from = size < LOG_TAIL_SIZE ? 0 : size - LOG_TAIL_SIZE + 1;
    ssize_t end = size > 0 ? file_read_at(log, tail, LOG_TAIL_SIZE - 1, (uint64_t)from) : 0;
    while (end > 0 && strchr("\n\r ", tail[end - 1]))
        end--;
    ssize_t begin = end;
    while (begin > 0 && tail[begin - 1] != '\n')
        begin--;
    size_t length = end > 0 ? (size_t)(end - begin) : 0;
    memcpy(ret_line, tail + begin, length);
    ret_line[length] = '\0';
    clean(ret_line, length);
}

static int start_program(struct night_run *run, const char *const *arguments, int log,
                         struct error *ret_error) {
    const struct night_program program = {.what = "the training program",
                                          .arguments = arguments,
                                          .output = log,
                                          .output_most = LOG_MOST,
                                          .takes_all = true,
                                          .timeout_us = run->options->models.timeout_us,
                                          .stop = run->progress->stop};
    char line[LOG_TAIL_SIZE];
    int status = 0, r = night_program_run(&program, &status, ret_error);
    run->is_final = r < 0 || status != NIGHT_TRY_LATER;
    if (r < 0 || status == 0)
        return r;
    quote_log(log, line);
    return error_set(ret_error, ERROR_UNAVAILABLE, "%s ended with status %d%s%s", arguments[0],
                     status, *line ? ": " : "", line);
}

#define ARGUMENTS_MAX 24

/* The command line of harrier train, with what it points to. */
struct training {
    const char *arguments[ARGUMENTS_MAX];
    size_t count;
    char self[PATH_MAX];
    char learn[RANGE_SIZE], test[RANGE_SIZE], mature[32], threads[32], memory[32];
};

static void add(struct training *training, const char *option, const char *value) {
    check(training->count + 3 < ARGUMENTS_MAX);
    training->arguments[training->count++] = option;
    if (value)
        training->arguments[training->count++] = value;
}

static void format_range(int64_t from_day, int64_t until_day, char ret_range[RANGE_SIZE]) {
    char from[NIGHT_DATE_SIZE], until[NIGHT_DATE_SIZE];
    snprintf(ret_range, RANGE_SIZE, "%s..%s", night_date_format(from_day > 0 ? from_day : 0, from),
             night_date_format(until_day, until));
}

/* All that it learns from is mature when the test begins. */
static int find_ranges(const struct night_run *run, struct training *training,
                       struct error *ret_error) {
    const struct night_model_options *models = &run->options->models;
    int64_t test_day = run->day - TEST_DAYS;
    int64_t until_day = day_of_us(test_day * DAY_US - models->outcomes_after_us);
    if (until_day <= 0)
        return error_set(ret_error, ERROR_INVALID, "there is no day to train on");
    format_range(until_day - (int64_t)models->train_days, until_day, training->learn);
    format_range(test_day, run->day, training->test);
    return 0;
}

static int begin_command(const struct night_run *run, struct training *training,
                         struct error *ret_error) {
    const struct night_model_options *models = &run->options->models;
    *training = (struct training){.count = 0};
    if (models->program) {
        add(training, models->program, NULL);
        return 0;
    }
    if (readlink("/proc/self/exe", training->self, sizeof training->self - 1) < 0)
        return error_set_errno(ret_error, errno, "cannot find this program");
    add(training, training->self, "train");
    return 0;
}

static int make_command(const struct night_run *run, const char *out, struct training *training,
                        struct error *ret_error) {
    const struct night_options *options = run->options;
    int r = begin_command(run, training, ret_error);
    if (r == 0)
        r = find_ranges(run, training, ret_error);
    if (r < 0)
        return r;
    snprintf(training->mature, sizeof training->mature, "%" PRId64 "us",
             options->models.outcomes_after_us);
    add(training, run->archive, NULL);
    add(training, "--policy", options->models.policy);
    add(training, "--model", options->models.train);
    add(training, "--train", training->learn);
    add(training, "--test", training->test);
    add(training, "--outcomes-after", training->mature);
    add(training, "--out", out);
    if (options->threads > 0) {
        snprintf(training->threads, sizeof training->threads, "%zu", options->threads);
        add(training, "--threads", training->threads);
    }
    if (options->memory_bytes > 0) {
        snprintf(training->memory, sizeof training->memory, "%" PRIu64 "K",
                 options->memory_bytes >> 10);
        add(training, "--memory", training->memory);
    }
    add(training, "--quiet", NULL);
    return 0;
}

/* The lock goes with the descriptor, which the program and all that it starts inherit: it tells
 * whether something of an attempt that was killed is still at work, on the same draft. */
static int open_log(struct night_run *run, int *ret_log, struct error *ret_error) {
    *ret_log = openat(run->folder, TRAIN_LOG, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*ret_log < 0)
        return error_set_errno(ret_error, errno, "cannot write " TRAIN_LOG);
    if (flock(*ret_log, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return error_set(
            ret_error, ERROR_UNAVAILABLE,
            "what the training of an earlier attempt started is still at work: it has " TRAIN_LOG
            " open");
    return ftruncate(*ret_log, 0) == 0
               ? 0
               : error_set_errno(ret_error, errno, "cannot write " TRAIN_LOG);
}

static int run_program(struct night_run *run, const struct night_candidates *candidates,
                       const char *draft, struct error *ret_error) {
    struct training training;
    int r = make_command(run, draft, &training, ret_error);
    if (r < 0)
        return r;
    int log;
    r = open_log(run, &log, ret_error);
    if (r == 0)
        r = night_candidates_clear(candidates, ret_error);
    if (r == 0)
        r = start_program(run, training.arguments, log, ret_error);
    if (log >= 0)
        close(log);
    return r;
}

/* ---- its result ---- */

static int check_policy(const char *folder, struct error *ret_error) {
    struct snapshot *snapshot = NULL;
    struct buffer messages;
    buffer_init(&messages);
    int r = snapshot_load_folder(folder, &snapshot, &messages, ret_error);
    if (r == 0 && trial_run_all(snapshot, &messages) > 0)
        r = error_set(ret_error, ERROR_INVALID, "cases of the trained policy fail");
    else if (r < 0)
        error_prefix(ret_error, "the trained policy");
    if (r < 0)
        fwrite(messages.bytes, 1, messages.length, stderr);
    snapshot_unref(snapshot);
    buffer_deinit(&messages);
    return r;
}

/* The journal says so before the candidate takes its place: whoever goes on after a kill need not
 * train again. */
static int train(struct night_run *run, const struct night_candidates *candidates,
                 struct error *ret_error) {
    char *draft = night_candidate_draft(candidates, run->day);
    int r = run_program(run, candidates, draft, ret_error);
    if (r == 0)
        r = check_policy(draft, ret_error);
    if (r == 0)
        r = night_candidate_sync(candidates, run->day, ret_error);
    free(draft);
    if (r < 0)
        return r;
    night_date_format(run->day, run->journal.trained);
    return night_journal_write(run->folder, &run->journal, ret_error);
}

/* ---- when ---- */

static int train_if_due(struct night_run *run, struct night_candidates *candidates,
                        struct error *ret_error) {
    bool is_trained = run->journal.trained[0] != '\0'; /* by an attempt that got no further */
    int64_t newest = candidates->count > 0 ? candidates->days[0] : INT64_MIN;
    char date[NIGHT_DATE_SIZE] = "";
    if (candidates->count > 0)
        night_date_format(newest, date);
    if (newest > run->day) {
        run->journal.trained[0] = '\0';
        return skip(run, "there is a newer candidate, of ", date, "");
    }
    if (!is_trained && newest < run->day &&
        newest > run->day - (int64_t)run->options->models.every_days)
        return skip(run, "the candidate of ", date, " is young enough");
    int r = is_trained ? 0 : train(run, candidates, ret_error);
    return r < 0 ? r
                 : night_candidate_publish(candidates, run->day, run->options->models.kept,
                                           ret_error);
}

int night_train(struct night_run *run, struct error *ret_error) {
    struct night_candidates candidates;
    if (!run->options->models.train)
        return 1;
    int r = night_candidates_open(run->options->data, &candidates, ret_error);
    if (r == 0)
        r = train_if_due(run, &candidates, ret_error);
    night_candidates_close(&candidates);
    return r;
}
