#include "state_memory.h"

#include "core/base/check.h"
#include "core/base/heap.h"
#include "core/feature/window/standing.h"

#include <stdlib.h>
#include <string.h>

/* Room for ten entries more, where malloc() has to find it; a heap has it at once, and jobs over an
 * archive hold all entities. */
#define ROOM_IN_MALLOC 128
#define ROOM_IN_HEAP   48

/* A quarter more than is needed, or some entries, in the sizes that malloc() has: 16 n + 8 in
 * glibc. */
static size_t capacity_for(const struct state *state, size_t length) {
    size_t room = state->is_in_heap ? ROOM_IN_HEAP : ROOM_IN_MALLOC;
    size_t few = length / 2 < room ? length / 2 : room;
    size_t wanted = length + (length / 4 > few ? length / 4 : few);
    size_t capacity = ((wanted + 7) & ~(size_t)15) + 8;
    check(length <= UINT32_MAX);
    return capacity > UINT32_MAX ? UINT32_MAX : capacity;
}

/* ---- blocks ---- */

/* Of a state with bytes. */
static size_t block_size(const struct state *state) {
    return (size_t)state->front + state->capacity;
}

static uint8_t *resize_block(struct state *state, size_t size) {
    uint8_t *block = state_block(state);
    return state->is_in_heap
               ? heap_resize(heap_of(state), block, block ? block_size(state) : 0, size)
               : check_realloc(block, size);
}

void state_free_block(struct state *state) {
    if (state->is_in_heap && state->bytes)
        heap_free(heap_of(state), state_block(state), block_size(state));
    else
        free(state_block(state));
}

void state_leave_block(struct state *state) {
    if (!state->is_in_heap || (state->bytes && block_size(state) > HEAP_BLOCK_MAX))
        state_free_block(state);
}

/* ---- what lies in them ---- */

static void close_gap(struct state *state) {
    if (state->gap == 0)
        return;
    uint8_t *memory = state->bytes - state->gap;
    memmove(memory, state->bytes, state->length);
    state->bytes = memory;
    state->gap = 0;
}

static void resize(struct state *state, size_t capacity) {
    close_gap(state);
    uint8_t *block = resize_block(state, state->front + capacity);
    state->bytes = block + state->front;
    state->capacity = (uint32_t)capacity;
    if (state->front > 0)
        standing_moved(state_standing(state));
}

struct standing *state_add_front(struct state *state, size_t size) {
    check(state->bytes && state->front == 0);
    size_t front = (size + STATE_FRONT_ALIGN - 1) & ~(size_t)(STATE_FRONT_ALIGN - 1);
    size_t capacity = capacity_for(state, state->length);
    check(front <= UINT32_MAX);
    uint8_t *block = state->is_in_heap ? heap_alloc(heap_of(state), front + capacity)
                                       : check_malloc(front + capacity);
    memcpy(block + front, state->bytes, state->length);
    state_free_block(state);
    state->bytes = block + front;
    state->capacity = (uint32_t)capacity;
    state->front = (uint32_t)front;
    state->gap = 0;
    return state_standing(state);
}

void state_make_room(struct state *state, size_t length) {
    /* Closing costs a move of all, so it must give room for a while. */
    if (length <= state->capacity && state->gap >= length / 8)
        close_gap(state);
    else
        resize(state, capacity_for(state, length));
}

void state_clear(struct state *state) {
    state->length = 0;
    close_gap(state);
}

void state_replace(struct state *state, const void *bytes, size_t length) {
    state_clear(state);
    state_reserve(state, length);
    if (length > 0)
        memcpy(state->bytes, bytes, length);
    state->length = (uint32_t)length;
}

static void grow(struct state *state, size_t from, size_t to, size_t by) {
    if (from < state->length - to && state->gap >= by) {
        state->bytes -= by;
        state->gap -= (uint32_t)by;
        memmove(state->bytes, state->bytes + by, from);
    } else {
        state_reserve(state, state->length + by);
        memmove(state->bytes + to + by, state->bytes + to, state->length - to);
    }
    state->length += (uint32_t)by;
}

static void shrink(struct state *state, size_t from, size_t to, size_t by) {
    size_t behind = state->length - to;
    if (from < behind && behind >= STATE_GAP_BYTES_MIN) {
        memmove(state->bytes + by, state->bytes, from);
        state->bytes += by;
        state->gap += (uint32_t)by;
    } else {
        memmove(state->bytes + to - by, state->bytes + to, behind);
    }
    state->length -= (uint32_t)by;
    if (state->length < STATE_GAP_BYTES_MIN)
        close_gap(state);
}

void state_splice(struct state *state, size_t from, size_t to, const void *bytes, size_t size) {
    if (size > to - from)
        grow(state, from, to, size - (to - from));
    else if (size < to - from)
        shrink(state, from, to, to - from - size);
    if (size > 0 && bytes)
        memcpy(state->bytes + from, bytes, size);
}

void state_trim(struct state *state) {
    size_t wanted = capacity_for(state, state->length);
    if (state->capacity / 2 > wanted)
        resize(state, wanted);
}
