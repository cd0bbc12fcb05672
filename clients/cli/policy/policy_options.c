#include "policy_options.h"

#include "clients/cli/io/time_option.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/option_value.h"
#include "core/base/check.h"
#include "core/policy/source/diagnostic.h"

#include <argp.h>
#include <string.h>
#include <sys/stat.h>

/* Chargebacks take weeks; until then a transaction without an outcome says nothing. */
#define OUTCOMES_AFTER_US (INT64_C(30) * 86400 * 1000000)
#define A_DAY_DEFAULT     100 /* cards, and transactions, that can be reviewed */
#define A_DAY_MAX         1000000000
#define PER_DAY           "/day"

enum {
    OPTION_FULL = 256,
    OPTION_DRY_RUN,
    OPTION_FROM,
    OPTION_UNTIL,
    OPTION_OUTCOMES_AFTER,
    OPTION_BEATS,
    OPTION_REVIEWS,
    OPTION_K,
    OPTION_CARD
};

static const struct task {
    const char *name;
    size_t least, most; /* words after the archive */
    const char *missing;
} tasks[POLICY_TASK_COUNT] = {
    [POLICY_LIST] = {"list", 0, 0, ""},
    [POLICY_SHOW] = {"show", 1, 2, "which policy? Expected show ARCHIVE POLICY [FILE]"},
    [POLICY_DIFF] = {"diff", 2, 2,
                     "which two policies? Expected diff ARCHIVE POLICY POLICY|FOLDER"},
    [POLICY_EXPORT] = {"export", 2, 2,
                       "which policy, and into which new folder? Expected export ARCHIVE POLICY "
                       "FOLDER"},
    [POLICY_ROLLBACK] = {"rollback", 2, 2,
                         "which policy, and in which folder? Expected rollback ARCHIVE POLICY "
                         "FOLDER"},
    [POLICY_PROMOTE] = {"promote", 1, 2,
                        "in which folder? Expected promote ARCHIVE FOLDER [CANDIDATE]"},
    [POLICY_ARMS] = {"arms", 0, 0, ""}};
#define TASK_NAMES "list, show, diff, export, rollback, promote or arms"

static enum policy_task find_task(const char *name, struct argp_state *state) {
    for (size_t i = 0; i < POLICY_TASK_COUNT; i++)
        if (strcmp(tasks[i].name, name) == 0)
            return (enum policy_task)i;
    argp_error(state, "there is no \"harrier policy %s\" (expected " TASK_NAMES ")", name);
    return POLICY_TASK_COUNT;
}

static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static void parse_policy(const char *word, struct policy_word *ret_choice,
                         struct argp_state *state) {
    *ret_choice = (struct policy_word){.folder = NULL};
    if (!policy_choice_parse(word, &ret_choice->policy))
        argp_error(state, "\"%s\" names no policy (expected " POLICY_CHOICE_FORMS ")", word);
}

/* A word that has a form of a policy of the archive is one, so a folder of that name needs a slash.
 */
static void parse_side(const char *word, struct policy_word *ret_choice, struct argp_state *state) {
    bool is_path = strchr(word, '/') || strcmp(word, ".") == 0 || strcmp(word, "..") == 0;
    *ret_choice = (struct policy_word){.folder = is_path ? word : NULL};
    if (is_path || policy_choice_parse(word, &ret_choice->policy))
        return;
    ret_choice->folder = word;
    if (!is_folder(word))
        argp_error(state,
                   "\"%s\" is no folder and names no policy (expected " POLICY_CHOICE_FORMS
                   ", or a folder)",
                   word);
}

/* Options that only some tasks take. */
static void check_options(const struct policy_command *command, struct argp_state *state) {
    enum policy_task task = command->task;
    bool replaces = task == POLICY_ROLLBACK || task == POLICY_PROMOTE;
    bool compares = task == POLICY_PROMOTE && command->word_count == 2;
    if (command->json && task != POLICY_LIST && task != POLICY_SHOW && task != POLICY_ARMS &&
        !compares)
        argp_error(state, "--json is for list, show, arms, and promote with a CANDIDATE");
    if (command->json && task == POLICY_SHOW && command->word_count == 2)
        argp_error(state, "--json is for a policy, not for one of its files");
    if (command->count && task != POLICY_LIST)
        argp_error(state, "--count is for list");
    if (command->full && task != POLICY_DIFF && !replaces)
        argp_error(state, "--full is for diff, rollback and promote");
    if (command->dry_run && !replaces)
        argp_error(state, "--dry-run is for rollback and promote");
    if (command->has_range && task != POLICY_ARMS && !compares)
        argp_error(state, "--from, --until and --outcomes-after are for arms, and for promote with "
                          "a CANDIDATE");
    if (command->has_contest && !compares)
        argp_error(state, "--beats, --reviews, --k and --card are for promote with a CANDIDATE");
    time_range_check("--from", command->from_us, "--until", command->until_us, state);
}

static void find_words(struct policy_command *command, struct argp_state *state) {
    if (command->task == POLICY_PROMOTE) {
        command->target = command->words[0];
        command->candidate = command->words[1];
        return;
    }
    command->target = command->words[1];
    for (size_t i = 0; i < command->word_count; i++)
        if (command->task == POLICY_DIFF)
            parse_side(command->words[i], &command->choices[i], state);
        else if (i == 0)
            parse_policy(command->words[i], &command->choices[i], state);
}

static void check_usage(struct policy_command *command, struct argp_state *state) {
    if (command->task == POLICY_TASK_COUNT)
        argp_error(state, TASK_NAMES "?");
    if (!command->archive)
        argp_error(state, FOLDER_ARCHIVE_MISSING);
    if (command->word_count < tasks[command->task].least)
        argp_error(state, "%s", tasks[command->task].missing);
    check_options(command, state);
    find_words(command, state);
    promotion_terms_complete(&command->terms);
}

static void take_word(struct policy_command *command, char *value, struct argp_state *state) {
    if (state->arg_num == 0)
        command->task = find_task(value, state);
    else if (state->arg_num == 1)
        command->archive = value;
    else if (command->word_count < tasks[command->task].most)
        command->words[command->word_count++] = value;
    else
        argp_error(state, "unexpected \"%s\"", value);
}

/* "50/day" */
static uint64_t parse_reviews(const char *value, struct argp_state *state) {
    char number[32];
    const char *slash = strchr(value, '/');
    size_t length = slash ? (size_t)(slash - value) : 0;
    if (!slash || strcmp(slash, PER_DAY) != 0 || length >= sizeof number)
        argp_error(state, "--reviews: \"%s\"; expected N" PER_DAY ", for example 50" PER_DAY,
                   value);
    memcpy(number, value, length);
    number[length] = '\0';
    return count_option_parse("--reviews", number, 1, A_DAY_MAX, state);
}

/* What only a comparison with a candidate takes. */
static error_t parse_contest_option(int key, char *value, struct argp_state *state) {
    struct policy_command *command = state->input;
    struct error error;
    switch (key) {
    case OPTION_BEATS:
        if (promotion_terms_add(&command->terms, value, &error) < 0)
            argp_error(state, "--beats: %s", error.text);
        break;
    case OPTION_REVIEWS:
        command->reviews = parse_reviews(value, state);
        break;
    case OPTION_K:
        command->k = count_option_parse("--k", value, 1, A_DAY_MAX, state);
        break;
    case OPTION_CARD:
        command->card = value;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    command->has_contest = true;
    return 0;
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct policy_command *command = state->input;
    switch (key) {
    case 'j':
        command->json = true;
        return 0;
    case 'q':
        command->quiet = true;
        return 0;
    case 'c':
        command->count = true;
        return 0;
    case OPTION_FULL:
        command->full = true;
        return 0;
    case OPTION_DRY_RUN:
        command->dry_run = true;
        return 0;
    case OPTION_FROM:
        command->from_us = time_option_parse("from", value, state);
        command->has_from = command->has_range = true;
        return 0;
    case OPTION_UNTIL:
        command->until_us = time_option_parse("until", value, state);
        command->has_range = true;
        return 0;
    case OPTION_OUTCOMES_AFTER:
        command->outcomes_after_us =
            (int64_t)duration_option_parse("--outcomes-after", value, 0, UINT64_MAX, state);
        command->has_range = true;
        return 0;
    case PROGRESS_OPTION:
        command->progress = progress_choice_parse(value, state);
        return 0;
    case ARGP_KEY_ARG:
        take_word(command, value, state);
        return 0;
    case ARGP_KEY_END:
        check_usage(command, state);
        return 0;
    default:
        return parse_contest_option(key, value, state);
    }
}

static const struct argp_option arguments[] = {
    {"json", 'j', NULL, 0,
     "list and arms: JSON lines; show, and promote with a CANDIDATE: one JSON object", 0},
    {"count", 'c', NULL, 0,
     "list: also count the transactions decided under each policy, which reads the whole archive",
     0},
    {"full", OPTION_FULL, NULL, 0,
     "diff, rollback and promote: print files with more than 10,000 changed lines, too", 0},
    {"dry-run", OPTION_DRY_RUN, NULL, 0,
     "rollback and promote: check the policy and print the difference, change nothing", 0},
    {"from", OPTION_FROM, "TIME", 0,
     "arms, promote: only transactions with event times from TIME on (promote: from the end of the "
     "candidate's training)",
     0},
    {"until", OPTION_UNTIL, "TIME", 0,
     "arms, promote: only transactions with event times before TIME", 0},
    {"outcomes-after", OPTION_OUTCOMES_AFTER, "TIME", 0,
     "arms, promote: count outcomes of transactions that are older than TIME, at the archive's end "
     "(30d)",
     0},
    {"beats", OPTION_BEATS, "METRIC:MARGIN", 0,
     "promote CANDIDATE: only if the 95 % interval of its advantage in METRIC, " PROMOTION_METRICS
     ", lies above MARGIN; may be repeated (" PROMOTION_DEFAULT ")",
     0},
    {"reviews", OPTION_REVIEWS, "N/day", 0,
     "promote CANDIDATE: transactions that can be reviewed, for precision, recall and money "
     "(100/day)",
     0},
    {"k", OPTION_K, "N", 0,
     "promote CANDIDATE: cards that can be reviewed per day, for card precision, cp (100)", 0},
    {"card", OPTION_CARD, "ENTITY", 0,
     "promote CANDIDATE: entity that card precision counts (card, else customer)", 0},
    {"quiet", 'q', NULL, 0, "No progress and no summary", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "list ARCHIVE\nshow ARCHIVE POLICY [FILE]\ndiff ARCHIVE POLICY POLICY|FOLDER\n"
                "export ARCHIVE POLICY FOLDER\nrollback ARCHIVE POLICY FOLDER\n"
                "promote ARCHIVE FOLDER [CANDIDATE]\narms ARCHIVE",
    .doc =
        "Shows the policies that an archive holds with all their files: when each was in force, "
        "what is in it and how it differs from another one or from a folder. export makes a new "
        "folder of a policy. rollback puts a policy's files into the folder of a policy; the old "
        "ones are kept beside it. promote does so with the challenger that decides for a share of "
        "a key, and arms compares it with the policy beside it: verdicts, fraud caught and missed, "
        "money. With the folder of a CANDIDATE, promote replays it beside the policy in FOLDER and "
        "puts it there only if its scores rank fraud better by a margin. ARCHIVE is the archive's "
        "folder or the server's data folder around it; a server may be writing."
        "\vPOLICY is an id, or its first 4 digits or more; current or previous; @POSITION, for the "
        "one that was in force there; or a time: 2026-01-31, 2026-01-31T18:00:00Z.\n\n"
        "rollback and promote do not talk to a server: harrier reload puts the folder's policy in "
        "force, unless the server watches the folder and does so by itself. Exit status: 0 done, "
        "diff: no difference, 1 diff: there are differences, 3 promote: the candidate is not "
        "better by the margin, 64 promote: the range overlaps the candidate's training, 65 the "
        "archive is damaged, 66 there is no such archive, policy, file or folder, 74 cannot read "
        "or write, 75 interrupted, 78 rollback, promote: this version does not load the policy, or "
        "a case fails.",
};

void policy_command_parse(int argc, char **argv, struct policy_command *ret_command) {
    *ret_command = (struct policy_command){.task = POLICY_TASK_COUNT,
                                           .from_us = INT64_MIN,
                                           .until_us = INT64_MAX,
                                           .outcomes_after_us = OUTCOMES_AFTER_US,
                                           .k = A_DAY_DEFAULT,
                                           .reviews = A_DAY_DEFAULT};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}
