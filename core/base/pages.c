/* Memory is mapped in pieces, with MAP_NORESERVE and aligned to huge pages; extents are cut from
 * them in order. `prepared` runs ahead of `taken` when a prefault thread is in use. */
#include "pages.h"

#include "check.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* pages_touch() races with the users of the memory by design: ThreadSanitizer must not report it.
 */
#if defined(__has_attribute) && defined(__clang__)
#if __has_attribute(disable_sanitizer_instrumentation) /* no_sanitize leaves atomics to it */
#define MEANT_TO_RACE __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef MEANT_TO_RACE
#define MEANT_TO_RACE __attribute__((no_sanitize("thread")))
#endif

/* LeakSanitizer looks for pointers only in memory from malloc(), and states here have some. */
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

/* Mapped at once: a quarter of what there is, and at least this. Only what is touched takes memory.
 */
#define PIECE_BYTES ((size_t)64 << 20)
#define SMALL_BYTES 4096 /* or more, on some machines */

_Static_assert(PIECE_BYTES % PAGES_HUGE == 0 && PAGES_HUGE % HEAP_EXTENT_SIZE == 0,
               "extents fill huge pages, and those pieces");
_Static_assert(PAGES_SMALL % HEAP_EXTENT_SIZE == 0, "and small ones");

struct pages_piece {
    uint8_t *memory;
    size_t size;
};

/* Aligned to a huge page: maps one more and unmaps the rest. If the advice fails, memory is only
 * slower, or larger. NULL: there is not enough address space. */
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

/* A write that does not change the byte, also while another thread writes it: a byte that is zero,
 * as in an untouched page, becomes zero. (MADV_POPULATE_WRITE would do as well, but holds the lock
 * of the whole address space, possibly for long; a page fault holds that of one mapping.) In C this
 * is a data race, since the other accesses are not atomic; on the processors that we support it
 * neither loses nor tears their writes. */
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

/* Announces the next huge page, which is in the last piece: pieces are added one at a time. */
static void prepare_page(struct pages *pages) {
    if (pages->prepared == pages->mapped)
        add_piece(pages);
    const struct pages_piece *last = &pages->pieces[pages->piece_count - 1];
    uint8_t *end = last->memory + last->size;
    pages->prefault->prepare(pages->prefault, end - (pages->mapped - pages->prepared), PAGES_HUGE);
    pages->prepared += PAGES_HUGE;
}

/* Pages that extents have reached need no announcement. */
static void prefault_next(struct pages *pages) {
    size_t wanted = pages->taken / 8;
    if (wanted > PAGES_PREFAULT_MAX)
        wanted = PAGES_PREFAULT_MAX;
    if (pages->taken + wanted <= pages->small)
        return; /* small pages are cheap, and a small process stays with them */
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
