/* A protected field has a pseudonym in place of what was sent (core/base/pseudonym.h). What a
 * policy needs of the clear value is an attribute with from_clear: it is computed before, and
 * archived as if it had been sent, so that a replay needs neither the value nor the key.
 *
 * Names become protected only behind from_clear: those expressions read the clear values, and no
 * others can. */
#include "load_protect.h"

#include "core/base/check.h"
#include "core/base/pseudonym.h"
#include "core/policy/eval/compile.h"

static bool is_protectable(const struct field *field) {
    if (field->type != VALUE_TEXT)
        return false;
    switch (field->kind) {
    case FIELD_KIND_ATTRIBUTE:
        return true;
    case FIELD_KIND_TEXT:
        /* Their few values could all be tried, and rules need to read them. */
        return field->source != FIELD_COUNTRY && field->source != FIELD_MCC &&
               field->source != FIELD_CHANNEL;
    default:
        return false;
    }
}

static bool read_domain(const struct reader *reader, const struct tree_node *node,
                        struct text *ret_domain) {
    return read_name(reader, node, "protect_as", false, ret_domain);
}

void load_protect(const struct reader *reader, const struct tree_node *protect,
                  const struct tree_node *protect_as, const struct tree_node *card_numbers,
                  struct field *field) {
    static const char *const methods[] = {"hmac", NULL};
    size_t method;
    struct text domain = field->name;
    if (!protect && protect_as)
        read_diagnostic(reader, protect_as,
                        "protect_as needs protect: hmac beside it; it names what the pseudonyms "
                        "are of");
    if (!protect || !read_choice(reader, protect, "protect", methods, &method))
        return;
    if (field->type == VALUE_ERROR)
        return;
    if (!is_protectable(field)) {
        read_diagnostic(reader, protect,
                        "\"%" TEXT_FORMAT "\" cannot be protected; expected a text that names a "
                        "person or a thing, such as card, email or an attribute of type string",
                        TEXT_ARGS(field->name));
        return;
    }
    if (card_numbers) {
        read_diagnostic(reader, card_numbers,
                        "a protected field takes card numbers and keeps none of them; remove "
                        "card_numbers");
        return;
    }
    if (protect_as && !read_domain(reader, protect_as, &domain))
        return;
    field->protect = domain;
}

/* ------------------------------------------------------------------------------------------------
 * from_clear */

/* Marks the slots of the fields that an expression reads. */
static void mark_fields(const struct load *load, const struct syntax *node, bool *reads) {
    if (node->name && node->name->kind == NAME_FIELD &&
        node->name->slot < load->snapshot->schema.field_count)
        reads[node->name->slot] = true;
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        mark_fields(load, operand, reads);
}

/* An attribute that is taken itself: what is read must have been sent. */
static const struct field *taken_field(const struct schema *schema, const bool *reads) {
    for (size_t i = 0; i < schema->field_count; i++)
        if (reads[i] && schema->fields[i].is_taken)
            return &schema->fields[i];
    return NULL;
}

static void keep_clear_slots(struct load *load, const bool *reads, struct field *field) {
    const struct schema *schema = &load->snapshot->schema;
    field->clear_slots = arena_calloc(load->arena, schema->field_count, sizeof(size_t));
    check(field->clear_slots);
    for (size_t i = 0; i < schema->field_count; i++)
        if (reads[i] && schema->fields[i].protect.length > 0)
            field->clear_slots[field->clear_count++] = i;
}

static bool keeps_text(const struct syntax *node) {
    if (node->kind == SYNTAX_CONDITIONAL ||
        (node->kind == SYNTAX_BINARY && node->sign == TOKEN_PLUS))
        return true;
    return node->kind == SYNTAX_CALL && node->receiver && node->operand_count == 1 &&
           (text_is(node->text, "lowerAscii") || text_is(node->text, "upperAscii") ||
            text_is(node->text, "trim"));
}

/* The protected field whose whole text is in this value; NULL: none is, as far as can be seen. The
 * depth of the tree is limited. */
static const struct field *copied_field(const struct schema *schema, const struct syntax *node) {
    const struct field *copied = NULL;
    if (node->kind == SYNTAX_NAME && node->name && node->name->kind == NAME_FIELD) {
        const struct field *field = &schema->fields[node->name->slot];
        return field->protect.length > 0 ? field : NULL;
    }
    if (!keeps_text(node))
        return NULL;
    const struct syntax *operand = node->first;
    if (node->kind == SYNTAX_CONDITIONAL) /* its condition is a bool */
        operand = operand->next;
    for (; operand && !copied; operand = operand->next)
        copied = copied_field(schema, operand);
    return copied;
}

/* all_reads: the fields that any of them reads. */
static void read_from_clear(struct load *load, const struct reader *reader,
                            const struct tree_node *node, struct field *field, bool *all_reads) {
    const struct schema *schema = &load->snapshot->schema;
    bool *reads = arena_calloc(&load->scratch, schema->field_count, sizeof *reads);
    check(reads);
    if (field->type == VALUE_ERROR)
        return;
    if (field->type == VALUE_DOUBLE && field->digits > 0) {
        read_diagnostic(reader, node,
                        "a decimal cannot be taken from clear values; expected an attribute of "
                        "type string, int, double, bool or timestamp");
        return;
    }
    struct syntax *syntax =
        load_expression_node(load, reader->source, node, "from_clear", SCOPE_DERIVED, field->type);
    if (!syntax)
        return;
    mark_fields(load, syntax, reads);
    const struct field *taken = taken_field(schema, reads);
    if (taken) {
        read_diagnostic(reader, node,
                        "\"%" TEXT_FORMAT "\" is taken from clear values itself; expected fields "
                        "that are sent",
                        TEXT_ARGS(taken->name));
        return;
    }
    keep_clear_slots(load, reads, field);
    if (field->clear_count == 0) {
        read_diagnostic(reader, node,
                        "this reads no protected field; make it a derived field instead, or give "
                        "a field that it reads protect: hmac");
        return;
    }
    const struct field *copied = copied_field(schema, syntax);
    if (copied && field->protect.length == 0) {
        read_diagnostic(reader, node,
                        "this keeps the clear value of \"%" TEXT_FORMAT
                        "\", which is protected; expected a part of it, or protect: hmac beside it",
                        TEXT_ARGS(copied->name));
        return;
    }
    field->from_clear = expression_build(syntax, load->arena);
    for (size_t i = 0; i < schema->field_count; i++)
        all_reads[i] |= reads[i];
}

static struct field *attribute_of(struct schema *schema, struct text name) {
    for (size_t i = schema->first_attribute; i < schema->field_count; i++)
        if (text_equal(schema->fields[i].name, name))
            return &schema->fields[i];
    return NULL;
}

/* What is no mapping has been reported. */
static const struct tree_node *from_clear_of(const struct tree_node *attribute) {
    if (attribute->kind != TREE_MAPPING)
        return NULL;
    for (const struct tree_node *item = attribute->first; item; item = item->next)
        if (!item->key->broken && text_is(item->key->text, "from_clear"))
            return item;
    return NULL;
}

/* First which are taken, then how: an attribute may stand above one that it must not read. */
static void read_all_from_clear(struct load *load, const struct source *source,
                                const struct tree_node *attributes, bool *all_reads) {
    struct schema *schema = &load->snapshot->schema;
    struct reader reader = load_reader(load, source);
    for (int reads = 0; reads < 2; reads++)
        for (const struct tree_node *item = attributes->first; item; item = item->next) {
            const struct tree_node *node = from_clear_of(item);
            struct field *field =
                node && !item->key->broken ? attribute_of(schema, item->key->text) : NULL;
            if (field && reads)
                read_from_clear(load, &reader, node, field, all_reads);
            else if (field)
                field->is_taken = true;
        }
}

static size_t *new_slots(struct load *load) {
    size_t *slots = arena_calloc(load->arena, load->snapshot->schema.field_count, sizeof *slots);
    check(slots);
    return slots;
}

void load_protected_fields(struct load *load, const struct source *source,
                           const struct tree_node *attributes) {
    struct schema *schema = &load->snapshot->schema;
    bool *reads = arena_calloc(&load->scratch, schema->field_count, sizeof *reads);
    check(reads);
    if (attributes && attributes->kind == TREE_MAPPING)
        read_all_from_clear(load, source, attributes, reads);
    schema->protected_slots = new_slots(load);
    schema->taken_slots = new_slots(load);
    schema->clear_slots = new_slots(load);
    for (size_t i = 0; i < schema->field_count; i++) {
        struct field *field = &schema->fields[i];
        if (reads[i])
            schema->clear_slots[schema->clear_count++] = i;
        if (field->from_clear)
            schema->taken_slots[schema->taken_count++] = i;
        if (field->protect.length == 0 || field->name.length == 0)
            continue;
        field->refuse_card_number = false;
        schema->protects_ip |= field->kind == FIELD_KIND_TEXT && field->source == FIELD_IP;
        schema->protected_slots[schema->protected_count++] = i;
        scope_change(&load->scope, field->name)->protect = field->protect;
    }
}
