/* libFuzzer's entry points, shared by all targets. */
#include "target.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct target_count count;

struct target_count target_count(void) {
    return count;
}

/* In the format of libFuzzer's final statistics, so that tests/fuzz/run can read both alike. */
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
