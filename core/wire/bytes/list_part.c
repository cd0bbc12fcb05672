/* Message ListPart of archive.proto through the generated code: it is written by rebuilds only, so
 * speed does not matter. */
#include "list_part.h"

#include "protobuf.h"

#define WHAT "a part of a list"

void list_part_encode(const struct list_part *part, struct buffer *buffer) {
    struct arena scratch;
    Harrier__Archive__V1__ListPart out;
    scratch_init(&scratch);
    harrier__archive__v1__list_part__init(&out);
    out.list = bytes_from_text(part->list);
    out.changes = part->changes;
    out.last_change_time_us = part->last_change_time_us;
    out.n_additions = part->count;
    Harrier__Archive__V1__ListAddition *additions;
    NEW_MESSAGES(&scratch, part->count, additions, out.additions,
                 harrier__archive__v1__list_addition__init);
    for (size_t i = 0; i < part->count; i++) {
        const struct list_addition *in = &part->additions[i];
        additions[i].entry = bytes_from_text(in->value);
        additions[i].expiry_time_us = in->expiry_time_us;
        additions[i].position = in->position;
        additions[i].receive_time_us = in->receive_time_us;
        additions[i].source = bytes_from_text(in->source);
        additions[i].reason = bytes_from_text(in->reason);
    }
    protobuf_pack(&out.base, buffer);
    arena_deinit(&scratch);
}

/* Entries are not parsed here: which values a list can hold depends on its type, which only a
 * policy knows. */
int list_part_decode(const void *bytes, size_t length, struct arena *arena,
                     struct list_part *ret_part, struct error *ret_error) {
    const Harrier__Archive__V1__ListPart *in =
        protobuf_unpack(&harrier__archive__v1__list_part__descriptor, WHAT, ERROR_DAMAGED, bytes,
                        length, arena, ret_error);
    if (!in)
        return -(int)ret_error->code;
    struct list_addition *additions = arena_calloc(arena, in->n_additions, sizeof *additions);
    if (!additions)
        return protobuf_exhausted(WHAT, arena, ret_error);
    for (size_t i = 0; i < in->n_additions; i++) {
        const Harrier__Archive__V1__ListAddition *addition = in->additions[i];
        additions[i] = (struct list_addition){.value = text_from_bytes(addition->entry),
                                              .expiry_time_us = addition->expiry_time_us,
                                              .position = addition->position,
                                              .receive_time_us = addition->receive_time_us,
                                              .source = text_from_bytes(addition->source),
                                              .reason = text_from_bytes(addition->reason)};
    }
    *ret_part = (struct list_part){.list = text_from_bytes(in->list),
                                   .changes = in->changes,
                                   .last_change_time_us = in->last_change_time_us,
                                   .additions = additions,
                                   .count = in->n_additions};
    return 0;
}
