/* The shadow policies in force: loading, exchanging, recording, counting. Loading and choosing is
 * for background jobs, one at a time; the rest says which lock it needs. */
#pragma once

#include "candidate.h"
#include "server/base/service_state.h"

/* At the start: loads the folders' policies before there is an engine. */
void shadows_start(struct service *service);
/* Loads each folder's policy. Returns how many folders there are; the caller deinits each
 * candidate.
 */
size_t shadows_load(struct service *service, struct candidate candidates[ENGINE_SHADOWS_MAX]);
/* The set to be in force. Of candidates with the same policy all but the first are refused. */
void shadows_choose(struct candidate *candidates, size_t count,
                    struct shadow_policies *ret_shadows);
/* Logs and measures what became of the folders. */
void shadows_log(struct service *service, const struct candidate *candidates, size_t count);
/* Logs which of their features the tables lack. */
void shadows_log_warming(const struct service *service, const struct shadow_policies *set,
                         const struct engine *engine);

/* ---- under the decision lock ---- */

/* Puts *next in force and leaves the old set there. The engine is the caller's business. */
void shadows_exchange(struct service *service, struct shadow_policies *next);
/* Records their policies in the archive, before the first transaction that names them. */
int shadows_record(struct service *service, struct error *ret_error);
/* The engine is new: gives it the shadows, then records them. */
int shadows_fit(struct service *service, struct error *ret_error);
/* Counts the shadow verdicts of a decision that was archived. */
void shadows_count(struct service *service, const struct decision *decision);
