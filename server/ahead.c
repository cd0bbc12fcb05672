#include "ahead.h"

#include <sys/resource.h>
#include <unistd.h>

/* It runs where nobody else does, or hardly: others have nearly all of a core that they share. */
#define AHEAD_NICE 19

static struct ahead_piece take(struct ahead *ahead) {
    struct ahead_piece piece = ahead->waiting[ahead->first];
    ahead->first = (ahead->first + 1) % AHEAD_MAX;
    ahead->count--;
    return piece;
}

static void *work(void *user) {
    struct ahead *ahead = user;
    setpriority(PRIO_PROCESS, (id_t)gettid(), AHEAD_NICE);
    pthread_mutex_lock(&ahead->lock);
    for (;;) {
        while (ahead->count == 0 && !ahead->stopping)
            pthread_cond_wait(&ahead->wanted, &ahead->lock);
        if (ahead->stopping)
            break;
        ahead->under_way = take(ahead);
        pthread_mutex_unlock(&ahead->lock);
        pages_touch(ahead->under_way.memory, ahead->under_way.size);
        pthread_mutex_lock(&ahead->lock);
        ahead->under_way = (struct ahead_piece){0};
        pthread_cond_broadcast(&ahead->done);
    }
    pthread_mutex_unlock(&ahead->lock);
    return NULL;
}

/* The thread may have been stopped in the middle, by whoever asks: it is not waited for. */
static void prepare(struct pages_ahead *self, void *memory, size_t size) {
    struct ahead *ahead = (struct ahead *)self;
    if (pthread_mutex_trylock(&ahead->lock) != 0)
        return;
    if (ahead->count == AHEAD_MAX)
        take(ahead);
    ahead->waiting[(ahead->first + ahead->count) % AHEAD_MAX] =
        (struct ahead_piece){.memory = memory, .size = size};
    ahead->count++;
    pthread_cond_signal(&ahead->wanted);
    pthread_mutex_unlock(&ahead->lock);
}

static bool meets(const struct ahead_piece *piece, const char *memory, size_t size) {
    const char *begin = piece->memory;
    return begin < memory + size && memory < begin + piece->size;
}

static void forget(struct pages_ahead *self, const void *memory, size_t size) {
    struct ahead *ahead = (struct ahead *)self;
    pthread_mutex_lock(&ahead->lock);
    for (size_t left = ahead->count; left > 0; left--) {
        struct ahead_piece piece = take(ahead);
        if (meets(&piece, memory, size))
            continue;
        ahead->waiting[(ahead->first + ahead->count) % AHEAD_MAX] = piece;
        ahead->count++;
    }
    while (ahead->under_way.memory && meets(&ahead->under_way, memory, size))
        pthread_cond_wait(&ahead->done, &ahead->lock);
    pthread_mutex_unlock(&ahead->lock);
}

void ahead_start(struct ahead *ahead) {
    *ahead = (struct ahead){.ahead = {.prepare = prepare, .forget = forget}};
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->wanted, NULL);
    pthread_cond_init(&ahead->done, NULL);
    ahead->is_running = pthread_create(&ahead->thread, NULL, work, ahead) == 0;
}

void ahead_stop(struct ahead *ahead) {
    pthread_mutex_lock(&ahead->lock);
    ahead->stopping = true;
    pthread_cond_signal(&ahead->wanted);
    pthread_mutex_unlock(&ahead->lock);
    if (ahead->is_running)
        pthread_join(ahead->thread, NULL);
    pthread_cond_destroy(&ahead->done);
    pthread_cond_destroy(&ahead->wanted);
    pthread_mutex_destroy(&ahead->lock);
}
