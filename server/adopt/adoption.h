/* What the archive must say before the first decision with another policy, other tables or another
 * version: a replay then knows what each decision was made with. */
#pragma once

#include "core/base/arena.h"
#include "core/wire/message/message.h"
#include "server/base/service_state.h"

/* Under the decision lock. Makes the challenger's engine, appends what differs from the last
 * records of their kind, fits the shadow policies to the new engines, and remembers the
 * generation's folder for a recovery. On failure the service has lost its states. */
int adoption_record(struct service *service, const struct adopted *last, struct error *ret_error);
/* The policy alone: the states and their tables are the same. */
int adoption_record_policy(struct service *service, const struct adopted *last,
                           struct error *ret_error);

/* Logs how many of the policy's features are absent until a rebuild; reason: as decisions name
 * them. Nothing when warming is 0. */
void adoption_log_warming(const struct service *service, size_t warming, struct text reason);
/* Under the decision lock: the same for an answer, with names copied into the arena. */
void adoption_describe_warming(const struct service *service, struct arena *arena,
                               struct warming *ret_warming);

/* After fold_begin() with `damage`: says that the current tables were gone around, if they were. */
void adoption_note_damage(struct service *service, const struct error *damage,
                          const struct fold *fold);
