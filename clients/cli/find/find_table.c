/* Cells are those of CSV: what has a comma is in quotation marks, what is missing is "-". */
#include "find_table.h"

#include "clients/cli/output/attribute_columns.h"
#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

struct table {
    const struct find_rows *rows;
    const struct export_columns *columns;
    size_t *widths;              /* of the columns, in characters */
    struct buffer cells, memory; /* of one row, each with a NUL behind it */
    struct buffer *out;          /* NULL: only widths are measured */
};

static size_t width_of(const char *cell) {
    size_t width = 0;
    for (; *cell; cell++)
        width += text_begins_character(*cell);
    return width;
}

static void put_cell(struct table *table, size_t column, const char *cell) {
    size_t width = width_of(cell);
    if (!table->out) {
        table->widths[column] = width > table->widths[column] ? width : table->widths[column];
        return;
    }
    bool is_last = column + 1 == table->columns->count;
    buffer_append_string(table->out, cell);
    for (size_t i = width; !is_last && i < table->widths[column] + 2; i++)
        buffer_append_u8(table->out, ' ');
    if (is_last)
        buffer_append_u8(table->out, '\n');
}

static void add_attribute(struct table *table, const struct export_column *column,
                          const struct transaction *transaction) {
    for (size_t i = 0; column->attribute != SIZE_MAX && i < transaction->attribute_count; i++)
        if (text_equal(transaction->attributes[i].name,
                       table->rows->attributes.attributes[column->attribute].name))
            attribute_column_csv(&transaction->attributes[i], &table->cells);
}

static int take(void *user, const struct export_row *row, struct error *ret_error) {
    struct table *table = user;
    (void)ret_error;
    for (size_t i = 0; i < table->columns->count; i++) {
        const struct export_column *column = &table->columns->columns[i];
        buffer_clear(&table->cells);
        if (column->value == EXPORT_ATTRIBUTES)
            add_attribute(table, column, &row->record->transaction.transaction);
        else
            export_value_csv(column->value, row, &table->memory, &table->cells);
        if (table->cells.length == 0)
            buffer_append_u8(&table->cells, '-');
        buffer_append_u8(&table->cells, '\0');
        put_cell(table, i, (const char *)table->cells.bytes);
    }
    return 0;
}

static int pass(struct table *table, struct error *ret_error) {
    const struct export_taker taker = {.take = take, .user = table};
    for (size_t i = 0; i < table->columns->count; i++) {
        char *name = text_copy(table->columns->columns[i].name);
        put_cell(table, i, name);
        free(name);
    }
    return find_rows_emit(table->rows, &taker, ret_error);
}

int find_table_format(const struct find_rows *rows, const struct export_columns *columns,
                      struct buffer *out, struct error *ret_error) {
    struct table table = {.rows = rows, .columns = columns};
    table.widths = check_calloc(columns->count + 1, sizeof *table.widths);
    int r = pass(&table, ret_error);
    table.out = out;
    if (r == 0)
        r = pass(&table, ret_error);
    free(table.widths);
    buffer_deinit(&table.cells);
    buffer_deinit(&table.memory);
    return r;
}
