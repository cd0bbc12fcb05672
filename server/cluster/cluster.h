/* The server as a node of a cluster: docs/CLUSTER.md.
 *
 * A thread of its own follows the log, takes over when this node holds the lease, ships what the
 * service writes, and steps down; another one keeps the lease. The service knows of all this only
 * service->replication, which the thread changes under the decision lock. */
#pragma once

#include "server/base/service_state.h"

/* Can these settings be used? Asks no broker. ERROR_INVALID: the file of properties is missing or
 * wrong, or harrierd was built without librdkafka. brokers NULL: there is nothing to check. */
int cluster_check(const struct cluster_settings *settings, struct error *ret_error);

/* With settings.cluster.brokers NULL does nothing. Before the service's threads are started, since
 * they read the settings and what is committed. The settings have passed cluster_check(), and the
 * archive is open. ERROR_SYSTEM, ERROR_DAMAGED: the archive's file `committed`. To be followed by
 * cluster_free(), also on failure. */
int cluster_open(struct service *service, struct error *ret_error);
/* The service follows from here on. Never waits for a broker. Does nothing without a cluster. */
void cluster_start(struct service *service);
/* Ships what is left, for a few seconds at most, gives the lease away and ends the threads. Runs
 * that wait for the log are answered. Does nothing without a cluster. */
void cluster_stop(struct service *service);
/* After the service's other threads have ended: they read the settings. */
void cluster_free(struct service *service);
