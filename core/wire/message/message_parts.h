/* Parts of messages that several calls share: values, decisions, texts and error codes, between
 * plain structs and the generated ones. Internal to core/wire. */
#pragma once

#include "core/wire/bytes/protobuf.h"
#include "core/wire/types/explanation.h"

#define ERROR_MESSAGE_MAX 1000 /* bytes, as harrier.proto promises */

/* An array in the arena; NULL: it is full. An empty message is valid, so 0 items are not NULL. */
static inline void *array_alloc(struct arena *arena, size_t count, size_t size) {
    return arena_calloc(arena, count ? count : 1, size);
}

/* What becomes protobuf lives in the scratch arena. */
Harrier__V1__NamedValue **values_to_protobuf(const struct named_value *values, size_t count,
                                             struct arena *scratch);
Harrier__V1__Decision *decision_to_protobuf(const struct decision *decision, struct arena *scratch);

/* Not checked: see outcome_check() and amendment_check(). */
struct outcome outcome_from_protobuf(const Harrier__V1__Outcome *in);
struct amendment amendment_from_protobuf(const Harrier__V1__Amendment *in);

int error_code_to_protobuf(enum error_code code);
enum error_code error_code_from_protobuf(int code);
/* ERROR_TOO_LARGE: the arena is full. ERROR_UNSUPPORTED: an unknown verdict. */
int values_from_protobuf(Harrier__V1__NamedValue *const *in, size_t count, struct arena *arena,
                         const struct named_value **ret_values, struct error *ret_error);
int decision_from_protobuf(const Harrier__V1__Decision *in, struct arena *arena,
                           struct decision *ret_decision, struct error *ret_error);
