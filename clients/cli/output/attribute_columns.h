/* The attributes of transactions as columns of a file, each called attributes.NAME:TYPE, as the
 * files that `harrier score` reads name it; in Parquet, which has types, attributes.NAME. */
#pragma once

#include "batch/export/export_attributes.h"
#include "clients/cli/parquet/column_batch.h"
#include "core/base/buffer.h"
#include "core/base/value.h"
#include "core/wire/types/transaction.h"

#include <stdbool.h>

#define ATTRIBUTE_COLUMN_PREFIX "attributes."

/* Does the attribute occur with types that no column can hold together? */
bool attribute_column_is_mixed(const struct export_attribute *attribute);
/* BOOL, INT, DOUBLE or TEXT: what its column holds. Whole numbers may be in one of doubles. */
enum value_type attribute_column_type(const struct export_attribute *attribute);
/* The type with this name. VALUE_ABSENT: an attribute has no such one. */
enum value_type attribute_column_type_of(struct text name);
/* The column's name, heap memory. */
struct text attribute_column_name(struct text attribute, enum value_type type);
/* The same without the type, in the same memory. */
struct text attribute_column_untyped(struct text name);

/* Appends a cell. */
void attribute_column_csv(const struct attribute *attribute, struct buffer *line);
/* Adds it to a packed row, for a column of this type: a TEXT column takes all as CSV writes them, a
 * DOUBLE column integers, too. NULL: the row lacks it. */
void attribute_column_pack(const struct attribute *attribute, enum value_type type,
                           struct packed_row *packed);
