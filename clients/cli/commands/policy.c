/* harrier policy: policies as they were, from the archive. list: when each was in force; show: its
 * files; diff: what has changed between two, or to a folder that is not live yet; export: a folder
 * of it; rollback: its files in the place of those of a policy's folder; promote: the same with the
 * challenger's; arms: challengers and the policies beside them, compared.
 *
 * The archive is only read. Nothing here talks to a server: what rollback has put into a folder
 * comes into force when a server reloads it, which it does by itself if it watches the folder. */
#include "batch/policies/policy_history.h"

#include "clients/cli/io/time_option.h"
#include "clients/cli/policy/files_diff.h"
#include "clients/cli/policy/policy_arms.h"
#include "clients/cli/policy/policy_choice.h"
#include "clients/cli/policy/policy_export.h"
#include "clients/cli/policy/policy_output.h"
#include "clients/cli/policy/policy_rollback.h"
#include "clients/cli/policy/quoted_path.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/progress_option.h"
#include "command.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/engine/trial.h"
#include "core/policy/load/snapshot.h"
#include "core/policy/source/diagnostic.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORDS_MAX 2 /* after the archive */

/* Chargebacks take weeks; until then a transaction without an outcome says nothing. */
#define OUTCOMES_AFTER_US (INT64_C(30) * 86400 * 1000000)

enum { OPTION_FULL = 256, OPTION_DRY_RUN, OPTION_FROM, OPTION_UNTIL, OPTION_OUTCOMES_AFTER };

struct policies;

static int list(struct policies *policies);
static int show(struct policies *policies);
static int diff(struct policies *policies);
static int export_policy(struct policies *policies);
static int rollback(struct policies *policies);
static int promote(struct policies *policies);
static int arms(struct policies *policies);

/* What the first argument selects; each task writes its own result and returns the exit status. */
static const struct task {
    const char *name;
    int (*run)(struct policies *policies);
    size_t least, most; /* words after the archive */
    const char *missing;
} tasks[] = {{"list", list, 0, 0, ""},
             {"show", show, 1, 2, "which policy? Expected show ARCHIVE POLICY [FILE]"},
             {"diff", diff, 2, 2, "which two policies? Expected diff ARCHIVE POLICY POLICY|FOLDER"},
             {"export", export_policy, 2, 2,
              "which policy, and into which new folder? Expected export ARCHIVE POLICY FOLDER"},
             {"rollback", rollback, 2, 2,
              "which policy, and in which folder? Expected rollback ARCHIVE POLICY FOLDER"},
             {"promote", promote, 1, 1, "in which folder? Expected promote ARCHIVE FOLDER"},
             {"arms", arms, 0, 0, ""}};
#define TASK_NAMES "list, show, diff, export, rollback, promote or arms"

/* One of the command line's policies: of the archive, or in a folder. */
struct choice {
    struct policy_choice policy;
    const char *folder; /* NULL: of the archive */
};

/* The texts are argv's. */
struct options {
    const struct task *task;
    const char *archive;
    const char *words[WORDS_MAX];
    size_t word_count;
    struct choice choices[WORDS_MAX]; /* the words that are policies */
    const char *target;               /* the folder whose files change */
    bool json, quiet, count, full, dry_run, has_range;
    int64_t from_us, until_us, outcomes_after_us;
    enum progress_choice progress;
};

/* ---- the command line ---- */

static const struct task *find_task(const char *name, struct argp_state *state) {
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(tasks[i].name, name) == 0)
            return &tasks[i];
    argp_error(state, "there is no \"harrier policy %s\" (expected " TASK_NAMES ")", name);
    return NULL;
}

static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static void parse_policy(const char *word, struct choice *ret_choice, struct argp_state *state) {
    *ret_choice = (struct choice){.folder = NULL};
    if (!policy_choice_parse(word, &ret_choice->policy))
        argp_error(state, "\"%s\" names no policy (expected " POLICY_CHOICE_FORMS ")", word);
}

/* A word that has a form of a policy of the archive is one, so a folder of that name needs a slash.
 */
static void parse_side(const char *word, struct choice *ret_choice, struct argp_state *state) {
    bool is_path = strchr(word, '/') || strcmp(word, ".") == 0 || strcmp(word, "..") == 0;
    *ret_choice = (struct choice){.folder = is_path ? word : NULL};
    if (is_path || policy_choice_parse(word, &ret_choice->policy))
        return;
    ret_choice->folder = word;
    if (!is_folder(word))
        argp_error(state,
                   "\"%s\" is no folder and names no policy (expected " POLICY_CHOICE_FORMS
                   ", or a folder)",
                   word);
}

static void check_usage(struct options *options, struct argp_state *state) {
    const struct task *task = options->task;
    if (!task)
        argp_error(state, TASK_NAMES "?");
    if (!options->archive)
        argp_error(state, FOLDER_ARCHIVE_MISSING);
    if (options->word_count < task->least)
        argp_error(state, "%s", task->missing);
    if (options->json && task->run != list && task->run != show && task->run != arms)
        argp_error(state, "--json is for list, show and arms");
    if (options->json && options->word_count == 2)
        argp_error(state, "--json is for a policy, not for one of its files");
    if (options->count && task->run != list)
        argp_error(state, "--count is for list");
    bool replaces = task->run == rollback || task->run == promote;
    if (options->full && task->run != diff && !replaces)
        argp_error(state, "--full is for diff, rollback and promote");
    if (options->dry_run && !replaces)
        argp_error(state, "--dry-run is for rollback and promote");
    if (options->has_range && task->run != arms)
        argp_error(state, "--from, --until and --outcomes-after are for arms");
    time_range_check("--from", options->from_us, "--until", options->until_us, state);
    options->target = options->words[task->run == promote ? 0 : 1];
    if (task->run == promote)
        return;
    for (size_t i = 0; i < options->word_count; i++)
        if (task->run == diff)
            parse_side(options->words[i], &options->choices[i], state);
        else if (i == 0)
            parse_policy(options->words[i], &options->choices[i], state);
}

static void take_word(struct options *options, char *value, struct argp_state *state) {
    if (state->arg_num == 0)
        options->task = find_task(value, state);
    else if (state->arg_num == 1)
        options->archive = value;
    else if (options->word_count < options->task->most)
        options->words[options->word_count++] = value;
    else
        argp_error(state, "unexpected \"%s\"", value);
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'j':
        options->json = true;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case 'c':
        options->count = true;
        return 0;
    case OPTION_FULL:
        options->full = true;
        return 0;
    case OPTION_DRY_RUN:
        options->dry_run = true;
        return 0;
    case OPTION_FROM:
        options->from_us = time_option_parse("from", value, state);
        options->has_range = true;
        return 0;
    case OPTION_UNTIL:
        options->until_us = time_option_parse("until", value, state);
        options->has_range = true;
        return 0;
    case OPTION_OUTCOMES_AFTER:
        options->outcomes_after_us =
            (int64_t)duration_option_parse("--outcomes-after", value, 0, UINT64_MAX, state);
        options->has_range = true;
        return 0;
    case PROGRESS_OPTION:
        options->progress = progress_choice_parse(value, state);
        return 0;
    case ARGP_KEY_ARG:
        take_word(options, value, state);
        return 0;
    case ARGP_KEY_END:
        check_usage(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"json", 'j', NULL, 0, "list and arms: JSON lines; show: one JSON object", 0},
    {"count", 'c', NULL, 0,
     "list: also count the transactions decided under each policy, which reads the whole archive",
     0},
    {"full", OPTION_FULL, NULL, 0,
     "diff, rollback and promote: print files with more than 10,000 changed lines, too", 0},
    {"dry-run", OPTION_DRY_RUN, NULL, 0,
     "rollback and promote: check the policy and print the difference, change nothing", 0},
    {"from", OPTION_FROM, "TIME", 0, "arms: only transactions with event times from TIME on", 0},
    {"until", OPTION_UNTIL, "TIME", 0, "arms: only transactions with event times before TIME", 0},
    {"outcomes-after", OPTION_OUTCOMES_AFTER, "TIME", 0,
     "arms: count outcomes of transactions that are older than TIME, at the archive's end (30d)",
     0},
    {"quiet", 'q', NULL, 0, "No progress and no summary", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "list ARCHIVE\nshow ARCHIVE POLICY [FILE]\ndiff ARCHIVE POLICY POLICY|FOLDER\n"
                "export ARCHIVE POLICY FOLDER\nrollback ARCHIVE POLICY FOLDER\n"
                "promote ARCHIVE FOLDER\narms ARCHIVE",
    .doc =
        "Shows the policies that an archive holds with all their files: when each was in force, "
        "what is in it and how it differs from another one or from a folder. export makes a new "
        "folder of a policy. rollback puts a policy's files into the folder of a policy; the old "
        "ones are kept beside it. promote does so with the challenger that decides for a share of "
        "a "
        "key, and arms compares it with the policy beside it: verdicts, fraud caught and missed, "
        "money. ARCHIVE is the archive's folder or the server's data folder "
        "around it; a server may be writing."
        "\vPOLICY is an id, or its first 4 digits or more; current or previous; @POSITION, for the "
        "one that was in force there; or a time: 2026-01-31, 2026-01-31T18:00:00Z.\n\n"
        "rollback and promote do not talk to a server: harrier reload puts the folder's policy in "
        "force, "
        "unless the server watches the folder and does so by itself. Exit status: 0 done, diff: "
        "no difference, 1 diff: there are differences, 65 the archive is damaged, 66 there is no "
        "such archive, policy, file or folder, 74 cannot read or write, 75 interrupted, 78 "
        "rollback, promote: this version does not load the policy, or a case fails.",
};

/* ---- what they share ---- */

struct policies {
    const struct options *options;
    struct progress_bar bar;
    struct policy_history *history;
    const struct policy_adoption *adoption; /* the first word's, if that is one of the archive */
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
    char *archive = folder_of_archive(policies->options->archive);
    const struct policy_history_options options = {.archive = archive,
                                                   .counts_transactions = policies->options->count};
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
static int load_side(struct policies *policies, const struct choice *choice, struct side *ret_side,
                     struct error *ret_error) {
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
    (policies->options->json ? policy_list_json : policy_list_text)(policies->history,
                                                                    policies->options->count, &out);
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
    const struct options *options = policies->options;
    struct side side;
    struct error error;
    struct buffer out;
    int status;
    if (load_side(policies, &options->choices[0], &side, &error) < 0) {
        status = (int)exit_with(&error);
    } else if (options->word_count < 2) {
        buffer_init(&out);
        (options->json ? policy_files_json : policy_files_text)(
            policies->history, policies->adoption, &side.version, &out);
        status = write_out(&out);
    } else {
        const struct policy_file *file = find_file(&side, options->words[1]);
        status = file ? write_bytes(file->content.data, file->content.length)
                      : no_such_file(&side, options->words[1]);
    }
    side_deinit(&side);
    return status;
}

/* ---- diff ---- */

/* Prints how `before` becomes `after`. */
static int write_diff(const struct options *options, const struct side *before,
                      const struct side *after, size_t *ret_differ) {
    struct buffer out;
    buffer_init(&out);
    *ret_differ = files_diff_write(
        &(struct diff_side){.label = before->label, .files = before->files, .count = before->count},
        &(struct diff_side){.label = after->label, .files = after->files, .count = after->count},
        options->full, &out);
    return write_out(&out);
}

static int diff(struct policies *policies) {
    const struct options *options = policies->options;
    struct side a = {0}, b = {0};
    struct error error;
    size_t differ = 0;
    int status;
    if (load_side(policies, &options->choices[0], &a, &error) < 0 ||
        load_side(policies, &options->choices[1], &b, &error) < 0)
        status = (int)exit_with(&error);
    else
        status = write_diff(options, &a, &b, &differ);
    side_deinit(&a);
    side_deinit(&b);
    return status == EXIT_STATUS_OK && differ > 0 ? EXIT_STATUS_ROWS_FAILED : status;
}

/* ---- export ---- */

/* "harrier: FOLDER has the policy card-payments, snapshot 0123456789abcdef". */
static void say_policy(const struct policies *policies, const char *folder,
                       const struct side *side) {
    struct buffer name;
    if (policies->options->quiet)
        return;
    buffer_init(&name);
    quoted_path_write(NULL, policies->adoption->name, &name);
    fprintf(stderr, "harrier: %s has the policy %.*s%s%s\n", folder, (int)name.length,
            name.length ? (const char *)name.bytes : "", name.length ? ", snapshot " : "",
            side->label);
    buffer_deinit(&name);
}

static int export_policy(struct policies *policies) {
    const struct options *options = policies->options;
    struct side side;
    struct error error;
    int r = load_side(policies, &options->choices[0], &side, &error);
    if (r == 0)
        r = policy_export(options->words[1], side.files, side.count, side.id, &error);
    if (r == 0)
        say_policy(policies, options->words[1], &side);
    side_deinit(&side);
    return r < 0 ? (int)exit_with(&error) : EXIT_STATUS_OK;
}

/* ---- rollback ---- */

/* As a server that loads it from the folder: with its latency budget and its cases. What it says is
 * of interest only if it refuses the policy. */
static int try_policy(const struct policies *policies, const struct side *side) {
    struct snapshot *snapshot = NULL;
    struct buffer messages;
    struct error error;
    size_t failed = 0;
    buffer_init(&messages);
    int r = snapshot_load_new(side->files, side->count, &snapshot, &messages, &error);
    if (r == 0)
        failed = trial_run_all(snapshot, &messages);
    if (r < 0 || failed > 0)
        fwrite(messages.bytes, 1, messages.length, stderr);
    if (r < 0 && messages.length == 0)
        fprintf(stderr, "harrier: %s\n", error.text);
    if (r < 0)
        fprintf(stderr, "harrier: this version does not load the policy %s of position %llu\n",
                side->label, (unsigned long long)policies->adoption->position);
    else if (failed > 0)
        fprintf(stderr, "harrier: %zu of %zu cases of the policy %s fail with this version\n",
                failed, snapshot->case_count, side->label);
    snapshot_unref(snapshot);
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
            policies->options->archive);
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

static int load_both(struct policies *policies, struct side *now, struct side *then,
                     struct error *ret_error) {
    const char *folder = policies->options->target;
    bool is_promotion = policies->options->task->run == promote;
    int r = is_promotion ? load_challenger(policies, then, ret_error)
                         : load_side(policies, &policies->options->choices[0], then, ret_error);
    if (r == 0)
        r = load_side(policies, &(struct choice){.folder = folder}, now, ret_error);
    if (r == 0 && !find_file(now, "policy.yaml"))
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "%s has no policy.yaml; expected the folder of a policy", folder);
    return r;
}

static void say_done(const struct policies *policies, const struct side *then,
                     const struct rolled_back *done) {
    if (done->mishap.code)
        fprintf(stderr, "harrier: %s\n", done->mishap.text);
    say_policy(policies, policies->options->target, then);
    if (policies->options->quiet && !done->mishap.code)
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
    const struct rollback job = {.folder = policies->options->target,
                                 .old_files = now->files,
                                 .old_count = now->count,
                                 .new_files = then->files,
                                 .new_count = then->count,
                                 .new_id = then->id};
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
    const struct options *options = policies->options;
    struct side now = {0}, then = {0};
    struct error error;
    size_t differ = 0;
    int status;
    if (load_both(policies, &now, &then, &error) < 0)
        status = (int)exit_with(&error);
    else
        status = try_policy(policies, &then);
    if (status == EXIT_STATUS_OK)
        status = write_diff(options, &now, &then, &differ);
    if (status == EXIT_STATUS_OK && differ == 0 && !options->quiet)
        fprintf(stderr, "harrier: %s has these files already; nothing was changed\n",
                options->target);
    if (status == EXIT_STATUS_OK && differ > 0 && !options->dry_run)
        status = replace(policies, &now, &then);
    *ret_is_changed = status == EXIT_STATUS_OK && differ > 0 && !options->dry_run;
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
    if (is_changed && !policies->options->quiet)
        fprintf(stderr, "harrier: now end the experiment: empty the server's option challenger\n");
    return status;
}

/* ---- arms ---- */

/* Reads the archive by itself: counting takes a pass over all of it. */
static int arms(struct policies *policies) {
    const struct options *options = policies->options;
    char *archive = folder_of_archive(options->archive);
    const struct arms_report_options wanted = {.archive = archive,
                                               .from_us = options->from_us,
                                               .until_us = options->until_us,
                                               .outcomes_after_us = options->outcomes_after_us};
    struct arms_report report;
    struct error error;
    struct buffer out;
    int r = arms_report_make(&wanted, &policies->bar.progress, &report, &error);
    progress_bar_clear(&policies->bar);
    free(archive);
    if (r < 0)
        return (int)exit_with(&error);
    buffer_init(&out);
    (options->json ? policy_arms_json : policy_arms_text)(&report, options->outcomes_after_us,
                                                          &out);
    arms_report_deinit(&report);
    return write_out(&out);
}

/* ---- the command ---- */

int command_policy(int argc, char **argv) {
    struct options options = {
        .from_us = INT64_MIN, .until_us = INT64_MAX, .outcomes_after_us = OUTCOMES_AFTER_US};
    struct policies policies = {.options = &options};
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    progress_bar_init(&policies.bar, progress_style_of(options.progress, options.quiet, false),
                      NULL);
    policies.bar.stop = interrupt_watch();
    bool opens_itself = options.task->run == arms; /* the report keeps what it has opened */
    int r = opens_itself ? 0 : open_history(&policies, &error);
    progress_bar_clear(&policies.bar);
    int status = r < 0 ? (int)exit_with(&error) : options.task->run(&policies);
    policy_history_close(policies.history);
    return status;
}
