/* Names are resolved twice: before the archive is read, so that a slip of the finger does not cost
 * a pass over it, and behind the first pass, when the attributes are known. */
#include "export_columns.h"

#include "clients/cli/output/attribute_columns.h"
#include "core/base/check.h"
#include "core/policy/source/diagnostic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

/* The next name of the list, and moves behind it. */
static bool next_name(const char **list, struct text *ret_name) {
    if (!*list)
        return false;
    size_t length = strcspn(*list, ",");
    *ret_name = (struct text){.data = *list, .length = length};
    *list = (*list)[length] ? *list + length + 1 : NULL;
    return true;
}

/* EXPORT_VALUE_COUNT: there is no such column. */
static enum export_value value_of(struct text name) {
    for (unsigned value = 0; value < EXPORT_VALUE_COUNT; value++)
        if (text_is(name, export_value_name((enum export_value)value)))
            return (enum export_value)value;
    return EXPORT_VALUE_COUNT;
}

/* "attributes.items:int" → items, int. type "": not given. */
static bool split_attribute(struct text name, struct text *ret_attribute, struct text *ret_type) {
    size_t prefix = strlen(ATTRIBUTE_COLUMN_PREFIX);
    if (name.length <= prefix || memcmp(name.data, ATTRIBUTE_COLUMN_PREFIX, prefix) != 0)
        return false;
    name.data += prefix;
    name.length -= prefix;
    const char *colon = memchr(name.data, ':', name.length);
    size_t length = colon ? (size_t)(colon - name.data) : name.length;
    *ret_attribute = (struct text){.data = name.data, .length = length};
    *ret_type = colon ? (struct text){.data = colon + 1, .length = name.length - length - 1}
                      : (struct text){0};
    return true;
}

static int unknown_column(struct text name, struct error *ret_error) {
    struct near near = near_to(name);
    char hint[NEAR_HINT_SIZE];
    for (unsigned value = 0; value < EXPORT_VALUE_COUNT; value++)
        near_try(&near, text_of(export_value_name((enum export_value)value)));
    return error_set(ret_error, ERROR_INVALID,
                     "--columns: there is no column \"%" TEXT_FORMAT "\"%s", TEXT_ARGS(name),
                     near_hint(&near, hint));
}

int export_columns_check(const char *list, bool *ret_attributes, struct error *ret_error) {
    struct text name, attribute, type;
    *ret_attributes = list == NULL;
    while (next_name(&list, &name)) {
        if (split_attribute(name, &attribute, &type)) {
            if (type.length > 0 && attribute_column_type_of(type) == VALUE_ABSENT)
                return error_set(ret_error, ERROR_INVALID,
                                 "--columns: \"%" TEXT_FORMAT
                                 "\" is not a type (expected string, int, double or bool)",
                                 TEXT_ARGS(type));
            *ret_attributes = true;
            continue;
        }
        enum export_value value = value_of(name);
        if (value == EXPORT_VALUE_COUNT)
            return unknown_column(name, ret_error);
        *ret_attributes |= value == EXPORT_ATTRIBUTES;
    }
    return 0;
}

/* ---- columns ---- */

static bool has_column(const struct export_columns *columns, const struct export_column *column) {
    for (size_t i = 0; i < columns->count; i++)
        if (columns->columns[i].value == column->value &&
            (column->value != EXPORT_ATTRIBUTES ||
             text_equal(columns->columns[i].name, column->name)))
            return true;
    return false;
}

/* Takes over the name. */
static int add_column(struct export_columns *columns, struct export_column column,
                      struct error *ret_error) {
    if (has_column(columns, &column)) {
        error_set(ret_error, ERROR_INVALID, "--columns: \"%" TEXT_FORMAT "\" is given twice",
                  TEXT_ARGS(column.name));
        free((char *)column.name.data);
        return -ERROR_INVALID;
    }
    if (column.value == EXPORT_ATTRIBUTES && columns->first_attribute == SIZE_MAX)
        columns->first_attribute = columns->count;
    columns->columns =
        check_reallocarray(columns->columns, columns->count + 1, sizeof *columns->columns);
    columns->columns[columns->count++] = column;
    return 0;
}

static int add_attribute(struct export_columns *columns, struct text attribute,
                         enum value_type type, size_t index, struct error *ret_error) {
    const struct export_column column = {.name = attribute_column_name(attribute, type),
                                         .value = EXPORT_ATTRIBUTES,
                                         .attribute = index,
                                         .type = type};
    return add_column(columns, column, ret_error);
}

static int add_all_attributes(struct export_columns *columns,
                              const struct export_attributes *attributes, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < attributes->count && r == 0; i++)
        r = add_attribute(columns, attributes->attributes[i].name,
                          attribute_column_type(&attributes->attributes[i]), i, ret_error);
    return r;
}

static int add_value(struct export_columns *columns, enum export_value value,
                     const struct export_attributes *attributes, struct error *ret_error) {
    if (value == EXPORT_ATTRIBUTES)
        return add_all_attributes(columns, attributes, ret_error);
    const struct export_column column = {
        .name = text_of(text_copy(text_of(export_value_name(value)))), .value = value};
    return add_column(columns, column, ret_error);
}

static int unknown_attribute(struct text attribute, const struct export_attributes *attributes,
                             struct error *ret_error) {
    struct near near = near_to(attribute);
    char hint[NEAR_HINT_SIZE];
    for (size_t i = 0; i < attributes->count; i++)
        near_try(&near, attributes->attributes[i].name);
    if (*near_hint(&near, hint))
        return error_set(ret_error, ERROR_INVALID,
                         "--columns: no transaction has the attribute \"%" TEXT_FORMAT "\"%s",
                         TEXT_ARGS(attribute), hint);
    return error_set(ret_error, ERROR_INVALID,
                     "--columns: no transaction has the attribute \"%" TEXT_FORMAT
                     "\" (with a type, attributes.%" TEXT_FORMAT ":string, it is an empty column)",
                     TEXT_ARGS(attribute), TEXT_ARGS(attribute));
}

/* With a type the column is there even if no transaction of this range has the attribute, so files
 * of several ranges have the same columns. */
static int add_named_attribute(struct export_columns *columns, struct text attribute,
                               struct text type, const struct export_attributes *attributes,
                               struct error *ret_error) {
    size_t index = export_attributes_find(attributes, attribute);
    if (index == SIZE_MAX && type.length == 0)
        return unknown_attribute(attribute, attributes, ret_error);
    if (index == SIZE_MAX)
        return add_attribute(columns, attribute, attribute_column_type_of(type), SIZE_MAX,
                             ret_error);
    enum value_type found = attribute_column_type(&attributes->attributes[index]);
    if (type.length > 0 && attribute_column_type_of(type) != found)
        return error_set(ret_error, ERROR_INVALID,
                         "--columns: the attribute \"%" TEXT_FORMAT "\" is %s, not %" TEXT_FORMAT,
                         TEXT_ARGS(attribute), value_type_name(found), TEXT_ARGS(type));
    return add_attribute(columns, attribute, found, index, ret_error);
}

int export_columns_init(struct export_columns *columns, const char *list,
                        const struct export_attributes *attributes, struct error *ret_error) {
    struct text name, attribute, type;
    int r = 0;
    *columns = (struct export_columns){.first_attribute = SIZE_MAX};
    if (!list)
        for (unsigned value = 0; value < EXPORT_VALUE_COUNT && r == 0; value++)
            r = add_value(columns, (enum export_value)value, attributes, ret_error);
    while (r == 0 && next_name(&list, &name))
        r = split_attribute(name, &attribute, &type)
                ? add_named_attribute(columns, attribute, type, attributes, ret_error)
                : add_value(columns, value_of(name), attributes, ret_error);
    if (columns->first_attribute == SIZE_MAX)
        columns->first_attribute = columns->count;
    if (r < 0)
        export_columns_deinit(columns);
    return r;
}

void export_columns_deinit(struct export_columns *columns) {
    for (size_t i = 0; i < columns->count; i++)
        free((char *)columns->columns[i].name.data);
    free(columns->columns);
    *columns = (struct export_columns){0};
}
