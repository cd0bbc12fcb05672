/* From a byte of a text's value back to its place in the file.
 *
 * The k-th character of the value that is not white space is the k-th such character in the file,
 * once each escape is read as one character. That holds for every style of
 * YAML text, whatever folding does to the white space between. */
#include "tree.h"

struct walk {
    const char *at, *end;
    size_t line, column;
    enum tree_style style;
};

static bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void step(struct walk *walk) {
    if (*walk->at == '\n') {
        walk->line++;
        walk->column = 1;
    } else if (((unsigned char)*walk->at & 0xc0) != 0x80) {
        walk->column++;
    }
    walk->at++;
    while (walk->at < walk->end && ((unsigned char)*walk->at & 0xc0) == 0x80)
        walk->at++;
}

/* How many characters of the file stand for the next character of the value: an escape is several.
 * *ret_blank: it is white space in the value. */
static size_t unit(const struct walk *walk, bool *ret_blank) {
    *ret_blank = is_blank(*walk->at);
    size_t left = (size_t)(walk->end - walk->at);
    if (walk->style == TREE_SINGLE_QUOTED && *walk->at == '\'' && left > 1)
        return 2;
    if (walk->style != TREE_DOUBLE_QUOTED || *walk->at != '\\' || left < 2)
        return 1;
    switch (walk->at[1]) {
    case 'x':
        return 4;
    case 'u':
        return 6;
    case 'U':
        return 10;
    case 't':
    case 'n':
    case 'r':
    case ' ':
    case '\n': /* a continued line: not part of the value */
        *ret_blank = true;
        return 2;
    default:
        return 2;
    }
}

/* At the first character of the value, after an opening quote or the header of a block text. */
static struct walk start(const struct source *source, const struct tree_node *node) {
    struct walk walk = {.at = source->content.data,
                        .end = source->content.data + source->content.length,
                        .line = 1,
                        .column = 1,
                        .style = node->style};
    if (source->content.length >= 3 && memcmp(walk.at, "\xef\xbb\xbf", 3) == 0)
        walk.at += 3;
    while (walk.at < walk.end && (walk.line < node->line || walk.column < node->column))
        step(&walk);
    if (node->style == TREE_SINGLE_QUOTED || node->style == TREE_DOUBLE_QUOTED) {
        if (walk.at < walk.end)
            step(&walk);
    } else if (node->style == TREE_LITERAL || node->style == TREE_FOLDED) {
        while (walk.at < walk.end && *walk.at != '\n') /* the header: |, >- and such */
            step(&walk);
    }
    return walk;
}

/* Characters before `offset` that are not white space. */
static size_t solid_before(struct text text, size_t offset) {
    size_t count = 0;
    for (size_t i = 0; i < offset && i < text.length; i++)
        count += !is_blank(text.data[i]) && ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return count;
}

struct position tree_locate(const struct source *source, const struct tree_node *node,
                            size_t offset, size_t length) {
    if (offset > node->text.length)
        offset = node->text.length;
    bool at_end = offset == node->text.length;
    size_t solid = solid_before(node->text, offset);
    /* At the end: the place after the last character. */
    if (at_end && solid > 0)
        solid--;
    struct walk walk = start(source, node);
    while (walk.at < walk.end) {
        bool blank;
        size_t count = unit(&walk, &blank);
        if (!blank && solid-- == 0) {
            if (at_end && node->text.length > 0)
                while (count-- > 0 && walk.at < walk.end)
                    step(&walk);
            break;
        }
        while (count-- > 0 && walk.at < walk.end)
            step(&walk);
    }
    return (struct position){.line = walk.line, .column = walk.column, .length = length};
}
