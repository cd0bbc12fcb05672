#include "screen_internal.h"

INLINE enum screen_answer follow(const struct screen *screen, const struct value *frame,
                                 bool is_plain) {
    enum screen_answer yes = SCREEN_YES, no = SCREEN_NO;
    struct list_address address = {0};
    size_t at = 0;
    while (at < END_NO) {
        const struct test *test = &screen->tests[at];
        if (test->kind == TEST_NOTHING) {
            yes = SCREEN_MAYBE;
            at = test->pass;
            continue;
        }
        enum outcome_of_test outcome =
            look(test, (enum test_kind)test->kind, frame, is_plain, &address);
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

enum screen_answer screen_follow(const struct screen *screen, const struct value *frame) {
    return screen->is_plain ? follow(screen, frame, true) : follow_any(screen, frame);
}

enum screen_answer screen_answer(const struct screen *screen, const struct value *frame) {
    if (!screen)
        return SCREEN_MAYBE;
    enum screen_answer said = screen_follow(screen, frame);
    return said == SCREEN_ABSENT ? SCREEN_NO : said;
}

/* Of an &&: what is false wins over what is absent, and that over an error. */
INLINE enum screen_answer value_of_all(const struct screen *screen, const struct value *frame,
                                       bool is_plain) {
    enum screen_answer answer = SCREEN_YES;
    struct list_address address = {0};
    for (const struct test *test = screen->tests, *end = test + screen->count; test < end; test++) {
        enum outcome_of_test outcome =
            look(test, (enum test_kind)test->kind, frame, is_plain, &address);
        if (outcome == PASSES)
            continue;
        if (outcome == FAILS)
            return SCREEN_NO;
        if (outcome == FAILS_ABSENT)
            answer = SCREEN_ABSENT;
        else if (answer == SCREEN_YES)
            answer = SCREEN_MAYBE;
    }
    return answer;
}

static __attribute__((noinline)) enum screen_answer value_of_any(const struct screen *screen,
                                                                 const struct value *frame) {
    if (screen->is_conjunction)
        return value_of_all(screen, frame, false);
    enum screen_answer said = screen_follow(screen, frame);
    return said == SCREEN_ABSENT ? SCREEN_MAYBE : said;
}

enum screen_answer screen_value(const struct screen *screen, const struct value *frame) {
    if (!screen)
        return SCREEN_MAYBE;
    if (screen->is_plain && screen->is_conjunction)
        return value_of_all(screen, frame, true);
    return value_of_any(screen, frame);
}
