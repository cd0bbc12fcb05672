/* The states that taking up a new generation goes through. */
#pragma once

enum swap_state {
    SWAP_IDLE,
    SWAP_OPENING,
    SWAP_CATCHING_UP,
    SWAP_SWITCHING,
    SWAP_COMPARING,
    SWAP_COOLING,
    SWAP_REFUSED,   /* the generation is not taken; the old one stays */
    SWAP_ABANDONED, /* more records came in than were caught up with; tried again later */
    SWAP_STATE_COUNT
};

const char *swap_state_name(enum swap_state state); /* "idle", "catching up", … */
