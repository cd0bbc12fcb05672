/* The names are part of metrics and Status: do not change them. */
#include "swap_state.h"

const char *swap_state_name(enum swap_state state) {
    static const char *const names[SWAP_STATE_COUNT] = {
        [SWAP_IDLE] = "idle",
        [SWAP_OPENING] = "opening",
        [SWAP_CATCHING_UP] = "catching up",
        [SWAP_SWITCHING] = "switching",
        [SWAP_COMPARING] = "comparing",
        [SWAP_COOLING] = "cooling",
        [SWAP_REFUSED] = "refused",
        [SWAP_ABANDONED] = "abandoned",
    };
    return names[state];
}
