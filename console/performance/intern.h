/* Texts numbered from 0, in the order in which they were added: names that are kept as numbers. */
#pragma once

#include "core/base/text.h"

#include <stddef.h>
#include <stdint.h>

#define INTERN_NONE UINT32_MAX

struct intern {
    struct text *texts; /* copies */
    size_t count, room;
    uint32_t *slots; /* number + 1; 0: free */
    size_t size;     /* a power of two, or 0 */
};

void intern_deinit(struct intern *intern); /* zeros: an empty one */
uint32_t intern_find(const struct intern *intern, struct text text); /* INTERN_NONE: not there */
uint32_t intern_add(struct intern *intern, struct text text);        /* it is not there yet */
