#include "world.h"

#include "tests/split_mix.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORLD_BYTES ((size_t)2 << 30) /* of address space */
#define HEAD_BYTES  ((sizeof(struct world) + 63) & ~(size_t)63)

const char *const fault_names[FAULT_KINDS] = {"power", "kill",  "night",   "error",  "full", "slow",
                                              "rot",   "clock", "network", "memory", "read"};
const char *const count_names[COUNT_COUNT] = {
    "requests", "answers", "records", "checks", "syncs",    "switches", "generations", "swaps",
    "sealed",   "reloads", "lost",    "brakes", "erasures", "remedies", "unnoticed"};

struct world *world;
bool world_is_verbose;

void world_open(void) {
    void *memory = mmap(NULL, WORLD_BYTES, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("sim: cannot map the memory of the world");
        exit(2);
    }
    world = memory;
    world->memory_used = HEAD_BYTES;
}

void world_begin(uint64_t seed) {
    size_t used = (world->memory_used + 4095) & ~(size_t)4095;
    if (used > (size_t)1 << 20)
        madvise(world, used, MADV_REMOVE);
    else
        memset(world, 0, used);
    world->memory_used = HEAD_BYTES;
    world->seed = seed;
    uint64_t state = seed;
    for (int i = 0; i < CHANCE_COUNT; i++)
        world->random[i] = split_mix(&state);
}

void *world_alloc(size_t size) {
    size = (size + 15) & ~(size_t)15;
    if (world->memory_used + size > WORLD_BYTES)
        broken("the simulator has no memory left for this seed: fewer steps");
    void *memory = (char *)world + world->memory_used;
    world->memory_used += size;
    return memory;
}

void *world_copy(const void *bytes, size_t size) {
    void *copy = world_alloc(size);
    memcpy(copy, bytes, size);
    return copy;
}

uint64_t chance(enum chance stream) {
    return split_mix(&world->random[stream]);
}

uint64_t chance_below(enum chance stream, uint64_t below) {
    return chance(stream) % below;
}

bool chance_once(enum chance stream, uint64_t in) {
    return chance(stream) % in == 0;
}

bool fault_happens(enum fault fault, uint64_t in) {
    bool happens = chance_once(CHANCE_FAULT, in); /* drawn also if the kind is left out */
    if (!happens || !(world->faults & fault))
        return false;
    world->injected[__builtin_ctz(fault)]++;
    return true;
}

void life_end(enum life_end end) {
    world->end = end;
    _exit(0);
}

void broken(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->report, sizeof world->report, format, arguments);
    va_end(arguments);
    trace("broken: %s", world->report);
    life_end(LIFE_BROKEN);
}

void trace_line(const char *format, ...) {
    char line[4096];
    int length =
        snprintf(line, sizeof line, "%u:%llu ", world->life, (unsigned long long)world->steps);
    va_list arguments;
    va_start(arguments, format);
    length += vsnprintf(line + length, sizeof line - (size_t)length - 1, format, arguments);
    va_end(arguments);
    if ((size_t)length > sizeof line - 2)
        length = sizeof line - 2;
    line[length++] = '\n';
    fwrite(line, 1, (size_t)length, stderr);
}
