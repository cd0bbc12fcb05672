/* Threads of the simulated world, and its time.
 *
 * Each pthread of the code under test is a coroutine of the one real thread: a stack of its own,
 * which is switched to only where the code calls the simulated system. There the seed chooses who
 * goes on. So a life is the same every time, and can be forked or ended at any point. pthread's
 * threads, mutexes, conditions and read-write locks, and what reads clocks or sleeps, are defined
 * in schedule_calls.c in place of libc's.
 *
 * Time stands still but for some microseconds a step, and jumps when all threads wait for it. When
 * all wait for something else, that is a deadlock, which is a broken promise. */
#pragma once

#include "world.h"

#define PROCESS_SERVER 0 /* and clients */
#define PROCESS_BESIDE 1 /* what operators run beside it */

/* Runs main() as the first thread and returns when that has ended. */
void schedule_run(void (*main)(void));
bool schedule_is_running(void);

/* A step: another thread may go on. */
void schedule_step(void);
/* The same, if the code under test is the caller and not a library: those are not to be left in
 * the middle of what they hold. */
void schedule_step_of(const void *caller);
void schedule_sleep(int64_t us);
/* Waits until schedule_wake(object), or the time; < 0: for ever. True: woken. */
bool schedule_wait(const void *object, int64_t until_us);
void schedule_wake(const void *object, bool all);

int schedule_start(void *(*run)(void *), void *user, int process); /* its number */
void *schedule_join(int thread);
int schedule_self(void);
int schedule_process(void);
/* As kill -9: its threads never go on. */
void schedule_kill(int process);
bool schedule_has_ended(int thread);

/* While above 0 nothing is a step and nothing fails: the simulator itself is at work. */
extern int schedule_paused;
