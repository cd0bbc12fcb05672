/* The derived fields of schema.yaml: computed from a transaction's own fields, in the order of the
 * file, and then fields like any other.
 *
 * Columns, keys and conditions identify a derived field by how it is computed, not by its name: its
 * canonical name is its expression, with the derived fields in it written out likewise. So a
 * feature keeps its history when a derived field is renamed, and loses it when the derivation
 * changes. */
#include "load_derived.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/eval/compile.h"
#include "load_field.h"

#include <stdio.h>

/* A longer expression goes into the canonical name as a hash: derived fields made from derived
 * fields would grow without bound. */
#define WRITTEN_OUT_MAX 200u

enum { TYPE, VALUE, ABOUT, KEY_COUNT };

static struct text hash_name(struct load *load, struct text written) {
    struct sha256 *sha = sha256_new();
    sha256_add(sha, written.data, written.length);
    uint8_t digest[32];
    sha256_finish(sha, digest);
    char hex[33];
    for (size_t i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return arena_printf(load->arena, "sha256 %s", hex);
}

/* "derived(emailDomain(email))", and for a rounded number "derived(amount / 3.0):decimal(2)" */
static struct text canonical_name(struct load *load, const struct syntax *syntax, unsigned digits) {
    struct buffer buffer;
    buffer_init(&buffer);
    syntax_print_definition(syntax, &buffer);
    struct text written = {.data = (const char *)buffer.bytes, .length = buffer.length};
    if (written.length > WRITTEN_OUT_MAX)
        written = hash_name(load, written);
    struct text canonical =
        digits ? arena_printf(load->arena, "derived(%" TEXT_FORMAT "):decimal(%u)",
                              TEXT_ARGS(written), digits)
               : arena_printf(load->arena, "derived(%" TEXT_FORMAT ")", TEXT_ARGS(written));
    buffer_deinit(&buffer);
    check(canonical.data);
    return canonical;
}

static bool reads_kind(const struct load *load, const struct syntax *node, enum field_kind kind) {
    const struct schema *schema = &load->snapshot->schema;
    bool is_field = node->name && node->name->slot < schema->field_count;
    if (is_field && schema->fields[node->name->slot].kind == kind)
        return true;
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (reads_kind(load, operand, kind))
            return true;
    return false;
}

/* Directly, or through a derived field that does. */
static bool reads_minor_units(const struct load *load, const struct syntax *node) {
    const struct schema *schema = &load->snapshot->schema;
    bool is_field = node->name && node->name->slot < schema->field_count;
    if (is_field && (schema->fields[node->name->slot].kind == FIELD_KIND_AMOUNT_MINOR ||
                     schema->fields[node->name->slot].in_minor_units))
        return true;
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (reads_minor_units(load, operand))
            return true;
    return false;
}

/* Type and derivation of a field; false when something was reported. */
static bool read_derivation(struct load *load, const struct reader *reader,
                            const struct tree_node *node, struct field *field) {
    struct key keys[KEY_COUNT] = {
        [TYPE] = {"type", false, NULL},
        [VALUE] = {"value", true, NULL},
        [ABOUT] = {"about", false, NULL},
    };
    if (!read_keys(reader, node, "a derived field", keys, KEY_COUNT))
        return false;
    bool good = !keys[TYPE].node || load_field_type(reader, keys[TYPE].node, field);
    enum value_type wanted = keys[TYPE].node && good ? field->type : VALUE_ABSENT;
    struct syntax *syntax = load_expression_node(load, reader->source, keys[VALUE].node, "value",
                                                 SCOPE_DERIVED, wanted);
    if (!syntax || !good)
        return false;
    if (syntax->type == VALUE_DURATION) {
        read_diagnostic(
            reader, keys[VALUE].node,
            "this is a duration; expected string, int, bool, double or timestamp: write "
            "(…).getSeconds()");
        return false;
    }
    field->type = syntax->type;
    field->canonical = canonical_name(load, syntax, field->digits);
    field->derivation = expression_build(syntax, load->arena);
    struct expression_network network;
    if (expression_is_network(field->derivation, &network)) {
        struct expression_network *kept = arena_alloc(load->arena, sizeof *kept);
        check(kept);
        *kept = network;
        field->network = kept;
    }
    field->in_minor_units =
        reads_minor_units(load, syntax) && !reads_kind(load, syntax, FIELD_KIND_CURRENCY);
    return true;
}

static void read_derived(struct load *load, const struct reader *reader,
                         const struct tree_node *node) {
    struct schema *schema = &load->snapshot->schema;
    struct field field = {.kind = FIELD_KIND_DERIVED};
    if (!read_name(reader, node->key, "derived field", false, &field.name)) {
        load_declare_broken(load, node);
        return;
    }
    if (load_is_taken(field.name)) {
        read_diagnostic(reader, node->key, "a derived field cannot be called \"%" TEXT_FORMAT "\"",
                        TEXT_ARGS(field.name));
        return;
    }
    if (!read_derivation(load, reader, node, &field)) {
        field.type = VALUE_ERROR;
        field.canonical = field.name;
    }
    struct name name = {.text = field.name,
                        .kind = NAME_FIELD,
                        .type = field.type,
                        .slot = schema->field_count,
                        .canonical = field.canonical};
    if (load_declare(load, reader, node->key, name))
        schema->fields[schema->field_count++] = field;
}

/* Makes all names known, so that a use above the declaration gets a better message than an unknown
 * name. */
static void announce(struct load *load, const struct tree_node *node) {
    struct scope *scope = &load->scope;
    scope->announced = arena_calloc(&load->scratch, node->child_count, sizeof *scope->announced);
    check(scope->announced);
    for (const struct tree_node *item = node->first; item; item = item->next)
        scope->announced[scope->announced_count++] = item->key->text;
}

void load_derived(struct load *load, const struct source *source, const struct tree_node *node) {
    struct reader reader = load_reader(load, source);
    if (!read_mapping(&reader, node, "derived")) {
        load_declare_broken(load, node);
        return;
    }
    if (node->child_count > POLICY_DERIVED_MAX) {
        read_diagnostic(&reader, node, "%zu derived fields; expected at most %u", node->child_count,
                        POLICY_DERIVED_MAX);
        load_declare_broken(load, node);
        return;
    }
    announce(load, node);
    for (const struct tree_node *item = node->first; item; item = item->next)
        if (!item->key->broken)
            read_derived(load, &reader, item);
    load->scope.announced_count = 0;
}
