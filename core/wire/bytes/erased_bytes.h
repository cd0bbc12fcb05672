/* Message Erased of archive.proto, by the generated code: few records have one. Internal to
 * core/wire. */
#pragma once

#include "core/wire/bytes/protobuf.h"

/* NULL: NULL. */
Harrier__Archive__V1__Erased *erased_to_protobuf(const struct erased *erased,
                                                 struct arena *scratch);
/* 1: there is none, and *ret_erased is NULL. -1: the arena is full. */
int erased_from_protobuf(const Harrier__Archive__V1__Erased *in, struct arena *arena,
                         const struct erased **ret_erased);
/* Appends it as field `number` of a message that has no field after it. */
void erased_append(const struct erased *erased, uint32_t number, struct buffer *buffer);
