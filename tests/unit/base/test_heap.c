/* A heap against what its caller wrote: blocks keep their bytes, never overlap, and what was freed
 * is used again. */
#include "core/base/heap.h"

#include "core/base/check.h"

#include "tests/unit/unit.h"

#include <stdlib.h>

/* Extents from malloc(), which the test frees. */
struct extents {
    struct heap_source source; /* first */
    void *extents[1000];
    size_t count;
};

static void *give(struct heap_source *self) {
    struct extents *extents = (struct extents *)self;
    check(extents->count < 1000);
    void *extent = aligned_alloc(HEAP_EXTENT_SIZE, HEAP_EXTENT_SIZE);
    check(extent);
    memset(extent, 0xa5, HEAP_EXTENT_SIZE); /* nobody may count on zeros */
    return extents->extents[extents->count++] = extent;
}

static void end(struct extents *extents) {
    for (size_t i = 0; i < extents->count; i++)
        free(extents->extents[i]);
}

struct block {
    uint8_t *bytes;
    size_t size;
    uint8_t mark;
};

static void expect_marked(const struct block *block, size_t size) {
    for (size_t i = 0; i < size; i++)
        assert_int_equal(block->bytes[i], block->mark);
}

static void resize(struct heap *heap, struct block *block, size_t size, uint8_t mark) {
    size_t kept = size < block->size ? size : block->size;
    block->bytes = heap_resize(heap, block->bytes, block->size, size);
    assert_int_equal((uintptr_t)block->bytes % 16, 0);
    expect_marked(block, kept);
    memset(block->bytes, mark, size);
    block->size = size;
    block->mark = mark;
}

static uint64_t draw(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

static size_t random_size(uint64_t *seed) {
    uint64_t bits = draw(seed);
    switch (bits % 16) {
    case 0:
        return draw(seed) % (2 * HEAP_BLOCK_MAX);
    case 1:
    case 2:
        return draw(seed) % 4000;
    default:
        return draw(seed) % 300;
    }
}

#define BLOCKS 500

static void blocks_keep_their_bytes(void **state) {
    (void)state;
    struct extents extents = {.source = {.extent = give}};
    struct heap heap;
    static struct block blocks[BLOCKS];
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    heap_init(&heap, &extents.source);
    for (size_t step = 0; step < 200000; step++) {
        struct block *block = &blocks[draw(&seed) % BLOCKS];
        if (block->bytes && draw(&seed) % 3 == 0) {
            expect_marked(block, block->size);
            heap_free(&heap, block->bytes, block->size);
            *block = (struct block){0};
        } else {
            resize(&heap, block, random_size(&seed), (uint8_t)step);
        }
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        expect_marked(&blocks[i], blocks[i].size);
        heap_free(&heap, blocks[i].bytes, blocks[i].size);
        blocks[i] = (struct block){0};
    }
    /* All is free, and united: the longest blocks fit into what there is. */
    size_t extent_count = extents.count, blocks_an_extent = HEAP_EXTENT_SIZE / HEAP_BLOCK_MAX - 1;
    for (size_t i = 0; i < extent_count * blocks_an_extent; i++)
        assert_non_null(heap_alloc(&heap, HEAP_BLOCK_MAX));
    assert_int_equal(extents.count, extent_count);
    end(&extents);
}

/* Many that grow a little, one after the other, as states do: most of what they leave is used. */
static void growing_wastes_little(void **state) {
    (void)state;
    enum { COUNT = 20000, STEP = 48, LAST = 10 };
    struct extents extents = {.source = {.extent = give}};
    struct heap heap;
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    struct block *blocks = calloc(COUNT, sizeof *blocks);
    size_t wanted = 0;
    heap_init(&heap, &extents.source);
    for (size_t i = 0; i < COUNT * LAST / 2; i++) {
        struct block *block = &blocks[draw(&seed) % COUNT];
        resize(&heap, block, block->size + STEP + 8 * (block->size == 0), (uint8_t)i);
        wanted += STEP;
    }
    assert_true(extents.count * HEAP_EXTENT_SIZE < wanted + wanted / 3);
    free(blocks);
    end(&extents);
}

static void extents_name_their_heap(void **state) {
    (void)state;
    struct extents extents = {.source = {.extent = give}};
    struct heap heaps[2];
    for (size_t i = 0; i < 2; i++)
        heap_init(&heaps[i], &extents.source);
    for (size_t i = 0; i < 2000; i++) {
        assert_ptr_equal(heap_of(heap_alloc(&heaps[i % 2], 1000)), &heaps[i % 2]);
        if (i % 500 == 0) {
            uint8_t *extent = heap_extent(&heaps[i % 2]);
            assert_ptr_equal(heap_of(extent + HEAP_EXTENT_SIZE - 1), &heaps[i % 2]);
        }
    }
    heap_free(&heaps[0], NULL, 0);
    end(&extents);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_keep_their_bytes),
        cmocka_unit_test(growing_wastes_little),
        cmocka_unit_test(extents_name_their_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
