/* The Find call as protobuf. Internal to core/wire. */
#pragma once

#include "core/wire/bytes/protobuf.h"
#include "message.h"

/* In the scratch arena; texts are the caller's. */
Harrier__V1__FindRequest *find_query_to_protobuf(const struct find_query *query,
                                                 struct arena *scratch);
Harrier__V1__FindResponse *find_response_to_protobuf(const struct find_response *response,
                                                     struct arena *scratch);
