#include "outlet.h"

#include "core/base/check.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define BLOCK_BYTES ((size_t)256 << 10)
#define WAIT_NS     100000000

struct outlet {
    size_t limit_bytes;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    size_t current;             /* the source whose turn it is */
    size_t waiting_bytes;       /* of all sources */
    struct outlet_block *spare; /* of the usual size: memory that was used is cheaper than new */
    struct source {
        struct outlet_block *first, *last;
        size_t waiting_bytes;
        bool ended;
    } * sources;
    size_t source_count;
};

struct outlet *outlet_new(size_t sources, size_t limit_bytes) {
    struct outlet *outlet = check_calloc(1, sizeof *outlet);
    outlet->limit_bytes = limit_bytes;
    outlet->sources = check_calloc(sources, sizeof *outlet->sources);
    outlet->source_count = sources;
    pthread_condattr_t clock;
    check(pthread_condattr_init(&clock) == 0);
    check(pthread_condattr_setclock(&clock, CLOCK_MONOTONIC) == 0);
    check(pthread_mutex_init(&outlet->lock, NULL) == 0);
    check(pthread_cond_init(&outlet->changed, &clock) == 0);
    pthread_condattr_destroy(&clock);
    return outlet;
}

static void free_blocks(struct outlet_block *block) {
    while (block) {
        struct outlet_block *next = block->next;
        free(block);
        block = next;
    }
}

void outlet_free(struct outlet *outlet) {
    if (!outlet)
        return;
    for (size_t i = 0; i < outlet->source_count; i++)
        free_blocks(outlet->sources[i].first);
    free_blocks(outlet->spare);
    pthread_cond_destroy(&outlet->changed);
    pthread_mutex_destroy(&outlet->lock);
    free(outlet->sources);
    free(outlet);
}

/* Until something changes, a tenth of a second at most. Under the lock. */
static void wait_a_little(struct outlet *outlet) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&outlet->changed, &outlet->lock, &until);
}

void outlet_begin(struct outlet_maker *maker, struct outlet *outlet, const struct crew *crew,
                  size_t source) {
    *maker = (struct outlet_maker){.outlet = outlet, .crew = crew, .source = source};
}

static bool has_room(const struct outlet *outlet, size_t source) {
    size_t waiting =
        source == outlet->current ? outlet->sources[source].waiting_bytes : outlet->waiting_bytes;
    return waiting < outlet->limit_bytes;
}

/* false: the crew was stopped. */
static bool push(struct outlet_maker *maker) {
    struct outlet *outlet = maker->outlet;
    struct outlet_block *block = maker->block;
    maker->block = NULL;
    if (!block)
        return true;
    pthread_mutex_lock(&outlet->lock);
    while (!has_room(outlet, maker->source) && !crew_is_stopped(maker->crew))
        wait_a_little(outlet);
    struct source *source = &outlet->sources[maker->source];
    if (source->last)
        source->last->next = block;
    else
        source->first = block;
    source->last = block;
    source->waiting_bytes += block->capacity;
    outlet->waiting_bytes += block->capacity;
    pthread_cond_broadcast(&outlet->changed);
    pthread_mutex_unlock(&outlet->lock);
    return !crew_is_stopped(maker->crew);
}

static struct outlet_block *new_block(struct outlet *outlet, size_t size) {
    size_t capacity = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    struct outlet_block *block = NULL;
    pthread_mutex_lock(&outlet->lock);
    if (capacity == BLOCK_BYTES && outlet->spare) {
        block = outlet->spare;
        outlet->spare = block->next;
    }
    pthread_mutex_unlock(&outlet->lock);
    if (!block)
        block = check_malloc(sizeof *block + capacity);
    *block = (struct outlet_block){.capacity = capacity};
    return block;
}

uint8_t *outlet_room(struct outlet_maker *maker, size_t size) {
    struct outlet_block *block = maker->block;
    if (block && size > block->capacity - block->length) {
        if (!push(maker))
            return NULL;
        block = NULL;
    }
    if (!block)
        block = maker->block = new_block(maker->outlet, size);
    uint8_t *room = block->bytes + block->length;
    block->length += size;
    return room;
}

void outlet_end(struct outlet_maker *maker) {
    push(maker);
    struct outlet *outlet = maker->outlet;
    pthread_mutex_lock(&outlet->lock);
    outlet->sources[maker->source].ended = true;
    pthread_cond_broadcast(&outlet->changed);
    pthread_mutex_unlock(&outlet->lock);
}

int outlet_take(struct outlet *outlet, size_t source, struct outlet_block **ret_block) {
    pthread_mutex_lock(&outlet->lock);
    struct source *from = &outlet->sources[source];
    if (outlet->current != source) {
        outlet->current = source;
        pthread_cond_broadcast(&outlet->changed);
    }
    if (!from->first && !from->ended)
        wait_a_little(outlet);
    int r = from->ended ? 0 : -1;
    struct outlet_block *block = from->first;
    if (block) {
        from->first = block->next;
        if (!from->first)
            from->last = NULL;
        from->waiting_bytes -= block->capacity;
        outlet->waiting_bytes -= block->capacity;
        pthread_cond_broadcast(&outlet->changed);
        *ret_block = block;
        r = 1;
    }
    pthread_mutex_unlock(&outlet->lock);
    return r;
}

void outlet_give_back(struct outlet *outlet, struct outlet_block *block) {
    if (block->capacity != BLOCK_BYTES) {
        free(block);
        return;
    }
    pthread_mutex_lock(&outlet->lock);
    block->next = outlet->spare;
    outlet->spare = block;
    pthread_mutex_unlock(&outlet->lock);
}
