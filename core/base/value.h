/* A typed value: what a field, a feature or an expression has for one transaction. */
#pragma once

#include "text.h"

enum value_type {
    VALUE_ABSENT = 0, /* no value: has(x) is false, and a rule that needs it does not fire */
    VALUE_BOOL,
    VALUE_INT,       /* int64 */
    VALUE_DOUBLE,    /* IEEE 754 binary64 */
    VALUE_TEXT,      /* points into memory of the value's maker */
    VALUE_TIMESTAMP, /* microseconds since 1970-01-01 UTC, in .integer */
    VALUE_DURATION,  /* microseconds, in .integer */
    VALUE_ERROR,     /* an expression's run-time error; .error_code says which */
    VALUE_LIST,      /* .items; lists and maps live within expressions only */
    VALUE_MAP,       /* .items: key, value, key, value … */
};

struct value_items;

struct value {
    enum value_type type;
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct text text;
        int error_code; /* enum expression_error */
        const struct value_items *items;
    };
};

/* Never absent and never errors. Memory of the value's maker. */
struct value_items {
    size_t count; /* of values: twice that of a map's entries */
    struct value values[];
};

static inline struct value value_absent(void) {
    return (struct value){.type = VALUE_ABSENT};
}
static inline struct value value_bool(bool b) {
    return (struct value){.type = VALUE_BOOL, .boolean = b};
}
static inline struct value value_int(int64_t i) {
    return (struct value){.type = VALUE_INT, .integer = i};
}
static inline struct value value_double(double d) {
    return (struct value){.type = VALUE_DOUBLE, .number = d};
}
static inline struct value value_text(struct text t) {
    return (struct value){.type = VALUE_TEXT, .text = t};
}
static inline struct value value_timestamp(int64_t us) {
    return (struct value){.type = VALUE_TIMESTAMP, .integer = us};
}
static inline struct value value_duration(int64_t us) {
    return (struct value){.type = VALUE_DURATION, .integer = us};
}

/* "int", "double", "string", …: CEL's names, as messages print them. */
const char *value_type_name(enum value_type type);

/* Same type and same value; doubles by their bits, so that 0 and -0 differ, and any NaN equals any
 * other, whatever its bits; lists and maps item for item. */
bool value_equal(struct value a, struct value b);

/* A hash over type and value that is the same on every machine; `seed` chains several. */
uint64_t value_hash(struct value v, uint64_t seed);

/* A hash over `count` values: XXH3 over nine bytes of each, the number of its type and eight of its
 * value, lowest first (integers; bits of a double, any NaN as 0x7ff8 and zeros; 0 or 1; of a text
 * its XXH3). After each VALUES_HASH_RUN values the hash so far is the seed of the next run; it
 * starts at 0. Archives store it as decision.feature_hash, so it never changes. */
#define VALUES_HASH_RUN 64
uint64_t values_hash(const struct value *values, size_t count);

/* Prints for people: the shortest digits that read back as the same double, RFC 3339 timestamps, ""
 * for absent, [a, b] and {a: b}. Returns the length needed, like snprintf. */
int value_format(struct value v, char *ret_string, size_t size);

/* The same for all but texts, lists and maps, in at most VALUE_PUT_MAX bytes without a NUL. Returns
 * the length. */
#define VALUE_PUT_MAX 48
size_t value_put(struct value v, char *at);
