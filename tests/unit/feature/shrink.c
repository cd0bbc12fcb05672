#include "shrink.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

/* Without `length` items from `from` on. Returns whether that still fails, and has then taken them
 * out. */
static bool leave_out(char *items, size_t *count, size_t size, size_t from, size_t length,
                      shrink_fails *fails, void *subject) {
    size_t left = *count - length;
    char *fewer = check_malloc(left * size + 1);
    memcpy(fewer, items, from * size);
    memcpy(fewer + from * size, items + (from + length) * size, (left - from) * size);
    bool still = fails(fewer, left, subject);
    if (still) {
        memcpy(items, fewer, left * size);
        *count = left;
    }
    free(fewer);
    return still;
}

size_t shrink_list(void *items, size_t count, size_t size, shrink_fails *fails, void *subject) {
    size_t length = count / 2 > 0 ? count / 2 : 1;
    for (;;) {
        bool any = false;
        size_t at = count; /* from the end: what comes late is needed least */
        while (at > 0) {
            size_t take = length < at ? length : at;
            at -= take;
            any |= leave_out(items, &count, size, at, take, fails, subject);
        }
        if (length == 1 && !any)
            return count;
        length = length > 1 ? length / 2 : 1;
    }
}
