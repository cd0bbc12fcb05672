/* An explanation as the answer to the Explain call. Internal to core/wire. */
#pragma once

#include "core/wire/bytes/protobuf.h"
#include "core/wire/types/explanation.h"

/* In the scratch arena; texts point at the explanation's. Texts over their limits are cut. */
Harrier__V1__ExplainResponse *explanation_to_protobuf(const struct explanation *explanation,
                                                      struct arena *scratch);
