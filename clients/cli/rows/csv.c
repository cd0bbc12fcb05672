/* A byte at a time where a quote, comma or line end may come, and whole runs between them. The
 * bytes of a row are gathered in one buffer and cut into fields at the end, because the source's
 * chunk may end within a field. The first fault of a row is remembered and the rest of the row is
 * read on without being kept, so that the next row begins where it should. */
#include "csv.h"

#include <string.h>

#define NO_BYTE  (-1)
#define END_BYTE (-2)

void csv_reader_init(struct csv_reader *reader, struct byte_source *source) {
    memset(reader, 0, sizeof *reader);
    reader->source = source;
    reader->held = NO_BYTE;
    reader->line = 1;
    reader->field_max = CSV_FIELD_MAX;
    reader->kept_max = CSV_ROW_KEPT_MAX;
    buffer_init(&reader->bytes);
    buffer_init(&reader->kept);
}

void csv_reader_deinit(struct csv_reader *reader) {
    buffer_deinit(&reader->bytes);
    buffer_deinit(&reader->kept);
}

/* The chunk has at least one byte, or 0 at the end, or the source's failure. */
static int fill(struct csv_reader *reader, struct error *ret_error) {
    if (reader->chunk.length > 0)
        return 1;
    if (reader->at_end)
        return 0;
    int r = reader->source->read(reader->source, &reader->chunk, ret_error);
    if (r == 0)
        reader->at_end = true;
    return r;
}

static void keep(struct csv_reader *reader, const void *bytes, size_t size) {
    if (reader->keeps_bytes)
        buffer_append(&reader->kept, bytes, size);
}

/* The next byte, END_BYTE, or (*ret_failure < 0) the source's failure, which reads as the end. */
static int next_byte(struct csv_reader *reader, int *ret_failure, struct error *ret_error) {
    if (*ret_failure < 0)
        return END_BYTE;
    if (reader->held != NO_BYTE) {
        int held = reader->held;
        reader->held = NO_BYTE;
        keep(reader, &(char){(char)held}, 1);
        return held;
    }
    int r = fill(reader, ret_error);
    if (r <= 0) {
        if (r < 0)
            *ret_failure = r;
        return END_BYTE;
    }
    unsigned char byte = (unsigned char)reader->chunk.data[0];
    keep(reader, &byte, 1);
    reader->chunk.data++;
    reader->chunk.length--;
    return byte;
}

/* The ordinary bytes at the head of the chunk, in one copy: the way most of a file is read. */
static void take_run(struct csv_reader *reader, bool quoted, bool is_good) {
    const char *data = reader->chunk.data;
    size_t n = 0;
    if (quoted)
        while (n < reader->chunk.length && data[n] != '"' && data[n] != '\n')
            n++;
    else
        while (n < reader->chunk.length && data[n] != ',' && data[n] != '\n' && data[n] != '\r' &&
               data[n] != '"')
            n++;
    if (is_good && n > 0)
        buffer_append(&reader->bytes, data, n);
    if (n > 0)
        keep(reader, data, n);
    reader->chunk.data += n;
    reader->chunk.length -= n;
}

/* Reading one row: what has gone wrong first, and where the current field began. */
struct row_state {
    size_t field_begin;
    int failure;     /* of the source, or the row cannot be kept */
    const char *bad; /* literal; NULL: nothing yet */
};

/* Nothing is kept of a row that is already known to be bad. */
static void add_byte(struct csv_reader *reader, struct row_state *row, char byte) {
    if (!row->bad)
        buffer_append(&reader->bytes, &byte, 1);
}

/* A missing quote would otherwise make one field of the rest of the file. */
static void check_size(struct csv_reader *reader, struct row_state *row, struct error *ret_error) {
    if (!row->bad && reader->bytes.length - row->field_begin > reader->field_max)
        row->bad = reader->field_max == CSV_FIELD_MAX
                       ? "a field is longer than 64 KiB (is a quote missing?)"
                       : "a field is longer than 16 MiB (is a quote missing?)";
    if (row->failure == 0 && reader->kept.length > reader->kept_max)
        row->failure = error_set(ret_error, ERROR_TOO_LARGE,
                                 "the row is longer than 16 MiB, too long to be kept as refused "
                                 "(is a quote missing?)");
}

/* Remembers where the field ends; pointers would move when the buffer grows. `byte` is the one
 * behind it. */
static void end_field(struct csv_reader *reader, struct row_state *row, int byte,
                      struct error *ret_error) {
    check_size(reader, row, ret_error);
    reader->kept_length = reader->kept.length - (reader->keeps_bytes && byte != END_BYTE);
    if (!row->bad && reader->field_count == CSV_FIELDS_MAX)
        row->bad = "more than 1,024 fields";
    if (row->bad)
        return;
    reader->kept_ends[reader->field_count] = reader->kept_length;
    reader->ends[reader->field_count++] = reader->bytes.length;
    row->field_begin = reader->bytes.length;
}

/* Behind the opening quote, up to and including the closing one; returns the byte behind it. */
static int quoted_field(struct csv_reader *reader, struct row_state *row, struct error *ret_error) {
    for (;;) {
        take_run(reader, true, !row->bad);
        check_size(reader, row, ret_error);
        int byte = next_byte(reader, &row->failure, ret_error);
        if (byte == END_BYTE) {
            if (!row->bad)
                row->bad = "a quoted field is still open at the end of the file";
            return byte;
        }
        if (byte == '"') {
            int after = next_byte(reader, &row->failure, ret_error);
            if (after != '"')
                return after;
        } else if (byte == '\n') {
            reader->line++;
        }
        add_byte(reader, row, (char)byte);
    }
}

/* The rest of a field that is not quoted; returns the byte behind it. */
static int plain_field(struct csv_reader *reader, struct row_state *row, int first,
                       struct error *ret_error) {
    for (int byte = first;; byte = next_byte(reader, &row->failure, ret_error)) {
        if (byte == ',' || byte == '\n' || byte == '\r' || byte == END_BYTE)
            return byte;
        if (byte == '"' && !row->bad)
            row->bad = "a quote inside a field that does not begin with one";
        add_byte(reader, row, (char)byte);
        take_run(reader, false, !row->bad);
        check_size(reader, row, ret_error);
    }
}

/* CR is part of a line's end only before LF; alone, at the end of a line of old, it ends it too. */
static void after_carriage_return(struct csv_reader *reader, struct row_state *row,
                                  struct error *ret_error) {
    int byte = next_byte(reader, &row->failure, ret_error);
    if (byte != '\n')
        reader->held = byte;
}

/* `byte` is the first of the row. Returns the source's failure, 0 otherwise; faults of the row
 * are in row->bad. */
static int read_row(struct csv_reader *reader, struct row_state *row, int byte,
                    struct error *ret_error) {
    for (;;) {
        if (byte == '"') {
            byte = quoted_field(reader, row, ret_error);
            if (byte != ',' && byte != '\n' && byte != '\r' && byte != END_BYTE) {
                if (!row->bad)
                    row->bad = "text after a closing quote (write a quote inside a field as \"\")";
                byte = plain_field(reader, row, byte, ret_error);
            }
        } else {
            byte = plain_field(reader, row, byte, ret_error);
        }
        end_field(reader, row, byte, ret_error);
        if (byte != ',')
            break;
        byte = next_byte(reader, &row->failure, ret_error);
    }
    if (byte == '\r')
        after_carriage_return(reader, row, ret_error);
    if (byte != END_BYTE)
        reader->line++;
    return row->failure;
}

/* Once, before the first row. */
static int skip_byte_order_mark(struct csv_reader *reader, struct error *ret_error) {
    static const char mark[] = "\xef\xbb\xbf";
    for (size_t i = 0; i < 3; i++) {
        int r = fill(reader, ret_error);
        if (r < 0)
            return r;
        if (r == 0 || reader->chunk.data[0] != mark[i]) {
            /* Not one, or a broken one: those bytes become part of the first field. */
            buffer_append(&reader->bytes, mark, i);
            keep(reader, mark, i);
            return 0;
        }
        reader->chunk.data++;
        reader->chunk.length--;
    }
    reader->has_mark = true;
    return 0;
}

int csv_next(struct csv_reader *reader, struct error *ret_error) {
    buffer_clear(&reader->bytes);
    buffer_clear(&reader->kept);
    reader->field_count = 0;
    struct row_state row = {0};
    int byte;
    if (reader->row_line == 0) {
        int r = skip_byte_order_mark(reader, ret_error);
        if (r < 0)
            return r;
    }
    for (;;) {
        reader->row_line = reader->line;
        byte = next_byte(reader, &row.failure, ret_error);
        if (byte == '\r')
            after_carriage_return(reader, &row, ret_error);
        else if (byte != '\n')
            break;
        reader->line++; /* a blank line */
        buffer_clear(&reader->kept);
    }
    if (row.failure < 0)
        return row.failure;
    if (byte == END_BYTE)
        return CSV_END;
    if (read_row(reader, &row, byte, ret_error) < 0)
        return row.failure;
    if (row.bad) {
        error_set(ret_error, ERROR_INVALID, "%s", row.bad);
        return CSV_BAD_ROW;
    }
    size_t begin = 0;
    for (size_t i = 0; i < reader->field_count; i++) {
        reader->fields[i] = (struct text){.data = (const char *)reader->bytes.bytes + begin,
                                          .length = reader->ends[i] - begin};
        begin = reader->ends[i];
    }
    return CSV_ROW;
}

struct text csv_row_bytes(const struct csv_reader *reader) {
    return (struct text){.data = (const char *)reader->kept.bytes, .length = reader->kept_length};
}

struct text csv_field_bytes(const struct csv_reader *reader, size_t field) {
    size_t begin = field > 0 ? reader->kept_ends[field - 1] + 1 : 0;
    return (struct text){.data = (const char *)reader->kept.bytes + begin,
                         .length = reader->kept_ends[field] - begin};
}
