/* Parts of messages that several calls share: values, decisions, texts and error codes, between
 * plain structs and the generated ones. Internal to core/wire. */
#pragma once

#include "core/wire/bytes/protobuf.h"
#include "core/wire/types/explanation.h"

#define ERROR_MESSAGE_MAX 1000 /* bytes, as harrier.proto promises */

/* An empty message is a valid one with nothing in it; NULL from the arena means its limit. */
static inline void *array_alloc(struct arena *arena, size_t count, size_t size) {
    return arena_calloc(arena, count ? count : 1, size);
}

/* What becomes protobuf lives in the scratch arena. */
Harrier__V1__NamedValue **values_to_protobuf(const struct named_value *values, size_t count,
                                             struct arena *scratch);
Harrier__V1__Decision *decision_to_protobuf(const struct decision *decision, struct arena *scratch);

int error_code_to_protobuf(enum error_code code);
enum error_code error_code_from_protobuf(int code);
/* ERROR_TOO_LARGE, ERROR_UNSUPPORTED */
int values_from_protobuf(Harrier__V1__NamedValue *const *in, size_t count, struct arena *arena,
                         const struct named_value **ret_values, struct error *ret_error);
int decision_from_protobuf(const Harrier__V1__Decision *in, struct arena *arena,
                           struct decision *ret_decision, struct error *ret_error);
/* NULL: beyond the arena's limit. */
const struct text *texts_from_protobuf(const ProtobufCBinaryData *in, size_t count,
                                       struct arena *arena);
