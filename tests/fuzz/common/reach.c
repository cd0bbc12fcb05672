#include "reach.h"

#include "core/base/check.h"

#include <stddef.h>
#include <stdint.h>

/* Of clang's runtime; there are none in other builds. */
__attribute__((weak)) uint64_t *__llvm_profile_begin_counters(void);
__attribute__((weak)) uint64_t *__llvm_profile_end_counters(void);

bool reach_is_counted(void) {
    return __llvm_profile_begin_counters && __llvm_profile_end_counters;
}

bool reach_is_new(void) {
    static uint8_t *seen;
    const uint64_t *counters = __llvm_profile_begin_counters();
    size_t count = (size_t)(__llvm_profile_end_counters() - counters);
    bool is_new = false;
    if (!seen)
        seen = check_calloc(count, 1);
    for (size_t i = 0; i < count; i++)
        if (counters[i] > 0 && !seen[i])
            seen[i] = is_new = true;
    return is_new;
}
