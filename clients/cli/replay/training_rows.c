#include "training_rows.h"

#include "clients/cli/io/csv_cell.h"
#include "clients/cli/output/attribute_columns.h"
#include "clients/cli/output/decision_output.h"
#include "clients/cli/output/transaction_columns.h"
#include "clients/cli/parquet/column_batch.h"
#include "core/base/check.h"

#include <stdlib.h>

/* Names of one policy are the same memory every time, in the columns and in decisions. */
static bool is_named(const struct named_value *feature, struct text name) {
    return feature->name.data == name.data || text_equal(feature->name, name);
}

/* The value of a column's feature: mostly behind that of the column before, *guess; elsewhere, or
 * nowhere, after a policy's change. */
static struct value find_value(const struct decision *decision, struct text name, size_t *guess) {
    if (*guess < decision->feature_count && is_named(&decision->features[*guess], name))
        return decision->features[(*guess)++].value;
    for (size_t i = 0; i < decision->feature_count; i++)
        if (is_named(&decision->features[i], name)) {
            *guess = i + 1;
            return decision->features[i].value;
        }
    return value_absent();
}

/* No outcome is an empty cell, not the word "none". */
static struct text outcome_name(enum label outcome) {
    return text_of(outcome == LABEL_NONE ? "" : label_name(outcome));
}

/* NULL: the transaction lacks it. Few have more than a handful. */
static const struct attribute *attribute_of(const struct training_columns *columns, size_t column,
                                            const struct transaction *transaction) {
    const struct export_attribute *wanted =
        &columns->attributes->attributes[column - columns->first_attribute];
    for (size_t i = 0; i < transaction->attribute_count; i++)
        if (text_equal(transaction->attributes[i].name, wanted->name))
            return &transaction->attributes[i];
    return NULL;
}

static void add_attribute(struct buffer *row, const struct attribute *attribute) {
    buffer_append_u8(row, ',');
    if (attribute)
        attribute_column_csv(attribute, row);
}

static void add_field(struct buffer *row, enum transaction_column column,
                      const struct transaction *transaction) {
    char digits[DECIMAL_SIZE];
    buffer_append_u8(row, ',');
    csv_add_value(row, transaction_column_value(column, transaction, digits));
}

/* The columns of training_columns.c, in that order. */
void training_row_csv(const struct training_columns *columns, const struct decision *decision,
                      const struct transaction *transaction, enum label outcome,
                      struct buffer *row) {
    csv_add_text(row, decision->transaction_id);
    buffer_append_u8(row, ',');
    buffer_append_string(row, verdict_name(decision->verdict));
    buffer_append_u8(row, ',');
    csv_add_value(row, value_int(decision->score));
    buffer_append_u8(row, ',');
    csv_add_value(row, value_int((int64_t)decision->position));
    buffer_append_u8(row, ',');
    csv_add_value(row, value_bool(decision->degraded));
    buffer_append_u8(row, ',');
    decision_csv_rules(row, decision);
    buffer_append_u8(row, ',');
    decision_csv_reasons(row, decision);
    buffer_append_u8(row, ',');
    csv_add_value(row, value_timestamp(transaction->event_time_us));
    buffer_append_u8(row, ',');
    csv_add_text(row, outcome_name(outcome));
    for (size_t i = columns->first_field; i < columns->first_attribute; i++)
        add_field(row, (enum transaction_column)(i - columns->first_field), transaction);
    for (size_t i = columns->first_attribute; i < columns->first_feature; i++)
        add_attribute(row, attribute_of(columns, i, transaction));
    size_t guess = 0;
    for (size_t i = columns->first_feature; i < columns->count; i++) {
        buffer_append_u8(row, ',');
        csv_add_value(row, find_value(decision, columns->columns[i].name, &guess));
    }
    buffer_append_u8(row, '\n');
}

/* Nothing where CSV has an empty cell. */
static void pack_text(struct packed_row *row, struct text text) {
    packed_row_add(row, text.length ? value_text(text) : value_absent());
}

/* `join` appends names or texts of the decision's reasons. */
static void pack_joined(struct packed_row *row, const struct decision *decision,
                        void (*join)(struct buffer *, const struct decision *)) {
    if (decision->reason_count == 0) {
        packed_row_add(row, value_absent());
        return;
    }
    size_t begin = packed_row_begin_text(row);
    join(row->buffer, decision);
    packed_row_end_text(row, begin);
}

/* The digits end with a NUL; the double is the nearest one. */
static void pack_field(struct packed_row *row, enum transaction_column column,
                       const struct transaction *transaction) {
    char digits[DECIMAL_SIZE];
    struct value value = transaction_column_value(column, transaction, digits);
    if (value.type == VALUE_TEXT && transaction_column_type(column) == VALUE_DOUBLE)
        value = value_double(strtod(digits, NULL));
    packed_row_add(row, value);
}

/* As the column has it: policies that do not agree about a feature's type make it a text. */
static void pack_value(struct packed_row *row, struct value value, enum value_type type) {
    if (value.type == type || value.type == VALUE_ABSENT) {
        packed_row_add(row, value);
        return;
    }
    check(type == VALUE_TEXT);
    size_t begin = packed_row_begin_text(row);
    if (value.type == VALUE_LIST || value.type == VALUE_MAP) {
        size_t size = (size_t)value_format(value, NULL, 0) + 1;
        value_format(value, (char *)buffer_reserve(row->buffer, size), size);
        row->buffer->length += size - 1;
    } else {
        row->buffer->length += value_put(value, (char *)buffer_reserve(row->buffer, VALUE_PUT_MAX));
    }
    packed_row_end_text(row, begin);
}

/* The same cells as training_row_csv(), typed. */
void training_row_packed(const struct training_columns *columns, const struct decision *decision,
                         const struct transaction *transaction, enum label outcome,
                         struct buffer *buffer) {
    struct packed_row row = packed_row_begin(buffer, columns->count);
    pack_text(&row, decision->transaction_id);
    pack_text(&row, text_of(verdict_name(decision->verdict)));
    packed_row_add(&row, value_int(decision->score));
    packed_row_add(&row, value_int((int64_t)decision->position));
    packed_row_add(&row, value_bool(decision->degraded));
    pack_joined(&row, decision, decision_rules);
    pack_joined(&row, decision, decision_reasons);
    packed_row_add(&row, value_timestamp(transaction->event_time_us));
    pack_text(&row, outcome_name(outcome));
    for (size_t i = columns->first_field; i < columns->first_attribute; i++)
        pack_field(&row, (enum transaction_column)(i - columns->first_field), transaction);
    for (size_t i = columns->first_attribute; i < columns->first_feature; i++)
        attribute_column_pack(attribute_of(columns, i, transaction), columns->columns[i].type,
                              &row);
    size_t guess = 0;
    for (size_t i = columns->first_feature; i < columns->count; i++)
        pack_value(&row, find_value(decision, columns->columns[i].name, &guess),
                   columns->columns[i].type);
}
