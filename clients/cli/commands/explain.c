/* harrier explain: why was this transaction decided as it was?
 *
 * From a folder the decision is derived again here (batch/verify/explain.h); from a server it is
 * asked for by id. Both end as the same reply, so that the output cannot differ (explain/).
 * Without --policy only the policy that decided is shown; the comparison with another one needs
 * the whole archive and is not offered by a server. */
#include "batch/verify/explain.h"

#include "clients/c/convert/reply.h"
#include "clients/cli/explain/explain_json.h"
#include "clients/cli/explain/explain_text.h"
#include "clients/cli/io/beginning.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "clients/cli/terminal/server_options.h"
#include "command.h"
#include "core/store/explain/explain.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEADLINE_US_DEFAULT UINT64_C(60000000)

enum { OPTION_POSITION = 256, OPTION_SERVER, OPTION_DEADLINE, OPTION_THREADS, OPTION_TOKEN_FILE };

/* Either `folder` or `server` is given; position and threads are for a folder only, 0: not given.
 */
struct options {
    const char *folder, *id, *policy, *server, *token_file;
    uint64_t position, threads, deadline_us;
    bool json, all, quiet;
    struct harrier_tls tls; /* with server */
    enum progress_choice progress;
};

/* Combinations that argp cannot know. With --server there is only an id, so the folder must be
 * missing. */
static void check_options(const struct options *options, struct argp_state *state) {
    if (options->server && options->folder)
        argp_error(state, "--server takes an ID and no folder");
    if (!options->server && options->id && !options->folder)
        argp_error(state, "expected an archive and a transaction's ID, but only \"%s\" is given",
                   options->id);
    if (!options->server && !options->folder)
        argp_error(state, FOLDER_ARCHIVE_MISSING);
    if (!options->id)
        argp_error(state, "which transaction?");
    if (options->server && (options->policy || options->position))
        argp_error(state, "--policy and --id-position need a folder: a server explains only what "
                          "it decided itself");
}

/* With a server the only argument is the id; else the last one is. */
static void take_argument(struct options *options, char *value, struct argp_state *state) {
    if (state->arg_num > 1)
        argp_error(state, "one transaction at a time");
    options->folder = options->id;
    options->id = value;
}

/* --server takes its address as an argument, so the transaction's id stays the only other one. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'p':
        options->policy = value;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case 'a':
        options->all = true;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case PROGRESS_OPTION:
        options->progress = progress_choice_parse(value, state);
        return 0;
    case OPTION_POSITION:
        options->position = count_option_parse("--id-position", value, 1, UINT64_MAX, state);
        return 0;
    case OPTION_THREADS:
        options->threads = count_option_parse("--threads", value, 1, 1024, state);
        return 0;
    case OPTION_SERVER:
        options->server = value ? value : SERVER_ADDRESS_DEFAULT;
        return 0;
    case OPTION_TOKEN_FILE:
        options->token_file = value;
        return 0;
    case OPTION_DEADLINE:
        options->deadline_us =
            duration_option_parse("--deadline", value, 1000, HARRIER_DEADLINE_US_MAX, state);
        return 0;
    case ARGP_KEY_ARG:
        take_argument(options, value, state);
        return 0;
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return server_options_take_tls(&options->tls, key, value) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"policy", 'p', "DIR", 0,
     "Also show what this policy would decide on the same history, folded from the archive's first "
     "record",
     0},
    {"all", 'a', NULL, 0, "Show the whole conditions of rules that did not fire, too", 0},
    {"json", 'j', NULL, 0, "One JSON object with everything", 0},
    {"id-position", OPTION_POSITION, "N", 0,
     "If several transactions have this id, explain the one at position N (the last)", 0},
    {"threads", OPTION_THREADS, "N", 0, "Read segments in N threads (one per core)", 0},
    {"quiet", 'q', NULL, 0, "No progress", 0},
    PROGRESS_ARGUMENT(0),
    {NULL, 0, NULL, 0, "Instead of a folder:", 1},
    {"server", OPTION_SERVER, "ADDRESS", 0,
     "Ask the server at ADDRESS (" SERVER_ADDRESS_DEFAULT ")", 0},
    SERVER_OPTIONS_TOKEN_FILE(OPTION_TOKEN_FILE),
    SERVER_OPTIONS_TLS,
    {"deadline", OPTION_DEADLINE, "TIME", 0, "Deadline for the answer (60s)", 0},
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "DATA_FOLDER ID\nARCHIVE ID\n--server ADDRESS ID",
    .doc =
        "Shows why a transaction was decided as it was. Derives the decision again from the "
        "archive, bit for bit, and shows every value it was based on, every rule part by part, and "
        "how the verdict and the score came about. The beginning of an ID is enough if only one ID "
        "begins with it."
        "\vA server may be running; records that it has not synced yet are not found. Given the "
        "data folder, the command starts from the tables that the transaction was decided on "
        "instead of the archive's first record.\n\nExit status: 0 done, 1 the derived decision "
        "differs from the archived one, 65 the "
        "archive is damaged, 66 no such archive or transaction, 69 the server does not answer in "
        "time, 74 cannot read or write, 75 interrupted, 78 the policy is invalid.",
};

/* ---- from a folder ---- */

/* The tables are beside the archive in a data folder; an archive alone has none. */
static char *find_generations(const char *folder, const char *archive) {
    struct stat status;
    char *generations = folder_in(folder, FOLDER_GENERATIONS);
    bool is_data = strcmp(folder, archive) != 0;
    if (is_data && stat(generations, &status) == 0 && S_ISDIR(status.st_mode))
        return generations;
    free(generations);
    return NULL;
}

/* The explanation is converted to the client's reply by way of the wire's structs, so that folder
 * and server go through the same output code. */
static int explain_folder(const struct options *options, struct harrier_reply **ret_reply,
                          struct error *ret_error) {
    struct progress_bar bar;
    struct arena arena;
    struct explanation explanation;
    char *archive = folder_of_archive(options->folder);
    beginning_note(options->folder, options->quiet);
    char *generations = find_generations(options->folder, archive);
    const struct explain_job job = {.archive = archive,
                                    .generations = generations,
                                    .id = options->id,
                                    .position = options->position,
                                    .policy = options->policy,
                                    .threads = (size_t)options->threads};
    progress_bar_init(&bar, progress_style_of(options->progress, options->quiet, true), "segments");
    bar.stop = interrupt_watch();
    arena_init(&arena, EXPLANATION_BYTES_MAX);
    int r = explain_run(&job, &bar.progress, &arena, &explanation, ret_error);
    progress_bar_clear(&bar);
    if (r == 0) {
        const struct response response = {.call = CALL_EXPLAIN, .explain = &explanation};
        *ret_reply = reply_new(&response);
        if (!*ret_reply)
            r = error_set(ret_error, ERROR_TOO_LARGE, "the explanation takes too much memory");
    }
    arena_deinit(&arena);
    free(generations);
    free(archive);
    return r;
}

/* ---- from a server ---- */

/* The default deadline is a minute, not a second: the server may have to read far back in its
 * archive. */
static int ask_server(const struct options *options, struct harrier_client *client,
                      struct harrier_reply **ret_reply, struct error *ret_error) {
    struct harrier_error failure = {0};
    if (harrier_explain(client, options->id, NULL, ret_reply, &failure) < 0)
        return retry_failure(options->server, &failure, ret_error);
    return 0;
}

/* ---- the command ---- */

/* The exit status tells whether the derived decision equals the archived one. */
static enum exit_status print(const struct options *options,
                              const struct harrier_explanation *explanation) {
    struct buffer out;
    buffer_init(&out);
    if (options->json)
        explain_json_format(explanation, &out);
    else
        explain_text_format(explanation, options->all, options->policy, &out);
    fwrite(out.bytes, 1, out.length, stdout);
    buffer_deinit(&out);
    return explanation->equal ? EXIT_STATUS_OK : EXIT_STATUS_ROWS_FAILED;
}

/* An invalid file can only be the policy's when one was given; otherwise it is the archive's. */
static enum exit_status fail(const struct options *options, const struct error *error) {
    enum exit_status status = exit_with(error);
    return options->policy && error->code == ERROR_INVALID ? EXIT_STATUS_BAD_POLICY : status;
}

int command_explain(int argc, char **argv) {
    struct options options = {.deadline_us = DEADLINE_US_DEFAULT};
    struct harrier_client *client = NULL;
    struct harrier_reply *reply = NULL;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    int r;
    if (options.server) {
        const struct server_options server = {.address = options.server,
                                              .token_file = options.token_file,
                                              .tls = options.tls,
                                              .deadline_us = options.deadline_us};
        r = server_options_connect(&server, 1, &client, &error);
        if (r < 0)
            return (int)exit_with_address(&error);
        r = ask_server(&options, client, &reply, &error);
    } else {
        r = explain_folder(&options, &reply, &error);
    }
    enum exit_status status = r < 0 ? fail(&options, &error) : print(&options, reply->explanation);
    harrier_reply_free(reply);
    harrier_client_free(client);
    return (int)status;
}
