/* How a list comes to its entries; for whoever loads it. */
#pragma once

#include "../base/arena.h"
#include "list.h"

#define LIST_ENTRIES_MAX    1000000u
#define LIST_ENTRY_SIZE_MAX 1024u /* bytes: as long as the longest field */

/* Sets count and entries. Repeated values count once. The texts (never .data NULL) must live as
 * long as the arena. */
void list_fill(struct list *list, const struct text *values, size_t count, struct arena *arena);
