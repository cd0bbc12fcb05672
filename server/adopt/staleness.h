/* How old the tables in use are, and whether a rebuild is due. Under the decision lock. */
#pragma once

#include "server/base/service_state.h"

/* The age of the tables at now_us, a receive time; at least as long as they have been in use, since
 * receive times stand still while the wall clock is behind the archive. 0: no tables. */
int64_t service_generation_age_us(const struct service *service, int64_t now_us);
/* Older than stale_after? Decisions are then marked as degraded. */
bool service_is_stale(const struct service *service, int64_t now_us);
/* Is the overlay close to its limit? Then history that comes late waits for the next tables. */
bool service_is_filling(const struct service *service);
/* Stale, or filling. */
bool service_wants_rebuild(const struct service *service, int64_t now_us);
