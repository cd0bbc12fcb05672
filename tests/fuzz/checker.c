/* Target: type checking of expressions.
 *
 *   input  u8: modulo 3, the reader (which names it may use); divided by 3, modulo 7, the expected
 *          type; then the source
 *
 * The checker must report an error, or return a tree of the expected type. The tree's canonical
 * form must pass the checker with the same type, and be its own canonical form. */
#include "common/names.h"

#include "core/policy/check/checker.h"
#include "core/policy/eval/cost.h"

static struct arena arena;
static struct buffer printed, printed_again;
static const struct scope *scope;
static struct text reported_source;
static bool broken_named;

void target_start(void) {
    arena_init(&arena, (size_t)64 << 20);
    buffer_init(&printed);
    buffer_init(&printed_again);
    scope = names_start();
}

static void listen(struct reporter *reporter, size_t offset, size_t length, const char *text) {
    (void)reporter;
    property(offset <= reported_source.length && length <= reported_source.length - offset,
             "a diagnostic at %zu + %zu of %zu bytes: %s", offset, length, reported_source.length,
             text);
    property(text[0], "a diagnostic without text");
}

static struct syntax *check_source(struct text source, enum scope_reader reader, type_code wanted) {
    struct reporter reporter = {.report = listen};
    reported_source = source;
    arena_reset(&arena);
    struct syntax *root = expression_check(source, scope, reader, wanted, &arena, &reporter);
    property(!root || reporter.count == 0, "a tree and %zu diagnostics", reporter.count);
    /* An error in the declaration of `broken` is reported there, not again at each use. */
    broken_named = memmem(source.data, source.length, "broken", 6) != NULL;
    property(root || reporter.count > 0 || broken_named, "refused without a diagnostic");
    return root;
}

bool target_run(const uint8_t *bytes, size_t size) {
    static const type_code types[] = {TYPE_ANY,   VALUE_BOOL,      VALUE_INT,     VALUE_DOUBLE,
                                      VALUE_TEXT, VALUE_TIMESTAMP, VALUE_DURATION};
    if (size == 0)
        return false;
    enum scope_reader reader = (enum scope_reader)(bytes[0] % 3);
    type_code wanted = types[bytes[0] / 3 % 7];
    struct text source = {.data = (const char *)bytes + 1, .length = size - 1};
    struct syntax *root = check_source(source, reader, wanted);
    if (!root)
        return false;
    type_code type = root->type;
    property(type != VALUE_ABSENT && type != VALUE_ERROR, "a tree of type %s",
             type_code_name(type).string);
    property(wanted == TYPE_ANY || type == wanted, "%s instead of %s", type_code_name(type).string,
             type_code_name(wanted).string);
    property(root->cost > 0 && root->cost <= EXPRESSION_COST_MAX, "its cost is %u steps",
             root->cost);
    buffer_clear(&printed);
    syntax_print(root, &printed);
    struct text canonical = {.data = (const char *)printed.bytes, .length = printed.length};
    if (canonical.length > EXPRESSION_SOURCE_MAX)
        return true;
    root = check_source(canonical, reader, wanted);
    property(root && root->type == type, "its canonical form is refused: %" TEXT_FORMAT,
             TEXT_ARGS(canonical));
    buffer_clear(&printed_again);
    syntax_print(root, &printed_again);
    property(printed_again.length == printed.length &&
                 memcmp(printed_again.bytes, printed.bytes, printed.length) == 0,
             "%" TEXT_FORMAT "\nis printed the second time as\n%.*s", TEXT_ARGS(canonical),
             (int)printed_again.length, (const char *)printed_again.bytes);
    return true;
}

void target_seeds(struct seeds *seeds, const char *root) {
    for (uint8_t reader = 0; reader < 3; reader++)
        names_add_cases(seeds, root, &reader, 1, target_run);
}
