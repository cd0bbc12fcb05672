#include "pages.h"

#include "check.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* pages_touch() is beside whoever uses the memory, by design: ThreadSanitizer need not tell. */
#if defined(__has_attribute) && defined(__clang__)
#if __has_attribute(disable_sanitizer_instrumentation) /* no_sanitize leaves atomics to it */
#define MEANT_TO_RACE __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef MEANT_TO_RACE
#define MEANT_TO_RACE __attribute__((no_sanitize("thread")))
#endif

/* LeakSanitizer looks for pointers in what malloc() gave, and states have some: surveys. */
#ifdef __has_feature
#define has_feature(name) __has_feature(name)
#else
#define has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define note_mapped(memory, size)   __lsan_register_root_region(memory, size)
#define note_unmapped(memory, size) __lsan_unregister_root_region(memory, size)
#else
#define note_mapped(memory, size)   ((void)(memory), (void)(size))
#define note_unmapped(memory, size) ((void)(memory), (void)(size))
#endif

/* What is asked for at once: a quarter of what there is, and at least this. Of a piece only what
 * has been touched takes memory. */
#define PIECE_BYTES ((size_t)64 << 20)
#define SMALL_BYTES 4096 /* or more, on some machines */

_Static_assert(PIECE_BYTES % PAGES_HUGE == 0 && PAGES_HUGE % HEAP_EXTENT_SIZE == 0,
               "extents fill huge pages, and those pieces");
_Static_assert(PAGES_SMALL % HEAP_EXTENT_SIZE == 0, "and small ones");

struct pages_piece {
    uint8_t *memory;
    size_t size;
};

/* At a whole multiple of a huge page: that much more is asked for, and what is beside it given
 * back. Without the advice it is only slower, or larger. NULL: there is not so much. */
static uint8_t *try_map(size_t size, int advice) {
    uint8_t *memory = mmap(NULL, size + PAGES_HUGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)memory & (PAGES_HUGE - 1);
    if (before > 0)
        munmap(memory, before);
    munmap(memory + before + size, PAGES_HUGE - before);
    madvise(memory + before, size, advice);
    note_mapped(memory + before, size);
    return memory + before;
}

static uint8_t *map(size_t size, int advice) {
    uint8_t *memory = try_map(size, advice);
    if (!memory)
        check_exhausted("memory for the states of entities");
    return memory;
}

static void unmap(void *memory, size_t size) {
    note_unmapped(memory, size);
    munmap(memory, size);
}

/* A write that leaves a byte as it is, also beside somebody who writes it: where it is zero, as in
 * a page that nobody had, it becomes zero. (MADV_POPULATE_WRITE would do, but it holds the lock of
 * all of the process's memory, maybe for long: whoever does this is in no hurry. A fault holds that
 * of one piece.) To C it is a data race, as the others' accesses are plain ones; to the processors
 * we run on it is whole, and neither loses nor tears what they write. */
MEANT_TO_RACE void pages_touch(void *memory, size_t size) {
    for (uint8_t *at = memory, *end = at + size; at < end; at += SMALL_BYTES) {
        uint8_t zero = 0;
        __atomic_compare_exchange_n(at, &zero, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
}

static void add_piece(struct pages *pages) {
    bool is_small = pages->piece_count == 0 && pages->small > 0;
    size_t quarter = pages->mapped / 4 & ~(PAGES_HUGE - 1);
    struct pages_piece piece = {.size = is_small ? pages->small : PIECE_BYTES};
    if (!is_small && quarter > PIECE_BYTES) { /* which may be more than there is to be had */
        piece.memory = try_map(quarter, MADV_HUGEPAGE);
        piece.size = piece.memory ? quarter : PIECE_BYTES;
    }
    if (!piece.memory)
        piece.memory = map(piece.size, is_small ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    pages->pieces =
        check_reallocarray(pages->pieces, pages->piece_count + 1, sizeof *pages->pieces);
    pages->pieces[pages->piece_count++] = piece;
    pages->mapped += piece.size;
}

/* A huge page, of the last piece: pieces are added one by one. */
static void prepare_page(struct pages *pages) {
    if (pages->prepared == pages->mapped)
        add_piece(pages);
    const struct pages_piece *last = &pages->pieces[pages->piece_count - 1];
    uint8_t *end = last->memory + last->size;
    pages->prefault->prepare(pages->prefault, end - (pages->mapped - pages->prepared), PAGES_HUGE);
    pages->prepared += PAGES_HUGE;
}

/* What the extents have come to themselves is no longer ahead. */
static void prefault_next(struct pages *pages) {
    size_t wanted = pages->taken / 8;
    if (wanted > PAGES_PREFAULT_MAX)
        wanted = PAGES_PREFAULT_MAX;
    if (pages->taken + wanted <= pages->small)
        return; /* small pages are cheap, and whoever has little keeps to them */
    size_t come_to = (pages->taken + PAGES_HUGE - 1) & ~(PAGES_HUGE - 1);
    if (pages->prepared < come_to)
        pages->prepared = come_to;
    while (pages->prepared < pages->taken + wanted)
        prepare_page(pages);
}

static void *next_extent(struct heap_source *self) {
    struct pages *pages = (struct pages *)self;
    if (pages->taken == pages->mapped)
        add_piece(pages);
    if (pages->used == pages->pieces[pages->piece].size) {
        pages->piece++;
        pages->used = 0;
    }
    void *extent = pages->pieces[pages->piece].memory + pages->used;
    pages->used += HEAP_EXTENT_SIZE;
    pages->taken += HEAP_EXTENT_SIZE;
    if (pages->prefault)
        prefault_next(pages);
    return extent;
}

void pages_init(struct pages *pages, size_t small) {
    check(small == 0 || small == PAGES_SMALL);
    *pages = (struct pages){.source = {.extent = next_extent}, .small = small};
}

void pages_use_prefault(struct pages *pages, struct pages_prefault *prefault) {
    for (size_t i = 0; i < pages->piece_count && pages->prefault; i++)
        pages->prefault->forget(pages->prefault, pages->pieces[i].memory, pages->pieces[i].size);
    pages->prefault = prefault;
}

void pages_deinit(struct pages *pages) {
    pages_use_prefault(pages, NULL);
    for (size_t i = 0; i < pages->piece_count; i++)
        unmap(pages->pieces[i].memory, pages->pieces[i].size);
    free(pages->pieces);
    *pages = (struct pages){0};
}

void *pages_map(size_t size) {
    check(size % PAGES_HUGE == 0);
    return map(size, MADV_HUGEPAGE);
}

void pages_unmap(void *memory, size_t size) {
    unmap(memory, size);
}
