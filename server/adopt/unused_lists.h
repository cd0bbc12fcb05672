/* Entries that were added to lists at run time and that the policy in force has no use for. */
#pragma once

#include "server/base/service_state.h"

/* states: those whose overlay has the lists; under the decision lock if they are the service's. */
void unused_lists_log(const struct service *service, const struct states *states,
                      const struct snapshot *rules);
