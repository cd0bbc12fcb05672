/* Filling a list with a policy's own entries, while the policy is loaded. */
#pragma once

#include "core/base/arena.h"
#include "list.h"

#define LIST_ENTRIES_MAX 1000000u

/* The list's kind is set, and the entries are of it. Of two equal ones that counts which lasts
 * longer. The list reads no frame yet. All but what the entries' texts point to lives in the arena.
 */
void list_fill(struct list *list, const struct list_entry *entries, size_t count,
               struct arena *arena);

/* The same with texts (never .data NULL) without end. */
void list_fill_texts(struct list *list, const struct text *values, size_t count,
                     struct arena *arena);
