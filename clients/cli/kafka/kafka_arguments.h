/* The options that every command with Kafka has. */
#pragma once

#include "core/kafka/kafka_config.h"

#include <argp.h>

/* --brokers, --kafka and --kafka-config. The input of the child is a struct kafka_options. */
extern const struct argp kafka_options_argp;

/* For the main parser's ARGP_KEY_END: --brokers was given. */
void kafka_options_check(const struct kafka_options *options, struct argp_state *state);
