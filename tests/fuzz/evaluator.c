/* Target: evaluation of expressions.
 *
 *   input  u8 bit 0: generate the source from bytes (maker.h), otherwise take it as text
 *             bit 1: evaluate with little memory
 *             bits 2–7: the type to generate
 *          u8 number of bytes for the frame of values (names.h), these bytes, then the source
 *
 * Sources are generated because mutated text rarely passes the checker.
 *
 * Every expression that passes the checker must evaluate on any frame, within its arena, to a value
 * of its type, absent or an error: the same value the second time, and the same for its canonical
 * form. The prefilter of a condition must agree with its evaluation. */
#include "common/maker.h"
#include "common/names.h"

#include "core/policy/check/checker.h"
#include "core/policy/eval/compile.h"
#include "core/policy/prefilter/prefilter.h"
#include "core/policy/prefilter/prefilter_build.h"

#define RUN_BYTES        ((size_t)1 << 20)
#define RUN_BYTES_LITTLE 64

static struct arena compiling, running, running_again;
static struct buffer source, printed;
static const struct scope *scope;

void target_start(void) {
    arena_init(&compiling, (size_t)64 << 20);
    arena_init(&running, RUN_BYTES);
    arena_init(&running_again, RUN_BYTES);
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
    return expression_check(text, scope, SCOPE_RULE, TYPE_ANY, &compiling, &reporter);
}

/* Also checks all items of lists and maps, which may not be absent. */
static bool is_of_type(const struct value *v, type_code type) {
    if (v->type != type_kind(type))
        return false;
    for (size_t i = 0; type_depth(type) > 0 && i < v->items->count; i++) {
        bool key = v->type == VALUE_MAP && i % 2 == 0;
        if (!is_of_type(&v->items->values[i], key ? type_key(type) : type_element(type)))
            return false;
    }
    return true;
}

static struct value eval(const struct expression *expression, const struct value *frame,
                         struct arena *arena) {
    arena_reset(arena);
    struct value v = expression_eval(expression, frame, arena);
    property(arena->used <= arena->limit, "%zu bytes in an arena of %zu", arena->used,
             arena->limit);
    property(v.type == VALUE_ABSENT || v.type == VALUE_ERROR ||
                 is_of_type(&v, expression_type(expression)),
             "%s where the checker said %s", value_type_name(v.type),
             type_code_name(expression_type(expression)).string);
    property(v.type != VALUE_ERROR || strcmp(expression_error_name(v.error_code), "none") != 0,
             "an unknown error: %d", v.error_code);
    char shown[64];
    int length = value_format(v, shown, sizeof shown);
    property(length >= 0, "its value cannot be formatted");
    return v;
}

static type_code type_made(unsigned number) {
    type_code simple = (type_code)(VALUE_BOOL + number % 6);
    number /= 6;
    return number % 4 == 1   ? TYPE_LIST_OF(simple)
           : number % 4 == 2 ? TYPE_MAP_OF(VALUE_TEXT, simple)
                             : simple;
}

/* If the prefilter decides, evaluating the condition must give the same result. */
static void check_prefilter(const struct syntax *condition, const struct value *frame,
                            struct value v) {
    enum prefilter_answer answer =
        prefilter_answer(prefilter_build(condition, expression_fold, &compiling), frame);
    bool fires = v.type == VALUE_BOOL && v.boolean;
    property(answer != PREFILTER_YES || fires,
             "the prefilter says yes, but the condition does not hold");
    property(answer != PREFILTER_NO || (!fires && v.type != VALUE_ERROR),
             "the prefilter says no, but the condition is true or fails");
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
        maker_expression(&cursor, scope, type_made(how / 4), &source);
    else
        buffer_append(&source, cursor.at, cursor_left(&cursor));
    arena_reset(&compiling);
    struct syntax *root =
        check_source((struct text){.data = (const char *)source.bytes, .length = source.length});
    if (!root)
        return false;
    const struct expression *expression = expression_build(root, &compiling);
    property(expression_cost(expression) > 0, "its cost is 0");
    running.limit = how & 2 ? RUN_BYTES_LITTLE : RUN_BYTES;
    running_again.limit = running.limit;
    struct value v = eval(expression, frame, &running);
    property(value_equal(v, eval(expression, frame, &running_again)),
             "another value the second time");
    if (root->type == VALUE_BOOL)
        check_prefilter(root, frame, v);
    buffer_clear(&printed);
    syntax_print(root, &printed);
    if (printed.length > EXPRESSION_SOURCE_MAX)
        return true;
    root =
        check_source((struct text){.data = (const char *)printed.bytes, .length = printed.length});
    property(root, "its canonical form is refused: %.*s", (int)printed.length,
             (const char *)printed.bytes);
    property(value_equal(v, eval(expression_build(root, &compiling), frame, &running_again)),
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
