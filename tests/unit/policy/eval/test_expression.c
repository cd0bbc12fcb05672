/* The cases of tests/cases/expressions (argument: their folder), and what a table cannot say:
 * costs, limits, the canonical form, who may read what. */
#include "tests/unit/policy/expression_case.h"

#include "core/policy/eval/compile.h"
#include "core/policy/eval/function.h"
#include "core/policy/eval/value_order.h"
#include "tests/unit/unit.h"

#include <dirent.h>

static const char *cases_folder;

/* ------------------------------------------------------------------------------------------------
 * The table */

/* Is it what the checker said, down to the last item? */
static bool has_type(struct value v, type_code type) {
    if (v.type == VALUE_ABSENT || v.type == VALUE_ERROR)
        return true;
    if (v.type != type_kind(type))
        return false;
    for (size_t i = 0; type_depth(type) > 0 && i < v.items->count; i++) {
        bool key = v.type == VALUE_MAP && i % 2 == 0;
        if (v.items->values[i].type == VALUE_ABSENT || v.items->values[i].type == VALUE_ERROR ||
            !has_type(v.items->values[i], key ? type_key(type) : type_element(type)))
            return false;
    }
    return true;
}

static void run_to_text(struct expression_case *it, const char *source, char *ret_string,
                        size_t size) {
    struct syntax *syntax = expression_case_check(it, source);
    if (!syntax) {
        snprintf(ret_string, size, "refused %zu %s", it->diagnostic_offset, it->diagnostic);
        return;
    }
    const struct expression *expression = expression_build(syntax, &it->arena);
    struct value v = expression_eval(expression, it->frame, &it->arena);
    type_code type = expression_type(expression);
    expression_case_print(v, type, ret_string, size);
    if (!has_type(v, type))
        snprintf(ret_string, size, "a %s where the checker said %s", value_type_name(v.type),
                 type_code_name(type).string);
}

/* The canonical form means the same, and is its own canonical form. */
static void check_canonical(const char *where, const char *source, const char *bindings) {
    struct expression_case it;
    expression_case_init(&it, bindings);
    char plain[1000], again[1000];
    run_to_text(&it, source, plain, sizeof plain);
    struct syntax *syntax = expression_case_check(&it, source);
    if (syntax) {
        struct buffer first, second;
        buffer_init(&first);
        buffer_init(&second);
        syntax_print(syntax, &first);
        buffer_append_u8(&first, 0);
        run_to_text(&it, (const char *)first.bytes, again, sizeof again);
        if (strcmp(plain, again) != 0)
            fail_msg("%s: %s is %s, its canonical form %s is %s", where, source, plain,
                     (const char *)first.bytes, again);
        syntax_print(expression_case_check(&it, (const char *)first.bytes), &second);
        buffer_append_u8(&second, 0);
        assert_string_equal((const char *)first.bytes, (const char *)second.bytes);
        buffer_deinit(&first);
        buffer_deinit(&second);
    }
    expression_case_deinit(&it);
}

static size_t run_line(const char *where, char *line) {
    char *rest = line;
    const char *source = strsep(&rest, "\t"), *bindings = strsep(&rest, "\t"), *expected = rest;
    if (!expected)
        fail_msg("%s: not three columns", where);
    struct expression_case it;
    expression_case_init(&it, bindings);
    char found[1000];
    run_to_text(&it, source, found, sizeof found);
    expression_case_deinit(&it);
    /* An empty text prints as nothing behind its type; editors like to trim that. */
    size_t length = strlen(found);
    while (length > 0 && found[length - 1] == ' ')
        found[--length] = '\0';
    if (strcmp(found, expected) != 0) {
        print_error("%s: %s\n  expected %s\n  found    %s\n", where, source, expected, found);
        return 1;
    }
    check_canonical(where, source, bindings);
    return 0;
}

static size_t run_file(const char *name, size_t *cases) {
    char path[4096], *line = NULL;
    snprintf(path, sizeof path, "%s/%s", cases_folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t capacity = 0, number = 0, failures = 0;
    ssize_t length;
    while ((length = getline(&line, &capacity, file)) > 0) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        char where[300];
        snprintf(where, sizeof where, "%s:%zu", name, number);
        failures += run_line(where, line);
        ++*cases;
    }
    free(line);
    fclose(file);
    return failures;
}

static void test_table(void **state) {
    (void)state;
    DIR *directory = opendir(cases_folder);
    assert_non_null(directory);
    size_t cases = 0, failures = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory)))
        if (strstr(entry->d_name, ".tsv"))
            failures += run_file(entry->d_name, &cases);
    closedir(directory);
    assert_true(cases >= 900);
    assert_int_equal(failures, 0);
}

/* ------------------------------------------------------------------------------------------------
 * Limits and costs */

static uint32_t cost_of(const char *source, const char *bindings) {
    struct expression_case it;
    expression_case_init(&it, bindings);
    struct syntax *syntax = expression_case_check(&it, source);
    if (!syntax)
        fail_msg("%s: %s", source, it.diagnostic);
    uint32_t cost = expression_cost(expression_build(syntax, &it.arena));
    expression_case_deinit(&it);
    return cost;
}

static void test_cost(void **state) {
    (void)state;
    assert_int_equal(cost_of("amount", "amount:double=1"), 1);
    assert_int_equal(cost_of("amount < 5.0", "amount:double=1"), 3);
    assert_int_equal(cost_of("1 + 2 * 3", ""), 1); /* folded */
    assert_int_equal(cost_of("n + (2 * 3)", "n:int=1"), 3);
    /* the dearer branch */
    assert_int_equal(cost_of("a ? n : n + n", "a:bool=true; n:int=1"), 5);
    /* every item of a list may be looked at */
    assert_int_equal(cost_of("n in [1, 2, 3, 4]", "n:int=1"), 6);
    assert_int_equal(cost_of("a && b && a", "a:bool=true; b:bool=true"), 4);
    assert_int_equal(cost_of("has(n)", "n:int=1"), 1);
    assert_int_equal(cost_of("n in lists.transit", "n:string=1"), 2);
    assert_int_equal(cost_of("thresholds.flat > 1.0", ""), 3);
}

static void test_cost_of_lists(void **state) {
    (void)state;
    assert_int_equal(cost_of("[1, 2, 3].all(x, x > 0)", ""), 1); /* folded */
    /* [n, 2]: 3; for each of two items x > 0 and two more */
    assert_int_equal(cost_of("[n, 2].all(x, x > 0)", "n:int=1"), 1 + 3 + 2 * (2 + 3));
    assert_int_equal(cost_of("[n, 2].map(x, x > 0, x)", "n:int=1"), 1 + 3 + 2 * (2 + 3 + 1));
    assert_int_equal(cost_of("[1, 2].map(x, [n].map(y, x))", "n:int=1"),
                     1 + 1 + 2 * (2 + 1 + 2 + 1 * (2 + 1)));
    /* a second variable is one more for each item */
    assert_int_equal(cost_of("[n, 2].all(i, x, x > i)", "n:int=1"), 1 + 3 + 2 * (3 + 3));
    assert_int_equal(cost_of("[n, 2].transformList(i, x, x > 0, i)", "n:int=1"),
                     1 + 3 + 2 * (3 + 3 + 1));
    /* a map with as many entries as its range, and with its items */
    assert_int_equal(cost_of("[n, 2].transformMap(i, x, x).all(k, v, true)", "n:int=1"),
                     1 + (1 + 3 + 2 * (3 + 1)) + 2 * (3 + 1));
    assert_int_equal(cost_of("[[n, 2, 3]].all(i, l, l.all(x, true))", "n:int=1"),
                     1 + (1 + 4) + 3 * (3 + (1 + 1 + 3 * (2 + 1))));
    assert_int_equal(cost_of("[n, 2][0]", "n:int=1"), 1 + 3 + 1);
    assert_int_equal(cost_of("{\"a\": n}.a", "n:int=1"), 1 + (1 + 2 + 1) + 1);
    assert_int_equal(cost_of("[1, 2, n] == [1, 2, 3]", "n:int=1"), 1 + 4 + 1 + 3);
    assert_int_equal(cost_of("[n] + [1, 2]", "n:int=1"), 1 + 2 + 1 + 3);
    /* what is joined is longer */
    assert_int_equal(cost_of("([n] + [1, 2]).all(x, true)", "n:int=1"), 1 + 7 + 3 * (2 + 1));
    assert_int_equal(cost_of("[1].filter(x, x > n).all(y, true)", "n:int=1"),
                     1 + (1 + 1 + 1 * (2 + 3)) + 1 * (2 + 1));
    /* and its 4,096 bytes */
    assert_int_equal(cost_of("s.split(\",\")", "s:string=a"), 1 + 2 + 256 + 1024);
    assert_int_equal(cost_of("s.split(\",\", 3)", "s:string=a"), 1 + 3 + 3 + 1024);
    assert_int_equal(cost_of("s.split(\",\", 3).all(x, true)", "s:string=a"), 1 + 7 + 1024 + 3 * 3);
    assert_int_equal(cost_of("s.split(\",\", 3).join()", "s:string=a"),
                     1 + 7 + 1024 + 3 + 3 * 1024);
    /* of a repeated character all counts wait at once, unless they begin at one place */
    assert_true(cost_of("s.matches(\"[0-9]{16}\")", "s:string=a") >
                5 * cost_of("s.matches(\"^[0-9]{16}\")", "s:string=a"));
}

/* The work of a macro multiplies; too much of it is refused, also where it would be done at load.
 */
static void test_cost_is_limited(void **state) {
    (void)state;
    struct expression_case it;
    static const char *const sources[] = {
        "s.split(\"\").all(a, s.split(\"\").all(b, s.split(\"\").all(c, a + b + c != s)))",
        "\"x\".split(\"\").all(a, \"x\".split(\"\").all(b, \"x\".split(\"\").all(c, a + b + c != "
        "a)))",
    };
    for (size_t i = 0; i < 2; i++) {
        expression_case_init(&it, "s:string=x");
        assert_null(expression_case_check(&it, sources[i]));
        assert_non_null(strstr(it.diagnostic, "steps; expected at most 100000"));
        expression_case_deinit(&it);
    }
}

/* count times `before`, `middle`, count times `after` */
static char *repeated(const char *before, const char *middle, const char *after, size_t count) {
    size_t size = count * (strlen(before) + strlen(after)) + strlen(middle) + 1;
    char *text = calloc(1, size), *at = text;
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, before);
    at = stpcpy(at, middle);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, after);
    return text;
}

static void expect(char *source, const char *expected) {
    struct expression_case it;
    expression_case_init(&it, "n:int=1; a:bool=false; s:string=0123456789");
    char found[1000];
    run_to_text(&it, source, found, sizeof found);
    assert_string_equal(found, expected);
    expression_case_deinit(&it);
    free(source);
}

static void test_limits(void **state) {
    (void)state;
    expect(repeated("(", "n", ")", 64), "int 1");
    expect(repeated("(", "n", ")", 65), "refused 65 nested too deeply: at most 64 levels");
    expect(repeated("!", "a", "", 64), "bool false");
    expect(repeated("!", "a", "", 65), "refused 65 nested too deeply: at most 64 levels");
    expect(repeated("n == 1 ? n : ", "2", "", 64), "int 1");
    expect(repeated("1 in [n, ", "n", "]", 65), "refused 582 nested too deeply: at most 64 levels");
    expect(repeated("", "n", " + n", 200), "int 201");
    expect(repeated("", "n", " + n", 260),
           "refused 1002 too many operators in a row: at most 250; use a list or computed values");
    /* && and || chains are one node, however long */
    expect(repeated("", "a", " || a", 1600), "bool false");
    expect(repeated("a || ", "true", "", 1600), "bool true");
    expect(repeated("", "n", " ", 10000), "refused 0 the expression has 10001 bytes: at most 8192");
}

/* What the texts of an expression take is of the order of its source, however many there are. */
static void test_memory(void **state) {
    (void)state;
    char *items = repeated("'', ", "''", "", 2000), source[9000];
    snprintf(source, sizeof source, "'a' in [%s]", items);
    struct expression_case it;
    expression_case_init(&it, "");
    size_t before = it.arena.used;
    assert_non_null(expression_case_check(&it, source));
    assert_true(it.arena.used - before < 200 * strlen(source));
    expression_case_deinit(&it);
    free(items);
}

/* Four bytes a step, 128 where texts are compared, of the longest that they can be. */
static void test_cost_of_texts(void **state) {
    (void)state;
    assert_int_equal(cost_of("s.contains(\"12345678\")", "s:string=a"), 1 + 2 + 1024 + 2);
    assert_int_equal(cost_of("s.startsWith(\"a\")", "s:string=a"), 1 + 2);
    assert_int_equal(cost_of("s == \"a\"", "s:string=a"), 1 + 2 + 32);
    assert_int_equal(cost_of("string(n).size()", "n:int=1"), 1 + 2 + 64 / 4);
    assert_int_equal(cost_of("(string(n) + string(n)).size()", "n:int=1"),
                     1 + (1 + 4 + 2 * 64 / 4) + 2 * 64 / 4);
    assert_int_equal(cost_of("s.lastIndexOf(\"12345678\")", "s:string=a"),
                     1 + 2 + 1024 + 2 + 4096 * 8 / 64);
    /* what no text is read of costs nothing */
    assert_int_equal(cost_of("(s.size() + 1) * 2 > n", "s:string=a; n:int=1"),
                     1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1024);
    /* comparing 4,096 bytes with as many from the end is expensive */
    struct expression_case it;
    expression_case_init(&it, "s:string=a; t:string=b");
    assert_null(
        expression_case_check(&it, "s.split(\"\", 40).all(x, (t + t).lastIndexOf(s + t) < 0)"));
    assert_non_null(strstr(it.diagnostic, "steps; expected at most 100000"));
    expression_case_deinit(&it);
}

/* All that is built of literals when an expression is compiled takes no more together than what one
 * evaluation may build: parts that stay small leave as little. */
static void test_memory_of_constants(void **state) {
    (void)state;
    static const char list[] = "('aaaaaaaaaaaaaaaa'.replace('a', 'aaaaaaaaaaaaaaaa').split('')";
    for (size_t count = 1; count <= 100; count += 99) {
        char *maps = repeated("", list, ".map(x, x)", count), source[9000];
        snprintf(source, sizeof source, "%s).size()", maps);
        struct expression_case it;
        expression_case_init(&it, "");
        struct syntax *syntax = expression_case_check(&it, source);
        assert_non_null(syntax);
        size_t before = it.arena.used;
        struct value v = expression_eval(expression_build(syntax, &it.arena), it.frame, &it.arena);
        assert_int_equal(v.type, count == 1 ? VALUE_INT : VALUE_ERROR);
        assert_true(it.arena.used - before < EXPRESSION_MEMORY_MAX + 100 * strlen(source));
        expression_case_deinit(&it);
        free(maps);
    }
}

static void note_end(struct reporter *reporter, size_t offset, size_t length, const char *text) {
    struct expression_case *it =
        (struct expression_case *)((char *)reporter - offsetof(struct expression_case, reporter));
    (void)text;
    it->diagnostic_offset = offset + length;
}

/* An error is underlined where there is source. */
static void test_diagnostics_end_with_the_source(void **state) {
    (void)state;
    static const char *const sources[] = {"'a\\", "'", "\"\\x1", "b'", "1.", "0x", "a =", "1u"};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct expression_case it;
        expression_case_init(&it, "a:int=1");
        it.reporter.report = note_end;
        assert_null(expression_case_check(&it, sources[i]));
        assert_in_range(it.diagnostic_offset, 0, strlen(sources[i]));
        expression_case_deinit(&it);
    }
}

/* All that can wait on the stack at once, at the deepest nesting. */
static void test_stack(void **state) {
    (void)state;
    expect(repeated("a || true && 1 < 2 + 3 * (a ? 1 : size(string(", "n", ")))", 15), "bool true");
    expect(repeated("n in [1 + 2 * size(string(", "n in [2] ? 1 : 2", "))]  ? 1 : 2", 15), "int 2");
    expect(repeated("a && true || 1 < 2 + 3 * 'abc'.replace('a', 'b', size(string(", "n",
                    "))).size()", 15),
           "bool true");
    expect(repeated("1 < 2 + 3 * ([n].map(x, x + ", "[4].map(y, y)[0]", ")[0])", 1), "bool true");
    expect(repeated("(!a && 1 < 2 + [n].map(x, 3 * x)[0] * {'a': ", "1", "}.a ? 1 : 2)", 15),
           "int 1");
    expect(strdup("[1].all(p, 1 + 2 * [p].map(q, 1 + 2 * [q].map(r, 1 + 2 * [r].map(t, 1 + 2 * "
                  "t)[0])[0])[0] == 31)"),
           "bool true");
}

static void test_texts_are_bounded(void **state) {
    (void)state;
    /* 2^9 × 10 bytes > 4,096: each level doubles */
    expect(strdup("((((s+s+s+s)+(s+s+s+s))+((s+s+s+s)+(s+s+s+s))).size())"), "int 160");
    expect(repeated("(", "s", "+s)", 40), "string " /* 41 × ten digits */
                                          "01234567890123456789012345678901234567890123456789"
                                          "01234567890123456789012345678901234567890123456789"
                                          "01234567890123456789012345678901234567890123456789"
                                          "01234567890123456789012345678901234567890123456789"
                                          "01234567890123456789012345678901234567890123456789"
                                          "01234567890123456789012345678901234567890123456789"
                                          "01234567890123456789012345678901234567890123456789"
                                          "01234567890123456789012345678901234567890123456789"
                                          "0123456789");
    struct expression_case it;
    expression_case_init(&it, "s:string=x");
    char long_text[3000];
    memset(long_text, 'x', sizeof long_text);
    it.frame[0] = value_text((struct text){.data = long_text, .length = sizeof long_text});
    char found[100];
    run_to_text(&it, "(s + s).size()", found, sizeof found);
    assert_string_equal(found, "error too large");
    char longer_text[FUNCTION_TEXT_MAX + 1];
    memset(longer_text, 'x', sizeof longer_text);
    it.frame[0] = value_text((struct text){.data = longer_text, .length = sizeof longer_text});
    run_to_text(&it, "s.upperAscii().size()", found, sizeof found);
    assert_string_equal(found, "error too large");
    run_to_text(&it, "s.lowerAscii().size()", found, sizeof found); /* there is nothing to build */
    assert_string_equal(found, "int 4097");
    it.frame[0] = value_text((struct text){.data = long_text, .length = sizeof long_text});
    /* and an arena that is full is no crash */
    const struct expression *both =
        expression_build(expression_case_check(&it, "s + 'y'"), &it.arena);
    struct arena small;
    arena_init(&small, 16);
    struct value v = expression_eval(both, it.frame, &small);
    assert_int_equal(v.type, VALUE_ERROR);
    assert_int_equal(v.error_code, EXPRESSION_TOO_LARGE);
    arena_deinit(&small);
    expression_case_deinit(&it);
}

/* A literal has as many items as fit into the source, whatever is on the stack. */
static void test_long_lists(void **state) {
    (void)state;
    expect(repeated("size([n", "", ", n])", 1), "int 2");
    char source[EXPRESSION_SOURCE_MAX + 1] = "size([n", found[100];
    size_t items = 1;
    for (; strlen(source) < EXPRESSION_SOURCE_MAX - 10; items++)
        strcat(source, ",n");
    strcat(source, "])");
    char expected[32];
    snprintf(expected, sizeof expected, "int %zu", items);
    struct expression_case it;
    expression_case_init(&it, "n:int=1");
    run_to_text(&it, source, found, sizeof found);
    assert_string_equal(found, expected);
    expression_case_deinit(&it);
}

static struct value eval_with(struct expression_case *it, const char *source, struct value text,
                              size_t memory) {
    struct syntax *syntax = expression_case_check(it, source);
    if (!syntax)
        fail_msg("%s: %s", source, it->diagnostic);
    const struct expression *expression = expression_build(syntax, &it->arena);
    struct arena arena;
    arena_init(&arena, memory);
    it->frame[0] = text;
    struct value v = expression_eval(expression, it->frame, &arena);
    arena_deinit(&arena);
    return v;
}

/* Lists that do not fit, texts that are too long to split or to match: errors, no crash. */
static void test_lists_are_bounded(void **state) {
    (void)state;
    static const char *const sources[] = {
        "s.split(\",\") == [\"a\"]",
        "[s].filter(x, true).size() == 1",
        "[s].map(x, x + \"y\") == [s]",
        "[s].transformList(i, x, x + \"y\") == [s]",
        "[s].transformMap(i, x, x) == {0: s}",
        "[s] + [s] == [s]",
        "{s: s} == {s: s}",
        "s.replace(\"a\", \"b\") == s",
        "[s, s].join(\",\") == s",
        "[s].all(x, x.upperAscii() == x)",
        "s.split(\",\", 0) == [\"a\"]",
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        for (size_t memory = 0; memory < 200; memory += 8) {
            struct expression_case it;
            expression_case_init(&it, "s:string=x");
            struct value v = eval_with(&it, sources[i], value_text(TEXT_LITERAL("a,b")), memory);
            assert_true(v.type == VALUE_BOOL ||
                        (v.type == VALUE_ERROR && v.error_code == EXPRESSION_TOO_LARGE));
            assert_true(memory > 0 || v.type == VALUE_ERROR || i == 7);
            expression_case_deinit(&it);
        }
}

static void test_long_texts(void **state) {
    (void)state;
    static const struct {
        const char *source;
        size_t good; /* bytes of 'x' */
    } limits[] = {
        {"s.matches(\"y\")", 1024},
        {"s.split(\"\").size() == 0", 256},
        {"[s, \"\"].join(\"-\") == \"\"", 4095},
        {"s.replace(\"x\", \"xx\") == \"\"", 2048},
    };
    char text[8192];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        for (size_t over = 0; over < 2; over++) {
            struct expression_case it;
            expression_case_init(&it, "s:string=x");
            struct text t = {.data = text, .length = limits[i].good + over};
            struct value v = eval_with(&it, limits[i].source, value_text(t), 1u << 20);
            assert_int_equal(v.type, over ? VALUE_ERROR : VALUE_BOOL);
            if (over)
                assert_int_equal(v.error_code, EXPRESSION_TOO_LARGE);
            expression_case_deinit(&it);
        }
}

/* A list is for within an expression: what a policy asks for is a single value. */
static void test_wanted(void **state) {
    (void)state;
    struct expression_case it;
    expression_case_init(&it, "");
    assert_null(expression_check(text_of("[1]"), &it.scope, SCOPE_RULE, VALUE_ABSENT, &it.arena,
                                 &it.reporter));
    assert_string_equal(it.diagnostic, "this is list(int); expected a single value");
    expression_case_deinit(&it);
    expression_case_init(&it, "");
    assert_null(expression_check(text_of("{1: true}"), &it.scope, SCOPE_RULE, VALUE_BOOL, &it.arena,
                                 &it.reporter));
    assert_string_equal(it.diagnostic, "this is map(int, bool); expected bool");
    expression_case_deinit(&it);
}

/* ------------------------------------------------------------------------------------------------
 * Readers and forms */

static const char *refusal(const char *source, enum scope_reader reader, enum value_type wanted) {
    static char diagnostic[640];
    struct expression_case it;
    expression_case_init(&it, "amount:double=1; card.count:int=1; mcc:string=5411");
    struct syntax *syntax =
        expression_check(text_of(source), &it.scope, reader, wanted, &it.arena, &it.reporter);
    assert_true(!syntax == (it.diagnostic[0] != '\0'));
    memcpy(diagnostic, it.diagnostic, sizeof diagnostic);
    expression_case_deinit(&it);
    return diagnostic;
}

static void test_readers(void **state) {
    (void)state;
    assert_string_equal(refusal("outcome == 'fraud'", SCOPE_FILTER, VALUE_BOOL), "");
    assert_string_equal(refusal("verdict in ['decline', 'review']", SCOPE_FILTER, VALUE_BOOL), "");
    assert_string_equal(refusal("amount > 5.0", SCOPE_FILTER, VALUE_BOOL), "");
    assert_string_equal(refusal("outcome == 'frued'", SCOPE_FILTER, VALUE_BOOL),
                        "outcome is never \"frued\"; expected none, legit, fraud, chargeback or "
                        "suspected; did you mean \"fraud\"?");
    assert_string_equal(refusal("verdict != 'reject'", SCOPE_FILTER, VALUE_BOOL),
                        "verdict is never \"reject\"; expected approve, review, challenge, decline "
                        "or none");
    assert_string_equal(refusal("card.count > 1", SCOPE_FILTER, VALUE_BOOL),
                        "a feature's condition cannot read \"card.count\"; expected fields of the "
                        "transaction, verdict or outcome");
    assert_string_equal(refusal("mcc in lists.transit", SCOPE_FILTER, VALUE_BOOL),
                        "a feature's condition cannot read lists; expected fields of the "
                        "transaction, verdict or outcome");
    assert_string_equal(
        refusal("outcome == 'fraud'", SCOPE_VALUE, VALUE_BOOL),
        "\"outcome\" is not known while a transaction is decided; only \"where\" and "
        "\"of\" of a feature can read it");
    assert_string_equal(refusal("amount", SCOPE_RULE, VALUE_BOOL), "this is double; expected bool");
}

static void assert_canonical(const char *source, const char *expected) {
    struct expression_case it;
    expression_case_init(&it, "amount:double=1; n:int=1; s:string=x; a:bool=true");
    struct syntax *syntax = expression_case_check(&it, source);
    if (!syntax)
        fail_msg("%s: %s", source, it.diagnostic);
    struct buffer buffer;
    buffer_init(&buffer);
    syntax_print(syntax, &buffer);
    buffer_append_u8(&buffer, 0);
    assert_string_equal((const char *)buffer.bytes, expected);
    buffer_deinit(&buffer);
    expression_case_deinit(&it);
}

static void test_canonical(void **state) {
    (void)state;
    assert_canonical("amount>5.00&&s=='x' // much", "amount > 5.0 && s == \"x\"");
    assert_canonical("((amount) > (5.0))", "amount > 5.0");
    assert_canonical("(n + 1) * 2 == n + 1 * 2", "(n + 1) * 2 == n + 1 * 2");
    assert_canonical("n - (1 - 2)", "n - (1 - 2)");
    assert_canonical("(n - 1) - 2", "n - 1 - 2");
    assert_canonical("!(a && (a || a))", "!(a && (a || a))");
    assert_canonical("-(5) < -5 || 0x10 == n", "-(5) < -5 || 16 == n");
    assert_canonical("(a ? 1 : 2) == (n)", "(a ? 1 : 2) == n");
    assert_canonical("s . size ( ) in [ 1,2, ]", "s.size() in [1, 2]");
    assert_canonical("s == 'a\"\\\\\\n'", "s == \"a\\\"\\\\\\x0a\"");
    assert_canonical("[ 1,2 , ] + [ ]==[3]", "[1, 2] + [] == [3]");
    assert_canonical("{ 'a' :1, 'b':(2) , }['a']", "{\"a\": 1, \"b\": 2}[\"a\"]");
    assert_canonical("([1]+[2]) [ (0) ]", "([1] + [2])[0]");
    assert_canonical("[1 , 2].all( x,(x>0) ) && a", "[1, 2].all(x, x > 0) && a");
    assert_canonical("[n].map(x,x==1,-(5)+x).exists_one(y,y>0||a)",
                     "[n].map(x, x == 1, -(5) + x).exists_one(y, y > 0 || a)");
    assert_canonical("[n].existsOne(y,y>0)", "[n].exists_one(y, y > 0)");
    assert_canonical("[n].existsOne(i,y,y>i)", "[n].exists_one(i, y, y > i)");
    assert_canonical("[n].transformList(i,y,y>0,y*i)", "[n].transformList(i, y, y > 0, y * i)");
    assert_canonical("[n].transformMap(i,y,-(5)+y)", "[n].transformMap(i, y, -(5) + y)");
    assert_canonical("math . greatest( 1,n , 3 )", "math.greatest(1, n, 3)");
    assert_canonical("has( {'a':1} . a )", "has({\"a\": 1}.a)");
    assert_canonical("s.matches(r'^\\d+$')", "s.matches(\"^\\\\d+$\")");
    assert_canonical("1e3 < 1e300 && 1.0e0 < 0.5", "1000.0 < 1e+300 && 1.0 < 0.5");
}

/* Also of what no function takes yet: a tree that was only parsed. */
static void test_canonical_of_unchecked(void **state) {
    (void)state;
    static const char *const sources[] = {"-(5.x)", "-(5.x() + 1)", "-(5[0].x)",
                                          "-5.5.x", "-s.x",         "(-5).x"};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct expression_case it;
        struct buffer buffer;
        expression_case_init(&it, "");
        buffer_init(&buffer);
        struct syntax *syntax = syntax_parse(text_of(sources[i]), &it.arena, &it.reporter);
        if (!syntax)
            fail_msg("%s: %s", sources[i], it.diagnostic);
        syntax_print(syntax, &buffer);
        buffer_append_u8(&buffer, 0);
        assert_string_equal((const char *)buffer.bytes, sources[i]);
        buffer_deinit(&buffer);
        expression_case_deinit(&it);
    }
}

/* value_order against 128-bit arithmetic on a grid where doubles are exact. */
static void test_order_is_exact(void **state) {
    (void)state;
    static const int64_t near[] = {0,         1,         2,         1LL << 52, 1LL << 53,
                                   1LL << 54, 1LL << 62, INT64_MAX, INT64_MIN, -(1LL << 53)};
    size_t count = sizeof near / sizeof *near;
    for (size_t i = 0; i < count; i++)
        for (int64_t offset = -3; offset <= 3; offset++)
            for (size_t j = 0; j < count; j++) {
                __int128 a = (__int128)near[i] + offset;
                if (a < INT64_MIN || a > INT64_MAX)
                    continue;
                double b = (double)near[j];
                __int128 exact = (__int128)b; /* whole */
                int expected = (a > exact) - (a < exact);
                struct value left = value_int((int64_t)a), right = value_double(b);
                assert_int_equal(value_order(left, right), expected);
                assert_int_equal(value_order(right, left), -expected);
            }
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    cases_folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_cost_of_lists),
        cmocka_unit_test(test_cost_is_limited),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_cost_of_texts),
        cmocka_unit_test(test_memory_of_constants),
        cmocka_unit_test(test_diagnostics_end_with_the_source),
        cmocka_unit_test(test_stack),
        cmocka_unit_test(test_texts_are_bounded),
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_lists_are_bounded),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_readers),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_canonical_of_unchecked),
        cmocka_unit_test(test_order_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
