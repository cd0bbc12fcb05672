/* Rows into columns, against a table of values that is kept beside them. */
#include "clients/cli/parquet/column_batch.h"
#include "tests/unit/unit.h"

#define COLUMNS 11 /* more than a byte of presence */
#define ROWS    300

static const enum value_type types[COLUMNS] = {
    VALUE_TEXT, VALUE_BOOL, VALUE_INT, VALUE_DOUBLE,   VALUE_TIMESTAMP, VALUE_DURATION,
    VALUE_TEXT, VALUE_BOOL, VALUE_INT, VALUE_DURATION, VALUE_DOUBLE};
static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

static uint64_t random_state = UINT64_C(88172645463325252);

static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static struct value random_value(enum value_type type) {
    uint64_t bits = next_random();
    if (bits % 3 == 0)
        return value_absent();
    switch (type) {
    case VALUE_TEXT:
        return value_text((struct text){.data = letters, .length = bits >> 8 & 15});
    case VALUE_BOOL:
        return value_bool(bits >> 8 & 1);
    case VALUE_DOUBLE:
        return value_double((double)bits / 7);
    default:
        return (struct value){.type = type, .integer = (int64_t)bits};
    }
}

static bool bit(const uint8_t *bits, size_t at) {
    return bits[at / 8] >> at % 8 & 1;
}

/* The value of a cell as whoever reads the parts finds it. */
static struct value read_cell(struct column_batch *batch, size_t column, size_t row) {
    struct column_part parts[COLUMN_PARTS_MAX];
    size_t count = column_batch_parts(batch, column, parts);
    enum value_type type = types[column];
    assert_int_equal(count, type == VALUE_TEXT ? 3 : 2);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(parts[i].length % 8, 0);
    assert_in_range(parts[0].length * 8, batch->rows, batch->rows + 63);
    if (!bit(parts[0].bytes, row))
        return value_absent();
    struct value value = {.type = type};
    uint64_t word = type == VALUE_BOOL ? 0 : load_u64(parts[1].bytes + row * 8);
    switch (type) {
    case VALUE_TEXT: {
        uint32_t begin = load_u32(parts[1].bytes + row * 4);
        uint32_t end = load_u32(parts[1].bytes + row * 4 + 4);
        assert_in_range(begin, 0, end);
        assert_in_range(end, 0, parts[2].length);
        value.text =
            (struct text){.data = (const char *)parts[2].bytes + begin, .length = end - begin};
        return value;
    }
    case VALUE_BOOL:
        value.boolean = bit(parts[1].bytes, row);
        return value;
    case VALUE_DOUBLE:
        memcpy(&value.number, &word, sizeof word);
        return value;
    default:
        value.integer = (int64_t)word;
        return value;
    }
}

static void add_row(struct column_batch *batch, struct buffer *buffer, const struct value *values) {
    buffer_clear(buffer);
    buffer_append_string(buffer, "rows begin anywhere");
    size_t begin = buffer->length;
    struct packed_row row = packed_row_begin(buffer, COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++)
        packed_row_add(&row, values[i]);
    column_batch_add(batch, (struct text){.data = (const char *)buffer->bytes + begin,
                                          .length = buffer->length - begin});
}

static void what_goes_in_comes_out(void **state) {
    (void)state;
    static struct value table[ROWS][COLUMNS];
    struct column_batch batch;
    struct buffer buffer;
    buffer_init(&buffer);
    column_batch_init(&batch, types, COLUMNS);
    for (size_t round = 0; round < 3; round++) { /* nothing is left of the round before */
        size_t rows = ROWS - round * 101;
        for (size_t i = 0; i < rows; i++) {
            for (size_t j = 0; j < COLUMNS; j++)
                table[i][j] = random_value(types[j]);
            add_row(&batch, &buffer, table[i]);
        }
        assert_int_equal(batch.rows, rows);
        assert_false(batch.is_full);
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < COLUMNS; j++)
                assert_true(value_equal(read_cell(&batch, j, i), table[i][j]));
        column_batch_clear(&batch);
        assert_int_equal(batch.rows, 0);
    }
    column_batch_deinit(&batch);
    buffer_deinit(&buffer);
}

static void a_text_may_be_appended_piece_by_piece(void **state) {
    (void)state;
    const enum value_type of_texts[] = {VALUE_TEXT, VALUE_TEXT};
    struct column_batch batch;
    struct buffer buffer;
    buffer_init(&buffer);
    column_batch_init(&batch, of_texts, 2);
    struct packed_row row = packed_row_begin(&buffer, 2);
    size_t begin = packed_row_begin_text(&row);
    buffer_append_string(&buffer, "two ");
    buffer_append_string(&buffer, "words");
    packed_row_end_text(&row, begin);
    packed_row_add(&row, value_text(TEXT_LITERAL("")));
    column_batch_add(&batch,
                     (struct text){.data = (const char *)buffer.bytes, .length = buffer.length});
    struct column_part parts[COLUMN_PARTS_MAX];
    column_batch_parts(&batch, 0, parts);
    assert_memory_equal(parts[2].bytes, "two words", 9);
    assert_int_equal(load_u32(parts[1].bytes + 4), 9);
    column_batch_parts(&batch, 1, parts);
    assert_true(bit(parts[0].bytes, 0)); /* there, and empty */
    assert_int_equal(load_u32(parts[1].bytes + 4), 0);
    column_batch_deinit(&batch);
    buffer_deinit(&buffer);
}

static void it_is_full_at_its_limit(void **state) {
    (void)state;
    struct column_batch batch;
    struct buffer buffer;
    struct value values[COLUMNS] = {{0}};
    buffer_init(&buffer);
    column_batch_init(&batch, types, COLUMNS);
    for (uint32_t i = 0; i < COLUMN_BATCH_ROWS; i++) {
        assert_false(batch.is_full);
        values[2] = value_int(i);
        add_row(&batch, &buffer, values);
    }
    assert_true(batch.is_full);
    assert_int_equal(read_cell(&batch, 2, COLUMN_BATCH_ROWS - 1).integer, COLUMN_BATCH_ROWS - 1);
    assert_int_equal(read_cell(&batch, 0, COLUMN_BATCH_ROWS - 1).type, VALUE_ABSENT);
    column_batch_clear(&batch);
    assert_false(batch.is_full);
    column_batch_deinit(&batch);
    buffer_deinit(&buffer);
}

/* Of all columns together: a row may have dozens of long texts. */
static void long_texts_fill_it(void **state) {
    (void)state;
    enum { WIDE = 40, LENGTH = 1 << 16 };
    enum value_type of_texts[WIDE];
    static char text[LENGTH];
    struct column_batch batch;
    struct buffer buffer;
    buffer_init(&buffer);
    for (size_t i = 0; i < WIDE; i++)
        of_texts[i] = VALUE_TEXT;
    column_batch_init(&batch, of_texts, WIDE);
    memset(text, 'x', sizeof text);
    struct packed_row row = packed_row_begin(&buffer, WIDE);
    for (size_t i = 0; i < WIDE; i++)
        packed_row_add(&row, value_text((struct text){.data = text, .length = LENGTH}));
    const unsigned most = COLUMN_BATCH_TEXTS / (WIDE * LENGTH) + 1;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < most; i++) {
            assert_false(batch.is_full);
            column_batch_add(&batch, buffer_text(&buffer));
        }
        assert_true(batch.is_full);
        column_batch_clear(&batch);
    }
    column_batch_deinit(&batch);
    buffer_deinit(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(a_text_may_be_appended_piece_by_piece),
        cmocka_unit_test(it_is_full_at_its_limit),
        cmocka_unit_test(long_texts_fill_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
