/* What a caller gets from an exchange that has ended: a reply, or an error. */
#pragma once

#include "clients/c/exchange/exchange.h"

/* Decodes the answer and returns true, with *ret_result 0 and *ret_reply, or with a negative code
 * and *ret_error. Returns false if the server answered `unavailable` and the exchange is sent
 * again: then nothing is returned, and it ends anew. Without the mutex; takes it only to send
 * again. */
bool conclude(struct exchange *exchange, int *ret_result, struct harrier_reply **ret_reply,
              struct harrier_error *ret_error);
