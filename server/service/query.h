/* GetEntity and Status: what only reads. Under the decision lock. */
#pragma once

#include "server/base/run.h"

enum next perform_entity(struct run *run);
enum next perform_status(struct run *run);
/* What files say, after the lock. */
void complete_status(struct run *run);
