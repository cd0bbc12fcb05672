/* The order in which a thread takes locks, so that no two threads ever wait for each other.
 *
 * Each mutex and rwlock of Harrier has a rank: the place of its row in enum lock_rank. While a
 * thread holds a lock it may take only locks of later rows, and it waits for a condition with no
 * lock but the condition's own. docs/LOCKS.md says what each lock guards and who takes it;
 * tests/lint/locks.py holds both against each other and finds locks without a rank.
 *
 * A build with HARRIER_LOCK_ORDER (-Dlock_order=enabled; by default with --buildtype=debug, and in
 * ./check's sanitized build) checks every lock that is taken, and ends the program with a message
 * at the first one that is out of order: also if nothing waits at that moment. The calls themselves
 * are pthread's: meson.build includes this header in front of every source file of such a build,
 * and the macros at its end take their place. In other builds nothing of it is left but
 * pthread_mutex_init().
 *
 * Unlike the rest of core/ this has state of the process: the ranks of the locks that exist, and
 * what each thread holds. It uses no synchronisation of its own that would hide a race from
 * ThreadSanitizer. Locks of libraries and of tests have no rank and are not looked at. */
#pragma once

#include <pthread.h>

/* First the locks that are held while others are taken. A name begins with its program or library;
 * programs precede the libraries that they call. */
enum lock_rank {
    LOCK_UNRANKED,
    LOCK_CONSOLE_CHANGE,
    LOCK_CONSOLE_DATABASE,
    LOCK_CONSOLE_PLACER,
    LOCK_CONSOLE_CHECKER,
    LOCK_CONSOLE_JOBS,
    LOCK_CONSOLE_FOLLOWER,
    LOCK_CONSOLE_LIVE,
    LOCK_CONSOLE_SEARCHES,
    LOCK_CONSOLE_READER,
    LOCK_CONSOLE_POLICY_CACHE,
    LOCK_CONSOLE_LISTS,
    LOCK_CONSOLE_CONNECTION,
    LOCK_CONSOLE_LATENCY,
    LOCK_CONSOLE_PASSWORD,
    LOCK_CONSOLE_WEB,
    LOCK_STREAM_COMMIT,
    LOCK_ROWS_PREFETCH,
    LOCK_SCORE_BATCHES,
    LOCK_REPLAY_SCAN,
    LOCK_REPLAY_PIPELINE,
    LOCK_REBUILD_SCAN,
    LOCK_LIST_QUEUE,
    LOCK_ORDERED_QUEUE,
    LOCK_SPILL,
    LOCK_THRESHOLD_SAMPLE,
    LOCK_SAMPLE_SORT,
    LOCK_REPLAY_MEMORY,
    LOCK_THREAD_POOL,
    LOCK_CLIENT_BATCHER,
    LOCK_CLIENT,
    LOCK_CLIENT_LOOKUP,
    LOCK_TOKENS_LOADING,
    LOCK_SERVICE,
    LOCK_RELOAD,
    LOCK_TOKENS,
    LOCK_SERVICE_JOBS,
    LOCK_SWAP,
    LOCK_PREFAULT,
    LOCK_RUN_QUEUE,
    LOCK_RUN_POOL,
    LOCK_REJECT_LOG,
    LOCK_EVENT_QUEUE,
    LOCK_HTTP_ANSWERS,
    LOCK_TLS_CONTEXT,
    LOCK_LOG_LIMIT,
    LOCK_RANK_COUNT
};

/* "service", …: as messages and docs/LOCKS.md call it. */
const char *lock_rank_name(enum lock_rank rank);

#ifdef HARRIER_LOCK_ORDER

/* lock: an initialised pthread_mutex_t or pthread_rwlock_t, which no thread has taken yet. */
void lock_set_rank(const void *lock, enum lock_rank rank);

#else

static inline void lock_set_rank(const void *lock, enum lock_rank rank) {
    (void)lock;
    (void)rank;
}

#endif

/* A mutex with pthread's default attributes and a rank. To be followed by pthread_mutex_destroy().
 */
static inline void lock_init(pthread_mutex_t *mutex, enum lock_rank rank) {
    pthread_mutex_init(mutex, NULL);
    lock_set_rank(mutex, rank);
}

#ifdef HARRIER_LOCK_ORDER

int lock_order_lock(pthread_mutex_t *mutex, const char *file, int line);
int lock_order_trylock(pthread_mutex_t *mutex, const char *file, int line);
int lock_order_unlock(pthread_mutex_t *mutex, const char *file, int line);
int lock_order_destroy(pthread_mutex_t *mutex);
int lock_order_rdlock(pthread_rwlock_t *lock, const char *file, int line);
int lock_order_wrlock(pthread_rwlock_t *lock, const char *file, int line);
int lock_order_rwunlock(pthread_rwlock_t *lock, const char *file, int line);
int lock_order_rwdestroy(pthread_rwlock_t *lock);
int lock_order_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, const char *file, int line);
int lock_order_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                         const struct timespec *until, const char *file, int line);

#define pthread_mutex_lock(mutex)    lock_order_lock((mutex), __FILE__, __LINE__)
#define pthread_mutex_trylock(mutex) lock_order_trylock((mutex), __FILE__, __LINE__)
#define pthread_mutex_unlock(mutex)  lock_order_unlock((mutex), __FILE__, __LINE__)
#define pthread_mutex_destroy(mutex) lock_order_destroy(mutex)
#define pthread_rwlock_rdlock(lock)  lock_order_rdlock((lock), __FILE__, __LINE__)
#define pthread_rwlock_wrlock(lock)  lock_order_wrlock((lock), __FILE__, __LINE__)
#define pthread_rwlock_unlock(lock)  lock_order_rwunlock((lock), __FILE__, __LINE__)
#define pthread_rwlock_destroy(lock) lock_order_rwdestroy(lock)
#define pthread_cond_wait(condition, mutex)                                                        \
    lock_order_wait((condition), (mutex), __FILE__, __LINE__)
#define pthread_cond_timedwait(condition, mutex, until)                                            \
    lock_order_timedwait((condition), (mutex), (until), __FILE__, __LINE__)

#endif
