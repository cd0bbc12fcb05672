/* The row of the moment comes from the file or, while there are some, from the text of its
 * harrier.raw, whose fields are those of the input without any other columns.
 *
 * A row is kept as the bytes of its fields, in the file's order, with the commas between them: so a
 * row that is refused twice is the same bytes as after the first time, also when a spreadsheet has
 * moved the columns around. */
#include "csv_table.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

/* A row of a file of refused rows: harrier.raw has each quote twice, and more columns are there. */
#define REJECTED_ROW_MAX (2u * CSV_ROW_KEPT_MAX + (1u << 20))

/* ---- the header ---- */

bool csv_table_find(const struct csv_table *table, struct text name, size_t *ret_column) {
    for (size_t i = 0; i < table->column_count; i++) {
        if (text_equal(table->columns[i], name)) {
            *ret_column = i;
            return true;
        }
    }
    return false;
}

/* The bytes of the fields that the input has, in the file's order, with commas. */
static void join_fields(const struct csv_table *table, const struct csv_reader *reader,
                        const size_t *fields, struct buffer *ret_bytes) {
    buffer_clear(ret_bytes);
    for (size_t i = 0; i < table->column_count; i++) {
        struct text field = csv_field_bytes(reader, fields[i]);
        if (i > 0)
            buffer_append_u8(ret_bytes, ',');
        buffer_append(ret_bytes, field.data, field.length);
    }
}

/* Two columns of refused rows with the same name are refused, as any are. */
static int add_column(struct csv_table *table, size_t field, struct error *ret_error) {
    const unsigned long long line = table->file.row_line;
    struct text name = table->file.fields[field];
    size_t same;
    if (!text_is_clean(name, NULL))
        return error_set(ret_error, ERROR_INVALID, "%llu: column %zu: its name is not UTF-8 text",
                         line, field + 1);
    enum reject_column reject = reject_column_parse(name);
    bool is_known = reject < REJECT_RAW_BASE64;
    if ((name.length > 0 && csv_table_find(table, name, &same)) ||
        (is_known && table->rejects[reject] != SIZE_MAX))
        return error_set(ret_error, ERROR_INVALID,
                         "%llu: two columns have the name \"%" TEXT_FORMAT "\"", line,
                         TEXT_ARGS(name));
    if (is_known)
        table->rejects[reject] = field;
    if (reject_column_is_reserved(name))
        return 0;
    table->columns[table->column_count] =
        (struct text){.data = text_copy(name), .length = name.length};
    table->fields[table->column_count++] = field;
    return 0;
}

/* An empty name is allowed, twice as well: such columns cannot be asked for. */
static int read_header(struct csv_table *table, struct error *ret_error) {
    struct csv_reader *file = &table->file;
    int r = csv_next(file, ret_error);
    if (r < 0)
        return r;
    if (r == CSV_END)
        return error_set(ret_error, ERROR_INVALID,
                         "1: the input is empty (expected a header line)");
    if (r == CSV_BAD_ROW)
        return error_prefix(ret_error, "%llu: the header", (unsigned long long)file->row_line);
    table->file_columns = file->field_count;
    table->columns = check_calloc(file->field_count, sizeof *table->columns);
    table->fields = check_calloc(file->field_count, sizeof *table->fields);
    table->raw_fields = check_calloc(file->field_count, sizeof *table->raw_fields);
    for (size_t i = 0; i < file->field_count; i++) {
        r = add_column(table, i, ret_error);
        if (r < 0)
            return r;
    }
    join_fields(table, file, table->fields, &table->header);
    return 0;
}

static int read_raw(struct byte_source *self, struct text *ret_chunk, struct error *ret_error) {
    struct raw_source *raw = (struct raw_source *)self;
    (void)ret_error;
    *ret_chunk = raw->left;
    raw->left.length = 0;
    return ret_chunk->length > 0;
}

int csv_table_open(struct csv_table *table, struct byte_source *source, struct error *ret_error) {
    *table = (struct csv_table){.raw_source = {.bytes = {.read = read_raw}}};
    csv_reader_init(&table->file, source);
    csv_reader_init(&table->raw, &table->raw_source.bytes);
    buffer_init(&table->header);
    buffer_init(&table->bytes);
    memset(table->rejects, 0xff, sizeof table->rejects); /* SIZE_MAX */
    table->file.keeps_bytes = true;
    int r = read_header(table, ret_error);
    if (r < 0)
        return r;
    table->file.keeps_bytes = false;
    if (table->rejects[REJECT_RAW] != SIZE_MAX) {
        table->file.field_max = CSV_ROW_KEPT_MAX;
        table->file.kept_max = REJECTED_ROW_MAX;
    }
    return 0;
}

void csv_table_close(struct csv_table *table) {
    for (size_t i = 0; i < table->column_count; i++)
        free((char *)table->columns[i].data);
    free(table->columns);
    free(table->fields);
    free(table->raw_fields);
    csv_reader_deinit(&table->file);
    csv_reader_deinit(&table->raw);
    buffer_deinit(&table->header);
    buffer_deinit(&table->bytes);
}

/* ---- rows ---- */

/* The file's own field; empty: it has no such column. */
static struct text reject_field(const struct csv_table *table, enum reject_column column) {
    size_t field = table->rejects[column];
    return field == SIZE_MAX ? (struct text){0} : table->file.fields[field];
}

static bool has_cells(const struct csv_table *table) {
    for (size_t i = 0; i < table->column_count; i++)
        if (table->file.fields[table->fields[i]].length > 0)
            return true;
    return false;
}

static uint64_t parse_line(struct text text) {
    uint64_t line = 0;
    for (size_t i = 0; i < text.length && text_is_digit(text.data[i]) && line < UINT64_MAX / 100;
         i++)
        line = 10 * line + (uint64_t)(text.data[i] - '0');
    return line;
}

/* Where the row came from, before it was refused for the first time; and the header that its raw
 * text was under, if that is another than the file's. */
static void note_source(struct csv_table *table) {
    struct text header = reject_field(table, REJECT_COLUMNS);
    table->original.source = reject_field(table, REJECT_SOURCE);
    table->original.source_line = parse_line(reject_field(table, REJECT_LINE));
    if (!text_equal(header, buffer_text(&table->header)))
        table->original.columns = header;
}

/* Also of a row without a byte, which a file of refused rows may have. */
static void note_bytes(struct csv_table *table, struct text bytes) {
    if (table->keeps_originals)
        table->original.bytes = bytes.data ? bytes : TEXT_LITERAL("");
}

static void note_raw(struct csv_table *table, struct text raw) {
    if (table->keeps_originals)
        table->original.raw = raw;
}

/* The raw text is read anew, from its beginning. */
static void open_raw(struct csv_table *table, struct text raw) {
    csv_reader_deinit(&table->raw);
    csv_reader_init(&table->raw, &table->raw_source.bytes);
    table->raw.keeps_bytes = table->keeps_originals;
    table->raw.kept_max = REJECTED_ROW_MAX;
    table->raw_source.left = raw;
}

/* Which fields the raw text has, by the header that it was under; without one, it is the file's. */
static int find_raw_fields(struct csv_table *table, struct text header, struct error *ret_error) {
    table->raw_columns = table->column_count;
    for (size_t i = 0; i < table->column_count; i++)
        table->raw_fields[i] = i;
    if (header.length == 0)
        return 0;
    struct error ignored;
    open_raw(table, header);
    if (csv_next(&table->raw, &ignored) != CSV_ROW)
        return error_set(ret_error, ERROR_INVALID, "harrier.columns is no header");
    table->raw_columns = table->raw.field_count;
    for (size_t i = 0; i < table->column_count; i++) {
        struct text name = table->columns[i];
        size_t field = 0;
        /* Columns without a name cannot be told apart, nor asked for: their order does. */
        while (field < table->raw_columns &&
               (name.length == 0 ? field != i : !text_equal(table->raw.fields[field], name)))
            field++;
        if (field == table->raw_columns)
            return error_set(ret_error, ERROR_INVALID,
                             "harrier.columns does not have the column \"%" TEXT_FORMAT "\"",
                             TEXT_ARGS(name));
        table->raw_fields[i] = field;
    }
    return 0;
}

static int begin_raw(struct csv_table *table, struct text raw, struct error *ret_error) {
    note_raw(table, raw);
    if (find_raw_fields(table, reject_field(table, REJECT_COLUMNS), ret_error) < 0)
        return CSV_BAD_ROW;
    open_raw(table, raw);
    table->in_raw = true;
    return CSV_ROW;
}

/* A row with too many or too few fields is bad as a whole: which field is missing cannot be
 * known. */
static int check_count(size_t count, size_t expected, struct error *ret_error) {
    if (count == expected)
        return CSV_ROW;
    error_set(ret_error, ERROR_INVALID, "%zu fields, but the header has %zu", count, expected);
    return CSV_BAD_ROW;
}

/* CSV_END: the text has no more rows, and those of the file follow. */
static int next_of_raw(struct csv_table *table, struct error *ret_error) {
    int r = csv_next(&table->raw, ret_error);
    if (r == CSV_ROW)
        r = check_count(table->raw.field_count, table->raw_columns, ret_error);
    if (r == CSV_ROW && table->keeps_originals) {
        join_fields(table, &table->raw, table->raw_fields, &table->bytes);
        note_bytes(table, buffer_text(&table->bytes));
    }
    if (r == CSV_BAD_ROW)
        note_raw(table, csv_row_bytes(&table->raw));
    return r;
}

static int next_of_file(struct csv_table *table, struct error *ret_error) {
    table->file.keeps_bytes = table->keeps_originals;
    int r = csv_next(&table->file, ret_error);
    table->original = (struct row_original){.line = table->file.row_line};
    if (r == CSV_ROW)
        r = check_count(table->file.field_count, table->file_columns, ret_error);
    if (r == CSV_BAD_ROW)
        note_raw(table, csv_row_bytes(&table->file));
    if (r != CSV_ROW)
        return r;
    note_source(table);
    struct text raw = reject_field(table, REJECT_RAW);
    bool is_bare = raw.length > 0 && !has_cells(table);
    if (!is_bare && table->keeps_originals) {
        join_fields(table, &table->file, table->fields, &table->bytes);
        note_bytes(table, buffer_text(&table->bytes));
    }
    if (raw.length > 0 && !is_bare) {
        note_raw(table, raw);
        error_set(ret_error, ERROR_INVALID,
                  "harrier.raw and other columns have values: mend the row in one place, and empty "
                  "the other");
        return CSV_BAD_ROW;
    }
    return is_bare ? begin_raw(table, raw, ret_error) : CSV_ROW;
}

int csv_table_next(struct csv_table *table, struct error *ret_error) {
    for (;;) {
        if (!table->in_raw) {
            int r = next_of_file(table, ret_error);
            if (r != CSV_ROW || !table->in_raw)
                return r;
        }
        table->original.bytes = table->original.raw = (struct text){0};
        int r = next_of_raw(table, ret_error);
        if (r != CSV_END)
            return r;
        table->in_raw = false;
    }
}

struct text csv_table_field(const struct csv_table *table, size_t column) {
    return table->in_raw ? table->raw.fields[table->raw_fields[column]]
                         : table->file.fields[table->fields[column]];
}
