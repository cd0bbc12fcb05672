#include "kafka_arguments.h"

enum { KEY_PROPERTY = 768, KEY_FILE };

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Kafka:", 3},
    {"brokers", 'b', "HOST:PORT,…", 0, "Some of the cluster's brokers; required", 0},
    {"kafka-config", KEY_FILE, "FILE", 0,
     "File with librdkafka's properties, one NAME=VALUE a line: security.protocol, sasl.password, "
     "…",
     0},
    {"kafka", KEY_PROPERTY, "NAME=VALUE", 0,
     "One such property; may be repeated. A name may begin with consumer. or producer.", 0},
    {0},
};

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct kafka_options *options = state->input;
    switch (key) {
    case 'b':
        options->brokers = value;
        return 0;
    case KEY_FILE:
        options->file = value;
        return 0;
    case KEY_PROPERTY:
        if (options->property_count == KAFKA_PROPERTIES_MAX)
            argp_error(state, "--kafka: at most %d properties", KAFKA_PROPERTIES_MAX);
        options->properties[options->property_count++] = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp kafka_options_argp = {.options = arguments, .parser = parse_option};

void kafka_options_check(const struct kafka_options *options, struct argp_state *state) {
    if (!options->brokers || !*options->brokers)
        argp_error(state, "which cluster? (--brokers HOST:PORT)");
}
