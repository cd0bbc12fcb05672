/* harrier brake: the brakes that are in force on a server, lifted and pulled.
 *
 * A brake puts a rule in shadow by a record of the archive, so the server does it; this command
 * only asks. Asking again after a lost answer is safe: the same change twice is one change. */
#include "clients/c/harrier_analyst.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/quantity.h"
#include "clients/cli/terminal/server_options.h"
#include "command.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_POLICY = 256, OPTION_DEFINITION, OPTION_WHY, OPTION_SOURCE };

struct braking;

static int list(struct braking *braking, struct error *ret_error);
static int change(struct braking *braking, struct error *ret_error);

static const struct task {
    const char *name;
    int (*run)(struct braking *braking, struct error *ret_error);
    bool changes, pulls;
} tasks[] = {
    {"list", list, false, false}, {"lift", change, true, false}, {"pull", change, true, true}};

struct options {
    const struct task *task;
    const char *rule;
    bool policy, json;
    uint64_t definition;
    const char *why, *source;
    struct server_options server;
};

struct braking {
    const struct options *options;
    struct harrier_client *client;
    struct progress_bar bar; /* never drawn: it knows of interrupts */
    struct retry retry;
};

/* ---- the command line ---- */

static const struct task *find_task(const char *name, struct argp_state *state) {
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(tasks[i].name, name) == 0)
            return &tasks[i];
    argp_error(state, "there is no \"harrier brake %s\" (expected list, lift or pull)", name);
    return NULL;
}

static void check_usage(const struct options *options, struct argp_state *state) {
    if (!options->task)
        argp_error(state, "list, lift or pull?");
    else if (!options->task->changes && (options->rule || options->policy))
        argp_error(state, "list shows all brakes; it takes no rule");
    else if (options->task->changes && !options->rule == !options->policy)
        argp_error(state, "%s which brake? Expected one RULE, or --policy", options->task->name);
    else if (options->definition && (!options->task->changes || options->task->pulls))
        argp_error(state, "--definition is for lift");
    else if ((options->why || options->source) && !options->task->changes)
        argp_error(state, "--why and --source are for lift and pull");
    else if (options->json && options->task->changes)
        argp_error(state, "--json is for list");
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->server;
        return 0;
    case OPTION_POLICY:
        options->policy = true;
        return 0;
    case OPTION_DEFINITION:
        if (hash_parse_hex(text_of(value), &options->definition) < 0 || options->definition == 0)
            argp_error(state, "--definition %s: expected 16 hexadecimal digits, as list has them",
                       value);
        return 0;
    case OPTION_WHY:
        options->why = value;
        return 0;
    case OPTION_SOURCE:
        options->source = value;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            options->task = find_task(value, state);
        else if (state->arg_num == 1)
            options->rule = value;
        else
            argp_error(state, "one RULE at a time");
        return 0;
    case ARGP_KEY_END:
        check_usage(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Lifting and pulling:", 1},
    {"policy", OPTION_POLICY, NULL, 0, "The brake of the policy as a whole, that is, of all rules",
     0},
    {"definition", OPTION_DEFINITION, "HEX", 0,
     "lift: a brake that is for another declaration of the rule than that of the policy in force",
     0},
    {"why", OPTION_WHY, "TEXT", 0, "The reason, recorded with the change", 0},
    {"source", OPTION_SOURCE, "NAME", 0, "Who made the change: analyst:7, …", 0},
    {NULL, 0, NULL, 0, "Listing:", 2},
    {"json", 'j', NULL, 0, "list: JSON lines", 0},
    {0},
};

static const struct argp_child children[] = {{&server_options_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "list\nlift RULE\nlift --policy\npull RULE\npull --policy",
    .children = children,
    .doc = "Shows the brakes that are in force on a server, lifts them, and pulls them by hand. A "
           "rule whose brake is pulled acts as if in shadow, from the next transaction on; the "
           "server pulls it when the rule exceeds its at_most. Each change is recorded in the "
           "archive, so a replay has it, too."
           "\vRepeating a change has no effect. Exit status: 0 done, 66 the policy has no such "
           "rule, 69 the server was unreachable for too long, 75 interrupted.",
};

/* ---- lift, pull ---- */

static void say(const struct options *options, const struct harrier_brake_result *result) {
    const char *name = options->policy ? "the policy" : options->rule;
    if (options->server.quiet)
        return;
    if (options->task->pulls)
        printf("%s: %s\n", name,
               result->changed ? "brake pulled" : "its brake is pulled already; nothing changed");
    else
        printf("%s: %s\n", name,
               result->changed       ? "brake lifted"
               : options->definition ? "no brake for that definition is pulled; nothing changed"
                                     : "no brake for its present declaration is pulled; nothing "
                                       "changed");
}

static int change(struct braking *braking, struct error *ret_error) {
    const struct options *options = braking->options;
    const struct harrier_call_options of_call = {.deadline_us = options->server.deadline_us};
    const struct harrier_brake_change wanted = {.rule = options->rule,
                                                .policy = options->policy,
                                                .pull = options->task->pulls,
                                                .definition = options->definition,
                                                .source = options->source,
                                                .reason = options->why};
    struct harrier_error failure = {0};
    struct harrier_reply *reply;
    while (harrier_change_brake(braking->client, &wanted, &of_call, &reply, &failure) < 0) {
        int r = retry_or_fail(&braking->retry, &failure, ret_error);
        if (r < 0)
            return r;
    }
    retry_answered(&braking->retry);
    say(options, reply->brake_change);
    harrier_reply_free(reply);
    return 0;
}

/* ---- list ---- */

static void brake_json(const struct harrier_brake *brake) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    if (*brake->rule)
        json_add_text(&line, "rule", text_of(brake->rule));
    json_add_hex(&line, "definition", brake->definition);
    json_add_bool(&line, "applies", brake->applies);
    json_add_time(&line, "pulled", brake->pulled_time_us);
    json_add_unsigned(&line, "position", brake->position);
    json_add_text(&line, "source", text_of(brake->source));
    json_add_text(&line, "reason", text_of(brake->reason));
    json_end_object(&line);
    json_print_line(&line);
}

/* The definition only where lifting needs it. */
static void brake_text(const struct harrier_brake *brake) {
    char pulled[64], definition[HASH_HEX_SIZE];
    printf("%s  since %s", *brake->rule ? brake->rule : "the policy",
           quantity_format_time(brake->pulled_time_us, pulled));
    if (*brake->source)
        printf(" by %s", brake->source);
    if (*brake->reason)
        printf(": %s", brake->reason);
    hash_hex(brake->definition, definition);
    if (!brake->applies)
        printf(" (without effect: it is not declared like this in the policy in force; to lift it: "
               "--definition %s)",
               definition);
    putchar('\n');
}

static void print_brakes(const struct options *options, const struct harrier_status *status) {
    if (options->server.quiet)
        return;
    for (size_t i = 0; i < status->described_brakes; i++)
        (options->json ? brake_json : brake_text)(&status->brakes[i]);
    if (status->brake_count > status->described_brakes)
        fprintf(options->json ? stderr : stdout, "… and %" PRIu64 " more\n",
                status->brake_count - status->described_brakes);
    if (!options->json && status->brake_count == 0)
        puts("no brake is pulled");
}

static int list(struct braking *braking, struct error *ret_error) {
    const struct options *options = braking->options;
    const struct harrier_call_options of_call = {.deadline_us = options->server.deadline_us};
    struct harrier_error failure = {0};
    struct harrier_reply *reply;
    while (harrier_status(braking->client, false, &of_call, &reply, &failure) < 0) {
        int r = retry_or_fail(&braking->retry, &failure, ret_error);
        if (r < 0)
            return r;
    }
    retry_answered(&braking->retry);
    print_brakes(options, reply->status);
    harrier_reply_free(reply);
    return 0;
}

int command_brake(int argc, char **argv) {
    struct options options = {0};
    struct braking braking = {.options = &options};
    struct error error;
    server_options_init(&options.server);
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (server_options_connect(&options.server, 1, &braking.client, &error) < 0)
        return exit_with_address(&error);
    progress_bar_init(&braking.bar, PROGRESS_QUIET, NULL);
    braking.bar.stop = interrupt_watch();
    braking.retry = server_options_retry(&options.server, &braking.bar);
    int r = options.task->run(&braking, &error);
    harrier_client_free(braking.client);
    return r < 0 ? exit_with(&error) : EXIT_STATUS_OK;
}
