/* harrier train: the command line of batch/train/train.h.
 *
 *   parse     train_options.h
 *   load      the policy, with the model as it is before it is trained
 *   learn     from the training range
 *   make      the policy with the model, in memory; it must load as a server would load it
 *   confirm   on the test range
 *   write     the policy, what later values are compared with, and the model card as a new folder
 *   report    the card
 *
 * Nothing that exists is written over: --out is refused at the beginning if its name is taken. */
#include "batch/train/train_confirm.h"
#include "clients/cli/io/beginning.h"
#include "clients/cli/policy/folder_draft.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/train/train_card.h"
#include "clients/cli/train/train_options.h"
#include "clients/cli/train/trained_policy.h"
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct training {
    struct train_command command;
    struct progress_bar bar;
    char *archive;
    struct snapshot *policy;
    struct model_cards cards; /* of the policy's folder as it is */
    struct train_options options;
    struct train_learned learned;
    struct trained_policy trained;
    struct train_confirmed confirmed;
    struct buffer markdown, json; /* the card */
    bool is_usage;                /* the error is one of the command line */
};

/* ---- before the work ---- */

/* Also that it can be made there: training takes long. */
static int check_out(const char *out, struct error *ret_error) {
    struct folder_draft draft;
    struct stat status;
    if (lstat(out, &status) == 0)
        return error_set(ret_error, ERROR_INVALID,
                         "--out %s: it exists and is not written over; name a new folder", out);
    if (folder_draft_open(&draft, out, NULL, ret_error) < 0)
        return error_prefix(ret_error, "--out %s", out);
    folder_draft_discard(&draft);
    return 0;
}

static int load_policy(struct training *training, struct error *ret_error) {
    const struct train_command *command = &training->command;
    struct policy_folder *folder;
    struct buffer messages;
    size_t count;
    int r = policy_folder_read(command->policy, &folder, ret_error);
    if (r < 0)
        return r;
    const struct policy_file *files = policy_folder_files(folder, &count);
    buffer_init(&messages);
    r = snapshot_load_untrained(files, count, text_of(command->model), &training->policy, &messages,
                                ret_error);
    buffer_deinit(&messages);
    policy_folder_free(folder);
    return r < 0 ? error_prefix(ret_error, "the policy in %s", command->policy) : 0;
}

static int prepare(struct training *training, struct error *ret_error) {
    const struct train_command *command = &training->command;
    int r = check_out(command->out, ret_error);
    training->is_usage = r == -ERROR_INVALID;
    if (r == 0)
        r = load_policy(training, ret_error);
    if (r == 0)
        r = model_cards_read(command->policy, &training->cards, ret_error);
    if (r < 0)
        return r;
    training->options =
        (struct train_options){.archive = training->archive,
                               .snapshot = training->policy,
                               .model = snapshot_model(training->policy, text_of(command->model)),
                               .train = command->train,
                               .test = command->test,
                               .outcomes_after_us = command->outcomes_after_us,
                               .seed = command->seed,
                               .threads = (size_t)command->threads,
                               .memory_bytes = command->memory_bytes};
    r = train_available(training->options.model, ret_error);
    if (r == 0 && command->test.until_us == 0 && train_needs_labels(training->options.model))
        r = error_set(ret_error, ERROR_INVALID,
                      "on which later transactions is it tested? (--test FROM..UNTIL)");
    training->is_usage = r == -ERROR_INVALID;
    return r < 0 ? r : trained_policy_check(training->policy, training->options.model, ret_error);
}

/* ---- the run ---- */

static void write_cards(struct training *training) {
    const struct train_card card = {
        .command = &training->command,
        .policy = training->policy,
        .model = training->options.model,
        .trained = training->trained.snapshot,
        .learned = &training->learned,
        .confirmed = training->command.test.until_us ? &training->confirmed : NULL};
    train_card_markdown(&card, &training->markdown);
    train_card_json(&card, &training->json);
}

static int run(struct training *training, struct error *ret_error) {
    struct progress *progress = &training->bar.progress;
    const struct train_options *options = &training->options;
    int r = prepare(training, ret_error);
    if (r == 0)
        r = train_learn(options, progress, &training->learned, ret_error);
    if (r == 0)
        r = trained_policy_make(options, &training->learned, &training->trained, ret_error);
    if (r == 0 && training->command.test.until_us)
        r = train_confirm(options, training->trained.snapshot, &training->command.confirm, progress,
                          &training->confirmed, ret_error);
    if (r < 0)
        return r;
    write_cards(training);
    return trained_policy_write(&training->trained, &training->cards, training->command.out,
                                options->model->name, buffer_text(&training->markdown),
                                buffer_text(&training->json), ret_error);
}

static enum exit_status report(const struct training *training) {
    const struct buffer *card = training->command.json ? &training->json : &training->markdown;
    const struct train_rows *rows = &training->learned.rows;
    fwrite(card->bytes, 1, card->length, stdout);
    if (rows->failed > 0)
        fprintf(stderr, "harrier: an input failed for %llu transactions, which were left out: %s\n",
                (unsigned long long)rows->failed, rows->failure);
    if (!training->command.quiet)
        fprintf(stderr, "harrier: %s has the policy with the trained model\n",
                training->command.out);
    return exit_after_output(EXIT_STATUS_OK);
}

static enum exit_status fail(const struct training *training, const struct error *error) {
    enum exit_status status = exit_with(error);
    if (training->is_usage || error->code == ERROR_TOO_LARGE) /* --memory, or a shorter range */
        return EXIT_STATUS_USAGE;
    if (error->code == ERROR_UNSUPPORTED && training->policy)
        return EXIT_STATUS_UNAVAILABLE;
    return error->code == ERROR_INVALID ? EXIT_STATUS_BAD_POLICY : status;
}

static void close_training(struct training *training) {
    trained_policy_deinit(&training->trained);
    train_learned_deinit(&training->learned);
    model_cards_deinit(&training->cards);
    snapshot_unref(training->policy);
    buffer_deinit(&training->markdown);
    buffer_deinit(&training->json);
    free(training->archive);
}

int command_train(int argc, char **argv) {
    struct training training = {0};
    struct error error;
    train_command_parse(argc, argv, &training.command);
    buffer_init(&training.markdown);
    buffer_init(&training.json);
    training.archive = folder_of_archive(training.command.archive);
    beginning_note(training.command.archive, training.command.quiet);
    progress_bar_init(&training.bar,
                      progress_style_of(training.command.progress, training.command.quiet, false),
                      NULL);
    training.bar.stop = interrupt_watch();
    int r = run(&training, &error);
    progress_bar_clear(&training.bar);
    enum exit_status status = r < 0 ? fail(&training, &error) : report(&training);
    close_training(&training);
    return (int)status;
}
