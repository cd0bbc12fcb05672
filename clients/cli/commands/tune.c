/* harrier tune: the command line of batch/tune/tune.h.
 *
 *   parse     tune_options.h
 *   load      the present policy: --rules and money are checked against it
 *   learn     on the training range
 *   edit      the changes go into the policy's files, in memory; the result must load
 *   confirm   both policies on the test range; decisions that flip are written as they come
 *   report    text or JSON
 *   write     with --out, the tuned policy as a new folder
 *
 * Nothing that exists is written over: --flips and --out are refused at the beginning if their
 * names are taken. */
#include "batch/tune/tune.h"

#include "batch/base/policy_folder.h"
#include "batch/tune/tune_candidates.h"
#include "clients/cli/io/beginning.h"
#include "clients/cli/policy/files_diff.h"
#include "clients/cli/policy/policy_export.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/tune/policy_edit.h"
#include "clients/cli/tune/tune_json.h"
#include "clients/cli/tune/tune_text.h"
#include "command.h"
#include "core/base/check.h"
#include "core/engine/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct tuning {
    struct tune_command command;
    struct progress_bar bar;
    char *archive;
    struct snapshot *policy, *tuned;
    size_t *rules;
    struct tune_aim aim;
    struct tune *tune;
    struct tune_flips flips;
    struct tune_change *changes;
    struct arena arena; /* the tuned policy's files */
    struct policy_file *files;
    struct buffer diff;
    struct tune_document document;
    bool is_usage; /* the error is one of the command line */
};

/* ---- before the work ---- */

/* Also that it can be made there: a search takes long. */
static int check_out(const struct tuning *tuning, struct error *ret_error) {
    struct folder_draft draft;
    struct stat status;
    if (!tuning->command.out)
        return 0;
    if (lstat(tuning->command.out, &status) == 0)
        return error_set(ret_error, ERROR_INVALID,
                         "--out %s: it exists and is not written over; name a new folder",
                         tuning->command.out);
    if (folder_draft_open(&draft, tuning->command.out, NULL, ret_error) < 0)
        return error_prefix(ret_error, "--out %s", tuning->command.out);
    folder_draft_discard(&draft);
    return 0;
}

static int prepare(struct tuning *tuning, struct tune_options *options, struct error *ret_error) {
    const struct tune_command *command = &tuning->command;
    int r = check_out(tuning, ret_error);
    tuning->is_usage = r == -ERROR_INVALID;
    if (r == 0)
        r = policy_folder_load(command->policy, &tuning->policy, ret_error);
    if (r < 0)
        return r;
    tuning->is_usage = true;
    r = tune_command_rules(command, tuning->policy, &tuning->rules, &options->rule_count,
                           ret_error);
    if (r == 0)
        r = tune_command_aim(command, tuning->policy, &tuning->aim, ret_error);
    if (r == 0)
        r = tune_flips_open(&tuning->flips, command->flips, command->listed, ret_error);
    tuning->is_usage = r == -ERROR_INVALID;
    options->archive = tuning->archive;
    options->policy = command->policy;
    options->snapshot = tuning->policy;
    options->train = command->train;
    options->test = command->test;
    options->rules = tuning->rules;
    memcpy(options->kinds, command->kinds, sizeof options->kinds);
    options->aim = tuning->aim;
    options->outcomes_after_us = command->outcomes_after_us;
    options->threads = (size_t)command->threads;
    options->memory_bytes = command->memory_bytes;
    return r;
}

/* ---- the tuned policy ---- */

/* From the best setting; without changes the tuned policy is the present one. */
static void find_changes(struct tuning *tuning) {
    const struct tune_problem *problem = tune_problem_of(tuning->tune);
    const uint16_t *setting = tune_result(tuning->tune)->best.setting;
    tuning->changes = check_calloc(problem->knob_count + 1, sizeof *tuning->changes);
    for (size_t i = 0; i < problem->knob_count; i++) {
        const struct tune_knob *knob = &problem->knobs[i];
        if (setting[i] != knob->present)
            tuning->changes[tuning->document.change_count++] =
                (struct tune_change){.knob = knob, .value = knob->candidates[setting[i]]};
    }
}

static void edit_files(struct tuning *tuning) {
    size_t count = tuning->document.change_count;
    struct policy_edit *edits = check_calloc(count + 1, sizeof *edits);
    for (size_t i = 0; i < count; i++) {
        char number[TUNE_NUMBER_SIZE];
        tune_number_format(tuning->changes[i].value, number);
        edits[i] = (struct policy_edit){.tunable = tuning->changes[i].knob->tunable,
                                        .number = arena_text(&tuning->arena, text_of(number))};
        check(edits[i].number.data);
    }
    tuning->files = policy_edit_apply(tune_tunables(tuning->tune), edits, count, &tuning->arena);
    free(edits);
}

static size_t failed_cases(struct snapshot *snapshot) {
    struct buffer messages;
    buffer_init(&messages);
    size_t failed = trial_run_all(snapshot, &messages);
    buffer_deinit(&messages);
    return failed;
}

static int load_tuned(struct tuning *tuning, struct error *ret_error) {
    size_t count = tuning->policy->file_count;
    struct buffer messages;
    buffer_init(&messages);
    int r = snapshot_load_new(tuning->files, count, &tuning->tuned, &messages, ret_error);
    buffer_deinit(&messages);
    if (r < 0)
        return error_prefix(ret_error, "the policy with the numbers that were found");
    files_diff_write(&(struct diff_side){"a", tuning->policy->files, count},
                     &(struct diff_side){"b", tuning->files, count}, true, &tuning->diff);
    return 0;
}

static int make_tuned(struct tuning *tuning, struct error *ret_error) {
    find_changes(tuning);
    if (tuning->document.change_count == 0) {
        tuning->tuned = snapshot_ref(tuning->policy);
        return 0;
    }
    edit_files(tuning);
    int r = load_tuned(tuning, ret_error);
    if (r < 0)
        return r;
    tuning->document.cases = tuning->tuned->case_count;
    tuning->document.failed_before = failed_cases(tuning->policy);
    tuning->document.failed_cases = failed_cases(tuning->tuned);
    return 0;
}

/* ---- the test range ---- */

static int take_flip(void *user, const struct replay_row *row, struct buffer *prepared,
                     struct error *ret_error) {
    (void)user;
    (void)ret_error;
    tune_flips_format(row, prepared);
    return 0;
}

static int write_flip(void *user, struct text prepared, struct error *ret_error) {
    struct tuning *tuning = user;
    return tune_flips_add(&tuning->flips, prepared, ret_error);
}

/* ---- the run ---- */

static int run(struct tuning *tuning, struct error *ret_error) {
    struct tune_options options = {0};
    const struct tune_listener listener = {take_flip, write_flip, tuning};
    struct progress *progress = &tuning->bar.progress;
    int r = prepare(tuning, &options, ret_error);
    if (r == 0)
        r = tune_learn(&options, progress, &tuning->tune, ret_error);
    if (r == 0)
        r = make_tuned(tuning, ret_error);
    if (r == 0)
        r = tune_confirm(tuning->tune, tuning->tuned, &listener, progress,
                         &tuning->document.confirmed, ret_error);
    if (r == 0 && tuning->document.confirmed.figures->transactions == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "the test range has no transactions that both policies decide");
    if (r == 0)
        r = tune_flips_finish(&tuning->flips, ret_error);
    if (r == 0 && tuning->command.out && tuning->document.change_count > 0)
        r = policy_export(tuning->command.out, tuning->files, tuning->policy->file_count,
                          tuning->tuned->id, ret_error);
    return r;
}

static enum exit_status report(struct tuning *tuning) {
    struct tune_document *document = &tuning->document;
    struct buffer out;
    buffer_init(&out);
    document->command = &tuning->command;
    document->aim = &tuning->aim;
    document->tune = tuning->tune;
    document->policy = tuning->policy;
    document->tuned = tuning->tuned;
    document->changes = tuning->changes;
    document->flips = &tuning->flips;
    document->diff = buffer_text(&tuning->diff);
    (tuning->command.json ? tune_json_format : tune_text_format)(document, &out);
    fwrite(out.bytes, 1, out.length, stdout);
    buffer_deinit(&out);
    if (tuning->command.out && !tuning->command.quiet) {
        if (document->change_count > 0)
            fprintf(stderr, "harrier: %s has the tuned policy\n", tuning->command.out);
        else
            fprintf(stderr, "harrier: nothing to write: %s was not made\n", tuning->command.out);
    }
    return exit_after_output(EXIT_STATUS_OK);
}

static enum exit_status fail(const struct tuning *tuning, const struct error *error) {
    enum exit_status status = exit_with(error);
    if (tuning->is_usage || error->code == ERROR_TOO_LARGE) /* --memory, or a shorter range */
        return EXIT_STATUS_USAGE;
    return !tuning->policy && error->code == ERROR_INVALID ? EXIT_STATUS_BAD_POLICY : status;
}

static void close_tuning(struct tuning *tuning) {
    tune_flips_close(&tuning->flips);
    tune_free(tuning->tune);
    snapshot_unref(tuning->tuned);
    snapshot_unref(tuning->policy);
    free(tuning->rules);
    free(tuning->changes);
    free(tuning->archive);
    buffer_deinit(&tuning->diff);
    arena_deinit(&tuning->arena);
}

int command_tune(int argc, char **argv) {
    struct tuning tuning = {0};
    struct error error;
    tune_command_parse(argc, argv, &tuning.command);
    arena_init(&tuning.arena, SIZE_MAX / 4); /* the limits are the policy's */
    buffer_init(&tuning.diff);
    tuning.archive = folder_of_archive(tuning.command.archive);
    beginning_note(tuning.command.archive, tuning.command.quiet);
    progress_bar_init(&tuning.bar,
                      progress_style_of(tuning.command.progress, tuning.command.quiet, false),
                      "records");
    tuning.bar.stop = interrupt_watch();
    int r = run(&tuning, &error);
    progress_bar_clear(&tuning.bar);
    enum exit_status status = r < 0 ? fail(&tuning, &error) : report(&tuning);
    close_tuning(&tuning);
    return (int)status;
}
