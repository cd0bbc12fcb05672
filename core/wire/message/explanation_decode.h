/* The answer to the Explain call as an explanation. Internal to core/wire. */
#pragma once

#include "core/wire/bytes/protobuf.h"
#include "core/wire/types/explanation.h"

/* In the arena; texts point at those of `in`. ERROR_UNSUPPORTED: a later version's verdict, label,
 * mode or fate, or a part that must be there is not. ERROR_TOO_LARGE: the arena is full. */
int explanation_from_protobuf(const Harrier__V1__ExplainResponse *in, struct arena *arena,
                              const struct explanation **ret_explanation, struct error *ret_error);
