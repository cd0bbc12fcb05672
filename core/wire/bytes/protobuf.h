/* Between the plain structs and the structs that protobuf-c generates. Internal to core/wire:
 * nothing outside this folder sees a *.pb-c.h.
 *
 * Generated from copies of proto/ in which string fields are bytes, so that every text has its
 * length and a NUL inside cuts nothing.
 *
 * Unpacking: into an arena, so that the memory a message can take is bounded by the arena's limit
 * whatever lengths and counts it claims. Texts point at protobuf-c's copies, which live in the same
 * arena. Packing: the generated structs live in a scratch arena and point at the caller's texts. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"

#include "archive.pb-c.h"
#include "harrier.pb-c.h"

/* NULL with *ret_error filled: `damaged` when the bytes are not that message, ERROR_TOO_LARGE when
 * the arena does not hold it. `what` names it in the sentence: "a request". */
void *protobuf_unpack(const ProtobufCMessageDescriptor *type, const char *what,
                      enum error_code damaged, const void *bytes, size_t length,
                      struct arena *arena, struct error *ret_error);
void protobuf_pack(const ProtobufCMessage *message, struct buffer *buffer);

static inline struct text text_from_bytes(ProtobufCBinaryData bytes) {
    return (struct text){.data = (const char *)bytes.data, .length = bytes.len};
}
static inline ProtobufCBinaryData bytes_from_text(struct text text) {
    return (ProtobufCBinaryData){.len = text.length, .data = (uint8_t *)(uintptr_t)text.data};
}

/* ERROR_TOO_LARGE: decoding needs more than the arena's limit. */
int protobuf_exhausted(const char *what, const struct arena *arena, struct error *ret_error);

/* Zeroed memory of an arena that has no limit: for packing. Never NULL. */
void *scratch_calloc(struct arena *scratch, size_t count, size_t size);
void scratch_init(struct arena *scratch);

/* `count` zeroed messages of a type and pointers to them, each initialised. */
#define NEW_MESSAGES(scratch, count, out, pointers, init)                                          \
    do {                                                                                           \
        (out) = scratch_calloc((scratch), (count), sizeof *(out));                                 \
        (pointers) = scratch_calloc((scratch), (count), sizeof *(pointers));                       \
        for (size_t i_ = 0; i_ < (count); i_++) {                                                  \
            init(&(out)[i_]);                                                                      \
            (pointers)[i_] = &(out)[i_];                                                           \
        }                                                                                          \
    } while (0)

/* Points at the caller's texts. */
ProtobufCBinaryData *texts_to_protobuf(const struct text *texts, size_t count,
                                       struct arena *scratch);

/* -1 beyond the arena's limit */
int transaction_from_protobuf(const Harrier__V1__Transaction *in, struct arena *arena,
                              struct transaction *ret_transaction);
Harrier__V1__Transaction *transaction_to_protobuf(const struct transaction *transaction,
                                                  struct arena *scratch);

/* -1 beyond the arena's limit; a verdict that this version does not know becomes VERDICT_COUNT. */
int reasons_from_protobuf(Harrier__V1__Reason *const *in, size_t count, struct arena *arena,
                          const struct reason **ret_reasons);
Harrier__V1__Reason **reasons_to_protobuf(const struct reason *reasons, size_t count,
                                          struct arena *scratch);

/* An open enum's number as ours, or VERDICT_COUNT or LABEL_COUNT when we have no such member. */
enum verdict verdict_from_protobuf(int number);
enum label label_from_protobuf(int number);
