/* libFuzzer's entry points, the same for all targets. */
#include "target.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct target_count count;

struct target_count target_count(void) {
    return count;
}

/* In the form of libFuzzer's own final statistics, which tests/fuzz/run reads. */
static void print_count(void) {
    fprintf(stderr, "stat::accepted_inputs: %" PRIu64 "\n", count.accepted);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    target_start();
    atexit(print_count);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    count.inputs++;
    count.accepted += target_run(bytes, size);
    return 0;
}

void property_broken(const char *file, int line, const char *condition, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}

uint64_t chance_next(struct chance *chance) {
    uint64_t z = chance->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t chance_below(struct chance *chance, uint64_t limit) {
    return chance_next(chance) % limit;
}
