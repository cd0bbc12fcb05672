/* harrier night: the command line of clients/cli/night/night_run.h.
 *
 * Which nights run: the newest one, if it was interrupted; then the one of today, or of --date. A
 * night that is complete already is not run again, unless --again: its result is reported. */
#include "clients/cli/io/beginning.h"
#include "clients/cli/night/night_alerts.h"
#include "clients/cli/night/night_run.h"

#include "batch/base/day.h"
#include "batch/rebuild/rebuild.h"
#include "clients/cli/night/night_candidates.h"
#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/priority.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "command.h"
#include "core/base/json_writer.h"

#include <argp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MINUTE_US UINT64_C(60000000)

struct options {
    struct night_options night;
    int64_t day; /* of --date; -1: today */
    bool quiet, normal_priority, again, notes_failure;
    enum progress_choice progress;
};

enum {
    OPTION_VERIFY = 256,
    OPTION_HOOK,
    OPTION_HOOK_TIMEOUT,
    OPTION_REJECTS,
    OPTION_DRIFT,
    OPTION_RETRIES,
    OPTION_RETRY_DELAY,
    OPTION_KEEP,
    OPTION_GENERATIONS,
    OPTION_DATE,
    OPTION_AGAIN,
    OPTION_PRIORITY,
    OPTION_NOTE_FAILURE,
    OPTION_ID_HORIZON,
    OPTION_POLICY,
    OPTION_TRAIN,
    OPTION_TRAIN_PROGRAM,
    OPTION_TRAIN_DAYS,
    OPTION_TRAIN_EVERY,
    OPTION_TRAIN_TIMEOUT,
    OPTION_CANDIDATES,
    OPTION_BEATS,
    OPTION_OUTCOMES_AFTER,
};

static const char *const priorities[] = {"idle", "normal"};
static const char *const verifications[] = {"sample", "whole", "none"};
static const char *const drifts[] = {"auto", "none"};

/* What the rebuild takes, too. */
static error_t parse_rebuild_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    struct night_options *night = &options->night;
    switch (key) {
    case 'm':
        night->memory_bytes = bytes_option_parse("--memory", value, REBUILD_MEMORY_MIN, state);
        return 0;
    case 't':
        night->threads = (size_t)count_option_parse("--threads", value, 1, 256, state);
        return 0;
    case 'F':
        night->full = true;
        return 0;
    case OPTION_ID_HORIZON:
        night->keep_all_ids = id_horizon_option_parse(value, &night->id_days, state);
        return 0;
    case OPTION_GENERATIONS:
        night->generations = (size_t)count_option_parse("--generations", value, 1, 100000, state);
        return 0;
    case OPTION_PRIORITY:
        options->normal_priority =
            choice_option_parse("--priority", value, priorities, 2, state) == 1;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Of models. */
static error_t parse_model_option(int key, char *value, struct argp_state *state) {
    struct night_model_options *models = &((struct options *)state->input)->night.models;
    struct error error;
    switch (key) {
    case OPTION_POLICY:
        models->policy = value;
        return 0;
    case OPTION_TRAIN:
        models->train = value;
        return 0;
    case OPTION_TRAIN_PROGRAM:
        models->program = value;
        return 0;
    case OPTION_TRAIN_DAYS:
        models->train_days = count_option_parse("--train-days", value, 1, 36500, state);
        return 0;
    case OPTION_TRAIN_EVERY:
        models->every_days = count_option_parse("--train-every", value, 1, 36500, state);
        return 0;
    case OPTION_TRAIN_TIMEOUT:
        models->timeout_us = (int64_t)duration_option_parse("--train-timeout", value, 1000000,
                                                            7 * (uint64_t)DAY_US, state);
        return 0;
    case OPTION_CANDIDATES:
        models->kept = count_option_parse("--candidates", value, 1, 1000, state);
        return 0;
    case OPTION_BEATS:
        if (promotion_terms_add(&models->terms, value, &error) < 0)
            argp_error(state, "--beats: %s", error.text);
        return 0;
    case OPTION_OUTCOMES_AFTER:
        models->outcomes_after_us = (int64_t)duration_option_parse("--outcomes-after", value, 0,
                                                                   36500 * (uint64_t)DAY_US, state);
        return 0;
    default:
        return parse_rebuild_option(key, value, state);
    }
}

static void check_models(const struct night_model_options *models, struct argp_state *state) {
    if (models->program && !models->train)
        argp_error(state, "--train-program: which model? (--train MODEL)");
    if ((models->train || models->terms.count > 0) && !models->policy)
        argp_error(state, "--train and --beats need the folder of the policy in force (--policy "
                          "FOLDER)");
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    struct night_options *night = &options->night;
    switch (key) {
    case 'd':
        night->data = value;
        return 0;
    case OPTION_VERIFY:
        night->verification = (enum night_verification)choice_option_parse("--verify", value,
                                                                           verifications, 3, state);
        return 0;
    case OPTION_HOOK:
        night->hook = value;
        return 0;
    case OPTION_HOOK_TIMEOUT:
        night->hook_timeout_us = (int64_t)duration_option_parse("--hook-timeout", value, 1000000,
                                                                7 * (uint64_t)DAY_US, state);
        return 0;
    case OPTION_REJECTS:
        night->rejects = value;
        return 0;
    case OPTION_DRIFT:
        night->has_drift = choice_option_parse("--drift", value, drifts, 2, state) == 0;
        return 0;
    case OPTION_RETRIES:
        night->retries = count_option_parse("--retries", value, 0, 1000, state);
        return 0;
    case OPTION_RETRY_DELAY:
        night->retry_delay_us =
            (int64_t)duration_option_parse("--retry-delay", value, 1000, 60 * MINUTE_US, state);
        return 0;
    case OPTION_KEEP:
        night->keep_days = count_option_parse("--keep", value, 1, 36500, state);
        return 0;
    case OPTION_DATE:
        if (!night_date_parse(value, &options->day))
            argp_error(state, "--date: \"%s\" is not a day; expected YYYY-MM-DD", value);
        if (options->day > day_of_us(realtime_us()))
            argp_error(state, "--date: %s has not come yet", value);
        return 0;
    case OPTION_AGAIN:
        options->again = true;
        return 0;
    case OPTION_NOTE_FAILURE:
        options->notes_failure = true;
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
        if (!night->data)
            argp_error(state, "which data folder? (--data DIR)");
        check_models(&night->models, state);
        return 0;
    default:
        return parse_model_option(key, value, state);
    }
}

static const struct argp_option arguments[] = {
    {"data", 'd', "DIR", 0, "The server's data folder; reports go into " FOLDER_NIGHTS "/ in it",
     0},
    {"verify", OPTION_VERIFY, "HOW", 0,
     "Compare the tables with the archive: a sample of one key in 16 (the default; all of them in "
     "16 nights), whole, or none",
     0},
    {"hook", OPTION_HOOK, "PROGRAM", 0,
     "Run this at the end, for example a backup. Its environment has HARRIER_DATA_DIR, "
     "HARRIER_ARCHIVE, HARRIER_GENERATION, HARRIER_NIGHT_DATE, HARRIER_NIGHT_DIR, "
     "HARRIER_NIGHT_POSITION and HARRIER_NIGHT_ALERTS. Status 75: try again later",
     0},
    {"hook-timeout", OPTION_HOOK_TIMEOUT, "DURATION", 0, "Kill the hook after this time (1h)", 0},
    {"rejects", OPTION_REJECTS, "FILE", 0,
     "Count the refused transactions in this file of the server's option rejects, and in FILE.1 "
     "(default: rejects.jsonl in the data folder)",
     0},
    {"drift", OPTION_DRIFT, "auto|none", 0,
     "auto (the default): compare the values of features with last week's, by a replay", 0},
    {"policy", OPTION_POLICY, "FOLDER", 0,
     "The folder of the policy in force, for --train and --beats; it is only read", 0},
    {"train", OPTION_TRAIN, "MODEL", 0,
     "Train this model of the policy anew, as harrier train does, into " FOLDER_CANDIDATES
     "/DATE in the data folder; " FOLDER_CANDIDATES "/" CANDIDATE_LATEST
     " is a link to the newest, for the server's option shadow",
     0},
    {"train-program", OPTION_TRAIN_PROGRAM, "PROGRAM", 0,
     "Train with this program instead, which gets the arguments of harrier train", 0},
    {"train-days", OPTION_TRAIN_DAYS, "DAYS", 0,
     "Train on so many days, which end a week and --outcomes-after before the night (180)", 0},
    {"train-every", OPTION_TRAIN_EVERY, "DAYS", 0,
     "Train only if the newest candidate is at least so old (1)", 0},
    {"train-timeout", OPTION_TRAIN_TIMEOUT, "DURATION", 0, "Give up training after this time (4h)",
     0},
    {"candidates", OPTION_CANDIDATES, "N", 0, "Candidates to keep (14)", 0},
    {"beats", OPTION_BEATS, "METRIC:MARGIN", 0,
     "Report whether a candidate of an earlier night would be promoted by this margin, as harrier "
     "policy promote judges it; may be repeated. Nothing is promoted",
     0},
    {"outcomes-after", OPTION_OUTCOMES_AFTER, "DURATION", 0,
     "For --train and --beats, transactions are mature at this age (30d)", 0},
    {"retries", OPTION_RETRIES, "N", 0,
     "Try a step that another process or the disk prevents this many times again (3)", 0},
    {"retry-delay", OPTION_RETRY_DELAY, "DURATION", 0,
     "Pause before the first of these attempts; it doubles each time (1m)", 0},
    {"keep", OPTION_KEEP, "DAYS", 0, "Keep the reports of so many days (90)", 0},
    {"date", OPTION_DATE, "YYYY-MM-DD", 0,
     "Run the night of this earlier date, which reports on the day before (default: today, UTC)",
     0},
    {"again", OPTION_AGAIN, NULL, 0, "Run the night anew even if it is complete", 0},
    {"memory", 'm', "SIZE", 0,
     "Memory for the rebuild and for the report's figures (default: a quarter of the machine's). "
     "Drift that would take more is left out; it does not limit the verification",
     0},
    {"threads", 't', "N", 0, "Threads (default: one per core)", 0},
    {"full", 'F', NULL, 0, "Rebuild from the first record", 0},
    ID_HORIZON_ARGUMENT(OPTION_ID_HORIZON),
    {"generations", OPTION_GENERATIONS, "N", 0,
     "Generations to keep, including the new one (3); fewer make the drift slow", 0},
    {"priority", OPTION_PRIORITY, "idle|normal", 0,
     "idle (the default): use processor and disk only when no other process needs them", 0},
    {"quiet", 'q', NULL, 0, "No progress and no summary", 0},
    {"note-failure", OPTION_NOTE_FAILURE, NULL, 0,
     "Only note that the last run ended without a result, for metrics: see "
     "harrier-night-failed.service",
     0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "--data DIR",
    .doc = "Runs a night: rebuilds the tables, verifies them, compares and trains models if asked, "
           "reports on the day before, seals the archive, and runs a hook. A server may be "
           "running.\v"
           "Each step is in the journal, DATA/" FOLDER_NIGHTS "/DATE/" NIGHT_JOURNAL_NAME
           "; report.json and report.html are beside it. A night that was interrupted is completed "
           "by the next run. A step that fails for a while is tried again.\n\n"
           "Exit status: 0 done and nothing to be alarmed about, 2 done, and the report has "
           "alerts, 65 the archive is damaged, 66 there is nothing to build from, 69 the hook "
           "failed, 74 the disk is full or fails, 75 interrupted, or another night or rebuild is "
           "running, 78 the archive's last policy is invalid.",
};

/* ---- what it came to ---- */

static void print_json(const struct night_run *run) {
    const struct night_journal *journal = &run->journal;
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_text(&line, "date", text_of(journal->date));
    json_add_bool(&line, "complete", night_journal_is_complete(journal));
    json_add_hex(&line, "generation", journal->generation_id);
    json_add_unsigned(&line, "position", journal->place.position);
    json_begin_object(&line, "findings");
    for (int i = 0; i < NIGHT_SEVERITY_COUNT; i++)
        json_add_unsigned(&line, night_severity_name((enum night_severity)i), journal->findings[i]);
    json_end_object(&line);
    json_add_unsigned(&line, "held_back", journal->held_back);
    json_add_unsigned(&line, "sealed", journal->sealed);
    json_end_object(&line);
    json_print_line(&line);
}

static void print_text(const struct night_run *run) {
    const struct night_journal *journal = &run->journal;
    char number[QUANTITY_COUNT_SIZE], duration[QUANTITY_DURATION_SIZE];
    printf("night         %s\n", journal->date);
    printf("generation    %016" PRIx64 " at position %s\n", journal->generation_id,
           quantity_format_count(journal->place.position, number));
    for (int i = 0; i < NIGHT_STEP_COUNT; i++)
        printf("  %-11s %s, %s\n", night_step_name((enum night_step)i),
               night_step_state_name(journal->steps[i].state),
               quantity_format_duration(journal->steps[i].milliseconds * 1000, duration));
    printf("findings      alerts %" PRIu64 ", warnings %" PRIu64 ", notes %" PRIu64 "\n",
           journal->findings[NIGHT_ALERT], journal->findings[NIGHT_WARNING],
           journal->findings[NIGHT_NOTE]);
    printf("report        %s/" FOLDER_NIGHTS "/%s/report.html\n", run->options->data,
           journal->date);
}

static enum exit_status finish(const struct night_run *run, const struct options *options) {
    if (!options->quiet) {
        (isatty(STDOUT_FILENO) ? print_text : print_json)(run);
        night_say_alerts(run->folder);
    }
    return run->journal.findings[NIGHT_ALERT] > 0 ? EXIT_STATUS_ALERTS : EXIT_STATUS_OK;
}

/* ---- which nights ---- */

/* The newest night, if it was cut off: not if it failed, which this run may mend by a night of its
 * own. */
static int complete_earlier(struct night_run *run, int64_t day, struct error *ret_error) {
    int64_t newest;
    int r = night_run_find_newest(run, &newest, ret_error);
    if (r <= 0 || newest >= day)
        return r < 0 ? r : 0;
    r = night_run_take(run, newest, false, ret_error);
    if (r != 0)
        return r < 0 ? r : 0;
    if (night_journal_is_complete(&run->journal) || run->journal.has_failed)
        return 0;
    return night_run_complete(run, ret_error);
}

/* Of the earlier night, what is not this run's business is only reported. */
static int run_nights(struct night_run *run, const struct options *options,
                      struct error *ret_error) {
    int64_t today = day_of_us(realtime_us()), day = options->day >= 0 ? options->day : today;
    int r = options->day >= 0 ? 0 : complete_earlier(run, day, ret_error);
    if (r < 0 && (ret_error->code == ERROR_INTERRUPTED || ret_error->code == ERROR_EXISTS))
        return r;
    if (r < 0)
        fprintf(stderr, "harrier: %s\n", ret_error->text);
    run->is_belated = day < today;
    r = night_run_take(run, day, options->again, ret_error);
    if (r == 0 && night_journal_is_complete(&run->journal) && run->journal.ended_us > 0)
        return 0;
    return r < 0 ? r : night_run_complete(run, ret_error);
}

static int note_failure(const struct options *options) {
    struct error error;
    int r = night_run_note_failure(options->night.data, realtime_us(), &error);
    return r < 0 ? (int)exit_with(&error) : EXIT_STATUS_OK;
}

int command_night(int argc, char **argv) {
    struct options options = {.day = -1,
                              .night = {.verification = NIGHT_VERIFY_SAMPLE,
                                        .hook_timeout_us = 60 * (int64_t)MINUTE_US,
                                        .has_drift = true,
                                        .retries = 3,
                                        .retry_delay_us = (int64_t)MINUTE_US,
                                        .keep_days = 90,
                                        .models = {.train_days = 180,
                                                   .every_days = 1,
                                                   .timeout_us = 240 * (int64_t)MINUTE_US,
                                                   .outcomes_after_us = 30 * DAY_US,
                                                   .kept = 14}}};
    struct progress_bar progress;
    struct night_run run;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (options.notes_failure)
        return note_failure(&options);
    beginning_note(options.night.data, options.quiet);
    options.night.drop_cache = !options.normal_priority;
    if (!options.normal_priority)
        priority_set_idle();
    signal(SIGXFSZ, SIG_IGN); /* a limit on files is like a full disk: writing fails */
    progress_bar_init(&progress, progress_style_of(options.progress, options.quiet, false), NULL);
    progress.stop = interrupt_watch();
    int r = night_run_open(&run, &options.night, &progress, &error);
    if (r == 0)
        r = run_nights(&run, &options, &error);
    progress_bar_clear(&progress);
    enum exit_status status = r < 0 ? exit_with(&error) : finish(&run, &options);
    if (r < 0 && error.code == ERROR_INVALID)
        status = EXIT_STATUS_BAD_POLICY;
    night_run_close(&run);
    return (int)status;
}
