/* Two readers behind one interface: csv.h with a header, and JSON lines parsed by jansson, one
 * line at a time; a line may have JSON_LINE_MAX bytes. The format is decided by looking at the
 * first bytes, which are then handed out again, because a pipe cannot be read twice.
 *
 * All texts of a row live until the next row; names of columns are copied and live as long as the
 * rows. */
#include "rows.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/value.h"
#include "csv.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_LINE_MAX   (1u << 20)
#define ROW_ARENA_BYTES (4u << 20)
#define NAMES_SHOWN_MAX 12
#define MEMBERS_MAX     256

struct rows {
    struct byte_source bytes; /* what was read to guess the format, then the source */
    struct byte_source *source;
    struct text peeked;
    enum row_format format;
    struct text *wanted;
    size_t wanted_count;
    struct cell *cells;
    /* CSV */
    struct csv_reader csv;
    struct text *columns;
    size_t column_count;
    size_t *indexes; /* parallel to wanted: into columns */
    /* JSON lines */
    struct text chunk;
    uint64_t line;
    struct buffer line_bytes;
    json_t *object;
    struct arena arena;
    char *members_of;
    struct named_cell members[MEMBERS_MAX];
    size_t member_count;
    char *unused; /* names of the first line */
    bool first_seen;
};

/* Hands out what was peeked at first. */
static int read_through(struct byte_source *self, struct text *ret_chunk, struct error *ret_error) {
    struct rows *rows = (struct rows *)self;
    if (rows->peeked.length > 0) {
        *ret_chunk = rows->peeked;
        rows->peeked.length = 0;
        return 1;
    }
    return rows->source->read(rows->source, ret_chunk, ret_error);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Also when the format is given: the first chunk is peeked at in any case. */
static int guess_format(struct rows *rows, struct error *ret_error) {
    int r = rows->source->read(rows->source, &rows->peeked, ret_error);
    if (r < 0)
        return r;
    if (r == 0)
        rows->peeked.length = 0;
    size_t at = 0;
    while (at < rows->peeked.length && is_space(rows->peeked.data[at]))
        at++;
    bool object = at < rows->peeked.length && rows->peeked.data[at] == '{';
    if (rows->format == ROW_FORMAT_GUESS)
        rows->format = object ? ROW_FORMAT_JSONL : ROW_FORMAT_CSV;
    return 0;
}

/* "a", "b", "c" and 3 more */
static char *join_names(const struct text *names, size_t count) {
    struct buffer joined;
    buffer_init(&joined);
    for (size_t i = 0; i < count && i < NAMES_SHOWN_MAX; i++) {
        if (i > 0)
            buffer_append(&joined, ", ", 2);
        buffer_append(&joined, names[i].data, names[i].length > 64 ? 64 : names[i].length);
    }
    if (count > NAMES_SHOWN_MAX) {
        char more[40];
        int length = snprintf(more, sizeof more, " and %zu more", count - NAMES_SHOWN_MAX);
        buffer_append(&joined, more, (size_t)length);
    }
    buffer_append_u8(&joined, 0);
    return (char *)joined.bytes;
}

/* --- CSV ---------------------------------------------------------------------------------------
 */

/* 0: *ret_index is the column's place; −1: there is none. */
static int find_column(const struct rows *rows, struct text name, size_t *ret_index) {
    for (size_t i = 0; i < rows->column_count; i++) {
        if (text_equal(rows->columns[i], name)) {
            *ret_index = i;
            return 0;
        }
    }
    return -1;
}

/* An empty name is allowed, twice as well: such columns cannot be asked for. */
static int read_header(struct rows *rows, struct error *ret_error) {
    csv_reader_init(&rows->csv, &rows->bytes);
    int r = csv_next(&rows->csv, ret_error);
    if (r < 0)
        return r;
    if (r == CSV_END)
        return error_set(ret_error, ERROR_INVALID,
                         "1: the input is empty (expected a header line)");
    if (r == CSV_BAD_ROW)
        return error_prefix(ret_error, "%llu: the header", (unsigned long long)rows->csv.row_line);
    rows->columns = check_calloc(rows->csv.field_count, sizeof *rows->columns);
    for (size_t i = 0; i < rows->csv.field_count; i++) {
        struct text name = rows->csv.fields[i];
        size_t same;
        if (!text_is_clean(name, NULL))
            return error_set(ret_error, ERROR_INVALID,
                             "%llu: column %zu: its name is not UTF-8 text",
                             (unsigned long long)rows->csv.row_line, i + 1);
        if (name.length > 0 && find_column(rows, name, &same) == 0)
            return error_set(ret_error, ERROR_INVALID,
                             "%llu: two columns have the name \"%" TEXT_FORMAT "\"",
                             (unsigned long long)rows->csv.row_line, TEXT_ARGS(name));
        rows->columns[i] = (struct text){.data = text_copy(name), .length = name.length};
        rows->column_count++;
    }
    return 0;
}

/* Once per file, so that a row costs one index per column. */
static int find_wanted_columns(struct rows *rows, struct error *ret_error) {
    rows->indexes = check_calloc(rows->wanted_count + 1, sizeof *rows->indexes);
    for (size_t i = 0; i < rows->wanted_count; i++) {
        if (find_column(rows, rows->wanted[i], &rows->indexes[i]) == 0)
            continue;
        char *names = join_names(rows->columns, rows->column_count);
        int r = error_set(ret_error, ERROR_INVALID,
                          "there is no column \"%" TEXT_FORMAT "\" in the header (it has %s)",
                          TEXT_ARGS(rows->wanted[i]), names);
        free(names);
        return r;
    }
    return 0;
}

/* A row with too many or too few fields is bad as a whole: which field is missing cannot be
 * known. */
static int next_csv(struct rows *rows, struct row *ret_row, struct error *ret_error) {
    int r = csv_next(&rows->csv, ret_error);
    ret_row->line = rows->csv.row_line;
    if (r < 0 || r == CSV_END)
        return r;
    if (r == CSV_BAD_ROW)
        return ROWS_BAD_ROW;
    if (rows->csv.field_count != rows->column_count) {
        error_set(ret_error, ERROR_INVALID, "%zu fields, but the header has %zu",
                  rows->csv.field_count, rows->column_count);
        return ROWS_BAD_ROW;
    }
    for (size_t i = 0; i < rows->wanted_count; i++) {
        struct text field = rows->csv.fields[rows->indexes[i]];
        rows->cells[i] =
            (struct cell){.kind = field.length ? CELL_TEXT : CELL_ABSENT, .text = field};
    }
    ret_row->cells = rows->cells;
    return ROWS_ROW;
}

/* --- JSON lines --------------------------------------------------------------------------------
 */

#define PLAIN_EXPONENT_MAX 20 /* no amount and no place needs more digits on either side */

/* The shortest decimal that is the same double, without an exponent: programs write 0.00001 as
 * 1e-05, which is no less exact. */
static struct text plain_decimal(struct arena *arena, double number) {
    char digits[40];
    value_format(value_double(number), digits, sizeof digits);
    const char *exponent = strchr(digits, 'e'), *point = strchr(digits, '.');
    int power = exponent ? atoi(exponent + 1) : 0;
    if (power == 0 || power < -PLAIN_EXPONENT_MAX || power > PLAIN_EXPONENT_MAX)
        return arena_text(arena, text_of(digits));
    int decimals = (point ? (int)(exponent - point) - 1 : 0) - power;
    return arena_printf(arena, "%.*f", decimals > 0 ? decimals : 0, number);
}

/* An integer never becomes a double on the way to its text. */
static struct cell cell_of_json(struct rows *rows, const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_NULL:
        break;
    case JSON_STRING: {
        struct text text = {.data = json_string_value(value), .length = json_string_length(value)};
        return (struct cell){.kind = text.length ? CELL_TEXT : CELL_ABSENT, .text = text};
    }
    case JSON_INTEGER:
        return (struct cell){
            .kind = CELL_INTEGER,
            .text = arena_printf(&rows->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value))};
    case JSON_REAL:
        return (struct cell){.kind = CELL_NUMBER,
                             .text = plain_decimal(&rows->arena, json_real_value(value))};
    case JSON_TRUE:
        return (struct cell){.kind = CELL_FLAG, .text = TEXT_LITERAL("true")};
    case JSON_FALSE:
        return (struct cell){.kind = CELL_FLAG, .text = TEXT_LITERAL("false")};
    case JSON_OBJECT:
    case JSON_ARRAY:
        return (struct cell){.kind = CELL_NESTED};
    }
    return (struct cell){.kind = CELL_ABSENT};
}

/* The member of that name, or for "a.b" the member b of the member a. */
static const json_t *find_member(const json_t *object, struct text name) {
    const json_t *member = json_object_getn(object, name.data, name.length);
    const char *point = member ? NULL : memchr(name.data, '.', name.length);
    if (!point)
        return member;
    size_t head = (size_t)(point - name.data);
    const json_t *inner = json_object_getn(object, name.data, head);
    struct text rest = {.data = point + 1, .length = name.length - head - 1};
    return json_is_object(inner) ? find_member(inner, rest) : NULL;
}

/* "location" is wanted if "location.latitude" is. */
static bool is_wanted(const struct rows *rows, struct text name) {
    if (rows->members_of && text_is(name, rows->members_of))
        return true;
    for (size_t i = 0; i < rows->wanted_count; i++) {
        struct text wanted = rows->wanted[i];
        if (text_equal(wanted, name))
            return true;
        if (wanted.length > name.length && wanted.data[name.length] == '.' &&
            memcmp(wanted.data, name.data, name.length) == 0)
            return true;
    }
    return false;
}

/* Of the first line only: later ones may differ, but one note is enough. */
static void note_unused_members(struct rows *rows) {
    struct text names[MEMBERS_MAX];
    size_t count = 0;
    const char *key;
    json_t *value;
    rows->first_seen = true;
    json_object_foreach(rows->object, key, value) {
        if (count < MEMBERS_MAX && !is_wanted(rows, text_of(key)))
            names[count++] = text_of(key);
    }
    if (count > 0)
        rows->unused = join_names(names, count);
}

/* One line without its line feed into line_bytes. 1; 0: the end; 2: too long (skipped). */
static int read_line(struct rows *rows, struct error *ret_error) {
    bool any = false, too_long = false;
    buffer_clear(&rows->line_bytes);
    for (;;) {
        if (rows->chunk.length == 0) {
            int r = rows->bytes.read(&rows->bytes, &rows->chunk, ret_error);
            if (r < 0)
                return r;
            if (r == 0) {
                rows->chunk.length = 0;
                break;
            }
        }
        any = true;
        const char *end = memchr(rows->chunk.data, '\n', rows->chunk.length);
        size_t n = end ? (size_t)(end - rows->chunk.data) : rows->chunk.length;
        too_long = too_long || rows->line_bytes.length + n > JSON_LINE_MAX;
        if (!too_long)
            buffer_append(&rows->line_bytes, rows->chunk.data, n);
        rows->chunk.data += n + (end != NULL);
        rows->chunk.length -= n + (end != NULL);
        if (end)
            break;
    }
    if (!any)
        return 0;
    rows->line++;
    return too_long ? 2 : 1;
}

static bool is_blank(const struct buffer *line) {
    for (size_t i = 0; i < line->length; i++)
        if (!is_space((char)line->bytes[i]))
            return false;
    return true;
}

/* More members than a transaction may have attributes are refused when it is converted. */
static int fill_members(struct rows *rows, struct error *ret_error) {
    json_t *object = rows->members_of ? json_object_get(rows->object, rows->members_of) : NULL;
    const char *key;
    json_t *value;
    rows->member_count = 0;
    if (!object || json_is_null(object))
        return 0;
    if (!json_is_object(object))
        return error_set(ret_error, ERROR_INVALID, "%s: expected an object", rows->members_of);
    if (json_object_size(object) > MEMBERS_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "%s: more than %d members", rows->members_of,
                         MEMBERS_MAX);
    json_object_foreach(object, key, value) {
        rows->members[rows->member_count++] = (struct named_cell){
            .name = text_of(key),
            .cell = cell_of_json(rows, value),
        };
    }
    return 0;
}

/* Frees the one before: cells point into the object until then. */
static int parse_object(struct rows *rows, struct text bytes, struct error *ret_error) {
    json_error_t json_error;
    json_decref(rows->object);
    arena_reset(&rows->arena);
    rows->object = json_loadb(bytes.data, bytes.length, JSON_REJECT_DUPLICATES, &json_error);
    if (!rows->object)
        return error_set(ret_error, ERROR_INVALID, "column %d: %s", json_error.column,
                         json_error.text);
    if (!json_is_object(rows->object))
        return error_set(ret_error, ERROR_INVALID, "expected a JSON object, {…}");
    for (size_t i = 0; i < rows->wanted_count; i++) {
        const json_t *member = find_member(rows->object, rows->wanted[i]);
        rows->cells[i] = member ? cell_of_json(rows, member) : (struct cell){.kind = CELL_ABSENT};
    }
    return fill_members(rows, ret_error);
}

static void give_object(const struct rows *rows, struct row *ret_row) {
    ret_row->cells = rows->cells;
    ret_row->members = rows->members;
    ret_row->member_count = rows->member_count;
}

/* Blank lines are skipped but counted, so that line numbers are those of an editor. */
static int next_json(struct rows *rows, struct row *ret_row, struct error *ret_error) {
    int r;
    do
        r = read_line(rows, ret_error);
    while (r == 1 && is_blank(&rows->line_bytes));
    if (r <= 0)
        return r;
    ret_row->line = rows->line;
    if (r == 2) {
        error_set(ret_error, ERROR_TOO_LARGE, "the line is longer than 1 MiB");
        return ROWS_BAD_ROW;
    }
    struct text line = {.data = (const char *)rows->line_bytes.bytes,
                        .length = rows->line_bytes.length};
    if (parse_object(rows, line, ret_error) < 0)
        return ROWS_BAD_ROW;
    if (!rows->first_seen)
        note_unused_members(rows);
    give_object(rows, ret_row);
    return ROWS_ROW;
}

/* --- both --------------------------------------------------------------------------------------
 */

static struct rows *rows_new(enum row_format format) {
    struct rows *rows = check_calloc(1, sizeof *rows);
    rows->format = format;
    buffer_init(&rows->line_bytes);
    arena_init(&rows->arena, ROW_ARENA_BYTES);
    return rows;
}

void rows_open_objects(struct rows **ret_rows) {
    *ret_rows = rows_new(ROW_FORMAT_JSONL);
}

int rows_take_object(struct rows *rows, struct text bytes, struct row *ret_row,
                     struct error *ret_error) {
    *ret_row = (struct row){0};
    if (bytes.length > JSON_LINE_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "longer than 1 MiB");
    int r = parse_object(rows, bytes, ret_error);
    if (r == 0)
        give_object(rows, ret_row);
    return r;
}

int rows_open(struct byte_source *source, enum row_format format, struct rows **ret_rows,
              struct error *ret_error) {
    struct rows *rows = rows_new(format);
    rows->bytes.read = read_through;
    rows->source = source;
    int r = guess_format(rows, ret_error);
    if (r == 0 && rows->format == ROW_FORMAT_CSV)
        r = read_header(rows, ret_error);
    if (r < 0) {
        rows_close(rows);
        return r;
    }
    *ret_rows = rows;
    return 0;
}

void rows_close(struct rows *rows) {
    if (!rows)
        return;
    for (size_t i = 0; i < rows->column_count; i++)
        free((char *)rows->columns[i].data);
    for (size_t i = 0; i < rows->wanted_count; i++)
        free((char *)rows->wanted[i].data);
    if (rows->format == ROW_FORMAT_CSV)
        csv_reader_deinit(&rows->csv);
    free(rows->columns);
    free(rows->wanted);
    free(rows->cells);
    free(rows->indexes);
    free(rows->members_of);
    free(rows->unused);
    buffer_deinit(&rows->line_bytes);
    arena_deinit(&rows->arena);
    json_decref(rows->object);
    free(rows);
}

enum row_format rows_format(const struct rows *rows) {
    return rows->format;
}

const struct text *rows_columns(const struct rows *rows, size_t *ret_count) {
    *ret_count = rows->column_count;
    return rows->columns;
}

int rows_want(struct rows *rows, const struct text *columns, size_t count,
              struct error *ret_error) {
    check(!rows->wanted);
    rows->wanted = check_calloc(count + 1, sizeof *rows->wanted);
    rows->cells = check_calloc(count + 1, sizeof *rows->cells);
    for (; rows->wanted_count < count; rows->wanted_count++) {
        struct text name = columns[rows->wanted_count];
        rows->wanted[rows->wanted_count] =
            (struct text){.data = text_copy(name), .length = name.length};
    }
    return rows->format == ROW_FORMAT_CSV ? find_wanted_columns(rows, ret_error) : 0;
}

void rows_want_members(struct rows *rows, struct text object) {
    free(rows->members_of);
    rows->members_of = text_copy(object);
}

int rows_next(struct rows *rows, struct row *ret_row, struct error *ret_error) {
    *ret_row = (struct row){0};
    return rows->format == ROW_FORMAT_CSV ? next_csv(rows, ret_row, ret_error)
                                          : next_json(rows, ret_row, ret_error);
}

char *rows_header(const struct rows *rows) {
    return rows->format == ROW_FORMAT_CSV ? join_names(rows->columns, rows->column_count) : NULL;
}

char *rows_unused(const struct rows *rows) {
    if (rows->format == ROW_FORMAT_JSONL)
        return rows->unused ? text_copy(text_of(rows->unused)) : NULL;
    struct text names[CSV_FIELDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < rows->column_count; i++)
        if (!is_wanted(rows, rows->columns[i]))
            names[count++] = rows->columns[i];
    return count > 0 ? join_names(names, count) : NULL;
}
