#include "settings_of.h"

#include <stdio.h>
#include <unistd.h>

struct tls_settings tls_settings_of(const struct options *options) {
    return (struct tls_settings){.certificate = options->tls_cert,
                                 .key = options->tls_key,
                                 .client_ca = options->tls_client_ca,
                                 .client_optional = options->tls_client_optional,
                                 .allow_1_2 = options->tls_version == TLS_VERSION_1_2};
}

struct challenge_settings challenge_settings_of(const struct options *options) {
    return (struct challenge_settings){.policy = options->challenger,
                                       .name = options->challenger_name,
                                       .key = options->challenger_key,
                                       .share = options->challenger_parts};
}

struct cluster_settings cluster_settings_of(const struct options *options) {
    static char machine[256]; /* the service copies it */
    if (!*options->log)
        return (struct cluster_settings){0};
    if (gethostname(machine, sizeof machine - 1) < 0)
        snprintf(machine, sizeof machine, "unnamed");
    return (struct cluster_settings){
        .brokers = options->log_address.brokers,
        .topic = options->log_address.topic,
        .name = *options->cluster ? options->cluster : options->log_address.topic,
        .node = *options->node ? options->node : machine,
        .address = *options->advertise ? options->advertise : options->listen.items[0],
        .config = options->log_config,
        .lease_us = options->lease_us,
    };
}
