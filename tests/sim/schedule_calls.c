/* pthread, clocks and sleeping, in place of libc's: for the code under test and for the libraries
 * that it uses. A mutex, condition or lock keeps what it needs in the first words of its memory,
 * where an initializer has zeros. */
#include "schedule.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HERE __builtin_return_address(0)

/* ---- threads ---- */

int pthread_create(pthread_t *ret_thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *user) {
    (void)attributes;
    *ret_thread = (pthread_t)schedule_start(run, user, schedule_process()) + 1;
    schedule_step();
    return 0;
}

int pthread_join(pthread_t thread, void **ret_result) {
    void *result = schedule_join((int)thread - 1);
    if (ret_result)
        *ret_result = result;
    return 0;
}

pthread_t pthread_self(void) {
    return (pthread_t)schedule_self() + 1;
}

/* The same in each life: locks have it in their files, with as many digits as it has. */
pid_t getpid(void) {
    return schedule_is_running() ? 4242 : (pid_t)syscall(SYS_getpid);
}

int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set) {
    (void)thread, (void)size, (void)set;
    return 0;
}

int pthread_setname_np(pthread_t thread, const char *name) {
    (void)thread, (void)name;
    return 0;
}

int setpriority(__priority_which_t which, id_t who, int priority) {
    (void)which, (void)who, (void)priority;
    return 0;
}

/* ---- mutexes ---- */

struct mutex {
    int owner; /* 0: free; thread + 1 */
    int depth;
    int is_recursive;
};

static struct mutex *mutex_of(pthread_mutex_t *mutex) {
    return (struct mutex *)mutex;
}

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
    int type = PTHREAD_MUTEX_DEFAULT;
    memset(mutex, 0, sizeof *mutex);
    if (attributes && pthread_mutexattr_gettype(attributes, &type) == 0)
        mutex_of(mutex)->is_recursive = type == PTHREAD_MUTEX_RECURSIVE;
    return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *mutex) {
    if (schedule_is_running() && mutex_of(mutex)->owner)
        broken("a mutex is destroyed that thread %d holds", mutex_of(mutex)->owner - 1);
    return 0;
}

static bool take(struct mutex *mutex) {
    int self = schedule_self() + 1;
    if (mutex->owner && !(mutex->is_recursive && mutex->owner == self))
        return false;
    mutex->owner = self;
    mutex->depth++;
    return true;
}

static void lock(struct mutex *mutex) {
    if (!schedule_is_running())
        return;
    while (!take(mutex)) {
        if (mutex->owner == schedule_self() + 1)
            broken("thread %d locks a mutex that it holds", schedule_self());
        schedule_wait(mutex, -1);
    }
}

int pthread_mutex_lock(pthread_mutex_t *mutex) {
    schedule_step_of(HERE);
    lock(mutex_of(mutex));
    return 0;
}

int pthread_mutex_trylock(pthread_mutex_t *mutex) {
    schedule_step_of(HERE);
    return !schedule_is_running() || take(mutex_of(mutex)) ? 0 : EBUSY;
}

static void unlock(struct mutex *mutex) {
    if (!schedule_is_running())
        return;
    if (mutex->owner != schedule_self() + 1)
        broken("thread %d unlocks a mutex of thread %d", schedule_self(), mutex->owner - 1);
    if (--mutex->depth > 0)
        return;
    mutex->owner = 0;
    schedule_wake(mutex, true);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
    unlock(mutex_of(mutex));
    schedule_step_of(HERE);
    return 0;
}

/* ---- conditions ---- */

struct condition {
    int is_monotonic;
};

int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes) {
    clockid_t clock = CLOCK_REALTIME;
    memset(condition, 0, sizeof *condition);
    if (attributes)
        pthread_condattr_getclock(attributes, &clock);
    ((struct condition *)condition)->is_monotonic = clock == CLOCK_MONOTONIC;
    return 0;
}

int pthread_cond_destroy(pthread_cond_t *condition) {
    (void)condition;
    return 0;
}

/* Now and then a thread is woken for nothing, as pthread allows. */
static int await(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_us) {
    unlock(mutex_of(mutex));
    bool is_spurious = chance_once(CHANCE_SCHEDULE, 200);
    if (is_spurious)
        schedule_step();
    bool is_woken = is_spurious || schedule_wait(condition, until_us);
    lock(mutex_of(mutex));
    return is_woken ? 0 : ETIMEDOUT;
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    await(condition, mutex, -1);
    return 0;
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                           const struct timespec *until) {
    int64_t until_us = until->tv_sec * 1000000 + until->tv_nsec / 1000;
    if (!((struct condition *)condition)->is_monotonic)
        until_us -= world->wall_offset_us;
    if (until_us <= world->monotonic_us)
        until_us = world->monotonic_us;
    return await(condition, mutex, until_us);
}

int pthread_cond_signal(pthread_cond_t *condition) {
    schedule_wake(condition, false);
    schedule_step_of(HERE);
    return 0;
}

int pthread_cond_broadcast(pthread_cond_t *condition) {
    schedule_wake(condition, true);
    schedule_step_of(HERE);
    return 0;
}

/* ---- read-write locks ---- */

struct read_write {
    int writer; /* thread + 1 */
    int readers;
};

int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attributes) {
    (void)attributes;
    memset(lock, 0, sizeof *lock);
    return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *lock) {
    (void)lock;
    return 0;
}

int pthread_rwlock_rdlock(pthread_rwlock_t *memory) {
    struct read_write *lock = (struct read_write *)memory;
    schedule_step_of(HERE);
    if (!schedule_is_running())
        return 0;
    while (lock->writer)
        schedule_wait(lock, -1);
    lock->readers++;
    return 0;
}

int pthread_rwlock_wrlock(pthread_rwlock_t *memory) {
    struct read_write *lock = (struct read_write *)memory;
    schedule_step_of(HERE);
    if (!schedule_is_running())
        return 0;
    while (lock->writer || lock->readers)
        schedule_wait(lock, -1);
    lock->writer = schedule_self() + 1;
    return 0;
}

int pthread_rwlock_unlock(pthread_rwlock_t *memory) {
    struct read_write *lock = (struct read_write *)memory;
    if (!schedule_is_running())
        return 0;
    if (lock->writer)
        lock->writer = 0;
    else if (lock->readers-- == 0)
        broken("a read-write lock is unlocked that nobody holds");
    schedule_wake(lock, true);
    schedule_step_of(HERE);
    return 0;
}

/* ---- time and chance ---- */

int clock_gettime(clockid_t id, struct timespec *ret_time) {
    if (!schedule_is_running())
        return (int)syscall(SYS_clock_gettime, id, ret_time);
    int64_t us = world->monotonic_us;
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
        us += world->wall_offset_us;
    *ret_time = (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    return 0;
}

time_t time(time_t *ret_time) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time)
        *ret_time = now.tv_sec;
    return now.tv_sec;
}

int nanosleep(const struct timespec *wanted, struct timespec *ret_left) {
    (void)ret_left;
    schedule_sleep(wanted->tv_sec * 1000000 + wanted->tv_nsec / 1000);
    return 0;
}

int usleep(useconds_t us) {
    schedule_sleep(us);
    return 0;
}

ssize_t getrandom(void *bytes, size_t size, unsigned flags) {
    (void)flags;
    if (!schedule_is_running())
        return syscall(SYS_getrandom, bytes, size, flags);
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)chance(CHANCE_WORK);
    return (ssize_t)size;
}
