/* Reducing what fails to what is needed to fail. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Does it (still) fail with these? `subject` is the caller's own. */
typedef bool shrink_fails(const void *items, size_t count, void *subject);

/* Takes items out for as long as it fails without them, first many at a time, then one by one; the
 * rest keeps its order. Returns how many are left: without any one of them it does not fail. */
size_t shrink_list(void *items, size_t count, size_t size, shrink_fails *fails, void *subject);
