/* Between the plain structs and the structs that protobuf-c generates. Internal to core/wire: no
 * file outside includes a *.pb-c.h.
 *
 * They are generated from copies of proto/ in which string fields are bytes, so that every text has
 * its length and a NUL in it cuts nothing off.
 *
 * Unpacking goes into an arena, so the memory that a message can take is bounded by the arena's
 * limit, whatever lengths and counts it claims. Texts point at protobuf-c's copies in the same
 * arena. Packing: the generated structs live in a scratch arena and point at the caller's texts. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/wire/types/amendment.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"

#include "archive.pb-c.h"
#include "harrier.pb-c.h"

/* Unpacks a message of this type into the arena. NULL with *ret_error filled: `damaged` if the
 * bytes are not that message, ERROR_TOO_LARGE if the arena is full. `what` names it in the message:
 * "a request". */
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

/* Zeroed memory from an arena without a limit, for packing. Never NULL. */
void *scratch_calloc(struct arena *scratch, size_t count, size_t size);
void scratch_init(struct arena *scratch);

/* Makes an array of `count` messages, each initialised, and the array of pointers to them that
 * protobuf-c wants. */
#define NEW_MESSAGES(scratch, count, out, pointers, init)                                          \
    do {                                                                                           \
        (out) = scratch_calloc((scratch), (count), sizeof *(out));                                 \
        (pointers) = scratch_calloc((scratch), (count), sizeof *(pointers));                       \
        for (size_t i_ = 0; i_ < (count); i_++) {                                                  \
            init(&(out)[i_]);                                                                      \
            (pointers)[i_] = &(out)[i_];                                                           \
        }                                                                                          \
    } while (0)

/* NULL: the arena is full. No texts are not NULL. */
const struct text *texts_from_protobuf(const ProtobufCBinaryData *in, size_t count,
                                       struct arena *arena);
/* Points at the caller's texts. */
ProtobufCBinaryData *texts_to_protobuf(const struct text *texts, size_t count,
                                       struct arena *scratch);

/* ATTRIBUTE_NONE: it has no value, or one that a later version added. */
struct attribute attribute_from_protobuf(const Harrier__V1__Attribute *in);
Harrier__V1__Attribute *attribute_to_protobuf(const struct attribute *attribute,
                                              struct arena *scratch);
/* -1 beyond the arena's limit */
int transaction_from_protobuf(const Harrier__V1__Transaction *in, struct arena *arena,
                              struct transaction *ret_transaction);
Harrier__V1__Transaction *transaction_to_protobuf(const struct transaction *transaction,
                                                  struct arena *scratch);

/* -1: the arena is full. A verdict that this version does not know becomes VERDICT_COUNT. */
int reasons_from_protobuf(Harrier__V1__Reason *const *in, size_t count, struct arena *arena,
                          const struct reason **ret_reasons);
Harrier__V1__Reason **reasons_to_protobuf(const struct reason *reasons, size_t count,
                                          struct arena *scratch);

/* NULL: all of it is 0. */
struct amended amended_from_protobuf(const Harrier__V1__AmendedTransaction *in);
Harrier__V1__AmendedTransaction *amended_to_protobuf(const struct amended *amended,
                                                     struct arena *scratch);

/* The number of an open enum as our own, or VERDICT_COUNT, ARM_COUNT or LABEL_COUNT if we have no
 * such member. */
enum verdict verdict_from_protobuf(int number);
enum arm arm_from_protobuf(int number);
enum label label_from_protobuf(int number);
/* AMENDMENT_KIND_COUNT if we have none such. */
enum amendment_kind amendment_kind_from_protobuf(int number);
