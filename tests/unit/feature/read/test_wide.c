/* 256-bit integers, against identities and against remainders modulo a prime. */
#include "core/feature/read/wide.h"

#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <math.h>

static struct wide wide_of(int128 a) {
    return wide_product(a, 1);
}

static void assert_wide_equal(struct wide a, struct wide b) {
    assert_memory_equal(a.limbs, b.limbs, sizeof a.limbs);
}

/* Modulo 2^61 − 1. */
static uint64_t remainder_of(struct wide a) {
    const uint64_t prime = (UINT64_C(1) << 61) - 1;
    bool negative = wide_is_negative(&a);
    if (negative)
        a = wide_difference((struct wide){{0}}, a);
    uint128 rest = 0;
    for (int i = 3; i >= 0; i--)
        rest = ((rest << 64) + a.limbs[i]) % prime;
    return (uint64_t)(negative && rest ? prime - rest : rest);
}

static int128 random_128(struct chance *chance) {
    int128 a = (int128)((uint128)chance_next(chance) << 64 | chance_next(chance));
    return a >> chance_below(chance, 127);
}

static void products_are_right_modulo_a_prime(void **unused) {
    (void)unused;
    const uint64_t prime = (UINT64_C(1) << 61) - 1;
    struct chance chance = {.state = chance_seed()};
    for (int i = 0; i < 20000; i++) {
        int128 a = random_128(&chance), b = random_128(&chance);
        uint128 expected = (uint128)remainder_of(wide_of(a)) * remainder_of(wide_of(b)) % prime;
        assert_true(remainder_of(wide_product(a, b)) == (uint64_t)expected);
        assert_wide_equal(wide_product(a, b), wide_product(b, a));
        assert_wide_equal(wide_difference(wide_sum(wide_of(a), wide_of(b)), wide_of(b)),
                          wide_of(a));
        struct wide product = wide_product(a, b);
        assert_int_equal(wide_is_negative(&product), a != 0 && b != 0 && (a < 0) != (b < 0));
        /* (a + b)² − (a − b)² = 4ab, where nothing overflows */
        a >>= 2;
        b >>= 2;
        struct wide squares =
            wide_difference(wide_product(a + b, a + b), wide_product(a - b, a - b));
        assert_wide_equal(squares, wide_product(4 * a, b));
    }
}

static void the_widest_product(void **unused) {
    (void)unused;
    int128 least = (int128)((uint128)1 << 127);
    assert_wide_equal(wide_product(least, least), (struct wide){{0, 0, 0, UINT64_C(1) << 62}});
    assert_wide_equal(wide_shift_limb(wide_of(-1)),
                      (struct wide){{0, UINT64_MAX, UINT64_MAX, UINT64_MAX}});
}

static void doubles_are_the_nearest(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    for (int i = 0; i < 20000; i++) {
        int128 a = random_128(&chance);
        assert_true(wide_to_double(wide_of(a)) == (double)a); /* the compiler's own rounding */
        /* A power of two changes nothing but the exponent. */
        assert_true(wide_to_double(wide_shift_limb(wide_of(a))) == ldexp((double)a, 64));
    }
    assert_true(wide_to_double((struct wide){{0}}) == 0);
    /* A tie goes to even, unless the last bit of all breaks it. */
    struct wide tie = wide_product((int128)1 << 120, ((int128)1 << 53) + 1);
    assert_true(wide_to_double(tie) == 0x1p173);
    assert_true(wide_to_double(wide_sum(tie, wide_of(1))) == 0x1.0000000000001p173);
    assert_true(wide_to_double(wide_difference(wide_of(-1), tie)) == -0x1.0000000000001p173);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_right_modulo_a_prime),
        cmocka_unit_test(the_widest_product),
        cmocka_unit_test(doubles_are_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
