/* Allocations, in place of libc's: one of a life may fail, or some in a row. The memory itself is
 * libc's. OpenSSL's own are spared: it takes locks that it could not make. */
#include "schedule.h"

#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#define HERE __builtin_return_address(0)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct {
    uintptr_t from, until;
} spared;

static int find_spared(struct dl_phdr_info *object, size_t size, void *user) {
    (void)size, (void)user;
    if (!strstr(object->dlpi_name, "libcrypto"))
        return 0;
    for (int i = 0; i < object->dlpi_phnum; i++)
        if (object->dlpi_phdr[i].p_type == PT_LOAD && (object->dlpi_phdr[i].p_flags & PF_X)) {
            spared.from = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
            spared.until = spared.from + object->dlpi_phdr[i].p_memsz;
        }
    return 1;
}

void memory_begin(void);
void memory_begin(void) {
    dl_iterate_phdr(find_spared, NULL);
}

static bool is_spared(const void *caller) {
    return (uintptr_t)caller >= spared.from && (uintptr_t)caller < spared.until;
}

static bool fails(const void *caller) {
    if (!world || !schedule_is_running() || schedule_paused || world->memory_fails == 0 ||
        is_spared(caller))
        return false;
    if (world->memory_at > 1) {
        world->memory_at--;
        return false;
    }
    world->memory_fails--;
    world->injected[__builtin_ctz(FAULT_MEMORY)]++;
    world->is_disturbed = world->is_short_of_memory = true;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) {
    return fails(HERE) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return fails(HERE) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    return fails(HERE) ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return fails(HERE) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **ret_memory, size_t alignment, size_t size) {
    if (fails(HERE))
        return ENOMEM;
    *ret_memory = __libc_memalign(alignment, size);
    return *ret_memory ? 0 : ENOMEM;
}
