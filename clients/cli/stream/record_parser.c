#include "record_parser.h"

#include "clients/cli/io/mapping.h"
#include "clients/cli/io/mapping_yaml.h"
#include "clients/cli/io/protobuf_row.h"
#include "clients/cli/io/row_errors.h"
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/rows/rows.h"
#include "core/base/check.h"
#include "core/wire/message/message_item.h"

#include <stdlib.h>

struct record_parser {
    enum record_format format;
    struct rows *rows; /* JSON only, as is the mapping */
    struct mapping *mapping;
};

/* ---- opening ---- */

/* Without a mapping members have the names of the fields, so all that is needed has one. */
static int require(const struct mapped_value *value, const char *map, const char *name,
                   struct error *ret_error) {
    if (value->mapped)
        return 0;
    return error_set(ret_error, ERROR_INVALID, "%s: nothing is mapped to %s", map ? map : "the map",
                     name);
}

static int open_json(struct record_parser *parser, enum record_kind kind, const char *map,
                     struct error *ret_error) {
    rows_open_objects(&parser->rows);
    int r = map ? mapping_yaml_load(map, &parser->mapping, ret_error)
                : mapping_of_rows(parser->rows, &parser->mapping, ret_error);
    if (r < 0)
        return r;
    struct mapping *mapping = parser->mapping;
    r = require(&mapping->id, map, "id", ret_error);
    if (r == 0 && kind == RECORD_TRANSACTIONS)
        r = require(&mapping->event_time, map, "event_time", ret_error);
    if (r == 0 && kind == RECORD_OUTCOMES)
        r = require(&mapping->outcome, map, "outcome", ret_error);
    if (r == 0 && kind == RECORD_AMENDMENTS)
        r = require(&mapping->amendment, map, "amendment", ret_error);
    if (r == 0 && mapping->json_attributes)
        rows_want_members(parser->rows, TEXT_LITERAL("attributes"));
    return r < 0 ? r : rows_want(parser->rows, mapping->columns, mapping->column_count, ret_error);
}

int record_parser_new(enum record_format format, enum record_kind kind, const char *map,
                      struct record_parser **ret_parser, struct error *ret_error) {
    struct record_parser *parser = check_calloc(1, sizeof *parser);
    parser->format = format;
    int r = format == RECORD_JSON ? open_json(parser, kind, map, ret_error) : 0;
    if (r < 0) {
        record_parser_free(parser);
        return r;
    }
    *ret_parser = parser;
    return 0;
}

void record_parser_free(struct record_parser *parser) {
    if (!parser)
        return;
    rows_close(parser->rows);
    mapping_free(parser->mapping);
    free(parser);
}

/* ---- records ---- */

/* Messages quote what was wrong; a card number must not get into a log or another topic that way.
 */
static int refuse(struct error *error) {
    row_errors_mask(error->text);
    return -(int)error->code;
}

static int need_value(struct text value, struct error *ret_error) {
    if (value.length > 0)
        return 0;
    return error_set(ret_error, ERROR_INVALID, "the record is empty");
}

/* The fast reader leaves texts in the record's bytes, which have no NULs. */
static bool copy_text(struct arena *arena, struct text *text) {
    *text = arena_text(arena, *text);
    return text->data != NULL;
}

static int name_field(struct text field, struct error *error) {
    return field.length > 0 ? error_prefix(error, "%.*s", (int)field.length, field.data)
                            : -(int)error->code;
}

int record_parser_transaction(struct record_parser *parser, struct text value, struct arena *arena,
                              struct transaction *ret_transaction, struct error *ret_error) {
    int r = need_value(value, ret_error);
    if (r == 0 && parser->format == RECORD_PROTOBUF) {
        r = protobuf_row_transaction(value, arena, ret_transaction, NULL, ret_error);
    } else if (r == 0) {
        struct row row;
        r = rows_take_object(parser->rows, value, &row, ret_error);
        if (r == 0)
            r = row_transaction(parser->mapping, &row, arena, ret_transaction, NULL, ret_error);
    }
    return r < 0 ? refuse(ret_error) : 0;
}

int record_parser_import(struct record_parser *parser, struct text value, struct arena *arena,
                         struct import_row *ret_row, struct text *ret_field,
                         struct error *ret_error) {
    struct row row;
    *ret_row = (struct import_row){0};
    int r = need_value(value, ret_error);
    if (r == 0 && parser->format == RECORD_PROTOBUF) {
        r = protobuf_row_transaction(value, arena, &ret_row->transaction, ret_field, ret_error);
        return r < 0 ? refuse(ret_error) : 0;
    }
    if (r == 0)
        r = rows_take_object(parser->rows, value, &row, ret_error);
    if (r == 0)
        r = row_import(parser->mapping, &row, arena, ret_row, ret_field, ret_error);
    return r < 0 ? refuse(ret_error) : 0;
}

static int take_json_outcome(struct record_parser *parser, struct text value, struct arena *arena,
                             struct outcome *ret_outcome, struct error *ret_error) {
    struct row row;
    *ret_outcome = (struct outcome){0};
    int r = rows_take_object(parser->rows, value, &row, ret_error);
    if (r == 0)
        r = row_id(parser->mapping, &row, arena, &ret_outcome->transaction_id, NULL, ret_error);
    if (r == 0)
        r = row_label(parser->mapping, &row, &ret_outcome->label, NULL, ret_error);
    if (r == 0)
        r = row_outcome_time(parser->mapping, &row, &ret_outcome->known_time_us, NULL, ret_error);
    if (r < 0)
        return r;
    return row_states_no_outcome(parser->mapping, &row);
}

static int take_protobuf_outcome(struct text value, struct arena *arena,
                                 struct outcome *ret_outcome, struct error *ret_error) {
    struct text field = {0};
    int r = message_decode_outcome(value.data, value.length, arena, ret_outcome, ret_error);
    if (r < 0)
        return r;
    if (outcome_check(ret_outcome, &field, ret_error) < 0)
        return name_field(field, ret_error);
    if (!copy_text(arena, &ret_outcome->transaction_id) || !copy_text(arena, &ret_outcome->source))
        return error_set(ret_error, ERROR_TOO_LARGE, "the record is too large");
    return 0;
}

int record_parser_outcome(struct record_parser *parser, struct text value, struct arena *arena,
                          struct outcome *ret_outcome, struct error *ret_error) {
    int r = need_value(value, ret_error);
    if (r == 0)
        r = parser->format == RECORD_PROTOBUF
                ? take_protobuf_outcome(value, arena, ret_outcome, ret_error)
                : take_json_outcome(parser, value, arena, ret_outcome, ret_error);
    return r < 0 ? refuse(ret_error) : r;
}

static int take_json_amendment(struct record_parser *parser, struct text value, struct arena *arena,
                               struct amendment *ret_amendment, struct error *ret_error) {
    struct row row;
    int r = rows_take_object(parser->rows, value, &row, ret_error);
    if (r == 0)
        r = row_amendment(parser->mapping, &row, arena, ret_amendment, NULL, ret_error);
    return r < 0 ? r : r == 0;
}

static int take_protobuf_amendment(struct text value, struct arena *arena,
                                   struct amendment *ret_amendment, struct error *ret_error) {
    struct text field = {0};
    int r = message_decode_amendment(value.data, value.length, arena, ret_amendment, ret_error);
    if (r < 0)
        return r;
    if (amendment_check(ret_amendment, &field, ret_error) < 0)
        return name_field(field, ret_error);
    if (!copy_text(arena, &ret_amendment->transaction_id) ||
        !copy_text(arena, &ret_amendment->source) || !copy_text(arena, &ret_amendment->currency))
        return error_set(ret_error, ERROR_TOO_LARGE, "the record is too large");
    return 0;
}

int record_parser_amendment(struct record_parser *parser, struct text value, struct arena *arena,
                            struct amendment *ret_amendment, struct error *ret_error) {
    int r = need_value(value, ret_error);
    if (r == 0)
        r = parser->format == RECORD_PROTOBUF
                ? take_protobuf_amendment(value, arena, ret_amendment, ret_error)
                : take_json_amendment(parser, value, arena, ret_amendment, ret_error);
    return r < 0 ? refuse(ret_error) : r;
}
