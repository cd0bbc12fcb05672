/* The archive's next file, made before it is needed: creating one takes longer than a decision may
 * wait. Without it the archive still works, only slower. */
#pragma once

#include "service_state.h"

/* Under the decision lock: asks for JOB_SPARE if the archive wants a file and none is being made.
 */
void spare_request(struct service *service);
/* The job. */
void spare_make(struct service *service);
