/* Removing generations that hold what an erasure has removed from the archive. */
#pragma once

#include "core/base/error.h"

#include <stddef.h>

/* All but the one that `current` points to. A server that has one open keeps it. ERROR_EXISTS: a
 * rebuild is at work. A missing folder has none. */
int generation_remove_others(const char *root, size_t *ret_removed, struct error *ret_error);
