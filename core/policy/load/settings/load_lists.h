/* lists.yaml and the files it names. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Fills the snapshot's lists. After load_schema(). */
void load_lists(struct load *load);
/* Once first_list is known: which slots of the frame lists read, for what was added to them and for
 * the transaction's time. */
void load_list_slots(struct load *load);
