/* exp, log: the reductions and the approximations of fdlibm's e_exp.c and e_log.c (Sun
 * Microsystems, 1993). log of a float: the table and polynomial of ARM's optimized routines (MIT),
 * which glibc and musl use. */
#include "elementary.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* 2^k for a k that gives a normal number. */
static double power_of_two(int k) {
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* In two steps, so that results below the smallest normal number come out rounded. */
static double scale(double y, int k) {
    if (k < -1000)
        return y * power_of_two(k + 1000) * power_of_two(-1000);
    if (k > 1000)
        return y * power_of_two(k - 1000) * power_of_two(1000);
    return y * power_of_two(k);
}

double elementary_exp(double x) {
    static const double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10,
                        per_ln2 = 1.44269504088896338700e+00;
    static const double p1 = 1.66666666666666019037e-01, p2 = -2.77777777770155933842e-03,
                        p3 = 6.61375632143793436117e-05, p4 = -1.65339022054652515390e-06,
                        p5 = 4.13813679705723846039e-08;
    if (isnan(x))
        return x;
    if (x > 7.09782712893383973096e+02)
        return HUGE_VAL;
    if (x < -7.45133219101941108420e+02)
        return 0;
    int k = (int)(per_ln2 * x + (x < 0 ? -0.5 : 0.5));
    double high = x - k * ln2_high, low = k * ln2_low, r = high - low, t = r * r;
    double c = r - t * (p1 + t * (p2 + t * (p3 + t * (p4 + t * p5))));
    return scale(1 - ((low - (r * c) / (2 - c)) - high), k);
}

/* x = 2^k × (1 + f), with 1 + f near 1 on both sides; log(1 + f) is a series in f / (2 + f). */
double elementary_log(double x) {
    static const double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10,
                        sqrt2 = 1.41421356237309504880;
    static const double l1 = 6.666666666666735130e-01, l2 = 3.999999999940941908e-01,
                        l3 = 2.857142874366239149e-01, l4 = 2.222219843214978396e-01,
                        l5 = 1.818357216161805012e-01, l6 = 1.531383769920937332e-01,
                        l7 = 1.479819860511658591e-01;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int k = (int)(bits >> 52) - 1023;
    bits = (bits & (UINT64_MAX >> 12)) | (uint64_t)1023 << 52;
    memcpy(&x, &bits, sizeof x);
    if (x > sqrt2) {
        x *= 0.5;
        k++;
    }
    double f = x - 1, s = f / (2 + f), z = s * s, half = 0.5 * f * f;
    double r = z * (l1 + z * (l2 + z * (l3 + z * (l4 + z * (l5 + z * (l6 + z * l7))))));
    return k * ln2_high - ((half - (s * (half + r) + k * ln2_low)) - f);
}

float elementary_log_float(float x) {
    static const struct {
        double inverse, log;
    } table[16] = {
        {0x1.661ec79f8f3bep+0, -0x1.57bf7808caadep-2},
        {0x1.571ed4aaf883dp+0, -0x1.2bef0a7c06ddbp-2},
        {0x1.49539f0f010bp+0, -0x1.01eae7f513a67p-2},
        {0x1.3c995b0b80385p+0, -0x1.b31d8a68224e9p-3},
        {0x1.30d190c8864a5p+0, -0x1.6574f0ac07758p-3},
        {0x1.25e227b0b8eap+0, -0x1.1aa2bc79c81p-3},
        {0x1.1bb4a4a1a343fp+0, -0x1.a4e76ce8c0e5ep-4},
        {0x1.12358f08ae5bap+0, -0x1.1973c5a611cccp-4},
        {0x1.0953f419900a7p+0, -0x1.252f438e10c1ep-5},
        {0x1p+0, 0x0p+0},
        {0x1.e608cfd9a47acp-1, 0x1.aa5aa5df25984p-5},
        {0x1.ca4b31f026aap-1, 0x1.c5e53aa362eb4p-4},
        {0x1.b2036576afce6p-1, 0x1.526e57720db08p-3},
        {0x1.9c2d163a1aa2dp-1, 0x1.bc2860d22477p-3},
        {0x1.886e6037841edp-1, 0x1.1058bc8a07ee1p-2},
        {0x1.767dcf5534862p-1, 0x1.4043057b6ee09p-2},
    };
    static const double ln2 = 0x1.62e42fefa39efp-1;
    static const double a0 = -0x1.00ea348b88334p-2, a1 = 0x1.5575b0be00b6ap-2,
                        a2 = -0x1.ffffef20a4123p-2;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x == 1.0f)
        return 0;
    uint32_t shift = 0;
    if (bits < 0x00800000) { /* not normal: brought up by 2^23 */
        float up = x * 0x1p23f;
        memcpy(&bits, &up, sizeof bits);
        shift = 23;
    }
    uint32_t above = bits - 0x3f330000u, place = above >> 19 & 15;
    int32_t k = (int32_t)above >> 23;
    uint32_t mantissa = bits - (above & 0xff800000u);
    float z_float;
    memcpy(&z_float, &mantissa, sizeof z_float);
    double r = (double)z_float * table[place].inverse - 1;
    double start = table[place].log + (double)(k - (int32_t)shift) * ln2;
    double r2 = r * r, y = a1 * r + a2;
    y = a0 * r2 + y;
    y = y * r2 + (start + r);
    return (float)y;
}
