/* Testing one number for many conditions at once. The constants that 64 conditions compare it with
 * cut the line of numbers into pieces, and for each piece a word says which conditions are still
 * open. So a number is read once, however many tests there are of it, and no branch depends on a
 * single test. Flags are the same for bools. Private to policy/.
 *
 * Numbers with a single bound are cuts. The others are scales, laid out one after the other, each
 * with its words: what is open in each piece, from the least on; then the bounds in ascending
 * order, each the least number of its piece; then what is open if the value is not a number. */
#pragma once

#include "prefilter_test.h"

/* A test that some of 64 conditions need. */
struct gate {
    uint64_t conditions;
    struct test test;
};

struct cut {
    uint32_t slot;
    uint32_t type;    /* enum value_type: it is absent or an error otherwise */
    uint64_t bound;   /* of an int64, or of a double */
    uint64_t open[2]; /* [has the value reached it?] */
    uint64_t conditions;
    uint64_t open_nan;
};

struct scale {
    uint64_t conditions; /* that have tests of it */
    uint32_t slot;
    uint16_t type;
    uint16_t count; /* of bounds */
    uint64_t words[];
};

/* Of all tests of one kind, TEST_INTEGER or TEST_NUMBER. */
struct scales {
    const struct cut *cuts, *cuts_end;
    const struct scale *scales, *scales_end;
};

struct flag {
    uint64_t conditions;
    uint64_t open[2]; /* [value] */
    uint32_t slot;
};

/* Bit i: condition i is still open; one of its gates could not be tested, so it must be evaluated.
 */
struct open_tests {
    uint64_t open, doubtful;
};

void scales_build(struct scales *scales, const struct gate *gates, size_t count,
                  struct arena *arena);
/* Of tests of the kind TEST_TRUE. */
const struct flag *flags_build(const struct gate *gates, size_t count, struct arena *arena,
                               const struct flag **ret_end);

static inline size_t scale_words(size_t bounds) {
    return 2 * bounds + 2;
}

/* An absent value fails the test; with an error only evaluating gives the answer. */
INLINE struct open_tests without_value(uint64_t conditions, const struct value *v,
                                       struct open_tests state) {
    if (v->type == VALUE_ABSENT)
        state.open &= ~conditions;
    else
        state.doubtful |= conditions;
    return state;
}

INLINE struct open_tests pass_flags(const struct flag *flag, const struct flag *end,
                                    const struct value *frame, struct open_tests state) {
    for (; flag < end; flag++) {
        const struct value *v = &frame[flag->slot];
        if (__builtin_expect(v->type == VALUE_BOOL, 1))
            state.open &= flag->open[v->boolean];
        else
            state = without_value(flag->conditions, v, state);
    }
    return state;
}

/* As many bounds are compared one by one: cheaper than another step of the binary search. */
#define SCALE_FEW 3

INLINE bool has_reached(uint64_t bound, const struct value *v, enum test_kind kind) {
    double number;
    if (kind == TEST_INTEGER)
        return v->integer >= (int64_t)bound;
    memcpy(&number, &bound, sizeof number);
    return v->number >= number;
}

/* How many of the ascending bounds the value has reached: a binary search without branches. */
INLINE size_t bounds_reached(const uint64_t *bounds, size_t count, const struct value *v,
                             enum test_kind kind) {
    size_t reached = 0;
    while (count > SCALE_FEW) {
        size_t half = count / 2;
        reached += has_reached(bounds[reached + half - 1], v, kind) ? half : 0;
        count -= half;
    }
    for (size_t i = reached, end = reached + count; i < end; i++)
        reached += has_reached(bounds[i], v, kind);
    return reached;
}

INLINE struct open_tests pass_cuts(const struct cut *cut, const struct cut *end,
                                   enum test_kind kind, const struct value *frame,
                                   struct open_tests state) {
    for (; cut < end; cut++) {
        const struct value *v = &frame[cut->slot];
        if (__builtin_expect(v->type != cut->type, 0))
            state = without_value(cut->conditions, v, state);
        else if (kind == TEST_NUMBER && __builtin_expect(v->number != v->number, 0))
            state.open &= cut->open_nan;
        else
            state.open &= cut->open[has_reached(cut->bound, v, kind)];
    }
    return state;
}

/* kind: of their tests. */
INLINE struct open_tests pass_scales(const struct scales *scales, enum test_kind kind,
                                     const struct value *frame, struct open_tests state) {
    const struct scale *scale = scales->scales, *end = scales->scales_end;
    state = pass_cuts(scales->cuts, scales->cuts_end, kind, frame, state);
    for (size_t count; scale < end;
         scale = (const struct scale *)(scale->words + scale_words(count))) {
        const struct value *v = &frame[scale->slot];
        count = scale->count;
        if (__builtin_expect(v->type != scale->type, 0))
            state = without_value(scale->conditions, v, state);
        else if (kind == TEST_NUMBER && __builtin_expect(v->number != v->number, 0))
            state.open &= scale->words[2 * count + 1];
        else
            state.open &= scale->words[bounds_reached(scale->words + count + 1, count, v, kind)];
    }
    return state;
}
