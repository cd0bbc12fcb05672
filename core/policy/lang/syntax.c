/* A recursive descent parser for CEL's grammar.
 *
 *   expression  = or [ "?" or ":" expression ]
 *   or          = and { "||" and }
 *   and         = relation { "&&" relation }
 *   relation    = addition { ( "<" | "<=" | ">" | ">=" | "==" | "!=" | "in" ) addition }
 *   addition    = product { ( "+" | "-" ) product }
 *   product     = unary { ( "*" | "/" | "%" ) unary }
 *   unary       = { "!" | "-" } member
 *   member      = primary { "." name [ "(" arguments ")" ] | "[" expression "]" }
 *   primary     = literal | name [ "(" arguments ")" ] | "(" expression ")" | list | map
 *
 * It stops at the first error: what follows one is mostly noise. Recursion is bounded by
 * SYNTAX_NESTING_MAX; chains are loops. */
#include "syntax.h"

#include "core/base/check.h"

struct parser {
    struct lexer lexer;
    struct token token; /* the one to look at */
    struct arena *arena;
    struct reporter *reporter;
    unsigned nesting;
    size_t previous_end; /* of the token before */
    bool failed;
};

static struct syntax *parse_expression(struct parser *parser);

/* ------------------------------------------------------------------------------------------------
 * Tokens */

/* After an error there are no more tokens: every function that is active returns at its next token,
 * and nothing else is reported. */
static void advance(struct parser *parser) {
    if (parser->failed) {
        parser->token.type = TOKEN_ERROR;
        return;
    }
    parser->previous_end = parser->token.offset + parser->token.length;
    parser->token = lexer_next(&parser->lexer);
    if (parser->token.type == TOKEN_ERROR)
        parser->failed = true;
}

static bool at(const struct parser *parser, enum token_type type) {
    return parser->token.type == type;
}

static bool accept(struct parser *parser, enum token_type type) {
    if (!at(parser, type))
        return false;
    advance(parser);
    return true;
}

static struct text token_source(const struct parser *parser) {
    return (struct text){.data = parser->lexer.source.data + parser->token.offset,
                         .length = parser->token.length};
}

static struct syntax *fail(struct parser *parser, const char *text) {
    if (!parser->failed)
        report(parser->reporter, parser->token.offset, parser->token.length, "%s", text);
    parser->failed = true;
    return NULL;
}

/* Operators of other languages that are words. */
static const char *foreign_operator(struct text word) {
    static const char *const pairs[][2] = {
        {"and", "&&"}, {"AND", "&&"}, {"or", "||"}, {"OR", "||"},
        {"not", "!"},  {"NOT", "!"},  {"is", "=="}, {"IN", "in"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (text_is(word, pairs[i][0]))
            return pairs[i][1];
    return NULL;
}

static bool is_word_character(char c) {
    return c == '_' || text_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Does the word before the current token mean "!" in other languages? */
static bool follows_not(const struct parser *parser) {
    const char *source = parser->lexer.source.data;
    size_t end = parser->previous_end;
    return end >= 3 && memcmp(source + end - 3, "not", 3) == 0 &&
           (end == 3 || !is_word_character(source[end - 4]));
}

/* 5,00: a decimal comma between two digits */
static bool is_decimal_comma(const struct parser *parser) {
    struct text source = parser->lexer.source;
    size_t comma = parser->token.offset;
    return at(parser, TOKEN_COMMA) && comma > 0 && comma + 1 < source.length &&
           text_is_digit(source.data[comma - 1]) && text_is_digit(source.data[comma + 1]);
}

static void unexpected(struct parser *parser, const char *expected) {
    if (parser->failed)
        return;
    parser->failed = true;
    struct text found = token_source(parser);
    if (at(parser, TOKEN_END)) {
        report(parser->reporter, parser->token.offset, 0, "unexpected end; expected %s", expected);
        return;
    }
    const char *sign = at(parser, TOKEN_IDENTIFIER) ? foreign_operator(found) : NULL;
    if (sign)
        report(parser->reporter, parser->token.offset, found.length,
               "unexpected \"%" TEXT_FORMAT "\"; write \"%s\"", TEXT_ARGS(found), sign);
    else if (follows_not(parser))
        report(parser->reporter, parser->previous_end - 3, 3, "unexpected \"not\"; write \"!\"");
    else if (is_decimal_comma(parser))
        report(parser->reporter, parser->token.offset, found.length,
               "unexpected \",\"; decimals are written with a point");
    else
        report(parser->reporter, parser->token.offset, found.length,
               "unexpected %" TEXT_FORMAT "; expected %s", TEXT_ARGS(found), expected);
}

static bool expect(struct parser *parser, enum token_type type, const char *expected) {
    if (accept(parser, type))
        return true;
    unexpected(parser, expected);
    return false;
}

/* Recursion is limited in depth, so that no source can exhaust the stack of the thread that loads
 * it. A failed parse need not leave() again. */
static bool enter(struct parser *parser) {
    if (++parser->nesting <= SYNTAX_NESTING_MAX)
        return true;
    fail(parser, "nested too deeply: at most 64 levels");
    return false;
}

static void leave(struct parser *parser) {
    parser->nesting--;
}

/* ------------------------------------------------------------------------------------------------
 * Nodes */

/* start and end cover the node's own token; add_operand() widens them. */
static struct syntax *new_node(struct parser *parser, enum syntax_kind kind, struct token token) {
    struct syntax *node = arena_calloc(parser->arena, 1, sizeof *node);
    check(node);
    node->kind = kind;
    node->offset = node->start = token.offset;
    node->length = token.length;
    node->end = token.offset + token.length;
    node->depth = 1;
    return node;
}

/* Checks the depth of the tree as well: later passes are recursive over it, and chains of operators
 * grow it without growing the nesting. */
static void add_operand(struct parser *parser, struct syntax *node, struct syntax *operand) {
    if (node->last)
        node->last->next = operand;
    else
        node->first = operand;
    node->last = operand;
    node->operand_count++;
    if (operand->start < node->start)
        node->start = operand->start;
    if (operand->end > node->end)
        node->end = operand->end;
    if (operand->depth >= node->depth)
        node->depth = operand->depth + 1;
    if (node->depth > SYNTAX_DEPTH_MAX)
        fail(parser, "too many operators in a row: at most 250; use a list or computed values");
}

static struct syntax *binary(struct parser *parser, struct token token, struct syntax *left,
                             struct syntax *right) {
    if (!right)
        return NULL;
    struct syntax *node = new_node(parser, SYNTAX_BINARY, token);
    node->sign = token.type;
    add_operand(parser, node, left);
    add_operand(parser, node, right);
    return node;
}

/* ------------------------------------------------------------------------------------------------
 * Primaries */

/* operands up to `closing`, with a comma allowed after the last one where CEL allows it */
static bool parse_operands(struct parser *parser, struct syntax *node, enum token_type closing,
                           bool trailing_comma, const char *expected) {
    if (!enter(parser))
        return false;
    while (!at(parser, closing)) {
        struct syntax *operand = parse_expression(parser);
        if (!operand)
            return false;
        add_operand(parser, node, operand);
        if (!accept(parser, TOKEN_COMMA))
            break;
        if (at(parser, closing) && !trailing_comma) {
            unexpected(parser, "an argument");
            return false;
        }
    }
    leave(parser);
    if (!expect(parser, closing, expected))
        return false;
    node->end = parser->previous_end;
    return true;
}

static struct syntax *parse_list(struct parser *parser) {
    struct syntax *node = new_node(parser, SYNTAX_LIST, parser->token);
    advance(parser);
    if (!parse_operands(parser, node, TOKEN_CLOSE_BRACKET, true, "\",\" or \"]\""))
        return NULL;
    return node;
}

static struct syntax *parse_map(struct parser *parser) {
    struct syntax *node = new_node(parser, SYNTAX_MAP, parser->token);
    advance(parser);
    if (!enter(parser))
        return NULL;
    while (!at(parser, TOKEN_CLOSE_BRACE)) {
        struct syntax *key = parse_expression(parser);
        if (!key || !expect(parser, TOKEN_COLON, "\":\""))
            return NULL;
        struct syntax *value = parse_expression(parser);
        if (!value)
            return NULL;
        add_operand(parser, node, key);
        add_operand(parser, node, value);
        if (!accept(parser, TOKEN_COMMA))
            break;
    }
    leave(parser);
    if (!expect(parser, TOKEN_CLOSE_BRACE, "\",\" or \"}\""))
        return NULL;
    node->end = parser->previous_end;
    return node;
}

/* The brackets leave no node, only the extent of what is in them, for messages to underline. */
static struct syntax *parse_parentheses(struct parser *parser) {
    size_t start = parser->token.offset;
    advance(parser);
    if (!enter(parser))
        return NULL;
    struct syntax *inner = parse_expression(parser);
    leave(parser);
    if (!inner || !expect(parser, TOKEN_CLOSE, "an operator or \")\""))
        return NULL;
    inner->start = start;
    inner->end = parser->previous_end;
    return inner;
}

/* The parser is the first to know whether a minus sign precedes: without it 2^63 is too large. */
static struct syntax *parse_literal(struct parser *parser) {
    struct token token = parser->token;
    struct syntax *node = new_node(parser, SYNTAX_CONSTANT, token);
    switch (token.type) {
    case TOKEN_INT:
        if (token.magnitude > INT64_MAX)
            return fail(parser, "the number is too large for int: at most 9223372036854775807");
        node->constant = value_int((int64_t)token.magnitude);
        break;
    case TOKEN_DOUBLE:
        node->constant = value_double(token.number);
        break;
    case TOKEN_STRING:
        node->constant = value_text(token.text);
        break;
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        node->constant = value_bool(token.type == TOKEN_TRUE);
        break;
    default:
        return fail(parser, "null is not supported: use has(x) to test whether there is a value");
    }
    advance(parser);
    return node;
}

/* Any reserved word is refused here; `in`, true, false and null are tokens of their own. */
static struct syntax *parse_name(struct parser *parser) {
    struct token token = parser->token;
    if (parser->failed)
        return NULL;
    if (token_is_reserved(token.text)) {
        report(parser->reporter, token.offset, token.length,
               "\"%" TEXT_FORMAT "\" is a reserved word", TEXT_ARGS(token.text));
        parser->failed = true;
        return NULL;
    }
    advance(parser);
    struct syntax *node = new_node(parser, SYNTAX_NAME, token);
    node->text = token.text;
    if (accept(parser, TOKEN_OPEN)) {
        node->kind = SYNTAX_CALL;
        if (!parse_operands(parser, node, TOKEN_CLOSE, false, "\",\" or \")\""))
            return NULL;
    } else if (at(parser, TOKEN_OPEN_BRACE)) {
        return fail(parser, "message literals are not supported");
    }
    return node;
}

static struct syntax *parse_primary(struct parser *parser) {
    switch (parser->token.type) {
    case TOKEN_INT:
    case TOKEN_DOUBLE:
    case TOKEN_STRING:
    case TOKEN_TRUE:
    case TOKEN_FALSE:
    case TOKEN_NULL:
        return parse_literal(parser);
    case TOKEN_IDENTIFIER:
        return parse_name(parser);
    case TOKEN_OPEN:
        return parse_parentheses(parser);
    case TOKEN_OPEN_BRACKET:
        return parse_list(parser);
    case TOKEN_OPEN_BRACE:
        return parse_map(parser);
    case TOKEN_DOT:
        advance(parser); /* CEL's root scope: the only one there is */
        if (at(parser, TOKEN_IDENTIFIER))
            return parse_name(parser);
        break;
    default:
        break;
    }
    unexpected(parser, "a value");
    return NULL;
}

/* ------------------------------------------------------------------------------------------------
 * Operators, from the tightest to the loosest */

static struct syntax *parse_selection(struct parser *parser, struct syntax *operand) {
    struct token token = parser->token;
    if (!at(parser, TOKEN_IDENTIFIER)) {
        unexpected(parser, "a name");
        return NULL;
    }
    advance(parser);
    struct syntax *node = new_node(parser, SYNTAX_MEMBER, token);
    node->text = token.text;
    add_operand(parser, node, operand);
    if (accept(parser, TOKEN_OPEN)) {
        node->kind = SYNTAX_CALL;
        node->receiver = true;
        if (!parse_operands(parser, node, TOKEN_CLOSE, false, "\",\" or \")\""))
            return NULL;
    }
    return node;
}

static struct syntax *parse_index(struct parser *parser, struct syntax *operand,
                                  struct token bracket) {
    if (!enter(parser))
        return NULL;
    struct syntax *node = new_node(parser, SYNTAX_INDEX, bracket);
    struct syntax *index = parse_expression(parser);
    leave(parser);
    if (!index || !expect(parser, TOKEN_CLOSE_BRACKET, "\"]\""))
        return NULL;
    add_operand(parser, node, operand);
    add_operand(parser, node, index);
    node->end = parser->previous_end;
    return node;
}

static struct syntax *parse_member(struct parser *parser) {
    struct syntax *node = parse_primary(parser);
    while (node && !parser->failed) {
        struct token token = parser->token;
        if (accept(parser, TOKEN_DOT))
            node = parse_selection(parser, node);
        else if (accept(parser, TOKEN_OPEN_BRACKET))
            node = parse_index(parser, node, token);
        else
            break;
    }
    return node;
}

/* A minus sign right before an int literal belongs to it: −9223372036854775808 is an int. */
static struct syntax *parse_negative(struct parser *parser, struct token minus) {
    struct token token = parser->token;
    advance(parser);
    struct syntax *node = new_node(parser, SYNTAX_CONSTANT, minus);
    node->constant = value_int((int64_t)(0 - token.magnitude));
    node->end = token.offset + token.length;
    node->length = node->end - node->offset;
    if (at(parser, TOKEN_DOT) || at(parser, TOKEN_OPEN_BRACKET))
        return fail(parser, "put a negative number in parentheses before \".\" or \"[\"");
    return node;
}

static struct syntax *parse_unary(struct parser *parser) {
    if (!at(parser, TOKEN_NOT) && !at(parser, TOKEN_MINUS))
        return parse_member(parser);
    struct token token = parser->token;
    advance(parser);
    if (token.type == TOKEN_MINUS && at(parser, TOKEN_INT))
        return parse_negative(parser, token);
    if (!enter(parser))
        return NULL;
    struct syntax *operand = parse_unary(parser);
    leave(parser);
    if (!operand)
        return NULL;
    struct syntax *node = new_node(parser, SYNTAX_UNARY, token);
    node->sign = token.type;
    add_operand(parser, node, operand);
    return node;
}

static struct syntax *parse_product(struct parser *parser) {
    struct syntax *left = parse_unary(parser);
    while (left && !parser->failed &&
           (at(parser, TOKEN_STAR) || at(parser, TOKEN_SLASH) || at(parser, TOKEN_PERCENT))) {
        struct token token = parser->token;
        advance(parser);
        left = binary(parser, token, left, parse_unary(parser));
    }
    return left;
}

static struct syntax *parse_addition(struct parser *parser) {
    struct syntax *left = parse_product(parser);
    while (left && !parser->failed && (at(parser, TOKEN_PLUS) || at(parser, TOKEN_MINUS))) {
        struct token token = parser->token;
        advance(parser);
        left = binary(parser, token, left, parse_product(parser));
    }
    return left;
}

static bool at_relation(const struct parser *parser) {
    return (parser->token.type >= TOKEN_LESS && parser->token.type <= TOKEN_NOT_EQUAL) ||
           at(parser, TOKEN_IN);
}

static struct syntax *parse_relation(struct parser *parser) {
    struct syntax *left = parse_addition(parser);
    while (left && !parser->failed && at_relation(parser)) {
        struct token token = parser->token;
        advance(parser);
        left = binary(parser, token, left, parse_addition(parser));
    }
    return left;
}

/* One node for a whole chain: both operators are associative, and trees stay shallow. */
static struct syntax *parse_chain(struct parser *parser, enum token_type sign,
                                  enum syntax_kind kind,
                                  struct syntax *(*parse_operand)(struct parser *parser)) {
    struct syntax *first = parse_operand(parser);
    if (!first || !at(parser, sign))
        return first;
    struct syntax *node = new_node(parser, kind, parser->token);
    node->sign = sign;
    add_operand(parser, node, first);
    while (accept(parser, sign)) {
        struct syntax *operand = parse_operand(parser);
        if (!operand)
            return NULL;
        add_operand(parser, node, operand);
    }
    return node;
}

static struct syntax *parse_and(struct parser *parser) {
    return parse_chain(parser, TOKEN_AND, SYNTAX_AND, parse_relation);
}

static struct syntax *parse_or(struct parser *parser) {
    return parse_chain(parser, TOKEN_OR, SYNTAX_OR, parse_and);
}

static struct syntax *parse_expression(struct parser *parser) {
    struct syntax *condition = parse_or(parser);
    if (!condition || !at(parser, TOKEN_QUESTION))
        return condition;
    struct syntax *node = new_node(parser, SYNTAX_CONDITIONAL, parser->token);
    advance(parser);
    if (!enter(parser))
        return NULL;
    struct syntax *then = parse_or(parser);
    if (!then || !expect(parser, TOKEN_COLON, "an operator or \":\""))
        return NULL;
    struct syntax *otherwise = parse_expression(parser);
    leave(parser);
    if (!otherwise)
        return NULL;
    add_operand(parser, node, condition);
    add_operand(parser, node, then);
    add_operand(parser, node, otherwise);
    return node;
}

/* The whole source must be one expression. */
struct syntax *syntax_parse(struct text source, struct arena *arena, struct reporter *reporter) {
    if (source.length > EXPRESSION_SOURCE_MAX) {
        report(reporter, 0, 1, "the expression has %zu bytes: at most %u", source.length,
               EXPRESSION_SOURCE_MAX);
        return NULL;
    }
    struct parser parser = {
        .lexer = {.source = source, .arena = arena, .reporter = reporter},
        .arena = arena,
        .reporter = reporter,
    };
    advance(&parser);
    if (at(&parser, TOKEN_END)) {
        fail(&parser, "the expression is empty");
        return NULL;
    }
    struct syntax *root = parse_expression(&parser);
    if (root && !parser.failed && !at(&parser, TOKEN_END))
        unexpected(&parser, "an operator");
    return parser.failed ? NULL : root;
}
