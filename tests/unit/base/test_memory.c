/* Arena, buffer and the variable-length integers. */
#include "core/base/arena.h"
#include "core/base/buffer.h"

#include "tests/unit/unit.h"

static void arena_keeps_its_limit(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 10000);
    size_t got = 0;
    while (arena_alloc(&arena, 96))
        got += 96;
    assert_in_range(got, 9000, 10000);
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 9000));
    assert_null(arena_printf(&arena, "%02000d", 1).data);
    arena_deinit(&arena);
}

/* Marks at every fill: what was before stays, what comes after has the room again. */
static void arena_rewinds(void **state) {
    (void)state;
    for (size_t before = 0; before < 6000; before += 500) {
        struct arena arena;
        arena_init(&arena, 100000);
        char *kept = before ? arena_alloc(&arena, before) : NULL;
        if (kept)
            memset(kept, 'k', before);
        struct arena_mark mark = arena_mark(&arena);
        size_t used = arena.used;
        for (int round = 0; round < 3; round++) {
            for (size_t size = 1; size < 20000; size *= 3)
                memset(arena_alloc(&arena, size), 'x', size);
            assert_true(arena.used > used);
            arena_rewind(&arena, mark);
            assert_int_equal(arena.used, used);
        }
        assert_non_null(arena_alloc(&arena, 100000 - used - 16));
        for (size_t i = 0; i < before; i++)
            assert_int_equal(kept[i], 'k');
        arena_deinit(&arena);
    }
}

static void arena_memory_is_apart_and_aligned(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    unsigned char *kept[200];
    for (size_t i = 0; i < 200; i++) {
        kept[i] = arena_alloc(&arena, i * 7);
        assert_true((uintptr_t)kept[i] % 16 == 0);
        memset(kept[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t j = 0; j < i * 7; j++)
            assert_int_equal(kept[i][j], i);
    assert_string_equal(arena_printf(&arena, "%s-%d", "x", 7).data, "x-7");
    assert_string_equal(arena_text(&arena, TEXT_LITERAL("abc")).data, "abc");
    arena_deinit(&arena);
}

static void varints_read_what_they_write(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    for (unsigned bit = 0; bit < 64; bit++) {
        for (int delta = -1; delta <= 1; delta++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)(int64_t)delta;
            buffer_clear(&buffer);
            buffer_append_varint(&buffer, value);
            assert_int_equal(buffer.length, varint_size(value));
            struct cursor cursor = cursor_of(buffer.bytes, buffer.length);
            assert_true(cursor_varint(&cursor) == value && !cursor.failed);
            assert_true(unzigzag(zigzag((int64_t)value)) == (int64_t)value);
            /* Every shorter piece of it is an error, not a value. */
            for (size_t cut = 0; cut < buffer.length; cut++) {
                cursor = cursor_of(buffer.bytes, cut);
                cursor_varint(&cursor);
                assert_true(cursor.failed);
            }
        }
    }
    buffer_deinit(&buffer);
}

static void varints_have_one_form(void **state) {
    (void)state;
    static const uint8_t longer[] = {0x81, 0x00};
    static const uint8_t eleven[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0x81, 0x00};
    static const uint8_t overflow[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    static const uint8_t largest[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    struct cursor cursor = cursor_of(longer, sizeof longer);
    cursor_varint(&cursor);
    assert_true(cursor.failed);
    cursor = cursor_of(eleven, sizeof eleven);
    cursor_varint(&cursor);
    assert_true(cursor.failed);
    cursor = cursor_of(overflow, sizeof overflow);
    cursor_varint(&cursor);
    assert_true(cursor.failed);
    cursor = cursor_of(largest, sizeof largest);
    assert_true(cursor_varint(&cursor) == UINT64_MAX && !cursor.failed);
}

static void cursor_stops_at_its_end(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append_u8(&buffer, 7);
    buffer_append_u32(&buffer, 0x01020304);
    buffer_append_u64(&buffer, UINT64_C(0x0102030405060708));
    buffer_append_zigzag(&buffer, -3);
    buffer_append(&buffer, "xyz", 3);
    struct cursor cursor = cursor_of(buffer.bytes, buffer.length);
    assert_int_equal(cursor_u8(&cursor), 7);
    assert_int_equal(load_u32((const uint8_t *)cursor_text(&cursor, 4).data), 0x01020304);
    assert_true(cursor_u64(&cursor) == UINT64_C(0x0102030405060708));
    assert_int_equal(cursor_zigzag(&cursor), -3);
    assert_true(text_is(cursor_text(&cursor, 3), "xyz"));
    assert_false(cursor.failed);
    assert_null(cursor_text(&cursor, 1).data);
    assert_true(cursor.failed);
    assert_int_equal(cursor_u8(&cursor), 0);
    buffer_deinit(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_keeps_its_limit),
        cmocka_unit_test(arena_memory_is_apart_and_aligned),
        cmocka_unit_test(arena_rewinds),
        cmocka_unit_test(varints_read_what_they_write),
        cmocka_unit_test(varints_have_one_form),
        cmocka_unit_test(cursor_stops_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
