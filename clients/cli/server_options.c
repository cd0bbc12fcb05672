#include "server_options.h"

#include "quantity.h"

enum { KEY_DEADLINE = 512, KEY_RETRY_FOR };

#define ARGUMENTS_OF_ALL                                                                           \
    {NULL, 0, NULL, 0, "Server:", 4},                                                              \
        {"to", 't', "ADDRESS", 0, "Where the server listens (" SERVER_ADDRESS_DEFAULT ")", 0},     \
        {"deadline", KEY_DEADLINE, "TIME", 0, "How long one message may take: 250ms, 1s, … (1s)",  \
         0},

static const struct argp_option arguments[] = {
    ARGUMENTS_OF_ALL{"retry-for", KEY_RETRY_FOR, "TIME", 0,
                     "How long the server may be away before giving up (60s)", 0},
    {"quiet", 'q', NULL, 0, "No progress and no summary: errors only", 0},
    {0},
};

static const struct argp_option arguments_once[] = {
    ARGUMENTS_OF_ALL{"quiet", 'q', NULL, 0, "Print nothing but errors: the exit status tells", 0},
    {0},
};

static uint64_t parse_duration(const char *name, const char *value, int64_t least_us,
                               uint64_t most_us, struct argp_state *state) {
    int64_t us = 0;
    if (!quantity_parse_duration(value, &us) || us < least_us || (uint64_t)us > most_us)
        argp_error(state, "%s: \"%s\" is no time it can be (expected for example 500ms, 30s, 5m)",
                   name, value);
    return (uint64_t)us;
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct server_options *options = state->input;
    switch (key) {
    case 't':
        options->address = value;
        return 0;
    case KEY_DEADLINE:
        options->deadline_us =
            parse_duration("--deadline", value, 1000, HARRIER_DEADLINE_US_MAX, state);
        return 0;
    case KEY_RETRY_FOR:
        options->retry_for_us = parse_duration("--retry-for", value, 0, UINT64_MAX / 2, state);
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp server_options_argp = {.options = arguments, .parser = parse_option};
const struct argp server_options_once_argp = {.options = arguments_once, .parser = parse_option};

void server_options_init(struct server_options *options) {
    *options = (struct server_options){
        .address = SERVER_ADDRESS_DEFAULT,
        .deadline_us = 1000000,
        .retry_for_us = 60000000,
    };
}

int server_options_connect(const struct server_options *options, unsigned in_flight,
                           struct harrier_client **ret_client, struct error *ret_error) {
    const struct harrier_options client = {
        .address = options->address,
        .deadline_us = options->deadline_us,
        .in_flight_max = in_flight,
    };
    struct harrier_error failure = {0};
    if (harrier_client_new(&client, ret_client, &failure) < 0)
        return retry_failure("--to", &failure, ret_error);
    return 0;
}

struct retry server_options_retry(const struct server_options *options, struct progress_bar *bar) {
    return (struct retry){.address = options->address,
                          .for_us = options->retry_for_us,
                          .bar = bar,
                          .quiet = options->quiet};
}
