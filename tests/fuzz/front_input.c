/* Target: how the SP front reads a client's bytes (server/front/sp/front_sp_input.h).
 *
 *   input  u8 bit 0: ipc, otherwise tcp; bits 1–2: limit of a message's size; bit 3: insert a valid
 *             greeting first
 *          u8 seed for the sizes of pieces and the order of releases, then the stream
 *
 * The stream arrives in pieces of random size, and requests are held for random times. The result
 * must be the same as that of a straightforward parser of the whole stream (struct plain): the same
 * requests, and the same end. Bytes of a request must not change before it is released, memory must
 * stay proportional to the bytes received, and all of it must be free at the end. */
#include "common/target.h"

#include "server/front/sp/front_sp_input.h"

#include <string.h>

#define HELD_MAX  20
#define POOL_MAX  ((size_t)64 << 20)
#define CHUNK_MIN ((size_t)16 << 10)

static struct buffer stream;

void target_start(void) {
    buffer_init(&stream);
}

/* ---- the reference: a parser of the whole stream ---- */

struct plain {
    const uint8_t *at, *end;
    bool ipc;
    size_t bytes_max;
};

struct plain_request {
    const uint8_t *ids, *payload;
    size_t ids_size, length;
};

/* What input_next() should return next. */
static enum input_step plain_next(struct plain *plain, struct plain_request *ret_request) {
    for (;;) {
        size_t left = (size_t)(plain->end - plain->at), head = plain->ipc ? 9 : 8, ids = 0;
        const uint8_t *at = plain->at;
        if (left < head)
            return INPUT_WAITS;
        if (plain->ipc && *at++ != 1)
            return INPUT_MALFORMED;
        uint64_t length = 0;
        for (int i = 0; i < 8; i++)
            length = length * 256 + *at++;
        if (length > plain->bytes_max)
            return INPUT_TOO_LARGE;
        if (left - head < length)
            return INPUT_WAITS;
        plain->at = at + length;
        while (ids + 4 <= length && ids < 64 && at[ids] < 128)
            ids += 4;
        if (ids == 64)
            continue; /* through too many devices: dropped */
        if (ids + 4 > length)
            return INPUT_MALFORMED;
        *ret_request = (struct plain_request){.ids = at,
                                              .ids_size = ids + 4,
                                              .payload = at + ids + 4,
                                              .length = (size_t)length - ids - 4};
        return INPUT_REQUEST;
    }
}

/* ---- the front's parser, in pieces ---- */

struct held {
    struct input_request request;
    struct plain_request expected;
};

struct run {
    struct chunk_pool pool;
    struct input input;
    struct held held[HELD_MAX];
    size_t held_count;
    struct chance chance;
};

static void release(struct run *run, size_t index) {
    struct held *held = &run->held[index];
    property(memcmp(held->request.ids, held->expected.ids, held->expected.ids_size) == 0 &&
                 memcmp(held->request.payload, held->expected.payload, held->expected.length) == 0,
             "bytes of a request changed before it was released");
    chunk_release(&run->pool, held->request.chunk);
    run->held[index] = run->held[--run->held_count];
}

static void take(struct run *run, const struct input_request *request,
                 const struct plain_request *expected) {
    property(request->ids_size == expected->ids_size && request->length == expected->length,
             "%zu + %zu bytes; expected %zu + %zu", request->ids_size, request->length,
             expected->ids_size, expected->length);
    run->held[run->held_count++] = (struct held){*request, *expected};
    while (run->held_count == HELD_MAX ||
           (run->held_count > 0 && chance_below(&run->chance, 3) == 0))
        release(run, chance_below(&run->chance, run->held_count));
}

/* Feeds one piece of random size and returns it. Room must not exceed what the bytes so far
 * justify. */
static size_t feed(struct run *run, const uint8_t *bytes, size_t left) {
    size_t room, begun = run->input.end - run->input.begin;
    uint8_t *at = input_room(&run->input, &room);
    property(at && room > 0, "no room, with %zu bytes in use", run->pool.used_bytes);
    property(run->input.chunk->capacity <= 4 * begun + 8 * CHUNK_MIN,
             "room for %zu bytes after %zu", run->input.chunk->capacity, begun);
    size_t most = chance_below(&run->chance, 4) == 0 ? 8 : chance_below(&run->chance, 40000) + 1;
    size_t size = room < left ? room : left;
    size = size < most ? size : most;
    memcpy(at, bytes, size);
    input_add(&run->input, size);
    return size;
}

static bool run_stream(struct run *run, const uint8_t *bytes, size_t size, struct plain plain) {
    bool greeted = size >= 8 && memcmp(bytes, "\0SP\0\0\x30\0\0", 8) == 0, is_any = false;
    enum input_step step = INPUT_WAITS;
    plain.end = bytes;
    for (size_t fed = 0; fed < size && step == INPUT_WAITS;) {
        struct input_request request;
        fed += feed(run, bytes + fed, size - fed);
        plain.end = bytes + fed;
        while ((step = input_next(&run->input, &request)) == INPUT_REQUEST) {
            struct plain_request expected;
            property(greeted && plain_next(&plain, &expected) == INPUT_REQUEST,
                     "a request that the reference does not have");
            take(run, &request, &expected);
            is_any = true;
        }
        struct plain_request none;
        enum input_step wanted = !greeted && fed >= 8 ? INPUT_NO_GREETING
                                 : fed < 8            ? INPUT_WAITS
                                                      : plain_next(&plain, &none);
        property(step == wanted, "step %d; expected %d", (int)step, (int)wanted);
    }
    return is_any;
}

bool target_run(const uint8_t *bytes, size_t size) {
    static const size_t limits[] = {16, 300, 20000, 1 << 20};
    struct run run = {0};
    if (size < 2)
        return false;
    bool ipc = bytes[0] & 1;
    size_t bytes_max = limits[bytes[0] >> 1 & 3];
    buffer_clear(&stream);
    if (bytes[0] & 8)
        buffer_append(&stream, "\0SP\0\0\x30\0\0", 8);
    buffer_append(&stream, bytes + 2, size - 2);
    run.chance.state = bytes[1];
    chunk_pool_init(&run.pool, POOL_MAX);
    input_init(&run.input, &run.pool, ipc ? SP_IPC : SP_TCP, bytes_max);
    struct plain plain = {.at = stream.bytes + 8, .ipc = ipc, .bytes_max = bytes_max};
    bool is_any = run_stream(&run, stream.bytes, stream.length, plain);
    while (run.held_count > 0)
        release(&run, 0);
    input_deinit(&run.input);
    property(run.pool.used_bytes == 0, "%zu bytes are never released", run.pool.used_bytes);
    chunk_pool_deinit(&run.pool);
    return is_any;
}

/* ---- seeds ---- */

static void add_message(struct buffer *seed, bool ipc, size_t hops, size_t payload) {
    uint64_t length = 4 * (hops + 1) + payload;
    if (ipc)
        buffer_append_u8(seed, 1);
    for (int i = 7; i >= 0; i--)
        buffer_append_u8(seed, (uint8_t)(length >> (8 * i)));
    for (size_t i = 0; i < hops; i++)
        buffer_append_u32(seed, (uint32_t)i);
    buffer_append_u32(seed, 0x01020380);
    for (size_t i = 0; i < payload; i++)
        buffer_append_u8(seed, (uint8_t)i);
}

void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    struct buffer seed;
    struct chance chance = {.state = 11};
    buffer_init(&seed);
    for (unsigned i = 0; i < 60; i++) {
        bool ipc = i & 1;
        buffer_clear(&seed);
        buffer_append_u8(&seed, (uint8_t)(8 | (i % 3 + 1) << 1 | ipc));
        buffer_append_u8(&seed, (uint8_t)i);
        for (unsigned j = 0; j <= i % 8; j++)
            add_message(&seed, ipc, chance_below(&chance, j == 0 ? 16 : 20),
                        chance_below(&chance, 200));
        if (i % 5 == 0) /* longer than a chunk; over the limit of some seeds */
            add_message(&seed, ipc, 0, 18000);
        seeds->add(seeds, seed.bytes, seed.length);
    }
    buffer_deinit(&seed);
}
