#include "message_item.h"

#include "core/wire/bytes/protobuf.h"
#include "core/wire/bytes/transaction_bytes.h"
#include "message_parts.h"

/* Fields in another order, twice, or of a later version are the generated code's to judge. */
int message_decode_transaction(const void *bytes, size_t length, struct arena *arena,
                               struct transaction *ret_transaction, struct error *ret_error) {
    *ret_transaction = (struct transaction){0};
    if (transaction_read(reading_of(bytes, length), arena, ret_transaction))
        return 0;
    *ret_transaction = (struct transaction){0};
    const Harrier__V1__Transaction *in =
        protobuf_unpack(&harrier__v1__transaction__descriptor, "a transaction", ERROR_INVALID,
                        bytes, length, arena, ret_error);
    if (!in)
        return -(int)ret_error->code;
    if (transaction_from_protobuf(in, arena, ret_transaction) < 0)
        return protobuf_exhausted("a transaction", arena, ret_error);
    return 0;
}

int message_decode_outcome(const void *bytes, size_t length, struct arena *arena,
                           struct outcome *ret_outcome, struct error *ret_error) {
    const Harrier__V1__Outcome *in =
        protobuf_unpack(&harrier__v1__outcome__descriptor, "an outcome", ERROR_INVALID, bytes,
                        length, arena, ret_error);
    if (!in)
        return -(int)ret_error->code;
    *ret_outcome = outcome_from_protobuf(in);
    return 0;
}

int message_decode_amendment(const void *bytes, size_t length, struct arena *arena,
                             struct amendment *ret_amendment, struct error *ret_error) {
    const Harrier__V1__Amendment *in =
        protobuf_unpack(&harrier__v1__amendment__descriptor, "an amendment", ERROR_INVALID, bytes,
                        length, arena, ret_error);
    if (!in)
        return -(int)ret_error->code;
    *ret_amendment = amendment_from_protobuf(in);
    return 0;
}

void message_encode_decision(const struct decision *decision, struct arena *scratch,
                             struct buffer *buffer) {
    protobuf_pack(&decision_to_protobuf(decision, scratch)->base, buffer);
    arena_reset(scratch);
}
