#include "schedule.h"

#include "life.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define THREADS_MAX 256
#define STACK_BYTES ((size_t)1 << 20)

enum thread_state { THREAD_FREE, THREAD_READY, THREAD_WAITING, THREAD_ENDED };

struct thread {
    enum thread_state state;
    int process;
    void *stack, *stack_pointer;
    void *(*run)(void *);
    void *user, *result;
    const void *object; /* waits for it; NULL: for the time only */
    int64_t until_us;   /* < 0: for ever */
    bool is_woken;
    int error_number;
    unsigned starved; /* times that others were chosen */
};

static struct thread threads[THREADS_MAX];
static int thread_count, current = -1;
static void *outside; /* stack pointer of who called schedule_run() */
static void (*first)(void);
int schedule_paused;

/* ---- switching ---- */

#if defined __x86_64__
void sim_switch(void **save, void *to);
__asm__(".text\n"
        ".globl sim_switch\n"
        ".hidden sim_switch\n"
        ".type sim_switch, @function\n"
        "sim_switch:\n"
        "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
        "  ret\n"
        ".size sim_switch, . - sim_switch\n");

static void *prepare_stack(char *stack, void (*begin)(void)) {
    uintptr_t top = ((uintptr_t)stack + STACK_BYTES) & ~(uintptr_t)15;
    void **at = (void **)top;
    *--at = NULL; /* the return address of begin(), and its alignment */
    *--at = (void *)(uintptr_t)begin;
    for (int i = 0; i < 6; i++)
        *--at = NULL;
    return at;
}
#else
#error "the simulator switches stacks by hand, which is written for x86-64 only"
#endif

static void switch_to(int next) {
    int before = current;
    if (next == before)
        return;
    threads[before].error_number = errno;
    current = next;
    world->counts[COUNT_SWITCHES]++;
    sim_switch(&threads[before].stack_pointer, threads[next].stack_pointer);
    errno = threads[current].error_number;
}

/* ---- choosing ---- */

static bool is_ready(struct thread *thread) {
    if (thread->state == THREAD_WAITING && thread->until_us >= 0 &&
        thread->until_us <= world->monotonic_us)
        thread->state = THREAD_READY;
    return thread->state == THREAD_READY;
}

/* The earliest time that a thread waits for; INT64_MAX: none does. */
static int64_t next_time(void) {
    int64_t next = INT64_MAX;
    for (int i = 0; i < thread_count; i++)
        if (threads[i].state == THREAD_WAITING && threads[i].until_us >= 0 &&
            threads[i].until_us < next)
            next = threads[i].until_us;
    return next;
}

static void report_deadlock(void) {
    char text[1024] = "";
    size_t length = 0;
    for (int i = 0; i < thread_count && length < sizeof text - 64; i++)
        if (threads[i].state == THREAD_WAITING)
            length += (size_t)snprintf(text + length, sizeof text - length, " %d of process %d", i,
                                       threads[i].process);
    broken("deadlock: all threads wait for each other:%s", text);
}

static int choose(void) {
    for (;;) {
        int ready[THREADS_MAX], count = 0;
        for (int i = 0; i < thread_count; i++)
            if (is_ready(&threads[i]))
                ready[count++] = i;
        if (count > 0)
            return ready[count == 1 ? 0 : chance_below(CHANCE_SCHEDULE, (uint64_t)count)];
        int64_t next = next_time();
        if (next == INT64_MAX)
            report_deadlock();
        world->monotonic_us = next;
    }
}

/* ---- steps ---- */

static void count_step(void) {
    world->steps++;
    world->monotonic_us += (int64_t)chance_below(CHANCE_SCHEDULE, 4);
    if (world->steps >= world->crash_at)
        crash_now();
}

void schedule_step(void) {
    if (current < 0 || schedule_paused)
        return;
    count_step();
    if (chance(CHANCE_SCHEDULE) & 1)
        switch_to(choose());
}

extern const char __executable_start, etext;

void schedule_step_of(const void *caller) {
    if ((const char *)caller >= &__executable_start && (const char *)caller < &etext)
        schedule_step();
}

bool schedule_wait(const void *object, int64_t until_us) {
    struct thread *thread = &threads[current];
    if (schedule_paused)
        broken("the simulator itself would have to wait");
    thread->object = object;
    thread->until_us = until_us;
    thread->is_woken = false;
    thread->state = THREAD_WAITING;
    count_step();
    switch_to(choose());
    thread->object = NULL;
    thread->state = THREAD_READY;
    return thread->is_woken;
}

void schedule_sleep(int64_t us) {
    schedule_wait(NULL, world->monotonic_us + us);
}

void schedule_wake(const void *object, bool all) {
    int found[THREADS_MAX], count = 0;
    for (int i = 0; i < thread_count; i++)
        if (threads[i].state == THREAD_WAITING && threads[i].object == object)
            found[count++] = i;
    if (count == 0)
        return;
    int one = all ? 0 : (int)chance_below(CHANCE_SCHEDULE, (uint64_t)count);
    for (int i = all ? 0 : one; i < (all ? count : one + 1); i++) {
        threads[found[i]].state = THREAD_READY;
        threads[found[i]].is_woken = true;
    }
}

/* ---- threads ---- */

static void end_thread(void) {
    threads[current].state = THREAD_ENDED;
    schedule_wake(&threads[current], true);
    int before = current;
    current = choose();
    sim_switch(&threads[before].stack_pointer, threads[current].stack_pointer);
    abort();
}

static void begin_thread(void) {
    struct thread *thread = &threads[current];
    errno = 0;
    thread->result = thread->run(thread->user);
    end_thread();
}

static void begin_first(void) {
    first();
    void *ignored;
    current = -1;
    sim_switch(&ignored, outside);
}

/* Stacks are kept for the next thread of the life: a stack that was used is in memory already. */
static int take(void) {
    for (int i = 0; i < thread_count; i++)
        if (threads[i].state == THREAD_FREE)
            return i;
    if (thread_count == THREADS_MAX)
        broken("more than %d threads at a time", THREADS_MAX);
    struct thread *thread = &threads[thread_count];
    thread->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (thread->stack == MAP_FAILED)
        broken("no memory for a stack");
    mprotect(thread->stack, 4096, PROT_NONE);
    return thread_count++;
}

int schedule_start(void *(*run)(void *), void *user, int process) {
    int number = take();
    struct thread *thread = &threads[number];
    *thread = (struct thread){
        .state = THREAD_READY,
        .process = process,
        .stack = thread->stack,
        .stack_pointer = prepare_stack(thread->stack, begin_thread),
        .run = run,
        .user = user,
        .until_us = -1,
    };
    return number;
}

void *schedule_join(int number) {
    struct thread *thread = &threads[number];
    while (thread->state != THREAD_ENDED)
        schedule_wait(thread, -1);
    thread->state = THREAD_FREE;
    return thread->result;
}

bool schedule_has_ended(int thread) {
    return threads[thread].state == THREAD_ENDED;
}

int schedule_self(void) {
    return current;
}

int schedule_process(void) {
    return current < 0 ? PROCESS_SERVER : threads[current].process;
}

/* Their numbers are never used again: somebody may still hold one. */
void schedule_kill(int process) {
    for (int i = 0; i < thread_count; i++)
        if (threads[i].process == process && i != current && threads[i].state != THREAD_FREE) {
            threads[i].state = THREAD_ENDED;
            threads[i].process = -1;
        }
}

bool schedule_is_running(void) {
    return current >= 0;
}

void schedule_run(void (*main)(void)) {
    first = main;
    int number = take();
    threads[number].state = THREAD_READY;
    threads[number].until_us = -1;
    threads[number].stack_pointer = prepare_stack(threads[number].stack, begin_first);
    current = number;
    sim_switch(&outside, threads[number].stack_pointer);
}
