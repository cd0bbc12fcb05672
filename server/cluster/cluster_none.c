/* A build without librdkafka: every server is alone, and option log is refused. */
#include "cluster.h"

int cluster_check(const struct cluster_settings *settings, struct error *ret_error) {
    if (!settings->brokers)
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "log: this harrierd was built without librdkafka, so it cannot be a node of a "
                     "cluster; leave the option empty, or install a build that has it");
}

int cluster_open(struct service *service, struct error *ret_error) {
    return cluster_check(&service->settings.cluster, ret_error);
}

void cluster_start(struct service *service) {
    (void)service;
}

void cluster_stop(struct service *service) {
    (void)service;
}

void cluster_free(struct service *service) {
    (void)service;
}

void service_hand_over(struct service *service) {
    log_line(service->settings.log, LOG_WARNING,
             "this server is not the primary of a cluster: there is nothing to hand over");
}
