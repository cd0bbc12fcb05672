/* How much room to offer: small reads share a chunk; a large message gets a chunk of its own, which
 * grows with the bytes that have arrived, so that a header alone cannot claim memory. */
#include "front_sp_input.h"

#include <string.h>

/* Less room than this is not worth a system call. */
#define ROOM_LEAST ((size_t)2 << 10)
/* The room for a client that has more to send than fitted. */
#define ROOM_EAGER ((size_t)60 << 10)
/* The most that an incomplete message gets at once; afterwards, twice what has arrived of it. */
#define FIRST_GROWTH ((size_t)64 << 10)

void input_init(struct input *input, struct chunk_pool *pool, enum sp_stream stream,
                size_t bytes_max) {
    *input = (struct input){.pool = pool, .stream = stream, .bytes_max = bytes_max};
}

void input_deinit(struct input *input) {
    chunk_release(input->pool, input->chunk);
    input->chunk = NULL;
    input->begin = input->end = 0;
}

/* ---- room ---- */

/* Bytes of the incomplete message with its header; 0: unknown so far, or invalid. */
static size_t wanted(const struct input *input) {
    size_t head = sp_header_size(input->stream);
    uint64_t length;
    if (!input->greeted || input->end - input->begin < head ||
        !sp_header_read(input->chunk->bytes + input->begin, input->stream, &length) ||
        length > input->bytes_max)
        return 0;
    return head + (size_t)length;
}

/* Moves the incomplete message to the start of a chunk with enough room. */
static bool move(struct input *input, size_t capacity) {
    size_t begun = input->end - input->begin;
    struct chunk *old = input->chunk;
    if (old && old->held == 1 && capacity <= old->capacity) {
        memmove(old->bytes, old->bytes + input->begin, begun);
    } else {
        struct chunk *chunk = chunk_take(input->pool, capacity);
        if (!chunk)
            return false;
        if (begun > 0)
            memcpy(chunk->bytes, old->bytes + input->begin, begun);
        chunk_release(input->pool, old);
        input->chunk = chunk;
    }
    input->begin = 0;
    input->end = begun;
    return true;
}

/* Is the room after the waiting bytes worth a read? */
static bool has_room(const struct input *input, size_t whole) {
    const struct chunk *chunk = input->chunk;
    return chunk && (chunk->capacity - input->end >= ROOM_LEAST ||
                     (whole > 0 && chunk->capacity - input->begin >= whole));
}

uint8_t *input_room(struct input *input, size_t *ret_room) {
    size_t begun = input->end - input->begin;
    size_t whole = begun > 0 ? wanted(input) : 0;
    if (!has_room(input, whole)) {
        size_t growth = 2 * begun > FIRST_GROWTH ? 2 * begun : FIRST_GROWTH;
        size_t capacity = whole < growth ? whole : growth;
        if (capacity < begun + ROOM_LEAST)
            capacity = begun + ROOM_LEAST;
        size_t eager = begun + ROOM_EAGER;
        bool has_more = input->is_eager && capacity < eager && move(input, eager);
        if (!has_more && !move(input, capacity))
            return NULL;
    }
    *ret_room = input->chunk->capacity - input->end;
    return input->chunk->bytes + input->end;
}

void input_add(struct input *input, size_t count) {
    input->is_eager = count == input->chunk->capacity - input->end;
    input->end += count;
}

/* ---- requests ---- */

/* If no bytes are waiting, releases the chunk, unless requests are in it and more would fit. */
static void rest(struct input *input) {
    struct chunk *chunk = input->chunk;
    if (!chunk || input->end > input->begin ||
        (chunk->held > 1 && chunk->capacity - input->end >= ROOM_LEAST))
        return;
    input_deinit(input);
}

/* Splits a complete message into ids and payload. False: it has no request id. */
static bool take(struct input *input, const uint8_t *body, size_t length,
                 struct input_request *ret_request) {
    size_t ids = sp_stack_size(body, length);
    if (ids == 0 && length < SP_STACK_MAX)
        return false;
    if (ids == 0) {
        /* Dropped, and the connection stays: a device on the way may serve other clients. */
        input->too_deep++;
        *ret_request = (struct input_request){0};
        return true;
    }
    *ret_request = (struct input_request){.chunk = chunk_hold(input->chunk),
                                          .ids = body,
                                          .ids_size = ids,
                                          .payload = body + ids,
                                          .length = length - ids};
    return true;
}

static enum input_step next(struct input *input, struct input_request *ret_request) {
    size_t begun = input->end - input->begin;
    const uint8_t *at = input->chunk->bytes + input->begin;
    size_t head = sp_header_size(input->stream);
    uint64_t length;
    if (!input->greeted) {
        if (begun < SP_GREETING_SIZE)
            return INPUT_WAITS;
        input->begin += SP_GREETING_SIZE;
        input->greeted = sp_greeting_is(at, SP_REQ);
        return input->greeted ? next(input, ret_request) : INPUT_NO_GREETING;
    }
    if (begun < head)
        return INPUT_WAITS;
    if (!sp_header_read(at, input->stream, &length))
        return INPUT_MALFORMED;
    if (length > input->bytes_max)
        return INPUT_TOO_LARGE;
    if (begun - head < length)
        return INPUT_WAITS;
    input->begin += head + (size_t)length;
    return take(input, at + head, (size_t)length, ret_request) ? INPUT_REQUEST : INPUT_MALFORMED;
}

enum input_step input_next(struct input *input, struct input_request *ret_request) {
    enum input_step step = INPUT_WAITS;
    while (input->chunk && (step = next(input, ret_request)) == INPUT_REQUEST &&
           !ret_request->chunk)
        continue; /* dropped */
    rest(input);
    return step;
}
