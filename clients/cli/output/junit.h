/* JUnit XML, in the form that CI systems read: a suite for each policy, a test case for each case.
 *
 * Filled case by case; the caller writes it to a file at the end. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/text.h"

#include <stdint.h>

struct junit {
    struct buffer suites; /* those that are finished */
    struct buffer suite;  /* the cases of the one at work */
    struct text name;     /* its name; the caller's, until junit_end_suite() */
    uint64_t tests, failures, errors, us;
    uint64_t all_tests, all_failures, all_errors, all_us;
};

struct junit_case {
    struct text class_name, name, file;
    int line;
    uint64_t us;
};

void junit_init(struct junit *junit);
void junit_deinit(struct junit *junit);

void junit_begin_suite(struct junit *junit, struct text name);
/* failure: what differs, over several lines; .length 0: it passed. */
void junit_add(struct junit *junit, const struct junit_case *it, struct text failure);
/* Something that kept the suite's cases from being run. */
void junit_add_error(struct junit *junit, const struct junit_case *it, struct text error);
void junit_end_suite(struct junit *junit);

/* Appends the whole document. */
void junit_write(const struct junit *junit, struct buffer *buffer);
