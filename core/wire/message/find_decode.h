/* The Find call from protobuf. Internal to core/wire. */
#pragma once

#include "core/wire/bytes/protobuf.h"
#include "message.h"

/* In the arena; texts point at those of `in`. Filters are not judged beyond what a struct
 * find_query can hold: find_query_check() does that. ERROR_TOO_LARGE: more keys than there are
 * fields, or the arena is full. */
int find_query_from_protobuf(const Harrier__V1__FindRequest *in, struct arena *arena,
                             struct find_query *ret_query, struct error *ret_error);
/* Likewise. ERROR_INVALID: a found transaction lacks its transaction or decision.
 * ERROR_UNSUPPORTED: a later version's verdict or label. */
int find_response_from_protobuf(const Harrier__V1__FindResponse *in, struct arena *arena,
                                struct find_response *ret_response, struct error *ret_error);
