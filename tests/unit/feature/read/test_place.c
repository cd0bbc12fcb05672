/* Distances against the haversine formula in extended precision, against published ones, and to the
 * last digit of what other machines must give. */
#include "core/feature/read/place.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <math.h>

#define DEGREE  INT32_C(10000000)
#define RADIUS  6371008.8L
#define HALFWAY 20015114 /* metres to the other side of the Earth: π · RADIUS */

static int64_t place_of(double latitude, double longitude) {
    return place_pack((int32_t)lround(latitude * DEGREE), (int32_t)lround(longitude * DEGREE));
}

static long double haversine(int64_t a, int64_t b) {
    const long double degree = acosl(-1) / 180 / DEGREE;
    long double latitude_a = (int32_t)(a >> 32) * degree, longitude_a = (int32_t)a * degree;
    long double latitude_b = (int32_t)(b >> 32) * degree, longitude_b = (int32_t)b * degree;
    long double up = sinl((latitude_b - latitude_a) / 2);
    long double across = sinl((longitude_b - longitude_a) / 2);
    long double h = up * up + cosl(latitude_a) * cosl(latitude_b) * across * across;
    return 2 * RADIUS * atan2l(sqrtl(h), sqrtl(h < 1 ? 1 - h : 0));
}

/* The nearest metre, where that is not a matter of the formula's own last digits. */
static void assert_near_haversine(int64_t a, int64_t b) {
    long double exact = haversine(a, b);
    long double error = fabsl((long double)place_distance_m(a, b) - exact);
    if (error > 0.5L + 1e-6L)
        fail_msg("%016llx to %016llx: %lld m, the formula says %.9Lf", (unsigned long long)a,
                 (unsigned long long)b, (long long)place_distance_m(a, b), exact);
    assert_int_equal(place_distance_m(b, a), place_distance_m(a, b));
}

static int32_t random_e7(struct chance *chance, int32_t degrees) {
    int64_t limit = (int64_t)degrees * DEGREE;
    return (int32_t)(chance_below(chance, 2 * limit + 1) - limit);
}

static int64_t random_place(struct chance *chance) {
    int32_t latitude = random_e7(chance, 90);
    return place_pack(latitude, random_e7(chance, 180));
}

static int32_t within(int64_t e7, int32_t degrees) {
    int64_t limit = (int64_t)degrees * DEGREE;
    return (int32_t)(e7 > limit ? limit : e7 < -limit ? -limit : e7);
}

/* Anywhere, near each other, and nearly opposite. */
static void distances_are_those_of_the_haversine_formula(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    for (int64_t left = chance_steps(100000); left > 0; left--) {
        int32_t latitude = random_e7(&chance, 90), longitude = random_e7(&chance, 180);
        int64_t here = place_pack(latitude, longitude);
        assert_near_haversine(here, random_place(&chance));
        int64_t step = INT64_C(1) << chance_below(&chance, 30);
        int64_t up = chance_below(&chance, 2 * step) - step;
        int64_t across = chance_below(&chance, 2 * step) - step;
        assert_near_haversine(
            here, place_pack(within(latitude + up, 90), within(longitude + across, 180)));
        int64_t opposite =
            longitude > 0 ? longitude - INT64_C(180) * DEGREE : longitude + INT64_C(180) * DEGREE;
        assert_near_haversine(
            here, place_pack(within(-latitude + up, 90), within(opposite + across, 180)));
    }
}

static void where_a_distance_is_known_it_is_that(void **unused) {
    (void)unused;
    const int64_t pole = place_of(90, 0);
    assert_int_equal(place_distance_m(0, 0), 0);
    assert_int_equal(place_distance_m(pole, place_of(90, 77)), 0); /* all meridians meet there */
    assert_int_equal(place_distance_m(pole, place_of(-90, -12)), HALFWAY);
    assert_int_equal(place_distance_m(0, place_of(0, 180)), HALFWAY);
    assert_int_equal(place_distance_m(pole, 0), HALFWAY / 2);
    assert_int_equal(place_distance_m(place_of(0, 180), place_of(0, -180)), 0); /* the date line */
    assert_int_equal(place_distance_m(place_of(0, 179.9), place_of(0, -179.9)), 22239);
    /* A degree of the equator: π/180 · 6371008.8 = 111195.08 m. */
    assert_int_equal(place_distance_m(0, place_of(0, 1)), 111195);
    /* One step of 10^−7 degrees is 1.1 cm. */
    assert_int_equal(place_distance_m(0, place_pack(1, 0)), 0);
    assert_int_equal(place_distance_m(0, place_pack(90, 0)), 1);
}

/* Decisions are repeated on other machines. */
static void distances_are_the_same_everywhere(void **unused) {
    (void)unused;
    const int64_t berlin = place_of(52.5200066, 13.404954);
    const int64_t sydney = place_of(-33.8688197, 151.2092955);
    const int64_t new_york = place_of(40.7127753, -74.0059728);
    assert_int_equal(place_distance_m(berlin, sydney), 16094526);
    assert_int_equal(place_distance_m(berlin, new_york), 6385010);
    assert_int_equal(place_distance_m(sydney, new_york), 15988781);
    uint64_t sum = 0;
    struct chance chance = {.state = 1};
    for (int i = 0; i < 10000; i++) {
        int64_t a = random_place(&chance), b = random_place(&chance);
        sum = sum * 31 + (uint64_t)place_distance_m(a, b);
    }
    assert_int_equal(sum, UINT64_C(0x1708833057aad10f));
}

/* What no transaction has, but damaged bytes may. */
static void places_that_there_are_not_have_a_distance(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    for (int64_t left = chance_steps(20000); left > 0; left--) {
        int64_t distance_m =
            place_distance_m((int64_t)chance_next(&chance), (int64_t)chance_next(&chance));
        assert_true(distance_m >= 0 && distance_m <= HALFWAY);
    }
    assert_int_equal(place_distance_m(INT64_MIN, INT64_MIN), 0);
}

static void speeds_are_rounded_to_tenths(void **unused) {
    (void)unused;
    assert_int_equal(place_speed_tenths(1000, 3600 * SECOND), 10); /* 1 km/h */
    assert_int_equal(place_speed_tenths(100, 9580000), 376);       /* 37.578 km/h */
    assert_int_equal(place_speed_tenths(5, 360 * SECOND), 1);      /* 0.05: up */
    assert_int_equal(place_speed_tenths(5, 360 * SECOND + 1), 0);  /* just below */
    assert_int_equal(place_speed_tenths(0, 0), 0);
    assert_int_equal(place_speed_tenths(100, 0), 3600); /* as in one second */
    assert_int_equal(place_speed_tenths(100, SECOND - 1), 3600);
    assert_int_equal(place_speed_tenths(100, SECOND), 3600);
    assert_int_equal(place_speed_tenths(100, 2 * SECOND), 1800);
    assert_int_equal(place_speed_tenths(HALFWAY, 0), INT64_C(720544104));
    assert_int_equal(place_speed_tenths(HALFWAY, UINT64_C(1) << 62), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_those_of_the_haversine_formula),
        cmocka_unit_test(where_a_distance_is_known_it_is_that),
        cmocka_unit_test(distances_are_the_same_everywhere),
        cmocka_unit_test(places_that_there_are_not_have_a_distance),
        cmocka_unit_test(speeds_are_rounded_to_tenths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
