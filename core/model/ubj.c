/* A recursive reader, whose depth is limited. Every value takes at least one byte of the file, so a
 * file cannot ask for more memory than a fixed multiple of its size: the exceptions, typed arrays
 * of null, true or false, are refused. Numbers are big-endian. XGBoost writes non-finite numbers,
 * too, which become null: where one matters, the reader of the model refuses it. */
#include "ubj.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct ubj {
    struct text file;
    size_t containers; /* so far */
    size_t at;
    int depth;
    size_t values; /* so far */
    struct error *error;
};

static json_t *fail(struct ubj *reader, const char *what) {
    error_set(reader->error, ERROR_INVALID, "not UBJ: byte %zu: %s", reader->at, what);
    return NULL;
}

static size_t left(const struct ubj *reader) {
    return reader->file.length - reader->at;
}

static int peek(const struct ubj *reader) {
    return left(reader) > 0 ? (unsigned char)reader->file.data[reader->at] : -1;
}

static bool take(struct ubj *reader, char marker) {
    bool is_it = peek(reader) == marker;
    reader->at += is_it;
    return is_it;
}

static uint64_t take_bytes(struct ubj *reader, size_t size) {
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits = bits << 8 | (unsigned char)reader->file.data[reader->at++];
    return bits;
}

/* Bytes of a number of this type; 0: it is none. */
static size_t size_of(int type) {
    switch (type) {
    case 'i':
    case 'U':
        return 1;
    case 'I':
        return 2;
    case 'l':
    case 'd':
        return 4;
    case 'L':
    case 'D':
        return 8;
    default:
        return 0;
    }
}

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *take_number(struct ubj *reader, int type) {
    size_t size = size_of(type);
    if (left(reader) < size)
        return fail(reader, "the file ends within a number");
    uint64_t bits = take_bytes(reader, size);
    uint32_t half = (uint32_t)bits;
    float single;
    double twice;
    switch (type) {
    case 'i':
        return json_integer((int8_t)bits);
    case 'I':
        return json_integer((int16_t)bits);
    case 'l':
        return json_integer((int32_t)bits);
    case 'd':
        memcpy(&single, &half, sizeof single);
        return number((double)single);
    case 'D':
        memcpy(&twice, &bits, sizeof twice);
        return number(twice);
    default:
        return json_integer((json_int_t)bits);
    }
}

/* A length: an integer of any width that is not negative and fits the rest of the file. */
static bool take_length(struct ubj *reader, size_t *ret_length) {
    int type = peek(reader);
    size_t size = size_of(type);
    if (size == 0 || type == 'd' || type == 'D' || left(reader) < 1 + size) {
        fail(reader, "expected a length");
        return false;
    }
    reader->at++;
    uint64_t bits = take_bytes(reader, size);
    if (type != 'U' && bits >> (8 * size - 1)) {
        fail(reader, "a negative length");
        return false;
    }
    if (bits > left(reader)) {
        fail(reader, "a length beyond the end of the file");
        return false;
    }
    *ret_length = (size_t)bits;
    return true;
}

static json_t *take_string(struct ubj *reader) {
    size_t length;
    if (!take_length(reader, &length))
        return NULL;
    json_t *string = json_stringn(reader->file.data + reader->at, length);
    reader->at += length;
    return string ? string : fail(reader, "a string that is not UTF-8");
}

static json_t *take_value(struct ubj *reader, int type);

/* The type and number that may follow [ or {. count SIZE_MAX: as many as come before the end. */
struct extent {
    int type;
    size_t count;
};

static bool take_extent(struct ubj *reader, struct extent *ret_extent) {
    struct extent extent = {.type = 0, .count = SIZE_MAX};
    if (take(reader, '$')) {
        extent.type = peek(reader);
        if (size_of(extent.type) == 0) {
            fail(reader, "an array of a type other than numbers");
            return false;
        }
        reader->at++;
        if (peek(reader) != '#') {
            fail(reader, "expected a count after the type");
            return false;
        }
    }
    if (take(reader, '#') && !take_length(reader, &extent.count))
        return false;
    if (extent.type && extent.count > left(reader) / size_of(extent.type)) {
        fail(reader, "an array beyond the end of the file");
        return false;
    }
    *ret_extent = extent;
    return true;
}

static int take_type(struct ubj *reader, const struct extent *extent) {
    if (extent->type)
        return extent->type;
    int type = peek(reader);
    reader->at += type >= 0;
    return type;
}

static json_t *take_array(struct ubj *reader) {
    struct extent extent;
    if (!take_extent(reader, &extent))
        return NULL;
    json_t *array = json_array();
    for (size_t i = 0; i < extent.count; i++) {
        if (extent.count == SIZE_MAX && take(reader, ']'))
            break;
        json_t *item = take_value(reader, take_type(reader, &extent));
        if (!item || json_array_append_new(array, item) < 0) {
            json_decref(array);
            return item ? fail(reader, "out of memory") : NULL;
        }
    }
    return array;
}

static json_t *take_object(struct ubj *reader) {
    struct extent extent;
    if (!take_extent(reader, &extent))
        return NULL;
    json_t *object = json_object();
    for (size_t i = 0; i < extent.count; i++) {
        if (extent.count == SIZE_MAX && take(reader, '}'))
            break;
        json_t *key = take_string(reader);
        json_t *value = key ? take_value(reader, take_type(reader, &extent)) : NULL;
        bool good = value && json_object_set_new(object, json_string_value(key), value) == 0;
        json_decref(key);
        if (!good) {
            json_decref(object);
            return value ? fail(reader, "out of memory") : NULL;
        }
    }
    return object;
}

static json_t *take_nested(struct ubj *reader, bool is_array) {
    if (reader->depth == UBJ_DEPTH_MAX)
        return fail(reader, "nested too deeply");
    if (++reader->containers > UBJ_CONTAINERS_MAX)
        return fail(reader, "too many objects and arrays");
    reader->depth++;
    json_t *value = is_array ? take_array(reader) : take_object(reader);
    reader->depth--;
    return value;
}

static json_t *take_value(struct ubj *reader, int type) {
    if (++reader->values > UBJ_VALUES_MAX)
        return fail(reader, "too many values");
    switch (type) {
    case '{':
        return take_nested(reader, false);
    case '[':
        return take_nested(reader, true);
    case 'S':
        return take_string(reader);
    case 'T':
        return json_true();
    case 'F':
        return json_false();
    case 'Z':
        return json_null();
    default:
        return size_of(type) > 0 ? take_number(reader, type) : fail(reader, "an unknown marker");
    }
}

int ubj_read(struct text file, json_t **ret_root, struct error *ret_error) {
    struct ubj reader = {.file = file, .error = ret_error};
    if (peek(&reader) != '{')
        return error_set(ret_error, ERROR_INVALID, "not UBJ: it does not begin with an object");
    reader.at++;
    json_t *root = take_nested(&reader, false);
    if (!root)
        return -ERROR_INVALID; /* fail() has said why */
    if (left(&reader) > 0) {
        json_decref(root);
        return error_set(ret_error, ERROR_INVALID, "not UBJ: %zu bytes follow its end",
                         left(&reader));
    }
    *ret_root = root;
    return 0;
}
