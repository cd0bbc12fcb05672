/* The places at which a front can be asked: front_find_places(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Where a front can be asked without TLS, for probes of the process itself. */
#define FRONT_PLACES_MAX 64
struct front_place {
    struct sockaddr_storage where;
    socklen_t length;
};
struct front_places {
    struct front_place at[FRONT_PLACES_MAX];
    size_t count;
    bool is_full; /* it closes new connections at once: max_connections are open */
};

/* Places beyond the most are left out. */
static inline void front_add_place(struct front_places *places,
                                   const struct sockaddr_storage *where, socklen_t length) {
    if (places->count < FRONT_PLACES_MAX)
        places->at[places->count++] = (struct front_place){.where = *where, .length = length};
}
