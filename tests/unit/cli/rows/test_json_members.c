/* Members of an object taken out as bytes: compared with what jansson makes of it; and what was
 * added at the end and removed again leaves the same bytes. */
#include "clients/cli/rows/json_members.h"
#include "core/wire/types/reject_column.h"
#include "tests/unit/unit.h"

#include <jansson.h>

static const char *const objects[] = {
    "{}",
    "{ }",
    " {\t}\r",
    "{\"a\":1}",
    "{\"a\" : 1 , \"b\":[1,{\"c\":\"}\"}] }",
    "{\"a\":\"\\\"harrier.x\\\":1,{\",\"b\":\"\\\\\"}",
    "{\"a\":{\"harrier.line\":1},\"b\":null,\"c\":-1.5e3}  ",
    "{\"\":\"\",\"\\u00e9\":[[],{}]}",
};

static void added_and_removed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        struct text object = text_of(objects[i]);
        struct buffer longer, again;
        bool is_empty;
        size_t end = json_members_end(object, &is_empty);
        buffer_init(&longer);
        buffer_init(&again);
        buffer_append(&longer, object.data, end);
        buffer_append_string(&longer, is_empty ? "" : ",");
        buffer_append_string(&longer, "\"harrier.line\":7,\"harrier.raw\":\"a,b}\\\"\"");
        buffer_append(&longer, object.data + end, object.length - end);
        json_t *parsed =
            json_loadb((char *)longer.bytes, longer.length, JSON_REJECT_DUPLICATES, NULL);
        json_t *before = json_loads(objects[i], JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(parsed);
        assert_int_equal(json_object_size(parsed), json_object_size(before) + 2);
        json_members_remove(&again, buffer_text(&longer), reject_column_is_reserved);
        if (!text_equal(buffer_text(&again), object))
            fail_msg("%s became %.*s", objects[i], (int)again.length, (char *)again.bytes);
        json_decref(parsed);
        json_decref(before);
        buffer_deinit(&longer);
        buffer_deinit(&again);
    }
}

static void expect(const char *object, const char *expected) {
    struct buffer left;
    buffer_init(&left);
    json_members_remove(&left, text_of(object), reject_column_is_reserved);
    if (!text_is(buffer_text(&left), expected))
        fail_msg("%s became %.*s", object, (int)left.length, (char *)left.bytes);
    buffer_deinit(&left);
}

/* As programs that write JSON anew may leave them. */
static void removed_from_anywhere(void **state) {
    (void)state;
    expect("{\"harrier.line\": 1, \"a\": 2}", "{\"a\": 2}");
    expect("{ \"harrier.line\": 1, \"harrier.code\": \"x\" }", "{  }");
    expect("{\"a\": 2, \"harrier.line\": {\"a\": [1, 2]}, \"b\": 3}", "{\"a\": 2, \"b\": 3}");
    expect("{\"harrier\": 1, \"a.harrier.x\": 2}", "{\"harrier\": 1, \"a.harrier.x\": 2}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(added_and_removed),
        cmocka_unit_test(removed_from_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
