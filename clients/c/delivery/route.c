/* Ejection is a back-off for a whole address: its length doubles with every ejection that was not
 * followed by a success. */
#include "clients/c/delivery/route.h"

#define EJECTION_US_MIN 1000000
#define EJECTION_US_MAX 30000000
#define EJECTIONS_MAX   10 /* bounds the shift; 30 s are reached long before */

/* For 1 s, doubling up to 30 s, each ±20 %. */
static void eject(struct route *route, int64_t now_us, double random) {
    int64_t length_us = (int64_t)EJECTION_US_MIN << route->ejections;
    if (length_us > EJECTION_US_MAX)
        length_us = EJECTION_US_MAX;
    if (route->ejections < EJECTIONS_MAX)
        route->ejections++;
    route->failures = 0;
    route->ejected = true;
    route->probing = false;
    route->probe_at_us = now_us + (int64_t)((double)length_us * (0.8 + 0.4 * random));
}

bool route_failed(struct route *route, unsigned eject_after, int64_t now_us, double random) {
    route->failures++;
    if (route->ejected || route->failures < eject_after)
        return false;
    eject(route, now_us, random);
    return true;
}

void route_succeeded(struct route *route) {
    route->failures = route->ejections = 0;
    route->ejected = route->probing = false;
}

bool route_probe_failed(struct route *route, int64_t now_us, double random) {
    if (!route->probing)
        return false;
    eject(route, now_us, random);
    return true;
}

int64_t route_probe_at(const struct route *route) {
    return route->ejected && route->connected && !route->probing ? route->probe_at_us : INT64_MAX;
}
