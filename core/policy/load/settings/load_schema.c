/* schema.yaml: requirements for the well-known fields, and the attributes. Derived fields are in
 * load_derived.c.
 *
 * The order of slots is fixed: well-known fields as below, attributes by name, derived fields as
 * they are declared. Columns and keys are stored under canonical names, not under slots, so
 * declaring a new attribute does not discard history. */
#include "load_schema.h"

#include "core/base/check.h"
#include "load_derived.h"
#include "load_field.h"
#include "load_protect.h"

#include <stdio.h>
#include <stdlib.h>

/* Fields that every policy has, in the order of their slots. */
static const struct {
    const char *name; /* NULL: the text field's own */
    enum field_kind kind;
    enum transaction_field source;
    enum value_type type;
    uint8_t digits;
    bool refuse_card_number;
    enum name_words words;
} known_fields[] = {
    {"id", FIELD_KIND_ID, 0, VALUE_TEXT, 0, false, WORDS_ANY},
    {"event_time", FIELD_KIND_EVENT_TIME, 0, VALUE_TIMESTAMP, 0, false, WORDS_ANY},
    {"amount", FIELD_KIND_AMOUNT, 0, VALUE_DOUBLE, 0, false, WORDS_ANY},
    {"amount_minor", FIELD_KIND_AMOUNT_MINOR, 0, VALUE_INT, 0, false, WORDS_ANY},
    {"currency", FIELD_KIND_CURRENCY, 0, VALUE_TEXT, 0, false, WORDS_CURRENCY},
    {NULL, FIELD_KIND_TEXT, FIELD_CARD, VALUE_TEXT, 0, true, WORDS_ANY},
    {NULL, FIELD_KIND_TEXT, FIELD_CUSTOMER, VALUE_TEXT, 0, true, WORDS_ANY},
    {NULL, FIELD_KIND_TEXT, FIELD_ACCOUNT, VALUE_TEXT, 0, true, WORDS_ANY},
    {NULL, FIELD_KIND_TEXT, FIELD_MERCHANT, VALUE_TEXT, 0, false, WORDS_ANY},
    {NULL, FIELD_KIND_TEXT, FIELD_TERMINAL, VALUE_TEXT, 0, false, WORDS_ANY},
    {NULL, FIELD_KIND_TEXT, FIELD_DEVICE, VALUE_TEXT, 0, true, WORDS_ANY},
    {NULL, FIELD_KIND_TEXT, FIELD_IP, VALUE_TEXT, 0, false, WORDS_ANY},
    {NULL, FIELD_KIND_TEXT, FIELD_COUNTRY, VALUE_TEXT, 0, false, WORDS_COUNTRY},
    {NULL, FIELD_KIND_TEXT, FIELD_MCC, VALUE_TEXT, 0, false, WORDS_MCC},
    {NULL, FIELD_KIND_TEXT, FIELD_CHANNEL, VALUE_TEXT, 0, false, WORDS_ANY},
    {NULL, FIELD_KIND_TEXT, FIELD_EMAIL, VALUE_TEXT, 0, true, WORDS_ANY},
    {NULL, FIELD_KIND_TEXT, FIELD_PHONE, VALUE_TEXT, 0, true, WORDS_ANY},
    {"latitude", FIELD_KIND_LATITUDE, 0, VALUE_DOUBLE, 7, false, WORDS_ANY},
    {"longitude", FIELD_KIND_LONGITUDE, 0, VALUE_DOUBLE, 7, false, WORDS_ANY},
    {"refunded", FIELD_KIND_REFUNDED, 0, VALUE_DOUBLE, 0, false, WORDS_ANY},
};

#define KNOWN_COUNT (sizeof known_fields / sizeof *known_fields)
_Static_assert(KNOWN_COUNT == FIELD_COUNT + 8, "a new field has a row in known_fields");

static struct text kept(struct load *load, struct text t) {
    struct text copy = arena_text(load->arena, t);
    check(copy.data);
    return copy;
}

static void add_known(struct load *load, struct schema *schema) {
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        const char *name = known_fields[i].name;
        struct text text = text_of(name ? name : transaction_field_name(known_fields[i].source));
        struct field *field = &schema->fields[schema->field_count++];
        *field = (struct field){.name = text,
                                .canonical = text,
                                .kind = known_fields[i].kind,
                                .source = known_fields[i].source,
                                .type = known_fields[i].type,
                                .digits = known_fields[i].digits,
                                .refuse_card_number = known_fields[i].refuse_card_number};
        if (field->kind == FIELD_KIND_AMOUNT || field->kind == FIELD_KIND_REFUNDED) {
            field->digits = schema->base_digits;
            field->canonical = arena_printf(load->arena, "%" TEXT_FORMAT ":%s", TEXT_ARGS(text),
                                            schema->base_currency);
            check(field->canonical.data);
        }
    }
    schema->first_attribute = schema->field_count;
}

static void read_card_numbers(const struct reader *reader, const struct tree_node *node,
                              struct field *field) {
    static const char *const names[] = {"allow", "refuse", NULL};
    size_t index;
    if (field->type != VALUE_TEXT)
        read_diagnostic(reader, node,
                        "\"%" TEXT_FORMAT "\" is not a text field; remove "
                        "card_numbers",
                        TEXT_ARGS(field->name));
    else if (read_choice(reader, node, "card_numbers", names, &index))
        field->refuse_card_number = index == 1;
}

static void read_required(const struct reader *reader, const struct tree_node *node,
                          struct field *field) {
    read_bool(reader, node, "required", &field->required);
}

static void read_personal(const struct reader *reader, const struct tree_node *node,
                          struct field *field) {
    if (field->type != VALUE_TEXT || field->kind == FIELD_KIND_ID ||
        field->kind == FIELD_KIND_CURRENCY)
        read_diagnostic(reader, node,
                        "\"%" TEXT_FORMAT "\" cannot be erased: personal is for text fields other "
                        "than id and currency; remove it",
                        TEXT_ARGS(field->name));
    else
        read_bool(reader, node, "personal", &field->personal);
}

/* ------------------------------------------------------------------------------------------------
 * Well-known fields */

/* A near miss of a well-known field is one mistake; anything else may be a misplaced attribute,
 * whose name is then declared as broken. */
static void read_known(struct load *load, const struct reader *reader,
                       const struct tree_node *node) {
    struct schema *schema = &load->snapshot->schema;
    struct text name = node->key->text;
    struct near near = near_to(name);
    struct field *field = NULL;
    for (size_t i = 0; i < schema->first_attribute; i++) {
        near_try(&near, schema->fields[i].name);
        if (text_equal(schema->fields[i].name, name))
            field = &schema->fields[i];
    }
    if (field && load_field_yields(field)) {
        read_diagnostic(reader, node->key,
                        "what is refunded becomes known later; nothing can be required of it");
        return;
    }
    if (!field) {
        char hint[NEAR_HINT_SIZE];
        near_hint(&near, hint);
        read_diagnostic(reader, node->key, "unknown field \"%" TEXT_FORMAT "\"%s", TEXT_ARGS(name),
                        *hint ? hint : "; fields of your own belong under attributes");
        if (!*hint)
            load_declare_broken(load, node);
        return;
    }
    struct key keys[] = {{"required", false, NULL},
                         {"card_numbers", false, NULL},
                         {"protect", false, NULL},
                         {"protect_as", false, NULL},
                         {"personal", false, NULL}};
    if (!read_keys(reader, node, "a field", keys, 5))
        return;
    if (keys[0].node)
        read_required(reader, keys[0].node, field);
    if (keys[1].node)
        read_card_numbers(reader, keys[1].node, field);
    load_protect(reader, keys[2].node, keys[3].node, keys[1].node, field);
    if (keys[4].node)
        read_personal(reader, keys[4].node, field);
}

/* ------------------------------------------------------------------------------------------------
 * Attributes */

/* false when its type is unknown: the name is then declared as broken */
static bool read_attribute(const struct reader *reader, const struct tree_node *node,
                           struct field *field) {
    struct key keys[] = {{"type", true, NULL},          {"required", false, NULL},
                         {"card_numbers", false, NULL}, {"protect", false, NULL},
                         {"protect_as", false, NULL},   {"from_clear", false, NULL},
                         {"personal", false, NULL}};
    if (!read_keys(reader, node, "an attribute", keys, 7) ||
        !load_field_type(reader, keys[0].node, field))
        return false;
    field->refuse_card_number = field->type == VALUE_TEXT;
    if (keys[1].node)
        read_required(reader, keys[1].node, field);
    if (keys[2].node)
        read_card_numbers(reader, keys[2].node, field);
    load_protect(reader, keys[3].node, keys[4].node, keys[2].node, field);
    if (keys[6].node)
        read_personal(reader, keys[6].node, field);
    return true;
}

static const char *type_name(const struct field *field, char ret_name[16]) {
    if (field->type == VALUE_DOUBLE && field->digits > 0)
        snprintf(ret_name, 16, "decimal(%u)", (unsigned)field->digits);
    else
        snprintf(ret_name, 16, "%s", value_type_name(field->type));
    return ret_name;
}

/* Declared even if its type is unknown, with type VALUE_ERROR, so that its uses are not reported.
 */
static void add_attribute(struct load *load, const struct reader *reader,
                          const struct tree_node *node) {
    struct schema *schema = &load->snapshot->schema;
    struct text name;
    if (!read_name(reader, node->key, "attribute", false, &name)) {
        load_declare_broken(load, node);
        return;
    }
    if (load_is_taken(name)) {
        read_diagnostic(reader, node->key, "an attribute cannot be called \"%" TEXT_FORMAT "\"",
                        TEXT_ARGS(name));
        return;
    }
    for (size_t i = 0; i < schema->first_attribute; i++)
        if (text_equal(schema->fields[i].name, name) && load_field_yields(&schema->fields[i])) {
            schema->fields[i].name = TEXT_LITERAL("");
        } else if (text_equal(schema->fields[i].name, name)) {
            read_diagnostic(reader, node->key,
                            "\"%" TEXT_FORMAT
                            "\" is a field that every transaction has; leave it out",
                            TEXT_ARGS(name));
            return;
        }
    struct field field = {.name = name, .kind = FIELD_KIND_ATTRIBUTE};
    if (!read_attribute(reader, node, &field))
        field.type = VALUE_ERROR;
    char type[16];
    field.canonical = arena_printf(load->arena, "attributes.%" TEXT_FORMAT ":%s", TEXT_ARGS(name),
                                   type_name(&field, type));
    check(field.canonical.data);
    schema->fields[schema->field_count++] = field;
}

static int compare_fields(const void *left, const void *right) {
    const struct field *a = left, *b = right;
    return text_compare(a->name, b->name);
}

static void read_attributes(struct load *load, const struct reader *reader,
                            const struct tree_node *node) {
    struct schema *schema = &load->snapshot->schema;
    if (!read_mapping(reader, node, "attributes")) {
        load_declare_broken(load, node);
        return;
    }
    if (node->child_count > POLICY_ATTRIBUTES_MAX) {
        read_diagnostic(reader, node, "%zu attributes; expected at most %u", node->child_count,
                        POLICY_ATTRIBUTES_MAX);
        load_declare_broken(load, node);
        return;
    }
    for (const struct tree_node *item = node->first; item; item = item->next)
        if (!item->key->broken)
            add_attribute(load, reader, item);
    size_t count = schema->field_count - schema->first_attribute;
    if (count > 1)
        qsort(schema->fields + schema->first_attribute, count, sizeof *schema->fields,
              compare_fields);
}

/* The parts of the file that are read once the other fields have their names; NULL: it has none. */
struct later_parts {
    const struct tree_node *attributes, *derived;
};

static struct later_parts read_file(struct load *load, const struct source *source,
                                    const struct tree_node *root) {
    struct reader reader = load_reader(load, source);
    struct key keys[] = {{"fields", false, NULL},
                         {"attributes", false, NULL},
                         {"derived", false, NULL},
                         {"accept_pseudonyms", false, NULL}};
    read_keys(&reader, root, "schema.yaml", keys, 4);
    for (const struct tree_node *item = root->first; item; item = item->next)
        if (item != keys[0].node && item != keys[1].node && item != keys[2].node &&
            item != keys[3].node)
            load_declare_broken(load, item);
    if (keys[0].node && read_mapping(&reader, keys[0].node, "fields"))
        for (const struct tree_node *item = keys[0].node->first; item; item = item->next)
            if (!item->key->broken)
                read_known(load, &reader, item);
    if (keys[1].node)
        read_attributes(load, &reader, keys[1].node);
    if (keys[3].node)
        read_bool(&reader, keys[3].node, "accept_pseudonyms",
                  &load->snapshot->schema.accept_pseudonyms);
    return (struct later_parts){.attributes = keys[1].node, .derived = keys[2].node};
}

/* card_numbers decides whether a value that looks like a card number is in a field at all, so a
 * field with another setting than the default has other values: its canonical name says so, and
 * what is computed from it starts afresh. */
static void name_by_card_numbers(struct load *load, struct schema *schema) {
    for (size_t i = 0; i < schema->field_count; i++) {
        struct field *field = &schema->fields[i];
        bool usual = i >= KNOWN_COUNT || known_fields[i].refuse_card_number;
        if (field->type != VALUE_TEXT || field->refuse_card_number == usual)
            continue;
        field->canonical =
            arena_printf(load->arena, "%" TEXT_FORMAT ":%s", TEXT_ARGS(field->canonical),
                         usual ? "card_numbers" : "no_card_numbers");
        check(field->canonical.data);
    }
}

static void declare_fields(struct load *load, const struct schema *schema) {
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        if (field->name.length == 0) /* hidden */
            continue;
        scope_add(&load->scope,
                  (struct name){.text = field->name,
                                .kind = NAME_FIELD,
                                .type = field->type,
                                .text_max = i < KNOWN_COUNT ? TRANSACTION_FIELD_MAX
                                                            : TRANSACTION_ATTRIBUTE_MAX,
                                .words = i < KNOWN_COUNT ? known_fields[i].words : WORDS_ANY,
                                .slot = i,
                                .canonical = kept(load, field->canonical)});
    }
}

void load_schema(struct load *load) {
    struct schema *schema = &load->snapshot->schema;
    schema->fields =
        arena_calloc(load->arena, KNOWN_COUNT + POLICY_ATTRIBUTES_MAX + POLICY_DERIVED_MAX,
                     sizeof *schema->fields);
    check(schema->fields);
    add_known(load, schema);
    struct tree_node *root;
    const struct source *source = load_find(load, FILE_SCHEMA, &root);
    struct later_parts later = {NULL, NULL};
    if (source)
        later = read_file(load, source, root);
    name_by_card_numbers(load, schema);
    declare_fields(load, schema);
    schema->first_derived = schema->field_count;
    load_protected_fields(load, source, later.attributes);
    if (later.derived)
        load_derived(load, source, later.derived);
}
