#include "feature_batches.h"

#include "batch/tasks/arrow_export.h"
#include "clients/cli/parquet/column_batch.h"
#include "clients/cli/replay/training_columns.h"
#include "clients/cli/replay/training_rows.h"
#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS 10000u

struct waiting {
    struct ArrowSchema schema;
    struct ArrowArray array;
};

struct feature_batches {
    struct training_columns columns;
    struct column_batch batch; /* being filled */
    struct buffer row;
    struct waiting *full; /* from `first` on */
    size_t first, count, capacity;
};

struct feature_batches *feature_batches_new(const struct snapshot *policy) {
    struct feature_batches *batches = check_calloc(1, sizeof *batches);
    training_columns_init(&batches->columns, NULL);
    training_columns_add(&batches->columns, policy);
    enum value_type *types = check_calloc(batches->columns.count, sizeof *types);
    for (size_t i = 0; i < batches->columns.count; i++)
        types[i] = batches->columns.columns[i].type;
    column_batch_init(&batches->batch, types, batches->columns.count);
    buffer_init(&batches->row);
    free(types);
    return batches;
}

void feature_batches_free(struct feature_batches *batches) {
    if (!batches)
        return;
    for (size_t i = batches->first; i < batches->count; i++) {
        batches->full[i].schema.release(&batches->full[i].schema);
        batches->full[i].array.release(&batches->full[i].array);
    }
    free(batches->full);
    column_batch_deinit(&batches->batch);
    training_columns_deinit(&batches->columns);
    buffer_deinit(&batches->row);
    free(batches);
}

/* As the Arrow C data interface writes the types. */
static const char *format_of(enum value_type type) {
    switch (type) {
    case VALUE_BOOL:
        return "b";
    case VALUE_INT:
        return "l";
    case VALUE_DOUBLE:
        return "g";
    case VALUE_TEXT:
        return "u";
    case VALUE_TIMESTAMP:
        return "tsu:UTC";
    case VALUE_DURATION:
        return "tDu";
    case VALUE_ABSENT:
    case VALUE_ERROR:
    case VALUE_LIST:
    case VALUE_MAP:
        break;
    }
    check(!"a column's type");
    return "";
}

static void *copy_part(const struct column_part *part) {
    void *copy = check_malloc(part->length + 1);
    if (part->length)
        memcpy(copy, part->bytes, part->length);
    return copy;
}

static void export_column(struct feature_batches *batches, size_t index, struct waiting *to) {
    struct column_part parts[COLUMN_PARTS_MAX];
    size_t count = column_batch_parts(&batches->batch, index, parts);
    const struct training_column *column = &batches->columns.columns[index];
    char *name = text_copy(column->name);
    const struct arrow_column exported = {.name = name,
                                          .format = format_of(column->type),
                                          .presence = copy_part(&parts[0]),
                                          .values = copy_part(&parts[1]),
                                          .bytes = count == 3 ? copy_part(&parts[2]) : NULL};
    arrow_export_column(index, &exported, &to->schema, &to->array);
    free(name);
}

static void end_batch(struct feature_batches *batches) {
    if (batches->batch.rows == 0)
        return;
    if (batches->count == batches->capacity) {
        batches->capacity = batches->capacity ? 2 * batches->capacity : 16;
        batches->full = check_reallocarray(batches->full, batches->capacity, sizeof *batches->full);
    }
    struct waiting *to = &batches->full[batches->count++];
    arrow_export_begin(batches->columns.count, batches->batch.rows, &to->schema, &to->array);
    for (size_t i = 0; i < batches->columns.count; i++)
        export_column(batches, i, to);
    column_batch_clear(&batches->batch);
}

void feature_batches_row(void *user, const struct record *record, const struct decision *decision,
                         enum label outcome) {
    struct feature_batches *batches = user;
    buffer_clear(&batches->row);
    training_row_packed(&batches->columns, decision, &record->transaction.transaction, outcome,
                        &batches->row);
    column_batch_add(&batches->batch, buffer_text(&batches->row));
    if (batches->batch.is_full || batches->batch.rows >= BATCH_ROWS)
        end_batch(batches);
}

bool feature_batches_next(struct feature_batches *batches, bool all, struct ArrowSchema *ret_schema,
                          struct ArrowArray *ret_array) {
    if (all && batches->first == batches->count)
        end_batch(batches);
    if (batches->first == batches->count) {
        batches->first = batches->count = 0;
        return false;
    }
    *ret_schema = batches->full[batches->first].schema;
    *ret_array = batches->full[batches->first++].array;
    return true;
}

void feature_batches_columns(const struct snapshot *policy, struct buffer *ret_lines) {
    struct training_columns columns;
    training_columns_init(&columns, NULL);
    training_columns_add(&columns, policy);
    for (size_t i = 0; i < columns.count; i++)
        buffer_printf(ret_lines, "%s %" TEXT_FORMAT "\n", value_type_name(columns.columns[i].type),
                      TEXT_ARGS(columns.columns[i].name));
    training_columns_deinit(&columns);
}

void feature_batches_describe(const struct snapshot *policy, struct buffer *ret_json) {
    struct training_columns columns;
    training_columns_init(&columns, NULL);
    training_columns_add(&columns, policy);
    training_columns_describe(&columns, ret_json);
    training_columns_deinit(&columns);
}
