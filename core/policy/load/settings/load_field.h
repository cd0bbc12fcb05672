/* Fields of the schema, as the policy's files name them. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Reads the type of an attribute or derived field into field->type and ->digits. False when
 * something was reported. */
bool load_field_type(const struct reader *reader, const struct tree_node *node,
                     struct field *field);
/* The transaction's field of this name; NULL when there is none. */
const struct field *load_field_find(const struct load *load, struct text name);
/* The field that a key or an `of` names. NULL when there is none, or when its declaration is
 * broken; reports the former. `what`: the key, for messages. */
const struct field *load_field_read(const struct load *load, const struct reader *reader,
                                    const struct tree_node *node, const char *what);
