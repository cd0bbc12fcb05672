#include "burst.h"

#include "wide.h"

/* With t = observed / tick, multiplied by tick² above and below:
 * (a · observed − s · tick)² / (s · tick · (observed − tick)). */
double burst_surprise(int64_t in_tick, int64_t in_window, uint64_t age_us, int64_t tick_us,
                      int64_t window_us) {
    uint64_t observed_us = age_us + (uint64_t)tick_us;
    if (observed_us > (uint64_t)window_us)
        observed_us = (uint64_t)window_us;
    int128 excess = (int128)in_tick * (int64_t)observed_us - (int128)in_window * tick_us;
    if (excess <= 0 || observed_us <= (uint64_t)tick_us)
        return 0;
    struct wide above = wide_product(excess, excess);
    struct wide below = wide_product((int128)in_window * tick_us, (int64_t)observed_us - tick_us);
    return wide_to_double(above) / wide_to_double(below);
}
