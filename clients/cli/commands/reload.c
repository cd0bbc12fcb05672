/* harrier reload: a server loads its policy again, as after an edit or a deployment.
 *
 * Without --wait the request is only handed over. With it the server's answer is printed: what
 * became of the policy and of each shadow policy, and which features have no history yet. Reload
 * cannot name another policy than the one the server was started with, and it does not retry. */
#include "clients/c/harrier_analyst.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/quantity.h"
#include "clients/cli/terminal/server_options.h"
#include "command.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WAIT_US_DEFAULT UINT64_C(60000000) /* the cases of a large policy take some seconds */
/* Without --wait. The server answers at once, but a person who asks a busy one would rather wait.
 */
#define ANSWER_US UINT64_C(10000000)

enum { OPTION_WAIT = 256 };

/* wait_us counts only with `wait`. */
struct options {
    bool json, wait;
    uint64_t wait_us;
    struct server_options server;
};

/* --wait takes its time as an optional argument, so argp wants it written as --wait=30s. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->server;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case OPTION_WAIT:
        options->wait = true;
        if (!value)
            return 0;
        options->wait_us = duration_option_parse("--wait", value, 1, UINT64_MAX, state);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state,
                   "unexpected \"%s\" (reload takes no policy: the server loads the one it was "
                   "started with; name the server with --to)",
                   value);
        return 0;
    case ARGP_KEY_END:
        if (options->json && !options->wait)
            argp_error(state, "--json needs --wait: without it there is nothing to report");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Reload:", 1},
    {"wait", OPTION_WAIT, "TIME", OPTION_ARG_OPTIONAL,
     "Wait for the result, at most this long (60s)", 0},
    {"json", 'j', NULL, 0, "With --wait: one JSON object", 0},
    {0},
};

static const struct argp_child children[] = {{&server_options_once_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .children = children,
    .doc = "Makes a server load its policy and its shadow policies again from their folders. A "
           "policy that is invalid or has a failing case is refused, and the previous one stays in "
           "force. Decisions never wait for a reload."
           "\vExit status: 0 adopted or unchanged (without --wait: requested), 69 the server does "
           "not answer in time, 78 the policy or a shadow policy was refused.",
};

/* ---- for people ---- */

/* The faults go to standard error, the result to standard output. After a refusal the policy
 * still in force is named, if there is one. */
static void print_folder(const struct harrier_folder_reload *folder, const char *what) {
    char id[HASH_HEX_SIZE];
    hash_hex(folder->snapshot_id, id);
    fputs(folder->messages, stderr);
    printf("%s%s%s", what, *folder->folder ? " in " : "", folder->folder);
    if (folder->result == HARRIER_RELOAD_REFUSED)
        printf(" refused: %s\n%s ", folder->error,
               folder->snapshot_id ? "still in force:" : "no policy is in force");
    else
        printf(" %s: ", harrier_reload_result_name(folder->result));
    if (folder->snapshot_id)
        printf("%s (snapshot %s)", folder->policy_name, id);
    putchar('\n');
}

/* The server sends at most a few names and the number of all. */
static void print_names(const char *title, const char *const *names, size_t named, uint64_t count) {
    if (count == 0)
        return;
    printf("%s", title);
    for (size_t i = 0; i < named; i++)
        printf("%s %s", i ? "," : "", names[i]);
    if (named < count)
        printf(" and %" PRIu64 " more", count - named);
    putchar('\n');
}

/* Warming: features of the new policy for which the tables hold no history. */
static void print_text(const struct harrier_reload *reload) {
    print_folder(&reload->policy, "policy");
    for (size_t i = 0; i < reload->shadow_count; i++)
        print_folder(&reload->shadows[i], "shadow policy");
    const struct harrier_warming *warming = &reload->warming;
    print_names("without history until harrier rebuild:", warming->features,
                warming->named_features, warming->feature_count);
    print_names("  used by:", warming->rules, warming->named_rules, warming->rule_count);
}

/* ---- for programs ---- */

/* Of a folder that was not refused, "error" and "messages" are empty texts. */
static void add_folder(struct buffer *line, const struct harrier_folder_reload *folder) {
    json_add_text(line, "result", text_of(harrier_reload_result_name(folder->result)));
    json_add_text(line, "policy_name", text_of(folder->policy_name));
    json_add_hex(line, "snapshot_id", folder->snapshot_id);
    json_add_text(line, "error", text_of(folder->error));
    json_add_text(line, "messages", text_of(folder->messages));
}

/* Members are the same whatever the result, so that a script can read them without looking first.
 */
static void print_json(const struct harrier_reload *reload) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    add_folder(&line, &reload->policy);
    json_add_strings(&line, "warming_features", reload->warming.features,
                     reload->warming.named_features);
    json_add_unsigned(&line, "warming_feature_count", reload->warming.feature_count);
    json_add_strings(&line, "warming_rules", reload->warming.rules, reload->warming.named_rules);
    json_add_unsigned(&line, "warming_rule_count", reload->warming.rule_count);
    json_begin_array(&line, "shadows");
    for (size_t i = 0; i < reload->shadow_count; i++) {
        json_begin_object(&line, NULL);
        json_add_text(&line, "folder", text_of(reload->shadows[i].folder));
        add_folder(&line, &reload->shadows[i]);
        json_end_object(&line);
    }
    json_end_array(&line);
    json_end_object(&line);
    json_print_line(&line);
}

/* ---- the command ---- */

/* Quiet still prints why a policy was refused, as an error. */
static enum exit_status report(const struct options *options, const struct harrier_reload *reload) {
    /* An error beside a policy that is good: the tokens were refused. */
    bool is_refused = reload->policy.result == HARRIER_RELOAD_REFUSED || *reload->policy.error;
    for (size_t i = 0; i < reload->shadow_count; i++)
        is_refused |= reload->shadows[i].result == HARRIER_RELOAD_REFUSED;
    if (!options->wait) {
        if (!options->server.quiet)
            puts("requested; harrier status and the server's log show the result");
        return EXIT_STATUS_OK;
    }
    if (options->json)
        print_json(reload);
    else if (!options->server.quiet)
        print_text(reload);
    else if (is_refused)
        fputs(reload->policy.messages, stderr);
    return is_refused ? EXIT_STATUS_BAD_POLICY : EXIT_STATUS_OK;
}

int command_reload(int argc, char **argv) {
    struct options options = {.wait_us = WAIT_US_DEFAULT};
    struct harrier_client *client;
    struct harrier_reply *reply = NULL;
    struct harrier_error failure = {0};
    struct error error;
    server_options_init(&options.server);
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    int r = server_options_connect(&options.server, 1, &client, &error);
    if (r < 0)
        return (int)exit_with_address(&error);
    const struct harrier_call_options of_call = {.deadline_us =
                                                     options.wait ? options.wait_us : ANSWER_US};
    r = harrier_reload(client, options.wait, &of_call, &reply, &failure);
    enum exit_status status = EXIT_STATUS_OK;
    if (r < 0) {
        retry_failure(options.server.address, &failure, &error);
        status = exit_with(&error);
    } else {
        status = report(&options, reply->reload);
    }
    harrier_reply_free(reply);
    harrier_client_free(client);
    return (int)status;
}
