/* Comparing, hashing and printing values. Hashes are stored in archives (values_hash()), so
 * payloads and their layout are a format. */
#include "value.h"

#include "check.h"
#include "digits.h"
#include "hash.h"

#include <stdio.h>

static const char *const type_names[] = {
    [VALUE_ABSENT] = "absent",     [VALUE_BOOL] = "bool",   [VALUE_INT] = "int",
    [VALUE_DOUBLE] = "double",     [VALUE_TEXT] = "string", [VALUE_TIMESTAMP] = "timestamp",
    [VALUE_DURATION] = "duration", [VALUE_ERROR] = "error", [VALUE_LIST] = "list",
    [VALUE_MAP] = "map",
};

const char *value_type_name(enum value_type type) {
    if ((size_t)type >= sizeof type_names / sizeof *type_names)
        return "unknown";
    return type_names[type];
}

/* The bits of a NaN depend on the processor and on the order of operands: all are treated as this
 * one. */
#define NAN_BITS UINT64_C(0x7ff8000000000000)

static inline uint64_t double_bits(double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return number == number ? bits : NAN_BITS;
}

static bool items_equal(const struct value_items *a, const struct value_items *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!value_equal(a->values[i], b->values[i]))
            return false;
    return true;
}

bool value_equal(struct value a, struct value b) {
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case VALUE_ABSENT:
        return true;
    case VALUE_BOOL:
        return a.boolean == b.boolean;
    case VALUE_DOUBLE:
        return double_bits(a.number) == double_bits(b.number);
    case VALUE_TEXT:
        return text_equal(a.text, b.text);
    case VALUE_ERROR:
        return a.error_code == b.error_code;
    case VALUE_LIST:
    case VALUE_MAP:
        return items_equal(a.items, b.items);
    case VALUE_INT:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        return a.integer == b.integer;
    }
    return false;
}

static uint64_t hash_items(const struct value_items *items) {
    uint64_t hash = items->count;
    for (size_t i = 0; i < items->count; i++)
        hash = value_hash(items->values[i], hash);
    return hash;
}

/* The eight bytes that stand for a value; a text, a list or a map is hashed first. */
static uint64_t payload_of(const struct value *v) {
    switch (v->type) {
    case VALUE_ABSENT:
        break;
    case VALUE_BOOL:
        return v->boolean;
    case VALUE_DOUBLE:
        return double_bits(v->number);
    case VALUE_TEXT:
        return hash_text(v->text);
    case VALUE_ERROR:
        return (uint64_t)v->error_code;
    case VALUE_LIST:
    case VALUE_MAP:
        return hash_items(v->items);
    case VALUE_INT:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        return (uint64_t)v->integer;
    }
    return 0;
}

/* Most values are their own payload, or what a mask leaves of it. Which ones is decided without a
 * branch on the type: it would be mispredicted often, because transactions differ in which values
 * they have. Payloads whose doubled bits exceed the limit of the type take the general way: texts,
 * errors, lists and maps always, doubles if they are NaN. */
#define NO_LIMIT UINT64_MAX
static const uint64_t payload_masks[] = {
    [VALUE_BOOL] = 0xff,           [VALUE_INT] = UINT64_MAX,
    [VALUE_DOUBLE] = UINT64_MAX,   [VALUE_TIMESTAMP] = UINT64_MAX,
    [VALUE_DURATION] = UINT64_MAX, [VALUE_MAP] = 0,
};
static const uint64_t payload_limits[] = {
    [VALUE_ABSENT] = NO_LIMIT,
    [VALUE_BOOL] = NO_LIMIT,
    [VALUE_INT] = NO_LIMIT,
    [VALUE_TIMESTAMP] = NO_LIMIT,
    [VALUE_DURATION] = NO_LIMIT,
    [VALUE_MAP] = 0,
    [VALUE_DOUBLE] = UINT64_C(0xffe0000000000000),
};
_Static_assert(sizeof(bool) == 1, "a bool is what the mask leaves");

/* What is hashed of a value: the type and eight bytes, the lowest first. The payload is stored as a
 * member, not by memcpy(): in a loop over an array _FORTIFY_SOURCE makes a call of that. */
struct __attribute__((packed)) encoded {
    uint8_t type;
    uint64_t payload;
};
_Static_assert(sizeof(struct encoded) == 9, "nothing lies between them");

static inline struct encoded encode(enum value_type type, uint64_t payload) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    payload = __builtin_bswap64(payload);
#endif
    return (struct encoded){.type = (uint8_t)type, .payload = payload};
}

static inline uint64_t own_payload(const struct value *v) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return payload_of(v);
#else
    uint64_t payload;
    memcpy(&payload, &v->integer, sizeof payload);
    if (__builtin_expect((payload << 1 | 1) > payload_limits[v->type], 0))
        return payload_of(v);
    return payload & payload_masks[v->type];
#endif
}

uint64_t value_hash(struct value v, uint64_t seed) {
    struct encoded encoded = encode(v.type, payload_of(&v));
    return hash64(&encoded, sizeof encoded, seed);
}

uint64_t values_hash(const struct value *values, size_t count) {
    struct encoded run[VALUES_HASH_RUN];
    uint64_t hash = 0;
    for (const struct value *v = values, *end = values + count; v < end;) {
        const struct value *stop = end - v < VALUES_HASH_RUN ? end : v + VALUES_HASH_RUN;
        struct encoded *at = run;
#pragma GCC unroll 4
        for (; v < stop; v++, at++)
            *at = encode(v->type, own_payload(v));
        hash = hash64(run, (size_t)(at - run) * sizeof *run, hash);
    }
    return hash;
}

static size_t put_string(const char *string, char *at) {
    size_t length = strlen(string);
    memcpy(at, string, length);
    return length;
}

static size_t put_duration(int64_t us, char *at) {
    uint64_t magnitude = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    size_t length = us < 0 ? put_string("-", at) : 0;
    length += digits_unsigned(magnitude / 1000000, at + length);
    unsigned rest = (unsigned)(magnitude % 1000000);
    if (rest)
        length += (size_t)snprintf(at + length, DIGITS_SIZE - length, ".%06u", rest);
    return length + put_string("s", at + length);
}

size_t value_put(struct value v, char *at) {
    switch (v.type) {
    case VALUE_BOOL:
        return put_string(v.boolean ? "true" : "false", at);
    case VALUE_INT:
        return digits_signed(v.integer, at);
    case VALUE_DOUBLE:
        return digits_double(v.number, at);
    case VALUE_TIMESTAMP:
        return digits_timestamp(v.integer, at);
    case VALUE_DURATION:
        return put_duration(v.integer, at);
    case VALUE_ERROR:
        return put_string("error ", at) + digits_signed(v.error_code, at + 6);
    case VALUE_ABSENT:
        return 0;
    case VALUE_TEXT:
    case VALUE_LIST:
    case VALUE_MAP:
        break;
    }
    check(!"a text, a list or a map has no limit");
    return 0;
}

/* As snprintf() would print it. */
static int copy_out(const char *string, size_t length, char *ret_string, size_t size) {
    size_t fits = length < size ? length : size ? size - 1 : 0;
    if (fits)
        memcpy(ret_string, string, fits);
    if (size)
        ret_string[fits] = '\0';
    return (int)length;
}

/* Appends at `length`, like snprintf: what does not fit is counted all the same. */
static int format_part(struct value v, int length, char *ret_string, size_t size) {
    size_t at = (size_t)length < size ? (size_t)length : size;
    return length + value_format(v, ret_string + at, size - at);
}

/* Recursive: items may be lists and maps themselves. */
static int format_items(struct value v, char *ret_string, size_t size) {
    bool list = v.type == VALUE_LIST;
    int length = format_part(value_text(text_of(list ? "[" : "{")), 0, ret_string, size);
    for (size_t i = 0; i < v.items->count; i++) {
        const char *between = i == 0 ? "" : list || i % 2 == 0 ? ", " : ": ";
        length = format_part(value_text(text_of(between)), length, ret_string, size);
        length = format_part(v.items->values[i], length, ret_string, size);
    }
    return format_part(value_text(text_of(list ? "]" : "}")), length, ret_string, size);
}

int value_format(struct value v, char *ret_string, size_t size) {
    if (v.type == VALUE_TEXT)
        return copy_out(v.text.data, v.text.length, ret_string, size);
    if (v.type == VALUE_LIST || v.type == VALUE_MAP)
        return format_items(v, ret_string, size);
    char printed[VALUE_PUT_MAX];
    size_t length = value_put(v, printed);
    check(length <= sizeof printed);
    return copy_out(printed, length, ret_string, size);
}
