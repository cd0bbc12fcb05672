#include "clients/cli/rows/rows.h"
#include "tests/unit/cli/memory_source.h"
#include "tests/unit/unit.h"

static struct rows *open_rows(struct memory_source *memory, enum row_format format) {
    struct rows *rows;
    struct error error;
    if (rows_open(&memory->source, format, &rows, &error) < 0)
        fail_msg("%s", error.text);
    return rows;
}

static void expect_cell(struct cell cell, enum cell_kind kind, const char *text) {
    assert_int_equal(cell.kind, kind);
    assert_int_equal(cell.text.length, strlen(text));
    assert_memory_equal(cell.text.data, text, strlen(text));
}

static const struct text id_and_amount[] = {TEXT_LITERAL("id"), TEXT_LITERAL("amount")};

static void csv_rows(void **state) {
    (void)state;
    struct memory_source memory = memory_source_of("amount,x,id\n1.50,7,a\n,8,\n1\n2,9,b\n", 5);
    struct rows *rows = open_rows(&memory, ROW_FORMAT_GUESS);
    struct row row;
    struct error error;
    assert_int_equal(rows_format(rows), ROW_FORMAT_CSV);
    assert_int_equal(rows_want(rows, id_and_amount, 2, &error), 0);
    assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
    assert_int_equal(row.line, 2);
    expect_cell(row.cells[0], CELL_TEXT, "a");
    expect_cell(row.cells[1], CELL_TEXT, "1.50");
    assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
    assert_int_equal(row.cells[0].kind, CELL_ABSENT);
    assert_int_equal(row.cells[1].kind, CELL_ABSENT);
    assert_int_equal(rows_next(rows, &row, &error), ROWS_BAD_ROW);
    assert_int_equal(row.line, 4);
    assert_string_equal(error.text, "1 fields, but the header has 3");
    assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
    expect_cell(row.cells[0], CELL_TEXT, "b");
    assert_int_equal(rows_next(rows, &row, &error), ROWS_END);
    char *unused = rows_unused(rows);
    assert_string_equal(unused, "x");
    free(unused);
    rows_close(rows);
}

static void csv_headers(void **state) {
    (void)state;
    static const struct {
        const char *csv, *message;
    } diagnostics[] = {
        {"", "1: the input is empty (expected a header line)"},
        {"a,b,a\n", "1: two columns have the name \"a\""},
        {"a,\xff\n", "1: column 2: its name is not UTF-8 text"},
        {" [{\"id\": 1}]\n",
         "1: it begins with a JSON array; expected a JSON object on each line, or the header of a "
         "CSV file"},
        {"\n\na\"b\n", "3: the header: a quote inside a field that does not begin with one"},
    };
    struct rows *rows;
    struct error error;
    for (size_t i = 0; i < sizeof diagnostics / sizeof *diagnostics; i++) {
        struct memory_source memory = memory_source_of(diagnostics[i].csv, 100);
        assert_int_equal(rows_open(&memory.source, ROW_FORMAT_CSV, &rows, &error), -ERROR_INVALID);
        assert_string_equal(error.text, diagnostics[i].message);
    }
    struct memory_source memory = memory_source_of("id,AMT\n", 100);
    rows = open_rows(&memory, ROW_FORMAT_GUESS);
    assert_int_equal(rows_want(rows, id_and_amount, 2, &error), -ERROR_INVALID);
    assert_string_equal(error.text, "there is no column \"amount\" in the header (it has id, AMT)");
    rows_close(rows);
}

static void json_rows(void **state) {
    (void)state;
    static const char lines[] = "  {\"id\": \"a\", \"amount\": 12.34, \"more\": 1}\n"
                                "\n"
                                "{\"id\": 17, \"amount\": null}\r\n"
                                "{\"id\": true, \"amount\": [1]}\n"
                                "{\"id\": \"\"}\n"
                                "{\"amount\": 1e400}\n"
                                "[1]\n"
                                "{\"id\": 1, \"id\": 2}\n"
                                "{broken\n"
                                "{\"id\": \"z\"}";
    for (size_t chunk = 1; chunk < sizeof lines; chunk += 13) {
        struct memory_source memory = memory_source_of(lines, chunk);
        struct rows *rows = open_rows(&memory, chunk == 1 ? ROW_FORMAT_JSONL : ROW_FORMAT_GUESS);
        struct row row;
        struct error error;
        if (rows_format(rows) == ROW_FORMAT_CSV) { /* {: not in the first chunk */
            rows_close(rows);
            continue;
        }
        assert_int_equal(rows_want(rows, id_and_amount, 2, &error), 0);
        assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
        expect_cell(row.cells[0], CELL_TEXT, "a");
        expect_cell(row.cells[1], CELL_NUMBER, "12.34");
        char *unused = rows_unused(rows);
        assert_string_equal(unused, "more");
        free(unused);
        assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
        assert_int_equal(row.line, 3);
        expect_cell(row.cells[0], CELL_INTEGER, "17");
        assert_int_equal(row.cells[1].kind, CELL_ABSENT);
        assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
        expect_cell(row.cells[0], CELL_FLAG, "true");
        assert_int_equal(row.cells[1].kind, CELL_NESTED);
        assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
        assert_int_equal(row.cells[0].kind, CELL_ABSENT);
        for (uint64_t line = 6; line <= 9; line++) {
            assert_int_equal(rows_next(rows, &row, &error), ROWS_BAD_ROW);
            assert_int_equal(row.line, line);
        }
        assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
        expect_cell(row.cells[0], CELL_TEXT, "z");
        assert_int_equal(rows_next(rows, &row, &error), ROWS_END);
        rows_close(rows);
    }
}

/* Programs write small and large numbers with an exponent, which is no less exact. */
static void json_exponents(void **state) {
    (void)state;
    static const struct {
        const char *number, *cell;
    } cases[] = {
        {"1e-05", "0.00001"},
        {"-1.25E-7", "-0.000000125"},
        {"4.9e1", "49"},
        {"1e16", "10000000000000000"},
        {"1.2345e+17", "123450000000000000"},
        {"1e-300", "1e-300"}, /* of no use as a decimal; attributes may be so small */
        {"1e300", "1e+300"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[80];
        snprintf(line, sizeof line, "{\"id\": \"a\", \"amount\": %s}", cases[i].number);
        struct memory_source memory = memory_source_of(line, 100);
        struct rows *rows = open_rows(&memory, ROW_FORMAT_JSONL);
        struct row row;
        struct error error;
        assert_int_equal(rows_want(rows, id_and_amount, 2, &error), 0);
        assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
        expect_cell(row.cells[1], CELL_NUMBER, cases[i].cell);
        rows_close(rows);
    }
}

static void json_nested_names(void **state) {
    (void)state;
    static const struct text wanted[] = {TEXT_LITERAL("who.card"), TEXT_LITERAL("a.b")};
    struct memory_source memory =
        memory_source_of("{\"who\": {\"card\": \"c1\"}, \"a.b\": 1, \"a\": {\"b\": 2}, "
                         "\"attributes\": {\"n\": 3, \"t\": \"x\", \"f\": false, \"d\": 0.1}}\n"
                         "{\"who\": 5}\n{\"attributes\": 7}\n",
                         1000);
    struct rows *rows = open_rows(&memory, ROW_FORMAT_GUESS);
    struct row row;
    struct error error;
    assert_int_equal(rows_want(rows, wanted, 2, &error), 0);
    rows_want_members(rows, TEXT_LITERAL("attributes"));
    assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
    expect_cell(row.cells[0], CELL_TEXT, "c1");
    expect_cell(row.cells[1], CELL_INTEGER, "1"); /* the name itself before the path */
    assert_int_equal(row.member_count, 4);
    for (size_t i = 0; i < row.member_count; i++) {
        if (text_is(row.members[i].name, "n"))
            expect_cell(row.members[i].cell, CELL_INTEGER, "3");
        else if (text_is(row.members[i].name, "t"))
            expect_cell(row.members[i].cell, CELL_TEXT, "x");
        else if (text_is(row.members[i].name, "f"))
            expect_cell(row.members[i].cell, CELL_FLAG, "false");
        else
            expect_cell(row.members[i].cell, CELL_NUMBER, "0.1");
    }
    assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
    assert_int_equal(row.cells[0].kind, CELL_ABSENT);
    assert_int_equal(row.member_count, 0);
    assert_int_equal(rows_next(rows, &row, &error), ROWS_BAD_ROW);
    assert_string_equal(error.text, "attributes: expected an object");
    rows_close(rows);
}

static void long_json_lines(void **state) {
    (void)state;
    size_t size = (1u << 20) + 100;
    char *lines = malloc(size);
    memset(lines, ' ', size);
    lines[0] = '{';
    memcpy(lines + size - 12, "}\n{\"id\":1}\n", 12);
    struct memory_source memory = memory_source_of(lines, 5000);
    struct rows *rows = open_rows(&memory, ROW_FORMAT_GUESS);
    struct row row;
    struct error error;
    assert_int_equal(rows_want(rows, id_and_amount, 2, &error), 0);
    assert_int_equal(rows_next(rows, &row, &error), ROWS_BAD_ROW);
    assert_string_equal(error.text, "the line is longer than 1 MiB");
    assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
    assert_int_equal(row.line, 2);
    rows_close(rows);
    free(lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_rows),       cmocka_unit_test(csv_headers),
        cmocka_unit_test(json_rows),      cmocka_unit_test(json_nested_names),
        cmocka_unit_test(json_exponents), cmocka_unit_test(long_json_lines),
    };
    return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
