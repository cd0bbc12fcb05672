/* One converter for each kind of field, all with the same arguments; the first that fails ends
 * the row. A message names the field and, if it has another name, the column, because the analyst
 * sees columns.
 *
 * Checks that need only the transaction are the core's (transaction_check()), run at the end, so
 * that what passes here also passes a server. Values are never repaired: no trimming, no guessing
 * of formats. */
#include "row_transaction.h"

#include "decimal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COORDINATE_DIGITS 7

/* What all converters need, gathered so that each has few arguments. */
struct conversion {
    const struct mapping *mapping;
    const struct row *row;
    struct arena *arena;
    struct text *field; /* which one is at fault; NULL: nobody asks */
    struct error *error;
};

/* The cell of a column, or the constant. A constant that is empty is absent, like an empty cell. */
static struct cell cell_of(const struct conversion *conversion, const struct mapped_value *value) {
    if (!value->mapped)
        return (struct cell){.kind = CELL_ABSENT};
    if (value->constant)
        return (struct cell){.kind = value->text.length ? CELL_TEXT : CELL_ABSENT,
                             .text = value->text};
    return conversion->row->cells[value->column];
}

/* Puts "field: " or "field (column X): " in front of what was said. */
static int at_field(const struct conversion *conversion, struct text field,
                    const struct mapped_value *value) {
    if (conversion->field)
        *conversion->field = field;
    if (value && value->mapped && !value->constant) {
        struct text column = conversion->mapping->columns[value->column];
        if (!text_equal(column, field))
            return error_prefix(conversion->error, "%" TEXT_FORMAT " (column %" TEXT_FORMAT ")",
                                TEXT_ARGS(field), TEXT_ARGS(column));
    }
    return error_prefix(conversion->error, "%" TEXT_FORMAT, TEXT_ARGS(field));
}

/* For faults found here; at_field() alone is for messages that another module wrote. */
static int invalid(const struct conversion *conversion, struct text field,
                   const struct mapped_value *value, const char *what) {
    error_set(conversion->error, ERROR_INVALID, "%s", what);
    return at_field(conversion, field, value);
}

/* The only way a text gets into the transaction: rows are gone with the next one. */
static int copy_text(const struct conversion *conversion, struct text t, struct text *ret_text) {
    *ret_text = arena_text(conversion->arena, t);
    if (!ret_text->data)
        return error_set(conversion->error, ERROR_TOO_LARGE, "the row is too large");
    return 0;
}

/* The text of a cell, absent as length 0. */
static int convert_text(const struct conversion *conversion, struct text field,
                        const struct mapped_value *value, struct text *ret_text) {
    struct cell cell = cell_of(conversion, value);
    if (cell.kind == CELL_ABSENT)
        return 0;
    if (cell.kind == CELL_NESTED)
        return invalid(conversion, field, value, "expected a text, not an object or array");
    return copy_text(conversion, cell.text, ret_text);
}

/* The one field, beside the id, that every transaction must have. */
static int convert_event_time(const struct conversion *conversion,
                              struct transaction *transaction) {
    const struct mapping *mapping = conversion->mapping;
    const struct text name = TEXT_LITERAL("event_time");
    struct cell cell = cell_of(conversion, &mapping->event_time);
    if (cell.kind == CELL_ABSENT)
        return invalid(conversion, name, &mapping->event_time, "missing");
    int r = timestamp_parse(cell.text, &mapping->event_time_format, &transaction->event_time_us,
                            conversion->error);
    return r < 0 ? at_field(conversion, name, &mapping->event_time) : 0;
}

/* transaction_check() does this, too, but only knows minor units. */
static int check_amount_range(struct text text, int64_t amount_minor, struct error *ret_error) {
    if (amount_minor >= 0 && amount_minor <= TRANSACTION_AMOUNT_MINOR_MAX)
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "\"%" TEXT_FORMAT "\" is %s (expected 0 to 9,999,999,999,999 minor units)",
                     TEXT_ARGS(text), amount_minor < 0 ? "negative" : "too large");
}

static int find_digits(const struct conversion *conversion, struct text currency,
                       unsigned *ret_digits) {
    const struct mapped_value *value = &conversion->mapping->currency;
    if (currency.length == 0)
        return invalid(conversion, TEXT_LITERAL("currency"), value,
                       "missing, but the row has an amount");
    int digits = currency_digits(currency);
    if (digits < 0) {
        error_set(conversion->error, ERROR_INVALID,
                  "\"%.*s\" is not a currency (expected an ISO 4217 code such as EUR)",
                  (int)(currency.length > 16 ? 16 : currency.length), currency.data);
        return at_field(conversion, TEXT_LITERAL("currency"), value);
    }
    *ret_digits = (unsigned)digits;
    return 0;
}

/* Two columns of which a row has one, or none; or both, and they agree. */
struct money_columns {
    const struct mapped_value *major, *minor;
    struct text major_name, minor_name;
};

/* A row that has both, as those of `harrier export`, must say the same twice. */
static int check_same_amount(const struct money_columns *columns, struct text minor,
                             int64_t amount_minor, struct error *ret_error) {
    int64_t again;
    if (decimal_parse(minor, 0, &again, ret_error) == 0 && again == amount_minor)
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "%" TEXT_FORMAT " is given as well and is \"%.*s\", not %" PRId64,
                     TEXT_ARGS(columns->minor_name), (int)(minor.length > 64 ? 64 : minor.length),
                     minor.data, amount_minor);
}

/* The major one is decimal text in the currency's major unit, the minor one whole minor units.
 * Returns 1, or 0 where there is no amount. */
static int convert_money(const struct conversion *conversion, const struct money_columns *columns,
                         struct text currency, int64_t *ret_minor) {
    struct cell major = cell_of(conversion, columns->major);
    struct cell minor = cell_of(conversion, columns->minor);
    bool has_major = major.kind != CELL_ABSENT, has_minor = minor.kind != CELL_ABSENT;
    const struct mapped_value *value = has_major ? columns->major : columns->minor;
    struct text name = has_major ? columns->major_name : columns->minor_name;
    unsigned digits = 0;
    if (!has_major && !has_minor)
        return 0;
    int r = has_major ? find_digits(conversion, currency, &digits) : 0;
    if (r < 0)
        return r;
    struct text text = has_major ? major.text : minor.text;
    r = decimal_parse(text, digits, ret_minor, conversion->error);
    if (r == 0)
        r = check_amount_range(text, *ret_minor, conversion->error);
    else if (has_major)
        error_prefix(conversion->error, "%" TEXT_FORMAT, TEXT_ARGS(currency));
    if (r == 0 && has_major && has_minor)
        r = check_same_amount(columns, minor.text, *ret_minor, conversion->error);
    return r < 0 ? at_field(conversion, name, value) : 1;
}

static int convert_amount(const struct conversion *conversion, struct transaction *transaction) {
    const struct mapping *mapping = conversion->mapping;
    const struct money_columns columns = {.major = &mapping->amount,
                                          .minor = &mapping->amount_minor,
                                          .major_name = TEXT_LITERAL("amount"),
                                          .minor_name = TEXT_LITERAL("amount_minor")};
    int r = convert_money(conversion, &columns, transaction->currency, &transaction->amount_minor);
    /* No money. A constant currency then says nothing; a column's was meant. */
    if (r == 0 && mapping->currency.constant)
        transaction->currency = (struct text){0};
    return r < 0 ? r : 0;
}

/* Degrees → 10^-7 degrees; more decimals than that are rounded, not refused. */
static int convert_coordinate(const struct conversion *conversion, struct text name,
                              const struct mapped_value *value, struct cell cell, int limit,
                              int32_t *ret_e7) {
    int64_t e7;
    int r = decimal_parse_rounded(cell.text, COORDINATE_DIGITS, &e7, conversion->error);
    if (r == 0 && (e7 < -limit * INT64_C(10000000) || e7 > limit * INT64_C(10000000)))
        r = error_set(conversion->error, ERROR_INVALID, "expected degrees from -%d to %d", limit,
                      limit);
    if (r < 0)
        return at_field(conversion, name, value);
    *ret_e7 = (int32_t)e7;
    return 0;
}

/* Both or none: half a place is a fault of the file. */
static int convert_location(const struct conversion *conversion, struct transaction *transaction) {
    const struct mapped_value *latitude = &conversion->mapping->latitude;
    const struct mapped_value *longitude = &conversion->mapping->longitude;
    struct cell lat = cell_of(conversion, latitude), lon = cell_of(conversion, longitude);
    if (lat.kind == CELL_ABSENT && lon.kind == CELL_ABSENT)
        return 0;
    if (lat.kind == CELL_ABSENT)
        return invalid(conversion, TEXT_LITERAL("latitude"), latitude,
                       "missing, but the row has a longitude");
    if (lon.kind == CELL_ABSENT)
        return invalid(conversion, TEXT_LITERAL("longitude"), longitude,
                       "missing, but the row has a latitude");
    int r = convert_coordinate(conversion, TEXT_LITERAL("latitude"), latitude, lat, 90,
                               &transaction->latitude_e7);
    if (r == 0)
        r = convert_coordinate(conversion, TEXT_LITERAL("longitude"), longitude, lon, 180,
                               &transaction->longitude_e7);
    transaction->has_location = r == 0;
    return r;
}

/* Who sent it, and as which number. */
static int convert_source(const struct conversion *conversion, struct transaction *transaction) {
    const struct mapped_value *value = &conversion->mapping->sequence;
    const struct text name = TEXT_LITERAL("sequence");
    struct cell cell = cell_of(conversion, value);
    int64_t sequence;
    int r = convert_text(conversion, TEXT_LITERAL("source"), &conversion->mapping->source,
                         &transaction->source);
    if (r < 0 || cell.kind == CELL_ABSENT)
        return r;
    r = decimal_parse(cell.text, 0, &sequence, conversion->error);
    if (r < 0)
        return at_field(conversion, name, value);
    if (sequence < 0)
        return invalid(conversion, name, value, "negative; expected 1, rising by one");
    transaction->sequence = (uint64_t)sequence;
    return 0;
}

/* The characters are limited first: strtod() depends on more than the digits. */
static int parse_double(struct text t, double *ret_number, struct error *ret_error) {
    char string[64], *end;
    if (t.length > 0 && t.length < sizeof string && !memchr(t.data, 0, t.length)) {
        memcpy(string, t.data, t.length);
        string[t.length] = '\0';
        double number = strtod(string, &end);
        /* strtod also takes spaces, hexadecimal, "inf" and "nan". */
        if (!*end && strspn(string, "+-0123456789.eE") == t.length && isfinite(number)) {
            *ret_number = number;
            return 0;
        }
    }
    return error_set(ret_error, ERROR_INVALID,
                     "\"%.*s\" is not a number (expected for example 12.5 or 1e3)",
                     (int)(t.length > 64 ? 64 : t.length), t.data);
}

/* Words and digits that programs write for a bool; "yes" is not one of them. */
static int parse_flag(struct text t, bool *ret_flag, struct error *ret_error) {
    bool yes = text_is(t, "true") || text_is(t, "1");
    if (!yes && !text_is(t, "false") && !text_is(t, "0"))
        return error_set(ret_error, ERROR_INVALID,
                         "\"%.*s\" is not a bool (expected true, false, 1 or 0)",
                         (int)(t.length > 64 ? 64 : t.length), t.data);
    *ret_flag = yes;
    return 0;
}

/* The type is the mapping's, or of a JSON member the one it has there. */
static int convert_value(const struct conversion *conversion, const struct mapped_attribute *mapped,
                         struct text text, struct attribute *attribute) {
    switch (mapped->type) {
    case MAPPED_STRING:
        attribute->type = ATTRIBUTE_TEXT;
        return copy_text(conversion, text, &attribute->text);
    case MAPPED_INT:
    case MAPPED_DECIMAL:
        attribute->type = ATTRIBUTE_INTEGER;
        return decimal_parse(text, mapped->type == MAPPED_DECIMAL ? mapped->digits : 0,
                             &attribute->integer, conversion->error);
    case MAPPED_TIMESTAMP:
        attribute->type = ATTRIBUTE_INTEGER;
        return timestamp_parse(text, &mapped->format, &attribute->integer, conversion->error);
    case MAPPED_DOUBLE:
        attribute->type = ATTRIBUTE_NUMBER;
        return parse_double(text, &attribute->number, conversion->error);
    case MAPPED_BOOL:
        attribute->type = ATTRIBUTE_FLAG;
        return parse_flag(text, &attribute->flag, conversion->error);
    }
    return error_set(conversion->error, ERROR_INTERNAL, "a mapped type without a conversion");
}

/* "attributes.NAME", as a header would call it. */
static int at_attribute(const struct conversion *conversion, struct text name,
                        const struct mapped_value *value) {
    struct text path = arena_printf(
        conversion->arena, "attributes.%.*s",
        (int)(name.length > TRANSACTION_FIELD_MAX ? TRANSACTION_FIELD_MAX : name.length),
        name.data);
    return at_field(conversion, path.data ? path : TEXT_LITERAL("attributes"), value);
}

/* The type a member has in the JSON is the one it is sent with. */
static enum mapped_type type_of_member(enum cell_kind kind) {
    return kind == CELL_INTEGER  ? MAPPED_INT
           : kind == CELL_NUMBER ? MAPPED_DOUBLE
           : kind == CELL_FLAG   ? MAPPED_BOOL
                                 : MAPPED_STRING;
}

/* An absent cell is no attribute: it takes no place among the 64. */
static int convert_attribute(const struct conversion *conversion,
                             const struct mapped_attribute *mapped, struct cell cell,
                             struct attribute *attributes, size_t *count) {
    if (cell.kind == CELL_ABSENT)
        return 0;
    struct attribute *attribute = &attributes[*count];
    if (cell.kind == CELL_NESTED)
        error_set(conversion->error, ERROR_INVALID, "expected a value, not an object or array");
    else if (copy_text(conversion, mapped->name, &attribute->name) == 0 &&
             convert_value(conversion, mapped, cell.text, attribute) == 0) {
        (*count)++;
        return 0;
    }
    return at_attribute(conversion, mapped->name, &mapped->value);
}

/* Mapped ones first, then members of a JSON row's own object. */
static int convert_attributes(const struct conversion *conversion,
                              struct transaction *transaction) {
    const struct mapping *mapping = conversion->mapping;
    const struct row *row = conversion->row;
    size_t members = mapping->json_attributes ? row->member_count : 0;
    size_t most = mapping->attribute_count + members, count = 0;
    if (most == 0)
        return 0;
    if (most > TRANSACTION_ATTRIBUTES_MAX)
        return error_set(conversion->error, ERROR_TOO_LARGE, "attributes: more than %d",
                         TRANSACTION_ATTRIBUTES_MAX);
    struct attribute *attributes = arena_calloc(conversion->arena, most, sizeof *attributes);
    if (!attributes)
        return error_set(conversion->error, ERROR_TOO_LARGE, "the row is too large");
    for (size_t i = 0; i < mapping->attribute_count; i++) {
        const struct mapped_attribute *mapped = &mapping->attributes[i];
        int r = convert_attribute(conversion, mapped, cell_of(conversion, &mapped->value),
                                  attributes, &count);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < members; i++) {
        const struct mapped_attribute mapped = {.name = row->members[i].name,
                                                .type = type_of_member(row->members[i].cell.kind)};
        int r = convert_attribute(conversion, &mapped, row->members[i].cell, attributes, &count);
        if (r < 0)
            return r;
    }
    transaction->attributes = attributes;
    transaction->attribute_count = count;
    return 0;
}

/* id, currency and the named fields have no conversion, only a copy. */
static int convert_texts(const struct conversion *conversion, struct transaction *transaction) {
    const struct mapping *mapping = conversion->mapping;
    int r = convert_text(conversion, TEXT_LITERAL("id"), &mapping->id, &transaction->id);
    if (r == 0)
        r = convert_text(conversion, TEXT_LITERAL("currency"), &mapping->currency,
                         &transaction->currency);
    for (size_t i = 0; i < FIELD_COUNT && r == 0; i++)
        r = convert_text(conversion, text_of(transaction_field_name((enum transaction_field)i)),
                         &mapping->fields[i], &transaction->fields[i]);
    return r;
}

/* Where the value of a field that transaction_check() names came from; NULL: nowhere. */
static const struct mapped_value *origin_of(const struct mapping *mapping, struct text field) {
    if (text_is(field, "amount_minor"))
        return mapping->amount.mapped ? &mapping->amount : &mapping->amount_minor;
    if (text_is(field, "event_time_us"))
        return &mapping->event_time;
    for (size_t i = 0; i < mapping->attribute_count; i++)
        if (text_equal(mapping->attributes[i].name, field))
            return &mapping->attributes[i].value;
    return mapping_value((struct mapping *)mapping, field);
}

/* The sentences of transaction_check() begin with the field; what is added is the column. */
static int check_transaction(const struct conversion *conversion,
                             const struct transaction *transaction) {
    struct text field = {0};
    int r = transaction_check(transaction, &field, conversion->error);
    if (r == 0)
        return 0;
    if (conversion->field)
        *conversion->field = field;
    const struct mapped_value *origin = origin_of(conversion->mapping, field);
    if (!origin || !origin->mapped || origin->constant)
        return r;
    struct text column = conversion->mapping->columns[origin->column];
    if (text_equal(column, field))
        return r;
    return error_prefix(conversion->error, "column %" TEXT_FORMAT, TEXT_ARGS(column));
}

int row_transaction(const struct mapping *mapping, const struct row *row, struct arena *arena,
                    struct transaction *ret_transaction, struct text *ret_field,
                    struct error *ret_error) {
    const struct conversion conversion = {
        .mapping = mapping, .row = row, .arena = arena, .field = ret_field, .error = ret_error};
    struct transaction transaction = {0};
    int r = convert_texts(&conversion, &transaction);
    if (r == 0)
        r = convert_event_time(&conversion, &transaction);
    if (r == 0)
        r = convert_amount(&conversion, &transaction);
    if (r == 0)
        r = convert_location(&conversion, &transaction);
    if (r == 0)
        r = convert_source(&conversion, &transaction);
    if (r == 0)
        r = convert_attributes(&conversion, &transaction);
    if (r == 0)
        r = check_transaction(&conversion, &transaction);
    if (r == 0)
        *ret_transaction = transaction;
    return r;
}

/* "none" is a label here: it withdraws an earlier one. */
static int label_by_name(struct text name, enum label *ret_label, struct error *ret_error) {
    if (label_parse(name, ret_label))
        return 0;
    return error_set(
        ret_error, ERROR_INVALID,
        "\"%.*s\" is not a label (expected legit, fraud, chargeback, suspected or none)",
        (int)(name.length > 64 ? 64 : name.length), name.data);
}

/* A value that the mapping does not list states no outcome; without a list, an unknown value is
 * an error. */
int row_label(const struct mapping *mapping, const struct row *row, enum label *ret_label,
              struct text *ret_field, struct error *ret_error) {
    const struct conversion conversion = {
        .mapping = mapping, .row = row, .field = ret_field, .error = ret_error};
    struct cell cell = cell_of(&conversion, &mapping->outcome);
    enum label label = LABEL_NONE;
    if (cell.kind != CELL_ABSENT && mapping->label_count == 0 &&
        label_by_name(cell.text, &label, ret_error) < 0)
        return at_field(&conversion, TEXT_LITERAL("outcome"), &mapping->outcome);
    for (size_t i = 0; i < mapping->label_count && cell.kind != CELL_ABSENT; i++)
        if (text_equal(mapping->labels[i].value, cell.text))
            label = mapping->labels[i].label;
    *ret_label = label;
    return 0;
}

int row_truth(const struct mapping *mapping, const struct row *row, enum truth *ret_truth,
              struct text *ret_field, struct error *ret_error) {
    static const struct {
        const char *word;
        enum truth truth;
    } words[] = {{"1", TRUTH_FRAUD},  {"true", TRUTH_FRAUD},   {"fraud", TRUTH_FRAUD},
                 {"0", TRUTH_HONEST}, {"false", TRUTH_HONEST}, {"legit", TRUTH_HONEST}};
    const struct conversion conversion = {
        .mapping = mapping, .row = row, .field = ret_field, .error = ret_error};
    struct cell cell = cell_of(&conversion, &mapping->label_fraud);
    if (cell.kind == CELL_ABSENT) {
        *ret_truth = TRUTH_UNKNOWN;
        return 0;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text_is(cell.text, words[i].word)) {
            *ret_truth = words[i].truth;
            return 0;
        }
    return invalid(&conversion, TEXT_LITERAL("label_fraud"), &mapping->label_fraud,
                   "expected 1, true or fraud, or 0, false or legit");
}

/* received_time and outcome_time differ only in where they are mapped. */
static int row_time(const struct mapping *mapping, const struct row *row, const char *name,
                    const struct mapped_value *value, const struct timestamp_format *format,
                    int64_t *ret_us, struct text *ret_field, struct error *ret_error) {
    const struct conversion conversion = {
        .mapping = mapping, .row = row, .field = ret_field, .error = ret_error};
    struct cell cell = cell_of(&conversion, value);
    if (cell.kind == CELL_ABSENT)
        return 0;
    if (timestamp_parse(cell.text, format, ret_us, ret_error) < 0)
        return at_field(&conversion, text_of(name), value);
    return 1;
}

int row_received_time(const struct mapping *mapping, const struct row *row, int64_t *ret_us,
                      struct text *ret_field, struct error *ret_error) {
    return row_time(mapping, row, "received_time", &mapping->received_time,
                    &mapping->received_time_format, ret_us, ret_field, ret_error);
}

int row_outcome_time(const struct mapping *mapping, const struct row *row, int64_t *ret_us,
                     struct text *ret_field, struct error *ret_error) {
    return row_time(mapping, row, "outcome_time", &mapping->outcome_time,
                    &mapping->outcome_time_format, ret_us, ret_field, ret_error);
}

bool row_states_no_outcome(const struct mapping *mapping, const struct row *row) {
    const struct conversion conversion = {.mapping = mapping, .row = row};
    struct cell cell = cell_of(&conversion, &mapping->outcome);
    if (cell.kind == CELL_ABSENT)
        return true;
    if (mapping->label_count == 0)
        return false;
    for (size_t i = 0; i < mapping->label_count; i++)
        if (text_equal(mapping->labels[i].value, cell.text))
            return false;
    return true;
}

int row_id(const struct mapping *mapping, const struct row *row, struct arena *arena,
           struct text *ret_id, struct text *ret_field, struct error *ret_error) {
    const struct conversion conversion = {
        .mapping = mapping, .row = row, .arena = arena, .field = ret_field, .error = ret_error};
    struct text id = {0};
    int r = convert_text(&conversion, TEXT_LITERAL("id"), &mapping->id, &id);
    if (r == 0 && id.length == 0)
        r = invalid(&conversion, TEXT_LITERAL("id"), &mapping->id, "missing");
    if (r == 0)
        *ret_id = id;
    return r;
}

/* What the columns say; the rules for every amendment are the core's. */
static int convert_amendment(const struct conversion *conversion, struct amendment *amendment) {
    const struct mapping *mapping = conversion->mapping;
    const struct money_columns columns = {.major = &mapping->amendment_amount,
                                          .minor = &mapping->amendment_amount_minor,
                                          .major_name = TEXT_LITERAL("amendment_amount"),
                                          .minor_name = TEXT_LITERAL("amendment_amount_minor")};
    struct text currency = {0};
    int r = row_id(mapping, conversion->row, conversion->arena, &amendment->transaction_id,
                   conversion->field, conversion->error);
    if (r == 0)
        r = convert_text(conversion, TEXT_LITERAL("currency"), &mapping->currency, &currency);
    if (r == 0)
        r = convert_money(conversion, &columns, currency, &amendment->amount_minor);
    if (r == 0 && (amendment->kind == AMENDMENT_CAPTURE || amendment->kind == AMENDMENT_REFUND)) {
        error_set(conversion->error, ERROR_INVALID, "missing; a %s has one",
                  amendment_kind_name(amendment->kind));
        return at_field(conversion, TEXT_LITERAL("amendment_amount_minor"), NULL);
    }
    if (r > 0)
        amendment->currency = currency; /* of this amount: the transaction's may be another */
    if (r >= 0)
        r = row_time(mapping, conversion->row, "amendment_time", &mapping->amendment_time,
                     &mapping->amendment_time_format, &amendment->known_time_us, conversion->field,
                     conversion->error);
    return r < 0 ? r : 0;
}

bool row_states_no_amendment(const struct mapping *mapping, const struct row *row) {
    const struct conversion conversion = {.mapping = mapping, .row = row};
    return cell_of(&conversion, &mapping->amendment).kind == CELL_ABSENT;
}

int row_amendment(const struct mapping *mapping, const struct row *row, struct arena *arena,
                  struct amendment *ret_amendment, struct text *ret_field,
                  struct error *ret_error) {
    const struct conversion conversion = {
        .mapping = mapping, .row = row, .arena = arena, .field = ret_field, .error = ret_error};
    const struct text name = TEXT_LITERAL("amendment");
    struct cell cell = cell_of(&conversion, &mapping->amendment);
    struct amendment amendment = {0};
    struct text field = {0};
    if (cell.kind == CELL_ABSENT)
        return 0;
    if (!amendment_kind_parse(cell.text, &amendment.kind))
        return invalid(&conversion, name, &mapping->amendment,
                       "expected void, capture, refund or restore");
    int r = convert_amendment(&conversion, &amendment);
    if (r == 0)
        r = amendment_check(&amendment, &field, ret_error);
    if (r < 0 && ret_field && field.length > 0)
        *ret_field = field;
    if (r < 0)
        return r;
    *ret_amendment = amendment;
    return 1;
}

/* In the order in which a fault is most telling. */
int row_import(const struct mapping *mapping, const struct row *row, struct arena *arena,
               struct import_row *ret_row, struct text *ret_field, struct error *ret_error) {
    *ret_row = (struct import_row){0};
    int r = row_transaction(mapping, row, arena, &ret_row->transaction, ret_field, ret_error);
    if (r == 0)
        r = row_received_time(mapping, row, &ret_row->received_us, ret_field, ret_error);
    if (r >= 0)
        r = row_label(mapping, row, &ret_row->label, ret_field, ret_error);
    if (r == 0)
        r = row_outcome_time(mapping, row, &ret_row->known_us, ret_field, ret_error);
    if (r >= 0)
        r = row_amendment(mapping, row, arena, &ret_row->amendment, ret_field, ret_error);
    return r < 0 ? r : 0;
}
