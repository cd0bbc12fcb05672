#include "tune_options.h"

#include "clients/cli/io/decimal.h"
#include "clients/cli/io/time_option.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_option.h"
#include "core/base/check.h"
#include "core/policy/source/diagnostic.h"

#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LISTED_DEFAULT 10
#define LISTED_MAX     1000000
#define THREADS_MAX    256
#define MEMORY_MIN     (16u << 20)
#define PER_DAY        "/day"

enum {
    OPTION_TRAIN = 256,
    OPTION_TEST,
    OPTION_RULES,
    OPTION_ONLY,
    OPTION_TARGET,
    OPTION_BUDGET,
    OPTION_MISSED,
    OPTION_CATCH,
    OPTION_OUTCOMES_AFTER,
    OPTION_OUT,
    OPTION_FLIPS,
    OPTION_LIST,
    OPTION_THREADS,
    OPTION_MEMORY,
};

static const struct argp_option arguments[] = {
    {"policy", 'p', "FOLDER", 0, "The present policy; it is only read", 1},
    {"train", OPTION_TRAIN, "FROM..UNTIL", 0,
     "Search on transactions with event times from FROM on and before UNTIL", 1},
    {"test", OPTION_TEST, "FROM..UNTIL", 0,
     "Evaluate on these, which begin where the others end or later", 1},
    {"rules", OPTION_RULES, "NAME,…", 0, "Tune these rules (all live ones)", 2},
    {"only", OPTION_ONLY, "KIND,…", 0, "Change only scores, limits or cutoffs (all three)", 2},
    {"target", OPTION_TARGET, "TARGET", 0,
     "\"precision>=0.9\": catch as much as that allows; \"recall>=0.8\": with the fewest alerts",
     3},
    {"budget", OPTION_BUDGET, "N/day", 0,
     "At most N alerts a day on average. Without --target, --budget and --max-money-missed: no "
     "more alerts than the present policy has",
     3},
    {"max-money-missed", OPTION_MISSED, "AMOUNT/day", 0,
     "At most so much money of frauds without an alert a day on average, in the policy's currency",
     3},
    {"catch", OPTION_CATCH, "WHAT", 0, "Catch most frauds, or most of their money (frauds)", 3},
    {"outcomes-after", OPTION_OUTCOMES_AFTER, "DURATION", 0,
     "Leave out transactions that are younger than this, whatever is known of them: in training "
     "when the test begins, in the test at the archive's end",
     3},
    {"out", OPTION_OUT, "FOLDER", 0, "Write the tuned policy as a new folder", 4},
    {"flips", OPTION_FLIPS, "FILE", 0,
     "Write every test transaction that would get another verdict, as CSV", 4},
    {"list", OPTION_LIST, "N", 0, "Print the first N of them (10)", 4},
    {"json", 'j', NULL, 0, "One JSON object on standard output", 4},
    {"threads", OPTION_THREADS, "N", 0, "One for each processor unless given", 5},
    {"memory", OPTION_MEMORY, "SIZE", 0,
     "For the transactions of the training range (a quarter of the machine's)", 5},
    {"quiet", 'q', NULL, 0, "No progress", 5},
    PROGRESS_ARGUMENT(5),
    {0},
};

/* ---- values ---- */

static struct tune_range parse_range(const char *name, const char *value,
                                     struct argp_state *state) {
    struct tune_range range;
    range_option_parse(name, value, state, &range.from_us, &range.until_us);
    return range;
}

/* A plain number above 0. false: it is none, or more follows. */
static bool parse_number(const char *text, const char *suffix, double *ret) {
    char *end;
    size_t length = strspn(text, "0123456789."); /* strtod() knows hexadecimal ones, too */
    double number = strtod(text, &end);
    if (length == 0 || end != text + length || !isfinite(number) || number <= 0 ||
        strcmp(end, suffix) != 0)
        return false;
    *ret = number;
    return true;
}

static const char *skip_spaces(const char *at) {
    while (*at == ' ')
        at++;
    return at;
}

/* "precision >= 0.9" */
static void parse_target(struct tune_command *command, const char *value,
                         struct argp_state *state) {
    static const char *const names[] = {"precision", "recall"};
    double *const targets[] = {&command->aim.precision, &command->aim.recall};
    for (size_t i = 0; i < 2; i++) {
        const char *at = skip_spaces(value);
        double share;
        if (strncmp(at, names[i], strlen(names[i])) != 0)
            continue;
        at = skip_spaces(at + strlen(names[i]));
        if (strncmp(at, ">=", 2) == 0 && parse_number(skip_spaces(at + 2), "", &share) &&
            share <= 1) {
            *targets[i] = share;
            return;
        }
    }
    argp_error(state,
               "--target: \"%s\" is not a target; expected precision>=P or recall>=P with a P "
               "above 0 and at most 1, for example \"precision>=0.9\"",
               value);
}

static void parse_only(struct tune_command *command, const char *value, struct argp_state *state) {
    static const char *const kinds[TUNABLE_KINDS] = {
        [TUNABLE_SCORE] = "scores", [TUNABLE_LIMIT] = "limits", [TUNABLE_CUTOFF] = "cutoffs"};
    memset(command->kinds, 0, sizeof command->kinds);
    for (const char *at = value;;) {
        size_t length = strcspn(at, ","), kind = 0;
        while (kind < TUNABLE_KINDS &&
               !text_is((struct text){.data = at, .length = length}, kinds[kind]))
            kind++;
        if (kind == TUNABLE_KINDS)
            argp_error(state,
                       "--only: \"%.*s\"; expected scores, limits or cutoffs, or several "
                       "with commas between",
                       (int)length, at);
        else
            command->kinds[kind] = true;
        if (at[length] == '\0')
            return;
        at += length + 1;
    }
}

/* ---- argp ---- */

static void check_command(const struct tune_command *command, struct argp_state *state) {
    if (!command->archive)
        argp_error(state, FOLDER_ARCHIVE_MISSING);
    if (!command->policy)
        argp_error(state, "which policy? (--policy DIR)");
    if (command->train.until_us == 0)
        argp_error(state, "on which transactions may it search? (--train FROM..UNTIL)");
    if (command->test.until_us == 0)
        argp_error(state, "on which later transactions is it tested? (--test FROM..UNTIL)");
    if (command->out && !*command->out)
        argp_error(state, "--out: which folder?");
    if (command->flips && (!*command->flips || strcmp(command->flips, "-") == 0))
        argp_error(state, "--flips: name a file; standard output has the report");
    if (command->test.from_us < command->train.until_us)
        argp_error(state, "--test begins before --train ends: a test on transactions that were "
                          "searched would prove nothing");
}

static error_t parse_aim(int key, char *value, struct argp_state *state) {
    static const char *const catches[] = {"frauds", "money"};
    struct tune_command *command = state->input;
    switch (key) {
    case OPTION_TARGET:
        parse_target(command, value, state);
        return 0;
    case OPTION_BUDGET:
        if (!parse_number(value, PER_DAY, &command->aim.alerts_per_day))
            argp_error(state,
                       "--budget: \"%s\"; expected a number of alerts a day, above 0: 200/day",
                       value);
        return 0;
    case OPTION_MISSED:
        command->missed = value;
        return 0;
    case OPTION_CATCH:
        command->aim.by_amount = choice_option_parse("--catch", value, catches, 2, state) == 1;
        return 0;
    case OPTION_OUTCOMES_AFTER:
        command->outcomes_after_us =
            (int64_t)duration_option_parse("--outcomes-after", value, 0, UINT64_MAX, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_output(int key, char *value, struct argp_state *state) {
    struct tune_command *command = state->input;
    switch (key) {
    case OPTION_OUT:
        command->out = value;
        return 0;
    case OPTION_FLIPS:
        command->flips = value;
        return 0;
    case OPTION_LIST:
        command->listed = count_option_parse("--list", value, 0, LISTED_MAX, state);
        return 0;
    case 'j':
        command->json = true;
        return 0;
    case OPTION_THREADS:
        command->threads = count_option_parse("--threads", value, 1, THREADS_MAX, state);
        return 0;
    case OPTION_MEMORY:
        command->memory_bytes = bytes_option_parse("--memory", value, MEMORY_MIN, state);
        return 0;
    case 'q':
        command->quiet = true;
        return 0;
    case PROGRESS_OPTION:
        command->progress = progress_choice_parse(value, state);
        return 0;
    default:
        return parse_aim(key, value, state);
    }
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct tune_command *command = state->input;
    switch (key) {
    case 'p':
        command->policy = value;
        return 0;
    case OPTION_TRAIN:
        command->train = parse_range("train", value, state);
        return 0;
    case OPTION_TEST:
        command->test = parse_range("test", value, state);
        return 0;
    case OPTION_RULES:
        command->rules = value;
        return 0;
    case OPTION_ONLY:
        parse_only(command, value, state);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            one_word_refuse(value, "archive", state);
        command->archive = value;
        return 0;
    case ARGP_KEY_END:
        check_command(command, state);
        return 0;
    default:
        return parse_output(key, value, state);
    }
}

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "ARCHIVE",
    .doc =
        "Searches for better numbers for a policy: scores of rules, limits that their conditions "
        "compare with, cut-offs. It searches on one range of the archive, replays the result and "
        "the present policy on a later one, and prints both, the trade-off curve, the decisions "
        "that would flip and the changes as a diff. Nothing is written over. ARCHIVE is the "
        "archive's folder or a server's data folder."
        "\vA change is made only if it gains something in the first two thirds of the training "
        "range and loses nothing in the last third. Wrong declines never become more there.\n\n"
        "Exit status: 0 done, with or without an improvement, 64 the options do not fit the "
        "policy, 65 the archive is damaged, 66 nothing to search on, 74 cannot read or write, 75 "
        "interrupted, 78 the policy is invalid.",
};

void tune_command_parse(int argc, char **argv, struct tune_command *ret_command) {
    *ret_command = (struct tune_command){.outcomes_after_us = -1,
                                         .listed = LISTED_DEFAULT,
                                         .kinds = {true, true, true},
                                         .aim = {.alerts_per_day = TUNE_NO_LIMIT,
                                                 .precision = TUNE_NO_LIMIT,
                                                 .recall = TUNE_NO_LIMIT,
                                                 .missed_per_day = TUNE_NO_LIMIT}};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}

/* ---- with the policy ---- */

static int no_such_rule(const struct snapshot *policy, struct text name, struct error *ret_error) {
    struct near near = near_to(name);
    char hint[NEAR_HINT_SIZE];
    for (size_t i = 0; i < policy->rule_count; i++)
        near_try(&near, policy->rules[i].name);
    return error_set(ret_error, ERROR_INVALID,
                     "--rules: policy %" TEXT_FORMAT " has no rule \"%" TEXT_FORMAT "\"%s",
                     TEXT_ARGS(policy->name), TEXT_ARGS(name), near_hint(&near, hint));
}

/* Marks one rule. */
static int choose_rule(const struct snapshot *policy, struct text name, bool *chosen,
                       struct error *ret_error) {
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (!text_equal(policy->rules[i].name, name))
            continue;
        if (policy->rules[i].mode != RULE_LIVE)
            return error_set(ret_error, ERROR_INVALID,
                             "--rules: %" TEXT_FORMAT
                             " is %s and has no effect on a decision; expected a live rule",
                             TEXT_ARGS(name),
                             policy->rules[i].mode == RULE_SHADOW ? "in shadow" : "off");
        chosen[i] = true;
        return 0;
    }
    return no_such_rule(policy, name, ret_error);
}

int tune_command_rules(const struct tune_command *command, const struct snapshot *policy,
                       size_t **ret_rules, size_t *ret_count, struct error *ret_error) {
    bool *chosen = check_calloc(policy->rule_count + 1, sizeof *chosen);
    size_t *rules = check_calloc(policy->rule_count + 1, sizeof *rules), count = 0;
    int r = 0;
    for (const char *at = command->rules; at && r == 0;) {
        size_t length = strcspn(at, ",");
        r = choose_rule(policy, (struct text){.data = at, .length = length}, chosen, ret_error);
        at = at[length] == '\0' ? NULL : at + length + 1;
    }
    for (size_t i = 0; i < policy->rule_count; i++)
        if (command->rules ? chosen[i] : policy->rules[i].mode == RULE_LIVE)
            rules[count++] = i;
    free(chosen);
    if (r < 0) {
        free(rules);
        return r;
    }
    *ret_rules = rules;
    *ret_count = count;
    return 0;
}

int tune_command_aim(const struct tune_command *command, const struct snapshot *policy,
                     struct tune_aim *ret_aim, struct error *ret_error) {
    struct tune_aim aim = command->aim;
    if (command->missed) {
        struct text value = text_of(command->missed);
        size_t suffix = strlen(PER_DAY);
        int64_t minor;
        if (value.length <= suffix || strcmp(value.data + value.length - suffix, PER_DAY) != 0)
            return error_set(ret_error, ERROR_INVALID,
                             "--max-money-missed: \"%s\"; expected an amount a day: 500.00/day",
                             command->missed);
        value.length -= suffix;
        int r = decimal_parse(value, policy->schema.base_digits, &minor, ret_error);
        if (r < 0)
            return error_prefix(ret_error, "--max-money-missed in %s",
                                policy->schema.base_currency);
        if (minor < 0)
            return error_set(ret_error, ERROR_INVALID, "--max-money-missed: \"%s\" is below 0",
                             command->missed);
        aim.missed_per_day = (double)minor;
    }
    bool floors = aim.recall >= 0 || aim.missed_per_day >= 0;
    bool ceilings = aim.precision >= 0 || aim.alerts_per_day >= 0;
    aim.fewest_alerts = floors && !ceilings;
    aim.at_present_rate = !floors && !ceilings;
    *ret_aim = aim;
    return 0;
}
