/* The transaction of a scoring probe: one that the policy in force takes, whatever fields it
 * requires. */
#pragma once

#include "server/base/run.h"

/* Gives the run's only transaction the time and every field that the policy requires. Under the
 * decision lock, before it is decided; its values live in the run's arena. */
void probe_transaction_complete(struct run *run);
