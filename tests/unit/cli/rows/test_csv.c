#include "clients/cli/rows/csv.h"
#include "tests/unit/cli/memory_source.h"
#include "tests/unit/unit.h"

/* Rows as text: fields in <>, bad rows as "!line: why", each behind its line number. */
static char *render(struct text csv, size_t chunk) {
    struct memory_source memory = {
        .source = {.read = memory_source_read}, .left = csv, .chunk = chunk};
    struct csv_reader *reader = malloc(sizeof *reader);
    struct buffer out;
    struct error error;
    char line[32];
    int r;
    buffer_init(&out);
    csv_reader_init(reader, &memory.source);
    while ((r = csv_next(reader, &error)) > 0) {
        int n = snprintf(line, sizeof line, "%llu:", (unsigned long long)reader->row_line);
        buffer_append(&out, line, (size_t)n);
        if (r == CSV_BAD_ROW) {
            buffer_append(&out, "!", 1);
            buffer_append(&out, error.text, strlen(error.text));
        }
        for (size_t i = 0; r == CSV_ROW && i < reader->field_count; i++) {
            buffer_append(&out, "<", 1);
            buffer_append(&out, reader->fields[i].data, reader->fields[i].length);
            buffer_append(&out, ">", 1);
        }
        buffer_append(&out, "\n", 1);
    }
    assert_int_equal(r, CSV_END);
    buffer_append_u8(&out, 0);
    csv_reader_deinit(reader);
    free(reader);
    return (char *)out.bytes;
}

static void expect(const char *csv, const char *rows) {
    static const size_t chunks[] = {1, 2, 3, 7, 1000};
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        char *got = render(text_of(csv), chunks[i]);
        assert_string_equal(got, rows);
        free(got);
    }
}

static void plain_fields(void **state) {
    (void)state;
    expect("a,b,c\n1,,3\n", "1:<a><b><c>\n2:<1><><3>\n");
    expect("a,b\n1,2", "1:<a><b>\n2:<1><2>\n");
    expect("a,\n", "1:<a><>\n");
    expect(",\n", "1:<><>\n");
    expect("", "");
    expect("a", "1:<a>\n");
    expect(" a , b \n", "1:< a >< b >\n"); /* RFC 4180: spaces are part of a field */
}

static void line_ends(void **state) {
    (void)state;
    expect("a,b\r\n1,2\r\n", "1:<a><b>\n2:<1><2>\n");
    expect("a\r1\r", "1:<a>\n2:<1>\n");
    expect("a\n\n\r\n\n1\n", "1:<a>\n5:<1>\n");
    expect("a,b\r", "1:<a><b>\n");
    expect("\n\n", "");
}

static void quoted_fields(void **state) {
    (void)state;
    expect("\"a\",\"b\"\n", "1:<a><b>\n");
    expect("\"a,b\",c\n", "1:<a,b><c>\n");
    expect("\"say \"\"hi\"\"\",\"\"\n", "1:<say \"hi\"><>\n");
    expect("\"\"\"\"\n", "1:<\">\n");
    expect("a,\"two\nlines\",c\nnext\n", "1:<a><two\nlines><c>\n3:<next>\n");
    expect("\"x\r\ny\"\r\nz\n", "1:<x\r\ny>\n3:<z>\n");
    expect("\"last\"", "1:<last>\n");
    expect("\"\"\n", "1:<>\n");
}

static void byte_order_mark(void **state) {
    (void)state;
    expect("\xef\xbb\xbfid,b\n", "1:<id><b>\n");
    expect("\xef\xbb\xbf\"id\",b\n", "1:<id><b>\n");
    expect("\xef\xbbx\n", "1:<\xef\xbbx>\n");
    expect("\xef\xbb\xbf", "");
}

static void bad_rows_do_not_stop_the_others(void **state) {
    (void)state;
    expect("a,b\n1,x\"y\n3,4\n", "1:<a><b>\n"
                                 "2:!a quote inside a field that does not begin with one\n"
                                 "3:<3><4>\n");
    expect("\"a\"b,c\n1,2\n", "1:!text after a closing quote (write a quote inside a field as "
                              "\"\")\n2:<1><2>\n");
    expect("a\n\"open,1\n2,3\n", "1:<a>\n2:!a quoted field is still open at the end of the "
                                 "file\n");
}

static void limits(void **state) {
    (void)state;
    size_t size = CSV_FIELD_MAX;
    char *csv = malloc(size + 16);
    memset(csv, 'x', size + 16);
    memcpy(csv + size, "\nb\n", 3);
    char *got = render((struct text){.data = csv, .length = size + 3}, 4096);
    assert_int_equal(strlen(got), strlen("1:<>\n") + size + strlen("2:<b>\n"));
    free(got);
    memcpy(csv + size, "x\nb\n", 4);
    got = render((struct text){.data = csv, .length = size + 4}, 4096);
    assert_string_equal(got, "1:!a field is longer than 64 KiB (is a quote missing?)\n2:<b>\n");
    free(got);
    memset(csv, ',', CSV_FIELDS_MAX);
    memcpy(csv + CSV_FIELDS_MAX, "\nb\n", 3);
    got = render((struct text){.data = csv, .length = CSV_FIELDS_MAX + 3}, 4096);
    assert_string_equal(got, "1:!more than 1,024 fields\n2:<b>\n");
    free(got);
    got = render((struct text){.data = csv + 1, .length = CSV_FIELDS_MAX - 1}, 4096);
    assert_int_equal(strlen(got), strlen("1:\n") + 2 * CSV_FIELDS_MAX);
    free(got);
    free(csv);
}

static int read_failure(struct byte_source *self, struct text *ret_chunk, struct error *ret_error) {
    struct memory_source *memory = (struct memory_source *)self;
    if (memory->left.length)
        return memory_source_read(self, ret_chunk, ret_error);
    return error_set(ret_error, ERROR_SYSTEM, "the disk is gone");
}

static void a_failing_source_is_no_end(void **state) {
    (void)state;
    struct memory_source memory = memory_source_of("a\n\"b", 100);
    memory.source.read = read_failure;
    struct csv_reader reader;
    struct error error;
    csv_reader_init(&reader, &memory.source);
    assert_int_equal(csv_next(&reader, &error), CSV_ROW);
    assert_int_equal(csv_next(&reader, &error), -ERROR_SYSTEM);
    assert_string_equal(error.text, "the disk is gone");
    csv_reader_deinit(&reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_fields),
        cmocka_unit_test(line_ends),
        cmocka_unit_test(quoted_fields),
        cmocka_unit_test(byte_order_mark),
        cmocka_unit_test(bad_rows_do_not_stop_the_others),
        cmocka_unit_test(limits),
        cmocka_unit_test(a_failing_source_is_no_end),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
