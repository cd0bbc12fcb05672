/* YAML into nodes with places, and places inside texts. */
#include "core/policy/source/tree.h"
#include "tests/unit/unit.h"

struct bench {
    struct source source;
    struct arena arena;
    struct diagnostics diagnostics;
    struct tree_node *root;
};

static void bench_init(struct bench *bench, const char *content) {
    bench->source = (struct source){.path = TEXT_LITERAL("t.yaml"), .content = text_of(content)};
    arena_init(&bench->arena, 64u << 20);
    diagnostics_init(&bench->diagnostics);
    bench->root = tree_parse(&bench->source, &bench->arena, &bench->diagnostics);
}

static void bench_deinit(struct bench *bench) {
    diagnostics_deinit(&bench->diagnostics);
    arena_deinit(&bench->arena);
}

static const struct tree_node *child(const struct tree_node *node, const char *key) {
    for (const struct tree_node *item = node->first; item; item = item->next)
        if (text_is(item->key->text, key))
            return item;
    fail_msg("no key %s", key);
    return NULL;
}

static void test_nodes(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench,
               "# head\na: 1\nlist:\n  - x\n  - {b: 'y z', c: []}\nlast: |\n  one\n  two\n");
    assert_int_equal(bench.diagnostics.errors, 0);
    const struct tree_node *a = child(bench.root, "a"), *list = child(bench.root, "list");
    assert_int_equal(bench.root->child_count, 3);
    assert_int_equal(a->kind, TREE_TEXT);
    assert_true(text_is(a->text, "1"));
    assert_int_equal(a->line, 2);
    assert_int_equal(a->column, 4);
    assert_int_equal(a->key->column, 1);
    assert_int_equal(list->kind, TREE_LIST);
    assert_int_equal(list->child_count, 2);
    const struct tree_node *b = child(list->last, "b");
    assert_true(text_is(b->text, "y z"));
    assert_int_equal(b->style, TREE_SINGLE_QUOTED);
    assert_int_equal(b->line, 5);
    assert_int_equal(b->column, 9);
    assert_int_equal(child(list->last, "c")->child_count, 0);
    assert_true(text_is(child(bench.root, "last")->text, "one\ntwo\n"));
    bench_deinit(&bench);
}

static void test_ends(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, "text: one\n"
                       "flow: {a: [1,\n"
                       "  2], b: 3\n"
                       "  } # behind it\n"
                       "block:\n"
                       "  inner:\n"
                       "  - x\n"
                       "  - y: {}\n"
                       "\n"
                       "# of the next\n"
                       "last: 'a\n"
                       "  b'\n");
    const struct tree_node *flow = child(bench.root, "flow"), *block = child(bench.root, "block");
    assert_int_equal(child(bench.root, "text")->end_line, 1);
    assert_true(flow->has_brackets && !block->has_brackets && !bench.root->has_brackets);
    assert_int_equal(flow->end_line, 4);
    assert_int_equal(child(flow, "a")->end_line, 3);
    assert_int_equal(block->end_line, 8);
    assert_int_equal(child(block, "inner")->end_line, 8);
    assert_true(child(child(block, "inner")->last, "y")->has_brackets);
    assert_int_equal(child(bench.root, "last")->end_line, 12);
    assert_int_equal(bench.root->end_line, 12);
    bench_deinit(&bench);
}

static void test_empty(void **state) {
    (void)state;
    static const char *const contents[] = {"", "\n", "# only a comment\n", "---\n", "\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        struct bench bench;
        bench_init(&bench, contents[i]);
        assert_non_null(bench.root);
        assert_int_equal(bench.diagnostics.errors, 0);
        assert_int_equal(bench.root->child_count, 0);
        bench_deinit(&bench);
    }
}

/* Every style of text: the place of the X in the value is the place of the X in the file. */
static void test_locate(void **state) {
    (void)state;
    static const char *const contents[] = {
        "v: abc X def\n",
        "v:   abc X\n",
        "v: \"abc X\"\n",
        "v: 'it''s ''X'\n",
        "v: \"a\\\"b\\\\ \\x41\\u00e9\\U0001F600\\n\\t X\"\n",
        "v: größe 😀 X\n",
        "v: 'größe X'\n",
        "v: |\n  abc\n    def X\n",
        "v: >\n  abc\n  def X\n\n  ghi\n",
        "v: >-  # a comment, X-free\n\n\n    abc\n\n    X\n",
        "v: abc\n  def\n\n  ghi X\n",
        "v: 'abc\n\n  def X'\n",
        "v: \"abc \\\n    def X\"\n",
        "v: \"abc\\n\n    def X\"\n",
        "\xef\xbb\xbfv: abc X\n",
        "v: abc X\r\n",
        "v: |\r\n  abc\r\n  X\r\n",
        "v: X\n",
        "{v: X, w: 1}\n",
        "v: |+\n  abc\n\n  X\n\n\n",
        "v: |2\n    abc X\n",
    };
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        struct bench bench;
        bench_init(&bench, contents[i]);
        assert_non_null(bench.root);
        const struct tree_node *v = child(bench.root, "v");
        const char *in_value = memchr(v->text.data, 'X', v->text.length);
        assert_non_null(in_value);
        /* In the file it is the last X; count lines and characters up to it. */
        const char *in_file = strrchr(contents[i], 'X');
        size_t line = 1, column = 1;
        const char *at = contents[i];
        if (strncmp(at, "\xef\xbb\xbf", 3) == 0)
            at += 3;
        for (; at < in_file; at++) {
            column += ((unsigned char)*at & 0xc0) != 0x80;
            if (*at == '\n') {
                line++;
                column = 1;
            }
        }
        struct position found = tree_locate(&bench.source, v, (size_t)(in_value - v->text.data), 1);
        if (found.line != line || found.column != column)
            fail_msg("%s: %zu:%zu, expected %zu:%zu", contents[i], found.line, found.column, line,
                     column);
        bench_deinit(&bench);
    }
}

/* The end of a text is behind its last character. */
static void test_locate_end(void **state) {
    (void)state;
    static const struct {
        const char *content;
        size_t line, column;
    } rows[] = {
        {"v: abc\n", 1, 7},        {"v: 'abc'\n", 1, 8}, {"v: ''\n", 1, 5},
        {"v: |\n  abc\n\n", 2, 6}, {"v: äb\n", 1, 6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench bench;
        bench_init(&bench, rows[i].content);
        const struct tree_node *v = child(bench.root, "v");
        struct position found = tree_locate(&bench.source, v, v->text.length, 1);
        assert_int_equal(found.line, rows[i].line);
        assert_int_equal(found.column, rows[i].column);
        bench_deinit(&bench);
    }
}

static void test_many_keys(void **state) {
    (void)state;
    char *content = calloc(1, 40000), *at = content;
    for (int i = 0; i < 1500; i++)
        at += sprintf(at, "key_%d: %d\n", i, i);
    struct bench bench;
    bench_init(&bench, content);
    assert_int_equal(bench.diagnostics.errors, 1);
    assert_int_equal(bench.root->child_count, TREE_CHILDREN_MAX);
    assert_true(bench.root->broken);
    bench_deinit(&bench);
    free(content);
}

/* libyaml's time grows with the square of the nesting: a million levels must end at the limit. */
static void test_deep(void **state) {
    (void)state;
    static const char *const openings[] = {"[", "{", "- "};
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        char *content = calloc(1, 1000001), *at = content;
        while (at - content < 999990)
            at = stpcpy(at, openings[i]);
        struct bench bench;
        bench_init(&bench, content);
        assert_null(bench.root);
        assert_true(bench.diagnostics.errors >= 1 &&
                    bench.diagnostics.errors <= TREE_DEPTH_MAX + 1);
        bench_deinit(&bench);
        free(content);
    }
}

static void test_diagnostics(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, "a: b\n");
    struct position at = {.line = 1, .column = 4, .length = 1};
    for (int i = 0; i < 300; i++)
        diagnostic_add(&bench.diagnostics, &bench.source, at, "fault %d", i);
    struct buffer buffer;
    buffer_init(&buffer);
    diagnostics_write(&bench.diagnostics, &buffer);
    buffer_append_u8(&buffer, 0);
    static const char first[] =
        "t.yaml:1:4: fault 0\n    1 | a: b\n      |    ^\nt.yaml:1:4: fault 1\n";
    assert_memory_equal(buffer.bytes, first, sizeof first - 1);
    assert_non_null(strstr((const char *)buffer.bytes, "… and 100 more\n"));
    struct error error;
    assert_int_equal(diagnostics_error(&bench.diagnostics, &error), -ERROR_INVALID);
    assert_string_equal(error.text, "t.yaml:1:4: fault 0 (and 299 more)");
    buffer_deinit(&buffer);
    bench_deinit(&bench);
}

static void test_near(void **state) {
    (void)state;
    static const struct {
        const char *wanted, *candidate;
        bool hint;
    } rows[] = {
        {"amuont", "amount", true}, {"amount", "merchant", false}, {"x", "y", false},
        {"ab", "ba", true},         {"ab", "cd", false},           {"itmes", "items", true},
        {"", "a", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct near near = near_to(text_of(rows[i].wanted));
        near_try(&near, text_of(rows[i].candidate));
        char hint[NEAR_HINT_SIZE];
        assert_int_equal(*near_hint(&near, hint) != '\0', rows[i].hint);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes),      cmocka_unit_test(test_ends),
        cmocka_unit_test(test_empty),      cmocka_unit_test(test_locate),
        cmocka_unit_test(test_locate_end), cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_deep),       cmocka_unit_test(test_diagnostics),
        cmocka_unit_test(test_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
