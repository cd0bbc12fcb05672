/* How values compare: what ==, <, math.greatest() and a map's keys go by. Pure. */
#pragma once

#include "core/base/value.h"

/* Order of two values of the same type or of an int and a double: −1, 0, 1, or 2 when they are not
 * ordered (NaN). Numbers compare by their exact mathematical values, lists and maps by their items:
 * 0 or 2. */
int value_order(struct value a, struct value b);

/* The map's value of this key, which points into the map; NULL when the key is not there. */
const struct value *value_find_key(const struct value_items *map, const struct value *key);
