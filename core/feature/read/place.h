/* Places on the Earth, and what lies between two of them. Internal to core/feature, but for
 * place_pack(), with which the engine fills COLUMN_PLACE.
 *
 * Distances are great circles on a sphere with the Earth's mean radius R1 = 6,371,008.8 m (H.
 * Moritz, Geodetic Reference System 1980, J. of Geodesy 74, 2000), in whole metres. The Earth is
 * flatter than that: over the ground a distance can be 0.6 % longer or shorter.
 *
 * They are the same on every machine: reduced in integers, then additions, multiplications,
 * divisions and square roots alone, which IEEE 754 defines to the last bit. Before it is rounded, a
 * distance is less than a micrometre beside the true one. */
#pragma once

#include <stdint.h>

/* Latitude −90…90 and longitude −180…180 degrees, × 10^7, as one number. */
static inline int64_t place_pack(int32_t latitude_e7, int32_t longitude_e7) {
    return (int64_t)((uint64_t)(uint32_t)latitude_e7 << 32 | (uint32_t)longitude_e7);
}

/* Metres, rounded to the nearest. */
int64_t place_distance_m(int64_t a, int64_t b);

/* Tenths of km/h of who covers the distance in that time, rounded to the nearest. A time below a
 * second counts as one second, so that the same place is 0 away at any speed, and the speed is
 * never infinite. */
int64_t place_speed_tenths(int64_t distance_m, uint64_t elapsed_us);
