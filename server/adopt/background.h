/* The thread for what takes long: start, reload, recovery, the archive's spare file. */
#pragma once

#include "server/base/service_state.h"

void background_start(struct service *service);
/* Breaks off the job under way and answers the requests that wait for a reload. */
void background_stop(struct service *service);
