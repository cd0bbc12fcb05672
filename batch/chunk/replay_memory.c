/* An extent serves many states, so the lock is rarely taken. */
#include "replay_memory.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "core/base/pages.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct replay_memory {
    pthread_mutex_t lock; /* of the pieces that extents are cut from */
    struct pages pages;
};

static void *new_extent(struct replay_memory *memory) {
    struct heap_source *pages = &memory->pages.source;
    pthread_mutex_lock(&memory->lock);
    void *extent = pages->extent(pages);
    pthread_mutex_unlock(&memory->lock);
    return extent;
}

struct replay_memory *replay_memory_new(void) {
    struct replay_memory *memory = check_calloc(1, sizeof *memory);
    lock_init(&memory->lock, LOCK_REPLAY_MEMORY);
    pages_init(&memory->pages, 0);
    return memory;
}

void replay_memory_free(struct replay_memory *memory) {
    pages_deinit(&memory->pages);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

/* As the first time, an extent is all zeros. */
static void *next_extent(struct heap_source *self) {
    struct replay_extents *extents = (struct replay_extents *)self;
    if (extents->used < extents->count)
        return memset(extents->list[extents->used++], 0, HEAP_EXTENT_SIZE);
    extents->list = check_reallocarray(extents->list, extents->count + 1, sizeof(*extents->list));
    extents->list[extents->count++] = new_extent(extents->memory);
    return extents->list[extents->used++];
}

void replay_extents_init(struct replay_extents *extents, struct replay_memory *memory) {
    *extents = (struct replay_extents){.source = {.extent = next_extent}, .memory = memory};
}

void replay_extents_deinit(struct replay_extents *extents) {
    free(extents->list);
}

void replay_extents_reset(struct replay_extents *extents) {
    extents->used = 0;
}
