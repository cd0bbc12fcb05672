/* Records that no request asked for: adoptions, policies. Requests append with run_append() and
 * share one write (service/service_run.c). All under the decision lock. */
#pragma once

#include "service_state.h"

/* Appends, applies, and hands to the kernel. On failure the service is unavailable. */
int service_append(struct service *service, struct record *record, struct error *ret_error);
/* The archive refused a write: drops every state, since they hold records that the archive does
 * not. Background recovery folds them anew. */
void service_lose_archive(struct service *service, const struct error *error);
