#include "replay_memory.h"

#include "core/base/check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* LeakSanitizer looks for pointers in what malloc() gave, and these states have some: surveys. */
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define note_mapped(memory, size)   __lsan_register_root_region(memory, size)
#define note_unmapped(memory, size) __lsan_unregister_root_region(memory, size)
#else
#define note_mapped(memory, size)   ((void)(memory), (void)(size))
#define note_unmapped(memory, size) ((void)(memory), (void)(size))
#endif

/* What is asked for at once. Of a piece only what has been touched takes memory. */
#define PIECE_BYTES ((size_t)64 << 20)
#define HUGE_BYTES  ((size_t)2 << 20)

_Static_assert(PIECE_BYTES % HUGE_BYTES == 0 && HUGE_BYTES % HEAP_EXTENT_SIZE == 0,
               "extents fill huge pages, and those pieces");

_Static_assert(HEAP_TABLE_MIN % HUGE_BYTES == 0, "so do tables");

struct replay_memory {
    struct heap_source source; /* first */
    pthread_mutex_t lock;
    void **pieces; /* [piece_count] */
    size_t piece_count;
    size_t used; /* of the last piece */
};

/* At a whole multiple of a huge page: that much more is asked for, and what is beside it given
 * back. */
static void *new_piece(size_t size) {
    uint8_t *memory = mmap(NULL, size + HUGE_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        check_exhausted("memory for the states of entities");
    size_t before = -(uintptr_t)memory & (HUGE_BYTES - 1);
    if (before > 0)
        munmap(memory, before);
    munmap(memory + before + size, HUGE_BYTES - before);
    madvise(memory + before, size, MADV_HUGEPAGE); /* without, it is only slower */
    note_mapped(memory + before, size);
    return memory + before;
}

static void free_piece(void *piece, size_t size) {
    note_unmapped(piece, size);
    munmap(piece, size);
}

/* Under the lock. */
static void add_piece(struct replay_memory *memory) {
    memory->pieces =
        check_reallocarray(memory->pieces, memory->piece_count + 1, sizeof *memory->pieces);
    memory->pieces[memory->piece_count++] = new_piece(PIECE_BYTES);
    memory->used = 0;
}

static void *next_extent(struct heap_source *self) {
    struct replay_memory *memory = (struct replay_memory *)self;
    pthread_mutex_lock(&memory->lock);
    if (memory->piece_count == 0 || memory->used == PIECE_BYTES)
        add_piece(memory);
    void *extent = (uint8_t *)memory->pieces[memory->piece_count - 1] + memory->used;
    memory->used += HEAP_EXTENT_SIZE;
    pthread_mutex_unlock(&memory->lock);
    return extent;
}

static void *resize_table(struct heap_source *self, void *table, size_t size, size_t wanted) {
    (void)self;
    void *moved = wanted > 0 ? new_piece(wanted) : NULL;
    if (moved && size > 0)
        memcpy(moved, table, size < wanted ? size : wanted);
    if (size > 0)
        free_piece(table, size);
    return moved;
}

struct replay_memory *replay_memory_new(void) {
    struct replay_memory *memory = check_calloc(1, sizeof *memory);
    memory->source = (struct heap_source){.extent = next_extent, .table = resize_table};
    check(pthread_mutex_init(&memory->lock, NULL) == 0);
    return memory;
}

void replay_memory_free(struct replay_memory *memory) {
    for (size_t i = 0; i < memory->piece_count; i++)
        free_piece(memory->pieces[i], PIECE_BYTES);
    free(memory->pieces);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

struct heap_source *replay_memory_source(struct replay_memory *memory) {
    return &memory->source;
}
