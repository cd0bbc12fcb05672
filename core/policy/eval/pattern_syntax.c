/* A recursive descent through a pattern:
 *
 *   alternatives  = { "|" | atom [ quantifier ] }
 *   quantifier    = ( "*" | "+" | "?" | "{n}" | "{n,}" | "{n,m}" ) [ "?" ]
 *   atom          = character | "." | "^" | "$" | class | escape | group | flags
 *
 * It refuses what RE2 refuses and PCRE2 would accept (back references, look-around, possessive
 * repetition …) and what both accept with different meanings (\v, \1 as an octal number), and
 * counts the states of the pattern. What it accepts is compiled by PCRE2, which finds any other
 * error. */
#include "pattern_syntax.h"

#include "core/base/check.h"

#include <stdarg.h>
#include <stdio.h>

#define NESTING_MAX 32u
#define REPEAT_MAX  1000 /* RE2's */

struct scan {
    struct text source;
    size_t at;
    unsigned nesting;
    struct pattern_diagnostic *diagnostic;
    bool failed;
    uint32_t lasting;
    char *rewritten;
    size_t length; /* of it */
    size_t copied; /* bytes of the source that are in it */
};

/* A part of the pattern. */
struct atom {
    size_t start; /* where it begins */
    uint32_t states;
    bool repeatable;
    bool single; /* matches one character, and can be written twice */
};

static uint32_t scan_alternatives(struct scan *scan);

/* The byte `ahead` of here; −1 after the end, beyond which a pattern that was refused may be. */
static int peek(const struct scan *scan, size_t ahead) {
    if (scan->at + ahead >= scan->source.length)
        return -1;
    return (unsigned char)scan->source.data[scan->at + ahead];
}

static void __attribute__((format(printf, 4, 5)))
fail(struct scan *scan, size_t offset, size_t length, const char *format, ...) {
    if (scan->failed)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scan->diagnostic->text, sizeof scan->diagnostic->text, format, arguments);
    va_end(arguments);
    size_t left = scan->source.length - offset;
    scan->diagnostic->offset = offset;
    scan->diagnostic->length = length < left ? length : left;
    scan->failed = true;
}

static bool is_hex(int c) {
    return text_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_letter(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Over the whole character that begins here. */
static void skip_character(struct scan *scan) {
    do
        scan->at++;
    while (scan->at < scan->source.length && !text_begins_character(scan->source.data[scan->at]));
}

/* ------------------------------------------------------------------------------------------------
 * The pattern as it is rewritten: x+ and x{n,} give xx* and x{n}x*, which is at most twice as long
 */

static void put(struct scan *scan, const char *bytes, size_t length) {
    if (length > 0)
        memcpy(scan->rewritten + scan->length, bytes, length);
    scan->length += length;
}

static void copy_until(struct scan *scan, size_t end) {
    put(scan, scan->source.data + scan->copied, end - scan->copied);
    scan->copied = end;
}

/* The atom before `end` is repeated `least` times or more; the scan is after the quantifier. */
static void rewrite_open(struct scan *scan, const struct atom *atom, size_t end, int least) {
    char count[16];
    if (scan->failed || !atom->single)
        return;
    copy_until(scan, end);
    if (least > 1)
        put(scan, count, (size_t)snprintf(count, sizeof count, "{%d}", least));
    if (least > 0)
        put(scan, scan->source.data + atom->start, end - atom->start);
    put(scan, "*", 1);
    scan->copied = scan->at;
}

/* ------------------------------------------------------------------------------------------------
 * Escapes */

/* \xHH, \x{HHHH}; at the x */
static void scan_hex(struct scan *scan, size_t offset) {
    scan->at++;
    if (peek(scan, 0) == '{') {
        size_t digits = 0;
        scan->at++;
        for (; is_hex(peek(scan, 0)); digits++)
            scan->at++;
        if (digits == 0 || digits > 6 || peek(scan, 0) != '}')
            fail(scan, offset, scan->at - offset, "expected \\x{HHHH}");
        scan->at++;
    } else if (is_hex(peek(scan, 0)) && is_hex(peek(scan, 1))) {
        scan->at += 2;
    } else {
        fail(scan, offset, 2, "expected two hexadecimal digits, or \\x{HHHH}");
    }
}

/* \pL, \p{Greek}; at the p */
static void scan_property(struct scan *scan, size_t offset) {
    scan->at++;
    if (is_letter(peek(scan, 0))) {
        scan->at++;
        return;
    }
    size_t length = 1;
    if (peek(scan, 0) == '{' && peek(scan, 1) == '^')
        length++;
    while (is_letter(peek(scan, length)) || peek(scan, length) == '_')
        length++;
    if (peek(scan, 0) != '{' || peek(scan, length) != '}')
        fail(scan, offset, 2, "expected a Unicode class such as \\pL or \\p{Greek}");
    scan->at += length + 1;
}

/* \Q…\E, or to the end; at the Q. Returns its states. */
static uint32_t scan_quoted(struct scan *scan) {
    uint32_t states = 0;
    scan->at++;
    while (peek(scan, 0) != -1 && !(peek(scan, 0) == '\\' && peek(scan, 1) == 'E')) {
        skip_character(scan);
        states++;
    }
    scan->at = peek(scan, 0) == -1 ? scan->source.length : scan->at + 2;
    return states;
}

static void refuse_escape(struct scan *scan, size_t offset, int c) {
    if (c >= '1' && c <= '9')
        fail(scan, offset, 2,
             "RE2 does not support back references; write a character by its "
             "number as \\x{HH}");
    else if (c == 'v')
        fail(scan, offset, 2, "write \\x0b for a vertical tab");
    else if (c == -1)
        fail(scan, offset, 1, "nothing follows the backslash");
    else
        fail(scan, offset, 2, "RE2 does not support \\%c", c >= 0x20 && c < 0x7f ? c : '?');
}

/* At the backslash. Returns its states. */
static uint32_t scan_escape(struct scan *scan, bool in_class) {
    size_t offset = scan->at++;
    int c = peek(scan, 0);
    if (c == 'Q' && !in_class)
        return scan_quoted(scan);
    if (c == 'x') {
        scan_hex(scan, offset);
    } else if (c == 'p' || c == 'P') {
        scan_property(scan, offset);
    } else if ((c > 0 && strchr("dDsSwWafnrt0", c)) || (c > 0 && !in_class && strchr("bBAz", c)) ||
               (c >= 0x20 && c < 0x7f && c != '_' && !is_letter(c) && !text_is_digit(c))) {
        scan->at++; /* at most two octal digits after \0 are part of it in both */
        for (int i = 0; c == '0' && i < 2 && peek(scan, 0) >= '0' && peek(scan, 0) <= '7'; i++)
            scan->at++;
    } else {
        refuse_escape(scan, offset, c);
    }
    return 1;
}

/* ------------------------------------------------------------------------------------------------
 * Classes, groups, repetition */

/* [:alpha:], at the bracket within a class */
static void scan_named_class(struct scan *scan) {
    static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl",
                                        "digit", "graph", "lower", "print", "punct",
                                        "space", "upper", "word",  "xdigit"};
    size_t offset = scan->at, start = peek(scan, 2) == '^' ? 3 : 2, length = 0;
    while (is_letter(peek(scan, start + length)))
        length++;
    struct text name = {.data = scan->source.data + offset + start, .length = length};
    bool known = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        known |= text_is(name, names[i]);
    scan->at += start + length + 2;
    if (!known || peek(scan, 0) == -2 || scan->at > scan->source.length ||
        memcmp(scan->source.data + scan->at - 2, ":]", 2) != 0)
        fail(scan, offset, 2, "expected a class such as [:alpha:], or \\[");
}

static uint32_t scan_class(struct scan *scan) {
    size_t offset = scan->at++;
    if (peek(scan, 0) == '^')
        scan->at++;
    if (peek(scan, 0) == ']')
        scan->at++;
    while (!scan->failed && peek(scan, 0) != ']') {
        int c = peek(scan, 0), next = peek(scan, 1);
        if (c == -1)
            fail(scan, offset, 1, "this class is not closed with \"]\"");
        else if (c == '\\')
            scan_escape(scan, true);
        else if (c == '[' && next == ':')
            scan_named_class(scan);
        else if (c == '[' && (next == '.' || next == '='))
            fail(scan, scan->at, 2, "write \\[ for the character");
        else
            skip_character(scan);
    }
    scan->at++;
    return 1;
}

/* (?P<name>; at the "<" */
static void scan_group_name(struct scan *scan, size_t offset) {
    size_t length = 1;
    while (is_letter(peek(scan, length)) || text_is_digit(peek(scan, length)) ||
           peek(scan, length) == '_')
        length++;
    if (length == 1 || peek(scan, length) != '>')
        fail(scan, offset, length + 3, "expected (?P<name>…)");
    scan->at += length + 1;
}

/* Reads what is between ( and the group's pattern. False: it was flags, which are the whole group.
 */
static bool scan_group_head(struct scan *scan, size_t offset) {
    if (peek(scan, 0) == '*')
        fail(scan, offset, 2, "nothing to repeat; write \\( for the character");
    if (peek(scan, 0) != '?')
        return true;
    scan->at++;
    bool named = (peek(scan, 0) == '<' && peek(scan, 1) != '=' && peek(scan, 1) != '!') ||
                 (peek(scan, 0) == 'P' && peek(scan, 1) == '<');
    if (named) {
        scan->at += peek(scan, 0) == 'P';
        scan_group_name(scan, offset);
        return true;
    }
    unsigned minus = 0;
    while (peek(scan, 0) > 0 && strchr("imsU-", peek(scan, 0)) && minus <= 1) {
        minus += peek(scan, 0) == '-';
        scan->at++;
    }
    if ((peek(scan, 0) != ':' && peek(scan, 0) != ')') || minus > 1 ||
        scan->source.data[scan->at - 1] == '-') {
        fail(scan, offset, scan->at + 1 - offset,
             "RE2 does not support this group; expected (…), (?:…), (?P<name>…) or the flags i, "
             "m, s and U");
        return true;
    }
    return scan->source.data[scan->at++] == ':';
}

/* At the bracket. */
static uint32_t scan_group(struct scan *scan, bool *ret_repeatable) {
    size_t offset = scan->at++;
    *ret_repeatable = scan_group_head(scan, offset);
    if (scan->failed || !*ret_repeatable)
        return 0;
    if (++scan->nesting > NESTING_MAX)
        fail(scan, offset, 1, "nested too deeply: at most %u groups", NESTING_MAX);
    uint32_t states = scan->failed ? 0 : scan_alternatives(scan);
    scan->nesting--;
    if (!scan->failed && peek(scan, 0) != ')')
        fail(scan, offset, 1, "this group is not closed with \")\"");
    scan->at++;
    return states + 1;
}

/* Up to four digits; −1 when there is none, or more. */
static int scan_number(struct scan *scan) {
    int number = 0, digits = 0;
    for (; text_is_digit(peek(scan, 0)) && digits <= 4; digits++)
        number = number * 10 + scan->source.data[scan->at++] - '0';
    return digits == 0 || digits > 4 ? -1 : number;
}

/* {n}, {n,}, {n,m}; at the brace. Returns how many times the atom is repeated when it is written
 * out. */
static uint32_t scan_counts(struct scan *scan, const struct atom *atom) {
    size_t offset = scan->at++;
    int least = scan_number(scan), most = least;
    bool open = false;
    if (peek(scan, 0) == ',') {
        scan->at++;
        open = peek(scan, 0) == '}';
        most = open ? least : scan_number(scan);
    }
    if (least < 0 || most < 0 || peek(scan, 0) != '}')
        fail(scan, offset, 1, "expected {n}, {n,} or {n,m}; write \\{ for the character");
    else if (most < least)
        fail(scan, offset, scan->at + 1 - offset, "expected the smaller number first");
    else if (most > REPEAT_MAX)
        fail(scan, offset, scan->at + 1 - offset, "at most %d repetitions", REPEAT_MAX);
    scan->at++;
    if (scan->failed)
        return 1;
    if (open)
        rewrite_open(scan, atom, offset, least);
    uint32_t times = (uint32_t)most + open;
    scan->lasting += atom->states * times;
    return times > 0 ? times : 1;
}

static bool at_quantifier(const struct scan *scan) {
    int c = peek(scan, 0);
    return c == '*' || c == '+' || c == '?' || c == '{';
}

/* Returns the states of the atom times its repetitions. */
static uint32_t scan_quantifier(struct scan *scan, const struct atom *atom) {
    size_t offset = scan->at;
    uint32_t times = 1;
    int c = peek(scan, 0);
    if (!at_quantifier(scan))
        return atom->states;
    if (c == '{') {
        times = scan_counts(scan, atom);
    } else {
        scan->at++;
        scan->lasting += c != '?';
        times += c == '+' && atom->single;
        if (c == '+')
            rewrite_open(scan, atom, offset, 1);
    }
    if (peek(scan, 0) == '?')
        scan->at++;
    if (at_quantifier(scan))
        fail(scan, offset, scan->at + 1 - offset,
             "a repetition cannot be repeated, and RE2 does not support possessive repetitions");
    return atom->states * times;
}

static struct atom scan_atom(struct scan *scan) {
    struct atom atom = {.start = scan->at, .states = 1, .repeatable = true, .single = true};
    switch (peek(scan, 0)) {
    case '(':
        atom.states = scan_group(scan, &atom.repeatable);
        atom.single = false;
        break;
    case '[':
        scan_class(scan);
        break;
    case '\\':
        atom.single = peek(scan, 1) != 'Q';
        atom.states = scan_escape(scan, false);
        break;
    default:
        skip_character(scan);
    }
    return atom;
}

static uint32_t scan_alternatives(struct scan *scan) {
    uint32_t states = 0;
    while (!scan->failed && peek(scan, 0) != -1 && peek(scan, 0) != ')') {
        size_t offset = scan->at;
        if (at_quantifier(scan)) {
            fail(scan, offset, 1, "nothing to repeat; write \\%c for the character", peek(scan, 0));
        } else if (peek(scan, 0) == '|') {
            scan->at++;
            scan->lasting++;
        } else {
            struct atom atom = scan_atom(scan);
            if (atom.repeatable)
                states += scan_quantifier(scan, &atom);
            else if (at_quantifier(scan))
                fail(scan, scan->at, 1, "nothing to repeat");
        }
        if (states > PATTERN_STATES_MAX)
            fail(scan, offset, scan->at - offset,
                 "the pattern is too large: at most %u characters, repetitions written out",
                 PATTERN_STATES_MAX);
    }
    return scan->failed ? 0 : states;
}

bool pattern_syntax_read(struct text source, struct arena *arena, struct pattern_syntax *ret_syntax,
                         struct pattern_diagnostic *ret_diagnostic) {
    struct scan scan = {.source = source, .diagnostic = ret_diagnostic};
    if (source.length > PATTERN_SOURCE_MAX) {
        fail(&scan, 0, source.length, "the pattern has %zu bytes: at most %u", source.length,
             PATTERN_SOURCE_MAX);
        return false;
    }
    scan.rewritten = arena_alloc(arena, 2 * source.length + 1);
    check(scan.rewritten);
    uint32_t states = scan_alternatives(&scan);
    if (!scan.failed && scan.at < source.length)
        fail(&scan, scan.at, 1, "\")\" without \"(\"; write \\) for the character");
    if (scan.failed)
        return false;
    copy_until(&scan, source.length);
    *ret_syntax = (struct pattern_syntax){
        .rewritten = {.data = scan.rewritten, .length = scan.length},
        .states = states,
        .lasting = scan.lasting,
    };
    return true;
}
