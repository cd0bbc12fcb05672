/* Whether an address is used: the state machine under "Addresses" in clients/README.md. Knows no
 * sockets and no clock, so that its test can drive it. Times are monotonic_us(); `random` is
 * 0 <= random < 1, for jitter. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct route {
    bool connected;
    bool ejected;       /* left out until a probe, or a call that had no better address, succeeds */
    bool probing;       /* a probe is under way */
    bool standby;       /* marked: it answered `not_primary`, and nothing has disproved it since */
    unsigned failures;  /* in a row */
    unsigned ejections; /* without a success in between */
    int64_t probe_at_us;
};

static inline bool route_is_up(const struct route *route) {
    return route->connected && !route->ejected;
}

/* A call may find its primary here: up, and not known as a standby. */
static inline bool route_may_decide(const struct route *route) {
    return route_is_up(route) && !route->standby;
}

/* Counts a failure. Returns true if it led to an ejection. */
bool route_failed(struct route *route, unsigned eject_after, int64_t now_us, double random);
void route_succeeded(struct route *route); /* any answer but `unavailable`; ends an ejection */
/* A probe got no answer, or one other than "ready" or "standby". Returns false, and does nothing,
 * if a call has succeeded meanwhile. */
bool route_probe_failed(struct route *route, int64_t now_us, double random);
/* When to probe an ejected, connected address; INT64_MAX: no probe is due. */
int64_t route_probe_at(const struct route *route);
