/* A screen is an array of tests. Each looks at one name, sometimes two, and says where to go on if
 * it passes and if it fails: to a later test or to the end. A part of the condition that is no test
 * passes without having been looked at; then the end is SCREEN_MAYBE instead of SCREEN_YES. So does
 * a name whose value is an error end everything: only evaluating tells what comes of it.
 *
 * `!` is moved down to the tests, which it turns around: the rules of De Morgan hold with errors
 * and absent values too. An absent value fails a test either way round. */
#include "screen.h"
#include "syntax.h"

#include "../base/check.h"
#include "compile.h"
#include "expression.h"
#include "list.h"
#include "scope.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum test_kind {
    TEST_NOTHING, /* passes unseen */
    TEST_PRESENT, /* has(name) */
    TEST_TRUE,    /* a bool */
    TEST_INTEGER, /* within low…high: int, timestamp, duration */
    TEST_NUMBER,  /* within low…high: double */
    TEST_TEXT,    /* equal to the text */
    TEST_TEXTS,   /* one of the texts */
    TEST_LIST,    /* in the list */
    TEST_NUMBERS, /* a double, in relation to a factor times another */
};

enum relation { LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL };

struct test {
    uint32_t slot;
    uint8_t kind;
    bool turned;         /* by `!`: passes if it would fail, but for absent values */
    bool is_gate;        /* the condition is not true without it: one operand of its && */
    uint16_t pass, fail; /* tests, or an end */
    union {
        struct {
            int64_t low, high;
        } integer;
        struct {
            double low, high;
        } number;
        struct text text;
        struct {
            const struct value *values;
            size_t count;
        } texts;
        const struct list *list;
        struct {
            uint32_t other; /* slot */
            uint32_t relation;
            double factor;
        } numbers;
    };
};

struct screen {
    uint32_t count;
    bool is_plain;       /* no list, no text of more than TEXT_SHORT_MAX bytes */
    bool is_conjunction; /* every part is a test, and all of them are needed */
    struct test tests[];
};

#define TESTS_MAX 256u
#define END_NO    0xfffeu
#define END_YES   0xffffu

struct builder {
    struct arena *arena;
    struct test tests[TESTS_MAX];
    size_t count;
    bool full;
    bool useful; /* any test but TEST_NOTHING */
};

/* ---- parts of conditions ---- */

/* A name whose value stands in the frame. */
static const struct name *slot_name(const struct syntax *node) {
    bool is_fired = node->kind == SYNTAX_CALL && node->name && node->name->kind == NAME_FIRED;
    if (node->kind != SYNTAX_NAME && node->kind != SYNTAX_MEMBER && !is_fired)
        return NULL;
    if (!node->name || node->name->kind == NAME_THRESHOLD || node->name->slot > UINT32_MAX)
        return NULL;
    return node->name;
}

/* What stands there whatever the transaction; absent when it depends on it. */
static struct value constant_of(const struct syntax *node, struct arena *arena) {
    if (node->kind == SYNTAX_CONSTANT)
        return node->constant;
    if (node->reads_frame || node->reads_local != LOCAL_NONE)
        return value_absent();
    return expression_eval(expression_build_plain(node, arena), NULL, arena);
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

/* Ints in relation to a number, exactly: the whole numbers on the right side of it. */
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
        test->turned ^= relation == NOT_EQUAL;
        break;
    }
    test->kind = TEST_INTEGER;
    test->integer.low = low;
    test->integer.high = high;
    return true;
}

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
        test->turned ^= relation == NOT_EQUAL;
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
    test->turned ^= relation == NOT_EQUAL;
    if (constant.type == VALUE_BOOL) {
        test->kind = TEST_TRUE;
        test->turned ^= !constant.boolean;
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
static bool is_product(const struct syntax *node, struct arena *arena, uint32_t *ret_slot,
                       double *ret_factor) {
    const struct name *name = slot_name(node);
    *ret_factor = 1.0;
    if (!name && node->kind == SYNTAX_BINARY && node->sign == TOKEN_STAR) {
        name = slot_name(node->first);
        struct value factor = constant_of(name ? node->last : node->first, arena);
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

static bool test_numbers(struct test *test, const struct syntax *left, enum relation relation,
                         const struct syntax *right, struct arena *arena) {
    const struct name *name = slot_name(left);
    if (!name || name->type != VALUE_DOUBLE ||
        !is_product(right, arena, &test->numbers.other, &test->numbers.factor))
        return false;
    test->kind = TEST_NUMBERS;
    test->slot = (uint32_t)name->slot;
    test->numbers.relation = relation;
    return true;
}

/* ---- building ---- */

static bool test_comparison(struct test *test, const struct syntax *node, struct arena *arena) {
    const struct syntax *left = node->first, *right = node->last;
    enum relation relation = relation_of(node->sign);
    const struct name *name = slot_name(left);
    struct value constant = constant_of(right, arena);
    if (!name) {
        name = slot_name(right);
        constant = constant_of(left, arena);
        if (name)
            relation = mirrored(relation);
    }
    if (name && constant.type != VALUE_ABSENT) {
        test->slot = (uint32_t)name->slot;
        return test_constant(test, (enum value_type)name->type, relation, constant, arena);
    }
    relation = relation_of(node->sign);
    return test_numbers(test, left, relation, right, arena) ||
           test_numbers(test, right, mirrored(relation), left, arena);
}

static bool test_membership(struct test *test, const struct syntax *node, struct arena *arena) {
    const struct name *name = slot_name(node->first);
    const struct syntax *list = node->last;
    if (!name)
        return false;
    if (list->list) {
        test->kind = TEST_LIST;
        test->slot = (uint32_t)name->slot;
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
    test->kind = TEST_TEXTS;
    test->slot = (uint32_t)name->slot;
    test->texts.values = values;
    test->texts.count = count;
    return true;
}

static bool test_leaf(struct test *test, const struct syntax *node, struct arena *arena) {
    const struct name *name = slot_name(node);
    if (name && name->type == VALUE_BOOL) {
        test->kind = TEST_TRUE;
        test->slot = (uint32_t)name->slot;
        return true;
    }
    if (node->kind == SYNTAX_CALL && !node->function && !node->name && !node->pattern &&
        text_is(node->text, "has") && node->first && slot_name(node->first)) {
        test->kind = TEST_PRESENT;
        test->slot = (uint32_t)slot_name(node->first)->slot;
        return true;
    }
    if (node->kind != SYNTAX_BINARY)
        return false;
    if (node->sign == TOKEN_IN)
        return test_membership(test, node, arena);
    return !node->function && test_comparison(test, node, arena);
}

static void add_leaf(struct builder *builder, const struct syntax *node, bool turned,
                     bool is_gate) {
    if (builder->count == TESTS_MAX) {
        builder->full = true;
        return;
    }
    struct test *test = &builder->tests[builder->count++];
    *test = (struct test){.turned = turned};
    if (!test_leaf(test, node, builder->arena))
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
static void add_part(struct builder *builder, const struct syntax *node, bool turned,
                     bool is_needed) {
    if (node->kind == SYNTAX_UNARY && node->sign == TOKEN_NOT) {
        add_part(builder, node->first, !turned, is_needed);
        return;
    }
    size_t begin = builder->count;
    if (node->kind != SYNTAX_AND && node->kind != SYNTAX_OR) {
        add_leaf(builder, node, turned, is_needed);
        if (builder->count > begin) {
            builder->tests[begin].pass = END_YES;
            builder->tests[begin].fail = END_NO;
        }
        return;
    }
    bool all = (node->kind == SYNTAX_AND) != turned;
    for (const struct syntax *operand = node->first; operand; operand = operand->next) {
        add_part(builder, operand, turned, is_needed && all);
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
    return test->kind != TEST_LIST;
}

const struct screen *screen_build(const struct syntax *condition, struct arena *arena) {
    struct builder builder;
    builder.arena = arena;
    builder.count = 0;
    builder.full = builder.useful = false;
    add_part(&builder, condition, false, true);
    if (builder.full || !builder.useful)
        return NULL;
    size_t size = builder.count * sizeof *builder.tests;
    struct screen *screen = arena_alloc(arena, sizeof *screen + size);
    if (!screen)
        return NULL;
    screen->count = (uint32_t)builder.count;
    screen->is_plain = screen->is_conjunction = true;
    for (size_t i = 0; i < builder.count; i++) {
        screen->is_plain &= is_plain(&builder.tests[i]);
        screen->is_conjunction &= builder.tests[i].is_gate;
    }
    memcpy(screen->tests, builder.tests, size);
    return screen;
}

/* ---- answering ---- */

#define INLINE static inline __attribute__((always_inline))

/* Without a call, which most screens can do without: the texts they know are short. */
INLINE bool is_short_text(struct text text, struct text known) {
    return text.length == known.length && text_equal_short(text, known);
}

INLINE bool is_one_of(struct text text, const struct value *values, size_t count, bool is_plain) {
    for (size_t i = 0; i < count; i++)
        if (is_plain ? is_short_text(text, values[i].text) : text_equal(text, values[i].text))
            return true;
    return false;
}

INLINE bool is_related(double a, enum relation relation, double b) {
    switch (relation) {
    case LESS:
        return a < b;
    case LESS_EQUAL:
        return a <= b;
    case GREATER:
        return a > b;
    case GREATER_EQUAL:
        return a >= b;
    case EQUAL:
        return a == b;
    case NOT_EQUAL:
        break;
    }
    return a != b;
}

enum outcome_of_test { FAILS, PASSES, FAILS_ABSENT, FAULTY };

INLINE enum outcome_of_test outcome(const struct test *test, bool in) {
    return in != test->turned ? PASSES : FAILS;
}

static enum outcome_of_test look_in_list(const struct test *test, const struct value *v,
                                         const struct value *frame) {
    struct value found = list_contains(test->list, v, frame);
    return found.type == VALUE_BOOL ? outcome(test, found.boolean) : FAULTY;
}

INLINE enum outcome_of_test look_at_numbers(const struct test *test, const struct value *v,
                                            const struct value *frame) {
    const struct value *other = &frame[test->numbers.other];
    if (other->type == VALUE_ERROR)
        return FAULTY;
    if (v->type == VALUE_ABSENT || other->type == VALUE_ABSENT)
        return FAILS_ABSENT;
    return outcome(
        test, is_related(v->number, test->numbers.relation, test->numbers.factor * other->number));
}

/* is_plain: it is a test of a plain screen. */
INLINE enum outcome_of_test look(const struct test *test, const struct value *frame,
                                 bool is_plain) {
    const struct value *v = &frame[test->slot];
    if (v->type == VALUE_ERROR)
        return FAULTY;
    if (v->type == VALUE_ABSENT && test->kind != TEST_NUMBERS && test->kind != TEST_PRESENT)
        return FAILS_ABSENT;
    switch ((enum test_kind)test->kind) {
    case TEST_PRESENT:
        return outcome(test, v->type != VALUE_ABSENT);
    case TEST_INTEGER:
        return outcome(test, v->integer >= test->integer.low && v->integer <= test->integer.high);
    case TEST_NUMBER:
        return outcome(test, v->number >= test->number.low && v->number <= test->number.high);
    case TEST_TRUE:
        return outcome(test, v->boolean);
    case TEST_TEXT:
        return outcome(test, is_plain ? is_short_text(v->text, test->text)
                                      : text_equal(v->text, test->text));
    case TEST_TEXTS:
        return outcome(test, is_one_of(v->text, test->texts.values, test->texts.count, is_plain));
    case TEST_LIST:
        return is_plain ? FAULTY : look_in_list(test, v, frame);
    case TEST_NUMBERS:
        return look_at_numbers(test, v, frame);
    case TEST_NOTHING:
        break;
    }
    return PASSES;
}

/* SCREEN_ABSENT where it is SCREEN_NO and an absent value made a test fail. */
INLINE enum screen_answer follow(const struct screen *screen, const struct value *frame,
                                 bool is_plain) {
    enum screen_answer yes = SCREEN_YES, no = SCREEN_NO;
    size_t at = 0;
    while (at < END_NO) {
        const struct test *test = &screen->tests[at];
        if (test->kind == TEST_NOTHING) {
            yes = SCREEN_MAYBE;
            at = test->pass;
            continue;
        }
        enum outcome_of_test outcome = look(test, frame, is_plain);
        if (outcome == FAULTY)
            return SCREEN_MAYBE;
        if (outcome == FAILS_ABSENT)
            no = SCREEN_ABSENT;
        at = outcome == PASSES ? test->pass : test->fail;
    }
    return at == END_NO ? no : yes;
}

static __attribute__((noinline)) enum screen_answer follow_any(const struct screen *screen,
                                                               const struct value *frame) {
    return follow(screen, frame, false);
}

enum screen_answer screen_answer(const struct screen *screen, const struct value *frame) {
    if (!screen)
        return SCREEN_MAYBE;
    enum screen_answer said =
        screen->is_plain ? follow(screen, frame, true) : follow_any(screen, frame);
    return said == SCREEN_ABSENT ? SCREEN_NO : said;
}

void screen_answers(const struct screen *const *screens, size_t count, const struct value *frame,
                    signed char *ret_answers) {
    for (size_t i = 0; i < count; i++) {
        const struct screen *screen = screens[i];
        enum screen_answer said = SCREEN_MAYBE;
        if (screen)
            said = screen->is_plain ? follow(screen, frame, true) : follow_any(screen, frame);
        ret_answers[i] = said == SCREEN_MAYBE ? -1 : said == SCREEN_YES;
    }
}

/* One operand of the && is absent: what do the others come to? */
static enum screen_answer look_at_all(const struct screen *screen, const struct value *frame) {
    enum screen_answer answer = SCREEN_ABSENT;
    for (size_t i = 0; i < screen->count; i++) {
        enum outcome_of_test outcome = look(&screen->tests[i], frame, false);
        if (outcome == FAULTY)
            return SCREEN_MAYBE;
        if (outcome == FAILS)
            answer = SCREEN_NO;
    }
    return answer;
}

enum screen_answer screen_value(const struct screen *screen, const struct value *frame) {
    if (!screen)
        return SCREEN_MAYBE;
    enum screen_answer said =
        screen->is_plain ? follow(screen, frame, true) : follow_any(screen, frame);
    if (said != SCREEN_ABSENT)
        return said;
    return screen->is_conjunction ? look_at_all(screen, frame) : SCREEN_MAYBE;
}

/* ---- many at once ---- */

/* A test that some of 64 conditions need. */
struct gate {
    uint64_t conditions;
    struct test test;
};

struct gate_run {
    struct gate *gates;
    size_t count;
};

struct screen_set {
    size_t count; /* of conditions */
    struct gate_run runs[];
};

static bool is_same_payload(const struct test *a, const struct test *b) {
    switch ((enum test_kind)a->kind) {
    case TEST_INTEGER:
        return a->integer.low == b->integer.low && a->integer.high == b->integer.high;
    case TEST_NUMBER:
        return memcmp(&a->number, &b->number, sizeof a->number) == 0;
    case TEST_TEXT:
        return text_equal(a->text, b->text);
    case TEST_TEXTS:
        for (size_t i = 0; i < a->texts.count && a->texts.count == b->texts.count; i++)
            if (!value_equal(a->texts.values[i], b->texts.values[i]))
                return false;
        return a->texts.count == b->texts.count;
    case TEST_LIST:
        return a->list == b->list;
    case TEST_NUMBERS:
        return a->numbers.other == b->numbers.other && a->numbers.relation == b->numbers.relation &&
               memcmp(&a->numbers.factor, &b->numbers.factor, sizeof a->numbers.factor) == 0;
    default:
        return true;
    }
}

static bool is_same_test(const struct test *a, const struct test *b) {
    return a->kind == b->kind && a->slot == b->slot && a->turned == b->turned &&
           is_same_payload(a, b);
}

static void add_gate(struct gate_run *run, const struct test *test, uint64_t condition) {
    size_t i = 0;
    while (i < run->count && !is_same_test(&run->gates[i].test, test))
        i++;
    if (i == run->count)
        run->gates[run->count++] = (struct gate){.test = *test};
    run->gates[i].conditions |= condition;
}

/* What settles most conditions comes first, and last what takes longest. */
static bool comes_before(const struct gate *a, const struct gate *b) {
    bool a_is_list = a->test.kind == TEST_LIST, b_is_list = b->test.kind == TEST_LIST;
    if (a_is_list != b_is_list)
        return b_is_list;
    return __builtin_popcountll(a->conditions) > __builtin_popcountll(b->conditions);
}

static void sort_gates(struct gate_run *run) {
    for (size_t i = 1; i < run->count; i++) {
        struct gate moved = run->gates[i];
        size_t at = i;
        for (; at > 0 && comes_before(&moved, &run->gates[at - 1]); at--)
            run->gates[at] = run->gates[at - 1];
        run->gates[at] = moved;
    }
}

/* Of each condition the first ones: that keeps the time that building takes within bounds. */
#define GATES_OF_ONE 8

static void fill_run(struct gate_run *run, const struct screen *const *screens, size_t count,
                     struct arena *arena) {
    struct gate *gates = check_calloc(count * GATES_OF_ONE, sizeof *gates);
    *run = (struct gate_run){.gates = gates};
    for (size_t i = 0; i < count; i++)
        for (size_t t = 0, taken = 0; screens[i] && t < screens[i]->count && taken < GATES_OF_ONE;
             t++)
            if (screens[i]->tests[t].is_gate) {
                add_gate(run, &screens[i]->tests[t], UINT64_C(1) << i);
                taken++;
            }
    sort_gates(run);
    run->gates = arena_calloc(arena, run->count, sizeof *gates);
    check(run->gates);
    if (run->count > 0)
        memcpy(run->gates, gates, run->count * sizeof *gates);
    free(gates);
}

const struct screen_set *screen_set_build(const struct screen *const *screens, size_t count,
                                          struct arena *arena) {
    size_t runs = (count + SCREEN_SET_RUN - 1) / SCREEN_SET_RUN;
    struct screen_set *set = arena_alloc(arena, sizeof *set + runs * sizeof *set->runs);
    check(set);
    set->count = count;
    for (size_t i = 0; i < runs; i++) {
        size_t first = i * SCREEN_SET_RUN, left = count - first;
        fill_run(&set->runs[i], screens + first, left < SCREEN_SET_RUN ? left : SCREEN_SET_RUN,
                 arena);
    }
    return set;
}

uint64_t screen_set_open(const struct screen_set *set, size_t run, const struct value *frame) {
    const struct gate *gate = set->runs[run].gates, *end = gate + set->runs[run].count;
    size_t left = set->count - run * SCREEN_SET_RUN;
    uint64_t open = left < SCREEN_SET_RUN ? (UINT64_C(1) << left) - 1 : UINT64_MAX;
    for (; gate < end; gate++) {
        if (!(open & gate->conditions))
            continue;
        enum outcome_of_test outcome = look(&gate->test, frame, false);
        if (outcome == FAILS || outcome == FAILS_ABSENT)
            open &= ~gate->conditions;
    }
    return open;
}
