/* harrier policy: policies as they were, from the archive. list: when each was in force; show: its
 * files; diff: what has changed between two, or to a folder that is not live yet; export: a folder
 * of it; rollback: its files in the place of those of a policy's folder; promote: the same with the
 * challenger's, or a candidate's if it beats the champion; arms: challengers and the policies
 * beside them, compared.
 *
 * The archive is only read. Nothing here talks to a server: what rollback has put into a folder
 * comes into force when a server reloads it, which it does by itself if it watches the folder. */
#include "batch/policies/policy_history.h"

#include "clients/cli/io/beginning.h"
#include "clients/cli/policy/files_diff.h"
#include "clients/cli/policy/policy_arms.h"
#include "clients/cli/policy/policy_export.h"
#include "clients/cli/policy/policy_options.h"
#include "clients/cli/policy/policy_output.h"
#include "clients/cli/policy/policy_rollback.h"
#include "clients/cli/policy/promotion.h"
#include "clients/cli/policy/quoted_path.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/progress_bar.h"
#include "command.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/engine/trial.h"
#include "core/policy/load/snapshot.h"
#include "core/policy/source/diagnostic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what they share ---- */

struct policies {
    const struct policy_command *command;
    struct progress_bar bar;
    struct policy_history *history;
    const struct policy_adoption *adoption; /* the first word's, if that is one of the archive */
    struct snapshot *tried;                 /* what is to be put in place, loaded */
    struct promotion promotion;             /* of a candidate, once it was compared */
};

/* The files of one policy, wherever they are from. */
struct side {
    char label[HASH_HEX_SIZE]; /* its id */
    uint64_t id;
    const struct policy_file *files;
    size_t count;
    struct policy_version version; /* whichever of these has them */
    struct policy_folder *folder;
};

static int open_history(struct policies *policies, struct error *ret_error) {
    char *archive = folder_of_archive(policies->command->archive);
    beginning_note(policies->command->archive, policies->command->quiet);
    const struct policy_history_options options = {.archive = archive,
                                                   .counts_transactions = policies->command->count};
    int r = policy_history_open(&options, &policies->bar.progress, &policies->history, ret_error);
    free(archive);
    return r;
}

static int load_folder(const char *path, struct side *side, struct error *ret_error) {
    int r = policy_folder_read(path, &side->folder, ret_error);
    if (r == 0)
        side->files = policy_folder_files(side->folder, &side->count);
    return r;
}

static int load_recorded(struct policies *policies, const struct policy_choice *choice,
                         struct side *side, struct error *ret_error) {
    int r = policy_choice_find(choice, policies->history, &policies->bar.progress,
                               &policies->adoption, ret_error);
    if (r == 0)
        r = policy_history_load(policies->history, policies->adoption, &side->version, ret_error);
    side->files = side->version.files;
    side->count = side->version.file_count;
    return r;
}

/* The caller deinits the side after a failure, too. */
static int load_side(struct policies *policies, const struct policy_word *choice,
                     struct side *ret_side, struct error *ret_error) {
    *ret_side = (struct side){.files = NULL};
    int r = choice->folder ? load_folder(choice->folder, ret_side, ret_error)
                           : load_recorded(policies, &choice->policy, ret_side, ret_error);
    progress_bar_clear(&policies->bar);
    if (r < 0)
        return r;
    ret_side->id = snapshot_files_id(ret_side->files, ret_side->count);
    hash_hex(ret_side->id, ret_side->label);
    return 0;
}

static void side_deinit(struct side *side) {
    policy_version_deinit(&side->version);
    policy_folder_free(side->folder);
}

static const struct policy_file *find_file(const struct side *side, const char *path) {
    for (size_t i = 0; i < side->count; i++)
        if (text_is(side->files[i].path, path))
            return &side->files[i];
    return NULL;
}

/* Before anything else is done: a rollback whose difference nobody could read does not happen. */
static int write_bytes(const void *bytes, size_t length) {
    if (length > 0)
        fwrite(bytes, 1, length, stdout);
    return (int)exit_after_output(EXIT_STATUS_OK);
}

static int write_out(struct buffer *out) {
    int status = write_bytes(out->bytes, out->length);
    buffer_deinit(out);
    return status;
}

/* ---- list ---- */

static int list(struct policies *policies) {
    struct buffer out;
    buffer_init(&out);
    (policies->command->json ? policy_list_json : policy_list_text)(policies->history,
                                                                    policies->command->count, &out);
    return write_out(&out);
}

/* ---- show ---- */

static int no_such_file(const struct side *side, const char *path) {
    struct near near = near_to(text_of(path));
    struct error error;
    char hint[NEAR_HINT_SIZE];
    for (size_t i = 0; i < side->count; i++)
        if (text_is_clean(side->files[i].path, NULL))
            near_try(&near, side->files[i].path);
    error_set(&error, ERROR_NOT_FOUND, "the policy %s has no file \"%s\"%s", side->label, path,
              near_hint(&near, hint));
    return (int)exit_with(&error);
}

static int show(struct policies *policies) {
    const struct policy_command *command = policies->command;
    struct side side;
    struct error error;
    struct buffer out;
    int status;
    if (load_side(policies, &command->choices[0], &side, &error) < 0) {
        status = (int)exit_with(&error);
    } else if (command->word_count < 2) {
        buffer_init(&out);
        (command->json ? policy_files_json : policy_files_text)(
            policies->history, policies->adoption, &side.version, &out);
        status = write_out(&out);
    } else {
        const struct policy_file *file = find_file(&side, command->words[1]);
        status = file ? write_bytes(file->content.data, file->content.length)
                      : no_such_file(&side, command->words[1]);
    }
    side_deinit(&side);
    return status;
}

/* ---- diff ---- */

/* Prints how `before` becomes `after`. */
static int write_diff(const struct policy_command *command, const struct side *before,
                      const struct side *after, size_t *ret_differ) {
    struct buffer out;
    buffer_init(&out);
    *ret_differ = files_diff_write(
        &(struct diff_side){.label = before->label, .files = before->files, .count = before->count},
        &(struct diff_side){.label = after->label, .files = after->files, .count = after->count},
        command->full, &out);
    return write_out(&out);
}

static int diff(struct policies *policies) {
    const struct policy_command *command = policies->command;
    struct side a = {0}, b = {0};
    struct error error;
    size_t differ = 0;
    int status;
    if (load_side(policies, &command->choices[0], &a, &error) < 0 ||
        load_side(policies, &command->choices[1], &b, &error) < 0)
        status = (int)exit_with(&error);
    else
        status = write_diff(command, &a, &b, &differ);
    side_deinit(&a);
    side_deinit(&b);
    return status == EXIT_STATUS_OK && differ > 0 ? EXIT_STATUS_ROWS_FAILED : status;
}

/* ---- export ---- */

/* "harrier: FOLDER has the policy card-payments, snapshot 0123456789abcdef". */
static void say_policy(const struct policies *policies, const char *folder,
                       const struct side *side) {
    struct buffer name;
    if (policies->command->quiet)
        return;
    buffer_init(&name);
    quoted_path_write(NULL, policies->tried ? policies->tried->name : policies->adoption->name,
                      &name);
    fprintf(stderr, "harrier: %s has the policy %.*s%s%s\n", folder, (int)name.length,
            name.length ? (const char *)name.bytes : "", name.length ? ", snapshot " : "",
            side->label);
    buffer_deinit(&name);
}

static int export_policy(struct policies *policies) {
    const struct policy_command *command = policies->command;
    struct side side;
    struct error error;
    int r = load_side(policies, &command->choices[0], &side, &error);
    if (r == 0)
        r = policy_export(command->words[1], side.files, side.count, side.id, &error);
    if (r == 0)
        say_policy(policies, command->words[1], &side);
    side_deinit(&side);
    return r < 0 ? (int)exit_with(&error) : EXIT_STATUS_OK;
}

/* ---- rollback ---- */

/* As a server that loads it from the folder: with its latency budget and its cases. What it says is
 * of interest only if it refuses the policy. */
static int try_policy(struct policies *policies, const struct side *side) {
    const struct policy_command *command = policies->command;
    struct buffer messages;
    struct error error;
    size_t failed = 0;
    buffer_init(&messages);
    int r = snapshot_load_new(side->files, side->count, &policies->tried, &messages, &error);
    if (r == 0)
        failed = trial_run_all(policies->tried, &messages);
    if (r < 0 || failed > 0)
        fwrite(messages.bytes, 1, messages.length, stderr);
    if (r < 0 && messages.length == 0)
        fprintf(stderr, "harrier: %s\n", error.text);
    if (r < 0 && command->candidate)
        fprintf(stderr, "harrier: this version does not load the candidate %s\n",
                command->candidate);
    else if (r < 0)
        fprintf(stderr, "harrier: this version does not load the policy %s of position %llu\n",
                side->label, (unsigned long long)policies->adoption->position);
    else if (failed > 0)
        fprintf(stderr, "harrier: %zu of %zu cases of the policy %s fail with this version\n",
                failed, policies->tried->case_count, side->label);
    buffer_deinit(&messages);
    return r < 0 || failed > 0 ? EXIT_STATUS_BAD_POLICY : EXIT_STATUS_OK;
}

/* The one that decides for a share at the archive's end. */
static int load_challenger(struct policies *policies, struct side *side, struct error *ret_error) {
    const struct policy_adoption *challenger = NULL;
    *side = (struct side){.files = NULL};
    for (size_t i = 0; i < policy_history_count(policies->history); i++) {
        const struct policy_adoption *adoption = policy_history_at(policies->history, i);
        if (adoption->use == POLICY_CHALLENGER && adoption->until_position == 0)
            challenger = adoption;
    }
    if (!challenger)
        return error_set(
            ret_error, ERROR_NOT_FOUND,
            "%s: no challenger decides at the archive's end; harrier policy list shows earlier "
            "ones, and harrier policy rollback takes the id of one",
            policies->command->archive);
    policies->adoption = challenger;
    int r = policy_history_load(policies->history, challenger, &side->version, ret_error);
    if (r < 0)
        return r;
    side->files = side->version.files;
    side->count = side->version.file_count;
    side->id = challenger->snapshot_id;
    hash_hex(side->id, side->label);
    return 0;
}

/* A folder without it would be replaced by a policy, whatever it is. */
static int load_target(struct policies *policies, const char *folder, struct side *ret_side,
                       struct error *ret_error) {
    int r = load_side(policies, &(struct policy_word){.folder = folder}, ret_side, ret_error);
    if (r == 0 && !find_file(ret_side, "policy.yaml"))
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "%s has no policy.yaml; expected the folder of a policy", folder);
    return r;
}

static int load_both(struct policies *policies, struct side *now, struct side *then,
                     struct error *ret_error) {
    const struct policy_command *command = policies->command;
    int r = command->candidate ? load_target(policies, command->candidate, then, ret_error)
            : command->task == POLICY_PROMOTE
                ? load_challenger(policies, then, ret_error)
                : load_side(policies, &command->choices[0], then, ret_error);
    return r < 0 ? r : load_target(policies, command->target, now, ret_error);
}

/* ---- a candidate ---- */

static int write_comparison(const struct policies *policies,
                            const struct promotion_request *request) {
    struct buffer out, reasons;
    buffer_init(&out);
    buffer_init(&reasons);
    if (policies->command->json) {
        json_begin_object(&out, NULL);
        promotion_json(&policies->promotion, request, &out);
        json_end_object(&out);
        buffer_append_u8(&out, '\n');
    } else {
        promotion_text(&policies->promotion, request, &out);
    }
    int status = write_out(&out);
    promotion_reasons(&request->terms, &policies->promotion.report, &reasons);
    buffer_append_u8(&reasons, '\0');
    for (char *line = (char *)reasons.bytes, *rest; (line = strtok_r(line, "\n", &rest));
         line = NULL)
        fprintf(stderr, "harrier: not promoted: %s\n", line);
    buffer_deinit(&reasons);
    return status == EXIT_STATUS_OK && !policies->promotion.is_earned ? EXIT_STATUS_NOT_BETTER
                                                                      : status;
}

/* The replay takes long, and reads both folders anew: they must be what is put in place and what
 * is replaced. */
static int check_unchanged(struct policies *policies, const struct side *now,
                           const struct side *then, struct error *ret_error) {
    const struct champion_side_counts *sides = policies->promotion.report.sides;
    struct side again;
    int r = load_target(policies, policies->command->target, &again, ret_error);
    if (r == 0 && (sides[SIDE_CANDIDATE].snapshot_id != then->id ||
                   sides[SIDE_CHAMPION].snapshot_id != now->id || again.id != now->id))
        r = error_set(ret_error, ERROR_EXISTS,
                      "%s was changed during the comparison; nothing was replaced",
                      policies->command->target);
    side_deinit(&again);
    return r;
}

static int compare(struct policies *policies, const struct side *now, const struct side *then) {
    const struct policy_command *command = policies->command;
    char *archive = folder_of_archive(command->archive);
    const struct promotion_request request = {.archive = archive,
                                              .candidate = command->candidate,
                                              .champion = command->target,
                                              .snapshot = policies->tried,
                                              .has_from = command->has_from,
                                              .from_us = command->from_us,
                                              .until_us = command->until_us,
                                              .outcomes_after_us = command->outcomes_after_us,
                                              .terms = command->terms,
                                              .card = command->card,
                                              .k = command->k,
                                              .reviews = command->reviews};
    struct error error;
    bool is_usage;
    int r =
        promotion_judge(&request, &policies->bar.progress, &policies->promotion, &is_usage, &error);
    progress_bar_clear(&policies->bar);
    if (r == 0)
        r = check_unchanged(policies, now, then, &error);
    int status = r == 0 ? write_comparison(policies, &request) : (int)exit_with(&error);
    free(archive);
    return r < 0 && is_usage ? EXIT_STATUS_USAGE : status;
}

/* ---- putting it in place ---- */

static void say_done(const struct policies *policies, const struct side *then,
                     const struct rolled_back *done) {
    if (done->mishap.code)
        fprintf(stderr, "harrier: %s\n", done->mishap.text);
    say_policy(policies, policies->command->target, then);
    if (policies->command->quiet && !done->mishap.code)
        return;
    if (done->new_folder)
        fprintf(stderr, "harrier: it is a link, which leads to %s now\n", done->new_folder);
    fprintf(stderr,
            "harrier: the files before are in %s\n"
            "harrier: a server that watches the folder loads it now, any other at harrier reload\n",
            done->old_folder);
}

static int replace(struct policies *policies, const struct side *now, const struct side *then) {
    struct rolled_back done;
    struct error error;
    const struct rollback job = {.folder = policies->command->target,
                                 .old_files = now->files,
                                 .old_count = now->count,
                                 .new_files = then->files,
                                 .new_count = then->count,
                                 .new_id = then->id,
                                 .more_files = policies->promotion.cards.files,
                                 .more_count = policies->promotion.cards.count};
    int r = 0;
    if (*policies->bar.stop)
        r = error_set(&error, ERROR_INTERRUPTED, "interrupted; nothing was changed");
    if (r == 0)
        r = policy_rollback(&job, &done, &error);
    if (r < 0)
        return (int)exit_with(&error);
    say_done(policies, then, &done);
    rolled_back_deinit(&done);
    return EXIT_STATUS_OK;
}

static int put_in_place(struct policies *policies, bool *ret_is_changed) {
    const struct policy_command *command = policies->command;
    struct side now = {0}, then = {0};
    struct error error;
    size_t differ = 0;
    int status;
    if (load_both(policies, &now, &then, &error) < 0)
        status = (int)exit_with(&error);
    else
        status = try_policy(policies, &then);
    if (status == EXIT_STATUS_OK && command->candidate)
        status = compare(policies, &now, &then);
    if (status == EXIT_STATUS_OK && command->json)
        differ = now.id != then.id;
    else if (status == EXIT_STATUS_OK)
        status = write_diff(command, &now, &then, &differ);
    if (status == EXIT_STATUS_OK && differ == 0 && !command->quiet)
        fprintf(stderr, "harrier: %s has these files already; nothing was changed\n",
                command->target);
    if (status == EXIT_STATUS_OK && differ > 0 && !command->dry_run)
        status = replace(policies, &now, &then);
    *ret_is_changed = status == EXIT_STATUS_OK && differ > 0 && !command->dry_run;
    side_deinit(&now);
    side_deinit(&then);
    return status;
}

static int rollback(struct policies *policies) {
    bool is_changed;
    return put_in_place(policies, &is_changed);
}

/* The same with the challenger. That the experiment ends is up to the server's options; not said of
 * a folder that had the files already, which may be the challenger's own. */
static int promote(struct policies *policies) {
    bool is_changed;
    int status = put_in_place(policies, &is_changed);
    if (is_changed && !policies->command->candidate && !policies->command->quiet)
        fprintf(stderr, "harrier: now end the experiment: empty the server's option challenger\n");
    return status;
}

/* ---- arms ---- */

/* Reads the archive by itself: counting takes a pass over all of it. */
static int arms(struct policies *policies) {
    const struct policy_command *command = policies->command;
    char *archive = folder_of_archive(command->archive);
    beginning_note(command->archive, command->quiet);
    const struct arms_report_options wanted = {.archive = archive,
                                               .from_us = command->from_us,
                                               .until_us = command->until_us,
                                               .outcomes_after_us = command->outcomes_after_us};
    struct arms_report report;
    struct error error;
    struct buffer out;
    int r = arms_report_make(&wanted, &policies->bar.progress, &report, &error);
    progress_bar_clear(&policies->bar);
    free(archive);
    if (r < 0)
        return (int)exit_with(&error);
    buffer_init(&out);
    (command->json ? policy_arms_json : policy_arms_text)(&report, command->outcomes_after_us,
                                                          &out);
    arms_report_deinit(&report);
    return write_out(&out);
}

/* ---- the command ---- */

/* Each writes its own result and returns the exit status. */
static int (*const tasks[POLICY_TASK_COUNT])(struct policies *policies) = {
    [POLICY_LIST] = list,         [POLICY_SHOW] = show,
    [POLICY_DIFF] = diff,         [POLICY_EXPORT] = export_policy,
    [POLICY_ROLLBACK] = rollback, [POLICY_PROMOTE] = promote,
    [POLICY_ARMS] = arms,
};

/* A candidate may be a link that a night switches to a newer one: policy and cards must be of the
 * same folder. Heap; NULL: there is none, or it is not there, which is found out later. */
static char *follow_candidate(struct policy_command *command) {
    char *real = command->candidate ? realpath(command->candidate, NULL) : NULL;
    if (real)
        command->candidate = real;
    return real;
}

int command_policy(int argc, char **argv) {
    struct policy_command command;
    struct policies policies = {.command = &command};
    struct error error;
    policy_command_parse(argc, argv, &command);
    char *candidate = follow_candidate(&command);
    progress_bar_init(&policies.bar, progress_style_of(command.progress, command.quiet, false),
                      NULL);
    policies.bar.stop = interrupt_watch();
    /* Counting opens it again and keeps it; a candidate is no policy of it. */
    bool needs_history = command.task != POLICY_ARMS && !command.candidate;
    int r = needs_history ? open_history(&policies, &error) : 0;
    progress_bar_clear(&policies.bar);
    int status = r < 0 ? (int)exit_with(&error) : tasks[command.task](&policies);
    policy_history_close(policies.history);
    promotion_deinit(&policies.promotion);
    snapshot_unref(policies.tried);
    free(candidate);
    return status;
}
