/* A ring of pieces under a lock. A piece whose memory is about to be freed or moved must be
 * forgotten, and if it is being touched at that moment, its owner waits. */
#include "prefault.h"

#include "core/base/lock_order.h"

#include <sys/resource.h>
#include <unistd.h>

/* Only idle time: a thread that shares the core gets nearly all of it. */
#define PREFAULT_NICE 19

static struct prefault_piece take(struct prefault *prefault) {
    struct prefault_piece piece = prefault->waiting[prefault->first];
    prefault->first = (prefault->first + 1) % PREFAULT_MAX;
    prefault->count--;
    return piece;
}

static void *work(void *user) {
    struct prefault *prefault = user;
    setpriority(PRIO_PROCESS, (id_t)gettid(), PREFAULT_NICE);
    pthread_mutex_lock(&prefault->lock);
    for (;;) {
        while (prefault->count == 0 && !prefault->stopping)
            pthread_cond_wait(&prefault->wanted, &prefault->lock);
        if (prefault->stopping)
            break;
        prefault->under_way = take(prefault);
        pthread_mutex_unlock(&prefault->lock);
        pages_touch(prefault->under_way.memory, prefault->under_way.size);
        pthread_mutex_lock(&prefault->lock);
        prefault->under_way = (struct prefault_piece){0};
        pthread_cond_broadcast(&prefault->done);
    }
    pthread_mutex_unlock(&prefault->lock);
    return NULL;
}

/* Never waits: prefaulting is an optimisation, and the lock may be held by a thread that the caller
 * has just preempted. */
static void prepare(struct pages_prefault *self, void *memory, size_t size) {
    struct prefault *prefault = (struct prefault *)self;
    if (pthread_mutex_trylock(&prefault->lock) != 0)
        return;
    if (prefault->count == PREFAULT_MAX)
        take(prefault);
    prefault->waiting[(prefault->first + prefault->count) % PREFAULT_MAX] =
        (struct prefault_piece){.memory = memory, .size = size};
    prefault->count++;
    pthread_cond_signal(&prefault->wanted);
    pthread_mutex_unlock(&prefault->lock);
}

static bool meets(const struct prefault_piece *piece, const char *memory, size_t size) {
    const char *begin = piece->memory;
    return begin < memory + size && memory < begin + piece->size;
}

static void forget(struct pages_prefault *self, const void *memory, size_t size) {
    struct prefault *prefault = (struct prefault *)self;
    pthread_mutex_lock(&prefault->lock);
    for (size_t left = prefault->count; left > 0; left--) {
        struct prefault_piece piece = take(prefault);
        if (meets(&piece, memory, size))
            continue;
        prefault->waiting[(prefault->first + prefault->count) % PREFAULT_MAX] = piece;
        prefault->count++;
    }
    while (prefault->under_way.memory && meets(&prefault->under_way, memory, size))
        pthread_cond_wait(&prefault->done, &prefault->lock);
    pthread_mutex_unlock(&prefault->lock);
}

void prefault_start(struct prefault *prefault) {
    *prefault = (struct prefault){.prefault = {.prepare = prepare, .forget = forget}};
    lock_init(&prefault->lock, LOCK_PREFAULT);
    pthread_cond_init(&prefault->wanted, NULL);
    pthread_cond_init(&prefault->done, NULL);
    prefault->is_running = pthread_create(&prefault->thread, NULL, work, prefault) == 0;
}

void prefault_stop(struct prefault *prefault) {
    pthread_mutex_lock(&prefault->lock);
    prefault->stopping = true;
    pthread_cond_signal(&prefault->wanted);
    pthread_mutex_unlock(&prefault->lock);
    if (prefault->is_running)
        pthread_join(prefault->thread, NULL);
    pthread_cond_destroy(&prefault->done);
    pthread_cond_destroy(&prefault->wanted);
    pthread_mutex_destroy(&prefault->lock);
}
