/* The memory that a state's bytes lie in. Internal to core/feature.
 *
 * It is one block: a standing, if the state has one; the gap; the bytes; room for more of them.
 * What a read touches first lies together: an entity costs one wait for a page, and one that comes
 * and goes is one allocation.
 *
 * A long state that loses its oldest entries does not move the others: its bytes begin later, and
 * the memory in front of them is a gap. It is used when something grows in front of most of the
 * state, or closed before the memory would have to grow. A short state has none. */
#pragma once

#include "state.h"

#define STATE_FRONT_ALIGN   16  /* malloc()'s */
#define STATE_GAP_BYTES_MIN 192 /* a shorter state is moved at once */

struct standing;

/* Where the block begins; NULL: there is none. */
static inline uint8_t *state_block(const struct state *state) {
    return state->bytes ? state->bytes - state->gap - state->front : NULL;
}

/* NULL: the state has none. */
static inline struct standing *state_standing(const struct state *state) {
    return state->front > 0 ? (struct standing *)(void *)state_block(state) : NULL;
}

/* Room for a standing of that size, which is then there, with nothing in it. There must be bytes
 * and no standing. */
struct standing *state_add_front(struct state *state, size_t size);

/* The state is not to be used before state_init(). */
void state_free_block(struct state *state);
/* But if it lies in a heap. */
void state_leave_block(struct state *state);

/* How long the bytes may become where they are. */
static inline size_t state_room(const struct state *state) {
    return state->capacity - state->gap;
}

/* Makes room for that many bytes; state->bytes may move. */
void state_make_room(struct state *state, size_t length);
static inline void state_reserve(struct state *state, size_t length) {
    if (length > state_room(state))
        state_make_room(state, length);
}

/* No bytes; the memory stays. */
void state_clear(struct state *state);

/* Puts other bytes in the place of all; they must not be the state's own. */
void state_replace(struct state *state, const void *bytes, size_t length);

/* Puts size bytes in the place of [from, to), and moves what is shorter: that in front or that
 * behind. NULL leaves the place as it is. What the head says is the caller's to correct. */
void state_splice(struct state *state, size_t from, size_t to, const void *bytes, size_t size);

/* Gives back memory if much more is reserved than used. */
void state_trim(struct state *state);
