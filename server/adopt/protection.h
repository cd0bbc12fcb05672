/* The keys of pseudonyms in a server: read at the start and by every reload, compared with those
 * that the archive was written with, and required by a policy that protects fields. What a policy
 * protects is replaced in server/service/protect_run.c. */
#pragma once

#include "server/base/service_state.h"

/* At the start, once policy and archive are open. ERROR_INVALID: the policy needs keys and there
 * are none, or they are not the archive's. */
int protection_open(struct service *service, struct error *ret_error);
/* Reads the keys again and puts them in force; on failure those in force stay. Not under the
 * decision lock. 0 also if there is no file of keys. */
int protection_reload(struct service *service, struct error *ret_error);
/* May this policy come into force? ERROR_INVALID: it protects fields, and there are no keys. */
int protection_admit(const struct service *service, const struct snapshot *rules,
                     struct error *ret_error);
/* Logs which fields are protected from now on and were not before: their history is under clear
 * values. */
void protection_log_new(const struct service *service, const struct snapshot *before,
                        const struct snapshot *after);
