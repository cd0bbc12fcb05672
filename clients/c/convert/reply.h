/* A decoded response as a reply of harrier.h. Needs no client and no network: `harrier explain`
 * uses it to show what it derives itself like what a server answers. */
#pragma once

#include "clients/c/convert/reply_memory.h"

/* Copies everything. NULL when the answer needs more memory than MESSAGE_RESPONSE_ARENA_LIMIT. */
struct harrier_reply *reply_new(const struct response *response);
/* With room for result_count results, all zero: for decisions that the client makes itself. */
struct harrier_reply *reply_new_empty(size_t result_count);
