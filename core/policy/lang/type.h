/* The type of an expression as a number, so that types are compared with ==.
 *
 *   bits 0–3   enum value_type; a simple type is nothing but that
 *   bits 4–7   of a map: the type of its keys
 *   from there of a list from bit 4, of a map from bit 8: the type of what is in it
 *
 * What an empty list or map holds is VALUE_ABSENT, the type that no value has: wherever a value of
 * it is read, there is a run-time error instead, so it fits in any other type's place. */
#pragma once

#include "core/base/value.h"

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t type_code;

#define TYPE_LIST_OF(element) ((type_code)VALUE_LIST | (type_code)(element) << 4)
#define TYPE_MAP_OF(key, value)                                                                    \
    ((type_code)VALUE_MAP | (type_code)(key) << 4 | (type_code)(value) << 8)

#define TYPE_SIMPLE UINT32_MAX       /* where a type is wanted: any that is not a list or map */
#define TYPE_ANY    (UINT32_MAX - 1) /* where a type is wanted: any */

static inline enum value_type type_kind(type_code type) {
    return (enum value_type)(type & 0xf);
}
static inline enum value_type type_key(type_code type) {
    return (enum value_type)(type >> 4 & 0xf);
}
/* Of a list's elements, or a map's values. */
static inline type_code type_element(type_code type) {
    return type_kind(type) == VALUE_LIST ? type >> 4 : type >> 8;
}
static inline bool type_is_numeric(type_code type) {
    return type == VALUE_INT || type == VALUE_DOUBLE;
}

/* Lists and maps within each other: 0 for a simple type. */
unsigned type_depth(type_code type);
/* Do 32 bits have room for a list or map of this type? */
bool type_can_nest(type_code type);

/* The one type that values of both have; false when there is none. */
bool type_join(type_code a, type_code b, type_code *ret_type);
/* May they be compared with ==? Ints and doubles, also within lists, compare as numbers. */
bool type_comparable(type_code a, type_code b);

/* "int", "list(map(string, int))": for messages; text_of() of it lives as long as the buffer. */
#define TYPE_NAME_SIZE 96
struct type_code_name {
    char string[TYPE_NAME_SIZE];
};
struct type_code_name type_code_name(type_code type);
