/* The columns of a training set, and what its features mean: of all policies that a replay decides
 * by, the first policy's first, each name once. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/text.h"
#include "core/base/value.h"
#include "core/policy/load/snapshot.h"

#include <stddef.h>

struct training_column {
    struct text name; /* a snapshot's, or a literal */
    /* What its values are when they are there. VALUE_TEXT also where two policies do not agree: all
     * of them are then written as text. */
    enum value_type type;
};

struct training_columns {
    struct training_column *columns; /* what every row has, then the fields, then the features */
    size_t count, first_field, first_feature;
    const struct snapshot **policies; /* each different one once; they must outlive this */
    size_t policy_count;
};

/* Those that every row has. fields: also the transaction's own, all of enum transaction_column. */
void training_columns_init(struct training_columns *columns, bool fields);
/* The same policy again is no change. */
void training_columns_add(struct training_columns *columns, const struct snapshot *policy);
void training_columns_deinit(struct training_columns *columns);

/* Appends an object of JSON: name and id of each policy with the files that say what its features
 * are, and each feature's definition. */
void training_columns_describe(const struct training_columns *columns, struct buffer *json);
