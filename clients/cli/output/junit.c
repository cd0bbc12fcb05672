/* A suite's cases are gathered before its element is opened, because the counts are attributes of
 * that element. There is no standard; only attributes in common use are written. */
#include "junit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void junit_init(struct junit *junit) {
    *junit = (struct junit){.tests = 0};
    buffer_init(&junit->suites);
    buffer_init(&junit->suite);
}

void junit_deinit(struct junit *junit) {
    buffer_deinit(&junit->suites);
    buffer_deinit(&junit->suite);
}

/* Control characters are not XML. */
static void append_escaped(struct buffer *buffer, struct text text) {
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        switch (c) {
        case '&':
            buffer_append_string(buffer, "&amp;");
            break;
        case '<':
            buffer_append_string(buffer, "&lt;");
            break;
        case '>':
            buffer_append_string(buffer, "&gt;");
            break;
        case '"':
            buffer_append_string(buffer, "&quot;");
            break;
        default:
            buffer_append_u8(buffer, c < 0x20 && c != '\n' ? ' ' : c);
        }
    }
}

/* The name is a literal and needs no escaping. */
static void append_attribute(struct buffer *buffer, const char *name, struct text value) {
    buffer_printf(buffer, " %s=\"", name);
    append_escaped(buffer, value);
    buffer_append_u8(buffer, '"');
}

/* JUnit wants seconds; six decimals keep the microseconds. */
static void append_seconds(struct buffer *buffer, uint64_t us) {
    buffer_printf(buffer, " time=\"%" PRIu64 ".%06" PRIu64 "\"", us / 1000000, us % 1000000);
}

void junit_begin_suite(struct junit *junit, struct text name) {
    buffer_clear(&junit->suite);
    junit->name = name;
    junit->tests = junit->failures = junit->errors = junit->us = 0;
}

/* For the "message", of which CI systems show one line. */
static struct text first_line(struct text t) {
    const char *newline = t.length ? memchr(t.data, '\n', t.length) : NULL;
    if (newline)
        t.length = (size_t)(newline - t.data);
    return t;
}

/* element: "failure" or "error"; NULL: it passed. */
static void add_case(struct junit *junit, const struct junit_case *it, const char *element,
                     struct text text) {
    struct buffer *suite = &junit->suite;
    junit->tests++;
    junit->us += it->us;
    buffer_append_string(suite, "    <testcase");
    append_attribute(suite, "classname", it->class_name);
    append_attribute(suite, "name", it->name);
    append_attribute(suite, "file", it->file);
    buffer_printf(suite, " line=\"%d\"", it->line);
    append_seconds(suite, it->us);
    if (!element) {
        buffer_append_string(suite, "/>\n");
        return;
    }
    buffer_printf(suite, ">\n      <%s", element);
    append_attribute(suite, "message", first_line(text));
    buffer_append_string(suite, ">");
    append_escaped(suite, text);
    buffer_printf(suite, "</%s>\n    </testcase>\n", element);
}

void junit_add(struct junit *junit, const struct junit_case *it, struct text failure) {
    junit->failures += failure.length > 0;
    add_case(junit, it, failure.length > 0 ? "failure" : NULL, failure);
}

void junit_add_error(struct junit *junit, const struct junit_case *it, struct text error) {
    junit->errors++;
    add_case(junit, it, "error", error);
}

/* The same attributes on a suite and on the whole. */
static void append_counts(struct buffer *buffer, uint64_t tests, uint64_t failures, uint64_t errors,
                          uint64_t us) {
    buffer_printf(buffer,
                  " tests=\"%" PRIu64 "\" failures=\"%" PRIu64 "\" errors=\"%" PRIu64
                  "\" skipped=\"0\"",
                  tests, failures, errors);
    append_seconds(buffer, us);
    buffer_append_string(buffer, ">\n");
}

void junit_end_suite(struct junit *junit) {
    buffer_append_string(&junit->suites, "  <testsuite");
    append_attribute(&junit->suites, "name", junit->name);
    append_counts(&junit->suites, junit->tests, junit->failures, junit->errors, junit->us);
    buffer_append(&junit->suites, junit->suite.bytes, junit->suite.length);
    buffer_append_string(&junit->suites, "  </testsuite>\n");
    junit->all_tests += junit->tests;
    junit->all_failures += junit->failures;
    junit->all_errors += junit->errors;
    junit->all_us += junit->us;
}

void junit_write(const struct junit *junit, struct buffer *buffer) {
    buffer_append_string(buffer, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    append_counts(buffer, junit->all_tests, junit->all_failures, junit->all_errors, junit->all_us);
    buffer_append(buffer, junit->suites.bytes, junit->suites.length);
    buffer_append_string(buffer, "</testsuites>\n");
}
