/* Which columns an export has: all, or those that were asked for, in that order. */
#pragma once

#include "batch/export/export_attributes.h"
#include "export_cell.h"

#include <stdbool.h>
#include <stddef.h>

struct export_column {
    struct text name; /* heap memory of the columns: "card", "attributes.items:int" */
    enum export_value value;
    size_t attribute;     /* of EXPORT_ATTRIBUTES: its index in the set; SIZE_MAX: no row has it */
    enum value_type type; /* of EXPORT_ATTRIBUTES: BOOL, INT, DOUBLE or TEXT */
};

struct export_columns {
    struct export_column *columns;
    size_t count;
    size_t first_attribute; /* index; count: no column is an attribute */
};

/* Of the names that --columns gives, before the archive is read: all but the attributes are known.
 * list NULL: all columns. *ret_attributes: must the attributes be found out? ERROR_INVALID names
 * the nearest column. */
int export_columns_check(const char *list, bool *ret_attributes, struct error *ret_error);

/* list: checked. ERROR_INVALID: no transaction has such an attribute, or with another type; a
 * column given twice. */
int export_columns_init(struct export_columns *columns, const char *list,
                        const struct export_attributes *attributes, struct error *ret_error);
void export_columns_deinit(struct export_columns *columns);
