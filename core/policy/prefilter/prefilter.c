/* Running a single prefilter. Each function exists twice: plain prefilters, which are most, compile
 * to code without any call; the others go through the general copy, which is kept out of line. */
#include "prefilter.h"

#include "prefilter_test.h"

INLINE enum prefilter_answer follow(const struct prefilter *prefilter, const struct value *frame,
                                    bool is_plain) {
    enum prefilter_answer yes = PREFILTER_YES, no = PREFILTER_NO;
    struct list_address address = {0};
    size_t at = 0;
    while (at < END_NO) {
        const struct test *test = &prefilter->tests[at];
        if (test->kind == TEST_NOTHING) {
            yes = PREFILTER_MAYBE;
            at = test->pass;
            continue;
        }
        enum outcome_of_test outcome =
            look(test, (enum test_kind)test->kind, frame, is_plain, &address);
        if (outcome == UNKNOWN)
            return PREFILTER_MAYBE;
        if (outcome == FAILS_ABSENT)
            no = PREFILTER_ABSENT;
        at = outcome == PASSES ? test->pass : test->fail;
    }
    return at == END_NO ? no : yes;
}

static __attribute__((noinline)) enum prefilter_answer follow_any(const struct prefilter *prefilter,
                                                                  const struct value *frame) {
    return follow(prefilter, frame, false);
}

enum prefilter_answer prefilter_follow(const struct prefilter *prefilter,
                                       const struct value *frame) {
    return prefilter->is_plain ? follow(prefilter, frame, true) : follow_any(prefilter, frame);
}

/* A rule does not care whether its condition is false or absent: it does not fire. */
enum prefilter_answer prefilter_answer(const struct prefilter *prefilter,
                                       const struct value *frame) {
    if (!prefilter)
        return PREFILTER_MAYBE;
    enum prefilter_answer said = prefilter_follow(prefilter, frame);
    return said == PREFILTER_ABSENT ? PREFILTER_NO : said;
}

/* The value of an && whose operands are all tests: false wins over absent, absent over an error. */
INLINE enum prefilter_answer value_of_all(const struct prefilter *prefilter,
                                          const struct value *frame, bool is_plain) {
    enum prefilter_answer answer = PREFILTER_YES;
    struct list_address address = {0};
    for (const struct test *test = prefilter->tests, *end = test + prefilter->count; test < end;
         test++) {
        enum outcome_of_test outcome =
            look(test, (enum test_kind)test->kind, frame, is_plain, &address);
        if (outcome == PASSES)
            continue;
        if (outcome == FAILS)
            return PREFILTER_NO;
        if (outcome == FAILS_ABSENT)
            answer = PREFILTER_ABSENT;
        else if (answer == PREFILTER_YES)
            answer = PREFILTER_MAYBE;
    }
    return answer;
}

static __attribute__((noinline)) enum prefilter_answer
value_of_any(const struct prefilter *prefilter, const struct value *frame) {
    if (prefilter->is_conjunction)
        return value_of_all(prefilter, frame, false);
    enum prefilter_answer said = prefilter_follow(prefilter, frame);
    return said == PREFILTER_ABSENT ? PREFILTER_MAYBE : said;
}

enum prefilter_answer prefilter_value(const struct prefilter *prefilter,
                                      const struct value *frame) {
    if (!prefilter)
        return PREFILTER_MAYBE;
    if (prefilter->is_plain && prefilter->is_conjunction)
        return value_of_all(prefilter, frame, true);
    return value_of_any(prefilter, frame);
}
