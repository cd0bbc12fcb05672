/* Target: expressions that run.
 *
 *   input  u8 bit 0: the source is made from bytes (maker.h), else it is there as it is
 *             bit 1: little memory to run in
 *          u8 bytes of what the frame is made from (names.h), these, then the source
 *
 * Whatever the checker takes runs to its end on any frame, within its arena, with a value of its
 * type, an error or nothing; the same each time; and its canonical form gives the same. */
#include "maker.h"
#include "names.h"

#include "core/policy/checker.h"
#include "core/policy/compile.h"

#define RUN_BYTES        ((size_t)1 << 20)
#define RUN_BYTES_LITTLE 64

static struct arena compiling, running;
static struct buffer source, printed;
static const struct scope *scope;

void target_start(void) {
    arena_init(&compiling, (size_t)64 << 20);
    arena_init(&running, RUN_BYTES);
    buffer_init(&source);
    buffer_init(&printed);
    scope = names_start();
}

static void ignore(struct reporter *reporter, size_t offset, size_t length, const char *text) {
    (void)reporter;
    (void)offset;
    (void)length;
    (void)text;
}

static struct syntax *check_source(struct text text) {
    struct reporter reporter = {.report = ignore};
    return expression_check(text, scope, SCOPE_RULE, VALUE_ABSENT, &compiling, &reporter);
}

static struct value eval(const struct expression *expression, const struct value *frame) {
    struct value v = expression_eval(expression, frame, &running);
    property(running.used <= running.limit, "%zu bytes in an arena of %zu", running.used,
             running.limit);
    property(v.type == VALUE_ABSENT || v.type == VALUE_ERROR ||
                 v.type == expression_type(expression),
             "%s where the checker said %s", value_type_name(v.type),
             value_type_name(expression_type(expression)));
    property(v.type != VALUE_ERROR || expression_error_name(v.error_code)[0] != 'n',
             "an error of no kind: %d", v.error_code);
    char shown[64];
    int length = value_format(v, shown, sizeof shown);
    property(length >= 0, "it cannot be shown");
    return v;
}

bool target_run(const uint8_t *bytes, size_t size) {
    struct cursor cursor = cursor_of(bytes, size);
    struct value frame[NAMES_SLOTS];
    uint8_t how = cursor_u8(&cursor);
    size_t length = cursor_u8(&cursor);
    struct cursor frame_bytes = cursor;
    if (length < cursor_left(&cursor))
        frame_bytes.end = frame_bytes.at + length;
    cursor.at = frame_bytes.end;
    names_make_frame(&frame_bytes, frame);
    buffer_clear(&source);
    if (how & 1)
        maker_expression(&cursor, scope, (enum value_type)(VALUE_BOOL + how / 4 % 6), &source);
    else
        buffer_append(&source, cursor.at, cursor_left(&cursor));
    arena_reset(&compiling);
    struct syntax *root =
        check_source((struct text){.data = (const char *)source.bytes, .length = source.length});
    if (!root)
        return false;
    const struct expression *expression = expression_build(root, &compiling);
    property(expression_cost(expression) > 0, "it costs nothing");
    running.limit = how & 2 ? RUN_BYTES_LITTLE : RUN_BYTES;
    arena_reset(&running);
    struct value v = eval(expression, frame);
    /* The first value stays: the second goes behind it, so that both can be compared. With little
     * memory there may be no room for it. */
    if (how & 2)
        return true;
    property(value_equal(v, eval(expression, frame)), "another value the second time");
    buffer_clear(&printed);
    syntax_print(root, &printed);
    if (printed.length > EXPRESSION_SOURCE_MAX)
        return true;
    root =
        check_source((struct text){.data = (const char *)printed.bytes, .length = printed.length});
    property(root, "its canonical form is refused: %.*s", (int)printed.length,
             (const char *)printed.bytes);
    property(value_equal(v, eval(expression_build(root, &compiling), frame)),
             "another value in canonical form: %.*s", (int)printed.length,
             (const char *)printed.bytes);
    return true;
}

void target_seeds(struct seeds *seeds, const char *root) {
    struct chance chance = {.state = 5};
    struct buffer seed;
    buffer_init(&seed);
    names_add_cases(seeds, root, "\0\0", 2, target_run);
    for (int i = 0; i < 150; i++) {
        size_t frame = chance_below(&chance, 40), length = chance_below(&chance, 60);
        buffer_clear(&seed);
        buffer_append_u8(&seed, (uint8_t)(chance_next(&chance) | 1));
        buffer_append_u8(&seed, (uint8_t)frame);
        for (size_t j = 0; j < frame + length; j++)
            buffer_append_u8(&seed, (uint8_t)chance_next(&chance));
        if (target_run(seed.bytes, seed.length))
            seeds->add(seeds, seed.bytes, seed.length);
    }
    buffer_deinit(&seed);
}
