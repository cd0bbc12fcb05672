/* Two readers behind one interface: csv_table.h, and json_lines.h, whose objects are read by
 * json_flat.h where they are plain and by jansson where not; a line may have JSON_LINE_MAX bytes.
 * The format is decided by looking at the first bytes, which are then handed out again, because a
 * pipe cannot be read twice.
 *
 * All texts of a row live until the next row; names of columns are copied and live as long as the
 * rows. */
#include "rows.h"

#include "base64.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/value.h"
#include "csv_table.h"
#include "json_flat.h"
#include "json_lines.h"
#include "json_members.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    struct csv_table csv;
    size_t *indexes; /* parallel to wanted: into its columns */
    /* JSON lines */
    struct json_lines lines;
    bool keeps_originals;
    bool takes_raw;
    struct buffer original; /* bytes of the row, without what a file of refused rows added */
    struct buffer raw;      /* of harrier.raw_base64 */
    struct json_flat flat;
    json_t *object;  /* NULL: the last row was read without */
    json_t *refused; /* the object around it, of a row in harrier.raw */
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

/* Of objects or texts; the header of a CSV file may begin with a bracket, too. */
static bool begins_with_array(struct text chunk, size_t at) {
    if (at >= chunk.length || chunk.data[at] != '[')
        return false;
    for (at++; at < chunk.length && is_space(chunk.data[at]); at++)
        continue;
    return at < chunk.length && (chunk.data[at] == '{' || chunk.data[at] == '"');
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
    if (rows->format != ROW_FORMAT_JSONL && begins_with_array(rows->peeked, at))
        return error_set(ret_error, ERROR_INVALID,
                         "1: it begins with a JSON array; expected a JSON object on each line, or "
                         "the header of a CSV file");
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

/* Once per file, so that a row costs one index per column. */
static int find_wanted_columns(struct rows *rows, struct error *ret_error) {
    rows->indexes = check_calloc(rows->wanted_count + 1, sizeof *rows->indexes);
    for (size_t i = 0; i < rows->wanted_count; i++) {
        if (csv_table_find(&rows->csv, rows->wanted[i], &rows->indexes[i]))
            continue;
        char *names = join_names(rows->csv.columns, rows->csv.column_count);
        int r = error_set(ret_error, ERROR_INVALID,
                          "there is no column \"%" TEXT_FORMAT "\" in the header (it has %s)",
                          TEXT_ARGS(rows->wanted[i]), names);
        free(names);
        return r;
    }
    return 0;
}

static int next_csv(struct rows *rows, struct row *ret_row, struct error *ret_error) {
    int r = csv_table_next(&rows->csv, ret_error);
    ret_row->line = rows->csv.original.line;
    ret_row->original = rows->csv.original;
    if (r < 0 || r == CSV_END)
        return r;
    if (r == CSV_BAD_ROW)
        return ROWS_BAD_ROW;
    for (size_t i = 0; i < rows->wanted_count; i++) {
        struct text field = csv_table_field(&rows->csv, rows->indexes[i]);
        rows->cells[i] =
            (struct cell){.kind = field.length ? CELL_TEXT : CELL_ABSENT, .text = field};
    }
    ret_row->cells = rows->cells;
    return ROWS_ROW;
}

/* --- JSON lines --------------------------------------------------------------------------------
 */

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
                             .text = json_flat_decimal(&rows->arena, json_real_value(value))};
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
    const json_t *member =
        reject_column_is_reserved(name) ? NULL : json_object_getn(object, name.data, name.length);
    const char *point = member ? NULL : memchr(name.data, '.', name.length);
    if (!point)
        return member;
    size_t head = (size_t)(point - name.data);
    const json_t *inner = json_object_getn(object, name.data, head);
    struct text rest = {.data = point + 1, .length = name.length - head - 1};
    return json_is_object(inner) ? find_member(inner, rest) : NULL;
}

/* "location" is wanted if "location.latitude" is. What belongs to refused rows is nobody's to want.
 */
static bool is_wanted(const struct rows *rows, struct text name) {
    if ((rows->members_of && text_is(name, rows->members_of)) || reject_column_is_reserved(name))
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
static int load_object(struct rows *rows, struct text bytes, struct error *ret_error) {
    json_error_t json_error;
    json_decref(rows->object);
    arena_reset(&rows->arena);
    rows->object = json_loadb(bytes.data, bytes.length, JSON_REJECT_DUPLICATES, &json_error);
    if (!rows->object)
        return error_set(ret_error, ERROR_INVALID, "column %d: %s", json_error.column,
                         json_error.text);
    if (json_is_object(rows->object))
        return 0;
    json_decref(rows->object);
    rows->object = NULL;
    return error_set(ret_error, ERROR_INVALID, "expected a JSON object, {…}");
}

static int fill_cells(struct rows *rows, struct error *ret_error) {
    for (size_t i = 0; i < rows->wanted_count; i++) {
        const json_t *member = find_member(rows->object, rows->wanted[i]);
        rows->cells[i] = member ? cell_of_json(rows, member) : (struct cell){.kind = CELL_ABSENT};
    }
    return fill_members(rows, ret_error);
}

/* Fills the cells if the object is plain. */
static bool fill_flat(struct rows *rows, struct text object) {
    json_decref(rows->object);
    rows->object = NULL;
    rows->member_count = 0;
    arena_reset(&rows->arena);
    return json_flat_read(&rows->flat, object, rows->wanted, rows->wanted_count, rows->members_of,
                          &rows->arena, rows->cells);
}

static void give_object(const struct rows *rows, struct row *ret_row) {
    ret_row->cells = rows->cells;
    ret_row->members = rows->members;
    ret_row->member_count = rows->member_count;
}

/* A text of the object around a row; empty: there is none. */
static struct text reject_text(const json_t *object, enum reject_column column) {
    const json_t *value = json_object_get(object, reject_column_name(column));
    return json_is_string(value) ? (struct text){.data = json_string_value(value),
                                                 .length = json_string_length(value)}
                                 : (struct text){0};
}

/* How many members the object has beside those of refused rows. */
static size_t count_members(json_t *object) {
    const char *key;
    json_t *value;
    size_t count = 0;
    json_object_foreach(object, key, value) {
        count += !reject_column_is_reserved(text_of(key));
    }
    return count;
}

static void note_source(const json_t *object, struct row_original *original) {
    original->source = reject_text(object, REJECT_SOURCE);
    long long line = json_integer_value(json_object_get(object, reject_column_name(REJECT_LINE)));
    original->source_line = line > 0 ? (uint64_t)line : 0;
}

/* What the loaded object has in harrier.raw or, decoded, in harrier.raw_base64; empty: neither. */
static int read_raw(struct rows *rows, struct text *ret_raw, struct error *ret_error) {
    struct text encoded = reject_text(rows->object, REJECT_RAW_BASE64);
    *ret_raw = reject_text(rows->object, REJECT_RAW);
    if (encoded.length == 0)
        return 0;
    if (ret_raw->length > 0)
        return error_set(ret_error, ERROR_INVALID,
                         "harrier.raw and harrier.raw_base64 both have values");
    buffer_clear(&rows->raw);
    if (!base64_decode(&rows->raw, encoded))
        return error_set(ret_error, ERROR_INVALID, "harrier.raw_base64 is not base 64");
    *ret_raw = buffer_text(&rows->raw);
    return 0;
}

/* The loaded object's own bytes, without the members of refused rows. */
static void note_object(struct rows *rows, struct text object, struct row_original *original) {
    original->raw = (struct text){0};
    original->bytes = object;
    if (count_members(rows->object) == json_object_size(rows->object))
        return;
    buffer_clear(&rows->original);
    json_members_remove(&rows->original, object, reject_column_is_reserved);
    original->bytes = buffer_text(&rows->original);
}

/* The loaded object is put aside, since texts of the row lie in it. */
static int load_raw(struct rows *rows, struct text raw, struct row_original *original,
                    struct error *ret_error) {
    json_decref(rows->refused);
    rows->refused = rows->object;
    rows->object = NULL;
    original->raw = raw;
    if (raw.length > JSON_LINE_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "the line is longer than 1 MiB");
    int r = load_object(rows, raw, ret_error);
    if (r == 0 && !memchr(raw.data, '\n', raw.length))
        note_object(rows, raw, original);
    return r;
}

/* A line → the loaded object of its row, and the row as it came. */
static int load_line(struct rows *rows, struct text line, struct row_original *original,
                     struct error *ret_error) {
    struct text raw;
    original->raw = line;
    int r = load_object(rows, line, ret_error);
    if (r == 0)
        r = read_raw(rows, &raw, ret_error);
    if (r < 0)
        return r;
    note_source(rows->object, original);
    if (rows->takes_raw && raw.length == 0)
        return error_set(ret_error, ERROR_INVALID,
                         "expected a row that --rejects kept, with harrier.raw_base64");
    if (rows->takes_raw) {
        original->raw = raw;
        return 0;
    }
    if (raw.length > 0 && count_members(rows->object) == 0)
        return load_raw(rows, raw, original, ret_error);
    note_object(rows, line, original);
    if (raw.length > 0) {
        original->raw = raw;
        return error_set(ret_error, ERROR_INVALID,
                         "harrier.raw and other members have values: mend the row in one place, "
                         "and remove the other");
    }
    if (original->bytes.length <= JSON_LINE_MAX)
        return 0;
    original->raw = original->bytes;
    original->bytes = (struct text){0};
    return error_set(ret_error, ERROR_TOO_LARGE, "the line is longer than 1 MiB");
}

/* A line → its cells, and the row as it came. The first one is needed as a tree, for what is
 * unused.
 */
static int read_object_line(struct rows *rows, struct text line, struct row_original *original,
                            struct error *ret_error) {
    if (rows->first_seen && line.length <= JSON_LINE_MAX && fill_flat(rows, line)) {
        original->bytes = line;
        return 0;
    }
    int r = load_line(rows, line, original, ret_error);
    return r == 0 && !rows->takes_raw ? fill_cells(rows, ret_error) : r;
}

static int next_json(struct rows *rows, struct row *ret_row, struct error *ret_error) {
    struct row_original *original = &ret_row->original;
    int r = json_lines_next(&rows->lines, ret_error);
    if (r <= 0)
        return r;
    struct text line = buffer_text(&rows->lines.bytes);
    ret_row->line = original->line = rows->lines.line;
    if (r == JSON_LINES_TOO_LONG) {
        original->raw = line;
        r = error_set(ret_error, ERROR_TOO_LARGE, "the line is longer than 1 MiB");
    } else {
        r = read_object_line(rows, line, original, ret_error);
    }
    if (!rows->keeps_originals && !rows->takes_raw)
        *original = (struct row_original){.line = ret_row->line};
    if (r < 0)
        return ROWS_BAD_ROW;
    if (!rows->first_seen && !rows->takes_raw)
        note_unused_members(rows);
    give_object(rows, ret_row);
    return ROWS_ROW;
}

/* --- both --------------------------------------------------------------------------------------
 */

static struct rows *rows_new(enum row_format format) {
    struct rows *rows = check_calloc(1, sizeof *rows);
    rows->format = format;
    buffer_init(&rows->original);
    buffer_init(&rows->raw);
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
    int r = 0;
    if (!fill_flat(rows, bytes)) {
        r = load_object(rows, bytes, ret_error);
        if (r == 0)
            r = fill_cells(rows, ret_error);
    }
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
        r = csv_table_open(&rows->csv, &rows->bytes, ret_error);
    if (rows->format == ROW_FORMAT_JSONL)
        json_lines_init(&rows->lines, &rows->bytes);
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
    for (size_t i = 0; i < rows->wanted_count; i++)
        free((char *)rows->wanted[i].data);
    if (rows->format == ROW_FORMAT_CSV)
        csv_table_close(&rows->csv);
    if (rows->format == ROW_FORMAT_JSONL)
        json_lines_deinit(&rows->lines);
    free(rows->wanted);
    free(rows->cells);
    free(rows->indexes);
    free(rows->members_of);
    free(rows->unused);
    buffer_deinit(&rows->original);
    buffer_deinit(&rows->raw);
    arena_deinit(&rows->arena);
    json_decref(rows->object);
    json_decref(rows->refused);
    free(rows);
}

enum row_format rows_format(const struct rows *rows) {
    return rows->format;
}

const struct text *rows_columns(const struct rows *rows, size_t *ret_count) {
    *ret_count = rows->csv.column_count;
    return rows->csv.columns;
}

struct text rows_header_bytes(const struct rows *rows, bool *ret_has_mark) {
    *ret_has_mark = rows->csv.file.has_mark;
    return buffer_text(&rows->csv.header);
}

void rows_take_raw(struct rows *rows) {
    rows->takes_raw = true;
}

void rows_keep_originals(struct rows *rows) {
    rows->keeps_originals = rows->csv.keeps_originals = rows->lines.keeps_long = true;
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
    return rows->format == ROW_FORMAT_CSV ? join_names(rows->csv.columns, rows->csv.column_count)
                                          : NULL;
}

char *rows_unused(const struct rows *rows) {
    if (rows->format == ROW_FORMAT_JSONL)
        return rows->unused ? text_copy(text_of(rows->unused)) : NULL;
    struct text names[CSV_FIELDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < rows->csv.column_count; i++)
        if (!is_wanted(rows, rows->csv.columns[i]))
            names[count++] = rows->csv.columns[i];
    return count > 0 ? join_names(names, count) : NULL;
}
