/* Sentences with values between their words: "{card.count_10m} purchases in 10 minutes"; {{ and }}
 * stand for themselves. Each expression is checked in place, so errors underline the part of the
 * sentence. */
#include "load_sentence.h"

#include "core/base/check.h"
#include "core/policy/eval/compile.h"

struct pieces {
    struct load *load;
    const struct source *source;
    const struct tree_node *node;
    enum scope_reader scope;
    struct reason_piece *pieces;
    size_t count;
    struct buffer literal; /* that is being read */
};

static void end_literal(struct pieces *pieces) {
    if (pieces->literal.length == 0)
        return;
    struct text t = {.data = (const char *)pieces->literal.bytes, .length = pieces->literal.length};
    t = arena_text(pieces->load->arena, t);
    check(t.data);
    pieces->pieces[pieces->count++] = (struct reason_piece){.literal = t};
    buffer_clear(&pieces->literal);
}

static void brace_diagnostic(struct pieces *pieces, size_t offset, const char *text) {
    diagnostic_add(&pieces->load->diagnostics, pieces->source,
                   tree_locate(pieces->source, pieces->node, offset, 1), "%s", text);
}

/* The brace that ends the expression; SIZE_MAX: none. Braces of maps are counted, those in texts
 * are skipped, with the escapes and raw texts of the lexer. */
static size_t find_end(struct text t, size_t at) {
    size_t open = 0;
    char quote = 0;
    bool raw = false;
    for (; at < t.length; at++) {
        char c = t.data[at];
        if (quote && c == '\\' && !raw) {
            at++;
        } else if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
            raw = t.data[at - 1] == 'r' || t.data[at - 1] == 'R'; /* after the brace, at least */
        } else if (c == '{') {
            open++;
        } else if (c == '}' && open-- == 0) {
            return at;
        }
    }
    return SIZE_MAX;
}

/* The expression after the brace at `open`. Returns the place after its end. */
static size_t read_piece(struct pieces *pieces, size_t open) {
    struct text t = pieces->node->text;
    size_t end = find_end(t, open + 1);
    if (end == SIZE_MAX) {
        brace_diagnostic(pieces, open, "\"{\" without \"}\"; write {{ for a literal brace");
        return t.length;
    }
    end_literal(pieces);
    struct syntax *syntax = load_expression(pieces->load, pieces->source, pieces->node, open + 1,
                                            end - open - 1, pieces->scope, VALUE_ABSENT);
    if (syntax)
        pieces->pieces[pieces->count++] =
            (struct reason_piece){.expression = expression_build(syntax, pieces->load->arena)};
    return end + 1;
}

static void split_sentence(struct pieces *pieces) {
    struct text t = pieces->node->text;
    for (size_t at = 0; at < t.length;) {
        char c = t.data[at];
        bool twice = at + 1 < t.length && t.data[at + 1] == c;
        if (c == '{' && !twice) {
            at = read_piece(pieces, at);
            continue;
        }
        if (c == '}' && !twice)
            brace_diagnostic(pieces, at, "\"}\" without \"{\"; write }} for a literal brace");
        buffer_append_u8(&pieces->literal, (uint8_t)c);
        at += 1 + ((c == '{' || c == '}') && twice);
    }
    end_literal(pieces);
}

void load_sentence(struct load *load, const struct reader *reader, const struct tree_node *node,
                   const char *what, enum scope_reader scope,
                   const struct reason_piece **ret_pieces, size_t *ret_count) {
    struct text ignored;
    if (!read_text(reader, node, what, REASON_TEXT_MAX, &ignored))
        return;
    struct pieces pieces = {.load = load, .source = reader->source, .node = node, .scope = scope};
    /* At most one piece a byte. */
    pieces.pieces = arena_calloc(load->arena, node->text.length, sizeof *pieces.pieces);
    check(pieces.pieces);
    buffer_init(&pieces.literal);
    split_sentence(&pieces);
    buffer_deinit(&pieces.literal);
    *ret_pieces = pieces.pieces;
    *ret_count = pieces.count;
}
