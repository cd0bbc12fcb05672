/* Fallback decisions: what scoring returns instead of an error, if the client's options ask for it.
 * clients/README.md says for which errors. Without the mutex. */
#pragma once

#include "clients/c/exchange/exchange.h"

/* A call failed with `failure` and *ret_error. Returns 0 with *ret_reply, a fallback decision for
 * each transaction; or `failure` if there is no fallback for it. */
int fallback_for_call(struct exchange *exchange, int failure, struct harrier_reply **ret_reply,
                      struct harrier_error *ret_error);
/* Replaces the errors of single transactions in an answered call. */
void fallback_for_results(struct exchange *exchange, struct harrier_reply *reply);
