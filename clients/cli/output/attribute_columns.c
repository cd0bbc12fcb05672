#include "attribute_columns.h"

#include "clients/cli/io/csv_cell.h"
#include "core/base/check.h"

#include <stdio.h>

#define TYPE_BIT(type) (1u << (type))

bool attribute_column_is_mixed(const struct export_attribute *attribute) {
    unsigned types = attribute->types & ~TYPE_BIT(ATTRIBUTE_NONE);
    return (types & (types - 1)) != 0;
}

enum value_type attribute_column_type(const struct export_attribute *attribute) {
    unsigned types = attribute->types & ~TYPE_BIT(ATTRIBUTE_NONE);
    if (types == TYPE_BIT(ATTRIBUTE_INTEGER))
        return VALUE_INT;
    if (types == TYPE_BIT(ATTRIBUTE_FLAG))
        return VALUE_BOOL;
    if (types && (types & ~(TYPE_BIT(ATTRIBUTE_INTEGER) | TYPE_BIT(ATTRIBUTE_NUMBER))) == 0)
        return VALUE_DOUBLE;
    return VALUE_TEXT;
}

enum value_type attribute_column_type_of(struct text name) {
    static const enum value_type types[] = {VALUE_TEXT, VALUE_INT, VALUE_DOUBLE, VALUE_BOOL};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (text_is(name, value_type_name(types[i])))
            return types[i];
    return VALUE_ABSENT;
}

struct text attribute_column_name(struct text attribute, enum value_type type) {
    char *name;
    check(asprintf(&name, ATTRIBUTE_COLUMN_PREFIX "%" TEXT_FORMAT ":%s", TEXT_ARGS(attribute),
                   value_type_name(type)) > 0);
    return text_of(name);
}

struct text attribute_column_untyped(struct text name) {
    while (name.data[--name.length] != ':')
        ;
    return name;
}

/* ---- values ---- */

static struct value value_of(const struct attribute *attribute) {
    switch (attribute->type) {
    case ATTRIBUTE_TEXT:
        return value_text(attribute->text);
    case ATTRIBUTE_INTEGER:
        return value_int(attribute->integer);
    case ATTRIBUTE_NUMBER:
        return value_double(attribute->number);
    case ATTRIBUTE_FLAG:
        return value_bool(attribute->flag);
    case ATTRIBUTE_NONE:
        break;
    }
    return value_absent();
}

void attribute_column_csv(const struct attribute *attribute, struct buffer *line) {
    csv_add_value(line, value_of(attribute));
}

/* What CSV writes, without its quotes. */
static void pack_as_text(struct value value, struct packed_row *packed) {
    size_t begin = packed_row_begin_text(packed);
    packed->buffer->length +=
        value_put(value, (char *)buffer_reserve(packed->buffer, VALUE_PUT_MAX));
    packed_row_end_text(packed, begin);
}

void attribute_column_pack(const struct attribute *attribute, enum value_type type,
                           struct packed_row *packed) {
    struct value value = attribute ? value_of(attribute) : value_absent();
    if (value.type == VALUE_INT && type == VALUE_DOUBLE)
        value = value_double((double)value.integer);
    if (value.type == type || value.type == VALUE_ABSENT)
        packed_row_add(packed, value);
    else
        pack_as_text(value, packed);
}
