/* An explanation, and the transaction in it, as structs of harrier.h. Everything is copied into the
 * reply's memory. */
#pragma once

#include "clients/c/convert/reply_memory.h"

struct harrier_transaction reply_transaction(struct reply_memory *memory,
                                             const struct transaction *in);
/* Sets memory->reply.explanation. */
void reply_fill_explanation(struct reply_memory *memory, const struct explanation *in);
