/* A reader of one level. Each step returns false as soon as something is not plain. */
#include "json_flat.h"

#include "core/base/value.h"
#include "core/wire/types/reject_column.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN_EXPONENT_MAX 20 /* no amount and no place needs more digits on either side */
#define INTEGER_DIGITS_MAX 18 /* never more than an int64_t has */
#define FRACTION_MAX       40

struct reader {
    const char *at, *end;
};

struct text json_flat_decimal(struct arena *arena, double number) {
    char digits[40];
    value_format(value_double(number), digits, sizeof digits);
    const char *exponent = strchr(digits, 'e'), *point = strchr(digits, '.');
    int power = exponent ? atoi(exponent + 1) : 0;
    if (power == 0 || power < -PLAIN_EXPONENT_MAX || power > PLAIN_EXPONENT_MAX)
        return arena_text(arena, text_of(digits));
    int decimals = (point ? (int)(exponent - point) - 1 : 0) - power;
    return arena_printf(arena, "%.*f", decimals > 0 ? decimals : 0, number);
}

static void skip_spaces(struct reader *reader) {
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\n' || *reader->at == '\r'))
        reader->at++;
}

static bool take(struct reader *reader, char c) {
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static bool take_word(struct reader *reader, struct text word) {
    if ((size_t)(reader->end - reader->at) < word.length ||
        memcmp(reader->at, word.data, word.length) != 0)
        return false;
    reader->at += word.length;
    return true;
}

/* A text in quotes, which are not part of it. Bytes beyond ASCII would have to be looked at as
 * UTF-8, and escapes decoded. */
static bool take_text(struct reader *reader, struct text *ret_text) {
    if (!take(reader, '"'))
        return false;
    const char *begin = reader->at;
    while (reader->at < reader->end && *reader->at != '"') {
        unsigned char c = (unsigned char)*reader->at;
        if (c < 0x20 || c >= 0x7f || c == '\\')
            return false;
        reader->at++;
    }
    *ret_text = (struct text){.data = begin, .length = (size_t)(reader->at - begin)};
    return take(reader, '"');
}

static size_t skip_digits(struct reader *reader) {
    const char *begin = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return (size_t)(reader->at - begin);
}

/* What may follow a number is the caller's to look at: nothing but a comma, a bracket or a space
 * gets through there, so that 1e5 and 1x are not plain. */
static bool take_number(struct reader *reader, struct text *ret_text, bool *ret_is_integer) {
    const char *begin = reader->at;
    bool is_negative = take(reader, '-');
    const char *first = reader->at;
    size_t digits = skip_digits(reader);
    if (digits == 0 || digits > INTEGER_DIGITS_MAX || (digits > 1 && *first == '0'))
        return false;
    *ret_is_integer = true;
    if (take(reader, '.')) {
        *ret_is_integer = false;
        if (skip_digits(reader) == 0)
            return false;
    } else if (is_negative && *first == '0') {
        return false; /* jansson's −0 is 0 */
    }
    *ret_text = (struct text){.data = begin, .length = (size_t)(reader->at - begin)};
    return ret_text->length <= FRACTION_MAX;
}

static bool fill_number(struct text number, bool is_integer, struct arena *arena,
                        struct cell *cell) {
    if (is_integer) {
        *cell = (struct cell){.kind = CELL_INTEGER, .text = arena_text(arena, number)};
    } else {
        char digits[FRACTION_MAX + 1];
        memcpy(digits, number.data, number.length);
        digits[number.length] = '\0';
        *cell = (struct cell){.kind = CELL_NUMBER,
                              .text = json_flat_decimal(arena, strtod(digits, NULL))};
    }
    return cell->text.data != NULL;
}

/* cell: NULL: nobody wants it, but it has to be plain all the same. */
static bool take_value(struct reader *reader, struct arena *arena, struct cell *cell) {
    struct cell ignored;
    struct text text;
    bool is_integer;
    if (reader->at == reader->end)
        return false;
    switch (*reader->at) {
    case '"':
        if (!take_text(reader, &text))
            return false;
        if (cell && text.length > 0)
            *cell = (struct cell){.kind = CELL_TEXT, .text = arena_text(arena, text)};
        return !cell || text.length == 0 || cell->text.data != NULL;
    case 'n':
        return take_word(reader, TEXT_LITERAL("null"));
    case 't':
        *(cell ? cell : &ignored) = (struct cell){.kind = CELL_FLAG, .text = TEXT_LITERAL("true")};
        return take_word(reader, TEXT_LITERAL("true"));
    case 'f':
        *(cell ? cell : &ignored) = (struct cell){.kind = CELL_FLAG, .text = TEXT_LITERAL("false")};
        return take_word(reader, TEXT_LITERAL("false"));
    default:
        return take_number(reader, &text, &is_integer) &&
               (!cell || fill_number(text, is_integer, arena, cell));
    }
}

/* wanted_count: it is none of them. The place where it was in the last object comes first. */
static size_t find_column(size_t *last, struct text name, const struct text *wanted,
                          size_t wanted_count) {
    if (*last < wanted_count && text_equal(wanted[*last], name))
        return *last;
    for (size_t i = 0; i < wanted_count; i++)
        if (text_equal(wanted[i], name))
            return *last = i;
    return wanted_count;
}

static bool is_among(const struct text *names, size_t count, struct text name) {
    for (size_t i = 0; i < count; i++)
        if (text_equal(names[i], name))
            return true;
    return false;
}

bool json_flat_read(struct json_flat *flat, struct text object, const struct text *wanted,
                    size_t wanted_count, const char *object_name, struct arena *arena,
                    struct cell *cells) {
    struct text names[JSON_FLAT_MEMBERS_MAX];
    size_t count = 0;
    struct reader reader = {.at = object.data, .end = object.data + object.length};
    for (size_t i = 0; i < wanted_count; i++)
        cells[i] = (struct cell){.kind = CELL_ABSENT};
    skip_spaces(&reader);
    if (!take(&reader, '{'))
        return false;
    do {
        struct text *name = &names[count];
        skip_spaces(&reader);
        if (count == JSON_FLAT_MEMBERS_MAX || !take_text(&reader, name) ||
            reject_column_is_reserved(*name) || (object_name && text_is(*name, object_name)) ||
            is_among(names, count, *name))
            return false;
        skip_spaces(&reader);
        if (!take(&reader, ':'))
            return false;
        skip_spaces(&reader);
        size_t column = find_column(&flat->columns[count], *name, wanted, wanted_count);
        if (!take_value(&reader, arena, column < wanted_count ? &cells[column] : NULL))
            return false;
        skip_spaces(&reader);
        count++;
    } while (take(&reader, ','));
    if (!take(&reader, '}'))
        return false;
    skip_spaces(&reader);
    return reader.at == reader.end;
}
