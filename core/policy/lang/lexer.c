/* The lexer: one pass, one token of look-ahead, no tables but that of signs.
 *
 * Errors are reported at once and end the expression: the lexer jumps to the end of the source, so
 * that the parser sees TOKEN_ERROR and then nothing. Names point into the source; texts with their
 * escapes resolved live in the arena.
 *
 * Three things of CEL are refused here, because values of their types cannot occur: unsigned
 * integers, bytes and, in texts that YAML has folded to one line, comments. */
#include "lexer.h"

#include "core/base/check.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const type_names[TOKEN_TYPE_COUNT] = {
    [TOKEN_END] = "the end",    [TOKEN_ERROR] = "an error",  [TOKEN_IDENTIFIER] = "a name",
    [TOKEN_INT] = "a number",   [TOKEN_DOUBLE] = "a number", [TOKEN_STRING] = "a text",
    [TOKEN_TRUE] = "true",      [TOKEN_FALSE] = "false",     [TOKEN_NULL] = "null",
    [TOKEN_IN] = "in",          [TOKEN_QUESTION] = "?",      [TOKEN_COLON] = ":",
    [TOKEN_OR] = "||",          [TOKEN_AND] = "&&",          [TOKEN_LESS] = "<",
    [TOKEN_LESS_EQUAL] = "<=",  [TOKEN_GREATER] = ">",       [TOKEN_GREATER_EQUAL] = ">=",
    [TOKEN_EQUAL] = "==",       [TOKEN_NOT_EQUAL] = "!=",    [TOKEN_PLUS] = "+",
    [TOKEN_MINUS] = "-",        [TOKEN_STAR] = "*",          [TOKEN_SLASH] = "/",
    [TOKEN_PERCENT] = "%",      [TOKEN_NOT] = "!",           [TOKEN_DOT] = ".",
    [TOKEN_COMMA] = ",",        [TOKEN_OPEN] = "(",          [TOKEN_CLOSE] = ")",
    [TOKEN_OPEN_BRACKET] = "[", [TOKEN_CLOSE_BRACKET] = "]", [TOKEN_OPEN_BRACE] = "{",
    [TOKEN_CLOSE_BRACE] = "}",
};

const char *token_type_name(enum token_type type) {
    return type_names[type];
}

bool token_is_reserved(struct text word) {
    static const char *const words[] = {
        "as",       "break",  "const",  "continue", "else", "false",     "for",
        "function", "if",     "import", "in",       "let",  "loop",      "null",
        "package",  "return", "true",   "var",      "void", "namespace", "while",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text_is(word, words[i]))
            return true;
    return false;
}

static bool is_letter(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int digit_value(int c) {
    if (text_is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

/* The byte `ahead` of where the lexer is; -1 after the end. */
static int peek(const struct lexer *lexer, size_t ahead) {
    if (ahead >= lexer->source.length - lexer->at)
        return -1;
    return (unsigned char)lexer->source.data[lexer->at + ahead];
}

static struct token token_of(const struct lexer *lexer, enum token_type type, size_t offset) {
    return (struct token){.type = type, .offset = offset, .length = lexer->at - offset};
}

/* Moving to the end makes every later call return TOKEN_END: one error for each expression. */
static struct token failed(struct lexer *lexer, size_t offset, size_t length, const char *text) {
    if (length > lexer->source.length - offset)
        length = lexer->source.length - offset;
    report(lexer->reporter, offset, length, "%s", text);
    lexer->at = lexer->source.length;
    return (struct token){.type = TOKEN_ERROR, .offset = offset, .length = length};
}

static void skip_blank(struct lexer *lexer) {
    for (;;) {
        int c = peek(lexer, 0);
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f') {
            lexer->at++;
        } else if (c == '/' && peek(lexer, 1) == '/' && !lexer->reporter->folded) {
            while (peek(lexer, 0) != -1 && peek(lexer, 0) != '\n')
                lexer->at++;
        } else {
            return;
        }
    }
}

/* ------------------------------------------------------------------------------------------------
 * Numbers */

/* Up to 2^63: the parser applies the sign, and only it knows whether 2^63 itself is allowed. */
static struct token integer(struct lexer *lexer, size_t offset, unsigned base) {
    uint64_t magnitude = 0;
    bool overflow = false;
    for (int digit; (digit = digit_value(peek(lexer, 0))) < (int)base; lexer->at++) {
        overflow |= __builtin_mul_overflow(magnitude, base, &magnitude);
        overflow |= __builtin_add_overflow(magnitude, (uint64_t)digit, &magnitude);
    }
    if (overflow || magnitude > (uint64_t)INT64_MAX + 1)
        return failed(lexer, offset, lexer->at - offset,
                      "the number is too large for int: at most 9223372036854775807");
    struct token token = token_of(lexer, TOKEN_INT, offset);
    token.magnitude = magnitude;
    return token;
}

static void skip_digits(struct lexer *lexer) {
    while (text_is_digit(peek(lexer, 0)))
        lexer->at++;
}

/* Skips an exponent; false when there is none here. */
static bool skip_exponent(struct lexer *lexer) {
    if (peek(lexer, 0) != 'e' && peek(lexer, 0) != 'E')
        return false;
    size_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-';
    if (!text_is_digit(peek(lexer, 1 + sign)))
        return false;
    lexer->at += 1 + sign;
    skip_digits(lexer);
    return true;
}

/* strtod() needs a NUL, and the source has none. Underflow to zero is accepted; overflow
 * is not. */
static struct token floating(struct lexer *lexer, size_t offset) {
    size_t length = lexer->at - offset;
    char *string = text_copy((struct text){.data = lexer->source.data + offset, .length = length});
    double number = strtod(string, NULL);
    free(string);
    if (number > 1.7976931348623157e308)
        return failed(lexer, offset, length, "the number is too large for double");
    struct token token = token_of(lexer, TOKEN_DOUBLE, offset);
    token.number = number;
    return token;
}

/* "1.size()" is an int and a member: a point belongs to a number only if a digit follows. */
static struct token number(struct lexer *lexer) {
    size_t offset = lexer->at;
    struct token token;
    if (peek(lexer, 0) == '0' && (peek(lexer, 1) == 'x' || peek(lexer, 1) == 'X')) {
        if (digit_value(peek(lexer, 2)) >= 16)
            return failed(lexer, offset, 2, "expected hexadecimal digits after 0x");
        lexer->at += 2;
        token = integer(lexer, offset, 16);
    } else {
        skip_digits(lexer);
        bool fraction = peek(lexer, 0) == '.' && text_is_digit(peek(lexer, 1));
        if (fraction) {
            lexer->at++;
            skip_digits(lexer);
        }
        if (skip_exponent(lexer) || fraction) {
            token = floating(lexer, offset);
        } else {
            lexer->at = offset;
            token = integer(lexer, offset, 10);
        }
    }
    if (token.type == TOKEN_ERROR)
        return token;
    int next = peek(lexer, 0);
    if (token.type == TOKEN_INT && (next == 'u' || next == 'U'))
        return failed(lexer, offset, lexer->at + 1 - offset, "uint is not supported: remove the u");
    if (is_letter(next))
        return failed(lexer, offset, lexer->at + 1 - offset,
                      "a letter follows a number; durations are written duration(\"10m\")");
    return token;
}

/* ------------------------------------------------------------------------------------------------
 * Texts */

static size_t put_utf8(char *at, uint32_t c) {
    if (c < 0x80) {
        at[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        at[0] = (char)(0xc0 | c >> 6);
        at[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        at[0] = (char)(0xe0 | c >> 12);
        at[1] = (char)(0x80 | (c >> 6 & 0x3f));
        at[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    at[0] = (char)(0xf0 | c >> 18);
    at[1] = (char)(0x80 | (c >> 12 & 0x3f));
    at[2] = (char)(0x80 | (c >> 6 & 0x3f));
    at[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* `count` digits from `ahead`, or -1 when they are not there or no Unicode character. */
static int64_t escape_digits(const struct lexer *lexer, size_t ahead, size_t count, int base) {
    int64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        int digit = digit_value(peek(lexer, ahead + i));
        if (digit >= base)
            return -1;
        value = value * base + digit;
    }
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return -1;
    return value;
}

/* The escape after a backslash. Returns its character and sets its length with the backslash, or
 * -1. */
static int64_t escape(const struct lexer *lexer, size_t *ret_length) {
    static const char simple[] = "abfnrtv\\'\"`?";
    static const char meant[] = "\a\b\f\n\r\t\v\\'\"`?";
    int c = peek(lexer, 1);
    const char *found = c > 0 ? strchr(simple, c) : NULL;
    *ret_length = 2;
    if (found)
        return meant[found - simple];
    *ret_length = 4;
    if (c == 'x' || c == 'X')
        return escape_digits(lexer, 2, 2, 16);
    if (c >= '0' && c <= '3')
        return escape_digits(lexer, 1, 3, 8);
    *ret_length = 6;
    if (c == 'u')
        return escape_digits(lexer, 2, 4, 16);
    *ret_length = 10;
    if (c == 'U')
        return escape_digits(lexer, 2, 8, 16);
    return -1;
}

/* Are there `count` quotes, `ahead` bytes from here? */
static bool at_quotes(const struct lexer *lexer, size_t ahead, int quote, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (peek(lexer, ahead + i) != quote)
            return false;
    return true;
}

/* Bytes up to the closing quotes, or to the end where there are none. */
static size_t literal_size(const struct lexer *lexer, int quote, size_t quotes, bool raw) {
    size_t size = 0;
    while (peek(lexer, size) != -1 && !at_quotes(lexer, size, quote, quotes))
        size += peek(lexer, size) == '\\' && !raw ? 2 : 1;
    return size;
}

/* A text literal; `raw`: backslashes stand for themselves. The lexer is at its first quote. */
static struct token string(struct lexer *lexer, size_t offset, bool raw) {
    int quote = peek(lexer, 0);
    size_t quotes = at_quotes(lexer, 0, quote, 3) ? 3 : 1;
    lexer->at += quotes;
    /* No escape is shorter than what it stands for. */
    char *value = arena_alloc(lexer->arena, literal_size(lexer, quote, quotes, raw));
    check(value);
    size_t length = 0;
    while (!at_quotes(lexer, 0, quote, quotes)) {
        int c = peek(lexer, 0);
        if (c == -1 || (quotes == 1 && (c == '\n' || c == '\r')))
            return failed(lexer, offset, 1, "this text has no closing quote");
        if (c != '\\' || raw) {
            value[length++] = (char)c;
            lexer->at++;
            continue;
        }
        size_t escape_length;
        int64_t meant = escape(lexer, &escape_length);
        if (meant < 0)
            return failed(
                lexer, lexer->at, 2,
                "unknown escape; expected \\n \\t \\\\ \\' \\\" \\xHH \\uHHHH \\UHHHHHHHH or "
                "three octal digits");
        length += put_utf8(value + length, (uint32_t)meant);
        lexer->at += escape_length;
    }
    lexer->at += quotes;
    struct token token = token_of(lexer, TOKEN_STRING, offset);
    token.text = (struct text){.data = value, .length = length};
    return token;
}

/* ------------------------------------------------------------------------------------------------
 * Words and signs */

static bool is_quote(int c) {
    return c == '"' || c == '\'';
}

/* A name or keyword, or a text with a prefix: r"…" is raw, and b"…", of CEL's bytes, is refused. */
static struct token word(struct lexer *lexer) {
    size_t offset = lexer->at;
    int first = peek(lexer, 0), second = peek(lexer, 1);
    if ((first == 'r' || first == 'R') && is_quote(second)) {
        lexer->at++;
        return string(lexer, offset, true);
    }
    bool raw = second == 'r' || second == 'R';
    if ((first == 'b' || first == 'B') && (is_quote(second) || (raw && is_quote(peek(lexer, 2)))))
        return failed(lexer, offset, 1, "bytes are not supported: remove the b");
    while (is_letter(peek(lexer, 0)) || text_is_digit(peek(lexer, 0)))
        lexer->at++;
    struct token token = token_of(lexer, TOKEN_IDENTIFIER, offset);
    token.text = (struct text){.data = lexer->source.data + offset, .length = token.length};
    if (text_is(token.text, "true"))
        token.type = TOKEN_TRUE;
    else if (text_is(token.text, "false"))
        token.type = TOKEN_FALSE;
    else if (text_is(token.text, "null"))
        token.type = TOKEN_NULL;
    else if (text_is(token.text, "in"))
        token.type = TOKEN_IN;
    return token;
}

/* Characters that come from other languages or from word processors get a hint of their own. */
static const char *unknown_character(struct lexer *lexer) {
    const char *at = lexer->source.data + lexer->at;
    size_t left = lexer->source.length - lexer->at;
    switch (*at) {
    case '=':
        return "a single \"=\"; expected \"==\"";
    case '&':
        return "a single \"&\"; expected \"&&\"";
    case '|':
        return "a single \"|\"; expected \"||\"";
    default:
        break;
    }
    if (left >= 3 && memcmp(at, "\xe2\x80", 2) == 0 && at[2] >= '\x98' && at[2] <= '\x9f')
        return "typographic quote: write ' or \"";
    return "this character is not part of the expression language";
}

struct token lexer_next(struct lexer *lexer) {
    static const struct {
        const char *sign;
        enum token_type type;
    } signs[] = {
        /* longer ones first */
        {"||", TOKEN_OR},          {"&&", TOKEN_AND},
        {"<=", TOKEN_LESS_EQUAL},  {">=", TOKEN_GREATER_EQUAL},
        {"==", TOKEN_EQUAL},       {"!=", TOKEN_NOT_EQUAL},
        {"<", TOKEN_LESS},         {">", TOKEN_GREATER},
        {"+", TOKEN_PLUS},         {"-", TOKEN_MINUS},
        {"*", TOKEN_STAR},         {"/", TOKEN_SLASH},
        {"%", TOKEN_PERCENT},      {"!", TOKEN_NOT},
        {"?", TOKEN_QUESTION},     {":", TOKEN_COLON},
        {".", TOKEN_DOT},          {",", TOKEN_COMMA},
        {"(", TOKEN_OPEN},         {")", TOKEN_CLOSE},
        {"[", TOKEN_OPEN_BRACKET}, {"]", TOKEN_CLOSE_BRACKET},
        {"{", TOKEN_OPEN_BRACE},   {"}", TOKEN_CLOSE_BRACE},
    };
    skip_blank(lexer);
    size_t offset = lexer->at, left = lexer->source.length - offset;
    int c = peek(lexer, 0);
    if (c == -1)
        return token_of(lexer, TOKEN_END, offset);
    if (c == '/' && peek(lexer, 1) == '/') /* skip_blank() left it: see reporter.folded */
        return failed(
            lexer, offset, 2,
            "YAML joins this text to one line, so the comment would hide what follows; use \"|\"");
    if (text_is_digit(c) || (c == '.' && text_is_digit(peek(lexer, 1))))
        return number(lexer);
    if (is_quote(c))
        return string(lexer, offset, false);
    if (is_letter(c))
        return word(lexer);
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t length = strlen(signs[i].sign);
        if (length <= left && memcmp(lexer->source.data + offset, signs[i].sign, length) == 0) {
            lexer->at += length;
            return token_of(lexer, signs[i].type, offset);
        }
    }
    return failed(lexer, offset, 1, unknown_character(lexer));
}
