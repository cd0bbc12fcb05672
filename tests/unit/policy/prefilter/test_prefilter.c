/* Prefilters never contradict evaluation: random conditions over random values, including absent
 * ones and errors. HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "core/base/check.h"
#include "core/policy/eval/compile.h"
#include "core/policy/prefilter/prefilter.h"
#include "core/policy/prefilter/prefilter_build.h"
#include "core/policy/prefilter/prefilter_set.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/policy/expression_case.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <math.h>

#define BINDINGS                                                                                   \
    "amount:double=1; card.mean:double=1; card.count:int=1; items:int=1; country:string=DE; "      \
    "online:bool=true; opened:timestamp=2026-01-01T00:00:00Z; broken:bool=true; home:string=DE"

static uint64_t chance_state;
static uint64_t chance(uint64_t below) {
    return split_mix(&chance_state) % below;
}

#define PICK(array) array[chance(sizeof(array) / sizeof *(array))]

/* ---- random conditions ---- */

static void write_number(struct buffer *source) {
    static const char *const numbers[] = {"0",
                                          "1",
                                          "-1",
                                          "5",
                                          "2.5",
                                          "0.0",
                                          "-0.0",
                                          "1.0",
                                          "1e3",
                                          "-2.5",
                                          "1e19",
                                          "1e308",
                                          "0.1",
                                          "9007199254740993",
                                          "9223372036854775807",
                                          "-9223372036854775808",
                                          "1.0 / 0.0"};
    buffer_printf(source, "%s", PICK(numbers));
}

static void write_comparison(struct buffer *source) {
    static const char *const numeric[] = {"amount", "card.mean", "card.count", "items"};
    static const char *const doubles[] = {"amount", "card.mean"};
    static const char *const signs[] = {"<", "<=", ">", ">=", "==", "!="};
    switch (chance(4)) {
    case 0:
        buffer_printf(source, "%s %s ", PICK(numeric), PICK(signs));
        write_number(source);
        break;
    case 1:
        write_number(source);
        buffer_printf(source, " %s %s", PICK(signs), PICK(numeric));
        break;
    case 2:
        buffer_printf(source, "%s %s %s%s", PICK(doubles), PICK(signs), chance(2) ? "2.5 * " : "",
                      PICK(doubles));
        break;
    default:
        buffer_printf(source, "%s * 0.5 %s %s", PICK(doubles), PICK(signs), PICK(doubles));
        break;
    }
}

static void write_leaf(struct buffer *source) {
    static const char *const others[] = {
        "country == 'DE'",
        "country != 'DE'",
        "'FR' == country",
        "country == home",
        "home != country",
        "country < home",
        "country in ['DE', 'FR']",
        "country in []",
        "online",
        "online == false",
        "online != false",
        "broken",
        "has(amount)",
        "has(broken)",
        "has(card.count)",
        "opened < timestamp('2026-01-01T00:00:00Z')",
        "opened >= timestamp('2025-12-31T23:59:59Z') + duration('1s')",
        "true",
        "false",
        "items / card.count > 1", /* not for prefilters; may fail */
        "country.startsWith('D')",
        "country in lists.transit",
        "items + items > 5",
        "(online ? items : card.count) > 1",
    };
    if (chance(2))
        write_comparison(source);
    else
        buffer_printf(source, "%s", PICK(others));
}

static void write_condition(struct buffer *source, int depth) {
    if (depth == 0 || chance(4) == 0) {
        write_leaf(source);
        return;
    }
    if (chance(5) == 0)
        buffer_printf(source, "!");
    buffer_printf(source, "(");
    size_t operands = 1 + chance(4);
    const char *sign = chance(2) ? " && " : " || ";
    for (size_t i = 0; i < operands; i++) {
        if (i > 0)
            buffer_printf(source, "%s", sign);
        write_condition(source, depth - 1);
    }
    buffer_printf(source, ")");
}

/* ---- random values ---- */

static void fill_frame(struct expression_case *it) {
    static const double doubles[] = {0.0, -0.0, 1.0, 2.5, 0.1, 5.0, 1e3, 1e308, -2.5, -1.0};
    static const int64_t integers[] = {0, 1, -1, 2, 3, 5, 1000, INT64_MAX, INT64_MIN};
    static const char *const texts[] = {"DE", "FR", "", "4111", "D"};
    for (size_t i = 0; i < 9; i++) {
        struct value *v = &it->frame[i];
        enum value_type type = (enum value_type)it->scope.names[i]->type;
        uint64_t kind = chance(12);
        if (kind == 0)
            *v = value_absent();
        else if (kind == 1)
            *v = (struct value){.type = VALUE_ERROR, .error_code = EXPRESSION_OVERFLOW};
        else if (type == VALUE_DOUBLE)
            *v = value_double(kind == 2   ? NAN
                              : kind == 3 ? INFINITY
                              : kind == 4 ? nextafter(PICK(doubles), INFINITY)
                                          : PICK(doubles));
        else if (type == VALUE_INT)
            *v = value_int(PICK(integers));
        else if (type == VALUE_TEXT)
            *v = value_text(text_of(PICK(texts)));
        else if (type == VALUE_BOOL)
            *v = value_bool(chance(2));
        else
            *v = value_timestamp(INT64_C(1767225600000000) + (int64_t)chance(3) - 1);
    }
}

/* ---- what is asserted ---- */

static size_t answers[3];

static void check_answer(struct expression_case *it, const struct expression *expression,
                         const struct expression *plain, const struct prefilter *prefilter,
                         const char *source) {
    struct value v = expression_eval(plain, it->frame, &it->arena);
    enum prefilter_answer value = prefilter_value(prefilter, it->frame);
    if (value != PREFILTER_MAYBE &&
        !value_equal(v, value == PREFILTER_ABSENT ? value_absent()
                                                  : value_bool(value == PREFILTER_YES)))
        fail_msg("%s: the screen gives a wrong value", source);
    if (!value_equal(expression_eval(expression, it->frame, &it->arena), v) ||
        expression_is_true(expression, it->frame, &it->arena) !=
            expression_is_true(plain, it->frame, &it->arena))
        fail_msg("%s: another value with the screen", source);
    enum prefilter_answer answer = prefilter_answer(prefilter, it->frame);
    bool fires = v.type == VALUE_BOOL && v.boolean;
    answers[answer]++;
    if (answer == PREFILTER_YES && !fires)
        fail_msg("%s: the screen says yes", source);
    if (answer == PREFILTER_NO && (fires || v.type == VALUE_ERROR))
        fail_msg("%s: the screen says no", source);
}

/* condition ? 1 : 2, whose program glances at a prefilter first. */
static void check_choice(struct expression_case *it, const struct expression *choice,
                         const struct expression *plain, const char *source) {
    struct value condition = expression_eval(plain, it->frame, &it->arena);
    struct value v = expression_eval(choice, it->frame, &it->arena);
    if (condition.type == VALUE_BOOL)
        condition = value_int(condition.boolean ? 1 : 2);
    if (!value_equal(v, condition))
        fail_msg("%s: the wrong choice", source);
}

static void agrees_with_evaluation(void **state) {
    (void)state;
    uint64_t seed = asked_seed(1);
    uint64_t steps = asked_steps(3000);
    struct buffer source;
    chance_state = seed;
    print_message("HARRIER_SEED=%llu\n", (unsigned long long)seed);
    memset(answers, 0, sizeof answers);
    buffer_init(&source);
    for (uint64_t i = 0; i < steps; i++) {
        struct expression_case it;
        buffer_clear(&source);
        write_condition(&source, (int)chance(4));
        buffer_append(&source, "", 1);
        expression_case_init(&it, BINDINGS);
        it.lists[0].is_fixed = chance(2);
        struct syntax *syntax = expression_case_check(&it, (const char *)source.bytes);
        if (!syntax)
            fail_msg("%s: %s", (const char *)source.bytes, it.diagnostic);
        const struct expression *expression = expression_build(syntax, &it.arena);
        const struct expression *plain = expression_build_plain(syntax, &it.arena);
        const struct prefilter *prefilter = prefilter_build(syntax, expression_fold, &it.arena);
        struct text choice_source =
            arena_printf(&it.arena, "(%s) ? 1 : 2", (const char *)source.bytes);
        struct syntax *choice_syntax = expression_case_check(&it, choice_source.data);
        assert_non_null(choice_syntax);
        const struct expression *choice = expression_build(choice_syntax, &it.arena);
        for (int frame = 0; frame < 30; frame++) {
            fill_frame(&it);
            check_answer(&it, expression, plain, prefilter, (const char *)source.bytes);
            check_choice(&it, choice, plain, (const char *)source.bytes);
        }
        expression_case_deinit(&it);
    }
    buffer_deinit(&source);
    /* They are there to settle most of them. */
    assert_true(answers[PREFILTER_NO] > answers[PREFILTER_MAYBE] / 2);
    assert_true(answers[PREFILTER_YES] > answers[PREFILTER_MAYBE] / 4);
}

/* No condition is closed that fires or fails, and most of those are that neither do. */
static void many_at_once_close_no_rule_that_fires(void **state) {
    (void)state;
    enum { CONDITIONS = 150, FRAMES = 40 };
    const struct expression *plain[CONDITIONS];
    const struct prefilter *prefilters[CONDITIONS];
    struct expression_case it;
    struct buffer source;
    size_t closed = 0, silent = 0, certain = 0, spoken = 0;
    chance_state = asked_seed(1) + 7;
    buffer_init(&source);
    expression_case_init(&it, BINDINGS);
    for (size_t i = 0; i < CONDITIONS; i++) {
        buffer_clear(&source);
        write_condition(&source, (int)chance(3));
        for (uint64_t more = chance(4); more > 0; more--) {
            buffer_printf(&source, " && ");
            write_condition(&source, 0);
        }
        buffer_append(&source, "", 1);
        struct syntax *syntax = expression_case_check(&it, (const char *)source.bytes);
        assert_non_null(syntax);
        plain[i] = expression_build_plain(syntax, &it.arena);
        prefilters[i] = prefilter_build(syntax, expression_fold, &it.arena);
    }
    for (size_t count = 1; count <= CONDITIONS; count += 1 + chance(60)) {
        const struct prefilter_set *set = prefilter_set_build(prefilters, count, &it.arena);
        for (size_t frame = 0; frame < FRAMES; frame++) {
            fill_frame(&it);
            for (size_t i = 0; i < count; i++) {
                struct value v = expression_eval(plain[i], it.frame, &it.arena);
                bool speaks = v.type == VALUE_ERROR || (v.type == VALUE_BOOL && v.boolean);
                size_t run = i / PREFILTER_SET_RUN, bit = i % PREFILTER_SET_RUN;
                uint64_t sure, maybe;
                bool open = prefilter_set_open(set, run, it.frame, &sure) >> bit & 1;
                bool yes = prefilter_set_answer(set, run, it.frame, &maybe) >> bit & 1;
                assert_true(open || !speaks);
                assert_true(!(sure >> bit & 1) || (open && speaks && v.type == VALUE_BOOL));
                assert_true(yes ? v.type == VALUE_BOOL && v.boolean
                                : !speaks || (maybe >> bit & 1));
                assert_true(!yes || !(maybe >> bit & 1));
                enum prefilter_answer alone = prefilter_answer(prefilters[i], it.frame);
                if (alone != PREFILTER_MAYBE) /* else the others may have helped */
                    assert_int_equal(yes, alone == PREFILTER_YES);
                assert_true(alone == PREFILTER_MAYBE || !(maybe >> bit & 1));
                silent += !speaks;
                closed += !open;
                certain += sure >> bit & 1;
                spoken += speaks;
            }
            size_t runs = (count + PREFILTER_SET_RUN - 1) / PREFILTER_SET_RUN;
            uint64_t ignored, last = prefilter_set_open(set, runs - 1, it.frame, &ignored);
            if (count % PREFILTER_SET_RUN > 0)
                assert_true(last >> count % PREFILTER_SET_RUN == 0);
        }
    }
    assert_true(closed > silent / 3);
    assert_true(certain > spoken / 8);
    buffer_deinit(&source);
    expression_case_deinit(&it);
}

/* Everything that is meant to be a test is one: with values that are there the answer is sure. */
static void settles_plain_conditions(void **state) {
    static const char *const conditions[] = {
        "amount > 5.0",
        "5 < card.count",
        "card.count >= 2.5",
        "amount > 4.0 * card.mean",
        "amount * 0.25 <= card.mean && has(card.mean)",
        "!(country in ['DE', 'FR']) || online",
        "opened > timestamp('2026-01-01T00:00:00Z') - duration('1d')",
        "!(card.count == 1 && (items != 3 || !online))",
        "country != home || home == country",
    };
    (void)state;
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        struct expression_case it;
        expression_case_init(&it, BINDINGS);
        struct syntax *syntax = expression_case_check(&it, conditions[i]);
        assert_non_null(syntax);
        const struct prefilter *prefilter = prefilter_build(syntax, expression_fold, &it.arena);
        assert_non_null(prefilter);
        if (prefilter_answer(prefilter, it.frame) == PREFILTER_MAYBE)
            fail_msg("%s: maybe", conditions[i]);
        expression_case_deinit(&it);
    }
}

static void leaves_the_rest_alone(void **state) {
    struct expression_case it;
    (void)state;
    expression_case_init(&it, BINDINGS);
    struct syntax *syntax = expression_case_check(&it, "items / card.count > 1");
    assert_non_null(syntax);
    assert_null(prefilter_build(syntax, expression_fold, &it.arena));
    assert_int_equal(prefilter_answer(NULL, it.frame), PREFILTER_MAYBE);
    expression_case_deinit(&it);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_evaluation),
        cmocka_unit_test(many_at_once_close_no_rule_that_fires),
        cmocka_unit_test(settles_plain_conditions),
        cmocka_unit_test(leaves_the_rest_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
