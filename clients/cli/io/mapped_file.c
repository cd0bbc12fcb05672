/* Puts an input, its rows and a mapping together in the one order that works: the header must be
 * read before a mapping can be made from it, and the mapping be complete before columns can be
 * asked for. Errors name the file at fault, the rows' or the mapping's. */
#include "mapped_file.h"

#include "mapping_yaml.h"

#include "clients/cli/terminal/option_value.h"

#include <stdio.h>
#include <stdlib.h>

/* JSON lines without a mapping have every name; a CSV's header and a mapping may lack some. */
static int require(const struct mapped_file *file, const char *map,
                   const struct mapped_value *value, const char *name, struct error *ret_error) {
    if (value->mapped)
        return 0;
    if (map)
        return error_set(ret_error, ERROR_INVALID, "%s: nothing is mapped to %s", map, name);
    char *header = rows_header(file->rows);
    int r = error_set(
        ret_error, ERROR_INVALID,
        "%s: no column is named %s (the header has %s); map columns to fields with --map FILE",
        mapped_file_name(file), name, header);
    free(header);
    return r;
}

/* Checked once, before the first row, so that a missing column is one message and not one per
 * row. */
static int require_all(const struct mapped_file *file, const char *map, enum mapped_purpose purpose,
                       struct error *ret_error) {
    int r = require(file, map, &file->mapping->id, "id", ret_error);
    if (r == 0 && purpose == MAPPED_TRANSACTIONS)
        r = require(file, map, &file->mapping->event_time, "event_time", ret_error);
    if (r == 0 && purpose == MAPPED_OUTCOMES)
        r = require(file, map, &file->mapping->outcome, "outcome", ret_error);
    if (r == 0 && purpose == MAPPED_AMENDMENTS)
        r = require(file, map, &file->mapping->amendment, "amendment", ret_error);
    if (r == 0 && purpose == MAPPED_REPORTS && !file->mapping->amendment.mapped)
        r = require(file, map, &file->mapping->outcome, "outcome or amendment", ret_error);
    return r;
}

/* On failure the caller closes what has been opened. */
static int open_rows(struct mapped_file *file, const char *map, enum row_format format,
                     enum mapped_purpose purpose, struct error *ret_error) {
    int r = rows_open(input_bytes(file->input), format, &file->rows, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", mapped_file_name(file));
    r = map ? mapping_yaml_load(map, &file->mapping, ret_error)
            : mapping_of_rows(file->rows, &file->mapping, ret_error);
    if (r < 0)
        return map ? r : error_prefix(ret_error, "%s", mapped_file_name(file));
    r = require_all(file, map, purpose, ret_error);
    if (r < 0)
        return r;
    if (file->mapping->json_attributes)
        rows_want_members(file->rows, TEXT_LITERAL("attributes"));
    if (rows_want(file->rows, file->mapping->columns, file->mapping->column_count, ret_error) < 0)
        return error_prefix(ret_error, "%s", mapped_file_name(file));
    return 0;
}

int mapped_file_open(struct mapped_file *file, const char *path, const char *map,
                     enum row_format format, enum mapped_purpose purpose, struct error *ret_error) {
    *file = (struct mapped_file){.note_unused = true};
    int r = input_open(path, &file->input, ret_error);
    if (r == 0)
        r = open_rows(file, map, format, purpose, ret_error);
    if (r < 0)
        mapped_file_close(file);
    return r;
}

/* GUESS cannot be asked for: it is what the commands do without the option. */
enum row_format mapped_file_format_parse(const char *value, struct argp_state *state) {
    static const char *const words[] = {"csv", "jsonl"};
    return choice_option_parse("--format", value, words, 2, state) == 0 ? ROW_FORMAT_CSV
                                                                        : ROW_FORMAT_JSONL;
}

void mapped_file_close(struct mapped_file *file) {
    rows_close(file->rows);
    mapping_free(file->mapping);
    input_close(file->input);
    *file = (struct mapped_file){0};
}

void mapped_file_take_protobuf(struct mapped_file *file) {
    file->is_protobuf = true;
    rows_take_raw(file->rows);
}

const char *mapped_file_name(const struct mapped_file *file) {
    return input_name(file->input);
}

int mapped_file_next(struct mapped_file *file, bool quiet, struct row *ret_row,
                     struct error *ret_error) {
    int r = rows_next(file->rows, ret_row, ret_error);
    if (r == ROWS_ROW && file->note_unused) {
        file->note_unused = false;
        char *unused = quiet ? NULL : rows_unused(file->rows);
        if (unused)
            fprintf(stderr, "harrier: %s: ignored columns: %s\n", mapped_file_name(file), unused);
        free(unused);
    }
    return r;
}
