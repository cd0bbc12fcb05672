/* Requests that the service never gets, because too many wait for it: service_look(),
 * service_classify() and service_refusal() of service.h. */
#pragma once

#include "server/base/service_state.h"

void overload_open(struct service *service);
void overload_close(struct service *service);
