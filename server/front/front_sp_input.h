/* What a client sends, from pieces of any size to requests: greeting, lengths, ids, payloads
 * (core/wire/message/sp.h). No I/O: whoever reads puts the bytes where room() says, then asks for
 * requests until there are none.
 *
 * Requests lie where they were read, in a chunk that each of them holds, so nothing is copied but
 * the begun request at a chunk's end. Memory follows the bytes that came, never those that a header
 * promises. */
#pragma once

#include "core/wire/message/sp.h"
#include "front_sp_chunk.h"

#include <stdbool.h>

struct input {
    struct chunk_pool *pool;
    enum sp_stream stream;
    size_t bytes_max;    /* of a message, its ids included */
    struct chunk *chunk; /* NULL: everything that came has been taken */
    size_t begin, end;   /* what came and was not taken, in the chunk */
    bool greeted;
    uint64_t too_deep; /* requests left out: more hops than SP_HOPS_MAX */
};

struct input_request {
    struct chunk *chunk; /* held: release it when nothing points into it any more */
    const uint8_t *ids;  /* to be given back with the answer */
    size_t ids_size;
    const uint8_t *payload;
    size_t length;
};

enum input_step {
    INPUT_WAITS,   /* for more bytes */
    INPUT_REQUEST, /* *ret_request is filled */
    /* The end of the connection, since nothing that follows can be understood: */
    INPUT_NO_GREETING, /* these bytes are no REQ's greeting */
    INPUT_TOO_LARGE,   /* a message of more than bytes_max begins */
    INPUT_MALFORMED,   /* no message begins here, or one without a request id */
};

void input_init(struct input *input, struct chunk_pool *pool, enum sp_stream stream,
                size_t bytes_max);
void input_deinit(struct input *input);

/* Where the next bytes go; at least one. NULL: the pool has no more. */
uint8_t *input_room(struct input *input, size_t *ret_room);
/* So many bytes were put there. */
void input_add(struct input *input, size_t count);
enum input_step input_next(struct input *input, struct input_request *ret_request);

/* Something has begun and is not complete. */
static inline bool input_is_begun(const struct input *input) {
    return input->end > input->begin || !input->greeted;
}
