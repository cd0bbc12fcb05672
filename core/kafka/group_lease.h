/* Which of several processes should do something that one alone may do: the one to which a consumer
 * group assigns a topic's first partition. The group notices when its holder stops, and names
 * another one.
 *
 * It is a matter of seconds, and two processes may believe for a while that they hold it. So it
 * decides who should try; what keeps the others out must be something else, such as the epoch of a
 * transactional producer. Nothing is read through it. Not thread-safe. */
#pragma once

#include "core/base/error.h"
#include "kafka_config.h"

#include <stdbool.h>
#include <stdint.h>

struct group_lease;

/* Joins the group in the background. timeout_ms: without a sign of life for this long, another one
 * gets it; the brokers have a lower limit of their own (group.min.session.timeout.ms). */
int group_lease_open(const struct kafka_options *kafka, const char *topic, const char *group,
                     int timeout_ms, struct group_lease **ret_lease, struct error *ret_error);
/* Leaves the group, so that it need not wait for the timeout. NULL is allowed. */
void group_lease_close(struct group_lease *lease);

/* To be called at least every second; waits this long at most. */
void group_lease_poll(struct group_lease *lease, int wait_ms);
bool group_lease_is_held(const struct group_lease *lease);
/* What the brokers said last when they refused it, such as that timeout_ms is out of their range;
 * code 0: nothing. */
const struct error *group_lease_failure(const struct group_lease *lease);
