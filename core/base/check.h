/* Assertions for programmer errors. They stay on in production. Never for input: bytes from outside
 * get an error, not an assertion. */
#pragma once

#include <stddef.h>

#define check(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            check_failed(__FILE__, __LINE__, __func__, #condition);                                \
    } while (0)

_Noreturn void check_failed(const char *file, int line, const char *function,
                            const char *condition);

/* The machine, or a limit on this process, has run out of something that it cannot continue
 * without: prints "out of " and `what`, and ends the process with CHECK_EXHAUSTED. Files are as
 * after a kill. */
#define CHECK_EXHAUSTED 71 /* EX_OSERR of sysexits.h */
_Noreturn void check_exhausted(const char *what);

/* Memory, or the end of the process. Sizes that come from outside are limited before they get here,
 * so a failure means that the machine has no memory left. */
void *check_malloc(size_t size);
void *check_calloc(size_t count, size_t size);
void *check_realloc(void *memory, size_t size);
/* count * size, checked for overflow */
void *check_reallocarray(void *memory, size_t count, size_t size);
