/* From bytes in pieces of any size to requests: greeting, lengths, ids, payloads
 * (core/wire/message/sp.h). No I/O: the caller reads to where input_room() says, then asks for
 * requests until there are none.
 *
 * Requests stay where they were read, in a chunk that each of them holds; nothing is copied but an
 * incomplete request at a chunk's end. Memory follows the bytes that have arrived, never the length
 * that a header promises. */
#pragma once

#include "core/wire/message/sp.h"
#include "front_sp_chunk.h"

#include <stdbool.h>

struct input {
    struct chunk_pool *pool;
    enum sp_stream stream;
    size_t bytes_max;    /* of a message, its ids included */
    struct chunk *chunk; /* NULL: no bytes are waiting */
    size_t begin, end;   /* the waiting bytes, in the chunk */
    bool greeted;
    bool is_eager;     /* the last read filled its room: the next gets a larger one */
    uint64_t too_deep; /* requests dropped: more hops than SP_HOPS_MAX */
};

struct input_request {
    struct chunk *chunk; /* one reference, to be released by the caller */
    const uint8_t *ids;  /* to be sent back with the answer */
    size_t ids_size;
    const uint8_t *payload;
    size_t length;
};

enum input_step {
    INPUT_WAITS,   /* for more bytes */
    INPUT_REQUEST, /* *ret_request is filled */
    /* The connection must be closed, since the next bytes cannot be interpreted: */
    INPUT_NO_GREETING, /* not the greeting of a REQ */
    INPUT_TOO_LARGE,   /* a message of more than bytes_max follows */
    INPUT_MALFORMED,   /* not a message, or one without a request id */
};

void input_init(struct input *input, struct chunk_pool *pool, enum sp_stream stream,
                size_t bytes_max);
void input_deinit(struct input *input);

/* Room for the next bytes, at least one. NULL: the pool is used up. */
uint8_t *input_room(struct input *input, size_t *ret_room);
/* That many bytes were read into it. */
void input_add(struct input *input, size_t count);
enum input_step input_next(struct input *input, struct input_request *ret_request);

/* Is there an incomplete greeting or message? */
static inline bool input_is_begun(const struct input *input) {
    return input->end > input->begin || !input->greeted;
}
