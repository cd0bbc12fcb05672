/* The heap of outcomes against a plain search for the least. */
#include "batch/base/outcome_delay.h"
#include "core/base/text.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define STEPS 20000

static uint64_t next_random(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* The index of the one that is to come next; count when none is due. */
static size_t least(const struct delayed_outcome *outcomes, size_t count, int64_t until_us) {
    size_t best = count;
    for (size_t i = 0; i < count; i++)
        if (outcomes[i].time_us <= until_us &&
            (best == count || outcomes[i].time_us < outcomes[best].time_us))
            best = i; /* of equal times the first that came stays */
    return best;
}

static void as_a_plain_search(void **state) {
    (void)state;
    static struct delayed_outcome plain[STEPS];
    size_t count = 0;
    static uint64_t numbers[STEPS]; /* by the step that added it */
    uint64_t added = 0, withdrawn = 0;
    uint64_t random = 1;
    struct outcome_delay delay;
    outcome_delay_init(&delay);
    for (unsigned step = 0; step < STEPS; step++) {
        int64_t time_us = (int64_t)(next_random(&random) % 64);
        if (next_random(&random) % 2) {
            char id[16];
            snprintf(id, sizeof id, "t%u", step);
            assert_int_equal(outcome_delay_add(&delay, text_of(id), LABEL_FRAUD, time_us, step),
                             added++);
            plain[count++] = (struct delayed_outcome){.time_us = time_us, .number = step};
            numbers[step] = added - 1;
            continue;
        }
        if (count > 0 && next_random(&random) % 4 == 0) {
            size_t at = next_random(&random) % count;
            outcome_delay_withdraw(&delay, numbers[plain[at].number]);
            memmove(&plain[at], &plain[at + 1], (--count - at) * sizeof *plain);
            withdrawn++;
            continue;
        }
        struct delayed_outcome taken;
        size_t expected = least(plain, count, time_us);
        assert_int_equal(outcome_delay_take(&delay, time_us, &taken), expected < count);
        if (expected == count)
            continue;
        char id[16];
        snprintf(id, sizeof id, "t%u", (unsigned)plain[expected].number);
        assert_string_equal(taken.id, id);
        assert_int_equal(taken.time_us, plain[expected].time_us);
        assert_int_equal(taken.label, LABEL_FRAUD);
        assert_int_equal(taken.line, plain[expected].number);
        free(taken.id);
        memmove(&plain[expected], &plain[expected + 1], (--count - expected) * sizeof *plain);
    }
    assert_int_equal(outcome_delay_waiting(&delay), count);
    assert_true(count > 0); /* what is left is freed */
    assert_true(withdrawn > 1000);
    outcome_delay_deinit(&delay);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_a_plain_search)};
    return cmocka_run_group_tests_name("due", tests, NULL, NULL);
}
