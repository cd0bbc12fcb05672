/* A mapping file → struct mapping. libyaml reads it whole into nodes that know their line and
 * column, so that every message can say where.
 *
 * Fields are read in the order of the file; each may come once. What must be there for a purpose
 * (event_time, outcome) is checked by mapped_file.c, which knows the purpose. */
#include "mapping_yaml.h"

#include "clients/cli/rows/input.h"
#include "core/base/buffer.h"
#include "core/base/check.h"

#include <stdlib.h>
#include <yaml.h>

#define MAPPING_FILE_MAX (1u << 20)
#define LABELS_MAX       256

/* The document owns the nodes; everything the mapping keeps is copied into its arena. */
struct reading {
    const char *name;
    yaml_document_t document;
    struct mapping *mapping;
    struct error *error;
};

static int diagnostic(struct reading *reading, const yaml_node_t *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Returns the negative code, so that a caller can return it at once. */
static int diagnostic(struct reading *reading, const yaml_node_t *node, const char *format, ...) {
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return error_set(reading->error, ERROR_INVALID, "%s:%zu:%zu: %s", reading->name,
                     node->start_mark.line + 1, node->start_mark.column + 1, what);
}

/* What another module said, with its place in front. */
static int diagnostic_at(struct reading *reading, const yaml_node_t *node) {
    return error_prefix(reading->error, "%s:%zu:%zu", reading->name, node->start_mark.line + 1,
                        node->start_mark.column + 1);
}

static yaml_node_t *node_of(struct reading *reading, int index) {
    yaml_node_t *node = yaml_document_get_node(&reading->document, index);
    check(node);
    return node;
}

static struct text scalar(const yaml_node_t *node) {
    return (struct text){.data = (const char *)node->data.scalar.value,
                         .length = node->data.scalar.length};
}

static bool is_scalar(const yaml_node_t *node) {
    return node->type == YAML_SCALAR_NODE;
}

static int unknown_member(struct reading *reading, const yaml_node_t *key, const char *what,
                          const char *const *names, size_t count) {
    char expected[128] = "";
    size_t length = 0;
    for (size_t i = 0; i < count && length < sizeof expected; i++)
        length += (size_t)snprintf(expected + length, sizeof expected - length, "%s%s",
                                   i == 0           ? ""
                                   : i + 1 == count ? " or "
                                                    : ", ",
                                   names[i]);
    return diagnostic(reading, key, "%s has no \"%" TEXT_FORMAT "\" (expected %s)", what,
                      TEXT_ARGS(scalar(key)), expected);
}

/* The values of a mapping node by their keys: parallel to names, NULL where there is none. */
static int take_members(struct reading *reading, const yaml_node_t *node, const char *what,
                        const char *const *names, size_t count, yaml_node_t **ret_values) {
    memset(ret_values, 0, count * sizeof *ret_values);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = node_of(reading, pair->key);
        size_t i = 0;
        if (!is_scalar(key))
            return diagnostic(reading, key, "expected a word before the colon");
        while (i < count && !text_is(scalar(key), names[i]))
            i++;
        if (i == count)
            return unknown_member(reading, key, what, names, count);
        if (ret_values[i])
            return diagnostic(reading, key, "\"%s\" is given twice", names[i]);
        ret_values[i] = node_of(reading, pair->value);
    }
    for (size_t i = 0; i < count; i++)
        if (ret_values[i] && strcmp(names[i], "values") != 0 && !is_scalar(ret_values[i]))
            return diagnostic(reading, ret_values[i], "%s: expected a word", names[i]);
    return 0;
}

/* {column: NAME} or {value: TEXT} */
static int set_value(struct reading *reading, const yaml_node_t *node, const yaml_node_t *column,
                     const yaml_node_t *constant, struct mapped_value *ret_value) {
    if ((column != NULL) == (constant != NULL))
        return diagnostic(reading, node, "expected either column: NAME or value: TEXT");
    *ret_value = column ? mapping_column(reading->mapping, scalar(column))
                        : mapping_constant(reading->mapping, scalar(constant));
    return 0;
}

static int read_format(struct reading *reading, const yaml_node_t *node,
                       struct timestamp_format *ret_format) {
    if (!node)
        return 0;
    struct text name = arena_text(&reading->mapping->arena, scalar(node));
    int r = timestamp_format_parse(name.data, ret_format, reading->error);
    return r < 0 ? diagnostic_at(reading, node) : 0;
}

/* COLUMN, {column: COLUMN} or {value: TEXT} */
static int read_plain(struct reading *reading, const yaml_node_t *node,
                      struct mapped_value *ret_value) {
    static const char *const names[] = {"column", "value"};
    yaml_node_t *values[2];
    int r = take_members(reading, node, "a field", names, 2, values);
    return r < 0 ? r : set_value(reading, node, values[0], values[1], ret_value);
}

/* event_time, received_time, outcome_time */
static int read_time(struct reading *reading, const char *name, const yaml_node_t *node,
                     struct mapped_value *ret_value, struct timestamp_format *ret_format) {
    static const char *const names[] = {"column", "format"};
    yaml_node_t *values[2];
    int r = take_members(reading, node, name, names, 2, values);
    if (r == 0)
        r = set_value(reading, node, values[0], NULL, ret_value);
    if (r == 0)
        r = read_format(reading, values[1], ret_format);
    return r;
}

/* amount and amount_minor: the column, and where the currency is */
static int read_amount(struct reading *reading, const yaml_node_t *node,
                       struct mapped_value *ret_value) {
    static const char *const names[] = {"column", "currency", "currency_column"};
    yaml_node_t *values[3];
    int r = take_members(reading, node, "an amount", names, 3, values);
    if (r == 0)
        r = set_value(reading, node, values[0], NULL, ret_value);
    if (r < 0 || (!values[1] && !values[2]))
        return r;
    if (values[1] && values[2])
        return diagnostic(reading, values[2], "give either currency or currency_column");
    if (reading->mapping->currency.mapped)
        return diagnostic(reading, node, "the currency is given twice");
    if (values[1] && currency_digits(scalar(values[1])) < 0)
        return diagnostic(reading, values[1],
                          "\"%" TEXT_FORMAT
                          "\" is not a currency (expected an ISO 4217 code such as EUR)",
                          TEXT_ARGS(scalar(values[1])));
    reading->mapping->currency = values[1] ? mapping_constant(reading->mapping, scalar(values[1]))
                                           : mapping_column(reading->mapping, scalar(values[2]));
    return 0;
}

/* Values are compared as texts, quoted or not. */
static int read_labels(struct reading *reading, const yaml_node_t *node) {
    struct mapping *mapping = reading->mapping;
    if (node->type != YAML_MAPPING_NODE)
        return diagnostic(reading, node, "values: expected {\"1\": fraud, …}");
    mapping->labels = check_calloc(LABELS_MAX, sizeof *mapping->labels);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = node_of(reading, pair->key), *value = node_of(reading, pair->value);
        enum label label;
        if (!is_scalar(key) || !is_scalar(value))
            return diagnostic(reading, key, "values: expected VALUE: LABEL");
        if (!label_parse(scalar(value), &label) || label == LABEL_NONE)
            return diagnostic(reading, value,
                              "\"%" TEXT_FORMAT
                              "\" is not a label (expected legit, fraud, chargeback or "
                              "suspected)",
                              TEXT_ARGS(scalar(value)));
        for (size_t i = 0; i < mapping->label_count; i++)
            if (text_equal(mapping->labels[i].value, scalar(key)))
                return diagnostic(reading, key, "the value \"%" TEXT_FORMAT "\" is given twice",
                                  TEXT_ARGS(scalar(key)));
        if (mapping->label_count == LABELS_MAX)
            return diagnostic(reading, key, "more than %d values", LABELS_MAX);
        mapping->labels[mapping->label_count++] = (struct mapped_label){
            .value = arena_text(&mapping->arena, scalar(key)), .label = label};
    }
    return mapping->label_count ? 0 : diagnostic(reading, node, "values: none is given");
}

/* Without values the labels' own names are expected in the column. */
static int read_outcome(struct reading *reading, const yaml_node_t *node,
                        struct mapped_value *ret_value) {
    static const char *const names[] = {"column", "values"};
    yaml_node_t *values[2];
    int r = take_members(reading, node, "outcome", names, 2, values);
    if (r == 0)
        r = set_value(reading, node, values[0], NULL, ret_value);
    if (r == 0 && values[1])
        r = read_labels(reading, values[1]);
    return r;
}

/* A short form, NAME: COLUMN, for texts; the long one has a type and, for times, a format. */
static int read_attribute(struct reading *reading, const yaml_node_t *key,
                          const yaml_node_t *node) {
    static const char *const names[] = {"column", "value", "type", "format"};
    yaml_node_t *values[4] = {0};
    struct mapped_value value;
    struct mapped_attribute *attribute;
    int r = 0;
    if (is_scalar(node)) {
        value = mapping_column(reading->mapping, scalar(node));
    } else if (node->type == YAML_MAPPING_NODE) {
        r = take_members(reading, node, "an attribute", names, 4, values);
        if (r == 0)
            r = set_value(reading, node, values[0], values[1], &value);
    } else {
        r = diagnostic(reading, node, "expected a column or {column: …, type: …}");
    }
    if (r < 0)
        return r;
    if (mapping_add_attribute(reading->mapping, scalar(key), value, &attribute, reading->error) < 0)
        return diagnostic_at(reading, key);
    if (values[2] && mapping_parse_type(scalar(values[2]), attribute, reading->error) < 0)
        return diagnostic_at(reading, values[2]);
    if (values[3] && attribute->type != MAPPED_TIMESTAMP)
        return diagnostic(reading, values[3], "only a timestamp has a format");
    return read_format(reading, values[3], &attribute->format);
}

/* Names are checked by mapping_add_attribute(), as for columns of a header. */
static int read_attributes(struct reading *reading, const yaml_node_t *node) {
    if (node->type != YAML_MAPPING_NODE)
        return diagnostic(reading, node, "attributes: expected {NAME: COLUMN, …}");
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = node_of(reading, pair->key);
        if (!is_scalar(key))
            return diagnostic(reading, key, "expected an attribute's name");
        int r = read_attribute(reading, key, node_of(reading, pair->value));
        if (r < 0)
            return r;
    }
    return 0;
}

/* Which long form a field takes depends on the field; the short form is the same for all. */
static int read_field(struct reading *reading, const yaml_node_t *key, const yaml_node_t *node) {
    struct mapping *mapping = reading->mapping;
    struct mapped_value *value = mapping_value(mapping, scalar(key));
    if (text_is(scalar(key), "attributes"))
        return read_attributes(reading, node);
    if (!value) {
        const char *nearest = mapping_nearest_name(scalar(key));
        return diagnostic(reading, key, "a transaction has no \"%" TEXT_FORMAT "\"%s%s%s",
                          TEXT_ARGS(scalar(key)), nearest ? " (did you mean " : "",
                          nearest ? nearest : "", nearest ? "?)" : "");
    }
    if (value->mapped)
        return diagnostic(reading, key, "\"%" TEXT_FORMAT "\" is given twice",
                          TEXT_ARGS(scalar(key)));
    if (is_scalar(node)) {
        if (scalar(node).length == 0)
            return diagnostic(reading, key, "%" TEXT_FORMAT ": expected a column's name",
                              TEXT_ARGS(scalar(key)));
        *value = mapping_column(mapping, scalar(node));
        return 0;
    }
    if (node->type != YAML_MAPPING_NODE)
        return diagnostic(reading, node, "expected a column's name or {column: …}");
    if (value == &mapping->event_time)
        return read_time(reading, "event_time", node, value, &mapping->event_time_format);
    if (value == &mapping->received_time)
        return read_time(reading, "received_time", node, value, &mapping->received_time_format);
    if (value == &mapping->outcome_time)
        return read_time(reading, "outcome_time", node, value, &mapping->outcome_time_format);
    if (value == &mapping->amendment_time)
        return read_time(reading, "amendment_time", node, value, &mapping->amendment_time_format);
    if (value == &mapping->amount || value == &mapping->amount_minor)
        return read_amount(reading, node, value);
    if (value == &mapping->outcome)
        return read_outcome(reading, node, value);
    return read_plain(reading, node, value);
}

/* id is always needed: a row without one can be neither sent nor matched. */
static int read_document(struct reading *reading) {
    yaml_node_t *top = yaml_document_get_root_node(&reading->document);
    if (!top)
        return error_set(reading->error, ERROR_INVALID, "%s: the mapping is empty", reading->name);
    if (top->type != YAML_MAPPING_NODE)
        return diagnostic(reading, top, "expected FIELD: COLUMN lines");
    for (yaml_node_pair_t *pair = top->data.mapping.pairs.start; pair < top->data.mapping.pairs.top;
         pair++) {
        yaml_node_t *key = node_of(reading, pair->key);
        if (!is_scalar(key))
            return diagnostic(reading, key, "expected a field's name");
        int r = read_field(reading, key, node_of(reading, pair->value));
        if (r < 0)
            return r;
    }
    if (!reading->mapping->id.mapped)
        return diagnostic(reading, top, "id: missing; every file needs transaction ids");
    if (reading->mapping->amendment_amount.mapped &&
        reading->mapping->amendment_amount_minor.mapped)
        return diagnostic(reading, top, "give either amendment_amount or amendment_amount_minor");
    if (reading->mapping->amount.mapped && reading->mapping->amount_minor.mapped)
        return diagnostic(reading, top, "give either amount or amount_minor");
    return 0;
}

/* The parser and the document are deleted on every path; the mapping only on failure. */
int mapping_yaml_parse(struct text yaml, const char *name, struct mapping **ret_mapping,
                       struct error *ret_error) {
    struct reading reading = {.name = name, .error = ret_error};
    yaml_parser_t parser;
    check(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.data, yaml.length);
    if (!yaml_parser_load(&parser, &reading.document)) {
        int r = error_set(ret_error, ERROR_INVALID, "%s:%zu:%zu: not valid YAML: %s", name,
                          parser.problem_mark.line + 1, parser.problem_mark.column + 1,
                          parser.problem ? parser.problem : "it ends too early");
        yaml_parser_delete(&parser);
        return r;
    }
    reading.mapping = mapping_new();
    int r = read_document(&reading);
    yaml_document_delete(&reading.document);
    yaml_parser_delete(&parser);
    if (r < 0) {
        mapping_free(reading.mapping);
        return r;
    }
    *ret_mapping = reading.mapping;
    return 0;
}

/* The whole file in memory: libyaml needs it as one, and a megabyte is more than any mapping has.
 */
int mapping_yaml_load(const char *path, struct mapping **ret_mapping, struct error *ret_error) {
    struct input *input;
    struct buffer yaml;
    struct text chunk;
    int r = input_open(path, &input, ret_error);
    if (r < 0)
        return r;
    buffer_init(&yaml);
    while ((r = input_bytes(input)->read(input_bytes(input), &chunk, ret_error)) > 0) {
        if (yaml.length + chunk.length > MAPPING_FILE_MAX) {
            r = error_set(ret_error, ERROR_TOO_LARGE,
                          "%s is over 1 MiB: that is not a mapping file", path);
            break;
        }
        buffer_append(&yaml, chunk.data, chunk.length);
    }
    if (r == 0)
        r = mapping_yaml_parse(
            (struct text){.data = (const char *)yaml.bytes, .length = yaml.length}, path,
            ret_mapping, ret_error);
    buffer_deinit(&yaml);
    input_close(input);
    return r;
}
