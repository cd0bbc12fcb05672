/* harrier entity: the features of one card, customer, … as a running server has them.
 *
 * One call, and the features as lines or one JSON object. The server reads its live state, so what
 * it decided a moment ago counts; nothing is changed. harrier explain shows
 * why a transaction was decided as it was. */
#include "clients/c/harrier_analyst.h"
#include "clients/cli/explain/explain_parts.h"
#include "clients/cli/io/time_option.h"
#include "clients/cli/output/feature_value.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/quantity.h"
#include "clients/cli/terminal/server_options.h"
#include "command.h"
#include "core/base/buffer.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_AT = 256 };

/* `key` points into argv. at_us: 0 stands for the entity's newest transaction, as in the call. */
struct options {
    bool json;
    int64_t at_us;
    const char *entity;
    const char *const *key;
    size_t key_count;
    struct server_options server;
};

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->server;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case OPTION_AT:
        options->at_us = time_option_parse("at", value, state);
        if (options->at_us <= 0)
            argp_error(state, "--at: \"%s\" is not after 1970-01-01", value);
        return 0;
    case ARGP_KEY_ARGS:
        options->entity = state->argv[state->next];
        options->key = (const char *const *)&state->argv[state->next + 1];
        options->key_count = (size_t)(state->argc - state->next - 1);
        return 0;
    case ARGP_KEY_END:
        if (!options->entity || options->key_count == 0)
            argp_error(state, "which one? Expected ENTITY KEY, for example \"card tok_17\"");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Entity:", 1},
    {"at", OPTION_AT, "TIME", 0,
     "Features as of this event time (default: that of its newest transaction)", 0},
    {"json", 'j', NULL, 0, "One JSON object", 0},
    {0},
};

static const struct argp_child children[] = {{&server_options_once_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .children = children,
    .args_doc = "ENTITY KEY…",
    .doc = "Shows the features of one entity of the policy as a server has them now: as the next "
           "transaction at that time would see them, without that transaction. KEY is its value: "
           "for an entity of several fields one for each, in the policy's order."
           "\vExit status: 0 shown, 65 the policy has no such entity, 66 the key has no history, "
           "69 the server does not answer.",
};

/* ---- for people ---- */

static void print_time(const char *name, int64_t us) {
    char text[QUANTITY_TIME_SIZE];
    if (us != 0)
        printf("%-10s %s\n", name, quantity_format_time(us, text));
}

/* Names in a column as wide as the longest. */
static void print_features(const struct harrier_entity *entity) {
    struct buffer line;
    int width = 0;
    for (size_t i = 0; i < entity->feature_count; i++) {
        int length = (int)strlen(entity->features[i].name);
        width = length > width ? length : width;
    }
    buffer_init(&line);
    for (size_t i = 0; i < entity->feature_count; i++) {
        buffer_clear(&line);
        explain_parts_value(&line, &entity->features[i]);
        printf("  %-*s  %.*s\n", width, entity->features[i].name, (int)line.length,
               (const char *)line.bytes);
    }
    buffer_deinit(&line);
}

static void print_text(const struct options *options, const struct harrier_entity *entity) {
    char number[QUANTITY_COUNT_SIZE], bytes[QUANTITY_BYTES_SIZE], hash[HASH_HEX_SIZE];
    hash_hex(entity->state_hash, hash);
    printf("%-10s", options->entity);
    for (size_t i = 0; i < options->key_count; i++)
        printf("%s %s", i ? "," : "", options->key[i]);
    putchar('\n');
    print_time("newest", entity->newest_time_us);
    printf("%-10s %s transactions in %s, hash %s\n", "state",
           quantity_format_count(entity->entries, number),
           quantity_format_bytes(entity->state_bytes, bytes), hash);
    print_time("as of", entity->at_time_us);
    print_features(entity);
}

/* ---- for programs ---- */

static void print_json(const struct options *options, const struct harrier_entity *entity) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_text(&line, "entity", text_of(options->entity));
    json_add_strings(&line, "key", options->key, options->key_count);
    if (entity->newest_time_us != 0)
        json_add_time(&line, "newest_time", entity->newest_time_us);
    json_add_time(&line, "at_time", entity->at_time_us);
    json_add_unsigned(&line, "entries", entity->entries);
    json_add_unsigned(&line, "state_bytes", entity->state_bytes);
    json_add_hex(&line, "state_hash", entity->state_hash);
    json_begin_object(&line, "features");
    for (size_t i = 0; i < entity->feature_count; i++)
        json_add_value(&line, text_of(entity->features[i].name),
                       feature_value(&entity->features[i]));
    json_end_object(&line);
    json_end_object(&line);
    json_print_line(&line);
}

/* ---- the command ---- */

int command_entity(int argc, char **argv) {
    struct options options = {0};
    struct harrier_client *client;
    struct harrier_reply *reply = NULL;
    struct harrier_error failure = {0};
    struct error error;
    server_options_init(&options.server);
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    int r = server_options_connect(&options.server, 1, &client, &error);
    if (r < 0)
        return (int)exit_with_address(&error);
    const struct harrier_call_options of_call = {.deadline_us = options.server.deadline_us};
    r = harrier_get_entity(client, options.entity, options.key, options.key_count, options.at_us,
                           &of_call, &reply, &failure);
    enum exit_status status = EXIT_STATUS_OK;
    if (r < 0) {
        retry_failure(options.server.address, &failure, &error);
        status = exit_with(&error);
    } else if (options.json) {
        print_json(&options, reply->entity);
    } else {
        print_text(&options, reply->entity);
    }
    harrier_reply_free(reply);
    harrier_client_free(client);
    return (int)status;
}
