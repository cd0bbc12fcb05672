/* What is asked for is there soon, without its user having touched it; what is forgotten is let
 * alone from then on. And the loop's turns. */
#include "core/base/check.h"
#include "server/adopt/prefault.h"
#include "server/ops/cpu_affinity.h"

#include "tests/unit/unit.h"

#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SIZE  ((size_t)2 << 20)
#define TRIES 60000 /* of 2 ms and more: catches a hang only */

static uint8_t *map(void) {
    void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    return memory;
}

static bool is_there(uint8_t *memory) {
    unsigned char present[SIZE / 4096]; /* no machine has smaller pages */
    size_t pages = SIZE / (size_t)sysconf(_SC_PAGESIZE);
    assert_int_equal(mincore(memory, SIZE, present), 0);
    for (size_t i = 0; i < pages; i++)
        if (!(present[i] & 1))
            return false;
    return true;
}

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void what_is_asked_for_is_there_soon(void **state) {
    (void)state;
    struct prefault prefault;
    prefault_start(&prefault);
    uint8_t *memory = map();
    assert_false(is_there(memory));
    int tries = 0;
    for (; !is_there(memory) && tries < TRIES; tries++) {
        prefault.prefault.prepare(&prefault.prefault, memory, SIZE);
        pause_ms(2);
    }
    assert_true(tries < TRIES);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(memory[i], 0);
    prefault.prefault.forget(&prefault.prefault, memory, SIZE);
    munmap(memory, SIZE);
    prefault_stop(&prefault);
}

/* Many at a time, more than are kept, and gone at once: were one of them touched after it has been
 * forgotten, the process would end there. */
static void what_is_forgotten_is_let_alone(void **state) {
    (void)state;
    enum { COUNT = 3 * PREFAULT_MAX, ROUNDS = 20 };
    struct prefault prefault;
    prefault_start(&prefault);
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t *memory[COUNT];
        for (size_t i = 0; i < COUNT; i++) {
            memory[i] = map();
            prefault.prefault.prepare(&prefault.prefault, memory[i], SIZE);
        }
        for (size_t i = 0; i < COUNT; i++) {
            size_t n = (i + (size_t)round) % COUNT;
            prefault.prefault.forget(&prefault.prefault, memory[n], SIZE);
            assert_int_equal(munmap(memory[n], SIZE), 0);
        }
    }
    assert_int_equal(prefault.count, 0);
    prefault_stop(&prefault);
}

/* Others keep their places when one is forgotten. */
static void others_are_not_forgotten(void **state) {
    (void)state;
    struct prefault prefault;
    prefault_start(&prefault);
    for (int round = 0; round < 20; round++) {
        uint8_t *gone = map(), *kept = map();
        int tries = 0;
        for (; !is_there(kept) && tries < TRIES; tries++) {
            prefault.prefault.prepare(&prefault.prefault, gone, SIZE);
            prefault.prefault.prepare(&prefault.prefault, kept, SIZE);
            prefault.prefault.forget(&prefault.prefault, gone, SIZE);
            pause_ms(2);
        }
        assert_true(tries < TRIES);
        prefault.prefault.forget(&prefault.prefault, kept, SIZE);
        munmap(gone, SIZE);
        munmap(kept, SIZE);
    }
    prefault_stop(&prefault);
}

/* ---- turns ---- */

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

static struct attributes own_attributes(void) {
    struct attributes own = {.size = sizeof own};
    assert_int_equal(syscall(SYS_sched_getattr, 0, &own, sizeof own, 0), 0);
    return own;
}

/* Kernels that know no turns of one's own say 0, before and after. */
static void turns_are_short(void **state) {
    (void)state;
    struct attributes before = own_attributes();
    if (before.policy != SCHED_OTHER)
        skip();
    cpu_affinity_hasten();
    struct attributes after = own_attributes();
    assert_int_equal(after.nice, before.nice);
    assert_int_equal(after.policy, before.policy);
    if (before.runtime_ns == 0 || after.runtime_ns == before.runtime_ns)
        skip(); /* this kernel has none, or somebody does not let us */
    assert_int_equal(after.runtime_ns, 100000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_is_there_soon),
        cmocka_unit_test(what_is_forgotten_is_let_alone),
        cmocka_unit_test(others_are_not_forgotten),
        cmocka_unit_test(turns_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
