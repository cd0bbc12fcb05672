/* What schema.yaml says of pseudonyms: protect and protect_as of a field, from_clear of an
 * attribute. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* The nodes may be NULL: the key is missing. card_numbers is the node of that key: a protected
 * field may have none. */
void load_protect(const struct reader *reader, const struct tree_node *protect,
                  const struct tree_node *protect_as, const struct tree_node *card_numbers,
                  struct field *field);

/* Once all fields have their names: reads from_clear of the attributes under `attributes` (NULL:
 * there are none), then makes the names of protected fields protected for all expressions that
 * follow, and lists what has to be done for a transaction. */
void load_protected_fields(struct load *load, const struct source *source,
                           const struct tree_node *attributes);
