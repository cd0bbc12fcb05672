/* harrier status: what a server says of itself.
 *
 * One call, and one page of text or one JSON object from the answer. With --wait-ready the call
 * is repeated until the server is ready or time is up: for scripts that start a server. The exit
 * status says whether it is ready. Metrics over time are not here: the server exports them for
 * Prometheus. */
#include "clients/c/harrier_analyst.h"
#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/quantity.h"
#include "clients/cli/terminal/server_options.h"
#include "command.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/base/value.h"
#include "core/policy/lists/experiment.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Pause between two questions of --wait-ready. */
#define WAIT_STEP_US           50000
#define STATE_HASH_DEADLINE_US 600000000 /* it reads every state */

enum { OPTION_STATE_HASH = 256, OPTION_WAIT_READY };

/* wait_us counts only with `wait`; one call has server.deadline_us. */
struct options {
    bool json, state_hash, wait;
    uint64_t wait_us;
    struct server_options server;
};

/* --wait-ready sets both the wish and its length: 0s asks once. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->server;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case OPTION_STATE_HASH:
        options->state_hash = true;
        return 0;
    case OPTION_WAIT_READY:
        options->wait = true;
        options->wait_us = duration_option_parse("--wait-ready", value, 0, UINT64_MAX, state);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected \"%s\" (name the server with --to)", value);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Status:", 1},
    {"json", 'j', NULL, 0, "One JSON object", 0},
    {"state-hash", OPTION_STATE_HASH, NULL, 0,
     "Also compute a hash over the states of all entities (slow: reads all of them)", 0},
    {"wait-ready", OPTION_WAIT_READY, "TIME", 0, "Wait this long for the server to be ready", 0},
    {0},
};

static const struct argp_child children[] = {{&server_options_once_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .children = children,
    .doc = "Shows the state of a server, what it holds and the policy it decides by."
           "\vExit status: 0 the server is ready, 69 it is not ready or does not answer.",
};

/* Times that never happened (no transaction yet, no refusal) are left out. */
static void print_time(const char *name, int64_t us) {
    char text[64];
    if (us == 0 || us == INT64_MIN)
        return;
    value_format(value_timestamp(us), text, sizeof text);
    printf("%-13s %s\n", name, text);
}

/* Widths as in all lines of print_text(). */
static void print_count(const char *name, uint64_t count) {
    char number[QUANTITY_COUNT_SIZE];
    printf("%-13s %s\n", name, quantity_format_count(count, number));
}

/* The age is taken from this machine's clock, which may differ from the server's: never below
 * zero. */
static void print_state(const struct harrier_status *status) {
    char period[QUANTITY_DURATION_SIZE];
    int64_t up_us = realtime_us() - status->started_time_us;
    printf("%-13s %s%s%s, version %s, up %s\n", "server", status->state,
           *status->state_reason ? ": " : "", status->state_reason, status->version,
           quantity_format_duration(up_us > 0 ? (uint64_t)up_us : 0, period));
}

/* "behind" counts records that came after the tables: they are in the overlay. */
static void print_generation(const struct harrier_status *status) {
    char id[HASH_HEX_SIZE], number[QUANTITY_COUNT_SIZE], period[QUANTITY_DURATION_SIZE];
    if (status->generation_id == 0) {
        printf("%-13s none yet (harrier rebuild makes one)\n", "generation");
        return;
    }
    hash_hex(status->generation_id, id);
    printf("%-13s %s at position %s\n", "generation", id,
           quantity_format_count(status->generation_position, number));
    int64_t age_us = realtime_us() - status->generation_time_us;
    print_time("  built", status->generation_time_us);
    print_time("  ids since", status->ids_since_time_us);
    printf("%-13s %s%s, %s records behind\n", "  age",
           quantity_format_duration(age_us > 0 ? (uint64_t)age_us : 0, period),
           status->stale ? " (stale: decisions are marked)" : "",
           quantity_format_count(status->position - status->generation_position, number));
}

static void print_backup(const struct harrier_status *status) {
    char number[QUANTITY_COUNT_SIZE], period[QUANTITY_DURATION_SIZE];
    int64_t age_us = realtime_us() - status->backup_time_us;
    if (status->backup_time_us == 0)
        printf("%-13s none known\n", "last backup");
    else
        printf("%-13s %s ago, up to position %s\n", "last backup",
               quantity_format_duration(age_us > 0 ? (uint64_t)age_us : 0, period),
               quantity_format_count(status->backup_position, number));
}

/* The comparison of old and new tables is reported only once there has been one. */
static void print_swap(const struct harrier_status *status) {
    char number[2][QUANTITY_COUNT_SIZE];
    printf("%-13s %s%s%s\n", "swap", status->swap_state, *status->swap_reason ? ": " : "",
           status->swap_reason);
    if (status->compared_entities > 0)
        printf("%-13s %s entities at the last one, %s different\n", "  compared",
               quantity_format_count(status->compared_entities, number[0]),
               quantity_format_count(status->differing_entities, number[1]));
}

/* The server sends at most a few names and the number of all; the rest is an ellipsis. */
static void print_names(const char *title, const char *const *names, size_t named, uint64_t count) {
    char number[QUANTITY_COUNT_SIZE];
    if (count == 0)
        return;
    printf("%-13s %s: ", title, quantity_format_count(count, number));
    for (size_t i = 0; i < named; i++)
        printf("%s%s", i ? ", " : "", names[i]);
    puts(named < count ? ", …" : "");
}

/* Every decision says so, too. */
static void print_warming(const struct harrier_warming *warming) {
    print_names("  warming", warming->features, warming->named_features, warming->feature_count);
    print_names("    used by", warming->rules, warming->named_rules, warming->rule_count);
    if (warming->feature_count > 0)
        puts("                features that have no history until harrier rebuild has run");
}

/* Only those that have an effect: harrier brake list shows all. */
static void print_brakes(const struct harrier_status *status) {
    for (size_t i = 0; i < status->described_brakes; i++)
        if (status->brakes[i].applies)
            printf("%-13s %s: %s\n", "  brake",
                   *status->brakes[i].rule ? status->brakes[i].rule : "the policy",
                   status->brakes[i].reason);
}

/* "3-7, 12" */
static void print_missing(const struct harrier_source *source) {
    for (size_t i = 0; i < source->missing_count; i++) {
        const struct harrier_source_range *range = &source->missing[i];
        printf("%s%" PRIu64, i ? ", " : "", range->first);
        if (range->last > range->first)
            printf("-%" PRIu64, range->last);
    }
}

/* What is as it should be is not mentioned. */
static void print_source(const struct harrier_source *source) {
    char number[3][QUANTITY_COUNT_SIZE];
    printf("%-13s %s: %s transactions", "source", source->source,
           quantity_format_count(source->transactions, number[0]));
    if (source->highest > 0)
        printf(", numbers %" PRIu64 " to %" PRIu64, source->first, source->highest);
    if (source->gaps > 0)
        printf(", %s missed in %s gap%s, %s came late",
               quantity_format_count(source->missed, number[0]),
               quantity_format_count(source->gaps, number[1]), source->gaps == 1 ? "" : "s",
               quantity_format_count(source->late, number[2]));
    if (source->repeats > 0)
        printf(", %s repeats", quantity_format_count(source->repeats, number[0]));
    if (source->restarts > 0)
        printf(", %s restarts", quantity_format_count(source->restarts, number[0]));
    puts("");
    if (source->missing_count == 0)
        return;
    printf("%-13s ", "  missing");
    print_missing(source);
    puts("");
}

static void print_sources(const struct harrier_status *status) {
    char number[QUANTITY_COUNT_SIZE];
    for (size_t i = 0; i < status->source_count; i++)
        print_source(&status->sources[i]);
    if (status->other_source_transactions > 0)
        printf("%-13s %s transactions, which nothing is kept of: there are too many sources\n",
               "  others", quantity_format_count(status->other_source_transactions, number));
}

/* "lab 1f… for 10% of customer (experiment spring), since …". */
static void print_challenger(const struct harrier_status *status) {
    const struct harrier_experiment *experiment = &status->experiment;
    char id[HASH_HEX_SIZE], number[2][QUANTITY_COUNT_SIZE];
    if (*experiment->name) {
        struct buffer share;
        buffer_init(&share);
        experiment_put_share(&share, experiment->share);
        hash_hex(experiment->snapshot_id, id);
        printf("%-13s %s (snapshot %s) for %.*s of %s, experiment %s\n", "challenger",
               experiment->policy_name, id, (int)share.length, (const char *)share.bytes,
               experiment->key, experiment->name);
        buffer_deinit(&share);
        print_time("  since", experiment->since_time_us);
        printf("%-13s %s by the champion, %s by the challenger\n", "  decisions",
               quantity_format_count(experiment->champion_decisions, number[0]),
               quantity_format_count(experiment->challenger_decisions, number[1]));
    }
    if (*status->challenger_error)
        printf("%-13s refused: %s\n", *experiment->name ? "  reload" : "challenger",
               status->challenger_error);
}

/* Only of a server whose archive is replicated. */
static void print_cluster(const struct harrier_status *status) {
    if (!*status->node)
        return;
    print_count("  committed", status->committed_position);
    printf("%-13s %s\n", "node", status->node);
    printf("%-13s %s\n", "primary", *status->primary ? status->primary : "none known");
}

/* The order is that of questions in an incident: is it up, by which policy, on which tables, how
 * far. */
static void print_text(const struct options *options, const struct harrier_status *status) {
    char id[HASH_HEX_SIZE], bytes[QUANTITY_BYTES_SIZE], number[QUANTITY_COUNT_SIZE];
    print_state(status);
    hash_hex(status->snapshot_id, id);
    printf("%-13s %s (snapshot %s)\n", "policy", status->policy_name, id);
    if (*status->reload_error)
        printf("%-13s refused: %s\n", "  reload", status->reload_error);
    print_time("  since", status->refused_since_time_us);
    print_warming(&status->warming);
    print_brakes(status);
    print_challenger(status);
    print_generation(status);
    print_swap(status);
    print_count("position", status->position);
    print_count("  synced", status->synced_position);
    print_cluster(status);
    print_backup(status);
    print_count("transactions", status->transactions);
    print_time("  newest", status->newest_event_time_us);
    print_count("outcomes", status->outcomes);
    for (int label = HARRIER_LABEL_LEGIT; label < HARRIER_LABEL_COUNT; label++) {
        char name[32];
        snprintf(name, sizeof name, "  %s", harrier_label_name((enum harrier_label)label));
        if (status->labels[label])
            print_count(name, status->labels[label]);
    }
    printf("%-13s %s entities, %s of memory\n", "overlay",
           quantity_format_count(status->overlay_entities, number),
           quantity_format_bytes(status->overlay_memory_bytes, bytes));
    print_sources(status);
    print_count("duplicates", status->duplicates);
    print_count("rejected", status->rejected);
    if (options->state_hash) {
        hash_hex(status->state_hash, id);
        printf("%-13s %s\n", "state hash", id);
    }
}

/* A member that is missing says that it has not happened. */
static void json_time(struct buffer *line, const char *key, int64_t us) {
    if (us != 0 && us != INT64_MIN)
        json_add_time(line, key, us);
}

static void add_brake(struct buffer *line, const struct harrier_brake *brake) {
    json_begin_object(line, NULL);
    json_add_text(line, "rule", text_of(brake->rule));
    json_add_hex(line, "definition", brake->definition);
    json_add_bool(line, "applies", brake->applies);
    json_time(line, "pulled_time", brake->pulled_time_us);
    json_add_unsigned(line, "position", brake->position);
    json_add_text(line, "source", text_of(brake->source));
    json_add_text(line, "reason", text_of(brake->reason));
    json_end_object(line);
}

static void add_source(struct buffer *line, const struct harrier_source *source) {
    json_begin_object(line, NULL);
    json_add_text(line, "source", text_of(source->source));
    json_add_unsigned(line, "transactions", source->transactions);
    json_time(line, "last_receive_time", source->last_receive_time_us);
    json_add_unsigned(line, "first", source->first);
    json_add_unsigned(line, "highest", source->highest);
    json_add_unsigned(line, "gaps", source->gaps);
    json_add_unsigned(line, "missed", source->missed);
    json_add_unsigned(line, "late", source->late);
    json_add_unsigned(line, "repeats", source->repeats);
    json_add_unsigned(line, "restarts", source->restarts);
    json_begin_array(line, "missing");
    for (size_t i = 0; i < source->missing_count; i++) {
        json_begin_array(line, NULL);
        json_add_unsigned(line, NULL, source->missing[i].first);
        json_add_unsigned(line, NULL, source->missing[i].last);
        json_end_array(line);
    }
    json_end_array(line);
    json_end_object(line);
}

/* Left out where there is none. */
static void add_experiment(struct buffer *line, const struct harrier_status *status) {
    const struct harrier_experiment *experiment = &status->experiment;
    if (*status->challenger_error)
        json_add_text(line, "challenger_error", text_of(status->challenger_error));
    if (!*experiment->name)
        return;
    json_begin_object(line, "experiment");
    json_add_text(line, "name", text_of(experiment->name));
    json_add_text(line, "key", text_of(experiment->key));
    json_add_unsigned(line, "share_e4", experiment->share);
    json_add_text(line, "policy_name", text_of(experiment->policy_name));
    json_add_hex(line, "snapshot_id", experiment->snapshot_id);
    json_add_unsigned(line, "position", experiment->position);
    json_time(line, "since", experiment->since_time_us);
    json_add_unsigned(line, "champion_decisions", experiment->champion_decisions);
    json_add_unsigned(line, "challenger_decisions", experiment->challenger_decisions);
    json_end_object(line);
}

/* Everything that the server answers, under the names of the wire's fields. */
static void print_json(const struct options *options, const struct harrier_status *status) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_text(&line, "version", text_of(status->version));
    json_add_text(&line, "state", text_of(status->state));
    json_add_text(&line, "state_reason", text_of(status->state_reason));
    json_time(&line, "started_time", status->started_time_us);
    json_add_text(&line, "policy_name", text_of(status->policy_name));
    json_add_hex(&line, "snapshot_id", status->snapshot_id);
    json_add_text(&line, "reload_error", text_of(status->reload_error));
    json_time(&line, "refused_since", status->refused_since_time_us);
    json_add_strings(&line, "warming_features", status->warming.features,
                     status->warming.named_features);
    json_add_unsigned(&line, "warming_feature_count", status->warming.feature_count);
    json_add_strings(&line, "warming_rules", status->warming.rules, status->warming.named_rules);
    json_add_unsigned(&line, "warming_rule_count", status->warming.rule_count);
    json_begin_array(&line, "brakes");
    for (size_t i = 0; i < status->described_brakes; i++)
        add_brake(&line, &status->brakes[i]);
    json_end_array(&line);
    json_add_unsigned(&line, "brake_count", status->brake_count);
    add_experiment(&line, status);
    json_add_hex(&line, "generation_id", status->generation_id);
    json_add_unsigned(&line, "generation_position", status->generation_position);
    json_time(&line, "generation_time", status->generation_time_us);
    json_add_bool(&line, "stale", status->stale);
    json_time(&line, "ids_since", status->ids_since_time_us);
    json_add_text(&line, "swap_state", text_of(status->swap_state));
    json_add_text(&line, "swap_reason", text_of(status->swap_reason));
    json_add_unsigned(&line, "compared_entities", status->compared_entities);
    json_add_unsigned(&line, "differing_entities", status->differing_entities);
    json_add_unsigned(&line, "position", status->position);
    json_add_unsigned(&line, "synced_position", status->synced_position);
    if (*status->node) {
        json_add_text(&line, "node", text_of(status->node));
        json_add_text(&line, "primary", text_of(status->primary));
        json_add_unsigned(&line, "committed_position", status->committed_position);
    }
    json_time(&line, "backup_time", status->backup_time_us);
    if (status->backup_time_us)
        json_add_unsigned(&line, "backup_position", status->backup_position);
    json_add_unsigned(&line, "transactions", status->transactions);
    json_add_unsigned(&line, "outcomes", status->outcomes);
    json_begin_object(&line, "labels");
    for (int label = HARRIER_LABEL_LEGIT; label < HARRIER_LABEL_COUNT; label++)
        json_add_unsigned(&line, harrier_label_name((enum harrier_label)label),
                          status->labels[label]);
    json_end_object(&line);
    json_time(&line, "newest_event_time", status->newest_event_time_us);
    json_add_unsigned(&line, "overlay_entities", status->overlay_entities);
    json_add_unsigned(&line, "overlay_bytes", status->overlay_bytes);
    json_add_unsigned(&line, "overlay_memory_bytes", status->overlay_memory_bytes);
    json_begin_array(&line, "sources");
    for (size_t i = 0; i < status->source_count; i++)
        add_source(&line, &status->sources[i]);
    json_end_array(&line);
    json_add_unsigned(&line, "other_source_transactions", status->other_source_transactions);
    json_add_unsigned(&line, "duplicates", status->duplicates);
    json_add_unsigned(&line, "rejected", status->rejected);
    if (options->state_hash)
        json_add_hex(&line, "state_hash", status->state_hash);
    json_end_object(&line);
    json_print_line(&line);
}

/* The state is a word, not an enum: a newer server may know more of them. */
static bool is_ready(const struct harrier_reply *reply) {
    return strcmp(reply->status->state, "ready") == 0;
}

/* The last answer there was until the server was ready or time was up. */
static int ask(const struct options *options, struct harrier_client *client,
               struct harrier_reply **ret_reply, struct error *ret_error) {
    uint64_t deadline_us =
        options->state_hash ? STATE_HASH_DEADLINE_US : options->server.deadline_us;
    uint64_t begun_us = monotonic_us();
    const volatile int *stop = interrupt_watch();
    for (;;) {
        struct harrier_reply *reply = NULL;
        struct harrier_error failure = {0};
        const struct harrier_call_options of_call = {.deadline_us = deadline_us};
        int r = harrier_status(client, options->state_hash, &of_call, &reply, &failure);
        bool done = r == 0 && is_ready(reply);
        bool hopeless = r < 0 && !retry_is_worthwhile(failure.code);
        bool late = !options->wait || monotonic_us() - begun_us >= options->wait_us;
        if (*stop) {
            harrier_reply_free(reply);
            return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        }
        if (done || hopeless || late) {
            *ret_reply = reply;
            return r < 0 ? retry_failure(options->server.address, &failure, ret_error) : 0;
        }
        harrier_reply_free(reply);
        nanosleep(&(struct timespec){.tv_nsec = WAIT_STEP_US * 1000}, NULL);
    }
}

/* The text is printed for a server that is not ready, too: it says why. */
int command_status(int argc, char **argv) {
    struct options options = {0};
    struct harrier_client *client;
    struct harrier_reply *reply = NULL;
    struct error error;
    server_options_init(&options.server);
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    int r = server_options_connect(&options.server, 1, &client, &error);
    if (r < 0)
        return exit_with_address(&error);
    r = ask(&options, client, &reply, &error);
    int status = EXIT_STATUS_OK;
    if (r < 0) {
        status = (int)exit_with(&error);
    } else {
        if (options.json)
            print_json(&options, reply->status);
        else if (!options.server.quiet)
            print_text(&options, reply->status);
        if (!is_ready(reply))
            status = EXIT_STATUS_UNAVAILABLE;
    }
    harrier_reply_free(reply);
    harrier_client_free(client);
    return status;
}
