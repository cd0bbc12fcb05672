/* Options are parsed one by one, then checked together: most mistakes are combinations that make
 * no sense, and each has a message that says why. Checks that need the policy or the archive (a
 * card entity, a price's decimals) are in commands/replay.c. */
#include "replay_options.h"

#include "clients/cli/io/time_option.h"
#include "clients/cli/parquet/parquet_pipe.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/text.h"

#include <argp.h>
#include <string.h>

#define REPORTED_DEFAULT 10
#define KEPT_DEFAULT     1000
#define LISTED_MAX       100000
#define THREADS_MAX      256
#define K_DEFAULT        100
#define K_MAX            1000000
#define DAY_US           (INT64_C(86400) * 1000000)
#define PRICE_DEFAULT    "5"

enum {
    OPTION_FEATURES = 256,
    OPTION_WITH_FIELDS,
    OPTION_RECORDED,
    OPTION_AGAINST,
    OPTION_FROM,
    OPTION_TO,
    OPTION_WARM_UP,
    OPTION_KNOWN,
    OPTION_COUNTERFACTUAL,
    OPTION_WALK_FORWARD,
    OPTION_THREADS,
    OPTION_RESUME,
    OPTION_JSON,
    OPTION_HTML,
    OPTION_LIST,
    OPTION_REVIEW_PRICE,
    OPTION_OUTCOMES_AFTER,
    OPTION_K,
    OPTION_CARD,
    OPTION_BLOCKED_AFTER,
    OPTION_BLOCKED_FROM,
};

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "What is replayed:", 1},
    {"policy", 'p', "DIR", 0, "Decide everything with this policy instead of the archived ones", 1},
    {"against", OPTION_AGAINST, "DIR", 0,
     "Compare with what this policy would have decided instead of the archived decisions", 1},
    {"recorded", OPTION_RECORDED, NULL, 0, "The audit: compare each decision with the archived one",
     1},
    {"from", OPTION_FROM, "TIME", 0,
     "Only transactions with event times from TIME on (2026-01-31, or 2026-01-31T18:00:00Z); "
     "earlier ones are history",
     1},
    {"to", OPTION_TO, "TIME", 0, "Only transactions with event times before TIME", 1},
    {NULL, 0, NULL, 0, "What is known when:", 2},
    {"known", OPTION_KNOWN, "then|now", 0,
     "then (the default): the archive's order, outcomes from when they were reported. now: the "
     "order of event times, outcomes and lists as they are at the archive's end",
     2},
    {"warm-up", OPTION_WARM_UP, "start|generations", 0,
     "Collect history from the archive's start (the default), or start from the newest tables "
     "before --from that this policy can use",
     2},
    {"counterfactual", OPTION_COUNTERFACTUAL, NULL, 0,
     "Let everything that depends on verdicts follow the replayed policy. Uses one thread", 2},
    {"walk-forward", OPTION_WALK_FORWARD, NULL, 0,
     "Compute the policy's thresholds every night of the replay from what was known by then", 2},
    {NULL, 0, NULL, 0, "Report:", 3},
    {"json", OPTION_JSON, "FILE", 0, "The whole report as one JSON object (- is standard output)",
     3},
    {"html", OPTION_HTML, "FILE", 0, "The same as an HTML page with charts, readable offline", 3},
    {"features", OPTION_FEATURES, "FILE", 0,
     "Each transaction's feature values, score, verdict and outcome, as CSV (- is standard "
     "output), or as Parquet when FILE ends in .parquet",
     3},
    {"with-fields", OPTION_WITH_FIELDS, NULL, 0,
     "With --features: also the transaction's own fields, from amount to longitude, and its "
     "attributes; reads the archive once more",
     3},
    {"list", OPTION_LIST, "N", 0,
     "Report up to N differences, refusals or changed decisions one by one (10; with --json or "
     "--html 1000)",
     3},
    {"review-price", OPTION_REVIEW_PRICE, "AMOUNT", 0,
     "Cost of reviewing one transaction, in the policy's base currency (" PRICE_DEFAULT ")", 3},
    {"outcomes-after", OPTION_OUTCOMES_AFTER, "DURATION", 0,
     "Leave transactions out of precision and similar figures if they are younger than DURATION "
     "at the archive's end, since their frauds are known first (default: none are left out)",
     3},
    {"k", OPTION_K, "N", 0, "Cards that can be reviewed per day, for card precision (100)", 3},
    {"card", OPTION_CARD, "ENTITY", 0,
     "Entity of the policy that card precision counts (card, else customer)", 3},
    {"blocked-after", OPTION_BLOCKED_AFTER, "DAYS", 0,
     "Treat cards as blocked once more than DAYS days have passed since the day of a fraud, and "
     "leave them out of AUC, average precision and card precision (default: none)",
     3},
    {"blocked-from", OPTION_BLOCKED_FROM, "TIME", 0,
     "For --blocked-after, count frauds from TIME on, which may be before --from", 3},
    {NULL, 0, NULL, 0, "Otherwise:", 4},
    {"threads", OPTION_THREADS, "N", 0,
     "Threads (one per processor); the result is the same for any number", 4},
    {"resume", OPTION_RESUME, "FILE", 0,
     "If interrupted, save progress to FILE; the same command resumes from there and removes FILE "
     "at the end",
     4},
    {"quiet", 'q', NULL, 0, "No progress and no summary", 4},
    PROGRESS_ARGUMENT(4),
    {0},
};

/* "7d": the days of frauds and of transactions are compared, not their hours. */
static int64_t parse_days(const char *name, const char *value, struct argp_state *state) {
    int64_t us = (int64_t)duration_option_parse(name, value, 0, UINT64_MAX, state);
    if (us % DAY_US != 0)
        argp_error(state, "%s: \"%s\" is not a whole number of days; expected for example 7d", name,
                   value);
    return us / DAY_US;
}

/* ---- what goes together ---- */

/* An audit repeats what happened: every option that changes something is refused. */
static void check_recorded(const struct replay_command *command, struct argp_state *state) {
    const struct {
        const char *name;
        bool is_given;
    } others[] = {
        {"policy", command->policy != NULL},
        {"against", command->against != NULL},
        {"counterfactual", command->counterfactual},
        {"walk-forward", command->walk_forward},
        {"known now", command->known_now},
        {"warm-up generations", command->from_generations},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].is_given)
            argp_error(state,
                       "--recorded repeats the decisions exactly as they were made: it cannot be "
                       "combined with --%s",
                       others[i].name);
}

/* As it was, there is nothing to choose. */
static void check_policy(const struct replay_command *command, struct argp_state *state) {
    const char *needs = command->against          ? "--against compares two policies"
                        : command->counterfactual ? "--counterfactual is about another policy"
                        : command->walk_forward   ? "--walk-forward is about another policy"
                        : command->known_now      ? "--known now is about another policy"
                        : command->from_generations
                            ? "--warm-up generations is about another policy"
                            : NULL;
    if (needs && !command->policy)
        argp_error(state, "%s: which one? (--policy DIR)", needs);
}

/* What goes together with regard to time and to whose verdicts count. */
static void check_clocks(const struct replay_command *command, struct argp_state *state) {
    if (command->counterfactual && command->known_now)
        argp_error(state, "--counterfactual follows the order of decisions: it cannot be combined "
                          "with --known now");
    if (command->counterfactual && command->against)
        argp_error(state,
                   "--counterfactual follows the verdicts of one policy: it cannot be combined "
                   "with --against. Replay each policy separately");
    if (command->known_now && command->walk_forward)
        argp_error(state, "--walk-forward computes thresholds from what was known then: it "
                          "cannot be combined with --known now");
    if (command->known_now && command->from_generations)
        argp_error(state, "--warm-up generations: tables hold what was known then; it cannot "
                          "be combined with --known now");
    if (command->from_generations && command->from_us == 0)
        argp_error(state,
                   "--warm-up generations starts from the tables before --from: --from is missing");
    if (command->to_us != 0)
        time_range_check("--from", command->from_us, "--to", command->to_us, state);
}

/* --blocked-from alone would have no effect. */
static void check_blocked(const struct replay_command *command, struct argp_state *state) {
    if (command->blocked_from_us != 0 && command->blocked_after_days < 0)
        argp_error(state, "--blocked-from needs --blocked-after: how long after a fraud is a card "
                          "blocked? (for example 7d)");
    if (command->blocked_from_us != 0 && command->blocked_from_us > command->from_us)
        argp_error(state, "--blocked-from must be before --from");
}

/* Two options naming one file would overwrite each other. Paths are compared as they are typed. */
static void check_files(const struct replay_command *command, struct argp_state *state) {
    const char *files[] = {command->features, command->json, command->html, command->resume};
    static const char *const names[] = {"features", "json", "html", "resume"};
    size_t on_stdout = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (files[i] && !*files[i])
            argp_error(state, "--%s: which file?", names[i]);
        on_stdout += files[i] && strcmp(files[i], "-") == 0;
        for (size_t j = 0; j < i; j++)
            if (files[i] && files[j] && strcmp(files[i], "-") != 0 &&
                strcmp(files[i], files[j]) == 0)
                argp_error(state, "--features, --json, --html and --resume: two of them name %s",
                           files[i]);
    }
    if (on_stdout > 1)
        argp_error(state,
                   "--features, --json and --html: only one of them can go to standard output");
}

/* Only what can be cut at a mark and continued can be resumed. */
static void check_resume(const struct replay_command *command, struct argp_state *state) {
    if (!command->resume)
        return;
    if (strcmp(command->resume, "-") == 0)
        argp_error(state, "--resume: cannot resume from standard output; name a file");
    if (!command->features)
        return;
    if (strcmp(command->features, "-") == 0)
        argp_error(state, "--resume: rows on standard output cannot be resumed; name a file");
    if (parquet_is_name(command->features))
        argp_error(state, "--resume: Parquet cannot be resumed; --features FILE.csv can");
}

/* argp_error() ends the process, so the first fault is the one reported. */
static void check_command(const struct replay_command *command, struct argp_state *state) {
    if (!command->archive)
        argp_error(state, FOLDER_ARCHIVE_MISSING);
    if (command->with_fields && !command->features)
        argp_error(state, "--with-fields is about the rows of --features, which is missing");
    if (command->recorded)
        check_recorded(command, state);
    check_policy(command, state);
    check_clocks(command, state);
    check_blocked(command, state);
    check_files(command, state);
    check_resume(command, state);
}

/* ---- argp ---- */

static const char *const known_words[] = {"then", "now"};
static const char *const warm_up_words[] = {"start", "generations"};

/* Options that say what is decided and on what knowledge. */
static error_t parse_what(int key, char *value, struct argp_state *state) {
    struct replay_command *command = state->input;
    switch (key) {
    case 'p':
        command->policy = value;
        return 0;
    case OPTION_AGAINST:
        command->against = value;
        return 0;
    case OPTION_RECORDED:
        command->recorded = true;
        return 0;
    case OPTION_FROM:
        command->from_us = time_option_parse("from", value, state);
        return 0;
    case OPTION_TO:
        command->to_us = time_option_parse("to", value, state);
        if (command->to_us <= 0)
            argp_error(state, "--to: the range is empty");
        return 0;
    case OPTION_KNOWN:
        command->known_now = choice_option_parse("--known", value, known_words, 2, state) == 1;
        return 0;
    case OPTION_WARM_UP:
        command->from_generations =
            choice_option_parse("--warm-up", value, warm_up_words, 2, state) == 1;
        return 0;
    case OPTION_COUNTERFACTUAL:
        command->counterfactual = true;
        return 0;
    case OPTION_WALK_FORWARD:
        command->walk_forward = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Options that say what is written and counted. */
static error_t parse_output(int key, char *value, struct argp_state *state) {
    struct replay_command *command = state->input;
    switch (key) {
    case OPTION_JSON:
        command->json = value;
        return 0;
    case OPTION_HTML:
        command->html = value;
        return 0;
    case OPTION_FEATURES:
        command->features = value;
        return 0;
    case OPTION_WITH_FIELDS:
        command->with_fields = true;
        return 0;
    case OPTION_LIST:
        command->listed = count_option_parse("--list", value, 0, LISTED_MAX, state);
        command->has_listed = true;
        return 0;
    case OPTION_REVIEW_PRICE:
        command->review_price = value;
        return 0;
    case OPTION_OUTCOMES_AFTER:
        command->outcomes_after_us =
            (int64_t)duration_option_parse("--outcomes-after", value, 0, UINT64_MAX, state);
        return 0;
    case OPTION_K:
        command->k = count_option_parse("--k", value, 1, K_MAX, state);
        return 0;
    case OPTION_CARD:
        command->card = value;
        return 0;
    case OPTION_BLOCKED_AFTER:
        command->blocked_after_days = parse_days("--blocked-after", value, state);
        return 0;
    case OPTION_BLOCKED_FROM:
        command->blocked_from_us = time_option_parse("blocked-from", value, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The rest, and the hand-over to the two above; split only for length. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct replay_command *command = state->input;
    switch (key) {
    case OPTION_THREADS:
        command->threads = count_option_parse("--threads", value, 1, THREADS_MAX, state);
        return 0;
    case OPTION_RESUME:
        command->resume = value;
        return 0;
    case 'q':
        command->quiet = true;
        return 0;
    case PROGRESS_OPTION:
        command->progress = progress_choice_parse(value, state);
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
        if (parse_what(key, value, state) == 0)
            return 0;
        return parse_output(key, value, state);
    }
}

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "ARCHIVE",
    .doc =
        "Decides every transaction of an archive again, each on what was known before it, and "
        "reports the results: verdicts, frauds caught, money, what each rule did. ARCHIVE is the "
        "archive's folder or a server's data folder.\vA server may be running; records that it has "
        "not synced yet are left out. If the replay fails or is interrupted, each FILE stays as it "
        "was.\n\nExit status: 0 done (with --recorded: no difference), 1 some decisions differ "
        "from the archived ones or some transactions were refused by the policy, 64 the options "
        "cannot be combined, 65 the archive is damaged, 66 there is nothing to replay, 74 cannot "
        "read or write, 75 interrupted, 78 the policy is invalid.",
};

void replay_command_parse(int argc, char **argv, struct replay_command *ret_command) {
    *ret_command = (struct replay_command){.outcomes_after_us = -1,
                                           .blocked_after_days = -1,
                                           .k = K_DEFAULT,
                                           .review_price = PRICE_DEFAULT};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}

bool replay_command_reports(const struct replay_command *command) {
    return command->json || command->html || (!command->recorded && !command->quiet);
}

uint64_t replay_command_kept(const struct replay_command *command) {
    if (command->has_listed)
        return command->listed;
    return command->json || command->html ? KEPT_DEFAULT : REPORTED_DEFAULT;
}

uint64_t replay_command_reported(const struct replay_command *command) {
    return command->has_listed ? command->listed : REPORTED_DEFAULT;
}

int64_t replay_command_first_us(const struct replay_command *command) {
    return command->blocked_from_us != 0 ? command->blocked_from_us : command->from_us;
}

bool replay_command_takes_stdout(const struct replay_command *command) {
    const char *files[] = {command->features, command->json, command->html};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (files[i] && strcmp(files[i], "-") == 0)
            return true;
    return false;
}
