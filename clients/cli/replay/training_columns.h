/* The columns of a training set, and what its features mean: of all policies that a replay decides
 * by, the first policy's first, each name once. */
#pragma once

#include "batch/export/export_attributes.h"
#include "core/base/buffer.h"
#include "core/base/text.h"
#include "core/base/value.h"
#include "core/policy/load/snapshot.h"

#include <stddef.h>

struct training_column {
    struct text name; /* a snapshot's, or a literal; an attribute's is heap memory */
    /* What its values are when they are there. VALUE_TEXT also where two policies do not agree: all
     * of them are then written as text. */
    enum value_type type;
};

struct training_columns {
    /* What every row has, then the fields, then the attributes, then the features. */
    struct training_column *columns;
    size_t count, first_field, first_attribute, first_feature;
    const struct export_attributes *attributes; /* a column for each; NULL: none */
    const struct snapshot **policies; /* each different one once; they must outlive this */
    size_t policy_count;
};

/* Those that every row has. attributes: also the transaction's own fields, all of enum
 * transaction_column, and these attributes, which must outlive the columns; NULL: neither. */
void training_columns_init(struct training_columns *columns,
                           const struct export_attributes *attributes);
/* The same policy again is no change. */
void training_columns_add(struct training_columns *columns, const struct snapshot *policy);
void training_columns_deinit(struct training_columns *columns);

/* Appends an object of JSON: name and id of each policy with the files that say what its features
 * are, and each feature's definition. */
void training_columns_describe(const struct training_columns *columns, struct buffer *json);
