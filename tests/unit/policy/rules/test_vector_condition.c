/* Evaluating many rows at once never hides a row for which evaluating alone fires or fails: random
 * conditions over random values, some of them absent. HARRIER_SEED repeats a run, HARRIER_STEPS
 * makes it longer. */
#include "core/base/check.h"
#include "core/policy/eval/compile.h"
#include "core/policy/rules/vector_condition.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/policy/expression_case.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <math.h>

#define BINDINGS                                                                                   \
    "card.sum:double=1; card.mean:double=1; card.count:int=1; merchant.count:int=1; "              \
    "is_new:bool=true; country:string=DE"
#define NAMES 6

static uint64_t chance_state;
static uint64_t chance(uint64_t below) {
    return split_mix(&chance_state) % below;
}

#define PICK(array) array[chance(sizeof(array) / sizeof *(array))]

/* ---- random conditions ---- */

static void write_number(struct buffer *source, bool is_int, int depth) {
    static const char *const ints[] = {"card.count",          "merchant.count",      "0", "7", "-3",
                                       "9223372036854775807", "-9223372036854775808"};
    static const char *const doubles[] = {"card.sum", "card.mean", "0.0", "2.5", "-1e308"};
    static const char *const signs[] = {"+", "-", "*", "/"};
    if (depth == 0 || chance(3) == 0) {
        buffer_printf(source, "%s", is_int ? PICK(ints) : PICK(doubles));
        return;
    }
    buffer_printf(source, "(");
    write_number(source, is_int, depth - 1);
    buffer_printf(source, " %s ", signs[chance(is_int ? 3 : 4)]);
    write_number(source, is_int, depth - 1);
    buffer_printf(source, ")");
}

static void write_leaf(struct buffer *source) {
    static const char *const others[] = {"is_new", "has(card.sum)", "has(is_new)", "true", "false"};
    static const char *const signs[] = {"<", "<=", ">", ">=", "==", "!="};
    if (chance(4) == 0) {
        buffer_printf(source, "%s", PICK(others));
        return;
    }
    bool is_int = chance(2);
    write_number(source, is_int, (int)chance(3));
    buffer_printf(source, " %s ", PICK(signs));
    write_number(source, is_int, (int)chance(3));
}

static void write_condition(struct buffer *source, int depth) {
    if (depth == 0 || chance(4) == 0) {
        write_leaf(source);
        return;
    }
    const char *sign = chance(2) ? " && " : " || ";
    buffer_printf(source, chance(5) ? "(" : "!(");
    for (size_t i = 0, operands = 1 + chance(4); i < operands; i++) {
        buffer_printf(source, "%s", i > 0 ? sign : "");
        write_condition(source, depth - 1);
    }
    buffer_printf(source, ")");
}

/* ---- random rows ---- */

static struct value random_value(enum value_type type, bool with_missing) {
    static const double doubles[] = {0.0, -0.0, 1.0, 2.5, 0.1, 1e308, -2.5, INFINITY, NAN};
    static const int64_t integers[] = {0, 1, -1, 2, 3, 7, 1000, INT64_MAX, INT64_MIN};
    if (with_missing && chance(10) == 0)
        return chance(3) ? value_absent()
                         : (struct value){.type = VALUE_ERROR, .error_code = EXPRESSION_OVERFLOW};
    switch (type) {
    case VALUE_DOUBLE:
        return value_double(PICK(doubles));
    case VALUE_INT:
        return value_int(PICK(integers));
    case VALUE_BOOL:
        return value_bool(chance(2));
    default:
        return value_text(TEXT_LITERAL("DE"));
    }
}

/* The names in another order than that of their slots, and something else between the rows. */
#define STRIDE (NAMES + 3)
static const size_t at_places[NAMES] = {4, 0, 5, 2, 1, 6};

struct table {
    struct value values[VECTOR_CONDITION_MOST * STRIDE];
    size_t rows;
};

static void fill(struct table *table, const struct expression_case *it) {
    bool with_missing = chance(2);
    memset(table->values, 0, sizeof table->values);
    table->rows = 1 + chance(VECTOR_CONDITION_MOST);
    for (size_t row = 0; row < table->rows; row++)
        for (size_t i = 0; i < NAMES; i++)
            table->values[row * STRIDE + at_places[i]] =
                random_value((enum value_type)it->scope.names[i]->type, with_missing);
}

/* ---- what is asserted ---- */

struct seen {
    size_t open, closed, silent; /* silent: neither true nor an error */
};

static void check_rows(struct expression_case *it, const struct expression *expression,
                       const struct vector_condition *condition, const struct table *table,
                       const char *source, struct seen *seen) {
    uint64_t open = vector_condition_open(condition, table->values, STRIDE, table->rows);
    if (table->rows < VECTOR_CONDITION_MOST)
        assert_true(open >> table->rows == 0);
    for (size_t row = 0; row < table->rows; row++) {
        bool is_whole = true;
        for (size_t i = 0; i < NAMES; i++) {
            it->frame[i] = table->values[row * STRIDE + at_places[i]];
            is_whole &= it->frame[i].type != VALUE_ABSENT && it->frame[i].type != VALUE_ERROR;
        }
        struct value v = expression_eval(expression, it->frame, &it->arena);
        bool speaks = v.type == VALUE_ERROR || (v.type == VALUE_BOOL && v.boolean);
        bool is_open = open >> row & 1;
        if (speaks && !is_open)
            fail_msg("%s: row %zu is left out", source, row);
        seen->open += is_open;
        seen->closed += !is_open;
        seen->silent += !speaks && is_whole;
    }
}

static void hides_no_row_that_speaks(void **state) {
    (void)state;
    uint64_t seed = asked_seed(1);
    uint64_t steps = asked_steps(2000);
    const struct row_places places = {.first = 0, .count = NAMES, .places = at_places};
    struct seen seen = {0};
    struct buffer source;
    size_t built = 0;
    chance_state = seed;
    print_message("HARRIER_SEED=%" PRIu64 "\n", seed);
    buffer_init(&source);
    for (uint64_t i = 0; i < steps; i++) {
        struct expression_case it;
        struct table table;
        buffer_clear(&source);
        write_condition(&source, (int)chance(4));
        buffer_append(&source, "", 1);
        expression_case_init(&it, BINDINGS);
        struct syntax *syntax = expression_case_check(&it, (const char *)source.bytes);
        if (!syntax) /* a constant that overflows */
            assert_non_null(strstr(it.diagnostic, "overflow"));
        const struct expression *expression = syntax ? expression_build(syntax, &it.arena) : NULL;
        struct vector_condition *condition =
            expression ? vector_condition_new(expression, &places) : NULL;
        built += condition != NULL;
        for (int t = 0; t < 4 && condition; t++) {
            fill(&table, &it);
            check_rows(&it, expression, condition, &table, (const char *)source.bytes, &seen);
        }
        vector_condition_free(condition);
        expression_case_deinit(&it);
    }
    buffer_deinit(&source);
    /* It is there for nearly all of them, and leaves out nearly all that it may. */
    assert_true(built > steps * 3 / 4);
    assert_true(seen.closed > seen.silent * 3 / 4);
    assert_true(seen.open > steps);
}

static bool is_built(const char *source, const struct row_places *places) {
    struct expression_case it;
    expression_case_init(&it, BINDINGS);
    struct syntax *syntax = expression_case_check(&it, source);
    assert_non_null(syntax);
    struct vector_condition *condition =
        vector_condition_new(expression_build(syntax, &it.arena), places);
    bool is = condition != NULL;
    vector_condition_free(condition);
    expression_case_deinit(&it);
    return is;
}

static void other_kinds_are_left_to_evaluation(void **state) {
    (void)state;
    const struct row_places all = {.first = 0, .count = NAMES, .places = at_places};
    size_t some[NAMES];
    memcpy(some, at_places, sizeof some);
    some[0] = SIZE_MAX;
    const struct row_places but_first = {.first = 0, .count = NAMES, .places = some};
    const struct row_places behind = {.first = 1, .count = NAMES - 1, .places = at_places + 1};
    assert_true(is_built("card.sum > 1.0 && card.count > 1", &all));
    assert_false(is_built("card.sum > 1.0 && card.count > 1", &but_first));
    assert_false(is_built("card.sum > 1.0 && card.count > 1", &behind));
    assert_true(is_built("card.mean > 1.0 && card.count > 1", &behind));
    assert_false(is_built("country == 'DE'", &all));
    assert_false(is_built("card.count > 1 && country.startsWith('D')", &all));
    assert_false(is_built("card.count / 2 > 1", &all));
    assert_false(is_built("(is_new ? card.count : merchant.count) > 1", &all));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hides_no_row_that_speaks),
        cmocka_unit_test(other_kinds_are_left_to_evaluation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
