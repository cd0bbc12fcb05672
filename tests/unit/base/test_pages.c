/* Pages: extents do not overlap, are whole and zero, in whatever order they are used; what is
 * announced to the prefault thread is what comes next, no more than was promised, and is withdrawn
 * before it is unmapped. */
#include "core/base/pages.h"

#include "core/base/check.h"

#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE ((size_t)2 << 20)
#define MANY 2000 /* extents: half a GiB, of which nothing is touched */
#define SOME 300

/* Writes down what it is asked for. */
struct asked {
    struct pages_prefault ahead; /* first */
    uint8_t *pages[MANY];
    size_t count, forgotten;
};

static void prepare(struct pages_prefault *self, void *memory, size_t size) {
    struct asked *asked = (struct asked *)self;
    assert_int_equal(size, HUGE);
    assert_int_equal((uintptr_t)memory % HUGE, 0);
    assert_true(asked->count < MANY);
    for (size_t i = 0; i < asked->count; i++)
        assert_ptr_not_equal(asked->pages[i], memory);
    asked->pages[asked->count++] = memory;
}

static void forget(struct pages_prefault *self, const void *memory, size_t size) {
    struct asked *asked = (struct asked *)self;
    unsigned char is_there;
    assert_int_equal(mincore((void *)(uintptr_t)memory, 1, &is_there), 0); /* still mapped */
    asked->forgotten += size;
}

static size_t pages_ahead_of(const struct asked *asked, uint8_t *const *extents, size_t given) {
    size_t ahead = 0;
    for (size_t i = 0; i < asked->count; i++) {
        bool is_used = false;
        for (size_t e = 0; e < given && !is_used; e++)
            is_used = extents[e] >= asked->pages[i] && extents[e] < asked->pages[i] + HUGE;
        ahead += !is_used;
    }
    return ahead;
}

static bool was_asked(const struct asked *asked, const uint8_t *extent) {
    for (size_t i = 0; i < asked->count; i++)
        if (extent >= asked->pages[i] && extent < asked->pages[i] + HUGE)
            return true;
    return false;
}

static int compare(const void *a, const void *b) {
    uintptr_t left = *(const uintptr_t *)a, right = *(const uintptr_t *)b;
    return (left > right) - (left < right);
}

static void expect_apart(uint8_t **extents, size_t count) {
    qsort(extents, count, sizeof *extents, compare);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal((uintptr_t)extents[i] % HEAP_EXTENT_SIZE, 0);
        if (i > 0)
            assert_true(extents[i - 1] + HEAP_EXTENT_SIZE <= extents[i]);
    }
}

static void what_comes_next_is_prepared(void **state) {
    (void)state;
    static uint8_t *extents[MANY];
    static struct asked asked;
    asked.ahead = (struct pages_prefault){.prepare = prepare, .forget = forget};
    struct pages pages;
    pages_init(&pages, PAGES_SMALL);
    pages_use_prefault(&pages, &asked.ahead);
    for (size_t i = 0; i < MANY; i++) {
        size_t taken = i * HEAP_EXTENT_SIZE;
        size_t most = (taken + HEAP_EXTENT_SIZE) / 8;
        bool was_known;
        extents[i] = pages.source.extent(&pages.source);
        was_known = was_asked(&asked, extents[i]);
        if (taken >= PAGES_SMALL)
            assert_true(was_known);
        else
            assert_false(was_known); /* small pages */
        if (taken < PAGES_SMALL * 3 / 4)
            assert_int_equal(asked.count, 0);
        if (most > PAGES_PREFAULT_MAX)
            most = PAGES_PREFAULT_MAX;
        if (i % 50 == 0)
            assert_true(pages_ahead_of(&asked, extents, i + 1) * HUGE < most + HUGE);
    }
    assert_true(pages_ahead_of(&asked, extents, MANY) * HUGE >= PAGES_PREFAULT_MAX);
    size_t mapped = pages.mapped;
    expect_apart(extents, MANY);
    pages_deinit(&pages);
    assert_int_equal(asked.forgotten, mapped);
}

/* The same without anybody who prepares, and without small ones. */
static void extents_are_apart(void **state) {
    (void)state;
    static uint8_t *extents[MANY];
    struct pages pages;
    pages_init(&pages, 0);
    for (size_t i = 0; i < SOME; i++) {
        extents[i] = pages.source.extent(&pages.source);
        assert_int_equal(extents[i][i % HEAP_EXTENT_SIZE], 0);
        extents[i][i % HEAP_EXTENT_SIZE] = 1;
    }
    expect_apart(extents, SOME);
    pages_deinit(&pages);
}

/* ---- touching ---- */

static bool is_there(const uint8_t *page) {
    unsigned char present = 0;
    assert_int_equal(mincore((void *)(uintptr_t)page, 1, &present), 0);
    return present & 1;
}

static size_t page_size(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void touching_brings_pages(void **state) {
    (void)state;
    struct pages pages;
    pages_init(&pages, PAGES_SMALL);
    uint8_t *extent = pages.source.extent(&pages.source);
    for (size_t at = 0; at < HEAP_EXTENT_SIZE; at += page_size())
        assert_false(is_there(extent + at));
    pages_touch(extent, HEAP_EXTENT_SIZE);
    for (size_t at = 0; at < HEAP_EXTENT_SIZE; at += page_size())
        assert_true(is_there(extent + at));
    pages_deinit(&pages);
}

struct toucher {
    uint8_t *memory;
    atomic_bool stop;
};

static void *touch(void *user) {
    struct toucher *toucher = user;
    while (!atomic_load(&toucher->stop))
        pages_touch(toucher->memory, HEAP_EXTENT_SIZE);
    return NULL;
}

/* A thread that uses the memory meanwhile finds what it wrote. */
static void touching_changes_nothing(void **state) {
    (void)state;
    struct pages pages;
    pages_init(&pages, 0);
    struct toucher toucher = {.memory = pages.source.extent(&pages.source)};
    volatile uint8_t *bytes = toucher.memory;
    pthread_t thread;
    check(pthread_create(&thread, NULL, touch, &toucher) == 0);
    for (unsigned round = 0; round < 3000; round++)
        for (size_t at = 0; at < HEAP_EXTENT_SIZE; at += page_size()) {
            assert_int_equal(bytes[at], (uint8_t)(round ? (round - 1) % 3 : 0));
            bytes[at] = (uint8_t)(round % 3);
        }
    atomic_store(&toucher.stop, true);
    pthread_join(thread, NULL);
    pages_deinit(&pages);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_next_is_prepared),
        cmocka_unit_test(extents_are_apart),
        cmocka_unit_test(touching_brings_pages),
        cmocka_unit_test(touching_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
