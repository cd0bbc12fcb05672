/* What takes too long for a front's thread: explanations, and the hash of all states for Status. A
 * thread of the service makes them, one at a time. */
#pragma once

#include "server/base/run.h"

#define EXPLAIN_WAITERS_MAX 4 /* waiting or at work */

void explain_start(struct service *service);
/* Answers everything that waits, and breaks off the explanation under way. */
void explain_stop(struct service *service);

/* Explain, under the decision lock: looks up where the transaction is, no more. */
enum next perform_explain(struct run *run);
/* Reserves a place among the waiters. False: *ret_error is filled. */
bool explain_admit(struct run *run, struct error *ret_error);
