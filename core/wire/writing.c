#include "writing.h"

struct writing writing_begin(struct buffer *buffer, size_t room) {
    uint8_t *start = buffer_reserve(buffer, room);
    return (struct writing){.buffer = buffer, .start = start, .end = start + room};
}

void writing_finish(struct writing *writing, const uint8_t *at) {
    check(at >= writing->start);
    size_t length = (size_t)(writing->end - at);
    memmove(writing->start, at, length);
    writing->buffer->length += length;
}
