/* A failed check aborts, for a core dump: it is our defect. Exhaustion exits with a status of its
 * own: an operator can do something about it, and a dump would not help. */
#include "check.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void check_failed(const char *file, int line, const char *function,
                            const char *condition) {
    fprintf(stderr, "%s:%d: %s: check failed: %s\n", file, line, function, condition);
    abort();
}

_Noreturn void check_exhausted(const char *what) {
    fprintf(stderr, "%s: out of %s\n", program_invocation_short_name, what);
    _exit(CHECK_EXHAUSTED); /* other threads may be at work: nothing of ours is torn down */
}

static _Noreturn void out_of_memory(size_t size) {
    char what[64];
    snprintf(what, sizeof what, "memory: cannot allocate %zu bytes", size);
    check_exhausted(what);
}

void *check_malloc(size_t size) {
    void *memory = malloc(size ? size : 1);
    if (!memory)
        out_of_memory(size);
    return memory;
}

void *check_calloc(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        out_of_memory(size);
    return memory;
}

void *check_realloc(void *memory, size_t size) {
    memory = realloc(memory, size ? size : 1);
    if (!memory)
        out_of_memory(size);
    return memory;
}

void *check_reallocarray(void *memory, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        out_of_memory(SIZE_MAX);
    return check_realloc(memory, total);
}
