/* The sources of transactions: in answers to Status, in metrics, and in the log once there are too
 * many. */
#pragma once

#include "server/base/service_state.h"

/* Under the decision lock, with states. The answer's texts are in the arena. */
void sources_describe(const struct service *service, struct arena *arena,
                      struct status_response *response);
/* Under the decision lock, after records with sources: says once that there is no room for more. */
void sources_note_others(struct service *service);
/* Under the decision lock: metrics with the label source. */
void sources_write(const struct service *service, struct buffer *out);
