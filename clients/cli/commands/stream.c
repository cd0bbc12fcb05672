/* harrier stream: the command line of stream/stream.h. */
#include "clients/cli/stream/stream.h"

#include "clients/cli/kafka/kafka_arguments.h"
#include "clients/cli/stream/metrics_page.h"
#include "clients/cli/stream/stream_metrics.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/quantity.h"
#include "clients/cli/terminal/server_options.h"
#include "command.h"
#include "core/base/check.h"
#include "core/wire/types/transaction.h"

#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH_DEFAULT       1000
#define RETRY_DEFAULT_US    (UINT64_C(3600) * 1000000)
#define OUTCOME_WAIT_US     (UINT64_C(30) * 1000000)
#define OUTCOME_WAIT_MAX_US (UINT64_C(86400) * 1000000)
#define GROUP_DEFAULT       "harrier-stream"
#define NAME_BYTES_MAX      200 /* of a group or an instance: both are in the transactional.id */

enum {
    OPTION_TRANSACTIONS = 256,
    OPTION_OUTCOMES,
    OPTION_AMENDMENTS,
    OPTION_DECISIONS,
    OPTION_DEAD_LETTERS,
    OPTION_MAP,
    OPTION_OUTCOME_MAP,
    OPTION_AMENDMENT_MAP,
    OPTION_FORMAT,
    OPTION_SOURCE,
    OPTION_OUTCOME_WAIT,
    OPTION_GROUP,
    OPTION_INSTANCE,
    OPTION_FROM,
    OPTION_BATCH,
    OPTION_FEATURES,
    OPTION_UNTIL_END,
    OPTION_METRICS,
};

struct options {
    const char *transactions[STREAM_TOPICS_MAX], *outcomes[STREAM_TOPICS_MAX],
        *amendments[STREAM_TOPICS_MAX];
    size_t transaction_count, outcome_count, amendment_count;
    const char *metrics;
    struct server_options server;
    struct stream_settings settings;
};

static void add_topic(const char **topics, size_t *count, const char *option, const char *value,
                      struct argp_state *state) {
    if (*value == '\0')
        argp_error(state, "%s: expected the name of a topic", option);
    if (*count == STREAM_TOPICS_MAX)
        argp_error(state, "%s: at most %d topics", option, STREAM_TOPICS_MAX);
    topics[(*count)++] = value;
}

static const char *name_parse(const char *option, const char *value, struct argp_state *state) {
    size_t length = strlen(value);
    if (length == 0 || length > NAME_BYTES_MAX)
        argp_error(state, "%s: expected a name of 1 to %d bytes", option, NAME_BYTES_MAX);
    return value;
}

/* A topic that is read and written would be read again for ever. */
static void check_no_circle(const struct stream_settings *settings, struct argp_state *state) {
    for (size_t i = 0; i < settings->topic_count; i++) {
        const char *topic = settings->topics[i];
        for (size_t j = 0; j < i; j++)
            if (strcmp(topic, settings->topics[j]) == 0)
                argp_error(state, "topic %s is named twice", topic);
        if ((settings->decisions && strcmp(topic, settings->decisions) == 0) ||
            strcmp(topic, settings->dead_letters) == 0)
            argp_error(state,
                       "topic %s would be read and written; expected other topics for --decisions "
                       "and --dead-letters than those that are read",
                       topic);
    }
}

static void add_topics(struct stream_settings *settings, const char *const *topics, size_t count) {
    memcpy(settings->topics + settings->topic_count, topics, count * sizeof *topics);
    settings->topic_count += count;
}

static void check_options(struct options *options, struct argp_state *state) {
    struct stream_settings *settings = &options->settings;
    kafka_options_check(&settings->kafka, state);
    size_t topics = options->transaction_count + options->outcome_count + options->amendment_count;
    if (topics == 0)
        argp_error(state,
                   "which topics? (--transactions TOPIC, --outcomes TOPIC, --amendments TOPIC)");
    if (topics > STREAM_TOPICS_MAX)
        argp_error(state, "at most %d topics", STREAM_TOPICS_MAX);
    if (options->transaction_count > 0 && !settings->decisions)
        argp_error(state, "where do decisions go? (--decisions TOPIC)");
    if (!settings->dead_letters)
        argp_error(state, "where do records go that cannot be read? (--dead-letters TOPIC)");
    if (settings->format == RECORD_PROTOBUF &&
        (settings->map || settings->outcome_map || settings->amendment_map))
        argp_error(state, "--map, --outcome-map and --amendment-map are for JSON; protobuf has its "
                          "own fields");
    add_topics(settings, options->transactions, options->transaction_count);
    add_topics(settings, options->outcomes, options->outcome_count);
    add_topics(settings, options->amendments, options->amendment_count);
    settings->transaction_topics = options->transaction_count;
    settings->outcome_topics = options->outcome_count;
    settings->deadline_us = options->server.deadline_us;
    check_no_circle(settings, state);
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    static const char *const formats[] = {"json", "protobuf"};
    static const char *const places[] = {"earliest", "latest"};
    struct options *options = state->input;
    struct stream_settings *settings = &options->settings;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &settings->kafka;
        state->child_inputs[1] = &options->server;
        return 0;
    case OPTION_TRANSACTIONS:
        add_topic(options->transactions, &options->transaction_count, "--transactions", value,
                  state);
        return 0;
    case OPTION_OUTCOMES:
        add_topic(options->outcomes, &options->outcome_count, "--outcomes", value, state);
        return 0;
    case OPTION_AMENDMENTS:
        add_topic(options->amendments, &options->amendment_count, "--amendments", value, state);
        return 0;
    case OPTION_DECISIONS:
        settings->decisions = value;
        return 0;
    case OPTION_DEAD_LETTERS:
        settings->dead_letters = value;
        return 0;
    case OPTION_MAP:
        settings->map = value;
        return 0;
    case OPTION_OUTCOME_MAP:
        settings->outcome_map = value;
        return 0;
    case OPTION_AMENDMENT_MAP:
        settings->amendment_map = value;
        return 0;
    case OPTION_FORMAT:
        settings->format =
            (enum record_format)choice_option_parse("--format", value, formats, 2, state);
        return 0;
    case OPTION_SOURCE:
        settings->source = value;
        return 0;
    case OPTION_OUTCOME_WAIT:
        settings->outcome_wait_us =
            duration_option_parse("--outcome-wait", value, 0, OUTCOME_WAIT_MAX_US, state);
        return 0;
    case OPTION_GROUP:
        settings->group = name_parse("--group", value, state);
        return 0;
    case OPTION_INSTANCE:
        settings->instance = name_parse("--instance", value, state);
        return 0;
    case OPTION_FROM:
        settings->from_latest = choice_option_parse("--from", value, places, 2, state) == 1;
        return 0;
    case OPTION_BATCH:
        settings->batch =
            (size_t)count_option_parse("--batch", value, 1, TRANSACTION_BATCH_MAX, state);
        return 0;
    case OPTION_FEATURES:
        settings->features = true;
        return 0;
    case OPTION_UNTIL_END:
        settings->until_end = true;
        return 0;
    case OPTION_METRICS:
        options->metrics = value;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state,
                   "\"%s\": topics are named with --transactions, --outcomes and --amendments",
                   value);
        return 0;
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Topics:", 1},
    {"transactions", OPTION_TRANSACTIONS, "TOPIC", 0, "Read transactions here; may be repeated", 0},
    {"outcomes", OPTION_OUTCOMES, "TOPIC", 0, "Read outcomes here; may be repeated", 0},
    {"amendments", OPTION_AMENDMENTS, "TOPIC", 0, "Read amendments here; may be repeated", 0},
    {"decisions", OPTION_DECISIONS, "TOPIC", 0, "Write decisions here, keyed by transaction", 0},
    {"dead-letters", OPTION_DEAD_LETTERS, "TOPIC", 0,
     "Write here what cannot be read or is refused, as it was, with the reason in headers; "
     "required",
     0},
    {NULL, 0, NULL, 0, "Records:", 2},
    {"format", OPTION_FORMAT, "json|protobuf", 0,
     "Of records read and of decisions: JSON (default), or the messages Transaction, Outcome, "
     "Amendment and Decision of harrier.proto",
     0},
    {"map", OPTION_MAP, "FILE", 0,
     "YAML file that maps members of a transaction to fields; without it members are named after "
     "the fields",
     0},
    {"outcome-map", OPTION_OUTCOME_MAP, "FILE", 0, "The same for outcomes", 0},
    {"amendment-map", OPTION_AMENDMENT_MAP, "FILE", 0, "The same for amendments", 0},
    {"source", OPTION_SOURCE, "NAME", 0, "Who reports outcomes and amendments that state no source",
     0},
    {"outcome-wait", OPTION_OUTCOME_WAIT, "TIME", 0,
     "How long an outcome or amendment may wait for its transaction to be known; then it is "
     "refused "
     "(30s)",
     0},
    {"features", OPTION_FEATURES, NULL, 0,
     "Also write every feature value that the decisions were based on", 0},
    {"batch", OPTION_BATCH, "N", 0, "At most so many records in a message, 1 to 1,000 (1,000)", 0},
    {"group", OPTION_GROUP, "NAME", 0,
     "Consumer group, which shares the partitions "
     "(" GROUP_DEFAULT ")",
     0},
    {"instance", OPTION_INSTANCE, "NAME", 0,
     "Name of this instance in the group: each its own, the same after a restart (the host's name)",
     0},
    {"from", OPTION_FROM, "earliest|latest", 0,
     "Where a group begins that has no offsets yet (earliest)", 0},
    {"until-end", OPTION_UNTIL_END, NULL, 0, "End when all that is there has been committed", 0},
    {"metrics", OPTION_METRICS, "HOST:PORT", 0, "Serve Prometheus metrics at /metrics there", 0},
    {0},
};

static const struct argp_child children[] = {
    {&kafka_options_argp, 0, NULL, 0}, {&server_options_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .children = children,
    .doc =
        "Reads transactions, outcomes and amendments from Kafka, passes them to a server, and "
        "writes its decisions to Kafka. Decisions, dead letters and the offsets read are committed "
        "in one "
        "transaction: readers of committed records see exactly one decision or dead letter for "
        "each transaction, whatever is killed in between."
        "\vRuns until SIGTERM or SIGINT, which commit what was decided. While the server is "
        "unreachable, nothing is read for up to --retry-for (1h).\n\nExit status: 0 stopped, or "
        "at the end with --until-end; 66 no such topic or file, 69 the server or the brokers were "
        "unreachable for too long, 75 another instance has this name, 77 access denied, 78 the "
        "mapping or a Kafka property is invalid.",
};

static void print_summary(const struct metric_set *metrics, double seconds) {
    char number[QUANTITY_COUNT_SIZE];
    uint64_t records = (uint64_t)metric_total(metrics, STREAM_RECORDS);
    fprintf(stderr, "records       %s\n", quantity_format_count(records, number));
    static const struct {
        const char *name;
        enum stream_metric metric;
    } lines[] = {{"decisions", STREAM_DECISIONS},
                 {"duplicates", STREAM_DUPLICATES},
                 {"outcomes", STREAM_OUTCOMES},
                 {"amendments", STREAM_AMENDMENTS},
                 {"dead letters", STREAM_DEAD_LETTERS},
                 {"commits", STREAM_COMMITS},
                 {"aborts", STREAM_UNDONE}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        fprintf(stderr, "%-13s %s\n", lines[i].name,
                quantity_format_count((uint64_t)metric_total(metrics, lines[i].metric), number));
    if (seconds > 0)
        fprintf(stderr, "rate          %s records/s\n",
                quantity_format_count((uint64_t)((double)records / seconds), number));
}

static int run(struct options *options, struct harrier_client *client, struct metric_set *metrics) {
    struct error error;
    struct progress_bar bar;
    progress_bar_init(
        &bar, progress_style_of(options->server.progress, options->server.quiet, false), "records");
    bar.stop = interrupt_watch();
    struct retry retry = server_options_retry(&options->server, &bar);
    const struct stream_parts parts = {
        .client = client, .retry = &retry, .bar = &bar, .metrics = metrics};
    int r = stream_run(&options->settings, &parts, &error);
    progress_bar_clear(&bar);
    if (!options->server.quiet)
        print_summary(metrics, progress_bar_elapsed(&bar));
    if (r == 0)
        return EXIT_STATUS_OK;
    return error.code == ERROR_INVALID ? (exit_with(&error), EXIT_STATUS_BAD_POLICY)
                                       : (int)exit_with(&error);
}

int command_stream(int argc, char **argv) {
    struct options options = {.settings = {.batch = BATCH_DEFAULT,
                                           .group = GROUP_DEFAULT,
                                           .outcome_wait_us = OUTCOME_WAIT_US}};
    char host[NAME_BYTES_MAX + 1] = "";
    struct harrier_client *client;
    struct error error;
    server_options_init(&options.server);
    options.server.retry_for_us = RETRY_DEFAULT_US;
    if (gethostname(host, sizeof host - 1) < 0 || host[0] == '\0')
        strcpy(host, "localhost");
    options.settings.instance = host;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (server_options_connect(&options.server, 1, &client, &error) < 0)
        return (int)exit_with_address(&error);
    struct metric_set *metrics = stream_metrics_new();
    struct metrics_page *page = NULL;
    int status = EXIT_STATUS_OK;
    if (options.metrics && metrics_page_open(options.metrics, metrics, &page, &error) < 0)
        status = (int)exit_with_address(&error);
    else
        status = run(&options, client, metrics);
    metrics_page_close(page);
    metric_set_free(metrics);
    harrier_client_free(client);
    return status;
}
