#include "place.h"

#include <float.h>
#include <math.h>

_Static_assert(FLT_EVAL_METHOD == 0, "doubles must be computed as doubles");

#define RADIUS_M   6371008.8
#define PI         3.14159265358979323846
#define TURN_E7    INT64_C(3600000000)
#define QUARTER_E7 (TURN_E7 / 4)
#define SECOND_US  UINT64_C(1000000)

struct point {
    double x, y, z;
};

/* Taylor series up to π/4: what is left out is below 10^−18. */
static double sine_of_small(double x) {
    double x2 = x * x, sum = 1;
    for (int n = 18; n > 0; n -= 2)
        sum = 1 - x2 / (n * (n + 1)) * sum;
    return x * sum;
}

static double cosine_of_small(double x) {
    double x2 = x * x, sum = 1;
    for (int n = 18; n > 0; n -= 2)
        sum = 1 - x2 / (n * (n - 1)) * sum;
    return sum;
}

/* Which eighth of the turn it is, and how far into it, is found out in integers. */
static double sine_of_degrees(int64_t angle_e7) {
    int64_t angle = (angle_e7 % TURN_E7 + TURN_E7) % TURN_E7;
    double sign = 1;
    if (angle >= TURN_E7 / 2) {
        angle -= TURN_E7 / 2;
        sign = -1;
    }
    if (angle > QUARTER_E7)
        angle = TURN_E7 / 2 - angle;
    const double radians = PI / 1.8e9;
    if (angle <= QUARTER_E7 / 2)
        return sign * sine_of_small((double)angle * radians);
    return sign * cosine_of_small((double)(QUARTER_E7 - angle) * radians);
}

static double cosine_of_degrees(int64_t angle_e7) {
    return sine_of_degrees(angle_e7 + QUARTER_E7);
}

/* On the unit sphere. */
static struct point point_of(int64_t place) {
    int64_t latitude_e7 = (int32_t)(uint32_t)((uint64_t)place >> 32);
    int64_t longitude_e7 = (int32_t)(uint32_t)(uint64_t)place;
    double across = cosine_of_degrees(latitude_e7);
    return (struct point){.x = across * cosine_of_degrees(longitude_e7),
                          .y = across * sine_of_degrees(longitude_e7),
                          .z = sine_of_degrees(latitude_e7)};
}

/* For 0 <= x <= 1. Twice atan(x) = 2 atan(x / (1 + √(1 + x²))), then its series: below 0.2 the term
 * that is left out is less than 10^−18. */
static double arc_tangent(double x) {
    for (int i = 0; i < 2; i++)
        x = x / (1 + sqrt(1 + x * x));
    double x2 = x * x, sum = 0;
    for (int n = 23; n > 0; n -= 2)
        sum = 1.0 / n - x2 * sum;
    return 4 * (x * sum);
}

/* The angle between two unit vectors is 2 atan(|a − b| / |a + b|): good for neighbours and for the
 * other side of the Earth, where an arc sine or cosine loses half of its digits (W. Kahan, "How
 * futile are mindless assessments of roundoff", 2006). */
int64_t place_distance_m(int64_t a, int64_t b) {
    struct point p = point_of(a), q = point_of(b);
    struct point away = {p.x - q.x, p.y - q.y, p.z - q.z};
    struct point along = {p.x + q.x, p.y + q.y, p.z + q.z};
    double apart = sqrt(away.x * away.x + away.y * away.y + away.z * away.z);
    double together = sqrt(along.x * along.x + along.y * along.y + along.z * along.z);
    double half_angle =
        apart <= together ? arc_tangent(apart / together) : PI / 2 - arc_tangent(together / apart);
    return (int64_t)(2 * RADIUS_M * half_angle + 0.5);
}

int64_t place_speed_tenths(int64_t distance_m, uint64_t elapsed_us) {
    uint64_t divisor = elapsed_us < SECOND_US ? SECOND_US : elapsed_us;
    /* m / µs × 3,600,000 = km/h, and ten times that. The distance is below 2^25 m. */
    return (int64_t)(((uint64_t)distance_m * 72000000 + divisor) / (2 * divisor));
}
