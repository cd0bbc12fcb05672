/* A build without librdkafka. */
#include "cluster.h"

int cluster_start(struct service *service, struct error *ret_error) {
    if (!service->settings.cluster.brokers)
        return 0;
    return error_set(ret_error, ERROR_UNSUPPORTED,
                     "this harrierd was built without librdkafka: option log cannot be used");
}

void service_hand_over(struct service *service) {
    (void)service;
}

void cluster_stop(struct service *service) {
    (void)service;
}
