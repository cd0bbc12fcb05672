/* Cells of CSV, written here and read back by csv.h's rules. */
#include "clients/cli/io/csv_cell.h"
#include "tests/unit/unit.h"

static void expect_cell(struct text text, const char *expected) {
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append_string(&buffer, "before,");
    csv_add_text(&buffer, text);
    assert_int_equal(buffer.length, 7 + strlen(expected));
    assert_memory_equal(buffer.bytes, "before,", 7);
    assert_memory_equal(buffer.bytes + 7, expected, strlen(expected));
    buffer_deinit(&buffer);
}

static void quotes_where_they_have_to_be(void **state) {
    (void)state;
    expect_cell((struct text){0}, "");
    expect_cell(TEXT_LITERAL("plain text; of words"), "plain text; of words");
    expect_cell(TEXT_LITERAL("a,b"), "\"a,b\"");
    expect_cell(TEXT_LITERAL("a\nb"), "\"a\nb\"");
    expect_cell(TEXT_LITERAL("\r"), "\"\r\"");
    expect_cell(TEXT_LITERAL("\""), "\"\"\"\"");
    expect_cell(TEXT_LITERAL("\"a\" \"b\""), "\"\"\"a\"\" \"\"b\"\"\"");
}

/* Whatever is quoted comes back when the quotes are taken away again. */
static void every_short_text(void **state) {
    (void)state;
    static const char alphabet[] = {'a', ',', '"', '\n'};
    for (unsigned number = 0; number < 4096; number++) {
        char text[6], back[6];
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = alphabet[number >> 2 * i & 3];
        struct buffer buffer;
        buffer_init(&buffer);
        csv_add_text(&buffer, (struct text){.data = text, .length = sizeof text});
        bool quoted = memchr(text, ',', 6) || memchr(text, '"', 6) || memchr(text, '\n', 6);
        assert_int_equal(buffer.bytes[0] == '"' && buffer.length > 6, quoted);
        size_t length = 0, end = quoted ? buffer.length - 1 : buffer.length;
        for (size_t at = quoted; at < end; at++) {
            at += quoted && buffer.bytes[at] == '"';
            assert_in_range(length, 0, sizeof back - 1);
            back[length++] = (char)buffer.bytes[at];
        }
        assert_int_equal(length, sizeof text);
        assert_memory_equal(back, text, sizeof text);
        buffer_deinit(&buffer);
    }
}

static void values_as_they_are_printed(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    csv_add_value(&buffer, value_absent());
    assert_int_equal(buffer.length, 0);
    csv_add_value(&buffer, value_double(57.16));
    csv_add_value(&buffer, value_text(TEXT_LITERAL(",")));
    csv_add_value(&buffer, value_bool(true));
    assert_int_equal(buffer.length, 12);
    assert_memory_equal(buffer.bytes, "57.16\",\"true", 12);
    buffer_deinit(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_where_they_have_to_be),
        cmocka_unit_test(every_short_text),
        cmocka_unit_test(values_as_they_are_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
