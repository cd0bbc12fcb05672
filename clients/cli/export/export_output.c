/* A row is formatted in a buffer and written at once, so that a reader of a pipe never gets part of
 * one. Of Parquet, the buffer has a packed row (parquet/column_batch.h). */
#include "export_output.h"

#include "clients/cli/io/csv_cell.h"
#include "clients/cli/output/attribute_columns.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/wire/types/transaction_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BUFFER (1u << 20)

/* A line, or a packed row. */
static int write_line(struct export_output *output, struct error *ret_error) {
    const struct buffer *line = &output->line;
    if (output->pipe)
        return parquet_pipe_add(output->pipe, buffer_text(line), ret_error);
    buffer_append_u8(&output->line, '\n');
    if (fwrite(line->bytes, 1, line->length, output->draft.file) == line->length)
        return 0;
    return error_set_errno(ret_error, errno, "cannot write %s", output->draft.path);
}

static int write_header(struct export_output *output, struct error *ret_error) {
    buffer_clear(&output->line);
    for (size_t i = 0; i < output->columns->count; i++) {
        if (i > 0)
            buffer_append_u8(&output->line, ',');
        csv_add_text(&output->line, output->columns->columns[i].name);
    }
    return write_line(output, ret_error);
}

/* An attribute's column needs no type in its name: it has one. */
static struct parquet_column parquet_column_of(const struct export_column *column) {
    if (column->value == EXPORT_ATTRIBUTES)
        return (struct parquet_column){.name = attribute_column_untyped(column->name),
                                       .type = column->type};
    struct parquet_column typed = export_value_column(column->value);
    typed.name = column->name;
    return typed;
}

static int begin_parquet(struct export_output *output, struct error *ret_error) {
    const struct export_columns *columns = output->columns;
    struct parquet_column *typed = check_calloc(columns->count + 1, sizeof *typed);
    for (size_t i = 0; i < columns->count; i++)
        typed[i] = parquet_column_of(&columns->columns[i]);
    json_begin_object(&output->line, NULL);
    json_add_text(&output->line, "harrier", text_of(HARRIER_VERSION));
    json_end_object(&output->line);
    int r = parquet_pipe_open(&output->draft, typed, columns->count, buffer_text(&output->line),
                              &output->pipe, ret_error);
    free(typed);
    return r;
}

/* What comes before the first row. */
static int begin_file(struct export_output *output, struct error *ret_error) {
    switch (output->format) {
    case EXPORT_CSV:
        return write_header(output, ret_error);
    case EXPORT_PARQUET:
        return begin_parquet(output, ret_error);
    case EXPORT_JSONL:
        break;
    }
    return 0;
}

int export_output_open(struct export_output *output, const char *path, enum export_format format,
                       const struct export_columns *columns,
                       const struct export_attributes *attributes, struct error *ret_error) {
    *output =
        (struct export_output){.format = format, .columns = columns, .attributes = attributes};
    int r = draft_file_open(&output->draft, path, ret_error);
    if (r < 0)
        return r;
    setvbuf(output->draft.file, NULL, _IOFBF, FILE_BUFFER);
    output->found = check_calloc(attributes->count + 1, sizeof(*output->found));
    buffer_init(&output->line);
    buffer_init(&output->memory);
    r = begin_file(output, ret_error);
    if (r < 0)
        export_output_discard(output);
    return r;
}

/* ---- rows ---- */

/* The first pass has seen every attribute. */
static void find_attributes(struct export_output *output, const struct transaction *transaction) {
    memset(output->found, 0, output->attributes->count * sizeof(*output->found));
    for (size_t i = 0; i < transaction->attribute_count; i++) {
        size_t index = export_attributes_find(output->attributes, transaction->attributes[i].name);
        check(index != SIZE_MAX);
        output->found[index] = &transaction->attributes[i];
    }
}

/* NULL: the row lacks it. */
static const struct attribute *attribute_of(const struct export_output *output,
                                            const struct export_column *column) {
    return column->attribute == SIZE_MAX ? NULL : output->found[column->attribute];
}

static void format_csv(struct export_output *output, const struct export_row *row) {
    for (size_t i = 0; i < output->columns->count; i++) {
        const struct export_column *column = &output->columns->columns[i];
        if (i > 0)
            buffer_append_u8(&output->line, ',');
        if (column->value != EXPORT_ATTRIBUTES) {
            export_value_csv(column->value, row, &output->memory, &output->line);
            continue;
        }
        const struct attribute *attribute = attribute_of(output, column);
        if (attribute)
            attribute_column_csv(attribute, &output->line);
    }
}

/* One object, where the first attribute is among the columns. */
static void add_attributes(struct export_output *output) {
    json_begin_object(&output->line, export_value_name(EXPORT_ATTRIBUTES));
    for (size_t i = output->columns->first_attribute; i < output->columns->count; i++) {
        const struct export_column *column = &output->columns->columns[i];
        const struct attribute *attribute =
            column->value == EXPORT_ATTRIBUTES ? attribute_of(output, column) : NULL;
        if (attribute)
            transaction_json_add_attribute(&output->line, attribute);
    }
    json_end_object(&output->line);
}

static void format_json(struct export_output *output, const struct export_row *row) {
    bool has_attributes = row->record->transaction.transaction.attribute_count > 0;
    json_begin_object(&output->line, NULL);
    for (size_t i = 0; i < output->columns->count; i++) {
        const struct export_column *column = &output->columns->columns[i];
        if (column->value != EXPORT_ATTRIBUTES)
            export_value_json(column->value, row, &output->memory, &output->line);
        else if (i == output->columns->first_attribute && has_attributes)
            add_attributes(output);
    }
    json_end_object(&output->line);
}

static void pack_row(struct export_output *output, const struct export_row *row) {
    struct packed_row packed = packed_row_begin(&output->line, output->columns->count);
    for (size_t i = 0; i < output->columns->count; i++) {
        const struct export_column *column = &output->columns->columns[i];
        if (column->value == EXPORT_ATTRIBUTES)
            attribute_column_pack(attribute_of(output, column), column->type, &packed);
        else
            export_value_pack(column->value, row, &output->memory, &packed);
    }
}

int export_output_take(void *user, const struct export_row *row, struct error *ret_error) {
    struct export_output *output = user;
    buffer_clear(&output->line);
    if (output->columns->first_attribute < output->columns->count)
        find_attributes(output, &row->record->transaction.transaction);
    if (output->format == EXPORT_CSV)
        format_csv(output, row);
    else if (output->format == EXPORT_JSONL)
        format_json(output, row);
    else
        pack_row(output, row);
    output->rows++;
    output->amended_further += export_is_amended_further(row);
    return write_line(output, ret_error);
}

/* ---- the end ---- */

static void free_memory(struct export_output *output) {
    free(output->found);
    buffer_deinit(&output->line);
    buffer_deinit(&output->memory);
}

int export_output_publish(struct export_output *output, struct error *ret_error) {
    free_memory(output);
    int r = output->pipe ? parquet_pipe_close(output->pipe, ret_error) : 0;
    if (r == 0)
        return draft_file_publish(&output->draft, ret_error);
    draft_file_discard(&output->draft);
    return r;
}

void export_output_discard(struct export_output *output) {
    free_memory(output);
    parquet_pipe_abort(output->pipe);
    draft_file_discard(&output->draft);
}
