/* How an address does: the states of clients/README.md. Knows no sockets and no clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct route {
    bool connected;
    bool ejected;
    bool probing;
    unsigned failures;  /* in a row */
    unsigned ejections; /* without a success in between */
    int64_t probe_at_us;
};

static inline bool route_is_up(const struct route *route) {
    return route->connected && !route->ejected;
}

/* random: 0 ≤ x < 1. True: it is ejected now. */
bool route_failed(struct route *route, unsigned eject_after, int64_t now_us, double random);
void route_succeeded(struct route *route);
/* A probe was not answered, or not with "ready". False: a call was answered meanwhile, so the
 * address lives. */
bool route_probe_failed(struct route *route, int64_t now_us, double random);
/* It is connected, but left out until a probe has been answered; INT64_MAX: none is due. */
int64_t route_probe_at(const struct route *route);
