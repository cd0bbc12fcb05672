/* A named list of texts that rules look things up in: `mcc in lists.transit`. */
#pragma once

#include "../base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct list_entries; /* a hash set; list.c */

struct list {
    struct text name;
    struct text file; /* where its values come from */
    size_t count;     /* of different values */
    const struct list_entries *entries;
};

bool list_has(const struct list *list, struct text value);
