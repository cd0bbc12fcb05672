#include "repack.h"

#include "archive.pb-c.h"

bool repack_record(enum record_type type, const void *bytes, size_t length, struct buffer *out) {
    static const ProtobufCMessageDescriptor *const types[RECORD_TYPE_COUNT] = {
        [RECORD_TRANSACTION] = &harrier__archive__v1__transaction_record__descriptor,
        [RECORD_AMENDMENT] = &harrier__archive__v1__amendment_record__descriptor,
        [RECORD_OUTCOME] = &harrier__archive__v1__outcome_record__descriptor,
        [RECORD_LIST_CHANGE] = &harrier__archive__v1__list_change_record__descriptor,
        [RECORD_SNAPSHOT] = &harrier__archive__v1__snapshot_record__descriptor,
        [RECORD_GENERATION] = &harrier__archive__v1__generation_record__descriptor,
        [RECORD_ENGINE] = &harrier__archive__v1__engine_record__descriptor,
        [RECORD_BRAKE] = &harrier__archive__v1__brake_record__descriptor,
        [RECORD_EXPERIMENT] = &harrier__archive__v1__experiment_record__descriptor,
        [RECORD_ERASURE] = &harrier__archive__v1__erasure_record__descriptor,
        [RECORD_LOST] = &harrier__archive__v1__lost_record__descriptor,
        [RECORD_SHADOW] = &harrier__archive__v1__snapshot_record__descriptor,
    };
    ProtobufCMessage *message = protobuf_c_message_unpack(types[type], NULL, length, bytes);
    if (!message)
        return false;
    size_t size = protobuf_c_message_get_packed_size(message);
    out->length += protobuf_c_message_pack(message, buffer_reserve(out, size));
    protobuf_c_message_free_unpacked(message, NULL);
    return true;
}
