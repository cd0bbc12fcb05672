/* How to reach a Kafka cluster: librdkafka's configuration, made of what its user has given. */
#pragma once

#include "core/base/error.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

#define KAFKA_PROPERTIES_MAX 64

/* Where librdkafka's warnings go. Any thread. */
struct kafka_log {
    void (*line)(void *user, const char *text);
    void *user;
};

/* A property that the user's own override. */
struct kafka_default {
    const char *name, *value;
};

/* Zeroed is "nothing given". Strings belong to the caller. */
struct kafka_options {
    const char *brokers;                          /* "host:port,…" */
    const char *file;                             /* with one property a line; NULL: none */
    const char *properties[KAFKA_PROPERTIES_MAX]; /* "name=value" */
    size_t property_count;
    const struct kafka_log *log; /* NULL: standard error */
    const struct kafka_default *defaults;
    size_t default_count;
};

enum kafka_role { KAFKA_CONSUMER, KAFKA_PRODUCER };

/* A configuration with the brokers, then the file's properties, then the command line's. Names may
 * begin with "consumer." or "producer.", for one role alone. Properties that the command sets
 * itself are refused. It belongs to the caller until rd_kafka_new() takes it.
 * ERROR_NOT_FOUND, ERROR_SYSTEM, ERROR_DENIED: the file; ERROR_INVALID: a property. */
int kafka_config_new(const struct kafka_options *options, enum kafka_role role,
                     rd_kafka_conf_t **ret_config, struct error *ret_error);

/* Sets what the command itself needs. Ends the process where librdkafka does not know it. */
void kafka_config_set(rd_kafka_conf_t *config, const char *name, const char *value);

/* Takes the configuration. ERROR_INVALID: librdkafka refuses a combination of properties. */
int kafka_new(rd_kafka_conf_t *config, enum kafka_role role, rd_kafka_t **ret_kafka,
              struct error *ret_error);

/* Is this topic there, and how many partitions has it? They count from 0. Asks the brokers, for up
 * to ten seconds. ERROR_NOT_FOUND: it is missing; ERROR_UNAVAILABLE: no broker answered. */
int kafka_check_topic(rd_kafka_t *kafka, const char *brokers, const char *name, int *ret_partitions,
                      struct error *ret_error);
/* The same for several. */
int kafka_check_topics(rd_kafka_t *kafka, const char *brokers, const char *const *topics,
                       size_t count, struct error *ret_error);
