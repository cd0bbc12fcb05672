/* Brakes: what pulls them, and ChangeBrake, with which people pull and lift them. Under the
 * decision lock; as in score.h. */
#pragma once

#include "server/base/run.h"

/* Counts a decision that was archived just now. If it exceeds a limit, the record that pulls the
 * brake comes right behind it, so that the next decision sees the brake. */
void brake_count(struct run *run, const struct decision *decision);

enum next perform_brake_change(struct run *run);
void withdraw_brake_change(struct run *run, const struct error *error);

/* For Status: all that were pulled and not lifted, the first STATUS_BRAKES_MAX of them with their
 * texts in the arena. There must be states. */
void brake_describe(const struct service *service, struct arena *arena,
                    struct status_response *response);

/* How many apply to the policy in force; 0 without states. */
size_t brake_in_force(const struct service *service);
/* Metrics with the name of each rule whose brake applies; "_policy" is the policy as a whole. */
void brake_write(const struct service *service, struct buffer *out);
