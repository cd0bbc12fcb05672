/* Types and names of fields, with hints: what other languages call a type, and the nearest field.
 */
#include "load_field.h"

#include <stdio.h>

/* What other languages call our types; NULL when it is none of those. */
static const char *other_word(struct text t) {
    static const char *const words[][2] = {
        {"integer", "int"},    {"long", "int"},       {"text", "string"},
        {"str", "string"},     {"boolean", "bool"},   {"flag", "bool"},
        {"float", "double"},   {"number", "double"},  {"datetime", "timestamp"},
        {"date", "timestamp"}, {"time", "timestamp"}, {"money", "decimal(2)"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text_is(t, words[i][0]))
            return words[i][1];
    return NULL;
}

bool load_field_type(const struct reader *reader, const struct tree_node *node,
                     struct field *field) {
    static const struct {
        const char *name;
        enum value_type type;
    } types[] = {{"string", VALUE_TEXT},    {"int", VALUE_INT},
                 {"bool", VALUE_BOOL},      {"double", VALUE_DOUBLE},
                 {"decimal", VALUE_DOUBLE}, {"timestamp", VALUE_TIMESTAMP}};
    struct text t;
    if (!read_text(reader, node, "type", 64, &t))
        return false;
    struct near near = near_to(t);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        field->type = types[i].type;
        if (text_is(t, types[i].name) && !text_is(t, "decimal"))
            return true;
        near_try(&near, text_of(types[i].name));
    }
    bool decimal = t.length == 10 && memcmp(t.data, "decimal(", 8) == 0 && t.data[9] == ')' &&
                   t.data[8] >= '1' && t.data[8] <= '9';
    if (decimal) {
        field->type = VALUE_DOUBLE;
        field->digits = (uint8_t)(t.data[8] - '0');
        return true;
    }
    char hint[NEAR_HINT_SIZE];
    near_hint(&near, hint);
    const char *meant = other_word(t);
    if (meant)
        snprintf(hint, sizeof hint, "; did you mean \"%s\"?", meant);
    else if (t.length >= 7 && memcmp(t.data, "decimal", 7) == 0)
        hint[0] = '\0';
    read_diagnostic(reader, node,
                    "type \"%" TEXT_FORMAT
                    "\" is unknown; expected string, int, bool, double, timestamp "
                    "or decimal(2) (1 to 9 decimals)%s",
                    TEXT_ARGS(t), hint);
    return false;
}

const struct field *load_field_find(const struct load *load, struct text name) {
    const struct schema *schema = &load->snapshot->schema;
    for (size_t i = 0; i < schema->field_count; i++)
        if (text_equal(schema->fields[i].name, name))
            return &schema->fields[i];
    return NULL;
}

/* A field whose declaration has errors was reported there, and its uses are not. */
const struct field *load_field_read(const struct load *load, const struct reader *reader,
                                    const struct tree_node *node, const char *what) {
    struct text name;
    if (!read_text(reader, node, what, 200, &name))
        return NULL;
    const struct field *field = load_field_find(load, name);
    const struct name *declared = scope_find(&load->scope, name);
    if (declared && declared->type == VALUE_ERROR)
        return NULL;
    if (field || load->scope.incomplete)
        return field;
    const struct schema *schema = &load->snapshot->schema;
    struct near near = near_to(name);
    for (size_t i = 0; i < schema->field_count; i++)
        near_try(&near, schema->fields[i].name);
    char hint[NEAR_HINT_SIZE];
    near_hint(&near, hint);
    read_diagnostic(reader, node, "%s: unknown field \"%" TEXT_FORMAT "\"%s", what, TEXT_ARGS(name),
                    *hint ? hint : "; attributes are declared in schema.yaml");
    return NULL;
}
