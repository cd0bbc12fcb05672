/* A syntax tree in canonical form: single spaces around operators, brackets only where the tree
 * needs them, texts in double quotes, numbers in their shortest form.
 *
 * This text is hashed into the definitions of features and thresholds, together with the rules of
 * time zones, which the name of a zone does not tell. It must not change between versions: a policy
 * whose definitions change loses what was computed for it. */
#include "syntax.h"

#include "core/base/hash.h"
#include "scope.h"
#include "zone.h"

#include <stdio.h>

/* How tightly a node binds; its operands must bind at least as tightly, or get brackets. */
enum binding {
    BINDS_CONDITIONAL = 1,
    BINDS_OR,
    BINDS_AND,
    BINDS_RELATION,
    BINDS_ADDITION,
    BINDS_PRODUCT,
    BINDS_UNARY,
    BINDS_MEMBER,
};

static bool is_negative(struct value v) {
    return (v.type == VALUE_INT && v.integer < 0) || (v.type == VALUE_DOUBLE && v.number < 0);
}

static enum binding binding_of(const struct syntax *node) {
    switch (node->kind) {
    case SYNTAX_CONDITIONAL:
        return BINDS_CONDITIONAL;
    case SYNTAX_OR:
        return BINDS_OR;
    case SYNTAX_AND:
        return BINDS_AND;
    case SYNTAX_UNARY:
        return BINDS_UNARY;
    case SYNTAX_CONSTANT:
        return is_negative(node->constant) ? BINDS_UNARY : BINDS_MEMBER;
    case SYNTAX_BINARY:
        if (node->sign == TOKEN_PLUS || node->sign == TOKEN_MINUS)
            return BINDS_ADDITION;
        if (node->sign == TOKEN_STAR || node->sign == TOKEN_SLASH || node->sign == TOKEN_PERCENT)
            return BINDS_PRODUCT;
        return BINDS_RELATION;
    default:
        return BINDS_MEMBER;
    }
}

static void put_text(struct buffer *buffer, struct text t) {
    buffer_append(buffer, t.data, t.length);
}

/* Only ASCII control characters, quotes and backslashes are escaped; other bytes stay as they are.
 */
static void put_quoted(struct buffer *buffer, struct text t) {
    buffer_append_string(buffer, "\"");
    for (size_t i = 0; i < t.length; i++) {
        unsigned char c = (unsigned char)t.data[i];
        char escape[8];
        if (c == '"' || c == '\\')
            snprintf(escape, sizeof escape, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            snprintf(escape, sizeof escape, "\\x%02x", c);
        else
            snprintf(escape, sizeof escape, "%c", c);
        if (c == 0)
            buffer_append_string(buffer, "\\x00");
        else
            buffer_append_string(buffer, escape);
    }
    buffer_append_string(buffer, "\"");
}

/* A double always shows that it is one, or it would be read again as an int. */
static void put_constant(struct buffer *buffer, struct value v) {
    if (v.type == VALUE_TEXT) {
        put_quoted(buffer, v.text);
        return;
    }
    char string[64];
    value_format(v, string, sizeof string);
    buffer_append_string(buffer, string);
    if (v.type == VALUE_DOUBLE && !strpbrk(string, ".e"))
        buffer_append_string(buffer, ".0");
}

static void put_operand(struct buffer *buffer, const struct syntax *node, enum binding least) {
    bool brackets = binding_of(node) < least;
    if (brackets)
        buffer_append_string(buffer, "(");
    syntax_print(node, buffer);
    if (brackets)
        buffer_append_string(buffer, ")");
}

static void put_operands(struct buffer *buffer, const struct syntax *first, const char *between,
                         enum binding least) {
    for (const struct syntax *operand = first; operand; operand = operand->next) {
        if (operand != first)
            buffer_append_string(buffer, between);
        put_operand(buffer, operand, least);
    }
}

static void put_call(struct buffer *buffer, const struct syntax *node) {
    const struct syntax *first = node->first;
    if (node->receiver) {
        put_operand(buffer, first, BINDS_MEMBER);
        buffer_append_string(buffer, ".");
        first = first->next;
    }
    put_text(buffer, node->text);
    buffer_append_string(buffer, "(");
    put_operands(buffer, first, ", ", BINDS_CONDITIONAL);
    buffer_append_string(buffer, ")");
}

/* Binary operators associate to the left, so the right operand needs brackets when it binds
 * equally. */
static void put_binary(struct buffer *buffer, const struct syntax *node) {
    enum binding own = binding_of(node);
    put_operand(buffer, node->first, own);
    buffer_append_string(buffer, " ");
    buffer_append_string(buffer, token_type_name(node->sign));
    buffer_append_string(buffer, " ");
    put_operand(buffer, node->last, own + 1);
}

/* Does it print as an int literal first, without a sign or bracket in front? */
static bool begins_with_int(const struct syntax *node) {
    while ((node->kind == SYNTAX_MEMBER && !node->name) || node->kind == SYNTAX_INDEX ||
           (node->kind == SYNTAX_CALL && node->receiver) || node->kind == SYNTAX_MACRO)
        node = node->first;
    return node->kind == SYNTAX_CONSTANT && node->constant.type == VALUE_INT &&
           !is_negative(node->constant);
}

static void put_unary(struct buffer *buffer, const struct syntax *node) {
    buffer_append_string(buffer, token_type_name(node->sign));
    /* −(5) is an operator on 5; −5 would be read as a literal. */
    bool literal = node->sign == TOKEN_MINUS && begins_with_int(node->first);
    put_operand(buffer, node->first, literal ? BINDS_MEMBER + 1 : BINDS_UNARY);
}

static void put_conditional(struct buffer *buffer, const struct syntax *node) {
    put_operand(buffer, node->first, BINDS_OR);
    buffer_append_string(buffer, " ? ");
    put_operand(buffer, node->first->next, BINDS_OR);
    buffer_append_string(buffer, " : ");
    put_operand(buffer, node->last, BINDS_CONDITIONAL);
}

static void put_map(struct buffer *buffer, const struct syntax *node) {
    buffer_append_string(buffer, "{");
    bool key = true;
    for (const struct syntax *operand = node->first; operand; operand = operand->next) {
        syntax_print(operand, buffer);
        if (operand->next)
            buffer_append_string(buffer, key ? ": " : ", ");
        key = !key;
    }
    buffer_append_string(buffer, "}");
}

void syntax_print(const struct syntax *node, struct buffer *buffer) {
    switch (node->kind) {
    case SYNTAX_CONSTANT:
        put_constant(buffer, node->constant);
        break;
    case SYNTAX_NAME:
        put_text(buffer, node->name ? node->name->canonical : node->text);
        break;
    case SYNTAX_MEMBER:
        if (node->name) {
            put_text(buffer, node->name->canonical);
            break;
        }
        put_operand(buffer, node->first, BINDS_MEMBER);
        buffer_append_string(buffer, ".");
        put_text(buffer, node->text);
        break;
    case SYNTAX_CALL:
    case SYNTAX_MACRO:
        put_call(buffer, node);
        break;
    case SYNTAX_INDEX:
        put_operand(buffer, node->first, BINDS_MEMBER);
        buffer_append_string(buffer, "[");
        syntax_print(node->last, buffer);
        buffer_append_string(buffer, "]");
        break;
    case SYNTAX_LIST:
        buffer_append_string(buffer, "[");
        put_operands(buffer, node->first, ", ", BINDS_CONDITIONAL);
        buffer_append_string(buffer, "]");
        break;
    case SYNTAX_MAP:
        put_map(buffer, node);
        break;
    case SYNTAX_UNARY:
        put_unary(buffer, node);
        break;
    case SYNTAX_BINARY:
        put_binary(buffer, node);
        break;
    case SYNTAX_AND:
        put_operands(buffer, node->first, " && ", BINDS_AND + 1);
        break;
    case SYNTAX_OR:
        put_operands(buffer, node->first, " || ", BINDS_OR + 1);
        break;
    case SYNTAX_CONDITIONAL:
        put_conditional(buffer, node);
        break;
    }
}

/* Each once. `start`: of all zones in the buffer. */
static void put_zone(struct buffer *buffer, size_t start, struct text name, uint64_t hash) {
    char hex[HASH_HEX_SIZE], written[ZONE_NAME_MAX + HASH_HEX_SIZE + 8];
    hash_hex(hash, hex);
    size_t length =
        (size_t)snprintf(written, sizeof written, " // %" TEXT_FORMAT " %s", TEXT_ARGS(name), hex);
    if (buffer->length == start ||
        !memmem(buffer->bytes + start, buffer->length - start, written, length))
        buffer_append(buffer, written, length);
}

static void put_zones(struct buffer *buffer, size_t start, const struct syntax *node) {
    if (node->zone)
        put_zone(buffer, start, node->zone->name, node->zone->hash);
    if (node->zones)
        put_zone(buffer, start, TEXT_LITERAL("all zones"), node->zones->hash);
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        put_zones(buffer, start, operand);
}

void syntax_print_definition(const struct syntax *node, struct buffer *buffer) {
    syntax_print(node, buffer);
    put_zones(buffer, buffer->length, node);
}
