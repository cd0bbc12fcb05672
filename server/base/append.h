/* Writing what was appended. Requests append with run_append(), and several share one write
 * (service/service_run.c); records that no request asked for, adoptions and policies, have one of
 * their own. All under the decision lock. */
#pragma once

#include "service_state.h"

/* Hands the records behind this position, if there are any, to the kernel. *ret_is_unavailable: the
 * overlay is full now. ERROR_UNAVAILABLE: all of them were taken back, and the states are lost. */
int service_write(struct service *service, uint64_t position, bool *ret_is_unavailable,
                  struct error *ret_error);
/* Appends, applies, and hands to the kernel. On failure the service is unavailable. */
int service_append(struct service *service, struct record *record, struct error *ret_error);
/* Counts a write that failed, each attempt anew, so that an alert lasts as long as the disk is
 * full. ERROR_UNAVAILABLE: where the archive's file ends is unknown, and only another process can
 * open it anew, so the service fails for good. */
void service_note_write_failure(struct service *service, const struct error *error);
/* The archive refused a write: drops every state, since they hold records that the archive does
 * not. Background recovery folds them anew. */
void service_lose_archive(struct service *service, const struct error *error);
