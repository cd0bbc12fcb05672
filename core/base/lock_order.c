/* Ranks by address: a table of words, each the address of a lock and its rank, found by open
 * addressing. A word changes in one atomic step. All accesses are relaxed: who may use a lock has
 * learned of it in a way that orders this table's words, too. */
#include "lock_order.h"

#include "check.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const NAMES[LOCK_RANK_COUNT] = {
    [LOCK_UNRANKED] = "unranked",
    [LOCK_CONSOLE_CHANGE] = "console.change",
    [LOCK_CONSOLE_DATABASE] = "console.database",
    [LOCK_CONSOLE_PLACER] = "console.placer",
    [LOCK_CONSOLE_CHECKER] = "console.checker",
    [LOCK_CONSOLE_JOBS] = "console.jobs",
    [LOCK_CONSOLE_FOLLOWER] = "console.follower",
    [LOCK_CONSOLE_LIVE] = "console.live",
    [LOCK_CONSOLE_SEARCHES] = "console.searches",
    [LOCK_CONSOLE_READER] = "console.reader",
    [LOCK_CONSOLE_POLICY_CACHE] = "console.policy_cache",
    [LOCK_CONSOLE_LISTS] = "console.lists",
    [LOCK_CONSOLE_CONNECTION] = "console.connection",
    [LOCK_CONSOLE_LATENCY] = "console.latency",
    [LOCK_CONSOLE_PASSWORD] = "console.password",
    [LOCK_CONSOLE_WEB] = "console.web",
    [LOCK_STREAM_COMMIT] = "stream.commit",
    [LOCK_ROWS_PREFETCH] = "rows.prefetch",
    [LOCK_SCORE_BATCHES] = "score.batches",
    [LOCK_REPLAY_SCAN] = "batch.replay_scan",
    [LOCK_REPLAY_PIPELINE] = "batch.replay_pipeline",
    [LOCK_REBUILD_SCAN] = "batch.rebuild_scan",
    [LOCK_LIST_QUEUE] = "batch.list_queue",
    [LOCK_ORDERED_QUEUE] = "batch.ordered_queue",
    [LOCK_SPILL] = "batch.spill",
    [LOCK_THRESHOLD_SAMPLE] = "batch.threshold_sample",
    [LOCK_SAMPLE_SORT] = "batch.sample_sort",
    [LOCK_REPLAY_MEMORY] = "batch.replay_memory",
    [LOCK_THREAD_POOL] = "batch.thread_pool",
    [LOCK_CLIENT_BATCHER] = "client.batcher",
    [LOCK_CLIENT] = "client",
    [LOCK_CLIENT_LOOKUP] = "client.lookup",
    [LOCK_TOKENS_LOADING] = "tokens.loading",
    [LOCK_SERVICE] = "service",
    [LOCK_RELOAD] = "service.reload",
    [LOCK_TOKENS] = "tokens",
    [LOCK_SERVICE_JOBS] = "service.jobs",
    [LOCK_SWAP] = "service.swap",
    [LOCK_PREFAULT] = "service.prefault",
    [LOCK_RUN_QUEUE] = "service.run_queue",
    [LOCK_RUN_POOL] = "service.run_pool",
    [LOCK_REJECT_LOG] = "service.reject_log",
    [LOCK_EVENT_QUEUE] = "events.queue",
    [LOCK_HTTP_ANSWERS] = "http.answers",
    [LOCK_TLS_CONTEXT] = "tls.context",
    [LOCK_LOG_LIMIT] = "log.limit",
};

const char *lock_rank_name(enum lock_rank rank) {
    return NAMES[rank];
}

#ifdef HARRIER_LOCK_ORDER

#define PLACES       8192u /* locks at a time: a power of two, far more than any program has */
#define HELD_MAX     16
#define RANK_SHIFT   56
#define ADDRESS_MASK (((uint64_t)1 << RANK_SHIFT) - 1)

static _Atomic(uint64_t) places[PLACES];

struct held {
    const void *lock;
    enum lock_rank rank;
    const char *file;
    int line;
};

static _Thread_local struct held held[HELD_MAX];
static _Thread_local int held_count;

static uint64_t word_of(const void *lock) {
    return (uint64_t)(uintptr_t)lock >> 3; /* locks are aligned to 8 bytes at least */
}

static unsigned place_of(uint64_t word) {
    return (unsigned)(word * 0x9E3779B97F4A7C15u >> 40) & (PLACES - 1);
}

static uint64_t at(unsigned place) {
    return atomic_load_explicit(&places[place & (PLACES - 1)], memory_order_relaxed);
}

static bool replace(unsigned place, uint64_t old, uint64_t word) {
    return atomic_compare_exchange_strong_explicit(&places[place & (PLACES - 1)], &old, word,
                                                   memory_order_relaxed, memory_order_relaxed);
}

/* Its place, or -1. */
static int find(uint64_t word) {
    unsigned first = place_of(word);
    for (unsigned i = 0; i < PLACES; i++) {
        uint64_t found = at(first + i);
        if (found == 0)
            return -1;
        if ((found & ADDRESS_MASK) == word)
            return (int)((first + i) & (PLACES - 1));
    }
    return -1;
}

static enum lock_rank rank_of(const void *lock) {
    int place = find(word_of(lock));
    return place < 0 ? LOCK_UNRANKED : (enum lock_rank)(at((unsigned)place) >> RANK_SHIFT);
}

void lock_set_rank(const void *lock, enum lock_rank rank) {
    uint64_t word = word_of(lock), ranked = word | (uint64_t)rank << RANK_SHIFT;
    int known = find(word); /* a lock was here before */
    if (known >= 0 && replace((unsigned)known, at((unsigned)known) & ADDRESS_MASK, ranked))
        return;
    if (known >= 0 && (at((unsigned)known) & ADDRESS_MASK) == word) {
        /* It was never destroyed, as of a thread that was killed with its memory. */
        check(replace((unsigned)known, at((unsigned)known), ranked));
        return;
    }
    unsigned first = place_of(word);
    for (unsigned i = 0; i < PLACES; i++) {
        uint64_t found = at(first + i);
        if (found >> RANK_SHIFT == 0 && replace(first + i, found, ranked))
            return;
    }
    check(!"more locks at a time than lock_order.c has places for");
}

static void forget(const void *lock) {
    int place = find(word_of(lock));
    if (place >= 0) /* the address stays: others may be found behind it */
        atomic_store_explicit(&places[place], word_of(lock), memory_order_relaxed);
}

static _Noreturn void offend(const char *what, const void *lock, const char *file, int line,
                             const struct held *other) {
    fprintf(stderr, "%s:%d: lock order: %s `%s` (rank %d)", file, line, what,
            lock_rank_name(rank_of(lock)), (int)rank_of(lock));
    if (other)
        fprintf(stderr, " while it holds `%s` (rank %d), taken at %s:%d",
                lock_rank_name(other->rank), (int)other->rank, other->file, other->line);
    fprintf(stderr, "\n");
    abort();
}

static bool holds(const void *lock) {
    for (int i = 0; i < held_count; i++)
        if (held[i].lock == lock)
            return true;
    return false;
}

/* Before a thread waits for a lock. The same one again is fine if it is recursive; otherwise the
 * thread waits for itself. */
static void check_order(const void *lock, bool is_recursive, const char *file, int line) {
    enum lock_rank rank = rank_of(lock);
    if (rank == LOCK_UNRANKED)
        return;
    if (is_recursive && holds(lock))
        return;
    for (int i = 0; i < held_count; i++)
        if (held[i].rank >= rank)
            offend("takes", lock, file, line, &held[i]);
}

static void note_taken(const void *lock, const char *file, int line) {
    enum lock_rank rank = rank_of(lock);
    if (rank == LOCK_UNRANKED)
        return;
    check(held_count < HELD_MAX);
    held[held_count++] = (struct held){lock, rank, file, line};
}

static void note_released(const void *lock, const char *file, int line) {
    enum lock_rank rank = rank_of(lock);
    if (rank == LOCK_UNRANKED)
        return;
    int i = held_count - 1;
    while (i >= 0 && held[i].lock != lock)
        i--;
    if (i < 0)
        offend("does not hold, but releases,", lock, file, line, NULL);
    for (held_count--; i < held_count; i++)
        held[i] = held[i + 1];
}

static void check_wait(const void *mutex, const char *file, int line) {
    if (rank_of(mutex) == LOCK_UNRANKED)
        return;
    for (int i = 0; i < held_count; i++)
        if (held[i].lock != mutex)
            offend("waits for a condition of", mutex, file, line, &held[i]);
    if (!holds(mutex))
        offend("does not hold, but waits for a condition of,", mutex, file, line, NULL);
}

/* ---- pthread's functions; the parentheses keep the macros away ---- */

int lock_order_lock(pthread_mutex_t *mutex, const char *file, int line) {
    check_order(mutex, rank_of(mutex) == LOCK_CONSOLE_DATABASE, file, line);
    int r = (pthread_mutex_lock)(mutex);
    if (r == 0)
        note_taken(mutex, file, line);
    return r;
}

/* Never waits, so any order will do; what is taken while it is held must still follow it. */
int lock_order_trylock(pthread_mutex_t *mutex, const char *file, int line) {
    int r = (pthread_mutex_trylock)(mutex);
    if (r == 0)
        note_taken(mutex, file, line);
    return r;
}

int lock_order_unlock(pthread_mutex_t *mutex, const char *file, int line) {
    note_released(mutex, file, line); /* before: once it is free it may be freed */
    return (pthread_mutex_unlock)(mutex);
}

int lock_order_destroy(pthread_mutex_t *mutex) {
    forget(mutex);
    return (pthread_mutex_destroy)(mutex);
}

int lock_order_rdlock(pthread_rwlock_t *lock, const char *file, int line) {
    check_order(lock, false, file,
                line); /* a writer that waits in between stops a second reading */
    int r = (pthread_rwlock_rdlock)(lock);
    if (r == 0)
        note_taken(lock, file, line);
    return r;
}

int lock_order_wrlock(pthread_rwlock_t *lock, const char *file, int line) {
    check_order(lock, false, file, line);
    int r = (pthread_rwlock_wrlock)(lock);
    if (r == 0)
        note_taken(lock, file, line);
    return r;
}

int lock_order_rwunlock(pthread_rwlock_t *lock, const char *file, int line) {
    note_released(lock, file, line);
    return (pthread_rwlock_unlock)(lock);
}

int lock_order_rwdestroy(pthread_rwlock_t *lock) {
    forget(lock);
    return (pthread_rwlock_destroy)(lock);
}

int lock_order_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, const char *file, int line) {
    check_wait(mutex, file, line);
    return (pthread_cond_wait)(condition, mutex);
}

int lock_order_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                         const struct timespec *until, const char *file, int line) {
    check_wait(mutex, file, line);
    return (pthread_cond_timedwait)(condition, mutex, until);
}

#endif
