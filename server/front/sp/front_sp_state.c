/* What the loop's callbacks share, and the handshake between the loop and drain(). */
#include "front_sp_state.h"

#define LOG_EVERY_US INT64_C(60000000)

int64_t front_sp_now_us(const struct front_sp *front) {
    return clock_monotonic_us(front->settings.clock);
}

bool front_sp_may_log(struct front_sp *front) {
    int64_t now_us = front_sp_now_us(front);
    if (front->logged_us != 0 && now_us - front->logged_us < LOG_EVERY_US)
        return false;
    front->logged_us = now_us;
    return true;
}

/* First announce, then look: drain() does it in the other order, so one of the two sees the other.
 */
bool front_sp_enter(struct front_sp *front) {
    atomic_store(&front->handling, true);
    if (!atomic_load(&front->draining))
        return true;
    atomic_store(&front->handling, false);
    return false;
}

void front_sp_leave(struct front_sp *front) {
    atomic_store(&front->handling, false);
}

void front_sp_accept_again(struct front_sp *front) {
    if (atomic_load(&front->ending))
        return;
    for (size_t i = 0; i < front->acceptor_count; i++)
        if (front->acceptors[i].acceptable)
            event_add(front->acceptors[i].acceptable, NULL);
}
