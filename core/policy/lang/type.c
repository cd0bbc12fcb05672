/* Types as nibbles of a number: a list shifts its element's type by one nibble, a map by two.
 * Recursion ends after at most seven levels, as many as 32 bits hold. */
#include "type.h"

#include <stdio.h>

unsigned type_depth(type_code type) {
    unsigned depth = 0;
    for (; type_kind(type) == VALUE_LIST || type_kind(type) == VALUE_MAP; type = type_element(type))
        depth++;
    return depth;
}

/* A type needs its top 8 bits clear to be shifted as a map's value; lists are held to the same
 * limit. */
bool type_can_nest(type_code type) {
    return type >> 24 == 0;
}

static bool is_container(type_code type) {
    return type_kind(type) == VALUE_LIST || type_kind(type) == VALUE_MAP;
}

/* VALUE_ABSENT, the content of an empty list, joins with everything. */
bool type_join(type_code a, type_code b, type_code *ret_type) {
    if (a == b || b == VALUE_ABSENT) {
        *ret_type = a;
        return true;
    }
    if (a == VALUE_ABSENT) {
        *ret_type = b;
        return true;
    }
    if (!is_container(a) || type_kind(a) != type_kind(b))
        return false;
    type_code key, element;
    if (!type_join(type_element(a), type_element(b), &element))
        return false;
    if (type_kind(a) == VALUE_LIST) {
        *ret_type = TYPE_LIST_OF(element);
        return true;
    }
    if (!type_join(type_key(a), type_key(b), &key))
        return false;
    *ret_type = TYPE_MAP_OF(key, element);
    return true;
}

bool type_comparable(type_code a, type_code b) {
    if (a == b || a == VALUE_ABSENT || b == VALUE_ABSENT)
        return true;
    if (type_is_numeric(a) && type_is_numeric(b))
        return true;
    if (!is_container(a) || type_kind(a) != type_kind(b))
        return false;
    if (type_kind(a) == VALUE_MAP && !type_comparable(type_key(a), type_key(b)))
        return false;
    return type_comparable(type_element(a), type_element(b));
}

struct type_code_name type_code_name(type_code type) {
    struct type_code_name name;
    const char *kind = value_type_name(type_kind(type));
    if (!is_container(type)) {
        snprintf(name.string, sizeof name.string, "%s", kind);
        return name;
    }
    /* The deepest type has fewer letters than the buffer: seven levels of "list()", or three of
     * "map(timestamp, )" and one of "list()". */
    struct type_code_name element = type_code_name(type_element(type));
    if (type_element(type) == VALUE_ABSENT)
        snprintf(name.string, sizeof name.string, "empty %s", kind);
    else if (type_kind(type) == VALUE_LIST)
        snprintf(name.string, sizeof name.string, "list(%.80s)", element.string);
    else
        snprintf(name.string, sizeof name.string, "map(%s, %.70s)", value_type_name(type_key(type)),
                 element.string);
    return name;
}
