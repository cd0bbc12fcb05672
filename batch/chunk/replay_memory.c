/* An extent serves many states, so the lock is rarely taken. */
#include "replay_memory.h"

#include "core/base/check.h"
#include "core/base/pages.h"

#include <pthread.h>
#include <stdlib.h>

struct replay_memory {
    struct heap_source source; /* first */
    pthread_mutex_t lock;      /* of the pieces that extents are cut from */
    struct pages pages;
};

static void *next_extent(struct heap_source *self) {
    struct replay_memory *memory = (struct replay_memory *)self;
    struct heap_source *pages = &memory->pages.source;
    pthread_mutex_lock(&memory->lock);
    void *extent = pages->extent(pages);
    pthread_mutex_unlock(&memory->lock);
    return extent;
}

struct replay_memory *replay_memory_new(void) {
    struct replay_memory *memory = check_calloc(1, sizeof *memory);
    memory->source = (struct heap_source){.extent = next_extent};
    check(pthread_mutex_init(&memory->lock, NULL) == 0);
    pages_init(&memory->pages, 0);
    return memory;
}

void replay_memory_free(struct replay_memory *memory) {
    pages_deinit(&memory->pages);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

struct heap_source *replay_memory_source(struct replay_memory *memory) {
    return &memory->source;
}
