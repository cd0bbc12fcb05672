/* The parts that both kinds of mapping share (struct, columns, attributes, types), and the
 * mapping that follows from a header's names. Mapping files are read in mapping_yaml.c; values
 * are converted in row_transaction.c. */
#include "mapping.h"

#include "core/base/check.h"

#include <stdlib.h>

#define MAPPING_ARENA_BYTES (8u << 20)
#define COLUMNS_MAX         256

/* Names of the values that are no text fields of a transaction. */
static const struct {
    const char *name;
    size_t offset;
} own_values[] = {
    {"id", offsetof(struct mapping, id)},
    {"event_time", offsetof(struct mapping, event_time)},
    {"amount", offsetof(struct mapping, amount)},
    {"amount_minor", offsetof(struct mapping, amount_minor)},
    {"currency", offsetof(struct mapping, currency)},
    {"latitude", offsetof(struct mapping, latitude)},
    {"longitude", offsetof(struct mapping, longitude)},
    {"source", offsetof(struct mapping, source)},
    {"sequence", offsetof(struct mapping, sequence)},
    {"outcome", offsetof(struct mapping, outcome)},
    {"outcome_time", offsetof(struct mapping, outcome_time)},
    {"received_time", offsetof(struct mapping, received_time)},
    {"amendment", offsetof(struct mapping, amendment)},
    {"amendment_amount", offsetof(struct mapping, amendment_amount)},
    {"amendment_amount_minor", offsetof(struct mapping, amendment_amount_minor)},
    {"amendment_time", offsetof(struct mapping, amendment_time)},
    {"label_fraud", offsetof(struct mapping, label_fraud)},
};
#define OWN_VALUES (sizeof own_values / sizeof *own_values)

struct mapped_value *mapping_value(struct mapping *mapping, struct text name) {
    for (size_t i = 0; i < OWN_VALUES; i++)
        if (text_is(name, own_values[i].name))
            return (struct mapped_value *)((char *)mapping + own_values[i].offset);
    enum transaction_field field = transaction_field_parse(name);
    return field < FIELD_COUNT ? &mapping->fields[field] : NULL;
}

const char *mapping_nearest_name(struct text name) {
    const char *nearest = NULL;
    size_t best = 3; /* farther than two edits is no slip of the finger */
    for (size_t i = 0; i < OWN_VALUES + FIELD_COUNT + 1; i++) {
        const char *known = i < OWN_VALUES ? own_values[i].name
                            : i < OWN_VALUES + FIELD_COUNT
                                ? transaction_field_name((enum transaction_field)(i - OWN_VALUES))
                                : "attributes";
        size_t distance = text_distance(name, text_of(known));
        if (distance < best) {
            best = distance;
            nearest = known;
        }
    }
    return nearest;
}

struct mapping *mapping_new(void) {
    struct mapping *mapping = check_calloc(1, sizeof *mapping);
    arena_init(&mapping->arena, MAPPING_ARENA_BYTES);
    mapping->columns = check_calloc(COLUMNS_MAX, sizeof *mapping->columns);
    mapping->attributes = check_calloc(TRANSACTION_ATTRIBUTES_MAX, sizeof *mapping->attributes);
    return mapping;
}

void mapping_free(struct mapping *mapping) {
    if (!mapping)
        return;
    arena_deinit(&mapping->arena);
    free(mapping->columns);
    free(mapping->attributes);
    free(mapping->labels);
    free(mapping);
}

/* The same column may serve several fields: it is wanted once. */
struct mapped_value mapping_column(struct mapping *mapping, struct text column) {
    size_t i = 0;
    while (i < mapping->column_count && !text_equal(mapping->columns[i], column))
        i++;
    if (i == mapping->column_count) {
        check(i < COLUMNS_MAX); /* fields, amounts and 64 attributes are far fewer */
        mapping->columns[mapping->column_count++] = arena_text(&mapping->arena, column);
    }
    return (struct mapped_value){.mapped = true, .column = i};
}

struct mapped_value mapping_constant(struct mapping *mapping, struct text text) {
    return (struct mapped_value){
        .mapped = true, .constant = true, .text = arena_text(&mapping->arena, text)};
}

int mapping_add_attribute(struct mapping *mapping, struct text name, struct mapped_value value,
                          struct mapped_attribute **ret_attribute, struct error *ret_error) {
    if (name.length == 0)
        return error_set(ret_error, ERROR_INVALID, "an attribute needs a name");
    for (size_t i = 0; i < mapping->attribute_count; i++)
        if (text_equal(mapping->attributes[i].name, name))
            return error_set(ret_error, ERROR_INVALID,
                             "the attribute \"%" TEXT_FORMAT "\" is given twice", TEXT_ARGS(name));
    if (mapping->attribute_count == TRANSACTION_ATTRIBUTES_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "more than %d attributes",
                         TRANSACTION_ATTRIBUTES_MAX);
    *ret_attribute = &mapping->attributes[mapping->attribute_count++];
    **ret_attribute =
        (struct mapped_attribute){.name = arena_text(&mapping->arena, name), .value = value};
    return 0;
}

/* decimal(0) … decimal(9) */
static bool parse_decimal_type(struct text type, unsigned *ret_digits) {
    if (type.length != sizeof "decimal(0)" - 1 || memcmp(type.data, "decimal(", 8) != 0 ||
        type.data[8] < '0' || type.data[8] > '9' || type.data[9] != ')')
        return false;
    *ret_digits = (unsigned)(type.data[8] - '0');
    return true;
}

int mapping_parse_type(struct text type, struct mapped_attribute *attribute,
                       struct error *ret_error) {
    static const char *const names[] = {
        [MAPPED_STRING] = "string", [MAPPED_INT] = "int",   [MAPPED_DECIMAL] = "decimal",
        [MAPPED_DOUBLE] = "double", [MAPPED_BOOL] = "bool", [MAPPED_TIMESTAMP] = "timestamp",
    };
    if (parse_decimal_type(type, &attribute->digits)) {
        attribute->type = MAPPED_DECIMAL;
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (i != MAPPED_DECIMAL && text_is(type, names[i])) {
            attribute->type = (enum mapped_type)i;
            return 0;
        }
    }
    return error_set(ret_error, ERROR_INVALID,
                     "\"%" TEXT_FORMAT "\" is not a type (expected string, int, decimal(DIGITS), "
                     "double, bool or timestamp)",
                     TEXT_ARGS(type));
}

/* Moves the text behind the prefix if it is there. */
static bool strip_prefix(struct text *text, const char *prefix) {
    size_t length = strlen(prefix);
    if (text->length < length || memcmp(text->data, prefix, length) != 0)
        return false;
    text->data += length;
    text->length -= length;
    return true;
}

/* "attributes.items:int" */
static int map_attribute_column(struct mapping *mapping, struct text column, struct text name,
                                struct error *ret_error) {
    struct text type = TEXT_LITERAL("string");
    const char *colon = memchr(name.data, ':', name.length);
    if (colon) {
        size_t length = (size_t)(colon - name.data);
        type = (struct text){.data = colon + 1, .length = name.length - length - 1};
        name.length = length;
    }
    struct mapped_attribute *attribute;
    int r = mapping_add_attribute(mapping, name, mapping_column(mapping, column), &attribute,
                                  ret_error);
    if (r == 0)
        r = mapping_parse_type(type, attribute, ret_error);
    return r < 0 ? error_prefix(ret_error, "1: column \"%" TEXT_FORMAT "\"", TEXT_ARGS(column)) : 0;
}

/* Columns with other names are not an error: they are reported once as ignored. */
static int map_header(struct mapping *mapping, const struct text *columns, size_t count,
                      struct error *ret_error) {
    for (size_t i = 0; i < count; i++) {
        struct text name = columns[i];
        struct mapped_value *value = mapping_value(mapping, name);
        if (value) {
            *value = mapping_column(mapping, name); /* names in a header are unique */
        } else if (strip_prefix(&name, "attributes.")) {
            if (mapping->attribute_count == TRANSACTION_ATTRIBUTES_MAX)
                return error_set(ret_error, ERROR_TOO_LARGE, "1: more than %d attributes",
                                 TRANSACTION_ATTRIBUTES_MAX);
            int r = map_attribute_column(mapping, columns[i], name, ret_error);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* Each line of JSON has its own names, so all of them are looked for in each. */
static void map_members(struct mapping *mapping) {
    for (size_t i = 0; i < OWN_VALUES; i++) {
        struct text name = text_of(own_values[i].name);
        *mapping_value(mapping, name) = mapping_column(mapping, name);
    }
    for (size_t i = 0; i < FIELD_COUNT; i++)
        mapping->fields[i] =
            mapping_column(mapping, text_of(transaction_field_name((enum transaction_field)i)));
    mapping->json_attributes = true;
}

int mapping_of_rows(const struct rows *rows, struct mapping **ret_mapping,
                    struct error *ret_error) {
    struct mapping *mapping = mapping_new();
    if (rows_format(rows) == ROW_FORMAT_JSONL) {
        map_members(mapping);
    } else {
        size_t count;
        const struct text *columns = rows_columns(rows, &count);
        int r = map_header(mapping, columns, count, ret_error);
        if (r < 0) {
            mapping_free(mapping);
            return r;
        }
    }
    *ret_mapping = mapping;
    return 0;
}
