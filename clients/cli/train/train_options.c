#include "train_options.h"

#include "clients/cli/io/time_option.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_option.h"

#include <argp.h>
#include <string.h>

#define REVIEWS_DEFAULT 100
#define DRAWS_DEFAULT   1000
#define SEED_DEFAULT    1
#define THREADS_MAX     256
#define MEMORY_MIN      (16u << 20)
#define PER_DAY         "/day"

enum {
    OPTION_TRAIN = 256,
    OPTION_TEST,
    OPTION_OUTCOMES_AFTER,
    OPTION_SEED,
    OPTION_REVIEWS,
    OPTION_OUT,
    OPTION_THREADS,
    OPTION_MEMORY,
};

static const struct argp_option arguments[] = {
    {"policy", 'p', "FOLDER", 0, "The policy that declares the model; it is only read", 1},
    {"model", 'm', "NAME", 0, "Which model of its models.yaml; the file need not be there", 1},
    {"train", OPTION_TRAIN, "FROM..UNTIL", 0,
     "Learn from transactions with event times from FROM on and before UNTIL", 1},
    {"test", OPTION_TEST, "FROM..UNTIL", 0,
     "Evaluate on these, which begin where the others end or later; an isolation forest, which "
     "needs "
     "no outcomes, may go without",
     1},
    {"outcomes-after", OPTION_OUTCOMES_AFTER, "DURATION", 0,
     "Do not learn from transactions that are younger than this when the test begins, and say how "
     "many in the test have no outcome and are younger at the archive's end",
     2},
    {"seed", OPTION_SEED, "N", 0, "For whatever is drawn at random (1)", 2},
    {"reviews", OPTION_REVIEWS, "N/day", 0,
     "Precision and recall if so many transactions a day are reviewed (100/day)", 2},
    {"out", OPTION_OUT, "FOLDER", 0, "Write the policy with the trained model as a new folder", 3},
    {"json", 'j', NULL, 0, "The model card as one JSON object on standard output", 3},
    {"threads", OPTION_THREADS, "N", 0,
     "Of the replays; one for each processor unless given. Training itself has one", 4},
    {"memory", OPTION_MEMORY, "SIZE", 0,
     "For transactions and training (a quarter of the machine's); where that is too little, "
     "transactions without fraud are sampled",
     4},
    {"quiet", 'q', NULL, 0, "No progress", 4},
    PROGRESS_ARGUMENT(4),
    {0},
};

static void check_command(const struct train_command *command, struct argp_state *state) {
    if (!command->archive)
        argp_error(state, FOLDER_ARCHIVE_MISSING);
    if (!command->policy)
        argp_error(state, "which policy declares the model? (--policy FOLDER)");
    if (!command->model || !*command->model)
        argp_error(state, "which model of the policy? (--model NAME)");
    if (command->train.until_us == 0)
        argp_error(state, "from which transactions may it learn? (--train FROM..UNTIL)");
    if (!command->out || !*command->out)
        argp_error(state, "where to? (--out FOLDER)");
    if (command->test.until_us != 0 && command->test.from_us < command->train.until_us)
        argp_error(state, "--test begins before --train ends: a test on transactions that were "
                          "learned from would prove nothing");
}

/* "100/day" */
static uint64_t parse_reviews(const char *value, struct argp_state *state) {
    char digits[32] = "";
    size_t length = strspn(value, "0123456789");
    if (length >= sizeof digits || strcmp(value + length, PER_DAY) != 0)
        argp_error(state, "--reviews: \"%s\"; expected a number a day: 100/day", value);
    else
        memcpy(digits, value, length);
    return count_option_parse("--reviews", digits, 1, UINT32_MAX, state);
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct train_command *command = state->input;
    switch (key) {
    case 'p':
        command->policy = value;
        return 0;
    case 'm':
        command->model = value;
        return 0;
    case OPTION_TRAIN:
        range_option_parse("train", value, state, &command->train.from_us,
                           &command->train.until_us);
        return 0;
    case OPTION_TEST:
        range_option_parse("test", value, state, &command->test.from_us, &command->test.until_us);
        return 0;
    case OPTION_OUTCOMES_AFTER:
        command->outcomes_after_us =
            (int64_t)duration_option_parse("--outcomes-after", value, 0, UINT64_MAX, state);
        return 0;
    case OPTION_SEED:
        command->seed = count_option_parse("--seed", value, 0, INT32_MAX, state);
        return 0;
    case OPTION_REVIEWS:
        command->confirm.reviews = parse_reviews(value, state);
        return 0;
    case OPTION_OUT:
        command->out = value;
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
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            one_word_refuse(value, "archive", state);
        command->archive = value;
        return 0;
    case ARGP_KEY_END:
        check_command(command, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "ARCHIVE",
    .doc =
        "Trains a model that a policy declares, on one range of the archive: its inputs as each "
        "transaction had them, and the outcomes that were known when the test range begins. "
        "Calibrates its probability, evaluates it on the test range, and writes the policy with "
        "the model, what later values are compared with, and a model card as a new folder. The "
        "card is also printed. ARCHIVE is the archive's folder or a server's data folder."
        "\vThe same archive, policy, options and seed give the same files.\n\n"
        "Exit status: 0 done, 64 the options do not fit the policy, 65 the archive is damaged, 66 "
        "nothing to learn from, 69 a library is missing, 74 cannot read or write, 75 interrupted, "
        "78 the policy is invalid.",
};

void train_command_parse(int argc, char **argv, struct train_command *ret_command) {
    *ret_command =
        (struct train_command){.outcomes_after_us = -1,
                               .seed = SEED_DEFAULT,
                               .confirm = {.reviews = REVIEWS_DEFAULT, .draws = DRAWS_DEFAULT}};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}
