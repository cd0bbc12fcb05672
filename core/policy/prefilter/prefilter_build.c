/* Building prefilters: a walk over the checked condition that turns each comparison with constants
 * into an interval of the name's type. A comparison that cannot be represented exactly becomes
 * TEST_NOTHING rather than an approximation, because a prefilter must agree with the evaluator on
 * every value. */
#include "prefilter_build.h"

#include "core/policy/lang/scope.h"
#include "core/policy/lang/type.h"
#include "prefilter_test.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* A longer condition gets no prefilter. It bounds the memory on the stack and the 16 bits of jumps.
 */
#define TESTS_MAX 256u

struct builder {
    struct arena *arena;
    prefilter_fold *fold;
    struct test tests[TESTS_MAX];
    size_t count;
    bool full;
    bool useful; /* any test but TEST_NOTHING */
};

/* ---- parts of conditions ---- */

/* The node's name if its value is in the frame; NULL otherwise. */
static const struct name *slot_name(const struct syntax *node) {
    bool is_fired = node->kind == SYNTAX_CALL && node->name && node->name->kind == NAME_FIRED;
    if (node->kind != SYNTAX_NAME && node->kind != SYNTAX_MEMBER && !is_fired)
        return NULL;
    if (!node->name || node->name->kind == NAME_THRESHOLD || node->name->slot > UINT32_MAX)
        return NULL;
    return node->name;
}

static void test_name(struct test *test, const struct name *name) {
    test->slot = (uint32_t)name->slot;
    test->type = (uint8_t)type_kind(name->type);
}

/* The node's value when no transaction can change it; absent otherwise. */
static struct value constant_of(const struct builder *builder, const struct syntax *node) {
    if (node->kind == SYNTAX_CONSTANT)
        return node->constant;
    if (node->reads_frame || node->reads_local != LOCAL_NONE)
        return value_absent();
    return builder->fold(node, builder->arena);
}

static enum relation relation_of(enum token_type sign) {
    switch (sign) {
    case TOKEN_LESS:
        return LESS;
    case TOKEN_LESS_EQUAL:
        return LESS_EQUAL;
    case TOKEN_GREATER:
        return GREATER;
    case TOKEN_GREATER_EQUAL:
        return GREATER_EQUAL;
    case TOKEN_EQUAL:
        return EQUAL;
    default:
        return NOT_EQUAL;
    }
}

/* a < b is b > a */
static enum relation mirrored(enum relation relation) {
    static const enum relation others[] = {GREATER,    GREATER_EQUAL, LESS,
                                           LESS_EQUAL, EQUAL,         NOT_EQUAL};
    return others[relation];
}

/* ---- tests of one name and a constant ---- */

/* `int relation constant` as an inclusive interval of ints. A double constant is exact up to 2^53;
 * beyond that the test is given up. */
static bool test_integer(struct test *test, enum relation relation, struct value constant) {
    int64_t low = INT64_MIN, high = INT64_MAX, floor_c, ceil_c;
    if (constant.type == VALUE_DOUBLE) {
        if (!(fabs(constant.number) <= 0x1p53))
            return false;
        floor_c = (int64_t)floor(constant.number);
        ceil_c = (int64_t)ceil(constant.number);
    } else {
        floor_c = ceil_c = constant.integer;
    }
    if (floor_c == INT64_MAX || ceil_c == INT64_MIN)
        return false; /* there is no room beside it */
    switch (relation) {
    case LESS:
        high = ceil_c - 1;
        break;
    case LESS_EQUAL:
        high = floor_c;
        break;
    case GREATER:
        low = floor_c + 1;
        break;
    case GREATER_EQUAL:
        low = ceil_c;
        break;
    case EQUAL:
    case NOT_EQUAL: /* of 2.5: none, as low > high */
        low = ceil_c;
        high = floor_c;
        test->inverted ^= relation == NOT_EQUAL;
        break;
    }
    test->kind = TEST_INTEGER;
    test->integer.low = low;
    test->integer.high = high;
    return true;
}

/* `double relation constant` as an inclusive interval: < and > end at the neighbouring double. -0.0
 * and 0.0 are equal in C as in CEL. */
static bool test_number(struct test *test, enum relation relation, struct value constant) {
    double low = -INFINITY, high = INFINITY, c = constant.number;
    if (constant.type == VALUE_INT) {
        if (constant.integer > INT64_C(1) << 53 || constant.integer < -(INT64_C(1) << 53))
            return false;
        c = (double)constant.integer;
    }
    if (!isfinite(c) || fabs(c) == DBL_MAX)
        return false;
    switch (relation) {
    case LESS:
        high = nextafter(c, -INFINITY);
        break;
    case LESS_EQUAL:
        high = c;
        break;
    case GREATER:
        low = nextafter(c, INFINITY);
        break;
    case GREATER_EQUAL:
        low = c;
        break;
    case EQUAL:
    case NOT_EQUAL:
        low = high = c;
        test->inverted ^= relation == NOT_EQUAL;
        break;
    }
    test->kind = TEST_NUMBER;
    test->number.low = low;
    test->number.high = high;
    return true;
}

static bool test_equality(struct test *test, enum relation relation, struct value constant,
                          struct arena *arena) {
    if (relation != EQUAL && relation != NOT_EQUAL)
        return false;
    test->inverted ^= relation == NOT_EQUAL;
    if (constant.type == VALUE_BOOL) {
        test->kind = TEST_TRUE;
        test->inverted ^= !constant.boolean;
        return true;
    }
    test->kind = TEST_TEXT;
    test->text = arena_text(arena, constant.text);
    return test->text.data != NULL;
}

static bool test_constant(struct test *test, enum value_type type, enum relation relation,
                          struct value constant, struct arena *arena) {
    bool numeric = constant.type == VALUE_INT || constant.type == VALUE_DOUBLE;
    switch (type) {
    case VALUE_INT:
        return numeric && test_integer(test, relation, constant);
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        return constant.type == type && test_integer(test, relation, constant);
    case VALUE_DOUBLE:
        return numeric && test_number(test, relation, constant);
    case VALUE_BOOL:
    case VALUE_TEXT:
        return constant.type == type && test_equality(test, relation, constant, arena);
    default:
        return false;
    }
}

/* ---- tests of two names ---- */

/* A double, or a double times a constant. */
static bool is_product(const struct builder *builder, const struct syntax *node, uint32_t *ret_slot,
                       double *ret_factor) {
    const struct name *name = slot_name(node);
    *ret_factor = 1.0;
    if (!name && node->kind == SYNTAX_BINARY && node->sign == TOKEN_STAR) {
        name = slot_name(node->first);
        struct value factor = constant_of(builder, name ? node->last : node->first);
        if (!name)
            name = slot_name(node->last);
        if (factor.type != VALUE_DOUBLE)
            return false;
        *ret_factor = factor.number;
    }
    if (!name || name->type != VALUE_DOUBLE)
        return false;
    *ret_slot = (uint32_t)name->slot;
    return true;
}

static bool test_numbers(const struct builder *builder, struct test *test,
                         const struct syntax *left, enum relation relation,
                         const struct syntax *right) {
    const struct name *name = slot_name(left);
    if (!name || name->type != VALUE_DOUBLE ||
        !is_product(builder, right, &test->numbers.other, &test->numbers.factor))
        return false;
    test_name(test, name);
    test->kind = TEST_NUMBERS;
    test->numbers.relation = relation;
    return true;
}

static bool test_texts(struct test *test, const struct syntax *left, enum relation relation,
                       const struct syntax *right) {
    const struct name *a = slot_name(left), *b = slot_name(right);
    if (!a || !b || a->type != VALUE_TEXT || b->type != VALUE_TEXT ||
        (relation != EQUAL && relation != NOT_EQUAL))
        return false;
    test_name(test, a);
    test->kind = TEST_SAME;
    test->same = (uint32_t)b->slot;
    test->inverted ^= relation == NOT_EQUAL;
    return true;
}

/* ---- building ---- */

/* Either side may be the constant; a comparison of two names is tried last. */
static bool test_comparison(const struct builder *builder, struct test *test,
                            const struct syntax *node) {
    const struct syntax *left = node->first, *right = node->last;
    enum relation relation = relation_of(node->sign);
    const struct name *name = slot_name(left);
    struct value constant = constant_of(builder, right);
    if (!name) {
        name = slot_name(right);
        constant = constant_of(builder, left);
        if (name)
            relation = mirrored(relation);
    }
    if (name && constant.type != VALUE_ABSENT) {
        test_name(test, name);
        return test_constant(test, (enum value_type)name->type, relation, constant, builder->arena);
    }
    relation = relation_of(node->sign);
    return test_numbers(builder, test, left, relation, right) ||
           test_numbers(builder, test, right, mirrored(relation), left) ||
           test_texts(test, left, relation, right);
}

static bool test_membership(struct test *test, const struct syntax *node, struct arena *arena) {
    const struct name *name = slot_name(node->first);
    const struct syntax *list = node->last;
    if (!name)
        return false;
    if (list->list) {
        test_name(test, name);
        test->kind = TEST_LIST;
        test->list = list->list;
        return true;
    }
    if (name->type != VALUE_TEXT || list->kind != SYNTAX_LIST)
        return false;
    struct value *values = arena_calloc(arena, list->operand_count, sizeof *values);
    size_t count = 0;
    if (!values)
        return false;
    for (const struct syntax *item = list->first; item; item = item->next, count++) {
        if (item->kind != SYNTAX_CONSTANT || item->constant.type != VALUE_TEXT)
            return false;
        values[count] = value_text(arena_text(arena, item->constant.text));
        if (!values[count].text.data)
            return false;
    }
    test_name(test, name);
    test->kind = TEST_TEXTS;
    test->texts.values = values;
    test->texts.count = count;
    return true;
}

static bool test_leaf(const struct builder *builder, struct test *test, const struct syntax *node) {
    const struct name *name = slot_name(node);
    if (name && name->type == VALUE_BOOL) {
        test_name(test, name);
        test->kind = TEST_TRUE;
        return true;
    }
    if (node->kind == SYNTAX_CALL && !node->function && !node->name && !node->pattern &&
        text_is(node->text, "has") && node->first && slot_name(node->first)) {
        test_name(test, slot_name(node->first));
        test->kind = TEST_PRESENT;
        return true;
    }
    if (node->kind != SYNTAX_BINARY)
        return false;
    if (node->sign == TOKEN_IN)
        return test_membership(test, node, builder->arena);
    return !node->function && test_comparison(builder, test, node);
}

static void add_leaf(struct builder *builder, const struct syntax *node, bool inverted,
                     bool is_gate) {
    if (builder->count == TESTS_MAX) {
        builder->full = true;
        return;
    }
    struct test *test = &builder->tests[builder->count++];
    *test = (struct test){.inverted = inverted};
    if (!test_leaf(builder, test, node))
        *test = (struct test){.kind = TEST_NOTHING};
    test->is_gate = is_gate && test->kind != TEST_NOTHING;
    builder->useful |= test->kind != TEST_NOTHING;
}

/* Tests built from `begin` on that go to `from` go to `to` instead. */
static void redirect(struct builder *builder, size_t begin, uint16_t from, uint16_t to) {
    for (size_t i = begin; i < builder->count; i++) {
        struct test *test = &builder->tests[i];
        if (test->pass == from)
            test->pass = to;
        if (test->fail == from)
            test->fail = to;
    }
}

/* Adds the tests of a part that goes to END_YES when it passes and to END_NO when it fails.
 * is_needed: the whole is not true without it. */
static void add_part(struct builder *builder, const struct syntax *node, bool inverted,
                     bool is_needed) {
    if (node->kind == SYNTAX_UNARY && node->sign == TOKEN_NOT) {
        add_part(builder, node->first, !inverted, is_needed);
        return;
    }
    size_t begin = builder->count;
    if (node->kind != SYNTAX_AND && node->kind != SYNTAX_OR) {
        add_leaf(builder, node, inverted, is_needed);
        if (builder->count > begin) {
            builder->tests[begin].pass = END_YES;
            builder->tests[begin].fail = END_NO;
        }
        return;
    }
    bool all = (node->kind == SYNTAX_AND) != inverted;
    for (const struct syntax *operand = node->first; operand; operand = operand->next) {
        add_part(builder, operand, inverted, is_needed && all);
        if (operand->next) /* the next one begins where this one ends */
            redirect(builder, begin, all ? END_YES : END_NO, (uint16_t)builder->count);
    }
}

static bool is_plain(const struct test *test) {
    if (test->kind == TEST_TEXT)
        return test->text.length <= TEXT_SHORT_MAX;
    for (size_t i = 0; test->kind == TEST_TEXTS && i < test->texts.count; i++)
        if (test->texts.values[i].text.length > TEXT_SHORT_MAX)
            return false;
    return test->kind != TEST_LIST && test->kind != TEST_SAME;
}

/* NULL also when every part is TEST_NOTHING: such a prefilter would cost time and never answer. */
const struct prefilter *prefilter_build(const struct syntax *condition, prefilter_fold *fold,
                                        struct arena *arena) {
    struct builder builder;
    builder.arena = arena;
    builder.fold = fold;
    builder.count = 0;
    builder.full = builder.useful = false;
    add_part(&builder, condition, false, true);
    if (builder.full || !builder.useful)
        return NULL;
    size_t size = builder.count * sizeof *builder.tests;
    struct prefilter *prefilter = arena_alloc(arena, sizeof *prefilter + size);
    if (!prefilter)
        return NULL;
    prefilter->count = (uint32_t)builder.count;
    prefilter->is_plain = prefilter->is_conjunction = true;
    for (size_t i = 0; i < builder.count; i++) {
        prefilter->is_plain &= is_plain(&builder.tests[i]);
        prefilter->is_conjunction &= builder.tests[i].is_gate;
    }
    memcpy(prefilter->tests, builder.tests, size);
    return prefilter;
}
