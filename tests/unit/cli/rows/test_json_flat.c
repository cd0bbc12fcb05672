/* Plain objects read without a tree, beside what jansson makes of the same bytes: an object with a
 * nested member behind the others is never plain, so the same rows_take_object() reads it by the
 * tree. */
#include "clients/cli/rows/json_flat.h"
#include "clients/cli/rows/rows.h"
#include "core/base/buffer.h"
#include "tests/unit/unit.h"

#define OBJECTS 20000

static const struct text wanted[] = {
    {.data = "id", .length = 2},
    {.data = "amount", .length = 6},
    {.data = "card.bin", .length = 8},
    {.data = "card", .length = 4},
    {.data = "longer_name_of_a_column", .length = 23},
};
#define WANTED (sizeof wanted / sizeof *wanted)

static const char *const names[] = {"\"id\"",
                                    "\"amount\"",
                                    "\"card.bin\"",
                                    "\"card\"",
                                    "\"\"",
                                    "\"i\"",
                                    "\"longer_name_of_a_column\"",
                                    "\"other\"",
                                    "\"\\u0069d\"",
                                    "\"harrier.line\"",
                                    "id",
                                    "\"att\"",
                                    "\"caf\xc3\xa9\"",
                                    "\"\x01\""};
static const char *const values[] = {"\"x\"",
                                     "\"\"",
                                     "\"card-17 of 'two'\"",
                                     "0",
                                     "-0",
                                     "-1",
                                     "12",
                                     "1234567890123456789",
                                     "1.5",
                                     "12.50",
                                     "0.1",
                                     "-0.0",
                                     "1.",
                                     ".5",
                                     "01",
                                     "1e5",
                                     "0.00001",
                                     "100000000000000000000.0",
                                     "123456789012345678.123456789",
                                     "-",
                                     "true",
                                     "false",
                                     "null",
                                     "nul",
                                     "truer",
                                     "tru",
                                     "[]",
                                     "{}",
                                     "\"\\n\"",
                                     "\"\xc3\xa9\"",
                                     "\"\xff\"",
                                     "\"a",
                                     "\"\t\"",
                                     "+1",
                                     "NaN",
                                     "\"\x7f\"",
                                     "0.30000000000000004",
                                     "9999999999999999999999999999999999999999.5",
                                     "{\"bin\":7}"};
static const char *const spaces[] = {"", "", "", " ", "\t", "\r\n ", "\f"};

static unsigned dice = 1;

static unsigned roll(size_t sides) {
    dice = dice * 1664525u + 1013904223u;
    return (unsigned)((dice >> 8) % sides);
}

#define ANY(of) ((of)[roll(sizeof(of) / sizeof *(of))])
/* Mostly the first ones, which are plain. */
#define MOSTLY(of, plain) ((of)[roll(4) ? roll(plain) : roll(sizeof(of) / sizeof *(of))])

/* tail: put behind the last member. */
static void draw_object(struct buffer *plain, struct buffer *nested) {
    size_t count = 1 + roll(roll(40) == 0 ? 60 : 6);
    buffer_clear(plain);
    buffer_append_string(plain, roll(50) ? "{" : "[{");
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "\"m%zu\"", i);
        buffer_append_string(plain, i > 0 ? (roll(100) ? "," : ",,") : "");
        buffer_append_string(plain, MOSTLY(spaces, 6));
        buffer_append_string(plain, roll(3) ? MOSTLY(names, 8) : name);
        buffer_append_string(plain, MOSTLY(spaces, 6));
        buffer_append_string(plain, roll(100) ? ":" : " ");
        buffer_append_string(plain, MOSTLY(spaces, 6));
        buffer_append_string(plain, MOSTLY(values, 12));
        buffer_append_string(plain, MOSTLY(spaces, 6));
    }
    buffer_clear(nested);
    buffer_append(nested, plain->bytes, plain->length);
    buffer_append_string(nested, ",\"nested\":[]");
    for (int i = 0; i < 2; i++)
        buffer_append_string(i ? nested : plain, "}");
    if (roll(50) == 0)
        for (int i = 0; i < 2; i++)
            buffer_append_string(i ? nested : plain, "x");
}

static struct rows *open_rows(void) {
    struct rows *rows;
    rows_open_objects(&rows);
    assert_int_equal(rows_want(rows, wanted, WANTED, &(struct error){0}), 0);
    rows_want_members(rows, TEXT_LITERAL("att"));
    return rows;
}

static void both_readers_agree(void **state) {
    (void)state;
    struct buffer plain, nested;
    struct rows *flat = open_rows(), *tree = open_rows();
    struct json_flat reader = {0};
    struct cell cells[WANTED];
    struct arena arena;
    size_t taken = 0, good = 0;
    buffer_init(&plain);
    buffer_init(&nested);
    arena_init(&arena, 1 << 20);
    for (int i = 0; i < OBJECTS; i++) {
        struct row row, expected;
        struct error error = {0}, expected_error = {0};
        draw_object(&plain, &nested);
        int r = rows_take_object(flat, buffer_text(&plain), &row, &error);
        int e = rows_take_object(tree, buffer_text(&nested), &expected, &expected_error);
        if (r != e)
            fail_msg("%d, expected %d: %.*s: %s %s", r, e, (int)plain.length, (char *)plain.bytes,
                     error.text, expected_error.text);
        for (size_t j = 0; r == 0 && j < WANTED; j++)
            if (row.cells[j].kind != expected.cells[j].kind ||
                !text_equal(row.cells[j].text, expected.cells[j].text))
                fail_msg("column %zu: %.*s, expected %.*s: %.*s", j, (int)row.cells[j].text.length,
                         row.cells[j].text.data, (int)expected.cells[j].text.length,
                         expected.cells[j].text.data, (int)plain.length, (char *)plain.bytes);
        if (r == 0)
            assert_int_equal(row.member_count, expected.member_count);
        arena_reset(&arena);
        good += r == 0;
        if (json_flat_read(&reader, buffer_text(&plain), wanted, WANTED, "att", &arena, cells)) {
            assert_int_equal(r, 0);
            taken++;
        }
    }
    assert_in_range(good, OBJECTS / 10, OBJECTS * 9 / 10); /* the drawing shows both */
    assert_in_range(taken, good / 2, good);
    arena_deinit(&arena);
    rows_close(flat);
    rows_close(tree);
    buffer_deinit(&plain);
    buffer_deinit(&nested);
}

static bool is_plain(const char *object) {
    struct json_flat flat = {0};
    struct cell cells[WANTED];
    struct arena arena;
    arena_init(&arena, 4096);
    bool result = json_flat_read(&flat, text_of(object), wanted, WANTED, "att", &arena, cells);
    arena_deinit(&arena);
    return result;
}

static void what_is_plain(void **state) {
    (void)state;
    assert_true(is_plain("{\"id\":\"payment-1\",\"amount\":12.50,\"card\":null,\"x\":true}"));
    assert_true(is_plain(" { \"id\" : \"a\" ,\"n\":-123456789012345678 }\r\n"));
    assert_false(is_plain("{}"));
    assert_false(is_plain("{\"id\":1,\"id\":2}"));
    assert_false(is_plain("{\"id\":1234567890123456789}"));
    assert_false(is_plain("{\"id\":-0}"));
    assert_false(is_plain("{\"id\":1e3}"));
    assert_false(is_plain("{\"id\":\"a\\n\"}"));
    assert_false(is_plain("{\"id\":\"caf\xc3\xa9\"}"));
    assert_false(is_plain("{\"id\":[1]}"));
    assert_false(is_plain("{\"att\":null}"));
    assert_false(is_plain("{\"harrier.line\":3}"));
    assert_false(is_plain("{\"id\":1} {"));
    assert_false(is_plain("{\"id\":1"));
    assert_false(is_plain("{\"id\":1,}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_readers_agree),
        cmocka_unit_test(what_is_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
