/* The tests of a prefilter: prefilter_build.c makes them, prefilter.c and prefilter_set.c run them.
 * Private to policy/.
 *
 * A prefilter is an array of tests. Each reads one name, sometimes two, and has two successors, for
 * passing and for failing: a later test or an end. A part of the condition that is not a test
 * (TEST_NOTHING) passes unseen, and the answer then is PREFILTER_MAYBE instead of PREFILTER_YES. A
 * name whose value is an error gives PREFILTER_MAYBE at once: only evaluating tells the result.
 *
 * `!` is moved down to the tests, which it inverts (`inverted`): De Morgan's laws hold with errors
 * and absent values, too. An absent value fails a test whether it is inverted or not. */
#pragma once

#include "core/base/check.h"
#include "core/policy/lists/list.h"

enum test_kind {
    TEST_TRUE,    /* a bool */
    TEST_INTEGER, /* within low…high: int, timestamp, duration */
    TEST_NUMBER,  /* within low…high: double */
    TEST_PRESENT, /* has(name) */
    TEST_TEXT,    /* equal to the text */
    TEST_TEXTS,   /* one of the texts */
    TEST_NUMBERS, /* a double, in relation to a factor times another */
    TEST_SAME,    /* a text, equal to another one */
    TEST_LIST,    /* in the list */
    TEST_NOTHING, /* passes unseen */
};
#define GATE_KINDS TEST_NOTHING /* those before it look at something */

enum relation { LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL };

struct test {
    uint32_t slot;
    uint8_t kind;
    uint8_t type;        /* enum value_type: the name's, unless it is absent or an error */
    bool inverted;       /* by `!`: passes if it would fail, but for absent values */
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
        uint32_t same; /* slot */
    };
};

struct prefilter {
    uint32_t count;
    bool is_plain;       /* no list, no two texts, none of more than TEXT_SHORT_MAX bytes */
    bool is_conjunction; /* every part is a test, and all of them are needed */
    struct test tests[];
};

#define END_NO  0xfffeu
#define END_YES 0xffffu

/* ---- looking ---- */

#define INLINE static inline __attribute__((always_inline))

enum outcome_of_test { FAILS, PASSES, FAILS_ABSENT, UNKNOWN };

INLINE enum outcome_of_test outcome(const struct test *test, bool in) {
    return (enum outcome_of_test)(in ^ test->inverted);
}

/* Without a call, which most prefilters can do without: the texts they know are short. */
INLINE bool is_known_text(struct text text, struct text known, bool is_plain) {
    if (!is_plain)
        return text_equal(text, known);
    return text.length == known.length && text_equal_short(text, known);
}

INLINE bool is_one_of(struct text text, const struct value *values, size_t count, bool is_plain) {
    for (size_t i = 0; i < count; i++)
        if (is_known_text(text, values[i].text, is_plain))
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

INLINE enum outcome_of_test look_at_numbers(const struct test *test, const struct value *frame) {
    const struct value *v = &frame[test->slot], *other = &frame[test->numbers.other];
    if (v->type == VALUE_ERROR || other->type == VALUE_ERROR)
        return UNKNOWN;
    if (v->type == VALUE_ABSENT || other->type == VALUE_ABSENT)
        return FAILS_ABSENT;
    return outcome(
        test, is_related(v->number, test->numbers.relation, test->numbers.factor * other->number));
}

INLINE enum outcome_of_test look_at_texts(const struct test *test, const struct value *frame) {
    const struct value *v = &frame[test->slot], *other = &frame[test->same];
    if (v->type == VALUE_TEXT && other->type == VALUE_TEXT)
        return outcome(test, text_equal(v->text, other->text));
    return v->type == VALUE_ERROR || other->type == VALUE_ERROR ? UNKNOWN : FAILS_ABSENT;
}

INLINE enum outcome_of_test look_in_list(const struct test *test, const struct value *frame,
                                         struct list_address *address) {
    struct value found = list_contains_near(test->list, &frame[test->slot], frame, address);
    return found.type == VALUE_BOOL ? outcome(test, found.boolean) : UNKNOWN;
}

/* kind is the test's, where the caller knows it beforehand. is_plain: it is a test of a plain
 * prefilter. address: what lists have parsed last. */
INLINE enum outcome_of_test look(const struct test *test, enum test_kind kind,
                                 const struct value *frame, bool is_plain,
                                 struct list_address *address) {
    const struct value *v = &frame[test->slot];
    if (kind == TEST_NUMBERS)
        return look_at_numbers(test, frame);
    if (kind == TEST_SAME)
        return is_plain ? UNKNOWN : look_at_texts(test, frame);
    if (kind == TEST_PRESENT)
        return v->type == VALUE_ERROR ? UNKNOWN : outcome(test, v->type != VALUE_ABSENT);
    if (v->type != test->type)
        return v->type == VALUE_ABSENT ? FAILS_ABSENT : UNKNOWN;
    switch (kind) {
    case TEST_TRUE:
        return outcome(test, v->boolean);
    case TEST_INTEGER:
        return outcome(test, v->integer >= test->integer.low && v->integer <= test->integer.high);
    case TEST_NUMBER:
        return outcome(test, v->number >= test->number.low && v->number <= test->number.high);
    case TEST_TEXT:
        return outcome(test, is_known_text(v->text, test->text, is_plain));
    case TEST_TEXTS:
        return outcome(test, is_one_of(v->text, test->texts.values, test->texts.count, is_plain));
    case TEST_LIST:
        return is_plain ? UNKNOWN : look_in_list(test, frame, address);
    case TEST_PRESENT:
    case TEST_NUMBERS:
    case TEST_SAME:
    case TEST_NOTHING:
        break;
    }
    return PASSES;
}
