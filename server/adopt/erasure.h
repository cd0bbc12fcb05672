/* What the server does for `harrier erase`: it appends the erasure's records, the first of them at
 * the beginning of a new segment, and opens rewritten segments anew. The rest is the command's
 * work; its tables come as any others do. core/store/ingest/erasure_request.h has the files. */
#pragma once

#include "server/base/service_state.h"

/* Until the records that have the values are rewritten, no record may repeat them: an outcome or
 * amendment, which has its transaction in it, is refused for as long. Under the decision lock. 0;
 * ERROR_UNAVAILABLE: the transaction at this position is being rewritten. */
int erasure_check(const struct service *service, const struct transaction *transaction,
                  uint64_t position, struct error *ret_error);

/* At a start, after the archive was opened: a run that has begun beside an earlier process, and is
 * at work still, needs its records refused by this one, too. ERROR_DAMAGED. */
int erasure_resume(struct service *service, struct error *ret_error);

/* Is there anything to do? Cheap: called about every second. */
bool erasure_is_wanted(struct service *service);
/* In the background thread. */
void erasure_work(struct service *service);
