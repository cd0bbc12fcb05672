/* Expression source → tokens, as CEL's grammar has them. */
#pragma once

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/policy/source/reporter.h"

#include <stdbool.h>
#include <stdint.h>

enum token_type {
    TOKEN_END,
    TOKEN_ERROR, /* reported */
    TOKEN_IDENTIFIER,
    TOKEN_INT,    /* .magnitude: the sign is the parser's, so that −2^63 can be written */
    TOKEN_DOUBLE, /* .number */
    TOKEN_STRING, /* .text, escapes resolved */
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NULL,
    TOKEN_IN,
    TOKEN_QUESTION,
    TOKEN_COLON,
    TOKEN_OR,
    TOKEN_AND,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL,
    TOKEN_EQUAL,
    TOKEN_NOT_EQUAL,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_STAR,
    TOKEN_SLASH,
    TOKEN_PERCENT,
    TOKEN_NOT,
    TOKEN_DOT,
    TOKEN_COMMA,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OPEN_BRACKET,
    TOKEN_CLOSE_BRACKET,
    TOKEN_OPEN_BRACE,
    TOKEN_CLOSE_BRACE,
    TOKEN_TYPE_COUNT
};

struct token {
    enum token_type type;
    size_t offset, length; /* in the source */
    union {
        struct text text; /* TOKEN_STRING: in the arena */
        uint64_t magnitude;
        double number;
    };
};

struct lexer {
    struct text source;
    size_t at;
    struct arena *arena;
    struct reporter *reporter;
};

/* The next token; TOKEN_END from the end on. A struct lexer needs no init but its members: `at` 0,
 * and a source that outlives the tokens. */
struct token lexer_next(struct lexer *lexer);

/* "<=", "a name": for messages. Static. */
const char *token_type_name(enum token_type type);
/* Words that CEL reserves: no name in a policy may be one. */
bool token_is_reserved(struct text word);
