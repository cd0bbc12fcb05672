/* The states of a swap to a new generation: adopt/swap_run.c has what is done in each. Here, since
 * metrics and Status name them. */
#pragma once

enum swap_state {
    SWAP_IDLE,
    SWAP_OPENING,
    SWAP_CATCHING_UP,
    SWAP_SWITCHING,
    SWAP_COMPARING,
    SWAP_COOLING,
    SWAP_REFUSED,   /* the generation was refused; the old one stays in use */
    SWAP_ABANDONED, /* records arrive faster than they are folded; tried again later */
    SWAP_STATE_COUNT
};

const char *swap_state_name(enum swap_state state); /* "idle", "catching up", … */
