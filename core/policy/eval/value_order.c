/* Ordering of values. Ints and doubles compare exactly, without converting the int, as CEL demands:
 * 2^53 + 1 and 2.0^53 differ. Lists and maps only have equality; maps compare key by key, in any
 * order, in the square of their size, which cost.c accounts for. */
#include "value_order.h"

#include <math.h>

static int order_int(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int order_double(double a, double b) {
    if (isnan(a) || isnan(b))
        return 2;
    return (a > b) - (a < b);
}

/* Without rounding the int: 2^53 + 1 and 2^53 differ as numbers. */
static int order_int_double(int64_t a, double b) {
    if (isnan(b))
        return 2;
    if (b >= 0x1p63)
        return -1;
    if (b < -0x1p63)
        return 1;
    double whole = trunc(b);
    int order = order_int(a, (int64_t)whole);
    return order != 0 ? order : order_double(whole, b);
}

/* Lists are equal or not ordered: CEL defines no order for them. */
static int order_lists(const struct value_items *a, const struct value_items *b) {
    if (a->count != b->count)
        return 2;
    for (size_t i = 0; i < a->count; i++)
        if (value_order(a->values[i], b->values[i]) != 0)
            return 2;
    return 0;
}

const struct value *value_find_key(const struct value_items *map, const struct value *key) {
    for (size_t i = 0; i < map->count; i += 2)
        if (value_order(map->values[i], *key) == 0)
            return &map->values[i + 1];
    return NULL;
}

static int order_maps(const struct value_items *a, const struct value_items *b) {
    if (a->count != b->count)
        return 2;
    for (size_t i = 0; i < a->count; i += 2) {
        const struct value *found = value_find_key(b, &a->values[i]);
        if (!found || value_order(a->values[i + 1], *found) != 0)
            return 2;
    }
    return 0;
}

int value_order(struct value a, struct value b) {
    if (a.type == VALUE_INT && b.type == VALUE_DOUBLE)
        return order_int_double(a.integer, b.number);
    if (a.type == VALUE_DOUBLE && b.type == VALUE_INT) {
        int order = order_int_double(b.integer, a.number);
        return order == 2 ? 2 : -order;
    }
    switch (a.type) {
    case VALUE_BOOL:
        return a.boolean - b.boolean;
    case VALUE_DOUBLE:
        return order_double(a.number, b.number);
    case VALUE_TEXT: {
        int order = text_compare(a.text, b.text); /* UTF-8's bytes sort as its code points do */
        return (order > 0) - (order < 0);
    }
    case VALUE_INT:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        return order_int(a.integer, b.integer);
    case VALUE_LIST:
        return order_lists(a.items, b.items);
    case VALUE_MAP:
        return order_maps(a.items, b.items);
    case VALUE_ABSENT:
    case VALUE_ERROR:
        break;
    }
    return 2;
}
