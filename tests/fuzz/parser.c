/* Target: the lexer and parser of expressions.
 *
 *   input  u8 bit 0: the source comes from a folded YAML text, whose line ends are lost
 *          (reporter.folded); then the source
 *
 * Tokens must follow each other within the source. The parser must report one error, or return a
 * tree whose canonical form parses to the same tree and is its own canonical form. Memory must be
 * bounded by the source's length. */
#include "common/names.h"

#include "core/policy/lang/syntax.h"

/* An upper bound: more than a node for every byte and the text of every token. */
#define BYTES_FIXED    4096
#define BYTES_PER_BYTE 512

static struct arena arena;
static struct buffer printed, printed_again;
static struct text reported_source;

void target_start(void) {
    arena_init(&arena, (size_t)64 << 20);
    buffer_init(&printed);
    buffer_init(&printed_again);
}

static void listen(struct reporter *reporter, size_t offset, size_t length, const char *text) {
    (void)reporter;
    property(offset <= reported_source.length && length <= reported_source.length - offset,
             "a diagnostic at %zu + %zu of %zu bytes: %s", offset, length, reported_source.length,
             text);
    property(text[0], "a diagnostic without text");
}

static struct reporter reporter_for(struct text source, bool folded) {
    reported_source = source;
    return (struct reporter){.report = listen, .folded = folded};
}

static void run_lexer(struct text source, bool folded) {
    struct reporter reporter = reporter_for(source, folded);
    struct lexer lexer = {.source = source, .arena = &arena, .reporter = &reporter};
    size_t end = 0;
    for (;;) {
        struct token token = lexer_next(&lexer);
        property(token.offset >= end && token.offset <= source.length &&
                     token.length <= source.length - token.offset,
                 "a token at %zu + %zu, the one before ends at %zu", token.offset, token.length,
                 end);
        property((token.type == TOKEN_ERROR) == (reporter.count > 0), "an error not reported");
        if (token.type == TOKEN_END || token.type == TOKEN_ERROR)
            return;
        property(token.length > 0, "a token of no length");
        end = token.offset + token.length;
    }
}

static struct syntax *parse(struct text source, bool folded) {
    struct reporter reporter = reporter_for(source, folded);
    size_t before = arena.used;
    struct syntax *root = syntax_parse(source, &arena, &reporter);
    property(!root == (reporter.count == 1), "%zu diagnostics, but %s", reporter.count,
             root ? "a tree" : "no tree");
    property(arena.used - before <= BYTES_FIXED + BYTES_PER_BYTE * source.length,
             "%zu bytes of memory for %zu of source", arena.used - before, source.length);
    return root;
}

static bool is_same(const struct syntax *a, const struct syntax *b) {
    const struct syntax *first = a->first, *second = b->first;
    if (a->kind != b->kind || a->receiver != b->receiver || a->operand_count != b->operand_count ||
        !text_equal(a->text, b->text))
        return false;
    if ((a->kind == SYNTAX_UNARY || a->kind == SYNTAX_BINARY) && a->sign != b->sign)
        return false;
    if (a->kind == SYNTAX_CONSTANT && !value_equal(a->constant, b->constant))
        return false;
    for (; first && second; first = first->next, second = second->next)
        if (!is_same(first, second))
            return false;
    return !first && !second;
}

bool target_run(const uint8_t *bytes, size_t size) {
    if (size == 0)
        return false;
    bool folded = bytes[0] & 1;
    struct text source = {.data = (const char *)bytes + 1, .length = size - 1};
    arena_reset(&arena);
    if (source.length <= EXPRESSION_SOURCE_MAX)
        run_lexer(source, folded);
    struct syntax *root = parse(source, folded);
    if (!root)
        return false;
    buffer_clear(&printed);
    syntax_print(root, &printed);
    struct text canonical = {.data = (const char *)printed.bytes, .length = printed.length};
    if (canonical.length > EXPRESSION_SOURCE_MAX)
        return true; /* canonical numbers and escapes may be longer than in the source */
    struct syntax *again = parse(canonical, true);
    property(again, "its canonical form is refused: %" TEXT_FORMAT, TEXT_ARGS(canonical));
    property(is_same(root, again), "its canonical form is another tree: %" TEXT_FORMAT,
             TEXT_ARGS(canonical));
    buffer_clear(&printed_again);
    syntax_print(again, &printed_again);
    property(printed_again.length == printed.length &&
                 memcmp(printed_again.bytes, printed.bytes, printed.length) == 0,
             "%" TEXT_FORMAT "\nis printed the second time as\n%.*s", TEXT_ARGS(canonical),
             (int)printed_again.length, (const char *)printed_again.bytes);
    return true;
}

void target_seeds(struct seeds *seeds, const char *root) {
    names_add_cases(seeds, root, "\0", 1, target_run);
    /* The most texts that fit in a source. */
    struct buffer seed;
    buffer_init(&seed);
    buffer_append(&seed, "\0[\"\"", 4);
    while (seed.length < EXPRESSION_SOURCE_MAX - 2)
        buffer_append(&seed, ",''", 3);
    buffer_append(&seed, "]", 1);
    seeds->add(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}
