/* Edits against a longest common subsequence computed by a table: none is longer than it has to be,
 * and each makes the second text of the first. */
#include "clients/cli/policy/line_diff.h"
#include "core/base/buffer.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

static size_t longer(size_t a, size_t b) {
    return a > b ? a : b;
}

/* The length of the longest common subsequence. */
static size_t common_lines(const struct diff_lines *a, const struct diff_lines *b) {
    size_t *row = calloc(b->count + 1, sizeof *row);
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0, diagonal = 0; j < b->count; j++) {
            size_t above = row[j + 1];
            row[j + 1] =
                text_equal(a->lines[i], b->lines[j]) ? diagonal + 1 : longer(above, row[j]);
            diagonal = above;
        }
    size_t length = row[b->count];
    free(row);
    return length;
}

/* The lines of one text, in order and without gaps. */
static void expect_split(const struct diff_lines *lines, struct text t) {
    size_t at = 0, changed = 0;
    for (size_t i = 0; i < lines->count; i++) {
        assert_ptr_equal(lines->lines[i].data, t.data + at);
        at += lines->lines[i].length;
        bool ends = t.data[at - 1] == '\n';
        assert_true(ends || at == t.length);
        changed += lines->is_changed[i];
    }
    assert_int_equal(at, t.length);
    assert_int_equal(changed, lines->changed);
}

/* What is not changed is the same in both. */
static void expect_edit(const struct line_diff *diff) {
    size_t i = 0, j = 0;
    for (;; i++, j++) {
        while (i < diff->a.count && diff->a.is_changed[i])
            i++;
        while (j < diff->b.count && diff->b.is_changed[j])
            j++;
        if (i == diff->a.count || j == diff->b.count)
            break;
        assert_true(text_equal(diff->a.lines[i], diff->b.lines[j]));
    }
    assert_true(i == diff->a.count && j == diff->b.count);
}

/* Returns the number of changed lines. */
static size_t expect_diff(struct text a, struct text b, bool is_shortest) {
    struct line_diff diff;
    assert_true(line_diff_make(a, b, &diff));
    expect_split(&diff.a, a);
    expect_split(&diff.b, b);
    expect_edit(&diff);
    size_t changed = diff.a.changed + diff.b.changed;
    if (is_shortest) {
        size_t common = common_lines(&diff.a, &diff.b);
        assert_int_equal(diff.a.changed, diff.a.count - common);
        assert_int_equal(diff.b.changed, diff.b.count - common);
    }
    line_diff_deinit(&diff);
    return changed;
}

static void known_texts(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        size_t changed;
    } cases[] = {
        {"", "", 0},
        {"", "a\n", 1},
        {"a\n", "", 1},
        {"a\n", "a\n", 0},
        {"a\n", "a", 2}, /* the line feed is part of the line */
        {"a", "a", 0},
        {"\n\n\n", "\n\n", 1},
        {"a\nb\nc\n", "a\nx\nc\n", 2},
        {"a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n", 5}, /* Myers' own example */
        {"a\nb\nc\n", "c\nb\na\n", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(expect_diff(text_of(cases[i].a), text_of(cases[i].b), true),
                         cases[i].changed);
}

/* Of so many different lines: few make many matches, many make few. */
static void write_lines(uint64_t *seed, size_t lines, unsigned different, struct buffer *out) {
    buffer_clear(out);
    for (size_t i = 0; i < lines; i++)
        buffer_printf(out, "%u\n", (unsigned)(split_mix(seed) % different));
    if (out->length > 0 && split_mix(seed) % 4 == 0)
        out->length--;
}

static void random_texts(void **state) {
    (void)state;
    uint64_t seed = asked_seed(1), steps = asked_steps(20000);
    struct buffer a, b;
    buffer_init(&a);
    buffer_init(&b);
    for (uint64_t i = 0; i < steps; i++) {
        unsigned different = 1 + (unsigned)(split_mix(&seed) % 30);
        write_lines(&seed, split_mix(&seed) % 40, different, &a);
        write_lines(&seed, split_mix(&seed) % 40, different, &b);
        expect_diff(buffer_text(&a), buffer_text(&b), true);
    }
    buffer_deinit(&a);
    buffer_deinit(&b);
}

/* The search goes on past some hundred edits, and gives up the shortest one at some point: the edit
 * is right all the same. */
static void long_edits(void **state) {
    (void)state;
    uint64_t seed = asked_seed(2);
    struct buffer a, b;
    buffer_init(&a);
    buffer_init(&b);
    write_lines(&seed, 600, 20, &a);
    write_lines(&seed, 500, 20, &b);
    expect_diff(buffer_text(&a), buffer_text(&b), true);
    for (unsigned different = 2; different < 20000; different *= 4) {
        write_lines(&seed, 20000, different, &a);
        write_lines(&seed, 20000, different, &b);
        size_t changed = expect_diff(buffer_text(&a), buffer_text(&b), false);
        assert_true(changed > 0 && changed < 40000);
    }
    /* The order of a large list turned round. */
    buffer_clear(&a);
    buffer_clear(&b);
    for (unsigned i = 0; i < 20000; i++) {
        buffer_printf(&a, "%u\n", i);
        buffer_printf(&b, "%u\n", 20000 - i);
    }
    expect_diff(buffer_text(&a), buffer_text(&b), false);
    buffer_deinit(&a);
    buffer_deinit(&b);
}

/* Few changes in a large file are found exactly. */
static void few_changes_in_many_lines(void **state) {
    (void)state;
    struct buffer a, b;
    buffer_init(&a);
    buffer_init(&b);
    for (unsigned i = 0; i < 200000; i++) {
        buffer_printf(&a, "%u\n", i % 977);
        if (i % 1000 != 500)
            buffer_printf(&b, "%u\n", i % 977);
        if (i % 1000 == 700)
            buffer_printf(&b, "%u\n", i % 976);
    }
    assert_int_equal(expect_diff(buffer_text(&a), buffer_text(&b), false), 400);
    buffer_deinit(&a);
    buffer_deinit(&b);
}

static void too_many_lines(void **state) {
    (void)state;
    struct line_diff diff;
    char *lines = malloc(LINE_DIFF_LINES_MAX);
    memset(lines, '\n', LINE_DIFF_LINES_MAX);
    struct text half = {lines, LINE_DIFF_LINES_MAX / 2}, more = {lines, half.length + 1};
    assert_int_equal(expect_diff(half, half, false), 0);
    assert_false(line_diff_make(half, more, &diff));
    free(lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts),    cmocka_unit_test(random_texts),
        cmocka_unit_test(long_edits),     cmocka_unit_test(few_changes_in_many_lines),
        cmocka_unit_test(too_many_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
